//! Edits of the vault's own kinds.

use jiff::Timestamp;

use super::{Edit, EditError};
use crate::model::{Document, KindDefinition, KindVersion, Object};

impl Document {
    /// A kind that was defined in this vault.
    pub fn own_kind(&self, id: &str) -> Option<&KindDefinition> {
        self.organization.kinds.iter().find(|definition| definition.id == id)
    }

    /// What is of a kind: `solution/key` each, those in the trash at the end and marked.
    pub fn kind_users(&self, id: &str) -> Vec<String> {
        let live = self.credentials.iter().map(|credential| (credential, ""));
        let trash = self.trash.iter().map(|removed| (&removed.credential, " (in the trash)"));
        live.chain(trash)
            .filter(|(credential, _)| credential.content.kind() == id)
            .map(|(credential, mark)| {
                format!("{}/{}{mark}", credential.content.solution(), credential.content.key())
            })
            .collect()
    }

    pub(super) fn define_kind(
        &mut self,
        id: String,
        expected: Option<u32>,
        schema: Object,
        now: Timestamp,
    ) -> Result<Edit, EditError> {
        let Some(expected) = expected else {
            if self.own_kind(&id).is_some() {
                return Err(EditError::KindTaken(id));
            }
            self.organization.kinds.push(KindDefinition {
                id: id.clone(),
                schema,
                version: 1,
                created_at: now,
                updated_at: now,
                history: Vec::new(),
                extra: Object::new(),
            });
            return Ok(Edit::RemoveKind { id });
        };
        let Some(kind) = self.organization.kinds.iter_mut().find(|known| known.id == id) else {
            return Err(EditError::NoKind(id));
        };
        if kind.version != expected {
            return Err(EditError::KindConflict { id, expected, found: kind.version });
        }
        let before = std::mem::replace(&mut kind.schema, schema);
        kind.history.push(KindVersion { number: kind.version, at: kind.updated_at, schema: before.clone() });
        kind.version += 1;
        kind.updated_at = now;
        Ok(Edit::DefineKind { id, expected: Some(kind.version), schema: before })
    }

    pub(super) fn remove_kind(&mut self, id: String) -> Result<Edit, EditError> {
        let Some(index) = self.organization.kinds.iter().position(|known| known.id == id) else {
            return Err(EditError::NoKind(id));
        };
        let by = self.kind_users(&id);
        if !by.is_empty() {
            return Err(EditError::KindInUse { id, by });
        }
        let definition = Box::new(self.organization.kinds.remove(index));
        Ok(Edit::PutKindBack { definition, index })
    }

    pub(super) fn put_kind_back(
        &mut self,
        definition: KindDefinition,
        index: usize,
    ) -> Result<Edit, EditError> {
        if self.own_kind(&definition.id).is_some() {
            return Err(EditError::KindTaken(definition.id));
        }
        let id = definition.id.clone();
        let index = index.min(self.organization.kinds.len());
        self.organization.kinds.insert(index, definition);
        Ok(Edit::RemoveKind { id })
    }
}
