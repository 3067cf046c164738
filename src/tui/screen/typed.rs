//! A question that is answered by typing a name: a new one, or one that confirms what cannot be undone lightly.

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::entry::Entry;
use super::{Reply, Screen, notice};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone, Wish};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// What follows from what was typed, or why nothing does.
type Accept = Box<dyn Fn(&str, &Shared) -> Result<Reply, String>>;

/// The question.
pub struct Typed {
    title: &'static str,
    text: String,
    entry: Entry,
    accept: Accept,
}

impl Typed {
    /// Asks; the line holds `start` at first.
    pub fn new(
        title: &'static str,
        text: String,
        start: &str,
        accept: impl Fn(&str) -> Result<Wish, String> + 'static,
    ) -> Self {
        let accept = move |typed: &str, _: &Shared| Ok(Reply::Do(Command::Store(accept(typed)?)));
        Self::with(title, text, start, Box::new(accept))
    }

    /// Asks; the workbench does what follows, and the question is gone.
    pub fn command(
        title: &'static str,
        text: String,
        start: &str,
        accept: impl Fn(&str) -> Result<Command, String> + 'static,
    ) -> Self {
        let accept = move |typed: &str, _: &Shared| Ok(Reply::CloseAnd(accept(typed)?));
        Self::with(title, text, start, Box::new(accept))
    }

    /// Asks; another screen takes the place of the question.
    pub fn opening(
        title: &'static str,
        text: String,
        accept: impl Fn(&str, &Shared) -> Result<Box<dyn Screen>, String> + 'static,
    ) -> Self {
        let accept = move |typed: &str, shared: &Shared| Ok(Reply::Replace(accept(typed, shared)?));
        Self::with(title, text, "", Box::new(accept))
    }

    /// Asks; the workbench does what follows.
    pub fn asking(title: &'static str, text: String, command: impl Fn(&str) -> Command + 'static) -> Self {
        Self::with(title, text, "", Box::new(move |typed, _| Ok(Reply::CloseAnd(command(typed)))))
    }

    fn with(title: &'static str, text: String, start: &str, accept: Accept) -> Self {
        let mut entry = Entry::shown();
        entry.paste(start);
        Self { title, text, entry, accept }
    }
}

impl Screen for Typed {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Back]
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::Accept => match (self.accept)(self.entry.text(), shared) {
                Ok(reply) => return reply,
                Err(why) => shared.tell(Tone::Bad, why),
            },
            Action::Back => return Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => return Reply::Ignored,
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
        let rows = paint::dialog(area, buf, &shared.theme, self.title, &self.text, 2).rows;
        let cursor = self.entry.draw(Rect { height: rows.height.min(1), ..rows }, buf, &shared.theme);
        if rows.height > 1 {
            notice(Rect { y: rows.y + 1, height: 1, ..rows }, buf, shared);
        }
        Some(cursor)
    }
}
