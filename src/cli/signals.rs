//! Signals as something to wait for.

use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags};
use rustix::process::Signal;

/// Signals that are told instead of acting, until this is dropped.
#[derive(Debug)]
pub(crate) struct Signals(Vec<Watched>);

#[derive(Debug)]
struct Watched {
    signal: Signal,
    told: UnixStream,
    id: signal_hook::SigId,
}

impl Signals {
    /// Watches these. `None` where the system refuses.
    pub(crate) fn watch(signals: impl IntoIterator<Item = Signal>) -> Option<Self> {
        let watch = |signal: Signal| {
            let (told, tell) = UnixStream::pair().ok()?;
            told.set_nonblocking(true).ok()?;
            let id = signal_hook::low_level::pipe::register(signal.as_raw(), tell).ok()?;
            Some(Watched { signal, told, id })
        };
        // Gathered one by one: what was registered before a refusal is taken back.
        let mut watched = Self(Vec::new());
        for signal in signals {
            watched.0.push(watch(signal)?);
        }
        Some(watched)
    }

    /// As [`Signals::watch`], but for those that were ignored when this program started, as under `nohup`: a program
    /// that it starts ignores them then too.
    pub(crate) fn watch_heeded(signals: impl IntoIterator<Item = Signal>) -> Option<Self> {
        let ignored = ignored();
        let heeded = |signal: &Signal| *signal == Signal::CHILD || ignored >> (signal.as_raw() - 1) & 1 == 0;
        Self::watch(signals.into_iter().filter(heeded))
    }

    /// What to poll for.
    pub(crate) fn fds(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.0.iter().map(|watched| PollFd::new(&watched.told, PollFlags::IN))
    }

    /// The signals that came since the last call.
    pub(crate) fn came(&self) -> Vec<Signal> {
        let came = |watched: &&Watched| {
            let mut bytes = [0; 64];
            let mut any = false;
            while let Ok(1..) = std::io::Read::read(&mut &watched.told, &mut bytes) {
                any = true;
            }
            any
        };
        self.0.iter().filter(came).map(|watched| watched.signal).collect()
    }
}

impl Drop for Signals {
    fn drop(&mut self) {
        for watched in &self.0 {
            signal_hook::low_level::unregister(watched.id);
        }
    }
}

/// The signals that this process ignores, one bit each. Only Linux tells.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0)
}
