//! `export`, and the way back.

use std::os::unix::fs::PermissionsExt;

use serde_json::{Value, json};

use crate::cli::FIVE;
use crate::support::command::Command;
use crate::support::home::Account;
use crate::support::terminal::OnTerminal;
use crate::support::vault::installed;

/// A vault with solutions, an OAuth app, a kind of its own and credentials of all of them.
fn full() -> Account {
    let account = Account::with_vault();
    account.put(FIVE);
    account.run(&["solution", "add", "prod"]).succeeds();
    let app = r#"{"name":"google","grant":"client_credentials","client_id":"c","client_secret":"app-secret","token_url":"https://t.example/token"}"#;
    account.command().args(["oauth-app", "put"]).input(app).run().succeeds();
    account.run(&["kinds", "put", "acme", "--from", "api_key"]).succeeds();
    account.put(
        r#"[{"solution":"prod","key":"drive","kind":"oauth_alias","config":{"app":"google"}},
            {"solution":"prod","key":"own","kind":"acme","config":{"base_url":"https://o.example","api_key":"own-secret"}},
            {"key":"gone","kind":"secret","config":{"values":{"x":"gone-secret"}}}]"#,
    );
    account.put(r#"{"key":"pay.api","kind":"api_key","config":{"base_url":"https://pay.example","api_key":"newer-secret"}}"#);
    account.run(&["remove", "gone", "--force"]).succeeds();
    account
}

/// Everything that `show` and `get` tell of a vault.
fn everything(account: &Account) -> Value {
    let rows = account.run(&["list", "--all-solutions", "--json"]).succeeds().json();
    let mut all: Vec<Value> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let (solution, key) = (row["solution"].as_str().unwrap(), row["key"].as_str().unwrap());
            let document = account.run(&["show", key, "--solution", solution, "--json"]).succeeds().json();
            let secret = account.run(&["get", key, "--solution", solution]);
            json!([document, secret.code, secret.out])
        })
        .collect();
    all.sort_by_key(Value::to_string);
    let mut apps = account.run(&["oauth-app", "list", "--json"]).succeeds().json();
    if let Some(apps) = apps.as_array_mut() {
        apps.sort_by_key(Value::to_string);
    }
    let solutions = account.run(&["solution", "list", "--json"]).succeeds().json();
    json!([all, apps, solutions, account.run(&["kinds", "show", "acme"]).out])
}

#[test]
fn an_export_makes_the_same_vault_elsewhere() {
    let account = full();
    let before = everything(&account);
    let done = account.run(&["export", "-o", "all.age", "--json"]).succeeds().json();
    assert_eq!((&done["format"], &done["credentials"]), (&json!("age"), &json!(7)));
    // Another vault of the same person, and one of another person who names that identity, too.
    let other = Account::with_vault();
    let file = account.home.join("all.age");
    let error = other.run(&["import", "json", file.to_str().unwrap(), "--json"]).exits(3).error();
    assert_eq!(error["code"], "no_identity_opens");
    let (own, theirs) = (other.identity(), account.identity());
    let both = ["--identity", own.to_str().unwrap(), "--identity", theirs.to_str().unwrap()];
    let import = |more: &[&str]| {
        let command = other.command().args(["import", "json", file.to_str().unwrap()]);
        command.args(both).args(more).run().succeeds()
    };
    let dry = import(&["--dry-run", "--json"]);
    assert!(dry.lines().iter().all(|row| row["done"] == "new"), "{}", dry.out);
    assert_eq!(other.run(&["list", "--json"]).json(), json!([]));
    import(&[]);
    assert_eq!(everything(&other), before);
    let again = import(&["--json"]);
    assert!(again.lines().iter().all(|row| row["done"] == "duplicate"), "{}", again.out);
}

#[test]
fn an_export_is_an_age_file_without_what_is_past() {
    let account = full();
    account.run(&["export", "-o", "all.age"]).succeeds();
    let path = account.home.join("all.age");
    let sealed = std::fs::read(&path).unwrap();
    assert!(sealed.starts_with(b"age-encryption.org/v1"));
    assert!(!String::from_utf8_lossy(&sealed).contains("secret"));
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    if installed("age") {
        let age =
            std::process::Command::new("age").arg("-d").arg("-i").arg(account.identity()).arg(&path).output();
        let plain: Value = serde_json::from_slice(&age.unwrap().stdout).unwrap();
        let text = plain.to_string();
        assert!(text.contains("newer-secret") && text.contains("app-secret"));
        for past in ["marker-api-key-1", "gone-secret", "\"recipient\""] {
            assert!(!text.contains(past), "{past}");
        }
        assert_eq!(plain["body"]["credentials"].as_array().unwrap().len(), 7);
    }
}

#[test]
fn plain_text_is_written_only_when_that_is_confirmed() {
    let account = full();
    for arguments in [&["export", "--plain", "-o", "x"][..], &["export", "--plain", "--format", "csv"]] {
        let error = account.command().args(arguments).arg("--json").run().exits(5).error();
        assert_eq!(error["code"], "not_confirmed");
    }
    assert!(!account.home.join("x").exists());
    account.run(&["export", "--format", "csv", "-o", "x"]).exits(2);
    account.run(&["export", "--structure", "--plain", "--yes"]).exits(2);
    let csv = account.run(&["export", "--plain", "--yes", "--format", "csv"]).succeeds().out;
    assert!(csv.contains("newer-secret") && csv.contains("own-secret"), "{csv}");
    let dotenv = account.run(&["export", "--plain", "--yes", "--format", "dotenv"]).succeeds();
    assert!(dotenv.out.contains("PAY_API=newer-secret\n"), "{}", dotenv.out);
    assert!(!dotenv.out.contains("own-secret"), "another solution");
    assert!(dotenv.err.contains("pay.api api_key is PAY_API"), "{}", dotenv.err);
    let json = account.run(&["export", "--plain", "--yes"]).succeeds().out;
    let other = Account::with_vault();
    other.command().args(["import", "json", "-"]).input(json).run().succeeds();
    assert_eq!(everything(&other), everything(&account));
}

#[test]
fn a_structure_has_everything_but_the_secrets() {
    let account = full();
    let text = account.run(&["export", "--structure"]).succeeds().out;
    for secret in ["newer-secret", "app-secret", "own-secret", "marker-password-2", "marker-token-3"] {
        assert!(!text.contains(secret), "{secret}: {text}");
    }
    assert!(text.contains("pay.example"), "the control");
    let other = Account::with_vault();
    other.command().args(["import", "json", "-"]).input(text).run().succeeds();
    let rows = other.run(&["list", "--json"]).json();
    let row = rows.as_array().unwrap().iter().find(|row| row["key"] == "pay.api").unwrap().clone();
    assert_eq!(row["status"], "incomplete");
}

#[test]
fn one_solution_is_exported_when_it_is_named_and_only_then() {
    let account = full();
    let count = |command: Command| command.run().succeeds().json()["credentials"].clone();
    let export =
        |more: &[&str]| account.command().args(["export", "--force", "-o", "x", "--json"]).args(more);
    assert_eq!(count(export(&["--solution", "prod"])), 2);
    assert_eq!(count(export(&[]).env("CREDBENCH_SOLUTION", "prod")), 7);
    export(&["--solution", "nope"]).run().exits(4);
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force_and_a_link_is_not_followed() {
    let account = full();
    let target = account.write("precious", "mine");
    std::os::unix::fs::symlink(&target, account.home.join("out")).unwrap();
    let error = account.run(&["export", "-o", "out", "--json"]).exits(5).error();
    assert_eq!(error["code"], "exists");
    account.run(&["export", "-o", "out", "--force"]).succeeds();
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "mine");
    let made = account.home.join("out").symlink_metadata().unwrap();
    assert!(made.is_file() && made.permissions().mode() & 0o777 == 0o600);
    account.write("open", "x");
    account.run(&["export", "-o", "open", "--force"]).succeeds();
    assert_eq!(std::fs::metadata(account.home.join("open")).unwrap().permissions().mode() & 0o777, 0o600);
    account.run(&["export", "-o", "no/such/folder/x"]).exits(1);
}

#[test]
fn a_damaged_export_is_told_and_changes_nothing() {
    let account = full();
    account.run(&["export", "-o", "all.age"]).succeeds();
    let mut bytes = std::fs::read(account.home.join("all.age")).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    std::fs::write(account.home.join("torn.age"), &bytes).unwrap();
    let error = account.run(&["import", "json", "torn.age", "--json"]).exits(7).error();
    assert_eq!(error["code"], "invalid_import");
    let text = account.write("bad.json", r#"{"body":{"credentials":[{"id":"x"}]}}"#);
    assert_eq!(account.run(&["import", "json", &text, "--json"]).exits(7).error()["code"], "invalid_import");
}

#[test]
fn on_a_terminal_plain_text_is_asked_for_and_never_printed_unasked() {
    let account = full();
    let run = |arguments: &[&str], answer: Option<&str>| {
        let mut export = OnTerminal::start(&account, arguments);
        if let Some(answer) = answer {
            export.sees("Type plain to write them: ");
            export.types(answer);
        }
        export.ends()
    };
    let plain = ["export", "--plain", "--format", "csv", "-o", "out.csv"];
    let (code, rest) = run(&plain, Some("yes\r"));
    assert_eq!((code, account.home.join("out.csv").exists()), (1, false), "{rest}");
    let (code, rest) = run(&plain, Some("plain\r"));
    assert_eq!((code, account.home.join("out.csv").exists()), (0, true), "{rest}");
    assert!(!rest.contains("newer-secret"), "{rest}");
    for arguments in [&["export"][..], &["export", "--plain", "--yes"], &["export", "--structure"]] {
        let (code, rest) = run(arguments, None);
        assert!(code == 2 && rest.contains("would be printed on the terminal"), "{rest}");
    }
    let (code, rest) = run(&["export", "--plain", "--yes", "-o", "-"], None);
    assert!(code == 0 && rest.contains("newer-secret"), "asked for by name: {rest}");
}

#[test]
fn an_export_is_recorded_before_it_is_written_or_not_written() {
    let account = full();
    account.run(&["export", "--solution", "prod", "-o", "prod.age"]).succeeds();
    let lines = account.run(&["audit", "--what", "exported", "--json"]).succeeds().out;
    assert!(lines.contains("\"own\"") && !lines.contains("pay.api"), "{lines}");
    // The log cannot be written: nothing is handed out.
    let log = account.home.join("data/credbench/vault.age.d/audit.log");
    std::fs::rename(&log, log.with_extension("away")).unwrap();
    std::fs::create_dir(&log).unwrap();
    let done = account.run(&["export", "--plain", "--yes", "-o", "out"]);
    assert!(done.code != 0 && !account.home.join("out").exists(), "{done:?}");
}
