//! What is wrong with a file of the catalogue: everything at once, each with its line.

mod call;
mod rotation;
mod source;
mod variant;

use std::collections::HashSet;
use std::sync::LazyLock;

use toml::de::DeTable;

use self::source::Source;
use self::variant::Way;
use super::service::Service;
use super::template;
use crate::model::{Content, pointer};
use crate::schema::Kind;
use crate::schema::text::{Place, place_of};

/// One thing wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// The file's path.
    pub file: String,
    /// Line, counted from 1; 0: the file as a whole.
    pub line: usize,
    /// Column, in characters, counted from 1; 0: the file as a whole.
    pub column: usize,
    /// What is wrong there.
    pub reason: String,
}

impl Mistake {
    /// A mistake of the file as a whole.
    pub fn of_file(file: &str, reason: &str) -> Self {
        Self { file: file.to_owned(), line: 0, column: 0, reason: reason.to_owned() }
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.line {
            0 => write!(f, "{}: {}", self.file, self.reason),
            line => write!(f, "{}:{line}:{}: {}", self.file, self.column, self.reason),
        }
    }
}

static SCHEMA: LazyLock<Kind> = LazyLock::new(|| {
    let schema = include_str!("../../../assets/service.json");
    let schema = serde_json::from_str(schema).expect("the schema of services is JSON (tested)");
    Kind::of_document("", schema).expect("the schema of services is valid (tested)")
});
/// Everything wrong with a file. `base` is the built-in service that it may extend.
pub(super) fn check(file: &str, id: &str, text: &str, base: Option<&Service>) -> Vec<Mistake> {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mistake = |offset: usize, reason: String| {
        let Place { line, column } = place_of(text, offset);
        Mistake { file: file.to_owned(), line, column, reason }
    };
    let mut found: Vec<Mistake> = errors
        .iter()
        .map(|error| {
            let words = error.message().lines().collect::<Vec<_>>().join(", ");
            mistake(error.span().map_or(0, |span| span.start), words)
        })
        .collect();
    if !found.is_empty() {
        return found;
    }
    let mut source = Source::default();
    let document = source.table("", table.get_ref());
    for (offset, reason) in std::mem::take(&mut source.wrong) {
        found.push(mistake(offset, reason));
    }
    let content = Content { document, ..Content::default() };
    for violation in SCHEMA.check(&content) {
        let name = pointer::steps(&violation.pointer).last().unwrap_or_default().into_owned();
        let value = violation.value.map(|value| format!(" {value}")).unwrap_or_default();
        found
            .push(mistake(source.start(&violation.pointer), format!("{name}:{value} {}", violation.message)));
    }
    let mut checker = Checker { found: Vec::new() };
    checker.characters(&content);
    if !template::is_name(id) || !id.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    {
        checker.say("", "the file's name must be small letters, digits and '-', with .toml behind");
    }
    match super::parse(id, text) {
        Ok(service) => checker.service(&service, base),
        // Found by the schema already, unless the two do not agree.
        Err(_) if !found.is_empty() => {}
        Err(error) => {
            let offset = error.span().map_or(0, |span| span.start);
            found.push(mistake(offset, error.message().to_owned()));
        }
    }
    found.extend(checker.found.into_iter().map(|(place, reason)| mistake(source.start(&place), reason)));
    found.sort();
    found.dedup();
    found
}

/// Collects mistakes: the JSON pointer of each, and what is wrong there.
struct Checker {
    found: Vec<(String, String)>,
}

impl Checker {
    fn say(&mut self, place: impl Into<String>, reason: impl Into<String>) {
        self.found.push((place.into(), reason.into()));
    }

    /// No control characters but line breaks and tabs.
    fn characters(&mut self, content: &Content) {
        for (name, value) in &content.document {
            pointer::walk(&pointer::join("", name), value, &mut |place, value| {
                let control = |c: char| c.is_control() && !matches!(c, '\n' | '\t');
                if value.as_str().is_some_and(|text| text.contains(control)) {
                    self.say(place, "a control character stands in this text");
                }
            });
        }
    }

    fn service(&mut self, service: &Service, base: Option<&Service>) {
        if service.extends && base.is_none() {
            self.say("/extends", "there is no built-in service of this name to extend");
        }
        let mut ids = HashSet::new();
        for (index, variant) in service.variants.iter().enumerate() {
            let place = format!("/variant/{index}");
            if !ids.insert(&variant.id) {
                self.say(format!("{place}/id"), format!("there is a variant {:?} already", variant.id));
            }
            Way::new(variant, place, self).check();
        }
        for (member, address) in [("docs", &service.docs), ("status_page", &service.status_page)] {
            if let Some(address) = address
                && url::Url::parse(address).is_err()
            {
                self.say(format!("/{member}"), "not an address");
            }
        }
    }
}
