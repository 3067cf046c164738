//! The workbench: a terminal, a loop, and what is drawn.
//!
//! ```text
//! key, paste, resize ─┐                    ┌─ vault thread (owns the session)
//! signals ────────────┼─ Message → App::update → Effect ─┼─ one task a test
//! answers, results ───┘        │                         └─ timers
//!                              └─ drawn once, when everything that was ready is taken over
//! ```
//!
//! Nothing ticks: an idle workbench neither writes nor wakes up.

pub mod action;
pub mod app;
pub mod clipboard;
pub mod draft_view;
pub mod form;
mod input;
pub mod keymap;
pub mod message;
pub mod paint;
pub mod raw;
pub mod screen;
pub mod tasks;
mod terminal;
pub mod theme;
pub mod widget;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::signal::unix::{Signal as Listener, SignalKind, signal};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

pub use app::{Clock, Ended, Uptime};

use app::App;
use input::Events;
use keymap::Keymap;
use message::{Effect, Message};
use screen::Screen;
use tasks::Tasks;
use terminal::Guard;

use crate::memory::Inherited;
use crate::problem::{Exit, Problem};
use crate::session::{Between, Setup};

/// How long a stopped process may take to be really stopped, before the workbench takes the terminal again.
const STOP: Duration = Duration::from_millis(300);

/// How long the end waits for unsaved drafts to be sealed. A terminal that is gone leaves little more
/// (`terminal::LAST_CHANCE`).
const SEALING: Duration = Duration::from_secs(1);

/// What the workbench needs to know.
pub struct Options {
    /// The vault, its identities and the configuration.
    pub setup: Setup,
    /// The keys.
    pub keymap: Keymap,
    /// Tells the time.
    pub clock: Clock,
    /// Tells how long the machine has been up.
    pub uptime: Uptime,
    /// The vault is a throw-away one, which the screen says.
    pub demo: bool,
}

impl Options {
    /// The usual workbench: the default keys with the operator's own on top, the system's clock.
    /// `monochrome` leaves all colours out.
    ///
    /// # Errors
    /// Exit 7 for a key map that cannot be understood, 1 for one that cannot be read.
    pub fn new(mut setup: Setup, monochrome: bool, demo: bool) -> Result<Self, Problem> {
        if monochrome {
            setup.config.screen.theme = crate::config::Theme::Plain;
        }
        let path = &setup.keymap;
        let keymap = match std::fs::read_to_string(path) {
            Ok(own) => Keymap::with(&own, &path.display().to_string())?,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Keymap::default(),
            Err(error) => {
                let message = format!("{} cannot be read: {error}", path.display());
                return Err(Problem::new(Exit::Failed, "keymap", message));
            }
        };
        Ok(Self {
            setup,
            keymap,
            clock: Arc::new(jiff::Timestamp::now),
            uptime: Arc::new(crate::uptime::uptime),
            demo,
        })
    }
}

impl Ended {
    /// Ends the process as the workbench ended: by the same signal, if it was one. To be called when the
    /// caller has nothing left to clean up.
    pub fn finish(self) -> std::process::ExitCode {
        match self {
            Self::Quit => std::process::ExitCode::SUCCESS,
            Self::Signal(signal) => crate::memory::die(signal),
        }
    }
}

/// Runs the workbench until it ends. The terminal is then as it was found.
///
/// # Errors
/// Exit 2 without a terminal; what the system refuses.
pub fn run(options: Options) -> Result<Ended, Problem> {
    run_with(options, Vec::new())
}

/// Runs the workbench with screens of the caller's on top.
///
/// # Errors
/// As [`run`].
pub fn run_with(options: Options, screens: Vec<Box<dyn Screen>>) -> Result<Ended, Problem> {
    let failed = |error: std::io::Error| Problem::new(Exit::Failed, "workbench", error.to_string());
    // Before the terminal is taken, so that what is wrong with it can be read.
    let trust = options.setup.network.trust()?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().map_err(failed)?;
    // Before the terminal is taken: from then on every signal gives it back.
    let signals = runtime.block_on(async { Signals::listen() }).map_err(failed)?;
    let guard = Guard::enter()?;
    let (messages, inbox) = unbounded_channel();
    let gone = messages.clone();
    terminal::watch(move || drop(gone.send(Message::TerminalGone)));
    let Options { setup, keymap, clock, uptime, demo } = options;
    let between = setup.seat.between;
    let (mut app, effects) =
        App::new(setup.config.clone(), keymap, setup.solution.clone(), (clock.clone(), uptime), demo);
    app.know(setup.kinds());
    app.sit(setup.seat.clone());
    screens.into_iter().for_each(|screen| app.open(screen));
    let tasks = Tasks::start(setup, trust, clock, runtime.handle().clone(), messages).map_err(failed)?;
    let events = input::listen().map_err(failed)?;
    let mut bench = Loop { guard, app, tasks, inbox, events, signals, between };
    // What was typed is not lost with a bug: the state is looked at once more, for what is to be kept.
    let ended = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            bench.do_all(effects).await;
            bench.run().await
        })
    }));
    if ended.is_err() {
        bench.clear_clipboard();
    }
    let kept = bench.kept(ended.is_err());
    drop(bench);
    match kept {
        Ok(false) => {}
        Ok(true) => terminal::say("the unsaved draft is kept, sealed: it is offered when you unlock"),
        Err(problem) => terminal::say(&format!("the unsaved draft is lost: {problem}")),
    }
    // Tests and look-ups that are still on their way have nobody to tell.
    runtime.shutdown_background();
    ended.map_or_else(|panic| resume_unwind(panic), Ok)
}

struct Signals {
    term: Listener,
    hup: Listener,
    int: Listener,
    quit: Listener,
    lock: Listener,
    cont: Listener,
    stop: Listener,
    /// What SIGTSTP does where this program does not listen to it.
    stops: Inherited,
    size: Listener,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            hup: signal(SignalKind::hangup())?,
            int: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
            lock: signal(SignalKind::user_defined1())?,
            cont: signal(SignalKind::from_raw(Signal::CONT.as_raw()))?,
            // Before it is listened to.
            stops: Inherited::of(Signal::TSTP)?,
            stop: signal(SignalKind::from_raw(Signal::TSTP.as_raw()))?,
            size: signal(SignalKind::window_change())?,
        })
    }

    async fn next(&mut self) -> Message {
        tokio::select! {
            _ = self.term.recv() => Message::Signal(Signal::TERM),
            _ = self.hup.recv() => Message::Signal(Signal::HUP),
            _ = self.int.recv() => Message::Signal(Signal::INT),
            _ = self.quit.recv() => Message::Signal(Signal::QUIT),
            _ = self.lock.recv() => Message::Lock,
            _ = self.cont.recv() => Message::Continued,
            _ = self.stop.recv() => Message::Stop,
            _ = self.size.recv() => Message::Resize,
        }
    }
}

struct Loop {
    guard: Guard,
    app: App,
    tasks: Tasks,
    inbox: UnboundedReceiver<Message>,
    events: Events,
    signals: Signals,
    between: Between,
}

impl Loop {
    async fn run(&mut self) -> Ended {
        let ended = loop {
            if let Some(ended) = self.app.ended() {
                break ended;
            }
            if self.draw().is_err() {
                self.take(Message::TerminalGone).await;
                continue;
            }
            // Signals first: a flood of keys or results must not keep the end away.
            let messages = tokio::select! {
                biased;
                signal = self.signals.next() => vec![signal],
                Some(message) = self.inbox.recv() => vec![message],
                typed = self.events.recv() => typed.unwrap_or_else(|| vec![Message::TerminalGone]),
            };
            self.take_all(messages).await;
            self.drain().await;
        };
        self.finish().await;
        ended
    }

    /// Takes over all that is ready, so that it is drawn once.
    async fn drain(&mut self) {
        while self.app.ended().is_none() {
            if let Ok(message) = self.inbox.try_recv() {
                self.take(message).await;
                continue;
            }
            match self.events.try_recv() {
                Ok(typed) => self.take_all(typed).await,
                Err(TryRecvError::Empty) => return,
                Err(TryRecvError::Disconnected) => return self.take(Message::TerminalGone).await,
            }
        }
    }

    async fn take_all(&mut self, messages: Vec<Message>) {
        for message in messages {
            if self.app.ended().is_some() {
                return;
            }
            self.take(message).await;
        }
    }

    async fn take(&mut self, message: Message) {
        // A terminal that cannot be taken again, or asked for its size, is told by the next drawing.
        let _ = match message {
            Message::Continued => self.guard.retake(),
            Message::Resize => self.guard.draw_all(),
            _ => Ok(()),
        };
        let effects = self.app.update(message);
        self.do_all(effects).await;
    }

    async fn do_all(&mut self, effects: Vec<Effect>) {
        let mut effects = VecDeque::from(effects);
        while let Some(effect) = effects.pop_front() {
            match self.tasks.run(effect) {
                Some(Effect::Clipboard(text)) => {
                    let _ = self.guard.send(&clipboard::sequence(text.expose(), self.between));
                }
                Some(Effect::Suspend) => {
                    self.stop().await;
                    // It may have been long enough to be locked, which must be seen to before anything is drawn.
                    effects.extend(self.app.update(Message::Continued));
                }
                _ => {}
            }
        }
    }

    /// Gives the terminal to the shell, is stopped, and takes it again.
    async fn stop(&mut self) {
        // The kernel alone knows whether there is somebody to continue us, so it decides: no handler of ours.
        let replaced = self.signals.stops.replace();
        if replaced.is_ok() && self.guard.stop().is_ok() {
            // The stop comes a moment after the signal. Where it was ignored, nothing comes.
            let _ = tokio::time::timeout(STOP, self.signals.cont.recv()).await;
        }
        drop(replaced);
        let _ = self.guard.retake();
    }

    fn draw(&mut self) -> std::io::Result<()> {
        let app = &mut self.app;
        self.guard.terminal().draw(|frame| {
            let area = frame.area();
            if let Some(cursor) = app.draw(area, frame.buffer_mut()) {
                frame.set_cursor_position(cursor);
            }
        })?;
        Ok(())
    }

    /// Whether there were drafts that are kept now; `panicked`: they were not looked for yet.
    fn kept(&mut self, panicked: bool) -> Result<bool, Problem> {
        if panicked {
            // Whatever panicked may do so again.
            let keeping = catch_unwind(AssertUnwindSafe(|| self.app.keeping()));
            keeping.ok().flatten().into_iter().for_each(|keeping| self.tasks.keep(keeping));
        }
        self.tasks.kept_within(SEALING)
    }

    /// What must not be left behind: an unfinished save, a secret in the clipboard.
    async fn finish(&mut self) {
        while self.app.is_saving() {
            let Some(message) = self.inbox.recv().await else { break };
            for effect in self.app.update(message) {
                self.tasks.run(effect);
            }
        }
        self.clear_clipboard();
    }

    fn clear_clipboard(&mut self) {
        if self.app.has_clipboard() {
            let _ = self.guard.send(&clipboard::sequence("", self.between));
        }
    }
}
