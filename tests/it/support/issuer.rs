//! An authorization server for tests, over real HTTP on this machine, with TLS where asked, and the service that its
//! tokens open.
//!
//! It speaks discovery (RFC 8414, OpenID Connect), authorization code with PKCE, device code, client credentials, JWT
//! bearer, refresh with rotation, and revocation. It is strict: a code is good once and only with its verifier, its
//! redirect address and its client; a refresh token that comes twice ends its whole family. [`Issuer::counts`] tells
//! what was exchanged and what was replayed.
//!
//! Its [`Manners`] can be changed while it runs ([`Issuer::manner`]):
//! - `expires_in`, `skew`: how long tokens live, as any JSON; how far its own clock is ahead;
//! - `rotates`, `delay`: whether a refresh gives a new refresh token; how long the token address takes to answer;
//! - `interval`, `device_life`, `slow_down`, `silent`, `failing`: what a device is told, and how often it is told to
//!   slow down, told nothing, or answered with a 503 before it is told the truth;
//! - `denies`: the person says no; `state`, `names`, `promises`: what state and issuer the browser comes back with;
//! - `methods`, `metadata`: what the metadata say; `nonce`: what the ID token says;
//! - `scope`: what is granted in place of what was asked; `reply`: what else the answer holds;
//! - `token`: answers the token address with this; `moved`: redirects it; `huge`: answers it with 10 MB; `hangs`: does
//!   not answer it.
//!
//! [`Person`] is who agrees: a browser that follows the redirects, and a finger for device codes. [`Issuer::given`]
//! makes tokens as an earlier login would have.

mod person;
mod state;
mod tokens;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::authority::CLIENT;
use super::server::{Act, Seen, Server, answer, json as json_answer};
use super::tls;
pub(crate) use person::{Person, until};
use state::State;

/// The client that has nothing to prove itself with.
pub(crate) const PUBLIC: &str = "public-client";

/// What an error says to drive a terminal.
pub(crate) const ESCAPES: &str = "\u{1b}[2J\u{1b}]0;owned\u{7}\u{202e}evil";

/// How the browser is sent back.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Told {
    /// As it should be.
    #[default]
    Right,
    /// Not at all.
    Nothing,
    /// Another one.
    Wrong(String),
}

/// What it does besides the usual: see the module.
#[derive(Clone, Debug)]
pub(crate) struct Manners {
    pub(crate) expires_in: Value,
    pub(crate) skew: i64,
    pub(crate) rotates: bool,
    pub(crate) delay: Duration,
    pub(crate) interval: Option<u64>,
    pub(crate) device_life: Value,
    pub(crate) slow_down: usize,
    pub(crate) silent: usize,
    pub(crate) failing: usize,
    pub(crate) denies: bool,
    pub(crate) state: Told,
    pub(crate) names: Told,
    pub(crate) promises: bool,
    pub(crate) nonce: Told,
    pub(crate) methods: Option<Vec<&'static str>>,
    pub(crate) metadata: Value,
    pub(crate) scope: Option<String>,
    pub(crate) reply: Value,
    pub(crate) token: Option<(u16, Value)>,
    pub(crate) moved: Option<String>,
    pub(crate) huge: bool,
    pub(crate) hangs: bool,
    /// The public key (as AWS-LC reads it) of the client's assertions.
    pub(crate) key: Option<Vec<u8>>,
}

impl Default for Manners {
    fn default() -> Self {
        Self {
            expires_in: json!(3600),
            skew: 0,
            rotates: true,
            delay: Duration::ZERO,
            interval: Some(5),
            device_life: json!(1800),
            slow_down: 0,
            silent: 0,
            failing: 0,
            denies: false,
            state: Told::Right,
            names: Told::Right,
            promises: true,
            nonce: Told::Right,
            methods: Some(vec!["S256"]),
            metadata: json!({}),
            scope: None,
            reply: json!({}),
            token: None,
            moved: None,
            huge: false,
            hangs: false,
            key: None,
        }
    }
}

/// What was done so far.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Tokens that were given, by grant.
    pub(crate) exchanges: BTreeMap<String, usize>,
    /// Codes and refresh tokens that came a second time.
    pub(crate) replays: usize,
    /// Tokens that were given back.
    pub(crate) revoked: usize,
    /// How often devices asked.
    pub(crate) polls: usize,
}

impl Counts {
    /// How many tokens were given for a grant.
    pub(crate) fn of(&self, grant: &str) -> usize {
        self.exchanges.get(grant).copied().unwrap_or_default()
    }
}

/// The server; ends when it is dropped.
pub(crate) struct Issuer {
    server: Server,
    inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) manners: Mutex<Manners>,
    pub(super) state: Mutex<State>,
    tls: bool,
}

impl Issuer {
    /// On 127.0.0.1, over plain http.
    pub(crate) fn start(manners: Manners) -> Self {
        let inner = Inner::new(manners, false);
        let serving = inner.clone();
        Self { server: Server::start(move |seen| serving.serve(seen)), inner }
    }

    /// On 127.0.0.1, over TLS with a certificate of the authority that tests trust.
    pub(crate) fn start_tls(manners: Manners) -> Self {
        let inner = Inner::new(manners, true);
        let serving = inner.clone();
        let config = tls::server(tls::Leaf::Good, &["http/1.1"]);
        Self { server: Server::tls(config, move |seen| serving.serve(seen)), inner }
    }

    /// What it is called.
    pub(crate) fn url(&self) -> String {
        self.server.url()
    }

    /// Every request so far.
    pub(crate) fn requests(&self) -> Vec<Seen> {
        self.server.requests()
    }

    /// Whether nobody is connected.
    pub(crate) fn is_idle(&self) -> bool {
        self.server.is_idle()
    }

    /// The requests to one path.
    pub(crate) fn asked(&self, path: &str) -> Vec<Seen> {
        let at = |seen: &Seen| seen.target.split('?').next() == Some(path);
        self.requests().into_iter().filter(at).collect()
    }

    /// Changes its manners.
    pub(crate) fn manner(&self, change: impl FnOnce(&mut Manners)) {
        change(&mut self.inner.manners.lock().unwrap());
    }

    /// What was done so far.
    pub(crate) fn counts(&self) -> Counts {
        self.inner.state().counts.clone()
    }

    /// The configuration of an `oauth2` credential of its confidential client, which finds everything by discovery.
    pub(crate) fn config(&self, grant: &str) -> Value {
        json!({"grant": grant, "client_id": CLIENT.0, "client_secret": CLIENT.1, "issuer": self.url(),
               "base_url": format!("{}/v1", self.url()), "scopes": ["read", "write"]})
    }

    /// An access token and a refresh token, as an earlier login was given them.
    pub(crate) fn given(&self) -> (String, String) {
        self.inner.state().give(CLIENT.0, "read write")
    }

    /// Whether its service takes a token.
    pub(crate) fn takes(&self, access: &str) -> bool {
        self.inner.state().is_good(access)
    }

    /// A person with a browser of their own, who says yes.
    pub(crate) fn person(&self) -> Person {
        Person { trusts: self.inner.tls }
    }

    /// Says yes, or no, to the device that shows a code; whether there is one.
    pub(crate) fn decide(&self, user_code: &str, yes: bool) -> bool {
        self.inner.state().decide(user_code, yes)
    }
}

impl Inner {
    fn new(manners: Manners, tls: bool) -> Arc<Self> {
        Arc::new(Self { manners: Mutex::new(manners), state: Mutex::default(), tls })
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn serve(&self, seen: &Seen) -> Act {
        let manners = self.manners.lock().unwrap().clone();
        let scheme = if self.tls { "https" } else { "http" };
        let own = format!("{scheme}://{}", seen.header("host"));
        let (path, query) = seen.target.split_once('?').unwrap_or((&seen.target, ""));
        match (seen.method.as_str(), path) {
            ("GET", "/.well-known/openid-configuration" | "/.well-known/oauth-authorization-server") => {
                json_answer(200, metadata(&own, &manners).to_string())
            }
            ("GET", "/authorize") => self.authorize(query, &own, &manners),
            ("GET", "/device") => {
                let field = |name: &str| parameter(query, name).unwrap_or_default();
                let known = self.state().decide(&field("user_code"), field("allow") != "no");
                answer(if known { 200 } else { 404 }, &[("content-type", "text/html")], "<p>done")
            }
            ("POST", "/token") => {
                let mut act = self.token(seen, &own, &manners);
                if let Act::Answer { headers, .. } = &mut act {
                    let now = Timestamp::now() + SignedDuration::from_secs(manners.skew);
                    let date = now.strftime("%a, %d %b %Y %H:%M:%S GMT");
                    headers.push(("date", date.to_string()));
                }
                match manners.delay.is_zero() {
                    true => act,
                    false => Act::After(manners.delay, Box::new(act)),
                }
            }
            ("POST", "/device") => self.device(seen, &own, &manners),
            ("POST", "/revoke") => self.revoke(seen, &own, &manners),
            ("GET", "/v1/me") => {
                let token = seen.header("authorization").strip_prefix("Bearer ").unwrap_or_default();
                match self.state().is_good(token) {
                    true => json_answer(200, r#"{"id": 7}"#),
                    false => json_answer(401, r#"{"error": "invalid_token"}"#),
                }
            }
            _ => json_answer(404, "{}"),
        }
    }

    /// A person who is sent here has agreed by the time they are sent back.
    fn authorize(&self, query: &str, own: &str, manners: &Manners) -> Act {
        let field = |name: &str| parameter(query, name).unwrap_or_default();
        let redirect = field("redirect_uri");
        if redirect.is_empty() || ![CLIENT.0, PUBLIC].contains(&field("client_id").as_str()) {
            return answer(400, &[("content-type", "text/html")], "<p>unknown client");
        }
        let mut back: Vec<(&str, String)> = Vec::new();
        let proper = field("response_type") == "code"
            && field("code_challenge_method") == "S256"
            && field("code_challenge").len() == 43;
        if manners.denies {
            back.push(("error", "access_denied".to_owned()));
            back.push(("error_description", ESCAPES.to_owned()));
        } else if !proper {
            back.push(("error", "invalid_request".to_owned()));
        } else {
            let code = self.state().code(state::Code {
                client: field("client_id"),
                redirect: redirect.clone(),
                challenge: field("code_challenge"),
                nonce: field("nonce"),
                scope: field("scope"),
                family: None,
            });
            back.push(("code", code));
        }
        match &manners.state {
            Told::Right => back.push(("state", field("state"))),
            Told::Nothing => {}
            Told::Wrong(other) => back.push(("state", other.clone())),
        }
        match &manners.names {
            Told::Right => back.push(("iss", own.to_owned())),
            Told::Nothing => {}
            Told::Wrong(other) => back.push(("iss", other.clone())),
        }
        let mut location = url::Url::parse(&redirect).unwrap();
        location.query_pairs_mut().extend_pairs(back);
        answer(302, &[("location", location.as_str())], "")
    }
}

fn metadata(own: &str, manners: &Manners) -> Value {
    let at = |path: &str| format!("{own}/{path}");
    let mut metadata = json!({
        "issuer": own, "authorization_endpoint": at("authorize"), "token_endpoint": at("token"),
        "device_authorization_endpoint": at("device"), "revocation_endpoint": at("revoke"),
        "authorization_response_iss_parameter_supported": manners.promises,
    });
    if let Some(methods) = &manners.methods {
        metadata["code_challenge_methods_supported"] = json!(methods);
    }
    for (name, value) in manners.metadata.as_object().unwrap() {
        match value {
            Value::Null => drop(metadata.as_object_mut().unwrap().remove(name)),
            value => metadata[name] = value.clone(),
        }
    }
    metadata
}

/// A parameter of a query.
pub(super) fn parameter(query: &str, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query.as_bytes())
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.into_owned())
}
