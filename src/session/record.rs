//! What a session writes into the audit log, and what does not happen where that cannot be written.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Session, differences};
use crate::audit::{self, Begun, Entry, Keys, Log, Record, Usage, Verified, What, Who};
use crate::durable;
use crate::model::{Credential, Document, Edit, Id, Outcome, Recipient, Rotation};
use crate::paths;
use crate::problem::{Exit, Problem};
use crate::vault::{self, Places, Store, StoreError};

/// How many credentials one line about tests names.
const TESTS_IN_A_LINE: usize = 64;

/// From this many edits on, credentials are looked up by an index.
const MANY: usize = 4;

/// Who runs this program.
pub(super) fn who() -> Who {
    let text = |name: &str| paths::variable(name).map(|value| value.to_string_lossy().into_owned());
    let from = text("SSH_CONNECTION").or_else(|| text("SSH_CLIENT"));
    Who::of_process(text("LOGNAME").or_else(|| text("USER")).as_deref(), from.as_deref())
}

/// Writes that a vault was not opened, where that is worth knowing: somebody tried with what does not open it, or it
/// is not the vault that it should be. There is no key at hand; the next session counts it.
pub(super) fn not_opened(places: &Places, problem: &Problem, now: Timestamp) {
    let what = match problem.code {
        "wrong_passphrase" | "no_identity_opens" | "identity_damaged" | "writer_key" => What::UnlockFailed,
        _ if problem.exit == Exit::Damaged => What::VaultRefused,
        _ => return,
    };
    if let Ok(located) = vault::locate(places) {
        // Nothing was handed out, and nobody is helped by a second reason.
        let _ = audit::without_key(&located.folder, who(), &Entry::new(what).with_result(problem.code), now);
    }
}

/// The problem of a log that cannot be written, where something therefore did not happen.
pub(super) fn unwritable(what: &str, error: audit::Error) -> Problem {
    let problem = Problem::from(error);
    if problem.exit == Exit::Damaged {
        return problem;
    }
    let message = format!("{what}, because that cannot be written to the audit log: {}", problem.message);
    Problem { message, code: "audit_unwritable", exit: Exit::Failed, ..problem }
}

/// Lets the log's next lines be about the vault as it is now, and have codes once the vault has a key for them.
pub(super) fn follow(log: &mut Log, store: &Store) {
    log.set_vault(store.header().generation, store.digest());
    if !log.has_keys()
        && store.read_only().is_none()
        && let Some(keys) = store.document().audit_key.as_ref().and_then(Keys::of)
    {
        log.set_keys(keys);
    }
}

impl Session {
    /// Hands something out: first that it is about to happen is written and on the disk, then `act` is done, then
    /// what came of it is written. Where the first cannot be written, `act` is not done.
    ///
    /// # Errors
    /// `audit_unwritable`, exit 1; exit 6 where the log is not what was written; those of `act`.
    pub fn hand_out<T>(
        &mut self,
        entries: Vec<Entry>,
        clock: &dyn Fn() -> Timestamp,
        act: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        self.hand_out_or_mark(entries, clock, None, act)
    }

    /// As [`Session::hand_out`]; with `told` also where no line can be written, as long as this host's memory can keep
    /// that it happened: the next line counts it. `told` hears of it before `act`.
    ///
    /// # Errors
    /// As [`Session::hand_out`]; `audit_unwritable` where neither can be written.
    pub fn hand_out_or_mark<T>(
        &mut self,
        entries: Vec<Entry>,
        clock: &dyn Fn() -> Timestamp,
        told: Option<&dyn Fn(&str)>,
        act: impl FnOnce() -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        const REFUSED: &str = "nothing was handed out";
        let uses = entries.len() as u64;
        let begun = match (self.log.begin(entries, clock(), &self.store), told) {
            (Ok(begun), _) => Some(begun),
            (Err(audit::Error::File(error)), Some(told)) => {
                if let Err(more) = self.store.note_unrecorded(uses, clock()) {
                    let problem = unwritable(REFUSED, error.into());
                    let message = format!("{}; nor can this host's memory keep it: {more}", problem.message);
                    return Err(Problem { message, ..problem });
                }
                told(&format!("this has no line in the audit log, whose next line will say so: {error}"));
                None
            }
            (Err(error), _) => return Err(unwritable(REFUSED, error)),
        };
        let done = act();
        let result = done.as_ref().map_or_else(|problem| problem.code, |_| "ok");
        if let Some(begun) = begun {
            // It has happened; that its end is missing shows in the log as it is.
            let _ = self.log.end(begun, result, Vec::new(), clock(), &self.store);
        }
        done
    }

    /// Writes what is about to be done. `refused` says what does not happen where it cannot be written.
    pub(super) fn begin(
        &mut self,
        entries: Vec<Entry>,
        now: Timestamp,
        refused: &str,
    ) -> Result<Begun, Problem> {
        self.log.begin(entries, now, &self.store).map_err(|error| unwritable(refused, error))
    }

    /// Writes that a credential was to be used in a way that is forbidden. `why` is a word, such as `elsewhere`.
    pub fn use_refused(&mut self, id: &Id, why: &str, now: Timestamp) {
        let Some(credential) = self.store.document().by_id(id) else { return };
        let entry = Entry::about(What::UseRefused, credential).with_result(why);
        // Nothing was handed out; a log that cannot be written changes nothing about that.
        let _ = self.log.append(&[entry], now, &self.store);
    }

    /// Writes that a credential's tokens are about to be asked for, or given back, or that its service is about to make
    /// or drop a key.
    ///
    /// # Errors
    /// `audit_unwritable`, or why nothing can be saved: then nobody may be asked, what came would be lost.
    pub fn exchange_begins(&mut self, what: What, id: &Id, now: Timestamp) -> Result<(), Problem> {
        if let Some(refusal) = &self.log_refusal {
            return Err(refusal.clone());
        }
        if let Some(refusal) = self.store.read_only() {
            return Err(StoreError::ReadOnly(refusal.clone()).into());
        }
        let entry = match self.store.document().by_id(id) {
            // The secrets go out: their codes say which.
            Some(credential) if what == What::Requested => {
                Entry::about(what, credential).with_secrets(&credential.content.secrets)
            }
            Some(credential) => Entry::about(what, credential),
            None => return Err(Problem::from(crate::model::EditError::NoCredential(id.clone()))),
        };
        let begun = self.begin(vec![entry], now, "no server was asked")?;
        self.exchanges.insert(id.clone(), begun);
        Ok(())
    }

    /// Writes the end of an exchange that was begun, where storing what it gave did not.
    pub fn exchange_ends(&mut self, id: &Id, result: &str, now: Timestamp) {
        if let Some(begun) = self.exchanges.remove(id) {
            // That it has no end shows in the log as it is.
            let _ = self.log.end(begun, result, Vec::new(), now, &self.store);
        }
    }

    /// How often credentials were used, and when last.
    pub fn usage(&self) -> std::sync::Arc<Usage> {
        self.log.usage()
    }

    /// Everything that the audit log says, oldest first, with every check of it.
    ///
    /// # Errors
    /// Exit 6 with the first line that is wrong.
    pub fn records(&self) -> Result<Vec<Record>, Problem> {
        let document = self.store.document();
        let Some(keys) = document.audit_key.as_ref().and_then(Keys::of) else { return Ok(Vec::new()) };
        let mut records = audit::records(self.store.folder(), &keys, &self.store)?;
        // A line that needs no name of its own has that of today.
        let find = Finder::new(document, records.len());
        for record in records.iter_mut().filter(|record| record.key.is_empty()) {
            let only = record.ids.first().filter(|_| record.ids.len() == 1);
            if let Some(known) = record.id.as_ref().or(only).and_then(|id| find.stored(id)) {
                record.solution = known.content.solution().to_owned();
                record.key = known.content.key().to_owned();
            }
        }
        Ok(records)
    }

    /// Writes records to a new file, one JSON object a line, for this user alone; that it happens is written to
    /// the log before. `~/` is the home folder. Gives the path.
    ///
    /// # Errors
    /// Exit 5 where there is a file already; as [`Session::hand_out`]; files.
    pub fn write_records(
        &mut self,
        path: &Path,
        records: &[Record],
        clock: &dyn Fn() -> Timestamp,
    ) -> Result<PathBuf, Problem> {
        let path = match path.strip_prefix("~") {
            Ok(rest) => paths::Paths::of_user()?.home.join(rest),
            Err(_) => path.to_owned(),
        };
        let mut text = String::new();
        for record in records {
            // Texts and numbers: writing them cannot fail.
            text.push_str(&serde_json::to_string(record).unwrap_or_default());
            text.push('\n');
        }
        let entry = Entry::new(What::LogExported).with_note(path.display().to_string());
        self.hand_out(vec![entry], clock, || {
            let saved = durable::create(&path, text.as_bytes(), |_| Ok(()))?;
            saved.unsynced.map_or(Ok(()), |error| Err(error.into()))
        })?;
        Ok(path)
    }

    /// Checks the whole audit log.
    ///
    /// # Errors
    /// Exit 6 with the first line that is wrong.
    pub fn verify_log(&mut self) -> Result<Verified, Problem> {
        super::open::verify(&mut self.store)
    }

    /// Writes that the session ends; what is kept of the vault in the cache is dropped. `why` is a word, such as `idle`.
    pub fn locked(&mut self, why: &str, now: Timestamp) {
        self.cache().empty();
        // Locking is never refused.
        let _ = self.log.append(&[Entry::new(What::Locked).with_result(why)], now, &self.store);
    }
}

/// What a list of edits is in the log.
#[derive(Debug, Default)]
pub(super) struct Plan {
    /// What must be written before the save, else it is refused.
    pub(super) before: Vec<Entry>,
    after: Vec<After>,
}

/// What is written after the save.
#[derive(Debug)]
enum After {
    /// About a credential as it is then.
    About(What, Id, String),
    /// Tokens of a credential that were stored, and what came of asking for them.
    Tokens(What, Id, &'static str),
    Entry(Box<Entry>),
}

impl Plan {
    /// Of edits that are about to be applied to a document.
    pub(super) fn of(edits: &[Edit], document: &Document) -> Self {
        let mut plan = Self::default();
        let mut tests: BTreeMap<&'static str, Vec<Id>> = BTreeMap::new();
        let find = Finder::new(document, edits.len());
        for edit in edits {
            plan.add(edit, &find, &mut tests);
        }
        for (outcome, ids) in tests {
            for ids in ids.chunks(TESTS_IN_A_LINE) {
                let entry = Entry::new(What::Tested).with_result(outcome).with_ids(ids.to_vec());
                plan.after.push(After::Entry(Box::new(entry)));
            }
        }
        plan
    }

    fn add<'a>(&mut self, edit: &'a Edit, find: &Finder<'a>, tests: &mut BTreeMap<&'static str, Vec<Id>>) {
        let written = |entry: Entry| After::Entry(Box::new(entry));
        match edit {
            Edit::Create { id, .. } => {
                self.after.push(After::About(What::Created, id.clone(), String::new()))
            }
            Edit::Update { id, content, .. } => {
                let changed = find.stored(id).map(|known| differences(&known.content, content));
                let names: Vec<String> =
                    changed.unwrap_or_default().into_iter().map(|one| one.field).collect();
                self.after.push(After::About(What::Updated, id.clone(), names.join(", ")));
            }
            Edit::Restore { id } => self.after.push(After::About(What::Restored, id.clone(), String::new())),
            Edit::Remove { id, .. } => {
                self.before.extend(find.stored(id).map(|known| Entry::about(What::Removed, known)))
            }
            Edit::Purge { id } => {
                self.before.extend(find.removed(id).map(|known| Entry::about(What::Purged, known)))
            }
            Edit::PutInTrash { removed, .. } => {
                self.after.push(written(Entry::about(What::PutInTrash, &removed.credential)));
            }
            Edit::RecordTest { id, record } => {
                tests.entry(Outcome::word(record.outcome)).or_default().push(id.clone());
            }
            Edit::ForgetTest { id, .. } => {
                let entry = Entry::new(What::Tested).with_result("taken back").with_ids(vec![id.clone()]);
                self.after.push(written(entry));
            }
            Edit::SetWorkflows { under, workflows } => {
                let entry = Entry::new(What::Scanned).with_note(under.join(", "));
                let count = i64::try_from(workflows.len()).unwrap_or(i64::MAX);
                self.after.push(written(entry.with_fact("workflows", count)));
            }
            Edit::SetTokens { id, tokens, issued, .. } => {
                let what = match issued {
                    _ if tokens.digest().is_none() => What::Revoked,
                    Some(issued) if issued.logged_in_at == Some(issued.received_at) => What::LoggedIn,
                    _ => What::Refreshed,
                };
                let refused = issued.as_ref().is_some_and(|issued| issued.refused_at.is_some());
                let result = if refused { "login_needed" } else { "ok" };
                self.after.push(After::Tokens(what, id.clone(), result));
            }
            Edit::SetRotation { id, seen, rotation } => {
                match rotation_step(seen.as_deref(), rotation.as_deref()) {
                    Step::Is(what, note) => self.after.push(After::About(what, id.clone(), note.to_owned())),
                    Step::Tested(result) => {
                        let entry = Entry::new(What::Tested).with_result(result).with_ids(vec![id.clone()]);
                        self.after.push(written(entry.with_note("the next value of a rotation")));
                    }
                    Step::ToldOtherwise => {}
                }
            }
            Edit::AddSolution { solution } => {
                self.after.push(written(Entry::new(What::SolutionAdded).in_solution(&solution.name)));
            }
            Edit::RemoveSolution { name } => {
                self.after.push(written(Entry::new(What::SolutionRemoved).in_solution(name)));
            }
            Edit::RenameSolution { from, to, .. } => {
                let entry = Entry::new(What::SolutionRenamed).in_solution(from);
                self.after.push(written(entry.with_note(format!("to {to}"))));
            }
            Edit::SetOauthApp { name, after: Some(app), .. } => {
                let entry = Entry::new(What::OauthAppChanged).named(name);
                self.after.push(written(entry.with_secrets(&app.content.secrets)));
            }
            Edit::SetOauthApp { name, after: None, .. } => {
                self.after.push(written(Entry::new(What::OauthAppRemoved).named(name)));
            }
            Edit::DefineKind { id, .. } => self.after.push(written(Entry::new(What::KindChanged).named(id))),
            Edit::PutKindBack { definition, .. } => {
                self.after.push(written(Entry::new(What::KindChanged).named(&definition.id)));
            }
            Edit::RemoveKind { id } => self.after.push(written(Entry::new(What::KindRemoved).named(id))),
            Edit::SetRecipients { before, after } => {
                // Whoever is added can read everything: that is handing out.
                self.before.push(recipients_changed(before, after));
            }
        }
    }

    /// What is written after the save, of a document as it is then.
    pub(super) fn entries(self, document: &Document, exchanges: &mut BTreeMap<Id, Begun>) -> Vec<Entry> {
        let find = Finder::new(document, self.after.len());
        let mut ended = Vec::new();
        let mut entry = |after| match after {
            // The end of an exchange whose beginning was written.
            After::Tokens(what, id, result) => match exchanges.remove(&id) {
                Some(begun) => {
                    ended.extend(begun.outcomes(result));
                    None
                }
                None => find.stored(&id).map(|known| Entry::about(what, known).with_result(result)),
            },
            After::Entry(entry) => Some(*entry),
            After::About(what, id, note) => {
                let known = find.stored(&id)?;
                Some(Entry::about(what, known).with_secrets(&known.content.secrets).with_note(note))
            }
        };
        let mut entries: Vec<Entry> = self.after.into_iter().filter_map(&mut entry).collect();
        entries.extend(ended);
        entries
    }
}

/// What a step of a rotation is in the log.
enum Step {
    Is(What, &'static str),
    /// The next values were tested, or taken as they are.
    Tested(&'static str),
    /// Another edit of the same save tells it.
    ToldOtherwise,
}

fn rotation_step(before: Option<&Rotation>, after: Option<&Rotation>) -> Step {
    let switched =
        |rotation: Option<&Rotation>| rotation.is_some_and(|rotation| rotation.stage.is_switched());
    match (before, after) {
        (None, None) => Step::ToldOtherwise,
        (Some(_), None) if switched(before) => Step::Is(What::RotationEnded, "the value before was dropped"),
        (Some(_), None) => Step::Is(What::RotationEnded, "the next value was dropped"),
        (_, Some(_)) if switched(before) != switched(after) => {
            Step::Is(if switched(after) { What::Rotated } else { What::RolledBack }, "")
        }
        (None, Some(_)) => Step::Is(What::RotationBegun, ""),
        (Some(one), Some(other)) if one.kept != other.kept => Step::Is(What::RotationBegun, "entered anew"),
        (Some(one), Some(other)) if one.tested == other.tested => Step::Tested("taken as it is"),
        // A test of what is in use is noted as one.
        (_, Some(other)) if other.stage.is_switched() => Step::ToldOtherwise,
        (_, Some(other)) => Step::Tested(other.tested.as_ref().map_or("", |tested| tested.outcome.word())),
    }
}

fn recipients_changed(before: &[Recipient], after: &[Recipient]) -> Entry {
    let missing = |from: &[Recipient], word: &str, among: &[Recipient]| {
        let there = |wanted: &Recipient| among.iter().any(|known| known.recipient == wanted.recipient);
        let gone: Vec<String> = from
            .iter()
            .filter(|known| !there(known))
            .map(|known| format!("{word} {} {}", known.recipient, known.name).trim().to_owned())
            .collect();
        gone
    };
    let changes = [missing(after, "added", before), missing(before, "removed", after)].concat();
    let count = i64::try_from(after.len()).unwrap_or(i64::MAX);
    Entry::new(What::RecipientsChanged).with_note(changes.join("; ")).with_fact("recipients", count)
}

/// Finds credentials by their ids, many as fast as few.
struct Finder<'a> {
    document: &'a Document,
    index: Option<HashMap<&'a Id, &'a Credential>>,
}

impl<'a> Finder<'a> {
    fn new(document: &'a Document, count: usize) -> Self {
        let index = || document.credentials.iter().map(|known| (&known.id, known)).collect();
        Self { document, index: (count > MANY).then(index) }
    }

    fn stored(&self, id: &Id) -> Option<&'a Credential> {
        match &self.index {
            Some(index) => index.get(id).copied(),
            None => self.document.by_id(id),
        }
    }

    fn removed(&self, id: &Id) -> Option<&'a Credential> {
        self.document.trash.iter().map(|removed| &removed.credential).find(|known| known.id == *id)
    }
}
