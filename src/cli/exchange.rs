//! Exchanges of OAuth tokens on behalf of commands: a runtime for as long as they take, Ctrl-C to cancel.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::mpsc::unbounded_channel;
use tokio_util::sync::CancellationToken;

use super::Context;
use crate::http::Trust;
use crate::model::Id;
use crate::problem::{Exit, Problem};
use crate::session::oauth::{Direct, Given, Stage, Ways, Why, renew};
use crate::session::{Session, Setup};

/// Runs an exchange to its end. Ctrl-C cancels it; `quiet` tells only what a person must know beforehand.
///
/// # Errors
/// As the exchange; exit 7 for authorities or a proxy that cannot be used; where the system gives no threads.
pub(crate) fn run<T>(
    context: &Context,
    setup: &Setup,
    session: &mut Session,
    quiet: bool,
    exchange: impl AsyncFnOnce(&Direct<'_>, &Ways<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let trust = setup.network.trust()?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Problem::new(Exit::Failed, "io", format!("nothing can be asked: {error}")))?;
    let options = &setup.config.oauth;
    let cancel = CancellationToken::new();
    let (stages, mut told) = unbounded_channel();
    let keeper = Direct::new(session, &Timestamp::now);
    let tell = |stage| drop(stages.send(stage));
    let ways = Ways {
        trust: &trust,
        timeout: Duration::from_secs(options.timeout_seconds),
        margin: SignedDuration::from_secs(options.margin_seconds.into()),
        cancel: &cancel,
        clock: &Timestamp::now,
        told: &tell,
    };
    let result = runtime.block_on(async {
        let mut running = std::pin::pin!(exchange(&keeper, &ways));
        loop {
            tokio::select! {
                biased;
                Some(stage) = told.recv() => say(context, setup, &trust, &stage, quiet),
                result = &mut running => break result,
                _ = tokio::signal::ctrl_c(), if !cancel.is_cancelled() => cancel.cancel(),
            }
        }
    });
    // A look-up that hangs in the system has nobody waiting for it any more.
    runtime.shutdown_background();
    result
}

/// An access token that is good; what a person should hear of it is said.
///
/// # Errors
/// As [`renew`].
pub(crate) fn access_token(
    context: &Context,
    setup: &Setup,
    session: &mut Session,
    id: &Id,
    why: Why<'_>,
) -> Result<Given, Problem> {
    let quiet = why != Why::Asked;
    let given = run(context, setup, session, quiet, async |keeper, ways| renew(keeper, id, why, ways).await)?;
    for warning in &given.warnings {
        context.output.warning(warning);
    }
    Ok(given)
}

fn say(context: &Context, setup: &Setup, trust: &Trust, stage: &Stage, quiet: bool) {
    match stage {
        Stage::Asks { host, proxy: Some(proxy) } if setup.network.is_from_environment() => {
            let named_by = &trust.proxies.named_by;
            context.output.note(&format!("Asking {host} through the proxy {proxy} ({named_by})."));
        }
        Stage::Asks { host, .. } if !quiet => context.output.note(&format!("Asking {host}.")),
        Stage::Waits if !quiet => {
            context.output.note("Another program asks a server about this credential: waiting for it.");
        }
        _ => {}
    }
}
