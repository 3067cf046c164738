//! The review in the workbench.

use insta::assert_snapshot;

use crate::support::ui::{Start, Ui, put};
use crate::support::vault::Home;

const SOME: &str = r#"[
  {"key":"shop.payments","kind":"bearer_token","owner":"ann","notes":"charges cards",
   "config":{"base_url":"https://pay.example","token":"marker-Zx8kQ2vN7mR4"}},
  {"key":"shop.mail","kind":"basic_auth","description":"sends receipts","owner":"ben",
   "config":{"base_url":"https://mail.example","username":"shop","password":"hunter2"}},
  {"key":"key1","solution":"default","kind":"bearer_token","owner":"ann","notes":"?",
   "config":{"base_url":"https://pay.example","token":"marker-Zx8kQ2vN7mR4"}}
]"#;

fn open() -> Ui {
    let home = Home::with_vault();
    put(&home, SOME);
    Start::at(home).open()
}

#[test]
fn what_is_found_is_shown_left_out_and_signed_off() {
    let mut ui = open();
    ui.keys("R").wait("7 findings").misses("marker-").misses("hunter2");
    let narrow = ui.resize(80, 24).screen();
    let wide = ui.resize(120, 40).screen();
    assert_snapshot!(format!("{narrow}{}\n{wide}", "=".repeat(80)));
    // The first finding is selected, no heading; above it there is nothing to select.
    ui.keys("<up>").sees("▸   default/key1");
    ui.keys("<down><down>").sees("▸   default/shop.mail").sees("Let the service or a generator");
    ui.keys("x").sees("Why is default/shop.mail fine").keys("<enter>").sees("a reason has 1 to 500");
    ui.keys("the server allows no other<enter>").wait("is left out of weak").wait("6 findings");
    ui.sees("left out: the server allows no other").sees("▸   default/shop.mail").sees("count again");
    ui.keys("x").wait("counts again for weak").wait("7 findings");
    ui.keys("s")
        .sees("Anything to say to it?")
        .keys("tickets are filed<enter>")
        .wait("signed off: it stands");
    ui.sees("Signed off on ").misses("Never signed off");
    ui.keys("<esc>u").wait("undone: the review of");
}

#[test]
fn a_finding_leads_to_its_credential_whatever_hides_it() {
    let mut ui = open();
    ui.keys("/nothing-is-called-so<enter>").sees("0 of 3").keys("R").wait("7 findings");
    ui.keys("<down><down><enter>").sees("▸ ").sees("shop.mail").misses("0 of 3");
    ui.sees("sends receipts");
}

#[test]
fn a_review_fits_any_size_and_a_lock_drops_it() {
    let mut ui = open();
    ui.keys("R").wait("7 findings");
    for (width, height) in [(1, 1), (20, 5), (40, 8), (80, 24), (500, 200)] {
        ui.resize(width, height).screen();
    }
    ui.resize(80, 24).keys("<c-l>").wait("locked").misses("shop.mail");
}
