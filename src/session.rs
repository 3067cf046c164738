//! An unlocked vault and what one may do with it: the same for both front ends.
//!
//! Everything that changes the vault is a list of [`Edit`]s given to [`Session::commit`], which stores all of
//! them or none. What can be decided without the vault file (what a document would change, which secret is
//! meant, how a row of the list reads) stands beside it as functions of a [`Document`].

mod adopt;
mod backup;
mod cached;
mod change;
mod conflict;
mod draft;
mod export;
mod import;
mod kind;
mod lookup;
mod merge;
mod network;
mod news;
pub mod oauth;
mod oauth_app;
mod open;
mod record;
mod reference;
pub mod review;
mod rewrite;
mod rotation;
mod row;
mod seat;
mod services;
mod setup;
mod solution;
mod tags;
#[cfg(test)]
mod tests;
mod version;
mod workflow;

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::audit::{Begun, Entry, Log, Usage, What};
pub use crate::durable::{Seen, Unwatched, Watch};
use crate::model::{Document, Edit, Id};
use crate::problem::Problem;
pub use crate::scan::Found;
use crate::schema::Kinds;
use crate::vault::{Committed, Header, Keyring, Notice, OpenPolicy, Places, Store, StoreError};

pub use adopt::Adoption;
pub use backup::restore;
pub use cached::{Caching, FromCache, empty_cache};
pub use change::{Change, changes, names};
pub use conflict::{Clash, Conflict};
pub use draft::{Keeping, draft_name, meanwhile, resumed, resumed_oauth_app};
pub use export::{ExportOptions, exported, import_export};
pub use import::{Fate, Import, ImportOptions, ImportRow, import, import_documents};
pub use kind::{KindChange, Misfit, check_kind_id, kind_change, kind_removal, misfits};
pub use lookup::{credential, identified, not_found, secret_place, value};
pub use merge::merged;
pub use network::Network;
pub use news::news;
pub use oauth_app::{
    OauthAppChange, blank_oauth_app, check_oauth_app, check_oauth_draft, oauth_addresses, oauth_app,
    oauth_app_change, oauth_app_moved, oauth_meant, oauth_origin_changed, oauth_provider, surroundings,
};
use record::Plan;
pub use reference::{Value, read_reference, referred};
pub use rewrite::{
    Rewrite, Rewritten, renamed, rewrite_edits, rewrites_of_key, rewrites_of_place, rewrites_of_solution,
    take_rewrites_back, write_rewrites,
};
pub use rotation::{
    DroppedKey, MadeKey, Makes, Rotating, drop_key, is_rotated_to, is_rotation_due, make_key, rotating,
    rotation_begun, rotation_due_at, rotation_ended, rotation_subject, rotation_swapped, rotation_tested,
};
pub use row::{Ends, LastTest, Row, caution, facts, has_test, row, rows};
pub use seat::{Between, Seat, Ssh};
pub use services::{catalogue, read_service, service_files};
pub use setup::{Made, Protection, Setup};
pub use solution::{
    check_solution_name, moved, references_to, removal, residents, restoration, solution_removal,
};
pub use tags::TagChange;
pub use version::{Difference, differences, field_name, fields, renewed};
pub use workflow::{
    ScanGroup, Survey, Unresolved, Use, WorkflowUses, find, in_use, keys_of, likely, meant, rescans,
    resolved, survey, users, uses,
};

/// How often edits are made to fit what other programs saved before it is given up.
const MERGES: u32 = 20;

/// An unlocked vault.
#[derive(Debug)]
pub struct Session {
    store: Store,
    log: Log,
    /// Why nothing may be saved, where the vault's own file is not the reason.
    log_refusal: Option<Problem>,
    /// Exchanges of tokens that were written down and have no end yet, by credential.
    exchanges: BTreeMap<Id, Begun>,
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
    /// What happened since that a person should look into: failed attempts to unlock it, secrets that were refused.
    pub alarms: Vec<String>,
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
    /// What another program changed in the very things that this commit changes, and was kept.
    pub notes: Vec<String>,
    /// What a person should hear about.
    pub warnings: Vec<String>,
}

impl Saved {
    /// The version that a credential has now.
    pub fn version_of(&self, id: &Id) -> u32 {
        self.document.by_id(id).map_or(1, |credential| credential.version)
    }
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

    /// Stores all edits durably, or none. Edits of other programs since the last reading are kept, in the same
    /// credential too; where they changed the same field, that is a conflict (exit 5). What is removed, and who can
    /// open the vault, is changed only where that could be written to the audit log before.
    ///
    /// # Errors
    /// The vault on disk is then as it was.
    pub fn commit(&mut self, edits: Vec<Edit>, now: Timestamp) -> Result<Saved, Problem> {
        if let Some(refusal) = &self.log_refusal {
            return Err(refusal.clone());
        }
        let mut plan = Plan::of(&edits, self.store.document());
        let begun = self.begin(std::mem::take(&mut plan.before), now, "nothing was changed")?;
        let mut recording = Some((begun, plan));
        let result = self.store_all(edits, now, &mut recording);
        if let (Err(problem), Some((begun, _))) = (&result, recording) {
            // The vault is as it was, and the log says so.
            let _ = self.log.end(begun, problem.code, Vec::new(), now, &self.store);
        }
        result
    }

    /// Stores all edits, and what is to be recorded of them, while no other program can save in between.
    fn store_all(
        &mut self,
        edits: Vec<Edit>,
        now: Timestamp,
        recording: &mut Option<(Begun, Plan)>,
    ) -> Result<Saved, Problem> {
        if let Some(head) = self.log.head() {
            self.store.set_audit_head(head);
        }
        let mut fitting = edits.clone();
        let mut notes = Vec::new();
        let mut merged = false;
        // Each turn but the first means that another program saved since the one before.
        for _ in 0..MERGES {
            let before = self.store.document().clone();
            let mut unrecorded = None;
            let (log, exchanges) = (&mut self.log, &mut self.exchanges);
            let committed = self.store.commit_then(fitting, now, &mut |store| {
                let Some((begun, plan)) = recording.take() else { return };
                record::follow(log, store);
                let entries = plan.entries(store.document(), exchanges);
                let written = log.end(begun, "ok", entries, now, store);
                unrecorded = written.err().map(|error| format!("saved, but not recorded: {error}"));
            });
            self.look(&before);
            match committed {
                Err(error) if merge::is_conflict(&error) => {
                    let rebased = merge::rebase(&self.kinds, self.store.document(), edits.clone(), now)?;
                    (fitting, notes, merged) = (rebased.edits, rebased.notes, true);
                }
                Err(error) => return Err(error.into()),
                Ok(committed) => {
                    self.cache().empty();
                    let mut saved = self.saved(committed, merged, notes);
                    saved.warnings.extend(unrecorded);
                    return Ok(saved);
                }
            }
        }
        Err(StoreError::Contended { path: self.store.path().to_owned() }.into())
    }

    fn saved(&self, committed: Committed, merged: bool, notes: Vec<String>) -> Saved {
        let mut warnings: Vec<String> = committed.notices.iter().map(Notice::to_string).collect();
        warnings.extend(
            committed
                .unsynced
                .map(|error| format!("saved, but whether it survives a power cut is not known: {error}")),
        );
        Saved {
            document: self.view.clone(),
            inverses: committed.inverses,
            merged: merged || committed.reloaded,
            notes,
            warnings,
        }
    }

    /// A watch on the vault's file.
    ///
    /// # Errors
    /// Why nothing tells of changes to it.
    pub fn watch(&self) -> Result<Watch, Unwatched> {
        Watch::on(self.store.path())
    }

    /// Reads the vault again, and what an exchange of tokens needs of a credential.
    ///
    /// # Errors
    /// As [`Session::refresh`]; exit 4 where there is no such credential.
    pub fn held(&mut self, id: &Id) -> Result<oauth::Held, Problem> {
        self.refresh()?;
        oauth::Held::of(self.store.document(), &self.kinds, id)
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
        record::follow(&mut self.log, &self.store);
        // A log that cannot be read tells of no uses; what needs it is refused when it comes.
        let _ = self.log.refresh(&self.store);
        Ok(refreshed.map(|_| self.view.clone()))
    }
}
