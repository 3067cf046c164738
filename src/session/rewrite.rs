//! Files that name credentials, rewritten: what would change is shown before anything does.

use std::collections::{BTreeSet, HashSet};
use std::ops::Range;
use std::path::PathBuf;

use serde_json::Value;

use super::workflow::meant;
use crate::durable;
use crate::model::reference::{Reference, SCHEME};
use crate::model::{Credential, Document, Edit, Mentioned, Workflow};
use crate::problem::{Exit, Problem};
use crate::scan;

/// A file that is to be changed.
#[derive(Clone, Debug)]
pub struct Rewrite {
    /// Which.
    pub path: PathBuf,
    /// What the vault knows of it afterwards.
    pub workflow: Workflow,
    /// What changes.
    pub changes: Vec<Rewritten>,
    /// The whole text as it was read.
    before: Vec<u8>,
    /// The whole text afterwards.
    after: Vec<u8>,
}

/// One place that changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewritten {
    /// Counted from 1.
    pub line: usize,
    /// What stands there.
    pub before: String,
    /// What will.
    pub after: String,
}

impl Rewrite {
    /// Writes the file, which keeps its mode and owner.
    ///
    /// # Errors
    /// Where somebody else changed it meanwhile; files.
    pub fn write(&self) -> Result<(), Problem> {
        self.replace(&self.before, &self.after)
    }

    /// Writes the file as it was before.
    ///
    /// # Errors
    /// As [`Rewrite::write`].
    pub fn take_back(&self) -> Result<(), Problem> {
        self.replace(&self.after, &self.before)
    }

    fn replace(&self, from: &[u8], to: &[u8]) -> Result<(), Problem> {
        let io = |error: std::io::Error| {
            Problem::new(Exit::Failed, "io", format!("cannot read {}: {error}", self.path.display()))
        };
        if std::fs::read(&self.path).map_err(io)? != from {
            let message = format!("{} was changed meanwhile", self.path.display());
            return Err(Problem::new(Exit::Refused, "conflict", message));
        }
        let saved = durable::rewrite(&self.path, to)?;
        saved.unsynced.map_or(Ok(()), |error| Err(error.into()))
    }
}

/// Writes all files; says of those that could not be changed why.
pub fn write_rewrites(files: &[Rewrite]) -> Vec<String> {
    files.iter().filter_map(|file| file.write().err()).map(|problem| problem.message).collect()
}

/// Writes all files as they were before; says of those that could not be changed why.
pub fn take_rewrites_back(files: &[Rewrite]) -> Vec<String> {
    files.iter().filter_map(|file| file.take_back().err()).map(|problem| problem.message).collect()
}

/// The edits that let the vault know the files as they will be.
pub fn rewrite_edits(files: &[Rewrite]) -> impl Iterator<Item = Edit> + '_ {
    files.iter().map(|file| Edit::SetWorkflows {
        under: vec![file.workflow.path.clone()],
        workflows: vec![file.workflow.clone()],
    })
}

/// The edit that gives a credential another key.
///
/// # Errors
/// Exit 2 for what is no key, 5 where it has that key already.
pub fn renamed(credential: &Credential, key: &str) -> Result<Edit, Problem> {
    let fine = (1..=200).contains(&key.len())
        && key.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if !fine {
        return Err(Problem::new(Exit::Usage, "key", format!("{key:?} is not a key"))
            .hint("a key has 1 to 200 letters, digits, '.', '_' and '-'"));
    }
    if credential.content.key() == key {
        return Err(Problem::new(Exit::Refused, "same_key", format!("it is called {key} already")));
    }
    let mut content = credential.content.clone();
    content.set("/key", Value::String(key.to_owned()));
    let base = Some(Box::new(credential.content.clone()));
    Ok(Edit::Update { id: credential.id.clone(), base, content })
}

/// The files that name a credential, with its new key in the place of the old one.
///
/// # Errors
/// A file that cannot be read.
pub fn rewrites_of_key(
    document: &Document,
    solution: &str,
    key: &str,
    new: &str,
) -> Result<Vec<Rewrite>, Problem> {
    rewrites(document, |of, reference| {
        (of == solution && reference.key == key)
            .then(|| Reference { key: new.to_owned(), ..reference.clone() })
    })
}

/// The files that name a solution, with its new name in the place of the old one. What names none stays: it means
/// whichever is the current one.
///
/// # Errors
/// A file that cannot be read.
pub fn rewrites_of_solution(document: &Document, name: &str, new: &str) -> Result<Vec<Rewrite>, Problem> {
    let mut files = rewrites(document, |of, reference| {
        (of == name && reference.solution.is_some())
            .then(|| Reference { solution: Some(new.to_owned()), ..reference.clone() })
    })?;
    for file in files.iter_mut().filter(|file| file.workflow.solution == name) {
        new.clone_into(&mut file.workflow.solution);
    }
    Ok(files)
}

/// One file, with another reference in the place of one that names nothing.
///
/// # Errors
/// A file that cannot be read.
pub fn rewrites_of_place(
    document: &Document,
    path: &str,
    written: &str,
    new: &Reference,
) -> Result<Vec<Rewrite>, Problem> {
    let Some(known) = document.workflows.iter().find(|known| known.path == path) else {
        return Ok(Vec::new());
    };
    Ok(rewrite(known, |place, _| (place == written).then(|| new.clone()))?.into_iter().collect())
}

/// The files in which something changes; `change` is asked with the solution that a reference means.
fn rewrites(
    document: &Document,
    change: impl Fn(&str, &Reference) -> Option<Reference>,
) -> Result<Vec<Rewrite>, Problem> {
    let mut files = Vec::new();
    for known in &document.workflows {
        let concerns = |place: &Mentioned| {
            meant(known, place).is_some_and(|(of, reference)| change(&of, &reference).is_some())
        };
        if known.references.iter().any(concerns) {
            files.extend(rewrite(known, |_, reference| {
                change(reference.solution.as_deref().unwrap_or(&known.solution), reference)
            })?);
        }
    }
    Ok(files)
}

/// One file as it is now; `None`: nothing in it changes any more.
fn rewrite(
    known: &Workflow,
    change: impl Fn(&str, &Reference) -> Option<Reference>,
) -> Result<Option<Rewrite>, Problem> {
    let before = std::fs::read(&known.path)
        .map_err(|error| Problem::new(Exit::Failed, "io", format!("cannot read {}: {error}", known.path)))?;
    // Only what the scan took for a credential: a word that reads like a key in another file is none.
    let written: BTreeSet<&str> = known.references.iter().map(|place| place.reference.as_str()).collect();
    let keys: HashSet<String> =
        written.iter().filter(|place| !place.starts_with(SCHEME)).map(|place| (*place).to_owned()).collect();
    let mut places: Vec<(Range<usize>, Rewritten)> = Vec::new();
    for place in scan::mentions(&before, &keys) {
        let Some(after) = place.reference.as_ref().ok().and_then(|found| change(&place.written, found))
        else {
            continue;
        };
        let after = if place.written.starts_with(SCHEME) { after.to_string() } else { after.key };
        places.push((place.range, Rewritten { line: place.line, before: place.written, after }));
    }
    if places.is_empty() {
        return Ok(None);
    }
    places.sort_by_key(|(range, _)| range.start);
    let mut workflow = known.clone();
    for place in &mut workflow.references {
        if let Some((_, change)) = places.iter().find(|(_, change)| change.before == place.reference) {
            place.reference.clone_from(&change.after);
        }
    }
    let mut after = Vec::with_capacity(before.len());
    let mut done = 0;
    for (range, change) in &places {
        after.extend_from_slice(&before[done..range.start]);
        after.extend_from_slice(change.after.as_bytes());
        done = range.end;
    }
    after.extend_from_slice(&before[done..]);
    let changes = places.into_iter().map(|(_, change)| change).collect();
    Ok(Some(Rewrite { path: PathBuf::from(&known.path), workflow, changes, before, after }))
}
