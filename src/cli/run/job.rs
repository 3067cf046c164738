//! A program that runs: started, watched, its output and its terminal passed on, until it ends.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, Stdio};

use rustix::event::{PollFd, Timespec, poll};
use rustix::fs::{FileType, fstat};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, Signal, WaitOptions, getpgid, getpgrp, getpid, getppid, getsid, kill_current_process_group,
    kill_process, waitpid,
};
use rustix::termios::isatty;

use super::super::Context;
use super::super::args::Run;
use super::super::signals::Signals;
use super::delivery::Delivery;
use super::monitor::{WATCHED, code, pass_on, pid_of};
use super::not_started;
use super::streams::Stream;
use super::terminal::Terminal;
use crate::memory;
use crate::problem::{Exit, Problem};
use crate::redact::{Masker, Redactor};

/// How long nothing has to come before what was kept back is let go, and, once the program ended, before its
/// children's output is not waited for any more.
const PAUSE: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// This program itself.
const OURSELVES: &str = "/proc/self/exe";

pub(super) fn run(
    context: &Context,
    arguments: &Run,
    mut delivery: Delivery,
    redactor: Redactor,
) -> Result<ExitCode, Problem> {
    let failed =
        |error: io::Error| Problem::new(Exit::Failed, "io", format!("the program cannot be run: {error}"));
    let signals = Signals::watch_heeded(WATCHED.into_iter().chain([Signal::WINCH]));
    let signals = signals.ok_or_else(|| failed(io::Error::other("signals cannot be watched")))?;
    let terminal = Terminal::open().map_err(failed)?;
    let mut job =
        Job { child: getpid(), signals, terminal, output: Vec::new(), input: None, told_to_stop: false };
    let mut command = job.command(arguments);
    if arguments.clear_env {
        command.env_clear();
    }
    command.envs(delivery.variables.iter().map(|(name, value)| (name, value)));
    job.connect(&mut command, &redactor).map_err(failed)?;
    let own = job.terminal.as_ref().map(Terminal::slave).transpose().map_err(failed)?;
    // The program finds open files under the numbers that it was told: it gets these, and no copies.
    memory::child::prepare(&mut command, &context.before, std::mem::take(&mut delivery.open), own);
    match command.spawn() {
        Ok(child) => job.child = pid_of(&child),
        Err(error) => {
            let (code, problem) = not_started(Path::new(command.get_program()), &error);
            context.output.problem(&problem);
            return Ok(ExitCode::from(code));
        }
    }
    // Our copies of its ends: while they are open its output does not end.
    drop(command);
    let code = job.watch();
    drop(delivery);
    Ok(ExitCode::from(code))
}

struct Job {
    child: Pid,
    signals: Signals,
    terminal: Option<Terminal>,
    output: Vec<Stream>,
    /// Keys on their way to the program's terminal.
    input: Option<Stream>,
    /// Somebody sent us the signal that Ctrl-Z sends.
    told_to_stop: bool,
}

impl Job {
    /// The program, or what leads the session on its terminal.
    fn command(&self, arguments: &Run) -> Command {
        let Some(terminal) = &self.terminal else {
            let (program, rest) = arguments
                .command
                .split_first()
                .map_or((OsStr::new(""), &[][..]), |(program, rest)| (program.as_os_str(), rest));
            let mut command = Command::new(program);
            // A group of its own: what is sent to ours is passed on, once.
            command.args(rest).process_group(0);
            return command;
        };
        let mut command = Command::new(OURSELVES);
        command.arg0("credbench").arg("on-terminal");
        if !terminal.is_wanted() {
            command.arg("--background");
        }
        command.arg("--").args(&arguments.command);
        command
    }

    /// Connects its standard streams: to its terminal, to pipes that are masked, or to what we have.
    fn connect(&mut self, command: &mut Command, redactor: &Redactor) -> io::Result<()> {
        let masker = || (!redactor.is_empty()).then(|| Masker::new(redactor.clone()));
        if let Some(terminal) = &self.terminal {
            if isatty(io::stdin()) {
                command.stdin(terminal.slave()?);
            }
            self.output.push(Stream::new(terminal.master()?, terminal.device()?, masker()));
            self.input = Some(Stream::new(terminal.device()?, terminal.master()?, None));
        }
        let (out, err) = (io::stdout(), io::stderr());
        let ends = [out.as_fd(), err.as_fd()];
        // Both into one file or pipe: their order is kept.
        let same = file_of(ends[0]).is_some_and(|file| Some(file) == file_of(ends[1]));
        let mut shared = None;
        for (number, end) in ends.into_iter().enumerate() {
            let to: Stdio = match &self.terminal {
                Some(terminal) if isatty(end) => terminal.slave()?.into(),
                _ if redactor.is_empty() || !is_masked(end) => continue,
                _ => match shared.take() {
                    Some(pipe) => pipe,
                    None => {
                        let (read, write) = pipe_with(PipeFlags::CLOEXEC)?;
                        self.output.push(Stream::new(read, end.try_clone_to_owned()?, masker()));
                        if same {
                            shared = Some(Stdio::from(write.try_clone()?));
                        }
                        write.into()
                    }
                },
            };
            match number {
                0 => command.stdout(to),
                _ => command.stderr(to),
            };
        }
        Ok(())
    }

    /// Passes everything on until the program has ended; its exit code.
    fn watch(mut self) -> u8 {
        if let Some(terminal) = &mut self.terminal {
            terminal.release();
            terminal.take();
        }
        let mut ended = None;
        loop {
            let keeps_back = self.output.iter().any(Stream::keeps_back);
            let (ready, waits, signals) = {
                let mut fds: Vec<PollFd<'_>> = self.signals.fds().collect();
                let signals = fds.len();
                let mut waits: Vec<_> = self.output.iter().map(|stream| stream.poll(&mut fds)).collect();
                let keys = self.terminal.as_ref().is_some_and(Terminal::is_taken);
                let input = self.input.as_ref().filter(|_| keys && ended.is_none());
                waits.push(input.map(|stream| stream.poll(&mut fds)).unwrap_or_default());
                let count = poll(&mut fds, (keeps_back || ended.is_some()).then_some(&PAUSE));
                let ready: Vec<bool> = match count {
                    Ok(_) => fds.iter().map(|fd| !fd.revents().is_empty()).collect(),
                    Err(_) => vec![false; fds.len()],
                };
                (ready, waits, signals)
            };
            let mut streams: Vec<&mut Stream> = self.output.iter_mut().chain(&mut self.input).collect();
            for (stream, waits) in streams.iter_mut().zip(waits) {
                stream.step(waits, &ready);
            }
            if !ready.contains(&true) {
                self.output.iter_mut().for_each(Stream::pause);
                if ended.is_some() {
                    break;
                }
            }
            if ready[..signals].contains(&true) {
                ended = ended.or(self.heed());
            }
            if ended.is_some() && self.output.iter().all(Stream::is_closed) {
                break;
            }
        }
        self.output.into_iter().for_each(Stream::finish);
        ended.unwrap_or(1)
    }

    /// Does what signals ask for; the exit code, where the program ended.
    fn heed(&mut self) -> Option<u8> {
        for signal in self.signals.came() {
            match signal {
                Signal::WINCH => self.terminal.iter().for_each(Terminal::resize),
                Signal::CONT => self.go_on(),
                Signal::TSTP => {
                    self.told_to_stop = true;
                    self.send(signal);
                }
                signal => self.send(signal),
            }
        }
        while let Ok(Some((_, status))) =
            waitpid(Some(self.child), WaitOptions::NOHANG | WaitOptions::UNTRACED)
        {
            if status.stopped() {
                self.stop();
            } else {
                return Some(code(status));
            }
        }
        None
    }

    /// Sends the program a signal.
    fn send(&self, signal: Signal) {
        match (&self.terminal, signal) {
            (_, Signal::CHILD) => {}
            // What leads its session passes it on.
            (Some(_), signal) => drop(kill_process(self.child, signal)),
            (None, signal) => pass_on(self.child, signal),
        }
    }

    /// The program stopped: so do we, unless all it wants is the terminal.
    fn stop(&mut self) {
        if let Some(terminal) = &mut self.terminal
            && !terminal.is_wanted()
            && !self.told_to_stop
        {
            terminal.want();
            if terminal.is_foreground() {
                return self.go_on();
            }
        }
        if let Some(terminal) = &mut self.terminal {
            terminal.give_back();
        }
        if can_be_continued() {
            if !self.told_to_stop {
                // The whole job, as the terminal itself would have.
                let _ = kill_current_process_group(Signal::TSTP);
            }
            let _ = kill_process(getpid(), Signal::STOP);
            // Continued. What was sent to all was meant for the others.
            self.signals.came();
        }
        self.told_to_stop = false;
        self.go_on();
    }

    fn go_on(&mut self) {
        if let Some(terminal) = &mut self.terminal {
            terminal.take();
            terminal.resize();
        }
        self.send(Signal::CONT);
    }
}

/// Whether there is somebody who would continue us: a shell in our session.
fn can_be_continued() -> bool {
    let parent = getppid();
    parent.is_some()
        && getsid(parent).is_ok_and(|session| Ok(session) == getsid(None))
        && getpgid(parent) != Ok(getpgrp())
}

/// Whether a program's output is passed on masked. What goes to a device such as /dev/null is not.
fn is_masked(end: impl AsFd) -> bool {
    fstat(end).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) != FileType::CharacterDevice)
}

/// Which file a descriptor is open on.
fn file_of(end: impl AsFd) -> Option<(u64, u64)> {
    #[allow(clippy::useless_conversion, reason = "the numbers' types differ from one system to the next")]
    fstat(end).ok().map(|found| (found.st_dev.into(), found.st_ino.into()))
}
