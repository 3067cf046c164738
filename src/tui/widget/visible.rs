//! Text as it may be drawn: nothing in it is hidden, and nothing in it reaches the terminal as a command.
//!
//! ratatui drops control characters, so `pay<zero-width space>pal` would look like `paypal`. Here each such
//! character is drawn as a sign, and stacks of combining marks are cut.

use std::borrow::Cow;
use std::ops::Range;

use ratatui::buffer::Buffer;
use ratatui::style::Style;
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use crate::redact::is_hidden;

/// Combining marks that are drawn on one character; more are told as hidden.
const MARKS: usize = 4;

/// What a person sees as one character.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Glyph<'a> {
    /// Its bytes in the text.
    pub bytes: Range<usize>,
    /// What is drawn.
    pub shown: Cow<'a, str>,
    /// Columns it takes: at least one.
    pub width: usize,
    /// It stands for something that would not be seen.
    pub marker: bool,
}

/// The glyphs of a text.
pub fn glyphs(text: &str) -> impl Iterator<Item = Glyph<'_>> {
    text.grapheme_indices(true).map(|(at, grapheme)| {
        let bytes = at..at + grapheme.len();
        let plain =
            Glyph { bytes: bytes.clone(), shown: grapheme.into(), width: grapheme.width(), marker: false };
        if grapheme.len() == 1 && !grapheme.as_bytes()[0].is_ascii_control() {
            return plain;
        }
        match marked(grapheme) {
            Some(shown) => Glyph { bytes, width: shown.width().max(1), shown: shown.into(), marker: true },
            None => plain,
        }
    })
}

/// Whether a character is one of those that joiners and variation selectors are for: emoji, and the key around a digit.
/// On any other one they would hide: a letter with one looks as it does without.
fn is_picture(c: char) -> bool {
    matches!(c,
        '\u{a9}' | '\u{ae}' | '\u{203c}' | '\u{2049}' | '\u{20e3}' | '\u{2122}' | '\u{2139}'
        | '\u{2190}'..='\u{2bff}' | '\u{3030}' | '\u{303d}' | '\u{3297}' | '\u{3299}'
        | '\u{1f000}'..='\u{1faff}')
}

/// What is drawn in place of a grapheme that hides something; `None` for any other.
fn marked(grapheme: &str) -> Option<String> {
    let pictures = grapheme.chars().any(is_picture);
    let joins = |c: char| pictures && matches!(c, '\u{200d}' | '\u{fe0e}' | '\u{fe0f}');
    let mut marks = 0;
    let stacked = grapheme.chars().any(|c| {
        marks += usize::from(c.width() == Some(0) && !joins(c));
        marks > MARKS
    });
    let hides = grapheme.chars().any(|c| is_hidden(c) && !joins(c));
    if !hides && !stacked && grapheme.width() > 0 {
        return None;
    }
    let mut shown = String::new();
    let mut marks = 0;
    for c in grapheme.chars() {
        match c {
            '\0'..='\x1f' => shown.extend(char::from_u32(0x2400 + c as u32)),
            '\x7f' => shown.push('␡'),
            c if is_hidden(c) && !joins(c) => shown.push_str(&format!("<{:X}>", c as u32)),
            c if c.width() == Some(0) && !joins(c) => {
                marks += 1;
                if shown.is_empty() {
                    shown.push('◌');
                }
                match marks {
                    ..=MARKS => shown.push(c),
                    n if n == MARKS + 1 => shown.push('…'),
                    _ => {}
                }
            }
            c => shown.push(c),
        }
    }
    Some(shown)
}

/// A text with its hidden characters made visible.
pub fn visible(text: &str) -> String {
    glyphs(text).map(|glyph| glyph.shown).collect()
}

/// Columns that a text takes when it is drawn.
pub fn width(text: &str) -> usize {
    glyphs(text).map(|glyph| glyph.width).sum()
}

/// A text cut to a number of columns; one that was cut ends in `…`.
pub fn fit(text: &str, columns: usize) -> String {
    let mut shown = String::new();
    let mut used = 0;
    let mut fits = 0;
    for glyph in glyphs(text) {
        used += glyph.width;
        if used > columns {
            shown.truncate(fits);
            if columns > 0 {
                shown.push('…');
            }
            return shown;
        }
        shown.push_str(&glyph.shown);
        if used < columns {
            fits = shown.len();
        }
    }
    shown
}

/// A text broken into lines of a number of columns, at blanks where there are some.
pub fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for (index, word) in text.split(' ').enumerate() {
        if index > 0 && used + 1 + width(word) > columns {
            lines.push(std::mem::take(&mut line));
            used = 0;
        } else if index > 0 {
            line.push(' ');
            used += 1;
        }
        for glyph in glyphs(word) {
            if used > 0 && used + glyph.width > columns {
                lines.push(std::mem::take(&mut line));
                used = 0;
            }
            line.push_str(&glyph.shown);
            used += glyph.width;
        }
    }
    lines.push(line);
    lines
}

/// Draws a text in one row, cut with `…` to `columns`. The columns it took.
pub fn draw(
    buf: &mut Buffer,
    (x, y): (u16, u16),
    columns: u16,
    text: &str,
    style: Style,
    marker: Style,
) -> u16 {
    let area = buf.area;
    if !area.contains((x, y).into()) {
        return 0;
    }
    let columns = usize::from(columns.min(area.right() - x));
    // Enough to know whether it has to be cut, without measuring the rest of a long text.
    let mut wide = 0;
    let cut = glyphs(text).any(|glyph| {
        wide += glyph.width;
        wide > columns
    });
    let room = if cut { columns.saturating_sub(1) } else { columns };
    let mut used = 0;
    for glyph in glyphs(text) {
        if used + glyph.width > room {
            break;
        }
        let style = if glyph.marker { style.patch(marker) } else { style };
        buf.set_stringn(x + used as u16, y, &glyph.shown, glyph.width, style);
        used += glyph.width;
    }
    if cut && columns > 0 {
        buf.set_stringn(x + used as u16, y, "…", 1, style);
        used += 1;
    }
    used as u16
}

#[cfg(test)]
mod tests {
    use ratatui::layout::Rect;

    use super::*;

    #[test]
    fn what_would_not_be_seen_is_shown() {
        assert_eq!(visible("pay\u{200b}pal"), "pay<200B>pal");
        assert_eq!(visible("a\x1b[31mb\u{9b}0m\r\n\t"), "a␛[31mb<9B>0m␍␊␉");
        assert_eq!(visible("x\u{202e}y\u{e0041}"), "x<202E>y<E0041>");
        assert_eq!(visible("x\u{200d}y"), "x<200D>y");
        assert_eq!(visible("pay\u{fe0f}pal"), "pay<FE0F>pal");
        assert_eq!(visible("日\u{fe0e}本"), "日<FE0E>本");
        assert_eq!(visible(&format!("a{}", "\u{301}".repeat(50))), format!("a{}…", "\u{301}".repeat(4)));
        assert_eq!(visible("\u{301}"), "◌\u{301}");
    }

    #[test]
    fn honest_text_stays_as_it_is() {
        for text in
            ["plain", "日本語", "👩‍👩‍👧‍👦", "❤️", "e\u{301}", "שלום", "한글", "👍🏽", "1\u{fe0f}\u{20e3}", "नमस्ते"]
        {
            assert_eq!(visible(text), text);
        }
        assert_eq!(width("日本語"), 6);
        assert_eq!(width("👩‍👩‍👧‍👦"), 2);
        assert_eq!(width("e\u{301}"), 1);
    }

    #[test]
    fn fits_and_wraps_by_columns() {
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefgh", 3), ["abc", "def", "gh"]);
        assert_eq!(wrap("", 3), [""]);
    }

    #[test]
    fn draws_inside_its_columns_and_inside_the_buffer() {
        let mut buf = Buffer::empty(Rect::new(0, 0, 6, 1));
        assert_eq!(draw(&mut buf, (1, 0), 4, "日本語", Style::new(), Style::new()), 3);
        assert_eq!(buf.cell((1, 0)).unwrap().symbol(), "日");
        assert_eq!(buf.cell((3, 0)).unwrap().symbol(), "…");
        assert_eq!(draw(&mut buf, (9, 9), 4, "x", Style::new(), Style::new()), 0);
        assert_eq!(draw(&mut buf, (5, 0), 40, "x\x1by", Style::new(), Style::new()), 1);
    }
}
