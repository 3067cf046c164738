//! Many tests at once, within limits: both front ends use it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::{Plan, Report, Unplannable, run};
use crate::http::Trust;
use crate::model::Outcome;

/// How many tests may be in flight at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// In all.
    pub total: usize,
    /// To one host, whatever the port.
    pub per_host: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { total: 64, per_host: 4 }
    }
}

impl Limits {
    /// A number that a person named: overall and per host.
    pub fn jobs(jobs: usize) -> Self {
        Self { total: jobs.max(1), per_host: jobs.max(1) }
    }
}

/// What all tests of one run share.
#[derive(Clone)]
pub struct Conditions {
    /// Whom they trust, and what they go through.
    pub trust: Arc<Trust>,
    /// The total time for each; waiting for a free slot is not part of it.
    pub timeout: Duration,
    /// Ends them all.
    pub cancel: CancellationToken,
    /// The time that reports carry.
    pub clock: Arc<dyn Fn() -> Timestamp + Send + Sync>,
}

/// The slots that tests wait for. A front end has one pool, so that its limits hold for everything it runs.
#[derive(Debug)]
pub struct Pool {
    total: Semaphore,
    per_host: usize,
    hosts: Mutex<HashMap<String, Arc<Semaphore>>>,
}

impl Pool {
    /// A pool in which nothing runs.
    pub fn new(limits: Limits) -> Arc<Self> {
        let total = Semaphore::new(limits.total);
        Arc::new(Self { total, per_host: limits.per_host, hosts: Mutex::default() })
    }

    /// The slots of a host.
    fn host(&self, host: &str) -> Arc<Semaphore> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let slots = hosts.entry(host.to_owned()).or_insert_with(|| Arc::new(Semaphore::new(self.per_host)));
        slots.clone()
    }

    /// Runs tests and sends each report, with its tag, as it ends; returns when all have ended. Every test
    /// that was given gets exactly one report: cancelled ones too, and one whose task failed.
    pub async fn run_all<T: Clone + Send + 'static>(
        self: &Arc<Self>,
        tests: Vec<(T, Result<Plan, Unplannable>)>,
        conditions: Conditions,
        reports: mpsc::UnboundedSender<(T, Report)>,
    ) {
        let mut tasks = JoinSet::new();
        let mut tags = HashMap::new();
        for (tag, plan) in tests {
            let plan = match plan {
                Ok(plan) => plan,
                Err(unplannable) => {
                    // The receiver is gone where nobody waits for reports any more.
                    let _ = reports.send((tag, unplannable.report((conditions.clock)())));
                    continue;
                }
            };
            let (pool, conditions) = (self.clone(), conditions.clone());
            let task = tasks.spawn(async move { pool.one(&plan, &conditions).await });
            tags.insert(task.id(), tag);
        }
        while let Some(ended) = tasks.join_next_with_id().await {
            let (id, report) = match ended {
                Ok((id, report)) => (id, report),
                Err(error) => (error.id(), Report::broken((conditions.clock)())),
            };
            if let Some(tag) = tags.remove(&id) {
                let _ = reports.send((tag, report));
            }
        }
    }

    async fn one(&self, plan: &Plan, conditions: &Conditions) -> Report {
        let host = self.host(plan.host());
        // The host's slot first: a test that waits for its host must not hold one of the few slots in all.
        let slots = async { (host.acquire().await, self.total.acquire().await) };
        let slots = tokio::select! {
            biased;
            () = conditions.cancel.cancelled() => None,
            slots = slots => Some(slots),
        };
        if slots.is_none() {
            return Report::unsent(Outcome::Cancelled, "cancelled before it began", "", (conditions.clock)());
        }
        run(plan, &conditions.trust, conditions.timeout, &conditions.cancel, || (conditions.clock)()).await
    }
}
