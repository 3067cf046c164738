//! Values from the cache, handed out with the vault closed; and those that a session puts there.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use jiff::Timestamp;

use super::record::{self, unwritable};
use super::{Session, Value};
use crate::audit::{CACHED, Entry, Log, Nobody, What};
use crate::cache::{Cache, Kept, New};
use crate::model::Id;
use crate::model::reference::Reference;
use crate::problem::Problem;
use crate::vault::{self, Places};

/// What is to be put into the cache, and for how long.
#[derive(Clone, Debug, Default)]
pub struct Caching {
    /// The most seconds.
    pub seconds: u32,
    /// Access tokens that were got for this, with when they are renewed; `None`: nobody knows.
    pub tokens: BTreeMap<Id, Option<Timestamp>>,
}

/// The values that references stand for, all from the cache.
#[derive(Debug)]
pub struct FromCache {
    values: Vec<Value>,
    entries: Vec<(Id, u32, Duration)>,
    /// `VAULT.d`.
    folder: PathBuf,
    /// The age of the oldest.
    pub age: Duration,
    /// How long it is until the first is dropped.
    pub left: Duration,
}

impl FromCache {
    /// Finds values that were put into the cache less than so many seconds ago; `None` where one of them is not there.
    pub fn find(places: &Places, references: &[Reference], solution: &str, seconds: u32) -> Option<Self> {
        let located = vault::locate(places).ok()?;
        let cache = Cache::of(&located.vault);
        let most = Duration::from_secs(seconds.into());
        let find = |reference| cache.find(reference, solution, most);
        let kept: Vec<Kept> = references.iter().map(find).collect::<Option<_>>()?;
        Some(Self {
            age: kept.iter().map(|kept| kept.age).max()?,
            left: kept.iter().map(|kept| kept.left).min()?,
            entries: kept.iter().map(|kept| (kept.id.clone(), kept.version, kept.age)).collect(),
            values: kept.into_iter().map(value).collect(),
            folder: located.folder,
        })
    }

    /// How many they are.
    pub fn count(&self) -> usize {
        self.values.len()
    }

    /// Hands them out as [`Session::hand_out`] does. No key is at hand for the lines: the next that has one counts them.
    ///
    /// # Errors
    /// `audit_unwritable`; those of `act`.
    pub fn hand_out<T>(
        &self,
        what: What,
        clock: &dyn Fn() -> Timestamp,
        act: impl FnOnce(&[Value]) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let entry = |(id, version, age): &(Id, u32, Duration)| {
            let age = i64::try_from(age.as_secs()).unwrap_or(i64::MAX);
            Entry::about_id(what, id, *version).with_fact(CACHED, age)
        };
        let entries = self.entries.iter().map(entry).collect();
        let mut log = Log::new(&self.folder, None, record::who());
        let begun = log
            .begin(entries, clock(), &Nobody)
            .map_err(|error| unwritable("nothing was handed out", error))?;
        let done = act(&self.values);
        let result = done.as_ref().map_or_else(|problem| problem.code, |_| "ok");
        // It has happened; that its end is missing shows in the log as it is.
        let _ = log.end(begun, result, Vec::new(), clock(), &Nobody);
        done
    }
}

fn value(kept: Kept) -> Value {
    Value { id: kept.id, text: kept.text, secret: kept.secret, place: kept.place }
}

impl Session {
    /// What is kept of this vault.
    pub(super) fn cache(&self) -> Cache {
        Cache::of(self.store.path())
    }

    /// Puts values into the cache, as this session read them. An access token is kept until it is to be renewed, and
    /// not where nobody knows when that is. Gives what a person should hear: what is not kept, and why.
    pub fn keep(
        &self,
        references: &[Reference],
        values: &[Value],
        solution: &str,
        caching: &Caching,
        now: Timestamp,
    ) -> Vec<String> {
        let Some(stamp) = self.store.stamp() else { return Vec::new() };
        let cache = self.cache();
        let mut unkept = Vec::new();
        for (reference, value) in references.iter().zip(values) {
            let Some(known) = self.document().by_id(&value.id) else { continue };
            let key = known.content.key();
            let seconds = match caching.tokens.get(&value.id).filter(|_| reference.field.is_none()) {
                None => caching.seconds,
                Some(None) => {
                    unkept.push(format!("{key} is not cached: its server does not say when the token ends"));
                    continue;
                }
                Some(Some(ends)) => {
                    let left = u32::try_from(ends.duration_since(now).as_secs()).unwrap_or_default();
                    caching.seconds.min(left)
                }
            };
            if seconds == 0 {
                continue;
            }
            let new = New {
                id: &value.id,
                version: known.version,
                place: &value.place,
                secret: value.secret,
                text: &value.text,
            };
            if let Err(error) = cache.keep(reference, solution, &new, &stamp, seconds) {
                unkept.push(format!("{key} is not cached: {error}"));
                if !error.is_about_value() {
                    break;
                }
            }
        }
        unkept.dedup();
        unkept
    }
}

/// Drops what this login session keeps of a vault.
pub fn empty_cache(places: &Places) {
    if let Ok(located) = vault::locate(places) {
        Cache::of(&located.vault).empty();
    }
}
