//! A question of work that goes on elsewhere and waits for the answer: an identity, its plugin, a test.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::entry::Entry;
use super::{Reply, Screen};
use crate::secret::Secret;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::message::{self, Question, QuestionKind};
use crate::tui::paint;

/// The question. Closing it without an answer cancels it.
pub struct Ask {
    question: Option<Question>,
    entry: Entry,
    yes: bool,
    /// It was drawn: a choice that was made before was not meant for it.
    seen: bool,
}

impl Ask {
    /// Asks it.
    pub fn new(question: Question) -> Self {
        let entry = match question.kind {
            QuestionKind::Passphrase => Entry::masked(),
            QuestionKind::Text | QuestionKind::Confirm { .. } => Entry::shown(),
        };
        Self { question: Some(question), entry, yes: false, seen: false }
    }

    fn is_choice(&self) -> bool {
        self.question.as_ref().is_some_and(|q| matches!(q.kind, QuestionKind::Confirm { .. }))
    }

    fn accept(&mut self, choice: bool) -> Reply {
        let reply = match self.is_choice() {
            true => message::Reply::Choice(choice),
            false => message::Reply::Text(self.entry.take()),
        };
        match self.question.take() {
            Some(question) => Reply::CloseAnd(Command::Answer(question, reply)),
            None => Reply::Close,
        }
    }
}

impl Screen for Ask {
    fn context(&self) -> Context {
        if self.is_choice() { Context::Dialog } else { Context::Prompt }
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Back]
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        match action {
            Action::Accept | Action::Yes | Action::No if self.is_choice() && !self.seen => {}
            Action::Accept => return self.accept(self.yes),
            Action::Yes => return self.accept(true),
            Action::No => return self.accept(false),
            Action::Next | Action::Previous | Action::Down | Action::Up => self.yes = !self.yes,
            Action::Back => return Reply::Close,
            Action::Suspend | Action::Help | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn key(&mut self, key: KeyEvent, _: &mut Shared) -> Reply {
        self.entry.key(key);
        Reply::Done
    }

    fn paste(&mut self, text: &str, _: &mut Shared) -> Reply {
        self.entry.paste(text);
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let theme = &shared.theme;
        self.seen = true;
        let question = self.question.as_ref()?;
        let rows = paint::dialog(area, buf, theme, question.title, &question.what, 1).rows;
        let QuestionKind::Confirm { yes, no } = &question.kind else {
            return Some(self.entry.draw(Rect { height: 1, ..rows }, buf, theme));
        };
        let mut x = rows.x;
        for (words, selected) in [(no.as_deref().unwrap_or("Cancel"), !self.yes), (yes.as_str(), self.yes)] {
            let label = if selected { format!("[ {words} ]") } else { format!("  {words}  ") };
            let style = if selected { theme.selection } else { theme.text };
            x += paint::put(buf, x, rows.y, rows.right().saturating_sub(x), &label, style) + 1;
        }
        None
    }
}

/// A text that was typed, as the answer of a question.
pub(super) fn answer(secret: Secret) -> message::Reply {
    message::Reply::Text(secret)
}
