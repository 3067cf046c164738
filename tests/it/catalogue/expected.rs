//! What a request of the catalogue must look like, read from its file once more: nothing here is shared with what
//! builds requests.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use credbench::schema::catalogue::{Call, Templates, Variant, template};
use serde_json::Value;
use url::Url;

use super::recorder::Seen;

type Values = BTreeMap<String, String>;

/// Everything that differs between what came and what the file says.
pub(super) fn differences(
    variant: &Variant,
    call: &Call,
    carries_auth: bool,
    values: &Values,
    secrets: &[String],
    seen: &Seen,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut differs = |what: &str, wanted: String, found: String| {
        if wanted != found {
            wrong.push(format!("{what}: the file says {wanted:?}, sent was {found:?}"));
        }
    };
    differs("method", call.method(), seen.method.clone());
    let wanted = address(variant, call, values);
    let found = Url::parse(&format!("https://{}{}", seen.host, seen.target)).unwrap();
    differs(
        "host",
        wanted.host_str().unwrap_or_default().into(),
        found.host_str().unwrap_or_default().into(),
    );
    differs("path", decoded(wanted.path()), decoded(found.path()));
    let signed = variant.signer.is_some() && carries_auth;
    let auth = carries_auth.then_some(&variant.auth);
    let queries: Vec<&Templates> =
        [Some(&call.query), auth.map(|auth| &auth.query)].into_iter().flatten().collect();
    let mut query = pairs(&wanted);
    query.extend(
        queries.iter().flat_map(|more| more.iter().map(|(name, text)| (name.clone(), fill(text, values)))),
    );
    query.sort();
    let mut sent = pairs(&found);
    sent.sort();
    if !signed {
        differs("query", format!("{query:?}"), format!("{sent:?}"));
    }
    let mut headers: Values = BTreeMap::new();
    for more in [Some(&call.headers), auth.map(|auth| &auth.headers)].into_iter().flatten() {
        for (name, text) in more {
            headers.insert(name.to_ascii_lowercase(), fill(text, values));
        }
    }
    let cookies: Vec<String> = [Some(&call.cookies), auth.map(|auth| &auth.cookies)]
        .into_iter()
        .flatten()
        .flat_map(|more| more.iter().map(|(name, text)| format!("{name}={}", fill(text, values))))
        .collect();
    if !cookies.is_empty() {
        headers.insert("cookie".to_owned(), cookies.join("; "));
    }
    if let Some(basic) = call.basic.as_ref().or(auth.and_then(|auth| auth.basic.as_ref())) {
        let pair = format!("{}:{}", fill(&basic.username, values), fill(&basic.password, values));
        headers.insert("authorization".to_owned(), format!("Basic {}", STANDARD.encode(pair)));
    }
    let of = |name: &str| {
        let mut all = seen.headers.iter().filter(|(known, _)| known.eq_ignore_ascii_case(name));
        all.next().map(|(_, value)| value.clone())
    };
    if !signed {
        for (name, value) in &headers {
            differs(&format!("header {name}"), value.clone(), of(name).unwrap_or_default());
        }
    }
    let body = body(call, values);
    if let (Some(wanted), false) = (&body, signed) {
        let found = match wanted {
            Body::Json(_) => {
                serde_json::from_str(&seen.body).map(Body::Json).unwrap_or(Body::Text(seen.body.clone()))
            }
            Body::Form(_) => {
                let mut pairs: Vec<_> =
                    url::form_urlencoded::parse(seen.body.as_bytes()).into_owned().collect();
                pairs.sort();
                Body::Form(pairs)
            }
            Body::Text(_) => Body::Text(seen.body.clone()),
        };
        differs("body", wanted.words(), found.words());
    }
    if !signed {
        for (name, value) in
            seen.headers.iter().filter(|(name, _)| !headers.contains_key(&name.to_ascii_lowercase()))
        {
            for word in value.split([' ', ',', ';', '=', ':']).chain([value.as_str()]) {
                let plain = [STANDARD.decode(word), URL_SAFE.decode(word)].into_iter().flatten();
                let plain: String = plain.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).collect();
                if secrets
                    .iter()
                    .any(|secret| word.contains(secret.as_str()) || plain.contains(secret.as_str()))
                {
                    differs(&format!("header {name}"), "no secret".to_owned(), value.clone());
                }
            }
        }
        if body.is_none() {
            differs("body", String::new(), seen.body.clone());
        }
    }
    wrong
}

enum Body {
    Json(Value),
    Form(Vec<(String, String)>),
    Text(String),
}

impl Body {
    fn words(&self) -> String {
        match self {
            Self::Json(value) => format!("JSON {value}"),
            Self::Form(pairs) => format!("form {pairs:?}"),
            Self::Text(text) => format!("text {text}"),
        }
    }
}

fn body(call: &Call, values: &Values) -> Option<Body> {
    if let Some(form) = &call.form {
        let mut pairs: Vec<_> = form.iter().map(|(name, text)| (name.clone(), fill(text, values))).collect();
        pairs.sort();
        return Some(Body::Form(pairs));
    }
    if let Some(json) = &call.json {
        return Some(Body::Json(filled(json, values)));
    }
    call.body.as_ref().map(|text| Body::Text(fill(text, values)))
}

fn filled(value: &Value, values: &Values) -> Value {
    match value {
        Value::String(text) => Value::String(fill(text, values)),
        Value::Array(items) => items.iter().map(|item| filled(item, values)).collect(),
        Value::Object(members) => Value::Object(
            members.iter().map(|(name, member)| (name.clone(), filled(member, values))).collect(),
        ),
        other => other.clone(),
    }
}

fn fill(text: &str, values: &Values) -> String {
    template::fill(text, |name| values.get(name).cloned().unwrap_or_else(|| format!("<no {name}>")))
}

/// The address of a call, its values encoded as parts of a path.
fn address(variant: &Variant, call: &Call, values: &Values) -> Url {
    let in_path = |text: &str| {
        let host = template::authority(text).map_or(0, |host| text.find(host).unwrap() + host.len());
        let path = template::fill(&text[host..], |name| {
            let value = values.get(name).cloned().unwrap_or_else(|| format!("<no {name}>"));
            url::form_urlencoded::byte_serialize(value.as_bytes()).collect::<String>().replace('+', "%20")
        });
        format!("{}{path}", fill(&text[..host], values))
    };
    let base = match variant.base_url.as_deref() {
        _ if values.contains_key(super::example::OWN_BASE) => values[super::example::OWN_BASE].clone(),
        Some("{base_url}") => values.get("base_url").cloned().unwrap_or_default(),
        Some(base) => in_path(base),
        None => String::new(),
    };
    let whole = match (&call.url, &call.path) {
        (Some(url), _) => match url.strip_prefix("{base_url}") {
            Some(path) => format!("{}/{}", base.trim_end_matches('/'), in_path(path).trim_start_matches('/')),
            None => in_path(url),
        },
        (None, path) => match path.as_deref().unwrap_or_default() {
            "" => base,
            path if path.starts_with('?') => format!("{base}{}", in_path(path)),
            path => format!("{}/{}", base.trim_end_matches('/'), in_path(path).trim_start_matches('/')),
        },
    };
    Url::parse(&whole).unwrap_or_else(|error| panic!("{whole}: {error}"))
}

fn pairs(url: &Url) -> Vec<(String, String)> {
    url.query_pairs().into_owned().collect()
}

/// A path without its encoding.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits: Vec<u8> = rest.by_ref().take(2).collect();
            bytes.push(u8::from_str_radix(&String::from_utf8_lossy(&digits), 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
