//! Verbs on the vault and the program itself.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

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
    #[arg(long, value_name = "WHEN", value_parser = crate::cli::audit::since)]
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
