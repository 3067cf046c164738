//! `get`: one value, for a program.

use std::process::ExitCode;

use serde_json::json;

use super::args::Get;
use super::manual::{self, Page};
use super::{Context, exchange};
use crate::problem::{Exit, Problem};
use crate::session;
use crate::session::oauth::{Why, has_tokens};

pub(super) const PAGES: &[Page] = &[Page {
    command: "get",
    examples: &[
        ("credbench get billing.stripe", "prints the key"),
        ("credbench get db.main password | pbcopy", "hands one field on"),
        ("credbench get crm.zendesk base_url", "prints a field that is no secret"),
        (
            "credbench get crm.salesforce",
            "of OAuth, prints an access token that is good: refreshed if it has to be",
        ),
    ],
    json: r#"{"value"}"#,
    faults: &[
        (Exit::NotFound, "no_secret", "it has no secret stored"),
        (Exit::NotFound, "no_field", "it has no such field"),
        (Exit::NotFound, "missing_secret", "that secret was not entered yet"),
        (Exit::Usage, "which_field", "it has several values: name one"),
    ],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::ASKS_FOR_TOKENS],
}];

pub(crate) fn run(context: &Context, arguments: &Get) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let credential = session::credential(&opened.document, &setup.solution, &arguments.key)?;
    let value = if arguments.field.is_none() && has_tokens(&credential.content) {
        let id = credential.id.clone();
        exchange::access_token(context, &setup, &mut opened.session, &id, Why::Use)?.access
    } else {
        session::secret(&opened.kinds, &credential.content, arguments.field.as_deref())?
    };
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
