//! `review`

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Subcommand, ValueEnum, ValueHint};

use crate::session::review::Check;

/// `review`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct Review {
    #[command(subcommand)]
    pub(crate) action: Option<ReviewAction>,
    /// Only this check. May be given several times
    #[arg(long, value_name = "CHECK", value_parser = checks())]
    pub(crate) check: Vec<String>,
    /// Also what is left out, with the reasons
    #[arg(long)]
    pub(crate) all: bool,
    /// End with exit code 1 where anything is found: for automation
    #[arg(long)]
    pub(crate) exit_code: bool,
}

/// What can be done in a review.
#[derive(Debug, Subcommand)]
pub(crate) enum ReviewAction {
    /// Leave a credential out of a check, for a reason
    Exclude {
        /// The credential
        #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
        key: String,
        /// The check
        #[arg(value_name = "CHECK", value_parser = checks())]
        check: String,
        /// Why it is fine as it is
        #[arg(long, value_name = "TEXT")]
        reason: String,
    },
    /// Count a credential for a check again
    Include {
        /// The credential
        #[arg(value_name = "KEY", value_hint = ValueHint::Other)]
        key: String,
        /// The check
        #[arg(value_name = "CHECK", value_parser = checks())]
        check: String,
    },
    /// Write into the audit log that you looked at what there is now
    SignOff {
        /// What you say to it
        #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
        note: String,
    },
    /// Write the review as a page
    Report {
        /// Where to; `-` is standard output, which is used without this option too
        #[arg(short, long, value_name = "FILE")]
        output: Option<PathBuf>,
        /// As what; without this, as the file's name ends, else markdown
        #[arg(long, value_name = "FORMAT")]
        format: Option<PageFormat>,
        /// Replace the file where there is one
        #[arg(long)]
        force: bool,
    },
}

/// How a page is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum PageFormat {
    /// For a wiki or a ticket
    Markdown,
    /// For a browser
    Html,
}

fn checks() -> PossibleValuesParser {
    PossibleValuesParser::new(Check::ALL.map(Check::word))
}
