//! File systems that can do less: no locks, no links, no names that are taken only where they are free.

use std::path::PathBuf;
use std::process::Command;

use super::{Bench, State};

/// A file system without links.
const REFUSED: &str = "linkat:error=EPERM:when=1+";

/// What the backups say, by stock age, sorted.
fn backups(bench: &Bench) -> Vec<String> {
    let folder = bench.account.home.join("data/credbench/vault.age.d/backups");
    let files: Vec<PathBuf> =
        folder.read_dir().into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
    let opened = |file: &PathBuf| {
        let done =
            Command::new("age").arg("-d").arg("-i").arg(bench.account.identity()).arg(file).output().unwrap();
        assert!(done.status.success(), "{}: {}", file.display(), String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    let mut all: Vec<String> = files.iter().map(opened).collect();
    all.sort();
    all
}

#[test]
fn without_locks_it_is_saved_and_said() {
    let Some(bench) = Bench::new("put") else { return };
    for refusal in ["ENOLCK", "EOPNOTSUPP", "ENOSYS"] {
        let attempt = bench.run_with(&format!("flock:error={refusal}:when=1+"));
        assert_eq!(attempt.code, Some(0), "{refusal}: {}", attempt.err);
        assert!(attempt.err.contains("lock"), "{refusal}: {}", attempt.err);
        assert_eq!(bench.judge(&attempt), Ok(State::New), "{refusal}");
    }
    // Control: with locks nothing is said of them.
    let attempt = bench.run_with("flock:error=ENOLCK:when=999");
    assert!(attempt.code == Some(0) && !attempt.err.contains("lock"), "{}", attempt.err);
}

/// The backup is then a copy, which takes the same care as the vault; where that fails, too, nothing is saved.
#[test]
fn without_links_the_backup_is_a_copy() {
    let Some(bench) = Bench::new("put") else { return };
    bench.run_with("linkat:error=EPERM:when=999");
    let with_links = backups(&bench);
    let attempt = bench.run_with(REFUSED);
    assert_eq!(attempt.code, Some(0), "{}", attempt.err);
    assert_eq!(backups(&bench), with_links);
    assert_eq!(bench.judge(&attempt), Ok(State::New));
    // What the copy takes: from the refused link to the name that the copy gets.
    let names = ["linkat", "?open", "openat", "?statx", "?readlink", "read", "write", "fsync", "renameat2"];
    let traced: Vec<String> = names[1..].iter().map(|name| format!("{name}:error=EIO:when=9999")).collect();
    bench.run_with(&format!("{REFUSED} {}", traced.join(" ")));
    let calls = bench.logged(&names);
    // Other files go without a link and without a copy.
    let named = |after: &&[_]| after.iter().any(|(name, _): &(String, _)| name == "renameat2");
    let mut after_links = calls.split(|(name, _)| name == "linkat").skip(1);
    let copied = after_links.find(named).expect("the copy gets its name");
    let end = copied.iter().position(|(name, _)| name == "renameat2").unwrap();
    let mut told = 0;
    for (name, number) in &copied[..=end] {
        let attempt = bench.run_with(&format!("{REFUSED} {name}:error=EIO:when={number}"));
        let state = bench.judge(&attempt).unwrap_or_else(|wrong| panic!("{name} {number}: {wrong}"));
        if attempt.err.contains("cannot keep a backup of") {
            assert_eq!((state, attempt.code), (State::Old, Some(1)), "{name} {number}: {}", attempt.err);
            told += 1;
        }
    }
    assert!(told > 5, "the copy was refused, too: {told} of {}", end + 1);
}

/// A new file is then put in place by a link, which replaces nothing either.
#[test]
fn without_names_that_are_taken_only_where_they_are_free_links_are() {
    let Some(bench) = Bench::new("init") else { return };
    for refusal in ["EINVAL", "ENOSYS", "EOPNOTSUPP"] {
        let attempt = bench.run_with(&format!("renameat2:error={refusal}:when=1+"));
        assert_eq!(attempt.code, Some(0), "{refusal}: {}", attempt.err);
        assert_eq!(bench.judge(&attempt), Ok(State::New), "{refusal}");
    }
    // Of the identity, and of the vault.
    for number in 1..=2 {
        for faults in [
            format!("renameat2:error=EIO:when={number}"),
            format!("renameat2:error=EINVAL:when=1+ linkat:error=EIO:when={number}+"),
        ] {
            let attempt = bench.run_with(&faults);
            assert_ne!(attempt.code, Some(0), "{faults}");
            assert!(attempt.err.contains("cannot put in place"), "{faults}: {}", attempt.err);
            assert_eq!(bench.judge(&attempt), Ok(State::Old), "{faults}");
        }
    }
}
