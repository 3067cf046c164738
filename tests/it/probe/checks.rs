//! Right, wrong and missing secrets, against a server that really checks; and where nothing is sent at all.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use credbench::model::Outcome;
use serde_json::json;

use super::*;
use crate::support::server::{Act, Dead, Seen, Server, json as answer};

/// Whether the secret came as it should, decoded by other means than the program's own.
fn is_right(placement: &str, seen: &Seen) -> bool {
    match placement {
        "header" => seen.header("x-api-key") == SECRET,
        "cookie" => seen.header("cookie") == format!("key={SECRET}"),
        "bearer" => seen.header("authorization") == format!("Bearer {SECRET}"),
        "basic" => {
            let encoded = seen.header("authorization").strip_prefix("Basic ").unwrap_or_default();
            STANDARD.decode(encoded).ok() == Some(format!("user:{SECRET}").into_bytes())
        }
        "query" => {
            let url = url::Url::parse(&format!("http://host{}", seen.target)).unwrap();
            url.query_pairs().any(|(name, value)| name == "key" && value == SECRET)
        }
        other => panic!("{other}"),
    }
}

fn checking(placement: &'static str) -> Server {
    Server::start(move |seen| match is_right(placement, seen) {
        true => answer(200, r#"{"user": "me"}"#),
        false => answer(401, r#"{"error": "invalid key"}"#),
    })
}

#[tokio::test]
async fn right_wrong_and_missing() {
    for placement in PLACEMENTS {
        let server = checking(placement);
        let right = tested(credential(placement, &server.url(), SECRET)).await;
        assert_eq!((right.outcome, right.status_code), (Outcome::Ok, Some(200)), "{placement}: {right:?}");
        assert_eq!(steps(&right), "connect request match");
        let wrong = tested(credential(placement, &server.url(), "wrong")).await;
        assert_eq!(wrong.outcome, Outcome::Rejected, "{placement}: {wrong:?}");
        assert_eq!(wrong.message, "401 the service refused the credential: invalid key");
        assert_eq!(server.requests().len(), 2, "a refused credential is not tried again");
        let mut missing = credential(placement, &server.url(), SECRET);
        for field in ["api_key", "password", "token"] {
            missing["config"].as_object_mut().unwrap().shift_remove(field);
        }
        let missing = tested(missing).await;
        if placement == "basic" {
            // A password may be empty (CLI.md: only the user name is required), so it is the service that says.
            assert_eq!(missing.outcome, Outcome::Rejected, "{missing:?}");
        } else {
            assert_eq!(missing.outcome, Outcome::Incomplete, "{placement}: {missing:?}");
            assert_eq!(server.requests().len(), 2, "nothing is sent without it");
        }
    }
}

#[tokio::test]
async fn what_is_sent_is_one_plain_request() {
    let server = checking("header");
    tested(credential("header", &server.url(), SECRET)).await;
    let [seen] = &server.requests()[..] else { panic!("one request") };
    assert_eq!((seen.method.as_str(), seen.target.as_str(), seen.body.len()), ("GET", "/me", 0));
    let mut names: Vec<String> = seen.headers.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
    names.sort();
    assert_eq!(names, ["accept", "accept-encoding", "host", "user-agent", "x-api-key"]);
    assert_eq!(seen.header("accept-encoding"), "identity");
}

#[tokio::test]
async fn a_post_sends_its_body_and_the_rules_read_the_answer() {
    let server = Server::start(|seen| match (seen.method.as_str(), &seen.body[..]) {
        ("POST", b"{\"q\": 1}") => answer(200, r#"{"ok": true}"#),
        _ => answer(200, r#"{"ok": false}"#),
    });
    let mut document = credential("bearer", &server.url(), SECRET);
    document["test"] = json!({
        "method": "POST", "path": "/me", "body": "{\"q\": 1}", "headers": {"Content-Type": "application/json"},
        "rejected": {"json": [{"pointer": "/ok", "equals": false}]},
        "expect": {"status": [200], "json": [{"pointer": "/ok", "equals": true}]},
    });
    let report = tested(document.clone()).await;
    assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    assert_eq!(server.requests()[0].header("content-type"), "application/json");
    document["test"]["body"] = json!("{}");
    assert_eq!(tested(document).await.outcome, Outcome::Rejected);
}

#[tokio::test]
async fn a_secret_with_a_line_break_is_not_sent() {
    let server = checking("header");
    for (placement, field) in [("header", "API key"), ("bearer", "Token"), ("cookie", "API key")] {
        let report = tested(credential(placement, &server.url(), "abc\r\nX-Evil: 1")).await;
        assert_eq!(report.outcome, Outcome::Unexpected, "{report:?}");
        assert!(report.message.starts_with(field), "{}", report.message);
        assert!(!format!("{report:?}").contains("Evil"), "{report:?}");
    }
    assert_eq!(server.connections(), 0);
    // Where it can be encoded it is, and adds nothing to the request.
    tested(credential("query", &server.url(), "abc\r\nX-Evil: 1")).await;
    assert_eq!(server.requests()[0].target, "/me?key=abc%0D%0AX-Evil%3A+1");
    assert_eq!(server.requests()[0].header("x-evil"), "");
}

#[tokio::test]
async fn plain_http_to_another_machine_is_refused() {
    // A name that never has an address (RFC 6761), so that nothing could be sent even by mistake.
    let mut document = credential("header", "http://service.invalid", SECRET);
    let refused = tested(document.clone()).await;
    assert_eq!(refused.outcome, Outcome::Unexpected, "{refused:?}");
    assert_eq!(refused.message, "plain http would send the credential unencrypted");
    assert!(refused.steps.iter().all(|step| step.name != "connect"), "{refused:?}");
    // The control: with leave, it gets as far as looking the name up.
    document["allow_http"] = json!(true);
    let looked_up = tested(document).await;
    assert_eq!(looked_up.outcome, Outcome::Unreachable, "{looked_up:?}");
    assert_eq!(looked_up.steps.last().map(|step| &*step.name), Some("resolve"), "{looked_up:?}");
    // To this machine it needs no leave.
    let server = checking("header");
    for host in ["127.0.0.1", "localhost"] {
        let report = tested(credential("header", &server.url_as(host), SECRET)).await;
        assert_eq!(report.outcome, Outcome::Ok, "{report:?}");
    }
}

#[tokio::test]
async fn addresses_that_hand_out_credentials_are_refused_always() {
    for host in [
        "169.254.169.254",
        "0xa9fea9fe",
        "2852039166",
        "0251.0376.0251.0376",
        "[::ffff:169.254.169.254]",
        "[fe80::1]",
        "[fd00:ec2::254]",
        "0.0.0.0",
        "metadata.google.internal",
    ] {
        for scheme in ["http", "https"] {
            let mut document = credential("header", &format!("{scheme}://{host}"), SECRET);
            document["allow_http"] = json!(true);
            let report = tested(document).await;
            assert_eq!(report.outcome, Outcome::Unexpected, "{host}: {report:?}");
            assert!(report.message.starts_with("no credential is sent there"), "{}", report.message);
        }
    }
}

#[tokio::test]
async fn no_error_holds_the_query() {
    let refused = Dead::port();
    let closing = Server::start(|_| Act::Reset);
    let garbage = Server::start(|_| Act::Raw(b"no http at all\r\n\r\n".to_vec()));
    for (url, outcome, words) in [
        (refused.url(), Outcome::Unreachable, "refused"),
        (closing.url(), Outcome::Unreachable, "closed"),
        (garbage.url(), Outcome::WrongEndpoint, "not valid HTTP"),
        ("http://no-such-host.localhost.invalid".to_owned(), Outcome::Unexpected, "plain http"),
        ("https://no-such-host.invalid".to_owned(), Outcome::Unreachable, "name"),
    ] {
        let report = tested(credential("query", &url, "QUERYSECRET")).await;
        assert_eq!(report.outcome, outcome, "{url}: {report:?}");
        assert!(report.message.contains(words), "{url}: {}", report.message);
        assert!(!format!("{report:?}").contains("QUERYSECRET"), "{report:?}");
    }
    // The control: it was sent, in the query.
    assert!(closing.requests()[0].target.contains("QUERYSECRET"));
}

#[tokio::test]
async fn other_hosts_are_named_in_full() {
    let server = Server::start(|_| answer(200, "{}"));
    let kind = Kinds::builtin().get("bearer_token").unwrap();
    for (entry, fine) in [
        ("uploads.example.com", true),
        ("uploads.example.com:8443", true),
        ("[::1]:8443", true),
        ("*", false),
        ("*.example.com", false),
        ("https://uploads.example.com", false),
        ("user@uploads.example.com", false),
        ("uploads.example.com/v1", false),
        ("uploads.example.com:", false),
        ("uploads.example.com:99999", false),
    ] {
        let mut document = credential("bearer", &server.url(), SECRET);
        document["allowed_hosts"] = json!([entry]);
        let report = tested(document).await;
        let outcome = if fine { Outcome::Ok } else { Outcome::Unexpected };
        assert_eq!(report.outcome, outcome, "{entry}: {report:?}");
        if !fine {
            assert!(report.message.starts_with("Other hosts: ") && report.message.contains("named in full"));
        }
    }
    assert_eq!(server.requests().len(), 3);
    assert!(
        kind.schema().pointer("/properties/allowed_hosts/items/pattern").is_some(),
        "the form says it too"
    );
}
