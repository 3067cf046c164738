//! What happened, for people and programs: the two lines of one act together, names opened.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use super::event::{Names, Step, What, Who};
use super::key::Keys;
use super::line::Line;
use super::verify::over_all;
use super::{Error, Witness};
use crate::model::Id;
use crate::words;

/// One thing that happened. Serialized, it is an object of `audit --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Record {
    /// The number of its line, or of its first.
    pub line: u64,
    /// When, as the clock said.
    pub at: Timestamp,
    /// The word of [`What`].
    pub what: String,
    /// `ok`, the code of a problem, `unfinished` where what was begun has no end; empty where there is none.
    pub result: String,
    /// The solution of the credential; empty where it is about none.
    pub solution: String,
    /// Its key, or the name of what it is about.
    pub key: String,
    /// Which of its values.
    pub field: String,
    /// The workflow that used it; empty where that was not said.
    pub workflow: String,
    /// More, in words.
    pub note: String,
    /// The credential.
    pub id: Option<Id>,
    /// The credentials, where those are many.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ids: Vec<Id>,
    /// The version of the credential.
    pub version: Option<u32>,
    /// Numbers, by their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<String, i64>,
    /// The code of the value: the same for the same value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub value: Option<String>,
    /// Who did it.
    pub who: Who,
    /// Tells the sessions apart.
    pub session: String,
    /// The generation of the vault.
    pub generation: Option<u64>,
    /// Written with a key: nobody wrote it who could not open the vault.
    pub keyed: bool,
}

impl Record {
    fn of(line: &Line, keys: &Keys) -> Self {
        let sealed = line.names.as_ref().and_then(|names| keys.open(names));
        let names: Names = sealed.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default();
        let result = match line.step {
            Some(Step::Intent) => UNFINISHED.to_owned(),
            _ => line.result.clone(),
        };
        Self {
            line: line.n,
            at: line.at,
            what: line.what.clone(),
            result,
            solution: names.solution,
            key: names.key,
            field: names.field,
            workflow: names.workflow,
            note: names.note,
            id: line.id.clone(),
            ids: line.ids.clone(),
            version: line.version,
            facts: line.facts.clone(),
            value: line.value.clone(),
            who: line.who.clone(),
            session: line.session.clone(),
            generation: line.vault.as_ref().map(|vault| vault.generation),
            keyed: line.is_keyed(),
        }
    }

    /// Whether it is about a credential: by its id, or by the name that it had.
    pub fn is_about(&self, id: Option<&Id>, solution: &str, key: &str) -> bool {
        let by_id = id.is_some_and(|id| self.id.as_ref() == Some(id) || self.ids.contains(id));
        by_id || (self.id.is_some() && self.solution == solution && self.key == key)
    }

    /// What it is about: `solution/key field`, and more in words.
    pub fn subject(&self) -> String {
        let place = match (self.solution.is_empty(), self.key.is_empty()) {
            (false, false) => format!("{}/{}", self.solution, self.key),
            _ => format!("{}{}", self.solution, self.key),
        };
        let field = self.field.trim_start_matches("/config").trim_start_matches('/').replace('/', ".");
        let version = match What::of_word(&self.what) {
            Some(What::Created | What::Updated | What::Restored) => {
                self.version.map(|version| format!("version {version}")).unwrap_or_default()
            }
            _ => String::new(),
        };
        let parts = [place, field, version, self.note.clone()];
        parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("  ")
    }

    /// In words, without who and when: `got`, `recipients changed`, ….
    pub fn words(&self) -> String {
        let number = |name: &str| self.facts.get(name).copied().unwrap_or_default();
        let what = self.what.replace('_', " ");
        match What::of_word(&self.what) {
            Some(What::Tested) => format!("{what} {}: {}", self.ids.len().max(1), self.result),
            Some(What::Sealed) => format!("counted {} without a key", number("unkeyed")),
            Some(What::Gap) if self.facts.contains_key("torn") => {
                format!("gap: {} cut short, {} without a key", number("torn"), number("unkeyed"))
            }
            Some(What::Gap) => match (number("from"), number("to")) {
                (from, to) if from == to => format!("gap: generation {from} was saved without a record"),
                (from, to) => format!("gap: generations {from} to {to} were saved without a record"),
            },
            Some(What::Unrecorded) => {
                let last = Timestamp::from_second(number("last")).unwrap_or_default();
                let last = last.strftime("%Y-%m-%d %H:%M UTC");
                let uses = words::times(number("uses").unsigned_abs());
                format!("{what}: used {uses} without a line, the last time {last}")
            }
            Some(What::ClockJumped) => format!("{what} by {} s", number("seconds")),
            _ if self.facts.contains_key(CACHED) => format!("{what}, cached"),
            _ => what,
        }
    }
}

/// The fact that a value came from the cache: how many seconds before it was put there.
pub const CACHED: &str = "cached";

/// The fact that a value was put into the cache: for how many seconds.
pub const CACHED_FOR: &str = "cached_for";

const UNFINISHED: &str = "unfinished";

/// Everything that happened, oldest first, with every check of the log.
///
/// # Errors
/// The first line that is wrong; files.
pub fn records(folder: &Path, keys: &Keys, witness: &dyn Witness) -> Result<Vec<Record>, Error> {
    let mut found: Vec<Record> = Vec::new();
    let mut begun: HashMap<u64, usize> = HashMap::new();
    over_all(folder, keys, witness, |line, state| {
        // What claims another place was not written by this program.
        if line.n != state.line {
            return;
        }
        // A line that anybody can write says nothing of one that only who has the key can.
        let fits = |index: &usize| {
            found[*index].keyed == line.is_keyed()
                && found[*index].what == line.what
                && found[*index].id == line.id
        };
        let intent = line.of.filter(|of| begun.get(of).is_some_and(fits)).and_then(|of| begun.remove(&of));
        match intent {
            Some(index) => {
                found[index].result.clone_from(&line.result);
                found[index].version = line.version.or(found[index].version);
            }
            None => {
                if line.step == Some(Step::Intent) {
                    begun.insert(line.n, found.len());
                }
                found.push(Record::of(line, keys));
            }
        }
    })?;
    Ok(found)
}
