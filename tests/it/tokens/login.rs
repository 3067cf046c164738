//! `login`, `revoke` and aliases on the real program: by pasting, through a browser, on another device, over SSH.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::authority::CLIENT;
use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::issuer::{Issuer, Manners};
use crate::support::pty::Pty;
use crate::support::server::RUNTIME;

const SIZE: (u16, u16) = (120, 40);
const END: Duration = Duration::from_secs(30);

fn account(issuer: &Issuer, grant: &str) -> Account {
    let account = Account::with_vault();
    let document =
        json!({"key": "a", "kind": "oauth2", "test": {"path": "/me"}, "config": issuer.config(grant)});
    account.put(&document.to_string());
    account
}

fn status(account: &Account) -> Value {
    account.run(&["list", "--json"]).succeeds().json()[0]["status"].clone()
}

/// The first word that starts so, of everything that a terminal got.
fn word(pty: &Pty, start: &str) -> String {
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    let word = text.split_whitespace().find(|word| word.starts_with(start));
    word.unwrap_or_else(|| panic!("no {start} in {text}")).to_owned()
}

fn agreed(issuer: &Issuer, url: &str) -> String {
    RUNTIME.block_on(issuer.person().agrees(url.parse().unwrap()))
}

#[test]
fn a_pasted_address_ends_in_a_tested_credential() {
    let issuer = Issuer::start(Manners::default());
    let account = account(&issuer, "authorization_code");
    let mut pty = Pty::start(&account.home, PROGRAM, &["login", "a"], SIZE);
    pty.wait("(it is not shown)");
    let url = word(&pty, &format!("{}/authorize?", issuer.url()));
    assert!(pty.screen().contains("USER@HOST"), "{}", pty.screen());
    // Another login's answer is not taken, and asked for again.
    pty.send("https://elsewhere.example/?code=marker-wrong&state=another\r").wait("This was not taken");
    // What is typed before the question stands there again answers nothing.
    pty.wait("this one's.\nOr paste the whole");
    let ended = agreed(&issuer, &url);
    pty.send(&format!("{ended}\r")).wait("logged in, good for").wait("ok");
    assert!(pty.ends_within(END).success());
    pty.is_restored();
    let shown = String::from_utf8_lossy(&pty.bytes).into_owned();
    for secret in ["marker-wrong", "code=", CLIENT.1] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    assert_eq!(status(&account), "active");
    let access = account.run(&["get", "a"]).succeeds().out;
    assert!(issuer.takes(&access));
    assert_eq!(account.run(&["get", "a", "scope"]).succeeds().out, "read write");
    assert_eq!(issuer.counts().of("authorization_code"), 1);
}

#[test]
fn a_browser_on_this_machine_comes_back_by_itself() {
    let issuer = Issuer::start(Manners::default());
    let account = account(&issuer, "authorization_code");
    // As over SSH: the line to type is whole.
    let line = format!(
        "SSH_CONNECTION='203.0.113.9 50000 192.0.2.7 2222' USER=ann exec {PROGRAM} login a --no-test"
    );
    let mut pty = Pty::start(&account.home, "sh", &["-c", &line], SIZE);
    pty.wait("(it is not shown)");
    let screen = pty.screen();
    let tunnel = screen.lines().find(|line| line.contains("ssh -L")).unwrap().trim().to_owned();
    assert!(tunnel.ends_with(" -p 2222 ann@192.0.2.7"), "{tunnel}");
    let url = word(&pty, &format!("{}/authorize?", issuer.url()));
    let port = tunnel.split([' ', ':']).nth(2).unwrap();
    assert!(url.contains(&format!("%3A{port}")), "{tunnel} {url}");
    let (code, _) = RUNTIME.block_on(issuer.person().browses(url.parse().unwrap()));
    assert_eq!(code, 200);
    pty.wait("logged in");
    assert!(pty.ends_within(END).success());
    pty.is_restored();
    assert_eq!(status(&account), "untested", "it was not asked for");
    account.run(&["test", "a"]).succeeds();
    assert_eq!(status(&account), "active");
}

#[test]
fn a_device_is_shown_its_code() {
    let issuer = Issuer::start(Manners { interval: Some(1), ..Manners::default() });
    let account = account(&issuer, "device_code");
    let mut pty = Pty::start(&account.home, PROGRAM, &["login", "a"], SIZE);
    pty.wait("left. Ctrl-C ends it.");
    let screen = pty.screen();
    let host = issuer.url().trim_start_matches("http://").split(':').next().unwrap().to_owned();
    assert!(screen.contains(&format!("The page is on {host}: enter the code nowhere else.")), "{screen}");
    let code =
        screen.lines().map(str::trim).find(|line| line.len() == 9 && line.as_bytes()[4] == b'-').unwrap();
    assert!(issuer.decide(code, true));
    pty.wait("logged in").wait("ok");
    assert!(pty.ends_within(END).success());
    pty.is_restored();
    assert_eq!(status(&account), "active");
}

/// Waits for a line of a program's output that goes to a file.
fn event(path: &std::path::Path, name: &str) -> Value {
    let until = Instant::now() + END;
    loop {
        let text = std::fs::read_to_string(path).unwrap();
        let events = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let mut events = events.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        if let Some(found) = events.find(|event| event["event"] == name) {
            return found;
        }
        assert!(Instant::now() < until, "no {name}: {text}");
        std::thread::yield_now();
    }
}

#[test]
fn without_a_terminal_a_login_tells_each_step_and_waits() {
    let issuer = Issuer::start(Manners { interval: Some(1), ..Manners::default() });
    let account = account(&issuer, "device_code");
    let path = account.home.join("events");
    let output = std::fs::File::create(&path).unwrap();
    let running = account.command().args(["login", "a", "--json"]).output_to(output).start();
    let shown = event(&path, "device");
    assert_eq!(shown["verification_url"], format!("{}/device", issuer.url()));
    assert!(issuer.decide(shown["user_code"].as_str().unwrap(), true));
    assert_eq!(running.wait().succeeds().err, "");
    let text = std::fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&lines[1]["event"], &lines[1]["scope"]), (&json!("logged_in"), &json!("read write")));
    assert_eq!((&lines[2]["key"], &lines[2]["outcome"]), (&json!("a"), &json!("ok")));
    assert!(!text.contains("access-") && !text.contains("refresh-"), "{text}");
    // In words, and a person who says no.
    let path = account.home.join("words");
    let output = std::fs::File::create(&path).unwrap();
    let running = account.command().args(["login", "a"]).output_to(output).start();
    let until = Instant::now() + END;
    let code = loop {
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().map(str::trim).find(|line| line.len() == 9 && line.as_bytes()[4] == b'-');
        match code {
            Some(code) if text.contains("nowhere else") => break code.to_owned(),
            _ => assert!(Instant::now() < until, "{text}"),
        }
    };
    assert!(issuer.decide(&code, false));
    let done = running.wait().exits(1);
    assert!(done.err.contains("not allowed"), "{}", done.err);
    assert!(!done.err.contains('\u{1b}'), "{:?}", done.err);
    // What there was before is still there.
    assert_eq!(status(&account), "active");
    account.run(&["get", "a"]).succeeds();
}

#[test]
fn nobody_waits_where_nobody_can_come_back() {
    let issuer = Issuer::start(Manners::default());
    let account = Account::with_vault();
    let mut config = issuer.config("authorization_code");
    config["redirect_url"] = json!("https://app.example/callback");
    account.put(&json!({"key": "a", "kind": "oauth2", "config": config}).to_string());
    let error = account.run(&["login", "a", "--json"]).exits(1).error();
    assert!(error["message"].as_str().unwrap().contains("cannot come back"), "{error}");
}

#[test]
fn ctrl_c_leaves_nothing_behind() {
    for (grant, shown) in [("authorization_code", "(it is not shown)"), ("device_code", "Ctrl-C ends it")] {
        let issuer = Issuer::start(Manners::default());
        let account = account(&issuer, grant);
        let mut pty = Pty::start(&account.home, PROGRAM, &["login", "a"], SIZE);
        pty.wait(shown).send("\x03").wait("cancelled; nothing was changed");
        assert_eq!(pty.ends_within(END).exit_code(), 1);
        pty.is_restored();
        let shown = account.run(&["show", "a", "--json"]).succeeds().json();
        assert_eq!(shown["config"].get("tokens"), None);
    }
}

fn logged_in(issuer: &Issuer) -> Account {
    let account = Account::with_vault();
    let (access, refresh) = issuer.given();
    let mut config = issuer.config("authorization_code");
    config["tokens"] = json!({"access_token": access, "refresh_token": refresh});
    account
        .put(&json!({"key": "a", "kind": "oauth2", "test": {"path": "/me"}, "config": config}).to_string());
    account
}

#[test]
fn tokens_are_dropped_once_the_server_took_them_back() {
    let issuer = Issuer::start(Manners::default());
    let account = logged_in(&issuer);
    let access = account.run(&["get", "a"]).succeeds().out;
    let done = account.run(&["revoke", "a"]).succeeds();
    assert_eq!(done.out, "a  revoked\n");
    assert!(!issuer.takes(&access));
    let hints: Vec<bool> =
        issuer.asked("/revoke").iter().map(|seen| seen.text().contains("refresh_token")).collect();
    assert_eq!(hints, [true, false], "the refresh token first");
    assert_eq!(account.run(&["revoke", "a", "--json"]).exits(4).error()["code"], "no_tokens");
    assert_eq!(account.run(&["get", "a", "--json"]).exits(4).error()["code"], "login_needed");
    let shown = account.run(&["show", "a", "--json"]).succeeds().json();
    assert_eq!(shown["config"].get("tokens"), None);
}

#[test]
fn tokens_stay_where_the_server_says_no_or_nowhere() {
    let issuer =
        Issuer::start(Manners { metadata: json!({"revocation_endpoint": null}), ..Manners::default() });
    let account = logged_in(&issuer);
    let error = account.run(&["revoke", "a", "--json"]).exits(1).error();
    assert_eq!(error["code"], "no_revocation");
    assert!(error["hint"].as_str().unwrap().contains("credbench revoke a --local"), "{error}");
    account.run(&["get", "a"]).succeeds();
    let refuses = Issuer::start(Manners::default());
    let other = logged_in(&refuses);
    let wrong = json!({"key": "a", "kind": "oauth2", "config": {"client_secret": "wrong-marker"}});
    let mut shown = other.run(&["show", "a", "--json"]).succeeds().json();
    shown["config"]["client_secret"] = wrong["config"]["client_secret"].clone();
    other.put(&shown.to_string());
    let error = other.run(&["revoke", "a", "--json"]).exits(1).error();
    assert!(error["message"].as_str().unwrap().contains("invalid_client"), "{error}");
    assert!(!error.to_string().contains("marker"), "{error}");
    other.run(&["get", "a"]).succeeds();
    assert_eq!(refuses.counts().revoked, 0);
    // Only here: nobody is asked.
    let done = account.run(&["revoke", "a", "--local"]).succeeds();
    assert_eq!(done.out, "a  dropped here; the server was not asked\n");
    account.run(&["get", "a"]).exits(4);
}

#[test]
fn an_alias_has_its_own_tokens_and_the_client_of_its_app() {
    let issuer = Issuer::start(Manners { interval: Some(1), ..Manners::default() });
    let account = Account::with_vault();
    let mut app = issuer.config("device_code");
    app["name"] = json!("mail");
    app["provider"] = json!("custom");
    app["token_url"] = json!(format!("{}/token", issuer.url()));
    account.command().args(["oauth-app", "put"]).input(app.to_string()).run().succeeds();
    let aliases = json!([
        {"key": "a", "kind": "oauth_alias", "test": {"path": "/me"}, "config": {"app": "mail", "scopes": ["read"]}},
        {"key": "b", "kind": "oauth_alias", "test": {"path": "/me"}, "config": {"app": "mail"}},
    ]);
    account.put(&aliases.to_string());
    for (key, scope) in [("a", "read"), ("b", "read write")] {
        let path = account.home.join(key);
        let output = std::fs::File::create(&path).unwrap();
        let running = account.command().args(["login", key, "--json"]).output_to(output).start();
        let shown = event(&path, "device");
        assert!(issuer.decide(shown["user_code"].as_str().unwrap(), true));
        running.wait().succeeds();
        assert_eq!(account.run(&["get", key, "scope"]).succeeds().out, scope);
    }
    let tokens = ["a", "b"].map(|key| account.run(&["get", key]).succeeds().out);
    assert_ne!(tokens[0], tokens[1]);
    account.run(&["refresh", "a"]).succeeds();
    assert_ne!(account.run(&["get", "a"]).succeeds().out, tokens[0]);
    assert_eq!(account.run(&["get", "b"]).succeeds().out, tokens[1]);
    assert_eq!(issuer.counts().replays, 0);
    let rows = account.run(&["list", "--json"]).succeeds().json();
    assert!(rows.as_array().unwrap().iter().all(|row| row["status"] == "active"), "{rows}");
    let apps = account.run(&["oauth-app", "list", "--json"]).succeeds().json();
    assert_eq!(apps[0]["document"].get("tokens"), None);
}
