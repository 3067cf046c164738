//! How a credential stands with its authorization server, in a person's words. Pure.

use jiff::Timestamp;

use super::life;
use crate::model::{Content, Credential, Document};

/// How a credential stands: what can be done about its tokens, and what they allow.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// A person has to agree before it gets tokens.
    pub person: bool,
    /// There is an access token.
    pub access: bool,
    /// There is a refresh token, good or not.
    pub refresh: bool,
    /// The server refused the refresh token for good.
    pub refused: bool,
    /// How long the tokens last and what comes then, in words.
    pub told: String,
    /// What the tokens allow, as the server said.
    pub granted: Vec<String>,
    /// What was asked for and is not among it.
    pub missing: Vec<String>,
    /// What is among it and was not asked for, where anything was asked for by name.
    pub extra: Vec<String>,
    /// The OAuth app that it refers to, and whether the organization has it.
    pub app: Option<(String, bool)>,
}

/// How a credential stands; `None`: its kind holds no tokens.
pub fn standing(document: &Document, credential: &Credential, now: Timestamp) -> Option<Standing> {
    let content = &credential.content;
    if !life::has_tokens(content) {
        return None;
    }
    let named = content.get_str("/config/app").filter(|_| content.kind() == "oauth_alias");
    let app = named.and_then(|name| document.oauth_app(name)).map(|app| &app.content);
    let tokens = content.tokens();
    let person = life::needs_person(content, app);
    let granted = tokens.secrets.get("scope").map(|scope| words(scope.expose())).unwrap_or_default();
    let asked = asked(content, app);
    let without = |scopes: &[String], others: &[String]| -> Vec<String> {
        match others.is_empty() {
            true => Vec::new(),
            false => scopes.iter().filter(|scope| !others.contains(scope)).cloned().collect(),
        }
    };
    let (missing, extra) = (without(&asked, &granted), without(&granted, &asked));
    Some(Standing {
        person,
        access: tokens.access().is_some(),
        refresh: tokens.refresh().is_some(),
        refused: credential.issued().is_some_and(|issued| issued.refused_at.is_some()),
        told: life::told(credential, life::life(credential, person, now), now),
        granted,
        missing,
        extra,
        app: named.map(|name| (name.to_owned(), app.is_some())),
    })
}

/// The scopes that are asked for: the credential's own, else those of its app.
fn asked(content: &Content, app: Option<&Content>) -> Vec<String> {
    let list = |content: &Content, place: &str| -> Option<Vec<String>> {
        let scopes = content.get(place)?.as_array()?;
        Some(scopes.iter().filter_map(|scope| scope.as_str().map(str::to_owned)).collect())
    };
    let own = list(content, "/config/scopes").filter(|scopes| !scopes.is_empty());
    own.or_else(|| list(app?, "/scopes")).unwrap_or_default()
}

/// The place of the access token, below [`Content::TOKENS`].
pub const ACCESS_TOKEN: &str = "/config/tokens/access_token";

/// Whether a place is that of the access token.
pub fn is_access_token(place: &str) -> bool {
    place == ACCESS_TOKEN
}

/// Scopes as servers separate them.
fn words(scope: &str) -> Vec<String> {
    scope.split([' ', ',']).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
}

impl Standing {
    /// How long the tokens last, whose client they are of and what they allow: a name and a text each.
    pub fn lines(&self) -> Vec<(&'static str, String)> {
        let mut lines: Vec<_> = ["Now", "Then", "Until"]
            .into_iter()
            .zip(self.told.split(" · ").map(|part| part.strip_prefix("then ").unwrap_or(part).to_owned()))
            .collect();
        match &self.app {
            Some((name, true)) => lines.push(("OAuth app", name.clone())),
            Some((name, false)) => lines.push(("OAuth app", format!("{name}, which is not there any more"))),
            None => {}
        }
        if !self.granted.is_empty() {
            lines.push(("Granted", self.granted.join(", ")));
        }
        if !self.missing.is_empty() {
            lines.push(("Not granted", self.missing.join(", ")));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::model::{Edit, Id, OauthApp};
    use crate::secret::Secret;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn content(kind: &str, config: serde_json::Value) -> Content {
        let mut content = Content::default();
        content.set("/kind", json!(kind));
        content.set("/config", config);
        content
    }

    fn with_tokens(mut content: Content, scope: &str) -> Credential {
        content.set_secret("/config/tokens/access_token", Secret::from("a"));
        content.set_secret("/config/tokens/refresh_token", Secret::from("r"));
        content.set_secret("/config/tokens/scope", Secret::from(scope));
        Credential::new(Id::new(), content, at(0))
    }

    fn told(document: &Document, credential: &Credential) -> Vec<String> {
        let lines = standing(document, credential, at(0)).unwrap().lines();
        lines.into_iter().map(|(name, text)| format!("{name}: {text}")).collect()
    }

    #[test]
    fn what_is_asked_for_is_compared_with_what_was_granted() {
        let device = content("oauth2", json!({"grant": "device_code", "scopes": ["read", "write"]}));
        let document = Document::new();
        let new = Credential::new(Id::new(), device.clone(), at(0));
        assert_eq!(told(&document, &new), ["Now: no token yet", "Then: log in"]);
        let half = with_tokens(device.clone(), "read,admin");
        assert_eq!(told(&document, &half)[2..], ["Granted: read, admin", "Not granted: write"]);
        let silent = with_tokens(device, "");
        assert_eq!(told(&document, &silent).len(), 2, "who says nothing granted what was asked for");
    }

    #[test]
    fn the_app_of_an_alias_is_named_and_its_scopes_are_asked_for() {
        let mut document = Document::new();
        let alias = with_tokens(content("oauth_alias", json!({"app": "graph"})), "read");
        assert_eq!(told(&document, &alias)[2], "OAuth app: graph, which is not there any more");
        let mut app = Content::default();
        app.set("/name", json!("graph"));
        app.set("/scopes", json!(["read", "mail"]));
        let after = Some(OauthApp { content: app });
        document.apply(Edit::SetOauthApp { name: "graph".to_owned(), before: None, after }, at(0)).unwrap();
        assert_eq!(told(&document, &alias)[2..], ["OAuth app: graph", "Granted: read", "Not granted: mail"]);
        let other = content("api_key", json!({}));
        assert_eq!(standing(&document, &Credential::new(Id::new(), other, at(0)), at(0)), None);
    }
}
