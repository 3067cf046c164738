//! The real program on a terminal of its own, without a screen: what it prints, as it comes.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use super::command::{PROGRAM, environment};
use super::home::Account;

/// The longest that anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program on a terminal of its own.
pub(crate) struct OnTerminal {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl OnTerminal {
    pub(crate) fn start(account: &Account, arguments: &[&str]) -> Self {
        let size = PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(PROGRAM);
        command.env_clear();
        for (name, value) in environment(&account.home) {
            command.env(name, value);
        }
        command.cwd(&account.home);
        command.args(arguments);
        let child = pair.slave.spawn_command(command).unwrap();
        let (keys, mut reader) =
            (pair.master.take_writer().unwrap(), pair.master.try_clone_reader().unwrap());
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { master: pair.master, child, keys, screen, seen: String::new() }
    }

    /// Sends a signal to the program.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let process = self.child.process_id().unwrap().cast_signed();
        rustix::process::kill_process(rustix::process::Pid::from_raw(process).unwrap(), signal).unwrap();
    }

    /// Takes the terminal away, as a dropped connection does, and waits for the program's end.
    pub(crate) fn hangs_up(self) {
        let Self { master, mut child, keys, screen, .. } = self;
        drop((keys, master, screen));
        child.wait().unwrap();
    }

    /// Waits until the program printed this, after all that was waited for before.
    #[track_caller]
    pub(crate) fn sees(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} did not come, but: {:?}", self.seen)
                }
            }
        }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// The terminal's name, without its folder.
    pub(crate) fn name(&self) -> String {
        let path = self.master.tty_name().unwrap();
        path.strip_prefix("/dev").unwrap().to_str().unwrap().to_owned()
    }

    /// Waits for the end: the exit code and what was printed since the last wait.
    pub(crate) fn ends(mut self) -> (u32, String) {
        let code = self.child.wait().unwrap().exit_code();
        let echo = self.master.get_termios().map(|state| format!("{:?}", state.local_flags));
        drop((self.keys, self.master));
        while let Ok(bytes) = self.screen.recv_timeout(PATIENCE) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let flags = echo.unwrap_or_default();
        for wanted in ["ECHO", "ICANON", "ISIG"] {
            let mut words = flags.split(|c: char| !c.is_ascii_alphanumeric());
            assert!(words.any(|word| word == wanted), "{wanted} is off: {flags}");
        }
        (code, self.seen)
    }
}
