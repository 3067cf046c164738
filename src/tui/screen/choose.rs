//! A list to choose one of.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Reply, Screen};
use crate::schema::Kinds;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// The kinds to make a credential of; the last line makes a kind.
pub struct ChooseKind {
    kinds: Vec<(String, String, String)>,
    selected: usize,
}

impl ChooseKind {
    /// All kinds there are, in the order they are offered.
    pub fn new(kinds: &Kinds) -> Self {
        let kinds = kinds.iter().map(|kind| (kind.id.clone(), kind.title.clone(), kind.description.clone()));
        let more = ("New kind…".to_owned(), "A kind of your own, as a copy of one of these.".to_owned());
        let more = (String::new(), more.0, more.1);
        Self { kinds: kinds.chain([more]).collect(), selected: 0 }
    }
}

impl Screen for ChooseKind {
    fn context(&self) -> Context {
        Context::Dialog
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Down, Action::Accept, Action::Back]
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        let count = self.kinds.len();
        match action {
            Action::Down | Action::Next => self.selected = (self.selected + 1) % count,
            Action::Up | Action::Previous => self.selected = (self.selected + count - 1) % count,
            Action::Top => self.selected = 0,
            Action::Bottom => self.selected = count - 1,
            Action::Accept if self.selected + 1 == count => {
                return Reply::CloseAnd(Command::Perform(Action::Kinds));
            }
            Action::Accept => {
                let (id, _, _) = self.kinds.swap_remove(self.selected);
                return Reply::CloseAnd(Command::Begin(id));
            }
            Action::Back | Action::No => return Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let theme = &shared.theme;
        let width = self.kinds.iter().map(|(_, title, _)| title.chars().count()).max().unwrap_or(0);
        let count = u16::try_from(self.kinds.len()).unwrap_or(u16::MAX);
        let rows = paint::dialog(area, buf, theme, "Add a credential: which kind?", "", count).rows;
        let height = usize::from(rows.height.max(1));
        let from = self.selected.saturating_sub(height - 1);
        for ((index, (_, title, description)), y) in
            self.kinds.iter().enumerate().skip(from).zip(rows.y..rows.bottom())
        {
            let selected = index == self.selected;
            let line = Rect { y, height: 1, ..rows };
            let (sign, label, about) = match selected {
                true => ("▸ ", theme.selection, theme.selection),
                false => ("  ", theme.text, theme.dim),
            };
            buf.set_style(line, label);
            let title = format!("{title:<width$}  ");
            paint::parts(buf, rows.x, y, rows.width, &[(sign, label), (&title, label), (description, about)]);
        }
        None
    }
}
