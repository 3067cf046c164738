//! Where a text is typed: one line or several, by graphemes.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;
use unicode_segmentation::{GraphemeCursor, UnicodeSegmentation};

use super::secret_input::Typed;
use super::visible::{self, glyphs};

/// A text and a cursor in it.
#[derive(Clone, Debug, Default)]
pub struct TextInput {
    text: String,
    /// In bytes; always between two graphemes.
    cursor: usize,
    /// The column that Up and Down keep to.
    column: Option<usize>,
    /// The first byte shown of the cursor's line, counted from the start of the line.
    left: usize,
    /// The first line shown.
    top: usize,
}

impl TextInput {
    /// A text with the cursor at its end.
    pub fn new(text: String) -> Self {
        Self { cursor: text.len(), text, ..Self::default() }
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Replaces the text; the cursor stays where it can.
    pub fn set_text(&mut self, text: String) {
        self.cursor = self.cursor.min(text.len());
        self.text = text;
        self.snap();
    }

    /// Whether there is no text.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// How many lines it has.
    pub fn line_count(&self) -> usize {
        self.text.matches('\n').count() + 1
    }

    /// Puts a text at the cursor. Its line breaks and control characters are the caller's matter.
    pub fn insert(&mut self, text: &str) {
        self.text.insert_str(self.cursor, text);
        self.cursor += text.len();
        self.column = None;
        self.snap();
    }

    /// Handles a key. Enter is a line break where `multiline`; Up and Down are its own while there is a line
    /// to go to.
    pub fn handle_key(&mut self, key: KeyEvent, multiline: bool) -> Typed {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let word = ctrl || alt;
        match key.code {
            KeyCode::Char(c) if !word && !c.is_control() => {
                self.insert(c.encode_utf8(&mut [0; 4]));
                Typed::Changed
            }
            KeyCode::Enter if multiline && !word => {
                self.insert("\n");
                Typed::Changed
            }
            // A line break of a paste without brackets.
            KeyCode::Char('j') if ctrl && !alt && multiline => {
                self.insert("\n");
                Typed::Changed
            }
            KeyCode::Left => self.go(if word { self.word_before() } else { self.before(self.cursor) }),
            KeyCode::Right => self.go(if word { self.word_after() } else { self.after(self.cursor) }),
            KeyCode::Char('b') if alt => self.go(self.word_before()),
            KeyCode::Char('f') if alt => self.go(self.word_after()),
            KeyCode::Home if ctrl => self.go(0),
            KeyCode::End if ctrl => self.go(self.text.len()),
            KeyCode::Home => self.go(self.line().0),
            KeyCode::End => self.go(self.line().1),
            KeyCode::Char('a') if ctrl && !alt => self.go(self.line().0),
            KeyCode::Char('e') if ctrl && !alt => self.go(self.line().1),
            KeyCode::Up if multiline && !word => self.vertical(-1),
            KeyCode::Down if multiline && !word => self.vertical(1),
            KeyCode::Backspace if word => self.cut(self.word_before(), self.cursor),
            KeyCode::Char('w') if ctrl && !alt => self.cut(self.word_before(), self.cursor),
            KeyCode::Backspace => self.cut(self.before(self.cursor), self.cursor),
            KeyCode::Char('h') if ctrl && !alt => self.cut(self.before(self.cursor), self.cursor),
            KeyCode::Delete if word => self.cut(self.cursor, self.word_after()),
            KeyCode::Char('d') if alt && !ctrl => self.cut(self.cursor, self.word_after()),
            KeyCode::Delete => self.cut(self.cursor, self.after(self.cursor)),
            KeyCode::Char('u') if ctrl && !alt => self.cut(self.line().0, self.cursor),
            KeyCode::Char('k') if ctrl && !alt => self.cut(self.cursor, self.line().1),
            _ => Typed::Ignored,
        }
    }

    fn go(&mut self, to: usize) -> Typed {
        self.cursor = to;
        self.column = None;
        Typed::Nothing
    }

    fn cut(&mut self, from: usize, to: usize) -> Typed {
        if from >= to {
            return Typed::Nothing;
        }
        self.text.replace_range(from..to, "");
        self.cursor = from;
        self.column = None;
        self.snap();
        Typed::Changed
    }

    /// Moves the cursor out of a grapheme that an edit made around it.
    fn snap(&mut self) {
        while !self.text.is_char_boundary(self.cursor) {
            self.cursor += 1;
        }
        if !self.is_between_graphemes(self.cursor) {
            self.cursor = self.after(self.cursor);
        }
    }

    fn is_between_graphemes(&self, at: usize) -> bool {
        self.text.is_char_boundary(at)
            && GraphemeCursor::new(at, self.text.len(), true).is_boundary(&self.text, 0) != Ok(false)
    }

    fn before(&self, at: usize) -> usize {
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        cursor.prev_boundary(&self.text, 0).ok().flatten().unwrap_or(0)
    }

    fn after(&self, at: usize) -> usize {
        let mut cursor = GraphemeCursor::new(at, self.text.len(), true);
        cursor.next_boundary(&self.text, 0).ok().flatten().unwrap_or(self.text.len())
    }

    fn word_before(&self) -> usize {
        let before = &self.text[..self.cursor];
        let is_word = |word: &&(usize, &str)| word.1.chars().any(char::is_alphanumeric);
        before.split_word_bound_indices().rev().find(|word| is_word(&word)).map_or(0, |(at, _)| at)
    }

    fn word_after(&self) -> usize {
        let after = &self.text[self.cursor..];
        let word = after.split_word_bound_indices().find(|(_, word)| word.chars().any(char::is_alphanumeric));
        word.map_or(self.text.len(), |(at, word)| self.cursor + at + word.len())
    }

    /// Start and end of the cursor's line.
    fn line(&self) -> (usize, usize) {
        let start = self.text[..self.cursor].rfind('\n').map_or(0, |at| at + 1);
        let end = self.text[self.cursor..].find('\n').map_or(self.text.len(), |at| self.cursor + at);
        (start, end)
    }

    /// The number of the cursor's line, from 0.
    fn row(&self) -> usize {
        self.text[..self.cursor].matches('\n').count()
    }

    /// The cursor's line, counted from the first that shows.
    pub fn shown_row(&self) -> usize {
        self.row().saturating_sub(self.top)
    }

    fn vertical(&mut self, by: isize) -> Typed {
        let (start, end) = self.line();
        let to = match by {
            ..0 if start == 0 => return Typed::Ignored,
            ..0 => self.text[..start - 1].rfind('\n').map_or(0, |at| at + 1),
            _ if end == self.text.len() => return Typed::Ignored,
            _ => end + 1,
        };
        let column = self.column.unwrap_or_else(|| visible::width(&self.text[start..self.cursor]));
        let line = self.text[to..].split('\n').next().unwrap_or_default();
        let mut used = 0;
        let at = glyphs(line).find(|glyph| {
            used += glyph.width;
            used > column
        });
        self.cursor = to + at.map_or(line.len(), |glyph| glyph.bytes.start);
        self.column = Some(column);
        Typed::Nothing
    }

    /// Scrolls so that the cursor is inside `columns` × `rows`.
    pub fn follow(&mut self, columns: usize, rows: usize) {
        let (start, _) = self.line();
        // The furthest left from which the cursor still fits, one column kept for it.
        let mut first = self.cursor;
        let mut used = 1;
        while first > start {
            let before = self.before(first);
            used += visible::width(&self.text[before..first]);
            if used > columns {
                break;
            }
            first = before;
        }
        // An edit may have made a grapheme around the place where the view began.
        let mut left = start + self.left.min(self.cursor - start);
        while left > start && !self.is_between_graphemes(left) {
            left -= 1;
        }
        if left < first {
            left = first;
        }
        // Coming back from the right, show some text before the cursor.
        if left >= self.cursor && left > start {
            left = first;
        }
        self.left = left - start;
        let row = self.row();
        self.top = self.top.clamp((row + 1).saturating_sub(rows.max(1)), row);
        self.top = self.top.min(self.line_count().saturating_sub(rows));
    }

    /// Draws one of the lines that show, counted from the first that does. The cursor's place, if it is there.
    pub fn draw_line(
        &self,
        line: usize,
        area: Rect,
        buf: &mut Buffer,
        style: Style,
        marker: Style,
    ) -> Option<Position> {
        let area = area.intersection(buf.area);
        if area.is_empty() {
            return None;
        }
        buf.set_style(Rect { height: 1, ..area }, style);
        let number = self.top + line;
        let text = self.text.split('\n').nth(number)?;
        let has_cursor = number == self.row();
        let (start, _) = self.line();
        let left = if has_cursor { self.left.min(text.len()) } else { 0 };
        let columns = usize::from(area.width);
        let mut used = 0;
        let mut cursor = None;
        for glyph in glyphs(&text[left..]) {
            if has_cursor && start + left + glyph.bytes.start == self.cursor {
                cursor = Some(used);
            }
            if used + glyph.width > columns {
                break;
            }
            let style = if glyph.marker { style.patch(marker) } else { style };
            buf.set_stringn(area.x + used as u16, area.y, &glyph.shown, glyph.width, style);
            used += glyph.width;
        }
        if has_cursor && self.cursor == start + text.len() {
            cursor = cursor.or(Some(used));
        }
        let at = cursor?.min(columns - 1);
        Some(Position { x: area.x + at as u16, y: area.y })
    }

    /// Draws a one-line input.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer, style: Style, marker: Style) -> Option<Position> {
        self.follow(usize::from(area.width), 1);
        self.draw_line(0, area, buf, style, marker)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn press(input: &mut TextInput, keys: &[(KeyCode, KeyModifiers)]) {
        for (code, modifiers) in keys {
            input.handle_key(KeyEvent::new(*code, *modifiers), true);
        }
    }

    const NONE: KeyModifiers = KeyModifiers::NONE;
    const CTRL: KeyModifiers = KeyModifiers::CONTROL;

    #[test]
    fn deletes_and_moves_by_grapheme() {
        let mut input = TextInput::new("a👩‍👩‍👧‍👦e\u{301}日".to_owned());
        press(&mut input, &[(KeyCode::Backspace, NONE), (KeyCode::Backspace, NONE)]);
        assert_eq!(input.text(), "a👩‍👩‍👧‍👦");
        press(&mut input, &[(KeyCode::Left, NONE), (KeyCode::Char('é'), NONE), (KeyCode::Right, NONE)]);
        press(&mut input, &[(KeyCode::Char('b'), NONE), (KeyCode::Home, NONE), (KeyCode::Delete, NONE)]);
        assert_eq!(input.text(), "é👩‍👩‍👧‍👦b");
        press(&mut input, &[(KeyCode::Delete, NONE), (KeyCode::Delete, NONE)]);
        assert_eq!(input.text(), "b");
    }

    #[test]
    fn a_combining_mark_joins_and_the_cursor_stays_between_graphemes() {
        let mut input = TextInput::new("eb".to_owned());
        press(&mut input, &[(KeyCode::Left, NONE), (KeyCode::Char('\u{301}'), NONE)]);
        press(&mut input, &[(KeyCode::Char('x'), NONE)]);
        assert_eq!(input.text(), "e\u{301}xb");
    }

    #[test]
    fn words_and_lines() {
        let mut input = TextInput::new("one two.three\nfour".to_owned());
        press(&mut input, &[(KeyCode::Char('u'), CTRL)]);
        assert_eq!(input.text(), "one two.three\n");
        press(&mut input, &[(KeyCode::Backspace, NONE), (KeyCode::Char('w'), CTRL)]);
        assert!(input.text().starts_with("one ") && input.text().len() < 13, "{}", input.text());
        press(&mut input, &[(KeyCode::Home, NONE), (KeyCode::Right, CTRL), (KeyCode::Char('k'), CTRL)]);
        assert_eq!(input.text(), "one");
    }

    #[test]
    fn up_and_down_keep_the_column_and_are_given_back_at_the_ends() {
        let mut input = TextInput::new("日本語\nab\nabcdef".to_owned());
        let up = KeyEvent::new(KeyCode::Up, NONE);
        assert_eq!(input.handle_key(up, true), Typed::Nothing);
        assert_eq!(input.handle_key(up, true), Typed::Nothing);
        press(&mut input, &[(KeyCode::Char('x'), NONE)]);
        assert_eq!(input.text(), "日本語x\nab\nabcdef");
        assert_eq!(input.handle_key(up, true), Typed::Ignored);
        assert_eq!(input.handle_key(up, false), Typed::Ignored);
    }

    #[test]
    fn the_cursor_stays_in_view() {
        let mut input = TextInput::new("0123456789日本語".to_owned());
        let area = Rect::new(0, 0, 5, 1);
        let mut buf = Buffer::empty(area);
        let at = input.draw(area, &mut buf, Style::new(), Style::new()).unwrap();
        assert_eq!(at, Position { x: 4, y: 0 });
        press(&mut input, &[(KeyCode::Home, NONE)]);
        let mut buf = Buffer::empty(area);
        assert_eq!(input.draw(area, &mut buf, Style::new(), Style::new()), Some(Position { x: 0, y: 0 }));
        assert_eq!(buf.cell((0, 0)).unwrap().symbol(), "0");
    }

    proptest! {
        #[test]
        fn any_keys_on_any_text_keep_the_cursor_between_graphemes(
            text in "[a é\u{301}日👩\u{200d}\n\x1b]{0,20}",
            keys in proptest::collection::vec(0..14usize, 0..40),
            size in (1..12u16, 1..5u16),
        ) {
            let table = [
                (KeyCode::Left, NONE), (KeyCode::Right, NONE), (KeyCode::Up, NONE), (KeyCode::Down, NONE),
                (KeyCode::Home, NONE), (KeyCode::End, NONE), (KeyCode::Backspace, NONE), (KeyCode::Delete, NONE),
                (KeyCode::Char('\u{301}'), NONE), (KeyCode::Char('\u{200d}'), NONE), (KeyCode::Left, CTRL),
                (KeyCode::Char('w'), CTRL), (KeyCode::Enter, NONE), (KeyCode::Char('👩'), NONE),
            ];
            let mut input = TextInput::new(text);
            for key in keys {
                press(&mut input, &table[key..=key]);
                let mut cursor = GraphemeCursor::new(input.cursor, input.text.len(), true);
                prop_assert_eq!(cursor.is_boundary(&input.text, 0), Ok(true));
                let area = Rect::new(0, 0, size.0, size.1);
                input.follow(size.0.into(), size.1.into());
                let mut buf = Buffer::empty(area);
                let row = |n: u16| Rect::new(0, n, size.0, 1);
                let seen = (0..size.1)
                    .filter_map(|n| input.draw_line(n.into(), row(n), &mut buf, Style::new(), Style::new()))
                    .count();
                prop_assert_eq!(seen, 1, "the cursor shows once");
            }
        }
    }
}
