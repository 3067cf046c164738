//! OAuth tokens where they are kept: used, renewed once however many programs ask, and never lost in silence
//! (RELIABILITY O5, O6).

use credbench::durable::{LOCK_WAIT, Lock};
use serde_json::{Value, json};

use crate::support::command::Running;
use crate::support::home::Account;

mod alone;
mod login;
mod recorded;
mod rotation;
mod skew;
mod written;

use rotation::Rotating;

/// The credential of these tests: a client of the double whose access token is over.
fn document(url: &str, more: Value) -> String {
    let mut tokens = json!({"access_token": "access-0-marker", "refresh_token": "refresh-0-marker",
                            "expires_at": "2020-01-01T00:00:00Z", "instance": "kept"});
    for (name, value) in more.as_object().unwrap() {
        tokens[name] = value.clone();
    }
    tokens.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    json!({"key": "a", "kind": "oauth2", "config": {
        "grant": "authorization_code", "client_id": "c", "authorization_url": format!("{url}/authorize"),
        "token_url": format!("{url}/token"), "base_url": url, "tokens": tokens}})
    .to_string()
}

fn account(server: &Rotating) -> Account {
    let account = Account::with_vault();
    account.put(&document(&server.url(), json!({})));
    account
}

/// What the vault holds, in clear.
fn stored(account: &Account, field: &str) -> String {
    account.run(&["get", "a", field]).succeeds().out
}

fn starts(account: &Account, count: usize) -> Vec<Running> {
    (0..count).map(|_| account.command().args(["get", "a", "--json"]).start()).collect()
}

#[test]
fn fifty_programs_make_one_exchange() {
    let server = Rotating::start();
    let account = account(&server);
    let before = account.run(&["history", "a", "--json"]).succeeds().out;
    for running in starts(&account, 50) {
        let done = running.wait().succeeds();
        assert_eq!(done.json()["value"], "access-1-marker", "{}", done.err);
    }
    let seen = server.seen();
    assert_eq!((seen.exchanges, seen.replays), (1, 0));
    assert_eq!(stored(&account, "refresh_token"), "refresh-1-marker");
    assert_eq!(stored(&account, "instance"), "kept", "what else was there stays");
    assert_eq!(account.run(&["history", "a", "--json"]).succeeds().out, before, "no version is made");
    // The stored one is good: nothing more is asked.
    assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-1-marker");
    assert_eq!(server.seen().exchanges, 1);
    // Nothing that was noted on the way holds a token.
    for (path, bytes) in account.files() {
        let text = String::from_utf8_lossy(&bytes);
        assert!(
            !text.contains("refresh-0-marker") && !text.contains("refresh-1-marker"),
            "{}",
            path.display()
        );
    }
}

#[test]
fn a_program_that_is_killed_loses_its_grant_and_the_next_one_says_so() {
    let server = Rotating::start();
    let account = account(&server);
    server.loses_the_next_answer();
    let holder = account.command().args(["get", "a"]).start();
    server.wait_for_exchanges(1);
    let others = starts(&account, 10);
    holder.kill();
    let done: Vec<_> = others.into_iter().map(|running| running.wait().exits(1).error()).collect();
    let messages: Vec<&str> = done.iter().map(|error| error["message"].as_str().unwrap()).collect();
    for error in &done {
        assert_eq!(error["code"], "login_needed", "{error}");
        assert!(error["hint"].as_str().unwrap().contains("credbench login a"), "{error}");
    }
    let said =
        messages.iter().filter(|message| message.contains("was interrupted after it had sent")).count();
    assert_eq!(said, 1, "{messages:#?}");
    // The grant was spent by the one that was killed: it was tried once more, and by nobody after that.
    let seen = server.seen();
    assert_eq!((seen.exchanges, seen.replays), (1, 1));
    account.run(&["get", "a"]).exits(1);
    assert_eq!(server.seen().replays, 1);
    // It shows. By hand it is tried once more: the server may know the grant again.
    let rows = account.run(&["list", "--json"]).succeeds().json();
    assert_eq!(rows[0]["status"], "expired");
    server.begins_again();
    account.run(&["refresh", "a"]).succeeds();
    assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-1-marker");
    let rows = account.run(&["list", "--json"]).succeeds().json();
    assert_eq!(rows[0]["status"], "not_testable");
}

#[test]
fn a_program_that_is_killed_between_answer_and_save_is_said_too() {
    let server = Rotating::start();
    let account = account(&server);
    // Whoever saves has to wait: the holder has its answer and cannot store it.
    let lock = Lock::acquire(&account.vault().with_extension("age.d").join("lock"), LOCK_WAIT).unwrap();
    let holder = account.command().args(["get", "a"]).start();
    server.wait_for_exchanges(1);
    server.wait_until_idle();
    holder.kill();
    drop(lock);
    assert_eq!(stored(&account, "refresh_token"), "refresh-0-marker", "the control: nothing was stored");
    let error = account.run(&["get", "a", "--json"]).exits(1).error();
    assert!(error["message"].as_str().unwrap().contains("was interrupted after it had sent"), "{error}");
    let seen = server.seen();
    assert_eq!((seen.exchanges, seen.replays), (1, 1));
}

#[test]
fn a_token_that_cannot_be_stored_is_not_handed_out() {
    let server = Rotating::start();
    let account = account(&server);
    let backups = account.vault().with_extension("age.d").join("backups");
    let aside = backups.with_extension("aside");
    let (from, to) = (backups.clone(), aside.clone());
    // While the server thinks, saving becomes impossible.
    server.before_answering(move || {
        std::fs::rename(&from, &to).unwrap();
        std::fs::write(&from, "in the way").unwrap();
    });
    let done = account.run(&["get", "a", "--json"]).exits(1);
    assert_eq!(done.out, "");
    let message = done.error()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("the server gave tokens, but they could not be saved"), "{message}");
    assert!(message.contains("may be spent now") && !message.contains("marker"), "{message}");
    std::fs::remove_file(&backups).unwrap();
    std::fs::rename(&aside, &backups).unwrap();
    let error = account.run(&["get", "a", "--json"]).exits(1).error();
    assert!(error["message"].as_str().unwrap().contains("was interrupted after it had sent"), "{error}");
}

#[test]
fn ctrl_c_ends_an_exchange_and_leaves_what_is_stored() {
    let server = Rotating::start();
    server.keeps_refresh_tokens();
    let account = account(&server);
    server.loses_the_next_answer();
    let running = account.command().args(["get", "a", "--json"]).start();
    server.wait_for_exchanges(1);
    running.interrupt();
    assert_eq!(running.wait().exits(1).error()["code"], "cancelled");
    // Nobody failed: the next one asks at once.
    assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-2-marker");
}

#[test]
fn a_lost_answer_of_a_server_that_does_not_rotate_loses_nothing() {
    let server = Rotating::start();
    server.keeps_refresh_tokens();
    let account = account(&server);
    server.loses_the_next_answer();
    let holder = account.command().args(["get", "a"]).start();
    server.wait_for_exchanges(1);
    holder.kill();
    assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-2-marker");
    assert_eq!(stored(&account, "refresh_token"), "refresh-0-marker", "the one that is good stays");
}

#[test]
fn a_failing_server_is_left_alone_for_a_while() {
    let server = Rotating::start();
    let account = account(&server);
    server.fails_with(503, "temporarily_unavailable");
    for running in starts(&account, 10) {
        let error = running.wait().exits(1).error();
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("temporarily_unavailable"), "{message}");
        assert!(!error.to_string().contains("marker"), "{error}");
    }
    assert_eq!(server.seen().asked, 1);
    let error = account.run(&["get", "a", "--json"]).exits(1).error();
    assert_eq!(error["code"], "cooling_down");
    assert!(error["message"].as_str().unwrap().contains("asks again from 20"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("credbench refresh a"), "{error}");
    assert_eq!(server.seen().asked, 1);
    // By hand it is asked at once; nothing of what is stored was touched.
    assert_eq!(account.run(&["refresh", "a", "--json"]).exits(1).error()["code"], "no_token");
    assert_eq!(server.seen().asked, 2);
    assert_eq!(stored(&account, "refresh_token"), "refresh-0-marker");
    server.recovers();
    let done = account.run(&["refresh", "a"]).succeeds();
    assert!(done.out.starts_with("a  refreshed, good for "), "{}", done.out);
    assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-1-marker");
}

#[test]
fn a_token_that_is_still_good_is_given_although_the_server_fails() {
    let server = Rotating::start();
    let account = Account::with_vault();
    let soon = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(30);
    account.put(&document(&server.url(), json!({"expires_at": soon.to_string()})));
    server.fails_with(500, "server_error");
    for _ in 0..2 {
        let done = account.run(&["get", "a"]).succeeds();
        assert_eq!(done.out, "access-0-marker");
        assert!(done.err.contains("the present access token is still good"), "{}", done.err);
    }
    assert_eq!(server.seen().asked, 1);
    // Who says what has to be there says so: an hour before the end.
    account.write("config/credbench/config.toml", "[oauth]\nmargin_seconds = 0\n");
    assert_eq!(account.run(&["get", "a"]).succeeds().err, "");
}

#[test]
fn a_refused_refresh_token_asks_for_a_login_and_newer_tokens_stay() {
    let server = Rotating::start();
    let account = account(&server);
    server.fails_with(400, "invalid_grant");
    let error = account.run(&["get", "a", "--json"]).exits(1).error();
    assert_eq!(error["code"], "login_needed");
    assert!(error["message"].as_str().unwrap().contains("invalid_grant"), "{error}");
    assert!(!error["message"].as_str().unwrap().contains("interrupted"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("credbench login a"), "{error}");
    assert_eq!(server.seen().asked, 1);
    // Nobody asks again by itself, by hand it is tried, and the token is still there.
    let error = account.run(&["get", "a", "--json"]).exits(1).error();
    assert!(error["message"].as_str().unwrap().contains("refused its refresh token"), "{error}");
    assert_eq!(server.seen().asked, 1);
    server.recovers();
    account.run(&["refresh", "a"]).succeeds();
    assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-1-marker");
}

#[test]
fn tokens_that_came_meanwhile_are_never_erased() {
    for answer in [Some((400, "invalid_grant")), Some((503, "server_error")), None] {
        let server = Rotating::start();
        let account = account(&server);
        match answer {
            Some((status, code)) => server.fails_with(status, code),
            None => server.recovers(),
        }
        let newer =
            json!({"access_token": "access-newer", "refresh_token": "refresh-newer", "expires_at": null});
        let newer = document(&server.url(), newer);
        let home = account.home.clone();
        // While the server thinks, somebody stores others.
        server.before_answering(move || {
            let put = crate::support::command::Command::new(&home).args(["put", "--no-test"]);
            put.input(newer.as_str()).run().succeeds();
        });
        let done = account.run(&["get", "a"]);
        match answer {
            None => {
                assert_eq!(done.succeeds().out, "access-newer");
            }
            Some(_) => drop(done.exits(1)),
        }
        assert_eq!(stored(&account, "access_token"), "access-newer", "{answer:?}");
        assert_eq!(stored(&account, "refresh_token"), "refresh-newer", "{answer:?}");
        assert_eq!(account.run(&["get", "a"]).succeeds().out, "access-newer", "{answer:?}");
    }
}

#[test]
fn a_client_that_needs_no_person_gets_a_token_once_and_keeps_it() {
    let server = Rotating::start();
    let account = Account::with_vault();
    let mut client: Value = serde_json::from_str(&document(&server.url(), json!({}))).unwrap();
    let config = client["config"].as_object_mut().unwrap();
    config.insert("grant".to_owned(), json!("client_credentials"));
    config.insert("client_secret".to_owned(), json!("secret-marker"));
    config.shift_remove("tokens");
    config.shift_remove("authorization_url");
    account.put(&client.to_string());
    for running in starts(&account, 10) {
        assert_eq!(running.wait().succeeds().json()["value"], "access-1-marker");
    }
    assert_eq!(server.seen().exchanges, 1);
    let shown = account.run(&["show", "a", "--json"]).succeeds().json();
    assert_eq!(shown["config"]["tokens"]["access_token"], json!({"$secret": "stored"}));
    assert_eq!(shown["config"]["tokens"].get("refresh_token"), None, "it needs none");
    assert!(shown["config"]["tokens"]["expires_at"].is_string());
}

#[test]
fn what_cannot_be_renewed_says_what_to_do() {
    let server = Rotating::start();
    let account = Account::with_vault();
    account.put(&document(&server.url(), json!({"refresh_token": null})));
    let error = account.run(&["get", "a", "--json"]).exits(1).error();
    assert!(error["message"].as_str().unwrap().contains("no refresh token"), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("credbench login a"), "{error}");
    account.run(&["refresh", "a", "--json"]).exits(1);
    account.put(
        r#"{"key": "b", "kind": "api_key", "config": {"base_url": "https://b.invalid", "api_key": "k"}}"#,
    );
    assert_eq!(account.run(&["refresh", "b", "--json"]).exits(2).error()["code"], "no_oauth");
    assert_eq!(server.seen().asked, 0);
}
