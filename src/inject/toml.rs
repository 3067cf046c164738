//! TOML 1.0: basic and literal strings, of one line and of several.

use std::borrow::Cow;

use super::{Around, Unfit, escaped, has_line_break, is_plain_number};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Bare,
    Comment,
    Basic,
    Literal,
    BasicLines,
    LiteralLines,
}

pub(super) fn written<'a>(around: &Around<'_>, value: &'a str) -> Result<Cow<'a, str>, Unfit> {
    let control = value.chars().any(|c| c.is_control() && c != '\t');
    match place(around.before) {
        Place::Comment if control => Err("a value of several lines cannot stand in a comment"),
        Place::Comment => Ok(value.into()),
        Place::Basic | Place::BasicLines => Ok(in_quotes(value)),
        Place::Literal if value.contains('\'') || control => {
            Err("single quotes cannot hold this value: use double quotes")
        }
        Place::LiteralLines
            if value.contains('\'') || value.chars().any(|c| c.is_control() && !matches!(c, '\t' | '\n')) =>
        {
            Err("''' cannot hold this value: use \"\"\"")
        }
        Place::Literal | Place::LiteralLines => Ok(value.into()),
        Place::Bare => bare(around, value),
    }
}

fn bare<'a>(around: &Around<'_>, value: &'a str) -> Result<Cow<'a, str>, Unfit> {
    let begins =
        around.before.trim_end().ends_with(['=', '[', ',']) && !around.line().trim_start().starts_with('[');
    let rest = around.rest().trim_start();
    let ends = rest.is_empty() || rest.starts_with([',', ']', '}', '#']);
    if !begins || !ends {
        return Err("it is part of a name or of a longer value: put that between double quotes");
    }
    let truth = matches!(value, "true" | "false");
    if truth || is_plain_number(value) {
        Ok(value.into())
    } else {
        Ok(format!("\"{}\"", in_quotes(value)).into())
    }
}

fn in_quotes(value: &str) -> Cow<'_, str> {
    escaped(value, |c| match c {
        '"' => Some("\\\"".into()),
        '\\' => Some("\\\\".into()),
        '\n' => Some("\\n".into()),
        '\r' => Some("\\r".into()),
        '\t' => Some("\\t".into()),
        c if c.is_control() || has_line_break(c.encode_utf8(&mut [0; 4])) => {
            Some(format!("\\u{:04X}", c as u32).into())
        }
        _ => None,
    })
}

fn place(before: &str) -> Place {
    let mut place = Place::Bare;
    let mut rest = before;
    while let Some(c) = rest.chars().next() {
        let mut step = c.len_utf8();
        place = match (place, c) {
            (Place::Bare, '#') => Place::Comment,
            (Place::Comment, '\n') => Place::Bare,
            (Place::Bare, '"' | '\'') => {
                let three = rest.starts_with("\"\"\"") || rest.starts_with("'''");
                step = if three { 3 } else { 1 };
                match (c, three) {
                    ('"', true) => Place::BasicLines,
                    ('"', false) => Place::Basic,
                    (_, true) => Place::LiteralLines,
                    (_, false) => Place::Literal,
                }
            }
            (Place::Basic | Place::BasicLines, '\\') => {
                step += rest[1..].chars().next().map_or(0, char::len_utf8);
                place
            }
            (Place::Basic, '"') | (Place::Literal, '\'') => Place::Bare,
            (Place::BasicLines, '"') if rest.starts_with("\"\"\"") => {
                // Up to two more quotes are the text's own.
                step = rest.chars().take_while(|c| *c == '"').count().min(5);
                Place::Bare
            }
            (Place::LiteralLines, '\'') if rest.starts_with("'''") => {
                step = rest.chars().take_while(|c| *c == '\'').count().min(5);
                Place::Bare
            }
            (place, _) => place,
        };
        rest = &rest[step..];
    }
    place
}
