//! `NAME=value` lines, as shells, compose files and web frameworks read them. Nothing is expanded: `${OTHER}` stays
//! as it is written, which is told.

use super::{Found, Item, Mistake};
use crate::secret::Secret;

pub(super) fn read(text: &str) -> Result<Found, Mistake> {
    let mut found = Found::default();
    let mut reader = Reader { rest: text, line: 1 };
    let mut comment: Vec<&str> = Vec::new();
    while !reader.rest.is_empty() {
        let line = reader.line;
        let start = reader.rest.trim_start_matches([' ', '\t']);
        match start.chars().next() {
            // What stands between a comment and a variable parts them.
            None | Some('\n' | '\r') => {
                comment.clear();
                reader.skip_line();
            }
            Some('#') => comment.push(reader.skip_line().trim().trim_start_matches('#').trim()),
            Some(_) => {
                let mut item = reader.variable(&std::mem::take(&mut comment).join("\n"))?;
                item.place = format!("line {line}");
                found.items.push(item);
            }
        }
    }
    only_the_last(&mut found);
    Ok(found)
}

/// Of a name that is given several times the last holds, as it does for whoever reads such files.
fn only_the_last(found: &mut Found) {
    let mut last = std::collections::HashMap::new();
    for (at, item) in found.items.iter().enumerate() {
        last.insert(item.name.clone(), at);
    }
    for (at, item) in found.items.iter_mut().enumerate() {
        if last[&item.name] != at {
            item.skipped = Some("given again below, which holds".to_owned());
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    /// Counted from 1.
    line: usize,
}

impl<'a> Reader<'a> {
    /// Goes behind the end of the line; what stood before it.
    fn skip_line(&mut self) -> &'a str {
        let end = self.rest.find('\n').map_or(self.rest.len(), |at| at + 1);
        let (line, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.line += 1;
        line.trim_end_matches(['\n', '\r'])
    }

    fn mistake(&self, message: &str) -> Mistake {
        Mistake::new(format!("line {}", self.line), message)
    }

    /// A variable, with what stands above it.
    fn variable(&mut self, above: &str) -> Result<Item, Mistake> {
        let line = self.rest.split('\n').next().unwrap_or_default();
        let Some((before, _)) = line.split_once('=') else {
            return Err(self.mistake("no NAME=value stands here"));
        };
        let name = before.trim();
        let name = name.strip_prefix("export").filter(|rest| rest.starts_with([' ', '\t'])).unwrap_or(name);
        let name = name.trim();
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
        if name.is_empty() || name.len() > 200 || !name.chars().all(plain) {
            return Err(self.mistake("what stands before '=' is no name of a variable"));
        }
        self.rest = self.rest[before.len() + 1..].trim_start_matches([' ', '\t']);
        let mut item = Item::new("", name);
        item.key = Some(name.to_owned());
        item.kind = Some("secret");
        item.note(above);
        let (text, after, expands) = match self.rest.chars().next() {
            Some(quote @ ('"' | '\'' | '`')) => self.quoted(quote)?,
            _ => {
                let line = self.skip_line();
                // A '#' behind a blank starts a comment, one within a word does not.
                let comment = line.match_indices('#').map(|(at, _)| at);
                let at = comment.into_iter().find(|at| line[..*at].ends_with([' ', '\t']) || *at == 0);
                let (value, after) = line.split_at(at.unwrap_or(line.len()));
                (value.trim_end().to_owned(), after, true)
            }
        };
        item.note(after.trim().trim_start_matches('#').trim());
        if expands && (text.contains("${") || text.contains("$(")) {
            item.told.push("refers to something else with $; kept as it is written".to_owned());
        }
        if text.is_empty() {
            item.skipped = Some("has no value".to_owned());
        }
        item.password(Secret::new(text));
        for value in &mut item.values {
            name.clone_into(&mut value.name);
        }
        Ok(item)
    }

    /// A text in quotes, which may have several lines; what stands behind it; whether `$` means something in it.
    fn quoted(&mut self, quote: char) -> Result<(String, &'a str, bool), Mistake> {
        let mut text = String::new();
        let mut chars = self.rest.char_indices().skip(1);
        let end = loop {
            match chars.next() {
                None => return Err(self.mistake("a quote that is opened here is never closed")),
                Some((at, c)) if c == quote => break at + c.len_utf8(),
                Some((_, '\\')) if quote == '"' => match chars.next() {
                    Some((_, 'n')) => text.push('\n'),
                    Some((_, 'r')) => text.push('\r'),
                    Some((_, 't')) => text.push('\t'),
                    Some((_, c @ ('"' | '\\' | '$' | '`'))) => text.push(c),
                    // A line that is continued.
                    Some((_, '\n')) => {}
                    Some((_, c)) => text.extend(['\\', c]),
                    None => text.push('\\'),
                },
                Some((_, c)) => text.push(c),
            }
        };
        self.line += self.rest[..end].matches('\n').count();
        self.rest = &self.rest[end..];
        let line = self.line;
        let after = self.skip_line().trim();
        if !after.is_empty() && !after.starts_with('#') {
            return Err(Mistake::new(format!("line {line}"), "something stands behind the closing quote"));
        }
        Ok((text, after, quote != '\''))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> Vec<(String, String)> {
        let found = read(text).unwrap();
        let one = |item: &Item| {
            let text = item.values.first().map(|value| value.text.expose().to_owned());
            (item.name.clone(), text.unwrap_or_default())
        };
        found.items.iter().filter(|item| item.skipped.is_none()).map(one).collect()
    }

    #[test]
    fn values_are_read_as_shells_and_frameworks_do() {
        let text = "A=1\r\nexport B = two words \nC='it is # $X \\n'\nD=\"a\\nb \\\"q\\\" \\$X\"\n\
                    E=a#b # comment\nF=`x`\nURL=https://u:p@h/?q=1&r#f\n export  G=\"over\ntwo lines\" # c\nlast=1";
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "it is # $X \\n"),
            ("D", "a\nb \"q\" $X"),
            ("E", "a#b"),
            ("F", "x"),
            ("URL", "https://u:p@h/?q=1&r#f"),
            ("G", "over\ntwo lines"),
            ("last", "1"),
        ];
        assert_eq!(read_all(text), expected.map(|(name, text)| (name.to_owned(), text.to_owned())));
    }

    #[test]
    fn comments_beside_and_above_become_notes() {
        let found = read("# far away\n\n# the live one\n# of Ann\nKEY=x # since May\n").unwrap();
        assert_eq!(found.items[0].notes, "the live one\nof Ann\nsince May");
        assert_eq!(found.items[0].place, "line 5");
    }

    #[test]
    fn what_is_empty_or_given_again_is_told() {
        let found = read("A=\nB=1\nB=2\nC=${D}\n").unwrap();
        let skipped: Vec<_> = found.items.iter().map(|item| item.skipped.as_deref()).collect();
        assert_eq!(skipped, [Some("has no value"), Some("given again below, which holds"), None, None]);
        assert!(found.items[3].told[0].contains("kept as it is written"));
    }

    #[test]
    fn mistakes_name_their_line() {
        let at = |text: &str| read(text).unwrap_err().to_string();
        assert_eq!(at("A=1\nno variable\n"), "line 2: no NAME=value stands here");
        assert_eq!(at("A=1\n\nB=\"x\ny"), "line 3: a quote that is opened here is never closed");
        assert_eq!(at("A=\"x\ny\" z\n"), "line 2: something stands behind the closing quote");
        assert_eq!(at("A B=1"), "line 1: what stands before '=' is no name of a variable");
    }
}
