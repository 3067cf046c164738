//! Text onto the screen: cut to its room, nothing hidden in it.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::theme::Theme;
use super::widget::{popup, visible};

/// Puts a text at a place, cut with `…` where the room ends. Gives the columns it took.
pub fn put(buf: &mut Buffer, x: u16, y: u16, room: u16, text: &str, style: Style) -> u16 {
    let area = buf.area;
    if y < area.y || y >= area.bottom() || x >= area.right() || room == 0 {
        return 0;
    }
    let room = usize::from(room.min(area.right() - x));
    let (end, _) = buf.set_stringn(x, y, visible::fit(text, room), room, style);
    end - x
}

/// Puts parts one after another. Gives the columns they took.
pub fn parts(buf: &mut Buffer, x: u16, y: u16, room: u16, parts: &[(&str, Style)]) -> u16 {
    let mut used = 0;
    for (text, style) in parts {
        used += put(buf, x + used, y, room.saturating_sub(used), text, *style);
    }
    used
}

/// Lines of a text that fit a width, broken between words.
pub fn wrap(text: &str, width: u16) -> Vec<String> {
    let width = usize::from(width.max(1));
    let mut lines = Vec::new();
    for paragraph in text.split('\n') {
        let paragraph = visible::visible(paragraph);
        let mut line = String::new();
        for word in paragraph.split_inclusive(' ') {
            if line.width() + word.trim_end().width() > width && !line.is_empty() {
                lines.push(std::mem::take(&mut line).trim_end().to_owned());
            }
            for grapheme in word.graphemes(true) {
                if line.width() + grapheme.width() > width && grapheme != " " {
                    lines.push(std::mem::take(&mut line));
                }
                line.push_str(grapheme);
            }
        }
        lines.push(line.trim_end().to_owned());
    }
    lines
}

/// A dialog: a framed box with wrapped text, and rows below it for the caller.
pub struct Dialog {
    /// Where the caller's rows are.
    pub rows: Rect,
}

/// The columns that a dialog has for its text.
pub fn dialog_room(area: Rect) -> u16 {
    area.width.saturating_sub(4).min(72).max(area.width.min(28)).saturating_sub(4)
}

/// Draws a dialog's frame and text. `rows` lines stay free at its end.
pub fn dialog(area: Rect, buf: &mut Buffer, theme: &Theme, title: &str, text: &str, rows: u16) -> Dialog {
    let room = dialog_room(area);
    let width = room + 4;
    let lines = wrap(text, room);
    let gap = u16::from(rows > 0 && !text.is_empty());
    let shown =
        u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height.saturating_sub(rows + gap + 2));
    let inner = popup::frame(popup::centered(area, width, shown + gap + rows + 2), title, theme, buf);
    let inner = inset(inner);
    for (line, y) in lines.iter().zip(inner.y..inner.y + shown.min(inner.height)) {
        put(buf, inner.x, y, inner.width, line, theme.text);
    }
    let top = (inner.y + shown + gap).min(inner.bottom());
    Dialog { rows: Rect { y: top, height: inner.bottom() - top, ..inner } }
}

/// One column of room at both sides.
pub fn inset(area: Rect) -> Rect {
    Rect { x: area.x + u16::from(area.width > 1), width: area.width.saturating_sub(2), ..area }
}

/// How long ago, in three or four columns: `now`, `12 s`, `5 m`, `3 h`, `9 d`, `2 y`.
pub fn ago(seconds: i64) -> String {
    match seconds {
        ..=0 => "now".to_owned(),
        1..=59 => format!("{seconds} s"),
        60..=3_599 => format!("{} m", seconds / 60),
        3_600..=86_399 => format!("{} h", seconds / 3_600),
        86_400..=31_535_999 => format!("{} d", seconds / 86_400),
        _ => format!("{} y", seconds / 31_536_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_to_its_room_by_columns() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 1));
        assert_eq!(put(&mut buf, 0, 0, 5, "credential", Style::new()), 5);
        assert_eq!(buf.content()[4].symbol(), "…");
        let mut buf = Buffer::empty(Rect::new(0, 0, 8, 1));
        assert_eq!(put(&mut buf, 6, 0, 5, "鍵鍵鍵", Style::new()), 1, "a wide sign does not stick out");
        assert_eq!(put(&mut buf, 9, 0, 5, "x", Style::new()), 0);
    }

    #[test]
    fn wrapping_breaks_between_words_and_long_words() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\nb", 4), ["a", "b"]);
    }

    #[test]
    fn ages_are_short() {
        let ages = [-5, 0, 59, 60, 7_200, 86_400 * 3, 86_400 * 800].map(ago);
        assert_eq!(ages, ["now", "now", "59 s", "1 m", "2 h", "3 d", "2 y"]);
    }
}
