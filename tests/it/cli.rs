//! The command line: each verb on the real program.

use serde_json::{Value, json};

use crate::support::command::Done;
use crate::support::home::Account;

/// A page of the program's output, without what differs from run to run.
macro_rules! page {
    ($done:expr) => {
        insta::with_settings!({filters => vec![
            (r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "UUID"),
            (r"age1[a-z0-9]{50,}", "AGE1"),
            (r"\d{4}-\d\d-\d\d \d\d:\d\d(:\d\d)? UTC", "TIME"),
            (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "TIME"),
            (r"[A-Za-z0-9+/]{43}=", "WRITER"),
            (r"[0-9a-f]{4}-[0-9a-f]{4}\b", "DIGEST"),
            (r"\d+ s ago", "N s ago"),
        ]}, { insta::assert_snapshot!($done.page()) });
    };
}
pub(crate) use page;

/// Five credentials of every kind there is.
pub(crate) const FIVE: &str = r#"[
  {"key": "pay.api", "name": "Payments, live", "kind": "api_key", "service": "payments", "tags": ["prod", "money"],
   "config": {"base_url": "http://127.0.0.1:9", "api_key": "marker-api-key-1", "placement": {"in": "query", "name": "k"}},
   "test": {"path": "/v1/me"}, "notes": "first line\nsecond line"},
  {"key": "mail.basic", "kind": "basic_auth", "tags": ["prod"],
   "config": {"base_url": "https://mail.example", "username": "ann", "password": "marker-password-2"}},
  {"key": "crm.token", "kind": "bearer_token", "config": {"base_url": "https://crm.example", "token": "marker-token-3"}},
  {"key": "tls.files", "kind": "secret", "config": {"values": {"cert": "marker-cert-4\nline", "key.pem": "marker-key-5"}}},
  {"key": "new.half", "kind": "bearer_token", "config": {"base_url": "https://half.example"}}
]"#;

fn account() -> Account {
    let account = Account::with_vault();
    account.put(FIVE);
    account
}

fn keys(done: &Done) -> Vec<String> {
    let rows = done.json();
    rows.as_array().unwrap().iter().map(|row| row["key"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn init_makes_identity_and_vault_once() {
    let account = Account::empty();
    page!(account.run(&["init", "--plain-identity"]));
    let before = std::fs::read(account.vault()).unwrap();
    page!(account.run(&["init", "--plain-identity"]));
    assert_eq!(std::fs::read(account.vault()).unwrap(), before);
}

#[test]
fn init_uses_an_identity_that_exists_and_adds_recipients() {
    let account = Account::empty();
    let other = Account::with_vault();
    let recipient = other.run(&["recipients", "list", "--json"]).json()["recipients"][0]["recipient"]
        .as_str()
        .unwrap()
        .to_owned();
    let vault = account.home.join("two.age");
    let done = account
        .run(&[
            "init",
            "--json",
            "--identity",
            other.identity().to_str().unwrap(),
            "--vault",
            vault.to_str().unwrap(),
        ])
        .succeeds();
    assert_eq!(done.json()["identity_made"], false);
    assert_eq!(done.json()["recipients"], json!([recipient]));
    let done = account.run(&["init", "--json", "--plain-identity", "--recipient", &recipient]).succeeds();
    assert_eq!(done.json()["identity_made"], true);
    assert_eq!(done.json()["recipients"].as_array().unwrap().len(), 2);
    // Both open it.
    account.run(&["list"]).succeeds();
    account.run(&["list", "--identity", other.identity().to_str().unwrap()]).succeeds();
}

#[test]
fn put_creates_updates_and_leaves_alone() {
    let account = Account::with_vault();
    page!(account.command().args(["put", "--no-test"]).input(FIVE).run());
    let again = account.command().args(["put", "--no-test", "--json"]).input(FIVE).run().succeeds();
    assert!(again.out.lines().all(|line| line.contains("\"unchanged\"")), "{}", again.out);
    let file = account.write(
        "one.json",
        r#"{"key": "crm.token", "kind": "bearer_token", "config": {"base_url": "https://crm.example", "token": "marker-token-9\n"}}"#,
    );
    page!(account.run(&["put", "--no-test", "--json-file", &file]));
    assert_eq!(account.run(&["get", "crm.token"]).succeeds().out, "marker-token-9");
}

#[test]
fn put_stores_all_or_nothing() {
    let account = account();
    let before = std::fs::read(account.vault()).unwrap();
    let done = account
        .command()
        .args(["put", "--no-test"])
        .input(
            r#"[{"key":"fine","kind":"secret","config":{"values":{"a":"b"}}},
 {"key":"bad key","kind":"secret","config":{"values":{"a":7}}}]"#,
        )
        .run();
    page!(done);
    assert_eq!(std::fs::read(account.vault()).unwrap(), before);
}

#[test]
fn a_stored_secret_is_kept_cleared_and_replaced() {
    let account = account();
    let shown = account.run(&["show", "mail.basic", "--json"]).succeeds();
    assert_eq!(shown.json()["config"]["password"], json!({"$secret": "stored"}));
    // What `show` prints is what `put` takes.
    account.put(&shown.out);
    assert_eq!(account.run(&["get", "mail.basic"]).out, "marker-password-2");
    account.put(r#"{"key":"mail.basic","kind":"basic_auth","config":{"base_url":"https://mail.example","username":"bob"}}"#);
    assert_eq!(account.run(&["get", "mail.basic", "password"]).out, "marker-password-2");
    assert_eq!(account.run(&["get", "mail.basic", "username"]).out, "bob");
    account.put(r#"{"key":"mail.basic","kind":"basic_auth","config":{"base_url":"https://mail.example","username":"bob","password":null}}"#);
    account.run(&["get", "mail.basic", "password"]).exits(4);
    // Another origin takes the secret with it only where it is given anew.
    let moved = r#"{"key":"crm.token","kind":"bearer_token","config":{"base_url":"https://crm.evil"}}"#;
    page!(account.command().args(["put", "--no-test"]).input(moved).run());
    account.put(&moved.replace("crm.evil\"", "crm.evil\", \"token\": \"new\""));
    assert_eq!(account.run(&["get", "crm.token"]).out, "new");
}

#[test]
fn show_masks_and_get_prints() {
    let account = account();
    page!(account.run(&["show", "pay.api"]));
    page!(account.run(&["show", "tls.files"]));
    for (arguments, value) in [
        (&["get", "pay.api"][..], "marker-api-key-1"),
        (&["get", "mail.basic"], "marker-password-2"),
        (&["get", "crm.token"], "marker-token-3"),
        (&["get", "tls.files", "cert"], "marker-cert-4\nline"),
        (&["get", "tls.files", "values.cert"], "marker-cert-4\nline"),
        (&["get", "tls.files", "key.pem"], "marker-key-5"),
        (&["get", "tls.files", "values.key.pem"], "marker-key-5"),
        (&["get", "pay.api", "placement.in"], "query"),
        (&["--json", "get", "pay.api"], "{\n  \"value\": \"marker-api-key-1\"\n}\n"),
    ] {
        assert_eq!(account.run(arguments).succeeds().out, value, "{arguments:?}");
    }
    page!(account.run(&["get", "tls.files"]));
    page!(account.run(&["get", "pay.api", "nope"]));
    page!(account.run(&["get", "new.half"]));
}

#[test]
fn list_finds_by_words_terms_and_options() {
    let account = account();
    page!(account.run(&["list"]));
    for (arguments, expected) in [
        (&["list", "--json"][..], &["crm.token", "mail.basic", "new.half", "pay.api", "tls.files"][..]),
        (&["list", "--json", "PAYMENTS"], &["pay.api"]),
        (&["list", "--json", "prod -live"], &["mail.basic"]),
        (&["list", "--json", "--tag", "prod", "--kind", "api_key"], &["pay.api"]),
        (&["list", "--json", "--status", "incomplete"], &["new.half"]),
        (&["list", "--json", "--service", "payments"], &["pay.api"]),
        (&["list", "status:untested,incomplete", "--json"], &["new.half", "pay.api"]),
        (&["list", "-tag:prod -kind:secret", "--json"], &["crm.token", "new.half"]),
        (&["list", "nothing-has-this", "--json"], &[]),
        (&["list", "is:incomplete", "--json"], &["new.half"]),
        (&["list", "is:untested", "--json"], &["pay.api"]),
        (
            &["list", "is:unused -is:incomplete", "--json"],
            &["crm.token", "mail.basic", "pay.api", "tls.files"],
        ),
        (&["list", "-is:unused", "--json"], &[]),
        (&["list", "is:failing,expiring", "--json"], &[]),
        (&["list", "is:old", "--json"], &[]),
    ] {
        assert_eq!(keys(&account.run(arguments).succeeds()), expected, "{arguments:?}");
    }
    page!(account.run(&["list", "stats:error"]));
    page!(account.run(&["list", "is:unusd"]));
    account.put(
        r#"[{"key": "soon", "kind": "secret", "expires_at": "2001-01-01", "config": {"values": {"a": "b"}}}]"#,
    );
    assert_eq!(keys(&account.run(&["list", "is:failing", "--json"])), ["soon"]);
    page!(account.run(&["list", "--json", "--status", "eror"]));
}

#[test]
fn list_json_has_the_shape_of_the_contract() {
    let account = account();
    let rows = account.run(&["list", "--json", "pay"]).succeeds().json();
    let row = rows[0].as_object().unwrap();
    let names: Vec<&str> = row.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "solution",
            "key",
            "name",
            "kind",
            "service",
            "status",
            "flags",
            "tags",
            "shared",
            "created_at",
            "updated_at",
            "last_used_at",
            "last_test"
        ]
    );
    assert_eq!(row["tags"], json!(["prod", "money"]));
    assert_eq!((&row["shared"], &row["last_test"]), (&json!(false), &Value::Null));
    assert!(row["created_at"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn solutions_hold_their_own_keys() {
    let account = account();
    page!(account.run(&["solution", "add", "billing-prod"]));
    account.run(&["solution", "add", "billing-prod"]).exits(5);
    let one = r#"{"key":"pay.api","kind":"secret","config":{"values":{"a":"other"}}}"#;
    account.command().args(["put", "--no-test", "--solution", "billing-prod"]).input(one).run().succeeds();
    page!(account.run(&["list", "--all-solutions"]));
    assert_eq!(account.run(&["--solution", "billing-prod", "get", "pay.api"]).out, "other");
    assert_eq!(account.run(&["get", "pay.api"]).out, "marker-api-key-1");
    let by_variable =
        account.command().args(["get", "pay.api"]).env("CREDBENCH_SOLUTION", "billing-prod").run();
    assert_eq!(by_variable.out, "other");
    account.write("config/credbench/config.toml", "solution = \"billing-prod\"\n");
    assert_eq!(account.run(&["get", "pay.api"]).out, "other");
    assert_eq!(account.run(&["get", "pay.api", "--solution", "default"]).out, "marker-api-key-1");
    page!(account.run(&["solution", "list"]));
    account.run(&["solution", "remove", "billing-prod"]).exits(5);
    account.run(&["remove", "pay.api", "--force"]).succeeds();
    account.run(&["solution", "remove", "billing-prod"]).succeeds();
    account.run(&["solution", "remove", "default"]).exits(5);
    account.run(&["solution", "remove", "nope"]).exits(4);
}

#[test]
fn removed_is_restored_and_versions_come_back() {
    let account = account();
    page!(account.run(&["remove", "crm.token"]));
    page!(account.run(&["get", "crm.token"]));
    page!(account.run(&["restore", "crm.token"]));
    let changed = r#"{"key":"crm.token","name":"CRM","kind":"bearer_token","config":{"base_url":"https://crm.example","token":"second"}}"#;
    account.put(changed);
    account.run(&["restore", "crm.token", "--version", "1"]).succeeds();
    assert_eq!(account.run(&["get", "crm.token"]).out, "marker-token-3");
    page!(account.run(&["history", "crm.token"]));
    let versions = account.run(&["history", "crm.token", "--json"]).succeeds().json();
    assert_eq!(versions[1]["changed"], json!(["token", "name"]));
    assert_eq!(versions[2]["newest"], true);
    account.run(&["restore", "crm.token", "--version", "9"]).exits(4);
    account.run(&["restore", "crm.token", "--version", "3"]).exits(5);
    account.run(&["restore", "crm.token"]).exits(5);
    account.run(&["restore", "never.there"]).exits(4);
}

#[test]
fn add_takes_typed_fields_and_secret_files() {
    let account = Account::with_vault();
    let key = account.write("key", "marker-api-key-1\n");
    let done = account.run(&[
        "add",
        "pay.api",
        "--kind",
        "api_key",
        "--service",
        "payments",
        "--name",
        "Payments",
        "--set",
        "base_url=https://pay.example",
        "--set",
        "placement.in=header",
        "--set",
        "placement.name=X-Key",
        "--set",
        "tags=prod,money",
        "--set",
        "tags=eu",
        "--set",
        "rotate_every_days=90",
        "--set",
        "allow_http=true",
        "--set",
        "test.path=/me?x=y",
        "--set",
        "test.expect.status=200,204",
        "--set",
        "test.headers.X-Trace=1",
        "--secret-file",
        &format!("api_key={key}"),
        "--no-test",
    ]);
    page!(done);
    page!(account.run(&["show", "pay.api", "--json"]));
    assert_eq!(account.run(&["get", "pay.api"]).out, "marker-api-key-1");
    let pem = account.write("pem", "-----BEGIN X-----\nabc\n-----END X-----\n");
    account
        .command()
        .args(["add", "tls", "--kind", "secret", "--secret-file", "values.key=-", "--secret-file"])
        .arg(format!("cert.pem={pem}"))
        .input("one line\n")
        .run()
        .succeeds();
    assert_eq!(account.run(&["get", "tls", "key"]).out, "one line");
    assert_eq!(account.run(&["get", "tls", "cert.pem"]).out, "-----BEGIN X-----\nabc\n-----END X-----\n");
}

#[test]
fn add_refuses_what_does_not_fit() {
    let account = account();
    let base = ["add", "x.y", "--kind", "bearer_token", "--no-test", "--set", "base_url=https://a.example"];
    let with = |more: &[&str]| account.run(&[&base[..], more].concat());
    page!(with(&["--set", "token=marker-in-argument"]));
    page!(with(&["--set", "schem=Bearer"]));
    page!(with(&["--set", "rotate_every_days=often"]));
    page!(with(&["--set", "test=x"]));
    page!(with(&["--set", "key=other"]));
    page!(with(&["--secret-file", "scheme=/dev/null"]));
    page!(with(&[]));
    page!(account.run(&["add", "x.y", "--kind", "bearer", "--no-test"]));
    page!(account.run(&["add", "crm.token", "--kind", "bearer_token", "--no-test"]));
    let token = account.write("token", "t");
    let done =
        account.run(&["add", "x y", "--kind", "bearer_token", "--secret-file", &format!("token={token}")]);
    page!(done);
    assert_eq!(keys(&account.run(&["list", "--json"])).len(), 5);
}

#[test]
fn kinds_and_schemas_need_no_vault() {
    let account = Account::empty();
    page!(account.run(&["kinds"]));
    assert_eq!(account.run(&["kinds", "--json"]).json().as_array().unwrap().len(), 10);
    let schema = account.run(&["schema", "api_key"]).succeeds().json();
    assert_eq!(schema["properties"]["config"]["properties"]["api_key"]["writeOnly"], true);
    page!(account.run(&["schema", "api-key"]));
    assert!(account.files().is_empty());
}

#[test]
fn recipients_come_and_go() {
    let account = account();
    let friend = Account::with_vault();
    let theirs = friend.run(&["recipients", "list", "--json"]).json()["recipients"][0]["recipient"]
        .as_str()
        .unwrap()
        .to_owned();
    let as_friend = || account.run(&["list", "--identity", friend.identity().to_str().unwrap()]);
    as_friend().exits(3);
    assert!(account.run(&["list"]).err.contains("unlocking failed once"), "and that is told once");
    page!(account.run(&["recipients", "add", &theirs, "--name", "Friend"]));
    as_friend().succeeds();
    assert_eq!(account.run(&["list", "--json"]).json()[0]["shared"], true);
    page!(account.run(&["recipients", "add", &theirs]));
    page!(account.run(&["recipients", "list"]));
    page!(account.run(&["recipients", "remove", "Friend"]));
    as_friend().exits(3);
    account.run(&["recipients", "remove", "Friend"]).exits(4);
    page!(account.run(&["recipients", "add", "age1nonsense"]));
    let own = account.run(&["recipients", "list", "--json"]).json()["recipients"][0]["recipient"].clone();
    page!(account.run(&["recipients", "remove", own.as_str().unwrap()]));
}

#[test]
fn ssh_keys_open_the_vault() {
    let account = Account::empty();
    let key = account.home.join("ssh");
    let made = std::process::Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "somebody", "-f"])
        .arg(&key)
        .status();
    if !made.is_ok_and(|status| status.success()) {
        assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "ssh-keygen is required");
        return eprintln!("skipped: ssh-keygen not installed");
    }
    let key = key.to_str().unwrap();
    account.run(&["init", "--identity", key]).succeeds();
    account.command().args(["put", "--no-test", "--identity", key]).input(FIVE).run().succeeds();
    assert_eq!(account.run(&["get", "crm.token", "--identity", key]).out, "marker-token-3");
    // As a recipient beside an age identity, by its public key.
    let other = Account::with_vault();
    let public = std::fs::read_to_string(format!("{key}.pub")).unwrap();
    other.run(&["recipients", "add", public.trim(), "--name", "somebody"]).succeeds();
    other.run(&["list", "--identity", key]).succeeds();
}

#[test]
fn the_passphrase_changes() {
    let account = Account::with_passphrase("old one");
    let pass = account.passphrase_file();
    let (old, new) = (pass.to_str().unwrap(), account.write("new", "new one\n"));
    let identity = std::fs::read(account.identity()).unwrap();
    page!(account.run(&["passphrase", "--passphrase-file", &new, "--new-passphrase-file", old]));
    assert_eq!(std::fs::read(account.identity()).unwrap(), identity);
    page!(account.run(&["passphrase", "--passphrase-file", old, "--new-passphrase-file", &new]));
    account.run(&["list", "--passphrase-file", old]).exits(3);
    account.run(&["list", "--passphrase-file", &new]).succeeds();
    // From standard input, with its one line break.
    account.command().args(["list", "--passphrase-file", "-"]).input("new one\n").run().succeeds();
    account.command().args(["list", "--passphrase-file", "-"]).input("new one\n\n").run().exits(3);
    account.command().args(["list", "--passphrase-file", "/dev/fd/0"]).input("new one").run().succeeds();
    page!(account.run(&["list"]));
    page!(account.command().args(["list", "--passphrase-file", "-"]).input("\n").run());
}

#[test]
fn doctor_says_what_is_wrong() {
    let account = account();
    page!(account.run(&["doctor"]));
    let rows = account.run(&["doctor", "--json"]).succeeds().json();
    assert!(rows.as_array().unwrap().iter().all(|row| row["level"] != "fail"));
    account.write("config/credbench/config.toml", "[test]\ntimeout_second = 3\n");
    mode(&account.identity(), 0o644);
    page!(account.run(&["doctor"]));
}

#[test]
fn doctor_opens_the_newest_backup_and_finds_plugins() {
    let account = account();
    let level = |check: &str| {
        let rows = account.run(&["doctor", "--json"]).json();
        let rows: Vec<_> =
            rows.as_array().unwrap().iter().filter(|row| row["check"] == check).cloned().collect();
        rows.iter().map(|row| row["level"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!((level("backups"), level("credentials")), (vec!["ok".to_owned()], vec!["ok".to_owned()]));
    let folder = account.home.join("data/credbench/vault.age.d/backups");
    let newest = credbench::vault::backups::list(&folder).pop().unwrap();
    std::fs::write(&newest.path, "no age file").unwrap();
    assert_eq!(level("backups"), ["warn"]);
    assert!(level("plugin").is_empty());
    let identity = std::fs::read_to_string(account.identity()).unwrap();
    std::fs::write(account.identity(), format!("{identity}# AGE-PLUGIN-X-1Q\nAGE-PLUGIN-NOWHERE-1QQQ\n"))
        .unwrap();
    assert_eq!(level("plugin"), ["warn"]);
}

fn mode(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_environment_counts_where_no_option_says_otherwise() {
    let account = account();
    let other = Account::with_vault();
    let with = |variables: &[(&str, &str)], arguments: &[&str]| {
        let command =
            variables.iter().fold(account.command(), |command, (name, value)| command.env(name, value));
        command.args(arguments).run()
    };
    let (vault, identity) = (other.vault(), other.identity());
    let theirs =
        [("CREDBENCH_VAULT", vault.to_str().unwrap()), ("CREDBENCH_IDENTITY", identity.to_str().unwrap())];
    assert_eq!(keys(&with(&theirs, &["list", "--json"]).succeeds()).len(), 0);
    let (own_vault, own_identity) = (account.vault(), account.identity());
    let own = [
        "list",
        "--json",
        "--vault",
        own_vault.to_str().unwrap(),
        "--identity",
        own_identity.to_str().unwrap(),
    ];
    assert_eq!(keys(&with(&theirs, &own).succeeds()).len(), 5);
    // Set to nothing is not set.
    let nothing = ["CREDBENCH_VAULT", "CREDBENCH_IDENTITY", "CREDBENCH_SOLUTION", "CREDBENCH_CONFIG"]
        .map(|name| (name, ""));
    assert_eq!(keys(&with(&nothing, &["list", "--json"]).succeeds()).len(), 5);
    // Colours.
    let coloured =
        |variables: &[(&str, &str)], arguments: &[&str]| with(variables, arguments).out.contains('\u{1b}');
    assert!(!coloured(&[], &["list"]));
    assert!(coloured(&[("CLICOLOR_FORCE", "1")], &["list"]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], &["list"]));
    assert!(coloured(&[("NO_COLOR", "1")], &["list", "--color", "always"]));
    assert!(!coloured(&[("CLICOLOR_FORCE", "1")], &["list", "--color=never"]));
}

/// `docs/CLI.md` is made from the definitions; CREDBENCH_BLESS=1 writes it.
#[test]
fn the_reference_page_is_up_to_date() {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/CLI.md");
    let page = credbench::cli::reference();
    if std::env::var_os("CREDBENCH_BLESS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let there = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(there == page, "docs/CLI.md is out of date: run the tests with CREDBENCH_BLESS=1");
}
