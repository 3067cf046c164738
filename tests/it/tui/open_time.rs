//! The vault locks by itself: after the last key, after so long in all, by a signal, and when it comes back too late.

use std::time::Duration;

use credbench::config::Config;
use credbench::tui::message::{Message, Timer};
use credbench::tui::{Options, run_with};
use rustix::process::Signal;

use crate::support::command::PROGRAM;
use crate::support::home::{Account, setup_of};
use crate::support::pty::Pty;
use crate::support::service::{RIGHT, Service};
use crate::support::ui::{Start, Ui};

const ONE: &str = r#"[{"key":"one","kind":"secret","config":{"values":{"A":"a"}}}]"#;

fn is_watch(timer: &Timer) -> bool {
    matches!(timer, Timer::OpenTime(_))
}

fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

fn limits(idle: u64, long: u64) -> impl FnOnce(&mut Config) {
    move |config| {
        config.session.lock_after = minutes(idle);
        config.session.max_unlocked = minutes(long);
    }
}

fn open(idle: u64, long: u64) -> Ui {
    Start::with(ONE).config(limits(idle, long)).open()
}

#[test]
fn a_key_keeps_it_open_and_one_that_comes_too_late_does_nothing() {
    let mut ui = open(10, 0);
    ui.later(599).keys("<down>").sees("Credentials").later(599).keys("<down>").sees("Credentials");
    ui.later(600)
        .keys("d")
        .wait("The vault is locked")
        .misses("Remove")
        .sees("locked after 10 minutes without");
    ui.keys("<enter>").wait("Credentials").sees("one");
    // A paste is no less late.
    ui.keys("a").later(600).paste("text").wait("The vault is locked");
}

#[test]
fn it_locks_without_any_key_and_warns_a_minute_before() {
    let mut ui = open(10, 0);
    assert!(ui.timers.iter().any(|(after, timer)| is_watch(timer) && *after == minutes(9)));
    ui.later(540).ring(is_watch).sees("locks in a minute; any key keeps it open").sees("locks in 1 m");
    ui.later(60).ring(is_watch).wait("The vault is locked");
    // The control: after a key the alarm is set anew, and nothing is locked.
    ui.keys("<enter>").wait("Credentials").later(540).ring(is_watch).sees("locks in a minute");
    ui.keys("<down>").misses("locks in").later(60).ring(is_watch).sees("Credentials");
    assert_eq!(ui.timers.last().map(|(after, _)| *after), Some(minutes(8)));
}

#[test]
fn it_is_open_only_so_long_whatever_is_done() {
    let mut ui = open(10, 15);
    for _ in 0..4 {
        ui.later(180).keys("<down>").sees("Credentials");
    }
    ui.sees("locks in 3 m").later(179).keys("<down>").sees("locks in 1 m");
    ui.later(1).keys("<down>").wait("The vault is locked").sees("it was open for 15 minutes");
}

#[test]
fn both_limits_can_be_off() {
    let mut ui = open(0, 0);
    ui.later(1_000_000).keys("<down>").sees("Credentials");
    assert!(!ui.timers.iter().any(|(_, timer)| is_watch(timer)));
}

#[test]
fn nothing_that_is_open_keeps_it_open() {
    let service = Service::start();
    let tested = format!(
        r#"[{{"key":"one","kind":"bearer_token","config":{{"base_url":"{}","token":"{RIGHT}"}},
            "test":{{"method":"GET","path":"/me"}}}}]"#,
        service.url
    );
    for keys in ["d", "?", ":", "K", "S", "e", "/on", "h", "t", "T", "eX", "O", "a"] {
        let mut ui = Start::with(&tested).config(limits(10, 0)).open();
        ui.keys(keys).later(600).send(Message::Resize).wait("The vault is locked").misses("one");
    }
}

#[test]
fn what_comes_back_too_late_is_locked_before_it_is_drawn() {
    let mut ui = open(10, 0);
    ui.later(600).send(Message::Continued).misses("one").sees("locked after 10 minutes");
    let mut ui = open(10, 0);
    ui.later(599).send(Message::Continued).sees("one");
}

#[test]
fn a_signal_locks_it() {
    let mut ui = open(10, 0);
    ui.send(Message::Lock).wait("The vault is locked");
}

#[test]
fn it_can_be_locked_before_it_is_suspended() {
    let mut ui = open(10, 0);
    ui.keys("<c-z>").sees("Credentials");
    assert_eq!(ui.suspended, 1);
    let mut ui = Start::with(ONE).config(|config| config.session.lock_on_suspend = true).open();
    ui.keys("<c-z>").misses("Credentials").until("suspended", |ui| ui.suspended == 1);
    ui.sees("The vault is locked").keys("<enter>").wait("Credentials");
    assert_eq!(ui.suspended, 1);
}

fn account() -> Account {
    let account = Account::with_vault();
    account.put(ONE);
    account
}

/// The workbench on a terminal, locking after a moment without a key.
fn impatient(account: &Account) -> Pty {
    let program = std::env::current_exe().unwrap();
    let arguments =
        ["tui::open_time::an_impatient_workbench", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    let mut pty = Pty::start(&account.home, program, &arguments, (120, 40));
    pty.wait("Credentials").wait("one");
    pty
}

#[test]
fn on_a_terminal_it_locks_with_nobody_there() {
    let account = account();
    let mut pty = impatient(&account);
    pty.send("eX").wait("oneX *").wait("The vault is locked").wait("the draft is kept");
    pty.send("\r").wait("Unsaved drafts").wait("oneX");
}

#[test]
fn on_a_terminal_it_comes_back_locked_after_a_stop() {
    let account = account();
    let mut pty = impatient(&account);
    pty.bytes_until("one");
    pty.signal(Signal::STOP).bytes.clear();
    pty.is_silent_for(Duration::from_secs(3));
    pty.signal(Signal::CONT).wait("The vault is locked");
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    assert!(!text.contains("one"), "the list was drawn again: {text:?}");
}

#[test]
fn on_a_terminal_sigusr1_locks_it() {
    let account = account();
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    pty.wait("one").signal(Signal::USR1).wait("The vault is locked").send("\r").wait("one").send("q");
    assert!(pty.ends_within(Duration::from_secs(2)).success());
}

#[test]
#[ignore = "a process of its own, started on a terminal by the tests of the lock"]
fn an_impatient_workbench() {
    let home = std::env::current_dir().unwrap();
    let mut setup = setup_of(&home);
    setup.config.session.lock_after = Duration::from_millis(2500);
    run_with(Options::new(setup, false, false).unwrap(), Vec::new()).unwrap();
}
