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
//! types) and `x-testable` (`false`: no HTTP request proves it, so the document has no place for one). A kind that is defined in
//! a vault has two more: `x-request` (where its fields and secrets go in a request) and `x-test` (the test of
//! those that have none of their own).

mod bounds;
pub mod catalogue;
mod check;
mod define;
mod draft;
mod field;
mod kinds;
mod names;
mod parts;
mod read;
mod reference;
pub mod rules;
mod seal;
pub mod text;

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use self::catalogue::{Chosen, NoVariant};
use self::parts::Parts;
use crate::model::{Content, Credential, Id, KindDefinition, Object, pointer};

pub use check::Violation;
pub use define::Defined;
pub use draft::{Base, Draft, Inspection, TextError};
pub use field::{Choices, Control, Field};
pub use kinds::Kinds;
pub use names::Names;
pub use read::{Absent, Notice, Read};

const COMMON: &str = include_str!("../assets/kinds/credential.json");

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

/// What is known of a kind that was defined in the vault.
#[derive(Debug)]
struct Own {
    /// Since when its request and its test are what they are: older verdicts are about something else.
    proves_since: Timestamp,
    /// Why it cannot be used as it is stored; it then says nothing about `config`.
    unusable: Option<String>,
    /// Whether each version of a credential that was asked for fits it.
    fits: Mutex<HashMap<(Id, u32), bool>>,
}

impl Own {
    fn new(proves_since: Timestamp, unusable: Option<String>) -> Self {
        Self { proves_since, unusable, fits: Mutex::default() }
    }
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

    /// Makes a kind of the vault's own. One that cannot be used says nothing about `config`: what is stored stays
    /// as it is, and [`Kind::unusable`] tells why.
    fn of_definition(definition: &KindDefinition) -> Self {
        let made = match bounds::check(&definition.schema).into_iter().next() {
            _ if Kinds::is_builtin(&definition.id) => {
                Err("a kind of this name comes with the program".to_owned())
            }
            Some(violation) => Err(violation.to_string()),
            None => Self::new(&definition.id, Value::Object(definition.schema.clone()))
                .map_err(|error| error.to_string()),
        };
        let proves_since = proves_since(definition);
        match made {
            Ok(kind) => Self { own: Some(Own::new(proves_since, None)), ..kind },
            Err(error) => {
                let schema = compose(&definition.id, json!({ "title": definition.id, "type": "object" }));
                let own = Some(Own::new(proves_since, Some(error)));
                let (id, title) = (definition.id.clone(), definition.id.clone());
                let parts = Parts::of(&schema, &title).unwrap_or_default();
                let fields = parts.all();
                Self {
                    id,
                    title,
                    description: String::new(),
                    fields,
                    parts,
                    schema,
                    validator: Lazy::default(),
                    service: None,
                    own,
                }
            }
        }
    }

    /// The service that the kind was made for, or why what was named is not usable; `None`: for none that is
    /// known.
    pub fn service(&self) -> Option<&Result<Chosen, NoVariant>> {
        self.service.as_ref()
    }

    /// Whether it was defined in the vault.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Why a stored kind cannot be used by this version of the program.
    pub fn unusable(&self) -> Option<&str> {
        self.own.as_ref()?.unusable.as_deref()
    }

    /// Since when its request and its test are what they are; `None`: always.
    pub fn proves_since(&self) -> Option<Timestamp> {
        self.own.as_ref().map(|own| own.proves_since)
    }

    /// Whether a credential fits it, where that is not certain: of a kind of the vault's own, whose schema may
    /// have been changed. Each version is checked once, because a list asks for thousands each time it is made.
    fn fits(&self, credential: &Credential) -> bool {
        let Some(own) = &self.own else { return true };
        let mut known = own.fits.lock().unwrap_or_else(PoisonError::into_inner);
        *known
            .entry((credential.id.clone(), credential.version))
            .or_insert_with(|| own.unusable.is_none() && self.check(&credential.content).is_empty())
    }

    /// The schema of `config`, as it is edited: with its annotations, without what every credential has. The
    /// definitions that it refers to stand in [`Kind::schema`].
    pub fn config_schema(&self) -> &Value {
        self.schema.pointer("/properties/config").unwrap_or(&Value::Null)
    }

    /// What a kind of one's own that is to be like this one starts from: the schema of `config`, with the
    /// definitions that it refers to.
    pub fn source(&self) -> Value {
        let Some(config) = self.config_schema().as_object() else { return Value::Null };
        let text = |text: &str| Value::from(text);
        let mut source = Map::new();
        source.insert("$schema".into(), text("https://json-schema.org/draft/2020-12/schema"));
        // Composing put "Configuration" in the place of the kind's own words.
        source.insert("title".into(), text(&self.title));
        source.insert("description".into(), text(&self.description));
        source.extend(
            config
                .iter()
                .filter(|(name, _)| *name != "title" && *name != "description")
                .map(|(name, value)| (name.clone(), value.clone())),
        );
        let common: Value = serde_json::from_str(COMMON).unwrap_or_default();
        let own = |name: &str| common["$defs"].get(name).is_none();
        let definitions = self.schema.get("$defs").and_then(Value::as_object);
        let definitions: Map<String, Value> = definitions
            .into_iter()
            .flatten()
            .filter(|(name, _)| own(name))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        if !definitions.is_empty() {
            source.insert("$defs".into(), Value::Object(definitions));
        }
        Value::Object(source)
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

    /// Whether secrets are bound to what a field says: it is marked, or it is where they are sent, whatever a
    /// schema of the vault's own marks or no longer marks.
    fn binds(&self, field: &Field) -> bool {
        field.origin || self.is_own() && field.pointer == BASE_URL
    }

    /// What a new document of this kind starts with: the addresses that its secrets will be bound to, where the
    /// schema has them. They are stored with the credential, so that another schema cannot send its secrets
    /// elsewhere.
    ///
    /// What a service proposes is stored for the same reason; it is told.
    pub fn bind(&self, content: &mut Content) -> Vec<Notice> {
        if !self.is_own() {
            return self.propose(content);
        }
        let fields = self.parts.applying(&self.parts.truth(content));
        for field in fields.into_iter().filter(|field| self.binds(field)) {
            if let (None, Some(default)) = (content.get(&field.pointer), field.default) {
                content.set(&field.pointer, default);
            }
        }
        Vec::new()
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

    /// Whether what the secrets are bound to differs between two contents: the first such place. Addresses
    /// differ by scheme, host and port; other fields (a host, a port) by their value, where an absent one
    /// means its default.
    pub fn changed_origin(&self, before: &Content, after: &Content) -> Option<String> {
        let marked = self.fields.iter().filter(|field| field.origin).map(|field| field.pointer.as_str());
        let mut places = marked.chain(self.is_own().then_some(BASE_URL)).peekable();
        places.peek()?;
        let (old, new) = (self.fields_of(before), self.fields_of(after));
        let bound = |fields: &[Field], content: &Content, place: &str| {
            let default = || fields.iter().find(|field| field.pointer == place)?.default.clone();
            let value = content.get(place).cloned().or_else(default)?;
            Some(value.as_str().map_or_else(|| value.to_string(), origin))
        };
        places.find(|place| bound(&old, before, place) != bound(&new, after, place)).map(str::to_owned)
    }
}

/// The memory that one compiled pattern may take, in bytes.
const PATTERN_SIZE: usize = 1 << 20;

/// How schemas are read: draft 2020-12, formats checked, nothing fetched. Patterns are matched in linear time,
/// so that none can hang on a value; look-around and back-references are not known to them.
fn options() -> jsonschema::ValidationOptions<'static> {
    let patterns = jsonschema::PatternOptions::regex().size_limit(PATTERN_SIZE);
    jsonschema::draft202012::options().offline().should_validate_formats(true).with_pattern_options(patterns)
}

/// What checks values against a schema, made when it is first needed.
#[derive(Debug, Default)]
struct Lazy(OnceLock<Option<jsonschema::Validator>>);

impl Lazy {
    /// The validator; `None` where the schema is not a valid one.
    fn of(&self, schema: &Value) -> Option<&jsonschema::Validator> {
        self.0.get_or_init(|| options().build(schema).ok()).as_ref()
    }

    /// Makes it now.
    ///
    /// # Errors
    /// Says where the schema is not a valid one.
    fn build(&self, schema: &Value) -> Result<(), SchemaError> {
        let made = options().build(schema).map_err(|error| {
            SchemaError::new(error.instance_path().to_string(), error.masked().to_string())
        })?;
        // One that was made meanwhile is the same.
        let _ = self.0.set(Some(made));
        Ok(())
    }
}

/// Since when the request and the test of a kind are what they are now.
fn proves_since(definition: &KindDefinition) -> Timestamp {
    let proves = |schema: &Object| {
        let request = schema.get("properties").and_then(|fields| fields.get("request"));
        [schema.get("x-request"), schema.get("x-test"), request].map(Option::<&Value>::cloned)
    };
    let now = proves(&definition.schema);
    let same = definition.history.iter().rev().take_while(|version| proves(&version.schema) == now);
    same.last().map_or(definition.updated_at, |version| version.at)
}

/// Where the address stands that secrets are sent to.
const BASE_URL: &str = "/config/base_url";

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
