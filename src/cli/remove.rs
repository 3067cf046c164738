//! `remove`: to the trash.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::Remove;
use super::manual::{self, Page};
use super::output::visible;
use super::prompt::{Terminal, cancelled};
use super::{Context, show};
use crate::problem::{Exit, Problem};
use crate::session;

pub(super) const PAGES: &[Page] = &[Page {
    command: "remove",
    examples: &[
        ("credbench remove old.key", "to the trash; asks first"),
        ("credbench remove old.key --force", "does not ask"),
    ],
    json: r#"{"solution","key","done":"removed"}"#,
    faults: &[(
        Exit::Refused,
        "in_use",
        "workflows use it, and nobody is there to say that it may go all the same",
    )],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::RECORDED, &manual::SAVES],
}];

pub(crate) fn run(context: &Context, arguments: &Remove) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let credential = session::credential(&opened.document, &setup.solution, &arguments.key)?;
    let (removal, key, solution) = (session::removal(credential), &arguments.key, &setup.solution);
    let users = session::users(&opened.document, solution, key);
    if !arguments.force {
        let mut terminal = Terminal::attended();
        if let Some(terminal) = &mut terminal {
            let name = match credential.content.name() {
                "" => String::new(),
                name => format!("“{name}”, "),
            };
            terminal.say(&visible(&format!("{name}{}", session::identified(credential).join(", "))));
        }
        let agreed = match (terminal, users.is_empty()) {
            (None, true) => true,
            (None, false) => {
                return Err(session::in_use(key, &users)
                    .hint("change those files first, or add --force; `credbench workflows KEY` says where"));
            }
            (Some(mut terminal), true) => {
                terminal.confirm(&format!("Remove {key} from {solution}? It can be restored"))
            }
            (Some(mut terminal), false) => {
                terminal.say(&visible(&session::in_use(key, &users).message));
                terminal.text("Type the key to remove it all the same").as_deref() == Some(key)
            }
        };
        if !agreed {
            return Err(cancelled());
        }
    }
    let saved = opened.session.commit(vec![removal], Timestamp::now())?;
    show::said(
        context,
        &saved,
        &json!({ "solution": solution, "key": key, "done": "removed" }),
        &format!("{key}  removed; `credbench restore {key}` takes it back"),
    );
    Ok(ExitCode::SUCCESS)
}
