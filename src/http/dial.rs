//! Connections that are not HTTP, under the same rules: the same hosts are refused, the same certificates are
//! believed, and what fails has the same names.
//!
//! The address that was judged is the address that is dialled. No session is resumed, so every handshake checks
//! the certificate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::watch::{NoSessions, Verifier, Watch};
use super::{Failure, TlsFailure, Trust, address, failure, provider, verifier};

/// Who has to be at the other end of a connection under TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Peer {
    /// The host that was dialled, vouched for by one of these authorities, or where there are none by one that
    /// this machine trusts.
    Host(Vec<CertificateDer<'static>>),
    /// Whoever one of these authorities vouches for, under any name.
    AnyOf(Vec<CertificateDer<'static>>),
    /// Whoever answers.
    Anyone,
}

/// Looks a host's name up, and refuses addresses that no credential may go to. `here`: only this machine will do,
/// because what follows is not encrypted and nobody said that it may go anywhere else.
///
/// # Errors
/// Why there is no address to dial.
pub async fn resolve(host: &str, port: u16, here: bool) -> Result<Vec<SocketAddr>, Failure> {
    let parsed = parse(host)?;
    let borrowed = match &parsed {
        Host::Domain(name) => Host::Domain(name.as_str()),
        Host::Ipv4(ip) => Host::Ipv4(*ip),
        Host::Ipv6(ip) => Host::Ipv6(*ip),
    };
    let forbidden = |reason| Failure::Forbidden { reason };
    address::allowed_host(&borrowed).map_err(forbidden)?;
    let found: Vec<SocketAddr> = match parsed {
        Host::Ipv4(ip) => vec![SocketAddr::from((ip, port))],
        Host::Ipv6(ip) => vec![SocketAddr::from((ip, port))],
        Host::Domain(name) => tokio::net::lookup_host((name.as_str(), port))
            .await
            .map_err(|error| failure::resolver(&error))?
            .collect(),
    };
    if found.is_empty() {
        return Err(Failure::NotFound);
    }
    address::all_allowed(found.iter().map(SocketAddr::ip), here).map_err(forbidden)?;
    Ok(found)
}

/// Whether a host, as a person writes it, is this machine.
pub fn names_this_machine(host: &str) -> bool {
    match parse(host) {
        Ok(Host::Domain(name)) => address::is_loopback(&Host::Domain(&name)),
        Ok(Host::Ipv4(ip)) => ip.is_loopback(),
        Ok(Host::Ipv6(ip)) => ip.is_loopback(),
        Err(_) => false,
    }
}

/// Whether a host, as a person writes it, is an address: then nothing is looked up.
pub fn is_address(host: &str) -> bool {
    matches!(parse(host), Ok(Host::Ipv4(_) | Host::Ipv6(_)))
}

/// Reads a host as a URL's is read, so that `0x7f.1` and `127.0.0.1` are the same; an IPv6 address stands
/// without brackets.
fn parse(host: &str) -> Result<Host<String>, Failure> {
    match host.parse() {
        Ok(ip) => Ok(Host::Ipv6(ip)),
        Err(_) => Host::parse(host).map_err(|_| Failure::Address(super::AddressError::NoHost)),
    }
}

/// Connects to the first address that answers. Each gets its share of the time that is left before `deadline`.
///
/// # Errors
/// Why the last one did not.
pub async fn connect(
    addresses: &[SocketAddr],
    deadline: tokio::time::Instant,
) -> Result<(TcpStream, SocketAddr), Failure> {
    let mut last = Failure::Connect;
    for (index, address) in addresses.iter().enumerate() {
        let left = deadline.saturating_duration_since(tokio::time::Instant::now());
        let share = left / u32::try_from(addresses.len() - index).unwrap_or(1);
        match tokio::time::timeout(share, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                // Small questions and answers: waiting for more to send costs time and gains nothing.
                let _ = stream.set_nodelay(true);
                return Ok((stream, *address));
            }
            Ok(Err(error)) => last = failure::connecting(error.kind()),
            Err(_) => last = Failure::TimedOut { during: "connect" },
        }
    }
    Err(last)
}

/// Makes the handshake on a connection that stands.
///
/// # Errors
/// Which part of it failed; nothing but the handshake was sent.
pub async fn encrypt(
    stream: TcpStream,
    host: &str,
    peer: &Peer,
    trust: &Trust,
) -> Result<TlsStream<TcpStream>, Failure> {
    let watch = Arc::new(Watch::start());
    let provider = provider();
    let inner = peer_verifier(peer, trust, &provider)?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|_| Failure::BadRequest)?
        .dangerous()
        // Passes every question on, and remembers the answer. Whom it asks is `peer_verifier`'s to say.
        .with_custom_certificate_verifier(Arc::new(Verifier::new(inner, watch.clone())))
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::store(Arc::new(NoSessions(watch.clone())));
    let name = match parse(host)? {
        Host::Domain(name) => ServerName::try_from(name).map_err(|_| Failure::BadRequest)?,
        Host::Ipv4(ip) => ServerName::from(std::net::IpAddr::V4(ip)),
        Host::Ipv6(ip) => ServerName::from(std::net::IpAddr::V6(ip)),
    };
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    handshake.map_err(|error| Failure::Tls(handshake_failure(&error, &watch)))
}

/// What an error of a connection under TLS means: with TLS 1.3 a server refuses a client only after its own
/// part of the handshake.
pub fn tls_failure(error: &io::Error) -> Option<TlsFailure> {
    error.get_ref()?.downcast_ref::<rustls::Error>().map(failure::tls_failure)
}

fn handshake_failure(error: &io::Error, watch: &Watch) -> TlsFailure {
    if let Some((rustls::Error::InvalidCertificate(certificate), self_signed)) = watch.verdict() {
        return failure::certificate_failure(&certificate, self_signed);
    }
    tls_failure(error).unwrap_or(match error.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            TlsFailure::Closed
        }
        _ => TlsFailure::Other,
    })
}

fn peer_verifier(
    peer: &Peer,
    trust: &Trust,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    match peer {
        Peer::Host(authorities) if authorities.is_empty() => verifier(trust, provider),
        Peer::Host(authorities) => vouched(authorities, provider),
        Peer::AnyOf(authorities) => {
            Ok(Arc::new(Lenient { chain: Some(vouched(authorities, provider)?), provider: provider.clone() }))
        }
        Peer::Anyone => Ok(Arc::new(Lenient { chain: None, provider: provider.clone() })),
    }
}

fn vouched(
    authorities: &[CertificateDer<'static>],
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(authorities.iter().cloned());
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .build()
        .map(|verifier| verifier as _)
        .map_err(|_| Failure::Tls(TlsFailure::NoAuthorities))
}

/// The only verifier that lets through what is not proven: for whoever chose `require`, which encrypts without
/// asking who answers. What a server signs in the handshake is checked all the same, so it has the key of the
/// certificate it shows.
#[derive(Debug)]
struct Lenient {
    /// The chain is asked for; a wrong name is let through.
    chain: Option<Arc<dyn ServerCertVerifier>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(chain) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        // The name is looked at last, after the chain and its dates.
        match chain.verify_server_cert(leaf, intermediates, name, ocsp, now) {
            Err(rustls::Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            verdict => verdict,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
