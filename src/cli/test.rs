//! `test`: do these credentials work?

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::Test;
use super::manual::{self, Page};
use super::output::{Tone, outcome_sign, visible};
use super::{Context, prove};
use crate::model::{Credential, Document, Edit, Id, Outcome};
use crate::probe::Report;
use crate::probe::pool::Limits;
use crate::problem::{Exit, Problem};
use crate::schema::Kinds;
use crate::session::{self, Opened, Session, Setup};

pub(super) const PAGES: &[Page] = &[Page {
    command: "test",
    examples: &[
        ("credbench test billing.stripe --steps", "one, with what was done and how long it took"),
        ("credbench test --all", "every one of the current solution; exit 1 where one does not pass"),
        (
            r#"credbench test --all --json | jq -c 'select(.outcome != "ok")'"#,
            "a line for each that needs a look",
        ),
    ],
    json: r#"a line each as it ends: {"solution","key","outcome","status_code"|null,"latency_ms","message","advice","facts"?,"steps"?:[{"name","ms","detail"}]}"#,
    faults: &[
        (Exit::Invalid, "ca_file", "the authorities of the configuration cannot be used"),
        (Exit::Invalid, "proxy", "a proxy cannot be used"),
    ],
    shared: &[&manual::OPENS, &manual::FINDS],
}];

pub(crate) fn run(context: &Context, arguments: &Test) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let document = opened.document.clone();
    let mut chosen: Vec<&Credential> = if arguments.all {
        if !document.has_solution(&setup.solution) {
            return Err(session::not_found(&document, &setup.solution, ""));
        }
        document.credentials.iter().filter(|known| known.content.solution() == setup.solution).collect()
    } else {
        let mut keys: Vec<&String> = Vec::new();
        for key in &arguments.keys {
            if !keys.contains(&key) {
                keys.push(key);
            }
        }
        keys.into_iter()
            .map(|key| session::credential(&document, &setup.solution, key))
            .collect::<Result<_, _>>()?
    };
    if arguments.all && !arguments.costly {
        leave_out(context, &opened.kinds, &mut chosen);
    }
    let options = &setup.config.test;
    let limits = match arguments.jobs {
        Some(jobs) => Limits::jobs(usize::from(jobs)),
        None => prove::limits(options),
    };
    let timeout = arguments.timeout.unwrap_or(Duration::from_secs(options.timeout_seconds));
    let run = Run { context, setup: &setup, kinds: &opened.kinds, limits, timeout, steps: arguments.steps };
    run.test(&mut opened.session, &document, &chosen)
}

/// Tests one credential as the session has it now, and stores what was found.
pub(crate) fn one(
    context: &Context,
    setup: &Setup,
    opened: &mut Opened,
    id: &Id,
) -> Result<ExitCode, Problem> {
    let document = opened.session.document().clone();
    let chosen: Vec<&Credential> = document.by_id(id).into_iter().collect();
    let options = &setup.config.test;
    let (limits, timeout) = (prove::limits(options), Duration::from_secs(options.timeout_seconds));
    let run = Run { context, setup, kinds: &opened.kinds, limits, timeout, steps: false };
    run.test(&mut opened.session, &document, &chosen)
}

/// How tests are run.
struct Run<'a> {
    context: &'a Context,
    setup: &'a Setup,
    kinds: &'a Kinds,
    limits: Limits,
    timeout: Duration,
    steps: bool,
}

impl Run<'_> {
    /// Tests credentials of a document and stores what was found.
    fn test(
        &self,
        session: &mut Session,
        document: &Document,
        chosen: &[&Credential],
    ) -> Result<ExitCode, Problem> {
        let context = self.context;
        let tests: Vec<_> = chosen
            .iter()
            .enumerate()
            .map(|(at, known)| (at, prove::plan_of(self.kinds, document, &known.content)))
            .collect();
        let trust = prove::trust(context, self.setup, &tests)?;
        let width = chosen.iter().map(|known| known.content.key().len()).max().unwrap_or(0);
        let mut records: Vec<Edit> = Vec::new();
        let mut counts: Vec<(Outcome, usize)> = Vec::new();
        prove::run(tests, self.limits, self.timeout, trust, |at, mut report| {
            let known = chosen[at];
            report.compare(known);
            print(context, known, &report, width, self.steps);
            match counts.iter_mut().find(|(outcome, _)| *outcome == report.outcome) {
                Some((_, count)) => *count += 1,
                None => counts.push((report.outcome, 1)),
            }
            if prove::is_worth_keeping(report.outcome) {
                let record = report.record(known.version);
                records.push(Edit::RecordTest { id: known.id.clone(), record });
            }
        })?;
        let summary: Vec<String> =
            counts.iter().map(|(outcome, count)| format!("{count} {}", outcome.word())).collect();
        match chosen.len() {
            0 => context.output.note("There is nothing to test."),
            1 => {}
            count => context.output.note(&format!("{count} tests: {}", summary.join(", "))),
        }
        let mut failed = counts.iter().any(|(outcome, _)| !outcome.passes());
        if let Err(problem) = save(context, session, records) {
            context.output.warning(&format!("the results could not be saved: {}", problem.message));
            failed = true;
        }
        Ok(ExitCode::from(u8::from(failed)))
    }
}

/// Leaves out what is not to be tested among many, and says so.
fn leave_out(context: &Context, kinds: &Kinds, chosen: &mut Vec<&Credential>) {
    let mut left: Vec<String> = Vec::new();
    chosen.retain(|known| match session::caution(kinds, &known.content) {
        Some(why) => {
            left.push(format!("{} ({why})", visible(known.content.key())));
            false
        }
        None => true,
    });
    if !left.is_empty() {
        let words = "test each by its key, or all of them with --all --costly";
        let text = format!("Left out: {}; {words}.", left.join(", "));
        // A program has to know, too, that there is no line for them.
        match context.output.is_json() {
            true => context.output.warning(&text),
            false => context.output.note(&text),
        }
    }
}

/// Saves all results at once; those of credentials that another program removed meanwhile are dropped.
fn save(context: &Context, session: &mut Session, mut records: Vec<Edit>) -> Result<(), Problem> {
    if records.is_empty() {
        return Ok(());
    }
    session.refresh()?;
    let there = |id: &Id| session.document().by_id(id).is_some();
    records.retain(|edit| matches!(edit, Edit::RecordTest { id, .. } if there(id)));
    let saved = session.commit(records, Timestamp::now())?;
    for warning in &saved.warnings {
        context.output.warning(warning);
    }
    Ok(())
}

fn print(context: &Context, known: &Credential, report: &Report, width: usize, steps: bool) {
    let out = &context.output;
    let key = known.content.key();
    if out.is_json() {
        let mut line = json!({
            "solution": known.content.solution(),
            "key": key,
            "outcome": report.outcome,
            "status_code": report.status_code,
            "latency_ms": report.latency_ms,
            "message": report.message,
            "advice": report.advice,
        });
        if !report.facts.is_empty() {
            line["facts"] = json!(report.facts);
        }
        if steps {
            let steps = report.steps.iter();
            line["steps"] = steps
                .map(|step| json!({ "name": step.name, "ms": step.ms, "detail": step.detail }))
                .collect::<Vec<Value>>()
                .into();
        }
        return out.json_line(&line);
    }
    let (sign, tone) = outcome_sign(report.outcome);
    let verdict = out.paint(tone, &format!("{sign} {:14}", report.outcome.word()));
    let time = match report.steps.is_empty() {
        true => String::new(),
        false => format!("{} ms  ", report.latency_ms),
    };
    out.line(&format!("{verdict}  {:width$}  {time}{}", visible(key), visible(&report.message)));
    if !report.facts.is_empty() {
        out.line(&out.paint(Tone::Faint, &format!("    {}", visible(&report.facts.words()))));
    }
    if steps {
        for step in &report.steps {
            let sign = if step.ok { "✓" } else { "✗" };
            out.line(&format!("    {sign} {:8} {:>5} ms  {}", step.name, step.ms, visible(&step.detail)));
        }
    }
    if !report.advice.is_empty() {
        out.line(&out.paint(Tone::Faint, &format!("    → {}", visible(&report.advice))));
    }
}
