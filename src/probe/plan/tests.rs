use serde_json::{Value, json};

use super::*;
use crate::schema::{Absent, Kinds};

fn planned(document: Value) -> Result<Plan, Unplannable> {
    let kind = Kinds::builtin().get(document["kind"].as_str().unwrap()).unwrap();
    let read = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap();
    plan(kind, &read.content)
}

fn called(planned: Result<Plan, Unplannable>) -> Call {
    match planned.unwrap().work {
        Work::Http(call) => *call,
        other => panic!("{other:?}"),
    }
}

fn sent(document: Value) -> String {
    let call = called(planned(document));
    let headers: Vec<String> =
        call.request.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
    format!("{} {} {}", call.request.method, call.request.url, headers.join(" | "))
}

fn api_key(placement: Value) -> Value {
    json!({"key": "a", "kind": "api_key", "test": {"path": "/me?x=1"},
           "config": {"base_url": "https://api.example/v1", "api_key": "k+1", "placement": placement}})
}

#[test]
fn a_key_goes_where_its_placement_says() {
    let mut plain = api_key(json!({"in": "header", "name": "X-Key"}));
    assert_eq!(sent(plain.clone()), "GET https://api.example/v1/me?x=1 X-Key: k+1");
    plain["config"].as_object_mut().unwrap().remove("placement");
    assert_eq!(sent(plain), "GET https://api.example/v1/me?x=1 X-Api-Key: k+1");
    assert_eq!(
        sent(api_key(json!({"in": "header", "name": "Authorization", "prefix": "Token "}))),
        "GET https://api.example/v1/me?x=1 Authorization: Token k+1"
    );
    assert_eq!(
        sent(api_key(json!({"in": "query", "name": "key"}))),
        "GET https://api.example/v1/me?x=1&key=k%2B1 "
    );
    assert_eq!(
        sent(api_key(json!({"in": "cookie", "name": "sid"}))),
        "GET https://api.example/v1/me?x=1 Cookie: sid=k+1"
    );
}

#[test]
fn basic_and_bearer() {
    let basic = json!({"key": "a", "kind": "basic_auth", "test": {"path": "/"},
                       "config": {"base_url": "https://api.example", "username": "aladdin", "password": "opensesame"}});
    assert_eq!(sent(basic), "GET https://api.example/ Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l");
    let bearer = json!({"key": "a", "kind": "bearer_token", "test": {"path": "/", "method": "HEAD"},
                        "config": {"base_url": "https://api.example", "token": "t", "scheme": "token"}});
    assert_eq!(sent(bearer), "HEAD https://api.example/ Authorization: token t");
}

#[test]
fn what_cannot_be_sent_is_said_before() {
    let mut key = api_key(json!({"in": "header", "name": "X-Key"}));
    key["config"]["api_key"] = json!("schlüssel");
    assert!(matches!(planned(key.clone()), Err(Unplannable::Unsendable { .. })));
    key["config"]["api_key"] = json!("a\r\nX-Evil: 1");
    assert!(matches!(planned(key.clone()), Err(Unplannable::Unsendable { .. })));
    key["config"]["api_key"] = Value::Null;
    let missing = planned(key.clone()).unwrap_err();
    assert_eq!(missing.to_string(), "API key is missing");
    key["config"]["api_key"] = json!("k");
    key["test"]["path"] = json!("//evil.example/");
    assert_eq!(planned(key.clone()).unwrap_err(), Unplannable::Address(AddressError::PathLeaves));
    key["test"]["path"] = json!("/");
    for name in ["host", "Content-Length", "transfer-encoding"] {
        key["test"]["headers"] = json!({ name: "x" });
        assert!(matches!(planned(key.clone()), Err(Unplannable::BadTest(_))), "{name}");
    }
    key["test"]["headers"] = json!({"X-Version": "2"});
    assert!(planned(key.clone()).is_ok(), "the control");
    key["test"]["method"] = json!("DELETE");
    assert!(matches!(planned(key.clone()), Err(Unplannable::BadTest(_))));
    key.as_object_mut().unwrap().remove("test");
    assert!(matches!(planned(key), Err(Unplannable::NotTestable(_))));
}

fn custom(request: Value) -> Value {
    json!({"key": "a", "kind": "custom", "test": {"path": "/bot{token}/me", "method": "POST"},
           "config": {"base_url": "https://api.example/v1", "fields": {"account": "42"},
                      "secrets": {"token": "t/1 \"ü", "pin": "9"}, "request": request}})
}

#[test]
fn a_described_request_has_its_values_encoded_where_they_stand() {
    let document = custom(json!({
        "headers": {"X-Account": "acc {account}", "X-Pin": "{pin}{pin} {", "Content-Type": "application/json"},
        "query": {"t": "{token}", "{x": "}"},
        "body": "{\"token\": \"{token}\", \"ids\": {account}, \"open\": {unknown}}"}));
    let plan = planned(document.clone()).unwrap();
    assert_eq!(
        sent(document.clone()),
        "POST https://api.example/v1/bott%2F1%20%22%C3%BC/me?t=t%2F1+%22%C3%BC&%7Bx=%7D \
         X-Account: acc 42 | X-Pin: 99 { | Content-Type: application/json"
    );
    let body = called(planned(document.clone())).request.body.unwrap();
    assert_eq!(body.expose(), r#"{"token": "t/1 \"ü", "ids": 42, "open": {unknown}}"#);
    let shown = format!("{plan:?} {} {}", plan.summary(), plan.host());
    assert!(!shown.contains("t/1") && !shown.contains("t%2F1"), "{shown}");
    let mut get = document;
    get["test"]["method"] = json!("GET");
    assert!(called(planned(get)).request.body.is_none());
}

#[test]
fn a_described_request_cannot_break_out() {
    let refused = |request: Value| planned(custom(request)).unwrap_err();
    let unsendable = |error: Unplannable| matches!(error, Unplannable::Unsendable { .. });
    assert!(unsendable(refused(json!({"headers": {"X-T": "{token}"}}))), "not ASCII");
    for name in ["Host", "content-length", "Transfer-Encoding"] {
        let error = refused(json!({"headers": {name: "{pin}"}}));
        assert!(matches!(error, Unplannable::BadTest(_)), "{name}: {error}");
    }
    let error = refused(json!({"headers": {"X-T": "{tokn}"}}));
    assert_eq!(error.to_string(), "{tokn} is neither a field nor a secret");
    assert!(planned(custom(json!({"headers": {"X-T": "{pin}"}}))).is_ok(), "the control");
    for value in ["..", ".", "a\r\nX-Evil: 1", "\u{0}"] {
        let mut document = custom(json!({}));
        document["config"]["secrets"]["token"] = json!(value);
        assert!(unsendable(planned(document).unwrap_err()), "{value:?}");
    }
    for value in ["../../x", "@evil.example", "//evil.example", "#a?b", "%2e%2e", "https://evil.example"] {
        let mut document = custom(json!({}));
        document["config"]["secrets"]["token"] = json!(value);
        document["test"]["path"] = json!("/{token}");
        let url = called(planned(document)).request.url;
        assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("api.example"), None, None));
        assert!(url.path().starts_with("/v1/") && url.path().matches('/').count() == 2, "{url}");
    }
    let mut both = custom(json!({"headers": {"X-T": "{pin}"}}));
    both["config"]["fields"]["pin"] = json!("1");
    assert!(planned(both).unwrap_err().to_string().contains("both a field and a secret"));
}

/// A kind of the vault's own says where its fields go, nested ones and those that mean their default included.
#[test]
fn a_kind_describes_the_request_of_its_credentials() {
    let schema = json!({
        "title": "Own", "type": "object",
        "properties": {
            "base_url": {"type": "string", "x-origin": true, "default": "https://api.example/v1"},
            "token": {"type": "string", "writeOnly": true},
            "region": {"type": "string", "default": "eu"},
            "proxy": {"type": "object", "properties": {
                "user": {"type": "string"}, "password": {"type": "string", "writeOnly": true}}},
            "keys": {"type": "object", "additionalProperties": {"type": "string", "writeOnly": true}},
        },
        "x-request": {"headers": {"X-Token": "{token}", "X-Proxy": "{proxy.user}:{proxy.password}",
                                  "X-Key": "{keys.first}"}, "query": {"region": "{region}"}},
        "x-test": {"path": "/{region}/me", "method": "HEAD"},
    });
    let kind = Kind::define("own", &schema.to_string()).unwrap().kind;
    let planned = |config: Value, base: Option<&str>| {
        let document = json!({"key": "a", "kind": "own", "config": config});
        let mut read = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content;
        read.set("/config/base_url", base.map_or(Value::Null, Value::from));
        plan(&kind, &read)
    };
    let config = json!({"token": "t-1", "proxy": {"user": "u", "password": "p-1"}, "keys": {"first": "k-1"}});
    let plan = planned(config.clone(), Some("https://api.example/v1")).unwrap();
    let shown = format!("{plan:?} {}", plan.summary());
    assert!(!["t-1", "p-1", "k-1"].iter().any(|secret| shown.contains(secret)), "{shown}");
    let request = called(Ok(plan)).request;
    assert_eq!(request.url.as_str(), "https://api.example/v1/eu/me?region=eu");
    let sent: Vec<_> =
        request.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
    assert_eq!(
        (request.method.as_str(), sent.join(" | ").as_str()),
        ("HEAD", "X-Token: t-1 | X-Proxy: u:p-1 | X-Key: k-1")
    );
    // The schema's address is no credential's: without one of its own, nothing is sent.
    assert!(matches!(planned(config, None), Err(Unplannable::NotTestable(_))));
    let mut wrong = schema;
    wrong["x-request"]["headers"]["X-A"] = json!("{proxy.usr}");
    assert!(Kind::define("own", &wrong.to_string()).is_err());
}

#[test]
fn what_proves_nothing_is_not_testable() {
    let not_testable = |document: Value| match planned(document.clone()) {
        Err(Unplannable::NotTestable(words)) => words.into_owned(),
        other => panic!("{document}: {other:?}"),
    };
    let mut unused = custom(json!({"headers": {"X-A": "{account}"}}));
    unused["test"]["path"] = json!("/");
    assert!(not_testable(unused).contains("none of its secrets"));
    let mut nowhere = custom(json!({}));
    nowhere["config"].as_object_mut().unwrap().remove("base_url");
    assert!(not_testable(nowhere).contains("no base URL"));
    let values = json!({"values": {"a": "b"}});
    not_testable(json!({"key": "a", "kind": "secret", "test": {"path": "/"}, "config": values}));
}

#[test]
fn a_plan_shows_nothing_secret() {
    let plan = planned(api_key(json!({"in": "query", "name": "key"}))).unwrap();
    let shown = format!("{plan:?} {} {}", plan.summary(), plan.host());
    assert!(!shown.contains("k+1") && !shown.contains("k%2B1"), "{shown}");
}
