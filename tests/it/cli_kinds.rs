//! Kinds that a vault defines for itself, on the real program.

use serde_json::{Value, json};

use crate::cli::page;
use crate::cli_organization::plaintext;
use crate::support::home::Account;
use crate::support::service::{RIGHT, Service};

/// A kind whose schema says where its secret goes and what proves it.
fn weather(url: &str) -> Value {
    json!({
        "title": "Weather station", "description": "A station's token.", "type": "object",
        "required": ["base_url", "token"],
        "properties": {
            "base_url": {"type": "string", "title": "Base URL", "x-origin": true, "default": url},
            "scheme": {"type": "string", "title": "Scheme", "default": "Bearer"},
            "station": {"type": "string", "title": "Station"},
            "token": {"type": "string", "writeOnly": true, "title": "Token"},
        },
        "x-request": {"headers": {"Authorization": "{scheme} {token}"}},
        "x-test": {"path": "/me", "expect": {"json": [{"pointer": "/id", "equals": 7}]}},
    })
}

fn put(account: &Account, schema: &Value, more: &[&str]) -> crate::support::command::Done {
    account.command().args(["kinds", "put", "weather"]).args(more).input(schema.to_string()).run()
}

fn row(account: &Account, key: &str) -> Value {
    let rows = account.run(&["list", "--json"]).succeeds().json();
    rows.as_array().unwrap().iter().find(|row| row["key"] == key).unwrap().clone()
}

#[test]
fn a_kind_of_ones_own_is_used_like_any_other() {
    let service = Service::start();
    let account = Account::with_vault();
    page!(put(&account, &weather("https://weather.example"), &[]));
    put(&account, &weather(&service.url), &[]).succeeds();
    let kinds = account.run(&["kinds", "--json"]).succeeds().json();
    assert_eq!(kinds[0]["origin"], "built-in");
    assert_eq!(
        kinds[10],
        json!({"id": "weather", "title": "Weather station", "description": "A station's token.", "origin": "vault"})
    );
    page!(account.run(&["kinds"]));
    let whole = account.run(&["schema", "weather"]).succeeds().json();
    assert_eq!(whole["properties"]["config"]["properties"]["token"]["writeOnly"], true);

    // Its credentials need only their fields: they are tested as the kind says.
    let token = account.write("token", RIGHT);
    let add = |key: &str, secret: &str| {
        account.run(&["add", key, "--kind", "weather", "--secret-file", &format!("token={secret}")])
    };
    add("w.good", &token).succeeds();
    assert!(service.requests.try_recv().is_ok_and(|line| line.starts_with("GET /me")));
    assert_eq!(row(&account, "w.good")["status"], "active");
    let wrong = account.write("wrong", "marker-wrong");
    let refused = add("w.bad", &wrong).exits(1);
    assert!(refused.err.contains("rejected") && !refused.err.contains("marker-wrong"), "{}", refused.err);
    assert_eq!(account.run(&["get", "w.good"]).succeeds().out, RIGHT);
    assert_eq!(account.run(&["get", "w.good", "base_url"]).succeeds().out, service.url);
    let shown = account.run(&["show", "w.good", "--json"]).succeeds();
    assert!(!shown.out.contains(RIGHT));
    let shown = shown.json();
    // Bound to the address for which its secret was given.
    assert_eq!(shown["config"], json!({"base_url": service.url, "token": {"$secret": "stored"}}));
    account.command().arg("put").input(shown.to_string()).run().succeeds();
    assert_eq!(account.run(&["history", "w.good", "--json"]).succeeds().json().as_array().unwrap().len(), 1);
    account.run(&["test", "w.good"]).succeeds();
    account.run(&["solution", "copy", "default", "stage"]).succeeds();
    let copy = account.run(&["show", "w.good", "--json", "--solution", "stage"]).succeeds().json();
    assert_eq!(copy["config"]["token"], json!({"$secret": "missing"}));

    // In use, it stays.
    page!(account.run(&["kinds", "remove", "weather"]));
    account.run(&["solution", "remove", "stage", "--force"]);
    account.run(&["kinds", "remove", "api_key"]).exits(5);
    account.run(&["kinds", "remove", "nothing"]).exits(4);
}

#[test]
fn what_no_longer_fits_needs_attention_and_loses_nothing() {
    let account = Account::with_vault();
    let mut schema = weather("https://weather.example");
    put(&account, &schema, &[]).succeeds();
    account.put(r#"[
        {"key": "w.one", "kind": "weather", "config": {"token": "marker-token", "station": "marker-station", "extra": 1}},
        {"key": "w.two", "kind": "weather", "config": {"token": "marker-other"}}
    ]"#);
    account.put(r#"{"key": "w.one", "kind": "weather", "config": {"base_url": "https://weather.example", "station": "marker-station-2", "extra": 1}}"#);

    // In the file: the kind as JSON that stock tools read, with its versions; secrets where secrets are.
    let mut other = schema.clone();
    other["description"] = json!("Another.");
    put(&account, &other, &[]).succeeds();
    put(&account, &schema, &[]).succeeds();
    let body = plaintext(&account)["body"].clone();
    let kinds = &body["organization"]["kinds"];
    assert_eq!(
        (&kinds[0]["id"], &kinds[0]["schema"], &kinds[0]["version"]),
        (&json!("weather"), &schema, &json!(3))
    );
    assert_eq!(kinds[0]["history"][1]["schema"], other);
    let mut rest = body.clone();
    for credential in rest["credentials"].as_array_mut().unwrap() {
        credential["secrets"] = json!({});
        for version in credential["history"].as_array_mut().unwrap() {
            version["secrets"] = json!({});
        }
    }
    assert!(body.to_string().contains("marker-token") && !rest.to_string().contains("marker-token"));

    // A field more is needed, one is gone, one became a secret, and a secret became plain.
    schema["required"] = json!(["base_url", "token", "height"]);
    schema["properties"]["height"] = json!({"type": "integer"});
    schema["properties"]["station"] = json!({"type": "string", "writeOnly": true});
    schema["properties"]["token"] = json!({"type": "string"});
    schema.as_object_mut().unwrap().shift_remove("x-request");
    let dry = put(&account, &schema, &["--dry-run", "--json"]).succeeds().json();
    assert_eq!(dry["needs_attention"].as_array().unwrap().len(), 2);
    assert_eq!(row(&account, "w.one")["flags"], json!([]));
    page!(put(&account, &schema, &[]));
    assert_eq!(row(&account, "w.one")["flags"], json!(["needs_attention"]));
    let found = account.run(&["list", "is:needs_attention", "--json"]).succeeds().json();
    assert_eq!(found.as_array().unwrap().len(), 2);
    page!(account.run(&["show", "w.one"]));
    let shown = account.run(&["show", "w.one", "--json"]).succeeds();
    let history = account.run(&["history", "w.one"]).succeeds();
    for said in
        [&shown, &history, &account.run(&["show", "w.one"]), &account.run(&["history", "w.one", "--json"])]
    {
        assert!(!said.out.contains("marker-"), "{}", said.out);
    }
    let shown = shown.json();
    assert_eq!(shown["config"]["extra"], 1);
    // Saved as it is shown, with what was missing: everything is where it was.
    let mut mended = shown;
    mended["config"]["height"] = json!(12);
    account.put(&mended.to_string());
    assert_eq!(row(&account, "w.one")["flags"], json!([]));
    assert_eq!(account.run(&["get", "w.one", "token"]).succeeds().out, "marker-token");
    assert_eq!(account.run(&["get", "w.one", "station"]).succeeds().out, "marker-station-2");
    account.run(&["restore", "w.one", "--version", "1"]).succeeds();
    assert_eq!(account.run(&["get", "w.one", "station"]).succeeds().out, "marker-station");
    // The schema as it was before: everything fits again.
    put(&account, &weather("https://weather.example"), &[]).succeeds();
    assert_eq!(row(&account, "w.two")["flags"], json!([]));
    let stored = account.open();
    let definition = stored.document.own_kind("weather").unwrap();
    assert_eq!((definition.version, definition.history.len()), (5, 4));
}

/// Whoever may change the schema must not be able to have a stored secret sent to a host of theirs.
#[test]
fn another_schema_sends_no_stored_secret_elsewhere() {
    let right = Service::start();
    let evil = Service::start();
    let account = Account::with_vault();
    put(&account, &weather(&right.url), &[]).succeeds();
    account.put(r#"{"key": "w", "kind": "weather", "config": {"token": "right-secret"}}"#);
    put(&account, &weather(&evil.url), &[]).succeeds();
    account.run(&["test", "w"]).succeeds();
    assert!(right.requests.try_recv().is_ok() && evil.requests.try_recv().is_err());
    let moved = json!({"key": "w", "kind": "weather", "config": {"base_url": evil.url}});
    account.command().arg("put").input(moved.to_string()).run().exits(5);
    // One that was stored without an address has none, whatever the schema says later.
    let mut nowhere = weather(&right.url);
    nowhere["properties"]["base_url"].as_object_mut().unwrap().shift_remove("default");
    nowhere["required"] = json!(["token"]);
    put(&account, &nowhere, &[]).succeeds();
    account.put(r#"{"key": "u", "kind": "weather", "config": {"token": "right-secret"}}"#);
    put(&account, &weather(&evil.url), &[]).succeeds();
    assert_eq!(row(&account, "u")["flags"], json!(["needs_attention"]));
    account.run(&["test", "u"]);
    let given = json!({"key": "u", "kind": "weather", "config": {"base_url": evil.url}});
    account.command().arg("put").input(given.to_string()).run().exits(5);
    assert!(evil.requests.try_recv().is_err());
    // Given anew, together with its address, it goes there: the control.
    let anew =
        json!({"key": "u", "kind": "weather", "config": {"base_url": evil.url, "token": "right-secret"}});
    account.command().arg("put").input(anew.to_string()).run().succeeds();
    assert!(evil.requests.try_recv().is_ok());
    // A verdict is about a request: with another one it vouches for nothing.
    assert_eq!(row(&account, "u")["status"], "active");
    let mut other = weather(&evil.url);
    other["x-test"]["path"] = json!("/page");
    put(&account, &other, &[]).succeeds();
    assert_eq!(row(&account, "u")["status"], "untested");
}

#[test]
fn mistakes_are_told_with_their_place() {
    let account = Account::with_vault();
    let mut schema = weather("https://weather.example");
    schema["propertys"] = json!({});
    let text = serde_json::to_string_pretty(&schema).unwrap();
    let file = account.write("weather.json", &text);
    page!(account.run(&["kinds", "put", "weather", "--json-file", &file]));
    account.run(&["kinds", "put", "Weather", "--from", "custom"]).exits(2);
    account.run(&["kinds", "put", "secret", "--from", "custom"]).exits(5);
    account.run(&["kinds", "put", "x", "--from", "nothing"]).exits(2);
    account.run(&["kinds", "put", "x", "--from", "api_key", "--json-file", &file]).exits(2);
    account.run(&["kinds", "put", "x", "--from", "api_key"]).succeeds();
    let (copy, original) = (account.run(&["kinds", "show", "x"]), account.run(&["kinds", "show", "api_key"]));
    assert_eq!(copy.succeeds().json(), original.succeeds().json());
    account.run(&["kinds", "remove", "x"]).succeeds();
    account.run(&["schema", "x"]).exits(2);
}

#[test]
fn without_its_passphrase_the_built_in_kinds_are_listed() {
    let account = Account::with_passphrase("a passphrase");
    let listed = account.run(&["kinds", "--json"]).succeeds();
    assert_eq!(listed.json().as_array().unwrap().len(), 10);
    assert!(listed.err.contains("own kinds are not among them"), "{}", listed.err);
    account.run(&["schema", "api_key"]).succeeds();
    let file = account.passphrase_file();
    let open = ["--passphrase-file", file.to_str().unwrap()];
    account.command().args(open).args(["kinds", "put", "mine", "--from", "custom"]).run().succeeds();
    let listed = account.command().args(open).args(["kinds", "--json"]).run().succeeds();
    assert_eq!(listed.json().as_array().unwrap().len(), 11);
}
