#![allow(clippy::disallowed_methods, reason = "tests put old files back as an attacker would")]

use std::fs;

use jiff::SignedDuration;
use serde_json::json;

use super::*;
use crate::audit::Witness;
use crate::model::{Content, Id, Recipient};
use crate::secret::Secret;

fn places(home: &Path) -> Places {
    let at = |name: &str| home.join(name);
    Places { vault: at("data/vault.age"), seen: at("seen.json"), writers: at("writers") }
}

/// A new vault of one identity in a folder.
pub(super) fn store(home: &Path) -> Store {
    let keyring = identity(home, "identity");
    let document = document(&keyring.recipients());
    Store::create(&places(home), keyring, document, now()).unwrap().store
}

/// A new identity in a file of this name.
fn identity(home: &Path, name: &str) -> Keyring {
    Keyring::create(&home.join(name), None, 2, now()).unwrap()
}

fn unlock(home: &Path, names: &[&str]) -> Keyring {
    let paths: Vec<PathBuf> = names.iter().map(|name| home.join(name)).collect();
    Keyring::unlock(&paths, None, Arc::new(NobodyToAsk)).unwrap()
}

fn open(home: &Path, policy: OpenPolicy) -> Result<Opened, StoreError> {
    Store::open(&places(home), unlock(home, &["identity"]), policy)
}

fn document(recipients: &[String]) -> Document {
    let named =
        |recipient: &String| Recipient { recipient: recipient.clone(), name: String::new(), added_at: now() };
    Document { recipients: recipients.iter().map(named).collect(), ..Document::new() }
}

fn create(key: &str) -> Edit {
    let mut content = Content::default();
    content.set("/key", json!(key));
    content.set("/kind", json!("secret"));
    content.set_secret("/config/values/a", Secret::from("hunter2"));
    Edit::Create { id: Id::new(), content }
}

fn now() -> Timestamp {
    Timestamp::UNIX_EPOCH
}

fn mark(line: u64) -> Mark {
    Mark { log: "log".to_owned(), line, hash: "h".repeat(64), size: 100, stamp: "stamp".to_owned() }
}

#[test]
fn a_log_is_compared_with_what_the_header_and_this_host_know_of_it() {
    let guard = tempfile::tempdir().unwrap();
    let home = guard.path();
    let mut store = store(home);
    assert!(Witness::mark(&store).is_none() && store.heads().is_empty());
    Witness::note(&store, &mark(3)).unwrap();
    store.set_audit_head(mark(2).head());
    assert!(store.heads().is_empty(), "with the next save");
    store.commit(vec![create("one")], now()).unwrap();
    let heads = [mark(2).head()];
    assert_eq!((Witness::mark(&store), store.heads()), (Some(mark(3)), &heads[..]));
    // So does whoever opens it, is asked whether to adopt it, or restores another generation.
    let opened = open(home, OpenPolicy::Strict).unwrap().store;
    assert_eq!((Witness::mark(&opened), opened.heads()), (Some(mark(3)), &heads[..]));
    let adoption = Adoption::examine(&places(home), unlock(home, &["identity"])).unwrap();
    assert_eq!((adoption.mark(), adoption.heads()), (Some(mark(3)), &heads[..]));
    adoption.note(&mark(4)).unwrap();
    assert_eq!(adoption.mark(), Some(mark(3)), "nothing is noted of what is only looked at");
    let archive = Archive::of(&places(home), unlock(home, &["identity"])).unwrap();
    let backup = archive.list().unwrap().remove(0);
    let restoration = archive.prepare(backup.name()).unwrap();
    assert_eq!((restoration.mark(), restoration.heads()), (Some(mark(3)), &heads[..]));
    assert!(
        restoration.audit_key().is_some() && restoration.audit_key() == store.document().audit_key.as_ref()
    );
    restoration.note(&mark(5)).unwrap();
    assert_eq!((restoration.mark(), Witness::mark(&store)), (Some(mark(5)), Some(mark(5))));
}

#[test]
fn what_is_to_follow_a_save_is_done_once_and_only_after_one() {
    let guard = tempfile::tempdir().unwrap();
    let mut store = store(guard.path());
    let mut generations = Vec::new();
    let mut commit =
        |edits| store.commit_then(edits, now(), &mut |store| generations.push(store.header().generation));
    commit(Vec::new()).unwrap();
    commit(vec![create("one")]).unwrap();
    assert!(commit(vec![create("one")]).is_err(), "the name is taken");
    assert_eq!(generations, [2]);
}

#[test]
fn a_store_knows_which_file_it_holds() {
    let guard = tempfile::tempdir().unwrap();
    let home = guard.path();
    let mut store = store(home);
    let check = |store: &Store| {
        assert_eq!(store.digest(), writer::digest(&fs::read(store.path()).unwrap()));
        assert!(store.stamp().is_some() && store.stamp() == durable::Stamp::of(store.path()));
        assert!(store.read_only().is_none());
    };
    check(&store);
    store.commit(vec![create("one")], now()).unwrap();
    check(&store);
    check(&open(home, OpenPolicy::Strict).unwrap().store);
}

#[test]
fn a_save_says_when_and_by_whom() {
    let guard = tempfile::tempdir().unwrap();
    let home = guard.path();
    let (first, second) = (identity(home, "identity"), identity(home, "second"));
    let both = [first.recipients(), second.recipients()].concat();
    let made = Store::create(&places(home), first, document(&both), now()).unwrap().store;
    let host = Places { seen: home.join("other/seen.json"), ..places(home) };
    let mut other = Store::open(&host, second, OpenPolicy::Strict).unwrap().store;
    let later = now() + SignedDuration::from_hours(1);
    other.commit(vec![create("one")], later).unwrap();
    let (before, after) = (made.header(), other.header());
    assert_eq!((before.saved_at, after.saved_at), (now(), later));
    assert_ne!(before.writer, after.writer);
    assert_eq!(after.writers.len(), 2);
}

#[test]
fn a_refused_vault_is_read_only_where_that_was_asked_for() {
    let guard = tempfile::tempdir().unwrap();
    let home = guard.path();
    let mut store = store(home);
    let older = fs::read(store.path()).unwrap();
    store.commit(vec![create("one")], now()).unwrap();
    fs::write(store.path(), older).unwrap();
    assert!(open(home, OpenPolicy::Strict).is_err());
    let mut opened = open(home, OpenPolicy::ReadOnly).unwrap();
    assert!(matches!(opened.store.read_only(), Some(Refusal::Rollback { seen: 2, found: 1 })));
    let refused = opened.store.commit(vec![create("two")], now());
    assert!(matches!(refused, Err(StoreError::ReadOnly(_))));
}

#[test]
fn of_several_identities_the_one_that_is_named_makes_the_vault() {
    let guard = tempfile::tempdir().unwrap();
    let home = guard.path();
    let named =
        [identity(home, "first"), identity(home, "second"), identity(home, "third")].map(|k| k.recipients());
    let keyring = || unlock(home, &["first", "second"]);
    let locked_out = Store::create(&places(home), keyring(), document(&named[2]), now());
    assert!(matches!(locked_out, Err(StoreError::LockedOut { .. })));
    let made = Store::create(&places(home), keyring(), document(&named[1]), now()).unwrap().store;
    assert_eq!(made.own_recipient(), Some(named[1][0].as_str()));
}
