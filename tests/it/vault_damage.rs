//! Damage of every kind to every file: nothing is accepted, and nothing is mistaken for something else.

use std::fs;
use std::path::Path;

use credbench::audit::{self, Keys};
use credbench::vault::{Archive, Damage, KeyringError, OpenPolicy, Refusal, Store, StoreError};

use crate::support::home::Account;
use crate::support::vault::{CHEAP, Home, now, unlock};

/// A vault small enough to try every bit of.
fn small() -> Home {
    Home::with_vault()
}

/// Overwrites in place: permissions stay.
fn overwrite(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    fs::OpenOptions::new().write(true).truncate(true).open(path).unwrap().write_all(bytes).unwrap();
}

/// Every version of these bytes with one bit changed, one shorter end, or more at the end.
fn damaged(bytes: &[u8]) -> impl Iterator<Item = (String, Vec<u8>)> + '_ {
    let flips = (0..bytes.len() * 8).map(|bit| {
        let mut changed = bytes.to_vec();
        changed[bit / 8] ^= 1 << (bit % 8);
        (format!("bit {bit}"), changed)
    });
    let cuts = (0..bytes.len()).map(|length| (format!("cut to {length}"), bytes[..length].to_vec()));
    let more = (1..=256).map(move |length| {
        let more = [bytes, &vec![b'\n'; length]].concat();
        (format!("{length} more"), more)
    });
    let other = (0..=255).map(move |byte| (format!("byte {byte} more"), [bytes, &[byte]].concat()));
    flips.chain(cuts).chain(more).chain(other)
}

#[test]
fn no_damaged_vault_is_accepted() {
    let home = small();
    let honest = fs::read(home.vault()).unwrap();
    let identities = [home.identity()];
    // On another host too, whose memory cannot help: what age and the signature see must be enough.
    let mut kinds = [0; 4];
    for (what, bytes) in damaged(&honest) {
        overwrite(&home.vault(), &bytes);
        let keyring = unlock(&identities[0]).unwrap();
        let error = Store::open(&home.places_of("another host"), keyring, OpenPolicy::Strict)
            .err()
            .unwrap_or_else(|| panic!("accepted: {what}"));
        match (error.refusal(), &error) {
            (Some(Refusal::Damaged(Damage::NotAge)), _) => kinds[0] += 1,
            (Some(Refusal::Damaged(Damage::Header)), _) => kinds[1] += 1,
            (Some(Refusal::Damaged(Damage::Payload)), _) => kinds[2] += 1,
            // A stanza that no key fits looks like one for somebody else.
            (None, StoreError::NoIdentityOpens { .. }) => kinds[3] += 1,
            (_, error) => panic!("{what}: {error}"),
        }
    }
    assert!(kinds.iter().all(|count| *count > 0), "{kinds:?}");
    overwrite(&home.vault(), &honest);
    home.open().unwrap();
}

#[test]
fn no_damaged_memory_is_accepted() {
    let home = small();
    let seen = home.places().seen;
    let honest = fs::read(&seen).unwrap();
    let identities = home.identity();
    for (what, bytes) in damaged(&honest) {
        overwrite(&seen, &bytes);
        let opened = Store::open(&home.places(), unlock(&identities).unwrap(), OpenPolicy::Strict);
        let error = opened.err().unwrap_or_else(|| panic!("accepted: {what}"));
        assert!(matches!(error.refusal(), Some(Refusal::Memory { .. })), "{what}: {error}");
    }
    overwrite(&seen, &honest);
    home.open().unwrap();
}

#[test]
fn no_damaged_backup_is_accepted() {
    let home = small();
    home.add("one");
    let backup = home.root.join("data/vault.age.d/backups/1.age");
    let honest = fs::read(&backup).unwrap();
    let archive = Archive::of(&home.places(), home.keyring()).unwrap();
    let examine = || archive.examine(&archive.list().unwrap()[0]);
    for (what, bytes) in damaged(&honest) {
        overwrite(&backup, &bytes);
        assert!(examine().is_err(), "accepted: {what}");
    }
    overwrite(&backup, &honest);
    examine().unwrap();
}

#[test]
fn no_damaged_audit_log_is_accepted() {
    let account = Account::with_vault();
    account.put(r#"{"key":"one","kind":"secret","config":{"values":{"a":"x"}}}"#);
    let store = account.open().store;
    let keys = Keys::of(store.document().audit_key.as_ref().unwrap()).unwrap();
    let log = store.folder().join("audit.log");
    let honest = fs::read(&log).unwrap();
    let verify = || audit::verify(store.folder(), &keys, &store);
    let (mut refused, mut told) = (0, 0);
    for (what, bytes) in damaged(&honest) {
        overwrite(&log, &bytes);
        match verify() {
            Err(_) => refused += 1,
            // What comes after the last line is one that was not finished: it is counted, and never believed.
            Ok(verified) => {
                assert!(what.ends_with("more") && verified.torn > 0, "accepted: {what}: {verified:?}");
                told += 1;
            }
        }
    }
    assert!(refused > honest.len() && told > 0, "{refused} {told}");
    overwrite(&log, &honest);
    assert_eq!(verify().unwrap().torn, 0);
}

#[test]
fn no_damaged_identity_is_accepted() {
    use credbench::secret::Secret;
    use credbench::vault::Keyring;
    let home = Home::empty();
    Keyring::create(&home.identity(), Some(Secret::from("right")), CHEAP, now()).unwrap();
    let honest = fs::read(home.identity()).unwrap();
    let open = || {
        let ask = std::sync::Arc::new(credbench::vault::NobodyToAsk);
        Keyring::unlock(&[home.identity()], Some(Secret::from("right")), ask)
    };
    let public = open().unwrap().recipients();
    for (what, bytes) in damaged(&honest) {
        overwrite(&home.identity(), &bytes);
        match open() {
            // Armor lets white space be at its end: then it is the same identity, and nothing was lost.
            Ok(keyring) => {
                assert!(what.contains("more") || bytes.trim_ascii() == honest.trim_ascii(), "{what}");
                assert_eq!(keyring.recipients(), public);
            }
            Err(
                KeyringError::Damaged { .. }
                | KeyringError::WrongPassphrase { .. }
                | KeyringError::NotAnIdentity { .. }
                | KeyringError::WorkFactor { .. },
            ) => {}
            Err(error) => panic!("{what}: {error}"),
        }
    }
}

#[test]
fn other_files_are_damaged_vaults_not_wrong_keys() {
    let home = small();
    let cases: [(&[u8], Damage); 3] =
        [(b"", Damage::NotAge), (b"{}", Damage::NotAge), (b"age-encryption.org/v1\n", Damage::Header)];
    for (bytes, expected) in cases {
        overwrite(&home.vault(), bytes);
        assert_eq!(home.open().unwrap_err().refusal(), Some(&Refusal::Damaged(expected)));
    }
    // An age file for the right recipient that holds something else.
    for text in ["", "not json", "{\"body\":1}", "[]", "{\"header\":{},\"body\":{}}"] {
        let recipient: age::x25519::Recipient = home.keyring().recipients()[0].parse().unwrap();
        overwrite(&home.vault(), &age::encrypt(&recipient, text.as_bytes()).unwrap());
        let error = home.open().unwrap_err();
        assert!(
            matches!(error.refusal(), Some(Refusal::Damaged(Damage::Document { .. }))),
            "{text}: {error}"
        );
    }
}
