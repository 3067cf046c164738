use jiff::Timestamp;

use super::*;
use crate::import::{Format, Unlock, read};

fn options(from: &str) -> ImportOptions<'_> {
    ImportOptions { solution: "default", from, solutions_of_folders: false, keep: false }
}

fn plan(document: &Document, table: &str, options: &ImportOptions<'_>) -> Import {
    import(
        document,
        Kinds::builtin(),
        &read(Format::Csv, table.as_bytes(), &Unlock::default()).unwrap(),
        options,
    )
    .unwrap()
}

/// Imports a table, and says what became of each row: `key fate`.
fn imported(document: &mut Document, table: &str) -> Vec<String> {
    let done = plan(document, table, &options("csv"));
    for edit in done.edits {
        document.apply(edit, Timestamp::UNIX_EPOCH).unwrap();
    }
    done.rows.iter().map(|row| format!("{} {}", row.key, row.fate.word())).collect()
}

fn secret<'a>(document: &'a Document, key: &str, place: &str) -> &'a str {
    document.find("default", key).unwrap().content.secret(place).unwrap().expose()
}

const TABLE: &str = "name,url,username,password\n\
    Google,https://g.example,ann,pw-1\n\
    Google,https://g.example,ben,pw-2\n\
    Google,https://g.example,ann,pw-1\n\
    Wifi,,,pw-3\n\
    ,https://h.example,,\n";

#[test]
fn two_accounts_of_one_name_stay_two_and_a_second_import_changes_nothing() {
    let mut document = Document::new();
    let first = imported(&mut document, TABLE);
    assert_eq!(first, ["google new", "google-2 new", "google duplicate", "wifi new", " skipped"]);
    assert_eq!(secret(&document, "google-2", "/config/password"), "pw-2");
    let before = document.clone();
    let second = imported(&mut document, TABLE);
    assert_eq!(
        second,
        ["google duplicate", "google-2 duplicate", "google duplicate", "wifi duplicate", " skipped"]
    );
    assert_eq!(document, before);
}

#[test]
fn a_new_password_of_the_same_account_makes_a_version_and_keeps_the_rest() {
    let mut document = Document::new();
    imported(&mut document, TABLE);
    let stored = document.find("default", "google-2").unwrap().clone();
    let mut content = stored.content.clone();
    content.set("/notes", json!("mine"));
    content.set("/tags", json!(["a"]));
    let update = Edit::Update { id: stored.id, base: None, content };
    document.apply(update, Timestamp::UNIX_EPOCH).unwrap();
    let table = "name,url,username,password,notes,tags\nGoogle,https://g.example,ben,pw-9,theirs,b\n";
    let kept = plan(&document, table, &ImportOptions { keep: true, ..options("csv") });
    assert_eq!((kept.count(Fate::Skipped), kept.edits.len()), (1, 0));
    assert_eq!(imported(&mut document, table), ["google-2 changed"]);
    let credential = document.find("default", "google-2").unwrap();
    assert_eq!((credential.version, credential.content.get_str("/notes")), (3, Some("mine")));
    assert_eq!(credential.content.tags(), ["a", "b"]);
    assert_eq!(secret(&document, "google-2", "/config/password"), "pw-9");
    assert_eq!(secret(&document, "google", "/config/password"), "pw-1", "nobody else's");
}

#[test]
fn another_account_at_a_taken_key_gets_its_own_even_with_the_same_password() {
    let mut document = Document::new();
    imported(&mut document, TABLE);
    let table = "name,url,username,password\nGoogle,https://evil.example,ann,pw-1\n";
    let done = plan(&document, table, &options("csv"));
    assert_eq!((done.rows[0].key.as_str(), done.rows[0].fate), ("google-3", Fate::New));
    let told = done.rows[0].told.join("; ");
    assert_eq!(told, "google is another credential; has the same secret as default/google");
}

#[test]
fn folders_become_tags_or_solutions() {
    let table = "name,password,folder\na,1,Work/Net\nb,2,\nc,3,Work/Net\n";
    let document = Document::new();
    let tags = plan(&document, table, &options("csv"));
    assert!(tags.rows.iter().all(|row| row.solution == "default"));
    let solutions = plan(&document, table, &ImportOptions { solutions_of_folders: true, ..options("csv") });
    let places: Vec<_> = solutions.rows.iter().map(|row| row.solution.as_str()).collect();
    assert_eq!(places, ["Work-Net", "default", "Work-Net"]);
    let added = solutions.edits.iter().filter(|edit| matches!(edit, Edit::AddSolution { .. })).count();
    assert_eq!(added, 1);
    let mut document = document;
    for edit in solutions.edits {
        document.apply(edit, Timestamp::UNIX_EPOCH).unwrap();
    }
    assert_eq!(document.find("Work-Net", "c").unwrap().content.tags(), ["Work/Net"]);
}

#[test]
fn what_somebody_made_another_kind_of_since_is_known_again() {
    let mut document = Document::new();
    let table = "name,password\nmail,SG.secret-of-mail\n";
    imported(&mut document, table);
    let stored = document.find("default", "mail").unwrap().clone();
    let mut content = stored.content.clone();
    content.set("/kind", json!("api_key"));
    content.set("/config", json!({"base_url": "https://api.example"}));
    content.set_secret("/config/api_key", Secret::from("SG.secret-of-mail"));
    let update = Edit::Update { id: stored.id, base: None, content };
    document.apply(update, Timestamp::UNIX_EPOCH).unwrap();
    assert_eq!(imported(&mut document, table), ["mail duplicate"]);
    let changed = "name,password\nmail,another\n";
    assert_eq!(imported(&mut document, changed), ["mail-2 new"]);
}

#[test]
fn documents_bring_their_solutions() {
    let mut document = Document::new();
    let text = r#"[{"solution":"prod","key":"a","kind":"secret","config":{"values":{"x":"1"}}},
                   {"key":"b","kind":"secret","config":{"values":{"x":"1"}}}]"#;
    let done = import_documents(&document, Kinds::builtin(), text, &options("json"), "in").unwrap();
    assert_eq!(done.count(Fate::New), 2);
    for edit in done.edits {
        document.apply(edit, Timestamp::UNIX_EPOCH).unwrap();
    }
    assert!(document.find("prod", "a").is_some());
    let again = import_documents(&document, Kinds::builtin(), text, &options("json"), "in").unwrap();
    assert_eq!((again.count(Fate::Duplicate), again.edits.len()), (2, 0));
    let bad =
        import_documents(&document, Kinds::builtin(), &text.replace("prod", "a/b"), &options("json"), "in");
    assert_eq!(bad.unwrap_err().code, "solution_name");
}
