//! `put`: create or update from JSON, all or nothing.

use std::io::IsTerminal;
use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Put;
use super::manual::{self, Page};
use super::output::visible;
use super::{Context, input, prove, show};
use crate::problem::Problem;
use crate::session;

pub(super) const PAGES: &[Page] = &[Page {
    command: "put",
    examples: &[
        ("credbench put --json-file keys.json", "a document, or an array of them in one save"),
        (
            r#"jq '.config.region = "eu-central-1"' aws.json | credbench put --no-test"#,
            "changes one field; stored secrets stay",
        ),
    ],
    json: r#"a line each: {"solution","key","done":"created"|"updated"|"unchanged","version","incomplete"}"#,
    faults: &[],
    shared: &[
        &manual::READS,
        &manual::OPENS,
        &manual::FINDS,
        &manual::SAVES,
        &manual::WRITES_DOCUMENTS,
        &manual::TESTS,
    ],
}];

pub(crate) fn run(context: &Context, arguments: &Put) -> Result<ExitCode, Problem> {
    let source = arguments.json_file.as_deref().unwrap_or(Path::new("-"));
    if source == Path::new("-") && std::io::stdin().is_terminal() {
        context.output.note("Reading a JSON document from the terminal; Ctrl-D ends it.");
    }
    let text = input::read_text(source)?;
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let changes =
        session::changes(&opened.document, &opened.kinds, &text, &setup.solution, &input::name(source))?;
    drop(text);
    let tested = prove::before_saving(context, &setup, &opened, &changes, arguments.no_test)?;
    let mut edits = Vec::new();
    let mut done = Vec::new();
    for (change, record) in changes.into_iter().zip(tested) {
        let word = match change.base {
            None => "created",
            Some(_) if change.differs => "updated",
            Some(_) => "unchanged",
        };
        for notice in &change.notices {
            context.output.warning(&format!("{}: {}", change.content.key(), notice.message));
        }
        let incomplete = !opened.kinds.is_complete(&change.content);
        done.push((
            change.content.solution().to_owned(),
            change.content.key().to_owned(),
            word,
            change.id.clone(),
            incomplete,
        ));
        edits.extend(change.edits(record));
    }
    let saved = match edits.is_empty() {
        true => None,
        false => Some(opened.session.commit(edits, Timestamp::now())?),
    };
    let document = saved.as_ref().map_or(&opened.document, |saved| &saved.document);
    for (solution, key, word, id, incomplete) in done {
        let version = document.by_id(&id).map_or(1, |credential| credential.version);
        if context.output.is_json() {
            context.output.json_line(&json!({
                "solution": solution, "key": key, "done": word, "version": version, "incomplete": incomplete,
            }));
        } else {
            let missing = if incomplete { ", incomplete: a secret is missing" } else { "" };
            context.output.line(&format!("{}  {word}, version {version}{missing}", visible(&key)));
        }
    }
    if let Some(saved) = saved {
        show::say_warnings(context, &saved);
    }
    Ok(ExitCode::SUCCESS)
}
