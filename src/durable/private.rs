//! Reading files that nobody else may read, and judging the folders they lie in.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

use super::{Error, Step};

/// The content of a private file.
pub struct PrivateFile {
    /// The real path: links are followed once, and what follows works on this.
    pub path: PathBuf,
    /// What it holds.
    pub bytes: Zeroizing<Vec<u8>>,
}

/// Reads a file that belongs to this user and that nobody else may read or write, whole.
///
/// Links are followed once; then the file is opened without following any, and without waiting, so that a
/// FIFO cannot hang the program. It is judged through the open descriptor.
///
/// # Errors
/// [`Error::Exposed`], [`Error::ForeignOwner`], [`Error::NotAFile`], [`Error::TooLarge`]; else the step.
/// [`Error::is_missing`] tells where there is none.
pub fn read_private(path: &Path, limit: u64) -> Result<PrivateFile, Error> {
    let real = real_path(path)?;
    let found = fs::symlink_metadata(&real).map_err(Error::io(Step::Inspect, &real))?;
    // Judged before it is opened as well: opening a device can do things.
    require_file(&real, &found)?;
    let file = open_private(&real, OpenOptions::new().read(true))?;
    let opened = file.metadata().map_err(Error::io(Step::Inspect, &real))?;
    let bytes = read_whole(file, &opened, &real, limit)?;
    Ok(PrivateFile { path: real, bytes })
}

/// Opens a file to read it and to write at its end, under the rules of [`read_private`]; makes it, 0600, where
/// there is none. No link is followed.
///
/// # Errors
/// As [`read_private`].
pub fn open_to_append(path: &Path) -> Result<File, Error> {
    if let Ok(found) = fs::symlink_metadata(path) {
        require_file(path, &found)?;
    }
    open_private(path, OpenOptions::new().read(true).append(true).create(true).mode(0o600))
}

/// Opens a file to read it, under the rules of [`read_private`]; no link is followed. `None`: there is none.
///
/// # Errors
/// As [`read_private`].
pub fn open_to_read(path: &Path) -> Result<Option<File>, Error> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(Error::io(Step::Inspect, path)(error)),
        Ok(found) => require_file(path, &found)?,
    }
    open_private(path, OpenOptions::new().read(true)).map(Some)
}

/// Opens a file without following a link and without waiting, and judges what it opened: another may have taken
/// its place since it was looked at.
pub(super) fn open_private(path: &Path, options: &mut OpenOptions) -> Result<File, Error> {
    let file = options
        .custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC))
        .open(path)
        .map_err(Error::io(Step::Open, path))?;
    let opened = file.metadata().map_err(Error::io(Step::Inspect, path))?;
    require_file(path, &opened)?;
    require_private(path, &opened, "600")?;
    Ok(file)
}

/// Follows links to the real path.
///
/// # Errors
/// [`Step::Resolve`].
pub fn real_path(path: &Path) -> Result<PathBuf, Error> {
    fs::canonicalize(path).map_err(Error::io(Step::Resolve, path))
}

/// Refuses a folder in which others can replace files: writable by group or others without the sticky bit,
/// or owned by neither this user nor root.
///
/// # Errors
/// [`Error::Exposed`], [`Error::ForeignOwner`], [`Step::Inspect`].
pub fn require_safe_folder(folder: &Path) -> Result<(), Error> {
    let found = fs::metadata(folder).map_err(Error::io(Step::Inspect, folder))?;
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o022 != 0 && mode & 0o1000 == 0 {
        return Err(Error::Exposed { path: folder.to_owned(), mode, mend: "go-w" });
    }
    if found.uid() != 0 {
        require_own(folder, &found)?;
    }
    Ok(())
}

/// Refuses a folder that anybody else may look into. A folder that does not exist is fine.
///
/// # Errors
/// [`Error::Exposed`], [`Error::ForeignOwner`], [`Step::Inspect`].
pub fn require_private_folder(folder: &Path) -> Result<(), Error> {
    match fs::metadata(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Error::io(Step::Inspect, folder)(error)),
        Ok(found) => require_private(folder, &found, "700"),
    }
}

/// Whether two paths are names of one file. Links are not followed.
pub fn is_same_file(one: &Path, two: &Path) -> bool {
    let identity = |path: &Path| fs::symlink_metadata(path).ok().map(|found| (found.dev(), found.ino()));
    identity(one).is_some_and(|one| Some(one) == identity(two))
}

/// What changes when a file is replaced or written to: cheap to compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    /// The stamp of a file as it is now; `None` where it cannot be looked at.
    pub fn of(path: &Path) -> Option<Self> {
        fs::metadata(path).ok().as_ref().map(Self::of_metadata)
    }

    /// The stamp of an open file.
    pub fn of_file(file: &File) -> Option<Self> {
        file.metadata().ok().as_ref().map(Self::of_metadata)
    }

    fn of_metadata(found: &Metadata) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            size: found.size(),
            modified: (found.mtime(), found.mtime_nsec()),
            changed: (found.ctime(), found.ctime_nsec()),
        }
    }

    /// Whether both are of one file, whatever was written to it between.
    pub fn is_same_file(&self, other: &Self) -> bool {
        (self.device, self.inode) == (other.device, other.inode)
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

/// As text, to be kept and compared.
impl std::fmt::Display for Stamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { device, inode, size, modified, changed } = self;
        write!(f, "{device}:{inode}:{size}:{}.{:09}:{}.{:09}", modified.0, modified.1, changed.0, changed.1)
    }
}

pub(super) fn flags(flags: OFlags) -> i32 {
    flags.bits().cast_signed()
}

pub(super) fn read_whole(
    file: File,
    found: &Metadata,
    path: &Path,
    limit: u64,
) -> Result<Zeroizing<Vec<u8>>, Error> {
    let too_large = || Error::TooLarge { path: path.to_owned(), limit };
    if found.len() > limit {
        return Err(too_large());
    }
    let size = usize::try_from(found.len()).map_err(|_| too_large())?;
    // One byte of room more than the file has: reading to its end never has to grow the buffer.
    let mut bytes = Zeroizing::new(Vec::with_capacity(size + 1));
    file.take(limit + 1).read_to_end(&mut bytes).map_err(Error::io(Step::Read, path))?;
    if bytes.len() as u64 > limit {
        return Err(too_large());
    }
    Ok(bytes)
}

fn require_file(path: &Path, found: &Metadata) -> Result<(), Error> {
    let kind = found.file_type();
    let what = if kind.is_file() {
        return Ok(());
    } else if kind.is_dir() {
        "a folder"
    } else if kind.is_fifo() {
        "a FIFO"
    } else if kind.is_socket() {
        "a socket"
    } else if kind.is_symlink() {
        "a link that changed meanwhile"
    } else {
        "a device"
    };
    Err(Error::NotAFile { path: path.to_owned(), what })
}

fn require_private(path: &Path, found: &Metadata, mend: &'static str) -> Result<(), Error> {
    require_own(path, found)?;
    let mode = found.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(Error::Exposed { path: path.to_owned(), mode, mend });
    }
    Ok(())
}

fn require_own(path: &Path, found: &Metadata) -> Result<(), Error> {
    if found.uid() == rustix::process::geteuid().as_raw() {
        Ok(())
    } else {
        Err(Error::ForeignOwner { path: path.to_owned(), owner: found.uid() })
    }
}
