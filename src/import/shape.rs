//! An item as a credential: the kind that fits, its fields, and a place for everything else that the item says.
//!
//! Kinds are tried in order: the one that the format names, a way into the service that was recognised, `basic_auth`
//! for a login with an address, and `secret`, which takes anything. The first whose schema has nothing to say
//! against it is the one.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use super::recognise::{Recogniser, Way, plain};
use super::{Item, Named, Role, key};
use crate::model::{Content, parse_expiry, pointer};
use crate::schema::catalogue::{ServiceField, place_of};
use crate::schema::{Kind, Kinds};

/// Fields of services that take the name to log in with.
const USERNAMES: [&str; 6] = ["username", "user", "email", "login", "account", "account_sid"];
/// The most characters of a name, and of a label.
const NAME: usize = 200;
const TAG: usize = 100;

/// Makes the content of a credential without its key. `from` is the word of the format.
///
/// # Errors
/// Why there is nothing to make one of.
pub fn shape(
    item: &Item,
    kinds: &Kinds,
    recogniser: &Recogniser,
    solution: &str,
    from: &str,
) -> Result<Shaped, String> {
    if let Some(why) = &item.skipped {
        return Err(why.clone());
    }
    let whole;
    let mut item = item;
    if !item.has_secret() {
        if item.notes.is_empty() {
            return Err("has no secret".to_owned());
        }
        // A note is kept for what it says.
        let mut note = item.clone();
        let text = std::mem::take(&mut note.notes);
        note.other("note", true, text.as_str().into());
        whole = note;
        item = &whole;
    }
    let shaper = Shaper { item, kinds, solution, from };
    if let Some(content) = item.kind.and_then(|kind| shaper.of_kind(kind)) {
        let looks = recogniser.looks_like(item).filter(|_| content.service().is_empty());
        return Ok(Shaped { content, looks_like: looks.map(str::to_owned) });
    }
    let known = recogniser.ways(item).into_iter().find_map(|way| shaper.of_service(way));
    let content = known.or_else(|| shaper.login()).unwrap_or_else(|| shaper.secret());
    Ok(Shaped { content, looks_like: None })
}

/// A credential made of an item.
#[derive(Clone, Debug)]
pub struct Shaped {
    /// What it says; its key is not set yet.
    pub content: Content,
    /// The service that the key looks like, where the kind was given and says nothing of it.
    pub looks_like: Option<String>,
}

struct Shaper<'a> {
    item: &'a Item,
    kinds: &'a Kinds,
    solution: &'a str,
    from: &'a str,
}

impl Shaper<'_> {
    fn start(&self, kind: &str, service: &str) -> Content {
        let mut content = Content::default();
        content.set("/solution", json!(self.solution));
        // Its place in the document; what it is is decided last.
        content.set("/key", json!("imported"));
        let name: String = self.item.name.chars().take(NAME).collect();
        if !name.is_empty() {
            content.set("/name", json!(name));
        }
        content.set("/kind", json!(kind));
        if !service.is_empty() {
            content.set("/service", json!(service));
        }
        content.set("/config", json!({}));
        content
    }

    /// The content, where its kind has nothing against it and no secret is missing.
    fn checked(&self, content: Content) -> Option<Content> {
        let kind = self.kinds.of_content(&content)?;
        (kind.check(&content).is_empty() && kind.missing(&content).is_empty()).then_some(content)
    }

    /// As the kind that the format names: its values are called like that kind's fields.
    fn of_kind(&self, id: &str) -> Option<Content> {
        let kind = self.kinds.get(id)?;
        let mut content = self.start(id, "");
        let mut used = HashSet::new();
        if id != "secret" {
            for (at, value) in self.item.values.iter().enumerate() {
                let place = pointer::join("/config", &value.name);
                if kind.fields.iter().any(|field| field.pointer == place) {
                    put(kind, &mut content, &place, value);
                    used.insert(at);
                }
            }
        }
        kind.bind(&mut content);
        self.rest(&mut content, kind, &used, &[]);
        self.checked(content)
    }

    /// As a way into a service.
    fn of_service(&self, way: &Way) -> Option<Content> {
        let variant = way.variant();
        let kind = self.kinds.of_service(&variant.kind, &way.word)?;
        let mut content = self.start(&variant.kind, &way.word);
        let mut used = HashSet::new();
        let address = self.item.addresses.first().map(String::as_str);
        let base = way.base_at(address);
        let mut open: Vec<&ServiceField> = Vec::new();
        let place = |field: &ServiceField| place_of(&variant.kind, &kind, field);
        for field in &variant.fields {
            match self.by_name(field, &used) {
                Some(at) => {
                    put(&kind, &mut content, &place(field), &self.item.values[at]);
                    used.insert(at);
                }
                None => open.push(field),
            }
        }
        // Then what a name does not tell: who logs in, and the one secret that is left for the one that is wanted.
        for field in std::mem::take(&mut open) {
            let role = match field.secret {
                true => Role::Password,
                false if USERNAMES.contains(&field.name.as_str()) => Role::Username,
                false => Role::Other,
            };
            let wanted = variant.fields.iter().filter(|other| other.secret && other.required).count();
            let found = self.item.values.iter().position(|value| value.role == role);
            match found
                .filter(|at| role != Role::Other && !used.contains(at) && (!field.secret || wanted == 1))
            {
                Some(at) => {
                    put(&kind, &mut content, &place(field), &self.item.values[at]);
                    used.insert(at);
                }
                None => open.push(field),
            }
        }
        let left = |field: &&ServiceField| field.required && field.default.is_none();
        if open.iter().any(|field| left(field) && variant.names_in_base_only(&field.name).is_empty()) {
            return None;
        }
        if let Some(base) = base {
            content.set("/config/base_url", json!(base));
        } else if open.iter().any(left) {
            return None;
        }
        kind.bind(&mut content);
        self.rest(&mut content, &kind, &used, &[]);
        self.checked(content)
    }

    /// The value that is called like a field.
    fn by_name(&self, field: &ServiceField, used: &HashSet<usize>) -> Option<usize> {
        let title = field.title.as_deref().map(plain).unwrap_or_default();
        let name = plain(&field.name);
        self.item.values.iter().enumerate().position(|(at, value)| {
            let said = plain(&value.name);
            !used.contains(&at) && value.secret == field.secret && (said == name || said == title)
        })
    }

    /// As a login: a name, a password and an address.
    fn login(&self) -> Option<Content> {
        let kind = self.kinds.get("basic_auth")?;
        let mut content = self.start("basic_auth", "");
        let address = self.item.addresses.iter().find_map(|address| base_url(address))?;
        content.set("/config/base_url", json!(address));
        let mut used = HashSet::new();
        for (role, place) in [(Role::Username, "/config/username"), (Role::Password, "/config/password")] {
            let at = self.item.values.iter().position(|value| value.role == role)?;
            put(kind, &mut content, place, &self.item.values[at]);
            used.insert(at);
        }
        self.rest(&mut content, kind, &used, &[&address]);
        self.checked(content)
    }

    /// As a secret, which may be anything.
    fn secret(&self) -> Content {
        let mut content = self.start("secret", "");
        if let Some(kind) = self.kinds.get("secret") {
            self.rest(&mut content, kind, &HashSet::new(), &[]);
        }
        content
    }

    /// Everything that has no field: values under their own names, the rest under `imported`.
    fn rest(&self, content: &mut Content, kind: &Kind, used: &HashSet<usize>, said: &[&str]) {
        let item = self.item;
        let mut names = Map::new();
        for value in
            item.values.iter().enumerate().filter(|(at, _)| !used.contains(at)).map(|(_, value)| value)
        {
            let (table, own) = match (kind.id.as_str(), value.secret) {
                ("secret", true) => ("/config/values", true),
                ("custom", true) => ("/config/secrets", true),
                ("custom", false) => ("/config/fields", true),
                _ => ("/config", false),
            };
            let taken = |name: &str| {
                let place = pointer::join(table, name);
                content.get(&place).is_some() || (!own && kind.schema_at(&place).is_some())
            };
            let name = named(&value.name, taken);
            if name != value.name {
                names.insert(name.clone(), json!(value.name));
            }
            let place = pointer::join(table, &name);
            match value.secret {
                true => content.set_secret(&place, value.text.clone()),
                false => content.set(&place, json!(value.text.expose())),
            }
        }
        if !item.notes.is_empty() {
            content.set("/notes", json!(item.notes));
        }
        let mut facts: Map<String, Value> = item.facts.iter().cloned().collect();
        match item.expires.as_deref() {
            Some(at) if parse_expiry(at).is_some() => content.set("/expires_at", json!(at)),
            Some(at) => drop(facts.insert("expires".to_owned(), json!(at))),
            None => {}
        }
        let folder = Some(item.folder.as_str()).filter(|folder| !folder.is_empty());
        let mut tags: Vec<String> = Vec::new();
        for tag in item.tags.iter().map(String::as_str).chain(folder) {
            let cut: String = tag.chars().take(TAG).collect();
            if !tags.contains(&cut) {
                tags.push(cut);
            }
        }
        if !tags.is_empty() {
            content.set("/tags", json!(tags));
        }
        if item.name.chars().count() > NAME {
            facts.insert("name".to_owned(), json!(item.name));
        }
        facts.extend(folder.map(|folder| ("folder".to_owned(), json!(folder))));
        let addresses: Vec<&String> =
            item.addresses.iter().filter(|address| !said.contains(&address.as_str())).collect();
        if !addresses.is_empty() {
            facts.insert("addresses".to_owned(), json!(addresses));
        }
        if !names.is_empty() {
            facts.insert("names".to_owned(), Value::Object(names));
        }
        facts.insert("from".to_owned(), json!(self.from));
        content.set("/imported", Value::Object(facts));
        for (number, earlier) in item.earlier.iter().filter(|earlier| !earlier.is_empty()).enumerate() {
            content.set_secret(&format!("/imported/earlier/{}", number + 1), earlier.clone());
        }
    }
}

/// Puts a value where a field stands: masked where the kind says so, a number where it wants one.
fn put(kind: &Kind, content: &mut Content, place: &str, value: &Named) {
    let text = value.text.expose();
    let whole = kind.schema_at(place).and_then(|schema| schema.get("type")) == Some(&json!("integer"));
    match text.parse::<i64>() {
        _ if kind.is_secret(place) => content.set_secret(place, kind.tidy(place, value.text.clone()).0),
        Ok(number) if whole => content.set(place, json!(number)),
        _ => content.set(place, json!(text)),
    }
}

/// A name for a member that nothing has yet.
fn named(name: &str, taken: impl Fn(&str) -> bool) -> String {
    let own = match key::is_one(name) {
        true => name.to_owned(),
        false => Some(key::of(name)).filter(|key| !key.is_empty()).unwrap_or_else(|| "value".to_owned()),
    };
    let cut = |number: usize| format!("{}-{number}", &own[..own.len().min(190)]);
    std::iter::once(own.clone()).chain((2..).map(cut)).find(|name| !taken(name)).unwrap_or_default()
}

/// An address as a base URL: with a scheme, and without what stands behind the path.
fn base_url(address: &str) -> Option<String> {
    let whole = match address.contains("://") {
        true => address.to_owned(),
        false => format!("https://{address}"),
    };
    let url = url::Url::parse(&whole)
        .ok()
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())?;
    // A password in an address belongs elsewhere: such an address is no base URL.
    (url.username().is_empty() && url.password().is_none()).then_some(())?;
    let end = whole.find(['?', '#']).unwrap_or(whole.len());
    Some(whole[..end].to_owned())
}

#[cfg(test)]
mod tests;
