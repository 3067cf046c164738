//! The credential that is edited in the side panel, on its way to the vault.

use std::sync::Arc;

use jiff::Timestamp;
use serde_json::Value;

use crate::model::{Content, Credential, Document, Edit, Id, KeptDraft, Subject, TestRecord};
use crate::schema::{Draft, Kind, Kinds, Violation};
use crate::session;
use crate::tui::app::Shared;
use crate::tui::draft_view::{DraftView, Rules};
use crate::tui::message::Ticket;

/// How far a save is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Saving {
    /// There is none.
    No,
    /// The draft is tested first.
    Testing(Ticket),
    /// It is being stored.
    Storing,
}

/// A draft on the screen.
pub(super) struct Editor {
    pub(super) id: Id,
    /// Names the draft, if it has to be kept.
    pub(super) draft_id: Id,
    pub(super) view: DraftView,
    pub(super) saving: Saving,
    /// What the test before saving found, at which revision; stored with the draft.
    pub(super) tested: Option<(u64, TestRecord)>,
    /// What the draft said before a decision about another program's change: stored as versions before it.
    pub(super) overruled: Vec<Content>,
    /// A person agreed that workflows do not find it under its new name.
    pub(super) renames: bool,
    /// What is entered are the next values of a rotation.
    pub(super) rotates: bool,
}

impl Editor {
    /// A draft of a new credential. `None` where its kind is gone.
    pub(super) fn begin(
        kind: &Kind,
        solution: &str,
        key: Option<&str>,
        kinds: &Arc<Kinds>,
        document: &Document,
    ) -> Option<Self> {
        let mut draft = Draft::new(kind, solution);
        if let Some(key) = key {
            draft.set(Content::KEY, Value::from(key));
        }
        Self::with(Id::new(), draft, kinds, document)
    }

    /// A draft of a stored credential. `None` where there is no form for it: its kind is not known.
    pub(super) fn of(credential: &Credential, kinds: &Arc<Kinds>, document: &Document) -> Option<Self> {
        let mut editor = Self::with(credential.id.clone(), Draft::of(credential), kinds, document)?;
        editor.view.show_errors();
        Some(editor)
    }

    fn with(id: Id, draft: Draft, kinds: &Arc<Kinds>, document: &Document) -> Option<Self> {
        let view = DraftView::open(draft, kinds.clone(), session::names(document), Rules::CREDENTIAL)?;
        Some(Self {
            id,
            draft_id: Id::new(),
            view,
            saving: Saving::No,
            tested: None,
            overruled: Vec::new(),
            renames: false,
            rotates: false,
        })
    }

    /// A kept draft of a credential, on the version that it began from. `None` where its kind is not known.
    pub(super) fn resume(
        kept: &KeptDraft,
        id: &Id,
        version: Option<u32>,
        document: &Document,
        shared: &mut Shared,
    ) -> Option<Self> {
        let kinds = shared.kinds.clone();
        let (id, draft) = session::resumed(document, &kinds, id, version, &kept.content);
        let mut editor = Self::with(id, draft, &kinds, document)?;
        editor.draft_id = kept.id.clone();
        if let Some(text) = &kept.text {
            editor.view.resume_text(text, shared);
        } else if version.is_some() {
            editor.view.show_errors();
        }
        Some(editor)
    }

    /// What is kept of it; `None`: nothing would be lost.
    pub(super) fn keep(&mut self, now: Timestamp) -> Option<KeptDraft> {
        if !self.view.is_dirty() {
            return None;
        }
        let (content, text) = self.view.keep();
        let version = self.view.draft.base().map(|base| base.version);
        let subject = Subject::Credential { id: self.id.clone(), version, rotates: self.rotates };
        Some(KeptDraft { id: self.draft_id.clone(), at: now, subject, content, text })
    }

    /// What the draft says.
    pub(super) fn content(&self) -> &Content {
        self.view.draft.content()
    }

    /// Whether the draft may be stored or tested; what is wrong with it is shown and told.
    pub(super) fn is_valid(&mut self, shared: &mut Shared, document: &Document) -> bool {
        let taken = |content: &Content| {
            let other = document.find(content.solution(), content.key()).filter(|other| other.id != self.id);
            other.map(|_| Violation::new(Content::KEY, format!("is taken in {}", content.solution())))
        };
        self.view.is_valid(taken, shared)
    }

    /// The edits that store the draft, with the test that was run before.
    pub(super) fn edits(&self) -> Vec<Edit> {
        let mut edits = vec![self.view.draft.edit(self.id.clone())];
        for overruled in self.overruled.iter().rev() {
            if let Edit::Update { id, base, .. } = &mut edits[0] {
                let before = base.replace(Box::new(overruled.clone()));
                let earlier = Edit::Update { id: id.clone(), base: before, content: overruled.clone() };
                edits.insert(0, earlier);
            }
        }
        let made = u32::try_from(edits.len()).unwrap_or(u32::MAX);
        let version = self.view.draft.base().map_or(1, |base| base.version.saturating_add(made));
        let tested = self.tested.clone().filter(|(revision, _)| *revision == self.view.revision());
        let record = tested.map(|(_, record)| Edit::RecordTest {
            id: self.id.clone(),
            record: TestRecord { version, ..record },
        });
        edits.into_iter().chain(record).collect()
    }
}
