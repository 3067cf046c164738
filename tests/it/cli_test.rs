//! `test`, and the dry test before a save, against a service that really checks.

use std::time::Duration;

use serde_json::{Value, json};

use crate::support::home::Account;
use crate::support::service::{RIGHT, Service, nobody};

fn documents(url: &str) -> String {
    let test = json!({"path": "/me"});
    json!([
        {"key": "a.key", "kind": "api_key", "test": test, "config": {"base_url": url, "api_key": RIGHT}},
        {"key": "a.query", "kind": "api_key", "test": test,
         "config": {"base_url": url, "api_key": RIGHT, "placement": {"in": "query", "name": "key"}}},
        {"key": "b.basic", "kind": "basic_auth", "test": test,
         "config": {"base_url": url, "username": "ann", "password": RIGHT}},
        {"key": "c.wrong", "kind": "bearer_token", "test": test,
         "config": {"base_url": url, "token": "marker-wrong-token"}},
        {"key": "d.gone", "kind": "bearer_token", "test": test, "config": {"base_url": nobody(), "token": RIGHT}},
        {"key": "e.page", "kind": "bearer_token", "test": {"path": "/page"}, "config": {"base_url": url, "token": RIGHT}},
        {"key": "f.slower", "kind": "bearer_token", "test": {"path": "/slower"}, "config": {"base_url": url, "token": RIGHT}},
        {"key": "g.half", "kind": "bearer_token", "test": test, "config": {"base_url": url}},
        {"key": "h.files", "kind": "secret", "config": {"values": {"a": "b"}}},
    ])
    .to_string()
}

fn lines(text: &str) -> Vec<Value> {
    let mut lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    lines.sort_by_key(|line| line["key"].to_string());
    lines
}

#[test]
fn every_outcome_is_told_and_kept() {
    let service = Service::start();
    let account = Account::with_vault();
    account.put(&documents(&service.url));
    let generation = |account: &Account| account.run(&["doctor", "--json"]).out;
    let before = generation(&account);
    let done = account.run(&["test", "--all", "--json"]).exits(1);
    assert_eq!(done.err, "");
    let found = lines(&done.out);
    let outcomes: Vec<_> =
        found.iter().map(|line| (line["key"].as_str().unwrap(), line["outcome"].as_str().unwrap())).collect();
    assert_eq!(
        outcomes,
        [
            ("a.key", "ok"),
            ("a.query", "ok"),
            ("b.basic", "ok"),
            ("c.wrong", "rejected"),
            ("d.gone", "unreachable"),
            ("e.page", "wrong_endpoint"),
            ("f.slower", "rate_limited"),
            ("g.half", "incomplete"),
            ("h.files", "not_testable"),
        ]
    );
    let names: Vec<&str> = found[0].as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["solution", "key", "outcome", "status_code", "latency_ms", "message", "advice"]);
    assert_eq!((&found[0]["status_code"], &found[4]["status_code"]), (&json!(200), &Value::Null));
    assert!(found[3]["advice"].as_str().is_some_and(|advice| !advice.is_empty()));
    for secret in [RIGHT, "marker-wrong-token", "YW5uOnJpZ2h0LXNlY3JldA"] {
        assert!(!done.out.contains(secret), "{secret}");
    }
    // All results in one save.
    let rows = account.run(&["list", "--json"]).succeeds().json();
    let status = |at: usize| rows[at]["status"].as_str().unwrap().to_owned();
    assert_eq!(
        [status(0), status(3), status(4), status(7), status(8)],
        ["active", "error", "untested", "incomplete", "not_testable"]
    );
    assert_eq!(rows[0]["last_test"]["outcome"], "ok");
    assert_eq!(rows[4]["last_test"]["outcome"], "unreachable");
    assert_ne!(before, generation(&account));
    assert!(
        before.contains(" 2 · ") && generation(&account).contains(" 3 · "),
        "one generation for the batch"
    );
    // Tests make no version.
    assert_eq!(account.run(&["history", "a.key", "--json"]).json().as_array().unwrap().len(), 1);
}

#[test]
fn named_keys_and_their_exit_codes() {
    let service = Service::start();
    let account = Account::with_vault();
    account.put(&documents(&service.url));
    account.run(&["test", "a.key", "h.files", "a.key"]).succeeds();
    account.run(&["test", "g.half"]).exits(1);
    account.run(&["test", "f.slower"]).exits(1);
    account.run(&["test", "a.key", "nope"]).exits(4);
    account.run(&["test", "--all", "--solution", "nope"]).exits(4);
    let steps = account.run(&["test", "a.key", "--steps", "--json"]).succeeds().json();
    let names: Vec<&str> =
        steps["steps"].as_array().unwrap().iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert!(names.contains(&"connect") && names.contains(&"request"), "{names:?}");
    assert!(steps["steps"][0]["ms"].is_u64() && steps["steps"][0]["detail"].is_string());
    let done = account.run(&["test", "a.key", "c.wrong", "--steps"]).exits(1);
    // Without times before sorting: they would decide the order.
    let mut lines: Vec<String> = done.out.lines().map(without_time).collect();
    lines.sort_unstable();
    insta::with_settings!({filters => vec![(r"127\.0\.0\.1:\d+", "SERVICE")]}, {
        insta::assert_snapshot!(lines.join("\n"));
    });
    account.run(&["remove", "c.wrong", "--force"]).succeeds();
}

fn without_time(line: &str) -> String {
    match line.find(" ms") {
        Some(at) => format!(
            "{} N{}",
            line[..at].trim_end_matches(|c: char| c.is_ascii_digit()).trim_end(),
            &line[at..]
        ),
        None => line.to_owned(),
    }
}

#[test]
fn the_time_out_is_the_total_and_ctrl_c_cancels_the_rest() {
    let (slow, service) = (Service::start(), Service::start());
    let account = Account::with_vault();
    let never = |key: &str, service: &Service| {
        json!({"key": key, "kind": "bearer_token", "test": {"path": "/never"},
               "config": {"base_url": service.url, "token": RIGHT}})
    };
    account.put(&never("alone", &slow).to_string());
    let done = account.run(&["test", "alone", "--timeout", "0.2", "--json"]).exits(1);
    assert_eq!(done.json()["outcome"], "unreachable");
    account.run(&["remove", "alone", "--force"]).succeeds();
    account.put(&json!([never("a", &service), never("b", &service), never("c", &service)]).to_string());
    let running = account.command().args(["test", "--all", "--jobs", "2", "--json"]).start();
    for _ in 0..2 {
        service.requests.recv_timeout(Duration::from_secs(20)).expect("two tests are in flight");
    }
    running.interrupt();
    let done = running.wait().exits(1);
    let found = lines(&done.out);
    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|line| line["outcome"] == "cancelled"), "{found:?}");
    assert!(service.requests.try_recv().is_err(), "the third was never sent");
}

#[test]
fn a_failing_dry_test_refuses_the_save() {
    let service = Service::start();
    let account = Account::with_vault();
    let put = |secret: &str, more: &[&str]| {
        let one = json!({"key": "k", "kind": "bearer_token", "test": {"path": "/me"},
                         "config": {"base_url": service.url, "token": secret}});
        account.command().args(["put", "--json"]).args(more).input(one.to_string()).run()
    };
    let done = put("marker-wrong-token", &[]).exits(1);
    assert_eq!(done.error()["code"], "test_failed");
    assert!(done.error()["hint"].as_str().unwrap().contains("--no-test"));
    assert!(!done.err.contains("marker-wrong-token") && done.out.is_empty());
    account.run(&["show", "k"]).exits(4);
    put(RIGHT, &[]).succeeds();
    // The test is kept with the version that it is of.
    let row = account.run(&["list", "--json"]).json()[0].clone();
    assert_eq!((&row["status"], &row["last_test"]["outcome"]), (&json!("active"), &json!("ok")));
    put("marker-wrong-token", &[]).exits(1);
    assert_eq!(account.run(&["get", "k"]).out, RIGHT);
    put("marker-wrong-token", &["--no-test"]).succeeds();
    assert_eq!(account.run(&["list", "--json"]).json()[0]["status"], "untested");
    // One failing credential refuses the whole array; one that changes nothing is not tested.
    let sent = service.requests.try_iter().count();
    assert_eq!(sent, 3);
    let all = documents(&service.url);
    account.put(&all);
    let done = account.command().args(["put", "--json"]).input(all).run().succeeds();
    assert!(done.out.lines().all(|line| line.contains("unchanged")), "{}", done.out);
    // `add` does the same.
    let token = account.write("token", "marker-wrong-token");
    let add = |file: &str, more: &[&str]| {
        let secret = format!("token={file}");
        let base = format!("base_url={}", service.url);
        let fixed = [
            "add",
            "n",
            "--kind",
            "bearer_token",
            "--set",
            "test.path=/me",
            "--set",
            &base,
            "--secret-file",
            &secret,
        ];
        account.run(&[&fixed[..], more].concat())
    };
    add(&token, &[]).exits(1);
    add(&token, &["--no-test"]).succeeds();
    account.run(&["remove", "n", "--force"]).succeeds();
    add(&account.write("token", RIGHT), &[]).succeeds();
    // Incomplete ones are stored without a test.
    let half = json!({"key": "half", "kind": "bearer_token", "test": {"path": "/me"}, "config": {"base_url": service.url}});
    account.command().arg("put").input(half.to_string()).run().succeeds();
}

#[test]
fn what_may_cost_or_lock_an_account_is_tested_only_when_it_is_asked_for() {
    let service = Service::start();
    let account = Account::with_vault();
    let test = json!({"path": "/me"});
    let locks = json!({"key": "b.locks", "kind": "basic_auth", "service": "dockerhub", "test": test,
                       "config": {"base_url": service.url, "username": "ann", "password": RIGHT}});
    let plain = json!({"key": "a.plain", "kind": "bearer_token", "test": test,
                       "config": {"base_url": service.url, "token": RIGHT}});
    account.put(&json!([plain, locks]).to_string());
    let keys = |text: &str| -> Vec<String> {
        lines(text).iter().map(|line| line["key"].as_str().unwrap().to_owned()).collect()
    };
    let done = account.run(&["test", "--all"]).succeeds();
    assert!(done.out.contains("a.plain") && !done.out.contains("b.locks"), "{}", done.out);
    assert_eq!(
        done.err.trim(),
        "Left out: b.locks (wrong tries lock the account); test each by its key, or all of them with --all --costly."
    );
    let done = account.run(&["test", "--all", "--json"]).succeeds();
    assert_eq!(keys(&done.out), ["a.plain"]);
    assert!(done.err.contains("warning") && done.err.contains("b.locks"), "{}", done.err);
    assert_eq!(
        keys(&account.run(&["test", "--all", "--costly", "--json"]).succeeds().out),
        ["a.plain", "b.locks"]
    );
    let named = account.run(&["test", "b.locks", "--json"]).succeeds();
    assert_eq!((keys(&named.out), named.err.as_str()), (vec!["b.locks".to_owned()], ""));
    account.run(&["test", "b.locks", "--costly"]).exits(2);
}

/// Of many that are put at once, none spends quota or locks an account unasked; one alone is tested.
#[test]
fn what_may_lock_an_account_is_not_tested_among_many_that_are_put() {
    let service = Service::start();
    let account = Account::with_vault();
    let test = json!({"path": "/me"});
    let locks = json!({"key": "b.locks", "kind": "basic_auth", "service": "dockerhub", "test": test,
                       "config": {"base_url": service.url, "username": "ann", "password": "wrong"}});
    let plain = json!({"key": "a.plain", "kind": "bearer_token", "test": test,
                       "config": {"base_url": service.url, "token": RIGHT}});
    let put = |documents: &Value, more: &[&str]| {
        account.command().arg("put").args(more).input(documents.to_string()).run()
    };
    put(&locks, &[]).exits(1);
    let tried = service.requests.try_iter().count();
    assert!(tried > 0, "the control: one alone is tested");
    let done = put(&json!([plain, locks]), &[]).succeeds();
    assert!(
        done.err
            .contains("Not tested: b.locks (wrong tries lock the account); `credbench test KEY` tests one."),
        "{}",
        done.err
    );
    assert_eq!(service.requests.try_iter().count(), 1, "only the other one");
    account.run(&["get", "b.locks", "username"]).succeeds();
}
