//! Questions on the terminal itself, whatever standard input and output are connected to.

use std::fs::{File, OpenOptions};
use std::io::{IsTerminal, Read, Write};
use std::os::unix::net::UnixStream;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::Signal;
use rustix::termios::{
    LocalModes, OptionalActions, QueueSelector, SpecialCodeIndex, Termios, tcflush, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

use super::output::visible;
use crate::memory;
use crate::problem::{Exit, Problem};
use crate::secret::Secret;
use crate::vault::Ask;

/// The terminal that this program was started on.
#[derive(Debug)]
pub(crate) struct Terminal {
    device: File,
}

/// What came of a question.
enum Reply {
    Text(Zeroizing<Vec<u8>>),
    Cancelled,
    Stopped,
}

/// What a question waits for.
enum Event {
    Key,
    Signal(Signal),
    Stop,
}

/// The answer that a key stands for.
enum Key {
    Character(u8),
    Enter,
    Backspace,
    Clear,
    End,
    Cancel,
    Nothing,
}

impl Terminal {
    /// `None` where there is none, as under cron or a service manager.
    pub(crate) fn open() -> Option<Self> {
        let device = OpenOptions::new().read(true).write(true).open("/dev/tty").ok()?;
        tcgetattr(&device).ok()?;
        Some(Self { device })
    }

    /// The terminal, where a person is at it: `None` too where standard input comes from elsewhere, as in a
    /// script that was started from a shell.
    pub(crate) fn attended() -> Option<Self> {
        if std::io::stdin().is_terminal() { Self::open() } else { None }
    }

    /// Prints a line.
    pub(crate) fn say(&mut self, text: &str) {
        // A terminal that cannot be written to cannot be read from either: the next question tells.
        let _ = writeln!(self.device, "{text}");
    }

    /// Asks for one line of text. `None`: cancelled.
    pub(crate) fn text(&mut self, question: &str) -> Option<String> {
        let Reply::Text(bytes) = self.read(question, true, false, None) else { return None };
        String::from_utf8(bytes.to_vec()).ok().map(|text| text.trim().to_owned())
    }

    /// Asks for one line without showing it. `None`: cancelled.
    pub(crate) fn secret(&mut self, question: &str) -> Option<Secret> {
        self.hidden(question, false)
    }

    /// Asks for one line without showing it, until `stop` is closed: `None`, then. `Some(None)`: cancelled.
    pub(crate) fn secret_until(&mut self, question: &str, stop: &UnixStream) -> Option<Option<Secret>> {
        match self.read(question, false, false, Some(stop)) {
            Reply::Text(mut bytes) => Some(Secret::from_utf8(std::mem::take(&mut *bytes)).ok()),
            Reply::Cancelled => Some(None),
            Reply::Stopped => None,
        }
    }

    /// Shows a line in the place of the one before; an empty one takes it away.
    pub(crate) fn status(&mut self, text: &str) {
        let _ = write!(self.device, "\r\x1b[K{}", visible(text));
    }

    /// Asks for text of several lines without showing it; Ctrl-D ends it. `None`: cancelled.
    pub(crate) fn secret_lines(&mut self, question: &str) -> Option<Secret> {
        self.hidden(&format!("{question} (may have several lines; Ctrl-D ends it)"), true)
    }

    /// Asks a question that only `yes` or `y` answers with yes. What was typed before it stood there was not meant
    /// for it.
    pub(crate) fn confirm(&mut self, question: &str) -> bool {
        let _ = tcflush(&self.device, QueueSelector::IFlush);
        let answer = self.text(&format!("{question} [y/N]")).unwrap_or_default();
        matches!(answer.to_lowercase().as_str(), "y" | "yes")
    }

    /// Asks for a new passphrase, twice.
    ///
    /// # Errors
    /// Cancelled, empty, or not the same twice.
    pub(crate) fn new_passphrase(&mut self, what: &str) -> Result<Secret, Problem> {
        let first = self.secret(&format!("New passphrase for {what}")).ok_or_else(cancelled)?;
        refuse_empty(&first)?;
        let second = self.secret("Once more").ok_or_else(cancelled)?;
        if first != second {
            return Err(Problem::new(Exit::Failed, "passphrase_differs", "the two passphrases differ")
                .hint("nothing was changed: try again"));
        }
        Ok(first)
    }

    fn hidden(&mut self, question: &str, lines: bool) -> Option<Secret> {
        let Reply::Text(mut bytes) = self.read(question, false, lines, None) else { return None };
        Secret::from_utf8(std::mem::take(&mut *bytes)).ok()
    }

    /// Reads keys one by one, so that Ctrl-C cancels and a line may be longer than the terminal's own 4 KiB.
    fn read(&mut self, question: &str, shown: bool, lines: bool, stop: Option<&UnixStream>) -> Reply {
        let Some(raw) = Raw::enter(&self.device) else { return Reply::Cancelled };
        let Some(ends) = Ends::watch() else { return Reply::Cancelled };
        if write!(&self.device, "{}: ", visible(question)).is_err() {
            return Reply::Cancelled;
        }
        let mut text = Zeroizing::new(Vec::with_capacity(4096));
        let done = loop {
            let mut byte = [0];
            match ends.wait_for(&self.device, stop) {
                Event::Key => {}
                Event::Stop => {
                    drop(raw);
                    let _ = (&self.device).write_all(b"\n");
                    return Reply::Stopped;
                }
                Event::Signal(signal) => {
                    drop(raw);
                    let _ = (&self.device).write_all(b"\n");
                    drop(text);
                    memory::die(signal);
                }
            }
            match (&self.device).read(&mut byte) {
                Ok(1) => {}
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                _ => break None,
            }
            match key(byte[0]) {
                Key::Enter if !lines => break Some(()),
                Key::End if lines || !text.is_empty() => break Some(()),
                Key::End | Key::Cancel => break None,
                Key::Enter => text.push(b'\n'),
                Key::Character(byte) => {
                    text.push(byte);
                    if shown && (&self.device).write_all(&[byte]).is_err() {
                        break None;
                    }
                }
                Key::Backspace => {
                    // The bytes of one character.
                    while text.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
                    if shown {
                        self.redraw(question, &text);
                    }
                }
                Key::Clear => {
                    text.clear();
                    if shown {
                        self.redraw(question, &text);
                    }
                }
                Key::Nothing => {}
            }
        };
        drop(raw);
        let _ = (&self.device).write_all(b"\n");
        match done {
            Some(()) => Reply::Text(text),
            None => Reply::Cancelled,
        }
    }

    fn redraw(&self, question: &str, text: &[u8]) {
        let _ = write!(&self.device, "\r\x1b[K{}: {}", visible(question), String::from_utf8_lossy(text));
    }
}

fn key(byte: u8) -> Key {
    match byte {
        b'\r' | b'\n' => Key::Enter,
        0x7f | 0x08 => Key::Backspace,
        0x15 => Key::Clear,
        0x04 => Key::End,
        0x03 | 0x1c => Key::Cancel,
        b'\t' | 0x20.. => Key::Character(byte),
        _ => Key::Nothing,
    }
}

/// The terminal without echo, line editing and signals, until it is dropped.
struct Raw<'a> {
    device: &'a File,
    before: Termios,
}

impl<'a> Raw<'a> {
    fn enter(device: &'a File) -> Option<Self> {
        let before = tcgetattr(device).ok()?;
        let mut raw = before.clone();
        raw.local_modes &= !(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG | LocalModes::IEXTEN);
        raw.special_codes[SpecialCodeIndex::VMIN] = 1;
        raw.special_codes[SpecialCodeIndex::VTIME] = 0;
        // Keys typed before the question was asked answer nothing.
        tcsetattr(device, OptionalActions::Flush, &raw).ok()?;
        Some(Self { device, before })
    }
}

impl Drop for Raw<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.device, OptionalActions::Now, &self.before);
    }
}

/// The signals that end a program: while a question waits, they first give the terminal its echo back.
struct Ends(Vec<(Signal, UnixStream, signal_hook::SigId)>);

impl Ends {
    fn watch() -> Option<Self> {
        let mut signals = Vec::new();
        for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
            let (told, tell) = UnixStream::pair().ok()?;
            let id = signal_hook::low_level::pipe::register(signal.as_raw(), tell).ok()?;
            signals.push((signal, told, id));
        }
        Some(Self(signals))
    }

    /// Waits for a key, for a signal, or until the other end of `stop` is closed.
    fn wait_for(&self, device: &File, stop: Option<&UnixStream>) -> Event {
        loop {
            let told = self.0.iter().map(|(_, told, _)| PollFd::new(told, PollFlags::IN));
            let mut ready: Vec<PollFd<'_>> = told.collect();
            ready.extend(stop.map(|stop| PollFd::new(stop, PollFlags::IN)));
            ready.push(PollFd::new(device, PollFlags::IN));
            if poll(&mut ready, None) == Err(rustix::io::Errno::INTR) {
                continue;
            }
            let came = |fd: &PollFd<'_>| !fd.revents().is_empty();
            if let Some((_, (signal, ..))) = ready.iter().zip(&self.0).find(|(fd, _)| came(fd)) {
                return Event::Signal(*signal);
            }
            let stopped = stop.is_some() && ready.get(self.0.len()).is_some_and(came);
            return if stopped { Event::Stop } else { Event::Key };
        }
    }
}

impl Drop for Ends {
    fn drop(&mut self) {
        for (_, _, id) in &self.0 {
            signal_hook::low_level::unregister(*id);
        }
    }
}

/// Refuses an empty passphrase.
///
/// # Errors
/// Exit 2.
pub(crate) fn refuse_empty(passphrase: &Secret) -> Result<(), Problem> {
    if passphrase.is_empty() {
        return Err(Problem::new(Exit::Usage, "empty_passphrase", "an empty passphrase protects nothing")
            .hint("give one; an identity without any is made by `credbench init --plain-identity`"));
    }
    Ok(())
}

/// A person said no, or Ctrl-C.
pub(crate) fn cancelled() -> Problem {
    Problem::new(Exit::Failed, "cancelled", "cancelled; nothing was changed")
}

/// Asks the person at the terminal while identities are unlocked. Without a terminal nobody answers.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AtTerminal;

impl Ask for AtTerminal {
    fn passphrase(&self, what: &str) -> Option<Secret> {
        Terminal::open()?.secret(&format!("Passphrase for {what}"))
    }

    fn text(&self, what: &str) -> Option<String> {
        Terminal::open()?.text(what)
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let mut terminal = Terminal::open()?;
        let no = no.unwrap_or("no");
        let answer = terminal.text(&format!("{message} [1: {yes}, 2: {no}]"))?;
        match answer.to_lowercase().as_str() {
            "1" | "y" | "yes" => Some(true),
            "2" | "n" | "no" => Some(false),
            other if other == yes.to_lowercase() => Some(true),
            other if other == no.to_lowercase() => Some(false),
            _ => None,
        }
    }

    fn message(&self, text: &str) {
        if let Some(mut terminal) = Terminal::open() {
            terminal.say(&visible(text));
        }
    }
}
