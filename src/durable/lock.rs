//! A lock file, held while its guard lives.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::private::flags;
use super::{Error, Step};

/// How long another program's save is waited for.
pub const LOCK_WAIT: Duration = Duration::from_secs(30);

const PAUSE: Duration = Duration::from_millis(10);

/// An advisory lock (`flock`) on a file of its own: a lock on the vault itself would be lost with the rename.
/// Given back when dropped, or by the system when the process ends. Children do not inherit it.
#[derive(Debug)]
pub struct Lock {
    file: File,
    held: bool,
}

impl Lock {
    /// Takes the lock, making the file where there is none; waits at most `wait`.
    ///
    /// # Errors
    /// [`Error::Busy`] after that; [`Step::Lock`].
    pub fn acquire(path: &Path, wait: Duration) -> Result<Self, Error> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(flags(OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC))
            .open(path)
            .map_err(Error::io(Step::Lock, path))?;
        Self::on(file, path, wait)
    }

    /// Takes the lock on an open file of this path; waits at most `wait`.
    ///
    /// # Errors
    /// As [`Lock::acquire`].
    pub fn on(file: File, path: &Path, wait: Duration) -> Result<Self, Error> {
        let until = Instant::now() + wait;
        loop {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file, held: true }),
                Err(TryLockError::WouldBlock) if Instant::now() >= until => {
                    return Err(Error::Busy { path: path.to_owned(), seconds: wait.as_secs() });
                }
                Err(TryLockError::WouldBlock) => pause(),
                Err(TryLockError::Error(error)) => match Errno::from_io_error(&error) {
                    Some(Errno::INTR) => {}
                    // Some network file systems know no locks. Saving still compares the file with what was
                    // read just before it replaces it.
                    Some(Errno::NOLCK | Errno::OPNOTSUPP | Errno::NOSYS) => {
                        return Ok(Self { file, held: false });
                    }
                    _ => return Err(Error::io(Step::Lock, path)(error)),
                },
            }
        }
    }

    /// The file that is locked.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Whether the file system really locks.
    pub fn is_held(&self) -> bool {
        self.held
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Closing the file gives it back in any case.
        let _ = self.file.unlock();
    }
}

#[allow(clippy::disallowed_methods, reason = "flock has no wait with an end; a save takes milliseconds")]
fn pause() {
    std::thread::sleep(PAUSE);
}
