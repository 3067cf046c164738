//! What is wrong with a document, and where.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde_json::Value;

use super::{Choices, Control, Kind, Names};
use crate::model::{Content, Placeholder, pointer};

/// One thing wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// Where, as a JSON pointer into the document.
    pub pointer: String,
    /// What is wrong, as the end of a sentence: "is required".
    pub message: String,
    /// The value, as JSON and cut to a readable length; never that of a secret.
    pub value: Option<String>,
}

impl Violation {
    /// A violation without its value.
    pub fn new(pointer: impl Into<String>, message: impl Into<String>) -> Self {
        Self { pointer: pointer.into(), message: message.into(), value: None }
    }
}

impl std::fmt::Display for Violation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let place = if self.pointer.is_empty() { "the document" } else { &self.pointer };
        match &self.value {
            Some(value) => write!(f, "{place}: {value} {}", self.message),
            None => write!(f, "{place}: {}", self.message),
        }
    }
}

const QUOTED: usize = 60;

impl Kind {
    /// Everything wrong with a document, in its order. A required secret that is missing is not among it:
    /// see [`Kind::missing`].
    pub fn check(&self, content: &Content) -> Vec<Violation> {
        let mut stand_in = Value::Object(content.document.clone());
        fill_placeholders(&mut stand_in);
        let missing = self.stand_for_secrets(content, &mut stand_in);
        let mut found: Vec<Violation> = Vec::new();
        let Some(validator) = self.validator.of(&self.schema) else {
            return vec![Violation::new("", "cannot be checked: the schema of its kind is not a valid one")];
        };
        for error in validator.iter_errors(&stand_in) {
            for violation in self.explain(&error) {
                let known = |other: &Violation| other.pointer == violation.pointer;
                if !found.iter().any(known) && !missing.contains(&violation.pointer) {
                    found.push(violation);
                }
            }
        }
        found.extend(self.check_secrets(content));
        // The place of a secret may be one that the schema does not call so: what stands there is told anyway.
        for violation in &mut found {
            if content.secret(&violation.pointer).is_some() {
                violation.value = None;
            }
        }
        found
    }

    /// Puts something at the places of required secrets that are missing, so that no branch fails for them, and
    /// the secret itself where the schema says more of it than that it is a text. The missing places.
    fn stand_for_secrets(&self, content: &Content, stand_in: &mut Value) -> Vec<String> {
        const SAYS_MORE: [&str; 6] = ["pattern", "format", "minLength", "maxLength", "enum", "const"];
        let mut missing = self.missing(content);
        missing.retain(|place| self.is_secret(place));
        let Value::Object(document) = stand_in else { return missing };
        for place in &missing {
            pointer::set(document, place, Value::String("missing".to_owned()));
        }
        for (place, secret) in &content.secrets {
            if SAYS_MORE.iter().any(|word| self.said_of(place, word).is_some()) {
                pointer::set(document, place, Value::String(secret.expose().to_owned()));
            }
        }
        missing
    }

    /// Names of the vault that a document refers to and that are not there: those of `x-choices`.
    pub fn check_names(&self, content: &Content, names: &Names) -> Vec<Violation> {
        let mut found = Vec::new();
        for field in &self.fields {
            let Control::Choice(Choices::FromVault(word)) = &field.control else { continue };
            let (Some(known), Some(value)) = (names.get(word), content.get_str(&field.pointer)) else {
                continue;
            };
            if !value.is_empty() && !known.iter().any(|name| name == value) {
                let message = match known {
                    [] => "is not there; there is none yet".to_owned(),
                    known => format!("is not there; there is {}", known.join(", ")),
                };
                found.push(self.violation(&field.pointer, &Value::from(value), &message));
            }
        }
        found
    }

    /// Characters that a secret cannot have: a line break in a one-line secret would end a header.
    fn check_secrets(&self, content: &Content) -> Vec<Violation> {
        let mut found = Vec::new();
        for (place, secret) in &content.secrets {
            let multiline = self.said_of(place, "x-multiline") == Some(&Value::Bool(true));
            let bad = secret
                .expose()
                .chars()
                .position(|c| c.is_control() && !(multiline && matches!(c, '\n' | '\r' | '\t')));
            if let Some(at) = bad {
                let what = if secret.expose().chars().nth(at) == Some('\n') {
                    "a line break"
                } else {
                    "a control character"
                };
                found.push(Violation::new(place, format!("has {what} as its character {}", at + 1)));
            } else if secret.is_empty() {
                found.push(Violation::new(place, "must not be empty; null clears it"));
            }
        }
        found
    }

    fn explain(&self, error: &ValidationError<'_>) -> Vec<Violation> {
        let place = error.instance_path().to_string();
        let value = error.instance();
        if value.as_str().is_some_and(str::is_empty) {
            return vec![Violation::new(place, "must not be empty")];
        }
        if let Some(words) = self.said_of(&place, "x-pattern").and_then(Value::as_str)
            && matches!(error.kind(), ValidationErrorKind::Pattern { .. } | ValidationErrorKind::AnyOf { .. })
        {
            return vec![self.violation(&place, value, &as_predicate(words))];
        }
        if let ValidationErrorKind::OneOfNotValid { context } | ValidationErrorKind::AnyOf { context } =
            error.kind()
            && let Some(branch) = meant(context, &place)
        {
            return branch.iter().flat_map(|error| self.explain(error)).collect();
        }
        let message = match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                let place = pointer::join(&place, name);
                if self.holds_secrets(&place) {
                    return Vec::new();
                }
                return vec![Violation::new(place, "is required")];
            }
            ValidationErrorKind::MinProperties { .. } if self.holds_secrets(&place) => return Vec::new(),
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let nodes = super::parts::nodes(self.schema(), &place);
                let known = nodes.iter().filter_map(|node| node.get("properties")?.as_object());
                let mut known: Vec<&str> = known.flat_map(|known| known.keys().map(String::as_str)).collect();
                let mut seen = std::collections::HashSet::new();
                known.retain(|name| seen.insert(*name));
                let message = format!("is not known here; there is {}", known.join(", "));
                let place = |name: &String| pointer::join(&place, name);
                return unexpected.iter().map(|name| Violation::new(place(name), &message)).collect();
            }
            ValidationErrorKind::MinProperties { limit: 1 } => "must not be empty".to_owned(),
            ValidationErrorKind::MinItems { limit: 1 } => "must not be empty".to_owned(),
            ValidationErrorKind::MinProperties { limit } => format!("needs at least {limit} members"),
            ValidationErrorKind::Type { kind } => format!("must be {}", type_words(kind)),
            ValidationErrorKind::Enum { options } => {
                let options = options
                    .as_array()
                    .map(|options| options.iter().map(Value::to_string).collect::<Vec<_>>().join(", "));
                format!("must be one of {}", options.unwrap_or_default())
            }
            ValidationErrorKind::Constant { expected_value } => format!("must be {expected_value}"),
            ValidationErrorKind::Pattern { pattern } => format!("does not match {pattern}"),
            ValidationErrorKind::Format { format } => format!("is not a valid {format}"),
            ValidationErrorKind::MinLength { limit } => format!("must have at least {limit} characters"),
            ValidationErrorKind::MaxLength { limit } => format!("must have at most {limit} characters"),
            ValidationErrorKind::Minimum { limit } => format!("must be {limit} or more"),
            ValidationErrorKind::Maximum { limit } => format!("must be {limit} or less"),
            ValidationErrorKind::AnyOf { .. } | ValidationErrorKind::OneOfNotValid { .. } => {
                "fits none of the forms that are allowed here".to_owned()
            }
            ValidationErrorKind::UniqueItems => "holds the same item twice".to_owned(),
            ValidationErrorKind::PropertyNames { error } => {
                let name = error.instance().as_str().unwrap_or_default();
                let words = self.said_of(&place, "propertyNames").and_then(|names| names.get("x-pattern"));
                let words = words.and_then(Value::as_str);
                let place = pointer::join(&place, name);
                let plain = "is a name with characters other than letters, digits, '.', '_' and '-'";
                return vec![Violation::new(place, words.unwrap_or(plain))];
            }
            // The library's sentence, with the value left out.
            _ => error.masked().to_string(),
        };
        vec![self.violation(&place, value, &message)]
    }

    fn violation(&self, place: &str, value: &Value, message: &str) -> Violation {
        let quoted = (!self.may_hold_secret(place) && !value.is_object() && !value.is_array()).then(|| {
            let text = value.to_string();
            match text.char_indices().nth(QUOTED) {
                Some((at, _)) => format!("{}…", &text[..at]),
                None => text,
            }
        });
        Violation { pointer: place.to_owned(), message: message.to_owned(), value: quoted }
    }

    /// Whether a place is a secret, or an object whose members are.
    fn holds_secrets(&self, place: &str) -> bool {
        self.is_secret(place)
            || self.is_sealed(place)
            || self
                .fields
                .iter()
                .any(|field| field.pointer == place && field.control == (Control::Table { secret: true }))
    }

    fn may_hold_secret(&self, place: &str) -> bool {
        self.around(place).any(|place| self.holds_secrets(place))
    }
}

/// The branch of several that a document means: the only one whose constants and whose type it has.
fn meant<'a>(
    branches: &'a [Vec<ValidationError<'static>>],
    place: &str,
) -> Option<&'a [ValidationError<'static>]> {
    let differs = |error: &ValidationError<'_>| match error.kind() {
        ValidationErrorKind::Constant { .. } => true,
        ValidationErrorKind::Type { .. } => error.instance_path().as_str() == place,
        _ => false,
    };
    let mut fitting = branches.iter().filter(|errors| !errors.iter().any(differs));
    match (fitting.next(), fitting.next()) {
        (Some(one), None) if branches.len() > 1 => Some(one),
        _ => None,
    }
}

fn as_predicate(words: &str) -> String {
    if words.starts_with("not ") { format!("is {words}") } else { format!("is not allowed: {words}") }
}

fn type_words(kind: &TypeKind) -> String {
    let word = |kind: jsonschema::JsonType| match kind {
        jsonschema::JsonType::String => "a text",
        jsonschema::JsonType::Number => "a number",
        jsonschema::JsonType::Integer => "a whole number",
        jsonschema::JsonType::Boolean => "true or false",
        jsonschema::JsonType::Array => "a list",
        jsonschema::JsonType::Object => "an object",
        jsonschema::JsonType::Null => "null",
    };
    match kind {
        TypeKind::Single(kind) => word(*kind).to_owned(),
        TypeKind::Multiple(kinds) => kinds.iter().map(word).collect::<Vec<_>>().join(" or "),
    }
}

/// Lets placeholders pass for the texts they stand for; marks of missing secrets vanish.
pub(super) fn fill_placeholders(value: &mut Value) {
    match value {
        Value::Object(object) => {
            object.retain(|_, member| Placeholder::of(member) != Some(Placeholder::Missing));
            for member in object.values_mut() {
                match Placeholder::of(member) {
                    Some(_) => *member = Value::String("stored".to_owned()),
                    None => fill_placeholders(member),
                }
            }
        }
        Value::Array(array) => array.iter_mut().for_each(fill_placeholders),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::Kinds;
    use super::*;
    use crate::secret::Secret;

    fn content(document: Value) -> Content {
        Content { document: document.as_object().unwrap().clone(), ..Content::default() }
    }

    fn said(document: Value) -> Vec<String> {
        let content = content(document);
        Kinds::builtin()
            .of_content(&content)
            .unwrap()
            .check(&content)
            .iter()
            .map(Violation::to_string)
            .collect()
    }

    #[test]
    fn a_missing_field_is_named_and_a_missing_secret_is_not_a_violation() {
        let found = said(json!({"key": "a", "kind": "api_key", "config": {}}));
        assert_eq!(found, ["/config/base_url: is required"]);
        assert!(said(json!({"key": "a", "kind": "secret", "config": {}})).is_empty());
        assert!(said(json!({"key": "a", "kind": "secret", "config": {"values": {}}})).is_empty());
    }

    #[test]
    fn messages_say_what_is_wrong_and_quote_the_value() {
        insta::assert_snapshot!(
            said(json!({
                "key": "a b", "kind": "api_key", "tags": ["x", "x"], "rotate_every_days": 0, "allow_http": "yes",
                "expires_at": "soon",
                "test": {"method": "DELETE", "path": 3, "expekt": 1, "rejected": {}, "limited": {"status": []},
                         "expect": {"status": [99], "json": [{"pointer": "x"}]}},
                "config": {"base_url": "ftp://x", "placement": {"in": "body", "name": ""}},
            }))
            .join("\n")
        );
    }

    #[test]
    fn a_secret_is_never_quoted() {
        for config in [
            json!({"values": "hunter2"}),
            json!({"values": {"a": ["hunter2"]}}),
            json!({"values": {"a": 42}}),
        ] {
            let found = said(json!({"key": "a", "kind": "secret", "config": config}));
            assert!(!found.is_empty());
            assert!(!found.join(" ").contains("hunter2") && !found.join(" ").contains("42"), "{found:?}");
        }
    }

    #[test]
    fn a_line_break_may_stand_only_where_the_schema_allows_it() {
        let kinds = Kinds::builtin();
        let mut one =
            content(json!({"key": "a", "kind": "bearer_token", "config": {"base_url": "https://x.example"}}));
        one.set_secret("/config/token", Secret::from("a\nb"));
        let found = kinds.get("bearer_token").unwrap().check(&one);
        assert_eq!(found[0].to_string(), "/config/token: has a line break as its character 2");
        let mut many = content(json!({"key": "a", "kind": "secret", "config": {}}));
        many.set_secret("/config/values/pem", Secret::from("-----BEGIN\nabc\n-----END\n"));
        assert!(kinds.get("secret").unwrap().check(&many).is_empty());
    }
}
