//! Answers as a service's own rules describe them.

use credbench::schema::catalogue::{Call, Sample};
use credbench::schema::rules::{JsonType, Rule};
use serde_json::{Map, Value, json};

use super::recorder::Reply;

/// What is taken from an answer, for the calls that follow.
pub(super) const TAKEN: &str = "zqtaken1marker";

/// The plainest answer that a rule holds for.
pub(super) fn of(rule: &Rule, usual: u16) -> Reply {
    let status = rule.status.as_ref().and_then(|all| all.first()).copied().unwrap_or(usual);
    let mut document = Value::Null;
    let mut checks: Vec<_> = rule.json.iter().collect();
    // What lies deeper first: what it lies in is then there.
    checks.sort_by_key(|check| std::cmp::Reverse(check.pointer.matches('/').count()));
    for check in checks {
        let value = match (&check.equals, check.is, check.exists) {
            (Some(value), ..) => value.clone(),
            (None, Some(JsonType::Number), _) => json!(7),
            (None, Some(JsonType::Boolean), _) => json!(true),
            (None, Some(JsonType::Array), _) => json!([]),
            (None, Some(JsonType::Object), _) => json!({}),
            (None, Some(JsonType::Null), _) => Value::Null,
            (None, _, Some(false)) => continue,
            (None, ..) => json!("value"),
        };
        if check.equals.is_some() || check.is.is_some() || document.pointer(&check.pointer).is_none() {
            put(&mut document, &check.pointer, value);
        }
    }
    let texts: Vec<&str> = rule.text.iter().map(|check| check.contains.as_str()).collect();
    let wants_json = !rule.json.is_empty();
    if document.is_null() && wants_json && !rule.json.iter().any(|check| check.pointer.is_empty()) {
        document = json!({});
    }
    let body = match (wants_json, texts.is_empty()) {
        (false, true) => String::new(),
        (false, false) => texts.join(" "),
        (true, true) => document.to_string(),
        (true, false) => {
            let whole = document.to_string();
            let missing: Vec<&str> = texts.into_iter().filter(|text| !whole.contains(text)).collect();
            if let (Value::Object(members), false) = (&mut document, missing.is_empty()) {
                members.insert("zq_text".to_owned(), json!(missing.join(" ")));
            }
            document.to_string()
        }
    };
    let mut headers = Vec::new();
    for check in rule.header.iter().filter(|check| check.exists != Some(false)) {
        let value = check.equals.as_ref().or(check.contains.as_ref()).map_or("value", String::as_str);
        headers.push((check.name.clone(), value.to_owned()));
    }
    let typed = headers.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    if !typed && wants_json {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    Reply { status, headers, body }
}

/// A good answer of a call, with everything in it that is taken from it.
pub(super) fn good(call: &Call) -> Reply {
    let mut reply = match call.expect.first() {
        Some(rule) => of(rule, 200),
        None => Reply { status: 200, headers: Vec::new(), body: "{}".to_owned() },
    };
    let mut document = serde_json::from_str(&reply.body).unwrap_or_else(|_| json!({}));
    let mut changed = false;
    for take in &call.take {
        if let Some(place) = &take.json {
            let left: Vec<&str> = take.without.iter().map(String::as_str).chain([TAKEN]).collect();
            put(&mut document, place, if take.list { json!(left) } else { json!(TAKEN) });
            changed = true;
        }
        if let Some(name) = &take.header {
            reply.headers.push((name.clone(), TAKEN.to_owned()));
        }
        if let Some(name) = &take.cookie {
            reply.headers.push(("set-cookie".to_owned(), format!("{name}={TAKEN}; Path=/")));
        }
        if take.body {
            reply.body = TAKEN.to_owned();
        }
    }
    if changed {
        reply.body = document.to_string();
    }
    reply
}

/// An answer that is known.
pub(super) fn sample(sample: &Sample) -> Reply {
    let mut headers: Vec<_> = sample.headers.clone().into_iter().collect();
    if sample.body.trim_start().starts_with(['{', '[']) {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    Reply { status: sample.status, headers, body: sample.body.clone() }
}

/// Puts a value at a place; a number on the way means a list.
pub(super) fn put(document: &mut Value, pointer: &str, value: Value) {
    let mut place = document;
    for step in pointer.split('/').skip(1) {
        let step = step.replace("~1", "/").replace("~0", "~");
        place = match step.parse::<usize>() {
            Ok(index) if !place.is_object() => {
                if !place.is_array() {
                    *place = json!([]);
                }
                let items = place.as_array_mut().unwrap();
                items.resize(items.len().max(index + 1), Value::Null);
                &mut items[index]
            }
            _ => {
                if !place.is_object() {
                    *place = Value::Object(Map::new());
                }
                place.as_object_mut().unwrap().entry(step).or_insert(Value::Null)
            }
        };
    }
    *place = value;
}
