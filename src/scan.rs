//! References in files: which file names which credential, and where.
//!
//! Folders are walked as ripgrep walks them, in parallel, leaving out what ignore files leave out; files that are no
//! text are passed over. Besides references, the keys of credentials are found where they stand by themselves in files
//! that describe something: function definitions, YAML, JSON, TOML, dotenv, units, scripts.

use std::collections::HashSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::Range;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::mpsc;

use ignore::{DirEntry, WalkBuilder, WalkState};

use crate::model::reference::{Reference, ReferenceError, find};

/// The largest file that is read, in bytes.
pub const LARGEST: u64 = 16 << 20;

/// How much of a file tells whether it is text, in bytes.
const HEAD: u64 = 8 << 10;

/// The shortest key that is looked for by itself: shorter ones are words.
const SHORTEST: usize = 6;

/// Endings of files in which a key by itself is looked for.
const STRUCTURED: [&str; 22] = [
    "json",
    "jsonc",
    "json5",
    "yaml",
    "yml",
    "toml",
    "env",
    "ini",
    "conf",
    "cfg",
    "properties",
    "service",
    "timer",
    "sh",
    "bash",
    "zsh",
    "py",
    "js",
    "ts",
    "rb",
    "tf",
    "xml",
];

/// What a file says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scanned {
    /// Where it is: absolute, links followed in what was given and nowhere else.
    pub path: PathBuf,
    /// What it is called: its path from the folder that was scanned on, that folder's name included.
    pub name: String,
    /// What stands in it, in order.
    pub mentions: Vec<Mention>,
}

/// A place that names a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mention {
    /// What is meant, or why nothing is.
    pub reference: Result<Reference, ReferenceError>,
    /// As it is written.
    pub written: String,
    /// Counted from 1.
    pub line: usize,
    /// Where in the file, in bytes.
    pub range: Range<usize>,
}

/// What a scan gave.
#[derive(Debug, Default)]
pub struct Found {
    /// Files that name credentials, by path.
    pub files: Vec<Scanned>,
    /// What was scanned: absolute.
    pub roots: Vec<PathBuf>,
    /// How many files were read.
    pub read: usize,
    /// What could not be looked into.
    pub unread: Vec<Unread>,
}

/// A file or a folder that could not be looked into: what it names is not known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Unread {
    /// Where it is.
    pub path: PathBuf,
    /// Why, in words.
    pub why: String,
}

impl fmt::Display for Unread {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.path.display(), self.why)
    }
}

impl Unread {
    /// `None` where it is not there any more.
    fn of(path: &Path, error: &io::Error) -> Option<Self> {
        let gone = matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory);
        (!gone).then(|| Self { path: path.to_owned(), why: error.to_string() })
    }

    /// What a walk through `root` could not look into.
    fn of_walk(root: &Path, error: &ignore::Error) -> Option<Self> {
        let path = path_of(error).unwrap_or(root);
        match error.io_error() {
            Some(error) => Self::of(path, error),
            None => Some(Self { path: path.to_owned(), why: error.to_string() }),
        }
    }
}

fn path_of(error: &ignore::Error) -> Option<&Path> {
    match error {
        ignore::Error::WithPath { path, .. } => Some(path),
        ignore::Error::WithDepth { err, .. } | ignore::Error::WithLineNumber { err, .. } => path_of(err),
        _ => None,
    }
}

/// What one file gave.
enum Seen {
    Nothing,
    Mentions(Box<Scanned>),
    Unread(Unread),
}

/// Scans files and folders that were scanned before. One that is gone names nothing any more.
pub fn rescan(paths: &[PathBuf], keys: &HashSet<String>) -> Found {
    let mut found = Found { roots: paths.to_vec(), ..Found::default() };
    for path in paths {
        match path.symlink_metadata() {
            Ok(_) => walk(path, keys, &mut found),
            Err(error) => found.unread.extend(Unread::of(path, &error)),
        }
    }
    found.sorted()
}

/// Scans files and folders. `keys` are those that are looked for by themselves.
///
/// # Errors
/// A path that is not there.
pub fn scan(paths: &[PathBuf], keys: &HashSet<String>) -> Result<Found, (PathBuf, io::Error)> {
    let mut found = Found::default();
    for path in paths {
        let root = path.canonicalize().map_err(|error| (path.clone(), error))?;
        // A folder inside of another is scanned once.
        if !found.roots.iter().any(|known| root.starts_with(known)) {
            found.roots.retain(|known| !known.starts_with(&root));
            found.roots.push(root);
        }
    }
    for root in found.roots.clone() {
        walk(&root, keys, &mut found);
    }
    Ok(found.sorted())
}

impl Found {
    /// In the order of the paths: threads find in any order.
    fn sorted(mut self) -> Self {
        self.files.sort_unstable_by(|one, other| one.path.cmp(&other.path));
        self.unread.sort_unstable();
        self
    }
}

fn walk(root: &Path, keys: &HashSet<String>, found: &mut Found) {
    let mut builder = WalkBuilder::new(root);
    // CI files and units' drop-ins are hidden; a repository's own store holds nothing that runs.
    builder.hidden(false).require_git(false).filter_entry(|entry| entry.file_name() != ".git");
    let (sender, receiver) = mpsc::channel();
    let above = root.parent().unwrap_or(root);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            builder.build_parallel().run(|| {
                let sender = sender.clone();
                let mut buffer = Vec::new();
                Box::new(move |entry| {
                    // The receiver stays until the last of us is done.
                    let _ = match entry {
                        Ok(entry) if is_file(&entry) => {
                            sender.send(look(entry.path(), above, keys, &mut buffer))
                        }
                        Ok(_) => Ok(()),
                        Err(error) => match Unread::of_walk(root, &error) {
                            Some(unread) => sender.send(Seen::Unread(unread)),
                            None => Ok(()),
                        },
                    };
                    WalkState::Continue
                })
            });
        });
        for seen in receiver {
            match seen {
                Seen::Nothing => found.read += 1,
                Seen::Mentions(scanned) => {
                    found.read += 1;
                    found.files.push(*scanned);
                }
                Seen::Unread(unread) => found.unread.push(unread),
            }
        }
    });
}

fn is_file(entry: &DirEntry) -> bool {
    entry.file_type().is_some_and(|kind| kind.is_file())
}

/// Reads a file and looks through it.
fn look(path: &Path, above: &Path, keys: &HashSet<String>, buffer: &mut Vec<u8>) -> Seen {
    match read(path, buffer) {
        Ok(true) => {}
        Ok(false) => return Seen::Nothing,
        Err(error) => return Unread::of(path, &error).map_or(Seen::Nothing, Seen::Unread),
    }
    let keys = if is_structured(path) { keys } else { &HashSet::new() };
    let mentions = mentions(buffer, keys);
    if mentions.is_empty() {
        return Seen::Nothing;
    }
    let name = path.strip_prefix(above).unwrap_or(path).to_string_lossy().into_owned();
    Seen::Mentions(Box::new(Scanned { path: path.to_owned(), name, mentions }))
}

/// Reads a file whole. `false`: it is no text, or too large to be one that anybody wrote.
fn read(path: &Path, buffer: &mut Vec<u8>) -> io::Result<bool> {
    // What became a FIFO meanwhile does not stop us.
    let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
    let mut file = File::options().read(true).custom_flags(flags).open(path)?;
    buffer.clear();
    file.by_ref().take(HEAD).read_to_end(buffer)?;
    if memchr::memchr(0, buffer).is_some() {
        return Ok(false);
    }
    if buffer.len() as u64 == HEAD {
        file.take(LARGEST).read_to_end(buffer)?;
    }
    Ok(buffer.len() as u64 <= LARGEST)
}

/// Whether a key by itself is likely to mean the credential: in a source of any other kind it may be a word.
fn is_structured(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    STRUCTURED.contains(&ending.to_ascii_lowercase().as_str())
        || name.starts_with(".env")
        || matches!(name, "Dockerfile" | "Jenkinsfile" | "Makefile" | "Procfile" | "crontab")
}

/// What a text names: references, and keys that stand by themselves.
pub fn mentions(text: &[u8], keys: &HashSet<String>) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut taken = Vec::new();
    for place in find(text) {
        let written = String::from_utf8_lossy(&text[place.range.clone()]).into_owned();
        taken.push(place.range.clone());
        found.push(Mention { reference: place.reference, written, line: place.line, range: place.range });
    }
    if !keys.is_empty() {
        plain_keys(text, keys, &taken, &mut found);
        found.sort_by_key(|mention| mention.line);
    }
    found
}

fn plain_keys(text: &[u8], keys: &HashSet<String>, taken: &[Range<usize>], found: &mut Vec<Mention>) {
    let part = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    let (mut at, mut line) = (0, 1);
    while at < text.len() {
        if !part(text[at]) {
            line += usize::from(text[at] == b'\n');
            at += 1;
            continue;
        }
        let length = text[at..].iter().take_while(|byte| part(**byte)).count();
        let word = &text[at..at + length];
        let known = length >= SHORTEST
            && memchr::memchr3(b'.', b'_', b'-', word).is_some()
            && std::str::from_utf8(word).is_ok_and(|word| keys.contains(word));
        if known && !taken.iter().any(|range| range.contains(&at)) {
            let key = String::from_utf8_lossy(word).into_owned();
            let reference = Reference { solution: None, key: key.clone(), field: None };
            found.push(Mention { reference: Ok(reference), written: key, line, range: at..at + length });
        }
        at += length;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str, keys: &[&str]) -> Vec<(String, usize)> {
        let keys = keys.iter().map(|key| (*key).to_owned()).collect();
        mentions(text.as_bytes(), &keys).into_iter().map(|mention| (mention.written, mention.line)).collect()
    }

    #[test]
    fn references_and_keys_by_themselves() {
        let text = "a: cred://pay.api#x\nkey: \"pay.api\"\n\n# pay.api2 and xpay.api, short\nb: cred://s/pay.api pay.api\n";
        let one = |text: &str, line| (text.to_owned(), line);
        assert_eq!(
            told(text, &["pay.api", "short", "nowhere.at-all"]),
            [one("cred://pay.api#x", 1), one("pay.api", 2), one("cred://s/pay.api", 5), one("pay.api", 5)]
        );
        assert_eq!(told(text, &[]).len(), 2);
    }

    #[test]
    fn a_reference_that_is_made_when_it_runs_is_told() {
        let found = mentions(b"x = f\"cred://{name}\"", &HashSet::new());
        assert!(found[0].reference.is_err());
    }
}
