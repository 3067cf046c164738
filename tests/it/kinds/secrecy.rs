//! A marker in every secret of every kind, and nowhere to be seen.

use credbench::config;
use credbench::schema::{Control, Draft, Kinds};
use credbench::session;
use credbench::tui::form::Form;
use credbench::tui::raw::RawEditor;
use credbench::tui::theme::Theme;
use ratatui::buffer::{Buffer, Cell};
use ratatui::layout::Rect;
use serde_json::json;

use crate::support::home::Account;

/// Documents of all kinds with a marker in each secret, without those that need something of the vault.
pub(crate) const ALL: &str = r#"[
 {"key":"k.api_key","kind":"api_key","config":{"base_url":"https://a.example","api_key":"marker-01"}},
 {"key":"k.basic_auth","kind":"basic_auth","config":{"base_url":"https://a.example","username":"u","password":"marker-02"}},
 {"key":"k.bearer_token","kind":"bearer_token","config":{"base_url":"https://a.example","token":"marker-03"}},
 {"key":"k.oauth2","kind":"oauth2","config":{"grant":"jwt_bearer","client_id":"c","issuer":"https://i.example",
  "client_secret":"marker-04","private_key":"marker-05\nmarker-06",
  "tokens":{"access_token":"marker-07","refresh_token":"marker-08","expires_at":"2027-01-31T12:00:00Z",
            "scope":"marker-09","id_token":"marker-10"}}},
 {"key":"k.secret","kind":"secret","config":{"values":{"a":"marker-11"}}},
 {"key":"k.database","kind":"database","config":{"engine":"postgres","host":"db.example","password":"marker-12"}},
 {"key":"k.aws","kind":"aws","config":{"access_key_id":"AKIA1","secret_access_key":"marker-13","session_token":"marker-14"}},
 {"key":"k.client_certificate","kind":"client_certificate","config":{"base_url":"https://a.example",
  "certificate":"-----BEGIN CERTIFICATE-----\nMII\n-----END CERTIFICATE-----\n","private_key":"marker-15","passphrase":"marker-16"}},
 {"key":"k.custom","kind":"custom","config":{"base_url":"https://a.example","secrets":{"token":"marker-17"},
  "request":{"headers":{"X-T":"{token}"}}}}
]"#;

#[test]
fn no_output_shows_a_secret_of_any_kind() {
    let account = Account::with_vault();
    let mut said = vec![account.command().args(["put", "--no-test"]).input(ALL).run().succeeds()];
    for kind in Kinds::builtin().iter().filter(|kind| ALL.contains(&format!("k.{}", kind.id))) {
        let key = format!("k.{}", kind.id);
        said.push(account.run(&["show", &key]).succeeds());
        said.push(account.run(&["show", &key, "--json"]).succeeds());
        said.push(account.run(&["test", &key, "--steps"]));
        said.push(account.run(&["get", &key, "nope"]).exits(4));
        // Something wrong beside the secrets, and in their place.
        said.push(
            account.command().args(["put", "--no-test"]).input(ALL.replace("https://", "x")).run().exits(7),
        );
        said.push(
            account
                .command()
                .args(["put", "--no-test"])
                .input(ALL.replace("\"marker-", "7,\""))
                .run()
                .exits(7),
        );
    }
    said.push(account.run(&["list", "--json"]).succeeds());
    for done in &said {
        assert!(!done.out.contains("marker-") && !done.err.contains("marker-"), "{done:?}");
    }
    // The control: they are all there.
    assert_eq!(account.run(&["get", "k.oauth2", "tokens.id_token"]).succeeds().out, "marker-10");
    assert_eq!(account.run(&["get", "k.oauth2", "expires_at"]).succeeds().out, "2027-01-31T12:00:00Z");
}

#[test]
fn no_screen_and_no_debug_text_shows_a_secret_of_any_kind() {
    let kinds = Kinds::builtin();
    for kind in kinds.iter() {
        let mut draft = Draft::new(kind, "default");
        for field in &kind.fields {
            match field.control {
                Control::Secret { .. } => {
                    draft.set_secret(kind, &field.pointer, "marker-1".into());
                }
                Control::Table { secret: true } => {
                    draft.set_secret(kind, &format!("{}/one", field.pointer), "marker-2".into());
                }
                _ => {}
            }
        }
        let area = Rect::new(0, 0, 120, 120);
        let theme = Theme::new(config::Theme::Dark);
        let mut form = Form::new(kind, &draft, &|_| Vec::new());
        let mut raw = RawEditor::open(&draft, kinds).unwrap();
        for field in kind.fields_of(draft.content()) {
            form.focus(&field.pointer, &mut draft, kinds);
            let mut buf = Buffer::empty(area);
            form.render(&draft, kinds, area, &mut buf, &theme, true);
            let page: String = buf.content.iter().map(Cell::symbol).collect();
            assert!(page.contains(&field.label) && !page.contains("marker"), "{}", field.pointer);
        }
        let mut buf = Buffer::empty(area);
        raw.render(&draft, kinds, area, &mut buf, &theme, true);
        let page: String = buf.content.iter().map(Cell::symbol).collect();
        assert!(page.contains("$secret") && !page.contains("marker"), "{}", kind.id);
        assert!(!format!("{form:?} {draft:?} {:?} {raw:?}", draft.content()).contains("marker"));
    }
}

#[test]
fn get_without_a_field_gives_the_main_secret() {
    let account = Account::with_vault();
    account.put(ALL);
    for (key, wanted) in [
        ("k.api_key", "marker-01"),
        ("k.basic_auth", "marker-02"),
        ("k.bearer_token", "marker-03"),
        ("k.oauth2", "marker-07"),
        ("k.secret", "marker-11"),
        ("k.database", "marker-12"),
        ("k.aws", "marker-13"),
        ("k.client_certificate", "marker-15"),
        ("k.custom", "marker-17"),
    ] {
        assert_eq!(account.run(&["get", key]).succeeds().out, wanted, "{key}");
    }
    account.put(r#"{"key":"k.custom","kind":"custom","config":{"base_url":"https://a.example","secrets":{"pin":"1"},"request":{}}}"#);
    let done = account.run(&["get", "k.custom"]).exits(2);
    assert!(done.err.contains("pin") && done.err.contains("token"), "{}", done.err);
    account.put(r#"{"key":"k.oauth2","kind":"oauth2","config":{"grant":"device_code","client_id":"c","issuer":"https://i.example","tokens":null}}"#);
    let done = account.run(&["get", "k.oauth2"]).exits(4);
    assert!(done.err.contains("login") && !done.err.contains("incomplete"), "{}", done.err);
}

/// `tokens` as a whole: kept by a placeholder and by silence, cleared by null.
#[test]
fn tokens_are_one_secret_object() {
    let account = Account::with_vault();
    account.put(ALL);
    let config = r#""grant":"jwt_bearer","client_id":"c","issuer":"https://i.example""#;
    let put = |more: &str| {
        account.put(&format!(r#"{{"key":"k.oauth2","kind":"oauth2","config":{{{config}{more}}}}}"#));
        account.run(&["show", "k.oauth2", "--json"]).succeeds().json()["config"]["tokens"].clone()
    };
    let stored = json!({"$secret": "stored"});
    let all = json!({"access_token": stored, "refresh_token": stored, "expires_at": "2027-01-31T12:00:00Z",
                     "scope": stored, "id_token": stored});
    assert_eq!(put(""), all);
    assert_eq!(put(r#","tokens":{"$secret":"stored"}"#), all);
    assert_eq!(put(r#","tokens":{}"#), all);
    let renewed = put(r#","tokens":{"access_token":"marker-new"}"#);
    assert_eq!(
        renewed,
        json!({"access_token": stored, "refresh_token": stored, "scope": stored, "id_token": stored})
    );
    assert_eq!(put(r#","tokens":null"#), json!(null));
    let nothing = format!(
        r#"{{"key":"k.oauth2","kind":"oauth2","config":{{{config},"tokens":{{"$secret":"stored"}}}}}}"#
    );
    account.command().args(["put", "--no-test"]).input(nothing).run().exits(7);
}

/// Each address that secrets are bound to: another one without the secret is refused.
#[test]
fn another_address_needs_the_secret_again() {
    let account = Account::with_vault();
    account.put(ALL);
    let document = account.run(&["show", "k.database", "--json"]).succeeds().json();
    let with = |change: &dyn Fn(&mut serde_json::Value)| {
        let mut document = document.clone();
        change(&mut document["config"]);
        account.command().args(["put", "--no-test"]).input(document.to_string()).run()
    };
    with(&|config| config["host"] = json!("db.example.evil")).exits(5);
    with(&|config| config["port"] = json!(5433)).exits(5);
    with(&|config| config["engine"] = json!("mysql")).exits(5);
    with(&|config| config["port"] = json!(5432)).succeeds();
    with(&|config| config["host"] = json!("DB.example")).succeeds();
    with(&|config| {
        config["port"] = json!(5433);
        config["password"] = json!("again");
    })
    .succeeds();
    for (key, place) in [("k.oauth2", "token_url"), ("k.aws", "endpoint_url"), ("k.custom", "base_url")] {
        let mut document = account.run(&["show", key, "--json"]).succeeds().json();
        document["config"][place] = json!("https://evil.example");
        let done = account.command().args(["put", "--no-test"]).input(document.to_string()).run().exits(5);
        assert!(done.err.contains("origin_changed") || done.err.contains("not given anew"), "{}", done.err);
    }
}

#[test]
fn an_app_that_is_not_there_is_named() {
    let account = Account::with_vault();
    let text = "{\"key\":\"a\",\"kind\":\"oauth_alias\",\n \"config\":{\"app\":\"graph\"}}";
    let done = account.command().args(["put", "--no-test"]).input(text).run().exits(7);
    assert!(done.err.contains("line 2, column 18: /config/app: \"graph\" is not there"), "{}", done.err);
    // A draft is told the same.
    let home = crate::support::vault::Home::with_vault();
    let kinds = Kinds::builtin();
    let mut draft = Draft::new(kinds.get("oauth_alias").unwrap(), "default");
    draft.set("/key", json!("a"));
    draft.set("/config/app", json!("graph"));
    assert_eq!(draft.check(kinds), []);
    let names = session::names(&home.open().unwrap().document);
    draft.know(names.clone());
    assert_eq!(draft.check(kinds)[0].pointer, "/config/app");
    draft.know(names.with("apps", ["graph".to_owned()]));
    assert_eq!(draft.check(kinds), [], "the control");
}
