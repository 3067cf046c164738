//! Vaults in throw-away homes.
#![allow(clippy::disallowed_methods, reason = "tests read their own environment")]

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use credbench::model::{Content, Document, Edit, Id, Recipient};
use credbench::secret::Secret;
use credbench::vault::{Ask, Keyring, NobodyToAsk, OpenPolicy, Opened, Places, Store, StoreError};
use jiff::Timestamp;
use serde_json::json;

/// scrypt work factor for tests: the library is told, so no test needs a second of work.
pub(crate) const CHEAP: u8 = 2;

/// The fixed time of tests.
pub(crate) fn now() -> Timestamp {
    "2026-11-22T10:00:00Z".parse().unwrap()
}

/// A folder with everything of one host and one vault in it.
pub(crate) struct Home {
    _guard: tempfile::TempDir,
    pub(crate) root: PathBuf,
}

impl Home {
    /// An empty home.
    pub(crate) fn empty() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let root = guard.path().canonicalize().unwrap();
        Self { _guard: guard, root }
    }

    /// A home with a plain identity and a vault at generation 1.
    pub(crate) fn with_vault() -> Self {
        let home = Self::empty();
        let keyring = Keyring::create(&home.identity(), None, CHEAP, now()).unwrap();
        let document = document_for(&keyring.recipients());
        Store::create(&home.places(), keyring, document, now()).unwrap();
        home
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.root.join("config/identity.age")
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.root.join("data/vault.age")
    }

    pub(crate) fn places(&self) -> Places {
        self.places_of("state")
    }

    /// The same vault, seen from another host.
    pub(crate) fn places_of(&self, host: &str) -> Places {
        let state = self.root.join(host);
        Places { vault: self.vault(), seen: state.join("seen.json"), writers: state.join("writers") }
    }

    pub(crate) fn keyring(&self) -> Keyring {
        unlock(&self.identity()).unwrap()
    }

    pub(crate) fn open(&self) -> Result<Opened, StoreError> {
        Store::open(&self.places(), self.keyring(), OpenPolicy::Strict)
    }

    /// Opens and commits one new credential.
    pub(crate) fn add(&self, key: &str) {
        self.open().unwrap().store.commit(vec![create(key, "a secret")], now()).unwrap();
    }
}

/// Unlocks an identity that needs no person.
pub(crate) fn unlock(path: &Path) -> Result<Keyring, credbench::vault::KeyringError> {
    Keyring::unlock(&[path.to_owned()], None, Arc::new(NobodyToAsk))
}

/// A document with these recipients and nothing else.
pub(crate) fn document_for(recipients: &[String]) -> Document {
    Document {
        recipients: recipients
            .iter()
            .map(|recipient| Recipient {
                recipient: recipient.clone(),
                name: "tester".to_owned(),
                added_at: now(),
            })
            .collect(),
        ..Document::new()
    }
}

/// Content with a key and one secret.
pub(crate) fn content(key: &str, secret: &str) -> Content {
    let mut content = Content::default();
    content.set("/key", json!(key));
    content.set("/kind", json!("api_key"));
    content.set("/config/base_url", json!("https://api.example.com/v1"));
    content.set_secret("/config/api_key", Secret::from(secret));
    content
}

/// The edit that adds a credential.
pub(crate) fn create(key: &str, secret: &str) -> Edit {
    Edit::Create { id: Id::new(), content: content(key, secret) }
}

/// Answers every question for a passphrase with the same.
pub(crate) struct Answer(pub(crate) &'static str);

impl Ask for Answer {
    fn passphrase(&self, _: &str) -> Option<Secret> {
        Some(Secret::from(self.0))
    }

    fn text(&self, _: &str) -> Option<String> {
        None
    }

    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }

    fn message(&self, _: &str) {}
}

/// Whether a program is installed. Where it is not the test says so and passes, unless
/// `CREDBENCH_REQUIRE_SERVERS` is set.
pub(crate) fn installed(program: &str) -> bool {
    let found = Command::new(program).arg("--version").output().is_ok()
        || Command::new(program).arg("-V").output().is_ok();
    if !found {
        // `.ci/run` installs what Debian has; rage is not among it and stays optional.
        let optional = program == "rage" || std::env::var_os("CREDBENCH_REQUIRE_SERVERS").is_none();
        assert!(optional, "{program} is not installed");
        report(&format!("skipped: {program} not installed"));
    }
    found
}

/// What this test binary does again as a process of its own: the ignored test `name`, with variables.
pub(crate) fn as_process(name: &str, variables: &[(&str, &str)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args([name, "--exact", "--ignored", "--nocapture", "--test-threads=1"]);
    command.envs(variables.iter().copied());
    command
}

/// Prints a line for whoever runs the test, or for the test that started this process.
#[allow(clippy::print_stdout, reason = "a test's only channel to its reader")]
pub(crate) fn report(line: &str) {
    println!("{line}");
}
