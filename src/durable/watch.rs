//! Being told when a file is replaced or written to, without looking again and again.

use std::fmt;
use std::path::Path;

/// Why nothing tells of changes to a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unwatched {
    /// What other hosts write is not told on this file system.
    Network(&'static str),
    /// The system has no such means, or none left.
    Refused(String),
}

impl fmt::Display for Unwatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(name) => write!(f, "it lies on a network file system ({name})"),
            Self::Refused(why) => f.write_str(why),
        }
    }
}

/// What a wait ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// The file was replaced or written to.
    Changed,
    /// The other end of `stop` was closed.
    Stopped,
    /// The folder is gone: nothing will be told any more.
    Lost,
}

#[cfg(target_os = "linux")]
pub use linux::Watch;
#[cfg(not(target_os = "linux"))]
pub use other::Watch;

#[cfg(target_os = "linux")]
mod linux {
    use std::ffi::CString;
    use std::mem::MaybeUninit;
    use std::os::fd::{AsFd, OwnedFd};
    use std::os::unix::ffi::OsStrExt;

    use rustix::event::{PollFd, PollFlags};
    use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
    use rustix::io::Errno;

    use super::{Path, Seen, Unwatched};
    use crate::durable::network_file_system;

    /// A file that is watched. Its folder is: the file itself is replaced by each save.
    #[derive(Debug)]
    pub struct Watch {
        inotify: OwnedFd,
        name: CString,
    }

    impl Watch {
        /// Watches a file; `path` must be real.
        ///
        /// # Errors
        /// Why that is not possible here.
        pub fn on(path: &Path) -> Result<Self, Unwatched> {
            let refused = |errno: Errno| Unwatched::Refused(errno.to_string());
            let nothing = || refused(Errno::INVAL);
            let (folder, name) = (path.parent().ok_or_else(nothing)?, path.file_name().ok_or_else(nothing)?);
            if let Some(name) = network_file_system(folder) {
                return Err(Unwatched::Network(name));
            }
            let inotify = inotify::init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK).map_err(refused)?;
            let events = WatchFlags::MOVED_TO
                | WatchFlags::CREATE
                | WatchFlags::CLOSE_WRITE
                | WatchFlags::DELETE_SELF
                | WatchFlags::MOVE_SELF
                | WatchFlags::ONLYDIR;
            inotify::add_watch(&inotify, folder, events).map_err(refused)?;
            Ok(Self { inotify, name: CString::new(name.as_bytes()).map_err(|_| nothing())? })
        }

        /// Waits until something happens to the file, or until the other end of `stop` is closed.
        pub fn wait(&self, stop: impl AsFd) -> Seen {
            loop {
                let mut ready =
                    [PollFd::new(&self.inotify, PollFlags::IN), PollFd::new(&stop, PollFlags::IN)];
                match rustix::event::poll(&mut ready, None) {
                    Ok(_) => {}
                    Err(Errno::INTR) => continue,
                    Err(_) => return Seen::Lost,
                }
                if !ready[1].revents().is_empty() {
                    return Seen::Stopped;
                }
                if let Some(seen) = self.read() {
                    return seen;
                }
            }
        }

        /// Everything that was told so far.
        pub(super) fn read(&self) -> Option<Seen> {
            let mut buffer = [MaybeUninit::uninit(); 4096];
            let mut events = inotify::Reader::new(&self.inotify, &mut buffer);
            let mut seen = None;
            let gone =
                ReadFlags::DELETE_SELF | ReadFlags::MOVE_SELF | ReadFlags::IGNORED | ReadFlags::UNMOUNT;
            loop {
                match events.next() {
                    Ok(event) if event.events().intersects(gone) => return Some(Seen::Lost),
                    // More happened than was remembered: the file may be among it.
                    Ok(event) if event.events().contains(ReadFlags::QUEUE_OVERFLOW) => {
                        seen = Some(Seen::Changed)
                    }
                    Ok(event) if event.file_name() == Some(self.name.as_c_str()) => {
                        seen = Some(Seen::Changed)
                    }
                    Ok(_) | Err(Errno::INTR) => {}
                    Err(Errno::AGAIN) => return seen,
                    Err(_) => return Some(Seen::Lost),
                }
            }
        }
    }
}

#[cfg(not(target_os = "linux"))]
mod other {
    use super::{Path, Seen, Unwatched};

    /// A file that is watched: not on this system.
    #[derive(Debug)]
    pub enum Watch {}

    impl Watch {
        /// Watches nothing.
        ///
        /// # Errors
        /// Always.
        pub fn on(_: &Path) -> Result<Self, Unwatched> {
            Err(Unwatched::Refused("this system does not tell of changes".to_owned()))
        }

        /// There is none to wait on.
        pub fn wait(&self, _: impl std::os::fd::AsFd) -> Seen {
            match *self {}
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    #![allow(clippy::disallowed_methods, reason = "tests change files as other programs would")]

    use std::fs;

    use super::*;

    fn watched() -> (tempfile::TempDir, std::path::PathBuf, Watch) {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().canonicalize().unwrap().join("vault.age");
        let watch = Watch::on(&file).unwrap();
        assert_eq!(watch.read(), None, "nothing happened yet");
        (home, file, watch)
    }

    #[test]
    fn what_happens_to_the_file_is_told_and_nothing_else() {
        let (_guard, file, watch) = watched();
        let other = file.with_file_name("other");
        fs::write(&other, "one").unwrap();
        assert_eq!(watch.read(), None, "another file");
        fs::rename(&other, &file).unwrap();
        assert_eq!(watch.read(), Some(Seen::Changed), "replaced");
        assert_eq!(watch.read(), None, "told once");
        fs::write(&file, "two").unwrap();
        assert_eq!(watch.read(), Some(Seen::Changed), "written to");
        fs::remove_file(&file).unwrap();
        fs::write(&other, "three").unwrap();
        assert_eq!(watch.read(), None, "gone: there is nothing to read");
        fs::hard_link(&other, &file).unwrap();
        assert_eq!(watch.read(), Some(Seen::Changed), "made");
    }

    #[test]
    fn a_folder_that_goes_is_lost() {
        let (home, file, watch) = watched();
        fs::rename(home.path(), home.path().with_extension("moved")).unwrap();
        assert_eq!(watch.read(), Some(Seen::Lost), "moved");
        fs::rename(home.path().with_extension("moved"), home.path()).unwrap();
        let watch = Watch::on(&file).unwrap();
        drop(home);
        assert_eq!(watch.read(), Some(Seen::Lost), "removed");
        assert!(matches!(Watch::on(&file), Err(Unwatched::Refused(_))));
    }

    #[test]
    fn only_a_folder_has_files_to_watch() {
        let (_guard, file, _) = watched();
        fs::write(&file, "").unwrap();
        assert!(matches!(Watch::on(&file.join("x")), Err(Unwatched::Refused(_))));
        assert!(matches!(Watch::on(Path::new("/")), Err(Unwatched::Refused(_))));
        let refused = Watch::on(Path::new("/")).unwrap_err().to_string();
        assert!(refused.contains("Invalid argument"), "{refused}");
        assert_eq!(
            Unwatched::Network("NFS").to_string(),
            "it lies on a network file system (NFS)",
            "what is said of it"
        );
    }

    /// The system remembers so many events; of what came after, nobody knows whose it was.
    #[test]
    fn more_than_is_remembered_may_have_been_the_file() {
        let (_guard, file, watch) = watched();
        let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap();
        let (one, two) = (file.with_file_name("one"), file.with_file_name("two"));
        fs::write(&one, "").unwrap();
        for _ in 0..=limit.trim().parse::<u32>().unwrap() / 2 {
            fs::rename(&one, &two).unwrap();
            fs::rename(&two, &one).unwrap();
        }
        assert_eq!(watch.read(), Some(Seen::Changed));
        assert_eq!(watch.read(), None);
    }

    #[test]
    fn a_wait_ends_with_what_happened_or_when_it_is_told_to() {
        let (_guard, file, watch) = watched();
        let (stop, other_end) = rustix::pipe::pipe().unwrap();
        fs::write(&file, "one").unwrap();
        assert_eq!(watch.wait(&stop), Seen::Changed);
        drop(other_end);
        assert_eq!(watch.wait(&stop), Seen::Stopped);
    }
}
