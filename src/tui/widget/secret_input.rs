//! Where a secret is typed.

use std::fmt;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::text::{Line, Span};
use unicode_segmentation::UnicodeSegmentation;
use zeroize::Zeroizing;

use crate::secret::{MASK, Secret};
use crate::tui::theme::Theme;

const ROOM: usize = 256;

/// A secret that is being typed: its buffer is wiped when it grows, when it is cleared and when it is dropped.
///
/// What is shown has a fixed width; which of its signs is set off moves with each key, so that one sees
/// that a key arrived and not how many did.
pub struct SecretInput {
    text: Zeroizing<String>,
    beat: usize,
}

impl Default for SecretInput {
    fn default() -> Self {
        Self { text: Zeroizing::new(String::with_capacity(ROOM)), beat: 0 }
    }
}

impl fmt::Debug for SecretInput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretInput({MASK})")
    }
}

/// What a key did to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Typed {
    /// Not its key.
    Ignored,
    /// Its key, but nothing changed.
    Nothing,
    /// The text changed.
    Changed,
}

impl SecretInput {
    /// Handles a key: characters, Backspace, `Ctrl-W`, `Ctrl-U`. Arrows move nothing: one cannot see where to.
    pub fn handle_key(&mut self, key: KeyEvent) -> Typed {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let alt = key.modifiers.contains(KeyModifiers::ALT);
        let before = self.text.len();
        match key.code {
            KeyCode::Char(c) if !ctrl && !alt => self.push(c.encode_utf8(&mut [0; 4])),
            KeyCode::Char('u') if ctrl && !alt => self.clear(),
            KeyCode::Char('w') if ctrl && !alt => self.pop_word(),
            KeyCode::Backspace if alt => self.pop_word(),
            KeyCode::Backspace | KeyCode::Char('h') if !alt => self.pop(),
            KeyCode::Left | KeyCode::Right | KeyCode::Home | KeyCode::End if !alt => return Typed::Nothing,
            _ => return Typed::Ignored,
        }
        if self.text.len() == before { Typed::Nothing } else { Typed::Changed }
    }

    /// Appends a text.
    pub fn push(&mut self, text: &str) {
        let needed = self.text.len() + text.len();
        if needed > self.text.capacity() {
            // Growing in place may leave a copy behind: move by hand, and the old buffer is wiped.
            let mut larger = Zeroizing::new(String::with_capacity(needed.max(self.text.capacity() * 2)));
            larger.push_str(&self.text);
            self.text = larger;
        }
        self.text.push_str(text);
        self.beat += 1;
    }

    fn pop(&mut self) {
        if let Some((at, _)) = self.text.grapheme_indices(true).next_back() {
            self.cut(at);
        }
    }

    fn pop_word(&mut self) {
        let kept = self.text.trim_end();
        let at = kept
            .rfind(char::is_whitespace)
            .map_or(0, |at| at + kept[at..].chars().next().map_or(0, char::len_utf8));
        self.cut(at);
    }

    fn cut(&mut self, at: usize) {
        // Truncating leaves the bytes behind the end in the buffer until it is dropped, which wipes all of it.
        self.text.truncate(at);
        self.beat += 1;
    }

    /// Empties it.
    pub fn clear(&mut self) {
        *self = Self { beat: self.beat + 1, ..Self::default() };
    }

    /// Whether nothing is typed.
    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What is typed, as a secret of its own.
    pub fn secret(&self) -> Secret {
        Secret::from(self.text.as_str())
    }

    /// What is shown: the fixed mask, empty while nothing is typed.
    pub fn mask(&self, theme: &Theme) -> Line<'static> {
        if self.is_empty() {
            return Line::default();
        }
        let at = self.beat % MASK.chars().count();
        let signs = MASK.chars().enumerate();
        Line::from_iter(signs.map(|(index, sign)| {
            Span::styled(sign.to_string(), if index == at { theme.accent } else { theme.mask })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn press(input: &mut SecretInput, code: KeyCode, modifiers: KeyModifiers) -> Typed {
        input.handle_key(KeyEvent::new(code, modifiers))
    }

    #[test]
    fn types_and_deletes_whole_characters() {
        let mut input = SecretInput::default();
        for c in "pässe\u{301}".chars() {
            assert_eq!(press(&mut input, KeyCode::Char(c), KeyModifiers::NONE), Typed::Changed);
        }
        assert_eq!(press(&mut input, KeyCode::Backspace, KeyModifiers::NONE), Typed::Changed);
        assert_eq!(input.secret().expose(), "päss");
        input.push(" two");
        press(&mut input, KeyCode::Char('w'), KeyModifiers::CONTROL);
        assert_eq!(input.secret().expose(), "päss ");
        press(&mut input, KeyCode::Char('u'), KeyModifiers::CONTROL);
        assert!(input.is_empty());
        assert_eq!(press(&mut input, KeyCode::Backspace, KeyModifiers::NONE), Typed::Nothing);
        assert_eq!(press(&mut input, KeyCode::Char('s'), KeyModifiers::CONTROL), Typed::Ignored);
    }

    #[test]
    fn grows_and_never_shows_itself() {
        let mut input = SecretInput::default();
        for _ in 0..1000 {
            input.push("s3cr3t");
        }
        assert_eq!(input.secret().len(), 6000);
        assert!(!format!("{input:?}").contains("s3cr"));
        let theme = Theme::new(crate::config::Theme::Dark);
        assert_eq!(input.mask(&theme).to_string(), MASK);
        input.push("x");
        assert_eq!(input.mask(&theme).to_string(), MASK, "the length is not told");
    }
}
