//! `move KEY SOLUTION`: a credential to another solution.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Move;
use super::manual::{self, Page};
use super::{Context, show};
use crate::problem::{Exit, Problem};
use crate::session;

pub(super) const PAGES: &[Page] = &[Page {
    command: "move",
    examples: &[("credbench move billing.stripe billing-prod", "its key stays")],
    json: r#"{"solution","key","from","done":"moved"}"#,
    faults: &[(Exit::Refused, "same_solution", "it is there already")],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::SAVES],
}];

pub(crate) fn run(context: &Context, arguments: &Move) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let Move { key, to } = arguments;
    let credential = session::credential(&opened.document, &setup.solution, key)?;
    let edit = session::moved(&opened.document, credential, to)?;
    let saved = opened.session.commit(vec![edit], Timestamp::now())?;
    show::said(
        context,
        &saved,
        &json!({ "solution": to, "key": key, "from": setup.solution, "done": "moved" }),
        &format!("{key}  moved from {} to {to}", setup.solution),
    );
    Ok(ExitCode::SUCCESS)
}
