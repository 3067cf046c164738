//! `inject`: files with values in place of references (C10).

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use serde_json::json;

use crate::support::home::Account;

/// Values that every format finds hard.
const HARD: &[&str] = &[
    "plain",
    "two words",
    "it's \"quoted\" # not: a comment",
    "$(touch owned) `touch owned` ${HOME} $HOME",
    "back\\slash \\n",
    "line one\nline two\n\n  indented",
    "<&>;=%|",
    "- x: [y]",
    "true",
    "0123",
    " blanks ",
    "ü€😀",
    "tab\there",
];

fn account() -> Account {
    let account = Account::with_vault();
    let values: serde_json::Map<String, serde_json::Value> =
        HARD.iter().enumerate().map(|(number, value)| (format!("v{number}"), json!(value))).collect();
    let documents = json!([{"key": "hard", "kind": "secret", "config": {"values": values}}]);
    account.put(&documents.to_string());
    account
}

/// A template with one line for each value, and the names of the values that the format took.
fn injected(account: &Account, name: &str, line: &str) -> Vec<(usize, String)> {
    let mut taken = Vec::new();
    for number in 0..HARD.len() {
        let text = line.replace('@', &format!("{{{{ cred://hard#v{number} }}}}"));
        let template = account.write(&format!("{name}.tmpl"), &text);
        let done = account.run(&["inject", "-i", &template]);
        match done.code {
            0 => taken.push((number, done.out)),
            _ => assert!(done.exits(5).err.contains("line "), "{name}: {number}"),
        }
    }
    taken
}

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_shell_reads_what_went_in_and_runs_nothing() {
    let account = account();
    for line in [
        "printf %s @",
        "printf %s \"@\"",
        "printf %s '@'",
        "printf %s \"$(printf %s @; echo .)\"",
        "cat <<EOF\n@\nEOF",
    ] {
        let taken = injected(&account, "a.sh", line);
        assert_eq!(taken.len(), HARD.len(), "{line}");
        for (number, script) in taken {
            let done = Command::new("sh").args(["-c", &script]).current_dir(&account.home).output().unwrap();
            let out = String::from_utf8(done.stdout).unwrap();
            let out = if line.contains("echo .") { out.strip_suffix('.').unwrap() } else { &out };
            assert_eq!(out.trim_end_matches('\n'), HARD[number].trim_end_matches('\n'), "{script}");
        }
    }
    assert!(!account.home.join("owned").exists());
    let control = format!("printf %s \"{}\"", HARD[3]);
    Command::new("sh").args(["-c", &control]).current_dir(&account.home).output().unwrap();
    assert!(account.home.join("owned").exists(), "the control");
}

#[test]
fn an_env_file_reads_back() {
    let account = account();
    let taken = injected(&account, "app.env", "A=@\nB=\"x @\"\nC=end\n");
    assert_eq!(taken.len(), HARD.len());
    for (number, text) in taken {
        let file = account.write("filled.env", &text);
        let run =
            account.run(&["run", "--clear-env", "--env-file", &file, "--", "/usr/bin/env", "-0"]).succeeds();
        let expected = format!("A={0}\0B=x {0}\0C=end\0", HARD[number]);
        let mut got: Vec<&str> = run.out.split_terminator('\0').collect();
        got.sort_unstable();
        assert_eq!(got.join("\0") + "\0", expected, "{text}");
    }
}

#[test]
fn yaml_reads_back() {
    let account = account();
    let read = "import sys, json, yaml; print(json.dumps(yaml.safe_load(sys.stdin), default=str))";
    if !Command::new("python3").args(["-c", "import yaml"]).output().is_ok_and(|done| done.status.success()) {
        eprintln!("skipped: no python3 with PyYAML");
        return;
    }
    for (line, all) in [
        ("a: @\nb: \"@\"\nc: {d: @}\ne:\n- @\n", true),
        ("a: '@'\n", false),
        ("a:\n  - k: |\n      first\n      @\n    l: 1\n", false),
    ] {
        let taken = injected(&account, "a.yaml", line);
        assert!(taken.len() == HARD.len() || !all, "{line}");
        assert!(taken.len() > 5, "{line}");
        for (number, text) in taken {
            let file = account.write("filled.yaml", &text);
            let input = std::fs::File::open(file).unwrap();
            let done = Command::new("python3").args(["-c", read]).stdin(input).output().unwrap();
            let value: serde_json::Value = serde_json::from_slice(&done.stdout).unwrap();
            let expected = if all {
                json!({"a": HARD[number], "b": HARD[number], "c": {"d": HARD[number]}, "e": [HARD[number]]})
            } else if line.contains('|') {
                json!({"a": [{"k": format!("first\n{}\n", HARD[number]), "l": 1}]})
            } else {
                json!({"a": HARD[number]})
            };
            assert_eq!(value, expected, "{text}");
        }
    }
}

#[test]
fn other_braces_stay_and_the_format_follows_the_name() {
    let account = account();
    let text = "{{ .Values.a }} {{cred://hard#v0}} {{ include \"x\" }} {{{ cred://hard#v1 }}}";
    let done = account.command().args(["inject"]).input(text).run().succeeds();
    assert_eq!(done.out, "{{ .Values.a }} plain {{ include \"x\" }} {two words}");
    let template = account.write("t", r#"{"a": {{ cred://hard#v8 }}, "b": "{{ cred://hard#v2 }}"}"#);
    let out = account.home.join("out.json");
    account.run(&["inject", "-i", &template, "-o", out.to_str().unwrap()]).succeeds();
    let read: serde_json::Value = serde_json::from_slice(&std::fs::read(&out).unwrap()).unwrap();
    assert_eq!(read, json!({"a": true, "b": HARD[2]}));
    account.run(&["inject", "-i", &template, "--format", "jsn"]).exits(2);
    let done = account.run(&["inject", "-i", &template, "--format", "ini"]).exits(5);
    assert!(
        done.err.contains("line 1, column 35: cred://hard#v2") || done.err.contains("cred://hard#v2"),
        "{}",
        done.err
    );
    assert!(!done.err.contains("quoted"), "{}", done.err);
}

#[test]
fn the_file_is_private_whatever_was_there() {
    let account = account();
    let template = account.write("t.txt", "v: {{ cred://hard#v0 }}\n");
    let out = account.home.join("out.txt");
    let inject =
        format!("umask 000; {} inject -i {template} -o {}", crate::support::command::PROGRAM, out.display());
    account.command_of("sh", &["-c", &inject]).run().succeeds();
    assert_eq!((mode(&out), std::fs::read_to_string(&out).unwrap().as_str()), (0o600, "v: plain\n"));
    // A file that others may read, and that somebody has open.
    std::fs::write(&out, "old").unwrap();
    std::fs::set_permissions(&out, std::fs::Permissions::from_mode(0o644)).unwrap();
    let open = std::fs::File::open(&out).unwrap();
    account.command_of("sh", &["-c", &inject]).run().succeeds();
    assert_eq!(mode(&out), 0o600);
    assert_eq!(std::io::read_to_string(open).unwrap(), "old", "it was replaced, not written over");
}

#[test]
fn no_link_is_followed() {
    let account = account();
    let template = account.write("t.txt", "{{ cred://hard#v0 }}");
    let target = account.write("target", "untouched");
    let link = account.home.join("link");
    std::os::unix::fs::symlink(&target, &link).unwrap();
    let done = account.run(&["inject", "-i", &template, "-o", link.to_str().unwrap()]).exits(5);
    assert!(done.err.contains("is a link"), "{}", done.err);
    assert_eq!(std::fs::read_to_string(&target).unwrap(), "untouched");
    for place in ["/dev/null", account.home.to_str().unwrap()] {
        account.run(&["inject", "-i", &template, "-o", place]).exits(5);
    }
}

#[test]
fn a_kill_at_any_step_leaves_the_old_file_or_the_new() {
    let account = account();
    let template = account.write("t.txt", "{{ cred://hard#v0 }}");
    let out = account.write("out.txt", "old");
    if Command::new("strace").arg("-V").output().is_err() {
        eprintln!("skipped: no strace");
        return;
    }
    let mut states = std::collections::BTreeSet::new();
    for call in ["write:when=1", "fsync:when=1", "fsync:when=2", "renameat:when=1", "renameat2:when=1"] {
        for _ in 0..1 {
            account.write("out.txt", "old");
            let filter = format!(
                "inject={}:signal=KILL:{}",
                call.split(':').next().unwrap(),
                call.split(':').nth(1).unwrap()
            );
            let program = crate::support::command::PROGRAM;
            let arguments =
                ["-f", "-o", "/dev/null", "-e", &filter, program, "inject", "-i", &template, "-o", &out];
            account.command_of("strace", &arguments).run();
            states.insert(std::fs::read_to_string(&out).unwrap());
            for (path, _) in account.files() {
                if path.file_name().unwrap().to_str().unwrap().starts_with(".out.txt.") {
                    assert_eq!(mode(&path), 0o600);
                }
            }
        }
    }
    assert!(states.iter().all(|state| state == "old" || state == "plain"), "{states:?}");
    assert!(states.contains("old"), "the control: something was killed");
    account.run(&["inject", "-i", &template, "-o", &out]).succeeds();
    let left =
        account.files().into_iter().filter(|(path, _)| path.to_str().unwrap().contains(".out.txt.")).count();
    assert_eq!(left, 0, "what was left is removed");
}
