//! Accepting a vault, or an audit log, that this host would refuse.

use jiff::Timestamp;

use super::{Opened, open};
use crate::audit::{Entry, Keys, Log, What};
use crate::model::Document;
use crate::problem::Problem;
use crate::vault::{self, Header, Keyring, Places};

/// A vault looked at so that a person can decide.
#[derive(Debug)]
pub struct Adoption {
    vault: vault::Adoption,
    /// What is wrong with its audit log.
    log: Option<Problem>,
}

impl Adoption {
    /// Reads a vault without trusting it, and its log where the vault could be trusted.
    ///
    /// # Errors
    /// Where it cannot be decrypted, or is damaged.
    pub fn examine(places: &Places, keyring: Keyring) -> Result<Self, Problem> {
        let vault = vault::Adoption::examine(places, keyring)?;
        let mut log = None;
        if vault.refusal.is_none() {
            let keys = vault.document.audit_key.as_ref().and_then(Keys::of);
            let mut read = Log::new(vault.folder(), keys, super::record::who());
            let generation = vault.header.as_ref().map_or(0, |header| header.generation);
            let checked =
                read.refresh(&vault).and_then(|()| Ok(read.require_vault(generation, vault.digest())?));
            log = checked.err().map(Problem::from);
        }
        Ok(Self { vault, log })
    }

    /// Why it is refused, in words; empty: it is not.
    pub fn reasons(&self) -> Vec<String> {
        let vault = self.vault.refusal.as_ref().map(ToString::to_string);
        vault.into_iter().chain(self.log.as_ref().map(|problem| problem.message.clone())).collect()
    }

    /// What its header says, where it has one.
    pub fn header(&self) -> Option<&Header> {
        self.vault.header.as_ref()
    }

    /// What it holds.
    pub fn document(&self) -> &Document {
        &self.vault.document
    }

    /// Accepts it: signs it as a new generation, and this host trusts it from now on. A log that does not hold
    /// together is kept under another name, and a new one begins.
    ///
    /// # Errors
    /// As [`vault::Adoption::accept`].
    pub fn accept(self, now: Timestamp) -> Result<Opened, Problem> {
        let reasons = self.reasons().join("; ");
        let opened =
            open::begun(self.vault.accept(now)?, Entry::new(What::VaultAdopted).with_note(reasons), now);
        opened.session.cache().empty();
        Ok(opened)
    }
}
