//! A framed box over what is drawn already.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::widgets::{Block, Clear, Widget};

use crate::tui::theme::Theme;
use crate::tui::widget::visible::visible;

/// A box of a size in the middle of an area, cut to it.
pub fn centered(area: Rect, width: u16, height: u16) -> Rect {
    let (width, height) = (width.min(area.width), height.min(area.height));
    Rect { x: area.x + (area.width - width) / 2, y: area.y + (area.height - height) / 2, width, height }
}

/// Clears an area, frames it and gives the room inside.
pub fn frame(area: Rect, title: &str, theme: &Theme, buf: &mut Buffer) -> Rect {
    let area = area.intersection(buf.area);
    Clear.render(area, buf);
    let mut block = Block::bordered().border_style(theme.border_focused).title_style(theme.title);
    if !title.is_empty() {
        block = block.title(format!(" {} ", visible(title)));
    }
    let inner = block.inner(area);
    block.render(area, buf);
    inner
}
