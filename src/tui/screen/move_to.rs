//! Moving credentials to another solution.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::sheet::Cursor;
use super::typed::Typed;
use super::{Reply, Screen};
use crate::model::{Document, Edit, Id};
use crate::problem::Problem;
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Wish};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// The question where to.
pub struct MoveTo {
    document: Arc<Document>,
    ids: Vec<Id>,
    cursor: Cursor,
}

impl MoveTo {
    /// Asks for these credentials.
    pub fn new(document: Arc<Document>, ids: Vec<Id>) -> Self {
        Self { document, ids, cursor: Cursor::default() }
    }

    fn label(&self) -> String {
        match self.ids.as_slice() {
            [one] => self.document.by_id(one).map(|one| one.content.key().to_owned()).unwrap_or_default(),
            many => format!("{} credentials", many.len()),
        }
    }

    /// The first of them that workflows use where it is.
    fn used(&self) -> Option<String> {
        let chosen = self.ids.iter().filter_map(|id| self.document.by_id(id)).map(|known| &known.content);
        let mut used =
            chosen.filter(|known| !session::users(&self.document, known.solution(), known.key()).is_empty());
        used.next().map(|known| known.key().to_owned())
    }

    /// What is in use is moved only by typing its key.
    fn in_use(&self, key: String, wish: Wish) -> Typed {
        let lines: Vec<String> = self
            .ids
            .iter()
            .filter_map(|id| self.document.by_id(id))
            .filter_map(|known| {
                let (solution, key) = (known.content.solution(), known.content.key());
                let users = session::users(&self.document, solution, key);
                (!users.is_empty()).then(|| session::in_use(key, &users).message)
            })
            .collect();
        let text =
            format!("{}.\n\nThere they do not find it. Type {key} to move all the same.", lines.join("\n"));
        let Wish { edits, label, done, solution } = wish;
        Typed::command("In use", text, "", move |typed| {
            if typed != key {
                return Err(format!("type {key} to move"));
            }
            let (edits, label, done, solution) =
                (edits.clone(), label.clone(), done.clone(), solution.clone());
            Ok(Command::Store(Wish { edits, label, done, solution }))
        })
    }

    /// The edits; credentials that live there already stay as they are.
    fn edits(&self, to: &str) -> Result<Vec<Edit>, Problem> {
        let chosen = self.ids.iter().filter_map(|id| self.document.by_id(id));
        let edits = chosen.filter(|credential| credential.content.solution() != to);
        edits.map(|credential| session::moved(&self.document, credential, to)).collect()
    }
}

impl Screen for MoveTo {
    fn context(&self) -> Context {
        Context::Manage
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Down, Action::Accept, Action::Back]
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        let count = self.document.solutions.len();
        if self.cursor.act(action, count) {
            return Reply::Done;
        }
        match action {
            Action::Accept => {
                let Some(line) = self.cursor.selected(count) else { return Reply::Close };
                let to = &self.document.solutions[line].name;
                let label = self.label();
                match self.edits(to) {
                    Ok(edits) if edits.is_empty() => {
                        shared.tell(crate::tui::app::Tone::Plain, format!("{label}: in {to} already"));
                    }
                    Ok(edits) => {
                        let wish = Wish {
                            edits,
                            label: format!("the move of {label}"),
                            done: format!("{label} moved to {to}"),
                            solution: None,
                        };
                        return match self.used() {
                            None => Reply::CloseAnd(Command::Store(wish)),
                            Some(key) => Reply::Replace(Box::new(self.in_use(key, wish))),
                        };
                    }
                    Err(problem) => shared.tell_problem(&problem),
                }
                return Reply::Close;
            }
            Action::Back => return Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let count = u16::try_from(self.document.solutions.len()).unwrap_or(u16::MAX);
        let text = format!("Move {} to which solution?", self.label());
        let rows = count.min(area.height.saturating_sub(6)).max(1);
        let rows = paint::dialog(area, buf, &shared.theme, "Move", &text, rows).rows;
        let lines: Vec<_> = self
            .document
            .solutions
            .iter()
            .map(|solution| vec![(solution.name.clone(), shared.theme.text)])
            .collect();
        self.cursor.draw(&lines, rows, buf, shared);
        None
    }
}
