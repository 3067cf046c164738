#![allow(clippy::disallowed_methods, reason = "tests leave files as other programs would")]

use std::fs::{self, File};
use std::time::SystemTime;

use jiff::{SignedDuration, Timestamp};
use serde_json::json;

use super::*;
use crate::model::{KeptContent, Object, Subject};
use crate::secret::Secret;
use crate::vault::Store;
use crate::vault::tests::store;

/// A draft that was kept this many seconds after the epoch.
fn draft(seconds: i64, text: &str) -> KeptDraft {
    let mut document = Object::new();
    document.insert("key".to_owned(), json!("api"));
    KeptDraft {
        id: Id(uuid::Uuid::now_v7().to_string()),
        at: Timestamp::UNIX_EPOCH + SignedDuration::from_secs(seconds),
        subject: Subject::Kind { id: "mine".to_owned(), version: Some(3) },
        content: KeptContent {
            document,
            secrets: [("/a".to_owned(), Secret::from("s3cret"))].into(),
            entered: ["/a".to_owned()].into(),
        },
        text: Some(Secret::from(text)),
    }
}

fn kept(store: &Store, draft: &KeptDraft) -> SealedDraft {
    let sealed = store.sealer().seal(draft, &store.document().recipients).unwrap();
    store.sealer().store(&sealed).unwrap();
    sealed
}

fn file(store: &Store, draft: &KeptDraft) -> std::path::PathBuf {
    store.folder().join("drafts").join(format!("{}.age", draft.id))
}

#[test]
fn drafts_of_everything_come_back() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let id = Id("a".to_owned());
    let before = [("name".to_owned(), json!("mail"))].into_iter().collect();
    let subjects = [
        Subject::Credential { id: id.clone(), version: Some(2), rotates: true },
        Subject::Credential { id, version: None, rotates: false },
        Subject::OauthApp { before: Some(before) },
        Subject::OauthApp { before: None },
        Subject::Kind { id: "mine".to_owned(), version: None },
    ];
    let drafts: Vec<_> =
        (0..).zip(subjects).map(|(at, subject)| KeptDraft { subject, ..draft(at, "{") }).collect();
    drafts.iter().for_each(|draft| drop(kept(&store, draft)));
    assert_eq!(store.drafts(&mut Vec::new()), drafts);
}

#[test]
fn drafts_come_back_oldest_first_until_they_are_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    assert!(store.drafts(&mut Vec::new()).is_empty());
    let (later, earlier) = (draft(20, "{ later"), draft(10, "{ earlier"));
    kept(&store, &later);
    let sealed = kept(&store, &earlier);
    assert_eq!(store.drafts(&mut Vec::new()), [earlier.clone(), later.clone()]);
    // The same draft, further on, takes the place of what it was.
    let further = KeptDraft { text: Some(Secret::from("{ further")), ..earlier.clone() };
    kept(&store, &further);
    assert_eq!(store.drafts(&mut Vec::new()), [further, later.clone()]);
    store.sealer().forget(&earlier.id).unwrap();
    assert_eq!(store.drafts(&mut Vec::new()), [later]);
    store.sealer().forget(&earlier.id).unwrap();
    // What is named is the folder and the draft, and nothing that it holds.
    assert_eq!(format!("{sealed:?}"), format!("SealedDraft({})", earlier.id));
    assert!(format!("{:?}", store.sealer()).ends_with("drafts)"));
}

#[test]
fn one_that_cannot_be_removed_is_said() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let draft = draft(0, "");
    fs::create_dir_all(file(&store, &draft)).unwrap();
    assert!(store.sealer().forget(&draft.id).is_err());
}

#[test]
fn what_could_not_be_stored_is_kept_in_hand_and_tried_again() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let (one, other) = (draft(1, "one"), draft(2, "other"));
    kept(&store, &other);
    let drafts = store.folder().join("drafts");
    fs::rename(&drafts, drafts.with_extension("away")).unwrap();
    fs::write(&drafts, "no folder").unwrap();
    let mut held = vec![store.sealer().seal(&one, &store.document().recipients).unwrap()];
    assert_eq!(store.drafts(&mut held), std::slice::from_ref(&one));
    assert_eq!(held.len(), 1);
    fs::remove_file(&drafts).unwrap();
    fs::rename(drafts.with_extension("away"), &drafts).unwrap();
    assert_eq!(store.drafts(&mut held), [one, other]);
    assert!(held.is_empty());
}

#[test]
fn what_is_in_hand_stands_beside_what_is_on_the_disk() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let (one, other) = (draft(1, "one"), draft(2, "other"));
    kept(&store, &other);
    // Something is in the way of one of them.
    fs::create_dir(file(&store, &one)).unwrap();
    let mut held = vec![store.sealer().seal(&one, &store.document().recipients).unwrap()];
    assert_eq!(store.drafts(&mut held), [other, one]);
    assert_eq!(held.len(), 1);
}

#[test]
fn a_long_one_comes_back() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let long = draft(1, &"text ".repeat(20_000));
    kept(&store, &long);
    assert_eq!(store.drafts(&mut Vec::new()), [long]);
}

/// It holds secrets in clear: a buffer that grew would leave copies behind.
#[test]
fn its_text_is_written_into_a_buffer_that_has_its_size_from_the_start() {
    for text in ["", "short", &"long ".repeat(1000)] {
        let plain = encode_draft(&draft(1, text), "vault", |_| "c".repeat(44)).unwrap();
        assert_eq!(plain.capacity(), plain.len());
    }
}

/// Whoever can write to the folder can seal to the vault's recipients: that makes no draft of one's own.
#[test]
fn what_others_put_there_is_left_alone() {
    let home = tempfile::tempdir().unwrap();
    let (mine, theirs) = (store(&home.path().join("mine")), store(&home.path().join("theirs")));
    let (one, forged, renamed, stored) =
        (draft(1, "one"), draft(2, "forged"), draft(3, "renamed"), draft(4, ""));
    kept(&mine, &one);
    // With another identity's code, but sealed to me.
    let sealed = theirs.sealer().seal(&forged, &mine.document().recipients).unwrap();
    mine.sealer().store(&sealed).unwrap();
    // For nobody of this vault.
    kept(&theirs, &stored);
    fs::copy(file(&theirs, &stored), file(&mine, &stored)).unwrap();
    // Under another one's name.
    let sealed = mine.sealer().seal(&renamed, &mine.document().recipients).unwrap();
    mine.sealer().store(&SealedDraft { id: stored.id.clone(), ..sealed.clone() }).unwrap();
    fs::write(file(&mine, &one).with_extension("txt"), "no draft").unwrap();
    fs::write(file(&mine, &renamed), "no age file").unwrap();
    assert_eq!(mine.drafts(&mut Vec::new()), std::slice::from_ref(&one));
    assert_eq!(fs::read_dir(mine.folder().join("drafts")).unwrap().count(), 5);
    mine.sealer().store(&sealed).unwrap();
    assert_eq!(mine.drafts(&mut Vec::new()), [one, renamed], "the control");
}

#[test]
fn a_draft_of_another_vault_is_none_of_this_one() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let one = draft(1, "one");
    let of = |id: &str| DraftSealer { vault_id: id.to_owned(), ..store.sealer() };
    let own = store.header().vault_id.clone();
    for (id, found) in [("another", 0), (own.as_str(), 1)] {
        let sealed = of(id).seal(&one, &store.document().recipients).unwrap();
        store.sealer().store(&sealed).unwrap();
        assert_eq!(store.drafts(&mut Vec::new()).len(), found, "{id}");
    }
}

#[test]
fn what_a_killed_program_left_goes_once_it_is_old() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    let draft = draft(1, "one");
    kept(&store, &draft);
    let names = || {
        let mut names: Vec<String> = fs::read_dir(store.folder().join("drafts"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    let own = format!("{}.age", draft.id);
    let temporary = format!(".{own}.0123456789abcdef.tmp");
    for (age, left) in [(0, true), (30, true), (61, false)] {
        let left_behind = File::create(store.folder().join("drafts").join(&temporary)).unwrap();
        left_behind.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
        let before = names();
        assert_eq!(store.drafts(&mut Vec::new()), std::slice::from_ref(&draft));
        assert_eq!(names() == before, left, "{age} s");
    }
    assert_eq!(names(), [own]);
}

/// More are only left by mistake; none of them is removed.
#[test]
fn a_hundred_are_read() {
    let home = tempfile::tempdir().unwrap();
    let store = store(home.path());
    for number in 0..=MOST {
        kept(&store, &draft(i64::try_from(number).unwrap(), "one"));
    }
    assert_eq!(store.drafts(&mut Vec::new()).len(), MOST);
    assert_eq!(fs::read_dir(store.folder().join("drafts")).unwrap().count(), MOST + 1);
}
