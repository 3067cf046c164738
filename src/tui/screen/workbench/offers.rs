//! What can be done in the open vault now, and why something cannot.

use super::{FINISH, Workbench};
use crate::tui::action::Action;
use crate::tui::app::Shared;
use crate::tui::keymap::Context;
use crate::tui::screen::Screen as _;

impl Workbench {
    /// The actions of the footer, most useful first.
    pub(super) fn offers(&self) -> Vec<Action> {
        match self.context() {
            Context::Form | Context::Raw => {
                let mut hints = vec![Action::Save, Action::TestDraft, Action::Schema, Action::Reveal];
                hints.extend([Action::Undo, Action::Back, Action::Help, Action::Kind, Action::CopyPage]);
                hints
            }
            Context::Search => vec![Action::Accept, Action::Back, Action::Down],
            _ if !self.running.is_empty() => {
                vec![Action::Cancel, Action::Test, Action::Search, Action::Help, Action::Quit]
            }
            Context::Panel => {
                let mut hints = vec![
                    Action::Edit,
                    Action::Schema,
                    Action::Reveal,
                    Action::Copy,
                    Action::Test,
                    Action::Login,
                ];
                hints.extend([Action::Back, Action::Help, Action::CopyPage]);
                hints
            }
            _ => {
                let mut hints = vec![Action::Add, Action::Edit, Action::Test, Action::Login, Action::Schema];
                hints.push(Action::Remove);
                hints.extend([Action::Search, Action::Help, Action::Palette, Action::Mark, Action::TestAll]);
                hints.extend([
                    Action::Undo,
                    Action::Tag,
                    Action::Sort,
                    Action::Group,
                    Action::Copy,
                    Action::Solutions,
                    Action::History,
                    Action::Workflows,
                    Action::Rotate,
                    Action::Rename,
                ]);
                hints.extend([Action::Lock, Action::Quit]);
                hints
            }
        }
    }

    /// Why an action would do nothing now.
    pub(super) fn refused(&self, action: Action, shared: &Shared) -> Option<&'static str> {
        let nothing = self.list.selected().is_none();
        let writes = matches!(action, Action::Add | Action::Edit | Action::Remove | Action::Save);
        let editing = self.is_editing();
        match action {
            _ if self.read_only && (writes || (action == Action::Undo && !editing)) => {
                Some("the vault is open read-only")
            }
            Action::Move | Action::Tag | Action::Rename if self.read_only => {
                Some("the vault is open read-only")
            }
            Action::Add
            | Action::Remove
            | Action::Solutions
            | Action::Move
            | Action::Tag
            | Action::History
            | Action::Workflows
            | Action::Rename
            | Action::Rotate
            | Action::Trash
            | Action::Review
            | Action::OauthApps
            | Action::Login
            | Action::Kinds
            | Action::Drafts
                if !editing && self.editor.is_some() =>
            {
                Some(FINISH)
            }
            Action::Login if !editing => self.refuses_login(shared),
            Action::Drafts if shared.drafts == 0 => Some("no draft waits"),
            Action::Filters if shared.config.filters.is_empty() => {
                Some("there are no saved filters: [filters] in config.toml has them")
            }
            Action::Move | Action::Tag if nothing && !self.list.has_marks() => {
                Some("there is nothing selected")
            }
            Action::History | Action::Rename | Action::Rotate if nothing => Some("there is nothing selected"),
            Action::Edit | Action::Schema | Action::Remove | Action::Mark if !editing && nothing => {
                match self.editor.is_some() && action != Action::Remove {
                    true => None,
                    false => Some("there is nothing selected"),
                }
            }
            Action::Test | Action::TestAll | Action::Copy if nothing => Some("there is nothing selected"),
            Action::Reveal if nothing && !editing => Some("there is nothing selected"),
            Action::Reveal if !shared.config.screen.reveal => Some("the configuration forbids to reveal"),
            Action::Copy if !shared.config.screen.copy => Some("the configuration forbids to copy"),
            Action::Reveal
                if editing && self.editor.as_ref().is_some_and(|e| e.view.focused_secret().is_none()) =>
            {
                Some("go to a secret first")
            }
            Action::CopyPage if self.page_of_key(shared).is_none() => {
                Some("no page is known where its key is made")
            }
            Action::Undo if !editing && self.undo.is_empty() => Some("there is nothing to undo"),
            Action::Cancel if self.running.is_empty() => Some("no test is running"),
            Action::Save | Action::TestDraft if self.editor.is_none() => Some("there is no draft"),
            _ => None,
        }
    }
}
