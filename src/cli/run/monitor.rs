//! The process between `run` and a program on a terminal of its own.
//!
//! It leads the terminal's session, as a shell would: without somebody there, Ctrl-Z would do nothing (POSIX: a stop
//! signal is not heeded where nobody could continue). When the program stops it stops itself, so that `run` sees it
//! and stops too; continued, it continues the program.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::thread::JoinHandle;

use rustix::event::{PollFd, poll};
use rustix::process::{
    Pid, Signal, WaitOptions, WaitStatus, getpid, kill_process, kill_process_group, waitpid,
};
use rustix::termios::tcsetpgrp;

use super::super::Context;
use super::super::args::OnTerminal;
use super::super::signals::Signals;
use super::not_started;
use crate::memory;
use crate::problem::{Exit, Problem};

/// The signals that are passed on, and those that tell what happened.
pub(super) const WATCHED: [Signal; 9] = [
    Signal::HUP,
    Signal::INT,
    Signal::QUIT,
    Signal::TERM,
    Signal::USR1,
    Signal::USR2,
    Signal::TSTP,
    Signal::CONT,
    Signal::CHILD,
];

pub(crate) fn run(context: &Context, arguments: &OnTerminal) -> Result<ExitCode, Problem> {
    let failed =
        |what: &str| Problem::new(Exit::Failed, "terminal", format!("no terminal for the program: {what}"));
    let signals = Signals::watch_heeded(WATCHED).ok_or_else(|| failed("signals cannot be watched"))?;
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let terminal = terminal.map_err(|error| failed(&error.to_string()))?;
    let (program, rest) = arguments.command.split_first().ok_or_else(|| failed("no command"))?;
    let mut command = Command::new(program);
    command.args(rest).process_group(0);
    memory::child::prepare(&mut command, &context.before, Vec::new(), None);
    let granting = match arguments.background {
        true => None,
        false => Some(grant(&mut command, &terminal).map_err(|error| failed(&error.to_string()))?),
    };
    let spawned = command.spawn();
    // Where nothing was started, nobody asks any more.
    drop(command);
    granting.map(JoinHandle::join);
    let child = match spawned {
        Ok(child) => pid_of(&child),
        Err(error) => {
            let (code, problem) = not_started(Path::new(program), &error);
            context.output.problem(&problem);
            return Ok(ExitCode::from(code));
        }
    };
    let mut background = arguments.background;
    loop {
        let mut ready: Vec<PollFd<'_>> = signals.fds().collect();
        // Interrupted or ready: what came is looked at below.
        let _ = poll(&mut ready, None);
        for signal in signals.came() {
            pass_on(child, signal);
        }
        while let Ok(Some((_, status))) = waitpid(Some(child), WaitOptions::NOHANG | WaitOptions::UNTRACED) {
            let Some(stopped) = status.stopping_signal() else { return Ok(ExitCode::from(code(status))) };
            let asks = [Signal::TTIN, Signal::TTOU].map(Signal::as_raw).contains(&stopped);
            let _ = kill_process(getpid(), Signal::STOP);
            if asks && std::mem::take(&mut background) {
                let _ = tcsetpgrp(&terminal, child);
            }
            let _ = kill_process_group(child, Signal::CONT);
        }
    }
}

/// Gives the program the terminal before it is loaded: it would miss a signal of the terminal else, or be stopped.
fn grant(command: &mut Command, terminal: &File) -> io::Result<JoinHandle<()>> {
    let (mut ours, theirs) = UnixStream::pair()?;
    memory::child::wait_for_leave(command, theirs.into());
    let terminal = terminal.try_clone()?;
    Ok(std::thread::spawn(move || {
        let mut id = [0; 4];
        if ours.read_exact(&mut id).is_ok() {
            // Without it the program runs in the background, and says so.
            let _ = Pid::from_raw(i32::from_ne_bytes(id)).map(|child| tcsetpgrp(&terminal, child));
            let _ = ours.write_all(&[0]);
        }
    }))
}

/// Passes a signal on: what a terminal sends goes to all processes of the program's group, the rest to the program.
pub(super) fn pass_on(child: Pid, signal: Signal) {
    // A program that is gone needs no signal.
    let _ = match signal {
        Signal::CHILD => Ok(()),
        Signal::INT | Signal::QUIT | Signal::TERM | Signal::TSTP | Signal::CONT => {
            kill_process_group(child, signal)
        }
        signal => kill_process(child, signal),
    };
}

pub(super) fn pid_of(child: &std::process::Child) -> Pid {
    Pid::from_child(child)
}

/// How a program ended, as shells say it.
pub(super) fn code(status: WaitStatus) -> u8 {
    let code = status.exit_status().or_else(|| status.terminating_signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}
