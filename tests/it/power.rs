//! Power cuts: whatever part of what was not synced got to the disk, the vault is the old or the new one, its audit log
//! holds, the next save works, and what was told as done is done (RELIABILITY D6).
//!
//! A real command runs under strace; its writes, names and syncs are played onto a model of a disk that keeps only
//! what it was told to sync, and of the rest any part: names one by one, writes by the sector. Each state that a
//! power cut may so leave is laid out where the vault was, and opened by the library. Every run of the tests takes
//! three commands; all of them are `cargo test --test it -- --ignored --nocapture power::every_command`.

mod disk;
mod trace;

use std::collections::HashSet;
use std::process::{Command, Stdio};
use std::sync::Arc;

use credbench::audit::What;
use credbench::model::Document;
use credbench::session::Session;
use credbench::vault::OpenPolicy;

use self::disk::{Image, Promise, states};
use self::trace::{CALLS, Trace};
use crate::faults::commands::{CASES, Case, prepared};
use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;
use crate::support::vault::{create, installed, now, report, unlock};

/// How many torn writes are tried at each moment at which something is being written.
const TORN: usize = 12;

/// What a command changes.
const FOLDERS: [&str; 3] = ["config", "data", "state"];

/// A command that ran once, with what it did to the disk.
struct Cut {
    case: &'static Case,
    account: Account,
    trace: Trace,
    old: Arc<Document>,
    new: Arc<Document>,
}

/// What states were found.
#[derive(Debug, Default)]
struct Found {
    old: usize,
    new: usize,
    bad: Vec<String>,
}

impl Found {
    fn count(&self) -> usize {
        self.old + self.new + self.bad.len()
    }
}

impl Cut {
    /// Runs the command.
    fn of(case: &'static Case) -> Self {
        let account = prepared(case);
        // So that a vault takes more than one block of a disk.
        let more = (0..30).map(|number| create(&format!("more{number}"), "x")).collect();
        account.session().session.commit(more, now()).unwrap();
        let home = account.home.clone();
        let before = Trace::begin(&home, &FOLDERS);
        let old = account.open().document;
        // That it was opened leaves no trace of its own: the trace starts with what was there before.
        let log = home.join("log");
        let output = Command::new("setsid")
            .args(["--wait", "strace", "-f", "-qq", "-y", "-xx", "-s", "100000000", "-o"])
            .arg(&log)
            .args(["-e", &format!("trace={CALLS}"), PROGRAM])
            .args(case.arguments_in(&home))
            .env_clear()
            .envs(environment(&home))
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
        let trace = before.add(&home, &std::fs::read_to_string(log).unwrap());
        let new = account.open().document;
        assert_ne!(old, new, "{} changes nothing: this would test nothing", case.name);
        Self { case, account, trace, old, new }
    }

    /// Cuts the power at every moment. The next save is tried once for each set of names.
    fn everywhere(&self, promise: Promise, torn: usize) -> Found {
        let (mut found, mut saved_after) = (Found::default(), HashSet::new());
        states(&self.trace, promise, torn, |image| {
            image.write(&self.account.home, &FOLDERS);
            match self.judge(image, saved_after.insert((image.moment, image.names()))) {
                Ok(true) => found.new += 1,
                Ok(false) => found.old += 1,
                Err(wrong) => {
                    let Image { moment, said, .. } = image;
                    let last = moment.checked_sub(1).map(|last| trace::words(&self.trace.ops[last]));
                    let last = last.unwrap_or_default();
                    found
                        .bad
                        .push(format!("{}: after {moment} ({last}), told: {said}: {wrong}", self.case.name));
                }
            }
        });
        found
    }

    /// Whether it is the new vault; an error where something is wrong.
    fn judge(&self, image: &Image, save: bool) -> Result<bool, String> {
        let keyring = unlock(&self.account.identity()).map_err(|error| error.to_string())?;
        let opened = Session::open(&self.account.places(), keyring, OpenPolicy::Strict, now());
        let mut session = opened.map_err(|problem| format!("it does not open: {}", problem.message))?.session;
        let document = session.store().document().clone();
        let is_new = document == self.new;
        if !is_new && document != self.old {
            return Err("neither the old nor the new vault".to_owned());
        }
        if image.said && !is_new {
            return Err("told as done, and the old vault is there".to_owned());
        }
        if is_new && self.case.name == "remove" {
            let records = session.records().map_err(|problem| problem.message)?;
            if !records.iter().any(|record| record.what == What::Removed.word()) {
                return Err("removed, and the audit log does not say so".to_owned());
            }
        }
        if save {
            let next = session.commit(vec![create("next", "x")], now());
            next.map_err(|problem| format!("the next save: {}", problem.message))?;
        }
        session.verify_log().map_err(|problem| format!("the audit log: {}", problem.message))?;
        Ok(is_new)
    }
}

/// Commands whose vault says what they did.
fn cases() -> impl Iterator<Item = &'static Case> {
    CASES.iter().filter(|case| case.says.is_none() && case.opens_old == 0)
}

fn cut(name: &str) -> Option<Cut> {
    installed("strace").then(|| Cut::of(cases().find(|case| case.name == name).unwrap()))
}

fn is_old_or_new(name: &str) {
    let Some(cut) = cut(name) else { return };
    let found = cut.everywhere(Promise::Both, TORN);
    assert!(found.bad.is_empty(), "{}", found.bad.join("\n"));
    // The cuts were on both sides of the moment that counts.
    assert!(found.old > 5 && found.new > 5, "{found:?}");
}

#[test]
fn a_put_is_done_or_not() {
    is_old_or_new("put");
}

#[test]
fn a_removal_is_done_or_not() {
    is_old_or_new("remove");
}

#[test]
fn an_import_is_done_or_not() {
    is_old_or_new("import");
}

/// Control: on a disk that does not keep what files were told to sync, or what folders were, vaults are lost.
#[test]
fn without_its_syncs_a_put_is_found_out() {
    let Some(cut) = cut("put") else { return };
    let says = |found: &Found, words: &str| found.bad.iter().any(|bad| bad.contains(words));
    let no_files = cut.everywhere(Promise::FoldersOnly, TORN);
    assert!(says(&no_files, "was changed or cut"), "{}", no_files.bad.join("\n"));
    let no_folders = cut.everywhere(Promise::FilesOnly, TORN);
    assert!(says(&no_folders, "ROLLBACK"), "{}", no_folders.bad.join("\n"));
}

#[test]
#[ignore = "thousands of power cuts: minutes"]
fn every_command_is_done_or_not() {
    if !installed("strace") {
        return;
    }
    let mut all = 0;
    for case in cases() {
        let cut = Cut::of(case);
        let found = cut.everywhere(Promise::Both, 80 * TORN);
        all += found.count();
        let Found { old, new, bad } = &found;
        report(&format!(
            "{}: {} changes, {old} old, {new} new, {} bad",
            case.name,
            cut.trace.ops.len(),
            bad.len()
        ));
        assert!(bad.is_empty(), "{}", bad.join("\n"));
    }
    report(&format!("{all} states, 0 bad"));
}
