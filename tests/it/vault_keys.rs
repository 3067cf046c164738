//! Identities of every kind, and what is said about those that do not work.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use credbench::durable;
use credbench::model::Edit;
use credbench::secret::Secret;
use credbench::vault::keyring::{change_passphrase, needs_passphrase};
use credbench::vault::{
    Damage, Keyring, KeyringError, MAX_WORK_FACTOR, NobodyToAsk, OpenPolicy, Refusal, Store, StoreError,
    WORK_FACTOR,
};
use sha2::{Digest, Sha256};

use crate::support::vault::{
    Answer, CHEAP, Home, as_process, create, document_for, installed, now, report, unlock,
};

fn write(path: &Path, text: &str) {
    let _ = durable::create(path, text.as_bytes(), |_| Ok(())).unwrap();
}

fn unlock_with(path: &Path, passphrase: &'static str) -> Result<Keyring, KeyringError> {
    Keyring::unlock(&[path.to_owned()], None, Arc::new(Answer(passphrase)))
}

fn ssh_key(home: &Home, kind: &str, passphrase: &str) -> PathBuf {
    let path = home.root.join(format!("id_{kind}_{}", passphrase.len()));
    let made = Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-f"])
        .arg(&path)
        .status()
        .unwrap();
    assert!(made.success());
    path
}

/// What an identity file says of its work factor.
fn work_factor_of(path: &Path) -> String {
    let mut armored = age::armor::ArmoredReader::new(fs::File::open(path).unwrap());
    let mut start = vec![0; 70];
    std::io::Read::read_exact(&mut armored, &mut start).unwrap();
    let header = String::from_utf8_lossy(&start).into_owned();
    let stanza = header.lines().nth(1).unwrap();
    assert!(stanza.starts_with("-> scrypt "), "{stanza}");
    stanza.rsplit(' ').next().unwrap().to_owned()
}

/// age's own choice times the machine once, and is weak on a busy one.
#[test]
fn the_work_factor_is_fixed_also_on_a_busy_machine() {
    assert_eq!(WORK_FACTOR, 18);
    assert_eq!(MAX_WORK_FACTOR, 20);
    let busy = Arc::new(AtomicBool::new(true));
    let loops = [(); 6].map(|()| {
        let busy = busy.clone();
        std::thread::spawn(move || while busy.load(Ordering::Relaxed) {})
    });
    let home = Home::empty();
    Keyring::create(&home.identity(), Some(Secret::from("x")), WORK_FACTOR, now()).unwrap();
    let opened = unlock_with(&home.identity(), "x");
    busy.store(false, Ordering::Relaxed);
    loops.into_iter().for_each(|one| one.join().unwrap());
    assert!(opened.is_ok());
    assert_eq!(work_factor_of(&home.identity()), "18");
    // The control: another one is told apart.
    let other = Home::empty();
    Keyring::create(&other.identity(), Some(Secret::from("x")), CHEAP, now()).unwrap();
    assert_eq!(work_factor_of(&other.identity()), CHEAP.to_string());
}

#[test]
fn a_higher_work_factor_than_allowed_is_said_so() {
    let home = Home::empty();
    Keyring::create(&home.identity(), Some(Secret::from("x")), CHEAP, now()).unwrap();
    let mut binary = Vec::new();
    let mut armored = age::armor::ArmoredReader::new(fs::File::open(home.identity()).unwrap());
    std::io::Read::read_to_end(&mut armored, &mut binary).unwrap();
    let place = binary.windows(3).position(|window| window == b" 2\n").unwrap();
    binary.splice(place..place + 3, *b" 21\n");
    fs::remove_file(home.identity()).unwrap();
    let _ = durable::create(&home.identity(), &binary, |_| Ok(())).unwrap();
    let error = unlock_with(&home.identity(), "x").unwrap_err();
    assert!(matches!(error, KeyringError::WorkFactor { found: 21, .. }), "{error}");
    assert!(error.to_string().contains("at most 2^20"), "{error}");
}

#[test]
fn a_protected_identity_opens_with_its_passphrase_only() {
    let home = Home::empty();
    let made = Keyring::create(&home.identity(), Some(Secret::from("right")), CHEAP, now()).unwrap();
    assert!(needs_passphrase(&home.identity()).unwrap());
    assert_eq!(unlock_with(&home.identity(), "right").unwrap().recipients(), made.recipients());
    let wrong = unlock_with(&home.identity(), "wrong").unwrap_err();
    assert!(matches!(wrong, KeyringError::WrongPassphrase { .. }));
    assert!(matches!(unlock(&home.identity()), Err(KeyringError::Cancelled { .. })));
    let given = Keyring::unlock(&[home.identity()], Some(Secret::from("right")), Arc::new(NobodyToAsk));
    assert_eq!(given.unwrap().recipients(), made.recipients());
    let again = Keyring::create(&home.identity(), None, CHEAP, now());
    assert!(matches!(again, Err(KeyringError::Exists { .. })));
}

#[test]
fn a_passphrase_is_changed_dropped_and_set() {
    let home = Home::empty();
    let (path, one, two) = (home.identity(), Secret::from("one"), Secret::from("two"));
    let made = Keyring::create(&path, Some(one.clone()), CHEAP, now()).unwrap().recipients();
    let wrong = change_passphrase(&path, Some(two.clone()), Some(one.clone()), CHEAP);
    assert!(matches!(wrong, Err(KeyringError::WrongPassphrase { .. })));
    assert!(unlock_with(&path, "one").is_ok());

    change_passphrase(&path, Some(one.clone()), Some(two.clone()), CHEAP).unwrap();
    assert!(matches!(unlock_with(&path, "one"), Err(KeyringError::WrongPassphrase { .. })));
    assert_eq!(unlock_with(&path, "two").unwrap().recipients(), made);

    change_passphrase(&path, Some(two), None, CHEAP).unwrap();
    assert!(!needs_passphrase(&path).unwrap());
    assert_eq!(unlock(&path).unwrap().recipients(), made);
    assert!(
        fs::read_to_string(&path).unwrap().starts_with("# created: 2026-11-22T10:00:00Z\n# public key: age1")
    );

    change_passphrase(&path, None, Some(one), CHEAP).unwrap();
    assert_eq!(unlock_with(&path, "one").unwrap().recipients(), made);
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn identities_that_others_can_read_are_refused_with_the_command_that_mends_it() {
    let home = Home::with_vault();
    fs::set_permissions(home.identity(), fs::Permissions::from_mode(0o644)).unwrap();
    let error = unlock(&home.identity()).unwrap_err();
    assert!(matches!(&error, KeyringError::File(durable::Error::Exposed { .. })));
    assert!(error.to_string().contains(&format!("chmod 600 {}", home.identity().display())), "{error}");
    assert!(needs_passphrase(&home.identity()).is_err());
    fs::set_permissions(home.identity(), fs::Permissions::from_mode(0o600)).unwrap();
    unlock(&home.identity()).unwrap();
}

#[test]
fn other_files_are_said_to_be_what_they_are() {
    let home = Home::empty();
    let reason = |name: &str, text: &str| {
        let path = home.root.join(name);
        write(&path, text);
        match unlock(&path).unwrap_err() {
            KeyringError::NotAnIdentity { reason, .. } => reason,
            other => panic!("{other}"),
        }
    };
    assert!(reason("empty", "").contains("none"));
    assert!(reason("comments", "# only\n\n").contains("none"));
    assert!(reason("text", "# fine\n\nhello\n").contains("line 3"));
    let public = "age1zvkyg2lqzraa2lnjvqej32nkuu0ues2s82hzrye869xeexvn73equnujwj";
    assert!(reason("public", public).contains("public key"));
    let mistyped = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J34";
    assert!(!reason("mistyped", mistyped).contains("GQ97"));
    assert!(reason("pem", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n").contains("SSH"));
    let sealed = age::encrypt(&public.parse::<age::x25519::Recipient>().unwrap(), b"x").unwrap();
    let path = home.root.join("sealed");
    let _ = durable::create(&path, &sealed, |_| Ok(())).unwrap();
    assert!(unlock(&path).unwrap_err().to_string().contains("no passphrase opens it"));
    assert!(matches!(unlock(&home.root.join("none")), Err(KeyringError::Missing { .. })));
    assert!(matches!(Keyring::unlock(&[], None, Arc::new(NobodyToAsk)), Err(KeyringError::Empty)));
}

#[test]
fn several_identities_in_one_file_and_in_several() {
    let home = Home::empty();
    let (one, two) = (home.root.join("one"), home.root.join("two"));
    let first = Keyring::create(&one, None, CHEAP, now()).unwrap().recipients();
    let second = Keyring::create(&two, None, CHEAP, now()).unwrap().recipients();
    let all = [first.clone(), second.clone()].concat();
    let both = Keyring::unlock(&[one.clone(), two.clone()], None, Arc::new(NobodyToAsk)).unwrap();
    assert_eq!(both.recipients(), all);
    let joined = home.root.join("joined");
    write(&joined, &[&one, &two].map(|path| fs::read_to_string(path).unwrap()).join("\r\n"));
    let keyring = unlock(&joined).unwrap();
    assert_eq!(keyring.recipients(), all);
    // The second of them opens what is for the second only.
    Store::create(&home.places(), unlock(&two).unwrap(), document_for(&second), now()).unwrap();
    let opened = Store::open(&home.places(), keyring, OpenPolicy::Strict).unwrap();
    assert_eq!(opened.store.own_recipient(), Some(second[0].as_str()));
}

#[test]
fn a_stock_age_identity_works_and_ours_works_with_stock_age() {
    if !installed("age-keygen") {
        return;
    }
    let home = Home::empty();
    let path = home.root.join("keys.txt");
    assert!(Command::new("age-keygen").arg("-o").arg(&path).output().unwrap().status.success());
    let keyring = unlock(&path).unwrap();
    let ours = home.root.join("ours.txt");
    let made = Keyring::create(&ours, None, CHEAP, now()).unwrap().recipients();
    let shown = Command::new("age-keygen").arg("-y").arg(&ours).output().unwrap().stdout;
    assert_eq!(String::from_utf8(shown).unwrap().trim(), made[0]);
    let document = document_for(&keyring.recipients());
    Store::create(&home.places(), keyring, document, now()).unwrap();
}

#[test]
fn ssh_keys_open_and_sign() {
    if !installed("ssh-keygen") {
        return;
    }
    for (kind, passphrase) in [("ed25519", ""), ("ed25519", "opens"), ("rsa", "")] {
        let home = Home::empty();
        let path = ssh_key(&home, kind, passphrase);
        assert_eq!(needs_passphrase(&path).unwrap(), !passphrase.is_empty());
        let keyring = || unlock_with(&path, passphrase).unwrap();
        let recipients = keyring().recipients();
        assert!(recipients[0].starts_with(&format!("ssh-{kind} ")), "{recipients:?}");
        Store::create(&home.places(), keyring(), document_for(&recipients), now()).unwrap();
        let open = || Store::open(&home.places(), keyring(), OpenPolicy::Strict).unwrap();
        let committed = open().store.commit(vec![create("one", "x")], now()).unwrap();
        assert!(committed.notices.is_empty(), "{:?}", committed.notices);
        let opened = open();
        assert!(opened.notices.is_empty(), "{:?}", opened.notices);
        assert_eq!(opened.document, committed.document);
        // A vault of others is not damaged, and a damaged one is not that of others.
        let others = Home::with_vault();
        let error = Store::open(&others.places(), keyring(), OpenPolicy::Strict).unwrap_err();
        assert!(matches!(error, StoreError::NoIdentityOpens { .. }), "{error}");
        let file = fs::read(home.vault()).unwrap();
        let stanza = file.windows(4).position(|at| at == b"ssh-").unwrap();
        let body = stanza + file[stanza..].iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let mut damaged = file;
        damaged[body] = if damaged[body] == b'A' { b'B' } else { b'A' };
        fs::write(home.vault(), damaged).unwrap();
        let error = Store::open(&home.places(), keyring(), OpenPolicy::Strict).unwrap_err();
        assert_eq!(error.refusal(), Some(&Refusal::Damaged(Damage::Header)), "{error}");
    }
}

#[test]
fn ssh_keys_that_do_not_work_are_told_apart() {
    if !installed("ssh-keygen") {
        return;
    }
    let home = Home::empty();
    let ecdsa = unlock(&ssh_key(&home, "ecdsa", "")).unwrap_err();
    assert!(
        matches!(&ecdsa, KeyringError::UnsupportedSsh { reason, .. } if reason.contains("ecdsa")),
        "{ecdsa}"
    );
    let locked = ssh_key(&home, "ed25519", "opens");
    assert!(matches!(unlock(&locked), Err(KeyringError::Cancelled { .. })));
    assert!(matches!(unlock_with(&locked, "wrong"), Err(KeyringError::WrongPassphrase { .. })));
    let changed = change_passphrase(&locked, Some(Secret::from("opens")), None, CHEAP).unwrap_err();
    assert!(changed.to_string().contains("ssh-keygen -p"), "{changed}");
    // Forms of keys that age does not read, told with what helps.
    let with = |name: &str, arguments: &[&str]| {
        let path = home.root.join(name);
        let made =
            Command::new("ssh-keygen").args(["-q", "-N", "opens", "-f"]).arg(&path).args(arguments).status();
        assert!(made.unwrap().success());
        unlock_with(&path, "opens").unwrap_err().to_string()
    };
    let old = with("old", &["-t", "rsa", "-m", "PEM"]);
    assert!(old.contains("old format") && old.contains("ssh-keygen -p -f"), "{old}");
    let cipher = with("cipher", &["-t", "ed25519", "-Z", "chacha20-poly1305@openssh.com"]);
    assert!(cipher.contains("it is encrypted with chacha20-poly1305@openssh.com"), "{cipher}");
    let hardware = home.root.join("hardware");
    write(&hardware, &key_of_type("sk-ssh-ed25519@openssh.com"));
    let error = unlock(&hardware).unwrap_err().to_string();
    assert!(error.contains("lives on a security key"), "{error}");
}

/// A private key file of OpenSSH that says of its key only of which type it is.
fn key_of_type(kind: &str) -> String {
    let string = |bytes: &[u8]| [&u32::try_from(bytes.len()).unwrap().to_be_bytes()[..], bytes].concat();
    let private = [&[0; 8][..], &string(kind.as_bytes())].concat();
    let parts =
        [string(b"none"), string(b"none"), string(b""), vec![0, 0, 0, 1], string(b""), string(&private)];
    let text = BASE64_STANDARD.encode([&b"openssh-key-v1\0"[..], &parts.concat()].concat());
    let lines: Vec<&str> = (0..text.len()).step_by(70).map(|at| &text[at..text.len().min(at + 70)]).collect();
    let (open, close) = ("-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----");
    format!("{open}\n{}\n{close}\n", lines.join("\n"))
}

#[test]
fn a_plugin_that_is_not_there_is_named() {
    let home = Home::with_vault();
    let identity = age::plugin::Identity::default_for_plugin("credbench-none").unwrap().to_string();
    let path = home.root.join("plugin");
    write(&path, &identity);
    let keyring = unlock(&path).unwrap();
    assert!(keyring.recipients().is_empty());
    let error = Store::open(&home.places(), keyring, OpenPolicy::Strict).unwrap_err();
    assert!(error.to_string().contains("age-plugin-credbench-none is not on the PATH"), "{error}");
    // Nor is a vault sealed to a recipient that only a plugin could seal to.
    let mut store = home.open().unwrap().store;
    let before = store.document().recipients.clone();
    let mut after = document_for(&[FAKE_RECIPIENT.to_owned()]).recipients;
    after.extend(before.clone());
    let error = store.commit(vec![Edit::SetRecipients { before, after }], now()).unwrap_err();
    assert!(matches!(error, StoreError::Encrypt { .. }), "{error}");
    assert!(error.to_string().contains("age-plugin-fake is not on the PATH"), "{error}");
    store.commit(vec![create("one", "x")], now()).unwrap();
}

/// A plugin that "wraps" a file key by writing it down: enough to see that plugins are asked, and how.
const FAKE_PLUGIN: &str = r#"#!/bin/sh
while IFS= read -r line; do
    case "$line" in
    "-> wrap-file-key"* | "-> recipient-stanza 0 fake"*) IFS= read -r key ;;
    "-> done"*) IFS= read -r _; break ;;
    esac
done
case "$1" in
--age-plugin=recipient-v1) printf -- '-> recipient-stanza 0 fake\n%s\n' "$key" ;;
--age-plugin=identity-v1)
    printf -- '-> msg\n%s\n' dG91Y2ggaXQ
    read -r _
    read -r _
    printf -- '-> file-key 0\n%s\n' "$key"
    ;;
esac
read -r _
read -r _
printf -- '-> done\n\n'
"#;

/// A plugin that answers every identity with one command and what it holds, base64.
fn plugin_that_says(command: &str, body: &str) -> String {
    format!(
        r#"#!/bin/sh
while IFS= read -r line && [ "$line" != "-> done" ]; do :; done
IFS= read -r _
printf -- '-> {command}\n%s\n' {body}
read -r _
read -r _
printf -- '-> done\n\n'
"#
    )
}

const FAKE_RECIPIENT: &str = "age1fake1pzry9x8q2c6wmz";

/// Hears what a plugin says; answers nothing.
struct Listens(std::sync::Mutex<Vec<String>>);

impl credbench::vault::Ask for Listens {
    fn passphrase(&self, _: &str) -> Option<Secret> {
        None
    }

    fn text(&self, _: &str) -> Option<String> {
        None
    }

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn message(&self, text: &str) {
        self.0.lock().unwrap().push(text.to_owned());
    }
}

#[test]
#[ignore = "a process of its own: run by other tests"]
fn child_uses_a_plugin() {
    let home = Home::empty();
    let identity = age::plugin::Identity::default_for_plugin("fake").unwrap().to_string();
    let path = home.root.join("plugin");
    write(&path, &identity);
    let ask = Arc::new(Listens(std::sync::Mutex::default()));
    let keyring = || Keyring::unlock(std::slice::from_ref(&path), None, ask.clone()).unwrap();
    let document = document_for(&[FAKE_RECIPIENT.to_owned()]);
    Store::create(&home.places(), keyring(), document, now()).unwrap();
    let mut opened = Store::open(&home.places(), keyring(), OpenPolicy::Strict).unwrap();
    assert!(opened.notices.is_empty(), "{:?}", opened.notices);
    assert_eq!(opened.store.own_recipient(), None);
    // What is sealed is not opened again: nobody is to touch it for each save.
    let touched = || ask.0.lock().unwrap().len();
    let before = touched();
    opened.store.commit(vec![create("one", "x")], now()).unwrap();
    assert_eq!(touched(), before);
    // The key that it signs with is kept under the name of the identity.
    let digest: String = Sha256::digest(&identity).iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(home.places().writers.join(format!("{digest}.age")).is_file());
    let again = Store::open(&home.places(), keyring(), OpenPolicy::Strict).unwrap();
    assert!(again.notices.is_empty(), "{:?}", again.notices);
    // A plugin whose question nobody answers.
    let asking = home.root.join("asking");
    write(&asking, &age::plugin::Identity::default_for_plugin("asking").unwrap().to_string());
    let cancelled = Keyring::unlock(std::slice::from_ref(&asking), None, ask.clone()).unwrap();
    let error = Store::open(&home.places(), cancelled, OpenPolicy::Strict).unwrap_err();
    assert!(
        matches!(&error, StoreError::Keyring(KeyringError::Cancelled { path }) if *path == asking),
        "{error}"
    );
    // Nor are backups tried in the place of a damaged vault, as they are with other identities.
    let whole = fs::read(home.vault()).unwrap();
    fs::write(home.vault(), &whole[..whole.len() - 1]).unwrap();
    let before = touched();
    let error = Store::open(&home.places(), keyring(), OpenPolicy::Strict).unwrap_err();
    assert!(matches!(&error, StoreError::Refused { refusal: Refusal::Damaged(_), .. }), "{error}");
    assert_eq!(touched(), before + 1);
    fs::write(home.vault(), &whole).unwrap();
    // One that says what is wrong.
    let failing = home.root.join("failing");
    write(&failing, &age::plugin::Identity::default_for_plugin("failing").unwrap().to_string());
    let error = Store::open(&home.places(), unlock(&failing).unwrap(), OpenPolicy::Strict).unwrap_err();
    assert!(matches!(error, StoreError::Keyring(KeyringError::Plugin { .. })), "{error}");
    assert!(error.to_string().contains("no key plugged in"), "{error}");
    let before = opened.store.document().recipients.clone();
    let nobody = vec![Edit::SetRecipients { before, after: Vec::new() }];
    assert!(matches!(opened.store.commit(nobody, now()), Err(StoreError::LockedOut { .. })));
    let heard = ask.0.lock().unwrap();
    assert!(!heard.is_empty() && heard.iter().all(|text| text == "touch it"), "{heard:?}");
    report("RESULT done");
}

#[test]
fn a_plugin_opens_signs_and_speaks() {
    let home = Home::empty();
    let asking = plugin_that_says("request-secret", "UElO");
    // Its hardware is not there.
    let failing = plugin_that_says("error internal", "bm8ga2V5IHBsdWdnZWQgaW4");
    for (name, script) in [("fake", FAKE_PLUGIN.to_owned()), ("asking", asking), ("failing", failing)] {
        let plugin = home.root.join(format!("age-plugin-{name}"));
        write(&plugin, &script);
        fs::set_permissions(&plugin, fs::Permissions::from_mode(0o700)).unwrap();
    }
    let path = format!("{}:/usr/bin:/bin", home.root.display());
    let output = as_process("vault_keys::child_uses_a_plugin", &[("PATH", &path)]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("RESULT done"), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
}
