//! The schema of a whole document from the schema of a kind's `config`, and the other way round.

use serde_json::{Map, Value, json};

use super::Kind;

/// What every credential has.
const COMMON: &str = include_str!("../../assets/kinds/credential.json");

/// The schema of the documents of a kind: what every credential has, with the kind's own `config`.
pub(super) fn compose(id: &str, mut config: Value) -> Value {
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
        for member in ["test", "allowed_hosts", "allow_http", "ca_certificate"] {
            properties.shift_remove(member);
        }
    }
    own.insert("title".into(), json!("Configuration"));
    schema["properties"]["kind"]["const"] = json!(id);
    schema["properties"]["config"] = Value::Object(own);
    schema
}

impl Kind {
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
}
