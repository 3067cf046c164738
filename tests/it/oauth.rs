//! Logins, refreshes and revocations against an authorization server of our own (`support/issuer.rs`).

mod browser;
mod device;
mod endpoints;
mod grants;
mod interop;
mod loopback;
mod time;

use std::net::SocketAddr;
use std::time::Duration;

use credbench::http::Trust;
use credbench::model::Content;
use credbench::oauth::{self, Ask, Means, Outcome, Prompt, Refusal};
use credbench::secret::Secret;
use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use url::Url;

use crate::support::tls::authority_der;

/// Long enough that only a test that is about to fail waits for it.
const LONG: Duration = Duration::from_secs(60);

/// What a configuration says, with `more` in it; `null` removes a member.
fn ask(mut config: Value, more: Value) -> Ask {
    for (name, value) in more.as_object().unwrap() {
        match value {
            Value::Null => drop(config.as_object_mut().unwrap().remove(name)),
            value => config[name] = value.clone(),
        }
    }
    let document = json!({ "config": config });
    let mut content = Content { document: document.as_object().unwrap().clone(), ..Content::default() };
    for name in ["client_secret", "private_key"] {
        let place = format!("/config/{name}");
        if let Some(text) = content.get_str(&place).map(Secret::from) {
            content.set_secret(&place, text);
        }
    }
    Ask::read(&content, "/config").unwrap()
}

/// Trusts the authority of our own servers.
fn trust() -> Trust {
    Trust::new(vec![authority_der()], Default::default())
}

/// Asks for something at once.
async fn at_once<T>(work: impl AsyncFnOnce(&Means<'_>) -> T) -> T {
    let (trust, cancel) = (trust(), CancellationToken::new());
    let clock: &(dyn Fn() -> Timestamp + Sync) = &Timestamp::now;
    work(&Means { trust: &trust, deadline: Instant::now() + LONG, cancel: &cancel, clock }).await
}

/// A login that goes on.
struct Login {
    prompts: UnboundedReceiver<Prompt>,
    /// `None`: nobody can paste any more.
    paste: Option<UnboundedSender<Secret>>,
    cancel: CancellationToken,
    task: JoinHandle<Outcome>,
}

impl Login {
    fn begin(ask: Ask) -> Self {
        Self::within(ask, Duration::from_secs(3600))
    }

    fn within(ask: Ask, time: Duration) -> Self {
        let (show, prompts) = unbounded_channel();
        let (paste, pasted) = unbounded_channel();
        let cancel = CancellationToken::new();
        let stopped = cancel.clone();
        let task = tokio::spawn(async move {
            let (trust, deadline) = (trust(), Instant::now() + time);
            let clock: &(dyn Fn() -> Timestamp + Sync) = &Timestamp::now;
            let means = Means { trust: &trust, deadline, cancel: &stopped, clock };
            oauth::login(&ask, &means, show, pasted).await
        });
        Self { prompts, paste: Some(paste), cancel, task }
    }

    /// What is shown next, but for when the server is asked.
    async fn prompt(&mut self) -> Prompt {
        loop {
            match self.prompts.recv().await.expect("a prompt") {
                Prompt::AsksNext { .. } => {}
                prompt => return prompt,
            }
        }
    }

    /// Where the browser goes, and where it is waited for.
    async fn browser(&mut self) -> (Url, Option<SocketAddr>) {
        match self.prompt().await {
            Prompt::Browser { url, listening, .. } => (url, listening.ok()),
            other => panic!("{other:?}"),
        }
    }

    fn paste(&self, text: &str) {
        self.paste.as_ref().unwrap().send(Secret::from(text)).unwrap();
    }

    async fn end(self) -> Outcome {
        self.task.await.unwrap()
    }

    /// Why it gave nothing.
    async fn refused(self) -> Refusal {
        self.end().await.result.unwrap_err()
    }
}

/// The words for what came of it, as a front end shows them.
fn told(outcome: &Outcome) -> String {
    let report = credbench::probe::token_report(outcome, &[], LONG, Timestamp::now());
    let steps: String = report.steps.iter().map(|step| format!(" [{} {}]", step.name, step.detail)).collect();
    format!("{} {} {}{steps}", report.outcome.word(), report.message, report.advice)
}
