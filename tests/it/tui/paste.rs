//! S5: a paste is one text, or refused. Nothing in it is a key.

use std::time::Duration;

use credbench::tui::Ended;

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::ui::{Start, Ui};

const ONE: &str =
    r#"{"key":"one","kind":"api_key","config":{"base_url":"https://a.example","api_key":"marker-1"}}"#;

/// Texts that want to be keys.
fn corpus() -> Vec<String> {
    let mut texts: Vec<String> = [
        "q",
        "d\ny\n",
        "dy\r\r\r",
        "\x1b[201~q",
        "x\x1b[201~\x1b\x1b\x1bdyq",
        "\x1bq",
        "\x03\x03\x1a\x0c",
        "\0\0\0",
        "\x13",
        "\u{9b}201~q",
        "\x1b]52;c;eA==\x07",
        "\u{202e}\u{200b}\u{e0041}",
    ]
    .map(str::to_owned)
    .to_vec();
    texts.push("x".repeat(1_000_000));
    texts.push("é\n".repeat(300_000));
    texts
}

/// Where something is pasted: the keys that lead there.
const PLACES: [&str; 14] =
    ["", "<tab>", "/", ":", "H", "d", "e", "e<tab>", "e<f2>", "S", "Sa", "#", "aapi key<enter>", "?"];

#[track_caller]
fn is_whole(ui: &Ui) {
    assert_eq!(ui.app.ended(), None);
    let document = ui.home.open().unwrap().document;
    assert_eq!((document.credentials.len(), document.trash.len()), (1, 0));
    assert_eq!(document.credentials[0].content.key(), "one");
    assert_eq!(ui.suspended, 0);
    assert!(ui.clipboard.is_empty());
}

#[test]
fn what_is_pasted_is_never_a_key() {
    for place in PLACES {
        let mut ui = Start::with(ONE).open();
        ui.keys(place);
        for text in corpus() {
            ui.paste(&text).settle();
            let screen = ui.screen();
            assert!(!screen.contains("moved to the trash"), "{place} {text:.40?}: {screen}");
            let hidden = |c: char| credbench::redact::is_hidden(c) && c != '\n';
            assert!(!screen.contains(hidden), "{place} {text:.40?}: {screen:?}");
        }
        is_whole(&ui);
    }
    // Control: typed, the same do something.
    let mut ui = Start::with(ONE).open();
    ui.keys("d").sees("[ No ]").keys("y").wait("moved to the trash");
    assert_eq!(Start::with(ONE).open().keys("q").ends(), Ended::Quit);
}

/// Goes to the first secret of the draft.
fn to_secret(ui: &mut Ui) {
    ui.keys("e");
    for _ in 0..30 {
        if ui.screen().contains("Ctrl-R reveal") {
            return;
        }
        ui.keys("<tab>");
    }
    panic!("no secret field:\n{}", ui.screen());
}

#[test]
fn a_secret_field_keeps_the_bytes_or_says_what_it_did() {
    // Any text: byte for byte.
    for text in [
        "tab\there",
        "é\u{301}日本\u{1f469}\u{200d}\u{1f469}",
        " spaces ",
        "two\nlines\n",
        "\u{202e}\u{200b}x",
    ] {
        let mut ui =
            Start::with(r#"{"key":"one","kind":"secret","config":{"values":{"A":"marker-1"}}}"#).open();
        to_secret(&mut ui);
        ui.paste(text).sees("new").keys("<c-s>").wait("one saved");
        let document = ui.home.open().unwrap().document;
        let stored = document.credentials[0].content.secret("/config/values/A").unwrap().expose().to_owned();
        assert_eq!(stored, text);
    }
    // A value of a header.
    let mut ui = Start::with(ONE).open();
    to_secret(&mut ui);
    ui.paste("ends\r\n").sees("line break").keys("<c-s>").wait("one saved");
    assert_eq!(
        ui.home.open().unwrap().document.credentials[0].content.secret("/config/api_key").unwrap().expose(),
        "ends"
    );
    for (text, said) in
        [("\x1b[201~\0x", "control character"), ("a\tb", "control character"), ("a\nb", "line break")]
    {
        let mut ui = Start::with(ONE).open();
        to_secret(&mut ui);
        ui.paste(text).keys("<c-s>").sees(said);
        let document = ui.home.open().unwrap().document;
        assert_eq!(
            document.credentials[0].content.secret("/config/api_key").unwrap().expose(),
            "marker-1",
            "{text:?}"
        );
    }
}

/// A terminal that lets an end mark through: what follows it in the same moment is no key either.
#[test]
fn what_comes_after_a_forged_end_of_a_paste_is_no_command() {
    let account = Account::with_vault();
    account.put(ONE);
    for place in ["", "d", "/", "H", "e"] {
        let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
        pty.wait("Credentials").wait("one").send(place).settles_for(Duration::from_millis(200));
        for tail in ["q", "\x1b\x1b\x1bq", "\x03", "\x13", "\x1b\x1bd", "y", "\r"] {
            pty.send(&format!("\x1b[200~x\x1b[201~{tail}\x1b[201~")).settles_for(Duration::from_millis(200));
        }
        let screen = pty.screen();
        assert!(!screen.contains("moved to the trash") && !screen.contains("saved"), "{place}: {screen}");
        assert!(pty.picture().alternate_screen(), "{place}: it ended\n{screen}");
    }
    assert_eq!(account.run(&["list", "--json"]).json().as_array().unwrap().len(), 1);
    // Control: the same keys after a moment do what they say.
    let account = Account::with_vault();
    account.put(ONE);
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    pty.wait("Credentials").wait("one").paste("x").settles_for(Duration::from_millis(200)).send("q");
    assert!(pty.ends_within(Duration::from_secs(2)).success());
}
