//! The log as a program has it open: what it says so far, and appending to it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;

use super::event::{Entry, What, Who};
use super::file::Locked;
use super::key::Keys;
use super::line::{Author, Line, Vault, hex};
use super::state::{Opening, Since, State};
use super::usage::{self, Usage};
use super::verify::archives;
use super::walk::{Walk, end, start};
use super::{Broken, Error, Fault, Head, Mark, NAME, Nobody, Unrecorded, Witness};
use crate::durable::{self, Stamp};
use crate::uptime::uptime;

/// From this size on the log goes on in another file.
const ROTATE: u64 = 16 * 1024 * 1024;

/// How much is appended before the summary is made anew.
const SUMMARIZE: u64 = 128 * 1024;

/// How far the clock may go from what passed since the last line, in seconds, before that is written down.
const JUMP: i64 = 60;

/// A log.
#[derive(Debug)]
pub struct Log {
    folder: PathBuf,
    path: PathBuf,
    /// `None`: the vault has no key yet, or is not trusted; lines are then written without codes.
    keys: Option<Keys>,
    pub(super) author: Author,
    /// What it said when it was last read or written, and what the file was then.
    known: Option<(State, Stamp)>,
    /// The line that the summary was made at.
    summarized: u64,
    /// What the clock said at the last line, and how many seconds the machine had run.
    clock: Option<(Timestamp, u64)>,
    pub(super) rotate_at: u64,
}

/// Something that is written down as about to be done.
#[derive(Debug)]
#[must_use]
pub struct Begun {
    entries: Vec<Entry>,
    lines: Vec<u64>,
}

impl Begun {
    /// The entries that say what came of it, to be written with others.
    pub fn outcomes(&self, result: &str) -> Vec<Entry> {
        self.entries.iter().zip(&self.lines).map(|(entry, line)| entry.outcome(*line, result)).collect()
    }
}

/// What was appended.
#[derive(Debug, Default)]
pub struct Appended {
    /// The numbers of the lines, in the order of their entries.
    pub lines: Vec<u64>,
    /// Why this host could not keep the newest line in mind. The lines are written.
    pub unnoted: Option<String>,
    /// Uses without a line that were counted before them.
    pub counted: Option<Unrecorded>,
}

impl Log {
    /// A log that nothing is known of yet.
    pub fn new(folder: &Path, keys: Option<Keys>, who: Who) -> Self {
        let session = format!("{:08x}", rand::random::<u32>());
        Self {
            folder: folder.to_owned(),
            path: folder.join(NAME),
            keys,
            author: Author { who, session, vault: None },
            known: None,
            summarized: 0,
            clock: None,
            rotate_at: ROTATE,
        }
    }

    /// Which vault the lines to come are about.
    pub fn set_vault(&mut self, generation: u64, digest: &str) {
        self.author.vault = Some(Vault { generation, digest: digest.to_owned() });
    }

    /// The keys, once the vault has some.
    pub fn set_keys(&mut self, keys: Keys) {
        self.keys = Some(keys);
    }

    /// Whether its lines have codes.
    pub fn has_keys(&self) -> bool {
        self.keys.is_some()
    }

    /// The newest line, as last read or written.
    pub fn head(&self) -> Option<Head> {
        self.state().filter(|state| state.line > 0).map(State::head)
    }

    /// How often credentials were used.
    pub fn usage(&self) -> Arc<Usage> {
        self.state().map(|state| state.usage.clone()).unwrap_or_default()
    }

    /// Attempts to unlock that no line counts yet: how many, and the last.
    pub fn failures(&self) -> Option<(u64, &Opening)> {
        let pending = &self.state()?.pending;
        Some((pending.failed, pending.last.as_ref()?))
    }

    /// What happened since a person last unlocked the vault at a terminal; attempts that no line counts yet with it.
    pub fn since(&self) -> Since {
        let Some(state) = self.state() else { return Since::default() };
        let mut since = state.since.clone();
        since.failed += state.pending.failed;
        since.last_failed = state.pending.last.clone().or(since.last_failed);
        since
    }

    /// The last time that the vault was unlocked.
    pub fn last_opening(&self) -> Option<&Opening> {
        self.state()?.opened.as_ref()
    }

    /// The latest generation of the vault that it names; 0: none.
    pub fn generation(&self) -> u64 {
        self.state().map_or(0, |state| state.generation)
    }

    /// Whether saves of the vault up to this generation are missing in the log.
    pub fn misses(&self, generation: u64) -> bool {
        self.state().is_some_and(|state| state.generation > 0 && state.generation < generation)
    }

    /// The entry that says that saves are missing, where they are.
    pub fn gap(&self, generation: u64) -> Option<Entry> {
        let number = |generation: u64| i64::try_from(generation).unwrap_or(i64::MAX);
        let last = self.state().filter(|_| self.misses(generation))?.generation;
        let gap = Entry::new(What::Gap).with_result("not_recorded");
        Some(gap.with_fact("from", number(last + 1)).with_fact("to", number(generation)))
    }

    fn state(&self) -> Option<&State> {
        self.known.as_ref().map(|(state, _)| state)
    }

    /// Requires that the vault is the one that the log was written with: not an older one, nor another one of the
    /// same generation.
    ///
    /// # Errors
    /// [`Fault::Rollback`], [`Fault::Vault`].
    pub fn require_vault(&self, generation: u64, digest: &str) -> Result<(), Broken> {
        let Some(state) = self.state() else { return Ok(()) };
        let fault = if state.generation > generation {
            Fault::Rollback { logged: state.generation, found: generation }
        } else if state.generation == generation && state.digest != digest {
            Fault::Vault { generation }
        } else {
            return Ok(());
        };
        Err(Broken { path: self.path.clone(), line: 0, row: 0, fault })
    }

    /// Reads what was written since the last reading. Without a key nothing is read.
    ///
    /// # Errors
    /// [`Error::Broken`]; files.
    pub fn refresh(&mut self, witness: &dyn Witness) -> Result<(), Error> {
        let stamp = Stamp::of(&self.path);
        if self.keys.is_none()
            || (stamp.is_some() && stamp.as_ref() == self.known.as_ref().map(|(_, known)| known))
        {
            return Ok(());
        }
        match Locked::to_read(&self.path)? {
            Some(file) => self.read(&file, witness),
            None => match witness.mark() {
                Some(mark) => Err(self.whole_broken(Fault::Missing { known: mark.line })),
                None => {
                    self.known = None;
                    Ok(())
                }
            },
        }
    }

    fn whole_broken(&self, fault: Fault) -> Error {
        Broken { path: self.path.clone(), line: 0, row: 0, fault }.into()
    }

    fn read(&mut self, file: &Locked, witness: &dyn Witness) -> Result<(), Error> {
        let (Some(keys), Some(stamp)) = (self.keys.clone(), file.stamp()) else { return Ok(()) };
        let before = self.known.take();
        if before.as_ref().is_some_and(|(_, known)| *known == stamp) {
            self.known = before;
            return Ok(());
        }
        let mark = witness.mark();
        let mut heads = witness.heads().to_vec();
        heads.extend(mark.as_ref().map(Mark::head));
        let walk = Walk { path: &self.path, keys: &keys, known: &heads };
        let summary = usage::read(&self.folder, &keys);
        self.summarized = summary.as_ref().map_or(0, |summary| summary.line);
        let whole = |summary| self.whole(file, &walk, summary);
        let state = match mark.as_ref().filter(|mark| mark.stamp == stamp.to_string()) {
            Some(mark) => {
                let read = before.filter(|(_, known)| known.is_same_file(&stamp)).map(|(state, _)| state);
                let from = [read, summary.clone()].into_iter().flatten().max_by_key(|state| state.line);
                match from.and_then(|state| tail(file, &walk, state, mark)) {
                    Some(state) => state,
                    None => whole(summary)?,
                }
            }
            None => whole(summary)?,
        };
        walk.require_whole(&state, mark.as_ref(), stamp.size())?;
        self.known = Some((state, stamp));
        Ok(())
    }

    /// Reads the whole file, and takes from the summary what earlier files told.
    fn whole(&self, file: &Locked, walk: &Walk<'_>, summary: Option<State>) -> Result<State, Error> {
        let bytes = file.read(0)?;
        let mut state = start(&bytes);
        let later = state.starts > 1;
        let told = |state: &mut State| {
            let told = summary.as_ref().filter(|told| told.hash == state.hash);
            told.map(|told| state.take_over(told)).is_some()
        };
        let mut found = told(&mut state);
        walk.over(&bytes, &mut state, |_, state| found |= told(state))?;
        if later
            && !found
            && let Some(all) = self.over_all(walk, &bytes)
        {
            state.take_over(&all);
        }
        Ok(state)
    }

    /// Reads all files: only needed where the summary was lost.
    fn over_all(&self, walk: &Walk<'_>, last: &[u8]) -> Option<State> {
        let mut state = State::new();
        for (_, path) in archives(&self.folder) {
            let file = Locked::to_read(&path).ok()??;
            walk.over(&file.read(0).ok()?, &mut state, |_, _| {}).ok()?;
        }
        walk.over(last, &mut state, |_, _| {}).ok()?;
        Some(state)
    }

    /// Writes entries at the end, as one, and gets them to the disk.
    ///
    /// # Errors
    /// [`Error::Broken`]; files. Nothing of it counts as written then.
    pub fn append(
        &mut self,
        entries: &[Entry],
        now: Timestamp,
        witness: &dyn Witness,
    ) -> Result<Appended, Error> {
        durable::create_private_folder(&self.folder)?;
        let Some(keys) = self.keys.clone() else {
            return Ok(append_unkeyed(&self.path, &self.author, entries, now)?);
        };
        let mut file = Locked::to_append(&self.path)?;
        self.read(&file, witness)?;
        if file.size() >= self.rotate_at && self.rotate(now, &keys).is_ok_and(|moved| moved) {
            file = Locked::to_append(&self.path)?;
            self.read(&file, witness)?;
        }
        let mut state = self.state().cloned().unwrap_or_else(State::new);
        let mut text = String::new();
        if state.open_end {
            text.push('\n');
            state.offset += 1;
            state.open_end = false;
        }
        let unrecorded = witness.unrecorded();
        let before = [counted(&state), unrecorded.as_ref().map(without_line), self.jump(&state, now)];
        let mut lines = Vec::new();
        for entry in before.iter().flatten().chain(entries) {
            let line = Line::new(entry, &self.author, state.line + 1, &state.hash, now, Some(&keys));
            let written = line.text(Some(&keys));
            state.wrote(&line, &written);
            text.push_str(&written);
            text.push('\n');
            lines.push(state.line);
        }
        lines.drain(..before.iter().flatten().count());
        file.append(text.as_bytes())?;
        self.clock = Some((now, uptime().as_secs()));
        let Some(stamp) = file.stamp() else {
            return Ok(Appended { lines, unnoted: None, counted: unrecorded });
        };
        let Head { log, line, hash } = state.head();
        let mark = Mark { log, line, hash, size: state.offset, stamp: stamp.to_string() };
        let noted = witness.note(&mark);
        let counted = |()| unrecorded.as_ref().map_or(Ok(()), |counted| witness.counted(counted));
        let unnoted = noted.and_then(counted).err();
        self.summarize(&state, &keys);
        self.known = Some((state, stamp));
        Ok(Appended { lines, unnoted, counted: unrecorded })
    }

    /// Writes what is about to be done. No entries: nothing is written.
    ///
    /// # Errors
    /// As [`Log::append`]; then it must not be done.
    pub fn begin(
        &mut self,
        entries: Vec<Entry>,
        now: Timestamp,
        witness: &dyn Witness,
    ) -> Result<Begun, Error> {
        if entries.is_empty() {
            return Ok(Begun { entries, lines: Vec::new() });
        }
        let intents: Vec<Entry> = entries.iter().map(Entry::intent).collect();
        let lines = self.append(&intents, now, witness)?.lines;
        Ok(Begun { entries, lines })
    }

    /// Writes what came of it (`ok`, or the code of a problem), and what else happened with it.
    ///
    /// # Errors
    /// As [`Log::append`]; then it stands there as unfinished.
    pub fn end(
        &mut self,
        begun: Begun,
        result: &str,
        more: Vec<Entry>,
        now: Timestamp,
        witness: &dyn Witness,
    ) -> Result<(), Error> {
        let mut entries = begun.outcomes(result);
        entries.extend(more);
        if !entries.is_empty() {
            self.append(&entries, now, witness)?;
        }
        Ok(())
    }

    /// Makes the summary anew where much was written since. Only who reads is slower without it.
    fn summarize(&mut self, state: &State, keys: &Keys) {
        // What is to be written grows with the number of credentials, a line with nothing.
        let enough = (SUMMARIZE / 512).max(state.usage.len() as u64 / 16);
        if state.line - self.summarized.min(state.line) >= enough
            && usage::write(&self.folder, state, keys).is_ok()
        {
            self.summarized = state.line;
        }
    }

    /// The entry that says that the clock was set, where it was.
    fn jump(&self, state: &State, now: Timestamp) -> Option<Entry> {
        let passed = |(at, up): (Timestamp, u64)| {
            let up = i64::try_from(uptime().as_secs().saturating_sub(up)).unwrap_or(i64::MAX);
            now.duration_since(at).as_secs().saturating_sub(up)
        };
        let seconds = match self.clock {
            Some(clock) => passed(clock),
            // Before the last line of another program: only backwards is known to be wrong.
            None => now.duration_since(state.at).as_secs().min(0),
        };
        (seconds.abs() > JUMP).then(|| Entry::new(What::ClockJumped).with_fact("seconds", seconds))
    }

    /// Goes on in a new file. The old one keeps its lines, under the number of its first. False where it has lines that
    /// are to be counted in it first.
    fn rotate(&mut self, now: Timestamp, keys: &Keys) -> Result<bool, Error> {
        let Some((state, _)) =
            self.known.as_ref().filter(|(state, _)| !state.open_end && state.pending.is_empty())
        else {
            return Ok(false);
        };
        let entry = Entry::new(What::Continued);
        let mut line = Line::new(&entry, &self.author, state.line + 1, &state.hash, now, Some(keys));
        line.log = Some(state.log.clone());
        let text = format!("{}\n", line.text(Some(keys)));
        let archive = super::verify::archive(&self.folder, state.starts);
        durable::remove_stale(&self.path);
        // The summary is made first: uses are then known without the file that goes aside.
        usage::write(&self.folder, state, keys)?;
        // Where the folder could not be synced the new file is there all the same: it is gone on with.
        let _ = durable::replace(&self.path, text.as_bytes(), Some(&archive), |_| Ok(()))?;
        Ok(true)
    }

    /// Puts a log aside that is not to be trusted any more; the next line starts another one. Where it is kept.
    ///
    /// # Errors
    /// Files.
    pub fn put_aside(&mut self) -> Result<Option<PathBuf>, Error> {
        self.known = None;
        self.summarized = 0;
        let there = |path: &Path| path.symlink_metadata().is_ok();
        let _ = durable::remove(&usage::place(&self.folder));
        let mut kept = None;
        let files = archives(&self.folder).into_iter().map(|(_, path)| path).chain([self.path.clone()]);
        for path in files.filter(|path| there(path)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let free = (1..).map(|number: u32| format!("{name}.aside-{number}"));
            let name = free.into_iter().find(|name| !there(&self.folder.join(name))).unwrap_or_default();
            durable::set_aside(&path, &name)?;
            kept = Some(self.folder.join(name));
        }
        Ok(kept)
    }
}

/// Reads on from what is known. `None`: it does not lead to the line that this host saw last.
fn tail(file: &Locked, walk: &Walk<'_>, mut state: State, mark: &Mark) -> Option<State> {
    let first = file.first_line().ok()?;
    let starts = start(&first).starts;
    if starts != state.starts {
        // The summary was made just before the file went on in this one.
        state.starts = starts;
        state.offset = 0;
    }
    walk.over(&file.read(state.offset).ok()?, &mut state, |_, _| {}).ok()?;
    (hex(&state.hash) == mark.hash).then_some(state)
}

/// The entry that counts what was written without a code.
fn counted(state: &State) -> Option<Entry> {
    let pending = &state.pending;
    let number = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
    let what = if pending.torn > 0 { What::Gap } else { What::Sealed };
    let entry = Entry::new(what)
        .with_fact("unkeyed", number(pending.unkeyed))
        .with_fact("torn", number(pending.torn));
    (!pending.is_empty()).then_some(entry)
}

/// The entry that counts uses that have no line.
fn without_line(unrecorded: &Unrecorded) -> Entry {
    Entry::new(What::Unrecorded)
        .with_fact("uses", i64::try_from(unrecorded.uses).unwrap_or(i64::MAX))
        .with_fact("first", unrecorded.first.as_second())
        .with_fact("last", unrecorded.last.as_second())
}

/// Writes that somebody tried in vain, with no key at hand: the next line with a code counts it.
///
/// # Errors
/// Files.
pub fn without_key(folder: &Path, who: Who, entry: &Entry, now: Timestamp) -> Result<(), Error> {
    Log::new(folder, None, who).append(std::slice::from_ref(entry), now, &Nobody).map(drop)
}

fn append_unkeyed(
    path: &Path,
    author: &Author,
    entries: &[Entry],
    now: Timestamp,
) -> Result<Appended, durable::Error> {
    let file = Locked::to_append(path)?;
    let (mut number, mut hash, closed) = end(&file.read(0)?);
    let mut text = String::new();
    if !closed {
        text.push('\n');
    }
    let mut lines = Vec::new();
    for entry in entries {
        number += 1;
        let line = Line::new(entry, author, number, &hash, now, None).text(None);
        hash = super::line::follow(&hash, line.as_bytes());
        text.push_str(&line);
        text.push('\n');
        lines.push(number);
    }
    file.append(text.as_bytes())?;
    Ok(Appended { lines, unnoted: None, counted: None })
}
