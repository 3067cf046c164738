//! `test`: do these credentials work?

use std::process::ExitCode;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::args::Test;
use super::output::{Tone, outcome_sign, visible};
use super::{Context, prove};
use crate::model::{Credential, Edit, Id, Outcome};
use crate::probe::Report;
use crate::probe::pool::Limits;
use crate::problem::Problem;
use crate::session::{self, Session};

pub(crate) fn run(context: &Context, arguments: &Test) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    let document = opened.document.clone();
    let chosen: Vec<&Credential> = if arguments.all {
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
    let options = &setup.config.test;
    let limits = match arguments.jobs {
        Some(jobs) => Limits::jobs(usize::from(jobs)),
        None => prove::limits(options),
    };
    let timeout = arguments.timeout.unwrap_or(Duration::from_secs(options.timeout_seconds));
    let tests =
        chosen.iter().enumerate().map(|(at, known)| (at, prove::plan_of(&opened.kinds, &known.content)));
    let width = chosen.iter().map(|known| known.content.key().len()).max().unwrap_or(0);
    let mut records: Vec<Edit> = Vec::new();
    let mut counts: Vec<(Outcome, usize)> = Vec::new();
    prove::run(tests.collect(), limits, timeout, |at, mut report| {
        let known = chosen[at];
        report.compare(known);
        print(context, known, &report, width, arguments.steps);
        match counts.iter_mut().find(|(outcome, _)| *outcome == report.outcome) {
            Some((_, count)) => *count += 1,
            None => counts.push((report.outcome, 1)),
        }
        if prove::is_worth_keeping(report.outcome) {
            records.push(Edit::RecordTest { id: known.id.clone(), record: report.record(known.version) });
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
    if let Err(problem) = save(context, &mut opened.session, records) {
        context.output.warning(&format!("the results could not be saved: {}", problem.message));
        failed = true;
    }
    Ok(ExitCode::from(u8::from(failed)))
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
