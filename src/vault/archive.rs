//! Going back: the earlier generations of a vault, also where the vault itself cannot be opened any more.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::error::{Notice, Refusal, StoreError};
use super::file::{Files, Loaded};
use super::format::{FORMAT, Header};
use super::keyring::Keyring;
use super::seen::{self, Facts, Memory};
use super::{Backup, OpenPolicy, Opened, Places, State, Store, backups, save, writer};
use crate::audit::{self, Head, Mark};
use crate::durable::{self, LOCK_WAIT, Lock};
use crate::model::Document;
use crate::secret::Secret;

/// The earlier generations of one vault, and the identities that open them.
#[derive(Debug)]
pub struct Archive {
    files: Files,
    keyring: Keyring,
}

/// An earlier generation, read and found good.
pub struct Earlier {
    /// Its header.
    pub header: Header,
    /// What it holds.
    pub document: Document,
    opener: usize,
    key: writer::WriterKey,
}

impl std::fmt::Debug for Earlier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Earlier(generation {})", self.header.generation)
    }
}

/// What stands in the vault's place.
enum Present {
    /// A vault that opens and is trusted.
    Sound { header: Box<Header>, document: Box<Document>, digest: String },
    /// A damaged file.
    Damaged { digest: String },
    /// Nothing.
    Missing,
}

impl Archive {
    /// The earlier generations of a vault, which need not open and need not even be there.
    ///
    /// # Errors
    /// [`StoreError::Missing`] where there is no folder for it; files.
    pub fn of(places: &Places, keyring: Keyring) -> Result<Self, StoreError> {
        let files = match Files::resolve(places) {
            Err(StoreError::Missing { .. }) => Files::without_vault(places)?,
            other => other?,
        };
        Ok(Self { files, keyring })
    }

    /// All there are, oldest first.
    ///
    /// # Errors
    /// Their folder cannot be read.
    pub fn list(&self) -> Result<Vec<Backup>, StoreError> {
        Ok(backups::read(&self.files.backups())?)
    }

    /// Opens one, and judges who wrote it. Its age is no reason against it.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn examine(&self, backup: &Backup) -> Result<Earlier, StoreError> {
        examine(&self.files, &self.keyring, &backup.path)
    }

    /// Reads an earlier generation that is to become the newest, and lets no other program save until that is done or
    /// dropped.
    ///
    /// # Errors
    /// [`StoreError::NoBackup`]; as [`Archive::examine`]; a vault that is there and is refused for another reason
    /// than damage is not replaced.
    pub fn prepare(self, name: &str) -> Result<Restoration, StoreError> {
        let Some(backup) = self.list()?.into_iter().find(|backup| backup.name() == name) else {
            return Err(StoreError::NoBackup { name: name.to_owned() });
        };
        let Earlier { header, mut document, opener, key } = self.examine(&backup)?;
        let Self { files, keyring } = self;
        durable::create_private_folder(&files.folder)?;
        let _lock = Lock::acquire(&files.lock(), LOCK_WAIT)?;
        durable::remove_stale(&files.vault);
        let present = present(&files, &keyring)?;
        let header = match &present {
            Present::Sound { header, document: present, .. } => {
                // Who may read is not a matter of the past: somebody may have been taken off since. Nor is the log.
                document.recipients.clone_from(&present.recipients);
                if present.audit_key.is_some() {
                    document.audit_key.clone_from(&present.audit_key);
                }
                Header::clone(header)
            }
            Present::Damaged { .. } | Present::Missing => header,
        };
        Ok(Restoration { files, keyring, header, document, opener, key, present, _lock })
    }
}

/// An earlier generation that became the newest on the disk.
pub struct Restored {
    sealed: save::Sealed,
    header: Header,
    document: Document,
    notices: Vec<Notice>,
}

impl std::fmt::Debug for Restored {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Restored(generation {})", self.header.generation)
    }
}

/// An earlier generation that is about to become the newest.
pub struct Restoration {
    files: Files,
    keyring: Keyring,
    /// Of the vault where that opens, else of the earlier generation.
    header: Header,
    document: Document,
    opener: usize,
    key: writer::WriterKey,
    present: Present,
    _lock: Lock,
}

impl std::fmt::Debug for Restoration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Restoration({})", self.files.vault.display())
    }
}

impl Restoration {
    /// `VAULT.d`.
    pub fn folder(&self) -> &Path {
        &self.files.folder
    }

    /// Generation and digest of the vault that it replaces; `None` where that is damaged or gone.
    pub fn replaces(&self) -> Option<(u64, &str)> {
        match &self.present {
            Present::Sound { header, digest, .. } => Some((header.generation, digest)),
            Present::Damaged { .. } | Present::Missing => None,
        }
    }

    /// The key of the audit log, as far as it is known.
    pub fn audit_key(&self) -> Option<&Secret> {
        self.document.audit_key.as_ref()
    }

    /// Makes it the newest: its content, for those who can open the vault now, as a generation of its own, later than
    /// `logged`. What stands in the vault's place stays as a backup, damaged as it may be.
    ///
    /// # Errors
    /// [`StoreError::LockedOut`], [`StoreError::Contended`], files. The vault is then as it was.
    pub fn complete(&self, logged: u64, now: Timestamp) -> Result<Restored, StoreError> {
        let Self { files, keyring, opener, key, present, .. } = self;
        let (mut header, document) = (self.header.clone(), save::with_audit_key(self.document.clone()));
        let identity = keyring.identity(*opener);
        let recipients = save::recipients(&document)?;
        if !recipients.iter().any(|recipient| identity.answers_to(recipient)) {
            return Err(save::locked_out(keyring, *opener));
        }
        let memory = Memory::load(&files.seen)?;
        header.format = FORMAT;
        header.generation = header.generation.max(memory.highest(&files.places)).max(logged) + 1;
        header.previous = match present {
            Present::Sound { digest, .. } => Some(digest.clone()),
            // Other hosts saw the generation before it was damaged.
            Present::Damaged { .. } | Present::Missing => memory.newest_digest(&files.places),
        };
        header.saved_at = now;
        header.writer = key.public();
        let mut notices: Vec<Notice> =
            save::add_writer(&mut header, key, &document, identity).into_iter().collect();
        let sealed = save::seal(&document, &header, &recipients, key, keyring)?;
        let (expected, kept) = match present {
            Present::Missing => (None, None),
            Present::Sound { digest, header, .. } => (Some(digest), Some(files.backup_of(header.generation))),
            Present::Damaged { digest } => (Some(digest), Some(backups::place_of_damaged(&files.backups()))),
        };
        let saved = match (expected, kept) {
            (Some(expected), Some(kept)) => files.replace(&sealed, expected, &kept, keyring, *opener)?,
            _ => {
                let verify = |back: &[u8]| sealed.opens_from(back, keyring, *opener);
                Some(durable::create(&files.vault, &sealed.bytes, verify)?)
            }
        };
        let Some(saved) = saved else { return Err(StoreError::Contended { path: files.vault.clone() }) };
        backups::prune(&files.backups());
        notices.extend(saved.unsynced.map(|error| Notice::Unsynced { reason: error.to_string() }));
        Ok(Restored { sealed, header, document, notices })
    }

    /// Opens the vault with what it now holds.
    pub fn open(self, restored: Restored) -> Opened {
        let Self { files, keyring, opener, key, .. } = self;
        let Restored { sealed, header, document, mut notices } = restored;
        let state = State::saved(&files, sealed, header, Arc::new(document), opener, key);
        let store = Store { files, keyring, policy: OpenPolicy::Strict, state, audit_head: None };
        notices.extend(store.note(false));
        store.opened(notices)
    }
}

/// What the audit log is compared with before something is restored.
impl audit::Witness for Restoration {
    fn mark(&self) -> Option<Mark> {
        self.files.own_memory(&self.header.vault_id, &self.key).mark()
    }

    fn heads(&self) -> &[Head] {
        &self.header.audit
    }

    fn note(&self, mark: &Mark) -> Result<(), String> {
        seen::keep_mark(&self.files.own_memory(&self.header.vault_id, &self.key), mark)
    }
}

impl Store {
    /// How many earlier generations there are, damaged ones that were put aside included.
    ///
    /// # Errors
    /// Their folder cannot be read.
    pub fn backups(&self) -> Result<usize, StoreError> {
        Ok(backups::all(&self.files.backups())?.len())
    }

    /// Removes all earlier generations for good. Gives how many there were.
    ///
    /// # Errors
    /// Files; those that could not be removed are still there.
    pub fn purge_backups(&self) -> Result<usize, StoreError> {
        let _lock = Lock::acquire(&self.files.lock(), LOCK_WAIT)?;
        let folder = self.files.backups();
        let all = backups::all(&folder)?;
        if !all.is_empty() {
            durable::remove_all(&folder, &all)?;
        }
        Ok(all.len())
    }

    /// Opens the newest backup, as a trial. `None`: there is none, or it would take a person and a piece of hardware.
    pub fn try_newest_backup(&self) -> Option<(Backup, Result<Earlier, StoreError>)> {
        let newest = backups::list(&self.files.backups()).pop().filter(|_| !self.keyring.has_plugin())?;
        let opened = examine(&self.files, &self.keyring, &newest.path);
        Some((newest, opened))
    }
}

/// Names the newest good backup in an error that it would mend.
pub(super) fn with_newest(error: StoreError, files: &Files, keyring: &Keyring) -> StoreError {
    let newest = || {
        // Trying a plugin's would ask a person each time.
        let all = backups::list(&files.backups()).into_iter().rev().filter(|_| !keyring.has_plugin());
        all.into_iter().find(|backup| examine(files, keyring, &backup.path).is_ok()).map(Box::new)
    };
    match error {
        StoreError::Refused { path, refusal: refusal @ Refusal::Damaged(_) } => match newest() {
            Some(backup) => StoreError::Restorable { path, refusal, backup },
            None => StoreError::Refused { path, refusal },
        },
        StoreError::NoIdentityOpens { path } => match newest() {
            Some(backup) => StoreError::NoLongerOpens { path, backup },
            None => StoreError::NoIdentityOpens { path },
        },
        error => error,
    }
}

fn examine(files: &Files, keyring: &Keyring, path: &Path) -> Result<Earlier, StoreError> {
    let refused = |refusal| StoreError::Refused { path: path.to_owned(), refusal };
    let loaded = files.load_from(path, keyring)?;
    if let Err(forgery) = loaded.contents.signature {
        return Err(refused(Refusal::Forged(forgery)));
    }
    let Loaded { contents, digest, opener, key, .. } = loaded;
    let header = contents.header.ok_or_else(|| refused(Refusal::Forged(super::Forgery::Unsigned)))?;
    let facts = Facts { places: &files.places, header: &header, digest: &digest };
    Memory::load(&files.seen)?.vouch(&facts, &key).map_err(refused)?;
    Ok(Earlier { document: contents.document, header, opener, key })
}

fn present(files: &Files, keyring: &Keyring) -> Result<Present, StoreError> {
    let loaded = match files.load(keyring) {
        Err(StoreError::Missing { .. }) => return Ok(Present::Missing),
        Err(StoreError::Refused { refusal: Refusal::Damaged(_), .. }) => {
            return Ok(Present::Damaged { digest: writer::digest(&files.read()?) });
        }
        other => other?,
    };
    loaded.verdict(files)?.map_err(|refusal| StoreError::Refused { path: files.vault.clone(), refusal })?;
    let Loaded { contents, digest, .. } = loaded;
    let header = Box::new(contents.header.unwrap_or_else(Header::of_nobody));
    Ok(Present::Sound { header, document: Box::new(contents.document), digest })
}
