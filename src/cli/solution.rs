//! `solution`: the groups that credentials live in.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Solution;
use super::output::visible;
use super::{Context, show};
use crate::model::{Edit, Solution as Named};
use crate::problem::{Exit, Problem};

pub(crate) fn run(context: &Context, action: &Solution) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let out = &context.output;
    let (edit, name, word) = match action {
        Solution::List => {
            let rows: Vec<_> = opened
                .document
                .solutions
                .iter()
                .map(|solution| {
                    let lives = |c: &&crate::model::Credential| c.content.solution() == solution.name;
                    (solution.name.as_str(), opened.document.credentials.iter().filter(lives).count())
                })
                .collect();
            if out.is_json() {
                let rows: Vec<_> = rows
                    .iter()
                    .map(|(name, count)| {
                        json!({ "name": name, "credentials": count, "current": *name == setup.solution })
                    })
                    .collect();
                out.json(&rows);
            } else {
                for (name, count) in rows {
                    let mark = if name == setup.solution { "▸" } else { " " };
                    let noun = if count == 1 { "credential" } else { "credentials" };
                    out.line(&format!("{mark} {}  {count} {noun}", visible(name)));
                }
            }
            return Ok(ExitCode::SUCCESS);
        }
        Solution::Add { name } => {
            let fine =
                !name.trim().is_empty() && name.chars().count() <= 200 && !name.chars().any(char::is_control);
            if !fine {
                return Err(Problem::new(
                    Exit::Usage,
                    "solution_name",
                    "the name of a solution has 1 to 200 characters, none of them a control character",
                ));
            }
            (Edit::AddSolution { solution: Named::named(name) }, name, "added")
        }
        Solution::Remove { name } => (Edit::RemoveSolution { name: name.clone() }, name, "removed"),
    };
    let saved = opened.session.commit(vec![edit], Timestamp::now())?;
    show::said(context, &saved, &json!({ "solution": name, "done": word }), &format!("{name}  {word}"));
    Ok(ExitCode::SUCCESS)
}
