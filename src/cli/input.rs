//! What a command reads from files and from standard input.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use super::args::{Add, Arguments, Command, Kinds, OauthApp, Rotate};
use crate::problem::{Exit, Problem};
use crate::secret::Secret;

/// The most that a document or a secret may have, in bytes.
const LIMIT: u64 = 64 * 1024 * 1024;

/// The most that a passphrase may have, in bytes.
const PASSPHRASE_LIMIT: u64 = 64 * 1024;

/// Refuses a command line that would read standard input twice.
///
/// # Errors
/// Exit 2, naming both.
pub(crate) fn check_standard_input(arguments: &Arguments) -> Result<(), Problem> {
    let mut uses = Vec::new();
    let dash = |path: Option<&Path>| path.is_some_and(is_standard_input);
    if dash(arguments.global.passphrase_file.as_deref()) {
        uses.push("--passphrase-file".to_owned());
    }
    match &arguments.command {
        Some(Command::Put(put)) if put.json_file.is_none() => uses.push("the document of put".to_owned()),
        Some(Command::Put(put)) if dash(put.json_file.as_deref()) => uses.push("--json-file".to_owned()),
        Some(Command::OauthApp { action: OauthApp::Put { json_file } })
            if json_file.as_deref().is_none_or(is_standard_input) =>
        {
            uses.push("the document of oauth-app put".to_owned());
        }
        Some(Command::Kinds { action: Some(Kinds::Put(put)) })
            if put.from.is_none() && put.json_file.as_deref().is_none_or(is_standard_input) =>
        {
            uses.push("the schema of kinds put".to_owned());
        }
        Some(Command::Import(import)) => {
            let files = [
                (Some(import.file.as_path()), "the file of import"),
                (import.password_file.as_deref(), "--password-file"),
                (import.key_file.as_deref(), "--key-file"),
            ];
            uses.extend(files.iter().filter(|(path, _)| dash(*path)).map(|(_, use_)| (*use_).to_owned()));
        }
        Some(Command::Request(request)) if request.data.as_deref() == Some("@-") => {
            uses.push("the --data of request".to_owned());
        }
        Some(Command::Inject(inject)) if inject.input.as_deref().is_none_or(is_standard_input) => {
            uses.push("the template of inject".to_owned());
        }
        Some(Command::Passphrase(change)) if dash(change.new_passphrase_file.as_deref()) => {
            uses.push("--new-passphrase-file".to_owned());
        }
        Some(Command::Add(Add { secret_file, .. }) | Command::Rotate(Rotate { secret_file, .. })) => {
            let of_input = secret_file.iter().filter_map(|text| text.strip_suffix("=-"));
            uses.extend(of_input.map(|field| format!("--secret-file {field}")));
        }
        _ => {}
    }
    if uses.len() > 1 {
        return Err(Problem::new(
            Exit::Usage,
            "standard_input_twice",
            format!("standard input cannot be read twice: {}", uses.join(" and ")),
        )
        .hint("give one of them as a file; /dev/fd/N works too"));
    }
    Ok(())
}

fn is_standard_input(path: &Path) -> bool {
    path == Path::new("-")
}

/// How a source is called in messages.
pub(crate) fn name(path: &Path) -> String {
    if is_standard_input(path) { "standard input".to_owned() } else { path.display().to_string() }
}

/// Reads a file, or standard input for `-`, whole.
///
/// # Errors
/// Exit 1.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, Problem> {
    read_up_to(path, LIMIT)
}

fn read_up_to(path: &Path, limit: u64) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let read = if is_standard_input(path) {
        io::stdin().lock().take(limit + 1).read_to_end(&mut bytes)
    } else {
        File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes))
    };
    read.map_err(|error| Problem::new(Exit::Failed, "io", format!("cannot read {}: {error}", name(path))))?;
    if bytes.len() as u64 > limit {
        let message = format!("{} is larger than {limit} bytes", name(path));
        return Err(Problem::new(Exit::Failed, "too_large", message));
    }
    Ok(bytes)
}

/// Reads a file that must be text.
///
/// # Errors
/// Exit 1 where it cannot be read, 7 where it is no text.
pub(crate) fn read_text(path: &Path) -> Result<Zeroizing<String>, Problem> {
    text(path, read(path)?)
}

/// What was read from a file, as text.
///
/// # Errors
/// Exit 7.
pub(crate) fn text(path: &Path, mut bytes: Zeroizing<Vec<u8>>) -> Result<Zeroizing<String>, Problem> {
    String::from_utf8(std::mem::take(&mut *bytes)).map(Zeroizing::new).map_err(|error| not_text(path, &error))
}

/// Reads a secret as it stands in a file.
///
/// # Errors
/// As [`read_text`].
pub(crate) fn read_secret(path: &Path) -> Result<Secret, Problem> {
    let mut text = read_text(path)?;
    Ok(Secret::new(std::mem::take(&mut *text)))
}

/// Reads a passphrase: all of the file but one line break at its end.
///
/// # Errors
/// As [`read_text`]; exit 2 for an empty one.
pub(crate) fn read_passphrase(path: &Path) -> Result<Secret, Problem> {
    let mut bytes = read_up_to(path, PASSPHRASE_LIMIT)?;
    if bytes.last() == Some(&b'\n') {
        bytes.pop();
        if bytes.last() == Some(&b'\r') {
            bytes.pop();
        }
    }
    let text = String::from_utf8(std::mem::take(&mut *bytes)).map_err(|error| not_text(path, &error))?;
    let passphrase = Secret::new(text);
    super::prompt::refuse_empty(&passphrase)?;
    Ok(passphrase)
}

fn not_text(path: &Path, error: &std::string::FromUtf8Error) -> Problem {
    let at = error.utf8_error().valid_up_to();
    Problem::new(Exit::Invalid, "not_text", format!("{} is not UTF-8 text: byte {at} is not", name(path)))
        .hint("a secret of other bytes is best kept as base64")
}
