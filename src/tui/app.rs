//! The state of the workbench: [`App::update`] is the only place where it changes. It never waits, opens a
//! file or draws.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyEvent;
use jiff::Timestamp;
use rand::RngExt as _;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use rustix::process::Signal;

use super::action::Action;
use super::keymap::{Context, Key, Keymap};
use super::message::{Answer, Effect, Message, Order, Purpose, Question, QuestionKind, Timer};
use super::screen::confirm::Confirm;
use super::screen::first_start::FirstStart;
use super::screen::help::Help;
use super::screen::palette::Palette;
use super::screen::question::Ask;
use super::screen::refused::Refused;
use super::screen::unlock::Unlock;
use super::screen::workbench::Workbench;
use super::screen::{Reply, Screen};
use super::theme::Theme;
use crate::config::Config;
use crate::model::{Document, Edit, Id};
use crate::problem::Problem;
use crate::schema::Kinds;
use crate::schema::catalogue::Index;
use crate::secret::Secret;
use crate::vault::OpenPolicy;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// Below this size only a sentence is shown.
const SMALLEST: (u16, u16) = (30, 8);

/// How the workbench ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// Somebody quit.
    Quit,
    /// A signal ended it: the process shall die by the same.
    Signal(Signal),
}

/// How much a notice matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tone {
    /// It went well.
    Good,
    /// To know.
    Plain,
    /// Something is wrong.
    Bad,
}

/// What every screen may use.
pub struct Shared {
    /// The keys.
    pub keymap: Keymap,
    /// The colours.
    pub theme: Theme,
    /// The options.
    pub config: Config,
    /// The kinds there are.
    pub kinds: Arc<Kinds>,
    /// The services of the kinds' catalogue, once they were asked for and read.
    pub services: Option<Arc<Index>>,
    /// The current solution.
    pub solution: String,
    /// Whether the vault is a throw-away one.
    pub demo: bool,
    /// Tells the time.
    pub clock: Clock,
    /// The line above the footer.
    notice: Option<(Tone, String)>,
    effects: Vec<Effect>,
    serial: u64,
}

impl Shared {
    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Shows a line until the next key.
    pub fn tell(&mut self, tone: Tone, text: impl Into<String>) {
        self.notice = Some((tone, text.into()));
    }

    /// Shows a problem, with what to do about it.
    pub fn tell_problem(&mut self, problem: &Problem) {
        let hint = problem.hint.as_ref().map(|hint| format!(" · {hint}")).unwrap_or_default();
        self.tell(Tone::Bad, format!("{}{hint}", problem.message));
    }

    /// The line that is shown.
    pub fn notice(&self) -> Option<(Tone, &str)> {
        self.notice.as_ref().map(|(tone, text)| (*tone, text.as_str()))
    }

    /// Wants something done.
    pub fn effect(&mut self, effect: Effect) {
        self.effects.push(effect);
    }

    /// A number that was not given before.
    pub fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}

/// A change that a screen decided on, to be stored.
#[derive(Debug)]
pub struct Wish {
    /// All or none.
    pub edits: Vec<Edit>,
    /// What undoing calls it: "the copy of billing".
    pub label: String,
    /// What is told once it is stored.
    pub done: String,
    /// The solution that is the current one then.
    pub solution: Option<String>,
}

/// What a screen wants of the workbench.
#[derive(Debug)]
pub enum Command {
    /// Do an action as if its key had been pressed.
    Perform(Action),
    /// Unlock the vault.
    Unlock,
    /// Open the refused vault, read-only.
    OpenReadOnly,
    /// Make the vault.
    Create(Option<Secret>),
    /// Answer a question of the vault's thread.
    Answer(Question, super::message::Reply),
    /// Begin a draft.
    Begin {
        /// Of this kind.
        kind: String,
        /// For this service.
        service: Option<String>,
    },
    /// Test the credentials shown, those included or not whose test costs or may lock an account.
    TestShown {
        /// Those, too.
        costly: bool,
    },
    /// Send a text that is no secret to the terminal's clipboard: what it is, and the text.
    Copy(&'static str, String),
    /// Move credentials to the trash.
    Remove(Vec<Id>),
    /// Store a change.
    Store(Wish),
    /// Search for what a saved filter says.
    UseFilter(String),
    /// Make a solution the current one and show only it; `None`: show all.
    UseSolution(Option<String>),
    /// Go on editing, at the first error.
    Fix,
    /// Save the draft although its test failed.
    SaveAnyway,
    /// Save the draft over what another program stored.
    Overwrite,
    /// Drop the draft for what another program stored.
    TakeTheirs,
    /// Drop the draft.
    Discard,
    /// Close the top screen, whatever it holds.
    LeaveLayer,
    /// Close the top screen, whatever it holds, and do an action below it.
    LeaveLayerAnd(Action),
    /// Drop the draft and lock.
    Lock,
    /// Drop the draft and quit.
    Quit,
}

/// Why something was committed.
#[derive(Debug)]
pub(super) enum Change {
    /// A draft was saved.
    Draft,
    /// Credentials were removed: what to call them.
    Removal(String),
    /// What a screen decided on: what undoing calls it, what is told, and the current solution then.
    Wish(String, String, Option<String>),
    /// A change was taken back: what to call it.
    Undo(String),
    /// Tests were noted.
    Tests,
}

/// The workbench.
pub struct App {
    shared: Shared,
    /// There while the vault is open; below all layers.
    bench: Option<Workbench>,
    layers: Vec<Box<dyn Screen>>,
    commits: BTreeMap<u64, Change>,
    clipboard: Option<u64>,
    /// The newest timer of [`Timer::Retest`].
    retest: Option<u64>,
    /// What was wrong with the last passphrase, until it is asked for again.
    wrong: Option<String>,
    creating: bool,
    quitting: bool,
    ended: Option<Ended>,
    read_only: bool,
}

impl App {
    /// A locked workbench. It asks for the vault at once: take the effects.
    pub fn new(
        config: Config,
        keymap: Keymap,
        solution: String,
        clock: Clock,
        demo: bool,
    ) -> (Self, Vec<Effect>) {
        let shared = Shared {
            keymap,
            theme: Theme::new(config.screen.theme),
            config,
            kinds: Kinds::builtin().clone(),
            services: None,
            solution,
            demo,
            clock,
            notice: None,
            effects: Vec::new(),
            serial: 0,
        };
        let app = Self {
            shared,
            bench: None,
            layers: vec![Box::new(Unlock::working())],
            commits: BTreeMap::new(),
            clipboard: None,
            retest: None,
            wrong: None,
            creating: false,
            quitting: false,
            ended: None,
            read_only: false,
        };
        let order = Order::Unlock { policy: OpenPolicy::Strict, relock: false };
        (app, vec![Effect::Vault(order)])
    }

    /// Puts a screen on top.
    pub fn open(&mut self, screen: Box<dyn Screen>) {
        self.layers.push(screen);
    }

    /// How it ended, once it has.
    pub fn ended(&self) -> Option<Ended> {
        self.ended
    }

    /// Whether something is being written that the end has to wait for.
    pub fn is_saving(&self) -> bool {
        self.creating || !self.commits.is_empty()
    }

    /// Whether a copied secret is still to be cleared from the clipboard.
    pub fn has_clipboard(&self) -> bool {
        self.clipboard.is_some()
    }

    /// Takes over what happened; gives what is to be done.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        match message {
            Message::Key(key) => self.key(key),
            Message::Paste(text) => self.paste(&text),
            Message::Resize | Message::Continued => {}
            Message::Vault(answer) => self.answer(answer),
            Message::Services(index) => self.shared.services = Some(index),
            Message::Tested(ticket, report) => {
                if let Some(bench) = &mut self.bench {
                    let reply = bench.tested(ticket, *report, &mut self.shared);
                    self.apply(reply, None);
                }
            }
            Message::Timer(Timer::Spin) => {
                if let Some(bench) = &mut self.bench {
                    bench.spin(&mut self.shared);
                }
            }
            Message::Timer(Timer::Retest(serial)) => self.retest(serial),
            Message::Timer(Timer::Mask(serial)) => {
                if let Some(bench) = &mut self.bench {
                    bench.mask(Some(serial));
                }
            }
            Message::Timer(Timer::ClearClipboard(serial)) => {
                if self.clipboard == Some(serial) {
                    self.clear_clipboard();
                    self.shared.tell(Tone::Plain, "the clipboard was cleared");
                }
            }
            Message::Signal(signal) => self.ended = Some(Ended::Signal(signal)),
            Message::TerminalGone => self.ended = Some(Ended::Signal(Signal::HUP)),
        }
        self.commit_what_is_wanted();
        if self.quitting && !self.is_saving() {
            self.ended.get_or_insert(Ended::Quit);
        }
        std::mem::take(&mut self.shared.effects)
    }

    fn top(&mut self) -> (Option<&mut dyn Screen>, &mut Shared) {
        let top = match self.layers.last_mut() {
            Some(layer) => Some(&mut **layer as &mut dyn Screen),
            None => self.bench.as_mut().map(|bench| bench as &mut dyn Screen),
        };
        (top, &mut self.shared)
    }

    fn key(&mut self, event: KeyEvent) {
        self.shared.notice = None;
        let (Some(top), shared) = self.top() else { return };
        let reply = match shared.keymap.action(top.context(), Key::of(event)) {
            Some(action) => return self.perform(action),
            None => top.key(event, shared),
        };
        self.apply(reply, None);
    }

    fn paste(&mut self, text: &Secret) {
        self.shared.notice = None;
        let (Some(top), shared) = self.top() else { return };
        let reply = top.paste(text.expose(), shared);
        self.apply(reply, None);
    }

    fn perform(&mut self, action: Action) {
        let (Some(top), shared) = self.top() else { return };
        if let Some(why) = top.refusal(action, shared) {
            return self.shared.tell(Tone::Plain, why);
        }
        let reply = top.perform(action, shared);
        let unused = matches!(reply, Reply::Ignored).then_some(action);
        self.apply(reply, unused);
    }

    /// Does what a screen replied; an action that it did not use may be one that holds everywhere.
    fn apply(&mut self, reply: Reply, unused: Option<Action>) {
        match reply {
            Reply::Ignored => {
                if let Some(action) = unused {
                    self.everywhere(action);
                }
            }
            Reply::Done => {}
            Reply::Open(screen) => self.layers.push(screen),
            Reply::Replace(screen) => {
                self.layers.pop();
                self.layers.push(screen);
            }
            Reply::Close => {
                self.layers.pop();
            }
            Reply::CloseAnd(command) => {
                self.layers.pop();
                self.command(command);
            }
            Reply::Do(command) => self.command(command),
        }
    }

    fn everywhere(&mut self, action: Action) {
        let context = match self.top() {
            (Some(top), _) => top.context(),
            _ => Context::Global,
        };
        match action {
            Action::Help => self.layers.push(Box::new(Help::new(context, &self.shared.keymap))),
            Action::Palette => {
                let (Some(top), shared) = self.top() else { return };
                let palette = Palette::new(&*top, shared);
                self.layers.push(Box::new(palette));
            }
            Action::Suspend => self.shared.effect(Effect::Suspend),
            Action::Lock => self.leave(Command::Lock),
            Action::Quit => self.leave(Command::Quit),
            _ => {}
        }
    }

    /// Locks or quits; asks before where that would lose a draft.
    fn leave(&mut self, how: Command) {
        if self.bench.as_ref().is_some_and(Workbench::is_dirty) && !self.quitting {
            // A question that is open already is replaced by this one.
            self.layers.clear();
            self.layers.push(Box::new(Confirm::unsaved(how)));
        } else {
            self.command(how);
        }
    }

    fn command(&mut self, command: Command) {
        match command {
            Command::Perform(action) => self.perform(action),
            Command::Unlock => self.unlock(OpenPolicy::Strict),
            Command::OpenReadOnly => self.unlock(OpenPolicy::ReadOnly),
            Command::Create(passphrase) => {
                self.creating = true;
                self.layers = vec![Box::new(Unlock::creating())];
                self.shared.effect(Effect::Vault(Order::Create { passphrase }));
            }
            Command::Answer(question, reply) => self.shared.effect(Effect::Answer(question.answer, reply)),
            Command::LeaveLayer => drop(self.layers.pop()),
            Command::LeaveLayerAnd(action) => {
                self.layers.pop();
                self.perform(action);
            }
            Command::Lock => self.lock(),
            Command::Quit => {
                self.quitting = true;
                if let Some(bench) = &mut self.bench {
                    bench.cancel_tests(&mut self.shared);
                }
                self.commit_what_is_wanted();
                if self.is_saving() {
                    self.shared.tell(Tone::Plain, "saving…");
                }
            }
            Command::Copy(what, text) => {
                // A copied secret is gone with it: there is nothing to clear any more.
                self.clipboard = None;
                self.shared.effect(Effect::Clipboard(Secret::from(text.as_str())));
                self.shared.tell(Tone::Good, format!("{what} sent to the terminal's clipboard"));
            }
            Command::Begin { .. }
            | Command::TestShown { .. }
            | Command::Remove(_)
            | Command::Store(_)
            | Command::UseFilter(_)
            | Command::UseSolution(_)
            | Command::Fix
            | Command::SaveAnyway
            | Command::Overwrite
            | Command::TakeTheirs
            | Command::Discard => {
                if let Some(bench) = &mut self.bench {
                    bench.command(command, &mut self.shared);
                }
            }
        }
    }

    fn unlock(&mut self, policy: OpenPolicy) {
        self.layers = vec![Box::new(Unlock::working())];
        self.shared.effect(Effect::Vault(Order::Unlock { policy, relock: false }));
    }

    fn lock(&mut self) {
        if self.bench.is_none() {
            return;
        }
        if let Some(bench) = &mut self.bench {
            bench.cancel_tests(&mut self.shared);
        }
        self.commit_what_is_wanted();
        // Effects that hold secrets go with the rest; what is being saved is saved before the lock.
        self.bench = None;
        self.retest = None;
        self.read_only = false;
        self.layers = vec![Box::new(Unlock::locked())];
        if self.clipboard.is_some() {
            self.clear_clipboard();
        }
        self.shared.effect(Effect::Vault(Order::Lock));
        self.shared.effect(Effect::Vault(Order::Unlock { policy: OpenPolicy::Strict, relock: true }));
    }

    /// Comes back when everything is to be tested again: about then, so that many workbenches that were opened
    /// together do not ask together.
    fn wait_for_retest(&mut self) {
        let seconds = self.shared.config.test.retest_minutes * 60;
        if seconds == 0 {
            return;
        }
        let serial = self.shared.next_serial();
        self.retest = Some(serial);
        let after = rand::rng().random_range(seconds * 9 / 10..=seconds * 11 / 10);
        self.shared.effect(Effect::Wake(Duration::from_secs(after), Timer::Retest(serial)));
    }

    fn retest(&mut self, serial: u64) {
        let Some(bench) = self.bench.as_mut().filter(|_| self.retest == Some(serial)) else { return };
        bench.retest(&mut self.shared);
        self.wait_for_retest();
    }

    fn clear_clipboard(&mut self) {
        self.clipboard = None;
        self.shared.effect(Effect::Clipboard(Secret::from("")));
    }

    /// Turns what the bench wants stored into orders.
    fn commit_what_is_wanted(&mut self) {
        let Some(bench) = &mut self.bench else { return };
        for (edits, change) in bench.take_commits() {
            let serial = self.shared.next_serial();
            self.commits.insert(serial, change);
            self.shared.effect(Effect::Vault(Order::Commit { serial, edits }));
        }
    }

    fn answer(&mut self, answer: Answer) {
        match answer {
            Answer::NoVault { vault, identity, identity_exists } => {
                self.layers = vec![Box::new(FirstStart::new(vault, identity, identity_exists))];
            }
            Answer::Locked => self.layers = vec![Box::new(Unlock::locked())],
            Answer::Question(question) => self.ask(question),
            Answer::Told(text) => self.shared.tell(Tone::Plain, text),
            Answer::Wrong(problem) => self.wrong = Some(problem.message),
            Answer::Failed(problem) => {
                self.creating = false;
                self.layers = vec![Box::new(Unlock::failed(&problem))];
            }
            Answer::Refused(problem) => self.layers = vec![Box::new(Refused::new(problem))],
            Answer::Opened { document, notices, refusal, created } => {
                self.creating = false;
                self.opened(document, notices, refusal, created);
            }
            Answer::Committed { serial, result } => self.committed(serial, result),
            Answer::Refreshed(Ok(document)) => {
                if let (Some(document), Some(bench)) = (document, &mut self.bench) {
                    self.shared.kinds = self.shared.kinds.after(&document);
                    bench.set_document(document, &mut self.shared);
                    self.shared
                        .tell(Tone::Plain, "another program saved the vault; this is what it says now");
                }
            }
            Answer::Refreshed(Err(problem)) => self.shared.tell_problem(&problem),
            Answer::Secret { id, place, purpose, result } => self.secret(id, place, purpose, result),
            Answer::Broken => {
                self.bench = None;
                self.creating = false;
                self.commits.clear();
                self.layers = vec![Box::new(Unlock::broken())];
            }
        }
    }

    fn ask(&mut self, question: Question) {
        match question.kind {
            QuestionKind::Passphrase if self.bench.is_none() => {
                self.layers = vec![Box::new(Unlock::asking(question, self.wrong.take()))];
            }
            _ => self.layers.push(Box::new(Ask::new(question))),
        }
    }

    /// Lets credentials be of these kinds besides the vault's own.
    pub fn know(&mut self, kinds: Arc<Kinds>) {
        self.shared.kinds = kinds;
    }

    fn opened(
        &mut self,
        document: Arc<Document>,
        notices: Vec<String>,
        refusal: Option<Problem>,
        created: bool,
    ) {
        self.layers.clear();
        self.shared.kinds = self.shared.kinds.after(&document);
        self.read_only = refusal.is_some();
        self.bench = Some(Workbench::new(document, self.read_only, &self.shared));
        self.wait_for_retest();
        match refusal {
            Some(problem) => self.shared.tell(Tone::Bad, format!("read-only: {}", problem.message)),
            None if created => {
                let add = self.shared.keymap.key(Context::List, Action::Add);
                let add = add.map(|key| format!("; {key} adds the first credential")).unwrap_or_default();
                self.shared.tell(Tone::Good, format!("the vault was made{add}"));
            }
            None if !notices.is_empty() => {
                self.shared.tell(Tone::Plain, notices.join(" · "));
            }
            None => {}
        }
    }

    fn committed(&mut self, serial: u64, result: Result<(crate::session::Saved, u64), Problem>) {
        let Some(change) = self.commits.remove(&serial) else { return };
        let Some(bench) = &mut self.bench else { return };
        if let Ok((saved, _)) = &result {
            self.shared.kinds = self.shared.kinds.after(&saved.document);
        }
        if matches!(change, Change::Wish(..)) && result.is_ok() {
            // The screen that wanted it shows what was before; where it failed, nothing typed there is lost.
            self.layers.clear();
        }
        let reply = bench.committed(change, result, &mut self.shared);
        self.apply(reply, None);
    }

    fn secret(&mut self, id: Id, place: String, purpose: Purpose, result: Result<Secret, Problem>) {
        let secret = match result {
            Ok(secret) => secret,
            Err(problem) => return self.shared.tell_problem(&problem),
        };
        let Some(bench) = &mut self.bench else { return };
        let serial = self.shared.next_serial();
        match purpose {
            Purpose::Reveal => {
                let seconds = self.shared.config.screen.reveal_seconds;
                bench.reveal(id, place, secret, serial);
                self.shared.effect(Effect::Wake(Duration::from_secs(seconds), Timer::Mask(serial)));
                self.shared.tell(Tone::Plain, format!("shown for {seconds} s"));
            }
            Purpose::Copy => {
                let seconds = self.shared.config.screen.copy_seconds;
                self.clipboard = Some(serial);
                self.shared.effect(Effect::Clipboard(secret));
                self.shared.effect(Effect::Wake(Duration::from_secs(seconds), Timer::ClearClipboard(serial)));
                self.shared
                    .tell(Tone::Good, format!("sent to the terminal's clipboard; cleared in {seconds} s"));
            }
        }
    }

    /// Draws everything; the cursor's place, where text is typed.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer) -> Option<Position> {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            buf.set_stringn(area.x, area.y, "too small", area.width as usize, self.shared.theme.text);
            return None;
        }
        let lowest = self.layers.iter().rposition(|layer| layer.covers());
        let mut cursor = None;
        if lowest.is_none()
            && let Some(bench) = &mut self.bench
        {
            cursor = bench.draw(area, buf, &self.shared);
        }
        for layer in &mut self.layers[lowest.unwrap_or(0)..] {
            cursor = layer.draw(area, buf, &self.shared);
        }
        cursor.filter(|at| area.contains(*at))
    }
}
