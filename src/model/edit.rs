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
