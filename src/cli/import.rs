//! `import`: what another program kept, as credentials.

mod store;

use std::path::Path;
use std::process::ExitCode;

use clap::ValueEnum;
use jiff::Timestamp;
use serde_json::json;
use zeroize::Zeroizing;

use super::args::{Import, ImportFormat};
use super::manual::{self, Page};
use super::output::{Output, Tone, visible};
use super::prompt::{Terminal, cancelled};
use super::{Context, input, show};
use crate::import::{self, Format, Sort, Unlock};
use crate::problem::{Exit, Problem};
use crate::session::{self, Fate, ImportOptions, ImportRow};
use crate::vault::export::{is_sealed, read_export};

pub(super) const PAGES: &[Page] = &[Page {
    command: "import",
    examples: &[
        ("credbench import dotenv .env --dry-run", "shows what each variable would become"),
        ("credbench import csv passwords.csv --solution team", "takes a table of a password manager over"),
        (
            "credbench import kdbx team.kdbx --folders-as-solutions",
            "asks for its password; a solution for each group",
        ),
        ("credbench import pass ~/.password-store", "has gpg decrypt each entry"),
        ("credbench import aws ~/.aws", "a credential for each profile that has a key"),
        (
            "credbench import json vars.json --json | jq -r 'select(.done == \"skipped\")'",
            "what was left out, and why",
        ),
    ],
    json: r#"a line each: {"place","name","solution","key","kind","service","done":"new"|"changed"|"duplicate"|"skipped","told":[text],"dry_run"}"#,
    faults: &[
        (Exit::Invalid, "invalid_import", "the file is not what was said, or damaged; the place is named"),
        (
            Exit::Locked,
            "no_password",
            "the file is opened with a password, and there is no terminal to ask on",
        ),
        (Exit::Failed, "no_gpg", "a store of pass is decrypted by gpg, which is not there"),
        (Exit::Failed, "gpg", "gpg could not decrypt an entry; nothing was saved"),
        (Exit::NotFound, "no_solution", "there is no solution of that name"),
        (Exit::Usage, "solution_name", "a document names a solution as none can be called"),
    ],
    shared: &[&manual::READS, &manual::OPENS, &manual::SAVES, &manual::WRITES_DOCUMENTS],
}];

pub(crate) fn run(context: &Context, arguments: &Import) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    // What cannot be read is told before anybody is asked for a passphrase.
    let source = read(arguments)?;
    let mut opened = context.open(&setup)?;
    let options = ImportOptions {
        solution: &setup.solution,
        from: &word(arguments.format),
        solutions_of_folders: arguments.folders_as_solutions,
        keep: arguments.keep,
    };
    let plan = match &source {
        Source::Items(found) => {
            found.told.iter().for_each(|told| context.output.note(&visible(told)));
            session::import(&opened.document, &opened.kinds, found, &options)?
        }
        Source::Export(bytes) => {
            let export = match is_sealed(bytes) {
                true => opened.session.store().open_export(bytes)?,
                false => read_export(bytes)?,
            };
            session::import_export(&opened.document, &opened.kinds, &export, arguments.keep)?
        }
        Source::Documents(text) => {
            let name = input::name(&arguments.file);
            session::import_documents(&opened.document, &opened.kinds, text, &options, &name)?
        }
    };
    let counts = [Fate::New, Fate::Changed, Fate::Duplicate, Fate::Skipped]
        .map(|fate| format!("{} {}", plan.count(fate), fate.word()))
        .join(", ");
    let print_all = |rows: &[ImportRow]| {
        rows.iter().for_each(|row| print(&context.output, row, arguments.dry_run));
    };
    if arguments.dry_run {
        print_all(&plan.rows);
        context.output.note(&format!("{counts}. Nothing was saved."));
        return Ok(ExitCode::SUCCESS);
    }
    // What became of each is told only once it is so.
    let saved = opened.session.commit(plan.edits, Timestamp::now())?;
    print_all(&plan.rows);
    context.output.note(&format!("{counts}."));
    show::say_warnings(context, &saved);
    advise(context, arguments, &source);
    Ok(ExitCode::SUCCESS)
}

/// What a file holds.
enum Source {
    Items(import::Found),
    Documents(Zeroizing<String>),
    /// An export of this program, perhaps encrypted.
    Export(Zeroizing<Vec<u8>>),
}

/// The word of a format, as it is typed.
fn word(format: ImportFormat) -> String {
    format.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
}

fn read(arguments: &Import) -> Result<Source, Problem> {
    let file = &arguments.file;
    let (format, bytes) = match arguments.format {
        ImportFormat::Pass => return Ok(Source::Items(store::read(file)?)),
        ImportFormat::Aws => (Format::Aws, profiles(file)?),
        ImportFormat::Json => {
            let bytes = input::read(file)?;
            if is_sealed(&bytes) {
                return Ok(Source::Export(bytes));
            }
            match import::sort(&bytes) {
                Sort::Export => return Ok(Source::Export(bytes)),
                Sort::Documents => return input::text(file, bytes).map(Source::Documents),
                Sort::Variables => (Format::Json, bytes),
            }
        }
        ImportFormat::Dotenv => (Format::Dotenv, input::read(file)?),
        ImportFormat::Csv => (Format::Csv, input::read(file)?),
        ImportFormat::Bitwarden => (Format::Bitwarden, input::read(file)?),
        ImportFormat::OnePux => (Format::OnePux, input::read(file)?),
        ImportFormat::KeepassXml => (Format::KeepassXml, input::read(file)?),
        ImportFormat::Kdbx => (Format::Kdbx, input::read(file)?),
        ImportFormat::Postman => (Format::Postman, input::read(file)?),
        ImportFormat::N8n => (Format::N8n, input::read(file)?),
    };
    let unlock = unlock(arguments, format.needs_password(&bytes))?;
    Ok(Source::Items(import::read(format, &bytes, &unlock)?))
}

/// AWS's two files, where the folder with them was named.
fn profiles(path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    if !path.is_dir() {
        return input::read(path);
    }
    let mut both = Zeroizing::new(Vec::new());
    for file in ["credentials", "config"].map(|name| path.join(name)) {
        if file.exists() {
            both.extend_from_slice(&input::read(&file)?);
            both.push(b'\n');
        }
    }
    Ok(both)
}

/// The password and the key file that open it; asks for a password where one is needed and none was given.
fn unlock(arguments: &Import, needs_password: bool) -> Result<Unlock, Problem> {
    let key_file = arguments.key_file.as_deref().map(input::read).transpose()?;
    let password = match &arguments.password_file {
        Some(file) => Some(input::read_passphrase(file)?),
        None if !needs_password => None,
        None => match Terminal::open() {
            Some(mut terminal) => {
                let question = format!("Password of {}", arguments.file.display());
                let answer = terminal.secret(&question).ok_or_else(cancelled)?;
                // A database may be opened by its key file alone.
                Some(answer).filter(|answer| !answer.is_empty() || key_file.is_none())
            }
            None if key_file.is_some() => None,
            None => {
                let message = format!("{} is opened with a password", arguments.file.display());
                return Err(Problem::new(Exit::Locked, "no_password", message)
                    .hint("run it on a terminal, or give the password with --password-file"));
            }
        },
    };
    Ok(Unlock { password, key_file })
}

fn print(out: &Output, row: &ImportRow, dry_run: bool) {
    if out.is_json() {
        return out.json_line(&json!({
            "place": row.place, "name": row.name, "solution": row.solution, "key": row.key, "kind": row.kind,
            "service": row.service, "done": row.fate.word(), "told": row.told, "dry_run": dry_run,
        }));
    }
    let (sign, tone) = match row.fate {
        Fate::New => ("+", Tone::Good),
        Fate::Changed => ("~", Tone::Caution),
        Fate::Duplicate => ("=", Tone::Faint),
        Fate::Skipped => ("-", Tone::Faint),
    };
    let fate = out.paint(tone, &format!("{sign} {:9}", row.fate.word()));
    let what = [&row.kind, &row.service].into_iter().filter(|word| !word.is_empty());
    let what = what.map(|word| visible(word)).collect::<Vec<_>>().join(", ");
    let from = match row.name == row.key || row.name.is_empty() {
        true => row.place.clone(),
        false => format!("{:?}, {}", row.name, row.place),
    };
    let key = if row.key.is_empty() { "·" } else { &row.key };
    let line = format!("{fate}  {:28}  {what:24}  {}", visible(key), out.paint(Tone::Faint, &visible(&from)));
    out.line(line.trim_end());
    for told in &row.told {
        out.line(&format!("               {}", out.paint(Tone::Faint, &visible(&format!("→ {told}")))));
    }
}

/// What is left to do: the file holds the secrets as before.
fn advise(context: &Context, arguments: &Import, source: &Source) {
    let sealed = match source {
        Source::Export(bytes) => is_sealed(bytes),
        _ => matches!(arguments.format, ImportFormat::Kdbx | ImportFormat::Pass),
    };
    let name = visible(&arguments.file.display().to_string());
    if !sealed && arguments.file != Path::new("-") {
        context.output.note(&format!(
            "{name} still holds these secrets for everybody who can read it. `shred -u {name}` removes it; on SSDs, \
             copying file systems and in backups they may stay: replace what matters."
        ));
    }
    context.output.note("`credbench test --all` tests what was imported.");
}
