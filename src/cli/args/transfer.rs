//! Verbs that take from other programs and give to them.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

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
