//! Integration tests: one binary.

mod probe;
mod support;
mod vault;
mod vault_damage;
mod vault_files;
mod vault_forgery;
mod vault_keys;
