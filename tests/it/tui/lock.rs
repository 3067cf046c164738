//! Unlocking, the first start, locking, a vault that is refused.

use std::path::PathBuf;

use credbench::tui::Ended;
use credbench::vault::{Keyring, Store};
use insta::assert_snapshot;

use crate::support::ui::Start;
use crate::support::vault::{CHEAP, Home, document_for, now};

const PASSPHRASE: &str = "correct horse";

/// A home whose identity takes a passphrase.
fn protected() -> Home {
    let home = Home::empty();
    let keyring = Keyring::create(&home.identity(), Some(PASSPHRASE.into()), CHEAP, now()).unwrap();
    let document = document_for(&keyring.recipients());
    Store::create(&home.places(), keyring, document, now()).unwrap();
    home
}

/// The screen without the home's own path.
fn without(home: PathBuf, screen: &str) -> String {
    screen.replace(home.to_str().unwrap(), "HOME")
}

#[test]
fn a_passphrase_opens_and_a_wrong_one_does_not() {
    let mut ui = Start::at(protected()).start();
    ui.wait("Passphrase of").keys("wrong").misses("wrong").sees("•••••").keys("<enter>");
    ui.wait("wrong passphrase").keys("correct").misses("wrong passphrase").keys(" horse<enter>");
    ui.wait("0 credentials").misses("horse");
}

#[test]
fn leaving_the_lock_screen_ends_the_workbench() {
    let mut ui = Start::at(protected()).start();
    assert_eq!(ui.wait("Passphrase of").keys("<esc>").ends(), Ended::Quit);
}

#[test]
fn locking_asks_for_the_passphrase_again() {
    let mut ui = Start::at(protected()).start();
    ui.wait("Passphrase of").paste(PASSPHRASE).keys("<enter>").wait("0 credentials");
    ui.keys("<c-l>").wait("Passphrase of").misses("0 credentials");
    ui.keys("q").sees("•").keys("<backspace>").paste(PASSPHRASE).keys("<enter>").wait("0 credentials");
}

#[test]
fn a_vault_that_opens_by_itself_stays_locked_until_a_key() {
    let mut ui = Start::with("[]").open();
    ui.keys("<c-l>")
        .wait("The vault is locked")
        .misses("0 credentials")
        .keys("<enter>")
        .wait("0 credentials");
}

#[test]
fn the_first_start_makes_identity_and_vault() {
    let mut ui = Start::at(Home::empty()).start();
    std::fs::create_dir_all(ui.home.vault().parent().unwrap()).unwrap();
    private(ui.home.vault().parent().unwrap());
    std::fs::create_dir_all(ui.home.identity().parent().unwrap()).unwrap();
    private(ui.home.identity().parent().unwrap());
    ui.wait("Welcome to credbench");
    let mut settings = insta::Settings::clone_current();
    // However long the home's own path is.
    settings.add_filter(r"(?:/\S+|HOME)/(data|config)/(\S+) +│", "HOME/$1/$2 │");
    let root = ui.home.root.clone();
    let screen = ui.screen();
    settings.bind(|| assert_snapshot!(without(root, &screen)));
    ui.keys("short<enter>other<enter>").sees("the two passphrases differ");
    ui.keys("short<enter>").wait("the vault was made").sees("0 credentials");
    assert_eq!(ui.keys("q").ends(), Ended::Quit);
    let home = std::mem::replace(&mut ui.home, Home::empty());
    let mut again = Start::at(home).start();
    again.wait("Passphrase of").keys("short<enter>").wait("0 credentials");
}

fn private(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).unwrap();
}

#[test]
fn a_rolled_back_vault_opens_read_only_after_a_typed_yes() {
    let home = Home::with_vault();
    let old = std::fs::read(home.vault()).unwrap();
    home.add("one");
    std::fs::write(home.vault(), old).unwrap();
    let mut ui = Start::at(home).start();
    ui.wait("The vault is refused").sees("ROLLBACK").keys("<enter>").sees("stays closed");
    ui.keys("yes<enter>").wait("read-only").sees("0 credentials");
    ui.keys("a").sees("the vault is open read-only").misses("New kind");
    for screen in ["S", "O"] {
        ui.keys(screen).keys("a").sees("the vault is open read-only").misses("New").keys("<esc>");
    }
}

#[test]
fn a_damaged_vault_is_told_and_not_opened() {
    let home = Home::with_vault();
    std::fs::write(home.vault(), "not a vault").unwrap();
    let mut ui = Start::at(home).start();
    ui.wait("refused").keys("yes<enter>").wait("refused").misses("0 credentials");
}

#[test]
fn first_sight_is_told_once() {
    // A colleague, on a host of their own: another hand than theirs wrote the vault.
    let home = Home::empty();
    let ours = Keyring::create(&home.identity(), None, CHEAP, now()).unwrap();
    let other = home.root.join("config/other.age");
    let theirs = Keyring::create(&other, None, CHEAP, now()).unwrap();
    let document = document_for(&[ours.recipients(), theirs.recipients()].concat());
    Store::create(&home.places(), ours, document, now()).unwrap();
    std::fs::remove_file(home.places().seen).unwrap();
    let mut ui = Start::at(home).identity(other).open();
    ui.sees("for the first time").keys("<c-l>").wait("locked").keys("<enter>").wait("0 credentials");
    ui.misses("for the first time");
}
