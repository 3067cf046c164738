//! OAuth 1.0 (RFC 5849): the signature in the `Authorization` header.

use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::code::{self, Encoding, Hash, percent};
use super::template::Template;
use super::{Fill, SignError, header, query_pairs, set_header};
use crate::http::Request;
use crate::secret::Secret;

/// The parameters of OAuth 1.0.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth1Spec {
    /// The client's public name.
    pub consumer_key: String,
    /// The client's secret.
    pub consumer_secret: String,
    /// The token's public name.
    #[serde(default)]
    pub token: Option<String>,
    /// The token's secret.
    #[serde(default)]
    pub token_secret: Option<String>,
    /// How it is signed.
    #[serde(default)]
    pub method: OAuth1Method,
    /// Stands before the parameters; not signed.
    #[serde(default)]
    pub realm: Option<String>,
}

/// How an OAuth 1.0 request is signed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
pub enum OAuth1Method {
    /// HMAC with SHA-1.
    #[default]
    #[serde(rename = "hmac-sha1")]
    HmacSha1,
    /// HMAC with SHA-256.
    #[serde(rename = "hmac-sha256")]
    HmacSha256,
    /// The secrets themselves: only TLS protects them.
    #[serde(rename = "plaintext")]
    Plaintext,
}

/// A client and its token.
pub(super) struct OAuth1 {
    client: (Secret, Secret),
    token: Option<(Secret, Option<Secret>)>,
    method: OAuth1Method,
    realm: Option<Secret>,
}

impl OAuth1Spec {
    pub(super) fn resolve<E: From<SignError>>(&self, fill: &Fill<'_, E>) -> Result<OAuth1, E> {
        let secret = Template::optional(self.token_secret.as_deref(), fill)?;
        Ok(OAuth1 {
            client: (
                Template::fixed(&self.consumer_key, fill)?,
                Template::fixed(&self.consumer_secret, fill)?,
            ),
            token: Template::optional(self.token.as_deref(), fill)?.map(|token| (token, secret)),
            method: self.method,
            realm: Template::optional(self.realm.as_deref(), fill)?,
        })
    }
}

impl OAuth1 {
    /// Sets `Authorization`.
    pub(super) fn sign(
        &self,
        request: &mut Request,
        now: Timestamp,
        nonce: &[u8; 16],
    ) -> Result<Vec<Secret>, SignError> {
        self.signed(request, &now.as_second().to_string(), &code::hex(nonce))
    }

    fn signed(&self, request: &mut Request, time: &str, nonce: &str) -> Result<Vec<Secret>, SignError> {
        let encode = |text: &str| percent(text.as_bytes(), b"");
        let method = match self.method {
            OAuth1Method::HmacSha1 => "HMAC-SHA1",
            OAuth1Method::HmacSha256 => "HMAC-SHA256",
            OAuth1Method::Plaintext => "PLAINTEXT",
        };
        let mut own = vec![("oauth_consumer_key", self.client.0.expose())];
        if let Some((token, _)) = &self.token {
            own.push(("oauth_token", token.expose()));
        }
        own.push(("oauth_signature_method", method));
        if self.method != OAuth1Method::Plaintext {
            own.extend([("oauth_timestamp", time), ("oauth_nonce", nonce)]);
        }
        let token_secret = self.token.as_ref().and_then(|(_, secret)| secret.as_ref());
        let key = Zeroizing::new(format!(
            "{}&{}",
            encode(self.client.1.expose()),
            encode(token_secret.map_or("", Secret::expose))
        ));
        let signature = match self.method {
            OAuth1Method::Plaintext => key.to_string(),
            OAuth1Method::HmacSha1 => sign(Hash::Sha1, &key, &base(request, &own)),
            OAuth1Method::HmacSha256 => sign(Hash::Sha256, &key, &base(request, &own)),
        };
        let realm =
            self.realm.as_ref().map(|realm| format!("realm=\"{}\", ", realm.expose().replace('"', "")));
        own.push(("oauth_signature", &signature));
        let parameters: Vec<String> =
            own.iter().map(|(name, value)| format!("{name}=\"{}\"", encode(value))).collect();
        let value = format!("OAuth {}{}", realm.unwrap_or_default(), parameters.join(", "));
        set_header(request, "Authorization", Secret::new(value))?;
        Ok(vec![Secret::new(signature), Secret::new(key.to_string())])
    }
}

fn sign(hash: Hash, key: &str, text: &str) -> String {
    Encoding::Base64.of(&hash.hmac(key.as_bytes(), text.as_bytes()))
}

/// The signature base string (RFC 5849, 3.4.1).
fn base(request: &Request, own: &[(&str, &str)]) -> String {
    let mut pairs = query_pairs(request);
    pairs.extend(own.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let form = header(request, "content-type")
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/x-www-form-urlencoded"));
    if let Some(body) = request.body.as_ref().filter(|_| form) {
        let fields = url::form_urlencoded::parse(body.expose().as_bytes());
        pairs.extend(fields.map(|(name, value)| (name.into_owned(), value.into_owned())));
    }
    let mut address = request.url.clone();
    address.set_query(None);
    address.set_fragment(None);
    let encode = |text: &str| percent(text.as_bytes(), b"");
    format!("{}&{}&{}", request.method, encode(address.as_str()), encode(&code::sorted_query(&pairs)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(method: &str, url: &str, body: Option<&str>) -> Request {
        Request {
            method: method.into(),
            url: url.parse().unwrap(),
            headers: vec![("Content-Type".into(), Secret::from("application/x-www-form-urlencoded"))],
            body: body.map(Secret::from),
            allow_http: false,
            tls: crate::http::TlsOptions::default(),
        }
    }

    /// The photo request of RFC 5849, 1.2.
    #[test]
    fn the_example_of_the_rfc() {
        let mut oauth1 = OAuth1 {
            client: (Secret::from("dpf43f3p2l4k3l03"), Secret::from("kd94hf93k423kf44")),
            token: Some((Secret::from("nnch734d00sl2jdk"), Some(Secret::from("pfkkdhi9sl3r4s00")))),
            method: OAuth1Method::HmacSha1,
            realm: Some(Secret::from("Photos")),
        };
        let mut photo =
            request("GET", "http://photos.example.net/photos?file=vacation.jpg&size=original", None);
        oauth1.signed(&mut photo, "137131202", "chapoH").unwrap();
        assert_eq!(
            header(&photo, "authorization").unwrap(),
            "OAuth realm=\"Photos\", oauth_consumer_key=\"dpf43f3p2l4k3l03\", oauth_token=\"nnch734d00sl2jdk\", \
             oauth_signature_method=\"HMAC-SHA1\", oauth_timestamp=\"137131202\", oauth_nonce=\"chapoH\", \
             oauth_signature=\"MdpQcU8iPSUjWoN%2FUDMsK2sui9I%3D\""
        );
        oauth1.method = OAuth1Method::Plaintext;
        let made = oauth1.signed(&mut photo, "137131202", "chapoH").unwrap();
        assert_eq!(made[0].expose(), "kd94hf93k423kf44&pfkkdhi9sl3r4s00");
    }

    /// The base string of RFC 5849, 3.4.1.1: body, repeated and empty parameters.
    #[test]
    fn the_base_string_of_the_rfc() {
        let own = [
            ("oauth_consumer_key", "9djdj82h48djs9d2"),
            ("oauth_token", "kkk9d7dh3k39sjv7"),
            ("oauth_signature_method", "HMAC-SHA1"),
            ("oauth_timestamp", "137131201"),
            ("oauth_nonce", "7d8f3e4a"),
        ];
        let form =
            request("POST", "http://example.com/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", Some("c2&a3=2+q"));
        assert_eq!(
            base(&form, &own),
            "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D%25253D%26c%2540\
             %3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3e4a%26oauth_signature_method\
             %3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkkk9d7dh3k39sjv7"
        );
    }
}
