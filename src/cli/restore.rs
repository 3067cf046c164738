//! `restore`: back from the trash, or an old version as the newest.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Restore;
use super::manual::{self, Page};
use super::{Context, show};
use crate::problem::{Exit, Problem};
use crate::session;

pub(super) const PAGES: &[Page] = &[Page {
    command: "restore",
    examples: &[
        ("credbench restore old.key", "back from the trash"),
        ("credbench restore billing.stripe --version 2", "what version 2 said becomes the newest"),
    ],
    json: r#"{"solution","key","version","done":"restored"}"#,
    faults: &[
        (Exit::NotFound, "no_version", "it has no such version"),
        (Exit::Refused, "newest_version", "that version is the newest already"),
        (Exit::Refused, "exists", "it is not in the trash"),
    ],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::SAVES],
}];

pub(crate) fn run(context: &Context, arguments: &Restore) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let (document, key) = (&opened.document, &arguments.key);
    let stored = document.find(&setup.solution, key);
    let removed = document.find_removed(&setup.solution, key);
    let (edits, version) = match (stored, removed, arguments.version) {
        (Some(credential), _, Some(number)) => {
            (vec![session::renewed(credential, number)?], credential.version + 1)
        }
        (Some(credential), _, None) => {
            return Err(Problem::new(
                Exit::Refused,
                "exists",
                format!("{key} is not in the trash: its version {} is stored", credential.version),
            )
            .hint(format!("`credbench history {key}` lists versions; --version N makes one the newest")));
        }
        (None, Some(removed), None) => (session::restoration(document, removed), removed.credential.version),
        (None, Some(removed), Some(number)) => {
            let credential = &removed.credential;
            let mut edits = session::restoration(document, removed);
            let mut version = credential.version;
            if number != version {
                edits.push(session::renewed(credential, number)?);
                version += 1;
            }
            (edits, version)
        }
        (None, None, _) => return Err(session::not_found(document, &setup.solution, key)),
    };
    let saved = opened.session.commit(edits, Timestamp::now())?;
    show::said(
        context,
        &saved,
        &json!({ "solution": setup.solution, "key": key, "version": version, "done": "restored" }),
        &format!("{key}  restored, version {version}"),
    );
    Ok(ExitCode::SUCCESS)
}
