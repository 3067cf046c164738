//! What reading a log from its start up to some line tells.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::{What, Who};
use super::key::Keys;
use super::line::{Hash, Line, START, follow, hex, log_name, unhex};
use super::usage::Usage;
use super::{Broken, Fault, Head};
use crate::model::Id;

/// One time that the vault was unlocked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// When.
    pub at: Timestamp,
    /// By whom, and from where.
    pub who: Who,
}

/// What happened since a person last unlocked the vault at a terminal: what they should hear of at their next time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Since {
    /// Attempts to unlock that failed.
    pub failed: u64,
    /// The last of these.
    pub last_failed: Option<Opening>,
    /// Values that were asked for and not handed out.
    pub refused: u64,
    /// How often programs without a terminal unlocked it.
    pub unattended: u64,
}

/// Lines that the next line with a code has to count.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Pending {
    /// Those without a code.
    pub(super) unkeyed: u64,
    /// Those that cannot be read, and what follows on them and does not fit.
    pub(super) torn: u64,
    /// The first that can be read and does not fit: what is wrong where these lines are known to have been others.
    pub(super) lost: Option<Broken>,
    /// Attempts to unlock among them.
    pub(super) failed: u64,
    /// The last of these.
    pub(super) last: Option<Opening>,
    /// Uses of credentials among them, and when they say that these were.
    pub(super) uses: Vec<(Id, Timestamp)>,
}

impl Pending {
    pub(super) fn is_empty(&self) -> bool {
        self.unkeyed == 0 && self.torn == 0
    }
}

/// Everything that is known after a line.
#[derive(Clone, Debug)]
pub(super) struct State {
    /// See [`Head::log`]; empty before the first line.
    pub(super) log: String,
    /// The number of the line.
    pub(super) line: u64,
    /// The hash after it.
    pub(super) hash: Hash,
    /// The number of the first line in the same file.
    pub(super) starts: u64,
    /// Where the line ends in its file, line break included.
    pub(super) offset: u64,
    /// The line has no line break yet.
    pub(super) open_end: bool,
    pub(super) pending: Pending,
    pub(super) usage: Arc<Usage>,
    /// The highest generation of the vault that was named, since one was adopted.
    pub(super) generation: u64,
    /// The digest that was named with it.
    pub(super) digest: String,
    /// When the last line was written, as its clock said.
    pub(super) at: Timestamp,
    /// The last opening.
    pub(super) opened: Option<Opening>,
    /// What happened since the last one by a person, as far as lines with codes tell.
    pub(super) since: Since,
}

impl State {
    /// Before the first line.
    pub(super) fn new() -> Self {
        Self {
            log: String::new(),
            line: 0,
            hash: START,
            starts: 1,
            offset: 0,
            open_end: false,
            pending: Pending::default(),
            usage: Arc::default(),
            generation: 0,
            digest: String::new(),
            at: Timestamp::MIN,
            opened: None,
            since: Since::default(),
        }
    }

    /// Before the first line of a file that goes on where an earlier one ended; what its first line says is
    /// checked with its code when it is taken.
    pub(super) fn continued(first: &Line) -> Option<Self> {
        let log = first.log.clone()?;
        let known = first.is(What::Continued) && first.is_keyed() && first.n > 1;
        known.then_some(())?;
        let hash = unhex(&first.prev)?;
        Some(Self { log, line: first.n - 1, hash, starts: first.n, ..Self::new() })
    }

    /// The newest line.
    pub(super) fn head(&self) -> Head {
        Head { log: self.log.clone(), line: self.line, hash: hex(&self.hash) }
    }

    /// Takes over what all lines up to this one tell, from who read those that this state is not made of.
    pub(super) fn take_over(&mut self, told: &Self) {
        self.usage = Arc::clone(&told.usage);
        self.opened.clone_from(&told.opened);
        self.since.clone_from(&told.since);
    }

    /// Takes the next line; the line, where it can be read.
    ///
    /// # Errors
    /// Why it cannot be the next line of this log.
    pub(super) fn take(&mut self, bytes: &[u8], ended: bool, keys: &Keys) -> Result<Option<Line>, Fault> {
        let number = self.line + 1;
        let line = Line::read(bytes);
        match &line {
            Some(line) if line.is_keyed() => self.check(line, bytes, number, keys)?,
            // One that claims another place was not written by this program.
            Some(line) if line.n == number && line.prev == hex(&self.hash) => self.take_unkeyed(line),
            _ => self.pending.torn += 1,
        }
        self.advance(bytes, ended);
        if let Some(line) = line.as_ref().filter(|line| line.is_keyed()) {
            self.learn(line);
        }
        Ok(line)
    }

    /// Takes a line that was just written with a key, and counted what there was to count.
    pub(super) fn wrote(&mut self, line: &Line, text: &str) {
        self.count(line.at);
        self.advance(text.as_bytes(), true);
        self.learn(line);
    }

    fn advance(&mut self, bytes: &[u8], ended: bool) {
        self.line += 1;
        self.hash = follow(&self.hash, bytes);
        self.offset += bytes.len() as u64 + u64::from(ended);
        self.open_end = !ended;
        if self.line == 1 {
            self.log = log_name(&self.hash);
        }
    }

    fn check(&mut self, line: &Line, bytes: &[u8], number: u64, keys: &Keys) -> Result<(), Fault> {
        if line.n != number {
            return Err(Fault::Number { found: line.n });
        }
        if line.prev != hex(&self.hash) {
            return Err(Fault::Order);
        }
        if !line.fits(bytes, keys) {
            return Err(Fault::Code);
        }
        let counts = line.is(What::Sealed) || line.is(What::Gap);
        let counted = |name: &str| u64::try_from(line.fact(name)).unwrap_or_default();
        let (unkeyed, torn) = if counts { (counted("unkeyed"), counted("torn")) } else { (0, 0) };
        if (unkeyed, torn) != (self.pending.unkeyed, self.pending.torn) {
            return Err(Fault::Uncounted);
        }
        self.count(line.at);
        Ok(())
    }

    /// What was pending is counted now. Of uses that anybody could have written, none is later than that.
    fn count(&mut self, now: Timestamp) {
        let pending = std::mem::take(&mut self.pending);
        if !pending.uses.is_empty() {
            let usage = Arc::make_mut(&mut self.usage);
            pending.uses.iter().for_each(|(id, at)| usage.add(id, now.min(*at)));
        }
        self.since.failed += pending.failed;
        self.since.last_failed = pending.last.or(self.since.last_failed.take());
    }

    /// Takes a line that does not fit for one that a power cut left: a disk may keep the end of what was being written
    /// and lose its middle. That is believed only after a line that cannot be read, and shows as wrong as soon as a
    /// line from here on is known to have been there.
    pub(super) fn lose(&mut self, bytes: &[u8], ended: bool, broken: Broken) {
        self.pending.torn += 1;
        self.pending.lost.get_or_insert(broken);
        self.advance(bytes, ended);
    }

    fn take_unkeyed(&mut self, line: &Line) {
        self.pending.unkeyed += 1;
        if line.is(What::UnlockFailed) {
            self.pending.failed += 1;
            self.pending.last = Some(Opening { at: line.at, who: line.who.clone() });
        }
        if line.is_use()
            && line.result == "ok"
            && let Some(id) = &line.id
        {
            self.pending.uses.push((id.clone(), line.at));
        }
    }

    /// Learns from a line that can be trusted.
    fn learn(&mut self, line: &Line) {
        self.at = line.at;
        if let Some(vault) = &line.vault
            && (vault.generation > self.generation || line.is(What::VaultAdopted))
        {
            self.generation = vault.generation;
            self.digest.clone_from(&vault.digest);
        }
        if line.is(What::Opened) {
            match line.who.tty.is_empty() {
                true => self.since.unattended += 1,
                false => self.since = Since::default(),
            }
            self.opened = Some(Opening { at: line.at, who: line.who.clone() });
        }
        if !line.is_use() {
            return;
        }
        if line.result == "ok" {
            let usage = Arc::make_mut(&mut self.usage);
            line.id.iter().chain(&line.ids).for_each(|id| usage.add(id, line.at));
        } else if line.is(What::Revealed) || line.is(What::Copied) || line.is(What::Got) {
            // What came of a program or a request tells nothing of whether it got its values.
            self.since.refused += 1;
        }
    }
}
