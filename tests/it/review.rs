//! The review on the real program (row 23 of the product).

use serde_json::Value;

use crate::cli::page;
use crate::support::home::Account;

const DOCUMENTS: &str = r#"[
  {"key": "shop.payments", "kind": "bearer_token", "owner": "ann", "notes": "charges cards",
   "config": {"base_url": "https://pay.example", "token": "marker-Zx8kQ2vN7mR4"}},
  {"key": "shop.mail", "kind": "basic_auth", "description": "sends receipts", "rotate_every_days": 30,
   "config": {"base_url": "https://mail.example", "username": "shop", "password": "hunter2"}},
  {"key": "key1", "solution": "prod", "kind": "bearer_token", "expires_at": "2026-01-02", "test": {"path": "/me"},
   "config": {"base_url": "https://staging.pay.example", "token": "marker-Zx8kQ2vN7mR4"}},
  {"key": "half", "kind": "api_key", "owner": "ben", "notes": "not entered yet", "config": {"base_url": "https://half.example"}}
]"#;

fn account() -> Account {
    let account = Account::with_vault();
    account.run(&["solution", "add", "prod"]).succeeds();
    account.put(DOCUMENTS);
    account
}

/// `check key` of each finding.
fn found(json: &Value) -> Vec<String> {
    let word = |row: &Value, name: &str| row[name].as_str().unwrap().to_owned();
    json.as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", word(row, "check"), word(row, "key")))
        .collect()
}

#[test]
fn a_review_finds_what_there_is_and_shows_no_secret() {
    let account = account();
    page!(account.run(&["review"]));
    let json = account.run(&["review", "--json"]).succeeds().json();
    let members: Vec<&String> = json[0].as_object().unwrap().keys().collect();
    assert_eq!(members, ["check", "solution", "key", "with", "detail", "advice"]);
    let reused = json.as_array().unwrap().iter().find(|row| row["check"] == "reused").unwrap();
    assert_eq!(
        (reused["key"].as_str(), reused["with"][0].as_str()),
        (Some("shop.payments"), Some("prod/key1"))
    );
    for output in [account.run(&["review"]).page(), json.to_string()] {
        assert!(!output.contains("marker-") && !output.contains("hunter2"), "{output}");
    }
    // The control: the same search finds what `get` prints.
    assert!(account.run(&["get", "shop.payments"]).page().contains("marker-"));
}

#[test]
fn a_use_ends_unused_and_automation_gets_an_exit_code() {
    let account = account();
    let unused = || found(&account.run(&["review", "--check", "unused", "--json"]).succeeds().json());
    assert_eq!(unused().len(), 4);
    account.run(&["get", "shop.mail", "password"]).succeeds();
    assert_eq!(unused(), ["unused half", "unused shop.payments", "unused key1"]);
    account.run(&["review", "--check", "unused", "--exit-code"]).exits(1);
    account.run(&["review", "--check", "broad_scope", "--exit-code"]).succeeds();
    account.run(&["review", "--check", "nothing"]).exits(2);
}

#[test]
fn what_is_left_out_needs_a_reason_and_stands_in_the_history() {
    let account = account();
    let weak = |more: &[&str]| {
        found(&account.run(&[&["review", "--check", "weak", "--json"], more].concat()).succeeds().json())
    };
    assert_eq!(weak(&[]), ["weak shop.mail"]);
    account.run(&["review", "exclude", "shop.mail", "weak"]).exits(2);
    account.run(&["review", "exclude", "shop.mail", "weak", "--reason", " "]).exits(2);
    account.run(&["review", "exclude", "nobody", "weak", "--reason", "x"]).exits(4);
    page!(account.run(&["review", "exclude", "shop.mail", "weak", "--reason", "the server allows no other"]));
    assert_eq!(weak(&[]), [""; 0]);
    assert_eq!(weak(&["--all"]), ["weak shop.mail"]);
    account.run(&["review", "--check", "weak", "--exit-code"]).succeeds();
    assert_eq!(
        account.run(&["show", "shop.mail", "--json"]).json()["review_exclude"]["weak"],
        "the server allows no other"
    );
    assert_eq!(account.run(&["history", "shop.mail", "--json"]).json().as_array().unwrap().len(), 2);
    account.run(&["review", "include", "shop.mail", "weak"]).succeeds();
    account.run(&["review", "include", "shop.mail", "weak"]).exits(4);
    assert_eq!(weak(&[]), ["weak shop.mail"]);
}

#[test]
fn a_signature_stands_in_the_audit_log() {
    let account = account();
    assert!(account.run(&["review"]).page().contains("never signed off"));
    let signed = account.run(&["review", "sign-off", "--note", "tickets-filed", "--json"]).succeeds().json();
    let note = signed["note"].as_str().unwrap();
    assert!(
        note.contains("findings (") && note.contains("; sha256 ") && note.ends_with("; tickets-filed"),
        "{note}"
    );
    let records = account.run(&["audit", "--what", "reviewed", "--json"]).succeeds().json();
    assert_eq!((records.as_array().unwrap().len(), records[0]["note"].as_str()), (1, Some(note)));
    assert!(!account.run(&["review"]).page().contains("never signed off"));
    // The log holds it sealed: how weak a vault is concerns nobody else.
    let log = std::fs::read_to_string(account.vault().with_file_name("vault.age.d/audit.log")).unwrap();
    assert!(log.contains("reviewed") && !log.contains("findings") && !log.contains("tickets"), "{log}");
}

#[test]
fn a_report_is_a_private_file_that_is_not_replaced_unasked() {
    use std::os::unix::fs::PermissionsExt as _;
    let account = account();
    let path = account.home.join("q4.html");
    let file = path.to_str().unwrap();
    account.run(&["review", "report", "-o", file]).succeeds();
    let html = std::fs::read_to_string(&path).unwrap();
    assert!(
        html.starts_with("<!doctype html>") && html.contains("shop.mail") && !html.contains("hunter2"),
        "{html}"
    );
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    account.run(&["review", "report", "-o", file]).exits(5);
    account.run(&["review", "report", "-o", file, "--force", "--format", "markdown"]).succeeds();
    assert!(std::fs::read_to_string(&path).unwrap().starts_with("# Review of "));
    assert!(account.run(&["review", "report"]).page().contains("# Review of "));
}
