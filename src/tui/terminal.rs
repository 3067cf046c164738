//! The terminal is borrowed: whatever ends the program, it goes back as it was found.
//!
//! [`Guard`] enters raw mode, the alternate screen and bracketed paste, and leaves them when dropped. A panic
//! on the thread that draws restores first. [`watch`] notices that the terminal itself is gone,
//! also while nobody reads it.

use std::io::{self, IsTerminal, Write};
use std::panic::PanicHookInfo;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::ThreadId;
use std::time::Duration;

use crossterm::cursor::{Hide, Show};
use crossterm::event::{DisableBracketedPaste, EnableBracketedPaste};
use crossterm::style::{Attribute, SetAttribute, force_color_output};
use crossterm::terminal::{
    Clear, ClearType, EnterAlternateScreen, LeaveAlternateScreen, disable_raw_mode, enable_raw_mode,
};
use crossterm::{execute, queue};
use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::process::Signal;
use zeroize::{Zeroize, Zeroizing};

use crate::memory;
use crate::problem::{Exit, Problem};

/// Whether the terminal is in our hands now. The panic hook and the guard share it.
static ENTERED: AtomicBool = AtomicBool::new(false);

/// How long an orderly end may take once the terminal is gone.
const LAST_CHANCE: Duration = Duration::from_millis(1500);

/// How much of a frame is kept before it is written.
const FRAME: usize = 1 << 16;

/// Where frames go. What was written is wiped from its buffer: a shown secret would outlive the lock in the buffer of
/// the standard library's own output, which is never freed. Once the terminal was given back nothing is written any
/// more: ratatui's own drop would write to a terminal that may be gone, and panic when telling that it cannot.
pub(super) struct Output(Zeroizing<Vec<u8>>);

impl Output {
    fn new() -> Self {
        Self(Zeroizing::new(Vec::with_capacity(FRAME)))
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !ENTERED.load(Ordering::SeqCst) {
            return Ok(bytes.len());
        }
        if self.0.len() == FRAME {
            self.flush()?;
        }
        let count = bytes.len().min(FRAME - self.0.len());
        self.0.extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = if ENTERED.load(Ordering::SeqCst) { write_all(&self.0) } else { Ok(()) };
        self.0.zeroize();
        written
    }
}

/// Writes to the terminal itself, past the buffer of the standard library.
fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let stdout = rustix::stdio::stdout();
    while !bytes.is_empty() {
        match rustix::io::write(stdout, bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(Errno::INTR) => {}
            // Another program that has the same terminal may have made it so.
            Err(Errno::AGAIN) => drop(poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None)),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// The terminal while it is ours.
pub(super) struct Guard {
    terminal: Terminal<CrosstermBackend<Output>>,
}

impl Guard {
    /// Takes the terminal.
    ///
    /// # Errors
    /// Exit 2 where standard input or output is none; what the terminal refuses.
    pub(super) fn enter() -> Result<Self, Problem> {
        if !io::stdin().is_terminal() || !io::stdout().is_terminal() {
            return Err(Problem::new(Exit::Usage, "no_terminal", "the workbench needs a terminal")
                .hint("`credbench list`, `get` and `test` work without one"));
        }
        // With NO_COLOR set, crossterm would write resets in the place of colours, which end bold and
        // reverse too. The theme leaves the colours out itself.
        force_color_output(true);
        catch_panics(std::thread::current().id());
        let failed = |error: io::Error| {
            Problem::new(Exit::Failed, "terminal", format!("the terminal cannot be used: {error}"))
        };
        take().map_err(failed)?;
        let backend = CrosstermBackend::new(Output::new());
        Ok(Self { terminal: Terminal::new(backend).map_err(failed)? })
    }

    /// What is drawn on.
    pub(super) fn terminal(&mut self) -> &mut Terminal<CrosstermBackend<Output>> {
        &mut self.terminal
    }

    /// Takes the terminal again after a stop, and makes the next drawing a full one.
    pub(super) fn retake(&mut self) -> io::Result<()> {
        give_back()?;
        take()?;
        self.draw_all()
    }

    /// Makes the next drawing a full one. Also after a change of size: of two that follow each other at once only the
    /// last is seen, and what the terminal kept through both is not known.
    pub(super) fn draw_all(&mut self) -> io::Result<()> {
        // Not `Terminal::clear`, which asks the terminal for the cursor and waits for the answer that the
        // event stream would get.
        let size = self.terminal.size()?;
        self.terminal.resize(size.into())
    }

    /// Gives the terminal back and stops the process, as the terminal itself would have on Ctrl-Z.
    pub(super) fn stop(&mut self) -> io::Result<()> {
        // What was on the alternate screen is not left for those who look at it later.
        execute!(io::stdout(), Clear(ClearType::All))?;
        give_back()?;
        // The whole group, as the terminal's own Ctrl-Z: a stopped child of a running `cargo run` would
        // leave the shell waiting. Where nobody could continue us the kernel ignores it.
        rustix::process::kill_current_process_group(Signal::TSTP)?;
        Ok(())
    }

    /// Writes bytes that are not part of a frame.
    pub(super) fn send(&mut self, bytes: impl crossterm::Command) -> io::Result<()> {
        execute!(self.terminal.backend_mut(), bytes)
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // The terminal may be gone; then there is nothing to give back.
        let _ = give_back();
    }
}

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste, Hide, Clear(ClearType::All))
}

fn give_back() -> io::Result<()> {
    if !ENTERED.swap(false, Ordering::SeqCst) {
        return Ok(());
    }
    let mut out = io::stdout();
    let written =
        queue!(out, SetAttribute(Attribute::Reset), DisableBracketedPaste, LeaveAlternateScreen, Show)
            .and_then(|()| out.flush());
    // Even where writing failed: the terminal may take the mode back all the same.
    disable_raw_mode().and(written)
}

/// Restores the terminal before a panic on the drawing thread is told. What the panic says may quote a
/// secret, so only its place is printed. Panics elsewhere are caught there and become messages.
fn catch_panics(drawing: ThreadId) {
    std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
        if std::thread::current().id() != drawing {
            return;
        }
        let _ = give_back();
        let place = info.location().map(ToString::to_string).unwrap_or_default();
        say(&format!("this is a bug ({place}). The vault is as it was last saved; please report it."));
    }));
}

/// Tells a person something once the terminal was given back.
pub(super) fn say(words: &str) {
    // It may be gone.
    let _ = writeln!(io::stderr(), "credbench: {words}");
}

/// Tells once when the terminal hangs up; then ends the process where that did not end it in time.
/// The thread sleeps in the kernel until there is a hang-up.
pub(super) fn watch(gone: impl FnOnce() + Send + 'static) {
    let wait = move || {
        let stdin = io::stdin();
        let mut terminal = [PollFd::new(&stdin, PollFlags::empty())];
        while poll(&mut terminal, None).is_err_and(|error| error == Errno::INTR) {}
        gone();
        let end = std::time::Instant::now() + LAST_CHANCE;
        // Parking may end early without a reason.
        while let Some(left) = end.checked_duration_since(std::time::Instant::now()) {
            std::thread::park_timeout(left);
        }
        memory::die(Signal::HUP);
    };
    // Without the thread a hang-up is only noticed by SIGHUP.
    let _ = std::thread::Builder::new().name("terminal-watch".into()).spawn(wait);
}
