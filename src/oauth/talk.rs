//! One conversation with an authorization server: where it is asked, what is sent, and what was sent so far.

use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;
use url::Url;

use super::answer::{self, Token};
use super::ask::Ask;
use super::discover::{self, Metadata};
use super::proof::{Proof, basic};
use super::{Means, Outcome, Purpose, Refusal};
use crate::http::{self, Answer, Exchange, Request, TlsOptions};
use crate::secret::Secret;
use crate::sign;

/// How long an assertion is good, in seconds: more than one request needs, and what the strictest servers take.
const ASSERTION_LIFE: i64 = 180;

/// The grant of a person on another device (RFC 8628, 3.4).
pub(super) const DEVICE_GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

/// The parameters of a request, in order.
#[derive(Default)]
pub(super) struct Form(Vec<(String, Secret)>);

/// Something that is sent as a parameter.
pub(super) struct Text(Secret);

impl From<Secret> for Text {
    fn from(secret: Secret) -> Self {
        Self(secret)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self(Secret::new(text))
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        Self(Secret::from(text))
    }
}

impl Form {
    pub(super) fn add(&mut self, name: &str, value: impl Into<Text>) {
        self.0.push((name.to_owned(), value.into().0));
    }

    /// In place of what there is under the name.
    pub(super) fn put(&mut self, name: &str, value: Secret) {
        self.0.retain(|(known, _)| known != name);
        self.0.push((name.to_owned(), value));
    }

    fn has(&self, name: &str) -> bool {
        self.0.iter().any(|(known, _)| known == name)
    }

    fn encode(&self, as_json: bool) -> Secret {
        Secret::new(if as_json {
            let member = |(name, value): &(String, Secret)| (name.clone(), Value::from(value.expose()));
            Value::Object(self.0.iter().map(member).collect()).to_string()
        } else {
            let mut encoded = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &self.0 {
                encoded.append_pair(name, value.expose());
            }
            encoded.finish()
        })
    }
}

/// What is asked for at an address of its own.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Authorization,
    Token,
    Device,
    Revocation,
}

impl Place {
    /// The word for it.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Authorization => "authorization",
            Self::Token => "token",
            Self::Device => "device",
            Self::Revocation => "revocation",
        }
    }

    fn own(self, ask: &Ask) -> Option<&Url> {
        match self {
            Self::Authorization => ask.authorization_url.as_ref(),
            Self::Token => ask.token_url.as_ref(),
            Self::Device => ask.device_url.as_ref(),
            Self::Revocation => ask.revocation_url.as_ref(),
        }
    }
}

/// A conversation.
pub(super) struct Talk<'a> {
    pub(super) ask: &'a Ask,
    pub(super) means: &'a Means<'a>,
    purpose: Purpose,
    /// What each request may take, where that is less than the whole.
    each: Option<Duration>,
    exchanges: Vec<(&'static str, Exchange)>,
    pub(super) secrets: Vec<Secret>,
    metadata: Option<Metadata>,
}

impl<'a> Talk<'a> {
    pub(super) fn new(ask: &'a Ask, means: &'a Means<'a>, purpose: Purpose) -> Self {
        let secrets = ask.proof.secrets(&ask.client_id);
        Self { ask, means, purpose, each: None, exchanges: Vec::new(), secrets, metadata: None }
    }

    /// The same with less time for each request than for the whole.
    pub(super) fn each(mut self, time: Duration) -> Self {
        self.each = Some(time);
        self
    }

    /// What came of it.
    pub(super) fn end<T>(self, result: Result<T, Refusal>) -> Outcome<T> {
        Outcome { purpose: self.purpose, result, exchanges: self.exchanges, secrets: self.secrets }
    }

    /// Where something is asked for: as the client's owner says, else as the issuer does.
    pub(super) async fn address(&mut self, place: Place) -> Result<Url, Refusal> {
        if let Some(own) = place.own(self.ask) {
            return Ok(own.clone());
        }
        let Some(issuer) = &self.ask.issuer else { return Err(Refusal::NoAddress(place.word())) };
        if self.metadata.is_none() {
            self.metadata = Some(discover::discover(self, issuer).await?);
        }
        match &self.metadata {
            Some(metadata) => metadata.address(place),
            None => Err(Refusal::NoAddress(place.word())),
        }
    }

    /// What the issuer says about itself, where that was asked for.
    pub(super) fn metadata(&self) -> Option<&Metadata> {
        self.metadata.as_ref()
    }

    /// Adds what proves the client to a request's parameters. HTTP Basic is a header: see [`Talk::post`].
    pub(super) fn prove(&mut self, form: &mut Form, url: &Url) -> Result<(), Refusal> {
        let client_id = self.ask.client_id.as_str();
        match &self.ask.proof {
            Proof::Basic(_) => {}
            Proof::Post(secret) => {
                form.add("client_id", client_id);
                form.add("client_secret", secret.clone());
            }
            Proof::None => form.add("client_id", client_id),
            Proof::Key(key) => {
                // Whichever address it is shown at, it is made for the one that tokens come from (OpenID Connect
                // Core, 9).
                let published = self.metadata.as_ref().and_then(|known| known.address(Place::Token).ok());
                let audience = self.ask.token_url.as_ref().or(published.as_ref()).unwrap_or(url).to_string();
                let claims =
                    vec![("iss", client_id.to_owned()), ("sub", client_id.to_owned()), ("aud", audience)];
                let assertion = self.assertion(key, claims)?;
                form.add("client_id", client_id);
                form.add("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer");
                form.add("client_assertion", assertion);
            }
        }
        Ok(())
    }

    /// Adds the client's own parameters where nothing is sent under their names.
    pub(super) fn extra(&self, form: &mut Form) {
        for (name, value) in &self.ask.extra {
            if !form.has(name) {
                form.add(name, value.clone());
            }
        }
    }

    /// A statement with these claims, signed.
    pub(super) fn assertion(
        &mut self,
        key: &Secret,
        claims: Vec<(&'static str, String)>,
    ) -> Result<Secret, Refusal> {
        let now = (self.means.clock)().as_second();
        let mut all: Map<String, Value> =
            claims.into_iter().map(|(name, value)| (name.to_owned(), json!(value))).collect();
        // A minute back for a clock that is a little behind.
        all.insert("iat".to_owned(), json!(now - 60));
        all.insert("exp".to_owned(), json!(now + ASSERTION_LIFE));
        all.insert("jti".to_owned(), json!(uuid::Uuid::new_v4().to_string()));
        let assertion = sign::assertion(key, self.ask.key_id.as_deref(), all).map_err(Refusal::Key)?;
        self.secrets.push(assertion.clone());
        Ok(assertion)
    }

    /// Asks for a token with these parameters.
    pub(super) async fn token(
        &mut self,
        name: &'static str,
        url: &Url,
        form: Form,
    ) -> Result<Token, Refusal> {
        // Counted from before it was asked for: it is never taken to be good for longer than it is.
        let asked = (self.means.clock)();
        let answer = self.post(name, url, form).await?;
        let token = answer::token(&answer, self.ask, asked)?;
        self.secrets.extend(token.secrets().cloned());
        Ok(token)
    }

    /// Sends parameters, with the client's HTTP Basic where it proves itself so.
    pub(super) async fn post(
        &mut self,
        name: &'static str,
        url: &Url,
        form: Form,
    ) -> Result<Answer, Refusal> {
        let kind = if self.ask.json { "application/json" } else { "application/x-www-form-urlencoded" };
        let mut headers = vec![
            ("Content-Type".to_owned(), Secret::from(kind)),
            ("Accept".to_owned(), Secret::from("application/json")),
        ];
        if let Proof::Basic(secret) = &self.ask.proof {
            let (_, encoded) = basic(&self.ask.client_id, secret);
            headers.push(("Authorization".to_owned(), Secret::new(format!("Basic {}", encoded.expose()))));
        }
        let body = Some(form.encode(self.ask.json));
        self.send(name, request("POST", url.clone(), headers, body)).await
    }

    /// Asks for a public document.
    pub(super) async fn get(&mut self, name: &'static str, url: Url) -> Result<Answer, Refusal> {
        self.send(name, request("GET", url, Vec::new(), None)).await
    }

    async fn send(&mut self, name: &'static str, request: Request) -> Result<Answer, Refusal> {
        let whole = self.means.deadline;
        let deadline = self.each.map_or(whole, |each| whole.min(Instant::now() + each));
        let exchange = http::send(&request, self.means.trust, deadline, self.means.cancel).await;
        let result = exchange.result.clone().map_err(Refusal::Failure);
        self.exchanges.push((name, exchange));
        result
    }

    /// Forgets the last exchange where it is one of this name: another takes its place.
    pub(super) fn forget_last(&mut self, name: &str) {
        if self.exchanges.last().is_some_and(|(known, _)| *known == name) {
            self.exchanges.pop();
        }
    }
}

fn request(method: &str, url: Url, headers: Vec<(String, Secret)>, body: Option<Secret>) -> Request {
    Request {
        method: method.to_owned(),
        url,
        headers,
        body,
        // Whatever the credential allows for its service: tokens are given out over TLS.
        allow_http: false,
        tls: TlsOptions::default(),
    }
}
