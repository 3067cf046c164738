//! The thread that owns the unlocked vault.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::{Duration, Instant};

use tokio::sync::mpsc::UnboundedSender;

use crate::audit::{Entry, Record, What};
use crate::memory;
use crate::model::{Document, Edit, EditError, Id};
use crate::problem::{Exit, Problem};
use crate::schema::Kinds;
use crate::secret::Secret;
use crate::session::oauth::Held;
use crate::session::{self, Opened, Protection, Saved, Session, Setup, WorkflowUses};
use crate::tui::app::{Clock, Preview, Rewriting};
use crate::tui::clipboard;
use crate::tui::message::{Answer, Message, Order, Outside, Purpose, Question, QuestionKind, Reply};
use crate::vault::{Ask, Keyring, OpenPolicy, SealedDraft, keyring};

/// How long a lock waits for exchanges that go on: what an authorization server gave for a refresh token would be lost
/// with the whole grant. They were cancelled before, so this is only as long as an answer under way takes.
const LAST_EXCHANGES: Duration = Duration::from_secs(6);

/// Does orders until nobody can give one any more.
pub(super) fn serve(
    setup: Setup,
    clock: &Clock,
    orders: &Receiver<Order>,
    messages: &UnboundedSender<Message>,
) {
    let screen = Screen(messages.clone());
    let mut owner = Owner {
        setup,
        clock: clock.clone(),
        session: None,
        exchanges: 0,
        held: Vec::new(),
        told_of_swap: false,
        screen: screen.clone(),
    };
    let mut late = VecDeque::new();
    while let Some(order) = late.pop_front().or_else(|| orders.recv().ok()) {
        // The session is dropped after a panic, so nothing half done is seen.
        let done = catch_unwind(AssertUnwindSafe(|| {
            if matches!(order, Order::Lock) {
                owner.finish_exchanges(orders, &mut late);
            }
            owner.order(order);
        }));
        if done.is_err() {
            owner.session = None;
            screen.say(Answer::Broken);
        }
    }
}

struct Owner {
    setup: Setup,
    clock: Clock,
    session: Option<Session>,
    /// How many exchanges of tokens go on.
    exchanges: usize,
    /// Sealed drafts that could not be put on the disk.
    held: Vec<SealedDraft>,
    /// Whether it was said that keys may be written to swap.
    told_of_swap: bool,
    screen: Screen,
}

impl Owner {
    fn order(&mut self, order: Order) {
        match order {
            Order::Unlock { policy, relock } => self.unlock(policy, relock),
            Order::Create { passphrase } => self.create(passphrase),
            Order::Commit { serial, edits } => {
                let before = self.session.as_ref().map(|session| session.document().clone());
                let result = self.commit(edits);
                if let (Err(_), Some(before), Some(session)) = (&result, before, &self.session)
                    && !Arc::ptr_eq(&before, session.document())
                {
                    // Another program had saved: what the vault says now comes first, then what failed.
                    self.screen.say(Answer::Refreshed(Ok(Outside::of(&before, session.document()))));
                }
                self.screen.say(Answer::Committed { serial, result });
            }
            Order::Refresh => self.refresh(),
            Order::Records => {
                let records = self.session.as_ref().ok_or_else(locked).and_then(Session::records);
                self.screen.say(Answer::Records(records.map(newest)));
            }
            Order::WriteRecords { path, records } => {
                let clock = self.clock.clone();
                let session = self.session.as_mut().ok_or_else(locked);
                let written = session.and_then(|session| session.write_records(&path, &records, &*clock));
                self.screen.say(Answer::Written(written));
            }
            Order::Review { kinds, standard } => {
                let session = self.session.as_ref().ok_or_else(locked);
                let reviewed = session.and_then(|session| session.review(&kinds, standard));
                self.screen.say(Answer::Reviewed(reviewed));
            }
            Order::SignOff { reviewed, words } => {
                let (session, now) = (self.session.as_mut().ok_or_else(locked), (self.clock)());
                let signed = session.and_then(|session| session.sign_off(&reviewed.findings, &words, now));
                self.screen.say(Answer::SignedOff(signed));
            }
            Order::Uses => {
                let records = self.session.as_ref().ok_or_else(locked).and_then(Session::records);
                let uses = records.map(|records| WorkflowUses::of_records(&records));
                self.screen.say(Answer::Uses(uses));
            }
            Order::Preview(what) => {
                let session = self.session.as_ref().ok_or_else(locked);
                let preview = session.and_then(|session| preview(session.document(), what));
                self.screen.say(Answer::Preview(preview));
            }
            Order::Rewrite(files) => self.screen.say(Answer::Rewritten(session::write_rewrites(&files))),
            Order::RewriteBack(files) => {
                self.screen.say(Answer::Rewritten(session::take_rewrites_back(&files)));
            }
            Order::ExchangeBegins => self.exchanges += 1,
            Order::ExchangeEnds => self.exchanges = self.exchanges.saturating_sub(1),
            // Who asked may be gone: a login that was cancelled.
            Order::Hold { id, kinds, answer } => drop(answer.send(self.hold(&id, &kinds))),
            Order::Store { edits, answer } => drop(answer.send(self.keep(edits))),
            Order::RecordBegin { what, id, answer } => {
                let session = self.session.as_mut().ok_or_else(locked);
                let now = (self.clock)();
                drop(answer.send(session.and_then(|session| session.exchange_begins(what, &id, now))));
            }
            Order::RecordEnd { id, result } => {
                if let Some(session) = &mut self.session {
                    session.exchange_ends(&id, result, (self.clock)());
                }
            }
            Order::RecordRefused { id, why } => {
                if let Some(session) = &mut self.session {
                    session.use_refused(&id, why, (self.clock)());
                }
            }
            Order::Secret { id, place, purpose } => {
                let result = self.secret(&id, &place, purpose);
                let usage = self.session.as_ref().map(Session::usage).unwrap_or_default();
                self.screen.say(Answer::Secret { id, place, purpose, usage, result });
            }
            Order::Keep(keeping) => {
                let (held, result) = keeping.keep();
                self.held.extend(held);
                self.screen.say(Answer::Kept(result));
            }
            Order::Forget(sealer, id) => {
                self.screen.say(Answer::Forgot(sealer.forget(&id).map_err(Problem::from)));
            }
            Order::Lock => {
                if let Some(session) = &mut self.session {
                    session.locked("key", (self.clock)());
                }
                self.session = None;
                // What was given for the start does not open it again behind the operator's back.
                self.setup.passphrase = None;
                memory::give_back();
            }
        }
    }

    /// Does what exchanges still want before a lock; other orders wait.
    fn finish_exchanges(&mut self, orders: &Receiver<Order>, late: &mut VecDeque<Order>) {
        let until = Instant::now() + LAST_EXCHANGES;
        while self.exchanges > 0 && self.session.is_some() {
            let left = until.saturating_duration_since(Instant::now());
            let Ok(order) = orders.recv_timeout(left) else { return };
            match order {
                Order::ExchangeBegins
                | Order::ExchangeEnds
                | Order::Hold { .. }
                | Order::Store { .. }
                | Order::RecordBegin { .. }
                | Order::RecordEnd { .. } => self.order(order),
                other => late.push_back(other),
            }
        }
    }

    /// A credential as the vault has it now, and the folder of what belongs to the vault.
    fn hold(&mut self, id: &Id, kinds: &Kinds) -> Result<(Held, PathBuf), Problem> {
        self.look()?;
        let session = self.session.as_ref().ok_or_else(locked)?;
        Ok((Held::of(session.document(), kinds, id)?, session.store().folder().to_owned()))
    }

    /// Stores tokens, or a key; the screen knows of them before who waits for them does.
    fn keep(&mut self, edits: Vec<Edit>) -> Result<Saved, Problem> {
        let (saved, _) = self.commit(edits)?;
        self.screen.say(Answer::Tokens(saved.document.clone()));
        Ok(saved)
    }

    fn refresh(&mut self) {
        if let Err(problem) = self.look() {
            self.screen.say(Answer::Refreshed(Err(problem)));
        }
    }

    /// Reads the vault again where another program saved it, and tells. What this program saved itself is no news.
    fn look(&mut self) -> Result<(), Problem> {
        let Some(session) = &mut self.session else { return Ok(()) };
        let (before, used) = (session.document().clone(), session.usage());
        let refreshed = session.refresh()?;
        let usage = session.usage();
        if *used != *usage {
            self.screen.say(Answer::Used(usage));
        }
        if let Some(document) = refreshed {
            self.screen.say(Answer::Refreshed(Ok(Outside::of(&before, &document))));
        }
        Ok(())
    }

    fn unlock(&mut self, policy: OpenPolicy, relock: bool) {
        self.session = None;
        if !self.setup.has_vault() {
            let identity = self.setup.identities.first().cloned().unwrap_or_default();
            return self.screen.say(Answer::NoVault {
                vault: self.setup.places.vault.clone(),
                identity_exists: self.setup.missing_identity().is_none(),
                identity,
            });
        }
        if relock && !self.asks() {
            return self.screen.say(Answer::Locked);
        }
        let now = (self.clock)();
        let opened =
            self.keyring().and_then(|keyring| Session::open(&self.setup.places, keyring, policy, now));
        match opened {
            Ok(opened) => self.opened(opened, false),
            Err(problem) if problem.code == "no_passphrase" => self.screen.say(Answer::Locked),
            Err(problem) if problem.exit == Exit::Damaged => self.screen.say(Answer::Refused(problem)),
            Err(problem) => self.screen.say(Answer::Failed(problem)),
        }
    }

    /// Whether unlocking will ask for something.
    fn asks(&self) -> bool {
        self.setup.identities.iter().any(|path| keyring::needs_passphrase(path).unwrap_or(false))
    }

    /// Unlocks the identities; asks again after a wrong passphrase.
    fn keyring(&mut self) -> Result<Keyring, Problem> {
        loop {
            match self.setup.keyring(Arc::new(self.screen.clone()), (self.clock)()) {
                Err(problem) if problem.code == "wrong_passphrase" => {
                    self.setup.passphrase = None;
                    self.screen.say(Answer::Wrong(problem));
                }
                result => return result,
            }
        }
    }

    fn create(&mut self, passphrase: Option<Secret>) {
        let protection = || match passphrase {
            Some(passphrase) => Ok(Protection::Passphrase(passphrase)),
            // The identity disappeared since it was looked for. It is never made unprotected here.
            None => Err(Problem::new(Exit::Locked, "no_identity", "the identity is not there any more")),
        };
        let made = self.setup.init(&[], protection, Arc::new(self.screen.clone()), (self.clock)());
        match made {
            Ok(made) => self.opened(made.opened, true),
            Err(problem) => self.screen.say(Answer::Failed(problem)),
        }
    }

    fn opened(&mut self, opened: Opened, created: bool) {
        let session = self.session.insert(opened.session);
        let mut notices = opened.notices;
        if !opened.last_opened.is_empty() {
            notices.insert(0, opened.last_opened);
        }
        if memory::is_swappable() && !std::mem::replace(&mut self.told_of_swap, true) {
            notices.push("the keys of the vault may be written to swap: raise `ulimit -l`".to_owned());
        }
        // Before the rest, so that nothing is drawn for it.
        let unwatched = match session.watch() {
            Ok(watch) => {
                self.screen.say(Answer::Watch(watch));
                None
            }
            Err(why) => Some(why.to_string()),
        };
        self.screen.say(Answer::Opened {
            document: opened.document,
            usage: opened.usage,
            notices,
            alarms: opened.alarms,
            refusal: opened.refusal,
            created,
            drafts: session.drafts(&mut self.held),
            sealer: session.sealer(),
        });
        if let Some(why) = unwatched {
            self.screen.say(Answer::Unwatched(why));
        }
    }

    fn commit(&mut self, edits: Vec<Edit>) -> Result<(Saved, u64), Problem> {
        let session = self.session.as_mut().ok_or_else(locked)?;
        let saved = session.commit(edits, (self.clock)())?;
        Ok((saved, session.header().generation))
    }

    /// A secret, once it is written down that it is handed out.
    fn secret(&mut self, id: &Id, place: &str, purpose: Purpose) -> Result<Secret, Problem> {
        let session = self.session.as_mut().ok_or_else(locked)?;
        let document = session.document().clone();
        let stored = document.by_id(id).and_then(|known| Some((known, known.content.secret(place)?)));
        let missing = || Problem::new(Exit::NotFound, "missing_secret", "no secret is stored there");
        let (credential, secret) = stored.ok_or_else(missing)?;
        let what = match purpose {
            Purpose::Reveal => What::Revealed,
            Purpose::Copy if secret.expose().len() > clipboard::MOST => {
                let message = format!(
                    "a clipboard takes {} bytes at most, this has {}",
                    clipboard::MOST,
                    secret.expose().len()
                );
                let problem = Problem::new(Exit::Usage, "too_long_to_copy", message);
                return Err(problem.hint("`credbench get` prints it for a program"));
            }
            Purpose::Copy => What::Copied,
        };
        let entry = Entry::about(what, credential).with_value(place, secret);
        session.hand_out(vec![entry], &*self.clock, || Ok(secret.clone()))
    }
}

impl Outside {
    fn of(before: &Document, after: &Arc<Document>) -> Self {
        Self { document: after.clone(), words: session::news(before, after) }
    }
}

/// As many records as a person can look through; older ones `credbench audit` has.
fn newest(mut records: Vec<Record>) -> Vec<Record> {
    const MOST: usize = 20_000;
    records.drain(..records.len().saturating_sub(MOST));
    records
}

/// What a new name would change.
fn preview(document: &Document, what: Rewriting) -> Result<Preview, Problem> {
    match what {
        Rewriting::Key { id, to } => {
            let known = document.by_id(&id).ok_or_else(|| Problem::from(EditError::NoCredential(id)))?;
            let (solution, key) = (known.content.solution(), known.content.key().to_owned());
            Ok(Preview {
                title: format!("{key} becomes {to}, in these files too:"),
                edits: vec![session::renamed(known, &to)?],
                files: session::rewrites_of_key(document, solution, &key, &to)?,
                label: format!("the new key of {key}"),
                done: format!("{key} is {to} now"),
                name: key,
                solution: None,
            })
        }
        Rewriting::Solution { from, to, current } => Ok(Preview {
            title: format!("The solution {from} becomes {to}, in these files too:"),
            files: session::rewrites_of_solution(document, &from, &to)?,
            edits: vec![Edit::RenameSolution { from: from.clone(), to: to.clone(), except: Vec::new() }],
            label: format!("the new name of {from}"),
            done: format!("solution {from} is {to} now"),
            name: from,
            solution: current.then_some(to),
        }),
        Rewriting::Place { path, written, to } => Ok(Preview {
            title: format!("{to} in the place of {written}:"),
            edits: Vec::new(),
            files: session::rewrites_of_place(document, &path, &written, &to)?,
            label: format!("the other reference in {path}"),
            done: format!("{path} names {} now", to.key),
            name: written,
            solution: None,
        }),
    }
}

fn locked() -> Problem {
    Problem::new(Exit::Locked, "locked", "the vault is locked")
}

/// The person in front of the screen.
#[derive(Clone)]
struct Screen(UnboundedSender<Message>);

impl Screen {
    fn say(&self, answer: Answer) {
        // A screen that is gone needs no answer.
        let _ = self.0.send(Message::Vault(answer));
    }

    fn ask(&self, what: &str, kind: QuestionKind) -> Option<Reply> {
        let (answer, wait) = sync_channel(1);
        self.say(Answer::Question(Question { title: "Identity", what: what.to_owned(), kind, answer }));
        wait.recv().ok()
    }
}

impl Ask for Screen {
    fn passphrase(&self, what: &str) -> Option<Secret> {
        match self.ask(what, QuestionKind::Passphrase)? {
            Reply::Text(secret) => Some(secret),
            Reply::Choice(_) => None,
        }
    }

    fn text(&self, what: &str) -> Option<String> {
        match self.ask(what, QuestionKind::Text)? {
            Reply::Text(text) => Some(text.expose().to_owned()),
            Reply::Choice(_) => None,
        }
    }

    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool> {
        let kind = QuestionKind::Confirm { yes: yes.to_owned(), no: no.map(str::to_owned) };
        match self.ask(message, kind)? {
            Reply::Choice(choice) => Some(choice),
            Reply::Text(_) => None,
        }
    }

    fn message(&self, text: &str) {
        self.say(Answer::Told(text.to_owned()));
    }
}
