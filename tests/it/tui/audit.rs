//! The audit log on the screen; and that nothing is shown or copied that cannot be written there.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use credbench::audit::{Entry, What, Who, without_key};
use serde_json::Value;

use crate::support::ui::Start;
use crate::support::vault::now;

const TWO: &str = r#"[{"key":"one","kind":"api_key",
    "config":{"base_url":"https://a.example","api_key":"sk-very-secret"}},
    {"key":"two","kind":"secret","config":{"values":{"A":"first-value"}}}]"#;

#[test]
fn what_was_shown_and_copied_is_looked_up() {
    let mut ui = Start::with(TWO).open();
    ui.keys("<c-r>").wait("sk-very-secret").keys("<down>y").wait("sent to the terminal's clipboard");
    ui.sees("used once, now");
    ui.keys("H")
        .wait("Audit log")
        .wait("revealed")
        .sees("copied")
        .sees("opened")
        .sees("default/two  values.A");
    ui.misses("sk-very-secret").misses("first-value");
    // Every word has to be there; the details are those of what is selected.
    ui.keys("revealed one").sees("default/one  api_key").misses("default/two");
    ui.sees("with the vault's key").sees("Who");
    ui.keys("<c-u>nothing like it").sees("Nothing matches.");
    ui.keys("<c-s>").sees("there is nothing to write").keys("<esc>").sees("Credentials").misses("Audit log");
    // Of one credential, from its versions.
    ui.keys("<up>h").wait("Versions of one").keys("H").wait("Audit log of one").wait("revealed");
    ui.misses("default/two").misses("opened").keys("<esc>").sees("Versions of one");
}

#[test]
fn records_are_written_to_a_file_of_ones_own() {
    let mut ui = Start::with(TWO).open();
    ui.keys("<c-r>").wait("sk-very-secret").keys("<down><c-r>").wait("first-value");
    let target = ui.home.root.join("records.jsonl");
    ui.keys("H").wait("revealed").keys("revealed<c-s>").sees("Write to: ~/audit-");
    ui.keys("<c-u>").paste(target.to_str().unwrap()).keys("<enter>").wait("written to");
    let text = fs::read_to_string(&target).unwrap();
    let keys: Vec<Value> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["key"].clone()).collect();
    assert_eq!(keys, ["one", "two"], "what is shown, the oldest first");
    assert_eq!(fs::metadata(&target).unwrap().permissions().mode() & 0o777, 0o600);
    // What is there is not replaced; and that it was written stands in the log.
    ui.keys("<c-s><c-u>").paste(target.to_str().unwrap()).keys("<enter>").wait("there is a file at");
    ui.keys("<esc>H").wait("log exported");
}

#[test]
fn nothing_is_shown_or_copied_that_cannot_be_written() {
    let mut ui = Start::with(TWO).open();
    let log = ui.home.root.join("data/vault.age.d/audit.log");
    let kept = log.with_file_name("kept");
    fs::rename(&log, &kept).unwrap();
    fs::create_dir(&log).unwrap();
    ui.keys("<c-r>").wait("nothing was handed out").misses("sk-very-secret");
    ui.keys("y").wait("nothing was handed out");
    assert!(ui.clipboard.is_empty(), "{:?}", ui.clipboard);
    // The list goes on, and locking is never refused.
    ui.keys("<down>").sees("two").keys("<c-l>").wait("locked");
    fs::remove_dir(&log).unwrap();
    fs::rename(&kept, &log).unwrap();
    ui.keys("<enter>").wait("Credentials").keys("<c-r>").wait("sk-very-secret");
}

#[test]
fn attempts_that_failed_are_asked_about() {
    let mut ui = Start::with(TWO).open();
    ui.misses("Before this session").keys("<c-l>").wait("locked");
    // Its own line about that would count them.
    let log = ui.home.root.join("data/vault.age.d/audit.log");
    let start = std::time::Instant::now();
    while !fs::read_to_string(&log).unwrap().contains(r#""what":"locked""#) {
        assert!(start.elapsed() < std::time::Duration::from_secs(30), "the lock is written");
        std::thread::park_timeout(std::time::Duration::from_millis(5));
    }
    let entry = Entry::new(What::UnlockFailed).with_result("wrong_passphrase");
    let who = Who { user: "ann".to_owned(), ssh: "10.0.0.7".to_owned(), ..Who::default() };
    for _ in 0..2 {
        without_key(&ui.home.root.join("data/vault.age.d"), who.clone(), &entry, now()).unwrap();
    }
    ui.keys("<enter>").wait("Before this session").sees("unlocking failed 2 times since");
    ui.sees("by ann from 10.0.0.7").sees("[ Go on ]");
    ui.keys("<tab><enter>").wait("Audit log").wait("unlock failed").sees("wrong passphrase");
    // It is asked once.
    ui.keys("<esc>").sees("Credentials").keys("<c-l>").wait("locked").keys("<enter>").wait("last unlocked");
    ui.misses("Before this session");
}

#[test]
fn who_unlocked_the_vault_before_is_told() {
    let mut ui = Start::with(TWO).open();
    ui.keys("<c-l>").wait("locked").keys("<enter>").wait("last unlocked 2026-11-22 10:00 UTC by");
    ui.keys("H").wait("locked").sees("opened");
}
