use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::model::{DEFAULT_SOLUTION, Outcome, TESTS_KEPT};
use crate::secret::Secret;

fn content(solution: &str, key: &str, secret: &str) -> Content {
    let document = json!({"solution": solution, "key": key, "kind": "secret", "config": {}});
    let mut content =
        Content { document: document.as_object().cloned().unwrap_or_default(), ..Content::default() };
    content.set_secret("/config/values/v", Secret::from(secret));
    content
}

fn removal(credential: &crate::model::Credential) -> Edit {
    Edit::Remove { id: credential.id.clone(), base: Box::new(credential.content.clone()) }
}

fn record(version: u32) -> TestRecord {
    TestRecord {
        at: Timestamp::UNIX_EPOCH,
        version,
        outcome: Outcome::Ok,
        status_code: Some(200),
        latency_ms: 1,
        message: String::new(),
        facts: crate::model::Learnt::default(),
    }
}

/// What must be the same after an edit and its inverse. Undoing an update makes a version, and restoring
/// from the trash moves to the end: neither is part of it.
fn essence(document: &Document) -> impl PartialEq + std::fmt::Debug + use<> {
    let mut credentials: Vec<_> = document
        .credentials
        .iter()
        .map(|c| (c.id.clone(), c.content.document.clone(), c.content.secrets.clone(), c.tests.clone()))
        .collect();
    credentials.sort_by(|a, b| a.0.cmp(&b.0));
    let mut solutions: Vec<_> = document.solutions.iter().map(|s| s.name.clone()).collect();
    solutions.sort();
    let kinds: Vec<_> =
        document.organization.kinds.iter().map(|k| (k.id.clone(), k.schema.clone())).collect();
    (credentials, solutions, document.oauth_apps().to_vec(), kinds, document.recipients.clone())
}

/// An edit in terms of "the n-th credential", so that random lists of them make sense.
#[derive(Clone, Debug)]
enum Wish {
    Create(u8, u8),
    Update(usize, u8, String),
    Remove(usize),
    Restore(usize),
    Test(usize),
    AddSolution(u8),
    RemoveSolution(u8),
    RenameSolution(u8, u8),
    Purge(usize),
    SetApp(u8, u8),
    RemoveApp(u8),
    Define(u8, u8),
    Undefine(u8),
    BeOf(usize, u8),
    Exchange(usize, u8),
}

fn wish() -> impl Strategy<Value = Wish> {
    prop_oneof![
        (0..3u8, 0..6u8).prop_map(|(s, k)| Wish::Create(s, k)),
        (0..8usize, 0..6u8, "\\PC{0,6}").prop_map(|(n, k, s)| Wish::Update(n, k, s)),
        (0..8usize).prop_map(Wish::Remove),
        (0..8usize).prop_map(Wish::Restore),
        (0..8usize).prop_map(Wish::Test),
        (0..3u8).prop_map(Wish::AddSolution),
        (0..3u8).prop_map(Wish::RemoveSolution),
        (0..3u8, 0..4u8).prop_map(|(from, to)| Wish::RenameSolution(from, to)),
        (0..8usize).prop_map(Wish::Purge),
        (0..3u8, 0..3u8).prop_map(|(name, id)| Wish::SetApp(name, id)),
        (0..3u8).prop_map(Wish::RemoveApp),
        (0..3u8, 0..4u8).prop_map(|(kind, title)| Wish::Define(kind, title)),
        (0..3u8).prop_map(Wish::Undefine),
        (0..8usize, 0..3u8).prop_map(|(n, kind)| Wish::BeOf(n, kind)),
        (0..8usize, 0..4u8).prop_map(|(n, token)| Wish::Exchange(n, token)),
    ]
}

fn solution(number: u8) -> String {
    if number == 0 { DEFAULT_SOLUTION.to_owned() } else { format!("s{number}") }
}

fn app(number: u8, client: u8) -> OauthApp {
    let mut content = Content::default();
    content.set("/name", json!(format!("app{number}")));
    content.set("/client_id", json!(client));
    content.set_secret("/client_secret", Secret::from("s"));
    OauthApp { content }
}

fn schema(title: u8) -> Object {
    json!({"title": title}).as_object().cloned().unwrap_or_default()
}

fn tokens(access: &str) -> Tokens {
    let mut tokens = Tokens::default();
    tokens.secrets.insert("access_token".to_owned(), Secret::from(access));
    tokens.plain.insert("expires_at".to_owned(), json!("2027-01-01T00:00:00Z"));
    tokens
}

fn exchange(credential: &crate::model::Credential, given: Tokens) -> Edit {
    let issued = given.digest().map(|tokens| Issued {
        tokens,
        received_at: Timestamp::UNIX_EPOCH,
        logged_in_at: None,
        refresh_expires_at: None,
        refused_at: None,
    });
    let seen = credential.content.tokens().digest();
    Edit::SetTokens { id: credential.id.clone(), seen, tokens: given, issued }
}

fn set_app(document: &Document, number: u8, after: Option<OauthApp>) -> Edit {
    let name = format!("app{number}");
    Edit::SetOauthApp { before: document.oauth_app(&name).cloned(), name, after }
}

fn edit(document: &Document, wish: Wish) -> Option<Edit> {
    let nth = |n: usize| document.credentials.get(n % document.credentials.len().max(1));
    Some(match wish {
        Wish::Create(s, k) => {
            Edit::Create { id: Id::new(), content: content(&solution(s), &format!("k{k}"), "x") }
        }
        Wish::Update(n, k, secret) => {
            let old = nth(n)?;
            let content = content(old.content.solution(), &format!("k{k}"), &secret);
            Edit::Update { id: old.id.clone(), base: Some(Box::new(old.content.clone())), content }
        }
        Wish::Remove(n) => removal(nth(n)?),
        Wish::Restore(n) => {
            Edit::Restore { id: document.trash.get(n % document.trash.len().max(1))?.credential.id.clone() }
        }
        Wish::Test(n) => Edit::RecordTest { id: nth(n)?.id.clone(), record: record(nth(n)?.version) },
        Wish::AddSolution(s) => Edit::AddSolution { solution: Solution::named(&solution(s)) },
        Wish::RemoveSolution(s) => Edit::RemoveSolution { name: solution(s) },
        Wish::RenameSolution(from, to) => {
            Edit::RenameSolution { from: solution(from), to: solution(to), except: Vec::new() }
        }
        Wish::Purge(n) => {
            Edit::Purge { id: document.trash.get(n % document.trash.len().max(1))?.credential.id.clone() }
        }
        Wish::SetApp(n, id) => set_app(document, n, Some(app(n, id))),
        Wish::RemoveApp(n) => set_app(document, n, None),
        Wish::Define(kind, title) => {
            let id = format!("kind{kind}");
            let expected = document.own_kind(&id).map(|known| known.version);
            Edit::DefineKind { id, expected, schema: schema(title) }
        }
        Wish::Exchange(n, token) => {
            let old = nth(n)?;
            // None given: the tokens were revoked.
            let given = if token > 0 { tokens(&format!("t{token}")) } else { Tokens::default() };
            exchange(old, given)
        }
        Wish::Undefine(kind) => Edit::RemoveKind { id: format!("kind{kind}") },
        Wish::BeOf(n, kind) => {
            let old = nth(n)?;
            // As in the program: what is of a kind was checked against it.
            document.own_kind(&format!("kind{kind}"))?;
            let mut content = old.content.clone();
            content.set("/kind", json!(format!("kind{kind}")));
            Edit::Update { id: old.id.clone(), base: None, content }
        }
    })
}

proptest! {
    #[test]
    fn every_edit_can_be_taken_back_and_a_refused_one_changes_nothing(
        wishes in proptest::collection::vec(wish(), 1..60),
    ) {
        let mut document = Document::new();
        let now = Timestamp::UNIX_EPOCH;
        for wish in wishes {
            let Some(edit) = edit(&document, wish) else { continue };
            let before = document.clone();
            let exact = matches!(
                edit,
                Edit::Purge { .. }
                    | Edit::RenameSolution { .. }
                    | Edit::SetOauthApp { .. }
                    | Edit::RemoveKind { .. }
                    | Edit::SetTokens { .. }
            );
            match document.apply(edit, now) {
                Err(_) => prop_assert_eq!(&document, &before),
                Ok(inverse) => {
                    let mut undone = document.clone();
                    undone.apply(inverse, now).map_err(|error| TestCaseError::fail(error.to_string()))?;
                    prop_assert_eq!(essence(&undone), essence(&before));
                    if exact {
                        prop_assert_eq!(&undone, &before);
                    }
                }
            }
            // Solution and key are unique, and every version is kept.
            let mut places: Vec<_> =
                document.credentials.iter().map(|c| (c.content.solution(), c.content.key())).collect();
            places.sort();
            let count = places.len();
            places.dedup();
            prop_assert_eq!(places.len(), count);
            for credential in &document.credentials {
                prop_assert_eq!(credential.history.len() + 1, credential.version as usize);
                prop_assert!(credential.tests.len() <= TESTS_KEPT);
            }
            for kind in &document.organization.kinds {
                prop_assert_eq!(kind.history.len() + 1, kind.version as usize);
            }
        }
    }
}

#[test]
fn a_change_of_something_else_than_its_writer_saw_is_a_conflict() {
    let mut document = Document::new();
    let now = Timestamp::UNIX_EPOCH;
    let id = Id::new();
    document.apply(Edit::Create { id: id.clone(), content: content("default", "a", "1") }, now).unwrap();
    let said = |secret: &str| content("default", "a", secret);
    let update = |secret: &str, base: Option<&str>| Edit::Update {
        id: id.clone(),
        base: base.map(|base| Box::new(said(base))),
        content: said(secret),
    };
    document.apply(update("2", Some("1")), now).unwrap();
    let conflict = Err(EditError::Conflict { key: "a".to_owned() });
    assert_eq!(document.apply(update("3", Some("1")), now), conflict);
    let remove = |base: &str| Edit::Remove { id: id.clone(), base: Box::new(said(base)) };
    assert_eq!(document.apply(remove("1"), now), conflict);
    document.apply(update("3", None), now).unwrap();
    assert_eq!(document.find("default", "a").unwrap().version, 3);
    document.apply(remove("3"), now).unwrap();
    let removed = Err(EditError::Removed { key: "a".to_owned() });
    assert_eq!(document.apply(update("4", Some("3")), now), removed);
    assert_eq!(document.apply(remove("3"), now), removed);
}

#[test]
fn a_test_of_an_older_version_vouches_only_while_nothing_it_proved_has_changed() {
    let mut document = Document::new();
    let now = Timestamp::UNIX_EPOCH;
    let id = Id::new();
    document.apply(Edit::Create { id: id.clone(), content: content("default", "a", "1") }, now).unwrap();
    document.apply(Edit::RecordTest { id: id.clone(), record: record(1) }, now).unwrap();
    let status = |document: &Document| {
        let facts = crate::model::Facts {
            complete: true,
            testable: true,
            now,
            expires_soon_secs: 0,
            proves_since: None,
            tokens: None,
        };
        document.by_id(&id).unwrap().status(facts).0
    };
    assert_eq!(status(&document), crate::model::Status::Active);
    let mut renamed = content("default", "b", "1");
    renamed.set("/notes", json!("renamed"));
    document.apply(Edit::Update { id: id.clone(), base: None, content: renamed }, now).unwrap();
    assert_eq!(status(&document), crate::model::Status::Active, "a name proves nothing");
    let other = content("default", "b", "2");
    document.apply(Edit::Update { id: id.clone(), base: None, content: other }, now).unwrap();
    assert_eq!(status(&document), crate::model::Status::Untested, "another secret");
    document.apply(Edit::RecordTest { id: id.clone(), record: record(2) }, now).unwrap();
    assert_eq!(status(&document), crate::model::Status::Untested, "a late result of an older version");
}

#[test]
fn tokens_are_replaced_only_where_they_are_those_that_the_exchange_started_from() {
    let mut document = Document::new();
    let now = Timestamp::UNIX_EPOCH;
    let id = Id::new();
    document.apply(Edit::Create { id: id.clone(), content: content("default", "a", "1") }, now).unwrap();
    let late = exchange(document.by_id(&id).unwrap(), tokens("late"));
    let first = exchange(document.by_id(&id).unwrap(), tokens("first"));
    document.apply(first, now).unwrap();
    let refused = document.apply(late.clone(), now).unwrap_err();
    assert_eq!(refused, EditError::TokensChanged("a".to_owned()));
    assert!(!format!("{refused} {late:?}").contains("late\""), "{refused} {late:?}");
    let credential = document.by_id(&id).unwrap();
    assert_eq!((credential.version, credential.history.len()), (1, 0), "an exchange makes no version");
    assert_eq!(credential.content.tokens(), tokens("first"));
    assert_eq!(credential.issued().unwrap().tokens, tokens("first").digest().unwrap());
    assert_eq!(credential.content.secret("/config/values/v"), Some(&Secret::from("1")));
    // What a person enters is nothing that an exchange gave.
    let mut entered = credential.content.clone();
    entered.set_tokens(&tokens("entered"));
    document.apply(Edit::Update { id: id.clone(), base: None, content: entered }, now).unwrap();
    assert_eq!(document.by_id(&id).unwrap().issued(), None);
}

#[test]
fn a_copy_has_the_structure_and_no_secret() {
    let mut document = Document::new();
    let now = Timestamp::UNIX_EPOCH;
    document.apply(Edit::AddSolution { solution: Solution::named("prod") }, now).unwrap();
    let mut original = content("prod", "a", "v-secret");
    original.set("/config/base_url", json!("https://api.example.com"));
    original.set("/config/app", json!("graph"));
    original.set("/config/tokens/expires_at", json!("2027-01-01T00:00:00Z"));
    original.set_secret("/config/tokens/access_token", Secret::from("t-secret"));
    original.set("/test", json!({"path": "/me"}));
    original.set("/tags", json!(["x"]));
    original.set("/unheard_of", json!({"of": 1}));
    let id = Id::new();
    document
        .apply(Edit::Create { id: id.clone(), content: content("prod", "a", "old-secret") }, now)
        .unwrap();
    document.apply(Edit::Update { id: id.clone(), base: None, content: original }, now).unwrap();
    document.apply(Edit::RecordTest { id, record: record(2) }, now).unwrap();
    let before = document.clone();

    let mut inverses = Vec::new();
    for edit in copies(&document, "prod", "stage").unwrap() {
        inverses.push(document.apply(edit, now).unwrap());
    }
    let copy = document.find("stage", "a").unwrap();
    assert!(copy.content.secrets.is_empty() && copy.history.is_empty() && copy.tests.is_empty());
    assert_eq!(
        serde_json::to_value(&copy.content.document).unwrap(),
        json!({
            "solution": "stage", "key": "a", "kind": "secret",
            "config": {
                "values": {"v": {"$secret": "missing"}}, "base_url": "https://api.example.com", "app": "graph",
            },
            "test": {"path": "/me"}, "tags": ["x"], "unheard_of": {"of": 1},
        })
    );
    assert_eq!(document.find("prod", "a"), before.find("prod", "a"));
    for inverse in inverses.into_iter().rev() {
        document.apply(inverse, now).unwrap();
    }
    assert_eq!(essence(&document), essence(&before));

    assert_eq!(copies(&document, "nothing", "x"), Err(EditError::NoSolution("nothing".to_owned())));
    assert_eq!(copies(&document, "prod", "default"), Err(EditError::SolutionTaken("default".to_owned())));
}

#[test]
fn a_renamed_solution_takes_its_removed_credentials_along() {
    let mut document = Document::new();
    let now = Timestamp::UNIX_EPOCH;
    let mut made = Vec::new();
    for name in ["old", "gone"] {
        document.apply(Edit::AddSolution { solution: Solution::named(name) }, now).unwrap();
        let id = Id::new();
        document.apply(Edit::Create { id: id.clone(), content: content(name, "a", "1") }, now).unwrap();
        document.apply(removal(document.by_id(&id).unwrap()), now).unwrap();
        made.push(id);
    }
    document.apply(Edit::RemoveSolution { name: "gone".to_owned() }, now).unwrap();
    let before = document.clone();
    let rename = Edit::RenameSolution { from: "old".to_owned(), to: "gone".to_owned(), except: Vec::new() };
    let inverse = document.apply(rename, now).unwrap();
    assert!(document.trash.iter().all(|removed| removed.credential.content.solution() == "gone"));
    document.apply(inverse, now).unwrap();
    assert_eq!(document, before);
    let refused = |document: &mut Document, from: &str, to: &str| {
        let rename = Edit::RenameSolution { from: from.to_owned(), to: to.to_owned(), except: Vec::new() };
        document.apply(rename, now).unwrap_err()
    };
    assert_eq!(refused(&mut document, "default", "x"), EditError::SolutionStays("default".to_owned()));
    assert_eq!(refused(&mut document, "old", "default"), EditError::SolutionTaken("default".to_owned()));
    assert_eq!(refused(&mut document, "nothing", "x"), EditError::NoSolution("nothing".to_owned()));
}

#[test]
fn an_oauth_app_in_use_stays() {
    let mut document = Document::new();
    let now = Timestamp::UNIX_EPOCH;
    let put = set_app(&document, 1, Some(app(1, 1)));
    document.apply(put.clone(), now).unwrap();
    assert_eq!(document.apply(put, now), Err(EditError::OauthAppConflict("app1".to_owned())));
    let mut alias = content("default", "mail", "x");
    alias.set("/kind", json!("oauth_alias"));
    alias.set("/config/app", json!("app1"));
    let id = Id::new();
    document.apply(Edit::Create { id: id.clone(), content: alias }, now).unwrap();
    let remove = set_app(&document, 1, None);
    let refused = EditError::OauthAppInUse { name: "app1".to_owned(), by: vec!["default/mail".to_owned()] };
    assert_eq!(document.apply(remove.clone(), now), Err(refused));
    document.apply(set_app(&document, 1, Some(app(1, 2))), now).unwrap();
    document.apply(removal(document.by_id(&id).unwrap()), now).unwrap();
    assert_eq!(document.apply(remove, now), Err(EditError::OauthAppConflict("app1".to_owned())));
    document.apply(set_app(&document, 1, None), now).unwrap();
    assert!(document.oauth_apps().is_empty());
}

#[test]
fn a_kind_keeps_its_versions_and_stays_while_something_is_of_it() {
    let mut document = Document::new();
    let now = Timestamp::UNIX_EPOCH;
    let define = |expected, title| Edit::DefineKind { id: "own".to_owned(), expected, schema: schema(title) };
    let remove = Edit::RemoveKind { id: "own".to_owned() };
    assert_eq!(document.apply(remove.clone(), now), Err(EditError::NoKind("own".to_owned())));
    assert_eq!(document.apply(define(Some(1), 1), now), Err(EditError::NoKind("own".to_owned())));
    document.apply(define(None, 1), now).unwrap();
    assert_eq!(document.apply(define(None, 2), now), Err(EditError::KindTaken("own".to_owned())));
    let back = document.apply(define(Some(1), 2), now).unwrap();
    let conflict = EditError::KindConflict { id: "own".to_owned(), expected: 1, found: 2 };
    assert_eq!(document.apply(define(Some(1), 3), now), Err(conflict));
    assert_eq!(document.own_kind("own").unwrap().history[0].schema, schema(1));
    document.apply(back, now).unwrap();
    let own = document.own_kind("own").unwrap();
    assert_eq!((own.version, &own.schema, own.history.len()), (3, &schema(1), 2));

    let mut user = content("default", "a", "1");
    user.set("/kind", json!("own"));
    let id = Id::new();
    document.apply(Edit::Create { id: id.clone(), content: user }, now).unwrap();
    let by = |by: &str| Err(EditError::KindInUse { id: "own".to_owned(), by: vec![by.to_owned()] });
    assert_eq!(document.apply(remove.clone(), now), by("default/a"));
    document.apply(removal(document.by_id(&id).unwrap()), now).unwrap();
    assert_eq!(document.apply(remove.clone(), now), by("default/a (in the trash)"));
    document.apply(Edit::Purge { id }, now).unwrap();
    document.apply(remove, now).unwrap();
    assert!(document.organization.kinds.is_empty());
}

#[test]
fn a_step_of_a_rotation_follows_the_one_that_its_writer_saw() {
    use crate::model::Rotation;
    let mut document = Document::new();
    let id = Id::new();
    let now = Timestamp::UNIX_EPOCH;
    document.apply(Edit::Create { id: id.clone(), content: content("default", "k", "old") }, now).unwrap();
    let next = content("default", "k", "new");
    let rotation = Box::new(Rotation::begin(None, &document.credentials[0].content, &next, now).unwrap());
    let begun = |seen| Edit::SetRotation { id: id.clone(), seen, rotation: Some(rotation.clone()) };
    let before = document.clone();
    let back = document.apply(begun(None), now).unwrap();
    assert_eq!(document.credentials[0].version, 1, "it makes no version");
    let after = document.clone();
    assert_eq!(document.apply(begun(None), now), Err(EditError::RotationChanged("k".to_owned())));
    assert_eq!(document, after);
    document.apply(back, now).unwrap();
    assert_eq!(document, before);
}

#[test]
fn a_solution_takes_its_workflows_along() {
    let mut document = Document::new();
    let now = Timestamp::UNIX_EPOCH;
    document.apply(Edit::AddSolution { solution: Solution::named("a") }, now).unwrap();
    let workflow = Workflow {
        name: "x".to_owned(),
        path: "/x".to_owned(),
        solution: "a".to_owned(),
        scanned_at: now,
        references: Vec::new(),
        extra: Object::new(),
    };
    let scanned = Edit::SetWorkflows { under: vec!["/x".to_owned()], workflows: vec![workflow] };
    document.apply(scanned, now).unwrap();
    let edit = Edit::RenameSolution { from: "a".to_owned(), to: "b".to_owned(), except: Vec::new() };
    let back = document.apply(edit, now).unwrap();
    assert_eq!(document.workflows[0].solution, "b");
    document.apply(back, now).unwrap();
    assert_eq!(document.workflows[0].solution, "a");
}
