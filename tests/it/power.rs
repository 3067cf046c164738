//! Power cuts: whatever part of what was not synced got to the disk, the vault is the old or the new one, its audit log
//! holds, the next save works, and what was told as done is done (RELIABILITY D6).
//!
//! A real command runs under strace; its writes, names and syncs are played onto a model of a disk that keeps only
//! what it was told to sync, and of the rest any part: names one by one, writes by the sector. Each state that a
//! power cut may so leave is laid out where the vault was, and opened by the library. Every run of the tests takes
//! three commands; all of them are `cargo test --test it -- --ignored --nocapture power::every_command`.

mod blocks;
mod disk;
mod trace;

use std::collections::{BTreeMap, HashSet};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;

use credbench::audit::What;
use credbench::model::Document;
use credbench::session::Session;
use credbench::vault::OpenPolicy;

use self::disk::{Image, Promise, states};
use self::trace::{CALLS, Op, Start, Trace};
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
    account: Account,
    trace: Trace,
    outcome: Outcome,
}

/// What a command may leave.
struct Outcome {
    case: &'static Case,
    old: Left,
    new: Left,
}

/// What tells an account after a command from the one before.
#[derive(Debug, PartialEq)]
enum Left {
    Vault(Arc<Document>),
    /// Where the vault does not tell.
    Word(String),
}

impl Left {
    fn by(case: &Case, account: &Account) -> Result<Self, String> {
        match case.says {
            Some(says) => says(account).map(Self::Word),
            None => Ok(Self::Vault(account.open().document)),
        }
    }
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
        let account = grown(case);
        let before = Trace::begin(&account.home, &FOLDERS);
        // That it was opened leaves no trace of its own: the trace starts with what was there before.
        let old = Left::by(case, &account).unwrap();
        let trace = traced(case, &account, before);
        let outcome = Outcome::new(case, old, &account);
        Self { account, trace, outcome }
    }

    /// Cuts the power at every moment. The next save is tried once for each set of names.
    fn everywhere(&self, promise: Promise, torn: usize) -> Found {
        let (mut found, mut saved_after) = (Found::default(), HashSet::new());
        states(&self.trace, promise, torn, |image| {
            image.write(&self.account.home, &FOLDERS);
            let save = saved_after.insert((image.moment, image.names()));
            match self.outcome.judge(&self.account, image.said, save) {
                Ok(true) => found.new += 1,
                Ok(false) => found.old += 1,
                Err(wrong) => {
                    let Image { moment, said, .. } = image;
                    let last = moment.checked_sub(1).map(|last| trace::words(&self.trace.ops[last]));
                    let last = last.unwrap_or_default();
                    let name = self.outcome.case.name;
                    found.bad.push(format!("{name}: after {moment} ({last}), told: {said}: {wrong}"));
                }
            }
        });
        found
    }
}

/// An account that is ready for a command, and whose vault takes more than one block of a disk.
fn grown(case: &Case) -> Account {
    let account = prepared(case);
    let more = (0..30).map(|number| create(&format!("more{number}"), "x")).collect();
    account.session().session.commit(more, now()).unwrap();
    account
}

/// Runs a command on what was there `before`.
fn traced(case: &Case, account: &Account, before: Trace) -> Trace {
    let home = &account.home;
    let log = home.join("log");
    let output = Command::new("setsid")
        .args(["--wait", "strace", "-f", "-qq", "-y", "-xx", "-s", "100000000", "-o"])
        .arg(&log)
        .args(["-e", &format!("trace={CALLS}"), PROGRAM])
        .args(case.arguments_in(home))
        .env_clear()
        .envs(environment(home))
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {}", case.name, String::from_utf8_lossy(&output.stderr));
    before.add(home, &std::fs::read_to_string(log).unwrap())
}

impl Outcome {
    /// An account before a command and after it.
    fn new(case: &'static Case, old: Left, after: &Account) -> Self {
        let new = Left::by(case, after).unwrap();
        assert_ne!(old, new, "{} changes nothing: this would test nothing", case.name);
        Self { case, old, new }
    }

    /// Whether it is the new one; an error where something is wrong. With `save`, the next save is tried.
    fn judge(&self, account: &Account, told: bool, save: bool) -> Result<bool, String> {
        let (left, session) = match self.case.says {
            Some(says) => (Left::Word(says(account)?), None),
            None => {
                let keyring = unlock(&account.identity()).map_err(|error| error.to_string())?;
                let opened = Session::open(&account.places(), keyring, OpenPolicy::Strict, now());
                let session =
                    opened.map_err(|problem| format!("it does not open: {}", problem.message))?.session;
                (Left::Vault(session.store().document().clone()), Some(session))
            }
        };
        let is_new = left == self.new;
        if !is_new && left != self.old {
            return Err("neither the old nor the new one".to_owned());
        }
        if told && !is_new {
            return Err("told as done, and the old one is there".to_owned());
        }
        let Some(mut session) = session else { return Ok(is_new) };
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

/// The identity, without which there is no vault, has no backup: it is the old one or the new one.
#[test]
fn an_identity_is_there_at_any_time() {
    if !installed("strace") {
        return;
    }
    let case = CASES.iter().find(|case| case.name == "passphrase").unwrap();
    let account = prepared(case);
    let (path, before) = (account.identity(), Trace::begin(&account.home, &FOLDERS));
    let old = std::fs::read(&path).unwrap();
    let trace = traced(case, &account, before);
    let new = std::fs::read(&path).unwrap();
    let (mut olds, mut news) = (0, 0);
    states(&trace, Promise::Both, TORN, |image| {
        match image.file(path.strip_prefix(&account.home).unwrap()) {
            Some(bytes) if bytes == new => news += 1,
            Some(bytes) if bytes == old && !image.said => olds += 1,
            found => {
                let moment = image.moment;
                panic!("after {moment}, told: {}: {:?} bytes", image.said, found.map(<[u8]>::len));
            }
        }
    });
    assert!(olds > 5 && news > 1, "{olds} old, {news} new");
}

/// Control: a rename over a file that has no other name may leave none.
#[test]
fn without_a_second_name_a_file_is_lost() {
    let entries = BTreeMap::from([((0, "a".into()), 1), ((0, "b".into()), 2)]);
    let over = |name: &str, node| Op::Entry { folder: 0, name: name.into(), node };
    let rename = [over("a", Some(2)), over("b", None), Op::SyncFolder(0)];
    let lost = |before: &[Op]| {
        let starts = vec![Start::Folder, Start::File(b"old".to_vec()), Start::File(b"new".to_vec())];
        let trace = Trace { starts, entries: entries.clone(), ops: [before, &rename].concat() };
        let mut lost = 0;
        states(&trace, Promise::Both, 0, |image| lost += usize::from(image.file(Path::new("a")).is_none()));
        lost
    };
    assert!(lost(&[]) > 0);
    assert_eq!(lost(&[over("c", Some(1))]), 0);
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
