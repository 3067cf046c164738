//! Files that the real programs made: KeePassXC's command line, pass with gpg.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::{get, rows};
use crate::support::home::Account;
use crate::support::vault::installed;

/// Runs a program of somebody else in an account's home.
fn run(account: &Account, program: &str, arguments: &[&str], input: &str) -> String {
    let mut child = Command::new(program)
        .args(arguments)
        .env("HOME", &account.home)
        .env("XDG_RUNTIME_DIR", &account.home)
        .env("QT_QPA_PLATFORM", "offscreen")
        .env("GNUPGHOME", account.home.join("gnupg"))
        .env("PASSWORD_STORE_DIR", account.home.join("store"))
        .env("LC_ALL", "C.UTF-8")
        .current_dir(&account.home)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes()).unwrap();
    let done = child.wait_with_output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(done.status.success(), "{program} {arguments:?}: {}{}", text(&done.stdout), text(&done.stderr));
    text(&done.stdout)
}

const XML: &str = r#"<?xml version="1.0" encoding="UTF-8" standalone="yes"?>
<KeePassFile><Meta><Generator>KeePassXC</Generator></Meta><Root><Group><UUID>AAAAAAAAAAAAAAAAAAAAAQ==</UUID><Name>Root</Name>
<Group><UUID>AAAAAAAAAAAAAAAAAAAAAg==</UUID><Name>Work</Name>
<Entry><UUID>AAAAAAAAAAAAAAAAAAAAAw==</UUID><Tags>net;old</Tags>
<String><Key>Title</Key><Value>Router</Value></String><String><Key>UserName</Key><Value>ann</Value></String>
<String><Key>Password</Key><Value ProtectInMemory="True">p&lt;w ä</Value></String><String><Key>URL</Key><Value>https://r.example</Value></String>
<String><Key>Notes</Key><Value>two
lines</Value></String><String><Key>PIN</Key><Value ProtectInMemory="True">1234</Value></String><String><Key>Model</Key><Value>X</Value></String>
<String><Key>otp</Key><Value ProtectInMemory="True">otpauth://totp/x?secret=JBSWY3DPEHPK3PXP&amp;period=30&amp;digits=6</Value></String>
</Entry></Group></Group></Root></KeePassFile>"#;

/// What was in [`XML`] is in the vault.
fn check(account: &Account, done: &crate::support::command::Done) {
    assert!(rows(done).contains(&"router basic_auth new".to_owned()), "{}", done.out);
    let fields = [
        ("password", "p<w ä"),
        ("username", "ann"),
        ("PIN", "1234"),
        ("Model", "X"),
        ("base_url", "https://r.example"),
    ];
    for (field, value) in fields {
        assert_eq!(get(account, "router", field), value);
    }
    assert!(get(account, "router", "totp").contains("JBSWY3DPEHPK3PXP"));
    let document = account.run(&["show", "router", "--json"]).succeeds().json();
    assert_eq!((&document["notes"], &document["imported"]["folder"]), (&"two\nlines".into(), &"Work".into()));
    assert!(document["tags"].as_array().unwrap().contains(&"net".into()));
}

#[test]
fn keepassxc_writes_databases_that_import_whole() {
    if !installed("keepassxc-cli") {
        return;
    }
    let account = Account::with_vault();
    account.write("in.xml", XML);
    run(&account, "keepassxc-cli", &["import", "in.xml", "db.kdbx", "-p"], "pass word\npass word\n");
    let password = account.write("password", "pass word\n");
    let done = account.run(&["import", "kdbx", "db.kdbx", "--password-file", &password, "--json"]).succeeds();
    check(&account, &done);
    // Its own exports say the same: nothing is new.
    let key = |format: &str| {
        run(&account, "keepassxc-cli", &["export", "-q", "-f", format, "db.kdbx"], "pass word\n")
    };
    let xml = account.write("out.xml", &key("xml"));
    let done = account.run(&["import", "keepass-xml", &xml, "--json"]).succeeds();
    assert_eq!(rows(&done), ["router basic_auth duplicate"]);
    let csv = account.write("out.csv", &key("csv"));
    let done = account.run(&["import", "csv", &csv, "--json"]).succeeds();
    // The table says the seed in other words.
    assert_eq!(rows(&done), ["router basic_auth changed"]);
    assert!(get(&account, "router", "totp").contains("issuer=Router"));
    let wrong = account.write("wrong", "other\n");
    let error =
        account.run(&["import", "kdbx", "db.kdbx", "--password-file", &wrong, "--json"]).exits(7).error();
    assert!(error["message"].as_str().unwrap().contains("does not open it"));
}

#[test]
fn keepassxc_databases_with_a_key_file_and_attachments() {
    if !installed("keepassxc-cli") {
        return;
    }
    let account = Account::with_vault();
    run(
        &account,
        "keepassxc-cli",
        &["db-create", "-q", "--set-key-file", "db.key", "-p", "db.kdbx"],
        "pw\npw\n",
    );
    let add =
        ["add", "-q", "-k", "db.key", "-u", "ann", "--url", "https://a.example", "-p", "db.kdbx", "Entry"];
    run(&account, "keepassxc-cli", &add, "pw\nfirst\n");
    let edit = ["edit", "-q", "-k", "db.key", "-p", "db.kdbx", "Entry"];
    run(&account, "keepassxc-cli", &edit, "pw\nsecond\n");
    account.write("file.txt", "attached");
    run(
        &account,
        "keepassxc-cli",
        &["attachment-import", "-q", "-k", "db.key", "db.kdbx", "Entry", "file.txt", "file.txt"],
        "pw\n",
    );
    let password = account.write("password", "pw");
    let arguments = ["import", "kdbx", "db.kdbx", "--password-file", &password, "--key-file", "db.key"];
    let done = account.run(&arguments).succeeds();
    assert!(done.out.contains("its file \"file.txt\" is not taken over"), "{}", done.out);
    assert_eq!(get(&account, "entry", "password"), "second");
    let document = account.run(&["show", "entry", "--json"]).succeeds().json();
    assert!(document["imported"]["earlier"]["1"].is_object(), "the first password is kept");
    account.run(&arguments[..5]).exits(7);
}

/// A key of gpg and a store of pass, both in the account's home.
fn store(account: &Account) -> PathBuf {
    std::fs::create_dir(account.home.join("gnupg")).unwrap();
    run(account, "chmod", &["700", "gnupg"], "");
    let key = [
        "--batch",
        "--passphrase",
        "",
        "--quick-generate-key",
        "Ann <ann@example.org>",
        "future-default",
        "default",
        "never",
    ];
    run(account, "gpg", &key, "");
    run(account, "pass", &["init", "ann@example.org"], "");
    for (name, text) in [
        ("work/mail.example", "p w\nlogin: ann\nurl: https://mail.example\nPIN: 1\n"),
        ("wifi", "secret\nin the cellar\n"),
    ] {
        run(account, "pass", &["insert", "-m", name], text);
    }
    account.home.join("store")
}

fn end_agent(account: &Account) {
    // Its agent would outlive the test.
    let _ =
        Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", account.home.join("gnupg")).status();
}

#[test]
fn pass_stores_are_decrypted_by_gpg() {
    if !installed("pass") || !installed("gpg") {
        return;
    }
    let account = Account::with_vault();
    let store = store(&account);
    // What is no entry is told; a link is not followed; an entry that is nobody's stops the import.
    account.write("outside.gpg", "x");
    std::os::unix::fs::symlink(account.home.join("outside.gpg"), store.join("link.gpg")).unwrap();
    std::fs::write(store.join("README"), "x").unwrap();
    let import = |more: &[&str]| {
        let command = account.command().env("GNUPGHOME", account.home.join("gnupg"));
        command.args(["import", "pass", store.to_str().unwrap()]).args(more).run()
    };
    let done = import(&["--json"]).succeeds();
    assert_eq!(rows(&done), ["wifi secret new", "mail.example basic_auth new"]);
    assert_eq!(
        (get(&account, "mail.example", "password"), get(&account, "mail.example", "PIN")),
        ("p w".into(), "1".into())
    );
    assert_eq!(get(&account, "wifi", "password"), "secret");
    let told = import(&["--dry-run"]).succeeds().err;
    assert!(told.contains("link.gpg is a link") && told.contains("README is no entry"), "{told}");
    let generation = |account: &Account| std::fs::read(account.vault()).unwrap();
    let before = generation(&account);
    std::fs::write(store.join("broken.gpg"), "not encrypted").unwrap();
    let error = import(&["--json"]).exits(1).error();
    assert_eq!(error["code"], "gpg");
    assert_eq!(generation(&account), before);
    end_agent(&account);
}

#[test]
fn without_gpg_a_store_is_told_to_need_it() {
    let account = Account::with_vault();
    let bin = account.home.join("bin");
    std::fs::create_dir(&bin).unwrap();
    // What starts the program, and nothing else.
    for tool in ["env", "setsid"] {
        std::os::unix::fs::symlink(which(tool), bin.join(tool)).unwrap();
    }
    let done = account.command().env("PATH", &bin).args(["import", "pass", ".", "--json"]).run();
    assert_eq!(done.exits(1).error()["code"], "no_gpg");
}

fn which(program: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap();
    let found =
        std::env::split_paths(&path).map(|folder| folder.join(program)).find(|path| Path::is_file(path));
    found.unwrap()
}
