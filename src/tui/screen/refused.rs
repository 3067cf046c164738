//! The vault is not what this host last saw. Nothing is opened before a person says so in full.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::entry::Entry;
use super::{Reply, Screen};
use crate::problem::Problem;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// The refusal.
pub struct Refused {
    text: String,
    entry: Entry,
}

impl Refused {
    /// Shows why the vault is refused.
    pub fn new(problem: Problem) -> Self {
        let mut text = problem.message;
        for more in problem.causes.into_iter().chain(problem.hint) {
            text.push('\n');
            text.push_str(&more);
        }
        text.push_str(
            "\n\nDo not trust what it says before you know why. To look at it without changing anything, type \
             yes and press Enter.",
        );
        Self { text, entry: Entry::shown() }
    }
}

impl Screen for Refused {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Back]
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::Accept if self.entry.text() == "yes" => Reply::Do(Command::OpenReadOnly),
            Action::Accept => {
                shared.tell(crate::tui::app::Tone::Plain, "the vault stays closed unless you type yes");
                Reply::Done
            }
            Action::Back => Reply::Do(Command::Quit),
            Action::Suspend | Action::Help | Action::Quit => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn key(&mut self, key: KeyEvent, _: &mut Shared) -> Reply {
        self.entry.key(key);
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let theme = &shared.theme;
        buf.set_style(area, theme.text);
        let rows = paint::dialog(area, buf, theme, "The vault is refused", &self.text, 2).rows;
        let cursor = self.entry.draw(Rect { height: 1, ..rows }, buf, theme);
        super::notice(Rect { y: rows.y + 1, height: 1, ..rows }, buf, shared);
        Some(cursor)
    }

    fn covers(&self) -> bool {
        true
    }
}
