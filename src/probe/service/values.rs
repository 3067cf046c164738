//! What the `{names}` of a service's templates stand for, and how a value is written where it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;

use super::super::plan::Unplannable;
use crate::http;
use crate::model::Content;
use crate::schema::Kind;
use crate::schema::catalogue::rotation::BEFORE;
use crate::schema::catalogue::template::{self, Piece};
use crate::schema::catalogue::{self, Chosen, Derived};
use crate::secret::Secret;

/// The key with the prefix that the credential's own placement puts before it. No field can have this name.
pub(super) const PLACED: &str = ".placed";

/// What stands in for a value that an earlier call will bring. It fits everywhere.
const STAND_IN: &str = "x";

/// Values by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Values {
    known: BTreeMap<String, Known>,
    /// Names of fields that may be empty, and are.
    absent: Vec<String>,
    /// Names whose values were put somewhere; shared with the copies.
    used: Arc<Mutex<BTreeSet<String>>>,
}

#[derive(Clone, Debug)]
struct Known {
    /// The words for it in messages.
    title: String,
    text: Secret,
    secret: bool,
    derived: bool,
    /// The service itself says what it may look like: one of its choices, or its pattern, was met. Only then it
    /// may have dots in the middle of a host.
    vouched: bool,
    /// It is a list, written as JSON.
    list: bool,
}

/// A text that was filled, or that one of its optional values is missing.
pub(super) enum Filled {
    Text(Secret),
    Left,
}

impl Values {
    /// The fields of a credential and what the service derives from them.
    ///
    /// # Errors
    /// Required fields that are empty, by their titles.
    pub(super) fn of(kind: &Kind, content: &Content, chosen: &Chosen) -> Result<Self, Unplannable> {
        let mut values = Self::default();
        let variant = chosen.variant();
        let mut missing = Vec::new();
        let base = content.get_str("/config/base_url");
        for field in &variant.fields {
            let place = catalogue::place_of(&variant.kind, kind, field);
            let stored = stored(content, &place).filter(|(text, _)| !text.is_empty());
            let default = || Some((Secret::from(field.default.as_deref()?), false));
            match stored.or_else(default) {
                Some((text, secret)) => {
                    // A one-line value with a line break is refused where it would do harm.
                    let vouched = !field.secret && kind.vouches(&place, text.expose());
                    values.put(&field.name, kind.title_of(&place), text, secret || field.secret, false);
                    if let Some(known) = values.known.get_mut(&field.name) {
                        known.vouched = vouched;
                    }
                }
                None if field.required && !variant.is_idle(&field.name, base) => {
                    missing.push(kind.title_of(&place))
                }
                None => values.absent.push(field.name.clone()),
            }
        }
        if !missing.is_empty() {
            return Err(Unplannable::Incomplete(missing));
        }
        // The kind's own members need no declaration.
        for field in &kind.fields {
            let Some(name) = field.pointer.strip_prefix("/config/") else { continue };
            let name = name.strip_prefix("tokens/").unwrap_or(name);
            if name.contains('/') || values.known.contains_key(name) {
                continue;
            }
            if let Some((text, secret)) = stored(content, &field.pointer) {
                values.put(name, field.label.clone(), text, secret, false);
            } else if !values.absent.iter().any(|known| known == name) {
                values.absent.push(name.to_owned());
            }
        }
        values.add_tables(content);
        if let (Some(key), Some(_)) = (content.secret("/config/api_key"), content.get("/config/placement")) {
            let prefix = content.get_str("/config/placement/prefix").unwrap_or_default();
            let placed = Secret::new(format!("{prefix}{}", key.expose()));
            values.put(PLACED, kind.title_of("/config/api_key"), placed, true, true);
        }
        for derived in &variant.derived {
            match values.derive(derived) {
                // What only the usual address is made of is not missed in another one.
                Err(_) if variant.is_idle(&derived.name, base) => values.absent.push(derived.name.clone()),
                made => made?,
            }
        }
        Ok(values)
    }

    /// What a person added to a custom credential besides the service's fields, for their own request.
    fn add_tables(&mut self, content: &Content) {
        for table in ["fields", "secrets"] {
            let members = content.get(&format!("/config/{table}")).and_then(Value::as_object);
            for name in members.into_iter().flatten().map(|(name, _)| name) {
                let place = crate::model::pointer::join(&format!("/config/{table}"), name);
                if let (Some((text, secret)), false) =
                    (stored(content, &place), self.known.contains_key(name))
                {
                    self.put(name, name.clone(), text, secret, false);
                }
            }
        }
    }

    fn put(&mut self, name: &str, title: String, text: Secret, secret: bool, derived: bool) {
        self.absent.retain(|known| known != name);
        self.known
            .insert(name.to_owned(), Known { title, text, secret, derived, vouched: false, list: false });
    }

    fn derive(&mut self, derived: &Derived) -> Result<(), Unplannable> {
        let Some(from) = self.known.get(&derived.from) else {
            self.absent.push(derived.name.clone());
            return Ok(());
        };
        let text = from.text.expose();
        let cut = |mark: &Option<String>, cut: fn(&str, &str) -> Option<String>| {
            mark.as_deref().map(|mark| cut(text, mark))
        };
        let made = cut(&derived.after_last, |text, mark| Some(text.rsplit_once(mark)?.1.to_owned()))
            .or_else(|| cut(&derived.before_last, |text, mark| Some(text.rsplit_once(mark)?.0.to_owned())))
            .or_else(|| cut(&derived.after_first, |text, mark| Some(text.split_once(mark)?.1.to_owned())))
            .or_else(|| cut(&derived.before_first, |text, mark| Some(text.split_once(mark)?.0.to_owned())))
            .unwrap_or_else(|| {
                Some(if derived.base64 { STANDARD.encode(text) } else { text.to_lowercase() })
            });
        // A part cut out of a secret is known by where it ends up, such as a host; the whole in another
        // form is as secret as it was.
        let secret = from.secret && (derived.base64 || derived.lower);
        let title = from.title.clone();
        match made.filter(|made| !made.is_empty()) {
            Some(made) => {
                self.put(&derived.name, title, Secret::new(made), secret, true);
                Ok(())
            }
            None => Err(Unplannable::BadTest(format!(
                "{title} has no part that {{{}}} could be made from: is all of it there?",
                derived.name
            ))),
        }
    }

    /// A value that a call took from its answer, or a signer made.
    pub(super) fn take(&mut self, name: &str, text: Secret, secret: bool) {
        self.put(name, name.to_owned(), text, secret, true);
    }

    /// A list that a call took from its answer, written as JSON.
    pub(super) fn take_list(&mut self, name: &str, text: Secret, secret: bool) {
        self.take(name, text, secret);
        if let Some(known) = self.known.get_mut(name) {
            known.list = true;
        }
    }

    /// Adds the fields of the key before: `{before.NAME}`.
    pub(super) fn add_before(&mut self, before: &Self) {
        for (name, known) in &before.known {
            self.known.insert(format!("{BEFORE}{name}"), known.clone());
        }
        self.absent.extend(before.absent.iter().map(|name| format!("{BEFORE}{name}")));
    }

    /// Something to build with before the value is known.
    pub(super) fn stand_in(&mut self, name: &str, secret: bool) {
        self.put(name, name.to_owned(), Secret::from(STAND_IN), secret, true);
    }

    /// Secrets that were made from others.
    pub(super) fn derived_secrets(&self) -> impl Iterator<Item = Secret> + '_ {
        self.known.values().filter(|known| known.secret && known.derived).map(|known| known.text.clone())
    }

    /// Every secret.
    pub(super) fn secrets(&self) -> impl Iterator<Item = Secret> + '_ {
        self.known.values().filter(|known| known.secret).map(|known| known.text.clone())
    }

    /// Whether a name means something here, be it empty.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.known.contains_key(name) || self.absent.iter().any(|known| known == name)
    }

    pub(super) fn has_secret(&self) -> bool {
        self.known.values().any(|known| known.secret)
    }

    fn used(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.used.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the value of a name was put somewhere.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.used().contains(name)
    }

    /// Whether a secret was put somewhere.
    pub(super) fn uses_secret(&self) -> bool {
        self.used().iter().any(|name| self.known.get(name).is_some_and(|known| known.secret))
    }

    /// The value of a name; nothing where there is none.
    pub(super) fn get_or_empty(&self, name: &str) -> Secret {
        self.known.get(name).map_or_else(|| Secret::from(""), |known| known.text.clone())
    }

    /// A template with its values, each of them written by `encode`.
    ///
    /// # Errors
    /// A name that there is none of; those of `encode`.
    pub(super) fn fill(
        &self,
        text: &str,
        encode: impl Fn(&str, &str) -> Result<String, Unplannable>,
    ) -> Result<Filled, Unplannable> {
        let mut filled = String::with_capacity(text.len());
        for piece in template::pieces(text) {
            match piece {
                Piece::Text(text) => filled.push_str(text),
                Piece::Name(name) => match self.known.get(name) {
                    Some(known) => {
                        self.used().insert(name.to_owned());
                        filled.push_str(&encode(&known.title, known.text.expose())?);
                    }
                    None if self.absent.iter().any(|known| known == name) => return Ok(Filled::Left),
                    None => {
                        return Err(Unplannable::BadTest(format!(
                            "{{{name}}} is no field of this credential"
                        )));
                    }
                },
            }
        }
        Ok(Filled::Text(Secret::new(filled)))
    }

    /// As [`Values::fill`], where a value must be there.
    pub(super) fn whole(
        &self,
        text: &str,
        encode: impl Fn(&str, &str) -> Result<String, Unplannable>,
    ) -> Result<Secret, Unplannable> {
        match self.fill(text, encode)? {
            Filled::Text(text) => Ok(text),
            Filled::Left => {
                let names = template::names(text).filter(|name| !self.known.contains_key(*name));
                Err(Unplannable::Incomplete(names.map(str::to_owned).collect()))
            }
        }
    }

    /// A text of the service for people, such as the address of a page; `None` where a secret or a missing value
    /// stands in it.
    pub(super) fn public(&self, text: &str) -> Option<String> {
        let known = |name: &str| self.known.get(name).is_some_and(|known| !known.secret);
        if !template::names(text).all(known) {
            return None;
        }
        match self.fill(text, |_, value| Ok(percent_encoded(value))) {
            Ok(Filled::Text(text)) => Some(text.expose().to_owned()),
            _ => None,
        }
    }

    /// A base URL: values in its host are parts of a host, those in its path segments of it.
    ///
    /// # Errors
    /// A value that does not fit; an address that is none.
    pub(super) fn base(&self, text: &str) -> Result<Url, Unplannable> {
        Ok(http::base(self.address(text)?.expose())?)
    }

    /// An address, query included.
    ///
    /// # Errors
    /// As [`Values::base`].
    pub(super) fn address(&self, text: &str) -> Result<Secret, Unplannable> {
        let Some(authority) = template::authority(text) else { return self.path(text) };
        let start = text.find("://").map_or(0, |at| at + 3);
        let (scheme, path) = (&text[..start], &text[start + authority.len()..]);
        let host = self.host(authority)?;
        Ok(Secret::new(format!("{scheme}{host}{}", self.path(path)?.expose())))
    }

    /// A host, port included. A value is one label of it; one that stands alone is a host.
    ///
    /// # Errors
    /// A value that would make another host of it.
    pub(super) fn host(&self, text: &str) -> Result<String, Unplannable> {
        let name_only = text.split_once(':').map_or(text, |(host, _)| host);
        let alone = template::pieces(name_only).count() == 1;
        let port = |piece_end: usize| text[..piece_end].ends_with(":{");
        let mut at = 0;
        let mut host = String::new();
        for piece in template::pieces(text) {
            match piece {
                Piece::Text(text) => {
                    host.push_str(text);
                    at += text.len();
                }
                Piece::Name(name) => {
                    let is_port = port(at + 1);
                    let vouched = self.known.get(name).is_some_and(|known| known.vouched);
                    at += name.len() + 2;
                    let part = self.whole(&format!("{{{name}}}"), |title, value| {
                        let fits = match (is_port, alone) {
                            (true, _) => value.parse::<u16>().is_ok(),
                            (false, true) => is_host(value),
                            (false, false) => is_label(value) || (vouched && value.split('.').all(is_label)),
                        };
                        let place = if is_port { "a port" } else { "a host's name" };
                        if fits { Ok(value.to_owned()) } else { Err(unsendable(title, place)) }
                    })?;
                    host.push_str(part.expose());
                }
            }
        }
        Ok(host)
    }

    /// A path, query included: each value is one segment, whatever stands in it.
    ///
    /// # Errors
    /// A value that would be another path.
    pub(super) fn path(&self, text: &str) -> Result<Secret, Unplannable> {
        self.whole(text, |title, value| {
            let moves = value.chars().all(|c| c == '.') || value.chars().any(char::is_control);
            if moves { Err(unsendable(title, "a path")) } else { Ok(percent_encoded(value)) }
        })
    }

    /// JSON with its texts filled; a member whose optional value is missing is left out.
    ///
    /// # Errors
    /// As [`Values::fill`].
    pub(super) fn json(&self, value: &Value) -> Result<Option<Value>, Unplannable> {
        Ok(Some(match value {
            Value::String(text) => match self.fill(text, |_, value| Ok(value.to_owned()))? {
                Filled::Text(filled) if self.is_list(text) => {
                    serde_json::from_str(filled.expose()).unwrap_or_default()
                }
                Filled::Text(text) => Value::from(text.expose()),
                Filled::Left => return Ok(None),
            },
            Value::Array(items) => {
                let filled: Result<Vec<Option<Value>>, _> =
                    items.iter().map(|item| self.json(item)).collect();
                filled?.into_iter().flatten().collect()
            }
            Value::Object(members) => {
                let mut filled = serde_json::Map::new();
                for (name, member) in members {
                    if let Some(member) = self.json(member)? {
                        filled.insert(name.clone(), member);
                    }
                }
                Value::Object(filled)
            }
            other => other.clone(),
        }))
    }
}

impl Values {
    /// Whether a template is the name of a list and nothing else.
    fn is_list(&self, text: &str) -> bool {
        let mut pieces = template::pieces(text);
        match (pieces.next(), pieces.next()) {
            (Some(Piece::Name(name)), None) => self.known.get(name).is_some_and(|known| known.list),
            _ => false,
        }
    }
}

/// What a credential has at a place, and whether it is a secret.
fn stored(content: &Content, place: &str) -> Option<(Secret, bool)> {
    if let Some(secret) = content.secret(place) {
        return Some((secret.clone(), true));
    }
    match content.get(place)? {
        Value::String(text) => Some((Secret::from(text.as_str()), false)),
        value @ (Value::Number(_) | Value::Bool(_)) => Some((Secret::new(value.to_string()), false)),
        _ => None,
    }
}

pub(super) fn unsendable(title: &str, place: &'static str) -> Unplannable {
    Unplannable::Unsendable { field: title.to_owned(), place }
}

fn is_label(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 63
        && !text.starts_with('-')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
}

fn is_host(text: &str) -> bool {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') => (host, Some(port)),
        _ => (text, None),
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    port.is_none_or(|port| port.parse::<u16>().is_ok()) && name.len() <= 253 && name.split('.').all(is_label)
}

/// As a segment of a path, or a value of a query: nothing in it can end either.
pub(super) fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        // What a segment may hold (RFC 3986, 3.3), without what a query gives a meaning to.
        if byte.is_ascii_alphanumeric() || b"-._~:@!$'()*,".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    encoded
}
