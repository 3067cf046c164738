//! Integration tests: one binary.

mod cli;
mod cli_errors;
mod cli_secrecy;
mod cli_test;
mod faults;
mod layers;
mod support;
mod tui;
mod vault;
mod vault_damage;
mod vault_files;
mod vault_forgery;
mod vault_keys;
