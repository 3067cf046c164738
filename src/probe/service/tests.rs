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

/// A whole address needs none of the parts of the usual one; a placeholder in it still does.
#[test]
fn a_whole_address_needs_no_parts() {
    let zendesk = |base: &str| {
        let config = json!({"base_url": base, "username": "a", "password": "x"});
        planned_of(json!({"key": "a", "kind": "basic_auth", "service": "zendesk", "config": config}))
    };
    assert!(sent(zendesk("http://127.0.0.1:9/v2")).starts_with("GET http://127.0.0.1:9/v2/users.json"));
    // The part of the key that names the usual host is not looked for.
    let own = planned("api_key", "mailchimp", json!({"base_url": "http://127.0.0.1:9", "api_key": "0123"}));
    assert!(sent(own).starts_with("GET http://127.0.0.1:9/"));
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
        planned("api_key", "zendesk", json!({"base_url": "https://x.example", "api_key": "k"})).unwrap_err();
    assert!(
        error.to_string().contains("has no variant of the kind \"api_key\"; there is api-token (basic_auth)")
    );
    let own = json!({"key": "a", "kind": "api_key", "service": "zendesk", "test": {"path": "/"},
                     "config": {"base_url": "https://x.example", "api_key": "k"}});
    assert!(planned_of(own).is_ok(), "with a test of its own it is");
    let unknown = planned("api_key", "no-such", json!({"base_url": "https://x.example", "api_key": "k"}));
    assert!(unknown.unwrap_err().to_string().contains("no test is set"));
}

/// People call it either, and the request is the same.
#[test]
fn an_api_key_is_a_bearer_token_by_another_name() {
    for service in ["github", "github/token"] {
        let own = sent(planned("bearer_token", service, json!({"token": "t-1"})));
        assert_eq!(own, sent(planned("api_key", service, json!({"api_key": "t-1"}))));
        assert!(own.contains("Bearer t-1"), "{own}");
    }
    let own = sent(planned("api_key", "linear", json!({"api_key": "lin_api_1"})));
    assert_eq!(own, sent(planned("bearer_token", "linear", json!({"token": "lin_api_1"}))));
    // What the service says of the secret is said of it under its other name.
    let named = |kind| Kinds::builtin().of_service(kind, "github").unwrap();
    let title = |kind, place: &str| named(kind).title_of(place);
    assert_eq!(title("api_key", "/config/api_key"), title("bearer_token", "/config/token"));
    assert!(named("api_key").is_secret("/config/api_key") && !named("api_key").is_secret("/config/token"));
    // Others are different things.
    for kind in ["basic_auth", "secret"] {
        assert!(matches!(named(kind).service(), Some(Err(_))), "{kind}");
    }
}

#[test]
fn a_plan_shows_nothing_secret() {
    let plan =
        planned("api_key", "algolia", json!({"application_id": "APP1", "api_key": "s3cr3t/1"})).unwrap();
    let shown = format!("{plan:?} {} {}", plan.summary(), plan.host());
    assert!(!shown.contains("s3cr3t"), "{shown}");
    assert_eq!(plan.host(), "app1.algolia.net");
}

#[test]
fn a_service_says_what_its_test_may_cost() {
    let caution = |document: Value| {
        let kind = Kinds::builtin().of_document(document.as_object().unwrap()).unwrap();
        let content = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content;
        kind.caution(&content)
    };
    let algolia = json!({"key": "a", "kind": "api_key", "service": "algolia",
                         "config": {"application_id": "APP1", "api_key": "s3cr3t/1"}});
    assert_eq!(caution(algolia), None);
    let mut docker = json!({"key": "a", "kind": "basic_auth", "service": "dockerhub",
                            "config": {"username": "ann", "password": "p-1"}});
    assert_eq!(caution(docker.clone()), Some("wrong tries lock the account"));
    docker["test"] = json!({"path": "/"});
    assert_eq!(caution(docker), Some("wrong tries lock the account"), "whatever is asked");
    let mut metered = json!({"key": "a", "kind": "api_key", "service": "accuweather",
                             "config": {"api_key": "s3cr3t/1"}});
    assert_eq!(caution(metered.clone()), Some("each test costs quota or money"));
    metered["test"] = json!({"path": "/"});
    assert_eq!(caution(metered), None, "a test of one's own is one's own matter");
}

#[test]
fn an_oauth_credential_takes_the_calls_of_its_service() {
    // The service exchanges the client's secret for a token itself.
    let config = json!({"domain": "api.1password.com", "client_id": "c-1", "client_secret": "s-1"});
    let own = sent(planned("oauth2", "1password-users/client-credentials", config));
    assert!(
        own.starts_with("POST https://api.1password.com/v1beta1/users/oauth2/token Authorization: Basic "),
        "{own}"
    );
    // Elsewhere the token is what is tested: a test gets one where none is stored.
    let token = json!({"key": "a", "kind": "oauth2", "service": "certn-partner/client-credentials",
        "config": {"grant": "client_credentials", "client_id": "c-1", "client_secret": "s-1",
                   "token_url": "https://api.example/token", "subdomain": "api", "domain": "api.example"}});
    let plan = planned_of(token).unwrap();
    assert!(matches!(plan.work, Work::Token(_)), "{plan:?}");
}

#[test]
fn a_login_takes_the_protocol_where_its_service_has_no_calls() {
    let plan = planned(
        "database",
        "postgresql",
        json!({"engine": "postgres", "host": "db.invalid",
        "username": "ann", "password": "p-1", "database": "d"}),
    )
    .unwrap();
    assert!(matches!(plan.work, Work::Wire(_)), "{plan:?}");
    let key = json!({"access_key_id": "AKIA0000000000000000", "secret_access_key": "s-1"});
    let plan = planned("aws", "aws", key).unwrap();
    assert!(matches!(plan.work, Work::Aws(_)), "{plan:?}");
}

/// A stored token is tried with the service's request, one that a test gets for itself too; where the service's
/// own request is the one that gets the token, that is the test.
#[test]
fn oauth_clients_of_services() {
    let client = |service: &str, more: Value| {
        let mut config = json!({"client_id": "c", "client_secret": "s-1"});
        config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        planned("oauth2", service, config)
    };
    let person = json!({"grant": "authorization_code", "issuer": "https://github.com"});
    let waiting = client("github/oauth", person.clone()).unwrap();
    assert!(matches!(waiting.work, Work::Client(_)), "{waiting:?}");
    assert_eq!(waiting.summary(), "the client, before its first login");
    let mut logged_in = person;
    logged_in["tokens"] = json!({"access_token": "t-1"});
    let plan = client("github/oauth", logged_in).unwrap();
    assert!(matches!(plan.work, Work::Token(_)), "{plan:?}");
    assert_eq!((plan.host(), plan.summary().as_str()), ("api.github.com", "GET /user"));
    let machine = json!({"grant": "client_credentials", "my_domain": "acme.my.salesforce.com"});
    let id = "salesforce/client-credentials";
    let plan = client(id, machine).unwrap();
    assert!(matches!(plan.work, Work::Service(_)), "{plan:?}");
    assert!(plan.summary().contains("POST /services/oauth2/token"), "{}", plan.summary());
}

/// The catalogue may not name `sign`; this is what keeps its list of a signer's values that of the signer.
#[test]
fn the_catalogue_knows_what_signers_bring() {
    let spec: crate::sign::SignerSpec = serde_json::from_value(json!({
        "type": "jwt", "algorithm": "HS256", "key": "a-key-of-more-than-thirty-two-bytes-here"
    }))
    .unwrap();
    let signer = spec.resolve(&|_: &str| Ok::<_, crate::sign::SignError>(Secret::from(""))).unwrap();
    let values = signer.values(jiff::Timestamp::UNIX_EPOCH, &[0; 16]).unwrap();
    let brought: Vec<&str> = values.iter().map(|(name, _)| *name).collect();
    assert_eq!(brought, crate::schema::catalogue::SIGNER_VALUES);
}
