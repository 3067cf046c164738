//! `move KEY SOLUTION`: a credential to another solution.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Move;
use super::{Context, show};
use crate::problem::Problem;
use crate::session;

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
