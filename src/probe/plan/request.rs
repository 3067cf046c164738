//! What a request of a person's own making may say.

use super::Unplannable;
use crate::probe::rules::Test;
use crate::secret::Secret;

/// The headers that a test itself names.
pub(in crate::probe) fn test_headers(test: &Test) -> Result<Vec<(String, Secret)>, Unplannable> {
    let mut headers = Vec::new();
    for (name, value) in &test.headers.0 {
        may_be_set(name)?;
        headers.push((header_name(name)?, sendable(Secret::from(value.as_str()), name, "a header")?));
    }
    Ok(headers)
}

/// The method of a credential's own test, in capitals.
pub(in crate::probe) fn allowed_method(method: &str) -> Result<String, Unplannable> {
    let method = method.to_ascii_uppercase();
    if ["GET", "HEAD", "OPTIONS", "POST"].contains(&method.as_str()) {
        return Ok(method);
    }
    Err(Unplannable::BadTest(format!(
        "the method {method:?} may change something: use GET, HEAD, OPTIONS or POST"
    )))
}

/// Header fields that say where a request goes and where it ends: one of a test's own would send the
/// credential to another of the host's sites, or smuggle a second request in.
const OWN_HEADERS: [&str; 8] = [
    "Host",
    "Content-Length",
    "Transfer-Encoding",
    "Connection",
    "Upgrade",
    "TE",
    "Trailer",
    "Proxy-Authorization",
];

pub(in crate::probe) fn may_be_set(name: &str) -> Result<(), Unplannable> {
    match OWN_HEADERS.iter().find(|own| name.eq_ignore_ascii_case(own)) {
        Some(own) => Err(Unplannable::BadTest(format!(
            "the header {own} is the request's own: neither a test nor a credential can set it"
        ))),
        None => Ok(()),
    }
}

pub(in crate::probe) fn header_name(name: &str) -> Result<String, Unplannable> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(Unplannable::Unsendable { field: format!("the name {name:?}"), place: "a header" });
    }
    Ok(name.to_owned())
}

/// A header's value is visible ASCII (RFC 9110, 5.5): anything else would be cut, refused or, with a line
/// break, become another header.
pub(in crate::probe) fn sendable(
    value: Secret,
    field: &str,
    place: &'static str,
) -> Result<Secret, Unplannable> {
    if value.expose().bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        Ok(value)
    } else {
        Err(Unplannable::Unsendable { field: field.to_owned(), place })
    }
}
