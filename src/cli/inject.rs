//! `inject`: a file with values in place of references.

use std::path::Path;
use std::process::ExitCode;

use serde_json::json;

use super::args::Inject;
use super::manual::{self, Page};
use super::values::{self, Purpose};
use super::{Context, input};
use crate::audit::What;
use crate::durable;
use crate::inject::{Format, Mistake, Template};
use crate::model::reference::Reference;
use crate::problem::{Exit, Problem};
use crate::session::Value;
use crate::suggest::nearest;
use crate::words::counted;

pub(super) const PAGES: &[Page] = &[Page {
    command: "inject",
    examples: &[
        ("credbench inject -i app.yaml.tmpl -o app.yaml", "writes app.yaml, for you alone to read"),
        ("credbench inject < pg_service.conf.tmpl > /dev/shm/pg_service.conf", "takes and gives text"),
        ("credbench inject -i config.tmpl --format toml", "says what the file is"),
    ],
    json: r#"{"path", "values", "cached":{"age_seconds","until"}?}, with -o; the latter where they came from the cache"#,
    faults: &[
        (Exit::Invalid, "invalid_template", "a reference is not well written; says line and column"),
        (Exit::Refused, "unsafe_value", "the format has no safe way to write a value at its place"),
        (Exit::Refused, "not_replaced", "a link, a folder or a device stands where the file is to be"),
        (Exit::Usage, "no_format", "there is no format of that name"),
        (Exit::Usage, "which_field", "a reference has to name a field"),
        (Exit::NotFound, "no_field", "a reference names a field that is not there"),
        (Exit::NotFound, "missing_secret", "that secret was not entered yet"),
    ],
    shared: &[&manual::READS, &manual::OPENS, &manual::FINDS, &manual::ASKS_FOR_TOKENS, &manual::RECORDED],
}];

pub(crate) fn run(context: &Context, arguments: &Inject) -> Result<ExitCode, Problem> {
    let source = arguments.input.as_deref().unwrap_or(Path::new("-"));
    let format = format(arguments)?;
    if let Some(path) = &arguments.output {
        require_replaceable(path)?;
    }
    let text = input::read_text(source)?;
    let from = input::name(source);
    let template = Template::read(&text).map_err(|mistake| {
        Problem::new(Exit::Invalid, "invalid_template", format!("{from}: {mistake}"))
            .hint("a place is written {{ cred://KEY }} or {{ cred://SOLUTION/KEY#FIELD }}")
    })?;
    let references: Vec<Reference> = template.references().cloned().collect();
    let fill = |values: &[Value]| {
        let texts: Vec<_> = values.iter().map(|value| &value.text).collect();
        template.fill(format, &texts).map_err(|mistake| unfit(&from, &mistake))
    };
    let (filled, cached) = match references.is_empty() {
        true => (fill(&[])?, None),
        false => {
            let setup = context.setup()?;
            let purpose = Purpose {
                what: What::Injected,
                workflow: None,
                cache: arguments.cache.seconds,
                in_json: arguments.output.is_some(),
                unrecorded: arguments.log.unrecorded,
            };
            values::with(context, &setup, &references, &purpose, |handed| {
                Ok((fill(handed.values)?, handed.cached))
            })?
        }
    };
    let Some(path) = &arguments.output else {
        context.output.bytes(filled.as_bytes());
        return Ok(ExitCode::SUCCESS);
    };
    // What a killed run left holds secrets.
    durable::remove_stale(path);
    let saved = durable::replace(path, filled.as_bytes(), None, |_| Ok(()))?;
    let out = &context.output;
    if let Some(error) = saved.unsynced {
        out.warning(&format!("written, but whether it survives a power cut is not known: {error}"));
    }
    if out.is_json() {
        let mut told = json!({ "path": path, "values": references.len() });
        if let Some(cached) = cached {
            told["cached"] = json!(cached);
        }
        out.json(&told);
    } else {
        let values = counted(references.len(), "value");
        out.note(&format!("{}  written with {values}; only you can read it", path.display()));
    }
    Ok(ExitCode::SUCCESS)
}

fn unfit(from: &str, mistake: &Mistake) -> Problem {
    Problem::new(Exit::Refused, "unsafe_value", format!("{from}: {mistake}"))
        .hint("--format names what the file is; `text` takes every value as it is")
}

/// What the file is: as said, else as the names tell, else text.
fn format(arguments: &Inject) -> Result<Format, Problem> {
    let Some(name) = &arguments.format else {
        let named = [&arguments.output, &arguments.input].into_iter().flatten();
        return Ok(named.into_iter().find_map(|path| Format::of(path)).unwrap_or(Format::Text));
    };
    Format::named(name).ok_or_else(|| {
        let hint = match nearest(name, Format::names()) {
            Some(meant) => format!("did you mean {meant}?"),
            None => format!("there is: {}", Format::names().collect::<Vec<_>>().join(", ")),
        };
        Problem::new(Exit::Usage, "no_format", format!("there is no format {name:?}")).hint(hint)
    })
}

/// A file is replaced, never what a link leads to.
fn require_replaceable(path: &Path) -> Result<(), Problem> {
    let what = match path.symlink_metadata() {
        Ok(found) if found.is_symlink() => "a link",
        Ok(found) if found.is_dir() => "a folder",
        Ok(found) if !found.is_file() => "no file",
        _ => return Ok(()),
    };
    Err(Problem::new(Exit::Refused, "not_replaced", format!("{} is {what}", path.display()))
        .hint("name the file itself, or leave out -o and send standard output there"))
}
