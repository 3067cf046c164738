//! Bytes on their way from one file to another, masked where that is asked for.

use std::os::fd::OwnedFd;

use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use zeroize::Zeroizing;

use crate::redact::Masker;

/// How much is read at once, and from how much on nothing more is read, in bytes.
const CHUNK: usize = 64 * 1024;

/// How much is written at once, in bytes: a pipe that can be written to at all takes so much without blocking.
const PIECE: usize = 4096;

/// One way.
pub(super) struct Stream {
    from: Option<OwnedFd>,
    to: Option<OwnedFd>,
    masker: Option<Masker>,
    /// What was read and is still to be written, from `written` on.
    queue: Zeroizing<Vec<u8>>,
    written: usize,
}

/// What a [`Stream`] waits for, by place in what is polled.
#[derive(Clone, Copy, Default)]
pub(super) struct Waits {
    read: Option<usize>,
    write: Option<usize>,
}

impl Stream {
    pub(super) fn new(from: OwnedFd, to: OwnedFd, masker: Option<Masker>) -> Self {
        Self { from: Some(from), to: Some(to), masker, queue: Zeroizing::new(Vec::new()), written: 0 }
    }

    /// Adds what it waits for.
    pub(super) fn poll<'a>(&'a self, fds: &mut Vec<PollFd<'a>>) -> Waits {
        let mut add = |fd: &'a OwnedFd, flags| {
            fds.push(PollFd::new(fd, flags));
            fds.len() - 1
        };
        let full = self.waiting() >= CHUNK;
        Waits {
            read: self.from.as_ref().filter(|_| !full).map(|from| add(from, PollFlags::IN)),
            write: self.to.as_ref().filter(|_| self.waiting() > 0).map(|to| add(to, PollFlags::OUT)),
        }
    }

    /// Does what can be done. Says whether anything was read.
    pub(super) fn step(&mut self, waits: Waits, ready: &[bool]) -> bool {
        let is_ready = |place: Option<usize>| place.is_some_and(|place| ready[place]);
        let read = is_ready(waits.read) && self.read();
        if is_ready(waits.write) {
            self.write();
        }
        read
    }

    fn waiting(&self) -> usize {
        self.queue.len() - self.written
    }

    fn read(&mut self) -> bool {
        let Some(from) = &self.from else { return false };
        let mut buffer = Zeroizing::new([0; CHUNK]);
        match rustix::io::read(from, &mut buffer[..]) {
            Err(Errno::INTR | Errno::AGAIN) => false,
            // A terminal whose other end was closed answers with an error.
            Ok(0) | Err(_) => {
                self.close();
                true
            }
            Ok(count) => {
                match &mut self.masker {
                    Some(masker) => masker.push(&buffer[..count], &mut self.queue),
                    None => self.queue.extend_from_slice(&buffer[..count]),
                }
                true
            }
        }
    }

    fn write(&mut self) {
        let Some(to) = &self.to else { return };
        let end = self.queue.len().min(self.written + PIECE);
        match rustix::io::write(to, &self.queue[self.written..end]) {
            Err(Errno::INTR | Errno::AGAIN) => {}
            Ok(count) => {
                self.written += count;
                if self.waiting() == 0 {
                    self.queue.clear();
                    self.written = 0;
                }
            }
            // Nobody reads any more. With its reading end closed the program is told in its turn.
            Err(_) => {
                self.from = None;
                self.to = None;
                self.queue.clear();
                self.written = 0;
            }
        }
    }

    /// Nothing more is read; what is kept back goes out.
    fn close(&mut self) {
        self.from = None;
        if let Some(masker) = &mut self.masker {
            masker.end(&mut self.queue);
        }
    }

    /// Nothing came for a moment.
    pub(super) fn pause(&mut self) {
        if let Some(masker) = &mut self.masker {
            masker.pause(&mut self.queue);
        }
    }

    /// Whether it keeps something back that a pause may let go.
    pub(super) fn keeps_back(&self) -> bool {
        self.from.is_some() && self.masker.as_ref().is_some_and(Masker::is_waiting)
    }

    /// Whether nothing more will come.
    pub(super) fn is_closed(&self) -> bool {
        self.from.is_none()
    }

    /// Writes what is left, and waits for it to be taken.
    pub(super) fn finish(mut self) {
        self.close();
        while self.waiting() > 0 {
            let Some(to) = &self.to else { return };
            let mut fds = [PollFd::new(to, PollFlags::OUT)];
            match rustix::event::poll(&mut fds, None) {
                Ok(_) => self.write(),
                Err(Errno::INTR) => {}
                Err(_) => return,
            }
        }
    }
}
