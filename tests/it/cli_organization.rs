//! The command line: solutions, OAuth apps and the trash on the real program.

use credbench::secret::Secret;
use credbench::vault::Header;
use serde_json::{Value, json};

use crate::cli::{FIVE, page};
use crate::support::home::Account;

/// An account with five credentials in `default` and two in `prod`.
fn account() -> Account {
    let account = Account::with_vault();
    account.put(FIVE);
    account.run(&["solution", "add", "prod"]).succeeds();
    account.put(PROD);
    account
}

const PROD: &str = r#"[
  {"key": "pay", "solution": "prod", "name": "Pay", "kind": "api_key", "tags": ["money"], "notes": "n", "unheard_of": [1],
   "allowed_hosts": ["files.example"], "test": {"path": "/me"},
   "config": {"base_url": "https://pay.example", "api_key": "marker-prod-1", "placement": {"in": "query", "name": "k"}}},
  {"key": "tls", "solution": "prod", "kind": "secret", "config": {"values": {"a": "marker-prod-2", "b": "marker-prod-3"}}}
]"#;

const APP: &str = r#"{"name": "graph", "provider": "microsoft_graph", "tenant": "contoso.example", "grant": "client_credentials",
  "client_id": "c-1", "client_secret": "marker-app-1", "scopes": ["mail.read"], "unheard_of": {"of": 1}}"#;

/// The vault's plaintext, as stock tools would show it.
pub(crate) fn plaintext(account: &Account) -> Value {
    let identity = std::fs::read_to_string(account.identity()).unwrap();
    let key = identity.lines().find(|line| line.starts_with("AGE-SECRET-KEY-")).unwrap();
    let identity: age::x25519::Identity = key.parse().unwrap();
    let sealed = std::fs::read(account.vault()).unwrap();
    let plain = Secret::from_utf8(age::decrypt(&identity, &sealed).unwrap()).unwrap();
    serde_json::from_str(plain.expose()).unwrap()
}

fn solutions(account: &Account) -> Vec<(String, u64)> {
    let rows = account.run(&["solution", "list", "--json"]).succeeds().json();
    let row = |row: &Value| (row["name"].as_str().unwrap().to_owned(), row["credentials"].as_u64().unwrap());
    rows.as_array().unwrap().iter().map(row).collect()
}

#[test]
fn a_copied_solution_holds_no_secret() {
    let account = account();
    // A version before, so that there is a history with a secret in it.
    account.put(&PROD.replace("marker-prod-1", "marker-prod-9"));
    page!(account.run(&["solution", "copy", "prod", "stage"]));
    let vault = plaintext(&account);
    let of = |solution: &str| -> Vec<Value> {
        let all = vault["body"]["credentials"].as_array().unwrap();
        all.iter().filter(|one| one["document"]["solution"] == solution).cloned().collect()
    };
    let (prod, stage) = (of("prod"), of("stage"));
    assert_eq!((prod.len(), stage.len()), (2, 2));
    assert!(Value::from(prod).to_string().contains("marker-prod-9"), "the control: the original has them");
    assert!(!Value::from(stage.clone()).to_string().contains("marker-"), "{stage:?}");
    for copy in &stage {
        assert_eq!(
            (&copy["secrets"], &copy["history"], &copy["tests"]),
            (&json!({}), &json!([]), &json!([]))
        );
        assert_eq!(copy["version"], 1);
    }
    let shown = account.run(&["show", "pay", "--solution", "stage", "--json"]).succeeds().json();
    let mut original = account.run(&["show", "pay", "--solution", "prod", "--json"]).succeeds().json();
    original["solution"] = json!("stage");
    original["config"]["api_key"] = json!({"$secret": "missing"});
    assert_eq!(shown, original);
    let rows = account.run(&["list", "--solution", "stage", "--json"]).succeeds().json();
    assert!(rows.as_array().unwrap().iter().all(|row| row["status"] == "incomplete"), "{rows}");
    account.run(&["get", "pay", "--solution", "stage"]).exits(4);
    account.run(&["test", "pay", "--solution", "stage"]).exits(1);
    // Entered again, it is complete.
    account.put(r#"{"key": "pay", "solution": "stage", "kind": "api_key", "config": {"base_url": "https://pay.example", "api_key": "k"}}"#);
    assert_eq!(account.run(&["get", "pay", "--solution", "stage"]).succeeds().out, "k");

    account.run(&["solution", "copy", "prod", "stage"]).exits(5);
    account.run(&["solution", "copy", "nope", "x"]).exits(4);
    account.run(&["solution", "copy", "prod", "a/b"]).exits(2);
}

#[test]
fn a_renamed_solution_takes_its_credentials_along() {
    let account = account();
    account.run(&["remove", "tls", "--solution", "prod"]).succeeds();
    account.put(r#"{"key": "other", "kind": "secret", "notes": "see cred://prod/pay", "config": {"values": {"v": "x"}}}"#);
    page!(account.run(&["solution", "rename", "prod", "live"]));
    assert_eq!(account.run(&["get", "pay", "--solution", "live"]).succeeds().out, "marker-prod-1");
    account.run(&["get", "pay", "--solution", "prod"]).exits(4);
    account.run(&["restore", "tls", "--solution", "live"]).succeeds();
    assert_eq!(solutions(&account), [("default".to_owned(), 6), ("live".to_owned(), 2)]);
    let done = account.run(&["solution", "rename", "live", "prod", "--json"]).succeeds();
    assert_eq!(done.json(), json!({"solution": "prod", "from": "live", "references": [], "done": "renamed"}));
    account.run(&["solution", "rename", "prod", "default"]).exits(5);
    account.run(&["solution", "rename", "default", "x"]).exits(5);
    account.run(&["solution", "rename", "nope", "x"]).exits(4);
    account.run(&["solution", "rename", "prod", " x"]).exits(2);
}

#[test]
fn a_solution_with_credentials_is_removed_only_by_force() {
    let account = account();
    page!(account.run(&["solution", "remove", "prod"]));
    assert_eq!(solutions(&account)[1], ("prod".to_owned(), 2));
    page!(account.run(&["solution", "remove", "prod", "--force"]));
    assert_eq!(solutions(&account).len(), 1);
    account.run(&["list", "--solution", "prod"]).exits(4);
    let trash = account.run(&["trash", "list", "--json"]).succeeds().json();
    assert_eq!(trash.as_array().unwrap().len(), 2);
    assert_eq!((&trash[0]["solution"], &trash[0]["key"]), (&json!("prod"), &json!("pay")));
    // What is restored brings its solution back.
    account.run(&["restore", "pay", "--solution", "prod"]).succeeds();
    assert_eq!(account.run(&["get", "pay", "--solution", "prod"]).succeeds().out, "marker-prod-1");
    account.run(&["solution", "remove", "default", "--force"]).exits(5);
    account.run(&["solution", "remove", "nope", "--force"]).exits(4);
}

#[test]
fn a_credential_moves_with_its_history() {
    let account = account();
    page!(account.run(&["move", "crm.token", "prod"]));
    account.run(&["get", "crm.token"]).exits(4);
    assert_eq!(account.run(&["get", "crm.token", "--solution", "prod"]).succeeds().out, "marker-token-3");
    let versions = account.run(&["history", "crm.token", "--solution", "prod", "--json"]).succeeds().json();
    assert_eq!(versions[1]["changed"], json!(["solution"]));
    account.run(&["move", "crm.token", "nope", "--solution", "prod"]).exits(4);
    account.run(&["move", "crm.token", "prod", "--solution", "prod"]).exits(5);
    account.run(&["move", "never.there", "prod"]).exits(4);
    account.put(r#"{"key": "pay", "kind": "secret", "config": {"values": {"v": "x"}}}"#);
    account.run(&["move", "pay", "prod"]).exits(5);
    assert_eq!(account.run(&["get", "pay"]).succeeds().out, "x");
}

#[test]
fn the_trash_is_listed_and_purged() {
    let account = account();
    page!(account.run(&["trash", "list"]));
    for key in ["pay.api", "crm.token", "tls.files"] {
        account.run(&["remove", key]).succeeds();
    }
    page!(account.run(&["trash", "list"]));
    page!(account.run(&["trash", "purge", "crm.token"]));
    page!(account.run(&["trash", "purge", "crm.token", "--force"]));
    account.run(&["trash", "purge", "crm.token", "--force"]).exits(4);
    account.run(&["restore", "crm.token"]).exits(4);
    assert!(!plaintext(&account).to_string().contains("marker-token-3"));
    assert!(plaintext(&account).to_string().contains("marker-api-key-1"), "the control");
    account.run(&["trash", "purge", "--json"]).exits(5);
    let done = account.run(&["trash", "purge", "--force", "--json"]).succeeds();
    assert_eq!(done.json()["purged"], json!(["default/pay.api", "default/tls.files"]));
    assert_eq!(account.run(&["trash", "list", "--json"]).succeeds().json(), json!([]));
    account.run(&["trash", "purge", "--force"]).succeeds();
}

#[test]
fn an_oauth_app_is_put_listed_and_removed() {
    let account = account();
    page!(account.run(&["oauth-app", "list"]));
    page!(account.command().args(["oauth-app", "put"]).input(APP).run());
    let list = account.run(&["oauth-app", "list"]);
    assert!(!list.out.contains("marker-"));
    page!(list);
    let apps = account.run(&["oauth-app", "list", "--json"]).succeeds().json();
    let app = &apps[0]["document"];
    assert_eq!(app["client_secret"], json!({"$secret": "stored"}));
    assert_eq!(app["unheard_of"], json!({"of": 1}));
    assert_eq!(
        apps[0]["addresses"]["token_url"],
        "https://login.microsoftonline.com/contoso.example/oauth2/v2.0/token"
    );
    let put = |text: &str| account.command().args(["oauth-app", "put", "--json"]).input(text).run();
    // What `list` printed changes nothing; neither does a document without the secret.
    assert_eq!(put(&app.to_string()).succeeds().json()["done"], "unchanged");
    assert_eq!(
        put(&APP.replace(r#""client_secret": "marker-app-1","#, "")).succeeds().json()["done"],
        "unchanged"
    );
    let file = account.write("app.json", &APP.replace("mail.read", "mail.send"));
    assert_eq!(
        account.run(&["oauth-app", "put", "--json-file", &file, "--json"]).succeeds().json()["done"],
        "updated"
    );
    let stored = &plaintext(&account)["body"]["organization"]["oauth_apps"];
    assert_eq!(stored[0]["secrets"], json!({"/client_secret": "marker-app-1"}));
    assert_eq!(stored[0]["document"]["scopes"], json!(["mail.send"]));
    // `null` clears it.
    put(&APP.replace(r#""marker-app-1""#, "null")).succeeds();
    assert!(!plaintext(&account)["body"].to_string().contains("marker-app-1"));

    page!(account.run(&["oauth-app", "remove", "graph"]));
    account.run(&["oauth-app", "remove", "graph"]).exits(4);
    assert_eq!(plaintext(&account)["body"]["organization"].get("oauth_apps"), None);
}

#[test]
fn an_oauth_app_in_use_is_not_removed() {
    let account = account();
    account.command().args(["oauth-app", "put"]).input(APP).run().succeeds();
    refer_to_graph(&account);
    page!(account.run(&["oauth-app", "remove", "graph"]));
    let done = account.run(&["oauth-app", "remove", "graph", "--json"]).exits(5);
    assert_eq!(done.error()["code"], "in_use");
    assert!(done.error()["message"].as_str().unwrap().contains("prod/alias"));
    let apps = account.run(&["oauth-app", "list", "--json"]).succeeds().json();
    assert_eq!(apps[0]["used_by"], json!([{"solution": "prod", "key": "alias"}]));
    account.run(&["remove", "alias", "--solution", "prod"]).succeeds();
    account.run(&["oauth-app", "remove", "graph"]).succeeds();
}

/// Stores a credential that refers to the app, whatever kinds this build knows.
fn refer_to_graph(account: &Account) {
    use credbench::model::{Content, Edit, Id};
    let document =
        json!({"key": "alias", "solution": "prod", "kind": "oauth_alias", "config": {"app": "graph"}});
    let content = Content { document: document.as_object().unwrap().clone(), ..Content::default() };
    let mut session = account.session().session;
    let before: Header = session.header().clone();
    session.commit(vec![Edit::Create { id: Id::new(), content }], crate::support::vault::now()).unwrap();
    assert_eq!(session.header().generation, before.generation + 1);
}

#[test]
fn an_oauth_app_that_does_not_fit_is_refused_without_its_secret() {
    let account = account();
    let put = |text: &str| {
        let done = account.command().args(["oauth-app", "put"]).input(text).run();
        assert!(!done.err.contains("marker-"), "{}", done.err);
        done
    };
    page!(put(
        r#"{"name": "a", "client_id": 3, "client_secret": ["marker-x"], "grant": "magic", "issuer": "ftp://x"}"#
    ));
    page!(put(r#"{"client_id": "c"}"#));
    page!(put(r#"{"name": "a", "name": "b", "client_id": "c"}"#));
    page!(put(r#"{"name": "a", "provider": "okta", "client_id": "c"}"#));
    page!(put("[]"));
    put(APP).succeeds();
    // A kept secret stays with its host.
    page!(put(
        &APP.replace(r#""client_secret": "marker-app-1","#, r#""token_url": "https://evil.example/token","#)
    ));
    put(&APP
        .replace(r#""client_secret""#, r#""token_url": "https://fine.example/token", "client_secret""#)
        .replace("marker-app-1", "new"))
    .succeeds();
    assert_eq!(account.run(&["schema", "oauth_app"]).succeeds().json()["title"], "OAuth app");
}
