//! The test of a client that nobody has logged in with yet. It cannot be `ok`: there is no token that could be tried.
//! What it can find out is whether the server refuses the client itself.

use jiff::Timestamp;

use super::super::Report;
use super::super::run::{MESSAGE, Means};
use super::report;
use crate::model::Outcome;
use crate::oauth::{self, Ask, Refusal};
use crate::redact::Redactor;

/// A client that waits for its login.
#[derive(Debug)]
pub(in crate::probe) struct Client {
    pub(in crate::probe) ask: Ask,
    /// That the login is missing, and how one logs in.
    pub(super) message: String,
    pub(super) advice: String,
}

impl Client {
    /// Shows the server a made-up code.
    pub(in crate::probe) async fn run(
        &self,
        redactor: &Redactor,
        means: &Means<'_>,
        now: Timestamp,
    ) -> Report {
        let own = oauth::Means {
            trust: means.trust,
            deadline: means.deadline,
            cancel: means.cancel,
            clock: &move || now,
        };
        let outcome = self.ask.recognized(&own).await;
        let mut redactor = redactor.clone();
        outcome.secrets.iter().for_each(|secret| redactor.learn(secret));
        let found = report::of_nothing(&outcome, &redactor, means.timeout, now, "");
        let said = match (&outcome.result, found.outcome) {
            (Ok(()), _) => {
                "the server has no objection to the client: it refused only a made-up code".to_owned()
            }
            // What is wrong with the client, or on the way to the server, comes before the login.
            (Err(Refusal::Error { .. }), Outcome::Rejected | Outcome::Expired | Outcome::Limited) => {
                return found;
            }
            (
                Err(_),
                Outcome::RateLimited | Outcome::Unreachable | Outcome::WrongEndpoint | Outcome::Cancelled,
            ) => return found,
            (Err(_), _) => {
                format!("whether the server knows the client could not be told ({})", found.message)
            }
        };
        let message = redactor.show(&format!("{}; {said}", self.message), MESSAGE);
        let mut steps = found.steps;
        if let Some(last) = steps.last_mut().filter(|step| step.name == "match") {
            last.ok = false;
            last.detail.clone_from(&message);
        }
        Report { outcome: Outcome::Incomplete, message, advice: self.advice.clone(), steps, ..found }
    }
}
