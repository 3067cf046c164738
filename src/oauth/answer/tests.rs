use serde_json::json;

use super::*;
use crate::model::Content;

fn answer(status: u16, body: &str) -> Answer {
    Answer { status, headers: Vec::new(), body: body.as_bytes().to_vec(), cut: false }
}

fn ask(scopes: &[&str]) -> Ask {
    let config = json!({"config": {"grant": "authorization_code", "client_id": "c", "issuer": "https://a.example", "scopes": scopes}});
    let content = Content { document: config.as_object().unwrap().clone(), ..Content::default() };
    Ask::read(&content, "/config").unwrap()
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn read_token(status: u16, body: &str) -> Result<Token, Refusal> {
    token(&answer(status, body), &ask(&[]), now())
}

#[test]
fn a_token_and_what_is_none() {
    let good =
        r#"{"access_token":"t","token_type":"bEARER","expires_in":"60","scope":"a b","refresh_token":"r"}"#;
    let found = read_token(200, good).unwrap();
    assert_eq!((found.access.expose(), found.expires_in), ("t", Some(60)));
    assert_eq!(found.expires_at, Some("2026-11-22T10:01:00Z".parse().unwrap()));
    assert_eq!(found.scopes, Some(vec!["a".to_owned(), "b".to_owned()]));
    assert!(!format!("{found:?}").contains("\"t\""));
    let refused = |status, body| read_token(status, body).unwrap_err();
    let no = r#"{"error":"invalid_client","error_description":"Unknown"}"#;
    assert!(matches!(refused(200, no), Refusal::Error { code, .. } if code == "invalid_client"));
    assert!(matches!(refused(502, "<html>"), Refusal::Answer(_)));
    assert!(matches!(refused(200, "<html>"), Refusal::Answer(_)));
    for odd in [
        "{}",
        r#"{"access_token":""}"#,
        r#"{"access_token":"a b"}"#,
        r#"{"access_token":"a","token_type":"mac"}"#,
        r#"{"access_token":"a","token_type":"DPoP"}"#,
    ] {
        assert!(matches!(refused(200, odd), Refusal::Unusable { .. }), "{odd}");
    }
}

#[test]
fn a_form_is_read_too() {
    let form = |kind: &str, body: &str| {
        let mut form = answer(200, body);
        form.headers.push(("content-type".to_owned(), kind.to_owned()));
        token(&form, &ask(&[]), now())
    };
    let found =
        form("application/x-www-form-urlencoded; charset=utf-8", "access_token=t%2Bx&scope=a").unwrap();
    assert_eq!(found.access.expose(), "t+x");
    let refused = form("text/plain", "error=bad_verification_code").unwrap_err();
    assert!(matches!(refused, Refusal::Error { code, .. } if code == "bad_verification_code"));
    assert!(form("text/html", "access_token=t").is_err());
}

/// Whatever a server says of a token's life, it is a time that can be used, or none.
#[test]
fn a_life_is_believed_within_reason() {
    let life = |value: &str| {
        let found = read_token(200, &format!(r#"{{"access_token":"t","expires_in":{value}}}"#)).unwrap();
        assert_eq!(found.expires_at.is_some(), found.expires_in.is_some(), "{value}");
        assert!(found.expires_at.is_none_or(|ends| ends > now()), "{value}");
        found.expires_in
    };
    assert_eq!(life("3600"), Some(3600));
    assert_eq!(life("3600.9"), Some(3600));
    assert_eq!(life("\" 3600 \""), Some(3600));
    for nothing in ["0", "-1", "-1e18", "0.5", "\"\"", "\"soon\"", "\"NaN\"", "null", "true", "[]"] {
        assert_eq!(life(nothing), None, "{nothing}");
    }
    for endless in ["1e18", "9223372036854775807", "1e300", "\"1e18\"", "\"inf\""] {
        assert_eq!(life(endless), Some(LONGEST), "{endless}");
    }
}

#[test]
fn what_is_to_be_kept_is_kept() {
    let mut ask = ask(&[]);
    ask.reply_fields = ["instance_url", "team.id", "flag", "gone", "none"].map(str::to_owned).to_vec();
    let body =
        r#"{"access_token":"t","instance_url":"https://x.example","team":{"id":7},"flag":true,"none":null}"#;
    let found = token(&answer(200, body), &ask, now()).unwrap();
    let kept: Vec<(&str, &str)> =
        found.reply.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(kept, [("flag", "true"), ("instance_url", "https://x.example"), ("team.id", "7")]);
}

#[test]
fn what_was_not_granted_is_missing() {
    let of = |scope: &str| {
        let body = format!(r#"{{"access_token":"t"{scope}}}"#);
        let ask = ask(&["read", "write", "openid", "https://x.example/.default"]);
        token(&answer(200, &body), &ask, now()).unwrap().missing.join(" ")
    };
    assert_eq!(of(r#","scope":"read other""#), "write");
    assert_eq!(of(r#","scope":"write,read""#), "");
    assert_eq!(of(""), "", "a server that names nothing granted all");
}

#[test]
fn an_id_token_is_of_this_login() {
    let nonce = Secret::from("this-login");
    let checked = |claims: Value| {
        let part = URL_SAFE_NO_PAD.encode(claims.to_string());
        let body = json!({"access_token": "t", "id_token": format!("e30.{part}.c2ln")}).to_string();
        read_token(200, &body).unwrap().check_id("c", Some(&nonce))
    };
    assert!(checked(json!({"aud": "c", "nonce": "this-login"})).is_ok());
    assert!(checked(json!({"aud": ["x", "c"], "nonce": "this-login"})).is_ok());
    for (claims, words) in [
        (json!({"aud": "c", "nonce": "another"}), "nonce"),
        (json!({"aud": "c"}), "nonce"),
        (json!({"aud": "d", "nonce": "this-login"}), "another client"),
        (json!({"nonce": "this-login"}), "another client"),
    ] {
        let Err(Refusal::Unusable { reason, .. }) = checked(claims.clone()) else { panic!("{claims}") };
        assert!(reason.contains(words), "{reason}");
    }
    let broken = read_token(200, r#"{"access_token":"t","id_token":"x"}"#).unwrap();
    assert!(broken.check_id("c", Some(&nonce)).is_err());
    assert!(broken.check_id("c", None).is_ok(), "nothing was asked of it");
}

#[test]
fn a_token_is_given_back_also_where_nobody_knows_it() {
    assert!(revoked(&answer(200, "")).is_ok());
    assert!(revoked(&answer(200, "{}")).is_ok());
    assert!(revoked(&answer(400, r#"{"error":"invalid_token"}"#)).is_ok());
    assert!(matches!(
        revoked(&answer(400, r#"{"error":"unsupported_token_type"}"#)),
        Err(Refusal::Error { .. })
    ));
    assert!(matches!(revoked(&answer(503, "")), Err(Refusal::Answer(_))));
}
