//! Integration tests: one binary.

mod support;
mod vault;
mod vault_damage;
mod vault_files;
mod vault_forgery;
mod vault_keys;
