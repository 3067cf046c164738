//! What makes one login in a browser safe, and what is believed when the browser comes back. Pure, but for the
//! random values that it begins with.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use url::{Url, form_urlencoded};

use super::ask::Ask;
use super::discover::Metadata;
use crate::http;
use crate::secret::Secret;

/// Parameters of the consent's address that nobody replaces: they make the login safe, or are what is asked for.
const OURS: [&str; 7] = [
    "response_type",
    "client_id",
    "redirect_uri",
    "state",
    "code_challenge",
    "code_challenge_method",
    "nonce",
];

/// The most of a text that is looked at, in bytes.
const LONGEST: usize = 64 << 10;

/// The values of one login, made for it and used once.
pub(super) struct Transaction {
    state: Secret,
    /// PKCE: what its hash was shown of before.
    verifier: Secret,
    nonce: Option<Secret>,
    /// The address that the browser returns to, as it is sent.
    pub(super) redirect: String,
    issuer: Issuer,
    keep: Vec<String>,
    /// The server shows a code to the person, in place of sending the browser back here.
    shows_code: bool,
}

/// Who has to be named when the browser comes back (RFC 9207).
enum Issuer {
    /// This one, by this name; `promised`: it must be named.
    Known { name: String, promised: bool },
    /// Whoever answers at one of these addresses, if anyone is named.
    At(Vec<Url>),
}

/// Why something that came back is not the answer to a login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotThis {
    /// Neither a code nor an error.
    #[error("it holds no code: paste the whole address that the browser ended at")]
    Nothing,
    /// A bare code, where its login must be seen too.
    #[error("it is only a code: paste the whole address that the browser ended at")]
    Bare,
    /// The state is missing or another login's.
    #[error("it belongs to another login: its state is not this one's")]
    State,
    /// Another server's, or one that does not say whose.
    #[error("it comes from another authorization server than the one that was asked")]
    Issuer,
    /// A parameter stands in it twice.
    #[error("it is ambiguous: a part stands in it twice")]
    Ambiguous,
    /// Nothing is waited for that could be pasted.
    #[error("nothing is to be pasted: this login ends by itself")]
    NotAsked,
}

/// What a browser came back with.
#[derive(Debug)]
pub(super) enum Answered {
    /// Somebody agreed.
    Code {
        /// Buys the token, once.
        code: Secret,
        /// Parameters to keep.
        kept: BTreeMap<String, Secret>,
    },
    /// Somebody, or the server, said no.
    Denied { code: String, description: String },
}

/// 256 random bits, as 43 characters that go anywhere.
pub(super) fn random() -> Secret {
    Secret::new(URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
}

impl Transaction {
    pub(super) fn new(
        ask: &Ask,
        redirect: String,
        here: bool,
        authorization: &Url,
        token: &Url,
        metadata: Option<&Metadata>,
    ) -> Self {
        let promised = metadata.is_some_and(Metadata::promises_issuer);
        let named = metadata.and_then(Metadata::issuer).map(str::to_owned);
        let issuer = match named.or_else(|| ask.issuer.as_ref().map(Url::to_string)) {
            Some(name) => Issuer::Known { name, promised },
            None => Issuer::At(vec![authorization.clone(), token.clone()]),
        };
        let openid = ask.scopes.iter().any(|scope| scope == "openid");
        Self {
            state: random(),
            verifier: random(),
            nonce: openid.then(random),
            redirect,
            issuer,
            keep: ask.redirect_fields.clone(),
            shows_code: !here,
        }
    }

    /// What proves that the token is asked for by who asked for the code (RFC 7636).
    pub(super) fn verifier(&self) -> &Secret {
        &self.verifier
    }

    /// What the ID token must hold, where there is one.
    pub(super) fn nonce(&self) -> Option<&Secret> {
        self.nonce.as_ref()
    }

    /// Where the person goes.
    pub(super) fn url(&self, ask: &Ask, authorization: &Url) -> Url {
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.expose().as_bytes()));
        let mut own = vec![
            ("response_type", "code".to_owned()),
            ("client_id", ask.client_id.clone()),
            ("redirect_uri", self.redirect.clone()),
        ];
        own.extend(ask.scope().map(|scope| ("scope", scope)));
        own.extend(ask.audience.clone().map(|audience| ("audience", audience)));
        own.push(("state", self.state.expose().to_owned()));
        own.push(("code_challenge", challenge));
        own.push(("code_challenge_method", "S256".to_owned()));
        own.extend(self.nonce.as_ref().map(|nonce| ("nonce", nonce.expose().to_owned())));
        let more = &ask.authorization_parameters;
        own.retain(|(name, _)| OURS.contains(name) || !more.iter().any(|(other, _)| other == name));
        let mut url = authorization.clone();
        let mut query = url.query_pairs_mut();
        for (name, value) in &own {
            query.append_pair(name, value);
        }
        for (name, value) in more.iter().filter(|(name, _)| !OURS.contains(&name.as_str())) {
            query.append_pair(name, value.expose());
        }
        drop(query);
        url
    }

    /// Judges the query that a browser came back with.
    pub(super) fn judge(&self, query: &str) -> Result<Answered, NotThis> {
        let query = query.get(..LONGEST).unwrap_or(query);
        let one = |name: &str| -> Result<Option<Secret>, NotThis> {
            let mut all = form_urlencoded::parse(query.as_bytes()).filter(|(known, _)| known == name);
            let first = all.next().map(|(_, value)| Secret::new(value.into_owned()));
            // RFC 6749, 3.1: no parameter stands there twice. Which of two would be believed?
            if all.next().is_some() {
                Err(NotThis::Ambiguous)
            } else {
                Ok(first.filter(|text| !text.is_empty()))
            }
        };
        let (code, error) = (one("code")?, one("error")?);
        if code.is_none() && error.is_none() {
            return Err(NotThis::Nothing);
        }
        if one("state")?.as_ref() != Some(&self.state) {
            return Err(NotThis::State);
        }
        self.check_issuer(one("iss")?.as_ref().map(Secret::expose))?;
        match (code, error) {
            (_, Some(error)) => {
                let description = one("error_description")?;
                Ok(Answered::Denied {
                    code: error.expose().to_owned(),
                    description: description.map(|text| text.expose().to_owned()).unwrap_or_default(),
                })
            }
            (Some(code), None) => {
                let mut kept = BTreeMap::new();
                for name in &self.keep {
                    kept.extend(one(name)?.map(|value| (name.clone(), value)));
                }
                Ok(Answered::Code { code, kept })
            }
            (None, None) => Err(NotThis::Nothing),
        }
    }

    fn check_issuer(&self, named: Option<&str>) -> Result<(), NotThis> {
        let same = match (&self.issuer, named) {
            (Issuer::Known { promised, .. }, None) => !promised,
            (Issuer::At(_), None) => true,
            // A slash at the end is what a parser adds and a person forgets.
            (Issuer::Known { name, .. }, Some(named)) => {
                named.trim_end_matches('/') == name.trim_end_matches('/')
            }
            (Issuer::At(places), Some(named)) => Url::parse(named)
                .is_ok_and(|named| places.iter().any(|place| http::same_origin(place, &named))),
        };
        if same { Ok(()) } else { Err(NotThis::Issuer) }
    }

    /// Judges what a person pasted: the address that the browser ended at, its query, or the code that the server
    /// showed.
    pub(super) fn judge_pasted(&self, text: &Secret) -> Result<Answered, NotThis> {
        // A terminal breaks long lines; an address holds no blanks.
        let text = Secret::new(text.expose().split_whitespace().collect());
        let text = text.expose();
        let holds = |part: &str| {
            form_urlencoded::parse(part.as_bytes()).any(|(name, _)| matches!(&*name, "code" | "error"))
        };
        let (start, fragment) = text.split_once('#').unwrap_or((text, ""));
        let query = start.split_once('?').map_or("", |(_, query)| query);
        if let Some(part) = [query, fragment, start].into_iter().find(|part| holds(part)) {
            return self.judge(part);
        }
        let code = |c: char| c.is_ascii_alphanumeric() || "-._~+/=%:".contains(c);
        let bare = !start.is_empty() && query.is_empty() && !start.contains("://") && start.chars().all(code);
        if !bare {
            return Err(NotThis::Nothing);
        }
        // Some servers show the code and the state in one: `code#state`.
        let of_this = !fragment.is_empty() && Secret::from(fragment) == self.state;
        if !fragment.is_empty() && !of_this {
            return Err(NotThis::State);
        }
        // Elsewhere a code without its state could be anyone's. What the server shows is bound to this login by
        // PKCE alone.
        if !self.shows_code && !of_this {
            return Err(NotThis::Bare);
        }
        self.check_issuer(None)?;
        Ok(Answered::Code { code: Secret::from(start), kept: BTreeMap::new() })
    }
}

#[cfg(test)]
mod tests;
