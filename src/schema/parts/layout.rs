//! From a schema to its [`Parts`]: every field and every `required` of every branch, with its conditions.

use serde_json::{Map, Value, json};

use super::nodes::{DEPTH, members, nodes, resolve};
use super::{Condition, Guard, Need, Part, Parts, Says};
use crate::model::pointer;
use crate::schema::validator::Lazy;
use crate::schema::{Choices, Control, Field, SchemaError, field};

/// Where the layout is.
#[derive(Clone, Copy)]
struct Spot<'a> {
    place: &'a str,
    group: &'a str,
    guards: &'a [Guard],
    depth: usize,
}

pub(super) struct Layout<'a> {
    root: &'a Value,
    /// The heading of the kind's own fields.
    title: &'a str,
    pub(super) parts: Parts,
}

impl<'a> Layout<'a> {
    pub(super) fn new(root: &'a Value, title: &'a str) -> Self {
        Self { root, title, parts: Parts::default() }
    }

    /// Lays out the whole document.
    ///
    /// # Errors
    /// Says where branches lie too deep in each other.
    pub(super) fn document(&mut self) -> Result<(), SchemaError> {
        self.object(self.root, &Spot { place: "", group: "", guards: &[], depth: 0 })
    }

    fn object(&mut self, schema: &'a Value, spot: &Spot<'_>) -> Result<(), SchemaError> {
        if spot.depth > DEPTH {
            return Err(SchemaError::new(spot.place, "branches lie too deep in each other"));
        }
        let spot = &Spot { depth: spot.depth + 1, ..*spot };
        let target = resolve(self.root, schema);
        if !std::ptr::eq(target, schema) {
            self.object(target, spot)?;
        }
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            self.need(spot.place, name.as_str().unwrap_or_default(), spot.guards);
        }
        for (name, own) in members(schema, "properties") {
            self.property(schema, name, own, spot)?;
        }
        for member in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.object(member, spot)?;
        }
        if let Some(test) = schema.get("if") {
            let condition = self.condition(spot.place, test);
            for (branch, holds) in [("then", true), ("else", false)] {
                if let Some(schema) = schema.get(branch) {
                    self.guarded(schema, spot, condition, holds)?;
                }
            }
        }
        for list in ["oneOf", "anyOf"] {
            for branch in schema.get(list).and_then(Value::as_array).into_iter().flatten() {
                match constants(self.root, branch) {
                    Some(test) => {
                        // What tells the branches apart is there before one is chosen.
                        let target = resolve(self.root, branch);
                        for (name, own) in members(target, "properties") {
                            if own.get("const").is_some() {
                                self.property(target, name, own, spot)?;
                            }
                        }
                        let condition = self.condition(spot.place, &test);
                        self.guarded(branch, spot, condition, true)?;
                    }
                    // Which of them is meant cannot be told: their fields are there, none is required.
                    None => {
                        let needs = self.parts.needs.len();
                        self.object(branch, spot)?;
                        self.parts.needs.truncate(needs);
                    }
                }
            }
        }
        for (name, needed) in members(schema, "dependentRequired") {
            let condition = self.condition(spot.place, &json!({ "required": [name] }));
            let guards = with(spot.guards, condition, true);
            for needed in needed.as_array().into_iter().flatten() {
                self.need(spot.place, needed.as_str().unwrap_or_default(), &guards);
            }
        }
        for (name, branch) in members(schema, "dependentSchemas") {
            let condition = self.condition(spot.place, &json!({ "required": [name] }));
            self.guarded(branch, spot, condition, true)?;
        }
        Ok(())
    }

    fn guarded(
        &mut self,
        schema: &'a Value,
        spot: &Spot<'_>,
        condition: usize,
        holds: bool,
    ) -> Result<(), SchemaError> {
        let guards = with(spot.guards, condition, holds);
        self.object(schema, &Spot { guards: &guards, ..*spot })
    }

    fn need(&mut self, place: &str, name: &str, guards: &[Guard]) {
        self.parts.needs.push(Need { place: pointer::join(place, name), guards: guards.to_vec() });
    }

    fn condition(&mut self, place: &str, test: &Value) -> usize {
        let mut schema = json!({ "allOf": [test] });
        if let Some(defs) = self.root.get("$defs").filter(|_| refers(test)) {
            schema["$defs"] = defs.clone();
        }
        let validator = Lazy::default();
        self.parts.conditions.push(Condition {
            place: place.to_owned(),
            test: test.clone(),
            schema,
            validator,
        });
        self.parts.conditions.len() - 1
    }

    fn property(
        &mut self,
        schema: &'a Value,
        name: &str,
        own: &'a Value,
        spot: &Spot<'_>,
    ) -> Result<(), SchemaError> {
        let place = pointer::join(spot.place, name);
        let target = resolve(self.root, own);
        let text = |member: &str| {
            let found = own.get(member).or_else(|| target.get(member)).and_then(Value::as_str);
            found.unwrap_or_default().to_owned()
        };
        let title = text("title");
        let group = match (text("x-group"), place.as_str()) {
            (named, _) if !named.is_empty() => named,
            (_, "/config") => self.title.to_owned(),
            _ => spot.group.to_owned(),
        };
        if own.get("$ref").is_none() && has_members(target) {
            let heading = match (place.as_str(), &title) {
                ("/config", _) => group,
                (_, title) if title.is_empty() => name.to_owned(),
                (_, title) => title.clone(),
            };
            return self.object(target, &Spot { place: &place, group: &heading, ..*spot });
        }
        let says = Says {
            label: !title.is_empty(),
            help: !text("description").is_empty(),
            example: target.get("examples").is_some(),
            default: target.get("default").is_some(),
        };
        let flag = |member: &str| target.get(member).and_then(Value::as_bool).unwrap_or(false);
        let field = Field {
            label: if title.is_empty() { name.to_owned() } else { title },
            help: text("description"),
            example: target.pointer("/examples/0").map(field::plain),
            default: target.get("default").cloned(),
            required: false,
            fixed: flag("x-fixed"),
            origin: flag("x-origin"),
            control: self.control(schema, name, target, spot),
            group,
            pointer: place,
        };
        self.parts.fields.push(Part { field, says, guards: spot.guards.to_vec() });
        Ok(())
    }

    /// How a field is edited. One that only tells branches apart is a choice of all their constants.
    fn control(&self, schema: &'a Value, name: &str, target: &'a Value, spot: &Spot<'_>) -> Control {
        if !target.get("const").is_some_and(Value::is_string) {
            return field::control(self.root, target);
        }
        let around = nodes(self.root, spot.place);
        let mut choices: Vec<String> = Vec::new();
        let branches = around.iter().copied().chain([schema]);
        for other in branches.filter_map(|node| node.get("properties")?.get(name)?.get("const")?.as_str()) {
            if !choices.iter().any(|known| known == other) {
                choices.push(other.to_owned());
            }
        }
        match choices.len() {
            0 | 1 => field::control(self.root, target),
            _ => Control::Choice(Choices::Fixed(choices)),
        }
    }
}

/// Whether a schema refers to a definition.
fn refers(schema: &Value) -> bool {
    match schema {
        Value::Object(members) => members.contains_key("$ref") || members.values().any(refers),
        Value::Array(items) => items.iter().any(refers),
        _ => false,
    }
}

fn with(guards: &[Guard], condition: usize, holds: bool) -> Vec<Guard> {
    guards.iter().cloned().chain([Guard { condition, holds }]).collect()
}

/// Whether an object's members are fields of their own.
fn has_members(schema: &Value) -> bool {
    let branches = ["allOf", "if", "oneOf", "dependentSchemas"];
    schema.get("properties").is_some()
        || (schema.get("type").and_then(Value::as_str) == Some("object")
            && branches.iter().any(|keyword| schema.get(*keyword).is_some()))
}

/// The condition that tells a branch from its siblings: its constants.
fn constants(root: &Value, branch: &Value) -> Option<Value> {
    let properties = resolve(root, branch).get("properties")?.as_object()?;
    let mut names = Vec::new();
    let mut tests = Map::new();
    for (name, schema) in properties {
        if let Some(constant) = schema.get("const") {
            names.push(name.clone());
            tests.insert(name.clone(), json!({ "const": constant }));
        }
    }
    (!names.is_empty()).then(|| json!({ "required": names, "properties": tests }))
}
