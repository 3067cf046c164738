//! A review as a page: Markdown for a wiki or a ticket, HTML for whoever has neither.

use std::fmt::Write as _;

use jiff::Timestamp;

use super::{Check, Finding, SignedOff, counted};

/// What others wrote, as Markdown that means nothing but itself. Each sign that could begin something is escaped.
fn markdown_text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\\' | '`' | '*' | '_' | '{' | '}' | '[' | ']' | '(' | ')' | '#' | '+' | '!' | '|' | '~' => {
                clean.push('\\');
                clean.push(c);
            }
            '&' => clean.push_str("&amp;"),
            '<' => clean.push_str("&lt;"),
            '>' => clean.push_str("&gt;"),
            c if c.is_control() => clean.push(' '),
            c => clean.push(c),
        }
    }
    clean
}

/// What others wrote, as HTML that means nothing but itself.
fn html_text(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => clean.push_str("&amp;"),
            '<' => clean.push_str("&lt;"),
            '>' => clean.push_str("&gt;"),
            '"' => clean.push_str("&quot;"),
            '\'' => clean.push_str("&#39;"),
            c if c.is_control() => clean.push(' '),
            c => clean.push(c),
        }
    }
    clean
}

/// The findings of each check that has some, those that count before those that are left out.
fn by_check(findings: &[Finding]) -> impl Iterator<Item = (Check, Vec<&Finding>)> {
    Check::ALL.into_iter().filter_map(|check| {
        let of = |counts: bool| {
            findings
                .iter()
                .filter(move |finding| finding.check == check && finding.excluded.is_none() == counts)
        };
        let all: Vec<&Finding> = of(true).chain(of(false)).collect();
        (!all.is_empty()).then_some((check, all))
    })
}

fn last(signed: Option<&SignedOff>, escape: fn(&str) -> String) -> String {
    match signed {
        Some(signed) => format!(
            "Last signed off on {} by {}: {}.",
            signed.at.strftime("%Y-%m-%d"),
            escape(&signed.who),
            escape(&signed.note)
        ),
        None => "Never signed off.".to_owned(),
    }
}

/// The findings as Markdown.
pub fn markdown(vault: &str, findings: &[Finding], signed: Option<&SignedOff>, now: Timestamp) -> String {
    let text = markdown_text;
    let mut page = format!(
        "# Review of {}\n\n{}, {}.\n{}\n",
        text(vault),
        now.strftime("%Y-%m-%d %H:%M UTC"),
        counted(findings),
        last(signed, text),
    );
    for (check, found) in by_check(findings) {
        let _ = write!(page, "\n## {}\n\nAdvice: {}.\n\n", check.title(), text(check.advice()));
        page.push_str("| credential | found | left out because |\n| --- | --- | --- |\n");
        for finding in found {
            let _ = writeln!(
                page,
                "| {}/{} | {} | {} |",
                text(&finding.solution),
                text(&finding.key),
                text(&finding.detail),
                text(finding.excluded.as_deref().unwrap_or_default())
            );
        }
    }
    page
}

/// The findings as a page of HTML that needs nothing besides itself and runs nothing.
pub fn html(vault: &str, findings: &[Finding], signed: Option<&SignedOff>, now: Timestamp) -> String {
    let text = html_text;
    let title = format!("Review of {}", text(vault));
    let mut page = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <title>{title}</title>\n<style>\nbody {{ font: 16px/1.5 sans-serif; max-width: 60em; margin: 2em auto; padding: 0 1em }}\n\
         table {{ border-collapse: collapse; width: 100% }}\nth, td {{ border: 1px solid #999; padding: .3em .6em; text-align: left; vertical-align: top }}\n\
         .out {{ color: #666 }}\n</style>\n</head>\n<body>\n<h1>{title}</h1>\n<p>{}, {}.<br>{}</p>\n",
        now.strftime("%Y-%m-%d %H:%M UTC"),
        counted(findings),
        last(signed, text),
    );
    for (check, found) in by_check(findings) {
        let _ =
            write!(page, "<h2>{}</h2>\n<p>Advice: {}.</p>\n<table>\n", check.title(), text(check.advice()));
        page.push_str("<tr><th>credential</th><th>found</th><th>left out because</th></tr>\n");
        for finding in found {
            let class = if finding.excluded.is_some() { " class=\"out\"" } else { "" };
            let _ = writeln!(
                page,
                "<tr{class}><td>{}/{}</td><td>{}</td><td>{}</td></tr>",
                text(&finding.solution),
                text(&finding.key),
                text(&finding.detail),
                text(finding.excluded.as_deref().unwrap_or_default())
            );
        }
        page.push_str("</table>\n");
    }
    page.push_str("</body>\n</html>\n");
    page
}
