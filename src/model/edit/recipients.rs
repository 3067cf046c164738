//! Edits of who can open the vault.

use super::Edit;
use crate::model::{Document, Recipient};

impl Document {
    pub(super) fn set_recipients(&mut self, before: Vec<Recipient>, after: Vec<Recipient>) -> Edit {
        let is_in =
            |list: &[Recipient], one: &Recipient| list.iter().any(|known| known.recipient == one.recipient);
        let merged = if self.recipients == before {
            after
        } else {
            let added = after.iter().filter(|one| !is_in(&before, one) && !is_in(&self.recipients, one));
            let gone = |one: &Recipient| is_in(&before, one) && !is_in(&after, one);
            self.recipients.iter().filter(|one| !gone(one)).chain(added).cloned().collect()
        };
        let stored = std::mem::replace(&mut self.recipients, merged);
        Edit::SetRecipients { before: self.recipients.clone(), after: stored }
    }
}
