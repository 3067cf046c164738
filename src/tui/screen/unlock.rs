//! The vault is locked: a passphrase is asked for, or something is waited for.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::entry::Entry;
use super::{Reply, Screen, question};
use crate::problem::Problem;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::message::Question;
use crate::tui::paint;

enum State {
    /// The vault's thread works.
    Working(&'static str),
    /// It waits for a passphrase.
    Asking { question: Question, entry: Entry, failed: Option<String> },
    /// A key press opens it.
    Locked,
    /// It could not be opened; a key press tries again.
    Failed(String),
}

/// The lock screen.
pub struct Unlock {
    state: Option<State>,
}

impl Unlock {
    fn with(state: State) -> Self {
        Self { state: Some(state) }
    }

    /// While the vault is opened.
    pub fn working() -> Self {
        Self::with(State::Working("Unlocking…"))
    }

    /// While the vault is made.
    pub fn creating() -> Self {
        Self::with(State::Working("Making the identity and the vault…"))
    }

    /// Waits for a key press.
    pub fn locked() -> Self {
        Self::with(State::Locked)
    }

    /// Asks for a passphrase; `failed` says what was wrong with the last one.
    pub fn asking(question: Question, failed: Option<String>) -> Self {
        Self::with(State::Asking { question, entry: Entry::masked(), failed })
    }

    /// Says why the vault cannot be opened.
    pub fn failed(problem: &Problem) -> Self {
        let mut text = problem.message.clone();
        for more in problem.causes.iter().chain(&problem.hint) {
            text.push('\n');
            text.push_str(more);
        }
        Self::with(State::Failed(text))
    }

    /// Says that the program failed.
    pub fn broken() -> Self {
        let text = "This is a bug: the part that keeps the vault stopped. The vault is as it was last saved.";
        Self::with(State::Failed(text.to_owned()))
    }
}

impl Screen for Unlock {
    fn context(&self) -> Context {
        match self.state {
            Some(State::Asking { .. }) => Context::Prompt,
            _ => Context::Dialog,
        }
    }

    fn hints(&self) -> Vec<Action> {
        match self.state {
            Some(State::Working(_)) => vec![Action::Quit],
            _ => vec![Action::Accept, Action::Back],
        }
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        match action {
            Action::Accept => match self.state.take() {
                Some(State::Asking { question, mut entry, .. }) if !entry.text().is_empty() => {
                    self.state = Some(State::Working("Unlocking…"));
                    Reply::Do(Command::Answer(question, question::answer(entry.take())))
                }
                Some(State::Locked | State::Failed(_)) => Reply::Do(Command::Unlock),
                other => {
                    self.state = other;
                    Reply::Done
                }
            },
            Action::Back | Action::Quit => Reply::Do(Command::Quit),
            Action::Suspend | Action::Help => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn key(&mut self, key: KeyEvent, _: &mut Shared) -> Reply {
        if let Some(State::Asking { entry, failed, .. }) = &mut self.state {
            entry.key(key);
            *failed = None;
        }
        Reply::Done
    }

    fn paste(&mut self, text: &str, _: &mut Shared) -> Reply {
        if let Some(State::Asking { entry, .. }) = &mut self.state {
            entry.paste(text);
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let theme = &shared.theme;
        let map = &shared.keymap;
        let hint =
            |action: Action| map.key(self.context(), action).map(|key| key.to_string()).unwrap_or_default();
        let (text, keys) = match &self.state {
            Some(State::Asking { question, .. }) => {
                let keys = format!("{} unlock · {} quit", hint(Action::Accept), hint(Action::Back));
                (format!("Passphrase of {}", question.what), keys)
            }
            Some(State::Locked) => {
                let keys = format!("{} unlock · {} quit", hint(Action::Accept), hint(Action::Back));
                ("The vault is locked.".to_owned(), keys)
            }
            Some(State::Failed(text)) => {
                let keys = format!("{} try again · {} quit", hint(Action::Accept), hint(Action::Back));
                (text.clone(), keys)
            }
            Some(State::Working(text)) => ((*text).to_owned(), String::new()),
            None => (String::new(), String::new()),
        };
        let rows = paint::dialog(area, buf, theme, "credbench", &text, 4).rows;
        let mut cursor = None;
        if let Some(State::Asking { entry, failed, .. }) = &self.state {
            cursor = Some(entry.draw(Rect { height: 1, ..rows }, buf, theme));
            if let Some(failed) = failed {
                paint::put(buf, rows.x, rows.y + 1, rows.width, failed, theme.error);
            }
        }
        if shared.notice().is_some() {
            super::notice(Rect { y: rows.y + 1, height: 2.min(rows.height), ..rows }, buf, shared);
        }
        paint::put(buf, rows.x, rows.y + 3, rows.width, &keys, theme.dim);
        cursor
    }

    fn covers(&self) -> bool {
        true
    }
}
