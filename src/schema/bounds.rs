//! What a schema may cost: one that another program stored, or that somebody means ill with, must neither hang
//! nor fill the memory. Asked before anything is made of it.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::Violation;
use crate::model::pointer;

/// How large a schema may be, in bytes of JSON.
pub(super) const LARGEST: usize = 1 << 20;
/// How deep its values may lie in each other.
const DEPTH: usize = 60;
/// How many values it may hold once every `$ref` stands for what it names.
const VALUES: usize = 20_000;
/// How many conditions (`if`, the branches of `oneOf` and `anyOf`, dependent members), counted likewise.
const CONDITIONS: usize = 200;
/// How many bytes all conditions may take, each with the definitions it may refer to.
const CONDITION_BYTES: usize = 32 << 20;
/// How many patterns, counted likewise; those of an `if` count twice, because it is asked by itself too.
const PATTERNS: usize = 200;
/// The longest pattern, in bytes.
const PATTERN: usize = 1000;
/// How many members a choice may have.
const CHOICES: usize = 1000;

const DEFINITIONS: &str = "#/$defs/";

/// Keywords that would make another schema, or another place, of what a `$ref` names.
const FOREIGN: [&str; 8] = [
    "$id",
    "$anchor",
    "$dynamicRef",
    "$dynamicAnchor",
    "$recursiveRef",
    "$recursiveAnchor",
    "$vocabulary",
    "patternProperties",
];

/// Everything for which a schema is not even looked at, with its place.
pub(super) fn check(schema: &Map<String, Value>) -> Vec<Violation> {
    let root = Value::Object(schema.clone());
    let size = root.to_string().len();
    if size > LARGEST {
        return vec![Violation::new("", "is larger than 1 MiB")];
    }
    let mut found = Vec::new();
    let empty = Map::new();
    let definitions = schema.get("$defs").and_then(Value::as_object).unwrap_or(&empty);
    look(&root, "", 0, definitions, &mut found);
    if !found.is_empty() {
        return found;
    }
    let mut costs = Costs { definitions, known: BTreeMap::new() };
    let mut total = Cost::default();
    for name in definitions.keys() {
        match costs.of_definition(name) {
            Some(cost) => total.add(cost),
            None => {
                let place = pointer::join("/$defs", name);
                return vec![Violation::new(place, "refers to itself: a form of it would have no end")];
            }
        }
    }
    let Some(whole) = costs.of(&root) else {
        return vec![Violation::new("", "refers to itself: a form of it would have no end")];
    };
    total.add(whole);
    let words = if total.values > VALUES {
        "says more than a form can show, once every $ref stands for what it names"
    } else if total.conditions > CONDITIONS || total.conditions.saturating_mul(size) > CONDITION_BYTES {
        "has more conditions than a form can follow"
    } else if total.patterns > PATTERNS {
        "has more patterns than can be kept at hand"
    } else {
        return Vec::new();
    };
    vec![Violation::new("", words)]
}

fn look(
    value: &Value,
    place: &str,
    depth: usize,
    definitions: &Map<String, Value>,
    found: &mut Vec<Violation>,
) {
    if depth > DEPTH {
        return found.push(Violation::new(place, "lies too deep in other values"));
    }
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let at = pointer::join(place, name);
                match (name.as_str(), member) {
                    ("$ref", Value::String(to)) => {
                        let target = to.strip_prefix(DEFINITIONS);
                        if !target.is_some_and(|name| definitions.contains_key(name)) {
                            let message = "must name one of the schema's own $defs, such as #/$defs/name";
                            found.push(Violation::new(at, message));
                        }
                        continue;
                    }
                    ("pattern", Value::String(pattern)) if pattern.len() > PATTERN => {
                        found.push(Violation::new(at, format!("is longer than {PATTERN} bytes")));
                        continue;
                    }
                    ("enum", Value::Array(choices)) if choices.len() > CHOICES => {
                        found.push(Violation::new(at, format!("has more than {CHOICES} choices")));
                        continue;
                    }
                    (word, _) if FOREIGN.contains(&word) && !place.ends_with("/properties") => {
                        found.push(Violation::new(at, "is not a keyword that a kind can use"));
                        continue;
                    }
                    _ => look(member, &at, depth + 1, definitions, found),
                }
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                look(item, &format!("{place}/{index}"), depth + 1, definitions, found);
            }
        }
        _ => {}
    }
}

#[derive(Clone, Copy, Default)]
struct Cost {
    values: usize,
    conditions: usize,
    patterns: usize,
}

impl Cost {
    fn add(&mut self, other: Self) {
        self.values = self.values.saturating_add(other.values);
        self.conditions = self.conditions.saturating_add(other.conditions);
        self.patterns = self.patterns.saturating_add(other.patterns);
    }
}

/// What definitions cost, each counted once: what refers to one twice costs it twice.
struct Costs<'a> {
    definitions: &'a Map<String, Value>,
    /// `None` while it is being counted: whatever refers to it then goes round in a circle.
    known: BTreeMap<&'a str, Option<Cost>>,
}

impl<'a> Costs<'a> {
    fn of_definition(&mut self, name: &'a str) -> Option<Cost> {
        if let Some(known) = self.known.get(name) {
            return *known;
        }
        self.known.insert(name, None);
        let cost = self.of(self.definitions.get(name)?)?;
        self.known.insert(name, Some(cost));
        Some(cost)
    }

    fn of(&mut self, value: &'a Value) -> Option<Cost> {
        let mut cost = Cost { values: 1, ..Cost::default() };
        match value {
            Value::Object(members) => {
                for (name, member) in members {
                    match (name.as_str(), member) {
                        ("$ref", Value::String(to)) => {
                            cost.add(self.of_definition(to.strip_prefix(DEFINITIONS)?)?);
                        }
                        ("if", test) => {
                            cost.conditions += 1;
                            cost.patterns = cost.patterns.saturating_add(self.of(test)?.patterns);
                        }
                        ("oneOf" | "anyOf", Value::Array(branches)) => cost.conditions += branches.len(),
                        ("dependentRequired" | "dependentSchemas", Value::Object(cases)) => {
                            cost.conditions += cases.len();
                        }
                        ("pattern", Value::String(_)) => cost.patterns += 1,
                        _ => {}
                    }
                    // What each definition costs is counted where it is referred to.
                    if name != "$defs" {
                        cost.add(self.of(member)?);
                    }
                }
            }
            Value::Array(items) => {
                for item in items {
                    cost.add(self.of(item)?);
                }
            }
            _ => {}
        }
        Some(cost)
    }
}
