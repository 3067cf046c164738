//! What a person is shown where two programs changed the same fields, and what becomes of the answer.

use serde_json::Value;

use super::{field_name, merged};
use crate::model::{Content, Credential, Document, Placeholder};
use crate::schema::Kinds;
use crate::secret::{MASK, Secret};

/// A credential that two programs changed in the same fields.
#[derive(Debug)]
pub struct Conflict {
    /// Its key.
    pub key: String,
    /// The version that is stored.
    pub version: u32,
    /// What that version says.
    pub theirs: Content,
    /// The fields that both changed.
    pub clashes: Vec<Clash>,
    /// The names of the fields that only one of the two changed.
    pub merged: Vec<String>,
    mine: Content,
    /// Everything but the clashes is decided; those say what is stored.
    content: Content,
}

/// A field that both changed.
#[derive(Debug)]
pub struct Clash {
    /// As `get` names it.
    pub field: String,
    /// What this program says; a secret is masked.
    pub mine: String,
    /// What the other one says.
    pub theirs: String,
    place: String,
}

impl Conflict {
    /// What is to be decided between a change and what is stored now. `None`: nothing.
    pub fn of(
        kinds: &Kinds,
        document: &Document,
        base: &Content,
        mine: &Content,
        stored: &Credential,
    ) -> Option<Self> {
        let theirs = &stored.content;
        let merged = merged(kinds, document, base, mine, theirs);
        let clash = |place: String| Clash {
            field: field_name(&place),
            mine: told(mine, &place),
            theirs: told(theirs, &place),
            place,
        };
        let alone = merged.mine.iter().chain(&merged.theirs);
        Some(Self {
            key: theirs.key().to_owned(),
            version: stored.version,
            merged: alone.map(|place| field_name(place)).collect(),
            clashes: merged.clashes.into_iter().map(clash).collect(),
            theirs: theirs.clone(),
            mine: mine.clone(),
            content: merged.content,
        })
        .filter(|conflict| !conflict.clashes.is_empty())
    }

    /// What the credential shall say: for each clash whether this program's value was chosen.
    pub fn decided(&self, mine: impl Iterator<Item = bool>) -> Content {
        let mut decided = self.content.clone();
        for (clash, mine) in self.clashes.iter().zip(mine) {
            if mine {
                decided.graft(&self.mine, &clash.place);
            }
        }
        decided
    }
}

/// A place in words. Secrets are told apart by a fingerprint and no more.
fn told(content: &Content, place: &str) -> String {
    match content.get(place) {
        None => "–".to_owned(),
        Some(value) => words(content, place, value),
    }
}

fn words(content: &Content, place: &str, value: &Value) -> String {
    match (Placeholder::of(value), value) {
        (Some(Placeholder::Stored), _) => {
            let print = content.secret(place).map(Secret::fingerprint).unwrap_or_default();
            format!("{MASK} #{print}")
        }
        (Some(Placeholder::Missing), _) => "(missing)".to_owned(),
        (None, Value::String(text)) => text.clone(),
        (None, Value::Object(members)) => {
            let member = |(name, value): (&String, &Value)| {
                format!("{name}: {}", words(content, &crate::model::pointer::join(place, name), value))
            };
            members.iter().map(member).collect::<Vec<_>>().join(", ")
        }
        (None, Value::Array(items)) => {
            let item = |(index, value): (usize, &Value)| words(content, &format!("{place}/{index}"), value);
            items.iter().enumerate().map(item).collect::<Vec<_>>().join(", ")
        }
        (None, other) => other.to_string(),
    }
}
