//! S3: what a service, a certificate, a file or a name says reaches the terminal as text, whichever way it takes.

use std::time::Duration;

use rcgen::{CertificateParams, DnType, KeyPair};
use serde_json::json;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::server::{Act, Server, answer, json as answered};
use crate::support::terminal::OnTerminal;

/// Everything that drives a terminal, with a word to find it by.
const ATTACK: &str = "\x1b]0;owned\x07\x1b]2;owned\x1b\\\x1b]52;c;b3duZWQ=\x07\x1b[2J\x1b[31m\x1bP1$r\x1b\\\x1b_x\x1b\\\
                      \u{9b}31m\u{9d}0;owned\u{9c}\x08\x0e\x1bc\u{202e}\u{2066}\u{200b}\u{e0041}";

/// Sequences that nothing of ours writes.
const NEVER: [&str; 10] =
    ["\x1b]0;", "\x1b]2;", "\x1b]52;", "\x07", "\x1bP", "\x1b_", "\x1bc", "\u{9b}", "\u{9d}", "\u{202e}"];

/// Asserts that a text drives no terminal.
#[track_caller]
fn is_harmless(what: &str, text: &str) {
    for sequence in NEVER {
        assert!(!text.contains(sequence), "{what}: {sequence:?} in {text:?}");
    }
    for hidden in ["\u{2066}", "\u{200b}", "\u{e0041}", "\x08", "\x0e"] {
        assert!(!text.contains(hidden), "{what}: {hidden:?} in {text:?}");
    }
}

type Script = fn() -> Act;

/// Answers that say it, each in another place.
const ANSWERS: [(&str, Script); 7] = [
    ("status text", || Act::Raw(format!("HTTP/1.1 401 {ATTACK}\r\ncontent-length: 0\r\n\r\n").into_bytes())),
    ("header", || {
        Act::Raw(
            format!("HTTP/1.1 401 No\r\nwww-authenticate: {ATTACK}\r\ncontent-length: 0\r\n\r\n")
                .into_bytes(),
        )
    }),
    ("location", || {
        Act::Raw(format!("HTTP/1.1 302 F\r\nlocation: /{ATTACK}\r\ncontent-length: 0\r\n\r\n").into_bytes())
    }),
    ("retry", || answer(429, &[("retry-after", "3\t\u{200b}\u{9b}31m0")], ATTACK)),
    ("JSON error", || answered(403, json!({ "error": { "message": ATTACK }, ATTACK: ATTACK }).to_string())),
    ("body", || answer(500, &[("content-type", "text/plain")], ATTACK)),
    ("page", || answer(200, &[("content-type", "text/html")], format!("<title>{ATTACK}</title>"))),
];

fn credential(key: &str, url: &str) -> String {
    json!({
        "key": key, "name": ATTACK, "kind": "bearer_token", "notes": ATTACK, "tags": [ATTACK],
        "config": {"base_url": url, "token": "marker"}, "test": {"path": "/me"},
    })
    .to_string()
}

#[test]
fn no_answer_of_a_service_drives_the_terminal() {
    let account = Account::with_vault();
    for (number, (place, script)) in ANSWERS.into_iter().enumerate() {
        let server = Server::start(move |_| script());
        let key = format!("k{number}");
        account.put(&credential(&key, &server.url()));
        for arguments in [&["test", key.as_str(), "--steps"][..], &["test", &key, "--json"], &["show", &key]]
        {
            let piped = account.run(arguments);
            is_harmless(place, &piped.out);
            is_harmless(place, &piped.err);
            let (_, shown) = OnTerminal::start(&account, arguments).ends();
            is_harmless(place, &shown);
        }
        assert!(!server.requests().is_empty(), "control: {place} was said");
    }
    for arguments in
        [&["list"][..], &["list", "--json"], &["audit"], &["audit", "--json"], &["history", "k0"]]
    {
        let (_, shown) = OnTerminal::start(&account, arguments).ends();
        is_harmless(&format!("{arguments:?}"), &shown);
        assert!(shown.contains("k0") || shown.contains("made"), "control: {shown}");
    }
    // The same in the workbench: list, details, log, audit log.
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    pty.wait("Credentials")
        .wait("k6")
        .send("T")
        .settles_for(Duration::from_secs(1))
        .send("\t\t")
        .settles_for(Duration::from_millis(200));
    for keys in ["\x1b[B", "\x1b[B", "\x1b[B", "\x1b[B", "\x1b[B", "\x1b[B", "h", "\x1b", "H", "\x1b"] {
        pty.send(keys).settles_for(Duration::from_millis(200));
    }
    pty.send("q").ends_within(Duration::from_secs(3));
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    is_harmless("workbench", &text);
    assert!(text.contains("␛]0;owned␇"), "control: it was shown, as signs");
}

/// The check finds what it looks for.
#[test]
fn an_attack_is_found() {
    for sequence in NEVER {
        assert!(std::panic::catch_unwind(|| is_harmless("control", &format!("a{sequence}b"))).is_err());
        assert!(ATTACK.contains(sequence), "{sequence:?} is tried");
    }
    is_harmless("plain", "a\x1b[31mb\n");
}

#[test]
fn no_certificate_drives_the_terminal() {
    let account = Account::with_vault();
    let mut params = CertificateParams::new(vec!["other.example".to_owned()]).unwrap();
    params.distinguished_name.push(DnType::CommonName, ATTACK);
    params.distinguished_name.push(DnType::OrganizationName, ATTACK);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let provider = tokio_rustls::rustls::crypto::aws_lc_rs::default_provider();
    let config = ServerConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let server = Server::tls(config.into(), |_| answer(200, &[], "never"));
    let trusting = json!({
        "key": "trusting", "kind": "bearer_token", "test": {"path": "/me"},
        "config": {"base_url": server.url(), "token": "marker", "ca_certificate": certificate.pem()},
    });
    account.put(&format!("[{},{trusting}]", credential("k", &server.url())));
    for key in ["k", "trusting"] {
        for arguments in [&["test", key, "--steps"][..], &["test", key, "--json"], &["show", key]] {
            let (_, shown) = OnTerminal::start(&account, arguments).ends();
            is_harmless(key, &shown);
        }
    }
    assert!(account.run(&["test", "k"]).out.contains("certificate"), "control: it was looked at");
}

#[test]
fn no_name_of_a_file_drives_the_terminal() {
    let account = Account::with_vault();
    // What a file may be called: everything but NUL and `/`.
    let name = ATTACK.replace('/', "_");
    let there = account.write(&name, "nonsense");
    for arguments in [
        &["put", "--json-file", &there][..],
        &["put", "--json-file", &format!("{there}-missing")],
        &["add", "k", "--kind", "secret", "--secret-file", &format!("values.a={there}-missing")],
        &["import", "json", &there],
        &["import", "dotenv", &there, "--dry-run"],
        &["export", "-o", &there],
        &["--vault", &there, "list"],
        &["--vault", &format!("{there}-missing"), "list"],
        &["--identity", &there, "list"],
        &["show", &name],
        &["get", "k", &name],
        &["--solution", &name, "list"],
        &["add", &name, "--kind", "secret"],
        &["add", "k", "--kind", &name],
        &["schema", &name],
        &["services", "--show", &name],
        &[&name],
        &["list", &format!("--{name}")],
    ] {
        let what = format!("{arguments:?}");
        let piped = account.run(arguments);
        is_harmless(&what, &piped.out);
        is_harmless(&what, &piped.err);
        assert!(!piped.out.is_empty() || !piped.err.is_empty(), "control: {what} says something");
        let mut asked = OnTerminal::start(&account, arguments);
        asked.types("\x03");
        is_harmless(&what, &asked.ends().1);
    }
}
