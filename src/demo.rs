//! Something to try the workbench on: sample credentials, and the local service that answers their tests.
//!
//! [`Service`] listens on this machine only and really checks what it is sent, so every outcome that a test
//! can have is there to be seen with no network. The samples stand in `assets/demo.json`; none of their
//! secrets is one.

mod answers;
mod http;
mod login;

use std::io;
use std::net::Ipv4Addr;

use jiff::{SignedDuration, Timestamp, tz::TimeZone};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinSet;

use crate::model::{Content, Document, Edit, Id, Outcome, Solution, TestRecord};
use crate::schema::{Absent, Kinds};

/// The solutions that the samples live in; the first one always exists.
pub const SOLUTIONS: [&str; 2] = [crate::model::DEFAULT_SOLUTION, "billing-prod"];

const SAMPLES: &str = include_str!("../assets/demo.json");

/// A service on a free port of this machine; ends, connections included, when it is dropped.
#[derive(Debug)]
pub struct Service {
    base_url: String,
    /// The one task, which owns those of its connections; dropping the set ends it.
    _task: JoinSet<()>,
}

impl Service {
    /// Listens and answers from now on. To be called within a tokio runtime.
    ///
    /// # Errors
    /// No port could be opened.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let base_url = format!("http://{}", listener.local_addr()?);
        let mut task = JoinSet::new();
        task.spawn(http::serve(listener, answers::answer));
        Ok(Self { base_url, _task: task })
    }

    /// Where it answers, such as `http://127.0.0.1:41234`.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }
}

/// The sample credentials, for a service at `base_url`; one of them expires within two weeks of `now`.
pub fn contents(base_url: &str, now: Timestamp) -> Vec<Content> {
    // The service is bound to 127.0.0.1 alone: on the next address of this machine nobody listens.
    let dead = base_url.replace("//127.0.0.1", "//127.0.0.2");
    let soon = now.checked_add(SignedDuration::from_hours(9 * 24)).unwrap_or(now);
    let soon = soon.to_zoned(TimeZone::UTC).date().to_string();
    let text = SAMPLES.replace("{base}", base_url).replace("{dead}", &dead).replace("{soon}", &soon);
    let samples: Vec<Value> = serde_json::from_str(&text).expect("the samples are JSON (tested)");
    samples.into_iter().map(content).collect()
}

fn content(sample: Value) -> Content {
    let Value::Object(mut document) = sample else { unreachable!("every sample is an object (tested)") };
    document.entry("solution").or_insert_with(|| SOLUTIONS[0].into());
    let kind = Kinds::builtin().of_document(&document).expect("every sample is of a built-in kind (tested)");
    kind.read(document, None, Absent::Keeps).expect("every sample can be read (tested)").content
}

/// A document with the samples, as somebody would find it who comes back to work: some were tested before,
/// others wait for it.
pub fn document(base_url: &str, now: Timestamp) -> Document {
    let mut document = Document::new();
    document.organization.name = "Example Ltd (demo)".to_owned();
    let ago = |minutes| now.checked_sub(SignedDuration::from_mins(minutes)).unwrap_or(now);
    let mut edit = |edit, at| {
        // The samples are distinct and every record names one of them; a test applies them all.
        let applied = document.apply(edit, at);
        debug_assert!(applied.is_ok(), "{applied:?}");
    };
    for name in &SOLUTIONS[1..] {
        edit(Edit::AddSolution { solution: Solution::named(name) }, now);
    }
    let mut age = 60 * 24 * 40;
    for content in contents(base_url, now) {
        let id = Id::new();
        let tests: Vec<&Past> = PAST.iter().filter(|past| past.key == content.key()).collect();
        edit(Edit::Create { id: id.clone(), content }, ago(age));
        for past in tests {
            edit(Edit::RecordTest { id: id.clone(), record: past.record(ago(past.minutes)) }, now);
        }
        age -= 60 * 24 + 47;
    }
    document
}

/// A test that was run before the demonstration began.
struct Past {
    key: &'static str,
    /// How long ago.
    minutes: i64,
    outcome: Outcome,
    status: u16,
    latency_ms: u64,
    message: &'static str,
}

impl Past {
    fn record(&self, at: Timestamp) -> TestRecord {
        TestRecord {
            at,
            version: 1,
            outcome: self.outcome,
            status_code: Some(self.status),
            latency_ms: self.latency_ms,
            message: self.message.to_owned(),
            facts: crate::model::Learnt::default(),
        }
    }
}

const fn past(
    key: &'static str,
    minutes: i64,
    outcome: Outcome,
    status: u16,
    latency_ms: u64,
    message: &'static str,
) -> Past {
    Past { key, minutes, outcome, status, latency_ms, message }
}

/// Worded as the engine words them (a test compares), the oldest first for each key.
const PAST: &[Past] = &[
    past("weather.forecast.key", 4330, Outcome::Ok, 200, 96, "200 as expected"),
    past("weather.forecast.key", 2890, Outcome::Ok, 200, 88, "200 as expected"),
    past("weather.forecast.key", 1450, Outcome::Ok, 200, 143, "200 as expected"),
    past("weather.forecast.key", 12, Outcome::Ok, 200, 91, "200 as expected"),
    past("mail.newsletter.token", 190, Outcome::Ok, 200, 120, "200 as expected"),
    past("chat.alerts.bot", 2900, Outcome::Ok, 200, 64, "200 as expected"),
    past("chat.alerts.bot", 40, Outcome::Rejected, 200, 61, "200 the service refused the credential"),
    past(
        "code.deploy.token",
        185,
        Outcome::Limited,
        403,
        77,
        "403 forbidden: the permission is missing; may also be a rejected key: resource not accessible",
    ),
    past("ai.inference.key", 1500, Outcome::Ok, 200, 310, "200 accepted"),
    past("ai.inference.key", 14, Outcome::RateLimited, 429, 45, "429 too many requests; it asks to wait 30"),
    past("billing.stripe.secret", 8700, Outcome::Ok, 200, 210, "200 as expected"),
    past("billing.stripe.secret", 1444, Outcome::Ok, 200, 184, "200 as expected"),
    past("billing.stripe.secret", 9, Outcome::Ok, 200, 197, "200 as expected"),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    const BASE: &str = "http://127.0.0.1:9";

    fn now() -> Timestamp {
        "2027-01-10T12:00:00Z".parse().unwrap()
    }

    #[test]
    fn every_sample_is_valid_and_lives_in_a_solution_that_exists() {
        let mut keys = BTreeSet::new();
        for content in contents(BASE, now()) {
            let kind = Kinds::builtin().of_content(&content).unwrap();
            assert_eq!(kind.check(&content), [], "{}", content.key());
            assert!(SOLUTIONS.contains(&content.solution()), "{}", content.key());
            assert!(keys.insert(content.key().to_owned()), "{} is there twice", content.key());
            for secret in content.secrets.values() {
                assert!(secret.expose().contains("demo") || secret.expose().contains("SAMPLE"));
            }
        }
    }

    #[test]
    fn the_document_has_every_sample_and_every_record() {
        let document = document(BASE, now());
        assert_eq!(document.credentials.len(), contents(BASE, now()).len());
        let records: usize = document.credentials.iter().map(|credential| credential.tests.len()).sum();
        assert_eq!(records, PAST.len());
        for credential in &document.credentials {
            assert!(credential.created_at < now() && credential.tests.is_sorted_by_key(|test| test.at));
        }
    }
}
