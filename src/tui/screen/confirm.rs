//! A question with answers to choose from. It starts on the answer that does no harm.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Reply, Screen};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// An answer: its words, and what follows; `None`: nothing.
type Choice = (&'static str, Option<Command>);

/// A question.
pub struct Confirm {
    title: &'static str,
    text: String,
    choices: Vec<Choice>,
    selected: usize,
    /// It was drawn: keys from before were not meant for it.
    seen: bool,
}

impl Confirm {
    /// A question; the first answer is selected. `Esc` does nothing but close it. Keys that were typed before it was
    /// drawn do nothing.
    pub fn new(title: &'static str, text: String, choices: Vec<Choice>) -> Self {
        Self { title, text, choices, selected: 0, seen: false }
    }

    /// Whether something is done that cannot be lost by a wrong key: starts on No.
    pub fn yes_no(title: &'static str, text: String, yes: Command) -> Self {
        Self::new(title, text, vec![("No", None), ("Yes", Some(yes))])
    }

    /// The draft would be lost by what a person wants to do.
    pub fn unsaved(then: Command) -> Self {
        let text = "The draft has changes that are not saved.".to_owned();
        Self::new("Unsaved draft", text, vec![("Keep editing", None), ("Drop it", Some(then))])
    }

    /// A draft would be lost by quitting.
    pub fn unsaved_at_the_end() -> Self {
        let text =
            "The draft has changes that are not saved.\nKept, it is sealed and offered when you come back.";
        let choices = vec![
            ("Keep editing", None),
            ("Keep it and quit", Some(Command::KeepAndQuit)),
            ("Drop it and quit", Some(Command::Quit)),
        ];
        Self::new("Unsaved draft", text.to_owned(), choices)
    }

    fn accept(&mut self) -> Reply {
        match self.choices.swap_remove(self.selected).1 {
            Some(command) => Reply::CloseAnd(command),
            None => Reply::Close,
        }
    }
}

impl Screen for Confirm {
    fn context(&self) -> Context {
        Context::Dialog
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Next, Action::Accept, Action::Back]
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        let count = self.choices.len();
        if !self.seen && !matches!(action, Action::Suspend | Action::Quit) {
            return Reply::Done;
        }
        match action {
            Action::Next | Action::Down => self.selected = (self.selected + 1) % count,
            Action::Previous | Action::Up => self.selected = (self.selected + count - 1) % count,
            Action::Accept => return self.accept(),
            Action::Yes if count == 2 && self.choices[1].0 == "Yes" => {
                self.selected = 1;
                return self.accept();
            }
            Action::No | Action::Back => return Reply::Close,
            Action::Suspend | Action::Help | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let theme = &shared.theme;
        self.seen = true;
        // Each takes four columns more than its words, and one between them. Where that is too wide they stand
        // one below the other.
        let wide: usize = self.choices.iter().map(|(words, _)| words.len() + 5).sum();
        let column = wide > usize::from(paint::dialog_room(area)) + 1;
        let height = if column { self.choices.len() as u16 } else { 1 };
        let mut rows = paint::dialog(area, buf, theme, self.title, &self.text, height).rows;
        let mut x = rows.x;
        for (index, (words, _)) in self.choices.iter().enumerate() {
            let selected = index == self.selected;
            if column && index > 0 {
                rows.y += 1;
                x = rows.x;
            }
            // The brackets tell the selected answer without colour.
            let label = if selected { format!("[ {words} ]") } else { format!("  {words}  ") };
            let style = if selected { theme.selection } else { theme.text };
            x += paint::put(buf, x, rows.y, rows.right().saturating_sub(x), &label, style) + 1;
        }
        None
    }
}
