//! `seen.json`: what this host last saw of each vault.
//!
//! A vault cannot prove its own age: whoever can write the file can put an old one there. So each host keeps,
//! outside of it, the highest generation it saw, that file's digest and whose signatures it trusts. Entries
//! are kept per vault, place and identity ("keeper"); each carries a code made with a key of that
//! identity, and the file a checksum, so that damage shows too.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::error::{Notice, Refusal, StoreError};
use super::format::Header;
use super::writer::{self, WriterKey};
use crate::audit::{Mark, Unrecorded};
use crate::durable::{self, LOCK_WAIT, Lock};

const FORMAT: u32 = 1;
const LIMIT: u64 = 16 * 1024 * 1024;
const CODE: &str = "credbench seen 1";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    vault_id: String,
    path: String,
    generation: u64,
    /// SHA-256 of the file of that generation, hex.
    digest: String,
    /// Public keys whose signatures are trusted, base64.
    writers: BTreeSet<String>,
    /// The newest line of the audit log at this place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    audit: Option<Mark>,
    /// What this identity did here since that has no line there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    unrecorded: Option<Unrecorded>,
    /// Public key of the identity that keeps this entry.
    keeper: String,
    /// See [`Entry::coded`].
    code: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Text {
    format: u32,
    entries: Vec<Entry>,
    /// Public keys of the local writer keys that this host made, by the digest of their identity's label.
    keys: BTreeMap<String, String>,
    /// SHA-256 of entries and keys as compact JSON, hex. Shows damage; the codes show changes.
    checksum: String,
}

impl Entry {
    /// What the code covers: all but the code.
    fn coded(&self) -> Vec<u8> {
        let Self { vault_id, path, generation, digest, writers, audit, unrecorded, keeper, .. } = self;
        let all = (CODE, vault_id, path, generation, digest, writers, keeper);
        match (audit, unrecorded) {
            (None, None) => serde_json::to_vec(&all),
            (Some(mark), None) => serde_json::to_vec(&(all, mark)),
            (mark, Some(unrecorded)) => serde_json::to_vec(&(all, mark, unrecorded)),
        }
        .unwrap_or_default()
    }

    fn is_honest(&self, key: &WriterKey) -> bool {
        key.memory().fits(&self.coded(), &self.code)
    }
}

/// A vault file as it is about to be judged, or noted.
pub(super) struct Facts<'a> {
    /// Under which paths it was reached: the real one, and the one that was given.
    pub(super) places: &'a [String],
    /// Its header.
    pub(super) header: &'a Header,
    /// SHA-256 of the file, hex.
    pub(super) digest: &'a str,
}

/// What a host remembers.
pub(super) struct Memory {
    path: PathBuf,
    entries: Vec<Entry>,
    keys: BTreeMap<String, String>,
}

impl Memory {
    /// Reads the file; none at all is an empty memory.
    ///
    /// # Errors
    /// [`Refusal::Memory`] for a damaged one; files that others may read.
    pub(super) fn load(path: &Path) -> Result<Self, StoreError> {
        let file = match durable::read_private(path, LIMIT) {
            Ok(file) => file,
            Err(error) if error.is_missing() => return Ok(Self::empty(path)),
            Err(error) => return Err(error.into()),
        };
        let damaged = || StoreError::Refused { path: path.to_owned(), refusal: damaged(path) };
        let text: Text = serde_json::from_slice(&file.bytes).map_err(|_| damaged())?;
        // Compared as a whole: a changed byte that JSON does not care for is still a changed byte.
        let memory = Self { path: path.to_owned(), entries: text.entries, keys: text.keys };
        if text.format != FORMAT || *file.bytes != *memory.bytes() {
            return Err(damaged());
        }
        Ok(memory)
    }

    fn empty(path: &Path) -> Self {
        Self { path: path.to_owned(), entries: Vec::new(), keys: BTreeMap::new() }
    }

    fn bytes(&self) -> Vec<u8> {
        let covered = serde_json::to_vec(&(&self.entries, &self.keys)).unwrap_or_default();
        let checksum = writer::digest(&covered);
        let (entries, keys) = (self.entries.clone(), self.keys.clone());
        let text = Text { format: FORMAT, entries, keys, checksum };
        let mut bytes = serde_json::to_vec_pretty(&text).unwrap_or_default();
        bytes.push(b'\n');
        bytes
    }

    fn save(&self, aside: Option<&Path>) -> Result<(), StoreError> {
        let (path, bytes) = (&self.path, self.bytes());
        let saved = match std::fs::symlink_metadata(path) {
            Ok(_) => durable::replace(&durable::real_path(path)?, &bytes, aside, |_| Ok(()))?,
            Err(_) => durable::create(path, &bytes, |_| Ok(()))?,
        };
        saved.unsynced.map_or(Ok(()), |error| Err(error.into()))
    }

    /// Whether a rightly signed file may follow what was seen.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn judge(&self, facts: &Facts<'_>, key: &WriterKey) -> Result<Vec<Notice>, Refusal> {
        self.judge_with(facts, key, require_successor)
    }

    /// As [`Memory::judge`], of a file that may be as old as it likes: a backup.
    ///
    /// # Errors
    /// Why not.
    pub(super) fn vouch(&self, facts: &Facts<'_>, key: &WriterKey) -> Result<(), Refusal> {
        self.judge_with(facts, key, |_, _| Ok(())).map(drop)
    }

    fn judge_with(
        &self,
        facts: &Facts<'_>,
        key: &WriterKey,
        require_order: impl Fn(&Entry, &Facts<'_>) -> Result<(), Refusal>,
    ) -> Result<Vec<Notice>, Refusal> {
        let header = facts.header;
        let keeper = key.public();
        let here: Vec<&Entry> =
            self.entries.iter().filter(|entry| facts.places.contains(&entry.path)).collect();
        let same: Vec<&Entry> =
            self.entries.iter().filter(|entry| entry.vault_id == header.vault_id).collect();
        for entry in here.iter().chain(&same) {
            if entry.keeper == keeper && !entry.is_honest(key) {
                return Err(damaged(&self.path));
            }
        }
        if let Some(other) = here.iter().find(|entry| entry.vault_id != header.vault_id) {
            return Err(Refusal::Foreign {
                expected: other.vault_id.clone(),
                found: header.vault_id.clone(),
            });
        }
        for entry in &here {
            require_order(entry, facts)?;
        }
        // Where this identity keeps an entry, that alone counts: it is the one whose code was checked.
        let known = if here.is_empty() { &same } else { &here };
        let own: Vec<&&Entry> = known.iter().filter(|entry| entry.keeper == keeper).collect();
        let trusted: BTreeSet<&String> = if own.is_empty() {
            known.iter().flat_map(|entry| &entry.writers).collect()
        } else {
            own.iter().flat_map(|entry| &entry.writers).collect()
        };
        let own_hand = key.derived && header.writer == keeper;
        if !known.is_empty() && !own_hand && !trusted.contains(&header.writer) {
            return Err(Refusal::UnknownWriter { writer: header.writer_label(&header.writer) });
        }
        Ok(match same.iter().max_by_key(|entry| entry.generation) {
            None if own_hand => Vec::new(),
            None => vec![Notice::FirstSight {
                writers: header.writers.iter().map(|writer| header.writer_label(&writer.key)).collect(),
            }],
            Some(elsewhere) if here.is_empty() => vec![Notice::NewPlace {
                known: PathBuf::from(&elsewhere.path),
                generation: elsewhere.generation,
            }],
            Some(_) => Vec::new(),
        })
    }

    /// Whether this host saw a vault at one of these places.
    pub(super) fn knows(&self, places: &[String]) -> bool {
        self.entries.iter().any(|entry| places.contains(&entry.path))
    }

    /// The highest generation seen at these places, of whichever vault.
    pub(super) fn highest(&self, places: &[String]) -> u64 {
        let here = self.entries.iter().filter(|entry| places.contains(&entry.path));
        here.map(|entry| entry.generation).max().unwrap_or(0)
    }

    /// The digest of the file of that generation.
    pub(super) fn newest_digest(&self, places: &[String]) -> Option<String> {
        let here = self.entries.iter().filter(|entry| places.contains(&entry.path));
        here.max_by_key(|entry| entry.generation).map(|entry| entry.digest.clone())
    }

    /// The writers trusted at these places.
    pub(super) fn trusted(&self, places: &[String]) -> BTreeSet<String> {
        let here = self.entries.iter().filter(|entry| places.contains(&entry.path));
        here.flat_map(|entry| entry.writers.iter().cloned()).collect()
    }

    /// The newest line of the audit log at these places that this host saw: by this identity's own entry, where it
    /// keeps one.
    pub(super) fn mark(&self, places: &[String], vault_id: &str, keeper: &str) -> Option<&Mark> {
        let here = || {
            let here = self.entries.iter().filter(|entry| places.contains(&entry.path));
            here.filter(|entry| entry.vault_id == vault_id)
        };
        let newest = |own: bool| {
            let marks = here()
                .filter(|entry| !own || entry.keeper == keeper)
                .filter_map(|entry| entry.audit.as_ref());
            marks.max_by_key(|mark| mark.line)
        };
        newest(true).or_else(|| newest(false))
    }

    /// What this identity did with a vault at these places that has no line in the audit log.
    pub(super) fn unrecorded(&self, places: &[String], vault_id: &str, keeper: &str) -> Option<Unrecorded> {
        let own = self.entries.iter().filter(|entry| entry.keeper == keeper && entry.vault_id == vault_id);
        // One use is noted under each path that the vault was reached by.
        let here = own.filter(|entry| places.contains(&entry.path));
        here.filter_map(|entry| entry.unrecorded.clone()).max_by_key(|unrecorded| unrecorded.uses)
    }

    /// Changes this identity's own entries of a vault at these places. False where there is none.
    fn change(
        &mut self,
        places: &[String],
        vault_id: &str,
        key: &WriterKey,
        change: impl Fn(&mut Entry),
    ) -> bool {
        let keeper = key.public();
        let own = |entry: &&mut Entry| entry.keeper == keeper && entry.vault_id == vault_id;
        let mut changed = false;
        for entry in self.entries.iter_mut().filter(|entry| places.contains(&entry.path)).filter(own) {
            change(entry);
            entry.code = key.memory().code(&entry.coded());
            changed = true;
        }
        changed
    }

    fn note(&mut self, facts: &Facts<'_>, key: &WriterKey) -> bool {
        let mut changed = false;
        for place in facts.places {
            let mut entry = Entry {
                vault_id: facts.header.vault_id.clone(),
                path: place.clone(),
                generation: facts.header.generation,
                digest: facts.digest.to_owned(),
                writers: facts.header.writers.iter().map(|writer| writer.key.clone()).collect(),
                audit: None,
                unrecorded: None,
                keeper: key.public(),
                code: String::new(),
            };
            let known =
                self.entries.iter_mut().find(|known| known.path == *place && known.keeper == entry.keeper);
            if let Some(known) = known.as_ref().filter(|known| known.vault_id == entry.vault_id) {
                entry.audit.clone_from(&known.audit);
                entry.unrecorded.clone_from(&known.unrecorded);
            }
            entry.code = key.memory().code(&entry.coded());
            match known {
                // Another process saved and noted more in the meantime.
                Some(known) if known.vault_id == entry.vault_id && known.generation > entry.generation => {}
                Some(known) if *known == entry => {}
                Some(known) => {
                    *known = entry;
                    changed = true;
                }
                None => {
                    self.entries.push(entry);
                    changed = true;
                }
            }
        }
        changed
    }
}

/// Notes what was seen. With `forget`, whatever was known of these places is dropped first, and a damaged
/// memory is put aside and begun anew.
///
/// # Errors
/// Files; a damaged memory unless `forget`.
pub(super) fn note(path: &Path, facts: &Facts<'_>, key: &WriterKey, forget: bool) -> Result<(), StoreError> {
    let _lock = exclusively(path)?;
    let (mut memory, aside) = match Memory::load(path) {
        Ok(memory) => (memory, None),
        Err(StoreError::Refused { .. }) if forget => (Memory::empty(path), Some(free_name(path))),
        Err(error) => return Err(error),
    };
    // Uses without a line are no trust in a vault: they stay.
    let unrecorded = memory.unrecorded(facts.places, &facts.header.vault_id, &key.public());
    if forget {
        memory.entries.retain(|entry| !facts.places.contains(&entry.path));
    }
    // What was forgotten is new again.
    let changed = memory.note(facts, key);
    if forget && unrecorded.is_some() {
        memory.change(facts.places, &facts.header.vault_id, key, |entry| {
            entry.unrecorded.clone_from(&unrecorded);
        });
    }
    if changed { memory.save(aside.as_deref()) } else { Ok(()) }
}

/// What this host's memory has of one vault, as far as one identity keeps it.
pub(super) struct Own<'a> {
    /// `seen.json`.
    pub(super) path: &'a Path,
    /// As in [`Facts`].
    pub(super) places: &'a [String],
    pub(super) vault_id: &'a str,
    pub(super) key: &'a WriterKey,
}

impl Own<'_> {
    /// As [`Memory::mark`]. A memory that cannot be read knows none; it refuses the vault itself.
    pub(super) fn mark(&self) -> Option<Mark> {
        Memory::load(self.path).ok()?.mark(self.places, self.vault_id, &self.key.public()).cloned()
    }

    /// As [`Memory::unrecorded`].
    pub(super) fn unrecorded(&self) -> Option<Unrecorded> {
        Memory::load(self.path).ok()?.unrecorded(self.places, self.vault_id, &self.key.public())
    }
}

/// Keeps the newest line of the audit log of a vault. Callers append one after the other, so the last one counts.
///
/// # Errors
/// As [`keep`].
pub(super) fn keep_mark(own: &Own<'_>, mark: &Mark) -> Result<(), String> {
    keep(own, |entry| entry.audit = Some(mark.clone()))
}

/// Keeps that credentials were used without a line in the audit log.
///
/// # Errors
/// As [`keep`].
pub(super) fn add_unrecorded(own: &Own<'_>, uses: u64, now: Timestamp) -> Result<(), String> {
    keep(own, |entry| {
        let unrecorded = entry.unrecorded.get_or_insert(Unrecorded { uses: 0, first: now, last: now });
        unrecorded.uses += uses;
        unrecorded.last = now;
    })
}

/// Keeps that a line of the audit log counts what had none. Another program may have added to it meanwhile.
///
/// # Errors
/// As [`keep`].
pub(super) fn drop_unrecorded(own: &Own<'_>, counted: &Unrecorded) -> Result<(), String> {
    keep(own, |entry| {
        if let Some(unrecorded) = &mut entry.unrecorded {
            unrecorded.uses = unrecorded.uses.saturating_sub(counted.uses);
            unrecorded.first = counted.last;
        }
        entry.unrecorded.take_if(|unrecorded| unrecorded.uses == 0);
    })
}

/// Changes what is kept of a vault.
///
/// # Errors
/// Why not, in words: this identity never saw the vault here; files; a damaged memory.
fn keep(own: &Own<'_>, change: impl Fn(&mut Entry)) -> Result<(), String> {
    let Own { path, places, vault_id, key } = own;
    let keep = || {
        let _lock = exclusively(path)?;
        let mut memory = Memory::load(path)?;
        let known = memory.change(places, vault_id, key, change);
        if known {
            memory.save(None)?;
        }
        Ok::<_, StoreError>(known)
    };
    match keep() {
        Ok(true) => Ok(()),
        Ok(false) => Err("it has not noted this vault yet".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// The public key noted for a local writer key.
///
/// # Errors
/// As [`Memory::load`].
pub(super) fn local_key(path: &Path, label: &str) -> Result<Option<String>, StoreError> {
    Ok(Memory::load(path)?.keys.remove(label))
}

/// Notes a local writer key. `make` gets what is noted, makes the key and returns its public half, while no
/// other process can do the same; `None` leaves what is noted.
///
/// # Errors
/// Those of `make`; files; a damaged memory.
pub(super) fn note_local_key(
    path: &Path,
    label: &str,
    make: impl FnOnce(Option<&str>) -> Result<Option<String>, StoreError>,
) -> Result<(), StoreError> {
    let _lock = exclusively(path)?;
    let mut memory = Memory::load(path)?;
    match make(memory.keys.get(label).map(String::as_str))? {
        Some(public) => {
            memory.keys.insert(label.to_owned(), public);
            memory.save(None)
        }
        None => Ok(()),
    }
}

fn exclusively(path: &Path) -> Result<Lock, StoreError> {
    if let Some(folder) = path.parent() {
        durable::create_private_folder(folder)?;
    }
    let lock = Lock::acquire(&path.with_extension("lock"), LOCK_WAIT)?;
    durable::remove_stale(path);
    Ok(lock)
}

fn require_successor(known: &Entry, facts: &Facts<'_>) -> Result<(), Refusal> {
    let (seen, found) = (known.generation, facts.header.generation);
    if found < seen {
        Err(Refusal::Rollback { seen, found })
    } else if found == seen && known.digest != facts.digest {
        Err(Refusal::SameGeneration { generation: found })
    } else if found == seen + 1 && facts.header.previous.as_ref() != Some(&known.digest) {
        Err(Refusal::Fork { generation: found })
    } else {
        Ok(())
    }
}

fn damaged(path: &Path) -> Refusal {
    Refusal::Memory { path: path.to_owned() }
}

/// A name beside the memory for its damaged predecessor.
fn free_name(path: &Path) -> PathBuf {
    (1..)
        .map(|number: u32| path.with_extension(format!("damaged-{number}.json")))
        .find(|name| name.symlink_metadata().is_err())
        .unwrap_or_else(|| path.with_extension("damaged.json"))
}

#[cfg(test)]
mod tests;
