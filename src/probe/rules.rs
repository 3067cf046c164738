//! A credential's `test`: the request that proves it, and how to read the answer.

use serde::Deserialize;
use serde_json::Value;

pub use crate::schema::rules::{JsonType, Rule, Rules};

use crate::schema::rules::HeaderCheck;

/// The request that proves a credential.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Test {
    /// `GET`, `HEAD`, `OPTIONS` or, where it is named, `POST`.
    #[serde(default = "get")]
    pub method: String,
    /// Appended to the base URL; empty: the base URL itself.
    #[serde(default)]
    pub path: String,
    /// Sent besides the credential's own.
    #[serde(default)]
    pub headers: Headers,
    /// Sent with it.
    #[serde(default)]
    pub body: Option<String>,
    /// How to read the answer.
    #[serde(flatten)]
    pub rules: Rules,
}

fn get() -> String {
    "GET".to_owned()
}

/// Names with a text each, in the order they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headers(pub Vec<(String, String)>);

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let map = serde_json::Map::deserialize(deserializer)?;
        let text = |value: Value| match value {
            Value::String(text) => text,
            other => other.to_string(),
        };
        Ok(Self(map.into_iter().map(|(name, value)| (name, text(value))).collect()))
    }
}

/// A check that did not hold, for the message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Check(pub String);

/// A `test` that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the test cannot be read: {0}")]
pub struct TestError(pub String);

impl Test {
    /// Reads the `test` of a document.
    ///
    /// # Errors
    /// What is wrong; the kind's schema finds most of it with its place. A member that is not known is wrong
    /// too: `expekt`, or a rule without a check, would let any answer pass.
    pub fn read(value: &Value) -> Result<Self, TestError> {
        let test = serde_json::from_value(value.clone()).map_err(|error| TestError(error.to_string()))?;
        known(
            "/test",
            value,
            &["method", "path", "headers", "body", "expect", "rejected", "limited", "expired"],
        )?;
        for name in ["expect", "rejected", "limited", "expired"] {
            let Some(rule) = value.get(name).filter(|rule| !rule.is_null()) else { continue };
            let place = format!("/test/{name}");
            if !rule.is_object() {
                return Err(TestError(format!("{place} must be an object")));
            }
            known(&place, rule, &["status", "json", "text", "header"])?;
            let checks = rule.as_object().into_iter().flatten().filter_map(|(_, checks)| checks.as_array());
            if checks.map(Vec::len).sum::<usize>() == 0 {
                return Err(TestError(format!(
                    "{place} names neither a status nor a check: it would always hold"
                )));
            }
            for (kind, members) in [
                ("json", &["pointer", "equals", "exists", "type"][..]),
                ("text", &["contains"]),
                ("header", &["name", "equals", "contains", "exists"]),
            ] {
                let checks = rule.get(kind).and_then(Value::as_array).into_iter().flatten();
                for (index, check) in checks.enumerate() {
                    let place = format!("{place}/{kind}/{index}");
                    known(&place, check, members)?;
                    if kind != "text" && check.as_object().is_some_and(|check| check.len() < 2) {
                        return Err(TestError(format!(
                            "{place} checks nothing: it needs {}",
                            members[1..].join(" or ")
                        )));
                    }
                }
            }
        }
        Ok(test)
    }

    /// Whether an HTML answer is what this test waits for.
    pub fn wants_html(&self) -> bool {
        let html = |text: &str| text.to_ascii_lowercase().contains("text/html");
        let accepts = |(name, value): &(String, String)| name.eq_ignore_ascii_case("accept") && html(value);
        let declares = |check: &HeaderCheck| {
            check.name.eq_ignore_ascii_case("content-type")
                && (check.equals.as_deref().is_some_and(html) || check.contains.as_deref().is_some_and(html))
        };
        self.headers.0.iter().any(accepts)
            || self.rules.expect.iter().any(|rule| rule.header.iter().any(declares))
    }
}

fn known(place: &str, value: &Value, members: &[&str]) -> Result<(), TestError> {
    match value.as_object().and_then(|object| object.keys().find(|name| !members.contains(&name.as_str()))) {
        Some(name) => Err(TestError(format!("{place} knows no {name:?}, only {}", members.join(", ")))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_that_would_always_hold_is_refused() {
        let good =
            json!({"path": "/me", "expect": {"status": [200], "json": [{"pointer": "/id", "exists": true}]}});
        assert!(Test::read(&good).is_ok());
        for (value, words) in [
            (json!({"path": "/me", "expekt": {"status": [200]}}), "/test knows no \"expekt\""),
            (json!({"path": "/me", "expect": {}}), "/test/expect names neither"),
            (json!({"path": "/me", "rejected": {"status": []}}), "/test/rejected names neither"),
            (json!({"path": "/me", "expect": {"jsno": []}}), "/test/expect knows no \"jsno\""),
            (
                json!({"path": "/me", "limited": {"json": [{"pointer": "/a"}]}}),
                "/test/limited/json/0 checks nothing",
            ),
            (
                json!({"path": "/me", "expired": {"header": [{"name": "a", "equal": "b"}]}}),
                "/test/expired/header/0 knows no",
            ),
        ] {
            let error = Test::read(&value).map_err(|error| error.to_string());
            assert!(error.as_ref().is_err_and(|error| error.contains(words)), "{value}: {error:?}");
        }
    }
}
