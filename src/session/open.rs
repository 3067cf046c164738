//! From an open vault to a session: its audit log is checked, and says from then on who has it open.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Opened, Session, record};
use crate::audit::{self, Entry, Keys, Log, Opening, Since, Verified, What};
use crate::problem::{Exit, Problem};
use crate::schema::Kinds;
use crate::vault::{self, Held, Keyring, Notice, OpenPolicy, Places, Store};
use crate::words;

/// A session of a vault that was opened.
///
/// # Errors
/// Exit 6 where the log is not what was written, unless the policy says otherwise.
pub(super) fn opened(
    mut opened: vault::Opened,
    policy: OpenPolicy,
    now: Timestamp,
) -> Result<Opened, Problem> {
    let mut log = log_of(&opened.store);
    let (mut log_refusal, mut unreadable) = (None, None);
    match checked(&mut log, &mut opened.store) {
        Ok(()) => opened.document = opened.store.document().clone(),
        Err(audit::Error::File(error)) => unreadable = Some(error.to_string()),
        Err(error) if policy == OpenPolicy::ReadOnly => {
            log_refusal = Some(Problem::from(error));
            log = Log::new(opened.store.folder(), None, record::who());
        }
        Err(error) => return Err(error.into()),
    }
    let (last_opened, alarms) = before(&log);
    let (gap, _held) = gap(&mut log, &opened.store);
    let missing = gap.as_ref().map(|_| "a save of the vault has no record; the log says so now".to_owned());
    let refusal = log_refusal.clone().or_else(|| opened.refusal.clone().map(Problem::from));
    let entry = match &refusal {
        Some(refusal) => Entry::new(What::VaultRefused).with_result(refusal.code),
        None => Entry::new(What::Opened),
    };
    let entries: Vec<Entry> = gap.into_iter().chain([entry]).collect();
    let silent = |error| {
        format!("the audit log cannot be written, and without a line there nothing is handed out: {error}")
    };
    let mut counted = None;
    let unwritten = match (unreadable, log.append(&entries, now, &opened.store)) {
        (Some(error), _) => Some(silent(error)),
        (None, Err(error)) => Some(silent(error.to_string())),
        (None, Ok(appended)) => {
            counted = appended.counted.map(|unrecorded| {
                let times = words::times(unrecorded.uses);
                format!("values were handed out {times} without a line in the audit log; it says so now")
            });
            appended
                .unnoted
                .map(|error| format!("this host could not note the newest line of the audit log: {error}"))
        }
    };
    let mut session = session(opened, log);
    session.session.log_refusal = log_refusal;
    session.refusal = refusal;
    (session.last_opened, session.alarms) = (last_opened, alarms);
    session.notices.extend([missing, unwritten, counted].into_iter().flatten());
    Ok(session)
}

/// What the log says of sessions before this one: when the vault was unlocked last, and what a person should look into.
/// One who is at a terminal hears of everything since one was; a program of attempts that nobody was told of.
fn before(log: &Log) -> (String, Vec<String>) {
    let here = record::who();
    let time = |opening: &Opening| {
        let who = &opening.who;
        let elsewhere = !who.host.is_empty() && who.host != here.host;
        let host = if elsewhere { format!(" at {}", who.host) } else { String::new() };
        format!("{} by {}{host}", opening.at.strftime("%Y-%m-%d %H:%M UTC"), who.words())
    };
    let since = match here.tty.is_empty() {
        false => log.since(),
        true => log.failures().map_or_else(Since::default, |(failed, last)| Since {
            failed,
            last_failed: Some(last.clone()),
            ..Since::default()
        }),
    };
    let mut last = log.last_opening().map(|last| format!("last unlocked {}", time(last))).unwrap_or_default();
    // Of one alone the time is named already.
    if since.unattended > 1 {
        last.push_str(&format!(", {} by programs since you were here", words::times(since.unattended)));
    }
    let mut alarms = Vec::new();
    if let Some(last) = since.last_failed.as_ref().filter(|_| since.failed > 0) {
        alarms.push(format!(
            "unlocking failed {} since, the last time {}",
            words::times(since.failed),
            time(last)
        ));
    }
    if since.refused > 0 {
        alarms.push(format!("a secret was asked for and not handed out, {}", words::times(since.refused)));
    }
    (last, alarms)
}

/// Checks the whole log of a vault, then opens it.
///
/// # Errors
/// Exit 6 with the first line that is wrong; as [`Session::open`].
pub(super) fn verified(
    places: &Places,
    keyring: Keyring,
    now: Timestamp,
) -> Result<(Verified, Opened), Problem> {
    let mut store = Store::open(places, keyring, OpenPolicy::Strict)?;
    let verified = verify(&mut store.store)?;
    let session = opened(store, OpenPolicy::Strict, now);
    Ok((verified, session.inspect_err(|problem| record::not_opened(places, problem, now))?))
}

/// Checks the whole log of an open vault.
///
/// # Errors
/// Exit 6 with the first line that is wrong.
pub(super) fn verify(store: &mut Store) -> Result<Verified, Problem> {
    let Some(keys) = store.document().audit_key.as_ref().and_then(Keys::of) else {
        return Err(Problem::new(Exit::Failed, "no_audit_key", "the vault has no key for an audit log yet")
            .hint("it gets one with its next save; what is written until then is counted then"));
    };
    let verified = audit::verify(store.folder(), &keys, store)?;
    checked(&mut log_of(store), store)?;
    Ok(verified)
}

/// A session of a vault that was just made or accepted; `entry` says which.
pub(super) fn begun(opened: vault::Opened, entry: Entry, now: Timestamp) -> Opened {
    let mut log = log_of(&opened.store);
    let mut aside = None;
    if let Err(audit::Error::Broken(broken)) = log.refresh(&opened.store) {
        // What stands there is of another vault, or was changed: it is kept, and another one starts.
        aside = Some(match log.put_aside() {
            Ok(Some(path)) => format!("{broken}; it is kept as {}, and a new one begins", path.display()),
            Ok(None) => broken.to_string(),
            Err(error) => error.to_string(),
        });
    }
    let entry = if aside.is_some() { entry.with_result("log_set_aside") } else { entry };
    let written = log.append(&[entry], now, &opened.store);
    let unwritten = written.err().map(|error| format!("the audit log cannot be written: {error}"));
    let mut session = session(opened, log);
    session.notices.extend(aside.into_iter().chain(unwritten));
    session
}

/// The log of a vault; without keys where the vault has none, or is not trusted.
fn log_of(store: &Store) -> Log {
    let trusted = store.read_only().is_none();
    let keys = store.document().audit_key.as_ref().filter(|_| trusted).and_then(Keys::of);
    let mut log = Log::new(store.folder(), keys, record::who());
    log.set_vault(store.header().generation, store.digest());
    log
}

/// Reads the log, and compares it with the vault. A vault that another program saves meanwhile is read again.
pub(super) fn checked(log: &mut Log, store: &mut Store) -> Result<(), audit::Error> {
    const ATTEMPTS: usize = 10;
    for _ in 0..ATTEMPTS {
        log.refresh(store)?;
        let Err(broken) = log.require_vault(store.header().generation, store.digest()) else { return Ok(()) };
        match store.refresh() {
            Ok(Some(_)) => log.set_vault(store.header().generation, store.digest()),
            _ => return Err(broken.into()),
        }
    }
    Ok(())
}

/// The entry for saves that were not recorded, because a program died between the two; with what holds off others
/// that are just about to record theirs.
fn gap(log: &mut Log, store: &Store) -> (Option<Entry>, Option<Held>) {
    let header = store.header();
    // A save on another host is recorded in the log there.
    let ours = header.audit.first().is_none_or(|last| log.head().is_some_and(|head| head.log == last.log));
    if !ours || !log.misses(header.generation) {
        return (None, None);
    }
    let Some(held) = store.hold_saves() else { return (None, None) };
    let entry = log.refresh(store).ok().and_then(|()| log.gap(header.generation));
    (entry, Some(held))
}

/// A session, without a word about its log.
pub(super) fn session(opened: vault::Opened, log: Log) -> Opened {
    let kinds = Kinds::of(&opened.document);
    let view = kinds.sealed(&opened.document);
    let usage = log.usage();
    Opened {
        kinds: kinds.clone(),
        document: view.clone(),
        session: Session {
            store: opened.store,
            log,
            log_refusal: None,
            exchanges: BTreeMap::new(),
            kinds,
            view: Arc::clone(&view),
        },
        usage,
        notices: opened.notices.iter().map(Notice::to_string).collect(),
        last_opened: String::new(),
        alarms: Vec::new(),
        refusal: opened.refusal.map(Problem::from),
    }
}
