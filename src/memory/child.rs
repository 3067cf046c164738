//! What a program that this one starts is given back, and what it inherits: all that has to happen in the new
//! process before its program is loaded.

use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use rustix::io::{FdFlags, fcntl_setfd};
use rustix::process::{Resource, getpid, ioctl_tiocsctty, setrlimit, setsid, umask};

use super::Before;

/// Prepares a program's start: umask and limits as they were before [`harden`](super::harden), `inherited` files
/// open under their numbers, and, where a terminal is given, a session of its own on it.
pub fn prepare(command: &mut Command, before: &Before, inherited: Vec<OwnedFd>, terminal: Option<OwnedFd>) {
    let before = before.clone();
    let last_steps = move || {
        umask(before.umask);
        // Raising the soft limit up to the hard one is always allowed.
        let _ = setrlimit(Resource::Core, before.core);
        for file in &inherited {
            fcntl_setfd(file, FdFlags::empty())?;
        }
        if let Some(terminal) = &terminal {
            setsid()?;
            ioctl_tiocsctty(terminal)?;
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made; nothing is allocated, locked or freed.
    unsafe { command.pre_exec(last_steps) };
}

/// Makes a program wait, before it is loaded, for an answer to its process id, which it writes to `asks` in the
/// machine's own byte order: what has to be done about the new process first is done then.
pub fn wait_for_leave(command: &mut Command, asks: OwnedFd) {
    let ask = move || {
        let id = getpid().as_raw_pid().to_ne_bytes();
        if rustix::io::write(&asks, &id)? == id.len() {
            // Nobody there to answer is an answer, too.
            let _ = rustix::io::read(&asks, &mut [0; 1]);
        }
        Ok(())
    };
    // SAFETY: between fork and exec only system calls are made; nothing is allocated, locked or freed.
    unsafe { command.pre_exec(ask) };
}
