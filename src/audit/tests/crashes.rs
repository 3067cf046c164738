//! What a crash or a power cut left, and lines that nobody vouches for yet.

use super::*;

#[test]
fn a_record_that_a_crash_cut_short_becomes_a_recorded_gap() {
    let bench = Bench::with_lines();
    let whole = bench.text();
    let mark = bench.host.mark();
    let mut log = bench.open().unwrap();
    bench.get(&mut log, "lost");
    let longer = bench.text();
    // The power went before the host could note anything, at every byte of what was being written.
    for length in whole.len() + 1..longer.len() {
        bench.write(&longer[..length]);
        *bench.host.mark.borrow_mut() = mark.clone();
        let mut log = bench.open().unwrap_or_else(|error| panic!("{length}: {error}"));
        bench.append(&mut log, &[Entry::new(What::Opened)]);
        let verified = bench.verify().unwrap_or_else(|error| panic!("{length}: {error}"));
        assert_eq!((verified.torn, verified.unkeyed), (0, 0));
        let torn = !longer[..length].ends_with('\n') && !longer[..=length].ends_with('\n');
        assert_eq!(verified.gaps, u64::from(torn), "{length}");
        assert!(bench.text().starts_with(&longer[..length]), "nothing is taken away");
    }
}

#[test]
fn lines_of_which_a_power_cut_lost_the_middle_become_a_recorded_gap() {
    let bench = Bench::with_lines();
    let whole = bench.text().into_bytes();
    let mark = bench.host.mark();
    let mut log = bench.open().unwrap();
    let many: Vec<Entry> = (0..6).map(|number| got(&format!("lost{number}"))).collect();
    bench.append(&mut log, &many);
    let longer = bench.text().into_bytes();
    // Any one sector of what was being written is not there, and all after it is.
    let sectors: Vec<usize> = (whole.len()..longer.len()).step_by(512).collect();
    assert!(sectors.len() > 4, "{}", sectors.len());
    for from in sectors {
        let mut left = longer.clone();
        left[from..longer.len().min(from + 512)].fill(0);
        bench.write(&left);
        *bench.host.mark.borrow_mut() = mark.clone();
        let mut log = bench.open().unwrap_or_else(|error| panic!("{from}: {error}"));
        // What is in the hole and all after it.
        let intact = left[..from].iter().filter(|byte| **byte == b'\n').count();
        let lines = left.split_inclusive(|byte| *byte == b'\n').count();
        assert_eq!(bench.verify().unwrap().torn, (lines - intact) as u64, "{from}");
        bench.append(&mut log, &[Entry::new(What::Opened)]);
        let verified = bench.verify().unwrap_or_else(|error| panic!("{from}: {error}"));
        assert_eq!((verified.torn, verified.gaps), (0, 1), "{from}");
        assert!(bench.text().into_bytes().starts_with(&left), "nothing is taken away");
        // From then on none of it can be taken away.
        let recorded = bench.text().into_bytes();
        let end = recorded[..left.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap();
        bench.write([&recorded[..end], &recorded[left.len() - 1..]].concat());
        assert!(bench.verify().is_err(), "{from}");
        // Control: the same hole in lines that this host knows is none that a power cut made.
        bench.write(&longer);
        *bench.host.mark.borrow_mut() = mark.clone();
        let mut log = bench.open().unwrap();
        bench.append(&mut log, &[Entry::new(What::Opened)]);
        left.extend(&bench.text().into_bytes()[longer.len()..]);
        bench.write(&left);
        let broken = bench.verify().expect_err("a hole in what is known");
        assert!(broken.line > 13 && broken.line <= 20, "{from}: {broken}");
        assert!(bench.open().is_err(), "{from}");
    }
}

#[test]
fn lines_without_a_key_are_counted_by_the_next_that_has_one() {
    let bench = Bench::with_lines();
    bench.fail_to_unlock();
    bench.fail_to_unlock();
    assert_eq!(bench.verify().unwrap().unkeyed, 2);
    let mut log = bench.open().unwrap();
    let (count, last) = log.failures().unwrap();
    assert_eq!((count, last.at), (2, now()));
    let appended = bench.append(&mut log, &[Entry::new(What::Opened)]);
    assert_eq!(appended.lines, [17], "line 16 counts them");
    assert!(log.failures().is_none());
    let sealed: Line = serde_json::from_str(&bench.lines()[15]).unwrap();
    assert_eq!((sealed.what.as_str(), sealed.fact("unkeyed")), ("sealed", 2));
    assert_eq!(bench.verify().unwrap().unkeyed, 0);

    // From then on none can be taken away or added.
    let lines = bench.lines();
    let mut fewer = lines.clone();
    fewer.remove(14);
    bench.write_lines(&fewer);
    assert_eq!(bench.fault(), (15, Fault::Number { found: 16 }));
    let mut changed = lines.clone();
    changed[14] = changed[14].replace("wrong_passphrase", "wrong_passphrasf");
    bench.write_lines(&changed);
    assert_eq!(bench.fault(), (16, Fault::Order));
    // Control.
    bench.write_lines(&lines);
    bench.verify().unwrap();
}

#[test]
fn rubbish_at_the_end_is_counted_and_a_forged_line_refused() {
    let bench = Bench::with_lines();
    let whole = bench.text();
    bench.write(format!("{whole}rubbish\n{{\"n\":99}}\n"));
    let mut log = bench.open().unwrap();
    bench.append(&mut log, &[Entry::new(What::Opened)]);
    assert_eq!(bench.verify().unwrap().gaps, 1);

    let bench = Bench::with_lines();
    let mut lines = bench.lines();
    let mut next: serde_json::Value = serde_json::from_str(&lines[12]).unwrap();
    next["n"] = 14.into();
    next["prev"] = bench.open().unwrap().head().unwrap().hash.into();
    lines.push(next.to_string());
    bench.write_lines(&lines);
    assert_eq!(bench.fault(), (14, Fault::Code));
}

#[test]
fn a_line_without_a_code_that_claims_another_place_is_rubbish() {
    let bench = Bench::with_lines();
    bench.fail_to_unlock();
    let lines = bench.lines();
    let place = |n: u64, prev: &str| {
        let mut line: serde_json::Value = serde_json::from_str(&lines[13]).unwrap();
        (line["n"], line["prev"]) = (n.into(), prev.into());
        line.to_string()
    };
    let prev = hex(&lines[..13].iter().fold(START, |hash, line| follow(&hash, line.as_bytes())));
    for (line, unkeyed) in [
        (place(14, &prev), 1),
        (place(15, &prev), 0),
        (place(14, &"0".repeat(64)), 0),
        (place(1, &"0".repeat(64)), 0),
    ] {
        let mut lines = lines[..13].to_vec();
        lines.push(line);
        bench.write_lines(&lines);
        let verified = bench.verify().unwrap();
        assert_eq!((verified.unkeyed, verified.torn), (unkeyed, 1 - unkeyed));
        assert_eq!(bench.open().unwrap().failures().is_some(), unkeyed == 1);
    }
}

#[test]
fn what_is_noted_of_the_file_is_its_size_also_after_a_torn_line() {
    let bench = Bench::with_lines();
    let noted = || (bench.host.mark().unwrap().size, fs::metadata(bench.path()).unwrap().len());
    assert_eq!(noted().0, noted().1);
    bench.write(bench.text() + "rubbish");
    let mut log = bench.open().unwrap();
    bench.append(&mut log, &[Entry::new(What::Opened)]);
    assert_eq!(noted().0, noted().1);
    // So a line that a known file lost is missed, even where only its line break is gone.
    let text = bench.text();
    bench.write(&text[..text.len() - 1]);
    assert!(bench.open().is_err());
}
