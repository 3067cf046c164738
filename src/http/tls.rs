//! The TLS handshake: whom it trusts, what it shows, and what was seen of it.

use std::io;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use jiff::Timestamp;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{ResolvesClientCert, Resumption, WebPkiServerVerifier, verify_server_name};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::sign::CertifiedKey;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use rustls_platform_verifier::Verifier;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use url::Host;

use super::dial::Stream;
use super::failure::{self, TlsFailure};
use super::{ClientIdentity, Peer, TlsOptions, Trust, certificate};

/// A connection after its handshake.
pub(super) struct Secured<S> {
    /// What to read from and write to.
    pub(super) stream: TlsStream<S>,
    /// HTTP/2 was agreed on.
    pub(super) http2: bool,
    /// When the server's certificate ends.
    pub(super) ends: Option<Timestamp>,
}

/// Makes the handshake. What it sees goes to `seen`, which stays of use afterwards: a server of TLS 1.3
/// refuses a client's certificate only then.
pub(super) async fn handshake<S: Stream>(
    stream: S,
    host: &Host<&str>,
    protocols: &[&str],
    trust: &Trust,
    options: &TlsOptions,
    seen: &Arc<Seen>,
) -> Result<Secured<S>, TlsFailure> {
    let name = match host {
        // In the handshake a name has no dot at its end (RFC 6066, 3).
        Host::Domain(name) => ServerName::try_from(name.trim_end_matches('.').to_owned())
            .map_err(|_| TlsFailure::WrongName { names: Vec::new() })?,
        Host::Ipv4(address) => ServerName::from(std::net::IpAddr::from(*address)),
        Host::Ipv6(address) => ServerName::from(std::net::IpAddr::from(*address)),
    };
    let mut config = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .map_err(|_| TlsFailure::Other)?
        .dangerous()
        // It passes every question on, and remembers the answer. Whom it asks is `verifier`'s to say.
        .with_custom_certificate_verifier(Arc::new(Watching {
            inner: verifier(trust, options)?,
            seen: seen.clone(),
        }))
        .with_client_cert_resolver(Arc::new(Shows {
            identity: options.identity.clone(),
            seen: seen.clone(),
        }));
    config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    // Every test is a full handshake that checks the certificate.
    config.resumption = Resumption::disabled();
    let stream = TlsConnector::from(Arc::new(config)).connect(name, stream).await;
    let stream = stream.map_err(|error| seen.explain(&error))?;
    let connection = stream.get_ref().1;
    let http2 = connection.alpn_protocol() == Some(b"h2");
    let leaf = connection.peer_certificates().and_then(<[_]>::first);
    let ends = leaf.and_then(|leaf| certificate::validity(leaf)).map(|(_, last)| last);
    Ok(Secured { stream, http2, ends })
}

/// What was seen of a handshake.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<Facts>);

#[derive(Debug, Default)]
struct Facts {
    /// The check of the server's certificate failed; whether the certificate vouches for itself.
    verdict: Option<(CertificateError, bool)>,
    /// The server asked for a certificate.
    asked: bool,
    /// It was shown one.
    shown: bool,
}

impl Seen {
    fn facts<T>(&self, with: impl FnOnce(&mut Facts) -> T) -> T {
        with(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the server asked for a certificate.
    pub(super) fn asked(&self) -> bool {
        self.facts(|facts| facts.asked)
    }

    /// Whether it was shown one.
    pub(super) fn shown(&self) -> bool {
        self.facts(|facts| facts.shown)
    }

    /// Why a handshake failed.
    fn explain(&self, error: &io::Error) -> TlsFailure {
        if let Some((verdict, self_signed)) = self.facts(|facts| facts.verdict.clone()) {
            return failure::certificate(&verdict, self_signed);
        }
        match (self.explain_io(error), error.kind()) {
            (Some(failure), _) => failure,
            (
                None,
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe,
            ) => TlsFailure::Closed,
            _ => TlsFailure::Other,
        }
    }

    /// What an error of a connection means, if it is one of TLS.
    pub(super) fn explain_io(&self, error: &io::Error) -> Option<TlsFailure> {
        let inner = error.get_ref()?.downcast_ref::<rustls::Error>()?;
        Some(self.explain_tls(inner))
    }

    /// What an error of TLS means, during the handshake or after it.
    pub(super) fn explain_tls(&self, error: &rustls::Error) -> TlsFailure {
        self.facts(|facts| failure::tls(error, facts.asked, facts.shown))
    }
}

/// The one provider of cryptography.
pub(super) fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())).clone()
}

/// Who checks the server's certificate: the credential's own authorities where it has some, and nobody else;
/// otherwise the system's and those that were added. Reading the system's takes milliseconds: once.
fn verifier(trust: &Trust, options: &TlsOptions) -> Result<Arc<dyn ServerCertVerifier>, TlsFailure> {
    static SYSTEM: OnceLock<Option<Arc<Verifier>>> = OnceLock::new();
    let pinned = match options.authorities.as_slice() {
        [] => None,
        authorities => Some(Pinned::new(authorities)?),
    };
    match (pinned, options.peer) {
        (Some(pinned), Peer::Host) => return Ok(Arc::new(pinned)),
        (chain, Peer::Anyone) => return Ok(Arc::new(Lenient { chain })),
        (None, Peer::Host) => {}
    }
    let cache = if trust.authorities.is_empty() { &SYSTEM } else { &trust.verifier };
    let made = cache.get_or_init(|| {
        let more = trust.authorities.iter().cloned();
        Verifier::new_with_extra_roots(more, provider()).ok().map(Arc::new)
    });
    made.clone().map(|verifier| verifier as _).ok_or(TlsFailure::NoAuthorities)
}

/// Trusts some authorities and no other; one of them may be the server's own certificate.
#[derive(Debug)]
struct Pinned {
    inner: Arc<WebPkiServerVerifier>,
    authorities: Vec<CertificateDer<'static>>,
}

impl Pinned {
    fn new(authorities: &[CertificateDer<'static>]) -> Result<Self, TlsFailure> {
        let mut roots = RootCertStore::empty();
        for authority in authorities {
            roots.add(authority.clone()).map_err(|_| TlsFailure::NoAuthorities)?;
        }
        let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider()).build();
        let inner = inner.map_err(|_| TlsFailure::NoAuthorities)?;
        Ok(Self { inner, authorities: authorities.to_vec() })
    }

    /// A certificate that a person named, byte for byte, needs nobody to vouch for it. Its time and its names
    /// still count; that the server has its key is proved in the handshake.
    fn is_named(
        &self,
        leaf: &CertificateDer<'_>,
        name: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<bool, rustls::Error> {
        if !self.authorities.iter().any(|known| known == leaf) {
            return Ok(false);
        }
        let moment = i64::try_from(now.as_secs()).ok().and_then(|now| Timestamp::from_second(now).ok());
        match (certificate::validity(leaf), moment) {
            (Some((first, _)), Some(now)) if now < first => Err(CertificateError::NotValidYet.into()),
            (Some((_, last)), Some(now)) if now > last => Err(CertificateError::Expired.into()),
            (Some(_), Some(_)) => {
                verify_server_name(&ParsedCertificate::try_from(leaf)?, name)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if self.is_named(leaf, name, now)? {
            return Ok(ServerCertVerified::assertion());
        }
        self.inner.verify_server_cert(leaf, chain, name, ocsp, now)
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

/// The only verifier that lets through what is not proven: for [`Peer::Anyone`], which encrypts without asking who
/// answers. What a server signs in the handshake is checked all the same, so it has the key of the certificate it
/// shows.
#[derive(Debug)]
struct Lenient {
    /// Asked for the chain; a wrong name is let through.
    chain: Option<Pinned>,
}

impl ServerCertVerifier for Lenient {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let Some(asked) = &self.chain else { return Ok(ServerCertVerified::assertion()) };
        // The name is looked at last, after the chain and its dates.
        match asked.verify_server_cert(leaf, chain, name, ocsp, now) {
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
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

/// Asks the real verifier and remembers what it said.
#[derive(Debug)]
struct Watching {
    inner: Arc<dyn ServerCertVerifier>,
    seen: Arc<Seen>,
}

impl ServerCertVerifier for Watching {
    fn verify_server_cert(
        &self,
        leaf: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let verdict = self.inner.verify_server_cert(leaf, chain, name, ocsp, now);
        if let Err(rustls::Error::InvalidCertificate(error)) = &verdict {
            let refused = (error.clone(), certificate::signs_itself(leaf));
            self.seen.facts(|facts| facts.verdict = Some(refused));
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

/// Shows the credential's certificate where the server asks for one, and notes that it did.
#[derive(Debug)]
struct Shows {
    identity: Option<ClientIdentity>,
    seen: Arc<Seen>,
}

impl ResolvesClientCert for Shows {
    fn resolve(&self, _: &[&[u8]], schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let key = self.identity.as_ref().map(|identity| identity.key.clone());
        let key = key.filter(|key| key.key.choose_scheme(schemes).is_some());
        self.seen.facts(|facts| {
            facts.asked = true;
            facts.shown = key.is_some();
        });
        key
    }

    fn has_certs(&self) -> bool {
        // Asked in any case: whether a server wants a certificate is worth knowing without one.
        true
    }
}
