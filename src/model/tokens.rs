//! The tokens of an OAuth credential: what an authorization server gave, and how long it lasts.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::{Content, Credential, Object, Placeholder, pointer};
use crate::secret::Secret;

/// Everything that stands at [`Content::TOKENS`]: the plain members, and the secret ones by name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tokens {
    /// Members that are no secrets, such as `expires_at`.
    pub plain: Object,
    /// Members that are: `access_token`, `refresh_token`, `scope`, and what else the server told.
    pub secrets: BTreeMap<String, Secret>,
}

/// Which tokens are meant, without saying them: the start of a SHA-256 over access and refresh token, in hex.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenDigest(String);

impl TokenDigest {
    /// The digest of texts, each counted with its length.
    pub fn of<'a>(parts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut hash = Sha256::new();
        for part in parts {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        Self(hash.finalize().iter().take(16).map(|byte| format!("{byte:02x}")).collect())
    }
}

impl std::fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// What is known of tokens that an exchange gave, besides the tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Issued {
    /// Of which tokens this is known: others were entered by a person since.
    pub tokens: TokenDigest,
    /// When the access token came, by the clock of the machine that asked for it.
    pub received_at: Timestamp,
    /// When a person last logged in; tests before that were of another grant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logged_in_at: Option<Timestamp>,
    /// When the refresh token ends, where the server said so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refresh_expires_at: Option<Timestamp>,
    /// When the server refused the refresh token for good.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused_at: Option<Timestamp>,
}

/// What gives the next access token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Renewal {
    /// The client itself: its grant needs no person.
    Client,
    /// The stored refresh token.
    RefreshToken,
    /// Nothing but another login.
    Login,
}

/// How long the tokens of a credential last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TokenLife {
    /// When the access token ends, where that is known.
    pub access_ends: Option<Timestamp>,
    /// What gives the next one.
    pub renewal: Renewal,
    /// When a person has to log in again, where that is known.
    pub ends: Option<Timestamp>,
}

impl Tokens {
    /// The access token; `None` where there is none, or an empty one.
    pub fn access(&self) -> Option<&Secret> {
        self.secret("access_token")
    }

    /// The refresh token.
    pub fn refresh(&self) -> Option<&Secret> {
        self.secret("refresh_token")
    }

    fn secret(&self, name: &str) -> Option<&Secret> {
        self.secrets.get(name).filter(|secret| !secret.is_empty())
    }

    /// Which tokens these are; `None` where there is neither.
    pub fn digest(&self) -> Option<TokenDigest> {
        let text = |secret: Option<&Secret>| secret.cloned().unwrap_or_else(|| Secret::from(""));
        let (access, refresh) = (text(self.access()), text(self.refresh()));
        let some = !access.is_empty() || !refresh.is_empty();
        some.then(|| TokenDigest::of([access.expose(), refresh.expose()]))
    }
}

impl Content {
    /// The tokens it holds.
    pub fn tokens(&self) -> Tokens {
        let members = self.get(Self::TOKENS).and_then(Value::as_object);
        let plain = |(name, value): (&String, &Value)| {
            let placeholder = Placeholder::of(value).is_some();
            (!placeholder).then(|| (name.clone(), value.clone()))
        };
        let secret = |(place, secret): (&String, &Secret)| {
            let name = place.strip_prefix(Self::TOKENS)?;
            Some((pointer::steps(name).next()?.into_owned(), secret.clone()))
        };
        Tokens {
            plain: members.into_iter().flatten().filter_map(plain).collect(),
            secrets: self.secrets.iter().filter_map(secret).collect(),
        }
    }

    /// Holds these tokens and no others.
    pub fn set_tokens(&mut self, tokens: &Tokens) {
        self.remove(Self::TOKENS);
        for (name, secret) in &tokens.secrets {
            self.set_secret(&pointer::join(Self::TOKENS, name), secret.clone());
        }
        for (name, value) in &tokens.plain {
            self.set(&pointer::join(Self::TOKENS, name), value.clone());
        }
    }

    /// What it says besides its tokens and what they shall allow: whose tokens they are, and where they go.
    fn holder(&self) -> Self {
        let mut holder = self.clone();
        for place in [Self::TOKENS, "/config/scopes", "/test"] {
            holder.remove(place);
        }
        holder
    }

    /// Whether tokens of one would go, with the other, to the same places and come from the same client.
    pub fn holds_tokens_as(&self, other: &Self) -> bool {
        self.holder().proves_same(&other.holder())
    }
}

impl Credential {
    /// What is known of the tokens that it holds now.
    pub fn issued(&self) -> Option<&Issued> {
        let issued = self.issued.as_ref()?;
        (self.content.tokens().digest().as_ref() == Some(&issued.tokens)).then_some(issued)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn tokens(access: &str, refresh: &str) -> Tokens {
        let mut tokens = Tokens::default();
        tokens.secrets.insert("access_token".to_owned(), Secret::from(access));
        tokens.secrets.insert("refresh_token".to_owned(), Secret::from(refresh));
        tokens.secrets.insert("a/b".to_owned(), Secret::from("x"));
        tokens.plain.insert("expires_at".to_owned(), json!("2027-01-01T00:00:00Z"));
        tokens
    }

    #[test]
    fn tokens_go_in_and_come_out_whole() {
        let mut content = Content::default();
        content.set("/config/grant", json!("device_code"));
        assert_eq!(content.tokens(), Tokens::default());
        content.set_tokens(&tokens("a", "r"));
        assert_eq!(content.tokens(), tokens("a", "r"));
        assert_eq!(content.secret("/config/tokens/a~1b"), Some(&Secret::from("x")));
        content.set_tokens(&Tokens::default());
        assert_eq!(content.get("/config"), Some(&json!({"grant": "device_code"})));
        assert!(content.secrets.is_empty());
    }

    #[test]
    fn a_digest_tells_tokens_apart_and_shows_nothing() {
        let digest = |access, refresh| tokens(access, refresh).digest().unwrap();
        assert_eq!(digest("a", "r"), digest("a", "r"));
        assert_ne!(digest("a", "r"), digest("ar", ""));
        assert_ne!(digest("a", ""), digest("", "a"));
        assert_eq!(Tokens::default().digest(), None);
        assert_eq!(serde_json::to_value(digest("a", "r")).unwrap().as_str().unwrap().len(), 32);
    }

    #[test]
    fn tokens_belong_to_a_client_and_to_a_place() {
        let mut one = Content::default();
        one.set("/kind", json!("oauth2"));
        one.set("/config/client_id", json!("c"));
        one.set("/config/base_url", json!("https://a.example"));
        let mut other = one.clone();
        other.set_tokens(&tokens("a", "r"));
        other.set("/config/scopes", json!(["x"]));
        other.set("/notes", json!("n"));
        assert!(one.holds_tokens_as(&other));
        for (place, value) in [("/config/base_url", "https://b.example"), ("/config/client_id", "d")] {
            let mut moved = other.clone();
            moved.set(place, json!(value));
            assert!(!one.holds_tokens_as(&moved), "{place}");
        }
    }
}
