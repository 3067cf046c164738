//! OAuth credentials against a double of an authorization server and its service.

use credbench::http::Trust;
use credbench::model::Outcome;
use credbench::probe::{Report, Surroundings, Unplannable, plan_in, run, token_source};
use credbench::schema::catalogue::{Catalogue, File};
use credbench::schema::{Absent, Kinds};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{LONG, content, now, planned, steps, tested};
use crate::support::authority::{CLIENT, GIVEN, Manners, STORED, form, rsa_key, start};
use crate::support::issuer::{self, Issuer};
use crate::support::server::{Server, answer, json as json_answer};

fn oauth2(url: &str, more: Value) -> Value {
    let mut document = json!({"key": "a.oauth", "kind": "oauth2", "config": {
        "grant": "client_credentials", "client_id": CLIENT.0, "client_secret": CLIENT.1,
        "token_url": format!("{url}/token"), "base_url": format!("{url}/v1")}});
    merge(&mut document, &more);
    document
}

/// Sets members; `null` removes one.
fn merge(into: &mut Value, more: &Value) {
    for (name, value) in more.as_object().unwrap() {
        match value {
            Value::Null => drop(into.as_object_mut().unwrap().remove(name)),
            Value::Object(_) if into.get(name).is_some_and(Value::is_object) => merge(&mut into[name], value),
            value => into[name] = value.clone(),
        }
    }
}

fn told(report: &Report) -> String {
    let steps: String = report.steps.iter().map(|step| format!("{} ", step.detail)).collect();
    format!("{} {} {steps}", report.message, report.advice)
}

/// No secret, in any form that is sent, is told.
fn hides(report: &Report) {
    for secret in [CLIENT.1, GIVEN, STORED, "s3cret%2F%2B+%25of%26client", "czNjcmV0", "never-spent"] {
        assert!(!told(report).contains(secret), "{secret}: {}", told(report));
    }
}

#[tokio::test]
async fn a_token_is_got_tried_and_dropped() {
    let server = start(Manners::default());
    let test = json!({"test": {"path": "/me"}});
    for auth in ["basic", "post"] {
        let mut document = oauth2(&server.url(), test.clone());
        document["config"]["client_auth"] = json!(auth);
        let report = tested(document).await;
        assert_eq!(report.outcome, Outcome::Ok, "{auth}: {}", report.message);
        assert_eq!(steps(&report), "connect token connect request match");
        hides(&report);
    }
    let requests = server.requests();
    assert_eq!(requests.len(), 4);
    assert_eq!(requests[1].header("authorization"), format!("Bearer {GIVEN}"));
    assert_eq!(requests[1].target, "/v1/me");
    assert!(requests[2].header("authorization").is_empty(), "post sends no Basic");
    // Without a request, the token itself is the proof.
    let report = tested(oauth2(&server.url(), json!({}))).await;
    assert_eq!(
        (report.outcome, report.message.as_str()),
        (Outcome::Ok, "200 a token was granted, good for 3600 s")
    );
    assert_eq!(steps(&report), "connect token match");
}

#[tokio::test]
async fn what_is_configured_is_sent() {
    let server = start(Manners::default());
    let more = json!({"config": {"scopes": ["a", "b"], "audience": "https://api.example", "extra_parameters": {"x": "1 2"}}});
    assert_eq!(tested(oauth2(&server.url(), more)).await.outcome, Outcome::Ok);
    assert_eq!(
        form(&server.requests()[0]),
        [
            ("grant_type", "client_credentials"),
            ("scope", "a b"),
            ("audience", "https://api.example"),
            ("x", "1 2")
        ]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
    );
}

#[tokio::test]
async fn the_token_address_is_found_by_discovery() {
    for rfc8414 in [false, true] {
        let server = start(Manners { rfc8414, ..Manners::default() });
        let more = json!({"config": {"token_url": null, "issuer": server.url()}, "test": {"path": "/me"}});
        let report = tested(oauth2(&server.url(), more)).await;
        assert_eq!(report.outcome, Outcome::Ok, "{}", report.message);
        let expected = match rfc8414 {
            true => "connect discover connect discover connect token connect request match",
            false => "connect discover connect token connect request match",
        };
        assert_eq!(steps(&report), expected);
        hides(&report);
    }
    // Another issuer's metadata, or none, gives the client to nobody.
    let elsewhere = start(Manners::default());
    let target =
        format!(r#"{{"issuer": "{}", "token_endpoint": "{}/token"}}"#, elsewhere.url(), elsewhere.url());
    let server = Server::start(move |_| json_answer(200, target.clone()));
    let more = json!({"config": {"token_url": null, "issuer": server.url()}});
    let report = tested(oauth2(&server.url(), more.clone())).await;
    assert_eq!(report.outcome, Outcome::Unexpected, "{}", report.message);
    assert!(report.message.contains("another issuer's"), "{}", report.message);
    assert_eq!(elsewhere.connections(), 0);
    let server = Server::start(|_| json_answer(404, "{}"));
    let more = json!({"config": {"token_url": null, "issuer": server.url()}});
    assert_eq!(tested(oauth2(&server.url(), more)).await.outcome, Outcome::WrongEndpoint);
    assert_eq!(server.requests().len(), 2);
    assert!(server.requests().iter().all(|seen| seen.header("authorization").is_empty()));
}

#[tokio::test]
async fn a_key_proves_the_client_and_buys_tokens() {
    let (pem, public) = rsa_key();
    let (other, _) = rsa_key();
    let server = start(Manners { key: Some(public), ..Manners::default() });
    let by_key =
        json!({"config": {"client_auth": "private_key_jwt", "client_secret": null, "private_key": pem}});
    let grant = json!({"config": {"grant": "jwt_bearer", "client_secret": null, "private_key": pem, "subject": "ann", "scopes": ["x"]}});
    for more in [by_key, grant] {
        let report = tested(oauth2(&server.url(), more.clone())).await;
        assert_eq!(report.outcome, Outcome::Ok, "{}", report.message);
        let mut wrong = more.clone();
        wrong["config"]["private_key"] = json!(other);
        let report = tested(oauth2(&server.url(), wrong)).await;
        assert_eq!(report.outcome, Outcome::Rejected);
        assert!(report.message.contains("invalid_client: bad signature"), "{}", report.message);
        let mut broken = more;
        broken["config"]["private_key"] = json!("not a key");
        let report = tested(oauth2(&server.url(), broken)).await;
        assert_eq!(report.outcome, Outcome::Unexpected);
        assert!(report.message.contains("PEM private key"), "{}", report.message);
    }
    let names: Vec<String> = form(&server.requests()[0]).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["grant_type", "client_id", "client_assertion_type", "client_assertion"]);
    assert_eq!(server.requests().len(), 4, "a broken key sends nothing");
}

#[tokio::test]
async fn every_error_of_the_server_has_its_outcome() {
    for (status, code, outcome) in [
        (401, "invalid_client", Outcome::Rejected),
        (400, "invalid_client", Outcome::Rejected),
        (400, "invalid_grant", Outcome::Rejected),
        (400, "invalid_scope", Outcome::Limited),
        (400, "unauthorized_client", Outcome::Limited),
        (403, "access_denied", Outcome::Limited),
        (400, "unsupported_grant_type", Outcome::Unexpected),
        (400, "invalid_request", Outcome::Unexpected),
        (503, "temporarily_unavailable", Outcome::Unreachable),
        (429, "slow_down", Outcome::RateLimited),
        (200, "invalid_client", Outcome::Rejected),
        (401, "something_else", Outcome::Rejected),
    ] {
        let body = json!({"error": code, "error_description": format!("says why of {}", CLIENT.1)});
        let server = start(Manners { token: Some((status, body)), ..Manners::default() });
        let report = tested(oauth2(&server.url(), json!({"test": {"path": "/me"}}))).await;
        assert_eq!(
            (report.outcome, report.status_code),
            (outcome, Some(status)),
            "{code}: {}",
            report.message
        );
        assert!(report.message.contains(&format!("{code}: says why")), "{}", report.message);
        assert!(!report.advice.is_empty(), "{code}");
        assert_eq!(steps(&report), "connect token match!");
        hides(&report);
    }
    let expired =
        json!({"error": "invalid_client", "error_description": "The client secret keys are expired."});
    let server = start(Manners { token: Some((401, expired)), ..Manners::default() });
    assert_eq!(tested(oauth2(&server.url(), json!({}))).await.outcome, Outcome::Expired);
}

#[tokio::test]
async fn what_is_no_token_is_no_proof() {
    for body in [
        json!({}),
        json!({"access_token": ""}),
        json!({"access_token": "a b"}),
        json!({"access_token": "a", "token_type": "mac"}),
    ] {
        let server = start(Manners { token: Some((200, body.clone())), ..Manners::default() });
        let report = tested(oauth2(&server.url(), json!({}))).await;
        assert_eq!(report.outcome, Outcome::Unexpected, "{body}: {}", report.message);
    }
    let html = Server::start(|_| answer(200, &[("content-type", "text/html")], "<html>log in</html>"));
    assert_eq!(tested(oauth2(&html.url(), json!({}))).await.outcome, Outcome::WrongEndpoint);
    // A redirect is not followed, with or without the client's secret.
    let away = start(Manners::default());
    let location = format!("{}/token", away.url());
    let server = Server::start(move |_| answer(307, &[("location", &location)], ""));
    let report = tested(oauth2(&server.url(), json!({}))).await;
    assert_eq!(report.outcome, Outcome::WrongEndpoint, "{}", report.message);
    assert_eq!(away.connections(), 0);
}

#[tokio::test]
async fn scopes_that_were_not_granted_are_named() {
    let granted = |scope: &str| {
        let body = json!({"access_token": GIVEN, "scope": scope});
        start(Manners { token: Some((200, body)), ..Manners::default() })
    };
    let asks = json!({"config": {"scopes": ["read", "write", "openid", "https://x.example/.default"]}});
    let server = granted("read other");
    let report = tested(oauth2(&server.url(), asks.clone())).await;
    assert_eq!(report.outcome, Outcome::Limited);
    assert!(report.message.contains("without the scopes write"), "{}", report.message);
    assert_eq!(report.facts.scopes, Some(vec!["other".to_owned(), "read".to_owned()]));
    let server = granted("write read");
    assert_eq!(tested(oauth2(&server.url(), asks.clone())).await.outcome, Outcome::Ok);
    // With a request of its own, that decides.
    let server = granted("read");
    let mut tries = asks;
    tries["test"] = json!({"path": "/me"});
    let report = tested(oauth2(&server.url(), tries)).await;
    assert_eq!(report.outcome, Outcome::Ok);
    assert!(report.message.contains("without the scopes write"), "{}", report.message);
}

fn logged_in(url: &str, token: &str, ends: &str) -> Value {
    oauth2(
        url,
        json!({"test": {"path": "/me"}, "config": {
        "grant": "authorization_code", "authorization_url": format!("{url}/authorize"),
        "tokens": {"access_token": token, "refresh_token": "never-spent", "expires_at": ends}}}),
    )
}

#[tokio::test]
async fn a_stored_token_is_tried_and_left_alone() {
    let server = start(Manners::default());
    let report = tested(logged_in(&server.url(), STORED, "2026-11-22T11:00:00Z")).await;
    assert_eq!(report.outcome, Outcome::Ok, "{}", report.message);
    assert_eq!(steps(&report), "connect request match");
    hides(&report);
    let report = tested(logged_in(&server.url(), "wrong-token", "2026-11-22T11:00:00Z")).await;
    assert_eq!(report.outcome, Outcome::Rejected);
    assert_eq!(server.requests().len(), 2);
    // One that is over is not sent, and the refresh token is not spent.
    let report = tested(logged_in(&server.url(), STORED, "2026-11-22T09:00:00Z")).await;
    assert_eq!(report.outcome, Outcome::Expired);
    assert!(report.advice.contains("never spends the refresh token"), "{}", report.advice);
    hides(&report);
    assert_eq!(server.requests().len(), 2);
    // Where no person is needed, a test gets one for itself.
    let mut machine = logged_in(&server.url(), STORED, "2026-11-22T09:00:00Z");
    machine["config"]["grant"] = json!("client_credentials");
    let report = tested(machine).await;
    assert_eq!(report.outcome, Outcome::Ok, "{}", report.message);
    assert_eq!(steps(&report), "connect token connect request match");
    assert!(server.requests().iter().all(|seen| !seen.text().contains("never-spent")));
}

#[test]
fn before_the_first_login_there_is_nothing_to_test() {
    let base = "https://login.invalid";
    let person = |more: Value| {
        let mut document = logged_in(base, STORED, "2026-11-22T11:00:00Z");
        merge(&mut document, &more);
        planned(document)
    };
    // A client without a secret: nothing could be refused.
    let no_token = json!({"config": {"tokens": null, "client_secret": null}});
    let error = person(no_token).unwrap_err();
    let report = error.report(now());
    assert_eq!(report.outcome, Outcome::Incomplete);
    assert_eq!(report.message, "Access token is missing: log in first");
    assert!(report.advice.contains("a login gives one"), "{}", report.advice);
    assert!(person(json!({})).is_ok(), "the control");
    assert!(matches!(person(json!({"test": null})), Err(Unplannable::NotTestable(_))));
    let missing = person(json!({"config": {"base_url": null}})).unwrap_err();
    assert_eq!(missing.to_string(), "Base URL is missing");
    let plain = oauth2("http://login.example", json!({}));
    assert!(planned(plain).unwrap_err().to_string().contains("must be https"));
}

#[tokio::test]
async fn a_jwt_that_says_it_is_over_is_weighed_against_the_service() {
    use base64::Engine as _;
    let encode = |text: &str| base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(text);
    let token = |exp: i64| {
        format!("{}.{}.c2ln", encode(r#"{"alg":"RS256"}"#), encode(&format!(r#"{{"exp":{exp}}}"#)))
    };
    let over = token(now().as_second() - 3600);
    let bearer = |url: &str, token: &str| json!({"key": "b", "kind": "bearer_token", "test": {"path": "/"}, "config": {"base_url": url, "token": token}});
    let refuses = Server::start(|_| json_answer(401, "{}"));
    let report = tested(bearer(&refuses.url(), &over)).await;
    assert_eq!(report.outcome, Outcome::Expired);
    assert!(report.message.contains("ended at 2026-11-22 09:00 UTC"), "{}", report.message);
    assert_eq!(refuses.requests().len(), 1, "it was sent: the service's clock counts");
    let good = token(now().as_second() + 3600);
    assert_eq!(tested(bearer(&refuses.url(), &good)).await.outcome, Outcome::Rejected);
    let accepts = Server::start(|_| json_answer(200, "{}"));
    let report = tested(bearer(&accepts.url(), &over)).await;
    assert_eq!(report.outcome, Outcome::Ok);
    assert!(report.message.contains("although the token says"), "{}", report.message);
    let report = tested(bearer(&accepts.url(), &good)).await;
    assert!(!report.message.contains("token says"), "{}", report.message);
    assert_eq!(report.facts.expires_at.map(|at| at.as_second()), Some(now().as_second() + 3600));
    let report = tested(logged_in(&refuses.url(), &over, "2026-11-22T11:00:00Z")).await;
    assert_eq!(report.outcome, Outcome::Expired, "{}", report.message);
}

#[tokio::test]
async fn an_alias_gets_its_tokens_from_its_app() {
    let server = start(Manners::default());
    let alias = json!({"key": "m", "kind": "oauth_alias", "test": {"path": "/me"}, "config": {"app": "mail", "scopes": ["own"]}});
    let app = |more: Value| {
        let mut app = oauth2(&server.url(), more)["config"].clone();
        app["scopes"] = json!(["the app's"]);
        app
    };
    let around = |app: Value| {
        let kind = Kinds::of_oauth_apps().iter().next().unwrap();
        let mut document = app;
        document["name"] = json!("mail");
        let read =
            kind.read(document.as_object().unwrap().clone(), None, credbench::schema::Absent::Keeps).unwrap();
        Surroundings { oauth_app: Some(read.content) }
    };
    let content = content(alias);
    let kind = Kinds::builtin().get("oauth_alias").unwrap();
    let plan = plan_in(kind, &content, &around(app(json!({})))).unwrap();
    let trust = credbench::http::Trust::default();
    let report = run(&plan, &trust, LONG, &CancellationToken::new(), now).await;
    assert_eq!(report.outcome, Outcome::Ok, "{}", report.message);
    assert!(form(&server.requests()[0]).contains(&("scope".to_owned(), "own".to_owned())));
    hides(&report);
    assert!(!format!("{plan:?}").contains(CLIENT.1));
    // What the app lacks is named as the app's.
    let missing =
        plan_in(kind, &content, &around(app(json!({"config": {"client_secret": null}})))).unwrap_err();
    assert_eq!(missing.to_string(), "the client_secret of the OAuth app is missing");
    let person = app(json!({"config": {"grant": "authorization_code", "client_secret": null}}));
    let waiting = plan_in(kind, &content, &around(person)).unwrap_err();
    assert!(waiting.to_string().contains("log in first"), "{waiting}");
    let nobody = plan_in(kind, &content, &Surroundings::default()).unwrap_err();
    assert!(nobody.to_string().contains("there is no OAuth app \"mail\""));
}

const SERVICE: &str = r#"name = "Acme"
category = "helpdesk"
[[variant]]
id = "client"
title = "Client"
kind = "oauth2"
base_url = "{base_url}"
[[variant.field]]
name = "tenant"
[variant.auth]
headers = { Authorization = "Bearer {access_token}" }
[variant.oauth]
grant = "client_credentials"
token_url = "{base_url}/token?tenant={tenant}"
client_auth = "post"
body_format = "json"
scope_separator = ","
scopes = ["a", "b"]
extra_parameters = { resource = "urn:{tenant}", none = "{gone}" }
[[variant.field]]
name = "gone"
required = false
[variant.test]
path = "/v1/me"
expect = { status = [200] }
rejected = { status = [401] }
basis = "editor"
"#;

/// What the catalogue knows of a service's tokens, with the credential's values in it.
#[tokio::test]
async fn a_service_says_how_it_is_asked_for_tokens() {
    let server = start(Manners::default());
    let file = File { path: "acme.toml".to_owned(), id: "acme".to_owned(), text: Ok(SERVICE.to_owned()) };
    let catalogue = Catalogue::with(vec![file]);
    assert_eq!(catalogue.mistakes(), []);
    let kinds = Kinds::with(std::sync::Arc::new(catalogue));
    let kind = kinds.of_service("oauth2", "acme").unwrap();
    let planned = |more: Value, stored: bool| {
        let mut document = json!({"key": "a", "kind": "oauth2", "service": "acme", "config": {
            "client_id": CLIENT.0, "client_secret": CLIENT.1, "base_url": server.url(), "tenant": "1"}});
        merge(&mut document, &json!({ "config": more }));
        let document = document.as_object().unwrap().clone();
        let mut content = kind.read(document, None, Absent::Keeps).unwrap().content;
        if !stored {
            content.document["config"].as_object_mut().unwrap().remove("token_url").unwrap();
        }
        plan_in(&kind, &content, &Surroundings::default())
    };
    let plan = planned(json!({}), true).unwrap();
    let report = run(&plan, &Trust::default(), LONG, &CancellationToken::new(), now).await;
    assert_eq!(report.outcome, Outcome::Ok, "{}", told(&report));
    hides(&report);
    let asked = server.requests();
    assert_eq!(asked[0].target, "/token?tenant=1");
    assert_eq!(asked[0].header("authorization"), "", "the service wants it in the body");
    assert_eq!(asked[0].header("content-type"), "application/json");
    let mut sent = form(&asked[0]);
    sent.sort();
    let wanted = [
        ("client_id", CLIENT.0),
        ("client_secret", CLIENT.1),
        ("grant_type", "client_credentials"),
        ("resource", "urn:1"),
        ("scope", "a,b"),
    ];
    assert_eq!(sent, wanted.map(|(name, value)| (name.to_owned(), value.to_owned())));
    assert_eq!(asked[1].header("authorization"), format!("Bearer {GIVEN}"));
    // What the credential says itself counts.
    let own = json!({"client_auth": "basic", "scopes": ["c"], "extra_parameters": {"scope": "d"}});
    let plan = planned(own, true).unwrap();
    let report = run(&plan, &Trust::default(), LONG, &CancellationToken::new(), now).await;
    assert_eq!(report.outcome, Outcome::Ok, "{}", told(&report));
    let asked = server.requests();
    assert!(asked[2].header("authorization").starts_with("Basic "));
    assert_eq!(form(&asked[2]).iter().filter(|(name, _)| name == "scope").count(), 1, "sent once");
    // An address that only a person's own folder names is not used unless the credential has it.
    let missing = planned(json!({}), false).unwrap_err();
    assert!(matches!(&missing, Unplannable::Incomplete(_)), "{missing}");
    // A value is one label of a host.
    let host = |tenant: &str| {
        let url = "https://{tenant}.acme.invalid/token";
        planned(json!({"tenant": tenant, "token_url": url}), true)
    };
    assert!(host("initech").is_ok(), "the control");
    for tenant in ["evil.example/", "a.b", "a@b", "a:1", "a#"] {
        let refused = host(tenant).unwrap_err();
        assert!(matches!(refused, Unplannable::Unsendable { .. }), "{tenant}: {refused}");
    }
    assert_eq!(server.requests().len(), 4);
}

/// Before the first login the server may say whether it knows the client; it is never `ok`.
#[tokio::test]
async fn a_client_that_waits_for_its_login_is_shown_to_its_server() {
    let issuer = Issuer::start(issuer::Manners::default());
    let document = |grant: &str, more: Value| {
        let mut config = issuer.config(grant);
        merge(&mut config, &more);
        json!({"key": "a", "kind": "oauth2", "config": config})
    };
    for grant in ["authorization_code", "device_code"] {
        let report = tested(document(grant, json!({}))).await;
        assert_eq!(report.outcome, Outcome::Incomplete, "{}", report.message);
        assert_eq!(
            report.message,
            "Access token is missing: log in first; the server has no objection to the client: it refused only a made-up code"
        );
        assert!(report.advice.contains("Log in"), "{}", report.advice);
        assert_eq!(steps(&report), "connect discover connect client match!");
        hides(&report);
        // The control: another secret is refused.
        let report = tested(document(grant, json!({"client_secret": "wrong-marker"}))).await;
        assert_eq!(report.outcome, Outcome::Rejected, "{}", report.message);
        assert!(
            report.message.contains("401 the server refused the client: invalid_client"),
            "{}",
            report.message
        );
        assert!(!told(&report).contains("wrong-marker") && !told(&report).contains('\u{1b}'));
    }
    assert_eq!(
        issuer.counts(),
        issuer::Counts { polls: 1, ..issuer::Counts::default() },
        "nothing was made there"
    );
    // Without a secret nothing is sent.
    let sent = issuer.requests().len();
    let public = json!({"client_secret": null, "client_auth": "none", "client_id": issuer::PUBLIC});
    let report = tested(document("authorization_code", public)).await;
    assert_eq!(
        (report.outcome, report.message.as_str()),
        (Outcome::Incomplete, "Access token is missing: log in first")
    );
    assert_eq!(issuer.requests().len(), sent);
}

/// What a server says of a made-up code, and what may be concluded of it.
#[tokio::test]
async fn what_a_server_says_of_a_made_up_code() {
    let said = async |status: u16, body: Value| {
        let issuer =
            Issuer::start(issuer::Manners { token: Some((status, body)), ..issuer::Manners::default() });
        tested(json!({"key": "a", "kind": "oauth2", "config": issuer.config("authorization_code")})).await
    };
    for (status, body, outcome, words) in [
        (400, json!({"error": "invalid_grant"}), Outcome::Incomplete, "no objection"),
        (200, json!({"error": "bad_verification_code"}), Outcome::Incomplete, "no objection"),
        (200, json!({"error": "incorrect_client_credentials"}), Outcome::Rejected, "refused the client"),
        (
            401,
            json!({"error": "invalid_client", "error_description": "secret expired"}),
            Outcome::Expired,
            "expired",
        ),
        (400, json!({"error": "unauthorized_client"}), Outcome::Limited, "not allowed this grant"),
        (400, json!({"error": "invalid_request"}), Outcome::Incomplete, "could not be told"),
        (400, json!({"error": "redirect_uri_mismatch"}), Outcome::Incomplete, "could not be told"),
        (403, json!({"message": "who?"}), Outcome::Incomplete, "could not be told"),
        (200, json!({"access_token": "for-anything"}), Outcome::Incomplete, "could not be told"),
        (404, json!({}), Outcome::WrongEndpoint, "404"),
        (503, json!({}), Outcome::Unreachable, "503"),
        (429, json!({}), Outcome::RateLimited, "429"),
    ] {
        let report = said(status, body.clone()).await;
        assert_eq!(report.outcome, outcome, "{status} {body}: {}", report.message);
        assert!(report.message.contains(words), "{status} {body}: {}", report.message);
        assert_eq!(
            report.message.contains("log in first"),
            outcome == Outcome::Incomplete,
            "{}",
            report.message
        );
        assert!(!report.advice.is_empty(), "{status} {body}");
    }
    let dead = json!({"grant": "authorization_code", "client_id": "c", "client_secret": "s", "authorization_url": "https://x.invalid/a",
                      "token_url": format!("{}/token", crate::support::server::Dead::port().url())});
    let report = tested(json!({"key": "a", "kind": "oauth2", "config": dead})).await;
    assert_eq!(report.outcome, Outcome::Unreachable);
}

/// A client whose wrong tries lock an account is not shown.
#[tokio::test]
async fn where_wrong_tries_lock_an_account_nothing_is_tried() {
    let issuer = Issuer::start(issuer::Manners::default());
    let report = async |lockout: &str| {
        let text = SERVICE.replace("kind = \"oauth2\"", &format!("kind = \"oauth2\"\n{lockout}"));
        let text = text.replace("client_credentials", "authorization_code");
        let file = File { path: "acme.toml".to_owned(), id: "acme".to_owned(), text: Ok(text) };
        let catalogue = Catalogue::with(vec![file]);
        assert_eq!(catalogue.mistakes(), []);
        let kinds = Kinds::with(std::sync::Arc::new(catalogue));
        let kind = kinds.of_service("oauth2", "acme").unwrap();
        let mut config = issuer.config("authorization_code");
        config["tenant"] = json!("1");
        config["token_url"] = json!(format!("{}/token", issuer.url()));
        let document = json!({"key": "a", "kind": "oauth2", "service": "acme", "config": config});
        let content = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content;
        match plan_in(&kind, &content, &Surroundings::default()) {
            Ok(plan) => run(&plan, &Trust::default(), LONG, &CancellationToken::new(), now).await,
            Err(unplannable) => unplannable.report(now()),
        }
    };
    assert_eq!(report("lockout = true").await.message, "Access token is missing: log in first");
    assert_eq!(issuer.requests().len(), 0);
    let control = report("").await;
    assert!(control.message.contains("no objection"), "{}", control.message);
}

/// What a login, a refresh and a revocation are told of a service.
#[test]
fn a_service_completes_what_a_credential_says() {
    let text = SERVICE
        .replace("grant = \"client_credentials\"", "grant = \"authorization_code\"\nauthorization_url = \"{base_url}/authorize\"\ndevice_url = \"{base_url}/device\"\nrevocation_url = \"{base_url}/revoke?tenant={tenant}\"\nrefresh_url = \"{base_url}/refresh\"\nauthorization_parameters = { access_type = \"offline\", tenant = \"{tenant}\" }\nreply_fields = [\"instance_url\"]\nredirect_fields = [\"realm\"]");
    let file = File { path: "acme.toml".to_owned(), id: "acme".to_owned(), text: Ok(text) };
    let catalogue = Catalogue::with(vec![file]);
    assert_eq!(catalogue.mistakes(), []);
    let kinds = Kinds::with(std::sync::Arc::new(catalogue));
    let kind = kinds.of_service("oauth2", "acme").unwrap();
    let source = |more: Value| {
        let mut document = json!({"key": "a", "kind": "oauth2", "service": "acme", "config": {
            "client_id": CLIENT.0, "client_secret": CLIENT.1, "base_url": "https://acme.invalid", "tenant": "t 1"}});
        merge(&mut document, &json!({ "config": more }));
        let content = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content;
        token_source(&kind, &content, &Surroundings::default())
    };
    let found = source(json!({})).unwrap();
    let ask = &found.ask;
    let url = |url: &Option<url::Url>| url.as_ref().map(url::Url::to_string).unwrap_or_default();
    assert_eq!(url(&ask.authorization_url), "https://acme.invalid/authorize");
    assert_eq!(url(&ask.token_url), "https://acme.invalid/token?tenant=t%201");
    assert_eq!(url(&ask.device_url), "https://acme.invalid/device");
    assert_eq!(url(&ask.revocation_url), "https://acme.invalid/revoke?tenant=t%201");
    assert_eq!(url(&ask.refresh_url), "https://acme.invalid/refresh");
    assert_eq!((ask.scope_separator.as_str(), ask.json, ask.scopes.len()), (",", true, 2));
    assert_eq!(
        (ask.reply_fields.as_slice(), ask.redirect_fields.as_slice()),
        (&["instance_url".to_owned()][..], &["realm".to_owned()][..])
    );
    let sent: Vec<(&str, &str)> =
        ask.authorization_parameters.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(sent, [("access_type", "offline"), ("tenant", "t 1")]);
    assert!(found.secrets.iter().any(|secret| secret.expose() == CLIENT.1));
    assert!(!format!("{found:?}").contains(CLIENT.1));
    // What it says itself counts.
    let own = json!({"authorization_parameters": {"prompt": "login"}, "revocation_url": "https://acme.invalid/own"});
    let own = source(own).unwrap().ask;
    assert_eq!(own.authorization_parameters.len(), 1);
    assert_eq!(url(&own.revocation_url), "https://acme.invalid/own");
    // What a credential lacks is named.
    let missing = source(json!({"client_id": null})).err();
    assert!(missing.is_some_and(|missing| missing.to_string().contains("Client ID")));
}

/// Addresses of the built-in catalogue are used while the credential names no others.
#[test]
fn the_catalogue_adds_no_address_to_those_of_somebody_else() {
    let kinds = Kinds::builtin();
    let kind = kinds.of_service("oauth2", "google-drive").unwrap();
    let source = |token_url: &str| {
        let document = json!({"key": "a", "kind": "oauth2", "service": "google-drive", "config": {
            "grant": "authorization_code", "client_id": "c", "token_url": token_url,
            "authorization_url": "https://accounts.google.com/o/oauth2/v2/auth"}});
        let mut content =
            kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content;
        for name in ["revocation_url", "device_url"] {
            content.remove(&format!("/config/{name}"));
        }
        token_source(&kind, &content, &Surroundings::default()).unwrap().ask
    };
    let own = source("https://oauth2.googleapis.com/token");
    assert_eq!(own.revocation_url.unwrap().as_str(), "https://oauth2.googleapis.com/revoke");
    let other = source("https://tokens.example/token");
    assert!(other.revocation_url.is_none() && other.device_url.is_none());
}
