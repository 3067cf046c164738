//! Why there is no answer, as types. No text here comes from the URL.

use std::io;

use rustls::{AlertDescription, CertificateError};

use super::AddressError;

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
    /// More came than is read, and no end of it.
    #[error("the server sends without end: 8 MiB came and no whole answer")]
    Endless,
    /// A proxy stands in the way. The service was not asked.
    #[error("the proxy {proxy} {problem}")]
    Proxy {
        /// Its address, without its login.
        proxy: String,
        /// What is wrong with it.
        problem: ProxyFailure,
    },
    /// The client certificate is over.
    #[error("the client certificate ended on {0}")]
    CertificateOver(String),
    /// The client certificate is of the future.
    #[error("the client certificate is valid only from {0}")]
    CertificateEarly(String),
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
    /// The server asked for a client certificate, and was shown none.
    #[error("the server wants a client certificate")]
    ClientCertificate,
    /// The server refused the client certificate that it was shown.
    #[error("the server refused the client certificate: {0}")]
    CertificateRefused(&'static str),
    /// The server refused the handshake.
    #[error("the server refused the TLS handshake: {0}")]
    Alert(&'static str),
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

/// What is wrong with a proxy, or what it said.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFailure {
    /// It cannot be reached.
    #[error("cannot be reached: {0}")]
    Unreachable(String),
    /// The TLS handshake with it failed.
    #[error("cannot be spoken to over TLS: {0}")]
    Tls(TlsFailure),
    /// It wants a login, or another one.
    #[error("wants a login, or does not accept the one it got")]
    Login,
    /// It answered CONNECT with another status than success.
    #[error("refused to connect there: it answered {0}")]
    Refused(u16),
    /// It answered SOCKS with a refusal.
    #[error("could not connect there: {0}")]
    Socks(&'static str),
    /// It ended the connection.
    #[error("closed the connection")]
    Closed,
    /// What it said is not what a proxy says.
    #[error("does not answer as a proxy of its kind")]
    NoProxy,
}

impl From<io::Error> for ProxyFailure {
    fn from(_: io::Error) -> Self {
        Self::Closed
    }
}

/// What the check of a server's certificate means.
pub(super) fn certificate(error: &CertificateError, self_signed: bool) -> TlsFailure {
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

/// What an error of TLS means. `asked`: the server asked for a certificate; `shown`: it was shown one.
pub(super) fn tls(error: &rustls::Error, asked: bool, shown: bool) -> TlsFailure {
    use AlertDescription as Alert;
    match error {
        rustls::Error::InvalidMessage(_) => TlsFailure::NotTls,
        rustls::Error::PeerIncompatible(_)
        | rustls::Error::AlertReceived(Alert::ProtocolVersion | Alert::InsufficientSecurity) => {
            TlsFailure::TooOld
        }
        rustls::Error::AlertReceived(alert) => match alert {
            Alert::CertificateRequired => TlsFailure::ClientCertificate,
            // What servers of TLS 1.2 say to a client that shows none.
            Alert::HandshakeFailure | Alert::BadCertificate if asked && !shown => {
                TlsFailure::ClientCertificate
            }
            Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateExpired
            | Alert::CertificateUnknown
            | Alert::UnknownCA
            | Alert::AccessDenied
            | Alert::DecryptError
                if shown =>
            {
                TlsFailure::CertificateRefused(word(*alert))
            }
            alert => TlsFailure::Alert(word(*alert)),
        },
        rustls::Error::InvalidCertificate(error) => certificate(error, false),
        _ => TlsFailure::Other,
    }
}

/// The name of an alert (RFC 8446, 6.2).
fn word(alert: AlertDescription) -> &'static str {
    use AlertDescription as Alert;
    match alert {
        Alert::HandshakeFailure => "handshake_failure",
        Alert::BadCertificate => "bad_certificate",
        Alert::UnsupportedCertificate => "unsupported_certificate",
        Alert::CertificateRevoked => "certificate_revoked",
        Alert::CertificateExpired => "certificate_expired",
        Alert::CertificateUnknown => "certificate_unknown",
        Alert::IllegalParameter => "illegal_parameter",
        Alert::UnknownCA => "unknown_ca",
        Alert::AccessDenied => "access_denied",
        Alert::DecodeError => "decode_error",
        Alert::DecryptError => "decrypt_error",
        Alert::InternalError => "internal_error",
        Alert::UserCanceled => "user_canceled",
        Alert::MissingExtension => "missing_extension",
        Alert::UnsupportedExtension => "unsupported_extension",
        Alert::UnrecognisedName => "unrecognized_name",
        Alert::NoApplicationProtocol => "no_application_protocol",
        _ => "an alert without a name here",
    }
}
