//! Secrets are masked; what shows or copies one is deliberate, timed and can be forbidden.

use credbench::audit::What;
use credbench::session::Session;
use credbench::tui::message::{Message, Timer};
use credbench::vault::OpenPolicy;

use crate::support::ui::Start;
use crate::support::vault::{now, unlock};

const SECRET: &str = "sk-very-secret";
const ONE: &str = r#"[{"key":"one","kind":"api_key",
    "config":{"base_url":"https://a.example","api_key":"sk-very-secret"}},
    {"key":"two","kind":"secret","config":{"values":{"A":"first-value","B":"second-value"}}}]"#;

#[test]
fn no_screen_shows_a_secret() {
    let mut ui = Start::with(ONE).open();
    ui.sees("••••••••");
    for keys in
        ["<tab>", "e", "<f2>", "<f1>", "<esc><esc><esc>", "t", "T", "/sk-very", "<esc>", "d", "<esc>", ":"]
    {
        let screen = ui.keys(keys).screen();
        assert!(!screen.replace("sk-very ", "").contains(SECRET), "{keys}:\n{screen}");
    }
}

#[test]
fn reveal_shows_one_secret_until_its_time_or_the_next_key() {
    let mut ui = Start::with(ONE).open();
    ui.keys("<c-r>").wait(SECRET).sees("shown for 15 s");
    ui.keys("<down>").misses(SECRET);
    ui.keys("<up><c-r>").wait(SECRET).keys("<c-r>").misses(SECRET);
}

#[test]
fn a_timer_masks_only_what_it_was_set_for() {
    let mut ui = Start::with(ONE).config(|config| config.screen.reveal_seconds = 0).open();
    ui.keys("<c-r>").wait("shown for 0 s").gone(SECRET);
    let mut ui = Start::with(ONE).open();
    ui.keys("<c-r>").wait(SECRET);
    ui.send(Message::Timer(Timer::Mask(0))).sees(SECRET);
}

#[test]
fn reveal_in_the_form_is_for_the_focused_secret() {
    let mut ui = Start::with(ONE).open();
    ui.keys("e<c-r>").sees("go to a secret first");
    let mut tabs = 0;
    while !ui.keys("<tab>").screen().contains("Ctrl-R reveal") {
        tabs += 1;
        assert!(tabs < 30, "no secret field:\n{}", ui.screen());
    }
    ui.keys("<c-r>").wait(SECRET).keys("<tab>").misses(SECRET);
}

#[test]
fn copying_says_where_it_went_and_clears_it() {
    let mut ui = Start::with(ONE).config(|config| config.screen.copy_seconds = 0).open();
    ui.keys("y").wait("the clipboard was cleared");
    assert_eq!(ui.clipboard, [SECRET, ""]);
    let mut ui = Start::with(ONE).open();
    ui.keys("y").wait("sent to the terminal's clipboard");
    assert_eq!(ui.clipboard, [SECRET]);
    assert!(ui.app.has_clipboard());
    ui.keys("<c-l>").wait("locked");
    assert_eq!(ui.clipboard, [SECRET, ""], "locking clears it at once");
}

#[test]
fn one_of_several_values_is_named_by_selecting_it() {
    let mut ui = Start::with(ONE).open();
    ui.keys("<down>y").sees("select it in the details");
    ui.keys("<tab><end>").keys("y").wait("sent to the terminal's clipboard");
    assert_eq!(ui.clipboard, ["second-value"]);
}

#[test]
fn the_configuration_can_forbid_both() {
    let forbid = |config: &mut credbench::config::Config| {
        config.screen.reveal = false;
        config.screen.copy = false;
    };
    let mut ui = Start::with(ONE).config(forbid).open();
    ui.keys("<c-r>").sees("the configuration forbids to reveal").keys("y");
    ui.sees("the configuration forbids to copy");
    assert!(ui.clipboard.is_empty());
    // Both attempts are in the log, and are no uses.
    ui.keys("H").wait("reveal forbidden").sees("copy forbidden");
    let mut session =
        Session::open(&ui.home.places(), unlock(&ui.home.identity()).unwrap(), OpenPolicy::Strict, now())
            .unwrap()
            .session;
    let refused = |session: &Session| {
        let records = session.records().unwrap();
        records.iter().filter(|record| record.what == What::UseRefused.word()).count()
    };
    assert_eq!(refused(&session), 2);
    session.verify_log().unwrap();
    assert!(session.usage().of(&session.document().credentials[0].id).is_none());
}
