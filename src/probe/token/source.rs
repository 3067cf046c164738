//! What says how tokens are got: a credential's own configuration, completed by what the catalogue knows of its
//! service, or the OAuth app that it refers to.
//!
//! Addresses are taken from the catalogue only where it is the built-in one and the credential names no others:
//! what a person's own folder says is stored with the credential when it is made, and bound to it from then on.

use serde_json::{Value, json};

use super::super::plan::{Surroundings, Unplannable};
use super::super::service::Texts;
use crate::model::Content;
use crate::oauth::{Ask, AskError};
use crate::schema::Kind;
use crate::schema::catalogue::{OAuth, Templates, template};
use crate::secret::Secret;

/// How the tokens of a credential are got, renewed and given back.
#[derive(Debug)]
pub struct TokenSource {
    /// What asks for them.
    pub ask: Ask,
    /// What must not be seen of it and of the credential.
    pub secrets: Vec<Secret>,
}

/// How the tokens of a credential are got: as it says itself, completed by what the catalogue knows of its service,
/// or as the OAuth app says that it refers to.
///
/// # Errors
/// What is missing, and what cannot be used.
pub fn token_source(
    kind: &Kind,
    content: &Content,
    around: &Surroundings,
) -> Result<TokenSource, Unplannable> {
    let source = Source::of(kind, content, around)?;
    let ask = source.ask(kind)?;
    let secrets = content.secrets.values().cloned().chain(source.secrets()).collect();
    Ok(TokenSource { ask, secrets })
}

/// It, and where in it.
pub(super) struct Source {
    pub(super) content: Content,
    pub(super) base: &'static str,
    /// What the catalogue knows besides.
    habits: Option<OAuth>,
    /// Fills templates, where there are any.
    texts: Option<Texts>,
}

impl Source {
    /// What says how the tokens of a credential are got.
    ///
    /// # Errors
    /// An OAuth app that is not there; values that do not fit where a template has them.
    pub(super) fn of(kind: &Kind, content: &Content, around: &Surroundings) -> Result<Self, Unplannable> {
        if content.kind() == "oauth_alias" {
            return Self::of_app(content, around);
        }
        let mut source = Self { content: content.clone(), base: "/config", habits: None, texts: None };
        let Some(Ok(chosen)) = kind.service() else { return Ok(source) };
        if let Some(oauth) = &chosen.variant().oauth {
            // Addresses that only a person's own folder names are the credential's to allow: it has them stored.
            source.complete(oauth, chosen.trusted);
            source.habits = Some(oauth.clone());
        }
        if source.has_templates() {
            let texts = Texts::of(kind, content, chosen)?;
            for place in ADDRESSES {
                if let Some(text) = source.content.get_str(place).filter(|text| is_template(text)) {
                    let address = texts.address(text)?;
                    source.content.set(place, Value::from(address));
                }
            }
            source.texts = Some(texts);
        }
        Ok(source)
    }

    /// An organization's OAuth app, with the credential's own scopes.
    fn of_app(content: &Content, around: &Surroundings) -> Result<Self, Unplannable> {
        let Some(app) = &around.oauth_app else {
            let name = content.get_str("/config/app").unwrap_or_default();
            return Err(Unplannable::BadTest(format!("there is no OAuth app {name:?}")));
        };
        let mut app = app.clone();
        if let Some(scopes) = content.get("/config/scopes") {
            app.set("/scopes", scopes.clone());
        }
        Ok(Self { content: app, base: "", habits: None, texts: None })
    }

    /// Puts what the catalogue says where the credential says nothing.
    fn complete(&mut self, oauth: &OAuth, trusted: bool) {
        let addresses = [
            ("/config/issuer", &oauth.issuer),
            ("/config/authorization_url", &oauth.authorization_url),
            ("/config/token_url", &oauth.token_url),
            ("/config/device_url", &oauth.device_url),
            ("/config/revocation_url", &oauth.revocation_url),
            ("/config/refresh_url", &oauth.refresh_url),
        ];
        let differs = |(place, known): &(&str, &Option<String>)| {
            self.content.get_str(place).is_some_and(|own| Some(own) != known.as_deref())
        };
        let own_address = addresses.iter().any(differs);
        let mut say = |place: &str, value: Option<Value>| {
            if let (None, Some(value)) = (self.content.get(place), value) {
                self.content.set(place, value);
            }
        };
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        let table = |table: &Templates| (!table.is_empty()).then(|| json!(table));
        say("/config/grant", text(&oauth.grant));
        say("/config/client_auth", text(&oauth.client_auth));
        say("/config/audience", text(&oauth.audience));
        say("/config/scopes", (!oauth.scopes.is_empty()).then(|| json!(oauth.scopes)));
        say("/config/extra_parameters", table(&oauth.extra_parameters));
        say("/config/authorization_parameters", table(&oauth.authorization_parameters));
        if trusted && !own_address {
            for (place, address) in addresses {
                say(place, text(address));
            }
        }
    }

    fn has_templates(&self) -> bool {
        let text = |place: &str| self.content.get_str(place).is_some_and(is_template);
        let table = |place: &str| {
            let members = self.content.get(place).and_then(Value::as_object);
            members.into_iter().flatten().any(|(_, value)| value.as_str().is_some_and(is_template))
        };
        ADDRESSES.into_iter().chain(["/config/audience"]).any(text)
            || ["/config/extra_parameters", "/config/authorization_parameters"].into_iter().any(table)
    }

    /// What asks for tokens.
    ///
    /// # Errors
    /// What is missing or cannot be used, by the title of its field; a template with a name that there is none of.
    pub(super) fn ask(&self, kind: &Kind) -> Result<Ask, Unplannable> {
        let title = |name: &str| match self.base {
            "" => format!("the {name} of the OAuth app"),
            base => kind.title_of(&format!("{base}/{name}")),
        };
        let mut ask = Ask::read(&self.content, self.base).map_err(|error| match error {
            AskError::Missing(name) => Unplannable::Incomplete(vec![title(name)]),
            AskError::Address(name, error) => Unplannable::BadTest(format!("{}: {error}", title(name))),
            AskError::Plain(name) => Unplannable::BadTest(format!(
                "{} must be https, except on this machine and with allow_http",
                title(name)
            )),
            AskError::Redirect => Unplannable::Unusable {
                field: title("redirect_url"),
                problem: "no browser can return there".to_owned(),
            },
        })?;
        self.tell(&mut ask)?;
        Ok(ask)
    }

    /// Tells what asks for a token how the service wants to be asked.
    ///
    /// # Errors
    /// A template with a name that there is none of.
    fn tell(&self, ask: &mut Ask) -> Result<(), Unplannable> {
        if let Some(habits) = &self.habits {
            ask.json = habits.body_format.as_deref() == Some("json");
            if let Some(separator) = &habits.scope_separator {
                ask.scope_separator.clone_from(separator);
            }
            ask.reply_fields.clone_from(&habits.reply_fields);
            ask.redirect_fields.clone_from(&habits.redirect_fields);
        }
        let Some(texts) = &self.texts else { return Ok(()) };
        if let Some(audience) = ask.audience.take() {
            ask.audience = texts.text(&audience)?.map(|text| text.expose().to_owned());
        }
        for table in [&mut ask.extra, &mut ask.authorization_parameters] {
            for (name, value) in std::mem::take(table) {
                if let Some(value) = texts.text(value.expose())? {
                    table.push((name, value));
                }
            }
        }
        Ok(())
    }

    /// What must not be seen of it.
    pub(super) fn secrets(&self) -> impl Iterator<Item = Secret> + '_ {
        let made = self.texts.iter().flat_map(Texts::secrets);
        self.content.secrets.values().cloned().chain(made)
    }
}

/// Where tokens are asked for.
const ADDRESSES: [&str; 6] = [
    "/config/issuer",
    "/config/authorization_url",
    "/config/token_url",
    "/config/device_url",
    "/config/revocation_url",
    "/config/refresh_url",
];

fn is_template(text: &str) -> bool {
    template::names(text).next().is_some()
}
