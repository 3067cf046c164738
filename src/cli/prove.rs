//! Tests on behalf of commands: a runtime for as long as they take, Ctrl-C to cancel, and the dry test before
//! a save.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::{Context, Opened};
use crate::config::TestOptions;
use crate::http::Trust;
use crate::model::{Content, Document, Outcome, TestRecord};
use crate::probe::pool::{Conditions, Limits, Pool};
use crate::probe::{self, Plan, Report, Unplannable, awaits_login};
use crate::problem::{Exit, Problem};
use crate::proxy::Proxy;
use crate::schema::Kinds;
use crate::session::{self, Change, Setup};

/// The plan of a credential's test.
pub(crate) fn plan_of(kinds: &Kinds, document: &Document, content: &Content) -> Result<Plan, Unplannable> {
    probe::plan_of(kinds, content, &session::surroundings(document, content))
}

/// The limits that the options ask for.
pub(crate) fn limits(options: &TestOptions) -> Limits {
    Limits { total: options.jobs, per_host: options.per_host }
}

/// Whom these tests trust, and what they go through; a proxy of the environment is told before it is used.
///
/// # Errors
/// Exit 7 for authorities or a proxy that cannot be used.
pub(crate) fn trust<T>(
    context: &Context,
    setup: &Setup,
    tests: &[(T, Result<Plan, Unplannable>)],
) -> Result<Trust, Problem> {
    let trust = setup.network.trust()?;
    let mut told: Vec<&Proxy> = Vec::new();
    for proxy in tests.iter().filter_map(|(_, plan)| plan.as_ref().ok()?.proxy(&trust)) {
        if setup.network.is_from_environment() && !told.contains(&proxy) {
            context.output.note(&format!("Tests go through the proxy {proxy} ({}).", trust.proxies.named_by));
            told.push(proxy);
        }
    }
    Ok(trust)
}

/// Runs tests and hands each report over as it ends. Ctrl-C cancels those that have not ended.
///
/// # Errors
/// Where the system gives no threads.
pub(crate) fn run<T: Clone + Send + 'static>(
    tests: Vec<(T, Result<Plan, Unplannable>)>,
    limits: Limits,
    timeout: Duration,
    trust: Trust,
    mut each: impl FnMut(T, Report),
) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Exit::Failed, "io", format!("tests cannot be run: {error}")))?;
    let cancel = CancellationToken::new();
    let conditions = Conditions {
        trust: Arc::new(trust),
        timeout,
        cancel: cancel.clone(),
        clock: Arc::new(Timestamp::now),
    };
    let (reports, mut ended) = unbounded_channel();
    runtime.block_on(async {
        let pool = Pool::new(limits);
        let mut all = std::pin::pin!(pool.run_all(tests, conditions, reports));
        let mut running = true;
        loop {
            tokio::select! {
                biased;
                // Reports first: what has ended is told before the rest is cancelled.
                report = ended.recv() => match report {
                    Some((tag, report)) => each(tag, report),
                    None => break,
                },
                () = &mut all, if running => running = false,
                _ = tokio::signal::ctrl_c(), if !cancel.is_cancelled() => cancel.cancel(),
            }
        }
    });
    // A look-up that hangs in the system has nobody waiting for it any more.
    runtime.shutdown_background();
    Ok(())
}

/// Tests what is about to be saved: one record for each change, where something was learnt. A change that
/// changes nothing is not tested, nor is a credential that lacks a secret or waits for its first login. Of many at
/// once, those whose test may cost or lock an account are left out, which is told.
///
/// # Errors
/// Exit 1 where a test does not pass: nothing is to be saved then.
pub(crate) fn before_saving(
    context: &Context,
    setup: &Setup,
    opened: &Opened,
    changes: &[Change],
    no_test: bool,
) -> Result<Vec<Option<TestRecord>>, Problem> {
    let (kinds, document) = (&opened.kinds, &opened.document);
    let mut records: Vec<Option<TestRecord>> = vec![None; changes.len()];
    if no_test {
        return Ok(records);
    }
    let mut left: Vec<String> = Vec::new();
    let tests: Vec<_> = changes
        .iter()
        .enumerate()
        .filter(|(_, change)| change.differs && kinds.is_complete(&change.content))
        .filter(|(_, change)| {
            !awaits_login(&change.content, &session::surroundings(document, &change.content))
        })
        .map(|(index, change)| (index, plan_of(kinds, document, &change.content)))
        .filter(|(_, plan)| !matches!(plan, Err(Unplannable::NotTestable(_))))
        .filter(|(index, _)| {
            let content = &changes[*index].content;
            let why = session::caution(kinds, content).filter(|_| changes.len() > 1);
            left.extend(why.map(|why| format!("{} ({why})", content.key())));
            why.is_none()
        })
        .collect();
    if !left.is_empty() {
        let text = format!("Not tested: {}; `credbench test KEY` tests one.", left.join(", "));
        // A program has to know, too, that nothing vouches for them.
        match context.output.is_json() {
            true => context.output.warning(&text),
            false => context.output.note(&text),
        }
    }
    if tests.is_empty() {
        return Ok(records);
    }
    let options = &setup.config.test;
    let mut failed: Vec<(usize, String)> = Vec::new();
    let trust = trust(context, setup, &tests)?;
    run(tests, limits(options), Duration::from_secs(options.timeout_seconds), trust, |index, report| {
        let change = &changes[index];
        if report.outcome.passes() {
            records[index] = Some(report.record(change.version()));
            return;
        }
        let mut sentence = format!("{}: {}: {}", change.content.key(), report.outcome.word(), report.message);
        if !report.advice.is_empty() {
            sentence.push_str(&format!(" — {}", report.advice));
        }
        failed.push((index, sentence));
    })?;
    if failed.is_empty() {
        return Ok(records);
    }
    failed.sort();
    let mut causes: Vec<String> = failed.into_iter().map(|(_, sentence)| sentence).collect();
    let message = match causes.len() {
        1 => causes.remove(0),
        count => format!("{count} tests did not pass"),
    };
    Err(Problem::new(Exit::Failed, "test_failed", message)
        .causes(causes)
        .hint("nothing was saved; --no-test saves without testing"))
}

/// Waits until a service may know what it made.
///
/// # Errors
/// Ctrl-C; where the system gives no threads.
pub(crate) fn pause(time: Duration) -> Result<(), Problem> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Exit::Failed, "io", format!("nothing can be waited for: {error}")))?;
    match runtime.block_on(async { tokio::time::timeout(time, tokio::signal::ctrl_c()).await }) {
        Ok(_) => Err(super::prompt::cancelled()),
        Err(_) => Ok(()),
    }
}

/// Whether a report belongs into a credential's history: it says something about the credential.
pub(crate) fn is_worth_keeping(outcome: Outcome) -> bool {
    !matches!(outcome, Outcome::NotTestable | Outcome::Incomplete | Outcome::Cancelled)
}
