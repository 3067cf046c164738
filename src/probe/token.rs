//! OAuth credentials: the stored token proves itself at the service; where there is none and no person is needed,
//! a test gets one for itself and drops it. A stored token is never refreshed, replaced or revoked.

mod client;
mod report;
mod source;
mod verdict;

use jiff::Timestamp;
use serde_json::Value;
use url::Url;

use super::plan::{self, Call, Plan, Surroundings, Unplannable, Work};
use super::rules::Test;
use super::run::{self, MESSAGE, Means};
use super::service::{self, Chain};
use super::{Report, certificate};
use crate::http::{self, Request};
use crate::model::{Content, Outcome, parse_expiry};
use crate::oauth::{self, Ask};
use crate::redact::Redactor;
use crate::schema::Kind;
use crate::schema::catalogue::Chosen;
use crate::secret::Secret;
use crate::sign;
use source::Source;
use verdict::over;

pub(super) use client::Client;
pub use report::{revoke_report, token_report};
pub use source::{TokenSource, token_source};
pub(super) use verdict::mind_end;

/// How an OAuth credential is proved.
pub(super) struct Token {
    stored: Option<Stored>,
    /// How a test gets a token for itself.
    ask: Option<Ask>,
    /// What the token is tried with; without it, being given one is the proof.
    proof: Option<Proof>,
}

/// What a token is tried with.
enum Proof {
    /// The credential's own test.
    Call(Box<Call>),
    /// The calls that the catalogue describes.
    Chain(Box<Chain>),
}

/// A token that a login gave.
struct Stored {
    access: Secret,
    ends: Option<Timestamp>,
    /// There is a refresh token beside it.
    renewable: bool,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let stored = if self.stored.is_some() { "stored" } else { "none stored" };
        match &self.proof {
            Some(Proof::Call(call)) => write!(f, "Token({stored}, {:?}, {call:?})", self.ask),
            Some(Proof::Chain(chain)) => write!(f, "Token({stored}, {:?}, {chain:?})", self.ask),
            None => write!(f, "Token({stored}, {:?})", self.ask),
        }
    }
}

/// Whether a credential can be proved without a request of its own: getting a token is the proof. Of one that
/// refers to an OAuth app, the app decides.
pub fn proves_itself(content: &Content) -> bool {
    match content.kind() {
        "oauth2" => !oauth::needs_person(content, CONFIG),
        "oauth_alias" => true,
        _ => false,
    }
}

/// Whether a person has to log in before there is anything to test. Of a credential that refers to an OAuth app,
/// the app decides.
pub fn awaits_login(content: &Content, around: &Surroundings) -> bool {
    let person = match (content.kind(), &around.oauth_app) {
        ("oauth2", _) => oauth::needs_person(content, CONFIG),
        ("oauth_alias", Some(app)) => oauth::needs_person(app, ""),
        _ => false,
    };
    person && content.secret(ACCESS).is_none()
}

/// Where a credential says how it gets its tokens.
const CONFIG: &str = "/config";

/// Where the stored token stands.
const ACCESS: &str = "/config/tokens/access_token";

/// What templates call it.
pub(super) const TOKEN: &str = "access_token";

/// The stored token of an OAuth credential, and everything of it that must not be seen; `None` for other kinds.
///
/// # Errors
/// There is no token.
pub(super) fn bearer(
    kind: &Kind,
    content: &Content,
    around: &Surroundings,
) -> Result<Option<(Secret, Vec<Secret>)>, Unplannable> {
    if !matches!(content.kind(), "oauth2" | "oauth_alias") {
        return Ok(None);
    }
    let Some(access) = content.secret(ACCESS).filter(|token| !token.is_empty()) else {
        let obtain = kind.how_to_obtain(ACCESS).unwrap_or("a login gives one");
        let message = format!("{} is missing: log in first", kind.title_of(ACCESS));
        return Err(Unplannable::Lacking { message, advice: format!("Log in: {obtain}.") });
    };
    let of_app = around.oauth_app.iter().flat_map(|app| app.secrets.values());
    Ok(Some((access.clone(), content.secrets.values().chain(of_app).cloned().collect())))
}

/// Makes the plan of an OAuth credential.
pub(super) fn plan(kind: &Kind, content: &Content, around: &Surroundings) -> Result<Plan, Unplannable> {
    let mut chain = match kind.service() {
        Some(Ok(chosen)) if Chain::is_for(content, chosen) => Some(chain(kind, content, chosen)?),
        Some(Err(reason)) if !content.document.contains_key("test") => {
            return Err(Unplannable::NotTestable(reason.to_string().into()));
        }
        _ => None,
    };
    if let Some(chain) = chain.take_if(|chain| !chain.uses(TOKEN)) {
        // The service's own calls get what they need, such as a token.
        return Ok(Plan::of_chain(chain));
    }
    let source = Source::of(kind, content, around)?;
    let base = source.base;
    let mut secrets: Vec<Secret> = content.secrets.values().cloned().chain(source.secrets()).collect();
    let stored = content.secret(ACCESS).filter(|token| !token.is_empty()).map(|access| Stored {
        access: access.clone(),
        ends: content.get_str("/config/tokens/expires_at").and_then(parse_expiry),
        renewable: content.secret("/config/tokens/refresh_token").is_some(),
    });
    if let Some(stored) = &stored {
        secrets.push(stored.access.clone());
    }
    let ask = match (source.ask(kind), &stored) {
        (Ok(ask), _) if !ask.grant.needs_person() => Some(ask),
        // Enough is known to try the token that is there.
        (_, Some(_)) => None,
        (Ok(ask), None) => {
            let obtain = kind.how_to_obtain(ACCESS).unwrap_or("a login gives one");
            let message = format!("{} is missing: log in first", kind.title_of(ACCESS));
            let advice = format!("Log in: {obtain}.");
            // A wrong secret must not lock anybody out, and a client without one has nothing to be refused for.
            let locks = matches!(kind.service(), Some(Ok(chosen)) if chosen.variant().lockout);
            if locks || !ask.is_confidential() {
                return Err(Unplannable::Lacking { message, advice });
            }
            return Ok(Plan::of(Work::Client(Box::new(Client { ask, message, advice })), &secrets));
        }
        (Err(lacking), None) => return Err(lacking),
    };
    let own =
        content.get_str("/config/base_url").or_else(|| source.content.get_str(&format!("{base}/base_url")));
    let proof = match (chain, kind.test_of(content)) {
        (Some(chain), _) => {
            secrets.extend(chain.secrets.iter().cloned());
            Some(Proof::Chain(Box::new(chain)))
        }
        (None, Some(test)) => Some(Proof::Call(Box::new(call(kind, content, test, own)?))),
        (None, None) => None,
    };
    if proof.is_none() && ask.is_none() {
        return Err(Unplannable::NotTestable(
            "no test is set for its token: add one under Test, a path such as /v1/me that is safe to ask for"
                .into(),
        ));
    }
    Ok(Plan::of(Work::Token(Box::new(Token { stored, ask, proof })), &secrets))
}

/// The calls of the catalogue, with a stand-in for a token that is not there yet.
fn chain(kind: &Kind, content: &Content, chosen: &Chosen) -> Result<Chain, Unplannable> {
    if content.secret(ACCESS).is_some() {
        return Chain::of(kind, content, chosen);
    }
    let mut content = content.clone();
    content.set_secret(ACCESS, Secret::from("the-token-that-a-test-gets"));
    Chain::of(kind, &content, chosen)
}

fn call(kind: &Kind, content: &Content, test: &Value, base: Option<&str>) -> Result<Call, Unplannable> {
    let test = Test::read(test).map_err(|error| Unplannable::BadTest(error.to_string()))?;
    let method = plan::allowed_method(&test.method)?;
    let Some(base) = base.filter(|base| !base.is_empty()) else {
        return Err(Unplannable::Incomplete(vec![kind.title_of("/config/base_url")]));
    };
    Ok(Call {
        html: test.wants_html(),
        request: Request {
            method,
            url: http::join(&http::base(base)?, &test.path)?,
            headers: plan::test_headers(&test)?,
            body: test.body.map(Secret::new),
            allow_http: content.get("/allow_http").and_then(Value::as_bool).unwrap_or(false),
            tls: certificate::options(kind, content)?,
        },
        rules: test.rules,
    })
}

impl Token {
    /// The host that is asked first.
    pub(super) fn host(&self) -> &str {
        match (&self.proof, &self.ask) {
            (Some(Proof::Call(call)), _) => call.request.url.host_str().unwrap_or_default(),
            (Some(Proof::Chain(chain)), _) => &chain.host,
            (None, Some(ask)) => ask.host(),
            (None, None) => "",
        }
    }

    /// Every address that is known before anything is sent.
    pub(super) fn urls(&self) -> Vec<&Url> {
        let asked = self.ask.as_ref().and_then(Ask::url);
        let mut urls: Vec<&Url> = asked.into_iter().collect();
        match &self.proof {
            Some(Proof::Call(call)) => urls.push(&call.request.url),
            Some(Proof::Chain(chain)) => urls.extend(&chain.origins),
            None => {}
        }
        urls
    }

    /// What is asked.
    pub(super) fn summary(&self, redactor: &Redactor) -> String {
        match &self.proof {
            Some(Proof::Call(call)) => call.summary(redactor),
            Some(Proof::Chain(chain)) => redactor.show(&chain.summary, MESSAGE),
            None => "a token".to_owned(),
        }
    }

    /// Tries the stored token, or gets one.
    pub(super) async fn run(
        &self,
        redactor: &Redactor,
        means: &Means<'_>,
        clock: &impl Fn() -> Timestamp,
    ) -> Report {
        if let Some(stored) = &self.stored {
            match (stored.ends.filter(|ends| *ends <= clock()), &self.proof, &self.ask) {
                (None, Some(proof), _) => {
                    let mut report = tried(redactor, proof, &stored.access, means, clock()).await;
                    if let Some(ends) = sign::jwt_expiry(stored.access.expose()) {
                        mind_end(&mut report, ends, clock());
                    }
                    return report;
                }
                (Some(ended), _, None) => return over(ended, stored.renewable, clock()),
                _ => {}
            }
        }
        match &self.ask {
            Some(ask) => self.with_own(ask, redactor, means, clock()).await,
            None => Report::unsent(Outcome::NotTestable, "there is nothing to ask", "", clock()),
        }
    }

    /// Gets a token, tries it and drops it.
    async fn with_own(&self, ask: &Ask, redactor: &Redactor, means: &Means<'_>, now: Timestamp) -> Report {
        let own = oauth::Means {
            trust: means.trust,
            deadline: means.deadline,
            cancel: means.cancel,
            clock: &move || now,
        };
        let outcome = ask.token(&own).await;
        let mut redactor = redactor.clone();
        outcome.secrets.iter().for_each(|secret| redactor.learn(secret));
        let given = report::of(&outcome, &redactor, means.timeout, now);
        let (Ok(token), Some(proof)) = (&outcome.result, &self.proof) else { return given };
        let mut report = tried(&redactor, proof, &token.access, means, now).await;
        let mut steps = report::steps(&outcome.exchanges, &redactor);
        steps.append(&mut report.steps);
        report.steps = steps;
        if report.outcome == Outcome::Ok && report.facts.scopes.is_none() {
            report.facts.scopes = given.facts.scopes;
        }
        if let Some(lacks) = report::lacks(token) {
            report.message = format!("{}; the token came{}", report.message, redactor.show(&lacks, MESSAGE));
        }
        report
    }
}

/// Sends the request with a token.
async fn tried(
    redactor: &Redactor,
    proof: &Proof,
    token: &Secret,
    means: &Means<'_>,
    now: Timestamp,
) -> Report {
    let call = match proof {
        Proof::Call(call) => call,
        Proof::Chain(chain) => return service::run(chain, Some(token), means, now).await,
    };
    let value = Secret::new(format!("Bearer {}", token.expose()));
    let value = match plan::sendable(value, "Access token", "a header") {
        Ok(value) => value,
        Err(unsendable) => return unsendable.report(now),
    };
    let known = &call.request;
    let mut headers = known.headers.clone();
    headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Authorization"));
    headers.push(("Authorization".to_owned(), value));
    let request = Request {
        method: known.method.clone(),
        url: known.url.clone(),
        headers,
        body: known.body.clone(),
        allow_http: known.allow_http,
        tls: known.tls.clone(),
    };
    let exchange = means.send(&request).await;
    run::judge(redactor, call, &exchange, means.timeout, now)
}
