//! Exchanges of tokens in the audit log: written before the server is asked, else it is not.

use serde_json::Value;

use super::rotation::Rotating;
use super::{account, stored};
use crate::support::home::Account;

/// What happened to tokens, with what came of it.
fn exchanges(account: &Account) -> Vec<String> {
    let done = account.run(&["audit", "--json", "--what", "refreshed", "--what", "revoked"]).succeeds();
    let word = |record: &Value, name: &str| record[name].as_str().unwrap().to_owned();
    let records = done.json();
    records
        .as_array()
        .unwrap()
        .iter()
        .map(|one| format!("{} {}", word(one, "what"), word(one, "result")))
        .collect()
}

#[test]
fn an_exchange_is_one_record_with_its_end() {
    let server = Rotating::start();
    let account = account(&server);
    assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-1-marker");
    assert_eq!(exchanges(&account), ["refreshed ok"]);
    account.run(&["get", "a"]).succeeds();
    assert_eq!(exchanges(&account).len(), 1, "what is good is not renewed");
    server.fails_with(500, "server_error");
    account.run(&["refresh", "a"]).exits(1);
    server.fails_with(400, "invalid_grant");
    account.run(&["refresh", "a"]).exits(1);
    let seen = exchanges(&account);
    assert_eq!(seen[..2], ["refreshed ok", "refreshed no_token"]);
    assert_eq!(seen[2], "refreshed login_needed");
    account.run(&["revoke", "a", "--local"]).succeeds();
    assert_eq!(exchanges(&account)[3], "revoked ok");
    account.run(&["audit", "verify"]).succeeds();
    let log = std::fs::read_to_string(account.home.join("data/credbench/vault.age.d/audit.log")).unwrap();
    assert!(!log.contains("marker"), "no token stands there");
}

#[test]
fn no_server_is_asked_where_that_cannot_be_written() {
    let server = Rotating::start();
    let account = account(&server);
    let log = account.home.join("data/credbench/vault.age.d/audit.log");
    let kept = log.with_file_name("kept");
    std::fs::rename(&log, &kept).unwrap();
    std::fs::create_dir(&log).unwrap();
    for command in [&["get", "a"][..], &["refresh", "a"], &["revoke", "a", "--local"]] {
        let done = account.run(command).exits(1);
        assert!(done.out.is_empty() && done.err.contains("no server was asked"), "{command:?}: {}", done.err);
    }
    assert_eq!(server.seen().asked, 0);
    // Control: with the log back in its place it is asked.
    std::fs::remove_dir(&log).unwrap();
    std::fs::rename(&kept, &log).unwrap();
    assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-1-marker");
    assert_eq!(server.seen().asked, 1);
    assert_eq!(stored(&account, "refresh_token"), "refresh-1-marker");
}
