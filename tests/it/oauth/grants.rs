//! Every grant and every way in which a client proves itself.

use credbench::oauth::{Hint, Refusal};
use credbench::secret::Secret;
use serde_json::{Value, json};

use super::{Login, ask, at_once, told};
use crate::support::authority::rsa_key;
use crate::support::issuer::{Issuer, Manners, PUBLIC};

/// Each of the ways to prove a client, as members of a configuration.
fn proofs(key: &str) -> [(&'static str, Value); 4] {
    [
        ("basic", json!({"client_auth": "basic"})),
        ("post", json!({"client_auth": "post"})),
        (
            "private_key_jwt",
            json!({"client_auth": "private_key_jwt", "client_secret": null, "private_key": key}),
        ),
        ("none", json!({"client_auth": "none", "client_secret": null, "client_id": PUBLIC})),
    ]
}

fn merged(mut one: Value, other: &Value) -> Value {
    one.as_object_mut().unwrap().extend(other.as_object().unwrap().clone());
    one
}

#[tokio::test]
async fn every_client_logs_in_refreshes_and_revokes() {
    let (key, public) = rsa_key();
    let issuer = Issuer::start(Manners { key: Some(public), ..Manners::default() });
    for (way, proof) in proofs(&key) {
        let ask = || ask(issuer.config("authorization_code"), proof.clone());
        let mut login = Login::begin(ask());
        let (url, listening) = login.browser().await;
        assert!(listening.unwrap().ip().is_loopback());
        let (status, page) = issuer.person().browses(url).await;
        assert!(status == 200 && page.contains("go back to the terminal"), "{way}: {status} {page}");
        let outcome = login.end().await;
        let token = outcome.result.as_ref().unwrap_or_else(|_| panic!("{way}: {}", told(&outcome)));
        assert!(issuer.takes(token.access.expose()));
        assert_eq!(token.missing, Vec::<String>::new());
        assert!(token.expires_at.is_some());
        assert!(
            told(&outcome).starts_with("ok 200 a token was granted, good for 3600 s"),
            "{}",
            told(&outcome)
        );
        let names: Vec<&str> = outcome.exchanges.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["discover", "token"]);
        let first = token.refresh.clone().unwrap();

        let refreshed = at_once(async |means| ask().refresh(&first, means).await).await;
        let next = refreshed.result.as_ref().unwrap();
        assert!(issuer.takes(next.access.expose()) && next.access != token.access);
        let second = next.refresh.clone().unwrap();
        assert_ne!(first, second, "{way}");

        let revoked = at_once(async |means| ask().revoke(&second, Hint::RefreshToken, means).await).await;
        assert!(revoked.result.is_ok(), "{way}: {:?}", revoked.result);
        assert!(!issuer.takes(next.access.expose()), "{way}: the family is over");
        let again = at_once(async |means| ask().revoke(&second, Hint::RefreshToken, means).await).await;
        assert!(again.result.is_ok(), "{way}: what is not known is given back too");
    }
    assert_eq!(issuer.counts().of("authorization_code"), 4);
    assert_eq!(issuer.counts().replays, 0);
    // The control: a client that cannot prove itself gets nothing.
    let wrong = || ask(issuer.config("authorization_code"), json!({"client_secret": "wrong"}));
    let mut login = Login::begin(wrong());
    let (url, _) = login.browser().await;
    issuer.person().browses(url).await;
    let outcome = login.end().await;
    assert!(
        told(&outcome).starts_with("rejected 401 the server refused the client: invalid_client"),
        "{}",
        told(&outcome)
    );
    let (_, refresh) = issuer.given();
    let refused = at_once(async |means| wrong().refresh(&Secret::new(refresh), means).await).await;
    assert!(matches!(refused.result, Err(Refusal::Error { status: 401, .. })));
}

#[tokio::test]
async fn a_client_asks_for_itself() {
    let (key, public) = rsa_key();
    let issuer = Issuer::start(Manners { key: Some(public), ..Manners::default() });
    for (way, proof) in proofs(&key) {
        let ask = ask(issuer.config("client_credentials"), proof);
        let outcome = at_once(async |means| ask.token(means).await).await;
        assert_eq!(outcome.result.is_ok(), way != "none", "{way}: {}", told(&outcome));
    }
    let bearer = json!({"grant": "jwt_bearer", "client_secret": null, "private_key": key, "subject": "ann@example.com"});
    let bearer = ask(issuer.config("jwt_bearer"), bearer);
    let outcome = at_once(async |means| bearer.token(means).await).await;
    assert!(outcome.result.is_ok(), "{}", told(&outcome));
    assert_eq!(outcome.result.unwrap().scopes.unwrap(), ["read", "write"]);
    // A login of a grant that needs nobody is no more than that.
    let nobody = ask_itself(&issuer);
    let mut login = Login::begin(nobody);
    assert!(login.prompts.recv().await.is_none(), "nothing is shown");
    assert!(login.end().await.result.is_ok());
}

fn ask_itself(issuer: &Issuer) -> credbench::oauth::Ask {
    ask(issuer.config("client_credentials"), json!({}))
}

/// RFC 6749, 10.4: the server ends the whole family of a refresh token that comes twice.
#[tokio::test]
async fn a_refresh_token_is_good_once_where_the_server_rotates() {
    let issuer = Issuer::start(Manners::default());
    let ask = ask(issuer.config("authorization_code"), json!({}));
    let refresh = async |token: &str| {
        let token = Secret::from(token);
        at_once(async |means| ask.refresh(&token, means).await).await
    };
    let (access, first) = issuer.given();
    let second = refresh(&first).await.result.unwrap();
    let replayed = refresh(&first).await;
    let words = told(&replayed);
    assert!(
        words.starts_with("expired 400 the refresh token is over, or was used or given back: invalid_grant"),
        "{words}"
    );
    assert!(words.contains("Log in again."), "{words}");
    assert_eq!(issuer.counts().replays, 1);
    assert!(!issuer.takes(&access) && !issuer.takes(second.access.expose()));
    assert!(refresh(second.refresh.unwrap().expose()).await.result.is_err());
    // Where it does not rotate, the same one goes on.
    issuer.manner(|manners| manners.rotates = false);
    let (_, kept) = issuer.given();
    for _ in 0..2 {
        assert!(refresh(&kept).await.result.unwrap().refresh.is_none());
    }
}

#[tokio::test]
async fn what_is_asked_and_what_is_granted_are_compared() {
    let issuer = Issuer::start(Manners { scope: Some("read other".to_owned()), ..Manners::default() });
    let mut login = Login::begin(ask(issuer.config("authorization_code"), json!({})));
    let (url, _) = login.browser().await;
    issuer.person().browses(url).await;
    let outcome = login.end().await;
    assert_eq!(outcome.result.as_ref().unwrap().missing, ["write"]);
    let words = told(&outcome);
    assert!(
        words.starts_with("limited 200 a token was granted, good for 3600 s, without the scopes write"),
        "{words}"
    );
}

#[tokio::test]
async fn a_server_without_a_revocation_address_says_so() {
    let issuer =
        Issuer::start(Manners { metadata: json!({"revocation_endpoint": null}), ..Manners::default() });
    let revoke = async |more: Value| {
        let ask = ask(issuer.config("authorization_code"), more);
        at_once(async |means| ask.revoke(&Secret::from("x"), Hint::AccessToken, means).await).await
    };
    assert!(matches!(revoke(json!({})).await.result, Err(Refusal::NoAddress("revocation"))));
    let own = json!({"revocation_url": format!("{}/revoke", issuer.url())});
    assert!(revoke(own.clone()).await.result.is_ok());
    let sent = issuer.asked("/revoke");
    assert!(String::from_utf8_lossy(&sent[0].body).contains("token_type_hint=access_token"));
    let stranger = revoke(merged(own, &json!({"client_secret": "wrong"}))).await;
    assert!(matches!(stranger.result, Err(Refusal::Error { status: 401, .. })));
}

#[tokio::test]
async fn tokens_are_renewed_at_an_address_of_their_own() {
    let issuer = Issuer::start(Manners::default());
    let own = json!({"issuer": null, "token_url": format!("{}/elsewhere", issuer.url()),
                     "refresh_url": format!("{}/token", issuer.url()), "extra_parameters": {"resource": "x", "grant_type": "y"}});
    let ask = ask(issuer.config("authorization_code"), own);
    let (_, refresh) = issuer.given();
    let outcome = at_once(async |means| ask.refresh(&Secret::new(refresh), means).await).await;
    assert!(outcome.result.is_ok(), "{}", told(&outcome));
    let body = String::from_utf8(issuer.asked("/token")[0].body.clone()).unwrap();
    assert!(body.contains("resource=x") && body.contains("grant_type=refresh_token"), "{body}");
    assert!(!body.contains("grant_type=y") && !body.contains("scope="), "{body}");
}
