//! The list: order, groups, search, marks.

use credbench::model::{Edit, Solution};
use credbench::tui::Ended;
use insta::assert_snapshot;

use crate::support::ui::{Start, put};
use crate::support::vault::{Home, now};

const SOME: &str = r#"[
  {"key":"stripe.live","kind":"api_key","name":"Stripe, live","service":"stripe","tags":["prod"],
   "config":{"base_url":"https://api.stripe.example","api_key":"sk-1"},"test":{"method":"GET","path":"/v1/me"}},
  {"key":"billing.db","kind":"basic_auth","expires_at":"2026-11-25",
   "config":{"base_url":"https://db.example","username":"ann","password":"p"}},
  {"key":"mail.token","kind":"bearer_token","service":"mailer","expires_at":"2026-01-02",
   "config":{"base_url":"https://mail.example","token":"t"}},
  {"key":"tls.pair","kind":"secret","config":{"values":{"TLS_KEY":"k"}}},
  {"key":"half","kind":"api_key","config":{"base_url":"https://half.example"}}
]"#;

#[test]
fn opens_on_the_list_sorted_by_key() {
    assert_snapshot!(Start::with(SOME).open().screen());
}

#[test]
fn narrow_screens_show_one_pane_at_a_time() {
    let mut ui = Start::with(SOME).size(80, 24).open();
    assert_snapshot!("narrow_list", ui.screen());
    ui.keys("<tab>");
    assert_snapshot!("narrow_details", ui.screen());
    ui.keys("<tab>").sees("No tests yet").keys("<tab>").sees("billing.db");
}

#[test]
fn eighty_by_twenty_four_shows_fifteen_rows_of_the_list() {
    let many: Vec<String> = (0..40)
        .map(|n| format!(r#"{{"key":"key.{n:02}","kind":"secret","config":{{"values":{{"A":"a"}}}}}}"#))
        .collect();
    let mut ui = Start::with(&format!("[{}]", many.join(","))).size(80, 24).open();
    let rows = |ui: &mut crate::support::ui::Ui| ui.screen().matches("key.").count();
    assert!(rows(&mut ui) >= 15, "{}", ui.screen());
    ui.keys("<end>").sees("▸ key.39").keys("<home>").sees("▸ key.00");
    ui.keys("<pagedown>").misses("▸ key.00").keys("<pageup>").sees("▸ key.00");
    ui.keys("jjj").sees("▸ key.03").keys("kk").sees("▸ key.01").keys("<down><up><up><up>").sees("▸ key.00");
}

#[test]
fn search_finds_as_you_type() {
    let mut ui = Start::with(SOME).open();
    ui.keys("/strp").sees("1 of 5").sees("▸ stripe.live").misses("tls.pair");
    ui.keys("<enter>").sees("1 of 5").keys("e").sees("form │ json").keys("<esc>");
    ui.keys("<esc>").sees("tls.pair").misses("1 of 5");
    ui.keys("/status:expiring").sees("1 of 5").sees("▸ billing.db").keys("<esc>");
    ui.keys("/kind:secret").sees("▸ tls.pair").keys("<esc>");
    ui.keys("/prod").sees("▸ stripe.live").keys("<esc>");
    ui.keys("/status:nonsense").sees("there is no status").sees("mail.token").keys("<esc>");
    ui.keys("/zzzz").sees("Nothing fits this search").keys("<esc>").sees("5 credentials");
}

#[test]
fn groups_by_solution_and_service() {
    let home = Home::with_vault();
    let edit = Edit::AddSolution { solution: Solution::named("staging") };
    home.open().unwrap().store.commit(vec![edit], now()).unwrap();
    put(&home, SOME);
    put(&home, r#"{"key":"a.first","solution":"staging","kind":"secret","config":{"values":{"A":"a"}}}"#);
    let mut ui = Start::at(home).open();
    ui.sees("default  5").sees("staging  1").sees("▸ billing.db");
    ui.keys("g").sees("grouped by service").sees("no service  4").sees("stripe  1");
    ui.keys("g").sees("not grouped").misses("no service  4");
}

#[test]
fn marks_choose_what_is_removed_together() {
    let mut ui = Start::with(SOME).open();
    ui.keys("<space><space>").sees("*half").sees("*billing.db").sees("remove marked");
    ui.keys("d").sees("Remove these 2 credentials?").sees("half of default").keys("y");
    ui.wait("2 credentials moved to the trash").sees("3 credentials").misses("billing.db");
    ui.keys("u").wait("undone: the removal of 2 credentials").sees("5 credentials");
}

#[test]
fn removing_starts_on_no_and_names_what_it_is() {
    let mut ui = Start::with(SOME).open();
    ui.keys("<end>k").sees("▸ stripe.live");
    ui.keys("d").sees("Remove stripe.live “Stripe, live” of default?").sees("[ No ]");
    ui.keys("<enter>").misses("Remove stripe").sees("5 credentials");
    ui.keys("d<right>").sees("[ Yes ]").keys("<enter>").wait("moved to the trash").sees("4 credentials");
    ui.keys("u").wait("undone").sees("▸ ").sees("5 credentials");
    ui.keys("u").sees("there is nothing to undo");
}

#[test]
fn quitting_asks_nothing_without_a_draft() {
    assert_eq!(Start::with(SOME).open().keys("q").ends(), Ended::Quit);
}

#[test]
fn hostile_text_is_shown_and_never_acts() {
    let document = r#"{"key":"k","kind":"secret","name":"pay\u200bpal \u001b[31mred \u202eevil",
        "config":{"values":{"A":"a"}}}"#;
    let mut ui = Start::with(document).size(200, 30).open();
    let screen = ui.screen();
    assert!(screen.chars().all(|c| c == '\n' || !c.is_control()), "{screen:?}");
    assert!(!screen.contains('\u{200b}') && !screen.contains('\u{202e}'));
    ui.sees("pay<200B>pal");
}
