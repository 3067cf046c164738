//! What people write meanwhile does not bring tokens back that an exchange replaced, and loses none.

use credbench::model::{Content, Credential, Edit, Id, Issued, Tokens};
use credbench::secret::Secret;
use credbench::session::{Session, changes, renewed};
use credbench::vault::OpenPolicy;
use serde_json::json;

use super::document;
use crate::support::vault::{Home, now};

const URL: &str = "https://login.invalid";

fn open(home: &Home) -> Session {
    Session::open(&home.places(), home.keyring(), OpenPolicy::Strict, crate::support::vault::now())
        .unwrap()
        .session
}

fn put(session: &mut Session, text: &str) -> Vec<Edit> {
    let document = session.document().clone();
    let kinds = credbench::schema::Kinds::of(&document);
    let read = changes(&document, &kinds, text, "default", "test").unwrap();
    read.into_iter().flat_map(|change| change.edits(None)).collect()
}

/// A home whose vault has one credential.
fn home() -> (Home, Id) {
    let home = Home::with_vault();
    let mut session = open(&home);
    let edits = put(&mut session, &document(URL, json!({})));
    let saved = session.commit(edits, now()).unwrap();
    let id = saved.document.credentials[0].id.clone();
    (home, id)
}

/// What an exchange stores, by a program of its own.
fn exchange(home: &Home, id: &Id, access: &str) {
    let mut session = open(home);
    let credential = session.document().by_id(id).unwrap().clone();
    let mut tokens = Tokens::default();
    tokens.secrets.insert("access_token".to_owned(), Secret::from(access));
    let issued = tokens.digest().map(|tokens| Issued {
        tokens,
        received_at: now(),
        logged_in_at: None,
        refresh_expires_at: None,
        refused_at: None,
    });
    let seen = credential.content.tokens().digest();
    session.commit(vec![Edit::SetTokens { id: id.clone(), seen, tokens, issued }], now()).unwrap();
}

fn stored(home: &Home, id: &Id) -> Credential {
    open(home).document().by_id(id).unwrap().clone()
}

fn access(content: &Content) -> String {
    content.tokens().access().map(|secret| secret.expose().to_owned()).unwrap_or_default()
}

#[test]
fn a_draft_that_was_begun_before_keeps_the_newer_tokens() {
    let (home, id) = home();
    let mut session = open(&home);
    let draft =
        put(&mut session, &document(URL, json!({})).replace("\"client_id\":\"c\"", "\"client_id\":\"d\""));
    exchange(&home, &id, "newer");
    let saved = session.commit(draft, now());
    // Of the same client they stay; of another one, a person decides.
    assert_eq!(access(&stored(&home, &id).content), "newer");
    drop(saved);
    let mut session = open(&home);
    let mut content = session.document().by_id(&id).unwrap().content.clone();
    let base = Some(Box::new(content.clone()));
    content.set("/notes", json!("written"));
    exchange(&home, &id, "newest");
    let edit = Edit::Update { id: id.clone(), base, content };
    let saved = session.commit(vec![edit], now()).unwrap();
    let credential = stored(&home, &id);
    assert_eq!(
        (access(&credential.content).as_str(), credential.content.get("/notes")),
        ("newest", Some(&json!("written")))
    );
    assert!(credential.issued().is_some(), "what is known of them stays known");
    // Taking the change back takes no tokens back.
    exchange(&home, &id, "last");
    session.commit(saved.inverses, now()).unwrap();
    let credential = stored(&home, &id);
    assert_eq!((access(&credential.content).as_str(), credential.content.get("/notes")), ("last", None));
}

#[test]
fn a_draft_without_tokens_does_not_drop_those_of_a_login_meanwhile() {
    let home = Home::with_vault();
    let mut session = open(&home);
    let mut none: serde_json::Value = serde_json::from_str(&document(URL, json!({}))).unwrap();
    none["config"].as_object_mut().unwrap().shift_remove("tokens");
    let edits = put(&mut session, &none.to_string());
    let id = session.commit(edits, now()).unwrap().document.credentials[0].id.clone();
    none["notes"] = json!("written");
    let draft = put(&mut session, &none.to_string());
    exchange(&home, &id, "of the login");
    session.commit(draft, now()).unwrap();
    assert_eq!(access(&stored(&home, &id).content), "of the login");
}

#[test]
fn an_old_version_is_restored_with_the_tokens_of_today() {
    let (home, id) = home();
    let mut session = open(&home);
    let mut text: serde_json::Value = serde_json::from_str(&document(URL, json!({}))).unwrap();
    text["notes"] = json!("second");
    let edits = put(&mut session, &text.to_string());
    session.commit(edits, now()).unwrap();
    exchange(&home, &id, "of today");
    session.refresh().unwrap();
    let edit = renewed(session.document().by_id(&id).unwrap(), 1).unwrap();
    session.commit(vec![edit], now()).unwrap();
    let credential = stored(&home, &id);
    assert_eq!((credential.version, credential.content.get("/notes")), (3, None));
    assert_eq!(access(&credential.content), "of today");
    // Of a version with another address they are not: they would be sent there.
    text["config"]["base_url"] = json!("https://elsewhere.invalid");
    text["config"]["client_secret"] = json!("s");
    text["config"]["tokens"] = json!({"access_token": "elsewhere"});
    let edits = put(&mut session, &text.to_string());
    session.commit(edits, now()).unwrap();
    let edit = renewed(session.document().by_id(&id).unwrap(), 3).unwrap();
    session.commit(vec![edit], now()).unwrap();
    assert_eq!(access(&stored(&home, &id).content), "of today");
}
