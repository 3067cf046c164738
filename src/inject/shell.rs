//! Scripts of a POSIX shell: bare words are quoted, quotes are escaped. Inside of backticks and of here-documents that
//! are expanded there is no safe way for every value.

use std::borrow::Cow;

use super::dotenv::is_word;
use super::{Around, Unfit, escaped, has_line_break};

/// Where a place is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Commands and words.
    Bare,
    Comment,
    Single,
    Double,
    Backticks,
    /// Its last line, and whether it is expanded.
    Here(String, bool),
}

pub(super) fn written<'a>(around: &Around<'_>, value: &'a str) -> Result<Cow<'a, str>, Unfit> {
    match place(around.before) {
        Place::Bare if is_word(value) => Ok(value.into()),
        Place::Bare => Ok(format!("'{}'", in_single(value)).into()),
        Place::Single => Ok(in_single(value)),
        Place::Double => Ok(escaped(value, |c| match c {
            '"' => Some("\\\"".into()),
            '\\' => Some("\\\\".into()),
            '$' => Some("\\$".into()),
            '`' => Some("\\`".into()),
            _ => None,
        })),
        Place::Comment if has_line_break(value) => Err("a value of several lines cannot stand in a comment"),
        Place::Comment => Ok(value.into()),
        Place::Backticks if is_word(value) => Ok(value.into()),
        Place::Backticks => Err("this value cannot stand between backticks: use $(…)"),
        Place::Here(end, _) if value.lines().any(|line| line.trim_start_matches('\t') == end) => {
            Err("a line of this value would end the here-document")
        }
        Place::Here(_, true) => Ok(escaped(value, |c| match c {
            '\\' => Some("\\\\".into()),
            '$' => Some("\\$".into()),
            '`' => Some("\\`".into()),
            _ => None,
        })),
        Place::Here(..) => Ok(value.into()),
    }
}

fn in_single(value: &str) -> Cow<'_, str> {
    escaped(value, |c| (c == '\'').then_some("'\\''".into()))
}

fn place(before: &str) -> Place {
    // `"$( … )"` is commands inside of quotes inside of commands.
    let mut open = vec![Place::Bare];
    let mut parentheses: Vec<usize> = vec![0];
    let mut here: Vec<(String, bool)> = Vec::new();
    let mut last = '\n';
    let mut rest = before;
    while let Some(c) = rest.chars().next() {
        let now = open.last().cloned().unwrap_or(Place::Bare);
        let mut step = c.len_utf8();
        match (&now, c) {
            (Place::Here(end, _), _) => {
                let line = rest.split_inclusive('\n').next().unwrap_or(rest);
                if line.trim_end_matches('\n').trim_start_matches('\t') == end {
                    open.pop();
                } else if !line.ends_with('\n') {
                    return now;
                }
                step = line.len();
                if open.last() == Some(&Place::Bare)
                    && let Some((end, expanded)) = here.pop()
                {
                    open.push(Place::Here(end, expanded));
                }
            }
            (Place::Comment, '\n') | (Place::Single, '\'') | (Place::Backticks, '`') => {
                open.pop();
                // The line break ends the line too.
                step = if c == '\n' { 0 } else { step };
            }
            (Place::Double, '"') => drop(open.pop()),
            (Place::Bare | Place::Double | Place::Backticks, '\\') => {
                step += rest[1..].chars().next().map_or(0, char::len_utf8);
            }
            (Place::Bare | Place::Double, '$') if rest.starts_with("$(") => {
                open.push(Place::Bare);
                parentheses.push(0);
                step = 2;
            }
            (Place::Bare | Place::Double, '`') => open.push(Place::Backticks),
            (Place::Bare, '(') => *parentheses.last_mut().unwrap_or(&mut 0) += 1,
            (Place::Bare, ')') => match parentheses.last_mut() {
                Some(depth @ 1..) => *depth -= 1,
                _ if open.len() > 1 => {
                    open.pop();
                    parentheses.pop();
                }
                _ => {}
            },
            (Place::Bare, '\'') => open.push(Place::Single),
            (Place::Bare, '"') => open.push(Place::Double),
            (Place::Bare, '#') if last.is_whitespace() || matches!(last, ';' | '(' | '|' | '&') => {
                open.push(Place::Comment);
            }
            (Place::Bare, '<') if rest.starts_with("<<") && !rest.starts_with("<<<") => {
                let word = rest[2..].trim_start_matches(['-', ' ', '\t']);
                let quoted = word.starts_with(['\'', '"', '\\']);
                let end: String = word
                    .chars()
                    .filter(|c| !matches!(c, '\'' | '"' | '\\'))
                    .take_while(|c| !c.is_whitespace() && !matches!(c, ';' | '|' | '&' | ')' | '<' | '>'))
                    .collect();
                step = rest.len() - word.len();
                here.insert(0, (end, !quoted));
            }
            (Place::Bare, '\n') => {
                if let Some((end, expanded)) = here.pop() {
                    open.push(Place::Here(end, expanded));
                }
            }
            _ => {}
        }
        last = c;
        rest = &rest[step..];
    }
    open.pop().unwrap_or(Place::Bare)
}
