//! The command line as types: what can be said, and the words that explain it. `docs/CLI.md` is generated
//! from here.

mod credential;
mod organization;
mod review;
mod run_time;
mod transfer;
mod vault;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::paths::variable;

pub(crate) use credential::{
    Add, Get, Key, List, Login, Move, Put, Remove, Rename, Restore, Revoke, Rotate, Test, Trash,
};
pub(crate) use organization::{Kinds, OauthApp, PutKind, Schema, Services, Solution};
pub(crate) use review::{PageFormat, Review, ReviewAction};
pub(crate) use run_time::{Inject, OnTerminal, Request, Run, Scan};
pub(crate) use transfer::{Export, Import, ImportFormat, PlainFormat};
pub(crate) use vault::{
    Audit, AuditAction, Backup, Completions, Init, Passphrase, Recipients, Script, Vault,
};

/// A credential workbench for the terminal: one age-encrypted vault, tests that never lie.
#[derive(Debug, Parser)]
#[command(name = "credbench", version, max_term_width = 100, infer_long_args = false)]
#[command(after_help = "Without a command the workbench opens. \
    Exit codes: 0 done, 1 the work failed, 2 usage, 3 cannot unlock or no vault, 4 no such credential, \
    5 refused, 6 vault damaged or not trusted, 7 invalid document or configuration.")]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) global: Global,
    #[command(subcommand)]
    pub(crate) command: Option<Command>,
}

impl Global {
    /// Takes from the environment what was not given. Not done by clap, for which a variable that is set to
    /// nothing is a mistake: `CREDBENCH_VAULT= credbench` means the usual vault.
    pub(crate) fn with_environment(mut self) -> Self {
        let path = |name: &str| variable(name).map(PathBuf::from);
        self.vault = self.vault.or_else(|| path("CREDBENCH_VAULT"));
        self.config = self.config.or_else(|| path("CREDBENCH_CONFIG"));
        if self.identity.is_empty() {
            self.identity.extend(path("CREDBENCH_IDENTITY"));
        }
        self.solution = self
            .solution
            .or_else(|| variable("CREDBENCH_SOLUTION").map(|name| name.to_string_lossy().into_owned()));
        self
    }
}

/// Options that may stand before or after the command.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
pub(crate) struct Global {
    /// The vault file. Environment: CREDBENCH_VAULT
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) vault: Option<PathBuf>,
    /// An identity that opens the vault: an age identity, plain or protected by a passphrase, or an SSH
    /// private key. May be given several times. Environment: CREDBENCH_IDENTITY, for one
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) identity: Vec<PathBuf>,
    /// Read the passphrase of the identity from a file; `-` is standard input
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) passphrase_file: Option<PathBuf>,
    /// The current solution. Environment: CREDBENCH_SOLUTION
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) solution: Option<String>,
    /// The configuration file. Environment: CREDBENCH_CONFIG
    #[arg(long, global = true, value_name = "PATH")]
    pub(crate) config: Option<PathBuf>,
    /// Print JSON on standard output, and nothing else there
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colours
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: Colour,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a vault, and the first identity where there is none
    Init(Init),
    /// Open the workbench on a throw-away vault with samples and a local service that answers their tests
    Demo,
    /// Add a credential
    Add(Add),
    /// Create or update credentials from a JSON document, or from an array of them in one save
    ///
    /// What is new or changed is tested before it is saved. Of more than one document, tests that cost quota or
    /// money, or can lock an account, are left out and named on standard error.
    Put(Put),
    /// Show one credential, secrets masked
    Show(Key),
    /// Print one value
    Get(Get),
    /// Run a program with values of the vault in its environment
    ///
    /// The program gets the caller's environment and exactly the names that are mapped here. Every value is there
    /// before the program starts; none stands in its arguments. What it prints is passed on with the secrets that
    /// it was given masked, as far as they are recognised. Its exit code is passed on, 128 and the number of the
    /// signal that ended it.
    Run(Run),
    /// Write a file with values in place of references
    ///
    /// `{{ cred://… }}` stands for a value; other braces stay. A value goes in byte for byte where the file's format
    /// reads it back as it is; else it is written the way that format writes such a text there, or refused.
    Inject(Inject),
    /// Send a request with a credential, to its own hosts
    ///
    /// The credential goes where its kind or its service says: a header, the query, a signature. The answer goes to
    /// standard output, masked where that is a terminal. A redirect is shown and not followed. The exit code is 0 for
    /// an answer of 2xx.
    Request(Request),
    /// Find the files that name credentials, and record them as workflows
    ///
    /// References are found in every text, keys by themselves in files that describe something, such as function
    /// definitions, YAML, JSON, TOML, dotenv, units and scripts. Folders are searched as ripgrep does: what ignore
    /// files leave out is left out; a file that is named is not. What an earlier scan of the same place found and this
    /// one does not is told.
    Scan(Scan),
    /// List the workflows: which file names which credential
    Workflows {
        /// Only those that use this credential
        #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
        key: Option<String>,
    },
    /// Give a credential another key, and rewrite the files that name it
    Rename(Rename),
    /// The process between `run` and a program on a terminal of its own
    #[command(hide = true)]
    OnTerminal(OnTerminal),
    /// List credentials
    List(List),
    /// Test credentials against the services they are for
    Test(Test),
    /// Log in to OAuth: in a browser or on another device, as the credential says
    ///
    /// Shows where to go. A browser on this machine comes back by itself; one elsewhere through the `ssh` line that
    /// is shown, or by pasting the address that it ends at. Without a terminal the address and the code are printed,
    /// and the login is waited for. The credential is then tested.
    Login(Login),
    /// Get another OAuth access token now, whatever failed before
    Refresh(Key),
    /// Give OAuth tokens back to the server, and drop them here
    Revoke(Revoke),
    /// Move a credential to the trash
    Remove(Remove),
    /// Put another secret in the place of one that is in use, step by step
    ///
    /// The next one is entered and kept, tested, switched to, and tested again; the one before is kept until it is
    /// revoked. Each step is saved before the next: stopped anywhere, the same command goes on, and both are there.
    Rotate(Rotate),
    /// Take a credential back from the trash, or make an old version the newest
    Restore(Restore),
    /// List the versions of a credential
    History(Key),
    /// Show the audit log: who did what with which credential
    ///
    /// What was begun and its end are one record; `unfinished` is one without an end.
    Audit(Audit),
    /// Say what wants attention: failing, expiring, weak, reused, unused, undocumented and more
    ///
    /// Of every solution. What a person looked at and keeps as it is can be left out with a reason, which stands in
    /// the credential itself. See docs/REVIEW.md.
    Review(Review),
    /// Removed credentials: list them, or drop them for good
    Trash {
        #[command(subcommand)]
        action: Trash,
    },
    /// Move a credential to another solution
    Move(Move),
    /// Take over what another program kept: see docs/IMPORTING.md
    ///
    /// All or nothing, in one save, without tests. What is stored is changed only where it is plainly the same
    /// credential; its earlier version stays. The file itself is never changed.
    Import(Import),
    /// Write the vault's contents into a file, encrypted to whoever can open the vault
    ///
    /// An export holds what is true now: solutions, credentials, kinds of the vault's own and OAuth apps; no earlier
    /// versions, tests, trash or recipients. `import json` takes it back. Without --solution it holds all solutions,
    /// whatever the environment says; dotenv has the current one.
    Export(Export),
    /// Solutions: the groups that credentials live in
    Solution {
        #[command(subcommand)]
        action: Solution,
    },
    /// OAuth apps of the organization, which credentials of any solution may refer to
    OauthApp {
        #[command(subcommand)]
        action: OauthApp,
    },
    /// Print the JSON Schema of a kind's documents
    Schema(Schema),
    /// The kinds of credentials: list them, or define one for this vault
    Kinds {
        #[command(subcommand)]
        action: Option<Kinds>,
    },
    /// Search the catalogue of services, show one, or check files of your own
    Services(Services),
    /// Who can open the vault
    Recipients {
        #[command(subcommand)]
        action: Recipients,
    },
    /// Change the passphrase of the identity
    Passphrase(Passphrase),
    /// The vault file itself
    Vault {
        #[command(subcommand)]
        action: Vault,
    },
    /// Earlier generations of the vault: list them, bring one back, or drop them
    Backup {
        #[command(subcommand)]
        action: Backup,
    },
    /// Print what a shell needs to complete commands, options and keys
    Completions(Completions),
    /// Print the manual page
    Man,
    /// Check configuration, permissions, vault and terminal, and say how to mend each
    Doctor,
}
