//! `import`: files of other programs, in the layouts that those programs write.

mod fuzz;
mod managers;
mod plain;
mod real;
mod safety;

use serde_json::Value;

use crate::support::command::Done;
use crate::support::home::Account;

/// What became of each entry: `key kind done`.
fn rows(done: &Done) -> Vec<String> {
    let text = |value: &Value, member: &str| value[member].as_str().unwrap_or_default().to_owned();
    done.lines()
        .iter()
        .map(|row| format!("{} {} {}", text(row, "key"), text(row, "kind"), text(row, "done")))
        .collect()
}

/// The value of a field.
fn get(account: &Account, key: &str, field: &str) -> String {
    account.run(&["get", key, field]).succeeds().out
}
