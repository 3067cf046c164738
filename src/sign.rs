//! Signatures that services ask for: AWS SigV4, Azure Shared Key, OAuth 1.0, WSSE, HMAC in any arrangement, JWT.
//!
//! A catalogue file names a signer with its parameters ([`SignerSpec`]); their `{name}`s are filled from the
//! credential once ([`SignerSpec::resolve`]), and the [`Signer`] then signs requests. Everything is a function of
//! the request, a time and a nonce: nothing here knows a clock, a random number or the network.

mod aws;
mod azure;
mod code;
mod hmac;
mod jwt;
mod key;
mod oauth1;
mod template;
mod wsse;

use jiff::Timestamp;
use serde::Deserialize;

use crate::http::Request;
use crate::secret::Secret;

pub use aws::AwsSpec;
pub use azure::AzureSpec;
pub use code::{Encoding, Hash, KeyEncoding};
pub use hmac::{HmacSpec, Message, MessagePart};
pub use jwt::{Algorithm, JwtSpec, jwt_expiry, jwt_issued};
pub use oauth1::{OAuth1Method, OAuth1Spec};
pub use wsse::{WsseSpec, WsseStyle};

/// A signer as a catalogue file describes it. All texts are templates: `{name}` stands for a field of the
/// credential, and an empty text for one that is not given.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SignerSpec {
    /// AWS Signature Version 4.
    AwsSigv4(AwsSpec),
    /// Azure Storage's Shared Key, and Azure Batch's.
    AzureSharedKey(AzureSpec),
    /// OAuth 1.0 (RFC 5849).
    Oauth1(OAuth1Spec),
    /// The UsernameToken of WS-Security as a header.
    Wsse(WsseSpec),
    /// An HMAC over a message that the file describes.
    Hmac(HmacSpec),
    /// A JSON Web Token (RFC 7519).
    Jwt(JwtSpec),
}

/// What signs requests. Prints nothing that it knows.
pub struct Signer(Inner);

enum Inner {
    Aws(aws::Aws),
    Azure(azure::Azure),
    OAuth1(oauth1::OAuth1),
    Wsse(wsse::Wsse),
    Hmac(Box<hmac::Hmac>),
    Jwt(Box<jwt::Jwt>),
}

impl std::fmt::Debug for Signer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self.0 {
            Inner::Aws(_) => "Signer(aws_sigv4)",
            Inner::Azure(_) => "Signer(azure_shared_key)",
            Inner::OAuth1(_) => "Signer(oauth1)",
            Inner::Wsse(_) => "Signer(wsse)",
            Inner::Hmac(_) => "Signer(hmac)",
            Inner::Jwt(_) => "Signer(jwt)",
        })
    }
}

/// Why nothing can be signed. Quotes no secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignError {
    /// A key is not what the algorithm needs.
    #[error("the signing key cannot be used: {0}")]
    Key(&'static str),
    /// The signer's description is wrong.
    #[error("the signer cannot be used: {0}")]
    Spec(String),
    /// A value cannot be sent in a header.
    #[error("{0} holds characters that cannot be sent in a header")]
    Unsendable(String),
}

/// Looks up a field of the credential by its name: its value, empty where it is optional and not given.
pub type Fill<'a, E> = dyn Fn(&str) -> Result<Secret, E> + 'a;

impl SignerSpec {
    /// Fills the templates and reads the keys.
    ///
    /// # Errors
    /// Those of `fill`, and a key or a description that cannot be used.
    pub fn resolve<E: From<SignError>>(&self, fill: &Fill<'_, E>) -> Result<Signer, E> {
        Ok(Signer(match self {
            Self::AwsSigv4(spec) => Inner::Aws(spec.resolve(fill)?),
            Self::AzureSharedKey(spec) => Inner::Azure(spec.resolve(fill)?),
            Self::Oauth1(spec) => Inner::OAuth1(spec.resolve(fill)?),
            Self::Wsse(spec) => Inner::Wsse(spec.resolve(fill)?),
            Self::Hmac(spec) => Inner::Hmac(Box::new(spec.resolve(fill)?)),
            Self::Jwt(spec) => Inner::Jwt(Box::new(spec.resolve(fill)?)),
        }))
    }
}

impl Signer {
    /// AWS Signature Version 4 with a key that is known already.
    pub fn aws(id: &str, secret: &Secret, token: Option<&Secret>, region: &str, service: &str) -> Self {
        Self(Inner::Aws(aws::Aws::new(id, secret, token, region, service)))
    }

    /// What the templates of a request may use besides the credential's fields: `timestamp`, `timestamp_ms`,
    /// `date`, `nonce` and the like (see `docs/SIGNERS.md`), and `jwt` where it depends on no request. Call it and
    /// [`Signer::sign`] with the same time and nonce.
    ///
    /// # Errors
    /// As [`Signer::sign`].
    pub fn values(&self, now: Timestamp, nonce: &[u8; 16]) -> Result<Vec<(&'static str, Secret)>, SignError> {
        let moment = template::Moment::new(now, nonce);
        let mut values = moment.values();
        if let Inner::Jwt(jwt) = &self.0
            && !jwt.needs_request()
        {
            values.push(("jwt", jwt.make(&moment)?));
        }
        Ok(values)
    }

    /// Signs a request that is otherwise complete: sets its headers, query or body as the signer's kind says. A
    /// header that is there already is replaced.
    ///
    /// Gives everything that was made from the keys and must not be seen either.
    ///
    /// # Errors
    /// A value that cannot be sent, or a description that cannot be carried out.
    pub fn sign(
        &self,
        request: &mut Request,
        now: Timestamp,
        nonce: &[u8; 16],
    ) -> Result<Vec<Secret>, SignError> {
        match &self.0 {
            Inner::Aws(aws) => aws.sign(request, now),
            Inner::Azure(azure) => azure.sign(request, now),
            Inner::OAuth1(oauth1) => oauth1.sign(request, now, nonce),
            Inner::Wsse(wsse) => wsse.sign(request, now, nonce),
            Inner::Hmac(hmac) => hmac.sign(request, now, nonce),
            Inner::Jwt(jwt) => jwt.sign(request, now, nonce),
        }
    }
}

/// Sets a header, in place of one that is there.
fn set_header(request: &mut Request, name: &str, value: Secret) -> Result<(), SignError> {
    // Visible ASCII (RFC 9110, 5.5): with a line break it would become another header.
    if !value.expose().bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\t')) {
        return Err(SignError::Unsendable(format!("the value of {name}")));
    }
    request.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    request.headers.push((name.to_owned(), value));
    Ok(())
}

/// A header's value.
fn header<'a>(request: &'a Request, name: &str) -> Option<&'a str> {
    let found = request.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|(_, value)| value.expose())
}

/// Host, and port where it is not the scheme's own: the `Host` header.
fn authority(request: &Request) -> String {
    let host = request.url.host_str().unwrap_or_default();
    request.url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn body(request: &Request) -> &[u8] {
    request.body.as_ref().map_or(&[], |body| body.expose().as_bytes())
}

/// The query as names and values, without their encoding.
fn query_pairs(request: &Request) -> Vec<(String, String)> {
    let pairs = request.url.query_pairs();
    pairs.map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

/// A signed statement (RFC 7523), with the algorithm that fits the PEM key: RS256, ES256, ES384, ES512 or EdDSA.
///
/// # Errors
/// A key that is none of these.
pub fn assertion(
    key: &Secret,
    key_id: Option<&str>,
    claims: serde_json::Map<String, serde_json::Value>,
) -> Result<Secret, SignError> {
    jwt::assertion(key, key_id, claims)
}
