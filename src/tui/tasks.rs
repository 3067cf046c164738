//! Effects become work: a thread that owns the vault and answers in order, and a task for each test. The
//! only place of the workbench that starts either.

mod tests;
mod vault;

use std::sync::Arc;
use std::sync::mpsc::{Sender, channel};

use tokio::runtime::Handle;
use tokio::sync::mpsc::UnboundedSender;

use self::tests::Tests;
use super::app::Clock;
use super::message::{Effect, Message, Order};
use crate::http::Trust;
use crate::session::Setup;

/// What runs outside of the screen.
pub struct Tasks {
    messages: UnboundedSender<Message>,
    orders: Sender<Order>,
    tests: Tests,
    runtime: Handle,
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
        let tests = Tests::new(&setup, trust, clock.clone());
        let to_screen = messages.clone();
        std::thread::Builder::new()
            .name("vault".into())
            .spawn(move || vault::serve(setup, &clock, &inbox, &to_screen))?;
        Ok(Self { messages, orders, tests, runtime })
    }

    /// Does what was asked for. Gives the effect back where only the terminal's owner can do it.
    pub fn run(&mut self, effect: Effect) -> Option<Effect> {
        match effect {
            // A receiver that is gone was a bug of its thread, which it told.
            Effect::Vault(order) => drop(self.orders.send(order)),
            Effect::Answer(asked, reply) => drop(asked.send(reply)),
            Effect::Test(kinds, jobs) => self.tests.run(&kinds, jobs, &self.runtime, &self.messages),
            Effect::Cancel(serial) => self.tests.cancel(serial),
            Effect::Index(catalogue) => {
                let messages = self.messages.clone();
                self.runtime.spawn_blocking(move || {
                    let _ = messages.send(Message::Services(Arc::new(catalogue.index())));
                });
            }
            Effect::Wake(after, timer) => {
                let messages = self.messages.clone();
                self.runtime.spawn(async move {
                    tokio::time::sleep(after).await;
                    let _ = messages.send(Message::Timer(timer));
                });
            }
            Effect::Clipboard(_) | Effect::Suspend => return Some(effect),
        }
        None
    }
}

impl Drop for Tasks {
    fn drop(&mut self) {
        self.tests.cancel_all();
    }
}
