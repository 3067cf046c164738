//! Tests in the background: a task for each batch, which sends every result as it comes.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::Mutex;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio_util::sync::CancellationToken;

use crate::http::Trust;
use crate::model::{Content, Outcome};
use crate::probe::pool::{Conditions, Limits, run_all};
use crate::probe::{Plan, Report, Unplannable, plan};
use crate::proxy::Proxy;
use crate::schema::Kinds;
use crate::session::Setup;
use crate::tui::app::Clock;
use crate::tui::message::{Answer, Message, Question, QuestionKind, Reply, Ticket};

/// The running tests.
pub(super) struct Tests {
    limits: Limits,
    timeout: Duration,
    trust: Arc<Trust>,
    clock: Clock,
    /// Whether the proxies may be used: those that a person configured may.
    agreed: Arc<Mutex<bool>>,
    /// The batch that each test runs in, and what cancels it.
    batches: HashMap<u64, (u64, CancellationToken)>,
    last: u64,
    all: CancellationToken,
}

impl Tests {
    pub(super) fn new(setup: &Setup, trust: Trust, clock: Clock) -> Self {
        let config = &setup.config;
        Self {
            agreed: Arc::new(Mutex::new(!setup.network.is_from_environment())),
            limits: Limits { total: config.test.jobs, per_host: config.test.per_host },
            timeout: Duration::from_secs(config.test.timeout_seconds),
            trust: Arc::new(trust),
            clock,
            batches: HashMap::new(),
            last: 0,
            all: CancellationToken::new(),
        }
    }

    /// Runs tests as one batch.
    pub(super) fn run(
        &mut self,
        jobs: Vec<(Ticket, Content)>,
        runtime: &Handle,
        messages: &UnboundedSender<Message>,
    ) {
        self.batches.retain(|_, (_, batch)| !batch.is_cancelled());
        self.last += 1;
        let number = self.last;
        let cancel = self.all.child_token();
        self.batches.extend(jobs.iter().map(|(ticket, _)| (ticket.serial, (number, cancel.clone()))));
        let conditions = Conditions {
            trust: self.trust.clone(),
            timeout: self.timeout,
            cancel: cancel.clone(),
            clock: self.clock.clone(),
        };
        let (limits, messages, agreed) = (self.limits, messages.clone(), self.agreed.clone());
        runtime.spawn(async move {
            let mut tests: Vec<(Ticket, Result<Plan, Unplannable>)> = jobs
                .into_iter()
                .map(|(ticket, content)| {
                    let plan = match Kinds::builtin().get(content.kind()) {
                        Some(kind) => plan(kind, &content),
                        None => Err(Unplannable::NotTestable("its kind is not known")),
                    };
                    (ticket, plan)
                })
                .collect();
            if !agree(&agreed, &tests, &conditions, &messages).await {
                let (through, others) =
                    tests.into_iter().partition(|(_, plan)| proxy(plan, &conditions.trust).is_some());
                tests = others;
                for (ticket, _) in through {
                    let (words, advice) = ("not sent: the proxy may not be used", "");
                    let report = Report::unsent(Outcome::Cancelled, words, advice, (conditions.clock)());
                    let _ = messages.send(Message::Tested(ticket, Box::new(report)));
                }
            }
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

fn proxy<'a>(plan: &Result<Plan, Unplannable>, trust: &'a Trust) -> Option<&'a Proxy> {
    plan.as_ref().ok()?.proxy(trust)
}

/// Whether the proxies of these tests may be used. One that only the environment names is shown before the
/// first use of a sitting; other batches wait for the answer meanwhile.
async fn agree(
    agreed: &Mutex<bool>,
    tests: &[(Ticket, Result<Plan, Unplannable>)],
    conditions: &Conditions,
    messages: &UnboundedSender<Message>,
) -> bool {
    let Some(proxy) = tests.iter().find_map(|(_, plan)| proxy(plan, &conditions.trust)) else { return true };
    let asked = async {
        let mut agreed = agreed.lock().await;
        if *agreed {
            return true;
        }
        let (answer, wait) = sync_channel(1);
        let what = format!(
            "Tests will go through the proxy {proxy}, which {} in the environment names. It sees which hosts are \
             asked. Use it until this workbench ends?",
            conditions.trust.proxies.named_by
        );
        let kind = QuestionKind::Confirm { yes: "Use it".to_owned(), no: Some("No".to_owned()) };
        let question = Question { title: "Proxy", what, kind, answer };
        let _ = messages.send(Message::Vault(Answer::Question(question)));
        // Waits until it is answered, or its dialog closed.
        let reply = tokio::task::spawn_blocking(move || wait.recv()).await;
        *agreed = matches!(reply, Ok(Ok(Reply::Choice(true))));
        *agreed
    };
    tokio::select! {
        () = conditions.cancel.cancelled() => false,
        answer = asked => answer,
    }
}
