//! The thread that is told when another program saves the vault.

use std::io::{PipeReader, PipeWriter};
use std::sync::mpsc::Sender;

use tokio::sync::mpsc::UnboundedSender;

use crate::session::{Seen, Watch};
use crate::tui::message::{Answer, Message, Order};

/// A watch that goes on until this is dropped.
pub(super) struct Watching {
    _stop: PipeWriter,
}

impl Watching {
    /// Starts one. `None` where the system has no thread or pipe left: that was told.
    pub(super) fn start(
        watch: Watch,
        orders: Sender<Order>,
        messages: &UnboundedSender<Message>,
    ) -> Option<Self> {
        let to_screen = messages.clone();
        let started = std::io::pipe().and_then(|(stopped, stop)| {
            std::thread::Builder::new()
                .name("watch".into())
                .spawn(move || look(&watch, &stopped, &orders, &to_screen))?;
            Ok(Self { _stop: stop })
        });
        match started {
            Ok(watching) => Some(watching),
            Err(error) => {
                let _ = messages.send(Message::Vault(Answer::Unwatched(error.to_string())));
                None
            }
        }
    }
}

fn look(watch: &Watch, stopped: &PipeReader, orders: &Sender<Order>, messages: &UnboundedSender<Message>) {
    // Once at the start: it may have been saved between the reading and the first watch.
    while orders.send(Order::Refresh).is_ok() {
        match watch.wait(stopped) {
            Seen::Changed => {}
            Seen::Stopped => return,
            Seen::Lost => {
                let _ = messages
                    .send(Message::Vault(Answer::Unwatched("its folder was moved or removed".into())));
                return;
            }
        }
    }
}
