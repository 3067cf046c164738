//! The saved searches of `config.toml`, to pick one.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_width::UnicodeWidthStr;

use super::sheet::Cursor;
use super::{Reply, Screen};
use crate::config::Filter;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// The question which.
pub struct Filters {
    filters: Vec<Filter>,
    cursor: Cursor,
}

impl Filters {
    /// Offers them, on the one that is in use.
    pub fn new(filters: &[Filter], query: &str) -> Self {
        let line = filters.iter().position(|filter| filter.query == query).unwrap_or(0);
        Self { filters: filters.to_vec(), cursor: Cursor::on(line) }
    }
}

impl Screen for Filters {
    fn context(&self) -> Context {
        Context::Manage
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Down, Action::Accept, Action::Back]
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        let count = self.filters.len();
        if self.cursor.act(action, count) {
            return Reply::Done;
        }
        match action {
            Action::Accept => match self.cursor.selected(count) {
                Some(line) => Reply::CloseAnd(Command::UseFilter(self.filters[line].query.clone())),
                None => Reply::Close,
            },
            Action::Back => Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let count = u16::try_from(self.filters.len()).unwrap_or(u16::MAX);
        let rows = count.min(area.height.saturating_sub(4)).max(1);
        let rows = paint::dialog(area, buf, &shared.theme, "Filters", "", rows).rows;
        let width = self.filters.iter().map(|filter| filter.name.width()).max().unwrap_or(0).min(24);
        let lines: Vec<_> = self
            .filters
            .iter()
            .map(|filter| {
                let gap = " ".repeat(width.saturating_sub(filter.name.width()) + 2);
                let name = format!("{}{gap}", filter.name);
                vec![(name, shared.theme.text), (filter.query.clone(), shared.theme.dim)]
            })
            .collect();
        self.cursor.draw(&lines, rows, buf, shared);
        None
    }
}
