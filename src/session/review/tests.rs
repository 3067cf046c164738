use super::super::changes;
use super::*;
use crate::model::{Learnt, Outcome, Solution, TestRecord};

fn at(day: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + day * 86_400).unwrap()
}

/// A vault with these documents, each stored on day 0, in which nothing is to be found but what a test adds.
fn vault(documents: Value) -> Document {
    let mut document = Document::new();
    document.apply(Edit::AddSolution { solution: Solution::named("shop-prod") }, at(0)).unwrap();
    let documents: Vec<Value> = documents
        .as_array()
        .unwrap()
        .iter()
        .map(|own| {
            let mut whole =
                json!({"key": "shop.orders", "owner": "ann", "notes": "orders", "kind": "bearer_token"});
            whole["config"] = json!({"base_url": "https://api.example.com", "token": "Zx8kQ2vN7mR4tW9p"});
            for (name, value) in own.as_object().unwrap() {
                whole[name] = value.clone();
            }
            whole
        })
        .collect();
    let text = Value::from(documents).to_string();
    for change in changes(&document, Kinds::builtin(), &text, "default", "text").unwrap() {
        for edit in change.edits(None) {
            document.apply(edit, at(0)).unwrap();
        }
    }
    document
}

/// All that is found on a day, a line each; every credential was used on day 0.
fn found(document: &Document, day: i64) -> Vec<String> {
    let mut usage = Usage::default();
    document.credentials.iter().for_each(|credential| usage.add(&credential.id, at(0)));
    lines(&review(
        document,
        Kinds::builtin(),
        &usage,
        Standard { now: at(day), expiring_days: 14, unused_days: 90 },
    ))
}

fn lines(findings: &[Finding]) -> Vec<String> {
    let line = |finding: &Finding| {
        format!("{} {} {}: {}", finding.check.word(), finding.key, finding.with.join(" "), finding.detail)
    };
    findings.iter().map(|finding| line(finding).replace(" :", ":")).collect()
}

fn tested(document: &mut Document, outcome: Outcome, facts: Learnt) {
    let credential = &document.credentials[0];
    let record = TestRecord {
        at: at(0),
        version: credential.version,
        outcome,
        status_code: None,
        latency_ms: 1,
        message: "as it is".into(),
        facts,
    };
    document.apply(Edit::RecordTest { id: credential.id.clone(), record }, at(0)).unwrap();
}

#[test]
fn what_is_in_order_is_not_found() {
    let mut document = vault(json!([{"test": {"path": "/me"}}]));
    tested(&mut document, Outcome::Ok, Learnt::default());
    assert_eq!(found(&document, 1), [""; 0]);
}

#[test]
fn states_schedules_and_uses() {
    let mut document =
        vault(json!([{"test": {"path": "/me"}, "rotate_every_days": 30, "expires_at": "2026-12-01"}]));
    assert_eq!(found(&document, 1), ["untested shop.orders: never tested"]);
    tested(&mut document, Outcome::Rejected, Learnt::default());
    assert_eq!(found(&document, 1), ["failing shop.orders: rejected: as it is"]);
    assert_eq!(
        found(&document, 71)[..2],
        [
            "expiring shop.orders: ends on 2026-12-02, in 0 days".replace("in 0 days", "within a day"),
            "rotation_due shop.orders: its secret is 71 days old, and to be replaced every 30 days"
                .to_owned(),
        ],
    );
    assert_eq!(found(&document, 91)[2], "unused shop.orders: last used on 2026-09-21, 91 days ago",);
    let standard = Standard { now: at(3), expiring_days: 14, unused_days: 90 };
    let never = review(&document, Kinds::builtin(), &Usage::default(), standard);
    assert_eq!(lines(&never)[1], "unused shop.orders: never used in the 3 days since it was made");
}

#[test]
fn secrets_are_compared_with_all_others_and_weighed() {
    let token = |value: &str| json!({"base_url": "https://api.example.com", "token": value});
    let document = vault(json!([
        {"key": "shop.a"},
        {"key": "shop.b", "solution": "shop-prod"},
        {"key": "shop.c", "config": token("sk_test_Zx8kQ2vN7mR4tW9p"), "solution": "shop-prod"},
        {"key": "shop.d", "config": token("sk_test_8kQ2vN7mR4tW9pZx")},
        {"key": "shop.e", "config": token("Summer2026")},
        {"key": "shop.f", "kind": "secret", "config": {"values": {"DEBUG": "true", "URL": "https://x.example"}}},
        {"key": "shop.g", "kind": "secret", "config": {"values": {"DEBUG": "true", "URL": "https://x.example"}}},
    ]));
    let found = found(&document, 0);
    assert_eq!(
        found[..3],
        [
            "test_in_prod shop.c: its Token begins with sk_test_, as keys for tests do",
            "reused shop.a shop-prod/shop.b: its Token is also that of shop-prod/shop.b",
            "reused shop.b default/shop.a: its Token is also that of default/shop.a",
        ]
    );
    assert!(
        found[3].starts_with("weak shop.e: its Token is guessed in about 10^") && found.len() == 4,
        "{found:#?}"
    );
    assert!(!found.concat().contains("Summer"), "{found:?}");
}

#[test]
fn a_host_for_tests_counts_in_production_only() {
    let config = json!({"base_url": "https://staging.example.com", "token": "Zx8kQ2vN7mR4tW9p"});
    let document = vault(json!([{"config": config.clone(), "solution": "shop-prod"}]));
    assert_eq!(found(&document, 0), ["test_in_prod shop.orders: its host is called staging"]);
    assert_eq!(found(&vault(json!([{"config": config}])), 0), [""; 0]);
}

#[test]
fn labels_say_whose_it_is_and_what_for() {
    let document = vault(json!([{"key": "api-key2", "owner": " ", "notes": ""}]));
    assert_eq!(
        found(&document, 0),
        [
            "undocumented api-key2: no owner, neither description nor notes",
            "naming api-key2: its key names neither a service nor a purpose",
        ]
    );
}

#[test]
fn scopes_beyond_what_is_asked_for_and_broad_ones() {
    let tokens = json!({"access_token": "Zx8kQ2vN7mR4tW9p", "scope": "read write"});
    let config = |scopes: Value| {
        json!({"grant": "device_code", "client_id": "c", "issuer": "https://id.example",
        "scopes": scopes, "tokens": tokens, "base_url": "https://api.example.com"})
    };
    let document = vault(json!([{"kind": "oauth2", "config": config(json!(["read"]))}]));
    assert!(
        found(&document, 0)
            .contains(&"broad_scope shop.orders: granted without being asked for: write".to_owned())
    );
    // The control: all that was granted was asked for.
    let document = vault(json!([{"kind": "oauth2", "config": config(json!(["read", "write"]))}]));
    assert!(!found(&document, 0).concat().contains("broad_scope"));
    let mut document = vault(json!([{"test": {"path": "/me"}}]));
    let facts = Learnt { scopes: Some(vec!["admin:org".into(), "read:user".into()]), ..Learnt::default() };
    tested(&mut document, Outcome::Ok, facts);
    assert_eq!(found(&document, 0), ["broad_scope shop.orders: broad by name: admin:org"]);
}

#[test]
fn what_is_left_out_is_told_with_its_reason_and_counts_again() {
    let mut document = vault(json!([{"owner": ""}]));
    let credential = document.credentials[0].clone();
    let edit = exclude(&credential, Check::Undocumented, Some(" it is a sample ")).unwrap();
    document.apply(edit, at(1)).unwrap();
    let standard = Standard { now: at(1), expiring_days: 14, unused_days: 90 };
    let mut usage = Usage::default();
    usage.add(&credential.id, at(0));
    let found = review(&document, Kinds::builtin(), &usage, standard);
    assert_eq!(found[0].excluded.as_deref(), Some("it is a sample"));
    assert_eq!(counted(&found), "0 findings, 1 left out");
    let credential = document.credentials[0].clone();
    let back = exclude(&credential, Check::Undocumented, None).unwrap();
    document.apply(back, at(1)).unwrap();
    assert!(document.credentials[0].content.get(&format!("/{EXCLUDE}")).is_none());
    let found = review(&document, Kinds::builtin(), &usage, standard);
    assert_eq!(counted(&found), "1 finding (1 undocumented)");
    let again = exclude(&document.credentials[0], Check::Undocumented, None).unwrap_err();
    assert_eq!((again.exit, again.code), (Exit::NotFound, "not_excluded"));
    let empty = exclude(&document.credentials[0], Check::Unused, Some(" ")).unwrap_err();
    assert_eq!(empty.exit, Exit::Usage);
}

#[test]
fn pages_hold_what_was_found_and_nothing_that_acts() {
    let hostile = "<script>alert(1)</script> | ](http://evil) \u{1b}[31m `x` &amp;";
    let mut document = vault(json!([{"owner": ""}]));
    let edit = exclude(&document.credentials[0], Check::Undocumented, Some(hostile)).unwrap();
    document.apply(edit, at(1)).unwrap();
    let found = review(
        &document,
        Kinds::builtin(),
        &Usage::default(),
        Standard { now: at(1), expiring_days: 1, unused_days: 1 },
    );
    let signed = SignedOff { at: at(0), who: hostile.to_owned(), note: "fine".to_owned() };
    let markdown = markdown(hostile, &found, Some(&signed), at(1));
    insta::assert_snapshot!(markdown);
    let html = html(hostile, &found, Some(&signed), at(1));
    for page in [&markdown, &html] {
        assert!(!page.contains('\u{1b}') && !page.contains("<script"), "{page}");
    }
    assert!(html.contains("&lt;script&gt;alert(1)&lt;/script&gt;") && html.contains("default-src 'none'"));
}
