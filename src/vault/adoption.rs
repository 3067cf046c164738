//! Accepting a vault that this host would refuse.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;

use super::error::{Notice, Refusal, StoreError};
use super::file::{Files, Loaded};
use super::format::{FORMAT, Header, Writer};
use super::keyring::Keyring;
use super::seen::Memory;
use super::writer::WriterKey;
use super::{OpenPolicy, Opened, Places, State, Store, save};
use crate::audit::{self, Head, Mark};
use crate::durable::{self, LOCK_WAIT, Lock};
use crate::model::Document;

/// A vault that this host would refuse, looked at so that a person can decide.
pub struct Adoption {
    /// Why it is refused; `None`: it is not, and adopting changes nothing but the generation.
    pub refusal: Option<Refusal>,
    /// What its header says, where it has one.
    pub header: Option<Header>,
    /// What it holds.
    pub document: Arc<Document>,
    files: Files,
    keyring: Keyring,
    signed: bool,
    opener: usize,
    key: WriterKey,
    digest: String,
}

impl std::fmt::Debug for Adoption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Adoption({:?})", self.refusal)
    }
}

impl Adoption {
    /// Reads a vault without comparing it with anything. It must still be decrypted and be well-formed.
    ///
    /// # Errors
    /// As [`Store::open`], but a [`Refusal`] only for damage and for a newer format.
    pub fn examine(places: &Places, keyring: Keyring) -> Result<Self, StoreError> {
        let files = Files::resolve(places)?;
        let loaded = files.load(&keyring)?;
        let refusal = loaded.verdict(&files)?.err();
        let Loaded { contents, digest, opener, key, .. } = loaded;
        Ok(Self {
            refusal,
            header: contents.header,
            document: Arc::new(contents.document),
            signed: contents.signature.is_ok(),
            files,
            keyring,
            opener,
            key,
            digest,
        })
    }

    /// `VAULT.d`.
    pub fn folder(&self) -> &Path {
        &self.files.folder
    }

    /// SHA-256 of the file, hex.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Accepts it: signs it as a new generation, and this host trusts it from now on. Where it was rightly
    /// signed the writers it names are trusted too; else only this identity and those trusted before.
    ///
    /// # Errors
    /// [`StoreError::Contended`] where the file is not the one examined any more; files.
    pub fn accept(self, now: Timestamp) -> Result<Opened, StoreError> {
        let Self { files, keyring, opener, key, digest, mut document, .. } = self;
        let identity = keyring.identity(opener);
        let recipients = save::recipients(&document)?;
        if !recipients.iter().any(|recipient| identity.answers_to(recipient)) {
            return Err(save::locked_out(&keyring, opener));
        }
        durable::create_private_folder(&files.folder)?;
        let _lock = Lock::acquire(&files.lock(), LOCK_WAIT)?;
        durable::remove_stale(&files.vault);
        let (highest, trusted) = match Memory::load(&files.seen) {
            Ok(memory) => (memory.highest(&files.places), memory.trusted(&files.places)),
            Err(StoreError::Refused { .. }) => Default::default(),
            Err(error) => return Err(error),
        };
        let mut header = self.header.unwrap_or_else(Header::of_nobody);
        let replaced = header.generation;
        header.format = FORMAT;
        header.generation = highest.max(replaced) + 1;
        header.previous = Some(digest.clone());
        header.saved_at = now;
        header.writer = key.public();
        if !self.signed {
            header.writers = trusted.into_iter().map(|key| Writer { key, name: String::new() }).collect();
        }
        // Whoever wrote a vault that no known writer signed knows the key in it: what follows needs another one.
        if matches!(
            self.refusal,
            Some(Refusal::Forged(_) | Refusal::UnknownWriter { .. } | Refusal::Foreign { .. })
        ) {
            Arc::make_mut(&mut document).audit_key = None;
            header.audit.clear();
        }
        let document = Arc::new(save::with_audit_key(Arc::unwrap_or_clone(document)));
        let notice = save::add_writer(&mut header, &key, &document, identity);
        let sealed = save::seal(&document, &header, &recipients, &key, &keyring)?;
        let Some(saved) = files.replace(&sealed, &digest, &files.backup_of(replaced), &keyring, opener)?
        else {
            return Err(StoreError::Contended { path: files.vault });
        };
        let state = State::saved(&files, sealed, header, document, opener, key);
        let store = Store { files, keyring, policy: OpenPolicy::Strict, state, audit_head: None };
        let mut notices: Vec<Notice> = notice.into_iter().collect();
        // That this host trusts it is what was asked for: where that cannot be noted, it was not done.
        store.remember(true)?;
        notices.extend(saved.unsynced.map(|error| Notice::Unsynced { reason: error.to_string() }));
        Ok(store.opened(notices))
    }
}

/// As for a store; nothing is noted of what is only looked at.
impl audit::Witness for Adoption {
    fn mark(&self) -> Option<Mark> {
        self.files.own_memory(&self.header.as_ref()?.vault_id, &self.key).mark()
    }

    fn heads(&self) -> &[Head] {
        self.header.as_ref().map_or(&[], |header| &header.audit)
    }

    fn note(&self, _: &Mark) -> Result<(), String> {
        Ok(())
    }
}
