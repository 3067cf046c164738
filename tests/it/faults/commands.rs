//! Every command that changes something, on an account that has something of everything.

use crate::support::home::Account;

/// Tells the states of an account apart; an error where it is none that may be.
type Says = fn(&Account) -> Result<String, String>;

/// A command.
pub(super) struct Case {
    pub(super) name: &'static str,
    /// `HOME` stands for the account's home.
    pub(super) arguments: &'static [&'static str],
    /// The exit code of `list` before it.
    pub(super) opens_old: i32,
    /// What tells old from new, where the vault's content does not.
    pub(super) says: Option<Says>,
    /// Makes the account fit for it.
    prepare: fn(&Account),
}

const fn case(name: &'static str, arguments: &'static [&'static str]) -> Case {
    Case { name, arguments, opens_old: 0, says: None, prepare: |_| {} }
}

/// All of them.
pub(super) const CASES: &[Case] = &[
    case("put", &["put", "--no-test", "--json-file", "HOME/new.json"]),
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
pub(super) fn prepared(case: &Case) -> Account {
    let account = Account::with_vault();
    let document = |key: &str, value: &str| {
        format!(r#"{{"key":"{key}","kind":"secret","config":{{"values":{{"a":"{value}"}}}}}}"#)
    };
    account.write("new.json", &document("new", "new"));
    account.write("app.json", r#"{"name":"more","client_id":"c","token_url":"https://login.example/token"}"#);
    account.write("pass", "a secret");
    account.write("new-pass", "another passphrase");
    account.put(&format!("[{},{}]", document("old", "first"), document("gone", "gone")));
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
