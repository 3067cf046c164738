//! What can go wrong with a private file, as one typed error that names the step and the path.

use std::io;
use std::path::PathBuf;

/// What was being done when it failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Following links to the real file.
    Resolve,
    /// Looking at owner, kind and permissions.
    Inspect,
    /// Opening for reading.
    Open,
    /// Reading.
    Read,
    /// Making a folder.
    CreateFolder,
    /// Making the temporary file.
    CreateTemporary,
    /// Writing the temporary file.
    Write,
    /// Getting the temporary file to the disk.
    Sync,
    /// Reading the temporary file again.
    ReadBack,
    /// Keeping the old file as a backup.
    Backup,
    /// Putting the new file in the old one's place.
    Rename,
    /// Getting the folder to the disk.
    SyncFolder,
    /// Taking the lock.
    Lock,
    /// Removing a file.
    Remove,
    /// Writing to the end of a file.
    Append,
    /// Getting what was appended to the disk.
    SyncAppended,
    /// Giving a file another name.
    SetAside,
}

impl std::fmt::Display for Step {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Resolve => "find",
            Self::Inspect => "inspect",
            Self::Open => "open",
            Self::Read => "read",
            Self::CreateFolder => "make the folder",
            Self::CreateTemporary => "make a temporary file beside",
            Self::Write => "write the temporary file for",
            Self::Sync => "get to the disk the temporary file for",
            Self::ReadBack => "read back the temporary file for",
            Self::Backup => "keep a backup of",
            Self::Rename => "put in place",
            Self::SyncFolder => "get to the disk the folder of",
            Self::Lock => "lock",
            Self::Remove => "remove",
            Self::Append => "write to the end of",
            Self::SyncAppended => "get to the disk",
            Self::SetAside => "set aside",
        })
    }
}

/// Why a file was not read or written. Every variant names the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The system refused a step.
    #[error("cannot {step} {}: {source}", .path.display())]
    Io {
        /// Which.
        step: Step,
        /// The file or folder.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Not a regular file.
    #[error("{} is {what}, not a file", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is: "a folder", "a FIFO", ….
        what: &'static str,
    },
    /// More than the cap.
    #[error("{} is larger than {limit} bytes", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The cap in bytes.
        limit: u64,
    },
    /// Others may read or write it.
    #[error("{} may be read or written by others (mode {mode:04o}); mend it with: chmod {mend} {}", .path.display(), .path.display())]
    Exposed {
        /// The file or folder.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
        /// The mode that mends it: `600` or `700`, `go-w` for a shared folder.
        mend: &'static str,
    },
    /// Another user owns it.
    #[error("{} belongs to user {owner}, not to you", .path.display())]
    ForeignOwner {
        /// The file or folder.
        path: PathBuf,
        /// Its owner's uid.
        owner: u32,
    },
    /// Something is there already, and was not touched.
    #[error("there is a file at {} already", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// Another program holds the lock.
    #[error("another program holds {} for more than {seconds} s", .path.display())]
    Busy {
        /// The lock file.
        path: PathBuf,
        /// How long it was waited for.
        seconds: u64,
    },
    /// What the disk gave back is not what was written; nothing was replaced.
    #[error("what was written for {} does not read back: {reason}; the old file is untouched", .path.display())]
    ReadBack {
        /// The file that was to be replaced.
        path: PathBuf,
        /// What differs.
        reason: String,
    },
}

impl Error {
    /// The system's error kind, where there is one.
    pub fn io_kind(&self) -> Option<io::ErrorKind> {
        match self {
            Self::Io { source, .. } => Some(source.kind()),
            _ => None,
        }
    }

    /// Whether there simply is no such file.
    pub fn is_missing(&self) -> bool {
        matches!(self, Self::Io { step: Step::Resolve | Step::Inspect | Step::Open | Step::Remove, .. })
            && matches!(self.io_kind(), Some(io::ErrorKind::NotFound | io::ErrorKind::NotADirectory))
    }

    /// The error of a step.
    pub(crate) fn io(step: Step, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::Io { step, path, source }
    }

    pub(super) fn errno(step: Step, path: impl Into<PathBuf>) -> impl FnOnce(rustix::io::Errno) -> Self {
        let path = path.into();
        move |errno| Self::Io { step, path, source: errno.into() }
    }
}
