//! What came of asking an authorization server, in words: for a test, a login, a refresh and a revocation.

use std::time::Duration;

use jiff::Timestamp;

use super::super::classify::{Verdict, classify};
use super::super::plan::Unplannable;
use super::super::rules::Rules;
use super::super::run::{self, MESSAGE};
use super::super::{Report, Step};
use crate::http::Exchange;
use crate::model::{Learnt, Outcome};
use crate::oauth::{self, Purpose, Refusal};
use crate::redact::Redactor;
use crate::secret::Secret;

const COMPARE_CLIENT: &str =
    "Compare client ID, secret and the way the client proves itself with what the server has.";
const CHECK_ADDRESSES: &str = "Check the token URL and the issuer.";
const FEWER_SCOPES: &str = "Allow the client these scopes at the server, or ask for fewer.";
const AGAIN: &str = "Log in again.";

/// What came of asking for a token: of a login, a refresh or a test. `secrets` are those of the credential, and
/// `timeout` is what it had, to be told. No secret stands in the report.
pub fn token_report(
    outcome: &oauth::Outcome,
    secrets: &[Secret],
    timeout: Duration,
    now: Timestamp,
) -> Report {
    of(outcome, &Redactor::new(secrets.iter().chain(&outcome.secrets)), timeout, now)
}

/// What came of giving a token back.
pub fn revoke_report(
    outcome: &oauth::Outcome<()>,
    secrets: &[Secret],
    timeout: Duration,
    now: Timestamp,
) -> Report {
    let redactor = Redactor::new(secrets.iter().chain(&outcome.secrets));
    of_nothing(outcome, &redactor, timeout, now, "the token was given back")
}

/// What came of asking for something that is not given, but done: `done` says so.
pub(super) fn of_nothing(
    outcome: &oauth::Outcome<()>,
    redactor: &Redactor,
    timeout: Duration,
    now: Timestamp,
    done: &str,
) -> Report {
    let steps = steps(&outcome.exchanges, redactor);
    match &outcome.result {
        Ok(()) => good(redactor, Outcome::Ok, done, "", steps, &outcome.exchanges),
        Err(refusal) => refused(redactor, refusal, outcome.purpose, steps, timeout, now),
    }
}

/// The same, by who knows every secret already.
pub(super) fn of(outcome: &oauth::Outcome, redactor: &Redactor, timeout: Duration, now: Timestamp) -> Report {
    let steps = steps(&outcome.exchanges, redactor);
    let token = match &outcome.result {
        Ok(token) => token,
        Err(refusal) => return refused(redactor, refusal, outcome.purpose, steps, timeout, now),
    };
    let life = token.expires_in.map(|seconds| format!(", good for {seconds} s")).unwrap_or_default();
    let (verdict, advice) = match token.missing.is_empty() {
        true => (Outcome::Ok, ""),
        false => (Outcome::Limited, FEWER_SCOPES),
    };
    let message = format!("a token was granted{life}{}", lacks(token).unwrap_or_default());
    let scopes = token.scopes.clone().map(|mut scopes| {
        scopes.sort();
        scopes.dedup();
        scopes.iter().map(|scope| redactor.show(scope, MESSAGE)).collect()
    });
    let facts = Learnt { scopes, ..Learnt::default() };
    Report { facts, ..good(redactor, verdict, &message, advice, steps, &outcome.exchanges) }
}

/// The report of an answer that gives what was asked for.
fn good(
    redactor: &Redactor,
    outcome: Outcome,
    message: &str,
    advice: &str,
    steps: Vec<Step>,
    exchanges: &[(&'static str, Exchange)],
) -> Report {
    let answer = exchanges.last().and_then(|(_, exchange)| exchange.result.as_ref().ok());
    let status = answer.map_or(200, |answer| answer.status);
    let verdict = Verdict { outcome, message: format!("{status} {message}") };
    run::answered(redactor, &verdict, status, advice, steps)
}

/// The scopes that a token came without, in words.
pub(super) fn lacks(token: &oauth::Token) -> Option<String> {
    (!token.missing.is_empty()).then(|| format!(", without the scopes {}", token.missing.join(", ")))
}

/// What was sent, step by step.
pub(super) fn steps(exchanges: &[(&'static str, Exchange)], redactor: &Redactor) -> Vec<Step> {
    let mut all = Vec::new();
    for (name, exchange) in exchanges {
        let mut steps = run::steps(redactor, exchange, name);
        if let (Ok(answer), Some(last)) = (&exchange.result, steps.last_mut()) {
            let what = match *name {
                "discover" => "GET the issuer's metadata",
                "device" => "POST to the device address",
                "revoke" => "POST to the revocation address",
                _ => "POST to the token address",
            };
            last.detail = format!("{what} {}", answer.status);
        }
        all.append(&mut steps);
    }
    all
}

/// The report of asking for something that was not given.
fn refused(
    redactor: &Redactor,
    refusal: &Refusal,
    purpose: Purpose,
    steps: Vec<Step>,
    timeout: Duration,
    now: Timestamp,
) -> Report {
    let (status, outcome, words, advice) = match refusal {
        Refusal::Failure(failure) => return run::unanswered(redactor, failure, steps, timeout),
        Refusal::Key(error) => return Unplannable::Sign(error.clone()).report(now),
        Refusal::Answer(answer) => {
            let verdict = classify(answer, &Rules::default(), false);
            let (verdict, advice) = match verdict.outcome {
                Outcome::Ok => {
                    let message =
                        format!("{} but the answer is not an authorization server's", answer.status);
                    (Verdict { outcome: Outcome::Unexpected, message }, CHECK_ADDRESSES)
                }
                Outcome::WrongEndpoint => (verdict, CHECK_ADDRESSES),
                outcome => (verdict, run::advice(outcome, answer.status)),
            };
            return run::answered(redactor, &verdict, answer.status, advice, steps);
        }
        Refusal::Unusable { status, reason } => {
            (Some(*status), Outcome::Unexpected, format!("but {reason}"), CHECK_ADDRESSES)
        }
        Refusal::Error { status, code, description } => {
            let (outcome, words, advice) = error(*status, code, description, purpose);
            (Some(*status), outcome, format!("{words}: {}", said(code, description)), advice)
        }
        Refusal::Denied { code, description } => {
            let (outcome, words, advice) = match code.as_str() {
                "access_denied" => (
                    Outcome::Rejected,
                    "the login was not allowed",
                    "Log in again and agree, or ask who runs the server.",
                ),
                code => error(400, code, description, purpose),
            };
            (None, outcome, format!("{words}: {}", said(code, description)), advice)
        }
        Refusal::NoAddress(what) => {
            let words =
                format!("there is no {what} address: neither is one entered nor does the issuer publish one");
            (None, Outcome::Incomplete, words, "Enter the address, if the server has one.")
        }
        Refusal::Redirect(reason) => {
            let words = format!("what the browser came back with was refused: {reason}");
            (None, Outcome::Unexpected, words, "Log in again, and use only the page that this login shows.")
        }
        Refusal::TooLate => (None, Outcome::Incomplete, "nobody agreed in time".to_owned(), AGAIN),
        Refusal::NoWayBack(deaf) => {
            let advice = "Log in again where the address that the browser ends at can be pasted.";
            (None, Outcome::Incomplete, format!("the browser cannot come back: {deaf}"), advice)
        }
    };
    match status {
        Some(status) => {
            let verdict = Verdict { outcome, message: format!("{status} {words}") };
            run::answered(redactor, &verdict, status, advice, steps)
        }
        None => Report { steps, ..Report::unsent(outcome, redactor.show(&words, MESSAGE), advice, now) },
    }
}

fn said(code: &str, description: &str) -> String {
    if description.is_empty() { code.to_owned() } else { format!("{code}: {description}") }
}

/// What an error of an authorization server means (RFC 6749, 5.2; RFC 8707; RFC 8628, 3.5).
fn error(
    status: u16,
    code: &str,
    description: &str,
    purpose: Purpose,
) -> (Outcome, &'static str, &'static str) {
    match (code, purpose) {
        ("invalid_client", _) if description.to_ascii_lowercase().contains("expired") => (
            Outcome::Expired,
            "the client's secret has expired",
            "Make a new client secret at the server, enter it and test again.",
        ),
        // The second is GitHub's word.
        ("invalid_client" | "incorrect_client_credentials", _) => {
            (Outcome::Rejected, "the server refused the client", COMPARE_CLIENT)
        }
        ("invalid_grant", Purpose::Refresh) => {
            (Outcome::Expired, "the refresh token is over, or was used or given back", AGAIN)
        }
        ("invalid_grant", Purpose::Login) => {
            (Outcome::Rejected, "the server refused what the login brought", AGAIN)
        }
        ("invalid_grant", _) => (
            Outcome::Rejected,
            "the server refused the grant",
            "Compare key, subject and audience with what the server has, and this machine's clock.",
        ),
        ("invalid_scope", _) => (Outcome::Limited, "genuine, but not allowed these scopes", FEWER_SCOPES),
        ("access_denied", Purpose::Login) => (
            Outcome::Rejected,
            "the login was not allowed",
            "Log in again and agree, or ask who runs the server.",
        ),
        ("expired_token", _) => (Outcome::Incomplete, "nobody agreed in time", AGAIN),
        ("unauthorized_client" | "access_denied", _) => (
            Outcome::Limited,
            "genuine, but not allowed this grant",
            "Allow the client this grant at the server.",
        ),
        ("temporarily_unavailable" | "server_error", _) => {
            (Outcome::Unreachable, "server error", run::advice(Outcome::Unreachable, status))
        }
        ("slow_down", _) => {
            (Outcome::RateLimited, "too many requests", run::advice(Outcome::RateLimited, status))
        }
        _ => match status {
            429 => (Outcome::RateLimited, "too many requests", run::advice(Outcome::RateLimited, status)),
            500.. => (Outcome::Unreachable, "server error", run::advice(Outcome::Unreachable, status)),
            401 => (Outcome::Rejected, "the server refused the client", COMPARE_CLIENT),
            _ => (
                Outcome::Unexpected,
                "the server does not understand the request",
                "Compare grant, scopes, audience and extra parameters with what the server documents.",
            ),
        },
    }
}
