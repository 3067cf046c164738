//! A save that is killed, or refused by the system, at every system call: the vault is exactly the old or the
//! new one, both for us and for stock age, and "created" is printed only for the new one (RELIABILITY D1, D2).

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;

/// System calls that touch files. A `?` lets those pass that this machine does not have.
const CALLS: [&str; 19] = [
    "openat",
    "write",
    "pwrite64",
    "fsync",
    "fdatasync",
    "?rename",
    "renameat",
    "renameat2",
    "?link",
    "linkat",
    "?unlink",
    "unlinkat",
    "?mkdir",
    "mkdirat",
    "flock",
    "ftruncate",
    "fallocate",
    "?chmod",
    "fchmod",
];

/// Errors that a system may answer with.
const ERRORS: [&str; 7] = ["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS", "EMFILE", "EINTR"];

const NEW: &str = r#"{"key":"new","kind":"secret","config":{"values":{"a":"new"}}}"#;

/// What a save left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Old,
    New,
}

/// A vault of which every attempt starts from the same files.
struct Bench {
    account: Account,
    kept: tempfile::TempDir,
    document: String,
}

/// What an attempt printed.
struct Attempt {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Bench {
    /// `None` where the tools are not there.
    fn new() -> Option<Self> {
        let there = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
        if !there("strace") || !there("age") {
            assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "strace and age are required");
            eprintln!("skipped: strace or age not installed");
            return None;
        }
        let account = Account::with_vault();
        account.put(r#"{"key":"old","kind":"secret","config":{"values":{"a":"old"}}}"#);
        let document = account.write("new.json", NEW);
        let bench = Self { account, kept: tempfile::tempdir().unwrap(), document };
        copy(bench.account.home.clone(), bench.kept.path().to_owned());
        Some(bench)
    }

    /// Puts every file back as it was.
    fn reset(&self) {
        for name in ["config", "data", "state"] {
            std::fs::remove_dir_all(self.account.home.join(name)).unwrap();
        }
        copy(self.kept.path().to_owned(), self.account.home.clone());
    }

    /// Runs a command under strace.
    fn traced(&self, options: &[&str], command: &[&str]) -> Attempt {
        let output = Command::new("setsid")
            .args(["--wait", "strace", "-f", "-qq"])
            .args(options)
            .args(command)
            .env_clear()
            .envs(environment(&self.account.home))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
        Attempt { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// Saves a credential under strace.
    fn save(&self, options: &[&str]) -> Attempt {
        self.traced(options, &[PROGRAM, "put", "--no-test", "--json-file", &self.document])
    }

    /// Saves with a fault, starting from the old files.
    fn save_with(&self, fault: &str) -> Attempt {
        self.reset();
        let log = self.account.home.join("log");
        // Faults are put only into calls that are traced.
        let trace = format!("trace={}", fault.split(':').next().unwrap());
        self.save(&["-o", log.to_str().unwrap(), "-e", &trace, "-e", &format!("inject={fault}")])
    }

    /// How often each call is made in a save that goes well.
    fn calls(&self) -> Vec<(String, usize)> {
        let log = self.account.home.join("log");
        let trace = format!("trace={}", CALLS.join(","));
        let attempt = self.save(&["-o", log.to_str().unwrap(), "-e", &trace]);
        assert_eq!(
            (attempt.code, attempt.out.as_str()),
            (Some(0), "new  created, version 1\n"),
            "{}",
            attempt.err
        );
        assert_eq!(self.state(), Ok(State::New));
        let log = std::fs::read_to_string(log).unwrap();
        let mut counts: Vec<(String, usize)> = Vec::new();
        for line in log.lines() {
            // `PID  call(…`
            let Some(name) = line.split_whitespace().nth(1).and_then(|rest| rest.split('(').next()) else {
                continue;
            };
            if !CALLS.iter().any(|call| call.trim_start_matches('?') == name) {
                continue;
            }
            match counts.iter_mut().find(|(known, _)| known == name) {
                Some((_, count)) => *count += 1,
                None => counts.push((name.to_owned(), 1)),
            }
        }
        for needed in ["openat", "write", "fsync", "flock"] {
            assert!(counts.iter().any(|(name, _)| name == needed), "{needed} is not among {counts:?}");
        }
        counts
    }

    /// What the vault holds now, by our program and by stock age.
    fn state(&self) -> Result<State, String> {
        let listed = self.account.run(&["list", "--json"]);
        if listed.code != 0 {
            return Err(format!("our program: exit {}: {}", listed.code, listed.err));
        }
        let keys: Vec<String> = listed
            .json()
            .as_array()
            .unwrap()
            .iter()
            .map(|row| row["key"].as_str().unwrap().to_owned())
            .collect();
        let ours = match keys.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            ["old"] => State::Old,
            ["new", "old"] => State::New,
            _ => return Err(format!("neither old nor new: {keys:?}")),
        };
        let opened = Command::new("age")
            .arg("-d")
            .arg("-i")
            .arg(self.account.identity())
            .arg(self.account.vault())
            .output()
            .unwrap();
        let document: Value = serde_json::from_slice(&opened.stdout)
            .map_err(|error| format!("age: {error}: {}", String::from_utf8_lossy(&opened.stderr)))?;
        let theirs = if document.to_string().contains("\"new\"") { State::New } else { State::Old };
        if ours == theirs { Ok(ours) } else { Err(format!("we read {ours:?}, age reads {theirs:?}")) }
    }

    /// Judges an attempt: old or new, never a save that was told and is not there, and the next one works.
    fn judge(&self, attempt: &Attempt) -> Result<State, String> {
        let state = self.state()?;
        let told = attempt.out.contains("created");
        if (told || attempt.code == Some(0)) && state != State::New {
            return Err(format!("told as saved, but the old one is there: {}", attempt.out));
        }
        if attempt.err.contains("panicked") {
            return Err(attempt.err.clone());
        }
        let again = self.account.run(&["put", "--no-test", "--json-file", &self.document]);
        if again.code != 0 {
            return Err(format!("the next save: exit {}: {}", again.code, again.err));
        }
        Ok(state)
    }
}

fn copy(from: PathBuf, to: PathBuf) {
    for name in ["config", "data", "state"] {
        let done = Command::new("cp").arg("-a").arg(from.join(name)).arg(&to).status().unwrap();
        assert!(done.success());
    }
}

#[test]
fn killed_at_every_call_the_vault_is_old_or_new() {
    let Some(bench) = Bench::new() else { return };
    let mut states = Vec::new();
    for (call, count) in bench.calls() {
        for number in 1..=count {
            let fault = format!("{call}:signal=KILL:when={number}");
            let attempt = bench.save_with(&fault);
            let state = bench.judge(&attempt).unwrap_or_else(|wrong| panic!("{fault}: {wrong}"));
            states.push(state);
        }
    }
    // The faults did hit on both sides of the moment that counts.
    assert!(states.contains(&State::Old) && states.contains(&State::New), "{states:?}");
}

#[test]
fn refused_at_every_call_the_vault_is_old_or_new() {
    let Some(bench) = Bench::new() else { return };
    let mut failed = 0;
    let mut turn = ERRORS.iter().cycle();
    for (call, count) in bench.calls() {
        for number in 1..=count {
            // One error at one place, and at some places for good.
            let error = turn.next().unwrap();
            // An interruption for good is none: whoever tries again, as one shall, would never end.
            let lasting = if number % 3 == 0 && *error != "EINTR" { "+" } else { "" };
            let fault = format!("{call}:error={error}:when={number}{lasting}");
            let attempt = bench.save_with(&fault);
            bench.judge(&attempt).unwrap_or_else(|wrong| panic!("{fault}: {wrong}\n{}", attempt.err));
            failed += usize::from(attempt.code != Some(0));
        }
    }
    assert!(failed > 10, "the faults were felt: {failed}");
}

/// Control: a writer that overwrites the vault in place fails the same judge.
#[test]
fn an_unsafe_writer_is_found_out() {
    let Some(bench) = Bench::new() else { return };
    assert!(bench.save(&["-o", "/dev/null"]).code == Some(0));
    let new = bench.account.home.join("new.age");
    std::fs::copy(bench.account.vault(), &new).unwrap();
    bench.reset();
    let (from, to) = (format!("if={}", new.display()), format!("of={}", bench.account.vault().display()));
    let log = bench.account.home.join("log");
    let options = ["-o", log.to_str().unwrap(), "-e", "trace=write", "-e", "inject=write:signal=KILL:when=1"];
    let attempt = bench.traced(&options, &["dd", &from, &to]);
    assert_ne!(attempt.code, Some(0));
    let wrong = bench.judge(&attempt).unwrap_err();
    assert!(wrong.contains("our program: exit 6"), "{wrong}");
}
