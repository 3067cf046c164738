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
        fn read(&self) -> Option<Seen> {
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
