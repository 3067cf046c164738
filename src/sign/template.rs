//! Texts with `{name}`s: a field of the credential, or something that is known when a request is signed.

use jiff::{SignedDuration, Timestamp};
use zeroize::Zeroizing;

use super::code::{self, Hash};
use super::{Fill, SignError};
use crate::http::Request;
use crate::secret::Secret;

/// What is known of the time and the nonce; each time may have an offset in seconds: `{timestamp+60}`.
const OF_TIME: [&str; 8] = [
    "timestamp",
    "timestamp_ms",
    "timestamp_us",
    "date",
    "date_rfc2822",
    "iso_date",
    "iso_date_ms",
    "datetime",
];
const OF_NONCE: [&str; 3] = ["nonce", "nonce_base64", "nonce_uuid"];

/// What is known of the request.
const OF_REQUEST: [&str; 11] = [
    "method",
    "host",
    "path",
    "query",
    "sorted_query",
    "path_query",
    "url",
    "body",
    "body_sha256",
    "body_sha256_base64",
    "body_sha512",
];

/// A text whose fields are filled, and what it waits for.
#[derive(Clone, Debug)]
pub(super) struct Template(Vec<Part>);

#[derive(Clone, Debug)]
enum Part {
    /// Text, or a field's value.
    Text(Secret),
    /// Known when a request is signed.
    Later { name: String, offset: i64, filters: Vec<Filter> },
}

#[derive(Clone, Copy, Debug)]
enum Filter {
    Lower,
    Upper,
    Url,
    Base64,
    Hex,
    Sha256,
}

/// The time, the nonce and the request that a signature is for.
#[derive(Clone)]
pub(super) struct Moment<'a> {
    pub(super) now: Timestamp,
    nonce: &'a [u8; 16],
    pub(super) request: Option<&'a Request>,
    /// Values that the signer itself made.
    pub(super) own: Vec<(String, Zeroizing<String>)>,
}

impl Template {
    /// Reads a text and fills its fields. `own`: names of values that the signer will make.
    pub(super) fn resolve<E: From<SignError>>(
        text: &str,
        own: &[&str],
        fill: &Fill<'_, E>,
    ) -> Result<Self, E> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            plain.push_str(&rest[..start]);
            rest = &rest[start..];
            let inner = rest[1..].split_once('}').map(|(inner, _)| inner).filter(|inner| is_name(inner));
            let Some(inner) = inner else {
                plain.push('{');
                rest = &rest[1..];
                continue;
            };
            rest = &rest[inner.len() + 2..];
            let mut words = inner.split('|');
            let name = words.next().unwrap_or_default();
            let filters = words.map(Filter::read).collect::<Result<Vec<_>, _>>()?;
            let (bare, offset) = offset(name);
            if OF_TIME.contains(&bare) {
                parts.push(Part::Text(Secret::new(std::mem::take(&mut plain))));
                parts.push(Part::Later { name: bare.to_owned(), offset, filters });
            } else if OF_NONCE.contains(&name) || OF_REQUEST.contains(&name) || own.contains(&name) {
                parts.push(Part::Text(Secret::new(std::mem::take(&mut plain))));
                parts.push(Part::Later { name: name.to_owned(), offset: 0, filters });
            } else {
                let value = filters
                    .iter()
                    .fold(Zeroizing::new(fill(name)?.expose().to_owned()), |value, filter| filter.of(&value));
                plain.push_str(&value);
            }
        }
        plain.push_str(rest);
        parts.push(Part::Text(Secret::new(plain)));
        Ok(Self(parts))
    }

    /// The text where all of it is known already.
    pub(super) fn fixed<E: From<SignError>>(text: &str, fill: &Fill<'_, E>) -> Result<Secret, E> {
        match Self::resolve(text, &[], fill)?.0.as_slice() {
            [Part::Text(secret)] => Ok(secret.clone()),
            _ => {
                let message = format!("{text:?} cannot depend on a request: it is a key or a name");
                Err(SignError::Spec(message).into())
            }
        }
    }

    /// The same where an empty text is none.
    pub(super) fn optional<E: From<SignError>>(
        text: Option<&str>,
        fill: &Fill<'_, E>,
    ) -> Result<Option<Secret>, E> {
        let Some(text) = text else { return Ok(None) };
        Ok(Some(Self::fixed(text, fill)?).filter(|secret| !secret.is_empty()))
    }

    /// Whether it waits for something of the request.
    pub(super) fn needs_request(&self) -> bool {
        self.0
            .iter()
            .any(|part| matches!(part, Part::Later { name, .. } if OF_REQUEST.contains(&name.as_str())))
    }

    /// Whether it is one time in seconds or milliseconds and nothing else: a number where numbers are.
    pub(super) fn is_number(&self) -> bool {
        let mut later = 0;
        self.0.iter().all(|part| match part {
            Part::Text(text) => text.is_empty(),
            Part::Later { name, .. } => {
                later += 1;
                name.starts_with("timestamp")
            }
        }) && later == 1
    }

    /// The whole text.
    pub(super) fn text(&self, moment: &Moment<'_>) -> Result<Zeroizing<String>, SignError> {
        let mut text = Zeroizing::new(String::new());
        for part in &self.0 {
            match part {
                Part::Text(known) => text.push_str(known.expose()),
                Part::Later { name, offset, filters } => {
                    let value = moment.value(name, *offset).ok_or_else(|| {
                        SignError::Spec(format!("{{{name}}} is not known where it is used"))
                    })?;
                    text.push_str(&filters.iter().fold(value, |value, filter| filter.of(&value)));
                }
            }
        }
        Ok(text)
    }
}

fn is_name(text: &str) -> bool {
    let known = |c: char| c.is_ascii_alphanumeric() || "._-+|".contains(c);
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') && text.chars().all(known)
}

/// `timestamp-60` is the timestamp of a minute ago.
fn offset(name: &str) -> (&str, i64) {
    let Some(at) = name.rfind(['+', '-']) else { return (name, 0) };
    match name[at..].parse() {
        Ok(offset) => (&name[..at], offset),
        Err(_) => (name, 0),
    }
}

impl Filter {
    fn read(word: &str) -> Result<Self, SignError> {
        Ok(match word {
            "lower" => Self::Lower,
            "upper" => Self::Upper,
            "url" => Self::Url,
            "base64" => Self::Base64,
            "hex" => Self::Hex,
            "sha256" => Self::Sha256,
            _ => {
                let known = "lower, upper, url, base64, hex, sha256";
                return Err(SignError::Spec(format!("no filter {word:?}, only {known}")));
            }
        })
    }

    fn of(self, text: &str) -> Zeroizing<String> {
        Zeroizing::new(match self {
            Self::Lower => text.to_ascii_lowercase(),
            Self::Upper => text.to_ascii_uppercase(),
            Self::Url => code::percent(text.as_bytes(), b""),
            Self::Base64 => code::Encoding::Base64.of(text.as_bytes()),
            Self::Hex => code::hex(text.as_bytes()),
            Self::Sha256 => code::hex(&Hash::Sha256.of(text.as_bytes())),
        })
    }
}

impl<'a> Moment<'a> {
    pub(super) fn new(now: Timestamp, nonce: &'a [u8; 16]) -> Self {
        Self { now, nonce, request: None, own: Vec::new() }
    }

    pub(super) fn of(request: &'a Request, now: Timestamp, nonce: &'a [u8; 16]) -> Self {
        Self { request: Some(request), ..Self::new(now, nonce) }
    }

    /// Everything that needs no request.
    pub(super) fn values(&self) -> Vec<(&'static str, Secret)> {
        let value = |name: &'static str| {
            let text = self.value(name, 0)?;
            Some((name, Secret::from(text.as_str())))
        };
        OF_TIME.into_iter().chain(OF_NONCE).filter_map(value).collect()
    }

    fn value(&self, name: &str, offset: i64) -> Option<Zeroizing<String>> {
        if let Some((_, value)) = self.own.iter().find(|(known, _)| known == name) {
            return Some(value.clone());
        }
        let text =
            self.of_time(name, offset).or_else(|| self.of_nonce(name)).or_else(|| self.of_request(name));
        text.map(Zeroizing::new)
    }

    fn of_time(&self, name: &str, offset: i64) -> Option<String> {
        let now = self.now.checked_add(SignedDuration::from_secs(offset)).ok()?;
        let shown = |format: &str| now.strftime(format).to_string();
        Some(match name {
            "timestamp" => now.as_second().to_string(),
            "timestamp_ms" => now.as_millisecond().to_string(),
            "timestamp_us" => now.as_microsecond().to_string(),
            "date" => shown("%a, %d %b %Y %H:%M:%S GMT"),
            "date_rfc2822" => shown("%a, %d %b %Y %H:%M:%S -0000"),
            "iso_date" => shown("%Y-%m-%dT%H:%M:%SZ"),
            "iso_date_ms" => shown("%Y-%m-%dT%H:%M:%S.%3fZ"),
            "datetime" => shown("%Y-%m-%dT%H:%M:%S"),
            _ => return None,
        })
    }

    fn of_nonce(&self, name: &str) -> Option<String> {
        Some(match name {
            "nonce" => code::hex(self.nonce),
            "nonce_base64" => code::Encoding::Base64.of(self.nonce),
            "nonce_uuid" => uuid::Builder::from_random_bytes(*self.nonce).into_uuid().to_string(),
            _ => return None,
        })
    }

    fn of_request(&self, name: &str) -> Option<String> {
        let request = self.request?;
        let body = super::body(request);
        let path = request.url.path();
        let query = request.url.query().unwrap_or_default();
        Some(match name {
            "method" => request.method.clone(),
            "host" => super::authority(request),
            "path" => path.to_owned(),
            "query" => query.to_owned(),
            "sorted_query" => code::sorted_query(&super::query_pairs(request)),
            "path_query" if query.is_empty() => path.to_owned(),
            "path_query" => format!("{path}?{query}"),
            "url" => request.url.to_string(),
            "body" => String::from_utf8_lossy(body).into_owned(),
            "body_sha256" => code::hex(&Hash::Sha256.of(body)),
            "body_sha256_base64" => code::Encoding::Base64.of(&Hash::Sha256.of(body)),
            "body_sha512" => code::hex(&Hash::Sha512.of(body)),
            _ => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fill(name: &str) -> Result<Secret, SignError> {
        match name {
            "user" => Ok(Secret::from("Ann")),
            other => Err(SignError::Spec(format!("no {other}"))),
        }
    }

    fn text(template: &str) -> Result<String, SignError> {
        let template = Template::resolve(template, &["own"], &fill)?;
        let mut moment = Moment::new("2024-05-06T07:08:09.123Z".parse().unwrap(), &[0xab; 16]);
        moment.own.push(("own".into(), Zeroizing::new("mine".into())));
        template.text(&moment).map(|text| text.to_string())
    }

    #[test]
    fn names_offsets_and_filters() {
        for (template, filled) in [
            ("{user}-{user|lower}-{user|base64}", "Ann-ann-QW5u"),
            ("{timestamp} {timestamp+60} {timestamp-9}", "1714979289 1714979349 1714979280"),
            ("{timestamp_ms} {timestamp_us}", "1714979289123 1714979289123000"),
            ("{date}", "Mon, 06 May 2024 07:08:09 GMT"),
            ("{date_rfc2822}", "Mon, 06 May 2024 07:08:09 -0000"),
            (
                "{iso_date} {iso_date_ms} {datetime+1}",
                "2024-05-06T07:08:09Z 2024-05-06T07:08:09.123Z 2024-05-06T07:08:10",
            ),
            ("{own|upper}{", "MINE{"),
            (r#"{"user":"{user}","x":{}}"#, r#"{"user":"Ann","x":{}}"#),
            ("{nonce}", "abababababababababababababababab"),
        ] {
            assert_eq!(text(template).as_deref(), Ok(filled));
        }
        assert!(text("{user|rot13}").is_err());
        assert!(text("{nobody}").is_err());
        assert!(text("{path}").is_err(), "there is no request");
    }

    #[test]
    fn what_is_a_number() {
        let number = |template| Template::resolve(template, &[], &fill).unwrap().is_number();
        assert!(number("{timestamp+60}") && number("{timestamp_ms}"));
        assert!(!number("a{timestamp}") && !number("{date}") && !number("{user}"));
    }
}
