//! The steps of a rotation: entered in the form, tested like a draft, stored one by one.

use super::editor::Saving;
use super::{Editor, Pane, Workbench};
use crate::model::{Id, TestRecord};
use crate::probe::Report;
use crate::problem::Problem;
use crate::session;
use crate::tui::app::{Change, Shared, Tone, Turn};
use crate::tui::message::Subject;
use crate::tui::screen::Reply;
use crate::tui::screen::rotation::{Rotation, Work};

impl Workbench {
    /// Shows where the selected credential's rotation stands.
    pub(super) fn rotation(&self, shared: &Shared) -> Reply {
        match self.list.selected_id().and_then(|id| self.rotation_of(&id, shared)) {
            Some(screen) => Reply::Open(Box::new(screen)),
            None => Reply::Done,
        }
    }

    pub(super) fn rotation_of(&self, id: &Id, shared: &Shared) -> Option<Rotation> {
        Rotation::new(self.document.clone(), id, self.read_only, shared)
    }

    /// What is being done for a credential's rotation.
    pub(in crate::tui) fn works_on_rotation(&self, id: &Id) -> Option<Work> {
        match (self.asks_for_keys(id), self.running.tests_rotation(id)) {
            (true, _) => Some(Work::Asks),
            (_, true) => Some(Work::Tests),
            _ => None,
        }
    }

    /// Takes a step.
    pub(super) fn turn(&mut self, id: &Id, turn: Turn, shared: &mut Shared) {
        let Some(known) = self.document.by_id(id) else { return };
        let (key, now) = (known.content.key(), shared.now());
        let step = match turn {
            Turn::Enter => return self.enter_next(id, shared),
            Turn::Test => return self.test_rotation(id, shared),
            Turn::Take => session::rotation_tested(known, None, true, now)
                .map(|edits| (edits, format!("{key}: taken as it is"))),
            Turn::Switch => session::rotation_swapped(known, now)
                .map(|edits| (edits, format!("{key}: the next value is in use"))),
            Turn::Back => session::rotation_swapped(known, now)
                .map(|edits| (edits, format!("{key}: the one before is in use"))),
            Turn::Finish => session::rotation_ended(known, false)
                .map(|edit| (vec![edit], format!("{key} rotated; the one before stays in its versions"))),
            Turn::Cancel => session::rotation_ended(known, true)
                .map(|edit| (vec![edit], format!("{key}: the next value was dropped"))),
        };
        self.step_of_rotation(id, step, turn == Turn::Switch, shared);
    }

    fn step_of_rotation(
        &mut self,
        id: &Id,
        step: Result<(Vec<crate::model::Edit>, String), Problem>,
        tests: bool,
        shared: &mut Shared,
    ) {
        match step {
            Ok((edits, said)) => self.wanted.push((edits, Change::Rotation(id.clone(), said, tests))),
            Err(problem) => shared.tell_problem(&problem),
        }
    }

    /// Opens the form for the next values: it starts with those in use.
    fn enter_next(&mut self, id: &Id, shared: &mut Shared) {
        let Some(known) = self.document.by_id(id) else { return };
        self.list.select(Some(id));
        self.editor = Editor::of(known, &shared.kinds, &self.document);
        let Some(editor) = &mut self.editor else {
            return shared.tell(Tone::Bad, "its kind is not known here");
        };
        editor.rotates = true;
        editor.view.focus_secret();
        self.focus = Pane::Panel;
        shared.tell(
            Tone::Plain,
            "enter the next value and save: it is kept and tested, the one in use stays in use",
        );
    }

    /// Keeps what was entered as the next values.
    pub(super) fn keep_next(&mut self, shared: &mut Shared) {
        let Some(editor) = &mut self.editor else { return };
        let (id, next) = (editor.id.clone(), editor.content().clone());
        let Some(known) = self.document.by_id(&id) else { return };
        if shared.kinds.changed_origin(&known.content, &next).is_some() {
            return shared.tell(Tone::Bad, "a rotation changes secrets, not where they are sent");
        }
        match session::rotation_begun(known, &next, shared.now()) {
            Ok(edit) => {
                let said = format!("{}: the next value is kept", known.content.key());
                editor.saving = Saving::Storing;
                self.wanted.push((vec![edit], Change::Rotation(id, said, true)));
            }
            Err(problem) => shared.tell_problem(&problem),
        }
    }

    /// Tests the next values, or after the switch those in use.
    pub(super) fn test_rotation(&mut self, id: &Id, shared: &mut Shared) {
        let Some(content) = self.document.by_id(id).and_then(session::rotation_subject) else { return };
        self.test(vec![(id.clone(), Subject::Rotation, content)], shared);
    }

    /// Such a test ended.
    pub(super) fn rotation_tested(&mut self, id: &Id, report: &Report, shared: &mut Shared) {
        let Some(known) = self.document.by_id(id) else { return };
        let outcome = report.outcome;
        let keeps = outcome.status().is_some() && outcome != crate::model::Outcome::NotTestable;
        let record: Option<TestRecord> = keeps.then(|| report.record(known.version));
        let said = format!("{}: {}: {}", known.content.key(), outcome.word(), report.message);
        let step = session::rotation_tested(known, record, false, shared.now()).map(|edits| (edits, said));
        self.step_of_rotation(id, step, false, shared);
    }
}
