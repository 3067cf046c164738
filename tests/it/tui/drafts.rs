//! Drafts that are not saved survive a lock, a signal, a dropped connection and a bug, sealed.

use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use credbench::model::{Content, Edit};
use credbench::tui::{Ended, Options, run_with};
use credbench::vault::{Keyring, Store};
use rustix::process::Signal;

use crate::support::command::PROGRAM;
use crate::support::home::{Account, setup_of};
use crate::support::pty::Pty;
use crate::support::ui::{Start, Ui, put};
use crate::support::vault::{CHEAP, Home, document_for, installed, now};

/// How long an end may take.
const SOON: Duration = Duration::from_secs(2);

const TYPED: &str = "marker-typed-secret";

const ONE: &str =
    r#"[{"key":"one","kind":"api_key","config":{"base_url":"https://a.example","api_key":"marker-stored"}}]"#;

/// The sealed drafts of a home.
fn sealed(folder: PathBuf) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder.join("drafts")).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

fn of(home: &Home) -> Vec<PathBuf> {
    sealed(home.root.join("data/vault.age.d"))
}

fn unlock(ui: &mut Ui) -> &mut Ui {
    ui.wait("The vault is locked").keys("<enter>")
}

/// Another program changes a credential.
fn theirs(home: &Home, key: &str, change: impl FnOnce(&mut Content)) {
    let mut store = home.open().unwrap().store;
    let stored = store.document().find("default", key).unwrap().clone();
    let mut content = stored.content.clone();
    change(&mut content);
    store.commit(vec![Edit::Update { id: stored.id, base: None, content }], now()).unwrap();
}

/// Begins a draft with a secret that was typed.
fn begin(ui: &mut Ui) {
    ui.keys("eX<tab>a name");
    for _ in 0..30 {
        if ui.screen().contains("Ctrl-R reveal") {
            ui.paste(TYPED).sees("new");
            return;
        }
        ui.keys("<tab>");
    }
    panic!("no secret field:\n{}", ui.screen());
}

#[test]
fn a_form_survives_the_lock_and_is_saved_after() {
    let mut ui = Start::with(ONE).open();
    begin(&mut ui);
    ui.keys("<c-l>").misses("Unsaved draft").wait("the draft is kept, sealed");
    let files = of(&ui.home);
    assert_eq!(files.len(), 1);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(&files[0]), mode(files[0].parent().unwrap())), (0o600, 0o700));
    ui.later(7200);
    unlock(&mut ui).wait("Unsaved drafts").sees("2 h").sees("oneX").sees("was not changed by anybody since");
    ui.keys("<enter>").sees("oneX *").sees("a name").sees("new").misses(TYPED);
    assert_eq!(of(&ui.home).len(), 1, "it is safe while it is edited");
    ui.keys("<c-s>").wait("oneX saved").until("the draft gone", |ui| of(&ui.home).is_empty());
    let document = ui.home.open().unwrap().document;
    let one = document.find("default", "oneX").unwrap();
    assert_eq!(one.content.secret("/config/api_key").unwrap().expose(), TYPED);
    ui.keys("U").sees("no draft waits");
}

#[test]
fn json_that_cannot_be_read_comes_back_as_it_was_typed() {
    let mut ui = Start::with(ONE).open();
    ui.keys("s<c-end>").paste(&format!("\n{TYPED} {{ no json")).sees("✗");
    let before = ui.screen();
    let typed = before.lines().find(|line| line.contains("no json")).unwrap().to_owned();
    ui.keys("<c-l>").wait("the draft is kept");
    unlock(&mut ui).wait("Unsaved drafts").sees("As JSON that was being typed").keys("<enter>");
    ui.sees(typed.trim()).sees("✗").keys("<c-s>").misses("saved");
    // Undone, it is what is stored; leaving it drops what was kept.
    ui.keys("<esc>").sees("Unsaved draft").keys("<right><enter>").sees("Credentials");
    ui.until("the draft gone", |ui| of(&ui.home).is_empty());
}

#[test]
fn a_new_credential_an_oauth_app_and_a_kind_survive() {
    let mut ui = Start::with("[]").open();
    ui.keys("a<enter>brand.new<c-l>").wait("the draft is kept");
    unlock(&mut ui)
        .wait("Unsaved drafts")
        .sees("brand.new")
        .sees("new")
        .keys("<esc>")
        .sees("1 unsaved draft");
    ui.keys("Oagraph<tab><tab><tab><tab><tab>").paste("marker-app").keys("<c-l>").wait("the draft is kept");
    unlock(&mut ui).wait("Unsaved drafts").sees("brand.new").sees("graph").sees("OAuth app").keys("<esc>");
    ui.sees("2 unsaved drafts").keys("Ka").keys("gadget<enter>").sees("Kind gadget *").keys("<c-end>!");
    ui.keys("<c-l>").wait("the draft is kept");
    unlock(&mut ui)
        .wait("Unsaved drafts")
        .sees("gadget")
        .keys("<end><enter>")
        .sees("Kind gadget *")
        .sees("✗");
    ui.keys("<esc>").sees("Unsaved draft").keys("<right><enter>").keys("<esc>").sees("2 unsaved drafts");
    ui.keys("U<down><enter>").sees("New OAuth app *").sees("graph").keys("<esc><right><enter>");
    ui.keys("U<enter>").sees("brand.new (new API key) *").keys("<c-a><c-k>");
    ui.keys("<esc><right><enter>").until("no draft left", |ui| of(&ui.home).is_empty());
}

#[test]
fn a_draft_is_dropped_only_when_asked_twice() {
    let mut ui = Start::with(ONE).open();
    begin(&mut ui);
    ui.keys("<c-l>").wait("the draft is kept");
    unlock(&mut ui).wait("Unsaved drafts").keys("d").sees("[ No ]").keys("<enter>").sees("oneX");
    ui.keys("d").sees("Nothing brings it back").keys("y").misses("Unsaved drafts");
    ui.until("the draft gone", |ui| of(&ui.home).is_empty());
    ui.keys("<c-l>");
    unlock(&mut ui).wait("Credentials").misses("Unsaved drafts");
}

#[test]
fn what_happened_in_the_vault_meanwhile_is_told_and_saving_asks() {
    let mut ui = Start::with(ONE).open();
    begin(&mut ui);
    ui.keys("<c-l>").wait("the draft is kept");
    theirs(&ui.home, "one", |content| {
        content.set_secret("/config/api_key", "theirs".into());
        content.set("/notes", "theirs".into());
    });
    unlock(&mut ui).wait("Unsaved drafts").sees("version 1 is now 2").sees("api_key").sees("notes");
    ui.misses("theirs").keys("<enter>").keys("<c-s>").wait("was changed by another program");
    ui.keys("<esc><esc><right><enter>").misses(" *").keys("dy").wait("moved to the trash");
    // Of a credential that is gone, what was typed becomes a new one.
    put(
        &ui.home,
        r#"{"key":"two","kind":"api_key","config":{"base_url":"https://a.example","api_key":"marker-stored"}}"#,
    );
    ui.keys("<c-l>");
    unlock(&mut ui).wait("Credentials");
    begin(&mut ui);
    ui.keys("<c-l>").wait("the draft is kept");
    let mut store = ui.home.open().unwrap().store;
    let two = store.document().find("default", "two").unwrap();
    let removal = Edit::Remove { id: two.id.clone(), base: Box::new(two.content.clone()) };
    store.commit(vec![removal], now()).unwrap();
    unlock(&mut ui).wait("it is in the trash").keys("<enter>").sees("twoX (new API key) *");
    ui.keys("<c-s>").wait("twoX saved").until("the draft gone", |ui| of(&ui.home).is_empty());
}

#[test]
fn where_the_disk_takes_no_draft_it_is_kept_in_memory() {
    let mut ui = Start::with(ONE).open();
    let folder = ui.home.root.join("data/vault.age.d/drafts");
    std::fs::write(&folder, "in the way").unwrap();
    begin(&mut ui);
    ui.keys("<c-c>")
        .sees("Keep it and quit")
        .keys("<right><enter>")
        .wait("cannot make the folder")
        .sees("oneX *");
    assert_eq!(ui.app.ended(), None, "nothing is lost by quitting");
    ui.keys("<c-l>").wait("kept in memory only, sealed");
    unlock(&mut ui).wait("Unsaved drafts").sees("oneX").keys("<esc>");
    std::fs::remove_file(&folder).unwrap();
    ui.keys("<c-l>");
    unlock(&mut ui).wait("Unsaved drafts").keys("<enter>").sees("oneX *");
    assert_eq!(of(&ui.home).len(), 1, "as soon as there is room it is on the disk");
}

#[test]
fn quitting_can_keep_the_draft() {
    let mut ui = Start::with(ONE).open();
    begin(&mut ui);
    ui.keys("<c-c>").sees("Keep it and quit").keys("<right><enter>");
    assert_eq!(ui.ends(), Ended::Quit);
    let home = std::mem::replace(&mut ui.home, Home::empty());
    let mut again = Start::at(home).start();
    again.wait("Unsaved drafts").keys("<enter>").sees("oneX *").keys("<c-c><right><right><enter>");
    assert_eq!(again.ends(), Ended::Quit);
    assert!(of(&again.home).is_empty(), "dropped");
}

#[test]
fn a_draft_that_is_being_saved_when_the_vault_is_locked_is_saved_or_kept() {
    let secret = r#"{"key":"one","kind":"secret","config":{"values":{"A":"a"}}}"#;
    let mut ui = Start::with(secret).open();
    ui.keys("eX<c-s><c-l>").wait("locked").until("everything stored", |ui| !ui.app.is_saving());
    assert!(ui.home.open().unwrap().document.find("default", "oneX").is_some() && of(&ui.home).is_empty());
    unlock(&mut ui).wait("Credentials").misses("Unsaved drafts");
    // The control: a save that fails leaves the draft, and that it failed is heard of.
    theirs(&ui.home, "oneX", |content| content.set("/key", "theirs".into()));
    ui.keys("eY<c-s><c-l>").wait("another program changed");
    unlock(&mut ui).wait("Unsaved drafts").sees("oneXY");
}

#[test]
fn only_who_sealed_a_draft_is_offered_it_and_age_opens_it() {
    let home = Home::empty();
    let ours = Keyring::create(&home.identity(), None, CHEAP, now()).unwrap();
    let other = home.root.join("config/other.age");
    let theirs = Keyring::create(&other, None, CHEAP, now()).unwrap();
    let document = document_for(&[ours.recipients(), theirs.recipients()].concat());
    Store::create(&home.places(), ours, document, now()).unwrap();
    put(&home, ONE);
    let mut ui = Start::at(home).open();
    begin(&mut ui);
    ui.keys("<c-l>").wait("the draft is kept");
    let home = std::mem::replace(&mut ui.home, Home::empty());
    std::fs::remove_file(home.places().seen).unwrap();
    let files = of(&home);
    let mut colleague = Start::at(home).identity(other.clone()).open();
    colleague.misses("Unsaved drafts").misses("unsaved draft");
    if installed("age") {
        // What anybody with the recipients can make, stock age among them, is nobody's draft.
        let age = |arguments: &[&str]| {
            let out = std::process::Command::new("age").args(arguments).output().unwrap();
            assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
            out.stdout
        };
        let plain = age(&["-d", "-i", other.to_str().unwrap(), files[0].to_str().unwrap()]);
        let text = String::from_utf8(plain).unwrap();
        assert!(text.contains(TYPED) && !text.contains("marker-stored"), "what is stored is not in it");
        let forged = text.replace("https://a.example", "https://evil.example");
        let source = colleague.home.root.join("forged.json");
        std::fs::write(&source, forged).unwrap();
        let recipient = colleague.home.open().unwrap().document.recipients[0].recipient.clone();
        let file = files[0].to_str().unwrap();
        age(&["-r", &recipient, "-o", file, source.to_str().unwrap()]);
        let home = std::mem::replace(&mut colleague.home, Home::empty());
        Start::at(home).open().misses("Unsaved drafts");
    }
}

fn with_one() -> Account {
    let account = Account::with_vault();
    account.put(ONE);
    account
}

/// A workbench with a form, or JSON that cannot be read, that is not saved.
fn dirty(account: &Account, raw: bool) -> Pty {
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    pty.wait("one").is_taken();
    match raw {
        true => pty.send("s").wait("\"$secret\"").send("\x1b[1;5F").paste(TYPED).wait(" *"),
        false => pty.send("eX").wait("oneX *"),
    };
    pty
}

fn is_offered(account: &Account, raw: bool) {
    assert_eq!(sealed(account.home.join("data/credbench/vault.age.d")).len(), 1);
    for (path, bytes) in account.files() {
        let found = bytes.windows(TYPED.len()).any(|window| window == TYPED.as_bytes());
        assert!(!found, "in clear: {}", path.display());
    }
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    pty.wait("Unsaved drafts").send("\r").wait(if raw { "✗" } else { "Key *            oneX" });
    pty.send("\x1b").wait("Drop it").send("\t\r").gone("Drop it").send("q");
    assert!(pty.ends_within(SOON).success());
}

#[test]
fn signals_and_a_dropped_connection_keep_the_draft() {
    let account = with_one();
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        for raw in [false, true] {
            let mut pty = dirty(&account, raw);
            let status = pty.signal(signal).ends_within(SOON);
            assert!(status.signal().is_some(), "{status:?}");
            pty.is_restored();
            assert!(String::from_utf8_lossy(&pty.bytes).contains("the unsaved draft is kept"));
            is_offered(&account, raw);
        }
    }
    dirty(&account, true).hang_up().ends_within(SOON);
    is_offered(&account, true);
    // Without a signal: the program is in a group that gets none.
    let line = format!("set -m; trap '' HUP; '{PROGRAM}'; exit 7");
    let mut pty = Pty::start(&account.home, "/bin/sh", &["-c", &line], (120, 40));
    pty.wait("one").send("eX").wait("oneX *").hang_up().ends_within(SOON);
    is_offered(&account, false);
}

#[test]
fn a_bug_of_the_screen_loses_no_draft() {
    let account = with_one();
    let program = std::env::current_exe().unwrap();
    let arguments =
        ["tui::drafts::a_clock_that_panics", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    let mut pty = Pty::start(&account.home, program, &arguments, (120, 40));
    pty.wait("Credentials").wait("one").send("eX").wait("oneX *");
    account.write("panic", "");
    pty.send("Y");
    let status = pty.ends_within(Duration::from_secs(10));
    assert!(!status.success());
    pty.is_restored();
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    assert!(text.contains("this is a bug") && text.contains("the unsaved draft is kept"), "{text}");
    is_offered(&account, false);
}

#[test]
#[ignore = "a process of its own, started on a terminal by the test of bugs"]
fn a_clock_that_panics() {
    let home = std::env::current_dir().unwrap();
    let file = home.join("panic");
    let clock = move || {
        // Once: what comes after a bug needs the time too.
        assert!(std::fs::remove_file(&file).is_err(), "{TYPED}");
        now()
    };
    let setup = setup_of(&home);
    let options = Options { clock: Arc::new(clock), ..Options::new(setup, false, false).unwrap() };
    run_with(options, Vec::new()).unwrap();
}
