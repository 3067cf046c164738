//! The real program, run to its end.

use std::ffi::OsStr;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::Value;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_credbench");

/// The program with its arguments, in an environment of its own and without a terminal.
pub(crate) struct Command {
    home: PathBuf,
    command: std::process::Command,
    input: Vec<u8>,
}

/// What a run gave.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: i32,
    pub(crate) out: String,
    pub(crate) err: String,
    home: PathBuf,
}

/// The environment of an account: nothing but its folders, and where `.ci/coverage` counts lines.
pub(crate) fn environment(home: &Path) -> Vec<(&'static str, std::ffi::OsString)> {
    let folder = |name: &str| home.join(name).into_os_string();
    let counted = std::env::var_os("LLVM_PROFILE_FILE").map(|file| ("LLVM_PROFILE_FILE", file));
    let mut names = vec![
        ("HOME", home.into()),
        ("XDG_CONFIG_HOME", folder("config")),
        ("XDG_DATA_HOME", folder("data")),
        ("XDG_STATE_HOME", folder("state")),
        ("TMPDIR", folder("tmp")),
        ("PATH", std::env::var_os("PATH").unwrap_or_default()),
        ("LANG", "C.UTF-8".into()),
        ("TERM", "xterm-256color".into()),
    ];
    names.extend(counted);
    names
}

impl Command {
    pub(crate) fn new(home: &Path) -> Self {
        Self::of(home, PROGRAM)
    }

    /// Another program in the same place.
    pub(crate) fn of(home: &Path, program: &str) -> Self {
        // A session of its own has no terminal, also where the tests are run from one.
        // Whoever starts the tests in the background ignores these signals for all of them.
        let mut command = std::process::Command::new("env");
        command.args(["--default-signal=INT,QUIT", "setsid", "--wait"]).arg(program);
        command.env_clear().envs(environment(home)).current_dir(home).stdout(Stdio::piped());
        Self { home: home.to_owned(), command, input: Vec::new() }
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What it reads from standard input.
    pub(crate) fn input(mut self, text: impl Into<Vec<u8>>) -> Self {
        self.input = text.into();
        self
    }

    /// Sends standard output elsewhere.
    pub(crate) fn output_to(mut self, to: impl Into<Stdio>) -> Self {
        self.command.stdout(to);
        self
    }

    pub(crate) fn run(self) -> Done {
        self.start().wait()
    }

    /// Starts it and leaves it running.
    pub(crate) fn start(mut self) -> Running {
        let mut child = self
            .command
            .stdin(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("setsid of util-linux runs the program");
        let mut stdin = child.stdin.take().unwrap();
        let input = std::mem::take(&mut self.input);
        // A program that does not read its input closes it: no matter.
        let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
        Running { child, writer, home: self.home }
    }
}

/// A program that runs.
pub(crate) struct Running {
    child: std::process::Child,
    writer: std::thread::JoinHandle<()>,
    home: PathBuf,
}

impl Running {
    /// What Ctrl-C sends.
    pub(crate) fn interrupt(&self) {
        // `setsid` became the program: it is the same process.
        let process = rustix::process::Pid::from_raw(self.child.id().cast_signed()).unwrap();
        rustix::process::kill_process(process, rustix::process::Signal::INT).unwrap();
    }

    /// Ends it at once, in the middle of whatever it does.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.writer.join().unwrap();
    }

    pub(crate) fn wait(self) -> Done {
        let output = self.child.wait_with_output().unwrap();
        self.writer.join().unwrap();
        Done {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
            home: self.home,
        }
    }
}

impl Done {
    /// Requires exit code 0.
    #[track_caller]
    pub(crate) fn succeeds(self) -> Self {
        self.exits(0)
    }

    /// Requires an exit code.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, code, "\nstdout: {}\nstderr: {}", self.out, self.err);
        self
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}", self.out))
    }

    /// Standard output as one JSON value a line.
    #[track_caller]
    pub(crate) fn lines(&self) -> Vec<Value> {
        let read = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        self.out.lines().map(read).collect()
    }

    /// The object of an error on standard error.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let value: Value =
            serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("{error}: {}", self.err));
        value["error"].clone()
    }

    /// Everything printed, with what differs from run to run replaced.
    pub(crate) fn page(&self) -> String {
        let home = self.home.to_str().unwrap();
        let text = format!("exit {}\n{}{}", self.code, self.out, marked(&self.err));
        text.replace(home, "HOME")
    }
}

fn marked(err: &str) -> String {
    err.lines().map(|line| format!("! {line}\n")).collect()
}
