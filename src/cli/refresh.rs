//! `refresh`: another access token, now.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Key;
use super::manual::{self, Page};
use super::output::visible;
use super::{Context, exchange};
use crate::problem::Problem;
use crate::session;
use crate::session::oauth::{Given, Origin, Why, left};

pub(super) const PAGES: &[Page] = &[Page {
    command: "refresh",
    examples: &[(
        "credbench refresh crm.salesforce",
        "gets another access token now; tried again at once where it failed before",
    )],
    json: r#"{"solution","key","done","expires_at"|null,"scope"|null}"#,
    faults: &[],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::SAVES, &manual::ASKS_FOR_TOKENS],
}];

pub(crate) fn run(context: &Context, arguments: &Key) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let id = session::credential(&opened.document, &setup.solution, &arguments.key)?.id.clone();
    let given = exchange::access_token(context, &setup, &mut opened.session, &id, Why::Asked)?;
    let done = match given.origin {
        Origin::Another => "refreshed by another program",
        Origin::Server | Origin::Stored => "refreshed",
    };
    if context.output.is_json() {
        context.output.json_line(&json!({
            "solution": setup.solution, "key": arguments.key, "done": done,
            "expires_at": given.ends, "scope": given.scope,
        }));
    } else {
        context.output.line(&visible(&format!("{}  {done}{}", arguments.key, good_for(&given))));
    }
    Ok(ExitCode::SUCCESS)
}

/// How long a token is good, and for what, in words.
pub(crate) fn good_for(given: &Given) -> String {
    let life = given.ends.map(|ends| format!(", good for {}", left(ends, Timestamp::now())));
    let scope = given.scope.as_ref().map(|scope| format!(", scopes {scope}"));
    [life, scope].into_iter().flatten().collect()
}
