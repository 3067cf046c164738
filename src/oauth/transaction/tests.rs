use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::*;
use crate::model::Content;

fn ask(more: Value) -> Ask {
    let mut config = json!({"grant": "authorization_code", "client_id": "c 1", "scopes": ["a", "b"],
        "authorization_url": "https://a.example/authorize?tenant=1", "token_url": "https://t.example/token"});
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    let document = json!({ "config": config }).as_object().unwrap().clone();
    Ask::read(&Content { document, ..Content::default() }, "/config").unwrap()
}

const REDIRECT: &str = "http://127.0.0.1:8400/callback";

fn transaction(ask: &Ask, here: bool) -> Transaction {
    let urls = (ask.authorization_url.clone().unwrap(), ask.token_url.clone().unwrap());
    Transaction::new(ask, REDIRECT.to_owned(), here, &urls.0, &urls.1, None)
}

fn sent(transaction: &Transaction, ask: &Ask) -> BTreeMap<String, String> {
    let url = transaction.url(ask, ask.authorization_url.as_ref().unwrap());
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let map: BTreeMap<String, String> = pairs.iter().cloned().collect();
    assert_eq!(map.len(), pairs.len(), "nothing is sent twice");
    map
}

#[test]
fn what_is_sent_with_the_person() {
    let ask = ask(json!({}));
    let transaction = transaction(&ask, true);
    let sent = sent(&transaction, &ask);
    let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(transaction.verifier.expose()));
    for (name, value) in [
        ("tenant", "1"),
        ("response_type", "code"),
        ("client_id", "c 1"),
        ("redirect_uri", REDIRECT),
        ("scope", "a b"),
        ("code_challenge", &challenge),
        ("code_challenge_method", "S256"),
        ("state", transaction.state.expose()),
    ] {
        assert_eq!(sent[name], value, "{name}");
    }
    assert!(!sent.contains_key("nonce"), "OpenID was not asked for");
}

/// PKCE: 43 to 128 characters of the unreserved ones, 256 bits, of each login its own.
#[test]
fn no_value_is_used_twice() {
    let ask = ask(json!({"scopes": ["openid"]}));
    let mut seen = BTreeSet::new();
    for _ in 0..100 {
        let transaction = transaction(&ask, true);
        for value in [&transaction.state, &transaction.verifier, transaction.nonce().unwrap()] {
            let text = value.expose();
            assert!((43..=128).contains(&text.len()));
            assert!(text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)));
            assert!(seen.insert(text.to_owned()));
        }
    }
}

#[test]
fn nobody_replaces_what_makes_it_safe() {
    let more = json!({"scopes": ["openid"], "authorization_parameters": {"prompt": "consent", "scope": "own",
        "state": "x", "code_challenge": "x", "code_challenge_method": "plain", "redirect_uri": "https://evil.example",
        "nonce": "x", "client_id": "x", "response_type": "token"}});
    let ask = ask(more);
    let transaction = transaction(&ask, true);
    let sent = sent(&transaction, &ask);
    assert_eq!((sent["prompt"].as_str(), sent["scope"].as_str()), ("consent", "own"));
    assert!(OURS.iter().all(|name| sent[*name] != "x"));
    assert_eq!(sent["code_challenge_method"], "S256");
    assert_eq!(sent["redirect_uri"], REDIRECT);
}

#[test]
fn only_the_answer_to_this_login_is_believed() {
    let ask = ask(json!({}));
    let transaction = transaction(&ask, true);
    let state = transaction.state.expose();
    let judged =
        |query: &str| transaction.judge(&query.replace("{state}", state)).map(|found| format!("{found:?}"));
    assert!(judged("code=x&state={state}").unwrap().contains("Code"));
    let denied = transaction.judge(&format!("error=access_denied&error_description=no%1B[2J&state={state}"));
    let Ok(Answered::Denied { code, description }) = denied else { panic!("{denied:?}") };
    assert_eq!((code.as_str(), description.as_str()), ("access_denied", "no\u{1b}[2J"));
    for (query, why) in [
        ("", NotThis::Nothing),
        ("state={state}", NotThis::Nothing),
        ("code=&state={state}", NotThis::Nothing),
        ("code=x", NotThis::State),
        ("code=x&state=", NotThis::State),
        ("code=x&state={state}x", NotThis::State),
        ("error=access_denied", NotThis::State),
        ("code=x&state={state}&state={state}", NotThis::Ambiguous),
        ("code=x&code=y&state={state}", NotThis::Ambiguous),
        ("code=x&state={state}&iss=https://b.example", NotThis::Issuer),
    ] {
        assert_eq!(judged(query).unwrap_err(), why, "{query}");
    }
    assert!(judged("code=x&state={state}&iss=https://a.example").is_ok());
    assert!(judged("code=x&state={state}&iss=https://t.example/tenant").is_ok());
    assert!(!judged("code=hidden&state={state}").unwrap().contains("hidden"));
}

#[test]
fn an_issuer_that_is_known_is_the_only_one() {
    let ask = ask(json!({"issuer": "https://a.example/tenant"}));
    let transaction = transaction(&ask, true);
    let judged = |iss: &str| transaction.judge(&format!("code=x&state={}{iss}", transaction.state.expose()));
    assert!(judged("").is_ok(), "it was not promised");
    assert!(judged("&iss=https%3A%2F%2Fa.example%2Ftenant").is_ok());
    assert!(judged("&iss=https://a.example/tenant/").is_ok());
    for other in ["https://a.example", "https://a.example/other", "https://b.example/tenant", "x"] {
        assert_eq!(judged(&format!("&iss={other}")).unwrap_err(), NotThis::Issuer, "{other}");
    }
}

#[test]
fn what_a_person_may_paste() {
    let ask = ask(json!({}));
    let here = transaction(&ask, true);
    let elsewhere = transaction(&ask, false);
    let pasted = |transaction: &Transaction, text: &str| {
        let text = text.replace("{state}", transaction.state.expose());
        match transaction.judge_pasted(&Secret::new(text)) {
            Ok(Answered::Code { code, .. }) => Ok(code.expose().to_owned()),
            Ok(Answered::Denied { code, .. }) => Ok(code),
            Err(reason) => Err(reason),
        }
    };
    for text in [
        "http://127.0.0.1:8400/callback?code=x&state={state}",
        "  http://127.0.0.1:8400/callback?co\n de=x&state={state}\n",
        "?code=x&state={state}",
        "code=x&state={state}",
        "https://app.example/#code=x&state={state}",
        "x#{state}",
    ] {
        assert_eq!(pasted(&here, text), Ok("x".to_owned()), "{text}");
        assert_eq!(pasted(&elsewhere, text), Ok("x".to_owned()), "{text}");
    }
    for (text, why) in [
        ("", NotThis::Nothing),
        ("https://a.example/authorize?client_id=c&state={state}", NotThis::Nothing),
        ("http://127.0.0.1:8400/callback?code=x&state=other", NotThis::State),
        ("x#other", NotThis::State),
        ("only-a-code", NotThis::Bare),
        ("no code!", NotThis::Nothing),
    ] {
        assert_eq!(pasted(&here, text), Err(why), "{text}");
    }
    // Where the server shows a code there is nothing else to paste.
    assert_eq!(pasted(&elsewhere, "4/only-a-code"), Ok("4/only-a-code".to_owned()));
    assert_eq!(pasted(&elsewhere, "?error=access_denied&state={state}"), Ok("access_denied".to_owned()));
}

#[test]
fn parameters_of_the_redirect_are_kept() {
    let mut ask = ask(json!({}));
    ask.redirect_fields = vec!["realmId".to_owned(), "gone".to_owned()];
    let transaction = transaction(&ask, true);
    let query = format!("code=x&realmId=7&other=1&state={}", transaction.state.expose());
    let Ok(Answered::Code { kept, .. }) = transaction.judge(&query) else { panic!() };
    assert_eq!(
        kept.iter().map(|(name, value)| (name.as_str(), value.expose())).collect::<Vec<_>>(),
        [("realmId", "7")]
    );
}
