//! From a JSON document to a [`Content`]: secrets leave the JSON for their own type.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Control, Kind, Violation};
use crate::model::{Content, Object, Placeholder, pointer};
use crate::secret::Secret;

/// What a stored secret's absence in the document means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Absent {
    /// It stays: `put`.
    Keeps,
    /// It is cleared: the raw editor, where its placeholder was deleted.
    Clears,
}

/// Something done to what a person gave, to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Where.
    pub pointer: String,
    /// What was done, as a sentence.
    pub message: String,
}

/// A document that was read.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    /// What it says.
    pub content: Content,
    /// Places of secrets that it gave anew.
    pub entered: BTreeSet<String>,
    /// Places of stored secrets that it cleared.
    pub cleared: BTreeSet<String>,
    /// What was done to it.
    pub notices: Vec<Notice>,
}

impl Kind {
    /// Reads a document of this kind. `base` is the stored content that placeholders refer to.
    ///
    /// # Errors
    /// Places where a secret is neither text, placeholder nor null, or a placeholder has nothing behind it.
    /// Everything else that may be wrong is found by [`Kind::check`].
    pub fn read(
        &self,
        document: Object,
        base: Option<&Content>,
        absent: Absent,
    ) -> Result<Read, Vec<Violation>> {
        let mut reader = Reader {
            kind: self,
            base,
            out: Read {
                content: Content::default(),
                entered: BTreeSet::new(),
                cleared: BTreeSet::new(),
                notices: Vec::new(),
            },
            nulls: BTreeSet::new(),
            violations: Vec::new(),
            same_kind: base.is_some_and(|base| {
                document.get("kind").and_then(Value::as_str).unwrap_or_default() == base.kind()
            }),
        };
        let mut document = Value::Object(document);
        reader.take("", &mut document);
        if let Value::Object(document) = document {
            reader.out.content.document = document;
        }
        reader.settle(absent);
        for place in &reader.out.entered {
            if let Some(secret) = reader.out.content.secret(place) {
                let hint = self.hint(place, secret, reader.out.content.solution());
                reader.out.notices.extend(hint);
            }
        }
        if base.is_none() {
            let proposed = self.bind(&mut reader.out.content);
            reader.out.notices.extend(proposed);
        }
        if reader.violations.is_empty() { Ok(reader.out) } else { Err(reader.violations) }
    }

    /// A secret as it shall be stored: one that was pasted with a line break at its end loses it, unless it
    /// is a text of several lines where those are allowed. Says what was done.
    pub fn tidy(&self, place: &str, secret: Secret) -> (Secret, Option<Notice>) {
        let text = secret.expose();
        let trimmed = text.trim_end_matches(['\n', '\r']);
        let multiline = matches!(self.control_at(place), Some(Control::Secret { multiline: true }));
        if trimmed.len() == text.len() || trimmed.is_empty() || (multiline && trimmed.contains('\n')) {
            return (secret, None);
        }
        let message = format!("{}: the line break at its end was trimmed", self.title_of(place));
        (Secret::from(trimmed), Some(Notice { pointer: place.to_owned(), message }))
    }

    /// How a place is edited, members of tables included.
    pub fn control_at(&self, place: &str) -> Option<Control> {
        if let Some(field) = self.fields.iter().find(|field| field.pointer == place) {
            return Some(field.control.clone());
        }
        self.schema_at(place)?;
        let multiline = self.said_of(place, "x-multiline") == Some(&Value::Bool(true));
        Some(if self.is_secret(place) { Control::Secret { multiline } } else { Control::Text { multiline } })
    }
}

const NOTHING_STORED: &str =
    "says that a secret is stored, but there is none: give it as a text, or leave it out";

struct Reader<'a> {
    kind: &'a Kind,
    base: Option<&'a Content>,
    out: Read,
    nulls: BTreeSet<String>,
    violations: Vec<Violation>,
    /// The base is of the same kind.
    same_kind: bool,
}

impl Reader<'_> {
    /// Whether a place that the kind does not call secret has a stored one: it was secret by an earlier schema.
    fn was_secret(&self, place: &str) -> bool {
        self.same_kind && self.base.is_some_and(|base| base.secret(place).is_some())
    }

    fn take(&mut self, place: &str, value: &mut Value) {
        let is_secret = !place.is_empty() && self.kind.is_secret(place);
        let texts = value.is_string() || value.is_null() || Placeholder::of(value).is_some();
        if is_secret || texts && self.was_secret(place) {
            return self.take_secret(place, value);
        }
        if !place.is_empty() && self.kind.is_sealed(place) {
            match Placeholder::of(value) {
                Some(Placeholder::Missing) => return,
                Some(Placeholder::Stored) => return self.take_all(place, value),
                None if value.is_null() => {
                    self.nulls.insert(place.to_owned());
                    return;
                }
                None => {}
            }
        }
        if Placeholder::of(value).is_some() {
            let message = "is a placeholder, but no secret belongs here";
            return self.violations.push(Violation::new(place, message));
        }
        match value {
            Value::Object(members) => {
                for (name, member) in members.iter_mut() {
                    self.take(&pointer::join(place, name), member);
                }
                members.retain(|name, _| !self.nulls.contains(&pointer::join(place, name)));
            }
            Value::Array(items) => {
                for (index, item) in items.iter_mut().enumerate() {
                    self.take(&format!("{place}/{index}"), item);
                }
            }
            _ => {}
        }
    }

    /// A placeholder for a whole object: what is stored there, secrets and all.
    fn take_all(&mut self, place: &str, value: &mut Value) {
        let stored = self.base.and_then(|base| Some((base, base.get(place)?)));
        let Some((base, stored)) = stored else {
            return self.violations.push(Violation::new(place, NOTHING_STORED));
        };
        *value = stored.clone();
        let under = format!("{place}/");
        for (place, secret) in base.secrets.iter().filter(|(place, _)| place.starts_with(&under)) {
            self.out.content.secrets.insert(place.clone(), secret.clone());
        }
    }

    fn take_secret(&mut self, place: &str, value: &mut Value) {
        match value {
            Value::String(text) => {
                let secret = Secret::new(std::mem::take(text));
                *value = Placeholder::Stored.value();
                let (secret, notice) = self.kind.tidy(place, secret);
                self.out.notices.extend(notice);
                self.out.content.secrets.insert(place.to_owned(), secret);
                self.out.entered.insert(place.to_owned());
            }
            Value::Null => {
                self.nulls.insert(place.to_owned());
            }
            other => match Placeholder::of(other) {
                Some(Placeholder::Missing) => {}
                Some(Placeholder::Stored) => match self.base.and_then(|base| base.secret(place)) {
                    Some(secret) => {
                        self.out.content.secrets.insert(place.to_owned(), secret.clone());
                    }
                    None => self.violations.push(Violation::new(place, NOTHING_STORED)),
                },
                None => self.violations.push(Violation::new(place, "must be a text, a placeholder or null")),
            },
        }
    }

    /// Stored secrets that the document does not speak of.
    fn settle(&mut self, absent: Absent) {
        let Some(base) = self.base else { return };
        for (place, secret) in &base.secrets {
            if self.out.content.secrets.contains_key(place) {
                continue;
            }
            let spoken_of = |around: &str| {
                self.nulls.contains(around)
                    || self.out.content.get(around).and_then(Placeholder::of) == Some(Placeholder::Missing)
            };
            let keeps = absent == Absent::Keeps
                && self.out.content.get(place).is_none()
                && !self.kind.around(place).any(spoken_of)
                && (self.kind.is_secret(place) || self.was_secret(place));
            if keeps {
                self.out.content.set_secret(place, secret.clone());
            } else {
                self.out.cleared.insert(place.clone());
            }
        }
        if absent == Absent::Keeps {
            self.settle_sealed(base);
        }
    }

    /// What stands in clear beside kept secrets of one object, such as when they end, is kept with them.
    fn settle_sealed(&mut self, base: &Content) {
        let sealed: BTreeSet<&str> = base
            .secrets
            .keys()
            .flat_map(|place| self.kind.around(place).skip(1))
            .filter(|around| self.kind.is_sealed(around))
            .collect();
        for place in sealed {
            let under = format!("{place}/");
            let anew = |places: &BTreeSet<String>| places.iter().any(|place| place.starts_with(&under));
            if anew(&self.out.entered) || anew(&self.out.cleared) {
                continue;
            }
            for (name, value) in base.get(place).and_then(Value::as_object).into_iter().flatten() {
                let member = pointer::join(place, name);
                if self.out.content.get(&member).is_none() {
                    self.out.content.set(&member, value.clone());
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Kinds;
    use super::*;

    fn stored() -> Content {
        let document = json!({"key": "a", "kind": "secret", "config": {"values": {}}});
        let mut content = Content { document: document.as_object().unwrap().clone(), ..Content::default() };
        content.set_secret("/config/values/one", Secret::from("first"));
        content.set_secret("/config/values/two", Secret::from("second"));
        content
    }

    fn read(values: Value, absent: Absent) -> Result<Read, Vec<Violation>> {
        let document = json!({"key": "a", "kind": "secret", "config": {"values": values}});
        let kind = Kinds::builtin().get("secret").unwrap();
        kind.read(document.as_object().unwrap().clone(), Some(&stored()), absent)
    }

    #[test]
    fn placeholder_keeps_null_clears_text_replaces() {
        let read = read(json!({"one": {"$secret": "stored"}, "two": null, "three": "third"}), Absent::Keeps)
            .unwrap();
        let secret = |name: &str| {
            read.content.secret(&format!("/config/values/{name}")).map(|s| s.expose().to_owned())
        };
        assert_eq!(secret("one").as_deref(), Some("first"));
        assert_eq!(secret("two"), None);
        assert_eq!(secret("three").as_deref(), Some("third"));
        assert_eq!(read.content.get("/config/values/two"), None);
        assert_eq!(read.entered.iter().collect::<Vec<_>>(), ["/config/values/three"]);
        assert_eq!(read.cleared.iter().collect::<Vec<_>>(), ["/config/values/two"]);
    }

    #[test]
    fn an_absent_secret_is_kept_by_put_and_cleared_by_the_editor() {
        let kept = read(json!({}), Absent::Keeps).unwrap();
        assert_eq!(kept.content.secrets.len(), 2);
        assert_eq!(kept.content, stored());
        let cleared = read(json!({}), Absent::Clears).unwrap();
        assert!(cleared.content.secrets.is_empty());
        assert_eq!(cleared.cleared.len(), 2);
    }

    #[test]
    fn a_secret_that_reads_like_a_placeholder_is_not_lost() {
        let text = r#"{"$secret":"stored"}"#;
        let read = read(json!({"one": text}), Absent::Keeps).unwrap();
        assert_eq!(read.content.secret("/config/values/one").unwrap().expose(), text);
    }

    #[test]
    fn a_placeholder_with_nothing_behind_it_is_refused() {
        let found = read(json!({"new": {"$secret": "stored"}}), Absent::Keeps).unwrap_err();
        assert_eq!(found[0].pointer, "/config/values/new");
        assert!(read(json!({"new": {"$secret": "missing"}}), Absent::Keeps).is_ok());
        assert!(read(json!({"new": {"$secret": "other"}}), Absent::Keeps).is_err());
    }

    #[test]
    fn one_trailing_line_break_is_trimmed_and_told_but_a_pem_keeps_its_own() {
        let pem = "-----BEGIN X-----\nabc\n-----END X-----\n";
        let read = read(json!({"token": "abc\n", "pem": pem}), Absent::Keeps).unwrap();
        assert_eq!(read.content.secret("/config/values/token").unwrap().expose(), "abc");
        assert_eq!(read.content.secret("/config/values/pem").unwrap().expose(), pem);
        assert_eq!(read.notices.len(), 1);
    }
}
