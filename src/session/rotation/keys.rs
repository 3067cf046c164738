//! Keys that the service makes for a rotation, and drops at its end.
//!
//! What is asked for cannot be asked for twice: so it is one program's turn, what is about to be asked is in the audit
//! log before, nothing is tried again, and what came is in the vault, on the disk, before anything else is done.

use std::convert::Infallible;
use std::time::Duration;

use jiff::Timestamp;
use tokio_util::sync::CancellationToken;

use crate::audit::What;
use crate::model::{Content, Edit, Id};
use crate::probe::{Asked, Maker, NoAnswer, Prepared, Unmade, Unplannable};
use crate::problem::{Exit, Problem};
use crate::session::oauth::{Held, Keeper, Stage, Ways, stored};

/// How long an answer under way is waited for after somebody cancelled: the key in it would be lost.
const GRACE: Duration = Duration::from_secs(3);

/// The longest text of a service in a message, in characters.
const WORDS: usize = 300;

/// How the service of a credential makes keys, for whoever shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Makes {
    /// Making one ends the one in use at once.
    pub replaces: bool,
    /// The service drops keys, too.
    pub drops: bool,
    /// What the key in use must be allowed.
    pub needs: Option<String>,
}

/// A key that the service made; it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeKey {
    /// What the service calls it, where it said so.
    pub id: Option<String>,
    /// It is in use already: the one before ended when it was made.
    pub replaced: bool,
    /// What a person should hear.
    pub warnings: Vec<String>,
}

/// The key before, which the service dropped; the rotation is at its end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedKey {
    /// What the service called it, where that is known.
    pub id: Option<String>,
    /// The service was asked; else the key had ended when the next one was made.
    pub asked: bool,
    /// What a person should hear.
    pub warnings: Vec<String>,
}

impl Makes {
    /// What is known of a way to make keys.
    pub(super) fn of(maker: &Maker) -> Self {
        let needs = maker.needs().map(str::to_owned);
        Self { replaces: maker.replaces(), drops: maker.drops(), needs }
    }
}

/// Lets the service make the next key, and keeps it. Where that ends the one in use, it is in use itself then.
///
/// # Errors
/// `not_made`: exit 5 where the service makes none, 1 with what it said; `no_answer` where it may have made one all the
/// same; `not_kept` names the key that is lost; `rotation_unfinished` where another rotation goes on; as
/// [`Keeper::read`] and [`Keeper::begins`].
pub async fn make_key<K: Keeper>(keeper: &K, id: &Id, ways: &Ways<'_>) -> Result<MadeKey, Problem> {
    let result = made(keeper, id, ways).await;
    keeper.ends(id, result.as_ref().map_or_else(|problem| problem.code, |_| "ok")).await;
    result
}

/// Lets the service drop the key before, asked with the one in use, and ends the rotation. `accepted`: also where what
/// is in use was not proven.
///
/// # Errors
/// As [`make_key`]; exit 5 where no rotation goes on, or it cannot end yet.
pub async fn drop_key<K: Keeper>(
    keeper: &K,
    id: &Id,
    accepted: bool,
    ways: &Ways<'_>,
) -> Result<DroppedKey, Problem> {
    let result = dropped(keeper, id, accepted, ways).await;
    keeper.ends(id, result.as_ref().map_or_else(|problem| problem.code, |_| "ok")).await;
    result
}

async fn made<K: Keeper>(keeper: &K, id: &Id, ways: &Ways<'_>) -> Result<MadeKey, Problem> {
    let _turn = ways.turn(keeper, id).await?;
    let held = keeper.read(id).await?;
    let current = &held.credential.content;
    let key = current.key();
    if held.credential.rotation.is_some() {
        let message = format!("{key}: a rotation goes on: what it keeps would be pushed out");
        return Err(Problem::new(Exit::Refused, "rotation_unfinished", message).hint(format!(
            "`credbench rotate {key}` goes on, --cancel drops a next value that is not in use"
        )));
    }
    let maker = maker(&held)?;
    let prepared = maker.to_make(current, (ways.clock)()).map_err(|error| unsendable(key, &error))?;
    keeper.begins(What::Requested, id).await?;
    let Asked { result, redactor } = sent(prepared, ways).await;
    let unsure = match maker.replaces() {
        true => "the service may have made the next key, and ended the one in use",
        false => "the service may have made a key",
    };
    let answer = result.map_err(|none| unanswered(&held, &none, unsure))?;
    let next = maker.made(current, &answer).map_err(|unmade| {
        let unmade = Unmade { words: redactor.show(&unmade.words, WORDS), ..unmade };
        refused(&held, &maker, "no key was made", unsure, &unmade)
    })?;
    (ways.told)(Stage::Stores);
    let key_id = maker.key_id(&next).map(|id| redactor.show(id, WORDS));
    let lost = |problem: Problem| lost(key, key_id.as_deref(), maker.replaces(), problem);
    let now = (ways.clock)();
    let begun = begun(&held, &next, maker.replaces(), now).map_err(lost)?;
    let saved = stored(keeper, vec![begun]).await.map_err(lost)?;
    let mut warnings = saved.warnings;
    if maker.replaces() {
        // Nobody is helped by the one before any more.
        let credential = saved.document.by_id(id);
        let swapped = credential.map(|credential| super::rotation_swapped(credential, now));
        let stored = match swapped.unwrap_or_else(|| Err(gone())) {
            Ok(edits) => stored(keeper, edits).await,
            Err(problem) => Err(problem),
        };
        warnings.extend(stored.map_err(|problem| not_switched(key, problem))?.warnings);
    }
    Ok(MadeKey { id: key_id, replaced: maker.replaces(), warnings })
}

async fn dropped<K: Keeper>(
    keeper: &K,
    id: &Id,
    accepted: bool,
    ways: &Ways<'_>,
) -> Result<DroppedKey, Problem> {
    let _turn = ways.turn(keeper, id).await?;
    let held = keeper.read(id).await?;
    let credential = &held.credential;
    let current = &credential.content;
    let key = current.key();
    let ended = super::rotation_ended(credential, accepted)?;
    let Some(rotation) = credential.rotation.as_deref().filter(|rotation| rotation.stage.is_switched())
    else {
        let message = format!("the next value of {key} is not in use yet");
        return Err(Problem::new(Exit::Refused, "not_switched", message)
            .hint(format!("`credbench rotate {key}` goes on, --cancel drops the next value")));
    };
    let mut key_id = None;
    if !rotation.replaced {
        let maker = maker(&held)?;
        if !maker.drops() {
            let message = format!("the service of {key} drops no keys when it is asked");
            return Err(Problem::new(Exit::Refused, "not_made", message).hint(at_page(&held)));
        }
        let before = rotation.with_kept(current);
        key_id = maker.key_id(&before).map(str::to_owned);
        if key_id.is_none() && maker.needs_key_id() {
            let message = format!("which key of {key} was before is not known");
            return Err(Problem::new(Exit::Refused, "not_made", message).hint(at_page(&held)));
        }
        let prepared = maker.to_drop(current, &before).map_err(|error| unsendable(key, &error))?;
        keeper.begins(What::Requested, id).await?;
        let Asked { result, redactor } = sent(prepared, ways).await;
        let unsure = "the service may have dropped it";
        let answer = result.map_err(|none| unanswered(&held, &none, unsure))?;
        maker.dropped(&answer).map_err(|unmade| {
            let unmade = Unmade { words: redactor.show(&unmade.words, WORDS), ..unmade };
            refused(&held, &maker, "the one before was not dropped", unsure, &unmade)
        })?;
    }
    (ways.told)(Stage::Stores);
    let saved = stored(keeper, vec![ended]).await?;
    Ok(DroppedKey { id: key_id, asked: !rotation.replaced, warnings: saved.warnings })
}

fn maker(held: &Held) -> Result<Maker, Problem> {
    held.maker().ok_or_else(|| {
        let message = format!(
            "the service of {} makes and drops no keys when it is asked",
            held.credential.content.key()
        );
        Problem::new(Exit::Refused, "not_made", message).hint(at_page(held))
    })
}

/// The edit that keeps what was made.
fn begun(held: &Held, next: &Content, replaces: bool, now: Timestamp) -> Result<Edit, Problem> {
    let edit = super::rotation_begun(&held.credential, next, now)?;
    Ok(match edit {
        Edit::SetRotation { id, seen, rotation: Some(rotation) } if replaces => {
            Edit::SetRotation { id, seen, rotation: Some(Box::new(rotation.by_replacement())) }
        }
        edit => edit,
    })
}

/// Asks once. Who cancels waits for what is under way.
async fn sent(prepared: Prepared, ways: &Ways<'_>) -> Asked {
    if let Some(url) = prepared.url() {
        let host = url.host_str().unwrap_or_default().to_owned();
        let proxy = ways.trust.proxy_for(url).map(ToString::to_string);
        (ways.told)(Stage::Asks { host, proxy });
    }
    let stop = CancellationToken::new();
    let late = async {
        ways.cancel.cancelled().await;
        tokio::time::sleep(GRACE).await;
        stop.cancel();
        std::future::pending::<Infallible>().await
    };
    tokio::select! {
        asked = prepared.send(ways.trust, ways.timeout, &stop, (ways.clock)()) => asked,
        never = late => match never {},
    }
}

/// Where a person looks after the keys of a credential.
fn at_page(held: &Held) -> String {
    match held.key_page() {
        Some(page) => format!("its keys are looked after at {page}"),
        None => "its keys are looked after at the service's own page".to_owned(),
    }
}

fn unsendable(key: &str, error: &Unplannable) -> Problem {
    let message = format!("{key}: {}", error);
    Problem::new(Exit::Failed, "not_sendable", message)
}

/// No answer came: it is said what may be so all the same.
fn unanswered(held: &Held, none: &NoAnswer, unsure: &str) -> Problem {
    let key = held.credential.content.key();
    match none.sent {
        false => Problem::new(Exit::Failed, "no_answer", format!("{key}: not asked: {}", none.words)),
        true => {
            let message = format!("{key}: {}; {unsure}, and what it answered is lost", none.words);
            Problem::new(Exit::Failed, "no_answer", message).hint(look(held))
        }
    }
}

fn refused(held: &Held, maker: &Maker, what: &str, unsure: &str, unmade: &Unmade) -> Problem {
    let key = held.credential.content.key();
    let words = &unmade.words;
    let message = match unmade.unclear {
        true => format!("{key}: {words}; {unsure}"),
        false => format!("{key}: {what}: {words}"),
    };
    let problem = Problem::new(Exit::Failed, "not_made", message);
    match maker.needs().filter(|_| unmade.denied) {
        Some(needs) => problem.hint(format!("the key in use needs {needs}")),
        None if unmade.unclear => problem.hint(look(held)),
        None => problem,
    }
}

fn look(held: &Held) -> String {
    format!("nothing is tried again by itself: look there first; {}", at_page(held))
}

/// A key that was made and is nowhere.
fn lost(key: &str, id: Option<&str>, replaced: bool, problem: Problem) -> Problem {
    let which = id.map(|id| format!(" {id}")).unwrap_or_default();
    let end = match replaced {
        true => "and it took the place of the one in use: make another one there",
        false => "drop it there",
    };
    let lost = format!("{key}: the service made the key{which}, and it could not be kept: {end}");
    let causes = [problem.message.clone()].into_iter().chain(problem.causes.clone());
    Problem::new(problem.exit, "not_kept", lost).causes(causes)
}

fn not_switched(key: &str, problem: Problem) -> Problem {
    let message =
        format!("{key}: the next key is kept, and the one in use has ended, but it could not be switched to");
    let causes = [problem.message.clone()].into_iter().chain(problem.causes.clone());
    Problem::new(problem.exit, problem.code, message)
        .causes(causes)
        .hint(format!("`credbench rotate {key}` goes on"))
}

fn gone() -> Problem {
    let message = "the credential is not there any more: another program removed it";
    Problem::new(Exit::NotFound, "no_credential", message)
}
