//! How often credentials were used, and when last; and the summary beside the log, so that this is known without
//! reading all of it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::key::Keys;
use super::line::{hex, unhex};
use super::state::{Opening, Pending, Since, State};
use crate::durable;
use crate::model::Id;

const FORMAT: &str = "credbench audit summary 2";
const LIMIT: u64 = 256 * 1024 * 1024;

/// The uses of one credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Used {
    /// The last one.
    pub last: Timestamp,
    /// How many there were.
    pub count: u64,
}

/// The uses of all credentials that were ever used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Usage(HashMap<Id, Used>);

impl Usage {
    /// The uses of a credential; `None`: it was never used.
    pub fn of(&self, id: &Id) -> Option<Used> {
        self.0.get(id).copied()
    }

    /// Counts one use.
    pub(crate) fn add(&mut self, id: &Id, at: Timestamp) {
        match self.0.get_mut(id) {
            Some(used) => {
                used.last = used.last.max(at);
                used.count += 1;
            }
            None => {
                self.0.insert(id.clone(), Used { last: at, count: 1 });
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

/// The first line of the summary: where in the log it was made.
#[derive(Serialize, Deserialize)]
struct Place {
    format: String,
    log: String,
    line: u64,
    hash: String,
    starts: u64,
    offset: u64,
    generation: u64,
    digest: String,
    at: Timestamp,
    opened: Option<Opening>,
    since: Since,
}

/// Where the summary is.
pub(super) fn place(folder: &Path) -> PathBuf {
    folder.join("audit.summary")
}

/// Reads the summary: what was known at some line, which the caller looks for in the log. `None`: there is none, or
/// it was not written by who can open the vault; then the log itself is read.
pub(super) fn read(folder: &Path, keys: &Keys) -> Option<State> {
    let file = durable::read_private(&place(folder), LIMIT).ok()?;
    let text = std::str::from_utf8(&file.bytes).ok()?;
    let (covered, code) = text.strip_suffix('\n')?.rsplit_once('\n')?;
    if !keys.summary_fits(covered.as_bytes(), code) {
        return None;
    }
    let mut lines = covered.lines();
    let place: Place =
        serde_json::from_str(lines.next()?).ok().filter(|place: &Place| place.format == FORMAT)?;
    let mut usage = HashMap::new();
    for line in lines {
        let mut words = line.split(' ');
        let (id, last, count) = (words.next()?, words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        usage.insert(Id(id.to_owned()), Used { last: Timestamp::from_nanosecond(last).ok()?, count });
    }
    Some(State {
        log: place.log,
        line: place.line,
        hash: unhex(&place.hash)?,
        starts: place.starts,
        offset: place.offset,
        open_end: false,
        pending: Pending::default(),
        usage: Arc::new(Usage(usage)),
        generation: place.generation,
        digest: place.digest,
        at: place.at,
        opened: place.opened,
        since: place.since,
    })
}

/// Writes the summary.
///
/// # Errors
/// Files; the one that was there is then untouched.
pub(super) fn write(folder: &Path, state: &State, keys: &Keys) -> Result<(), durable::Error> {
    let place = Place {
        format: FORMAT.to_owned(),
        log: state.log.clone(),
        line: state.line,
        hash: hex(&state.hash),
        starts: state.starts,
        offset: state.offset,
        generation: state.generation,
        digest: state.digest.clone(),
        at: state.at,
        opened: state.opened.clone(),
        since: state.since.clone(),
    };
    let mut text = serde_json::to_string(&place).unwrap_or_default();
    for (id, used) in &state.usage.0 {
        text.push_str(&format!("\n{id} {} {}", used.last.as_nanosecond(), used.count));
    }
    let code = keys.summary_code(text.as_bytes());
    text.push_str(&format!("\n{code}\n"));
    let path = self::place(folder);
    durable::remove_stale(&path);
    let saved = match path.symlink_metadata() {
        Ok(_) => durable::replace(&path, text.as_bytes(), None, |_| Ok(()))?,
        Err(_) => durable::create(&path, text.as_bytes(), |_| Ok(()))?,
    };
    saved.unsynced.map_or(Ok(()), Err)
}
