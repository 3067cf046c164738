//! Logins as they look: what the engine asks of a person is fed in, and the screen says it at every size.

use std::time::Duration;

use credbench::problem::{Exit, Problem};
use credbench::session::oauth::{Deaf, NotThis, Prompt};
use credbench::session::{Seat, Ssh};
use credbench::tui::message::{Message, News, Timer};
use insta::assert_snapshot;
use jiff::SignedDuration;

use crate::support::service::Service;
use crate::support::ui::{Start, Ui};
use crate::support::vault::now;

/// A credential whose server never answers, so that nothing but what the test feeds in happens.
fn waiting(service: &Service) -> String {
    let url = &service.url;
    format!(
        r#"[{{"key":"crm.login","kind":"oauth2","config":{{"grant":"device_code","client_id":"c","client_auth":"none",
            "device_url":"{url}/never","token_url":"{url}/token","base_url":"{url}"}},"test":{{"path":"/me"}}}},
           {{"key":"plain","kind":"secret","config":{{"values":{{"A":"a"}}}}}}]"#
    )
}

fn over_ssh() -> Seat {
    let server = ("192.0.2.7".parse().unwrap(), 22);
    let ssh = Ssh { server, user: Some("ann".to_owned()), host_name: Some("web-1".to_owned()) };
    Seat { ssh: Some(ssh), links: true, unicode: true, ..Seat::default() }
}

/// A workbench on such a login, its service, and the login's number.
fn begun(seat: Seat) -> (Ui, Service, u64) {
    let service = Service::start();
    let mut ui = Start::with(&waiting(&service)).seat(seat).open();
    ui.keys("o").wait("asking the server");
    let serial = ui.timers.iter().rev().find_map(|(_, timer)| match timer {
        Timer::Login(serial) => Some(*serial),
        _ => None,
    });
    (ui, service, serial.unwrap())
}

fn device() -> Prompt {
    let page = "https://login.example.com/device";
    Prompt::Device {
        user_code: "WDJB-MJHT".to_owned(),
        host: "login.example.com".to_owned(),
        url: page.parse().unwrap(),
        complete_url: Some(format!("{page}?user_code=WDJB-MJHT").parse().unwrap()),
        ends: now() + SignedDuration::from_secs(872),
        interval: Duration::from_secs(5),
    }
}

fn browser(listening: Result<&str, Deaf>) -> Prompt {
    let url = "https://accounts.example.com/oauth2/authorize?response_type=code&client_id=0a1b2c3d4e5f&redirect_uri=\
               http%3A%2F%2F127.0.0.1%3A8400%2Fcallback&scope=openid+mail.read+files.read&state=jFzT0qYxq9o3Yl5rJ8Wm\
               4nH2cV6bQ1sD7kG0pA3eX5u&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_\
               method=S256";
    Prompt::Browser {
        url: url.parse().unwrap(),
        host: "accounts.example.com".to_owned(),
        listening: listening.map(|at| at.parse().unwrap()),
        ends: now() + SignedDuration::from_secs(292),
    }
}

fn prompt(ui: &mut Ui, serial: u64, prompt: Prompt) {
    ui.send(Message::Exchange(serial, News::Prompt(prompt)));
}

/// The screen at a size, by a name.
fn at(ui: &mut Ui, (width, height): (u16, u16)) -> String {
    ui.resize(width, height).screen()
}

#[test]
fn a_device_code_at_every_size() {
    let (mut ui, _service, serial) = begun(over_ssh());
    prompt(&mut ui, serial, device());
    prompt(&mut ui, serial, Prompt::AsksNext { at: now() + SignedDuration::from_secs(5) });
    assert_snapshot!("device_80x24", at(&mut ui, (80, 24)));
    assert_snapshot!("device_120x40", at(&mut ui, (120, 40)));
    assert_snapshot!("device_40x12", at(&mut ui, (40, 12)));
    // Time passes; the server wants less.
    ui.resize(80, 24).later(4).sees("14:28").sees("asked again in 1 s").later(1).sees("is being asked");
    prompt(&mut ui, serial, Prompt::SlowedDown { interval: Duration::from_secs(10) });
    ui.sees("Slowed down by the server: every 10 s").keys("<esc>").sees("crm.login");
}

#[test]
fn a_browser_login_at_every_size() {
    let (mut ui, _service, serial) = begun(over_ssh());
    prompt(&mut ui, serial, browser(Ok("127.0.0.1:8400")));
    assert_snapshot!("browser_80x24", at(&mut ui, (80, 24)));
    assert_snapshot!("browser_120x40", at(&mut ui, (120, 40)));
    assert_snapshot!("browser_40x12", at(&mut ui, (40, 12)));
    prompt(&mut ui, serial, browser(Err(Deaf::Taken(8400))));
    ui.resize(80, 24)
        .sees("port 8400 of this machine")
        .sees("by another program")
        .misses("ssh -L")
        .keys("<c-y>");
    assert!(ui.clipboard[0].starts_with("https://accounts.example.com/oauth2/authorize?"));
    assert!(ui.clipboard[0].ends_with("code_challenge_method=S256"), "all of it");
}

#[test]
fn without_ssh_there_is_no_tunnel() {
    let (mut ui, _service, serial) = begun(Seat { unicode: true, ..Seat::default() });
    prompt(&mut ui, serial, browser(Ok("127.0.0.1:8400")));
    ui.misses("ssh -L").misses("open it here").sees("Waiting at 127.0.0.1:8400");
    ui.keys("<a-y>").sees("no tunnel is needed");
}

#[test]
fn what_is_copied_is_what_is_shown() {
    let (mut ui, _service, serial) = begun(over_ssh());
    prompt(&mut ui, serial, device());
    ui.keys("y").sees("sent to the terminal's clipboard").keys("Y");
    assert_eq!(ui.clipboard, ["https://login.example.com/device?user_code=WDJB-MJHT", "WDJB-MJHT"]);
    prompt(&mut ui, serial, browser(Ok("127.0.0.1:8400")));
    ui.keys("<a-y>");
    assert_eq!(ui.clipboard[2], "ssh -L 8400:127.0.0.1:8400 ann@192.0.2.7");
}

#[test]
fn a_pasted_address_shows_no_code_and_a_wrong_one_waits_on() {
    let (mut ui, _service, serial) = begun(over_ssh());
    prompt(&mut ui, serial, browser(Ok("127.0.0.1:8400")));
    ui.keys("<enter>").sees("paste the address");
    ui.paste("http://127.0.0.1:8400/callback?state=abc&code=c0de-marker\n").sees("state=abc&code=••••");
    ui.sees("Enter sends it").misses("marker").keys("<enter>").misses("state=abc&code");
    prompt(&mut ui, serial, Prompt::NotThis(NotThis::State));
    ui.sees("not this: it belongs to another login").sees("Waiting at 127.0.0.1:8400");
    // Keys are text; printable ones are no commands.
    ui.keys("q").sees("Waiting at").sees("••••••••").keys("<backspace><c-u>").misses("••••");
    ui.keys("<esc>").sees("Credentials").misses("Waiting at");
}

#[test]
fn the_link_is_one_sequence_in_each_cell_and_nothing_else_is_one() {
    let (mut ui, _service, serial) = begun(over_ssh());
    prompt(&mut ui, serial, device());
    let linked = |ui: &mut Ui| -> Vec<String> {
        let cells = ui.cells();
        let all = cells.content().iter().map(|cell| cell.symbol().to_owned());
        all.filter(|symbol| symbol.contains('\x1b')).collect()
    };
    let found = linked(&mut ui);
    assert_eq!(found.len(), "open it here".len());
    let start = "\x1b]8;id=login;https://login.example.com/device?user_code=WDJB-MJHT\x1b\\";
    for symbol in &found {
        let rest = symbol.strip_prefix(start).unwrap();
        assert_eq!(rest.chars().skip(1).collect::<String>(), "\x1b]8;;\x1b\\", "{symbol:?}");
    }
    // A dialog over it leaves nothing of it.
    ui.keys("?");
    ui.resize(40, 12);
    assert_eq!(linked(&mut ui), [""; 0]);
}

#[test]
fn the_picture_needs_colours_unicode_and_room() {
    let blocks = |ui: &mut Ui| ui.screen().matches('▀').count();
    let (mut ui, _service, serial) = begun(over_ssh());
    prompt(&mut ui, serial, device());
    for ((width, height), shown) in
        [((120, 40), true), ((80, 24), true), ((79, 24), true), ((72, 24), false), ((80, 20), false)]
    {
        ui.resize(width, height);
        assert_eq!(blocks(&mut ui) > 0, shown, "{width}×{height}");
    }
    let (mut ui, _service, serial) = begun(Seat { unicode: false, ..over_ssh() });
    prompt(&mut ui, serial, device());
    assert_eq!(blocks(&mut ui), 0);
    let service = Service::start();
    let plain = Start::with(&waiting(&service)).seat(over_ssh());
    let mut ui = plain.config(|config| config.screen.theme = credbench::config::Theme::Plain).open();
    ui.keys("o").wait("asking the server");
    let serial = ui.timers.iter().find_map(|(_, timer)| match timer {
        Timer::Login(serial) => Some(*serial),
        _ => None,
    });
    prompt(&mut ui, serial.unwrap(), device());
    ui.sees("W  D  J  B");
    assert_eq!(blocks(&mut ui), 0, "no colours, no picture");
}

#[test]
fn a_failure_says_what_to_do_and_enter_tries_again() {
    let (mut ui, service, serial) = begun(over_ssh());
    service.requests.recv().unwrap();
    let said = "crm.login: 400 access_denied: no\u{1b}[2J\u{202e}thing";
    let problem = Problem::new(Exit::Failed, "no_token", said).hint("Log in again, and agree.");
    ui.send(Message::Exchange(serial, News::Ended(Err(problem))));
    ui.sees("✗ 400 access_denied: no␛[2J<202E>thing").sees("Log in again, and agree.");
    assert_snapshot!("failure_80x24", at(&mut ui, (80, 24)));
    ui.keys("<enter>").wait("asking the server");
    service.requests.recv().unwrap();
    // Of the first one nothing is heard any more.
    prompt(&mut ui, serial, device());
    ui.misses("WDJB").misses("W D J B").keys("<esc>").sees("Credentials");
}

#[test]
fn nothing_ticks_but_a_login_that_waits() {
    let (mut ui, _service, serial) = begun(over_ssh());
    let ticks = |ui: &Ui| ui.timers.iter().filter(|(_, timer)| matches!(timer, Timer::Login(_))).count();
    assert_eq!(ticks(&ui), 1, "asked for once");
    prompt(&mut ui, serial, device());
    assert_eq!(ticks(&ui), 1);
    let tick = |ui: &mut Ui| {
        ui.send(Message::Timer(Timer::Login(serial)));
    };
    tick(&mut ui);
    assert_eq!(ticks(&ui), 2, "and again each second");
    // Under help it still counts; another number means nothing.
    ui.keys("?");
    tick(&mut ui);
    ui.send(Message::Timer(Timer::Login(serial + 1000)));
    assert_eq!(ticks(&ui), 3);
    ui.keys("<esc><esc>").sees("Credentials");
    tick(&mut ui);
    assert_eq!(ticks(&ui), 3, "nobody looks any more");
    assert!(
        ui.timers
            .iter()
            .all(|(after, timer)| !matches!(timer, Timer::Login(_)) || *after == Duration::from_secs(1))
    );
}

#[test]
fn what_has_no_tokens_refuses_and_the_footer_says_where_there_are_some() {
    let service = Service::start();
    let mut ui = Start::with(&waiting(&service)).open();
    ui.sees("o log in").sees("no token yet");
    ui.keys("j").misses("o log in").keys("o").sees("it is no OAuth credential");
    ui.keys("ke").keys("<esc>").keys(":log in").sees("Log in, or get new tokens");
}

#[test]
fn lock_and_quit_end_a_login() {
    let (mut ui, _service, serial) = begun(over_ssh());
    prompt(&mut ui, serial, device());
    ui.keys("<c-l>").wait("locked").misses("WDJB").misses("W  D");
    prompt(&mut ui, serial, device());
    ui.sees("locked");
    let (mut ui, _service, serial) = begun(over_ssh());
    prompt(&mut ui, serial, browser(Ok("127.0.0.1:8400")));
    ui.paste("http://127.0.0.1:8400/callback?code=marker").keys("<c-c>");
    assert_eq!(ui.ends(), credbench::tui::Ended::Quit);
}

#[test]
fn a_login_fits_any_size() {
    let (mut ui, _service, serial) = begun(over_ssh());
    let failure = || Problem::new(Exit::Failed, "no_token", "no ".repeat(400)).hint("what ".repeat(90));
    for step in 0..3 {
        match step {
            0 => prompt(&mut ui, serial, device()),
            1 => prompt(&mut ui, serial, browser(Ok("[::1]:8400"))),
            _ => drop(ui.send(Message::Exchange(serial, News::Ended(Err(failure()))))),
        }
        for width in [1, 2, 5, 29, 30, 31, 40, 76, 80, 111, 300] {
            for height in [1, 2, 7, 8, 9, 12, 13, 20, 24, 40, 100] {
                ui.resize(width, height).screen();
                assert!(
                    ui.cursor().is_none_or(|at| at.x < width && at.y < height),
                    "{step} {width}×{height}"
                );
            }
        }
    }
}
