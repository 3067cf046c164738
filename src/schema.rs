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
//! (a field's name and those of its values with which logging in proves it: nothing need be said about how).

mod check;
mod draft;
mod field;
mod names;
mod parts;
mod read;
mod reference;
pub mod text;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use self::parts::Parts;
use crate::model::{Content, pointer};

pub use check::Violation;
pub use draft::{Base, Draft, Inspection, TextError};
pub use field::{Choices, Control, Field};
pub use names::Names;
pub use read::{Absent, Notice, Read};

const COMMON: &str = include_str!("../assets/kinds/credential.json");
const BUILTIN: &[(&str, &str)] = &[
    ("api_key", include_str!("../assets/kinds/api_key.json")),
    ("basic_auth", include_str!("../assets/kinds/basic_auth.json")),
    ("bearer_token", include_str!("../assets/kinds/bearer_token.json")),
    ("oauth2", include_str!("../assets/kinds/oauth2.json")),
    ("oauth_alias", include_str!("../assets/kinds/oauth_alias.json")),
    ("secret", include_str!("../assets/kinds/secret.json")),
    ("database", include_str!("../assets/kinds/database.json")),
    ("aws", include_str!("../assets/kinds/aws.json")),
    ("client_certificate", include_str!("../assets/kinds/client_certificate.json")),
    ("custom", include_str!("../assets/kinds/custom.json")),
];

/// Every kind there is.
#[derive(Debug)]
pub struct Kinds(Vec<Kind>);

static BUILTIN_KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let kinds = BUILTIN.iter().map(|(id, text)| {
        let config = serde_json::from_str(text).expect("a built-in schema is JSON (tested)");
        Kind::new(id, config).expect("a built-in schema is valid (tested)")
    });
    Kinds(kinds.collect())
});

impl Kinds {
    /// The kinds that come with the program.
    pub fn builtin() -> &'static Self {
        &BUILTIN_KINDS
    }

    /// A kind by its id.
    pub fn get(&self, id: &str) -> Option<&Kind> {
        self.0.iter().find(|kind| kind.id == id)
    }

    /// All of them, in the order they are offered.
    pub fn iter(&self) -> impl Iterator<Item = &Kind> {
        self.0.iter()
    }

    /// The ids, joined for a message.
    pub fn names(&self) -> String {
        self.0.iter().map(|kind| kind.id.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Whether every required secret of a credential is there. Of a kind that is not known, only the secrets
    /// that a copy left out are known to be missing.
    pub fn is_complete(&self, content: &Content) -> bool {
        match self.get(content.kind()) {
            Some(kind) => kind.missing(content).is_empty(),
            None => content.missing_marks().is_empty(),
        }
    }
}

const OAUTH_APP: &str = include_str!("../assets/oauth_app.json");

static OAUTH_APP_KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let schema = serde_json::from_str(OAUTH_APP).expect("a built-in schema is JSON (tested)");
    Kinds(vec![Kind::of_document("", schema).expect("a built-in schema is valid (tested)")])
});

impl Kinds {
    /// What an OAuth app of the organization may say, as the only kind there is: its documents name none.
    pub fn of_oauth_apps() -> &'static Self {
        &OAUTH_APP_KINDS
    }
}

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
    validator: jsonschema::Validator,
}

/// A schema that cannot be a kind's.
#[derive(Debug, thiserror::Error)]
#[error("not a usable schema: {0}")]
pub struct SchemaError(String);

impl Kind {
    /// Makes a kind from the schema of its `config`.
    ///
    /// # Errors
    /// Says where the schema is not a valid one.
    pub fn new(id: &str, config: Value) -> Result<Self, SchemaError> {
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
        let validator = options()
            .build(&schema)
            .map_err(|error| SchemaError(format!("{}: {}", error.instance_path(), error.masked())))?;
        let parts = Parts::of(&schema, &title)?;
        let fields = parts.all();
        Ok(Self { id: id.to_owned(), title, description, fields, parts, schema, validator })
    }

    /// The schema of the whole document of this kind, as `schema KIND` prints it.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// The fields that apply to a content, and which of them it must have: conditions of the schema are asked
    /// with what it says now.
    pub fn fields_of(&self, content: &Content) -> Vec<Field> {
        self.parts.applying(&self.parts.truth(content))
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

    /// The title of a place, else its last name.
    pub fn title_of(&self, place: &str) -> String {
        let name = pointer::steps(place).last().unwrap_or_default().into_owned();
        self.said_of(place, "title").and_then(Value::as_str).map_or(name, str::to_owned)
    }

    /// Whether logging in proves a credential: its document needs no test.
    pub fn logs_in(&self, content: &Content) -> bool {
        let said = self.schema["properties"]["config"]["x-login"].as_object();
        said.into_iter().flatten().any(|(field, values)| {
            let value = content.get(&format!("/config/{}", pointer::escape(field)));
            values.as_array().is_some_and(|values| value.is_some_and(|value| values.contains(value)))
        })
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

    /// The secret that is meant when no field is named: the one of `x-main`, else the first of those with a
    /// field of their own, else the only value.
    pub fn main_secret(&self, content: &Content) -> Option<String> {
        let secrets = || self.fields.iter().filter(|field| matches!(field.control, Control::Secret { .. }));
        let is_main = |field: &&Field| self.said_of(&field.pointer, "x-main") == Some(&json!(true));
        match secrets().find(is_main).or_else(|| secrets().next()) {
            Some(field) => Some(field.pointer.clone()),
            None if content.secrets.len() == 1 => content.secrets.keys().next().cloned(),
            None => None,
        }
    }

    /// Whether what the secrets are bound to differs between two contents: the first such place. Addresses
    /// differ by scheme, host and port; other fields (a host, a port) by their value, where an absent one
    /// means its default.
    pub fn changed_origin(&self, before: &Content, after: &Content) -> Option<String> {
        let mut places =
            self.fields.iter().filter(|field| field.origin).map(|field| &field.pointer).peekable();
        places.peek()?;
        let (old, new) = (self.fields_of(before), self.fields_of(after));
        let bound = |fields: &[Field], content: &Content, place: &str| {
            let default = || fields.iter().find(|field| field.pointer == place)?.default.clone();
            let value = content.get(place).cloned().or_else(default)?;
            Some(value.as_str().map_or_else(|| value.to_string(), origin))
        };
        places.find(|place| bound(&old, before, place) != bound(&new, after, place)).cloned()
    }
}

/// How schemas are read: draft 2020-12, formats checked, nothing fetched.
fn options() -> jsonschema::ValidationOptions<'static> {
    jsonschema::draft202012::options().offline().should_validate_formats(true)
}

/// Scheme, host and port of an address; the text itself, in small letters, where it is none.
fn origin(address: &str) -> String {
    match url::Url::parse(address) {
        Ok(url) if url.has_host() => url.origin().ascii_serialization(),
        _ => address.to_ascii_lowercase(),
    }
}

fn is_object(schema: &Value) -> bool {
    schema.get("type").and_then(Value::as_str) == Some("object")
}

fn is_write_only(schema: &Value) -> bool {
    schema.get("writeOnly").and_then(Value::as_bool).unwrap_or(false)
}

fn compose(id: &str, mut config: Value) -> Value {
    let mut schema: Value = serde_json::from_str(COMMON).expect("the common schema is JSON (tested)");
    let members = config.as_object_mut().map(std::mem::take).unwrap_or_default();
    let mut own = Map::new();
    for (name, value) in members {
        match name.as_str() {
            "$schema" => {}
            // `$ref`s start at the root of the composed schema, so definitions move there.
            "$defs" => {
                if let (Some(defs), Value::Object(more)) = (schema["$defs"].as_object_mut(), value) {
                    defs.extend(more);
                }
            }
            _ => {
                own.insert(name, value);
            }
        }
    }
    for member in ["title", "description"] {
        if let Some(value) = own.get(member) {
            schema[member] = value.clone();
        }
    }
    if own.get("x-testable") == Some(&json!(false))
        && let Some(properties) = schema["properties"].as_object_mut()
    {
        for member in ["test", "allowed_hosts", "allow_http"] {
            properties.shift_remove(member);
        }
    }
    own.insert("title".into(), json!("Configuration"));
    schema["properties"]["kind"]["const"] = json!(id);
    schema["properties"]["config"] = Value::Object(own);
    schema
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

    #[test]
    fn an_origin_is_scheme_host_and_port() {
        assert_eq!(origin("https://a.example/x"), origin("https://A.example:443/y?z"));
        assert_ne!(origin("https://a.example"), origin("http://a.example"));
        assert_ne!(origin("https://a.example"), origin("https://a.example:8443"));
        assert_ne!(origin("https://a.example"), origin("https://a.example.evil"));
    }
}
