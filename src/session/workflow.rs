//! Workflows: what a scan found as the vault keeps it, who uses a credential, and what names nothing.

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;
use serde_json::Value;

use super::lookup;
use crate::model::reference::{Reference, SCHEME};
use crate::model::{Credential, Document, Edit, Mentioned, Workflow};
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
            let references = file.mentions.iter().map(|mention| {
                let resolved = match &mention.reference {
                    Ok(reference) => resolves(document, kinds, reference, solution),
                    Err(error) => Err(Problem::new(Exit::Usage, "reference", error.to_string())),
                };
                if let Err(problem) = resolved {
                    unresolved.push(Unresolved {
                        workflow: file.name.clone(),
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
                name: file.name.clone(),
                path: text(&file.path),
                solution: solution.to_owned(),
                scanned_at: now,
                extra: crate::model::Object::new(),
            }
        })
        .collect();
    let under: Vec<String> = found.roots.iter().map(|root| text(root)).collect();
    let named = |workflows: &[Workflow]| -> BTreeSet<(String, String, String)> {
        let each = |workflow: &Workflow| {
            let (path, name) = (workflow.path.clone(), workflow.name.clone());
            let references = workflow.references.iter().map(|place| place.reference.clone());
            references.map(move |reference| (path.clone(), name.clone(), reference)).collect::<Vec<_>>()
        };
        workflows.iter().flat_map(each).collect()
    };
    let mut after = document.clone();
    let edit = Edit::SetWorkflows { under, workflows: workflows.clone() };
    let known = match after.apply(edit.clone(), now) {
        Ok(Edit::SetWorkflows { workflows, .. }) => workflows,
        _ => Vec::new(),
    };
    let now_named: BTreeSet<(String, String)> =
        named(&workflows).into_iter().map(|(path, _, reference)| (path, reference)).collect();
    let vanished = named(&known)
        .into_iter()
        .filter(|(path, _, reference)| !now_named.contains(&(path.clone(), reference.clone())))
        .map(|(_, name, reference)| (name, reference))
        .collect();
    Survey { edit, workflows, unresolved, vanished }
}

/// Whether a reference names something, be it not entered yet.
fn resolves(document: &Document, kinds: &Kinds, reference: &Reference, current: &str) -> Result<(), Problem> {
    let credential = super::referred(document, reference, current)?;
    if reference.field.is_some() {
        lookup::secret_place(kinds, &credential.content, reference.field.as_deref())?;
    }
    Ok(())
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

/// What a renaming changes in the text of one file.
#[derive(Debug)]
pub struct Rewrite {
    /// The whole text afterwards.
    pub text: Vec<u8>,
    /// Line, what stands there, and what will.
    pub changes: Vec<(usize, String, String)>,
}

/// Rewrites what a text names; `change` says what a reference becomes, if anything.
pub fn rewrite(
    text: &[u8],
    keys: &HashSet<String>,
    change: impl Fn(&Reference) -> Option<Reference>,
) -> Rewrite {
    let mut done = 0;
    let mut rewrite = Rewrite { text: Vec::with_capacity(text.len()), changes: Vec::new() };
    let mut places = scan::mentions(text, keys);
    places.sort_by_key(|place| place.range.start);
    for place in places {
        let Some(after) = place.reference.as_ref().ok().and_then(&change) else { continue };
        let after = match place.written.starts_with(SCHEME) {
            true => after.to_string(),
            false => after.key,
        };
        rewrite.text.extend_from_slice(&text[done..place.range.start]);
        rewrite.text.extend_from_slice(after.as_bytes());
        done = place.range.end;
        rewrite.changes.push((place.line, place.written, after));
    }
    rewrite.text.extend_from_slice(&text[done..]);
    rewrite
}
