//! Effects become work: a thread that owns the vault and answers in order, a task for each test and each exchange of
//! tokens, and a thread that seals drafts when the end has come. The only place of the workbench that starts any.

mod alarm;
mod consent;
mod exchanges;
mod tests;
mod vault;
mod watch;

use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use self::consent::Consent;
use self::exchanges::Exchanges;
use self::tests::Tests;
use self::watch::Watching;
use super::app::Clock;
use super::message::{Effect, Message, Order, Timer};
use crate::http::Trust;
use crate::problem::{Exit, Problem};
use crate::session::{self, Keeping, Setup};

/// What runs outside of the screen.
pub struct Tasks {
    messages: UnboundedSender<Message>,
    orders: Sender<Order>,
    tests: Tests,
    exchanges: Exchanges,
    runtime: Handle,
    watching: Option<Watching>,
    /// Tells how the sealing of drafts ended.
    kept: Option<Receiver<Result<(), Problem>>>,
}

impl Tasks {
    /// Starts the vault's thread. Everything that happens is sent as a message.
    ///
    /// # Errors
    /// The system has no thread left.
    pub fn start(
        setup: Setup,
        trust: Trust,
        clock: Clock,
        runtime: Handle,
        messages: UnboundedSender<Message>,
    ) -> std::io::Result<Self> {
        let (orders, inbox) = channel();
        let (trust, consent) = (Arc::new(trust), Arc::new(Consent::new(&setup)));
        let tests = Tests::new(&setup, trust.clone(), consent.clone(), clock.clone());
        let (to_vault, news) = (orders.clone(), messages.clone());
        let exchanges = Exchanges::new(&setup, trust, consent, clock.clone(), to_vault, news);
        let to_screen = messages.clone();
        std::thread::Builder::new()
            .name("vault".into())
            .spawn(move || vault::serve(setup, &clock, &inbox, &to_screen))?;
        Ok(Self { messages, orders, tests, exchanges, runtime, watching: None, kept: None })
    }

    /// Does what was asked for. Gives the effect back where only the terminal's owner can do it.
    pub fn run(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            Effect::Vault(order) => {
                if matches!(order, Order::Lock) {
                    self.watching = None;
                }
                // A receiver that is gone was a bug of its thread, which it told.
                drop(self.orders.send(order));
            }
            Effect::Watch(watch) => {
                self.watching = Watching::start(watch, self.orders.clone(), &self.messages);
            }
            Effect::Answer(asked, reply) => drop(asked.send(reply)),
            Effect::Test(kinds, jobs) => self.tests.run(&kinds, jobs, &self.runtime, &self.messages),
            Effect::Cancel(serial) => {
                self.tests.cancel(serial);
                self.exchanges.cancel(serial);
            }
            Effect::Exchange(kinds, serial, id, what) => {
                self.exchanges.run(kinds, serial, id, what, &self.runtime);
            }
            Effect::Pasted(serial, text) => self.exchanges.paste(serial, text),
            Effect::Scan { groups, known } => {
                let messages = self.messages.clone();
                self.runtime.spawn_blocking(move || {
                    let _ = messages.send(Message::Scanned(session::find(groups, known)));
                });
            }
            Effect::Index(catalogue) => {
                let messages = self.messages.clone();
                self.runtime.spawn_blocking(move || {
                    let _ = messages.send(Message::Services(Arc::new(catalogue.index())));
                });
            }
            Effect::Wake(after, timer) => {
                let messages = self.messages.clone();
                match timer {
                    // Many, and so soon that no machine falls asleep meanwhile.
                    Timer::Spin | Timer::Login(_) => drop(self.runtime.spawn(async move {
                        tokio::time::sleep(after).await;
                        let _ = messages.send(Message::Timer(timer));
                    })),
                    _ => alarm::set(after, move || drop(messages.send(Message::Timer(timer)))),
                }
            }
            Effect::Keep(keeping) => self.keep(keeping),
            Effect::Clipboard(_) | Effect::Suspend => return Some(effect),
        }
        None
    }

    /// Seals drafts on a thread of its own: the vault's may be waiting for something, and a plugin may never answer.
    pub fn keep(&mut self, keeping: Keeping) {
        let (done, kept) = channel();
        let sealing = std::thread::Builder::new().name("drafts".into()).spawn(move || {
            let _ = done.send(keeping.keep().1);
        });
        self.kept = sealing.is_ok().then_some(kept);
    }

    /// Waits until drafts are sealed, but not for long. False where there were none.
    ///
    /// # Errors
    /// Why they are lost.
    pub fn kept_within(&mut self, time: Duration) -> Result<bool, Problem> {
        let Some(kept) = self.kept.take() else { return Ok(false) };
        let slow =
            || Problem::new(Exit::Failed, "io", "the disk, or a plugin of age, did not answer in time");
        kept.recv_timeout(time).map_err(|_| slow())?.map(|()| true)
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.tests.cancel_all();
        self.exchanges.cancel_all();
    }
}
