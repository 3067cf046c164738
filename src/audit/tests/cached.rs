//! Uses that were written without a key, as those of the cache are: counted by the next line that has one, and worth
//! no more than anybody's word.

use super::*;

fn use_from_cache(bench: &Bench, key: &str, result: &str, at: Timestamp) {
    let mut log = Log::new(bench.folder(), None, Who::default());
    let entry = Entry::about_id(What::Got, &Id(format!("id-of-{key}")), 1).with_fact(CACHED, 7);
    let begun = log.begin(vec![entry], at, &Nobody).unwrap();
    log.end(begun, result, Vec::new(), at, &Nobody).unwrap();
}

fn used(log: &Log, key: &str) -> Option<Used> {
    log.usage().of(&Id(format!("id-of-{key}")))
}

#[test]
fn a_use_is_counted_by_the_next_line_with_a_code() {
    let bench = Bench::with_lines();
    let later = now() + SignedDuration::from_mins(5);
    use_from_cache(&bench, "key-1", "ok", later);
    use_from_cache(&bench, "new", "ok", later);
    use_from_cache(&bench, "failed", "output", later);
    let mut log = bench.open().unwrap();
    assert_eq!(used(&log, "key-1").unwrap().count, 1, "the control: that with a code");
    let much_later = later + SignedDuration::from_mins(5);
    log.append(&[Entry::new(What::Opened)], much_later, &bench.host).unwrap();
    let counted = |log: &Log| {
        let one = used(log, "key-1").unwrap();
        assert_eq!((one.count, one.last), (2, later));
        assert_eq!(used(log, "new").unwrap().count, 1);
        assert_eq!(used(log, "failed"), None);
        assert_eq!(log.since().refused, 0);
    };
    counted(&log);
    // So does who reads it.
    counted(&bench.open().unwrap());
    assert_eq!(bench.verify().unwrap().unkeyed, 0);
    let records = records(bench.folder(), &bench.keys(), &bench.host).unwrap();
    let cached: Vec<_> = records.iter().filter(|record| record.facts.contains_key(CACHED)).collect();
    assert_eq!(cached.len(), 3, "the two lines of one are one record");
    assert!(cached.iter().all(|record| !record.keyed && record.words() == "got, cached"));
    assert_eq!(cached[2].result, "output");
}

#[test]
fn a_forged_use_adds_one_and_nothing_else() {
    let bench = Bench::with_lines();
    let mut log = bench.open().unwrap();
    let begun = log.begin(vec![got("key-2")], now(), &bench.host).unwrap();
    // Of the far future, and the end of what only who has the key can end.
    use_from_cache(&bench, "key-1", "ok", "2999-01-01T00:00:00Z".parse().unwrap());
    let mut lines = bench.lines();
    let number = lines.len() - 2;
    let forged = lines[number + 1].replace(&format!("\"of\":{}", number + 1), &format!("\"of\":{number}"));
    assert_ne!(forged, lines[number + 1]);
    lines[number + 1] = forged.replace("id-of-key-1", "id-of-key-2");
    bench.write_lines(&lines);
    let records = || records(bench.folder(), &bench.keys(), &bench.host).unwrap();
    let intent =
        |records: &[Record]| records.iter().find(|record| record.line == number as u64).unwrap().clone();
    assert_eq!(intent(&records()).result, "unfinished");
    log.end(begun, "ok", Vec::new(), now(), &bench.host).unwrap();
    let ended = intent(&records());
    assert_eq!((ended.result.as_str(), ended.keyed), ("ok", true), "the control");
    let two = used(&log, "key-2").unwrap();
    assert_eq!((two.count, two.last), (3, now()), "no later than the line that counts it");
    bench.verify().unwrap();
}
