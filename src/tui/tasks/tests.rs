//! Tests in the background: a task for each, which sends its result.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::OnceCell;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use super::consent::Consent;
use crate::http::Trust;
use crate::model::{Content, Outcome};
use crate::probe::pool::{Conditions, Limits, Pool};
use crate::probe::{self, Plan, Report, Surroundings, Unplannable};
use crate::schema::Kinds;
use crate::session::Setup;
use crate::tui::app::Clock;
use crate::tui::message::{Message, Ticket};

/// The running tests.
pub(super) struct Tests {
    pool: Arc<Pool>,
    timeout: Duration,
    trust: Arc<Trust>,
    clock: Clock,
    consent: Arc<Consent>,
    /// What cancels each.
    running: HashMap<u64, CancellationToken>,
    all: CancellationToken,
}

impl Tests {
    pub(super) fn new(setup: &Setup, trust: Arc<Trust>, consent: Arc<Consent>, clock: Clock) -> Self {
        let config = &setup.config;
        Self {
            consent,
            pool: Pool::new(Limits { total: config.test.jobs, per_host: config.test.per_host }),
            timeout: Duration::from_secs(config.test.timeout_seconds),
            trust,
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
        // One answer counts for all tests that were started together.
        let batch = Arc::new(OnceCell::new());
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
            let (consent, batch) = (self.consent.clone(), batch.clone());
            let (of, screen, clock) = (ticket.clone(), messages.clone(), self.clock.clone());
            let test = runtime.spawn(async move {
                let plan = probe::plan_of(&kinds, &content, &around);
                // What is tested is in the plan; the rest need not wait in memory.
                drop((content, around));
                let (report, mut result) = unbounded_channel();
                if may_be_sent(&plan, &consent, &batch, &conditions, &messages).await {
                    pool.run_all(vec![(ticket, plan)], conditions, report).await;
                } else {
                    let (words, at) = ("not sent: the proxy may not be used", (conditions.clock)());
                    let _ = report.send((ticket, Report::unsent(Outcome::Cancelled, words, "", at)));
                    drop(report);
                }
                while let Some((ticket, report)) = result.recv().await {
                    // A screen that is gone needs no result.
                    let _ = messages.send(Message::Tested(ticket, Box::new(report)));
                }
                // Marks the test as done.
                cancel.cancel();
            });
            runtime.spawn(async move {
                // A bug is one failed test, not one that runs for ever.
                if test.await.is_err() {
                    let _ = screen.send(Message::Tested(of, Box::new(Report::broken(clock()))));
                }
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

/// Whether a test may go the way that it takes: a proxy that only the environment names is shown before the first
/// use of a sitting, once for all tests of a batch; other batches wait for the answer meanwhile.
async fn may_be_sent(
    plan: &Result<Plan, Unplannable>,
    consent: &Consent,
    batch: &OnceCell<bool>,
    conditions: &Conditions,
    messages: &UnboundedSender<Message>,
) -> bool {
    let Some(proxy) = plan.as_ref().ok().and_then(|plan| plan.proxy(&conditions.trust)) else { return true };
    let named_by = &conditions.trust.proxies.named_by;
    tokio::select! {
        () = conditions.cancel.cancelled() => false,
        answer = batch.get_or_init(|| consent.is_given(proxy, named_by, messages)) => *answer,
    }
}
