//! Other processes of the same account, and what a process leaves behind when it breaks (C3, C4).

use std::io::Read as _;
use std::os::unix::fs::chown;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use super::is_root;
use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::server::{Act, Server};
use crate::support::vault::{installed, report};

const NOBODY: u32 = 65534;

/// What has to stand before a program that somebody else than root is to run.
pub(super) const AS_NOBODY: [&str; 3] = ["--reuid=65534", "--regid=65534", "--clear-groups"];

/// Gives a home to nobody, with a copy of the program in it.
pub(super) fn of_nobody(account: &Account) -> PathBuf {
    let program = account.home.join("program");
    std::fs::copy(PROGRAM, &program).unwrap();
    give(&account.home);
    program
}

fn give(path: &Path) {
    chown(path, Some(NOBODY), Some(NOBODY)).unwrap();
    if path.is_dir() {
        path.read_dir().unwrap().for_each(|entry| give(&entry.unwrap().path()));
    }
}

/// What another process of nobody gets to see of a process, by name.
fn seen_of(pid: u32) -> Vec<&'static str> {
    let ways = [
        ("environ", format!("head -c 1 /proc/{pid}/environ")),
        ("maps", format!("head -c 1 /proc/{pid}/maps")),
        ("mem", format!(": </proc/{pid}/mem")),
        ("fd", format!("ls /proc/{pid}/fd")),
        ("cwd", format!("readlink /proc/{pid}/cwd")),
        ("stack", format!("head -c 1 /proc/{pid}/syscall")),
        // It goes on until it is told to stop.
        ("trace", format!("timeout -s INT 1 strace -p {pid}; test $? = 124")),
    ];
    let try_it = |command: &str| {
        let mut shell = Command::new("setpriv");
        shell.args(AS_NOBODY).args(["sh", "-c", command]).stdin(Stdio::null());
        shell.output().unwrap().status.success()
    };
    ways.iter().filter(|(_, command)| try_it(command)).map(|(name, _)| *name).collect()
}

/// The program with its vault open, waiting for a service that says nothing.
fn waiting(account: &Account, service: &Server, before: &[&str]) -> Child {
    let document = format!(
        r#"{{"key":"a","kind":"bearer_token","config":{{"base_url":"{}","token":"t"}},"test":{{"path":"/"}}}}"#,
        service.url()
    );
    account.put(&document);
    let program = if before[0] == "setpriv" { of_nobody(account) } else { PROGRAM.into() };
    let mut command = Command::new(before[0]);
    command.args(&before[1..]).arg(program).args(["test", "a", "--timeout", "60"]);
    command.env_clear().envs(environment(&account.home)).current_dir(&account.home);
    let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while service.requests().is_empty() {
        std::thread::yield_now();
    }
    child
}

#[test]
fn other_programs_of_the_same_account_see_nothing() {
    if !is_root() || !installed("strace") {
        return;
    }
    let mut usual = Command::new("setpriv").args(AS_NOBODY).args(["sleep", "100"]).spawn().unwrap();
    // Only once it has become the other program is it as a user's programs are.
    while std::fs::read(format!("/proc/{}/comm", usual.id())).unwrap() != b"sleep\n" {
        std::thread::yield_now();
    }
    let control = seen_of(usual.id());
    usual.kill().unwrap();
    usual.wait().unwrap();
    assert_eq!(
        control,
        ["environ", "maps", "mem", "fd", "cwd", "stack", "trace"],
        "control: of a usual program it is all seen"
    );

    let account = Account::with_vault();
    account.put(r#"{"key":"a","kind":"secret","config":{"values":{"v":"x"}}}"#);
    let program = of_nobody(&account);
    let arguments = [&AS_NOBODY[..], &[program.to_str().unwrap()]].concat();
    let mut pty = Pty::start(&account.home, "setpriv", &arguments, (80, 24));
    pty.wait("1 credential");
    assert_eq!(seen_of(pty.process()), [""; 0], "of the workbench");

    let account = Account::with_vault();
    let service = Server::start(|_| Act::Hang);
    let mut child = waiting(&account, &service, &[&["setpriv"], &AS_NOBODY[..]].concat());
    let seen = seen_of(child.id());
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(seen, [""; 0], "of the command line");
}

#[test]
fn a_process_that_breaks_leaves_no_core() {
    // Whoever starts the tests in the background ignores one of the signals for all of them.
    let unlimited = ["env", "--default-signal", "sh", "-c", "ulimit -c unlimited && exec \"$@\"", "sh"];
    let broken = |child: &mut Child, signal: Signal| {
        let status = loop {
            // Rust takes the first SIGSEGV for a look at the stack's end, and leaves the next to the system.
            kill_process(Pid::from_child(child), signal).unwrap();
            if let Some(status) = child.try_wait().unwrap() {
                break status;
            }
            std::thread::yield_now();
        };
        assert_eq!(status.signal(), Some(signal.as_raw()));
        status.core_dumped()
    };
    let folder = tempfile::tempdir().unwrap();
    let mut usual = Command::new(unlimited[0]);
    usual.args(&unlimited[1..]).args(["sh", "-c", "echo ready; exec sleep 100"]).current_dir(folder.path());
    let mut usual = usual.stdout(Stdio::piped()).spawn().unwrap();
    usual.stdout.as_mut().unwrap().read_exact(&mut [0; 6]).unwrap();
    if !broken(&mut usual, Signal::SEGV) {
        return report("skipped: this system makes no core files");
    }
    for signal in [Signal::SEGV, Signal::ABORT, Signal::QUIT] {
        let account = Account::with_vault();
        let service = Server::start(|_| Act::Hang);
        let mut child = waiting(&account, &service, &unlimited);
        let limits = std::fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert_eq!(core.split_whitespace().nth(4), Some("0"), "{core}");
        assert!(!broken(&mut child, signal), "{signal:?} made a core");
        let left = account.files().into_iter().map(|(path, _)| path);
        let cores: Vec<PathBuf> = left.filter(|path| path.to_string_lossy().contains("core")).collect();
        assert!(cores.is_empty(), "{cores:?}");
    }
}
