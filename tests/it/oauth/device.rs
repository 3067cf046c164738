//! Logins on another device (RELIABILITY O3), by a clock that the test sets.

use std::sync::mpsc;
use std::time::Duration;

use credbench::oauth::{NotThis, Prompt, Refusal};
use serde_json::{Value, json};

use super::{Login, ask, told};
use crate::support::issuer::{Issuer, Manners, PUBLIC, until};

/// Time that stands still unless it is moved. A task that blocks keeps it from moving while everything waits for
/// the network.
struct Frozen(#[allow(dead_code, reason = "its end ends the task")] mpsc::Sender<()>);

impl Frozen {
    fn now() -> Self {
        tokio::time::pause();
        let (sender, receiver) = mpsc::channel::<()>();
        tokio::task::spawn_blocking(move || receiver.recv());
        Self(sender)
    }
}

/// A device login that was shown its code.
struct Device {
    issuer: Issuer,
    login: Login,
    user_code: String,
    interval: u64,
}

/// In a runtime whose time stands still.
async fn begun(_: &Frozen, manners: Manners, more: Value) -> Device {
    let issuer = Issuer::start(manners);
    let mut login = Login::begin(ask(issuer.config("device_code"), more));
    let Prompt::Device { user_code, host, url, complete_url, interval, ends } = login.prompt().await else {
        panic!()
    };
    assert_eq!((host.as_str(), url.path()), ("127.0.0.1", "/device"));
    assert!(complete_url.unwrap().query().unwrap().contains(&user_code));
    assert!(ends > jiff::Timestamp::now());
    Device { issuer, login, user_code, interval: interval.as_secs() }
}

impl Device {
    /// Once nothing is on the way any more: this runtime has one thread, so the login waits for the clock.
    async fn rests(&self) {
        until(|| self.issuer.is_idle()).await;
    }

    /// The next time that the server is asked comes after exactly so many seconds.
    async fn asks_after(&self, seconds: u64) {
        let polls = self.issuer.counts().polls;
        self.rests().await;
        tokio::time::advance(Duration::from_millis(seconds * 1000 - 10)).await;
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        assert_eq!(self.issuer.counts().polls, polls, "asked sooner than after {seconds} s");
        tokio::time::advance(Duration::from_millis(20)).await;
        until(|| self.issuer.counts().polls > polls || self.login.task.is_finished()).await;
        assert_eq!(self.issuer.counts().polls, polls + 1, "not asked after {seconds} s");
        self.rests().await;
    }

    fn decides(&self, yes: bool) {
        assert!(self.issuer.decide(&self.user_code, yes));
    }
}

#[tokio::test]
async fn a_device_waits_for_its_person() {
    let frozen = Frozen::now();
    for (auth, more) in [("basic", json!({})), ("none", json!({"client_secret": null, "client_id": PUBLIC}))]
    {
        let mut device = begun(&frozen, Manners::default(), more).await;
        assert_eq!(device.interval, 5);
        device.asks_after(5).await;
        device.asks_after(5).await;
        device.login.paste("something");
        assert_eq!(device.login.prompt().await, Prompt::NotThis(NotThis::NotAsked));
        device.decides(true);
        device.asks_after(5).await;
        let outcome = device.login.end().await;
        let token = outcome.result.as_ref().unwrap_or_else(|_| panic!("{auth}: {}", told(&outcome)));
        assert!(device.issuer.takes(token.access.expose()) && token.refresh.is_some());
        assert_eq!(device.issuer.counts().polls, 3);
        let names: Vec<&str> = outcome.exchanges.iter().map(|(name, _)| *name).collect();
        assert_eq!(names, ["discover", "device", "token"], "only the last time is kept");
    }
}

/// A front end counts down to the next time.
#[tokio::test]
async fn it_says_when_it_asks_next() {
    let frozen = Frozen::now();
    let mut device = begun(&frozen, Manners { slow_down: 1, ..Manners::default() }, json!({})).await;
    let mut times = Vec::new();
    for seconds in [5, 10] {
        device.asks_after(seconds).await;
        while let Ok(prompt) = device.login.prompts.try_recv() {
            if let Prompt::AsksNext { at } = prompt {
                times.push(at);
            }
        }
    }
    assert_eq!(times.len(), 3, "before the first time, and after each");
}

/// RFC 8628, 3.5: five seconds more each time, and for ever.
#[tokio::test]
async fn it_slows_down_and_stays_slow() {
    let frozen = Frozen::now();
    let mut device =
        begun(&frozen, Manners { slow_down: 3, interval: None, ..Manners::default() }, json!({})).await;
    assert_eq!(device.interval, 5, "where the server does not say");
    for seconds in [5, 10, 15] {
        device.asks_after(seconds).await;
        let interval = Duration::from_secs(seconds + 5);
        assert_eq!(device.login.prompt().await, Prompt::SlowedDown { interval });
    }
    device.asks_after(20).await;
    device.asks_after(20).await;
    device.decides(true);
    device.asks_after(20).await;
    assert!(device.login.end().await.result.is_ok());
}

/// Who is not answered asks less and less often, and as before once there is an answer.
#[tokio::test]
async fn it_backs_off_while_nobody_answers() {
    let frozen = Frozen::now();
    let device = begun(&frozen, Manners { silent: 2, failing: 1, ..Manners::default() }, json!({})).await;
    for seconds in [5, 10, 20, 40, 5] {
        device.asks_after(seconds).await;
    }
    device.decides(true);
    device.asks_after(5).await;
    assert!(device.login.end().await.result.is_ok());
}

#[tokio::test]
async fn it_ends_when_the_person_or_the_server_says_so() {
    let frozen = Frozen::now();
    let device = begun(&frozen, Manners::default(), json!({})).await;
    device.decides(false);
    device.asks_after(5).await;
    let words = told(&device.login.end().await);
    assert!(words.starts_with("rejected 400 the login was not allowed: access_denied"), "{words}");
    assert!(words.contains("owned") && !words.contains(|c: char| c.is_control()), "{words:?}");
    assert_eq!(device.issuer.counts().polls, 1, "it stops");

    let over = (400, json!({"error": "expired_token"}));
    let device = begun(&frozen, Manners::default(), json!({})).await;
    device.issuer.manner(|manners| manners.token = Some(over));
    device.rests().await;
    tokio::time::advance(Duration::from_secs(6)).await;
    let outcome = device.login.end().await;
    assert!(
        told(&outcome).starts_with("incomplete 400 nobody agreed in time: expired_token"),
        "{}",
        told(&outcome)
    );

    // By our own clock, where the server never says so.
    let device = begun(&frozen, Manners { device_life: json!(12), ..Manners::default() }, json!({})).await;
    device.asks_after(5).await;
    device.asks_after(5).await;
    tokio::time::advance(Duration::from_secs(3)).await;
    assert!(matches!(device.login.refused().await, Refusal::TooLate));
    assert_eq!(device.issuer.counts().polls, 2);

    // An error that nothing is known of does not go on for ever.
    let device = begun(&frozen, Manners::default(), json!({})).await;
    device.issuer.manner(|manners| manners.token = Some((400, json!({"error": "invalid_request"}))));
    device.rests().await;
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(matches!(device.login.refused().await, Refusal::Error { .. }));

    // Stopped.
    let device = begun(&frozen, Manners::default(), json!({})).await;
    device.login.cancel.cancel();
    assert!(device.login.end().await.result.is_err());
}

/// A server that says nothing at all is given up on each time, not for ever.
#[tokio::test]
async fn a_request_that_hangs_is_given_up() {
    let frozen = Frozen::now();
    let device = begun(&frozen, Manners::default(), json!({})).await;
    device.issuer.manner(|manners| manners.hangs = true);
    device.rests().await;
    tokio::time::advance(Duration::from_secs(6)).await;
    until(|| !device.issuer.is_idle()).await;
    until(|| device.issuer.asked("/token").len() == 1).await;
    tokio::time::advance(Duration::from_secs(31)).await;
    device.rests().await;
    device.issuer.manner(|manners| manners.hangs = false);
    device.decides(true);
    device.asks_after(10).await;
    assert!(device.login.end().await.result.is_ok());
}

#[tokio::test]
async fn what_a_device_cannot_be_told_is_refused() {
    let issuer = Issuer::start(Manners {
        metadata: json!({"device_authorization_endpoint": null}),
        ..Manners::default()
    });
    let none = Login::begin(ask(issuer.config("device_code"), json!({})));
    assert!(matches!(none.refused().await, Refusal::NoAddress("device")));
    let issuer = Issuer::start(Manners::default());
    let stranger = Login::begin(ask(issuer.config("device_code"), json!({"client_secret": "wrong"})));
    let outcome = stranger.end().await;
    assert!(
        told(&outcome).starts_with("rejected 401 the server refused the client: invalid_client"),
        "{}",
        told(&outcome)
    );
}
