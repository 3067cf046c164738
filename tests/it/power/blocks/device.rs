//! A file system on a device that writes down what it is told: an image, through outagefs, as a loop device.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use super::states::{Change, FILLER, Recording};
use crate::support::until;
use crate::support::vault::report;

/// A file system, and how large its image is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Kind {
    pub(super) name: &'static str,
    blocks: usize,
    /// How many states are looked at between two syncs; a journal has more of both.
    pub(super) most: usize,
}

/// What a file system without a journal promises is the least that one can count on.
pub(super) const EXT2: Kind = Kind { name: "ext2", blocks: 1024, most: 384 };
/// The smallest with a journal.
pub(super) const EXT4: Kind = Kind { name: "ext4", blocks: 2560, most: 96 };

const BLOCK: usize = 4096;

/// The programs that it takes.
const PROGRAMS: [&str; 8] =
    ["outagefs", "mkfs.ext2", "mkfs.ext4", "e2fsck", "debugfs", "mount", "umount", "unshare"];

/// Says what is missing here, if anything is.
pub(super) fn is_possible() -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let missing = |name: &&str| !folders.iter().any(|folder| folder.join(name).exists());
    let missing = if !rustix::process::geteuid().is_root() {
        Some("root")
    } else if let Some(device) =
        ["/dev/loop-control", "/dev/fuse"].iter().find(|path| !Path::new(path).exists())
    {
        Some(*device)
    } else {
        PROGRAMS.iter().find(|name| missing(name)).copied()
    };
    if let Some(missing) = missing {
        report(&format!("skipped: this takes {missing}"));
    }
    missing.is_none()
}

/// Runs a program; an error with its words where it fails.
fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).output().map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr);
    Err(format!("{program} {}: {}: {}", arguments.join(" "), output.status, words.trim()))
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A new image with the files of a folder. What is free on it is no zeros, as on a disk that was in use before.
pub(super) fn image(kind: Kind, folder: &Path) -> Vec<u8> {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("image");
    std::fs::write(&path, vec![FILLER; kind.blocks * BLOCK]).unwrap();
    // The last block is not the file system's: marks are made there.
    let blocks = (kind.blocks - 1).to_string();
    let options = "nodiscard,lazy_itable_init=0,lazy_journal_init=0";
    let make = format!("mkfs.{}", kind.name);
    let arguments =
        ["-q", "-F", "-b", "4096", "-N", "256", "-E", options, "-d", text(folder), text(&path), &blocks];
    run(&make, &arguments).unwrap();
    run("e2fsck", &["-fn", text(&path)]).unwrap();
    std::fs::read(path).unwrap()
}

/// Mends an image as a boot does, and as somebody does whom the boot asks.
pub(super) fn mend(path: &Path) -> Result<(), String> {
    // 1: something was mended; 4: something is left to be.
    let code = |how: &str| Command::new("e2fsck").args([how, text(path)]).output().unwrap().status.code();
    if !matches!(code("-p"), Some(0 | 1)) && !matches!(code("-fy"), Some(0 | 1)) {
        return Err("the file system cannot be mended".to_owned());
    }
    Ok(())
}

/// Takes all files out of an image without mounting it, which would take most of the time.
pub(super) fn taken_out(image: &Path, to: &Path) -> Result<(), String> {
    let take = format!("rdump / {}", text(to));
    let output = Command::new("debugfs").args(["-R", &take, text(image)]).output().unwrap();
    // After its version it says what it could not read, and nothing else.
    let words = String::from_utf8_lossy(&output.stderr);
    match words.lines().nth(1) {
        None => Ok(()),
        Some(wrong) => Err(format!("a file cannot be read: {wrong}")),
    }
}

/// A file system that is mounted; no longer when this is dropped.
pub(super) struct Mounted {
    at: PathBuf,
}

impl Mounted {
    pub(super) fn new(kind: Kind, image: &Path, at: &Path) -> Result<Self, String> {
        run("mount", &["-t", kind.name, "-o", "loop", text(image), text(at)])?;
        Ok(Self { at: at.to_owned() })
    }

    /// Gets everything to the disk.
    pub(super) fn sync(&self) {
        rustix::fs::syncfs(File::open(&self.at).unwrap()).unwrap();
    }

    /// # Panics
    /// Where a file is still open.
    pub(super) fn unmount(self) {
        run("umount", &[text(&self.at)]).unwrap();
        std::mem::forget(self);
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        if run("umount", &[text(&self.at)]).is_err() {
            let _ = run("umount", &["-l", text(&self.at)]);
        }
    }
}

/// An image in a file that writes down what is done to it.
pub(super) struct Recorder {
    folder: tempfile::TempDir,
    child: Child,
    kind: Kind,
}

impl Recorder {
    pub(super) fn new(kind: Kind, image: &[u8]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("base"), image).unwrap();
        let child = outagefs(folder.path(), &["mount", "--record", "--dest", "device"])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let recorder = Self { folder, child, kind };
        let device = recorder.device();
        // Not `metadata`: it asks for more than outagefs knows, at which that ends.
        let size = || rustix::fs::stat(&device).map_or(0, |found| found.st_size);
        until("outagefs shows its file", || size() == image.len() as i64);
        recorder
    }

    pub(super) fn device(&self) -> PathBuf {
        self.folder.path().join("device")
    }

    /// Puts a mark between what was recorded and what will be.
    pub(super) fn mark(&self, mark: u8) {
        let device = File::options().write(true).open(self.device()).unwrap();
        device.write_all_at(&[mark], self.place_of_marks() as u64).unwrap();
    }

    fn place_of_marks(&self) -> usize {
        (self.kind.blocks - 1) * BLOCK
    }

    /// What was recorded. Nothing may be mounted from it any more.
    pub(super) fn finish(mut self) -> Recording {
        self.end();
        let folder = self.folder.path();
        let shown = outagefs(folder, &["show", "--verbose"]).output().unwrap();
        let shown = String::from_utf8(shown.stdout).unwrap();
        let base = std::fs::read(folder.join("base")).unwrap();
        Recording::new(base, shown.lines().map(change), self.place_of_marks())
    }

    fn end(&mut self) {
        // It waits for a line.
        if let Some(mut input) = self.child.stdin.take() {
            let _ = input.write_all(b"\n");
            drop(input);
            let _ = self.child.wait();
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end();
    }
}

fn outagefs(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new("outagefs");
    command.args(arguments).current_dir(folder);
    command
}

/// `4 Write at 4096 with [1, 2]`, or `5 Sync`.
fn change(line: &str) -> Change {
    let (_, words) = line.trim_start().split_once(' ').unwrap();
    let Some(words) = words.strip_prefix("Write at ") else {
        assert_eq!(words, "Sync");
        return Change::Sync;
    };
    let (at, bytes) = words.split_once(" with ").unwrap();
    let bytes = bytes.trim_matches(['[', ']']).split(", ").map(|byte| byte.parse().unwrap()).collect();
    Change::Write { at: at.parse().unwrap(), bytes }
}
