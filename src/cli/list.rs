//! `list`: one line each.

use std::process::ExitCode;

use jiff::Timestamp;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::Context;
use super::args::List;
use super::manual::{self, Page};
use super::output::{Output, Tone, status_sign, visible};
use crate::model::search::{Field, Query, QueryError};
use crate::problem::{Exit, Problem};
use crate::session::{self, Row};

pub(super) const PAGES: &[Page] = &[Page {
    command: "list",
    examples: &[
        ("credbench list", "the current solution"),
        ("credbench list 'is:failing tag:prod'", "what needs a person"),
        ("credbench list --all-solutions --json | jq -r '.[].key'", "all keys"),
    ],
    json: r#"[{"solution","key","name","kind","service","status","flags":[flag],"tags":[tag],"shared","created_at","updated_at","last_used_at"|null,"last_test":{"outcome","at","latency_ms","message"}|null}]"#,
    faults: &[
        (Exit::Usage, "invalid_query", "the query is not understood"),
        (Exit::NotFound, "no_solution", "there is no solution of that name"),
    ],
    shared: &[&manual::OPENS],
}];

pub(crate) fn run(context: &Context, arguments: &List) -> Result<ExitCode, Problem> {
    let query = query(arguments)?;
    let setup = context.setup()?;
    let opened = context.open(&setup)?;
    let everywhere = arguments.all_solutions || query.names_solution();
    if !everywhere && !opened.document.has_solution(&setup.solution) {
        return Err(session::not_found(&opened.document, &setup.solution, ""));
    }
    let now = Timestamp::now();
    let days = setup.config.screen.expiring_days;
    let mut rows = session::rows(&opened.document, &opened.kinds, &opened.usage, now, days);
    rows.retain(|row| {
        (everywhere || row.solution == setup.solution) && query.matches(&row.subject().folded())
    });
    let out = &context.output;
    if out.is_json() {
        out.json(&rows);
    } else if rows.is_empty() {
        out.note(if query.is_empty() { "There are no credentials yet." } else { "Nothing matches." });
    } else {
        table(out, &rows, everywhere, now);
    }
    Ok(ExitCode::SUCCESS)
}

fn query(arguments: &List) -> Result<Query, Problem> {
    // A query may start with one hyphen; an option that does not exist must not become one.
    if let Some(option) = arguments.query.as_deref().filter(|query| query.starts_with("--")) {
        let message = format!("there is no option {:?}", visible(option));
        return Err(Problem::new(Exit::Usage, "usage", message)
            .hint("`credbench list --help` shows the options; put text that starts so in quotes"));
    }
    let options = [
        (Field::Status, &arguments.status),
        (Field::Kind, &arguments.kind),
        (Field::Service, &arguments.service),
        (Field::Tag, &arguments.tag),
    ];
    let start = Query::parse(arguments.query.as_deref().unwrap_or_default());
    let demands = options.into_iter().filter_map(|(field, value)| Some((field, value.as_deref()?)));
    demands.fold(start, |query, (field, value)| query?.with(field, value)).map_err(|error: QueryError| {
        Problem::new(Exit::Usage, "invalid_query", visible(&error.to_string())).hint(error.hint)
    })
}

/// A cell: its text, and what it means.
type Cell = (String, Option<Tone>);

fn table(out: &Output, rows: &[Row<'_>], solutions: bool, now: Timestamp) {
    let mut titles = vec!["key", "name", "service", "kind", "status", "ends", "tested", "used"];
    if solutions {
        titles.insert(0, "solution");
    }
    let cells: Vec<Vec<Cell>> = rows
        .iter()
        .map(|row| {
            let (sign, tone) = status_sign(row.status);
            let used = row.last_used_at.map_or_else(String::new, |at| age(now, at));
            let tested = row.last_test.as_ref().map_or_else(String::new, |test| age(now, test.at));
            let mut cells: Vec<Cell> = vec![
                (visible(row.key), None),
                (visible(row.name), None),
                (visible(row.service), None),
                (visible(row.kind), None),
                (format!("{sign} {}{}", row.status.word(), if row.old { " (old)" } else { "" }), Some(tone)),
                (row.ends.map(|ends| ends.left(now)).unwrap_or_default(), None),
                (tested, None),
                (used, None),
            ];
            if solutions {
                cells.insert(0, (visible(row.solution), None));
            }
            cells
        })
        .collect();
    // A column that says nothing in any row is left out.
    let shown: Vec<usize> =
        (0..titles.len()).filter(|column| cells.iter().any(|row| !row[*column].0.is_empty())).collect();
    let mut widths: Vec<usize> = shown
        .iter()
        .map(|column| {
            let widest = cells.iter().map(|row| row[*column].0.width()).max().unwrap_or(0);
            widest.max(titles[*column].width())
        })
        .collect();
    if let Some(room) = out.width() {
        narrow(&mut widths, room.saturating_sub(2 * shown.len().saturating_sub(1)));
    }
    let line = |row: &[Cell]| {
        let mut parts = Vec::new();
        for (position, (column, width)) in shown.iter().zip(&widths).enumerate() {
            let (text, tone) = &row[*column];
            let cut = cut(text, *width);
            let last = position + 1 == shown.len();
            let blanks = if last { 0 } else { width.saturating_sub(cut.width()) };
            let painted = tone.map_or_else(|| cut.clone(), |tone| out.paint(tone, &cut));
            parts.push(format!("{painted}{}", " ".repeat(blanks)));
        }
        out.line(parts.join("  ").trim_end());
    };
    line(&titles.iter().map(|title| ((*title).to_owned(), Some(Tone::Faint))).collect::<Vec<_>>());
    for row in &cells {
        line(row);
    }
}

/// Takes columns from the widest until they fit.
fn narrow(widths: &mut [usize], room: usize) {
    const LEAST: usize = 4;
    while widths.iter().sum::<usize>() > room {
        match widths.iter_mut().max() {
            Some(widest) if *widest > LEAST => *widest -= 1,
            _ => return,
        }
    }
}

fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut kept = String::new();
    let mut used = 1;
    for c in text.chars() {
        used += c.width().unwrap_or(0);
        if used > width {
            break;
        }
        kept.push(c);
    }
    kept.push('…');
    kept
}

/// How long ago something was, in one unit: `10 s`, `2 m`, `1 h`, `3 d`.
pub(crate) fn age(now: Timestamp, at: Timestamp) -> String {
    session::oauth::left(now, at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_give_way_from_the_widest() {
        let mut widths = [30, 10, 5];
        narrow(&mut widths, 30);
        assert_eq!(widths, [15, 10, 5]);
        let mut widths = [6, 6];
        narrow(&mut widths, 2);
        assert_eq!(widths, [4, 4]);
    }

    #[test]
    fn a_cut_text_keeps_its_width_with_wide_characters_too() {
        assert_eq!(cut("abcdef", 4), "abc…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 3), "abc");
    }

    #[test]
    fn ages_have_one_unit() {
        let now = Timestamp::from_second(1_000_000).unwrap();
        let ago = |seconds: i64| age(now, Timestamp::from_second(1_000_000 - seconds).unwrap());
        assert_eq!(
            [ago(-5), ago(59), ago(60), ago(7_199), ago(86_400)],
            ["0 s", "59 s", "1 m", "1 h", "1 d"]
        );
    }
}
