#![allow(clippy::disallowed_methods, reason = "tests change files as an attacker would")]

mod cached;

use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::line::{Line, follow, hex};
use super::*;
use crate::model::Id;
use crate::secret::Secret;

/// A host's memory, and the heads that a vault names.
#[derive(Default)]
struct Host {
    mark: RefCell<Option<Mark>>,
    heads: Vec<Head>,
}

impl Witness for Host {
    fn mark(&self) -> Option<Mark> {
        self.mark.borrow().clone()
    }

    fn heads(&self) -> &[Head] {
        &self.heads
    }

    fn note(&self, mark: &Mark) -> Result<(), String> {
        *self.mark.borrow_mut() = Some(mark.clone());
        Ok(())
    }
}

/// A log in a folder of its own.
struct Bench {
    guard: tempfile::TempDir,
    key: Secret,
    host: Host,
}

impl Bench {
    fn new() -> Self {
        Self { guard: tempfile::tempdir().unwrap(), key: new_key(), host: Host::default() }
    }

    /// A log with lines of every sort.
    fn with_lines() -> Self {
        let bench = Self::new();
        let mut log = bench.open().unwrap();
        log.set_vault(1, &"d".repeat(64));
        bench.append(&mut log, &[Entry::new(What::VaultCreated)]);
        for number in 0..4 {
            bench.append(&mut log, &[Entry::new(What::Opened)]);
            bench.get(&mut log, &format!("key-{number}"));
        }
        bench
    }

    fn folder(&self) -> &Path {
        self.guard.path()
    }

    fn path(&self) -> PathBuf {
        self.folder().join(NAME)
    }

    fn keys(&self) -> Keys {
        Keys::of(&self.key).unwrap()
    }

    fn log(&self) -> Log {
        Log::new(self.folder(), Some(self.keys()), Who::default())
    }

    fn open(&self) -> Result<Log, Error> {
        let mut log = self.log();
        log.refresh(&self.host)?;
        Ok(log)
    }

    fn append(&self, log: &mut Log, entries: &[Entry]) -> Appended {
        log.append(entries, now(), &self.host).unwrap()
    }

    fn get(&self, log: &mut Log, key: &str) {
        let begun = log.begin(vec![got(key)], now(), &self.host).unwrap();
        log.end(begun, "ok", Vec::new(), now(), &self.host).unwrap();
    }

    fn fail_to_unlock(&self) {
        let entry = Entry::new(What::UnlockFailed).with_result("wrong_passphrase");
        without_key(self.folder(), Who::default(), &entry, now()).unwrap();
    }

    fn verify(&self) -> Result<Verified, Broken> {
        verify(self.folder(), &self.keys(), &self.host).map_err(|error| match error {
            Error::Broken(broken) => broken,
            Error::File(error) => panic!("{error}"),
        })
    }

    fn text(&self) -> String {
        fs::read_to_string(self.path()).unwrap()
    }

    fn lines(&self) -> Vec<String> {
        self.text().lines().map(str::to_owned).collect()
    }

    fn write(&self, bytes: impl AsRef<[u8]>) {
        write_private(&self.path(), bytes);
    }

    fn write_lines(&self, lines: &[String]) {
        self.write(lines.iter().map(|line| format!("{line}\n")).collect::<String>());
    }

    /// What both ways of looking say: the check of everything, and the opening of a session.
    fn fault(&self) -> (u64, Fault) {
        let broken = self.verify().unwrap_err();
        let Err(Error::Broken(opened)) = self.open() else { panic!("opened: {broken}") };
        assert_eq!(opened, broken);
        (broken.line, broken.fault)
    }
}

fn write_private(path: &Path, bytes: impl AsRef<[u8]>) {
    use std::os::unix::fs::PermissionsExt;
    fs::write(path, bytes).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
}

fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

fn got(key: &str) -> Entry {
    let entry = Entry { id: Some(Id(format!("id-of-{key}"))), ..Entry::new(What::Got) };
    entry.in_solution("default").named(key).with_value("/config/api_key", &Secret::from("hunter2"))
}

/// The lines again, as somebody writes them who has our source but no key: numbers and hashes fit.
fn relinked(lines: &[String]) -> Vec<String> {
    let mut hash = super::line::START;
    let mut out = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        let mut value: serde_json::Value = serde_json::from_str(line).unwrap();
        value["n"] = (index + 1).into();
        value["prev"] = hex(&hash).into();
        let line = value.to_string();
        hash = follow(&hash, line.as_bytes());
        out.push(line);
    }
    out
}

#[test]
fn what_was_written_is_read_again() {
    let bench = Bench::with_lines();
    let verified = bench.verify().unwrap();
    assert_eq!((verified.lines, verified.files, verified.unkeyed, verified.torn), (13, 1, 0, 0));
    let log = bench.open().unwrap();
    assert_eq!(log.head().unwrap().line, 13);
    let records = records(bench.folder(), &bench.keys(), &bench.host).unwrap();
    let got: Vec<_> = records.iter().filter(|record| record.what == "got").collect();
    assert_eq!(got.len(), 4, "intent and result are one record");
    assert!(got.iter().all(|record| record.result == "ok" && record.solution == "default"));
    assert_eq!((got[2].key.as_str(), got[2].field.as_str()), ("key-2", "/config/api_key"));
    assert_eq!(got[0].value, got[1].value, "the same value has the same code");
    assert!(records.iter().all(|record| record.keyed && record.generation == Some(1)));
}

#[test]
fn neither_values_nor_names_stand_in_clear() {
    let bench = Bench::with_lines();
    let text = bench.text();
    for hidden in ["hunter2", "key-0", "default", "api_key"] {
        let text = text.replace("id-of-key-0", "").replace("id-of-key", "");
        assert!(!text.contains(hidden), "{hidden}");
    }
    // Control: the words that are to stand there do.
    assert!(text.contains("got") && text.contains("id-of-key-3"));
    let other = Bench { key: new_key(), ..Bench::new() };
    assert_ne!(other.keys().value_code(&"x".into()), bench.keys().value_code(&"x".into()));
}

#[test]
fn sealed_names_have_few_sizes_and_open_with_their_key_alone() {
    let (one, two) = (Keys::of(&new_key()).unwrap(), Keys::of(&new_key()).unwrap());
    let sealed: Vec<String> = (0..40).map(|length| one.seal(&"n".repeat(length + 1))).collect();
    assert!(sealed.iter().all(|text| text.len() == sealed[0].len()));
    assert_eq!(one.open(&sealed[3]).as_deref(), Some("nnnn"));
    assert_eq!(two.open(&sealed[3]), None);
    assert_ne!(one.seal("n"), one.seal("n"));
    assert!(Keys::of(&Secret::from("short")).is_none());
}

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
        assert!(bench.verify().unwrap().torn > 0);
        bench.append(&mut log, &[Entry::new(What::Opened)]);
        let verified = bench.verify().unwrap_or_else(|error| panic!("{from}: {error}"));
        assert_eq!((verified.torn, verified.gaps), (0, 1), "{from}");
        assert!(bench.text().into_bytes().starts_with(&left), "nothing is taken away");
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
    fs::remove_file(super::usage::place(bench.folder())).unwrap();
    assert_eq!(bench.open().unwrap().usage(), log.usage());
    assert_eq!(
        records(bench.folder(), &bench.keys(), &bench.host).unwrap().len(),
        40 + verified.files as usize - 1
    );

    // An earlier file that is gone, and one that was changed.
    let (starts, earlier) = super::verify::archives(bench.folder()).remove(1);
    let text = fs::read_to_string(&earlier).unwrap();
    fs::remove_file(&earlier).unwrap();
    assert_eq!(bench.verify().unwrap_err().fault, Fault::Archive);
    write_private(&earlier, text.replacen("\"got\"", "\"pot\"", 1));
    let broken = bench.verify().unwrap_err();
    assert_eq!((broken.fault, broken.path), (Fault::Code, earlier.clone()));
    assert!(broken.line >= starts && broken.row <= 20);
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
    let place = super::usage::place(bench.folder());
    let text = fs::read_to_string(&place).unwrap();
    let often = Id("id-of-often".to_owned());
    assert_eq!(bench.open().unwrap().usage().of(&often).unwrap().count, 200);
    // Somebody would have it look unused: the log is read instead.
    let line = text.lines().nth(1).unwrap();
    fs::write(&place, text.replace(line, &line.replace(" 1", " 0"))).unwrap();
    assert_eq!(bench.open().unwrap().usage().of(&often).unwrap().count, 200);
    // Control: the summary is what counts where it is whole.
    let state = super::usage::read(bench.folder(), &bench.keys());
    assert!(state.is_none());
    fs::write(&place, &text).unwrap();
    assert!(super::usage::read(bench.folder(), &bench.keys()).unwrap().line > 100);
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
fn a_clock_that_was_set_is_written_down_and_decides_nothing() {
    let bench = Bench::with_lines();
    let mut log = bench.open().unwrap();
    let past = now() - SignedDuration::from_hours(24);
    log.append(&[Entry::new(What::Opened)], past, &bench.host).unwrap();
    log.append(&[Entry::new(What::Locked)], now(), &bench.host).unwrap();
    log.append(&[Entry::new(What::Locked)], now(), &bench.host).unwrap();
    let jumps: Vec<i64> = records(bench.folder(), &bench.keys(), &bench.host)
        .unwrap()
        .iter()
        .filter(|record| record.what == "clock_jumped")
        .map(|record| record.facts["seconds"])
        .collect();
    assert_eq!(jumps, [-86_400, 86_400]);
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
    let fault = log.require_vault(4, &digest).unwrap_err().fault;
    assert_eq!(fault, Fault::Rollback { logged: 5, found: 4 });
    assert!(log.misses(6) && !log.misses(5));
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

/// What a session start, a use and a whole check cost with a long log; prints its figures.
#[test]
#[ignore = "takes a while and prints figures: cargo test --lib audit::tests::a_long_log -- --ignored --nocapture"]
#[allow(clippy::print_stderr, reason = "figures for whoever asks")]
fn a_long_log_costs_little() {
    use std::time::Instant;
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
