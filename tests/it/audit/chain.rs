//! Whoever has our source, the recipient string and every file but the identity and `seen.json` changes the log, and
//! recomputes every hash that takes no key.

use std::fs;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::{Copy, account, folder, lines, log, records, write_lines};
use crate::support::home::Account;

/// Requires that every command refuses, and that the check names this line.
#[track_caller]
fn refused(account: &Account, line: usize) {
    let verify = account.run(&["audit", "verify"]).exits(6);
    assert!(verify.out.is_empty());
    assert!(verify.err.contains(&format!("audit.log: line {line} ")), "{}", verify.err);
    for command in [&["list"][..], &["get", "pay.api"], &["remove", "pay.api", "--force"], &["audit"]] {
        let done = account.run(command).exits(6);
        assert!(done.out.is_empty(), "{command:?}: {}", done.out);
    }
    let doctor = account.run(&["doctor"]).exits(1);
    assert!(doctor.out.contains("fail"), "{}", doctor.out);
}

fn with_history() -> Account {
    let account = account();
    account.run(&["get", "pay.api"]).succeeds();
    account.run(&["get", "db.files", "b"]).succeeds();
    account.run(&["audit", "verify"]).succeeds();
    account
}

/// The lines with numbers and hashes that fit.
fn relinked(lines: &[String]) -> Vec<String> {
    let mut hash = [0; 32];
    let mut out = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let mut value: Value = serde_json::from_str(line).unwrap();
        value["n"] = (index + 1).into();
        value["prev"] = hash.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        let line = value.to_string();
        hash = Sha256::new().chain_update(hash).chain_update(&line).finalize().into();
        out.push(line);
    }
    out
}

#[test]
fn a_line_that_is_missing_is_named() {
    let account = with_history();
    let whole = lines(&account);
    let copy = Copy::of(&account);
    for index in [0, whole.len() / 2, whole.len() - 1] {
        let mut fewer = whole.clone();
        fewer.remove(index);
        write_lines(&account, &fewer);
        refused(&account, index + 1);
        copy.put_back(&account, &["data", "state"]);
    }
    // Control: as it was, nothing is wrong.
    account.run(&["audit", "verify"]).succeeds();
}

#[test]
fn lines_moved_doubled_and_changed_are_named() {
    let account = with_history();
    let whole = lines(&account);
    let copy = Copy::of(&account);
    type Change = fn(&mut Vec<String>);
    let changes: [(&str, Change, usize); 3] = [
        ("moved", |lines| lines.swap(1, 2), 2),
        ("doubled", |lines| lines.insert(3, lines[2].clone()), 4),
        ("changed", |lines| lines[4] = lines[4].replacen("\"uid\":", "\"uid\":1", 1), 5),
    ];
    for (what, change, line) in changes {
        let mut lines = whole.clone();
        change(&mut lines);
        assert_ne!(lines, whole, "{what}");
        write_lines(&account, &lines);
        refused(&account, line);
        copy.put_back(&account, &["data", "state"]);
    }
    account.run(&["audit", "verify"]).succeeds();
}

#[test]
fn a_chain_that_was_computed_anew_is_forged() {
    let account = with_history();
    let whole = lines(&account);
    let copy = Copy::of(&account);
    let got = whole.iter().position(|line| line.contains(r#""what":"got""#)).unwrap();
    let mut fewer = whole.clone();
    fewer.drain(got..got + 2);
    write_lines(&account, &relinked(&fewer));
    refused(&account, got + 1);
    copy.put_back(&account, &["data", "state"]);

    // As long as before, and with a use blamed on somebody else.
    let mut blamed = whole.clone();
    blamed[got] = blamed[got].replacen("\"uid\":", "\"uid\":4", 1);
    let mut hash = [0; 32];
    for (index, line) in blamed.iter_mut().enumerate() {
        let at = line.find(r#""prev":""#).unwrap() + 8;
        let prev: String = hash.iter().map(|byte: &u8| format!("{byte:02x}")).collect();
        line.replace_range(at..at + 64, &prev);
        hash = Sha256::new().chain_update(hash).chain_update(&*line).finalize().into();
        assert!(index != 0 || *line == whole[0]);
    }
    write_lines(&account, &blamed);
    refused(&account, got + 1);
    copy.put_back(&account, &["data", "state"]);
    account.run(&["audit", "verify"]).succeeds();
}

#[test]
fn a_log_of_before_in_the_place_of_todays_shows() {
    let account = with_history();
    let before = fs::read(log(&account)).unwrap();
    let count = lines(&account).len();
    account.run(&["get", "pay.api"]).succeeds();
    let copy = Copy::of(&account);
    fs::write(log(&account), &before).unwrap();
    refused(&account, count + 1);
    // The whole log gone, and an empty file in its place.
    fs::remove_file(log(&account)).unwrap();
    let gone = account.run(&["list"]).exits(6);
    assert!(gone.err.contains("is gone"), "{}", gone.err);
    copy.put_back(&account, &["data"]);
    fs::write(log(&account), "").unwrap();
    refused(&account, 1);
    // Another vault's log.
    copy.put_back(&account, &["data"]);
    let other = with_history();
    fs::write(log(&account), fs::read(log(&other)).unwrap()).unwrap();
    refused(&account, 1);
    copy.put_back(&account, &["data"]);
    account.run(&["audit", "verify"]).succeeds();
}

/// The vault's signed header names a line of the log, so a host that never saw either can tell.
#[test]
fn a_host_without_a_memory_knows_what_the_vault_says() {
    let account = with_history();
    account.run(&["remove", "db.files", "--force"]).succeeds();
    let whole = lines(&account);
    let removal = whole.iter().rposition(|line| line.contains(r#""what":"removed""#)).unwrap();
    assert!(removal == whole.len() - 1 && whole[removal - 1].contains("intent"));
    fs::remove_dir_all(account.home.join("state")).unwrap();
    write_lines(&account, &whole[..removal - 2]);
    let refused = account.run(&["list"]).exits(6);
    assert!(refused.err.contains("the end was cut off"), "{}", refused.err);
    // Control: with what the vault was saved after, nothing is known to be missing.
    fs::remove_dir_all(account.home.join("state")).unwrap();
    write_lines(&account, &whole[..removal]);
    account.run(&["list"]).succeeds();
}

/// And the log names the vault: an older one shows without a memory, too.
#[test]
fn an_older_vault_beside_a_newer_log_is_refused() {
    let account = with_history();
    let older = fs::read(account.vault()).unwrap();
    account.put(r#"{"key":"later","kind":"secret","config":{"values":{"a":"x"}}}"#);
    fs::write(account.vault(), older).unwrap();
    fs::remove_dir_all(account.home.join("state")).unwrap();
    let refused = account.run(&["list", "--json"]).exits(6);
    assert_eq!(refused.error()["code"], "audit_broken");
    assert!(refused.err.contains("an older vault stands here"), "{}", refused.err);
    // Control: without the log there is nothing that could tell.
    fs::remove_dir_all(account.home.join("state")).unwrap();
    fs::remove_dir_all(folder(&account)).unwrap();
    account.run(&["list", "--json"]).succeeds();
}

#[test]
fn a_log_that_is_not_whole_is_adopted_and_kept() {
    let account = with_history();
    let mut fewer = lines(&account);
    fewer.remove(3);
    write_lines(&account, &fewer);
    refused(&account, 4);
    account.run(&["vault", "adopt"]).exits(5);
    let adopted = account.run(&["vault", "adopt", "--yes", "--yes"]).succeeds();
    assert!(adopted.err.contains("a new one begins"), "{}", adopted.err);
    let kept = folder(&account).join("audit.log.aside-1");
    let kept: Vec<String> = fs::read_to_string(kept).unwrap().lines().map(str::to_owned).collect();
    assert!(kept.starts_with(&fewer), "nothing of it is lost");
    assert!(kept[fewer.len()..].iter().all(|line| line.contains("vault_refused")));
    account.run(&["audit", "verify"]).succeeds();
    let records = records(&account, &[]);
    assert_eq!(
        (&records[0]["what"], &records[0]["result"]),
        (&json!("vault_adopted"), &json!("log_set_aside"))
    );
    assert!(records[0]["note"].as_str().unwrap().contains("line 4"));
    account.run(&["vault", "adopt"]).succeeds();
    assert_eq!(account.run(&["get", "pay.api"]).out, "marker-key-1");
}

#[test]
fn attempts_that_failed_are_counted_by_the_next_that_did_not() {
    let account = Account::with_passphrase("correct horse");
    let pass = account.passphrase_file();
    let pass = pass.to_str().unwrap();
    let wrong = account.write("wrong", "battery staple");
    for _ in 0..3 {
        account.run(&["list", "--passphrase-file", &wrong]).exits(3);
    }
    let failed = lines(&account);
    assert!(
        failed.iter().rev().take(3).all(|line| line.contains("unlock_failed") && !line.contains("\"mac\""))
    );
    let done = account.run(&["list", "--passphrase-file", pass]).succeeds();
    assert!(done.err.contains("unlocking failed 3 times"), "{}", done.err);
    let again = account.run(&["list", "--passphrase-file", pass]).succeeds();
    assert!(!again.err.contains("unlocking failed"), "{}", again.err);
    let sealed = lines(&account);
    assert!(sealed[failed.len()].contains(r#""what":"sealed""#), "{}", sealed[failed.len()]);
    let of =
        account.run(&["audit", "--json", "--what", "unlock_failed", "--passphrase-file", pass]).succeeds();
    let of = of.json();
    assert_eq!(of.as_array().unwrap().len(), 3);
    assert_eq!((&of[0]["result"], &of[0]["keyed"]), (&json!("wrong_passphrase"), &json!(false)));

    // From then on an attempt cannot be taken away, nor one be made up.
    let mut fewer = sealed.clone();
    fewer.remove(failed.len() - 1);
    write_lines(&account, &fewer);
    account.run(&["list", "--passphrase-file", pass]).exits(6);
    // Control: before it was counted, nobody knows of it.
    let account = Account::with_passphrase("correct horse");
    let before = lines(&account);
    let wrong = account.write("wrong", "battery staple");
    account.run(&["list", "--passphrase-file", &wrong]).exits(3);
    write_lines(&account, &before);
    let pass = account.passphrase_file();
    account.run(&["audit", "verify", "--passphrase-file", pass.to_str().unwrap()]).succeeds();
}

/// A refused vault is written down as well.
#[test]
fn a_refused_vault_leaves_a_line() {
    let account = with_history();
    let older = fs::read(account.vault()).unwrap();
    account.put(r#"{"key":"later","kind":"secret","config":{"values":{"a":"x"}}}"#);
    let newer = fs::read(account.vault()).unwrap();
    fs::write(account.vault(), older).unwrap();
    account.run(&["get", "pay.api"]).exits(6);
    fs::write(account.vault(), newer).unwrap();
    account.run(&["list"]).succeeds();
    let refused = records(&account, &["--what", "vault_refused"]);
    assert_eq!(refused.len(), 1);
    assert_eq!((&refused[0]["result"], &refused[0]["keyed"]), (&json!("rollback"), &json!(false)));
    account.run(&["audit", "verify"]).succeeds();
}
