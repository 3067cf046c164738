//! What goes wrong, with its exit code, a sentence and a hint; and nothing is lost or overwritten.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::json;

use crate::cli::{FIVE, page};
use crate::support::home::Account;

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn no_vault_no_identity_no_passphrase() {
    let account = Account::empty();
    page!(account.run(&["list"]));
    let done = account.run(&["list", "--json"]).exits(3);
    assert_eq!(done.error()["code"], "no_vault");
    assert!(done.out.is_empty());
    page!(account.run(&["init"]));
    assert!(!account.vault().exists() && !account.identity().exists());
    let account = Account::with_vault();
    std::fs::remove_file(account.identity()).unwrap();
    page!(account.run(&["list"]));
}

#[test]
fn a_wrong_passphrase_is_told_from_damage() {
    let account = Account::with_passphrase("right");
    let wrong = account.write("wrong", "wrong");
    let done = account.run(&["list", "--json", "--passphrase-file", &wrong]).exits(3);
    assert_eq!(done.error()["code"], "wrong_passphrase");
    let text = std::fs::read(account.identity()).unwrap();
    std::fs::write(account.identity(), &text[..text.len() - 20]).unwrap();
    let pass = account.passphrase_file();
    let done = account.run(&["list", "--json", "--passphrase-file", pass.to_str().unwrap()]).exits(3);
    assert_eq!(done.error()["code"], "identity_damaged", "{}", done.err);
}

#[test]
fn a_damaged_or_foreign_vault_is_refused_by_every_command() {
    let account = Account::with_vault();
    account.put(FIVE);
    let good = std::fs::read(account.vault()).unwrap();
    let mut flipped = good.clone();
    let last = flipped.len() - 1;
    flipped[last] ^= 1;
    let other = Account::with_vault();
    let cases = [
        (b"not a vault".to_vec(), 6, "vault_damaged"),
        (Vec::new(), 6, "vault_damaged"),
        (good[..good.len() / 2].to_vec(), 6, "vault_damaged"),
        (flipped, 6, "vault_damaged"),
        (std::fs::read(other.vault()).unwrap(), 3, "no_identity_opens"),
    ];
    for (bytes, code, word) in cases {
        std::fs::write(account.vault(), &bytes).unwrap();
        for arguments in [
            &["list"][..],
            &["get", "pay.api"],
            &["show", "pay.api"],
            &["test", "--all"],
            &["remove", "pay.api", "--force"],
            &["restore", "pay.api"],
            &["history", "pay.api"],
            &["solution", "add", "x"],
            &["recipients", "list"],
            &["add", "x", "--kind", "secret", "--secret-file", "a=/dev/null"],
            &["put", "--no-test", "--json-file", "/dev/null"],
        ] {
            let done = account.run(&[&["--json"], arguments].concat()).exits(code);
            assert_eq!(done.error()["code"], word, "{arguments:?}");
            assert!(done.out.is_empty());
        }
        assert_eq!(std::fs::read(account.vault()).unwrap(), bytes, "it is left as it is");
    }
    std::fs::write(account.vault(), &good).unwrap();
    assert_eq!(account.run(&["get", "crm.token"]).succeeds().out, "marker-token-3");
}

#[test]
fn a_rollback_is_refused_until_it_is_adopted() {
    let account = Account::with_vault();
    let old = std::fs::read(account.vault()).unwrap();
    account.put(FIVE);
    std::fs::write(account.vault(), &old).unwrap();
    page!(account.run(&["list"]));
    page!(account.run(&["vault", "adopt"]));
    account.run(&["vault", "adopt", "--yes"]).exits(5);
    account.run(&["list"]).exits(6);
    page!(account.run(&["vault", "adopt", "--yes", "--yes"]));
    account.run(&["list"]).succeeds();
    page!(account.run(&["vault", "adopt"]));
}

#[test]
fn what_others_may_read_is_refused_with_the_command_that_mends_it() {
    let account = Account::with_vault();
    for path in [account.identity(), account.vault()] {
        mode(&path, 0o644);
        let done = account.run(&["list", "--json"]).exits(3);
        assert_eq!(done.error()["code"], "exposed");
        assert_eq!(done.error()["hint"], format!("chmod 600 {}", path.display()));
        mode(&path, 0o600);
    }
    let folder = account.vault().parent().unwrap().to_owned();
    mode(&folder, 0o777);
    let done = account.run(&["list", "--json"]).exits(3);
    assert_eq!(done.error()["hint"], format!("chmod go-w {}", folder.display()));
    mode(&folder, 0o700);
    account.run(&["list"]).succeeds();
}

#[test]
fn a_missing_folder_and_a_file_in_its_place() {
    let account = Account::empty();
    let place = |name: &str| account.home.join(name).to_str().unwrap().to_owned();
    page!(account.run(&["init", "--plain-identity", "--vault", &place("nowhere/vault.age")]));
    account.write("file", "");
    page!(account.run(&["init", "--plain-identity", "--vault", &place("file/vault.age")]));
    page!(account.run(&["list", "--vault", &place("nowhere/vault.age")]));
    assert!(!account.home.join("nowhere").exists());
    let account = Account::empty();
    account.write("data", "a file where the data folder belongs");
    page!(account.run(&["init", "--plain-identity"]));
    assert_eq!(
        std::fs::read_to_string(account.home.join("data")).unwrap(),
        "a file where the data folder belongs"
    );
}

#[test]
fn what_was_made_before_a_failure_is_named() {
    let account = Account::empty();
    account.write("data/credbench/vault.age.d", "a file where the vault's own folder belongs");
    mode(&account.home.join("data/credbench/vault.age.d"), 0o600);
    page!(account.run(&["init", "--plain-identity"]));
    assert!(account.identity().exists() && !account.vault().exists());
}

#[test]
fn a_folder_that_cannot_be_written_keeps_the_old_vault() {
    let account = Account::with_vault();
    account.put(FIVE);
    let before = std::fs::read(account.vault()).unwrap();
    let folder = account.vault().parent().unwrap().to_owned();
    // Root may write anywhere; only the immutable flag stops it, where the file system has one.
    mode(&folder, 0o500);
    let probe = folder.join("probe");
    let writable = std::fs::write(&probe, "").is_ok();
    let _ = std::fs::remove_file(&probe);
    let chattr = |flag: &str| {
        let done = std::process::Command::new("chattr").arg(flag).arg(&folder).output();
        done.is_ok_and(|output| output.status.success())
    };
    let immutable = writable && chattr("+i");
    if writable && !immutable {
        mode(&folder, 0o700);
        return eprintln!("skipped: nothing makes a folder read-only for this user");
    }
    let done = account.run(&["--json", "remove", "crm.token", "--force"]);
    if immutable {
        assert!(chattr("-i"));
    }
    mode(&folder, 0o700);
    let done = done.exits(1);
    assert_eq!(done.error()["code"], "io", "{}", done.err);
    assert_eq!(std::fs::read(account.vault()).unwrap(), before);
    account.run(&["get", "crm.token"]).succeeds();
}

#[test]
fn the_configuration_is_read_strictly() {
    let account = Account::with_vault();
    account.write("config/credbench/config.toml", "[test]\n  timeout_second = 3\n");
    page!(account.run(&["list"]));
    let filters = "[filters]\nlate = \"is:expiring\"\nbad = 'tag:x statsu:error'\n";
    account.write("config/credbench/config.toml", filters);
    account.run(&["list"]).exits(7);
    page!(account.run(&["list"]));
    // The one that is named counts, and must be there.
    let fine = account.write("fine.toml", "[test]\ntimeout_seconds = 3\n");
    account.run(&["list", "--config", &fine]).succeeds();
    account.command().arg("list").env("CREDBENCH_CONFIG", &fine).run().succeeds();
    page!(account.run(&["list", "--config", "missing.toml"]));
}

#[test]
fn documents_that_are_not_valid_have_their_place() {
    let account = Account::with_vault();
    let put = |text: &str| account.command().args(["put", "--no-test"]).input(text).run();
    for text in [
        "{\n  \"key\": \"a\",\n  \"kind\": 'x'\n}",
        "",
        "null",
        "[]",
        "[1]",
        "\"text\"",
        "{\"key\":\"a\",\"key\":\"b\"}",
        "{\"key\":\"a\",\"kind\":\"bearer\",\"config\":{}}",
        "{\"key\":\"a\",\"config\":{}}",
        "{\"key\":\"a\",\n \"kind\":\"bearer_token\",\"config\":{\"base_url\":\"nowhere\",\"token\":7}}",
        "{\"key\":\"a\",\n \"kind\":\"bearer_token\",\"config\":{\"base_url\":\"nowhere\",\"token\":\"a\\nb c\"},\"tags\":\"x\"}",
    ] {
        let done = put(text);
        let name = snapshot_name(text);
        insta::with_settings!({snapshot_suffix => name}, { page!(done); });
        assert!(matches!(done.code, 0 | 7), "{text}");
    }
    let done = put(
        "{\"key\":\"a\",\"solution\":\"nope\",\"kind\":\"secret\",\"config\":{\"values\":{\"a\":\"b\"}}}",
    );
    done.exits(4);
    account.command().args(["put"]).input(vec![b'"', 0xff, b'"']).run().exits(7);
    account.run(&["put", "--json-file", "missing.json"]).exits(1);
}

fn snapshot_name(text: &str) -> String {
    let words: String = text.chars().map(|c| if c.is_alphanumeric() { c } else { '-' }).collect();
    let words = words.split('-').filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    format!("{}-{}", text.len(), words.chars().take(30).collect::<String>())
}

#[test]
fn usage_errors_are_two_and_machine_readable_on_request() {
    let account = Account::empty();
    for arguments in [
        &["lst"][..],
        &["get"],
        &["list", "--nope"],
        &["test"],
        &["test", "a", "--all"],
        &["test", "--all", "--jobs", "0"],
        &["test", "--all", "--timeout", "x"],
        &["--passphrase-file", "-", "put"],
        &["--passphrase-file", "-", "add", "x", "--kind", "secret", "--secret-file", "a=-"],
        &["add", "x", "--kind", "secret", "--secret-file", "a=-", "--secret-file", "b=-"],
        &["--passphrase-file", "-", "passphrase", "--new-passphrase-file", "-"],
    ] {
        account.run(arguments).exits(2);
        let done = account.run(&[arguments, &["--json"]].concat()).exits(2);
        assert!(done.error()["message"].is_string() && done.out.is_empty(), "{arguments:?}");
    }
    page!(account.run(&["--passphrase-file", "-", "put"]));
    // A passphrase is never taken from an argument or the environment.
    let done = account.run(&["list", "--passphrase", "x"]).exits(2);
    assert!(!done.err.contains("\"x\""));
    account.run(&["--help"]).succeeds();
    account.run(&["--version"]).succeeds();
}

#[test]
fn a_closed_pipe_ends_quietly_and_a_full_disk_does_not() {
    let account = Account::with_vault();
    account.put(FIVE);
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let done = account.command().args(["list"]).output_to(writer).run().succeeds();
    assert_eq!(done.err, "");
    if let Ok(full) = std::fs::OpenOptions::new().write(true).open("/dev/full") {
        let done = account.command().args(["--json", "get", "crm.token"]).output_to(full).run().exits(1);
        assert_eq!(done.error()["code"], "output");
    }
}

#[test]
fn errors_in_json_have_code_message_hint_and_causes() {
    let account = Account::with_vault();
    let done = account
        .command()
        .args(["put", "--no-test", "--json"])
        .input("{\"key\":\"a b\",\"kind\":\"bearer_token\",\"config\":{\"base_url\":\"x\"}}")
        .run()
        .exits(7);
    let error = done.error();
    let names: Vec<&str> = error.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["code", "message", "hint", "causes"]);
    assert_eq!(error["code"], json!("invalid_document"));
    assert_eq!(error["causes"].as_array().unwrap().len(), 2);
}
