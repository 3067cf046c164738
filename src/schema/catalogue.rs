//! The catalogue: services as data, one TOML file each, with the fields, the place and the page of their keys and
//! the read-only request that proves them.
//!
//! The built-in files are part of the program; one is parsed when it is first asked for. A person's own folder
//! adds services, replaces built-in ones or extends them. The catalogue proposes, the credential decides: hosts
//! that only a person's folder names are allowed only where the credential allows them.

mod check;
mod guide;
mod index;
mod reference;
pub mod rotation;
mod search;
pub mod service;
pub(super) mod special;
pub mod template;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, LazyLock, OnceLock};

use super::Kind;
use crate::model::pointer;

pub use check::Mistake;
pub use guide::Page;
pub use index::{Index, Offer};
pub use rotation::Rotation;
pub use service::{
    Auth, Basic, Call, Confidence, Derived, Fact, OAuth, Sample, Service, ServiceField, Take, Templates,
    Variant, What,
};

/// Names that a signer gives values to, for templates of the variant that it signs.
pub const SIGNER_VALUES: [&str; 12] = [
    "timestamp",
    "timestamp_ms",
    "timestamp_us",
    "date",
    "date_rfc2822",
    "iso_date",
    "iso_date_ms",
    "datetime",
    "nonce",
    "nonce_base64",
    "nonce_uuid",
    "jwt",
];

/// Ids and texts of the built-in files, sorted by id.
const FILES: &[(&str, &str)] = include!(concat!(env!("OUT_DIR"), "/services.rs"));

/// The built-in services that were asked for, in the order of [`FILES`].
static PARSED: LazyLock<Vec<OnceLock<Arc<Service>>>> =
    LazyLock::new(|| FILES.iter().map(|_| OnceLock::new()).collect());

/// All services: the built-in ones and those of a person's folder.
#[derive(Debug, Default)]
pub struct Catalogue {
    own: BTreeMap<String, Own>,
    mistakes: Vec<Mistake>,
}

/// A file of a person's folder.
#[derive(Debug)]
struct Own {
    /// The service, or what is wrong with the file.
    service: Result<Arc<Service>, String>,
    /// Hosts that the built-in file of the same name has, or none: what is trusted without asking.
    builtin: Option<Arc<Service>>,
}

/// A file of a person's folder, as it was read.
#[derive(Clone, Debug)]
pub struct File {
    /// Its path, for messages.
    pub path: String,
    /// Its name without its ending.
    pub id: String,
    /// Its text, or why it cannot be read.
    pub text: Result<String, String>,
}

/// A variant of a service that a credential's `service` names.
#[derive(Clone, Debug)]
pub struct Chosen {
    /// The service.
    pub service: Arc<Service>,
    index: usize,
    /// The variant for the credential's own word for its kind, where the file has another one.
    called: Option<Arc<Variant>>,
    /// The hosts named by the variant were checked with the program, not added by a person's folder.
    pub trusted: bool,
}

impl Chosen {
    /// The variant.
    pub fn variant(&self) -> &Variant {
        self.called.as_deref().unwrap_or(&self.service.variants[self.index])
    }

    /// What names it for good: `ID/VARIANT`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.service.id, self.variant().id)
    }
}

/// Why a credential's `service` names no variant.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoVariant {
    /// Not in the catalogue: any text is allowed.
    #[error("the catalogue knows no service {0:?}")]
    Unknown(String),
    /// A person's file of that name cannot be used.
    #[error("the file of the service {id:?} cannot be used: {reason}")]
    Broken {
        /// The service.
        id: String,
        /// The first mistake in its file.
        reason: String,
    },
    /// The variant is for another kind.
    #[error("{variant} is for the kind {kind}")]
    OtherKind {
        /// The variant, as `ID/VARIANT`.
        variant: String,
        /// Its kind.
        kind: String,
    },
    /// The service has no variant of that id or kind.
    #[error("the service {id:?} has no variant {wanted}; there is {known}")]
    NoSuch {
        /// The service.
        id: String,
        /// What was asked for.
        wanted: String,
        /// What there is.
        known: String,
    },
}

/// The id and the variant in a credential's `service`.
pub fn split(service: &str) -> (&str, Option<&str>) {
    match service.split_once('/') {
        Some((id, variant)) => (id, Some(variant)),
        None => (service, None),
    }
}

fn builtin(id: &str) -> Option<Arc<Service>> {
    let index = FILES.binary_search_by(|(known, _)| (*known).cmp(id)).ok()?;
    let parse = || Arc::new(parse(id, FILES[index].1).expect("a built-in service is valid (tested)"));
    Some(PARSED[index].get_or_init(parse).clone())
}

fn parse(id: &str, text: &str) -> Result<Service, toml::de::Error> {
    let mut service: Service = toml::from_str(text)?;
    id.clone_into(&mut service.id);
    Ok(service)
}

/// A service that extends another one: what it says itself comes first.
fn extended(own: Service, base: Option<&Service>) -> Service {
    let Some(base) = base.filter(|_| own.extends) else { return own };
    let mut all = base.clone();
    all.extends = true;
    if !own.name.is_empty() {
        all.name = own.name;
    }
    if !own.category.is_empty() {
        all.category = own.category;
    }
    all.docs = own.docs.or(all.docs);
    all.status_page = own.status_page.or(all.status_page);
    all.words.extend(own.words);
    for variant in own.variants {
        match all.variants.iter_mut().find(|known| known.id == variant.id) {
            Some(known) => *known = variant,
            None => all.variants.push(variant),
        }
    }
    all
}

impl Catalogue {
    /// The services that come with the program.
    pub fn builtin() -> &'static Arc<Self> {
        static BUILTIN: LazyLock<Arc<Catalogue>> = LazyLock::new(Arc::default);
        &BUILTIN
    }

    /// Those and a person's own. Files with mistakes are left out; what is wrong with them is kept.
    pub fn with(files: Vec<File>) -> Self {
        let mut catalogue = Self::default();
        for file in files {
            let base = builtin(&file.id);
            let mistakes = match &file.text {
                Ok(text) => check::check(&file.path, &file.id, text, base.as_deref()),
                Err(reason) => vec![Mistake::of_file(&file.path, reason)],
            };
            let service = match (mistakes.first(), &file.text) {
                (None, Ok(text)) => parse(&file.id, text)
                    .map(|own| Arc::new(extended(own, base.as_deref())))
                    .map_err(|error| error.message().to_owned()),
                (Some(mistake), _) => Err(mistake.to_string()),
                (None, Err(reason)) => Err(reason.clone()),
            };
            catalogue.mistakes.extend(mistakes);
            catalogue.own.insert(file.id, Own { service, builtin: base });
        }
        catalogue
    }

    /// What is wrong with the files of a person's folder.
    pub fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    /// Whether a person's folder adds anything, right or wrong.
    pub fn is_builtin(&self) -> bool {
        self.own.is_empty()
    }

    /// A service by its id.
    ///
    /// # Errors
    /// Where there is none, or its file has mistakes.
    pub fn get(&self, id: &str) -> Result<Arc<Service>, NoVariant> {
        match self.own.get(id) {
            Some(Own { service: Ok(service), .. }) => Ok(service.clone()),
            Some(Own { service: Err(reason), .. }) => {
                Err(NoVariant::Broken { id: id.to_owned(), reason: reason.clone() })
            }
            None => builtin(id).ok_or_else(|| NoVariant::Unknown(id.to_owned())),
        }
    }

    /// The variant that a credential's `service` (`ID` or `ID/VARIANT`) and kind mean. An API key and a bearer token
    /// are one thing to people: each takes the other's variant where it has none of its own.
    ///
    /// # Errors
    /// Where there is none.
    pub fn variant(&self, service: &str, kind: &str) -> Result<Chosen, NoVariant> {
        let (id, variant) = split(service);
        let found = self.get(id)?;
        let called = |index: usize| found.variants[index].called(kind).map(Arc::new);
        let own = found.variant(variant, kind).map(|index| (index, called(index)));
        let other = || (0..found.variants.len()).find_map(|index| Some((index, Some(called(index)?))));
        let Some((index, called)) = own.or_else(|| other().filter(|_| variant.is_none())) else {
            let wanted = match variant {
                Some(variant) => format!("{variant:?}"),
                None => format!("of the kind {kind:?}"),
            };
            let known = found.variants.iter().map(|known| format!("{} ({})", known.id, known.kind));
            let known = known.collect::<Vec<_>>().join(", ");
            return Err(NoVariant::NoSuch { id: id.to_owned(), wanted, known });
        };
        let trusted = match self.own.get(id) {
            None => true,
            // A variant that was not touched is as good as the built-in one.
            Some(own) => {
                own.builtin.as_ref().is_some_and(|known| known.variants.contains(&found.variants[index]))
            }
        };
        Ok(Chosen { service: found, index, called, trusted })
    }

    /// All ids, sorted.
    pub fn ids(&self) -> Vec<&str> {
        let builtin = FILES.iter().map(|(id, _)| *id);
        let all: BTreeSet<&str> = builtin.chain(self.own.keys().map(String::as_str)).collect();
        all.into_iter().collect()
    }

    /// All services without mistakes, sorted by id. Parses every file that was not asked for yet.
    pub fn all(&self) -> Vec<Arc<Service>> {
        self.ids().into_iter().filter_map(|id| self.get(id).ok()).collect()
    }
}

/// Where a credential of a kind keeps a service's field.
pub fn place_of(kind_id: &str, kind: &Kind, field: &ServiceField) -> String {
    let own = pointer::join("/config", field.stored_as.as_deref().unwrap_or(&field.name));
    match kind_id {
        _ if kind.takes_text(&own) => own,
        "oauth2" if field.name == "access_token" => "/config/tokens/access_token".to_owned(),
        "custom" if field.secret => pointer::join("/config/secrets", &field.name),
        "custom" => pointer::join("/config/fields", &field.name),
        _ => own,
    }
}

/// Everything wrong with a file of the catalogue, in its order.
pub fn check(path: &str, id: &str, text: &str) -> Vec<Mistake> {
    check::check(path, id, text, builtin(id).as_deref())
}

#[cfg(test)]
mod tests;
