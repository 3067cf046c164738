//! `history KEY`: the versions of a credential, oldest first.

use std::process::ExitCode;

use serde_json::json;

use super::Context;
use super::args::Key;
use super::manual::{self, Page};
use crate::model::Content;
use crate::problem::Problem;
use crate::session;

pub(super) const PAGES: &[Page] = &[Page {
    command: "history",
    examples: &[("credbench history billing.stripe", "what changed when; values are not shown")],
    json: r#"[{"version","at","newest","changed":[field]}]"#,
    faults: &[],
    shared: &[&manual::OPENS, &manual::FINDS],
}];

pub(crate) fn run(context: &Context, arguments: &Key) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let opened = context.open(&setup)?;
    let credential = session::credential(&opened.document, &setup.solution, &arguments.key)?;
    let mut versions: Vec<_> =
        credential.history.iter().map(|version| (version.number, version.at, &version.content)).collect();
    versions.push((credential.version, credential.updated_at, &credential.content));
    let out = &context.output;
    let mut rows = Vec::new();
    let mut before: Option<&Content> = None;
    for (number, at, content) in versions {
        // Names only: what a field said before may have been a secret in the wrong place.
        let changed: Vec<String> = before
            .map(|before| session::differences(before, content).into_iter().map(|d| d.field).collect())
            .unwrap_or_default();
        if out.is_json() {
            let newest = number == credential.version;
            rows.push(json!({ "version": number, "at": at, "newest": newest, "changed": changed }));
        } else {
            let what = match before {
                None => "made".to_owned(),
                Some(_) if changed.is_empty() => "the same as before".to_owned(),
                Some(_) => format!("changed: {}", changed.join(", ")),
            };
            let at = at.strftime("%Y-%m-%d %H:%M:%S UTC");
            out.line(&format!("{number:>3}  {at}  {}", super::output::visible(&what)));
        }
        before = Some(content);
    }
    if out.is_json() {
        out.json(&rows);
    }
    Ok(ExitCode::SUCCESS)
}
