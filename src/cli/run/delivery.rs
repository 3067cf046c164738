//! How values get to a program: as variables, as files on a file system in memory, as open files.

use std::ffi::OsString;
use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{MemfdFlags, Mode, SealFlags};
use tempfile::TempDir;

use crate::durable;
use crate::paths;
use crate::problem::{Exit, Problem};
use crate::secret::Secret;

/// The longest variable that the kernel passes on, in bytes: name, `=`, value and a zero byte.
const LONGEST: usize = 128 * 1024;

/// File systems that keep nothing on a disk, by the number that `statfs` gives.
const IN_MEMORY: [i64; 2] = [0x0102_1994, 0x8584_58f6];

/// What a folder of files for one program is called, before the process that made it.
const FOLDER: &str = "credbench-run-";

/// What a program is to get. Dropping it removes the files.
#[derive(Debug, Default)]
pub(super) struct Delivery {
    pub(super) variables: Vec<(OsString, OsString)>,
    /// Files that stay open under their numbers.
    pub(super) open: Vec<OwnedFd>,
    folder: Option<TempDir>,
}

impl Delivery {
    /// As the value of a variable.
    ///
    /// # Errors
    /// Exit 5 for a value that no variable can have.
    pub(super) fn variable(&mut self, name: &str, value: &Secret) -> Result<(), Problem> {
        let unfit = if value.expose().contains('\0') {
            "has a zero byte"
        } else if name.len() + value.len() + 2 > LONGEST {
            "is longer than 128 KiB"
        } else {
            self.variables.push((name.into(), value.expose().into()));
            return Ok(());
        };
        Err(Problem::new(
            Exit::Refused,
            "not_a_variable",
            format!("the value of {name} {unfit}: no variable holds it"),
        )
        .hint(format!("hand it over with --file {name}=… or --fd {name}=…")))
    }

    /// As a file that only this user can read.
    ///
    /// # Errors
    /// Where no file system in memory is there.
    pub(super) fn file(&mut self, name: &str, value: &Secret) -> Result<(), Problem> {
        let folder = match &self.folder {
            Some(folder) => folder,
            None => self.folder.insert(folder()?),
        };
        let path = folder.path().join(name);
        durable::create_fleeting(&path, value.expose().as_bytes())?;
        self.variables.push((name.into(), path.into()));
        Ok(())
    }

    /// As an open file.
    ///
    /// # Errors
    /// What the system refuses.
    pub(super) fn descriptor(&mut self, name: &str, value: &Secret) -> Result<(), Problem> {
        let open = in_memory(value).map_err(|error| {
            Problem::new(Exit::Failed, "io", format!("cannot keep the value of {name} in memory: {error}"))
        })?;
        self.variables.push((name.into(), format!("/dev/fd/{}", open.as_raw_fd()).into()));
        self.open.push(open);
        Ok(())
    }
}

/// A file without a name, which nobody can write to any more.
fn in_memory(value: &Secret) -> std::io::Result<OwnedFd> {
    let fd = rustix::fs::memfd_create("credbench", MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    let mut file = File::from(fd);
    file.write_all(value.expose().as_bytes())?;
    rustix::fs::fchmod(&file, Mode::RUSR)?;
    rustix::fs::fcntl_add_seals(
        &file,
        SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL,
    )?;
    rustix::fs::seek(&file, rustix::fs::SeekFrom::Start(0))?;
    Ok(file.into())
}

/// A folder of our own, 0700, in memory.
fn folder() -> Result<TempDir, Problem> {
    let Some(above) = paths::memory_folders().into_iter().find(|folder| is_in_memory(folder)) else {
        return Err(Problem::new(
            Exit::Failed,
            "no_memory_folder",
            "there is no file system in memory to put files on",
        )
        .hint("hand the values over with --fd, or set XDG_RUNTIME_DIR to a folder on a tmpfs"));
    };
    remove_left(&above);
    tempfile::Builder::new()
        .prefix(&format!("{FOLDER}{}-", std::process::id()))
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(&above)
        .map_err(|error| {
            Problem::new(Exit::Failed, "io", format!("cannot make a folder in {}: {error}", above.display()))
        })
}

fn is_in_memory(folder: &Path) -> bool {
    #[allow(clippy::unnecessary_cast, reason = "the number's type differs from one system to the next")]
    rustix::fs::statfs(folder).is_ok_and(|found| IN_MEMORY.contains(&(found.f_type as i64)))
}

/// Removes what a process left that was killed before it could.
fn remove_left(above: &Path) {
    let Ok(entries) = std::fs::read_dir(above) else { return };
    let left = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str())?.strip_prefix(FOLDER)?;
        let process = rustix::process::Pid::from_raw(name.split_once('-')?.0.parse().ok()?)?;
        // One of another user is there, and no business of ours.
        (rustix::process::test_kill_process(process) == Err(rustix::io::Errno::SRCH)).then_some(())
    };
    for folder in entries.flatten().map(|entry| entry.path()).filter(|path| left(path).is_some()) {
        // Another user's folder cannot be removed; ours can.
        let _ = std::fs::remove_dir_all(folder);
    }
}
