//! What a credential, or an OAuth app, says about its client.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use url::Url;

use crate::http::{self, AddressError};
use crate::model::Content;
use crate::secret::Secret;

/// Everything that getting a token without a person needs.
pub struct Ask {
    /// How the token is got.
    pub grant: Grant,
    /// The client's public name.
    pub client_id: String,
    pub(super) proof: Proof,
    /// Where tokens are given out; `None`: found by discovery.
    pub token_url: Option<Url>,
    /// The authorization server.
    pub issuer: Option<Url>,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What the token is for.
    pub audience: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) key_id: Option<String>,
    /// What else is sent, by name; it takes the place of what would be sent under the same name.
    pub extra: Vec<(String, Secret)>,
    /// What stands between scopes.
    pub scope_separator: String,
    /// Parameters are sent as JSON, not as a form.
    pub json: bool,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ask({:?} at {})", self.grant, self.host())
    }
}

/// A grant that needs no person.
pub enum Grant {
    /// The client asks for itself.
    ClientCredentials,
    /// A signed statement buys the token (RFC 7523).
    JwtBearer {
        /// What signs it.
        key: Secret,
    },
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer { .. } => "jwt_bearer",
        })
    }
}

/// How the client proves itself.
pub(super) enum Proof {
    Basic(Secret),
    Post(Secret),
    None,
    Key(Secret),
}

/// Why there is nothing to ask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// The grant needs a person, or there is none.
    #[error("the grant needs a person")]
    Person,
    /// A field is missing: the name of its member.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An address cannot be used.
    #[error("{0}: {1}")]
    Address(&'static str, AddressError),
    /// The issuer's addresses would be asked for over plain http.
    #[error("{0} must be https, except on this machine")]
    Plain(&'static str),
}

/// The member that stands at a place.
fn text<'a>(content: &'a Content, base: &str, name: &str) -> Option<&'a str> {
    content.get_str(&format!("{base}/{name}")).filter(|text| !text.is_empty())
}

impl Ask {
    /// Reads what stands at `base`: `/config` of a credential, nothing of an OAuth app.
    ///
    /// # Errors
    /// What is missing or cannot be used; [`AskError::Person`] where a person has to log in.
    pub fn read(content: &Content, base: &str) -> Result<Self, AskError> {
        let text = |name: &str| text(content, base, name);
        let secret =
            |name: &str| content.secret(&format!("{base}/{name}")).filter(|secret| !secret.is_empty());
        let grant = match text("grant") {
            Some("client_credentials") => Grant::ClientCredentials,
            Some("jwt_bearer") => {
                let key = secret("private_key").ok_or(AskError::Missing("private_key"))?;
                Grant::JwtBearer { key: key.clone() }
            }
            _ => return Err(AskError::Person),
        };
        let client_id = text("client_id").ok_or(AskError::Missing("client_id"))?.to_owned();
        let assertion = matches!(grant, Grant::JwtBearer { .. });
        let proof = match (text("client_auth").unwrap_or("basic"), secret("client_secret")) {
            ("none", _) => Proof::None,
            ("private_key_jwt", _) => {
                Proof::Key(secret("private_key").ok_or(AskError::Missing("private_key"))?.clone())
            }
            // A signed assertion proves its issuer by itself (RFC 7523, 3.1).
            (_, None) if assertion => Proof::None,
            (_, None) => return Err(AskError::Missing("client_secret")),
            ("post", Some(secret)) => Proof::Post(secret.clone()),
            (_, Some(secret)) => Proof::Basic(secret.clone()),
        };
        let token_url = address("token_url", text("token_url"))?;
        let issuer = address("issuer", text("issuer"))?;
        if token_url.is_none() && issuer.is_none() {
            return Err(AskError::Missing("token_url"));
        }
        let list = |name: &str| content.get(&format!("{base}/{name}")).and_then(Value::as_array);
        let extra = content.get(&format!("{base}/extra_parameters")).and_then(Value::as_object);
        Ok(Self {
            grant,
            client_id,
            proof,
            token_url,
            issuer,
            scopes: list("scopes")
                .into_iter()
                .flatten()
                .filter_map(Value::as_str)
                .map(str::to_owned)
                .collect(),
            audience: text("audience").map(str::to_owned),
            subject: text("subject").map(str::to_owned),
            key_id: text("key_id").map(str::to_owned),
            extra: extra
                .into_iter()
                .flatten()
                .filter_map(|(name, value)| Some((name.clone(), Secret::from(value.as_str()?))))
                .collect(),
            scope_separator: " ".to_owned(),
            json: false,
        })
    }

    /// The host that is asked first.
    pub fn host(&self) -> &str {
        self.url().and_then(Url::host_str).unwrap_or_default()
    }

    /// The address that is asked first.
    pub fn url(&self) -> Option<&Url> {
        self.token_url.as_ref().or(self.issuer.as_ref())
    }

    /// What the client knows, in the forms that are sent.
    pub(super) fn secrets(&self) -> Vec<Secret> {
        match &self.proof {
            Proof::Basic(secret) => {
                let (pair, encoded) = basic(&self.client_id, secret);
                vec![secret.clone(), pair, encoded]
            }
            Proof::Post(secret) => vec![secret.clone()],
            Proof::None | Proof::Key(_) => Vec::new(),
        }
    }
}

/// An address of tokens: https, or on this machine. It may have a query (RFC 6749, 3.2).
fn address(name: &'static str, text: Option<&str>) -> Result<Option<Url>, AskError> {
    let Some(text) = text else { return Ok(None) };
    let (start, query) = text.split_once('?').map_or((text, None), |(start, query)| (start, Some(query)));
    let mut url = http::base(start).map_err(|error| AskError::Address(name, error))?;
    if query.is_some_and(|query| query.contains('#') || query.contains(char::is_control)) {
        return Err(AskError::Address(name, AddressError::NotABase));
    }
    url.set_query(query);
    secure(&url).then_some(Some(url)).ok_or(AskError::Plain(name))
}

/// Whether nobody on the way can read what is sent there.
pub(super) fn secure(url: &Url) -> bool {
    url.scheme() == "https" || url.host().is_some_and(|host| http::is_loopback(&host))
}

/// `id:secret`, each form-encoded (RFC 6749, 2.3.1), and the same in base64.
pub(super) fn basic(id: &str, secret: &Secret) -> (Secret, Secret) {
    let encode = |text: &str| url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let pair = Secret::new(format!("{}:{}", encode(id), encode(secret.expose())));
    let encoded = Secret::new(STANDARD.encode(pair.expose()));
    (pair, encoded)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(document: Value) -> Result<Ask, AskError> {
        let mut content = Content { document: document.as_object().unwrap().clone(), ..Content::default() };
        for name in ["client_secret", "private_key"] {
            let place = format!("/config/{name}");
            if let Some(text) = content.get_str(&place).map(Secret::from) {
                content.set_secret(&place, text);
            }
        }
        Ask::read(&content, "/config")
    }

    #[test]
    fn what_is_missing_is_named() {
        let with = |config: Value| read(json!({ "config": config }));
        let full = json!({"grant": "client_credentials", "client_id": "c", "client_secret": "s", "token_url": "https://a.example/t?x=1"});
        let ask = with(full.clone()).unwrap();
        assert_eq!((ask.host(), ask.token_url.as_ref().unwrap().query()), ("a.example", Some("x=1")));
        let without = |name: &str| {
            let mut config = full.clone();
            config.as_object_mut().unwrap().remove(name);
            with(config).err()
        };
        assert_eq!(without("grant"), Some(AskError::Person));
        assert_eq!(without("client_secret"), Some(AskError::Missing("client_secret")));
        assert_eq!(without("token_url"), Some(AskError::Missing("token_url")));
        let url = |url: &str| {
            let mut config = full.clone();
            config["token_url"] = json!(url);
            with(config).err()
        };
        assert_eq!(url("http://a.example/t"), Some(AskError::Plain("token_url")));
        assert_eq!(url("http://127.0.0.1:1/t"), None);
        assert_eq!(url("ftp://a.example"), Some(AskError::Address("token_url", AddressError::NotHttp)));
        assert_eq!(
            url("https://a.example/t#x"),
            Some(AskError::Address("token_url", AddressError::NotABase))
        );
        assert!(!format!("{ask:?}").contains('s') || !format!("{ask:?}").contains("secret"));
    }

    #[test]
    fn id_and_secret_are_form_encoded_before_base64() {
        let (pair, encoded) = basic("a:b", &Secret::from("ü %"));
        assert_eq!(pair.expose(), "a%3Ab:%C3%BC+%25");
        assert_eq!(encoded.expose(), STANDARD.encode("a%3Ab:%C3%BC+%25"));
    }
}
