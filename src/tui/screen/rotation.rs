//! A rotation, step by step: what is done, what comes next, and the way back.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::confirm::Confirm;
use super::sheet::frame;
use super::{Reply, Screen};
use crate::model::{Credential, Document, Id, Stage};
use crate::session::{self, Rotating};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Turn};
use crate::tui::keymap::Context;
use crate::tui::paint;
use crate::tui::theme;

/// One credential's rotation.
pub struct Rotation {
    document: Arc<Document>,
    id: Id,
    rotating: Rotating,
    /// A test is on its way.
    tests: bool,
    read_only: bool,
}

/// Where a step stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Done,
    Next,
    Later,
}

impl Rotation {
    /// Shows where it stands; `tests`: a test of it is on its way. `None` where the credential is gone.
    pub fn new(
        document: Arc<Document>,
        id: &Id,
        tests: bool,
        read_only: bool,
        shared: &Shared,
    ) -> Option<Self> {
        let rotating = session::rotating(&document, &shared.kinds, document.by_id(id)?);
        Some(Self { document, id: id.clone(), rotating, tests, read_only })
    }

    fn credential(&self) -> Option<&Credential> {
        self.document.by_id(&self.id)
    }

    fn of(&self) -> &str {
        self.credential().map_or("", |known| known.content.key())
    }

    fn stage(&self) -> Option<Stage> {
        self.rotating.stage
    }

    fn turn(&self, turn: Turn) -> Command {
        Command::Rotate(self.id.clone(), turn)
    }

    /// The number of the step that comes next.
    fn next(&self) -> usize {
        match self.stage() {
            None => 0,
            Some(Stage::Entered) => 1,
            Some(Stage::Proven) => 2,
            Some(Stage::Switched) => 3,
            Some(Stage::Confirmed) => 4,
        }
    }

    fn steps(&self) -> [(Mark, String); 5] {
        let users = match self.rotating.users.as_slice() {
            [] => "no workflow is known to use it".to_owned(),
            users => format!("used by {}", users.join(", ")),
        };
        let page = self.rotating.page.as_ref().map(|page| format!(" at {page}")).unwrap_or_default();
        let words = [
            "Enter the next value; the one in use stays in use".to_owned(),
            "Test the credential with the next value".to_owned(),
            format!("Switch to it ({users})"),
            "Test it again, now that it is in use".to_owned(),
            format!("Revoke the one before{page}, then finish: it is dropped here"),
        ];
        let next = self.next();
        let mut step = 0;
        words.map(|words| {
            let mark = match step.cmp(&next) {
                std::cmp::Ordering::Less => Mark::Done,
                std::cmp::Ordering::Equal => Mark::Next,
                std::cmp::Ordering::Greater => Mark::Later,
            };
            step += 1;
            (mark, words)
        })
    }

    fn accept(&mut self) -> Reply {
        let key = self.of().to_owned();
        match self.stage() {
            None => Reply::CloseAnd(self.turn(Turn::Enter)),
            Some(Stage::Entered | Stage::Switched) => {
                self.tests = true;
                Reply::Do(self.turn(Turn::Test))
            }
            Some(Stage::Proven) => {
                let users = match self.rotating.users.as_slice() {
                    [] => "No workflow is known to use it.".to_owned(),
                    users => format!(
                        "These use it, and get the next value when they ask again:\n{}",
                        users.join("\n")
                    ),
                };
                let text = format!("Switch {key} to the next value?\n{users}\n\nThe one before is kept.");
                Reply::Open(Box::new(Confirm::yes_no("Switch", text, self.turn(Turn::Switch))))
            }
            Some(Stage::Confirmed) => {
                let page = self.rotating.page.as_ref().map(|page| format!("\n{page}")).unwrap_or_default();
                let text = format!(
                    "Was the one before revoked at the service?{page}\n\nIt is dropped here; the versions of {key} still have it."
                );
                Reply::Open(Box::new(Confirm::yes_no("Finish", text, self.turn(Turn::Finish))))
            }
        }
    }

    /// The last test of it, in a line.
    fn tested(&self, shared: &Shared) -> Option<(String, Style)> {
        let record = self.credential()?.rotation.as_ref()?.tested.as_ref()?;
        let (sign, word) = theme::outcome(record.outcome);
        Some((format!("{sign} {word}: {}", record.message), shared.theme.outcome(record.outcome)))
    }
}

impl Screen for Rotation {
    fn context(&self) -> Context {
        Context::Rotation
    }

    fn hints(&self) -> Vec<Action> {
        vec![
            Action::Accept,
            Action::Change,
            Action::Force,
            Action::RollBack,
            Action::Delete,
            Action::CopyPage,
            Action::Back,
            Action::Help,
        ]
    }

    fn hint(&self, action: Action) -> &'static str {
        match (action, self.stage()) {
            (Action::Accept, None) => "enter it",
            (Action::Accept, Some(Stage::Entered)) => "test it",
            (Action::Accept, Some(Stage::Proven)) => "switch",
            (Action::Accept, Some(Stage::Switched)) => "test again",
            (Action::Accept, Some(Stage::Confirmed)) => "finish",
            (Action::Change, _) => "enter anew",
            (Action::Force, _) => "take it all the same",
            (Action::Delete, _) => "drop the next one",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        let switched = self.stage().is_some_and(Stage::is_switched);
        let steps = [Action::Accept, Action::Change, Action::Force, Action::RollBack, Action::Delete];
        match action {
            _ if steps.contains(&action) && self.read_only => Some("the vault is open read-only"),
            _ if steps.contains(&action) && self.tests => Some("a test is running"),
            Action::Change if switched => Some("the one before is still kept: finish first, or roll back"),
            Action::Change | Action::Delete if self.stage().is_none() => Some("no rotation goes on"),
            Action::Delete if switched => Some("it is in use: roll back, or finish"),
            Action::Force if !matches!(self.stage(), Some(Stage::Entered | Stage::Switched)) => {
                Some("there is nothing to test now")
            }
            Action::RollBack if !switched => Some("nothing was switched"),
            Action::CopyPage if self.rotating.page.is_none() => {
                Some("no page is known where its key is made")
            }
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        let key = self.of().to_owned();
        match action {
            Action::Accept => self.accept(),
            Action::Change => Reply::CloseAnd(self.turn(Turn::Enter)),
            Action::Force => {
                let tested = self.credential().and_then(|known| known.rotation.as_ref()?.tested.as_ref());
                let why = match tested {
                    Some(record) => {
                        format!("The last test of this value of {key}: {}.", record.outcome.word())
                    }
                    None => format!("Nothing proves this value of {key}."),
                };
                let text = format!("{why}\n\nGo on with it all the same?");
                Reply::Open(Box::new(Confirm::yes_no("Not proven", text, self.turn(Turn::Take))))
            }
            Action::RollBack => {
                let text = format!("Take the value before back into use? The other one of {key} is kept.");
                Reply::Open(Box::new(Confirm::yes_no("Roll back", text, self.turn(Turn::Back))))
            }
            Action::Delete => {
                let text = format!("Drop the next value of {key}? It is nowhere else in the vault.");
                Reply::Open(Box::new(Confirm::yes_no("Drop", text, self.turn(Turn::Cancel))))
            }
            Action::CopyPage => match &self.rotating.page {
                Some(page) => Reply::Do(Command::Copy("the address of the page", page.clone())),
                None => Reply::Done,
            },
            Action::Back => Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let title = format!("Rotation of {}", self.of());
        let inner = frame(&*self, &title, area, buf, shared);
        let theme = &shared.theme;
        let date = |at: jiff::Timestamp| at.strftime("%F").to_string();
        let now = shared.now();
        let head = match (self.rotating.stage, self.rotating.due) {
            (Some(_), _) if !self.rotating.fields.is_empty() => {
                format!("changes {}", self.rotating.fields.join(", "))
            }
            (_, Some(due)) if due <= now => format!("due since {}", date(due)),
            (_, Some(due)) => format!("due {}", date(due)),
            (_, None) => "no schedule asks for it: the field “Rotate every” sets one".to_owned(),
        };
        paint::put(buf, inner.x, inner.y, inner.width, &head, theme.dim);
        let mut y = inner.y + 2;
        for (mark, words) in self.steps() {
            let (sign, style) = match mark {
                Mark::Done => ("✓ ", theme.ok),
                Mark::Next => ("▸ ", theme.accent),
                Mark::Later => ("  ", theme.dim),
            };
            let text = if mark == Mark::Next { theme.text } else { theme.dim };
            for (line, part) in paint::wrap(&words, inner.width.saturating_sub(2)).iter().enumerate() {
                if y >= inner.bottom() {
                    return None;
                }
                let sign = if line == 0 { sign } else { "  " };
                paint::parts(buf, inner.x, y, inner.width, &[(sign, style), (part.as_str(), text)]);
                y += 1;
            }
        }
        let said = match self.tests {
            true => Some(("testing…".to_owned(), theme.dim)),
            false => self.tested(shared),
        };
        if let Some((text, style)) = said {
            for (line, y) in paint::wrap(&text, inner.width).iter().zip(y + 1..inner.bottom()) {
                paint::put(buf, inner.x, y, inner.width, line, style);
            }
        }
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
