//! A service of the catalogue, as its file says it. `docs/ADDING_A_SERVICE.md` tells the format to people, and
//! `assets/service.json` to editors. What no member here takes is told by that schema, so that one such mistake
//! does not hide the others.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::rules::{Rule, one_or_many};
use super::rotation::Rotation;
use crate::model::Outcome;

/// Kinds that people call by either name, and the secret of each.
const EITHER: [(&str, &str); 2] = [("api_key", "api_key"), ("bearer_token", "token")];

/// Names with a template each.
pub type Templates = BTreeMap<String, String>;

/// One service, with the ways in which one proves oneself to it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Service {
    /// The file's name, without its ending.
    #[serde(skip)]
    pub id: String,
    /// The name for people.
    #[serde(default)]
    pub name: String,
    /// What it is for: one word of a fixed list.
    #[serde(default)]
    pub category: String,
    /// The vendor's reference of the API.
    #[serde(default)]
    pub docs: Option<String>,
    /// Where the vendor says whether it runs.
    #[serde(default)]
    pub status_page: Option<String>,
    /// More words for the search.
    #[serde(default)]
    pub words: Vec<String>,
    /// Takes what is not said here from the built-in file of the same name.
    #[serde(default)]
    pub extends: bool,
    /// The ways in, the most usual one of a kind first.
    #[serde(default, rename = "variant")]
    pub variants: Vec<Variant>,
}

/// One way to prove oneself to a service.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Variant {
    /// Unique in the service.
    pub id: String,
    /// The name for people, such as `API token`.
    pub title: String,
    /// The kind that its credentials are of.
    pub kind: String,
    /// Where the service answers, with `{fields}`; `{base_url}` alone: a person says it.
    #[serde(default)]
    pub base_url: Option<String>,
    /// Hosts besides the base URL's that its requests go to.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The page on which a person makes the key.
    #[serde(default)]
    pub key_url: Option<String>,
    /// A trap worth knowing.
    #[serde(default)]
    pub note: Option<String>,
    /// Each test costs quota or money.
    #[serde(default)]
    pub metered: bool,
    /// Wrong tries lock the account.
    #[serde(default)]
    pub lockout: bool,
    /// Where the facts come from.
    #[serde(default)]
    pub origin: Option<String>,
    /// How sure they are.
    #[serde(default)]
    pub confidence: Option<Confidence>,
    /// Why no request proves it.
    #[serde(default)]
    pub not_testable: Option<String>,
    /// What a person enters.
    #[serde(default, rename = "field")]
    pub fields: Vec<ServiceField>,
    /// What is computed from it.
    #[serde(default)]
    pub derived: Vec<Derived>,
    /// What every request carries.
    #[serde(default)]
    pub auth: Auth,
    /// What signs every request, for the test to read.
    #[serde(default)]
    pub signer: Option<Map<String, Value>>,
    /// Calls before the test: logins, exchanges of a key for a token.
    #[serde(default, rename = "step")]
    pub steps: Vec<Call>,
    /// The request that proves it.
    #[serde(default)]
    pub test: Option<Call>,
    /// Calls after the test: logging out.
    #[serde(default)]
    pub after: Vec<Call>,
    /// How the service makes, and drops, keys when it is asked with the one in use.
    #[serde(default)]
    pub rotation: Option<Rotation>,
    /// What an OAuth client of the service needs to know.
    #[serde(default)]
    pub oauth: Option<OAuth>,
}

/// How sure a fact is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Confidence {
    /// One source, unchecked.
    Low,
    /// One source, or checked by hand.
    Medium,
    /// Several sources, or the vendor itself.
    High,
}

impl Confidence {
    /// The word used in files and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// One thing that a person enters.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ServiceField {
    /// What templates call it.
    pub name: String,
    /// What stands before it in a form.
    #[serde(default)]
    pub title: Option<String>,
    /// One sentence of help.
    #[serde(default)]
    pub description: Option<String>,
    /// It must be there.
    #[serde(default = "yes")]
    pub required: bool,
    /// It is masked.
    #[serde(default)]
    pub secret: bool,
    /// What it is at first.
    #[serde(default)]
    pub default: Option<String>,
    /// A sample.
    #[serde(default)]
    pub example: Option<String>,
    /// All that it may be.
    #[serde(default)]
    pub choices: Vec<String>,
    /// What it must look like: a regular expression.
    #[serde(default)]
    pub pattern: Option<String>,
    /// What a violated pattern means, in words.
    #[serde(default)]
    pub says: Option<String>,
    /// How it usually starts: a hint, never an error.
    #[serde(default)]
    pub prefix: Vec<String>,
    /// How one for tests only starts.
    #[serde(default)]
    pub test_prefix: Vec<String>,
    /// How long it usually is, in characters: least and most.
    #[serde(default)]
    pub length: Option<[usize; 2]>,
    /// Line breaks are allowed.
    #[serde(default)]
    pub multiline: bool,
    /// The member of a credential that holds it, where that is not called like it: see [`Variant::called`].
    #[serde(skip)]
    pub stored_as: Option<String>,
}

fn yes() -> bool {
    true
}

/// A value that is computed from another one.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Derived {
    /// What templates call it.
    pub name: String,
    /// What it is computed from.
    pub from: String,
    /// What stands behind the last of these.
    #[serde(default)]
    pub after_last: Option<String>,
    /// What stands before the last of these.
    #[serde(default)]
    pub before_last: Option<String>,
    /// What stands behind the first of these.
    #[serde(default)]
    pub after_first: Option<String>,
    /// What stands before the first of these.
    #[serde(default)]
    pub before_first: Option<String>,
    /// Its Base64.
    #[serde(default)]
    pub base64: bool,
    /// In small letters.
    #[serde(default)]
    pub lower: bool,
}

impl Derived {
    /// How many ways to compute it are named; one is right.
    pub fn ways(&self) -> usize {
        let parts = [&self.after_last, &self.before_last, &self.after_first, &self.before_first];
        parts.iter().filter(|part| part.is_some()).count()
            + usize::from(self.base64)
            + usize::from(self.lower)
    }
}

/// What a request carries to prove who sends it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Auth {
    /// Header fields.
    #[serde(default)]
    pub headers: Templates,
    /// Parameters of the query.
    #[serde(default)]
    pub query: Templates,
    /// Cookies.
    #[serde(default)]
    pub cookies: Templates,
    /// HTTP Basic.
    #[serde(default)]
    pub basic: Option<Basic>,
}

impl Auth {
    /// Whether it puts nothing anywhere.
    pub fn is_empty(&self) -> bool {
        self.headers.is_empty() && self.query.is_empty() && self.cookies.is_empty() && self.basic.is_none()
    }
}

/// HTTP Basic authentication.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Basic {
    /// The user name.
    #[serde(default)]
    pub username: String,
    /// The password.
    #[serde(default)]
    pub password: String,
}

/// One request of a variant.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Call {
    /// The word for it in reports.
    #[serde(default)]
    pub name: Option<String>,
    /// `GET`, `HEAD`, `OPTIONS` or `POST`; a call that logs out may also be a `DELETE`, one that makes or drops a key
    /// a `PUT`, too.
    #[serde(default)]
    pub method: Option<String>,
    /// Appended to the base URL.
    #[serde(default)]
    pub path: Option<String>,
    /// A whole address in place of a path.
    #[serde(default)]
    pub url: Option<String>,
    /// Whether it carries the variant's [`Auth`]: a test does, other calls do not, unless this says so.
    #[serde(default)]
    pub auth: Option<bool>,
    /// Header fields.
    #[serde(default)]
    pub headers: Templates,
    /// Parameters of the query.
    #[serde(default)]
    pub query: Templates,
    /// Cookies.
    #[serde(default)]
    pub cookies: Templates,
    /// HTTP Basic, in place of the variant's.
    #[serde(default)]
    pub basic: Option<Basic>,
    /// A form as body.
    #[serde(default)]
    pub form: Option<Templates>,
    /// JSON as body; its texts are templates.
    #[serde(default)]
    pub json: Option<Value>,
    /// Any text as body.
    #[serde(default)]
    pub body: Option<String>,
    /// A good answer: one of these rules holds.
    #[serde(default, deserialize_with = "one_or_many")]
    pub expect: Vec<Rule>,
    /// A refused credential.
    #[serde(default, deserialize_with = "one_or_many")]
    pub rejected: Vec<Rule>,
    /// A lack of permission.
    #[serde(default, deserialize_with = "one_or_many")]
    pub limited: Vec<Rule>,
    /// A credential that is over.
    #[serde(default, deserialize_with = "one_or_many")]
    pub expired: Vec<Rule>,
    /// Who says what a refusal looks like.
    #[serde(default)]
    pub basis: Option<String>,
    /// Where that is written.
    #[serde(default)]
    pub basis_url: Option<String>,
    /// Why a good answer proves little.
    #[serde(default)]
    pub weak: Option<String>,
    /// What is taken from the answer, for the calls that follow.
    #[serde(default)]
    pub take: Vec<Take>,
    /// What a good answer tells about the credential.
    #[serde(default)]
    pub facts: Vec<Fact>,
    /// Answers of the service that are known.
    #[serde(default)]
    pub samples: Vec<Sample>,
}

impl Call {
    /// The method, in capitals.
    pub fn method(&self) -> String {
        self.method.as_deref().unwrap_or("GET").to_ascii_uppercase()
    }

    /// Whether somebody says what a refusal looks like: not only the usual meaning of a 401.
    pub fn declares_rejection(&self) -> bool {
        !self.rejected.is_empty() && self.basis.as_deref().is_some_and(|basis| basis != "default")
    }
}

/// A value that is taken from an answer: exactly one place.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Take {
    /// What templates call it.
    pub name: String,
    /// JSON pointer into the body.
    #[serde(default)]
    pub json: Option<String>,
    /// A header.
    #[serde(default)]
    pub header: Option<String>,
    /// A cookie that is set.
    #[serde(default)]
    pub cookie: Option<String>,
    /// The whole body, without blanks around it.
    #[serde(default)]
    pub body: bool,
    /// It is masked, and forgotten after the test.
    #[serde(default = "yes")]
    pub secret: bool,
    /// It is a list of texts, which stands as it is where a text of a JSON body is its name alone.
    #[serde(default)]
    pub list: bool,
    /// Texts that are left out of a list.
    #[serde(default)]
    pub without: Vec<String>,
}

/// Something that a good answer tells about the credential: exactly one place.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Fact {
    /// What it is about.
    pub what: What,
    /// JSON pointer into the body.
    #[serde(default)]
    pub json: Option<String>,
    /// A header.
    #[serde(default)]
    pub header: Option<String>,
    /// What stands between several values in one text.
    #[serde(default)]
    pub split: Option<String>,
}

/// What a fact is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// Whose credential it is.
    Who,
    /// What it may do.
    Scopes,
    /// When it ends: a time, a date, or seconds since 1970.
    Expires,
    /// In how many seconds it ends.
    ExpiresIn,
}

/// An answer of the service that is known.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Sample {
    /// What it means.
    pub outcome: Outcome,
    /// Its status code.
    pub status: u16,
    /// Its body.
    #[serde(default)]
    pub body: String,
    /// Its headers.
    #[serde(default)]
    pub headers: Templates,
}

/// What an OAuth client of the service needs to know.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct OAuth {
    /// How tokens are got: the kind's `grant`.
    #[serde(default)]
    pub grant: Option<String>,
    /// The authorization server, for discovery.
    #[serde(default)]
    pub issuer: Option<String>,
    /// Where a person agrees.
    #[serde(default)]
    pub authorization_url: Option<String>,
    /// Where tokens are given out.
    #[serde(default)]
    pub token_url: Option<String>,
    /// Where a device asks for its code.
    #[serde(default)]
    pub device_url: Option<String>,
    /// Where tokens are given back.
    #[serde(default)]
    pub revocation_url: Option<String>,
    /// Where tokens are renewed, when elsewhere.
    #[serde(default)]
    pub refresh_url: Option<String>,
    /// What is asked for at first.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// What stands between scopes; without one, a blank.
    #[serde(default)]
    pub scope_separator: Option<String>,
    /// How the client proves itself.
    #[serde(default)]
    pub client_auth: Option<String>,
    /// How parameters are sent: `form` or `json`.
    #[serde(default)]
    pub body_format: Option<String>,
    /// What the tokens are for.
    #[serde(default)]
    pub audience: Option<String>,
    /// Sent with each request for tokens.
    #[serde(default)]
    pub extra_parameters: Templates,
    /// Sent with each request for a person's consent.
    #[serde(default)]
    pub authorization_parameters: Templates,
    /// Whether PKCE is known to work.
    #[serde(default)]
    pub pkce: Option<String>,
    /// Members of the token's answer to keep.
    #[serde(default)]
    pub reply_fields: Vec<String>,
    /// Parameters of the redirect to keep.
    #[serde(default)]
    pub redirect_fields: Vec<String>,
}

impl Service {
    /// The variant that a credential's `service` means: the one of that id, else the first of the kind.
    pub fn variant(&self, id: Option<&str>, kind: &str) -> Option<usize> {
        match id {
            Some(id) => self.variants.iter().position(|variant| variant.id == id),
            None => self.variants.iter().position(|variant| variant.kind == kind),
        }
    }
}

impl Variant {
    /// The same way in for a credential of another kind, where the kinds are two words for one thing: an API key and
    /// a bearer token. Templates keep the names that they know. `None`: it is no such way.
    pub fn called(&self, kind: &str) -> Option<Self> {
        let main = |kind: &str| EITHER.iter().find(|(known, _)| *known == kind).map(|(_, secret)| *secret);
        let (own, other) = (main(&self.kind)?, main(kind)?);
        let only = self.fields.iter().all(|field| field.secret == (field.name == own) && field.name != other);
        if self.kind == kind || !only {
            return None;
        }
        let mut called = self.clone();
        kind.clone_into(&mut called.kind);
        for field in called.fields.iter_mut().filter(|field| field.name == own) {
            field.stored_as = Some(other.to_owned());
        }
        Some(called)
    }

    /// A field by its name.
    pub fn field(&self, name: &str) -> Option<&ServiceField> {
        self.fields.iter().find(|field| field.name == name)
    }

    /// All calls, in the order they are made.
    pub fn calls(&self) -> impl Iterator<Item = &Call> {
        self.steps.iter().chain(&self.test).chain(&self.after)
    }
}
