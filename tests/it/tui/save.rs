//! From a draft to the vault: checked, tested, stored, and what may come between.

use credbench::tui::Ended;

use crate::support::service::{RIGHT, Service};
use crate::support::ui::{Start, Ui};

/// A credential whose test passes at the service while its token is right.
fn tested(service: &Service) -> String {
    format!(
        r#"{{"key":"one","kind":"bearer_token","config":{{"base_url":"{}","token":"{RIGHT}"}},
            "test":{{"method":"GET","path":"/me"}}}}"#,
        service.url
    )
}

const PLAIN: &str = r#"{"key":"one","kind":"secret","config":{"values":{"A":"a"}}}"#;

/// Goes to the next field until the form shows a text about it.
fn to_secret(ui: &mut Ui) {
    for _ in 0..40 {
        if ui.screen().contains("Ctrl-R reveal") {
            return;
        }
        ui.keys("<tab>");
    }
    panic!("no secret field:\n{}", ui.screen());
}

#[test]
fn a_new_credential_by_form_is_tested_and_saved() {
    let service = Service::start();
    let mut ui = Start::with("[]").open();
    ui.keys("a").sees("New kind…").keys("<down><down><enter>").sees("New Bearer token");
    ui.keys("my.key<tab><tab><tab><tab>").paste(&service.url).keys("<tab>").paste(&format!("{RIGHT}\n"));
    ui.sees("line break");
    ui.keys("<f2>").sees("\"$secret\": \"stored\"").keys("<f2>");
    ui.keys("<c-s>").wait("my.key saved, generation 2").sees("▸ my.key");
    let document = ui.home.open().unwrap().document;
    assert_eq!(document.credentials[0].content.secret("/config/token").unwrap().expose(), RIGHT);
}

#[test]
fn what_is_wrong_is_shown_at_its_field_and_nothing_is_saved() {
    let mut ui = Start::with("[]").open();
    ui.keys("a<enter>").keys("<c-s>").sees("Key ").sees("is required").sees("✗");
    assert_eq!(ui.home.open().unwrap().store.header().generation, 1);
}

#[test]
fn a_taken_key_is_told() {
    let mut ui = Start::with(PLAIN).open();
    ui.keys("a").keys("secret").keys("<enter>").keys("one<c-s>").sees("is taken in default");
}

#[test]
fn the_test_before_saving_is_stored_with_the_draft() {
    let service = Service::start();
    let mut ui = Start::with(&tested(&service)).open();
    ui.keys("e<tab>name<c-s>").wait("one saved, generation 3").wait("● active");
    let document = ui.home.open().unwrap().document;
    assert_eq!(document.credentials[0].version, 2);
    assert_eq!(document.credentials[0].tests.last().map(|test| test.version), Some(2));
    ui.keys("u").wait("undone: the change of one").wait("○ untested");
}

#[test]
fn a_failing_test_asks_and_fix_goes_back_to_the_secret() {
    let service = Service::start();
    let mut ui = Start::with(&tested(&service)).open();
    ui.keys("e");
    to_secret(&mut ui);
    ui.paste("wrong").keys("<c-s>").wait("The test failed").sees("[ Fix ]").sees("rejected");
    ui.keys("<enter>").misses("The test failed").sees("Ctrl-R reveal");
    ui.keys("<c-s>").wait("The test failed").keys("<right><right>").sees("[ Cancel ]").keys("<enter>");
    assert_eq!(ui.home.open().unwrap().store.header().generation, 2, "nothing was saved");
    ui.keys("<c-s>").wait("The test failed").keys("<right><enter>").wait("saved, generation 3");
    ui.wait("✗ error");
    assert_eq!(ui.home.open().unwrap().document.credentials[0].tests.len(), 1);
}

#[test]
fn the_test_before_saving_can_be_stopped() {
    let service = Service::start();
    let document = tested(&service).replace("/me", "/never");
    let mut ui = Start::with(&document).open();
    ui.keys("e<tab>x<c-s>");
    service.requests.recv().unwrap();
    ui.sees("testing before saving").keys("y").sees("Esc stops that").keys("<esc>").sees("not saved");
    ui.sees("one *");
    assert_eq!(ui.home.open().unwrap().store.header().generation, 2);
}

#[test]
fn an_unchanged_draft_is_not_saved() {
    let mut ui = Start::with(PLAIN).open();
    ui.keys("e<c-s>").sees("nothing was changed");
}

#[test]
fn other_programs_changes_are_taken_in() {
    let mut ui = Start::with(PLAIN).open();
    ui.home.add("two");
    ui.wait("saved by another program: 1 added").sees("two");
    ui.keys("d<right><enter>").wait("one moved to the trash").sees("▸ two").misses("taken in");
}

#[test]
fn a_vault_that_cannot_be_written_leaves_the_draft_as_it_is() {
    let mut ui = Start::with(PLAIN).open();
    ui.keys("e<tab>name");
    // A folder in the place of the lock: whoever runs the test, root too, cannot write it.
    let lock = ui.home.root.join("data/vault.age.d/lock");
    std::fs::remove_file(&lock).unwrap();
    std::fs::create_dir(&lock).unwrap();
    ui.keys("<c-s>").gone("saving…").sees("one *").sees("name");
    std::fs::remove_dir(&lock).unwrap();
    ui.keys("<c-s>").wait("one saved, generation 3");
}

#[test]
fn quitting_waits_for_a_save() {
    let mut ui = Start::with(PLAIN).open();
    ui.keys("d<right><enter>q");
    assert!(ui.app.is_saving(), "the removal is on its way");
    assert_eq!(ui.ends(), Ended::Quit);
    assert!(ui.home.open().unwrap().document.credentials.is_empty());
}
