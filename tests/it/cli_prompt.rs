//! Questions on a real terminal: without echo where they are secret, No by default, and the terminal is as it
//! was afterwards.

use crate::support::home::Account;
use crate::support::terminal::OnTerminal;

#[test]
fn init_asks_twice_without_echo() {
    let account = Account::empty();
    let mut first = OnTerminal::start(&account, &["init"]);
    first.sees("New passphrase for the new identity: ");
    first.types("marker-pass\r");
    first.sees("Once more: ");
    first.types("marker-other\r");
    let (code, rest) = first.ends();
    assert_eq!(code, 1, "{rest}");
    assert!(rest.contains("the two passphrases differ") && !rest.contains("marker"), "{rest}");
    assert!(!account.identity().exists() && !account.vault().exists());

    let mut second = OnTerminal::start(&account, &["init"]);
    second.sees("New passphrase for the new identity: ");
    // A slip, taken back.
    second.types("marker-pasx\u{7f}s\r");
    second.sees("Once more: ");
    second.types("nonsense\u{15}marker-pass\r");
    second.sees("opens ");
    let (code, rest) = second.ends();
    assert_eq!(code, 0, "{rest}");
    assert!(!rest.contains("marker"));
    let pass = account.write("pass", "marker-pass");
    account.run(&["list", "--passphrase-file", &pass]).succeeds();

    let mut third = OnTerminal::start(&account, &["list"]);
    third.sees("Passphrase for ");
    third.types("marker-pass\u{3}");
    let (code, rest) = third.ends();
    assert_eq!(code, 3, "{rest}");
    assert!(rest.contains("no passphrase") && !rest.contains("marker"), "{rest}");
}

#[test]
fn add_asks_for_the_secrets_that_were_not_given() {
    let account = Account::with_vault();
    let mut add = OnTerminal::start(
        &account,
        &["add", "k", "--kind", "bearer_token", "--set", "base_url=https://a.example", "--no-test"],
    );
    add.sees("Token: ");
    add.types("marker-é-token\r");
    add.sees("created");
    let (code, rest) = add.ends();
    assert_eq!(code, 0, "{rest}");
    assert_eq!(account.run(&["get", "k"]).out, "marker-é-token");

    let mut add = OnTerminal::start(&account, &["add", "files", "--kind", "secret"]);
    add.sees("Values: name: ");
    add.types("pem\r");
    add.sees("Ctrl-D ends it): ");
    add.types("-----BEGIN X-----\rmarker\r-----END X-----\r\u{4}");
    add.sees("created");
    let (code, rest) = add.ends();
    assert_eq!((code, rest.contains("marker")), (0, false), "{rest}");
    assert_eq!(account.run(&["get", "files"]).out, "-----BEGIN X-----\nmarker\n-----END X-----\n");

    let mut add = OnTerminal::start(&account, &["add", "n", "--kind", "secret"]);
    add.sees("Values: name: ");
    add.types("\u{3}");
    let (code, rest) = add.ends();
    assert_eq!(code, 1, "{rest}");
    account.run(&["show", "n"]).exits(4);
}

#[test]
fn add_asks_for_what_a_service_needs_and_says_where_its_key_is_made() {
    let account = Account::with_vault();
    let mut add = OnTerminal::start(&account, &["add", "zd", "--service", "zendesk/api-token", "--no-test"]);
    add.sees("Subdomain (such as acme): ");
    add.types("a.b/c\r");
    add.sees("only the name, without .zendesk.com");
    add.sees("Subdomain (such as acme): ");
    add.types("acme\r");
    add.sees("E-mail address (such as agent@example.com): ");
    add.types("ann@example.com\r");
    add.sees("The key is made at https://acme.zendesk.com/admin/");
    add.sees("/token is put behind it.");
    add.sees("API token: ");
    add.types("marker-token\r");
    add.sees("created");
    let (code, rest) = add.ends();
    assert_eq!((code, rest.contains("marker")), (0, false), "{rest}");
    assert_eq!(account.run(&["get", "zd"]).out, "marker-token");
    let shown: serde_json::Value =
        serde_json::from_str(&account.run(&["show", "zd", "--json"]).succeeds().out).unwrap();
    let text = shown.to_string();
    assert!(
        text.contains("https://{subdomain}.zendesk.com/api/v2") && text.contains("\"basic_auth\""),
        "{text}"
    );

    let mut add = OnTerminal::start(&account, &["add", "pay", "--service", "stripe/secret-key", "--no-test"]);
    add.sees("The key is made at https://dashboard.stripe.com/apikeys");
    add.sees("Secret key: ");
    add.types("sk_test_marker\r");
    add.sees("looks like a test key (sk_test_…)");
    add.sees("created");
    let (code, rest) = add.ends();
    assert_eq!((code, rest.contains("marker")), (0, false), "{rest}");
}

#[test]
fn a_service_with_several_ways_in_has_to_be_told_which() {
    let account = Account::with_vault();
    let several = account.run(&["add", "k", "--service", "zendesk"]).exits(2);
    assert!(several.err.contains("several ways into zendesk"), "{}", several.err);
    assert!(several.err.contains("zendesk/api-token (basic_auth)"), "{}", several.err);
    let unknown = account.run(&["add", "k", "--service", "zendesc"]).exits(2);
    assert!(unknown.err.contains("did you mean zendesk?"), "{}", unknown.err);
    let variant = account.run(&["add", "k", "--service", "zendesk/nope"]).exits(2);
    assert!(variant.err.contains("no variant \"nope\""), "{}", variant.err);
    let neither = account.run(&["add", "k"]).exits(2);
    assert!(neither.err.contains("--kind"), "{}", neither.err);
    // What is missing is named where nobody is there to be asked; a service that nobody knows still needs a kind only.
    let fields = account.run(&["add", "k", "--service", "algolia"]).exits(7);
    assert!(fields.err.contains("application_id"), "{}", fields.err);
    let secret = account.write("secret", "x");
    let file = format!("token={secret}");
    let arguments = ["add", "k", "--kind", "bearer_token", "--service", "our own", "--set"];
    let rest = ["base_url=https://a.example", "--secret-file", &file, "--no-test"];
    account.run(&[&arguments[..], &rest[..]].concat()).succeeds();
}

#[test]
fn remove_and_adopt_start_on_no() {
    let account = Account::with_vault();
    let old = std::fs::read(account.vault()).unwrap();
    account.put(r#"{"key":"k","kind":"secret","config":{"values":{"a":"b"}}}"#);
    for (keys, code) in [("\r", 1), ("n\r", 1), ("\u{3}", 1), ("y\r", 0)] {
        let mut remove = OnTerminal::start(&account, &["remove", "k"]);
        remove.sees("Remove k from default? It can be restored [y/N]: ");
        remove.types(keys);
        assert_eq!(remove.ends().0, code, "{keys:?}");
    }
    account.run(&["show", "k"]).exits(4);

    std::fs::write(account.vault(), &old).unwrap();
    for (first, second, code) in [("\r", "", 1), ("y\r", "yes\r", 1), ("y\r", "adopt\r", 0)] {
        let mut adopt = OnTerminal::start(&account, &["vault", "adopt"]);
        adopt.sees("ROLLBACK");
        adopt.sees("[y/N]: ");
        adopt.types(first);
        if !second.is_empty() {
            adopt.sees("Type adopt to accept it as it is: ");
            adopt.types(second);
        }
        assert_eq!(adopt.ends().0, code);
    }
    account.run(&["list"]).succeeds();
}

#[test]
fn what_takes_many_along_is_confirmed_by_name() {
    let account = Account::with_vault();
    account.run(&["solution", "add", "prod"]).succeeds();
    account.put(r#"{"key":"k","solution":"prod","kind":"secret","config":{"values":{"a":"b"}}}"#);
    for (keys, code) in [("\r", 1), ("y\r", 1), ("\u{3}", 1), ("prod\r", 0)] {
        let mut remove = OnTerminal::start(&account, &["solution", "remove", "prod"]);
        remove.sees("1 credential of prod will go to the trash.");
        remove.sees("Type the name of the solution to remove it: ");
        remove.types(keys);
        assert_eq!(remove.ends().0, code, "{keys:?}");
    }
    for (keys, code) in [("\r", 1), ("y\r", 0)] {
        let mut purge = OnTerminal::start(&account, &["trash", "purge"]);
        purge.sees("Drop prod/k for good? This cannot be undone [y/N]: ");
        purge.types(keys);
        assert_eq!(purge.ends().0, code, "{keys:?}");
    }
    account.run(&["restore", "k", "--solution", "prod"]).exits(4);
}

/// A table is cut to the terminal, and a value ends its line there.
#[test]
fn a_terminal_gets_a_line_end_and_colours() {
    let account = Account::with_vault();
    account.put(r#"{"key":"k","kind":"secret","config":{"values":{"a":"value"}}}"#);
    let mut get = OnTerminal::start(&account, &["get", "k"]);
    get.sees("value\r\n");
    assert_eq!(get.ends().0, 0);
    let mut list = OnTerminal::start(&account, &["list"]);
    list.sees("\u{1b}[2m○ not_testable\u{1b}[0m");
    assert_eq!(list.ends().0, 0);
    let mut plain = OnTerminal::start(&account, &["list", "--color", "never"]);
    plain.sees("○ not_testable");
    let (code, rest) = plain.ends();
    assert_eq!((code, rest.contains('\u{1b}')), (0, false));
}

#[test]
fn a_signal_gives_the_terminal_its_echo_back() {
    let account = Account::with_passphrase("marker-pass");
    for signal in [rustix::process::Signal::TERM, rustix::process::Signal::HUP] {
        let mut list = OnTerminal::start(&account, &["list"]);
        list.sees("Passphrase for ");
        list.types("marker");
        list.signal(signal);
        let (code, rest) = list.ends();
        assert_ne!(code, 0, "it ends by the signal: {rest}");
        assert!(!rest.contains("marker"), "{rest}");
    }
}
