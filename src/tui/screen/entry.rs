//! One line that is typed into a question, shown or masked.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;
use crate::tui::paint;
use crate::tui::theme::Theme;
use crate::tui::widget::visible;

/// Longer texts are cut: nobody types them, and the buffer never has to grow and leave a copy behind.
const LONGEST: usize = 4096;

/// A line of text. Its memory is zeroed when it is dropped.
pub(super) struct Entry {
    text: Zeroizing<String>,
    masked: bool,
}

impl Entry {
    /// An empty line whose text can be read.
    pub(super) fn shown() -> Self {
        Self { text: Zeroizing::new(String::with_capacity(LONGEST)), masked: false }
    }

    /// An empty line that shows a dot for each character.
    pub(super) fn masked() -> Self {
        Self { masked: true, ..Self::shown() }
    }

    /// What was typed.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Takes what was typed; the line is empty then.
    pub(super) fn take(&mut self) -> Secret {
        let secret = Secret::from(self.text.as_str());
        self.text.zeroize();
        secret
    }

    /// Takes a key. False where it is none of a line's.
    pub(super) fn key(&mut self, key: KeyEvent) -> bool {
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match key.code {
            KeyCode::Char('u') if key.modifiers == KeyModifiers::CONTROL => self.text.zeroize(),
            KeyCode::Char('w') if key.modifiers == KeyModifiers::CONTROL => {
                let kept = self.text.trim_end().rfind(' ').map_or(0, |at| at + 1);
                self.text.truncate(kept);
            }
            KeyCode::Char(c) if plain => self.push(c),
            KeyCode::Backspace => {
                let last = self.text.grapheme_indices(true).next_back().map_or(0, |(at, _)| at);
                self.text.truncate(last);
            }
            _ => return false,
        }
        true
    }

    /// Takes a pasted text without its line breaks.
    pub(super) fn paste(&mut self, text: &str) {
        text.chars().filter(|c| !c.is_control()).for_each(|c| self.push(c));
    }

    fn push(&mut self, c: char) {
        if self.text.len() + c.len_utf8() <= LONGEST {
            self.text.push(c);
        }
    }

    /// Draws the line; the cursor's place.
    pub(super) fn draw(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> Position {
        let room = area.width.saturating_sub(1);
        let shown = if self.masked {
            "•".repeat(self.text.graphemes(true).count().min(usize::from(room)))
        } else {
            // The end is what is typed at.
            let text = visible::visible(&self.text);
            let mut from = 0;
            while text[from..].width() > usize::from(room) {
                from += text[from..].graphemes(true).next().map_or(1, str::len);
            }
            text[from..].to_owned()
        };
        buf.set_style(Rect { height: area.height.min(1), ..area }, theme.input);
        let style = if self.masked { theme.input.patch(theme.mask) } else { theme.input };
        let used = paint::put(buf, area.x, area.y, room, &shown, style);
        Position::new(area.x + used, area.y)
    }
}
