//! A login: what it gave takes the place of the tokens that there were.

use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;

use super::{Given, Keeper, Origin, Stage, Ways, renew, words};
use crate::audit::What;
use crate::model::{Id, Issued, Tokens};
use crate::oauth::{self, Means, Prompt};
use crate::probe;
use crate::problem::Problem;
use crate::secret::Secret;

/// The most that a login may take. The server and the browser have ends of their own before that.
const LONGEST: Duration = Duration::from_secs(3600);

/// Logs in, with a person where the grant needs one, and stores the tokens. Each of `prompts` is to be shown as it
/// comes; what arrives by `pasted` is taken for the address that a browser ended at.
///
/// # Errors
/// `no_token` with what came of it, `cancelled`; `conflict` where the credential was given another client or
/// address meanwhile; as [`Keeper::read`] and [`Keeper::keep`].
pub async fn login<K: Keeper>(
    keeper: &K,
    id: &Id,
    ways: &Ways<'_>,
    prompts: UnboundedSender<Prompt>,
    pasted: UnboundedReceiver<Secret>,
) -> Result<Given, Problem> {
    let result = logged_in(keeper, id, ways, prompts, pasted).await;
    if let Err(problem) = &result {
        keeper.ends(id, problem.code).await;
    }
    result
}

async fn logged_in<K: Keeper>(
    keeper: &K,
    id: &Id,
    ways: &Ways<'_>,
    prompts: UnboundedSender<Prompt>,
    pasted: UnboundedReceiver<Secret>,
) -> Result<Given, Problem> {
    let seen = keeper.read(id).await?;
    let source = seen.source()?;
    keeper.begins(What::LoggedIn, id).await?;
    ways.asks(&source);
    let person = source.ask.grant.needs_person();
    let longest = if person { LONGEST } else { ways.timeout };
    let deadline = Instant::now() + longest;
    let means = Means { trust: ways.trust, deadline, cancel: ways.cancel, clock: ways.clock };
    let outcome = oauth::login(&source.ask, &means, prompts, pasted).await;
    let now = (ways.clock)();
    let mut report = probe::token_report(&outcome, &source.secrets, longest, now);
    ways.took(&mut report);
    let token = match outcome.result {
        Ok(token) => token,
        Err(_) if ways.cancel.is_cancelled() => return Err(words::cancelled()),
        Err(_) => return Err(words::refused(seen.key(), &report)),
    };
    // Whoever refreshes what there was is let finish: what a person did comes last.
    let turn = ways.turn(keeper, id).await?;
    let held = keeper.read(id).await?;
    let same_app = held.around.oauth_app == seen.around.oauth_app;
    if !same_app || !held.credential.content.holds_tokens_as(&seen.credential.content) {
        return Err(words::changed_meanwhile(held.key()));
    }
    (ways.told)(Stage::Stores);
    let mut tokens = renew::with(Tokens::default(), &token, person);
    if token.scopes.is_none() && !source.ask.scopes.is_empty() {
        // Who says nothing granted what was asked for (RFC 6749, 5.1).
        tokens.secrets.insert("scope".to_owned(), Secret::new(source.ask.scopes.join(" ")));
    }
    let issued = tokens.digest().map(|digest| Issued {
        tokens: digest,
        received_at: now,
        logged_in_at: Some(now),
        refresh_expires_at: token.refresh_expires_at,
        refused_at: None,
    });
    let given = Given {
        access: token.access.clone(),
        ends: token.expires_at,
        scope: words::scope(&tokens),
        origin: Origin::Server,
        warnings: Vec::new(),
    };
    let saved = keeper.keep(vec![held.replaced(tokens, issued)]).await;
    let saved = saved.map_err(|problem| words::not_saved(held.key(), problem, false))?;
    turn.done();
    let mut warnings = saved.warnings;
    if !token.missing.is_empty() {
        warnings.push(report.message);
    }
    Ok(Given { warnings, ..given })
}
