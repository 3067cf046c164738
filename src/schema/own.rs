//! Kinds that are defined in a vault: made from what is stored, usable or not.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::compose::compose;
use super::parts::Parts;
use super::validator::Lazy;
use super::{Kind, Kinds, bounds};
use crate::model::{Credential, Id, KindDefinition, Object};

/// What is known of a kind that was defined in the vault.
#[derive(Debug)]
pub(super) struct Own {
    /// Since when its request and its test are what they are: older verdicts are about something else.
    proves_since: Timestamp,
    /// Why it cannot be used as it is stored; it then says nothing about `config`.
    unusable: Option<String>,
    /// Whether each version of a credential that was asked for fits it.
    fits: Mutex<HashMap<(Id, u32), bool>>,
}

impl Own {
    pub(super) fn new(proves_since: Timestamp, unusable: Option<String>) -> Self {
        Self { proves_since, unusable, fits: Mutex::default() }
    }
}

impl Kind {
    /// Makes a kind of the vault's own. One that cannot be used says nothing about `config`: what is stored stays
    /// as it is, and [`Kind::unusable`] tells why.
    pub(super) fn of_definition(definition: &KindDefinition) -> Self {
        let made = match bounds::check(&definition.schema).into_iter().next() {
            _ if Kinds::is_builtin(&definition.id) => {
                Err("a kind of this name comes with the program".to_owned())
            }
            Some(violation) => Err(violation.to_string()),
            None => Self::new(&definition.id, Value::Object(definition.schema.clone()))
                .map_err(|error| error.to_string()),
        };
        let proves_since = proves_since(definition);
        match made {
            Ok(kind) => Self { own: Some(Own::new(proves_since, None)), ..kind },
            Err(error) => {
                let schema = compose(&definition.id, json!({ "title": definition.id, "type": "object" }));
                let own = Some(Own::new(proves_since, Some(error)));
                let (id, title) = (definition.id.clone(), definition.id.clone());
                let parts = Parts::of(&schema, &title).unwrap_or_default();
                let fields = parts.all();
                Self {
                    id,
                    title,
                    description: String::new(),
                    fields,
                    parts,
                    schema,
                    validator: Lazy::default(),
                    service: None,
                    own,
                }
            }
        }
    }

    /// Whether it was defined in the vault.
    pub fn is_own(&self) -> bool {
        self.own.is_some()
    }

    /// Why a stored kind cannot be used by this version of the program.
    pub fn unusable(&self) -> Option<&str> {
        self.own.as_ref()?.unusable.as_deref()
    }

    /// Since when its request and its test are what they are; `None`: always.
    pub fn proves_since(&self) -> Option<Timestamp> {
        self.own.as_ref().map(|own| own.proves_since)
    }

    /// Whether a credential fits it, where that is not certain: of a kind of the vault's own, whose schema may
    /// have been changed. Each version is checked once, because a list asks for thousands each time it is made.
    pub(super) fn fits(&self, credential: &Credential) -> bool {
        let Some(own) = &self.own else { return true };
        let mut known = own.fits.lock().unwrap_or_else(PoisonError::into_inner);
        *known
            .entry((credential.id.clone(), credential.version))
            .or_insert_with(|| own.unusable.is_none() && self.check(&credential.content).is_empty())
    }
}

/// Since when the request and the test of a kind are what they are now.
fn proves_since(definition: &KindDefinition) -> Timestamp {
    let proves = |schema: &Object| {
        let request = schema.get("properties").and_then(|fields| fields.get("request"));
        [schema.get("x-request"), schema.get("x-test"), request].map(Option::<&Value>::cloned)
    };
    let now = proves(&definition.schema);
    let same = definition.history.iter().rev().take_while(|version| proves(&version.schema) == now);
    same.last().map_or(definition.updated_at, |version| version.at)
}
