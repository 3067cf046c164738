//! What an open log tells, and the file that it stands in.

use super::*;

#[test]
fn what_happened_since_a_person_was_there_is_known() {
    let bench = Bench::new();
    let person = || {
        let mut log = bench.log();
        log.author.who.tty = "pts/3".to_owned();
        log.refresh(&bench.host).unwrap();
        log
    };
    bench.append(&mut person(), &[Entry::new(What::Opened)]);
    assert_eq!(person().since(), Since::default());
    bench.fail_to_unlock();
    // A program that unlocks it counts the attempt, and takes it from nobody.
    let mut program = bench.open().unwrap();
    bench.append(&mut program, &[Entry::new(What::Opened)]);
    assert!(program.failures().is_none());
    let begun = program.begin(vec![got("one")], now(), &bench.host).unwrap();
    program.end(begun, "output", Vec::new(), now(), &bench.host).unwrap();
    bench.get(&mut program, "one");
    bench.fail_to_unlock();
    let since = person().since();
    assert_eq!((since.failed, since.refused, since.unattended), (2, 1, 1));
    assert_eq!(since.last_failed.unwrap().at, now());
    // Also where the log goes on in another file, and from the summary.
    program.rotate_at = 1;
    for _ in 0..3 {
        bench.get(&mut program, "one");
    }
    let since = person().since();
    assert_eq!((since.failed, since.refused, since.unattended), (2, 1, 1));
    // Who unlocks it heard of that.
    bench.append(&mut person(), &[Entry::new(What::Opened)]);
    assert_eq!(person().since(), Since::default());
}

#[test]
fn what_is_done_to_a_credential_is_no_use_of_it() {
    for (what, count) in [(What::Got, Some(1)), (What::Updated, None)] {
        let bench = Bench::new();
        let mut log = bench.log();
        let id = Id("one".to_owned());
        let begun = log.begin(vec![Entry::about_id(what, &id, 1)], now(), &bench.host).unwrap();
        log.end(begun, "ok", Vec::new(), now(), &bench.host).unwrap();
        assert_eq!(log.usage().of(&id).map(|used| used.count), count, "{what:?}");
    }
}

#[test]
fn a_value_that_was_asked_for_and_not_handed_out_was_refused() {
    for (what, refused) in [(What::Revealed, 1), (What::Copied, 1), (What::Got, 1), (What::Ran, 0)] {
        let bench = Bench::new();
        let mut log = bench.log();
        let begun = log.begin(vec![Entry::new(what)], now(), &bench.host).unwrap();
        log.end(begun, "terminal", Vec::new(), now(), &bench.host).unwrap();
        assert_eq!(log.since().refused, refused, "{what:?}");
    }
}

#[test]
fn a_clock_that_was_set_is_written_down_and_decides_nothing() {
    let bench = Bench::with_lines();
    let mut log = bench.open().unwrap();
    let past = now() - SignedDuration::from_hours(24);
    log.append(&[Entry::new(What::Opened)], past, &bench.host).unwrap();
    log.append(&[Entry::new(What::Locked)], now(), &bench.host).unwrap();
    log.append(&[Entry::new(What::Locked)], now(), &bench.host).unwrap();
    // As far as a clock may be off.
    let minute = now() + SignedDuration::from_secs(60);
    log.append(&[Entry::new(What::Locked)], minute, &bench.host).unwrap();
    let jumps: Vec<i64> = records(bench.folder(), &bench.keys(), &bench.host)
        .unwrap()
        .iter()
        .filter(|record| record.what == "clock_jumped")
        .map(|record| record.facts["seconds"])
        .collect();
    // The machine ran on for what the test took.
    assert_eq!((jumps.len(), jumps[0]), (2, -86_400));
    assert!((86_390..=86_400).contains(&jumps[1]), "{jumps:?}");
    bench.verify().unwrap();
}

#[test]
fn the_vault_and_the_log_know_each_other() {
    let bench = Bench::with_lines();
    let log = bench.open().unwrap();
    let digest = "d".repeat(64);
    log.require_vault(1, &digest).unwrap();
    log.require_vault(2, "another").unwrap();
    let fault = log.require_vault(1, "another").unwrap_err().fault;
    assert_eq!(fault, Fault::Vault { generation: 1 });
    let mut log = log;
    log.set_vault(5, &digest);
    bench.append(&mut log, &[Entry::new(What::Updated)]);
    // Another file of the same generation does not take the place of the first.
    log.set_vault(5, "another");
    bench.append(&mut log, &[Entry::new(What::Updated)]);
    log.require_vault(5, &digest).unwrap();
    assert!(log.require_vault(5, "another").is_err());
    assert_eq!(log.generation(), 5);
    let fault = log.require_vault(4, &digest).unwrap_err().fault;
    assert_eq!(fault, Fault::Rollback { logged: 5, found: 4 });
    assert!(log.misses(6) && !log.misses(5));
    let bench = Bench::new();
    bench.append(&mut bench.log(), &[Entry::new(What::Opened)]);
    assert!(!bench.open().unwrap().misses(5), "the control: a log that names none");
    assert!(log.gap(7).is_some_and(|gap| gap.facts["from"] == 6 && gap.facts["to"] == 7));
}

#[test]
fn a_log_that_is_not_trusted_is_kept_aside() {
    let bench = Bench::with_lines();
    let mut lines = bench.lines();
    lines.remove(3);
    bench.write_lines(&lines);
    let mut log = bench.log();
    assert!(log.refresh(&bench.host).is_err());
    let kept = log.put_aside().unwrap().unwrap();
    assert_eq!(fs::read_to_string(kept).unwrap().lines().count(), 12);
    *bench.host.mark.borrow_mut() = None;
    bench.append(&mut log, &[Entry::new(What::VaultAdopted)]);
    assert_eq!(bench.verify().unwrap().lines, 1);
}

#[test]
fn the_file_is_private_and_no_link_is_followed() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let bench = Bench::with_lines();
    let found = fs::metadata(bench.path()).unwrap();
    assert_eq!(found.permissions().mode() & 0o777, 0o600);
    assert!(found.blocks() * 512 >= found.size() + 64 * 1024, "room is kept");
    fs::set_permissions(bench.path(), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(bench.open(), Err(Error::File(durable::Error::Exposed { .. }))));
    let elsewhere = bench.folder().join("elsewhere");
    fs::rename(bench.path(), &elsewhere).unwrap();
    symlink(&elsewhere, bench.path()).unwrap();
    let mut log = bench.log();
    assert!(matches!(log.append(&[Entry::new(What::Opened)], now(), &bench.host), Err(Error::File(_))));
    fs::remove_file(bench.path()).unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        bench.path(),
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    assert!(matches!(log.append(&[Entry::new(What::Opened)], now(), &bench.host), Err(Error::File(_))));
}
