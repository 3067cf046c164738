//! JSON pointers (RFC 6901) over documents.

use std::borrow::Cow;

use serde_json::Value;

use super::Object;

/// Escapes one reference token.
pub fn escape(token: &str) -> Cow<'_, str> {
    if token.contains(['~', '/']) { token.replace('~', "~0").replace('/', "~1").into() } else { token.into() }
}

/// Appends a token to a pointer.
pub fn join(pointer: &str, token: &str) -> String {
    format!("{pointer}/{}", escape(token))
}

/// The unescaped tokens of a pointer.
pub fn steps(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
    pointer.split('/').skip(1).map(|token| {
        if token.contains('~') { token.replace("~1", "/").replace("~0", "~").into() } else { token.into() }
    })
}

/// The member or element of a value.
pub fn child<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::Object(object) => object.get(step),
        Value::Array(array) => array.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// Calls `visit` for a value and everything under it, with its pointer.
pub fn walk(pointer: &str, value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    descend(&mut pointer.to_owned(), value, visit);
}

/// One buffer serves all pointers: every credential of a vault is walked when it is opened.
fn descend(place: &mut String, value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
    visit(place, value);
    let length = place.len();
    match value {
        Value::Object(object) => {
            for (name, value) in object {
                place.push('/');
                place.push_str(&escape(name));
                descend(place, value, visit);
                place.truncate(length);
            }
        }
        Value::Array(array) => {
            for (index, value) in array.iter().enumerate() {
                place.push('/');
                place.push_str(&index.to_string());
                descend(place, value, visit);
                place.truncate(length);
            }
        }
        _ => {}
    }
}

/// Puts a value at a pointer, making the objects on the way.
pub fn set(document: &mut Object, pointer: &str, value: Value) {
    let mut steps = steps(pointer);
    let Some(first) = steps.next() else { return };
    let mut place = document.entry(first).or_insert(Value::Null);
    for step in steps {
        if !matches!(place, Value::Array(_) | Value::Object(_)) {
            *place = Value::Object(Object::new());
        }
        place = match place {
            Value::Array(array) => {
                let index = step.parse::<usize>().unwrap_or(array.len()).min(array.len());
                if index == array.len() {
                    array.push(Value::Null);
                }
                &mut array[index]
            }
            Value::Object(object) => object.entry(step).or_insert(Value::Null),
            _ => return,
        };
    }
    *place = value;
}

pub(super) fn remove(document: &mut Object, pointer: &str) {
    let (parent, last) = match pointer.rsplit_once('/') {
        Some(("", last)) => {
            document.shift_remove(steps(&format!("/{last}")).next().unwrap_or_default().as_ref());
            return;
        }
        Some(split) => split,
        None => return,
    };
    let mut steps_to = steps(parent);
    let Some(first) = steps_to.next() else { return };
    let Some(mut place) = document.get_mut(first.as_ref()) else { return };
    for step in steps_to {
        let next = match place {
            Value::Object(object) => object.get_mut(step.as_ref()),
            Value::Array(array) => step.parse::<usize>().ok().and_then(|index| array.get_mut(index)),
            _ => None,
        };
        match next {
            Some(value) => place = value,
            None => return,
        }
    }
    let last = steps(&format!("/{last}")).next().unwrap_or_default().into_owned();
    match place {
        Value::Object(object) => {
            object.shift_remove(&last);
        }
        Value::Array(array) => {
            if let Ok(index) = last.parse::<usize>()
                && index < array.len()
            {
                array.remove(index);
            }
        }
        _ => {}
    }
}
