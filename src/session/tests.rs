use serde_json::json;

use super::*;
use crate::model::{Content, Solution};
use crate::problem::Exit;
use crate::schema::Kinds;

fn kinds() -> &'static Kinds {
    Kinds::builtin()
}

fn vault() -> Document {
    let mut document = Document::new();
    let now = Timestamp::UNIX_EPOCH;
    document.apply(Edit::AddSolution { solution: Solution::named("prod") }, now).unwrap();
    let text = r#"[
        {"key": "one", "kind": "api_key", "config": {"base_url": "https://api.example.com/v1", "api_key": "k-1"}},
        {"key": "many", "kind": "secret", "config": {"values": {"a": "1", "b.c": "2"}}},
        {"key": "open", "kind": "basic_auth", "config": {"base_url": "https://api.example.com", "username": "u"}}
    ]"#;
    for change in changes(&document, kinds(), text, "default", "text").unwrap() {
        for edit in change.edits(None) {
            document.apply(edit, now).unwrap();
        }
    }
    document
}

fn refused(document: &Document, text: &str) -> Problem {
    changes(document, kinds(), text, "default", "in.json").unwrap_err()
}

#[test]
fn a_document_without_its_secret_keeps_what_is_stored() {
    let document = vault();
    let text = r#"{"key": "one", "kind": "api_key", "notes": "n", "config": {"base_url": "https://api.example.com/v2"}}"#;
    let change = &changes(&document, kinds(), text, "default", "text").unwrap()[0];
    assert!(change.differs);
    assert_eq!((change.base, change.version()), (Some(1), 2));
    assert_eq!(change.content.secret("/config/api_key").unwrap().expose(), "k-1");
}

#[test]
fn the_same_document_again_changes_nothing() {
    let document = vault();
    let stored = &document.find("default", "one").unwrap().content;
    let text = serde_json::to_string(&stored.document).unwrap();
    let change = changes(&document, kinds(), &text, "default", "text").unwrap().remove(0);
    assert!(!change.differs);
    assert!(change.edits(None).is_empty());
}

#[test]
fn another_origin_needs_the_secret_again() {
    let document = vault();
    for address in ["http://api.example.com", "https://api.example.com:8443", "https://api.example.com.evil"]
    {
        let text = json!({"key": "one", "kind": "api_key", "config": {"base_url": address}}).to_string();
        let problem = refused(&document, &text);
        assert_eq!((problem.exit, problem.code), (Exit::Refused, "origin_changed"), "{address}");
        let text =
            json!({"key": "one", "kind": "api_key", "config": {"base_url": address, "api_key": "k-1"}});
        assert!(changes(&document, kinds(), &text.to_string(), "default", "text").is_ok(), "{address}");
    }
}

#[test]
fn what_is_wrong_has_line_column_and_pointer() {
    let document = vault();
    let problem = refused(
        &document,
        "[\n  {\"key\": \"x\", \"kind\": \"api_key\", \"config\": {\"base_url\": \"nowhere\"}}\n]",
    );
    assert_eq!(problem.exit, Exit::Invalid);
    assert_eq!(
        problem.message,
        "in.json: line 2, column 58: /0/config/base_url: \"nowhere\" is not an address such as https://api.example.com"
    );
    assert_eq!(refused(&document, "{\"key\": 1, \"key\": 2}").exit, Exit::Invalid);
    assert_eq!(refused(&document, "{").exit, Exit::Invalid);
    assert_eq!(refused(&document, "null").exit, Exit::Invalid);
    assert_eq!(refused(&document, r#"{"key": "a", "kind": "nope", "config": {}}"#).exit, Exit::Invalid);
    let nowhere = r#"{"key": "a", "kind": "secret", "solution": "nope", "config": {}}"#;
    assert_eq!(refused(&document, nowhere).exit, Exit::NotFound);
    let twice =
        r#"[{"key": "a", "kind": "secret", "config": {}}, {"key": "a", "kind": "secret", "config": {}}]"#;
    assert_eq!(refused(&document, twice).exit, Exit::Invalid);
}

#[test]
fn the_secret_that_is_meant() {
    let document = vault();
    let get = |key: &str, field: Option<&str>| {
        let content: &Content = &credential(&document, "default", key).unwrap().content;
        value(kinds(), content, field)
            .map(|(_, secret)| secret.expose().to_owned())
            .map_err(|problem| problem.exit)
    };
    assert_eq!(get("one", None).as_deref(), Ok("k-1"));
    assert_eq!(get("one", Some("api_key")).as_deref(), Ok("k-1"));
    assert_eq!(get("one", Some("base_url")).as_deref(), Ok("https://api.example.com/v1"));
    assert_eq!(get("one", Some("nope")), Err(Exit::NotFound));
    assert_eq!(get("many", None), Err(Exit::Usage));
    assert_eq!(get("many", Some("a")).as_deref(), Ok("1"));
    assert_eq!(get("many", Some("values.a")).as_deref(), Ok("1"));
    assert_eq!(get("many", Some("b.c")).as_deref(), Ok("2"));
    assert_eq!(get("many", Some("values.b.c")).as_deref(), Ok("2"));
    assert_eq!(get("many", Some("values")), Err(Exit::Usage));
    assert_eq!(get("open", None), Err(Exit::NotFound));
}

#[test]
fn a_missing_key_says_where_it_is() {
    let mut document = vault();
    let removal = removal(document.find("default", "one").unwrap());
    document.apply(removal, Timestamp::UNIX_EPOCH).unwrap();
    let hint = |solution: &str, key: &str| credential(&document, solution, key).unwrap_err().hint.unwrap();
    assert!(hint("default", "one").contains("restore one"));
    assert!(hint("prod", "many").contains("--solution default"));
    assert!(hint("nope", "many").contains("prod"));
}
