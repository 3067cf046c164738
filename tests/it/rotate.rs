//! `rotate`: another secret in the place of one in use. Whatever happens on the way, neither is lost.

mod keys;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};

use credbench::model::{Credential, Edit, Stage};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::server::{Server, json as answer};

/// A service that takes some keys, which a test may change.
struct Service {
    server: Server,
    takes: Arc<Mutex<Vec<&'static str>>>,
}

impl Service {
    fn taking(keys: &[&'static str]) -> Self {
        let takes = Arc::new(Mutex::new(keys.to_vec()));
        let known = takes.clone();
        let server = Server::start(move |seen| {
            let key = seen.header("x-key");
            if known.lock().unwrap().contains(&key) {
                answer(200, r#"{"ok": true}"#)
            } else {
                answer(401, "{}")
            }
        });
        Self { server, takes }
    }

    fn takes(&self, keys: &[&'static str]) {
        *self.takes.lock().unwrap() = keys.to_vec();
    }

    /// The keys that it was asked with.
    fn seen(&self) -> Vec<String> {
        self.server.requests().iter().map(|seen| seen.header("x-key").to_owned()).collect()
    }
}

/// A vault whose `pay.api` has the key `old-marker`.
fn account(service: &Service) -> Account {
    let account = Account::with_vault();
    let document = json!({"key": "pay.api", "kind": "api_key", "notes": "of payments",
        "config": {"base_url": service.server.url(), "api_key": "old-marker",
                   "placement": {"in": "header", "name": "X-Key"}},
        "test": {"method": "GET", "path": "/me", "expect": {"status": [200]}}});
    account.put(&document.to_string());
    service.server.requests().clear();
    account
}

fn rotate(account: &Account, next: &str, more: &[&str]) -> crate::support::command::Done {
    let arguments = ["rotate", "pay.api", "--secret-file", "api_key=-", "--json"];
    account.command().args(arguments).args(more).input(next).run()
}

fn status(account: &Account) -> Value {
    account.run(&["rotate", "pay.api", "--status", "--json"]).succeeds().json()
}

fn value(account: &Account) -> String {
    account.run(&["get", "pay.api"]).succeeds().out
}

#[test]
fn the_next_key_is_tested_switched_to_and_tested_again() {
    let service = Service::taking(&["old-marker", "new-marker"]);
    let account = account(&service);
    account.write("app/.env", "KEY=cred://pay.api\n");
    account.run(&["scan", "app"]).succeeds();
    let before = service.seen().len();
    let done = rotate(&account, "new-marker\n", &["--yes"]).succeeds();
    let said = done.json();
    assert_eq!(
        (&said["stage"], &said["fields"], &said["used_by"], &said["version"], &said["done"]),
        (&json!("confirmed"), &json!(["api_key"]), &json!(["app/.env"]), &json!(2), &json!("switched"))
    );
    assert_eq!(service.seen()[before..], ["new-marker", "new-marker"], "before the switch and after it");
    assert_eq!(value(&account), "new-marker");
    let row = account.run(&["list", "--json"]).succeeds().json()[0].clone();
    assert_eq!((&row["status"], &row["flags"]), (&json!("active"), &json!([])));
    let shown = account.run(&["show", "pay.api"]).page();
    assert!(shown.contains("! a rotation goes on: confirmed"), "it waits for its end: {shown}");
    // Nothing of it is shown.
    let shown = account.run(&["show", "pay.api", "--json"]).succeeds().out;
    assert!(!shown.contains("marker") && !done.err.contains("marker") && !done.out.contains("marker"));
    assert_eq!(
        account.run(&["rotate", "pay.api", "--finish", "--json"]).succeeds().json()["stage"],
        Value::Null
    );
    assert_eq!(account.run(&["list", "--json"]).succeeds().json()[0]["flags"], json!([]));
    account.run(&["restore", "pay.api", "--version", "1"]).succeeds();
    assert_eq!(value(&account), "old-marker", "the versions still have it");
    let audit = account.run(&["audit", "pay.api", "--json"]).succeeds().json();
    let words: Vec<&str> =
        audit.as_array().unwrap().iter().map(|record| record["what"].as_str().unwrap()).collect();
    let of_rotation = words.iter().filter(|word| word.starts_with("rota")).copied().collect::<Vec<_>>();
    assert_eq!(of_rotation, ["rotation_begun", "rotated", "rotation_ended"]);
    let verified = account.run(&["audit", "verify", "--json"]).succeeds().json();
    assert_eq!(verified["gaps"], 0, "every save has its line");
}

#[test]
fn a_next_key_that_fails_its_test_is_kept_and_not_used() {
    let service = Service::taking(&["old-marker"]);
    let account = account(&service);
    let done = rotate(&account, "new-marker", &["--yes"]).exits(1);
    assert!(done.err.contains("test_failed") && done.err.contains("nothing was switched"), "{}", done.err);
    assert_eq!((value(&account).as_str(), &status(&account)["stage"]), ("old-marker", &json!("entered")));
    // The service knows it by now: the same command goes on, and does not ask for the key again.
    service.takes(&["old-marker", "new-marker"]);
    account.run(&["rotate", "pay.api", "--yes"]).succeeds();
    assert_eq!((value(&account).as_str(), &status(&account)["stage"]), ("new-marker", &json!("confirmed")));
}

#[test]
fn what_is_prepared_is_used_or_dropped_later() {
    let service = Service::taking(&["old-marker", "new-marker", "third-marker"]);
    let account = account(&service);
    assert_eq!(rotate(&account, "new-marker", &["--prepare"]).succeeds().json()["stage"], "proven");
    assert_eq!(value(&account), "old-marker");
    // Another one takes its place before the switch, not after it.
    assert_eq!(rotate(&account, "third-marker", &["--prepare"]).succeeds().json()["stage"], "proven");
    account.run(&["rotate", "pay.api", "--finish"]).exits(5);
    account.run(&["rotate", "pay.api", "--back"]).exits(5);
    let dropped = account.run(&["rotate", "pay.api", "--cancel", "--json"]).succeeds();
    assert_eq!((&dropped.json()["stage"], &dropped.json()["done"]), (&Value::Null, &json!("cancelled")));
    assert_eq!(value(&account), "old-marker");
    account.run(&["rotate", "pay.api", "--cancel"]).exits(5);
    rotate(&account, "new-marker", &["--yes"]).succeeds();
    rotate(&account, "third-marker", &["--yes"]).exits(5);
    account.run(&["rotate", "pay.api", "--cancel"]).exits(5);
    rotate(&account, "new-marker", &["--yes"]).succeeds();
    assert_eq!(value(&account), "new-marker", "said twice it is done once");
}

#[test]
fn the_one_before_is_taken_back_and_the_other_one_kept() {
    let service = Service::taking(&["old-marker", "new-marker"]);
    let account = account(&service);
    rotate(&account, "new-marker", &["--yes"]).succeeds();
    account.put(r#"{"key":"pay.api","kind":"api_key","notes":"of today","config":{}}"#.replace(
        "\"config\":{}",
        &format!("\"config\":{{\"base_url\":\"{}\"}}", service.server.url()),
    ).as_str());
    let back = account.run(&["rotate", "pay.api", "--back", "--json"]).succeeds().json();
    assert_eq!((&back["stage"], &back["done"]), (&json!("entered"), &json!("rolled_back")));
    assert_eq!(value(&account), "old-marker");
    let shown = account.run(&["show", "pay.api", "--json"]).succeeds().json();
    assert_eq!(shown["notes"], "of today", "what was changed meanwhile stays");
    account.run(&["rotate", "pay.api", "--yes"]).succeeds();
    assert_eq!(value(&account), "new-marker", "and it was kept");
    // What fails after the switch says how to get back.
    service.takes(&["old-marker"]);
    let failed = account.run(&["rotate", "pay.api"]).exits(0);
    assert!(failed.err.contains("Revoke the one before"), "{}", failed.err);
    account.run(&["rotate", "pay.api", "--back"]).succeeds();
    let failed = account.run(&["rotate", "pay.api", "--no-test", "--yes"]).succeeds();
    assert!(failed.err.contains("not tested, as you said"), "{}", failed.err);
    assert_eq!(account.run(&["audit", "verify", "--json"]).succeeds().json()["gaps"], 0);
}

#[test]
fn what_is_no_rotation_is_refused() {
    let service = Service::taking(&["old-marker"]);
    let account = account(&service);
    assert!(rotate(&account, "old-marker", &[]).exits(5).err.contains("nothing_changes"));
    let elsewhere = ["--set", "base_url=https://evil.example"];
    assert!(rotate(&account, "new-marker", &elsewhere).exits(5).err.contains("not_rotated"));
    assert!(rotate(&account, "new-marker", &["--set", "notes=x"]).exits(5).err.contains("not_rotated"));
    rotate(&account, "", &[]).exits(7);
    account.run(&["rotate", "pay.api", "--set", "api_key=typed-marker"]).exits(2);
    account.run(&["rotate", "pay.api"]).exits(2);
    account.run(&["rotate", "nothing"]).exits(4);
    account.run(&["rotate", "nothing", "--status"]).exits(4);
    account.run(&["rotate", "--yes"]).exits(2);
    account.run(&["rotate", "pay.api", "--back", "--finish"]).exits(2);
    assert_eq!(value(&account), "old-marker");
    assert_eq!(status(&account)["stage"], Value::Null);
}

#[test]
fn a_key_with_a_name_of_its_own_is_rotated_with_it() {
    let account = Account::with_vault();
    account.put(
        r#"{"key":"aws","kind":"aws","config":{"access_key_id":"AKIAOLDOLDOLDOLDOLD1","secret_access_key":"old-marker"}}"#,
    );
    let id = "access_key_id=AKIANEWNEWNEWNEWNEW1";
    let arguments =
        ["rotate", "aws", "--set", id, "--secret-file", "secret_access_key=-", "--no-test", "--yes"];
    account.command().args(arguments).input("new-marker").run().succeeds();
    let get = |field: &str| account.run(&["get", "aws", field]).succeeds().out;
    assert_eq!(
        (get("access_key_id").as_str(), get("secret_access_key").as_str()),
        ("AKIANEWNEWNEWNEWNEW1", "new-marker")
    );
    account.run(&["rotate", "aws", "--back"]).succeeds();
    assert_eq!(
        (get("access_key_id").as_str(), get("secret_access_key").as_str()),
        ("AKIAOLDOLDOLDOLDOLD1", "old-marker")
    );
}

#[test]
fn the_schedule_says_what_is_due() {
    let account = Account::with_vault();
    account.put(
        r#"[{"key":"often","kind":"secret","rotate_every_days":30,"config":{"values":{"a":"old-marker"}}},
            {"key":"seldom","kind":"secret","rotate_every_days":900,"config":{"values":{"a":"x-marker"}}},
            {"key":"never","kind":"secret","config":{"values":{"a":"y-marker"}}}]"#,
    );
    // As if it had been made long ago.
    let mut session = account.session();
    let long_ago = Timestamp::now() - SignedDuration::from_hours(24 * 100);
    let known = session.document.find("default", "often").unwrap().clone();
    let remove = Edit::Remove { id: known.id.clone(), base: Box::new(known.content.clone()) };
    let create = Edit::Create { id: credbench::model::Id::new(), content: known.content };
    session.session.commit(vec![remove, create], long_ago).unwrap();
    drop(session);
    let due = || -> Vec<String> {
        let rows = account.run(&["rotate", "--json"]).succeeds().json();
        rows.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(due(), ["often"]);
    let listed = account.run(&["list", "--json", "is:rotation_due"]).succeeds().json();
    assert_eq!(listed[0]["key"], "often");
    let arguments = ["rotate", "often", "--secret-file", "values.a=-", "--no-test", "--yes"];
    account.command().args(arguments).input("new-marker").run().succeeds();
    assert_eq!(due(), ["often"], "the one before is not revoked yet");
    account.run(&["rotate", "often", "--finish"]).succeeds();
    assert!(due().is_empty());
}

#[test]
fn a_person_is_led_through_it() {
    let service = Service::taking(&["old-marker", "new-marker"]);
    let account = account(&service);
    let mut pty = crate::support::terminal::OnTerminal::start(&account, &["rotate", "pay.api"]);
    pty.sees("Next API key");
    pty.types("new-marker\r");
    pty.sees("Switch pay.api to the next value");
    pty.types("y\r");
    pty.sees("Revoke the one before");
    let (code, rest) = pty.ends();
    assert_eq!(code, 0, "{rest}");
    assert!(!rest.contains("marker"), "{rest}");
    assert_eq!(value(&account), "new-marker");
}

/// What the vault holds of `s`: the value in use, the one that is kept, and where the rotation stands.
fn held(account: &Account) -> (String, Option<String>, Option<Stage>, BTreeSet<String>) {
    let document = account.open().document;
    let known: &Credential = document.find("default", "s").expect("the credential is there");
    let text = |content: &credbench::model::Content| {
        content.secret("/config/values/a").map(|secret| secret.expose().to_owned())
    };
    let rotation = known.rotation.as_deref();
    let kept = rotation.and_then(|rotation| text(&rotation.kept));
    let mut all: BTreeSet<String> =
        known.history.iter().filter_map(|version| text(&version.content)).collect();
    let used = text(&known.content).expect("a value is in use");
    all.extend([used.clone()]);
    all.extend(kept.clone());
    (used, kept, rotation.map(|rotation| rotation.stage), all)
}

/// Puts the vault, and what belongs to it, where another one was.
fn copy(from: &Path, to: &Path) {
    for name in ["data", "state"] {
        let _ = std::fs::remove_dir_all(to.join(name));
        let done = Command::new("cp").arg("-a").arg(from.join(name)).arg(to.join(name)).status().unwrap();
        assert!(done.success());
    }
}

#[test]
fn a_kill_at_any_step_leaves_both_values_and_the_same_command_goes_on() {
    if Command::new("strace").arg("-V").output().is_err() {
        assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "strace is required");
        return eprintln!("skipped: strace not installed");
    }
    let account = Account::with_vault();
    account.put(r#"{"key":"s","kind":"secret","config":{"values":{"a":"old-marker"}}}"#);
    let kept = tempfile::tempdir().unwrap();
    copy(&account.home, kept.path());
    let next = account.write("next", "new-marker");
    let from = format!("values.a={next}");
    let rotate = ["rotate", "s", "--secret-file", &from, "--no-test", "--yes"];
    let mut stages = BTreeSet::new();
    let mut kills = 0;
    for call in ["rename", "renameat", "renameat2", "linkat", "fsync"] {
        for number in 1.. {
            copy(kept.path(), &account.home);
            let filter = format!("inject={call}:signal=KILL:when={number}");
            let trace = format!("trace={call}");
            let options = ["-f", "-qq", "-o", "/dev/null", "-e", &trace, "-e", &filter, PROGRAM];
            let killed = account.command_of("strace", &[&options[..], &rotate[..]].concat()).run().code != 0;
            let (used, other, stage, all) = held(&account);
            assert!(all.contains("old-marker"), "{call} {number}: {stage:?}");
            match stage {
                None => assert_eq!((used.as_str(), other), ("old-marker", None), "{call} {number}"),
                Some(stage) => {
                    let (in_use, apart) = if stage.is_switched() {
                        ("new-marker", "old-marker")
                    } else {
                        ("old-marker", "new-marker")
                    };
                    assert_eq!(
                        (used.as_str(), other.as_deref()),
                        (in_use, Some(apart)),
                        "{call} {number}: {stage:?}"
                    );
                }
            }
            if !killed {
                assert_eq!(stage, Some(Stage::Confirmed), "{call} {number}");
                break;
            }
            kills += 1;
            stages.insert(stage.map(Stage::word));
            account.run(&rotate).succeeds();
            let (used, other, stage, _) = held(&account);
            assert_eq!(
                (used.as_str(), other.as_deref(), stage),
                ("new-marker", Some("old-marker"), Some(Stage::Confirmed))
            );
        }
    }
    eprintln!("{kills} kills");
    // The control: it was stopped on every step.
    let every = [None, Some("entered"), Some("proven"), Some("switched"), Some("confirmed")];
    assert!(every.iter().all(|stage| stages.contains(stage)), "{stages:?} after {kills} kills");
}

/// IAM and STS in one: knows the keys that it made, after a number of refusals.
fn amazon(refusals: usize) -> Server {
    let (keys, left) = (Arc::new(Mutex::new(vec!["AKIAOLD".to_owned()])), Mutex::new(refusals));
    Server::start(move |seen| {
        let body = String::from_utf8_lossy(&seen.body).into_owned();
        let id =
            seen.header("authorization").split("Credential=").nth(1).and_then(|rest| rest.split('/').next());
        let id = id.unwrap_or_default().to_owned();
        let mut keys = keys.lock().unwrap();
        if !keys.contains(&id) {
            return answer(
                403,
                "<ErrorResponse><Error><Code>InvalidClientTokenId</Code></Error></ErrorResponse>",
            );
        }
        if body.contains("Action=CreateAccessKey") {
            keys.push("AKIANEW".to_owned());
            return answer(
                200,
                "<AccessKey><AccessKeyId>AKIANEW</AccessKeyId><SecretAccessKey>made-marker</SecretAccessKey></AccessKey>",
            );
        }
        if body.contains("Action=DeleteAccessKey") {
            keys.retain(|key| !body.contains(&format!("AccessKeyId={key}")));
            return answer(200, "<DeleteAccessKeyResponse/>");
        }
        let mut left = left.lock().unwrap();
        if id == "AKIANEW" && *left > 0 {
            *left -= 1;
            return answer(
                403,
                "<ErrorResponse><Error><Code>InvalidClientTokenId</Code><Message>no</Message></Error></ErrorResponse>",
            );
        }
        answer(
            200,
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::1:user/ann</Arn><UserId>U</UserId><Account>1</Account></GetCallerIdentityResult></GetCallerIdentityResponse>",
        )
    })
}

#[test]
fn aws_makes_the_next_key_and_drops_the_one_before() {
    let server = amazon(1);
    let account = Account::with_vault();
    account.put(&format!(
        r#"[{{"key":"aws","kind":"aws","config":{{"access_key_id":"AKIAOLD","secret_access_key":"old-marker","region":"eu-west-1","endpoint_url":"{}"}}}},
            {{"key":"s","kind":"secret","config":{{"values":{{"a":"x"}}}}}}]"#,
        server.url()
    ));
    let done = account.run(&["rotate", "aws", "--make", "--yes", "--json"]).succeeds();
    assert_eq!(
        (&done.json()["stage"], &done.json()["fields"]),
        (&json!("confirmed"), &json!(["access_key_id", "secret_access_key"]))
    );
    assert!(!done.out.contains("marker") && !done.err.contains("marker"), "{done:?}");
    let get = |field: &str| account.run(&["get", "aws", field]).succeeds().out;
    assert_eq!(
        (get("access_key_id").as_str(), get("secret_access_key").as_str()),
        ("AKIANEW", "made-marker")
    );
    account.run(&["rotate", "aws", "--finish", "--revoke"]).succeeds();
    let dropped = server.requests().into_iter().rfind(|seen| !seen.body.is_empty()).unwrap();
    assert!(String::from_utf8_lossy(&dropped.body).contains("AccessKeyId=AKIAOLD&Action=DeleteAccessKey"));
    assert!(dropped.header("authorization").contains("Credential=AKIANEW/"), "the one in use asks");
    assert_eq!(status_of(&account, "aws"), Value::Null);
    let requested = account.run(&["audit", "aws", "--what", "requested", "--json"]).succeeds().json();
    assert_eq!(requested.as_array().unwrap().len(), 2);
    account.run(&["rotate", "s", "--make"]).exits(5);
    account.run(&["rotate", "aws", "--revoke"]).exits(2);
}

fn status_of(account: &Account, key: &str) -> Value {
    account.run(&["rotate", key, "--status", "--json"]).succeeds().json()["stage"].clone()
}
