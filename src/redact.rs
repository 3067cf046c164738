//! No secret and no control character leaves in any text.
//!
//! A [`Redactor`] knows the secrets of one credential and removes them from what a service, a library or a
//! program says. It compares character by character, where each may stand raw, percent-encoded (in either
//! case, `+` for a space, encoded once or more), escaped as in JSON or as an HTML entity, in any mixture:
//! every program escapes other characters. It knows the secret in hexadecimal, and in the middle of any base64
//! text, at each of the three alignments: an echoed `user:password` or a whole encoded request hides nothing.
//! A [`Masker`] does the same to bytes that come in pieces. [`visible`] makes characters that could drive a terminal,
//! or deceive the eye, stand out.

mod stream;

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::secret::{MASK, Secret};

pub use stream::Masker;

/// Shorter texts than this are masked only where they stand alone: a secret such as `1` would otherwise turn
/// every number into a mask, which tells more than it hides.
const SHORT: usize = 4;

/// The shortest line of a secret of several lines that is looked for by itself.
const LINE: usize = 16;

/// Removes known secrets from texts.
#[derive(Clone)]
pub struct Redactor {
    needles: Vec<Needle>,
    /// The bytes that a needle may start with, in any spelling: most of a text need not be looked at.
    leads: [bool; 256],
}

/// A text that is looked for.
#[derive(Clone)]
struct Needle {
    text: Zeroizing<String>,
    form: Form,
}

/// How a needle may stand in a text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Anywhere.
    Plain,
    /// Only where no letter or digit stands beside it.
    Word,
    /// As the middle of a base64 text: the characters that no neighbouring byte has a part in. The flags say
    /// whether the character before, and the one behind, hold bits of the secret too.
    Base64 {
        /// The character before does.
        before: bool,
        /// The character behind does.
        behind: bool,
    },
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.needles.len())
    }
}

impl Redactor {
    /// Knows these secrets. Pass texts built from them (`user:password`) too where the rest of them is to be
    /// masked as well.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut redactor = Self { needles: Vec::new(), leads: [false; 256] };
        for secret in secrets {
            redactor.learn(secret);
        }
        redactor
    }

    /// Knows one more: what a service gave on the way.
    pub fn learn(&mut self, secret: &Secret) {
        let text = secret.expose();
        self.know(text);
        // A header's value loses the spaces around it on the way.
        self.know(text.trim());
        // A text of several lines may come back line by line; the frame of a PEM is no secret.
        for line in text.trim().lines().map(str::trim) {
            if line.len() >= LINE && !line.starts_with("-----") {
                self.know(line);
            }
        }
    }

    fn know(&mut self, text: &str) {
        let bytes = text.as_bytes();
        if bytes.len() < SHORT {
            self.push(text, Form::Word);
            return;
        }
        self.push(text, Form::Plain);
        for upper in [false, true] {
            self.push(&hex(bytes, upper), Form::Plain);
        }
        for shift in 0..3 {
            // `shift` unknown bytes stand before the secret in its group of three. A character that mixes
            // their bits with the secret's is not part of the needle; it is masked along with it.
            let mut shifted = Zeroizing::new(vec![0; shift]);
            shifted.extend_from_slice(bytes);
            let bits = shifted.len() * 8;
            let whole = [0, 2, 3][shift]..bits / 6;
            let form = Form::Base64 { before: shift > 0, behind: !bits.is_multiple_of(6) };
            for encoded in [STANDARD_NO_PAD.encode(&*shifted), URL_SAFE_NO_PAD.encode(&*shifted)] {
                self.push(&Zeroizing::new(encoded)[whole.clone()], form);
            }
        }
    }

    fn push(&mut self, text: &str, form: Form) {
        let known = |needle: &Needle| needle.form == form && needle.text.as_str() == text;
        let Some(first) = text.bytes().next().filter(|_| !self.needles.iter().any(known)) else { return };
        let spelled = match first {
            b' ' => Some(b'+'),
            b'\n' => Some(b'\r'),
            _ => None,
        };
        for lead in [b'%', b'\\', b'&', first].into_iter().chain(spelled) {
            self.leads[usize::from(lead)] = true;
        }
        self.needles.push(Needle { text: Zeroizing::new(text.to_owned()), form });
    }

    /// Whether there is nothing to look for.
    pub fn is_empty(&self) -> bool {
        self.needles.is_empty()
    }

    /// Where secrets stand in a text; `last`: nothing follows it.
    fn look(&self, text: &[u8], last: bool) -> Seen {
        // All are looked for in the text as it came: taking one out first could cut another in two.
        let mut seen = Seen { whole: Vec::new(), open: None };
        for start in 0..text.len() {
            if self.leads[usize::from(text[start])] {
                for needle in &self.needles {
                    needle.look_at(text, start, last, &mut seen);
                }
            }
        }
        seen.whole.sort_unstable();
        seen.whole.dedup_by(|next, before| {
            let overlaps = next.0 < before.1;
            before.1 = if overlaps { before.1.max(next.1) } else { before.1 };
            overlaps
        });
        seen
    }

    /// The text without any known secret.
    pub fn clean(&self, text: &str) -> String {
        let mut cleaned = String::with_capacity(text.len());
        let mut done = 0;
        for (start, end) in self.look(text.as_bytes(), true).whole {
            cleaned.push_str(&text[done..start]);
            cleaned.push_str(MASK);
            done = end;
        }
        cleaned.push_str(&text[done..]);
        cleaned
    }

    /// The text as it may be shown: without secrets, every character visible, `limit` characters at most.
    pub fn show(&self, text: &str, limit: usize) -> String {
        // Cleaned first and as a whole: a cut or an escape inside a secret would hide it from the search.
        visible(&self.clean(text), limit)
    }
}

/// What was seen of secrets in a text.
struct Seen {
    /// Where each stands: start and end, in order and apart from each other.
    whole: Vec<(usize, usize)>,
    /// The first place from which what follows the text decides.
    open: Option<usize>,
}

impl Needle {
    /// Notes what starts here.
    fn look_at(&self, text: &[u8], start: usize, last: bool, seen: &mut Seen) {
        let (lead, first) = (self.text.as_bytes()[0], text[start]);
        let spelled = matches!((lead, first), (_, b'%' | b'\\' | b'&') | (b' ', b'+') | (b'\n', b'\r'));
        if first != lead && !spelled {
            return;
        }
        let (end, mut open) = self.match_at(text, start);
        if let Some(end) = end {
            let place = self.accept(text, start, end);
            // What stands behind it has a say.
            open |= self.form != Form::Plain && place.map_or(end, |(_, end)| end) == text.len();
            seen.whole.extend(place);
        }
        if open && !last {
            let before = matches!(self.form, Form::Base64 { before: true, .. });
            let from = start.saturating_sub(usize::from(before));
            seen.open = Some(seen.open.map_or(from, |known| known.min(from)));
        }
    }

    /// The furthest end of a match that starts here, and whether what follows the text could make one.
    fn match_at(&self, bytes: &[u8], start: usize) -> (Option<usize>, bool) {
        // More than one spelling can fit (`%` raw or the start of `%25`), so the ends of all are carried.
        let mut ends = vec![start];
        let mut open = false;
        for wanted in self.text.chars() {
            let mut next = Vec::new();
            for end in ends {
                open |= spellings(bytes, end, wanted, &mut next);
            }
            if next.is_empty() {
                return (None, open);
            }
            next.sort_unstable();
            next.dedup();
            ends = next;
        }
        (ends.last().copied(), open)
    }

    /// The place to mask, where a match counts as one.
    fn accept(&self, bytes: &[u8], mut start: usize, mut end: usize) -> Option<(usize, usize)> {
        match self.form {
            Form::Plain => {}
            Form::Word => {
                let joins = |character: Option<char>| character.is_some_and(char::is_alphanumeric);
                if joins(character_before(bytes, start)) || joins(character_at(bytes, end)) {
                    return None;
                }
            }
            Form::Base64 { before, behind } => {
                if before && start > 0 && is_base64(bytes[start - 1]) {
                    start -= 1;
                }
                if behind && bytes.get(end).copied().is_some_and(is_base64) {
                    end += 1;
                }
                while bytes.get(end) == Some(&b'=') {
                    end += 1;
                }
            }
        }
        Some((start, end))
    }
}

/// The character that starts at a place; `None` where there is none, or no text.
fn character_at(bytes: &[u8], at: usize) -> Option<char> {
    let rest = &bytes[at..];
    let whole = |length| std::str::from_utf8(rest.get(..length)?).ok()?.chars().next();
    (1..=4).find_map(whole)
}

fn character_before(bytes: &[u8], at: usize) -> Option<char> {
    let continues = |byte: &u8| byte & 0b1100_0000 == 0b1000_0000;
    let back = bytes[..at].iter().rev().take(3).take_while(|byte| continues(byte)).count();
    character_at(bytes, at.checked_sub(back + 1)?)
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Adds the ends of every spelling of `wanted` that starts at `at`; says whether one may be cut off there.
fn spellings(bytes: &[u8], at: usize, wanted: char, ends: &mut Vec<usize>) -> bool {
    let rest = &bytes[at..];
    let mut buffer = [0; 4];
    let encoded = wanted.encode_utf8(&mut buffer).as_bytes();
    if rest.starts_with(encoded) {
        ends.push(at + encoded.len());
    }
    match rest.first() {
        Some(b'+') if wanted == ' ' => ends.push(at + 1),
        // A terminal ends lines so.
        Some(b'\r') if wanted == '\n' && rest.get(1) == Some(&b'\n') => ends.push(at + 2),
        // How often a `%` was encoded cannot be told from what follows: each is a spelling of its own.
        Some(b'%') if wanted == '%' => {
            let more = rest[1..].chunks(2).take_while(|pair| pair == b"25").count();
            ends.extend((1..=more).map(|times| at + 1 + 2 * times));
        }
        Some(b'%') => ends.extend(percent(rest, encoded).map(|length| at + length)),
        Some(b'\\') => ends.extend(escape(rest, wanted).map(|length| at + length)),
        Some(b'&') => ends.extend(entity(rest, wanted).map(|length| at + length)),
        _ => {}
    }
    is_cut(rest, encoded)
}

/// The longest spelling of one character that is waited for: four bytes, each encoded some times over.
const SPELLING: usize = 64;

/// Whether a text is the start of a spelling.
fn is_cut(rest: &[u8], encoded: &[u8]) -> bool {
    let Some((first, behind)) = rest.split_first() else { return true };
    let may = |part: fn(&u8) -> bool| rest.len() < SPELLING && behind.iter().all(part);
    rest.len() < encoded.len() && encoded.starts_with(rest)
        || match first {
            b'\r' => encoded == b"\n" && behind.is_empty(),
            b'%' => may(|byte| *byte == b'%' || byte.is_ascii_hexdigit()),
            b'\\' => may(|byte| matches!(byte, b'\\' | b'u') || byte.is_ascii_hexdigit()) && rest.len() < 12,
            b'&' => may(|byte| *byte == b'#' || byte.is_ascii_alphanumeric()) && rest.len() < 12,
            _ => false,
        }
}

/// `%41`, and `%2541`, `%252541` and so on where a percent-encoded text was encoded again.
fn percent(rest: &[u8], encoded: &[u8]) -> Option<usize> {
    let mut length = 0;
    for byte in encoded {
        let mut at = rest.get(length..)?;
        at = at.strip_prefix(b"%")?;
        length += 1;
        // No percent sign is looked for here: these digits are always those of an encoded one.
        while let Some(inner) = at.strip_prefix(b"25") {
            at = inner;
            length += 2;
        }
        if from_hex(at)? != *byte {
            return None;
        }
        length += 2;
    }
    Some(length)
}

fn from_hex(digits: &[u8]) -> Option<u8> {
    let digit = |index: usize| char::from(*digits.get(index)?).to_digit(16);
    u8::try_from(digit(0)? * 16 + digit(1)?).ok()
}

/// JSON's `\n`, `\"`, `\u0041` and surrogate pairs.
fn escape(rest: &[u8], wanted: char) -> Option<usize> {
    let short = match wanted {
        '\n' => b'n',
        '\r' => b'r',
        '\t' => b't',
        '\u{8}' => b'b',
        '\u{c}' => b'f',
        '"' | '\\' | '/' | '\'' => wanted as u8,
        _ => 0,
    };
    if short != 0 && rest.get(1) == Some(&short) {
        return Some(2);
    }
    let mut units = [0; 2];
    let units = wanted.encode_utf16(&mut units);
    let mut length = 0;
    for unit in units {
        let digits = rest.get(length..)?.strip_prefix(b"\\u")?;
        if u16::from_be_bytes([from_hex(digits)?, from_hex(digits.get(2..)?)?]) != *unit {
            return None;
        }
        length += 6;
    }
    Some(length)
}

/// `&amp;`, `&#38;`, `&#x26;`.
fn entity(rest: &[u8], wanted: char) -> Option<usize> {
    let end = rest.iter().take(12).position(|byte| *byte == b';')?;
    let name = std::str::from_utf8(&rest[1..end]).ok()?;
    let meant = match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code)?
        }
    };
    (meant == wanted).then_some(end + 1)
}

fn hex(bytes: &[u8], upper: bool) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        out
    })
}

/// A text in which every character can be seen: control characters as symbols, characters that change
/// direction or have no width by their number; line breaks and tabs as one space; `limit` characters at most.
pub fn visible(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit.saturating_mul(4)));
    let mut count = 0;
    let mut space = false;
    for c in text.trim().chars() {
        if matches!(c, '\n' | '\r' | '\t' | ' ') {
            if !space {
                out.push(' ');
                count += 1;
            }
            space = true;
        } else {
            space = false;
            count += push_visible(&mut out, c);
        }
        if count >= limit {
            out.push('…');
            break;
        }
    }
    out
}

/// Whether a character cannot be seen, or changes how others are seen.
pub fn is_hidden(c: char) -> bool {
    matches!(c,
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// Appends a character so that it can be seen; says how many characters that took.
pub fn push_visible(out: &mut String, c: char) -> usize {
    match c {
        '\u{0}'..='\u{1f}' => out.push(char::from_u32(0x2400 + c as u32).unwrap_or('\u{fffd}')),
        '\u{7f}' => out.push('␡'),
        c if is_hidden(c) => {
            let before = out.len();
            let _ = write!(out, "‹U+{:04X}›", c as u32);
            return out[before..].chars().count();
        }
        c => out.push(c),
    }
    1
}

#[cfg(test)]
mod tests;
