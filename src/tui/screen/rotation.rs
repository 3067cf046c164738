//! A rotation, step by step: what is done, what comes next, and the way back.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::confirm::Confirm;
use super::sheet::frame;
use super::workbench::Workbench;
use super::{Reply, Screen};
use crate::model::{Credential, Document, Id, Stage};
use crate::session::{self, Rotating};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Turn};
use crate::tui::keymap::Context;
use crate::tui::message::Exchange;
use crate::tui::paint;
use crate::tui::theme;

/// One credential's rotation.
pub struct Rotation {
    document: Arc<Document>,
    id: Id,
    rotating: Rotating,
    /// What is being done in the background.
    work: Option<Work>,
    read_only: bool,
}

/// What is being done for a rotation in the background.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// It is tested.
    Tests,
    /// The service is asked for a key, or to drop one.
    Asks,
}

/// Where a step stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    Done,
    Next,
    Later,
}

impl Rotation {
    /// Shows where it stands. `None` where the credential is gone.
    pub fn new(document: Arc<Document>, id: &Id, read_only: bool, shared: &Shared) -> Option<Self> {
        let rotating = session::rotating(&document, &shared.kinds, document.by_id(id)?);
        Some(Self { document, id: id.clone(), rotating, work: None, read_only })
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
        let enter = match &self.rotating.makes {
            None => "Enter the next value; the one in use stays in use",
            Some(makes) if makes.replaces => {
                "Enter the next value, or let the service make it: that ends the one in use"
            }
            Some(_) => "Enter the next value, or let the service make it; the one in use stays in use",
        };
        let last = match &self.rotating.makes {
            _ if self.rotating.replaced => {
                "The one before has ended: finish, and it is dropped here".to_owned()
            }
            Some(makes) if makes.drops => {
                format!("Revoke the one before{page}, or let the service drop it; then it is dropped here")
            }
            _ => format!("Revoke the one before{page}, then finish: it is dropped here"),
        };
        let words = [
            enter.to_owned(),
            "Test the credential with the next value".to_owned(),
            format!("Switch to it ({users})"),
            "Test it again, now that it is in use".to_owned(),
            last,
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
            Some(Stage::Entered | Stage::Switched) => Reply::Do(self.turn(Turn::Test)),
            Some(Stage::Proven) => {
                let users = self.users();
                let text = format!("Switch {key} to the next value?\n{users}\n\nThe one before is kept.");
                Reply::Open(Box::new(Confirm::yes_no("Switch", text, self.turn(Turn::Switch))))
            }
            Some(Stage::Confirmed) if self.rotating.replaced => {
                let text = format!(
                    "The one before has ended. Drop it here, too?\n\nThe versions of {key} still have it."
                );
                Reply::Open(Box::new(Confirm::yes_no("Finish", text, self.turn(Turn::Finish))))
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

    /// Who gets the next value, for a question.
    fn users(&self) -> String {
        match self.rotating.users.as_slice() {
            [] => "No workflow is known to use it.".to_owned(),
            users => {
                format!("These use it, and get the next value when they ask again:\n{}", users.join("\n"))
            }
        }
    }

    /// Asks before the service makes a key.
    fn ask_to_make(&self) -> Reply {
        let Some(makes) = &self.rotating.makes else { return Reply::Done };
        let key = self.of();
        let needs =
            makes.needs.as_ref().map(|needs| format!("\nThe key in use needs {needs}.")).unwrap_or_default();
        let text = match makes.replaces {
            true => format!(
                "Let the service make the next key of {key}? The one in use ends at once, and there is no way back.\n\
                 {}\n\nThe next one is kept, put into use and tested.{needs}",
                self.users()
            ),
            false => format!(
                "Let the service make the next key of {key}? It is asked with the one in use, which stays in use.\n\n\
                 The next one is kept and tested.{needs}"
            ),
        };
        let yes = Command::Exchange(self.id.clone(), Exchange::MakeKey);
        Reply::Open(Box::new(Confirm::yes_no("Make a key", text, yes)))
    }

    /// Asks before the service drops the key before.
    fn ask_to_drop(&self) -> Reply {
        let key = self.of();
        let text = format!(
            "Let the service drop the key before? Whatever still uses it stops working.\n\nIt is dropped here, too; the \
             versions of {key} still have it."
        );
        let yes = Command::Exchange(self.id.clone(), Exchange::DropKey);
        Reply::Open(Box::new(Confirm::yes_no("Drop the key before", text, yes)))
    }

    /// Why the service is not asked for a key.
    fn refuses_to_make(&self) -> Option<&'static str> {
        match (&self.rotating.makes, self.stage()) {
            (None, _) => Some("its service makes no keys when it is asked"),
            (Some(_), Some(_)) => Some("a rotation goes on: end it first"),
            (Some(_), None) => None,
        }
    }

    /// Why the service is not asked to drop the key before.
    fn refuses_to_drop(&self) -> Option<&'static str> {
        match (&self.rotating.makes, self.stage()) {
            _ if self.rotating.replaced => Some("the one before has ended: finish"),
            (Some(makes), Some(Stage::Confirmed)) if makes.drops => None,
            (Some(makes), Some(Stage::Switched)) if makes.drops => Some("what is in use is not proven yet"),
            (Some(makes), _) if makes.drops => Some("nothing was switched"),
            _ => Some("its service drops no keys when it is asked"),
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
            Action::MakeKey,
            Action::DropKey,
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
        let is_step = matches!(
            action,
            Action::Accept
                | Action::MakeKey
                | Action::DropKey
                | Action::Change
                | Action::Force
                | Action::RollBack
                | Action::Delete
        );
        match action {
            _ if is_step && self.read_only => Some("the vault is open read-only"),
            _ if is_step && self.work == Some(Work::Tests) => Some("a test is running"),
            _ if is_step && self.work == Some(Work::Asks) => Some("the service is being asked"),
            Action::MakeKey => self.refuses_to_make(),
            Action::DropKey => self.refuses_to_drop(),
            Action::RollBack if switched && self.rotating.replaced => {
                Some("the one before has ended: there is no way back")
            }
            Action::Change | Action::Delete if !switched && self.rotating.replaced => {
                Some("the one in use has ended: only the next one is any good")
            }
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
            Action::MakeKey => self.ask_to_make(),
            Action::DropKey => self.ask_to_drop(),
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
        let said = match self.work {
            Some(Work::Tests) => Some(("testing…".to_owned(), theme.dim)),
            Some(Work::Asks) => Some(("the service is being asked…".to_owned(), theme.dim)),
            None => self.tested(shared),
        };
        if let Some((text, style)) = said {
            for (line, y) in paint::wrap(&text, inner.width).iter().zip(y + 1..inner.bottom()) {
                paint::put(buf, inner.x, y, inner.width, line, style);
            }
        }
        None
    }

    fn attend(&mut self, bench: &Workbench, shared: &Shared) {
        self.work = bench.works_on_rotation(&self.id);
        let document = bench.document();
        if !Arc::ptr_eq(&self.document, document)
            && let Some(known) = document.by_id(&self.id)
        {
            self.rotating = session::rotating(document, &shared.kinds, known);
            self.document = document.clone();
        }
    }

    fn covers(&self) -> bool {
        true
    }
}
