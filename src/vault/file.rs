//! The vault's files: finding, judging and reading them, and putting a sealed vault in its place.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::error::{Damage, Notice, Refusal, StoreError};
use super::format::{self, Contents};
use super::keyring::{Keyring, OpenFailure};
use super::save::Sealed;
use super::seal::Failure;
use super::seen::{Facts, Memory, Own};
use super::writer::{self, WriterKey};
use super::{Places, backups};
use crate::durable::{self, Saved, Stamp};

/// The largest vault that is read, in bytes.
const LIMIT: u64 = 256 * 1024 * 1024;

/// Where everything of one vault really is.
#[derive(Debug)]
pub(super) struct Files {
    /// The real path: links were followed once, so that a link is never replaced by a file.
    pub(super) vault: PathBuf,
    /// `VAULT.d`.
    pub(super) folder: PathBuf,
    /// The real path, and the one that was given where it differs: a link that is turned to another file is
    /// still the place this host knows.
    pub(super) places: Vec<String>,
    pub(super) seen: PathBuf,
    writers: PathBuf,
}

impl Files {
    /// The files of a vault that exists.
    pub(super) fn resolve(places: &Places) -> Result<Self, StoreError> {
        let vault = durable::real_path(&places.vault).map_err(|error| missing(error, &places.vault))?;
        Self::at(vault, places)
    }

    /// The files of a vault that is gone, as long as its backups are there.
    pub(super) fn without_vault(places: &Places) -> Result<Self, StoreError> {
        let missing = || StoreError::Missing { path: places.vault.clone() };
        let name = places.vault.file_name().ok_or_else(missing)?;
        let folder = durable::real_path(durable::folder_of(&places.vault)).map_err(|_| missing())?;
        Some(Self::at(folder.join(name), places)?)
            .filter(|files| files.backups().is_dir())
            .ok_or_else(missing)
    }

    /// Where the present file is kept when it is replaced.
    pub(super) fn backup_of(&self, generation: u64) -> PathBuf {
        backups::place(&self.backups(), generation, &self.vault)
    }

    /// The files of a vault that is to be made. Makes its folder where it is missing.
    pub(super) fn prepare(places: &Places) -> Result<Self, StoreError> {
        let exists = || StoreError::Exists { path: places.vault.clone() };
        if places.vault.symlink_metadata().is_ok() {
            return Err(exists());
        }
        let name = places.vault.file_name().ok_or_else(exists)?;
        let folder = durable::folder_of(&places.vault);
        durable::create_private_folder(folder)?;
        Self::at(durable::real_path(folder)?.join(name), places)
    }

    fn at(vault: PathBuf, places: &Places) -> Result<Self, StoreError> {
        let mut name = vault.file_name().unwrap_or_default().to_owned();
        name.push(".d");
        let folder = vault.with_file_name(name);
        if let Some(parent) = vault.parent() {
            durable::require_safe_folder(parent)?;
        }
        durable::require_private_folder(&folder)?;
        let given = std::path::absolute(&places.vault).unwrap_or_else(|_| vault.clone());
        let mut names = vec![vault.to_string_lossy().into_owned(), given.to_string_lossy().into_owned()];
        names.dedup();
        Ok(Self { vault, folder, places: names, seen: places.seen.clone(), writers: places.writers.clone() })
    }

    pub(super) fn lock(&self) -> PathBuf {
        self.folder.join("lock")
    }

    /// What this host's memory has of a vault here, as far as the identity of this key keeps it.
    pub(super) fn own_memory<'a>(&'a self, vault_id: &'a str, key: &'a WriterKey) -> Own<'a> {
        Own { path: &self.seen, places: &self.places, vault_id, key }
    }

    pub(super) fn backups(&self) -> PathBuf {
        self.folder.join("backups")
    }

    pub(super) fn drafts(&self) -> PathBuf {
        self.folder.join("drafts")
    }

    /// The key that an identity signs with.
    pub(super) fn writer_key(&self, keyring: &Keyring, index: usize) -> Result<WriterKey, StoreError> {
        let identity = keyring.identity(index);
        match identity.secret() {
            Some(secret) => Ok(WriterKey::derived(&secret)),
            None => WriterKey::local(identity, &self.writers, &self.seen, keyring.callbacks()),
        }
    }

    /// What a person should know about the file system; told once, when this host sees the vault there first.
    pub(super) fn network_notice(&self) -> Option<Notice> {
        let name = durable::network_file_system(self.vault.parent()?)?;
        Some(Notice::NetworkFileSystem { name })
    }

    /// The file's bytes.
    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>, StoreError> {
        let file = durable::read_private(&self.vault, LIMIT).map_err(|error| missing(error, &self.vault))?;
        Ok(file.bytes)
    }

    /// Reads, decrypts and takes apart.
    pub(super) fn load(&self, keyring: &Keyring) -> Result<Loaded, StoreError> {
        let stamp = Stamp::of(&self.vault);
        let bytes = self.read()?;
        Ok(Loaded { stamp, ..self.unlock(&self.vault, &bytes, keyring)? })
    }

    /// Reads, decrypts and takes apart another file of this vault's.
    pub(super) fn load_from(&self, path: &Path, keyring: &Keyring) -> Result<Loaded, StoreError> {
        self.unlock(path, &durable::read_private(path, LIMIT)?.bytes, keyring)
    }

    /// Decrypts and takes apart. Nothing is parsed before all of it was decrypted.
    fn unlock(&self, path: &Path, bytes: &[u8], keyring: &Keyring) -> Result<Loaded, StoreError> {
        let path = || path.to_owned();
        let damaged = |damage| StoreError::Refused { path: path(), refusal: Refusal::Damaged(damage) };
        let (opener, plain) = keyring.open(bytes).map_err(|failure| match failure {
            OpenFailure::NoMatch => StoreError::NoIdentityOpens { path: path() },
            OpenFailure::Keyring(error) => error.into(),
            OpenFailure::File(Failure::NotAge) => damaged(Damage::NotAge),
            OpenFailure::File(Failure::Payload) => damaged(Damage::Payload),
            OpenFailure::File(_) => damaged(Damage::Header),
        })?;
        let contents =
            format::decode(&plain).map_err(|refusal| StoreError::Refused { path: path(), refusal })?;
        let key = self.writer_key(keyring, opener)?;
        Ok(Loaded { contents, digest: writer::digest(bytes), stamp: None, opener, key })
    }

    /// Puts a sealed vault in the place of the file with this digest; `None`: that file is not there any more.
    pub(super) fn replace(
        &self,
        sealed: &Sealed,
        expected: &str,
        backup: &Path,
        keyring: &Keyring,
        opener: usize,
    ) -> Result<Option<Saved>, StoreError> {
        durable::create_private_folder(&self.backups())?;
        let mut changed = false;
        let saved = durable::replace(&self.vault, &sealed.bytes, Some(backup), |back| {
            sealed.opens_from(back, keyring, opener)?;
            // Just before it is replaced, and the one check that also works where locks do not.
            changed = self.read().map_or(true, |bytes| writer::digest(&bytes) != expected);
            if changed { Err("the vault was changed meanwhile".to_owned()) } else { Ok(()) }
        });
        match saved {
            Err(durable::Error::ReadBack { .. }) if changed => Ok(None),
            other => Ok(Some(other?)),
        }
    }
}

/// A vault file, decrypted and taken apart, but not judged.
pub(super) struct Loaded {
    pub(super) contents: Contents,
    /// SHA-256 of the file, hex.
    pub(super) digest: String,
    pub(super) stamp: Option<Stamp>,
    pub(super) opener: usize,
    pub(super) key: WriterKey,
}

impl Loaded {
    /// Whether the signature holds and this host's memory allows the file: notices, or the refusal.
    pub(super) fn verdict(&self, files: &Files) -> Result<Result<Vec<Notice>, Refusal>, StoreError> {
        if let Err(forgery) = self.contents.signature {
            return Ok(Err(Refusal::Forged(forgery)));
        }
        let Some(header) = &self.contents.header else {
            return Ok(Err(Refusal::Forged(super::Forgery::Unsigned)));
        };
        let memory = match Memory::load(&files.seen) {
            Ok(memory) => memory,
            Err(StoreError::Refused { refusal, .. }) => return Ok(Err(refusal)),
            Err(error) => return Err(error),
        };
        let facts = Facts { places: &files.places, header, digest: &self.digest };
        Ok(memory.judge(&facts, &self.key).map(|mut notices| {
            if !memory.knows(&files.places) {
                notices.extend(files.network_notice());
            }
            notices
        }))
    }
}

fn missing(error: durable::Error, path: &Path) -> StoreError {
    if error.is_missing() { StoreError::Missing { path: path.to_owned() } } else { error.into() }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::vault::tests::store;
    use crate::vault::{Store, save};

    #[test]
    fn a_file_that_changed_under_the_save_is_not_replaced() {
        let home = tempfile::tempdir().unwrap();
        let Store { files, keyring, state, .. } = store(home.path());
        let recipients = save::recipients(&state.document).unwrap();
        let seal = || save::seal(&state.document, &state.header, &recipients, &state.key, &keyring).unwrap();
        let sealed = seal();
        let before = fs::read(&files.vault).unwrap();

        let other = writer::digest(b"what another program saved meanwhile");
        let backup = files.backup_of(1);
        assert!(files.replace(&sealed, &other, &backup, &keyring, 0).unwrap().is_none());
        assert_eq!(fs::read(&files.vault).unwrap(), before);
        assert!(backups::list(&files.backups()).is_empty());
        // Nor by what does not open; that is no reason to try again.
        let mut damaged = seal();
        *damaged.bytes.last_mut().unwrap() ^= 1;
        let refused = files.replace(&damaged, &state.digest, &backup, &keyring, 0);
        assert!(matches!(refused, Err(StoreError::File(durable::Error::ReadBack { .. }))));
        assert_eq!(fs::read(&files.vault).unwrap(), before);
        // Control: with the digest that is there it is replaced.
        assert!(files.replace(&sealed, &state.digest, &backup, &keyring, 0).unwrap().is_some());
        assert_eq!(fs::read(&files.vault).unwrap(), sealed.bytes);
    }

    #[test]
    fn a_vault_of_some_megabytes_is_read_and_one_without_end_is_not() {
        let home = tempfile::tempdir().unwrap();
        let files = store(home.path()).files;
        let resize = |size: u64| {
            fs::File::options().write(true).open(&files.vault).unwrap().set_len(size).unwrap();
            files.read()
        };
        assert_eq!(resize(3 << 20).unwrap().len(), 3 << 20);
        assert!(matches!(
            resize((256 << 20) + 1),
            Err(StoreError::File(durable::Error::TooLarge { limit: 0x1000_0000, .. }))
        ));
    }
}
