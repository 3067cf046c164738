//! Verbs that hand values to programs, and that find who names them.

use std::path::PathBuf;

use clap::{Args, ValueHint};

use super::credential::seconds;
use crate::cache::MOST;

/// Where values may come from besides the vault.
#[derive(Debug, Args)]
pub(crate) struct Cache {
    /// Take values from the cache that were put there less than this many seconds ago (1 to 3600), and keep there for
    /// as long what is read from the vault: see docs/RUNNING.md. Without it nothing is cached, and nothing taken
    #[arg(
        long = "cache", value_name = "SECONDS", conflicts_with = "unrecorded",
        value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)),
    )]
    pub(crate) seconds: Option<u32>,
}

/// What happens where the audit log cannot be written.
#[derive(Debug, Args)]
pub(crate) struct Unrecorded {
    /// Go on where the audit log cannot be written. This host keeps a mark, and the next line of the log counts it;
    /// where not even that can be kept, nothing is handed out
    #[arg(long)]
    pub(crate) unrecorded: bool,
}

/// `run`
#[derive(Debug, Args)]
pub(crate) struct Run {
    /// Which workflow this is, for the count of uses: one that `scan` knows, or any name
    #[arg(long, value_name = "WORKFLOW")]
    pub(crate) workflow: Option<String>,
    /// Set a variable to what a reference stands for
    #[arg(long, value_name = "NAME=REFERENCE")]
    pub(crate) env: Vec<String>,
    /// Set the variables of a dotenv file; its values may be references. May be given several times
    #[arg(long, value_name = "FILE")]
    pub(crate) env_file: Vec<PathBuf>,
    /// Write the value to a file that only you can read, on a file system in memory, and set the variable to its
    /// path; the file is removed when the program ends
    #[arg(long, value_name = "NAME=REFERENCE")]
    pub(crate) file: Vec<String>,
    /// Hand the value over as an open file and set the variable to its path, such as /dev/fd/3: it never has a
    /// name that another program could open
    #[arg(long, value_name = "NAME=REFERENCE")]
    pub(crate) fd: Vec<String>,
    #[command(flatten)]
    pub(crate) cache: Cache,
    #[command(flatten)]
    pub(crate) log: Unrecorded,
    /// Start from an empty environment
    #[arg(long)]
    pub(crate) clear_env: bool,
    /// Set names too that decide how programs run, such as PATH or LD_PRELOAD
    #[arg(long)]
    pub(crate) force: bool,
    /// Pass on what the program prints as it is; it then writes straight to where this command would
    #[arg(long)]
    pub(crate) no_mask: bool,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    pub(crate) command: Vec<std::ffi::OsString>,
}

/// `on-terminal`
#[derive(Debug, Args)]
pub(crate) struct OnTerminal {
    /// The program gets the terminal only once it asks for it
    #[arg(long)]
    pub(crate) background: bool,
    /// The program and its arguments
    #[arg(value_name = "COMMAND", required = true, last = true)]
    pub(crate) command: Vec<std::ffi::OsString>,
}

/// `inject`
#[derive(Debug, Args)]
pub(crate) struct Inject {
    /// The template; without it, or with `-`, standard input
    #[arg(short, long, value_name = "TEMPLATE")]
    pub(crate) input: Option<PathBuf>,
    /// The file to write, replaced as a whole and readable by you alone; without it, standard output
    #[arg(short, long, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// What the file is: json, yaml, toml, dotenv, shell, xml, ini or text; else its name tells
    #[arg(long, value_name = "FORMAT")]
    pub(crate) format: Option<String>,
    #[command(flatten)]
    pub(crate) cache: Cache,
    #[command(flatten)]
    pub(crate) log: Unrecorded,
}

/// `request`
#[derive(Debug, Args)]
pub(crate) struct Request {
    /// The credential, or a reference to it
    #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
    pub(crate) key: String,
    /// A path behind the base URL, or a whole address; before it the method where it is not GET, or POST with --data
    #[arg(value_name = "[METHOD] PATH-or-URL", required = true, num_args = 1..=2)]
    pub(crate) target: Vec<String>,
    /// The body; `@FILE` reads it from a file, `@-` from standard input
    #[arg(long, value_name = "DATA", allow_hyphen_values = true)]
    pub(crate) data: Option<String>,
    /// A header field besides the credential's own. May be given several times
    #[arg(long, value_name = "NAME: VALUE")]
    pub(crate) header: Vec<String>,
    /// Print status and headers before the body
    #[arg(long)]
    pub(crate) include: bool,
    /// The total time, in seconds
    #[arg(long, value_name = "SECONDS", value_parser = seconds)]
    pub(crate) timeout: Option<std::time::Duration>,
    #[command(flatten)]
    pub(crate) log: Unrecorded,
}

/// `scan`
#[derive(Debug, Args)]
pub(crate) struct Scan {
    /// Files and folders
    #[arg(value_name = "PATH", required = true)]
    pub(crate) path: Vec<PathBuf>,
    /// Record nothing, and fail where something is named that is not there
    #[arg(long)]
    pub(crate) check: bool,
}
