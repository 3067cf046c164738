//! A draft that another program's change got in the way of.

use super::Workbench;
use super::editor::Saving;
use crate::model::{Content, Document};
use crate::problem::Problem;
use crate::session::{self, Conflict};
use crate::tui::app::{Change, Command, Shared, Tone};
use crate::tui::screen::Reply;
use crate::tui::screen::confirm::Confirm;
use crate::tui::screen::conflict::{self, Decision};

impl Workbench {
    /// Whether the draft began from something else than a document says.
    pub(in crate::tui) fn is_draft_of_another_version(&self, document: &Document) -> bool {
        let Some(editor) = self.editor.as_ref().filter(|editor| editor.view.draft.base().is_some()) else {
            return false;
        };
        let stored = document.by_id(&editor.id).map(|stored| &stored.content);
        stored != Some(editor.view.draft.original())
    }

    /// Asks what the draft and what another program stored shall become.
    pub(super) fn conflict(&mut self, problem: &Problem, shared: &mut Shared) -> Reply {
        let Some(editor) = &mut self.editor else { return Reply::Done };
        let draft = &editor.view.draft;
        let Some(stored) = self.document.by_id(&editor.id) else {
            let choices = vec![
                ("Keep editing", None),
                ("Restore and save", Some(Command::Revive)),
                ("Drop the draft", Some(Command::Discard)),
            ];
            return Reply::Open(Box::new(Confirm::new(
                "Removed meanwhile",
                problem.message.clone(),
                choices,
            )));
        };
        let facts = Conflict::of(&shared.kinds, &self.document, draft.original(), draft.content(), stored);
        match facts {
            Some(facts) => Reply::Open(Box::new(conflict::Conflict::new(facts))),
            // It was changed once more, to something that can be put together.
            None => {
                self.store(shared);
                Reply::Done
            }
        }
    }

    /// Goes on with what was decided. What the draft said and was not chosen is stored as a version before.
    pub(super) fn resolve(&mut self, decision: Decision, shared: &mut Shared) {
        let Some(editor) = self.editor.as_mut().filter(|editor| editor.saving == Saving::No) else { return };
        let Decision { stored, version, content, loses } = decision;
        if loses {
            let mut overruled = editor.content().clone();
            let (solution, key) = (overruled.solution(), overruled.key());
            let taken = self.document.find(solution, key).is_some_and(|other| other.id != editor.id);
            if taken || !self.document.has_solution(solution) {
                // Its place is somebody else's by now; what it says is what counts.
                overruled.graft(&stored, Content::KEY);
                overruled.graft(&stored, Content::SOLUTION);
            }
            editor.overruled.push(overruled);
        }
        editor.view.resolve(version, stored, content);
        match editor.view.draft.is_changed() {
            // Whether it may have another name was asked before there was a conflict.
            true => drop(self.save(shared)),
            false => self.store(shared),
        }
    }

    /// Takes the credential back from the trash, with the draft as its newest version.
    pub(super) fn revive(&mut self, shared: &mut Shared) {
        let Some(editor) = &mut self.editor else { return };
        let removed = self.document.trash.iter().find(|removed| removed.credential.id == editor.id);
        let Some(removed) = removed else {
            return shared
                .tell(Tone::Bad, "it is not in the trash any more; its JSON can be copied from here");
        };
        let mut edits = session::restoration(&self.document, removed);
        edits.extend(editor.edits());
        editor.saving = Saving::Storing;
        self.wanted.push((edits, Change::Draft));
        shared.tell(Tone::Plain, "saving…");
    }
}
