//! JSON: variables in one object, as secret managers give them out. Members of members are named with dots between.
//! What this program writes itself is told apart here and read elsewhere.

use serde_json::Value;

use super::{Found, Item, MOST, Mistake, key};
use crate::secret::Secret;

/// What a JSON text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// An export of a vault.
    Export,
    /// A credential document, or an array of them, as `put` takes them.
    Documents,
    /// Anything else: variables.
    Variables,
}

/// Tells what a JSON text is by its outermost members. What is no JSON is no export and no document.
pub fn sort(text: &[u8]) -> Sort {
    let is_document = |value: &Value| value.get("key").is_some() && value.get("kind").is_some();
    match serde_json::from_slice::<Value>(text) {
        Ok(value) if value.get("body").is_some_and(|body| body.get("credentials").is_some()) => Sort::Export,
        Ok(value) if is_document(&value) => Sort::Documents,
        Ok(Value::Array(items)) if items.first().is_some_and(is_document) => Sort::Documents,
        _ => Sort::Variables,
    }
}

/// A JSON text of a foreign program.
pub(super) fn parse(text: &str) -> Result<Value, Mistake> {
    serde_json::from_str(text).map_err(|error| {
        let what = match error.classify() {
            serde_json::error::Category::Eof => "the text ends too early",
            _ if error.to_string().starts_with("recursion limit") => "more than 128 levels deep",
            _ => "not JSON",
        };
        Mistake::new(format!("line {}, column {}", error.line(), error.column()), what)
    })
}

/// The text of a member; nothing where it is none, or no text.
pub(super) fn text<'a>(value: &'a Value, member: &str) -> &'a str {
    value.get(member).and_then(Value::as_str).unwrap_or_default()
}

/// The items of a member that is a list; none where it is none.
pub(super) fn list<'a>(value: &'a Value, member: &str) -> &'a [Value] {
    value.get(member).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

/// A text, a number or a yes as a secret; nothing for others.
pub(super) fn secret(value: &Value) -> Option<Secret> {
    match value {
        Value::String(text) => Some(Secret::from(text.as_str())),
        Value::Number(number) => Some(Secret::new(number.to_string())),
        Value::Bool(yes) => Some(Secret::new(yes.to_string())),
        _ => None,
    }
}

pub(super) fn read(text: &str) -> Result<Found, Mistake> {
    let value = parse(text)?;
    if !value.is_object() {
        return Err(Mistake::whole("an object of variables is wanted, or credential documents"));
    }
    let mut found = Found::default();
    variables(&value, &mut Vec::new(), &mut found)?;
    Ok(found)
}

fn variables(value: &Value, path: &mut Vec<String>, found: &mut Found) -> Result<(), Mistake> {
    let members: Vec<(String, &Value)> = match value {
        Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, item)| (at.to_string(), item)).collect(),
        _ => {
            found.items.push(variable(value, path));
            Vec::new()
        }
    };
    if found.items.len() > MOST {
        return Err(Mistake::whole(format!("more than {MOST} variables")));
    }
    for (name, value) in members {
        path.push(name);
        variables(value, path, found)?;
        path.pop();
    }
    Ok(())
}

fn variable(value: &Value, path: &[String]) -> Item {
    let name = path.join(".");
    let mut item = Item::new(format!("/{}", path.join("/")), &name);
    item.key = key::is_one(&name).then(|| name.clone());
    item.kind = Some("secret");
    match secret(value) {
        Some(text) if !text.is_empty() => item.other(&name, true, text),
        _ => item.skipped = Some("has no value".to_owned()),
    }
    item
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_of_members_are_named_with_dots() {
        let found = read(r#"{"A":"x","db":{"port":5432,"tls":true,"hosts":["a","b"]},"none":null,"e":""}"#);
        let found = found.unwrap();
        let names: Vec<_> = found
            .items
            .iter()
            .map(|item| (item.name.as_str(), item.values.first().map(|value| value.text.expose())))
            .collect();
        let expected = [
            ("A", Some("x")),
            ("db.port", Some("5432")),
            ("db.tls", Some("true")),
            ("db.hosts.0", Some("a")),
            ("db.hosts.1", Some("b")),
            ("none", None),
            ("e", None),
        ];
        assert_eq!(names, expected);
        assert_eq!(found.items[1].place, "/db/port");
    }

    #[test]
    fn sorts_are_told_apart() {
        assert_eq!(sort(br#"{"body":{"credentials":[]}}"#), Sort::Export);
        assert_eq!(sort(br#"{"key":"a","kind":"secret","config":{}}"#), Sort::Documents);
        assert_eq!(sort(br#"[{"key":"a","kind":"secret"}]"#), Sort::Documents);
        for text in [r#"{"key":"a"}"#, "[]", "{}", "no JSON", r#"{"body":"x"}"#] {
            assert_eq!(sort(text.as_bytes()), Sort::Variables, "{text}");
        }
    }

    #[test]
    fn mistakes_have_a_place_and_depth_is_bounded() {
        assert_eq!(read("{\n\"a\": }").unwrap_err().to_string(), "line 2, column 6: not JSON");
        assert_eq!(read("{\"a\":1").unwrap_err().to_string(), "line 1, column 6: the text ends too early");
        let deep = "[".repeat(100_000);
        assert!(read(&deep).unwrap_err().to_string().ends_with("more than 128 levels deep"));
        assert!(read("[1]").is_err());
    }
}
