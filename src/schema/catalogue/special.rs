//! A kind's schema made for one variant of a service: its fields, their words, and what the credential is bound
//! to.

use serde_json::{Map, Value, json};

use super::super::{Kind, Notice, validator};
use super::{Chosen, ServiceField, Variant, place_of, template};
use crate::model::{Content, pointer};

/// An address, perhaps one that begins with what a person says.
const ADDRESS: &str = "^(https?://[^/?#@]+|\\{base_url\\})([/?#].*)?$";

/// The members that are addresses.
const ADDRESSES: [&str; 7] =
    ["base_url", "issuer", "authorization_url", "token_url", "device_url", "refresh_url", "revocation_url"];

/// Changes the schema of a kind's `config` so that it asks for what the variant wants.
pub(crate) fn specialise(config: &mut Value, plain: &Kind, chosen: &Chosen) {
    let variant = chosen.variant();
    let heading = chosen.heading();
    for address in ADDRESSES {
        // A template is no URI by the letter; that it is an address is still asked.
        each_property(config, address, &mut |schema| {
            schema.remove("format");
            schema.insert("pattern".to_owned(), json!(ADDRESS));
        });
    }
    if let Some(base) = variant.base_url.as_deref().filter(|base| *base != "{base_url}") {
        each_property(config, "base_url", &mut |schema| {
            schema.insert("default".to_owned(), json!(base));
            schema.insert("examples".to_owned(), json!([base]));
        });
    }
    let addresses = variant.base_url.iter().chain(&variant.hosts).map(String::as_str);
    let tokens = variant.oauth_addresses().filter(|address| template::authority(address).is_some());
    let bound: Vec<&str> = addresses.chain(tokens).flat_map(host_names).collect();
    let mut main = variant.kind == "custom";
    for field in &variant.fields {
        let place = place_of(&variant.kind, plain, field);
        let mut words = words(field);
        if bound.contains(&field.name.as_str()) {
            words.insert("x-origin".to_owned(), json!(true));
        }
        if field.secret && std::mem::take(&mut main) {
            words.insert("x-main".to_owned(), json!(true));
        }
        let steps: Vec<String> = pointer::steps(&place).skip(1).map(|step| step.into_owned()).collect();
        match steps.as_slice() {
            [table, name] if variant.kind == "custom" => {
                let table_schema = &mut config["properties"][table];
                table_schema["title"] = json!(heading);
                table_schema["properties"][name] = Value::Object(text(words));
                let parts = variant.names_in_base_only(&field.name);
                if field.required && parts.is_empty() {
                    require(table_schema, name);
                    require(config, table);
                } else if field.required {
                    let within = json!({ "required": [name], "properties": { name: {} } });
                    require_with(config, &parts, table, Some(within));
                }
            }
            [name] => {
                let mut found = false;
                each_property(config, name, &mut |schema| {
                    found = true;
                    add(schema, words.clone());
                });
                if !found {
                    config["properties"][name] = Value::Object(text(words));
                }
                let parts = match requires(config, name) {
                    // The kind itself cannot do without it.
                    true => Vec::new(),
                    false => variant.names_in_base_only(&field.name),
                };
                if field.required && parts.is_empty() {
                    require(config, name);
                } else if field.required {
                    require_with(config, &parts, name, None);
                } else if let Some(required) = config.get_mut("required").and_then(Value::as_array_mut) {
                    required.retain(|known| known != name);
                }
            }
            [.., name] => each_property(config, name, &mut |schema| add(schema, words.clone())),
            [] => {}
        }
    }
    sort(config, variant);
    if variant.kind == "custom" && variant.base_url.as_deref() == Some("{base_url}") {
        require(config, "base_url");
    }
}

/// Puts the fields of the service where the form starts: behind the address, in the service's order.
fn sort(config: &mut Value, variant: &Variant) {
    let Some(Value::Object(properties)) = config.get_mut("properties") else { return };
    let mut rest = std::mem::take(properties);
    let names = variant.fields.iter().map(|field| field.name.as_str());
    for name in ["base_url"].into_iter().chain(names) {
        if let Some(schema) = rest.shift_remove(name) {
            properties.insert(name.to_owned(), schema);
        }
    }
    properties.extend(rest);
}

/// The names in the host of an address, or in a host.
fn host_names(address: &str) -> Vec<&str> {
    template::names(template::authority(address).unwrap_or(address)).collect()
}

fn requires(schema: &Value, name: &str) -> bool {
    let required = schema.get("required").and_then(Value::as_array);
    required.is_some_and(|required| required.iter().any(|known| known == name))
}

/// Requires a member as long as the credential's own base URL holds one of the names, or there is none: who gives
/// the whole address is not asked for its parts.
fn require_with(config: &mut Value, names: &[&str], member: &str, within: Option<Value>) {
    let names: Vec<String> = names.iter().map(|name| name.replace('.', "\\.")).collect();
    let holds = format!("\\{{({})\\}}", names.join("|"));
    let mut then = json!({ "required": [member] });
    if let Some(within) = within {
        then["properties"] = json!({ member: within });
    }
    let rule = json!({ "if": { "properties": { "base_url": { "pattern": holds } } }, "then": then });
    match config.get_mut("allOf").and_then(Value::as_array_mut) {
        Some(rules) => rules.push(rule),
        None => config["allOf"] = json!([rule]),
    }
}

fn require(schema: &mut Value, name: &str) {
    if requires(schema, name) {
        return;
    }
    match schema.get_mut("required").and_then(Value::as_array_mut) {
        Some(required) => required.push(json!(name)),
        None => schema["required"] = json!([name]),
    }
}

/// A schema of a field that the kind does not have.
fn text(words: Map<String, Value>) -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), json!("string"));
    schema.extend(words);
    schema
}

/// Adds what a service says of a field to the kind's own schema of it.
fn add(schema: &mut Map<String, Value>, words: Map<String, Value>) {
    let whole = schema.get("type") == Some(&json!("integer"));
    for (word, value) in words {
        let value = match (whole, value.as_str().map(str::parse::<i64>)) {
            (true, Some(Ok(number))) if word == "default" => json!(number),
            _ => value,
        };
        schema.insert(word, value);
    }
}

/// What a service says of a field, as words of a schema.
fn words(field: &ServiceField) -> Map<String, Value> {
    let mut words = Map::new();
    let mut say = |word: &str, value: Option<Value>| {
        words.extend(value.map(|value| (word.to_owned(), value)));
    };
    let texts = |list: &[String]| (!list.is_empty()).then(|| json!(list));
    say("title", field.title.as_ref().map(|title| json!(title)));
    say("description", field.description.as_ref().map(|text| json!(text)));
    say("default", field.default.as_ref().map(|text| json!(text)));
    say("examples", field.example.as_ref().map(|text| json!([text])));
    say("enum", texts(&field.choices));
    say("pattern", field.pattern.as_ref().map(|pattern| json!(pattern)));
    if field.pattern.is_some() {
        let says = field.says.as_deref().unwrap_or("not what the service uses");
        say("x-pattern", Some(json!(says)));
    }
    say("x-multiline", field.multiline.then(|| json!(true)));
    say("writeOnly", field.secret.then(|| json!(true)));
    let looks = !field.prefix.is_empty() || !field.test_prefix.is_empty() || field.length.is_some();
    say(
        "x-looks-like",
        looks.then(|| json!({"prefix": field.prefix, "test": field.test_prefix, "length": field.length})),
    );
    words
}

/// Changes every schema of a property, in whichever branch it stands.
fn each_property(schema: &mut Value, name: &str, change: &mut dyn FnMut(&mut Map<String, Value>)) {
    match schema {
        Value::Object(members) => {
            for (word, inner) in members.iter_mut() {
                if word == "properties" {
                    if let Some(Value::Object(own)) = inner.get_mut(name) {
                        change(own);
                    }
                } else if matches!(word.as_str(), "allOf" | "oneOf" | "anyOf" | "then" | "else") {
                    each_property(inner, name, change);
                }
            }
            if let Some(Value::Object(properties)) = members.get_mut("properties")
                && let Some(tokens) = properties.get_mut("tokens")
            {
                each_property(tokens, name, change);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| each_property(item, name, change)),
        _ => {}
    }
}

impl Kind {
    /// Whether the service says of this very value that it may stand at a place: it is one of its choices, or fits
    /// its pattern.
    pub fn vouches(&self, place: &str, value: &str) -> bool {
        let Some(Ok(chosen)) = self.service() else { return false };
        let fields = &chosen.variant().fields;
        let Some(field) = fields.iter().find(|field| place_of(&self.id, self, field) == place) else {
            return false;
        };
        let fits = |pattern: &String| {
            let schema = validator::options().build(&json!({ "pattern": pattern }));
            schema.is_ok_and(|schema| schema.is_valid(&json!(value)))
        };
        field.choices.iter().any(|choice| choice == value) || field.pattern.as_ref().is_some_and(fits)
    }

    /// What a new credential of the service says before a person says anything: the address, the defaults and,
    /// where only a person's own folder names them, the hosts that it may go to besides.
    pub fn proposed(&self) -> Vec<(String, Value)> {
        let Some(Ok(chosen)) = self.service() else { return Vec::new() };
        let variant = chosen.variant();
        let mut proposed: Vec<(String, Value)> = Vec::new();
        let mut propose = |place: String, value: Value| {
            if !proposed.iter().any(|(known, _)| *known == place) {
                proposed.push((place, value));
            }
        };
        if let Some(base) = variant.base_url.as_deref().filter(|base| *base != "{base_url}") {
            propose("/config/base_url".to_owned(), json!(base));
        }
        for field in &variant.fields {
            let place = place_of(&variant.kind, self, field);
            if field.default.is_some()
                && let Some(default) = self.schema_at(&place).and_then(|schema| schema.get("default"))
            {
                propose(place, default.clone());
            }
        }
        if let Some(oauth) = &variant.oauth {
            let texts = [
                ("grant", &oauth.grant),
                ("client_auth", &oauth.client_auth),
                ("issuer", &oauth.issuer),
                ("authorization_url", &oauth.authorization_url),
                ("token_url", &oauth.token_url),
                ("device_url", &oauth.device_url),
                ("refresh_url", &oauth.refresh_url),
                ("revocation_url", &oauth.revocation_url),
                ("audience", &oauth.audience),
            ];
            for (name, text) in texts {
                if let Some(text) = text {
                    propose(pointer::join("/config", name), json!(text));
                }
            }
            if !oauth.scopes.is_empty() {
                let mut scopes: Vec<&String> = Vec::new();
                oauth.scopes.iter().for_each(|scope| {
                    if !scopes.contains(&scope) {
                        scopes.push(scope);
                    }
                });
                propose("/config/scopes".to_owned(), json!(scopes));
            }
            let tables = [
                ("extra_parameters", &oauth.extra_parameters),
                ("authorization_parameters", &oauth.authorization_parameters),
            ];
            for (name, table) in tables.into_iter().filter(|(_, table)| !table.is_empty()) {
                propose(pointer::join("/config", name), json!(table));
            }
        }
        let plain: Vec<&String> =
            variant.hosts.iter().filter(|host| template::names(host).count() == 0).collect();
        if !chosen.trusted && !plain.is_empty() {
            propose("/allowed_hosts".to_owned(), json!(plain));
        }
        proposed
    }

    /// Puts what the service proposes where a new credential says nothing. Says so.
    pub fn propose(&self, content: &mut Content) -> Vec<Notice> {
        let mut notices = Vec::new();
        for (place, value) in self.proposed() {
            if content.get(&place).is_some() {
                continue;
            }
            let shown = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let message = format!("{}: {shown}, as the service says", self.title_of(&place));
            content.set(&place, value);
            notices.push(Notice { pointer: place, message });
        }
        notices
    }
}
