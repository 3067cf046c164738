//! What another program saves is seen at once; where nothing tells of it, at the next key press and now and then.

use std::time::Duration;

use jiff::Timestamp;

use super::{App, Tone};
use crate::tui::message::{Effect, Order, Outside, Timer};

/// How often the vault is looked at where nothing tells of changes and no key is pressed.
const NOW_AND_THEN: Duration = Duration::from_secs(60);
/// How often key presses look at it, in seconds: a network may be slow.
const KEYS: i64 = 2;

/// How the workbench learns of other programs' saves.
#[derive(Default)]
pub(super) struct Looking {
    /// The newest timer, where nothing tells of changes.
    timer: Option<u64>,
    /// When it looked last.
    last: Timestamp,
    /// That nothing tells was said.
    said: bool,
}

impl App {
    /// Nothing tells of changes to the vault.
    pub(super) fn unwatched(&mut self, why: &str) {
        if !std::mem::replace(&mut self.looking.said, true) {
            self.shared.tell(
                Tone::Plain,
                format!("nothing tells when another program saves this vault ({why}): it is looked for at key presses"),
            );
        }
        self.look_later();
    }

    /// It was locked: nothing is looked for.
    pub(super) fn stop_looking(&mut self) {
        self.looking.timer = None;
    }

    fn look_later(&mut self) {
        let serial = self.shared.next_serial();
        self.looking.timer = Some(serial);
        self.shared.effect(Effect::Wake(NOW_AND_THEN, Timer::Look(serial)));
    }

    /// A key was pressed.
    pub(super) fn look_with_key(&mut self) {
        let now = self.shared.now();
        let due = now.duration_since(self.looking.last).as_secs() >= KEYS;
        if self.looking.timer.is_some() && due && self.bench.is_some() {
            self.looking.last = now;
            self.shared.effect(Effect::Vault(Order::Refresh));
        }
    }

    /// The time has come to look again.
    pub(super) fn look(&mut self, serial: u64) {
        if self.looking.timer == Some(serial) && self.bench.is_some() {
            self.shared.effect(Effect::Vault(Order::Refresh));
            self.look_later();
        }
    }

    /// Another program saved: this is what the vault says now.
    pub(super) fn take_over(&mut self, news: Outside) {
        let Some(bench) = &mut self.bench else { return };
        self.shared.kinds = self.shared.kinds.after(&news.document);
        let drafted = bench.is_draft_of_another_version(&news.document);
        bench.set_document(news.document, &mut self.shared);
        let mut told = "saved by another program".to_owned();
        if !news.words.is_empty() {
            told.push_str(&format!(": {}", news.words));
        }
        if drafted {
            told.push_str(" · what you edit is among it; saving puts both together, or asks");
        }
        self.shared.tell(Tone::Plain, told);
    }
}
