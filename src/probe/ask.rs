//! A request that a person asks for, with the credential where its kind or its service puts it.
//!
//! It goes to the credential's own hosts and nowhere else: the base URL's origin, those that `allowed_hosts` names, and
//! those of a built-in service as long as the credential is for the service's own address. A redirect is an answer like
//! any other.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::Value;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use super::plan::{Placed, Surroundings, Unplannable, header_name, may_be_set, placed, sendable};
use super::run::{MESSAGE, Means, failure_words};
use super::service::{self, Chain};
use super::way::other_hosts;
use super::{certificate, token};
use crate::http::{self, AddressError, Answer, Request, Trust};
use crate::model::Content;
use crate::redact::Redactor;
use crate::schema::{Kind, Kinds};
use crate::secret::Secret;
use crate::sign::Signer;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Wish {
    /// The method, in capitals.
    pub method: String,
    /// A path behind the base URL, query included, or a whole address.
    pub target: String,
    /// Header fields besides the credential's own.
    pub headers: Vec<(String, Secret)>,
    /// The body.
    pub body: Option<Secret>,
}

/// A request that can be sent.
#[derive(Debug)]
pub struct Prepared {
    work: Work,
    redactor: Redactor,
    /// Much of the answer may be read: a person wants to see it.
    whole: bool,
}

#[derive(Debug)]
enum Work {
    Request(Box<Request>),
    /// The service's own way: what logs in before, and what signs.
    Service(Box<Chain>),
    Aws(Box<Request>, Box<Signer>),
}

/// What came of it.
#[derive(Debug)]
pub struct Asked {
    /// The answer, or why there is none.
    pub result: Result<Answer, NoAnswer>,
    /// Knows every secret that was sent, and those that came on the way.
    pub redactor: Redactor,
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoAnswer {
    /// In one sentence.
    pub words: String,
    /// The request, or a part of it, may have reached the service.
    pub sent: bool,
}

impl NoAnswer {
    pub(super) fn unsent(words: String) -> Self {
        Self { words, sent: false }
    }

    /// The answer of an exchange. The step that failed is the last one: before `request` nothing was sent.
    pub(super) fn or_answer(exchange: http::Exchange) -> Result<Answer, Self> {
        let sent = exchange.steps.last().is_some_and(|step| step.name == "request");
        exchange.result.map_err(|failure| Self { words: failure_words(&failure), sent })
    }

    pub(super) fn shown(self, redactor: &Redactor) -> Self {
        Self { words: redactor.show(&self.words, MESSAGE), ..self }
    }
}

/// Makes the request of one credential.
///
/// # Errors
/// Why nothing can be sent; an address that is none of the credential's is [`Unplannable::Elsewhere`].
pub fn prepare(
    kinds: &Kinds,
    content: &Content,
    around: &Surroundings,
    wish: Wish,
) -> Result<Prepared, Unplannable> {
    let Some(kind) = kinds.of_content(content) else {
        return Err(Unplannable::NotTestable("its kind is not known".into()));
    };
    let missing: Vec<String> = kind.missing(content).iter().map(|place| kind.title_of(place)).collect();
    if !missing.is_empty() {
        return Err(Unplannable::Incomplete(missing));
    }
    if matches!(content.kind(), "oauth2" | "oauth_alias") {
        // Without a token there is nothing to send, whatever the service.
        token::bearer(&kind, content, around)?;
    }
    if let Some(Ok(chosen)) = kind.service()
        && Chain::knows_how(chosen)
    {
        let chain = Chain::for_wish(&kind, content, chosen, wish)?;
        let redactor = Redactor::new(&chain.secrets);
        return Ok(Prepared { work: Work::Service(Box::new(chain)), redactor, whole: true });
    }
    match content.kind() {
        "aws" => return aws(content, wish),
        "secret" | "database" => {
            return Err(Unplannable::NotTestable("a credential of this kind is not for HTTP".into()));
        }
        _ => {}
    }
    let (placed, mut secrets) = match token::bearer(&kind, content, around)? {
        Some((token, secrets)) => (Placed::bearer(&token), secrets),
        None => placed(&kind, content)?,
    };
    let own = content.get_str("/config/base_url").filter(|text| !text.is_empty());
    let app = around.oauth_app.as_ref().and_then(|app| app.get_str("/base_url"));
    let Some(base) = own.or(app) else {
        return Err(Unplannable::Incomplete(vec![kind.title_of("/config/base_url")]));
    };
    let mut url = destination(&kind, content, &http::base(base)?, &wish.target)?;
    let mut headers = own_headers(wish.headers)?;
    let body = placed.put(&mut url, &mut headers, &mut secrets)?;
    let request = Request {
        url,
        headers,
        body: wish.body.or(body.filter(|_| wish.method != "GET")),
        method: wish.method,
        allow_http: allow_http(content),
        tls: certificate::options(&kind, content)?,
    };
    Ok(Prepared { work: Work::Request(Box::new(request)), redactor: Redactor::new(&secrets), whole: true })
}

/// The header fields that a person adds.
pub(super) fn own_headers(headers: Vec<(String, Secret)>) -> Result<Vec<(String, Secret)>, Unplannable> {
    let checked = |(name, value): (String, Secret)| {
        may_be_set(&name)?;
        let value = sendable(value, &name, "a header")?;
        Ok((header_name(&name)?, value))
    };
    headers.into_iter().map(checked).collect()
}

fn allow_http(content: &Content) -> bool {
    content.get("/allow_http").and_then(Value::as_bool).unwrap_or(false)
}

/// Where it goes: behind the base URL, or to a host that the credential names.
fn destination(kind: &Kind, content: &Content, base: &Url, target: &str) -> Result<Url, Unplannable> {
    let Some(url) = whole(target)? else { return Ok(http::join(base, target)?) };
    if http::same_origin(base, &url) || other_hosts(kind, content)?.allow(&url) {
        return Ok(url);
    }
    Err(Unplannable::elsewhere(&url))
}

/// A whole address; `None`: a path.
pub(super) fn whole(target: &str) -> Result<Option<Url>, Unplannable> {
    if !target.contains("://") || target.starts_with('/') {
        return Ok(None);
    }
    let (start, query) = match target.split_once('?') {
        Some((start, query)) => (start, Some(query)),
        None => (target, None),
    };
    if query.is_some_and(|query| query.contains('#') || query.chars().any(|c| c.is_control() || c == ' ')) {
        return Err(Unplannable::Address(AddressError::NotABase));
    }
    let mut url = http::base(start)?;
    url.set_query(query);
    Ok(Some(url))
}

/// A request to AWS, signed for the service and the region that its host names.
pub(super) fn aws(content: &Content, wish: Wish) -> Result<Prepared, Unplannable> {
    let text = |place: &str| content.get_str(place).unwrap_or_default();
    let own = match text("/config/endpoint_url") {
        "" => None,
        own => Some(http::base(own)?),
    };
    let url = match (whole(&wish.target)?, &own) {
        (Some(url), _) => url,
        (None, Some(base)) => http::join(base, &wish.target)?,
        (None, None) => {
            return Err(Unplannable::NotTestable(
                "it has no base URL: name a whole address, such as https://s3.us-east-1.amazonaws.com/"
                    .into(),
            ));
        }
    };
    let region = match text("/config/region") {
        "" => "us-east-1",
        region => region,
    };
    let host = url.host_str().unwrap_or_default();
    let at_own = own.as_ref().is_some_and(|own| http::same_origin(own, &url));
    let (service, region) = match super::kind::aws::place_of(host, region) {
        Some(place) if at_own || url.scheme() == "https" && url.port().is_none() => place,
        None if at_own => (host.split('.').next().unwrap_or(host).to_owned(), region.to_owned()),
        _ => return Err(Unplannable::elsewhere(&url)),
    };
    let secret = content.secret("/config/secret_access_key").cloned().unwrap_or_else(|| Secret::from(""));
    let token = content.secret("/config/session_token").filter(|token| !token.is_empty());
    let signer = Signer::aws(text("/config/access_key_id"), &secret, token, &region, &service);
    let request = Request {
        url,
        method: wish.method,
        headers: own_headers(wish.headers)?,
        body: wish.body,
        allow_http: allow_http(content),
        tls: http::TlsOptions::default(),
    };
    let redactor = Redactor::new(content.secrets.values());
    Ok(Prepared { work: Work::Aws(Box::new(request), Box::new(signer)), redactor, whole: true })
}

impl Prepared {
    /// The calls of a service that make or drop a key.
    pub(super) fn of_chain(chain: Chain) -> Self {
        let redactor = Redactor::new(&chain.secrets);
        Self { work: Work::Service(Box::new(chain)), redactor, whole: false }
    }

    /// The same with as much of its answer as a test reads.
    pub(super) fn briefly(self) -> Self {
        Self { whole: false, ..self }
    }

    /// Where it goes, for what limits and names by address.
    pub fn url(&self) -> Option<&Url> {
        match &self.work {
            Work::Request(request) | Work::Aws(request, _) => Some(&request.url),
            Work::Service(chain) => chain.origins.first(),
        }
    }

    /// Sends it, all within `timeout`.
    pub async fn send(
        self,
        trust: &Trust,
        timeout: Duration,
        cancel: &CancellationToken,
        now: Timestamp,
    ) -> Asked {
        let start = Instant::now();
        let deadline = start.checked_add(timeout).unwrap_or(start + Duration::from_secs(86_400));
        let mut redactor = self.redactor;
        let request = match self.work {
            Work::Service(chain) => {
                let means = Means { trust, deadline, timeout, cancel };
                return service::ask(&chain, &means, now).await;
            }
            Work::Request(request) => request,
            Work::Aws(mut request, signer) => {
                match signer.sign(&mut request, now, &[0; 16]) {
                    Ok(made) => made.iter().for_each(|secret| redactor.learn(secret)),
                    Err(error) => {
                        return Asked { result: Err(NoAnswer::unsent(error.to_string())), redactor };
                    }
                }
                request
            }
        };
        let exchange = match self.whole {
            true => http::send_whole(&request, trust, deadline, cancel).await,
            false => http::send(&request, trust, deadline, cancel).await,
        };
        Asked { result: NoAnswer::or_answer(exchange).map_err(|none| none.shown(&redactor)), redactor }
    }
}
