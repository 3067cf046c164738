//! Workflows: what a scan found as the vault keeps it, who uses a credential, and what names nothing.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::lookup;
use crate::audit::{Record, Used, What};
use crate::model::reference::{Reference, SCHEME};
use crate::model::{Credential, Document, Edit, Id, Mentioned, Workflow};
use crate::problem::{Exit, Problem};
use crate::scan::{self, Found};
use crate::schema::Kinds;

/// What a scan says about a vault.
#[derive(Debug)]
pub struct Survey {
    /// The edit that keeps it.
    pub edit: Edit,
    /// Files with what they name.
    pub workflows: Vec<Workflow>,
    /// Places that name nothing.
    pub unresolved: Vec<Unresolved>,
    /// What an earlier scan of the same files found and this one did not: workflow and reference.
    pub vanished: Vec<(String, String)>,
}

/// A place that names nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unresolved {
    /// The workflow.
    pub workflow: String,
    /// Where it is.
    pub path: String,
    /// Its line.
    pub line: usize,
    /// As it is written.
    pub reference: String,
    /// Why it names nothing.
    pub why: String,
    /// What to do about it: the key that may be meant.
    pub hint: Option<String>,
}

/// A place that uses a credential.
#[derive(Clone, Copy, Debug)]
pub struct Use<'a> {
    /// In which workflow.
    pub workflow: &'a Workflow,
    /// Where.
    pub place: &'a Mentioned,
}

/// The keys that a scan looks for by themselves: those of a solution.
pub fn keys_of(document: &Document, solution: &str) -> HashSet<String> {
    super::residents(document, solution).map(|known| known.content.key().to_owned()).collect()
}

/// What a scan found, as the vault keeps it. References without a solution mean `solution`.
pub fn survey(document: &Document, kinds: &Kinds, found: &Found, solution: &str, now: Timestamp) -> Survey {
    let text = |path: &std::path::Path| path.to_string_lossy().into_owned();
    let mut unresolved = Vec::new();
    let workflows: Vec<Workflow> = found
        .files
        .iter()
        .map(|file| {
            // A file that is scanned by itself keeps the name that it has.
            let known = document.workflows.iter().find(|known| Path::new(&known.path) == file.path);
            let name = known.map_or(&file.name, |known| &known.name);
            let references = file.mentions.iter().map(|mention| {
                let resolved = match &mention.reference {
                    Ok(reference) => resolves(document, kinds, reference, solution).map(drop),
                    Err(error) => Err(Problem::new(Exit::Usage, "reference", error.to_string())),
                };
                if let Err(problem) = resolved {
                    unresolved.push(Unresolved {
                        workflow: name.clone(),
                        path: text(&file.path),
                        line: mention.line,
                        reference: mention.written.clone(),
                        why: problem.message,
                        hint: problem.hint,
                    });
                }
                Mentioned { reference: mention.written.clone(), line: mention.line }
            });
            Workflow {
                references: references.collect(),
                name: name.clone(),
                path: text(&file.path),
                solution: solution.to_owned(),
                scanned_at: now,
                extra: crate::model::Object::new(),
            }
        })
        .collect();
    let under: Vec<String> = found.roots.iter().map(|root| text(root)).collect();
    // Of what could not be read it is not known that it names nothing any more.
    let is_unread = |known: &&Workflow| {
        found.unread.iter().any(|unread| Path::new(&known.path).starts_with(&unread.path))
    };
    let is_found = |known: &&Workflow| workflows.iter().any(|found| found.path == known.path);
    let kept = document.workflows.iter().filter(is_unread).filter(|known| !is_found(known)).cloned();
    let all: Vec<Workflow> = workflows.iter().cloned().chain(kept).collect();
    let named = |workflows: &[Workflow]| -> BTreeSet<(String, String, String)> {
        let each = |workflow: &Workflow| {
            let (path, name) = (workflow.path.clone(), workflow.name.clone());
            let references = workflow.references.iter().map(|place| place.reference.clone());
            references.map(move |reference| (path.clone(), name.clone(), reference)).collect::<Vec<_>>()
        };
        workflows.iter().flat_map(each).collect()
    };
    let mut after = document.clone();
    let edit = Edit::SetWorkflows { under, workflows: all.clone() };
    let known = match after.apply(edit.clone(), now) {
        Ok(Edit::SetWorkflows { workflows, .. }) => workflows,
        _ => Vec::new(),
    };
    let now_named: BTreeSet<(String, String)> =
        named(&all).into_iter().map(|(path, _, reference)| (path, reference)).collect();
    let vanished = named(&known)
        .into_iter()
        .filter(|(path, _, reference)| !now_named.contains(&(path.clone(), reference.clone())))
        .map(|(_, name, reference)| (name, reference))
        .collect();
    Survey { edit, workflows, unresolved, vanished }
}

/// The credential that a place of a workflow names, with its secrets entered or not.
///
/// # Errors
/// Why it names nothing.
pub fn resolved<'a>(
    document: &'a Document,
    kinds: &Kinds,
    workflow: &Workflow,
    place: &Mentioned,
) -> Result<&'a Credential, Problem> {
    let reference = match place.reference.starts_with(SCHEME) {
        true => super::read_reference(&place.reference, &workflow.name)?,
        false => Reference { solution: None, key: place.reference.clone(), field: None },
    };
    resolves(document, kinds, &reference, &workflow.solution)
}

/// What a reference names, be it not entered yet.
fn resolves<'a>(
    document: &'a Document,
    kinds: &Kinds,
    reference: &Reference,
    current: &str,
) -> Result<&'a Credential, Problem> {
    let credential = super::referred(document, reference, current)?;
    if reference.field.is_some() {
        lookup::secret_place(kinds, &credential.content, reference.field.as_deref())?;
    }
    Ok(credential)
}

/// Keys of a solution that a key which is not there may stand for, the likeliest first, each with its service: those
/// of the service that the key names, then those that read like it, then the rest.
pub fn likely(document: &Document, solution: &str, key: &str) -> Vec<(String, String)> {
    let words: BTreeSet<&str> = key.split(['.', '_', '-']).filter(|word| word.len() > 2).collect();
    let mut found: Vec<(usize, String, String)> = super::residents(document, solution)
        .map(|known| {
            let (content, service) = (&known.content, known.content.service());
            let of_service = service.split(['/', '-', '_', '.']).any(|word| words.contains(word));
            let shared = content.key().split(['.', '_', '-']).filter(|word| words.contains(word)).count();
            let rank = if of_service { 0 } else { 10usize.saturating_sub(shared).max(1) };
            (rank, content.key().to_owned(), service.to_owned())
        })
        .collect();
    found.sort();
    found.into_iter().map(|(_, key, service)| (key, service)).collect()
}

/// How often workflows used credentials, and when last, as the audit log says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct WorkflowUses(BTreeMap<String, BTreeMap<Id, Used>>);

impl WorkflowUses {
    /// Of what the log says.
    pub fn of_records(records: &[Record]) -> Self {
        let mut uses = Self::default();
        let is_use = |record: &&Record| {
            !record.workflow.is_empty()
                && record.result == "ok"
                && What::of_word(&record.what).is_some_and(What::is_use)
        };
        for record in records.iter().filter(is_use) {
            let of = uses.0.entry(record.workflow.clone()).or_default();
            for id in record.id.iter().chain(&record.ids).collect::<BTreeSet<_>>() {
                let used = of.entry(id.clone()).or_insert(Used { last: record.at, count: 0 });
                used.last = used.last.max(record.at);
                used.count += 1;
            }
        }
        uses
    }

    /// Of one credential by one workflow.
    pub fn of(&self, workflow: &str, id: &Id) -> Option<Used> {
        self.0.get(workflow)?.get(id).copied()
    }

    /// Of all credentials by one workflow.
    pub fn of_workflow(&self, workflow: &str) -> Option<Used> {
        let used = self.0.get(workflow)?.values().copied();
        used.reduce(|one, other| Used { last: one.last.max(other.last), count: one.count + other.count })
    }
}

/// Scans files and folders: each group with its solution and the keys that are looked for by themselves. Of `known`
/// ones, one that is gone is no mistake.
///
/// # Errors
/// A path that is not there.
pub fn find(groups: Vec<ScanGroup>, known: bool) -> Result<Vec<(String, Found)>, Problem> {
    let scan = |(solution, paths, keys): ScanGroup| {
        let found = if known { Ok(scan::rescan(&paths, &keys)) } else { scan::scan(&paths, &keys) };
        found.map(|found| (solution, found)).map_err(|(path, error)| {
            Problem::new(Exit::Failed, "no_path", format!("cannot scan {}: {error}", path.display()))
        })
    };
    groups.into_iter().map(scan).collect()
}

/// What is scanned together: for which solution, where, and for which keys by themselves.
pub type ScanGroup = (String, Vec<PathBuf>, HashSet<String>);

/// What is scanned again: for each solution the folders in which a scan found files, new ones among them, and the files
/// that were scanned by themselves; with the keys that are looked for by themselves. A folder in which workflows of
/// several solutions are known is not walked: nobody knows what a new file in it would mean.
pub fn rescans(document: &Document) -> Vec<ScanGroup> {
    let known = &document.workflows;
    let mut folders: BTreeMap<&Path, bool> = BTreeMap::new();
    let mut solutions: BTreeMap<&str, BTreeSet<&Path>> = BTreeMap::new();
    for workflow in known {
        let path = match folder_of(workflow) {
            Some(folder) if *folders.entry(folder).or_insert_with(|| is_of_one_solution(known, folder)) => {
                folder
            }
            _ => Path::new(&workflow.path),
        };
        solutions.entry(&workflow.solution).or_default().insert(path);
    }
    let group = |(solution, paths): (&str, BTreeSet<&Path>)| {
        let mut outermost: Vec<PathBuf> = Vec::new();
        // What lies in a folder comes right behind it.
        for path in paths {
            if outermost.last().is_none_or(|last| !path.starts_with(last)) {
                outermost.push(path.to_owned());
            }
        }
        (solution.to_owned(), outermost, keys_of(document, solution))
    };
    solutions.into_iter().map(group).collect()
}

/// Whether all that is known in a folder means the same solution.
fn is_of_one_solution(known: &[Workflow], folder: &Path) -> bool {
    let mut inside = known.iter().filter(|workflow| Path::new(&workflow.path).starts_with(folder));
    let first = inside.next().map(|workflow| &workflow.solution);
    inside.all(|workflow| Some(&workflow.solution) == first)
}

/// The folder that was scanned when a workflow was found in it: its name is its path from there on. `None`: it was
/// scanned by itself.
fn folder_of(workflow: &Workflow) -> Option<&Path> {
    let (path, name) = (Path::new(&workflow.path), Path::new(&workflow.name));
    let below = name.components().count().checked_sub(1).filter(|below| *below > 0)?;
    path.ancestors().nth(below).filter(|_| path.ends_with(name))
}

/// What a place of a workflow means: a solution and a reference.
pub fn meant(workflow: &Workflow, place: &Mentioned) -> Option<(String, Reference)> {
    let reference = match place.reference.starts_with(SCHEME) {
        true => Reference::parse(&place.reference).ok()?,
        false => Reference { solution: None, key: place.reference.clone(), field: None },
    };
    let solution = reference.solution.clone().unwrap_or_else(|| workflow.solution.clone());
    Some((solution, reference))
}

/// The places that use a credential.
pub fn uses<'a>(document: &'a Document, solution: &str, key: &str) -> Vec<Use<'a>> {
    let mut found = Vec::new();
    for workflow in &document.workflows {
        for place in &workflow.references {
            if meant(workflow, place).is_some_and(|(of, reference)| of == solution && reference.key == key) {
                found.push(Use { workflow, place });
            }
        }
    }
    found
}

/// The names of the workflows that use a credential.
pub fn users(document: &Document, solution: &str, key: &str) -> Vec<String> {
    let names: BTreeSet<String> =
        uses(document, solution, key).iter().map(|used| used.workflow.name.clone()).collect();
    names.into_iter().collect()
}

/// The problem of a credential that workflows use.
pub fn in_use(key: &str, users: &[String]) -> Problem {
    let count = users.len();
    let noun = if count == 1 { "workflow uses" } else { "workflows use" };
    Problem::new(Exit::Refused, "in_use", format!("{count} {noun} {key}: {}", users.join(", ")))
}
