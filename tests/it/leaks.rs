//! What is told must not hold a secret: output and logs of everything that goes wrong, in any encoding (C13), what is
//! printed for debugging (C14), and what a panic says (C15).

use std::collections::BTreeSet;
use std::path::Path;

use credbench::http::Answer;
use credbench::import::{Format, Unlock, read};
use credbench::model::Document;
use credbench::probe::plan;
use credbench::redact::{Masker, Redactor};
use credbench::schema::Kinds;
use credbench::secret::Secret;
use credbench::session::changes;
use credbench::tui::message::{Effect, Message, Order, Reply};
use jiff::Timestamp;

use crate::layers::sources;
use crate::memory::needles::{Found, Needles, marker};
use crate::support::home::Account;
use crate::support::server::{Server, answer};
use crate::support::tls;
use crate::support::vault::as_process;

/// Which of the texts stand in some bytes, in any form.
fn found_in(needles: &Needles, bytes: &[u8]) -> Found {
    let mut found = Found::new();
    needles.find(bytes, &mut found);
    found
}

/// C13: errors, refusals, hostile answers and failed handshakes, with everything turned on that makes programs talk.
#[test]
fn nothing_that_goes_wrong_tells_a_secret() {
    let mut needles = Needles::default();
    (0..6).for_each(|number| needles.add(number, marker(number).as_bytes()));
    // Sends back what it got, in many forms, as an error.
    let echo = Server::start(|seen| {
        let text = format!("{:?} {}", seen.headers, seen.target);
        let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
        answer(
            401,
            &[("content-type", "application/json"), ("x-echo", "1")],
            format!(r#"{{"error":"{}","hex":"{hex}"}}"#, text.replace(['"', '\\'], "'")),
        )
    });
    let elsewhere = Server::start(|seen| {
        let to = format!("https://elsewhere.example{}", seen.target);
        answer(302, &[("location", to.as_str())], "")
    });
    let untrusted = Server::tls(tls::server(tls::Leaf::UnknownIssuer, &[]), |_| answer(200, &[], ""));
    let account = Account::with_vault();
    let document = |key: &str, url: &str, number: usize| {
        format!(
            r#"{{"key":"{key}","kind":"api_key","config":{{"base_url":"{url}","api_key":"{}","placement":{{"in":"query","name":"key"}}}},"test":{{"path":"/me"}}}}"#,
            marker(number)
        )
    };
    let documents = [
        document("echo", &echo.url(), 0),
        document("elsewhere", &elsewhere.url(), 1),
        document("untrusted", &untrusted.url(), 2),
        document("nobody", "http://127.0.0.1:9", 3),
    ];
    account.put(&format!("[{}]", documents.join(",")));
    let talkative = |arguments: &[&str], input: &str| {
        let command = account.command().args(arguments).input(input);
        let done = command.env("RUST_LOG", "trace").env("RUST_BACKTRACE", "full").env("DEBUG", "1").run();
        (arguments.join(" "), done)
    };
    let broken = documents[0].replace("\"kind\"", "kind").replace(&marker(0), &marker(4));
    let misplaced =
        format!(r#"{{"key":"x","kind":"api_key","config":{{"base_url":7,"api_key":["{}"]}}}}"#, marker(4));
    let dotenv = account.write("broken.env", &format!("A='{}\nB", marker(5)));
    let said = [
        talkative(&["test", "--all", "--steps"], ""),
        talkative(&["test", "--all", "--steps", "--json"], ""),
        talkative(&["request", "elsewhere", "GET", "/x"], ""),
        talkative(&["request", "echo", "GET", "https://elsewhere.example/x"], ""),
        talkative(&["put"], &documents[0].replace("echo", "another")),
        talkative(&["put"], &broken),
        talkative(&["put"], &misplaced),
        talkative(&["add", "y", "--kind", "api_key", "--set", &format!("api_key={}", marker(4))], ""),
        talkative(&["run", "--env", "X=cred://echo", "--", "no-such-program"], ""),
        talkative(&["import", "dotenv", &dotenv], ""),
        talkative(&["import", "json", &dotenv], ""),
        talkative(&["show", "echo"], ""),
        talkative(&["list", "--json"], ""),
        talkative(&["audit"], ""),
    ];
    let mut failed = BTreeSet::new();
    for (command, done) in &said {
        let found = found_in(&needles, &[done.out.as_bytes(), done.err.as_bytes()].concat());
        assert!(found.is_empty(), "{command}: {found:?}\n{}\n{}", done.out, done.err);
        if done.code != 0 {
            failed.insert(command.split(' ').next().unwrap());
        }
    }
    assert!(failed.len() >= 5, "most of it went wrong: {failed:?}");
    for (path, bytes) in account.files() {
        let found = found_in(&needles, &bytes);
        assert!(found.is_empty() || path.ends_with("broken.env"), "{}: {found:?}", path.display());
    }
    // The control: where a secret is asked for, the same search finds it; and the service did get it.
    assert!(!found_in(&needles, talkative(&["get", "echo"], "").1.out.as_bytes()).is_empty());
    assert!(echo.requests().iter().any(|seen| seen.target.contains(&marker(0))));
}

/// C15: a panic of the command line, with a secret in its words. The workbench's is in `tui::pty`.
#[test]
fn a_panic_tells_its_place_and_no_secret() {
    let variables = [("RUST_BACKTRACE", "full")];
    let caught = as_process("leaks::a_panic_with_a_secret", &variables).output().unwrap();
    let said = String::from_utf8_lossy(&[caught.stdout, caught.stderr].concat()).into_owned();
    assert!(
        said.contains("this is a bug") && said.contains("leaks.rs") && !said.contains(&marker(7)),
        "{said}"
    );
    // The control: a usual program says it all.
    let usual = as_process("leaks::a_panic_with_a_secret", &[("USUAL", "1")]).output().unwrap();
    assert!(String::from_utf8_lossy(&usual.stderr).contains(&marker(7)));
}

#[test]
#[ignore = "a process of its own: run by the test of panics"]
fn a_panic_with_a_secret() {
    if std::env::var_os("USUAL").is_none() {
        credbench::cli::catch_panics();
    }
    panic!("{}", marker(7));
}

/// C14: what can be printed shows a mask in the place of each secret.
#[test]
fn what_is_printed_for_debugging_holds_no_secret() {
    let secret = marker(8);
    let text = format!(
        r#"{{"key":"a","kind":"basic_auth","config":{{"base_url":"https://a.example","username":"u","password":"{secret}"}},"test":{{"path":"/"}}}}"#
    );
    let change = changes(&Document::new(), Kinds::builtin(), &text, "default", "text").unwrap().remove(0);
    let mut document = Document::new();
    let edits = change.clone().edits(None);
    let printed_edits = format!("{edits:?}");
    let inverses: Vec<_> =
        edits.into_iter().map(|edit| document.apply(edit, Timestamp::UNIX_EPOCH).unwrap()).collect();
    let content = &document.credentials[0].content;
    let kind = Kinds::builtin().of_content(content).unwrap();
    let found = read(Format::Dotenv, format!("A={secret}").as_bytes(), &Unlock::default()).unwrap();
    let shared = || Secret::from(secret.as_str());
    let masker = {
        let mut masker = Masker::new(Redactor::new([&shared()]));
        masker.push(&secret.as_bytes()[..20], &mut Vec::new());
        format!("{masker:?} {:?}", Redactor::new([&shared()]))
    };
    let unlock = Unlock { password: Some(shared()), key_file: Some(secret.clone().into_bytes().into()) };
    let answer = Answer {
        status: 200,
        headers: vec![("x".to_owned(), secret.clone())],
        body: secret.clone().into_bytes(),
        cut: false,
    };
    let printed = [
        printed_edits,
        format!("{change:?} {document:?} {inverses:?} {content:?}"),
        format!("{:?}", plan(&kind, content).unwrap()),
        format!("{found:?} {unlock:?} {answer:?} {masker}"),
        format!("{:?} {:?}", Message::Paste(shared()), Effect::Clipboard(shared())),
        format!("{:?}", Order::Create { passphrase: Some(shared()) }),
        format!("{:?}", Reply::Text(shared())),
    ];
    let mut needles = Needles::default();
    needles.add(8, secret.as_bytes());
    for text in printed {
        assert!(text.len() > 10);
        assert!(found_in(&needles, text.as_bytes()).is_empty(), "{text}");
        // Nor as the bytes of a list.
        let listed: Vec<String> = secret.bytes().take(8).map(|byte| byte.to_string()).collect();
        assert!(!text.contains(&listed.join(", ")), "{text}");
    }
    // The control.
    assert!(!found_in(&needles, format!("{:?}", shared().expose()).as_bytes()).is_empty());
}

/// C14: a type that derives how it is printed has secrets only as [`Secret`]; `Zeroizing` prints what it holds.
#[test]
fn no_type_that_derives_debug_holds_wiped_bytes() {
    let sample = "#[derive(Clone, Debug)]\npub struct A<'a> {\n    a: Option<Zeroizing<Vec<u8>>>,\n}\n\
        #[derive(Clone)]\nstruct B(Zeroizing<String>);\n#[derive(Debug)]\nstruct C {\n    c: u8,\n}\nfn f() -> Zeroizing<u8> {}";
    assert_eq!(printable_with_wiped_bytes(sample), ["A<'a>"], "control");
    let mut files = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), &mut files);
    assert!(files.len() > 100);
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let found = printable_with_wiped_bytes(&text);
        assert!(found.is_empty(), "{}: {found:?}", file.display());
    }
}

/// The types of a file that derive `Debug` and hold something in `Zeroizing`.
fn printable_with_wiped_bytes(text: &str) -> Vec<&str> {
    let types = text.split("#[derive(").skip(1).filter_map(|rest| {
        let (derived, rest) = rest.split_once(")]")?;
        let start =
            ["struct ", "enum "].iter().filter_map(|word| Some(rest.find(word)? + word.len())).min()?;
        let item = &rest[start..];
        // It ends where the next thing at the margin begins.
        let end = ["\n}", ");"].iter().filter_map(|end| item.find(end)).min().unwrap_or(item.len());
        let name = item.split([' ', '(', '{', ';']).next()?;
        (derived.contains("Debug") && item[..end].contains("Zeroizing<")).then_some(name)
    });
    types.collect()
}
