//! `scan` and `workflows`: which files name which credentials.

use std::collections::HashSet;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Context;
use super::args::Scan;
use super::list::age;
use super::manual::{self, Page};
use super::output::{Tone, visible};
use crate::model::{Document, Workflow};
use crate::problem::{Exit, Problem};
use crate::session::{self, Survey, WorkflowUses};
use crate::words::{self, counted};

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "scan",
        examples: &[
            ("credbench scan .", "records what the files of this folder name"),
            ("credbench scan functions compose.yaml .env", "takes files, too, that ignore files leave out"),
            (
                "credbench scan --check .",
                "records nothing and fails where something is named that is not there",
            ),
        ],
        json: r#"{"files", "workflows":[{"workflow", "path", "references":[{"reference", "line"}]}], "unresolved":[{"workflow", "path", "line", "reference", "message", "hint"|null}], "vanished":[{"workflow", "reference"}], "unread":[…]}"#,
        faults: &[
            (Exit::Failed, "no_path", "a path is not there"),
            (Exit::Failed, "unresolved", "with --check: something is named that is not there"),
            (Exit::Failed, "unread", "a file or a folder could not be read; all else is recorded"),
        ],
        shared: &[&manual::OPENS, &manual::SAVES],
    },
    Page {
        command: "workflows",
        examples: &[
            ("credbench workflows", "lists who uses what"),
            ("credbench workflows pay.stripe", "lists who uses one credential"),
        ],
        json: r#"[{"workflow", "path", "references":[{"reference", "line"}], "scanned_at", "last_used_at"|null, "uses"}]"#,
        faults: &[],
        shared: &[&manual::OPENS, &manual::FINDS],
    },
];

pub(crate) fn run(context: &Context, arguments: &Scan) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let keys: HashSet<String> = session::keys_of(&opened.document, &setup.solution);
    let group = (setup.solution.clone(), arguments.path.clone(), keys);
    let Some((_, found)) = session::find(vec![group], false)?.pop() else { return Ok(ExitCode::SUCCESS) };
    let now = Timestamp::now();
    let survey = session::survey(&opened.document, &opened.kinds, &found, &setup.solution, now);
    if !arguments.check {
        let saved = opened.session.commit(vec![survey.edit.clone()], now)?;
        super::show::say_warnings(context, &saved);
    }
    let unread: Vec<String> = found.unread.iter().map(ToString::to_string).collect();
    tell(context, &survey, found.read, &unread);
    if arguments.check && !survey.unresolved.is_empty() {
        let count = survey.unresolved.len();
        let noun = if count == 1 { "place names" } else { "places name" };
        return Err(Problem::new(Exit::Failed, "unresolved", format!("{count} {noun} what is not there"))
            .hint("correct each, or add what it names"));
    }
    match found.unread.len() {
        0 => Ok(ExitCode::SUCCESS),
        count => {
            let message =
                format!("{} could not be read: what is named there is not known", counted(count, "place"));
            Err(Problem::new(Exit::Failed, "unread", message)
                .hint("what is recorded of them stays; scan again as somebody who may read them"))
        }
    }
}

fn tell(context: &Context, survey: &Survey, read: usize, unread: &[String]) {
    let out = &context.output;
    if out.is_json() {
        let unresolved = survey.unresolved.iter().map(|place| {
            json!({
                "workflow": place.workflow, "path": place.path, "line": place.line,
                "reference": place.reference, "message": place.why, "hint": place.hint,
            })
        });
        let vanished = survey
            .vanished
            .iter()
            .map(|(name, reference)| json!({ "workflow": name, "reference": reference }));
        return out.json(&json!({
            "files": read,
            "workflows": survey.workflows.iter().map(row).collect::<Vec<_>>(),
            "unresolved": unresolved.collect::<Vec<_>>(),
            "vanished": vanished.collect::<Vec<_>>(),
            "unread": unread,
        }));
    }
    for workflow in &survey.workflows {
        out.line(&out.paint(Tone::Strong, &visible(&workflow.name)));
        for place in &workflow.references {
            let missing = survey.unresolved.iter().find(|missing| {
                missing.path == workflow.path
                    && missing.line == place.line
                    && missing.reference == place.reference
            });
            let line = format!("  {:>5}  {}", place.line, visible(&place.reference));
            match missing {
                None => out.line(&line),
                Some(missing) => {
                    let hint = missing.hint.as_deref().map(|hint| format!(" ({hint})")).unwrap_or_default();
                    out.line(&format!(
                        "{line}  {}",
                        out.paint(Tone::Bad, &visible(&format!("✗ {}{hint}", missing.why)))
                    ));
                }
            }
        }
    }
    for (name, reference) in &survey.vanished {
        out.line(&out.paint(Tone::Caution, &visible(&format!("- {name}  {reference}  is no longer there"))));
    }
    for why in unread {
        out.warning(&format!("not read: {why}"));
    }
    let count: usize = survey.workflows.iter().map(|workflow| workflow.references.len()).sum();
    out.note(&format!(
        "{} read; {} in {}, {} of nothing that is there",
        counted(read, "file"),
        counted(count, "reference"),
        counted(survey.workflows.len(), "workflow"),
        survey.unresolved.len()
    ));
}

fn row(workflow: &Workflow) -> Value {
    json!({ "workflow": workflow.name, "path": workflow.path, "references": workflow.references })
}

pub(crate) fn workflows(context: &Context, key: Option<&str>) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let opened = context.open(&setup)?;
    let document: &Document = &opened.document;
    if let Some(key) = key {
        session::credential(document, &setup.solution, key)?;
    }
    let uses = WorkflowUses::of_records(&opened.session.records()?);
    let used = |workflow: &&Workflow| {
        key.is_none_or(|key| {
            let meant = |place| session::meant(workflow, place);
            workflow
                .references
                .iter()
                .filter_map(meant)
                .any(|(solution, reference)| solution == setup.solution && reference.key == key)
        })
    };
    let shown = document.workflows.iter().filter(used);
    let out = &context.output;
    if out.is_json() {
        let rows: Vec<Value> = shown
            .map(|workflow| {
                let mut row = row(workflow);
                row["scanned_at"] = json!(workflow.scanned_at);
                let used = uses.of_workflow(&workflow.name);
                row["last_used_at"] = json!(used.map(|used| used.last));
                row["uses"] = json!(used.map_or(0, |used| used.count));
                row
            })
            .collect();
        out.json(&rows);
        return Ok(ExitCode::SUCCESS);
    }
    let now = Timestamp::now();
    for workflow in shown {
        let scanned = age(now, workflow.scanned_at);
        let used = uses.of_workflow(&workflow.name).map_or_else(String::new, |used| {
            let times = words::times(used.count);
            format!(", used {times}, the last time {} ago", age(now, used.last))
        });
        let head = out.paint(Tone::Strong, &visible(&workflow.name));
        out.line(&format!("{head}  {}", out.paint(Tone::Faint, &format!("scanned {scanned} ago{used}"))));
        for place in &workflow.references {
            out.line(&format!("  {:>5}  {}", place.line, visible(&place.reference)));
        }
    }
    Ok(ExitCode::SUCCESS)
}
