//! The bytes of a terminal as keys and pastes.
//!
//! What is pasted ends at the terminal's mark, and a hostile text can hold that mark: what follows would be keys. So the
//! end of a paste is believed only where another paste follows at once, or where silence comes before another end does;
//! else nothing is pasted, and nothing up to the last end is taken for keys.

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::Secret;
use crate::tui::message::Message;

/// The largest text that can be pasted, in bytes.
pub(super) const PASTE_MAX: usize = 1024 * 1024;

const START: &[u8] = b"\x1b[200~";
const END: &[u8] = b"\x1b[201~";

/// Bytes that came and are not understood yet.
#[derive(Default)]
pub(super) struct Parser {
    bytes: Zeroizing<Vec<u8>>,
    /// A paste grew too large: what comes is dropped up to its end.
    dropping: bool,
}

/// What the bytes at the start are.
#[allow(clippy::large_enum_variant, reason = "one lives at a time, for one step")]
enum Found {
    /// Something, or nothing that is known, of so many bytes.
    Event(Option<Message>, usize),
    /// More bytes are needed to know.
    Unfinished,
}

impl Parser {
    /// Takes bytes over.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Whether silence may tell something: a lone Esc is the key only if nothing follows.
    pub(super) fn is_waiting(&self) -> bool {
        !self.bytes.is_empty()
    }

    /// What is known by now; `quiet`: nothing came for a moment.
    pub(super) fn take(&mut self, quiet: bool) -> Vec<Message> {
        let mut messages = Vec::new();
        let mut at = 0;
        while at < self.bytes.len() {
            let (message, used) = match self.next(at, quiet) {
                Found::Event(message, used) => (message, used),
                Found::Unfinished => break,
            };
            messages.extend(message);
            at += used;
        }
        // Drained bytes are overwritten by those that move up, the rest of them here.
        let rest = self.bytes.len() - at;
        self.bytes.copy_within(at.., 0);
        self.bytes[rest..].zeroize();
        self.bytes.truncate(rest);
        messages
    }

    fn next(&mut self, at: usize, quiet: bool) -> Found {
        if self.dropping {
            return self.drop_paste(at, quiet);
        }
        let bytes = &self.bytes[at..];
        if bytes.starts_with(START) {
            return self.paste(at, quiet);
        }
        match key(bytes, quiet) {
            // Nothing that is known is so long.
            Found::Unfinished if bytes.len() > PASTE_MAX => Found::Event(None, bytes.len()),
            found => found,
        }
    }

    fn paste(&mut self, at: usize, quiet: bool) -> Found {
        let bytes = &self.bytes[at..];
        let Some(end) = find(bytes, END, START.len()) else {
            if bytes.len() > PASTE_MAX + START.len() + END.len() {
                self.dropping = true;
                return Found::Event(Some(Message::NotPasted(TOO_LARGE)), bytes.len() - (END.len() - 1));
            }
            return Found::Unfinished;
        };
        let text = &bytes[START.len()..end];
        let (message, used) = match after_paste(bytes, end + END.len(), quiet) {
            After::Unknown => return Found::Unfinished,
            After::Flooded => {
                self.dropping = true;
                return Found::Event(Some(Message::NotPasted(HOSTILE)), bytes.len() - (END.len() - 1));
            }
            After::Hostile(used) => (Message::NotPasted(HOSTILE), used),
            After::Ends(used) if text.len() > PASTE_MAX => (Message::NotPasted(TOO_LARGE), used),
            After::Ends(used) => match std::str::from_utf8(text) {
                Ok(text) => (Message::Paste(Secret::from(text)), used),
                Err(_) => (Message::NotPasted(NOT_TEXT), used),
            },
        };
        Found::Event(Some(message), used)
    }

    fn drop_paste(&mut self, at: usize, quiet: bool) -> Found {
        let bytes = &self.bytes[at..];
        let used = match find(bytes, END, 0) {
            Some(end) => match after_paste(bytes, end + END.len(), quiet) {
                After::Unknown => return Found::Unfinished,
                After::Ends(used) | After::Hostile(used) => {
                    self.dropping = false;
                    used
                }
                After::Flooded => bytes.len() - (END.len() - 1),
            },
            None if bytes.len() < END.len() => return Found::Unfinished,
            None => bytes.len() - (END.len() - 1),
        };
        Found::Event(None, used)
    }
}

/// What follows the end of a paste.
enum After {
    /// More has to come, or silence.
    Unknown,
    /// It is the end; so much is used up.
    Ends(usize),
    /// There is another end behind it: so much is not to be believed.
    Hostile(usize),
    /// More came than anybody types.
    Flooded,
}

fn after_paste(bytes: &[u8], after: usize, quiet: bool) -> After {
    let rest = &bytes[after..];
    if rest.starts_with(START) {
        return After::Ends(after);
    }
    if rest.len() > PASTE_MAX {
        return After::Flooded;
    }
    if !quiet {
        return After::Unknown;
    }
    let mut last = None;
    let mut from = after;
    while let Some(end) = find(bytes, END, from) {
        from = end + END.len();
        last = Some(from);
    }
    last.map_or(After::Ends(after), After::Hostile)
}

const TOO_LARGE: &str = "nothing was pasted: the text is larger than 1 MiB";
const NOT_TEXT: &str = "nothing was pasted: it is not text (UTF-8)";
const HOSTILE: &str =
    "nothing was pasted: the text holds the mark that ends a paste, as if keys were to follow";

fn find(bytes: &[u8], what: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(what.len()).position(|window| window == what).map(|at| from + at)
}

/// The key that bytes start with.
fn key(bytes: &[u8], quiet: bool) -> Found {
    let one = |code, modifiers| pressed(code, modifiers, 1);
    match bytes[0] {
        0x1b => escape(bytes, quiet),
        b'\r' => one(KeyCode::Enter, KeyModifiers::NONE),
        b'\t' => one(KeyCode::Tab, KeyModifiers::NONE),
        0x7f => one(KeyCode::Backspace, KeyModifiers::NONE),
        0 => one(KeyCode::Char(' '), KeyModifiers::CONTROL),
        byte @ 1..=26 => one(KeyCode::Char(char::from(byte - 1 + b'a')), KeyModifiers::CONTROL),
        byte @ 0x1c..=0x1f => one(KeyCode::Char(char::from(byte - 0x1c + b'4')), KeyModifiers::CONTROL),
        _ => character(bytes, quiet),
    }
}

fn pressed(code: KeyCode, modifiers: KeyModifiers, used: usize) -> Found {
    Found::Event(Some(Message::Key(KeyEvent::new(code, modifiers))), used)
}

fn character(bytes: &[u8], quiet: bool) -> Found {
    let length = match bytes[0] {
        ..0x80 => 1,
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        // The middle of a character whose start did not come.
        _ => return Found::Event(None, 1),
    };
    let Some(own) = bytes.get(..length) else {
        return if quiet { Found::Event(None, bytes.len()) } else { Found::Unfinished };
    };
    match std::str::from_utf8(own).ok().and_then(|text| text.chars().next()) {
        Some(c) => {
            let shift = if c.is_uppercase() { KeyModifiers::SHIFT } else { KeyModifiers::NONE };
            pressed(KeyCode::Char(c), shift, length)
        }
        None => Found::Event(None, 1),
    }
}

fn escape(bytes: &[u8], quiet: bool) -> Found {
    let lone = || pressed(KeyCode::Esc, KeyModifiers::NONE, 1);
    match bytes.get(1) {
        None if quiet => lone(),
        None => Found::Unfinished,
        Some(0x1b) => lone(),
        Some(b'[') => sequence(bytes),
        Some(b'O') => match bytes.get(2) {
            None if quiet => pressed(KeyCode::Char('O'), KeyModifiers::ALT | KeyModifiers::SHIFT, 2),
            None => Found::Unfinished,
            Some(last) => Found::Event(named(*last, KeyModifiers::NONE), 3),
        },
        Some(_) => match key(&bytes[1..], quiet) {
            Found::Event(Some(Message::Key(mut event)), used) => {
                event.modifiers |= KeyModifiers::ALT;
                Found::Event(Some(Message::Key(event)), used + 1)
            }
            Found::Event(other, used) => Found::Event(other, used + 1),
            Found::Unfinished => Found::Unfinished,
        },
    }
}

/// `ESC [`, numbers, and a last byte that says which key.
fn sequence(bytes: &[u8]) -> Found {
    // The console of Linux has a form of its own for F1 to F5.
    if bytes.get(2) == Some(&b'[') {
        return match bytes.get(3) {
            Some(last @ b'A'..=b'E') => pressed(KeyCode::F(last - b'A' + 1), KeyModifiers::NONE, 4),
            Some(_) => Found::Event(None, 4),
            None => Found::Unfinished,
        };
    }
    // Silence ends no sequence: it may be the mark of a paste that a network cut in two, and the text would be keys.
    let Some(end) = bytes.iter().skip(2).position(|byte| !matches!(byte, 0x20..=0x3f)).map(|at| at + 2)
    else {
        return Found::Unfinished;
    };
    let used = match bytes[end] {
        0x40..=0x7e => end + 1,
        // Something else began before it ended.
        _ => return Found::Event(None, end),
    };
    Found::Event(meant(&bytes[2..end], bytes[end]), used)
}

fn meant(parameters: &[u8], last: u8) -> Option<Message> {
    let text = std::str::from_utf8(parameters).ok()?;
    let mut parts = text.split(';');
    let mut first = parts.next().unwrap_or_default().split(':');
    let number = first.next().unwrap_or_default();
    let mut second = parts.next().unwrap_or_default().split(':');
    let modifiers = modifiers(second.next().unwrap_or_default())?;
    // A key that is let go of.
    if second.next() == Some("3") {
        return None;
    }
    match last {
        b'~' => {
            let code = match number.parse().ok()? {
                1 | 7 => KeyCode::Home,
                2 => KeyCode::Insert,
                3 => KeyCode::Delete,
                4 | 8 => KeyCode::End,
                5 => KeyCode::PageUp,
                6 => KeyCode::PageDown,
                n @ 11..=15 => KeyCode::F(n - 10),
                n @ 17..=21 => KeyCode::F(n - 11),
                n @ 23..=24 => KeyCode::F(n - 12),
                _ => return None,
            };
            Some(Message::Key(KeyEvent::new(code, modifiers)))
        }
        b'u' => {
            let code = match char::from_u32(number.parse().ok()?)? {
                '\x1b' => KeyCode::Esc,
                '\r' => KeyCode::Enter,
                '\t' if modifiers.contains(KeyModifiers::SHIFT) => KeyCode::BackTab,
                '\t' => KeyCode::Tab,
                '\x7f' => KeyCode::Backspace,
                c if c.is_control() => return None,
                c => KeyCode::Char(c),
            };
            Some(Message::Key(KeyEvent::new(code, modifiers)))
        }
        b'Z' => Some(Message::Key(KeyEvent::new(KeyCode::BackTab, modifiers | KeyModifiers::SHIFT))),
        // Without a number, or with `1` before modifiers: an answer to a question is no key.
        _ if matches!(number, "" | "1") => named(last, modifiers),
        _ => None,
    }
}

/// Keys that a letter stands for.
fn named(last: u8, modifiers: KeyModifiers) -> Option<Message> {
    let code = match last {
        b'A' => KeyCode::Up,
        b'B' => KeyCode::Down,
        b'C' => KeyCode::Right,
        b'D' => KeyCode::Left,
        b'F' => KeyCode::End,
        b'H' => KeyCode::Home,
        b'P'..=b'S' => KeyCode::F(last - b'P' + 1),
        _ => return None,
    };
    Some(Message::Key(KeyEvent::new(code, modifiers)))
}

/// Modifiers as terminals count them: one more than their bits. `None` where it is no number.
fn modifiers(text: &str) -> Option<KeyModifiers> {
    if text.is_empty() {
        return Some(KeyModifiers::NONE);
    }
    let bits = text.parse::<u8>().ok()?.saturating_sub(1);
    let all = [KeyModifiers::SHIFT, KeyModifiers::ALT, KeyModifiers::CONTROL, KeyModifiers::SUPER];
    let set = all.into_iter().enumerate().filter(|(bit, _)| bits >> bit & 1 == 1);
    Some(set.fold(KeyModifiers::NONE, |sum, (_, one)| sum | one))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What bytes mean that come at once, in words.
    fn said(bytes: &[u8]) -> Vec<String> {
        let mut parser = Parser::default();
        parser.push(bytes);
        let mut messages = parser.take(false);
        messages.extend(parser.take(true));
        messages.iter().map(word).collect()
    }

    fn word(message: &Message) -> String {
        match message {
            Message::Key(key) => {
                let name = match key.code {
                    KeyCode::Char(c) => c.to_string(),
                    code => format!("<{code:?}>"),
                };
                let mut words = String::new();
                for (modifier, sign) in
                    [(KeyModifiers::CONTROL, "c-"), (KeyModifiers::ALT, "a-"), (KeyModifiers::SHIFT, "s-")]
                {
                    if key.modifiers.contains(modifier) {
                        words.push_str(sign);
                    }
                }
                words + &name
            }
            Message::Paste(text) => format!("paste {}", text.expose()),
            Message::NotPasted(why) => (*why).to_owned(),
            other => format!("{other:?}"),
        }
    }

    #[test]
    fn keys_of_all_sorts() {
        for (bytes, words) in [
            (&b"aB\r\t\x7f"[..], &["a", "s-B", "<Enter>", "<Tab>", "<Backspace>"][..]),
            ("é日👍".as_bytes(), &["é", "日", "👍"]),
            (b"\x00\x01\x1a\x1f\n", &["c- ", "c-a", "c-z", "c-7", "c-j"]),
            (b"\x1b", &["<Esc>"]),
            (b"\x1b\x1b", &["<Esc>", "<Esc>"]),
            (b"\x1bx\x1b_", &["a-x", "a-_"]),
            (b"\x1b[A\x1bOB\x1b[H\x1bOF", &["<Up>", "<Down>", "<Home>", "<End>"]),
            (b"\x1b[1;5F\x1b[1;2A\x1b[Z", &["c-<End>", "s-<Up>", "s-<BackTab>"]),
            (b"\x1bOP\x1bOS\x1b[15~\x1b[24~\x1b[[B", &["<F(1)>", "<F(4)>", "<F(5)>", "<F(12)>", "<F(2)>"]),
            (b"\x1b[3~\x1b[5~\x1b[6;5~", &["<Delete>", "<PageUp>", "c-<PageDown>"]),
            (b"\x1b[97;5u\x1b[27u\x1b[9;2u\x1b[97;1:3u", &["c-a", "<Esc>", "s-<BackTab>"]),
            // Answers, mice, focus and what nobody knows are no keys.
            (b"\x1b[3;7R\x1b[?62;4c\x1b[I\x1b[<0;1;1Mx", &["x"]),
            (b"\xff\xc3x\x80y", &["x", "y"]),
            (b"\x1b[200;1", &[]),
            (b"\x1b[", &[]),
        ] {
            assert_eq!(said(bytes), words, "{bytes:?}");
        }
    }

    #[test]
    fn what_comes_in_parts_is_put_together() {
        let all = b"\x1b[1;5A\xe6\x97\xa5\x1b[200~ab\x1b[201~c";
        for cut in 1..all.len() {
            let mut parser = Parser::default();
            let mut words = Vec::new();
            for part in [&all[..cut], &all[cut..]] {
                parser.push(part);
                words.extend(parser.take(false).iter().map(word));
            }
            words.extend(parser.take(true).iter().map(word));
            assert_eq!(words, ["c-<Up>", "日", "paste ab", "c"], "{cut}");
        }
    }

    #[test]
    fn a_paste_is_one_text_whatever_it_holds() {
        assert_eq!(said(b"\x1b[200~a\x00\r\n\x1b[31m\x1b[200~\x1b[201~"), ["paste a\0\r\n\x1b[31m\x1b[200~"]);
        assert_eq!(said(b"\x1b[200~one\x1b[201~\x1b[200~two\x1b[201~x"), ["paste one", "paste two", "x"]);
        assert_eq!(said(b"\x1b[200~\xff\x1b[201~"), [NOT_TEXT]);
    }

    #[test]
    fn a_text_that_ends_its_own_paste_is_refused_with_the_keys_behind_it() {
        for hostile in [
            &b"\x1b[200~harmless\x1b[201~dy\r\x1b[201~"[..],
            b"\x1b[200~a\x1b[201~d\x1b[201~y\x1b[201~",
            b"\x1b[200~a\x1b[201~\x1b[201~y\x1b[201~",
            // As if a person had typed between two pastes.
            b"\x1b[200~a\x1b[201~dy\x1b[200~b\x1b[201~",
        ] {
            assert_eq!(said(hostile), [HOSTILE]);
            // Also where it comes in parts, as over a network.
            assert_eq!(in_parts(hostile, |_| true), [HOSTILE]);
        }
        // The control: what is typed after a paste, when nothing more of it can come, is keys.
        assert_eq!(said(b"\x1b[200~harmless\x1b[201~dy"), ["paste harmless", "d", "y"]);
    }

    /// What bytes mean that come in parts, cut where `cuts` says so, with silence only at the end.
    fn in_parts(bytes: &[u8], cuts: impl Fn(usize) -> bool) -> Vec<String> {
        let mut parser = Parser::default();
        let mut words = Vec::new();
        for (at, byte) in bytes.iter().enumerate() {
            parser.push(&[*byte]);
            if cuts(at) {
                words.extend(parser.take(false).iter().map(word));
            }
        }
        words.extend(parser.take(true).iter().map(word));
        words
    }

    proptest! {
        /// How the bytes came in does not change what they mean, whatever they are.
        #[test]
        fn parts_mean_what_the_whole_means(
            pieces in proptest::collection::vec((0..12usize, any::<u8>()), 0..24), cuts in any::<u64>()
        ) {
            const PIECES: [&[u8]; 11] = [
                START, END, b"\x1b", b"\x1b[", b"\x1bO", b"1;5", b"~", b"x\r", "日".as_bytes(), b"\x1b[[", b"\xf0\x9f",
            ];
            let bytes: Vec<u8> = pieces
                .iter()
                .flat_map(|(which, byte)| PIECES.get(*which).map_or(vec![*byte], |piece| piece.to_vec()))
                .collect();
            prop_assert_eq!(in_parts(&bytes, |at| cuts >> (at % 64) & 1 == 1), said(&bytes));
        }
    }

    #[test]
    fn too_much_is_dropped_to_its_end() {
        let mut parser = Parser::default();
        parser.push(START);
        let mut words = Vec::new();
        for _ in 0..40 {
            parser.push(&[b'x'; 64 * 1024]);
            words.extend(parser.take(false).iter().map(word));
            assert!(parser.bytes.len() < 2 * PASTE_MAX);
        }
        parser.push(b"\x1b[201~y");
        words.extend(parser.take(true).iter().map(word));
        assert_eq!(words, [TOO_LARGE, "y"]);
        // It cannot end itself either.
        let mut long = START.to_vec();
        long.resize(PASTE_MAX + (1 << 17), b'x');
        long.extend(b"\x1b[201~dy\r\x1b[201~");
        assert_eq!(said(&long), [HOSTILE]);
        assert_eq!(in_parts(&long, |at| at % (1 << 16) == 0), [TOO_LARGE]);
    }
}
