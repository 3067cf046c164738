//! Verbs on credentials.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueHint};

use super::run_time::{Cache, Unrecorded};

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
    /// The credential, or a reference to it: cred://KEY, cred://KEY#FIELD, cred://SOLUTION/KEY#FIELD
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// A path in its config, as it is stored; without one, its secret, and of OAuth credentials an access token that
    /// is good, refreshed where it has to be
    #[arg(value_name = "FIELD")]
    pub(crate) field: Option<String>,
    #[command(flatten)]
    pub(crate) cache: Cache,
    #[command(flatten)]
    pub(crate) log: Unrecorded,
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

/// `move`
#[derive(Debug, Args)]
pub(crate) struct Move {
    /// The credential
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// The solution it moves to
    #[arg(value_name = "SOLUTION")]
    pub(crate) to: String,
    /// Do not mind workflows that use it where it is
    #[arg(long)]
    pub(crate) force: bool,
}

/// `rename`
#[derive(Debug, Args)]
pub(crate) struct Rename {
    /// The credential
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// The key it gets
    #[arg(value_name = "NEW-KEY")]
    pub(crate) to: String,
    /// Change it in the files of the workflows that use it, too
    #[arg(long)]
    pub(crate) rewrite: bool,
    /// With --rewrite: only show what would change
    #[arg(long, requires = "rewrite")]
    pub(crate) dry_run: bool,
    /// Do not ask, and do not mind workflows that use it
    #[arg(long)]
    pub(crate) force: bool,
}

/// `rotate`
#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// The credential; without one, what is due and what was begun is listed
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: Option<String>,
    /// The next secret from a file; `-` is standard input. May be given several times
    #[arg(long, value_name = "FIELD=PATH")]
    pub(crate) secret_file: Vec<String>,
    /// What belongs to the next secret and is none, such as access_key_id
    #[arg(long, value_name = "FIELD=VALUE")]
    pub(crate) set: Vec<String>,
    /// Let the service make the next one, where it does when it is asked (`services --show` says so)
    #[arg(long, conflicts_with_all = ["secret_file", "set"])]
    pub(crate) make: bool,
    /// With --finish: let the service drop the one before, where it does
    #[arg(long, requires = "finish")]
    pub(crate) revoke: bool,
    /// Take it as it is where it is not tested; with --finish: although what is in use was not proven
    #[arg(long)]
    pub(crate) no_test: bool,
    /// Only enter and test the next one: what is in use stays in use
    #[arg(long, group = "step")]
    pub(crate) prepare: bool,
    /// Take the one before back into use; the other one is kept
    #[arg(long, group = "step", conflicts_with_all = ["secret_file", "set", "make"])]
    pub(crate) back: bool,
    /// The one before was revoked at the service: drop it
    #[arg(long, group = "step", conflicts_with_all = ["secret_file", "set", "make"])]
    pub(crate) finish: bool,
    /// Drop the next one, which is not in use yet
    #[arg(long, group = "step", conflicts_with_all = ["secret_file", "set", "make"])]
    pub(crate) cancel: bool,
    /// Only say where it stands
    #[arg(long, group = "step", conflicts_with_all = ["secret_file", "set", "make"])]
    pub(crate) status: bool,
    /// Switch without being asked; with --make: although that may end the one in use at once
    #[arg(long)]
    pub(crate) yes: bool,
}

impl Rotate {
    /// Whether an option was given that is about one credential.
    pub(crate) fn needs_key(&self) -> bool {
        let step = self.make || self.prepare || self.back || self.finish || self.cancel;
        step || self.no_test || self.yes || !self.secret_file.is_empty() || !self.set.is_empty()
    }
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

pub(super) fn seconds(text: &str) -> Result<std::time::Duration, String> {
    let wrong = || "a number of seconds from 0.1 to 3600".to_owned();
    let seconds: f64 = text.parse().map_err(|_| wrong())?;
    if (0.1..=3600.0).contains(&seconds) {
        Ok(std::time::Duration::from_secs_f64(seconds))
    } else {
        Err(wrong())
    }
}
