//! `test` of AWS keys and OAuth credentials, on the real program.

use serde_json::{Value, json};

use crate::support::authority::{CLIENT, GIVEN, Manners, start};
use crate::support::home::Account;
use crate::support::sts::{self, KEY};

fn client(key: &str, url: &str, secret: &str) -> Value {
    json!({"key": key, "kind": "oauth2", "test": {"path": "/me"}, "config": {
        "grant": "client_credentials", "client_id": CLIENT.0, "client_secret": secret,
        "issuer": url, "base_url": format!("{url}/v1")}})
}

fn aws(key: &str, url: &str, secret: &str) -> Value {
    json!({"key": key, "kind": "aws",
           "config": {"access_key_id": KEY.0, "secret_access_key": secret, "endpoint_url": url}})
}

#[test]
fn keys_of_aws_and_tokens_are_tested() {
    let (authority, aws_double) = (start(Manners::default()), sts::start());
    let account = Account::with_vault();
    let app = json!({"name": "mail", "provider": "custom", "grant": "client_credentials", "client_id": CLIENT.0,
                     "client_secret": CLIENT.1, "token_url": format!("{}/token", authority.url()),
                     "base_url": format!("{}/v1", authority.url())});
    account.command().args(["oauth-app", "put"]).input(app.to_string()).run().succeeds();
    let documents = json!([
        client("a.client", &authority.url(), CLIENT.1),
        {"key": "b.alias", "kind": "oauth_alias", "test": {"path": "/me"}, "config": {"app": "mail"}},
        {"key": "c.alias", "kind": "oauth_alias", "config": {"app": "mail"}},
        aws("d.aws", &aws_double.url(), KEY.1),
    ]);
    // The dry test of the save is the same test.
    account.command().arg("put").input(documents.to_string()).run().succeeds();
    let done = account.run(&["test", "--all", "--steps", "--json"]).succeeds();
    let mut found: Vec<Value> = done.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    found.sort_by_key(|line| line["key"].to_string());
    let steps = |line: &Value| {
        let names =
            line["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>().join(" ")
    };
    let told: Vec<String> = found
        .iter()
        .map(|line| {
            format!(
                "{} {}: {}",
                line["key"].as_str().unwrap(),
                line["outcome"].as_str().unwrap(),
                steps(line)
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "a.client ok: connect discover connect token connect request match",
            "b.alias ok: connect token connect request match",
            "c.alias ok: connect token match",
            "d.aws ok: connect request match",
        ]
    );
    assert!(found[3]["message"].as_str().unwrap().contains("account 123456789012"), "{}", found[3]);
    for secret in [CLIENT.1, GIVEN, KEY.1] {
        assert!(!done.out.contains(secret));
    }
    let rows = account.run(&["list", "--json"]).succeeds().json();
    assert!(rows.as_array().unwrap().iter().all(|row| row["status"] == "active"), "{rows}");
    // The token is nowhere: the credential is as it was.
    let shown = account.run(&["show", "a.client", "--json"]).succeeds().json();
    assert_eq!(shown["config"].get("tokens"), None);
}

#[test]
fn a_refused_client_or_key_refuses_the_save() {
    let (authority, aws_double) = (start(Manners::default()), sts::start());
    let account = Account::with_vault();
    let put = |document: Value| account.command().args(["put", "--json"]).input(document.to_string()).run();
    let done = put(client("a", &authority.url(), "wrong-marker")).exits(1);
    assert!(
        done.error()["message"].as_str().unwrap().contains("invalid_client: who are you?"),
        "{}",
        done.err
    );
    assert!(!done.err.contains("wrong-marker"));
    let done = put(aws("b", &aws_double.url(), "wrong-marker")).exits(1);
    assert!(done.error()["message"].as_str().unwrap().contains("SignatureDoesNotMatch"), "{}", done.err);
    assert!(!done.err.contains("wrong-marker"));
    put(client("a", &authority.url(), CLIENT.1)).succeeds();
    put(aws("b", &aws_double.url(), KEY.1)).succeeds();
}

#[test]
fn a_client_that_waits_for_its_login_is_saved_and_incomplete_when_tested() {
    let account = Account::with_vault();
    let document = json!({"key": "a", "kind": "oauth2", "test": {"path": "/me"}, "config": {
        "grant": "authorization_code", "client_id": "c", "issuer": "https://login.invalid", "base_url": "https://api.invalid"}});
    account.command().arg("put").input(document.to_string()).run().succeeds();
    let done = account.run(&["test", "a", "--json"]).exits(1).json();
    assert_eq!(
        (&done["outcome"], &done["message"]),
        (&json!("incomplete"), &json!("Access token is missing: log in first"))
    );
    assert!(done["advice"].as_str().unwrap().contains("a login gives one"));
}

/// Tokens belong to the app that gave them: they would go to another app's service.
#[test]
fn tokens_do_not_follow_to_another_app() {
    let account = Account::with_vault();
    for name in ["mail", "files"] {
        let app = json!({"name": name, "provider": "custom", "grant": "authorization_code", "client_id": "c",
                         "token_url": format!("https://{name}.invalid/token"), "base_url": format!("https://{name}.invalid")});
        account.command().args(["oauth-app", "put"]).input(app.to_string()).run().succeeds();
    }
    let put = |app: &str, tokens: Value| {
        let document = json!({"key": "a", "kind": "oauth_alias", "config": {"app": app, "tokens": tokens}});
        account.command().args(["put", "--no-test", "--json"]).input(document.to_string()).run()
    };
    put("mail", json!({"access_token": "marker-one"})).succeeds();
    let kept = json!({"$secret": "stored"});
    assert_eq!(put("files", kept.clone()).exits(5).error()["code"], "origin_changed");
    put("mail", kept).succeeds();
    put("files", json!({"access_token": "marker-two"})).succeeds();
}
