//! `rotate --make` and `--finish --revoke`: keys that a service makes and drops as its file in the catalogue says.
//! One service replaces its token at once, as GitLab does, the other one has several keys, as SendGrid does.

use std::collections::BTreeSet;
use std::process::Command;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use super::{copy, status_of};
use crate::support::command::{Done, PROGRAM};
use crate::support::home::Account;
use crate::support::server::{Act, Seen, Server, answer, json as answered};
use crate::support::terminal::OnTerminal;

/// How the next request for a key, or to drop one, is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Good,
    Denied,
    Garbled,
    Empty,
    Moved,
    Fails,
    /// It is done, and the connection ends before a word of it.
    Lost,
}

const MOODS: [Mood; 6] = [Mood::Denied, Mood::Garbled, Mood::Empty, Mood::Moved, Mood::Fails, Mood::Lost];

/// What a service knows.
struct Known {
    /// The good keys: id and secret.
    keys: Vec<(String, String)>,
    made: usize,
    mood: Mood,
}

struct Service {
    server: Server,
    known: Arc<Mutex<Known>>,
}

impl Service {
    fn start(
        prefix: &'static str,
        script: impl Fn(&Seen, &mut Known) -> Option<Act> + Send + Sync + 'static,
    ) -> Self {
        let keys = vec![("id-0".to_owned(), format!("{prefix}-0-marker"))];
        let known = Arc::new(Mutex::new(Known { keys, made: 0, mood: Mood::Good }));
        let shared = known.clone();
        let server = Server::start(move |seen| {
            let mut known = shared.lock().unwrap();
            script(seen, &mut known).unwrap_or_else(|| answered(404, r#"{"error":"404 Not Found"}"#))
        });
        Self { server, known }
    }

    /// One token, which its rotation ends.
    fn replacing() -> Self {
        Self::start("glpat", |seen, known| {
            let token = seen.header("private-token").to_owned();
            if !known.keys.iter().any(|(_, secret)| *secret == token) {
                return Some(answered(
                    401,
                    r#"{"error":"invalid_token","error_description":"Token was revoked"}"#,
                ));
            }
            match (seen.method.as_str(), seen.target.as_str()) {
                ("GET", "/api/v4/personal_access_tokens/self") => {
                    Some(answered(200, r#"{"id":7,"active":true,"name":"deploy"}"#))
                }
                ("POST", "/api/v4/personal_access_tokens/self/rotate") => Some(act(known, |known| {
                    known.made += 1;
                    let secret = format!("glpat-{}-marker", known.made);
                    known.keys = vec![("id".to_owned(), secret.clone())];
                    answered(200, json!({"id": 8, "token": secret, "expires_at": "2027-01-01"}).to_string())
                })),
                _ => None,
            }
        })
    }

    /// Several keys, each with an id.
    fn adding() -> Self {
        Self::start("SG", |seen, known| {
            let token = seen.header("authorization").trim_start_matches("Bearer ").to_owned();
            if !known.keys.iter().any(|(_, secret)| *secret == token) {
                return Some(answered(401, r#"{"errors":[{"message":"authorization required"}]}"#));
            }
            match (seen.method.as_str(), seen.target.as_str()) {
                ("GET", "/v3/scopes") => Some(answered(
                    200,
                    r#"{"scopes":["mail.send","2fa_required","api_keys.create","sender_verification_eligible"]}"#,
                )),
                ("POST", "/v3/api_keys") => Some(act(known, |known| {
                    known.made += 1;
                    let (id, secret) = (format!("id-{}", known.made), format!("SG-{}-marker", known.made));
                    known.keys.push((id.clone(), secret.clone()));
                    answered(201, json!({"api_key": secret, "api_key_id": id}).to_string())
                })),
                ("DELETE", target) => {
                    let id = target.strip_prefix("/v3/api_keys/")?.to_owned();
                    Some(act(known, |known| {
                        known.keys.retain(|(known, _)| *known != id);
                        answer(204, &[], "")
                    }))
                }
                _ => None,
            }
        })
    }

    fn mood(&self, mood: Mood) {
        self.known.lock().unwrap().mood = mood;
    }

    fn takes(&self) -> BTreeSet<String> {
        self.known.lock().unwrap().keys.iter().map(|(_, secret)| secret.clone()).collect()
    }

    /// The requests that change something.
    fn changes(&self) -> Vec<Seen> {
        self.server.requests().into_iter().filter(|seen| seen.method != "GET").collect()
    }
}

fn act(known: &mut Known, done: impl FnOnce(&mut Known) -> Act) -> Act {
    match known.mood {
        Mood::Good => done(known),
        Mood::Denied => answered(403, r#"{"error":"insufficient_scope"}"#),
        Mood::Garbled => answered(200, "SG-garbled-marker, glpat-garbled-marker"),
        Mood::Empty => answered(201, "{}"),
        Mood::Moved => answer(302, &[("location", "https://elsewhere.example/")], ""),
        Mood::Fails => answered(503, "{}"),
        Mood::Lost => {
            done(known);
            Act::Reset
        }
    }
}

/// A vault with the credential `k` of the service.
fn account(service: &Service, document: Value) -> Account {
    let account = Account::with_vault();
    let mut document = document;
    document["key"] = json!("k");
    document["config"]["base_url"] = json!(service.server.url());
    account.put(&document.to_string());
    account
}

fn gitlab(service: &Service) -> Account {
    account(
        service,
        json!({"kind": "api_key", "service": "gitlab", "rotate_every_days": 60,
               "config": {"api_key": "glpat-0-marker"}}),
    )
}

fn sendgrid(service: &Service) -> Account {
    account(
        service,
        json!({"kind": "bearer_token", "service": "sendgrid", "config": {"token": "SG-0-marker"}}),
    )
}

fn value(account: &Account) -> String {
    account.run(&["get", "k"]).succeeds().out
}

/// Nothing of a secret is in what was printed.
fn hides(done: Done) -> Done {
    assert!(!done.out.contains("marker") && !done.err.contains("marker"), "{done:?}");
    done
}

/// The records of requests: what came of each.
fn requested(account: &Account) -> Vec<String> {
    let records = account.run(&["audit", "k", "--what", "requested", "--json"]).succeeds().json();
    let result = |record: &Value| record["result"].as_str().unwrap_or_default().to_owned();
    records.as_array().unwrap().iter().map(result).collect()
}

#[test]
fn a_token_that_replaces_itself_is_kept_switched_to_and_tested() {
    let service = Service::replacing();
    let account = gitlab(&service);
    // Nothing is asked where nobody said that the value in use may end.
    hides(account.run(&["rotate", "k", "--make"]).exits(2));
    assert!(
        hides(account.run(&["rotate", "k", "--make", "--prepare", "--yes", "--json"]).exits(5))
            .err
            .contains("ends_at_once")
    );
    assert!(service.changes().is_empty());
    let done = hides(account.run(&["rotate", "k", "--make", "--yes", "--json"]).succeeds());
    let said = done.json();
    assert_eq!(
        (&said["stage"], &said["fields"], &said["replaced"], &said["done"]),
        (&json!("confirmed"), &json!(["api_key"]), &json!(true), &json!("switched"))
    );
    assert_eq!(value(&account), "glpat-1-marker");
    let sent = service.changes();
    assert_eq!(sent.len(), 1, "asked once");
    let body = String::from_utf8_lossy(&sent[0].body).into_owned();
    assert!(body.starts_with("expires_at=20") && body.len() == "expires_at=2027-01-01".len(), "{body}");
    // There is no way back, and nothing to drop at the service.
    assert!(account.run(&["rotate", "k", "--back"]).exits(5).err.contains("no use any more"));
    account.run(&["rotate", "k", "--finish", "--revoke"]).succeeds();
    assert_eq!((status_of(&account, "k"), service.changes().len()), (Value::Null, 1));
    let done = hides(account.run(&["rotate", "k", "--make", "--yes"]).succeeds());
    assert!(done.err.contains("the one before has ended"), "{}", done.err);
    assert_eq!(value(&account), "glpat-2-marker");
    assert_eq!(requested(&account), ["ok", "ok"]);
    let words = account.run(&["audit", "k", "--json"]).succeeds().json();
    let words: Vec<&str> = words.as_array().unwrap().iter().filter_map(|one| one["what"].as_str()).collect();
    let of_rotation: Vec<&&str> = words.iter().filter(|word| word.starts_with("rota")).collect();
    assert_eq!(
        of_rotation,
        [&"rotation_begun", &"rotated", &"rotation_ended", &"rotation_begun", &"rotated"]
    );
    assert_eq!(account.run(&["audit", "verify", "--json"]).succeeds().json()["gaps"], 0);
    let shown = account.run(&["services", "--show", "gitlab"]).succeeds().out;
    assert!(
        shown.contains("rotates        makes the next key, which ends the one in use at once"),
        "{shown}"
    );
}

#[test]
fn a_person_is_asked_before_the_value_in_use_ends() {
    let service = Service::replacing();
    let account = gitlab(&service);
    let mut pty = OnTerminal::start(&account, &["rotate", "k", "--make"]);
    pty.sees("ends at once, and there is no way back");
    pty.types("n\r");
    assert_eq!(pty.ends().0, 1);
    assert!(service.changes().is_empty() && value(&account) == "glpat-0-marker");
    let mut pty = OnTerminal::start(&account, &["rotate", "k", "--make"]);
    pty.sees("ends at once, and there is no way back");
    pty.types("y\r");
    let (code, rest) = pty.ends();
    assert!(code == 0 && !rest.contains("marker"), "{code} {rest}");
    assert_eq!(value(&account), "glpat-1-marker");
}

#[test]
fn keys_are_made_beside_the_one_in_use_and_the_one_before_is_dropped() {
    let service = Service::adding();
    let account = sendgrid(&service);
    let done = hides(account.run(&["rotate", "k", "--make", "--prepare", "--json"]).succeeds());
    assert_eq!(
        (&done.json()["stage"], &done.json()["fields"]),
        (&json!("proven"), &json!(["token", "key_id"]))
    );
    assert_eq!(value(&account), "SG-0-marker", "the one in use stays in use");
    let body: Value = serde_json::from_slice(&service.changes()[0].body).unwrap();
    assert_eq!(
        body["scopes"],
        json!(["mail.send", "api_keys.create"]),
        "those of the key in use, as far as they can be given"
    );
    assert!(body["name"].as_str().unwrap().starts_with("credbench-k-20"), "{body}");
    hides(account.run(&["rotate", "k", "--yes"]).succeeds());
    assert_eq!(value(&account), "SG-1-marker");
    // What the first key was called nobody knows.
    assert!(
        hides(account.run(&["rotate", "k", "--finish", "--revoke"]).exits(5)).err.contains("is not known")
    );
    account.run(&["rotate", "k", "--finish"]).succeeds();
    // From then on it is.
    hides(account.run(&["rotate", "k", "--make", "--yes"]).succeeds());
    let done = hides(account.run(&["rotate", "k", "--finish", "--revoke"]).succeeds());
    assert!(done.err.contains("The service dropped id-1."), "{}", done.err);
    let dropped = service.changes().pop().unwrap();
    assert_eq!((dropped.method.as_str(), dropped.target.as_str()), ("DELETE", "/v3/api_keys/id-1"));
    assert_eq!(dropped.header("authorization"), "Bearer SG-2-marker", "the one in use asks");
    assert_eq!(service.takes(), BTreeSet::from(["SG-0-marker".to_owned(), "SG-2-marker".to_owned()]));
    assert_eq!(account.run(&["get", "k", "key_id"]).succeeds().out, "id-2");
    assert_eq!(requested(&account), ["ok", "ok", "ok"]);
    let shown = account.run(&["services", "--show", "sendgrid", "--json"]).succeeds().json();
    assert_eq!(shown["variants"][0]["rotation"]["drops"], true);
}

#[test]
fn what_is_refused_or_lost_is_told_and_nothing_is_tried_again() {
    for replaces in [true, false] {
        let service = if replaces { Service::replacing() } else { Service::adding() };
        let account = if replaces { gitlab(&service) } else { sendgrid(&service) };
        for (number, mood) in MOODS.into_iter().enumerate() {
            let case = format!("{mood:?}, replaces: {replaces}");
            service.mood(mood);
            let before = service.changes().len();
            let done = hides(account.run(&["rotate", "k", "--make", "--yes", "--json"]).exits(1));
            assert_eq!(service.changes().len(), before + 1, "{case}: asked once");
            let unsure = matches!(mood, Mood::Garbled | Mood::Empty | Mood::Fails | Mood::Lost);
            assert_eq!(done.err.contains("may have made"), unsure, "{case}: {}", done.err);
            assert_eq!(done.err.contains("ended the one in use"), unsure && replaces, "{case}: {}", done.err);
            assert_eq!(
                done.err.contains("the key in use needs"),
                mood == Mood::Denied,
                "{case}: {}",
                done.err
            );
            let code = if mood == Mood::Lost { "no_answer" } else { "not_made" };
            assert!(done.err.contains(code), "{case}: {}", done.err);
            assert_eq!(requested(&account)[number], code, "{case}");
            assert_eq!(status_of(&account, "k"), Value::Null, "{case}");
            let held = value(&account);
            assert!(held.ends_with("-0-marker"), "{case}: what was in use is still in the vault");
            if mood == Mood::Lost && replaces {
                // It told what is so: the service takes another one now.
                assert!(!service.takes().contains(&held));
            }
        }
    }
    // The control: the same service makes a key when it is asked.
    let service = Service::adding();
    let account = sendgrid(&service);
    hides(account.run(&["rotate", "k", "--make", "--yes"]).succeeds());
    account.run(&["rotate", "k", "--finish"]).succeeds();
    hides(account.run(&["rotate", "k", "--make", "--yes"]).succeeds());
    // And so it is where one is to be dropped: the rotation stays where it is.
    for mood in [Mood::Denied, Mood::Moved, Mood::Fails, Mood::Lost] {
        service.mood(mood);
        let done = hides(account.run(&["rotate", "k", "--finish", "--revoke"]).exits(1));
        let unsure = matches!(mood, Mood::Fails | Mood::Lost);
        assert_eq!(done.err.contains("may have dropped"), unsure, "{mood:?}: {}", done.err);
        assert_eq!(status_of(&account, "k"), "confirmed", "{mood:?}");
    }
}

#[test]
fn nothing_is_sent_but_to_the_credential_s_own_address() {
    let service = Service::adding();
    let account = sendgrid(&service);
    service.mood(Mood::Moved);
    hides(account.run(&["rotate", "k", "--make", "--yes"]).exits(1));
    assert!(service.server.requests().iter().all(|seen| seen.target.starts_with("/v3/")));
    // A service that nobody described makes none.
    let document = json!({"key": "other", "kind": "api_key", "service": "algolia",
                          "config": {"application_id": "A", "api_key": "x-marker", "base_url": service.server.url()}});
    account.put(&document.to_string());
    assert!(account.run(&["rotate", "other", "--make", "--json"]).exits(5).err.contains("not_made"));
    // What has to be named by a person is asked for before anything is sent.
    let document = json!({"key": "g", "kind": "bearer_token", "service": "grafana",
                          "config": {"token": "x-marker", "base_url": service.server.url()}});
    account.put(&document.to_string());
    let before = service.server.requests().len();
    let done = hides(account.run(&["rotate", "g", "--make", "--yes"]).exits(1));
    assert!(done.err.contains("account_id"), "{}", done.err);
    assert_eq!(service.server.requests().len(), before);
}

#[test]
fn a_key_that_cannot_be_kept_is_named() {
    let account = Account::with_vault();
    let home = Arc::new(Mutex::new(None::<(std::path::PathBuf, String)>));
    let known = home.clone();
    // While it makes the key, another program begins a rotation of the same credential.
    let server = Server::start(move |seen| match seen.method.as_str() {
        "GET" => answered(200, r#"{"scopes":["mail.send"]}"#),
        _ => {
            if let Some((home, file)) = known.lock().unwrap().take() {
                let arguments = ["rotate", "k", "--secret-file", &file, "--no-test", "--prepare"];
                crate::support::command::Command::new(&home).args(arguments).run().succeeds();
            }
            answered(201, r#"{"api_key":"SG-made-marker","api_key_id":"id-of-it"}"#)
        }
    });
    let document = json!({"key": "k", "kind": "bearer_token", "service": "sendgrid",
                          "config": {"token": "SG-0-marker", "base_url": server.url()}});
    account.put(&document.to_string());
    let file = format!("token={}", account.write("next", "other-marker"));
    *home.lock().unwrap() = Some((account.home.clone(), file));
    let done = hides(account.run(&["rotate", "k", "--make", "--yes", "--json"]).exits(5));
    assert!(done.err.contains("not_kept") && done.err.contains("id-of-it"), "{}", done.err);
    assert_eq!(requested(&account), ["not_kept"]);
    assert_eq!(status_of(&account, "k"), "proven", "the other one goes on");
}

/// The secrets that the vault has of `k`, in use, kept and before.
fn held(account: &Account) -> BTreeSet<String> {
    let document = account.open().document;
    let known = document.find("default", "k").expect("the credential is there");
    let kept = known.rotation.iter().map(|rotation| &rotation.kept);
    let before = known.history.iter().map(|version| &version.content);
    let all = [&known.content].into_iter().chain(kept).chain(before);
    all.flat_map(|content| content.secrets.values()).map(|secret| secret.expose().to_owned()).collect()
}

/// Kills the program at every step of making a key, and lets the same command go on. Gives how often nothing of what
/// was made was in the vault, and how often it was.
fn killed(service: &Service, account: &Account) -> (usize, usize) {
    let kept = tempfile::tempdir().unwrap();
    copy(&account.home, kept.path());
    let first = service.known.lock().unwrap().keys.clone();
    let (mut without, mut with) = (0, 0);
    for call in ["rename", "renameat", "renameat2", "linkat", "fsync"] {
        for number in 1.. {
            copy(kept.path(), &account.home);
            {
                let mut known = service.known.lock().unwrap();
                (known.keys, known.made) = (first.clone(), 0);
            }
            let filter = format!("inject={call}:signal=KILL:when={number}");
            let trace = format!("trace={call}");
            let options = ["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &filter, PROGRAM];
            let rotate = ["rotate", "k", "--make", "--yes"];
            let done = account.command_of("strace", &[&options[..], &rotate[..]].concat()).run().code == 0;
            let case = format!("{call} {number}");
            let (held, takes) = (held(account), service.takes());
            assert!(held.iter().any(|secret| secret.ends_with("-0-marker")), "{case}");
            if done {
                assert!(takes.contains(&value(account)), "{case}");
                break;
            }
            let made = service.known.lock().unwrap().made > 0;
            let is_kept = held.iter().any(|secret| secret.ends_with("-1-marker"));
            assert!(made || !is_kept, "{case}");
            match (made, is_kept) {
                (true, false) => {
                    without += 1;
                    // It was asked, and nothing says what came of it: that is seen in the log.
                    assert_eq!(requested(account).last().map(String::as_str), Some("unfinished"), "{case}");
                }
                (true, true) => with += 1,
                _ => {}
            }
            if !held.is_disjoint(&takes) {
                account.run(&rotate).succeeds();
                assert!(takes_in_use(service, account), "{case}");
            }
        }
    }
    (without, with)
}

fn takes_in_use(service: &Service, account: &Account) -> bool {
    service.takes().contains(&value(account))
}

#[test]
fn a_kill_anywhere_leaves_what_was_in_use_and_what_was_made_once_it_is_kept() {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "strace is required");
        return eprintln!("skipped: strace not installed");
    }
    let adding = Service::adding();
    let (without, with) = killed(&adding, &sendgrid(&adding));
    eprintln!("several keys: {without} kills between the answer and the save, {with} after it");
    assert!(with > 0 && without > 0, "the control: both were met");
    let replacing = Service::replacing();
    let (without, with) = killed(&replacing, &gitlab(&replacing));
    eprintln!("one key: {without} kills between the answer and the save, {with} after it");
    assert!(with > 0 && without > 0, "the control: both were met");
}
