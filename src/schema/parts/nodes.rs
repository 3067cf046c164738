//! All that a schema says of a place, whichever branch applies.

use serde_json::Value;

use crate::model::pointer;

/// How deep branches may lie in each other.
pub(super) const DEPTH: usize = 32;

/// Follows a `$ref` into the schema's own `$defs`.
pub(in crate::schema) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> &'a Value {
    match schema.get("$ref").and_then(Value::as_str).and_then(|path| path.strip_prefix('#')) {
        Some(path) => root.pointer(path).unwrap_or(schema),
        None => schema,
    }
}

/// Every schema that speaks of a place, in any branch.
pub(in crate::schema) fn nodes<'a>(root: &'a Value, place: &str) -> Vec<&'a Value> {
    let mut here = Vec::new();
    expand(root, root, &mut here, 0);
    for step in pointer::steps(place) {
        let mut next = Vec::new();
        for node in &here {
            if let Some(schema) = node.get("properties").and_then(|members| members.get(step.as_ref())) {
                expand(root, schema, &mut next, 0);
            }
        }
        if next.is_empty() {
            for node in &here {
                let other = node.get("additionalProperties").filter(|schema| schema.is_object());
                if let Some(schema) = other.or_else(|| node.get("items")) {
                    expand(root, schema, &mut next, 0);
                }
            }
        }
        here = next;
    }
    here
}

/// A schema and all its branches.
fn expand<'a>(root: &'a Value, schema: &'a Value, found: &mut Vec<&'a Value>, depth: usize) {
    if depth > DEPTH || found.iter().any(|known| std::ptr::eq(*known, schema)) {
        return;
    }
    found.push(schema);
    let target = resolve(root, schema);
    if !std::ptr::eq(target, schema) {
        expand(root, target, found, depth + 1);
    }
    let lists = ["allOf", "oneOf", "anyOf"].iter().filter_map(|list| schema.get(*list)?.as_array()).flatten();
    let branches = ["then", "else"].iter().filter_map(|branch| schema.get(*branch));
    let dependent = members(schema, "dependentSchemas").map(|(_, branch)| branch);
    for branch in lists.chain(branches).chain(dependent) {
        expand(root, branch, found, depth + 1);
    }
}

/// The members of a keyword that holds an object.
pub(super) fn members<'a>(
    schema: &'a Value,
    keyword: &str,
) -> impl Iterator<Item = (&'a str, &'a Value)> + use<'a> {
    let members = schema.get(keyword).and_then(Value::as_object);
    members.into_iter().flatten().map(|(name, value)| (name.as_str(), value))
}
