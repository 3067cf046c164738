//! Reading what an authorization server answers.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;

use super::Refusal;
use super::ask::Ask;
use crate::http::{Answer, BODY_LIMIT};
use crate::secret::Secret;

/// The longest life of a token that is believed, in seconds: ten years. Who says more means "for ever".
const LONGEST: i64 = 10 * 365 * 86_400;

/// What servers call the life of a refresh token, in seconds: Keycloak; Microsoft and GitHub; Intuit.
const REFRESH_LIFE: [&str; 3] =
    ["refresh_expires_in", "refresh_token_expires_in", "x_refresh_token_expires_in"];

/// Types of tokens that go with a request as they are (RFC 6750); what a few services call them instead. Others want
/// each request signed.
const BEARER: [&str; 3] = ["bearer", "bot", "user"];

/// Scopes that say how a person logs in, or ask for all that was agreed: servers do not name them as granted.
const UNNAMED: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

/// A token as the server gave it.
#[derive(Debug)]
pub struct Token {
    /// Goes with each request.
    pub access: Secret,
    /// Gets the next one. `None` from a refresh: the one that was spent stays good.
    pub refresh: Option<Secret>,
    /// What it allows, where the server says so.
    pub scopes: Option<Vec<String>>,
    /// What was asked for and not granted. A server that names nothing granted all (RFC 6749, 5.1).
    pub missing: Vec<String>,
    /// For how many seconds it is good, where the server says so and can be believed.
    pub expires_in: Option<i64>,
    /// When it ends by the clock of this machine, counted from when it was asked for.
    pub expires_at: Option<Timestamp>,
    /// When the refresh token ends, where the server says so: several do, by names of their own.
    pub refresh_expires_at: Option<Timestamp>,
    /// What else of the answer, and of the redirect, is to be kept, such as `instance_url`.
    pub reply: BTreeMap<String, Secret>,
    /// The status code that it came with.
    pub status: u16,
    id_token: Option<Secret>,
}

impl Token {
    /// What must not be seen.
    pub fn secrets(&self) -> impl Iterator<Item = &Secret> {
        std::iter::once(&self.access).chain(&self.refresh).chain(&self.id_token)
    }

    /// Refuses an ID token that was made for another login or another client (OpenID Connect Core, 3.1.3.7). Its
    /// signature is not asked: it came straight from the server, over TLS.
    pub(super) fn check_id(&self, client_id: &str, nonce: Option<&Secret>) -> Result<(), Refusal> {
        let (Some(token), Some(nonce)) = (&self.id_token, nonce) else { return Ok(()) };
        let unusable = |reason: &str| Refusal::Unusable { status: self.status, reason: reason.to_owned() };
        let claims = token.expose().split('.').nth(1).and_then(|part| URL_SAFE_NO_PAD.decode(part).ok());
        let claims: Option<Value> = claims.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        let Some(claims) = claims else { return Err(unusable("the ID token cannot be read")) };
        let same =
            claims.get("nonce").and_then(Value::as_str).is_some_and(|text| Secret::from(text) == *nonce);
        if !same {
            return Err(unusable("the ID token was not made for this login: its nonce is another one"));
        }
        let names = |value: &Value| value.as_str() == Some(client_id);
        let for_us = match claims.get("aud") {
            Some(Value::Array(all)) => all.iter().any(names),
            Some(one) => names(one),
            None => false,
        };
        if for_us { Ok(()) } else { Err(unusable("the ID token was made for another client")) }
    }
}

/// What a body says: JSON, or the form that a few servers send whatever is asked for.
fn read(answer: &Answer) -> Option<Value> {
    if let Ok(json) = serde_json::from_slice::<Value>(&answer.body) {
        return json.is_object().then_some(json);
    }
    let form = answer.header("content-type").is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default().trim();
        kind.eq_ignore_ascii_case("application/x-www-form-urlencoded")
            || kind.eq_ignore_ascii_case("text/plain")
    });
    let pairs: serde_json::Map<String, Value> = url::form_urlencoded::parse(&answer.body)
        .map(|(name, value)| (name.into_owned(), Value::from(value.into_owned())))
        .collect();
    (form && (pairs.contains_key("access_token") || pairs.contains_key("error")))
        .then_some(Value::Object(pairs))
}

fn text<'a>(json: &'a Value, name: &str) -> Option<&'a str> {
    json.get(name)?.as_str().filter(|text| !text.is_empty())
}

/// The object that an answer holds, or what it says is wrong.
pub(super) fn object(answer: &Answer) -> Result<Value, Refusal> {
    let status = answer.status;
    let json = read(answer);
    // Some say no with status 200.
    if let Some((json, code)) = json.as_ref().and_then(|json| Some((json, text(json, "error")?))) {
        let description = text(json, "error_description").unwrap_or_default().to_owned();
        return Err(Refusal::Error { status, code: code.to_owned(), description });
    }
    match json {
        Some(json) if (200..300).contains(&status) => Ok(json),
        _ if answer.cut => {
            let reason = format!("the answer is longer than the {} MiB that are read", BODY_LIMIT >> 20);
            Err(Refusal::Unusable { status, reason })
        }
        _ => Err(Refusal::Answer(answer.clone())),
    }
}

/// A number of seconds: a number, or a text of one. Nothing that is not more than none: some say 0 of what never
/// ends, and a token that is over when it comes would be renewed for ever.
pub(super) fn seconds(value: Option<&Value>) -> Option<i64> {
    let value = value?;
    let number = value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())?;
    #[allow(clippy::cast_possible_truncation, reason = "a float casts to the nearest number there is")]
    (number >= 1.0).then(|| (number as i64).min(LONGEST))
}

/// Reads the answer to a request for a token that was made at `asked`.
pub(super) fn token(answer: &Answer, ask: &Ask, asked: Timestamp) -> Result<Token, Refusal> {
    let status = answer.status;
    let json = object(answer)?;
    let text = |name: &str| text(&json, name);
    let unusable = |reason: &str| Refusal::Unusable { status, reason: reason.to_owned() };
    let Some(access) = text("access_token") else {
        return Err(unusable("the answer holds no access token"));
    };
    if !access.bytes().all(|byte| matches!(byte, b'!'..=b'~')) {
        return Err(unusable("the access token holds characters that cannot be sent in a header"));
    }
    let bearer = |kind: &str| BEARER.iter().any(|known| kind.eq_ignore_ascii_case(known));
    if let Some(kind) = text("token_type").filter(|kind| !bearer(kind)) {
        return Err(unusable(&format!("the token is of the type {kind}, not Bearer")));
    }
    let expires_in = seconds(json.get("expires_in"));
    let scopes: Option<Vec<String>> = text("scope").map(|scopes| {
        scopes.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
    });
    let until = |seconds: i64| asked.checked_add(SignedDuration::from_secs(seconds)).ok();
    Ok(Token {
        access: Secret::from(access),
        refresh: text("refresh_token").map(Secret::from),
        missing: missing(ask, scopes.as_deref()),
        scopes,
        expires_in,
        expires_at: expires_in.and_then(until),
        refresh_expires_at: REFRESH_LIFE.iter().find_map(|name| until(seconds(json.get(name))?)),
        reply: ask.reply_fields.iter().filter_map(|name| Some((name.clone(), kept(&json, name)?))).collect(),
        status,
        id_token: text("id_token").map(Secret::from),
    })
}

/// A member of the answer that is to be kept, by its name or by a path with dots.
fn kept(json: &Value, name: &str) -> Option<Secret> {
    let value = json.get(name).or_else(|| name.split('.').try_fold(json, |value, step| value.get(step)))?;
    match value {
        Value::String(text) => Some(Secret::from(text.as_str())),
        Value::Null => None,
        other => Some(Secret::new(other.to_string())),
    }
}

fn missing(ask: &Ask, granted: Option<&[String]>) -> Vec<String> {
    let Some(granted) = granted else { return Vec::new() };
    let named = |scope: &&String| !UNNAMED.contains(&scope.as_str()) && !scope.ends_with("/.default");
    ask.scopes.iter().filter(named).filter(|scope| !granted.contains(scope)).cloned().collect()
}

/// Reads the answer to a token that was given back: any success, also of one that is not known (RFC 7009, 2.2).
pub(super) fn revoked(answer: &Answer) -> Result<(), Refusal> {
    match object(answer) {
        // What some say of a token that they do not know.
        Err(Refusal::Error { code, .. }) if code == "invalid_token" => Ok(()),
        Err(Refusal::Error { status, code, description }) => {
            Err(Refusal::Error { status, code, description })
        }
        _ if (200..300).contains(&answer.status) => Ok(()),
        _ => Err(Refusal::Answer(answer.clone())),
    }
}

#[cfg(test)]
mod tests;
