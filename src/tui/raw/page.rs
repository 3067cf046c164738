//! The raw editor on the screen.

use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::colour::{Token, bracket_pair, tokens};
use super::keys::found_in;
use super::{Mark, RawEditor, Schema};
use crate::secret::MASK;
use crate::tui::theme::Theme;
use crate::tui::widget::visible::{self, glyphs};

/// Lines of an error at the bottom.
const ERROR_LINES: usize = 2;

/// What part of a text shows.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Scroll {
    /// The first line.
    pub(super) top: usize,
    /// The first column.
    pub(super) left: usize,
    /// How many lines show.
    pub(super) rows: usize,
}

/// What is set off in a line.
#[derive(Default)]
struct Marks<'a> {
    errors: Vec<&'a Range<usize>>,
    secrets: Vec<&'a Range<usize>>,
    found: Vec<Range<usize>>,
    brackets: Vec<usize>,
}

/// Something drawn in a line.
struct Cell<'a> {
    byte: usize,
    shown: std::borrow::Cow<'a, str>,
    width: usize,
    style: Style,
}

/// A line's cells, from its start.
fn cells<'a>(line: &'a str, marks: &'a Marks<'a>, theme: &'a Theme) -> impl Iterator<Item = Cell<'a>> {
    let tokens = tokens(line);
    let mut token = 0;
    let mut hidden_to = 0;
    glyphs(line).filter_map(move |glyph| {
        let byte = glyph.bytes.start;
        if byte < hidden_to {
            return None;
        }
        if let Some(range) = marks.secrets.iter().find(|range| range.contains(&byte)) {
            hidden_to = range.end;
            return Some(Cell { byte, shown: MASK.into(), width: MASK.chars().count(), style: theme.mask });
        }
        while tokens.get(token).is_some_and(|(range, _)| range.end <= byte) {
            token += 1;
        }
        let kind = tokens.get(token).filter(|(range, _)| range.contains(&byte)).map(|(_, kind)| *kind);
        let mut style = kind.map_or(theme.text, |kind: Token| kind.style(theme));
        if marks.errors.iter().any(|range| range.contains(&byte)) {
            style = style.patch(theme.error_text);
        }
        if marks.found.iter().any(|range| range.contains(&byte)) {
            style = style.patch(theme.found);
        }
        if marks.brackets.contains(&byte) {
            style = style.patch(theme.json_bracket);
        }
        if glyph.marker {
            style = style.patch(theme.marker);
        }
        Some(Cell { byte, shown: glyph.shown, width: glyph.width, style })
    })
}

/// Draws a line from a column on; what is cut has a sign at that end.
fn draw_line<'a>(
    cells: impl Iterator<Item = Cell<'a>>,
    left: usize,
    area: Rect,
    buf: &mut Buffer,
    theme: &Theme,
) {
    let columns = usize::from(area.width);
    let mut at = 0;
    for cell in cells {
        let end = at + cell.width;
        if at >= left + columns {
            buf.set_string(area.right() - 1, area.y, "…", theme.dim);
            break;
        }
        if end > left {
            let x = at.saturating_sub(left);
            let room = columns - x;
            // One that is cut in the middle shows nothing, so that the others keep their columns.
            if at >= left && (cell.width <= room || cell.shown == MASK) {
                buf.set_stringn(area.x + x as u16, area.y, &cell.shown, room, cell.style);
            }
        }
        at = end;
    }
}

impl RawEditor {
    pub(super) fn draw(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
        if area.is_empty() {
            return None;
        }
        if let Some(schema) = &mut self.schema {
            schema.draw(area, buf, theme);
            return None;
        }
        let status = if area.height < 3 { Vec::new() } else { self.status(area, theme) };
        let body = Rect { height: area.height - status.len() as u16, ..area };
        for ((line, style), y) in status.iter().zip(body.bottom()..) {
            visible::draw(buf, (area.x, y), area.width, line, *style, theme.marker);
        }
        let gutter = gutter(self.area.lines().len(), body.width);
        let text = Rect { x: body.x + gutter, width: body.width - gutter, ..body };
        let (row, _) = self.cursor();
        let cursor = self.line().1;
        let found = |line: &str| match &self.find {
            Some(find) => {
                let needle = find.input.text().to_ascii_lowercase();
                found_in(line, &needle).into_iter().map(|at| at..at + needle.len()).collect()
            }
            None => Vec::new(),
        };
        let lines = self.area.lines();
        let brackets = bracket_pair(lines, (row, cursor))
            .or_else(|| bracket_pair(lines, (row, cursor.checked_sub(1)?)))
            .map(Vec::from)
            .unwrap_or_default();
        let marks = |number: usize| {
            let here = |marks: &'_ [Mark]| -> Vec<Range<usize>> {
                let row = marks.iter().filter(|mark| mark.row == number);
                row.map(|mark| mark.bytes.clone()).collect()
            };
            let mut secrets = here(&self.secrets);
            // Where one types it has to be seen.
            secrets.retain(|range| number != row || cursor < range.start || range.end < cursor);
            (here(&self.marks), secrets, found(&lines[number]))
        };
        let brackets_in = |number: usize| -> Vec<usize> {
            brackets.iter().filter(|(row, _)| *row == number).map(|(_, byte)| *byte).collect()
        };

        let (errors, secrets, here) = marks(row);
        let own = Marks {
            errors: errors.iter().collect(),
            secrets: secrets.iter().collect(),
            found: here,
            brackets: brackets_in(row),
        };
        let column = cells(&lines[row], &own, theme)
            .take_while(|cell| cell.byte < cursor)
            .map(|cell| cell.width)
            .sum::<usize>();
        let mut scroll = self.scroll;
        scroll.rows = usize::from(text.height);
        scroll.top = scroll.top.clamp((row + 1).saturating_sub(scroll.rows.max(1)), row);
        scroll.top = scroll.top.min(lines.len().saturating_sub(scroll.rows));
        // One column stays free for the cursor, and one for the sign of a cut line.
        let columns = usize::from(text.width).saturating_sub(2).max(1);
        scroll.left = scroll.left.clamp((column + 1).saturating_sub(columns), column);
        if column < columns {
            scroll.left = 0;
        }

        for (number, y) in (scroll.top..lines.len()).zip(text.y..text.bottom()) {
            let (errors, secrets, found) = marks(number);
            let marks = Marks {
                errors: errors.iter().collect(),
                secrets: secrets.iter().collect(),
                found,
                brackets: brackets_in(number),
            };
            let wrong = !marks.errors.is_empty();
            draw_gutter(
                number,
                wrong,
                number == row,
                Rect { y, width: gutter, height: 1, ..body },
                buf,
                theme,
            );
            let place = Rect { y, height: 1, ..text };
            draw_line(cells(&lines[number], &marks, theme), scroll.left, place, buf, theme);
            // An error at the line's end is about something that is missing there.
            if marks.errors.iter().any(|range| range.start >= lines[number].len()) {
                let end: usize = cells(&lines[number], &marks, theme).map(|cell| cell.width).sum();
                if let Some(x) = end.checked_sub(scroll.left).filter(|x| *x < usize::from(place.width)) {
                    buf.set_string(place.x + x as u16, y, " ", theme.error_text);
                }
            }
        }
        self.scroll = scroll;
        if let (Some(find), Some(last)) = (&mut self.find, status.len().checked_sub(1)) {
            let y = body.bottom() + last as u16;
            let x = area.x + (visible::width(FIND) as u16).min(area.width);
            let place = Rect { x, y, width: area.right() - x, height: 1 };
            return find
                .input
                .draw(place, buf, theme.input, theme.marker)
                .or(Some(Position { x: area.x, y }));
        }
        let x = (column - self.scroll.left).min(usize::from(text.width).saturating_sub(1)) as u16;
        let y = text.y + (row - self.scroll.top) as u16;
        Some(Position { x: (text.x + x).min(area.right() - 1), y })
    }

    /// The lines at the bottom.
    fn status(&self, area: Rect, theme: &Theme) -> Vec<(String, Style)> {
        if let Some(find) = &self.find {
            let nothing = if find.found { String::new() } else { "✗ not in this text".to_owned() };
            let mut lines = vec![(FIND.to_owned(), theme.accent)];
            if !nothing.is_empty() && area.height > 4 {
                lines.insert(0, (nothing, theme.warn));
            }
            return lines;
        }
        let (row, _) = self.cursor();
        // The error of the cursor's line, else the first.
        let own = self.errors.iter().find(|error| error.place.line == row + 1);
        let Some(error) = own.or(self.errors.first()) else {
            return vec![(format!("{}  Ctrl-F find", self.fine), theme.dim)];
        };
        let place = if error.pointer.is_empty() { String::new() } else { format!(" {}", error.pointer) };
        let more = match self.errors.len() {
            1 => String::new(),
            count => format!("  ({count} errors, F8 next)"),
        };
        let text = format!("✗ {}{place}: {}{more}", error.place, error.message);
        let room = if area.height < 8 { 1 } else { ERROR_LINES };
        let mut lines = visible::wrap(&text, area.width.into());
        if lines.len() > room {
            let rest = lines.split_off(room - 1).join(" ");
            lines.push(visible::fit(&rest, area.width.into()));
        }
        lines.into_iter().map(|line| (line, theme.error)).collect()
    }
}

const FIND: &str = "find: ";

impl Schema {
    fn draw(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let status = u16::from(area.height > 2);
        let body = Rect { height: area.height - status, ..area };
        self.scroll.rows = usize::from(body.height);
        self.scroll.top = self.scroll.top.min(self.lines.len().saturating_sub(self.scroll.rows));
        let gutter = gutter(self.lines.len(), body.width);
        let none = Marks::default();
        for (number, y) in (self.scroll.top..self.lines.len()).zip(body.y..body.bottom()) {
            draw_gutter(number, false, false, Rect { y, width: gutter, height: 1, ..body }, buf, theme);
            let place = Rect { x: body.x + gutter, y, width: body.width - gutter, height: 1 };
            draw_line(cells(&self.lines[number], &none, theme), self.scroll.left, place, buf, theme);
        }
        if status > 0 {
            let text = "The kind's schema. It can only be read.";
            visible::draw(buf, (area.x, body.bottom()), area.width, text, theme.dim, theme.marker);
        }
    }
}

/// Columns for a sign, the line's number and a blank; narrow panes have less.
fn gutter(lines: usize, width: u16) -> u16 {
    match width {
        ..8 => 0,
        8..24 => 1,
        _ => lines.to_string().len().max(2) as u16 + 2,
    }
}

fn draw_gutter(number: usize, wrong: bool, current: bool, area: Rect, buf: &mut Buffer, theme: &Theme) {
    if area.width == 0 {
        return;
    }
    if wrong {
        buf.set_string(area.x, area.y, "✗", theme.error);
    }
    if area.width > 2 {
        let digits = usize::from(area.width) - 2;
        let style = if current { theme.accent } else { theme.dim };
        buf.set_string(area.x + 1, area.y, format!("{:>digits$}", number + 1), style);
    }
}
