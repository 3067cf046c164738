//! The kinds there are: those that come with the program, and a vault's own.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use serde_json::Value;

use super::catalogue::{Catalogue, Chosen, NoVariant, special};
use super::{Kind, Violation};
use crate::model::{Content, Credential, Document, KindDefinition, Object};

const BUILTIN: &[(&str, &str)] = &[
    ("api_key", include_str!("../../assets/kinds/api_key.json")),
    ("basic_auth", include_str!("../../assets/kinds/basic_auth.json")),
    ("bearer_token", include_str!("../../assets/kinds/bearer_token.json")),
    ("oauth2", include_str!("../../assets/kinds/oauth2.json")),
    ("oauth_alias", include_str!("../../assets/kinds/oauth_alias.json")),
    ("secret", include_str!("../../assets/kinds/secret.json")),
    ("database", include_str!("../../assets/kinds/database.json")),
    ("aws", include_str!("../../assets/kinds/aws.json")),
    ("client_certificate", include_str!("../../assets/kinds/client_certificate.json")),
    ("custom", include_str!("../../assets/kinds/custom.json")),
];

const OAUTH_APP: &str = include_str!("../../assets/oauth_app.json");

/// The kinds that the credentials of one vault may be of: the built-in ones, then the vault's own.
#[derive(Debug)]
pub struct Kinds {
    kinds: Vec<Arc<Kind>>,
    /// The vault's own, those included that cannot be used.
    own: Vec<Arc<Kind>>,
    /// What they were made from: as long as it is the same, so are they.
    defined: Vec<KindDefinition>,
    catalogue: Arc<Catalogue>,
    /// Kinds made for a service, by kind and what names the service: made when one is first asked for.
    special: RwLock<HashMap<(String, String), Arc<Kind>>>,
}

static BUILTIN_KINDS: LazyLock<Arc<Kinds>> = LazyLock::new(|| {
    let kinds = BUILTIN.iter().map(|(id, text)| {
        let config = serde_json::from_str(text).expect("a built-in schema is JSON (tested)");
        Arc::new(Kind::trusted(id, config).expect("a built-in schema is valid (tested)"))
    });
    Arc::new(Kinds::these(kinds.collect()))
});

static OAUTH_APP_KINDS: LazyLock<Arc<Kinds>> = LazyLock::new(|| {
    let schema = serde_json::from_str(OAUTH_APP).expect("a built-in schema is JSON (tested)");
    let kind = Kind::of_document("", schema).expect("a built-in schema is valid (tested)");
    Arc::new(Kinds::these(vec![Arc::new(kind)]))
});

impl Kinds {
    fn these(kinds: Vec<Arc<Kind>>) -> Self {
        Self {
            kinds,
            defined: Vec::new(),
            own: Vec::new(),
            catalogue: Catalogue::builtin().clone(),
            special: RwLock::default(),
        }
    }

    /// The built-in kinds with another catalogue of services.
    pub fn with(catalogue: Arc<Catalogue>) -> Arc<Self> {
        if catalogue.is_builtin() {
            return Self::builtin().clone();
        }
        Arc::new(Self { catalogue, ..Self::these(Self::builtin().kinds.clone()) })
    }

    /// The services that credentials may name.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// One kind and no other: to show what a form of it looks like.
    pub fn only(kind: Kind) -> Self {
        Self::these(vec![Arc::new(kind)])
    }

    /// The kinds that come with the program.
    pub fn builtin() -> &'static Arc<Self> {
        &BUILTIN_KINDS
    }

    /// What an OAuth app of the organization may say, as the only kind there is: its documents name none.
    pub fn of_oauth_apps() -> &'static Arc<Self> {
        &OAUTH_APP_KINDS
    }

    /// The kinds of a vault. One that cannot be used is not offered, but what is of it stays: a vault is never
    /// refused for a schema.
    pub fn of(document: &Document) -> Arc<Self> {
        Self::builtin().after(document)
    }

    /// The kinds of a vault that says something else now: the same ones as long as its own are.
    pub fn after(self: &Arc<Self>, document: &Document) -> Arc<Self> {
        let defined = &document.organization.kinds;
        if self.defined == *defined {
            return self.clone();
        }
        let mut made = Self::these(Self::builtin().kinds.clone());
        made.catalogue = self.catalogue.clone();
        for definition in defined {
            let known = self.defined.iter().any(|known| known == definition);
            let same = self.own.iter().find(|kind| known && kind.id == definition.id).cloned();
            made.own.push(same.unwrap_or_else(|| Arc::new(Kind::of_definition(definition))));
        }
        made.kinds.extend(made.own.iter().filter(|kind| kind.unusable().is_none()).cloned());
        made.defined.clone_from(defined);
        Arc::new(made)
    }

    /// Whether a kind of this name comes with the program.
    pub fn is_builtin(id: &str) -> bool {
        BUILTIN.iter().any(|(known, _)| *known == id)
    }

    /// The kinds that were defined in the vault, those included that cannot be used ([`Kind::unusable`]).
    pub fn own(&self) -> &[Arc<Kind>] {
        &self.own
    }

    /// A kind by its id. Of a credential, [`Kinds::of_content`] is asked.
    pub fn get(&self, id: &str) -> Option<&Arc<Kind>> {
        self.kinds.iter().find(|kind| kind.id == id)
    }

    /// The kind that a content is of, made for its service where the catalogue knows it.
    pub fn of_content(&self, content: &Content) -> Option<Arc<Kind>> {
        self.of_document(&content.document)
    }

    /// As [`Kinds::of_content`], of a document that was not read yet.
    pub fn of_document(&self, document: &Object) -> Option<Arc<Kind>> {
        let text = |member: &str| document.get(member).and_then(Value::as_str).unwrap_or_default();
        // What names no kind is an OAuth app.
        let (kind, service) = (text("kind"), text("service"));
        if service.is_empty() || !Self::is_builtin(kind) {
            let unusable = || self.own.iter().find(|own| own.id == kind);
            return self.get(kind).or_else(unusable).cloned();
        }
        self.of_service(kind, service)
    }

    /// A built-in kind made for a service (`ID`, or `ID/VARIANT`); as it is, where the catalogue does not know it.
    pub fn of_service(&self, kind: &str, service: &str) -> Option<Arc<Kind>> {
        let name = (kind.to_owned(), service.to_owned());
        let known = self.special.read().unwrap_or_else(PoisonError::into_inner).get(&name).cloned();
        if known.is_some() {
            return known;
        }
        let chosen = match self.catalogue.variant(service, kind) {
            Err(NoVariant::Unknown(_)) => return self.get(kind).cloned(),
            found => found.and_then(|found| match found.variant().kind == kind {
                true => Ok(found),
                false => {
                    Err(NoVariant::OtherKind { variant: found.name(), kind: found.variant().kind.clone() })
                }
            }),
        };
        let made = Arc::new(Self::special(kind, chosen)?);
        let mut special = self.special.write().unwrap_or_else(PoisonError::into_inner);
        Some(special.entry(name).or_insert(made).clone())
    }

    fn special(id: &str, chosen: Result<Chosen, NoVariant>) -> Option<Kind> {
        let (_, text) = BUILTIN.iter().find(|(known, _)| *known == id)?;
        let mut config = serde_json::from_str(text).ok()?;
        if let Ok(chosen) = &chosen {
            let plain = Self::builtin().get(id)?;
            special::specialise(&mut config, plain, chosen);
        }
        let mut kind = Kind::trusted(id, config).ok()?;
        kind.service = Some(chosen);
        Some(kind)
    }

    /// Whether [`Kinds::attention`] has something to say.
    pub fn needs_attention(kind: Option<&Kind>, credential: &Credential) -> bool {
        kind.is_none_or(|kind| !kind.fits(credential))
    }

    /// As [`Kind::changed_origin`]; a service whose requests go to more than the base URL's own text (to a tenant's
    /// host, to further hosts) is a part of it, because it says where secrets are sent.
    pub fn changed_origin(&self, before: &Content, after: &Content) -> Option<String> {
        let kind = self.of_content(after)?;
        let sends = |kind: &Kind| kind.sends_beyond_its_address();
        let elsewhere = || {
            let now = sends(&kind)?;
            let old = self.of_content(before).and_then(|old| sends(&old));
            (old != Some(now)).then(|| "/service".to_owned())
        };
        kind.changed_origin(before, after).or_else(elsewhere)
    }

    /// Why a credential needs attention: its kind is gone or cannot be used, or its kind's schema was changed and
    /// it no longer fits. What is of a built-in kind was checked on its way in.
    pub fn attention(&self, content: &Content) -> Vec<Violation> {
        let Some(kind) = self.of_content(content) else {
            return vec![Violation::new(
                "/kind",
                format!("{:?} is not a kind of this vault", content.kind()),
            )];
        };
        match kind.unusable() {
            Some(why) => vec![Violation::new("/kind", format!("{:?} cannot be used: {why}", kind.id))],
            None if kind.is_own() => kind.check(content),
            None => Vec::new(),
        }
    }

    /// All of them, in the order they are offered.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Kind>> {
        self.kinds.iter()
    }

    /// The ids, joined for a message.
    pub fn names(&self) -> String {
        self.kinds.iter().map(|kind| kind.id.as_str()).collect::<Vec<_>>().join(", ")
    }

    /// Whether every required secret of a credential is there. Of a kind that is not known, only the secrets
    /// that a copy left out are known to be missing.
    pub fn is_complete(&self, content: &Content) -> bool {
        Self::is_complete_as(self.of_content(content).as_deref(), content)
    }

    /// As [`Kinds::is_complete`], where the content's kind was looked up already.
    pub fn is_complete_as(kind: Option<&Kind>, content: &Content) -> bool {
        match kind {
            Some(kind) => kind.missing(content).is_empty(),
            None => content.missing_marks().is_empty(),
        }
    }
}
