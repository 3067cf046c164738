//! Edits of a rotation: the step that is noted follows the one that its writer saw.

use super::{Edit, EditError};
use crate::model::{Document, Id, Rotation};

impl Document {
    pub(super) fn set_rotation(
        &mut self,
        id: Id,
        seen: Option<Box<Rotation>>,
        rotation: Option<Box<Rotation>>,
    ) -> Result<Edit, EditError> {
        let credential = self.credential_mut(&id)?;
        if credential.rotation != seen {
            return Err(EditError::RotationChanged(credential.content.key().to_owned()));
        }
        credential.rotation.clone_from(&rotation);
        Ok(Edit::SetRotation { id, seen: rotation, rotation: seen })
    }
}
