//! `solution`: the groups that credentials live in.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::Solution;
use super::manual::{self, Page};
use super::output::visible;
use super::prompt::{Terminal, cancelled};
use super::{Context, Opened, rename, show};
use crate::model::{Document, Edit, Solution as Named, copies};
use crate::problem::{Exit, Problem};
use crate::session;
use crate::words::counted;

/// What is stored, and how that is said.
struct Done {
    edits: Vec<Edit>,
    json: Value,
    line: String,
    /// What does not follow by itself.
    left: Vec<String>,
}

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "solution list",
        examples: &[("credbench solution list", "with how many credentials live in each")],
        json: r#"[{"name","credentials","current"}]"#,
        faults: &[],
        shared: &[&manual::OPENS],
    },
    Page {
        command: "solution add",
        examples: &[("credbench solution add billing-prod", "an empty one")],
        json: r#"{"solution","done":"added"}"#,
        faults: &[(Exit::Usage, "solution_name", "that is no name for a solution")],
        shared: &[&manual::OPENS, &manual::SAVES],
    },
    Page {
        command: "solution rename",
        examples: &[
            ("credbench solution rename billing billing-test", "and says where references still name it"),
            (
                "credbench solution rename billing billing-test --rewrite --dry-run",
                "shows what would change in the files that name it",
            ),
        ],
        json: r#"{"solution","from","references":[place],"rewritten":[{"path", "changes":[{"line", "before", "after"}]}],"done":"renamed"|"nothing"}"#,
        faults: &[
            (Exit::Failed, "not_rewritten", "it was renamed, but a file could not be changed; says which"),
            (Exit::Usage, "solution_name", "that is no name for a solution"),
            (Exit::NotFound, "no_solution", "there is no solution of that name"),
            (Exit::Refused, "solution_stays", "`default` keeps its name"),
        ],
        shared: &[&manual::OPENS, &manual::SAVES],
    },
    Page {
        command: "solution copy",
        examples: &[(
            "credbench solution copy billing-test billing-prod",
            "structure, tests and references; each secret is entered anew",
        )],
        json: r#"{"solution","from","credentials","done":"copied"}"#,
        faults: &[
            (Exit::Usage, "solution_name", "that is no name for a solution"),
            (Exit::NotFound, "no_solution", "there is no solution of that name"),
        ],
        shared: &[&manual::OPENS, &manual::SAVES],
    },
    Page {
        command: "solution remove",
        examples: &[("credbench solution remove billing-test --force", "its credentials go to the trash")],
        json: r#"{"solution","credentials","done":"removed"}"#,
        faults: &[
            (Exit::NotFound, "no_solution", "there is no solution of that name"),
            (Exit::Refused, "in_use", "credentials live in it, and nobody can be asked"),
            (Exit::Refused, "solution_stays", "`default` is always there"),
        ],
        shared: &[&manual::OPENS, &manual::SAVES],
    },
];

pub(crate) fn run(context: &Context, action: &Solution) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let document = &opened.document;
    let done = match action {
        Solution::List => {
            list(context, document, &setup.solution);
            return Ok(ExitCode::SUCCESS);
        }
        Solution::Add { name } => {
            session::check_solution_name(name)?;
            let edits = vec![Edit::AddSolution { solution: Named::named(name) }];
            Done::new(edits, json!({ "solution": name, "done": "added" }), format!("{name}  added"))
        }
        Solution::Rename { name, to, rewrite, dry_run } => {
            let done = rename(document, &setup.solution, name, to)?;
            if *rewrite {
                return rename_in_files(context, opened, done, (name, to), *dry_run);
            }
            done
        }
        Solution::Copy { from, to } => {
            session::check_solution_name(to)?;
            let edits = copies(document, from, to)?;
            let count = session::residents(document, from).count();
            let json = json!({ "solution": to, "from": from, "credentials": count, "done": "copied" });
            Done::new(
                edits,
                json,
                format!("{to}  copied from {from}: {} without secrets", counted(count, "credential")),
            )
        }
        Solution::Remove { name, force } => remove(document, name, *force)?,
    };
    let saved = opened.session.commit(done.edits, Timestamp::now())?;
    show::said(context, &saved, &done.json, &done.line);
    for left in done.left {
        context.output.warning(&left);
    }
    Ok(ExitCode::SUCCESS)
}

impl Done {
    fn new(edits: Vec<Edit>, json: Value, line: String) -> Self {
        Self { edits, json, line, left: Vec::new() }
    }
}

fn list(context: &Context, document: &Document, current: &str) {
    let out = &context.output;
    let rows = document
        .solutions
        .iter()
        .map(|solution| (solution.name.as_str(), session::residents(document, &solution.name).count()));
    if out.is_json() {
        let rows: Vec<_> = rows
            .map(|(name, count)| json!({ "name": name, "credentials": count, "current": name == current }))
            .collect();
        out.json(&rows);
    } else {
        for (name, count) in rows {
            let mark = if name == current { "▸" } else { " " };
            out.line(&format!("{mark} {}  {}", visible(name), counted(count, "credential")));
        }
    }
}

fn rename(document: &Document, current: &str, name: &str, to: &str) -> Result<Done, Problem> {
    session::check_solution_name(to)?;
    let edits = vec![Edit::RenameSolution { from: name.to_owned(), to: to.to_owned(), except: Vec::new() }];
    let references = session::references_to(document, name);
    let json = json!({ "solution": to, "from": name, "references": references, "done": "renamed" });
    let mut done = Done::new(edits, json, format!("{to}  renamed from {name}"));
    done.left.extend(references.iter().map(|place| format!("a reference still says {name}: {place}")));
    if current == name {
        done.left.push(format!(
            "the current solution is still {name:?}: options, environment or configuration say so"
        ));
    }
    Ok(done)
}

/// Renames it in the files that name it, too: the vault first, which can be taken back whatever becomes of a file.
fn rename_in_files(
    context: &Context,
    mut opened: Opened,
    mut done: Done,
    (name, to): (&str, &str),
    dry_run: bool,
) -> Result<ExitCode, Problem> {
    let files = session::rewrites_of_solution(&opened.document, name, to)?;
    rename::preview(context, &files);
    done.json["rewritten"] = json!(rename::rewritten(&files));
    if dry_run {
        done.json["done"] = json!("nothing");
        if context.output.is_json() {
            context.output.json_line(&done.json);
        }
        return Ok(ExitCode::SUCCESS);
    }
    if !files.is_empty()
        && let Some(mut terminal) = Terminal::attended()
        && !terminal.confirm(&format!("Rename {name} to {to}, in these files too"))
    {
        return Err(cancelled());
    }
    done.edits.extend(session::rewrite_edits(&files));
    let saved = opened.session.commit(done.edits, Timestamp::now())?;
    let left = session::write_rewrites(&files);
    show::said(context, &saved, &done.json, &done.line);
    done.left.iter().for_each(|left| context.output.warning(left));
    rename::not_rewritten(left, files.len(), name, to)
}

/// Refused unless it is empty, forced, or its name is typed again.
fn remove(document: &Document, name: &str, force: bool) -> Result<Done, Problem> {
    let edits = session::solution_removal(document, name)?;
    let count = session::residents(document, name).count();
    if count > 0 && !force {
        let Some(mut terminal) = Terminal::attended() else {
            let message = format!("{} live in the solution {name}", counted(count, "credential"));
            return Err(Problem::new(Exit::Refused, "in_use", message)
                .hint("move them, or add --force: they go to the trash"));
        };
        terminal.say(&visible(&format!("{} of {name} will go to the trash.", counted(count, "credential"))));
        if terminal.text("Type the name of the solution to remove it").as_deref() != Some(name) {
            return Err(cancelled());
        }
    }
    let line = match count {
        0 => format!("{name}  removed"),
        _ => format!("{name}  removed, {} moved to the trash", counted(count, "credential")),
    };
    let json = json!({ "solution": name, "credentials": count, "done": "removed" });
    Ok(Done::new(edits, json, line))
}
