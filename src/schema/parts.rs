//! Which parts of a schema apply to a content: `if`/`then`/`else`, `allOf`, `oneOf` and `anyOf` by a constant,
//! `dependentRequired` and `dependentSchemas`.
//!
//! A schema is laid out once, when its kind is made: every field of every branch with the conditions that it
//! stands under, and every `required` likewise. What applies to one content is then a matter of asking each
//! condition once. Secrets and types do not ask: [`nodes()`] sees all branches, so that a secret stays one when
//! another choice hides its field.

mod layout;
mod nodes;

use std::collections::HashMap;

use serde_json::{Map, Value};

use self::layout::Layout;
use super::validator::Lazy;
use super::{Control, Field, SchemaError};
use crate::model::Content;

pub(super) use nodes::{nodes, resolve};

/// A schema, laid out.
#[derive(Debug, Default)]
pub(super) struct Parts {
    fields: Vec<Part>,
    needs: Vec<Need>,
    conditions: Vec<Condition>,
}

/// A field as one branch declares it.
#[derive(Debug)]
struct Part {
    field: Field,
    /// What this branch itself says of it; the rest comes from a branch before.
    says: Says,
    guards: Vec<Guard>,
}

/// The annotations that a later branch may give a field anew.
#[derive(Debug, Default)]
struct Says {
    label: bool,
    help: bool,
    example: bool,
    default: bool,
}

/// A place that must be there.
#[derive(Debug)]
struct Need {
    place: String,
    guards: Vec<Guard>,
}

/// A condition that must hold, or must not.
#[derive(Clone, Debug)]
struct Guard {
    condition: usize,
    holds: bool,
}

/// A schema that the value at a place fits, or does not.
#[derive(Debug)]
struct Condition {
    place: String,
    /// The schema, to be told in words.
    test: Value,
    /// The schema with the definitions that it may refer to.
    schema: Value,
    validator: Lazy,
}

/// Which conditions hold for one content.
pub(super) struct Truth(Vec<bool>);

impl Parts {
    /// Lays out the schema of a whole document.
    ///
    /// # Errors
    /// Says where branches lie too deep in each other.
    pub(super) fn of(root: &Value, title: &str) -> Result<Self, SchemaError> {
        let mut layout = Layout::new(root, title);
        layout.document()?;
        Ok(layout.parts)
    }

    /// Makes what asks the conditions, where that is not left for later.
    ///
    /// # Errors
    /// Says which condition is not a schema.
    pub(super) fn build(&self) -> Result<(), SchemaError> {
        self.conditions.iter().try_for_each(|condition| {
            let told = |error: SchemaError| {
                SchemaError::new("", format!("a condition of {}: {}", condition.place, error.message))
            };
            condition.validator.build(&condition.schema).map_err(told)
        })
    }

    /// Which conditions hold.
    pub(super) fn truth(&self, content: &Content) -> Truth {
        let mut seen: HashMap<&str, Value> = HashMap::new();
        let holds = self.conditions.iter().map(|condition| {
            let instance = seen.entry(&condition.place).or_insert_with(|| {
                let mut value = match condition.place.as_str() {
                    "" => Value::Object(content.document.clone()),
                    place => content.get(place).cloned().unwrap_or_else(|| Value::Object(Map::new())),
                };
                super::check::fill_placeholders(&mut value);
                value
            });
            condition.validator.of(&condition.schema).is_some_and(|validator| validator.is_valid(instance))
        });
        Truth(holds.collect())
    }

    /// All fields of all branches; required is only what no condition stands before.
    pub(super) fn all(&self) -> Vec<Field> {
        self.collect(|_| true, |guards| guards.is_empty())
    }

    /// The fields that apply, with what is required now.
    pub(super) fn applying(&self, truth: &Truth) -> Vec<Field> {
        self.collect(|guards| truth.holds(guards), |guards| truth.holds(guards))
    }

    /// The required fields that hold a secret, and whether it is a table of them.
    pub(super) fn required_secrets<'a>(
        &'a self,
        truth: &'a Truth,
    ) -> impl Iterator<Item = (&'a str, bool)> + 'a {
        let secret = |part: &'a Part| match part.field.control {
            Control::Secret { .. } => Some((part.field.pointer.as_str(), false)),
            Control::Table { secret: true } => Some((part.field.pointer.as_str(), true)),
            _ => None,
        };
        self.fields
            .iter()
            .filter(|part| truth.holds(&part.guards))
            .filter_map(secret)
            .filter(|(place, _)| self.needed(place, &|guards| truth.holds(guards)))
    }

    /// Under which conditions a field is there at all: schemas that hold or do not. Empty: always.
    pub(super) fn guards_of(&self, place: &str) -> Vec<(&Value, bool)> {
        let part = self.fields.iter().find(|part| part.field.pointer == place);
        self.told(part.map_or(&[], |part| &part.guards))
    }

    /// Under which conditions a place must be there: each list is one case. Its own conditions are among them.
    pub(super) fn needs_of(&self, place: &str) -> Vec<Vec<(&Value, bool)>> {
        let needs = self.needs.iter().filter(|need| need.place == place);
        needs.map(|need| self.told(&need.guards)).collect()
    }

    fn told(&self, guards: &[Guard]) -> Vec<(&Value, bool)> {
        guards.iter().map(|guard| (&self.conditions[guard.condition].test, guard.holds)).collect()
    }

    fn collect(&self, applies: impl Fn(&[Guard]) -> bool, needs: impl Fn(&[Guard]) -> bool) -> Vec<Field> {
        let mut fields: Vec<Field> = Vec::new();
        for part in self.fields.iter().filter(|part| applies(&part.guards)) {
            match fields.iter_mut().find(|field| field.pointer == part.field.pointer) {
                // Of all branches at once, the first describes the field; of those that apply, the last.
                Some(field) => part.add_to(field, &needs),
                None => {
                    let mut field = part.field.clone();
                    field.required = self.needed(&field.pointer, &needs);
                    fields.push(field);
                }
            }
        }
        gather_groups(fields)
    }

    /// Whether a place must be there, and all it lies in.
    fn needed(&self, place: &str, applies: &impl Fn(&[Guard]) -> bool) -> bool {
        place.is_empty()
            || self.needs.iter().any(|need| need.place == place && applies(&need.guards))
                && self.needed(&place[..place.rfind('/').unwrap_or_default()], applies)
    }
}

impl Part {
    /// Adds what this branch says to a field that a branch before declared.
    fn add_to(&self, field: &mut Field, applies: &impl Fn(&[Guard]) -> bool) {
        if field.control == Control::Json {
            field.control = self.field.control.clone();
        }
        if !applies(&self.guards) {
            return;
        }
        let Says { label, help, example, default } = self.says;
        if label {
            field.label.clone_from(&self.field.label);
        }
        if help {
            field.help.clone_from(&self.field.help);
        }
        if example {
            field.example.clone_from(&self.field.example);
        }
        if default {
            field.default.clone_from(&self.field.default);
        }
    }
}

impl Truth {
    fn holds(&self, guards: &[Guard]) -> bool {
        guards.iter().all(|guard| self.0.get(guard.condition).copied().unwrap_or(false) == guard.holds)
    }
}

/// Brings the fields of one group together: a branch may add to a group that stood before another one.
fn gather_groups(fields: Vec<Field>) -> Vec<Field> {
    let mut order: Vec<String> = Vec::new();
    for field in &fields {
        if !order.contains(&field.group) {
            order.push(field.group.clone());
        }
    }
    let mut fields = fields;
    fields.sort_by_key(|field| order.iter().position(|group| *group == field.group));
    fields
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::{Choices, Control, Kind};
    use crate::model::Content;
    use crate::secret::Secret;

    fn kind(config: Value) -> Kind {
        Kind::new("own", config).unwrap()
    }

    fn content(config: Value) -> Content {
        let document = json!({"key": "a", "kind": "own", "config": config});
        Content { document: document.as_object().unwrap().clone(), ..Content::default() }
    }

    /// The kind's own fields that apply, with a star where they are required.
    fn fields(kind: &Kind, config: Value) -> String {
        let fields = kind.fields_of(&content(config));
        let own = fields.iter().filter_map(|field| {
            let name = field.pointer.strip_prefix("/config/")?;
            Some(format!("{name}{}", if field.required { "*" } else { "" }))
        });
        own.collect::<Vec<_>>().join(" ")
    }

    fn wrong(kind: &Kind, config: Value) -> String {
        kind.check(&content(config)).iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    #[test]
    fn one_of_by_a_constant() {
        let kind = kind(json!({
            "type": "object", "required": ["how"],
            "oneOf": [
                {"required": ["pin"], "properties": {"how": {"const": "pin", "title": "How"}, "pin": {"type": "string", "writeOnly": true}}},
                {"required": ["host"], "properties": {"how": {"const": "net"}, "host": {"type": "string", "maxLength": 4}, "port": {"type": "integer"}}},
            ]
        }));
        assert_eq!(fields(&kind, json!({"how": "net"})), "how* host* port");
        assert_eq!(fields(&kind, json!({"how": "pin"})), "how* pin*");
        let how = kind.fields.iter().find(|field| field.pointer == "/config/how").unwrap();
        assert!(
            matches!(&how.control, Control::Choice(Choices::Fixed(options)) if options == &["pin", "net"])
        );
        // A missing secret in a branch is incomplete; everything else is told in the branch that is meant.
        assert_eq!(wrong(&kind, json!({"how": "pin"})), "");
        assert_eq!(kind.missing(&content(json!({"how": "pin"}))), ["/config/pin"]);
        assert_eq!(wrong(&kind, json!({"how": "net"})), "/config/host: is required");
        assert_eq!(
            wrong(&kind, json!({"how": "net", "host": "12345"})),
            "/config/host: \"12345\" must have at most 4 characters"
        );
        assert!(wrong(&kind, json!({"how": "neither"})).contains("fits none of the forms"));
        // Hidden or not, a secret is one.
        assert!(kind.is_secret("/config/pin"));
        let mut hidden = content(json!({"how": "net", "host": "a"}));
        hidden.set_secret("/config/pin", Secret::from("1"));
        assert!(kind.check(&hidden).is_empty() && kind.missing(&hidden).is_empty());
    }

    /// What tells the branches apart is a field although only the branches declare it.
    #[test]
    fn the_choice_between_branches_is_there_before_it_is_made() {
        let kind = kind(json!({
            "type": "object",
            "oneOf": [
                {"properties": {"how": {"const": "a"}, "x": {"type": "string"}}},
                {"properties": {"how": {"const": "b"}, "y": {"type": "string"}}},
            ]
        }));
        assert_eq!(fields(&kind, json!({})), "how");
        assert_eq!(fields(&kind, json!({"how": "b"})), "how y");
    }

    #[test]
    fn dependent_members_references_and_nested_conditions() {
        let kind = kind(json!({
            "type": "object",
            "$defs": {"proxy": {
                "properties": {"proxy": {"type": "object", "title": "Proxy", "required": ["host"],
                    "properties": {"host": {"type": "string"}, "mode": {"type": "string", "enum": ["a", "b"]}},
                    "if": {"required": ["mode"], "properties": {"mode": {"const": "b"}}},
                    "then": {"required": ["port"], "properties": {"port": {"type": "integer"}}},
                    "else": {"properties": {"path": {"type": "string"}}}}},
                "required": ["proxy"]
            }},
            "properties": {"user": {"type": "string"}, "password": {"type": "string", "writeOnly": true, "minLength": 3},
                           "cert": {"type": "string"}},
            "dependentRequired": {"user": ["password"]},
            "dependentSchemas": {"cert": {"properties": {"chain": {"type": "string"}}}},
            "allOf": [{"$ref": "#/$defs/proxy"}]
        }));
        assert_eq!(fields(&kind, json!({})), "user password cert proxy/host* proxy/mode proxy/path");
        assert_eq!(
            fields(&kind, json!({"user": "u"})),
            "user password* cert proxy/host* proxy/mode proxy/path"
        );
        assert_eq!(
            fields(&kind, json!({"cert": "c", "proxy": {"mode": "b"}})),
            "user password cert chain proxy/host* proxy/mode proxy/port*"
        );
        assert_eq!(wrong(&kind, json!({"user": "u", "proxy": {"host": "h"}})), "");
        assert_eq!(kind.missing(&content(json!({"user": "u"}))), ["/config/password"]);
        assert_eq!(
            wrong(&kind, json!({"proxy": {"host": "h", "mode": "b"}})),
            "/config/proxy/port: is required"
        );
        // What a schema says of a secret beyond its type is asked of the secret itself, which is not quoted.
        let mut short = content(json!({"proxy": {"host": "h"}}));
        short.set_secret("/config/password", Secret::from("ab"));
        let found: Vec<_> = kind.check(&short).iter().map(ToString::to_string).collect();
        assert_eq!(found, ["/config/password: must have at least 3 characters"]);
    }

    #[test]
    fn what_is_endless_or_no_schema_is_refused() {
        let endless = json!({"type": "object", "$defs": {"a": {"allOf": [{"$ref": "#/$defs/a"}]}},
                             "allOf": [{"$ref": "#/$defs/a"}]});
        assert!(Kind::new("own", endless).is_err());
        assert!(Kind::new("own", json!({"type": "object", "if": {"type": "nonsense"}, "then": {}})).is_err());
        assert!(Kind::new("own", json!({"type": "object", "if": {"type": "object"}, "then": {}})).is_ok());
    }
}
