//! Why there is no answer, as types. No text here comes from the URL.

use std::error::Error;
use std::io;

use rustls::{AlertDescription, CertificateError};

use super::AddressError;
use super::watch::Watch;

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// The address cannot be used.
    #[error(transparent)]
    Address(#[from] AddressError),
    /// Plain http to another machine.
    #[error("plain http would send the credential unencrypted")]
    PlainHttp,
    /// A host or address that no credential may go to.
    #[error("no credential is sent there: {reason}")]
    Forbidden {
        /// Why.
        reason: &'static str,
    },
    /// The method or a header cannot be sent.
    #[error("the request cannot be sent as it is written")]
    BadRequest,
    /// The name has no address.
    #[error("the host's name was not found")]
    NotFound,
    /// The name could not be looked up.
    #[error("the host's name could not be looked up")]
    Resolve,
    /// Nothing listens there.
    #[error("the connection was refused: nothing listens on that port")]
    Refused,
    /// There is no way to it.
    #[error("the host cannot be reached from here")]
    NoRoute,
    /// The connection could not be made for another reason.
    #[error("the connection could not be made")]
    Connect,
    /// The TLS handshake failed.
    #[error("{0}")]
    Tls(TlsFailure),
    /// The connection ended before the answer was whole.
    #[error("the connection was closed before the answer was whole")]
    Closed,
    /// What came is not HTTP.
    #[error("the answer is not valid HTTP")]
    NotHttp,
    /// Somebody stopped it.
    #[error("cancelled")]
    Cancelled,
    /// The whole took too long.
    #[error("no answer in time, while in step {during}")]
    TimedOut {
        /// The step that was going on.
        during: &'static str,
    },
}

/// Why a TLS connection was not made. The credential was not sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TlsFailure {
    /// The certificate is over.
    #[error("the server's certificate has expired")]
    Expired,
    /// The certificate is not valid yet.
    #[error("the server's certificate is not valid yet: check this machine's clock")]
    NotYetValid,
    /// The certificate is for other names.
    #[error("the server's certificate is for another name")]
    WrongName {
        /// The names it is for.
        names: Vec<String>,
    },
    /// The certificate vouches for itself.
    #[error("the server's certificate is self-signed")]
    SelfSigned,
    /// Nobody who is trusted here vouches for it.
    #[error("the server's certificate comes from an authority that this machine does not trust")]
    UnknownIssuer,
    /// It was revoked.
    #[error("the server's certificate was revoked")]
    Revoked,
    /// Another fault of the certificate.
    #[error("the server's certificate is not valid")]
    Certificate,
    /// Something that is no TLS answered.
    #[error("the server does not speak TLS on this port: is it plain http?")]
    NotTls,
    /// No version or cipher in common.
    #[error("the server offers only old or unknown versions of TLS")]
    TooOld,
    /// The server asked for a client certificate.
    #[error("the server wants a client certificate")]
    ClientCertificate,
    /// The server refused the handshake.
    #[error("the server refused the TLS handshake")]
    Alert,
    /// The connection ended during the handshake.
    #[error("the connection was closed during the TLS handshake")]
    Closed,
    /// This machine trusts nobody.
    #[error("this machine has no certificate authorities: install the package ca-certificates")]
    NoAuthorities,
    /// Anything else.
    #[error("the TLS handshake failed")]
    Other,
}

/// What an error of the client means, with what was seen of the exchange.
pub(super) fn explain(error: &reqwest::Error, watch: &Watch) -> Failure {
    if let Some(reason) = watch.forbidden() {
        return Failure::Forbidden { reason };
    }
    if let Some(found) = watch.resolve_error() {
        return if found { Failure::Resolve } else { Failure::NotFound };
    }
    if let Some((rustls::Error::InvalidCertificate(certificate), self_signed)) = watch.verdict() {
        return Failure::Tls(certificate_failure(&certificate, self_signed));
    }
    let causes = || std::iter::successors(error.source(), |error| cause(*error));
    if let Some(tls) = causes().find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        return Failure::Tls(tls_failure(tls));
    }
    // The innermost: the outer ones only wrap it.
    let kind = causes().filter_map(|cause| cause.downcast_ref::<io::Error>()).last().map(io::Error::kind);
    if watch.is_connected() {
        let closed =
            error.is_body() || kind.is_some() || causes().any(|cause| cause.to_string().contains("closed"));
        return if closed { Failure::Closed } else { Failure::NotHttp };
    }
    match kind {
        _ if watch.in_handshake() => Failure::Tls(match kind {
            Some(
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe,
            ) => TlsFailure::Closed,
            _ => TlsFailure::Other,
        }),
        Some(kind) => connecting(kind),
        None => Failure::Connect,
    }
}

/// What an error of the system's resolver means. getaddrinfo's errors have no kinds of their own, only words.
pub(super) fn resolver(error: &io::Error) -> Failure {
    if error.to_string().contains("emporary failure") { Failure::Resolve } else { Failure::NotFound }
}

/// What an error means before a connection stood.
pub(super) fn connecting(kind: io::ErrorKind) -> Failure {
    match kind {
        io::ErrorKind::ConnectionRefused => Failure::Refused,
        // Accepted and reset before anything was sent.
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted => Failure::Closed,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => Failure::NoRoute,
        io::ErrorKind::TimedOut => Failure::TimedOut { during: "connect" },
        _ => Failure::Connect,
    }
}

/// What an error wraps. An `io::Error` passes over what it wraps and names the source of that, so it is asked
/// first.
fn cause<'a>(error: &'a (dyn Error + 'static)) -> Option<&'a (dyn Error + 'static)> {
    match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        Some(inner) => Some(inner),
        None => error.source(),
    }
}

pub(super) fn certificate_failure(error: &CertificateError, self_signed: bool) -> TlsFailure {
    match error {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => TlsFailure::Expired,
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            TlsFailure::NotYetValid
        }
        CertificateError::NotValidForName => TlsFailure::WrongName { names: Vec::new() },
        CertificateError::NotValidForNameContext { presented, .. } => {
            TlsFailure::WrongName { names: presented.iter().map(|name| plain_name(name)).collect() }
        }
        CertificateError::UnknownIssuer if self_signed => TlsFailure::SelfSigned,
        CertificateError::UnknownIssuer => TlsFailure::UnknownIssuer,
        CertificateError::Revoked => TlsFailure::Revoked,
        // A certificate of an authority in a server's place, which a self-signed one often is.
        _ if self_signed => TlsFailure::SelfSigned,
        _ => TlsFailure::Certificate,
    }
}

/// The certificate check gives names as `DnsName("a.example")` and `IpAddress(192.0.2.1)`.
fn plain_name(presented: &str) -> String {
    let inside = presented.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(presented);
    inside.trim_matches('"').to_owned()
}

pub(super) fn tls_failure(error: &rustls::Error) -> TlsFailure {
    match error {
        rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(
            AlertDescription::ProtocolVersion | AlertDescription::InsufficientSecurity,
        ) => TlsFailure::TooOld,
        rustls::Error::AlertReceived(AlertDescription::CertificateRequired) => TlsFailure::ClientCertificate,
        rustls::Error::AlertReceived(_) => TlsFailure::Alert,
        rustls::Error::InvalidCertificate(certificate) => certificate_failure(certificate, false),
        _ => TlsFailure::Other,
    }
}
