use serde_json::{Value, json};

use super::*;
use crate::probe::plan::Work;
use crate::probe::{Plan, plan};
use crate::schema::{Absent, Kinds};

fn planned(kind: &str, service: &str, config: Value) -> Result<Plan, Unplannable> {
    planned_of(json!({"key": "a", "kind": kind, "service": service, "config": config}))
}

fn planned_of(document: Value) -> Result<Plan, Unplannable> {
    let kind = Kinds::builtin().of_document(document.as_object().unwrap()).unwrap();
    let mut read = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap();
    kind.propose(&mut read.content);
    plan(&kind, &read.content)
}

/// Every request of a test, with stand-ins for what answers will bring.
fn sent(planned: Result<Plan, Unplannable>) -> String {
    let plan = planned.unwrap();
    let Work::Service(chain) = &plan.work else { panic!("{plan:?}") };
    let mut values = chain.values.clone();
    let mut lines = Vec::new();
    for call in &chain.calls {
        let request = chain.build(call, &values).unwrap().request;
        let headers: Vec<String> =
            request.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
        let body = request.body.as_ref().map_or("", Secret::expose);
        lines.push(
            format!("{} {} {} {body}", request.method, request.url, headers.join(" | ")).trim().to_owned(),
        );
        for take in &call.call.take {
            values.stand_in(&take.name, take.secret);
        }
    }
    lines.join("\n")
}

#[test]
fn requests_of_services() {
    let page = [
        sent(planned("bearer_token", "github", json!({"token": "t-1"}))),
        sent(planned(
            "basic_auth",
            "zendesk",
            json!({"subdomain": "acme", "username": "a@b.example", "password": "p-1"}),
        )),
        sent(planned("api_key", "algolia", json!({"application_id": "APP1", "api_key": "k/1"}))),
        sent(planned("api_key", "mailchimp", json!({"api_key": "0123-us6"}))),
        sent(planned("basic_auth", "dockerhub", json!({"username": "ann", "password": "p\"1"}))),
        sent(planned(
            "basic_auth",
            "sap-business-one",
            json!({"base_url": "https://b1.example:50000", "company_db": "DB", "username": "u", "password": "p"}),
        )),
        sent(planned(
            "custom",
            "twilio/api-key",
            json!({"fields": {"account_sid": "AC1", "key_sid": "SK1"}, "secrets": {"key_secret": "s-1"}}),
        )),
        sent(planned("api_key", "telegram", json!({"api_key": "12:AAF"}))),
        sent(planned("api_key", "linear", json!({"api_key": "lin_api_1"}))),
    ];
    insta::assert_snapshot!(page.join("\n"));
}

#[test]
fn a_value_cannot_make_another_host() {
    for subdomain in ["a.b", "a/b", "evil.example/", "a@b", "a#", "a?b", "a:1", "a\\b", "-a", "ä", "a b"] {
        let config = json!({"subdomain": subdomain, "username": "u", "password": "p-1"});
        let error = planned("basic_auth", "zendesk", config).unwrap_err();
        assert!(
            matches!(error, Unplannable::Unsendable { place: "a host's name", .. }),
            "{subdomain}: {error}"
        );
    }
    let missing = planned("basic_auth", "zendesk", json!({"username": "u", "password": "p"})).unwrap_err();
    assert_eq!(missing.to_string(), "Subdomain is missing");
    // The part of a key that becomes a host is not free either.
    for key in ["0123-us6.evil.example", "0123-us6/x", "0123"] {
        let error = planned("api_key", "mailchimp", json!({"api_key": key})).unwrap_err();
        assert!(!error.to_string().contains("0123"), "{error}");
    }
}

#[test]
fn what_the_credential_says_itself_wins() {
    let own = json!({"key": "a", "kind": "bearer_token", "service": "github", "test": {"path": "/zen"},
                     "config": {"base_url": "https://ghe.example/api/v3", "token": "t-1"}});
    assert!(sent(planned_of(own)).starts_with("GET https://ghe.example/api/v3/zen "));
    let placed = json!({"key": "a", "kind": "api_key", "service": "linear",
                        "config": {"api_key": "k-1", "placement": {"in": "query", "name": "key", "prefix": "p-"}}});
    let placed = sent(planned_of(placed));
    assert!(placed.contains("graphql?key=p-k-1") && !placed.contains("Authorization"), "{placed}");
}

#[test]
fn a_service_without_a_usable_variant_is_not_testable() {
    let error =
        planned("api_key", "github", json!({"base_url": "https://x.example", "api_key": "k"})).unwrap_err();
    assert!(
        error.to_string().contains("has no variant of the kind \"api_key\"; there is token (bearer_token)")
    );
    let own = json!({"key": "a", "kind": "api_key", "service": "github", "test": {"path": "/"},
                     "config": {"base_url": "https://x.example", "api_key": "k"}});
    assert!(planned_of(own).is_ok(), "with a test of its own it is");
    let unknown = planned("api_key", "no-such", json!({"base_url": "https://x.example", "api_key": "k"}));
    assert!(unknown.unwrap_err().to_string().contains("no test is set"));
}

#[test]
fn a_plan_shows_nothing_secret_and_says_what_it_costs() {
    let plan =
        planned("api_key", "algolia", json!({"application_id": "APP1", "api_key": "s3cr3t/1"})).unwrap();
    let shown = format!("{plan:?} {} {}", plan.summary(), plan.host());
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert_eq!(plan.host(), "app1.algolia.net");
    assert_eq!(plan.caution(), None);
    let docker = planned("basic_auth", "dockerhub", json!({"username": "ann", "password": "p-1"})).unwrap();
    assert_eq!(docker.caution(), Some("wrong tries lock the account"));
}
