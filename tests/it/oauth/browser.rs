//! Logins in a browser: what is believed when it comes back (RELIABILITY O1, O4), by listener and by pasting.

use std::time::Duration;

use credbench::oauth::{Deaf, NotThis, Prompt, Refusal};
use serde_json::{Value, json};

use super::{Login, ask, told};
use crate::support::authority::CLIENT;
use crate::support::issuer::{ESCAPES, Issuer, Manners, Told};

fn code(issuer: &Issuer, more: Value) -> Login {
    Login::begin(ask(issuer.config("authorization_code"), more))
}

/// O1: wrong and missing, state and issuer: nothing is exchanged.
#[tokio::test]
async fn an_answer_to_another_login_is_refused() {
    let wrong = || Told::Wrong("https://evil.example".to_owned());
    let cases = [
        (Manners { state: wrong(), ..Manners::default() }, NotThis::State),
        (Manners { state: Told::Nothing, ..Manners::default() }, NotThis::State),
        (Manners { names: wrong(), ..Manners::default() }, NotThis::Issuer),
        // It promised to name itself (RFC 9207).
        (Manners { names: Told::Nothing, ..Manners::default() }, NotThis::Issuer),
        (Manners { names: wrong(), promises: false, ..Manners::default() }, NotThis::Issuer),
    ];
    for (manners, why) in cases {
        let issuer = Issuer::start(manners);
        let mut login = code(&issuer, json!({}));
        let (url, listening) = login.browser().await;
        let (status, page) = issuer.person().browses(url.clone()).await;
        assert_eq!(status, 400, "{page}");
        let outcome = login.end().await;
        let words = told(&outcome);
        assert!(
            matches!(outcome.result, Err(Refusal::Redirect(reason)) if reason == why),
            "{why:?}: {words}"
        );
        assert!(words.contains("was refused"), "{words}");
        assert_eq!(issuer.asked("/token").len(), 0, "{why:?}: the code was not sent");
        assert!(tokio::net::TcpStream::connect(listening.unwrap()).await.is_err(), "nobody listens any more");

        // The same, pasted: it may be a mistake, so the login goes on waiting.
        let mut login = code(&issuer, json!({}));
        let (url, _) = login.browser().await;
        login.paste(&issuer.person().agrees(url).await);
        assert_eq!(login.prompt().await, Prompt::NotThis(why));
        issuer.manner(|manners| {
            manners.state = Told::Right;
            manners.names = Told::Right;
        });
        assert_eq!(issuer.asked("/token").len(), 0);
        login.cancel.cancel();
        assert!(login.end().await.result.is_err());
    }
    // The controls: named rightly, and not named where nothing was promised.
    for manners in
        [Manners::default(), Manners { names: Told::Nothing, promises: false, ..Manners::default() }]
    {
        let issuer = Issuer::start(manners);
        let mut login = code(&issuer, json!({}));
        let (url, _) = login.browser().await;
        assert_eq!(issuer.person().browses(url).await.0, 200);
        assert!(login.end().await.result.is_ok());
    }
}

/// O1: PKCE is S256 always, of each login its own, and the server asks for it.
#[tokio::test]
async fn every_login_has_values_of_its_own() {
    let issuer = Issuer::start(Manners::default());
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..3 {
        let mut login = code(&issuer, json!({"scopes": ["openid"]}));
        let (url, _) = login.browser().await;
        let sent: std::collections::BTreeMap<String, String> = url.query_pairs().into_owned().collect();
        assert_eq!(sent["code_challenge_method"], "S256");
        for name in ["state", "nonce", "code_challenge"] {
            assert!(sent[name].len() >= 43 && seen.insert(sent[name].clone()), "{name}");
        }
        issuer.person().browses(url).await;
        assert!(login.end().await.result.is_ok());
    }
    for exchange in issuer.asked("/token") {
        let verifier = crate::support::authority::form(&exchange)
            .into_iter()
            .find(|(name, _)| name == "code_verifier")
            .map(|(_, value)| value)
            .unwrap();
        assert!((43..=128).contains(&verifier.len()) && seen.insert(verifier));
    }
    // A server that offers only what proves nothing.
    issuer.manner(|manners| manners.methods = Some(vec!["plain"]));
    let outcome = code(&issuer, json!({})).end().await;
    assert!(told(&outcome).contains("but not S256"), "{}", told(&outcome));
    issuer.manner(|manners| manners.methods = None);
    let mut login = code(&issuer, json!({}));
    let (url, _) = login.browser().await;
    assert!(url.query().unwrap().contains("code_challenge_method=S256"), "also where nothing is said of it");
}

/// O1: the ID token is of this login.
#[tokio::test]
async fn the_nonce_is_compared() {
    for (nonce, good) in
        [(Told::Right, true), (Told::Nothing, false), (Told::Wrong("another".to_owned()), false)]
    {
        let issuer = Issuer::start(Manners { nonce: nonce.clone(), ..Manners::default() });
        let mut login = code(&issuer, json!({"scopes": ["openid"]}));
        let (url, _) = login.browser().await;
        issuer.person().browses(url).await;
        let outcome = login.end().await;
        assert_eq!(outcome.result.is_ok(), good, "{nonce:?}: {}", told(&outcome));
        assert!(good || told(&outcome).contains("nonce"), "{}", told(&outcome));
    }
}

/// O4: a code is exchanged once, by the login that it belongs to.
#[tokio::test]
async fn a_code_is_used_once() {
    let issuer = Issuer::start(Manners::default());
    let mut login = code(&issuer, json!({}));
    let (url, _) = login.browser().await;
    let place = issuer.person().agrees(url).await;
    // Twice at once: the second finds nobody.
    login.paste(&place);
    login.paste(&place);
    assert!(login.end().await.result.is_ok());
    assert_eq!(issuer.asked("/token").len(), 1);
    // Another login does not take it.
    let mut other = code(&issuer, json!({}));
    other.browser().await;
    other.paste(&place);
    assert_eq!(other.prompt().await, Prompt::NotThis(NotThis::State));
    // Somebody who stole it cannot use it either, and ends what it gave.
    let bare = place.split("code=").nth(1).unwrap().split('&').next().unwrap().to_owned();
    let mut thief = Login::begin(ask(
        issuer.config("authorization_code"),
        json!({"redirect_url": "urn:ietf:wg:oauth:2.0:oob", "issuer": null,
               "authorization_url": format!("{}/authorize", issuer.url()), "token_url": format!("{}/token", issuer.url())}),
    ));
    thief.browser().await;
    thief.paste(&bare);
    let refused = thief.end().await;
    assert!(told(&refused).contains("invalid_grant"), "{}", told(&refused));
    assert_eq!(issuer.counts().replays, 1);
    assert_eq!(issuer.counts().of("authorization_code"), 1);
}

/// O4: two servers that cross: the answer of the one is none to the login at the other.
#[tokio::test]
async fn servers_are_not_mixed_up() {
    let (one, other) = (Issuer::start(Manners::default()), Issuer::start(Manners::default()));
    // The browser is sent to the other server, which answers with the right state and names itself.
    let mut login = code(&one, json!({}));
    let (url, _) = login.browser().await;
    let mut crossed: url::Url = format!("{}/authorize", other.url()).parse().unwrap();
    crossed.set_query(url.query());
    login.paste(&other.person().agrees(crossed.clone()).await);
    assert_eq!(login.prompt().await, Prompt::NotThis(NotThis::Issuer));
    assert_eq!(other.person().browses(crossed).await.0, 400);
    assert!(matches!(login.refused().await, Refusal::Redirect(NotThis::Issuer)));
    // The same where only addresses are known, and no issuer.
    let addresses = json!({"issuer": null, "authorization_url": format!("{}/authorize", one.url()),
                           "token_url": format!("{}/token", one.url())});
    let mut login = code(&one, addresses.clone());
    let (url, _) = login.browser().await;
    let mut crossed: url::Url = format!("{}/authorize", other.url()).parse().unwrap();
    crossed.set_query(url.query());
    login.paste(&other.person().agrees(crossed).await);
    assert_eq!(login.prompt().await, Prompt::NotThis(NotThis::Issuer));
    for server in [&one, &other] {
        assert_eq!(server.asked("/token").len(), 0, "no code went anywhere");
    }
    // The control.
    login.paste(&one.person().agrees(url).await);
    assert!(login.end().await.result.is_ok());
}

#[tokio::test]
async fn a_no_is_told_and_drives_no_terminal() {
    let issuer = Issuer::start(Manners { denies: true, ..Manners::default() });
    for pastes in [false, true] {
        let mut login = code(&issuer, json!({}));
        let (url, _) = login.browser().await;
        if pastes {
            login.paste(&issuer.person().agrees(url).await);
        } else {
            let (status, page) = issuer.person().browses(url).await;
            assert!(
                status == 200 && page.contains("not allowed") && !page.contains("access_denied"),
                "{page}"
            );
        }
        let outcome = login.end().await;
        let words = told(&outcome);
        assert!(words.starts_with("rejected the login was not allowed: access_denied"), "{words}");
        assert!(words.contains("owned") && !words.contains(ESCAPES), "{words}");
        assert!(!words.contains(|c: char| c.is_control() || c == '\u{202e}'), "{words:?}");
    }
}

/// What is pasted: the whole address, its query, with the line breaks of a terminal.
#[tokio::test]
async fn the_redirected_address_may_be_pasted() {
    let issuer = Issuer::start(Manners::default());
    for redirect in [
        json!(null),
        json!("https://app.example/back"),
        json!("urn:ietf:wg:oauth:2.0:oob"),
        json!("com.example.app:/back"),
    ] {
        let mut login = code(&issuer, json!({"redirect_url": redirect}));
        let Prompt::Browser { url, listening, .. } = login.prompt().await else { panic!() };
        assert_eq!(listening.is_ok(), redirect.is_null(), "{redirect}");
        assert!(listening.is_ok() || listening == Err(Deaf::Elsewhere));
        let place = issuer.person().agrees(url).await;
        login.paste("what is this?");
        assert_eq!(login.prompt().await, Prompt::NotThis(NotThis::Nothing));
        let (start, end) = place.split_at(place.len() - 20);
        login.paste(&format!(" {start}\n{end}\n"));
        let outcome = login.end().await;
        assert!(outcome.result.is_ok(), "{redirect}: {}", told(&outcome));
    }
    // A code alone is believed only where the server shows nothing else.
    let mut login = code(
        &issuer,
        json!({"redirect_url": "urn:ietf:wg:oauth:2.0:oob", "issuer": null,
        "authorization_url": format!("{}/authorize", issuer.url()), "token_url": format!("{}/token", issuer.url())}),
    );
    let (url, _) = login.browser().await;
    let place = issuer.person().agrees(url).await;
    let bare = place.split("code=").nth(1).unwrap().split('&').next().unwrap();
    login.paste(bare);
    assert!(login.end().await.result.is_ok());
}

#[tokio::test]
async fn a_login_that_nobody_can_end_ends() {
    let issuer = Issuer::start(Manners::default());
    let mut login = code(&issuer, json!({"redirect_url": "https://app.example/back"}));
    login.browser().await;
    login.paste = None;
    let outcome = login.end().await;
    assert!(matches!(outcome.result, Err(Refusal::NoWayBack(Deaf::Elsewhere))), "{}", told(&outcome));
    // With a listener it goes on.
    let mut login = code(&issuer, json!({}));
    let (url, _) = login.browser().await;
    login.paste = None;
    assert_eq!(issuer.person().browses(url).await.0, 200);
    assert!(login.end().await.result.is_ok());
    // Stopped.
    let mut login = code(&issuer, json!({}));
    let (_, listening) = login.browser().await;
    login.cancel.cancel();
    assert!(login.end().await.result.is_err());
    assert!(tokio::net::TcpStream::connect(listening.unwrap()).await.is_err());
    // Too late.
    let mut login =
        Login::within(ask(issuer.config("authorization_code"), json!({})), Duration::from_secs(2));
    login.browser().await;
    assert!(matches!(login.refused().await, Refusal::TooLate));
}

/// The whole over TLS, and what is to be kept of redirect and answer.
#[tokio::test]
async fn over_tls_and_with_more_to_keep() {
    let reply = json!({"instance_url": "https://acme.example", "team": {"id": 7}});
    let issuer = Issuer::start_tls(Manners { reply, ..Manners::default() });
    let mut client = ask(issuer.config("authorization_code"), json!({}));
    client.reply_fields = vec!["instance_url".to_owned(), "team.id".to_owned()];
    client.redirect_fields = vec!["iss".to_owned()];
    let mut login = Login::begin(client);
    let (url, _) = login.browser().await;
    assert_eq!(url.scheme(), "https");
    assert_eq!(issuer.person().browses(url).await.0, 200);
    let outcome = login.end().await;
    let token = outcome.result.as_ref().unwrap();
    let kept: Vec<(&str, &str)> =
        token.reply.iter().map(|(name, value)| (name.as_str(), value.expose())).collect();
    assert_eq!(kept, [("instance_url", "https://acme.example"), ("iss", &*issuer.url()), ("team.id", "7")]);
    // Nothing that must not be seen is in what a front end may show.
    let words = format!("{} {outcome:?}", told(&outcome));
    let code = issuer.asked("/token")[0].body.clone();
    let code =
        crate::support::authority::form(&crate::support::server::Seen { body: code, ..Default::default() });
    for (name, value) in
        code.iter().filter(|(name, _)| ["code", "code_verifier", "client_secret"].contains(&name.as_str()))
    {
        assert!(!told(&outcome).contains(value.as_str()), "{name}");
    }
    for secret in [CLIENT.1, token.access.expose(), token.refresh.as_ref().unwrap().expose()] {
        assert!(!told(&outcome).contains(secret));
        assert!(!words.contains(CLIENT.1));
    }
}
