//! The tests that run: who they are of, and in which batch.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Content, Document, Edit, Id, Outcome, TestRecord};
use crate::session;
use crate::tui::app::Shared;
use crate::tui::message::{Effect, Subject, Ticket, Timer};
use crate::tui::theme;

/// Time between two frames of the spinner.
const FRAME: Duration = Duration::from_millis(120);

/// What was found is stored at the latest after this many seconds, however long the batch still runs.
const UNSTORED: i64 = 10;

const SPINNER: [&str; 8] = ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇", "⠏", "⠹"];

struct Test {
    ticket: Ticket,
    key: String,
    batch: u64,
}

/// Tests that were started together; what they found is stored together.
struct Batch {
    total: usize,
    left: usize,
    records: Vec<Edit>,
    /// When it was started, or something of it was stored last.
    stored: Timestamp,
}

/// How far the running tests are.
pub(super) struct Progress {
    pub(super) done: usize,
    pub(super) total: usize,
    /// Whose tests run.
    pub(super) what: String,
    /// How many ended with each outcome.
    pub(super) found: Vec<(Outcome, usize)>,
    /// Seconds that the rest will take at the pace so far; `None` while too little is known.
    pub(super) left: Option<i64>,
    pub(super) spinner: &'static str,
}

/// What became of a result.
pub(super) enum Ended {
    /// A newer test of the same credential runs, or it was cancelled: the result means nothing any more.
    Late,
    /// It is the newest.
    Current,
}

/// The running tests.
#[derive(Default)]
pub(super) struct Running {
    tests: HashMap<Id, Test>,
    batches: BTreeMap<u64, Batch>,
    frame: usize,
    spinning: bool,
    /// What was found since nothing ran last.
    found: Vec<Outcome>,
    /// When something began to run after nothing did.
    since: Timestamp,
}

impl Running {
    /// Starts tests as one batch; older ones of the same credentials are cancelled. Gives their tickets.
    pub(super) fn start(
        &mut self,
        jobs: Vec<(Id, Subject, Content)>,
        document: &Document,
        shared: &mut Shared,
    ) -> Vec<Ticket> {
        if self.tests.is_empty() {
            self.found.clear();
            self.since = shared.now();
        }
        let batch = shared.next_serial();
        let mut started = Vec::with_capacity(jobs.len());
        for (id, subject, content) in jobs {
            self.stop(&id, shared);
            let ticket = Ticket { id: id.clone(), serial: shared.next_serial(), subject };
            let key = content.key().to_owned();
            self.tests.insert(id, Test { ticket: ticket.clone(), key, batch });
            let around = session::surroundings(document, &content);
            started.push((ticket, content, around));
        }
        let count = started.len();
        self.batches
            .insert(batch, Batch { total: count, left: count, records: Vec::new(), stored: shared.now() });
        let tickets = started.iter().map(|(ticket, ..)| ticket.clone()).collect();
        shared.effect(Effect::Test(shared.kinds.clone(), started));
        if !std::mem::replace(&mut self.spinning, true) {
            shared.effect(Effect::Wake(FRAME, Timer::Spin));
        }
        tickets
    }

    /// Cancels the test of a credential.
    pub(super) fn stop(&mut self, id: &Id, shared: &mut Shared) {
        if let Some(test) = self.tests.remove(id) {
            shared.effect(Effect::Cancel(test.ticket.serial));
            if let Some(batch) = self.batches.get_mut(&test.batch) {
                batch.left -= 1;
                batch.total -= 1;
            }
        }
    }

    /// Cancels all. Gives how many there were.
    pub(super) fn stop_all(&mut self, shared: &mut Shared) -> usize {
        let ids: Vec<Id> = self.tests.keys().cloned().collect();
        ids.iter().for_each(|id| self.stop(id, shared));
        ids.len()
    }

    /// Notes that a test ended, with what is to be stored of it.
    pub(super) fn ended(&mut self, ticket: &Ticket, found: Outcome, record: Option<TestRecord>) -> Ended {
        if self.tests.get(&ticket.id).is_none_or(|test| test.ticket != *ticket) {
            return Ended::Late;
        }
        if let Some(test) = self.tests.remove(&ticket.id)
            && let Some(batch) = self.batches.get_mut(&test.batch)
        {
            batch.left -= 1;
            self.found.push(found);
            batch.records.extend(record.map(|record| Edit::RecordTest { id: ticket.id.clone(), record }));
        }
        Ended::Current
    }

    /// What is to be stored now: of batches that are done, and of those that have waited for long.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Vec<Vec<Edit>> {
        let mut due = Vec::new();
        self.batches.retain(|_, batch| {
            let waited = now.duration_since(batch.stored).as_secs() >= UNSTORED;
            if (batch.left == 0 || waited) && !batch.records.is_empty() {
                batch.stored = now;
                due.push(std::mem::take(&mut batch.records));
            }
            batch.left > 0
        });
        due
    }

    /// Whether a credential's rotation is under test.
    pub(super) fn tests_rotation(&self, id: &Id) -> bool {
        self.tests.get(id).is_some_and(|test| test.ticket.subject == Subject::Rotation)
    }

    /// What all the tests found, once the last of them ended: `3 ok, 1 rejected`.
    pub(super) fn summary(&self) -> Option<String> {
        if !self.tests.is_empty() || self.found.len() < 2 {
            return None;
        }
        let parts =
            self.counts().into_iter().map(|(found, count)| format!("{count} {}", theme::outcome(found).1));
        Some(format!("{} tests: {}", self.found.len(), parts.collect::<Vec<_>>().join(", ")))
    }

    fn counts(&self) -> Vec<(Outcome, usize)> {
        let mut found = self.found.clone();
        found.sort_by_key(|outcome| *outcome as usize);
        let same = found.chunk_by(|one, other| one == other);
        same.map(|outcomes| (outcomes[0], outcomes.len())).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.tests.is_empty()
    }

    /// Turns the spinner while something runs.
    pub(super) fn spin(&mut self, shared: &mut Shared) {
        self.frame = (self.frame + 1) % SPINNER.len();
        self.spinning = !self.tests.is_empty();
        if self.spinning {
            shared.effect(Effect::Wake(FRAME, Timer::Spin));
        }
    }

    /// The spinner of a credential under test.
    pub(super) fn spinner(&self, id: &Id) -> Option<&'static str> {
        self.tests.contains_key(id).then_some(SPINNER[self.frame])
    }

    pub(super) fn progress(&self, now: Timestamp) -> Option<Progress> {
        let first = self.tests.values().min_by_key(|test| test.ticket.serial)?;
        let (total, left) = self.batches.values().fold((0, 0), |(t, l), b| (t + b.total, l + b.left));
        let more = self.tests.len() - 1;
        let what = if more > 0 { format!("{} and {more} more", first.key) } else { first.key.clone() };
        let (done, elapsed) = (self.found.len(), now.duration_since(self.since).as_secs());
        let pace = |done: i64| elapsed * i64::try_from(left).unwrap_or(i64::MAX) / done;
        let known = done >= 3 && elapsed >= 2;
        Some(Progress {
            done: total - left,
            total,
            what,
            found: self.counts(),
            left: i64::try_from(done).ok().filter(|_| known).map(pace),
            spinner: SPINNER[self.frame],
        })
    }
}
