//! What several tests share.

pub(crate) mod command;
pub(crate) mod home;
pub(crate) mod service;
pub(crate) mod terminal;
pub(crate) mod vault;
