//! A person's own services, on the real program.

use std::path::Path;

use serde_json::{Value, json};

use crate::support::home::Account;
use crate::support::server::{Server, json as answered};

fn with(name: &str, text: &str) -> Account {
    let account = Account::with_vault();
    let folder = account.config_folder().join("services");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join(name), text).unwrap();
    account
}

/// The example of the page about adding a service.
fn acme() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/ADDING_A_SERVICE.md");
    let page = std::fs::read_to_string(page).unwrap();
    page.split("```toml\n").nth(1).unwrap().split("```").next().unwrap().to_owned()
}

#[test]
fn the_documented_example_works_as_it_stands() {
    let account = with("acme.toml", &acme());
    let shown = account.run(&["services", "acme", "--json"]).succeeds().json();
    assert_eq!(
        shown[0]["test"],
        json!({"method": "GET", "url": "https://{subdomain}.acme.example/v2/whoami"})
    );
    let folder = account.config_folder().join("services");
    let checked = account.run(&["services", "--check", folder.to_str().unwrap()]).succeeds();
    assert_eq!(checked.out, "1 file, no mistake\n");

    let server = Server::start(|seen| match seen.header("x-acme-key") {
        "acme_test_right" => answered(200, r#"{"user":{"id":7,"name":"ann"},"scopes":["read"]}"#),
        _ => answered(401, r#"{"code":"bad_key"}"#),
    });
    for (key, secret, outcome) in
        [("a.right", "acme_test_right", "ok"), ("b.wrong", "acme_live_wrong", "rejected")]
    {
        let document = json!({"key": key, "kind": "api_key", "service": "acme",
                              "config": {"base_url": server.url(), "subdomain": "initech", "api_key": secret}});
        let path = account.write("one.json", &document.to_string());
        let put = account.run(&["put", "--no-test", "--json-file", &path]).succeeds();
        assert_eq!(put.err.contains("looks like a test key"), key == "a.right", "{}", put.err);
        let done = account.run(&["test", key, "--json"]);
        let line: Value = serde_json::from_str(done.out.trim()).unwrap();
        assert_eq!(line["outcome"], outcome, "{line}");
        if outcome == "ok" {
            assert_eq!(line["facts"], json!({"who": "ann", "scopes": ["read"]}));
        } else {
            assert_eq!(
                line["advice"],
                "Make a new one at https://initech.acme.example/settings/keys, enter it and test again."
            );
        }
    }
}

#[test]
fn the_address_is_stored_and_told_with_its_values() {
    let account = with("acme.toml", &acme());
    let document = json!({"key": "a", "kind": "api_key", "service": "acme",
                          "config": {"subdomain": "initech", "api_key": "acme_live_1"}});
    let path = account.write("one.json", &document.to_string());
    let put = account.run(&["put", "--no-test", "--json-file", &path]).succeeds();
    assert!(put.err.contains("https://{subdomain}.acme.example, as the service says"), "{}", put.err);
    assert_eq!(account.run(&["get", "a", "base_url"]).succeeds().out, "https://initech.acme.example");
    // The subdomain is a part of the address that the key is bound to.
    let moved = json!({"key": "a", "kind": "api_key", "service": "acme",
                       "config": {"base_url": "https://{subdomain}.acme.example", "subdomain": "evil"}});
    let path = account.write("moved.json", &moved.to_string());
    account.run(&["put", "--no-test", "--json-file", &path]).exits(5);
}

#[test]
fn mistakes_are_told_all_at_once_and_stop_nothing_else() {
    let account = with("broken.toml", "name = \"Broken\"\ncategory = \"nothing\"\n[[variant]]\nid = \"a\"\n");
    let listed = account.run(&["services", "github"]).exits(7);
    assert!(listed.out.contains("github"), "{}", listed.out);
    for part in ["broken.toml:2:1: category", "title: is required", "kind: is required"] {
        assert!(listed.err.contains(part), "{part}: {}", listed.err);
    }
    account.run(&["doctor"]).exits(1);
    let document = json!({"key": "a", "kind": "api_key", "service": "broken",
                          "config": {"base_url": "https://a.example", "api_key": "k-1"}});
    account.put(&document.to_string());
    let tested = account.run(&["test", "a", "--json"]).succeeds();
    let line: Value = serde_json::from_str(tested.out.trim()).unwrap();
    assert_eq!(line["outcome"], "not_testable");
    assert!(line["message"].as_str().unwrap().contains("broken.toml:2:1: category"), "{line}");
    account.run(&["list"]).succeeds();
}

const LOGIN: &str = r#"
name = "Session"
category = "erp"
[[variant]]
id = "login"
title = "Login"
kind = "basic_auth"
base_url = "{base_url}"
hosts = ["other.example"]
[[variant.field]]
name = "username"
[[variant.field]]
name = "password"
secret = true
[variant.auth]
cookies = { SID = "{sid}" }
[[variant.step]]
name = "login"
method = "POST"
path = "/login"
json = { user = "{username}", password = "{password}" }
expect = { status = [200] }
rejected = { status = [401] }
take = [{ name = "sid", json = "/sid" }]
[variant.test]
path = "/me"
expect = { status = [200], json = [{ pointer = "/id", exists = true }] }
[[variant.after]]
method = "POST"
path = "/logout"
auth = true
"#;

#[test]
fn a_login_is_logged_out_again_and_its_session_is_seen_nowhere() {
    let account = with("session.toml", LOGIN);
    let server = Server::start(|seen| match (seen.target.as_str(), seen.header("cookie")) {
        ("/login", _) if seen.text().contains("right") => answered(200, r#"{"sid":"zqsession1marker"}"#),
        ("/login", _) => answered(401, "{}"),
        ("/me", "SID=zqsession1marker") => answered(500, r#"{"error":"session zqsession1marker is broken"}"#),
        _ => answered(200, "{}"),
    });
    let document = |secret: &str| {
        json!({"key": "a", "kind": "basic_auth", "service": "session",
               "config": {"base_url": server.url(), "username": "ann", "password": secret}})
        .to_string()
    };
    let put = |secret: &str| {
        let path = account.write("one.json", &document(secret));
        account.run(&["put", "--no-test", "--json-file", &path]).succeeds();
    };
    put("right-1");
    let done = account.run(&["test", "a", "--json", "--steps"]).exits(1);
    assert!(!done.out.contains("zqsession1marker") && !done.out.contains("right-1"), "{}", done.out);
    let line: Value = serde_json::from_str(done.out.trim()).unwrap();
    assert_eq!(line["outcome"], "unreachable");
    let steps: Vec<&str> =
        line["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert!(
        steps.contains(&"login") && steps.contains(&"logout") && steps.contains(&"login connect"),
        "{steps:?}"
    );
    let targets =
        |from: usize| server.requests()[from..].iter().map(|seen| seen.target.clone()).collect::<Vec<_>>();
    assert_eq!(targets(0), ["/login", "/me", "/logout"], "also after a failure");
    put("wrong-1");
    let done = account.run(&["test", "a", "--json"]).exits(1);
    let line: Value = serde_json::from_str(done.out.trim()).unwrap();
    assert_eq!(line["outcome"], "rejected");
    assert!(line["message"].as_str().unwrap().starts_with("login: 401"), "{line}");
    assert_eq!(targets(3), ["/login"], "nothing to log out of");
}

#[test]
fn a_host_of_one_s_own_file_must_be_the_credential_s_own() {
    let text = LOGIN.replace("path = \"/me\"", "url = \"https://other.example/me\"");
    let account = with("session.toml", &text);
    let document = |hosts: Value| {
        json!({"key": "a", "kind": "basic_auth", "service": "session", "allowed_hosts": hosts,
               "config": {"base_url": "http://127.0.0.1:9", "username": "ann", "password": "p-1"}})
        .to_string()
    };
    let message = |hosts: Value| {
        let path = account.write("one.json", &document(hosts));
        account.run(&["put", "--no-test", "--json-file", &path]).succeeds();
        let done = account.run(&["test", "a", "--json"]).exits(1);
        let line: Value = serde_json::from_str(done.out.trim()).unwrap();
        line["message"].as_str().unwrap().to_owned()
    };
    for other in ["else.example", "other.example:8443"] {
        assert!(message(json!([other])).contains("not a host of this credential"), "{other}");
    }
    assert!(
        message(json!(["other.example"])).starts_with("login: "),
        "the control: it got as far as the login"
    );
}

const NOTED: &str = r#"name = "Noted"
category = "helpdesk"
status_page = "https://status.noted.example"
[[variant]]
id = "token"
title = "Token"
kind = "bearer_token"
base_url = "https://noted.example"
note = "Tokens begin with nt_."
[[variant.field]]
name = "token"
secret = true
[variant.auth]
headers = { Authorization = "Bearer {token}" }
[variant.test]
path = "/me"
rejected = { status = [401] }
limited = { status = [403] }
basis = "editor"
"#;

/// What is worth knowing of a credential does not help where none was looked at; where the service says how it is
/// does not help where it answered.
#[test]
fn advice_is_about_what_happened() {
    let account = with("noted.toml", NOTED);
    let server = Server::start(|seen| match seen.header("authorization").strip_prefix("Bearer status-") {
        Some(status) => answered(status.parse().unwrap(), "{}"),
        None => answered(200, "{}"),
    });
    let (note, page) = ("Tokens begin with nt_.", "https://status.noted.example says whether Noted runs.");
    let url = server.url();
    for (url, token, outcome, told) in [
        (url.as_str(), "status-401", "rejected", note),
        (&url, "status-403", "limited", note),
        (&url, "status-418", "unexpected", note),
        (&url, "status-429", "rate_limited", ""),
        (&url, "status-500", "unreachable", page),
        (&url, "status-503", "unreachable", page),
        ("http://127.0.0.1:9", "any", "unreachable", page),
        ("https://noted.invalid", "any", "unreachable", page),
    ] {
        let document = json!({"key": "a", "kind": "bearer_token", "service": "noted",
                              "config": {"base_url": url, "token": token}});
        let path = account.write("one.json", &document.to_string());
        account.run(&["put", "--no-test", "--json-file", &path]).succeeds();
        let line = account.run(&["test", "a", "--json"]).exits(1).json();
        let advice = line["advice"].as_str().unwrap();
        assert_eq!(line["outcome"], outcome, "{token}: {line}");
        assert_eq!([note, page].map(|text| advice.contains(text)), [told == note, told == page], "{line}");
    }
}

/// A token that says when it ends is believed as long as the service takes it.
#[test]
fn the_end_of_a_jwt_is_learnt() {
    use base64::Engine as _;
    let part = |json: Value| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(json.to_string());
    let jwt = format!("{}.{}.c2ln", part(json!({"alg": "none"})), part(json!({"exp": 4_102_444_800_u64})));
    let account = with("noted.toml", NOTED);
    let taken = Server::start(|_| answered(200, "{}"));
    let limited = Server::start(|_| answered(403, "{}"));
    let refused = Server::start(|_| answered(401, "{}"));
    let put = |kind: &str, url: &str, config: Value| {
        let mut document = json!({"key": "a", "kind": kind, "service": "noted", "config": config});
        document["config"]["base_url"] = json!(url);
        let path = account.write("one.json", &document.to_string());
        account.run(&["put", "--no-test", "--json-file", &path]).succeeds();
        account.run(&["test", "a", "--json"]).json()["facts"]["expires_at"].clone()
    };
    assert_eq!(put("bearer_token", &taken.url(), json!({"token": jwt})), "2100-01-01T00:00:00Z");
    assert_eq!(put("bearer_token", &limited.url(), json!({"token": jwt})), "2100-01-01T00:00:00Z");
    assert_eq!(put("bearer_token", &refused.url(), json!({"token": jwt})), Value::Null);
    assert_eq!(put("bearer_token", &taken.url(), json!({"token": "opaque"})), Value::Null);
    account.run(&["remove", "a", "--force"]).succeeds();
    assert_eq!(put("api_key", &taken.url(), json!({"api_key": jwt})), "2100-01-01T00:00:00Z");
}
