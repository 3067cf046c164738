//! A real program on a real pseudo-terminal. Everything waits on what the terminal gets, with a deadline.

use std::ffi::OsString;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, ExitStatus, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};

use super::command::environment;

const DEADLINE: Duration = Duration::from_secs(30);

/// A program on a terminal.
pub(crate) struct Pty {
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    writer: Option<Box<dyn Write + Send>>,
    output: Receiver<Vec<u8>>,
    reader: Option<JoinHandle<()>>,
    closing: Arc<AtomicBool>,
    parser: vt100::Parser,
    /// How the terminal was before the program.
    before: String,
    /// Everything it wrote.
    pub(crate) bytes: Vec<u8>,
}

impl Pty {
    /// Starts a program in a home of its own, with nothing of the caller's environment but `PATH`.
    pub(crate) fn start(
        home: &Path,
        program: impl Into<OsString>,
        arguments: &[&str],
        size: (u16, u16),
    ) -> Self {
        let pair = native_pty_system().openpty(dimensions(size)).unwrap();
        let mut command = CommandBuilder::new(program.into());
        command.args(arguments);
        command.env_clear();
        std::fs::create_dir_all(home.join("tmp")).unwrap();
        for (name, value) in environment(home) {
            command.env(name, value);
        }
        command.env("TERM", "xterm-256color");
        command.env("PS1", "ready$ ");
        command.cwd(home);
        let before = format!("{:?}", pair.master.get_termios());
        let child = pair.slave.spawn_command(command).unwrap();
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, output) = channel();
        let closing = Arc::new(AtomicBool::new(false));
        let stop = closing.clone();
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count) = reader.read(&mut buffer) {
                if count == 0 || stop.load(Ordering::SeqCst) || sender.send(buffer[..count].to_vec()).is_err()
                {
                    return;
                }
            }
        });
        let writer = pair.master.take_writer().unwrap();
        let parser = vt100::Parser::new(size.1.try_into().unwrap(), size.0.try_into().unwrap(), 0);
        Self {
            child,
            master: Some(pair.master),
            writer: Some(writer),
            output,
            reader: Some(reader),
            closing,
            parser,
            before,
            bytes: Vec::new(),
        }
    }

    /// Types bytes, all at once.
    pub(crate) fn send(&mut self, bytes: &str) -> &mut Self {
        let writer = self.writer.as_mut().unwrap();
        writer.write_all(bytes.as_bytes()).unwrap();
        writer.flush().unwrap();
        self
    }

    /// Pastes, and waits as long as a person does before the next key: one that came with the paste would be none.
    pub(crate) fn paste(&mut self, text: &str) -> &mut Self {
        self.send(&format!("\x1b[200~{text}\x1b[201~"));
        if let Ok(bytes) = self.output.recv_timeout(Duration::from_secs(2)) {
            self.take(&bytes);
        }
        self.settles_for(Duration::from_millis(80))
    }

    pub(crate) fn resize(&mut self, width: u16, height: u16) -> &mut Self {
        self.parser.screen_mut().set_size(height.try_into().unwrap(), width.try_into().unwrap());
        self.master.as_ref().unwrap().resize(dimensions((width, height))).unwrap();
        self
    }

    pub(crate) fn signal(&mut self, signal: Signal) -> &mut Self {
        let pid = i32::try_from(self.child.process_id().unwrap()).unwrap();
        kill_process(Pid::from_raw(pid).unwrap(), signal).unwrap();
        self
    }

    fn take(&mut self, bytes: &[u8]) {
        self.parser.process(bytes);
        self.bytes.extend_from_slice(bytes);
    }

    /// The program's process.
    pub(crate) fn process(&self) -> u32 {
        self.child.process_id().unwrap()
    }

    /// The workbench's process, where a shell or another program started it.
    pub(crate) fn workbench(&self) -> u32 {
        let named = Path::new(super::command::PROGRAM).file_name().unwrap();
        let mut process = self.process();
        while named != std::fs::read_to_string(format!("/proc/{process}/comm")).unwrap().trim() {
            let children = format!("/proc/{process}/task/{process}/children");
            let children = std::fs::read_to_string(children).unwrap();
            process = children.split_whitespace().next().expect("it runs something").parse().unwrap();
        }
        process
    }

    /// Waits until something outside of the terminal is so, and takes over what is shown meanwhile.
    pub(crate) fn until_true(&mut self, what: &str, holds: impl Fn() -> bool) -> &mut Self {
        let deadline = Instant::now() + DEADLINE;
        while !holds() {
            assert!(Instant::now() < deadline, "waited for {what}; the terminal shows:\n{}", self.screen());
            if let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(20)) {
                self.take(&bytes);
            }
        }
        self
    }

    /// What the terminal shows.
    pub(crate) fn screen(&self) -> String {
        self.parser.screen().contents()
    }

    pub(crate) fn picture(&self) -> &vt100::Screen {
        self.parser.screen()
    }

    /// Waits until the terminal shows a text.
    pub(crate) fn wait(&mut self, text: &str) -> &mut Self {
        self.until(&format!("{text:?}"), |screen| screen.contains(text))
    }

    /// Waits until the terminal does not show a text any more.
    pub(crate) fn gone(&mut self, text: &str) -> &mut Self {
        self.until(&format!("{text:?} to go"), |screen| !screen.contains(text))
    }

    /// Waits until a shell asks for its next command.
    pub(crate) fn prompt(&mut self) -> &mut Self {
        self.until("a prompt", |screen| screen.trim_end().ends_with("ready$"))
    }

    fn until(&mut self, what: &str, holds: impl Fn(&str) -> bool) -> &mut Self {
        let deadline = Instant::now() + DEADLINE;
        while !holds(&self.screen()) {
            match self.output.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.take(&bytes),
                Err(_) => panic!("waited for {what}; the terminal shows:\n{}", self.screen()),
            }
        }
        self
    }

    /// Asserts that the program writes nothing for a while.
    pub(crate) fn is_silent_for(&mut self, time: Duration) {
        match self.output.recv_timeout(time) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(bytes) => panic!("wrote {:?}", String::from_utf8_lossy(&bytes)),
            Err(RecvTimeoutError::Disconnected) => panic!("ended"),
        }
    }

    /// Waits until the program writes nothing for a while.
    pub(crate) fn settles_for(&mut self, time: Duration) -> &mut Self {
        let deadline = Instant::now() + DEADLINE;
        while let Ok(bytes) = self.output.recv_timeout(time) {
            assert!(Instant::now() < deadline, "it goes on writing: {:?}", String::from_utf8_lossy(&bytes));
            self.take(&bytes);
        }
        self
    }

    /// The bytes written until a text shows, and nothing follows for a moment.
    pub(crate) fn bytes_until(&mut self, text: &str) -> usize {
        let before = self.bytes.len();
        self.wait(text);
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
            self.take(&bytes);
        }
        self.bytes.len() - before
    }

    /// Takes the terminal away, as a dropped connection does.
    pub(crate) fn hang_up(&mut self) -> &mut Self {
        self.closing.store(true, Ordering::SeqCst);
        // The reader holds the terminal too: the answer to a new size wakes it.
        self.master.as_ref().unwrap().resize(dimensions((71, 21))).unwrap();
        self.reader.take().unwrap().join().unwrap();
        self.writer = None;
        self.master = None;
        self
    }

    /// Waits for the program's end.
    pub(crate) fn ends_within(&mut self, time: Duration) -> ExitStatus {
        let (sender, ended) = channel();
        let pid = self.child.process_id().unwrap();
        // `wait` has no deadline, so a killer waits beside it.
        let watch = std::thread::spawn(move || {
            if ended.recv_timeout(time).is_err() {
                let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
                let _ = kill_process(pid, Signal::KILL);
                return false;
            }
            true
        });
        let status = self.child.wait().unwrap();
        let _ = sender.send(());
        assert!(watch.join().unwrap(), "still there after {time:?}; the terminal shows:\n{}", self.screen());
        // What it wrote last.
        while let Ok(bytes) = self.output.recv_timeout(Duration::from_millis(100)) {
            self.take(&bytes);
        }
        status
    }

    /// Asserts that the terminal is as it was before the program.
    pub(crate) fn is_restored(&mut self) {
        let screen = self.parser.screen();
        assert!(!screen.alternate_screen(), "still on the alternate screen");
        assert!(!screen.hide_cursor(), "the cursor is hidden");
        assert!(!screen.bracketed_paste(), "bracketed paste is on");
        assert_eq!(format!("{:?}", self.master.as_ref().unwrap().get_termios()), self.before);
    }

    /// Asserts that the program has the terminal, which shows that [`Pty::is_restored`] can fail.
    pub(crate) fn is_taken(&self) {
        let screen = self.parser.screen();
        assert!(screen.alternate_screen() && screen.bracketed_paste());
        assert_ne!(format!("{:?}", self.master.as_ref().unwrap().get_termios()), self.before);
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn dimensions((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}
