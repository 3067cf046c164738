//! Times to come, by a clock that goes on while the machine sleeps: what was to be masked or locked by then is masked
//! or locked when it wakes up.

use std::time::Duration;

/// Calls `ring` when a time has passed, on a thread of its own that sleeps in the kernel until then: tokio's timers
/// stand still while the machine sleeps. Where there is no thread left it rings at once, which masks or locks too
/// early.
pub(super) fn set(time: Duration, ring: impl FnOnce() + Clone + Send + 'static) {
    let late = ring.clone();
    let wait = move || {
        sleep(time);
        late();
    };
    if std::thread::Builder::new().name("alarm".into()).spawn(wait).is_err() {
        ring();
    }
}

#[cfg(target_os = "linux")]
fn sleep(time: Duration) {
    use rustix::thread::{ClockId, NanosleepRelativeResult as Slept, clock_nanosleep_relative};
    let mut left = rustix::time::Timespec::try_from(time).ok();
    while let Some(time) = left {
        left = match clock_nanosleep_relative(ClockId::Boottime, &time) {
            Slept::Interrupted(rest) => Some(rest),
            Slept::Ok | Slept::Err(_) => None,
        };
    }
}

#[cfg(not(target_os = "linux"))]
fn sleep(time: Duration) {
    use crate::uptime::uptime;
    let end = uptime() + time;
    // Parking may end early without a reason.
    while let Some(left) = end.checked_sub(uptime()).filter(|left| !left.is_zero()) {
        std::thread::park_timeout(left);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::uptime::uptime;

    #[test]
    fn it_rings_when_the_time_has_passed() {
        for time in [Duration::ZERO, Duration::from_millis(30)] {
            let (ring, rings) = std::sync::mpsc::channel();
            let before = uptime();
            set(time, move || ring.send(()).unwrap());
            rings.recv().unwrap();
            assert!(uptime() - before >= time, "{time:?}");
        }
    }
}
