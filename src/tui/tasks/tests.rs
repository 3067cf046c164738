//! Tests in the background: a task for each, which sends its result.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::config::Config;
use crate::http::Trust;
use crate::model::Content;
use crate::probe::pool::{Conditions, Limits, Pool};
use crate::probe::{self, Surroundings};
use crate::schema::Kinds;
use crate::tui::app::Clock;
use crate::tui::message::{Message, Ticket};

/// The running tests.
pub(super) struct Tests {
    pool: Arc<Pool>,
    timeout: Duration,
    trust: Arc<Trust>,
    clock: Clock,
    /// What cancels each.
    running: HashMap<u64, CancellationToken>,
    all: CancellationToken,
}

impl Tests {
    pub(super) fn new(config: &Config, clock: Clock) -> Self {
        Self {
            pool: Pool::new(Limits { total: config.test.jobs, per_host: config.test.per_host }),
            timeout: Duration::from_secs(config.test.timeout_seconds),
            trust: Arc::new(Trust::default()),
            clock,
            running: HashMap::new(),
            all: CancellationToken::new(),
        }
    }

    /// Runs tests, each in a task of its own: one that is cancelled gives its slot free at once.
    pub(super) fn run(
        &mut self,
        kinds: &Arc<Kinds>,
        jobs: Vec<(Ticket, Content, Surroundings)>,
        runtime: &Handle,
        messages: &UnboundedSender<Message>,
    ) {
        self.running.retain(|_, test| !test.is_cancelled());
        for (ticket, content, around) in jobs {
            let cancel = self.all.child_token();
            self.running.insert(ticket.serial, cancel.clone());
            let conditions = Conditions {
                trust: self.trust.clone(),
                timeout: self.timeout,
                cancel: cancel.clone(),
                clock: self.clock.clone(),
            };
            let (pool, messages, kinds) = (self.pool.clone(), messages.clone(), kinds.clone());
            runtime.spawn(async move {
                let plan = probe::plan_of(&kinds, &content, &around);
                // What is tested is in the plan; the rest need not wait in memory.
                drop((content, around));
                let (report, mut result) = unbounded_channel();
                pool.run_all(vec![(ticket, plan)], conditions, report).await;
                while let Some((ticket, report)) = result.recv().await {
                    // A screen that is gone needs no result.
                    let _ = messages.send(Message::Tested(ticket, Box::new(report)));
                }
                // Marks the test as done.
                cancel.cancel();
            });
        }
    }

    /// Cancels a test.
    pub(super) fn cancel(&mut self, serial: u64) {
        if let Some(test) = self.running.remove(&serial) {
            test.cancel();
        }
    }

    pub(super) fn cancel_all(&mut self) {
        self.all.cancel();
    }
}
