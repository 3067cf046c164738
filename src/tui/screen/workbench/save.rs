//! From a draft to the vault: checked, tested, stored; and what comes back from both.

use super::editor::Saving;
use super::log;
use super::running::Ended;
use super::{Pane, UNDO, Workbench};
use crate::model::{Content, Id, Outcome};
use crate::probe::{self, Report};
use crate::problem::Problem;
use crate::schema::Violation;
use crate::session::{self, Rewrite, Saved};
use crate::tui::app::{Change, Command, Shared, Tone};
use crate::tui::message::{Effect, Order, Subject, Ticket};
use crate::tui::screen::Reply;
use crate::tui::screen::confirm::Confirm;
use crate::tui::theme;
use crate::words::counted;

/// A screen that is shown again once something was stored.
enum Again {
    Workflows(Vec<(String, String)>),
    Rotation(Id, bool),
}

impl Workbench {
    /// Checks the draft, tests it, and stores it if the test passes.
    pub(super) fn save(&mut self, shared: &mut Shared) -> Reply {
        let document = self.document.clone();
        let Some(editor) = &mut self.editor else { return Reply::Done };
        if editor.saving != Saving::No || !editor.is_valid(shared, &document) {
            return Reply::Done;
        }
        if editor.view.draft.base().is_some() && !editor.view.draft.is_changed() {
            shared.tell(Tone::Plain, "nothing was changed");
            return Reply::Done;
        }
        if editor.rotates {
            self.keep_next(shared);
            return Reply::Done;
        }
        if let Some(question) = self.refuse_rename() {
            return question;
        }
        self.test_and_store(shared);
        Reply::Done
    }

    fn test_and_store(&mut self, shared: &mut Shared) {
        let document = self.document.clone();
        let Some(editor) = &mut self.editor else { return };
        let content = editor.content();
        let complete = shared.kinds.is_complete(content);
        let login = probe::awaits_login(content, &session::surroundings(&document, content));
        if !complete || login || !session::has_test(&shared.kinds, content) {
            return self.store(shared);
        }
        let subject = Subject::Draft(editor.view.revision());
        let jobs = vec![(editor.id.clone(), subject, content.clone())];
        if let Some(ticket) = self.running.start(jobs, &document, shared).pop() {
            editor.saving = Saving::Testing(ticket);
            shared.tell(Tone::Plain, "testing before saving; Esc stops");
        }
    }

    /// Tests the draft as it stands.
    pub(super) fn test_draft(&mut self, shared: &mut Shared) {
        let document = self.document.clone();
        let Some(editor) = &mut self.editor else { return };
        if editor.saving == Saving::No && editor.is_valid(shared, &document) {
            let subject = Subject::Draft(editor.view.revision());
            let jobs = vec![(editor.id.clone(), subject, editor.content().clone())];
            self.running.start(jobs, &document, shared);
        }
    }

    /// Stores the draft.
    pub(super) fn store(&mut self, shared: &mut Shared) {
        let Some(editor) = &mut self.editor else { return };
        editor.saving = Saving::Storing;
        self.wanted.push((editor.edits(), Change::Draft));
        shared.tell(Tone::Plain, "saving…");
    }

    /// Stops the test before saving. What is being stored is not stopped.
    pub(super) fn cancel_save(&mut self, shared: &mut Shared) {
        let Some(editor) = &mut self.editor else { return };
        if matches!(editor.saving, Saving::Testing(_)) {
            editor.saving = Saving::No;
            let id = editor.id.clone();
            self.running.stop(&id, shared);
            shared.tell(Tone::Plain, "not saved");
        }
    }

    /// The test before saving was cancelled with all others.
    pub(super) fn save_cancelled(&mut self) {
        if let Some(editor) = &mut self.editor
            && matches!(editor.saving, Saving::Testing(_))
        {
            editor.saving = Saving::No;
        }
    }

    /// A test ended.
    pub(in crate::tui) fn tested(
        &mut self,
        ticket: Ticket,
        mut report: Report,
        shared: &mut Shared,
    ) -> Reply {
        if let Some(credential) = self.document.by_id(&ticket.id) {
            report.compare(credential);
        }
        let (label, record) = match ticket.subject {
            Subject::Draft(revision) => {
                let current =
                    self.editor.as_ref().is_some_and(|e| e.id == ticket.id && e.view.revision() == revision);
                (if current { "draft" } else { "draft, changed since" }, None)
            }
            Subject::Rotation => ("of the rotation", None),
            Subject::Stored(version) => {
                let stored = self.document.by_id(&ticket.id).map(|credential| credential.version);
                let label = if stored == Some(version) { "" } else { "an earlier version" };
                // What says nothing about the credential is not kept in its history.
                let decided = !matches!(
                    report.outcome,
                    Outcome::Cancelled | Outcome::NotTestable | Outcome::Incomplete
                );
                let keep = decided && stored.is_some() && !self.read_only;
                (label, keep.then(|| report.record(version)))
            }
        };
        if matches!(self.running.ended(&ticket, report.outcome, record), Ended::Late) {
            return Reply::Done;
        }
        self.store_results(shared);
        let key = self.key_of(&ticket);
        self.log.push(log::Result::of_test(ticket.id.clone(), key.clone(), label, report.clone()));
        if ticket.subject == Subject::Rotation {
            self.rotation_tested(&ticket.id, &report, shared);
            return Reply::Done;
        }
        if self.is_saving(&ticket) {
            return self.tested_before_saving(&report, shared);
        }
        let tone = if report.outcome.passes() { Tone::Good } else { Tone::Bad };
        if let Some(summary) = self.running.summary() {
            shared.tell(Tone::Plain, summary);
        } else if self.running.is_empty() {
            // Where the log is not seen, this line is.
            let (sign, word) = theme::outcome(report.outcome);
            shared.tell(tone, format!("{sign} {key} {word}: {}", report.message));
        }
        Reply::Done
    }

    /// Stores what tests found, as far as it is due.
    pub(super) fn store_results(&mut self, shared: &Shared) {
        let due = self.running.take_due(shared.now());
        self.wanted.extend(due.into_iter().map(|edits| (edits, Change::Tests)));
    }

    fn key_of(&self, ticket: &Ticket) -> String {
        let draft = self.editor.as_ref().filter(|editor| editor.id == ticket.id);
        match (draft, self.document.by_id(&ticket.id)) {
            (Some(editor), _) if matches!(ticket.subject, Subject::Draft(_)) => {
                editor.content().key().to_owned()
            }
            (_, Some(credential)) => credential.content.key().to_owned(),
            _ => "removed".to_owned(),
        }
    }

    fn is_saving(&self, ticket: &Ticket) -> bool {
        self.editor.as_ref().is_some_and(|editor| editor.saving == Saving::Testing(ticket.clone()))
    }

    fn tested_before_saving(&mut self, report: &Report, shared: &mut Shared) -> Reply {
        let Some(editor) = &mut self.editor else { return Reply::Done };
        editor.saving = Saving::No;
        if report.outcome == Outcome::Cancelled {
            shared.tell(Tone::Plain, "not saved: the test was cancelled");
            return Reply::Done;
        }
        // The version is put in when the draft is stored.
        editor.tested =
            (report.outcome != Outcome::NotTestable).then(|| (editor.view.revision(), report.record(0)));
        if report.outcome.passes() {
            self.store(shared);
            return Reply::Done;
        }
        let (sign, word) = theme::outcome(report.outcome);
        let text = format!("{sign} {word}: {}\n{}\n\nNothing is saved yet.", report.message, report.advice);
        let choices =
            vec![("Fix", Some(Command::Fix)), ("Save anyway", Some(Command::SaveAnyway)), ("Cancel", None)];
        Reply::Open(Box::new(Confirm::new("The test failed", text, choices)))
    }

    /// A commit ended.
    pub(in crate::tui) fn committed(
        &mut self,
        change: Change,
        result: Result<(Saved, u64), Problem>,
        shared: &mut Shared,
    ) -> Reply {
        match result {
            Ok((saved, generation)) => {
                // Screens that show how something goes on come back with what is so now.
                let again = match &change {
                    Change::Scanned(_, vanished) => Some(Again::Workflows(vanished.clone())),
                    Change::Rotation(id, _, tests) => Some(Again::Rotation(id.clone(), *tests)),
                    _ => None,
                };
                self.stored(change, saved, generation, shared);
                self.again(again, shared)
            }
            Err(problem) => self.not_stored(change, &problem, shared),
        }
    }

    fn again(&mut self, again: Option<Again>, shared: &mut Shared) -> Reply {
        match again {
            Some(Again::Workflows(vanished)) => Reply::Open(Box::new(self.workflows_after(vanished, shared))),
            Some(Again::Rotation(id, tests)) => {
                let goes_on = self.document.by_id(&id).is_some_and(|known| known.rotation.is_some());
                let tests = tests && self.is_testable(&id, shared);
                if tests {
                    self.test_rotation(&id, shared);
                }
                match self.rotation_of(&id, shared).filter(|_| goes_on) {
                    Some(screen) => Reply::Open(Box::new(screen)),
                    None => Reply::Done,
                }
            }
            None => Reply::Done,
        }
    }

    pub(super) fn is_testable(&self, id: &Id, shared: &Shared) -> bool {
        self.document.by_id(id).is_some_and(|known| session::has_test(&shared.kinds, &known.content))
    }

    fn stored(&mut self, change: Change, saved: Saved, generation: u64, shared: &mut Shared) {
        let Saved { document, inverses, merged, notes, warnings } = saved;
        self.set_document(document, shared);
        let mut said = match change {
            Change::Draft => {
                let id = self.editor.as_ref().map(|editor| editor.id.clone());
                let key =
                    id.as_ref().and_then(|id| self.document.by_id(id)).map(|c| c.content.key().to_owned());
                let key = key.unwrap_or_default();
                self.close_editor();
                self.list.select(id.as_ref());
                self.remember(format!("the change of {key}"), inverses, Vec::new());
                let next = self.way_to_log_in(shared);
                format!("{key} saved, generation {generation}{next}")
            }
            Change::Removal(label) => {
                self.details.reset();
                self.remember(format!("the removal of {label}"), inverses, Vec::new());
                format!("{label} moved to the trash")
            }
            Change::Wish(label, done, solution) => {
                self.details.reset();
                if solution.is_some() {
                    self.show_only(solution, shared);
                }
                self.remember(label, inverses, Vec::new());
                done
            }
            Change::Renamed(label, done, solution, files) => {
                self.details.reset();
                if solution.is_some() {
                    self.show_only(solution, shared);
                }
                let said = format!("{done}; {} changed", counted(files.len(), "file"));
                self.remember(label, inverses, files.clone());
                if !files.is_empty() {
                    shared.effect(Effect::Vault(Order::Rewrite(files)));
                }
                said
            }
            Change::Scanned(said, _) => said,
            Change::Rotation(_, said, _) => {
                if self.editor.as_ref().is_some_and(|editor| editor.rotates) {
                    self.close_editor();
                }
                self.details.reset();
                said
            }
            Change::Undo(label, files) if files.is_empty() => format!("undone: {label}"),
            Change::Undo(label, files) => {
                let said = format!("undone: {label}; {} changed back", counted(files.len(), "file"));
                shared.effect(Effect::Vault(Order::RewriteBack(files)));
                said
            }
            // What the tests found stands in the log.
            Change::Tests if warnings.is_empty() => return,
            Change::Tests => String::new(),
        };
        if merged && notes.is_empty() {
            said.push_str(" · another program's changes were taken in");
        }
        for warning in notes.iter().chain(&warnings) {
            said.push_str(" · ");
            said.push_str(warning);
        }
        shared.tell(if warnings.is_empty() { Tone::Good } else { Tone::Bad }, said);
    }

    fn remember(&mut self, label: String, inverses: Vec<crate::model::Edit>, files: Vec<Rewrite>) {
        self.undo.push((label, inverses, files));
        if self.undo.len() > UNDO {
            self.undo.remove(0);
        }
    }

    fn not_stored(&mut self, change: Change, problem: &Problem, shared: &mut Shared) -> Reply {
        match change {
            Change::Draft => {
                let Some(editor) = &mut self.editor else { return Reply::Done };
                editor.saving = Saving::No;
                self.focus = Pane::Panel;
                match problem.code {
                    "conflict" => return self.conflict(problem, shared),
                    "exists" => editor.view.show(&[Violation::new(Content::KEY, "is taken")], shared),
                    _ => shared.tell_problem(problem),
                }
            }
            Change::Undo(label, _) => {
                shared.tell(Tone::Bad, format!("cannot undo {label}: {}", problem.message))
            }
            Change::Rotation(..) => {
                if let Some(editor) = self.editor.as_mut().filter(|editor| editor.rotates) {
                    editor.saving = Saving::No;
                }
                shared.tell_problem(problem);
            }
            Change::Removal(_) | Change::Wish(..) | Change::Renamed(..) | Change::Scanned(..) => {
                shared.tell_problem(problem)
            }
            Change::Tests => {
                shared.tell(Tone::Bad, format!("the tests' results are not stored: {}", problem.message));
            }
        }
        Reply::Done
    }
}
