//! `--cache`: values in the kernel's keyring of the login session, and when they are not taken from there (C28).

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};
use std::time::Duration;

use jiff::Timestamp;
use rustix::process::Signal;
use serde_json::{Value, json};

use crate::support::command::{Command, Done, PROGRAM};
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::until;
use crate::support::vault::{installed, report};

/// Two credentials, and one of another solution.
const SOME: &str = r#"[
  {"key": "pay.api", "kind": "api_key", "config": {"base_url": "http://127.0.0.1:9", "api_key": "marker-key-1"}},
  {"key": "db.main", "kind": "basic_auth",
   "config": {"base_url": "http://127.0.0.1:9", "username": "ann", "password": "marker-password"}},
  {"key": "pay.api", "solution": "prod", "kind": "api_key",
   "config": {"base_url": "http://127.0.0.1:9", "api_key": "marker-of-prod"}}
]"#;

fn account() -> Account {
    let account = Account::with_vault();
    account.run(&["solution", "add", "prod"]).succeeds();
    account.put(SOME);
    account
}

/// The numbers of `add_key` and `keyctl`.
const CALLS: (&str, &str) = match cfg!(target_arch = "aarch64") {
    true => ("217", "219"),
    false => ("248", "250"),
};

/// What `keyctl` is asked for: to join a keyring, to set permissions, to drop a key.
const KEYCTL: &str = "use constant {JOIN => 1, SETPERM => 5, INVALIDATE => 21}; my ($add, $keyctl, $name) = \
                      splice(@ARGV, 0, 3); $_ += 0 for $add, $keyctl; my $ring = syscall($keyctl, JOIN, $name); \
                      $ring > 0 or exit 98; ";

/// A login session: a keyring that the programs run in it have, and no others.
struct Login {
    name: String,
    holder: Child,
}

impl Login {
    /// Begins one; `None` where this system does not let programs keep keys.
    fn begin() -> Option<Self> {
        if !installed("perl") {
            return None;
        }
        let name = format!("credbench-test-{:016x}", rand::random::<u64>());
        // Others of this user may join by its name; it is there until this program ends.
        let hold = "my ($type, $key) = qw(user probe); syscall($keyctl, SETPERM, $ring, 0x3f1f0000) == 0 or exit 97; \
                    my $probe = syscall($add, $type, $key, $key, 5, $ring); $probe > 0 or exit 96; \
                    syscall($keyctl, INVALIDATE, $probe); $| = 1; print \"ready\\n\"; <STDIN>";
        let mut holder = std::process::Command::new("perl")
            .args(["-e", &format!("{KEYCTL}{hold}"), CALLS.0, CALLS.1, &name])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
        if line == "ready\n" {
            return Some(Self { name, holder });
        }
        holder.wait().unwrap();
        assert!(std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none(), "keyrings are required");
        report("skipped: this system does not let programs keep keys");
        None
    }

    /// The arguments of perl that run a script in the session.
    fn script<'a>(&'a self, script: &'a str) -> [String; 5] {
        ["-e".into(), format!("{KEYCTL}{script}"), CALLS.0.into(), CALLS.1.into(), self.name.clone()]
    }

    /// The program in this session.
    fn command(&self, account: &Account, arguments: &[&str]) -> Command {
        let perl = account.command_of("perl", &[]).args(self.script("exec @ARGV"));
        perl.arg(PROGRAM).args(arguments)
    }

    fn run(&self, account: &Account, arguments: &[&str]) -> Done {
        self.command(account, arguments).run()
    }

    /// What `/proc/keys` shows to a program of this session of what the program keeps and is not over. One that is being
    /// made has other rights for an instant, with which programs of other sessions see its name, too. One that was
    /// taken away (revoked, dead, invalidated: `R`, `D`, `i`) can be read by nobody, and is shown until the kernel
    /// clears it up, which it does some time later.
    fn keys(&self, account: &Account) -> Vec<String> {
        let script = "open my $keys, '<', '/proc/keys' or exit 97; print <$keys>";
        let shown = account.command_of("perl", &[]).args(self.script(script)).run().succeeds().out;
        let made = |line: &&str| line.contains("credbench:") && line.contains(" 1b000000 ");
        let flags = |line: &str| line.split_whitespace().nth(1).unwrap_or_default().to_owned();
        let there = |line: &&str| !line.contains("expd") && !flags(line).contains(['R', 'D', 'i']);
        let ours = shown.lines().filter(made).filter(there);
        ours.map(str::to_owned).collect()
    }

    /// Puts something in the place of the one key that is kept, as another program of the session can.
    fn plant(&self, account: &Account, permissions: &str, payload: &str) {
        let keys = self.keys(account);
        let [key] = &keys[..] else { panic!("one key: {keys:?}") };
        let number = key.split(' ').next().unwrap();
        let name = key.split_whitespace().find(|word| word.starts_with("credbench:")).unwrap();
        let script = "my ($old, $key, $permissions, $payload) = @ARGV; my $type = 'user'; \
                      syscall($keyctl, INVALIDATE, hex $old) == 0 or exit 97; \
                      my $new = syscall($add, $type, $key, $payload, length $payload, $ring); \
                      $new > 0 or exit 96; syscall($keyctl, SETPERM, $new, hex $permissions) == 0 or exit 95;";
        let planted = account.command_of("perl", &[]).args(self.script(script));
        planted.args([number, name.trim_end_matches(':'), permissions, payload]).run().succeeds();
    }
}

impl Drop for Login {
    fn drop(&mut self) {
        drop(self.holder.stdin.take());
        self.holder.wait().unwrap();
    }
}

/// Takes the vault away: what is handed out now comes from the cache.
fn away(account: &Account) {
    std::fs::rename(account.vault(), account.vault().with_extension("away")).unwrap();
}

fn back(account: &Account) {
    std::fs::rename(account.vault().with_extension("away"), account.vault()).unwrap();
}

const GET: [&str; 4] = ["get", "pay.api", "--cache", "60"];

/// Requires that a value came from the cache, and that this was said.
#[track_caller]
fn is_cached(done: Done, value: &str) {
    let done = done.succeeds();
    assert_eq!(done.out, value);
    assert!(done.err.starts_with("From the cache: read ") && done.err.lines().count() == 1, "{}", done.err);
}

/// Requires that it did not.
#[track_caller]
fn is_read(done: Done, value: &str) {
    let done = done.succeeds();
    assert_eq!((done.out.as_str(), done.err.as_str()), (value, ""));
}

#[test]
fn nothing_is_kept_or_taken_unless_it_is_asked_for() {
    let Some(login) = Login::begin() else { return };
    let account = account();
    is_read(login.run(&account, &["get", "pay.api"]), "marker-key-1");
    login.run(&account, &["run", "--env", "K=cred://db.main", "--", "true"]).succeeds();
    assert_eq!(login.keys(&account), [""; 0]);
    is_read(login.run(&account, &GET), "marker-key-1");
    let kept = login.keys(&account);
    assert_eq!(kept.len(), 1, "the control");
    // It shows with the rights that `keys` asks for: whoever has the session's keyring may look, read, find and link;
    // nobody else may do anything.
    for told in ["pay", "api", "default", "marker", "vault", account.home.to_str().unwrap()] {
        assert!(!kept[0].contains(told), "{told}: {kept:?}");
    }
    is_cached(login.run(&account, &GET), "marker-key-1");
    away(&account);
    is_cached(login.run(&account, &GET), "marker-key-1");
    login.run(&account, &["get", "pay.api"]).exits(3);
    // Neither another session nor another value of it.
    let other = Login::begin().unwrap();
    other.run(&account, &GET).exits(3);
    for arguments in [
        &["get", "pay.api", "api_key", "--cache", "60"][..],
        &["get", "db.main", "--cache", "60"],
        &["--solution", "prod", "get", "pay.api", "--cache", "60"],
        &["get", "cred://prod/pay.api", "--cache", "60"],
    ] {
        login.run(&account, arguments).exits(3);
    }
    is_cached(login.run(&account, &["get", "cred://default/pay.api", "--cache", "60"]), "marker-key-1");
    let elsewhere = self::account();
    is_read(login.run(&elsewhere, &GET), "marker-key-1");
    assert_eq!(login.keys(&account).len(), 2, "another vault has its own");
}

#[test]
fn no_passphrase_is_asked_for_while_it_is_kept() {
    let Some(login) = Login::begin() else { return };
    let account = Account::with_passphrase("marker-passphrase");
    let file = account.passphrase_file();
    let with = ["--passphrase-file", file.to_str().unwrap()];
    let one = r#"{"key": "pay.api", "kind": "api_key",
                  "config": {"base_url": "http://127.0.0.1:9", "api_key": "marker-key-1"}}"#;
    let put = [&with[..], &["put", "--no-test"]].concat();
    login.command(&account, &put).input(one).run().succeeds();
    login.run(&account, &GET).exits(3);
    is_read(login.run(&account, &[&with[..], &GET].concat()), "marker-key-1");
    is_cached(login.run(&account, &GET), "marker-key-1");
    // Another passphrase empties it.
    let new = account.write("new", "another");
    login.run(&account, &[&with[..], &["passphrase", "--new-passphrase-file", &new]].concat()).succeeds();
    login.run(&account, &GET).exits(3);
}

#[test]
fn the_kernel_drops_it_in_time_and_nobody_gets_what_is_older_than_was_asked_for() {
    let Some(login) = Login::begin() else { return };
    let account = account();
    login.run(&account, &["get", "pay.api", "--cache", "1"]).succeeds();
    login.run(&account, &["get", "db.main", "--cache", "60"]).succeeds();
    assert!(!login.keys(&account).is_empty());
    until("one of the two is over", || login.keys(&account).len() == 1);
    away(&account);
    login.run(&account, &GET).exits(3);
    let db = |seconds: &str| login.run(&account, &["get", "db.main", "--cache", seconds, "--json"]);
    let found = db("60").succeeds().json();
    assert_eq!(found["value"], "marker-password");
    let until_then: Timestamp = found["cached"]["until"].as_str().unwrap().parse().unwrap();
    assert!(until_then.duration_since(Timestamp::now()).as_secs() <= 60);
    until("it is a second old", || db("60").succeeds().json()["cached"]["age_seconds"].as_u64() >= Some(1));
    db("1").exits(3);
    // Control: nothing but the age was in the way.
    db("60").succeeds();
    // It is read anew, and kept for what was asked for last.
    back(&account);
    assert_eq!(db("1").succeeds().json(), json!({ "value": "marker-password" }));
    until("it is over", || login.keys(&account).is_empty());
}

#[test]
fn the_seconds_are_bounded() {
    let account = account();
    for wrong in ["0", "3601", "-1", "1.5", "soon", ""] {
        account.run(&["get", "pay.api", &format!("--cache={wrong}")]).exits(2);
        account.run(&["run", &format!("--cache={wrong}"), "--", "true"]).exits(2);
        account.run(&["inject", &format!("--cache={wrong}")]).exits(2);
    }
    let Some(login) = Login::begin() else { return };
    login.run(&account, &["get", "pay.api", "--cache=3600"]).succeeds();
    login.run(&account, &["get", "pay.api", "--cache=1"]).succeeds();
}

#[test]
fn a_save_counts_at_once_and_a_lock_empties_it() {
    let Some((login, other)) = Login::begin().zip(Login::begin()) else { return };
    let account = account();
    let save = |login: &Login, value: &str| {
        let document = format!(
            r#"{{"key":"pay.api","kind":"api_key","config":{{"base_url":"http://127.0.0.1:9","api_key":"{value}"}}}}"#
        );
        login.command(&account, &["put", "--no-test"]).input(document).run().succeeds();
    };
    login.run(&account, &GET).succeeds();
    save(&login, "marker-key-2");
    assert_eq!(login.keys(&account), [""; 0], "a save of this session");
    is_read(login.run(&account, &GET), "marker-key-2");
    is_cached(login.run(&account, &GET), "marker-key-2");
    // One of another session cannot empty it, but makes it useless.
    save(&other, "marker-key-3");
    assert_eq!(login.keys(&account).len(), 1, "the control");
    is_read(login.run(&account, &GET), "marker-key-3");
    is_cached(login.run(&account, &GET), "marker-key-3");
    // Who is taken off, and what was lost.
    for arguments in [&["recipients", "list"][..], &["show", "pay.api"], &["get", "pay.api"]] {
        login.run(&account, arguments).succeeds();
        assert_eq!(login.keys(&account).len(), 1, "what saves nothing leaves it: {arguments:?}");
    }
    let backups = login.run(&account, &["backup", "list", "--json"]).succeeds().json();
    let newest =
        backups.as_array().unwrap().iter().max_by_key(|backup| backup["generation"].as_u64()).unwrap();
    let name = newest["name"].as_str().unwrap();
    login.run(&account, &["backup", "restore", name, "--force"]).succeeds();
    assert_eq!(login.keys(&account), [""; 0]);
    // The workbench locks.
    login.run(&account, &GET).succeeds();
    let arguments = [&login.script("exec @ARGV")[..], &[PROGRAM.to_owned()]].concat();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let mut pty = Pty::start(&account.home, "perl", &arguments, (120, 40));
    pty.wait("pay.api");
    assert_eq!(login.keys(&account).len(), 1, "unlocking leaves it");
    pty.signal(Signal::USR1).wait("The vault is locked");
    until("it is empty", || login.keys(&account).is_empty());
    pty.send("q").ends_within(Duration::from_secs(5));
}

#[test]
fn programs_and_files_get_all_from_the_cache_or_all_from_the_vault() {
    let Some(login) = Login::begin() else { return };
    let account = account();
    let template = account.write("t.env", "A={{ cred://pay.api }}\nB={{ cred://db.main#username }}\n");
    let to = account.home.join("out.env");
    let inject = ["inject", "-i", &template, "-o", to.to_str().unwrap(), "--cache", "60", "--json"];
    let run =
        ["run", "--cache", "60", "--env", "K=cred://pay.api", "--env", "U=cred://db.main#username", "--"];
    let run = [&run[..], &["sh", "-c", "echo $K $U"]].concat();
    login.run(&account, &GET).succeeds();
    away(&account);
    login.run(&account, &run).exits(3);
    back(&account);
    // One that was not there opens the vault, and then all are read.
    is_read(login.run(&account, &run), "•••••••• ann\n");
    away(&account);
    let done = login.run(&account, &run).succeeds();
    assert_eq!(done.out, "•••••••• ann\n", "what is no secret is not masked");
    assert!(done.err.starts_with("2 values from the cache: the oldest read "), "{}", done.err);
    // Where no JSON is printed that could say so, it is a warning.
    let done = login.run(&account, &[&["--json"], &run[..]].concat()).succeeds();
    let said: Value = serde_json::from_str(&done.err).unwrap();
    assert!(said["warning"]["message"].as_str().unwrap().starts_with("2 values from the cache"), "{said}");
    let done = login.run(&account, &inject).succeeds();
    assert!(done.json()["cached"]["age_seconds"].is_u64() && done.json()["values"] == 2, "{}", done.out);
    assert_eq!(std::fs::read_to_string(to).unwrap(), "A=marker-key-1\nB=ann\n");
}

#[test]
fn what_is_not_kept_is_told_and_everything_works() {
    let Some(login) = Login::begin() else { return };
    let account = account();
    let large = "x".repeat(40_000);
    let document = json!({"key": "large", "kind": "secret", "config": {"values": {"it": large, "some": "y".repeat(30_000)}}});
    account.put(&document.to_string());
    let done = login.run(&account, &["get", "large", "it", "--cache", "60"]).succeeds();
    assert_eq!(done.out, large);
    assert!(done.err.contains("large is not cached: it is larger than the kernel takes"), "{}", done.err);
    assert_eq!(login.keys(&account), [""; 0]);
    login.run(&account, &["get", "large", "some", "--cache", "60"]).succeeds();
    assert_eq!(login.keys(&account).len(), 1, "the control");
    if !installed("strace") {
        return;
    }
    for (call, error, told) in [
        ("add_key", "EDQUOT", "share of the kernel's memory for keys is used up"),
        ("add_key", "EPERM", "does not let programs keep keys"),
        ("keyctl", "EPERM", "does not let programs keep keys"),
        ("keyctl", "ENOSYS", "no keyrings"),
    ] {
        let inject = format!("inject={call}:error={error}");
        let strace = ["-f", "-qq", "-o", "/dev/null", "-e", "trace=add_key,keyctl", "-e", &inject, PROGRAM];
        let traced =
            || account.command_of("perl", &[]).args(login.script("exec @ARGV")).arg("strace").args(strace);
        let done = traced().args(GET).run().succeeds();
        assert_eq!(done.out, "marker-key-1", "{call} {error}");
        assert!(
            done.err.contains("pay.api is not cached: ") && done.err.contains(told),
            "{call}: {}",
            done.err
        );
        // What does not ask for it does not hear of it.
        is_read(traced().args(["get", "pay.api"]).run(), "marker-key-1");
    }
    assert_eq!(login.keys(&account).len(), 1);
}

#[test]
fn what_another_program_of_the_session_put_there_is_not_there() {
    let Some(login) = Login::begin() else { return };
    let account = account();
    let stamp = |account: &Account| credbench::durable::Stamp::of(&account.vault()).unwrap().to_string();
    let header = json!({"format": 1, "id": "id", "version": 1, "place": "/config/api_key", "secret": true,
                        "stored": 0, "ends": 0, "vault": stamp(&account)});
    for (permissions, payload) in [
        ("1b000000", "nonsense".to_owned()),
        ("1b000000", format!("{header}\nmarker-planted")),
        ("3f010000", String::new()),
    ] {
        login.run(&account, &GET).succeeds();
        // With other rights not even the same bytes count.
        login.plant(&account, permissions, if payload.is_empty() { "x\nmarker-planted" } else { &payload });
        is_read(login.run(&account, &GET), "marker-key-1");
        is_cached(login.run(&account, &GET), "marker-key-1");
        assert_eq!(login.keys(&account).len(), 1, "it took its place");
    }
}

#[test]
fn an_access_token_is_kept_no_longer_than_it_is_good() {
    let Some(login) = Login::begin() else { return };
    let account = Account::with_vault();
    let ends = Timestamp::now() + Duration::from_secs(200);
    let token = |key: &str, ends: Value| {
        json!({"key": key, "kind": "oauth2", "config": {"grant": "authorization_code", "client_id": "c",
            "authorization_url": "http://127.0.0.1:9/authorize", "token_url": "http://127.0.0.1:9/token",
            "base_url": "http://127.0.0.1:9",
            "tokens": {"access_token": "marker-access", "refresh_token": "r", "expires_at": ends}}})
    };
    let mut without = token("unknown", Value::Null);
    without["config"]["tokens"].as_object_mut().unwrap().remove("expires_at");
    account.put(&json!([token("known", ends.to_string().into()), without]).to_string());
    let get = |key: &str| login.run(&account, &["get", key, "--cache", "3600", "--json"]).succeeds();
    assert_eq!(get("known").json(), json!({ "value": "marker-access" }));
    let until: Timestamp = get("known").json()["cached"]["until"].as_str().unwrap().parse().unwrap();
    // A minute before its end it is renewed.
    let early = ends.duration_since(until).as_secs();
    assert!((59..=70).contains(&early), "{early} s before its end");
    for _ in 0..2 {
        let done = get("unknown");
        assert_eq!(done.json(), json!({ "value": "marker-access" }));
        assert!(done.err.contains("unknown is not cached: its server does not say when"), "{}", done.err);
    }
    assert_eq!(login.keys(&account).len(), 1);
}

#[test]
fn a_use_from_the_cache_is_written_down_before_and_counted_by_the_next_unlock() {
    let Some(login) = Login::begin() else { return };
    let account = account();
    let log = account.home.join("data/credbench/vault.age.d/audit.log");
    let run = |script: &str| {
        let run = ["run", "--cache", "60", "--env", "K=cred://pay.api", "--", "sh", "-c", script];
        login.run(&account, &run)
    };
    run("true").succeeds();
    // The program finds its own line there.
    let seen = run(&format!("tail -n 1 {}", log.display())).succeeds();
    assert!(seen.err.starts_with("From the cache"), "{}", seen.err);
    let line: Value = serde_json::from_str(&seen.out).unwrap();
    assert_eq!((&line["what"], &line["step"], &line["mac"]), (&json!("ran"), &json!("result"), &Value::Null));
    is_cached(login.run(&account, &GET), "marker-key-1");
    let text = std::fs::read_to_string(&log).unwrap();
    let got: Vec<Value> =
        text.lines().rev().take(2).map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((&got[1]["step"], &got[0]["step"]), (&json!("intent"), &json!("result")));
    assert!(got[1]["facts"]["cached"].is_u64() && got[1]["id"].is_string(), "{}", got[1]);

    let verified = account.run(&["audit", "verify"]).succeeds();
    assert!(verified.out.contains("4 lines at the end that were written without a key"), "{}", verified.out);
    let records = account.run(&["audit", "pay.api", "--json"]).succeeds().json();
    let uses: Vec<&Value> =
        records.as_array().unwrap().iter().filter(|record| record["what"] != "created").collect();
    let told = |use_: &&Value| {
        (use_["what"].as_str().unwrap().to_owned(), use_["keyed"].as_bool(), use_["result"].clone())
    };
    let all: Vec<_> = uses.iter().map(told).collect();
    let ok = json!("ok");
    assert_eq!(
        all,
        [
            ("ran".to_owned(), Some(true), ok.clone()),
            ("ran".to_owned(), Some(false), ok.clone()),
            ("got".to_owned(), Some(false), ok)
        ]
    );
    assert_eq!(uses[0]["facts"]["cached_for"], 60);
    assert!(account.run(&["audit"]).succeeds().out.contains("got, cached"));
    assert!(account.run(&["show", "pay.api"]).out.contains("used 3 times, the last time"));
    account.run(&["audit", "verify"]).succeeds();

    // Where it cannot be written nothing is handed out.
    let aside = log.with_extension("aside");
    std::fs::rename(&log, &aside).unwrap();
    std::fs::create_dir(&log).unwrap();
    let started = account.home.join("started");
    for refused in [login.run(&account, &GET), run(&format!("touch {}", started.display()))] {
        let refused = refused.exits(1);
        assert!(refused.out.is_empty() && refused.err.contains("nothing was handed out"), "{}", refused.err);
    }
    assert!(!started.exists());
    std::fs::remove_dir(&log).unwrap();
    std::fs::rename(&aside, &log).unwrap();
    is_cached(login.run(&account, &GET), "marker-key-1");
    account.run(&["audit", "verify"]).succeeds();
}
