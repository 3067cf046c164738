//! A file of the catalogue as JSON, with the place of every value in its text.

use std::collections::HashMap;

use serde_json::Value;
use toml::de::{DeTable, DeValue};

use crate::model::{Object, pointer};

/// A file's values as JSON, and where each of them starts.
#[derive(Default)]
pub(super) struct Source {
    starts: HashMap<String, usize>,
    /// What JSON has no word for: where it starts, and why.
    pub(super) wrong: Vec<(usize, String)>,
}

impl Source {
    /// A table as an object; where its values start is noted.
    pub(super) fn table(&mut self, place: &str, table: &DeTable<'_>) -> Object {
        let mut object = Object::new();
        for (name, value) in table {
            let inside = pointer::join(place, name.get_ref());
            // Of a member, the name's place: a table's value starts behind its heading.
            self.starts.insert(inside.clone(), name.span().start);
            object.insert(name.get_ref().to_string(), self.value(&inside, value));
        }
        object
    }

    fn value(&mut self, place: &str, value: &toml::Spanned<DeValue<'_>>) -> Value {
        let start = value.span().start;
        match value.get_ref() {
            DeValue::String(text) => Value::String(text.to_string()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::from(number),
                Err(_) => self.refuse(start, "this number is too large"),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>().map(Value::from) {
                Ok(number) if !number.is_null() => number,
                _ => self.refuse(start, "this is not a number that JSON has"),
            },
            DeValue::Boolean(flag) => Value::Bool(*flag),
            DeValue::Datetime(_) => self.refuse(start, "a time is written as a text, in quotes"),
            DeValue::Array(items) => {
                let item = |(index, item): (usize, &toml::Spanned<DeValue<'_>>)| {
                    let inside = format!("{place}/{index}");
                    self.starts.insert(inside.clone(), item.span().start);
                    self.value(&inside, item)
                };
                items.iter().enumerate().map(item).collect()
            }
            DeValue::Table(table) => Value::Object(self.table(place, table)),
        }
    }

    fn refuse(&mut self, start: usize, reason: &str) -> Value {
        self.wrong.push((start, reason.to_owned()));
        Value::Null
    }

    /// Where the value at a pointer starts; for one that is not there, what it would lie in.
    pub(super) fn start(&self, place: &str) -> usize {
        let around = std::iter::successors(Some(place), |place| Some(&place[..place.rfind('/')?]));
        around.filter_map(|place| self.starts.get(place)).next().copied().unwrap_or(0)
    }
}
