//! `get`: one value, for a program.

use std::process::ExitCode;

use serde_json::json;

use super::Context;
use super::args::Get;
use crate::problem::Problem;
use crate::session;

pub(crate) fn run(context: &Context, arguments: &Get) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let opened = context.open(&setup)?;
    let credential = session::credential(&opened.document, &setup.solution, &arguments.key)?;
    let value = session::secret(&opened.kinds, &credential.content, arguments.field.as_deref())?;
    let out = &context.output;
    if out.is_json() {
        out.json(&json!({ "value": value.expose() }));
        return Ok(ExitCode::SUCCESS);
    }
    out.bytes(value.expose().as_bytes());
    if out.is_terminal() {
        out.bytes(b"\n");
    }
    Ok(ExitCode::SUCCESS)
}
