use serde_json::json;

use super::*;

fn kinds() -> &'static Kinds {
    Kinds::builtin()
}

fn draft() -> Draft {
    let kind = kinds().get("api_key").unwrap();
    let mut draft = Draft::new(kind, "default");
    draft.set("/key", json!("a.b"));
    draft.set("/config/base_url", json!("https://api.example.com"));
    draft.set_secret(kind, "/config/api_key", Secret::from("s3cr3t"));
    draft
}

fn stored() -> Draft {
    Draft::of(&Credential::new(Id::new(), draft().content().clone(), jiff::Timestamp::UNIX_EPOCH))
}

#[test]
fn form_to_text_and_back_changes_nothing() {
    let mut draft = stored();
    draft.set("/x-unknown", json!({"deep": [1, null, "é"]}));
    let before = draft.content().clone();
    let text = draft.text();
    assert!(!text.contains("s3cr3t"));
    assert_eq!(draft.set_text(kinds(), &text), Ok(vec![]));
    assert_eq!(*draft.content(), before);
}

#[test]
fn clearing_an_optional_object_s_last_member_takes_the_object_too() {
    let mut draft = stored();
    draft.set("/config/placement/in", json!("query"));
    draft.set("/config/placement/in", json!(""));
    assert_eq!(draft.content().get("/config/placement"), None);
    assert!(!draft.is_changed());
}

#[test]
fn undo_takes_back_a_step_and_redo_takes_it_again() {
    let mut draft = stored();
    for text in ["n", "na", "nam"] {
        draft.set("/name", json!(text));
    }
    draft.settle();
    draft.set("/name", json!("name"));
    assert!(draft.undo());
    assert_eq!(draft.content().name(), "nam");
    assert!(draft.undo());
    assert!(!draft.is_changed() && !draft.undo());
    assert!(draft.redo() && draft.redo() && !draft.redo());
    assert_eq!(draft.content().name(), "name");
}

#[test]
fn a_changed_origin_asks_for_the_secret_again() {
    let mut draft = stored();
    draft.set("/config/base_url", json!("https://api.example.com/v2"));
    assert!(draft.check(kinds()).is_empty(), "the same origin");
    draft.set("/config/base_url", json!("https://api.example.com.evil"));
    let found = draft.check(kinds());
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].pointer, "/config/api_key");
    draft.set_secret(kinds().get("api_key").unwrap(), "/config/api_key", Secret::from("s3cr3t"));
    assert!(draft.check(kinds()).is_empty());
}

#[test]
fn a_deleted_placeholder_clears_and_says_so() {
    let mut draft = stored();
    let text = r#"{"solution":"default","kind":"api_key","key":"a.b","config":{"base_url":"https://api.example.com"}}"#;
    let notices = draft.set_text(kinds(), text).unwrap();
    assert_eq!(notices.len(), 1);
    assert!(draft.content().secrets.is_empty());
    assert!(draft.undo());
    assert_eq!(draft.content().secrets.len(), 1);
}

#[test]
fn a_text_that_cannot_be_read_leaves_the_draft_alone() {
    let mut draft = stored();
    let before = draft.content().clone();
    for text in [
        "{",
        "[]",
        "{\"kind\": \"nope\"}",
        "{\"key\":1,\"key\":2}",
        "{\"kind\":\"api_key\",\"config\":{\"api_key\":5}}",
    ] {
        let errors = draft.set_text(kinds(), text).unwrap_err();
        assert!(!errors.is_empty() && errors[0].place.line == 1, "{text}");
        assert_eq!(*draft.content(), before);
    }
}

#[test]
fn a_violation_has_line_column_and_pointer() {
    let mut draft = stored();
    let text = draft.text().replace("https://api.example.com", "nowhere");
    draft.set_text(kinds(), &text).unwrap();
    let errors = draft.check_text(kinds(), &text);
    assert_eq!(errors[0].pointer, "/config/base_url");
    assert_eq!((errors[0].place.line, errors[0].place.column), (6, 17));
    assert_eq!(&text[errors[0].range.clone()], "\"nowhere\"");
}

#[test]
fn errors_of_a_text_are_those_of_taking_it_over_and_leave_the_draft_alone() {
    let mut draft = stored();
    let before = draft.clone();
    let wrong = draft.text().replace("https://api.example.com", "nowhere");
    let newly = draft.text().replace("https://api", "https://other");
    let broken = draft.text().replace(':', ";");
    for (text, count) in [(draft.text(), 0), (wrong, 2), (newly, 1), (broken, 1)] {
        let found = draft.inspect(kinds(), &text).errors;
        assert_eq!(found.len(), count, "{text} {found:?}");
        assert_eq!(draft.state, before.state);
        let taken = draft.set_text(kinds(), &text);
        let same = taken.err().unwrap_or_else(|| draft.check_text(kinds(), &text));
        assert_eq!(found, same);
        draft = before.clone();
    }
    let text = r#"{"kind":"api_key","config":{"api_key":"typed"}}"#;
    let secrets = draft.inspect(kinds(), text).secrets;
    assert_eq!(secrets.iter().map(|range| &text[range.clone()]).collect::<Vec<_>>(), ["\"typed\""]);
    draft.clear("/config/api_key");
    assert!(draft.is_stored("/config/api_key") && !draft.is_stored("/config/base_url"));
}

#[test]
fn an_entry_of_a_table_may_be_empty() {
    let mut draft = stored();
    draft.put("/test/headers/X-Empty", json!(""));
    assert_eq!(draft.content().get_str("/test/headers/X-Empty"), Some(""));
    assert!(draft.undo() && !draft.is_changed());
}

#[test]
fn renaming_a_table_entry_keeps_its_secret_and_its_place() {
    let kind = kinds().get("secret").unwrap();
    let mut draft = Draft::new(kind, "default");
    draft.set_secret(kind, "/config/values/one", Secret::from("1"));
    draft.set_secret(kind, "/config/values/two", Secret::from("2"));
    draft.rename("/config/values", "one", "uno");
    assert_eq!(draft.content().secret("/config/values/uno").unwrap().expose(), "1");
    assert_eq!(draft.content().secret("/config/values/two").unwrap().expose(), "2");
    assert_eq!(draft.content().secret("/config/values/one"), None);
    draft.rename("/config/values", "uno", "two");
    assert_eq!(draft.content().secrets.len(), 2);
}
