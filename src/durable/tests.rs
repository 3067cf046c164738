#![allow(clippy::disallowed_methods, reason = "tests leave files as other programs would")]

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

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
        assert!(matches!(temporary.read_back(b"two", fine), Err(Error::ReadBack { .. })));
    }
    let (temporary, mut file) = folder.temporary().unwrap();
    file.write_all(b"two").unwrap();
    temporary.read_back(b"two", fine).unwrap();
}

#[test]
fn stale_temporaries_go_and_only_those() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let strangers = [".other.age.0123456789abcdef.tmp", ".vault.age.notes.tmp", "vault.age", "x.tmp"];
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
        assert_eq!(*read_private(&path, 3).unwrap().bytes, b"one");
    }
    assert!(matches!(read_private(&path, 2), Err(Error::TooLarge { .. })));
    assert!(read_private(&home.join("none"), 9).err().unwrap().is_missing());
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
    let second = Lock::acquire(&path, std::time::Duration::from_millis(30));
    assert!(matches!(second, Err(Error::Busy { .. })));
    drop(held);
    Lock::acquire(&path, std::time::Duration::ZERO).unwrap();
}
