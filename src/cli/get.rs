//! `get`: one value, for a program.

use std::process::ExitCode;

use serde_json::json;

use super::Context;
use super::args::Get;
use super::manual::{self, Page};
use super::output::Output;
use super::values::{self, Cached, Purpose};
use crate::audit::What;
use crate::model::reference::Reference;
use crate::problem::{Exit, Problem};
use crate::secret::Secret;
use crate::session;

pub(super) const PAGES: &[Page] = &[Page {
    command: "get",
    examples: &[
        ("credbench get billing.stripe", "prints the key"),
        ("credbench get db.main password | pbcopy", "hands one field on"),
        ("credbench get crm.zendesk base_url", "prints a field that is no secret"),
        ("credbench get cred://billing-prod/db.main#password", "takes a reference as programs write it"),
        (
            "credbench get crm.salesforce",
            "of OAuth, prints an access token that is good: refreshed if it has to be",
        ),
        (
            "credbench get db.main --cache 300",
            "asks for no passphrase where this was typed less than five minutes ago",
        ),
    ],
    json: r#"{"value", "cached":{"age_seconds","until"}?}; the latter where it came from the cache"#,
    faults: &[
        (Exit::NotFound, "no_secret", "it has no secret stored"),
        (Exit::NotFound, "no_field", "it has no such field"),
        (Exit::NotFound, "missing_secret", "that secret was not entered yet"),
        (Exit::Usage, "which_field", "it has several values: name one"),
        (Exit::Usage, "field_twice", "the reference names a field, and FIELD was given too"),
    ],
    shared: &[&manual::OPENS, &manual::FINDS, &manual::REFERS, &manual::ASKS_FOR_TOKENS, &manual::RECORDED],
}];

pub(crate) fn run(context: &Context, arguments: &Get) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let reference = reference(arguments)?;
    let purpose = Purpose {
        what: What::Got,
        workflow: None,
        cache: arguments.cache.seconds,
        in_json: true,
        unrecorded: arguments.log.unrecorded,
    };
    values::with(context, &setup, &[reference], &purpose, |handed| {
        handed.values.first().map_or(Ok(()), |value| print(&context.output, &value.text, handed.cached))
    })?;
    Ok(ExitCode::SUCCESS)
}

fn print(out: &Output, value: &Secret, cached: Option<Cached>) -> Result<(), Problem> {
    if out.is_json() {
        out.json(&match cached {
            Some(cached) => json!({ "value": value.expose(), "cached": cached }),
            None => json!({ "value": value.expose() }),
        });
    } else {
        out.bytes(value.expose().as_bytes());
        if out.is_terminal() {
            out.bytes(b"\n");
        }
    }
    out.finish()
}

/// What is asked for: a reference, or a key and a field.
fn reference(arguments: &Get) -> Result<Reference, Problem> {
    if !Reference::is_meant(&arguments.key) {
        let (key, field) = (arguments.key.clone(), arguments.field.clone());
        return Ok(Reference { solution: None, key, field });
    }
    let reference = session::read_reference(&arguments.key, "KEY")?;
    match &arguments.field {
        Some(_) if reference.field.is_some() => {
            Err(Problem::new(Exit::Usage, "field_twice", format!("{} names a field already", arguments.key))
                .hint("leave out FIELD, or what stands behind '#'"))
        }
        Some(field) => Ok(Reference { field: Some(field.clone()), ..reference }),
        None => Ok(reference),
    }
}
