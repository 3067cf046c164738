//! JSON by line, for its colours. Works on text that is half typed: a JSON text never crosses a line.

use std::ops::Range;

use ratatui::style::Style;

use crate::model::PLACEHOLDER;
use crate::tui::theme::Theme;

/// What a piece of a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token {
    Key,
    Text,
    Number,
    /// `true`, `false`, `null`; `word` is anything else made of letters.
    Keyword,
    Word,
    Punctuation,
    /// Of what stands in place of a stored secret.
    Placeholder,
}

impl Token {
    pub(super) fn style(self, theme: &Theme) -> Style {
        match self {
            Self::Key => theme.json_key,
            Self::Text => theme.json_string,
            Self::Number => theme.json_number,
            Self::Keyword => theme.json_keyword,
            Self::Word => theme.text,
            Self::Punctuation => theme.json_punctuation,
            Self::Placeholder => theme.json_placeholder,
        }
    }
}

/// The tokens of a line; blanks are in none.
pub(super) fn tokens(line: &str) -> Vec<(Range<usize>, Token)> {
    let bytes = line.as_bytes();
    let mut found: Vec<(Range<usize>, Token)> = Vec::new();
    let mut at = 0;
    // The member's value that follows is a placeholder's word.
    let mut placeholder = false;
    while at < bytes.len() {
        let start = at;
        let token = match bytes[at] {
            b' ' | b'\t' | b'\r' => {
                at += 1;
                continue;
            }
            b'"' => {
                at = end_of_text(bytes, at);
                let key = line[at..].trim_start().starts_with(':');
                let named = key && line[start..at].trim_matches('"') == PLACEHOLDER;
                let token = match (key, named || placeholder) {
                    (_, true) => Token::Placeholder,
                    (true, false) => Token::Key,
                    (false, false) => Token::Text,
                };
                placeholder = named;
                token
            }
            b'{' | b'}' | b'[' | b']' | b',' | b':' => {
                at += 1;
                if bytes[start] == b',' {
                    placeholder = false;
                }
                Token::Punctuation
            }
            b'-' | b'0'..=b'9' => {
                while at < bytes.len() && matches!(bytes[at], b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E')
                {
                    at += 1;
                }
                Token::Number
            }
            _ => {
                let ends = |byte: &u8| b" \t\",:{}[]".contains(byte);
                at = bytes[at..].iter().position(ends).map_or(bytes.len(), |length| at + length);
                match &line[start..at] {
                    "true" | "false" | "null" => Token::Keyword,
                    _ => Token::Word,
                }
            }
        };
        found.push((start..at, token));
    }
    found
}

/// The byte after a text that starts at `from`: after its closing quote, or at the line's end.
fn end_of_text(bytes: &[u8], from: usize) -> usize {
    let mut at = from + 1;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// Brackets looked at before a search for the other one gives up.
const BRACKETS_MAX: usize = 100_000;

/// The bracket at a place (line, byte) and the one that belongs to it.
pub(super) fn bracket_pair(lines: &[String], (row, byte): (usize, usize)) -> Option<[(usize, usize); 2]> {
    let bracket = lines.get(row)?.as_bytes().get(byte).copied()?;
    let opens = match bracket {
        b'{' | b'[' => true,
        b'}' | b']' => false,
        _ => return None,
    };
    let brackets = |row: usize| {
        let line = lines[row].as_bytes();
        tokens(&lines[row])
            .into_iter()
            .filter(|(_, token)| *token == Token::Punctuation)
            .map(|(range, _)| (range.start, line[range.start]))
            .filter(|(_, byte)| b"{}[]".contains(byte))
            .collect::<Vec<_>>()
    };
    if !brackets(row).iter().any(|(at, _)| *at == byte) {
        return None;
    }
    let mut depth = 0usize;
    let mut budget = BRACKETS_MAX;
    let mut at = row;
    loop {
        let mut here = brackets(at);
        budget = budget.checked_sub(here.len() + 1)?;
        if !opens {
            here.reverse();
        }
        for (place, found) in here {
            if at == row && (if opens { place < byte } else { place > byte }) {
                continue;
            }
            depth = if matches!(found, b'{' | b'[') == opens { depth + 1 } else { depth - 1 };
            if depth == 0 {
                return Some([(row, byte), (at, place)]);
            }
        }
        at = if opens { at + 1 } else { at.checked_sub(1)? };
        if at == lines.len() {
            return None;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(line: &str) -> Vec<Token> {
        tokens(line).into_iter().map(|(_, token)| token).collect()
    }

    #[test]
    fn tokens_of_whole_and_of_half_typed_lines() {
        use Token::*;
        assert_eq!(
            kinds(r#"  "a\"b": [1.5e3, true, "x"],"#),
            [
                Key,
                Punctuation,
                Punctuation,
                Number,
                Punctuation,
                Keyword,
                Punctuation,
                Text,
                Punctuation,
                Punctuation
            ]
        );
        assert_eq!(kinds(r#""open \"#), [Text]);
        assert_eq!(kinds("\"日本"), [Text]);
        assert_eq!(kinds("nul 日 'x'"), [Word, Word, Word]);
        assert_eq!(
            kinds(r#""a": {"$secret": "stored"}, "b": "c""#)[3..6],
            [Placeholder, Punctuation, Placeholder]
        );
        assert_eq!(kinds(r#""a": {"$secret": "stored"}, "b": "c""#)[8..], [Key, Punctuation, Text]);
    }

    #[test]
    fn brackets_find_each_other_and_not_those_in_texts() {
        let lines: Vec<String> = ["{", r#" "a": ["]", {}],"#, "}"].map(str::to_owned).to_vec();
        assert_eq!(bracket_pair(&lines, (0, 0)), Some([(0, 0), (2, 0)]));
        assert_eq!(bracket_pair(&lines, (2, 0)), Some([(2, 0), (0, 0)]));
        assert_eq!(bracket_pair(&lines, (1, 6)), Some([(1, 6), (1, 14)]));
        assert_eq!(bracket_pair(&lines, (1, 8)), None);
        assert_eq!(bracket_pair(&lines[..2], (0, 0)), None);
    }

    proptest::proptest! {
        #[test]
        fn any_line_has_tokens_in_order(line in ".{0,40}") {
            let mut end = 0;
            for (range, _) in tokens(&line) {
                assert!(range.start >= end && line.get(range.clone()).is_some());
                end = range.end;
            }
        }
    }
}
