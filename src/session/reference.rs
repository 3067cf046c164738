//! What references stand for. A value leaves the vault only through `Session::hand_out`, which writes it down first.

use std::collections::BTreeMap;
use std::fmt;

use super::{Session, lookup, oauth};
use crate::model::reference::{Reference, ReferenceError};
use crate::model::{Content, Credential, Document, Id};
use crate::problem::{Exit, Problem};
use crate::schema::Kinds;
use crate::secret::Secret;

/// A value that a program gets.
#[derive(Clone, Debug)]
pub struct Value {
    /// The credential that it is of.
    pub id: Id,
    /// The text.
    pub text: Secret,
    /// Whether it must not be seen: a field such as a user name may be.
    pub secret: bool,
    /// Where it stands in the credential.
    pub place: String,
}

impl Session {
    /// The values that references stand for, in their order: all of them, or none. `tokens` are access tokens that
    /// were renewed for this, by credential.
    ///
    /// # Errors
    /// Exit 4 where there is no such solution, credential or field, or its secret is missing; 2 where a field
    /// must be named.
    pub fn values(
        &self,
        references: &[Reference],
        solution: &str,
        tokens: &BTreeMap<Id, Secret>,
    ) -> Result<Vec<Value>, Problem> {
        let value = |reference: &Reference| {
            let credential = referred(self.document(), reference, solution)?;
            match tokens.get(&credential.id).filter(|_| reference.field.is_none()) {
                Some(token) => Ok(Value {
                    id: credential.id.clone(),
                    text: token.clone(),
                    secret: true,
                    place: oauth::ACCESS_TOKEN.to_owned(),
                }),
                None => resolve(&self.kinds, credential, reference.field.as_deref()),
            }
        };
        references.iter().map(value).collect()
    }
}

fn resolve(kinds: &Kinds, credential: &Credential, field: Option<&str>) -> Result<Value, Problem> {
    let content: &Content = &credential.content;
    let (place, text) = lookup::value(kinds, content, field)?;
    Ok(Value { id: credential.id.clone(), text, secret: content.secret(&place).is_some(), place })
}

/// The credential that a reference means.
///
/// # Errors
/// Exit 4; names the key that may be meant.
pub fn referred<'a>(
    document: &'a Document,
    reference: &Reference,
    current: &str,
) -> Result<&'a Credential, Problem> {
    lookup::credential(document, reference.solution.as_deref().unwrap_or(current), &reference.key)
}

/// Reads a reference that somebody gave by itself. `from` says where, in messages.
///
/// # Errors
/// Exit 2, with the place.
pub fn read_reference(text: &str, from: impl fmt::Display) -> Result<Reference, Problem> {
    Reference::parse(text).map_err(|error| not_a_reference(text, from, &error))
}

fn not_a_reference(text: &str, from: impl fmt::Display, error: &ReferenceError) -> Problem {
    let column = text.get(..error.at).unwrap_or(text).chars().count() + 1;
    // What is no reference at all may be a secret that was meant to be hidden by one.
    let shown = if Reference::is_meant(text) { format!("{text:?}, ") } else { String::new() };
    Problem::new(Exit::Usage, "reference", format!("{from}: {shown}character {column}: {error}"))
        .hint("`credbench list` shows the keys there are")
}
