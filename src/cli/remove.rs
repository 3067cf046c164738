//! `remove`: to the trash.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Remove;
use super::manual::{self, Page};
use super::prompt::{Terminal, cancelled};
use super::output::visible;
use super::{Context, show};
use crate::problem::Problem;
use crate::session;

pub(super) const PAGES: &[Page] = &[Page {
    command: "remove",
    examples: &[
        ("credbench remove old.key", "to the trash; asks first"),
        ("credbench remove old.key --force", "does not ask"),
    ],
    json: r#"{"solution","key","done":"removed"}"#,
    faults: &[],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::RECORDED, &manual::SAVES],
}];

pub(crate) fn run(context: &Context, arguments: &Remove) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let credential = session::credential(&opened.document, &setup.solution, &arguments.key)?;
    let (removal, key, solution) = (session::removal(credential), &arguments.key, &setup.solution);
    // Nothing registers its use of a key yet, so without a terminal there is nothing to refuse for.
    if !arguments.force
        && let Some(mut terminal) = Terminal::attended()
    {
        let name = match credential.content.name() {
            "" => String::new(),
            name => format!("“{name}”, "),
        };
        let which = format!("{name}{}", session::identified(credential));
        terminal.say(&visible(&which));
        if !terminal.confirm(&format!("Remove {key} from {solution}? It can be restored")) {
            return Err(cancelled());
        }
    }
    let saved = opened.session.commit(vec![removal], Timestamp::now())?;
    show::said(
        context,
        &saved,
        &json!({ "solution": solution, "key": key, "done": "removed" }),
        &format!("{key}  removed; `credbench restore {key}` takes it back"),
    );
    Ok(ExitCode::SUCCESS)
}
