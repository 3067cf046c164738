//! An unlocked vault and what one may do with it: the same for both front ends.
//!
//! Everything that changes the vault is a list of [`Edit`]s given to [`Session::commit`], which stores all of
//! them or none. What can be decided without the vault file (what a document would change, which secret is
//! meant, how a row of the list reads) stands beside it as functions of a [`Document`].

mod adopt;
mod change;
mod kind;
mod lookup;
mod network;
mod oauth_app;
mod open;
mod record;
mod row;
mod services;
mod setup;
mod solution;
mod tags;
#[cfg(test)]
mod tests;
mod version;

use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::{Entry, Keys, Log, Usage, What};
use crate::model::{Document, Edit};
use crate::problem::Problem;
use crate::schema::Kinds;
use crate::vault::{Header, Keyring, Notice, OpenPolicy, Places, Store};

pub use adopt::Adoption;
pub use change::{Change, changes, names};
pub use kind::{KindChange, Misfit, check_kind_id, kind_change, kind_removal, misfits};
pub use lookup::{credential, not_found, secret_place, value};
pub use network::Network;
pub use oauth_app::{
    OauthAppChange, blank_oauth_app, check_oauth_app, check_oauth_draft, oauth_addresses, oauth_app,
    oauth_app_change, oauth_app_moved, oauth_meant, oauth_origin_changed, oauth_provider, surroundings,
};
use record::Plan;
pub use row::{LastTest, Row, caution, facts, has_test, row, rows};
pub use services::{catalogue, read_service, service_files};
pub use setup::{Made, Protection, Setup};
pub use solution::{check_solution_name, moved, references_to, residents, restoration, solution_removal};
pub use tags::TagChange;
pub use version::{Difference, differences, field_name, fields, renewed};

/// An unlocked vault.
#[derive(Debug)]
pub struct Session {
    store: Store,
    log: Log,
    /// Why nothing may be saved, where the vault's own file is not the reason.
    log_refusal: Option<Problem>,
    kinds: Arc<Kinds>,
    /// What the store's document says, with everything masked that the kinds call secret.
    view: Arc<Document>,
}

/// What opening a vault gives.
#[derive(Debug)]
pub struct Opened {
    /// The unlocked vault.
    pub session: Session,
    /// What it says.
    pub document: Arc<Document>,
    /// The kinds that its credentials may be of.
    pub kinds: Arc<Kinds>,
    /// How often its credentials were used, and when last.
    pub usage: Arc<Usage>,
    /// What a person should hear about.
    pub notices: Vec<String>,
    /// When the vault was unlocked the time before, by whom and from where; empty where that is not known.
    pub last_opened: String,
    /// Why the vault would have been refused; it is then open read-only.
    pub refusal: Option<Problem>,
}

/// What a commit gives.
#[derive(Clone, Debug)]
pub struct Saved {
    /// What the vault says now: other programs' changes included.
    pub document: Arc<Document>,
    /// The edits that take this commit back, in the order to apply them.
    pub inverses: Vec<Edit>,
    /// Another program had saved meanwhile; its changes were kept.
    pub merged: bool,
    /// What a person should hear about.
    pub warnings: Vec<String>,
}

impl Opened {
    /// The same vault with these kinds besides its own: those that know the operator's services.
    #[must_use]
    pub fn with(mut self, kinds: &Arc<Kinds>) -> Self {
        self.kinds = kinds.after(self.session.store.document());
        self.session.view = self.kinds.sealed(self.session.store.document());
        self.document = self.session.view.clone();
        self.session.kinds = self.kinds.clone();
        self
    }
}

impl Session {
    /// Opens the vault with unlocked identities, and writes that into its audit log.
    ///
    /// # Errors
    /// Exit 3 without a vault or a fitting identity, 6 where it or its log is refused.
    pub fn open(
        places: &Places,
        keyring: Keyring,
        policy: OpenPolicy,
        now: Timestamp,
    ) -> Result<Opened, Problem> {
        let opened = Store::open(places, keyring, policy).map_err(Problem::from);
        let session = opened.and_then(|opened| open::opened(opened, policy, now));
        session.inspect_err(|problem| record::not_opened(places, problem, now))
    }

    /// Makes a new vault that the document's recipients can open.
    ///
    /// # Errors
    /// Exit 5 where there is a file already; I/O.
    pub fn create(
        places: &Places,
        keyring: Keyring,
        document: Document,
        now: Timestamp,
    ) -> Result<Opened, Problem> {
        Ok(open::begun(Store::create(places, keyring, document, now)?, Entry::new(What::VaultCreated), now))
    }

    /// What the vault says, as last read or saved.
    pub fn document(&self) -> &Arc<Document> {
        &self.view
    }

    /// Looks at what the store says now.
    fn look(&mut self, before: &Arc<Document>) {
        let document = self.store.document();
        if !Arc::ptr_eq(before, document) {
            self.kinds = self.kinds.after(document);
            self.view = self.kinds.sealed(document);
        }
    }

    /// The vault's header: its id, generation and writers.
    pub fn header(&self) -> &Header {
        self.store.header()
    }

    /// The store, for what only concerns the file.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Stores all edits durably, or none. Edits of other programs since the last reading are kept; where they
    /// changed the same credential, that is a conflict (exit 5). What is removed, and who can open the vault, is
    /// changed only where that could be written to the audit log before.
    ///
    /// # Errors
    /// The vault on disk is then as it was.
    pub fn commit(&mut self, edits: Vec<Edit>, now: Timestamp) -> Result<Saved, Problem> {
        if let Some(refusal) = &self.log_refusal {
            return Err(refusal.clone());
        }
        let before = self.store.document().clone();
        let mut plan = Plan::of(&edits, &before);
        let begun = self.begin(std::mem::take(&mut plan.before), now, "nothing was changed")?;
        if let Some(head) = self.log.head() {
            self.store.set_audit_head(head);
        }
        let nothing = edits.is_empty();
        let committed = self.store.commit(edits, now);
        self.look(&before);
        let committed = match committed.map_err(Problem::from) {
            Ok(committed) => committed,
            Err(problem) => {
                // The vault is as it was; the log then says so, or that it does not know.
                let _ = self.log.end(begun, problem.code, Vec::new(), now, &self.store);
                return Err(problem);
            }
        };
        let mut warnings: Vec<String> = committed.notices.iter().map(Notice::to_string).collect();
        warnings.extend(
            committed
                .unsynced
                .as_ref()
                .map(|error| format!("saved, but whether it survives a power cut is not known: {error}")),
        );
        if !nothing {
            self.follow();
            let more = plan.entries(self.store.document());
            // Written while no other program can open the vault in between and miss it.
            if let Err(error) = self.log.end(begun, "ok", more, now, &self.store) {
                warnings.push(format!("saved, but not recorded: {error}"));
            }
        }
        drop(committed.lock);
        Ok(Saved {
            document: self.view.clone(),
            inverses: committed.inverses,
            merged: committed.reloaded,
            warnings,
        })
    }

    /// Lets the log's next lines be about the vault as it is now.
    fn follow(&mut self) {
        self.log.set_vault(self.store.header().generation, self.store.digest());
        if !self.log.has_keys()
            && self.store.read_only().is_none()
            && let Some(keys) = self.store.document().audit_key.as_ref().and_then(Keys::of)
        {
            self.log.set_keys(keys);
        }
    }

    /// Reads the vault again where another program saved it; `None` where nothing changed.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub fn refresh(&mut self) -> Result<Option<Arc<Document>>, Problem> {
        let before = self.store.document().clone();
        let refreshed = self.store.refresh();
        self.look(&before);
        let refreshed = refreshed?;
        self.follow();
        // A log that cannot be read tells of no uses; what needs it is refused when it comes.
        let _ = self.log.refresh(&self.store);
        Ok(refreshed.map(|_| self.view.clone()))
    }
}
