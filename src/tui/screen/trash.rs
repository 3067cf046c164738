//! The trash: removed credentials, to be restored or dropped for good.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::sheet::{Cursor, Line, frame};
use super::typed::Typed;
use super::{Reply, Screen};
use crate::model::{Document, Edit, Removed};
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Wish};
use crate::tui::keymap::Context;
use crate::tui::paint;
use crate::tui::widget::visible::visible;

/// What is typed to drop everything.
const ALL: &str = "purge";

/// The list, the newest first.
pub struct Trash {
    document: Arc<Document>,
    cursor: Cursor,
    read_only: bool,
}

impl Trash {
    /// What the vault's trash holds.
    pub fn new(document: Arc<Document>, read_only: bool) -> Self {
        Self { document, cursor: Cursor::default(), read_only }
    }

    fn selected(&self) -> Option<&Removed> {
        let line = self.cursor.selected(self.document.trash.len())?;
        self.document.trash.iter().rev().nth(line)
    }

    fn restore(&self, removed: &Removed) -> Wish {
        let place = place(removed);
        Wish {
            edits: session::restoration(&self.document, removed),
            label: format!("the return of {place}"),
            done: format!("{place} restored"),
            solution: None,
        }
    }

    fn purge(removed: &Removed) -> Typed {
        let (place, key) = (place(removed), removed.credential.content.key().to_owned());
        let name = match removed.credential.content.name() {
            "" => String::new(),
            name => format!(" “{}”", visible(name)),
        };
        let which = session::identified(&removed.credential).join("\n");
        let edit = Edit::Purge { id: removed.credential.id.clone() };
        let text = format!(
            "{place}{name} will be gone, with its versions and secrets.\n{which}\nType {key} to drop it for good."
        );
        Typed::new("Purge", text, "", move |typed| {
            if typed != key {
                return Err(format!("type {key} to drop it for good"));
            }
            Ok(Wish {
                edits: vec![edit.clone()],
                label: format!("the purge of {place}"),
                done: format!("{place} purged; older backups of the vault still hold it"),
                solution: None,
            })
        })
    }

    fn purge_all(&self) -> Typed {
        let ids: Vec<_> = self.document.trash.iter().map(|removed| removed.credential.id.clone()).collect();
        let count = ids.len();
        let text = format!("All {count} in the trash will be gone. Type {ALL} to drop them for good.");
        Typed::new("Purge all", text, "", move |typed| {
            if typed != ALL {
                return Err(format!("type {ALL} to drop them for good"));
            }
            Ok(Wish {
                edits: ids.iter().map(|id| Edit::Purge { id: id.clone() }).collect(),
                label: "the purge of the trash".to_owned(),
                done: format!("{count} purged; older backups of the vault still hold them"),
                solution: None,
            })
        })
    }
}

fn place(removed: &Removed) -> String {
    format!("{}/{}", removed.credential.content.solution(), removed.credential.content.key())
}

impl Screen for Trash {
    fn context(&self) -> Context {
        Context::Manage
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Delete, Action::DeleteAll, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        match action {
            Action::Accept => "restore",
            Action::Delete => "purge",
            Action::DeleteAll => "purge all",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match action {
            Action::Accept | Action::Delete | Action::DeleteAll if self.document.trash.is_empty() => {
                Some("the trash is empty")
            }
            Action::Accept | Action::Delete | Action::DeleteAll if self.read_only => {
                Some("the vault is open read-only")
            }
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        if self.cursor.act(action, self.document.trash.len()) {
            return Reply::Done;
        }
        match (action, self.selected()) {
            (Action::Accept, Some(removed)) => Reply::Do(Command::Store(self.restore(removed))),
            (Action::Delete, Some(removed)) => Reply::Open(Box::new(Self::purge(removed))),
            (Action::DeleteAll, Some(_)) => Reply::Open(Box::new(self.purge_all())),
            (Action::Back, _) => Reply::Close,
            (Action::Suspend | Action::Help | Action::Lock | Action::Quit, _) => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let inner = frame(&*self, "Trash", area, buf, shared);
        let (theme, now) = (&shared.theme, shared.now());
        if self.document.trash.is_empty() {
            paint::put(buf, inner.x, inner.y, inner.width, "The trash is empty.", theme.dim);
        }
        let lines: Vec<Line> = self
            .document
            .trash
            .iter()
            .rev()
            .map(|removed| {
                let ago = paint::ago(now.duration_since(removed.at).as_secs());
                let content = &removed.credential.content;
                let kind = shared.kinds.of_content(content);
                let kind = kind.as_ref().map_or(content.kind(), |kind| kind.title.as_str());
                vec![
                    (format!("{ago:>4}  "), theme.dim),
                    (place(removed), theme.text),
                    (format!("  {kind}"), theme.dim),
                ]
            })
            .collect();
        self.cursor.draw(&lines, inner, buf, shared);
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
