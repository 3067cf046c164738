//! Many edits of one document, such as an import's.

use std::collections::HashSet;

use jiff::Timestamp;

use super::{Edit, EditError};
use crate::model::{Content, Credential, Document, Id};

/// A document that many edits are applied to.
///
/// What is made anew must have an id and a place that nothing has. Here it is not compared with everything that is
/// there, each time: ten thousand credentials would take a hundred million comparisons.
pub struct Batch {
    document: Document,
    taken: Option<Taken>,
}

/// All ids and places that are taken, and some that were.
struct Taken {
    ids: HashSet<Id>,
    /// Solutions and keys.
    places: HashSet<(String, String)>,
}

impl Taken {
    fn of(document: &Document) -> Self {
        let removed = document.trash.iter().map(|removed| &removed.credential);
        Self {
            ids: document.credentials.iter().chain(removed).map(|credential| credential.id.clone()).collect(),
            places: document.credentials.iter().map(|credential| place(&credential.content)).collect(),
        }
    }
}

fn place(content: &Content) -> (String, String) {
    (content.solution().to_owned(), content.key().to_owned())
}

impl Batch {
    /// Begins with this document.
    pub fn new(document: Document) -> Self {
        Self { document, taken: None }
    }

    /// What the document says after the edits so far.
    pub fn document(&self) -> &Document {
        &self.document
    }

    /// The document with all edits.
    pub fn into_document(self) -> Document {
        self.document
    }

    /// As [`Document::apply`].
    ///
    /// # Errors
    /// As [`Document::apply`]; the document says what it said before.
    pub fn apply(&mut self, edit: Edit, now: Timestamp) -> Result<Edit, EditError> {
        match edit {
            Edit::Create { id, content } => self.create(id, content, now),
            edit => {
                match &edit {
                    Edit::Update { content, .. } => {
                        if let Some(taken) = &mut self.taken {
                            taken.places.insert(place(content));
                        }
                    }
                    Edit::RecordTest { .. }
                    | Edit::ForgetTest { .. }
                    | Edit::SetTokens { .. }
                    | Edit::SetRotation { .. }
                    | Edit::AddSolution { .. } => {}
                    _ => self.taken = None,
                }
                self.document.apply(edit, now)
            }
        }
    }

    fn create(&mut self, id: Id, content: Content, now: Timestamp) -> Result<Edit, EditError> {
        let taken = self.taken.get_or_insert_with(|| Taken::of(&self.document));
        let place = place(&content);
        let free = !taken.ids.contains(&id) && !taken.places.contains(&place);
        taken.ids.insert(id.clone());
        taken.places.insert(place);
        if free && self.document.has_solution(content.solution()) {
            Ok(self.document.add(id, content, now))
        } else {
            // It may be free again by now, or it says why not.
            self.document.apply(Edit::Create { id, content }, now)
        }
    }
}

impl Document {
    /// Adds what is known to be new.
    pub(super) fn add(&mut self, id: Id, content: Content, now: Timestamp) -> Edit {
        let base = Box::new(content.clone());
        self.credentials.push(Credential::new(id.clone(), content, now));
        Edit::Remove { id, base }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::model::Solution;

    fn content(solution: &str, key: u8) -> Content {
        let mut content = Content::default();
        content.set("/solution", json!(solution));
        content.set(Content::KEY, json!(format!("key-{key}")));
        content
    }

    /// What a step does: few ids and few places, so that they meet.
    fn edit(document: &Document, (what, id, key): (u8, u8, u8)) -> Edit {
        let solution = if key % 2 == 0 { "default" } else { "prod" };
        let content = content(solution, key / 2);
        let id = Id(format!("id-{id}"));
        let stored = document.by_id(&id).map(|credential| credential.content.clone()).unwrap_or_default();
        match what {
            0..4 => Edit::Create { id, content },
            4 => Edit::Update { id, base: None, content },
            5 => Edit::Remove { id, base: Box::new(stored) },
            6 => Edit::Restore { id },
            7 => Edit::Purge { id },
            8 => Edit::AddSolution { solution: Solution::named("prod") },
            _ => Edit::RenameSolution { from: "prod".to_owned(), to: "live".to_owned(), except: Vec::new() },
        }
    }

    proptest! {
        #[test]
        fn it_is_as_one_edit_after_another(steps in proptest::collection::vec((0..10u8, 0..6u8, 0..8u8), 0..40)) {
            let now = Timestamp::UNIX_EPOCH;
            let mut document = Document::new();
            let mut batch = Batch::new(document.clone());
            for step in steps {
                let edit = edit(&document, step);
                prop_assert_eq!(
                    batch.apply(edit.clone(), now).map_err(|error| error.to_string()),
                    document.apply(edit, now).map_err(|error| error.to_string())
                );
                prop_assert_eq!(batch.document(), &document);
            }
            prop_assert_eq!(batch.into_document(), document);
        }
    }
}
