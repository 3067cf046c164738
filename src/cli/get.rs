//! `get`: one value, for a program.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Get;
use super::manual::{self, Page};
use super::output::Output;
use super::{Context, exchange};
use crate::audit::{Entry, What};
use crate::problem::{Exit, Problem};
use crate::secret::Secret;
use crate::session;
use crate::session::oauth::{ACCESS_TOKEN, Why, has_tokens};

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
    shared: &[&manual::OPENS, &manual::FINDS, &manual::ASKS_FOR_TOKENS, &manual::RECORDED],
}];

pub(crate) fn run(context: &Context, arguments: &Get) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let credential = session::credential(&opened.document, &setup.solution, &arguments.key)?;
    let (place, value) = if arguments.field.is_none() && has_tokens(&credential.content) {
        let id = credential.id.clone();
        let given = exchange::access_token(context, &setup, &mut opened.session, &id, Why::Use)?;
        (ACCESS_TOKEN.to_owned(), given.access)
    } else {
        session::value(&opened.kinds, &credential.content, arguments.field.as_deref())?
    };
    let got = Entry::about(What::Got, credential).with_value(&place, &value);
    opened.session.hand_out(vec![got], &Timestamp::now, || print(&context.output, &value))?;
    Ok(ExitCode::SUCCESS)
}

fn print(out: &Output, value: &Secret) -> Result<(), Problem> {
    if out.is_json() {
        out.json(&json!({ "value": value.expose() }));
    } else {
        out.bytes(value.expose().as_bytes());
        if out.is_terminal() {
            out.bytes(b"\n");
        }
    }
    out.finish()
}
