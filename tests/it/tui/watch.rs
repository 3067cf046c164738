//! What another program saves is seen in the open workbench: at once, without a key, and without looking again and
//! again (RELIABILITY D10, D19).

use std::path::Path;
use std::time::Duration;

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::ui::Start;
use crate::support::vault::installed;

const TWO: &str = r#"[{"key":"one","kind":"secret","config":{"values":{"A":"a"}}},
    {"key":"two","kind":"secret","config":{"values":{"A":"a"}}}]"#;

fn change(account: &Account, key: &str, more: &str) {
    account.put(&format!(r#"{{"key":"{key}","kind":"secret"{more},"config":{{"values":{{"A":"a"}}}}}}"#));
}

fn start(account: &Account) -> Pty {
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    pty.wait("▸ one").wait("two");
    pty
}

/// How often the threads of a process went to sleep by themselves so far.
fn sleeps(process: u32) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let count = |task: &Path| -> Option<u64> {
        let status = std::fs::read_to_string(task.join("status")).ok()?;
        let line = status.lines().find(|line| line.starts_with("voluntary_ctxt_switches"))?;
        line.split_whitespace().nth(1)?.parse().ok()
    };
    tasks.flatten().filter_map(|task| count(&task.path())).sum()
}

fn has_thread(process: u32, name: &str) -> bool {
    let tasks = std::fs::read_dir(format!("/proc/{process}/task")).unwrap();
    let mut names = tasks.flatten().filter_map(|task| std::fs::read_to_string(task.path().join("comm")).ok());
    names.any(|found| found.trim() == name)
}

#[test]
fn another_programs_save_shows_without_a_key_and_a_draft_is_kept() {
    let account = Account::with_vault();
    account.put(TWO);
    let mut pty = start(&account);
    change(&account, "three", "");
    pty.wait("saved by another program: 1 added").wait("three");
    account.run(&["remove", "three", "--force"]).succeeds();
    pty.wait("saved by another program: 1 removed");
    pty.send("e\tours").wait("one *");
    change(&account, "two", r#","notes":"theirs""#);
    pty.wait("saved by another program: 1 changed").wait("ours");
    change(&account, "one", r#","notes":"theirs""#);
    pty.wait("what you edit is among it").wait("one *").wait("ours");
    pty.send("\x13").wait("another program's change of notes was kept");
    let shown = account.run(&["show", "one", "--json"]).json();
    assert_eq!((&shown["name"], &shown["notes"]), (&"ours".into(), &"theirs".into()));
    // The same field: nothing is written before the answer.
    pty.send("e\t again").wait("ours again");
    change(&account, "one", r#","notes":"theirs","name":"other""#);
    pty.wait("what you edit is among it").send("\x13").wait("was changed by another program");
    pty.wait("· ours again").wait("· other");
    assert_eq!(account.run(&["show", "one", "--json"]).json()["name"], "other");
    pty.send("m\r").wait("one saved");
    assert_eq!(account.run(&["show", "one", "--json"]).json()["name"], "ours again");
    pty.send("q").ends_within(Duration::from_secs(2));
    pty.is_restored();
}

#[test]
fn watching_costs_nothing_while_nothing_happens_and_ends_with_the_lock() {
    let account = Account::with_vault();
    account.put(TWO);
    let mut pty = start(&account);
    let process = pty.process();
    pty.until_true("the watch has begun", || has_thread(process, "watch"));
    pty.bytes_until("two");
    // What the start began has to end first, however busy the machine is.
    let settled = std::cell::Cell::new(0);
    pty.until_true("it to come to rest", || {
        let before = settled.replace(sleeps(process));
        std::thread::park_timeout(Duration::from_millis(500));
        sleeps(process) == before
    });
    let before = sleeps(process);
    pty.is_silent_for(Duration::from_millis(1500));
    assert_eq!(sleeps(process), before, "it woke up");
    // Control: what is counted does count.
    pty.send("j").wait("▸ two");
    assert!(sleeps(process) > before);
    pty.send("\x0c").wait("locked");
    pty.until_true("the watch ended", || !has_thread(process, "watch"));
    pty.send("\r").wait("▸ one");
    pty.until_true("the watch is back", || has_thread(process, "watch"));
}

#[test]
fn what_this_program_saves_itself_is_no_news() {
    let mut ui = Start::with(TWO).open();
    ui.keys("e<tab>x<c-s>").wait("one saved, generation 3");
    // Whatever the watch tells about that save comes before what it tells about the next.
    ui.home.add("other");
    ui.wait("saved by another program: 1 added").misses("1 changed");
}

/// The program on a file system that says it is another, by a faked answer of the system.
fn on(account: &Account, magic: &str, arguments: &[&str], size: (u16, u16)) -> Pty {
    let log = account.home.join("strace");
    let poke = format!("inject=statfs:retval=0:poke_exit=@arg2={magic}");
    let mut traced =
        vec!["-f", "-qq", "-o", log.to_str().unwrap(), "-e", "trace=statfs", "-e", &poke, PROGRAM];
    traced.extend(arguments);
    Pty::start(&account.home, "strace", &traced, size)
}

#[test]
fn on_a_network_file_system_key_presses_look_and_it_is_said_once() {
    if !installed("strace") {
        return;
    }
    let account = Account::with_vault();
    account.put(TWO);
    let mut pty = on(&account, "6969000000000000", &[], (160, 40));
    pty.wait("nothing tells when another program saves this vault (it lies on a network file system (NFS))");
    change(&account, "three", "");
    pty.is_silent_for(Duration::from_millis(300));
    pty.send("j").wait("saved by another program: 1 added").wait("three");
    pty.send("\x0c").wait("locked").send("\r").wait("▸ ").gone("nothing tells when");
    pty.send("q").ends_within(Duration::from_secs(5));
}
