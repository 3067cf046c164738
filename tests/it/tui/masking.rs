//! S1: a marker in every secret, and every screen looked at. Only what was revealed shows one.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::mpsc::sync_channel;

use credbench::config::Filter;
use credbench::model::Edit;
use credbench::redact::is_hidden;
use credbench::tui::message::{Answer, Message, Question, QuestionKind};
use credbench::vault::{Keyring, Store};
use ratatui::buffer::Buffer;
use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use crate::kinds::secrecy::ALL;
use crate::support::service::Service;
use crate::support::ui::{Start, Ui, put, put_app};
use crate::support::vault::{CHEAP, Home, document_for, now};

const MARKER: &str = "marker";

/// The screens that were looked at, by the names of their files.
#[derive(Default)]
struct Seen(BTreeSet<&'static str>);

impl Seen {
    /// Looks at a screen, which says this, at both sizes.
    #[track_caller]
    fn look(&mut self, ui: &mut Ui, screen: &'static str, says: &str) {
        ui.sees(says);
        hides(ui);
        self.0.insert(screen);
    }
}

/// Asserts that no secret is on the screen, at both sizes; nor anything that a terminal would act on, that cannot be
/// seen, or that takes another width than it was given.
#[track_caller]
fn hides(ui: &mut Ui) {
    for (width, height) in [(80, 24), (120, 40)] {
        let screen = ui.resize(width, height).screen();
        assert!(!screen.contains(MARKER), "{screen}");
        is_clean(&ui.cells());
    }
}

#[track_caller]
fn is_clean(cells: &Buffer) {
    for y in 0..cells.area.height {
        let mut x = 0;
        while x < cells.area.width {
            let symbol = cells[(x, y)].symbol();
            assert!(!symbol.contains(is_hidden), "{symbol:?} at {x}, {y}");
            let width = u16::try_from(symbol.width()).unwrap();
            assert!(width == 1 || width == 2 && x + 1 < cells.area.width, "{symbol:?} at {x}, {y}");
            x += width;
        }
    }
}

fn select(ui: &mut Ui, key: &str) {
    ui.keys("/<c-u>").paste(key).keys("<enter>").sees(&format!("▸ {key}"));
}

/// S3, S4: what others wrote, in every place that takes a text.
fn hostile() -> String {
    let text = format!(
        "\x1b]0;owned\x07\x1b[2J\x1bP1$r\x1b\\\u{9b}31m\u{9d}52;c;eA==\u{9c}\0\x08\x7fpay\u{200b}pal\u{202e}evil\u{2066}\u{e0041}\u{200d}x\
         e{}日本語\u{fe0f}\u{ad}\u{1f1e6}\u{1160}",
        "\u{301}".repeat(50)
    );
    let mut document = json!({
        "key": "k.hostile", "name": text, "kind": "bearer_token", "service": text, "notes": format!("{text}\n{text}"),
        "tags": ["\x1b[2J\u{202e}tag\u{200b}"], "owner": text, "description": text,
        "config": {"base_url": "https://xn--py-7kc.example", "token": "marker-18", "own": text},
    });
    document[text.as_str()] = json!({ text.as_str(): text });
    document.to_string()
}

/// A vault with a secret in each kind, in earlier versions, in the trash and in an OAuth app.
fn home() -> Home {
    let home = Home::with_vault();
    // What was granted is no secret.
    let all = ALL.replace("marker-09", "rooms.read");
    put(&home, &all);
    put(&home, &all.replace("marker-", "marker-again-"));
    put(&home, &hostile());
    put(&home, r#"{"key":"k.gone","kind":"secret","config":{"values":{"a":"marker-gone"}}}"#);
    let mut store = home.open().unwrap().store;
    let gone = store.document().find("default", "k.gone").unwrap().clone();
    store.commit(vec![Edit::Remove { id: gone.id, base: Box::new(gone.content) }], now()).unwrap();
    put_app(
        &home,
        r#"{"name":"app","client_id":"c","client_secret":"marker-app","token_url":"https://a.example/token"}"#,
    );
    home
}

/// All that one credential is shown in: details, form, JSON, schema, versions, log, questions.
fn walk(ui: &mut Ui, seen: &mut Seen, key: &str) {
    select(ui, key);
    seen.look(ui, "workbench", key);
    ui.keys("<tab>");
    for _ in 0..12 {
        ui.keys("<down>");
        hides(ui);
    }
    ui.keys("<backtab>e").sees("form");
    for _ in 0..40 {
        ui.keys("<tab>");
        hides(ui);
    }
    ui.keys("<f2>").sees("\"$secret\"");
    for _ in 0..4 {
        ui.keys("<pagedown>");
        hides(ui);
    }
    ui.keys("<f3>");
    seen.look(ui, "kind", "schema");
    ui.keys("<esc>").keys("<esc>").sees("Credentials");
    ui.keys("h");
    seen.look(ui, "history", "Versions of");
    for _ in 0..3 {
        ui.keys("<down>");
        hides(ui);
    }
    ui.keys("H").wait("Audit log of");
    seen.look(ui, "audit", "Audit log of");
    ui.keys("<esc><esc>d");
    seen.look(ui, "confirm", key);
    ui.keys("<esc>t");
    hides(ui);
}

#[test]
fn every_screen_hides_every_secret() {
    let mut seen = Seen::default();
    let filters = |config: &mut credbench::config::Config| {
        config.filters = vec![Filter { name: "mine".to_owned(), query: "kind:aws".to_owned() }];
    };
    let mut ui = Start::at(home()).config(filters).open();
    let keys: Vec<String> =
        ui.home.open().unwrap().document.credentials.iter().map(|one| one.content.key().to_owned()).collect();
    assert_eq!(keys.len(), 10);
    for key in &keys {
        walk(&mut ui, &mut seen, key);
    }
    for (keys, screen, says) in [
        ("?", "help", " Help "),
        ("D", "trash", "k.gone"),
        ("DX", "typed", "Purge all"),
        ("K", "kinds", "Kinds"),
        ("S", "solutions", "default"),
        ("O", "oauth_apps", "app"),
        ("Oe", "oauth_app", "Client id"),
        ("#", "typed", "Tags"),
        ("m", "move_to", "which solution"),
        ("f", "filters", "mine"),
        (":", "palette", "Commands"),
        ("H", "audit", "Audit log"),
        ("R", "review", "Review"),
        ("w", "workflows", "Workflows"),
        ("r", "rotation", "Rotation of"),
        ("a", "add", "Add a credential"),
    ] {
        ui.keys(keys);
        seen.look(&mut ui, screen, says);
        for _ in 0..12 {
            ui.keys("<down>");
            hides(&mut ui);
        }
        ui.keys("<esc><esc><esc>").sees("Credentials");
    }
    // A draft that was kept, a conflict, and a locked vault.
    select(&mut ui, "k.secret");
    ui.keys("eX").keys("<c-l>").wait("The vault is locked");
    seen.look(&mut ui, "unlock", "The vault is locked");
    ui.keys("<enter>").wait("Unsaved drafts");
    seen.look(&mut ui, "drafts", "Unsaved drafts");
    ui.keys("<enter>").sees("k.secretX");
    let mut store = ui.home.open().unwrap().store;
    let stored = store.document().find("default", "k.secret").unwrap().clone();
    let mut content = stored.content.clone();
    content.set("/key", serde_json::json!("k.secretY"));
    content.set_secret("/config/values/a", "marker-theirs".into());
    store
        .commit(vec![Edit::Update { id: stored.id, base: Some(Box::new(stored.content)), content }], now())
        .unwrap();
    ui.wait("saved by another program").keys("<c-s>").wait("was changed by another program");
    seen.look(&mut ui, "conflict", "k.secretY");
    let asked = |title, what: &str, kind| {
        Message::Vault(Answer::Question(Question {
            title,
            what: what.to_owned(),
            kind,
            answer: sync_channel(1).0,
        }))
    };
    ui.send(asked("age-plugin-x", "PIN\x1b[2J?", QuestionKind::Passphrase)).paste("marker-pin");
    seen.look(&mut ui, "question", "PIN␛[2J?");
    others(&mut seen);

    lines_of_files(&mut seen);
    // The list above names each screen that there is.
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tui/screen");
    let missed: Vec<String> = folder
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file() && std::fs::read_to_string(path).unwrap().contains("impl Screen for "))
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| !seen.0.contains(name.as_str()))
        .collect();
    assert!(missed.is_empty(), "nobody looked at {missed:?}");
}

/// The screens that show places in files: what else stands in a line is not shown.
fn lines_of_files(seen: &mut Seen) {
    let home = home();
    let app = home.root.join("app");
    std::fs::create_dir(&app).unwrap();
    let line = "A: [marker-in-line, cred://k.secret#a, marker-behind]\nB: cred://k.unknown # marker-comment\x1b[2J\n";
    std::fs::write(app.join("compose.yaml"), line).unwrap();
    let mut ui = Start::at(home).open();
    ui.keys("wa").paste(app.to_str().unwrap()).keys("<enter>").wait("2 places in 1 file");
    seen.look(&mut ui, "workflows", "cred://k.secret#a");
    ui.keys("<end><enter>");
    seen.look(&mut ui, "unresolved", "Names nothing");
    ui.keys("<esc><esc>");
    select(&mut ui, "k.secret");
    ui.keys("n<c-u>k.other<enter>").wait("k.secret becomes k.other");
    seen.look(&mut ui, "rewrite", "+ cred://k.other#a");
}

/// The screens that need another start.
fn others(seen: &mut Seen) {
    let mut first = Start::at(Home::empty()).start();
    first.wait("Welcome to credbench").paste("marker-pass").keys("<enter>").paste("marker-other");
    seen.look(&mut first, "first_start", "Welcome to credbench");

    let home = home();
    let old = std::fs::read(home.vault()).unwrap();
    home.add("one");
    std::fs::write(home.vault(), old).unwrap();
    let mut refused = Start::at(home).start();
    refused.wait("The vault is refused");
    seen.look(&mut refused, "refused", "ROLLBACK");

    let home = Home::empty();
    let keyring = Keyring::create(&home.identity(), Some("marker-pass".into()), CHEAP, now()).unwrap();
    let document = document_for(&keyring.recipients());
    Store::create(&home.places(), keyring, document, now()).unwrap();
    let mut asked = Start::at(home).start();
    asked.wait("Passphrase of").paste("marker-pass");
    seen.look(&mut asked, "unlock", "•");

    let service = Service::start();
    let url = &service.url;
    let mut login = Start::with(&format!(
        r#"{{"key":"crm","kind":"oauth2","config":{{"grant":"device_code","client_id":"c","client_secret":"marker-1",
            "device_url":"{url}/never","token_url":"{url}/token"}}}}"#
    ))
    .open();
    login.keys("o").wait("asking the server");
    seen.look(&mut login, "login", "asking the server");
}

/// The check finds what is there: the same walk with one secret revealed.
#[test]
fn a_revealed_secret_is_found() {
    let mut ui = Start::at(home()).open();
    select(&mut ui, "k.secret");
    ui.keys("<c-r>").wait("marker-again-11");
    assert!(std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hides(&mut ui))).is_err());
    ui.keys("<down>");
    hides(&mut ui);
}

/// The check of cells finds what is there.
#[test]
fn what_would_reach_the_terminal_is_found() {
    for symbol in ["\x1b", "\u{9b}", "\u{202e}", "a\u{200b}", "\u{301}", "\u{e0041}"] {
        let mut cells = Buffer::empty(ratatui::layout::Rect::new(0, 0, 3, 1));
        is_clean(&cells);
        cells[(1, 0)].set_symbol(symbol);
        assert!(std::panic::catch_unwind(|| is_clean(&cells)).is_err(), "{symbol:?}");
    }
}

/// How wide a mask is tells nothing.
#[test]
fn all_masks_are_as_wide() {
    let long = "x".repeat(300);
    let documents: Vec<String> = ["1", "12345678", &long]
        .iter()
        .enumerate()
        .map(|(number, secret)| {
            format!(
                r#"{{"key":"k{number}","kind":"api_key","config":{{"base_url":"https://a.example","api_key":"{secret}"}}}}"#
            )
        })
        .collect();
    let mut ui = Start::with(&format!("[{}]", documents.join(","))).open();
    let masks = |ui: &mut Ui| -> Vec<usize> {
        let screen = ui.screen();
        let lines = screen.lines().map(|line| line.chars().filter(|c| *c == '•').count());
        lines.filter(|dots| *dots > 0).collect()
    };
    let mut shown = Vec::new();
    for _ in 0..3 {
        let details = masks(&mut ui);
        assert_eq!(details.len(), 1, "{}", ui.screen());
        let form = masks(ui.keys("e"));
        assert!(!form.is_empty(), "{}", ui.screen());
        shown.push((details, form));
        ui.keys("<esc><down>");
    }
    assert!(shown.iter().all(|one| *one == shown[0]), "{shown:?}");
}
