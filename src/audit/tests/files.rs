//! A log in several files, and the summary beside it.

use super::*;

#[test]
fn a_log_goes_on_in_another_file_and_uses_are_kept() {
    let bench = Bench::new();
    let mut log = bench.log();
    log.rotate_at = 4_000;
    for number in 0..40 {
        bench.get(&mut log, &format!("key-{}", number % 3));
    }
    let verified = bench.verify().unwrap();
    assert!(verified.files > 3, "{verified:?}");
    assert_eq!(log.usage().of(&Id("id-of-key-0".to_owned())).unwrap().count, 14);
    assert_eq!(bench.open().unwrap().usage(), log.usage());
    // Without the summary it is known as well.
    fs::remove_file(usage::place(bench.folder())).unwrap();
    assert_eq!(bench.open().unwrap().usage(), log.usage());
    assert_eq!(
        records(bench.folder(), &bench.keys(), &bench.host).unwrap().len(),
        40 + verified.files as usize - 1
    );

    // An earlier file that is gone, and one that was changed.
    let (starts, earlier) = verify::archives(bench.folder()).remove(1);
    let text = fs::read_to_string(&earlier).unwrap();
    fs::remove_file(&earlier).unwrap();
    let broken = bench.verify().unwrap_err();
    assert_eq!((broken.fault, broken.line, broken.row), (Fault::Archive, starts, starts));
    write_private(&earlier, text.replacen("\"got\"", "\"pot\"", 1));
    let broken = bench.verify().unwrap_err();
    assert_eq!((broken.fault, broken.path), (Fault::Code, earlier.clone()));
    assert!(broken.line > starts && broken.row == broken.line - starts + 1);
    write_private(&earlier, &text);
    bench.verify().unwrap();
}

#[test]
fn the_summary_is_only_believed_with_its_code() {
    let bench = Bench::new();
    let mut log = bench.log();
    for _ in 0..200 {
        bench.get(&mut log, "often");
    }
    let place = usage::place(bench.folder());
    let text = fs::read_to_string(&place).unwrap();
    let often = Id("id-of-often".to_owned());
    assert_eq!(bench.open().unwrap().usage().of(&often).unwrap().count, 200);
    // Somebody would have it look unused: the log is read instead.
    let line = text.lines().nth(1).unwrap();
    fs::write(&place, text.replace(line, &line.replace(" 1", " 0"))).unwrap();
    assert_eq!(bench.open().unwrap().usage().of(&often).unwrap().count, 200);
    // Control: the summary is what counts where it is whole.
    let state = usage::read(bench.folder(), &bench.keys());
    assert!(state.is_none());
    fs::write(&place, &text).unwrap();
    assert!(usage::read(bench.folder(), &bench.keys()).unwrap().line > 100);
}

#[test]
fn an_unchanged_log_is_not_read_again_and_a_changed_one_is() {
    let bench = Bench::new();
    let mut log = bench.log();
    for _ in 0..300 {
        bench.get(&mut log, "often");
    }
    // In the middle, with the same size: only who reads everything can tell.
    let mut bytes = bench.text().into_bytes();
    let middle = bytes.len() / 2;
    let at = middle + bytes[middle..].windows(5).position(|word| word == b"\"got\"").unwrap();
    bytes[at + 1] = b'p';
    bench.write(&bytes);
    let Err(Error::Broken(broken)) = bench.open() else { panic!("a changed line was not seen") };
    assert_eq!(broken.fault, Fault::Code);
    // Nor does a log that is open take over what another hand wrote.
    let appended = log.append(&[Entry::new(What::Opened)], now(), &bench.host);
    assert!(matches!(appended, Err(Error::Broken(_))));
}

#[test]
fn only_earlier_files_are_taken_for_such() {
    let bench = Bench::with_lines();
    let mut log = bench.open().unwrap();
    log.rotate_at = 1;
    bench.get(&mut log, "one");
    let files = bench.verify().unwrap().files;
    for name in ["audit.7.log", "audit.+00000000007.log", "audit.log.aside-1", "audit.000000000007.txt"] {
        write_private(&bench.folder().join(name), "anything");
    }
    assert_eq!(bench.verify().unwrap().files, files);
    // Control.
    write_private(&bench.folder().join("audit.000000000007.log"), "anything");
    assert_eq!(bench.verify().unwrap_err().fault, Fault::Archive);
}

#[test]
fn the_log_goes_on_in_another_file_once_all_of_its_lines_are_counted() {
    let bench = Bench::with_lines();
    let mut log = bench.open().unwrap();
    log.rotate_at = 1;
    bench.fail_to_unlock();
    bench.append(&mut log, &[Entry::new(What::Opened)]);
    assert_eq!(bench.verify().unwrap().files, 1);
    bench.append(&mut log, &[Entry::new(What::Locked)]);
    assert_eq!(bench.verify().unwrap().files, 2);
    // Who has no key goes on in the new file as in the old one.
    bench.fail_to_unlock();
    let verified = bench.verify().unwrap();
    assert_eq!((verified.unkeyed, verified.torn), (1, 0));
    assert_eq!(bench.open().unwrap().failures().unwrap().0, 1);
}

/// Somebody who has no key would have one line stand for all that was there.
#[test]
fn a_forged_first_line_stands_for_none_of_those_before_it() {
    let bench = Bench::with_lines();
    let head = bench.open().unwrap().head().unwrap();
    let whole = bench.text();
    let forged = |what: &str| {
        let mut line: serde_json::Value = serde_json::from_str(whole.lines().next().unwrap()).unwrap();
        line.as_object_mut().unwrap().remove("mac");
        line["what"] = what.into();
        line["n"] = (head.line + 1).into();
        line["prev"] = head.hash.clone().into();
        line["log"] = head.log.clone().into();
        line.to_string() + "\n"
    };
    for what in ["continued", "opened"] {
        bench.write(forged(what));
        assert!(bench.open().is_err(), "{what}");
        assert!(bench.verify().is_err(), "{what}");
    }
    bench.write(&whole);
    bench.verify().unwrap();
}
