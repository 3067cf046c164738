use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::{
    Content, Credential, Document, Id, Issued, KindDefinition, KindVersion, Learnt, Mentioned, OauthApp,
    Object, Organization, Outcome, Placeholder, Recipient, Removed, Rotation, Solution, Stage, TestRecord,
    TokenDigest, Version, Workflow,
};
use crate::secret::Secret;
use crate::vault::error::{Damage, Forgery, Refusal};
use crate::vault::writer::WriterKey;

fn key() -> WriterKey {
    WriterKey::derived(&Secret::from("a test's identity"))
}

fn header() -> Header {
    let public = key().public();
    Header {
        generation: 7,
        previous: Some("00".repeat(32)),
        writer: public.clone(),
        writers: vec![Writer { key: public, name: "tester".to_owned() }],
        ..Header::of_nobody()
    }
}

fn written(document: &Document) -> Vec<u8> {
    encode(document, &header(), |header, body| key().sign(header, body)).unwrap().to_vec()
}

fn with_one() -> Document {
    let mut content = Content::default();
    content.set("/key", json!("one"));
    content.set_secret("/config/api_key", Secret::from("s3cret"));
    let mut document = Document::new();
    document.credentials.push(Credential::new(Id("id-1".to_owned()), content, Timestamp::UNIX_EPOCH));
    document
}

fn document_error(text: &str) -> (String, usize, usize) {
    match decode(text.as_bytes()).err() {
        Some(Refusal::Damaged(Damage::Document { what, line, column })) => (what, line, column),
        other => panic!("{other:?}"),
    }
}

#[test]
fn reads_back_what_it_wrote() {
    let document = with_one();
    let plain = written(&document);
    let read = decode(&plain).unwrap();
    assert_eq!(read.document, document);
    assert!(read.signature.is_ok());
    assert_eq!(read.header.unwrap().generation, 7);
}

#[test]
fn the_buffer_has_exactly_its_size() {
    let plain = encode(&with_one(), &header(), |header, body| key().sign(header, body)).unwrap();
    assert_eq!(plain.len(), plain.capacity());
}

#[test]
fn every_byte_of_header_and_body_is_signed() {
    let plain = written(&with_one());
    for index in 0..plain.len() {
        for change in [0x01, 0x20] {
            let mut changed = plain.clone();
            changed[index] ^= change;
            let read = decode(&changed);
            let same = |read: &Contents| {
                // White space between the three parts is nobody's.
                read.document == with_one() && index == plain.len() - 1
            };
            assert!(
                read.as_ref().map_or(true, |read| read.signature.is_err() || same(read)),
                "byte {index} ^ {change}"
            );
        }
    }
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let text = String::from_utf8(written(&with_one())).unwrap();
    let twice = [
        (r#""key":"one""#, r#""key":"two","key":"one""#),
        (r#""version":1"#, r#""version":2,"version":1"#),
        (r#""/config/api_key":"s3cret""#, r#""/config/api_key":"other","/config/api_key":"s3cret""#),
        (r#""recipients":[]"#, r#""x":1,"x":1,"recipients":[]"#),
        (r#""recipients":[]"#, r#""x":1,"\u0078":1,"recipients":[]"#),
        (r#""signature":"#, r#""signature":"","signature":"#),
    ];
    for (from, to) in twice {
        assert!(text.contains(from), "{from}");
        let (what, ..) = document_error(&text.replace(from, to));
        assert_eq!(what, "a member stands there twice", "{to}");
    }
}

#[test]
fn a_secret_without_a_place_and_a_place_without_a_secret_are_damage() {
    let text = String::from_utf8(written(&with_one())).unwrap();
    let contents = |text: &str| match decode(text.as_bytes()).err() {
        Some(Refusal::Damaged(Damage::Contents { credential, pointer, what })) => (credential, pointer, what),
        other => panic!("{other:?}"),
    };
    let no_place = text.replace(r#"{"$secret":"stored"}"#, "null");
    assert_eq!(
        contents(&no_place),
        ("default/one".to_owned(), "/config/api_key".to_owned(), "there is a secret, but no place for it")
    );
    let no_secret = text.replace(r#"{"/config/api_key":"s3cret"}"#, "{}");
    assert_eq!(
        contents(&no_secret),
        ("default/one".to_owned(), "/config/api_key".to_owned(), "the secret is missing")
    );
    let moved = text.replace(r#""/config/api_key":"s3cret""#, r#""/config/other":"s3cret""#);
    assert_eq!(contents(&moved).1, "/config/other");
}

#[test]
fn an_oauth_app_is_checked_like_a_credential() {
    let mut document = Document::new();
    let mut content = Content::default();
    content.set("/name", json!("graph"));
    content.set_secret("/client_secret", Secret::from("s3cret"));
    document.organization.oauth_apps.push(OauthApp { content });
    let text = String::from_utf8(written(&document)).unwrap();
    assert_eq!(decode(text.as_bytes()).unwrap().document, document);
    for (from, to) in [(r#"{"$secret":"stored"}"#, "null"), (r#"{"/client_secret":"s3cret"}"#, "{}")] {
        match decode(text.replace(from, to).as_bytes()).err() {
            Some(Refusal::Damaged(Damage::Contents { credential, pointer, .. })) => {
                assert_eq!(
                    (credential.as_str(), pointer.as_str()),
                    ("the OAuth app graph", "/client_secret")
                );
            }
            other => panic!("{other:?}"),
        }
    }
    // A vault without one reads and writes as it did before there were any.
    assert!(!String::from_utf8(written(&with_one())).unwrap().contains("oauth_apps"));
}

#[test]
fn errors_name_the_place_and_no_value() {
    let text = String::from_utf8(written(&with_one())).unwrap();
    let wrong = text.replace(r#""version":1"#, r#""version":"hunter2""#);
    let (what, line, column) = document_error(&wrong);
    assert_eq!((what.as_str(), line), ("a member is missing or of another type", 1));
    let place = wrong.find("hunter2").unwrap();
    assert!((place..=place + 8).contains(&column), "{column} {place}");
    // Two lines down.
    let (_, line, _) = document_error(&wrong.replace(r#""body":"#, "\n\n\"body\":"));
    assert_eq!(line, 3);
    assert_eq!(document_error("{\n ]"), ("not JSON".to_owned(), 2, 2));
    assert_eq!(document_error("{").0, "the text ends too early");
    assert!(matches!(
        decode(b"\n\xff").err(),
        Some(Refusal::Damaged(Damage::Document { line: 2, column: 1, .. }))
    ));
}

#[test]
fn unknown_members_beside_header_and_body_are_refused_for_nobody_signs_them() {
    let text = String::from_utf8(written(&with_one())).unwrap();
    let (what, ..) = document_error(&text.replace(r#","body""#, r#","extra":1,"body""#));
    assert_eq!(what, "a member is missing or of another type");
}

#[test]
fn unsigned_and_wrongly_signed_are_told_apart() {
    let text = String::from_utf8(written(&with_one())).unwrap();
    let value: Value = serde_json::from_str(&text).unwrap();
    let verdict = |value: &Value| decode(value.to_string().as_bytes()).unwrap().signature;
    assert_eq!(verdict(&value), Ok(()));
    let mut unsigned = value.clone();
    unsigned.as_object_mut().unwrap().shift_remove("signature");
    assert_eq!(verdict(&unsigned), Err(Forgery::Unsigned));
    let mut changed = value.clone();
    changed["body"]["organization"]["name"] = json!("x");
    assert_eq!(verdict(&changed), Err(Forgery::Signature));
    let mut other = value;
    other["header"]["writers"] = json!([]);
    assert_eq!(verdict(&other), Err(Forgery::NotAWriter));
}

#[test]
fn a_newer_format_is_recognized_whatever_else_it_holds() {
    let refusal = decode(br#"{"header":{"format":9},"chunks":[]}"#).err();
    assert_eq!(refusal, Some(Refusal::TooNew { found: 9, known: 1 }));
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>()
            .prop_filter("JSON has no such number", |number| number.is_finite())
            .prop_map(Value::from),
        any_text().prop_map(Value::from),
        Just(Placeholder::Missing.value()),
        Just(json!({ "$secret": "other" })),
        Just(json!({ "$secret": "stored", "and": 1 })),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((any_text(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
    .prop_filter("a placeholder without its secret", |value| {
        !value.to_string().contains(r#"{"$secret":"stored"}"#)
    })
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>(),
        "[a-z~/\"\\\\\u{0}\u{7f}\u{202e}é🔑]{0,8}",
        Just(r#"{"$secret":"stored"}"#.to_owned()),
        Just("$secret".to_owned()),
        Just(String::new()),
    ]
}

fn any_extra() -> impl Strategy<Value = Object> {
    prop::collection::vec((any_text(), any_value()), 0..3)
        .prop_map(|members| members.into_iter().map(|(name, value)| (format!("x-{name}"), value)).collect())
}

prop_compose! {
    fn any_content()(
        members in prop::collection::vec((any_text(), any_value()), 0..4),
        secrets in prop::collection::vec((any_text(), any_text()), 0..4),
    ) -> Content {
        let mut content = Content { document: members.into_iter().collect(), ..Content::default() };
        for (place, secret) in secrets {
            let place = crate::model::pointer::join("/config", &place);
            content.set_secret(&place, Secret::new(secret));
        }
        content
    }
}

prop_compose! {
    fn any_time()(seconds in -60_000_000_000_i64..60_000_000_000, nanos in 0_i32..1_000_000_000) -> Timestamp {
        Timestamp::new(seconds, if seconds < 0 { -nanos } else { nanos }).unwrap()
    }
}

prop_compose! {
    fn any_credential()(
        id in any_text(),
        content in any_content(),
        (version, proven_since) in any::<(u32, u32)>(),
        (created_at, updated_at) in (any_time(), any_time()),
        history in prop::collection::vec((any::<u32>(), any_time(), any_content()), 0..3),
        kept in any_content(),
        message in any_text(),
        status_code in any::<Option<u16>>(),
        extra in any_extra(),
    ) -> Credential {
        let record = TestRecord {
            at: created_at, version, outcome: Outcome::Limited, status_code, latency_ms: 3, message,
            facts: Learnt { who: Some("ann".to_owned()), scopes: Some(vec!["read".to_owned()]), expires_at: Some(created_at) },
        };
        let rotation = Rotation {
            stage: Stage::Switched, started_at: created_at, stage_at: updated_at, kept,
            places: vec!["/config/a".to_owned()], tested: Some(record.clone()), replaced: version % 2 == 0,
            extra: Object::new(),
        };
        let history = history.into_iter().map(|(number, at, content)| Version { number, at, content });
        let issued = Issued {
            tokens: TokenDigest::of([version.to_string().as_str()]), received_at: created_at, logged_in_at: Some(updated_at),
            refresh_expires_at: None, refused_at: (version % 2 == 0).then_some(updated_at),
        };
        Credential {
            id: Id(id), content, version, proven_since, created_at, updated_at,
            history: history.collect(), tests: vec![record],
            issued: (version % 3 == 0).then_some(issued),
            rotation: (version % 5 == 0).then(|| Box::new(rotation)), extra,
        }
    }
}

prop_compose! {
    fn any_kind()(
        id in any_text(),
        schema in any_extra(),
        version in any::<u32>(),
        (created_at, updated_at) in (any_time(), any_time()),
        history in prop::collection::vec((any::<u32>(), any_time(), any_extra()), 0..3),
        extra in any_extra(),
    ) -> KindDefinition {
        let history = history.into_iter().map(|(number, at, schema)| KindVersion { number, at, schema });
        KindDefinition { id, schema, version, created_at, updated_at, history: history.collect(), extra }
    }
}

prop_compose! {
    fn any_document()(
        name in any_text(),
        organization in any_extra(),
        oauth_apps in prop::collection::vec(any_content(), 0..3),
        kinds in prop::collection::vec(any_kind(), 0..3),
        solutions in prop::collection::vec((any_text(), any_extra()), 0..3),
        credentials in prop::collection::vec(any_credential(), 0..3),
        trash in prop::collection::vec((any_time(), any_credential()), 0..2),
        recipients in prop::collection::vec((any_text(), any_text(), any_time()), 0..3),
        workflows in prop::collection::vec((any_text(), any_time(), any_extra()), 0..3),
        audit_key in prop::option::of(any_text()),
        extra in any_extra(),
    ) -> Document {
        Document {
            organization: Organization {
                name,
                kinds,
                oauth_apps: oauth_apps.into_iter().map(|content| OauthApp { content }).collect(),
                extra: organization,
            },
            solutions: solutions.into_iter().map(|(name, extra)| Solution { name, extra }).collect(),
            credentials,
            trash: trash.into_iter().map(|(at, credential)| Removed { at, credential }).collect(),
            recipients: recipients
                .into_iter()
                .map(|(recipient, name, added_at)| Recipient { recipient, name, added_at })
                .collect(),
            workflows: workflows
                .into_iter()
                .map(|(name, scanned_at, extra)| Workflow {
                    path: format!("/{name}"),
                    solution: name.clone(),
                    references: vec![Mentioned { reference: name.clone(), line: 1 }],
                    name,
                    scanned_at,
                    extra,
                })
                .collect(),
            audit_key: audit_key.map(Secret::new),
            extra,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_document_reads_back_the_same(document in any_document()) {
        let plain = written(&document);
        let read = decode(&plain).map_err(|refusal| TestCaseError::fail(refusal.to_string()))?;
        prop_assert_eq!(&read.document, &document);
        prop_assert!(read.signature.is_ok());
        // The order of members too: what is written again is the same text.
        prop_assert_eq!(written_again(&read), plain);
    }
}

fn written_again(read: &Contents) -> Vec<u8> {
    let header = read.header.as_ref().unwrap();
    encode(&read.document, header, |header, body| key().sign(header, body)).unwrap().to_vec()
}

#[test]
fn a_writer_is_named_where_the_header_has_a_name() {
    let writer = |key: &str, name: &str| Writer { key: key.to_owned(), name: name.to_owned() };
    let header = Header { writers: vec![writer("k1", "Ann"), writer("k2", "")], ..header() };
    assert_eq!(["k1", "k2", "k3"].map(|key| header.writer_label(key)), ["Ann (k1)", "k2", "k3"]);
}

#[test]
fn a_header_that_no_program_writes_is_damage() {
    for header in [
        Header { format: 0, ..header() },
        Header { generation: 0, ..header() },
        Header { vault_id: "no UUID".to_owned(), ..header() },
    ] {
        let plain = encode(&Document::new(), &header, |header, body| key().sign(header, body)).unwrap();
        assert!(matches!(decode(&plain), Err(Refusal::Damaged(Damage::Document { .. }))), "{header:?}");
    }
}
