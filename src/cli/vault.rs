//! `vault adopt`: accept a vault that this host would refuse.

use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde_json::json;

use super::Context;
use super::args::Vault;
use super::manual::{self, Page};
use super::output::visible;
use super::prompt::{AtTerminal, Terminal, cancelled};
use crate::problem::{Exit, Problem};
use crate::session::Adoption;

pub(super) const PAGES: &[Page] = &[Page {
    command: "vault adopt",
    examples: &[(
        "credbench vault adopt",
        "after a colleague's first save, or a restored backup; asks two questions",
    )],
    json: r#"{"done":"adopted","generation"} or {"done":"nothing"}"#,
    faults: &[(Exit::Refused, "not_confirmed", "nobody can be asked, and --yes --yes was not given")],
    shared: &[&manual::OPENS, &manual::SAVES],
}];

pub(crate) fn run(context: &Context, action: &Vault) -> Result<ExitCode, Problem> {
    let Vault::Adopt { yes } = action;
    let setup = context.setup()?;
    let keyring = setup.keyring(Arc::new(AtTerminal), Timestamp::now())?;
    let adoption = Adoption::examine(&setup.places, keyring)?;
    let out = &context.output;
    let reasons = adoption.reasons();
    if reasons.is_empty() {
        if out.is_json() {
            out.json_line(&json!({ "done": "nothing" }));
        } else {
            out.line("The vault is not refused: there is nothing to adopt.");
        }
        return Ok(ExitCode::SUCCESS);
    }
    let (count, solutions) = (adoption.document().credentials.len(), adoption.document().solutions.len());
    let mut facts: Vec<String> =
        reasons.iter().map(|reason| format!("{}: {reason}", setup.places.vault.display())).collect();
    facts.push(format!("Credentials in it: {count}; solutions: {solutions}."));
    if let Some(header) = adoption.header() {
        facts.push(format!(
            "Vault {}, generation {}, saved {} by {}.",
            header.vault_id, header.generation, header.saved_at, header.writer
        ));
    }
    if *yes < 2 {
        let Some(mut terminal) = Terminal::open() else {
            return Err(Problem::new(
                Exit::Refused,
                "not_confirmed",
                "adopting a vault asks two questions, and there is no terminal to ask on",
            )
            .causes(facts)
            .hint("if you know how this came about, answer both with --yes --yes"));
        };
        for fact in &facts {
            terminal.say(&visible(fact));
        }
        let known = *yes == 1
            || terminal.confirm("Whoever wrote it decided what it says. Do you know how this came about?");
        if !known {
            return Err(cancelled());
        }
        let last = "What this host knew of the vault is forgotten. Type adopt to accept it as it is";
        if terminal.text(last).as_deref() != Some("adopt") {
            return Err(cancelled());
        }
    }
    let opened = adoption.accept(Timestamp::now())?;
    let generation = opened.session.header().generation;
    if out.is_json() {
        out.json_line(&json!({ "done": "adopted", "generation": generation }));
    } else {
        out.line(&format!("adopted as generation {generation}, {}", opened.session.store().fingerprint()));
    }
    context.say_notices(&opened);
    Ok(ExitCode::SUCCESS)
}
