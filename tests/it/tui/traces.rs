//! What is left where it ran: in the scrollback of a real tmux, in a recording, in a clipboard. And that it ends, or
//! locks, when the terminal goes away under it.

use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::pty::Pty;
use crate::support::tmux::Tmux;
use crate::support::vault::installed;

const SECRET: &str = "marker-very-secret";

/// How long an end may take, where a program stands between.
const SOON: Duration = Duration::from_secs(4);

fn account() -> Account {
    let account = Account::with_vault();
    account.put(&format!(
        r#"[{{"key":"one","kind":"secret","config":{{"values":{{"A":"{SECRET}"}}}}}},
            {{"key":"two","kind":"secret","config":{{"values":{{"A":"{SECRET}-too"}}}}}}]"#
    ));
    account
}

/// The workbench in a tmux of its own.
fn in_tmux(account: &Account, configuration: &str) -> Option<Tmux> {
    let mut tmux = Tmux::start(&account.home, configuration, (120, 40))?;
    tmux.pty.send(&format!("'{PROGRAM}'\r")).wait("Credentials").wait("two");
    Some(tmux)
}

/// A test of this binary as a program on the terminal, to be typed into a shell.
fn this(test: &str) -> String {
    let program = std::env::current_exe().unwrap();
    format!("'{}' {test} --exact --ignored --nocapture --test-threads=1\r", program.display())
}

fn runs(process: u32) -> bool {
    // One that ended and was not waited for is a zombie.
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    !status.is_empty() && !status.contains("State:\tZ")
}

/// Waits until a process ended.
#[track_caller]
fn ends_soon(process: u32) {
    let start = Instant::now();
    while runs(process) {
        assert!(start.elapsed() < SOON, "still there after {:?}", start.elapsed());
        std::thread::park_timeout(Duration::from_millis(10));
    }
}

/// S2: masked, hidden by a size, quit: a pane keeps nothing of what was shown.
#[test]
fn tmux_keeps_nothing_that_was_revealed() {
    let account = account();
    let Some(mut tmux) = in_tmux(&account, "") else { return };
    tmux.pty.send("\x12").wait(SECRET);
    assert!(tmux.kept().contains(SECRET), "control: it would be found");
    tmux.pty.send("\x12").gone(SECRET);
    assert!(!tmux.kept().contains(SECRET), "masked is gone");
    tmux.pty.send("\x12").wait(SECRET).send("\x1b[B").gone(SECRET);
    for size in [(60, 12), (120, 40), (80, 24), (40, 9), (120, 40)] {
        tmux.pty.send("\x1b[A\x12").settles_for(Duration::from_millis(200)).resize(size.0, size.1);
        tmux.pty.settles_for(Duration::from_millis(200)).send("\x1b[B\x1b[6~\x1b[5~");
    }
    tmux.pty.send("\x1b[H\x12").wait(SECRET).send("q").prompt();
    assert!(!tmux.kept().contains(SECRET), "{}", tmux.kept());
}

/// S2: the same where a signal or a bug ends it while the secret is shown.
#[test]
fn tmux_keeps_nothing_after_a_crash() {
    let account = account();
    for signal in ["TERM", "HUP", "INT", "QUIT"] {
        let Some(mut tmux) = in_tmux(&account, "") else { return };
        tmux.pty.send("\x12").wait(SECRET);
        let process = tmux.program();
        tmux.ask(&["run-shell", &format!("kill -{signal} {process}")]);
        ends_soon(process);
        tmux.pty.prompt();
        assert!(!tmux.kept().contains(SECRET), "{signal}: {}", tmux.kept());
    }
    let Some(mut tmux) = Tmux::start(&account.home, "", (120, 40)) else { return };
    tmux.pty.send(&this("tui::drafts::a_clock_that_panics")).wait("Credentials").wait("two");
    tmux.pty.send("\x12").wait(SECRET);
    assert!(tmux.kept().contains(SECRET), "control: it would be found");
    account.write("panic", "");
    tmux.pty.send("Y").wait("this is a bug").prompt();
    assert!(!tmux.kept().contains(SECRET), "{}", tmux.kept());
}

/// S2: a recording holds what was revealed while it was, and only that; who replays it to the end sees nothing.
#[test]
fn a_recording_holds_nothing_that_was_not_revealed() {
    if !installed("script") {
        return;
    }
    let account = account();
    let record = |keys: &[&str], says: &str| {
        let log = account.home.join("log");
        let arguments = ["-q", "-f", "-c", PROGRAM, log.to_str().unwrap()];
        let mut pty = Pty::start(&account.home, "script", &arguments, (120, 40));
        pty.wait("two");
        for keys in keys {
            pty.send(keys).settles_for(Duration::from_millis(200));
        }
        pty.wait(says).send("q").ends_within(SOON);
        pty.is_restored();
        std::fs::read(log).unwrap()
    };
    let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(SECRET);
    // Details, form, JSON, versions, the log, the search.
    let walk = ["\t", "\x1b[Z", "e", "\x1bOQ", "\x1b", "h", "H", "\x1b", "\x1b", "/one\r", "\x1b"];
    assert!(!holds(&record(&walk, "Credentials")));
    let revealed = record(&["\x12"], SECRET);
    assert!(holds(&revealed), "control: it would be found, and a recorder sees what is revealed");
    let mut replayed = vt100::Parser::new(40.try_into().unwrap(), 120.try_into().unwrap(), 10_000);
    replayed.process(&revealed);
    replayed.screen_mut().set_scrollback(10_000);
    let before = replayed.screen().contents();
    replayed.screen_mut().set_scrollback(0);
    assert!(!before.contains(SECRET) && !replayed.screen().contents().contains(SECRET));
}

/// C16: what a terminal at the other side of tmux gets: the secret once, by a key; then that it is to be cleared.
#[test]
fn a_copy_passes_through_tmux_where_that_is_allowed() {
    let account = account();
    account.write("config/credbench/config.toml", "[screen]\ncopy_seconds = 1\n");
    let encoded = STANDARD.encode(SECRET);
    let sent = |tmux: &Tmux| {
        let text = String::from_utf8_lossy(&tmux.pty.bytes).into_owned();
        let copied = text.matches(&format!("\x1b]52;c;{encoded}\x07")).count();
        (copied, text.matches("\x1b]52;c;\x07").count())
    };
    let Some(mut tmux) = in_tmux(&account, "set -g allow-passthrough on\nset -g set-clipboard on") else {
        return;
    };
    assert_eq!(sent(&tmux), (0, 0), "only a key copies");
    tmux.pty.send("y").wait("tmux: allow-passthrough on").wait("the clipboard was cleared");
    tmux.pty.settles_for(Duration::from_millis(200));
    assert_eq!(sent(&tmux), (1, 1));
    assert_eq!(tmux.ask(&["list-buffers"]), "", "tmux keeps no copy of its own");
    assert!(!tmux.kept().contains(SECRET) && !tmux.kept().contains(&encoded));
    // Ending with a copy out there clears it, too.
    tmux.pty.send("y").wait("sent to the terminal's clipboard").send("q").prompt();
    tmux.pty.settles_for(Duration::from_millis(200));
    assert_eq!(sent(&tmux), (2, 2));
    drop(tmux);
    // Control: as tmux is by default it hands nothing on.
    let Some(mut tmux) = in_tmux(&account, "") else { return };
    tmux.pty.send("y").wait("the clipboard was cleared").settles_for(Duration::from_millis(200));
    assert_eq!(sent(&tmux), (0, 0));
}

/// C16: GNU screen hands on what comes in its envelope, a long one in pieces, and nothing else.
#[test]
fn a_copy_passes_through_gnu_screen() {
    if !installed("screen") {
        return;
    }
    let long = "zq".repeat(1_000);
    let account = Account::with_vault();
    let value = |key: &str, text: &str| {
        format!(
            r#"{{"key":"{key}","kind":"bearer_token","config":{{"base_url":"https://a.example","token":"{text}"}}}}"#
        )
    };
    account.put(&format!("[{},{}]", value("one", SECRET), value("two", &long)));
    account.write("config/credbench/config.toml", "[screen]\ncopy_seconds = 1\n");
    // No other settings than these, and its sockets where nobody else has any.
    let settings = account.write("screenrc", "startup_message off\nvbell off\ndeflog off\n");
    let sockets = account.home.join("sockets");
    std::fs::create_dir(&sockets).unwrap();
    std::fs::set_permissions(&sockets, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
    let sockets = format!("SCREENDIR={}", sockets.display());
    let mut pty =
        Pty::start(&account.home, "env", &[&sockets, "screen", "-c", &settings, PROGRAM], (120, 40));
    pty.wait("Credentials").wait("▸ one");
    for (key, text) in [("one", SECRET), ("two", &long)] {
        let copied = format!("\x1b]52;c;{}\x07", STANDARD.encode(text));
        let sent = |pty: &Pty| String::from_utf8_lossy(&pty.bytes).matches(&copied).count();
        assert_eq!(sent(&pty), 0, "only a key copies");
        pty.send(&format!("/{key}\r")).wait(&format!("▸ {key}"));
        pty.send("y").wait("sent to the terminal's clipboard").wait("the clipboard was cleared");
        pty.settles_for(Duration::from_millis(200));
        assert_eq!(sent(&pty), 1);
        pty.send("/\x15\r").wait("▸");
    }
    assert_eq!(String::from_utf8_lossy(&pty.bytes).matches("\x1b]52;c;\x07").count(), 2);
    pty.send("q").ends_within(Duration::from_secs(10));
}

/// R8: nobody is attached, no signal and no key comes: the idle lock is all there is.
#[test]
fn it_locks_in_a_tmux_that_nobody_looks_at() {
    let account = account();
    let Some(mut tmux) = Tmux::start(&account.home, "", (120, 40)) else { return };
    tmux.pty.send(&this("tui::open_time::an_impatient_workbench")).wait("Credentials").wait("one");
    let process = tmux.program();
    tmux.ask(&["detach-client"]);
    assert!(tmux.kept().contains("one"), "control: it was open");
    let start = Instant::now();
    while !tmux.kept().contains("The vault is locked") {
        assert!(start.elapsed() < Duration::from_secs(10), "{}", tmux.kept());
        std::thread::park_timeout(Duration::from_millis(50));
    }
    assert!(!tmux.kept().contains("one") && runs(process));
    assert!(tmux.ask(&["list-clients"]).is_empty());
}

/// R1: the pane is killed.
#[test]
fn a_pane_that_is_killed_ends_it() {
    let account = account();
    let Some(tmux) = in_tmux(&account, "") else { return };
    let process = tmux.program();
    assert!(runs(process), "control");
    tmux.ask(&["kill-pane"]);
    ends_soon(process);
}

/// R1: a shell that ignores hang-ups and handed that on, and `nohup`, lose their terminal. (`script` outlives its own, and
/// keeps the one that it gave: there only the idle lock is left, as in a tmux that nobody looks at.)
#[test]
fn a_terminal_that_is_gone_ends_it_wherever_it_was_started() {
    let account = account();
    let ignoring = format!("trap '' HUP; exec '{PROGRAM}'");
    let nohup = format!("nohup sh -c 'exec \"{PROGRAM}\" </dev/tty >/dev/tty'");
    for line in [ignoring, nohup] {
        let mut pty = Pty::start(&account.home, "/bin/sh", &["-c", &line], (120, 40));
        pty.wait("Credentials");
        let process = pty.workbench();
        assert!(runs(process), "control: {line}");
        pty.hang_up();
        let start = Instant::now();
        while runs(process) {
            assert!(start.elapsed() < SOON, "still there: {line}");
            std::thread::park_timeout(Duration::from_millis(10));
        }
    }
}
