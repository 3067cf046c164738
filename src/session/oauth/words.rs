//! What goes wrong with tokens, as people and scripts meet it.

use jiff::Timestamp;

use super::Held;
use super::notes::Failure;
use crate::model::{Content, Tokens};
use crate::probe::{Report, Unplannable};
use crate::problem::{Exit, Problem};

pub(super) fn at(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Somebody stopped it.
pub(super) fn cancelled() -> Problem {
    Problem::new(Exit::Failed, "cancelled", "cancelled; nothing was changed")
}

/// A credential of another kind.
pub(super) fn holds_no_tokens(content: &Content) -> Problem {
    let message = format!("{} is no OAuth credential: it holds no tokens", content.key());
    Problem::new(Exit::Usage, "no_oauth", message)
        .hint(format!("`credbench show {}` shows what it is", content.key()))
}

/// The server cannot be asked.
pub(super) fn unaskable(key: &str, reason: &Unplannable) -> Problem {
    let report = reason.report(Timestamp::UNIX_EPOCH);
    Problem::new(Exit::Failed, "oauth_incomplete", format!("{key}: {}", report.message))
        .hint("complete it in the workbench, or with `credbench put`")
}

/// A person has to log in.
pub(super) fn login(held: &Held, now: Timestamp) -> Problem {
    let (key, tokens) = (held.key(), held.credential.content.tokens());
    let refused = held.credential.issued().and_then(|issued| issued.refused_at);
    let (exit, message) = match (refused, tokens.access()) {
        (Some(refused), _) => {
            (Exit::Failed, format!("{key}: the server refused its refresh token at {}", at(refused)))
        }
        (None, None) => (Exit::NotFound, format!("{key} has no access token yet: nobody logged in")),
        (None, Some(_)) => match held.life(now).access_ends {
            Some(ends) if ends <= now => {
                let why =
                    if tokens.refresh().is_some() { "the refresh token is over too" } else { NO_REFRESH };
                (Exit::Failed, format!("{key}: the access token ended at {}, and {why}", at(ends)))
            }
            _ => (Exit::Failed, format!("{key}: {NO_REFRESH}")),
        },
    };
    Problem::new(exit, "login_needed", message).hint(log_in(key))
}

const NO_REFRESH: &str = "there is no refresh token to get another with";

/// What to do where a person has to log in.
pub(super) fn log_in(key: &str) -> String {
    format!("log in again: `credbench login {key}`")
}

/// The server gave nothing.
pub(super) fn refused(key: &str, report: &Report) -> Problem {
    let message = format!("{key}: {}", report.message);
    let problem = Problem::new(Exit::Failed, "no_token", message);
    if report.advice.is_empty() { problem } else { problem.hint(report.advice.clone()) }
}

/// The server refused a refresh token for good; `before`: it was sent earlier, and what came then was lost.
pub(super) fn grant_lost(key: &str, report: &Report, before: Option<Timestamp>) -> Problem {
    let message = match before {
        Some(before) => format!(
            "{key}: {}: an earlier refresh, at {}, was interrupted after it had sent this refresh token, and what \
             the server gave for it was lost",
            report.message,
            at(before)
        ),
        None => format!("{key}: {}", report.message),
    };
    Problem::new(Exit::Failed, "login_needed", message).hint(log_in(key))
}

/// Nobody asks again for a while.
pub(super) fn cooling(key: &str, failure: &Failure) -> Problem {
    let message = format!(
        "{key}: the last refresh, at {}, failed: {}; the next use asks again from {} on",
        at(failure.at),
        failure.message,
        at(failure.until)
    );
    Problem::new(Exit::Failed, "cooling_down", message)
        .hint(format!("`credbench refresh {key}` asks at once"))
}

/// What came could not be stored.
pub(super) fn not_saved(key: &str, problem: Problem, spent: bool) -> Problem {
    let lost = match spent {
        true => "; the refresh token that is stored may be spent now",
        false => "",
    };
    let message =
        format!("{key}: the server gave tokens, but they could not be saved: {}{lost}", problem.message);
    Problem { message, ..problem }
}

/// Other tokens, or another client, came in between.
pub(super) fn changed_meanwhile(key: &str) -> Problem {
    let message = format!("{key} was changed while the login went on: what the server gave was dropped");
    Problem::new(Exit::Refused, "conflict", message).hint("log in once more, with what is stored now")
}

/// There is nothing to give back.
pub(super) fn nothing_to_revoke(held: &Held) -> Problem {
    Problem::new(Exit::NotFound, "no_tokens", format!("{} holds no tokens", held.key()))
        .hint(format!("`credbench login {}` gets some", held.key()))
}

/// The server takes nothing back.
pub(super) fn cannot_revoke(key: &str, report: &Report) -> Problem {
    Problem::new(Exit::Failed, "no_revocation", format!("{key}: {}", report.message)).hint(format!(
        "end the access at the service's own page, then `credbench revoke {key} --local` drops the tokens here; \
         `revocation_url` names an address that takes them back"
    ))
}

/// What a use of a token that is near its end should hear.
pub(super) fn still_good(problem: &Problem) -> String {
    format!("{}; the present access token is still good", problem.message)
}

/// The scopes of tokens, as one text.
pub(super) fn scope(tokens: &Tokens) -> Option<String> {
    tokens.secrets.get("scope").map(|scope| scope.expose().to_owned())
}
