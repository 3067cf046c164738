//! A terminal of the program's own.
//!
//! On the operator's terminal a program could type into the shell that runs there (TIOCSTI). So it gets a pseudo
//! terminal, and what goes in and out is passed on. The operator's terminal is raw meanwhile: keys, Ctrl-C and Ctrl-Z
//! among them, mean what the program's terminal says.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::process::getpgrp;
use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
use rustix::termios::{
    OptionalActions, Termios, isatty, tcgetattr, tcgetpgrp, tcgetwinsize, tcsetattr, tcsetwinsize,
};

/// The operator's terminal, and the one that the program gets. The operator's is given back when this is dropped.
pub(super) struct Terminal {
    device: File,
    /// How the operator's was.
    before: Termios,
    master: OwnedFd,
    slave: Option<OwnedFd>,
    /// Whether keys go to the program, as far as the shell lets them.
    wanted: bool,
    /// Whether they do now.
    taken: bool,
}

impl Terminal {
    /// `None` where this program has none, and nobody could type into anything.
    pub(super) fn open() -> io::Result<Option<Self>> {
        let Ok(device) = OpenOptions::new().read(true).write(true).open("/dev/tty") else { return Ok(None) };
        let Ok(before) = tcgetattr(&device) else { return Ok(None) };
        let flags = OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC;
        let master = openpt(flags)?;
        grantpt(&master)?;
        unlockpt(&master)?;
        let slave = ioctl_tiocgptpeer(&master, flags)?;
        tcsetattr(&slave, OptionalActions::Now, &before)?;
        fcntl_setfl(&master, fcntl_getfl(&master)? | OFlags::NONBLOCK)?;
        // In a pipeline another program may be the one that reads keys.
        let wanted = isatty(io::stdin()) && isatty(io::stdout());
        let terminal = Self { device, before, master, slave: Some(slave), wanted, taken: false };
        terminal.resize();
        Ok(Some(terminal))
    }

    /// The program's end of it.
    pub(super) fn slave(&self) -> io::Result<OwnedFd> {
        let slave = self.slave.as_ref().ok_or(io::ErrorKind::NotFound)?;
        slave.as_fd().try_clone_to_owned()
    }

    /// The program has it: once all its copies are closed, its output ends.
    pub(super) fn release(&mut self) {
        self.slave = None;
    }

    /// What the program writes, and what is read by it.
    pub(super) fn master(&self) -> io::Result<OwnedFd> {
        self.master.as_fd().try_clone_to_owned()
    }

    /// The operator's.
    pub(super) fn device(&self) -> io::Result<OwnedFd> {
        self.device.as_fd().try_clone_to_owned()
    }

    /// Whether the program starts with the terminal in its hands.
    pub(super) fn is_wanted(&self) -> bool {
        self.wanted
    }

    /// The program wants to read from it.
    pub(super) fn want(&mut self) {
        self.wanted = true;
    }

    /// Whether keys go to the program.
    pub(super) fn is_taken(&self) -> bool {
        self.taken
    }

    /// Whether this program is the one that the shell lets use its terminal.
    pub(super) fn is_foreground(&self) -> bool {
        tcgetpgrp(&self.device) == Ok(getpgrp())
    }

    /// Takes the operator's terminal, where it is wanted and ours to take.
    pub(super) fn take(&mut self) {
        if self.wanted && !self.taken && self.is_foreground() {
            let mut raw = self.before.clone();
            raw.make_raw();
            self.taken = tcsetattr(&self.device, OptionalActions::Drain, &raw).is_ok();
        }
    }

    /// Gives it back as it was.
    pub(super) fn give_back(&mut self) {
        if std::mem::take(&mut self.taken) && self.is_foreground() {
            let _ = tcsetattr(&self.device, OptionalActions::Drain, &self.before);
        }
    }

    /// Gives the program's terminal the size of the operator's.
    pub(super) fn resize(&self) {
        if let Ok(size) = tcgetwinsize(&self.device) {
            let _ = tcsetwinsize(&self.master, size);
        }
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.give_back();
    }
}
