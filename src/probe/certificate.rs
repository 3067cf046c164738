//! Certificates in a test: what a credential brings to the handshake, and what the handshake says about the
//! verdict.

use jiff::{Timestamp, ToSpan as _};

use super::classify::Verdict;
use super::plan::Unplannable;
use crate::http::{self, ClientIdentity, Exchange, IdentityError, IdentityPart, Request, TlsOptions};
use crate::model::{Content, Outcome};
use crate::schema::Kind;
use crate::secret::Secret;

/// Days before the end of a service's certificate from which a good answer carries a warning.
const SOON: i64 = 21;

/// Where a credential may name the authorities that its service's certificate must come from: what its kind
/// says, or what any credential of a service of one's own may say.
const AUTHORITIES: [&str; 2] = ["/config/ca_certificate", "/ca_certificate"];

/// What a credential brings to the TLS handshake.
///
/// # Errors
/// The field that cannot be used, and what is wrong with it.
pub(super) fn options(kind: &Kind, content: &Content) -> Result<TlsOptions, Unplannable> {
    let wrong = |place: &str, what: &dyn std::fmt::Display| Unplannable::Unusable {
        field: kind.title_of(place),
        problem: what.to_string(),
    };
    let mut options = TlsOptions::default();
    for place in AUTHORITIES {
        if let Some(text) = content.get_str(place).filter(|text| !text.trim().is_empty()) {
            let more = http::certificates(text).map_err(|error| wrong(place, &error))?;
            options.authorities.extend(more);
        }
    }
    if content.kind() == "client_certificate" {
        let secret = |place| content.secret(place).filter(|secret: &&Secret| !secret.is_empty());
        let [certificate, key, passphrase] =
            ["/config/certificate", "/config/private_key", "/config/passphrase"];
        if !content.get_str("/config/base_url").unwrap_or_default().to_ascii_lowercase().starts_with("https:")
        {
            let what = "a certificate is shown only over https";
            return Err(wrong("/config/base_url", &what));
        }
        let nothing = Secret::from("");
        let identity = ClientIdentity::read(
            content.get_str(certificate).unwrap_or_default(),
            secret(key).unwrap_or(&nothing),
            secret(passphrase),
        );
        options.identity = Some(identity.map_err(|error| {
            let place = match error.part() {
                IdentityPart::Certificate => certificate,
                IdentityPart::Key => key,
                // The key is what is encrypted; the passphrase is what does not fit.
                IdentityPart::Passphrase if error == IdentityError::NoPassphrase => key,
                IdentityPart::Passphrase => passphrase,
            };
            wrong(place, &error)
        })?);
    }
    Ok(options)
}

/// What the handshake does to a verdict: where the server did not ask for the certificate that is tested, no
/// answer says anything about it.
pub(super) fn weigh(request: &Request, exchange: &Exchange, verdict: Verdict) -> Verdict {
    let about_it = !matches!(
        verdict.outcome,
        Outcome::Unreachable | Outcome::WrongEndpoint | Outcome::RateLimited | Outcome::Unexpected
    );
    if request.tls.identity.is_none() || exchange.certificate_asked || !about_it {
        return verdict;
    }
    Verdict {
        outcome: Outcome::Unexpected,
        message: "the server did not ask for the certificate: its answer proves nothing".to_owned(),
    }
}

/// What to say about the end of the service's own certificate, where that is near: for a step, and as advice.
pub(super) fn ends_soon(exchange: &Exchange, now: Timestamp) -> Option<(String, String)> {
    let ends = exchange.certificate_ends?;
    let soon = now.checked_add((SOON * 24).hours()).ok()?;
    if ends >= soon {
        return None;
    }
    let days = ends.duration_since(now).as_hours().max(0) / 24;
    let when = match days {
        0 => "in less than a day".to_owned(),
        1 => "in 1 day".to_owned(),
        days => format!("in {days} days"),
    };
    let date = ends.strftime("%Y-%m-%d");
    Some((
        format!("the certificate ends {when}"),
        format!("The service's certificate ends {when}, on {date}: tell who runs it."),
    ))
}
