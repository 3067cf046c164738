//! `completions` and `man`: what shells and `man` make of them.

use std::process::Command;

use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;

/// What bash completes at the end of a line.
fn completed(account: &Account, line: &[&str]) -> Vec<String> {
    let script = account.run(&["completions", "bash"]).succeeds().out;
    let words: Vec<String> = line.iter().map(|word| format!("'{word}'")).collect();
    let ask = format!(
        "{script}\nCOMP_WORDS=('{PROGRAM}' {}); COMP_CWORD={}; _credbench_with_keys '{PROGRAM}' \"${{COMP_WORDS[COMP_CWORD]}}\" ''\n\
         printf '%s\\n' \"${{COMPREPLY[@]}}\"",
        words.join(" "),
        line.len(),
    );
    // Too long for an argument.
    let file = account.write("ask", &ask);
    let done = Command::new("bash")
        .args(["--norc", &file])
        .env_clear()
        .envs(environment(&account.home))
        .current_dir(&account.home)
        .output()
        .unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().lines().map(str::to_owned).collect()
}

const TWO: &str = r#"[{"key":"mail.one","kind":"secret","config":{"values":{"a":"b"}}},
    {"key":"web.two","kind":"secret","config":{"values":{"a":"b"}}}]"#;

#[test]
fn bash_completes_commands_options_and_live_keys() {
    let account = Account::with_vault();
    account.put(TWO);
    assert_eq!(completed(&account, &["impo"]), ["import"]);
    assert!(completed(&account, &["test", "--st"]).contains(&"--steps".to_owned()));
    assert_eq!(completed(&account, &["get", ""]), ["mail.one", "web.two"]);
    assert_eq!(completed(&account, &["show", "ma"]), ["mail.one"]);
    account.run(&["solution", "add", "prod"]).succeeds();
    account.put(r#"{"solution":"prod","key":"live","kind":"secret","config":{"values":{"a":"b"}}}"#);
    assert_eq!(completed(&account, &["--solution", "prod", "get", ""]), ["live"]);
    // No session starts for them: the audit log holds what people and programs did.
    let log = account.home.join("data/credbench/vault.age.d/audit.log");
    let before = std::fs::read(&log).unwrap();
    assert_eq!(completed(&account, &["get", "web"]), ["web.two"]);
    assert!(std::fs::read(&log).unwrap() == before);
    account.run(&["get", "web.two"]).succeeds();
    assert!(std::fs::read(&log).unwrap() != before, "the control");
    // A new key is none that is there.
    assert!(!completed(&account, &["add", ""]).contains(&"mail.one".to_owned()));
}

#[test]
fn keys_are_never_asked_for_with_a_passphrase() {
    let account = Account::with_passphrase("open sesame");
    let pass = account.passphrase_file();
    let command = account.command().args(["--passphrase-file", pass.to_str().unwrap(), "put", "--no-test"]);
    command.input(TWO).run().succeeds();
    let done = account.run(&["completions", "keys"]).succeeds();
    assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""));
    let empty = Account::empty();
    let done = empty.run(&["completions", "keys"]).succeeds();
    assert_eq!((done.out.as_str(), done.err.as_str()), ("", ""));
}

#[test]
fn scripts_are_read_by_their_shells() {
    let account = Account::empty();
    for shell in ["bash", "zsh", "fish"] {
        let script = account.run(&["completions", shell]).succeeds().out;
        assert!(script.contains("completions keys"), "{shell}");
        if Command::new(shell).arg("--version").output().is_ok() {
            let file = account.write("script", &script);
            let checked = Command::new(shell).args(["-n", &file]).output().unwrap();
            assert!(checked.status.success(), "{shell}: {}", String::from_utf8_lossy(&checked.stderr));
        }
    }
    account.run(&["completions", "csh"]).exits(2);
    // Keys stand where an argument is a key, and only there.
    let zsh = account.run(&["completions", "zsh"]).out;
    assert!(zsh.contains(":key -- The credential:_credbench_keys'"), "{zsh}");
    assert!(zsh.contains("'*::keys -- The credentials:_credbench_keys'"), "{zsh}");
    assert!(zsh.contains(":key -- What programs refer to"), "a new key is none that is there");
    assert!(!zsh.contains("and '\\''-'\\'':_credbench_keys"));
}

#[test]
fn the_manual_page_names_every_command() {
    let account = Account::empty();
    let page = account.run(&["man"]).succeeds().out;
    assert!(page.starts_with(".TH CREDBENCH 1 "));
    let commands = ["credbench init", "credbench recipients add", "credbench import", "credbench export"];
    for command in commands {
        assert!(page.contains(&format!(".SS \"{command}")), "{command}");
    }
    if Command::new("man").arg("--version").output().is_ok() {
        let file = account.write("credbench.1", &page);
        let read =
            Command::new("man").args(["--warnings", "-l", &file]).env("MANPAGER", "cat").output().unwrap();
        let warned = String::from_utf8_lossy(&read.stderr);
        assert!(read.status.success() && !warned.contains("macro"), "{warned}");
    }
}
