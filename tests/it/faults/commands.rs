//! Every command that changes something, on an account that has something of everything.

use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use credbench::vault::{OpenPolicy, Store};

use crate::support::home::Account;
use crate::support::server::{Server, json};
use crate::support::vault::unlock;

/// Tells the states of an account apart; an error where it is none that may be.
type Says = fn(&Account) -> Result<String, String>;

/// A command.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    /// `HOME` stands for the account's home.
    pub(crate) arguments: &'static [&'static str],
    /// The exit code of `list` before it.
    pub(crate) opens_old: i32,
    /// What tells old from new, where the vault's content does not.
    pub(crate) says: Option<Says>,
    /// Makes the account fit for it.
    prepare: fn(&Account),
}

impl Case {
    /// The arguments for an account.
    pub(crate) fn arguments_in(&self, home: &Path) -> Vec<String> {
        let home = home.to_str().unwrap();
        self.arguments.iter().map(|argument| argument.replace("HOME", home)).collect()
    }
}

const fn case(name: &'static str, arguments: &'static [&'static str]) -> Case {
    Case { name, arguments, opens_old: 0, says: None, prepare: |_| {} }
}

/// All of them.
pub(crate) const CASES: &[Case] = &[
    case("put", &["put", "--no-test", "--json-file", "HOME/new.json"]),
    case("put again", &["put", "--no-test", "--json-file", "HOME/again.json"]),
    case("add", &["add", "added", "--kind", "secret", "--secret-file", "v=HOME/pass", "--no-test"]),
    case("remove", &["remove", "old", "--force"]),
    case("restore", &["restore", "gone"]),
    case("restore version", &["restore", "old", "--version", "1"]),
    case("move", &["move", "old", "prod"]),
    case("solution add", &["solution", "add", "more"]),
    case("solution rename", &["solution", "rename", "prod", "live"]),
    case("solution copy", &["solution", "copy", "default", "stage"]),
    case("solution remove", &["solution", "remove", "prod", "--force"]),
    case("oauth-app put", &["oauth-app", "put", "--json-file", "HOME/app.json"]),
    case("oauth-app remove", &["oauth-app", "remove", "mail"]),
    case("kinds put", &["kinds", "put", "more", "--from", "secret"]),
    case("kinds remove", &["kinds", "remove", "own"]),
    case(
        "recipients add",
        &["recipients", "add", "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"],
    ),
    case("recipients remove", &["recipients", "remove", "ann"]),
    case("trash purge", &["trash", "purge", "--force"]),
    case("rename", &["rename", "old", "renamed", "--force"]),
    case("scan", &["scan", "HOME/code"]),
    case("review exclude", &["review", "exclude", "old", "undocumented", "--reason", "known"]),
    Case { says: Some(whether_it_is_signed), ..case("review sign-off", &["review", "sign-off"]) },
    Case {
        says: Some(what_was_written),
        ..case("inject", &["inject", "-i", "HOME/app.template", "-o", "HOME/data/app.env"])
    },
    Case {
        says: Some(what_is_in_use),
        ..case("rotate", &["rotate", "old", "--secret-file", "a=HOME/pass", "--yes"])
    },
    Case { prepare: prepared_to_rotate, ..case("rotate cancel", &["rotate", "old", "--cancel"]) },
    Case { prepare: rotated, ..case("rotate finish", &["rotate", "old", "--finish"]) },
    Case { says: Some(which_token), ..case("login", &["login", "web", "--no-test"]) },
    Case { says: Some(which_token), ..case("refresh", &["refresh", "web"]) },
    case("revoke", &["revoke", "mail", "--local"]),
    Case { says: Some(whether_it_ran), ..case("run", &["run", "--env", "A=cred://old", "--", "true"]) },
    Case { says: Some(whether_it_was_requested), ..case("request", &["request", "key", "/me"]) },
    case("import", &["import", "dotenv", "HOME/in.env"]),
    Case { says: Some(what_was_exported), ..case("export", &["export", "-o", "HOME/data/out.age"]) },
    Case { says: Some(whether_the_use_is_recorded), ..case("get", &["get", "old"]) },
    case("backup restore", &["backup", "restore", "2", "--force"]),
    Case {
        says: Some(every_backup_opens_or_is_gone),
        ..case("backup purge", &["backup", "purge", "--force"])
    },
    Case { opens_old: 3, prepare: without_everything, ..case("init", &["init", "--plain-identity"]) },
    Case {
        opens_old: 6,
        prepare: rolled_back,
        says: Some(trust),
        ..case("vault adopt", &["vault", "adopt", "--yes", "--yes"])
    },
    Case {
        says: Some(protection),
        ..case("passphrase", &["passphrase", "--new-passphrase-file", "HOME/new-pass"])
    },
];

/// An account with something of everything, ready for a command.
pub(crate) fn prepared(case: &Case) -> Account {
    let account = Account::with_vault();
    let document = |key: &str, value: &str| {
        format!(r#"{{"key":"{key}","kind":"secret","config":{{"values":{{"a":"{value}"}}}}}}"#)
    };
    account.write("new.json", &document("new", "new"));
    account.write("app.json", r#"{"name":"more","client_id":"c","token_url":"https://login.example/token"}"#);
    account.write(
        "in.env",
        "STRIPE_KEY=one\nSESSION_SECRET=two\nDATABASE_URL=postgres://ann:three@db.example/app\n",
    );
    account.write("code/app.env", "KEY=cred://old\n");
    account.write("app.template", "KEY={{ cred://old }}\n");
    account.write("pass", "a secret");
    account.write("new-pass", "another passphrase");
    account.write("again.json", &document("old", "again"));
    let url = service();
    let web = format!(
        r#"{{"key":"web","kind":"oauth2","config":{{"grant":"client_credentials","client_id":"c","client_secret":"s","token_url":"{url}/token","base_url":"{url}"}}}}"#
    );
    let mail = format!(
        r#"{{"key":"mail","kind":"oauth2","config":{{"grant":"authorization_code","client_id":"c","authorization_url":"{url}/a","token_url":"{url}/token","base_url":"{url}","tokens":{{"access_token":"t","refresh_token":"r"}}}}}}"#
    );
    let key = format!(r#"{{"key":"key","kind":"api_key","config":{{"base_url":"{url}","api_key":"k"}}}}"#);
    account.put(&format!("[{},{},{web},{mail},{key}]", document("old", "first"), document("gone", "gone")));
    account.put(&document("old", "old"));
    account.run(&["remove", "gone", "--force"]).succeeds();
    account.run(&["solution", "add", "prod"]).succeeds();
    let app = r#"{"name":"mail","client_id":"c","token_url":"https://login.example/token"}"#;
    account.command().args(["oauth-app", "put"]).input(app).run().succeeds();
    account.run(&["kinds", "put", "own", "--from", "secret"]).succeeds();
    let ann = age::x25519::Identity::generate().to_public().to_string();
    account.run(&["recipients", "add", &ann, "--name", "ann"]).succeeds();
    (case.prepare)(&account);
    account
}

/// The address of a service that answers everything, and gives tokens, as long as the tests run.
fn service() -> String {
    static SERVICE: OnceLock<Server> = OnceLock::new();
    let service = SERVICE.get_or_init(|| {
        Server::start(|_| json(200, r#"{"access_token":"a-token","token_type":"Bearer","expires_in":3600}"#))
    });
    service.url()
}

fn prepared_to_rotate(account: &Account) {
    let next = format!("a={}", account.home.join("pass").display());
    account.run(&["rotate", "old", "--secret-file", &next, "--prepare"]).succeeds();
}

fn rotated(account: &Account) {
    prepared_to_rotate(account);
    account.run(&["rotate", "old", "--yes"]).succeeds();
}

/// The value of `old` that is in use; between the steps of a rotation it is the old one or the new one, too.
fn what_is_in_use(account: &Account) -> Result<String, String> {
    match secret(account, "old", "/config/values/a")?.as_deref() {
        Some("old") => Ok("the one before".to_owned()),
        Some("a secret") => Ok("the next one".to_owned()),
        other => Err(format!("in use is {other:?}")),
    }
}

fn which_token(account: &Account) -> Result<String, String> {
    match secret(account, "web", "/config/tokens/access_token")?.as_deref() {
        None => Ok("no token".to_owned()),
        Some("a-token") => Ok("a token".to_owned()),
        other => Err(format!("the token is {other:?}")),
    }
}

/// A secret of the vault, without a word in its log.
fn secret(account: &Account, key: &str, place: &str) -> Result<Option<String>, String> {
    let keyring = unlock(&account.identity()).map_err(|error| error.to_string())?;
    let opened = Store::open(&account.places(), keyring, OpenPolicy::Strict);
    let opened = opened.map_err(|error| error.to_string())?;
    let known = opened.document.find("default", key).ok_or_else(|| format!("{key} is gone"))?;
    Ok(known.content.secret(place).map(|secret| secret.expose().to_owned()))
}

/// Whether the audit log says that a program was started.
fn whether_it_ran(account: &Account) -> Result<String, String> {
    recorded(account, "ran")
}

/// Whether the audit log says that a request was sent.
fn whether_it_was_requested(account: &Account) -> Result<String, String> {
    recorded(account, "requested")
}

fn without_everything(account: &Account) {
    for name in ["config", "data", "state"] {
        std::fs::remove_dir_all(account.home.join(name)).unwrap();
        std::fs::create_dir(account.home.join(name)).unwrap();
    }
}

fn rolled_back(account: &Account) {
    let backup = account.home.join("data/credbench/vault.age.d/backups/2.age");
    std::fs::remove_file(account.vault()).unwrap();
    std::fs::copy(backup, account.vault()).unwrap();
}

/// What a purge may leave: all of them, or fewer, each of which opens; done is when none is there.
fn every_backup_opens_or_is_gone(account: &Account) -> Result<String, String> {
    let listed = account.run(&["backup", "list", "--json"]);
    if listed.code != 0 || account.run(&["list"]).code != 0 {
        return Err(listed.err);
    }
    let rows = listed.json();
    let rows = rows.as_array().unwrap();
    match rows.iter().find(|row| row["opens"] != true) {
        Some(damaged) => Err(damaged.to_string()),
        None => Ok(if rows.is_empty() { "none" } else { "some" }.to_owned()),
    }
}

/// Whether this host trusts the vault: what it says is the same.
fn trust(account: &Account) -> Result<String, String> {
    match account.run(&["list"]) {
        listed if listed.code == 0 => Ok("trusted".to_owned()),
        // Killed after the vault was replaced and before this host noted it: refused as before, for another reason.
        listed if listed.code == 6 => Ok("refused".to_owned()),
        listed => Err(listed.err),
    }
}

/// Whether the identity opens the vault without a passphrase, or with the new one.
fn protection(account: &Account) -> Result<String, String> {
    let pass = account.home.join("new-pass");
    let with = ["list", "--passphrase-file", pass.to_str().unwrap()];
    match (account.run(&["list"]), account.run(&with)) {
        (plain, _) if plain.code == 0 => Ok("plain".to_owned()),
        (_, protected) if protected.code == 0 => Ok("protected".to_owned()),
        (_, protected) => Err(protected.err),
    }
}

/// No export, or all of it.
fn what_was_exported(account: &Account) -> Result<String, String> {
    let file = account.home.join("data/out.age");
    if account.run(&["list"]).code != 0 {
        return Err("the vault does not open".to_owned());
    }
    if !file.exists() {
        return Ok("nothing".to_owned());
    }
    let opened = Command::new("age").arg("-d").arg("-i").arg(account.identity()).arg(file).output().unwrap();
    match serde_json::from_slice::<serde_json::Value>(&opened.stdout) {
        Ok(_) => Ok("everything".to_owned()),
        Err(error) => Err(format!("the export: {error}: {}", String::from_utf8_lossy(&opened.stderr))),
    }
}

/// No file, or the whole one.
fn what_was_written(account: &Account) -> Result<String, String> {
    if account.run(&["list"]).code != 0 {
        return Err("the vault does not open".to_owned());
    }
    match std::fs::read_to_string(account.home.join("data/app.env")) {
        Err(_) => Ok("nothing".to_owned()),
        Ok(text) if text == "KEY=old\n" => Ok("everything".to_owned()),
        Ok(text) => Err(format!("half a file: {text}")),
    }
}

/// Whether the audit log has a signature under the review.
fn whether_it_is_signed(account: &Account) -> Result<String, String> {
    recorded(account, "reviewed")
}

/// Whether the audit log says that a value was asked for.
fn whether_the_use_is_recorded(account: &Account) -> Result<String, String> {
    recorded(account, "got")
}

fn recorded(account: &Account, what: &str) -> Result<String, String> {
    let verified = account.run(&["audit", "verify"]);
    let records = account.run(&["audit", "--json", "--what", what]);
    match (verified.code, records.code) {
        (0, 0) => {
            Ok(if records.json() == serde_json::json!([]) { "not recorded" } else { "recorded" }.to_owned())
        }
        _ => Err(format!("{}{}", verified.err, records.err)),
    }
}
