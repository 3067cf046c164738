//! The audit log: who did what with which credential, in `VAULT.d/audit.log`.
//!
//! One JSON object a line, appended and never changed. Each line holds the hash of all before it
//! (`hash_n = SHA256(hash_{n-1} ‖ line)`), so their order can be checked by anybody, and a code made with a key
//! that lies in the vault, so that only who can open the vault can write one. Values stand there only as codes,
//! names only sealed. Lines written with no key at hand, such as of an unlock that failed or of a value that came
//! from the cache, and records that a crash cut short are counted by the next line that has a code.
//!
//! A chain cannot show that its end was cut off. Its newest line stands therefore in two other places: in the
//! vault's signed header at each save, and in this host's memory after each append ([`Witness`]). The memory also
//! keeps the stamp of the file, so that an unchanged log is not read again at every start: what another hand wrote
//! to is checked from its first line to its last.
//!
//! The only place that appends to a file.

mod event;
mod file;
mod key;
mod line;
mod log;
mod record;
mod state;
mod usage;
mod verify;
mod walk;
mod who;

use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::durable;

pub use event::{Entry, Names, Step, What, Who};
pub use key::{Keys, new_key};
pub use log::{Appended, Begun, Log, without_key};
pub use record::{CACHED, CACHED_FOR, Record, records};
pub use state::{Opening, Since};
pub use usage::{Usage, Used};
pub use verify::{Verified, verify};

/// The name of the log in `VAULT.d`.
const NAME: &str = "audit.log";

/// One line of one log: its number, and the hash of everything up to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Head {
    /// Which log: the start of the hash of its first line, hex.
    pub log: String,
    /// The number of the line, counted from 1 over all files of the log.
    pub line: u64,
    /// SHA-256 of the hash before it and the line, hex.
    pub hash: String,
}

/// What a host saw of a log: its newest line, and the file that ended with it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mark {
    /// See [`Head::log`].
    pub log: String,
    /// See [`Head::line`].
    pub line: u64,
    /// See [`Head::hash`].
    pub hash: String,
    /// The size of the file, in bytes.
    pub size: u64,
    /// What a file system says of the file; changes with every change to it.
    pub stamp: String,
}

impl Mark {
    /// The newest line.
    pub fn head(&self) -> Head {
        Head { log: self.log.clone(), line: self.line, hash: self.hash.clone() }
    }
}

/// Uses of credentials that went on although no line could be written, as a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unrecorded {
    /// How many.
    pub uses: u64,
    /// When the first was.
    pub first: Timestamp,
    /// When the last was.
    pub last: Timestamp,
}

/// What stands outside of the log and knows its newest line.
pub trait Witness {
    /// What this host saw of the log at its place; `None`: it never saw one.
    fn mark(&self) -> Option<Mark>;
    /// The lines that the signed vault names, of this log and of others.
    fn heads(&self) -> &[Head];
    /// Keeps what this host saw.
    ///
    /// # Errors
    /// Why it could not be kept.
    fn note(&self, mark: &Mark) -> Result<(), String>;
    /// Uses that the log has no line of, and that its next line is to count.
    fn unrecorded(&self) -> Option<Unrecorded> {
        None
    }
    /// Those were counted.
    ///
    /// # Errors
    /// Why that could not be kept; they are then counted again.
    fn counted(&self, _: &Unrecorded) -> Result<(), String> {
        Ok(())
    }
}

/// Nobody: no witness knows of lines without a code before one with a code counts them.
#[derive(Debug)]
pub struct Nobody;

impl Witness for Nobody {
    fn mark(&self) -> Option<Mark> {
        None
    }

    fn heads(&self) -> &[Head] {
        &[]
    }

    fn note(&self, _: &Mark) -> Result<(), String> {
        Ok(())
    }
}

/// Why the log was not read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is not what was written (exit 6).
    #[error(transparent)]
    Broken(#[from] Broken),
    /// A file could not be read or written (exit 1).
    #[error(transparent)]
    File(#[from] durable::Error),
}

/// Where a log is not what was written.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the audit log {}: {}{fault}", .path.display(), line_words(*.line, *.row))]
pub struct Broken {
    /// The file.
    pub path: PathBuf,
    /// The number that the line has to have, over all files of the log.
    pub line: u64,
    /// Which line of the file that is, from 1.
    pub row: u64,
    /// What is wrong.
    pub fault: Fault,
}

fn line_words(line: u64, row: u64) -> String {
    match (line, row) {
        (0, _) => String::new(),
        _ if line == row => format!("line {line} "),
        _ => format!("line {row} (number {line}) "),
    }
}

/// What is wrong with a line, or with a whole log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// It has another number.
    #[error("is numbered {found}: lines were removed, added or moved")]
    Number {
        /// The number that it has.
        found: u64,
    },
    /// What was before it is not what it was written after.
    #[error("does not follow on from what stands before it")]
    Order,
    /// It was not written by who can open the vault.
    #[error("was changed or forged: its code does not fit")]
    Code,
    /// Lines without a code that it does not count, or not as many as it counts.
    #[error("does not count the lines without a code before it: some were added or removed")]
    Uncounted,
    /// It ends before what is known to have been written.
    #[error("is missing: the end was cut off, {known} lines are known to have been written")]
    Cut {
        /// The newest line that is known.
        known: u64,
    },
    /// It is another line than the known one.
    #[error("is not the line that is known to stand there")]
    Other,
    /// Another log than the known one.
    #[error("is not the log that this host knows")]
    Foreign,
    /// No log at all, where this host knows one.
    #[error("is gone; it had {known} lines")]
    Missing {
        /// The newest line that is known.
        known: u64,
    },
    /// An earlier file of the log.
    #[error("is missing: the earlier file with it is gone")]
    Archive,
    /// The log was written after later saves than that of the vault's file.
    #[error(
        "was written at generation {logged} of the vault, the file is generation {found}: an older vault stands here"
    )]
    Rollback {
        /// The generation that the log names.
        logged: u64,
        /// The vault's.
        found: u64,
    },
    /// The log names another file as this generation of the vault.
    #[error("names another file as generation {generation} of the vault")]
    Vault {
        /// The generation.
        generation: u64,
    },
}

#[cfg(test)]
mod tests;
