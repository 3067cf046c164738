//! Does this credential work? One safe request, and a verdict with its evidence.
//!
//! [`plan`](fn@plan) turns a credential's content into a [`Plan`], or says what is missing (pure); [`run`](fn@run)
//! carries it out; [`classify`](classify::classify) judges the answer (pure). A test sees one credential and
//! never the document; it saves nothing and writes nothing at the remote side. All text of a [`Report`] went
//! through [`redact`](crate::redact).

mod ask;
mod certificate;
pub mod classify;
mod kind;
mod made;
mod plan;
pub mod pool;
mod rules;
mod run;
mod service;
mod template;
mod token;
mod way;
mod wire;

use std::borrow::Cow;

use jiff::Timestamp;

use crate::model::{Content, Credential, Learnt, Outcome, TestRecord};
use crate::schema::Kinds;

pub use ask::{Asked, NoAnswer, Prepared, Wish, prepare};
pub use made::{Maker, Unmade};
pub use plan::{Plan, Surroundings, Unplannable, plan, plan_in};
pub use rules::{Check, JsonType, Rule, Rules, Test, TestError};
pub use run::run;
pub use service::base_url;
pub use token::{TokenSource, awaits_login, proves_itself, revoke_report, token_report, token_source};

/// Makes the plan of a credential of a vault, as [`plan_in`] does: one of a kind that is not known cannot be tested.
///
/// # Errors
/// Why nothing can be sent.
pub fn plan_of(kinds: &Kinds, content: &Content, around: &Surroundings) -> Result<Plan, Unplannable> {
    match kinds.of_content(content) {
        Some(kind) => plan_in(&kind, content, around),
        None => Err(Unplannable::NotTestable("its kind is not known".into())),
    }
}

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
    /// What a good answer told about the credential.
    pub facts: Learnt,
    /// When it ended.
    pub at: Timestamp,
}

/// One step of a test: resolve, connect, TLS, request, match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The word for it; of a call before or after the test, with that call's word before it.
    pub name: Cow<'static, str>,
    /// How long it took, in milliseconds.
    pub ms: u64,
    /// What was seen.
    pub detail: String,
    /// Whether it went well.
    pub ok: bool,
}

impl Report {
    /// The report of a test that ended with a bug of ours.
    pub fn broken(at: Timestamp) -> Self {
        let advice = "This is a bug in credbench: please report it.";
        Self::unsent(Outcome::Unexpected, "the test itself failed", advice, at)
    }

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
            facts: Learnt::default(),
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
            facts: self.facts.clone(),
        }
    }

    /// Points out what the credential may do now and could not do at its last good test.
    pub fn compare(&mut self, credential: &Credential) {
        let Some(earlier) = credential.tests.iter().rev().find(|record| !record.facts.is_empty()) else {
            return;
        };
        let more = self.facts.more_than(&earlier.facts);
        if !more.is_empty() {
            let words = format!("It may do more than at its last test: {}.", more.join(", "));
            self.advice = [self.advice.as_str(), &words].join(" ").trim_start().to_owned();
        }
    }
}
