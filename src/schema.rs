//! Kinds: one JSON Schema each (draft 2020-12), and everything that is read from it.
//!
//! A kind's own schema describes `config`; [`Kind`] composes it with the schema of what every credential has
//! (`assets/kinds/credential.json`) into the schema of the whole document. From that one source come the
//! fields of the form ([`Field`]), the checks ([`Kind::check`]), which places hold secrets ([`Kind::is_secret`]),
//! what `put` and the raw editor accept ([`Kind::read`]) and the printed schema.
//!
//! Beside the standard keywords the schemas use a few annotations: `x-group` (heading in the form),
//! `x-pattern` (what a violated pattern means, in words), `x-multiline`, `x-origin` (an address that the
//! secrets are bound to, or a part of one), `x-choices` (one of the vault's names), `x-fixed` (not edited in the
//! form), `x-main` (the secret that is meant when none is named), `x-obtain` (how a secret is come by that nobody
//! types), `x-testable` (`false`: no HTTP request proves it, so the document has no place for one) and `x-login`
//! (fields, each with those of its values with which logging in proves it: nothing need be said about how; none: it
//! always does). A kind that is defined in a vault has two more: `x-request` (where its fields and secrets go in a
//! request) and `x-test` (the test of those that have none of their own).

mod bind;
mod bounds;
pub mod catalogue;
mod check;
mod compose;
mod define;
mod draft;
mod field;
mod kinds;
mod lookalike;
mod names;
mod own;
mod parts;
mod read;
mod reference;
pub mod rules;
mod seal;
pub mod text;
mod validator;

use serde_json::{Value, json};

use self::catalogue::{Chosen, NoVariant};
use self::compose::compose;
use self::own::Own;
use self::parts::Parts;
use self::validator::Lazy;
use crate::model::{Content, pointer};

pub use check::Violation;
pub use define::Defined;
pub use draft::{Base, Draft, Inspection, TextError};
pub use field::{Choices, Control, Field};
pub use kinds::Kinds;
pub use lookalike::{Known, hosts_of, with_both_spellings};
pub use names::Names;
pub use read::{Absent, Notice, Read};

/// One kind of credential.
#[derive(Debug)]
pub struct Kind {
    /// The word in documents, such as `api_key`.
    pub id: String,
    /// The words for people, such as `API key`.
    pub title: String,
    /// One sentence.
    pub description: String,
    /// All fields that there can be, in their order; required is what always is. What applies to one
    /// content is [`Kind::fields_of`].
    pub fields: Vec<Field>,
    parts: Parts,
    schema: Value,
    validator: Lazy,
    service: Option<Result<Chosen, NoVariant>>,
    /// What only a kind of the vault's own has.
    own: Option<Own>,
}

/// A schema that cannot be a kind's.
#[derive(Debug, thiserror::Error)]
#[error("not a usable schema: {place}: {message}")]
pub struct SchemaError {
    /// Where in the schema of the whole document, as a JSON pointer.
    place: String,
    /// What is wrong there.
    message: String,
}

impl SchemaError {
    fn new(place: impl Into<String>, message: impl Into<String>) -> Self {
        Self { place: place.into(), message: message.into() }
    }
}

impl Kind {
    /// Makes a kind from the schema of its `config`.
    ///
    /// # Errors
    /// Says where the schema is not a valid one.
    pub fn new(id: &str, config: Value) -> Result<Self, SchemaError> {
        let kind = Self::trusted(id, config)?;
        kind.validator.build(&kind.schema)?;
        kind.parts.build()?;
        Ok(kind)
    }

    /// As [`Kind::new`], of a schema that is known to be valid: cheap, because what checks documents is made
    /// when it is first needed.
    ///
    /// # Errors
    /// Says where branches lie too deep in each other.
    pub fn trusted(id: &str, config: Value) -> Result<Self, SchemaError> {
        let text = |member: &str| config.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (title, description) = (text("title"), text("description"));
        Self::composed(id, title, description, compose(id, config))
    }

    /// Makes a kind from the schema of its whole document: something that is kept like a credential, but is none.
    ///
    /// # Errors
    /// As [`Kind::new`].
    pub fn of_document(id: &str, schema: Value) -> Result<Self, SchemaError> {
        let text = |member: &str| schema.get(member).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (title, description) = (text("title"), text("description"));
        Self::composed(id, title, description, schema)
    }

    fn composed(id: &str, title: String, description: String, schema: Value) -> Result<Self, SchemaError> {
        let parts = Parts::of(&schema, &title)?;
        let fields = parts.all();
        Ok(Self {
            id: id.to_owned(),
            title,
            description,
            fields,
            parts,
            schema,
            validator: Lazy::default(),
            service: None,
            own: None,
        })
    }

    /// The service that the kind was made for, or why what was named is not usable; `None`: for none that is
    /// known.
    pub fn service(&self) -> Option<&Result<Chosen, NoVariant>> {
        self.service.as_ref()
    }

    /// Why a content's test is not to be run in the background, or among many without asking: the service's own test
    /// may cost, and any may lock an account. `None`: it may be.
    pub fn caution(&self, content: &Content) -> Option<&'static str> {
        let variant = self.service.as_ref()?.as_ref().ok()?.variant();
        let own = content.document.get("test").is_some_and(|test| !test.is_null());
        match (variant.lockout, variant.metered && !own) {
            (true, _) => Some("wrong tries lock the account"),
            (false, true) => Some("each test costs quota or money"),
            (false, false) => None,
        }
    }

    /// The schema of `config`, as it is edited: with its annotations, without what every credential has. The
    /// definitions that it refers to stand in [`Kind::schema`].
    pub fn config_schema(&self) -> &Value {
        self.schema.pointer("/properties/config").unwrap_or(&Value::Null)
    }

    /// The test of a content: its own, else the kind's.
    pub fn test_of<'a>(&'a self, content: &'a Content) -> Option<&'a Value> {
        content.document.get("test").or_else(|| self.config_schema().get("x-test"))
    }

    /// Whether the service that it was made for has a test.
    pub fn serves_test(&self) -> bool {
        matches!(&self.service, Some(Ok(chosen)) if chosen.variant().test.is_some())
    }

    /// How a content's request is made: as it says itself, else as the kind does.
    pub fn request_of<'a>(&'a self, content: &'a Content) -> Option<&'a Value> {
        const REQUEST: &str = "/config/request";
        content
            .get(REQUEST)
            .or_else(|| self.schema_at(REQUEST)?.get("default"))
            .or_else(|| self.config_schema().get("x-request"))
    }

    /// The schema of the whole document of this kind, as `schema KIND` prints it.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// The fields that apply to a content, and which of them it must have: conditions of the schema are asked
    /// with what it says now.
    pub fn fields_of(&self, content: &Content) -> Vec<Field> {
        let mut fields = self.parts.applying(&self.parts.truth(content));
        // A secret stays one, whatever another schema makes of its place.
        for field in &mut fields {
            // What a schema says now is not what a stored secret was given for: see `bind`.
            if self.is_own() && self.binds(field) {
                (field.origin, field.default) = (true, None);
            }
            let under = format!("{}/", field.pointer);
            let mut within = content.secrets.keys().filter(|place| place.starts_with(&under));
            if content.secret(&field.pointer).is_some() && !matches!(field.control, Control::Secret { .. }) {
                field.control = Control::Secret { multiline: true };
            } else if field.control == (Control::Table { secret: false }) && within.next().is_some() {
                field.control = Control::Table { secret: true };
            }
        }
        fields
    }

    /// The schema of one place in the document: the first branch that says what is there.
    pub fn schema_at(&self, place: &str) -> Option<&Value> {
        let nodes = parts::nodes(&self.schema, place);
        let says = |node: &&&Value| ["type", "enum", "const"].iter().any(|word| node.get(*word).is_some());
        nodes.iter().find(says).or(nodes.first()).copied()
    }

    /// What any branch says of a place with a keyword.
    fn said_of(&self, place: &str, keyword: &str) -> Option<&Value> {
        parts::nodes(&self.schema, place).into_iter().find_map(|node| node.get(keyword))
    }

    /// Whether a place in the document holds a secret, whichever branch of the schema says so. Everything in
    /// an object that is secret as a whole is one, unless the schema declares it and says otherwise.
    pub fn is_secret(&self, place: &str) -> bool {
        let nodes = parts::nodes(&self.schema, place);
        if nodes.is_empty() {
            return self.is_in_sealed(place);
        }
        nodes.iter().any(|node| is_write_only(node)) && !nodes.iter().any(|node| is_object(node))
    }

    /// Whether a place is an object that is secret as a whole: a placeholder may stand for all of it.
    pub fn is_sealed(&self, place: &str) -> bool {
        let nodes = parts::nodes(&self.schema, place);
        nodes.iter().any(|node| is_write_only(node)) && nodes.iter().any(|node| is_object(node))
    }

    /// Whether a place lies in an object that is secret as a whole.
    pub fn is_in_sealed(&self, place: &str) -> bool {
        self.around(place).skip(1).any(|around| self.is_sealed(around))
    }

    /// A place and those it lies in, from the inside out; without the document itself.
    fn around<'a>(&self, place: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let outer = |place: &&'a str| Some(&place[..place.rfind('/')?]);
        std::iter::successors(Some(place), outer).take_while(|place| !place.is_empty())
    }

    /// Whether a field of its own stands at a place and takes one value: a text, a number, a choice.
    pub fn takes_text(&self, place: &str) -> bool {
        let one = |control: &Control| {
            !matches!(control, Control::List | Control::Table { .. } | Control::Json | Control::Boolean)
        };
        self.fields.iter().any(|field| field.pointer == place && one(&field.control))
    }

    /// The title of a place, else its last name.
    pub fn title_of(&self, place: &str) -> String {
        let name = pointer::steps(place).last().unwrap_or_default().into_owned();
        self.said_of(place, "title").and_then(Value::as_str).map_or(name, str::to_owned)
    }

    /// Whether logging in proves a credential: its document needs no test. Only kinds of the program have a login
    /// that it knows.
    pub fn logs_in(&self, content: &Content) -> bool {
        let Some(Value::Object(fields)) = self.config_schema().get("x-login") else { return false };
        let fits = |field: &str, values: &Value| {
            let value = content.get(&format!("/config/{}", pointer::escape(field)));
            values.as_array().is_some_and(|values| value.is_some_and(|value| values.contains(value)))
        };
        self.own.is_none() && fields.iter().all(|(field, values)| fits(field, values))
    }

    /// How a secret is come by that nobody types: the words of `x-obtain`.
    pub fn how_to_obtain(&self, place: &str) -> Option<&str> {
        self.said_of(place, "x-obtain")?.as_str()
    }

    /// Required secrets that are not there: their places. A copy's "missing" marks count.
    pub fn missing(&self, content: &Content) -> Vec<String> {
        let mut missing = content.missing_marks();
        let truth = self.parts.truth(content);
        for (place, table) in self.parts.required_secrets(&truth) {
            let lacks = if table {
                let under = format!("{place}/");
                !content.secrets.keys().any(|known| known.starts_with(&under))
            } else {
                content.secret(place).is_none()
            };
            if lacks && !missing.iter().any(|known| known == place) {
                missing.push(place.to_owned());
            }
        }
        missing
    }

    /// The secret that is meant when no field is named: the one of `x-main`, else (of a built-in kind) the first of
    /// those with a field of their own, else the only value.
    pub fn main_secret(&self, content: &Content) -> Option<String> {
        let secrets = || self.fields.iter().filter(|field| matches!(field.control, Control::Secret { .. }));
        let is_main = |field: &&Field| self.said_of(&field.pointer, "x-main") == Some(&json!(true));
        let first = || secrets().next().filter(|_| !self.is_own());
        match secrets().find(is_main).or_else(first) {
            Some(field) => Some(field.pointer.clone()),
            None if content.secrets.len() == 1 => content.secrets.keys().next().cloned(),
            None => None,
        }
    }
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

fn is_write_only(schema: &Value) -> bool {
    schema.get("writeOnly").and_then(Value::as_bool).unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_built_in_schema_is_valid_and_says_what_it_is() {
        for kind in Kinds::builtin().iter().chain(Kinds::of_oauth_apps().iter()) {
            assert!(jsonschema::draft202012::meta::is_valid(kind.schema()), "{}", kind.id);
            assert!(!kind.title.is_empty() && !kind.description.is_empty(), "{}", kind.id);
            for field in &kind.fields {
                assert!(!field.label.is_empty(), "{} {}", kind.id, field.pointer);
                assert!(!field.group.is_empty(), "{} {}", kind.id, field.pointer);
            }
        }
    }

    #[test]
    fn secrets_are_where_the_schema_says_write_only() {
        let kinds = Kinds::builtin();
        let api_key = kinds.get("api_key").unwrap();
        assert!(api_key.is_secret("/config/api_key"));
        assert!(!api_key.is_secret("/config/base_url"));
        let secret = kinds.get("secret").unwrap();
        assert!(secret.is_secret("/config/values/TLS_KEY"));
        assert!(!secret.is_secret("/config/values"));
    }
}
