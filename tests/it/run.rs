//! `run`: programs with values of the vault (C6–C9).

mod delivery;
mod environment;
mod masking;
mod terminal;

use crate::support::home::Account;

/// What the tests hand over.
pub(crate) const SECRET: &str = "marker/se+cret \"ü\" 7%";

/// A vault with credentials of several kinds.
pub(crate) fn account() -> Account {
    let account = Account::with_vault();
    account.run(&["solution", "add", "billing prod"]).succeeds();
    let documents = serde_json::json!([
        {"key": "api.token", "kind": "bearer_token", "config": {"base_url": "https://a.example", "token": SECRET}},
        {"key": "db.login", "kind": "basic_auth", "config":
            {"base_url": "https://b.example", "username": "ann", "password": "marker-password"}},
        {"key": "files", "kind": "secret", "config": {"values": {"pem": "marker-line-1\nmarker-line-2\n", "long": "x".repeat(128 * 1024)}}},
        {"key": "api.token", "solution": "billing prod", "kind": "bearer_token", "config":
            {"base_url": "https://a.example", "token": "marker-of-billing"}},
    ]);
    account.put(&documents.to_string());
    account
}
