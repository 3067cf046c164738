//! A throw-away account for the real program: its own home, nothing of the caller's environment.

use std::path::{Path, PathBuf};

use credbench::config::Config;
use credbench::session::{self, Session, Setup};
use credbench::vault::{Keyring, OpenPolicy, Opened, Places, Store};

use super::command::{Command, Done};
use super::vault::{CHEAP, now, unlock};

/// An account whose home is a temporary folder.
pub(crate) struct Account {
    _guard: tempfile::TempDir,
    /// The home folder.
    pub(crate) home: PathBuf,
}

impl Account {
    /// A home with nothing in it.
    pub(crate) fn empty() -> Self {
        let guard = tempfile::tempdir().unwrap();
        let home = guard.path().canonicalize().unwrap();
        std::fs::create_dir(home.join("tmp")).unwrap();
        Self { _guard: guard, home }
    }

    /// A home with a plain identity and an empty vault.
    pub(crate) fn with_vault() -> Self {
        let account = Self::empty();
        account.run(&["init", "--plain-identity"]).succeeds();
        account
    }

    /// A home with an identity protected by `passphrase`, cheaply, and an empty vault; the passphrase also
    /// lies in [`Account::passphrase_file`].
    pub(crate) fn with_passphrase(passphrase: &str) -> Self {
        let account = Self::empty();
        Keyring::create(&account.identity(), Some(passphrase.into()), CHEAP, now()).unwrap();
        account.write("pass", passphrase);
        let file = account.passphrase_file();
        account.run(&["init", "--passphrase-file", file.to_str().unwrap()]).succeeds();
        account
    }

    pub(crate) fn passphrase_file(&self) -> PathBuf {
        self.home.join("pass")
    }

    pub(crate) fn config_folder(&self) -> PathBuf {
        self.home.join("config/credbench")
    }

    pub(crate) fn identity(&self) -> PathBuf {
        self.config_folder().join("identity.age")
    }

    pub(crate) fn vault(&self) -> PathBuf {
        self.home.join("data/credbench/vault.age")
    }

    pub(crate) fn places(&self) -> Places {
        Places {
            vault: self.vault(),
            seen: self.home.join("state/credbench/seen.json"),
            writers: self.config_folder().join("writers"),
        }
    }

    /// Opens its vault without the program, and without a word in its audit log.
    pub(crate) fn open(&self) -> Opened {
        Store::open(&self.places(), unlock(&self.identity()).unwrap(), OpenPolicy::Strict).unwrap()
    }

    /// Opens a session of its vault without the program.
    pub(crate) fn session(&self) -> session::Opened {
        let keyring = unlock(&self.identity()).unwrap();
        Session::open(&self.places(), keyring, OpenPolicy::Strict, now()).unwrap()
    }

    /// The program, to be given arguments.
    pub(crate) fn command(&self) -> Command {
        Command::new(&self.home)
    }

    /// Another program, with its arguments.
    pub(crate) fn command_of(&self, program: &str, arguments: &[&str]) -> Command {
        Command::of(&self.home, program).args(arguments)
    }

    /// Runs the program.
    pub(crate) fn run(&self, arguments: &[&str]) -> Done {
        self.command().args(arguments).run()
    }

    /// Stores documents without testing them.
    pub(crate) fn put(&self, documents: &str) {
        self.command().args(["put", "--no-test"]).input(documents).run().succeeds();
    }

    /// Writes a file in the home and returns its path as text.
    pub(crate) fn write(&self, name: &str, text: &str) -> String {
        let path = self.home.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    /// Every file under the home, with its bytes.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut found = Vec::new();
        collect(&self.home, &mut found);
        found
    }
}

/// What the program finds in the home of an account, for a test that runs the workbench in a process of its own.
pub(crate) fn setup_of(home: &Path) -> Setup {
    let config = home.join("config/credbench");
    Setup {
        places: Places {
            vault: home.join("data/credbench/vault.age"),
            seen: home.join("state/credbench/seen.json"),
            writers: config.join("writers"),
        },
        identities: vec![config.join("identity.age")],
        passphrase: None,
        solution: "default".to_owned(),
        config: Config::default(),
        keymap: home.join("keymap.toml"),
        services: home.join("services"),
        own_folders: Vec::new(),
        network: Default::default(),
        seat: Default::default(),
    }
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else {
            let bytes = std::fs::read(&path).unwrap();
            found.push((path, bytes));
        }
    }
}
