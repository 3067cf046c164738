//! Unsaved drafts, in `VAULT.d/drafts/ID.age`: sealed like the vault, by whoever edits, for themselves.
//!
//! Sealing takes no identity: a [`DraftSealer`] works on its own while the vault's thread is busy, when a signal
//! ends the program and when the terminal is gone. Reading takes the identity that was open then: a draft of
//! somebody else who can open the vault is nobody's business.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use super::error::StoreError;
use super::format::{decode_draft, encode_draft};
use super::keyring::{Keyring, NobodyToAsk};
use super::recipient::parse_recipient;
use super::seal::{self, Callbacks};
use super::writer::MacKey;
use crate::durable;
use crate::model::{Id, KeptDraft, Recipient};

/// The largest sealed draft that is read, in bytes. Far more than an editor holds.
const LIMIT: u64 = 16 * 1024 * 1024;

/// How many are read: one is left for each program that ended with a draft.
const MOST: usize = 100;

/// A temporary file of this age is no longer being written.
const STALE: Duration = Duration::from_secs(60);

/// Seals and stores drafts of one unlocked vault.
pub struct DraftSealer {
    folder: PathBuf,
    vault_id: String,
    key: MacKey,
    callbacks: Callbacks,
}

impl std::fmt::Debug for DraftSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "DraftSealer({})", self.folder.display())
    }
}

/// A draft that only an identity opens.
#[derive(Clone)]
pub struct SealedDraft {
    id: Id,
    bytes: Vec<u8>,
}

impl std::fmt::Debug for SealedDraft {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "SealedDraft({})", self.id)
    }
}

impl DraftSealer {
    pub(super) fn new(folder: PathBuf, vault_id: String, key: MacKey) -> Self {
        // A plugin that would have to ask somebody cannot: there may be no terminal.
        Self { folder, vault_id, key, callbacks: Callbacks::new(Arc::new(NobodyToAsk)) }
    }

    /// Seals a draft to those who can open the vault.
    ///
    /// # Errors
    /// [`StoreError::Recipient`], [`StoreError::Encrypt`].
    pub fn seal(&self, draft: &KeptDraft, recipients: &[Recipient]) -> Result<SealedDraft, StoreError> {
        let recipients = recipients.iter().map(|recipient| parse_recipient(&recipient.recipient));
        let recipients = recipients.collect::<Result<Vec<_>, _>>()?;
        let plain = encode_draft(draft, &self.vault_id, |bytes| self.key.code(bytes))
            .map_err(|reason| StoreError::NotStorable { reason })?;
        let bytes = seal::seal(&plain, &recipients, &self.callbacks)
            .map_err(|reason| StoreError::Encrypt { reason })?;
        Ok(SealedDraft { id: draft.id.clone(), bytes })
    }

    /// Puts a sealed draft on the disk, in the place of the one with the same id.
    ///
    /// # Errors
    /// The step that failed; what was there is untouched.
    pub fn store(&self, sealed: &SealedDraft) -> Result<(), StoreError> {
        durable::create_private_folder(&self.folder)?;
        // Whether a power cut can take it away again changes nothing for the program that is about to end.
        let _ = durable::replace(&place(&self.folder, &sealed.id), &sealed.bytes, None, |_| Ok(()))?;
        Ok(())
    }

    /// Removes a draft that was saved or dropped. One that is not there is fine.
    ///
    /// # Errors
    /// The step that failed.
    pub fn forget(&self, id: &Id) -> Result<(), StoreError> {
        match durable::remove(&place(&self.folder, id)) {
            Err(error) if !error.is_missing() => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// The drafts on the disk that this identity sealed, oldest first; what cannot be read is left alone.
    pub(super) fn read_all(&self, keyring: &Keyring) -> Vec<KeptDraft> {
        let Ok(entries) = fs::read_dir(&self.folder) else { return Vec::new() };
        let mut found = Vec::new();
        for entry in entries.flatten() {
            let name = entry.file_name();
            let Some(name) = name.to_str() else { continue };
            if name.starts_with('.') {
                let age = entry.metadata().ok().and_then(|it| it.modified().ok()?.elapsed().ok());
                if age.is_some_and(|age| age > STALE) {
                    remove_stale(&self.folder, name);
                }
            } else if let Some(id) = name.strip_suffix(".age") {
                let draft = durable::read_private(&entry.path(), LIMIT)
                    .ok()
                    .and_then(|file| self.open(&file.bytes, keyring))
                    .filter(|draft| draft.id.0 == id);
                found.extend(draft);
            }
            if found.len() == MOST {
                break;
            }
        }
        found.sort_by(|one, two| (one.at, &one.id).cmp(&(two.at, &two.id)));
        found
    }

    /// Opens a sealed draft that is not on the disk.
    pub(super) fn unseal(&self, sealed: &SealedDraft, keyring: &Keyring) -> Option<KeptDraft> {
        self.open(&sealed.bytes, keyring)
    }

    fn open(&self, bytes: &[u8], keyring: &Keyring) -> Option<KeptDraft> {
        let (_, plain) = keyring.open(bytes).ok()?;
        decode_draft(&plain, &self.vault_id, |bytes, code| self.key.fits(bytes, code))
    }
}

fn place(folder: &Path, id: &Id) -> PathBuf {
    folder.join(format!("{id}.age"))
}

/// Removes what a program that was killed left of the draft that this temporary file was to become.
fn remove_stale(folder: &Path, temporary: &str) {
    let name = temporary.trim_start_matches('.').split_inclusive(".age").next().unwrap_or_default();
    if name.ends_with(".age") {
        durable::remove_stale(&folder.join(name));
    }
}

#[cfg(test)]
mod tests;
