//! A vault's contents, to be taken elsewhere and back: what goes into an export, and what one would change.

use super::import::{Fate, Import, ImportRow, row_of};
use super::solution::check_solution_name;
use crate::import::key;
use crate::model::{Content, Credential, Document, Edit, Id, OauthApp, Placeholder};
use crate::problem::{Exit, Problem};
use crate::schema::Kinds;

/// What goes into an export.
#[derive(Clone, Copy, Debug, Default)]
pub struct ExportOptions<'a> {
    /// Only the credentials of this solution, and the kinds and OAuth apps that they need.
    pub solution: Option<&'a str>,
    /// Without any secret: each place of one says that it is missing.
    pub structure: bool,
}

/// What an export of a vault holds: what is true now, without earlier versions, tests, trash and recipients.
///
/// # Errors
/// Exit 4 where there is no such solution.
pub fn exported(document: &Document, options: ExportOptions<'_>) -> Result<Document, Problem> {
    if let Some(solution) = options.solution.filter(|name| !document.has_solution(name)) {
        return Err(super::not_found(document, solution, ""));
    }
    let wanted = |name: &str| options.solution.is_none_or(|solution| solution == name);
    let mut out = Document {
        organization: document.organization.clone(),
        solutions: document.solutions.iter().filter(|solution| wanted(&solution.name)).cloned().collect(),
        extra: document.extra.clone(),
        ..Document::default()
    };
    for credential in document.credentials.iter().filter(|credential| wanted(credential.content.solution())) {
        let mut now =
            Credential::new(credential.id.clone(), credential.content.clone(), credential.updated_at);
        now.created_at = credential.created_at;
        now.extra.clone_from(&credential.extra);
        out.credentials.push(now);
    }
    if options.solution.is_some() {
        let contents = || out.credentials.iter().map(|credential| &credential.content);
        let apps: Vec<String> =
            contents().filter_map(|content| content.get_str("/config/app").map(str::to_owned)).collect();
        let kinds: Vec<String> = contents().map(|content| content.kind().to_owned()).collect();
        out.organization.oauth_apps.retain(|app| apps.iter().any(|name| name == app.name()));
        out.organization.kinds.retain(|kind| kinds.contains(&kind.id));
    }
    for kind in &mut out.organization.kinds {
        kind.history.clear();
        kind.version = 1;
    }
    if options.structure {
        out.credentials.iter_mut().for_each(|credential| without_secrets(&mut credential.content));
        out.organization.oauth_apps.iter_mut().for_each(|app| without_secrets(&mut app.content));
    }
    Ok(out)
}

/// Leaves no secret in a content: its places say that one is missing, what was only imported with it goes.
fn without_secrets(content: &mut Content) {
    content.remove("/config/tokens");
    let places: Vec<String> = content.secrets.keys().cloned().collect();
    for place in places {
        match place.starts_with("/imported/") {
            true => content.remove(&place),
            false => content.set(&place, Placeholder::Missing.value()),
        }
    }
}

/// Plans what an export would change: kinds and OAuth apps that are not there, solutions, credentials. What is stored
/// under the same name and says something else gets another version, unless `keep`. A stored secret that the export
/// leaves out stays, and then nothing may send it elsewhere.
///
/// # Errors
/// Exit 7 where a name in it can be none.
pub fn import_export(
    document: &Document,
    kinds: &Kinds,
    export: &Document,
    keep: bool,
) -> Result<Import, Problem> {
    let mut done = Import::default();
    own_kinds(document, export, &mut done);
    apps(document, export, keep, &mut done);
    for solution in &export.solutions {
        check_solution_name(&solution.name)?;
        if !document.has_solution(&solution.name) {
            done.edits.push(Edit::AddSolution { solution: solution.clone() });
        }
    }
    let will_be = |name: &str| document.has_solution(name) || export.has_solution(name);
    let exported = Kinds::of(export);
    for (number, credential) in export.credentials.iter().enumerate() {
        let content = &credential.content;
        let place = format!("credential {}", number + 1);
        if !key::is_one(content.key()) || !will_be(content.solution()) {
            let message = format!("{place} has no usable key or solution");
            return Err(Problem::new(Exit::Invalid, "invalid_import", message)
                .hint("an export that `credbench export` wrote has both"));
        }
        let mut row = row_of(content, Fate::New, place);
        let kind = kinds.of_content(content).or_else(|| exported.of_content(content));
        let flaws = kind.map(|kind| kind.check(content)).unwrap_or_default();
        row.told.extend(flaws.iter().map(|flaw| format!("needs attention: {flaw}")));
        match document.find(content.solution(), content.key()) {
            None => {
                let taken = document.by_id(&credential.id).is_some()
                    || document.trash.iter().any(|removed| removed.credential.id == credential.id);
                let id = if taken { Id::new() } else { credential.id.clone() };
                done.edits.push(Edit::Create { id, content: content.clone() });
            }
            Some(stored) => {
                let moved = |after: &Content| kinds.changed_origin(&stored.content, after).is_some();
                let (fate, after) = beside(&stored.content, content, keep, moved, &mut row.told);
                row.fate = fate;
                if fate == Fate::Changed {
                    let (id, base) = (stored.id.clone(), Some(Box::new(stored.content.clone())));
                    done.edits.push(Edit::Update { id, base, content: after });
                }
            }
        }
        done.rows.push(row);
    }
    Ok(done)
}

/// What becomes of something that is stored, and what it would say: what the export says, with the stored secrets that
/// the export leaves out. `moved` tells whether those would be sent elsewhere.
fn beside(
    stored: &Content,
    content: &Content,
    keep: bool,
    moved: impl FnOnce(&Content) -> bool,
    told: &mut Vec<String>,
) -> (Fate, Content) {
    let mut after = content.clone();
    let mut kept = false;
    for place in content.missing_marks() {
        if let Some(secret) = stored.secret(&place) {
            after.set_secret(&place, secret.clone());
            kept = true;
        }
    }
    let (fate, why) = if *stored == after {
        (Fate::Duplicate, "is stored already")
    } else if keep {
        (Fate::Skipped, "the key is taken; what is stored stays")
    } else if kept && moved(&after) {
        (Fate::Skipped, "names another address, and has no secret of its own: what is stored stays")
    } else {
        return (Fate::Changed, after);
    };
    told.insert(0, why.to_owned());
    (fate, after)
}

fn row(name: &str, kind: &str, fate: Fate, told: Vec<String>) -> ImportRow {
    ImportRow {
        place: "organization".to_owned(),
        name: name.to_owned(),
        solution: String::new(),
        key: name.to_owned(),
        kind: kind.to_owned(),
        service: String::new(),
        fate,
        told,
    }
}

fn own_kinds(document: &Document, export: &Document, done: &mut Import) {
    for kind in &export.organization.kinds {
        let stored = document.organization.kinds.iter().find(|stored| stored.id == kind.id);
        let (fate, told) = match stored {
            None if Kinds::is_builtin(&kind.id) => {
                (Fate::Skipped, "a kind of that name comes with the program")
            }
            None => {
                let (id, schema) = (kind.id.clone(), kind.schema.clone());
                done.edits.push(Edit::DefineKind { id, expected: None, schema });
                (Fate::New, "")
            }
            Some(stored) if stored.schema == kind.schema => (Fate::Duplicate, "is defined already"),
            // Another schema could call a stored secret something else.
            Some(_) => (Fate::Skipped, "is defined here in another way, which stays"),
        };
        let told = Some(told.to_owned()).filter(|told| !told.is_empty()).into_iter().collect();
        done.rows.push(row(&kind.id, "kind", fate, told));
    }
}

fn apps(document: &Document, export: &Document, keep: bool, done: &mut Import) {
    for app in &export.organization.oauth_apps {
        let stored = document.oauth_apps().iter().find(|stored| stored.name() == app.name());
        let mut told = Vec::new();
        let (fate, content) = match stored {
            None => (Fate::New, app.content.clone()),
            // Any address of an app may be one that its secret is sent to.
            Some(stored) => beside(&stored.content, &app.content, keep, |_| true, &mut told),
        };
        if matches!(fate, Fate::New | Fate::Changed) {
            let (before, after) = (stored.cloned(), Some(OauthApp { content }));
            done.edits.push(Edit::SetOauthApp { name: app.name().to_owned(), before, after });
        }
        done.rows.push(row(app.name(), "oauth_app", fate, told));
    }
}

#[cfg(test)]
mod tests;
