//! Tokens in the workbench, against a real authorization server: got by every login, tested, renewed, given back.

use std::net::TcpStream;
use std::time::Duration;

use credbench::config::Config;
use serde_json::{Value, json};

use crate::support::authority::CLIENT;
use crate::support::issuer::{Issuer, Manners, PUBLIC};
use crate::support::server::RUNTIME;
use crate::support::ui::{Start, Ui};

/// A credential of the issuer, by its grant; `more` is laid over its configuration.
fn credential(issuer: &Issuer, grant: &str, more: Value) -> Value {
    let mut config = issuer.config(grant);
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    json!({"key": "crm.login", "kind": "oauth2", "config": config, "test": {"path": "/me"}})
}

fn open(issuer: &Issuer, grant: &str, more: Value) -> Ui {
    // An hour passes in some of these: the vault stays open.
    let open = |config: &mut Config| config.session.lock_after = Duration::ZERO;
    Start::with(&credential(issuer, grant, more).to_string()).config(open).open()
}

/// A device asks as soon as it may.
fn hasty() -> Manners {
    Manners { interval: Some(1), ..Manners::default() }
}

/// With tokens of an earlier login, the access token over.
fn logged_in(issuer: &Issuer) -> (Ui, String) {
    let (access, refresh) = issuer.given();
    let ended = "2020-01-01T00:00:00Z";
    let tokens = json!({"tokens": {"access_token": access, "refresh_token": refresh, "expires_at": ended}});
    (open(issuer, "authorization_code", tokens), access)
}

/// Somebody goes where a login says and agrees: where the browser would be sent next.
fn agrees(issuer: &Issuer, url: &str) -> String {
    RUNTIME.block_on(issuer.person().agrees(url.parse().unwrap()))
}

/// The same, and the browser follows: what it shows.
fn browses(issuer: &Issuer, url: &str) -> (u16, String) {
    RUNTIME.block_on(issuer.person().browses(url.parse().unwrap()))
}

/// What a key copies.
fn copied(ui: &mut Ui, key: &str) -> String {
    ui.clipboard.clear();
    ui.keys(key);
    ui.clipboard.pop().unwrap()
}

/// The access token in the vault.
fn stored(ui: &Ui) -> Option<String> {
    let document = ui.home.open().unwrap().document;
    let credential = document.credentials.first().unwrap();
    credential.content.secret("/config/tokens/access_token").map(|token| token.expose().to_owned())
}

#[test]
fn a_device_login_ends_in_a_tested_credential() {
    let issuer = Issuer::start(hasty());
    let mut ui = open(&issuer, "device_code", json!({}));
    ui.sees("no token yet").keys("o").wait("enter this code");
    let code = copied(&mut ui, "Y");
    assert!(issuer.decide(&code, true));
    ui.wait("● crm.login ok").wait("● active").sees("● logged in").sees("Granted").sees("read, write");
    assert!(issuer.takes(&stored(&ui).unwrap()));
    assert_eq!(issuer.counts().polls, 1, "the person was quick");
}

#[test]
fn a_device_is_slowed_down() {
    let issuer = Issuer::start(Manners { slow_down: 1, ..hasty() });
    let mut ui = open(&issuer, "device_code", json!({}));
    ui.keys("o").wait("Slowed down by the server: every 6 s").keys("<esc>").wait("cancelled");
    assert_eq!(stored(&ui), None);
}

#[test]
fn a_device_is_denied_or_too_late() {
    let issuer = Issuer::start(hasty());
    let mut ui = open(&issuer, "device_code", json!({}));
    ui.keys("o").wait("enter this code");
    let code = copied(&mut ui, "Y");
    assert!(issuer.decide(&code, false));
    ui.wait("the login was not allowed: access_denied").sees("Enter try again");
    issuer.manner(|manners| manners.device_life = json!(1));
    ui.keys("<enter>").wait("enter this code").wait("✗ nobody agreed in time");
    assert_snapshot_of_failure(&mut ui, "too_late");
    assert_eq!(stored(&ui), None);
}

fn assert_snapshot_of_failure(ui: &mut Ui, name: &str) {
    let screen = ui.resize(80, 24).screen();
    let said: Vec<&str> =
        screen.lines().map(|line| line.trim_matches(['│', ' '])).filter(|line| !line.is_empty()).collect();
    insta::assert_snapshot!(name, said.join("\n"));
}

#[test]
fn a_pasted_address_ends_a_login_and_a_wrong_one_does_not() {
    let issuer = Issuer::start(Manners::default());
    // Registered elsewhere: only pasting is left.
    let mut ui = open(&issuer, "authorization_code", json!({"redirect_url": "https://app.example/callback"}));
    ui.keys("o").wait("does not lead to this machine");
    let url = copied(&mut ui, "<c-y>");
    let place = agrees(&issuer, &url);
    ui.paste("https://app.example/callback?code=c0de-marker&state=another").keys("<enter>");
    ui.wait("not this: it belongs to another login").misses("marker");
    ui.paste("nonsense").keys("<enter>").wait("not this: it");
    ui.paste(&place);
    let code = place.split("code=").nth(1).unwrap().split('&').next().unwrap();
    ui.misses(code).sees("code=••••").keys("<enter>").wait("● crm.login ok").wait("● active");
    assert_eq!(issuer.counts().of("authorization_code"), 1);
}

#[test]
fn a_browser_on_this_machine_comes_back_by_itself() {
    let issuer = Issuer::start(Manners::default());
    let mut ui = open(&issuer, "authorization_code", json!({}));
    ui.keys("o").wait("Waiting at 127.0.0.1:");
    let url = copied(&mut ui, "<c-y>");
    let (status, page) = browses(&issuer, &url);
    assert_eq!(status, 200, "{page}");
    ui.wait("● crm.login ok").wait("● active");
}

#[test]
fn what_the_server_says_never_drives_the_terminal() {
    let issuer = Issuer::start(Manners { denies: true, ..Manners::default() });
    let mut ui = open(&issuer, "authorization_code", json!({}));
    ui.keys("o").wait("Waiting at 127.0.0.1:");
    let url = copied(&mut ui, "<c-y>");
    browses(&issuer, &url);
    ui.wait("the login was not allowed: access_denied");
    for cell in ui.cells().content() {
        let hidden = |c: char| c.is_control() || ('\u{202a}'..='\u{202e}').contains(&c);
        assert!(!cell.symbol().contains(hidden), "{:?}", cell.symbol());
    }
    assert_snapshot_of_failure(&mut ui, "denied");
}

/// Where the login listens.
fn listening(ui: &mut Ui) -> String {
    let screen = ui.wait("Waiting at 127.0.0.1:").screen();
    let at = screen.split("Waiting at ").nth(1).unwrap();
    at.split(' ').next().unwrap().to_owned()
}

#[test]
fn whatever_ends_a_login_closes_its_listener_and_leaves_nothing() {
    let issuer = Issuer::start(Manners::default());
    for end in ["<esc>", "<c-l>", "<c-c>"] {
        let mut ui = open(&issuer, "authorization_code", json!({}));
        ui.keys("o");
        let at = listening(&mut ui);
        TcpStream::connect(&at).expect("the control: it listens");
        ui.keys(end);
        ui.until("nobody listens", |_| TcpStream::connect(&at).is_err());
        assert_eq!((stored(&ui), ui.home.open().unwrap().store.header().generation), (None, 2), "{end}");
        if end == "<esc>" {
            ui.wait("cancelled").sees("Credentials");
        }
    }
}

#[test]
fn a_token_is_refreshed_by_hand_and_when_it_is_copied() {
    let issuer = Issuer::start(Manners::default());
    let (mut ui, old) = logged_in(&issuer);
    ui.keys("o").sees("[ Refresh now ]").sees("Log in again").sees("token ended").keys("<enter>");
    ui.wait("● refreshed").wait("● crm.login ok").wait("● active");
    let first = stored(&ui).unwrap();
    assert!(issuer.takes(&first) && first != old);
    // A good one is copied as it is.
    let used = copied_when_there(&mut ui);
    assert_eq!((used, issuer.counts().of("refresh_token")), (first.clone(), 1));
    // One that is nearly over is renewed before, and stored before it is handed out.
    ui.later(3590);
    let used = copied_when_there(&mut ui);
    assert_ne!(used, first);
    assert_eq!((Some(used), issuer.counts().of("refresh_token")), (stored(&ui), 2));
    assert_eq!(issuer.counts().replays, 0);
}

fn copied_when_there(ui: &mut Ui) -> String {
    ui.clipboard.clear();
    ui.keys("y").until("something was copied", |ui| !ui.clipboard.is_empty());
    ui.clipboard.pop().unwrap()
}

#[test]
fn a_grant_that_is_lost_asks_for_a_login_and_offers_it_first() {
    let issuer = Issuer::start(Manners::default());
    let (mut ui, old) = logged_in(&issuer);
    let refused = json!({"error": "invalid_grant", "error_description": "gone \u{1b}[31mfor good"});
    issuer.manner(|manners| manners.token = Some((400, refused)));
    ui.keys("o<enter>").wait("✗ not refreshed").sees("Press o and log in again.");
    assert_eq!(stored(&ui), Some(old), "nothing is erased");
    ui.keys("o").wait("[ Log in again ]").sees("Try to refresh").keys("<esc>");
}

#[test]
fn tokens_are_given_back_after_a_question() {
    let issuer = Issuer::start(Manners::default());
    let (mut ui, _) = logged_in(&issuer);
    ui.keys("o<backtab><enter>").sees("Give the tokens of crm.login back").sees("[ No ]").keys("<enter>");
    assert_eq!(issuer.counts().revoked, 0);
    ui.keys("o<backtab><enter><tab><enter>").wait("● revoked").wait("no token yet");
    assert_eq!((stored(&ui), issuer.counts().revoked), (None, 1));
    // And only here.
    let (mut ui, _) = logged_in(&issuer);
    ui.keys("o<backtab><enter><backtab><enter>").wait("● revoked").sees("the server was not asked");
    assert_eq!((stored(&ui), issuer.counts().revoked), (None, 1));
}

#[test]
fn what_needs_no_person_gets_a_token_at_once() {
    let issuer = Issuer::start(Manners::default());
    let mut ui = open(&issuer, "client_credentials", json!({}));
    ui.keys("o").wait("● logged in").wait("● crm.login ok").wait("● active").misses("Log in: crm.login");
    assert!(issuer.takes(&stored(&ui).unwrap()));
    ui.keys("o").sees("[ Get a new one ]").keys("<enter>").wait("● refreshed");
}

#[test]
fn an_alias_logs_in_with_the_client_of_its_app() {
    let issuer = Issuer::start(hasty());
    let alias = json!({"key": "crm.login", "kind": "oauth_alias", "test": {"path": "/me"},
        "config": {"app": "crm", "base_url": format!("{}/v1", issuer.url())}});
    let app = json!({"name": "crm", "provider": "openid_connect", "grant": "device_code", "client_id": PUBLIC,
        "client_auth": "none", "issuer": issuer.url(), "scopes": ["read"]});
    let home = crate::support::vault::Home::with_vault();
    crate::support::ui::put_app(&home, &app.to_string());
    crate::support::ui::put(&home, &alias.to_string());
    let mut ui = Start::at(home).open();
    ui.sees("OAuth app").keys("o").wait("enter this code");
    let code = copied(&mut ui, "Y");
    assert!(issuer.decide(&code, true));
    ui.wait("● crm.login ok").wait("● active");
    assert!(
        issuer.asked("/token").iter().all(|seen| !String::from_utf8_lossy(&seen.body).contains(CLIENT.0))
    );
    // Without its app there is nothing to log in with.
    ui.keys("O").sees("default/crm.login");
}

#[test]
fn fewer_scopes_than_asked_for_are_named() {
    let issuer = Issuer::start(Manners { scope: Some("read".to_owned()), ..Manners::default() });
    let mut ui = open(&issuer, "authorization_code", json!({}));
    ui.keys("o").wait("Waiting at 127.0.0.1:");
    let url = copied(&mut ui, "<c-y>");
    browses(&issuer, &url);
    ui.wait("● logged in").wait("Not granted").sees("write");
}

#[test]
fn a_lock_waits_for_what_a_refresh_token_was_spent_on() {
    let delay = std::time::Duration::from_millis(700);
    let issuer = Issuer::start(Manners { delay, ..Manners::default() });
    let (mut ui, old) = logged_in(&issuer);
    ui.keys("o<enter>").until("it was sent", |_| issuer.asked("/token").len() == 1);
    ui.keys("<c-l>").wait("locked");
    ui.until("it is stored", |ui| stored(ui).is_some_and(|token| token != old));
    assert!(issuer.takes(&stored(&ui).unwrap()));
    // The same for an end.
    let (mut ui, old) = logged_in(&issuer);
    ui.keys("o<enter>").until("it was sent", |_| issuer.asked("/token").len() == 2);
    ui.keys("q");
    assert_eq!(ui.ends(), credbench::tui::Ended::Quit);
    assert!(stored(&ui).is_some_and(|token| token != old && issuer.takes(&token)));
    assert_eq!(issuer.counts().replays, 0);
}

#[test]
fn a_proxy_of_the_environment_is_shown_before_a_server_is_asked_through_it() {
    use credbench::session::Network;

    let proxy = crate::support::service::nobody();
    let variables = vec![("HTTPS_PROXY".to_owned(), proxy.into())];
    let far = json!({"key": "crm.login", "kind": "oauth2", "config": {"grant": "client_credentials",
        "client_id": CLIENT.0, "client_secret": CLIENT.1, "token_url": "https://login.invalid/token"}});
    let network = Network { variables, ..Network::default() };
    let mut ui = Start::with(&far.to_string()).network(network).open();
    ui.keys("o").wait("HTTPS_PROXY in the environment names").keys("n");
    ui.wait("not sent: the proxy may not be used").misses("not logged in");
    ui.keys("o").wait("HTTPS_PROXY in the environment names").keys("y").wait("✗ not logged in");
}
