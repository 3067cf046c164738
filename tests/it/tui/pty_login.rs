//! Logins by the real program on a real terminal that has no browser.

use std::net::TcpStream;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustix::process::Signal;
use serde_json::json;

use crate::support::command::PROGRAM;
use crate::support::home::Account;
use crate::support::issuer::{Issuer, Manners};
use crate::support::pty::Pty;
use crate::support::server::RUNTIME;

const SOON: Duration = Duration::from_secs(3);

fn account(issuer: &Issuer, grant: &str) -> Account {
    let account = Account::with_vault();
    let credential = json!({"key": "crm.login", "kind": "oauth2", "config": issuer.config(grant), "test": {"path": "/me"}});
    account.put(&credential.to_string());
    account
}

/// The workbench, over SSH as far as it can tell.
fn start(account: &Account, size: (u16, u16)) -> Pty {
    let over_ssh = ["SSH_CONNECTION=203.0.113.9 51034 192.0.2.7 22", "USER=ann", PROGRAM];
    let mut pty = Pty::start(&account.home, "env", &over_ssh, size);
    pty.wait("crm.login");
    pty.is_taken();
    pty
}

/// What was sent to the terminal's clipboard last.
fn clipboard(pty: &Pty) -> String {
    let text = String::from_utf8_lossy(&pty.bytes).into_owned();
    let (_, last) = text.rsplit_once("\x1b]52;c;").expect("something was copied");
    let encoded: String = last.chars().take_while(|c| !c.is_control()).collect();
    String::from_utf8(STANDARD.decode(encoded).unwrap()).unwrap()
}

/// The tokens are in the vault and good, and none of them was on the screen.
fn is_logged_in(issuer: &Issuer, account: &Account, pty: &Pty) {
    let document = account.open().document;
    let credential = &document.credentials[0];
    let secret = |name: &str| credential.content.secret(&format!("/config/tokens/{name}")).unwrap().expose();
    assert!(issuer.takes(secret("access_token")));
    let screen = String::from_utf8_lossy(&pty.bytes);
    assert!(!screen.contains(secret("access_token")) && !screen.contains(secret("refresh_token")));
    assert_eq!(credential.tests.last().unwrap().outcome.word(), "ok");
}

fn device_login(size: (u16, u16)) {
    let issuer = Issuer::start(Manners { interval: Some(1), ..Manners::default() });
    let account = account(&issuer, "device_code");
    let mut pty = start(&account, size);
    pty.send("o").wait("enter this code").send("Y").wait("sent to the terminal's clipboard");
    assert!(issuer.decide(&clipboard(&pty), true));
    pty.wait("● active").wait("crm.login ok").send("q");
    assert!(pty.ends_within(SOON).success());
    pty.is_restored();
    is_logged_in(&issuer, &account, &pty);
}

#[test]
fn a_device_login_on_a_wide_terminal() {
    device_login((120, 40));
}

#[test]
fn a_device_login_on_a_small_terminal() {
    device_login((80, 24));
}

#[test]
fn a_login_by_a_pasted_address() {
    let issuer = Issuer::start(Manners::default());
    let account = account(&issuer, "authorization_code");
    let mut pty = start(&account, (80, 24));
    pty.send("o").wait("ann@192.0.2.7").wait("Waiting at 127.0.0.1:").send("\x19").wait("clipboard");
    let place = RUNTIME.block_on(issuer.person().agrees(clipboard(&pty).parse().unwrap()));
    pty.paste(&place).wait("Enter sends it").send("\r").wait("● active").wait("crm.login ok");
    let code = place.split("code=").nth(1).unwrap().split('&').next().unwrap();
    assert!(!String::from_utf8_lossy(&pty.bytes).contains(code), "the code was on the screen");
    pty.send("q");
    assert!(pty.ends_within(SOON).success());
    is_logged_in(&issuer, &account, &pty);
}

#[test]
fn a_login_by_a_browser_that_comes_back() {
    let issuer = Issuer::start(Manners::default());
    let account = account(&issuer, "authorization_code");
    let mut pty = start(&account, (120, 40));
    pty.send("o").wait("Waiting at 127.0.0.1:").send("\x19").wait("clipboard");
    let (status, _) = RUNTIME.block_on(issuer.person().browses(clipboard(&pty).parse().unwrap()));
    assert_eq!(status, 200);
    pty.wait("● active").wait("logged in").send("q");
    assert!(pty.ends_within(SOON).success());
    is_logged_in(&issuer, &account, &pty);
}

#[test]
fn a_login_costs_little_while_it_waits_and_nothing_after() {
    let issuer = Issuer::start(Manners { interval: Some(60), ..Manners::default() });
    let account = account(&issuer, "device_code");
    let mut pty = start(&account, (120, 40));
    pty.send("o").wait("enter this code").wait("good for 29:5");
    pty.settles_for(Duration::from_millis(300));
    let before = pty.bytes.len();
    // Ten seconds at the most; a busy machine leaves some of them out.
    pty.wait("good for 29:4");
    let written = pty.bytes.len() - before;
    assert!(written < 10 * 100, "{written} bytes in ten seconds");
    pty.resize(1, 24).resize(120, 40).wait("enter this code");
    pty.send("\x1b").wait("Credentials").wait("cancelled");
    // The second that was under way is the last one.
    pty.settles_for(Duration::from_millis(1500)).is_silent_for(Duration::from_millis(2500));
}

#[test]
fn a_signal_ends_a_login_its_listener_and_the_terminals_state() {
    let issuer = Issuer::start(Manners::default());
    let account = account(&issuer, "authorization_code");
    let mut pty = start(&account, (80, 24));
    pty.send("o").wait("Waiting at 127.0.0.1:");
    let screen = pty.screen();
    let at = screen.split("Waiting at ").nth(1).unwrap().split(' ').next().unwrap();
    TcpStream::connect(at).expect("the control: it listens");
    pty.signal(Signal::HUP).ends_within(SOON);
    pty.is_restored();
    assert!(TcpStream::connect(at).is_err());
    assert!(
        account.open().document.credentials[0].content.secrets.keys().all(|place| !place.contains("tokens"))
    );
}

#[test]
fn the_demo_logs_in_by_itself() {
    let account = Account::empty();
    let mut pty = Pty::start(&account.home, PROGRAM, &["demo"], (120, 40));
    pty.wait("18 credentials").send("/rooms\r").wait("▸ rooms.calendar.login").send("o");
    pty.wait("D  E  M  O")
        .wait("● active")
        .wait("logged in")
        .send("o")
        .wait("[ ")
        .send("\r")
        .wait("refreshed")
        .send("q");
    pty.ends_within(SOON);
}

/// An open workbench takes its turn among the programs that want the same token.
#[test]
fn a_workbench_and_many_programs_make_one_exchange() {
    let issuer = Issuer::start(Manners::default());
    let (access, refresh) = issuer.given();
    let mut config = issuer.config("authorization_code");
    config["tokens"] =
        json!({"access_token": access, "refresh_token": refresh, "expires_at": "2020-01-01T00:00:00Z"});
    let account = Account::with_vault();
    account.put(&json!({"key": "crm.login", "kind": "oauth2", "config": config}).to_string());
    let mut pty = start(&account, (120, 40));
    let given: Vec<String> = std::thread::scope(|scope| {
        let get = || account.run(&["get", "crm.login"]).succeeds().out;
        let programs: Vec<_> = (0..12).map(|_| scope.spawn(get)).collect();
        pty.send("y").wait("sent to the terminal's clipboard");
        programs.into_iter().map(|program| program.join().unwrap()).collect()
    });
    let copied = clipboard(&pty);
    assert!(issuer.takes(&copied) && given.iter().all(|token| token.trim_end() == copied));
    assert_eq!((issuer.counts().of("refresh_token"), issuer.counts().replays), (1, 0));
    pty.send("q");
    assert!(pty.ends_within(SOON).success());
}
