//! The schema of a kind as a person writes it: everything that a form can show, nothing that it cannot, and
//! each mistake with its place.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::draft::{TextError, locate, syntax_errors};
use super::parts::resolve;
use super::text::Positions;
use super::{Control, Field, Kind, Kinds, Own, Violation, bounds, is_write_only};
use crate::model::{Content, Object, pointer};
use crate::suggest::nearest;

/// The longest name of a kind, in characters.
const LONGEST_ID: usize = 40;

/// The keywords that a form can show or a check can ask.
const KEYWORDS: [&str; 37] = [
    "$schema",
    "$defs",
    "$ref",
    "$comment",
    "title",
    "description",
    "type",
    "properties",
    "required",
    "additionalProperties",
    "propertyNames",
    "items",
    "enum",
    "const",
    "pattern",
    "format",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "default",
    "examples",
    "writeOnly",
    "if",
    "then",
    "else",
    "allOf",
    "oneOf",
    "anyOf",
    "not",
    "dependentRequired",
    "dependentSchemas",
];

/// What an annotation holds.
#[derive(Clone, Copy, PartialEq)]
enum Holds {
    Text,
    Flag,
    Object,
}

/// The annotations there are, and which of them stand only at the top.
const ANNOTATIONS: [(&str, Holds, bool); 11] = [
    ("x-group", Holds::Text, false),
    ("x-pattern", Holds::Text, false),
    ("x-multiline", Holds::Flag, false),
    ("x-origin", Holds::Flag, false),
    ("x-choices", Holds::Text, false),
    ("x-fixed", Holds::Flag, false),
    ("x-main", Holds::Flag, false),
    ("x-obtain", Holds::Text, false),
    ("x-testable", Holds::Flag, true),
    ("x-request", Holds::Object, true),
    ("x-test", Holds::Object, true),
];

const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];

const FORMATS: [&str; 12] = [
    "uri",
    "uri-reference",
    "email",
    "hostname",
    "ipv4",
    "ipv6",
    "uuid",
    "date",
    "time",
    "date-time",
    "duration",
    "json-pointer",
];

/// Definitions of the schema that every credential has.
const TAKEN_DEFINITIONS: [&str; 1] = ["rule"];

/// Where the service answers: the one host that secrets are sent to.
const BASE_URL: &str = "/properties/base_url";

/// A schema that can be a kind's.
#[derive(Debug)]
pub struct Defined {
    /// The schema of `config`, as it is stored.
    pub schema: Object,
    /// The kind that it makes.
    pub kind: Kind,
}

impl Kind {
    /// Whether a text can be the name of a kind of the vault's own.
    ///
    /// # Errors
    /// Says what it has to be, as the end of a sentence.
    pub fn check_id(id: &str) -> Result<(), String> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '_' | '-');
        if id.is_empty() || id.chars().count() > LONGEST_ID || !id.chars().all(allowed) {
            return Err(format!("is made of small letters, digits, '_' and '-', {LONGEST_ID} at most"));
        }
        // The word of `schema` for what an OAuth app may say.
        if Kinds::is_builtin(id) || id == "oauth_app" {
            return Err("must be another one: a kind of that name comes with the program".to_owned());
        }
        Ok(())
    }

    /// Reads the text of a kind's schema: JSON Schema 2020-12 of `config`, within what a form can show.
    ///
    /// # Errors
    /// Everything wrong with it, with its place.
    pub fn define(id: &str, text: &str) -> Result<Defined, Vec<TextError>> {
        if text.len() > bounds::LARGEST {
            let start = locate("", &Positions::default(), &Violation::new("", "is larger than 1 MiB"));
            return Err(vec![start]);
        }
        let positions = Positions::read(text).map_err(|errors| syntax_errors(text, errors))?;
        Self::read_schema(id, text).map_err(|found| {
            found.iter().map(|violation| locate(text, &positions, violation)).collect::<Vec<_>>()
        })
    }

    fn read_schema(id: &str, text: &str) -> Result<Defined, Vec<Violation>> {
        let whole = |message: &str| vec![Violation::new("", message)];
        let Ok(Value::Object(schema)) = serde_json::from_str(text) else {
            return Err(whole("a schema is an object: { … }"));
        };
        let found = bounds::check(&schema);
        if !found.is_empty() {
            return Err(found);
        }
        let value = Value::Object(schema.clone());
        let mut reader = Rules {
            root: &value,
            found: Vec::new(),
            needed: Vec::new(),
            names: BTreeSet::new(),
            secrets: false,
        };
        reader.top(&schema);
        let mut found = reader.found;
        // What our own rules told of is not told again in the words of the meta-schema.
        for error in jsonschema::draft202012::meta::validator().iter_errors(&value) {
            let place = error.instance_path().to_string();
            if !found.iter().any(|known| known.pointer.starts_with(&place)) {
                found.push(Violation::new(place, error.masked().to_string()));
            }
        }
        if !found.is_empty() {
            return Err(found);
        }
        let kind = Self::new(id, value.clone()).map_err(|error| {
            let place = error.place.strip_prefix("/properties/config").unwrap_or(&error.place);
            let message = match place.ends_with("/pattern") {
                true => {
                    "is no pattern that can be matched in linear time: one without look-around and \
                         back-references, and not too large"
                }
                false => error.message.as_str(),
            };
            vec![Violation::new(place, message)]
        })?;
        let own = Own::new(Timestamp::UNIX_EPOCH, None);
        let kind = Self { own: Some(own), ..kind };
        let found = kind.check_request_and_test();
        if found.is_empty() { Ok(Defined { schema, kind }) } else { Err(found) }
    }

    /// What `x-request` and `x-test` say that cannot be done.
    fn check_request_and_test(&self) -> Vec<Violation> {
        let mut found = Vec::new();
        if let Some(test) = self.config_schema().get("x-test") {
            let document = json!({"key": "a", "kind": self.id, "config": {}, "test": test});
            let content =
                Content { document: document.as_object().cloned().unwrap_or_default(), ..Content::default() };
            let told = self.check(&content).into_iter().filter_map(|violation| {
                let place = violation.pointer.strip_prefix("/test")?;
                Some(Violation { pointer: format!("/x-test{place}"), ..violation })
            });
            found.extend(told);
        }
        if let Some(request) = self.config_schema().get("x-request") {
            self.check_request(request, &mut found);
        }
        found
    }

    fn check_request(&self, request: &Value, found: &mut Vec<Violation>) {
        let fields = || {
            let own =
                |field: &Field| field.pointer.strip_prefix("/config/").map(|name| name.replace('/', "."));
            self.fields.iter().filter_map(move |field| Some((own(field)?, &field.control)))
        };
        let names: BTreeSet<String> = fields().map(|(name, _)| name).collect();
        let open: Vec<String> = fields()
            .filter(|(_, control)| matches!(control, Control::Table { .. } | Control::Json))
            // What stands in one of these is named without it.
            .map(|(name, _)| {
                if matches!(name.as_str(), "fields" | "secrets") { String::new() } else { format!("{name}.") }
            })
            .collect();
        let known =
            |name: &&str| names.contains(*name) || open.iter().any(|table| name.starts_with(table.as_str()));
        for (member, value) in request.as_object().into_iter().flatten() {
            let place = pointer::join("/x-request", member);
            match (member.as_str(), value) {
                ("headers" | "query", Value::Object(entries)) => {
                    for (name, template) in entries {
                        let place = pointer::join(&place, name);
                        let Some(template) = template.as_str() else {
                            found.push(Violation::new(place, "must be a text"));
                            continue;
                        };
                        let unknown = placeholders(template).find(|name| !known(name));
                        if let Some(unknown) = unknown {
                            let message =
                                format!("{{{unknown}}} is neither a field nor a secret of this kind");
                            found.push(Violation::new(place, message));
                        }
                    }
                }
                ("body", Value::String(_)) => {}
                ("headers" | "query", _) => found.push(Violation::new(place, "must be an object of texts")),
                ("body", _) => found.push(Violation::new(place, "must be a text")),
                _ => found.push(Violation::new(place, "is not known here; there is headers, query, body")),
            }
        }
    }
}

/// The names in braces.
fn placeholders(template: &str) -> impl Iterator<Item = &str> {
    let is_name = |name: &&str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
    };
    template.split('{').skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name)).filter(is_name)
}

/// Reads a schema node by node.
struct Rules<'a> {
    root: &'a Value,
    found: Vec<Violation>,
    /// Names that something requires, with where it does.
    needed: Vec<(String, &'a str)>,
    /// Names that are declared anywhere.
    names: BTreeSet<&'a str>,
    /// Something is a secret.
    secrets: bool,
}

/// Where a schema stands.
#[derive(Clone, Copy, PartialEq)]
enum Spot {
    /// The schema itself.
    Top,
    /// Of a field, or of a branch.
    Field,
    /// Of a list's items: they have no place of their own in the form.
    Item,
}

impl<'a> Rules<'a> {
    fn say(&mut self, place: impl Into<String>, message: impl Into<String>) {
        self.found.push(Violation::new(place, message));
    }

    fn top(&mut self, schema: &'a Map<String, Value>) {
        let text = |member: &str| schema.get(member).and_then(Value::as_str);
        if text("title").is_none_or(|title| title.trim().is_empty()) {
            self.say("/title", "is required: the words for people, such as \"API key\"");
        }
        if text("type") != Some("object") {
            self.say("/type", "must be \"object\": it describes `config`");
        }
        if let Some(draft) = schema.get("$schema")
            && draft.as_str().is_none_or(|draft| {
                draft.trim_end_matches('#') != "https://json-schema.org/draft/2020-12/schema"
            })
        {
            self.say("/$schema", "must be \"https://json-schema.org/draft/2020-12/schema\"");
        }
        for name in TAKEN_DEFINITIONS {
            if schema.get("$defs").is_some_and(|definitions| definitions.get(name).is_some()) {
                self.say(pointer::join("/$defs", name), "is the program's own: give it another name");
            }
        }
        self.node(self.root, "", Spot::Top);
        for (place, name) in std::mem::take(&mut self.needed) {
            if !self.names.contains(name) {
                self.say(place, format!("{name:?} is required, but no field has that name"));
            }
        }
        self.origin(schema);
    }

    /// Secrets go to one host, which they are bound to.
    fn origin(&mut self, schema: &'a Map<String, Value>) {
        let field = schema.get("properties").and_then(|fields| fields.get("base_url"));
        let sends = field.is_some()
            || ["x-request", "x-test"].iter().any(|word| schema.contains_key(*word))
            || schema.get("properties").is_some_and(|fields| fields.get("request").is_some());
        if schema.get("x-testable") == Some(&json!(false)) && schema.contains_key("x-test") {
            self.say("/x-test", "contradicts x-testable, which says that no request proves it");
        }
        if !sends || !self.secrets {
            return;
        }
        let target = field.map(|field| resolve(self.root, field));
        let bound = |member: &str| {
            [field, target].into_iter().flatten().any(|schema| schema.get(member) == Some(&json!(true)))
        };
        let is_text = target.and_then(|field| field.get("type")).and_then(Value::as_str) == Some("string");
        if !is_text || !bound("x-origin") {
            self.say(
                BASE_URL,
                "must be a text with \"x-origin\": true: secrets are sent to that host and to no other",
            );
        }
        let default = [field, target].into_iter().flatten().find_map(|schema| schema.get("default"));
        let address = |text: &str| {
            url::Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        };
        if default.is_some_and(|default| !default.as_str().is_some_and(address)) {
            self.say(format!("{BASE_URL}/default"), "is not an address such as https://api.example.com");
        }
    }

    fn node(&mut self, value: &'a Value, place: &str, spot: Spot) {
        let Value::Object(schema) = value else {
            return self.say(place, "must be an object that says what is allowed here");
        };
        for (word, value) in schema {
            self.word(word, value, &pointer::join(place, word), spot);
        }
        if is_write_only(value) {
            self.secret(schema, place, spot);
        }
    }

    fn secret(&mut self, schema: &'a Map<String, Value>, place: &str, spot: Spot) {
        self.secrets = true;
        let place_of = |word: &str| pointer::join(place, word);
        if spot == Spot::Item {
            self.say(place_of("writeOnly"), "cannot be in a list: put secrets in an object, by name");
        }
        if !matches!(schema.get("type").and_then(Value::as_str), Some("string" | "object")) {
            self.say(place_of("writeOnly"), "needs \"type\": \"string\": only a text can be a secret");
        }
        for word in ["default", "const", "enum", "examples"] {
            if schema.contains_key(word) {
                self.say(place_of(word), "would show a secret to everyone who reads the schema");
            }
        }
    }

    fn word(&mut self, word: &'a str, value: &'a Value, place: &str, spot: Spot) {
        match (word, value) {
            ("properties" | "$defs" | "dependentSchemas", Value::Object(members)) => {
                for (name, schema) in members {
                    let at = pointer::join(place, name);
                    if word == "properties" {
                        self.names.insert(name);
                        if name.is_empty() || name.starts_with('$') {
                            self.say(&at, "is not a name that a field can have");
                        }
                    }
                    self.node(schema, &at, Spot::Field);
                }
            }
            ("required", Value::Array(names)) => {
                for (index, name) in names.iter().enumerate() {
                    self.needed.extend(name.as_str().map(|name| (format!("{place}/{index}"), name)));
                }
            }
            ("additionalProperties" | "items", Value::Bool(_)) => {}
            ("items", schema) => self.node(schema, place, Spot::Item),
            ("additionalProperties" | "propertyNames" | "if" | "then" | "else" | "not", schema) => {
                self.node(schema, place, Spot::Field);
            }
            ("allOf" | "oneOf" | "anyOf", Value::Array(branches)) => {
                for (index, branch) in branches.iter().enumerate() {
                    self.node(branch, &format!("{place}/{index}"), Spot::Field);
                }
            }
            ("type", Value::String(name)) if TYPES.contains(&name.as_str()) => {}
            ("type", _) => self.say(place, format!("must be one of {}", TYPES.join(", "))),
            ("format", Value::String(name)) if FORMATS.contains(&name.as_str()) => {}
            ("format", _) => self.say(place, format!("must be one of {}", FORMATS.join(", "))),
            ("$schema" | "$defs", _) if spot != Spot::Top => self.say(place, "stands only at the top"),
            (word, _) if word.starts_with("x-") => self.annotation(word, value, place, spot),
            (word, _) if KEYWORDS.contains(&word) => {}
            (word, _) => {
                let known = KEYWORDS.iter().chain(ANNOTATIONS.iter().map(|(known, ..)| known)).copied();
                let meant = nearest(word, known).map(|meant| format!("; did you mean {meant}?"));
                let message = format!("is not a keyword that a kind can use{}", meant.unwrap_or_default());
                self.say(place, message);
            }
        }
    }

    fn annotation(&mut self, word: &str, value: &Value, place: &str, spot: Spot) {
        let Some((_, holds, top)) = ANNOTATIONS.iter().find(|(known, ..)| *known == word) else {
            let known = ANNOTATIONS.iter().map(|(known, ..)| *known);
            let message = match nearest(word, known.clone()) {
                Some(meant) => format!("is not an annotation; did you mean {meant}?"),
                None => format!("is not an annotation; there is {}", known.collect::<Vec<_>>().join(", ")),
            };
            return self.say(place, message);
        };
        let (fits, words) = match holds {
            Holds::Text => (value.is_string(), "must be a text"),
            Holds::Flag => (value.is_boolean(), "must be true or false"),
            Holds::Object => (value.is_object(), "must be an object"),
        };
        if !fits {
            self.say(place, words);
        } else if *top && spot != Spot::Top {
            self.say(place, "stands only at the top");
        }
    }
}

#[cfg(test)]
mod tests;
