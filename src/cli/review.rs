//! `review`: what wants a person's attention.

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use serde_json::json;

use super::args::{PageFormat, Review, ReviewAction};
use super::manual::{self, Page};
use super::output::{Tone, visible};
use super::{Context, export, show};
use crate::problem::{Exit, Problem};
use crate::session::review::{self, Check, Finding, Reviewed, SignedOff, Standard};
use crate::session::{self, Opened, Setup};

pub(super) const PAGES: &[Page] = &[
    Page {
        command: "review",
        examples: &[
            ("credbench review", "everything that wants attention, the most urgent first"),
            ("credbench review --check weak --check reused --json", "for a program"),
            ("credbench review --exit-code --check expiring", "fails where something ends soon: for cron"),
        ],
        json: r#"[{"check","solution","key","with":["SOLUTION/KEY"],"detail","advice","excluded": with --all, of what is left out}]"#,
        faults: &[(
            Exit::Failed,
            "findings",
            "something was found, with --exit-code; standard error stays empty",
        )],
        shared: &[&manual::OPENS],
    },
    Page {
        command: "review exclude",
        examples: &[(
            "credbench review exclude backup.key unused --reason 'for disasters only'",
            "it counts no more as unused",
        )],
        json: r#"{"solution","key","check","version","done":"excluded"}"#,
        faults: &[(Exit::Usage, "reason", "the reason is empty, or too long")],
        shared: &[&manual::OPENS, &manual::FINDS, &manual::SAVES],
    },
    Page {
        command: "review include",
        examples: &[("credbench review include backup.key unused", "it counts again")],
        json: r#"{"solution","key","check","version","done":"included"}"#,
        faults: &[(Exit::NotFound, "not_excluded", "it was not left out of that check")],
        shared: &[&manual::OPENS, &manual::FINDS, &manual::SAVES],
    },
    Page {
        command: "review sign-off",
        examples: &[(
            "credbench review sign-off --note 'Q4, tickets are filed'",
            "stands in the audit log, with the digest of the findings",
        )],
        json: r#"{"at","who","note","done":"signed_off"}"#,
        faults: &[(Exit::Failed, "no_audit_key", "the vault was never saved with a log")],
        shared: &[&manual::OPENS, &manual::RECORDED],
    },
    Page {
        command: "review report",
        examples: &[
            ("credbench review report -o review-2026-q4.html", "a page for a browser"),
            ("credbench review report > review.md", "Markdown for a ticket"),
        ],
        json: r#"{"file","format":"markdown"|"html","findings"}; without -o, nothing besides the page"#,
        faults: &[(Exit::Refused, "exists", "there is such a file already; --force replaces it")],
        shared: &[&manual::OPENS],
    },
];

pub(crate) fn run(context: &Context, arguments: &Review) -> Result<ExitCode, Problem> {
    let setup = context.setup()?;
    let mut opened = context.open(&setup)?;
    match &arguments.action {
        None => return print(context, &setup, &opened, arguments),
        Some(ReviewAction::Exclude { key, check, reason }) => {
            exclude(context, &setup, &mut opened, key, check, Some(reason))?;
        }
        Some(ReviewAction::Include { key, check }) => {
            exclude(context, &setup, &mut opened, key, check, None)?
        }
        Some(ReviewAction::SignOff { note }) => sign_off(context, &setup, &mut opened, note)?,
        Some(ReviewAction::Report { output, format, force }) => {
            report(context, &setup, &opened, output.as_deref(), *format, *force)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn reviewed(setup: &Setup, opened: &Opened) -> Result<Reviewed, Problem> {
    let standard = Standard {
        now: Timestamp::now(),
        expiring_days: setup.config.screen.expiring_days,
        unused_days: setup.config.review.unused_days,
    };
    opened.session.review(&opened.kinds, standard)
}

fn print(context: &Context, setup: &Setup, opened: &Opened, arguments: &Review) -> Result<ExitCode, Problem> {
    let Reviewed { findings: all, signed_off } = reviewed(setup, opened)?;
    let wanted = |finding: &&Finding| {
        let meant =
            arguments.check.is_empty() || arguments.check.iter().any(|check| check == finding.check.word());
        meant && (arguments.all || finding.excluded.is_none())
    };
    let shown: Vec<&Finding> = all.iter().filter(wanted).collect();
    let out = &context.output;
    if out.is_json() {
        out.json(&shown);
    } else {
        for check in Check::ALL {
            let of: Vec<&Finding> = shown.iter().copied().filter(|finding| finding.check == check).collect();
            if !of.is_empty() {
                group(context, check, &of);
            }
        }
        out.line(&summary(context, setup, &all, signed_off));
    }
    let counts = shown.iter().any(|finding| finding.excluded.is_none());
    Ok(if arguments.exit_code && counts { ExitCode::from(Exit::Failed as u8) } else { ExitCode::SUCCESS })
}

/// A check with all that it found.
fn group(context: &Context, check: Check, found: &[&Finding]) {
    let out = &context.output;
    let tone = match check {
        Check::Failing | Check::Weak | Check::Reused | Check::TestInProd => Tone::Bad,
        Check::Expiring | Check::RotationDue | Check::BroadScope => Tone::Caution,
        _ => Tone::Strong,
    };
    let heading = out.paint(tone, &format!("{} ({})", check.title(), found.len()));
    out.line(&format!("{heading}  {}", out.paint(Tone::Faint, check.advice())));
    for finding in found {
        let place = visible(&format!("{}/{}", finding.solution, finding.key));
        let left_out = finding.excluded.as_ref().map(|reason| format!("  (left out: {})", visible(reason)));
        out.line(&format!("  {place}  {}{}", visible(&finding.detail), left_out.unwrap_or_default()));
    }
    out.line("");
}

/// How many findings there are, and how long ago somebody signed for them.
fn summary(context: &Context, setup: &Setup, all: &[Finding], signed: Option<SignedOff>) -> String {
    let counted = review::counted(all);
    let out = &context.output;
    let last = match signed {
        None => out.paint(Tone::Caution, "never signed off"),
        Some(SignedOff { at, who, .. }) => {
            let days = Timestamp::now().duration_since(at).as_secs().max(0) / 86_400;
            let words = format!("signed off on {} by {}", at.strftime("%Y-%m-%d"), visible(&who));
            match days >= i64::from(setup.config.review.sign_off_days) {
                true => out.paint(Tone::Caution, &format!("{words}: to be done again")),
                false => words,
            }
        }
    };
    format!("{counted}; {last}")
}

fn exclude(
    context: &Context,
    setup: &Setup,
    opened: &mut Opened,
    key: &str,
    check: &str,
    reason: Option<&str>,
) -> Result<(), Problem> {
    let document = opened.document.clone();
    let credential = session::credential(&document, &setup.solution, key)?;
    let Some(meant) = Check::of_word(check) else {
        return Err(Problem::new(Exit::Usage, "usage", format!("there is no check {check:?}")));
    };
    let edit = review::exclude(credential, meant, reason)?;
    let saved = opened.session.commit(vec![edit], Timestamp::now())?;
    let done = if reason.is_some() { "excluded" } else { "included" };
    let json = json!({
        "solution": setup.solution, "key": key, "check": check, "version": saved.version_of(&credential.id), "done": done,
    });
    let line = match reason {
        Some(reason) => format!("{key}  left out of {check}: {reason}"),
        None => format!("{key}  counts for {check} again"),
    };
    show::said(context, &saved, &json, &line);
    Ok(())
}

fn sign_off(context: &Context, setup: &Setup, opened: &mut Opened, note: &str) -> Result<(), Problem> {
    let found = reviewed(setup, opened)?.findings;
    let signed = opened.session.sign_off(&found, note, Timestamp::now())?;
    let out = &context.output;
    if out.is_json() {
        out.json_line(
            &json!({ "at": signed.at, "who": signed.who, "note": signed.note, "done": "signed_off" }),
        );
    } else {
        out.line(&format!("signed off by {}: {}", visible(&signed.who), visible(&signed.note)));
    }
    Ok(())
}

fn report(
    context: &Context,
    setup: &Setup,
    opened: &Opened,
    output: Option<&Path>,
    format: Option<PageFormat>,
    force: bool,
) -> Result<(), Problem> {
    let Reviewed { findings: found, signed_off: signed } = reviewed(setup, opened)?;
    let named = output.and_then(Path::extension).and_then(|end| end.to_str());
    let format = format.unwrap_or(match named {
        Some("html" | "htm") => PageFormat::Html,
        _ => PageFormat::Markdown,
    });
    let vault = match opened.document.organization.name.as_str() {
        "" => opened.session.store().path().display().to_string(),
        name => name.to_owned(),
    };
    let write = match format {
        PageFormat::Markdown => review::markdown,
        PageFormat::Html => review::html,
    };
    let page = write(&vault, &found, signed.as_ref(), Timestamp::now());
    let out = &context.output;
    match output.filter(|path| *path != Path::new("-")) {
        None => out.bytes(page.as_bytes()),
        Some(path) => {
            export::save(path, page.as_bytes(), force)?;
            let word = if format == PageFormat::Html { "html" } else { "markdown" };
            if out.is_json() {
                out.json_line(&json!({ "file": path, "format": word, "findings": found.len() }));
            } else {
                out.line(&format!("{}  {}", visible(&path.display().to_string()), review::counted(&found)));
            }
        }
    }
    Ok(())
}
