//! A kind's schema as the fields of a form.

use serde_json::Value;

use super::is_write_only;
use super::parts::resolve;

/// One field of a form.
#[derive(Clone, Debug, PartialEq)]
pub struct Field {
    /// Its place in the document.
    pub pointer: String,
    /// What stands before it.
    pub label: String,
    /// One sentence of help, or nothing.
    pub help: String,
    /// A sample, shown while it is empty.
    pub example: Option<String>,
    /// What it means while it is empty.
    pub default: Option<Value>,
    /// It and all it lies in must be there.
    pub required: bool,
    /// Shown, but not edited in the form.
    pub fixed: bool,
    /// The secrets are bound to this address.
    pub origin: bool,
    /// How it is edited.
    pub control: Control,
    /// The heading it stands under.
    pub group: String,
}

/// How a field is edited.
#[derive(Clone, Debug, PartialEq)]
pub enum Control {
    /// One line of text, or several.
    Text {
        /// Line breaks are allowed.
        multiline: bool,
    },
    /// A text that is not shown.
    Secret {
        /// Line breaks are allowed.
        multiline: bool,
    },
    /// One of a list.
    Choice(Choices),
    /// A number.
    Number {
        /// Smallest value.
        min: Option<i64>,
        /// Largest value.
        max: Option<i64>,
    },
    /// Yes or no.
    Boolean,
    /// Texts, one a line.
    List,
    /// Names with a text each.
    Table {
        /// The texts are secrets.
        secret: bool,
    },
    /// Something only the raw editor can edit.
    Json,
}

/// Where the choices come from.
#[derive(Clone, Debug, PartialEq)]
pub enum Choices {
    /// The schema names them.
    Fixed(Vec<String>),
    /// The vault has them, such as its solutions: the word of `x-choices`.
    FromVault(String),
}

/// A value in one line.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// How a value that fits a schema is edited.
pub(super) fn control(root: &Value, schema: &Value) -> Control {
    let multiline = schema.get("x-multiline").and_then(Value::as_bool).unwrap_or(false);
    if let Some(source) = schema.get("x-choices").and_then(Value::as_str) {
        return Control::Choice(Choices::FromVault(source.to_owned()));
    }
    if let Some(options) = schema.get("enum").and_then(Value::as_array) {
        return match options.iter().all(Value::is_string) {
            true => Control::Choice(Choices::Fixed(options.iter().map(plain).collect())),
            false => Control::Json,
        };
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("string") if is_write_only(schema) => Control::Secret { multiline },
        Some("string") => Control::Text { multiline },
        Some("integer") => Control::Number {
            min: schema.get("minimum").and_then(Value::as_i64),
            max: schema.get("maximum").and_then(Value::as_i64),
        },
        Some("boolean") => Control::Boolean,
        Some("array") if item_is_text(root, schema) => Control::List,
        Some("object") => match schema.get("additionalProperties").map(|inner| resolve(root, inner)) {
            Some(inner) if inner.get("type").and_then(Value::as_str) == Some("string") => {
                Control::Table { secret: is_write_only(inner) }
            }
            _ => Control::Json,
        },
        _ => Control::Json,
    }
}

fn item_is_text(root: &Value, schema: &Value) -> bool {
    let items = schema.get("items").map(|items| resolve(root, items));
    items.and_then(|items| items.get("type")).and_then(Value::as_str) == Some("string")
}

#[cfg(test)]
mod tests {
    use super::super::Kinds;

    #[test]
    fn the_form_of_each_kind() {
        let mut page = String::new();
        for kind in Kinds::builtin().iter() {
            page.push_str(&format!("{} ({})\n", kind.id, kind.title));
            for field in &kind.fields {
                let mark = if field.required { "*" } else { " " };
                page.push_str(&format!(
                    "  {mark} {:<14} {:<24} {:<16} {:?}\n",
                    field.group, field.pointer, field.label, field.control
                ));
            }
        }
        insta::assert_snapshot!(page);
    }
}
