//! A request that the credential itself describes: `{name}` stands for one of its fields or secrets.
//!
//! A value is encoded for the place that it goes to, so that it can end neither the header nor the JSON text nor
//! the path that it stands in. Scheme, host and port hold no placeholder: they are the base URL's.

use std::cell::Cell;
use std::collections::BTreeMap;

use serde_json::Value;

use super::plan::Unplannable;
use crate::model::{Content, Placeholder, pointer};
use crate::schema::Kind;
use crate::secret::Secret;

/// Tables whose entries are named without them.
const TABLES: [&str; 2] = ["fields", "secrets"];

/// What a request carries.
#[derive(Debug, Default)]
pub(super) struct Described {
    /// Header fields.
    pub(super) headers: Vec<(String, Secret)>,
    /// Parameters of the query.
    pub(super) query: Vec<(String, Secret)>,
    /// Sent with POST.
    pub(super) body: Option<Secret>,
}

/// What placeholders stand for.
pub(super) struct Values<'a> {
    named: BTreeMap<String, Named<'a>>,
    /// Whether a secret was put somewhere.
    used: Cell<bool>,
}

enum Named<'a> {
    Plain(String),
    Secret(&'a Secret),
    /// Two things have the name.
    Both,
}

impl<'a> Values<'a> {
    /// The fields and secrets of a credential by name; a field that it does not say means its default.
    pub(super) fn of(kind: &Kind, content: &'a Content) -> Self {
        let mut values = Self { named: BTreeMap::new(), used: Cell::new(false) };
        if let Some(Value::Object(config)) = content.document.get("config") {
            for (name, value) in config {
                let place = pointer::join("/config", name);
                match value {
                    Value::Object(entries) if TABLES.contains(&name.as_str()) => {
                        for (entry, value) in entries {
                            values.add(content, entry, &pointer::join(&place, entry), value);
                        }
                    }
                    value => values.within(content, name, &place, value),
                }
            }
        }
        for field in kind.fields_of(content) {
            let name = field.pointer.strip_prefix("/config/").map(|name| name.replace('/', "."));
            // An address has no default here: a secret goes where the credential itself says, or nowhere.
            let (Some(name), Some(default), false) = (name, field.default, field.origin) else { continue };
            if content.get(&field.pointer).is_none() && !values.named.contains_key(&name) {
                values.add(content, &name, &field.pointer, &default);
            }
        }
        values
    }

    /// A field, or all that lie in an object: `{proxy.user}` is `user` in `proxy`.
    fn within(&mut self, content: &'a Content, name: &str, place: &str, value: &Value) {
        match value {
            Value::Object(members) if Placeholder::of(value).is_none() => {
                for (member, value) in members {
                    let place = pointer::join(place, member);
                    self.within(content, &format!("{name}.{member}"), &place, value);
                }
            }
            value => self.add(content, name, place, value),
        }
    }

    fn add(&mut self, content: &'a Content, name: &str, place: &str, value: &Value) {
        let named = match (content.secret(place), value) {
            (Some(secret), _) => Named::Secret(secret),
            (None, Value::String(text)) => Named::Plain(text.clone()),
            (None, Value::Number(_) | Value::Bool(_)) => Named::Plain(value.to_string()),
            (None, Value::Null | Value::Array(_) | Value::Object(_)) => return,
        };
        let named = if self.named.contains_key(name) { Named::Both } else { named };
        self.named.insert(name.to_owned(), named);
    }

    /// Puts the values in. A name that there is none of is an error, or `lenient`, left as it stands.
    fn fill(
        &self,
        template: &str,
        lenient: bool,
        encode: impl Fn(&str, &str) -> Result<String, Unplannable>,
    ) -> Result<Secret, Unplannable> {
        let mut filled = String::with_capacity(template.len());
        let mut rest = template;
        while let Some(start) = rest.find('{') {
            filled.push_str(&rest[..start]);
            rest = &rest[start..];
            let name = rest[1..].split_once('}').map(|(name, _)| name).filter(|name| is_name(name));
            let Some(name) = name else {
                filled.push('{');
                rest = &rest[1..];
                continue;
            };
            match self.named.get(name) {
                Some(Named::Plain(text)) => filled.push_str(&encode(name, text)?),
                Some(Named::Secret(secret)) => {
                    self.used.set(true);
                    filled.push_str(&encode(name, secret.expose())?);
                }
                Some(Named::Both) => {
                    let message = format!("{{{name}}} is both a field and a secret: rename one of them");
                    return Err(Unplannable::BadTest(message));
                }
                None if lenient => filled.push_str(&rest[..name.len() + 2]),
                None => {
                    let message = format!("{{{name}}} is neither a field nor a secret");
                    return Err(Unplannable::BadTest(message));
                }
            }
            rest = &rest[name.len() + 2..];
        }
        filled.push_str(rest);
        Ok(Secret::new(filled))
    }

    /// A test's path, query included: each value is one segment, whatever stands in it.
    ///
    /// # Errors
    /// A name that there is none of, or a value that would be another path.
    pub(super) fn path(&self, template: &str) -> Result<Secret, Unplannable> {
        self.fill(template, false, |name, value| {
            let moves = value.chars().all(|c| c == '.') || value.chars().any(char::is_control);
            if moves { Err(unsendable(name, "a path")) } else { Ok(percent_encoded(value)) }
        })
    }

    /// What a `request` says.
    ///
    /// # Errors
    /// A name that there is none of.
    pub(super) fn request(&self, request: Option<&Value>) -> Result<Described, Unplannable> {
        let Some(request) = request else { return Ok(Described::default()) };
        let texts = |member: &str| {
            let members = request.get(member).and_then(Value::as_object);
            let text = |(name, value): (&String, &Value)| Some((name.clone(), value.as_str()?.to_owned()));
            members.into_iter().flatten().filter_map(text).collect::<Vec<_>>()
        };
        let mut described = Described::default();
        for (name, template) in texts("headers") {
            let value = self.fill(&template, false, |_, value| Ok(value.to_owned()))?;
            described.headers.push((name, value));
        }
        for (name, template) in texts("query") {
            described.query.push((name, self.fill(&template, false, |_, value| Ok(value.to_owned()))?));
        }
        if let Some(template) = request.get("body").and_then(Value::as_str) {
            let encode = encoding(&described.headers, template);
            described.body = Some(self.fill(template, true, |_, value| Ok(encode(value)))?);
        }
        Ok(described)
    }

    /// Whether no secret goes anywhere although there are some: the answer would prove nothing.
    pub(super) fn proves_nothing(&self) -> bool {
        !self.used.get() && self.named.values().any(|named| matches!(named, Named::Secret(_)))
    }
}

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
}

fn unsendable(name: &str, place: &'static str) -> Unplannable {
    Unplannable::Unsendable { field: name.to_owned(), place }
}

/// How values are written into a body: as its type wants, else as they are.
fn encoding(headers: &[(String, Secret)], body: &str) -> fn(&str) -> String {
    let declared = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let declared = declared.map(|(_, value)| value.expose().to_ascii_lowercase());
    match declared.as_deref() {
        Some(kind) if kind.contains("json") => in_json,
        Some(kind) if kind.contains("x-www-form-urlencoded") => percent_encoded,
        None if body.trim_start().starts_with(['{', '[']) => in_json,
        _ => str::to_owned,
    }
}

fn in_json(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
