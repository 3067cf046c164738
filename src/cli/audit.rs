//! `audit`: who did what, and whether the log of it is whole.

use std::process::ExitCode;
use std::sync::Arc;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

use super::Context;
use super::args::{Audit, AuditAction};
use super::manual::{self, Page};
use super::output::{Tone, visible};
use super::prompt::AtTerminal;
use crate::audit::{Record, Verified};
use crate::problem::{Exit, Problem};
use crate::session;

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "audit",
        examples: &[
            ("credbench audit billing.stripe", "who did what with one credential"),
            (
                "credbench audit --since 7d --what got --what revealed",
                "which values left the vault this week",
            ),
            (
                "credbench audit --json | jq -r '.[].who.ssh' | sort | uniq -c",
                "counts where people came from",
            ),
        ],
        json: r#"[{"line","at","what","result","solution","key","field","workflow","note","id","version"|null,"facts","value","who":{"uid","user","login","tty","ssh","host","pid"},"session","generation"|null,"keyed"}]"#,
        faults: &[],
        shared: &[&manual::OPENS, &manual::FINDS],
    },
    Page {
        command: "audit verify",
        examples: &[("credbench audit verify", "checks every line of the log")],
        json: r#"{"lines","files","unkeyed","torn","gaps","since"|null}"#,
        faults: &[(Exit::Failed, "no_audit_key", "the vault was never saved with a log")],
        shared: &[&manual::OPENS],
    },
];

pub(crate) fn run(context: &Context, arguments: &Audit) -> Result<ExitCode, Problem> {
    match arguments.action {
        Some(AuditAction::Verify) => verify(context),
        None => list(context, arguments),
    }
}

fn list(context: &Context, arguments: &Audit) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let opened = context.open(&setup)?;
    let mut records = opened.session.records()?;
    if let Some(key) = &arguments.key {
        let (document, solution) = (&opened.document, &setup.solution);
        let known = document.find(solution, key);
        let removed = || document.find_removed(solution, key).map(|removed| &removed.credential);
        let id = known.or_else(removed).map(|credential| credential.id.clone());
        records.retain(|record| record.is_about(id.as_ref(), solution, key));
        if records.is_empty() && id.is_none() {
            return Err(session::not_found(document, solution, key));
        }
    }
    let since = arguments.since.unwrap_or(Timestamp::MIN);
    records.retain(|record| {
        record.at >= since && (arguments.what.is_empty() || arguments.what.contains(&record.what))
    });
    let out = &context.output;
    if out.is_json() {
        out.json(&records);
    } else if records.is_empty() {
        out.note("There is no such record.");
    } else {
        records.iter().for_each(|record| print(context, record));
    }
    Ok(ExitCode::SUCCESS)
}

/// One record as one line: when, what, of what, and who.
fn print(context: &Context, record: &Record) {
    let out = &context.output;
    let at = record.at.strftime("%Y-%m-%d %H:%M:%S UTC");
    let tone = match record.result.as_str() {
        "" | "ok" => None,
        _ => Some(Tone::Caution),
    };
    let subject = visible(&record.subject());
    let what = format!("{:<18}", record.words());
    let what = tone.map_or_else(|| what.clone(), |tone| out.paint(tone, &what));
    let result = match record.result.as_str() {
        "" | "ok" => String::new(),
        result => format!("  ({})", visible(result).replace('_', " ")),
    };
    let by = if record.keyed {
        visible(&record.who.words())
    } else {
        format!("{}, as it says", visible(&record.who.words()))
    };
    let subject = if subject.is_empty() { subject } else { format!("  {subject}") };
    out.line(&format!("{at}  {what}{subject}{result}  {}", out.paint(Tone::Faint, &by)));
}

fn verify(context: &Context) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let (verified, opened) = setup.verify_log(Arc::new(AtTerminal), Timestamp::now())?;
    context.say_notices(&opened);
    let out = &context.output;
    if out.is_json() {
        out.json(&verified);
    } else {
        out.line(&format!("{}  {}", out.paint(Tone::Good, "ok"), sentence(&verified)));
    }
    Ok(ExitCode::SUCCESS)
}

/// What was found in a log that is whole.
pub(crate) fn sentence(verified: &Verified) -> String {
    let some = |count: u64, one: &str, many: &str| match count {
        0 => String::new(),
        1 => format!(", 1 {one}"),
        count => format!(", {count} {many}"),
    };
    let Verified { lines, files, gaps, unkeyed, torn, since } = verified;
    let lines = if *lines == 1 { "1 line".to_owned() } else { format!("{lines} lines") };
    let files = if *files > 1 { format!(" in {files} files") } else { String::new() };
    let since = since.map(|at| format!(" since {}", at.strftime("%Y-%m-%d %H:%M UTC"))).unwrap_or_default();
    format!(
        "{lines}{files}{since}{}{}{}",
        some(*gaps, "recorded gap", "recorded gaps"),
        some(
            *unkeyed,
            "line at the end that was written without a key",
            "lines at the end that were written without a key"
        ),
        some(*torn, "record at the end that was cut short", "records at the end that were cut short"),
    )
}

/// A time to start from: a date, a time with its zone, or how long ago.
///
/// # Errors
/// What it can be.
pub(crate) fn since(text: &str) -> Result<Timestamp, String> {
    let wrong = || {
        "a date such as 2026-11-22, a time such as 2026-11-22T10:00:00Z, or how long ago: 30m, 12h, 7d"
            .to_owned()
    };
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at);
    }
    if let Ok(date) = text.parse::<Date>() {
        return date.to_zoned(TimeZone::UTC).map(|zoned| zoned.timestamp()).map_err(|_| wrong());
    }
    let unit = text.chars().last().ok_or_else(wrong)?;
    let seconds = match unit {
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        'w' => 7 * 86_400,
        _ => return Err(wrong()),
    };
    let number: i64 =
        text[..text.len() - unit.len_utf8()].parse().ok().filter(|number| *number >= 0).ok_or_else(wrong)?;
    let ago = number.checked_mul(seconds).map(SignedDuration::from_secs).ok_or_else(wrong)?;
    Timestamp::now().checked_sub(ago).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_a_date_a_time_or_an_age() {
        assert_eq!(since("2026-11-22").unwrap().to_string(), "2026-11-22T00:00:00Z");
        assert_eq!(since("2026-11-22T10:00:00+02:00").unwrap().to_string(), "2026-11-22T08:00:00Z");
        let ago = Timestamp::now().duration_since(since("2d").unwrap()).as_hours();
        assert!((47..=49).contains(&ago));
        for wrong in ["", "d", "-1d", "soon", "1y", "99999999999999999999d", "9223372036854775807w"] {
            assert!(since(wrong).is_err(), "{wrong:?}");
        }
    }
}
