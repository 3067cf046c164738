//! Values on behalf of commands: what references stand for, with access tokens that are good, written down before they
//! leave the vault. With `--cache` they may come from the cache, and then the vault stays closed.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{Context, exchange};
use crate::audit::{CACHED_FOR, Entry, What};
use crate::model::Id;
use crate::model::reference::Reference;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::session::oauth::{Why, has_tokens};
use crate::session::{self, Caching, FromCache, Session, Setup, Value};

/// What values are handed out for.
pub(crate) struct Purpose<'a> {
    /// What is done with them.
    pub(crate) what: What,
    /// Who does it, where that was said.
    pub(crate) workflow: Option<&'a str>,
    /// Values may be this many seconds old; `None`: they come from the vault.
    pub(crate) cache: Option<u32>,
    /// Goes on where the audit log cannot be written, if a mark can be left.
    pub(crate) unrecorded: bool,
    /// Whether what `--json` prints says where they come from.
    pub(crate) in_json: bool,
}

/// What `act` gets.
pub(crate) struct Handed<'a> {
    /// The values, in the order of their references.
    pub(crate) values: &'a [Value],
    /// Where they come from the cache: how old the oldest is, and when the first is dropped.
    pub(crate) cached: Option<Cached>,
}

/// Values that come from the cache. Serialized, it is a member of what `--json` prints.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Cached {
    age_seconds: u64,
    until: Timestamp,
}

/// Hands the values that references stand for to `act`, in their order: all of them, or none. Those that are not all
/// in the cache, where they may come from there, are read from the vault, which is closed again at the end; an access
/// token is renewed where it has to be.
///
/// # Errors
/// As [`Context::open`], [`Session::values`](crate::session::Session::values), the renewal, the audit log, and `act`.
pub(crate) fn with<T>(
    context: &Context,
    setup: &Setup,
    references: &[Reference],
    purpose: &Purpose<'_>,
    act: impl FnOnce(Handed<'_>) -> Result<T, Problem>,
) -> Result<T, Problem> {
    let from_cache = |seconds| FromCache::find(&setup.places, references, &setup.solution, seconds);
    if let Some(found) = purpose.cache.and_then(from_cache) {
        let now = Timestamp::now();
        let until = SignedDuration::try_from(found.left).ok().and_then(|left| now.checked_add(left).ok());
        let cached = Cached { age_seconds: found.age.as_secs(), until: until.unwrap_or(now) };
        let (out, said) = (&context.output, cached.words(found.count()));
        if out.is_json() && !purpose.in_json {
            out.warning(&said)
        } else {
            out.note(&said)
        }
        let cached = Some(cached);
        let done = found.hand_out(purpose.what, &Timestamp::now, |values| act(Handed { values, cached }));
        return done.map_err(or_unrecorded);
    }
    let mut opened = context.open(setup)?;
    let mut tokens: BTreeMap<Id, Secret> = BTreeMap::new();
    let mut caching = Caching { seconds: purpose.cache.unwrap_or_default(), ..Caching::default() };
    let margin = SignedDuration::from_secs(setup.config.oauth.margin_seconds.into());
    for reference in references.iter().filter(|reference| reference.field.is_none()) {
        let credential = session::referred(opened.session.document(), reference, &setup.solution)?;
        if has_tokens(&credential.content) && !tokens.contains_key(&credential.id) {
            let id = credential.id.clone();
            let given = exchange::access_token(context, setup, &mut opened.session, &id, Why::Use)?;
            let renewed = given.ends.and_then(|ends| ends.checked_sub(margin).ok());
            caching.tokens.insert(id.clone(), renewed);
            tokens.insert(id, given.access);
        }
    }
    let values = opened.session.values(references, &setup.solution, &tokens)?;
    let document = opened.session.document();
    let entry = |value: &Value| {
        let mut entry =
            Entry::about(purpose.what, document.by_id(&value.id)?).with_value(&value.place, &value.text);
        if let Some(workflow) = purpose.workflow {
            entry = entry.for_workflow(workflow);
        }
        Some(match purpose.cache {
            Some(seconds) => entry.with_fact(CACHED_FOR, seconds.into()),
            None => entry,
        })
    };
    let entries = values.iter().filter_map(entry).collect();
    let handed = Handed { values: &values, cached: None };
    let done = hand_out(context, &mut opened.session, entries, purpose.unrecorded, || act(handed))?;
    if purpose.cache.is_some() {
        let unkept = opened.session.keep(references, &values, &setup.solution, &caching, Timestamp::now());
        unkept.iter().for_each(|unkept| context.output.warning(unkept));
    }
    Ok(done)
}

/// Hands something out of an open vault; `unrecorded`: also where the audit log cannot be written.
///
/// # Errors
/// As [`Session::hand_out_or_mark`].
pub(super) fn hand_out<T>(
    context: &Context,
    session: &mut Session,
    entries: Vec<Entry>,
    unrecorded: bool,
    act: impl FnOnce() -> Result<T, Problem>,
) -> Result<T, Problem> {
    let told: &dyn Fn(&str) = &|told| context.output.warning(told);
    let told = unrecorded.then_some(told);
    session.hand_out_or_mark(entries, &Timestamp::now, told, act).map_err(or_unrecorded)
}

/// Names the way on to who cannot have a value because the audit log cannot be written.
fn or_unrecorded(problem: Problem) -> Problem {
    if problem.code != "audit_unwritable" {
        return problem;
    }
    let first = problem.hint.as_ref().map(|hint| format!("{hint}; ")).unwrap_or_default();
    problem
        .hint(format!("{first}`--unrecorded` goes on without a line there and leaves a mark: docs/AUDIT.md"))
}

impl Cached {
    fn words(self, count: usize) -> String {
        let (age, until) = (self.age_seconds, self.until.strftime("%H:%M:%S UTC"));
        match count {
            1 => format!("From the cache: read {age} s ago, kept until {until}."),
            _ => format!(
                "{count} values from the cache: the oldest read {age} s ago, the first kept until {until}."
            ),
        }
    }
}
