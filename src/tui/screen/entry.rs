//! One line that is typed into a question: shown, masked, or an address of which only the secrets are masked.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;
use zeroize::{Zeroize, Zeroizing};

use crate::secret::{MASK, Secret};
use crate::tui::paint;
use crate::tui::theme::Theme;
use crate::tui::widget::visible;

/// Longer texts are cut: nobody types them, and the buffer never has to grow and leave a copy behind.
const LONGEST: usize = 4096;

/// The longest address: some servers put much beside the code.
const LONGEST_ADDRESS: usize = 16 << 10;

/// Parameters of an address that are no secrets. What stands in any other is masked.
const PLAIN: [&str; 5] = ["state", "iss", "scope", "error", "error_description"];

/// A line of text. Its memory is zeroed when it is dropped.
pub(super) struct Entry {
    text: Zeroizing<String>,
    longest: usize,
    shows: Shows,
}

/// What of a line is seen.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shows {
    Text,
    Dots,
    Address,
}

impl Entry {
    /// An empty line whose text can be read.
    pub(super) fn shown() -> Self {
        Self::with(LONGEST, Shows::Text)
    }

    /// An empty line that shows a dot for each character.
    pub(super) fn masked() -> Self {
        Self::with(LONGEST, Shows::Dots)
    }

    /// An empty line for an address that a browser ended at: the code in it is masked.
    pub(super) fn address() -> Self {
        Self::with(LONGEST_ADDRESS, Shows::Address)
    }

    fn with(longest: usize, shows: Shows) -> Self {
        Self { text: Zeroizing::new(String::with_capacity(longest)), longest, shows }
    }

    /// Whether nothing is typed.
    pub(super) fn is_empty(&self) -> bool {
        self.text.is_empty()
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
        if self.text.len() + c.len_utf8() <= self.longest {
            self.text.push(c);
        }
    }

    /// Draws the line; the cursor's place.
    pub(super) fn draw(&self, area: Rect, buf: &mut Buffer, theme: &Theme) -> Position {
        let room = area.width.saturating_sub(1);
        let shown = match self.shows {
            Shows::Dots => "•".repeat(self.text.graphemes(true).count().min(usize::from(room))),
            Shows::Text => end_of(&visible::visible(&self.text), room).to_owned(),
            Shows::Address => end_of(&visible::visible(&without_secrets(&self.text)), room).to_owned(),
        };
        buf.set_style(Rect { height: area.height.min(1), ..area }, theme.input);
        let style = if self.shows == Shows::Dots { theme.input.patch(theme.mask) } else { theme.input };
        let used = paint::put(buf, area.x, area.y, room, &shown, style);
        Position::new(area.x + used, area.y)
    }
}

/// The end of a text: that is what is typed at.
fn end_of(text: &str, room: u16) -> &str {
    let mut from = 0;
    while text[from..].width() > usize::from(room) {
        from += text[from..].graphemes(true).next().map_or(1, str::len);
    }
    &text[from..]
}

/// An address with everything masked that may be a secret. A text that is no address is masked as a whole: it may be
/// the bare code.
fn without_secrets(text: &str) -> String {
    let schemes = ["http://", "https://"];
    if text.is_empty() {
        return String::new();
    }
    if !schemes.iter().any(|scheme| text.starts_with(scheme) || scheme.starts_with(text)) {
        return MASK.to_owned();
    }
    let Some(query) = text.find(['?', '#']) else { return text.to_owned() };
    let (start, rest) = text.split_at(query + 1);
    let mut shown = start.to_owned();
    for part in rest.split_inclusive(['&', '#']) {
        let (part, sign) = match part.strip_suffix(['&', '#']) {
            Some(kept) => part.split_at(kept.len()),
            None => (part, ""),
        };
        match part.split_once('=') {
            Some((name, _)) if PLAIN.contains(&name) => shown.push_str(part),
            Some((name, _)) => {
                // A name that is no plain word may itself be a part of a secret.
                let plain = name.len() <= 24 && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                shown.push_str(if plain { name } else { "…" });
                shown.push('=');
                shown.push_str(MASK);
            }
            None if part.is_empty() => {}
            None => shown.push_str(MASK),
        }
        shown.push_str(sign);
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_shows_no_code() {
        let shown = |text: &str| without_secrets(text);
        assert_eq!(
            shown(
                "http://127.0.0.1:8400/callback?state=s1&code=4/0Ab-secret&scope=read&iss=https://a.example"
            ),
            format!("http://127.0.0.1:8400/callback?state=s1&code={MASK}&scope=read&iss=https://a.example")
        );
        assert_eq!(
            shown("https://a.example/cb#access_token=x&state=s"),
            format!("https://a.example/cb#access_token={MASK}&state=s")
        );
        assert_eq!(shown("http://a/?error=access_denied"), "http://a/?error=access_denied");
        for (text, hidden) in [
            ("4/0Ab-secret", "secret"),
            ("code=secret", "secret"),
            ("com.example.app:/cb?code=secret", "secret"),
            ("http://a/?secret", "secret"),
            ("http://a/?code=a?secret=b&se&cret", "secret"),
            ("http://a/?code=x%26secret", "secret"),
            ("http://a/?SECRET=1", "SECRET"),
        ] {
            assert!(!shown(text).contains(hidden), "{text}: {}", shown(text));
        }
        // While it is typed.
        assert_eq!(
            (shown(""), shown("ht"), shown("http://a/cb")),
            ("".into(), "ht".into(), "http://a/cb".into())
        );
    }

    #[test]
    fn what_was_typed_is_taken_once() {
        let mut entry = Entry::address();
        entry.paste("http://a/?code=\u{1b}x\n");
        assert_eq!(entry.take().expose(), "http://a/?code=x");
        assert!(entry.is_empty());
        entry.paste(&"x".repeat(LONGEST_ADDRESS + 1));
        assert_eq!(entry.text().len(), LONGEST_ADDRESS);
    }
}
