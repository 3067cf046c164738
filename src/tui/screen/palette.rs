//! The command palette: every action by its name.

use crossterm::event::KeyEvent;
use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::entry::Entry;
use super::{Reply, Screen};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// The commands that make sense where it was opened.
pub struct Palette {
    commands: Vec<(Action, String)>,
    found: Vec<usize>,
    selected: usize,
    entry: Entry,
}

impl Palette {
    /// What can be done on a screen.
    pub fn new(screen: &dyn Screen, shared: &Shared) -> Self {
        let context = screen.context();
        let commands: Vec<(Action, String)> = Action::ALL
            .iter()
            .copied()
            .filter(|action| action.in_palette() && screen.refusal(*action, shared).is_none())
            .filter_map(|action| shared.keymap.key(context, action).map(|key| (action, key.to_string())))
            .collect();
        let found = (0..commands.len()).collect();
        Self { commands, found, selected: 0, entry: Entry::shown() }
    }

    fn search(&mut self) {
        let pattern = Pattern::parse(self.entry.text(), CaseMatching::Ignore, Normalization::Smart);
        let (mut matcher, mut chars) = (Matcher::new(Config::DEFAULT), Vec::new());
        let mut scored: Vec<(u32, usize)> = self
            .commands
            .iter()
            .enumerate()
            .filter_map(|(index, (action, _))| {
                let text = format!("{} {}", action.hint(), action.title());
                let score = pattern.score(Utf32Str::new(&text, &mut chars), &mut matcher)?;
                Some((score, index))
            })
            .collect();
        scored.sort_by_key(|(score, index)| (std::cmp::Reverse(*score), *index));
        self.found = scored.into_iter().map(|(_, index)| index).collect();
        self.selected = 0;
    }
}

impl Screen for Palette {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Down, Action::Accept, Action::Back]
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        let count = self.found.len().max(1);
        match action {
            Action::Down | Action::Next => self.selected = (self.selected + 1) % count,
            Action::Up | Action::Previous => self.selected = (self.selected + count - 1) % count,
            Action::PageDown => self.selected = (self.selected + 10).min(count - 1),
            Action::PageUp => self.selected = self.selected.saturating_sub(10),
            Action::Accept => {
                return match self.found.get(self.selected) {
                    Some(index) => Reply::CloseAnd(Command::Perform(self.commands[*index].0)),
                    None => Reply::Done,
                };
            }
            Action::Back => return Reply::Close,
            Action::Suspend | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn key(&mut self, key: KeyEvent, _: &mut Shared) -> Reply {
        if self.entry.key(key) {
            self.search();
        }
        Reply::Done
    }

    fn paste(&mut self, text: &str, _: &mut Shared) -> Reply {
        self.entry.paste(text);
        self.search();
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let theme = &shared.theme;
        let list = u16::try_from(self.commands.len()).unwrap_or(u16::MAX).min(area.height.saturating_sub(4));
        let rows = paint::dialog(area, buf, theme, "Commands", "", list + 1).rows;
        let used = paint::put(buf, rows.x, rows.y, 2, ": ", theme.accent);
        let line = Rect { x: rows.x + used, width: rows.width.saturating_sub(used), height: 1, ..rows };
        let cursor = self.entry.draw(line, buf, theme);
        let height = usize::from(rows.height.saturating_sub(1).max(1));
        let from = self.selected.saturating_sub(height - 1);
        for ((nth, index), y) in self.found.iter().enumerate().skip(from).zip(rows.y + 1..rows.bottom()) {
            let (action, key) = &self.commands[*index];
            let selected = nth == self.selected;
            let style = if selected { theme.selection } else { theme.text };
            buf.set_style(Rect { y, height: 1, ..rows }, style);
            let key_width = u16::try_from(key.width()).unwrap_or(0);
            let sign = if selected { "▸ " } else { "  " };
            let room = rows.width.saturating_sub(key_width + 1);
            paint::parts(buf, rows.x, y, room, &[(sign, style), (action.title(), style)]);
            let key_style = if selected { style } else { theme.accent };
            paint::put(buf, rows.right().saturating_sub(key_width), y, key_width, key, key_style);
        }
        if self.found.is_empty() {
            paint::put(buf, rows.x, rows.y + 1, rows.width, "no command of that name", theme.dim);
        }
        Some(cursor)
    }
}
