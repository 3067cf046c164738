//! The one HTTP client: the only place that knows `hyper`; and [`socket`], for what is not HTTP.
//!
//! [`send`] makes one request on a connection of its own: no redirect is followed, no referer or cookie is
//! sent, nothing is retried or decompressed, and only the proxy that it is given is used. It takes every step
//! itself (look-up, connection, tunnel, handshake, request), so that it can tell what failed and how long each
//! took, and stops at a deadline for the whole and at budgets for headers and body. Its errors are types; none
//! holds a URL.

mod address;
mod allowed;
mod certificate;
mod dial;
mod failure;
mod identity;
mod pem;
pub mod socket;
mod speak;
mod steps;
mod tls;
mod tunnel;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use jiff::Timestamp;
use rustls::pki_types::CertificateDer;
use tokio::task::unconstrained;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::proxy::{Proxies, Proxy};
use crate::secret::Secret;
pub use address::{AddressError, base, is_loopback, join, same_origin};
pub use allowed::{AllowedHosts, NotAHost};
pub use failure::{Failure, ProxyFailure, TlsFailure};
pub use identity::{ClientIdentity, IdentityError, IdentityPart};
pub use pem::{PemError, certificates};
use steps::Steps;
use tls::Seen;

/// The most of a body that is read, in bytes. Enough for any answer that says who someone is.
pub const BODY_LIMIT: usize = 1 << 20;

/// The most of a body that is read of a request that a person asks for, in bytes.
pub const MOST: usize = 64 << 20;

/// The most that is read of a connection besides the body, in bytes: headers, body and everything that is neither, such as
/// endless interim answers.
const REST_LIMIT: usize = 7 << 20;

/// How requests name this program.
const AGENT: &str = concat!("credbench/", env!("CARGO_PKG_VERSION"));

/// A request, ready to be sent.
pub struct Request {
    /// The method, in capitals.
    pub method: String,
    /// Where to; its query may hold a secret.
    pub url: Url,
    /// Names with their values; all values count as secret.
    pub headers: Vec<(String, Secret)>,
    /// The body.
    pub body: Option<Secret>,
    /// Plain http is allowed to hosts other than this machine.
    pub allow_http: bool,
    /// Whom this credential trusts, and what it shows.
    pub tls: TlsOptions,
}

/// What one credential brings to the TLS handshake.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// The authorities that the server's certificate must come from, or that certificate itself. Empty: any
    /// that is trusted here.
    pub authorities: Vec<CertificateDer<'static>>,
    /// What is shown where the server asks for a certificate.
    pub identity: Option<ClientIdentity>,
    /// Under which names the server may be vouched for.
    pub peer: Peer,
}

/// Who has to be at the other end of a connection under TLS.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peer {
    /// The host that was dialled.
    #[default]
    Host,
    /// Whoever one of the credential's own authorities vouches for, under any name; where it has none, whoever
    /// answers.
    Anyone,
}

impl std::fmt::Debug for Request {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Request({} {}, {} headers)",
            self.method,
            self.url.origin().ascii_serialization(),
            self.headers.len()
        )
    }
}

/// What came back.
#[derive(Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, with their values; bytes that are not text are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, up to [`BODY_LIMIT`], or [`MOST`] of [`send_whole`].
    pub body: Vec<u8>,
    /// There was more of it.
    pub cut: bool,
}

/// No header and no body: a service may send back what it was sent, and tokens.
impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} with {} headers and {} bytes", self.status, self.headers.len(), self.body.len())
    }
}

impl Answer {
    /// The first header of a name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Makes the place of a redirect absolute: where it leads is what counts.
    fn resolve_location(&mut self, url: &Url) {
        if !(300..400).contains(&self.status) {
            return;
        }
        if let Some((_, place)) = self.headers.iter_mut().find(|(name, _)| name == "location")
            && let Ok(absolute) = url.join(place)
        {
            *place = absolute.into();
        }
    }

    /// The encoding that the body is in although it was to have none, such as `gzip`.
    pub fn encoding(&self) -> Option<&str> {
        self.header("content-encoding").map(str::trim).filter(|name| {
            !name.is_empty() && !name.eq_ignore_ascii_case("identity") && !self.body.is_empty()
        })
    }
}

/// What happened, and when.
#[derive(Debug)]
pub struct Exchange {
    /// The answer, or why there is none.
    pub result: Result<Answer, Failure>,
    /// The steps that were taken, in order; the last one is the one that failed.
    pub steps: Vec<Timed>,
    /// When the server's certificate ends, where there is one.
    pub certificate_ends: Option<Timestamp>,
    /// Whether the server asked for a client certificate.
    pub certificate_asked: bool,
}

/// One step of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    /// `proxy`, `resolve`, `connect`, `TLS` or `request`.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What was seen, such as the address that was dialled; nothing from the answer.
    pub detail: String,
}

/// Whom tests trust on their way, and what they go through.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// Authorities besides the system's.
    authorities: Vec<CertificateDer<'static>>,
    /// Which proxies are used.
    pub proxies: Proxies,
    /// Made of the authorities when it is first needed.
    verifier: Arc<OnceLock<Option<Arc<rustls_platform_verifier::Verifier>>>>,
}

impl Trust {
    /// The system's certificate authorities and these, and proxies.
    pub fn new(authorities: Vec<CertificateDer<'static>>, proxies: Proxies) -> Self {
        Self { authorities, proxies, verifier: Arc::default() }
    }

    /// How many authorities there are besides the system's.
    pub fn authorities(&self) -> usize {
        self.authorities.len()
    }

    /// The proxy that a request goes through, if any.
    pub fn proxy_for(&self, url: &Url) -> Option<&Proxy> {
        self.proxies.for_place(url.scheme() == "https", &url.host()?, url.port_or_known_default()?)
    }
}

/// What is found out on the way.
#[derive(Default)]
struct Found {
    steps: Steps,
    tls: Arc<Seen>,
    ends: OnceLock<Timestamp>,
}

/// Sends a request and reads its answer, all before `deadline` and unless `cancel` fires.
pub async fn send(
    request: &Request,
    trust: &Trust,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Exchange {
    send_up_to(request, trust, deadline, cancel, BODY_LIMIT).await
}

/// As [`send`], with up to [`MOST`] of the body.
pub async fn send_whole(
    request: &Request,
    trust: &Trust,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Exchange {
    send_up_to(request, trust, deadline, cancel, MOST).await
}

async fn send_up_to(
    request: &Request,
    trust: &Trust,
    deadline: Instant,
    cancel: &CancellationToken,
    limit: usize,
) -> Exchange {
    let found = Found::default();
    let result = match check(request) {
        Err(failure) => Err(failure),
        Ok(()) => tokio::select! {
            // Finished and stopped at once: what was found out counts.
            biased;
            result = exchange(request, trust, &found, limit) => result,
            // A server that always has more to say uses up the task's turn; the end must come all the same.
            () = unconstrained(cancel.cancelled()) => Err(Failure::Cancelled),
            () = unconstrained(tokio::time::sleep_until(deadline)) => {
                Err(Failure::TimedOut { during: found.steps.phase() })
            }
        },
    };
    let result = result.map(|mut answer| {
        answer.resolve_location(&request.url);
        answer
    });
    Exchange {
        result,
        steps: found.steps.take(),
        certificate_ends: found.ends.get().copied(),
        certificate_asked: found.tls.asked(),
    }
}

/// What can be refused before anything is sent.
fn check(request: &Request) -> Result<(), Failure> {
    let Some(host) = request.url.host() else { return Err(Failure::Address(AddressError::NoHost)) };
    if request.url.scheme() == "http" && !request.allow_http && !is_loopback(&host) {
        return Err(Failure::PlainHttp);
    }
    if let Some(identity) = &request.tls.identity {
        let now = Timestamp::now();
        let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
        if let Some(ended) = identity.ended(now) {
            return Err(Failure::CertificateOver(day(ended)));
        }
        if let Some(begins) = identity.begins(now) {
            return Err(Failure::CertificateEarly(day(begins)));
        }
    }
    address::allowed_host(&host).map_err(|reason| Failure::Forbidden { reason })
}

async fn exchange(request: &Request, trust: &Trust, found: &Found, limit: usize) -> Result<Answer, Failure> {
    let (url, steps) = (&request.url, &found.steps);
    let secure = url.scheme() == "https";
    let host = url.host().ok_or(Failure::Address(AddressError::NoHost))?;
    let port = url.port_or_known_default().ok_or(Failure::Address(AddressError::NotHttp))?;
    // Plain http goes to another machine only where that is allowed, whatever the name resolves to.
    let here = !secure && !request.allow_http;
    let stream: Box<dyn dial::Stream> = match trust.proxy_for(url) {
        Some(proxy) => {
            tunnel::open(proxy, &tunnel::Goal { host: host.clone(), port, here }, trust, steps).await?
        }
        None => {
            if matches!(host, url::Host::Domain(_)) {
                steps.begin("resolve", host.to_string());
            }
            let addresses = dial::resolve(&host, port, true, here, steps).await?;
            steps.begin("connect", format!("{host}:{port}"));
            Box::new(dial::connect(&addresses).await?)
        }
    };
    if !secure {
        steps.begin("request", "");
        return speak::speak(stream, false, request, &found.tls, limit).await;
    }
    steps.begin("TLS", "");
    let secured = tls::handshake(stream, &host, &["h2", "http/1.1"], trust, &request.tls, &found.tls).await;
    let secured = secured.map_err(Failure::Tls)?;
    if let Some(ends) = secured.ends {
        // Set once: there is one handshake.
        let _ = found.ends.set(ends);
    }
    if found.tls.shown() {
        steps.note("with the client certificate");
    }
    steps.begin("request", "");
    speak::speak(Box::new(secured.stream), secured.http2, request, &found.tls, limit).await
}
