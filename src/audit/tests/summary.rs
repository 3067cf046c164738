//! The summary, and reading on from a line that is known: what lies before it is not read again.

use super::*;
use crate::durable::Stamp;

/// So many uses of one credential, one line each, written as one.
fn uses(key: &str, count: usize) -> Vec<Entry> {
    let done = Entry { step: Some(Step::Result), ..got(key).with_result("ok") };
    vec![done; count]
}

fn count(log: &Log, key: &str) -> u64 {
    log.usage().of(&Id(format!("id-of-{key}"))).map_or(0, |used| used.count)
}

impl Bench {
    fn has_summary(&self) -> bool {
        usage::place(self.folder()).exists()
    }

    fn summary(&self) -> Stamp {
        Stamp::of(&usage::place(self.folder())).unwrap()
    }

    /// Changes a line of the file, from 0, in a way that only who reads it sees.
    fn change_unseen(&self, line: usize) {
        let mut lines = self.lines();
        assert_ne!(lines[line], lines[line].replacen("\"got\"", "\"pot\"", 1));
        lines[line] = lines[line].replacen("\"got\"", "\"pot\"", 1);
        self.write_lines(&lines);
        self.take_for_known();
    }

    /// Has this host take the file for the one that it saw last.
    fn take_for_known(&self) {
        let mark = self.host.mark().unwrap();
        let stamp = Stamp::of(&self.path()).unwrap().to_string();
        self.host.note(&Mark { stamp, ..mark }).unwrap();
    }
}

#[test]
fn the_summary_is_made_anew_after_many_lines_and_not_with_each() {
    let bench = Bench::new();
    let mut log = bench.log();
    bench.append(&mut log, &uses("one", 255));
    assert!(!bench.has_summary());
    bench.append(&mut log, &uses("one", 1));
    let first = bench.summary();
    bench.append(&mut log, &uses("one", 200));
    assert_eq!(bench.summary(), first);
    bench.append(&mut log, &uses("one", 56));
    assert_ne!(bench.summary(), first);
    // Who opens it goes on counting from there.
    let mut log = bench.open().unwrap();
    let second = bench.summary();
    bench.append(&mut log, &uses("one", 200));
    assert_eq!(bench.summary(), second);
    bench.append(&mut log, &uses("one", 56));
    assert_ne!(bench.summary(), second);
}

/// It grows with the credentials that were ever used, and is then written less often.
#[test]
fn a_large_summary_is_made_more_seldom() {
    let bench = Bench::new();
    let mut log = bench.log();
    let ids = (0..8192).map(|number| Id(format!("{number}"))).collect();
    let used = Entry { step: Some(Step::Result), ..Entry::new(What::Ran).with_result("ok").with_ids(ids) };
    bench.append(&mut log, &[used]);
    bench.append(&mut log, &uses("one", 300));
    assert!(!bench.has_summary());
    bench.append(&mut log, &uses("one", 211));
    assert!(bench.has_summary());
    assert_eq!(bench.open().unwrap().usage(), log.usage());
}

#[test]
fn what_the_summary_covers_is_not_read_again() {
    let bench = Bench::new();
    let mut log = bench.log();
    bench.append(&mut log, &uses("one", 300));
    // It was made at the last line,
    bench.change_unseen(20);
    let opened = bench.open().unwrap();
    assert_eq!((count(&opened, "one"), opened.head()), (300, log.head()));
    // and others follow on it.
    let mut log = opened;
    bench.append(&mut log, &uses("one", 5));
    bench.change_unseen(21);
    let opened = bench.open().unwrap();
    assert_eq!((count(&opened, "one"), opened.head()), (305, log.head()));
    // Controls: a line after it, and no summary.
    bench.change_unseen(302);
    assert!(bench.open().is_err());
    let bench = Bench::new();
    bench.append(&mut bench.log(), &uses("one", 100));
    bench.change_unseen(20);
    assert!(bench.open().is_err());
}

#[test]
fn what_a_program_has_read_is_not_read_again() {
    let bench = Bench::new();
    let mut log = bench.log();
    bench.append(&mut log, &uses("one", 10));
    let mut other = bench.open().unwrap();
    bench.append(&mut other, &uses("one", 10));
    bench.change_unseen(3);
    log.refresh(&bench.host).unwrap();
    assert_eq!((count(&log, "one"), log.head()), (20, other.head()));
    // Control: one that has not read it.
    assert!(bench.open().is_err());
    // In another file of the same name nothing was read.
    bench.append(&mut log, &uses("one", 1));
    let copy = bench.folder().join("copy");
    write_private(&copy, bench.text());
    fs::rename(copy, bench.path()).unwrap();
    bench.take_for_known();
    assert!(log.refresh(&bench.host).is_err());
}

/// Also where the names in the first line are as long as they can be.
#[test]
fn the_summary_covers_a_file_that_goes_on_where_it_was_made() {
    let bench = Bench::new();
    let mut log = bench.log();
    let name = "🔑".repeat(64);
    (log.author.who.user, log.author.who.host, log.author.who.tty) = (name.clone(), name.clone(), name);
    log.set_vault(1, &"d".repeat(64));
    bench.append(&mut log, &uses("one", 20));
    log.rotate_at = 1;
    bench.append(&mut log, &uses("one", 2));
    assert!(bench.lines()[0].len() > 1100, "{}", bench.lines()[0].len());
    // Made where the first file ended.
    let opened = bench.open().unwrap();
    assert_eq!((count(&opened, "one"), opened.head()), (22, log.head()));
    // Made in the second.
    log.rotate_at = u64::MAX;
    bench.append(&mut log, &uses("one", 300));
    bench.change_unseen(9);
    let opened = bench.open().unwrap();
    assert_eq!((count(&opened, "one"), opened.head()), (322, log.head()));
    *bench.host.mark.borrow_mut() = None;
    assert!(bench.open().is_err(), "the control: who knows no line reads the whole file");
}

#[test]
fn a_summary_that_does_not_fit_is_not_believed() {
    let bench = Bench::new();
    let mut log = bench.log();
    bench.append(&mut log, &uses("one", 300));
    let place = usage::place(bench.folder());
    let good = fs::read_to_string(&place).unwrap();
    let read = |text: &str, keys: &Keys| {
        fs::write(&place, text).unwrap();
        usage::read(bench.folder(), keys)
    };
    assert!(read(&good, &Keys::of(&new_key()).unwrap()).is_none(), "another key");
    assert!(read(&good.replace(" 300\n", " 0\n"), &bench.keys()).is_none(), "changed");
    assert_eq!(count(&bench.open().unwrap(), "one"), 300, "the log is read instead");
    assert!(read(&good, &bench.keys()).is_some_and(|state| state.line == 300), "the control");
    // One of a form that this program does not know, with a code that fits.
    let (covered, _) = good.trim_end().rsplit_once('\n').unwrap();
    let coded = |covered: &str| format!("{covered}\n{}\n", bench.keys().summary_code(covered.as_bytes()));
    assert!(read(&coded(&covered.replace("summary 2", "summary 3")), &bench.keys()).is_none());
    assert!(read(&coded(covered), &bench.keys()).is_some(), "the control");
}

#[test]
fn the_summary_of_another_log_tells_nothing_of_this_one() {
    let bench = Bench::new();
    let other = Bench { key: bench.key.clone(), ..Bench::new() };
    bench.append(&mut bench.log(), &uses("one", 300));
    other.append(&mut other.log(), &uses("two", 300));
    fs::copy(usage::place(other.folder()), usage::place(bench.folder())).unwrap();
    let check = || {
        let opened = bench.open().unwrap();
        assert_eq!((count(&opened, "one"), count(&opened, "two")), (300, 0));
    };
    check();
    *bench.host.mark.borrow_mut() = None;
    check();
}

/// What earlier files tell is known to who reads the newest alone: from the summary, or else from all of them.
#[test]
fn where_the_log_went_on_what_was_before_is_known() {
    let bench = Bench::new();
    let mut log = bench.log();
    bench.append(&mut log, &[Entry::new(What::Opened)]);
    bench.append(&mut log, &uses("one", 20));
    bench.fail_to_unlock();
    bench.append(&mut log, &[Entry::new(What::LogExported)]);
    log.rotate_at = 1;
    bench.append(&mut log, &uses("one", 2));
    *bench.host.mark.borrow_mut() = None;
    let check = || {
        let opened = bench.open().unwrap();
        assert_eq!(count(&opened, "one"), 22);
        assert_eq!((opened.since().failed, opened.since().unattended), (1, 1));
        assert!(opened.last_opening().is_some());
    };
    check();
    fs::remove_file(usage::place(bench.folder())).unwrap();
    check();
}

#[test]
fn the_summary_is_enough_where_earlier_files_are_gone() {
    let bench = Bench::new();
    let mut log = bench.log();
    bench.append(&mut log, &uses("one", 20));
    log.rotate_at = 1;
    bench.append(&mut log, &uses("one", 2));
    fs::remove_file(verify::archives(bench.folder()).remove(0).1).unwrap();
    *bench.host.mark.borrow_mut() = None;
    assert_eq!(count(&bench.open().unwrap(), "one"), 22);
    // Control: without it only what the newest file tells is known.
    fs::remove_file(usage::place(bench.folder())).unwrap();
    assert_eq!(count(&bench.open().unwrap(), "one"), 2);
}
