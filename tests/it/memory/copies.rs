//! How many copies of a secret there are while the workbench is unlocked, and that there are none once it is locked.

use std::io::Read as _;
use std::time::{Duration, Instant};

use hkdf::Hkdf;
use sha2::Sha256;

use super::is_root;
use super::needles::{Found, Needles, marker};
use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::server::{Server, json};
use crate::support::tls;
use crate::support::vault::report;

/// How long wiping may take once the lock screen is there.
const SOON: Duration = Duration::from_secs(5);

const PASSPHRASE: &str = "marker passphrase 8Fq2x0Vw7Lk3";

/// How many secrets are planted.
const PLANTED: usize = 1000;

// Numbers of the texts beyond those that are planted.
const TYPED: usize = PLANTED;
const IN_JSON: usize = PLANTED + 1;
const THE_PASSPHRASE: usize = PLANTED + 2;
const THE_IDENTITY: usize = PLANTED + 3;
const ITS_KEY: usize = PLANTED + 4;
const SIGNING: usize = PLANTED + 5;
const TESTED: usize = PLANTED + 6;

fn told(found: &Found) -> String {
    let name = |number: &usize| match *number {
        TYPED => "typed".to_owned(),
        IN_JSON => "typed as JSON".to_owned(),
        THE_PASSPHRASE => "passphrase".to_owned(),
        THE_IDENTITY => "identity".to_owned(),
        ITS_KEY => "key of the identity".to_owned(),
        SIGNING => "signing key".to_owned(),
        TESTED => "tested, shown and copied".to_owned(),
        number => number.to_string(),
    };
    let line = |(form, numbers): (&&str, &Vec<usize>)| {
        let (planted, others): (Vec<usize>, Vec<usize>) = numbers.iter().partition(|n| **n < PLANTED);
        let names: Vec<String> = others.iter().map(name).collect();
        format!("{form}: {} planted, {}", planted.len(), names.join(", "))
    };
    found.iter().map(line).collect::<Vec<_>>().join("; ")
}

/// How often a text is there, in any form.
fn count(found: &Found, number: usize) -> usize {
    found.values().flatten().filter(|found| **found == number).count()
}

/// The text of an identity in a file that a passphrase protects.
fn identity(account: &Account) -> String {
    let file = std::fs::read(account.identity()).unwrap();
    let decryptor = age::Decryptor::new(age::armor::ArmoredReader::new(&file[..])).unwrap();
    let key = age::scrypt::Identity::new(PASSPHRASE.to_owned().into());
    let mut text = String::new();
    decryptor.decrypt(std::iter::once(&key as _)).unwrap().read_to_string(&mut text).unwrap();
    text.lines().find(|line| line.starts_with("AGE-SECRET-KEY-1")).unwrap().to_owned()
}

/// The bytes of the key that an identity's text stands for (Bech32).
fn key_of(identity: &str) -> Vec<u8> {
    const LETTERS: &str = "QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L";
    let data = identity.strip_prefix("AGE-SECRET-KEY-1").unwrap();
    let bits = data[..data.len() - 6].chars().flat_map(|c| {
        let value = LETTERS.find(c).unwrap();
        (0..5).rev().map(move |bit| (value >> bit) & 1)
    });
    let bits: Vec<usize> = bits.collect();
    bits.chunks_exact(8).map(|byte| byte.iter().fold(0, |all, bit| (all << 1) | *bit) as u8).collect()
}

/// The key that an identity signs with.
pub(super) fn signing_key_of(identity: &str) -> [u8; 32] {
    let mut key = [0; 32];
    Hkdf::<Sha256>::new(None, identity.as_bytes()).expand(b"credbench writer key 1", &mut key).unwrap();
    key
}

/// A vault with all that is looked for, and the needles.
fn planted(service: &Server) -> (Account, Needles) {
    let account = Account::with_passphrase(PASSPHRASE);
    account.write("config/credbench/config.toml", "[network]\nca_file = \"ca.pem\"\n");
    account.write("config/credbench/ca.pem", &tls::authority_pem());
    let mut needles = Needles::default();
    let mut documents = Vec::new();
    for credential in 0..PLANTED / 10 {
        let values = (0..10).map(|value| {
            let text = marker(credential * 10 + value);
            needles.add(credential * 10 + value, text.as_bytes());
            format!(r#""v{value}":"{text}""#)
        });
        let values: Vec<String> = values.collect();
        documents.push(format!(
            r#"{{"key":"key.{credential:03}","kind":"secret","config":{{"values":{{{}}}}}}}"#,
            values.join(",")
        ));
    }
    documents.push(format!(
        r#"{{"key":"aaa","kind":"bearer_token","config":{{"base_url":"{}","token":"{}"}},"test":{{"path":"/me"}}}}"#,
        service.url(),
        marker(TESTED)
    ));
    let file = account.passphrase_file();
    let arguments = ["put", "--no-test", "--passphrase-file", file.to_str().unwrap()];
    account.command().args(arguments).input(format!("[{}]", documents.join(","))).run().succeeds();
    needles.add_typed(TYPED, &marker(TYPED));
    needles.add_typed(IN_JSON, &marker(IN_JSON));
    needles.add_typed(TESTED, &marker(TESTED));
    needles.add_typed(THE_PASSPHRASE, PASSPHRASE);
    let identity = identity(&account);
    needles.add(THE_IDENTITY, identity.as_bytes());
    needles.add(ITS_KEY, &key_of(&identity));
    needles.add(SIGNING, &signing_key_of(&identity));
    (account, needles)
}

/// C1, C2: unlocked there is one copy of each secret and none of what opened the vault; locked there is nothing.
#[test]
fn locked_there_is_no_copy_of_any_secret() {
    if !is_root() {
        return;
    }
    let service = Server::tls(tls::server(tls::Leaf::Good, &["h2", "http/1.1"]), |_| json(401, "{}"));
    let (account, needles) = planted(&service);
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    pty.wait("Passphrase of").paste(PASSPHRASE).send("\r").wait("aaa").wait("key.000");
    // C2: nothing was shown yet.
    let unlocked = needles.in_process(pty.process());
    report(&format!("unlocked: {}", told(&unlocked)));
    let most = (0..PLANTED).map(|number| count(&unlocked, number)).max().unwrap();
    let least = (0..PLANTED).map(|number| count(&unlocked, number)).min().unwrap();
    assert_eq!((least, most), (1, 1), "one copy of each: {}", told(&unlocked));
    for what_opened in [THE_PASSPHRASE, THE_IDENTITY] {
        assert_eq!(count(&unlocked, what_opened), 0, "{}", told(&unlocked));
    }
    // Shown, copied, tested.
    pty.send("\x12").wait(&marker(TESTED)).send("y").wait("sent to the terminal's clipboard");
    pty.send("t").wait("✗ aaa");
    assert_eq!(service.requests().len(), 1);
    // Typed into the form, seen, undone and done again; then typed as JSON, undone, and left as it is.
    pty.send("e\x06token\r").wait("Ctrl-R reveal").paste(&marker(TYPED)).wait("new").send("\x12");
    pty.wait(&marker(TYPED)).send("\x1f").wait("stored").send("\x1b_").wait("new");
    pty.send("\x1bOQ").wait("\"$secret\"").send("\x1b[1;5F").paste(&format!("\"{}\"", marker(IN_JSON)));
    pty.wait(&marker(IN_JSON)).send("\x1f").gone(&marker(IN_JSON)).send("\x1b_").wait(&marker(IN_JSON));
    let shown = needles.in_process(pty.process());
    report(&format!("in use: {}", told(&shown)));
    for number in [TYPED, IN_JSON, TESTED] {
        assert!(count(&shown, number) > 0, "control: in use they are there: {}", told(&shown));
    }
    assert!(shown.contains_key("one by one"), "control: what is on the screen is in its cells");
    pty.send("\x0c").wait("Passphrase of");
    // Again, typed key by key, and left by the other way.
    for key in PASSPHRASE.chars() {
        pty.send(&key.to_string());
    }
    pty.send("\r")
        .wait("Unsaved drafts")
        .send("\r")
        .wait(&marker(IN_JSON))
        .send("\x0c")
        .wait("Passphrase of");
    let end = Instant::now() + SOON;
    let mut locked = needles.in_process(pty.process());
    while !locked.is_empty() && Instant::now() < end {
        locked = needles.in_process(pty.process());
    }
    report(&format!("locked: {} texts, {}", PLANTED + 7, told(&locked)));
    assert!(locked.is_empty(), "locked: {}", told(&locked));
}
