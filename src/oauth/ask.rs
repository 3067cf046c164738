//! What a credential, or an OAuth app, says about its client; and the requests that need no person.

use serde_json::Value;
use url::Url;

use super::answer;
use super::proof::Proof;
use super::redirect::Redirect;
use super::talk::{Form, Place, Talk};
use super::{Hint, Means, Outcome, Purpose, Refusal, Token};
use crate::http::{self, AddressError};
use crate::model::Content;
use crate::secret::Secret;

/// Everything that getting a token needs.
pub struct Ask {
    /// How the token is got.
    pub grant: Grant,
    /// The client's public name.
    pub client_id: String,
    pub(super) proof: Proof,
    /// The authorization server: what no other address is given for is found there.
    pub issuer: Option<Url>,
    /// Where a person agrees.
    pub authorization_url: Option<Url>,
    /// Where tokens are given out.
    pub token_url: Option<Url>,
    /// Where a device asks for its code.
    pub device_url: Option<Url>,
    /// Where tokens are given back.
    pub revocation_url: Option<Url>,
    /// Where tokens are renewed, when elsewhere than they are given out.
    pub refresh_url: Option<Url>,
    /// Where the browser returns to; `None`: to a free port of this machine.
    pub redirect_url: Option<Redirect>,
    /// Plain http is allowed to other machines too.
    pub allow_http: bool,
    /// What is asked for.
    pub scopes: Vec<String>,
    /// What the token is for.
    pub audience: Option<String>,
    pub(super) subject: Option<String>,
    pub(super) key_id: Option<String>,
    /// What else is sent with requests for tokens, by name. Without a person it takes the place of what would be
    /// sent under the same name.
    pub extra: Vec<(String, Secret)>,
    /// What else is sent with the request for a person's consent; never in the place of what makes it safe.
    pub authorization_parameters: Vec<(String, Secret)>,
    /// What stands between scopes.
    pub scope_separator: String,
    /// Parameters are sent as JSON, not as a form.
    pub json: bool,
    /// Members of the token's answer to keep; a dot leads into one.
    pub reply_fields: Vec<String>,
    /// Parameters of the redirect to keep.
    pub redirect_fields: Vec<String>,
}

impl std::fmt::Debug for Ask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Ask({:?} at {})", self.grant, self.host())
    }
}

/// How a token is got.
pub enum Grant {
    /// The client asks for itself.
    ClientCredentials,
    /// A signed statement buys the token (RFC 7523).
    JwtBearer {
        /// What signs it.
        key: Secret,
    },
    /// A person agrees in a browser (RFC 6749, 4.1).
    AuthorizationCode,
    /// A person agrees on another device (RFC 8628).
    DeviceCode,
}

impl Grant {
    /// Whether a person has to agree.
    pub fn needs_person(&self) -> bool {
        matches!(self, Self::AuthorizationCode | Self::DeviceCode)
    }

    /// The word for it.
    pub fn word(&self) -> &'static str {
        match self {
            Self::ClientCredentials => "client_credentials",
            Self::JwtBearer { .. } => "jwt_bearer",
            Self::AuthorizationCode => "authorization_code",
            Self::DeviceCode => "device_code",
        }
    }
}

impl std::fmt::Debug for Grant {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.word())
    }
}

/// Whether what stands at `base` needs a person to log in, as [`Ask::read`] reads it.
pub fn needs_person(content: &Content, base: &str) -> bool {
    !matches!(text(content, base, "grant"), Some("client_credentials" | "jwt_bearer"))
}

/// Why there is nothing to ask.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// A field is missing: the name of its member.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An address cannot be used.
    #[error("{0}: {1}")]
    Address(&'static str, AddressError),
    /// Something would go over plain http.
    #[error("{0} must be https, except on this machine and with allow_http")]
    Plain(&'static str),
    /// No browser can return there.
    #[error("redirect_url is no address that a browser can return to")]
    Redirect,
}

/// The member that stands at a place.
fn text<'a>(content: &'a Content, base: &str, name: &str) -> Option<&'a str> {
    content.get_str(&format!("{base}/{name}")).filter(|text| !text.is_empty())
}

impl Ask {
    /// Reads what stands at `base`: `/config` of a credential, nothing of an OAuth app. Without a grant it is that of
    /// a person in a browser.
    ///
    /// # Errors
    /// What is missing or cannot be used.
    pub fn read(content: &Content, base: &str) -> Result<Self, AskError> {
        let text = |name: &str| text(content, base, name);
        let secret =
            |name: &str| content.secret(&format!("{base}/{name}")).filter(|secret| !secret.is_empty());
        let key = || secret("private_key").cloned().ok_or(AskError::Missing("private_key"));
        let grant = match text("grant") {
            Some("client_credentials") => Grant::ClientCredentials,
            Some("jwt_bearer") => Grant::JwtBearer { key: key()? },
            Some("device_code") => Grant::DeviceCode,
            _ => Grant::AuthorizationCode,
        };
        let client_id = text("client_id").ok_or(AskError::Missing("client_id"))?.to_owned();
        let proof = match (text("client_auth").unwrap_or("basic"), secret("client_secret")) {
            ("none", _) => Proof::None,
            ("private_key_jwt", _) => Proof::Key(key()?),
            ("post", Some(secret)) => Proof::Post(secret.clone()),
            (_, Some(secret)) => Proof::Basic(secret.clone()),
            (_, None) if matches!(grant, Grant::ClientCredentials) => {
                return Err(AskError::Missing("client_secret"));
            }
            // A signed assertion proves its issuer by itself (RFC 7523, 3.1); a client of a person's own machine
            // has nothing to prove itself with (RFC 8252, 8.4).
            (_, None) => Proof::None,
        };
        let allow_http = content.get("/allow_http").and_then(Value::as_bool).unwrap_or(false);
        let [issuer, authorization_url, token_url, device_url, revocation_url, refresh_url] = ADDRESSES;
        let address = |name: &'static str| address(name, text(name), allow_http);
        let (issuer, token_url) = (address(issuer)?, address(token_url)?);
        if token_url.is_none() && issuer.is_none() {
            return Err(AskError::Missing("token_url"));
        }
        let texts = |name: &str| -> Vec<String> {
            let list = content.get(&format!("{base}/{name}")).and_then(Value::as_array);
            list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let table = |name: &str| -> Vec<(String, Secret)> {
            let members = content.get(&format!("{base}/{name}")).and_then(Value::as_object);
            let member =
                |(name, value): (&String, &Value)| Some((name.clone(), Secret::from(value.as_str()?)));
            members.into_iter().flatten().filter_map(member).collect()
        };
        Ok(Self {
            grant,
            client_id,
            proof,
            issuer,
            authorization_url: address(authorization_url)?,
            token_url,
            device_url: address(device_url)?,
            revocation_url: address(revocation_url)?,
            refresh_url: address(refresh_url)?,
            redirect_url: match text("redirect_url") {
                Some(text) => Some(Redirect::read(text).ok_or(AskError::Redirect)?),
                None => None,
            },
            allow_http,
            scopes: texts("scopes"),
            audience: text("audience").map(str::to_owned),
            subject: text("subject").map(str::to_owned),
            key_id: text("key_id").map(str::to_owned),
            extra: table("extra_parameters"),
            authorization_parameters: table("authorization_parameters"),
            scope_separator: " ".to_owned(),
            json: false,
            reply_fields: Vec::new(),
            redirect_fields: Vec::new(),
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

    /// Whether the client has something to prove itself with.
    pub fn is_confidential(&self) -> bool {
        !matches!(self.proof, Proof::None)
    }

    /// What is asked for, in one text; nothing where nothing is.
    pub(super) fn scope(&self) -> Option<String> {
        (!self.scopes.is_empty()).then(|| self.scopes.join(&self.scope_separator))
    }

    /// Gets a token without a person.
    pub async fn token(&self, means: &Means<'_>) -> Outcome {
        let mut talk = Talk::new(self, means, Purpose::Token);
        let result = self.granted(&mut talk).await;
        talk.end(result)
    }

    pub(super) async fn granted(&self, talk: &mut Talk<'_>) -> Result<Token, Refusal> {
        let url = talk.address(Place::Token).await?;
        let mut form = Form::default();
        match &self.grant {
            Grant::JwtBearer { key } => {
                let mut claims = vec![
                    ("iss", self.client_id.clone()),
                    ("sub", self.subject.clone().unwrap_or_else(|| self.client_id.clone())),
                    ("aud", self.audience.clone().unwrap_or_else(|| url.to_string())),
                ];
                claims.extend(self.scope().map(|scope| ("scope", scope)));
                let assertion = talk.assertion(key, claims)?;
                form.add("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer");
                form.add("assertion", assertion);
            }
            _ => form.add("grant_type", "client_credentials"),
        }
        if let Some(scope) = self.scope() {
            form.add("scope", scope);
        }
        if let (Grant::ClientCredentials, Some(audience)) = (&self.grant, &self.audience) {
            form.add("audience", audience.as_str());
        }
        talk.prove(&mut form, &url)?;
        for (name, value) in &self.extra {
            form.put(name, value.clone());
        }
        talk.token("token", &url, form).await
    }

    /// Spends a refresh token (RFC 6749, 6). The answer may hold the next one: from then on it alone counts; where it
    /// holds none, the spent one stays good.
    pub async fn refresh(&self, refresh_token: &Secret, means: &Means<'_>) -> Outcome {
        let mut talk = Talk::new(self, means, Purpose::Refresh);
        talk.secrets.push(refresh_token.clone());
        let result = self.refreshed(refresh_token, &mut talk).await;
        talk.end(result)
    }

    async fn refreshed(&self, refresh_token: &Secret, talk: &mut Talk<'_>) -> Result<Token, Refusal> {
        let url = match &self.refresh_url {
            Some(url) => url.clone(),
            None => talk.address(Place::Token).await?,
        };
        let mut form = Form::default();
        form.add("grant_type", "refresh_token");
        form.add("refresh_token", refresh_token.clone());
        // No scope: the same as were granted.
        talk.prove(&mut form, &url)?;
        talk.extra(&mut form);
        talk.token("refresh", &url, form).await
    }

    /// Gives a token back (RFC 7009). Done is also what the server no longer knows. [`Refusal::NoAddress`]: it says
    /// nowhere that tokens can be given back.
    pub async fn revoke(&self, token: &Secret, hint: Hint, means: &Means<'_>) -> Outcome<()> {
        let mut talk = Talk::new(self, means, Purpose::Revoke);
        talk.secrets.push(token.clone());
        let result = self.revoked(token, hint, &mut talk).await;
        talk.end(result)
    }

    async fn revoked(&self, token: &Secret, hint: Hint, talk: &mut Talk<'_>) -> Result<(), Refusal> {
        let url = talk.address(Place::Revocation).await?;
        let mut form = Form::default();
        form.add("token", token.clone());
        form.add(
            "token_type_hint",
            match hint {
                Hint::AccessToken => "access_token",
                Hint::RefreshToken => "refresh_token",
            },
        );
        talk.prove(&mut form, &url)?;
        let answer = talk.post("revoke", &url, form).await?;
        answer::revoked(&answer)
    }
}

/// The members that are addresses of the authorization server.
pub(super) const ADDRESSES: [&str; 6] =
    ["issuer", "authorization_url", "token_url", "device_url", "revocation_url", "refresh_url"];

/// An address of an authorization server: https, or on this machine, unless plain http is allowed. It may have a query
/// (RFC 6749, 3.1, 3.2).
fn address(name: &'static str, text: Option<&str>, allow_http: bool) -> Result<Option<Url>, AskError> {
    let Some(text) = text else { return Ok(None) };
    let (start, query) = text.split_once('?').map_or((text, None), |(start, query)| (start, Some(query)));
    let mut url = http::base(start).map_err(|error| AskError::Address(name, error))?;
    if query.is_some_and(|query| query.contains('#') || query.contains(char::is_control)) {
        return Err(AskError::Address(name, AddressError::NotABase));
    }
    url.set_query(query);
    permitted(&url, allow_http).then_some(Some(url)).ok_or(AskError::Plain(name))
}

/// Whether something may be sent there: nobody on the way can read it, or that was agreed to.
pub(super) fn permitted(url: &Url, allow_http: bool) -> bool {
    match url.scheme() {
        "https" => true,
        "http" => allow_http || url.host().is_some_and(|host| http::is_loopback(&host)),
        _ => false,
    }
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
        assert!(!ask.grant.needs_person() && ask.is_confidential());
        let without = |name: &str| {
            let mut config = full.clone();
            config.as_object_mut().unwrap().remove(name);
            with(config)
        };
        assert!(without("grant").unwrap().grant.needs_person());
        assert_eq!(without("client_secret").err(), Some(AskError::Missing("client_secret")));
        assert_eq!(without("token_url").err(), Some(AskError::Missing("token_url")));
        let said = |name: &str, text: &str| {
            let mut config = full.clone();
            config[name] = json!(text);
            with(config).err()
        };
        for name in ADDRESSES {
            assert_eq!(said(name, "http://a.example/t"), Some(AskError::Plain(name)));
            assert_eq!(said(name, "http://127.0.0.1:1/t"), None);
            assert_eq!(said(name, "ftp://a.example"), Some(AskError::Address(name, AddressError::NotHttp)));
            let fragment = said(name, "https://a.example/t#x");
            assert_eq!(fragment, Some(AskError::Address(name, AddressError::NotABase)));
        }
        let allowed = json!({"allow_http": true, "config": {"grant": "device_code", "client_id": "c", "issuer": "http://a.example"}});
        assert!(read(allowed).is_ok_and(|ask| ask.allow_http));
        assert_eq!(said("redirect_url", "nowhere"), Some(AskError::Redirect));
        assert!(!format!("{ask:?}").contains('s') || !format!("{ask:?}").contains("secret"));
    }

    #[test]
    fn a_client_of_a_persons_machine_needs_no_secret() {
        for grant in ["authorization_code", "device_code"] {
            let config = json!({"grant": grant, "client_id": "c", "issuer": "https://a.example"});
            let ask = read(json!({ "config": config })).unwrap();
            assert!(ask.grant.needs_person() && !ask.is_confidential());
            assert_eq!(ask.grant.word(), grant);
        }
    }
}
