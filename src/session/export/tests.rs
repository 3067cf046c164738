use jiff::Timestamp;
use serde_json::json;

use super::*;
use crate::model::Solution;
use crate::secret::Secret;
use crate::session::{changes, oauth_app_change};

fn apply(document: &mut Document, edits: Vec<Edit>) {
    for edit in edits {
        document.apply(edit, Timestamp::UNIX_EPOCH).unwrap();
    }
}

/// A vault with everything that an export holds.
fn vault() -> Document {
    let mut document = Document::new();
    apply(&mut document, vec![Edit::AddSolution { solution: Solution::named("prod") }]);
    let schema = json!({"title": "Own", "type": "object", "properties": {"pin": {"type": "string", "writeOnly": true}}});
    let schema = schema.as_object().unwrap().clone();
    apply(&mut document, vec![Edit::DefineKind { id: "own".to_owned(), expected: None, schema }]);
    let app = r#"{"name":"google","grant":"client_credentials","client_id":"c","client_secret":"s-app","token_url":"https://t.example"}"#;
    let app = oauth_app_change(&document, app, "text").unwrap();
    apply(&mut document, vec![app.edit()]);
    let text = r#"[
        {"key":"a","kind":"api_key","tags":["t"],"x-unknown":{"y":[1]},"config":{"base_url":"https://a.example","api_key":"k-1"}},
        {"key":"b","kind":"oauth_alias","solution":"prod","config":{"app":"google"}},
        {"key":"c","kind":"own","solution":"prod","config":{"pin":"1234"}}
    ]"#;
    let kinds = Kinds::of(&document);
    for change in changes(&document, &kinds, text, "default", "text").unwrap() {
        apply(&mut document, change.edits(None));
    }
    // A secret where the kind knows of none, and one that was another before.
    let stored = document.find("default", "a").unwrap().clone();
    let mut content = stored.content.clone();
    content.set_secret("/config/totp", Secret::from("seed"));
    content.set_secret("/config/api_key", Secret::from("{\"$secret\":\"stored\"}"));
    apply(&mut document, vec![Edit::Update { id: stored.id, base: None, content }]);
    document
}

fn all(document: &Document) -> Document {
    exported(document, ExportOptions::default()).unwrap()
}

fn plan(document: &Document, export: &Document) -> Import {
    import_export(document, &Kinds::of(document), export, false).unwrap()
}

#[test]
fn an_export_makes_the_same_vault_again_and_nothing_the_second_time() {
    let document = vault();
    let export = all(&document);
    assert!(export.credentials.iter().all(|known| known.history.is_empty() && known.version == 1));
    let mut made = Document::new();
    let done = plan(&made, &export);
    assert_eq!(done.count(Fate::New), 5);
    apply(&mut made, done.edits);
    let contents = |document: &Document| {
        let all = document.credentials.iter();
        all.map(|known| (known.id.clone(), known.content.clone())).collect::<Vec<_>>()
    };
    assert_eq!(contents(&made), contents(&document));
    assert_eq!((&made.solutions, made.oauth_apps()), (&document.solutions, document.oauth_apps()));
    assert_eq!(made.organization.kinds[0].schema, document.organization.kinds[0].schema);
    let again = plan(&made, &export);
    assert_eq!((again.count(Fate::Duplicate), again.edits.len()), (5, 0));
}

#[test]
fn one_solution_brings_what_it_needs_and_no_more() {
    let document = vault();
    let one = exported(&document, ExportOptions { solution: Some("prod"), structure: false }).unwrap();
    assert_eq!((one.credentials.len(), one.solutions.len()), (2, 1));
    assert_eq!((one.organization.kinds.len(), one.organization.oauth_apps.len()), (1, 1));
    let other = exported(&document, ExportOptions { solution: Some("default"), structure: false }).unwrap();
    assert_eq!((other.organization.kinds.len(), other.organization.oauth_apps.len()), (0, 0));
    let none = exported(&document, ExportOptions { solution: Some("nope"), structure: false });
    assert_eq!(none.unwrap_err().code, "no_solution");
}

#[test]
fn a_structure_has_no_secret_and_keeps_those_that_are_stored() {
    let mut document = vault();
    let bare = exported(&document, ExportOptions { solution: None, structure: true }).unwrap();
    let contents = bare.credentials.iter().map(|known| &known.content);
    let contents: Vec<&Content> = contents.chain(bare.oauth_apps().iter().map(|app| &app.content)).collect();
    assert!(contents.iter().all(|content| content.secrets.is_empty()));
    assert_eq!(contents[0].missing_marks(), ["/config/api_key", "/config/totp"]);
    let before = document.clone();
    let done = plan(&document, &bare);
    assert_eq!((done.count(Fate::Duplicate), done.edits.len()), (5, 0), "{:?}", done.rows);
    apply(&mut document, done.edits);
    assert_eq!(document, before);
    // In a vault without them they are incomplete.
    let mut made = Document::new();
    let done = plan(&made, &bare);
    apply(&mut made, done.edits);
    assert!(!Kinds::of(&made).is_complete(&made.find("default", "a").unwrap().content));
}

#[test]
fn a_stored_secret_is_never_sent_where_an_export_says() {
    let document = vault();
    let mut bare = exported(&document, ExportOptions { solution: None, structure: true }).unwrap();
    bare.credentials[0].content.set("/config/base_url", json!("https://evil.example"));
    bare.organization.oauth_apps[0].content.set("/token_url", json!("https://evil.example"));
    let done = plan(&document, &bare);
    assert_eq!(done.edits.len(), 0, "{:?}", done.rows);
    assert_eq!(done.count(Fate::Skipped), 2);
    // What stays at its address may change.
    bare.credentials[0].content.set("/config/base_url", json!("https://a.example/v2"));
    let done = plan(&document, &bare);
    assert_eq!(done.count(Fate::Changed), 1);
    let Some(Edit::Update { content, .. }) = done.edits.first() else { panic!("{:?}", done.edits) };
    assert!(content.secret("/config/totp").is_some());
}

#[test]
fn names_that_are_none_are_refused() {
    let document = vault();
    for (place, value) in [("/key", "a b"), ("/key", ""), ("/solution", "nowhere")] {
        let mut export = all(&document);
        export.credentials[0].content.set(place, json!(value));
        let problem = import_export(&document, &Kinds::of(&document), &export, false).unwrap_err();
        assert_eq!((problem.exit, problem.code), (Exit::Invalid, "invalid_import"), "{place} {value}");
    }
    let mut export = all(&document);
    export.solutions[0].name = "a/b".to_owned();
    assert!(import_export(&document, &Kinds::of(&document), &export, false).is_err());
}
