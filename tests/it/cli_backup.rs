//! `backup`: earlier generations are listed, brought back and dropped, also where the vault itself is damaged or
//! gone (RELIABILITY D11, D17).

use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use crate::support::home::Account;
use crate::support::terminal::OnTerminal;

/// A vault with `a` in generation 2 and `b` besides in generation 3.
fn account() -> Account {
    let account = Account::with_vault();
    for key in ["a", "b"] {
        account.put(&document(key));
    }
    account
}

fn document(key: &str) -> String {
    format!(r#"{{"key":"{key}","kind":"secret","config":{{"values":{{"v":"marker-{key}"}}}}}}"#)
}

fn keys(account: &Account) -> Vec<String> {
    let rows = account.run(&["list", "--json"]).succeeds().json();
    rows.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect()
}

fn names(account: &Account) -> Vec<String> {
    let rows = account.run(&["backup", "list", "--json"]).succeeds().json();
    rows.as_array().unwrap().iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect()
}

fn generation(account: &Account) -> u64 {
    account.open().store.header().generation
}

fn backups(account: &Account) -> PathBuf {
    account.home.join("data/credbench/vault.age.d/backups")
}

/// Puts bytes in the place of a file: it has other links, whose content must stay.
fn put_in_place(path: &std::path::Path, bytes: &[u8]) {
    std::fs::remove_file(path).unwrap();
    put_new(path, bytes);
}

fn put_new(path: &std::path::Path, bytes: &[u8]) {
    use std::io::Write;
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// The vault with a bit of its encrypted part changed.
fn damage(account: &Account) {
    let mut bytes = std::fs::read(account.vault()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    put_in_place(&account.vault(), &bytes);
}

#[test]
fn an_earlier_generation_becomes_the_newest() {
    let account = account();
    let rows = account.run(&["backup", "list", "--json"]).succeeds().json();
    assert_eq!(names(&account), ["1", "2"]);
    assert_eq!((&rows[1]["opens"], &rows[1]["credentials"]), (&true.into(), &1.into()));
    let listed = account.run(&["backup", "list"]).succeeds().out;
    assert!(listed.lines().count() == 2 && listed.contains("1 credential"), "{listed}");
    let refused = account.run(&["backup", "restore", "2", "--json"]).exits(5).error();
    assert_eq!(refused["code"], "needs_force");
    assert_eq!(keys(&account), ["a", "b"]);
    let done = account.run(&["backup", "restore", "2", "--force"]).succeeds();
    assert_eq!(done.out, "generation 2 restored as generation 4\n");
    assert_eq!(keys(&account), ["a"]);
    assert_eq!((generation(&account), names(&account)), (4, vec!["1".into(), "2".into(), "3".into()]));
    // And back again: nothing was lost.
    account.run(&["backup", "restore", "3", "--force"]).succeeds();
    assert_eq!(keys(&account), ["a", "b"]);
    let unknown = account.run(&["backup", "restore", "99", "--force", "--json"]).exits(4).error();
    assert_eq!(unknown["code"], "no_backup");
}

#[test]
fn restoring_and_purging_ask_on_a_terminal() {
    let account = account();
    let mut terminal = OnTerminal::start(&account, &["backup", "restore", "2"]);
    terminal.sees("(1 credential) the newest?");
    terminal.types("n\r");
    assert_eq!(terminal.ends().0, 1);
    assert_eq!(generation(&account), 3);
    let mut terminal = OnTerminal::start(&account, &["backup", "purge"]);
    terminal.sees("Drop all 2 earlier generations");
    terminal.types("y\r");
    assert_eq!(terminal.ends().0, 0);
    assert!(names(&account).is_empty());
    assert_eq!(account.run(&["backup", "purge", "--json"]).succeeds().json()["purged"], 0);
    account.put(&document("c"));
    assert_eq!(account.run(&["backup", "purge", "--json"]).exits(5).error()["code"], "needs_force");
    assert_eq!(account.run(&["backup", "purge", "--force"]).succeeds().out, "1 backup purged\n");
    assert_eq!(keys(&account), ["a", "b", "c"]);
}

#[test]
fn a_damaged_vault_names_the_newest_good_backup_and_gets_it_back() {
    let account = account();
    // The newest backup is damaged too: then it is the one before it.
    let newest = std::fs::read(backups(&account).join("2.age")).unwrap();
    put_in_place(&backups(&account).join("2.age"), &newest[..newest.len() - 1]);
    let honest = std::fs::read(account.vault()).unwrap();
    damage(&account);
    for command in [&["list"][..], &["get", "a"], &["put", "--no-test"], &["doctor"]] {
        let done = account.command().args(command).input(document("c")).run();
        let text = format!("{}{}", done.out, done.err);
        assert!(text.contains("the encrypted part was changed or cut"), "{text}");
        assert!(text.contains("`credbench backup restore 1`"), "{text}");
        assert_eq!(done.code, if command == ["doctor"] { 1 } else { 6 });
    }
    let listed = account.run(&["backup", "list"]).succeeds().out;
    assert!(listed.contains("does not open: "), "{listed}");
    account.run(&["backup", "restore", "2", "--force"]).exits(6);
    put_in_place(&backups(&account).join("2.age"), &newest);
    // Another host saw generation 3 before it was damaged, and goes on.
    let other = |arguments: &[&str]| {
        account.command().env("XDG_STATE_HOME", account.home.join("other")).args(arguments).run()
    };
    let damaged = std::fs::read(account.vault()).unwrap();
    put_in_place(&account.vault(), &honest);
    other(&["list"]).succeeds();
    put_in_place(&account.vault(), &damaged);
    account.run(&["backup", "restore", "2", "--force"]).succeeds();
    assert_eq!((keys(&account), generation(&account)), (vec!["a".to_owned()], 4));
    assert_eq!(std::fs::read(backups(&account).join("damaged-1.age")).unwrap(), damaged);
    other(&["list"]).succeeds();
    // Purging takes the damaged one along.
    account.run(&["backup", "purge", "--force"]).succeeds();
    assert_eq!(std::fs::read_dir(backups(&account)).unwrap().count(), 0);
}

#[test]
fn a_vault_that_is_gone_comes_back_from_its_backups() {
    let account = account();
    std::fs::remove_file(account.vault()).unwrap();
    account.run(&["list"]).exits(3);
    account.run(&["backup", "restore", "2", "--force"]).succeeds();
    assert_eq!((keys(&account), generation(&account)), (vec!["a".to_owned()], 4));
    // Without any there is nothing to come back from.
    let empty = Account::with_vault();
    std::fs::remove_file(empty.vault()).unwrap();
    assert_eq!(empty.run(&["backup", "list", "--json"]).exits(3).error()["code"], "no_vault");
}

#[test]
fn damage_in_the_header_is_told_from_a_stranger() {
    let account = account();
    let honest = std::fs::read(account.vault()).unwrap();
    let stanza = honest.windows(10).position(|window| window == b"-> X25519 ").unwrap() + 12;
    // Still base64: another letter of the key that it was encrypted with, and not a header that cannot be read.
    let mut bytes = honest.clone();
    bytes[stanza] = if honest[stanza] == b'A' { b'B' } else { b'A' };
    put_in_place(&account.vault(), &bytes);
    let error = account.run(&["list", "--json"]).exits(3).error();
    assert_eq!(error["code"], "no_identity_opens");
    assert!(
        error["message"].as_str().unwrap().contains("although they open its backup of generation 2"),
        "{error}"
    );
    put_in_place(&account.vault(), &honest);
    let stranger = Account::with_vault();
    let identity = stranger.identity();
    let error = account.run(&["list", "--json", "--identity", identity.to_str().unwrap()]).exits(3).error();
    assert!(!error["message"].as_str().unwrap().contains("backup"), "{error}");
}

#[test]
fn who_was_taken_off_does_not_come_back_with_an_old_generation() {
    let account = account();
    let friend = Account::with_vault();
    let recipients = friend.run(&["recipients", "list", "--json"]).json();
    let recipient = recipients["recipients"][0]["recipient"].as_str().unwrap().to_owned();
    account.run(&["recipients", "add", &recipient]).succeeds();
    let identity = friend.identity();
    let opens = || {
        account
            .command()
            .env("XDG_STATE_HOME", account.home.join("friend"))
            .args(["list", "--identity", identity.to_str().unwrap()])
            .run()
            .code
            == 0
    };
    assert!(opens());
    let with_friend = generation(&account).to_string();
    let said = account.run(&["recipients", "remove", &recipient]).succeeds().err;
    assert!(said.contains("2 secrets should be replaced") && said.contains("backup purge"), "{said}");
    assert!(!opens());
    account.run(&["backup", "restore", &with_friend, "--force"]).succeeds();
    assert!(!opens());
    assert_eq!(keys(&account), ["a", "b"]);
}

#[test]
fn what_was_planted_or_rolled_back_is_not_restored() {
    let account = account();
    let before = std::fs::read(account.vault()).unwrap();
    // Whoever knows the recipient can encrypt to it.
    let recipients = account.run(&["recipients", "list", "--json"]).json();
    let recipient: age::x25519::Recipient =
        recipients["recipients"][0]["recipient"].as_str().unwrap().parse().unwrap();
    let honest = std::fs::read(backups(&account).join("1.age")).unwrap();
    let forged = age::encrypt(&recipient, br#"{"body":{"credentials":[]}}"#).unwrap();
    put_in_place(&backups(&account).join("1.age"), &forged);
    account.run(&["backup", "restore", "1", "--force"]).exits(6);
    // Rightly signed, but another vault's.
    let other = Account::with_vault();
    other.put(&document("x"));
    let identity = other.identity();
    put_in_place(&backups(&account).join("1.age"), &std::fs::read(other.vault()).unwrap());
    let both = ["--identity", account.identity().to_str().unwrap(), "--identity", identity.to_str().unwrap()]
        .map(str::to_owned);
    let arguments = ["backup", "restore", "1", "--force"].map(str::to_owned);
    account.command().args(arguments.iter().chain(&both)).run().exits(6);
    assert_eq!(std::fs::read(account.vault()).unwrap(), before);
    // An old file in the vault's place is a rollback, not damage: it has to be adopted, or taken away.
    put_in_place(&backups(&account).join("1.age"), &honest);
    put_in_place(&account.vault(), &honest);
    let error = account.run(&["backup", "restore", "2", "--force", "--json"]).exits(6).error();
    assert_eq!(error["code"], "rollback");
    // Control: with the newest in its place it works.
    put_in_place(&account.vault(), &before);
    account.run(&["backup", "restore", "1", "--force"]).succeeds();
    assert!(keys(&account).is_empty());
}

/// What the audit log says happened, without the unlocks.
fn recorded(account: &Account) -> Vec<String> {
    let rows = account.run(&["audit", "--json"]).succeeds().json();
    let words = |row: &serde_json::Value| {
        let of = |name: &str| row[name].as_str().unwrap_or_default().to_owned();
        format!("{} {}", of("what"), of("result")).trim().to_owned()
    };
    rows.as_array().unwrap().iter().map(words).filter(|words| !words.starts_with("opened")).collect()
}

#[test]
fn going_back_and_purging_stand_in_the_audit_log_before_they_happen() {
    let account = account();
    let log = account.home.join("data/credbench/vault.age.d/audit.log");
    account.run(&["backup", "restore", "2", "--force"]).succeeds();
    account.run(&["backup", "purge", "--force"]).succeeds();
    account.run(&["audit", "verify"]).succeeds();
    let words = recorded(&account);
    assert!(words.ends_with(&["vault_restored ok".to_owned(), "backups_purged ok".to_owned()]), "{words:?}");
    account.put(&document("c"));
    // Where the log cannot be written neither happens.
    let honest = std::fs::read(&log).unwrap();
    std::fs::remove_file(&log).unwrap();
    std::fs::create_dir(&log).unwrap();
    let before = std::fs::read(account.vault()).unwrap();
    for command in [&["backup", "restore", "4", "--force"][..], &["backup", "purge", "--force"]] {
        let done = account.run(command);
        assert!(done.code != 0 && done.err.contains("audit"), "{} {}", done.code, done.err);
    }
    std::fs::remove_dir(&log).unwrap();
    put_new(&log, &honest);
    assert_eq!((std::fs::read(account.vault()).unwrap(), names(&account)), (before, vec!["4".to_owned()]));
    // Control: with the log back in its place both do.
    account.run(&["backup", "restore", "4", "--force"]).succeeds();
    account.run(&["backup", "purge", "--force"]).succeeds();
    account.run(&["audit", "verify"]).succeeds();
}

#[test]
fn a_damaged_vault_comes_back_even_where_its_log_is_broken() {
    let account = account();
    let log = account.home.join("data/credbench/vault.age.d/audit.log");
    let lines = std::fs::read(&log).unwrap();
    damage(&account);
    put_in_place(&log, &lines[..lines.len() / 2]);
    let done = account.run(&["backup", "restore", "2", "--force"]).succeeds();
    assert!(done.err.contains("until `credbench vault adopt` every command refuses"), "{}", done.err);
    account.run(&["list"]).exits(6);
    account.run(&["vault", "adopt", "--yes", "--yes"]).succeeds();
    assert_eq!(keys(&account), ["a"]);
    // Control: a sound vault with such a log is not replaced.
    let log_now = std::fs::read(&log).unwrap();
    put_in_place(&log, &log_now[..log_now.len() / 2]);
    account.run(&["backup", "restore", "1", "--force"]).exits(6);
}

#[test]
fn doctor_tries_the_newest_backup() {
    let account = account();
    let says = || account.run(&["doctor"]).out;
    assert!(says().contains("backups: 2, the newest of generation 2: it opens"), "{}", says());
    put_in_place(&backups(&account).join("2.age"), b"nothing");
    assert!(says().contains("backups: 2, the newest of generation 2: it does not open: "), "{}", says());
}

#[test]
fn every_kept_generation_can_be_restored() {
    let account = Account::with_vault();
    for number in 0..12 {
        account.put(&document(&format!("k{number:02}")));
    }
    let kept = names(&account);
    assert_eq!(kept.len(), 10);
    for name in kept {
        account.run(&["backup", "restore", &name, "--force"]).succeeds();
        assert_eq!(keys(&account).len() as u64, name.parse::<u64>().unwrap() - 1, "{name}");
    }
}
