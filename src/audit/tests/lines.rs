//! What a line holds, sealed and in clear.

use super::*;
use crate::model::{Content, Credential, Object};

#[test]
fn what_was_written_is_read_again() {
    let bench = Bench::with_lines();
    let verified = bench.verify().unwrap();
    assert_eq!((verified.lines, verified.files, verified.unkeyed, verified.torn), (13, 1, 0, 0));
    let log = bench.open().unwrap();
    assert_eq!(log.head().unwrap().line, 13);
    let records = records(bench.folder(), &bench.keys(), &bench.host).unwrap();
    let got: Vec<_> = records.iter().filter(|record| record.what == "got").collect();
    assert_eq!(got.len(), 4, "intent and result are one record");
    assert!(got.iter().all(|record| record.result == "ok" && record.solution == "default"));
    assert_eq!((got[2].key.as_str(), got[2].field.as_str()), ("key-2", "/config/api_key"));
    assert_eq!(got[0].value, got[1].value, "the same value has the same code");
    assert!(records.iter().all(|record| record.keyed && record.generation == Some(1)));
}

#[test]
fn neither_values_nor_names_stand_in_clear() {
    let bench = Bench::with_lines();
    let text = bench.text();
    for hidden in ["hunter2", "key-0", "default", "api_key"] {
        let text = text.replace("id-of-key-0", "").replace("id-of-key", "");
        assert!(!text.contains(hidden), "{hidden}");
    }
    // Control: the words that are to stand there do.
    assert!(text.contains("got") && text.contains("id-of-key-3"));
    let other = Bench { key: new_key(), ..Bench::new() };
    assert_ne!(other.keys().value_code(&"x".into()), bench.keys().value_code(&"x".into()));
}

#[test]
fn sealed_names_have_few_sizes_and_open_with_their_key_alone() {
    let (one, two) = (Keys::of(&new_key()).unwrap(), Keys::of(&new_key()).unwrap());
    let sealed: Vec<String> = (0..40).map(|length| one.seal(&"n".repeat(length + 1))).collect();
    assert!(sealed.iter().all(|text| text.len() == sealed[0].len()));
    assert_eq!(one.open(&sealed[3]).as_deref(), Some("nnnn"));
    assert_eq!(two.open(&sealed[3]), None);
    assert_ne!(one.seal("n"), one.seal("n"));
    assert!(Keys::of(&Secret::from("short")).is_none());
}

#[test]
fn a_line_about_a_credential_names_it_and_its_version() {
    let at = |key: &str, text: &str| (key.to_owned(), serde_json::Value::from(text));
    let credential = Credential {
        id: Id("one".to_owned()),
        content: Content {
            document: Object::from_iter([at("solution", "billing"), at("key", "api")]),
            ..Content::default()
        },
        version: 3,
        proven_since: 1,
        created_at: now(),
        updated_at: now(),
        history: Vec::new(),
        tests: Vec::new(),
        issued: None,
        rotation: None,
        extra: Object::new(),
    };
    let bench = Bench::new();
    let mut log = bench.log();
    let ids = vec![Id("two".to_owned())];
    let entry = Entry::about(What::Got, &credential).with_ids(ids.clone());
    let begun = log.begin(vec![entry], now(), &bench.host).unwrap();
    log.end(begun, "ok", Vec::new(), now(), &bench.host).unwrap();
    let records = records(bench.folder(), &bench.keys(), &bench.host).unwrap();
    assert_eq!((records[0].solution.as_str(), records[0].key.as_str()), ("billing", "api"));
    // Both lines say it, so that each can be looked for by itself; the name stands in the first.
    for (line, has_names) in bench.lines().iter().zip([true, false]) {
        let line: Line = serde_json::from_str(line).unwrap();
        assert_eq!((line.id, line.ids, line.version), (Some(Id("one".to_owned())), ids.clone(), Some(3)));
        assert_eq!(line.names.is_some(), has_names);
    }
}

#[test]
fn codes_come_with_the_key() {
    let bench = Bench::new();
    let mut log = Log::new(bench.folder(), None, Who::default());
    assert!(!log.has_keys());
    bench.append(&mut log, &[Entry::new(What::VaultRefused)]);
    log.set_keys(bench.keys());
    assert!(log.has_keys());
    bench.append(&mut log, &[Entry::new(What::Opened)]);
    let keyed: Vec<bool> =
        bench.lines().iter().map(|line| Line::read(line.as_bytes()).unwrap().is_keyed()).collect();
    assert_eq!(keyed, [false, true, true], "the second counts the first");
    assert_eq!(format!("{:?}", bench.keys()), "Keys");
}
