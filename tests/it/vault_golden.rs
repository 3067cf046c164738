//! Vaults of each released format, written once and kept for ever (D14): they open with all that they say.
#![allow(clippy::disallowed_methods, reason = "tests plant files")]

use std::fs;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use credbench::model::{Document, Edit, Outcome, Solution, Stage, TestRecord};
use credbench::vault::{Header, Keyring, Store};
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::kinds::secrecy::ALL;
use crate::support::home::Account;
use crate::support::vault::{CHEAP, Home, content, create, document_for, now, report};

/// What `tests/vaults/v1.age` holds.
const SMALL: &str = "ea93802281017648f6b5fd2aeac2f5899b0a48ada61ae2a3e7068fcaaffbafb5";

/// What `tests/vaults/v1-whole.age` holds.
const WHOLE: &str = "85514738e184341a3120f894b41bd57290fb424dfcc508a9fea2750f3227b4a8";

fn golden(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vaults").join(name)
}

/// Checked out files are readable by all; what is opened must not be.
fn place(name: &str, to: &Path) {
    fs::create_dir_all(to.parent().unwrap()).unwrap();
    fs::set_permissions(to.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(to).unwrap();
    std::io::copy(&mut fs::File::open(golden(name)).unwrap(), &mut file).unwrap();
}

/// Keeps a file for ever.
fn keep(from: &Path, name: &str) {
    let mut file = fs::OpenOptions::new().write(true).create_new(true).open(golden(name)).unwrap();
    std::io::copy(&mut fs::File::open(from).unwrap(), &mut file).unwrap();
}

/// SHA-256 of a document's body, hex.
fn content_hash(document: &Document, header: &Header) -> String {
    let plain = credbench::vault::encode(document, header, |_, _| "0".repeat(88)).unwrap();
    let body = plain.windows(8).position(|window| window == b",\"body\":").unwrap();
    Sha256::digest(&plain[body..]).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All that it says, as this version writes it: not a byte of it is lost or read in another way.
fn says(document: &Document, header: &Header, golden: &str) {
    assert_eq!(header.format, 1);
    assert_eq!(content_hash(document, header), golden);
    // Control: the hash sees a change.
    let mut changed = document.clone();
    changed.solutions[1].name.push('x');
    assert_ne!(content_hash(&changed, header), golden);
}

#[test]
fn the_first_vault_of_format_1_opens() {
    let home = Home::empty();
    place("v1.age", &home.vault());
    place("v1.identity", &home.identity());
    let opened = home.open().unwrap();
    assert_eq!(opened.store.header().generation, 3);
    assert_eq!(opened.document.organization.name, "Golden");
    assert_eq!(opened.document.solutions.len(), 2);
    let credential = opened.document.find("default", "golden").unwrap();
    assert_eq!(credential.version, 2);
    assert_eq!(credential.content.secret("/config/api_key").unwrap().expose(), "sëcret \"2\"\n🔑");
    assert_eq!(credential.history[0].content.secret("/config/api_key").unwrap().expose(), "first");
    assert_eq!(credential.content.get_str("/x-unknown/keeps"), Some("its place"));
    assert_eq!(credential.tests.len(), 1);
    assert!(opened.document.find_removed("default", "removed").is_some());
    assert_eq!(opened.document.extra["x-body"], json!([1, 2.5, null]));
    says(&opened.document, opened.store.header(), SMALL);
}

/// Every kind, an OAuth app, a kind of its own, tokens, a rotation, workflows, versions, the trash, and a log.
#[test]
fn the_whole_vault_of_format_1_opens_and_its_log_holds() {
    let account = Account::empty();
    place("v1-whole.age", &account.vault());
    place("v1-whole.identity", &account.identity());
    place("v1-whole.log", &account.vault().parent().unwrap().join("vault.age.d/audit.log"));
    account.run(&["audit", "verify"]).succeeds();
    let opened = account.open();
    let document = &opened.document;
    says(document, opened.store.header(), WHOLE);
    for credential in ["k.api_key", "k.database", "k.custom"] {
        assert!(document.find("default", credential).is_some(), "{credential}");
    }
    assert_eq!(document.organization.oauth_apps[0].name(), "mail");
    assert_eq!(document.organization.kinds[0].id, "own");
    assert_eq!(document.workflows.len(), 1);
    let rotating = document.find("default", "k.secret").unwrap();
    assert_eq!(rotating.rotation.as_deref().unwrap().stage, Stage::Proven);
    let tokens = document.find("default", "k.oauth2").unwrap();
    assert_eq!(tokens.content.secret("/config/tokens/id_token").unwrap().expose(), "marker-10");
    // It goes on from there.
    account.run(&["rotate", "k.secret", "--yes"]).succeeds();
    assert_eq!(account.run(&["get", "k.secret"]).succeeds().out, "another");
    account.run(&["audit", "verify"]).succeeds();
}

/// Writes the first golden vault. Run once per format, by hand.
#[test]
#[ignore = "writes tests/vaults; a golden vault is never written twice"]
fn write_the_first_vault() {
    let home = Home::empty();
    let keyring = Keyring::create(&home.identity(), None, CHEAP, now()).unwrap();
    let mut document = document_for(&keyring.recipients());
    document.organization.name = "Golden".to_owned();
    document.solutions.push(Solution::named("other"));
    document.extra.insert("x-body".to_owned(), json!([1, 2.5, null]));
    let mut store = Store::create(&home.places(), keyring, document, now()).unwrap().store;
    let document =
        store.commit(vec![create("golden", "first"), create("removed", "x")], now()).unwrap().document;
    let id = |key| document.find("default", key).unwrap().id.clone();
    let mut changed = content("golden", "sëcret \"2\"\n🔑");
    changed.set("/x-unknown/keeps", json!("its place"));
    let record = TestRecord {
        at: now(),
        version: 2,
        outcome: Outcome::Ok,
        status_code: Some(200),
        latency_ms: 12,
        message: "accepted".to_owned(),
        facts: credbench::model::Learnt::default(),
    };
    let edits = vec![
        Edit::Update { id: id("golden"), base: None, content: changed },
        Edit::RecordTest { id: id("golden"), record },
        Edit::Remove { id: id("removed"), base: Box::new(content("removed", "x")) },
    ];
    store.commit(edits, now()).unwrap();
    keep(&home.vault(), "v1.age");
    keep(&home.identity(), "v1.identity");
}

/// Writes the golden vault with something of everything. Run once per format, by hand.
#[test]
#[ignore = "writes tests/vaults; a golden vault is never written twice"]
fn write_the_whole_vault() {
    let account = Account::with_vault();
    let say = |arguments: &[&str], input: &str| {
        account.command().args(arguments).input(input).run().succeeds();
    };
    say(&["put", "--no-test"], ALL);
    say(&["put", "--no-test"], &ALL.replace("marker-1", "again-1"));
    say(&["put", "--no-test"], ALL);
    let app =
        r#"{"name":"mail","client_id":"c","client_secret":"s","token_url":"https://login.example/token"}"#;
    say(&["oauth-app", "put"], app);
    say(&["kinds", "put", "own", "--from", "secret"], "");
    say(&["solution", "add", "prod"], "");
    say(
        &["put", "--no-test", "--solution", "prod"],
        r#"{"key":"mine","kind":"own","config":{"values":{"a":"b"}}}"#,
    );
    say(&["put", "--no-test"], r#"{"key":"gone","kind":"secret","config":{"values":{"a":"b"}}}"#);
    say(&["remove", "gone", "--force"], "");
    say(&["recipients", "add", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"], "");
    account.write("code/app.env", "KEY=cred://k.api_key\n");
    say(&["scan", &account.home.join("code").display().to_string()], "");
    say(&["get", "k.secret"], "");
    say(&["review", "exclude", "k.api_key", "undocumented", "--reason", "known"], "");
    say(&["rotate", "k.secret", "--secret-file", "a=-", "--prepare"], "another");
    keep(&account.vault(), "v1-whole.age");
    keep(&account.identity(), "v1-whole.identity");
    keep(&account.vault().parent().unwrap().join("vault.age.d/audit.log"), "v1-whole.log");
    let opened = account.open();
    report(&format!("WHOLE: {}", content_hash(&opened.document, opened.store.header())));
}
