//! From the list to the screens of solutions, versions, trash and OAuth apps, and back.

use super::Workbench;
use crate::model::Id;
use crate::tui::action::Action;
use crate::tui::app::{Change, Shared, Tone, Wish};
use crate::tui::screen::audit::AuditLog;
use crate::tui::screen::history::History;
use crate::tui::screen::kind::KindEditor;
use crate::tui::screen::kinds::Kinds;
use crate::tui::screen::move_to::MoveTo;
use crate::tui::screen::oauth_apps::OauthApps;
use crate::tui::screen::solutions::Solutions;
use crate::tui::screen::trash::Trash;
use crate::tui::screen::{Reply, Screen};

impl Workbench {
    /// Opens the screen that an action is about.
    pub(super) fn manage(&self, action: Action, shared: &mut Shared) -> Reply {
        let document = self.document.clone();
        let screen: Box<dyn Screen> = match action {
            Action::Solutions => Box::new(Solutions::new(document, self.list.only(), self.read_only)),
            Action::Audit => Box::new(AuditLog::new(None, shared)),
            Action::Trash => Box::new(Trash::new(document, self.read_only)),
            Action::OauthApps => Box::new(OauthApps::new(document, self.read_only)),
            Action::Move => {
                let ids: Vec<Id> = self.list.chosen().into_iter().map(|one| one.id.clone()).collect();
                Box::new(MoveTo::new(document, ids))
            }
            Action::History => match self.list.selected_id() {
                Some(id) => Box::new(History::new(document, id, self.read_only)),
                None => return Reply::Done,
            },
            _ => return Reply::Ignored,
        };
        Reply::Open(screen)
    }

    /// Shows the schema of the draft's kind: to change it where it is the vault's own.
    pub(super) fn kind_of_draft(&self, shared: &mut Shared) -> Reply {
        let kind = self.editor.as_ref().and_then(|editor| editor.view.draft.kind(&shared.kinds));
        let Some(kind) = kind else { return Reply::Done };
        let document = self.document.clone();
        match self.document.own_kind(&kind.id) {
            Some(own) => match KindEditor::of(document.clone(), own) {
                Ok(editor) => Reply::Open(Box::new(editor)),
                Err(why) => {
                    shared.tell(Tone::Bad, why);
                    Reply::Done
                }
            },
            None => Reply::Open(Box::new(Kinds::new(document, Some(&kind.id), self.read_only, shared))),
        }
    }

    /// Stores what a screen decided on.
    pub(super) fn wish(&mut self, wish: Wish) {
        let Wish { edits, label, done, solution } = wish;
        self.wanted.push((edits, Change::Wish(label, done, solution)));
    }

    /// Shows one solution, which is then the current one, or all.
    pub(super) fn use_solution(&mut self, name: Option<String>, shared: &mut Shared) {
        let said = match &name {
            Some(name) => format!("only {name} is shown"),
            None => "all solutions are shown".to_owned(),
        };
        self.show_only(name, shared);
        shared.tell(Tone::Plain, said);
    }

    /// Restricts the list; the solution that is shown is where new credentials go.
    pub(super) fn show_only(&mut self, name: Option<String>, shared: &mut Shared) {
        if let Some(name) = &name {
            shared.solution.clone_from(name);
        }
        self.list.unmark();
        self.list.set_only(name);
        self.list.set_document(self.document.clone(), shared);
        self.details.reset();
    }
}
