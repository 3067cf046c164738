//! A service's test: the calls that the catalogue describes, with the credential's values in them.
//!
//! Everything that can be said before anything is sent is said when the [`Chain`] is made: each request is built
//! once with stand-ins for what the calls before it will bring. Afterwards only values taken from answers can be
//! unfit, and they are checked in the same place.

mod build;
mod facts;
mod rotate;
mod run;
mod texts;
mod values;

use std::sync::Arc;

use serde_json::Value;
use url::Url;

use super::ask as own;
use super::ask::Wish;
use super::plan::Unplannable;
use super::rules::{Rules, Test};
use super::way::other_hosts;
use crate::http::{AllowedHosts, TlsOptions};
use crate::model::Content;
use crate::schema::Kind;
use crate::schema::catalogue::{self, Auth, Chosen, SIGNER_VALUES, Variant};
use crate::schema::rules::HeaderCheck;
use crate::secret::Secret;
use crate::sign::SignerSpec;
use values::Values;

pub(super) use rotate::{judged, place, with_made};
pub(super) use run::{ask, run};
pub(super) use texts::Texts;

/// The calls of one test, in their order.
pub(super) struct Chain {
    /// What it is about.
    pub(super) chosen: Chosen,
    values: Values,
    base: Option<Url>,
    hosts: AllowedHosts,
    auth: Auth,
    signer: Option<SignerSpec>,
    tls: TlsOptions,
    allow_http: bool,
    calls: Vec<Call>,
    /// Every secret that is sent, in the forms it takes.
    pub(super) secrets: Vec<Secret>,
    /// The host that most of it goes to.
    pub(super) host: String,
    /// Where the calls go, without paths; parts of a host that answers bring are not known yet.
    pub(super) origins: Vec<Url>,
    /// The test in words, before anything is taken from answers.
    pub(super) summary: String,
    /// Where a person makes the key, where that is known.
    pub(super) key_page: Option<String>,
    /// What a person asks for in place of the test.
    wish: Option<Added>,
}

/// What a person's own request has besides method and address.
struct Added {
    headers: Vec<(String, Secret)>,
    body: Option<Secret>,
}

impl std::fmt::Debug for Chain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Chain({}, {} calls)", self.chosen.name(), self.calls.len())
    }
}

/// What a call is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    Step,
    Test,
    After,
}

/// One call.
#[derive(Debug)]
struct Call {
    turn: Turn,
    /// The word for it in the report; the test has none.
    name: String,
    call: Arc<catalogue::Call>,
    rules: Rules,
    carries_auth: bool,
    html: bool,
}

impl Chain {
    /// Whether the service has a say in a credential's test: what the credential says itself counts, where the
    /// service knows neither how it is sent nor what to ask.
    pub(super) fn is_for(content: &Content, chosen: &Chosen) -> bool {
        let variant = chosen.variant();
        let own = content.document.get("test").is_some_and(|test| !test.is_null());
        match own {
            true => Self::knows_how(chosen),
            false => variant.test.is_some() || variant.not_testable.is_some(),
        }
    }

    /// Whether the service says how its credentials are sent.
    pub(super) fn knows_how(chosen: &Chosen) -> bool {
        let variant = chosen.variant();
        !variant.auth.is_empty() || variant.signer.is_some() || !variant.steps.is_empty()
    }

    /// A person's own request, with what the service wants before it and in it.
    ///
    /// # Errors
    /// Why nothing can be sent.
    pub(super) fn for_wish(
        kind: &Kind,
        content: &Content,
        chosen: &Chosen,
        wish: Wish,
    ) -> Result<Self, Unplannable> {
        let whole = own::whole(&wish.target)?.is_some();
        let call = catalogue::Call {
            method: Some(wish.method),
            url: whole.then(|| wish.target.clone()),
            path: (!whole).then_some(wish.target),
            ..catalogue::Call::default()
        };
        let mut calls = calls(chosen.variant(), None)?;
        calls.retain(|call| call.turn != Turn::Test);
        let at = calls.iter().position(|call| call.turn == Turn::After).unwrap_or(calls.len());
        calls.insert(at, made(Turn::Test, 0, &call));
        let added = Added { headers: own::own_headers(wish.headers)?, body: wish.body };
        Self::make(kind, content, chosen, calls, Values::of(kind, content, chosen)?, Some(added))
    }

    /// The calls that prove a credential of a service.
    ///
    /// # Errors
    /// Why nothing can be sent.
    pub(super) fn of(kind: &Kind, content: &Content, chosen: &Chosen) -> Result<Self, Unplannable> {
        let variant = chosen.variant();
        let own_test = content.document.get("test").filter(|test| !test.is_null());
        if let (Some(reason), None) = (&variant.not_testable, own_test) {
            return Err(Unplannable::NotTestable(format!("{}: {reason}", chosen.service.name).into()));
        }
        let calls = calls(variant, own_test)?;
        Self::make(kind, content, chosen, calls, Values::of(kind, content, chosen)?, None)
    }

    fn make(
        kind: &Kind,
        content: &Content,
        chosen: &Chosen,
        calls: Vec<Call>,
        values: Values,
        wish: Option<Added>,
    ) -> Result<Self, Unplannable> {
        let variant = chosen.variant();
        let signer = variant.signer.as_ref().map(|signer| {
            serde_json::from_value(Value::Object(signer.clone()))
                .map_err(|error| Unplannable::BadTest(format!("the signer cannot be read: {error}")))
        });
        let base_text = content.get_str("/config/base_url").or(variant.base_url.as_deref());
        let base = match base_text.filter(|text| !text.is_empty() && *text != "{base_url}") {
            Some(text) => Some(values.base(text)?),
            None => None,
        };
        let mut chain = Self {
            hosts: AllowedHosts::default(),
            auth: auth(content, variant),
            signer: signer.transpose()?,
            tls: super::certificate::options(kind, content)?,
            allow_http: content.get("/allow_http").and_then(Value::as_bool).unwrap_or(false),
            calls,
            wish,
            secrets: content.secrets.values().cloned().collect(),
            host: String::new(),
            origins: Vec::new(),
            summary: String::new(),
            key_page: None,
            chosen: chosen.clone(),
            values,
            base,
        };
        chain.hosts = chain.allowed_hosts(kind, content, variant)?;
        chain.key_page = variant.key_url.as_deref().and_then(|page| chain.values.public(page));
        chain.secrets.extend(chain.values.derived_secrets());
        chain.rehearse()?;
        Ok(chain)
    }

    /// Hosts besides the base URL's: the credential's own, and those of a built-in service as long as the
    /// credential is for the service's own address.
    fn allowed_hosts(
        &self,
        kind: &Kind,
        content: &Content,
        variant: &Variant,
    ) -> Result<AllowedHosts, Unplannable> {
        let own = other_hosts(kind, content)?;
        let usual = match variant.base_url.as_deref() {
            None | Some("{base_url}") => true,
            Some(usual) => match (&self.base, self.values.base(usual)) {
                (Some(base), Ok(usual)) => base.host_str() == usual.host_str(),
                // Where its parts are not known, the credential's address is another one.
                _ => false,
            },
        };
        if !(self.chosen.trusted && usual) {
            return Ok(own);
        }
        let hosts = variant.hosts.iter().map(|host| self.values.host(host));
        let hosts = hosts.collect::<Result<Vec<String>, _>>()?;
        let hosts = AllowedHosts::read(hosts.iter().map(String::as_str));
        Ok(own.and(hosts.map_err(|error| Unplannable::BadTest(error.to_string()))?))
    }

    /// Builds every request with stand-ins for what is not known yet.
    fn rehearse(&mut self) -> Result<(), Unplannable> {
        let mut values = self.values.clone();
        if self.signer.is_some() {
            for name in SIGNER_VALUES {
                values.stand_in(name, true);
            }
        }
        let mut more = Vec::new();
        for call in &self.calls {
            let built = self.build(call, &values)?;
            self.origins.extend(built.request.url.join("/"));
            if call.turn == Turn::Test {
                self.host = built.request.url.host_str().unwrap_or_default().to_owned();
                self.summary = format!("{} {}", built.request.method, built.request.url.path());
            }
            if call.turn != Turn::After && call.call.take.is_empty() {
                more.extend(built.secrets);
            }
            for take in &call.call.take {
                values.stand_in(&take.name, take.secret);
            }
        }
        if let Some(spec) = &self.signer {
            spec.resolve::<Unplannable>(&|name| Ok(values.get_or_empty(name)))?;
        }
        self.secrets.extend(more);
        if self.wish.is_none()
            && values.has_secret()
            && !values.uses_secret()
            && self.signer.is_none()
            && self.tls.identity.is_none()
        {
            return Err(Unplannable::NotTestable(
                "its test uses none of its secrets: it would prove nothing".into(),
            ));
        }
        Ok(())
    }

    /// Whether any request has a value of this name in it.
    pub(super) fn uses(&self, name: &str) -> bool {
        self.values.uses(name)
    }

    /// Why a good answer proves little.
    fn weak(&self) -> Option<&str> {
        self.calls.iter().find(|call| call.turn == Turn::Test)?.call.weak.as_deref()
    }
}

/// The base URL of a credential with its values in it, where it is a template of the service.
pub fn base_url(kind: &Kind, content: &Content) -> Option<String> {
    let Some(Ok(chosen)) = kind.service() else { return None };
    let text = content.get_str("/config/base_url").filter(|text| text.contains('{'))?;
    let base = Values::of(kind, content, chosen).ok()?.address(text).ok()?;
    Some(base.expose().to_owned())
}

/// What requests carry: what the credential itself says, else what the service says.
fn auth(content: &Content, variant: &Variant) -> Auth {
    let one = |name: &str, value: &str| [(name.to_owned(), value.to_owned())].into();
    let text = |place: &str| content.get_str(place).unwrap_or_default();
    let texts = |place: &str| {
        let members = content.get(place).and_then(Value::as_object).into_iter().flatten();
        members.filter_map(|(name, text)| Some((name.clone(), text.as_str()?.to_owned()))).collect()
    };
    if content.get("/config/placement").is_some() {
        let placed = format!("{{{}}}", values::PLACED);
        let (name, nothing) = (text("/config/placement/name"), Auth::default());
        return match text("/config/placement/in") {
            "query" => Auth { query: one(name, &placed), ..nothing },
            "cookie" => Auth { cookies: one(name, &placed), ..nothing },
            _ => Auth { headers: one(name, &placed), ..nothing },
        };
    }
    if content.get("/config/request").is_some() {
        return Auth {
            headers: texts("/config/request/headers"),
            query: texts("/config/request/query"),
            ..Auth::default()
        };
    }
    if content.kind() == "bearer_token" && content.get("/config/scheme").is_some() {
        return Auth { headers: one("Authorization", "{scheme} {token}"), ..Auth::default() };
    }
    variant.auth.clone()
}

/// The calls of a variant, with the credential's own test in place of the service's.
fn calls(variant: &Variant, own: Option<&Value>) -> Result<Vec<Call>, Unplannable> {
    let mut calls: Vec<Call> =
        variant.steps.iter().enumerate().map(|(number, step)| made(Turn::Step, number, step)).collect();
    match own {
        Some(own) => calls.push(made(Turn::Test, 0, &own_call(own)?)),
        None => calls.extend(variant.test.iter().map(|test| made(Turn::Test, 0, test))),
    }
    calls.extend(variant.after.iter().map(|call| made(Turn::After, 0, call)));
    Ok(calls)
}

/// A call of the catalogue in its turn.
fn made(turn: Turn, number: usize, call: &catalogue::Call) -> Call {
    let usual = match turn {
        Turn::Step if number == 0 => "login".to_owned(),
        Turn::Step => format!("step {}", number + 1),
        Turn::Test => String::new(),
        Turn::After => "logout".to_owned(),
    };
    Call {
        turn,
        name: call.name.clone().filter(|_| turn != Turn::Test).unwrap_or(usual),
        rules: Rules {
            expect: call.expect.clone(),
            rejected: call.rejected.clone(),
            limited: call.limited.clone(),
            expired: call.expired.clone(),
            closest_first: true,
        },
        carries_auth: call.auth.unwrap_or(turn == Turn::Test),
        html: wants_html(call),
        call: Arc::new(call.clone()),
    }
}

/// A credential's own test as the catalogue would say it.
fn own_call(own: &Value) -> Result<catalogue::Call, Unplannable> {
    let test = Test::read(own).map_err(|error| Unplannable::BadTest(error.to_string()))?;
    super::plan::allowed_method(&test.method)?;
    Ok(catalogue::Call {
        method: Some(test.method),
        path: Some(test.path),
        headers: test.headers.0.into_iter().collect(),
        body: test.body,
        expect: test.rules.expect,
        rejected: test.rules.rejected,
        limited: test.rules.limited,
        expired: test.rules.expired,
        ..catalogue::Call::default()
    })
}

fn wants_html(call: &catalogue::Call) -> bool {
    let html = |text: &str| text.to_ascii_lowercase().contains("text/html");
    let declares = |check: &HeaderCheck| {
        check.name.eq_ignore_ascii_case("content-type")
            && [&check.equals, &check.contains].into_iter().flatten().any(|text| html(text))
    };
    call.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("accept") && html(value))
        || call.expect.iter().any(|rule| rule.header.iter().any(declares))
}

#[cfg(test)]
mod tests;
