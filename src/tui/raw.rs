//! The raw editor: a draft as JSON text, with colours, and errors marked where they are.
//!
//! [`TextArea`] keeps the lines, the cursor and the undo steps; keys (`keys`) and drawing (`page`) are our
//! own, so that no binding of the widget clashes with the workbench's and nothing in the text is hidden.

mod colour;
mod keys;
mod page;
#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyEvent, KeyEventKind};
use ratatui::layout::{Position, Rect};
use tui_textarea::{CursorMove, TextArea};
use zeroize::{Zeroize, Zeroizing};

use self::keys::Find;
use self::page::Scroll;
use crate::schema::text::Positions;
use crate::schema::{Draft, Inspection, Kinds, Notice, TextError};
use crate::tui::form::Handled;
use crate::tui::theme::Theme;

/// The largest text that can be edited, in bytes: every key costs time that grows with it.
const BYTES_MAX: usize = 1024 * 1024;

/// The most lines that the widget can count.
const LINES_MAX: usize = u16::MAX as usize;

/// Edits that can be taken back; the widget counts each typed character as one.
const STEPS: usize = 1000;

const TOO_LARGE: &str = "this text is larger than 1 MiB or 65,535 lines: edit it in a file and use `put`";

/// The raw editor of one draft. Its text may hold a secret that was typed: it is wiped when dropped.
///
/// Its keys, besides those of any text: Enter indents, `Ctrl-F` finds, `F8` and `Shift-F8` go to the next and
/// the previous error, `Ctrl-_` and `Alt-_` undo and redo.
pub struct RawEditor {
    area: Area,
    /// The text that was opened or taken over last; it holds placeholders only.
    opened: String,
    /// Whether `errors` and `secrets` are about the text as it is.
    checked: bool,
    errors: Vec<TextError>,
    /// Where the errors are, line by line.
    marks: Vec<Mark>,
    /// Secrets that stand in the text: shown only where the cursor is.
    secrets: Vec<Mark>,
    find: Option<Find>,
    scroll: Scroll,
    schema: Option<Schema>,
    /// What stands below a text with which nothing is wrong.
    fine: &'static str,
}

type Area = TextArea<'static>;

/// Bytes of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mark {
    row: usize,
    bytes: Range<usize>,
}

/// The kind's schema, on the second tab.
#[derive(Debug)]
struct Schema {
    lines: Vec<String>,
    scroll: Scroll,
}

impl fmt::Debug for RawEditor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RawEditor({} lines, {} errors)", self.area.lines().len(), self.errors.len())
    }
}

impl Drop for RawEditor {
    fn drop(&mut self) {
        self.wipe();
    }
}

impl RawEditor {
    /// Opens a draft's text. Secrets are placeholders in it.
    ///
    /// # Errors
    /// A sentence, where the text is too large to edit here.
    pub fn open(draft: &Draft, kinds: &Kinds) -> Result<Self, String> {
        let mut editor = Self::of_text(draft.text(), "JSON fits its schema")?;
        editor.look(draft, kinds);
        Ok(editor)
    }

    /// Opens a text that is no draft's. What is wrong with it is told by [`RawEditor::mark`]; `fine` stands below
    /// it while nothing is.
    ///
    /// # Errors
    /// A sentence, where the text is too large to edit here.
    pub fn of_text(text: String, fine: &'static str) -> Result<Self, String> {
        if is_too_large(&text) {
            return Err(TOO_LARGE.to_owned());
        }
        let mut editor = Self {
            area: TextArea::default(),
            opened: String::new(),
            checked: false,
            errors: Vec::new(),
            marks: Vec::new(),
            secrets: Vec::new(),
            find: None,
            scroll: Scroll::default(),
            schema: None,
            fine,
        };
        editor.load(text);
        Ok(editor)
    }

    /// Goes on with a text that was edited and not taken over.
    pub fn resume(&mut self, text: &str) {
        let opened = std::mem::take(&mut self.opened);
        self.load(text.to_owned());
        // What the text differs from: the copy that `load` made of it is wiped when it is freed here.
        self.opened = opened;
    }

    fn load(&mut self, text: String) {
        self.wipe();
        self.area = TextArea::from(text.split('\n'));
        self.area.set_max_histories(STEPS);
        self.opened = text;
        self.checked = false;
    }

    /// Wipes the lines. What the widget kept for undo is wiped by the allocator when it is freed here.
    fn wipe(&mut self) {
        for mut line in std::mem::take(&mut self.area).into_lines() {
            line.zeroize();
        }
    }

    /// The text as it is now.
    pub fn text(&self) -> Zeroizing<String> {
        let lines = self.area.lines();
        let mut text = Zeroizing::new(String::with_capacity(lines.iter().map(|line| line.len() + 1).sum()));
        for (index, line) in lines.iter().enumerate() {
            if index > 0 {
                text.push('\n');
            }
            text.push_str(line);
        }
        text
    }

    fn len(&self) -> usize {
        self.area.lines().iter().map(|line| line.len() + 1).sum::<usize>() - 1
    }

    /// Handles a key press. [`Handled::Changed`] means that the text changed, not yet the draft.
    pub fn handle_key(&mut self, key: KeyEvent) -> Handled {
        if key.kind == KeyEventKind::Release {
            return Handled::Ignored;
        }
        if self.schema.is_some() {
            return self.schema_key(key);
        }
        if self.find.is_some() {
            return self.find_key(key);
        }
        let handled = self.text_key(key);
        if handled == Handled::Changed {
            self.checked = false;
        }
        handled
    }

    /// Puts a pasted text at the cursor, as one undo step. Says what was done to it.
    pub fn paste(&mut self, text: &str) -> Vec<Notice> {
        let notice = |message: &str| vec![Notice { pointer: String::new(), message: message.to_owned() }];
        if self.schema.is_some() {
            return notice("the schema can only be read");
        }
        let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\t', "  ");
        let mut text = Zeroizing::new(text);
        let before = text.chars().count();
        text.retain(|c| !c.is_control() || c == '\n');
        let dropped = before - text.chars().count();
        if let Some(find) = &mut self.find {
            find.insert(&text.replace('\n', " "));
            self.jump_to_found();
            return Vec::new();
        }
        let lines = self.area.lines().len() + text.matches('\n').count();
        if self.len() + text.len() > BYTES_MAX || lines > LINES_MAX {
            return notice(&format!("nothing was pasted: {TOO_LARGE}"));
        }
        if !text.is_empty() {
            self.area.insert_str(text.as_str());
            self.checked = false;
        }
        match dropped {
            0 => Vec::new(),
            1 => notice("a control character was left out"),
            n => notice(&format!("{n} control characters were left out")),
        }
    }

    /// Whether the text differs from the one that was opened or taken over last.
    pub fn is_changed(&self) -> bool {
        !self.opened.split('\n').eq(self.area.lines())
    }

    /// Takes the text over into the draft: strings at the places of secrets become secrets. To be called
    /// before the view is switched and before the draft is tested or saved. The editor then shows the draft's
    /// text, with placeholders, and its undo starts anew.
    ///
    /// # Errors
    /// Why the text cannot be taken over; the draft is then as it was and the first error has the cursor.
    pub fn take(&mut self, draft: &mut Draft, kinds: &Kinds) -> Result<Vec<Notice>, Vec<TextError>> {
        if !self.is_changed() {
            return Ok(Vec::new());
        }
        let text = self.text();
        match draft.set_text(kinds, &text) {
            Ok(notices) => {
                let cursor = self.cursor();
                self.load(draft.text());
                self.move_to(cursor);
                self.look(draft, kinds);
                Ok(notices)
            }
            Err(errors) => {
                self.schema = None;
                self.find = None;
                self.look(draft, kinds);
                if let Some(first) = errors.first() {
                    self.move_to((first.place.line - 1, first.place.column - 1));
                }
                Err(errors)
            }
        }
    }

    /// What is wrong with the text now; checked again here where it was edited since.
    pub fn errors(&mut self, draft: &Draft, kinds: &Kinds) -> &[TextError] {
        self.look(draft, kinds);
        &self.errors
    }

    fn look(&mut self, draft: &Draft, kinds: &Kinds) {
        if !self.checked {
            let found = draft.inspect(kinds, &self.text());
            self.mark(found);
        }
    }

    /// Whether the text was edited since [`RawEditor::mark`].
    pub fn is_unmarked(&self) -> bool {
        !self.checked
    }

    /// What the kinds say changed: the text is looked at again.
    pub fn recheck(&mut self) {
        self.checked = false;
    }

    /// Marks what was found in the text as it is now.
    pub fn mark(&mut self, found: Inspection) {
        self.checked = true;
        self.errors = found.errors;
        self.errors.sort_by_key(|error| error.place);
        let ranges = self.errors.iter().map(|error| error.range.clone()).collect();
        self.marks = self.marks_of(ranges);
        self.secrets = self.marks_of(found.secrets);
    }

    /// Byte ranges of the text as places in its lines; one of several lines is cut to its first.
    fn marks_of(&self, mut ranges: Vec<Range<usize>>) -> Vec<Mark> {
        ranges.sort_by_key(|range| range.start);
        let mut marks = Vec::new();
        let mut ranges = ranges.into_iter().peekable();
        let mut start = 0;
        for (row, line) in self.area.lines().iter().enumerate() {
            let end = start + line.len();
            while let Some(range) = ranges.next_if(|range| range.start <= end) {
                let bytes = range.start.saturating_sub(start)..range.end.clamp(start, end) - start;
                marks.push(Mark { row, bytes });
            }
            start = end + 1;
        }
        marks
    }

    /// Moves to the next error after the cursor, or to the one before it, round at the end. False where there is
    /// none.
    fn go_to_error(&mut self, forward: bool) -> bool {
        let here = self.cursor();
        let places = self.errors.iter().map(|error| (error.place.line - 1, error.place.column - 1));
        let places: Vec<_> = places.collect();
        let found = match forward {
            true => places.iter().find(|place| **place > here).or(places.first()),
            false => places.iter().rev().find(|place| **place < here).or(places.last()),
        };
        let Some(place) = found.copied() else { return false };
        self.move_to(place);
        true
    }

    /// Moves to the first error and gives it.
    pub fn first_error(&mut self) -> Option<&TextError> {
        let place = self.errors.first()?.place;
        self.move_to((place.line - 1, place.column - 1));
        self.errors.first()
    }

    /// Moves to the value at a place, or to the object around it.
    pub fn goto(&mut self, pointer: &str) {
        let text = self.text();
        if let Ok(positions) = Positions::read(&text) {
            let before = &text[..positions.range(pointer).start];
            let start = before.rfind('\n').map_or(0, |at| at + 1);
            self.move_to((before.matches('\n').count(), before[start..].chars().count()));
        }
    }

    /// Takes the last edit of the text back: a word that was typed, or any other edit. False where there is
    /// none.
    pub fn undo(&mut self) -> bool {
        self.schema.is_none() && self.travel(TextArea::undo, TextArea::redo)
    }

    /// Takes the last undone edit again. False where there is none.
    pub fn redo(&mut self) -> bool {
        self.schema.is_none() && self.travel(TextArea::redo, TextArea::undo)
    }

    /// The widget counts each typed character as a step: goes on while the steps are characters of one word.
    fn travel(&mut self, go: fn(&mut Area) -> bool, back: fn(&mut Area) -> bool) -> bool {
        // There and back puts the cursor where the step was, wherever it has been moved since.
        if !go(&mut self.area) || !back(&mut self.area) {
            return false;
        }
        let mut steps = 0;
        loop {
            let here = self.cursor();
            let before = Zeroizing::new(self.line().0.to_owned());
            if !go(&mut self.area) {
                break;
            }
            let of_word = self.is_word_step(here, &before);
            if steps > 0 && !of_word {
                back(&mut self.area);
                self.move_to(here);
                break;
            }
            steps += 1;
            if !of_word {
                break;
            }
        }
        self.checked = false;
        true
    }

    /// Whether a step put or took one letter or digit right at the cursor: `here` and `before` are the cursor
    /// and its line as they were.
    fn is_word_step(&self, here: (usize, usize), before: &str) -> bool {
        let at = self.cursor();
        let after = self.line().0;
        let longer = if before.len() > after.len() { before } else { after };
        let one = before.chars().count().abs_diff(after.chars().count()) == 1;
        let near = at.0 == here.0 && at.1.abs_diff(here.1) == 1;
        one && near && longer.chars().nth(at.1.min(here.1)).is_some_and(char::is_alphanumeric)
    }

    /// Changes between the document and its kind's schema, which can only be read.
    pub fn toggle_schema_tab(&mut self, draft: &Draft, kinds: &Kinds) {
        self.find = None;
        self.schema = match (&self.schema, draft.kind(kinds)) {
            (None, Some(kind)) => {
                let text = serde_json::to_string_pretty(kind.schema()).unwrap_or_default();
                Some(Schema { lines: text.lines().map(str::to_owned).collect(), scroll: Scroll::default() })
            }
            _ => None,
        };
    }

    /// Whether the schema is shown.
    pub fn is_schema_tab(&self) -> bool {
        self.schema.is_some()
    }

    /// Whether printable keys are text now.
    pub fn is_editing_text(&self) -> bool {
        self.schema.is_none()
    }

    /// Line and column of the cursor, both from 0; the column in characters.
    fn cursor(&self) -> (usize, usize) {
        let at = self.area.cursor();
        (at.0, at.1)
    }

    fn move_to(&mut self, (row, column): (usize, usize)) {
        let clamp = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
        self.area.move_cursor(CursorMove::Jump(clamp(row), clamp(column)));
    }

    /// The cursor's line, and the cursor's byte in it.
    fn line(&self) -> (&str, usize) {
        let (row, column) = self.cursor();
        let line = self.area.lines().get(row).map_or("", String::as_str);
        (line, line.char_indices().nth(column).map_or(line.len(), |(at, _)| at))
    }

    /// Draws the editor; checks the text first where it was edited since. The cursor's place, where it has one.
    pub fn render(
        &mut self,
        draft: &Draft,
        kinds: &Kinds,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        focused: bool,
    ) -> Option<Position> {
        self.look(draft, kinds);
        self.render_text(area, buf, theme).filter(|_| focused)
    }

    /// Draws the editor as it is marked. The cursor's place, where it has one.
    pub fn render_text(&mut self, area: Rect, buf: &mut Buffer, theme: &Theme) -> Option<Position> {
        self.draw(area.intersection(buf.area), buf, theme)
    }
}

fn is_too_large(text: &str) -> bool {
    text.len() > BYTES_MAX || text.matches('\n').count() >= LINES_MAX
}
