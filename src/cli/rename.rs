//! `rename`: another key for a credential, and for the files that name it.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Rename;
use super::manual::{self, Page};
use super::output::{Tone, visible};
use super::prompt::{Terminal, cancelled};
use super::{Context, show};
use crate::durable;
use crate::model::reference::Reference;
use crate::model::{Document, Edit, Mentioned, Workflow};
use crate::problem::{Exit, Problem};
use crate::session::{self, Rewrite};

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

/// A file that is to be changed.
struct File {
    path: PathBuf,
    workflow: Workflow,
    rewrite: Rewrite,
}

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
    let files = if arguments.rewrite { files(&opened.document, solution, key, new)? } else { Vec::new() };
    let out = &context.output;
    if !out.is_json() {
        files.iter().for_each(|file| preview(context, file));
    }
    let changed = |file: &File| {
        let changes = file.rewrite.changes.iter();
        let changes =
            changes.map(|(line, before, after)| json!({ "line": line, "before": before, "after": after }));
        json!({ "path": file.path, "changes": changes.collect::<Vec<_>>() })
    };
    let rewritten: Vec<_> = files.iter().map(changed).collect();
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
    edits.extend(files.iter().map(|file| Edit::SetWorkflows {
        under: vec![file.workflow.path.clone()],
        workflows: vec![file.workflow.clone()],
    }));
    // The vault first: that can be taken back, whatever becomes of a file.
    let saved = opened.session.commit(edits, Timestamp::now())?;
    let left: Vec<String> = files
        .iter()
        .filter_map(|file| durable::rewrite(&file.path, &file.rewrite.text).err())
        .map(|error| error.to_string())
        .collect();
    let json =
        json!({ "solution": solution, "key": new, "from": key, "rewritten": rewritten, "done": "renamed" });
    show::said(context, &saved, &json, &format!("{new}  renamed from {key}"));
    match left.is_empty() {
        true => Ok(ExitCode::SUCCESS),
        false => Err(Problem::new(
            Exit::Failed,
            "not_rewritten",
            format!("{} of {} files could not be changed", left.len(), files.len()),
        )
        .causes(left)
        .hint(format!("change {key} to {new} in each"))),
    }
}

/// The files that name a credential, as they are now, with what is to be changed.
fn files(document: &Document, solution: &str, key: &str, new: &str) -> Result<Vec<File>, Problem> {
    let keys: HashSet<String> = [key.to_owned()].into();
    let mut files = Vec::new();
    let mut paths: Vec<&str> =
        session::uses(document, solution, key).iter().map(|used| used.workflow.path.as_str()).collect();
    paths.dedup();
    for path in paths {
        let Some(known) = document.workflows.iter().find(|known| known.path == path) else { continue };
        let text = std::fs::read(path)
            .map_err(|error| Problem::new(Exit::Failed, "io", format!("cannot read {path}: {error}")))?;
        // Only what the scan took for the credential: a word that reads like its key in another file is none.
        let plain = known.references.iter().any(|place| place.reference == key);
        let none = HashSet::new();
        let rewrite = session::rewrite(&text, if plain { &keys } else { &none }, |reference| {
            let of = reference.solution.as_deref().unwrap_or(&known.solution);
            (of == solution && reference.key == key)
                .then(|| Reference { key: new.to_owned(), ..reference.clone() })
        });
        if rewrite.changes.is_empty() {
            continue;
        }
        let mut workflow = known.clone();
        for place in &mut workflow.references {
            if let Some((_, _, after)) =
                rewrite.changes.iter().find(|(_, before, _)| *before == place.reference)
            {
                *place = Mentioned { reference: after.clone(), line: place.line };
            }
        }
        files.push(File { path: Path::new(path).to_owned(), workflow, rewrite });
    }
    Ok(files)
}

fn preview(context: &Context, file: &File) {
    let out = &context.output;
    out.line(&out.paint(Tone::Strong, &visible(&file.path.display().to_string())));
    for (line, before, after) in &file.rewrite.changes {
        out.line(&format!("  {line:>5}  {}", out.paint(Tone::Bad, &format!("- {}", visible(before)))));
        out.line(&format!("         {}", out.paint(Tone::Good, &format!("+ {}", visible(after)))));
    }
}
