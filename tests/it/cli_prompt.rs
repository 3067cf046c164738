//! Questions on a real terminal: without echo where they are secret, No by default, and the terminal is as it
//! was afterwards.

use std::io::{Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::{Duration, Instant};

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};

use crate::support::command::{PROGRAM, environment};
use crate::support::home::Account;

/// The longest that anything may take before the test gives up.
const PATIENCE: Duration = Duration::from_secs(60);

/// The program on a terminal of its own.
struct OnTerminal {
    master: Box<dyn MasterPty + Send>,
    child: Box<dyn Child + Send + Sync>,
    keys: Box<dyn Write + Send>,
    screen: Receiver<Vec<u8>>,
    seen: String,
}

impl OnTerminal {
    fn start(account: &Account, arguments: &[&str]) -> Self {
        let size = PtySize { rows: 24, cols: 200, pixel_width: 0, pixel_height: 0 };
        let pair = native_pty_system().openpty(size).unwrap();
        let mut command = CommandBuilder::new(PROGRAM);
        command.env_clear();
        for (name, value) in environment(&account.home) {
            command.env(name, value);
        }
        command.cwd(&account.home);
        command.args(arguments);
        let child = pair.slave.spawn_command(command).unwrap();
        let (keys, mut reader) =
            (pair.master.take_writer().unwrap(), pair.master.try_clone_reader().unwrap());
        let (sender, screen) = channel();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self { master: pair.master, child, keys, screen, seen: String::new() }
    }

    /// Waits until the program printed this, after all that was waited for before.
    #[track_caller]
    fn sees(&mut self, text: &str) {
        let end = Instant::now() + PATIENCE;
        loop {
            if let Some(at) = self.seen.find(text) {
                self.seen.drain(..at + text.len());
                return;
            }
            match self.screen.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(bytes) => self.seen.push_str(&String::from_utf8_lossy(&bytes)),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {
                    panic!("{text:?} did not come, but: {:?}", self.seen)
                }
            }
        }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        self.keys.flush().unwrap();
    }

    /// Waits for the end: the exit code and what was printed since the last wait.
    fn ends(mut self) -> (u32, String) {
        let code = self.child.wait().unwrap().exit_code();
        let echo = self.master.get_termios().map(|state| format!("{:?}", state.local_flags));
        drop((self.keys, self.master));
        while let Ok(bytes) = self.screen.recv_timeout(PATIENCE) {
            self.seen.push_str(&String::from_utf8_lossy(&bytes));
        }
        let flags = echo.unwrap_or_default();
        assert!(flags.contains("ECHO") && flags.contains("ICANON") && flags.contains("ISIG"), "{flags}");
        (code, self.seen)
    }
}

#[test]
fn init_asks_twice_without_echo() {
    let account = Account::empty();
    let mut first = OnTerminal::start(&account, &["init"]);
    first.sees("New passphrase for the new identity: ");
    first.types("marker-pass\r");
    first.sees("Once more: ");
    first.types("marker-other\r");
    let (code, rest) = first.ends();
    assert_eq!(code, 1, "{rest}");
    assert!(rest.contains("the two passphrases differ") && !rest.contains("marker"), "{rest}");
    assert!(!account.identity().exists() && !account.vault().exists());

    let mut second = OnTerminal::start(&account, &["init"]);
    second.sees("New passphrase for the new identity: ");
    // A slip, taken back.
    second.types("marker-pasx\u{7f}s\r");
    second.sees("Once more: ");
    second.types("nonsense\u{15}marker-pass\r");
    second.sees("opens ");
    let (code, rest) = second.ends();
    assert_eq!(code, 0, "{rest}");
    assert!(!rest.contains("marker"));
    let pass = account.write("pass", "marker-pass");
    account.run(&["list", "--passphrase-file", &pass]).succeeds();

    let mut third = OnTerminal::start(&account, &["list"]);
    third.sees("Passphrase for ");
    third.types("marker-pass\u{3}");
    let (code, rest) = third.ends();
    assert_eq!(code, 3, "{rest}");
    assert!(rest.contains("no passphrase") && !rest.contains("marker"), "{rest}");
}

#[test]
fn add_asks_for_the_secrets_that_were_not_given() {
    let account = Account::with_vault();
    let mut add = OnTerminal::start(
        &account,
        &["add", "k", "--kind", "bearer_token", "--set", "base_url=https://a.example", "--no-test"],
    );
    add.sees("Token: ");
    add.types("marker-é-token\r");
    add.sees("created");
    let (code, rest) = add.ends();
    assert_eq!(code, 0, "{rest}");
    assert_eq!(account.run(&["get", "k"]).out, "marker-é-token");

    let mut add = OnTerminal::start(&account, &["add", "files", "--kind", "secret"]);
    add.sees("Values: name: ");
    add.types("pem\r");
    add.sees("Ctrl-D ends it): ");
    add.types("-----BEGIN X-----\rmarker\r-----END X-----\r\u{4}");
    add.sees("created");
    let (code, rest) = add.ends();
    assert_eq!((code, rest.contains("marker")), (0, false), "{rest}");
    assert_eq!(account.run(&["get", "files"]).out, "-----BEGIN X-----\nmarker\n-----END X-----\n");

    let mut add = OnTerminal::start(&account, &["add", "n", "--kind", "secret"]);
    add.sees("Values: name: ");
    add.types("\u{3}");
    let (code, rest) = add.ends();
    assert_eq!(code, 1, "{rest}");
    account.run(&["show", "n"]).exits(4);
}

#[test]
fn remove_and_adopt_start_on_no() {
    let account = Account::with_vault();
    let old = std::fs::read(account.vault()).unwrap();
    account.put(r#"{"key":"k","kind":"secret","config":{"values":{"a":"b"}}}"#);
    for (keys, code) in [("\r", 1), ("n\r", 1), ("\u{3}", 1), ("y\r", 0)] {
        let mut remove = OnTerminal::start(&account, &["remove", "k"]);
        remove.sees("Remove k from default? It can be restored [y/N]: ");
        remove.types(keys);
        assert_eq!(remove.ends().0, code, "{keys:?}");
    }
    account.run(&["show", "k"]).exits(4);

    std::fs::write(account.vault(), &old).unwrap();
    for (first, second, code) in [("\r", "", 1), ("y\r", "yes\r", 1), ("y\r", "adopt\r", 0)] {
        let mut adopt = OnTerminal::start(&account, &["vault", "adopt"]);
        adopt.sees("ROLLBACK");
        adopt.sees("[y/N]: ");
        adopt.types(first);
        if !second.is_empty() {
            adopt.sees("Type adopt to accept it as it is: ");
            adopt.types(second);
        }
        assert_eq!(adopt.ends().0, code);
    }
    account.run(&["list"]).succeeds();
}

/// A table is cut to the terminal, and a value ends its line there.
#[test]
fn a_terminal_gets_a_line_end_and_colours() {
    let account = Account::with_vault();
    account.put(r#"{"key":"k","kind":"secret","config":{"values":{"a":"value"}}}"#);
    let mut get = OnTerminal::start(&account, &["get", "k"]);
    get.sees("value\r\n");
    assert_eq!(get.ends().0, 0);
    let mut list = OnTerminal::start(&account, &["list"]);
    list.sees("\u{1b}[2m○ not_testable\u{1b}[0m");
    assert_eq!(list.ends().0, 0);
    let mut plain = OnTerminal::start(&account, &["list", "--color", "never"]);
    plain.sees("○ not_testable");
    let (code, rest) = plain.ends();
    assert_eq!((code, rest.contains('\u{1b}')), (0, false));
}
