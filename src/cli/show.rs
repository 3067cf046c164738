//! `show`: one credential, secrets masked; and the line with which a command says what it did.

use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::Value;

use super::Context;
use super::args::Key;
use super::list::age;
use super::manual::{self, Page};
use super::output::{Output, Tone, outcome_sign, status_sign, visible};
use crate::problem::Problem;
use crate::schema::with_both_spellings;
use crate::session::{self, Saved};
use crate::words;

/// How many tests are shown.
const TESTS: usize = 5;

pub(super) const PAGES: &[Page] = &[Page {
    command: "show",
    examples: &[
        ("credbench show billing.stripe", "with its last tests"),
        ("credbench show billing.stripe --json > stripe.json", "the document that `put` takes back"),
    ],
    json: r#"its document, each stored secret as {"$secret":"stored"}"#,
    faults: &[],
    shared: &[&manual::OPENS, &manual::FINDS],
}];

pub(crate) fn run(context: &Context, arguments: &Key) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let opened = context.open(&setup)?;
    let credential = session::credential(&opened.document, &setup.solution, &arguments.key)?;
    let out = &context.output;
    if out.is_json() {
        out.json(&credential.content.document);
        return Ok(ExitCode::SUCCESS);
    }
    let (now, kinds) = (Timestamp::now(), &opened.kinds);
    let days = setup.config.screen.expiring_days;
    let row = session::row(&opened.document, credential, kinds, &opened.usage, now, days);
    let (sign, tone) = status_sign(row.status);
    let old = if row.old { " (an earlier verdict; the last test could not decide)" } else { "" };
    let status = out.paint(tone, &format!("{sign} {}", row.status.word()));
    out.line(&format!("{}  {status}{old}", out.paint(Tone::Strong, &visible(row.key))));
    let title =
        kinds.of_content(&credential.content).map_or_else(|| row.kind.to_owned(), |kind| kind.title.clone());
    out.line(&format!("{title} in {}, version {}", visible(row.solution), credential.version));
    if let Some(life) = session::oauth::life_in(&opened.document, credential, now) {
        out.line(&visible(&session::oauth::told(credential, life, now)));
    }
    print_fields(out, &session::fields(&credential.content));
    let day = |at: Timestamp| at.strftime("%Y-%m-%d %H:%M UTC").to_string();
    out.line(&out.paint(
        Tone::Faint,
        &format!("made {}, changed {}", day(credential.created_at), day(credential.updated_at)),
    ));
    if let Some(used) = opened.usage.of(&credential.id) {
        let times = words::times(used.count);
        out.line(
            &out.paint(Tone::Faint, &format!("used {times}, the last time {} ago", age(now, used.last))),
        );
    }
    if !row.flags.is_empty() {
        out.line(&out.paint(Tone::Caution, &format!("! {}", row.flags.join(", ").replace('_', " "))));
    }
    if let Some(rotation) = &credential.rotation {
        let stands = format!("! a rotation goes on: {}", rotation.stage.word());
        out.line(&out.paint(Tone::Caution, &stands));
    }
    for violation in kinds.attention(&credential.content) {
        out.line(&out.paint(Tone::Caution, &visible(&format!("  {violation}"))));
    }
    for test in credential.tests.iter().rev().take(TESTS) {
        let (sign, tone) = outcome_sign(test.outcome);
        let verdict = out.paint(tone, &format!("{sign} {}", test.outcome.word()));
        let of = match test.version {
            version if version < credential.proven_since => format!(" of version {version}"),
            _ => String::new(),
        };
        out.line(&format!("{verdict}{of}, {} ago: {}", age(now, test.at), visible(&test.message)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Prints fields with their values below each other.
pub(crate) fn print_fields(out: &Output, fields: &[(String, String)]) {
    // The names of a table's members are what others wrote, too.
    let names: Vec<String> = fields.iter().map(|(name, _)| visible(name)).collect();
    let width = names.iter().map(|name| name.chars().count()).max().unwrap_or(0);
    for (name, (field, value)) in names.iter().zip(fields) {
        let spelt = with_both_spellings(&format!("/{field}"), value);
        let mut lines = spelt.as_ref().unwrap_or(value).lines();
        out.line(&format!("  {name:width$}  {}", visible(lines.next().unwrap_or_default())));
        for line in lines {
            out.line(&format!("  {:width$}  {}", "", visible(line)));
        }
    }
}

/// Says what a save did: as a line, or as JSON.
pub(crate) fn said(context: &Context, saved: &Saved, json: &Value, line: &str) {
    if context.output.is_json() {
        context.output.json_line(json);
    } else {
        context.output.line(&visible(line));
    }
    say_warnings(context, saved);
}

/// Says what a person should hear about a save.
pub(crate) fn say_warnings(context: &Context, saved: &Saved) {
    if saved.merged && saved.notes.is_empty() {
        context.output.note("Another program had saved meanwhile; its changes were kept.");
    }
    for note in &saved.notes {
        context.output.note(&visible(note));
    }
    for warning in &saved.warnings {
        context.output.warning(warning);
    }
}
