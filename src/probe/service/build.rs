//! One call of a service → the request that is sent.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

use super::super::plan::{Unplannable, header_name, may_be_set, sendable};
use super::values::{Filled, Values, percent_encoded, unsendable};
use super::{Call, Chain, Turn};
use crate::http::{self, AddressError, Request};
use crate::schema::catalogue::{Templates, template};
use crate::secret::Secret;

/// A request, and what of it must not be seen.
pub(super) struct Built {
    pub(super) request: Request,
    pub(super) secrets: Vec<Secret>,
}

impl Chain {
    /// Builds the request of a call.
    ///
    /// # Errors
    /// A value that cannot be sent where it belongs, and a host that the credential may not go to.
    pub(super) fn build(&self, call: &Call, values: &Values) -> Result<Built, Unplannable> {
        let data = &call.call;
        let mut secrets = Vec::new();
        let mut url = self.destination(call, values)?;
        let mut headers: Vec<(String, Secret)> = Vec::new();
        let own = (&data.headers, &data.query, &data.cookies);
        let auth = call.carries_auth.then_some((&self.auth.headers, &self.auth.query, &self.auth.cookies));
        let mut cookies = Vec::new();
        for (more_headers, query, more_cookies) in [Some(own), auth].into_iter().flatten() {
            for (name, text) in each(values, more_headers)? {
                may_be_set(name)?;
                let value = sendable(text, name, "a header")?;
                // `Bearer …`: what stands behind the word must not come back alone either.
                secrets.push(value.clone());
                headers.retain(|(other, _)| !other.eq_ignore_ascii_case(name));
                headers.push((header_name(name)?, value));
            }
            for (name, text) in each(values, query)? {
                url.query_pairs_mut().append_pair(name, text.expose());
            }
            for (name, text) in each(values, more_cookies)? {
                let unfit = |c: char| matches!(c, ';' | ',' | '"' | '\\') || c.is_whitespace();
                if text.expose().contains(unfit) {
                    return Err(unsendable(name, "a cookie"));
                }
                cookies.push(format!("{name}={}", text.expose()));
            }
        }
        if !cookies.is_empty() {
            let value = sendable(Secret::new(cookies.join("; ")), "Cookie", "a cookie")?;
            headers.push(("Cookie".to_owned(), value));
        }
        let basic = data.basic.as_ref().or(self.auth.basic.as_ref().filter(|_| call.carries_auth));
        if let Some(basic) = basic {
            let part = |text: &str| values.whole(text, |_, value| Ok(value.to_owned()));
            let (user, password) = (part(&basic.username)?, part(&basic.password)?);
            if user.expose().contains(':') {
                return Err(unsendable("the user name", "HTTP Basic, where a colon ends it"));
            }
            let pair = Secret::new(format!("{}:{}", user.expose(), password.expose()));
            let encoded = Secret::new(STANDARD.encode(pair.expose()));
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case("authorization"));
            headers.push(("Authorization".to_owned(), Secret::new(format!("Basic {}", encoded.expose()))));
            secrets.extend([pair, encoded]);
        }
        let mut body = body(call, values, &mut headers)?;
        if let Some(wish) = self.wish.as_ref().filter(|_| call.turn == Turn::Test) {
            for (name, value) in &wish.headers {
                // What the service wants comes first.
                if !headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name)) {
                    headers.push((name.clone(), value.clone()));
                }
            }
            body.clone_from(&wish.body);
        }
        let request = Request {
            method: data.method(),
            url,
            headers,
            body,
            allow_http: self.allow_http,
            tls: self.tls.clone(),
        };
        Ok(Built { request, secrets })
    }

    /// Where a call goes: the base URL's host, or one that the credential may go to.
    fn destination(&self, call: &Call, values: &Values) -> Result<Url, Unplannable> {
        let base = || self.base.as_ref().ok_or_else(|| Unplannable::BadTest("it has no base URL".to_owned()));
        let text = match (&call.call.url, &call.call.path) {
            (Some(url), _) => url,
            (None, path) => {
                let path = values.path(path.as_deref().unwrap_or_default())?;
                return Ok(http::join(base()?, path.expose())?);
            }
        };
        if let Some(path) = text.strip_prefix("{base_url}") {
            return Ok(http::join(base()?, values.path(path)?.expose())?);
        }
        let address = values.address(text)?;
        let (start, query) = match address.expose().split_once('?') {
            Some((start, query)) => (start, Some(query)),
            None => (address.expose(), None),
        };
        let mut url = http::base(start)?;
        url.set_query(query);
        let own = self.base.as_ref().is_some_and(|base| http::same_origin(base, &url));
        if own || self.hosts.allow(&url) {
            return Ok(url);
        }
        if self.wish.is_some() {
            return Err(Unplannable::elsewhere(&url));
        }
        if url.scheme() != "https" {
            return Err(Unplannable::Address(AddressError::NotHttp));
        }
        let what = if call.name.is_empty() { "the test" } else { &call.name };
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        Err(Unplannable::BadTest(format!(
            "{what} goes to {}{port}, which is not a host of this credential: add it to allowed_hosts if it may",
            url.host_str().unwrap_or_default()
        )))
    }
}

/// Each entry with its value; those whose optional value is missing are left out.
fn each<'a>(values: &Values, templates: &'a Templates) -> Result<Vec<(&'a str, Secret)>, Unplannable> {
    let mut filled = Vec::new();
    for (name, text) in templates {
        if let Filled::Text(text) = values.fill(text, |_, value| Ok(value.to_owned()))? {
            filled.push((name.as_str(), text));
        }
    }
    Ok(filled)
}

fn body(
    call: &Call,
    values: &Values,
    headers: &mut Vec<(String, Secret)>,
) -> Result<Option<Secret>, Unplannable> {
    let data = &call.call;
    let declared = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let declared = declared.map(|(_, value)| value.expose().to_ascii_lowercase());
    let (body, kind) = if let Some(form) = &data.form {
        let mut encoded = url::form_urlencoded::Serializer::new(String::new());
        for (name, text) in each(values, form)? {
            encoded.append_pair(name, text.expose());
        }
        (Secret::new(encoded.finish()), "application/x-www-form-urlencoded")
    } else if let Some(json) = &data.json {
        let json = values.json(json)?.unwrap_or_default();
        (Secret::new(json.to_string()), "application/json")
    } else if let Some(text) = &data.body {
        let usual = if text.trim_start().starts_with(['{', '[']) { "application/json" } else { "text/plain" };
        let kind = declared.as_deref().unwrap_or(usual);
        let encode: fn(&str) -> String = match kind {
            kind if kind.contains("json") => in_json,
            kind if kind.contains("x-www-form-urlencoded") => percent_encoded,
            kind if kind.contains("xml") => in_xml,
            _ => str::to_owned,
        };
        // A person's own body may hold other braces that look like names.
        let lenient = |text: &str| template::names(text).all(|name| values.knows(name));
        let body = match lenient(text) {
            true => values.whole(text, |_, value| Ok(encode(value)))?,
            false => Secret::from(text.as_str()),
        };
        (body, usual)
    } else {
        return Ok(None);
    };
    if declared.is_none() {
        headers.push(("Content-Type".to_owned(), Secret::from(kind)));
    }
    Ok(Some(body))
}

fn in_json(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn in_xml(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&apos;"),
            c => escaped.push(c),
        }
    }
    escaped
}
