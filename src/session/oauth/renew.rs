//! An access token that is good: the stored one, or the next.

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::life::{Need, need};
use super::notes::{Notes, Turn};
use super::{Given, Held, Keeper, Origin, Stage, Ways, has_tokens, stored, words};
use crate::audit::What;
use crate::http::Exchange;
use crate::model::{Id, Issued, Renewal, TokenDigest, Tokens};
use crate::oauth::{Means, Outcome, Refusal, Token};
use crate::probe::{self, TokenSource};
use crate::problem::{Exit, Problem};
use crate::secret::Secret;

/// How long the answer to a refresh token that is being spent is waited for after somebody cancelled: it would be
/// lost.
const GRACE: Duration = Duration::from_secs(3);

/// Why an access token is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why<'a> {
    /// It is to be used: another one is got where it is over or nearly so.
    Use,
    /// Somebody wants another one, whatever there is, and whatever failed before.
    Asked,
    /// A service refused the one of these tokens: another one is got, unless another program has done so already.
    Refused(&'a TokenDigest),
}

/// An access token that is good: the stored one, else the next, which is stored before it is handed out.
///
/// # Errors
/// `login_needed` (exit 1, or 4 where nobody logged in yet); `cooling_down` where the last exchange failed a moment
/// ago; `no_token` with what the server said; as [`Keeper::read`] and [`Keeper::keep`].
pub async fn renew<K: Keeper>(keeper: &K, id: &Id, why: Why<'_>, ways: &Ways<'_>) -> Result<Given, Problem> {
    let result = renewed(keeper, id, why, ways).await;
    // Where the stored token is good all the same, the exchange still gave none.
    keeper.ends(id, result.as_ref().map_or_else(|problem| problem.code, |_| "no_token")).await;
    result
}

async fn renewed<K: Keeper>(keeper: &K, id: &Id, why: Why<'_>, ways: &Ways<'_>) -> Result<Given, Problem> {
    let start = (ways.clock)();
    let seen = keeper.read(id).await?;
    if let Some(given) = without_asking(&seen, why, start, ways)? {
        return Ok(given);
    }
    if why != Why::Asked
        && let Some(failure) = Notes::read(keeper.folder(), id).cooling(&seen.credential, start)
    {
        return fallen_back(&seen, why, start, words::cooling(seen.key(), failure));
    }
    let turn = ways.turn(keeper, id).await?;
    let held = keeper.read(id).await?;
    let now = (ways.clock)();
    // Somebody else stored other tokens since: an exchange was made, and that is enough.
    if held.digest() != seen.digest()
        && let Some(given) = held.given(now, Origin::Another)
    {
        return Ok(given);
    }
    if let Some(given) = without_asking(&held, why, now, ways)? {
        return Ok(given);
    }
    // Whoever waited while it failed hears of that failure and does not make another.
    let cooling = turn.notes().cooling(&held.credential, now);
    if let Some(failure) = cooling.filter(|failure| why != Why::Asked || failure.at >= start) {
        return fallen_back(&held, why, now, words::cooling(held.key(), failure));
    }
    asked(keeper, turn, held, why, ways).await
}

/// The stored token where it is good; `None` where the server has to be asked.
fn without_asking(
    held: &Held,
    why: Why<'_>,
    now: Timestamp,
    ways: &Ways<'_>,
) -> Result<Option<Given>, Problem> {
    if !has_tokens(&held.credential.content) {
        return Err(words::holds_no_tokens(&held.credential.content));
    }
    let life = held.life(now);
    let need = match why {
        Why::Use => need(&held.credential, life, now, ways.margin),
        Why::Refused(tokens) if held.digest().as_ref() != Some(tokens) => {
            need(&held.credential, life, now, ways.margin)
        }
        Why::Refused(_) if life.renewal == Renewal::Login => Need::Login,
        // By hand also one that was refused before: the server may know it again.
        Why::Asked
            if life.renewal == Renewal::Login && held.credential.content.tokens().refresh().is_none() =>
        {
            Need::Login
        }
        Why::Asked | Why::Refused(_) => Need::Renewal,
    };
    match need {
        Need::Login => Err(words::login(held, now)),
        Need::Renewal => Ok(None),
        Need::Nothing => Ok(held.given(now, Origin::Stored)),
    }
}

/// The stored token where it is to be used and good all the same, else the problem.
fn fallen_back(held: &Held, why: Why<'_>, now: Timestamp, problem: Problem) -> Result<Given, Problem> {
    match held.given(now, Origin::Stored) {
        Some(given) if why == Why::Use && given.ends.is_some_and(|ends| ends > now) => {
            Ok(Given { warnings: vec![words::still_good(&problem)], ..given })
        }
        _ => Err(problem),
    }
}

/// Asks the server, in this program's turn, and stores what comes.
async fn asked<K: Keeper>(
    keeper: &K,
    mut turn: Turn,
    held: Held,
    why: Why<'_>,
    ways: &Ways<'_>,
) -> Result<Given, Problem> {
    let source = held.source()?;
    let before = held.credential.content.tokens();
    let refresh = before.refresh().filter(|_| held.needs_person()).cloned();
    let sent_before = refresh.as_ref().and_then(|refresh| turn.notes().sent_before(refresh));
    let mut warnings = Vec::new();
    if !turn.is_alone() {
        warnings.push("this file system does not lock: two programs may have asked at once".to_owned());
    }
    let asked_at = (ways.clock)();
    keeper.begins(What::Refreshed, &held.credential.id).await?;
    if let Some(refresh) = &refresh
        && let Err(problem) = turn.spends(refresh, asked_at)
    {
        return fallen_back(&held, why, asked_at, problem);
    }
    ways.asks(&source);
    let outcome = exchange(&source, refresh.as_ref(), ways).await;
    let now = (ways.clock)();
    let mut report = probe::token_report(&outcome, &source.secrets, ways.timeout, now);
    ways.took(&mut report);
    let token = match outcome.result {
        Ok(token) => token,
        Err(refusal) => {
            let problem = match &refusal {
                Refusal::Error { code, .. } if code == "invalid_grant" && refresh.is_some() => {
                    turn.sent_nothing();
                    note_refusal(keeper, &held, now).await;
                    words::grant_lost(held.key(), &report, sent_before)
                }
                _ => words::refused(held.key(), &report),
            };
            if problem.code != "login_needed" {
                let spent = refresh.is_some() && may_be_spent(&refusal, &outcome.exchanges);
                if ways.cancel.is_cancelled() {
                    // Nobody failed. What was sent stays noted.
                    if !spent {
                        turn.sent_nothing();
                    }
                    return Err(words::cancelled());
                }
                turn.failed(&held.credential, now, &report.message, spent);
            }
            return fallen_back(&held, why, now, problem);
        }
    };
    let (tokens, issued) = next(&held, &token, asked_at);
    let mut given = store(keeper, &held, tokens, issued, refresh.is_some(), ways).await?;
    turn.done();
    given.warnings.splice(0..0, warnings);
    Ok(given)
}

/// One exchange. That of a refresh token is not dropped at once when somebody cancels.
async fn exchange(source: &TokenSource, refresh: Option<&Secret>, ways: &Ways<'_>) -> Outcome {
    let stop = CancellationToken::new();
    let late = async {
        ways.cancel.cancelled().await;
        if refresh.is_some() {
            tokio::time::sleep(GRACE).await;
        }
        stop.cancel();
        std::future::pending::<Infallible>().await
    };
    let deadline = Instant::now() + ways.timeout;
    let means = Means { trust: ways.trust, deadline, cancel: &stop, clock: ways.clock };
    let asked = async {
        match refresh {
            Some(refresh) => source.ask.refresh(refresh, &means).await,
            None => source.ask.token(&means).await,
        }
    };
    tokio::select! {
        outcome = asked => outcome,
        never = late => match never {},
    }
}

/// Whether a refresh token may be spent although no tokens came: it was sent, and no answer said no.
fn may_be_spent(refusal: &Refusal, exchanges: &[(&'static str, Exchange)]) -> bool {
    let sent = exchanges.last().is_some_and(|(name, exchange)| {
        *name == "refresh" && exchange.steps.iter().any(|step| step.name == "request")
    });
    sent && match refusal {
        Refusal::Error { status, .. } => *status >= 500,
        Refusal::Answer(answer) => answer.status >= 500 || (200..300).contains(&answer.status),
        _ => true,
    }
}

/// Notes in the vault that the server refused the refresh token, so that no program on any host sends it again by
/// itself. Other tokens that came meanwhile are not touched.
async fn note_refusal<K: Keeper>(keeper: &K, held: &Held, now: Timestamp) {
    let tokens = held.credential.content.tokens();
    let Some(digest) = tokens.digest() else { return };
    let known = held.credential.issued().cloned().unwrap_or(Issued {
        tokens: digest,
        received_at: held.credential.updated_at,
        logged_in_at: None,
        refresh_expires_at: None,
        refused_at: None,
    });
    let edit = held.replaced(tokens, Some(Issued { refused_at: Some(now), ..known }));
    // It is told in any case; where it cannot be kept the next program asks once more.
    let _ = keeper.keep(vec![edit]).await;
}

/// What a credential holds after an exchange that was begun at `asked`, and what is known of it.
fn next(held: &Held, token: &Token, asked: Timestamp) -> (Tokens, Option<Issued>) {
    let kept = held.needs_person();
    let before = if kept { held.credential.content.tokens() } else { Tokens::default() };
    let known = held.credential.issued().filter(|_| kept);
    let tokens = with(before.clone(), token, kept);
    let same_refresh = before.refresh() == tokens.refresh();
    let issued = tokens.digest().map(|digest| Issued {
        tokens: digest,
        received_at: asked,
        logged_in_at: known.and_then(|known| known.logged_in_at),
        refresh_expires_at: token
            .refresh_expires_at
            .or_else(|| known.filter(|_| same_refresh).and_then(|known| known.refresh_expires_at)),
        refused_at: None,
    });
    (tokens, issued)
}

/// Tokens with what the server gave in the place of what it gave before: what it does not name stays.
pub(super) fn with(mut tokens: Tokens, token: &Token, keeps_refresh: bool) -> Tokens {
    let mut put = |name: &str, secret: Secret| {
        tokens.plain.shift_remove(name);
        tokens.secrets.insert(name.to_owned(), secret);
    };
    put("access_token", token.access.clone());
    if let Some(refresh) = token.refresh.clone().filter(|_| keeps_refresh) {
        put("refresh_token", refresh);
    }
    if let Some(scopes) = &token.scopes {
        put("scope", Secret::new(scopes.join(" ")));
    }
    for (name, value) in &token.reply {
        // A path leads into the answer; a name is what is kept of it.
        let name = name.rsplit('.').next().unwrap_or(name);
        if !matches!(name, "access_token" | "refresh_token" | "scope" | "expires_at") {
            put(name, value.clone());
        }
    }
    tokens.secrets.remove("expires_at");
    tokens.plain.shift_remove("expires_at");
    if let Some(ends) = token.expires_at {
        tokens.plain.insert("expires_at".to_owned(), serde_json::Value::from(ends.to_string()));
    }
    tokens
}

/// Stores tokens in the place of those that the exchange started from, and gives the access token once it is on the
/// disk.
async fn store<K: Keeper>(
    keeper: &K,
    held: &Held,
    tokens: Tokens,
    issued: Option<Issued>,
    spent: bool,
    ways: &Ways<'_>,
) -> Result<Given, Problem> {
    (ways.told)(Stage::Stores);
    let access = tokens.access().cloned();
    let scope = words::scope(&tokens);
    let mut credential = held.credential.clone();
    credential.content.set_tokens(&tokens);
    credential.issued.clone_from(&issued);
    let edits = vec![held.replaced(tokens, issued)];
    let result = stored(keeper, edits).await;
    let now = (ways.clock)();
    match result {
        Ok(saved) => {
            let access = access.ok_or_else(|| words::login(held, now))?;
            let ends = super::life::life(&credential, held.needs_person(), now).access_ends;
            Ok(Given { access, ends, scope, origin: Origin::Server, warnings: saved.warnings })
        }
        // A person logged in or entered others meanwhile: those stay.
        Err(problem) if problem.code == "tokens_changed" => {
            let stored = keeper.read(&held.credential.id).await?;
            let warning = format!("{}; those were kept", problem.message);
            match stored.given(now, Origin::Another) {
                Some(given) => Ok(Given { warnings: vec![warning], ..given }),
                None => Err(words::login(&stored, now)),
            }
        }
        Err(problem) if problem.exit == Exit::NotFound => Err(problem),
        Err(problem) => Err(words::not_saved(held.key(), problem, spent)),
    }
}
