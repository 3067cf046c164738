//! What the end of a token means.

use jiff::Timestamp;

use super::super::Report;
use crate::model::Outcome;

/// The report of a stored token that is over and cannot be replaced without a person.
pub(super) fn over(ended: Timestamp, renewable: bool, now: Timestamp) -> Report {
    let ended = ended.strftime("%Y-%m-%d %H:%M UTC");
    let advice = match renewable {
        true => "Refresh it or log in again: a test never spends the refresh token.",
        false => "Log in again.",
    };
    Report::unsent(
        Outcome::Expired,
        format!("the access token ended at {ended}; nothing was sent"),
        advice,
        now,
    )
}

/// Weighs what a token says of its own end against what the service says: the service knows better, for its
/// clock counts.
pub(in crate::probe) fn mind_end(report: &mut Report, ends: Timestamp, now: Timestamp) {
    if ends > now {
        let genuine = matches!(report.outcome, Outcome::Ok | Outcome::Limited);
        if genuine && report.facts.expires_at.is_none() {
            report.facts.expires_at = Some(ends);
        }
        return;
    }
    let ended = ends.strftime("%Y-%m-%d %H:%M UTC");
    match report.outcome {
        Outcome::Rejected => {
            report.outcome = Outcome::Expired;
            report.message = format!("{}; the token says that it ended at {ended}", report.message);
            report.advice = "Get a new one at the service, enter it and test again.".to_owned();
        }
        Outcome::Ok => {
            report.message = format!("{}, although the token says that it ended at {ended}", report.message);
            report.advice = "Check this machine's clock, and renew the token soon.".to_owned();
        }
        _ => return,
    }
    if let Some(last) = report.steps.last_mut().filter(|step| step.name == "match") {
        last.detail.clone_from(&report.message);
    }
}
