//! What a long log costs.

use std::time::Instant;

use super::*;

/// What a session start, a use and a whole check cost with a long log; prints its figures.
#[test]
#[ignore = "takes a while and prints figures: cargo test --lib audit::tests::long -- --ignored --nocapture"]
#[allow(clippy::print_stderr, reason = "figures for whoever asks")]
fn a_long_log_costs_little() {
    let bench = Bench::new();
    let mut log = bench.log();
    // The worst case: nothing goes on in another file.
    log.rotate_at = u64::MAX;
    log.set_vault(1, &"d".repeat(64));
    let lines = 100_000;
    for start in (0..lines).step_by(1_000) {
        let entries: Vec<Entry> = (start..start + 1_000)
            .map(|number| Entry { result: "ok".to_owned(), ..got(&format!("key-{}", number % 5_000)) })
            .map(|entry| Entry { step: Some(Step::Result), ..entry })
            .collect();
        bench.append(&mut log, &entries);
    }
    let size = fs::metadata(bench.path()).unwrap().len();
    let mut times: Vec<_> = (0..20)
        .map(|_| {
            let start = Instant::now();
            let log = bench.open().unwrap();
            (start.elapsed(), log.usage().of(&Id("id-of-key-7".to_owned())).unwrap().count)
        })
        .collect();
    times.sort();
    assert_eq!(times[0].1, 20);
    let mut used = bench.open().unwrap();
    used.rotate_at = u64::MAX;
    let start = Instant::now();
    for _ in 0..50 {
        bench.get(&mut used, "key-7");
    }
    let per_use = start.elapsed() / 50;
    let start = Instant::now();
    bench.verify().unwrap();
    let (median, whole) = (times[10].0, start.elapsed());
    eprintln!("{lines} lines, {size} bytes: start {median:?}, use {per_use:?}, whole check {whole:?}");
    // Control: without what this host noted, every line is read.
    *bench.host.mark.borrow_mut() = None;
    let start = Instant::now();
    bench.open().unwrap();
    assert!(start.elapsed() > median * 5, "reading all of it was not slower: {:?}", start.elapsed());
    assert!(median.as_millis() < 20 || cfg!(debug_assertions), "{median:?}");
}
