//! Two changes of one thing, made by two programs from the same start: what only one of them changed is kept,
//! what both changed differently is a clash. Pure, and the same for credentials and OAuth apps.
//!
//! A field is a value that is no object; objects are merged member by member. Lists of words, such as tags and
//! scopes, are sets: what either added is in, what either took away is out. Tokens that a server issued belong
//! together and are one field. Secrets are compared by their text and never told. A secret equals the same text in
//! clear: a schema that was changed meanwhile makes one of the other, which is nobody's change.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Content, Object, Placeholder, pointer};
use crate::secret::Secret;

/// Two changes put together.
#[derive(Debug)]
pub struct Merged {
    /// What both say; where they clash, what is stored stands ("theirs").
    pub content: Content,
    /// Places that both changed, each to something else.
    pub clashes: Vec<String>,
    /// Places that only the other program changed.
    pub theirs: Vec<String>,
    /// Places that only this program changed.
    pub mine: Vec<String>,
}

/// Merges what `mine` and `theirs` made of `base`. Where nothing clashes it does not matter which is which.
pub fn merge(base: &Content, mine: &Content, theirs: &Content) -> Merged {
    let mut merge = Merge {
        base,
        mine,
        theirs,
        done: Merged { content: theirs.clone(), clashes: Vec::new(), theirs: Vec::new(), mine: Vec::new() },
    };
    merge.members("", Some(&base.document), &mine.document, &theirs.document);
    merge.done
}

/// The places where two contents say something else, as [`merge`] sees it.
pub fn changed(before: &Content, after: &Content) -> Vec<String> {
    if before == after {
        return Vec::new();
    }
    merge(before, before, after).theirs
}

struct Merge<'a> {
    base: &'a Content,
    mine: &'a Content,
    theirs: &'a Content,
    done: Merged,
}

impl Merge<'_> {
    fn members(&mut self, at: &str, base: Option<&Object>, mine: &Object, theirs: &Object) {
        let mut seen = BTreeSet::new();
        let names = mine.keys().chain(theirs.keys()).chain(base.into_iter().flat_map(Object::keys));
        for name in names.filter(|name| seen.insert(name.as_str())) {
            let place = pointer::join(at, name);
            self.value(&place, base.and_then(|base| base.get(name)), mine.get(name), theirs.get(name));
        }
    }

    fn value(&mut self, place: &str, base: Option<&Value>, mine: Option<&Value>, theirs: Option<&Value>) {
        if place != Content::TOKENS
            && let (Some(mine), Some(theirs)) = (object(mine), object(theirs))
            && (base.is_none() || object(base).is_some())
        {
            return self.members(place, object(base), mine, theirs);
        }
        let at = |content, value| At { content, place: place.to_owned(), value };
        let (base, mine, theirs) = (at(self.base, base), at(self.mine, mine), at(self.theirs, theirs));
        if mine.says(&theirs) {
            // Said twice; one of them may know already that it is a secret.
            if mine.secret().is_some() {
                self.done.content.graft(self.mine, place);
            }
        } else if base.says(&mine) {
            self.done.theirs.push(place.to_owned());
        } else if base.says(&theirs) {
            self.done.content.graft(self.mine, place);
            self.done.mine.push(place.to_owned());
        } else if let Some(both) = union(base.value, mine.value, theirs.value) {
            match both.is_empty() {
                true => self.done.content.remove(place),
                false => self.done.content.set(place, Value::Array(both)),
            }
        } else {
            self.done.clashes.push(place.to_owned());
        }
    }
}

/// A value with the secrets that stand in it.
struct At<'a> {
    content: &'a Content,
    place: String,
    value: Option<&'a Value>,
}

impl At<'_> {
    fn secret(&self) -> Option<&Secret> {
        self.content.secret(&self.place)
    }

    fn child<'a>(&'a self, step: &str, value: Option<&'a Value>) -> At<'a> {
        At { content: self.content, place: pointer::join(&self.place, step), value }
    }

    fn says(&self, other: &Self) -> bool {
        match (self.secret(), other.secret()) {
            (Some(one), Some(two)) => return one == two,
            (Some(secret), None) => return is_text_of(secret, other.value),
            (None, Some(secret)) => return is_text_of(secret, self.value),
            (None, None) => {}
        }
        match (self.value, other.value) {
            (Some(Value::Object(one)), Some(Value::Object(two))) => {
                one.len() == two.len()
                    && one.iter().all(|(name, value)| {
                        two.contains_key(name)
                            && self.child(name, Some(value)).says(&other.child(name, two.get(name)))
                    })
            }
            (Some(Value::Array(one)), Some(Value::Array(two))) => {
                one.len() == two.len()
                    && one.iter().zip(two).enumerate().all(|(index, (one, two))| {
                        let step = index.to_string();
                        self.child(&step, Some(one)).says(&other.child(&step, Some(two)))
                    })
            }
            (one, two) => one == two,
        }
    }
}

/// An object whose members are fields of their own.
fn object(value: Option<&Value>) -> Option<&Object> {
    value?.as_object().filter(|_| value.and_then(Placeholder::of).is_none())
}

/// Whether a value in clear is the text that a secret was made of.
fn is_text_of(secret: &Secret, value: Option<&Value>) -> bool {
    match value {
        Some(Value::String(text)) => secret.expose() == text,
        Some(value) => {
            let text = zeroize::Zeroizing::new(value.to_string());
            text.as_str() == secret.expose()
        }
        None => false,
    }
}

/// What two changes made of a set. `None` where it is none: a list of words without repetition, or nothing.
fn union(base: Option<&Value>, mine: Option<&Value>, theirs: Option<&Value>) -> Option<Vec<Value>> {
    let (base, mine, theirs) = (set(base)?, set(mine)?, set(theirs)?);
    let mut both: Vec<Value> =
        base.iter().filter(|item| mine.contains(item) && theirs.contains(item)).cloned().collect();
    let added = mine.iter().chain(theirs).filter(|item| !base.contains(item));
    let mut added: Vec<&Value> = added.collect();
    // By name: it must not matter whose change comes first.
    added.sort_by_key(|item| item.to_string());
    added.dedup();
    both.extend(added.into_iter().cloned());
    Some(both)
}

fn set(value: Option<&Value>) -> Option<&[Value]> {
    let Some(value) = value else { return Some(&[]) };
    let items = value.as_array()?;
    let distinct = (1..items.len()).all(|index| !items[..index].contains(&items[index]));
    let plain = items.iter().all(|item| item.is_string() || item.is_number());
    (distinct && plain).then_some(items.as_slice())
}

#[cfg(test)]
mod tests;
