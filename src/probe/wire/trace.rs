//! What was done and how long it took.

use std::time::{Duration, Instant};

use super::verdict::Verdict;

/// A step that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Done {
    /// `resolve`, `connect`, `TLS`, `login` or `ask`.
    pub(super) name: &'static str,
    /// How long it took.
    pub(super) took: Duration,
    /// What was seen.
    pub(super) detail: String,
    /// Whether it went well.
    pub(super) ok: bool,
}

/// The steps of one login.
#[derive(Debug)]
pub(super) struct Trace {
    done: Vec<Done>,
    since: Instant,
}

impl Trace {
    pub(super) fn start() -> Self {
        Self { done: Vec::new(), since: Instant::now() }
    }

    /// Ends the step that is going on, well, and begins the next.
    pub(super) fn begin(&mut self, name: &'static str, detail: impl Into<String>) {
        self.lap();
        self.done.push(Done { name, took: Duration::ZERO, detail: detail.into(), ok: true });
    }

    /// Adds to what was seen in the step that is going on.
    pub(super) fn note(&mut self, words: &str) {
        let Some(step) = self.done.last_mut() else { return };
        if !step.detail.is_empty() && !words.is_empty() {
            step.detail.push(' ');
        }
        step.detail.push_str(words);
    }

    fn lap(&mut self) {
        let now = Instant::now();
        if let Some(step) = self.done.last_mut() {
            step.took = now.saturating_duration_since(self.since);
        }
        self.since = now;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.done.is_empty()
    }

    /// The step that is going on.
    pub(super) fn step(&self) -> &'static str {
        self.done.last().map_or("connect", |step| step.name)
    }

    /// All steps, the last one ended by the verdict.
    pub(super) fn end(&mut self, verdict: &Verdict) -> Vec<Done> {
        self.lap();
        let mut done = self.done.clone();
        if let Some(last) = done.last_mut() {
            last.ok = verdict.is_good();
        }
        done
    }
}
