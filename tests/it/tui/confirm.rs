//! S6: a question names what it is about in ways that a name cannot fake, starts on No, and is not answered by what was
//! typed before it was there.

use std::time::Duration;

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::terminal::OnTerminal;
use crate::support::ui::{Start, Ui};

/// A name that would end the question, answer it and hide the rest.
const HOSTILE: &str = r#"{"key":"pay.api","name":"nothing? [Y/n] y\n\u001b[2J\u202eyes\u200b","kind":"api_key",
    "config":{"base_url":"https://xn--pi-6kc.example","api_key":"marker"}}"#;

fn count(ui: &Ui) -> usize {
    ui.home.open().unwrap().document.credentials.len()
}

fn id(ui: &Ui) -> String {
    ui.home.open().unwrap().document.credentials[0].id.0.clone()
}

#[test]
fn a_removal_names_what_it_is_and_starts_on_no() {
    let mut ui = Start::with(HOSTILE).open();
    let id = id(&ui);
    ui.keys("d")
        .sees(&format!("id {id}"))
        .sees("xn--pi-6kc.example")
        .sees("[ No ]")
        .sees("␛[2J<202E>yes<200B>");
    ui.keys("<enter>").misses("[ No ]");
    assert_eq!(count(&ui), 1);
    ui.keys("d").sees("[ No ]").keys("<esc>d").sees("[ No ]").keys("q").misses("[ No ]");
    assert_eq!(count(&ui), 1);
    // Control: Yes is one key away.
    ui.keys("d").sees("[ No ]").keys("y").wait("moved to the trash");
    assert_eq!(count(&ui), 0);
    ui.keys("D").sees("pay.api").keys("d").sees(&format!("id {id}")).sees("xn--pi-6kc.example");
    ui.keys("<enter>").sees("type pay.api to drop it");
    assert_eq!(ui.home.open().unwrap().document.trash.len(), 1);
}

#[test]
fn keys_from_before_a_question_do_not_answer_it() {
    let mut ui = Start::with(HOSTILE).open();
    for early in ["dy", "d<tab><enter>", "d<right><enter>"] {
        ui.burst(early).sees("[ No ]");
        assert_eq!(count(&ui), 1, "{early}");
        ui.keys("<esc>");
    }
    ui.burst("ex<esc><tab><enter>").sees("Unsaved draft").sees("[ Keep editing ]");
    ui.keys("<tab><enter>").misses("Unsaved draft").misses("pay.apix");
    // On a terminal, where they come in one piece.
    let account = Account::with_vault();
    account.put(HOSTILE);
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (80, 24));
    pty.wait("pay.api").send("dy").wait("[ No ]").settles_for(Duration::from_millis(200));
    assert!(pty.screen().contains("[ No ]") && !pty.screen().contains("trash;  undo"));
    pty.send("\x1b").gone("[ No ]").send("d").wait("[ No ]").send("y").wait("moved to the trash");
}

#[test]
fn a_host_that_changes_takes_its_secret_with_it() {
    let mut ui = Start::with(HOSTILE).open();
    ui.keys("e<c-f>base url<enter><c-u>")
        .paste("https://other.example")
        .keys("<c-s>")
        .wait("Base URL changed");
    let document = ui.home.open().unwrap().document;
    assert_ne!(document.credentials[0].content.get_str("/config/base_url"), Some("https://other.example"));
}

#[test]
fn commands_ask_the_same_way() {
    let account = Account::with_vault();
    account.put(HOSTILE);
    let id = account.open().document.credentials[0].id.clone();
    let asks = |answer: &str, early: &str, command: &[&str], question: &str| {
        let mut asked = OnTerminal::start(&account, command);
        asked.types(early);
        asked.sees("“nothing? [Y/n] y␊␛[2J‹U+202E›yes‹U+200B›”");
        asked.sees("xn--pi-6kc.example");
        asked.sees(&format!("id {id}"));
        asked.sees(question);
        asked.types(answer);
        asked.ends()
    };
    let (code, text) = asks("\r", "y\ry\r", &["remove", "pay.api"], "It can be restored [y/N]");
    assert_eq!(code, 1, "{text}");
    let (code, text) = asks("y\r", "", &["remove", "pay.api"], "It can be restored [y/N]");
    assert_eq!(code, 0, "control: {text}");
    let (code, text) = asks("\r", "y\r", &["trash", "purge", "pay.api"], "This cannot be undone [y/N]");
    assert_eq!(code, 1, "{text}");
    let (code, text) = asks("yes\r", "", &["trash", "purge", "pay.api"], "This cannot be undone [y/N]");
    assert_eq!(code, 0, "control: {text}");
}
