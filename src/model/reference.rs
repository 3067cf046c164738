//! References: `cred://KEY`, `cred://KEY#FIELD`, `cred://SOLUTION/KEY#FIELD`. Pure: what they stand for is the
//! vault's matter.
//!
//! A solution or a field may have any name. Characters other than ASCII letters, digits, `.`, `_` and `-` are
//! written percent-encoded (RFC 3986) where a reference stands in a text; a reference that is given by itself
//! may have them as they are.

use std::fmt;
use std::ops::Range;

use memchr::memmem;

/// What every reference starts with.
pub const SCHEME: &str = "cred://";

/// The longest key, in characters.
const LONGEST: usize = 200;

/// What a program writes in place of a value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// The solution; `None`: the current one.
    pub solution: Option<String>,
    /// The key.
    pub key: String,
    /// The field, as `get` takes it; `None`: the main secret.
    pub field: Option<String>,
}

/// Why a text is no reference, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct ReferenceError {
    /// Where in the reference, in bytes from its start.
    pub at: usize,
    /// What is wrong there.
    pub kind: ReferenceErrorKind,
}

/// What is wrong with a reference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceErrorKind {
    /// It does not start as one.
    #[error("a reference starts with cred://")]
    Scheme,
    /// There is no key.
    #[error("a key is missing: cred://KEY, cred://KEY#FIELD or cred://SOLUTION/KEY#FIELD")]
    NoKey,
    /// A key is longer than any.
    #[error("a key has {LONGEST} characters at most")]
    LongKey,
    /// A character that no key has.
    #[error("a key has letters, digits, '.', '_' and '-' only, not {0:?}")]
    KeyCharacter(char),
    /// A slash with nothing before it.
    #[error("the solution before '/' is missing")]
    NoSolution,
    /// A `#` with nothing behind it.
    #[error("the field behind '#' is missing")]
    NoField,
    /// A character that stands in no name.
    #[error("a solution or a field has no {0:?}")]
    Character(char),
    /// A `%` that encodes nothing.
    #[error("'%' is followed by two hexadecimal digits of a UTF-8 text; '%' itself is written %25")]
    Percent,
}

impl Reference {
    /// Reads a text that is one reference and nothing else.
    ///
    /// # Errors
    /// What is wrong, and where.
    pub fn parse(text: &str) -> Result<Self, ReferenceError> {
        use ReferenceErrorKind as Kind;
        let error = |at, kind| Err(ReferenceError { at, kind });
        let Some(rest) = text.strip_prefix(SCHEME) else { return error(0, Kind::Scheme) };
        let (path, field) = match rest.split_once('#') {
            Some((path, field)) => (path, Some(field)),
            None => (rest, None),
        };
        let (solution, key) = match path.split_once('/') {
            Some((solution, key)) => (Some(solution), key),
            None => (None, path),
        };
        let key_at = SCHEME.len() + path.len() - key.len();
        let solution = match solution {
            Some("") => return error(SCHEME.len(), Kind::NoSolution),
            Some(solution) => Some(decoded(solution, SCHEME.len())?),
            None => None,
        };
        if let Some((at, c)) = key.char_indices().find(|(_, c)| !is_plain(*c)) {
            return error(key_at + at, Kind::KeyCharacter(c));
        }
        match key.len() {
            0 => return error(key_at, Kind::NoKey),
            1..=LONGEST => {}
            _ => return error(key_at + LONGEST, Kind::LongKey),
        }
        let field = match field {
            Some("") => return error(text.len(), Kind::NoField),
            Some(field) => Some(decoded(field, text.len() - field.len())?),
            None => None,
        };
        Ok(Self { solution, key: key.to_owned(), field })
    }

    /// Whether a text is meant as a reference, well written or not.
    pub fn is_meant(text: &str) -> bool {
        text.starts_with(SCHEME)
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(SCHEME)?;
        if let Some(solution) = &self.solution {
            encode(solution, f)?;
            f.write_str("/")?;
        }
        f.write_str(&self.key)?;
        if let Some(field) = &self.field {
            f.write_str("#")?;
            encode(field, f)?;
        }
        Ok(())
    }
}

/// Characters that stand for themselves everywhere.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
}

fn encode(name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    for c in name.chars() {
        if is_plain(c) {
            fmt::Write::write_char(f, c)?;
        } else {
            for byte in c.encode_utf8(&mut [0; 4]).bytes() {
                write!(f, "%{byte:02X}")?;
            }
        }
    }
    Ok(())
}

/// The name that a part stands for; `start` is where the part stands.
fn decoded(part: &str, start: usize) -> Result<String, ReferenceError> {
    let percent = |at| ReferenceError { at: start + at, kind: ReferenceErrorKind::Percent };
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let at = part.len() - rest.len();
        rest = behind;
        if *first == b'%' {
            let digit = |index: usize| char::from(*behind.get(index)?).to_digit(16);
            let (Some(high), Some(low)) = (digit(0), digit(1)) else { return Err(percent(at)) };
            bytes.push((high * 16 + low) as u8);
            rest = &behind[2..];
        } else {
            bytes.push(*first);
        }
    }
    let name = String::from_utf8(bytes).map_err(|_| percent(0))?;
    match name.chars().find(|c| c.is_control()) {
        Some(c) => Err(ReferenceError { at: start, kind: ReferenceErrorKind::Character(c) }),
        None => Ok(name),
    }
}

/// A reference that stands in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What it says, or what is wrong with it.
    pub reference: Result<Reference, ReferenceError>,
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// Its line, counted from 1.
    pub line: usize,
    /// The column of its first character, counted from 1.
    pub column: usize,
}

/// Every reference in a text, in order. The text need not be UTF-8: what surrounds references is not looked at.
pub fn find(text: &[u8]) -> impl Iterator<Item = Found> + '_ {
    let mut line = 1;
    let mut line_start = 0;
    let mut counted = 0;
    memmem::find_iter(text, SCHEME.as_bytes()).filter(|start| begins(text, *start)).map(move |start| {
        for newline in memchr::memchr_iter(b'\n', &text[counted..start]) {
            line += 1;
            line_start = counted + newline + 1;
        }
        counted = start;
        let range = start..end(text, start);
        // The characters of a reference are ASCII.
        let written = String::from_utf8_lossy(&text[range.clone()]);
        Found {
            reference: Reference::parse(&written),
            range,
            line,
            column: String::from_utf8_lossy(&text[line_start..start]).chars().count() + 1,
        }
    })
}

/// Another scheme may end like ours.
fn begins(text: &[u8], start: usize) -> bool {
    let before = start.checked_sub(1).map(|before| text[before]);
    !before.is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.' | b'_'))
}

fn end(text: &[u8], start: usize) -> usize {
    let body = start + SCHEME.len();
    let part = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-%/#".contains(byte);
    let mut end = body + text[body..].iter().take_while(|byte| part(byte)).count();
    // The full stop behind it ends the sentence.
    while end > body && text[end - 1] == b'.' {
        end -= 1;
    }
    end
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::ReferenceErrorKind as Kind;
    use super::*;

    type Parts = (Option<String>, String, Option<String>);

    fn parse(text: &str) -> Result<Parts, (usize, Kind)> {
        Reference::parse(text)
            .map(|reference| (reference.solution, reference.key, reference.field))
            .map_err(|error| (error.at, error.kind))
    }

    #[test]
    fn its_three_parts() {
        let some = |text: &str| Some(text.to_owned());
        for (text, solution, key, field) in [
            ("cred://jigx.finnhub.token", None, "jigx.finnhub.token", None),
            ("cred://db#password", None, "db", some("password")),
            ("cred://billing-prod/db#values.a", some("billing-prod"), "db", some("values.a")),
            ("cred://my%20app/db", some("my app"), "db", None),
            ("cred://my app/db#a/b#c", some("my app"), "db", some("a/b#c")),
            ("cred://caf%C3%A9/db", some("café"), "db", None),
            ("cred://100%25/db", some("100%"), "db", None),
        ] {
            assert_eq!(parse(text), Ok((solution, key.to_owned(), field)), "{text}");
        }
    }

    #[test]
    fn what_is_wrong_has_its_place() {
        let long = format!("cred://{}", "k".repeat(201));
        for (text, at, kind) in [
            ("key", 0, Kind::Scheme),
            ("cred:/key", 0, Kind::Scheme),
            ("cred://", 7, Kind::NoKey),
            ("cred://#a", 7, Kind::NoKey),
            ("cred://s/", 9, Kind::NoKey),
            ("cred:///k", 7, Kind::NoSolution),
            ("cred://k#", 9, Kind::NoField),
            ("cred://a b", 8, Kind::KeyCharacter(' ')),
            ("cred://s/a/b", 10, Kind::KeyCharacter('/')),
            ("cred://s/k€", 10, Kind::KeyCharacter('€')),
            ("cred://s%2/k", 8, Kind::Percent),
            ("cred://s/k#%ff", 11, Kind::Percent),
            ("cred://s%0a/k", 7, Kind::Character('\n')),
            (&long, 207, Kind::LongKey),
        ] {
            assert_eq!(parse(text), Err((at, kind)), "{text}");
        }
    }

    fn found(text: &str) -> Vec<(String, usize, usize)> {
        let told = |found: Found| {
            let words = match &found.reference {
                Ok(reference) => reference.to_string(),
                Err(error) => format!("{:?} at {}", error.kind, error.at),
            };
            assert!(text[found.range.clone()].starts_with(SCHEME));
            (words, found.line, found.column)
        };
        find(text.as_bytes()).map(told).collect()
    }

    #[test]
    fn they_are_found_in_any_text() {
        let one = |text: &str, line, column| vec![(text.to_owned(), line, column)];
        assert_eq!(found("A=cred://a.b\n"), one("cred://a.b", 1, 3));
        assert_eq!(found("x\n  é\"cred://s/k#f\","), one("cred://s/k#f", 2, 5));
        assert_eq!(found("It is cred://a.b. Then …"), one("cred://a.b", 1, 7));
        assert_eq!(found("{{ cred://a }} {{cred://b}}").len(), 2);
        assert_eq!(found("sacred://a x-cred://a cred:/a"), []);
        assert_eq!(found("cred://${NAME}"), one("NoKey at 7", 1, 1));
        assert_eq!(found("cred://a/b/c"), one("KeyCharacter('/') at 10", 1, 1));
        let bytes = b"\xff\xfe cred://a\xff";
        assert_eq!(find(bytes).map(|found| found.range).next(), Some(3..11));
    }

    fn reference() -> impl Strategy<Value = Reference> {
        let name = "[^\\p{Cc}]{1,12}";
        (
            proptest::option::of(name),
            "[A-Za-z0-9._-]{0,20}[A-Za-z0-9_-]",
            proptest::option::of("[^\\p{Cc}]{0,11}[^\\p{Cc}.]"),
        )
            .prop_map(|(solution, key, field)| Reference { solution, key, field })
    }

    proptest! {
        #[test]
        fn what_is_written_reads_the_same(reference in reference()) {
            prop_assert_eq!(Reference::parse(&reference.to_string()), Ok(reference));
        }

        #[test]
        fn what_is_written_is_found(
            before in "([^\\p{Cc}a-zA-Z0-9]| |\n){0,20}[ \n\"'({=]?", reference in reference(), after in "[ \n\"',;)}][^c]{0,20}",
        ) {
            let before = if before.ends_with(['+', '-', '.', '_']) { format!("{before} ") } else { before };
            let text = format!("{before}{reference}{after}");
            let found: Vec<Found> = find(text.as_bytes()).collect();
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].range, &(before.len()..before.len() + reference.to_string().len()));
            prop_assert_eq!(found[0].line, 1 + before.matches('\n').count());
            let line = before.rsplit('\n').next().unwrap_or_default();
            prop_assert_eq!(found[0].column, line.chars().count() + 1);
            prop_assert_eq!(&found[0].reference, &Ok(reference));
        }

        #[test]
        fn no_text_is_too_odd(text in proptest::collection::vec(any::<u8>(), 0..200), at in 0..100usize) {
            let mut text = text;
            let at = at.min(text.len());
            text.splice(at..at, *b"cred://");
            for found in find(&text) {
                prop_assert!(found.range.end <= text.len() && found.range.start < found.range.end);
            }
        }
    }
}
