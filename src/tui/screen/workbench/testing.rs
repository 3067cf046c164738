//! Which credentials are tested together, and which only after a question.

use super::{Workbench, first_of, job, named};
use crate::model::{Content, Credential, Id};
use crate::session;
use crate::tui::app::{Command, Shared};
use crate::tui::message::Subject;
use crate::tui::screen::Reply;
use crate::tui::screen::confirm::Confirm;

impl Workbench {
    /// Cancels every test.
    pub(in crate::tui) fn cancel_tests(&mut self, shared: &mut Shared) -> usize {
        let count = self.running.stop_all(shared);
        // What the others had found already is not lost with them.
        self.store_results(shared);
        count
    }

    /// Tests the marked credentials, or the selected one.
    pub(super) fn test_chosen(&mut self, shared: &mut Shared) {
        let jobs = self.list.chosen().into_iter().map(job).collect();
        self.test(jobs, shared);
    }

    /// Tests the credentials shown.
    pub(super) fn test_shown(&mut self, costly: bool, shared: &mut Shared) {
        let wanted = |one: &&Credential| costly || session::caution(&shared.kinds, &one.content).is_none();
        let jobs = self.list.shown().filter(wanted).map(job).collect();
        self.test(jobs, shared);
    }

    /// Tests the credentials shown, after a question if some of these tests may do harm.
    pub(super) fn ask_to_test_shown(&mut self, shared: &mut Shared) -> Reply {
        let caution = |one: &Credential| {
            session::caution(&shared.kinds, &one.content).map(|why| format!("{}: {why}", named(one)))
        };
        let costly: Vec<String> = self.list.shown().filter_map(caution).collect();
        if costly.is_empty() {
            self.test_shown(true, shared);
            return Reply::Done;
        }
        let all = self.list.shown().count();
        let question = match (costly.len(), all) {
            (1, 1) => "This test costs quota or may lock an account:".to_owned(),
            (costly, all) if costly == all => "All of these cost quota or may lock accounts:".to_owned(),
            (1, all) => format!("1 of these {all} costs quota or may lock an account:"),
            (costly, all) => format!("{costly} of these {all} cost quota or may lock accounts:"),
        };
        let (without, with, nothing) = (
            ("Leave them out", Some(Command::TestShown { costly: false })),
            ("Test all", Some(Command::TestShown { costly: true })),
            ("Cancel", None),
        );
        let choices = match costly.len() == all {
            true => vec![nothing, with],
            false => vec![without, with, nothing],
        };
        let text = format!("{question}\n{}", first_of(&costly));
        Reply::Open(Box::new(Confirm::new("Test all", text, choices)))
    }

    pub(super) fn test(&mut self, jobs: Vec<(Id, Subject, Content)>, shared: &mut Shared) {
        if !jobs.is_empty() {
            self.running.start(jobs, &self.document, shared);
        }
    }

    /// Tests the credentials of the current solution in the background: those that a test can prove at no cost and
    /// no risk, that are not under test already and that nobody is editing.
    pub(in crate::tui) fn retest(&mut self, shared: &mut Shared) {
        let edited = self.editor.as_ref().map(|editor| &editor.id);
        let wanted = |credential: &&Credential| {
            let content = &credential.content;
            content.solution() == shared.solution
                && edited != Some(&credential.id)
                && self.running.spinner(&credential.id).is_none()
                && shared.kinds.is_complete(content)
                && session::has_test(&shared.kinds, content)
                && session::caution(&shared.kinds, content).is_none()
        };
        let jobs: Vec<_> = self.document.credentials.iter().filter(wanted).map(job).collect();
        self.test(jobs, shared);
    }
}
