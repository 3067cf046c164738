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
pub(crate) mod vault;
