//! AWS keys against a double of STS that checks every signature.

use credbench::model::Outcome;
use credbench::probe::Report;
use serde_json::{Value, json};

use super::{planned, steps, tested};
use crate::support::server::{Act, Server, answer};
use crate::support::sts::{self, KEY, ROLE_ARN, SESSION};

fn aws(id: &str, secret: &str, endpoint: &str) -> Value {
    json!({"key": "a.aws", "kind": "aws",
           "config": {"access_key_id": id, "secret_access_key": secret, "endpoint_url": endpoint}})
}

fn told(report: &Report) -> String {
    let steps: String = report.steps.iter().map(|step| format!("{} ", step.detail)).collect();
    format!("{} {} {steps}", report.message, report.advice)
}

#[tokio::test]
async fn a_right_key_says_whose_it_is() {
    for server in [sts::start(), sts::start_json()] {
        let report = tested(aws(KEY.0, KEY.1, &server.url())).await;
        assert_eq!(report.outcome, Outcome::Ok, "{}", report.message);
        assert_eq!(
            report.message,
            "200 account 123456789012, arn:aws:iam::123456789012:user/ann, user ID AIDADOUBLE"
        );
        assert_eq!(steps(&report), "connect request match");
        assert_eq!(report.facts.who.as_deref(), Some("arn:aws:iam::123456789012:user/ann"));
        assert_eq!(server.requests().len(), 1);
        let sent = &server.requests()[0];
        assert!(!sent.text().contains(KEY.1), "the key itself is never sent");
        assert!(sent.header("authorization").contains("/us-east-1/sts/aws4_request"));
    }
}

#[tokio::test]
async fn a_session_needs_its_token() {
    let server = sts::start();
    let mut session = aws(SESSION.0, SESSION.1, &server.url());
    let report = tested(session.clone()).await;
    assert_eq!((report.outcome, report.message.as_str()), (Outcome::Incomplete, "Session token is missing"));
    assert!(report.advice.contains("temporary"));
    assert!(server.requests().is_empty());
    session["config"]["session_token"] = json!(SESSION.2);
    assert_eq!(tested(session.clone()).await.outcome, Outcome::Ok);
    session["config"]["session_token"] = json!("another");
    assert_eq!(tested(session).await.outcome, Outcome::Rejected);
}

#[tokio::test]
async fn a_role_is_taken_on_and_its_keys_are_dropped() {
    for server in [sts::start(), sts::start_json()] {
        let mut role = aws(KEY.0, KEY.1, &server.url());
        role["config"]["role_arn"] = json!(ROLE_ARN);
        role["config"]["region"] = json!("eu-central-1");
        let report = tested(role.clone()).await;
        assert_eq!(report.outcome, Outcome::Ok, "{}", report.message);
        assert!(report.message.contains("assumed-role/deploy/credbench-test"));
        assert_eq!(steps(&report), "connect token connect request match");
        for secret in ["secret/of+the=role", "token/of+the=role", KEY.1] {
            assert!(!told(&report).contains(secret));
        }
        assert!(server.requests()[1].header("authorization").contains("/eu-central-1/sts/"));
        role["config"]["role_arn"] = json!("arn:aws:iam::123456789012:role/another");
        let report = tested(role).await;
        assert_eq!(report.outcome, Outcome::Limited, "{}", report.message);
        assert!(report.message.contains("may not take on the role: AccessDenied"), "{}", report.message);
        assert_eq!(steps(&report), "connect token match!");
    }
}

#[tokio::test]
async fn a_wrong_key_is_rejected() {
    let server = sts::start();
    let report = tested(aws("AKIANOBODY", KEY.1, &server.url())).await;
    assert_eq!(report.outcome, Outcome::Rejected);
    assert!(report.message.contains("does not know this key: InvalidClientTokenId"), "{}", report.message);
    let report = tested(aws(KEY.0, "another-secret", &server.url())).await;
    assert_eq!(report.outcome, Outcome::Rejected);
    assert!(report.message.contains("does not belong to this key"), "{}", report.message);
    assert_eq!(server.requests().len(), 2, "nothing is tried again");
}

#[tokio::test]
async fn every_error_has_its_outcome() {
    for server in [sts::start(), sts::start_json()] {
        for (code, outcome) in [
            ("InvalidClientTokenId", Outcome::Rejected),
            ("UnrecognizedClientException", Outcome::Rejected),
            ("SignatureDoesNotMatch", Outcome::Rejected),
            ("ExpiredToken", Outcome::Expired),
            ("ExpiredTokenException", Outcome::Expired),
            ("AccessDenied", Outcome::Limited),
            ("RequestExpired", Outcome::Unexpected),
            ("RequestTimeTooSkewed", Outcome::Unexpected),
            ("OptInRequired", Outcome::WrongEndpoint),
            ("RegionDisabledException", Outcome::WrongEndpoint),
            ("Throttling", Outcome::RateLimited),
            ("InternalFailure", Outcome::Unreachable),
            ("ValidationError", Outcome::Unexpected),
        ] {
            let report = tested(aws(&format!("AKIAsays{code}"), "s", &server.url())).await;
            assert_eq!(report.outcome, outcome, "{code}: {}", report.message);
            assert!(report.message.contains(code), "{}", report.message);
            assert!(!report.advice.is_empty(), "{code}");
        }
    }
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_no_wrong_key() {
    // The tests' clock says 2026; these answers come from another hour.
    let at = |date: String, code: &'static str, message: &'static str| {
        Server::start(move |_| match sts::refuse(false, 403, code, message) {
            Act::Answer { status, mut headers, body } => {
                headers.push(("date", date.clone()));
                Act::Answer { status, headers, body }
            }
            other => other,
        })
    };
    let server = at("Thu, 01 Jan 2026 00:00:00 GMT".into(), "SignatureDoesNotMatch", "no match");
    let report = tested(aws(KEY.0, KEY.1, &server.url())).await;
    assert_eq!(report.outcome, Outcome::Unexpected, "{}", report.message);
    assert!(report.message.contains("this machine's clock is"), "{}", report.message);
    let message = "Signature expired: 20260101T000000Z is now earlier than 20260101T003000Z";
    let server = at("nonsense".into(), "SignatureDoesNotMatch", message);
    assert_eq!(tested(aws(KEY.0, KEY.1, &server.url())).await.outcome, Outcome::Unexpected);
    // The control: the same answer from this hour.
    let now = super::now().strftime("%a, %d %b %Y %H:%M:%S GMT").to_string();
    let server = at(now, "SignatureDoesNotMatch", "no match");
    assert_eq!(tested(aws(KEY.0, KEY.1, &server.url())).await.outcome, Outcome::Rejected);
}

#[tokio::test]
async fn what_is_no_sts_is_no_proof() {
    let html = answer(200, &[("content-type", "text/html")], "<html><Arn>a</Arn><Account>1</Account></html>");
    let away = answer(307, &[("location", "https://evil.invalid/")], "");
    let empty = answer(200, &[("content-type", "text/xml")], "<ListBucketResult/>");
    let down = answer(503, &[], "");
    for (act, outcome) in [
        (html, Outcome::WrongEndpoint),
        (away, Outcome::WrongEndpoint),
        (empty, Outcome::Unexpected),
        (down, Outcome::Unreachable),
    ] {
        let act = std::sync::Mutex::new(Some(act));
        let server = Server::start(move |_| act.lock().unwrap().take().unwrap());
        let report = tested(aws(KEY.0, KEY.1, &server.url())).await;
        assert_eq!(report.outcome, outcome, "{}", report.message);
    }
}

#[test]
fn the_address_follows_the_region() {
    let host = |config: Value| {
        let mut document = aws(KEY.0, KEY.1, "https://x.example");
        document["config"].as_object_mut().unwrap().remove("endpoint_url");
        document["config"].as_object_mut().unwrap().extend(config.as_object().unwrap().clone());
        planned(document).unwrap().host().to_owned()
    };
    for (config, expected) in [
        (json!({}), "sts.us-east-1.amazonaws.com"),
        (json!({"region": "eu-central-1"}), "sts.eu-central-1.amazonaws.com"),
        (json!({"region": "cn-north-1"}), "sts.cn-north-1.amazonaws.com.cn"),
        (json!({"role_arn": "arn:aws-cn:iam::123456789012:role/x"}), "sts.cn-north-1.amazonaws.com.cn"),
        (json!({"role_arn": "arn:aws-us-gov:iam::123456789012:role/x"}), "sts.us-gov-west-1.amazonaws.com"),
        (json!({"region": "eu-central-1", "endpoint_url": "https://own.example:8443"}), "own.example"),
    ] {
        assert_eq!(host(config), expected);
    }
}
