//! A store of `pass`: a folder of files that the operator's own gpg decrypts. gpg gets each on its standard input, so
//! that no name stands in the list of processes; where it needs a passphrase its agent asks.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use zeroize::Zeroizing;

use crate::import::{Found, Item, MOST, pass};
use crate::paths;
use crate::problem::{Exit, Problem};

/// How deep folders may lie in each other.
const DEEPEST: usize = 32;
/// The most that one entry may say, in bytes.
const LIMIT: u64 = 1024 * 1024;

/// Reads every entry of a store.
///
/// # Errors
/// Exit 1 where the store cannot be read, or gpg is not there or fails. An entry that is for other people's keys is
/// left out.
pub(super) fn read(store: &Path) -> Result<Found, Problem> {
    let Some(gpg) = paths::find_program("gpg") else {
        return Err(Problem::new(Exit::Failed, "no_gpg", "gpg is not on the PATH")
            .hint("install GnuPG: entries of pass are encrypted to its keys"));
    };
    let mut found = Found::default();
    let mut files = Vec::new();
    collect(store, store, 0, &mut files, &mut found)?;
    files.sort();
    for (name, path) in files {
        found.items.push(entry(&gpg, &name, &path)?);
    }
    Ok(found)
}

/// The files of a folder and of those in it, by the name of the entry. Links are not followed.
fn collect(
    store: &Path,
    folder: &Path,
    depth: usize,
    files: &mut Vec<(String, PathBuf)>,
    found: &mut Found,
) -> Result<(), Problem> {
    let failed = |error: std::io::Error| {
        Problem::new(Exit::Failed, "io", format!("cannot read {}: {error}", folder.display()))
    };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, sort) = (entry.path(), entry.file_type().map_err(failed)?);
        let name = path.strip_prefix(store).unwrap_or(&path).to_string_lossy().into_owned();
        // What starts with a dot is not pass's, or is its own: .git, .gpg-id.
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        if sort.is_symlink() {
            found.told.push(format!("{name} is a link; it is not followed"));
        } else if sort.is_dir() && depth < DEEPEST {
            collect(store, &path, depth + 1, files, found)?;
        } else if let Some(name) = name.strip_suffix(".gpg").filter(|_| sort.is_file()) {
            files.push((name.to_owned(), path));
        } else {
            found.told.push(format!("{name} is no entry of pass; it is left out"));
        }
        if files.len() > MOST {
            let message = format!("{} has more than {MOST} entries", store.display());
            return Err(Problem::new(Exit::Failed, "too_large", message));
        }
    }
    Ok(())
}

fn entry(gpg: &Path, name: &str, path: &Path) -> Result<Item, Problem> {
    let failed = |why: String| {
        Problem::new(Exit::Failed, "gpg", format!("gpg could not decrypt {name}: {why}"))
            .hint("nothing was imported; `gpg --decrypt FILE` shows what it needs")
    };
    let file = File::open(path).map_err(|error| failed(error.to_string()))?;
    let mut command = Command::new(gpg);
    command.args(["--quiet", "--batch", "--decrypt"]);
    command.stdin(Stdio::from(file)).stdout(Stdio::piped()).stderr(Stdio::piped());
    // What it says is read here.
    command.env("LANGUAGE", "C").env("LC_MESSAGES", "C");
    // Its agent asks on the terminal, which gpg looks for at its standard input.
    if let Ok(terminal) = rustix::termios::ttyname(std::io::stderr(), Vec::new()) {
        command.env("GPG_TTY", std::ffi::OsString::from(terminal.to_string_lossy().into_owned()));
    }
    let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
    let said = child.stderr.take().map(|stderr| {
        std::thread::spawn(move || {
            let mut said = String::new();
            // What it says matters less than that it can go on saying it.
            let _ = stderr.take(64 * 1024).read_to_string(&mut said);
            said
        })
    });
    let plain = plain(&mut child);
    let plain = match plain {
        Ok(Some(plain)) => plain,
        Ok(None) => {
            let _ = child.kill();
            let _ = child.wait();
            return Err(failed(format!("it says more than {LIMIT} bytes")));
        }
        Err(error) => return Err(failed(error.to_string())),
    };
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    let said = said.and_then(|said| said.join().ok()).unwrap_or_default();
    if !status.success() {
        let mut item = pass::entry(name, "");
        if said.contains("No secret key") || said.contains("No such key") {
            item.skipped = Some("is encrypted to keys that are not here".to_owned());
            return Ok(item);
        }
        let last = said.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it does not say why");
        return Err(failed(last.trim_start_matches("gpg: ").to_owned()));
    }
    match std::str::from_utf8(&plain) {
        Ok(text) => Ok(pass::entry(name, text)),
        Err(_) => {
            let mut item = pass::entry(name, "");
            item.skipped = Some("is no text: keep it as base64".to_owned());
            Ok(item)
        }
    }
}

/// What gpg gives out; nothing where it is too much.
fn plain(child: &mut Child) -> std::io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(64 * 1024));
    if let Some(stdout) = child.stdout.take() {
        stdout.take(LIMIT + 1).read_to_end(&mut plain)?;
    }
    Ok(if plain.len() as u64 > LIMIT { None } else { Some(plain) })
}
