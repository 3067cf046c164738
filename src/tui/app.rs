//! The state of the workbench: [`App::update`] is the only place where it changes. It never waits, opens a
//! file or draws.

mod answer;
mod command;
mod drafts;
mod exchange;
mod open_time;
mod shared;
mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crossterm::event::KeyEvent;
use rand::RngExt as _;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use rustix::process::Signal;

use self::drafts::Drafts;
use self::open_time::OpenTime;
use super::action::Action;
use super::keymap::{Context, Key, Keymap};
use super::message::{Effect, Message, Order, Timer};
use super::screen::confirm::Confirm;
use super::screen::help::Help;
use super::screen::login::Login;
use super::screen::palette::Palette;
use super::screen::unlock::Unlock;
use super::screen::workbench::Workbench;
use super::screen::{Reply, Screen};
use crate::config::Config;
use crate::schema::Kinds;
use crate::secret::Secret;
use crate::vault::OpenPolicy;
use watch::Looking;

pub(super) use command::Change;
pub use command::{Command, Preview, Rewriting, Turn, Wish};
pub use shared::{Clock, Shared, Tone, Uptime};

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

/// The workbench.
pub struct App {
    shared: Shared,
    /// There while the vault is open; below all layers.
    bench: Option<Workbench>,
    /// A login that waits for a person; above the bench, below all layers.
    login: Option<Login>,
    layers: Vec<Box<dyn Screen>>,
    commits: BTreeMap<u64, Change>,
    drafts: Drafts,
    open_time: OpenTime,
    /// The program is suspended once the vault is locked.
    suspending: bool,
    clipboard: Option<u64>,
    /// The newest timer of [`Timer::Retest`].
    retest: Option<u64>,
    looking: Looking,
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
        clocks: (Clock, Uptime),
        demo: bool,
    ) -> (Self, Vec<Effect>) {
        let shared = Shared::new(config, keymap, solution, clocks, demo);
        let app = Self {
            shared,
            bench: None,
            login: None,
            layers: vec![Box::new(Unlock::working())],
            commits: BTreeMap::new(),
            drafts: Drafts::default(),
            open_time: OpenTime::default(),
            suspending: false,
            clipboard: None,
            retest: None,
            looking: Looking::default(),
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
        let exchanging = self.bench.as_ref().is_some_and(Workbench::is_exchanging);
        self.creating || exchanging || !self.commits.is_empty() || self.drafts.is_pending()
    }

    /// Whether a copied secret is still to be cleared from the clipboard.
    pub fn has_clipboard(&self) -> bool {
        self.clipboard.is_some()
    }

    /// Takes over what happened; gives what is to be done.
    pub fn update(&mut self, message: Message) -> Vec<Effect> {
        let input = matches!(message, Message::Key(_) | Message::Paste(_) | Message::NotPasted(_));
        // Before anything else: a key that comes too late must not do anything any more.
        if self.is_locked_in_time(input) {
            return std::mem::take(&mut self.shared.effects);
        }
        match message {
            Message::Key(key) => self.key(key),
            Message::Paste(text) => self.paste(&text),
            Message::NotPasted(why) => self.shared.tell(Tone::Bad, why),
            Message::Resize | Message::Continued => {}
            Message::Vault(answer) => self.answer(answer),
            Message::Scanned(scanned) => {
                if let Some(bench) = &mut self.bench {
                    bench.scanned(scanned, &mut self.shared);
                }
            }
            Message::Services(index) => self.shared.services = Some(index),
            Message::Tested(ticket, report) => {
                if let Some(bench) = &mut self.bench {
                    let reply = bench.tested(ticket, *report, &mut self.shared);
                    self.apply(reply, None);
                }
            }
            Message::Exchange(serial, news) => self.exchange(serial, news),
            Message::Timer(Timer::Login(serial)) => self.login_second(serial),
            Message::Timer(Timer::Spin) => {
                if let Some(bench) = &mut self.bench {
                    bench.spin(&mut self.shared);
                }
            }
            Message::Timer(Timer::Retest(serial)) => self.retest(serial),
            Message::Timer(Timer::OpenTime(serial)) => self.look_at_the_time(serial),
            Message::Lock => self.lock(),
            Message::Stop => self.suspend(),
            Message::Timer(Timer::Look(serial)) => self.look(serial),
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
            Message::Signal(signal) => self.die(signal),
            Message::TerminalGone => self.die(Signal::HUP),
        }
        self.commit_what_is_wanted();
        self.forget_what_is_done();
        if let Some(bench) = &self.bench {
            self.layers.iter_mut().for_each(|layer| layer.attend(bench, &self.shared));
        }
        if self.quitting && !self.is_saving() {
            self.ended.get_or_insert(Ended::Quit);
        }
        std::mem::take(&mut self.shared.effects)
    }

    fn top(&mut self) -> (Option<&mut dyn Screen>, &mut Shared) {
        let top = match self.layers.last_mut() {
            Some(layer) => Some(&mut **layer as &mut dyn Screen),
            None => match &mut self.login {
                Some(login) => Some(login as &mut dyn Screen),
                None => self.bench.as_mut().map(|bench| bench as &mut dyn Screen),
            },
        };
        (top, &mut self.shared)
    }

    /// Takes the top screen away.
    fn close_top(&mut self) {
        if self.layers.pop().is_none() {
            self.leave_login();
        }
    }

    fn key(&mut self, event: KeyEvent) {
        self.shared.notice = None;
        self.look_with_key();
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
            if let Some((id, why)) = top.forbids(action, shared) {
                shared.effect(Effect::Vault(Order::RecordRefused { id, why }));
            }
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
            Reply::Close => self.close_top(),
            Reply::CloseAnd(command) => {
                self.close_top();
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
            Action::Suspend => self.suspend(),
            Action::Drafts => self.open_drafts(),
            Action::Lock => self.lock(),
            Action::Quit => self.leave(),
            _ => {}
        }
    }

    /// Quits; asks before where that would lose a draft.
    fn leave(&mut self) {
        if self.is_dirty() && !self.quitting {
            // A question that is open already is replaced by this one.
            while self.layers.last().is_some_and(|layer| layer.draft().is_none()) {
                self.layers.pop();
            }
            self.layers.push(Box::new(Confirm::unsaved_at_the_end()));
        } else {
            self.command(Command::Quit);
        }
    }

    fn command(&mut self, command: Command) {
        // What is shown in the workbench is not covered by the screen that led there.
        if matches!(command, Command::Begin { .. } | Command::Show(_)) {
            self.layers.clear();
        }
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
            Command::ResumeDraft(id) => self.resume_draft(&id),
            Command::DropDraft(id) => self.drop_draft(&id),
            Command::KeepAndQuit => self.keep_and_quit(),
            Command::Quit => {
                self.quitting = true;
                self.cancel_exchanges();
                self.drop_drafts();
                if let Some(bench) = &mut self.bench {
                    bench.cancel_tests(&mut self.shared);
                }
                self.commit_what_is_wanted();
                if self.is_saving() {
                    self.shared.tell(Tone::Plain, "saving…");
                }
            }
            Command::LogIn(id) => self.log_in(&id),
            Command::Exchange(id, what) => {
                if let Some(bench) = &mut self.bench {
                    bench.exchange(&id, what, &mut self.shared);
                }
            }
            Command::AskToRevoke(id) => {
                if let Some(reply) = self.bench.as_ref().map(|bench| bench.ask_to_revoke(&id)) {
                    self.apply(reply, None);
                }
            }
            Command::SignOff(words) => {
                if let Some(Ok(reviewed)) = self.shared.review.clone() {
                    self.shared.effect(Effect::Vault(Order::SignOff { reviewed, words }));
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
            | Command::Show(_)
            | Command::Scan(_)
            | Command::AskToRewrite(_)
            | Command::Rewrite(_)
            | Command::SaveRenamed
            | Command::Rotate(..)
            | Command::UseFilter(_)
            | Command::UseSolution(_)
            | Command::Fix
            | Command::SaveAnyway
            | Command::Resolve(_)
            | Command::Revive
            | Command::Discard => {
                if let Some(bench) = &mut self.bench {
                    bench.command(command, &mut self.shared);
                }
            }
        }
    }

    /// A signal ends the program. What is not saved is sealed now: how long a save takes that is going on, nobody
    /// knows.
    fn die(&mut self, signal: Signal) {
        if self.ended.is_none()
            && let Some(keeping) = self.keeping()
        {
            self.shared.effect(Effect::Keep(keeping));
        }
        self.cancel_exchanges();
        self.ended = Some(Ended::Signal(signal));
    }

    fn unlock(&mut self, policy: OpenPolicy) {
        self.layers = vec![Box::new(Unlock::working())];
        self.shared.effect(Effect::Vault(Order::Unlock { policy, relock: false }));
    }

    fn lock(&mut self) {
        if self.bench.is_none() {
            return;
        }
        self.cancel_exchanges();
        if let Some(bench) = &mut self.bench {
            bench.cancel_tests(&mut self.shared);
        }
        self.commit_what_is_wanted();
        self.keep_for_later();
        // Effects that hold secrets go with the rest; what is being saved is saved before the lock.
        self.bench = None;
        self.shared.records = None;
        (self.shared.review, self.shared.review_line) = (None, 0);
        self.shared.uses = Arc::default();
        self.retest = None;
        self.stop_looking();
        self.read_only = false;
        self.open_time.end();
        self.shared.locks_in = None;
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

    /// Lets credentials be of these kinds besides the vault's own.
    pub fn know(&mut self, kinds: Arc<Kinds>) {
        self.shared.kinds = kinds;
    }

    /// Draws everything; the cursor's place, where text is typed.
    pub fn draw(&mut self, area: Rect, buf: &mut Buffer) -> Option<Position> {
        if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
            buf.set_stringn(area.x, area.y, "too small", area.width as usize, self.shared.theme.text);
            return None;
        }
        let lowest = self.layers.iter().rposition(|layer| layer.covers());
        let mut cursor = None;
        if lowest.is_none() {
            cursor = match (&mut self.login, &mut self.bench) {
                (Some(login), _) => login.draw(area, buf, &self.shared),
                (None, Some(bench)) => bench.draw(area, buf, &self.shared),
                (None, None) => None,
            };
        }
        for layer in &mut self.layers[lowest.unwrap_or(0)..] {
            cursor = layer.draw(area, buf, &self.shared);
        }
        cursor.filter(|at| area.contains(*at))
    }
}
