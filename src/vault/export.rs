//! A document outside of a vault: what stands in the vault's file, without header and signature. Nobody vouches for
//! it, and no host remembers it.

use zeroize::Zeroizing;

use super::error::{Damage, Refusal, StoreError};
use super::format;
use super::keyring::{KeyringError, OpenFailure};
use super::seal::{self, Failure};
use super::{Store, save};
use crate::model::Document;

/// Why an export cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It is encrypted to others.
    #[error("none of the given identities opens it")]
    NoMatch,
    /// An identity cannot be used.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// It is damaged, or something else.
    #[error(transparent)]
    Refused(#[from] Refusal),
}

/// Whether a file is encrypted by age.
pub fn is_sealed(bytes: &[u8]) -> bool {
    bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----")
}

/// An export in plain text: every secret can be read in it.
///
/// # Errors
/// What cannot be written as JSON.
pub fn write_export(document: &Document) -> Result<Zeroizing<Vec<u8>>, StoreError> {
    let not_storable = |reason: String| StoreError::NotStorable { reason };
    let plain = format::encode_bare(document).map_err(not_storable)?;
    match format::decode(&plain) {
        Ok(again) if again.document == *document => Ok(plain),
        Ok(_) => Err(not_storable("it would not read back the same".to_owned())),
        Err(refusal) => Err(not_storable(refusal.to_string())),
    }
}

/// Reads an export in plain text.
///
/// # Errors
/// [`ExportError::Refused`].
pub fn read_export(plain: &[u8]) -> Result<Document, ExportError> {
    Ok(format::decode(plain)?.document)
}

impl Store {
    /// Encrypts a text to the vault's recipients, and opens it again where that takes no person.
    ///
    /// # Errors
    /// [`StoreError::Encrypt`].
    pub fn seal_export(&self, plain: &[u8]) -> Result<Vec<u8>, StoreError> {
        let recipients = save::recipients(self.document())?;
        let failed = |reason: String| StoreError::Encrypt { reason };
        let sealed = seal::seal(plain, &recipients, self.keyring.callbacks()).map_err(failed)?;
        let identity = self.keyring.identity(self.state.opener);
        if !identity.is_plugin() {
            let again = identity.unseal(&sealed, self.keyring.callbacks());
            if again.is_ok_and(|again| *again != *plain) {
                return Err(failed("it would decrypt to something else".to_owned()));
            }
        }
        Ok(sealed)
    }

    /// Reads an export that is encrypted to one of this vault's identities.
    ///
    /// # Errors
    /// See [`ExportError`].
    pub fn open_export(&self, sealed: &[u8]) -> Result<Document, ExportError> {
        let (_, plain) = self.keyring.open(sealed).map_err(|failure| match failure {
            OpenFailure::NoMatch => ExportError::NoMatch,
            OpenFailure::Keyring(error) => error.into(),
            OpenFailure::File(Failure::NotAge) => Refusal::Damaged(Damage::NotAge).into(),
            OpenFailure::File(Failure::Payload) => Refusal::Damaged(Damage::Payload).into(),
            OpenFailure::File(_) => Refusal::Damaged(Damage::Header).into(),
        })?;
        read_export(&plain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_file_is_known_by_its_start() {
        for sealed in ["age-encryption.org/v1\n-> X25519", "-----BEGIN AGE ENCRYPTED FILE-----\nYWdl"] {
            assert!(is_sealed(sealed.as_bytes()), "{sealed}");
        }
        for plain in ["", "{}", "age", "-----BEGIN OPENSSH PRIVATE KEY-----", "\nage-encryption.org/v1\n"] {
            assert!(!is_sealed(plain.as_bytes()), "{plain}");
        }
    }
}
