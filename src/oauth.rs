//! OAuth 2.0: getting tokens from an authorization server (RFC 6749), for the grants that need no person: client
//! credentials and JWT bearer (RFC 7523).
//!
//! [`Ask`] is what a credential or an OAuth app says about its client. [`Ask::token`] finds the token address where
//! only the issuer is given (RFC 8414, OpenID Connect Discovery), proves the client as it is told to, and reads
//! what comes back. The token lives where the caller keeps it; nothing is stored here, and a refresh token is
//! never spent.

mod answer;
mod ask;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::http::{self, Answer, Exchange, Failure, Request, TlsOptions, Trust};
use crate::secret::Secret;
use crate::sign::{self, SignError};

pub use answer::Token;
pub use ask::{Ask, AskError, Grant};

/// What came of asking for a token.
#[derive(Debug)]
pub struct Outcome {
    /// The token, or why there is none.
    pub result: Result<Token, Refusal>,
    /// What was sent, in order: `discover`, `token`.
    pub exchanges: Vec<(&'static str, Exchange)>,
    /// Secrets that were made on the way, such as an assertion.
    pub secrets: Vec<Secret>,
}

/// Why there is no token.
#[derive(Debug)]
pub enum Refusal {
    /// No answer.
    Failure(Failure),
    /// The server said no: an error of RFC 6749, 5.2.
    Error {
        /// The status code.
        status: u16,
        /// The error's code, such as `invalid_client`.
        code: String,
        /// What the server says about it; may be empty.
        description: String,
    },
    /// An answer that is no answer of an authorization server.
    Answer(Answer),
    /// An answer that promises a token and holds none, or none that can be used.
    Unusable {
        /// The status code.
        status: u16,
        /// What is wrong.
        reason: String,
    },
    /// Nothing can be signed with the private key.
    Key(SignError),
}

/// What each request for a token has.
pub struct Means<'a> {
    /// Whom it trusts, and what it goes through.
    pub trust: &'a Trust,
    /// When all of it has to be done.
    pub deadline: Instant,
    /// Ends it.
    pub cancel: &'a CancellationToken,
    /// The time that assertions carry.
    pub now: Timestamp,
    /// Names an assertion once and for all; must not be used twice.
    pub nonce: [u8; 16],
}

impl Ask {
    /// Gets a token. The address of tokens is https, or on this machine.
    pub async fn token(&self, means: &Means<'_>) -> Outcome {
        let mut outcome = Outcome {
            result: Err(Refusal::Failure(Failure::Cancelled)),
            exchanges: Vec::new(),
            secrets: self.secrets(),
        };
        outcome.result = match self.get(means, &mut outcome.exchanges, &mut outcome.secrets).await {
            Ok(token) => {
                outcome.secrets.extend(token.secrets().cloned());
                Ok(token)
            }
            Err(refusal) => Err(refusal),
        };
        outcome
    }

    async fn get(
        &self,
        means: &Means<'_>,
        exchanges: &mut Vec<(&'static str, Exchange)>,
        secrets: &mut Vec<Secret>,
    ) -> Result<Token, Refusal> {
        let url = match &self.token_url {
            Some(url) => url.clone(),
            None => self.discover(means, exchanges).await?,
        };
        let request = self.request(&url, means, secrets)?;
        let exchange = http::send(&request, means.trust, means.deadline, means.cancel).await;
        let token = match &exchange.result {
            Ok(given) => answer::token(given),
            Err(failure) => Err(Refusal::Failure(failure.clone())),
        };
        exchanges.push(("token", exchange));
        token
    }

    /// Finds the token address in what the issuer publishes about itself.
    async fn discover(
        &self,
        means: &Means<'_>,
        exchanges: &mut Vec<(&'static str, Exchange)>,
    ) -> Result<Url, Refusal> {
        let Some(issuer) = &self.issuer else { return Err(Refusal::Failure(Failure::BadRequest)) };
        let mut refusal = None;
        for url in metadata(issuer) {
            let request = Request {
                method: "GET".to_owned(),
                url,
                headers: Vec::new(),
                body: None,
                allow_http: false,
                tls: TlsOptions::default(),
            };
            let exchange = http::send(&request, means.trust, means.deadline, means.cancel).await;
            let found = match &exchange.result {
                Ok(given) => answer::token_url(issuer, given),
                Err(failure) => Err(Refusal::Failure(failure.clone())),
            };
            let absent =
                matches!(&exchange.result, Ok(given) if matches!(given.status, 400 | 404 | 405 | 410));
            exchanges.push(("discover", exchange));
            match found {
                Ok(url) => return Ok(url),
                Err(other) => refusal = Some(other),
            }
            // Only where nothing is there is there a reason to look at the other place.
            if !absent {
                break;
            }
        }
        Err(refusal.unwrap_or(Refusal::Failure(Failure::BadRequest)))
    }

    /// The request for a token.
    fn request(&self, url: &Url, means: &Means<'_>, secrets: &mut Vec<Secret>) -> Result<Request, Refusal> {
        let mut form: Vec<(&str, Secret)> = Vec::new();
        match &self.grant {
            Grant::ClientCredentials => form.push(("grant_type", Secret::from("client_credentials"))),
            Grant::JwtBearer { key } => {
                let mut claims = BTreeMap::from([
                    ("iss", self.client_id.as_str()),
                    ("sub", self.subject.as_deref().unwrap_or(&self.client_id)),
                    ("aud", self.audience.as_deref().unwrap_or(url.as_str())),
                ]);
                let scopes = self.scopes.join(&self.scope_separator);
                if !scopes.is_empty() {
                    claims.insert("scope", &scopes);
                }
                let assertion = self.assertion(key, &claims, means, secrets)?;
                form.push(("grant_type", Secret::from("urn:ietf:params:oauth:grant-type:jwt-bearer")));
                form.push(("assertion", assertion));
            }
        }
        if !self.scopes.is_empty() {
            form.push(("scope", Secret::new(self.scopes.join(&self.scope_separator))));
        }
        if let (Grant::ClientCredentials, Some(audience)) = (&self.grant, &self.audience) {
            form.push(("audience", Secret::from(audience.as_str())));
        }
        let kind = if self.json { "application/json" } else { "application/x-www-form-urlencoded" };
        let mut headers = vec![
            ("Content-Type".to_owned(), Secret::from(kind)),
            ("Accept".to_owned(), Secret::from("application/json")),
        ];
        match &self.proof {
            ask::Proof::Basic(secret) => {
                let (pair, encoded) = ask::basic(&self.client_id, secret);
                secrets.extend([pair, encoded.clone()]);
                headers
                    .push(("Authorization".to_owned(), Secret::new(format!("Basic {}", encoded.expose()))));
            }
            ask::Proof::Post(secret) => {
                form.push(("client_id", Secret::from(self.client_id.as_str())));
                form.push(("client_secret", secret.clone()));
            }
            ask::Proof::None => form.push(("client_id", Secret::from(self.client_id.as_str()))),
            ask::Proof::Key(key) => {
                let claims = BTreeMap::from([
                    ("iss", &*self.client_id),
                    ("sub", &self.client_id),
                    ("aud", url.as_str()),
                ]);
                let assertion = self.assertion(key, &claims, means, secrets)?;
                let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
                form.push(("client_id", Secret::from(self.client_id.as_str())));
                form.push(("client_assertion_type", Secret::from(kind)));
                form.push(("client_assertion", assertion));
            }
        }
        for (name, value) in &self.extra {
            form.retain(|(known, _)| known != name);
            form.push((name, value.clone()));
        }
        let body = if self.json {
            let text = |value: &Secret| Value::from(value.expose());
            let members = form.iter().map(|(name, value)| ((*name).to_owned(), text(value)));
            Value::Object(members.collect()).to_string()
        } else {
            let mut encoded = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &form {
                encoded.append_pair(name, value.expose());
            }
            encoded.finish()
        };
        Ok(Request {
            method: "POST".to_owned(),
            url: url.clone(),
            headers,
            body: Some(Secret::new(body)),
            // Whatever the credential allows for its service: tokens are given out over TLS.
            allow_http: false,
            tls: TlsOptions::default(),
        })
    }

    fn assertion(
        &self,
        key: &Secret,
        claims: &BTreeMap<&str, &str>,
        means: &Means<'_>,
        secrets: &mut Vec<Secret>,
    ) -> Result<Secret, Refusal> {
        let mut claims: serde_json::Map<String, Value> =
            claims.iter().map(|(name, value)| ((*name).to_owned(), json!(value))).collect();
        // A minute back for a clock that is a little behind; five minutes are more than one request needs.
        claims.insert("iat".to_owned(), json!(means.now.as_second() - 60));
        claims.insert("exp".to_owned(), json!(means.now.as_second() + 300));
        claims.insert(
            "jti".to_owned(),
            json!(uuid::Builder::from_random_bytes(means.nonce).into_uuid().to_string()),
        );
        let assertion = sign::assertion(key, self.key_id.as_deref(), claims).map_err(Refusal::Key)?;
        secrets.push(assertion.clone());
        Ok(assertion)
    }
}

/// Where an issuer may publish its addresses: as OpenID Connect says, and as RFC 8414 says.
fn metadata(issuer: &Url) -> Vec<Url> {
    let path = issuer.path().trim_end_matches('/');
    let at = |path: String| {
        let mut url = issuer.clone();
        url.set_path(&path);
        url.set_query(None);
        url
    };
    vec![
        at(format!("{path}/.well-known/openid-configuration")),
        at(format!("/.well-known/oauth-authorization-server{path}")),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_places_of_the_metadata() {
        let places = |issuer: &str| {
            metadata(&issuer.parse().unwrap()).iter().map(Url::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(
            places("https://a.example/t/1/"),
            "https://a.example/t/1/.well-known/openid-configuration \
             https://a.example/.well-known/oauth-authorization-server/t/1"
        );
        assert_eq!(
            places("https://a.example"),
            "https://a.example/.well-known/openid-configuration \
             https://a.example/.well-known/oauth-authorization-server"
        );
    }
}
