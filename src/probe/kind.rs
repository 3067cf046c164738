//! Kinds whose test is known without being described.

pub(super) mod aws;
