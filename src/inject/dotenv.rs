//! Dotenv: programs agree on plain words and on single quotes, and nearly on double quotes.

use std::borrow::Cow;

use super::{Around, Unfit, escaped, has_line_break};

pub(super) fn written<'a>(around: &Around<'_>, value: &'a str) -> Result<Cow<'a, str>, Unfit> {
    let line = around.line();
    match open_quote(around.before) {
        Some('\'') if value.contains('\'') || has_line_break(value) => {
            Err("single quotes cannot hold this value: use double quotes, or none")
        }
        Some('\'') => Ok(value.into()),
        Some(_) => Ok(in_quotes(value)),
        None if line.trim_start().starts_with('#') || line.contains(" #") => match has_line_break(value) {
            true => Err("a value of several lines cannot stand in a comment"),
            false => Ok(value.into()),
        },
        None if is_word(value) => Ok(value.into()),
        None => {
            let rest = around.rest().trim_start();
            let whole = line.trim_end().ends_with('=') && (rest.is_empty() || rest.starts_with('#'));
            if !whole {
                return Err("it is part of a longer value: put that between double quotes");
            }
            let single = !value.contains(['\'', '\\']) && !has_line_break(value);
            Ok(if single { format!("'{value}'") } else { format!("\"{}\"", in_quotes(value)) }.into())
        }
    }
}

/// Whether every program reads it as it stands.
pub(super) fn is_word(value: &str) -> bool {
    !value.is_empty() && value.chars().all(|c| c.is_ascii_alphanumeric() || "_./+=@%:,-".contains(c))
}

fn in_quotes(value: &str) -> Cow<'_, str> {
    escaped(value, |c| match c {
        '"' => Some("\\\"".into()),
        '\\' => Some("\\\\".into()),
        '$' => Some("\\$".into()),
        '\n' => Some("\\n".into()),
        '\r' => Some("\\r".into()),
        _ => None,
    })
}

/// The quote that is open at the end of a text.
fn open_quote(before: &str) -> Option<char> {
    let mut open = None;
    // Whether a quote here opens a value: only blanks stand between it and the `=`.
    let mut begins = false;
    let mut comment = false;
    let mut last = '\n';
    let mut characters = before.chars();
    while let Some(c) = characters.next() {
        match (open, c) {
            (Some(quote), c) if c == quote => open = None,
            (Some('"'), '\\') => drop(characters.next()),
            (Some(_), _) => {}
            (None, '\n') => (begins, comment) = (false, false),
            (None, '#') if last.is_whitespace() => comment = true,
            (None, '=') if !comment => begins = true,
            (None, '"' | '\'') if begins && !comment => open = Some(c),
            (None, ' ' | '\t') => {}
            (None, _) => begins = false,
        }
        last = c;
    }
    open
}
