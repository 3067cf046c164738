//! Commands that are killed, or refused by the system, at their system calls: the vault is exactly the old or the
//! new one, both for us and for stock age, and a success is told only for the new one (RELIABILITY D1, D2, D3).
//!
//! Every run of the tests takes all calls of `put` and a sample of every other command's; the whole matrix is
//! `cargo test --test it -- --ignored --nocapture faults::the_whole_matrix`, for some commands with
//! `CREDBENCH_FAULTS=put,remove`, and of some calls with `CREDBENCH_CALLS=open,read`.

pub(crate) mod commands;
mod systems;

use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use self::commands::{CASES, Case};
use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;
use crate::support::vault::report;

/// System calls that change files, or open them to be changed. A `?` lets those pass that this machine does not have.
const CALLS: [&str; 20] = [
    "openat",
    "?open",
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

/// System calls that read and look at files.
const READS: [&str; 7] = ["read", "pread64", "?readlink", "?statx", "?newfstatat", "?fstat", "getdents64"];

/// Errors that a system may answer with.
const ERRORS: [&str; 7] = ["EIO", "ENOSPC", "EDQUOT", "EACCES", "EROFS", "EMFILE", "EINTR"];

/// How many kills and errors of each command every run of the tests takes.
const SAMPLE: usize = 3;

/// What an attempt left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Old,
    New,
}

/// An account on which every attempt of one command starts from the same files.
struct Bench {
    case: &'static Case,
    account: Account,
    kept: tempfile::TempDir,
    /// What the vault says before the command and after it.
    old: String,
    new: String,
}

/// What an attempt printed.
struct Attempt {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Bench {
    /// `None` where the tools are not there.
    fn new(name: &str) -> Option<Self> {
        let there = |tool: &str| Command::new(tool).arg("--version").output().is_ok();
        if !there("strace") || !there("age") {
            assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "strace and age are required");
            report("skipped: strace or age not installed");
            return None;
        }
        let case = CASES.iter().find(|case| case.name == name).unwrap();
        let account = commands::prepared(case);
        let kept = tempfile::tempdir().unwrap();
        copy(account.home.clone(), kept.path().to_owned());
        let mut bench = Self { case, account, kept, old: String::new(), new: String::new() };
        bench.old = bench.says().unwrap();
        let attempt = bench.run(&["-o", "/dev/null"]);
        assert_eq!(attempt.code, Some(0), "{name}: {}", attempt.err);
        bench.new = bench.says().unwrap();
        assert_ne!(bench.old, bench.new, "{name} changes nothing: this would test nothing");
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

    /// Runs the case's command under strace.
    fn run(&self, options: &[&str]) -> Attempt {
        let arguments = self.case.arguments_in(&self.account.home);
        let mut command = vec![PROGRAM];
        command.extend(arguments.iter().map(String::as_str));
        self.traced(options, &command)
    }

    /// Runs it with a fault, or with several that a blank stands between, starting from the old files.
    fn run_with(&self, faults: &str) -> Attempt {
        self.reset();
        let log = self.account.home.join("log");
        // Faults are put only into calls that are traced.
        let calls: Vec<&str> = faults.split(' ').filter_map(|fault| fault.split(':').next()).collect();
        let trace = format!("trace={}", calls.join(","));
        let injected: Vec<String> = faults.split(' ').map(|fault| format!("inject={fault}")).collect();
        let mut options = vec!["-o", log.to_str().unwrap(), "-e", &trace];
        options.extend(injected.iter().flat_map(|fault| ["-e", fault.as_str()]));
        // Faster, as other calls are let alone; kills do not work with it.
        if !faults.contains(":signal=") {
            options.push("--seccomp-bpf");
        }
        self.run(&options)
    }

    /// Every call of a run that goes well and changes files, as its name and which of that name it is.
    fn calls(&self) -> Vec<(String, usize)> {
        let calls = self.calls_of(&CALLS);
        for needed in ["openat", "write", "fsync", "flock"] {
            let exempt = needed == "flock" && self.case.name == "passphrase";
            assert!(exempt || calls.iter().any(|(name, _)| name == needed), "no {needed}: {calls:?}");
        }
        calls
    }

    /// The calls of these names.
    fn calls_of(&self, names: &[&str]) -> Vec<(String, usize)> {
        self.reset();
        let log = self.account.home.join("log");
        let trace = format!("trace={}", names.join(","));
        let attempt = self.run(&["--seccomp-bpf", "-o", log.to_str().unwrap(), "-e", &trace]);
        assert_eq!(attempt.code, Some(0), "{}", attempt.err);
        self.logged(names)
    }

    /// The calls of these names in the last run.
    fn logged(&self, names: &[&str]) -> Vec<(String, usize)> {
        let log = std::fs::read_to_string(self.account.home.join("log")).unwrap();
        let mut calls: Vec<(String, usize)> = Vec::new();
        for line in log.lines() {
            // `PID  call(…`
            let Some(name) = line.split_whitespace().nth(1).and_then(|rest| rest.split('(').next()) else {
                continue;
            };
            if names.iter().any(|call| call.trim_start_matches('?') == name) {
                let number = calls.iter().filter(|(known, _)| known == name).count() + 1;
                calls.push((name.to_owned(), number));
            }
        }
        calls
    }

    /// What the vault says now, by stock age, without what differs from run to run.
    fn says(&self) -> Result<String, String> {
        if let Some(says) = self.case.says {
            return says(&self.account);
        }
        if !self.account.vault().exists() {
            return Ok("no vault".to_owned());
        }
        let opened = Command::new("age")
            .arg("-d")
            .arg("-i")
            .arg(self.account.identity())
            .arg(self.account.vault())
            .output()
            .unwrap();
        let document: Value = serde_json::from_slice(&opened.stdout)
            .map_err(|error| format!("age: {error}: {}", String::from_utf8_lossy(&opened.stderr)))?;
        Ok(lasting(&document["body"]).to_string())
    }

    /// What the attempt left, by our program and by stock age.
    fn state(&self) -> Result<State, String> {
        let says = self.says()?;
        let state = match says {
            says if says == self.old => State::Old,
            says if says == self.new => State::New,
            says => return Err(format!("neither old nor new: {says}")),
        };
        let code = if state == State::Old { self.case.opens_old } else { 0 };
        let listed = self.account.run(&["list", "--json", "--all-solutions"]);
        let fits = self.case.says.is_some() || listed.code == code;
        if fits { Ok(state) } else { Err(format!("our program: exit {}: {}", listed.code, listed.err)) }
    }

    /// Judges an attempt: old or new, never a success that was told and is not there, and the next save works.
    fn judge(&self, attempt: &Attempt) -> Result<State, String> {
        let state = self.state()?;
        if (!attempt.out.is_empty() || attempt.code == Some(0)) && state != State::New {
            return Err(format!("told as done, but the old one is there: {}", attempt.out));
        }
        if attempt.err.contains("panicked") {
            return Err(attempt.err.clone());
        }
        if state == State::New || self.case.opens_old == 0 {
            let next = r#"{"key":"next","kind":"secret","config":{"values":{"a":"next"}}}"#;
            let mut command = self.account.command().args(["put", "--no-test"]);
            if self.case.name == "passphrase" {
                let pass = self.account.home.join("new-pass");
                command = command.arg("--passphrase-file").arg(pass);
            }
            let again = command.input(next).run();
            if again.code != 0 {
                return Err(format!("the next save: exit {}: {}", again.code, again.err));
            }
        }
        let again = || self.run(&["-o", "/dev/null"]);
        if state == State::Old && self.case.opens_old != 0 && again().code != Some(0) {
            return Err("it does not work the second time".to_owned());
        }
        Ok(state)
    }

    /// Attempts it with each fault; what each left.
    fn attempt(&self, faults: impl IntoIterator<Item = String>) -> (Vec<State>, usize) {
        let (mut states, mut failed) = (Vec::new(), 0);
        for fault in faults {
            let attempt = self.run_with(&fault);
            let name = self.case.name;
            let state = self
                .judge(&attempt)
                .unwrap_or_else(|wrong| panic!("{name} {fault}: {wrong}\n{}", attempt.err));
            failed += usize::from(attempt.code != Some(0));
            states.push(state);
        }
        (states, failed)
    }
}

/// A value without what differs from run to run.
fn lasting(value: &Value) -> Value {
    // `recipient`, `audit` (its key): of a new vault, new ones. That somebody was added or taken off shows by how many there are.
    const PASSING: [&str; 9] = [
        "id",
        "at",
        "created_at",
        "updated_at",
        "added_at",
        "removed_at",
        "scanned_at",
        "recipient",
        "audit",
    ];
    match value {
        Value::Object(members) => {
            let kept = members.iter().filter(|(name, _)| !PASSING.contains(&name.as_str()));
            kept.map(|(name, value)| (name.clone(), lasting(value))).collect()
        }
        Value::Array(items) => items.iter().map(lasting).collect(),
        other => other.clone(),
    }
}

fn copy(from: PathBuf, to: PathBuf) {
    for name in ["config", "data", "state"] {
        let done = Command::new("cp").arg("-a").arg(from.join(name)).arg(&to).status().unwrap();
        assert!(done.success());
    }
}

fn kill((call, number): &(String, usize)) -> String {
    format!("{call}:signal=KILL:when={number}")
}

/// One error at one place, and at some places for good.
fn error((call, number): &(String, usize), error: &str, lasting: bool) -> String {
    // An interruption for good is none: whoever tries again, as one shall, would never end.
    let lasting = if lasting && error != "EINTR" { "+" } else { "" };
    format!("{call}:error={error}:when={number}{lasting}")
}

/// Some of many, evenly over all of them; `turn` decides where it starts.
fn sample<T: Clone>(all: &[T], turn: usize) -> Vec<T> {
    let step = (all.len() / SAMPLE).max(1);
    all.iter().skip(turn % step).step_by(step).take(SAMPLE).cloned().collect()
}

#[test]
fn killed_at_every_call_the_vault_is_old_or_new() {
    let Some(bench) = Bench::new("put") else { return };
    let (states, _) = bench.attempt(bench.calls().iter().map(kill));
    // The faults did hit on both sides of the moment that counts.
    assert!(states.contains(&State::Old) && states.contains(&State::New), "{states:?}");
}

/// Refuses every call of a command once, one in three for good.
fn refused_at_every_call(name: &str) {
    let Some(bench) = Bench::new(name) else { return };
    let calls = bench.calls();
    let faults = calls.iter().zip(ERRORS.iter().cycle()).enumerate();
    let (_, failed) = bench.attempt(faults.map(|(index, (call, name))| error(call, name, index % 3 == 0)));
    assert!(failed > 10, "the faults were felt: {failed}");
}

#[test]
fn refused_at_every_call_the_vault_is_old_or_new() {
    refused_at_every_call("put");
}

/// The first save makes what later ones find.
#[test]
fn refused_at_every_call_there_is_no_vault_or_a_whole_one() {
    refused_at_every_call("init");
}

/// What cannot be read, or looked at, is neither taken for missing nor saved over.
#[test]
fn unreadable_at_a_sample_of_calls_the_vault_is_old_or_new() {
    let Some(bench) = Bench::new("put") else { return };
    let calls = bench.calls_of(&READS);
    let faults = calls.iter().skip(3).step_by(6).enumerate();
    let (_, failed) =
        bench.attempt(faults.map(|(index, call)| error(call, ["EIO", "EACCES"][index % 2], false)));
    assert!(failed > 10, "the faults were felt: {failed}");
}

/// A sample of the faults of each other command: other calls and errors for each.
fn sampled(part: usize) {
    let mut failed = 0;
    for (turn, case) in CASES.iter().enumerate().filter(|(turn, case)| turn % 2 == part && case.name != "put")
    {
        let Some(bench) = Bench::new(case.name) else { return };
        let calls = bench.calls();
        let kills = sample(&calls, turn * 3);
        let errors = sample(&calls, turn * 3 + 1);
        let errors = errors
            .iter()
            .enumerate()
            .map(|(index, call)| error(call, ERRORS[(turn + index) % ERRORS.len()], index % 2 == 0));
        failed += bench.attempt(kills.iter().map(kill).chain(errors)).1;
    }
    assert!(failed > CASES.len(), "the faults were felt: {failed}");
}

#[test]
fn one_half_of_the_commands_is_old_or_new_whatever_fails() {
    sampled(0);
}

#[test]
fn the_other_half_of_the_commands_is_old_or_new_whatever_fails() {
    sampled(1);
}

#[test]
#[ignore = "every fault of every command: hours on a busy machine"]
fn the_whole_matrix() {
    let wanted = |variable: &str| -> Vec<String> {
        let names = std::env::var(variable).unwrap_or_default();
        names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
    };
    let (commands, only) = (wanted("CREDBENCH_FAULTS"), wanted("CREDBENCH_CALLS"));
    let is_among = |names: &[String], name: &str| names.is_empty() || names.iter().any(|known| known == name);
    for case in CASES.iter().filter(|case| is_among(&commands, case.name)) {
        let Some(bench) = Bench::new(case.name) else { return };
        let mut calls = bench.calls();
        calls.retain(|(name, _)| is_among(&only, name));
        let mut faults: Vec<String> = calls.iter().map(kill).collect();
        for name in ERRORS {
            faults.extend(calls.iter().map(|call| error(call, name, false)));
        }
        faults.extend(calls.iter().zip(ERRORS.iter().cycle()).map(|(call, name)| error(call, name, true)));
        let mut reads = bench.calls_of(&READS);
        reads.retain(|(name, _)| is_among(&only, name));
        faults.extend(reads.iter().map(|call| error(call, "EIO", false)));
        let count = faults.len();
        let (states, failed) = bench.attempt(faults);
        let new = states.iter().filter(|state| **state == State::New).count();
        report(&format!(
            "{}: {} calls, {count} faults, {failed} felt, {new} new, 0 bad",
            case.name,
            calls.len()
        ));
    }
}

/// Control: a writer that overwrites the vault in place fails the same judge.
#[test]
fn an_unsafe_writer_is_found_out() {
    let Some(bench) = Bench::new("put") else { return };
    let new = bench.account.home.join("new.age");
    std::fs::copy(bench.account.vault(), &new).unwrap();
    bench.reset();
    let (from, to) = (format!("if={}", new.display()), format!("of={}", bench.account.vault().display()));
    let log = bench.account.home.join("log");
    let options = ["-o", log.to_str().unwrap(), "-e", "trace=write", "-e", "inject=write:signal=KILL:when=1"];
    let attempt = bench.traced(&options, &["dd", &from, &to]);
    assert_ne!(attempt.code, Some(0));
    let wrong = bench.judge(&attempt).unwrap_err();
    assert!(wrong.starts_with("age: "), "{wrong}");
}
