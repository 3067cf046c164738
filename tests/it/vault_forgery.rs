//! Somebody who has our source, the recipient string and write access to every file but the identity and
//! `seen.json`, and who even read the honest vault once: every file that they can make is refused.
#![allow(clippy::disallowed_methods, reason = "tests plant and move files")]

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, symlink};
use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use credbench::vault::{
    Adoption, Archive, Forgery, Keyring, KeyringError, OpenPolicy, Places, Refusal, Store, StoreError,
};
use ed25519_dalek::{Signer, SigningKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::support::vault::{CHEAP, Home, create, document_for, installed, now, unlock};

/// The attacker: a key of their own and a copy of everything that is not secret, plus one honest plaintext.
struct Attacker {
    key: SigningKey,
    recipient: String,
    /// The honest vault's plaintext: more than write access gives.
    honest: Value,
    /// Its file's digest.
    digest: String,
}

impl Attacker {
    fn of(home: &Home) -> Self {
        let keyring = home.keyring();
        let file = fs::read(home.vault()).unwrap();
        let identity = fs::read_to_string(home.identity()).unwrap();
        let identity: age::x25519::Identity =
            identity.lines().find(|line| line.starts_with("AGE")).unwrap().parse().unwrap();
        let plain = age::decrypt(&identity, &file).unwrap();
        Self {
            key: SigningKey::from_bytes(&[7; 32]),
            recipient: keyring.recipients().remove(0),
            honest: serde_json::from_slice(&plain).unwrap(),
            digest: Sha256::digest(&file).iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }

    fn public(&self) -> String {
        BASE64_STANDARD.encode(self.key.verifying_key().as_bytes())
    }

    /// The honest header, moved on by one generation, with every unkeyed value as it should be.
    fn next_header(&self) -> Value {
        let mut header = self.honest["header"].clone();
        header["generation"] = json!(header["generation"].as_u64().unwrap() + 1);
        header["previous"] = json!(self.digest);
        header
    }

    /// The honest body with another host for the secret.
    fn evil_body(&self) -> Value {
        let mut body = self.honest["body"].clone();
        body["credentials"][0]["document"]["config"]["base_url"] = json!("https://evil.example");
        body
    }

    /// A signature by the attacker's key, as our source computes it.
    fn sign(&self, header: &Value, body: &Value) -> String {
        let message = [
            b"credbench vault signature 1\n".as_slice(),
            &Sha256::digest(header.to_string()),
            &Sha256::digest(body.to_string()),
        ];
        BASE64_STANDARD.encode(self.key.sign(&message.concat()).to_bytes())
    }

    /// Puts a document in the vault's place, encrypted to the public recipient.
    fn plant(&self, vault: &Path, document: &Value) {
        let recipient: age::x25519::Recipient = self.recipient.parse().unwrap();
        let sealed = age::encrypt(&recipient, document.to_string().as_bytes()).unwrap();
        plant(vault, &sealed);
    }
}

/// Puts bytes in the place of a file, with the permissions it should have.
fn plant(path: &Path, bytes: &[u8]) {
    fs::remove_file(path).unwrap();
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).unwrap();
    std::io::Write::write_all(&mut file, bytes).unwrap();
}

/// A home whose vault holds one credential, generation 3; generation 2 was seen too.
fn home() -> Home {
    let home = Home::with_vault();
    home.add("one");
    home.add("two");
    home
}

fn refusal(home: &Home) -> Refusal {
    let error = home.open().expect_err("must be refused");
    error.refusal().unwrap_or_else(|| panic!("not a refusal: {error}")).clone()
}

#[test]
fn control_the_honest_file_opens_also_after_it_was_put_back() {
    let home = home();
    let attacker = Attacker::of(&home);
    let honest = fs::read(home.vault()).unwrap();
    attacker.plant(&home.vault(), &json!({"header": attacker.next_header(), "body": attacker.evil_body()}));
    assert!(home.open().is_err());
    plant(&home.vault(), &honest);
    assert_eq!(home.open().unwrap().document.credentials.len(), 2);
    // And what the attacker computes is what our own signature covers: only the key is another one.
    let header: Value = attacker.honest["header"].clone();
    let body: Value = attacker.honest["body"].clone();
    let signature = BASE64_STANDARD.decode(attacker.honest["signature"].as_str().unwrap()).unwrap();
    let writer = BASE64_STANDARD.decode(header["writer"].as_str().unwrap()).unwrap();
    let writer = ed25519_dalek::VerifyingKey::from_bytes(&writer.try_into().unwrap()).unwrap();
    let message = [
        b"credbench vault signature 1\n".as_slice(),
        &Sha256::digest(header.to_string()),
        &Sha256::digest(body.to_string()),
    ];
    writer
        .verify_strict(&message.concat(), &ed25519_dalek::Signature::from_slice(&signature).unwrap())
        .unwrap();
}

#[test]
fn a_forged_document_is_refused_however_it_is_signed() {
    let home = home();
    let attacker = Attacker::of(&home);
    let victim = attacker.honest["header"]["writer"].clone();
    let own = json!({"key": attacker.public(), "name": "tester"});
    let body = attacker.evil_body();
    let with = |writer: &Value, writers: Value| {
        let mut header = attacker.next_header();
        header["writer"] = writer.clone();
        header["writers"] = writers;
        header
    };
    let attackers = json!(attacker.public());
    let both = json!([{"key": victim}, own]);
    let signed =
        |header: &Value| json!({"header": header, "signature": attacker.sign(header, &body), "body": body});

    let unknown = |refusal: &Refusal| matches!(refusal, Refusal::UnknownWriter { writer } if writer.contains(&attacker.public()));
    for header in [with(&attackers, json!([own])), with(&attackers, both.clone())] {
        attacker.plant(&home.vault(), &signed(&header));
        assert!(unknown(&refusal(&home)));
    }
    attacker.plant(&home.vault(), &signed(&with(&attackers, json!([{"key": victim}]))));
    assert_eq!(refusal(&home), Refusal::Forged(Forgery::NotAWriter));
    attacker.plant(&home.vault(), &signed(&with(&victim, both)));
    assert_eq!(refusal(&home), Refusal::Forged(Forgery::Signature));

    let honest_header = attacker.honest["header"].clone();
    let honest_signature = attacker.honest["signature"].clone();
    let replayed = json!({"header": honest_header, "signature": honest_signature, "body": body});
    attacker.plant(&home.vault(), &replayed);
    assert_eq!(refusal(&home), Refusal::Forged(Forgery::Signature));
    let moved_on = json!({
        "header": attacker.next_header(), "signature": honest_signature, "body": attacker.honest["body"],
    });
    attacker.plant(&home.vault(), &moved_on);
    assert_eq!(refusal(&home), Refusal::Forged(Forgery::Signature));

    for unsigned in [
        json!({"header": attacker.next_header(), "body": body}),
        json!({"header": attacker.next_header(), "signature": null, "body": body}),
        json!({"body": body}),
    ] {
        attacker.plant(&home.vault(), &unsigned);
        assert_eq!(refusal(&home), Refusal::Forged(Forgery::Unsigned));
    }
    let junk = json!({"header": with(&json!("not a key"), json!([{"key": "not a key"}])), "signature": "", "body": body});
    attacker.plant(&home.vault(), &junk);
    assert_eq!(refusal(&home), Refusal::Forged(Forgery::Signature));
}

#[test]
fn a_copy_encrypted_again_is_refused() {
    // Honest contents, honest signature, but not the bytes this host saw: nobody but a fork makes such a file.
    let home = home();
    let attacker = Attacker::of(&home);
    attacker.plant(&home.vault(), &attacker.honest);
    assert_eq!(refusal(&home), Refusal::SameGeneration { generation: 3 });
}

#[test]
fn an_old_generation_is_a_rollback() {
    let home = home();
    for (generation, backup) in [(1, "1.age"), (2, "2.age")] {
        let old = fs::read(home.root.join("data/vault.age.d/backups").join(backup)).unwrap();
        plant(&home.vault(), &old);
        assert_eq!(refusal(&home), Refusal::Rollback { seen: 3, found: generation });
    }
    assert_eq!(refusal(&home).to_string(), "ROLLBACK: this host saw generation 3, the file is 2");
}

#[test]
fn an_old_generation_behind_a_turned_link_is_a_rollback() {
    let home = home();
    let link = home.root.join("link.age");
    symlink(home.vault(), &link).unwrap();
    let places = Places { vault: link.clone(), ..home.places() };
    let open = || Store::open(&places, home.keyring(), OpenPolicy::Strict);
    open().unwrap();
    fs::remove_file(&link).unwrap();
    symlink(home.root.join("data/vault.age.d/backups/2.age"), &link).unwrap();
    let refused = open().unwrap_err();
    assert_eq!(refused.refusal(), Some(&Refusal::Rollback { seen: 3, found: 2 }));
}

#[test]
fn a_foreign_vault_is_refused() {
    // Made by the library itself, for the victim, rightly signed by the attacker's identity.
    let home = home();
    let attackers = Home::empty();
    let keyring = Keyring::create(&attackers.identity(), None, CHEAP, now()).unwrap();
    let recipients = [keyring.recipients(), home.keyring().recipients()].concat();
    Store::create(&attackers.places(), keyring, document_for(&recipients), now()).unwrap();
    plant(&home.vault(), &fs::read(attackers.vault()).unwrap());
    assert!(matches!(refusal(&home), Refusal::Foreign { .. }));
}

#[test]
fn another_history_of_the_same_vault_is_refused() {
    // The victim's own identity on another host, working on from an older copy: signed rightly, but a save of
    // this host would be lost without a word.
    let home = home();
    let third = fs::read(home.vault()).unwrap();
    let second = fs::read(home.root.join("data/vault.age.d/backups/2.age")).unwrap();
    plant(&home.vault(), &second);
    let places = home.places_of("another host");
    let mut other = Store::open(&places, home.keyring(), OpenPolicy::Strict).unwrap().store;
    other.commit(vec![create("other", "x")], now()).unwrap();
    assert_eq!(refusal(&home), Refusal::SameGeneration { generation: 3 });
    other.commit(vec![create("more", "x")], now()).unwrap();
    assert_eq!(refusal(&home), Refusal::Fork { generation: 4 });
    // Control: on from what this host saw, another host's save is welcome.
    plant(&home.vault(), &third);
    let places = home.places_of("third host");
    let mut other = Store::open(&places, home.keyring(), OpenPolicy::Strict).unwrap().store;
    other.commit(vec![create("other", "x")], now()).unwrap();
    assert_eq!(home.open().unwrap().document.credentials.len(), 3);
}

#[test]
fn a_commit_meets_the_forgery_too() {
    let home = home();
    let mut store = home.open().unwrap().store;
    let attacker = Attacker::of(&home);
    let header = attacker.next_header();
    let document = json!({
        "header": header, "signature": attacker.sign(&header, &attacker.evil_body()), "body": attacker.evil_body(),
    });
    attacker.plant(&home.vault(), &document);
    let planted = fs::read(home.vault()).unwrap();
    let refused = store.commit(vec![create("three", "x")], now()).unwrap_err();
    assert!(matches!(refused.refusal(), Some(Refusal::Forged(_))));
    assert!(store.refresh().unwrap_err().refusal().is_some());
    assert_eq!(fs::read(home.vault()).unwrap(), planted);
    assert_eq!(store.document().credentials.len(), 2);
}

#[test]
fn a_store_that_may_read_refused_files_still_never_builds_on_one() {
    let home = home();
    let mut store = Store::open(&home.places(), home.keyring(), OpenPolicy::ReadOnly).unwrap().store;
    let old = fs::read(home.root.join("data/vault.age.d/backups/2.age")).unwrap();
    let honest = fs::read(home.vault()).unwrap();
    plant(&home.vault(), &old);
    let refused = store.commit(vec![create("three", "x")], now());
    assert!(matches!(refused, Err(StoreError::ReadOnly(Refusal::Rollback { seen: 3, found: 2 }))));
    assert_eq!(fs::read(home.vault()).unwrap(), old);
    // Control: the honest file is back, and so is the right to save.
    plant(&home.vault(), &honest);
    store.refresh().unwrap().unwrap();
    assert!(store.read_only().is_none());
    store.commit(vec![create("three", "x")], now()).unwrap();
}

#[test]
fn a_planted_local_writer_key_signs_nothing() {
    if !installed("ssh-keygen") {
        return;
    }
    // An SSH identity gives no secret away to derive a key from: its seed lies in the state folder, encrypted to a
    // public key, so the attacker can put one there that they know.
    let home = Home::empty();
    let identity = home.root.join("id_ed25519");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(&identity)
        .status()
        .unwrap();
    assert!(made.success());
    let keyring = || unlock(&identity).unwrap();
    let recipient = keyring().recipients().remove(0);
    Store::create(&home.places(), keyring(), document_for(std::slice::from_ref(&recipient)), now()).unwrap();
    let mut store = Store::open(&home.places(), keyring(), OpenPolicy::Strict).unwrap().store;
    store.commit(vec![create("one", "x")], now()).unwrap();

    // The honest key is good for as often as one likes.
    let mut store = Store::open(&home.places(), keyring(), OpenPolicy::Strict).unwrap().store;
    assert!(store.commit(vec![create("two", "x")], now()).unwrap().notices.is_empty());

    // With another seed in its place, nothing is signed and nothing opens: neither a file that the attacker
    // signed, nor the honest one, whose next save would make the attacker's key a trusted one.
    let seed = fs::read_dir(home.places().writers).unwrap().next().unwrap().unwrap().path();
    let ssh: age::ssh::Recipient = recipient.parse().unwrap();
    plant(&seed, &age::encrypt(&ssh, &[9; 32]).unwrap());
    let refused = Store::open(&home.places(), keyring(), OpenPolicy::Strict).unwrap_err();
    assert!(matches!(refused, StoreError::Keyring(KeyringError::WriterKey { .. })), "{refused}");

    // Removed, it is made anew, and the vault stays what it was; so does a seed that was never noted.
    fs::remove_file(&seed).unwrap();
    let opened = Store::open(&home.places(), keyring(), OpenPolicy::Strict).unwrap();
    assert_eq!(opened.document.credentials.len(), 2);
    let fresh = home.places_of("fresh host");
    fs::create_dir_all(&fresh.writers).unwrap();
    let planted = fresh.writers.join(seed.file_name().unwrap());
    fs::write(&planted, "").unwrap();
    plant(&planted, &age::encrypt(&ssh, &[9; 32]).unwrap());
    let before = fs::read(&planted).unwrap();
    Store::open(&fresh, keyring(), OpenPolicy::Strict).unwrap();
    assert_ne!(fs::read(&planted).unwrap(), before);
}

#[test]
fn a_refused_vault_can_be_read_and_adopted_but_not_changed() {
    let home = home();
    plant(&home.vault(), &fs::read(home.root.join("data/vault.age.d/backups/2.age")).unwrap());
    let rollback = Refusal::Rollback { seen: 3, found: 2 };

    let mut opened = Store::open(&home.places(), home.keyring(), OpenPolicy::ReadOnly).unwrap();
    assert_eq!(opened.refusal, Some(rollback.clone()));
    assert_eq!(opened.document.credentials.len(), 1);
    let refused = opened.store.commit(vec![create("three", "x")], now());
    assert!(matches!(refused, Err(StoreError::ReadOnly(_))));
    assert_eq!(refusal(&home), rollback, "reading it must not make it trusted");

    let adoption = Adoption::examine(&home.places(), home.keyring()).unwrap();
    assert_eq!(adoption.refusal, Some(rollback.clone()));
    assert_eq!(refusal(&home), rollback, "looking at it must not either");
    let adopted = adoption.accept(now()).unwrap();
    assert_eq!(adopted.store.header().generation, 4);
    assert_eq!(home.open().unwrap().document.credentials.len(), 1);
    home.add("goes on");
}

/// To plant a backup is no way round the signature.
#[test]
fn a_forged_backup_is_not_restored() {
    let home = home();
    let attacker = Attacker::of(&home);
    let (header, body) = (attacker.next_header(), attacker.evil_body());
    let document = json!({"header": header, "signature": attacker.sign(&header, &body), "body": body});
    let backup = home.root.join("data/vault.age.d/backups/2.age");
    let honest = fs::read(&backup).unwrap();
    attacker.plant(&backup, &document);
    let prepare = || Archive::of(&home.places(), home.keyring()).unwrap().prepare("2");
    let refused = prepare().unwrap_err();
    assert!(matches!(refused.refusal(), Some(Refusal::Forged(_))), "{refused}");
    plant(&backup, &honest);
    prepare().unwrap();
}

/// A vault that stock age encrypted to us, and whose own list leaves us out: the next save would lock us out.
#[test]
fn a_vault_that_leaves_this_identity_out_is_not_adopted() {
    let home = home();
    let attacker = Attacker::of(&home);
    let mut body = attacker.honest["body"].clone();
    let other = age::x25519::Identity::generate().to_public().to_string();
    body["recipients"][0]["recipient"] = json!(other);
    attacker.plant(&home.vault(), &json!({"header": attacker.next_header(), "body": body}));
    let planted = fs::read(home.vault()).unwrap();
    let adoption = Adoption::examine(&home.places(), home.keyring()).unwrap();
    assert!(
        matches!(adoption.accept(now()), Err(StoreError::LockedOut { recipient }) if recipient == attacker.recipient)
    );
    assert_eq!(fs::read(home.vault()).unwrap(), planted);
}

#[test]
fn an_adopted_forgery_does_not_make_its_writer_trusted() {
    let home = home();
    let attacker = Attacker::of(&home);
    let mut header = attacker.next_header();
    header["writers"] = json!([{"key": attacker.public()}, {"key": header["writer"]}]);
    let document = json!({
        "header": header, "signature": attacker.sign(&header, &attacker.evil_body()), "body": attacker.evil_body(),
    });
    attacker.plant(&home.vault(), &document);
    let adopted = Adoption::examine(&home.places(), home.keyring()).unwrap().accept(now()).unwrap();
    assert_eq!(adopted.store.header().writers.len(), 1);
    assert_ne!(adopted.store.header().writers[0].key, attacker.public());
}

#[test]
fn a_newer_format_is_refused_with_a_sentence() {
    let home = home();
    let attacker = Attacker::of(&home);
    attacker.plant(&home.vault(), &json!({"header": {"format": 2, "anything": []}, "else": 1}));
    assert_eq!(refusal(&home), Refusal::TooNew { found: 2, known: 1 });
    let adoption = Adoption::examine(&home.places(), home.keyring());
    assert!(matches!(adoption.unwrap_err().refusal(), Some(Refusal::TooNew { .. })));
}

#[test]
fn a_changed_or_damaged_memory_is_refused_and_adoption_begins_a_new_one() {
    let home = home();
    let seen = home.places().seen;
    let honest = fs::read_to_string(&seen).unwrap();
    // With a recomputed checksum, as somebody with our source would write it: the code gives it away.
    let mut text: Value = serde_json::from_str(&honest).unwrap();
    text["entries"][0]["generation"] = json!(1);
    let entries = serde_json::to_string(&(&text["entries"], &text["keys"])).unwrap();
    text["checksum"] =
        json!(Sha256::digest(entries).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    let changed = serde_json::to_string_pretty(&text).unwrap() + "\n";
    for bad in [changed.as_str(), "", "{}", &honest[..honest.len() / 2]] {
        plant(&seen, bad.as_bytes());
        assert_eq!(refusal(&home), Refusal::Memory { path: seen.clone() }, "{bad}");
    }
    Adoption::examine(&home.places(), home.keyring()).unwrap().accept(now()).unwrap();
    home.open().unwrap();
    plant(&seen, honest.as_bytes());
    assert!(home.open().is_ok(), "control: the honest memory is fine, the vault moved on by one");
}
