//! The real program on a real terminal: what it leaves behind, and what it writes.

use std::sync::Arc;
use std::time::Duration;

use credbench::session::Setup;
use credbench::tui::action::Action;
use credbench::tui::app::Shared;
use credbench::tui::keymap::Context;
use credbench::tui::screen::{Reply, Screen};
use credbench::tui::{Options, run_with};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use rustix::process::Signal;

use crate::memory::needles::{Found, Needles, marker};
use crate::support::command::PROGRAM;
use crate::support::home::{Account, setup_of};
use crate::support::pty::Pty;
use crate::support::service::{RIGHT, Service};
use crate::support::vault::{Home, now};

/// How long an end may take: a dropped connection must not leave an open vault behind.
const SOON: Duration = Duration::from_secs(2);

const PEM: &str = "-----BEGIN PRIVATE KEY-----\nMIIEvQ\nabc=\n-----END PRIVATE KEY-----\n";

fn with_credentials(count: usize) -> Account {
    let account = Account::with_vault();
    let documents: Vec<String> = (0..count)
        .map(|n| format!(r#"{{"key":"key.{n:03}","kind":"secret","config":{{"values":{{"A":"a"}}}}}}"#))
        .collect();
    account.put(&format!("[{}]", documents.join(",")));
    account
}

fn start(account: &Account) -> Pty {
    let mut pty = Pty::start(&account.home, PROGRAM, &[], (120, 40));
    pty.wait("key.000");
    pty.is_taken();
    pty
}

/// The main job, from nothing: a vault, a key that is tested before it is saved, a pasted PEM.
fn main_job(size: (u16, u16)) {
    let service = Service::start();
    let account = Account::empty();
    let mut pty = Pty::start(&account.home, PROGRAM, &[], size);
    pty.wait("Welcome to credbench").send("a long passphrase\r").send("a long passphrase\r");
    pty.wait("the vault was made")
        .send("a")
        .wait("Add a credential")
        .wait("▸ API key")
        .send("\r")
        .wait("New API key");
    pty.send("my.key\t\t\t\t").paste(&service.url).send("\t").paste(&format!("{RIGHT}\r"));
    pty.wait("line break").send("\t\t\t\t\t/me").wait("/me");
    pty.send("\x1bOQ").wait("\"$secret\"").wait("\"/me\"");
    pty.send("!").wait("line 1, column 1").send("\x1bOQ").wait("show form").send("\x1f").gone("✗");
    pty.send("\x1bOQ").wait("show schema").send("\x13").wait("my.key saved, generation 2");
    pty.wait("● active");
    pty.send("asecret\r")
        .wait("New Secret")
        .send("tls\t\t\t\tTLS_KEY\r")
        .wait("missing")
        .paste(PEM)
        .wait("new");
    pty.send("\x13").wait("tls saved, generation 3").send("q");
    assert!(pty.ends_within(SOON).success());
    pty.is_restored();
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    assert!(!text.contains(RIGHT) && !text.contains("MIIEvQ"), "a secret was on the screen");
    let mut pty = Pty::start(&account.home, PROGRAM, &[], size);
    pty.wait("Passphrase").send("a long passphrase\r").wait("my.key").wait("tls").send("/tl").wait("1 of 2");
    pty.signal(Signal::TERM).ends_within(SOON);
    pty.is_restored();
    account.write("pass", "a long passphrase");
    let file = account.passphrase_file();
    let get = |arguments: &[&str]| {
        account
            .run(&[&["--passphrase-file", file.to_str().unwrap(), "get"], arguments].concat())
            .succeeds()
            .out
    };
    assert_eq!(get(&["my.key"]), RIGHT);
    assert_eq!(get(&["tls"]), PEM, "byte for byte");
}

#[test]
fn the_main_job_on_a_wide_terminal() {
    main_job((120, 40));
}

#[test]
fn the_main_job_on_a_small_terminal() {
    main_job((80, 24));
}

/// A program that runs meanwhile takes the news from nobody: only a person at a terminal was told.
#[test]
fn what_happened_before_is_asked_about_at_a_terminal() {
    let account = Account::with_passphrase("correct horse");
    let file = account.passphrase_file();
    let wrong = account.write("wrong", "battery staple");
    account.run(&["list", "--passphrase-file", &wrong]).exits(3);
    let told = account.run(&["list", "--passphrase-file", file.to_str().unwrap()]).succeeds();
    assert!(told.err.contains("unlocking failed once"), "{}", told.err);
    let open = |account: &Account| {
        let mut pty = Pty::start(&account.home, PROGRAM, &[], (80, 24));
        pty.wait("Passphrase").send("correct horse\r").wait("last unlocked");
        pty
    };
    let mut pty = open(&account);
    pty.wait("Before this session").wait("unlocking failed once").send("\r").gone("Before this session");
    pty.send("q").ends_within(SOON);
    // Control: who was here was told.
    let pty = open(&account);
    assert!(!pty.screen().contains("Before this session"), "{}", pty.screen());
    assert!(pty.screen().contains("on pts/"), "{}", pty.screen());
}

/// R5: killed outright while something is typed and something is shown, it leaves nothing to read, and the next one
/// works.
#[test]
fn killed_outright_it_leaves_nothing_to_read() {
    let account = with_credentials(1);
    account.put(&format!(
        r#"{{"key":"shown","kind":"bearer_token","config":{{"base_url":"https://a.example","token":"{}"}}}}"#,
        marker(0)
    ));
    let mut needles = Needles::default();
    (0..2).for_each(|number| needles.add_typed(number, &marker(number)));
    let mut pty = start(&account);
    pty.send("/shown\r").wait("▸ shown").send("\x12").wait(&marker(0));
    pty.send("e\x06token\r").wait("Ctrl-R reveal").paste(&marker(1)).wait("new");
    pty.signal(Signal::KILL).ends_within(SOON);
    let found = |account: &Account| {
        let mut found = Found::new();
        account.files().iter().for_each(|(_, bytes)| needles.find(bytes, &mut found));
        found
    };
    assert!(found(&account).is_empty(), "{:?}", found(&account));
    // Nobody has to clear anything away: the next one opens, saves, and its log is whole.
    let mut pty = start(&account);
    pty.send("/shown\r").wait("▸ shown").send("e\t").wait("Name").send("again\x13").wait("saved, generation");
    pty.send("q").ends_within(SOON);
    account.run(&["audit", "verify"]).succeeds();
    let left: Vec<_> = account.files().into_iter().map(|(path, _)| path).collect();
    assert!(!left.iter().any(|path| path.to_string_lossy().ends_with(".tmp")), "{left:?}");
    // Control: the search finds what is written.
    account.write("note", &marker(1));
    assert!(!found(&account).is_empty());
}

/// A service by its name: found, filled in, refused, corrected and tested; then it moves, with its secret.
#[test]
fn a_service_is_added_by_keyboard_and_proven() {
    let (first, second) = (Service::start(), Service::start());
    let account = with_credentials(1);
    let mut pty = start(&account);
    pty.send("afront api")
        .wait("▸ Front  API token")
        .send("\r")
        .wait("Front, API token")
        .wait("api2.frontapp.com");
    pty.send("shop.front\x06base url\r\x15").paste(&first.url).send("\x06api token\r").paste("wrong-secret");
    pty.wait("usually has").send("\x13").wait("The test failed").send("\r").gone("The test failed");
    pty.send("\x1b").gone("usually has").paste(RIGHT).wait("usually has");
    pty.send("\x13").wait("shop.front saved").wait("● active");
    pty.send("e\x06base url\r\x15").paste(&second.url).wait("enter this");
    pty.send("\x13").wait("Base URL changed").send("\x06api token\r").paste(RIGHT).gone("enter this");
    pty.send("\x13").wait("generation 4").wait("● active").send("q");
    assert!(pty.ends_within(SOON).success());
    pty.is_restored();
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    assert!(!text.contains(RIGHT) && !text.contains("wrong-secret"), "a secret was on the screen");
    assert!(second.requests.iter().next().is_some_and(|request| request.starts_with("GET /me ")));
}

#[test]
fn quitting_leaves_the_terminal_as_it_was() {
    let account = with_credentials(1);
    let mut pty = start(&account);
    let status = pty.send("q").ends_within(SOON);
    assert!(status.success());
    pty.is_restored();
}

#[test]
fn signals_restore_the_terminal_and_end_by_themselves() {
    let account = with_credentials(1);
    for (signal, words) in [
        (Signal::TERM, "Terminated"),
        (Signal::HUP, "Hangup"),
        (Signal::INT, "Interrupt"),
        (Signal::QUIT, "Quit"),
    ] {
        for keys in ["", "e", "d", "ex\x1b"] {
            let mut pty = start(&account);
            let status = pty.send(keys).signal(signal).ends_within(SOON);
            assert_eq!(status.signal(), Some(words), "{status:?}");
            pty.is_restored();
        }
    }
}

#[test]
fn a_terminal_that_is_gone_ends_the_program() {
    let account = with_credentials(1);
    let mut pty = start(&account);
    let status = pty.hang_up().ends_within(SOON);
    assert!(status.signal().is_some(), "{status:?}");
}

#[test]
fn a_terminal_that_is_gone_ends_the_program_without_a_signal_too() {
    let account = with_credentials(1);
    // The shell leads the session and waits; the program is in another group, which gets no SIGHUP.
    let line = format!("set -m; trap '' HUP; '{PROGRAM}'; exit 7");
    let mut pty = Pty::start(&account.home, "/bin/sh", &["-c", &line], (120, 40));
    pty.wait("key.000");
    let status = pty.hang_up().ends_within(SOON);
    assert_eq!(status.signal(), None, "the shell lived on until the program had ended");
}

#[test]
fn suspending_gives_the_terminal_to_the_shell_and_takes_it_again() {
    let account = with_credentials(1);
    let mut pty = Pty::start(&account.home, "/bin/sh", &["-i"], (120, 40));
    pty.prompt().send(&format!("'{PROGRAM}'\r")).wait("key.000");
    pty.send("\x1a").wait("Stopped").prompt();
    assert!(!pty.picture().alternate_screen() && !pty.picture().hide_cursor());
    pty.send("fg\r").wait("key.000");
    assert!(pty.picture().alternate_screen());
    pty.send("q").prompt().send("echo sh\"\"ell\r").wait("shell");
    assert!(!pty.picture().alternate_screen());
}

#[test]
fn an_idle_workbench_writes_nothing() {
    let account = with_credentials(3);
    let mut pty = start(&account);
    pty.bytes_until("key.002");
    pty.is_silent_for(Duration::from_millis(1500));
}

#[test]
fn held_keys_are_drawn_once_and_never_in_full() {
    let account = with_credentials(100);
    let mut pty = start(&account);
    let full = pty.bytes_until("key.001") + pty.bytes.len();
    let burst = pty.send(&"\x1b[B".repeat(50)).bytes_until("▸ key.050");
    assert!(burst < full, "50 keys at once took {burst} bytes, the first frame {full}");
    let one = pty.send("\x1b[B").bytes_until("▸ key.051");
    assert!(one < 800, "one key took {one} bytes");
}

#[test]
fn resizing_fits_every_size() {
    let account = with_credentials(30);
    let mut pty = start(&account);
    pty.resize(80, 24).wait("Credentials").resize(20, 5).wait("too small");
    pty.resize(1, 1).resize(200, 60).wait("No tests yet");
    assert!(pty.send("q").ends_within(SOON).success());
    pty.is_restored();
}

#[test]
fn no_colours_means_no_colours_and_keeps_the_rest() {
    let account = with_credentials(1);
    let line = format!("NO_COLOR=1 exec '{PROGRAM}'");
    let mut pty = Pty::start(&account.home, "/bin/sh", &["-c", &line], (120, 40));
    pty.bytes_until("key.000");
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    for colour in ["\x1b[3", "\x1b[4", "\x1b[38;", "\x1b[;m"] {
        let digits = |at: usize| text[at + colour.len()..].starts_with(|c: char| c.is_ascii_digit());
        let found = text.match_indices(colour).any(|(at, _)| {
            let rest = &text[at + 2..];
            let parameters = &rest[..rest.find(|c: char| c.is_alphabetic()).unwrap_or(0)];
            rest[parameters.len()..].starts_with('m')
                && parameters != "39"
                && parameters != "49"
                && digits(at)
                && parameters.len() > 1
        });
        assert!(!found, "{colour:?} in {text:?}");
    }
    assert!(text.contains("\x1b[7m"), "the selection is reversed");
    pty.send("q").ends_within(SOON);
    pty.is_restored();
}

#[test]
fn own_keys_are_used_and_wrong_ones_told() {
    let account = with_credentials(1);
    account.write("config/credbench/keymap.toml", "[list]\n\"ctrl-n\" = \"add\"\n");
    let mut pty = start(&account);
    pty.wait("Ctrl-N add").send("\x0e").wait("▸ API key").send("\x1b");
    pty.gone("▸ API key").send("q").ends_within(SOON);
    account.write("config/credbench/keymap.toml", "[list]\n\"ctrl-n\" = \"fly\"\n");
    let done = account.run(&[]).exits(7);
    assert!(done.err.contains("keymap.toml: line 2: there is no action \"fly\""), "{}", done.err);
}

#[test]
fn without_a_terminal_it_says_what_works_without_one() {
    let account = with_credentials(1);
    let done = account.run(&[]).exits(2);
    assert!(done.err.contains("needs a terminal"), "{}", done.err);
}

#[test]
fn a_panic_gives_the_terminal_back_and_tells_no_secret() {
    let account = Account::empty();
    let program = std::env::current_exe().unwrap();
    let arguments =
        ["tui::pty::a_screen_that_panics", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    let mut pty = Pty::start(&account.home, program, &arguments, (120, 40));
    let status = pty.ends_within(Duration::from_secs(10));
    assert!(!status.success());
    pty.is_restored();
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    assert!(text.contains("\x1b[?1049h"), "it had the terminal: {text}");
    assert!(text.contains("this is a bug") && text.contains("pty.rs"), "{text}");
    assert!(!text.contains("sk-very-secret"), "{text}");
}

/// R4: a bug in a test's task, and in what takes its result over, is one failed test.
#[test]
fn a_panic_of_a_task_is_one_failed_test() {
    let service = Service::start();
    let account = with_credentials(1);
    account.put(&format!(
        r#"{{"key":"api","kind":"bearer_token","config":{{"base_url":"{}","token":"{RIGHT}"}},"test":{{"path":"/me"}}}}"#,
        service.url
    ));
    let program = std::env::current_exe().unwrap();
    let arguments =
        ["tui::pty::a_clock_that_panics_in_tasks", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    let mut pty = Pty::start(&account.home, program, &arguments, (120, 40));
    pty.wait("key.000").wait("▸ api");
    for _ in 0..2 {
        pty.send("t").wait("the test itself failed");
        pty.send("?").wait(" Help ").send("\x1b").gone(" Help ");
    }
    // Control: the next one has no bug.
    pty.send("t").wait("● active").send("q");
    assert!(pty.ends_within(SOON).success());
    pty.is_restored();
    assert!(!String::from_utf8_lossy(&pty.bytes).contains("sk-very-secret"));
}

#[test]
#[ignore = "a process of its own, started on a terminal by the test of tasks"]
fn a_clock_that_panics_in_tasks() {
    // In the first test its task panics, in the second what takes over the result, too.
    let bugs = std::sync::atomic::AtomicUsize::new(0);
    let clock = move || {
        let task = std::thread::current().name().is_some_and(|name| name.starts_with("tokio"));
        if task {
            let bug = bugs.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            assert!(![0, 2, 3].contains(&bug), "sk-very-secret");
        }
        now()
    };
    let setup = setup_of(&std::env::current_dir().unwrap());
    let options = Options { clock: Arc::new(clock), ..Options::new(setup, false, false).unwrap() };
    run_with(options, Vec::new()).unwrap();
}

/// Panics when it is drawn, with a secret in its words.
struct Panics;

impl Screen for Panics {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn perform(&mut self, _: Action, _: &mut Shared) -> Reply {
        Reply::Done
    }

    fn draw(&mut self, _: Rect, _: &mut Buffer, _: &Shared) -> Option<Position> {
        panic!("sk-very-secret")
    }
}

#[test]
#[ignore = "a process of its own, started on a terminal by the test of panics"]
fn a_screen_that_panics() {
    let home = Home::empty();
    let setup = Setup {
        places: home.places(),
        identities: vec![home.identity()],
        passphrase: None,
        solution: "default".to_owned(),
        config: credbench::config::Config::default(),
        keymap: home.root.join("keymap.toml"),
        services: home.root.join("services"),
        own_folders: Vec::new(),
        network: Default::default(),
        seat: Default::default(),
    };
    let options = Options { clock: Arc::new(now), ..Options::new(setup, false, false).unwrap() };
    run_with(options, vec![Box::new(Panics)]).unwrap();
}
