//! Lines that were removed, moved, changed or forged, and a log that is another one than this host knows.

use proptest::prelude::*;

use super::*;

#[test]
fn a_line_taken_away_shows() {
    for (index, expected) in
        [(0, Fault::Number { found: 2 }), (5, Fault::Number { found: 7 }), (12, Fault::Cut { known: 13 })]
    {
        let bench = Bench::with_lines();
        let mut lines = bench.lines();
        lines.remove(index);
        bench.write_lines(&lines);
        assert_eq!(bench.fault(), (index as u64 + 1, expected), "line {index}");
    }
}

#[test]
fn lines_moved_doubled_or_changed_show() {
    type Change = fn(&mut Vec<String>);
    let changes: [(&str, Change, u64); 4] = [
        ("moved", |lines| lines.swap(3, 4), 4),
        ("doubled", |lines| lines.insert(4, lines[3].clone()), 5),
        ("doubled at the end", |lines| lines.push(lines[12].clone()), 14),
        ("changed", |lines| lines[6] = lines[6].replace("\"got\"", "\"pot\""), 7),
    ];
    for (what, change, line) in changes {
        let bench = Bench::with_lines();
        let mut lines = bench.lines();
        change(&mut lines);
        bench.write_lines(&lines);
        assert_eq!(bench.fault().0, line, "{what}");
    }
    // Control: written again without a change, nothing is wrong.
    let bench = Bench::with_lines();
    bench.write_lines(&bench.lines());
    bench.verify().unwrap();
    bench.open().unwrap();
}

#[test]
fn who_recomputes_every_hash_but_has_no_key_is_found_out() {
    // A line fewer, a line changed, and a line more, each with a chain that fits.
    let changes: [fn(&mut Vec<String>); 3] = [
        |lines| drop(lines.remove(4)),
        |lines| lines[5] = lines[5].replace("intent", "result"),
        |lines| lines.insert(4, lines[4].clone()),
    ];
    for (number, change) in changes.iter().enumerate() {
        let bench = Bench::with_lines();
        let mut lines = bench.lines();
        change(&mut lines);
        bench.write_lines(&relinked(&lines));
        assert!(matches!(bench.fault().1, Fault::Code), "change {number}");
    }
    // One who takes the codes away has lines that nobody vouches for, where this host knows others.
    let bench = Bench::with_lines();
    let bare: Vec<String> = bench
        .lines()
        .iter()
        .map(|line| {
            let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
            value.as_object_mut().unwrap().remove("mac");
            value.to_string()
        })
        .collect();
    bench.write_lines(&relinked(&bare));
    assert!(matches!(bench.fault().1, Fault::Foreign | Fault::Other));
    // Another log with another key, as long as this one.
    let other = Bench::with_lines();
    bench.write(other.text());
    assert_eq!(bench.fault(), (1, Fault::Code));
}

#[test]
fn an_older_log_in_the_place_of_the_newer_shows() {
    let bench = Bench::with_lines();
    let older = bench.text();
    let mut log = bench.open().unwrap();
    bench.get(&mut log, "later");
    bench.write(&older);
    assert_eq!(bench.fault(), (14, Fault::Cut { known: 15 }));
    // A host without a memory knows what the vault says.
    let heads = vec![log.head().unwrap()];
    *bench.host.mark.borrow_mut() = None;
    let bench = Bench { host: Host { heads, ..Host::default() }, ..bench };
    assert_eq!(bench.fault(), (14, Fault::Cut { known: 15 }));
    // Control: who knows nothing cannot tell.
    let bench = Bench { host: Host::default(), ..bench };
    assert_eq!(bench.verify().unwrap().lines, 13);
}

#[test]
fn a_log_that_is_gone_shows() {
    let bench = Bench::with_lines();
    fs::remove_file(bench.path()).unwrap();
    assert_eq!(bench.fault(), (0, Fault::Missing { known: 13 }));
    bench.write("");
    assert_eq!(bench.fault(), (1, Fault::Cut { known: 13 }));
    // Appending does not begin another one unseen.
    assert!(matches!(
        bench.log().append(&[Entry::new(What::Opened)], now(), &bench.host),
        Err(Error::Broken(_))
    ));
}

#[test]
fn another_log_that_was_written_with_the_same_key_shows() {
    let bench = Bench::with_lines();
    let name = bench.open().unwrap().head().unwrap().log;
    assert!(name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit()), "{name}");
    let other = Bench { key: bench.key.clone(), ..Bench::with_lines() };
    other.host.mark.borrow_mut().take();
    fs::remove_file(other.path()).unwrap();
    for _ in 0..20 {
        other.get(&mut other.open().unwrap(), "one");
    }
    bench.write(other.text());
    assert_eq!(bench.fault(), (0, Fault::Foreign));
}

#[test]
fn without_a_key_nothing_is_read() {
    let bench = Bench::with_lines();
    let mut log = Log::new(bench.folder(), None, Who::default());
    fs::remove_file(bench.path()).unwrap();
    log.refresh(&bench.host).unwrap();
    assert!(bench.log().refresh(&bench.host).is_err(), "the control");
    // An empty file has no newest line.
    bench.host.mark.borrow_mut().take();
    bench.write("");
    assert_eq!(bench.open().unwrap().head(), None);
}

#[test]
fn cut_at_every_byte_it_shows() {
    let bench = Bench::with_lines();
    let whole = bench.text().into_bytes();
    // At every byte of the last lines, and here and there before them.
    let last = whole.len() - 2_000;
    for length in (0..last).step_by(31).chain(last..whole.len()) {
        bench.write(&whole[..length]);
        let broken = bench.verify().expect_err("a cut log");
        // Where not even the first line is there, it is not known to be the same log.
        assert!(broken.line > 0 || broken.fault == Fault::Foreign, "{length}: {broken}");
        assert!(bench.open().is_err(), "{length}");
    }
    bench.write(&whole);
    bench.verify().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, ..ProptestConfig::default() })]

    /// Whatever is done to the bytes up to the line that this host knows, it shows.
    #[test]
    fn no_change_before_the_known_line_is_accepted(at in 0.0..1.0f64, flip in 1u8..=255) {
        thread_local!(static BENCH: Bench = Bench::with_lines());
        BENCH.with(|bench| {
            let whole = bench.text();
            let mut bytes = whole.clone().into_bytes();
            let index = (at * bytes.len() as f64) as usize;
            bytes[index] ^= flip;
            bench.write(&bytes);
            let (verified, opened) = (bench.verify(), bench.open());
            bench.write(&whole);
            prop_assert!(verified.is_err() && opened.is_err(), "byte {index} ^ {flip}: {verified:?}");
            Ok(())
        })?;
    }

    /// Reading never fails on anything but an error.
    #[test]
    fn any_bytes_are_judged(bytes in proptest::collection::vec(any::<u8>(), 0..600), keep in any::<bool>()) {
        thread_local!(static BENCH: Bench = Bench::with_lines());
        BENCH.with(|bench| {
            let whole = bench.text().into_bytes();
            let start = if keep { whole.clone() } else { Vec::new() };
            bench.write([start, bytes.clone()].concat());
            let verified = bench.verify();
            bench.write(&whole);
            // What is added behind everything that is known is at most rubbish.
            prop_assert!(verified.is_ok() == keep || (!keep && bytes.is_empty()), "{verified:?}");
            Ok(())
        })?;
    }
}
