//! INI and its relatives: what one program takes for a comment, a quote or an escape is text to the next, so only what
//! all read as it stands goes in.

use std::borrow::Cow;

use super::{Around, Unfit, has_line_break};

pub(super) fn written<'a>(around: &Around<'_>, value: &'a str) -> Result<Cow<'a, str>, Unfit> {
    if has_line_break(value) || value.chars().any(|c| c.is_control() && c != '\t') {
        return Err("a value of several lines cannot stand in a file of this format");
    }
    if value.contains('\\') {
        return Err("a backslash means another thing to each program that reads files of this format");
    }
    let line = around.line();
    let quoted = line.matches('"').count() % 2 == 1 || line.matches('\'').count() % 2 == 1;
    let unfit = match quoted {
        true => value.contains(['"', '\'']),
        false => {
            value.trim() != value
                || value.is_empty()
                || value.starts_with(['"', '\''])
                || value.starts_with(['#', ';'])
                || [" #", " ;", "\t#", "\t;"].iter().any(|comment| value.contains(comment))
        }
    };
    // Placeholders of the format's own.
    if unfit || value.contains(['%', '$']) {
        return Err("programs that read files of this format do not agree on how to write this value");
    }
    Ok(value.into())
}
