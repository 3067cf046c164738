//! Kinds: one JSON Schema each (draft 2020-12), and everything that is read from it.
//!
//! A kind's own schema describes `config`; [`Kind`] composes it with the schema of what every credential has
//! (`assets/kinds/credential.json`) into the schema of the whole document. From that one source come the
//! fields of the form ([`Field`]), the checks ([`Kind::check`]), which places hold secrets ([`Kind::is_secret`]),
//! what `put` and the raw editor accept ([`Kind::read`]) and the printed schema.
//!
//! Beside the standard keywords the schemas use a few annotations: `x-group` (heading in the form),
//! `x-pattern` (what a violated pattern means, in words), `x-multiline`, `x-origin` (an address that the
//! secrets are bound to), `x-choices` (offered from the vault), `x-fixed` (not edited in the form) and
//! `x-testable` (`false`: no request can prove it, so the document has no place for one).

mod check;
mod draft;
mod field;
mod read;
pub mod text;

use std::sync::LazyLock;

use serde_json::{Map, Value, json};

use crate::model::{Content, pointer};

pub use check::Violation;
pub use draft::{Base, Draft, Inspection, TextError};
pub use field::{Choices, Control, Field};
pub use read::{Absent, Notice, Read};

const COMMON: &str = include_str!("../assets/kinds/credential.json");
const BUILTIN: &[(&str, &str)] = &[
    ("api_key", include_str!("../assets/kinds/api_key.json")),
    ("basic_auth", include_str!("../assets/kinds/basic_auth.json")),
    ("bearer_token", include_str!("../assets/kinds/bearer_token.json")),
    ("secret", include_str!("../assets/kinds/secret.json")),
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
    /// The fields of the form, in their order.
    pub fields: Vec<Field>,
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
        let validator = jsonschema::draft202012::options()
            .offline()
            .should_validate_formats(true)
            .build(&schema)
            .map_err(|error| SchemaError(format!("{}: {}", error.instance_path(), error.masked())))?;
        let mut kind = Self { id: id.to_owned(), title, description, fields: Vec::new(), schema, validator };
        kind.fields = field::derive(&kind);
        Ok(kind)
    }

    /// The schema of the whole document of this kind, as `schema KIND` prints it.
    pub fn schema(&self) -> &Value {
        &self.schema
    }

    /// The schema of one place in the document.
    pub fn schema_at(&self, place: &str) -> Option<&Value> {
        let mut here = self.resolve(&self.schema);
        for step in pointer::steps(place) {
            let next = here
                .get("properties")
                .and_then(|properties| properties.get(step.as_ref()))
                .or_else(|| here.get("additionalProperties").filter(|schema| schema.is_object()))
                .or_else(|| here.get("items"))?;
            here = self.resolve(next);
        }
        Some(here)
    }

    /// Follows a `$ref` into the schema's own `$defs`.
    fn resolve<'a>(&'a self, schema: &'a Value) -> &'a Value {
        match schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#')) {
            Some(path) => self.schema.pointer(path).unwrap_or(schema),
            None => schema,
        }
    }

    /// Whether a place in the document holds a secret.
    pub fn is_secret(&self, place: &str) -> bool {
        self.schema_at(place).is_some_and(is_write_only)
    }

    /// The title of a place, else its last name.
    pub fn title_of(&self, place: &str) -> String {
        let name = pointer::steps(place).last().unwrap_or_default().into_owned();
        let title = self.schema_at(place).and_then(|schema| schema.get("title")).and_then(Value::as_str);
        title.map_or(name, str::to_owned)
    }

    /// Required secrets that are not there: their places. A copy's "missing" marks count.
    pub fn missing(&self, content: &Content) -> Vec<String> {
        let mut missing = content.missing_marks();
        for field in self.fields.iter().filter(|field| field.required) {
            let place = &field.pointer;
            let lacks = match field.control {
                Control::Secret { .. } => content.secret(place).is_none(),
                Control::Table { secret: true } => {
                    let under = format!("{place}/");
                    !content.secrets.keys().any(|known| known.starts_with(&under))
                }
                _ => false,
            };
            if lacks && !missing.contains(place) {
                missing.push(place.clone());
            }
        }
        missing
    }

    /// The secret that is meant when no field is named: the only one of its kind, or the only value.
    pub fn main_secret(&self, content: &Content) -> Option<String> {
        let required = self.fields.iter().find(|field| matches!(field.control, Control::Secret { .. }));
        match required {
            Some(field) => Some(field.pointer.clone()),
            None if content.secrets.len() == 1 => content.secrets.keys().next().cloned(),
            None => None,
        }
    }

    /// Places whose address the secrets are bound to.
    fn origins(&self) -> impl Iterator<Item = &str> {
        self.fields.iter().filter(|field| field.origin).map(|field| field.pointer.as_str())
    }

    /// Whether the address that the secrets are bound to (scheme, host, port) differs between two contents:
    /// the first such place.
    pub fn changed_origin(&self, before: &Content, after: &Content) -> Option<String> {
        self.origins()
            .find(|place| {
                let (old, new) = (before.get_str(place), after.get_str(place));
                old.is_some() && old.map(origin) != new.map(origin)
            })
            .map(str::to_owned)
    }
}

/// Scheme, host and port of an address; the text itself where it is none.
fn origin(address: &str) -> String {
    match url::Url::parse(address) {
        Ok(url) => url.origin().ascii_serialization(),
        Err(_) => address.to_owned(),
    }
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
