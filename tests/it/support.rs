//! What several tests share.

pub mod vault;
