//! Templates: `{{ cred://… }}` stands for a value; all other text, other braces too, stays as it is. Pure.
//!
//! A value goes in byte for byte where the file's format reads it back as the same text. Where it would not, it is
//! written the way that format writes such a text at that place (escaped, quoted, indented), or refused: a value never
//! becomes part of the file's structure.

mod dotenv;
mod ini;
mod json;
mod shell;
#[cfg(test)]
mod tests;
mod toml;
mod xml;
mod yaml;

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;

use zeroize::Zeroizing;

use crate::model::reference::{Reference, SCHEME};
use crate::secret::Secret;

/// What a file is read as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON, RFC 8259.
    Json,
    /// YAML 1.1 and 1.2.
    Yaml,
    /// TOML 1.0.
    Toml,
    /// `NAME=value` lines.
    Dotenv,
    /// A script of a POSIX shell.
    Shell,
    /// XML and HTML.
    Xml,
    /// INI, `.conf`, `.properties`: no two programs agree on quotes there.
    Ini,
    /// Text that nothing is known of: every value goes in as it is.
    Text,
}

/// Formats by the names that people give them, and by how file names end.
const FORMATS: [(Format, &[&str]); 8] = [
    (Format::Json, &["json"]),
    (Format::Yaml, &["yaml", "yml"]),
    (Format::Toml, &["toml"]),
    (Format::Dotenv, &["dotenv", "env"]),
    (Format::Shell, &["shell", "sh", "bash", "zsh"]),
    (Format::Xml, &["xml", "html", "xhtml", "svg", "plist"]),
    (Format::Ini, &["ini", "conf", "cfg", "cnf", "properties", "service"]),
    (Format::Text, &["text", "txt"]),
];

impl Format {
    /// The names that [`Format::named`] knows, one for each.
    pub fn names() -> impl Iterator<Item = &'static str> {
        FORMATS.iter().map(|(_, names)| names[0])
    }

    /// A format by its name.
    pub fn named(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        FORMATS.iter().find(|(_, names)| names.contains(&name.as_str())).map(|(format, _)| *format)
    }

    /// What a file's name says; a template's own ending (`app.yaml.tmpl`) says nothing.
    pub fn of(path: &Path) -> Option<Self> {
        let name = path.file_name()?.to_str()?.to_ascii_lowercase();
        // `.env`, and `.env.local` as programs that read such files name them.
        if name == ".env" || name.starts_with(".env.") {
            return Some(Self::Dotenv);
        }
        let own = |part: &&str| !matches!(*part, "tmpl" | "tpl" | "template" | "in" | "j2" | "example");
        name.split('.').skip(1).filter(own).last().and_then(Self::named)
    }
}

/// What is wrong at a place of a template. No text holds a value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {column}: {what}")]
pub struct Mistake {
    /// Counted from 1.
    pub line: usize,
    /// Counted from 1, in characters.
    pub column: usize,
    /// What.
    pub what: String,
}

/// A template that was read.
#[derive(Debug)]
pub struct Template<'a> {
    text: &'a str,
    places: Vec<Place>,
}

#[derive(Debug)]
struct Place {
    /// With the braces.
    range: Range<usize>,
    reference: Reference,
}

impl<'a> Template<'a> {
    /// Finds the places.
    ///
    /// # Errors
    /// A reference that is not well written, or braces that are not closed behind one.
    pub fn read(text: &'a str) -> Result<Self, Mistake> {
        let mut places = Vec::new();
        let mut at = 0;
        while let Some(open) = text[at..].find("{{") {
            let start = at + open;
            let inside = text[start + 2..].trim_start_matches([' ', '\t']);
            let begin = text.len() - inside.len();
            if !inside.starts_with(SCHEME) {
                // Of `{{{ cred://…` the inner two are meant.
                at = start + 1;
                continue;
            }
            let line = inside.lines().next().unwrap_or_default();
            let Some(end) = line.find("}}") else {
                return Err(mistake(text, start, "}} is missing on the line of this reference"));
            };
            let reference = Reference::parse(line[..end].trim_end())
                .map_err(|error| mistake(text, begin + error.at, &error.to_string()))?;
            at = begin + end + 2;
            places.push(Place { range: start..at, reference });
        }
        Ok(Self { text, places })
    }

    /// What stands in it, in order.
    pub fn references(&self) -> impl Iterator<Item = &Reference> {
        self.places.iter().map(|place| &place.reference)
    }

    /// Where its references stand: line and column of each, in order.
    pub fn place_of(&self, number: usize) -> (usize, usize) {
        self.places.get(number).map_or((1, 1), |place| position(self.text, place.range.start))
    }

    /// The text with values in the places, in their order.
    ///
    /// # Errors
    /// A value that the format has no way to write at its place.
    pub fn fill(&self, format: Format, values: &[&Secret]) -> Result<Zeroizing<String>, Mistake> {
        let size: usize = values.iter().map(|value| value.len() * 6 + 2).sum();
        // Never grown: a copy would be left behind.
        let mut filled = Zeroizing::new(String::with_capacity(self.text.len() + size));
        let mut done = 0;
        for (place, value) in self.places.iter().zip(values) {
            filled.push_str(&self.text[done..place.range.start]);
            done = place.range.end;
            let around = Around { before: &filled, after: &self.text[done..] };
            let written = written(format, &around, value.expose()).map_err(|what| {
                mistake(self.text, place.range.start, &format!("{}: {what}", place.reference))
            })?;
            let written = Zeroizing::new(written.into_owned());
            filled.push_str(&written);
        }
        filled.push_str(&self.text[done..]);
        Ok(filled)
    }
}

/// What stands around a place.
struct Around<'a> {
    /// What was written so far: all of it is well formed.
    before: &'a str,
    /// What follows in the template.
    after: &'a str,
}

impl Around<'_> {
    /// The line so far.
    fn line(&self) -> &str {
        self.before.rsplit('\n').next().unwrap_or_default()
    }

    /// The rest of the line.
    fn rest(&self) -> &str {
        self.after.lines().next().unwrap_or_default()
    }
}

/// Why a value cannot be written somewhere.
type Unfit = &'static str;

fn written<'a>(format: Format, around: &Around<'_>, value: &'a str) -> Result<Cow<'a, str>, Unfit> {
    if format != Format::Text && value.contains('\0') {
        return Err("a value with a zero byte cannot stand here");
    }
    match format {
        Format::Json => json::written(around, value),
        Format::Yaml => yaml::written(around, value),
        Format::Toml => toml::written(around, value),
        Format::Dotenv => dotenv::written(around, value),
        Format::Shell => shell::written(around, value),
        Format::Xml => xml::written(around, value),
        Format::Ini => ini::written(around, value),
        Format::Text => Ok(value.into()),
    }
}

/// A value with some of its characters replaced; as it is, where there are none.
fn escaped(value: &str, escape: impl Fn(char) -> Option<Cow<'static, str>>) -> Cow<'_, str> {
    if !value.chars().any(|c| escape(c).is_some()) {
        return value.into();
    }
    let mut text = String::with_capacity(value.len() * 6);
    for c in value.chars() {
        match escape(c) {
            Some(escape) => text.push_str(&escape),
            None => text.push(c),
        }
    }
    text.into()
}

/// Whether a text is a number that every reader writes the same way again.
fn is_plain_number(value: &str) -> bool {
    let digits = value.strip_prefix('-').unwrap_or(value);
    let leading = digits.starts_with('0') && (digits.len() > 1 || value.len() > 1);
    (1..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !leading
}

fn has_line_break(value: &str) -> bool {
    value.contains(['\n', '\r', '\u{85}', '\u{2028}', '\u{2029}'])
}

fn mistake(text: &str, at: usize, what: &str) -> Mistake {
    let (line, column) = position(text, at);
    Mistake { line, column, what: what.to_owned() }
}

fn position(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}
