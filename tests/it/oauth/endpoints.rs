//! Which addresses are believed, and what comes of answers that are none (RELIABILITY O7).

use credbench::oauth::{Hint, Refusal};
use credbench::secret::Secret;
use serde_json::{Value, json};

use super::{Login, ask, at_once, told};
use crate::support::authority::CLIENT;
use crate::support::issuer::{ESCAPES, Issuer, Manners};

/// What each way to the token address gives.
async fn every_way(issuer: &Issuer, more: Value) -> Vec<(&'static str, String)> {
    let mut all = Vec::new();
    let client = ask(issuer.config("client_credentials"), more.clone());
    all.push(("token", told(&at_once(async |means| client.token(means).await).await)));
    let person = ask(issuer.config("authorization_code"), more.clone());
    let (_, refresh) = issuer.given();
    let refresh = Secret::new(refresh);
    all.push(("refresh", told(&at_once(async |means| person.refresh(&refresh, means).await).await)));
    let mut login = Login::begin(person);
    let (url, _) = login.browser().await;
    issuer.person().browses(url).await;
    all.push(("login", told(&login.end().await)));
    all
}

/// A redirect is told and not followed: the client's secret, the code and the refresh token go nowhere else.
#[tokio::test]
async fn a_token_address_that_redirects_is_not_followed() {
    let elsewhere = Issuer::start(Manners::default());
    let issuer =
        Issuer::start(Manners { moved: Some(format!("{}/token", elsewhere.url())), ..Manners::default() });
    for (way, words) in every_way(&issuer, json!({})).await {
        assert!(words.starts_with("wrong_endpoint 307 redirect"), "{way}: {words}");
    }
    assert_eq!(elsewhere.requests().len(), 0);
    // The same host is no exception.
    issuer.manner(|manners| manners.moved = Some("/token?again".to_owned()));
    let before = issuer.asked("/token").len();
    for (way, words) in every_way(&issuer, json!({})).await {
        assert!(words.starts_with("wrong_endpoint 307 redirect"), "{way}: {words}");
    }
    assert_eq!(issuer.asked("/token").len(), before + 3);
    // The control.
    issuer.manner(|manners| manners.moved = None);
    for (way, words) in every_way(&issuer, json!({})).await {
        assert!(words.starts_with("ok 200"), "{way}: {words}");
    }
}

#[tokio::test]
async fn an_answer_without_end_is_capped() {
    let issuer = Issuer::start(Manners { huge: true, ..Manners::default() });
    for (way, words) in every_way(&issuer, json!({})).await {
        assert!(words.contains("the answer is longer than the 1 MiB that are read"), "{way}: {words}");
        assert!(words.len() < 1000, "{way}");
    }
}

#[tokio::test]
async fn what_a_server_says_drives_no_terminal() {
    let error = json!({"error": "invalid_grant", "error_description": format!("no {ESCAPES} {}", CLIENT.1)});
    let issuer = Issuer::start(Manners { token: Some((400, error)), ..Manners::default() });
    for (way, words) in every_way(&issuer, json!({})).await {
        assert!(words.contains("invalid_grant: no") && words.contains("owned"), "{way}: {words}");
        assert!(!words.contains(|c: char| c.is_control() || c == '\u{202e}'), "{way}: {words:?}");
        assert!(!words.contains(CLIENT.1), "{way}: {words}");
    }
    let code = json!({"error": format!("odd{ESCAPES}")});
    issuer.manner(|manners| manners.token = Some((400, code)));
    for (way, words) in every_way(&issuer, json!({})).await {
        assert!(words.contains("odd") && !words.contains(|c: char| c.is_control()), "{way}: {words:?}");
    }
}

/// Metadata are believed of their own issuer, and send nothing over plain http.
#[tokio::test]
async fn metadata_of_another_issuer_or_without_tls_are_refused() {
    let evil = Issuer::start(Manners::default());
    let plain = Issuer::start(Manners::default());
    let cases = [
        (
            json!({"issuer": evil.url(), "token_endpoint": format!("{}/token", evil.url())}),
            "another issuer's",
        ),
        (json!({"issuer": null}), "another issuer's"),
        (json!({"token_endpoint": "http://login.example/token"}), "without TLS"),
        (json!({"token_endpoint": format!("{}/token", plain.url())}), "without TLS"),
    ];
    for (metadata, words) in cases {
        let issuer = Issuer::start_tls(Manners { metadata: metadata.clone(), ..Manners::default() });
        let client = ask(issuer.config("client_credentials"), json!({}));
        let told_so = told(&at_once(async |means| client.token(means).await).await);
        assert!(told_so.contains(words), "{metadata}: {told_so}");
        let person = ask(issuer.config("authorization_code"), json!({}));
        let revoked =
            at_once(async |means| person.revoke(&Secret::from("x"), Hint::AccessToken, means).await).await;
        if words.contains("issuer") {
            assert!(matches!(revoked.result, Err(Refusal::Unusable { .. })), "{metadata}");
        }
        let refused = Login::begin(person).refused().await;
        assert!(matches!(refused, Refusal::Unusable { .. }), "{metadata}: nobody is sent away for nothing");
        assert_eq!(issuer.asked("/token").len(), 0);
    }
    assert_eq!(evil.requests().len() + plain.requests().len(), 0);
    // Another host is fine where the issuer says so, over TLS.
    let tokens = Issuer::start_tls(Manners::default());
    let metadata = json!({"token_endpoint": format!("{}/token", tokens.url())});
    let issuer = Issuer::start_tls(Manners { metadata, ..Manners::default() });
    let client = ask(issuer.config("client_credentials"), json!({}));
    let outcome = at_once(async |means| client.token(means).await).await;
    assert!(outcome.result.is_ok(), "{}", told(&outcome));
    assert_eq!((issuer.asked("/token").len(), tokens.asked("/token").len()), (0, 1));
    // What a person entered counts more than what is published.
    let own =
        ask(issuer.config("client_credentials"), json!({"token_url": format!("{}/token", issuer.url())}));
    let outcome = at_once(async |means| own.token(means).await).await;
    assert!(outcome.result.is_ok(), "{}", told(&outcome));
    assert_eq!(issuer.asked("/.well-known/openid-configuration").len(), 1, "and nothing is looked up for it");
}
