//! What is typed and pasted, as messages.
//!
//! The terminal is read here and not by crossterm, whose buffers live as long as the program and are never wiped: a
//! passphrase that was pasted would stand in them after the lock. They also take the end of a paste for it wherever it
//! stands, and spin when the terminal is gone.

mod parse;

use std::io;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use zeroize::{Zeroize, Zeroizing};

use self::parse::Parser;
use super::message::Message;

/// How long after a lone Esc, or the end of a paste, nothing more may come for it to be what it looks like. A person
/// does not feel it, and a sequence that a network cut in two comes together.
const QUIET: Duration = Duration::from_millis(20);

/// Bytes that are read at once.
const CHUNK: usize = 4096;

/// Reads that wait to be taken over: who floods the terminal has to wait.
const WAITING: usize = 64;

/// What each read gave. A list for each of them, so that nothing of it stays in the channel.
pub(super) type Events = Receiver<Vec<Message>>;

/// Starts to read the terminal, on a thread that sleeps in the kernel until there is something.
///
/// # Errors
/// The system has no thread left.
pub(super) fn listen() -> io::Result<Events> {
    let (events, inbox) = channel(WAITING);
    std::thread::Builder::new().name("input".into()).spawn(move || {
        if read(&events).is_none() {
            // Nobody may be there to hear of it.
            let _ = events.blocking_send(vec![Message::TerminalGone]);
        }
    })?;
    Ok(inbox)
}

/// Reads until nobody listens; `None`: the terminal is gone.
fn read(events: &Sender<Vec<Message>>) -> Option<()> {
    let mut parser = Parser::default();
    let mut chunk = Zeroizing::new([0; CHUNK]);
    // Silence is listened to once: what it does not end waits for more without waking up.
    let mut quiet = false;
    loop {
        let wait = (parser.is_waiting() && !quiet).then_some(QUIET);
        quiet = !is_ready(wait)?;
        if !quiet {
            let count = fill(&mut chunk[..])?;
            parser.push(&chunk[..count]);
            chunk.zeroize();
        }
        let mut messages = parser.take(quiet);
        if !messages.is_empty() {
            messages.shrink_to_fit();
            if events.blocking_send(messages).is_err() {
                return Some(());
            }
        }
    }
}

fn is_ready(wait: Option<Duration>) -> Option<bool> {
    let stdin = rustix::stdio::stdin();
    let wait = wait.and_then(|time| Timespec::try_from(time).ok());
    loop {
        let mut terminal = [PollFd::new(&stdin, PollFlags::IN)];
        match poll(&mut terminal, wait.as_ref()) {
            Ok(count) => return Some(count > 0),
            Err(Errno::INTR) => {}
            Err(_) => return None,
        }
    }
}

fn fill(chunk: &mut [u8]) -> Option<usize> {
    loop {
        match rustix::io::read(rustix::stdio::stdin(), &mut *chunk) {
            Ok(0) => return None,
            Ok(count) => return Some(count),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return None,
        }
    }
}
