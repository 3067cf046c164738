//! `restore`: back from the trash, or an old version as the newest.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Restore;
use super::{Context, show};
use crate::model::{Credential, Edit};
use crate::problem::{Exit, Problem};
use crate::session;

pub(crate) fn run(context: &Context, arguments: &Restore) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let (document, key) = (&opened.document, &arguments.key);
    let stored = document.find(&setup.solution, key);
    let removed = document.find_removed(&setup.solution, key).map(|removed| &removed.credential);
    let (edits, version) = match (stored, removed, arguments.version) {
        (Some(credential), _, Some(number)) => (vec![renewed(credential, number)?], credential.version + 1),
        (Some(credential), _, None) => {
            return Err(Problem::new(
                Exit::Refused,
                "exists",
                format!("{key} is not in the trash: its version {} is stored", credential.version),
            )
            .hint(format!("`credbench history {key}` lists versions; --version N makes one the newest")));
        }
        (None, Some(credential), None) => {
            (vec![Edit::Restore { id: credential.id.clone() }], credential.version)
        }
        (None, Some(credential), Some(number)) => {
            let mut edits = vec![Edit::Restore { id: credential.id.clone() }];
            let mut version = credential.version;
            if number != version {
                edits.push(renewed(credential, number)?);
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

/// The edit that makes an old version the newest: a new one with the old content, under today's key.
fn renewed(credential: &Credential, number: u32) -> Result<Edit, Problem> {
    let key = credential.content.key();
    if number == credential.version {
        return Err(Problem::new(
            Exit::Refused,
            "newest_version",
            format!("version {number} of {key} is the newest already"),
        ));
    }
    let content = credential.version_content(number).ok_or_else(|| {
        Problem::new(Exit::NotFound, "no_version", format!("{key} has no version {number}"))
            .hint(format!("`credbench history {key}` lists those it has"))
    })?;
    let mut content = content.clone();
    // The version is about what the credential says, not about where it is kept.
    for member in ["key", "solution"] {
        if let Some(value) = credential.content.document.get(member) {
            content.document.insert(member.to_owned(), value.clone());
        }
    }
    Ok(Edit::Update { id: credential.id.clone(), expected: Some(credential.version), content })
}
