//! An HMAC over a message that a catalogue file describes: most services' own signatures are one.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::code::{Encoding, Hash, KeyEncoding};
use super::template::{Moment, Template};
use super::{Fill, SignError, set_header};
use crate::http::Request;
use crate::secret::Secret;

/// The parameters of an HMAC, and where it goes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HmacSpec {
    /// The hash.
    pub algorithm: Hash,
    /// The key.
    pub key: String,
    /// How the key's text stands for its bytes.
    #[serde(default)]
    pub key_encoding: KeyEncoding,
    /// Texts of one's own, which the message and the places may use by name.
    #[serde(default)]
    pub values: BTreeMap<String, String>,
    /// What is signed; the result is `{signature}`.
    pub message: Message,
    /// More messages, signed with the same key: each result has its own name.
    #[serde(default)]
    pub more: BTreeMap<String, Message>,
    /// How the results are written.
    #[serde(default)]
    pub encoding: Encoding,
    /// Headers that are set.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// Parameters that are added to the query.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// `user:password` of HTTP Basic.
    #[serde(default)]
    pub basic: Option<String>,
    /// The body, in place of the request's own.
    #[serde(default)]
    pub body: Option<String>,
}

/// What is signed: a text, or several one behind the other.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Message {
    /// One text.
    Text(String),
    /// Texts and hashes.
    Parts(Vec<MessagePart>),
}

/// A part of a message.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum MessagePart {
    /// A text.
    Text(String),
    /// The hash of a text.
    #[serde(rename_all = "snake_case")]
    Hash {
        /// Which hash.
        hash: Hash,
        /// Of what.
        of: String,
        /// How it is written; absent: its bytes.
        #[serde(default)]
        encoding: Option<Encoding>,
    },
}

/// A key, a message and the places that the signature goes to.
pub(super) struct Hmac {
    hash: Hash,
    key: Zeroizing<Vec<u8>>,
    encoding: Encoding,
    values: Vec<(String, Template)>,
    messages: Vec<(String, Vec<Part>)>,
    headers: Vec<(String, Template)>,
    query: Vec<(String, Template)>,
    basic: Option<Template>,
    body: Option<Template>,
}

struct Part {
    text: Template,
    hash: Option<(Hash, Option<Encoding>)>,
}

impl HmacSpec {
    pub(super) fn resolve<E: From<SignError>>(&self, fill: &Fill<'_, E>) -> Result<Hmac, E> {
        let own: Vec<&str> = self.values.keys().map(String::as_str).collect();
        let mut made = own.clone();
        made.extend(self.more.keys().map(String::as_str));
        made.push("signature");
        let all = |texts: &BTreeMap<String, String>, own: &[&str]| {
            let one =
                |(name, text): (&String, &String)| Ok((name.clone(), Template::resolve(text, own, fill)?));
            texts.iter().map(one).collect::<Result<Vec<_>, E>>()
        };
        let mut messages = vec![("signature".to_owned(), self.message.resolve(&own, fill)?)];
        for (name, message) in &self.more {
            messages.push((name.clone(), message.resolve(&own, fill)?));
        }
        let optional = |text: &Option<String>| {
            text.as_ref().map(|text| Template::resolve(text, &made, fill)).transpose()
        };
        Ok(Hmac {
            hash: self.algorithm,
            key: self.key_encoding.read(Template::fixed(&self.key, fill)?.expose())?,
            encoding: self.encoding,
            values: all(&self.values, &[])?,
            messages,
            headers: all(&self.headers, &made)?,
            query: all(&self.query, &made)?,
            basic: optional(&self.basic)?,
            body: optional(&self.body)?,
        })
    }
}

impl Message {
    fn resolve<E: From<SignError>>(&self, own: &[&str], fill: &Fill<'_, E>) -> Result<Vec<Part>, E> {
        let part = |text: &str, hash| -> Result<Part, E> {
            Ok(Part { text: Template::resolve(text, own, fill)?, hash })
        };
        match self {
            Self::Text(text) => Ok(vec![part(text, None)?]),
            Self::Parts(parts) => parts
                .iter()
                .map(|one| match one {
                    MessagePart::Text(text) => part(text, None),
                    MessagePart::Hash { hash, of, encoding } => part(of, Some((*hash, *encoding))),
                })
                .collect(),
        }
    }
}

impl Hmac {
    /// Sets headers, query, Basic and body as the file says.
    pub(super) fn sign(
        &self,
        request: &mut Request,
        now: Timestamp,
        nonce: &[u8; 16],
    ) -> Result<Vec<Secret>, SignError> {
        let mut moment = Moment::of(request, now, nonce);
        for (name, template) in &self.values {
            let value = template.text(&moment)?;
            moment.own.push((name.clone(), value));
        }
        let mut secrets = Vec::new();
        for (name, parts) in &self.messages {
            let mut message = Zeroizing::new(Vec::new());
            for part in parts {
                let text = part.text.text(&moment)?;
                match part.hash {
                    None => message.extend_from_slice(text.as_bytes()),
                    Some((hash, None)) => message.extend_from_slice(&hash.of(text.as_bytes())),
                    Some((hash, Some(encoding))) => {
                        message.extend_from_slice(encoding.of(&hash.of(text.as_bytes())).as_bytes());
                    }
                }
            }
            let signature = self.encoding.of(&self.hash.hmac(&self.key, &message));
            secrets.push(Secret::from(signature.as_str()));
            moment.own.push((name.clone(), Zeroizing::new(signature)));
        }
        // Everything is written before the request changes: a place may name what another one sets.
        let all = |templates: &[(String, Template)]| {
            let one = |(name, template): &(String, Template)| Ok((name.clone(), template.text(&moment)?));
            templates.iter().map(one).collect::<Result<Vec<_>, SignError>>()
        };
        let (headers, query) = (all(&self.headers)?, all(&self.query)?);
        let basic = self.basic.as_ref().map(|template| template.text(&moment)).transpose()?;
        let body = self.body.as_ref().map(|template| template.text(&moment)).transpose()?;
        for (name, value) in headers {
            set_header(request, &name, Secret::from(value.as_str()))?;
        }
        for (name, value) in query {
            request.url.query_pairs_mut().append_pair(&name, &value);
        }
        if let Some(pair) = basic {
            let encoded = Encoding::Base64.of(pair.as_bytes());
            set_header(request, "Authorization", Secret::new(format!("Basic {encoded}")))?;
            secrets.push(Secret::from(pair.as_str()));
            secrets.push(Secret::new(encoded));
        }
        if let Some(body) = body {
            request.body = Some(Secret::from(body.as_str()));
        }
        Ok(secrets)
    }
}

#[cfg(test)]
mod tests {
    use super::super::{header, query_pairs};
    use super::*;

    fn hmac(spec: &str, fields: &[(&str, &str)]) -> Result<Hmac, SignError> {
        let spec: HmacSpec = toml::from_str(spec).unwrap();
        spec.resolve(&|name: &str| {
            let field = fields.iter().find(|(known, _)| *known == name);
            field.map(|(_, value)| Secret::from(*value)).ok_or(SignError::Spec(name.to_owned()))
        })
    }

    fn request(method: &str, url: &str, body: Option<&str>) -> Request {
        Request {
            method: method.into(),
            url: url.parse().unwrap(),
            headers: Vec::new(),
            body: body.map(Secret::from),
            allow_http: false,
            tls: crate::http::TlsOptions::default(),
        }
    }

    fn at(time: &str) -> Timestamp {
        time.parse().unwrap()
    }

    /// The example of BitMEX's documentation.
    #[test]
    fn method_path_time_and_body_in_hexadecimal() {
        let bitmex = r#"
            algorithm = "sha256"
            key = "{secret}"
            message = "{method}{path_query}{timestamp+5}{body}"
            [headers]
            api-expires = "{timestamp+5}"
            api-key = "{id}"
            api-signature = "{signature}"
        "#;
        let fields = [
            ("secret", "chNOOS4KvNXR_Xq4k4c9qsfoKWvnDecLATCRlcBwyKDYnWgO"),
            ("id", "LAqUlngMIQkIUjXMUreyu3qn"),
        ];
        let mut get = request("GET", "https://www.bitmex.com/api/v1/instrument", None);
        let made =
            hmac(bitmex, &fields).unwrap().sign(&mut get, at("2018-02-08T04:30:31Z"), &[0; 16]).unwrap();
        assert_eq!(header(&get, "api-expires"), Some("1518064236"));
        let expected = Hash::Sha256.hmac(fields[0].1.as_bytes(), b"GET/api/v1/instrument1518064236");
        assert_eq!(made[0].expose(), Encoding::Hex.of(&expected));
        assert_eq!(header(&get, "api-signature"), Some(made[0].expose()));
        // The documentation's own number for the same request.
        let mut get = request("GET", "https://www.bitmex.com/api/v1/instrument", None);
        hmac(bitmex, &fields).unwrap().sign(&mut get, at("2018-02-08T04:30:31Z"), &[0; 16]).unwrap();
        assert_eq!(
            header(&get, "api-signature"),
            Some("c7682d435d0cfe87c16098df34ef2eb5a549d4c5a3c2b1f0f77b8af73423bf00")
        );
    }

    /// The example of Kraken's documentation: a hash inside the message, its key in base64.
    #[test]
    fn a_hash_inside_the_message() {
        let kraken = r#"
            algorithm = "sha512"
            key = "{secret}"
            key_encoding = "base64"
            message = ["{path}", { hash = "sha256", of = "1616492376594{body}" }]
            encoding = "base64"
            [headers]
            API-Sign = "{signature}"
        "#;
        let key = "kQH5HW/8p1uGOVjbgWA7FunAmGO8lsSUXNsu3eow76sz84Q18fWxnyRzBHCd3pd5nE9qa99HAZtuZuj6F1huXg==";
        let body = "nonce=1616492376594&ordertype=limit&pair=XBTUSD&price=37500&type=buy&volume=1.25";
        let mut order = request("POST", "https://api.kraken.com/0/private/AddOrder", Some(body));
        hmac(kraken, &[("secret", key)]).unwrap().sign(&mut order, Timestamp::UNIX_EPOCH, &[0; 16]).unwrap();
        assert_eq!(
            header(&order, "api-sign"),
            Some("4/dpxb3iT4tp/ZCVEwSnEsLxx0bqyhLpdfOpc6fn7OR8+UClSV5n9E6aSS8MPtnRfp32bAb0nmbRn6H8ndwLUQ==")
        );
    }

    #[test]
    fn basic_query_body_values_and_more_than_one_signature() {
        let spec = r#"
            algorithm = "sha1"
            key = "{secret}&"
            message = "{method}&%2F&{sorted_query|url}&{payload|base64}"
            encoding = "base64"
            basic = "{id}:{signature}"
            body = "{\"nonce\":{timestamp_ms},\"second\":\"{second}\"}"
            [values]
            payload = "{\"path\":\"{path}\"}"
            [more]
            second = "{id}"
            [query]
            Signature = "{signature}"
        "#;
        let fields = [("secret", "s"), ("id", "me")];
        let mut call = request("POST", "https://h.example/x?b=2&a=1+1", None);
        let made =
            hmac(spec, &fields).unwrap().sign(&mut call, at("1970-01-01T00:00:01Z"), &[0; 16]).unwrap();
        let message = "POST&%2F&a%3D1%25201%26b%3D2&eyJwYXRoIjoiL3gifQ==";
        let signature = Encoding::Base64.of(&Hash::Sha1.hmac(b"s&", message.as_bytes()));
        let second = Encoding::Base64.of(&Hash::Sha1.hmac(b"s&", b"me"));
        assert_eq!(query_pairs(&call)[2], ("Signature".to_owned(), signature.clone()));
        let basic = format!("Basic {}", Encoding::Base64.of(format!("me:{signature}").as_bytes()));
        assert_eq!(header(&call, "authorization"), Some(basic.as_str()));
        assert_eq!(call.body.unwrap().expose(), format!("{{\"nonce\":1000,\"second\":\"{second}\"}}"));
        assert!(made.contains(&Secret::new(second)));
    }

    #[test]
    fn a_description_that_cannot_be_used_is_refused() {
        let words = |spec: &str| hmac(spec, &[("secret", "!")]).err().unwrap().to_string();
        let base = "algorithm = \"sha256\"\nmessage = \"x\"\n";
        assert!(words(&format!("{base}key = \"{{secret}}\"\nkey_encoding = \"base64\"")).contains("base64"));
        assert!(words(&format!("{base}key = \"{{path}}\"")).contains("cannot depend on a request"));
        assert!(words(&format!("{base}key = \"{{other}}\"")).contains("other"));
        assert!(toml::from_str::<HmacSpec>(&format!("{base}key = \"k\"\nkye = 1")).is_err());
    }
}
