//! Files on a real file system: permissions, links, other processes, failing disks.
#![allow(clippy::disallowed_methods, reason = "tests move files and read their own environment")]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use credbench::durable;
use credbench::model::Edit;
use credbench::vault::{Adoption, Keyring, Notice, OpenPolicy, Places, Store, StoreError};

use crate::support::vault::{
    CHEAP, Home, as_process, content, create, document_for, installed, now, report, unlock,
};

fn mode(path: &Path) -> u32 {
    path.symlink_metadata().unwrap().permissions().mode() & 0o7777
}

/// Everything under a folder, the folder included.
fn tree(root: &Path) -> Vec<PathBuf> {
    let mut found = vec![root.to_owned()];
    let mut next = 0;
    while next < found.len() {
        if found[next].is_dir() && !found[next].is_symlink() {
            found.extend(fs::read_dir(&found[next]).unwrap().map(|entry| entry.unwrap().path()));
        }
        next += 1;
    }
    found
}

/// The vault that a child process works on: only what its paths say.
fn at(root: &Path) -> (Places, PathBuf) {
    let state = root.join("state");
    let places = Places {
        vault: root.join("data/vault.age"),
        seen: state.join("seen.json"),
        writers: state.join("writers"),
    };
    (places, root.join("config/identity.age"))
}

fn child_root() -> PathBuf {
    PathBuf::from(std::env::var_os("CREDBENCH_TEST_ROOT").expect("run by another test"))
}

fn run(command: &mut Command) -> String {
    let Output { stdout, stderr, .. } = command.output().unwrap();
    let text = String::from_utf8_lossy(&stdout);
    let result =
        text.lines().find_map(|line| line.split_once("RESULT ")).map(|(_, result)| result.to_owned());
    result.unwrap_or_else(|| panic!("no result: {text}\n{}", String::from_utf8_lossy(&stderr)))
}

fn variables(home: &Home) -> Vec<(&'static str, String)> {
    vec![("CREDBENCH_TEST_ROOT", home.root.display().to_string())]
}

fn child(name: &str, home: &Home) -> Command {
    let variables = variables(home);
    let borrowed: Vec<(&str, &str)> = variables.iter().map(|(name, value)| (*name, value.as_str())).collect();
    as_process(name, &borrowed)
}

#[test]
#[ignore = "a process of its own: run by other tests"]
fn child_commits_once() {
    let (places, identity) = at(&child_root());
    let result = unlock(&identity).map_err(StoreError::from).and_then(|keyring| {
        let mut store = Store::open(&places, keyring, OpenPolicy::Strict)?.store;
        store.commit(vec![create("child", "x")], now())
    });
    match result {
        Ok(committed) => report(&format!("RESULT saved, unsynced: {}", committed.unsynced.is_some())),
        Err(error) => report(&format!("RESULT refused: {error}")),
    }
}

#[test]
#[ignore = "a process of its own: run by other tests"]
fn child_makes_everything_under_umask_0() {
    rustix::process::umask(rustix::fs::Mode::empty());
    let (places, identity) = at(&child_root());
    let keyring = Keyring::create(&identity, Some("x".into()), CHEAP, now()).unwrap();
    let document = document_for(&keyring.recipients());
    let mut store = Store::create(&places, keyring, document, now()).unwrap().store;
    store.commit(vec![create("one", "x")], now()).unwrap();
    credbench::vault::keyring::change_passphrase(&identity, Some("x".into()), None, CHEAP).unwrap();
    Adoption::examine(&places, unlock(&identity).unwrap()).unwrap().accept(now()).unwrap();
    report("RESULT done");
}

fn is_busy(error: &StoreError) -> bool {
    matches!(error, StoreError::File(durable::Error::Busy { .. }))
}

#[test]
#[ignore = "a process of its own: run by other tests"]
fn child_commits_often() {
    let (places, identity) = at(&child_root());
    let own = std::process::id().to_string();
    let saves: u32 = std::env::var("CREDBENCH_TEST_SAVES").unwrap().parse().unwrap();
    let mut store = Store::open(&places, unlock(&identity).unwrap(), OpenPolicy::Strict).unwrap().store;
    let (mut won, mut lost) = (0, 0);
    for number in 0..saves {
        let added = create(&format!("{own}-{number}"), "x");
        // Who waited too long for the others was told so, and nothing was saved: that is no loss.
        while let Err(error) = store.commit(vec![added.clone()], now()) {
            assert!(is_busy(&error), "{error}");
        }
        let shared = store.document().find("default", "shared").unwrap().clone();
        let count: u32 = shared.content.get_str("/name").unwrap().parse().unwrap();
        let mut next = shared.content.clone();
        next.set("/name", (count + 1).to_string().into());
        let base = Some(Box::new(shared.content));
        let update = Edit::Update { id: shared.id, base, content: next };
        match store.commit(vec![update], now()) {
            Ok(_) => won += 1,
            Err(StoreError::Edit(_)) => lost += 1,
            Err(error) if is_busy(&error) => lost += 1,
            Err(error) => panic!("{error}"),
        }
    }
    report(&format!("RESULT {won} {lost}"));
}

#[test]
fn everything_is_private_under_umask_0() {
    let home = Home::empty();
    assert_eq!(run(&mut child("vault_files::child_makes_everything_under_umask_0", &home)), "done");
    let found = tree(&home.root).split_off(1);
    assert!(found.len() >= 10, "{found:?}");
    for path in found {
        let expected = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode(&path), expected, "{}", path.display());
    }
}

/// Programs that each add credentials of their own and count in one that they share.
fn processes_lose_nothing(writers: u32, saves: u32) {
    let home = Home::with_vault();
    let mut counter = content("shared", "x");
    counter.set("/name", "0".into());
    let edit = Edit::Create { id: credbench::model::Id::new(), content: counter };
    home.open().unwrap().store.commit(vec![edit], now()).unwrap();
    let start = || {
        let mut child = child("vault_files::child_commits_often", &home);
        run(child.env("CREDBENCH_TEST_SAVES", saves.to_string()))
    };
    let results: Vec<String> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..writers).map(|_| scope.spawn(start)).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let won: u32 =
        results.iter().map(|result| result.split(' ').next().unwrap().parse::<u32>().unwrap()).sum();
    let opened = home.open().unwrap();
    assert_eq!(opened.document.credentials.len(), (1 + writers * saves) as usize);
    let shared = opened.document.find("default", "shared").unwrap();
    assert_eq!(shared.content.get_str("/name"), Some(won.to_string().as_str()));
    assert_eq!(opened.store.header().generation, u64::from(2 + writers * saves + won));
    report(&format!(
        "{writers} writers: {} added, {won} counted, {} told of a conflict",
        writers * saves,
        writers * saves - won
    ));
}

#[test]
fn processes_that_save_at_once_lose_nothing() {
    processes_lose_nothing(8, 6);
}

#[test]
#[ignore = "4,000 saves that wait for each other: minutes"]
fn eight_processes_with_250_saves_each_lose_nothing() {
    processes_lose_nothing(8, 250);
}

/// Control: writers that do not say what they saw lose each other's counts, and the same comparison shows it.
#[test]
fn writers_that_do_not_look_are_found_out() {
    let home = Home::with_vault();
    let mut counter = content("shared", "x");
    counter.set("/name", "0".into());
    let edit = Edit::Create { id: credbench::model::Id::new(), content: counter };
    home.open().unwrap().store.commit(vec![edit], now()).unwrap();
    let mut stores = [home.open().unwrap().store, home.open().unwrap().store];
    let mut won = 0;
    for store in &mut stores {
        let shared = store.document().find("default", "shared").unwrap().clone();
        let count: u32 = shared.content.get_str("/name").unwrap().parse().unwrap();
        let mut next = shared.content.clone();
        next.set("/name", (count + 1).to_string().into());
        let blind = Edit::Update { id: shared.id, base: None, content: next };
        won += u32::from(store.commit(vec![blind], now()).is_ok());
    }
    let opened = home.open().unwrap();
    let count =
        opened.document.find("default", "shared").unwrap().content.get_str("/name").unwrap().to_owned();
    assert_eq!((won, count.as_str()), (2, "1"));
}

#[test]
fn a_vault_that_is_a_link_stays_one() {
    let home = Home::with_vault();
    let link = home.root.join("link.age");
    symlink("data/vault.age", &link).unwrap();
    let places = Places { vault: link.clone(), ..home.places() };
    let mut store = Store::open(&places, home.keyring(), OpenPolicy::Strict).unwrap().store;
    store.commit(vec![create("one", "x")], now()).unwrap();
    assert!(link.is_symlink());
    assert_eq!(store.path(), home.vault());
    assert_eq!(store.folder(), home.root.join("data/vault.age.d"));
    assert_eq!(home.open().unwrap().document.credentials.len(), 1);
}

#[test]
fn what_is_no_file_neither_hangs_nor_opens() {
    let home = Home::with_vault();
    let fifo = home.root.join("fifo.age");
    rustix::fs::mknodat(
        rustix::fs::CWD,
        &fifo,
        rustix::fs::FileType::Fifo,
        rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
        0,
    )
    .unwrap();
    for (path, what) in [(fifo, "a FIFO"), (home.root.clone(), "a folder"), ("/dev/null".into(), "a device")]
    {
        let places = Places { vault: path, ..home.places() };
        let error = Store::open(&places, home.keyring(), OpenPolicy::Strict).unwrap_err();
        assert!(error.to_string().contains(what), "{error}");
    }
}

#[test]
fn what_others_can_reach_is_refused_with_the_command_that_mends_it() {
    let home = Home::with_vault();
    home.add("one");
    let folder = home.root.join("data");
    let cases = [
        (home.vault(), 0o640, 0o600, "chmod 600"),
        (home.vault(), 0o602, 0o600, "chmod 600"),
        (folder.join("vault.age.d"), 0o750, 0o700, "chmod 700"),
        (folder.clone(), 0o777, 0o700, "chmod go-w"),
        (folder, 0o770, 0o700, "chmod go-w"),
    ];
    for (path, bad, good, mend) in cases {
        fs::set_permissions(&path, fs::Permissions::from_mode(bad)).unwrap();
        let error = home.open().unwrap_err();
        assert!(error.to_string().ends_with(&format!("{mend} {}", path.display())), "{error}");
        fs::set_permissions(&path, fs::Permissions::from_mode(good)).unwrap();
        home.open().unwrap();
    }
}

#[test]
fn a_save_without_a_backup_is_refused() {
    let home = Home::with_vault();
    home.add("one");
    let backups = home.root.join("data/vault.age.d/backups");
    fs::rename(&backups, home.root.join("elsewhere")).unwrap();
    let _ = durable::create(&backups, b"in the way", |_| Ok(())).unwrap();
    let before = fs::read(home.vault()).unwrap();
    let mut store = home.open().unwrap().store;
    assert!(store.commit(vec![create("two", "x")], now()).is_err());
    assert_eq!(fs::read(home.vault()).unwrap(), before);
    assert_eq!(store.document().credentials.len(), 1);
    // Control: the same store saves once the way is free.
    fs::remove_file(&backups).unwrap();
    store.commit(vec![create("two", "x")], now()).unwrap();
}

#[test]
fn a_file_in_the_place_of_a_folder_refuses_the_save_or_is_said() {
    let blocked = |folder: &str| {
        let home = Home::with_vault();
        let mut store = home.open().unwrap().store;
        let place = home.root.join(folder);
        fs::rename(&place, home.root.join("elsewhere")).unwrap();
        let _ = durable::create(&place, b"in the way", |_| Ok(())).unwrap();
        let before = fs::read(home.vault()).unwrap();
        let committed = store.commit(vec![create("one", "x")], now());
        (committed, before == fs::read(home.vault()).unwrap(), place)
    };
    let (committed, untouched, place) = blocked("data/vault.age.d");
    let error = committed.unwrap_err().to_string();
    assert!(
        untouched && error.starts_with(&format!("cannot make the folder {}", place.display())),
        "{error}"
    );
    // That it was saved is more than that this host remembers it.
    let (committed, untouched, _) = blocked("state");
    let notices = committed.unwrap().notices;
    assert!(!untouched && matches!(notices[..], [Notice::NotRemembered { .. }]), "{notices:?}");
}

#[test]
fn leftovers_of_a_killed_save_go_with_the_next() {
    let home = Home::with_vault();
    let stale = home.root.join("data/.vault.age.0123456789abcdef.tmp");
    let _ = durable::create(&stale, b"half", |_| Ok(())).unwrap();
    home.open().unwrap();
    assert!(stale.exists());
    home.add("one");
    assert!(!stale.exists());
}

#[test]
fn a_folder_that_cannot_be_written_keeps_the_vault_and_lets_it_be_read() {
    let home = Home::with_vault();
    home.add("one");
    let before = fs::read(home.vault()).unwrap();
    let root = rustix::process::geteuid().is_root();
    let mut command = child("vault_files::child_commits_once", &home);
    if root {
        // Permissions do not bind root: the child runs as somebody whom they bind.
        if !installed("setpriv") {
            return;
        }
        for path in tree(&home.root) {
            std::os::unix::fs::lchown(&path, Some(65534), Some(65534)).unwrap();
        }
        let inner = command;
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(inner.get_program());
        command.args(inner.get_args());
        command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.current_dir("/");
    }
    let data = home.root.join("data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o500)).unwrap();
    let result = run(&mut command);
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(result.starts_with("refused: cannot make a temporary file beside"), "{result}");
    assert_eq!(fs::read(home.vault()).unwrap(), before);
    // Control: with the folder open the same child saves.
    assert!(run(&mut command).starts_with("saved"));
}

/// A child that commits once, traced, with a fault injected into its system calls.
fn traced(home: &Home, call: &str, fault: Option<&str>) -> Command {
    let inner = child("vault_files::child_commits_once", home);
    let mut command = Command::new("strace");
    command.args(["-f", "-qq", "-e", &format!("trace={call}"), "-o"]).arg(home.root.join("trace"));
    command.args(fault.map(|fault| ["-e", fault]).iter().flatten());
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command
}

/// Runs the child with the fault at its first such call, at its second, and so on to the last. `judge` gets
/// the home and what the child said. Returns how many calls there are.
fn at_each(call: &str, fault: &str, mut judge: impl FnMut(&Home, Option<&str>)) -> usize {
    let prepared = || {
        let home = Home::with_vault();
        home.add("one");
        home
    };
    let home = prepared();
    assert_eq!(run(&mut traced(&home, call, None)), "saved, unsynced: false", "control");
    let trace = fs::read_to_string(home.root.join("trace")).unwrap();
    let calls = trace.lines().filter(|line| line.contains(&format!(" {call}("))).count();
    for number in 1..=calls {
        let home = prepared();
        let when = format!("inject={call}:{fault}:when={number}");
        let output = traced(&home, call, Some(&when)).output().unwrap();
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let said = text.lines().find_map(|line| line.split_once("RESULT ")).map(|(_, result)| result);
        judge(&home, said);
    }
    calls
}

#[test]
fn a_save_killed_at_any_call_leaves_the_old_vault_or_the_new_one() {
    if !installed("strace") {
        return;
    }
    let (mut old, mut new) = (0, 0);
    for call in ["fsync", "linkat", "renameat", "flock", "fadvise64", "write"] {
        let calls = at_each(call, "signal=KILL", |home, said| {
            let opened = home.open().unwrap_or_else(|error| panic!("{call}: {error}"));
            match opened.document.credentials.len() {
                1 => old += 1,
                2 => new += 1,
                other => panic!("{call}: {other} credentials"),
            }
            if said.is_some_and(|said| said.starts_with("saved")) {
                assert_eq!(opened.document.credentials.len(), 2, "{call}: said to be saved");
            }
            // Whatever was left behind, the next save works and clears it away.
            home.add("next");
            let leftover = tree(&home.root).into_iter().find(|path| path.extension() == Some("tmp".as_ref()));
            assert_eq!(leftover, None, "{call}");
        });
        assert!(calls > 0, "{call} is never called: this tests nothing");
    }
    assert!(old > 0 && new > 0, "control: kills before and after the rename: {old} {new}");
}

#[test]
fn a_call_that_fails_loses_nothing_and_is_named() {
    if !installed("strace") {
        return;
    }
    for (call, fault) in [
        ("linkat", "error=ENOSPC"),
        ("renameat", "error=EIO"),
        ("renameat", "error=EACCES"),
        ("fsync", "error=ENOSPC"),
        ("flock", "error=EIO"),
        ("openat", "error=EMFILE"),
    ] {
        let calls = at_each(call, fault, |home, said| {
            let opened = home.open().unwrap_or_else(|error| panic!("{call}: {error}"));
            let count = opened.document.credentials.len();
            match said {
                Some(said) if said.starts_with("saved") => assert_eq!(count, 2, "{call} {fault}: {said}"),
                Some(said) => {
                    assert_eq!(count, 1, "{call} {fault}: {said}");
                    assert!(said.contains(&home.root.display().to_string()), "{call} {fault}: {said}");
                }
                // The fault met the test's own start.
                None => assert_eq!(count, 1, "{call} {fault}"),
            }
        });
        assert!(calls > 0, "{call} is never called: this tests nothing");
    }
}

#[test]
fn a_failed_sync_is_never_taken_for_a_save() {
    if !installed("strace") {
        return;
    }
    let inject = |home: &Home, fault: &str| run(&mut traced(home, "fsync", Some(fault)));
    // The temporary file, the backup folder, the vault's folder.
    let expected = [
        "refused: cannot get to the disk the temporary file",
        "refused: cannot keep a backup",
        "saved, unsynced: true",
    ];
    for (number, expected) in expected.iter().enumerate() {
        let home = Home::with_vault();
        home.add("one");
        let before = fs::read(home.vault()).unwrap();
        let result = inject(&home, &format!("inject=fsync:error=EIO:when={}", number + 1));
        assert!(result.starts_with(expected), "{}: {result}", number + 1);
        if number < 2 {
            assert_eq!(fs::read(home.vault()).unwrap(), before);
        }
        let temporaries = tree(&home.root.join("data"));
        assert!(temporaries.iter().all(|path| path.extension().is_none_or(|end| end != "tmp")));
        home.open().unwrap();
    }
    let home = Home::with_vault();
    home.add("one");
    assert_eq!(inject(&home, "inject=fsync:error=EIO:when=99"), "saved, unsynced: false", "control");
}

/// Somebody who may write to the folder above puts another one in the place of the vault's, in the middle of a save.
#[test]
fn a_folder_swapped_during_a_save_gets_nothing() {
    if !installed("strace") {
        return;
    }
    let home = Home::with_vault();
    home.add("one");
    let (data, moved, theirs) = (home.root.join("data"), home.root.join("moved"), home.root.join("theirs"));
    fs::create_dir(&theirs).unwrap();
    fs::copy(home.vault(), theirs.join("vault.age")).unwrap();
    let planted = fs::read(theirs.join("vault.age")).unwrap();
    let said = std::thread::scope(|scope| {
        let saving = scope.spawn(|| {
            let mut delayed = traced(&home, "renameat", Some("inject=renameat:delay_enter=400000"));
            String::from_utf8_lossy(&delayed.output().unwrap().stdout).into_owned()
        });
        // The last thing before the new vault takes its place.
        let backup = data.join("vault.age.d/backups/2.age");
        while !backup.exists() && !saving.is_finished() {
            std::thread::yield_now();
        }
        fs::rename(&data, &moved).unwrap();
        symlink(&theirs, &data).unwrap();
        saving.join().unwrap()
    });
    assert!(said.contains("RESULT saved"), "{said}");
    let names = |folder: &Path| -> Vec<String> {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned()).collect()
    };
    assert_eq!(fs::read(theirs.join("vault.age")).unwrap(), planted, "what they put there is as it was");
    assert_eq!(names(&theirs), ["vault.age"], "nothing was written where they led to");
    // Control: the save was under way, and it ended in the folder that it had begun in.
    fs::remove_file(&data).unwrap();
    fs::rename(&moved, &data).unwrap();
    assert_eq!(home.open().unwrap().document.credentials.len(), 2);
}

#[test]
fn a_second_name_of_the_vault_keeps_what_it_had() {
    let home = Home::with_vault();
    let other = home.root.join("other.age");
    fs::hard_link(home.vault(), &other).unwrap();
    let before = fs::read(&other).unwrap();
    home.add("one");
    assert_eq!(fs::read(&other).unwrap(), before);
    assert_ne!(fs::read(home.vault()).unwrap(), before);
}

#[test]
fn the_backup_is_the_replaced_file_itself() {
    let home = Home::with_vault();
    let inode = fs::metadata(home.vault()).unwrap().ino();
    home.add("one");
    let backup = home.root.join("data/vault.age.d/backups/1.age");
    assert_eq!(fs::metadata(backup).unwrap().ino(), inode);
}

#[test]
#[ignore = "a process of its own: run by other tests"]
fn child_hardens_itself() {
    let before = credbench::memory::harden();
    let limits = fs::read_to_string("/proc/self/limits").unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    let soft = core.split_whitespace().nth(4).unwrap();
    let mask = rustix::process::umask(rustix::fs::Mode::empty()).bits();
    let dumpable = rustix::process::dumpable_behavior().unwrap();
    report(&format!("RESULT {soft} {mask:o} {dumpable:?} {:o}", before.umask.bits()));
}

#[test]
fn a_hardened_process_dumps_nothing_and_remembers_what_it_changed() {
    let home = Home::empty();
    let mut command = Command::new("sh");
    let inner = child("vault_files::child_hardens_itself", &home);
    command.args(["-c", "umask 027; ulimit -S -c unlimited; exec \"$@\"", "sh"]);
    command.arg(inner.get_program()).args(inner.get_args());
    command.envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))));
    assert_eq!(run(&mut command), "0 77 NotDumpable 27");
}
