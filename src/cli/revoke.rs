//! `revoke`: tokens given back.

use std::process::ExitCode;

use serde_json::json;

use super::args::Revoke;
use super::manual::{self, Page};
use super::output::visible;
use super::{Context, exchange};
use crate::problem::{Exit, Problem};
use crate::session;
use crate::session::oauth::revoke;

pub(super) const PAGES: &[Page] = &[Page {
    command: "revoke",
    examples: &[
        ("credbench revoke crm.salesforce", "the server ends them; they are dropped here once it said yes"),
        ("credbench revoke crm.salesforce --local", "only drops them here"),
    ],
    json: r#"{"solution","key","done"}"#,
    faults: &[
        (Exit::NotFound, "no_tokens", "it holds no tokens"),
        (Exit::Failed, "no_revocation", "the server names no address that takes tokens back"),
    ],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::SAVES, &manual::ASKS_FOR_TOKENS],
}];

pub(crate) fn run(context: &Context, arguments: &Revoke) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let id = session::credential(&opened.document, &setup.solution, &arguments.key)?.id.clone();
    let session = &mut opened.session;
    let revoked = exchange::run(context, &setup, session, false, async |keeper, ways| {
        revoke(keeper, &id, arguments.local, ways).await
    })?;
    let done = if revoked.at_server { "revoked" } else { "dropped" };
    let key = &arguments.key;
    if context.output.is_json() {
        context.output.json_line(&json!({ "solution": setup.solution, "key": key, "done": done }));
    } else {
        let more = if revoked.at_server { "" } else { " here; the server was not asked" };
        context.output.line(&visible(&format!("{key}  {done}{more}")));
    }
    for warning in &revoked.warnings {
        context.output.warning(warning);
    }
    Ok(ExitCode::SUCCESS)
}
