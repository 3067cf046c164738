//! What says how tokens are got: a credential's own configuration, completed by what the catalogue knows of its
//! service, or the OAuth app that it refers to.

use serde_json::Value;

use super::super::plan::{Surroundings, Unplannable};
use super::super::service::Texts;
use crate::model::Content;
use crate::oauth::Ask;
use crate::schema::Kind;
use crate::schema::catalogue::{OAuth, template};
use crate::secret::Secret;

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
        let own_address = ADDRESSES.iter().any(|place| self.content.get(place).is_some());
        let mut say = |place: &str, value: Option<Value>| {
            if let (None, Some(value)) = (self.content.get(place), value) {
                self.content.set(place, value);
            }
        };
        let text = |text: &Option<String>| text.as_deref().map(Value::from);
        say("/config/client_auth", text(&oauth.client_auth));
        say("/config/audience", text(&oauth.audience));
        let extra = &oauth.extra_parameters;
        say("/config/extra_parameters", (!extra.is_empty()).then(|| serde_json::json!(extra)));
        if trusted && !own_address {
            say("/config/token_url", text(&oauth.token_url));
            say("/config/issuer", text(&oauth.issuer));
        }
    }

    fn has_templates(&self) -> bool {
        let text = |place: &str| self.content.get_str(place).is_some_and(is_template);
        let extra = self.content.get("/config/extra_parameters").and_then(Value::as_object);
        let mut extra = extra.into_iter().flatten().filter_map(|(_, value)| value.as_str());
        ADDRESSES.into_iter().chain(["/config/audience"]).any(text) || extra.any(is_template)
    }

    /// Tells what asks for a token how the service wants to be asked.
    ///
    /// # Errors
    /// A template with a name that there is none of.
    pub(super) fn tell(&self, ask: &mut Ask) -> Result<(), Unplannable> {
        if let Some(habits) = &self.habits {
            ask.json = habits.body_format.as_deref() == Some("json");
            if let Some(separator) = &habits.scope_separator {
                ask.scope_separator.clone_from(separator);
            }
        }
        let Some(texts) = &self.texts else { return Ok(()) };
        if let Some(audience) = ask.audience.take() {
            ask.audience = texts.text(&audience)?.map(|text| text.expose().to_owned());
        }
        for (name, value) in std::mem::take(&mut ask.extra) {
            if let Some(value) = texts.text(value.expose())? {
                ask.extra.push((name, value));
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

/// Where a test asks for tokens.
const ADDRESSES: [&str; 2] = ["/config/token_url", "/config/issuer"];

fn is_template(text: &str) -> bool {
    template::names(text).next().is_some()
}
