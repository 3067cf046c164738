//! Clocks that disagree, and lives that cannot be (RELIABILITY O6): one exchange for a use, and no loop.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::rotation::Rotating;
use super::{account, document, stored};
use crate::support::home::Account;

fn jwt(claims: &Value) -> String {
    let encode = |text: String| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.c2ln", encode(r#"{"alg":"RS256"}"#.to_owned()), encode(claims.to_string()))
}

#[test]
fn a_life_that_cannot_be_is_no_end() {
    for (life, known) in [
        (json!(0), false),
        (json!(-5), false),
        (json!("soon"), false),
        (json!(null), false),
        (json!("3600"), true),
        (json!(3600.5), true),
        (json!(1e18), true),
        (json!(9_999_999_999_999_i64), true),
    ] {
        let server = Rotating::start();
        let account = account(&server);
        server.answers(json!({"expires_in": life}));
        for _ in 0..3 {
            assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-1-marker", "{life}");
        }
        assert_eq!(server.seen().exchanges, 1, "{life}");
        let shown = account.run(&["show", "a", "--json"]).succeeds().json();
        let ends = shown["config"]["tokens"]["expires_at"].as_str();
        assert_eq!(ends.is_some(), known, "{life}");
        if let Some(ends) = ends {
            assert!(ends.parse::<Timestamp>().unwrap() > Timestamp::now(), "{life}");
        }
    }
}

#[test]
fn a_token_of_a_few_seconds_is_renewed_when_it_is_used_and_not_before() {
    let server = Rotating::start();
    let account = account(&server);
    server.answers(json!({"expires_in": 40}));
    for _ in 0..3 {
        assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-1-marker");
    }
    assert_eq!(server.seen().exchanges, 1, "the margin is no longer than half its life");
}

#[test]
fn a_server_whose_clock_is_wrong_is_asked_once() {
    let now = Timestamp::now().as_second();
    for skew in [-86_400, -600, 600, 86_400] {
        let server = Rotating::start();
        let account = account(&server);
        // The token says when it ends, the answer does not.
        let token = jwt(&json!({"iat": now + skew, "exp": now + skew + 3600}));
        server.answers(json!({"access_token": token}));
        for _ in 0..3 {
            assert_eq!(account.run(&["get", "a"]).succeeds().out, token, "{skew}");
        }
        assert_eq!(server.seen().exchanges, 1, "{skew}");
    }
    // Where nothing tells that the server's clock is behind, each use asks once and is answered.
    let server = Rotating::start();
    let account = account(&server);
    let token = jwt(&json!({"exp": now - 82_800}));
    server.answers(json!({"access_token": token}));
    for count in 1..=3 {
        assert_eq!(account.run(&["get", "a"]).succeeds().out, token);
        assert_eq!(server.seen().exchanges, count);
    }
    assert_eq!(server.seen().replays, 0);
}

#[test]
fn a_stored_jwt_without_a_known_end_is_renewed_before_its_own() {
    let now = Timestamp::now().as_second();
    let server = Rotating::start();
    for (left, exchanges) in [(3600, 0), (30, 1)] {
        let account = Account::with_vault();
        let token = jwt(&json!({"exp": now + left}));
        account.put(&document(&server.url(), json!({"access_token": token, "expires_at": null})));
        account.run(&["get", "a"]).succeeds();
        assert_eq!(server.seen().exchanges, exchanges, "{left}");
    }
}

#[test]
fn a_known_end_of_the_refresh_token_is_told() {
    let server = Rotating::start();
    let account = account(&server);
    server.answers(json!({"expires_in": 3600, "refresh_expires_in": 86_400}));
    account.run(&["get", "a"]).succeeds();
    let rows = account.run(&["list", "--json"]).succeeds().json();
    assert_eq!(rows[0]["status"], "expiring", "a person is needed in a day");
    let shown = account.run(&["show", "a"]).succeeds().out;
    assert!(
        shown.contains("token ends in 59 m · refreshes by itself · for 23 h, then log in again"),
        "{shown}"
    );
    // Without that end it goes on by itself.
    server.answers(json!({"expires_in": 3600}));
    account.run(&["refresh", "a"]).succeeds();
    assert_eq!(stored(&account, "refresh_token"), "refresh-2-marker");
    let rows = account.run(&["list", "--json"]).succeeds().json();
    assert_ne!(rows[0]["status"], "expiring");
    let list = account.run(&["list"]).succeeds().out;
    assert!(list.contains("59 m, renews"), "{list}");
}
