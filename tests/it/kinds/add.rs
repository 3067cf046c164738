//! `add` of every kind, from options and files; a custom credential against a real server.

use serde_json::{Value, json};

use crate::support::home::Account;
use crate::support::server::{Server, json as json_answer};

/// Adds one of a kind; what `show --json` says of its config then.
fn added(account: &Account, kind: &str, set: &[&str], secrets: &[&str]) -> Value {
    let file = account.write("secret", "marker-of-a-secret");
    let mut arguments = vec!["add".to_owned(), format!("k.{kind}"), "--kind".to_owned(), kind.to_owned()];
    arguments.push("--no-test".to_owned());
    for text in set {
        arguments.extend(["--set".to_owned(), (*text).to_owned()]);
    }
    for field in secrets {
        arguments.extend(["--secret-file".to_owned(), format!("{field}={file}")]);
    }
    let done = account.command().args(arguments).run().succeeds();
    assert!(!format!("{done:?}").contains("marker"));
    account.run(&["show", &format!("k.{kind}"), "--json"]).succeeds().json()["config"].clone()
}

#[test]
fn every_kind_is_added_by_options() {
    let account = Account::with_vault();
    let stored = || json!({"$secret": "stored"});
    let config = added(
        &account,
        "oauth2",
        &[
            "grant=device_code",
            "client_id=c",
            "device_url=https://i.example/d",
            "token_url=https://i.example/t",
            "scopes=read,write",
            "extra_parameters.a.b=1",
        ],
        &["client_secret", "tokens.refresh_token"],
    );
    assert_eq!(
        config,
        json!({"grant": "device_code", "client_id": "c", "device_url": "https://i.example/d",
               "token_url": "https://i.example/t", "scopes": ["read", "write"], "extra_parameters": {"a.b": "1"},
               "client_secret": stored(), "tokens": {"refresh_token": stored()}})
    );
    let config = added(
        &account,
        "database",
        &["engine=postgres", "host=db.example", "port=5433", "tls=verify-full", "options.application_name=x"],
        &["password"],
    );
    assert_eq!((&config["port"], &config["options"]), (&json!(5433), &json!({"application_name": "x"})));
    let config = added(
        &account,
        "aws",
        &["access_key_id=AKIA1", "region=eu-central-1"],
        &["secret_access_key", "session_token"],
    );
    assert_eq!(config["session_token"], stored());
    let config = added(
        &account,
        "client_certificate",
        &["base_url=https://x.example", "certificate=-----BEGIN CERTIFICATE-----"],
        &["private_key", "passphrase"],
    );
    assert_eq!(config["private_key"], stored());
    let config = added(
        &account,
        "custom",
        &[
            "base_url=https://x.example",
            "fields.account=42",
            "request.headers.X-Foo=Token {token}",
            "request.query.v.1={account}",
        ],
        &["secrets.token"],
    );
    assert_eq!(
        config,
        json!({"base_url": "https://x.example", "fields": {"account": "42"}, "secrets": {"token": stored()},
               "request": {"headers": {"X-Foo": "Token {token}"}, "query": {"v.1": "{account}"}}})
    );
    added(&account, "secret", &[], &["values.a"]);
    added(&account, "api_key", &["base_url=https://x.example"], &["api_key"]);
    added(&account, "basic_auth", &["base_url=https://x.example", "username=u"], &["password"]);
    added(&account, "bearer_token", &["base_url=https://x.example"], &["token"]);
}

#[test]
fn what_a_branch_requires_is_asked_for_and_no_secret_is_an_option() {
    let account = Account::with_vault();
    let oauth = |more: &[&str]| {
        let mut arguments = vec!["add", "k", "--kind", "oauth2", "--no-test", "--set", "client_id=c"];
        for text in more {
            arguments.extend(["--set", text]);
        }
        account.run(&arguments)
    };
    let done = oauth(&["grant=client_credentials", "issuer=https://i.example"]).exits(2);
    assert!(done.err.contains("client_secret is not given"), "{}", done.err);
    let done = oauth(&["grant=jwt_bearer", "issuer=https://i.example"]).exits(2);
    assert!(done.err.contains("private_key is not given"), "{}", done.err);
    let done = oauth(&["grant=device_code", "token_url=https://i.example/t"]).exits(7);
    assert!(done.err.contains("/config/device_url"), "{}", done.err);
    for secret in ["client_secret=s", "private_key=s", "tokens.access_token=s", "tokens.id_token=s"] {
        let done = oauth(&["grant=client_credentials", secret]).exits(2);
        assert!(done.err.contains("is a secret"), "{secret}: {}", done.err);
    }
    oauth(&["grant=authorization_code", "issuer=https://i.example", "client_auth=none"]).succeeds();
}

/// A custom credential's own request, as the server sees it; nothing of it comes back in clear.
#[test]
fn a_custom_credential_is_tested_as_it_says_itself() {
    let server = Server::start(|seen| match seen.header("x-key") {
        "Token s\"cret-marker for 42" => json_answer(200, format!("{{\"echo\":{:?}}}", seen.text())),
        _ => json_answer(401, format!("{{\"error\":\"no {}\"}}", seen.header("x-key"))),
    });
    let account = Account::with_vault();
    let document = |secret: &str| {
        json!({"key": "k", "kind": "custom",
               "test": {"method": "POST", "path": "/v1/{account}/check?again={token}",
                        "expect": {"status": [200], "json": [{"pointer": "/echo", "exists": true}]}},
               "config": {"base_url": server.url(), "fields": {"account": "42"}, "secrets": {"token": secret},
                          "request": {"headers": {"X-Key": "Token {token} for {account}"},
                                      "query": {"t": "{token}"}, "body": "{\"t\": \"{token}\"}"}}})
        .to_string()
    };
    account.put(&document("s\"cret-marker"));
    let done = account.run(&["test", "k", "--steps", "--json"]).succeeds();
    assert_eq!(done.json()["outcome"], "ok", "{done:?}");
    assert!(!done.out.contains("cret-marker"), "{}", done.out);
    let seen = server.requests().remove(0);
    assert_eq!(seen.target, "/v1/42/check?again=s%22cret-marker&t=s%22cret-marker");
    assert_eq!(String::from_utf8(seen.body.clone()).unwrap(), r#"{"t": "s\"cret-marker"}"#);
    account.put(&document("another-marker"));
    let done = account.run(&["test", "k", "--steps", "--json"]).exits(1);
    assert_eq!(done.json()["outcome"], "rejected");
    assert!(!done.out.contains("another-marker") && !done.err.contains("another-marker"), "{done:?}");
    account.put(&document("a\nb"));
    let done = account.run(&["test", "k", "--json"]).exits(1);
    assert!(done.json()["message"].as_str().unwrap().contains("cannot be sent"), "{}", done.out);
    assert_eq!(server.requests().len(), 2, "nothing was sent");
}
