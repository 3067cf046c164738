//! The test that a credential or its kind describes: one request, and where the credential goes in it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::Url;

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
    let described = matches!(auth, Placed::Described(_));
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
    let mut secrets = secrets_of(content);
    let mut headers = test_headers(&test)?;
    let own_body = auth.put(&mut url, &mut headers, &mut secrets)?;
    let own_body = own_body.filter(|_| test.method.eq_ignore_ascii_case("POST"));
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
pub(in crate::probe) enum Placed {
    /// Not in the request.
    Handshake,
    /// Where its own `request` says.
    Described(Described),
    /// In a header field.
    Header { name: String, value: Secret, field: String },
    /// In the query.
    Query { name: String, value: Secret },
}

/// How a credential is sent, and everything of it that must not be seen.
///
/// # Errors
/// A value that cannot be sent where it belongs.
pub(in crate::probe) fn placed(kind: &Kind, content: &Content) -> Result<(Placed, Vec<Secret>), Unplannable> {
    Ok((authorization(kind, content, &Values::of(kind, content))?, secrets_of(content)))
}

/// The secrets of a credential, in the forms that they are sent in.
fn secrets_of(content: &Content) -> Vec<Secret> {
    let mut secrets: Vec<Secret> = content.secrets.values().cloned().collect();
    if let (Some(user), Some(password)) =
        (content.get_str("/config/username"), content.secret("/config/password"))
    {
        secrets.push(Secret::new(format!("{user}:{}", password.expose())));
    }
    secrets
}

impl Placed {
    /// An OAuth access token.
    pub(in crate::probe) fn bearer(token: &Secret) -> Self {
        Self::Header {
            name: "Authorization".to_owned(),
            value: Secret::new(format!("Bearer {}", token.expose())),
            field: "Access token".to_owned(),
        }
    }

    /// Puts it into a request; gives the body that it describes.
    ///
    /// # Errors
    /// A value that cannot be sent where it belongs.
    pub(in crate::probe) fn put(
        self,
        url: &mut Url,
        headers: &mut Vec<(String, Secret)>,
        secrets: &mut Vec<Secret>,
    ) -> Result<Option<Secret>, Unplannable> {
        match self {
            Self::Handshake => Ok(None),
            Self::Header { name, value, field } => {
                let value = sendable(value, &field, "a header")?;
                // `Basic …`: what stands behind the word must not come back alone either.
                secrets.extend(value.expose().split_once(' ').map(|(_, encoded)| Secret::from(encoded)));
                secrets.push(value.clone());
                // The credential's own header is the one that is sent, whatever other headers say.
                headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
                headers.push((header_name(&name)?, value));
                Ok(None)
            }
            Self::Query { name, value } => {
                url.query_pairs_mut().append_pair(&name, value.expose());
                secrets.push(value);
                Ok(None)
            }
            Self::Described(Described { headers: own, query, body }) => {
                for (name, value) in own {
                    may_be_set(&name)?;
                    let value = sendable(value, &name, "a header")?;
                    headers.retain(|(other, _)| !other.eq_ignore_ascii_case(&name));
                    headers.push((header_name(&name)?, value));
                }
                for (name, value) in query {
                    url.query_pairs_mut().append_pair(&name, value.expose());
                }
                Ok(body)
            }
        }
    }
}

fn authorization(kind: &Kind, content: &Content, values: &Values<'_>) -> Result<Placed, Unplannable> {
    let text = |place: &str| content.get_str(place).unwrap_or_default();
    let secret = |place: &str| content.secret(place).map_or("", Secret::expose);
    let header = |name: &str, value: String, field: &str| Placed::Header {
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
                "query" => Placed::Query { name: name.to_owned(), value: Secret::new(value) },
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
        "client_certificate" => Placed::Handshake,
        "secret" => return Err(Unplannable::NotTestable("no request proves a secret of this kind".into())),
        _ if content.get_str("/config/base_url").is_none() => {
            return Err(Unplannable::NotTestable(
                "it has no base URL: there is nowhere to send a test".into(),
            ));
        }
        _ => Placed::Described(values.request(kind.request_of(content))?),
    })
}
