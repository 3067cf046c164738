//! The audit log of the real program: RELIABILITY D20 and D21, rows 22 of the product.

mod chain;
mod crash;
mod full;
mod uses;

use std::path::PathBuf;

use serde_json::Value;

use crate::support::home::Account;

/// Two credentials, one of them with two values.
const TWO: &str = r#"[
  {"key": "pay.api", "kind": "api_key",
   "config": {"base_url": "http://127.0.0.1:9", "api_key": "marker-key-1"}},
  {"key": "db.files", "kind": "secret", "config": {"values": {"PROD_URL": "marker-url-2", "b": "marker-b-3"}}}
]"#;

/// An account with the two.
fn account() -> Account {
    let account = Account::with_vault();
    account.put(TWO);
    account
}

fn folder(account: &Account) -> PathBuf {
    account.home.join("data/credbench/vault.age.d")
}

fn log(account: &Account) -> PathBuf {
    folder(account).join("audit.log")
}

fn lines(account: &Account) -> Vec<String> {
    std::fs::read_to_string(log(account)).unwrap().lines().map(str::to_owned).collect()
}

fn write_lines(account: &Account, lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(log(account), text).unwrap();
}

/// What the log says, as `audit --json`.
fn records(account: &Account, arguments: &[&str]) -> Vec<Value> {
    let done = account.run(&[&["audit", "--json"], arguments].concat()).succeeds();
    done.json().as_array().unwrap().clone()
}

/// The words of what happened, without openings.
fn words(records: &[Value]) -> Vec<String> {
    let words = records.iter().map(|record| record["what"].as_str().unwrap().to_owned());
    words.filter(|word| word != "opened").collect()
}

/// A copy of what belongs to the vault and what the host keeps in mind.
struct Copy(tempfile::TempDir);

impl Copy {
    fn of(account: &Account) -> Self {
        let copy = Self(tempfile::tempdir().unwrap());
        for name in ["data", "state"] {
            copy_folder(&account.home.join(name), copy.0.path());
        }
        copy
    }

    fn put_back(&self, account: &Account, names: &[&str]) {
        for name in names {
            std::fs::remove_dir_all(account.home.join(name)).unwrap();
            copy_folder(&self.0.path().join(name), &account.home);
        }
    }
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    let done = std::process::Command::new("cp").arg("-a").arg(from).arg(to).status().unwrap();
    assert!(done.success());
}
