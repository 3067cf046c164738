//! Steps that the system refuses: each is named, and what was there stays.

use super::*;

/// Whether it is the refusal of this step, told of this file.
fn is_refusal<T>(result: Result<T, Error>, expected: Step, of: &Path) -> bool {
    let error = result.err().unwrap();
    let told = error.to_string().starts_with(&format!("cannot {expected} {}: ", of.display()));
    told && matches!(error, Error::Io { step, path, .. } if step == expected && path == of)
}

#[test]
fn a_name_that_the_file_system_does_not_take_names_the_step() {
    let (_guard, home) = home();
    let path = home.join("n".repeat(300));
    assert!(is_refusal(create(&path, b"one", fine), Step::CreateTemporary, &path));
    assert!(is_refusal(replace(&path, b"one", None, fine), Step::CreateTemporary, &path));
    assert!(is_refusal(create_fleeting(&path, b"one"), Step::Open, &path));
    assert!(is_refusal(Lock::acquire(&path, LOCK_WAIT), Step::Lock, &path));
    assert!(is_refusal(create_private_folder(&path), Step::CreateFolder, &path));
    assert!(names(&home).is_empty());
}

#[test]
fn a_file_set_aside_keeps_what_has_the_name_already() {
    let (_guard, home) = home();
    let (path, other) = (home.join("audit.log"), home.join("aside"));
    let _ = create(&path, b"one", fine).unwrap();
    let _ = create(&other, b"two", fine).unwrap();
    assert!(matches!(set_aside(&path, "aside"), Err(Error::Exists { path }) if path == other));
    assert_eq!((fs::read(&path).unwrap(), fs::read(&other).unwrap()), (b"one".to_vec(), b"two".to_vec()));
    fs::remove_file(&other).unwrap();
    set_aside(&path, "aside").unwrap();
    assert_eq!(names(&home), ["aside"]);
    assert_eq!(fs::read(&other).unwrap(), b"one");
    assert!(is_refusal(set_aside(&path, "aside"), Step::SetAside, &path), "it is gone");
}

#[test]
fn a_temporary_file_that_somebody_took_away_is_missed() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let _ = create(&path, b"one", fine).unwrap();
    let folder = Folder::of(&path).unwrap();
    for put in [Temporary::rename_over, Temporary::rename_beside] {
        let temporary = folder.written(b"two", fine).unwrap();
        fs::remove_file(home.join(&temporary.name)).unwrap();
        assert!(is_refusal(put(temporary), Step::Rename, &path));
    }
    let (temporary, _) = folder.temporary().unwrap();
    fs::remove_file(home.join(&temporary.name)).unwrap();
    assert!(is_refusal(temporary.read_back(b"two", fine), Step::ReadBack, &path));
    // A folder in its place is opened, and cannot be read.
    fs::DirBuilder::new().create(home.join(&temporary.name)).unwrap();
    assert!(is_refusal(temporary.read_back(&[0; 1 << 16], fine), Step::ReadBack, &path));
    fs::remove_dir(home.join(&temporary.name)).unwrap();
    drop(temporary);
    assert_eq!((names(&home), fs::read(&path).unwrap()), (vec!["vault.age".to_owned()], b"one".to_vec()));
}

#[test]
fn a_file_that_grows_while_it_is_read_is_read_to_the_limit() {
    let (_guard, home) = home();
    let path = home.join("vault.age");
    let _ = create(&path, b"one", fine).unwrap();
    let before = fs::metadata(&path).unwrap();
    fs::write(&path, b"longer").unwrap();
    let read = |limit| private::read_whole(File::open(&path).unwrap(), &before, &path, limit);
    assert!(matches!(read(5), Err(Error::TooLarge { limit: 5, .. })));
    assert_eq!(**read(6).unwrap(), *b"longer");
}

#[test]
fn what_is_no_file_is_said() {
    let (_guard, home) = home();
    let socket = home.join("socket");
    let _socket = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    let error = read_private(&socket, 9).err().unwrap();
    assert_eq!(error.to_string(), format!("{} is a socket, not a file", socket.display()));
    assert_eq!((error.io_kind(), error.is_missing()), (None, false), "no word of the system's");
    let none = home.join("none");
    assert!(is_refusal(require_safe_folder(&none), Step::Inspect, &none));
}
