//! Edits of one credential: made, changed, removed, restored, purged, tested.

use jiff::Timestamp;

use super::{Edit, EditError};
use crate::model::{Content, Credential, Document, Id, Removed, TESTS_KEPT, TestRecord, Version, merge};

impl Document {
    pub(super) fn create(&mut self, id: Id, content: Content, now: Timestamp) -> Result<Edit, EditError> {
        self.check_id(&id)?;
        self.check_place(&content, None)?;
        Ok(self.add(id, content, now))
    }

    pub(super) fn update(
        &mut self,
        id: &Id,
        base: Option<&Content>,
        content: Content,
        now: Timestamp,
    ) -> Result<Edit, EditError> {
        let index = self.index(id)?;
        let found = &self.credentials[index].content;
        if base.is_some_and(|base| !merge::changed(base, found).is_empty()) {
            return Err(EditError::Conflict { key: found.key().to_owned() });
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
        let base = Some(Box::new(credential.content.clone()));
        Ok(Edit::Update { id: id.clone(), base, content: before })
    }

    pub(super) fn restore(&mut self, id: Id) -> Result<Edit, EditError> {
        let Some(index) = self.trash.iter().rposition(|removed| removed.credential.id == id) else {
            return Err(EditError::NotInTrash(id));
        };
        self.check_place(&self.trash[index].credential.content, None)?;
        let removed = self.trash.remove(index);
        let base = Box::new(removed.credential.content.clone());
        self.credentials.push(removed.credential);
        Ok(Edit::Remove { id, base })
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

    pub(super) fn remove(&mut self, id: Id, base: &Content, now: Timestamp) -> Result<Edit, EditError> {
        let index = self.index(&id)?;
        let found = &self.credentials[index].content;
        if merge::changed(base, found).iter().any(|place| place != Content::TOKENS) {
            return Err(EditError::Conflict { key: found.key().to_owned() });
        }
        let credential = self.credentials.remove(index);
        self.trash.push(Removed { at: now, credential });
        Ok(Edit::Restore { id })
    }

    pub(super) fn purge(&mut self, id: Id) -> Result<Edit, EditError> {
        let Some(index) = self.trash.iter().position(|removed| removed.credential.id == id) else {
            return Err(EditError::NotInTrash(id));
        };
        let removed = Box::new(self.trash.remove(index));
        Ok(Edit::PutInTrash { removed, index })
    }

    pub(super) fn put_in_trash(&mut self, removed: Removed, index: usize) -> Result<Edit, EditError> {
        let id = removed.credential.id.clone();
        self.check_id(&id)?;
        // Another program may have emptied the trash meanwhile.
        self.trash.insert(index.min(self.trash.len()), removed);
        Ok(Edit::Purge { id })
    }

    pub(super) fn record_test(&mut self, id: Id, record: TestRecord) -> Result<Edit, EditError> {
        let credential = self.credential_mut(&id)?;
        let full = credential.tests.len() >= TESTS_KEPT;
        let displaced = full.then(|| credential.tests.remove(0));
        credential.tests.push(record.clone());
        Ok(Edit::ForgetTest { id, record, displaced })
    }

    pub(super) fn forget_test(
        &mut self,
        id: Id,
        record: TestRecord,
        displaced: Option<TestRecord>,
    ) -> Result<Edit, EditError> {
        let credential = self.credential_mut(&id)?;
        if let Some(index) = credential.tests.iter().rposition(|known| *known == record) {
            credential.tests.remove(index);
        }
        if let Some(displaced) = displaced {
            credential.tests.insert(0, displaced);
        }
        Ok(Edit::RecordTest { id, record })
    }

    /// An id that nothing has had.
    fn check_id(&self, id: &Id) -> Result<(), EditError> {
        let mut taken = self.credentials.iter().chain(self.trash.iter().map(|removed| &removed.credential));
        if taken.any(|credential| credential.id == *id) {
            Err(EditError::IdTaken(id.clone()))
        } else {
            Ok(())
        }
    }

    fn index(&self, id: &Id) -> Result<usize, EditError> {
        self.credentials.iter().position(|credential| credential.id == *id).ok_or_else(|| {
            match self.trash.iter().find(|removed| removed.credential.id == *id) {
                Some(removed) => EditError::Removed { key: removed.credential.content.key().to_owned() },
                None => EditError::NoCredential(id.clone()),
            }
        })
    }

    pub(super) fn credential_mut(&mut self, id: &Id) -> Result<&mut Credential, EditError> {
        let index = self.index(id)?;
        Ok(&mut self.credentials[index])
    }
}
