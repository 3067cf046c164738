//! `init`: a new vault, and the first identity where there is none.

use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::args::Init;
use super::manual::{self, Page};
use super::prompt::{AtTerminal, Terminal};
use crate::problem::{Exit, Problem};
use crate::session::Protection;

pub(super) const PAGES: &[Page] = &[Page {
    command: "init",
    examples: &[
        ("credbench init", "asks for a passphrase for the new identity"),
        ("credbench init --plain-identity", "an identity without a passphrase, for a machine"),
        (
            "credbench init --recipient age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p",
            "lets a colleague open it, too",
        ),
    ],
    json: r#"{"vault","identity","identity_made","recipients":[recipient]}"#,
    faults: &[
        (Exit::Refused, "vault_exists", "there is a vault already"),
        (Exit::Refused, "identity_exists", "an identity appeared meanwhile"),
        (Exit::Invalid, "invalid_recipient", "that is no public key"),
        (Exit::Failed, "no_folder", "the vault's folder is not there"),
        (Exit::Failed, "not_a_folder", "the vault's folder is a file"),
    ],
    shared: &[&manual::READS, &manual::OPENS, &manual::SAVES, &manual::MAKES_IDENTITY],
}];

pub(crate) fn run(context: &Context, arguments: &Init) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let protection = || {
        if arguments.plain_identity {
            return Ok(Protection::None);
        }
        if let Some(passphrase) = &setup.passphrase {
            return Ok(Protection::Passphrase(passphrase.clone()));
        }
        let mut terminal = Terminal::open().ok_or_else(|| {
            Problem::new(
                Exit::Locked,
                "no_passphrase",
                "a new identity needs a passphrase, and there is no terminal to ask on",
            )
            .hint("give it with --passphrase-file, or say --plain-identity to go without")
        })?;
        terminal.new_passphrase("the new identity").map(Protection::Passphrase)
    };
    let made = setup.init(&arguments.recipient, protection, Arc::new(AtTerminal), Timestamp::now())?;
    let out = &context.output;
    let (vault, identity) = (made.opened.session.store().path().to_owned(), made.identity.as_deref());
    if out.is_json() {
        out.json(&json!({
            "vault": vault,
            "identity": identity.or(setup.identities.first().map(|path| path.as_path())),
            "identity_made": identity.is_some(),
            "recipients": made.recipients,
        }));
    } else {
        match identity {
            Some(path) => out.line(&format!("identity  {}  (new)", path.display())),
            None => {
                setup.identities.iter().for_each(|path| out.line(&format!("identity  {}", path.display())))
            }
        }
        out.line(&format!("vault     {}  (new)", vault.display()));
        for recipient in &made.recipients {
            out.line(&format!("opens     {recipient}"));
        }
        if identity.is_some() {
            out.note("Keep a copy of the identity elsewhere: without it nobody can open the vault.");
        }
    }
    context.say_notices(&made.opened);
    Ok(ExitCode::SUCCESS)
}
