//! The one HTTP wrapper: the only place that knows `reqwest`; and [`dial`], for what is not HTTP.
//!
//! [`send`] makes one request on a connection of its own: no redirect is followed, no referer, cookie or proxy
//! is used, nothing is retried or decompressed. It watches the exchange from inside (resolver, connector,
//! certificate check), so that it can tell what failed and how long each step took, and stops at a deadline
//! for the whole and at budgets for headers and body. Its errors are types; none holds a URL.

mod address;
pub mod dial;
mod failure;
mod watch;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::redirect::Policy;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::secret::Secret;
pub use address::{AddressError, base, is_loopback, join, same_origin};
pub use failure::{Failure, TlsFailure};
use watch::Watch;

/// The most of a body that is read, in bytes. Enough for any answer that says who someone is.
pub const BODY_LIMIT: usize = 1 << 20;

/// The most headers, in bytes (HTTP/2) and in number (HTTP/1.1).
const HEADER_LIMIT: u32 = 64 << 10;

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
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, with their values; bytes that are not text are replaced.
    pub headers: Vec<(String, String)>,
    /// The body, up to [`BODY_LIMIT`].
    pub body: Vec<u8>,
    /// There was more of it.
    pub cut: bool,
}

impl Answer {
    /// The first header of a name, in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// What happened, and when.
#[derive(Debug)]
pub struct Exchange {
    /// The answer, or why there is none.
    pub result: Result<Answer, Failure>,
    /// The steps that were taken, in order; the last one is the one that failed.
    pub steps: Vec<Timed>,
}

/// One step of an exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timed {
    /// `resolve`, `connect`, `TLS` or `request`.
    pub name: &'static str,
    /// How long it took.
    pub took: Duration,
    /// What was seen, such as the address that was dialled; nothing from the answer.
    pub detail: String,
}

/// Trust beyond the system's certificate authorities.
#[derive(Clone, Debug, Default)]
pub struct Trust {
    /// More authorities, as DER.
    pub authorities: Vec<rustls::pki_types::CertificateDer<'static>>,
}

/// Sends a request and reads its answer, all before `deadline` and unless `cancel` fires.
pub async fn send(
    request: &Request,
    trust: &Trust,
    deadline: Instant,
    cancel: &CancellationToken,
) -> Exchange {
    let watch = Arc::new(Watch::start());
    let result = match check(request) {
        Err(failure) => Err(failure),
        Ok(()) => tokio::select! {
            // Finished and stopped at once: what was found out counts.
            biased;
            result = exchange(request, trust, deadline, &watch) => result,
            () = cancel.cancelled() => Err(Failure::Cancelled),
            () = tokio::time::sleep_until(deadline) => {
                Err(Failure::TimedOut { during: watch.phase(&request.url) })
            }
        },
    };
    Exchange { steps: watch.steps(&request.url, result.is_ok()), result }
}

/// What can be refused before anything is sent.
fn check(request: &Request) -> Result<(), Failure> {
    let Some(host) = request.url.host() else { return Err(Failure::Address(AddressError::NoHost)) };
    if request.url.scheme() == "http" && !request.allow_http && !is_loopback(&host) {
        return Err(Failure::PlainHttp);
    }
    address::allowed_host(&host).map_err(|reason| Failure::Forbidden { reason })
}

async fn exchange(
    request: &Request,
    trust: &Trust,
    deadline: Instant,
    watch: &Arc<Watch>,
) -> Result<Answer, Failure> {
    let client = client(request, trust, deadline, watch)?;
    let method = reqwest::Method::from_bytes(request.method.as_bytes()).map_err(|_| Failure::BadRequest)?;
    let mut builder = client.request(method, request.url.clone()).headers(headers(request)?);
    if let Some(body) = &request.body {
        builder = builder.body(body.expose().to_owned());
    }
    let mut response = builder.send().await.map_err(|error| failure::explain(&error, watch))?;
    let mut answer = Answer {
        status: response.status().as_u16(),
        headers: response
            .headers()
            .iter()
            .map(|(name, value)| {
                (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned())
            })
            .collect(),
        body: Vec::new(),
        cut: false,
    };
    while let Some(chunk) = response.chunk().await.map_err(|error| failure::explain(&error, watch))? {
        let room = BODY_LIMIT - answer.body.len();
        answer.body.extend_from_slice(&chunk[..chunk.len().min(room)]);
        if chunk.len() > room {
            answer.cut = true;
            break;
        }
    }
    Ok(answer)
}

fn headers(request: &Request) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    headers.insert("accept-encoding", HeaderValue::from_static("identity"));
    headers.insert("accept", HeaderValue::from_static("application/json, */*;q=0.5"));
    for (name, value) in &request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Failure::BadRequest)?;
        let mut value =
            HeaderValue::from_bytes(value.expose().as_bytes()).map_err(|_| Failure::BadRequest)?;
        value.set_sensitive(true);
        // A person's own accept header replaces ours; a name that is given twice is sent twice.
        if headers.get(&name).is_some_and(|known| !known.is_sensitive()) {
            headers.remove(&name);
        }
        headers.append(name, value);
    }
    Ok(headers)
}

/// A client for one request. Building one is cheap where the trust is shared; a pool of connections would let
/// one test ride on the handshake of another.
fn client(
    request: &Request,
    trust: &Trust,
    deadline: Instant,
    watch: &Arc<Watch>,
) -> Result<reqwest::Client, Failure> {
    let mut builder = reqwest::Client::builder()
        .user_agent(concat!("credbench/", env!("CARGO_PKG_VERSION")))
        .redirect(Policy::none())
        .referer(false)
        .no_proxy()
        .retry(reqwest::retry::never())
        .pool_max_idle_per_host(0)
        .http2_max_header_list_size(HEADER_LIMIT)
        // A little more than there is, so that it never ends a request: it makes the connector give each
        // address of a host its share, instead of all the time to the first that does not answer.
        .connect_timeout(deadline.saturating_duration_since(Instant::now()) + Duration::from_millis(50))
        .dns_resolver(watch::Resolver {
            watch: watch.clone(),
            here: request.url.scheme() == "http" && !request.allow_http,
        })
        .connector_layer(watch::Connecting(watch.clone()));
    if request.url.scheme() == "https" {
        builder = builder.tls_backend_preconfigured(tls(trust, watch)?);
    } else {
        // Never used: the scheme is http. Given so that no other client configuration is built.
        builder = builder.tls_certs_only([]);
    }
    builder.build().map_err(|_| Failure::BadRequest)
}

fn tls(trust: &Trust, watch: &Arc<Watch>) -> Result<rustls::ClientConfig, Failure> {
    let provider = provider();
    let verifier = verifier(trust, &provider)?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Failure::BadRequest)?
        .dangerous()
        // Not dangerous: it passes every question on to the real verifier, and remembers the answer.
        .with_custom_certificate_verifier(Arc::new(watch::Verifier::new(verifier, watch.clone())))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    config.resumption = rustls::client::Resumption::store(Arc::new(watch::NoSessions(watch.clone())));
    Ok(config)
}

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())).clone()
}

/// The system's verifier, loaded once: reading its authorities takes milliseconds.
fn verifier(trust: &Trust, provider: &Arc<CryptoProvider>) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    use rustls_platform_verifier::Verifier;
    static SYSTEM: OnceLock<Option<Arc<Verifier>>> = OnceLock::new();
    if !trust.authorities.is_empty() {
        let verifier = Verifier::new_with_extra_roots(trust.authorities.iter().cloned(), provider.clone());
        return verifier
            .map(|verifier| Arc::new(verifier) as _)
            .map_err(|_| Failure::Tls(TlsFailure::NoAuthorities));
    }
    let system = SYSTEM.get_or_init(|| Verifier::new(provider.clone()).ok().map(Arc::new));
    system.clone().map(|verifier| verifier as _).ok_or(Failure::Tls(TlsFailure::NoAuthorities))
}
