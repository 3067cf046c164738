//! `export`: the vault's contents in a file of their own, encrypted unless told otherwise.

mod plain;

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::Context;
use super::args::{Export, PlainFormat};
use super::manual::{self, Page};
use super::output::visible;
use super::prompt::{Terminal, cancelled};
use crate::audit::{Entry, What};
use crate::durable;
use crate::model::Document;
use crate::problem::{Exit, Problem};
use crate::session::{self, ExportOptions, Opened};
use crate::vault::export::write_export;
use crate::words::counted;

pub(super) const PAGES: &[Page] = &[Page {
    command: "export",
    examples: &[
        ("credbench export -o vault-2026.age", "everything, encrypted to whoever can open the vault"),
        ("credbench export --solution billing-prod -o billing.age", "one solution with what it needs"),
        (
            "credbench export --structure -o template.json",
            "everything but the secrets, to start another vault from",
        ),
        (
            "credbench export --plain --format dotenv --solution billing-test -o .env",
            "in plain text; asks first",
        ),
    ],
    json: r#"{"file","format":"age"|"structure"|"json"|"csv"|"dotenv","credentials","secrets","recipients":[recipient]}; with `-o -`, nothing besides the export"#,
    faults: &[
        (Exit::NotFound, "no_solution", "there is no solution of that name"),
        (Exit::Refused, "not_confirmed", "in plain text, without --yes, and nobody can be asked"),
        (Exit::Refused, "exists", "there is such a file already; --force replaces it"),
        (Exit::Usage, "needs_output", "an export would be printed on the terminal"),
        (Exit::Failed, "encrypt", "a recipient cannot be encrypted to"),
        (Exit::Invalid, "not_storable", "something cannot be written as JSON"),
        (Exit::Failed, "read_back", "the disk gave other bytes back"),
    ],
    shared: &[&manual::OPENS, &manual::RECORDED],
}];

/// What is written, and what is told of it.
struct Written {
    bytes: Zeroizing<Vec<u8>>,
    format: &'static str,
    recipients: Vec<String>,
    notes: Vec<String>,
}

pub(crate) fn run(context: &Context, arguments: &Export) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let target = target(context, arguments)?;
    let mut opened = context.open(&setup)?;
    // A variable of the environment must not make a copy of everything a copy of less.
    let named = context.named_solution();
    let format = arguments.plain.then(|| arguments.format.unwrap_or(PlainFormat::Json));
    let solution = match format {
        // Names of variables know no solution.
        Some(PlainFormat::Dotenv) => Some(setup.solution.as_str()),
        _ => named,
    };
    let options = ExportOptions { solution, structure: arguments.structure };
    let export = session::exported(&opened.document, options)?;
    let secrets: usize = export.credentials.iter().map(|known| known.content.secrets.len()).sum();
    if arguments.plain {
        confirm(arguments, secrets)?;
    }
    let written = written(&opened, &export, arguments, format)?;
    let hand_out = || match target {
        None => {
            context.output.bytes(&written.bytes);
            context.output.finish()
        }
        Some(path) => save(path, &written.bytes, arguments.force),
    };
    let leaving = export.credentials.iter().filter(|known| !known.content.secrets.is_empty());
    let entries: Vec<Entry> = leaving.map(|known| Entry::about(What::Exported, known)).collect();
    match entries.is_empty() {
        true => hand_out()?,
        false => opened.session.hand_out(entries, &Timestamp::now, hand_out)?,
    }
    if let Some(path) = target {
        said(context, path, &export, secrets, &written);
    }
    for note in &written.notes {
        context.output.note(note);
    }
    Ok(ExitCode::SUCCESS)
}

/// The file, or nothing for standard output. Nothing goes to a terminal that was not asked for by name.
fn target<'a>(context: &Context, arguments: &'a Export) -> Result<Option<&'a Path>, Problem> {
    match arguments.output.as_deref() {
        Some(path) if path == Path::new("-") => Ok(None),
        Some(path) => Ok(Some(path)),
        None if !context.output.is_terminal() => Ok(None),
        None => Err(Problem::new(Exit::Usage, "needs_output", "the export would be printed on the terminal")
            .hint("name a file with -o, or say -o - to print it")),
    }
}

/// Asks whether the secrets shall stand in plain text.
fn confirm(arguments: &Export, secrets: usize) -> Result<(), Problem> {
    if arguments.yes {
        return Ok(());
    }
    let Some(mut terminal) = Terminal::attended() else {
        let message = format!("{secrets} secrets would be written in plain text, and nobody can be asked");
        return Err(Problem::new(Exit::Refused, "not_confirmed", message)
            .hint("add --yes if that is meant; without --plain the export is encrypted"));
    };
    terminal.say(&format!("{secrets} secrets will be readable for whoever can read the file."));
    match terminal.text("Type plain to write them").as_deref() {
        Some("plain") => Ok(()),
        _ => Err(cancelled()),
    }
}

fn written(
    opened: &Opened,
    export: &Document,
    arguments: &Export,
    format: Option<PlainFormat>,
) -> Result<Written, Problem> {
    let mut done =
        Written { bytes: Zeroizing::default(), format: "age", recipients: Vec::new(), notes: Vec::new() };
    match format {
        Some(PlainFormat::Json) => (done.format, done.bytes) = ("json", write_export(export)?),
        Some(PlainFormat::Csv) => (done.format, done.bytes) = ("csv", plain::csv(export, &opened.kinds)),
        Some(PlainFormat::Dotenv) => {
            done.format = "dotenv";
            (done.bytes, done.notes) = plain::dotenv(export, &opened.kinds);
        }
        None if arguments.structure => (done.format, done.bytes) = ("structure", write_export(export)?),
        None => {
            done.bytes = opened.session.store().seal_export(&write_export(export)?)?.into();
            done.recipients =
                opened.document.recipients.iter().map(|known| known.recipient.clone()).collect();
        }
    }
    if done.format == "csv" || done.format == "dotenv" {
        let rest =
            "Kinds, OAuth apps and most fields are not in it: `export` without --plain holds everything.";
        done.notes.push(rest.to_owned());
    }
    Ok(done)
}

/// Writes a file that only its owner can read.
pub(super) fn save(path: &Path, bytes: &[u8], force: bool) -> Result<(), Problem> {
    let there = path.symlink_metadata().is_ok();
    let saved = match force && there {
        true => durable::replace(path, bytes, None, |_| Ok(())),
        false => durable::create(path, bytes, |_| Ok(())),
    };
    match saved {
        Ok(_) => Ok(()),
        Err(error @ durable::Error::Exists { .. }) => {
            Err(Problem::from(error).hint("name another file, or replace it with --force"))
        }
        Err(error) => Err(error.into()),
    }
}

fn said(context: &Context, path: &Path, export: &Document, secrets: usize, written: &Written) {
    let credentials = export.credentials.len();
    if context.output.is_json() {
        return context.output.json_line(&json!({
            "file": path, "format": written.format, "credentials": credentials, "secrets": secrets,
            "recipients": written.recipients,
        }));
    }
    let name = visible(&path.display().to_string());
    let how = match (written.format, written.recipients.len()) {
        ("age", count) => format!("encrypted to {}", counted(count, "recipient")),
        ("structure", _) => "without secrets".to_owned(),
        (format, _) => format!("{} in plain text, as {format}", counted(secrets, "secret")),
    };
    context.output.line(&format!("{name}  {}, {how}", counted(credentials, "credential")));
    match written.format {
        "age" | "structure" => {
            context
                .output
                .note(&format!("`credbench import json {name}` takes it back, here or in another vault."));
        }
        _ => context.output.note(&format!(
            "Whoever can read {name} has these secrets: remove it when it has served (`shred -u {name}`)."
        )),
    }
}
