//! The form on the screen: rows of a label and a value, help at the bottom.

use std::borrow::Cow;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::edit::Input;
use super::stop::{Entry, Part, Stop, Target};
use super::value::State;
use super::{Form, guide};
use crate::schema::{Control, Draft, Kind, Violation};
use crate::tui::theme::Theme;
use crate::tui::widget::visible;

/// Narrower forms put the label above the value.
const SIDE_BY_SIDE: u16 = 46;
/// Lines of a text that has the focus.
pub(super) const LINES: usize = 8;
/// Lines of an error.
const ERROR_LINES: usize = 3;

/// What is told where a field has no keys of its own.
const FIND: &str = "Ctrl-F finds a field.";

/// What a page is drawn from.
pub(super) struct View<'a> {
    pub(super) draft: &'a Draft,
    /// Its kind, made for the service that it names.
    pub(super) kind: Option<&'a Kind>,
    /// Places of required secrets that are not there.
    pub(super) missing: Vec<String>,
    pub(super) theme: &'a Theme,
    pub(super) focused: bool,
}

/// One line of the page.
#[derive(Default)]
pub(super) struct Row<'a> {
    pub(super) pieces: Vec<Piece<'a>>,
    pub(super) focus: bool,
    pub(super) heading: bool,
}

/// Something drawn in a row.
pub(super) struct Piece<'a> {
    pub(super) x: u16,
    pub(super) width: u16,
    pub(super) what: What<'a>,
}

pub(super) enum What<'a> {
    /// A text, cut to the piece's width.
    Text(Cow<'a, str>, Style),
    /// A line of the input that has the focus.
    Input(usize),
    /// The secret that is being typed.
    Typed,
    /// Where the cursor stands when there is no input.
    Cursor,
}

impl<'a> Row<'a> {
    pub(super) fn text(x: u16, width: u16, text: impl Into<Cow<'a, str>>, style: Style) -> Self {
        Self { pieces: vec![Piece { x, width, what: What::Text(text.into(), style) }], ..Self::default() }
    }
}

/// The columns of a page.
#[derive(Clone, Copy)]
pub(super) struct Columns {
    label: u16,
    /// Where values start.
    pub(super) x: u16,
    /// How wide they are.
    pub(super) width: u16,
    stacked: bool,
}

impl Form {
    pub(super) fn draw(&mut self, view: &View<'_>, area: Rect, buf: &mut Buffer) -> Option<Position> {
        if area.is_empty() {
            return None;
        }
        let help_rows = match area.height {
            ..4 => 0,
            4..10 => 1,
            _ => 3,
        };
        let page = Rect { height: area.height - help_rows, ..area };
        let help = Rect { y: page.bottom(), height: help_rows, ..area };
        let columns = self.columns(page.width);
        if let Input::Text(input) = &mut self.input {
            let (width, rows) = input_size(&self.focus, columns, input.line_count());
            input.follow(width.into(), rows);
        }
        let rows = self.rows(view, columns);
        let height = usize::from(page.height);
        let first = rows.iter().position(|row| row.focus).unwrap_or_default();
        let last = rows.iter().rposition(|row| row.focus).unwrap_or_default();
        let headed = rows[..first].iter().rposition(|row| !row.heading).map_or(0, |at| at + 1);
        let typed = rows.iter().position(|row| self.has_cursor(row)).unwrap_or(first);
        // All of the field and its heading; where that is too much, at least where one types.
        let (from, to) = [(headed, last), (first, last), (typed, typed)]
            .into_iter()
            .find(|(from, to)| to - from < height)
            .unwrap_or((typed, typed));
        let scroll = self.scroll.max((to + 1).saturating_sub(height)).min(from);
        let scroll = scroll.min(rows.len().saturating_sub(height));
        let mut cursor = None;
        for (row, y) in rows.iter().skip(scroll).zip(page.y..page.bottom()) {
            let at = self.draw_row(row, Rect { y, height: 1, ..page }, view, buf);
            cursor = cursor.or(at);
        }
        let typed_at = Position { x: page.x, y: page.y + typed.saturating_sub(scroll) as u16 };
        let count = rows.len();
        drop(rows);
        self.scroll = scroll;
        draw_scrollbar(page, scroll, count, view.theme, buf);
        self.draw_help(view, help, buf);
        if let Some(pick) = &self.pick {
            let at = cursor.unwrap_or(typed_at);
            pick.draw(at.x, at.y, area, buf, view.theme);
            return None;
        }
        // Where a panel is too narrow for the input itself, the cursor stands at the row's start.
        view.focused.then(|| cursor.unwrap_or(typed_at))
    }

    /// Whether the cursor stands in a row.
    fn has_cursor(&self, row: &Row<'_>) -> bool {
        row.pieces.iter().any(|piece| match (&piece.what, &self.input) {
            (What::Cursor, _) => true,
            (What::Input(line), Input::Text(input)) => *line == input.shown_row(),
            _ => false,
        })
    }

    fn columns(&self, width: u16) -> Columns {
        // The last column is the scroll bar's.
        let room = if width > 20 { width - 2 } else { width };
        if width < SIDE_BY_SIDE {
            let x = if width > 8 { 2 } else { 0 };
            return Columns { label: room, x, width: room - x, stacked: true };
        }
        let widest =
            self.entries.iter().map(|entry| visible::width(&entry.field.label)).max().unwrap_or_default();
        let label = u16::try_from(widest + 3).unwrap_or(u16::MAX).min(room * 2 / 5);
        Columns { label, x: label, width: room - label, stacked: false }
    }

    fn rows<'a>(&'a self, view: &View<'a>, columns: Columns) -> Vec<Row<'a>> {
        let theme = view.theme;
        let whole = columns.x + columns.width;
        let mut rows = Vec::new();
        for violation in self.violations.iter().filter(|violation| !self.is_shown(&violation.pointer)) {
            for line in visible::wrap(&format!("✗ {violation}"), whole.into()).into_iter().take(ERROR_LINES)
            {
                rows.push(Row { heading: true, ..Row::text(0, whole, line, theme.error) });
            }
        }
        let mut group = "";
        let guided = self.guided_group(view);
        for (index, entry) in self.entries.iter().enumerate() {
            if entry.field.group != group {
                if !rows.is_empty() {
                    rows.push(Row { heading: true, ..Row::default() });
                }
                group = &entry.field.group;
                rows.push(Row { heading: true, ..Row::text(0, whole, group, theme.title) });
                if guided == Some(group) {
                    guide::rows(group, view, whole, &mut rows);
                }
            }
            self.field_rows(index, entry, view, columns, &mut rows);
        }
        rows
    }

    /// Whether an error at a place has a field to stand at.
    fn is_shown(&self, place: &str) -> bool {
        self.entries.iter().any(|entry| entry.covers(place))
    }

    fn field_rows<'a>(
        &'a self,
        index: usize,
        entry: &'a Entry,
        view: &View<'a>,
        columns: Columns,
        rows: &mut Vec<Row<'a>>,
    ) {
        let theme = view.theme;
        let has_focus = self.focus.field == index;
        let first = rows.len();
        if matches!(entry.control(view.draft), Control::Table { .. }) {
            self.table_rows(index, entry, view, columns, rows);
        } else {
            let stop = Stop { field: index, part: Part::Value };
            let lines = self.value_lines(&stop, entry, view, columns.x, columns.width);
            rows.extend(lines.into_iter().map(|pieces| Row { pieces, focus: has_focus, heading: false }));
            let hint =
                guide::hint(entry, view).map(|hint| Row::text(columns.x, columns.width, hint, theme.warn));
            rows.extend(hint.map(|row| Row { focus: has_focus, ..row }));
            let own = self.violations.iter().filter(|violation| entry.covers(&violation.pointer));
            self.error_rows(own, &entry.field.pointer, theme, columns, has_focus, rows);
        }
        let style = if has_focus && view.focused { theme.label_focused } else { theme.label };
        let mark = if entry.field.required { " *" } else { "" };
        let room = usize::from(columns.label).saturating_sub(mark.len() + usize::from(!columns.stacked));
        let label = visible::fit(&entry.field.label, room);
        let at = visible::width(&label) as u16;
        let pieces = [
            Piece { x: 0, width: columns.label, what: What::Text(label.into(), style) },
            Piece { x: at, width: columns.label - at, what: What::Text(mark.into(), theme.warn) },
        ];
        if columns.stacked {
            let focus = rows.get(first).is_some_and(|row| row.focus);
            rows.insert(first, Row { pieces: pieces.into(), focus, heading: false });
        } else if let Some(row) = rows.get_mut(first) {
            row.pieces.extend(pieces);
        }
    }

    fn table_rows<'a>(
        &'a self,
        index: usize,
        entry: &'a Entry,
        view: &View<'a>,
        columns: Columns,
        rows: &mut Vec<Row<'a>>,
    ) {
        let theme = view.theme;
        let Columns { x, width, .. } = columns;
        let name_width = name_width(columns);
        for name in entry.names(view.draft) {
            let cell = Stop { field: index, part: Part::Cell(name.to_owned()) };
            let in_name = self.focus.field == index && self.focus.part == Part::Name(name.to_owned());
            let focus = in_name || self.focus == cell;
            let what = if in_name { What::Input(0) } else { What::Text(name.into(), theme.text) };
            let mut lines = self.value_lines(&cell, entry, view, x + name_width, width - name_width);
            if let Some(line) = lines.first_mut() {
                line.push(Piece { x, width: name_width.saturating_sub(1), what });
            }
            rows.extend(lines.into_iter().map(|pieces| Row { pieces, focus, heading: false }));
            let place = cell.place(&entry.field.pointer);
            let under = format!("{place}/");
            let own =
                |violation: &&Violation| violation.pointer == place || violation.pointer.starts_with(&under);
            self.error_rows(self.violations.iter().filter(own), &place, theme, columns, focus, rows);
        }
        let in_add = self.focus == Stop { field: index, part: Part::Add };
        let mut pieces = Vec::new();
        if in_add {
            pieces.push(Piece { x, width: name_width.saturating_sub(1), what: What::Input(0) });
        }
        let empty = matches!(&self.input, Input::Text(input) if in_add && input.is_empty());
        if !in_add || empty {
            pieces.push(Piece { x, width, what: What::Text("+ add".into(), theme.dim) });
        }
        rows.push(Row { pieces, focus: in_add, heading: false });
        let own = self.violations.iter().filter(|violation| violation.pointer == entry.field.pointer);
        self.error_rows(own, &entry.field.pointer, theme, columns, in_add, rows);
    }

    fn error_rows<'a>(
        &self,
        violations: impl Iterator<Item = &'a Violation>,
        place: &str,
        theme: &Theme,
        columns: Columns,
        focus: bool,
        rows: &mut Vec<Row<'a>>,
    ) {
        for violation in violations {
            let inside = violation.pointer.strip_prefix(place).unwrap_or_default();
            let message = match inside {
                "" => format!("✗ {}", violation.message),
                inside => format!("✗ {}: {}", inside.trim_start_matches('/'), violation.message),
            };
            for line in visible::wrap(&message, columns.width.into()).into_iter().take(ERROR_LINES) {
                rows.push(Row { focus, ..Row::text(columns.x, columns.width, line, theme.error) });
            }
        }
    }

    fn draw_row(&self, row: &Row<'_>, area: Rect, view: &View<'_>, buf: &mut Buffer) -> Option<Position> {
        let theme = view.theme;
        let mut cursor = None;
        for piece in &row.pieces {
            let x = area.x + piece.x.min(area.width);
            let place = Rect { x, width: piece.width.min(area.right() - x), ..area };
            match &piece.what {
                What::Text(text, style) => {
                    visible::draw(buf, (x, area.y), place.width, text, *style, theme.marker);
                }
                What::Input(line) => {
                    if let Input::Text(input) = &self.input {
                        let at = input.draw_line(*line, place, buf, theme.input, theme.marker);
                        cursor = cursor.or(at);
                    }
                }
                What::Typed => {
                    if let Input::Secret(input) = &self.input {
                        buf.set_line(x, area.y, &input.mask(theme), place.width);
                    }
                }
                What::Cursor => {
                    cursor = Some(Position { x: x.min(area.right().saturating_sub(1)), y: area.y });
                }
            }
        }
        cursor
    }

    fn draw_help(&self, view: &View<'_>, area: Rect, buf: &mut Buffer) {
        let Some(entry) = self.entries.get(self.focus.field).filter(|_| area.height > 0) else { return };
        let mut help = entry.field.help.clone();
        if let Some(example) = &entry.field.example {
            help.push_str(&format!(" For example {example}"));
        }
        let theme = view.theme;
        let hint = self.hint(view.draft);
        let mut lines = Vec::new();
        if area.height > 2 {
            lines = visible::wrap(help.trim(), area.width.into());
            let room = usize::from(area.height) - usize::from(!hint.is_empty());
            lines.truncate(room);
        } else if !help.is_empty() {
            lines.push(help);
        }
        // Where the help leaves the line free.
        let hint = if hint.is_empty() && lines.len() < usize::from(area.height) { FIND } else { hint };
        for (line, y) in lines.iter().zip(area.y..) {
            visible::draw(buf, (area.x, y), area.width, line, theme.dim, theme.marker);
        }
        if area.height > 2 {
            visible::draw(buf, (area.x, area.bottom() - 1), area.width, hint, theme.accent, theme.marker);
        }
    }

    /// The keys that are the focused field's own.
    fn hint(&self, draft: &Draft) -> &'static str {
        match self.target(draft) {
            Target::Secret { place, cell, .. } => match (State::of(&place, draft, &[]), cell) {
                (State::Stored, false) => "Typing replaces it. Delete clears it.",
                (State::Stored, true) => "Typing replaces it. Ctrl-D removes the row.",
                (State::New, _) if draft.is_stored(&place) => "Esc takes back the stored one.",
                (State::New, _) => "Esc takes it back.",
                (State::Cleared, _) => "Esc keeps the stored one.",
                (State::Missing | State::Empty, _) => "Type it or paste it.",
            },
            Target::Choice { .. } => "← → change it, Enter lists all.",
            Target::Boolean { .. } => "Space changes it.",
            Target::List { .. } => "One on each line.",
            Target::Text { multiline: true, .. } => "Enter starts a line, Tab goes on.",
            Target::Text { cell: true, .. } | Target::Name { .. } => "Ctrl-D removes the row.",
            Target::Add { .. } => "Type a name, then Enter, to add a row.",
            Target::Json { .. } => "Enter edits it as JSON.",
            Target::Text { .. } | Target::Number { .. } | Target::Nothing => "",
        }
    }
}

/// Width and height of the input that has the focus.
fn input_size(focus: &Stop, columns: Columns, lines: usize) -> (u16, usize) {
    match focus.part {
        Part::Name(_) | Part::Add => (name_width(columns).saturating_sub(1), 1),
        Part::Cell(_) => (columns.width - name_width(columns), lines.min(LINES)),
        Part::Value => (columns.width, lines.min(LINES)),
    }
}

/// Columns of a table's names, the blank after them included.
fn name_width(columns: Columns) -> u16 {
    (columns.width * 2 / 5).min(24)
}

fn draw_scrollbar(area: Rect, scroll: usize, rows: usize, theme: &Theme, buf: &mut Buffer) {
    let height = usize::from(area.height);
    if rows <= height || area.width <= 20 {
        return;
    }
    let thumb = (height * height / rows).max(1);
    let top = scroll * (height - thumb) / (rows - height);
    for (index, y) in (area.y..area.bottom()).enumerate() {
        let sign = if (top..top + thumb).contains(&index) { "┃" } else { "│" };
        buf.set_string(area.right() - 1, y, sign, theme.border);
    }
}
