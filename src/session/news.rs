//! What another program changed, in a few words.

use std::collections::BTreeMap;

use crate::model::{Credential, Document, Id};

/// What differs between two states of a vault: `2 changed`, `1 added, 1 removed`; nothing where no credential does.
pub fn news(before: &Document, after: &Document) -> String {
    let index = |document: &'_ Document| -> BTreeMap<Id, usize> {
        document.credentials.iter().enumerate().map(|(at, one)| (one.id.clone(), at)).collect()
    };
    let (old, new) = (index(before), index(after));
    let is_changed = |one: &Credential, other: &Credential| {
        // Most are the same; a version tells at once, what was changed in place (tokens, a renamed solution) does not.
        one.version != other.version || one.content != other.content
    };
    let changed = old.iter().filter(|(id, at)| {
        new.get(*id).is_some_and(|now| is_changed(&before.credentials[**at], &after.credentials[*now]))
    });
    let counts = [
        (new.keys().filter(|id| !old.contains_key(*id)).count(), "added"),
        (changed.count(), "changed"),
        (old.keys().filter(|id| !new.contains_key(*id)).count(), "removed"),
    ];
    let words = counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}"));
    words.collect::<Vec<_>>().join(", ")
}
