//! The versions of one credential: compared masked, and restored.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::audit::AuditLog;
use super::confirm::Confirm;
use super::sheet::{Cursor, Line, frame};
use super::{Reply, Screen};
use crate::model::{Content, Credential, Document, Id};
use crate::session::{self, Difference};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone, Wish};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// The list of versions, the newest first, beside what differs.
pub struct History {
    document: Arc<Document>,
    id: Id,
    cursor: Cursor,
    read_only: bool,
}

impl History {
    /// Of a credential.
    pub fn new(document: Arc<Document>, id: Id, read_only: bool) -> Self {
        Self { document, id, cursor: Cursor::default(), read_only }
    }

    fn credential(&self) -> Option<&Credential> {
        self.document.by_id(&self.id)
    }

    /// The numbers, the newest first.
    fn numbers(&self) -> Vec<u32> {
        let Some(credential) = self.credential() else { return Vec::new() };
        let older = credential.history.iter().rev().map(|version| version.number);
        std::iter::once(credential.version).chain(older).collect()
    }

    fn selected(&self) -> Option<u32> {
        let numbers = self.numbers();
        numbers.get(self.cursor.selected(numbers.len())?).copied()
    }

    fn restore(&self, number: u32, shared: &mut Shared) -> Reply {
        let Some(credential) = self.credential() else { return Reply::Close };
        let key = credential.content.key();
        match session::renewed(credential, number) {
            Ok(edit) => {
                let wish = Wish {
                    edits: vec![edit],
                    label: format!("version {number} of {key}"),
                    done: format!("{key} says again what version {number} said"),
                    solution: None,
                };
                let text = format!(
                    "Make version {number} of {key} the newest, secrets included?\n\nWhat it says now stays as \
                     version {}.",
                    credential.version
                );
                Reply::Open(Box::new(Confirm::yes_no("Restore", text, Command::Store(wish))))
            }
            Err(problem) => {
                shared.tell(Tone::Plain, problem.message);
                Reply::Done
            }
        }
    }

    fn draw_differences(&self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let (Some(credential), Some(number)) = (self.credential(), self.selected()) else { return };
        let theme = &shared.theme;
        let newest = number == credential.version;
        // The newest is compared with the one before it, any other with the newest.
        let (left, right) = match newest {
            true => (credential.history.last().map(|version| version.number), number),
            false => (Some(number), credential.version),
        };
        let content = |number: u32| credential.version_content(number);
        let (Some(left), Some(after)) = (left, content(right)) else {
            paint::put(buf, area.x, area.y, area.width, "There is no version before it.", theme.dim);
            return;
        };
        let Some(before) = content(left) else { return };
        let differences = session::differences(before, after);
        let name = area.width / 4;
        let half = area.width.saturating_sub(name + 2) / 2;
        let columns = [(area.x, name), (area.x + name + 1, half), (area.x + name + half + 2, half)];
        let put = |buf: &mut Buffer, y: u16, column: usize, text: &str, style| {
            paint::put(buf, columns[column].0, y, columns[column].1, text, style);
        };
        put(buf, area.y, 0, "field", theme.dim);
        put(buf, area.y, 1, &format!("version {left}"), theme.dim);
        put(buf, area.y, 2, &format!("version {right}{}", if newest { "" } else { ", now" }), theme.dim);
        if differences.is_empty() {
            paint::put(buf, area.x, area.y + 1, area.width, "Nothing differs.", theme.dim);
        }
        let words = |value: &Option<String>| match value {
            Some(text) => text.replace('\n', " "),
            None => "–".to_owned(),
        };
        for (difference, y) in differences.iter().zip(area.y + 1..area.bottom()) {
            let Difference { field, before, after, secret } = difference;
            put(buf, y, 0, field, theme.text);
            put(buf, y, 1, &words(before), if *secret { theme.mask } else { theme.text });
            let both = *secret && before.is_some() && after.is_some();
            let text = if both { "changed".to_owned() } else { words(after) };
            put(buf, y, 2, &text, if *secret { theme.mask } else { theme.text });
        }
    }
}

impl Screen for History {
    fn context(&self) -> Context {
        Context::Manage
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Down, Action::Audit, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        if action == Action::Accept { "restore" } else { action.hint() }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match action {
            Action::Accept if self.read_only => Some("the vault is open read-only"),
            Action::Accept if self.selected() == self.credential().map(|credential| credential.version) => {
                Some("this version is the newest already")
            }
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        if self.cursor.act(action, self.numbers().len()) {
            return Reply::Done;
        }
        match (action, self.selected()) {
            (Action::Accept, Some(number)) => self.restore(number, shared),
            (Action::Audit, _) => match self.credential() {
                Some(credential) => Reply::Open(Box::new(AuditLog::new(Some(credential), shared))),
                None => Reply::Done,
            },
            (Action::Back, _) => Reply::Close,
            (Action::Suspend | Action::Help | Action::Lock | Action::Quit, _) => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let title = self.credential().map(|credential| credential.content.key().to_owned());
        let title = format!("Versions of {}", title.unwrap_or_default());
        let inner = frame(&*self, &title, area, buf, shared);
        let (theme, now) = (&shared.theme, shared.now());
        let lines: Vec<Line> = match self.credential() {
            None => Vec::new(),
            Some(credential) => {
                let mut versions = vec![(credential.version, credential.updated_at, &credential.content)];
                versions.extend(credential.history.iter().rev().map(|v| (v.number, v.at, &v.content)));
                let line = |(index, (number, at, content)): (usize, &(u32, jiff::Timestamp, &Content))| {
                    let ago = paint::ago(now.duration_since(*at).as_secs());
                    let before = versions.get(index + 1).map(|(_, _, before)| *before);
                    let what = match before.map(|before| session::differences(before, content).len()) {
                        None => "made".to_owned(),
                        Some(1) => "1 field".to_owned(),
                        Some(count) => format!("{count} fields"),
                    };
                    vec![(format!("{number:>3}  {ago:>4}  "), theme.text), (what, theme.dim)]
                };
                versions.iter().enumerate().map(line).collect()
            }
        };
        let left = Rect { width: inner.width.min(24), ..inner };
        self.cursor.draw(&lines, left, buf, shared);
        let x = (left.right() + 2).min(inner.right());
        self.draw_differences(Rect { x, width: inner.right() - x, ..inner }, buf, shared);
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
