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
    faults: &[
        (Exit::Refused, "same_solution", "it is there already"),
        (Exit::Refused, "in_use", "workflows use it where it is; says which"),
    ],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::SAVES],
}];

pub(crate) fn run(context: &Context, arguments: &Move) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let Move { key, to, force } = arguments;
    let credential = session::credential(&opened.document, &setup.solution, key)?;
    let edit = session::moved(&opened.document, credential, to)?;
    let users = session::users(&opened.document, &setup.solution, key);
    if !users.is_empty() && !force {
        return Err(session::in_use(key, &users)
            .hint("there they do not find it any more: change those files first, or add --force"));
    }
    let saved = opened.session.commit(vec![edit], Timestamp::now())?;
    show::said(
        context,
        &saved,
        &json!({ "solution": to, "key": key, "from": setup.solution, "done": "moved" }),
        &format!("{key}  moved from {} to {to}", setup.solution),
    );
    Ok(ExitCode::SUCCESS)
}
