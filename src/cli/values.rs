//! Values on behalf of commands: what references stand for, with access tokens that are good, written down before they
//! leave the vault.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{Context, Opened, exchange};
use crate::audit::{Entry, What};
use crate::model::Id;
use crate::model::reference::Reference;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::session::oauth::{Why, has_tokens};
use crate::session::{self, Setup, Value};

/// What values are handed out for.
pub(crate) struct Purpose<'a> {
    /// What is done with them.
    pub(crate) what: What,
    /// Who does it, where that was said.
    pub(crate) workflow: Option<&'a str>,
}

/// Hands the values that references stand for to `act`, in their order: all of them, or none. An access token is
/// renewed where it has to be.
///
/// # Errors
/// As [`Session::values`](crate::session::Session::values), the renewal, the audit log, and `act`.
pub(crate) fn with<T>(
    context: &Context,
    setup: &Setup,
    opened: &mut Opened,
    references: &[Reference],
    purpose: &Purpose<'_>,
    act: impl FnOnce(&[Value]) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let mut tokens: BTreeMap<Id, Secret> = BTreeMap::new();
    for reference in references.iter().filter(|reference| reference.field.is_none()) {
        let credential = session::referred(opened.session.document(), reference, &setup.solution)?;
        if has_tokens(&credential.content) && !tokens.contains_key(&credential.id) {
            let id = credential.id.clone();
            let access = exchange::access_token(context, setup, &mut opened.session, &id, Why::Use)?.access;
            tokens.insert(id, access);
        }
    }
    let values = opened.session.values(references, &setup.solution, &tokens)?;
    let document = opened.session.document();
    let entry = |value: &Value| {
        let entry =
            Entry::about(purpose.what, document.by_id(&value.id)?).with_value(&value.place, &value.text);
        Some(match purpose.workflow {
            Some(workflow) => entry.for_workflow(workflow),
            None => entry,
        })
    };
    let entries = values.iter().filter_map(entry).collect();
    opened.session.hand_out(entries, &Timestamp::now, || act(&values))
}
