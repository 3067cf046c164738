//! Every change to a [`Document`], and the change that takes it back.
//!
//! [`Document::apply`] either changes the document and returns the inverse, or changes nothing and says why.
//! Undo is a list of inverses. An edit names the version it started from, so that replaying edits on a
//! document that another program saved meanwhile merges them, or tells of the conflict.

use jiff::Timestamp;

use super::{
    Content, Credential, Document, Id, Recipient, Removed, Solution, TESTS_KEPT, TestRecord, Version,
};

/// One change to a document.
#[derive(Clone, Debug, PartialEq)]
pub enum Edit {
    /// Adds a credential.
    Create {
        /// Its stable name.
        id: Id,
        /// Version 1.
        content: Content,
    },
    /// Makes a new version of a credential.
    Update {
        /// Which.
        id: Id,
        /// The version the writer saw; another one there is a conflict. `None`: whatever is there.
        expected: Option<u32>,
        /// What it shall say.
        content: Content,
    },
    /// Moves a credential to the trash.
    Remove {
        /// Which.
        id: Id,
    },
    /// Takes a credential back from the trash.
    Restore {
        /// Which.
        id: Id,
    },
    /// Notes what a test found. Makes no version.
    RecordTest {
        /// Of which credential.
        id: Id,
        /// What was found.
        record: TestRecord,
    },
    /// Drops a test record again: the inverse of [`Edit::RecordTest`].
    ForgetTest {
        /// Of which credential.
        id: Id,
        /// The record.
        record: TestRecord,
        /// The older record that fell off when it was noted.
        displaced: Option<TestRecord>,
    },
    /// Adds a solution.
    AddSolution {
        /// The solution.
        solution: Solution,
    },
    /// Removes a solution that nothing lives in.
    RemoveSolution {
        /// Its name.
        name: String,
    },
    /// Replaces the list of recipients.
    SetRecipients {
        /// All of them.
        recipients: Vec<Recipient>,
    },
}

/// Why an edit cannot be applied. The document is as it was.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// Solution and key are taken.
    #[error("there is a credential {key} in {solution} already")]
    KeyTaken {
        /// Where.
        solution: String,
        /// Which.
        key: String,
    },
    /// Nothing has this id.
    #[error("there is no such credential (id {0}); another program may have removed it")]
    NoCredential(Id),
    /// The trash has nothing of this id.
    #[error("there is no such credential in the trash (id {0})")]
    NotInTrash(Id),
    /// Another writer made a version first.
    #[error(
        "{key} was changed by another program: version {found} is stored, this change started from {expected}"
    )]
    Conflict {
        /// Which credential.
        key: String,
        /// The version the writer saw.
        expected: u32,
        /// The version that is stored.
        found: u32,
    },
    /// A solution of that name exists.
    #[error("there is a solution {0} already")]
    SolutionTaken(String),
    /// No solution of that name.
    #[error("there is no solution {0}")]
    NoSolution(String),
    /// Credentials live in it, or it is the default.
    #[error("the solution {0} is not empty")]
    SolutionInUse(String),
    /// The id exists already.
    #[error("the id {0} is taken")]
    IdTaken(Id),
}

impl Document {
    /// Applies one edit at a point in time and returns the edit that takes it back.
    ///
    /// # Errors
    /// Says why it cannot be applied; the document is then unchanged.
    pub fn apply(&mut self, edit: Edit, now: Timestamp) -> Result<Edit, EditError> {
        match edit {
            Edit::Create { id, content } => self.create(id, content, now),
            Edit::Update { id, expected, content } => self.update(&id, expected, content, now),
            Edit::Remove { id } => {
                let index = self.index(&id)?;
                let credential = self.credentials.remove(index);
                self.trash.push(Removed { at: now, credential });
                Ok(Edit::Restore { id })
            }
            Edit::Restore { id } => self.restore(id),
            Edit::RecordTest { id, record } => {
                let credential = self.credential_mut(&id)?;
                let full = credential.tests.len() >= TESTS_KEPT;
                let displaced = full.then(|| credential.tests.remove(0));
                credential.tests.push(record.clone());
                Ok(Edit::ForgetTest { id, record, displaced })
            }
            Edit::ForgetTest { id, record, displaced } => {
                let credential = self.credential_mut(&id)?;
                if let Some(index) = credential.tests.iter().rposition(|known| *known == record) {
                    credential.tests.remove(index);
                }
                if let Some(displaced) = displaced {
                    credential.tests.insert(0, displaced);
                }
                Ok(Edit::RecordTest { id, record })
            }
            Edit::AddSolution { solution } => {
                if self.has_solution(&solution.name) {
                    return Err(EditError::SolutionTaken(solution.name));
                }
                let name = solution.name.clone();
                self.solutions.push(solution);
                Ok(Edit::RemoveSolution { name })
            }
            Edit::RemoveSolution { name } => {
                let Some(index) = self.solutions.iter().position(|solution| solution.name == name) else {
                    return Err(EditError::NoSolution(name));
                };
                let lived_in =
                    self.credentials.iter().any(|credential| credential.content.solution() == name);
                if lived_in || name == super::DEFAULT_SOLUTION {
                    return Err(EditError::SolutionInUse(name));
                }
                Ok(Edit::AddSolution { solution: self.solutions.remove(index) })
            }
            Edit::SetRecipients { recipients } => {
                let before = std::mem::replace(&mut self.recipients, recipients);
                Ok(Edit::SetRecipients { recipients: before })
            }
        }
    }

    fn create(&mut self, id: Id, content: Content, now: Timestamp) -> Result<Edit, EditError> {
        let mut taken = self.credentials.iter().chain(self.trash.iter().map(|removed| &removed.credential));
        if taken.any(|credential| credential.id == id) {
            return Err(EditError::IdTaken(id));
        }
        self.check_place(&content, None)?;
        self.credentials.push(Credential::new(id.clone(), content, now));
        Ok(Edit::Remove { id })
    }

    fn update(
        &mut self,
        id: &Id,
        expected: Option<u32>,
        content: Content,
        now: Timestamp,
    ) -> Result<Edit, EditError> {
        let index = self.index(id)?;
        let found = self.credentials[index].version;
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            let key = self.credentials[index].content.key().to_owned();
            return Err(EditError::Conflict { key, expected, found });
        }
        self.check_place(&content, Some(id))?;
        let credential = &mut self.credentials[index];
        let before = std::mem::replace(&mut credential.content, content);
        let number = credential.version;
        credential.version += 1;
        if !credential.content.proves_same(&before) {
            credential.proven_since = credential.version;
        }
        credential.history.push(Version { number, at: credential.updated_at, content: before.clone() });
        credential.updated_at = now;
        Ok(Edit::Update { id: id.clone(), expected: Some(credential.version), content: before })
    }

    fn restore(&mut self, id: Id) -> Result<Edit, EditError> {
        let Some(index) = self.trash.iter().rposition(|removed| removed.credential.id == id) else {
            return Err(EditError::NotInTrash(id));
        };
        self.check_place(&self.trash[index].credential.content, None)?;
        let removed = self.trash.remove(index);
        self.credentials.push(removed.credential);
        Ok(Edit::Remove { id })
    }

    fn check_place(&self, content: &Content, own: Option<&Id>) -> Result<(), EditError> {
        if !self.has_solution(content.solution()) {
            return Err(EditError::NoSolution(content.solution().to_owned()));
        }
        match self.find(content.solution(), content.key()) {
            Some(other) if Some(&other.id) != own => Err(EditError::KeyTaken {
                solution: content.solution().to_owned(),
                key: content.key().to_owned(),
            }),
            _ => Ok(()),
        }
    }

    /// Whether a solution of this name exists.
    pub fn has_solution(&self, name: &str) -> bool {
        self.solutions.iter().any(|solution| solution.name == name)
    }

    fn index(&self, id: &Id) -> Result<usize, EditError> {
        self.credentials
            .iter()
            .position(|credential| credential.id == *id)
            .ok_or_else(|| EditError::NoCredential(id.clone()))
    }

    fn credential_mut(&mut self, id: &Id) -> Result<&mut Credential, EditError> {
        let index = self.index(id)?;
        Ok(&mut self.credentials[index])
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::super::{DEFAULT_SOLUTION, Outcome};
    use super::*;
    use crate::secret::Secret;

    fn content(solution: &str, key: &str, secret: &str) -> Content {
        let document = json!({"solution": solution, "key": key, "kind": "secret", "config": {}});
        let mut content =
            Content { document: document.as_object().cloned().unwrap_or_default(), ..Content::default() };
        content.set_secret("/config/values/v", Secret::from(secret));
        content
    }

    fn record(version: u32) -> TestRecord {
        TestRecord {
            at: Timestamp::UNIX_EPOCH,
            version,
            outcome: Outcome::Ok,
            status_code: Some(200),
            latency_ms: 1,
            message: String::new(),
        }
    }

    /// What must be the same after an edit and its inverse. Undoing an update makes a version, and restoring
    /// from the trash moves to the end: neither is part of it.
    fn essence(document: &Document) -> impl PartialEq + std::fmt::Debug + use<> {
        let mut credentials: Vec<_> = document
            .credentials
            .iter()
            .map(|c| (c.id.clone(), c.content.document.clone(), c.content.secrets.clone(), c.tests.clone()))
            .collect();
        credentials.sort_by(|a, b| a.0.cmp(&b.0));
        let mut solutions: Vec<_> = document.solutions.iter().map(|s| s.name.clone()).collect();
        solutions.sort();
        (credentials, solutions, document.recipients.clone())
    }

    /// An edit in terms of "the n-th credential", so that random lists of them make sense.
    #[derive(Clone, Debug)]
    enum Wish {
        Create(u8, u8),
        Update(usize, u8, String),
        Remove(usize),
        Restore(usize),
        Test(usize),
        AddSolution(u8),
        RemoveSolution(u8),
    }

    fn wish() -> impl Strategy<Value = Wish> {
        prop_oneof![
            (0..3u8, 0..6u8).prop_map(|(s, k)| Wish::Create(s, k)),
            (0..8usize, 0..6u8, "\\PC{0,6}").prop_map(|(n, k, s)| Wish::Update(n, k, s)),
            (0..8usize).prop_map(Wish::Remove),
            (0..8usize).prop_map(Wish::Restore),
            (0..8usize).prop_map(Wish::Test),
            (0..3u8).prop_map(Wish::AddSolution),
            (0..3u8).prop_map(Wish::RemoveSolution),
        ]
    }

    fn solution(number: u8) -> String {
        if number == 0 { DEFAULT_SOLUTION.to_owned() } else { format!("s{number}") }
    }

    fn edit(document: &Document, wish: Wish) -> Option<Edit> {
        let nth = |n: usize| document.credentials.get(n % document.credentials.len().max(1));
        Some(match wish {
            Wish::Create(s, k) => {
                Edit::Create { id: Id::new(), content: content(&solution(s), &format!("k{k}"), "x") }
            }
            Wish::Update(n, k, secret) => {
                let old = nth(n)?;
                let content = content(old.content.solution(), &format!("k{k}"), &secret);
                Edit::Update { id: old.id.clone(), expected: Some(old.version), content }
            }
            Wish::Remove(n) => Edit::Remove { id: nth(n)?.id.clone() },
            Wish::Restore(n) => Edit::Restore {
                id: document.trash.get(n % document.trash.len().max(1))?.credential.id.clone(),
            },
            Wish::Test(n) => Edit::RecordTest { id: nth(n)?.id.clone(), record: record(nth(n)?.version) },
            Wish::AddSolution(s) => Edit::AddSolution { solution: Solution::named(&solution(s)) },
            Wish::RemoveSolution(s) => Edit::RemoveSolution { name: solution(s) },
        })
    }

    proptest! {
        #[test]
        fn every_edit_can_be_taken_back_and_a_refused_one_changes_nothing(
            wishes in proptest::collection::vec(wish(), 1..60),
        ) {
            let mut document = Document::new();
            let now = Timestamp::UNIX_EPOCH;
            for wish in wishes {
                let Some(edit) = edit(&document, wish) else { continue };
                let before = document.clone();
                match document.apply(edit, now) {
                    Err(_) => prop_assert_eq!(&document, &before),
                    Ok(inverse) => {
                        let mut undone = document.clone();
                        undone.apply(inverse, now).map_err(|error| TestCaseError::fail(error.to_string()))?;
                        prop_assert_eq!(essence(&undone), essence(&before));
                    }
                }
                // Solution and key are unique, and every version is kept.
                let mut places: Vec<_> =
                    document.credentials.iter().map(|c| (c.content.solution(), c.content.key())).collect();
                places.sort();
                let count = places.len();
                places.dedup();
                prop_assert_eq!(places.len(), count);
                for credential in &document.credentials {
                    prop_assert_eq!(credential.history.len() + 1, credential.version as usize);
                    prop_assert!(credential.tests.len() <= TESTS_KEPT);
                }
            }
        }
    }

    #[test]
    fn an_update_that_started_from_another_version_is_a_conflict() {
        let mut document = Document::new();
        let now = Timestamp::UNIX_EPOCH;
        let id = Id::new();
        document.apply(Edit::Create { id: id.clone(), content: content("default", "a", "1") }, now).unwrap();
        let update = |secret: &str, expected| Edit::Update {
            id: id.clone(),
            expected,
            content: content("default", "a", secret),
        };
        document.apply(update("2", Some(1)), now).unwrap();
        let conflict = document.apply(update("3", Some(1)), now).unwrap_err();
        assert_eq!(conflict, EditError::Conflict { key: "a".to_owned(), expected: 1, found: 2 });
        document.apply(update("3", None), now).unwrap();
        assert_eq!(document.find("default", "a").unwrap().version, 3);
    }

    #[test]
    fn a_test_of_an_older_version_vouches_only_while_nothing_it_proved_has_changed() {
        let mut document = Document::new();
        let now = Timestamp::UNIX_EPOCH;
        let id = Id::new();
        document.apply(Edit::Create { id: id.clone(), content: content("default", "a", "1") }, now).unwrap();
        document.apply(Edit::RecordTest { id: id.clone(), record: record(1) }, now).unwrap();
        let status = |document: &Document| {
            let facts = super::super::Facts { complete: true, testable: true, now, expires_soon_secs: 0 };
            document.by_id(&id).unwrap().status(facts).0
        };
        assert_eq!(status(&document), super::super::Status::Active);
        let mut renamed = content("default", "b", "1");
        renamed.set("/notes", json!("renamed"));
        document.apply(Edit::Update { id: id.clone(), expected: None, content: renamed }, now).unwrap();
        assert_eq!(status(&document), super::super::Status::Active, "a name proves nothing");
        let other = content("default", "b", "2");
        document.apply(Edit::Update { id: id.clone(), expected: None, content: other }, now).unwrap();
        assert_eq!(status(&document), super::super::Status::Untested, "another secret");
        document.apply(Edit::RecordTest { id: id.clone(), record: record(2) }, now).unwrap();
        assert_eq!(status(&document), super::super::Status::Untested, "a late result of an older version");
    }
}
