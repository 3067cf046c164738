//! Watching an exchange from inside the client: when each step ended, and what the certificate check said.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Instant;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{DigitallySignedStruct, NamedGroup, SignatureScheme};
use url::Url;

use super::{Timed, address};

/// What was seen of one exchange.
#[derive(Debug)]
pub(super) struct Watch {
    start: Instant,
    seen: Mutex<Seen>,
}

#[derive(Debug, Default)]
struct Seen {
    /// When the name was resolved, and to what.
    resolved: Option<(Instant, Vec<SocketAddr>)>,
    /// The name was not resolved; `true`: the resolver itself failed, the name may be fine.
    resolve_error: Option<bool>,
    forbidden: Option<&'static str>,
    /// When the handshake began: the TCP connection stood.
    handshake: Option<Instant>,
    /// When the connection could be used.
    connected: Option<Instant>,
    verdict: Option<rustls::Error>,
    self_signed: bool,
}

impl Watch {
    pub(super) fn start() -> Self {
        Self { start: Instant::now(), seen: Mutex::default() }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The step that is going on; an address is not resolved.
    pub(super) fn phase(&self, url: &Url) -> &'static str {
        let seen = self.seen();
        let named = matches!(url.host(), Some(url::Host::Domain(_)));
        match (&seen.connected, &seen.handshake, &seen.resolved) {
            (Some(_), _, _) => "request",
            (None, Some(_), _) => "TLS",
            (None, None, None) if named => "resolve",
            (None, None, _) => "connect",
        }
    }

    pub(super) fn is_connected(&self) -> bool {
        self.seen().connected.is_some()
    }

    pub(super) fn in_handshake(&self) -> bool {
        let seen = self.seen();
        seen.handshake.is_some() && seen.connected.is_none()
    }

    pub(super) fn resolve_error(&self) -> Option<bool> {
        self.seen().resolve_error
    }

    pub(super) fn forbidden(&self) -> Option<&'static str> {
        self.seen().forbidden
    }

    /// What the certificate check said, and whether the certificate signs itself.
    pub(super) fn verdict(&self) -> Option<(rustls::Error, bool)> {
        let seen = self.seen();
        seen.verdict.clone().map(|error| (error, seen.self_signed))
    }

    /// The steps so far. The last one is still going on, or failed, where the exchange did not end well.
    pub(super) fn steps(&self, url: &Url, ended: bool) -> Vec<Timed> {
        let now = Instant::now();
        let seen = self.seen();
        let host = url.host_str().unwrap_or_default();
        let mut steps = Vec::new();
        let mut last = self.start;
        let mut add = |name, end: Option<Instant>, detail: String| {
            steps.push(Timed { name, took: end.unwrap_or(now).saturating_duration_since(last), detail });
            last = end.unwrap_or(now);
            end.is_some()
        };
        let named = matches!(url.host(), Some(url::Host::Domain(_)));
        if named {
            let end = seen.resolved.as_ref().map(|(at, _)| *at);
            let addresses = seen.resolved.as_ref().map(|(_, addresses)| addresses.iter().take(3));
            let addresses: Vec<String> =
                addresses.into_iter().flatten().map(|address| address.ip().to_string()).collect();
            if !add("resolve", end, [vec![host.to_owned()], addresses].concat().join(" ")) {
                return steps;
            }
        }
        let port = url.port_or_known_default().unwrap_or_default();
        let tls = url.scheme() == "https";
        let stood = if tls { seen.handshake.or(seen.connected) } else { seen.connected };
        if !add("connect", stood, format!("{host}:{port}")) {
            return steps;
        }
        if tls && !add("TLS", seen.connected, String::new()) {
            return steps;
        }
        add("request", ended.then_some(now), String::new());
        steps
    }
}

/// Resolves through the system, and refuses addresses that no credential may go to: the address that was
/// checked is the address that is dialled.
pub(super) struct Resolver {
    /// Where it is noted.
    pub(super) watch: Arc<Watch>,
    /// Only this machine will do.
    pub(super) here: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (watch, here) = (self.watch.clone(), self.here);
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await;
            let mut seen = watch.seen();
            let addresses: Vec<SocketAddr> = match found {
                Ok(addresses) => addresses.collect(),
                Err(error) => {
                    // getaddrinfo's errors have no kinds of their own, only the system's words.
                    seen.resolve_error = Some(error.to_string().contains("emporary failure"));
                    return Err(error.into());
                }
            };
            if addresses.is_empty() {
                seen.resolve_error = Some(false);
                return Err("no address".into());
            }
            if let Err(reason) = address::all_allowed(addresses.iter().map(SocketAddr::ip), here) {
                seen.forbidden = Some(reason);
                return Err(reason.into());
            }
            seen.resolved = Some((Instant::now(), addresses.clone()));
            Ok(Box::new(addresses.into_iter()) as Addrs)
        })
    }
}

/// Notes when the connection can be used.
#[derive(Clone)]
pub(super) struct Connecting(pub(super) Arc<Watch>);

impl<S> tower_layer::Layer<S> for Connecting {
    type Service = Connector<S>;

    fn layer(&self, inner: S) -> Connector<S> {
        Connector { inner, watch: self.0.clone() }
    }
}

#[derive(Clone)]
pub(super) struct Connector<S> {
    inner: S,
    watch: Arc<Watch>,
}

impl<S, R> tower_service::Service<R> for Connector<S>
where
    S: tower_service::Service<R>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        let connecting = self.inner.call(request);
        let watch = self.watch.clone();
        Box::pin(async move {
            let connection = connecting.await?;
            watch.seen().connected = Some(Instant::now());
            Ok(connection)
        })
    }
}

/// Asks the real verifier and remembers what it said.
#[derive(Debug)]
pub(super) struct Verifier {
    inner: Arc<dyn ServerCertVerifier>,
    watch: Arc<Watch>,
}

impl Verifier {
    pub(super) fn new(inner: Arc<dyn ServerCertVerifier>, watch: Arc<Watch>) -> Self {
        Self { inner, watch }
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.inner.verify_server_cert(leaf, chain, name, ocsp, now);
        if let Err(error) = &verdict {
            let mut seen = self.watch.seen();
            seen.verdict = Some(error.clone());
            seen.self_signed = signs_itself(leaf);
        }
        verdict
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

/// Whether issuer and subject of a certificate are the same bytes: enough to word a refusal that stands
/// anyway.
fn signs_itself(certificate: &[u8]) -> bool {
    fn element(input: &[u8]) -> Option<(u8, &[u8], &[u8])> {
        let (&tag, rest) = input.split_first()?;
        let (&first, rest) = rest.split_first()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(first - 0x80))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        Some((tag, content, rest))
    }
    // Certificate { tbs { [0] version?, serial, algorithm, issuer, validity, subject, … } … } (RFC 5280, 4.1)
    let names = || {
        let (_, certificate, _) = element(certificate)?;
        let (_, mut rest, _) = element(certificate)?;
        if rest.first() == Some(&0xa0) {
            rest = element(rest)?.2;
        }
        let rest = element(element(rest)?.2)?.2;
        let (_, issuer, rest) = element(rest)?;
        let (_, subject, _) = element(element(rest)?.2)?;
        Some((issuer, subject))
    };
    names().is_some_and(|(issuer, subject)| issuer == subject)
}

/// Remembers no session, so that every test is a full handshake that checks the certificate; and notes when
/// a handshake begins, because that is the first thing it is asked about.
#[derive(Debug)]
pub(super) struct NoSessions(pub(super) Arc<Watch>);

impl rustls::client::ClientSessionStore for NoSessions {
    fn set_kx_hint(&self, _: ServerName<'static>, _: NamedGroup) {}

    fn kx_hint(&self, _: &ServerName<'_>) -> Option<NamedGroup> {
        self.0.seen().handshake.get_or_insert_with(Instant::now);
        None
    }

    fn set_tls12_session(&self, _: ServerName<'static>, _: rustls::client::Tls12ClientSessionValue) {}

    fn tls12_session(&self, _: &ServerName<'_>) -> Option<rustls::client::Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _: ServerName<'static>, _: rustls::client::Tls13ClientSessionValue) {}

    fn take_tls13_ticket(&self, _: &ServerName<'static>) -> Option<rustls::client::Tls13ClientSessionValue> {
        None
    }
}
