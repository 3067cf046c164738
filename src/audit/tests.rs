#![allow(clippy::disallowed_methods, reason = "tests change files as an attacker would")]

mod cached;
mod chain;
mod crashes;
mod files;
mod limits;
mod lines;
mod long;
mod open;
mod summary;
mod words;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};

use super::line::{Line, START, follow, hex};
use super::*;
use crate::model::Id;
use crate::secret::Secret;

/// A host's memory, and the heads that a vault names.
#[derive(Default)]
struct Host {
    mark: RefCell<Option<Mark>>,
    heads: Vec<Head>,
}

impl Witness for Host {
    fn mark(&self) -> Option<Mark> {
        self.mark.borrow().clone()
    }

    fn heads(&self) -> &[Head] {
        &self.heads
    }

    fn note(&self, mark: &Mark) -> Result<(), String> {
        *self.mark.borrow_mut() = Some(mark.clone());
        Ok(())
    }
}

/// A log in a folder of its own.
struct Bench {
    guard: tempfile::TempDir,
    key: Secret,
    host: Host,
}

impl Bench {
    fn new() -> Self {
        Self { guard: tempfile::tempdir().unwrap(), key: new_key(), host: Host::default() }
    }

    /// A log with lines of every sort.
    fn with_lines() -> Self {
        let bench = Self::new();
        let mut log = bench.open().unwrap();
        log.set_vault(1, &"d".repeat(64));
        bench.append(&mut log, &[Entry::new(What::VaultCreated)]);
        for number in 0..4 {
            bench.append(&mut log, &[Entry::new(What::Opened)]);
            bench.get(&mut log, &format!("key-{number}"));
        }
        bench
    }

    fn folder(&self) -> &Path {
        self.guard.path()
    }

    fn path(&self) -> PathBuf {
        self.folder().join(NAME)
    }

    fn keys(&self) -> Keys {
        Keys::of(&self.key).unwrap()
    }

    fn log(&self) -> Log {
        Log::new(self.folder(), Some(self.keys()), Who::default())
    }

    fn open(&self) -> Result<Log, Error> {
        let mut log = self.log();
        log.refresh(&self.host)?;
        Ok(log)
    }

    fn append(&self, log: &mut Log, entries: &[Entry]) -> Appended {
        log.append(entries, now(), &self.host).unwrap()
    }

    fn get(&self, log: &mut Log, key: &str) {
        let begun = log.begin(vec![got(key)], now(), &self.host).unwrap();
        log.end(begun, "ok", Vec::new(), now(), &self.host).unwrap();
    }

    fn fail_to_unlock(&self) {
        let entry = Entry::new(What::UnlockFailed).with_result("wrong_passphrase");
        without_key(self.folder(), Who::default(), &entry, now()).unwrap();
    }

    fn verify(&self) -> Result<Verified, Broken> {
        verify(self.folder(), &self.keys(), &self.host).map_err(|error| match error {
            Error::Broken(broken) => broken,
            Error::File(error) => panic!("{error}"),
        })
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    fn write(&self, bytes: impl AsRef<[u8]>) {
        write_private(&self.path(), bytes);
    }

    fn write_lines(&self, lines: &[String]) {
        self.write(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    }

    /// What both ways of looking say: the check of everything, and the opening of a session.
    fn fault(&self) -> (u64, Fault) {
        let broken = self.verify().unwrap_err();
        let Err(Error::Broken(opened)) = self.open() else { panic!("opened: {broken}") };
        assert_eq!(opened, broken);
        (broken.line, broken.fault)
    }
}

fn write_private(path: &Path, bytes: impl AsRef<[u8]>) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn got(key: &str) -> Entry {
    let entry = Entry { id: Some(Id(format!("id-of-{key}"))), ..Entry::new(What::Got) };
    entry.in_solution("default").named(key).with_value("/config/api_key", &Secret::from("hunter2"))
}

/// The lines again, as somebody writes them who has our source but no key: numbers and hashes fit.
fn relinked(lines: &[String]) -> Vec<String> {
    let mut hash = START;
    let mut out = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["n"] = (index + 1).into();
        value["prev"] = hex(&hash).into();
        let line = value.to_string();
        hash = follow(&hash, line.as_bytes());
        out.push(line);
    }
    out
}
