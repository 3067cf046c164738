//! The command line as types: what can be said, and the words that explain it. `docs/CLI.md` is generated
//! from here.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

use crate::paths::variable;

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
    /// Take a credential back from the trash, or make an old version the newest
    Restore(Restore),
    /// List the versions of a credential
    History(Key),
    /// Show the audit log: who did what with which credential
    ///
    /// What was begun and its end are one record; `unfinished` is one without an end.
    Audit(Audit),
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

/// `services`
#[derive(Debug, Args)]
pub(crate) struct Services {
    /// Words to search by: name, category, kind. None: all services
    #[arg(value_name = "QUERY")]
    pub(crate) query: Vec<String>,
    /// Show one service in words: ID, or ID/VARIANT
    #[arg(long, value_name = "ID", conflicts_with = "query")]
    pub(crate) show: Option<String>,
    /// Check a file, or all files of a folder, and say everything that is wrong with them
    #[arg(long, value_name = "PATH", conflicts_with_all = ["query", "show"])]
    pub(crate) check: Option<PathBuf>,
}

/// `init`
#[derive(Debug, Args)]
pub(crate) struct Init {
    /// A further public key that shall open the vault: age1…, an SSH public key, or a plugin's. May be given
    /// several times
    #[arg(long, value_name = "RECIPIENT")]
    pub(crate) recipient: Vec<String>,
    /// Make the identity without a passphrase: whoever has the file has the vault
    #[arg(long)]
    pub(crate) plain_identity: bool,
}

/// `add`
#[derive(Debug, Args)]
pub(crate) struct Add {
    /// What programs refer to: letters, digits, '.', '_' and '-'
    #[arg(value_name = "KEY")]
    pub(crate) key: String,
    /// Its kind, one of `credbench kinds`; not needed where the service has one way in, or it is named
    #[arg(long, value_name = "KIND", required_unless_present = "service")]
    pub(crate) kind: Option<String>,
    /// The service that it is for, one of `credbench services`: ID, or ID/VARIANT
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// A label for people
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Option<String>,
    /// A field that is no secret, by its path in `config`, such as base_url or placement.in, else a member
    /// of the document, such as tags, notes or test.path. Lists take values with commas between, or several
    /// --set; tables take NAME as the last step
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) set: Vec<String>,
    /// A secret from a file; `-` is standard input
    #[arg(long, value_name = "FIELD=PATH")]
    pub(crate) secret_file: Vec<String>,
    /// Store it without testing it first
    #[arg(long)]
    pub(crate) no_test: bool,
}

/// `put`
#[derive(Debug, Args)]
pub(crate) struct Put {
    /// Where the document is; `-` is standard input, which is read without this option too
    #[arg(long, value_name = "PATH")]
    pub(crate) json_file: Option<PathBuf>,
    /// Store it without testing it first
    #[arg(long)]
    pub(crate) no_test: bool,
}

/// A command on one credential.
#[derive(Debug, Args)]
pub(crate) struct Key {
    /// The credential
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
}

/// `get`
#[derive(Debug, Args)]
pub(crate) struct Get {
    /// The credential
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// A path in its config, as it is stored; without one, its secret, and of OAuth credentials an access token that
    /// is good, refreshed where it has to be
    #[arg(value_name = "FIELD")]
    pub(crate) field: Option<String>,
}

/// `list`
#[derive(Debug, Args)]
pub(crate) struct List {
    /// Words that must all be found in key, name, service or tags, and terms such as kind:api_key,
    /// status:error, service:"my service", tag:prod, solution:billing, is:failing (or unused, expiring,
    /// incomplete, untested, old, rotation_due, needs_attention); a - before it excludes
    #[arg(value_name = "QUERY", allow_hyphen_values = true)]
    pub(crate) query: Option<String>,
    /// Only this status
    #[arg(long, value_name = "STATUS")]
    pub(crate) status: Option<String>,
    /// Only this kind
    #[arg(long, value_name = "KIND")]
    pub(crate) kind: Option<String>,
    /// Only this service
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Only with this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,
    /// Of every solution
    #[arg(long)]
    pub(crate) all_solutions: bool,
}

/// `test`
#[derive(Debug, Args)]
pub(crate) struct Test {
    /// The credentials
    #[arg(value_name = "KEY", value_hint = ValueHint::Other, required_unless_present = "all", conflicts_with = "all")]
    pub(crate) keys: Vec<String>,
    /// Every credential of the current solution, but for those whose test costs or may lock an account
    #[arg(long)]
    pub(crate) all: bool,
    /// With --all: those, too
    #[arg(long, requires = "all", conflicts_with = "keys")]
    pub(crate) costly: bool,
    /// At most so many at once, in all and to one host
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub(crate) jobs: Option<u16>,
    /// The total time for each, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<std::time::Duration>,
    /// Show the steps of each
    #[arg(long)]
    pub(crate) steps: bool,
}

/// `login`
#[derive(Debug, Args)]
pub(crate) struct Login {
    /// The credential
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// Do not test it afterwards
    #[arg(long)]
    pub(crate) no_test: bool,
}

/// `revoke`
#[derive(Debug, Args)]
pub(crate) struct Revoke {
    /// The credential
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// Do not ask the server: only drop the tokens here
    #[arg(long)]
    pub(crate) local: bool,
}

/// `remove`
#[derive(Debug, Args)]
pub(crate) struct Remove {
    /// The credential
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// Do not ask
    #[arg(long)]
    pub(crate) force: bool,
}

/// `restore`
#[derive(Debug, Args)]
pub(crate) struct Restore {
    /// The credential
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// Make this version the newest
    #[arg(long, value_name = "N")]
    pub(crate) version: Option<u32>,
}

/// `solution`
#[derive(Debug, Subcommand)]
pub(crate) enum Solution {
    /// List the solutions
    List,
    /// Add a solution
    Add {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Give a solution another name; its credentials follow
    Rename {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// The name it gets
        #[arg(value_name = "NEW-NAME")]
        to: String,
    },
    /// Copy a solution with everything but its secrets: each copy is incomplete until its secret is entered
    Copy {
        /// The solution that is copied
        #[arg(value_name = "FROM")]
        from: String,
        /// The name of the new one
        #[arg(value_name = "TO")]
        to: String,
    },
    /// Remove a solution; where credentials live in it, its name is asked for again
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
        /// Do not ask: its credentials go to the trash
        #[arg(long)]
        force: bool,
    },
}

/// `oauth-app`
#[derive(Debug, Subcommand)]
pub(crate) enum OauthApp {
    /// List the OAuth apps
    List,
    /// Create or update one from a JSON document
    Put {
        /// The document; without it, or with `-`, standard input
        #[arg(long, value_name = "PATH")]
        json_file: Option<PathBuf>,
    },
    /// Remove one that no credential refers to
    Remove {
        /// Its name
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// `audit`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Audit {
    #[command(subcommand)]
    pub(crate) action: Option<AuditAction>,
    /// Only what is about this credential, under whatever name it had; without one, everything
    #[arg(value_name = "KEY")]
    pub(crate) key: Option<String>,
    /// Only from then on: a date, a time with its zone, or how long ago, such as 30m, 12h, 7d
    #[arg(long, value_name = "WHEN", value_parser = super::audit::since)]
    pub(crate) since: Option<jiff::Timestamp>,
    /// Only this, such as got, revealed, removed or unlock_failed. May be given several times
    #[arg(long, value_name = "WHAT", hide_possible_values = true)]
    #[arg(value_parser = clap::builder::PossibleValuesParser::new(crate::audit::What::words()))]
    pub(crate) what: Vec<String>,
}

/// `audit verify`
#[derive(Debug, Subcommand)]
pub(crate) enum AuditAction {
    /// Check the whole log; exit 6 names the first line that is wrong
    Verify,
}

/// `trash`
#[derive(Debug, Subcommand)]
pub(crate) enum Trash {
    /// List the removed credentials of every solution
    List,
    /// Drop a removed credential for good, or all there are
    Purge {
        /// The credential; without one, everything in the trash
        #[arg(value_name = "KEY")]
        key: Option<String>,
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
}

/// `move`
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// The credential
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// The solution it moves to
    #[arg(value_name = "SOLUTION")]
    pub(crate) to: String,
}

/// `completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    pub(crate) shell: Script,
}

/// Shells with a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Script {
    /// bash
    Bash,
    /// zsh
    Zsh,
    /// fish
    Fish,
    /// The keys of the current solution, for the scripts
    #[value(hide = true)]
    Keys,
}

/// `export`
#[derive(Debug, Args)]
pub(crate) struct Export {
    /// Where to; `-` is standard output, which is used without this option too where it is no terminal
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// Leave out every secret: each place of one says that it is missing
    #[arg(long, conflicts_with = "plain")]
    pub(crate) structure: bool,
    /// Write the secrets in plain text; asks first
    #[arg(long)]
    pub(crate) plain: bool,
    /// As what, in plain text; without this, json
    #[arg(long, value_name = "FORMAT", requires = "plain")]
    pub(crate) format: Option<PlainFormat>,
    /// Write plain text without being asked
    #[arg(long, requires = "plain")]
    pub(crate) yes: bool,
    /// Replace the file where there is one
    #[arg(long)]
    pub(crate) force: bool,
}

/// What plain text can be exported as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PlainFormat {
    /// Everything that the encrypted one holds
    Json,
    /// A table with a row for each secret
    Csv,
    /// NAME=value lines of the current solution
    Dotenv,
}

/// `import`
#[derive(Debug, Args)]
pub(crate) struct Import {
    /// What the file is
    #[arg(value_name = "FORMAT")]
    pub(crate) format: ImportFormat,
    /// Where it is; `-` is standard input. For pass and aws it may be a folder
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Read the password of the file (Bitwarden, KeePass) from a file, instead of being asked; `-` is standard
    /// input
    #[arg(long, value_name = "PATH")]
    pub(crate) password_file: Option<PathBuf>,
    /// The key file of a KeePass database
    #[arg(long, value_name = "PATH")]
    pub(crate) key_file: Option<PathBuf>,
    /// Only show what it would do
    #[arg(long)]
    pub(crate) dry_run: bool,
    /// Leave what is stored as it is, also where the file says something else
    #[arg(long)]
    pub(crate) keep: bool,
    /// Make a solution of each folder; without this, folders become tags
    #[arg(long)]
    pub(crate) folders_as_solutions: bool,
}

/// What can be imported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ImportFormat {
    /// NAME=value lines: one secret for each variable
    Dotenv,
    /// Credential documents, or an object of variables
    Json,
    /// A table of 1Password, Bitwarden, KeePass, KeePassXC, LastPass, Chrome, Firefox, or one with titles
    Csv,
    /// Bitwarden's .json, plain or with a password of its own
    Bitwarden,
    /// 1Password's .1pux
    #[value(name = "1pux")]
    OnePux,
    /// KeePass 2's XML, as KeePassXC exports it too
    KeepassXml,
    /// A database of KeePass 2 or KeePassXC, version 3.1 or 4
    Kdbx,
    /// A store of pass, such as ~/.password-store: gpg decrypts it
    Pass,
    /// AWS's credentials or config, or the folder with both
    Aws,
    /// A collection or an environment of Postman
    Postman,
    /// n8n's credentials, exported with --decrypted
    N8n,
}

/// `kinds`
#[derive(Debug, Subcommand)]
pub(crate) enum Kinds {
    /// List them, this vault's own with the others
    List,
    /// Print the schema that a kind is made from: what `kinds put` takes
    Show {
        /// The kind
        #[arg(value_name = "KIND")]
        kind: String,
    },
    /// Define a kind for this vault, or give it another schema; says which credentials will no longer fit
    Put(PutKind),
    /// Remove a kind that no credential is of
    Remove {
        /// The kind
        #[arg(value_name = "KIND")]
        kind: String,
    },
}

/// `kinds put`
#[derive(Debug, Args)]
pub(crate) struct PutKind {
    /// Its name: small letters, digits, '_' and '-', 40 at most
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
    /// Read the JSON Schema of `config` from a file; without one, or with `-`, from standard input
    #[arg(long, value_name = "PATH")]
    pub(crate) json_file: Option<PathBuf>,
    /// Copy the schema of another kind instead
    #[arg(long, value_name = "KIND", conflicts_with = "json_file")]
    pub(crate) from: Option<String>,
    /// Only say what it would do
    #[arg(long)]
    pub(crate) dry_run: bool,
}

/// `schema`
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// The kind, one of `credbench kinds`; or `oauth_app`
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
}

/// `recipients`
#[derive(Debug, Subcommand)]
pub(crate) enum Recipients {
    /// List who can open the vault
    List,
    /// Let somebody open the vault
    Add {
        /// Their public key: age1…, an SSH public key, or a plugin's
        #[arg(value_name = "RECIPIENT")]
        recipient: String,
        /// Whose it is
        #[arg(long, value_name = "NAME")]
        name: Option<String>,
    },
    /// Take somebody off; older copies of the vault stay open to them
    Remove {
        /// Their public key, or the name that it was added with
        #[arg(value_name = "RECIPIENT")]
        recipient: String,
    },
}

/// `passphrase`
#[derive(Debug, Args)]
pub(crate) struct Passphrase {
    /// Read the new passphrase from a file; `-` is standard input
    #[arg(long, value_name = "PATH")]
    pub(crate) new_passphrase_file: Option<PathBuf>,
}

/// `backup`
#[derive(Debug, Subcommand)]
pub(crate) enum Backup {
    /// List the earlier generations that are kept: the last ten, and one of each of seven days and six months
    List,
    /// Make an earlier generation the newest, also where the vault is damaged or gone
    Restore {
        /// Its generation, as `backup list` names it
        #[arg(value_name = "GENERATION")]
        generation: String,
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
    /// Drop all earlier generations for good
    Purge {
        /// Do not ask
        #[arg(long)]
        force: bool,
    },
}

/// `vault`
#[derive(Debug, Subcommand)]
pub(crate) enum Vault {
    /// Accept a vault that this host would refuse
    Adopt {
        /// Answer a question with yes; needed twice, for the two questions
        #[arg(long, action = clap::ArgAction::Count)]
        yes: u8,
    },
}

fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "a number of seconds from 0.1 to 3600".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(std::time::Duration::from_secs_f64(seconds))
    } else {
        Err(wrong())
    }
}
