//! The plaintext: one JSON document `{"header":…,"signature":"…","body":…}`.
//!
//! The signature covers the exact bytes of header and body, so both are cut out of the text as they stand
//! (`RawValue`) and parsed only then. Secrets go from the text into `Secret` and back without ever being a
//! [`serde_json::Value`]. Errors name places, never values: what is wrong may be a secret in the wrong place.

mod draft;
mod read;
mod write;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::audit::Head;
use crate::model::Object;

pub(super) use draft::{decode as decode_draft, encode as encode_draft};
pub use read::{Contents, decode};
pub use write::encode;
pub(super) use write::encode_bare;

/// The format this program writes, and the highest it reads.
pub const FORMAT: u32 = 1;

/// A key that may sign the vault.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writer {
    /// Ed25519 public key, base64.
    pub key: String,
    /// Whose it is; may be empty.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
}

/// What a vault says about itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// See [`FORMAT`].
    pub format: u32,
    /// UUID, made with the vault.
    pub vault_id: String,
    /// Counted from 1, one more each save.
    pub generation: u64,
    /// SHA-256 of the file this one replaced, hex; `None` at generation 1.
    pub previous: Option<String>,
    /// When it was saved. Nothing is decided by it.
    pub saved_at: Timestamp,
    /// Ed25519 public key of who signed this generation, base64.
    pub writer: String,
    /// Who may sign.
    pub writers: Vec<Writer>,
    /// The newest lines of audit logs, that of who saved last first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub audit: Vec<Head>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Object,
}

impl Header {
    /// The header of a document without one: a new vault id, nothing before it.
    pub(super) fn of_nobody() -> Self {
        Self {
            format: FORMAT,
            vault_id: uuid::Uuid::new_v4().to_string(),
            generation: 1,
            previous: None,
            saved_at: Timestamp::UNIX_EPOCH,
            writer: String::new(),
            writers: Vec::new(),
            audit: Vec::new(),
            extra: Object::new(),
        }
    }

    /// A writer's public key, with its name where the header has one.
    pub(super) fn writer_label(&self, key: &str) -> String {
        match self.writers.iter().find(|writer| writer.key == key) {
            Some(writer) if !writer.name.is_empty() => format!("{} ({key})", writer.name),
            _ => key.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
