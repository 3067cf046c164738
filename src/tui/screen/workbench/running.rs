//! The tests that run: who they are of, and in which batch.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::model::{Content, Document, Edit, Id, Outcome, TestRecord};
use crate::session;
use crate::tui::app::Shared;
use crate::tui::message::{Effect, Subject, Ticket, Timer};
use crate::tui::theme;

/// Time between two frames of the spinner.
const FRAME: Duration = Duration::from_millis(120);

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
}

/// How far the running tests are.
pub(super) struct Progress {
    pub(super) done: usize,
    pub(super) total: usize,
    pub(super) what: String,
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
        self.batches.insert(batch, Batch { total: count, left: count, records: Vec::new() });
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

    /// What the batches that are done want stored.
    pub(super) fn take_finished(&mut self) -> Vec<Vec<Edit>> {
        let done: Vec<u64> =
            self.batches.iter().filter(|(_, batch)| batch.left == 0).map(|(number, _)| *number).collect();
        let batches = done.into_iter().filter_map(|number| self.batches.remove(&number));
        batches.map(|batch| batch.records).filter(|records| !records.is_empty()).collect()
    }

    /// What all the tests found, once the last of them ended: `3 ok, 1 rejected`.
    pub(super) fn summary(&self) -> Option<String> {
        if !self.tests.is_empty() || self.found.len() < 2 {
            return None;
        }
        let mut counts: Vec<(&str, usize)> = Vec::new();
        let mut found = self.found.clone();
        found.sort_by_key(|outcome| *outcome as usize);
        for outcome in &found {
            let (_, word) = theme::outcome(*outcome);
            match counts.iter_mut().find(|(known, _)| *known == word) {
                Some((_, count)) => *count += 1,
                None => counts.push((word, 1)),
            }
        }
        let parts: Vec<String> = counts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        Some(format!("{} tests: {}", self.found.len(), parts.join(", ")))
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

    pub(super) fn progress(&self) -> Option<Progress> {
        let first = self.tests.values().min_by_key(|test| test.ticket.serial)?;
        let (total, left) = self.batches.values().fold((0, 0), |(t, l), b| (t + b.total, l + b.left));
        let more = self.tests.len() - 1;
        let what = if more > 0 { format!("{} and {more} more", first.key) } else { first.key.clone() };
        Some(Progress { done: total - left, total, what, spinner: SPINNER[self.frame] })
    }
}
