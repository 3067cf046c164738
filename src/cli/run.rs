//! `run`: a program with values of the vault.
//!
//! Everything is read, resolved and checked before anything is started, and the vault is closed again before the
//! program runs.

mod delivery;
mod env_file;
mod job;
pub(crate) mod monitor;
mod names;
mod streams;
mod terminal;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use super::args::Run;
use super::manual::{self, Page};
use super::values::{self, Purpose};
use super::{Context, input};
use crate::audit::What;
use crate::model::reference::Reference;
use crate::problem::{Exit, Problem};
use crate::redact::Redactor;
use crate::secret::Secret;
use crate::session::{self, Value};
use delivery::Delivery;

pub(super) const PAGES: &[Page] = &[Page {
    command: "run",
    examples: &[
        ("credbench run --env STRIPE_KEY=cred://billing.stripe -- ./billing", "sets one variable"),
        (
            "credbench run --env-file app.env -- npm start",
            "sets those of a file, whose values may be references",
        ),
        ("credbench run --fd TLS_KEY=cred://tls.site#private_key -- nginx", "hands over an open file"),
        (
            "credbench run --clear-env --env PGPASSWORD=cred://db.main -- /usr/bin/psql",
            "passes on nothing else",
        ),
        (
            "credbench run --cache 600 --env PGPASSWORD=cred://db.main -- psql",
            "takes what was read in the last ten minutes, without the passphrase",
        ),
    ],
    json: r"nothing of its own; the program prints what it prints",
    faults: &[
        (Exit::Usage, "not_a_mapping", "NAME=REFERENCE was expected"),
        (Exit::Usage, "variable_name", "that is not the name of a variable"),
        (Exit::Usage, "mapped_twice", "one name is mapped twice"),
        (Exit::Refused, "risky_name", "that name decides how programs are run"),
        (Exit::Refused, "not_a_variable", "no variable can hold that value"),
        (Exit::Invalid, "invalid_env_file", "a dotenv file cannot be read; says line and column"),
        (Exit::Usage, "which_field", "a reference has to name a field"),
        (Exit::NotFound, "no_field", "a reference names a field that is not there"),
        (Exit::NotFound, "missing_secret", "that secret was not entered yet"),
        (Exit::Failed, "no_memory_folder", "there is no file system in memory for --file"),
        (Exit::Failed, "terminal", "no terminal could be made for the program"),
        (Exit::Failed, "not_started", "the program is not there (exit code 127) or cannot be run (126)"),
    ],
    shared: &[
        &manual::READS,
        &manual::OPENS,
        &manual::FINDS,
        &manual::REFERS,
        &manual::ASKS_FOR_TOKENS,
        &manual::RECORDED,
    ],
}];

/// A variable that is to be set.
struct Mapping {
    name: String,
    source: Source,
    way: Way,
}

enum Source {
    Reference(Reference),
    /// What a dotenv file says itself.
    Text(Secret),
}

#[derive(Clone, Copy)]
enum Way {
    Variable,
    File,
    Descriptor,
}

pub(crate) fn run(context: &Context, arguments: &Run) -> Result<ExitCode, Problem> {
    let mappings = mappings(arguments)?;
    let references: Vec<Reference> = mappings.iter().filter_map(Mapping::reference).cloned().collect();
    let made = |values: &[Value]| -> Result<_, Problem> {
        let masked = values.iter().filter(|value| value.secret && !arguments.no_mask);
        Ok((deliver(&mappings, values)?, Redactor::new(masked.map(|value| &value.text))))
    };
    let (delivery, redactor) = match references.is_empty() {
        true => made(&[])?,
        false => {
            let setup = context.setup()?;
            let purpose = Purpose {
                what: What::Ran,
                workflow: arguments.workflow.as_deref(),
                cache: arguments.cache.seconds,
                in_json: false,
                unrecorded: arguments.log.unrecorded,
            };
            // The vault is closed again before the program runs.
            values::with(context, &setup, &references, &purpose, |handed| made(handed.values))?
        }
    };
    drop(mappings);
    job::run(context, arguments, delivery, redactor)
}

impl Mapping {
    fn reference(&self) -> Option<&Reference> {
        match &self.source {
            Source::Reference(reference) => Some(reference),
            Source::Text(_) => None,
        }
    }
}

/// What the command line and its files map, before anything is looked up.
fn mappings(arguments: &Run) -> Result<Vec<Mapping>, Problem> {
    let mut mappings = Vec::new();
    for path in &arguments.env_file {
        let from = input::name(path);
        let text = input::read_text(path)?;
        let lines = env_file::parse(&text).map_err(|mistake| {
            Problem::new(Exit::Invalid, "invalid_env_file", format!("{from}: {mistake}"))
        })?;
        for line in lines {
            let from = format!("{from}: line {}", line.line);
            names::check(&line.name, arguments.force, &from)?;
            let source = match Reference::is_meant(line.value.expose()) {
                true => Source::Reference(session::read_reference(line.value.expose(), &from)?),
                false => Source::Text(line.value),
            };
            // As in other programs that read such files, a later line wins.
            mappings.retain(|known: &Mapping| known.name != line.name);
            mappings.push(Mapping { name: line.name, source, way: Way::Variable });
        }
    }
    let mut named = BTreeSet::new();
    let options = [
        ("--env", Way::Variable, &arguments.env),
        ("--file", Way::File, &arguments.file),
        ("--fd", Way::Descriptor, &arguments.fd),
    ];
    for (option, way, given) in options {
        for text in given {
            let Some((name, value)) = text.split_once('=') else {
                return Err(not_a_mapping(option, "NAME=REFERENCE was expected"));
            };
            names::check(name, arguments.force, option)?;
            if !Reference::is_meant(value) {
                return Err(not_a_mapping(
                    option,
                    &format!("{name} is set to a reference, such as cred://KEY"),
                ));
            }
            let source = Source::Reference(session::read_reference(value, format!("{option} {name}"))?);
            if !named.insert(name) {
                let message = format!("{name} is mapped twice");
                return Err(Problem::new(Exit::Usage, "mapped_twice", message).hint("leave one of them out"));
            }
            // What the command line says counts more than a file.
            mappings.retain(|known| known.name != name);
            mappings.push(Mapping { name: name.to_owned(), source, way });
        }
    }
    Ok(mappings)
}

/// What was given is not shown: it may be a secret.
fn not_a_mapping(option: &str, what: &str) -> Problem {
    Problem::new(Exit::Usage, "not_a_mapping", format!("{option}: {what}"))
        .hint("a value that stands in the arguments is seen by everybody on this machine")
}

fn deliver(mappings: &[Mapping], values: &[Value]) -> Result<Delivery, Problem> {
    let mut delivery = Delivery::default();
    let mut values = values.iter();
    for mapping in mappings {
        let value = match &mapping.source {
            Source::Text(text) => text,
            Source::Reference(_) => match values.next() {
                Some(value) => &value.text,
                None => break,
            },
        };
        match mapping.way {
            Way::Variable => delivery.variable(&mapping.name, value)?,
            Way::File => delivery.file(&mapping.name, value)?,
            Way::Descriptor => delivery.descriptor(&mapping.name, value)?,
        }
    }
    Ok(delivery)
}

/// The exit code of a program that could not be started, as shells give it.
fn not_started(program: &Path, error: &std::io::Error) -> (u8, Problem) {
    let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
    let message = format!("cannot start {}: {error}", program.display());
    (code, Problem::new(Exit::Failed, "not_started", message).hint("look at its name and at the PATH"))
}
