//! Tokens given back: at the server first, here once it said yes.

use tokio::time::Instant;

use super::{Held, Keeper, Stage, Ways, words};
use crate::audit::What;
use crate::model::{Id, Tokens};
use crate::oauth::{Hint, Means, Refusal};
use crate::probe::{self, TokenSource};
use crate::problem::Problem;

/// What came of giving tokens back.
#[derive(Clone, Debug)]
pub struct Revoked {
    /// The server took them back; else they are only gone from here.
    pub at_server: bool,
    /// What a person should hear.
    pub warnings: Vec<String>,
}

/// Gives the tokens of a credential back to the server (RFC 7009), the refresh token first, and drops them here;
/// with `only_here` the server is not asked.
///
/// # Errors
/// `no_tokens` (exit 4); `no_revocation` where the server takes nothing back, `no_token` where it said no: the
/// tokens are then still here; as [`Keeper::read`] and [`Keeper::keep`].
pub async fn revoke<K: Keeper>(
    keeper: &K,
    id: &Id,
    only_here: bool,
    ways: &Ways<'_>,
) -> Result<Revoked, Problem> {
    let result = revoked(keeper, id, only_here, ways).await;
    if let Err(problem) = &result {
        keeper.ends(id, problem.code).await;
    }
    result
}

async fn revoked<K: Keeper>(
    keeper: &K,
    id: &Id,
    only_here: bool,
    ways: &Ways<'_>,
) -> Result<Revoked, Problem> {
    let turn = ways.turn(keeper, id).await?;
    let held = keeper.read(id).await?;
    let tokens = held.credential.content.tokens();
    if tokens.digest().is_none() {
        return Err(words::nothing_to_revoke(&held));
    }
    keeper.begins(What::Revoked, id).await?;
    let mut warnings = Vec::new();
    if !only_here {
        let source = held.source()?;
        ways.asks(&source);
        let mut given_back = false;
        if let Some(refresh) = tokens.refresh() {
            give_back(&held, &source, refresh, Hint::RefreshToken, ways).await?;
            given_back = true;
        }
        if let Some(access) = tokens.access() {
            match give_back(&held, &source, access, Hint::AccessToken, ways).await {
                Ok(()) => {}
                // Most servers end the access token with the refresh token; some know no other way.
                Err(problem) if given_back => warnings.push(format!(
                    "{}: the refresh token was given back, but the access token may work until it ends",
                    problem.message
                )),
                Err(problem) => return Err(problem),
            }
        }
    }
    (ways.told)(Stage::Stores);
    let saved = keeper.keep(vec![held.replaced(Tokens::default(), None)]).await?;
    turn.done();
    warnings.extend(saved.warnings);
    Ok(Revoked { at_server: !only_here, warnings })
}

async fn give_back(
    held: &Held,
    source: &TokenSource,
    token: &crate::secret::Secret,
    hint: Hint,
    ways: &Ways<'_>,
) -> Result<(), Problem> {
    let deadline = Instant::now() + ways.timeout;
    let means = Means { trust: ways.trust, deadline, cancel: ways.cancel, clock: ways.clock };
    let outcome = source.ask.revoke(token, hint, &means).await;
    let mut report = probe::revoke_report(&outcome, &source.secrets, ways.timeout, (ways.clock)());
    ways.took(&mut report);
    match &outcome.result {
        Ok(()) => Ok(()),
        Err(_) if ways.cancel.is_cancelled() => Err(words::cancelled()),
        Err(Refusal::NoAddress(_)) => Err(words::cannot_revoke(held.key(), &report)),
        Err(_) => Err(words::refused(held.key(), &report)),
    }
}
