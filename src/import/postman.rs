//! Postman: an environment (or globals) gives a secret for each variable, a collection one for each of its variables
//! and a credential for what its requests prove themselves with. `{{names}}` are filled in from the variables of the
//! same file; nothing else is known of them.

use std::collections::HashMap;

use serde_json::Value;

use super::json::{list, parse, secret, text};
use super::{Found, Item, MOST, Mistake, Role, key};
use crate::secret::Secret;

/// How deep folders may lie in each other.
const DEEPEST: usize = 50;

pub(super) fn read(text_: &str) -> Result<Found, Mistake> {
    let value = parse(text_)?;
    let mut found = Found::default();
    if value.get("values").is_some_and(Value::is_array) {
        variables(&value, "values", text(&value, "name"), &mut found);
        return Ok(found);
    }
    let name = value.get("info").map(|info| text(info, "name")).unwrap_or_default();
    if value.get("info").is_none() || value.get("item").is_none() {
        return Err(Mistake::whole("this is neither an environment nor a collection of Postman")
            .hint("export it from Postman as Collection v2.1, or export the environment"));
    }
    variables(&value, "variable", name, &mut found);
    let known = list(&value, "variable").iter();
    let known = known.filter_map(|variable| Some((text(variable, "key"), variable.get("value")?.as_str()?)));
    let mut walk = Walk { known: known.collect(), found };
    walk.folder(&value, &mut vec![name], 0)?;
    Ok(walk.found)
}

/// One secret for each variable.
fn variables(value: &Value, member: &str, folder: &str, found: &mut Found) {
    for (at, variable) in list(value, member).iter().enumerate() {
        let name = text(variable, "key");
        let mut item = Item::new(format!("/{member}/{at}"), name);
        item.key = key::is_one(name).then(|| name.to_owned());
        item.kind = Some("secret");
        folder.clone_into(&mut item.folder);
        item.note(text(variable, "description"));
        let off = |member: &str, off: bool| variable.get(member) == Some(&Value::Bool(off));
        if off("enabled", false) || off("disabled", true) {
            item.tag("disabled");
        }
        match variable.get("value").and_then(secret) {
            Some(value) if !value.is_empty() => item.other(name, true, value),
            _ => item.skipped = Some("has no value".to_owned()),
        }
        found.items.push(item);
    }
}

struct Walk<'a> {
    known: HashMap<&'a str, &'a str>,
    found: Found,
}

impl<'a> Walk<'a> {
    /// A folder or a request: what it proves itself with, then what lies in it.
    fn folder(&mut self, value: &'a Value, path: &mut Vec<&'a str>, depth: usize) -> Result<(), Mistake> {
        if depth > DEEPEST || self.found.items.len() > MOST {
            return Err(Mistake::whole("folders lie too deep in each other, or there are too many requests"));
        }
        let request = value.get("request").filter(|request| request.is_object());
        let auth = request.unwrap_or(value).get("auth").filter(|auth| auth.is_object());
        if let Some(auth) = auth.filter(|auth| !matches!(text(auth, "type"), "" | "noauth")) {
            let address = request.map(|request| self.address(request)).unwrap_or_default();
            self.auth(auth, &address, path);
        }
        for inner in list(value, "item") {
            path.push(text(inner, "name"));
            self.folder(inner, path, depth + 1)?;
            path.pop();
        }
        Ok(())
    }

    fn address(&self, request: &Value) -> String {
        let url = request.get("url").unwrap_or(&Value::Null);
        let raw = url.as_str().unwrap_or_else(|| text(url, "raw"));
        let filled = self.filled(raw);
        // With a name that nobody filled in it is no address.
        if filled.contains("{{") { String::new() } else { filled }
    }

    /// A text with `{{names}}` filled in.
    fn filled(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            filled.push_str(before);
            match after.split_once("}}") {
                Some((name, after)) => {
                    match self.known.get(name.trim()) {
                        Some(value) => filled.push_str(value),
                        None => filled.push_str(&format!("{{{{{name}}}}}")),
                    }
                    rest = after;
                }
                None => {
                    filled.push_str("{{");
                    rest = after;
                }
            }
        }
        filled + rest
    }

    fn auth(&mut self, auth: &Value, address: &str, path: &[&str]) {
        let sort = text(auth, "type");
        let mut item = Item::new(path.join(" ▸ "), path.last().copied().unwrap_or_default());
        item.folder = path[..path.len().saturating_sub(1)].join("/");
        item.address(address);
        item.fact("auth", sort);
        let mut open = false;
        for (name, value) in members(auth, sort) {
            let Some(value) = secret(value) else { continue };
            let value = Secret::new(self.filled(value.expose()));
            open |= value.expose().contains("{{");
            let (name, role, hidden) = meaning(sort, name);
            if sort == "awsv4" {
                item.kind = Some("aws");
            }
            item.value(name, role, hidden, value);
        }
        if open
            && item.values.iter().filter(|value| value.secret).all(|value| value.text.expose().contains("{{"))
        {
            item.skipped = Some("refers to variables that are not in this file".to_owned());
        }
        // Requests that inherit say it again and again.
        let same = |known: &&Item| {
            known.facts == item.facts
                && known.addresses == item.addresses
                && known.values.len() == item.values.len()
                && known.values.iter().zip(&item.values).all(|(one, two)| one.text == two.text)
        };
        if !self.found.items.iter().any(|known| same(&known)) {
            self.found.items.push(item);
        }
    }
}

/// The settings of an auth: a list of keys and values, or an object in older files.
fn members<'v>(auth: &'v Value, sort: &str) -> Vec<(&'v str, &'v Value)> {
    match auth.get(sort) {
        Some(Value::Array(items)) => {
            items.iter().filter_map(|item| Some((text(item, "key"), item.get("value")?))).collect()
        }
        Some(Value::Object(members)) => members.iter().map(|(name, value)| (name.as_str(), value)).collect(),
        _ => Vec::new(),
    }
}

/// What a setting is for: its name here, its role, whether it is a secret.
fn meaning<'v>(sort: &str, name: &'v str) -> (&'v str, Role, bool) {
    match (sort, name) {
        (_, "username") => (name, Role::Username, false),
        (_, "password") | ("bearer", "token") | ("apikey", "value") | ("oauth2", "accessToken") => {
            (name, Role::Password, true)
        }
        ("awsv4", "accessKey") => ("access_key_id", Role::Other, false),
        ("awsv4", "secretKey") => ("secret_access_key", Role::Password, true),
        ("awsv4", "sessionToken") => ("session_token", Role::Other, true),
        ("oauth2", "clientId") => ("client_id", Role::Other, false),
        ("oauth2", "clientSecret") => ("client_secret", Role::Other, true),
        _ => {
            let small = name.to_lowercase();
            let hidden = ["secret", "token", "key", "password"].iter().any(|word| small.contains(word));
            (name, Role::Other, hidden && !small.ends_with("url") && name != "key")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_environment_gives_a_secret_for_each_variable() {
        let text = r#"{"name":"Staging","values":[{"key":"token","value":"t-1","type":"secret","enabled":true},
            {"key":"base url","value":"https://x.example","enabled":false},{"key":"empty","value":""}],
            "_postman_variable_scope":"environment"}"#;
        let found = read(text).unwrap();
        let items: Vec<_> = found
            .items
            .iter()
            .map(|item| (item.key.as_deref(), item.tags.len(), item.skipped.is_some()))
            .collect();
        assert_eq!(items, [(Some("token"), 0, false), (None, 1, false), (Some("empty"), 0, true)]);
        assert_eq!((found.items[0].folder.as_str(), found.items[0].place.as_str()), ("Staging", "/values/0"));
    }

    #[test]
    fn a_collection_gives_what_its_requests_prove_themselves_with() {
        let text = r#"{"info":{"name":"Shop","schema":"v2.1.0"},"variable":[{"key":"host","value":"https://shop.example"},{"key":"t","value":"t-1"}],
            "auth":{"type":"bearer","bearer":[{"key":"token","value":"{{t}}","type":"string"}]},
            "item":[{"name":"Orders","item":[{"name":"List","request":{"method":"GET","url":{"raw":"{{host}}/orders?x=1"},
                "auth":{"type":"basic","basic":[{"key":"username","value":"ann"},{"key":"password","value":"pw"}]}}},
              {"name":"Again","request":{"url":"{{host}}/orders?x=1","auth":{"type":"basic","basic":{"username":"ann","password":"pw"}}}},
              {"name":"None","request":{"url":"x","auth":{"type":"noauth"}}},
              {"name":"Open","request":{"url":"{{other}}/x","auth":{"type":"apikey","apikey":[{"key":"key","value":"X-Key"},{"key":"value","value":"{{secret}}"}]}}}]}]}"#;
        let found = read(text).unwrap();
        let names: Vec<_> = found.items.iter().map(|item| item.name.as_str()).collect();
        assert_eq!(names, ["host", "t", "Shop", "List", "Open"]);
        assert_eq!(found.items[2].values[0].text.expose(), "t-1");
        let list = &found.items[3];
        assert_eq!(
            (list.folder.as_str(), list.addresses.join(",")),
            ("Shop/Orders", "https://shop.example/orders?x=1".into())
        );
        assert_eq!(found.items[4].skipped.as_deref(), Some("refers to variables that are not in this file"));
    }

    #[test]
    fn depth_is_bounded_and_other_files_are_told() {
        let deep = format!("{}{}", "{\"item\":[".repeat(60), "]}".repeat(60));
        let text = format!("{{\"info\":{{}},\"item\":[{deep}]}}");
        assert!(read(&text).unwrap_err().message.contains("too deep") || read(&text).is_err());
        assert!(read("{}").unwrap_err().message.contains("neither"));
    }
}
