//! The test log: what runs, and what was found or done, step by step.

use std::collections::VecDeque;

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::running::{Progress, Running};
use crate::model::Id;
use crate::probe::{Report, Step};
use crate::tui::action::Action;
use crate::tui::app::Shared;
use crate::tui::keymap::Context;
use crate::tui::paint;
use crate::tui::theme::{self, Theme};

/// Older results fall off; the vault keeps its own.
const KEPT: usize = 500;

/// One result.
pub(super) struct Result {
    id: Id,
    key: String,
    /// What it was of, if not of what is stored now.
    label: &'static str,
    found: Found,
}

/// What a result says.
enum Found {
    Test(Report),
    Exchange(Exchanged),
}

/// What was done about tokens, or keys.
pub(super) struct Exchanged {
    /// In a word or two.
    pub(super) what: &'static str,
    pub(super) good: bool,
    pub(super) at: Timestamp,
    pub(super) message: String,
    pub(super) advice: String,
    pub(super) steps: Vec<Step>,
}

impl Result {
    /// What a test found; `label` says of what, if not of what is stored now.
    pub(super) fn of_test(id: Id, key: String, label: &'static str, report: Report) -> Self {
        Self { id, key, label, found: Found::Test(report) }
    }

    /// What came of an exchange of tokens, or of keys.
    pub(super) fn of_exchange(id: Id, key: String, exchanged: Exchanged) -> Self {
        Self { id, key, label: "", found: Found::Exchange(exchanged) }
    }

    fn at(&self) -> Timestamp {
        match &self.found {
            Found::Test(report) => report.at,
            Found::Exchange(exchanged) => exchanged.at,
        }
    }

    fn steps(&self) -> &[Step] {
        match &self.found {
            Found::Test(report) => &report.steps,
            Found::Exchange(exchanged) => &exchanged.steps,
        }
    }

    fn said(&self) -> [&str; 2] {
        match &self.found {
            Found::Test(report) => [&report.message, &report.advice],
            Found::Exchange(exchanged) => [&exchanged.message, &exchanged.advice],
        }
    }

    /// Its sign, its word and their style.
    fn verdict(&self, theme: &Theme) -> (&'static str, &'static str, Style) {
        match &self.found {
            Found::Test(report) => {
                let (sign, word) = theme::outcome(report.outcome);
                (sign, word, theme.outcome(report.outcome))
            }
            Found::Exchange(Exchanged { what, good: true, .. }) => ("●", what, theme.ok),
            Found::Exchange(Exchanged { what, good: false, .. }) => ("✗", what, theme.error),
        }
    }
}

/// The log.
#[derive(Default)]
pub(super) struct Log {
    /// The newest first.
    results: VecDeque<Result>,
    top: usize,
}

impl Log {
    pub(super) fn push(&mut self, result: Result) {
        self.results.push_front(result);
        self.results.truncate(KEPT);
        self.top = 0;
    }

    pub(super) fn scroll(&mut self, by: isize) {
        self.top = self.top.saturating_add_signed(by).min(self.results.len().saturating_sub(1));
    }

    /// Draws what runs, then the results: that of `first` before all others.
    pub(super) fn draw(
        &self,
        area: Rect,
        buf: &mut Buffer,
        shared: &Shared,
        running: &Running,
        first: Option<&Id>,
    ) {
        let theme = &shared.theme;
        let mut y = area.y;
        if let Some(progress) = running.progress(shared.now()) {
            bar(&progress, Rect { y, height: 1, ..area }, buf, shared);
            y += 1;
        }
        if self.results.is_empty() && y == area.y {
            let keys = [Action::Test, Action::TestAll].map(|action| shared.keymap.key(Context::List, action));
            if let [Some(one), Some(all)] = keys {
                let text =
                    format!("No tests yet. {one} tests the selected credential, {all} all that are shown.");
                paint::put(buf, area.x, y, area.width, &text, theme.dim);
            }
            return;
        }
        let leading = first.and_then(|id| self.results.iter().position(|result| result.id == *id));
        let leading = if self.top == 0 { leading.unwrap_or(0) } else { self.top };
        let order =
            std::iter::once(leading).chain((self.top..self.results.len()).filter(|at| *at != leading));
        for (nth, index) in order.enumerate() {
            let Some(result) = self.results.get(index) else { break };
            if y >= area.bottom() {
                break;
            }
            line(result, Rect { y, height: 1, ..area }, buf, shared);
            y += 1;
            if nth > 0 {
                continue;
            }
            let room = area.width.saturating_sub(2);
            let said = result.said();
            let lines = said.iter().filter(|text| !text.is_empty()).flat_map(|text| paint::wrap(text, room));
            for text in lines.take(3) {
                if y < area.bottom() {
                    paint::put(buf, area.x + 2, y, room, &text, theme.text);
                    y += 1;
                }
            }
        }
    }
}

/// How far the running tests are: a bar, how many ended how, the time left, whose tests run.
fn bar(progress: &Progress, area: Rect, buf: &mut Buffer, shared: &Shared) {
    let theme = &shared.theme;
    let width = 20.min(area.width / 4);
    let full = usize::from(width) * progress.done / progress.total.max(1);
    let bar = format!("{}{} ", "█".repeat(full), "░".repeat(usize::from(width) - full));
    let mut parts: Vec<(String, Style)> = vec![
        (format!("{} testing {} of {} ", progress.spinner, progress.done, progress.total), theme.text),
        (bar, theme.accent),
    ];
    for (outcome, count) in &progress.found {
        let (sign, word) = theme::outcome(*outcome);
        parts.push((format!("{sign} {count} {word}  "), theme.outcome(*outcome)));
    }
    if let Some(left) = progress.left {
        parts.push((format!("{} left  ", paint::ago(left.max(1))), theme.text));
    }
    if let Some(key) = shared.keymap.key(Context::List, Action::Cancel) {
        parts.push((format!("{key} cancels  "), theme.dim));
    }
    parts.push((progress.what.clone(), theme.dim));
    let parts: Vec<(&str, Style)> = parts.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    paint::parts(buf, area.x, area.y, area.width, &parts);
}

/// Key, outcome and steps.
fn line(result: &Result, area: Rect, buf: &mut Buffer, shared: &Shared) {
    let theme = &shared.theme;
    let (sign, word, style) = result.verdict(theme);
    let age = paint::ago(shared.now().duration_since(result.at()).as_secs());
    let mut parts: Vec<(String, Style)> = vec![
        (format!("{}  ", result.key), theme.title),
        (format!("{sign} {word}"), style),
        (format!("  {age}  "), theme.dim),
    ];
    if !result.label.is_empty() {
        parts.push((format!("{}  ", result.label), theme.warn));
    }
    for step in result.steps() {
        let detail = if step.detail.is_empty() { String::new() } else { format!(" {}", step.detail) };
        parts.push((format!("{}{detail} {} ms ", step.name, step.ms), theme.dim));
        let (sign, style) = if step.ok { ("✓  ", theme.ok) } else { ("✗  ", theme.error) };
        parts.push((sign.to_owned(), style));
    }
    let parts: Vec<(&str, Style)> = parts.iter().map(|(text, style)| (text.as_str(), *style)).collect();
    paint::parts(buf, area.x, area.y, area.width, &parts);
}
