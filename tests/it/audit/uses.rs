//! What is written, of what, by whom; how uses are counted; and what is never written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use super::{account, folder, log, records, words};
use crate::cli::page;
use crate::support::home::Account;
use crate::support::server::{Server, json as answer};
use crate::support::terminal::OnTerminal;

#[test]
fn everything_that_happens_to_a_credential_is_there() {
    let account = account();
    account.run(&["get", "pay.api"]).succeeds();
    account.run(&["get", "db.files", "PROD_URL"]).succeeds();
    account
        .put(r#"{"key":"pay.api","kind":"api_key","config":{"base_url":"http://127.0.0.1:9"},"notes":"n"}"#);
    account.run(&["test", "pay.api", "--timeout", "1"]);
    account.run(&["remove", "pay.api", "--force"]).succeeds();
    account.run(&["restore", "pay.api"]).succeeds();
    let all = records(&account, &[]);
    assert_eq!(
        words(&all),
        ["vault_created", "created", "created", "got", "got", "updated", "removed", "restored"]
    );
    let of = records(&account, &["pay.api"]);
    assert_eq!(words(&of), ["created", "got", "updated", "removed", "restored"]);
    assert!(of.iter().all(|record| record["key"] == "pay.api" && record["solution"] == "default"));
    let got = &records(&account, &["--what", "got"])[1];
    assert_eq!((&got["field"], &got["result"]), (&json!("/config/values/PROD_URL"), &json!("ok")));
    let updated = &records(&account, &["--what", "updated"])[0];
    assert_eq!((&updated["note"], &updated["version"]), (&json!("notes"), &json!(2)));
    assert!(all.iter().all(|record| record["keyed"] == true && record["who"]["uid"].is_number()));
    let sessions: Vec<&Value> = all.iter().map(|record| &record["session"]).collect();
    assert!(sessions.windows(2).any(|pair| pair[0] != pair[1]), "each run is a session");

    // Under a name that it has no more.
    account.run(&["remove", "db.files", "--force"]).succeeds();
    account.run(&["trash", "purge", "db.files", "--force"]).succeeds();
    let purged = records(&account, &["db.files"]);
    assert_eq!(words(&purged), ["created", "got", "removed", "purged"]);
    account.run(&["audit", "never.there"]).exits(4);
    account.run(&["audit", "--what", "eaten"]).exits(2);
    account.run(&["audit", "--since", "soon"]).exits(2);
    assert!(records(&account, &["--since", "2100-01-01"]).is_empty());
    assert_eq!(records(&account, &["--since", "1h", "--what", "purged"]).len(), 1);
    account.run(&["audit", "verify"]).succeeds();
}

#[test]
fn what_runs_gets_or_is_sent_a_value_is_written_before_it_has_it() {
    let account = account();
    let log = log(&account);
    let ours = |what: &str| fs::read_to_string(&log).unwrap().matches(what).count();
    // A program finds its own line there, and a service finds that of the request.
    let script = format!("grep -c '\"ran\"' {}", log.display());
    let run = ["run", "--workflow", "nightly", "--env", "K=cred://pay.api", "--", "sh", "-c", &script];
    assert_ne!(account.run(&run).succeeds().out.trim(), "0");
    assert_eq!(ours("\"nothing-of-the-kind\""), 0, "the control");
    let ran = records(&account, &["--what", "ran"]);
    assert_eq!((ran.len(), &ran[0]["workflow"], &ran[0]["key"]), (1, &json!("nightly"), &json!("pay.api")));
    let at_service = log.clone();
    let server = Server::start(move |_| {
        let count = fs::read_to_string(&at_service).unwrap().matches("\"requested\"").count();
        answer(200, format!("{count}"))
    });
    account.put(&format!(
        r#"{{"key":"here","kind":"api_key","config":{{"base_url":"{}","api_key":"marker-key-9"}}}}"#,
        server.url()
    ));
    assert_ne!(account.run(&["request", "here", "/x"]).succeeds().out, "0");
    // What was not written after all ends with why.
    let template = account.write("t.ini", "v = \"{{ cred://db.files#b }}\"\n");
    account.run(&["inject", "-i", &template]).succeeds();
    account.put(r#"{"key":"db.files","kind":"secret","config":{"values":{"b":"two\nlines"}}}"#);
    account.run(&["inject", "-i", &template]).exits(5);
    let injected = records(&account, &["--what", "injected"]);
    let results: Vec<&Value> = injected.iter().map(|record| &record["result"]).collect();
    assert_eq!(results, ["ok", "unsafe_value"]);
    account.run(&["audit", "verify"]).succeeds();
}

#[test]
fn organization_and_recipients_are_there() {
    let account = account();
    account.run(&["solution", "add", "prod"]).succeeds();
    account.run(&["solution", "rename", "prod", "live"]).succeeds();
    account.run(&["solution", "remove", "live"]).succeeds();
    let app = r#"{"name":"graph","client_id":"c","client_secret":"marker-app-9","token_url":"https://login.example/token"}"#;
    account.command().args(["oauth-app", "put"]).input(app).run().succeeds();
    account.run(&["oauth-app", "remove", "graph"]).succeeds();
    account.run(&["kinds", "put", "gadget", "--from", "api_key"]).succeeds();
    account.run(&["kinds", "remove", "gadget"]).succeeds();
    let friend = Account::with_vault();
    let theirs = friend.run(&["recipients", "list", "--json"]).json()["recipients"][0]["recipient"].clone();
    account.run(&["recipients", "add", theirs.as_str().unwrap(), "--name", "Friend"]).succeeds();
    account.run(&["recipients", "remove", "Friend"]).succeeds();
    let all = records(&account, &[]);
    assert_eq!(
        words(&all)[3..],
        [
            "solution_added",
            "solution_renamed",
            "solution_removed",
            "oauth_app_changed",
            "oauth_app_removed",
            "kind_changed",
            "kind_removed",
            "recipients_changed",
            "recipients_changed"
        ]
    );
    let who = &records(&account, &["--what", "recipients_changed"])[0];
    assert_eq!(who["note"], format!("added {} Friend", theirs.as_str().unwrap()));
    // Who the vault is encrypted to stands nowhere in clear.
    let text = fs::read_to_string(log(&account)).unwrap();
    assert!(!text.contains(theirs.as_str().unwrap()) && !text.contains("Friend"));
}

#[test]
fn a_line_says_who_and_from_where() {
    let account = account();
    let run = |from: &str| {
        let command = account.command().args(["get", "pay.api"]).env("SSH_CONNECTION", from);
        command.run().succeeds();
    };
    run("10.0.0.7 50022 10.0.0.1 22");
    run("\u{1b}[31mevil 1 2 3");
    let got = records(&account, &["--what", "got"]);
    assert_eq!(got[0]["who"]["ssh"], "10.0.0.7");
    assert_eq!(got[1]["who"].get("ssh"), None, "what is no address is not written");
    let uid = rustix::process::getuid().as_raw();
    assert!(got.iter().all(|record| record["who"]["uid"] == uid && record["who"]["pid"].as_u64() > Some(1)));
    let page = account.run(&["audit", "--what", "got"]).succeeds().out;
    assert!(
        page.lines().next().unwrap().contains("default/pay.api  api_key") && page.contains(" from 10.0.0.7")
    );
}

#[test]
fn a_line_says_which_terminal() {
    let account = account();
    let terminal = OnTerminal::start(&account, &["list"]);
    let name = terminal.name();
    assert_eq!(terminal.ends().0, 0);
    account.run(&["list"]).succeeds();
    let opened = records(&account, &["--what", "opened"]);
    let places: Vec<_> =
        opened.iter().map(|record| record["who"].get("tty").and_then(Value::as_str)).collect();
    assert_eq!(
        places[places.len() - 3..],
        [Some(name.as_str()), None, None],
        "and a program without has none"
    );
}

#[test]
fn uses_are_counted_and_the_list_knows_them() {
    let account = account();
    let last = |key: &str| {
        let rows = account.run(&["list", "--json", key]).succeeds().json();
        rows[0]["last_used_at"].clone()
    };
    assert_eq!(last("pay.api"), Value::Null);
    account.run(&["get", "pay.api"]).succeeds();
    account.run(&["get", "pay.api"]).succeeds();
    let used = last("pay.api");
    assert!(used.as_str().unwrap().ends_with('Z'));
    assert_eq!(last("db.files"), Value::Null);
    let keys = |query: &str| -> Vec<String> {
        let rows = account.run(&["list", "--json", query]).succeeds().json();
        rows.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(keys("is:unused"), ["db.files"]);
    assert_eq!(keys("-is:unused"), ["pay.api"]);
    assert!(account.run(&["show", "pay.api"]).out.contains("used 2 times, the last time"));
    // A use never rewrites the vault, and what was not handed out is none.
    let before = fs::read(account.vault()).unwrap();
    account.run(&["get", "db.files"]).exits(2);
    account.run(&["get", "db.files", "b"]).succeeds();
    assert_eq!(fs::read(account.vault()).unwrap(), before);
    assert!(last("db.files").is_string());
    // A value that could not be printed was not used.
    let full = fs::File::create("/dev/full").unwrap();
    account.command().args(["get", "pay.api"]).output_to(full).run().exits(1);
    let got = records(&account, &["pay.api", "--what", "got"]);
    assert_eq!(got.last().unwrap()["result"], "output");
    assert!(account.run(&["show", "pay.api"]).out.contains("used 2 times"));
}

#[test]
fn the_same_value_has_the_same_code_and_nothing_else_tells_it() {
    let account = account();
    account.run(&["get", "pay.api"]).succeeds();
    account.run(&["get", "pay.api"]).succeeds();
    account.run(&["get", "db.files", "b"]).succeeds();
    let got = records(&account, &["--what", "got"]);
    assert_eq!(got[0]["value"], got[1]["value"]);
    assert_ne!(got[0]["value"], got[2]["value"]);
    // Another vault has other codes.
    let other = super::account();
    other.run(&["get", "pay.api"]).succeeds();
    assert_ne!(records(&other, &["--what", "got"])[0]["value"], got[0]["value"]);
}

#[test]
fn neither_secrets_nor_names_stand_in_any_file_of_the_log() {
    let account = account();
    account.run(&["solution", "add", "marker-solution"]).succeeds();
    account.put(
        r#"{"key":"marker.name","name":"marker label","solution":"marker-solution","kind":"secret",
            "tags":["marker-tag"],"notes":"marker notes","config":{"values":{"MARKER_FIELD":"marker-value"}}}"#,
    );
    account.run(&["--solution", "marker-solution", "get", "marker.name"]).succeeds();
    account.run(&["get", "pay.api"]).succeeds();
    account.run(&["--solution", "marker-solution", "remove", "marker.name", "--force"]).succeeds();
    account.run(&["audit", "marker-none"]).exits(4);
    let hidden = [
        "marker-key-1",
        "marker-url-2",
        "marker-solution",
        "marker.name",
        "marker label",
        "marker-tag",
        "marker notes",
        "MARKER_FIELD",
        "marker-value",
        "pay.api",
        "db.files",
    ];
    let mut files = 0;
    for entry in fs::read_dir(folder(&account)).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() || !path.file_name().unwrap().to_str().unwrap().starts_with("audit") {
            continue;
        }
        files += 1;
        let bytes = fs::read(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        for secret in hidden {
            assert_eq!(found(&bytes, secret), None, "{secret} in {}", path.display());
        }
    }
    assert!(files >= 1);
    // Control: the search finds them where they are.
    for secret in hidden {
        for (name, text) in encodings(secret) {
            let planted = [b"before".to_vec(), text, b"after".to_vec()].concat();
            assert!(found(&planted, secret).is_some(), "{name}");
        }
    }
}

fn encodings(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let wide = |order: fn(u16) -> [u8; 2]| secret.encode_utf16().flat_map(order).collect::<Vec<u8>>();
    vec![
        ("plain", secret.as_bytes().to_vec()),
        ("reversed", secret.bytes().rev().collect()),
        ("hex", hex.clone().into_bytes()),
        ("HEX", hex.to_uppercase().into_bytes()),
        ("UTF-16", wide(u16::to_le_bytes)),
        ("UTF-16 BE", wide(u16::to_be_bytes)),
        ("URL", secret.replace(' ', "%20").into_bytes()),
        ("base64", BASE64_STANDARD.encode(secret).trim_end_matches('=').as_bytes().to_vec()),
        ("base64url", BASE64_URL_SAFE_NO_PAD.encode(secret).into_bytes()),
    ]
}

/// The encoding that a text stands in: base64 with any start, as inside of a longer text.
fn found(bytes: &[u8], secret: &str) -> Option<&'static str> {
    let mut wanted = encodings(secret);
    for shift in 1..3 {
        let shifted = BASE64_STANDARD.encode([vec![0; shift], secret.as_bytes().to_vec()].concat());
        // The ends depend on what stands beside it.
        let inner = shifted.trim_end_matches('=').as_bytes();
        wanted.push(("base64, shifted", inner[4..inner.len() - 2].to_vec()));
    }
    let there = |text: &[u8]| bytes.windows(text.len()).any(|window| window == text);
    wanted.into_iter().find(|(_, text)| there(text)).map(|(name, _)| name)
}

#[test]
fn a_vault_of_before_gets_its_log_with_the_next_save() {
    let account = Account::empty();
    for (name, place) in [("v1.identity", account.identity()), ("v1.age", account.vault())] {
        fs::create_dir_all(place.parent().unwrap()).unwrap();
        fs::set_permissions(place.parent().unwrap(), fs::Permissions::from_mode(0o700)).unwrap();
        let golden = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vaults").join(name);
        fs::copy(golden, &place).unwrap();
        fs::set_permissions(&place, fs::Permissions::from_mode(0o600)).unwrap();
    }
    account.run(&["get", "golden"]).succeeds();
    let before = super::lines(&account);
    assert!(before.iter().all(|line| !line.contains("\"mac\"")), "there is no key yet");
    assert!(before.iter().any(|line| line.contains("\"got\"")), "but it is written");
    account.run(&["audit", "verify"]).exits(1);
    account.put(r#"{"key":"new","kind":"secret","config":{"values":{"a":"x"}}}"#);
    account.run(&["audit", "verify"]).succeeds();
    account.run(&["get", "golden"]).succeeds();
    let all = records(&account, &[]);
    assert!(words(&all).contains(&"sealed".to_owned()));
    assert_eq!((&all[all.len() - 2]["what"], &all[all.len() - 2]["keyed"]), (&json!("got"), &json!(true)));
}

#[test]
fn the_pages_read_well() {
    let account = account();
    account.run(&["get", "pay.api"]).succeeds();
    account.run(&["remove", "db.files", "--force"]).succeeds();
    let done = account.run(&["audit"]).succeeds();
    // Who runs the tests is not for the page.
    let lines: String = done
        .out
        .lines()
        .map(|line| format!("{}\n", line.rsplit_once("  ").map_or(line, |(line, _)| line).trim_end()))
        .collect();
    insta::with_settings!({filters => vec![(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", "TIME")]}, {
        insta::assert_snapshot!(lines);
    });
    page!(account.run(&["audit", "verify"]));
}
