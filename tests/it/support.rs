//! What several tests share.

pub(crate) mod authority;
pub(crate) mod command;
pub(crate) mod home;
pub(crate) mod issuer;
pub(crate) mod proxy;
pub(crate) mod pty;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod sts;
pub(crate) mod svg;
pub(crate) mod terminal;
pub(crate) mod tls;
pub(crate) mod tmux;
pub(crate) mod ui;
pub(crate) mod user;
pub(crate) mod vault;

/// Waits for a condition that another process brings about.
#[track_caller]
pub(crate) fn until(what: &str, holds: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(30);
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "waited for this: {what}");
        std::thread::yield_now();
    }
}
