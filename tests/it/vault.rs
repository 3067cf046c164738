//! The vault as callers use it: make, open, commit, merge, undo, adopt.
#![allow(clippy::disallowed_methods, reason = "tests plant and move files")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use credbench::durable;
use credbench::model::{Edit, EditError, Recipient};
use credbench::vault::export::{ExportError, write_export};
use credbench::vault::{
    Adoption, Archive, Damage, Keyring, Notice, OpenPolicy, Places, Refusal, Store, StoreError, backups,
    locate, parse_recipient,
};

use crate::support::vault::{CHEAP, Home, content, create, document_for, installed, now, unlock};

#[test]
fn what_was_committed_is_there_when_opened_again() {
    let home = Home::with_vault();
    let mut opened = home.open().unwrap();
    assert!(opened.notices.is_empty(), "{:?}", opened.notices);
    let committed = opened.store.commit(vec![create("one", "s3cret"), create("two", "x")], now()).unwrap();
    assert_eq!(committed.generation, 2);
    assert!(!committed.reloaded);
    assert!(committed.unsynced.is_none());
    assert!(committed.notices.is_empty(), "{:?}", committed.notices);

    let again = home.open().unwrap();
    assert_eq!(again.document, committed.document);
    let one = again.document.find("default", "one").unwrap();
    assert_eq!(one.content.secret("/config/api_key").unwrap().expose(), "s3cret");
    assert_eq!(again.store.header().generation, 2);
    assert!(again.store.fingerprint().starts_with("2 · "));
}

#[test]
fn nothing_lies_in_clear() {
    let home = Home::with_vault();
    home.open().unwrap().store.commit(vec![create("billing-key", "hunter2-hunter2")], now()).unwrap();
    let mut folders = vec![home.root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let bytes = fs::read(&path).unwrap();
            for marker in ["hunter2", "billing-key"] {
                let found = bytes.windows(marker.len()).any(|window| window == marker.as_bytes());
                assert!(!found, "{marker} in {}", path.display());
            }
        }
    }
}

#[test]
fn inverses_take_a_commit_back() {
    let home = Home::with_vault();
    home.add("kept");
    let mut store = home.open().unwrap().store;
    let before = Arc::clone(store.document());
    let id = before.find("default", "kept").unwrap().id.clone();
    let edits = vec![
        create("new", "x"),
        Edit::Update { id: id.clone(), base: None, content: content("renamed", "y") },
        Edit::Remove { id, base: Box::new(content("renamed", "y")) },
    ];
    let committed = store.commit(edits, now()).unwrap();
    assert!(committed.document.find("default", "kept").is_none());
    let undone = store.commit(committed.inverses, now()).unwrap().document;
    assert_eq!(undone.credentials.len(), 1);
    let kept = undone.find("default", "kept").unwrap();
    assert_eq!(kept.content, before.credentials[0].content);
}

#[test]
fn all_edits_or_none() {
    let home = Home::with_vault();
    let mut store = home.open().unwrap().store;
    let bytes = fs::read(home.vault()).unwrap();
    let edits = vec![create("one", "x"), create("one", "y")];
    assert!(matches!(store.commit(edits, now()), Err(StoreError::Edit(EditError::KeyTaken { .. }))));
    assert_eq!(fs::read(home.vault()).unwrap(), bytes);
    assert!(store.document().credentials.is_empty());
}

#[test]
fn no_edits_write_nothing() {
    let home = Home::with_vault();
    let bytes = fs::read(home.vault()).unwrap();
    let committed = home.open().unwrap().store.commit(Vec::new(), now()).unwrap();
    assert_eq!(committed.generation, 1);
    assert_eq!(fs::read(home.vault()).unwrap(), bytes);
}

#[test]
fn two_writers_of_different_credentials_both_survive() {
    let home = Home::with_vault();
    let (mut one, mut two) = (home.open().unwrap().store, home.open().unwrap().store);
    one.commit(vec![create("one", "x")], now()).unwrap();
    let second = two.commit(vec![create("two", "y")], now()).unwrap();
    assert!(second.reloaded);
    assert_eq!(second.document.credentials.len(), 2);
    assert_eq!(one.refresh().unwrap().unwrap(), second.document);
    assert_eq!(one.refresh().unwrap(), None);
}

#[test]
fn two_writers_of_one_credential_conflict() {
    let home = Home::with_vault();
    home.add("shared");
    let (mut one, mut two) = (home.open().unwrap().store, home.open().unwrap().store);
    let id = one.document().credentials[0].id.clone();
    let base = Some(Box::new(one.document().credentials[0].content.clone()));
    let update =
        |secret| Edit::Update { id: id.clone(), base: base.clone(), content: content("shared", secret) };
    one.commit(vec![update("first")], now()).unwrap();
    let lost = two.commit(vec![update("second")], now()).unwrap_err();
    assert!(matches!(lost, StoreError::Edit(EditError::Conflict { .. })), "{lost}");
    let stored = &home.open().unwrap().document.credentials[0];
    assert_eq!(stored.content.secret("/config/api_key").unwrap().expose(), "first");
}

#[test]
fn threads_lose_nothing() {
    let home = Home::with_vault();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let home = &home;
            scope.spawn(move || {
                let mut store = home.open().unwrap().store;
                for number in 0..6 {
                    store.commit(vec![create(&format!("{writer}-{number}"), "x")], now()).unwrap();
                }
            });
        }
    });
    let opened = home.open().unwrap();
    assert_eq!(opened.document.credentials.len(), 24);
    assert_eq!(opened.store.header().generation, 25);
}

#[test]
fn a_vault_is_never_overwritten_by_a_new_one() {
    let home = Home::with_vault();
    let bytes = fs::read(home.vault()).unwrap();
    let keyring = home.keyring();
    let document = document_for(&keyring.recipients());
    let again = Store::create(&home.places(), keyring, document, now());
    assert!(matches!(again, Err(StoreError::Exists { .. })));
    assert_eq!(fs::read(home.vault()).unwrap(), bytes);
}

#[test]
fn no_vault_and_no_fitting_identity_are_told_apart() {
    let home = Home::with_vault();
    let stranger = home.root.join("stranger.age");
    let keyring = Keyring::create(&stranger, None, CHEAP, now()).unwrap();
    let refused = Store::open(&home.places(), keyring, OpenPolicy::Strict);
    assert!(matches!(refused, Err(StoreError::NoIdentityOpens { .. })));
    let places = Places { vault: home.root.join("none.age"), ..home.places() };
    let refused = Store::open(&places, home.keyring(), OpenPolicy::Strict);
    assert!(matches!(refused, Err(StoreError::Missing { .. })));
}

#[test]
fn recipients_decide_who_opens_and_never_lock_the_own_identity_out() {
    let home = Home::with_vault();
    let friend = home.root.join("friend.age");
    let recipient = Keyring::create(&friend, None, CHEAP, now()).unwrap().recipients().remove(0);
    let mut store = home.open().unwrap().store;
    let own = store.document().recipients.clone();
    let friend_only =
        vec![Recipient { recipient: recipient.clone(), name: "friend".to_owned(), added_at: now() }];
    let opens = || {
        let places = home.places_of("friend's host");
        Store::open(&places, unlock(&friend).unwrap(), OpenPolicy::Strict)
    };
    let set = |before: &Vec<Recipient>, after: Vec<Recipient>| {
        vec![Edit::SetRecipients { before: before.clone(), after }]
    };
    let locked_out = store.commit(set(&own, friend_only.clone()), now());
    assert!(matches!(locked_out, Err(StoreError::LockedOut { .. })));
    let none = store.commit(set(&own, Vec::new()), now());
    assert!(matches!(none, Err(StoreError::LockedOut { .. })));
    assert!(matches!(opens(), Err(StoreError::NoIdentityOpens { .. })));

    let both = [own.clone(), friend_only].concat();
    store.commit(set(&own, both.clone()), now()).unwrap();
    let opened = opens().unwrap();
    assert!(matches!(opened.notices[..], [Notice::FirstSight { .. }]), "{:?}", opened.notices);

    store.commit(set(&both, own), now()).unwrap();
    assert!(matches!(opens(), Err(StoreError::NoLongerOpens { .. })));
}

#[test]
fn a_new_writer_is_adopted_once() {
    let home = Home::with_vault();
    let friend = home.root.join("friend.age");
    let recipient = Keyring::create(&friend, None, CHEAP, now()).unwrap().recipients().remove(0);
    let mut store = home.open().unwrap().store;
    let before = store.document().recipients.clone();
    let mut after = before.clone();
    after.push(Recipient { recipient, name: "friend".to_owned(), added_at: now() });
    store.commit(vec![Edit::SetRecipients { before, after }], now()).unwrap();

    let places = home.places_of("friend's host");
    let open = || Store::open(&places, unlock(&friend).unwrap(), OpenPolicy::Strict);
    let committed = open().unwrap().store.commit(vec![create("theirs", "x")], now()).unwrap();
    assert!(matches!(committed.notices[..], [Notice::NewWriter { .. }]), "{:?}", committed.notices);

    let refused = home.open().unwrap_err();
    assert!(matches!(refused.refusal(), Some(Refusal::UnknownWriter { .. })), "{refused}");
    let adoption = Adoption::examine(&home.places(), home.keyring()).unwrap();
    assert!(matches!(adoption.refusal, Some(Refusal::UnknownWriter { .. })));
    adoption.accept(now()).unwrap();
    // From here on both save, and neither asks again.
    home.add("ours");
    open().unwrap().store.commit(vec![create("theirs again", "x")], now()).unwrap();
    assert_eq!(home.open().unwrap().document.credentials.len(), 3);
}

#[test]
fn a_known_vault_at_a_new_place_is_noted_and_its_writers_stay_pinned() {
    let home = Home::with_vault();
    home.add("one");
    let moved = home.root.join("data/moved.age");
    fs::rename(home.vault(), &moved).unwrap();
    let places = Places { vault: moved, ..home.places() };
    let opened = Store::open(&places, home.keyring(), OpenPolicy::Strict).unwrap();
    assert!(
        matches!(&opened.notices[..], [Notice::NewPlace { known, generation: 2 }] if *known == home.vault()),
        "{:?}",
        opened.notices
    );
    let again = Store::open(&places, home.keyring(), OpenPolicy::Strict).unwrap();
    assert!(again.notices.is_empty());
}

#[test]
fn old_generations_are_kept_and_open() {
    let home = Home::with_vault();
    for number in 0..15 {
        home.add(&format!("key-{number}"));
    }
    let kept = backups::list(&home.root.join("data/vault.age.d/backups"));
    let generations: Vec<u64> = kept.iter().map(|backup| backup.generation).collect();
    assert_eq!(generations, (6..=15).collect::<Vec<_>>());
    for backup in kept {
        let places = Places { vault: backup.path, ..home.places_of("another host") };
        let opened = Store::open(&places, home.keyring(), OpenPolicy::Strict).unwrap();
        assert_eq!(opened.store.header().generation, backup.generation);
        assert_eq!(opened.document.credentials.len() as u64, backup.generation - 1);
    }
}

#[test]
fn stock_age_reads_the_vault_as_json_and_its_rewrite_must_be_adopted() {
    let programs = ["age", "rage"].into_iter().filter(|program| installed(program));
    for program in programs.collect::<Vec<_>>() {
        let home = Home::with_vault();
        home.open().unwrap().store.commit(vec![create("one", "s3cret")], now()).unwrap();
        let run = |arguments: &[&std::ffi::OsStr]| {
            let output = std::process::Command::new(program).args(arguments).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            output.stdout
        };
        let (identity, vault) = (home.identity(), home.vault());
        let plain = run(&["-d".as_ref(), "-i".as_ref(), identity.as_ref(), vault.as_ref()]);
        let json: serde_json::Value = serde_json::from_slice(&plain).unwrap();
        assert_eq!(json["header"]["generation"], 2);
        assert_eq!(json["body"]["credentials"][0]["document"]["key"], "one");
        assert_eq!(json["body"]["credentials"][0]["secrets"]["/config/api_key"], "s3cret");

        // As a person does it: edit the text, encrypt it again.
        let edited = String::from_utf8(plain).unwrap().replace("s3cret", "edited");
        let clear = home.root.join("clear.json");
        fs::write(&clear, edited).unwrap();
        let recipient = home.keyring().recipients().remove(0);
        run(&["-r".as_ref(), recipient.as_ref(), "-o".as_ref(), vault.as_ref(), clear.as_ref()]);
        assert!(matches!(home.open().unwrap_err().refusal(), Some(Refusal::Forged(_))));
        let adopted = Adoption::examine(&home.places(), home.keyring()).unwrap().accept(now()).unwrap();
        let stored = &adopted.document.credentials[0];
        assert_eq!(stored.content.secret("/config/api_key").unwrap().expose(), "edited");
        assert_eq!(home.open().unwrap().store.header().generation, 3);
    }
}

/// A reader takes no lock: what it reads may be replaced before it looks at what this host saw last. That is
/// no rollback.
#[test]
fn reading_while_others_save_is_never_a_rollback() {
    let home = Home::with_vault();
    let done = std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut store = home.open().unwrap().store;
            for number in 0..60 {
                store.commit(vec![create(&format!("k{number}"), "x")], now()).unwrap();
            }
            done.store(true, std::sync::atomic::Ordering::SeqCst);
        });
        for _ in 0..2 {
            scope.spawn(|| {
                while !done.load(std::sync::atomic::Ordering::SeqCst) {
                    home.open().unwrap();
                }
            });
        }
    });
}

#[test]
fn an_export_that_cannot_be_read_is_told_from_one_of_others() {
    let home = Home::with_vault();
    home.add("one");
    let store = home.open().unwrap().store;
    let plain = write_export(store.document()).unwrap();
    let sealed = store.seal_export(&plain).unwrap();
    assert_eq!(store.open_export(&sealed).unwrap().credentials.len(), 1, "control");
    let reads = |bytes: &[u8]| store.open_export(bytes).unwrap_err();
    let is = |error: &ExportError, damage| matches!(error, ExportError::Refused(Refusal::Damaged(found)) if *found == damage);
    assert!(is(&reads(b"{}"), Damage::NotAge));
    assert!(is(&reads(&sealed[..30]), Damage::Header));
    assert!(is(&reads(&sealed[..sealed.len() - 1]), Damage::Payload));
    let other = Home::with_vault().open().unwrap().store;
    assert!(matches!(other.open_export(&sealed), Err(ExportError::NoMatch)));
}

#[test]
fn a_vault_that_is_gone_lies_where_its_backups_are() {
    let home = Home::with_vault();
    home.add("one");
    let found = locate(&home.places()).unwrap();
    assert_eq!((found.vault, found.folder), (home.vault(), home.root.join("data/vault.age.d")));
    fs::remove_file(home.vault()).unwrap();
    assert_eq!(locate(&home.places()).unwrap().vault, home.vault());
    fs::remove_dir_all(home.root.join("data/vault.age.d/backups")).unwrap();
    assert!(matches!(locate(&home.places()), Err(StoreError::Missing { .. })));
    // What is refused is not taken for gone.
    let home = Home::with_vault();
    fs::set_permissions(home.root.join("data"), fs::Permissions::from_mode(0o777)).unwrap();
    assert!(matches!(locate(&home.places()), Err(StoreError::File(durable::Error::Exposed { .. }))));
}

#[test]
fn debugging_shows_no_secret() {
    let home = Home::with_vault();
    home.add("one");
    let identity = fs::read_to_string(home.identity()).unwrap();
    let identity = identity.lines().find(|line| line.starts_with("AGE")).unwrap();
    let opened = home.open().unwrap();
    let adoption = Adoption::examine(&home.places(), home.keyring()).unwrap();
    let archive = Archive::of(&home.places(), home.keyring()).unwrap();
    let earlier = archive.examine(&archive.list().unwrap()[0]).unwrap();
    let text = format!("{opened:?} {adoption:?} {archive:?} {earlier:?} {:?}", home.keyring());
    let restoration = archive.prepare("1").unwrap();
    let text = format!("{text} {restoration:?} {:?}", restoration.complete(0, now()).unwrap());
    let own = opened.store.own_recipient().unwrap();
    let text = format!("{text} {:?}", parse_recipient(own).unwrap());
    for shown in [
        "State(generation 2)",
        "Adoption(None)",
        "Earlier(generation 1)",
        "Keyring(1 identities)",
        "Restoration(",
        "Restored(generation 3)",
        &format!("ParsedRecipient({own})"),
    ] {
        assert!(text.contains(shown), "control: {shown}: {text}");
    }
    assert!(!text.contains("a secret") && !text.contains(identity), "{text}");
}
