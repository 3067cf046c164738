//! How long the vault stays open: so long after the last key, and so long in all. Counted by a clock that goes on while
//! the machine sleeps, and looked at before each message: whatever comes too late finds the vault locked.

use std::time::Duration;

use super::{App, Tone};
use crate::tui::message::{Effect, Timer};

/// How long before the lock it is told.
const WARNING: Duration = Duration::from_secs(60);

/// From when on before the lock the header tells how long it takes.
const SHOWN: Duration = Duration::from_secs(5 * 60);

/// When what happened, by [`super::Shared::uptime`].
#[derive(Default)]
pub(super) struct OpenTime {
    /// `None`: the vault is not open.
    unlocked: Option<Duration>,
    input: Duration,
    /// The alarm that is set, and when it rings. It stays set over a lock: one that rings too early sets the next, and
    /// each is a thread that sleeps.
    alarm: Option<(u64, Duration)>,
}

impl OpenTime {
    /// The vault is locked.
    pub(super) fn end(&mut self) {
        self.unlocked = None;
    }
}

/// Why the vault is locked by itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Why {
    Idle,
    Long,
}

impl App {
    /// The vault was opened.
    pub(super) fn begin_watch(&mut self) {
        let now = (self.shared.uptime)();
        self.open_time.unlocked = Some(now);
        self.open_time.input = now;
        self.set_alarm(now);
    }

    /// When the vault will be locked, and why.
    fn deadline(&self) -> Option<(Duration, Why)> {
        let unlocked = self.open_time.unlocked?;
        let limits = &self.shared.config.session;
        let idle =
            (!limits.lock_after.is_zero()).then(|| (self.open_time.input + limits.lock_after, Why::Idle));
        let long = (!limits.max_unlocked.is_zero()).then(|| (unlocked + limits.max_unlocked, Why::Long));
        [idle, long].into_iter().flatten().min_by_key(|(when, _)| *when)
    }

    /// Locks the vault where its time is over. Else `input` begins it anew.
    pub(super) fn is_locked_in_time(&mut self, input: bool) -> bool {
        if self.open_time.unlocked.is_none() {
            return false;
        }
        let now = (self.shared.uptime)();
        let over = self.deadline().filter(|(when, _)| *when <= now);
        if let Some((_, why)) = over {
            self.lock();
            self.shared.tell(
                Tone::Plain,
                match why {
                    Why::Idle => format!("locked after {} without a key", self.limit(why)),
                    Why::Long => format!("locked: it was open for {}", self.limit(why)),
                },
            );
            // A key or a paste was meant for what is not there any more; a result may be of a save.
            return input;
        }
        if input {
            self.open_time.input = now;
        }
        let left = self.deadline().map(|(when, _)| when.saturating_sub(now));
        let full = self.shared.config.session.lock_after;
        self.shared.locks_in = left.filter(|left| *left < SHOWN && *left != full);
        false
    }

    /// An alarm rang: it is about to be locked, or there was a key since.
    pub(super) fn look_at_the_time(&mut self, serial: u64) {
        if self.open_time.alarm.take_if(|(set, _)| *set == serial).is_some()
            && self.open_time.unlocked.is_some()
        {
            self.set_alarm((self.shared.uptime)());
        }
    }

    /// Wakes up when the lock has to be told of, or is due.
    fn set_alarm(&mut self, now: Duration) {
        let Some((when, why)) = self.deadline() else { return };
        let left = when.saturating_sub(now);
        let wait = if left > WARNING {
            left - WARNING
        } else {
            if self.limits(why) > WARNING {
                let words = match why {
                    Why::Idle => "locks in a minute; any key keeps it open".to_owned(),
                    Why::Long => format!("locks in a minute: it has been open for {}", self.limit(why)),
                };
                self.shared.tell(Tone::Plain, words);
            }
            left
        };
        if self.open_time.alarm.is_some_and(|(_, rings)| rings <= now + wait) {
            return;
        }
        let serial = self.shared.next_serial();
        self.open_time.alarm = Some((serial, now + wait));
        self.shared.effect(Effect::Wake(wait, Timer::OpenTime(serial)));
    }

    fn limits(&self, why: Why) -> Duration {
        match why {
            Why::Idle => self.shared.config.session.lock_after,
            Why::Long => self.shared.config.session.max_unlocked,
        }
    }

    /// A limit in words.
    fn limit(&self, why: Why) -> String {
        match self.limits(why).as_secs() {
            seconds @ ..60 => format!("{seconds} s"),
            seconds if seconds % 3600 == 0 => format!("{} h", seconds / 3600),
            seconds => format!("{} minutes", seconds / 60),
        }
    }

    /// Suspends to the shell; where the configuration wants it, the vault is locked before.
    pub(super) fn suspend(&mut self) {
        if self.shared.config.session.lock_on_suspend && self.bench.is_some() {
            self.suspending = true;
            self.lock();
        } else {
            self.shared.effect(Effect::Suspend);
        }
    }

    /// The vault is locked: what waited for it happens.
    pub(super) fn suspend_when_locked(&mut self) {
        if std::mem::take(&mut self.suspending) {
            self.shared.effect(Effect::Suspend);
        }
    }
}
