//! No secret and no name in clear: in files, in output, in messages.

use crate::cli::FIVE;
use crate::support::home::Account;

/// Texts that only the vault's plaintext may hold.
const SECRETS: [&str; 5] =
    ["marker-api-key-1", "marker-password-2", "marker-token-3", "marker-cert-4", "marker-key-5"];
const NAMES: [&str; 6] = ["pay.api", "mail.basic", "crm.token", "tls.files", "Payments, live", "second line"];

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

#[test]
fn no_file_holds_a_secret_or_a_name() {
    let account = Account::with_vault();
    account.put(FIVE);
    account.run(&["remove", "crm.token", "--force"]).succeeds();
    account.run(&["restore", "crm.token"]).succeeds();
    let files = account.files();
    assert!(files.len() >= 4);
    for (path, bytes) in files {
        for text in SECRETS.iter().chain(&NAMES) {
            assert!(!holds(&bytes, text), "{} holds {text}", path.display());
        }
    }
    // The check finds what is there.
    let leak = account.write("leak", "… marker-token-3 …");
    assert!(
        account.files().iter().any(|(path, bytes)| path.to_str() == Some(&leak) && holds(bytes, SECRETS[2]))
    );
}

#[test]
fn no_output_but_get_shows_a_secret() {
    let account = Account::with_vault();
    let mut said = Vec::new();
    let put = account.command().args(["put", "--no-test"]).input(FIVE).run().succeeds();
    said.push(put);
    // A document with something wrong beside its secrets.
    let broken = FIVE.replace("\"https://crm.example\"", "7").replace("https://half.example", "marker");
    said.push(account.command().args(["put", "--no-test"]).input(broken).run().exits(7));
    let torn = FIVE.replace("marker-token-3\"", "marker-token-3");
    said.push(account.command().args(["put", "--no-test"]).input(torn).run().exits(7));
    for arguments in [
        &["show", "pay.api"][..],
        &["show", "tls.files", "--json"],
        &["list", "--json"],
        &["history", "tls.files", "--json"],
        &["get", "tls.files"],
        &["get", "pay.api", "nope"],
        &["doctor"],
        &["remove", "pay.api", "--force"],
        &["restore", "pay.api"],
    ] {
        said.push(account.run(arguments));
    }
    for done in &said {
        for secret in SECRETS {
            assert!(!done.out.contains(secret) && !done.err.contains(secret), "{done:?}");
        }
    }
    assert_eq!(account.run(&["get", "crm.token"]).out, SECRETS[2]);
}

#[test]
fn what_others_wrote_cannot_drive_the_terminal() {
    let account = Account::with_vault();
    let hostile = "\\u001b]0;title\\u0007\\u009b31m\\u202ereversed\\u200b";
    account.put(&format!(
        r#"{{"key":"k","name":"{hostile}","kind":"secret","service":"{hostile}","notes":"{hostile}","tags":["{hostile}"],"x{hostile}":"y","config":{{"values":{{"a":"b"}}}}}}"#
    ));
    for arguments in [
        &["list"][..],
        &["list", "--json"],
        &["show", "k"],
        &["show", "k", "--json"],
        &["get", "k", "\u{1b}[2J"],
    ] {
        let done = account.run(arguments);
        let text = done.out + &done.err;
        assert!(text.contains("title") || text.contains("2J"), "{arguments:?} {text}");
        let bad =
            text.chars().find(|c| (c.is_control() && *c != '\n') || matches!(c, '\u{202e}' | '\u{200b}'));
        assert_eq!(bad, None, "{arguments:?}: {text:?}");
    }
    // In JSON it is escaped, not lost.
    let name = account.run(&["show", "k", "--json"]).json()["name"].clone();
    assert_eq!(name, "\u{1b}]0;title\u{7}\u{9b}31m\u{202e}reversed\u{200b}");
}

#[test]
fn stock_age_opens_the_vault_as_json() {
    let account = Account::with_vault();
    account.put(FIVE);
    let opened = std::process::Command::new("age")
        .args(["-d", "-i"])
        .arg(account.identity())
        .arg(account.vault())
        .output();
    let Ok(opened) = opened else {
        assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "age is required");
        return eprintln!("skipped: age not installed");
    };
    let document: serde_json::Value = serde_json::from_slice(&opened.stdout).unwrap();
    assert!(document.to_string().contains("marker-token-3"));
}
