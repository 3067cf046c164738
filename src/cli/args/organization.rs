//! Verbs on what credentials live in and what they are: solutions, OAuth apps, kinds, services.

use std::path::PathBuf;

use clap::{Args, Subcommand};

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
        /// Change it in the files of the workflows that name it, too
        #[arg(long)]
        rewrite: bool,
        /// With --rewrite: only show what would change
        #[arg(long, requires = "rewrite")]
        dry_run: bool,
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

/// `schema`
#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// The kind, one of `credbench kinds`; or `oauth_app`
    #[arg(value_name = "KIND")]
    pub(crate) kind: String,
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
