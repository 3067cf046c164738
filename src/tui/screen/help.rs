//! The help screen: the key map, read aloud.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::{Reply, Screen};
use crate::tui::action::Action;
use crate::tui::app::Shared;
use crate::tui::keymap::{Context, Keymap};
use crate::tui::paint;
use crate::tui::widget::popup;

enum Line {
    Heading(&'static str),
    Key(String, &'static str),
    Gap,
}

/// The keys of the place where help was asked for, then all others.
pub struct Help {
    lines: Vec<Line>,
    top: usize,
    height: usize,
}

impl Help {
    /// Help for a place.
    pub fn new(context: Context, keymap: &Keymap) -> Self {
        let mut order = vec![context];
        order.extend(Context::ALL.into_iter().filter(|other| *other != context));
        let mut lines = Vec::new();
        for context in order {
            let section = keymap.section(context);
            if section.is_empty() {
                continue;
            }
            lines.push(Line::Heading(context.title()));
            lines.extend(section.into_iter().map(|(keys, action)| Line::Key(keys, action.title())));
            lines.push(Line::Gap);
        }
        lines.pop();
        Self { lines, top: 0, height: 1 }
    }

    fn scroll(&mut self, by: isize) {
        let last = self.lines.len().saturating_sub(self.height);
        self.top = self.top.saturating_add_signed(by).min(last);
    }
}

impl Screen for Help {
    fn context(&self) -> Context {
        Context::Help
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Down, Action::PageDown, Action::Back]
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        let page = isize::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(1);
        match action {
            Action::Down => self.scroll(1),
            Action::Up => self.scroll(-1),
            Action::PageDown => self.scroll(page),
            Action::PageUp => self.scroll(-page),
            Action::Top => self.top = 0,
            Action::Bottom => self.scroll(isize::MAX),
            Action::Back | Action::Help => return Reply::Close,
            Action::Suspend | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let theme = &shared.theme;
        let size =
            (area.width.min(84), area.height.min(u16::try_from(self.lines.len() + 2).unwrap_or(u16::MAX)));
        let inner = paint::inset(popup::frame(popup::centered(area, size.0, size.1), "Help", theme, buf));
        self.height = usize::from(inner.height);
        self.scroll(0);
        let keys = self.lines.iter().filter_map(|line| match line {
            Line::Key(keys, _) => u16::try_from(keys.chars().count()).ok(),
            Line::Heading(_) | Line::Gap => None,
        });
        let width = keys.max().unwrap_or(0).min(inner.width / 2);
        for (line, y) in self.lines.iter().skip(self.top).zip(inner.y..inner.bottom()) {
            match line {
                Line::Heading(title) => {
                    paint::put(buf, inner.x, y, inner.width, title, theme.title);
                }
                Line::Key(keys, title) => {
                    paint::put(buf, inner.x, y, width, keys, theme.accent);
                    let x = inner.x + width + 2;
                    paint::put(buf, x, y, inner.right().saturating_sub(x), title, theme.text);
                }
                Line::Gap => {}
            }
        }
        let below = self.lines.len().saturating_sub(self.top + self.height);
        if below > 0 {
            let more = format!(" {below} more ↓ ");
            let x = inner.right().saturating_sub(u16::try_from(more.chars().count()).unwrap_or(0));
            paint::put(buf, x, inner.bottom(), inner.width, &more, theme.dim);
        }
        None
    }
}
