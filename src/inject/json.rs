//! JSON: inside of a text escaped; where a value stands by itself, as it is if it is JSON, else as a text.

use std::borrow::Cow;

use super::{Around, Unfit, escaped};

pub(super) fn written<'a>(around: &Around<'_>, value: &'a str) -> Result<Cow<'a, str>, Unfit> {
    if in_text(around.before) {
        return Ok(in_quotes(value));
    }
    let begins =
        around.before.trim_end().chars().next_back().is_none_or(|c| matches!(c, ':' | '[' | ',' | '{'));
    let ends = around.after.trim_start().chars().next().is_none_or(|c| matches!(c, ',' | ']' | '}' | ':'));
    if !begins || !ends {
        return Err("it is part of a longer word: put that between double quotes");
    }
    match serde_json::from_str::<serde::de::IgnoredAny>(value) {
        Ok(_) => Ok(value.into()),
        Err(_) => Ok(format!("\"{}\"", in_quotes(value)).into()),
    }
}

/// A value between double quotes, as JSON escapes it; YAML reads it the same.
pub(super) fn in_quotes(value: &str) -> Cow<'_, str> {
    escaped(value, |c| match c {
        '"' => Some("\\\"".into()),
        '\\' => Some("\\\\".into()),
        '\n' => Some("\\n".into()),
        '\r' => Some("\\r".into()),
        '\t' => Some("\\t".into()),
        // Line breaks of YAML 1.1 and JavaScript among them.
        '\0'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
            Some(format!("\\u{:04x}", c as u32).into())
        }
        _ => None,
    })
}

fn in_text(before: &str) -> bool {
    let mut inside = false;
    let mut characters = before.chars();
    while let Some(c) = characters.next() {
        match c {
            '"' => inside = !inside,
            '\\' if inside => drop(characters.next()),
            _ => {}
        }
    }
    inside
}
