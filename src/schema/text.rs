//! JSON text as a person edits it: where each value stands, and what is wrong where.

use std::collections::HashMap;

use nojson::{JsonParseError, RawJson, RawJsonValue};

use crate::model::pointer;

/// A place in a text, counted from 1; columns in characters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Column, in characters.
    pub column: usize,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why a text is not the JSON that is wanted. The sentence never quotes a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub place: Place,
    /// The JSON pointer of the object with a duplicate key; empty for other errors.
    pub pointer: String,
    /// What is wrong there.
    pub message: String,
}

impl std::fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        tell(f, self.place, &self.pointer, &self.message)
    }
}

/// What is wrong in a text: `line 2, column 7: /config: there is one already`.
pub(super) fn tell(
    f: &mut std::fmt::Formatter<'_>,
    place: Place,
    pointer: &str,
    message: &str,
) -> std::fmt::Result {
    match pointer {
        "" => write!(f, "{place}: {message}"),
        _ => write!(f, "{place}: {pointer}: {message}"),
    }
}

/// The place of a byte offset.
pub fn place_of(text: &str, offset: usize) -> Place {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// Where each value of a JSON text starts, and the byte range it covers, by JSON pointer.
#[derive(Clone, Debug, Default)]
pub struct Positions(HashMap<String, std::ops::Range<usize>>);

impl Positions {
    /// Reads a text: strict JSON (RFC 8259), 128 levels deep at most, no duplicate keys.
    ///
    /// # Errors
    /// The first syntax error, or every duplicate key.
    pub fn read(text: &str) -> Result<Self, Vec<SyntaxError>> {
        let json = RawJson::parse(text).map_err(|error| vec![syntax(text, &error)])?;
        let mut positions = Self::default();
        let mut duplicates = Vec::new();
        positions.visit(text, String::new(), json.value(), &mut duplicates);
        if duplicates.is_empty() { Ok(positions) } else { Err(duplicates) }
    }

    fn visit(&mut self, text: &str, at: String, value: RawJsonValue<'_, '_>, errors: &mut Vec<SyntaxError>) {
        let start = value.position();
        if let Ok(members) = value.to_object() {
            for (name, member) in members {
                let key = name.to_unquoted_string_str().unwrap_or_default();
                let place = pointer::join(&at, &key);
                if self.0.contains_key(&place) {
                    errors.push(SyntaxError {
                        place: place_of(text, name.position()),
                        pointer: place,
                        message: "this key stands here twice; keep one".to_owned(),
                    });
                } else {
                    self.visit(text, place, member, errors);
                }
            }
        } else if let Ok(items) = value.to_array() {
            for (index, item) in items.enumerate() {
                self.visit(text, format!("{at}/{index}"), item, errors);
            }
        }
        self.0.insert(at, start..start + value.as_raw_str().len());
    }

    /// The bytes of the value at a pointer; for one that is not there, of the nearest object around it.
    pub fn range(&self, place: &str) -> std::ops::Range<usize> {
        let mut place = place;
        loop {
            if let Some(range) = self.0.get(place) {
                return range.clone();
            }
            match place.rfind('/') {
                Some(at) => place = &place[..at],
                None => return 0..0,
            }
        }
    }
}

fn syntax(text: &str, error: &JsonParseError) -> SyntaxError {
    let offset = error.position();
    let message = match error {
        JsonParseError::UnexpectedEos { .. } => "the text ends too early: a bracket or a quote is not closed",
        JsonParseError::UnexpectedTrailingChar { .. } => "there is more text after the end of the document",
        JsonParseError::UnexpectedValueChar { .. } => match text[offset.min(text.len())..].chars().next() {
            Some('}' | ']') => "a value is missing, or a comma is left over, before this bracket",
            Some('\'') => "JSON wants double quotes",
            Some('\n' | '\r') => "the line ends inside a text: close the quote, write a line break as \\n",
            Some('"') => "a comma or a colon is missing before this text",
            _ => "this character cannot stand here",
        },
        JsonParseError::InvalidValue { .. } => "this value is not valid here",
    };
    SyntaxError { place: place_of(text, offset), pointer: String::new(), message: message.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_found_by_its_pointer() {
        let text = "{\n  \"ä\": {\"b/c\": [1, 22]}\n}";
        let positions = Positions::read(text).unwrap();
        let range = positions.range("/ä/b~1c/1");
        assert_eq!(&text[range.clone()], "22");
        assert_eq!(place_of(text, range.start), Place { line: 2, column: 20 });
        assert_eq!(positions.range("/ä/nothing").start, positions.range("/ä").start);
    }

    #[test]
    fn duplicate_keys_are_refused_with_their_place() {
        let errors = Positions::read("{\"a\":1,\n \"a\":2}").unwrap_err();
        assert_eq!(errors.len(), 1);
        assert_eq!(errors[0].place, Place { line: 2, column: 2 });
        assert_eq!(errors[0].pointer, "/a");
        // Written differently, it is the same key.
        assert!(Positions::read(r#"{"a":1,"\u0061":2}"#).is_err());
        assert!(Positions::read(r#"{"a":{"a":1}}"#).is_ok());
    }

    #[test]
    fn syntax_errors_have_a_place() {
        for (text, line, column) in
            [("{", 1, 2), ("{\"a\": }", 1, 7), ("{\"a\":1}\nx", 2, 1), ("{\n\"a\": 'b'}", 2, 6), ("", 1, 1)]
        {
            let errors = Positions::read(text).unwrap_err();
            assert_eq!(errors[0].place, Place { line, column }, "{text}: {}", errors[0].message);
        }
    }

    #[test]
    fn depth_is_limited() {
        let deep = "[".repeat(100_000);
        assert!(Positions::read(&deep).is_err());
    }
}
