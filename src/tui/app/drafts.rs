//! Drafts that are not saved: sealed when the workbench locks or ends, offered back when it is unlocked.
//!
//! A draft has an id of its own from the moment it is begun, and is kept under it. One that was gone on with stays on
//! the disk, as it was, until it is saved or dropped: that is, until no screen holds its id any more.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{App, Change, Command, Tone};
use crate::model::{Id, KeptDraft, Subject};
use crate::problem::Problem;
use crate::session::Keeping;
use crate::tui::message::{Effect, Order};
use crate::tui::screen::Screen;
use crate::tui::screen::drafts::Drafts as List;
use crate::tui::screen::kind::KindEditor;
use crate::tui::screen::oauth_app::OauthAppEditor;
use crate::vault::DraftSealer;

/// Kept drafts, and what it takes to keep more.
#[derive(Default)]
pub(super) struct Drafts {
    /// There while the vault is open.
    sealer: Option<Arc<DraftSealer>>,
    /// Those that wait to be gone on with.
    found: Vec<KeptDraft>,
    /// Those that a screen holds, and the disk too.
    resumed: BTreeSet<Id>,
    /// Kept when the workbench was locked although a save of them had begun: dropped if it succeeds.
    awaited: BTreeMap<u64, (Arc<DraftSealer>, Id)>,
    /// Orders about drafts that are not answered yet.
    pending: usize,
    /// The end comes when they are kept.
    quitting: bool,
}

impl Drafts {
    /// Whether the end has to wait for something.
    pub(super) fn is_pending(&self) -> bool {
        self.pending > 0
    }
}

impl App {
    fn screens(&mut self) -> impl Iterator<Item = &mut dyn Screen> {
        let bench = self.bench.iter_mut().map(|bench| bench as &mut dyn Screen);
        bench.chain(self.layers.iter_mut().map(|layer| &mut **layer as &mut dyn Screen))
    }

    /// The drafts that screens hold, and whether each has changes that are not saved.
    fn held(&self) -> impl Iterator<Item = (&Id, bool)> {
        let bench = self.bench.as_ref().and_then(Screen::draft);
        bench.into_iter().chain(self.layers.iter().filter_map(|layer| layer.draft()))
    }

    /// Whether leaving would lose something.
    pub(super) fn is_dirty(&self) -> bool {
        self.held().any(|(_, dirty)| dirty)
    }

    /// What takes to keep all drafts that are not saved; `None`: there are none.
    pub fn keeping(&mut self) -> Option<Keeping> {
        let sealer = self.drafts.sealer.clone()?;
        let recipients = self.bench.as_ref()?.recipients().to_vec();
        let now = self.shared.now();
        let drafts: Vec<KeptDraft> = self.screens().filter_map(|screen| screen.keep(now)).collect();
        (!drafts.is_empty()).then_some(Keeping { sealer, recipients, drafts })
    }

    /// Keeps all drafts and forgets about them: the vault is locked next.
    pub(super) fn keep_for_later(&mut self) {
        let Some(sealer) = self.drafts.sealer.clone() else { return };
        if let Some(keeping) = self.keeping() {
            self.await_saves(&keeping, &sealer);
            self.order(Order::Keep(keeping));
        }
        // What was gone on with and taken back is not worth keeping; what is dirty was sealed anew.
        let clean = self.held().filter(|(id, dirty)| !dirty && self.drafts.resumed.contains(*id));
        let clean: Vec<Id> = clean.map(|(id, _)| id.clone()).collect();
        clean.into_iter().for_each(|id| self.order(Order::Forget(sealer.clone(), id)));
        self.drafts.sealer = None;
        self.drafts.resumed.clear();
        self.drafts.found.clear();
        self.shared.drafts = 0;
    }

    /// A draft whose save has begun is kept all the same: the save may fail.
    fn await_saves(&mut self, keeping: &Keeping, sealer: &Arc<DraftSealer>) {
        let is_credential = |draft: &&KeptDraft| matches!(draft.subject, Subject::Credential { .. });
        let credential = keeping.drafts.iter().find(is_credential);
        // Only the top one of the others can have wished for something.
        let other = keeping.drafts.iter().rev().find(|draft| !is_credential(draft));
        for (serial, change) in &self.commits {
            let of = match change {
                Change::Draft => credential,
                Change::Wish(..) => other,
                _ => None,
            };
            if let Some(draft) = of {
                self.drafts.awaited.insert(*serial, (sealer.clone(), draft.id.clone()));
            }
        }
    }

    /// A commit ended: a draft that was kept beside it is not needed any more.
    pub(super) fn draft_committed(&mut self, serial: u64, stored: bool) {
        if let Some((sealer, id)) = self.drafts.awaited.remove(&serial)
            && stored
        {
            self.order(Order::Forget(sealer, id));
        }
    }

    fn order(&mut self, order: Order) {
        self.drafts.pending += 1;
        self.shared.effect(Effect::Vault(order));
    }

    /// Drafts are sealed, or could not be put on the disk.
    pub(super) fn kept(&mut self, result: Result<(), Problem>) {
        self.drafts.pending = self.drafts.pending.saturating_sub(1);
        let quitting = std::mem::take(&mut self.drafts.quitting);
        match result {
            Ok(()) if quitting => {
                self.drafts.resumed.clear();
                self.command(Command::Quit);
            }
            Ok(()) => {
                const KEPT: &str = "the draft is kept, sealed: it is offered when you unlock";
                // That its save failed, or why it was locked, must still be seen.
                match self.shared.notice() {
                    Some((tone, why)) => {
                        let both = format!("{why} · {KEPT}");
                        self.shared.tell(tone, both);
                    }
                    None => self.shared.tell(Tone::Plain, KEPT),
                }
            }
            Err(problem) if quitting => self.shared.tell_problem(&problem),
            Err(problem) => {
                let message = &problem.message;
                self.shared.tell(Tone::Bad, format!("the draft is kept in memory only, sealed: {message}"));
            }
        }
    }

    /// A kept draft was removed from the disk, or could not be.
    pub(super) fn forgot(&mut self, result: Result<(), Problem>) {
        self.drafts.pending = self.drafts.pending.saturating_sub(1);
        if let Err(problem) = result {
            self.shared.tell(Tone::Bad, format!("the kept draft cannot be removed: {}", problem.message));
        }
    }

    /// The vault was opened: there may be drafts to go on with.
    pub(super) fn drafts_found(&mut self, found: Vec<KeptDraft>, sealer: Option<Arc<DraftSealer>>) {
        self.drafts.sealer = sealer;
        self.drafts.found = found;
        self.shared.drafts = self.drafts.found.len();
        if self.shared.drafts > 0 {
            self.open_drafts();
        }
    }

    /// Shows the kept drafts.
    pub(super) fn open_drafts(&mut self) {
        if let Some(bench) = &self.bench {
            let list = List::new(bench.document().clone(), self.drafts.found.clone());
            self.layers.push(Box::new(list));
        }
    }

    /// Goes on with a kept draft.
    pub(super) fn resume_draft(&mut self, id: &Id) {
        let Some(at) = self.drafts.found.iter().position(|draft| draft.id == *id) else { return };
        let draft = self.drafts.found[at].clone();
        let Some(bench) = &mut self.bench else { return };
        let resumed = match &draft.subject {
            Subject::Credential { id, version, rotates } => {
                bench.resume(&draft, id, *version, *rotates, &mut self.shared).map(|()| None)
            }
            Subject::OauthApp { before } => {
                OauthAppEditor::resume(bench.document().clone(), &draft, before.as_ref(), &mut self.shared)
                    .map(|editor| Some(Box::new(editor) as Box<dyn Screen>))
            }
            Subject::Kind { id, .. } => KindEditor::resume(bench.document().clone(), &draft, id)
                .map(|editor| Some(Box::new(editor) as Box<dyn Screen>)),
        };
        match resumed {
            Ok(screen) => {
                self.layers = screen.into_iter().collect();
                self.drafts.found.remove(at);
                self.shared.drafts = self.drafts.found.len();
                self.drafts.resumed.insert(draft.id);
            }
            Err(why) => self.shared.tell(Tone::Bad, why),
        }
    }

    /// Drops a kept draft for good.
    pub(super) fn drop_draft(&mut self, id: &Id) {
        let Some(sealer) = self.drafts.sealer.clone() else { return };
        self.drafts.found.retain(|draft| draft.id != *id);
        self.shared.drafts = self.drafts.found.len();
        self.order(Order::Forget(sealer, id.clone()));
        self.layers.clear();
        if self.shared.drafts > 0 {
            self.open_drafts();
        }
    }

    /// Drops all drafts that screens hold: whoever quits was asked.
    pub(super) fn drop_drafts(&mut self) {
        let Some(sealer) = self.drafts.sealer.clone() else { return };
        for id in std::mem::take(&mut self.drafts.resumed) {
            self.order(Order::Forget(sealer.clone(), id));
        }
    }

    /// Removes from the disk what was gone on with and is saved or dropped by now.
    pub(super) fn forget_what_is_done(&mut self) {
        if self.drafts.resumed.is_empty() {
            return;
        }
        let held: BTreeSet<Id> = self.held().map(|(id, _)| id.clone()).collect();
        let done: Vec<Id> = self.drafts.resumed.difference(&held).cloned().collect();
        let Some(sealer) = self.drafts.sealer.clone() else { return };
        for id in done {
            self.drafts.resumed.remove(&id);
            self.order(Order::Forget(sealer.clone(), id));
        }
    }

    /// Quits once the drafts are kept; where they cannot be, nothing is lost and nothing ends.
    pub(super) fn keep_and_quit(&mut self) {
        match self.keeping() {
            Some(keeping) => {
                self.drafts.quitting = true;
                self.order(Order::Keep(keeping));
            }
            None => self.command(Command::Quit),
        }
    }
}
