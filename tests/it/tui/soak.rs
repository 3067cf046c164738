//! L3: a workbench that is used for long grows neither in memory nor in open files, its log has no gap, and locked it
//! holds no secret. Every run of the tests takes some rounds; thousands are
//! `cargo test --test it -- --ignored --nocapture tui::soak`, as many as `CREDBENCH_SOAK_ROUNDS` says.

use std::time::{Duration, Instant};

use crate::memory::is_root;
use crate::memory::needles::{Needles, marker};
use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::server::{Server, json};
use crate::support::vault::report;

const PASSPHRASE: &str = "marker passphrase of a long day";

/// Every which round saves.
const SAVES: usize = 4;

/// What a process took when it was looked at.
#[derive(Clone, Copy, Debug)]
struct Taken {
    memory_kib: u64,
    files: usize,
    threads: usize,
}

fn taken(process: u32) -> Taken {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    let memory_kib = line.trim().trim_end_matches(" kB").parse().unwrap();
    let count = |what: &str| std::fs::read_dir(format!("/proc/{process}/{what}")).unwrap().count();
    Taken { memory_kib, files: count("fd"), threads: count("task") }
}

/// Opens, tests, edits, saves and locks, again and again.
fn used(rounds: usize) -> Vec<Taken> {
    let server = Server::start(|_| json(200, "{}"));
    let account = Account::with_passphrase(PASSPHRASE);
    let document = format!(
        r#"{{"key":"day","kind":"bearer_token","config":{{"base_url":"{}","token":"{}"}},"test":{{"path":"/me"}}}}"#,
        server.url(),
        marker(0)
    );
    let file = account.passphrase_file();
    let with_pass = ["--passphrase-file", file.to_str().unwrap()];
    let put = [&["put", "--no-test"][..], &with_pass].concat();
    account.command().args(&put).input(document).run().succeeds();
    let mut needles = Needles::default();
    for number in 0..3 {
        needles.add_typed(number, &marker(number));
    }
    needles.add_typed(3, PASSPHRASE);

    let mut pty = Pty::start(&account.home, PROGRAM, &[], (80, 24));
    let (mut found, mut tests) = (Vec::new(), 0);
    for round in 1..=rounds {
        pty.wait("Passphrase of").paste(PASSPHRASE).send("\r").wait("day");
        if round == 1 {
            // Control: open, the same search finds it.
            assert!(!needles.in_process(pty.process()).is_empty());
        }
        pty.send("t").until_true("the test", || server.requests().len() > tests).wait("● active");
        // Another token, tested before it is saved. A vault keeps every version: only some rounds make one.
        pty.send("e\x06token\r").wait("Ctrl-R reveal").paste(&marker(1 + round / SAVES % 2)).wait("new");
        if round % SAVES == 0 {
            pty.send("\x13").wait("saved, generation");
        } else {
            pty.send("\x1f").wait("stored").send("\x1b").gone("Ctrl-R reveal");
        }
        tests += 1 + usize::from(round % SAVES == 0);
        assert_eq!(server.requests().len(), tests);
        pty.send("\x0c").wait("Passphrase of");
        found.push(taken(pty.process()));
    }
    let process = pty.process();
    pty.until_true("no secret to be left", || needles.in_process(process).is_empty());
    pty.send("\x1b").ends_within(Duration::from_secs(4));
    account.run(&[&["audit", "verify"][..], &with_pass].concat()).succeeds();
    let told = account.run(&[&["audit", "--json", "--what", "tested"][..], &with_pass].concat()).json();
    assert_eq!(told.as_array().map_or(0, Vec::len), tests, "each stands in the log");
    found
}

/// The middle of what was measured.
fn middle(found: &[Taken]) -> u64 {
    let mut memory: Vec<u64> = found.iter().map(|taken| taken.memory_kib).collect();
    memory.sort_unstable();
    memory[memory.len() / 2]
}

fn most_files(found: &[Taken]) -> usize {
    found.iter().map(|taken| taken.files).max().unwrap()
}

#[test]
fn some_rounds_leave_no_file_open_and_no_thread_behind() {
    if !is_root() {
        return;
    }
    let found = used(8);
    // One more or less: what a connection that is not closed yet takes.
    assert!(most_files(&found[6..]) <= most_files(&found[..3]), "{found:?}");
    assert!(found[7].threads <= found[1].threads + 1, "{found:?}");
}

#[test]
#[ignore = "thousands of rounds: an hour"]
fn thousands_of_rounds_take_no_more_memory() {
    if !is_root() {
        return;
    }
    let rounds =
        std::env::var("CREDBENCH_SOAK_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(2_000);
    let start = Instant::now();
    let found = used(rounds);
    // At first the versions of the credential and its log grow to what is kept of them.
    let (early, late) = (middle(&found[rounds / 4..rounds / 2]), middle(&found[3 * rounds / 4..]));
    report(&format!(
        "{rounds} rounds in {} s; locked in the second quarter {early} KiB, in the last {late} KiB; {} and {} files, {} threads",
        start.elapsed().as_secs(),
        most_files(&found[..rounds / 4]),
        most_files(&found[3 * rounds / 4..]),
        found[rounds - 1].threads
    ));
    assert!(most_files(&found[3 * rounds / 4..]) <= most_files(&found[..rounds / 4]));
    assert!(found[rounds - 1].threads <= found[1].threads + 1);
    assert!(late <= early + 1024, "{early} KiB became {late} KiB");
}
