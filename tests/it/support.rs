//! What several tests share.

pub(crate) mod command;
pub(crate) mod home;
pub(crate) mod server;
pub(crate) mod service;
pub(crate) mod tls;
pub(crate) mod vault;
