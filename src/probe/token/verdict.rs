//! What comes of asking for a token, in words.

use jiff::Timestamp;

use super::super::classify::{Verdict, classify};
use super::super::plan::Unplannable;
use super::super::rules::Rules;
use super::super::run::{self, MESSAGE, Means};
use super::super::{Report, Step};
use crate::http::Exchange;
use crate::model::{Learnt, Outcome};
use crate::oauth::{Ask, Refusal};
use crate::redact::Redactor;

/// Scopes that say how a person logs in, or ask for all that was agreed: servers do not name them as granted.
const UNNAMED: [&str; 6] = ["openid", "profile", "email", "address", "phone", "offline_access"];

pub(super) fn sorted(mut scopes: Vec<String>) -> Vec<String> {
    scopes.sort();
    scopes.dedup();
    scopes
}

/// What was learnt, as it may be kept.
pub(super) fn shown(redactor: &Redactor, mut facts: Learnt) -> Learnt {
    for scope in facts.scopes.iter_mut().flatten() {
        *scope = redactor.show(scope, MESSAGE);
    }
    facts
}

pub(super) fn told(redactor: &Redactor, name: &'static str, exchange: &Exchange) -> Vec<Step> {
    let mut steps = run::steps(redactor, exchange, name);
    if let (Ok(answer), Some(last)) = (&exchange.result, steps.last_mut()) {
        let verb = if name == "discover" { "GET the issuer's metadata" } else { "POST to the token address" };
        last.detail = format!("{verb} {}", answer.status);
    }
    steps
}

/// The scopes that were asked for and not granted. A server that names none granted what was asked (RFC 6749,
/// 5.1).
pub(super) fn missing(ask: &Ask, granted: Option<&[String]>) -> Vec<String> {
    let Some(granted) = granted else { return Vec::new() };
    let named = |scope: &&String| !UNNAMED.contains(&scope.as_str()) && !scope.ends_with("/.default");
    ask.scopes.iter().filter(named).filter(|scope| !granted.contains(scope)).cloned().collect()
}

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

/// The report of a request for a token that gave none.
pub(super) fn refused(
    redactor: &Redactor,
    refusal: &Refusal,
    steps: Vec<Step>,
    means: &Means<'_>,
    now: Timestamp,
) -> Report {
    let (status, outcome, words, advice) = match refusal {
        Refusal::Failure(failure) => return run::unanswered(redactor, failure, steps, means.timeout),
        Refusal::Key(error) => return Unplannable::Sign(error.clone()).report(now),
        Refusal::Answer(answer) => {
            let verdict = classify(answer, &Rules::default(), false);
            let (verdict, advice) = match verdict.outcome {
                Outcome::Ok => {
                    let message =
                        format!("{} but the answer is not an authorization server's", answer.status);
                    (Verdict { outcome: Outcome::Unexpected, message }, "Check the token URL and the issuer.")
                }
                Outcome::WrongEndpoint => (verdict, "Check the token URL and the issuer."),
                outcome => (verdict, run::advice(outcome, answer.status)),
            };
            return run::answered(redactor, &verdict, answer.status, advice, steps);
        }
        Refusal::Unusable { status, reason } => {
            (*status, Outcome::Unexpected, format!("but {reason}"), "Check the token URL and the issuer.")
        }
        Refusal::Error { status, code, description } => {
            let (outcome, words, advice) = error(*status, code, description);
            let said = if description.is_empty() { code.clone() } else { format!("{code}: {description}") };
            (*status, outcome, format!("{words}: {said}"), advice)
        }
    };
    let verdict = Verdict { outcome, message: format!("{status} {words}") };
    run::answered(redactor, &verdict, status, advice, steps)
}

/// What an error of an authorization server means (RFC 6749, 5.2; RFC 8707).
fn error(status: u16, code: &str, description: &str) -> (Outcome, &'static str, &'static str) {
    match code {
        "invalid_client" if description.to_ascii_lowercase().contains("expired") => (
            Outcome::Expired,
            "the client's secret has expired",
            "Make a new client secret at the server, enter it and test again.",
        ),
        "invalid_client" => (
            Outcome::Rejected,
            "the server refused the client",
            "Compare client ID, secret and the way the client proves itself with what the server has.",
        ),
        "invalid_grant" => (
            Outcome::Rejected,
            "the server refused the grant",
            "Compare key, subject and audience with what the server has, and this machine's clock.",
        ),
        "invalid_scope" => (
            Outcome::Limited,
            "genuine, but not allowed these scopes",
            "Allow the client these scopes at the server, or ask for fewer.",
        ),
        "unauthorized_client" | "access_denied" => (
            Outcome::Limited,
            "genuine, but not allowed this grant",
            "Allow the client this grant at the server.",
        ),
        "temporarily_unavailable" | "server_error" => {
            (Outcome::Unreachable, "server error", run::advice(Outcome::Unreachable, status))
        }
        "slow_down" => (Outcome::RateLimited, "too many requests", run::advice(Outcome::RateLimited, status)),
        _ => match status {
            429 => (Outcome::RateLimited, "too many requests", run::advice(Outcome::RateLimited, status)),
            500.. => (Outcome::Unreachable, "server error", run::advice(Outcome::Unreachable, status)),
            401 => (
                Outcome::Rejected,
                "the server refused the client",
                "Compare client ID, secret and the way the client proves itself with what the server has.",
            ),
            _ => (
                Outcome::Unexpected,
                "the server does not understand the request",
                "Compare grant, scopes, audience and extra parameters with what the server documents.",
            ),
        },
    }
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
