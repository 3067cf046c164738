//! A program that is killed, or refused by the system, at every call; and many at once.

use std::fs;
use std::process::{Command, Stdio};

use serde_json::json;

use super::{Copy, account, lines, log, records};
use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;
use crate::support::vault::installed;

/// System calls that touch files.
const CALLS: &str = "openat,?open,write,pread64,pwrite64,fsync,fdatasync,?rename,renameat,renameat2,?link,linkat,?unlink,unlinkat,?mkdir,mkdirat,flock,ftruncate,fallocate";

/// Runs the program under strace with these options.
fn traced(account: &Account, options: &[&str], arguments: &[&str]) -> (Option<i32>, String) {
    let output = Command::new("setsid")
        .args(["--wait", "strace", "-f", "-qq"])
        .args(options)
        .arg(PROGRAM)
        .args(arguments)
        .env_clear()
        .envs(environment(&account.home))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Every call that a command makes, with how often.
fn calls(account: &Account, arguments: &[&str]) -> Vec<(String, usize)> {
    let to = account.home.join("trace");
    let (code, _) =
        traced(account, &["-o", to.to_str().unwrap(), "-e", &format!("trace={CALLS}")], arguments);
    assert_eq!(code, Some(0));
    let mut counts: Vec<(String, usize)> = Vec::new();
    for line in fs::read_to_string(&to).unwrap().lines() {
        // `PID  call(…`
        let name = line.split_whitespace().nth(1).and_then(|rest| rest.split('(').next()).unwrap_or_default();
        if !CALLS.split(',').any(|call| call.trim_start_matches('?') == name) {
            continue;
        }
        match counts.iter_mut().find(|(known, _)| known == name) {
            Some((_, count)) => *count += 1,
            None => counts.push((name.to_owned(), 1)),
        }
    }
    for needed in ["write", "fdatasync", "fsync", "flock"] {
        assert!(counts.iter().any(|(name, _)| name == needed), "{needed} is not among {counts:?}");
    }
    counts
}

/// A value that was printed is written down, and the next program goes on.
fn judge(account: &Account, fault: &str, out: &str) {
    let got = lines(account).iter().filter(|line| line.contains(r#""what":"got","step":"intent""#)).count();
    assert!(out.is_empty() || got == 1, "{fault}: handed out {out:?} without a line");
    let listed = account.run(&["list"]);
    assert_eq!(listed.code, 0, "{fault}: {}", listed.err);
    let verified = account.run(&["audit", "verify"]);
    assert_eq!(verified.code, 0, "{fault}: {}", verified.err);
}

#[test]
fn killed_or_refused_at_every_call_nothing_is_handed_out_unrecorded() {
    if !installed("strace") {
        return;
    }
    let account = account();
    account.run(&["list"]).succeeds();
    let copy = Copy::of(&account);
    let (mut silent, mut told) = (0, 0);
    let mut turn = ["EIO", "ENOSPC", "EACCES", "EROFS", "EDQUOT"].iter().cycle();
    for (call, count) in calls(&account, &["get", "pay.api"]) {
        for number in 1..=count {
            let error = turn.next().unwrap();
            for fault in
                [format!("{call}:signal=KILL:when={number}"), format!("{call}:error={error}:when={number}+")]
            {
                copy.put_back(&account, &["data", "state"]);
                let options =
                    ["-o", "/dev/null", "-e", &format!("trace={call}"), "-e", &format!("inject={fault}")];
                let (_, out) = traced(&account, &options, &["get", "pay.api"]);
                judge(&account, &fault, &out);
                *(if out.is_empty() { &mut silent } else { &mut told }) += 1;
            }
        }
    }
    // The faults did hit on both sides of the moment that counts.
    assert!(silent > 20 && told > 5, "{silent} {told}");
}

/// Killed between the save and its record: the next one writes that a record is missing.
#[test]
fn a_save_without_a_record_becomes_a_gap() {
    if !installed("strace") {
        return;
    }
    let account = account();
    let document =
        account.write("new.json", r#"{"key":"new","kind":"secret","config":{"values":{"a":"x"}}}"#);
    let path = log(&account);
    // The first line written is that the vault was opened; the second follows the save.
    let fault = "inject=write:signal=KILL:when=2";
    let options = ["-o", "/dev/null", "-P", path.to_str().unwrap(), "-e", "trace=write", "-e", fault];
    let (code, _) = traced(&account, &options, &["put", "--no-test", "--json-file", &document]);
    assert_ne!(code, Some(0));
    assert!(!lines(&account).last().unwrap().contains("created"));
    let listed = account.run(&["list"]).succeeds();
    assert!(listed.out.contains("new"), "it was saved");
    assert!(listed.err.contains("a save of the vault has no record"), "{}", listed.err);
    assert!(account.run(&["list"]).err.is_empty(), "told once");
    let verified = account.run(&["audit", "verify"]).succeeds();
    assert!(verified.out.contains("1 recorded gap"), "{}", verified.out);
    let gap = &records(&account, &["--what", "gap"])[0];
    assert_eq!(gap["facts"], json!({"from": 3, "to": 3}));
    // Control: not killed, there is none.
    account.put(r#"{"key":"another","kind":"secret","config":{"values":{"a":"x"}}}"#);
    account.run(&["list"]).succeeds();
    assert_eq!(records(&account, &["--what", "gap"]).len(), 1);
}

#[test]
fn a_removal_that_was_killed_stands_there_as_unfinished() {
    if !installed("strace") {
        return;
    }
    let account = account();
    let path = log(&account);
    let fault = "inject=write:signal=KILL:when=3";
    let options = ["-o", "/dev/null", "-P", path.to_str().unwrap(), "-e", "trace=write", "-e", fault];
    traced(&account, &options, &["remove", "pay.api", "--force"]);
    account.run(&["list"]).succeeds();
    let removed = &records(&account, &["--what", "removed"])[0];
    assert_eq!((&removed["result"], &removed["key"]), (&json!("unfinished"), &json!("pay.api")));
    assert_eq!(records(&account, &["--what", "gap"]).len(), 1, "and the save has no record");
}

#[test]
fn a_restore_that_fails_stands_there_as_failed() {
    if !installed("strace") {
        return;
    }
    let account = account();
    // Nothing can be put in another file's place.
    let calls = "?rename,renameat,renameat2";
    let (trace, fault) = (format!("trace={calls}"), format!("inject={calls}:error=EIO"));
    let options = ["-o", "/dev/null", "-e", &trace, "-e", &fault];
    let restore = ["backup", "restore", "1", "--force"];
    assert_eq!(traced(&account, &options, &restore).0, Some(1));
    account.run(&["get", "pay.api"]).succeeds();
    account.run(&restore).succeeds();
    let restored = records(&account, &["--what", "vault_restored"]);
    let results: Vec<_> = restored.iter().map(|record| &record["result"]).collect();
    assert_eq!(results, ["io", "ok"]);
    account.run(&["audit", "verify"]).succeeds();
}

#[test]
fn a_record_that_a_power_cut_halved_is_closed_by_the_next() {
    let account = account();
    let copy = Copy::of(&account);
    let before = fs::read(log(&account)).unwrap();
    account.run(&["get", "pay.api"]).succeeds();
    let after = fs::read(log(&account)).unwrap();
    copy.put_back(&account, &["state"]);
    fs::write(log(&account), &after[..before.len() + 100]).unwrap();
    let verified = account.run(&["audit", "verify"]).succeeds();
    assert!(verified.out.contains("1 record at the end that was cut short"), "{}", verified.out);
    let verified = account.run(&["audit", "verify"]).succeeds();
    assert!(verified.out.contains("1 recorded gap"), "{}", verified.out);
    assert!(fs::read(log(&account)).unwrap().starts_with(&after[..before.len() + 100]));
}

#[test]
fn many_programs_at_once_keep_one_chain() {
    const PROGRAMS: usize = 8;
    const TURNS: usize = 6;
    let account = account();
    std::thread::scope(|scope| {
        for number in 0..PROGRAMS {
            let account = &account;
            scope.spawn(move || {
                for turn in 0..TURNS {
                    match number % 4 {
                        0 => {
                            let text = format!(
                                r#"{{"key":"k{number}.{turn}","kind":"secret","config":{{"values":{{"a":"x"}}}}}}"#
                            );
                            account.put(&text);
                        }
                        1 => drop(account.run(&["list"]).succeeds()),
                        _ => assert_eq!(account.run(&["get", "pay.api"]).succeeds().out, "marker-key-1"),
                    }
                }
            });
        }
    });
    let verified = account.run(&["audit", "verify", "--json"]).succeeds().json();
    assert_eq!(
        (&verified["gaps"], &verified["torn"], &verified["unkeyed"]),
        (&json!(0), &json!(0), &json!(0))
    );
    let got = records(&account, &["--what", "got"]);
    assert_eq!(got.len(), PROGRAMS / 2 * TURNS);
    assert!(got.iter().all(|record| record["result"] == "ok"));
    assert_eq!(records(&account, &["--what", "created"]).len(), 2 + PROGRAMS / 4 * TURNS);
    assert!(account.run(&["show", "pay.api"]).out.contains(&format!("used {} times", PROGRAMS / 2 * TURNS)));
}
