//! `passphrase`: another passphrase for the identity. The vault itself is not touched.

use std::process::ExitCode;

use serde_json::json;

use super::args::Passphrase;
use super::manual::{self, Page};
use super::prompt::{Terminal, cancelled};
use super::{Context, input};
use crate::problem::{Exit, Problem};
use crate::vault::{WORK_FACTOR, keyring};

pub(super) const PAGES: &[Page] = &[Page {
    command: "passphrase",
    examples: &[
        ("credbench passphrase", "asks for the old one and the new one"),
        ("credbench passphrase --passphrase-file old --new-passphrase-file new", "for scripts"),
    ],
    json: r#"{"identity","done":"changed"}"#,
    faults: &[(Exit::Usage, "which_identity", "several identities are in use: name one")],
    shared: &[&manual::READS, &manual::OPENS, &manual::MAKES_IDENTITY],
}];

pub(crate) fn run(context: &Context, arguments: &Passphrase) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let [identity] = &setup.identities[..] else {
        return Err(Problem::new(Exit::Usage, "which_identity", "several identities are given")
            .hint("name the one to change with --identity"));
    };
    let nobody = || {
        Problem::new(Exit::Locked, "no_passphrase", "there is no terminal to ask on")
            .hint("give the passphrases with --passphrase-file and --new-passphrase-file")
    };
    let old = match (&setup.passphrase, keyring::needs_passphrase(identity)?) {
        (Some(passphrase), _) => Some(passphrase.clone()),
        (None, true) => {
            let question = format!("Passphrase for {}", identity.display());
            Some(Terminal::open().ok_or_else(nobody)?.secret(&question).ok_or_else(cancelled)?)
        }
        (None, false) => None,
    };
    let new = match &arguments.new_passphrase_file {
        Some(file) => input::read_passphrase(file)?,
        None => Terminal::open().ok_or_else(nobody)?.new_passphrase(&identity.display().to_string())?,
    };
    keyring::change_passphrase(identity, old, Some(new), WORK_FACTOR)?;
    crate::session::empty_cache(&setup.places);
    let out = &context.output;
    if out.is_json() {
        out.json_line(&json!({ "identity": identity, "done": "changed" }));
    } else {
        out.line(&format!("{}  passphrase changed", identity.display()));
        out.note("Copies of the identity made before still open with the old one.");
    }
    Ok(ExitCode::SUCCESS)
}
