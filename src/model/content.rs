//! What a person writes about a credential, and the secrets that stand in it as placeholders.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::{Value, json};

use super::{DEFAULT_SOLUTION, Object, pointer};
use crate::secret::Secret;

/// What a person writes about a credential: its JSON document, and the secrets that stand in it as
/// placeholders.
///
/// Invariant, kept by [`Content::set_secret`] and [`Content::clear_secret`]: `document` holds
/// `{"$secret":"stored"}` at a pointer exactly when `secrets` has that pointer.
#[derive(Clone, Default, PartialEq)]
pub struct Content {
    /// The document as `show --json` prints it.
    pub document: Object,
    /// Secret texts by JSON pointer into `document`, such as `/config/api_key`.
    pub secrets: BTreeMap<String, Secret>,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({}/{}, {} secrets)", self.solution(), self.key(), self.secrets.len())
    }
}

/// The member that makes an object a placeholder.
pub const PLACEHOLDER: &str = "$secret";

/// What a placeholder object says about its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{"$secret":"stored"}`: the vault has it.
    Stored,
    /// `{"$secret":"missing"}`: the original of this copy has one, this one does not.
    Missing,
}

impl Placeholder {
    /// Reads a placeholder object; `None` for any other value.
    pub fn of(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        match (object.len(), object.get(PLACEHOLDER)?.as_str()?) {
            (1, "stored") => Some(Self::Stored),
            (1, "missing") => Some(Self::Missing),
            _ => None,
        }
    }

    /// The object itself.
    pub fn value(self) -> Value {
        match self {
            Self::Stored => json!({ PLACEHOLDER: "stored" }),
            Self::Missing => json!({ PLACEHOLDER: "missing" }),
        }
    }
}

impl Content {
    /// Where the key stands.
    pub const KEY: &str = "/key";

    /// Where the name of the solution stands.
    pub const SOLUTION: &str = "/solution";

    /// Where what an authorization server issued stands: it belongs to one credential alone, and together.
    pub const TOKENS: &str = "/config/tokens";

    fn text(&self, member: &str) -> &str {
        self.document.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// What function definitions refer to; unique within the solution.
    pub fn key(&self) -> &str {
        self.text("key")
    }

    /// The solution it lives in.
    pub fn solution(&self) -> &str {
        match self.text("solution") {
            "" => DEFAULT_SOLUTION,
            name => name,
        }
    }

    /// The id of its kind.
    pub fn kind(&self) -> &str {
        self.text("kind")
    }

    /// The id of its service, or nothing.
    pub fn service(&self) -> &str {
        self.text("service")
    }

    /// The label for people, or nothing.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// Its tags.
    pub fn tags(&self) -> Vec<&str> {
        self.document
            .get("tags")
            .and_then(Value::as_array)
            .map(|tags| tags.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }

    /// The value at a JSON pointer, placeholders included.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        let mut steps = pointer::steps(pointer);
        let first = steps.next()?;
        steps.try_fold(self.document.get(first.as_ref())?, |value, step| pointer::child(value, &step))
    }

    /// A plain text at a JSON pointer.
    pub fn get_str(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    /// Puts a plain value at a pointer, making the objects on the way; a secret that stood at or under it is
    /// dropped.
    pub fn set(&mut self, pointer: &str, value: Value) {
        self.forget_secrets(pointer);
        pointer::set(&mut self.document, pointer, value);
    }

    /// Removes what stands at a pointer, secrets included; empty objects on the way stay.
    pub fn remove(&mut self, pointer: &str) {
        self.forget_secrets(pointer);
        pointer::remove(&mut self.document, pointer);
    }

    /// Stores a secret at a pointer and its placeholder in the document.
    pub fn set_secret(&mut self, pointer: &str, secret: Secret) {
        self.set(pointer, Placeholder::Stored.value());
        self.secrets.insert(pointer.to_owned(), secret);
    }

    /// Clears the secret at a pointer, and its place in the document.
    pub fn clear_secret(&mut self, pointer: &str) {
        self.remove(pointer);
    }

    /// Makes a place say what it says in another content, secrets included.
    pub fn graft(&mut self, from: &Self, pointer: &str) {
        let Some(value) = from.get(pointer) else { return self.remove(pointer) };
        self.set(pointer, value.clone());
        let under = format!("{pointer}/");
        let kept = from.secrets.iter().filter(|(place, _)| *place == pointer || place.starts_with(&under));
        self.secrets.extend(kept.map(|(place, secret)| (place.clone(), secret.clone())));
    }

    /// The secret at a pointer.
    pub fn secret(&self, pointer: &str) -> Option<&Secret> {
        self.secrets.get(pointer)
    }

    fn forget_secrets(&mut self, pointer: &str) {
        let under = format!("{pointer}/");
        self.secrets.retain(|place, _| place != pointer && !place.starts_with(&under));
    }

    /// Pointers of the places marked `{"$secret":"missing"}`.
    pub fn missing_marks(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, value) in &self.document {
            pointer::walk(&format!("/{}", pointer::escape(name)), value, &mut |place, value| {
                if Placeholder::of(value) == Some(Placeholder::Missing) {
                    found.push(place.to_owned());
                }
            });
        }
        found
    }

    /// Whether a test of one says the same about the other: everything a test depends on is equal.
    pub fn proves_same(&self, other: &Self) -> bool {
        ["kind", "service", "config", "test", "allowed_hosts", "allow_http", "ca_certificate"]
            .iter()
            .all(|member| self.document.get(*member) == other.document.get(*member))
            && self.secrets == other.secrets
    }
}
