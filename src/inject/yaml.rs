//! YAML: what stands at a place is found line by line; plain words stay plain only where no reader takes them for
//! anything but a text.

use std::borrow::Cow;

use super::json::in_quotes;
use super::{Around, Unfit, has_line_break, is_plain_number};

/// Where a place is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Place {
    /// Outside of quotes; inside of brackets, where `flow`.
    Plain {
        flow: bool,
    },
    Comment,
    Single,
    Double,
    /// Below `|` or `>`.
    Block {
        folded: bool,
    },
}

pub(super) fn written<'a>(around: &Around<'_>, value: &'a str) -> Result<Cow<'a, str>, Unfit> {
    let control =
        value.chars().any(|c| c.is_control() && c != '\t' || has_line_break(c.encode_utf8(&mut [0; 4])));
    match place(around.before) {
        Place::Double => Ok(in_quotes(value)),
        Place::Single if control => Err("single quotes cannot hold this value: use double quotes"),
        Place::Single => Ok(value.replace('\'', "''").into()),
        Place::Comment if control => Err("a value of several lines cannot stand in a comment"),
        Place::Comment => Ok(value.into()),
        Place::Block { folded } => block(around, value, folded),
        Place::Plain { flow } => plain(around, value, flow),
    }
}

/// Lines that follow the first are indented as far as that one.
fn block<'a>(around: &Around<'_>, value: &'a str, folded: bool) -> Result<Cow<'a, str>, Unfit> {
    if value.chars().any(|c| {
        c.is_control() && !matches!(c, '\t' | '\n') || c != '\n' && has_line_break(c.encode_utf8(&mut [0; 4]))
    }) {
        return Err("a block cannot hold this value: use double quotes");
    }
    let line = around.line();
    let alone = line.trim().is_empty();
    // Blanks at its start would be taken for a deeper indentation, and a line break at its end is the template's.
    let text = if alone { value.strip_suffix('\n').unwrap_or(value) } else { value };
    if text.contains('\n') && (folded || !alone || !around.rest().trim().is_empty()) {
        return Err(
            "a value of several lines stands on a line of its own below '|', or between double quotes",
        );
    }
    if alone && (text.starts_with([' ', '\t', '\n']) || text.is_empty()) || folded && text.starts_with(' ') {
        return Err("a block cannot start with blanks: use double quotes");
    }
    if !text.contains('\n') {
        return Ok(text.into());
    }
    Ok(text.replace('\n', &format!("\n{line}")).into())
}

fn plain<'a>(around: &Around<'_>, value: &'a str, flow: bool) -> Result<Cow<'a, str>, Unfit> {
    let word = |value: &str| {
        // None of these means anything inside of a word: blanks would have to stand beside some of them.
        let inside = |c: char| "_./+=@~^-%?&;!$*()<>|".contains(c) || c == ':' && !flow;
        value.chars().all(|c| c.is_ascii_alphanumeric() || inside(c))
            && !value.ends_with(':')
            && !value.is_empty()
    };
    if begins(around, flow) && ends(around, flow) {
        let fine = word(value) && is_text(value) || is_plain_number(value);
        return Ok(if fine { value.into() } else { format!("\"{}\"", in_quotes(value)).into() });
    }
    // As the start of a longer word some characters mean something.
    let start = !begins(around, flow) || value.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '/');
    if word(value) && start {
        Ok(value.into())
    } else {
        Err("it is part of a longer value: put that between double quotes")
    }
}

/// Whether a plain word is a text to every reader, and no number, date, truth or null.
fn is_text(value: &str) -> bool {
    const WORDS: [&str; 10] = ["true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan"];
    value.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '/' | '_'))
        && !WORDS.contains(&value.to_ascii_lowercase().as_str())
}

/// Whether a value starts here.
fn begins(around: &Around<'_>, flow: bool) -> bool {
    let line = around.line();
    let before = line.trim_end();
    let blank = line.len() > before.len();
    match before.chars().next_back() {
        None => true,
        Some(':') => blank,
        Some('-' | '?') => blank && before[..before.len() - 1].trim().trim_end_matches("- ").is_empty(),
        Some(',' | '[' | '{') => flow,
        Some(_) => false,
    }
}

/// Whether a value ends here.
fn ends(around: &Around<'_>, flow: bool) -> bool {
    let rest = around.rest();
    let behind = rest.trim_start();
    behind.is_empty()
        || behind.starts_with('#') && rest.len() > behind.len()
        || flow && behind.starts_with([',', ']', '}'])
}

struct Reader {
    place: Place,
    depth: usize,
    /// The indentation that a block's lines are deeper than.
    block: Option<(usize, bool)>,
}

fn place(before: &str) -> Place {
    let mut reader = Reader { place: Place::Plain { flow: false }, depth: 0, block: None };
    let mut lines = before.split('\n').peekable();
    while let Some(line) = lines.next() {
        let last = lines.peek().is_none();
        let indent = line.len() - line.trim_start_matches(' ').len();
        if let Some((above, folded)) = reader.block {
            let blank = line.trim().is_empty();
            if indent > above || blank && !last {
                if last {
                    return Place::Block { folded };
                }
                continue;
            }
            reader.block = None;
        }
        reader.line(line);
        if last {
            break;
        }
        if reader.place == Place::Comment {
            reader.place = Place::Plain { flow: reader.depth > 0 };
        } else if reader.place == (Place::Plain { flow: false }) {
            reader.block = block_begins(line);
        }
    }
    match reader.place {
        Place::Plain { .. } => Place::Plain { flow: reader.depth > 0 },
        place => place,
    }
}

impl Reader {
    fn line(&mut self, line: &str) {
        let mut characters = line.char_indices().peekable();
        while let Some((at, c)) = characters.next() {
            let before = &line[..at];
            // Quotes and brackets mean something only where a value starts.
            let begins = || {
                let text = before.trim_end();
                let blank = text.len() < before.len();
                text.is_empty()
                    || blank && text.ends_with([':', '-', '?'])
                    || self.depth > 0 && text.ends_with([',', '[', '{', ':'])
                    || blank && text.rsplit(' ').next().is_some_and(|word| word.starts_with(['!', '&']))
            };
            match (&self.place, c) {
                (Place::Double, '\\') => drop(characters.next()),
                (Place::Double, '"') => self.place = Place::Plain { flow: false },
                (Place::Single, '\'') => match characters.peek() {
                    Some((_, '\'')) => drop(characters.next()),
                    _ => self.place = Place::Plain { flow: false },
                },
                (Place::Plain { .. }, '#') if before.is_empty() || before.ends_with([' ', '\t']) => {
                    self.place = Place::Comment;
                }
                (Place::Plain { .. }, '"') if begins() => self.place = Place::Double,
                (Place::Plain { .. }, '\'') if begins() => self.place = Place::Single,
                (Place::Plain { .. }, '[' | '{') if begins() => self.depth += 1,
                (Place::Plain { .. }, ']' | '}') if self.depth > 0 => self.depth -= 1,
                _ => {}
            }
        }
    }
}

/// Whether a line ends with `|` or `>`: how deep it is, and which.
fn block_begins(line: &str) -> Option<(usize, bool)> {
    let text = line.split(" #").next().unwrap_or(line).trim_end();
    let word = text.rsplit(' ').next().unwrap_or_default();
    let sign = word.chars().next().filter(|c| matches!(c, '|' | '>'))?;
    let before = text[..text.len() - word.len()].trim_end();
    let leads = before.is_empty()
        || before.ends_with([':', '-'])
        || before.rsplit(' ').next().is_some_and(|word| word.starts_with(['!', '&']));
    if !leads || !word[1..].chars().all(|c| matches!(c, '+' | '-' | '1'..='9')) {
        return None;
    }
    let mut key = line.trim_start_matches(' ');
    while let Some(item) = key.strip_prefix("- ") {
        key = item.trim_start_matches(' ');
    }
    // Of `- |` the dash itself is what the lines are deeper than.
    let deep = if key.starts_with(['|', '>']) {
        line.len() - line.trim_start_matches(' ').len()
    } else {
        line.len() - key.len()
    };
    Some((deep, sign == '>'))
}
