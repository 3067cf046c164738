#![allow(clippy::disallowed_methods, reason = "tests leave files as other programs would")]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

mod refused;

fn fine(_: &[u8]) -> Result<(), String> {
    Ok(())
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

fn home() -> (tempfile::TempDir, PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().canonicalize().unwrap();
    (home, path)
}

#[test]
fn a_new_file_is_private_and_never_replaces_one() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let saved = create(&path, b"one", fine).unwrap();
    assert!(saved.unsynced.is_none());
    assert_eq!(mode(&path), 0o600);
    assert!(matches!(create(&path, b"two", fine), Err(Error::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert_eq!(names(&home), ["vault.age"]);
}

#[test]
fn replacing_keeps_the_old_file_as_a_link() {
    let (_guard, home) = home();
    let (path, backup) = (home.join("vault.age"), home.join("1.age"));
    create(&path, b"one", fine).unwrap().unsynced.ok_or(()).unwrap_err();
    let old = fs::metadata(&path).unwrap().ino();
    let _ = replace(&path, b"two", Some(&backup), fine).unwrap();
    assert_eq!(fs::read(&path).unwrap(), b"two");
    assert_eq!(fs::metadata(&backup).unwrap().ino(), old);
    assert_eq!(mode(&path), 0o600);
    assert_eq!(names(&home), ["1.age", "vault.age"]);
}

#[test]
fn a_backup_of_something_else_refuses_the_save() {
    let (_guard, home) = home();
    let (path, backup) = (home.join("vault.age"), home.join("1.age"));
    let _ = create(&path, b"one", fine).unwrap();
    let _ = create(&backup, b"other", fine).unwrap();
    assert!(matches!(replace(&path, b"two", Some(&backup), fine), Err(Error::Exists { .. })));
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert_eq!(fs::read(&backup).unwrap(), b"other");
    // A crash between link and rename leaves the link: the next save goes on from there.
    fs::remove_file(&backup).unwrap();
    fs::hard_link(&path, &backup).unwrap();
    let _ = replace(&path, b"two", Some(&backup), fine).unwrap();
    assert_eq!(fs::read(&backup).unwrap(), b"one");
}

#[test]
fn a_backup_folder_that_is_not_there_refuses_the_save() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let _ = create(&path, b"one", fine).unwrap();
    assert!(replace(&path, b"two", Some(&home.join("no/1.age")), fine).is_err());
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert_eq!(names(&home), ["vault.age"]);
}

#[test]
fn verification_has_the_last_word() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let _ = create(&path, b"one", fine).unwrap();
    let refused = replace(&path, b"two", None, |back| {
        assert_eq!(back, b"two");
        Err("no".to_owned())
    });
    assert!(matches!(refused, Err(Error::ReadBack { reason, .. }) if reason == "no"));
    assert_eq!(fs::read(&path).unwrap(), b"one");
    assert_eq!(names(&home), ["vault.age"]);
}

#[test]
fn a_file_changed_between_writing_and_reading_back_is_noticed() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let _ = create(&path, b"one", fine).unwrap();
    let folder = Folder::of(&path).unwrap();
    for changed in [&b"tw0"[..], b"tw", b"two and more"] {
        let (temporary, mut file) = folder.temporary().unwrap();
        file.write_all(changed).unwrap();
        let refused = temporary.read_back(b"two", fine);
        assert!(matches!(refused, Err(Error::ReadBack { path: named, .. }) if named == path));
    }
    // Nor is a link followed that took its place.
    let (temporary, _) = folder.temporary().unwrap();
    fs::remove_file(home.join(&temporary.name)).unwrap();
    symlink(&path, home.join(&temporary.name)).unwrap();
    assert!(matches!(temporary.read_back(b"one", fine), Err(Error::Io { step: Step::ReadBack, .. })));
    let (temporary, mut file) = folder.temporary().unwrap();
    file.write_all(b"two").unwrap();
    temporary.read_back(b"two", fine).unwrap();
}

#[test]
fn stale_temporaries_go_and_only_those() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let strangers = [
        ".other.age.0123456789abcdef.tmp",
        ".vault.age.0123.tmp",
        ".vault.age.notes-of-mine-ab.tmp",
        ".vault.age.notes.tmp",
        "vault.age",
        "x.tmp",
    ];
    for name in strangers.iter().chain(&[".vault.age.0123456789abcdef.tmp"]) {
        fs::File::create_new(home.join(name)).unwrap();
    }
    remove_stale(&path);
    assert_eq!(names(&home), strangers);
}

#[test]
fn only_private_files_are_read() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let _ = create(&path, b"one", fine).unwrap();
    for exposed in [0o640, 0o604, 0o620, 0o602, 0o610] {
        fs::set_permissions(&path, fs::Permissions::from_mode(exposed)).unwrap();
        let error = read_private(&path, 10).err().unwrap();
        assert!(matches!(error, Error::Exposed { mode, .. } if mode == exposed));
        assert!(error.to_string().ends_with(&format!("chmod 600 {}", path.display())), "{error}");
    }
    for private in [0o600, 0o400, 0o700] {
        fs::set_permissions(&path, fs::Permissions::from_mode(private)).unwrap();
        let read = read_private(&path, 3).unwrap().bytes;
        assert_eq!(*read, b"one");
        assert_eq!(read.capacity(), 4, "one that grows leaves a copy behind");
    }
    assert!(matches!(read_private(&path, 2), Err(Error::TooLarge { .. })));
}

#[test]
fn what_is_missing_is_told_from_what_is_refused() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let _ = create(&path, b"one", fine).unwrap();
    for none in [home.join("none"), path.join("below")] {
        let error = read_private(&none, 9).err().unwrap();
        assert!(error.is_missing(), "{error}");
        assert!(error.to_string().starts_with(&format!("cannot find {}: ", none.display())), "{error}");
    }
    symlink(home.join("loop"), home.join("loop")).unwrap();
    for there in [read_private(&path, 2), read_private(&home, 9), read_private(&home.join("loop"), 9)] {
        let error = there.err().unwrap();
        assert!(!error.is_missing(), "{error}");
    }
    assert!(remove(&home.join("none")).unwrap_err().is_missing());
    assert!(!create_private_folder(&path.join("below")).unwrap_err().is_missing(), "it was to be made");
    assert!(open_to_read(&home.join("none")).unwrap().is_none());
    assert!(open_to_read(&path.join("below")).is_err());
    assert!(require_private_folder(&path.join("below")).is_err());
}

/// Between looking at a file and opening it, another may take its place.
#[test]
fn what_was_opened_is_judged_again() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let _ = create(&path, b"one", fine).unwrap();
    let open = |path: &Path| private::open_private(path, fs::OpenOptions::new().read(true));
    open(&path).unwrap();
    symlink(&path, home.join("link")).unwrap();
    assert!(matches!(open(&home.join("link")), Err(Error::Io { step: Step::Open, .. })));
    let fifo = home.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert!(matches!(open(&fifo), Err(Error::NotAFile { what: "a FIFO", .. })));
    // A folder is opened as one: this would wait for who writes to the FIFO.
    assert!(create(&fifo.join("x"), b"one", fine).is_err());
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(open(&path), Err(Error::Exposed { .. })));
}

#[test]
fn what_belongs_to_another_user_is_refused() {
    let (_guard, home) = home();
    let (file, folder) = if rustix::process::geteuid().is_root() {
        let (file, folder) = (home.join("theirs"), home.join("folder"));
        let _ = create(&file, b"one", fine).unwrap();
        create_private_folder(&folder).unwrap();
        std::os::unix::fs::chown(&file, Some(4711), None).unwrap();
        std::os::unix::fs::chown(&folder, Some(4711), None).unwrap();
        assert!(matches!(require_safe_folder(&folder), Err(Error::ForeignOwner { owner: 4711, .. })));
        (file, folder)
    } else {
        (PathBuf::from("/etc/passwd"), PathBuf::from("/"))
    };
    assert!(matches!(read_private(&file, 1 << 20), Err(Error::ForeignOwner { .. })));
    assert!(matches!(require_private_folder(&folder), Err(Error::ForeignOwner { .. })));
    // Who is root can replace any file anyway.
    require_safe_folder(Path::new("/")).unwrap();
    require_safe_folder(&home).unwrap();
}

#[test]
fn a_stamp_tells_files_and_changes() {
    let (_guard, home) = home();
    let (path, other) = (home.join("one"), home.join("two"));
    let _ = create(&path, b"one", fine).unwrap();
    let _ = create(&other, b"one", fine).unwrap();
    let (before, another) = (Stamp::of(&path).unwrap(), Stamp::of(&other).unwrap());
    assert!(before != another && !before.is_same_file(&another));
    fs::write(&path, b"longer").unwrap();
    let after = Stamp::of(&path).unwrap();
    assert!(before != after && before.is_same_file(&after));
    assert_eq!((before.size(), after.size()), (3, 6));
    assert_eq!(Stamp::of_file(&File::open(&path).unwrap()), Some(after));
    assert!(after.to_string().contains(":6:") && before.to_string() != after.to_string(), "{after}");
    assert_eq!(Stamp::of(&home.join("none")), None);
}

#[test]
fn a_file_for_a_moment_is_read_only_and_new() {
    let (_guard, home) = home();
    let path = home.join("value");
    create_fleeting(&path, b"one").unwrap();
    assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o400, b"one".to_vec()));
    assert!(matches!(create_fleeting(&path, b"two"), Err(Error::Exists { path: named }) if named == path));
    assert_eq!(fs::read(&path).unwrap(), b"one");
}

#[test]
fn a_rewritten_file_keeps_its_mode_also_behind_a_link() {
    let (_guard, home) = home();
    let (path, link) = (home.join("script"), home.join("link"));
    fs::write(&path, b"one").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o754)).unwrap();
    symlink(&path, &link).unwrap();
    let _ = rewrite(&link, b"two").unwrap();
    assert_eq!((mode(&path), fs::read(&path).unwrap()), (0o754, b"two".to_vec()));
    assert_eq!(names(&home), ["link", "script"]);
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
}

#[test]
fn what_is_removed_is_gone_and_what_is_not_there_is_said() {
    let (_guard, home) = home();
    let files = ["one", "two", "three"].map(|name| home.join(name));
    for file in &files {
        let _ = create(file, b"", fine).unwrap();
    }
    remove(&files[0]).unwrap();
    assert!(matches!(remove_all(&home, &files), Err(Error::Io { step: Step::Remove, .. })));
    assert_eq!(names(&home), ["three", "two"], "nothing behind the one that failed");
    remove_all(&home, &files[1..]).unwrap();
    assert!(names(&home).is_empty());
    assert!(remove_all(&home.join("none"), &[]).is_err());
    assert!(sync_folder_of(&home.join("none/x")).is_err());
}

#[test]
fn a_bare_name_lies_in_the_present_folder() {
    let folder = Folder::of(Path::new("vault.age")).unwrap();
    assert_eq!(folder.target(), Path::new("./vault.age"));
    assert!(Folder::of(Path::new("..")).is_err());
}

#[test]
fn links_are_followed_once_and_other_things_are_no_files() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let _ = create(&path, b"one", fine).unwrap();
    symlink(&path, home.join("link")).unwrap();
    assert_eq!(read_private(&home.join("link"), 9).unwrap().path, path);
    assert!(matches!(read_private(&home, 9), Err(Error::NotAFile { what: "a folder", .. })));
    let fifo = home.join("fifo");
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, Mode::RUSR, 0).unwrap();
    assert!(matches!(read_private(&fifo, 9), Err(Error::NotAFile { what: "a FIFO", .. })));
    assert!(matches!(read_private(Path::new("/dev/null"), 9), Err(Error::NotAFile { what: "a device", .. })));
}

#[test]
fn a_folder_where_others_write_is_refused() {
    let (_guard, home) = home();
    for (bits, safe) in [(0o777, false), (0o770, false), (0o1777, true), (0o755, true), (0o700, true)] {
        fs::set_permissions(&home, fs::Permissions::from_mode(bits)).unwrap();
        assert_eq!(require_safe_folder(&home).is_ok(), safe, "{bits:o}");
        assert_eq!(require_private_folder(&home).is_ok(), bits == 0o700, "{bits:o}");
    }
    assert!(require_private_folder(&home.join("none")).is_ok());
}

#[test]
fn folders_are_made_private_to_the_top() {
    let (_guard, home) = home();
    create_private_folder(&home.join("a/b/c")).unwrap();
    for folder in ["a", "a/b", "a/b/c"] {
        assert_eq!(mode(&home.join(folder)), 0o700);
    }
}

#[test]
fn a_lock_excludes_and_is_given_back() {
    let (_guard, home) = home();
    let path = home.join("lock");
    let held = Lock::acquire(&path, LOCK_WAIT).unwrap();
    assert!(held.is_held());
    assert_eq!(mode(&path), 0o600);
    let (wait, begun) = (std::time::Duration::from_millis(30), std::time::Instant::now());
    let second = Lock::acquire(&path, wait);
    assert!(matches!(second, Err(Error::Busy { .. })));
    assert!(begun.elapsed() >= wait, "it was waited for");
    drop(held);
    Lock::acquire(&path, std::time::Duration::ZERO).unwrap();
    symlink(&path, home.join("link")).unwrap();
    assert!(Lock::acquire(&home.join("link"), LOCK_WAIT).is_err(), "no link is followed");
}

#[test]
fn a_bare_name_is_one_in_the_current_folder() {
    for (path, folder) in [("vault.age", "."), ("a/vault.age", "a"), ("/vault.age", "/"), ("/a/v", "/a")] {
        assert_eq!(folder_of(Path::new(path)), Path::new(folder), "{path}");
    }
}
