//! The test that a credential or its kind describes: one request, and where the credential goes in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::super::rules::Test;
use super::super::template::{Described, Values};
use super::super::{certificate, way};
use super::request::{allowed_method, header_name, may_be_set, sendable, test_headers};
use super::{Call, Unplannable};
use crate::http::{self, Request};
use crate::model::Content;
use crate::schema::Kind;
use crate::secret::Secret;

/// The request, and everything in it that must not be seen.
pub(super) fn call(kind: &Kind, content: &Content) -> Result<(Call, Vec<Secret>), Unplannable> {
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
    way::other_hosts(kind, content)?;
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
    let mut headers = test_headers(&test)?;
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
            tls: certificate::options(kind, content)?,
        },
        rules: test.rules,
    };
    Ok((call, secrets))
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
