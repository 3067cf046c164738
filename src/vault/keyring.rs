//! Identities: the private keys that open a vault.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use crate::durable;
use crate::secret::Secret;

/// scrypt work factor (log2 of N) of every identity this program protects: 256 MiB, about a second. Fixed,
/// because age's own choice times the machine once and is weak on a busy one.
pub const WORK_FACTOR: u8 = 18;

/// The highest work factor that is read: 1 GiB. More would let a file exhaust memory.
pub const MAX_WORK_FACTOR: u8 = 20;

/// Questions that only a person can answer. Called on the thread that unlocks; may block it.
pub trait Ask: Send + Sync {
    /// The passphrase of what is named; `None`: cancelled.
    fn passphrase(&self, what: &str) -> Option<Secret>;
    /// Text that is not secret; `None`: cancelled.
    fn text(&self, what: &str) -> Option<String>;
    /// A choice; `None`: nobody can be asked.
    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool>;
    /// Tells a person something, such as "touch your key".
    fn message(&self, text: &str);
}

/// Answers nothing: for programs without a person.
#[derive(Clone, Copy, Debug, Default)]
pub struct NobodyToAsk;

impl Ask for NobodyToAsk {
    fn passphrase(&self, _: &str) -> Option<Secret> {
        None
    }
    fn text(&self, _: &str) -> Option<String> {
        None
    }
    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }
    fn message(&self, _: &str) {}
}

/// Why an identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is no such file.
    #[error("there is no identity at {}", .path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// The file cannot be read, or others may read it.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// A file is there already; it was not touched.
    #[error("there is a file at {} already; it was not touched", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase does not open the identity.
    #[error("wrong passphrase for {}", .path.display())]
    WrongPassphrase {
        /// The identity.
        path: PathBuf,
    },
    /// A person cancelled, or there was nobody to ask.
    #[error("no passphrase for {}", .path.display())]
    Cancelled {
        /// The identity.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error("{} is not an identity: {reason}", .path.display())]
    NotAnIdentity {
        /// The file.
        path: PathBuf,
        /// What it is instead. Quotes nothing of it.
        reason: String,
    },
    /// The file was an identity.
    #[error("the identity {} is damaged: it was changed or cut", .path.display())]
    Damaged {
        /// The identity.
        path: PathBuf,
    },
    /// More work than [`MAX_WORK_FACTOR`].
    #[error("{} asks for scrypt 2^{found}, at most 2^{MAX_WORK_FACTOR} is tried: protect it anew with a lower one", .path.display())]
    WorkFactor {
        /// The identity.
        path: PathBuf,
        /// Its work factor.
        found: u8,
    },
    /// An SSH key of a kind that age cannot use.
    #[error("the SSH key {} cannot be used: {reason}", .path.display())]
    UnsupportedSsh {
        /// The key.
        path: PathBuf,
        /// Why, and what works.
        reason: String,
    },
    /// The program that speaks to the hardware key is not there.
    #[error("{binary} is not on the PATH")]
    MissingPlugin {
        /// Its name.
        binary: String,
    },
    /// A plugin said no, or broke.
    #[error("the plugin refused: {reason}")]
    Plugin {
        /// Its reason.
        reason: String,
    },
    /// No identity was given.
    #[error("no identity was given")]
    Empty,
    /// The local writer key of an identity is damaged.
    #[error("the local writer key {} is damaged", .path.display())]
    WriterKey {
        /// The file.
        path: PathBuf,
    },
}

/// Unlocked identities, in the order they were given.
pub struct Keyring {
    _private: (),
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keyring(••••••••)")
    }
}

impl Keyring {
    /// Reads and unlocks identity files: age identities (plain, or protected by a passphrase), SSH private
    /// keys, plugin identities. `passphrase`, where given, is used for all; else `ask` is asked.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn unlock(
        identities: &[PathBuf],
        passphrase: Option<Secret>,
        ask: Arc<dyn Ask>,
    ) -> Result<Self, KeyringError> {
        todo!()
    }

    /// Makes a new age identity in a new file, protected by a passphrase where one is given.
    ///
    /// # Errors
    /// [`KeyringError::Exists`]; files.
    pub fn create(
        path: &Path,
        passphrase: Option<Secret>,
        work_factor: u8,
        now: Timestamp,
    ) -> Result<Self, KeyringError> {
        todo!()
    }

    /// The recipients of these identities; a plugin identity's cannot be known.
    pub fn recipients(&self) -> Vec<String> {
        todo!()
    }
}

/// Protects an identity file by another passphrase; `None`: by none. The old file stays until the new one
/// was opened.
///
/// # Errors
/// As [`Keyring::unlock`]; SSH keys are refused (`ssh-keygen -p` does that).
pub fn change_passphrase(
    path: &Path,
    old: Option<Secret>,
    new: Option<Secret>,
    work_factor: u8,
) -> Result<(), KeyringError> {
    todo!()
}

/// Whether unlocking this identity file takes a passphrase, so that a screen can ask before.
///
/// # Errors
/// As [`Keyring::unlock`].
pub fn needs_passphrase(path: &Path) -> Result<bool, KeyringError> {
    todo!()
}
