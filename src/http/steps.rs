//! The steps of an exchange, as they go: how far it came is told also where it was stopped.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::Timed;

/// What was done so far, and what is going on.
#[derive(Debug, Default)]
pub(super) struct Steps(Mutex<Log>);

#[derive(Debug, Default)]
struct Log {
    ended: Vec<Timed>,
    current: Option<(Timed, Instant)>,
}

impl Steps {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the step that goes on and begins another.
    pub(super) fn begin(&self, name: &'static str, detail: impl Into<String>) {
        let now = Instant::now();
        let mut log = self.log();
        log.close(now);
        log.current = Some((Timed { name, took: std::time::Duration::ZERO, detail: detail.into() }, now));
    }

    /// Adds what was seen to the step that goes on.
    pub(super) fn note(&self, more: &str) {
        if let Some((step, _)) = &mut self.log().current {
            let gap = if step.detail.is_empty() { "" } else { " " };
            step.detail.extend([gap, more]);
        }
    }

    /// The name of the step that goes on.
    pub(super) fn phase(&self) -> &'static str {
        self.log().current.as_ref().map_or("connect", |(step, _)| step.name)
    }

    /// All of them; the one that went on ends now.
    pub(super) fn take(&self) -> Vec<Timed> {
        let mut log = self.log();
        log.close(Instant::now());
        std::mem::take(&mut log.ended)
    }
}

impl Log {
    fn close(&mut self, now: Instant) {
        if let Some((mut step, began)) = self.current.take() {
            step.took = now.saturating_duration_since(began);
            self.ended.push(step);
        }
    }
}
