#![allow(clippy::disallowed_methods, reason = "tests change files as an attacker would")]

use std::fs;

use super::*;
use crate::secret::Secret;
use crate::vault::format::Writer;

fn identity(secret: &str) -> WriterKey {
    WriterKey::derived(&Secret::from(secret))
}

/// A header of one vault, written by one of these.
fn header(generation: u64, writer: &WriterKey, writers: &[&WriterKey]) -> Header {
    let named = |key: &&WriterKey| Writer { key: key.public(), name: String::new() };
    Header {
        vault_id: "vault-1".to_owned(),
        generation,
        previous: Some(digest(generation - 1)),
        writer: writer.public(),
        writers: writers.iter().map(named).collect(),
        ..Header::of_nobody()
    }
}

fn digest(generation: u64) -> String {
    format!("{generation:064}")
}

fn places(place: &str) -> Vec<String> {
    vec![place.to_owned()]
}

fn mark(line: u64) -> Mark {
    Mark { log: "log-1".to_owned(), line, hash: digest(line), size: 100 * line, stamp: String::new() }
}

/// A host's memory in a folder of its own.
struct Host {
    _guard: tempfile::TempDir,
    path: PathBuf,
}

impl Host {
    fn new() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let path = guard.path().join("seen.json");
        Self { _guard: guard, path }
    }

    fn memory(&self) -> Memory {
        Memory::load(&self.path).unwrap()
    }

    /// What an identity keeps here of `vault-1`.
    fn own<'a>(&'a self, places: &'a [String], key: &'a WriterKey) -> Own<'a> {
        Own { path: &self.path, places, vault_id: "vault-1", key }
    }

    fn note(&self, place: &str, header: &Header, key: &WriterKey) {
        let (places, digest) = (places(place), digest(header.generation));
        note(&self.path, &Facts { places: &places, header, digest: &digest }, key, false).unwrap();
    }

    fn judge(&self, place: &str, header: &Header, key: &WriterKey) -> Result<Vec<Notice>, Refusal> {
        let (places, digest) = (places(place), digest(header.generation));
        self.memory().judge(&Facts { places: &places, header, digest: &digest }, key)
    }
}

#[test]
fn a_file_may_follow_what_was_seen_and_nothing_else() {
    let (host, me) = (Host::new(), identity("me"));
    host.note("/v", &header(7, &me, &[&me]), &me);
    for generation in [7, 8, 9, 20] {
        assert!(host.judge("/v", &header(generation, &me, &[&me]), &me).unwrap().is_empty(), "{generation}");
    }
    let older = host.judge("/v", &header(6, &me, &[&me]), &me);
    assert!(matches!(older, Err(Refusal::Rollback { seen: 7, found: 6 })));
    let fork = Header { previous: Some(digest(5)), ..header(8, &me, &[&me]) };
    assert!(matches!(host.judge("/v", &fork, &me), Err(Refusal::Fork { generation: 8 })));
    let (places, same) = (places("/v"), header(7, &me, &[&me]));
    let other = host.memory().judge(&Facts { places: &places, header: &same, digest: &digest(1) }, &me);
    assert!(matches!(other, Err(Refusal::SameGeneration { generation: 7 })));
    let foreign = Header { vault_id: "vault-2".to_owned(), ..header(8, &me, &[&me]) };
    assert!(matches!(host.judge("/v", &foreign, &me), Err(Refusal::Foreign { .. })));
    // A backup may be as old as it likes.
    let (old, digest) = (header(2, &me, &[&me]), digest(2));
    host.memory().vouch(&Facts { places: &places, header: &old, digest: &digest }, &me).unwrap();
}

#[test]
fn only_known_writers_are_trusted_and_ones_own_hand() {
    let (host, me, known, stranger) = (Host::new(), identity("me"), identity("known"), identity("stranger"));
    host.note("/v", &header(1, &known, &[&known]), &me);
    assert!(host.judge("/v", &header(2, &known, &[&known]), &me).is_ok());
    assert!(host.judge("/v", &header(2, &me, &[&known, &me]), &me).is_ok(), "one's own hand");
    let refused = host.judge("/v", &header(2, &stranger, &[&known, &stranger]), &me);
    assert!(matches!(refused, Err(Refusal::UnknownWriter { .. })));
    // A key that does not come out of the identity may be another program's: it has to be known, too.
    let mut made = identity("me");
    made.derived = false;
    let refused = host.judge("/v", &header(2, &made, &[&known, &made]), &made);
    assert!(matches!(refused, Err(Refusal::UnknownWriter { .. })));
}

/// Somebody without this identity's key can write entries, but none that counts where it keeps one itself.
#[test]
fn an_entry_of_another_identity_adds_no_writer_to_ones_own() {
    let (host, me, stranger) = (Host::new(), identity("me"), identity("stranger"));
    host.note("/v", &header(1, &me, &[&me]), &me);
    host.note("/v", &header(1, &stranger, &[&stranger]), &stranger);
    let refused = host.judge("/v", &header(2, &stranger, &[&me, &stranger]), &me);
    assert!(matches!(refused, Err(Refusal::UnknownWriter { .. })));
    let newcomer = identity("newcomer");
    let followed = host.judge("/v", &header(2, &stranger, &[&me, &stranger]), &newcomer);
    assert!(followed.is_ok(), "who keeps none goes by all there are");
}

#[test]
fn what_is_told_of_a_first_sight_and_of_another_place() {
    let (host, me, other) = (Host::new(), identity("me"), identity("other"));
    let seen = header(3, &other, &[&other]);
    assert_eq!(host.judge("/v", &seen, &me).unwrap(), [Notice::FirstSight { writers: vec![other.public()] }]);
    assert!(host.judge("/v", &header(3, &me, &[&me]), &me).unwrap().is_empty(), "one's own");
    host.note("/v", &seen, &me);
    assert!(host.judge("/v", &seen, &me).unwrap().is_empty());
    assert_eq!(
        host.judge("/w", &seen, &me).unwrap(),
        [Notice::NewPlace { known: "/v".into(), generation: 3 }]
    );
}

#[test]
fn a_changed_byte_is_damage_and_a_missing_file_an_empty_memory() {
    let (host, me) = (Host::new(), identity("me"));
    assert!(!host.memory().knows(&places("/v")));
    host.note("/v", &header(1, &me, &[&me]), &me);
    let good = fs::read_to_string(&host.path).unwrap();
    for bad in [
        good.replacen("{", "{ ", 1),
        good.replace("\"format\": 1", "\"format\": 2"),
        good.replace("\"generation\": 1", "\"generation\": 0"),
        good.trim_end().to_owned(),
        String::new(),
    ] {
        fs::write(&host.path, &bad).unwrap();
        assert!(matches!(
            Memory::load(&host.path),
            Err(StoreError::Refused { refusal: Refusal::Memory { .. }, .. })
        ));
    }
    fs::write(&host.path, &good).unwrap();
    assert!(host.memory().knows(&places("/v")), "the control");
    // Of any length that a memory may have; one without end is not even read.
    fs::write(&host.path, " ".repeat(3 << 20)).unwrap();
    assert!(matches!(Memory::load(&host.path), Err(StoreError::Refused { .. })));
    fs::File::options().write(true).open(&host.path).unwrap().set_len((16 << 20) + 1).unwrap();
    assert!(matches!(Memory::load(&host.path), Err(StoreError::File(_))));
    // What cannot be read is not taken for nothing.
    fs::remove_file(&host.path).unwrap();
    fs::create_dir(&host.path).unwrap();
    assert!(matches!(Memory::load(&host.path), Err(StoreError::File(_))));
}

#[test]
fn an_entry_whose_code_does_not_fit_is_refused() {
    let (host, me) = (Host::new(), identity("me"));
    host.note("/v", &header(5, &me, &[&me]), &me);
    add_unrecorded(&host.own(&places("/v"), &me), 1, Timestamp::UNIX_EPOCH).unwrap();
    let changes: [fn(&mut Entry); 6] = [
        |entry| entry.generation = 4,
        |entry| entry.digest = digest(9),
        |entry| entry.writers.extend(["another".to_owned()]),
        |entry| entry.audit = Some(mark(1)),
        |entry| entry.unrecorded = None,
        |entry| entry.path = "/w".to_owned(),
    ];
    for change in changes {
        let mut memory = host.memory();
        change(&mut memory.entries[0]);
        let (places, header, digest) = (places("/v"), header(5, &me, &[&me]), digest(5));
        let judged = memory.judge(&Facts { places: &places, header: &header, digest: &digest }, &me);
        assert!(matches!(judged, Err(Refusal::Memory { .. })));
    }
}

#[test]
fn the_newest_is_kept_and_the_mark_with_it() {
    let (host, me, other) = (Host::new(), identity("me"), identity("other"));
    let (here, id) = (places("/v"), "vault-1");
    assert!(keep_mark(&host.own(&here, &me), &mark(1)).unwrap_err().contains("not noted this vault"));
    host.note("/v", &header(5, &me, &[&me]), &me);
    keep_mark(&host.own(&here, &me), &mark(3)).unwrap();
    // A slower program notes what it saw before.
    host.note("/v", &header(4, &me, &[&me]), &me);
    let memory = host.memory();
    assert_eq!((memory.highest(&here), memory.newest_digest(&here)), (5, Some(digest(5))));
    assert_eq!(memory.trusted(&here), [me.public()].into());
    host.note("/v", &header(6, &me, &[&me]), &me);
    host.note("/v", &header(9, &other, &[&other]), &other);
    keep_mark(&host.own(&here, &other), &mark(8)).unwrap();
    let memory = host.memory();
    assert_eq!(memory.highest(&here), 9);
    assert_eq!(memory.newest_digest(&here), Some(digest(9)));
    let line = |id: &str, keeper: &WriterKey| memory.mark(&here, id, &keeper.public()).map(|mark| mark.line);
    assert_eq!(line(id, &me), Some(3), "one's own");
    assert_eq!(line(id, &identity("nobody")), Some(8), "the newest of all");
    assert_eq!(line("vault-2", &me), None);
    assert!(memory.mark(&places("/w"), id, &me.public()).is_none());
    assert_eq!((memory.highest(&places("/w")), memory.newest_digest(&places("/w"))), (0, None));
    // Another vault in its place has another log.
    host.note("/v", &Header { vault_id: "vault-2".to_owned(), ..header(1, &me, &[&me]) }, &me);
    assert!(host.memory().entries.iter().all(|entry| entry.keeper != me.public() || entry.audit.is_none()));
}

#[test]
fn what_is_the_same_is_not_written_again_and_what_is_to_be_forgotten_goes() {
    let (host, me, other) = (Host::new(), identity("me"), identity("other"));
    let (seen, here, digest) = (header(5, &me, &[&me]), places("/v"), digest(5));
    host.note("/v", &seen, &me);
    let stamp = || durable::Stamp::of(&host.path).unwrap();
    let before = stamp();
    host.note("/v", &seen, &me);
    assert_eq!(stamp(), before);
    host.note("/v", &header(8, &other, &[&other]), &other);
    let facts = Facts { places: &here, header: &seen, digest: &digest };
    note(&host.path, &facts, &me, true).unwrap();
    assert_eq!(host.memory().highest(&here), 5);
    assert_eq!(host.memory().entries.len(), 1);
    // A damaged one is put aside for that, and only for that.
    fs::write(&host.path, "damaged").unwrap();
    assert!(note(&host.path, &facts, &me, false).is_err());
    note(&host.path, &facts, &me, true).unwrap();
    assert_eq!(host.memory().entries.len(), 1);
    assert_eq!(fs::read(host.path.with_extension("damaged-1.json")).unwrap(), b"damaged");
}

#[test]
fn a_local_key_is_noted_once() {
    let host = Host::new();
    assert_eq!(local_key(&host.path, "label").unwrap(), None);
    let noted = |made: Option<&str>| {
        let mut before = None;
        note_local_key(&host.path, "label", |known| {
            before = known.map(str::to_owned);
            Ok(made.map(str::to_owned))
        })
        .unwrap();
        before
    };
    assert_eq!(noted(Some("public")), None);
    assert_eq!(noted(None), Some("public".to_owned()));
    assert_eq!(local_key(&host.path, "label").unwrap(), Some("public".to_owned()));
    assert_eq!(local_key(&host.path, "another").unwrap(), None);
}

#[test]
fn uses_without_a_line_are_kept_until_they_are_counted() {
    let (host, me, other) = (Host::new(), identity("me"), identity("other"));
    let (here, at) = (places("/v"), |second| Timestamp::from_second(second).unwrap());
    let own = host.own(&here, &me);
    assert!(add_unrecorded(&own, 1, at(10)).unwrap_err().contains("not noted this vault"));
    host.note("/v", &header(5, &me, &[&me]), &me);
    host.note("/v", &header(5, &me, &[&me]), &other);
    let kept = || host.memory().unrecorded(&here, "vault-1", &me.public());
    assert_eq!(kept(), None);
    add_unrecorded(&own, 1, at(10)).unwrap();
    add_unrecorded(&own, 2, at(20)).unwrap();
    let three = Unrecorded { uses: 3, first: at(10), last: at(20) };
    assert_eq!(kept(), Some(three.clone()));
    assert_eq!(host.memory().unrecorded(&here, "vault-1", &other.public()), None, "another's");
    // Neither a save nor the adoption of what is there forgets it.
    let seen = header(6, &me, &[&me]);
    host.note("/v", &seen, &me);
    assert_eq!(kept(), Some(three.clone()));
    note(&host.path, &Facts { places: &here, header: &seen, digest: &digest(6) }, &me, true).unwrap();
    assert_eq!(kept(), Some(three.clone()));
    // One that came while the others were being counted is left.
    add_unrecorded(&own, 1, at(30)).unwrap();
    drop_unrecorded(&own, &three).unwrap();
    assert_eq!(kept(), Some(Unrecorded { uses: 1, first: at(20), last: at(30) }));
    drop_unrecorded(&own, &kept().unwrap()).unwrap();
    assert_eq!(kept(), None);
    let facts = Facts { places: &here, header: &seen, digest: &digest(6) };
    assert!(host.memory().judge(&facts, &me).is_ok(), "and all codes fit");
}
