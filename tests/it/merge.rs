//! Two programs with one vault: what they changed is put together, or a person is asked; nothing is lost.

use credbench::model::{Content, Credential, Edit, Id, Outcome, TestRecord};
use credbench::problem::{Exit, Problem};
use credbench::secret::Secret;
use credbench::session::{Saved, Session, changes, removal};
use credbench::vault::OpenPolicy;
use serde_json::json;

use crate::support::home::Account;
use crate::support::server::{Server, json as answer};
use crate::support::terminal::OnTerminal;
use crate::support::ui::put;
use crate::support::vault::{Home, now};

const SHARED: &str = r#"{"key":"shared","kind":"api_key","tags":["one"],
    "config":{"base_url":"https://api.example.com/v1","api_key":"s-0"}}"#;

/// Two programs that opened the same vault.
struct Two {
    home: Home,
    first: Session,
    second: Session,
}

impl Two {
    fn with(documents: &str) -> Self {
        let home = Home::with_vault();
        put(&home, documents);
        let open =
            || Session::open(&home.places(), home.keyring(), OpenPolicy::Strict, now()).unwrap().session;
        let (first, second) = (open(), open());
        Self { home, first, second }
    }

    fn stored(&self, key: &str) -> Credential {
        self.home.open().unwrap().document.find("default", key).unwrap().clone()
    }
}

/// Changes the only credential as a program does that saw what the session saw.
fn change(session: &mut Session, change: impl FnOnce(&mut Content)) -> Result<Saved, Problem> {
    let edit = update(session, change);
    session.commit(vec![edit], now())
}

fn update(session: &Session, change: impl FnOnce(&mut Content)) -> Edit {
    let credential = &session.document().credentials[0];
    let mut content = credential.content.clone();
    change(&mut content);
    Edit::Update { id: credential.id.clone(), base: Some(Box::new(credential.content.clone())), content }
}

#[track_caller]
fn refused(result: Result<Saved, Problem>) -> String {
    let problem = result.unwrap_err();
    assert_eq!((problem.exit, problem.code), (Exit::Refused, "conflict"), "{problem}");
    problem.message
}

#[test]
fn different_fields_are_put_together_and_both_versions_stay() {
    let mut two = Two::with(SHARED);
    change(&mut two.first, |content| {
        content.set("/notes", json!("theirs"));
        content.set("/tags", json!(["one", "theirs"]));
    })
    .unwrap();
    let saved = change(&mut two.second, |content| {
        content.set_secret("/config/api_key", Secret::from("s-1"));
        content.set("/tags", json!(["mine"]));
    })
    .unwrap();
    assert!(saved.merged);
    assert_eq!(saved.notes, ["shared: another program's change of notes was kept"]);
    let stored = two.stored("shared");
    assert_eq!(stored.version, 3);
    assert_eq!(stored.content.get_str("/notes"), Some("theirs"));
    assert_eq!(stored.content.secret("/config/api_key").unwrap().expose(), "s-1");
    assert_eq!(stored.content.tags(), ["mine", "theirs"]);
    // Taking it back takes back what this program changed, and no more.
    let undone = two.second.commit(saved.inverses, now()).unwrap().document;
    assert_eq!(undone.credentials[0].content, *stored.version_content(2).unwrap());
}

#[test]
fn one_field_changed_twice_is_refused_by_name_and_nothing_is_written() {
    let mut two = Two::with(SHARED);
    change(&mut two.first, |content| {
        content.set("/config/base_url", json!("https://api.example.com/v2"));
        content.set_secret("/config/api_key", Secret::from("s-theirs"));
    })
    .unwrap();
    let before = std::fs::read(two.home.vault()).unwrap();
    let message = refused(change(&mut two.second, |content| {
        content.set("/config/base_url", json!("https://api.example.com/v3"));
        content.set_secret("/config/api_key", Secret::from("s-mine"));
        content.set("/notes", json!("mine"));
    }));
    assert!(message.contains("base_url, api_key") && !message.contains("s-"), "{message}");
    assert_eq!(std::fs::read(two.home.vault()).unwrap(), before);
    // Control: the same change twice is none.
    let saved = change(&mut two.second, |content| content.set("/notes", json!("mine"))).unwrap();
    assert_eq!(saved.version_of(&two.stored("shared").id), 3);
}

#[test]
fn the_same_change_on_both_sides_makes_no_version() {
    let mut two = Two::with(SHARED);
    change(&mut two.first, |content| content.set("/notes", json!("same"))).unwrap();
    change(&mut two.second, |content| content.set("/notes", json!("same"))).unwrap();
    assert_eq!(two.stored("shared").version, 2);
    assert_eq!(two.home.open().unwrap().store.header().generation, 3);
}

#[test]
fn a_secret_never_goes_to_an_address_that_it_was_not_given_for() {
    let moved = |content: &mut Content| {
        content.set("/config/base_url", json!("https://elsewhere.example"));
        // The same secret, given anew with the address.
        content.set_secret("/config/api_key", Secret::from("s-0"));
    };
    let rotated = |content: &mut Content| content.set_secret("/config/api_key", Secret::from("s-1"));
    let mut two = Two::with(SHARED);
    change(&mut two.first, rotated).unwrap();
    assert!(refused(change(&mut two.second, moved)).contains("base_url, api_key"));
    let mut two = Two::with(SHARED);
    change(&mut two.first, moved).unwrap();
    refused(change(&mut two.second, rotated));
    // Control: the same host.
    let mut two = Two::with(SHARED);
    change(&mut two.first, rotated).unwrap();
    change(&mut two.second, |content| content.set("/config/base_url", json!("https://api.example.com/v9")))
        .unwrap();
}

#[test]
fn what_would_not_fit_its_kind_is_not_put_together() {
    let tls = r#"{"key":"db","kind":"database","config":{"engine":"postgres","host":"db.example","tls":"verify-full"}}"#;
    let mut two = Two::with(tls);
    change(&mut two.first, |content| content.set("/config/username", json!("theirs"))).unwrap();
    change(&mut two.second, |content| content.set("/config/tls", json!("require"))).unwrap();
    // Another kind on one side, another field of the old kind on the other.
    let mut two = Two::with(SHARED);
    change(&mut two.first, |content| {
        content.set("/config/placement", json!({"in": "header", "name": "X-Key"}))
    })
    .unwrap();
    let message = refused(change(&mut two.second, |content| {
        content.set("/kind", json!("bearer_token"));
        content.remove("/config/api_key");
        content.set_secret("/config/token", Secret::from("t"));
    }));
    assert!(message.contains("kind") && message.contains("placement"), "{message}");
}

#[test]
fn a_removal_and_a_change_are_refused_and_two_removals_are_one() {
    let mut two = Two::with(SHARED);
    let remove = |session: &Session| vec![removal(&session.document().credentials[0])];
    let stale = remove(&two.second);
    change(&mut two.first, |content| content.set("/notes", json!("theirs"))).unwrap();
    let message = refused(two.second.commit(stale, now()));
    assert!(message.contains("notes"), "{message}");
    assert_eq!(two.stored("shared").version, 2);
    let (first, second) = (remove(&two.second), remove(&two.second));
    let late = update(&two.second, |content| content.set("/notes", json!("late")));
    two.first.refresh().unwrap();
    two.first.commit(first, now()).unwrap();
    assert!(refused(two.second.commit(vec![late], now())).contains("removed"));
    two.second.commit(second, now()).unwrap();
    assert_eq!(two.home.open().unwrap().document.trash.len(), 1);
}

#[test]
fn a_solution_renamed_meanwhile_takes_the_change_along() {
    let mut two = Two::with(SHARED);
    let solution = Edit::AddSolution { solution: credbench::model::Solution::named("old") };
    let moved = update(&two.first, |content| content.set("/solution", json!("old")));
    two.first.commit(vec![solution, moved], now()).unwrap();
    two.second.refresh().unwrap();
    let rename = Edit::RenameSolution { from: "old".to_owned(), to: "new".to_owned(), except: Vec::new() };
    two.first.commit(vec![rename], now()).unwrap();
    change(&mut two.second, |content| content.set("/notes", json!("mine"))).unwrap();
    let document = two.home.open().unwrap().document;
    assert_eq!(document.find("new", "shared").unwrap().content.get_str("/notes"), Some("mine"));
}

#[test]
fn a_test_vouches_only_for_what_it_tested() {
    let record = |version| TestRecord {
        at: now(),
        version,
        outcome: Outcome::Ok,
        status_code: Some(200),
        latency_ms: 1,
        message: String::new(),
        facts: credbench::model::Learnt::default(),
    };
    for (theirs, kept) in [("/notes", true), ("/config/base_url", false)] {
        let mut two = Two::with(SHARED);
        let value = json!("https://api.example.com/v2");
        change(&mut two.first, |content| content.set(theirs, value)).unwrap();
        let id = two.second.document().credentials[0].id.clone();
        let edit = update(&two.second, |content| content.set_secret("/config/api_key", Secret::from("s-1")));
        two.second.commit(vec![edit, Edit::RecordTest { id, record: record(2) }], now()).unwrap();
        let tests: Vec<u32> = two.stored("shared").tests.iter().map(|test| test.version).collect();
        assert_eq!(tests, if kept { vec![3] } else { vec![] }, "{theirs}");
    }
}

#[test]
fn results_of_a_test_of_what_was_removed_meanwhile_do_not_stop_the_others() {
    let documents = format!("[{SHARED},{}]", SHARED.replace("shared", "other"));
    let mut two = Two::with(&documents);
    let records = two.second.document().credentials.iter().map(|credential| Edit::RecordTest {
        id: credential.id.clone(),
        record: TestRecord {
            at: now(),
            version: 1,
            outcome: Outcome::Ok,
            status_code: None,
            latency_ms: 1,
            message: String::new(),
            facts: credbench::model::Learnt::default(),
        },
    });
    let records = records.collect();
    let gone = removal(&two.first.document().credentials[0]);
    two.first.commit(vec![gone], now()).unwrap();
    two.second.commit(records, now()).unwrap();
    assert_eq!(two.stored("other").tests.len(), 1);
}

#[test]
fn recipients_that_two_programs_add_are_all_there() {
    let mut two = Two::with(SHARED);
    let stranger = || age::x25519::Identity::generate().to_public().to_string();
    let add = |session: &mut Session| {
        let before = session.document().recipients.clone();
        let mut after = before.clone();
        after.push(credbench::model::Recipient {
            recipient: stranger(),
            name: String::new(),
            added_at: now(),
        });
        session.commit(vec![Edit::SetRecipients { before, after }], now()).unwrap()
    };
    add(&mut two.first);
    let saved = add(&mut two.second);
    assert_eq!(saved.document.recipients.len(), 3);
    // Taking one back leaves the other.
    assert_eq!(two.second.commit(saved.inverses, now()).unwrap().document.recipients.len(), 2);
}

#[test]
fn oauth_apps_are_put_together_field_by_field() {
    let home = Account::with_vault();
    let app = r#"{"name":"mail","client_id":"c","token_url":"https://login.example/token","scopes":["a"]}"#;
    home.command().args(["oauth-app", "put"]).input(app).run().succeeds();
    let open = || home.session().session;
    let (mut first, mut second) = (open(), open());
    let set = |session: &mut Session, place: &str, value: serde_json::Value| {
        let before = session.document().oauth_app("mail").cloned();
        let mut after = before.clone().unwrap();
        after.content.set(place, value);
        session.commit(vec![Edit::SetOauthApp { name: "mail".to_owned(), before, after: Some(after) }], now())
    };
    let stale = |session: &Session| session.document().oauth_app("mail").cloned();
    let seen = stale(&second);
    set(&mut first, "/scopes", json!(["a", "b"])).unwrap();
    let saved = set(&mut second, "/client_id", json!("d")).unwrap();
    let stored = saved.document.oauth_app("mail").unwrap().content.clone();
    assert_eq!(stored.get("/scopes"), Some(&json!(["a", "b"])));
    assert_eq!(stored.get("/client_id"), Some(&json!("d")));
    let mut after = seen.clone().unwrap();
    after.content.set("/client_id", json!("e"));
    let edit = Edit::SetOauthApp { name: "mail".to_owned(), before: seen, after: Some(after) };
    assert!(refused(second.commit(vec![edit], now())).contains("client_id"));
}

/// An account with a credential that is tested at a service; what the service does while it is asked.
fn while_tested(during: impl Fn(&Account) + Send + Sync + 'static) -> (std::sync::Arc<Account>, Server) {
    let account = std::sync::Arc::new(Account::with_vault());
    let other = account.clone();
    let server = Server::start(move |_| {
        during(&other);
        answer(200, "{}")
    });
    (account, server)
}

fn tested(server: &Server, more: &str) -> String {
    format!(
        r#"{{"key":"shared","kind":"bearer_token","test":{{"path":"/me"}}{more},
            "config":{{"base_url":"{}","token":"right"}}}}"#,
        server.url()
    )
}

#[test]
fn put_merges_what_another_program_saved_while_it_tested() {
    let (account, server) = while_tested(|account| {
        let path = account.home.join("theirs.json");
        account.run(&["put", "--no-test", "--json-file", path.to_str().unwrap()]).succeeds();
    });
    account.put(&tested(&server, ""));
    account.write("theirs.json", &tested(&server, r#","notes":"theirs""#));
    let done = account.command().args(["put"]).input(tested(&server, r#","owner":"mine""#)).run();
    let done = done.succeeds();
    assert_eq!(done.out, "shared  updated, version 3\n");
    assert!(done.err.contains("shared: another program's change of notes was kept"), "{}", done.err);
    let shown = account.run(&["show", "shared", "--json"]).json();
    assert_eq!((&shown["notes"], &shown["owner"]), (&json!("theirs"), &json!("mine")));

    account.write("theirs.json", &tested(&server, r#","owner":"other""#));
    let done = account.command().args(["put", "--json"]).input(tested(&server, r#","owner":"third""#)).run();
    let error = done.exits(5).error();
    assert_eq!(error["code"], "conflict");
    assert!(error["message"].as_str().unwrap().contains("owner"), "{error}");
    assert_eq!(account.run(&["show", "shared", "--json"]).json()["owner"], "other");
}

#[test]
fn a_removal_that_was_asked_about_does_not_take_a_newer_change_along() {
    let account = Account::with_vault();
    account.put(r#"{"key":"a","kind":"secret","config":{"values":{"v":"1"}}}"#);
    let mut terminal = OnTerminal::start(&account, &["remove", "a"]);
    terminal.sees("Remove a from default?");
    account.put(r#"{"key":"a","kind":"secret","notes":"n","config":{"values":{"v":"1"}}}"#);
    terminal.types("y\r");
    let (code, rest) = terminal.ends();
    assert_eq!(code, 5, "{rest}");
    assert!(rest.contains("changed by another program: notes"), "{rest}");
    account.run(&["show", "a"]).succeeds();
}

#[test]
fn documents_read_from_one_state_name_what_they_saw() {
    let home = Home::with_vault();
    put(&home, SHARED);
    let mut session =
        Session::open(&home.places(), home.keyring(), OpenPolicy::Strict, now()).unwrap().session;
    let kinds = credbench::schema::Kinds::of(session.document());
    let text = SHARED.replace("s-0", "s-1");
    let read = changes(session.document(), &kinds, &text, "default", "text").unwrap().remove(0);
    let id: Id = read.id.clone();
    let edits = read.edits(None);
    assert!(matches!(&edits[..], [Edit::Update { base: Some(_), .. }]));
    assert_eq!(session.commit(edits, now()).unwrap().version_of(&id), 2);
}
