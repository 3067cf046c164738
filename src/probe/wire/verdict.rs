//! What a login says about a credential, and what to do next.

use crate::http::{Failure, TlsFailure};
use crate::model::Outcome;

use super::login::{Login, Mode};
use crate::probe::run::failure_words;

/// What was found: an outcome in words. The words may hold what the server said, so they pass through the
/// redactor before anyone sees them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Verdict {
    /// The outcome.
    pub(super) outcome: Outcome,
    /// One sentence.
    pub(super) message: String,
    /// What to do next, or nothing.
    pub(super) advice: &'static str,
}

/// A value, or the verdict that ends the conversation.
pub(super) type Ends<T> = Result<T, Verdict>;

impl Verdict {
    fn new(outcome: Outcome, message: impl Into<String>, advice: &'static str) -> Self {
        Self { outcome, message: message.into(), advice }
    }

    /// The server accepted the credential.
    pub(super) fn ok(message: impl Into<String>) -> Self {
        Self::new(Outcome::Ok, message, "")
    }

    /// The server refused the password.
    pub(super) fn rejected(message: impl Into<String>) -> Self {
        Self::new(
            Outcome::Rejected,
            message,
            "Compare user name and password with the server's, then test again.",
        )
    }

    /// The password was right once.
    pub(super) fn expired(message: impl Into<String>) -> Self {
        Self::new(Outcome::Expired, message, "Set a new password at the server, enter it and test again.")
    }

    /// The password is right, a permission is missing.
    pub(super) fn limited(message: impl Into<String>) -> Self {
        Self::new(Outcome::Limited, message, "The login itself is good: give the user that permission.")
    }

    /// The password is right, the database is not there.
    pub(super) fn no_database(message: impl Into<String>) -> Self {
        Self::new(Outcome::WrongEndpoint, message, "The login itself is good: correct the database.")
    }

    /// The server wants less of us.
    pub(super) fn rate_limited(message: impl Into<String>) -> Self {
        Self::new(Outcome::RateLimited, message, "Wait, then test again; the earlier verdict stays.")
    }

    /// The server cannot answer now.
    pub(super) fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Outcome::Unreachable, message, "Test again later. The earlier verdict stays.")
    }

    /// What answers is not what the credential is for.
    pub(super) fn wrong_endpoint(message: impl Into<String>) -> Self {
        Self::new(Outcome::WrongEndpoint, message, "Check engine, host and port.")
    }

    /// An answer that nothing explains.
    pub(super) fn unexpected(message: impl Into<String>) -> Self {
        Self::new(Outcome::Unexpected, message, "Ask who runs the server.")
    }

    /// It let us in without looking at the password: that says nothing about it.
    pub(super) fn unchecked() -> Self {
        Self::new(
            Outcome::Unexpected,
            "the server let us in without checking the password: nothing is known about it",
            "Ask who runs the server whether it is meant to be open, or remove the password here.",
        )
    }

    /// It wants a password, and there is none.
    pub(super) fn no_password() -> Self {
        Self::new(Outcome::Incomplete, "the server wants a password", "Enter it, then test again.")
    }

    /// There is a login, but not one that this program can carry out.
    pub(super) fn not_testable(message: impl Into<String>) -> Self {
        Self::new(Outcome::NotTestable, message, "")
    }

    /// TLS was asked for and is not to be had. Nothing was sent.
    pub(super) fn no_tls() -> Self {
        Self::new(
            Outcome::Unreachable,
            "the server offers no TLS: nothing was sent",
            "Let the server offer TLS, or set TLS to disable if that network is trusted.",
        )
    }

    /// The time was over in this step.
    pub(super) fn late(step: &'static str) -> Self {
        Self::new(
            Outcome::Unreachable,
            Failure::TimedOut { during: step }.to_string(),
            "Check network and firewall, or allow more time with --timeout.",
        )
    }

    /// Replaces what to do next.
    pub(super) fn advice(mut self, advice: &'static str) -> Self {
        self.advice = advice;
        self
    }

    pub(super) fn is_good(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// What ended before the server's protocol began.
    pub(super) fn failed(failure: &Failure, login: &Login) -> Self {
        let advice = match failure {
            Failure::Cancelled => return Self::new(Outcome::Cancelled, failure.to_string(), ""),
            Failure::Forbidden { .. } | Failure::Address(_) | Failure::BadRequest | Failure::PlainHttp => {
                return Self::new(
                    Outcome::Unexpected,
                    failure.to_string(),
                    "Check the host: nothing was sent.",
                );
            }
            Failure::NotFound => "Check the host's name.",
            Failure::Resolve => "Check this machine's DNS.",
            Failure::Refused => "Check the port, and whether the server runs.",
            Failure::NoRoute | Failure::Connect => "Check this machine's network and firewall.",
            Failure::TimedOut { .. } => "Check network and firewall, or allow more time with --timeout.",
            // Proxies and client certificates are for HTTP.
            Failure::Closed
            | Failure::Endless
            | Failure::NotHttp
            | Failure::Proxy { .. }
            | Failure::CertificateOver(_)
            | Failure::CertificateEarly(_) => "Test again; if it stays so, ask who runs the server.",
            Failure::Tls(TlsFailure::NotTls) => {
                return Self::new(
                    Outcome::Unreachable,
                    "the server does not speak TLS on this port: nothing was sent",
                    "Use the server's port for TLS, or set TLS to disable if that network is trusted.",
                );
            }
            Failure::Tls(tls) => match tls {
                TlsFailure::Expired | TlsFailure::Revoked => {
                    "The server has to renew its certificate; nothing was sent."
                }
                TlsFailure::NotYetValid => "Check the clock of this machine; nothing was sent.",
                TlsFailure::WrongName { .. } => {
                    "Use the name that the certificate is for as the host; nothing was sent."
                }
                TlsFailure::SelfSigned | TlsFailure::UnknownIssuer if login.names_authority() => {
                    "The CA certificate of this credential is not the one that vouches for the server; nothing was sent."
                }
                TlsFailure::SelfSigned | TlsFailure::UnknownIssuer => {
                    "If it is your own server, enter its authority as the CA certificate; nothing was sent."
                }
                TlsFailure::TooOld => "The server has to offer TLS 1.2 or 1.3; nothing was sent.",
                TlsFailure::ClientCertificate => {
                    "The server wants a client certificate, which a login has none of."
                }
                TlsFailure::NoAuthorities if login.names_authority() => {
                    "Correct the CA certificate; nothing was sent."
                }
                TlsFailure::NoAuthorities => "Install ca-certificates; nothing was sent.",
                _ => "Ask who runs the server; nothing was sent.",
            },
        };
        let message = failure_words(failure);
        Self::new(Outcome::Unreachable, message, advice)
    }

    /// What answers does not speak the protocol. `head` is the first that it said.
    pub(super) fn garbled(head: &[u8], login: &Login) -> Self {
        let starts = |with: &[u8]| head.starts_with(with);
        let found = match head {
            _ if starts(b"HTTP/") => "HTTP",
            _ if starts(b"SSH-") => "SSH",
            [0x15 | 0x16, 3, 0..=4, ..] => {
                return Self::wrong_endpoint(format!(
                    "what answers there speaks TLS, not {} in plain text",
                    login.engine.title()
                ))
                .advice("Set TLS to verify-full, or use the port for plain text.");
            }
            _ if starts(b"AMQP") => "AMQP, in another version than 0-9-1",
            _ if starts(b"INFO {") => "NATS",
            _ if starts(b"+OK") => "POP3",
            _ if starts(b"* OK") || starts(b"* PREAUTH") => "IMAP",
            _ if starts(b"-ERR") || starts(b"-NOAUTH") || starts(b"-DENIED") => "Redis",
            _ if starts(b"220") => "SMTP or FTP",
            [_, _, 0, 0, 0x0a, b'0'..=b'9', ..] => "MySQL",
            _ if starts(b"RFB ") => "VNC",
            [] => {
                return Self::unreachable("the connection was closed without an answer").advice(
                    "Check the port, whether the server wants TLS, and whether it accepts this machine.",
                );
            }
            _ => {
                return Self::wrong_endpoint(format!(
                    "what answers there does not speak {}",
                    login.engine.title()
                ));
            }
        };
        Self::wrong_endpoint(format!("what answers there speaks {found}, not {}", login.engine.title()))
    }

    /// The connection ended in the middle.
    pub(super) fn closed(login: &Login) -> Self {
        let hint = match login.mode {
            Mode::Plain => "Test again; if it stays so, the server may want TLS, or not accept this machine.",
            _ => "Test again; if it stays so, ask who runs the server.",
        };
        Self::unreachable("the connection was closed before the answer was whole").advice(hint)
    }
}
