//! What the screens that manage something have in common: a frame over everything, and a list to choose from.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::widgets::{Clear, Widget};

use super::{Screen, footer, notice};
use crate::tui::action::Action;
use crate::tui::app::Shared;
use crate::tui::paint;
use crate::tui::widget::popup;

/// Draws the frame, the notice and the footer of a screen that covers everything; the room inside.
pub(super) fn frame(screen: &dyn Screen, title: &str, area: Rect, buf: &mut Buffer, shared: &Shared) -> Rect {
    Clear.render(area, buf);
    let body = Rect { height: area.height.saturating_sub(2), ..area };
    let inner = popup::frame(body, title, &shared.theme, buf);
    let line = |y| paint::inset(Rect { y, height: 1, ..area });
    notice(line(body.bottom()), buf, shared);
    footer(screen, line(body.bottom() + 1), buf, shared);
    paint::inset(inner)
}

/// A line of a list, as parts.
pub(super) type Line = Vec<(String, Style)>;

/// Which line of a list is selected.
#[derive(Default)]
pub(super) struct Cursor {
    line: usize,
    page: usize,
}

impl Cursor {
    /// On a line.
    pub(super) fn on(line: usize) -> Self {
        Self { line, page: 1 }
    }

    /// The selected line; `None` where there is none.
    pub(super) fn selected(&self, count: usize) -> Option<usize> {
        (count > 0).then(|| self.line.min(count - 1))
    }

    /// Moves. False where the action moves nothing.
    pub(super) fn act(&mut self, action: Action, count: usize) -> bool {
        let last = count.saturating_sub(1);
        self.line = match action {
            Action::Down | Action::Next => (self.line + 1).min(last),
            Action::Up | Action::Previous => self.line.saturating_sub(1),
            Action::PageDown => (self.line + self.page.max(1)).min(last),
            Action::PageUp => self.line.saturating_sub(self.page.max(1)),
            Action::Top => 0,
            Action::Bottom => last,
            _ => return false,
        };
        true
    }

    /// Draws the lines around the selected one; the first that is seen.
    pub(super) fn draw(&mut self, lines: &[Line], area: Rect, buf: &mut Buffer, shared: &Shared) -> usize {
        let height = usize::from(area.height.max(1));
        self.page = height.saturating_sub(1).max(1);
        let selected = self.selected(lines.len());
        let from = selected.unwrap_or(0).saturating_sub(height - 1);
        for ((index, line), y) in lines.iter().enumerate().skip(from).zip(area.y..area.bottom()) {
            let here = selected == Some(index);
            let style = if here { shared.theme.selection } else { shared.theme.text };
            buf.set_style(Rect { y, height: 1, ..area }, style);
            let mut parts = vec![(if here { "▸ " } else { "  " }, style)];
            parts.extend(line.iter().map(|(text, own)| (text.as_str(), if here { style } else { *own })));
            paint::parts(buf, area.x, y, area.width, &parts);
        }
        from
    }
}
