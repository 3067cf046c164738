//! The file itself: opened, locked, read, appended to, and kept with room at its end.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};

use crate::durable::{self, Error, LOCK_WAIT, Lock, Stamp, Step};

/// How much of the disk stays the log's own beyond its end, so that a full disk does not silence it.
pub(super) const RESERVE: u64 = 64 * 1024;

/// The largest file that is read.
const LIMIT: u64 = 256 * 1024 * 1024;

/// The longest first line that is read by itself.
const LONGEST: usize = 8 * 1024;

/// How often a file is opened again because it was replaced while its lock was waited for.
const ATTEMPTS: u32 = 50;

/// A file of the log that no other program writes to meanwhile.
pub(super) struct Locked {
    lock: Lock,
    path: PathBuf,
}

impl Locked {
    /// Opens it to read. `None`: there is none.
    pub(super) fn to_read(path: &Path) -> Result<Option<Self>, Error> {
        for _ in 0..ATTEMPTS {
            let Some(file) = durable::open_to_read(path)? else { return Ok(None) };
            if let Some(locked) = Self::of(file, path)? {
                return Ok(Some(locked));
            }
        }
        Err(Error::Busy { path: path.to_owned(), seconds: 0 })
    }

    /// Opens it to append; makes it where there is none.
    pub(super) fn to_append(path: &Path) -> Result<Self, Error> {
        for _ in 0..ATTEMPTS {
            let is_new = path.symlink_metadata().is_err();
            let file = durable::open_to_append(path)?;
            if is_new {
                durable::sync_folder_of(path)?;
            }
            if let Some(locked) = Self::of(file, path)? {
                return Ok(locked);
            }
        }
        Err(Error::Busy { path: path.to_owned(), seconds: 0 })
    }

    /// `None`: the file went aside while its lock was waited for.
    fn of(file: File, path: &Path) -> Result<Option<Self>, Error> {
        let locked = Self { lock: Lock::on(file, path, LOCK_WAIT)?, path: path.to_owned() };
        let there = Stamp::of(path).zip(locked.stamp()).is_some_and(|(one, two)| one.is_same_file(&two));
        Ok(there.then_some(locked))
    }

    fn file(&self) -> &File {
        self.lock.file()
    }

    pub(super) fn stamp(&self) -> Option<Stamp> {
        Stamp::of_file(self.file())
    }

    pub(super) fn size(&self) -> u64 {
        self.stamp().map_or(0, |stamp| stamp.size())
    }

    /// What stands in it from an offset on.
    pub(super) fn read(&self, offset: u64) -> Result<Vec<u8>, Error> {
        let size = self.size().saturating_sub(offset);
        if size > LIMIT {
            return Err(Error::TooLarge { path: self.path.clone(), limit: LIMIT });
        }
        let mut bytes = vec![0; usize::try_from(size).unwrap_or_default()];
        self.file().read_exact_at(&mut bytes, offset).map_err(Error::io(Step::Read, &self.path))?;
        Ok(bytes)
    }

    /// The first line, as far as it is of a sane length.
    pub(super) fn first_line(&self) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; LONGEST];
        let count = self.file().read_at(&mut bytes, 0).map_err(Error::io(Step::Read, &self.path))?;
        bytes.truncate(count);
        if let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            bytes.truncate(end);
        }
        Ok(bytes)
    }

    /// Writes at the end, and gets it to the disk. What was not written whole is taken away again; where that is
    /// not possible either, the next writer counts it.
    pub(super) fn append(&self, bytes: &[u8]) -> Result<(), Error> {
        let before = self.size();
        let mut file = self.file();
        if let Err(error) = file.write_all(bytes) {
            let _ = file.set_len(before);
            return Err(Error::io(Step::Append, &self.path)(error));
        }
        // Once: see `durable.rs`.
        file.sync_data().map_err(Error::io(Step::SyncAppended, &self.path))?;
        self.reserve();
        Ok(())
    }

    /// Keeps room on the disk beyond the end. That this fails stops nothing: what is there already stays.
    fn reserve(&self) {
        #[cfg(target_os = "linux")]
        if let Ok(found) = self.file().metadata() {
            let allocated = found.blocks() * 512;
            if allocated < found.size() + RESERVE {
                let flags = rustix::fs::FallocateFlags::KEEP_SIZE;
                // Twice as much, so that it is not asked for with each line.
                let _ = rustix::fs::fallocate(self.file(), flags, found.size(), 2 * RESERVE)
                    .or_else(|_| rustix::fs::fallocate(self.file(), flags, found.size(), RESERVE));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::audit::{self, Entry, What, Who};

    #[test]
    fn a_file_that_went_aside_while_its_lock_was_waited_for_is_not_written_to() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.log");
        let before = durable::open_to_append(&path).unwrap();
        durable::set_aside(&path, "aside").unwrap();
        assert!(Locked::of(before.try_clone().unwrap(), &path).unwrap().is_none(), "there is none");
        drop(Locked::to_append(&path).unwrap());
        assert!(Locked::of(before, &path).unwrap().is_none(), "there is another one");
        let now = durable::open_to_append(&path).unwrap();
        assert!(Locked::of(now, &path).unwrap().is_some());
    }

    #[test]
    fn more_than_fits_into_memory_is_not_read() {
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("audit.log");
        let locked = Locked::to_append(&path).unwrap();
        locked.append(b"first\nlast\n").unwrap();
        locked.file().set_len(LIMIT + 7).unwrap();
        assert!(matches!(locked.read(6), Err(Error::TooLarge { limit: LIMIT, .. })));
        assert_eq!(locked.read(LIMIT + 6).unwrap(), [0], "from there it is one byte");
        assert_eq!(locked.first_line().unwrap(), b"first");
    }

    #[test]
    fn a_log_that_cannot_be_made_is_said_with_the_step() {
        let home = tempfile::tempdir().unwrap();
        let folder = home.path().join("vault.age.d");
        let entry = Entry::new(What::UnlockFailed);
        let write = || match audit::without_key(&folder, Who::default(), &entry, Timestamp::UNIX_EPOCH) {
            Err(audit::Error::File(error)) => Some(error),
            written => written.map(|()| None).unwrap(),
        };
        let _ = durable::create(&folder, b"in the way", |_| Ok(())).unwrap();
        assert!(matches!(write(), Some(Error::Io { step: Step::CreateFolder, .. })));
        durable::remove(&folder).unwrap();
        durable::create_private_folder(&folder.join(audit::NAME)).unwrap();
        assert!(matches!(write(), Some(Error::NotAFile { what: "a folder", .. })));
        std::fs::remove_dir(folder.join(audit::NAME)).unwrap();
        assert!(write().is_none(), "control: with the way free it is written");
    }
}
