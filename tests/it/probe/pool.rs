//! Many tests at once: limits that hold exactly, one report for each.

use std::sync::atomic::{AtomicUsize, Ordering};

use credbench::model::Outcome;
use tokio::sync::Barrier;

use super::*;
use crate::support::server::{Act, Dead, Log, Server, json as answer};

/// Answers once all requests are there that the barrier waits for, and a little later: time for one too many
/// to be seen. A correct pool passes whatever the time.
fn together(barrier: &Arc<Barrier>) -> Act {
    let done = Act::After(Duration::from_millis(100), Box::new(answer(200, "{}")));
    Act::Together(barrier.clone(), Box::new(done))
}

/// A server that answers only when `count` requests wait for it at once: where fewer are let through, the
/// tests run into their deadline; where more are, the peak shows it.
fn needs(count: usize) -> Server {
    let barrier = Arc::new(Barrier::new(count));
    Server::start(move |_| together(&barrier))
}

fn on(server: &Server, count: usize) -> Vec<Value> {
    (0..count).map(|_| credential("header", &server.url(), SECRET)).collect()
}

fn are(reports: &[(usize, Report)], outcome: Outcome) -> usize {
    reports.iter().filter(|(_, report)| report.outcome == outcome).count()
}

#[tokio::test]
async fn four_to_one_host() {
    let server = needs(4);
    let reports = all(on(&server, 12), Limits::default(), &CancellationToken::new()).await;
    assert_eq!((are(&reports, Outcome::Ok), server.peak()), (12, 4));
}

#[tokio::test]
async fn jobs_is_the_limit_for_a_host_and_for_all() {
    for jobs in [1, 3, 7] {
        let server = needs(jobs);
        let reports = all(on(&server, jobs * 3), Limits::jobs(jobs), &CancellationToken::new()).await;
        assert_eq!((are(&reports, Outcome::Ok), server.peak()), (jobs * 3, jobs));
        let log = Arc::new(Log::default());
        let servers: Vec<Server> =
            (1..5).map(|host| Server::counted(&log, host, |_| answer(200, "{}"))).collect();
        let documents = servers.iter().flat_map(|server| on(server, 6)).collect();
        let reports = all(documents, Limits::jobs(jobs), &CancellationToken::new()).await;
        assert_eq!(are(&reports, Outcome::Ok), 24);
        assert!(log.peak() <= jobs, "{} of {jobs}", log.peak());
    }
    assert_eq!(Limits::jobs(0), Limits::jobs(1));
}

#[tokio::test]
async fn sixty_four_in_all() {
    let log = Arc::new(Log::default());
    let (barrier, waited) = (Arc::new(Barrier::new(64)), Arc::new(AtomicUsize::new(0)));
    let servers: Vec<Server> = (1..25)
        .map(|host| {
            let (barrier, waited) = (barrier.clone(), waited.clone());
            Server::counted(&log, host, move |_| {
                // The first 64 wait for each other.
                let first = waited.fetch_add(1, Ordering::SeqCst) < 64;
                if first { together(&barrier) } else { answer(200, "{}") }
            })
        })
        .collect();
    let documents = servers.iter().flat_map(|server| on(server, 8)).collect();
    let reports = all(documents, Limits::default(), &CancellationToken::new()).await;
    assert_eq!((are(&reports, Outcome::Ok), log.peak()), (192, 64));
    assert!(servers.iter().all(|server| server.peak() <= 4));
}

#[tokio::test]
async fn a_silent_host_does_not_hold_up_the_others() {
    // Its four slots are taken until the end; eight more of its tests wait, but hold none of the 64.
    let silent = Server::start_at("127.0.0.2", |_| Act::Hang);
    let good = needs(4);
    let cancel = CancellationToken::new();
    let mut documents = on(&silent, 100);
    documents.extend(on(&good, 40));
    let plans = documents.into_iter().map(planned).enumerate().collect();
    let (sender, mut receiver) = tokio::sync::mpsc::unbounded_channel::<(usize, Report)>();
    let pool = Pool::new(Limits::default());
    let (ended, ()) = tokio::join!(
        async {
            let mut good = 0;
            while good < 40 {
                let (tag, report) = receiver.recv().await.unwrap();
                assert!(tag >= 100 && report.outcome == Outcome::Ok, "{tag}: {report:?}");
                good += 1;
            }
            cancel.cancel();
            let mut silent = 0;
            while let Some((tag, report)) = receiver.recv().await {
                assert!(tag < 100 && report.outcome == Outcome::Cancelled, "{tag}: {report:?}");
                silent += 1;
            }
            silent
        },
        pool.run_all(plans, conditions(&cancel), sender)
    );
    assert_eq!((ended, silent.requests().len(), silent.peak()), (100, 4, 4));
}

#[tokio::test]
async fn good_bad_and_dead_hosts_in_one_run() {
    let good = Server::start(|seen| match seen.header("x-api-key") {
        SECRET => answer(200, "{}"),
        _ => answer(401, "{}"),
    });
    let dead = Dead::port();
    let mut documents = Vec::new();
    for _ in 0..5 {
        documents.push(credential("header", &good.url(), SECRET));
        documents.push(credential("header", &good.url(), "wrong"));
        documents.push(credential("header", &dead.url(), SECRET));
        let mut untestable = credential("header", &good.url(), SECRET);
        untestable.as_object_mut().unwrap().shift_remove("test");
        documents.push(untestable);
        let mut incomplete = credential("header", &good.url(), SECRET);
        incomplete["config"].as_object_mut().unwrap().shift_remove("api_key");
        documents.push(incomplete);
    }
    let reports = all(documents, Limits::default(), &CancellationToken::new()).await;
    let outcomes: Vec<Outcome> = reports.iter().map(|(_, report)| report.outcome).collect();
    use Outcome::{Incomplete, NotTestable, Ok, Rejected, Unreachable};
    assert_eq!(outcomes, [Ok, Rejected, Unreachable, NotTestable, Incomplete].repeat(5));
    let tags: Vec<usize> = reports.iter().map(|(tag, _)| *tag).collect();
    assert_eq!(tags, (0..25).collect::<Vec<_>>());
}

#[tokio::test]
async fn cancel_gives_each_test_its_report() {
    let asked = Arc::new(Barrier::new(5));
    let reached = asked.clone();
    let server = Server::start(move |_| Act::Together(reached.clone(), Box::new(Act::Hang)));
    let cancel = CancellationToken::new();
    let (reports, ()) = tokio::join!(all(on(&server, 9), Limits::default(), &cancel), async {
        asked.wait().await;
        cancel.cancel();
    });
    assert_eq!((reports.len(), are(&reports, Outcome::Cancelled)), (9, 9));
    let waiting = reports.iter().filter(|(_, report)| report.message == "cancelled before it began");
    assert_eq!((waiting.count(), server.requests().len()), (5, 4));
}

#[tokio::test]
async fn a_test_that_breaks_is_reported_and_the_others_go_on() {
    let server = Server::start(|_| answer(200, "{}"));
    let asked = AtomicUsize::new(0);
    let clock = move || {
        assert!(asked.fetch_add(1, Ordering::SeqCst) != 1, "the clock breaks at its second use");
        now()
    };
    let conditions = Conditions { clock: Arc::new(clock), ..conditions(&CancellationToken::new()) };
    let plans = on(&server, 6).into_iter().map(planned).enumerate().collect();
    let reports = all_with(plans, Limits::default(), conditions).await;
    assert_eq!((are(&reports, Outcome::Ok), are(&reports, Outcome::Unexpected)), (5, 1));
    let broken = reports.iter().find(|(_, report)| report.outcome == Outcome::Unexpected).unwrap();
    assert_eq!(broken.1.message, "the test itself failed");
}

#[tokio::test]
async fn when_nobody_listens_any_more_the_run_still_ends() {
    let server = Server::start(|_| answer(200, "{}"));
    let plans: Vec<_> = on(&server, 6).into_iter().map(planned).enumerate().collect();
    let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
    drop(receiver);
    let pool = Pool::new(Limits::default());
    pool.run_all(plans, conditions(&CancellationToken::new()), sender).await;
    assert_eq!(server.requests().len(), 6);
}

#[tokio::test]
async fn the_limits_hold_across_batches_that_were_started_apart() {
    let log = Arc::new(Log::default());
    let barrier = Arc::new(Barrier::new(4));
    let waited = Arc::new(AtomicUsize::new(0));
    let server = Server::counted(&log, 1, move |_| {
        // The first four wait for each other: there can be four, and there are never more.
        let first = waited.fetch_add(1, Ordering::SeqCst) < 4;
        if first { together(&barrier) } else { answer(200, "{}") }
    });
    let pool = Pool::new(Limits::default());
    let batch = || {
        let plans: Vec<_> = on(&server, 6).into_iter().map(planned).enumerate().collect();
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel::<(usize, Report)>();
        let (pool, conditions) = (pool.clone(), conditions(&CancellationToken::new()));
        (async move { pool.run_all(plans, conditions, sender).await }, receiver)
    };
    let ((first, _one), (second, _two), (third, _three)) = (batch(), batch(), batch());
    tokio::join!(first, second, third);
    assert_eq!((server.requests().len(), server.peak()), (18, 4));
}
