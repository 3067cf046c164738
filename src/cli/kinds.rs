//! `kinds` and `schema KIND`.

use std::process::ExitCode;

use serde_json::json;

use super::args::Schema;
use super::{Context, kind_of};
use crate::problem::Problem;

pub(crate) fn run(context: &Context) -> Result<ExitCode, Problem> {
    let (out, kinds) = (&context.output, context.kinds());
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
    context.output.json(kind_of(context.kinds(), &arguments.kind)?.schema());
    Ok(ExitCode::SUCCESS)
}
