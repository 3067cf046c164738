//! What several tests share.

pub(crate) mod server;
pub(crate) mod tls;
pub(crate) mod vault;
