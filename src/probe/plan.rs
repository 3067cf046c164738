//! Credential → request. Pure: what is missing or impossible is said before anything is sent.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::rules::{Rules, Test};
use super::service::Chain;
use super::template::{Described, Values};
use crate::http::{self, AddressError, Request};
use crate::model::Content;
use crate::redact::Redactor;
use crate::schema::Kind;
use crate::secret::Secret;
use crate::sign::SignError;

/// The longest path in a summary, in characters.
const SUMMARY: usize = 300;

/// A test that can be carried out.
#[derive(Debug)]
pub struct Plan {
    /// What is done.
    pub(super) work: Work,
    /// Knows everything that is sent and must not be seen.
    pub(super) redactor: Redactor,
}

/// What a test does.
#[derive(Debug)]
pub(super) enum Work {
    /// Asks over HTTP.
    Http(Box<Call>),
    /// Makes the calls that the catalogue describes.
    Service(Box<Chain>),
}

/// A request, and how its answer is read.
#[derive(Debug)]
pub(super) struct Call {
    /// What is sent.
    pub(super) request: Request,
    /// How the answer is read.
    pub(super) rules: Rules,
    /// HTML is what is waited for.
    pub(super) html: bool,
}

impl Plan {
    /// The host it goes to: what limits per host count by.
    pub fn host(&self) -> &str {
        match &self.work {
            Work::Http(call) => call.request.url.host_str().unwrap_or_default(),
            Work::Service(chain) => &chain.host,
        }
    }

    /// Why it is not to be run in the background or among many without asking; `None`: it may be.
    pub fn caution(&self) -> Option<&'static str> {
        let Work::Service(chain) = &self.work else { return None };
        let variant = chain.chosen.variant();
        match (variant.lockout, variant.metered) {
            (true, _) => Some("wrong tries lock the account"),
            (false, true) => Some("each test costs quota or money"),
            (false, false) => None,
        }
    }

    /// What is done in words, without a request's query.
    pub fn summary(&self) -> String {
        match &self.work {
            // A path may hold a secret too.
            Work::Http(call) => {
                let request = &call.request;
                format!("{} {}", request.method, self.redactor.show(request.url.path(), SUMMARY))
            }
            Work::Service(chain) => self.redactor.show(&chain.summary, SUMMARY),
        }
    }
}

/// Why there is nothing to send.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unplannable {
    /// Required fields are missing: their titles.
    #[error("{} missing", list(.0))]
    Incomplete(Vec<String>),
    /// No request proves it.
    #[error("{0}")]
    NotTestable(Cow<'static, str>),
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// A value cannot be sent where it belongs.
    #[error("{field} holds characters that cannot be sent in {place}")]
    Unsendable {
        /// The field's title.
        field: String,
        /// The part of the request.
        place: &'static str,
    },
    /// The test itself is not usable.
    #[error("{0}")]
    BadTest(String),
    /// Requests cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

fn list(names: &[String]) -> String {
    match names {
        [one] => format!("{one} is"),
        [head @ .., last] => format!("{} and {last} are", head.join(", ")),
        [] => "something is".to_owned(),
    }
}

/// Makes the plan of one credential.
///
/// # Errors
/// Why nothing can be sent.
pub fn plan(kind: &Kind, content: &Content) -> Result<Plan, Unplannable> {
    let title = |place: &String| kind.title_of(place);
    let missing = kind.missing(content);
    if !missing.is_empty() {
        return Err(Unplannable::Incomplete(missing.iter().map(title).collect()));
    }
    match kind.service() {
        Some(Ok(chosen)) if Chain::is_for(content, chosen) => {
            let chain = Chain::of(kind, content, chosen)?;
            let redactor = Redactor::new(&chain.secrets);
            return Ok(Plan { work: Work::Service(Box::new(chain)), redactor });
        }
        Some(Err(reason)) if !content.document.contains_key("test") => {
            return Err(Unplannable::NotTestable(reason.to_string().into()));
        }
        _ => {}
    }
    let values = Values::of(kind, content);
    let auth = authorization(kind, content, &values)?;
    let Some(test) = kind.test_of(content) else {
        return Err(Unplannable::NotTestable(
            "no test is set: add one under Test, a path such as /v1/me that is safe to ask for at any time"
                .into(),
        ));
    };
    let test = Test::read(test).map_err(|error| Unplannable::BadTest(error.to_string()))?;
    let base = http::base(content.get_str("/config/base_url").unwrap_or_default())?;
    let described = matches!(auth, Authorization::Described(_));
    let mut url = match described {
        true => http::join(&base, values.path(&test.path)?.expose())?,
        false => http::join(&base, &test.path)?,
    };
    if described && values.proves_nothing() {
        return Err(Unplannable::NotTestable(
            "its request uses none of its secrets: name one under Request, such as a header with {token}"
                .into(),
        ));
    }
    let mut own_body = None;
    let mut secrets: Vec<Secret> = content.secrets.values().cloned().collect();
    let mut headers: Vec<(String, Secret)> = Vec::new();
    for (name, value) in &test.headers.0 {
        may_be_set(name)?;
        headers.push((header_name(name)?, sendable(Secret::from(value.as_str()), name, "a header")?));
    }
    match auth {
        Authorization::Handshake => {}
        Authorization::Header { name, value, field } => {
            let value = sendable(value, &field, "a header")?;
            // `Basic …`: what stands behind the word must not come back alone either.
            secrets.extend(value.expose().split_once(' ').map(|(_, encoded)| Secret::from(encoded)));
            secrets.push(value.clone());
            // The credential's own header is the one that is tested, whatever the test's headers say.
            headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
            headers.push((header_name(&name)?, value));
        }
        Authorization::Query { name, value } => {
            url.query_pairs_mut().append_pair(&name, value.expose());
            secrets.push(value);
        }
        Authorization::Described(Described { headers: own, query, body }) => {
            for (name, value) in own {
                may_be_set(&name)?;
                let value = sendable(value, &name, "a header")?;
                headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
                headers.push((header_name(&name)?, value));
            }
            for (name, value) in query {
                url.query_pairs_mut().append_pair(&name, value.expose());
            }
            own_body = body.filter(|_| test.method.eq_ignore_ascii_case("POST"));
        }
    }
    if let (Some(user), Some(password)) =
        (content.get_str("/config/username"), content.secret("/config/password"))
    {
        secrets.push(Secret::new(format!("{user}:{}", password.expose())));
    }
    let method = allowed_method(&test.method)?;
    let call = Call {
        html: test.wants_html(),
        request: Request {
            method,
            url,
            headers,
            body: test.body.map(Secret::new).or(own_body),
            allow_http: content.get("/allow_http").and_then(serde_json::Value::as_bool).unwrap_or(false),
            tls: super::certificate::options(kind, content)?,
        },
        rules: test.rules,
    };
    Ok(Plan { work: Work::Http(Box::new(call)), redactor: Redactor::new(&secrets) })
}

/// The method of a credential's own test, in capitals.
pub(super) fn allowed_method(method: &str) -> Result<String, Unplannable> {
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

pub(super) fn may_be_set(name: &str) -> Result<(), Unplannable> {
    match OWN_HEADERS.iter().find(|own| name.eq_ignore_ascii_case(own)) {
        Some(own) => Err(Unplannable::BadTest(format!(
            "the header {own} is the request's own: neither a test nor a credential can set it"
        ))),
        None => Ok(()),
    }
}

/// Where the credential goes.
enum Authorization {
    /// Not in the request.
    Handshake,
    /// Where its own `request` says.
    Described(Described),
    Header {
        name: String,
        value: Secret,
        field: String,
    },
    Query {
        name: String,
        value: Secret,
    },
}

fn authorization(kind: &Kind, content: &Content, values: &Values<'_>) -> Result<Authorization, Unplannable> {
    let text = |place: &str| content.get_str(place).unwrap_or_default();
    let secret = |place: &str| content.secret(place).map_or("", Secret::expose);
    let header = |name: &str, value: String, field: &str| Authorization::Header {
        name: name.to_owned(),
        value: Secret::new(value),
        field: kind.title_of(field),
    };
    Ok(match content.kind() {
        "api_key" => {
            let key = secret("/config/api_key");
            let value = format!("{}{key}", text("/config/placement/prefix"));
            let name = match text("/config/placement/name") {
                "" => "X-Api-Key",
                name => name,
            };
            match text("/config/placement/in") {
                "query" => Authorization::Query { name: name.to_owned(), value: Secret::new(value) },
                "cookie" => {
                    let unsendable = |c: char| matches!(c, ';' | ',' | '"' | '\\') || c.is_whitespace();
                    if value.contains(unsendable) {
                        let field = kind.title_of("/config/api_key");
                        return Err(Unplannable::Unsendable { field, place: "a cookie" });
                    }
                    header("Cookie", format!("{name}={value}"), "/config/api_key")
                }
                _ => header(name, value, "/config/api_key"),
            }
        }
        "basic_auth" => {
            let pair = Secret::new(format!("{}:{}", text("/config/username"), secret("/config/password")));
            header("Authorization", format!("Basic {}", STANDARD.encode(pair.expose())), "/config/password")
        }
        "bearer_token" => {
            let scheme = match text("/config/scheme") {
                "" => "Bearer",
                scheme => scheme,
            };
            header("Authorization", format!("{scheme} {}", secret("/config/token")), "/config/token")
        }
        "oauth2" | "oauth_alias" => {
            let Some(token) = content.secret("/config/tokens/access_token") else {
                return Err(Unplannable::NotTestable("it has no access token yet: log in first".into()));
            };
            header("Authorization", format!("Bearer {}", token.expose()), "/config/tokens/access_token")
        }
        "database" => {
            return Err(Unplannable::NotTestable("this version cannot test logins to databases".into()));
        }
        "aws" => return Err(Unplannable::NotTestable("this version cannot test AWS keys".into())),
        // It is shown in the handshake, not in the request.
        "client_certificate" => Authorization::Handshake,
        "secret" => return Err(Unplannable::NotTestable("no request proves a secret of this kind".into())),
        _ if content.get_str("/config/base_url").is_none() => {
            return Err(Unplannable::NotTestable(
                "it has no base URL: there is nowhere to send a test".into(),
            ));
        }
        _ => Authorization::Described(values.request(kind.request_of(content))?),
    })
}

pub(super) fn header_name(name: &str) -> Result<String, Unplannable> {
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(Unplannable::Unsendable { field: format!("the name {name:?}"), place: "a header" });
    }
    Ok(name.to_owned())
}

/// A header's value is visible ASCII (RFC 9110, 5.5): anything else would be cut, refused or, with a line
/// break, become another header.
pub(super) fn sendable(value: Secret, field: &str, place: &'static str) -> Result<Secret, Unplannable> {
    if value.expose().bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        Ok(value)
    } else {
        Err(Unplannable::Unsendable { field: field.to_owned(), place })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::schema::{Absent, Kinds};

    fn planned(document: Value) -> Result<Plan, Unplannable> {
        let kind = Kinds::builtin().get(document["kind"].as_str().unwrap()).unwrap();
        let read = kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap();
        plan(kind, &read.content)
    }

    fn called(planned: Result<Plan, Unplannable>) -> Call {
        match planned.unwrap().work {
            Work::Http(call) => *call,
            other => panic!("{other:?}"),
        }
    }

    fn sent(document: Value) -> String {
        let call = called(planned(document));
        let headers: Vec<String> =
            call.request.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
        format!("{} {} {}", call.request.method, call.request.url, headers.join(" | "))
    }

    fn api_key(placement: Value) -> Value {
        json!({"key": "a", "kind": "api_key", "test": {"path": "/me?x=1"},
               "config": {"base_url": "https://api.example/v1", "api_key": "k+1", "placement": placement}})
    }

    #[test]
    fn a_key_goes_where_its_placement_says() {
        let mut plain = api_key(json!({"in": "header", "name": "X-Key"}));
        assert_eq!(sent(plain.clone()), "GET https://api.example/v1/me?x=1 X-Key: k+1");
        plain["config"].as_object_mut().unwrap().remove("placement");
        assert_eq!(sent(plain), "GET https://api.example/v1/me?x=1 X-Api-Key: k+1");
        assert_eq!(
            sent(api_key(json!({"in": "header", "name": "Authorization", "prefix": "Token "}))),
            "GET https://api.example/v1/me?x=1 Authorization: Token k+1"
        );
        assert_eq!(
            sent(api_key(json!({"in": "query", "name": "key"}))),
            "GET https://api.example/v1/me?x=1&key=k%2B1 "
        );
        assert_eq!(
            sent(api_key(json!({"in": "cookie", "name": "sid"}))),
            "GET https://api.example/v1/me?x=1 Cookie: sid=k+1"
        );
    }

    #[test]
    fn basic_and_bearer() {
        let basic = json!({"key": "a", "kind": "basic_auth", "test": {"path": "/"},
                           "config": {"base_url": "https://api.example", "username": "aladdin", "password": "opensesame"}});
        assert_eq!(sent(basic), "GET https://api.example/ Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l");
        let bearer = json!({"key": "a", "kind": "bearer_token", "test": {"path": "/", "method": "HEAD"},
                            "config": {"base_url": "https://api.example", "token": "t", "scheme": "token"}});
        assert_eq!(sent(bearer), "HEAD https://api.example/ Authorization: token t");
    }

    #[test]
    fn what_cannot_be_sent_is_said_before() {
        let mut key = api_key(json!({"in": "header", "name": "X-Key"}));
        key["config"]["api_key"] = json!("schlüssel");
        assert!(matches!(planned(key.clone()), Err(Unplannable::Unsendable { .. })));
        key["config"]["api_key"] = json!("a\r\nX-Evil: 1");
        assert!(matches!(planned(key.clone()), Err(Unplannable::Unsendable { .. })));
        key["config"]["api_key"] = Value::Null;
        let missing = planned(key.clone()).unwrap_err();
        assert_eq!(missing.to_string(), "API key is missing");
        key["config"]["api_key"] = json!("k");
        key["test"]["path"] = json!("//evil.example/");
        assert_eq!(planned(key.clone()).unwrap_err(), Unplannable::Address(AddressError::PathLeaves));
        key["test"]["path"] = json!("/");
        for name in ["host", "Content-Length", "transfer-encoding"] {
            key["test"]["headers"] = json!({ name: "x" });
            assert!(matches!(planned(key.clone()), Err(Unplannable::BadTest(_))), "{name}");
        }
        key["test"]["headers"] = json!({"X-Version": "2"});
        assert!(planned(key.clone()).is_ok(), "the control");
        key["test"]["method"] = json!("DELETE");
        assert!(matches!(planned(key.clone()), Err(Unplannable::BadTest(_))));
        key.as_object_mut().unwrap().remove("test");
        assert!(matches!(planned(key), Err(Unplannable::NotTestable(_))));
    }

    fn custom(request: Value) -> Value {
        json!({"key": "a", "kind": "custom", "test": {"path": "/bot{token}/me", "method": "POST"},
               "config": {"base_url": "https://api.example/v1", "fields": {"account": "42"},
                          "secrets": {"token": "t/1 \"ü", "pin": "9"}, "request": request}})
    }

    #[test]
    fn a_described_request_has_its_values_encoded_where_they_stand() {
        let document = custom(json!({
            "headers": {"X-Account": "acc {account}", "X-Pin": "{pin}{pin} {", "Content-Type": "application/json"},
            "query": {"t": "{token}", "{x": "}"},
            "body": "{\"token\": \"{token}\", \"ids\": {account}, \"open\": {unknown}}"}));
        let plan = planned(document.clone()).unwrap();
        assert_eq!(
            sent(document.clone()),
            "POST https://api.example/v1/bott%2F1%20%22%C3%BC/me?t=t%2F1+%22%C3%BC&%7Bx=%7D \
             X-Account: acc 42 | X-Pin: 99 { | Content-Type: application/json"
        );
        let body = called(planned(document.clone())).request.body.unwrap();
        assert_eq!(body.expose(), r#"{"token": "t/1 \"ü", "ids": 42, "open": {unknown}}"#);
        let shown = format!("{plan:?} {} {}", plan.summary(), plan.host());
        assert!(!shown.contains("t/1") && !shown.contains("t%2F1"), "{shown}");
        let mut get = document;
        get["test"]["method"] = json!("GET");
        assert!(called(planned(get)).request.body.is_none());
    }

    #[test]
    fn a_described_request_cannot_break_out() {
        let refused = |request: Value| planned(custom(request)).unwrap_err();
        let unsendable = |error: Unplannable| matches!(error, Unplannable::Unsendable { .. });
        assert!(unsendable(refused(json!({"headers": {"X-T": "{token}"}}))), "not ASCII");
        for name in ["Host", "content-length", "Transfer-Encoding"] {
            let error = refused(json!({"headers": {name: "{pin}"}}));
            assert!(matches!(error, Unplannable::BadTest(_)), "{name}: {error}");
        }
        let error = refused(json!({"headers": {"X-T": "{tokn}"}}));
        assert_eq!(error.to_string(), "{tokn} is neither a field nor a secret");
        assert!(planned(custom(json!({"headers": {"X-T": "{pin}"}}))).is_ok(), "the control");
        for value in ["..", ".", "a\r\nX-Evil: 1", "\u{0}"] {
            let mut document = custom(json!({}));
            document["config"]["secrets"]["token"] = json!(value);
            assert!(unsendable(planned(document).unwrap_err()), "{value:?}");
        }
        for value in ["../../x", "@evil.example", "//evil.example", "#a?b", "%2e%2e", "https://evil.example"]
        {
            let mut document = custom(json!({}));
            document["config"]["secrets"]["token"] = json!(value);
            document["test"]["path"] = json!("/{token}");
            let url = called(planned(document)).request.url;
            assert_eq!((url.host_str(), url.query(), url.fragment()), (Some("api.example"), None, None));
            assert!(url.path().starts_with("/v1/") && url.path().matches('/').count() == 2, "{url}");
        }
        let mut both = custom(json!({"headers": {"X-T": "{pin}"}}));
        both["config"]["fields"]["pin"] = json!("1");
        assert!(planned(both).unwrap_err().to_string().contains("both a field and a secret"));
    }

    /// A kind of the vault's own says where its fields go, nested ones and those that mean their default included.
    #[test]
    fn a_kind_describes_the_request_of_its_credentials() {
        let schema = json!({
            "title": "Own", "type": "object",
            "properties": {
                "base_url": {"type": "string", "x-origin": true, "default": "https://api.example/v1"},
                "token": {"type": "string", "writeOnly": true},
                "region": {"type": "string", "default": "eu"},
                "proxy": {"type": "object", "properties": {
                    "user": {"type": "string"}, "password": {"type": "string", "writeOnly": true}}},
                "keys": {"type": "object", "additionalProperties": {"type": "string", "writeOnly": true}},
            },
            "x-request": {"headers": {"X-Token": "{token}", "X-Proxy": "{proxy.user}:{proxy.password}",
                                      "X-Key": "{keys.first}"}, "query": {"region": "{region}"}},
            "x-test": {"path": "/{region}/me", "method": "HEAD"},
        });
        let kind = Kind::define("own", &schema.to_string()).unwrap().kind;
        let planned = |config: Value, base: Option<&str>| {
            let document = json!({"key": "a", "kind": "own", "config": config});
            let mut read =
                kind.read(document.as_object().unwrap().clone(), None, Absent::Keeps).unwrap().content;
            read.set("/config/base_url", base.map_or(Value::Null, Value::from));
            plan(&kind, &read)
        };
        let config =
            json!({"token": "t-1", "proxy": {"user": "u", "password": "p-1"}, "keys": {"first": "k-1"}});
        let plan = planned(config.clone(), Some("https://api.example/v1")).unwrap();
        let shown = format!("{plan:?} {}", plan.summary());
        assert!(!["t-1", "p-1", "k-1"].iter().any(|secret| shown.contains(secret)), "{shown}");
        let request = called(Ok(plan)).request;
        assert_eq!(request.url.as_str(), "https://api.example/v1/eu/me?region=eu");
        let sent: Vec<_> =
            request.headers.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect();
        assert_eq!(
            (request.method.as_str(), sent.join(" | ").as_str()),
            ("HEAD", "X-Token: t-1 | X-Proxy: u:p-1 | X-Key: k-1")
        );
        // The schema's address is no credential's: without one of its own, nothing is sent.
        assert!(matches!(planned(config, None), Err(Unplannable::NotTestable(_))));
        let mut wrong = schema;
        wrong["x-request"]["headers"]["X-A"] = json!("{proxy.usr}");
        assert!(Kind::define("own", &wrong.to_string()).is_err());
    }

    #[test]
    fn what_proves_nothing_is_not_testable() {
        let not_testable = |document: Value| match planned(document.clone()) {
            Err(Unplannable::NotTestable(words)) => words.into_owned(),
            other => panic!("{document}: {other:?}"),
        };
        let mut unused = custom(json!({"headers": {"X-A": "{account}"}}));
        unused["test"]["path"] = json!("/");
        assert!(not_testable(unused).contains("none of its secrets"));
        let mut nowhere = custom(json!({}));
        nowhere["config"].as_object_mut().unwrap().remove("base_url");
        assert!(not_testable(nowhere).contains("no base URL"));
        for (kind, config) in [
            ("oauth2", json!({"client_secret": "s", "grant": "client_credentials"})),
            ("oauth_alias", json!({"app": "a"})),
            ("database", json!({"engine": "postgres", "host": "h"})),
            ("aws", json!({"secret_access_key": "s"})),
            ("secret", json!({"values": {"a": "b"}})),
        ] {
            not_testable(json!({"key": "a", "kind": kind, "test": {"path": "/"}, "config": config}));
        }
    }

    #[test]
    fn a_plan_shows_nothing_secret() {
        let plan = planned(api_key(json!({"in": "query", "name": "key"}))).unwrap();
        let shown = format!("{plan:?} {} {}", plan.summary(), plan.host());
        assert!(!shown.contains("k+1") && !shown.contains("k%2B1"), "{shown}");
    }
}
