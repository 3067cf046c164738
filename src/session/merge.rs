//! Edits that were made from an older state of the vault, made to fit what another program saved meanwhile.
//!
//! Fields that only one of the two changed merge by themselves. What is put together so was never seen by
//! anybody as a whole, so it has to hold what each side held alone: it fits its kind, and no secret goes to an
//! address that it was not given for. Where it does not, or where both changed a field, a person decides.

use jiff::Timestamp;

use super::{field_name, names, oauth_app_moved};
use crate::model::merge::{self, Merged};
use crate::model::{Batch, Content, Document, Edit, EditError, Id, OauthApp, TestRecord};
use crate::problem::{Exit, Problem};
use crate::schema::Kinds;
use crate::vault::StoreError;

/// Edits that fit, and what was put together to make them so.
#[derive(Debug, Default)]
pub(super) struct Rebased {
    pub(super) edits: Vec<Edit>,
    pub(super) notes: Vec<String>,
}

/// Whether a commit failed because another program changed or removed what an edit is about.
pub(super) fn is_conflict(error: &StoreError) -> bool {
    let StoreError::Edit(error) = error else { return false };
    matches!(
        error,
        EditError::Conflict { .. }
            | EditError::Removed { .. }
            | EditError::NoCredential(_)
            | EditError::OauthAppConflict(_)
    )
}

/// Two changes of one credential put together, as far as they can be.
///
/// Where they cannot be put together although no field was changed twice (the whole would not fit its kind, one
/// side gave it another kind, or a secret would go to another address than it was given for), all that either
/// changed clashes.
pub fn merged(
    kinds: &Kinds,
    document: &Document,
    base: &Content,
    mine: &Content,
    theirs: &Content,
) -> Merged {
    let mut merged = merge::merge(base, mine, theirs);
    let rekinded = |one: &[String], other: &[String]| {
        one.iter().any(|place| place == "/kind") && other.iter().any(|place| place.starts_with("/config/"))
    };
    let mixed = rekinded(&merged.mine, &merged.theirs) || rekinded(&merged.theirs, &merged.mine);
    if merged.clashes.is_empty() && (mixed || !holds(kinds, document, mine, theirs, &merged.content)) {
        merged.clashes = merge::changed(mine, theirs);
        merged.content = theirs.clone();
        merged.theirs.clear();
        merged.mine.clear();
    }
    merged
}

/// Whether what was put together is as good as each of its sides.
fn holds(kinds: &Kinds, document: &Document, mine: &Content, theirs: &Content, both: &Content) -> bool {
    let names = names(document);
    let wrong = |content: &Content| match kinds.of_content(content) {
        Some(kind) => {
            let mut found = kind.check(content);
            found.extend(kind.check_names(content, &names));
            found
        }
        None => Vec::new(),
    };
    let known = [wrong(mine), wrong(theirs)].concat();
    if wrong(both).iter().any(|violation| !known.contains(violation)) {
        return false;
    }
    // A secret that only one side has is bound to that side's address.
    [(mine, theirs), (theirs, mine)].iter().all(|(own, other)| {
        let only = both
            .secrets
            .iter()
            .any(|(place, secret)| own.secret(place) == Some(secret) && other.secret(place) != Some(secret));
        !only || kinds.changed_origin(own, both).is_none()
    })
}

/// Makes edits fit a document. What is done already, such as a removal, is left out.
///
/// # Errors
/// Exit 5 for what only a person can decide, naming the fields; else as [`Document::apply`].
pub(super) fn rebase(
    kinds: &Kinds,
    document: &Document,
    edits: Vec<Edit>,
    now: Timestamp,
) -> Result<Rebased, Problem> {
    let batch = Batch::new(document.clone());
    let mut rebase = Rebase { kinds, batch, now, mixed: Vec::new(), done: Rebased::default() };
    for edit in edits {
        rebase.add(edit)?;
    }
    Ok(rebase.done)
}

struct Rebase<'a> {
    kinds: &'a Kinds,
    /// What the vault will say after the edits so far.
    batch: Batch,
    now: Timestamp,
    /// Credentials that were put together, with what was tested of them, if anything.
    mixed: Vec<(Id, Content)>,
    done: Rebased,
}

impl Rebase<'_> {
    fn add(&mut self, edit: Edit) -> Result<(), Problem> {
        let edit = match edit {
            Edit::RecordTest { id, record } => match self.record(&id, record) {
                Some(record) => Edit::RecordTest { id, record },
                None => return Ok(()),
            },
            other => other,
        };
        match (self.batch.apply(edit.clone(), self.now), edit) {
            (Ok(_), edit) => self.done.edits.push(edit),
            (Err(EditError::Removed { .. }), Edit::Remove { .. }) => {}
            (Err(EditError::Removed { .. } | EditError::NoCredential(_)), Edit::ForgetTest { .. }) => {}
            (Err(EditError::Conflict { .. }), Edit::Update { id, base: Some(base), content }) => {
                self.update(id, &base, content)?;
            }
            (Err(EditError::Conflict { key }), Edit::Remove { id, base }) => {
                let found =
                    self.batch.document().by_id(&id).map(|stored| merge::changed(&base, &stored.content));
                let fields = found.unwrap_or_default();
                return Err(conflict(format!("{key} was changed by another program: {}", listed(&fields)))
                    .hint(format!(
                        "`credbench show {key}` shows what it says now; remove it again if it may go"
                    )));
            }
            (Err(EditError::Removed { key }), Edit::Update { .. }) => {
                return Err(conflict(format!(
                    "{key} was removed by another program; this change of it is not saved"
                ))
                .hint(format!("`credbench restore {key}` takes it back; then do it again")));
            }
            (Err(EditError::OauthAppConflict(_)), Edit::SetOauthApp { name, before, after }) => {
                self.app(name, before, after)?;
            }
            (Err(error), _) => return Err(error.into()),
        }
        Ok(())
    }

    fn update(&mut self, id: Id, base: &Content, content: Content) -> Result<(), Problem> {
        let Some(stored) = self.batch.document().by_id(&id) else {
            return Err(EditError::NoCredential(id).into());
        };
        let theirs = Box::new(stored.content.clone());
        let key = theirs.key().to_owned();
        let merged = merged(self.kinds, self.batch.document(), base, &content, &theirs);
        if !merged.clashes.is_empty() {
            return Err(clash(&key, &merged.clashes));
        }
        self.note(&key, &merged.theirs);
        self.mixed.push((id.clone(), content));
        // Both said the same: that is stored already.
        if merged.content != *theirs {
            self.put(Edit::Update { id, base: Some(theirs), content: merged.content })?;
        }
        Ok(())
    }

    fn app(
        &mut self,
        name: String,
        before: Option<OauthApp>,
        after: Option<OauthApp>,
    ) -> Result<(), Problem> {
        let stored = self.batch.document().oauth_app(&name).cloned();
        if stored == after {
            return Ok(());
        }
        let (Some(base), Some(mine), Some(theirs)) = (before, after, stored.clone()) else {
            return Err(EditError::OauthAppConflict(name).into());
        };
        let (mine, theirs) = (mine.content, theirs.content);
        let merged = merge::merge(&base.content, &mine, &theirs);
        if !merged.clashes.is_empty() {
            return Err(clash(&name, &merged.clashes));
        }
        let both = merged.content;
        let moved = [&mine, &theirs].iter().find_map(|side| oauth_app_moved(side, &both));
        if moved.is_some() || !super::check_oauth_app(&both).is_empty() {
            return Err(clash(&name, &merge::changed(&mine, &theirs)));
        }
        self.note(&name, &merged.theirs);
        self.put(Edit::SetOauthApp { name, before: stored, after: Some(OauthApp { content: both }) })
    }

    fn put(&mut self, edit: Edit) -> Result<(), Problem> {
        self.batch.apply(edit.clone(), self.now)?;
        self.done.edits.push(edit);
        Ok(())
    }

    fn note(&mut self, name: &str, places: &[String]) {
        if !places.is_empty() {
            let fields = listed(places);
            self.done.notes.push(format!("{name}: another program's change of {fields} was kept"));
        }
    }

    /// A test record for the version that it is about now. What was tested may not be what is stored: then
    /// nothing is noted.
    fn record(&self, id: &Id, record: TestRecord) -> Option<TestRecord> {
        let stored = self.batch.document().by_id(id)?;
        match self.mixed.iter().rev().find(|(mixed, _)| mixed == id) {
            Some((_, tested)) if !stored.content.proves_same(tested) => None,
            Some(_) => Some(TestRecord { version: stored.version, ..record }),
            None => Some(record),
        }
    }
}

fn conflict(message: String) -> Problem {
    Problem::new(Exit::Refused, "conflict", message)
}

fn clash(name: &str, places: &[String]) -> Problem {
    conflict(format!("{name}: another program changed {} meanwhile, and so does this change", listed(places)))
        .hint("look at what is stored now, then do it again; nothing was saved")
}

fn listed(places: &[String]) -> String {
    places.iter().map(|place| field_name(place)).collect::<Vec<_>>().join(", ")
}
