//! Credential → request. Pure: what is missing or impossible is said before anything is sent.

mod own;
mod request;

use std::borrow::Cow;

use jiff::Timestamp;

use super::kind::aws::{self, Aws};
use super::rules::Rules;
use super::service::Chain;
use super::token::{self, Client, Token};
use super::wire;
use crate::http::{AddressError, Request};
use crate::model::Content;
use crate::redact::Redactor;
use crate::schema::Kind;
use crate::secret::Secret;
use crate::sign::{self, SignError};

pub(super) use own::{Placed, placed};
pub(super) use request::{allowed_method, header_name, may_be_set, sendable, test_headers};

/// The longest path in a summary, in characters.
const SUMMARY: usize = 300;

/// A test that can be carried out.
#[derive(Debug)]
pub struct Plan {
    /// What is done.
    pub(super) work: Work,
    /// Knows everything that is sent and must not be seen.
    pub(super) redactor: Redactor,
    /// When its token says that it ends, where it is one that says so.
    pub(super) ends: Option<Timestamp>,
    /// Who says whether the service runs, as a sentence.
    pub(super) status_page: Option<String>,
}

/// What a test may see besides the credential itself.
#[derive(Clone, Debug, Default)]
pub struct Surroundings {
    /// The organization's OAuth app that the credential refers to, with all its addresses filled in.
    pub oauth_app: Option<Content>,
}

/// What a test does.
#[allow(clippy::large_enum_variant, reason = "there is one a test, and it is not moved about")]
#[derive(Debug)]
pub(super) enum Work {
    /// Asks over HTTP.
    Http(Box<Call>),
    /// Asks AWS whose key it is.
    Aws(Box<Aws>),
    /// Gets a token where there is none, and asks with it.
    Token(Box<Token>),
    /// Shows a client to its server that nobody has logged in with yet.
    Client(Box<Client>),
    /// Makes the calls that the catalogue describes.
    Service(Box<Chain>),
    /// Logs in over a protocol of its own.
    Wire(Box<wire::Login>),
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
    /// A plan that sends these secrets and no other.
    pub(super) fn of<'a>(work: Work, secrets: impl IntoIterator<Item = &'a Secret>) -> Self {
        Self { work, redactor: Redactor::new(secrets), ends: None, status_page: None }
    }

    /// The plan that makes a service's calls.
    pub(super) fn of_chain(chain: Chain) -> Self {
        let secrets = chain.secrets.clone();
        Self::of(Work::Service(Box::new(chain)), &secrets)
    }

    /// The host it goes to: what limits per host count by.
    pub fn host(&self) -> &str {
        match &self.work {
            Work::Http(call) => call.request.url.host_str().unwrap_or_default(),
            Work::Aws(aws) => aws.host(),
            Work::Token(token) => token.host(),
            Work::Client(client) => client.ask.host(),
            Work::Service(chain) => &chain.host,
            Work::Wire(login) => &login.host,
        }
    }

    /// What is done in words, without a request's query.
    pub fn summary(&self) -> String {
        match &self.work {
            Work::Http(call) => call.summary(&self.redactor),
            Work::Aws(aws) => aws.summary().to_owned(),
            Work::Token(token) => token.summary(&self.redactor),
            Work::Client(_) => "the client, before its first login".to_owned(),
            Work::Service(chain) => self.redactor.show(&chain.summary, SUMMARY),
            Work::Wire(login) => self.redactor.show(&login.summary(), SUMMARY),
        }
    }
}

impl Call {
    /// Method and path. A path may hold a secret too.
    pub(super) fn summary(&self, redactor: &Redactor) -> String {
        format!("{} {}", self.request.method, redactor.show(self.request.url.path(), SUMMARY))
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
    /// Something is missing that a person cannot simply enter.
    #[error("{message}")]
    Lacking {
        /// What.
        message: String,
        /// How it is come by.
        advice: String,
    },
    /// A field cannot be used.
    #[error("{field}: {problem}")]
    Unusable {
        /// The field's title.
        field: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The test itself is not usable.
    #[error("{0}")]
    BadTest(String),
    /// The address is none of the credential's.
    #[error("{0} is none of this credential's hosts")]
    Elsewhere(String),
    /// Requests cannot be signed.
    #[error(transparent)]
    Sign(#[from] SignError),
}

impl Unplannable {
    /// An address that is none of the credential's.
    pub(super) fn elsewhere(url: &url::Url) -> Self {
        Self::Elsewhere(crate::redact::visible(&url.origin().ascii_serialization(), SUMMARY))
    }
}

fn list(names: &[String]) -> String {
    match names {
        [one] => format!("{one} is"),
        [head @ .., last] => format!("{} and {last} are", head.join(", ")),
        [] => "something is".to_owned(),
    }
}

/// Makes the plan of one credential that refers to nothing.
///
/// # Errors
/// Why nothing can be sent.
pub fn plan(kind: &Kind, content: &Content) -> Result<Plan, Unplannable> {
    plan_in(kind, content, &Surroundings::default())
}

/// Makes the plan of one credential.
///
/// # Errors
/// Why nothing can be sent.
pub fn plan_in(kind: &Kind, content: &Content, around: &Surroundings) -> Result<Plan, Unplannable> {
    let missing = kind.missing(content);
    if !missing.is_empty() {
        let titles = missing.iter().map(|place| kind.title_of(place));
        return Err(Unplannable::Incomplete(titles.collect()));
    }
    let mut plan = dispatched(kind, content, around)?;
    if let Some(Ok(chosen)) = kind.service()
        && let Some(page) = &chosen.service.status_page
    {
        plan.status_page = Some(format!("{page} says whether {} runs.", chosen.service.name));
    }
    Ok(plan)
}

/// What tests which credential: see `docs/ARCHITECTURE.md`.
fn dispatched(kind: &Kind, content: &Content, around: &Surroundings) -> Result<Plan, Unplannable> {
    if matches!(content.kind(), "oauth2" | "oauth_alias") {
        return token::plan(kind, content, around);
    }
    match kind.service() {
        Some(Ok(chosen)) if Chain::is_for(content, chosen) => {
            let plan = Plan::of_chain(Chain::of(kind, content, chosen)?);
            return Ok(Plan { ends: ends(kind, content), ..plan });
        }
        Some(Err(reason)) if !kind.logs_in(content) && !content.document.contains_key("test") => {
            return Err(Unplannable::NotTestable(reason.to_string().into()));
        }
        _ => {}
    }
    match content.kind() {
        "aws" => return aws::plan(kind, content),
        "database" => return wire::plan(kind, content),
        _ => {}
    }
    let (call, secrets) = own::call(kind, content)?;
    Ok(Plan { ends: ends(kind, content), ..Plan::of(Work::Http(Box::new(call)), &secrets) })
}

/// When the credential says that it ends: its main secret, else the only one that says so.
fn ends(kind: &Kind, content: &Content) -> Option<Timestamp> {
    let main = kind.main_secret(content).and_then(|place| sign::jwt_expiry(content.secret(&place)?.expose()));
    let mut all = content.secrets.values().filter_map(|secret| sign::jwt_expiry(secret.expose()));
    main.or_else(|| all.next().filter(|_| all.next().is_none()))
}

#[cfg(test)]
mod tests;
