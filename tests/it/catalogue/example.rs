//! A credential of a variant with example values: every secret is a marker of its own.

use std::collections::BTreeMap;

use credbench::model::{Content, pointer};
use credbench::schema::catalogue::{Chosen, ServiceField, Variant, place_of};
use credbench::schema::{Kind, Kinds};
use credbench::secret::Secret;
use serde_json::{Value, json};

/// A credential, and its values by the names that templates use.
pub(super) struct Example {
    pub(super) kind: std::sync::Arc<Kind>,
    pub(super) content: Content,
    pub(super) values: BTreeMap<String, String>,
    /// The markers of its secrets.
    pub(super) secrets: Vec<String>,
}

/// The name of a base URL in place of the service's own.
pub(super) const OWN_BASE: &str = ".base";

/// Where a person says the base URL.
const BASE: &str = "https://base.example.com/root";

pub(super) fn of(chosen: &Chosen) -> Example {
    let variant = chosen.variant();
    let kind = Kinds::builtin().of_service(&variant.kind, &chosen.name()).unwrap();
    let mut example = Example {
        content: Content::default(),
        values: BTreeMap::new(),
        secrets: Vec::new(),
        kind: kind.clone(),
    };
    let texts = [
        ("/key", "a.key"),
        ("/solution", "default"),
        ("/kind", variant.kind.as_str()),
        ("/service", &chosen.name()),
    ];
    for (place, text) in texts {
        example.content.set(place, json!(text));
    }
    example.content.set("/config", json!({}));
    for (number, field) in variant.fields.iter().enumerate() {
        let place = place_of(&variant.kind, &kind, field);
        let value = value(variant, field, number);
        if field.secret {
            example.secrets.push(value.clone());
            example.content.set_secret(&place, Secret::from(value.as_str()));
        } else if kind.schema_at(&place).and_then(|schema| schema.get("type")) == Some(&json!("integer")) {
            example.content.set(&place, json!(value.parse::<i64>().unwrap_or(443)));
        } else {
            example.content.set(&place, json!(value));
        }
        example.values.insert(field.name.clone(), value);
    }
    // This machine is not reached through a proxy.
    if let Some(rest) = variant.base_url.as_deref().and_then(|base| base.strip_prefix("http://")) {
        let path = rest.find('/').map_or("", |at| &rest[at..]);
        let base = format!("https://base.example.com{path}");
        example.content.set("/config/base_url", json!(base));
        example.values.insert(OWN_BASE.to_owned(), base);
    }
    if variant.kind == "database" && example.content.get("/config/host").is_none() {
        example.content.set("/config/host", json!("db.example.com"));
    }
    kind.bind(&mut example.content);
    // What the kind itself needs besides: an OAuth client's.
    if variant.kind == "oauth2" {
        let place = "/config/tokens/access_token";
        if example.content.secret(place).is_none() {
            let token = "zqaccess1marker".to_owned();
            example.content.set_secret(place, Secret::from(token.as_str()));
            example.secrets.push(token);
        }
        let needed = [
            ("client_id", "client-1"),
            ("grant", "authorization_code"),
            ("authorization_url", "https://login.example.com/authorize"),
            ("token_url", "https://login.example.com/token"),
        ];
        for (name, value) in needed {
            let place = pointer::join("/config", name);
            if example.content.get(&place).is_none() {
                example.content.set(&place, json!(value));
            }
        }
    }
    for place in kind.missing(&example.content) {
        let marker = format!("zqmissing{}marker", example.secrets.len());
        example.content.set_secret(&place, Secret::from(marker.as_str()));
        example.secrets.push(marker);
    }
    if let Some(Value::Object(config)) = example.content.document.get("config") {
        for (name, value) in config {
            if let Some(text) = value.as_str() {
                example.values.entry(name.clone()).or_insert_with(|| text.to_owned());
            }
        }
    }
    for (name, secret) in &example.content.secrets {
        let name = name.rsplit('/').next().unwrap_or_default().to_owned();
        example.values.entry(name).or_insert_with(|| secret.expose().to_owned());
    }
    for derived in &variant.derived {
        use base64::Engine as _;
        let from = example.values.get(&derived.from).cloned().unwrap_or_default();
        let made = if let Some(mark) = &derived.after_last {
            from.rsplit(mark.as_str()).next().unwrap_or_default().to_owned()
        } else if let Some(mark) = &derived.before_last {
            from.rsplit_once(mark.as_str()).map(|(before, _)| before.to_owned()).unwrap_or_default()
        } else if let Some(mark) = &derived.after_first {
            from.split_once(mark.as_str()).map(|(_, after)| after.to_owned()).unwrap_or_default()
        } else if let Some(mark) = &derived.before_first {
            from.split(mark.as_str()).next().unwrap_or_default().to_owned()
        } else if derived.base64 {
            base64::engine::general_purpose::STANDARD.encode(&from)
        } else {
            from.to_lowercase()
        };
        example.values.insert(derived.name.clone(), made);
    }
    example
}

fn value(variant: &Variant, field: &ServiceField, number: usize) -> String {
    if field.secret {
        return secret(variant, field, number);
    }
    if field.name == "base_url" {
        let default = field.default.clone().filter(|default| !default.contains("localhost"));
        return default.unwrap_or_else(|| BASE.to_owned());
    }
    let known = field.default.as_ref().or(field.choices.first()).or(field.example.as_ref());
    known.cloned().unwrap_or_else(|| format!("acme{number}"))
}

fn secret(variant: &Variant, field: &ServiceField, number: usize) -> String {
    let marks = |left: &str, right: &str| {
        let derived = variant.derived.iter().filter(|derived| derived.from == field.name);
        let marks = derived.flat_map(|d| {
            [&d.after_last, &d.before_last, &d.after_first, &d.before_first].into_iter().flatten()
        });
        marks.take(1).map(|mark| format!("{left}{mark}{right}")).next()
    };
    let signer = variant.signer.as_ref();
    let says =
        |name: &str| signer.and_then(|signer| signer.get(name)).and_then(Value::as_str).unwrap_or_default();
    if signer.is_some() {
        let names = |text: &str| text.contains(&format!("{{{}", field.name));
        let algorithm = says("algorithm");
        if names(says("key")) && (algorithm.starts_with("RS") || algorithm.starts_with("PS")) {
            return super::keys::RSA.clone();
        }
        if names(says("key")) && algorithm.starts_with("ES") {
            return super::keys::P256.clone();
        }
        if names(says("key")) && algorithm == "EdDSA" {
            return super::keys::ED25519.clone();
        }
        if names(says("certificate")) {
            return super::keys::CERTIFICATE.clone();
        }
        // Fits hexadecimal and base64 alike.
        let plain = format!("{number}a0b1c2d3e4f5a6b").repeat(2);
        return marks(&plain, &plain).unwrap_or(plain);
    }
    marks(&format!("zqsecret{number}left"), &format!("zqsecret{number}right"))
        .unwrap_or_else(|| format!("zqsecret{number}marker"))
}
