//! An unsaved draft as it is kept: what a lock, a signal or a crash would have lost.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::Timestamp;

use super::{Id, Object};
use crate::secret::Secret;

/// An unsaved draft, taken out of its screen to be sealed, or read back from where it was sealed.
#[derive(Clone, PartialEq)]
pub struct KeptDraft {
    /// Names the draft itself: what it is about may be in another draft too.
    pub id: Id,
    /// When it was kept.
    pub at: Timestamp,
    /// What it is a draft of.
    pub subject: Subject,
    /// What it says, but for `text`.
    pub content: KeptContent,
    /// JSON that was typed and not taken over, as it stood there: it need not even be JSON, and may hold secrets.
    pub text: Option<Secret>,
}

impl fmt::Debug for KeptDraft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptDraft({}, {:?})", self.id, self.subject)
    }
}

/// What a draft is of.
#[derive(Clone, Debug, PartialEq)]
pub enum Subject {
    /// A credential.
    Credential {
        /// Its stable name; that of a new one too.
        id: Id,
        /// The stored version that the draft began from; `None`: the credential is new.
        version: Option<u32>,
        /// It is to be the next values of a rotation.
        rotates: bool,
    },
    /// An OAuth app of the organization.
    OauthApp {
        /// The stored one that the draft began from, without its secrets; `None`: it is new.
        before: Option<Object>,
    },
    /// The schema of a kind, which stands in [`KeptDraft::text`].
    Kind {
        /// The kind's name.
        id: String,
        /// The stored version that the draft began from; `None`: the kind is new.
        version: Option<u32>,
    },
}

/// What a draft says, without what is stored anyway.
#[derive(Clone, Default, PartialEq)]
pub struct KeptContent {
    /// The document, with a placeholder wherever a secret stands.
    pub document: Object,
    /// Secrets by place: those that the stored version does not have there.
    pub secrets: BTreeMap<String, Secret>,
    /// Places of secrets that were given since the draft began.
    pub entered: BTreeSet<String>,
}

impl fmt::Debug for KeptContent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeptContent({} secrets)", self.secrets.len())
    }
}
