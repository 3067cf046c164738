//! `kinds` and `schema KIND`.

use std::process::ExitCode;

use serde_json::json;

use super::args::Schema;
use super::{Context, kind_of};
use crate::problem::Problem;
use crate::schema::Kinds;

/// The name under which the schema of OAuth apps is asked for.
const OAUTH_APP: &str = "oauth_app";

pub(crate) fn run(context: &Context) -> Result<ExitCode, Problem> {
    let (out, kinds) = (&context.output, Kinds::builtin());
    if out.is_json() {
        let all: Vec<_> = kinds
            .iter()
            .map(|kind| json!({ "id": kind.id, "title": kind.title, "description": kind.description }))
            .collect();
        out.json(&all);
    } else {
        let width = kinds.iter().map(|kind| kind.id.len()).max().unwrap_or(0);
        for kind in kinds.iter() {
            out.line(&format!("{:width$}  {}", kind.id, kind.description));
        }
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) fn schema(context: &Context, arguments: &Schema) -> Result<ExitCode, Problem> {
    // Not a kind of credential, but described and checked the same way.
    let kind = match arguments.kind.as_str() {
        OAUTH_APP => kind_of(Kinds::of_oauth_apps(), "")?,
        id => kind_of(Kinds::builtin(), id)?,
    };
    context.output.json(kind.schema());
    Ok(ExitCode::SUCCESS)
}
