//! Tests in the background: a task for each batch, which sends every result as it comes.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::http::Trust;
use crate::model::Content;
use crate::probe::pool::{Conditions, Limits, run_all};
use crate::probe::{Surroundings, Unplannable, plan_in};
use crate::schema::Kinds;
use crate::tui::app::Clock;
use crate::tui::message::{Message, Ticket};

/// The running tests.
pub(super) struct Tests {
    limits: Limits,
    timeout: Duration,
    trust: Arc<Trust>,
    clock: Clock,
    /// The batch that each test runs in, and what cancels it.
    batches: HashMap<u64, (u64, CancellationToken)>,
    last: u64,
    all: CancellationToken,
}

impl Tests {
    pub(super) fn new(config: &Config, clock: Clock) -> Self {
        Self {
            limits: Limits { total: config.test.jobs, per_host: config.test.per_host },
            timeout: Duration::from_secs(config.test.timeout_seconds),
            trust: Arc::new(Trust::default()),
            clock,
            batches: HashMap::new(),
            last: 0,
            all: CancellationToken::new(),
        }
    }

    /// Runs tests as one batch.
    pub(super) fn run(
        &mut self,
        kinds: &Arc<Kinds>,
        jobs: Vec<(Ticket, Content, Surroundings)>,
        runtime: &Handle,
        messages: &UnboundedSender<Message>,
    ) {
        self.batches.retain(|_, (_, batch)| !batch.is_cancelled());
        self.last += 1;
        let number = self.last;
        let cancel = self.all.child_token();
        self.batches.extend(jobs.iter().map(|(ticket, ..)| (ticket.serial, (number, cancel.clone()))));
        let conditions = Conditions {
            trust: self.trust.clone(),
            timeout: self.timeout,
            cancel: cancel.clone(),
            clock: self.clock.clone(),
        };
        let (limits, messages, kinds) = (self.limits, messages.clone(), kinds.clone());
        runtime.spawn(async move {
            let tests = jobs
                .into_iter()
                .map(|(ticket, content, around)| {
                    let plan = match kinds.of_content(&content) {
                        Some(kind) => plan_in(&kind, &content, &around),
                        None => Err(Unplannable::NotTestable("its kind is not known".into())),
                    };
                    (ticket, plan)
                })
                .collect();
            let (reports, mut results) = unbounded_channel();
            let forward = async {
                while let Some((ticket, report)) = results.recv().await {
                    // A screen that is gone needs no result.
                    let _ = messages.send(Message::Tested(ticket, Box::new(report)));
                }
            };
            tokio::join!(run_all(tests, limits, conditions, reports), forward);
            // Marks the batch as done.
            cancel.cancel();
        });
    }

    /// Cancels a test. One of a batch goes on until the whole batch is cancelled; nobody waits for it.
    pub(super) fn cancel(&mut self, serial: u64) {
        if let Some((number, batch)) = self.batches.remove(&serial)
            && !self.batches.values().any(|(other, _)| *other == number)
        {
            batch.cancel();
        }
    }

    pub(super) fn cancel_all(&mut self) {
        self.all.cancel();
    }
}
