//! `trash`: removed credentials.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Trash;
use super::manual::{self, Page};
use super::output::visible;
use super::prompt::{Terminal, cancelled};
use super::{Context, show};
use crate::model::{Document, Edit, Removed};
use crate::problem::{Exit, Problem};

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "trash list",
        examples: &[("credbench trash list", "of every solution")],
        json: r#"[{"solution","key","name","kind","version","removed_at"}]"#,
        faults: &[],
        shared: &[&manual::OPENS],
    },
    Page {
        command: "trash purge",
        examples: &[
            ("credbench trash purge old.key", "drops it for good; asks first"),
            ("credbench trash purge --force", "empties the trash"),
        ],
        json: r#"{"purged":[place],"done":"purged"}"#,
        faults: &[
            (Exit::NotFound, "not_in_trash", "nothing of that key is there"),
            (Exit::Refused, "needs_force", "it cannot be undone, and nobody can be asked"),
        ],
        shared: &[&manual::OPENS, &manual::RECORDED, &manual::SAVES],
    },
];

pub(crate) fn run(context: &Context, action: &Trash) -> Result<ExitCode, Problem> {
    match action {
        Trash::List => list(context),
        Trash::Purge { key, force } => purge(context, key.as_deref(), *force),
    }
}

fn list(context: &Context) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let opened = context.open(&setup)?;
    let (out, trash) = (&context.output, &opened.document.trash);
    if out.is_json() {
        let rows: Vec<_> = trash
            .iter()
            .map(|removed| {
                let content = &removed.credential.content;
                json!({
                    "solution": content.solution(), "key": content.key(), "name": content.name(),
                    "kind": content.kind(), "version": removed.credential.version, "removed_at": removed.at,
                })
            })
            .collect();
        out.json(&rows);
    } else if trash.is_empty() {
        out.note("The trash is empty.");
    }
    if !out.is_json() {
        for removed in trash {
            let at = removed.at.strftime("%Y-%m-%d %H:%M UTC");
            out.line(&format!("{at}  {}", visible(&place(removed))));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn place(removed: &Removed) -> String {
    format!("{}/{}", removed.credential.content.solution(), removed.credential.content.key())
}

fn purge(context: &Context, key: Option<&str>, force: bool) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let meant = meant(&opened.document, &setup.solution, key)?;
    if meant.is_empty() {
        if context.output.is_json() {
            context.output.json_line(&json!({ "purged": [], "done": "purged" }));
        } else {
            context.output.note("The trash is empty.");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let places: Vec<String> = meant.iter().map(|removed| place(removed)).collect();
    let what = match places.as_slice() {
        [one] => one.clone(),
        many => format!("{} removed credentials", many.len()),
    };
    if !force {
        let Some(mut terminal) = Terminal::attended() else {
            return Err(Problem::new(
                Exit::Refused,
                "needs_force",
                format!("purging {what} cannot be undone"),
            )
            .hint("add --force"));
        };
        if !terminal.confirm(&format!("Drop {what} for good? This cannot be undone")) {
            return Err(cancelled());
        }
    }
    let edits = meant.iter().map(|removed| Edit::Purge { id: removed.credential.id.clone() }).collect();
    let saved = opened.session.commit(edits, Timestamp::now())?;
    let line = format!("{what}  purged");
    show::said(context, &saved, &json!({ "purged": places, "done": "purged" }), &line);
    context
        .output
        .note("Backups of the vault still hold what was purged; `credbench backup purge` drops them.");
    Ok(ExitCode::SUCCESS)
}

/// What of the trash is meant: all of a key in the current solution, or everything.
fn meant<'a>(document: &'a Document, solution: &str, key: Option<&str>) -> Result<Vec<&'a Removed>, Problem> {
    let Some(key) = key else { return Ok(document.trash.iter().collect()) };
    let found: Vec<&Removed> = document
        .trash
        .iter()
        .filter(|removed| {
            let content = &removed.credential.content;
            content.key() == key && content.solution() == solution
        })
        .collect();
    if found.is_empty() {
        let message = format!("there is no {key:?} of {solution} in the trash");
        return Err(Problem::new(Exit::NotFound, "not_in_trash", message)
            .hint("`credbench trash list` shows what there is"));
    }
    Ok(found)
}
