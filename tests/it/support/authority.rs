//! A double of an OAuth authorization server, with the service that its tokens open.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::server::{Act, Seen, Server, json as answer};

/// The client that the double knows. Both need form-encoding before base64.
pub(crate) const CLIENT: (&str, &str) = ("client:one", "s3cret/+ %of&client");
/// The token that it gives, and the one that a person's login gave.
pub(crate) const GIVEN: &str = "given.token-0123456789";
pub(crate) const STORED: &str = "stored.token-0123456789";

/// What the double shall do besides the usual.
#[derive(Clone, Default)]
pub(crate) struct Manners {
    /// Answers each request for a token with this.
    pub(crate) token: Option<(u16, Value)>,
    /// The public key (as AWS-LC reads it) of assertions.
    pub(crate) key: Option<Vec<u8>>,
    /// Only the place of RFC 8414 answers.
    pub(crate) rfc8414: bool,
}

pub(crate) fn start(manners: Manners) -> Server {
    // The metadata name the double itself: what it is called is in the request.
    let manners = Arc::new(manners);
    Server::start(move |seen| serve(seen, &manners))
}

fn serve(seen: &Seen, manners: &Manners) -> Act {
    let own = format!("http://{}", seen.header("host"));
    let metadata = json!({"issuer": own, "token_endpoint": format!("{own}/token?tenant=1")});
    match seen.target.as_str() {
        "/.well-known/openid-configuration" if !manners.rfc8414 => answer(200, metadata.to_string()),
        "/.well-known/oauth-authorization-server" => answer(200, metadata.to_string()),
        "/token" | "/token?tenant=1" => match (&manners.token, proved(seen, manners)) {
            (Some((status, body)), _) => answer(*status, body.to_string()),
            (None, Ok(scope)) => {
                let body = json!({"access_token": GIVEN, "token_type": "bearer", "expires_in": 3600, "scope": scope});
                answer(200, body.to_string())
            }
            (None, Err(description)) => {
                answer(401, json!({"error": "invalid_client", "error_description": description}).to_string())
            }
        },
        "/v1/me" => match seen.header("authorization") {
            value if [GIVEN, STORED].iter().any(|token| value == format!("Bearer {token}")) => {
                answer(200, r#"{"id": 7}"#)
            }
            _ => answer(401, r#"{"error": "invalid_token"}"#),
        },
        _ => answer(404, "{}"),
    }
}

/// The parameters of a request: of a form, or of JSON.
pub(crate) fn form(seen: &Seen) -> Vec<(String, String)> {
    if seen.header("content-type") == "application/json" {
        let json: Value = serde_json::from_slice(&seen.body).unwrap();
        let members = json.as_object().unwrap().iter();
        return members.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect();
    }
    url::form_urlencoded::parse(&seen.body).into_owned().collect()
}

fn field(seen: &Seen, name: &str) -> String {
    form(seen).into_iter().find(|(known, _)| known == name).map(|(_, value)| value).unwrap_or_default()
}

/// Whether the client proved itself, in any way; gives the scopes it asked for.
fn proved(seen: &Seen, manners: &Manners) -> Result<String, &'static str> {
    let scope = field(seen, "scope");
    let assertion = [field(seen, "assertion"), field(seen, "client_assertion")].concat();
    if !assertion.is_empty() {
        let claims = verified(&assertion, manners.key.as_deref().ok_or("no key")?).ok_or("bad signature")?;
        let audience = format!("http://{}{}", seen.header("host"), seen.target);
        let good = claims["iss"] == CLIENT.0 && claims["aud"] == audience && claims["jti"].is_string();
        return if good { Ok(scope) } else { Err("bad claims") };
    }
    if field(seen, "grant_type") != "client_credentials" {
        return Err("another grant");
    }
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let basic = STANDARD.encode(format!("{}:{}", encode(CLIENT.0), encode(CLIENT.1)));
    let post = field(seen, "client_id") == CLIENT.0 && field(seen, "client_secret") == CLIENT.1;
    match post || seen.header("authorization") == format!("Basic {basic}") {
        true => Ok(scope),
        false => Err("who are you?"),
    }
}

/// The claims of an RS256 token whose signature holds.
pub(crate) fn verified(token: &str, key: &[u8]) -> Option<Value> {
    use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
    let (signed, signature) = token.rsplit_once('.')?;
    let key = UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key);
    key.verify(signed.as_bytes(), &URL_SAFE_NO_PAD.decode(signature).ok()?).ok()?;
    let (header, claims) = signed.split_once('.')?;
    let json = |part: &str| serde_json::from_slice::<Value>(&URL_SAFE_NO_PAD.decode(part).ok()?).ok();
    (json(header)?["alg"] == "RS256").then(|| json(claims)).flatten()
}

/// A fresh RSA key: PEM of the private half, and the public half.
pub(crate) fn rsa_key() -> (String, Vec<u8>) {
    use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
    use aws_lc_rs::rsa::{KeyPair, KeySize};
    use aws_lc_rs::signature::KeyPair as _;
    let pair = KeyPair::generate(KeySize::Rsa2048).unwrap();
    let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
    let body = STANDARD.encode(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{body}\n-----END PRIVATE KEY-----\n");
    (pem, pair.public_key().as_ref().to_vec())
}
