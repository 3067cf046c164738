//! Everything that can go wrong with a vault, as types that the front ends turn into sentences and exit codes.

use std::fmt;
use std::path::PathBuf;

use super::backups::Backup;
use super::keyring::KeyringError;
use super::recipient::RecipientError;
use crate::durable;
use crate::model::EditError;

/// Why an operation on a vault did not happen.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no vault file (exit 3, hint: `init`).
    #[error("there is no vault at {}", .path.display())]
    Missing {
        /// Where one was looked for.
        path: PathBuf,
    },
    /// A new vault was asked for where a file is already (exit 5).
    #[error("there is a file at {} already; it was not touched", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// An identity or its writer key cannot be used (exit 3).
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// No identity at hand opens this vault (exit 3).
    #[error("none of the given identities opens {}", .path.display())]
    NoIdentityOpens {
        /// The vault.
        path: PathBuf,
    },
    /// The vault is damaged, forged or older than what this host saw (exit 6).
    #[error("{}: {refusal}", .path.display())]
    Refused {
        /// The vault.
        path: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// The vault is damaged, and one of its backups is not (exit 6).
    #[error("{}: {refusal}", .path.display())]
    Restorable {
        /// The vault.
        path: PathBuf,
        /// How it is damaged.
        refusal: Refusal,
        /// The newest that opens.
        backup: Box<Backup>,
    },
    /// No identity at hand opens this vault, but one opens a backup of it (exit 3).
    #[error(
        "none of the given identities opens {}, although they open its backup of generation {}: it was damaged, or \
         encrypted anew without them", .path.display(), .backup.generation
    )]
    NoLongerOpens {
        /// The vault.
        path: PathBuf,
        /// The newest that opens.
        backup: Box<Backup>,
    },
    /// There is no such backup (exit 4).
    #[error("there is no backup {name}")]
    NoBackup {
        /// What was asked for.
        name: String,
    },
    /// An edit cannot be applied (exit 4 or 5); none of the batch was.
    #[error(transparent)]
    Edit(#[from] EditError),
    /// The vault was opened despite a refusal, only to be read (exit 6).
    #[error("the vault is open read-only, because it was refused: {0}")]
    ReadOnly(Refusal),
    /// The recipients would not include the identity that is in use (exit 5).
    #[error(
        "{recipient} is the identity in use: without it among the recipients this save could not be opened again"
    )]
    LockedOut {
        /// The recipient of the identity in use, or a description of it.
        recipient: String,
    },
    /// A recipient in the document cannot be used (exit 7).
    #[error(transparent)]
    Recipient(#[from] RecipientError),
    /// age could not encrypt (exit 1).
    #[error("cannot encrypt the vault: {reason}")]
    Encrypt {
        /// age's reason in our words.
        reason: String,
    },
    /// The document cannot be written in a way that reads back the same (exit 7).
    #[error("this change cannot be stored: {reason}")]
    NotStorable {
        /// What stands in the way, without any value.
        reason: String,
    },
    /// Other programs kept saving while this one tried to (exit 5).
    #[error("{} keeps being changed by other programs", .path.display())]
    Contended {
        /// The vault.
        path: PathBuf,
    },
    /// A file could not be read or written (exit 1; a permissive vault: exit 3).
    #[error(transparent)]
    File(#[from] durable::Error),
}

impl StoreError {
    /// The refusal behind this error: these exit with 6 in every command.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Self::Refused { refusal, .. } | Self::Restorable { refusal, .. } | Self::ReadOnly(refusal) => {
                Some(refusal)
            }
            _ => None,
        }
    }
}

/// Why a vault that can (or cannot) be read is not trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The file cannot be read: cut, changed, or something else.
    #[error("damaged: {0}")]
    Damaged(Damage),
    /// A newer program wrote it.
    #[error("it has format {found}, this program reads up to {known}: a newer credbench wrote it")]
    TooNew {
        /// The file's.
        found: u32,
        /// Ours.
        known: u32,
    },
    /// There is no signature, or it does not fit: credbench did not write what the file says.
    #[error("forged: {0}")]
    Forged(Forgery),
    /// Rightly signed, by a key that nobody on this host vouches for.
    #[error("signed by a writer that this host does not know: {writer}")]
    UnknownWriter {
        /// The public key, and the name it gives itself.
        writer: String,
    },
    /// Another vault stands where this host knows one.
    #[error("a foreign vault: this host knows {expected} here, the file is {found}")]
    Foreign {
        /// The vault id this host knows.
        expected: String,
        /// The vault id in the file.
        found: String,
    },
    /// Older than what this host saw.
    #[error("ROLLBACK: this host saw generation {seen}, the file is {found}")]
    Rollback {
        /// The highest generation this host saw.
        seen: u64,
        /// The file's generation.
        found: u64,
    },
    /// The generation this host saw, with other bytes.
    #[error("this host saw another file with the same generation {generation}")]
    SameGeneration {
        /// The generation.
        generation: u64,
    },
    /// The next generation, but not made from the one this host saw.
    #[error(
        "generation {generation} was not made from the generation {} this host saw: another save was overwritten",
        .generation - 1
    )]
    Fork {
        /// The file's generation.
        generation: u64,
    },
    /// What this host remembers of vaults is damaged or was changed.
    #[error("the memory of seen vaults at {} is damaged or was changed", .path.display())]
    Memory {
        /// `seen.json`.
        path: PathBuf,
    },
}

/// How a vault file is damaged. Names no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// No age file at all.
    #[error("this is not an age file")]
    NotAge,
    /// The age header does not hold together.
    #[error("the age header was changed or cut")]
    Header,
    /// The encrypted part was changed or cut.
    #[error("the encrypted part was changed or cut")]
    Payload,
    /// The plaintext is not what a vault looks like.
    #[error("not a vault document: {what} at line {line}, column {column}")]
    Document {
        /// What is wrong, without any value.
        what: String,
        /// From 1.
        line: usize,
        /// From 1.
        column: usize,
    },
    /// The contents contradict themselves.
    #[error("{credential}: {what} at {pointer}")]
    Contents {
        /// `solution/key` of the credential, or its id.
        credential: String,
        /// JSON pointer into its document.
        pointer: String,
        /// What is wrong.
        what: &'static str,
    },
}

/// What is wrong with a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forgery {
    /// There is none.
    #[error("the document is not signed")]
    Unsigned,
    /// It does not fit the bytes.
    #[error("the signature does not fit the document")]
    Signature,
    /// The signer is not among the writers that the header names.
    #[error("the writer is not among the writers that the document names")]
    NotAWriter,
}

/// Something a person should hear about that stops nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// This host never saw the vault: its writers are trusted from now on.
    FirstSight {
        /// The writers, as `name (public key)`.
        writers: Vec<String>,
    },
    /// A vault that this host knows from another place.
    NewPlace {
        /// Where it was seen before.
        known: PathBuf,
        /// The highest generation seen there.
        generation: u64,
    },
    /// This save is the first by this writer: hosts that pinned the others ask for `vault adopt`.
    NewWriter {
        /// The public key.
        writer: String,
    },
    /// The vault is fine, but this host could not note what it saw.
    NotRemembered {
        /// Why.
        reason: String,
    },
    /// The vault lies on a file system that other hosts may write to at the same time. Told when this host sees it
    /// there first.
    NetworkFileSystem {
        /// Its name.
        name: &'static str,
    },
    /// The file system knows no locks: two programs that save at the same moment may refuse each other.
    NotLocked,
    /// The vault is in place, but a power cut may take it away again.
    Unsynced {
        /// Why.
        reason: String,
    },
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FirstSight { writers } => write!(
                f,
                "this host sees this vault for the first time; it trusts from now on what {} signed",
                writers.join(", ")
            ),
            Self::NewPlace { known, generation } => {
                write!(f, "this host knows this vault from {}, generation {generation}", known.display())
            }
            Self::NewWriter { writer } => write!(
                f,
                "{writer} saved for the first time; hosts that know this vault must adopt it once (credbench vault adopt)"
            ),
            Self::NetworkFileSystem { name } => write!(
                f,
                "the vault lies on {name}: its locks may not reach other hosts, so that two that save at the same moment \
                 may refuse each other; nothing is overwritten, for the file is compared before each save"
            ),
            Self::NotLocked => f.write_str(
                "the vault's file system knows no locks; before each save the file is compared with what was read",
            ),
            Self::Unsynced { reason } => write!(f, "saved, but durability is unknown: {reason}"),
            Self::NotRemembered { reason } => {
                write!(f, "what this host saw of the vault could not be noted: {reason}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_says_what_it_is_of() {
        let reason = || "the reason".to_owned();
        for (notice, words) in [
            (
                Notice::FirstSight { writers: vec!["Ann (k1)".to_owned(), "k2".to_owned()] },
                "Ann (k1), k2 signed",
            ),
            (
                Notice::NewPlace { known: "/old/vault.age".into(), generation: 41 },
                "/old/vault.age, generation 41",
            ),
            (Notice::NewWriter { writer: "Ann (k1)".to_owned() }, "Ann (k1) saved for the first time"),
            (Notice::NetworkFileSystem { name: "NFS" }, "lies on NFS: "),
            (Notice::NotLocked, "knows no locks"),
            (Notice::Unsynced { reason: reason() }, "durability is unknown: the reason"),
            (Notice::NotRemembered { reason: reason() }, "could not be noted: the reason"),
        ] {
            assert!(notice.to_string().contains(words), "{notice}");
        }
    }
}
