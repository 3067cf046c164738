//! `rename`: another key for a credential, and for the files that name it.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::Rename;
use super::manual::{self, Page};
use super::output::{Tone, visible};
use super::prompt::{Terminal, cancelled};
use super::{Context, show};
use crate::problem::{Exit, Problem};
use crate::session::{self, Rewrite, Rewritten};

pub(super) const PAGES: &[Page] = &[Page {
    command: "rename",
    examples: &[
        ("credbench rename pay.stripe billing.stripe", "renames one that no workflow uses"),
        (
            "credbench rename pay.stripe billing.stripe --rewrite --dry-run",
            "shows what would change in which file",
        ),
        ("credbench rename pay.stripe billing.stripe --rewrite", "changes the files too"),
    ],
    json: r#"{"solution", "key", "from", "rewritten":[{"path", "changes":[{"line", "before", "after"}]}], "done"}"#,
    faults: &[
        (Exit::Usage, "key", "that is not a key"),
        (Exit::Refused, "same_key", "it has that key already"),
        (Exit::Refused, "in_use", "workflows use it; says which"),
        (Exit::Failed, "not_rewritten", "it was renamed, but a file could not be changed; says which"),
    ],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::SAVES],
}];

pub(crate) fn run(context: &Context, arguments: &Rename) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let (solution, key, new) = (&setup.solution, &arguments.key, &arguments.to);
    let credential = session::credential(&opened.document, solution, key)?;
    let renamed = session::renamed(credential, new)?;
    let users = session::users(&opened.document, solution, key);
    if !users.is_empty() && !arguments.rewrite && !arguments.force {
        return Err(session::in_use(key, &users).hint(
            "--rewrite changes those files too (--dry-run shows how), --force leaves them as they are",
        ));
    }
    let files = match arguments.rewrite {
        true => session::rewrites_of_key(&opened.document, solution, key, new)?,
        false => Vec::new(),
    };
    let out = &context.output;
    preview(context, &files);
    let rewritten = rewritten(&files);
    if arguments.dry_run {
        if out.is_json() {
            out.json(&json!({ "solution": solution, "key": new, "from": key, "rewritten": rewritten, "done": "nothing" }));
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !files.is_empty()
        && !arguments.force
        && let Some(mut terminal) = Terminal::attended()
        && !terminal.confirm(&format!("Rename {key} to {new}, in these files too"))
    {
        return Err(cancelled());
    }
    let mut edits = vec![renamed];
    edits.extend(session::rewrite_edits(&files));
    // The vault first: that can be taken back, whatever becomes of a file.
    let saved = opened.session.commit(edits, Timestamp::now())?;
    let left = session::write_rewrites(&files);
    let json =
        json!({ "solution": solution, "key": new, "from": key, "rewritten": rewritten, "done": "renamed" });
    show::said(context, &saved, &json, &format!("{new}  renamed from {key}"));
    not_rewritten(left, files.len(), key, new)
}

/// Shows what would change in files.
pub(super) fn preview(context: &Context, files: &[Rewrite]) {
    let out = &context.output;
    for file in files.iter().filter(|_| !out.is_json()) {
        out.line(&out.paint(Tone::Strong, &visible(&file.path.display().to_string())));
        for Rewritten { line, before, after } in &file.changes {
            out.line(&format!("  {line:>5}  {}", out.paint(Tone::Bad, &format!("- {}", visible(before)))));
            out.line(&format!("         {}", out.paint(Tone::Good, &format!("+ {}", visible(after)))));
        }
    }
}

/// The same for scripts.
pub(super) fn rewritten(files: &[Rewrite]) -> Vec<Value> {
    let change =
        |change: &Rewritten| json!({ "line": change.line, "before": change.before, "after": change.after });
    let file = |file: &Rewrite| json!({ "path": file.path, "changes": file.changes.iter().map(change).collect::<Vec<_>>() });
    files.iter().map(file).collect()
}

/// The end of a renaming: a problem where files could not be changed.
///
/// # Errors
/// Exit 1, naming them.
pub(super) fn not_rewritten(
    left: Vec<String>,
    all: usize,
    from: &str,
    to: &str,
) -> Result<ExitCode, Problem> {
    if left.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let message = format!("{} of {all} files could not be changed", left.len());
    Err(Problem::new(Exit::Failed, "not_rewritten", message)
        .causes(left)
        .hint(format!("change {from} to {to} in each")))
}
