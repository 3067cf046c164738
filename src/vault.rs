//! One sealed document on disk. Synchronous: the caller picks the thread.
//!
//! The file is an age file to every recipient; its plaintext is one JSON document ([`format`]) that carries
//! its own order and a signature, because an age file proves nothing about who wrote it. What this host
//! last saw of each vault stands outside it (`seen.json`), so that an old or foreign file shows. A save
//! is a list of [`Edit`]s applied to what is on disk at that moment, all or none, and is either durable or
//! did not happen.

mod backups;
mod error;
mod format;
pub mod keyring;
pub mod recipient;
mod seal;
mod seen;
mod writer;

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use crate::durable;
use crate::model::{Document, Edit};

pub use error::{Damage, Forgery, Notice, Refusal, StoreError};
pub use format::{FORMAT, Header, Writer};
pub use keyring::{Ask, Keyring, KeyringError, MAX_WORK_FACTOR, WORK_FACTOR};
pub use recipient::{ParsedRecipient, RecipientError, parse_recipient};

/// Where a vault and what belongs to it live. `VAULT.d/` follows from the vault's real path.
#[derive(Clone, Debug)]
pub struct Places {
    /// The vault file; links are followed once.
    pub vault: PathBuf,
    /// `seen.json` of this host.
    pub seen: PathBuf,
    /// Folder of local writer keys, for identities whose secret cannot be used to derive one.
    pub writers: PathBuf,
}

/// How much a refusal stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenPolicy {
    /// Any refusal is an error.
    Strict,
    /// A document that can be read is handed out with its refusal; commits are refused. Only for a person
    /// who was told and said yes.
    ReadOnly,
}

/// A vault just opened or made.
#[derive(Debug)]
pub struct Opened {
    /// The handle for commits.
    pub store: Store,
    /// The contents.
    pub document: Arc<Document>,
    /// What a person should hear.
    pub notices: Vec<Notice>,
    /// Why the store is read-only; always `None` under [`OpenPolicy::Strict`].
    pub refusal: Option<Refusal>,
}

/// An unlocked vault.
#[derive(Debug)]
pub struct Store {
    _private: (),
}

/// What a commit did.
#[derive(Debug)]
pub struct Committed {
    /// The contents as they are on disk now.
    pub document: Arc<Document>,
    /// Takes the commit back when committed in this order.
    pub inverses: Vec<Edit>,
    /// The generation on disk now.
    pub generation: u64,
    /// Another program had saved since this store last read: `document` holds its changes too.
    pub reloaded: bool,
    /// What a person should hear.
    pub notices: Vec<Notice>,
    /// The save is in place, but the folder could not be synced: after a power cut the old file may be back.
    pub unsynced: Option<durable::Error>,
}

impl Store {
    /// Makes a new vault. `document.recipients` decides who can open it.
    ///
    /// # Errors
    /// [`StoreError::Exists`]; [`StoreError::LockedOut`] where the keyring could not open it; files.
    pub fn create(
        places: &Places,
        keyring: Keyring,
        document: Document,
        now: Timestamp,
    ) -> Result<Opened, StoreError> {
        todo!()
    }

    /// Opens a vault and checks it against what this host saw.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::NoIdentityOpens`], [`StoreError::Refused`], files.
    pub fn open(places: &Places, keyring: Keyring, policy: OpenPolicy) -> Result<Opened, StoreError> {
        todo!()
    }

    /// Applies all edits, or none, to what is on disk now, and saves. No edits: nothing is written.
    ///
    /// # Errors
    /// [`StoreError::Edit`] for a conflict, [`StoreError::LockedOut`], [`StoreError::ReadOnly`], files. The
    /// vault and this store are then as before.
    pub fn commit(&mut self, edits: Vec<Edit>, now: Timestamp) -> Result<Committed, StoreError> {
        todo!()
    }

    /// Reads the vault again if the file changed since this store last read or wrote it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn refresh(&mut self) -> Result<Option<Arc<Document>>, StoreError> {
        todo!()
    }

    /// The contents as this store last read or wrote them.
    pub fn document(&self) -> &Arc<Document> {
        todo!()
    }

    /// The header of that file.
    pub fn header(&self) -> &Header {
        todo!()
    }

    /// Generation and the start of the file's digest, for people to compare: `41 · 7f3a-91c2`.
    pub fn fingerprint(&self) -> String {
        todo!()
    }

    /// The vault's real path.
    pub fn path(&self) -> &std::path::Path {
        todo!()
    }

    /// `VAULT.d`, the folder of what belongs to the vault.
    pub fn folder(&self) -> &std::path::Path {
        todo!()
    }

    /// Why commits are refused, if they are.
    pub fn read_only(&self) -> Option<&Refusal> {
        todo!()
    }

    /// The recipient of the identity that opened the vault; `None` for a plugin's.
    pub fn own_recipient(&self) -> Option<&str> {
        todo!()
    }
}

/// A vault that this host would refuse, looked at so that a person can decide.
#[derive(Debug)]
pub struct Adoption {
    /// Why it is refused; `None`: it is not, and adopting changes nothing but the generation.
    pub refusal: Option<Refusal>,
    /// What its header says, where it has one.
    pub header: Option<Header>,
    /// What it holds.
    pub document: Arc<Document>,
    _private: (),
}

impl Adoption {
    /// Reads a vault without comparing it with anything. It must still be decrypted and be well-formed.
    ///
    /// # Errors
    /// As [`Store::open`], but a [`Refusal`] only for damage and for a newer format.
    pub fn examine(places: &Places, keyring: Keyring) -> Result<Self, StoreError> {
        todo!()
    }

    /// Accepts it: signs it as a new generation, and this host trusts it from now on.
    ///
    /// # Errors
    /// [`StoreError::Contended`] where the file is not the one examined any more; files.
    pub fn accept(self, now: Timestamp) -> Result<Opened, StoreError> {
        todo!()
    }
}
