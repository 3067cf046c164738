//! credbench: a credential workbench for the terminal.
//!
//! The layers, from the ground up; a module imports only from rows above its own (the `layers` test reads
//! every `use crate::…` and compares):
//!
//! | module | duty |
//! | --- | --- |
//! | [`secret`], [`redact`], [`suggest`], [`words`], [`uptime`], [`proxy`], [`config`], [`paths`], [`durable`], [`memory`] | secrets, clean text, proxies, options, places, safe files |
//! | [`http`] | the one HTTP client |
//! | [`sign`] | signatures that services ask for: pure |
//! | [`model`] | the vault's contents and every edit to them: pure |
//! | [`scan`] | which files name which credentials |
//! | [`inject`] | templates: values in place of references, as each format writes them: pure |
//! | [`schema`] | kinds: JSON Schema → form, checks, positions in text: pure |
//! | [`import`] | files of other programs, read: pure |
//! | [`audit`] | who did what with which credential: a file that is only appended to |
//! | [`vault`] | one sealed document on disk; synchronous |
//! | [`cache`] | values that are kept for a while, in the kernel's memory |
//! | [`oauth`] | tokens from authorization servers |
//! | [`probe`] | does this credential work? |
//! | [`demo`] | sample credentials, and a local service that answers their tests |
//! | [`problem`] | every error as code, sentence, hint and exit code |
//! | [`session`] | an unlocked vault and what one may do with it, its OAuth tokens included |
//! | `cli`, `tui` | the two front ends; neither knows the other |

pub mod audit;
pub mod cache;
#[cfg(feature = "cli")]
pub mod cli;
pub mod config;
pub mod demo;
pub mod durable;
pub mod http;
pub mod import;
pub mod inject;
pub mod memory;
pub mod model;
pub mod oauth;
pub mod paths;
pub mod probe;
pub mod problem;
pub mod proxy;
pub mod redact;
pub mod scan;
pub mod schema;
pub mod secret;
pub mod session;
pub mod sign;
pub mod suggest;
#[cfg(feature = "tui")]
pub mod tui;
pub mod uptime;
pub mod vault;
pub mod words;
