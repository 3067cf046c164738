//! Logins over protocols that are not HTTP: databases, brokers, mail and file servers.
//!
//! Each protocol is a file of its own that speaks just enough of it to log in, ask one harmless question and leave.
//! They share a [`Link`]: a connection that was dialled under the host rules of [`crate::http`], encrypted as the
//! credential says, with a bound on every frame and on the whole of what a server may send. A refused password is
//! never tried again in another way: servers count.
#![cfg_attr(
    not(all(
        feature = "postgres",
        feature = "mysql",
        feature = "redis",
        feature = "mongodb",
        feature = "amqp",
        feature = "mqtt",
        feature = "nats",
        feature = "smtp",
        feature = "imap",
        feature = "ldap",
        feature = "ftp"
    )),
    allow(
        dead_code,
        unused_imports,
        unused_mut,
        unused_variables,
        reason = "a build with few protocols needs only part of what they share"
    )
)]

mod link;
mod login;
mod reader;
#[cfg(any(feature = "postgres", feature = "mongodb"))]
mod scram;
mod trace;
mod verdict;

#[cfg(feature = "amqp")]
mod amqp;
#[cfg(feature = "ftp")]
mod ftp;
#[cfg(feature = "imap")]
mod imap;
#[cfg(feature = "ldap")]
mod ldap;
#[cfg(feature = "mongodb")]
mod mongodb;
#[cfg(feature = "mqtt")]
mod mqtt;
#[cfg(feature = "mysql")]
mod mysql;
#[cfg(feature = "nats")]
mod nats;
#[cfg(feature = "postgres")]
mod postgres;
#[cfg(feature = "redis")]
mod redis;
#[cfg(feature = "smtp")]
mod smtp;

use jiff::Timestamp;

use self::link::Link;
use self::login::Engine;
use self::trace::{Done, Trace};
use self::verdict::{Ends, Verdict};
use super::run::{MESSAGE, Means, millis};
use super::{Report, Step};
use crate::http::{Failure, Trust};
use crate::redact::Redactor;

pub(super) use self::login::{Login, plan};

impl Login {
    /// Logs in, asks, and leaves.
    pub(super) async fn run(&self, redactor: &Redactor, means: &Means<'_>) -> Report {
        let mut trace = Trace::start();
        let ended = tokio::select! {
            // Finished and stopped at once: what was found out counts.
            biased;
            ended = converse(self, means.trust, &mut trace) => Some(ended.unwrap_or_else(|verdict| verdict)),
            () = means.cancel.cancelled() => Some(Verdict::failed(&Failure::Cancelled, self)),
            () = tokio::time::sleep_until(means.deadline) => None,
        };
        let verdict = ended.unwrap_or_else(|| Verdict::late(trace.step()));
        told(redactor, &verdict, trace.end(&verdict))
    }
}

/// The report of a login; only the last step can have failed.
fn told(redactor: &Redactor, verdict: &Verdict, done: Vec<Done>) -> Report {
    let show = |text: &str| redactor.show(text, MESSAGE);
    let message = show(&verdict.message);
    let step = |step: Done| Step {
        name: step.name.into(),
        ms: millis(step.took),
        detail: show(&step.detail),
        ok: step.ok,
    };
    let mut steps: Vec<Step> = done.into_iter().map(step).collect();
    if let Some(last) = steps.last_mut() {
        let gap = if last.detail.is_empty() { "" } else { ": " };
        last.detail = format!("{}{gap}{message}", last.detail);
    }
    Report { steps, ..Report::unsent(verdict.outcome, message, verdict.advice, Timestamp::UNIX_EPOCH) }
}

async fn converse(login: &Login, trust: &Trust, trace: &mut Trace) -> Ends<Verdict> {
    let mut link = Link::open(login, trust, trace).await?;
    match login.engine {
        #[cfg(feature = "postgres")]
        Engine::Postgres => postgres::check(&mut link, login).await,
        #[cfg(feature = "mysql")]
        Engine::Mysql => mysql::check(&mut link, login).await,
        #[cfg(feature = "redis")]
        Engine::Redis => redis::check(&mut link, login).await,
        #[cfg(feature = "mongodb")]
        Engine::Mongodb => mongodb::check(&mut link, login).await,
        #[cfg(feature = "amqp")]
        Engine::Rabbitmq => amqp::check(&mut link, login).await,
        #[cfg(feature = "mqtt")]
        Engine::Mqtt => mqtt::check(&mut link, login).await,
        #[cfg(feature = "nats")]
        Engine::Nats => nats::check(&mut link, login).await,
        #[cfg(feature = "smtp")]
        Engine::Smtp => smtp::check(&mut link, login).await,
        #[cfg(feature = "imap")]
        Engine::Imap => imap::check(&mut link, login).await,
        #[cfg(feature = "ldap")]
        Engine::Ldap => ldap::check(&mut link, login).await,
        #[cfg(feature = "ftp")]
        Engine::Ftp => ftp::check(&mut link, login).await,
        // A plan is made only for what this build has.
        #[allow(unreachable_patterns, reason = "a build may have them all")]
        _ => Err(Verdict::not_testable("this build does not have that protocol")),
    }
}
