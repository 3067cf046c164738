//! R3: stopped by a key or by another program, and continued: the shell gets a sane terminal, and nothing stays on it.

use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;

fn account() -> Account {
    let account = Account::with_vault();
    account.put(r#"{"key":"key.one","kind":"secret","config":{"values":{"A":"marker-a"}}}"#);
    account
}

/// A shell on a terminal, with its settings in a file.
fn shell(account: &Account) -> Pty {
    let mut pty = Pty::start(&account.home, "/bin/sh", &["-i"], (120, 40));
    pty.prompt();
    pty
}

fn settings(pty: &mut Pty, account: &Account, name: &str) -> String {
    let file = account.home.join(name);
    pty.send(&format!("clear; stty -g >{name}; echo {name}\"\"-done\r"))
        .wait(&format!("{name}-done"))
        .prompt();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::remove_file(file).unwrap();
    assert!(!text.is_empty());
    text
}

/// Asserts that the shell has the terminal, and nothing of the workbench is on it.
fn is_the_shells(pty: &Pty) {
    let picture = pty.picture();
    assert!(!picture.alternate_screen() && !picture.hide_cursor() && !picture.bracketed_paste());
    assert!(!pty.screen().contains("key.one"), "{}", pty.screen());
}

/// The places that a stop comes at: the keys that lead there, and what is seen there.
const PLACES: [(&str, &str); 9] = [
    ("", "Credentials"),
    ("e", "form"),
    ("e\x1bOQ", "\"$secret\""),
    ("d", "Remove"),
    ("?", " Help "),
    (":", "Commands"),
    ("H", "Audit log"),
    ("/key", "1 of 1"),
    ("\x12", "marker-a"),
];

#[test]
fn another_program_stops_it_as_the_key_does() {
    let account = account();
    let mut pty = shell(&account);
    let before = settings(&mut pty, &account, "before");
    for (keys, seen) in PLACES {
        for by_key in [true, false] {
            pty.send(&format!("clear; '{PROGRAM}'\r")).wait("Credentials").wait("key.one");
            pty.send(keys).wait(seen);
            let process = pty.workbench();
            match by_key {
                true => drop(pty.send("\x1a")),
                false => kill(process, Signal::TSTP),
            }
            pty.wait("Stopped").prompt();
            is_the_shells(&pty);
            assert_eq!(settings(&mut pty, &account, "during"), before, "{seen} {by_key}");
            // What was shown may have been masked in time.
            pty.send("fg\r").wait(if seen == "marker-a" { "Credentials" } else { seen });
            assert!(pty.picture().alternate_screen() && pty.picture().bracketed_paste());
            kill(process, Signal::TERM);
            pty.prompt();
            is_the_shells(&pty);
            assert_eq!(settings(&mut pty, &account, "after"), before, "{seen} {by_key}");
        }
    }
}

fn kill(process: u32, signal: Signal) {
    kill_process(Pid::from_raw(process.cast_signed()).unwrap(), signal).unwrap();
}

/// Nobody could continue it: it goes on.
#[test]
fn it_does_not_stop_where_nobody_could_continue_it() {
    let account = account();
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    pty.wait("key.one").signal(Signal::TSTP).settles_for(Duration::from_millis(500));
    pty.send("?").wait(" Help ").send("\x1b").gone(" Help ");
    pty.is_taken();
    pty.send("\x1a").settles_for(Duration::from_millis(500)).send("?").wait(" Help ");
    pty.send("\x1b").gone(" Help ").send("q");
    assert!(pty.ends_within(Duration::from_secs(5)).success());
    pty.is_restored();
}

/// Stopped for longer than the limit it comes back locked, and draws nothing else before.
#[test]
fn it_comes_back_locked_from_a_long_stop() {
    let account = account();
    let mut pty = shell(&account);
    let program = std::env::current_exe().unwrap();
    let test = "tui::open_time::an_impatient_workbench --exact --ignored --nocapture --test-threads=1";
    for by_key in [true, false] {
        pty.send(&format!("clear; '{}' {test}\r", program.display())).wait("Credentials").wait("key.one");
        match by_key {
            true => drop(pty.send("\x1a")),
            false => {
                let shell = pty.process();
                let children =
                    std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
                kill(children.trim().parse().unwrap(), Signal::TSTP);
            }
        }
        pty.wait("Stopped").prompt().bytes.clear();
        pty.is_silent_for(Duration::from_secs(3));
        pty.send("fg\r").wait("The vault is locked");
        let text = String::from_utf8_lossy(&pty.bytes).into_owned();
        assert!(!text.contains("key.one"), "the list was drawn again: {text:?}");
        pty.send("\r").wait("key.one");
        pty.send("q").prompt();
    }
}
