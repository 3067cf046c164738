//! Private files: the only place that creates, replaces or removes one.
//!
//! A file is replaced in one way only: a temporary file in the same folder, written, synced, read back and
//! verified, the old file linked (as a backup; where none is kept, until the end), then renamed over it and the folder
//! synced. There is no other method to fall back to: where a step fails the old file stands untouched and the
//! error names the step.
//! Files are 0600 and folders 0700 from the moment they exist.

mod error;
mod lock;
mod place;
mod private;
mod watch;

use std::fs::{self, DirBuilder, File};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use rustix::fs::{Advice, AtFlags, Gid, Mode, OFlags, RenameFlags, Uid};
use rustix::io::Errno;

pub use error::{Error, Step};
pub use lock::{LOCK_WAIT, Lock};
pub use place::network_file_system;
pub use private::{
    PrivateFile, Stamp, is_same_file, open_to_append, open_to_read, read_private, real_path,
    require_private_folder, require_safe_folder,
};
pub use watch::{Seen, Unwatched, Watch};

/// A file that is in its place.
#[derive(Debug)]
#[must_use]
pub struct Saved {
    /// The folder could not be synced: the file is in place, but a power cut may undo that.
    pub unsynced: Option<Error>,
}

/// Replaces a file. `path` must be real ([`real_path`]). `backup`, where given, is where the old file stays; it
/// must not exist, or be the old file already. `verify` sees the bytes as read back from the disk and has
/// the last word before anything changes.
///
/// # Errors
/// The step that failed; the old file is then untouched.
pub fn replace(
    path: &Path,
    bytes: &[u8],
    backup: Option<&Path>,
    verify: impl FnOnce(&[u8]) -> Result<(), String>,
) -> Result<Saved, Error> {
    let folder = Folder::of(path)?;
    let temporary = folder.written(bytes, verify)?;
    match backup {
        Some(backup) => {
            keep(&folder, backup)?;
            temporary.rename_over()?;
            Ok(folder.synced())
        }
        None => temporary.replace_over(),
    }
}

/// Makes a file that must not exist yet. Parameters as for [`replace`].
///
/// # Errors
/// [`Error::Exists`], and what is there is untouched; else the step.
pub fn create(
    path: &Path,
    bytes: &[u8],
    verify: impl FnOnce(&[u8]) -> Result<(), String>,
) -> Result<Saved, Error> {
    let folder = Folder::of(path)?;
    let temporary = folder.written(bytes, verify)?;
    temporary.rename_beside()?;
    Ok(folder.synced())
}

/// Makes a file that only this user can read and that nobody can write, for a program that runs now: on a file
/// system in memory there is nothing to sync. It must not exist yet.
///
/// # Errors
/// [`Error::Exists`]; else the step.
pub fn create_fleeting(path: &Path, bytes: &[u8]) -> Result<(), Error> {
    let folder = Folder::of(path)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let fd =
        rustix::fs::openat(&folder.fd, &folder.name, flags, Mode::RUSR).map_err(|errno| match errno {
            Errno::EXIST => Error::Exists { path: path.to_owned() },
            errno => Error::errno(Step::Open, path)(errno),
        })?;
    File::from(fd).write_all(bytes).map_err(Error::io(Step::Write, path))
}

/// Replaces a file of somebody's own, such as a script: it keeps its mode and its owner.
///
/// # Errors
/// The step that failed; the old file is then untouched.
pub fn rewrite(path: &Path, bytes: &[u8]) -> Result<Saved, Error> {
    let path = &real_path(path)?;
    let before = fs::metadata(path).map_err(Error::io(Step::Inspect, path))?;
    let folder = Folder::of(path)?;
    let temporary = folder.written(bytes, |_| Ok(()))?;
    let given =
        rustix::fs::openat(&folder.fd, &temporary.name, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
            .and_then(|file| {
                let (user, group) = (Uid::from_raw(before.uid()), Gid::from_raw(before.gid()));
                rustix::fs::fchown(&file, Some(user), Some(group))?;
                rustix::fs::fchmod(&file, Mode::from_raw_mode(before.mode()))
            });
    given.map_err(Error::errno(Step::CreateTemporary, path))?;
    temporary.replace_over()
}

/// The folder of a path; that of a bare name is the current one.
pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Makes a folder, 0700, and those above it that are missing. One that exists is left as it is.
///
/// # Errors
/// [`Step::CreateFolder`].
pub fn create_private_folder(folder: &Path) -> Result<(), Error> {
    if folder.is_dir() {
        return Ok(());
    }
    let missing: Vec<&Path> = folder.ancestors().take_while(|above| !above.exists()).collect();
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .map_err(Error::io(Step::CreateFolder, folder))?;
    for made in missing {
        if let Some(above) = made.parent().filter(|above| !above.as_os_str().is_empty()) {
            // Best effort: a save syncs the folder it writes to, and reports on that.
            let _ = File::open(above).and_then(|above| above.sync_all());
        }
    }
    Ok(())
}

/// Removes temporary files for `path` that a killed process left behind. Call it under the lock that every
/// writer of `path` takes. What cannot be removed stays for the next time.
pub fn remove_stale(path: &Path) {
    let Ok(folder) = Folder::of(path) else { return };
    let Ok(entries) = fs::read_dir(&folder.path) else { return };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let random = name
            .to_str()
            .and_then(|name| name.strip_prefix(&folder.prefix()))
            .and_then(|name| name.strip_suffix(TEMPORARY));
        let ours = random
            .is_some_and(|random| random.len() == 16 && random.bytes().all(|byte| byte.is_ascii_hexdigit()));
        if ours && entry.file_type().is_ok_and(|kind| kind.is_file()) {
            let _ = rustix::fs::unlinkat(&folder.fd, &name, AtFlags::empty());
        }
    }
}

/// Removes a file.
///
/// # Errors
/// [`Step::Remove`].
pub fn remove(path: &Path) -> Result<(), Error> {
    fs::remove_file(path).map_err(Error::io(Step::Remove, path))
}

/// Gives a file another name in its folder, which nothing may have yet.
///
/// # Errors
/// [`Error::Exists`], and both are as they were; [`Step::SetAside`].
pub fn set_aside(path: &Path, name: &str) -> Result<(), Error> {
    let folder = Folder::of(path)?;
    let to = folder.path.join(name);
    match rustix::fs::linkat(&folder.fd, &folder.name, &folder.fd, name, AtFlags::empty()) {
        Ok(()) => {}
        Err(Errno::EXIST) => return Err(Error::Exists { path: to }),
        Err(errno) => return Err(Error::errno(Step::SetAside, path)(errno)),
    }
    rustix::fs::unlinkat(&folder.fd, &folder.name, AtFlags::empty())
        .map_err(Error::errno(Step::SetAside, path))?;
    sync_folder_of(path)
}

/// Gets the folder of a file to the disk: a file that was just made is else gone after a power cut.
///
/// # Errors
/// [`Step::SyncFolder`].
pub fn sync_folder_of(path: &Path) -> Result<(), Error> {
    Folder::of(path)?.synced().unsynced.map_or(Ok(()), Err)
}

/// Removes files of one folder for good: a power cut does not bring them back.
///
/// # Errors
/// [`Step::Remove`]; what comes after the one that failed is still there.
pub fn remove_all(folder: &Path, files: &[PathBuf]) -> Result<(), Error> {
    for file in files {
        remove(file)?;
    }
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(Error::io(Step::SyncFolder, folder))
}

const TEMPORARY: &str = ".tmp";

/// The folder of one file, opened once, so that swapping folders under a running save changes nothing.
struct Folder {
    fd: OwnedFd,
    path: PathBuf,
    /// The file's name in the folder.
    name: String,
}

impl Folder {
    fn of(path: &Path) -> Result<Self, Error> {
        let invalid = || Error::NotAFile { path: path.to_owned(), what: "no file name in UTF-8" };
        let name = path.file_name().and_then(|name| name.to_str()).ok_or_else(invalid)?.to_owned();
        let parent = folder_of(path);
        let fd =
            rustix::fs::open(parent, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
                .map_err(Error::errno(Step::Open, parent))?;
        Ok(Self { fd, path: parent.to_owned(), name })
    }

    fn target(&self) -> PathBuf {
        self.path.join(&self.name)
    }

    fn prefix(&self) -> String {
        format!(".{}.", self.name)
    }

    /// A temporary file that holds `bytes`, on the disk, read back and verified.
    fn written(
        &self,
        bytes: &[u8],
        verify: impl FnOnce(&[u8]) -> Result<(), String>,
    ) -> Result<Temporary<'_>, Error> {
        let (temporary, mut file) = self.temporary()?;
        file.write_all(bytes).map_err(Error::io(Step::Write, self.target()))?;
        // Once: after a failed sync the kernel may have dropped the pages and would report success the next
        // time, so the file is given up with its descriptor.
        file.sync_all().map_err(Error::io(Step::Sync, self.target()))?;
        drop(file);
        temporary.read_back(bytes, verify)?;
        Ok(temporary)
    }

    fn temporary(&self) -> Result<(Temporary<'_>, File), Error> {
        loop {
            let name = self.temporary_name();
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            match rustix::fs::openat(&self.fd, &name, flags, Mode::RUSR | Mode::WUSR) {
                Ok(fd) => return Ok((Temporary { folder: self, name, done: false }, File::from(fd))),
                Err(Errno::EXIST | Errno::INTR) => {}
                Err(errno) => return Err(Error::errno(Step::CreateTemporary, self.target())(errno)),
            }
        }
    }

    fn temporary_name(&self) -> String {
        // Not secret, only different from the names of other processes.
        let random = RandomState::new().build_hasher().finish();
        format!("{}{random:016x}{TEMPORARY}", self.prefix())
    }

    /// A second name for the file that is there, where the file system knows links.
    fn second_name(&self) -> Option<Temporary<'_>> {
        let name = self.temporary_name();
        rustix::fs::linkat(&self.fd, &self.name, &self.fd, &name, AtFlags::empty()).ok()?;
        Some(Temporary { folder: self, name, done: false })
    }

    fn synced(&self) -> Saved {
        let unsynced =
            rustix::fs::fsync(&self.fd).map_err(Error::errno(Step::SyncFolder, self.target())).err();
        Saved { unsynced }
    }
}

/// A file beside the one it is to replace; removed unless it took its place.
struct Temporary<'a> {
    folder: &'a Folder,
    name: String,
    done: bool,
}

impl Temporary<'_> {
    fn read_back(&self, bytes: &[u8], verify: impl FnOnce(&[u8]) -> Result<(), String>) -> Result<(), Error> {
        let target = self.folder.target();
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let fd = rustix::fs::openat(&self.folder.fd, &self.name, flags, Mode::empty())
            .map_err(Error::errno(Step::ReadBack, &target))?;
        // Asks for the disk's copy in place of the cached one, where the system listens.
        #[cfg(target_os = "linux")]
        let _ = rustix::fs::fadvise(&fd, 0, None, Advice::DontNeed);
        let file = File::from(fd);
        let found = file.metadata().map_err(Error::io(Step::ReadBack, &target))?;
        let limit = bytes.len() as u64;
        let back = private::read_whole(file, &found, &target, limit);
        let reason = match back {
            Ok(back) if *back == bytes => match verify(&back) {
                Ok(()) => return Ok(()),
                Err(reason) => reason,
            },
            Err(Error::Io { source, .. }) => return Err(Error::io(Step::ReadBack, &target)(source)),
            // Others, or more of them.
            Ok(_) | Err(_) => "other bytes came back".to_owned(),
        };
        Err(Error::ReadBack { path: target, reason })
    }

    fn rename_over(mut self) -> Result<(), Error> {
        let Folder { fd, name, .. } = self.folder;
        rustix::fs::renameat(fd, &self.name, fd, name)
            .map_err(Error::errno(Step::Rename, self.folder.target()))?;
        self.done = true;
        Ok(())
    }

    /// Takes the place of a file that no backup keeps. That has a second name until the folder is on the disk: a file
    /// system without a journal may else write first that it is gone, and a power cut would leave neither.
    fn replace_over(self) -> Result<Saved, Error> {
        let folder = self.folder;
        let old = folder.second_name();
        self.rename_over()?;
        let saved = folder.synced();
        drop(old);
        Ok(saved)
    }

    fn rename_beside(mut self) -> Result<(), Error> {
        let Folder { fd, name, .. } = self.folder;
        let renamed = match rustix::fs::renameat_with(fd, &self.name, fd, name, RenameFlags::NOREPLACE) {
            // File systems without that flag have links, which never replace anything either. The
            // temporary name goes when `self` does.
            Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP) => {
                rustix::fs::linkat(fd, &self.name, fd, name, AtFlags::empty())
            }
            Ok(()) => {
                self.done = true;
                Ok(())
            }
            Err(errno) => Err(errno),
        };
        renamed.map_err(|errno| match errno {
            Errno::EXIST => Error::Exists { path: self.folder.target() },
            errno => Error::errno(Step::Rename, self.folder.target())(errno),
        })
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        if !self.done {
            // What stays is removed by the next save.
            let _ = rustix::fs::unlinkat(&self.folder.fd, &self.name, AtFlags::empty());
        }
    }
}

/// Keeps the present file under another name: as a link, which needs no space; as a synced copy where links
/// are not known.
fn keep(folder: &Folder, backup: &Path) -> Result<(), Error> {
    let target = folder.target();
    let place = Folder::of(backup)?;
    match rustix::fs::linkat(&folder.fd, &folder.name, &place.fd, &place.name, AtFlags::empty()) {
        Ok(()) => {}
        Err(Errno::EXIST) => {
            let stat = |at: &Folder| rustix::fs::statat(&at.fd, &at.name, AtFlags::SYMLINK_NOFOLLOW);
            let same = stat(folder)
                .and_then(|one| stat(&place).map(|two| (one.st_dev, one.st_ino) == (two.st_dev, two.st_ino)))
                .map_err(Error::errno(Step::Backup, &target))?;
            if !same {
                return Err(Error::Exists { path: backup.to_owned() });
            }
        }
        Err(_) => {
            let as_backup = |error| match error {
                Error::Io { source, .. } => Error::io(Step::Backup, &target)(source),
                other => other,
            };
            let old = read_private(&target, u64::MAX - 1).map_err(as_backup)?;
            let copy = place.written(&old.bytes, |_| Ok(())).map_err(as_backup)?;
            copy.rename_beside().map_err(as_backup)?;
        }
    }
    // A backup that a power cut could take away is none.
    rustix::fs::fsync(&place.fd).map_err(Error::errno(Step::Backup, &target))
}

#[cfg(test)]
mod tests;
