//! `backup`: earlier generations of the vault, listed, brought back, dropped.

use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::args::Backup;
use super::manual::{self, Page};
use super::output::visible;
use super::prompt::{AtTerminal, Terminal, cancelled};
use crate::problem::{Exit, Problem};
use crate::session::{self, Opened, Setup};
use crate::vault::Archive;
use crate::words::counted;

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "backup list",
        examples: &[("credbench backup list", "each is opened, so that a damaged one shows")],
        json: r#"[{"generation","name","saved_at","bytes","opens","credentials"|null,"problem"|null,"path"}]"#,
        faults: &[],
        shared: &[&manual::OPENS],
    },
    Page {
        command: "backup restore",
        examples: &[(
            "credbench backup restore 41",
            "its content becomes the newest generation; what is there now stays as a backup",
        )],
        json: r#"{"restored","generation","credentials","done":"restored"}"#,
        faults: &[
            (Exit::NotFound, "no_backup", "there is none of that generation"),
            (Exit::Refused, "needs_force", "it replaces what the vault says, and nobody can be asked"),
        ],
        shared: &[&manual::OPENS, &manual::SAVES],
    },
    Page {
        command: "backup purge",
        examples: &[(
            "credbench backup purge",
            "after somebody was taken off, or a secret was purged; asks first",
        )],
        json: r#"{"purged","done":"purged"}"#,
        faults: &[(Exit::Refused, "needs_force", "it cannot be undone, and nobody can be asked")],
        shared: &[&manual::OPENS, &manual::SAVES],
    },
];

pub(crate) fn run(context: &Context, action: &Backup) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    match action {
        Backup::List => list(context, &archive(&setup)?),
        Backup::Restore { generation, force } => restore(context, archive(&setup)?, generation, *force),
        Backup::Purge { force } => purge(context, context.open(&setup)?, *force),
    }
    .map(|()| ExitCode::SUCCESS)
}

/// The archive of a vault that need not open.
fn archive(setup: &Setup) -> Result<Archive, Problem> {
    let keyring = setup.archive_keyring(Arc::new(AtTerminal), Timestamp::now())?;
    Ok(Archive::of(&setup.places, keyring)?)
}

fn list(context: &Context, archive: &Archive) -> Result<(), Problem> {
    let out = &context.output;
    let mut rows = Vec::new();
    let all = archive.list()?;
    for backup in &all {
        let examined = archive.examine(backup).map_err(Problem::from);
        if out.is_json() {
            rows.push(json!({
                "generation": backup.generation, "name": backup.name(), "saved_at": backup.saved_at, "bytes": backup.bytes,
                "opens": examined.is_ok(),
                "credentials": examined.as_ref().ok().map(|earlier| earlier.document.credentials.len()),
                "problem": examined.as_ref().err().map(|problem| &problem.message),
                "path": backup.path,
            }));
            continue;
        }
        let state = match &examined {
            Ok(earlier) => credentials(earlier.document.credentials.len()),
            Err(problem) => format!("does not open: {}", problem.message),
        };
        let at = backup.saved_at.strftime("%Y-%m-%d %H:%M UTC");
        out.line(&format!("{:>6}  {at}  {:>9} B  {}", backup.name(), backup.bytes, visible(&state)));
    }
    if out.is_json() {
        out.json(&rows);
    } else if all.is_empty() {
        out.note("There are no backups: each save keeps the generation before it.");
    }
    Ok(())
}

fn restore(context: &Context, archive: Archive, generation: &str, force: bool) -> Result<(), Problem> {
    let all = archive.list()?;
    if let (false, Some(backup)) = (force, all.iter().find(|backup| backup.name() == generation)) {
        let count = archive.examine(backup)?.document.credentials.len();
        let at = backup.saved_at.strftime("%Y-%m-%d %H:%M UTC");
        let credentials = credentials(count);
        let question = format!("Make generation {generation} of {at} ({credentials}) the newest?");
        ask(&question, "restoring replaces what the vault says now")?;
    }
    let opened = session::restore(archive, generation, Timestamp::now())?;
    let (made, count) = (opened.session.header().generation, opened.document.credentials.len());
    let out = &context.output;
    if out.is_json() {
        out.json_line(&json!({
            "restored": generation, "generation": made, "credentials": count, "done": "restored",
        }));
    } else {
        out.line(&format!("generation {generation} restored as generation {made}"));
        out.note("What was there stays as a backup. Who can open the vault is as before.");
    }
    context.say_notices(&opened);
    Ok(())
}

fn purge(context: &Context, mut opened: Opened, force: bool) -> Result<(), Problem> {
    let count = opened.session.store().backups()?;
    if count > 0 && !force {
        let question = format!("Drop all {count} earlier generations for good? This cannot be undone");
        ask(&question, "dropping backups cannot be undone")?;
    }
    let purged = match count {
        0 => 0,
        _ => opened.session.purge_backups(&Timestamp::now)?,
    };
    let out = &context.output;
    if out.is_json() {
        out.json_line(&json!({ "purged": purged, "done": "purged" }));
    } else {
        out.line(&format!("{} purged", counted(purged, "backup")));
    }
    Ok(())
}

fn credentials(count: usize) -> String {
    match count {
        1 => "1 credential".to_owned(),
        count => format!("{count} credentials"),
    }
}

/// Asks somebody, or refuses where nobody is.
fn ask(question: &str, why: &str) -> Result<(), Problem> {
    let Some(mut terminal) = Terminal::attended() else {
        return Err(Problem::new(Exit::Refused, "needs_force", why).hint("add --force"));
    };
    if terminal.confirm(question) { Ok(()) } else { Err(cancelled()) }
}
