//! Integration tests: one binary.
#![allow(
    clippy::disallowed_methods,
    clippy::print_stderr,
    reason = "tests stand for other programs: they write files, read the environment and say what they skip"
)]

mod audit;
mod cache;
mod catalogue;
mod cli;
mod cli_backup;
mod cli_completions;
mod cli_demo;
mod cli_errors;
mod cli_kinds;
mod cli_network;
mod cli_organization;
mod cli_prompt;
mod cli_secrecy;
mod cli_test;
mod cli_tokens;
mod clock;
mod export;
mod faults;
mod fuzz;
mod hostile;
mod import;
mod inject;
mod interop;
mod kills;
mod kinds;
mod layers;
mod leaks;
mod limits;
mod memory;
mod merge;
mod oauth;
mod picture;
mod power;
mod probe;
mod reliability;
mod request;
mod review;
mod rotate;
mod run;
mod scan;
mod support;
mod tokens;
mod traces;
mod tui;
mod vault;
mod vault_damage;
mod vault_files;
mod vault_forgery;
mod vault_golden;
mod vault_keys;
mod vault_vectors;
mod wire;
