//! One sealed document on disk. Synchronous: the caller picks the thread.
//!
//! The file is an age file to every recipient; its plaintext is one JSON document (`format.rs`) that carries
//! its own order and a signature, because an age file proves nothing about who wrote it. What this host
//! last saw of each vault stands outside it (`seen.json`), so that an old or foreign file shows. A save
//! is a list of [`Edit`]s applied to what is on disk at that moment, all or none, and is either durable or
//! did not happen.

mod adoption;
mod archive;
pub mod backups;
mod drafts;
mod error;
pub mod export;
mod file;
mod format;
pub mod keyring;
pub mod recipient;
mod save;
mod seal;
mod seen;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use self::file::{Files, Loaded};
use self::seen::Facts;
use self::writer::WriterKey;
use crate::audit::{self, Head, Mark, Unrecorded};
use crate::durable::{self, LOCK_WAIT, Lock};
use crate::model::{Batch, Document, Edit, KeptDraft};

/// Holds off other programs' saves until it is dropped.
pub use crate::durable::Lock as Held;
pub use adoption::Adoption;
pub use archive::{Archive, Earlier, Restoration, Restored};
pub use backups::Backup;
pub use drafts::{DraftSealer, SealedDraft};
pub use error::{Damage, Forgery, Notice, Refusal, StoreError};
pub use format::{Contents, FORMAT, Header, Writer, decode, encode};
pub use keyring::{Ask, Keyring, KeyringError, MAX_WORK_FACTOR, NobodyToAsk, WORK_FACTOR};
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

/// How often a commit starts again because the file changed under it although it holds the lock: only where
/// a file system does not really lock.
const ATTEMPTS: u32 = 5;

/// How often a file is read again because it was replaced while it was judged.
const READS: u32 = 50;

/// An unlocked vault.
#[derive(Debug)]
pub struct Store {
    files: Files,
    keyring: Keyring,
    policy: OpenPolicy,
    state: State,
    audit_head: Option<Head>,
}

/// What is on disk, as last read or written.
struct State {
    header: Header,
    document: Arc<Document>,
    /// Which identity opened it: it signs what this store saves.
    opener: usize,
    key: WriterKey,
    /// SHA-256 of the file, hex.
    digest: String,
    stamp: Option<durable::Stamp>,
    refusal: Option<Refusal>,
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "State(generation {})", self.header.generation)
    }
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
        let files = Files::prepare(places)?;
        let recipients = save::recipients(&document)?;
        let opener = keyring
            .position(|identity| recipients.iter().any(|recipient| identity.answers_to(recipient)))
            .ok_or_else(|| save::locked_out(&keyring, 0))?;
        let key = files.writer_key(&keyring, opener)?;
        let mut header = Header {
            format: FORMAT,
            vault_id: uuid::Uuid::new_v4().to_string(),
            generation: 1,
            previous: None,
            saved_at: now,
            writer: key.public(),
            writers: Vec::new(),
            audit: Vec::new(),
            extra: crate::model::Object::new(),
        };
        let document = save::with_audit_key(document);
        save::add_writer(&mut header, &key, &document, keyring.identity(opener));
        durable::create_private_folder(&files.folder)?;
        let _lock = Lock::acquire(&files.lock(), LOCK_WAIT)?;
        durable::remove_stale(&files.vault);
        let sealed = save::seal(&document, &header, &recipients, &key, &keyring)?;
        let verify = |back: &[u8]| sealed.opens_from(back, &keyring, opener);
        let saved = match durable::create(&files.vault, &sealed.bytes, verify) {
            Err(durable::Error::Exists { path }) => return Err(StoreError::Exists { path }),
            other => other?,
        };
        let state = State::saved(&files, sealed, header, Arc::new(document), opener, key);
        let store = Self { files, keyring, policy: OpenPolicy::Strict, state, audit_head: None };
        let mut notices: Vec<Notice> = store.note(true).into_iter().collect();
        notices.extend(store.files.network_notice());
        notices.extend(saved.unsynced.map(|error| Notice::Unsynced { reason: error.to_string() }));
        Ok(store.opened(notices))
    }

    /// Opens a vault and checks it against what this host saw.
    ///
    /// # Errors
    /// [`StoreError::Missing`], [`StoreError::NoIdentityOpens`], [`StoreError::Refused`], files.
    pub fn open(places: &Places, keyring: Keyring, policy: OpenPolicy) -> Result<Opened, StoreError> {
        let files = Files::resolve(places)?;
        let (state, mut notices) = State::read(&files, &keyring, policy)
            .map_err(|error| archive::with_newest(error, &files, &keyring))?;
        let store = Self { files, keyring, policy, state, audit_head: None };
        if store.state.refusal.is_none() {
            notices.extend(store.note(false));
        }
        Ok(store.opened(notices))
    }

    /// Applies all edits, or none, to what is on disk now, and saves. No edits: nothing is written.
    ///
    /// # Errors
    /// [`StoreError::Edit`] for a conflict, [`StoreError::LockedOut`], [`StoreError::ReadOnly`], files. The
    /// vault is then as before, and so is this store, unless it met another program's save.
    pub fn commit(&mut self, edits: Vec<Edit>, now: Timestamp) -> Result<Committed, StoreError> {
        self.commit_then(edits, now, &mut |_| {})
    }

    /// As [`Store::commit`]; once the edits are saved, `saved` is done before any other program can save.
    ///
    /// # Errors
    /// As [`Store::commit`].
    pub fn commit_then(
        &mut self,
        edits: Vec<Edit>,
        now: Timestamp,
        saved: &mut dyn FnMut(&Self),
    ) -> Result<Committed, StoreError> {
        self.require_trusted()?;
        durable::create_private_folder(&self.files.folder)?;
        let mut notices = Vec::new();
        let mut reloaded = false;
        for attempt in 0..ATTEMPTS {
            let lock = Lock::acquire(&self.files.lock(), LOCK_WAIT)?;
            if attempt == 0 && !lock.is_held() {
                notices.push(Notice::NotLocked);
            }
            durable::remove_stale(&self.files.vault);
            if let Some(heard) = self.reload()? {
                notices.extend(heard);
                reloaded = true;
                self.require_trusted()?;
            }
            let mut committed = Committed {
                document: Arc::clone(&self.state.document),
                inverses: Vec::new(),
                generation: self.state.header.generation,
                reloaded,
                notices: Vec::new(),
                unsynced: None,
            };
            if edits.is_empty() || self.save(edits.clone(), now, &mut committed)? {
                if !edits.is_empty() {
                    saved(self);
                }
                committed.notices.splice(0..0, notices);
                return Ok(committed);
            }
        }
        Err(StoreError::Contended { path: self.files.vault.clone() })
    }

    /// Reads the vault again if the file changed since this store last read or wrote it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn refresh(&mut self) -> Result<Option<Arc<Document>>, StoreError> {
        let stamp = durable::Stamp::of(&self.files.vault);
        if stamp.is_some() && stamp == self.state.stamp {
            return Ok(None);
        }
        Ok(self.reload()?.map(|_| Arc::clone(&self.state.document)))
    }

    /// The contents as this store last read or wrote them.
    pub fn document(&self) -> &Arc<Document> {
        &self.state.document
    }

    /// The header of that file.
    pub fn header(&self) -> &Header {
        &self.state.header
    }

    /// Generation and the start of the file's digest, for people to compare: `41 · 7f3a-91c2`.
    pub fn fingerprint(&self) -> String {
        let State { header, digest, .. } = &self.state;
        format!("{} · {}-{}", header.generation, &digest[..4], &digest[4..8])
    }

    /// SHA-256 of the file, hex.
    pub fn digest(&self) -> &str {
        &self.state.digest
    }

    /// Which line of the audit log the next saves are made after.
    pub fn set_audit_head(&mut self, head: Head) {
        self.audit_head = Some(head);
    }

    /// Holds off other programs' saves, where none is under way; `None`: one is.
    pub fn hold_saves(&self) -> Option<Lock> {
        Lock::acquire(&self.files.lock(), std::time::Duration::ZERO).ok()
    }

    /// The vault's real path.
    pub fn path(&self) -> &Path {
        &self.files.vault
    }

    /// What the file was when it was last read or written; `None` where that is not known.
    pub fn stamp(&self) -> Option<durable::Stamp> {
        self.state.stamp
    }

    /// `VAULT.d`, the folder of what belongs to the vault.
    pub fn folder(&self) -> &Path {
        &self.files.folder
    }

    /// Why commits are refused, if they are.
    pub fn read_only(&self) -> Option<&Refusal> {
        self.state.refusal.as_ref()
    }

    /// Seals unsaved drafts of this vault, also when this store is gone.
    pub fn sealer(&self) -> DraftSealer {
        DraftSealer::new(self.files.drafts(), self.state.header.vault_id.clone(), self.state.key.drafts())
    }

    /// The drafts that were sealed with the same identity and neither saved nor dropped, oldest first. `held` are
    /// such that could not be put on the disk: that is tried again, and those that still cannot stay in it.
    pub fn drafts(&self, held: &mut Vec<SealedDraft>) -> Vec<KeptDraft> {
        let sealer = self.sealer();
        held.retain(|sealed| sealer.store(sealed).is_err());
        let mut found = sealer.read_all(&self.keyring);
        for sealed in held.iter() {
            if let Some(draft) = sealer.unseal(sealed, &self.keyring) {
                found.retain(|known| known.id != draft.id);
                found.push(draft);
            }
        }
        found
    }

    /// The recipient of the identity that opened the vault; `None` for a plugin's.
    pub fn own_recipient(&self) -> Option<&str> {
        self.keyring.identity(self.state.opener).public()
    }

    /// A refused file may be looked at, never built on.
    fn require_trusted(&self) -> Result<(), StoreError> {
        match &self.state.refusal {
            Some(refusal) => Err(StoreError::ReadOnly(refusal.clone())),
            None => Ok(()),
        }
    }

    fn opened(self, notices: Vec<Notice>) -> Opened {
        Opened {
            document: Arc::clone(&self.state.document),
            refusal: self.state.refusal.clone(),
            store: self,
            notices,
        }
    }

    /// Reads the file; takes it over if it is another one than before.
    fn reload(&mut self) -> Result<Option<Vec<Notice>>, StoreError> {
        let stamp = durable::Stamp::of(&self.files.vault);
        let bytes = self.files.read()?;
        if writer::digest(&bytes) == self.state.digest {
            self.state.stamp = stamp;
            return Ok(None);
        }
        let (state, mut notices) = State::read(&self.files, &self.keyring, self.policy)?;
        self.state = state;
        if self.state.refusal.is_none() {
            notices.extend(self.note(false));
        }
        Ok(Some(notices))
    }

    /// Saves the present document with these edits. `false`: the file changed meanwhile, nothing was done.
    fn save(
        &mut self,
        edits: Vec<Edit>,
        now: Timestamp,
        committed: &mut Committed,
    ) -> Result<bool, StoreError> {
        let State { document, header, opener, key, digest, .. } = &self.state;
        let mut batch = Batch::new(save::with_audit_key(Document::clone(document)));
        for edit in edits {
            committed.inverses.push(batch.apply(edit, now)?);
        }
        committed.inverses.reverse();
        let document = batch.into_document();
        let recipients = save::recipients(&document)?;
        let identity = self.keyring.identity(*opener);
        if !recipients.iter().any(|recipient| identity.answers_to(recipient)) {
            return Err(save::locked_out(&self.keyring, *opener));
        }
        let mut header = Header {
            format: FORMAT,
            generation: header.generation + 1,
            previous: Some(digest.clone()),
            saved_at: now,
            writer: key.public(),
            ..header.clone()
        };
        if let Some(head) = &self.audit_head {
            save::put_audit_head(&mut header, head);
        }
        let notice = save::add_writer(&mut header, key, &document, identity);
        let sealed = save::seal(&document, &header, &recipients, key, &self.keyring)?;
        let backup = self.files.backup_of(header.generation - 1);
        let Some(saved) = self.files.replace(&sealed, digest, &backup, &self.keyring, *opener)? else {
            return Ok(false);
        };
        self.state.update(&self.files, sealed, header, document);
        backups::prune(&self.files.backups());
        committed.document = Arc::clone(&self.state.document);
        committed.generation = self.state.header.generation;
        committed.unsynced = saved.unsynced;
        committed.notices.extend(notice);
        committed.notices.extend(self.note(false));
        Ok(true)
    }

    /// Notes in `seen.json` what this store holds. That this fails stops nothing: the file is the truth.
    fn note(&self, forget: bool) -> Option<Notice> {
        let error = self.remember(forget).err()?;
        Some(Notice::NotRemembered { reason: error.to_string() })
    }

    /// Keeps on this host that credentials were used so often without a line in the audit log.
    ///
    /// # Errors
    /// Why that could not be kept, in words.
    pub fn note_unrecorded(&self, uses: u64, now: Timestamp) -> Result<(), String> {
        seen::add_unrecorded(&self.own_memory(), uses, now)
    }

    fn own_memory(&self) -> seen::Own<'_> {
        let State { header, key, .. } = &self.state;
        self.files.own_memory(&header.vault_id, key)
    }

    fn remember(&self, forget: bool) -> Result<(), StoreError> {
        let State { header, digest, key, .. } = &self.state;
        let facts = Facts { places: &self.files.places, header, digest };
        seen::note(&self.files.seen, &facts, key, forget)
    }
}

/// What the audit log is compared with: the header of the vault as it was read, and this host's memory.
impl audit::Witness for Store {
    fn mark(&self) -> Option<Mark> {
        self.own_memory().mark()
    }

    fn heads(&self) -> &[Head] {
        &self.state.header.audit
    }

    fn note(&self, mark: &Mark) -> Result<(), String> {
        seen::keep_mark(&self.own_memory(), mark)
    }

    fn unrecorded(&self) -> Option<Unrecorded> {
        self.own_memory().unrecorded()
    }

    fn counted(&self, unrecorded: &Unrecorded) -> Result<(), String> {
        seen::drop_unrecorded(&self.own_memory(), unrecorded)
    }
}

/// Where a vault really is.
#[derive(Clone, Debug)]
pub struct Located {
    /// The real path of its file.
    pub vault: PathBuf,
    /// `VAULT.d`.
    pub folder: PathBuf,
}

/// Finds a vault; one whose file is gone is where its backups are.
///
/// # Errors
/// No vault; folders that others may write to.
pub fn locate(places: &Places) -> Result<Located, StoreError> {
    let files = Files::resolve(places).or_else(|error| match error {
        StoreError::Missing { .. } => Files::without_vault(places),
        error => Err(error),
    })?;
    Ok(Located { vault: files.vault, folder: files.folder })
}

impl State {
    /// Reads the file and judges it. Readers take no lock: a program that saves between the reading of the
    /// file and that of this host's memory makes the file look older than it is, so a file is refused only
    /// where it is still the one that was read.
    fn read(files: &Files, keyring: &Keyring, policy: OpenPolicy) -> Result<(Self, Vec<Notice>), StoreError> {
        for _ in 0..READS {
            let loaded = files.load(keyring)?;
            let verdict = loaded.verdict(files)?;
            if verdict.is_err() && writer::digest(&files.read()?) != loaded.digest {
                continue;
            }
            let Loaded { contents, digest, stamp, opener, key } = loaded;
            let (refusal, notices) = match verdict {
                Ok(notices) => (None, notices),
                Err(refusal) if policy == OpenPolicy::ReadOnly => (Some(refusal), Vec::new()),
                Err(refusal) => return Err(StoreError::Refused { path: files.vault.clone(), refusal }),
            };
            let header = contents.header.unwrap_or_else(Header::of_nobody);
            let document = Arc::new(contents.document);
            return Ok((Self { header, document, opener, key, digest, stamp, refusal }, notices));
        }
        Err(StoreError::Contended { path: files.vault.clone() })
    }

    fn saved(
        files: &Files,
        sealed: save::Sealed,
        header: Header,
        document: Arc<Document>,
        opener: usize,
        key: WriterKey,
    ) -> Self {
        let digest = writer::digest(&sealed.bytes);
        let stamp = durable::Stamp::of(&files.vault);
        Self { header, document, opener, key, digest, stamp, refusal: None }
    }

    fn update(&mut self, files: &Files, sealed: save::Sealed, header: Header, document: Document) {
        self.header = header;
        self.document = Arc::new(document);
        self.digest = writer::digest(&sealed.bytes);
        self.stamp = durable::Stamp::of(&files.vault);
    }
}

#[cfg(test)]
mod tests;
