//! No secret and no control character leaves in any text.
//!
//! A [`Redactor`] knows the secrets of one credential and removes them from what a service, a library or a
//! program says, in every form they are likely to come back in. [`visible`] makes characters that could drive
//! a terminal, or deceive the eye, stand out.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use zeroize::{Zeroize, Zeroizing};

use crate::secret::{MASK, Secret};

/// Shorter texts than this are masked only where they stand alone: a secret such as `1` would otherwise turn
/// every number into a mask, which tells more than it hides.
const SHORT: usize = 4;

/// Removes known secrets from texts.
pub struct Redactor {
    /// Every form of every secret, the longest first: a form may contain another.
    forms: Vec<Zeroizing<String>>,
    short: Vec<Zeroizing<String>>,
}

impl std::fmt::Debug for Redactor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Redactor({} forms)", self.forms.len() + self.short.len())
    }
}

impl Redactor {
    /// Knows these secrets: raw, base64 (standard and URL alphabet, alone or inside a longer text), hexadecimal, percent-encoded, as form
    /// data, and escaped as JSON. Pass texts built from them (`user:password`) as secrets too.
    pub fn new<'a>(secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        let mut redactor = Self { forms: Vec::new(), short: Vec::new() };
        for secret in secrets {
            let text = secret.expose();
            if text.is_empty() {
                continue;
            }
            if text.len() < SHORT {
                redactor.short.push(Zeroizing::new(text.to_owned()));
            } else {
                redactor.know(text);
            }
            // A text of several lines may come back line by line.
            for line in text.lines().map(str::trim).filter(|line| line.len() >= 16 && *line != text) {
                redactor.know(line);
            }
        }
        redactor.forms.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        redactor.forms.dedup();
        redactor
    }

    fn know(&mut self, text: &str) {
        let bytes = text.as_bytes();
        let json = serde_json::to_string(text).unwrap_or_default();
        let mut forms = vec![
            text.to_owned(),
            STANDARD_NO_PAD.encode(bytes),
            URL_SAFE_NO_PAD.encode(bytes),
            hex(bytes, false),
            hex(bytes, true),
            json.trim_matches('"').to_owned(),
            json.trim_matches('"').replace('/', "\\/"),
            text.trim().to_owned(),
        ];
        for offset in 0..3 {
            forms.extend(inside_base64(&STANDARD_NO_PAD, bytes, offset));
            forms.extend(inside_base64(&URL_SAFE_NO_PAD, bytes, offset));
        }
        for upper in [true, false] {
            forms.push(percent(bytes, upper, false));
            forms.push(percent(bytes, upper, true));
        }
        self.forms.extend(forms.into_iter().filter(|form| form.len() >= SHORT).map(Zeroizing::new));
    }

    /// The text without any known secret.
    pub fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for form in &self.forms {
            if text.contains(form.as_str()) {
                let cleaned = text.replace(form.as_str(), MASK);
                text.zeroize();
                text = cleaned;
            }
        }
        for short in &self.short {
            text = replace_words(&text, short);
        }
        text
    }

    /// The text as it may be shown: without secrets, every character visible, `limit` characters at most.
    pub fn show(&self, text: &str, limit: usize) -> String {
        // Cleaned first and as a whole: a cut or an escape inside a secret would hide it from the search.
        visible(&self.clean(text), limit)
    }
}

/// Replaces a short text where no letter or digit stands beside it.
fn replace_words(text: &str, word: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(word) {
        let (before, after) = (&rest[..at], &rest[at + word.len()..]);
        let joined = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let left = before.chars().next_back().or_else(|| out.chars().next_back());
        out.push_str(before);
        out.push_str(if joined(left) || joined(after.chars().next()) { word } else { MASK });
        rest = after;
    }
    out.push_str(rest);
    out
}

/// What a text looks like inside the base64 of a longer one, `offset` bytes (modulo 3) from its start: the
/// characters that depend on the text alone. `None` where too few are left to tell them from others.
fn inside_base64(engine: &impl base64::Engine, bytes: &[u8], offset: usize) -> Option<String> {
    const SHORTEST: usize = 8;
    let padded = Zeroizing::new([&[0; 2][..offset], bytes].concat());
    let encoded = Zeroizing::new(engine.encode(&*padded));
    // The first 2 or 3 characters mix with what stands before; an unfinished last one with what follows.
    let start = (offset * 4).div_ceil(3);
    let end = padded.len() * 4 / 3;
    let inside = encoded.get(start..end)?;
    (inside.len() >= SHORTEST).then(|| inside.to_owned())
}

fn hex(bytes: &[u8], upper: bool) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut out, byte| {
        let _ = if upper { write!(out, "{byte:02X}") } else { write!(out, "{byte:02x}") };
        out
    })
}

fn percent(bytes: &[u8], upper: bool, form: bool) -> String {
    bytes.iter().fold(String::with_capacity(bytes.len() * 3), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' => out.push(char::from(*byte)),
            // Form data (WHATWG URL) leaves the asterisk and escapes the tilde, RFC 3986 the other way round.
            b' ' if form => out.push('+'),
            b'*' if form => out.push('*'),
            b'~' if !form => out.push('~'),
            byte => {
                let _ = if upper { write!(out, "%{byte:02X}") } else { write!(out, "%{byte:02x}") };
            }
        }
        out
    })
}

/// A text in which every character can be seen: control characters as symbols, characters that change
/// direction or have no width by their number; line breaks and tabs as one space; `limit` characters at most.
pub fn visible(text: &str, limit: usize) -> String {
    let mut out = String::with_capacity(text.len().min(limit * 4));
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
mod tests {
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};
    use proptest::prelude::*;

    use super::*;

    fn redactor(secret: &str) -> Redactor {
        Redactor::new([&Secret::from(secret)])
    }

    proptest! {
        #[test]
        fn no_form_of_a_secret_stays(secret in "\\PC{4,40}|[ -~]{4,40}", left in "[ -~]{0,20}", right in "[ -~]{0,20}") {
            let encoded: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
            let json = serde_json::to_string(&secret).unwrap();
            let forms = [
                secret.clone(),
                STANDARD.encode(&secret),
                URL_SAFE.encode(&secret),
                STANDARD_NO_PAD.encode(&secret),
                hex(secret.as_bytes(), false),
                percent(secret.as_bytes(), true, false),
                percent(secret.as_bytes(), false, false),
                encoded,
                json.trim_matches('"').to_owned(),
            ];
            let redactor = redactor(&secret);
            for form in forms {
                let cleaned = redactor.clean(&format!("{left}{form}{right}"));
                // What the mask is put into may spell the secret again only where the secret is part of it.
                prop_assert!(!cleaned.contains(&secret) || format!("{left}{MASK}{right}").contains(&secret), "{cleaned}");
                prop_assert!(cleaned.contains(MASK), "{form:?} in {cleaned:?}");
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_stays_in_the_base64_of_a_longer_text(
            secret in "[ -~]{9,40}", left in "[ -~]{0,20}", right in "[ -~]{0,20}",
        ) {
            for engine in [&STANDARD, &URL_SAFE] {
                let encoded = engine.encode(format!("{left}{secret}{right}"));
                let cleaned = redactor(&secret).clean(&encoded);
                prop_assert!(cleaned.contains(MASK), "{cleaned}");
                // At both ends a character may stay that holds some bits of the secret, no whole byte.
                let shown = cleaned.chars().filter(char::is_ascii).count();
                let others = engine.encode(&left).trim_end_matches('=').len() + engine.encode(&right).len();
                prop_assert!(shown <= others + 4, "{cleaned}");
            }
        }
    }

    #[test]
    fn the_longest_secret_goes_first() {
        let redactor = Redactor::new([&Secret::from("abcd"), &Secret::from("abcdefgh")]);
        assert_eq!(redactor.clean("x abcdefgh y"), format!("x {MASK} y"));
    }

    #[test]
    fn a_short_secret_is_masked_where_it_stands_alone() {
        assert_eq!(redactor("42").clean("code 42, 142 ms, 42"), format!("code {MASK}, 142 ms, {MASK}"));
    }

    #[test]
    fn a_line_of_a_pem_is_known_too() {
        let pem = "-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\n-----END KEY-----\n";
        assert!(!redactor(pem).clean("got MIIEvQIBADANBgkqhkiG9w0B there").contains("MIIEv"));
    }

    #[test]
    fn what_drives_a_terminal_is_shown_as_a_symbol() {
        assert_eq!(visible("a\u{1b}[31mb\u{9b}c", 99), "a␛[31mb‹U+009B›c");
        assert_eq!(visible("pay\u{200b}pal \u{202e}txt", 99), "pay‹U+200B›pal ‹U+202E›txt");
        assert_eq!(visible(" one\r\n\t two ", 99), "one two");
        assert_eq!(visible("abcdef", 3), "abc…");
        assert_eq!(visible("é漢👩", 99), "é漢👩");
    }
}
