//! JSON Web Tokens (RFC 7515, 7518, 7519): made for one request, or as an assertion that buys a token.

use std::collections::BTreeMap;

use aws_lc_rs::signature;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::code::{Encoding, Hash, KeyEncoding, from_base64};
use super::key::{SigningKey, thumbprint};
use super::template::{Moment, Template};
use super::{Fill, SignError, set_header};
use crate::http::Request;
use crate::secret::Secret;

/// How a token is signed (RFC 7518, 3.1; RFC 8037).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[allow(missing_docs, reason = "the names are the registered ones")]
pub enum Algorithm {
    HS256,
    HS384,
    HS512,
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    ES512,
    #[serde(rename = "EdDSA")]
    EdDsa,
}

impl Algorithm {
    fn name(self) -> &'static str {
        match self {
            Self::HS256 => "HS256",
            Self::HS384 => "HS384",
            Self::HS512 => "HS512",
            Self::RS256 => "RS256",
            Self::RS384 => "RS384",
            Self::RS512 => "RS512",
            Self::PS256 => "PS256",
            Self::PS384 => "PS384",
            Self::PS512 => "PS512",
            Self::ES256 => "ES256",
            Self::ES384 => "ES384",
            Self::ES512 => "ES512",
            Self::EdDsa => "EdDSA",
        }
    }

    pub(super) fn hmac(self) -> Option<Hash> {
        match self {
            Self::HS256 => Some(Hash::Sha256),
            Self::HS384 => Some(Hash::Sha384),
            Self::HS512 => Some(Hash::Sha512),
            _ => None,
        }
    }

    pub(super) fn rsa(self) -> Option<&'static dyn signature::RsaEncoding> {
        match self {
            Self::RS256 => Some(&signature::RSA_PKCS1_SHA256),
            Self::RS384 => Some(&signature::RSA_PKCS1_SHA384),
            Self::RS512 => Some(&signature::RSA_PKCS1_SHA512),
            Self::PS256 => Some(&signature::RSA_PSS_SHA256),
            Self::PS384 => Some(&signature::RSA_PSS_SHA384),
            Self::PS512 => Some(&signature::RSA_PSS_SHA512),
            _ => None,
        }
    }

    pub(super) fn curve(self) -> Option<&'static signature::EcdsaSigningAlgorithm> {
        match self {
            Self::ES256 => Some(&signature::ECDSA_P256_SHA256_FIXED_SIGNING),
            Self::ES384 => Some(&signature::ECDSA_P384_SHA384_FIXED_SIGNING),
            Self::ES512 => Some(&signature::ECDSA_P521_SHA512_FIXED_SIGNING),
            _ => None,
        }
    }
}

/// The parameters of a token.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JwtSpec {
    /// How it is signed.
    pub algorithm: Algorithm,
    /// The key: PEM, or for `HS…` the shared secret.
    pub key: String,
    /// How a shared secret's text stands for its bytes.
    #[serde(default)]
    pub key_encoding: KeyEncoding,
    /// `kid` of the header; empty: none.
    #[serde(default)]
    pub key_id: Option<String>,
    /// A PEM certificate whose thumbprints become `x5t` and `x5t#S256` of the header.
    #[serde(default)]
    pub certificate: Option<String>,
    /// More of the header; texts are templates.
    #[serde(default)]
    pub header: Map<String, Value>,
    /// The claims; texts are templates, and one that is only a `{timestamp…}` becomes a number.
    #[serde(default)]
    pub claims: Map<String, Value>,
    /// Seconds from now to `iat`.
    #[serde(default)]
    pub issued: i64,
    /// Seconds from now to `exp`.
    #[serde(default = "five_minutes")]
    pub expires: i64,
    /// Seconds from now to `nbf`; absent: none.
    #[serde(default)]
    pub not_before: Option<i64>,
    /// The nonce becomes `jti`.
    #[serde(default)]
    pub id: bool,
    /// Headers that are set, with `{jwt}`; empty: only a request's own templates use it.
    #[serde(default = "bearer")]
    pub headers: BTreeMap<String, String>,
}

fn five_minutes() -> i64 {
    300
}

fn bearer() -> BTreeMap<String, String> {
    BTreeMap::from([("Authorization".to_owned(), "Bearer {jwt}".to_owned())])
}

/// A key, and what its tokens say.
pub(super) struct Jwt {
    algorithm: Algorithm,
    key: SigningKey,
    header: Vec<(String, Claim)>,
    claims: Vec<(String, Claim)>,
    headers: Vec<(String, Template)>,
}

/// A value of the header or of the claims.
enum Claim {
    Text(Template),
    List(Vec<Claim>),
    Object(Vec<(String, Claim)>),
    Plain(Value),
}

/// What a token may name besides a request's values.
const OWN: [&str; 1] = ["public_key_sha256"];

impl JwtSpec {
    pub(super) fn resolve<E: From<SignError>>(&self, fill: &Fill<'_, E>) -> Result<Jwt, E> {
        let key = Template::fixed(&self.key, fill)?;
        let key = SigningKey::read(self.algorithm, key.expose(), self.key_encoding)?;
        let mut header = Claim::members(&self.header, fill)?;
        if let Some(id) = Template::optional(self.key_id.as_deref(), fill)? {
            header.push(("kid".to_owned(), Claim::Plain(json!(id.expose()))));
        }
        if let Some(certificate) = Template::optional(self.certificate.as_deref(), fill)? {
            for (name, hash) in [("x5t", Hash::Sha1), ("x5t#S256", Hash::Sha256)] {
                header.push((name.to_owned(), Claim::Plain(json!(thumbprint(certificate.expose(), hash)?))));
            }
        }
        let mut claims = Claim::members(&self.claims, fill)?;
        let mut time = |name: &str, offset: i64| -> Result<(), E> {
            if !self.claims.contains_key(name) {
                let template = Template::resolve(&format!("{{timestamp{offset:+}}}"), &[], fill)?;
                claims.push((name.to_owned(), Claim::Text(template)));
            }
            Ok(())
        };
        time("iat", self.issued)?;
        time("exp", self.expires)?;
        if let Some(offset) = self.not_before {
            time("nbf", offset)?;
        }
        if self.id {
            claims.push(("jti".to_owned(), Claim::Text(Template::resolve("{nonce}", &[], fill)?)));
        }
        let place =
            |(name, text): (&String, &String)| Ok((name.clone(), Template::resolve(text, &["jwt"], fill)?));
        let headers = self.headers.iter().map(place).collect::<Result<_, E>>()?;
        Ok(Jwt { algorithm: self.algorithm, key, header, claims, headers })
    }
}

impl Claim {
    fn read<E: From<SignError>>(value: &Value, fill: &Fill<'_, E>) -> Result<Self, E> {
        Ok(match value {
            Value::String(text) => Self::Text(Template::resolve(text, &OWN, fill)?),
            Value::Array(items) => {
                Self::List(items.iter().map(|item| Self::read(item, fill)).collect::<Result<_, E>>()?)
            }
            Value::Object(members) => Self::Object(Self::members(members, fill)?),
            plain => Self::Plain(plain.clone()),
        })
    }

    fn members<E: From<SignError>>(
        members: &Map<String, Value>,
        fill: &Fill<'_, E>,
    ) -> Result<Vec<(String, Self)>, E> {
        members.iter().map(|(name, value)| Ok((name.clone(), Self::read(value, fill)?))).collect()
    }

    fn value(&self, moment: &Moment<'_>) -> Result<Value, SignError> {
        Ok(match self {
            Self::Text(template) => {
                let text = template.text(moment)?;
                match text.parse::<i64>() {
                    Ok(number) if template.is_number() => json!(number),
                    _ => json!(text.as_str()),
                }
            }
            Self::List(items) => {
                Value::Array(items.iter().map(|item| item.value(moment)).collect::<Result<_, _>>()?)
            }
            Self::Object(members) => Value::Object(object(members, moment)?),
            Self::Plain(value) => value.clone(),
        })
    }

    fn needs_request(&self) -> bool {
        match self {
            Self::Text(template) => template.needs_request(),
            Self::List(items) => items.iter().any(Self::needs_request),
            Self::Object(members) => members.iter().any(|(_, claim)| claim.needs_request()),
            Self::Plain(_) => false,
        }
    }
}

fn object(members: &[(String, Claim)], moment: &Moment<'_>) -> Result<Map<String, Value>, SignError> {
    members.iter().map(|(name, claim)| Ok((name.clone(), claim.value(moment)?))).collect()
}

impl Jwt {
    /// Whether a token is good for one request only.
    pub(super) fn needs_request(&self) -> bool {
        self.header.iter().chain(&self.claims).any(|(_, claim)| claim.needs_request())
    }

    /// A token.
    pub(super) fn make(&self, moment: &Moment<'_>) -> Result<Secret, SignError> {
        let mut moment = moment.clone();
        if let Some(fingerprint) = self.key.public_sha256() {
            moment.own.push((OWN[0].to_owned(), Zeroizing::new(fingerprint)));
        }
        let mut header = Map::new();
        header.insert("alg".to_owned(), json!(self.algorithm.name()));
        header.insert("typ".to_owned(), json!("JWT"));
        header.extend(object(&self.header, &moment)?);
        token(&self.key, &Value::Object(header), &Value::Object(object(&self.claims, &moment)?))
    }

    /// Sets the headers.
    pub(super) fn sign(
        &self,
        request: &mut Request,
        now: Timestamp,
        nonce: &[u8; 16],
    ) -> Result<Vec<Secret>, SignError> {
        let mut moment = Moment::of(request, now, nonce);
        let jwt = self.make(&moment)?;
        moment.own.push(("jwt".to_owned(), Zeroizing::new(jwt.expose().to_owned())));
        let set = |(name, template): &(String, Template)| Ok((name.clone(), template.text(&moment)?));
        let headers = self.headers.iter().map(set).collect::<Result<Vec<_>, SignError>>()?;
        for (name, value) in headers {
            set_header(request, &name, Secret::from(value.as_str()))?;
        }
        Ok(vec![jwt])
    }
}

fn token(key: &SigningKey, header: &Value, claims: &Value) -> Result<Secret, SignError> {
    let part = |value: &Value| Encoding::Base64url.of(value.to_string().as_bytes());
    let mut text = format!("{}.{}", part(header), part(claims));
    let signature = key.sign(text.as_bytes())?;
    text.push('.');
    text.push_str(&Encoding::Base64url.of(&signature));
    Ok(Secret::new(text))
}

/// A signed statement with the first algorithm that the key fits.
pub(super) fn assertion(
    key: &Secret,
    key_id: Option<&str>,
    claims: Map<String, Value>,
) -> Result<Secret, SignError> {
    use Algorithm::{ES256, ES384, ES512, EdDsa, RS256};
    let mut refused = SignError::Key("it is of no known kind");
    for algorithm in [RS256, ES256, ES384, ES512, EdDsa] {
        match SigningKey::read(algorithm, key.expose(), KeyEncoding::Raw) {
            Ok(found) => {
                let mut header = json!({ "alg": algorithm.name(), "typ": "JWT" });
                if let Some(id) = key_id {
                    header["kid"] = json!(id);
                }
                return token(&found, &header, &Value::Object(claims));
            }
            // The first one tells what is wrong with the text; the others only that it is another kind of key.
            Err(error) if algorithm == RS256 => refused = error,
            Err(_) => {}
        }
    }
    Err(match refused {
        SignError::Key("it is not an RSA key" | "it is not an RSA key of 2048 bits or more") => {
            SignError::Key("it is neither RSA of 2048 bits or more, nor on a NIST curve, nor Ed25519")
        }
        other => other,
    })
}

/// When a token that is a JWT ends: its `exp` claim. `None` for any other text. Nothing is verified: only the
/// service can do that.
pub fn jwt_expiry(token: &str) -> Option<Timestamp> {
    jwt_time(token, "exp")
}

/// When a token that is a JWT was made: its `iat` claim. As for [`jwt_expiry`], nothing is verified.
pub fn jwt_issued(token: &str) -> Option<Timestamp> {
    jwt_time(token, "iat")
}

fn jwt_time(token: &str, claim: &str) -> Option<Timestamp> {
    let mut parts = token.trim().split('.');
    let (header, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    if parts.next().is_some() {
        return None;
    }
    let json = |part: &str| serde_json::from_slice::<Value>(&from_base64(part)?).ok();
    json(header)?.get("alg")?;
    let time = json(claims)?.get(claim)?.as_f64()?;
    // In milliseconds by mistake: some services do so.
    let seconds = if time > 1e11 { time / 1000.0 } else { time };
    #[allow(clippy::cast_possible_truncation, reason = "a float casts to the nearest number there is")]
    Timestamp::from_second(seconds as i64).ok()
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::encoding::AsDer as _;
    use aws_lc_rs::rand::SystemRandom;
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED, EcdsaKeyPair,
        KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, UnparsedPublicKey,
        VerificationAlgorithm,
    };
    use aws_lc_rs::{encoding, rsa};

    use super::*;

    fn pem(label: &str, der: &[u8]) -> String {
        format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", Encoding::Base64.of(der))
    }

    fn jwt(spec: Value, fields: &[(&str, &str)]) -> Result<Jwt, SignError> {
        let spec: JwtSpec = serde_json::from_value(spec).unwrap();
        spec.resolve(&|name: &str| {
            let field = fields.iter().find(|(known, _)| *known == name);
            field.map(|(_, value)| Secret::from(*value)).ok_or(SignError::Spec(name.to_owned()))
        })
    }

    fn made(jwt: &Jwt) -> (Value, Value, String) {
        let now = "2024-05-06T07:08:09Z".parse().unwrap();
        let token = jwt.make(&Moment::new(now, &[1; 16])).unwrap().expose().to_owned();
        let parts: Vec<&str> = token.split('.').collect();
        let json = |part: &str| serde_json::from_slice(&from_base64(part).unwrap()).unwrap();
        (json(parts[0]), json(parts[1]), token.clone())
    }

    /// RFC 7515, appendix A.1.
    #[test]
    fn hs256_of_the_rfc() {
        let key = "AyM1SysPpbyDfgZld3umj1qzKObwVMkoqQ-EstJQLr_T-1qS0gZH75aKtMN3Yj0iPS4hcgUuTwjAzZr1Z9CAow";
        let key = SigningKey::read(Algorithm::HS256, key, KeyEncoding::Base64).unwrap();
        let input = "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dH\
                     A6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
        let signature = Encoding::Base64url.of(&key.sign(input.as_bytes()).unwrap());
        assert_eq!(signature, "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk");
        assert_eq!(jwt_expiry(&format!("{input}.{signature}")), Timestamp::from_second(1_300_819_380).ok());
    }

    /// RFC 8037, appendix A.4.
    #[test]
    fn eddsa_of_the_rfc() {
        let mut der = vec![0x30, 0x2e, 2, 1, 0, 0x30, 5, 6, 3, 0x2b, 0x65, 0x70, 4, 0x22, 4, 0x20];
        der.extend(from_base64("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap());
        let key = SigningKey::read(Algorithm::EdDsa, &pem("PRIVATE KEY", &der), KeyEncoding::Raw).unwrap();
        let signature = key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc").unwrap();
        assert_eq!(
            Encoding::Base64url.of(&signature),
            "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
        );
    }

    #[test]
    fn header_and_claims_are_as_described() {
        let described = json!({
            "algorithm": "HS512", "key": "{secret}", "key_id": "{id}", "header": {"cty": "x"}, "issued": -60, "id": true,
            "not_before": 0,
            "claims": {"iss": "{id}", "aud": ["https://{id}.example"], "n": 1, "until": "{timestamp+5}", "text": "at {timestamp}"}
        });
        let jwt = jwt(described, &[("secret", "s"), ("id", "17")]).unwrap();
        assert!(!jwt.needs_request());
        let (header, claims, token) = made(&jwt);
        assert_eq!(header, json!({"alg": "HS512", "typ": "JWT", "cty": "x", "kid": "17"}));
        assert_eq!(
            claims,
            json!({"iss": "17", "aud": ["https://17.example"], "n": 1, "until": 1_714_979_294, "text": "at 1714979289",
                   "iat": 1_714_979_229, "exp": 1_714_979_589, "nbf": 1_714_979_289,
                   "jti": "01010101010101010101010101010101"})
        );
        assert_eq!(jwt_expiry(&token), Timestamp::from_second(1_714_979_589).ok());
    }

    fn verify(token: &str, algorithm: &'static dyn VerificationAlgorithm, public: &[u8]) -> bool {
        let (text, signature) = token.rsplit_once('.').unwrap();
        let key = UnparsedPublicKey::new(algorithm, public);
        key.verify(text.as_bytes(), &from_base64(signature).unwrap()).is_ok()
    }

    #[test]
    fn rsa_in_every_form_of_its_key() {
        let pair = rsa::KeyPair::generate(rsa::KeySize::Rsa2048).unwrap();
        let der: encoding::Pkcs8V1Der<'_> = pair.as_der().unwrap();
        // PKCS#8 is PKCS#1 with 26 bytes before it, where both lengths take two bytes.
        let (pkcs8, pkcs1) = (der.as_ref(), &der.as_ref()[26..]);
        let forms = [
            pem("PRIVATE KEY", pkcs8),
            pem("RSA PRIVATE KEY", pkcs1),
            pem("PRIVATE KEY", pkcs8).replace('\n', "\\n"),
            Encoding::Base64.of(pkcs8),
        ];
        for key in forms {
            let spec = json!({"algorithm": "RS256", "key": "{k}", "claims": {"f": "{public_key_sha256}"}});
            let (_, claims, token) = made(&jwt(spec, &[("k", &key)]).unwrap());
            assert!(verify(&token, &RSA_PKCS1_2048_8192_SHA256, pair.public_key().as_ref()));
            assert!(!verify(
                &token.replacen('e', "f", 1),
                &RSA_PKCS1_2048_8192_SHA256,
                pair.public_key().as_ref()
            ));
            assert_eq!(claims["f"].as_str().unwrap().len(), 44);
        }
        let spec = json!({"algorithm": "PS384", "key": "{k}"});
        let (_, _, token) = made(&jwt(spec, &[("k", &pem("PRIVATE KEY", pkcs8))]).unwrap());
        assert!(verify(&token, &RSA_PSS_2048_8192_SHA384, pair.public_key().as_ref()));
    }

    #[test]
    fn elliptic_curves() {
        let tests: [(&str, Algorithm, &'static dyn VerificationAlgorithm); 3] = [
            ("ES256", Algorithm::ES256, &ECDSA_P256_SHA256_FIXED),
            ("ES384", Algorithm::ES384, &ECDSA_P384_SHA384_FIXED),
            ("ES512", Algorithm::ES512, &ECDSA_P521_SHA512_FIXED),
        ];
        for (name, algorithm, verification) in tests {
            let pkcs8 =
                EcdsaKeyPair::generate_pkcs8(algorithm.curve().unwrap(), &SystemRandom::new()).unwrap();
            let pair = EcdsaKeyPair::from_pkcs8(algorithm.curve().unwrap(), pkcs8.as_ref()).unwrap();
            let sec1: encoding::EcPrivateKeyRfc5915Der<'_> = pair.private_key().as_der().unwrap();
            for key in [pem("PRIVATE KEY", pkcs8.as_ref()), pem("EC PRIVATE KEY", sec1.as_ref())] {
                let (_, _, token) =
                    made(&jwt(json!({"algorithm": name, "key": "{k}"}), &[("k", &key)]).unwrap());
                assert!(verify(&token, verification, pair.public_key().as_ref()), "{name}");
            }
        }
    }

    #[test]
    fn a_key_that_does_not_fit_is_named() {
        for (algorithm, key, words) in [
            ("RS256", "hello", "BEGIN and END"),
            (
                "RS256",
                "-----BEGIN ENCRYPTED PRIVATE KEY-----\nAA==\n-----END ENCRYPTED PRIVATE KEY-----",
                "encrypted",
            ),
            ("ES256", "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----", "curve"),
            ("RS256", "-----BEGIN EC PRIVATE KEY-----\nAA==\n-----END EC PRIVATE KEY-----", "RSA"),
            ("HS256", "", "empty"),
        ] {
            let error = jwt(json!({"algorithm": algorithm, "key": "{k}"}), &[("k", key)]).err().unwrap();
            assert!(error.to_string().contains(words), "{error}");
        }
        let for_a_request =
            json!({"algorithm": "HS256", "key": "k", "claims": {"uri": "{method} {host}{path}"}});
        assert!(jwt(for_a_request, &[]).unwrap().needs_request());
    }

    #[test]
    fn what_is_no_token_has_no_expiry() {
        for text in ["", "abc", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "sk.live.1234", "eyJ9.eyJ9.x.y"] {
            assert_eq!(jwt_expiry(text), None, "{text}");
        }
        let with = |exp: &str| {
            format!(
                "{}.{}.",
                Encoding::Base64url.of(b"{\"alg\":\"none\"}"),
                Encoding::Base64url.of(exp.as_bytes())
            )
        };
        assert_eq!(jwt_expiry(&with("{\"exp\":1700000000.5}")), Timestamp::from_second(1_700_000_000).ok());
        assert_eq!(jwt_expiry(&with("{\"exp\":1700000000000}")), Timestamp::from_second(1_700_000_000).ok());
        assert_eq!(jwt_expiry(&with("{\"exp\":\"soon\"}")), None);
        assert_eq!(jwt_expiry(&with("{\"exp\":1e300}")), None);
    }
}
