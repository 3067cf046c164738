//! What the keys of the raw editor do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_textarea::{CursorMove, Input, Key};
use unicode_segmentation::UnicodeSegmentation;

use super::{BYTES_MAX, LINES_MAX, RawEditor};
use crate::tui::form::Handled;
use crate::tui::widget::secret_input::Typed;
use crate::tui::widget::text_input::TextInput;

const INDENT: &str = "  ";

/// Lines that Page Up and Page Down go at least, whatever the pane's height.
const PAGE_MIN: usize = 3;

/// A search that is open.
#[derive(Debug)]
pub(super) struct Find {
    pub(super) input: TextInput,
    /// Where the search started.
    from: (usize, usize),
    /// Whether the last search found something.
    pub(super) found: bool,
}

impl Find {
    pub(super) fn insert(&mut self, text: &str) {
        self.input.insert(text);
    }
}

impl RawEditor {
    pub(super) fn text_key(&mut self, key: KeyEvent) -> Handled {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let shift = key.modifiers.contains(KeyModifiers::SHIFT);
        let word = ctrl || alt;
        let changed = match key.code {
            KeyCode::Char(c) if !word && !c.is_control() => self.type_char(c),
            KeyCode::Enter if !word => self.new_line(),
            // A line break of a paste without brackets: it brings its own indent.
            KeyCode::Char('j') if ctrl && !alt => self.insert("\n"),
            KeyCode::Backspace if word => self.area.delete_word(),
            KeyCode::Char('w') if ctrl && !alt => self.area.delete_word(),
            KeyCode::Backspace => self.backspace(),
            KeyCode::Char('h') if ctrl && !alt => self.backspace(),
            KeyCode::Delete if word => self.area.delete_next_word(),
            KeyCode::Char('d') if alt && !ctrl => self.area.delete_next_word(),
            KeyCode::Delete => self.delete(),
            KeyCode::Char('u') if ctrl && !alt => self.area.delete_line_by_head(),
            KeyCode::Char('k') if ctrl && !alt => self.area.delete_line_by_end(),
            // Terminals send Ctrl-_ as Ctrl-7.
            KeyCode::Char('_' | '7') if ctrl && !alt => self.undo(),
            KeyCode::Char('_') if alt && !ctrl => self.redo(),
            _ => return self.move_key(key, word, shift),
        };
        if changed { Handled::Changed } else { Handled::Consumed }
    }

    fn move_key(&mut self, key: KeyEvent, word: bool, shift: bool) -> Handled {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let moves = |editor: &mut Self, to: CursorMove| editor.area.move_cursor(to);
        match key.code {
            KeyCode::Left if word => moves(self, CursorMove::WordBack),
            KeyCode::Right if word => moves(self, CursorMove::WordForward),
            KeyCode::Left => self.left(),
            KeyCode::Right => self.right(),
            KeyCode::Up if !word => moves(self, CursorMove::Up),
            KeyCode::Down if !word => moves(self, CursorMove::Down),
            KeyCode::Home if ctrl => moves(self, CursorMove::Jump(0, 0)),
            KeyCode::End if ctrl => self.move_to((usize::MAX, usize::MAX)),
            KeyCode::Home => self.home(),
            KeyCode::End => moves(self, CursorMove::End),
            KeyCode::Char('a') if ctrl => self.home(),
            KeyCode::Char('e') if ctrl => moves(self, CursorMove::End),
            KeyCode::PageUp | KeyCode::PageDown if !word => {
                let (row, column) = self.cursor();
                let page = self.scroll.rows.saturating_sub(1).max(PAGE_MIN);
                let to = if key.code == KeyCode::PageUp { row.saturating_sub(page) } else { row + page };
                self.move_to((to, column));
            }
            KeyCode::F(8) => {
                self.go_to_error(!shift);
            }
            KeyCode::Char('f') if ctrl => {
                self.find = Some(Find { input: TextInput::default(), from: self.cursor(), found: true });
            }
            _ => return Handled::Ignored,
        }
        Handled::Consumed
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.len() + bytes <= BYTES_MAX && self.area.lines().len() < LINES_MAX
    }

    fn insert(&mut self, text: &str) -> bool {
        self.has_room(text.len()) && self.area.insert_str(text)
    }

    fn type_char(&mut self, c: char) -> bool {
        if !self.has_room(c.len_utf8()) {
            return false;
        }
        let (line, at) = self.line();
        let blank = &line[..at];
        if matches!(c, '}' | ']') && blank.ends_with(INDENT) && blank.trim().is_empty() {
            self.back(INDENT.len());
            self.area.delete_str(INDENT.len());
        }
        self.area.input_without_shortcuts(Input { key: Key::Char(c), ..Input::default() })
    }

    /// A line break that keeps the indent, and adds to it after an opening bracket.
    fn new_line(&mut self) -> bool {
        let (line, at) = self.line();
        let indent = &line[..line.len() - line.trim_start_matches(' ').len()];
        let indent = indent[..indent.len().min(at)].to_owned();
        let opens = line[..at].trim_end().ends_with(['{', '[']);
        let closes = line[at..].starts_with(['}', ']']);
        if !opens {
            return self.insert(&format!("\n{indent}"));
        }
        if !closes {
            return self.insert(&format!("\n{indent}{INDENT}"));
        }
        let done = self.insert(&format!("\n{indent}{INDENT}\n{indent}"));
        self.area.move_cursor(CursorMove::Up);
        self.area.move_cursor(CursorMove::End);
        done
    }

    /// Characters of the grapheme before the cursor.
    fn before(&self) -> usize {
        let (line, at) = self.line();
        line[..at].graphemes(true).next_back().map_or(0, |grapheme| grapheme.chars().count())
    }

    /// Characters of the grapheme after the cursor.
    fn after(&self) -> usize {
        let (line, at) = self.line();
        line[at..].graphemes(true).next().map_or(0, |grapheme| grapheme.chars().count())
    }

    fn back(&mut self, chars: usize) {
        for _ in 0..chars {
            self.area.move_cursor(CursorMove::Back);
        }
    }

    fn left(&mut self) {
        let chars = self.before().max(1);
        self.back(chars);
    }

    fn right(&mut self) {
        for _ in 0..self.after().max(1) {
            self.area.move_cursor(CursorMove::Forward);
        }
    }

    /// The first character of the line that is not blank; from there the line's start.
    fn home(&mut self) {
        let (line, at) = self.line();
        let indent = line.len() - line.trim_start_matches(' ').len();
        let (row, _) = self.cursor();
        self.move_to((row, if at == indent { 0 } else { indent }));
    }

    fn backspace(&mut self) -> bool {
        let (line, at) = self.line();
        let blank = &line[..at];
        let chars = match self.before() {
            0 => return self.area.delete_newline(),
            _ if blank.trim().is_empty() && blank.ends_with(INDENT) => INDENT.len(),
            chars => chars,
        };
        self.back(chars);
        self.area.delete_str(chars)
    }

    fn delete(&mut self) -> bool {
        match self.after() {
            0 => self.area.delete_next_char(),
            chars => self.area.delete_str(chars),
        }
    }

    pub(super) fn find_key(&mut self, key: KeyEvent) -> Handled {
        let Some(find) = self.find.as_mut() else { return Handled::Ignored };
        let again = key.code == KeyCode::Char('f') && key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Esc | KeyCode::Tab | KeyCode::BackTab => self.find = None,
            KeyCode::Enter | KeyCode::Down => self.find_from(true),
            _ if again => self.find_from(true),
            KeyCode::Up => self.find_from(false),
            _ => match find.input.handle_key(key, false) {
                Typed::Ignored => {
                    self.find = None;
                    return Handled::Ignored;
                }
                Typed::Nothing => {}
                Typed::Changed => self.jump_to_found(),
            },
        }
        Handled::Consumed
    }

    /// Goes to the first place, from where the search started, that has what is typed.
    pub(super) fn jump_to_found(&mut self) {
        if let Some(find) = &self.find {
            let from = find.from;
            self.move_to(from);
            self.search(from, true, true);
        }
    }

    fn find_from(&mut self, forward: bool) {
        let from = self.cursor();
        self.search(from, forward, false);
        if let Some(find) = &mut self.find {
            find.from = (self.area.cursor().0, self.area.cursor().1);
        }
    }

    /// Goes to a place that has what is searched, round at the end; `here` counts the place of the cursor.
    fn search(&mut self, (row, column): (usize, usize), forward: bool, here: bool) {
        let Some(needle) = self.find.as_ref().map(|find| find.input.text().to_ascii_lowercase()) else {
            return;
        };
        let lines = self.area.lines();
        let count = lines.len();
        let places = |row: usize| {
            let line = &lines[row];
            let columns: Vec<usize> =
                found_in(line, &needle).into_iter().map(|at| line[..at].chars().count()).collect();
            columns.into_iter().map(move |column| (row, column))
        };
        let start = (row, column);
        let found = if forward {
            let rest = (row..count).chain(0..=row).flat_map(places);
            let mut rest = rest.skip_while(|place| *place < start || (!here && *place == start));
            rest.next().or_else(|| (0..=row).flat_map(places).next())
        } else {
            let back = |row: usize| places(row).collect::<Vec<_>>().into_iter().rev();
            let mut before = (0..=row).rev().flat_map(back).skip_while(|place| *place >= start);
            before.next().or_else(|| (row..count).rev().flat_map(back).next())
        };
        if let Some(find) = &mut self.find {
            find.found = found.is_some() || needle.is_empty();
        }
        if let Some(place) = found {
            self.move_to(place);
        }
    }

    pub(super) fn schema_key(&mut self, key: KeyEvent) -> Handled {
        let Some(schema) = &mut self.schema else { return Handled::Ignored };
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return Handled::Ignored;
        }
        let scroll = &mut schema.scroll;
        let page = scroll.rows.saturating_sub(1).max(1);
        scroll.top = match key.code {
            KeyCode::Up => scroll.top.saturating_sub(1),
            KeyCode::Down => scroll.top + 1,
            KeyCode::PageUp => scroll.top.saturating_sub(page),
            KeyCode::PageDown => scroll.top + page,
            KeyCode::Home => 0,
            KeyCode::End => schema.lines.len(),
            KeyCode::Left => {
                scroll.left = scroll.left.saturating_sub(4);
                scroll.top
            }
            KeyCode::Right => {
                scroll.left += 4;
                scroll.top
            }
            _ => return Handled::Ignored,
        };
        scroll.top = scroll.top.min(schema.lines.len().saturating_sub(scroll.rows.max(1)));
        Handled::Consumed
    }
}

/// Where a line has a text, in bytes, whatever the case of ASCII letters. `needle` is in lower case.
pub(super) fn found_in(line: &str, needle: &str) -> Vec<usize> {
    if needle.is_empty() {
        return Vec::new();
    }
    line.to_ascii_lowercase().match_indices(needle).map(|(at, _)| at).collect()
}
