//! Does this credential work? One safe request, and a verdict with its evidence.
//!
//! [`plan`](fn@plan) turns a credential's content into a [`Plan`], or says what is missing (pure); [`run`](fn@run)
//! carries it out; [`classify`](classify::classify) judges the answer (pure). A test sees one credential and
//! never the document; it saves nothing and writes nothing at the remote side. All text of a [`Report`] went
//! through [`redact`](crate::redact).

mod certificate;
pub mod classify;
mod plan;
pub mod pool;
mod rules;
mod run;
mod template;
mod way;

use std::time::Duration;

use jiff::Timestamp;

use crate::model::{Outcome, TestRecord};

pub use plan::{Plan, Unplannable, plan};
pub use rules::{Check, Rule, Rules, Test, TestError};
pub use run::run;

/// What a test found, with its evidence.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// The verdict.
    pub outcome: Outcome,
    /// The HTTP status code, where there was an answer.
    pub status_code: Option<u16>,
    /// From start to verdict, in milliseconds; waiting for a free slot is not part of it.
    pub latency_ms: u64,
    /// One sentence: what was seen.
    pub message: String,
    /// One sentence: what to do next; empty where there is nothing to do.
    pub advice: String,
    /// What was done, in order.
    pub steps: Vec<Step>,
    /// When it ended.
    pub at: Timestamp,
}

/// One step of a test: resolve, connect, TLS, request, match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The word for it.
    pub name: &'static str,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What was seen.
    pub detail: String,
    /// Whether it went well.
    pub ok: bool,
}

impl Report {
    /// A report of a test for which nothing was sent.
    pub fn unsent(
        outcome: Outcome,
        message: impl Into<String>,
        advice: impl Into<String>,
        at: Timestamp,
    ) -> Self {
        Self {
            outcome,
            status_code: None,
            latency_ms: 0,
            message: message.into(),
            advice: advice.into(),
            steps: Vec::new(),
            at,
        }
    }

    /// The line of a credential's history that keeps it.
    pub fn record(&self, version: u32) -> TestRecord {
        TestRecord {
            at: self.at,
            version,
            outcome: self.outcome,
            status_code: self.status_code,
            latency_ms: self.latency_ms,
            message: self.message.clone(),
        }
    }
}

/// How long a test may take in all, when nobody says otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(15);
