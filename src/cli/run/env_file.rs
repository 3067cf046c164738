//! Dotenv files: `NAME=value` a line.
//!
//! `export` may stand before a name and a comment behind a `#`. In single quotes everything stands for itself, in
//! double quotes `\n`, `\r`, `\t`, `\"`, `\\` and `\$` are escapes; both may span lines. Nothing is expanded.

use crate::secret::Secret;

/// One variable of a file.
#[derive(Debug)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) value: Secret,
    /// Where it stands, counted from 1.
    pub(super) line: usize,
}

/// What cannot be read, and where. The text itself is not told: it may be a secret.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub(super) struct Mistake {
    line: usize,
    column: usize,
    what: &'static str,
}

/// Reads a whole file.
pub(super) fn parse(text: &str) -> Result<Vec<Line>, Mistake> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut reader = Reader { text, at: 0 };
    let mut lines = Vec::new();
    while reader.next_line() {
        let start = reader.at;
        let name = reader.name()?;
        let value = reader.value()?;
        lines.push(Line { name, value: Secret::new(value), line: reader.place(start).0 });
    }
    Ok(lines)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    /// Line and column of a place, counted from 1.
    fn place(&self, at: usize) -> (usize, usize) {
        let before = &self.text[..at];
        let line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, line.chars().count() + 1)
    }

    fn mistake<T>(&self, at: usize, what: &'static str) -> Result<T, Mistake> {
        let (line, column) = self.place(at);
        Err(Mistake { line, column, what })
    }

    fn skip(&mut self, part: impl Fn(char) -> bool) {
        self.at += self.rest().find(|c| !part(c)).unwrap_or(self.rest().len());
    }

    fn blanks(&mut self) {
        self.skip(|c| matches!(c, ' ' | '\t'));
    }

    /// Goes to the next line that says something.
    fn next_line(&mut self) -> bool {
        loop {
            self.skip(char::is_whitespace);
            if !self.rest().starts_with('#') {
                return !self.rest().is_empty();
            }
            self.skip(|c| c != '\n');
        }
    }

    fn name(&mut self) -> Result<String, Mistake> {
        if let Some(behind) = self.rest().strip_prefix("export")
            && behind.starts_with([' ', '\t'])
        {
            self.at += "export".len();
            self.blanks();
        }
        let start = self.at;
        self.skip(|c| !matches!(c, '=' | '\n'));
        let name = self.text[start..self.at].trim_end().to_owned();
        if !self.rest().starts_with('=') {
            return self.mistake(start, "NAME=value was expected");
        }
        self.at += 1;
        Ok(name)
    }

    fn value(&mut self) -> Result<String, Mistake> {
        self.blanks();
        let Some(quote) = self.rest().chars().next().filter(|c| matches!(c, '"' | '\'')) else {
            return Ok(self.bare());
        };
        let value = self.quoted(quote)?;
        self.blanks();
        let behind = self.at;
        if self.rest().starts_with('#') {
            self.skip(|c| c != '\n');
        }
        match self.rest().chars().next() {
            None | Some('\n' | '\r') => Ok(value),
            Some(_) => self.mistake(behind, "nothing but a comment may stand behind the quotes"),
        }
    }

    /// A value without quotes: up to a comment, without the blanks around it.
    fn bare(&mut self) -> String {
        let start = self.at;
        self.skip(|c| c != '\n');
        let line = &self.text[start..self.at];
        let comment = line.char_indices().find(|(at, c)| *c == '#' && line[..*at].ends_with([' ', '\t']));
        let commented = line.starts_with('#');
        let end = if commented { 0 } else { comment.map_or(line.len(), |(at, _)| at) };
        line[..end].trim().to_owned()
    }

    fn quoted(&mut self, quote: char) -> Result<String, Mistake> {
        let start = self.at;
        self.at += 1;
        // One buffer of the right size: growing it would leave copies.
        let mut value = String::with_capacity(self.rest().len());
        loop {
            let Some(c) = self.rest().chars().next() else {
                return self.mistake(start, "the quote is never closed");
            };
            let at = self.at;
            self.at += c.len_utf8();
            match c {
                c if c == quote => return Ok(value),
                '\\' if quote == '"' => {
                    let escaped = self.rest().chars().next();
                    self.at += escaped.map_or(0, char::len_utf8);
                    value.push(match escaped {
                        Some('n') => '\n',
                        Some('r') => '\r',
                        Some('t') => '\t',
                        Some(c @ ('"' | '\\' | '$' | '\'')) => c,
                        _ => return self.mistake(at, "an escape is one of \\n \\r \\t \\\" \\\\ \\$"),
                    });
                }
                c => value.push(c),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_line_may_say() {
        let text = "\u{feff}# first\n\nA=plain value # comment\r\n export B = \"two\\n\\\"lines\\\"\" # c\nC='raw $x \\n'\nD=\n\
                    E=a#b\nF=#c\nG='one\ntwo'\nH=\"cred://s/k#f\"\nI=cred://k#f\n";
        let read = parse(text).unwrap();
        let told: Vec<(&str, &str, usize)> =
            read.iter().map(|line| (line.name.as_str(), line.value.expose(), line.line)).collect();
        assert_eq!(
            told,
            [
                ("A", "plain value", 3),
                ("B", "two\n\"lines\"", 4),
                ("C", "raw $x \\n", 5),
                ("D", "", 6),
                ("E", "a#b", 7),
                ("F", "", 8),
                ("G", "one\ntwo", 9),
                ("H", "cred://s/k#f", 11),
                ("I", "cred://k#f", 12),
            ]
        );
    }

    #[test]
    fn what_cannot_be_read_has_its_place() {
        let said = |text: &str| parse(text).unwrap_err().to_string();
        assert_eq!(said("A=1\n  nonsense\n"), "line 2, column 3: NAME=value was expected");
        assert_eq!(said("A=\"open\nand open"), "line 1, column 3: the quote is never closed");
        assert_eq!(said("A='x' y"), "line 1, column 7: nothing but a comment may stand behind the quotes");
        assert!(said("A=\"\\x41\"").starts_with("line 1, column 4: an escape is"));
    }
}
