//! The list of credentials: what it holds is computed when the vault or the search changes; a frame costs
//! only the rows that show.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use nucleo_matcher::pattern::{CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32Str};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use crate::model::search::{Query, Subject};
use crate::model::{Credential, Document, Id, Status};
use crate::session;
use crate::tui::app::Shared;
use crate::tui::paint;
use crate::tui::theme;

/// What stands under one heading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Grouping {
    /// A solution.
    Solution,
    /// A service.
    Service,
    /// Everything, without headings.
    None,
}

impl Grouping {
    /// The next one, and its words.
    fn next(self) -> (Self, &'static str) {
        match self {
            Self::None => (Self::Solution, "grouped by solution"),
            Self::Solution => (Self::Service, "grouped by service"),
            Self::Service => (Self::None, "not grouped"),
        }
    }
}

struct Entry {
    /// Its place in the document.
    index: usize,
    status: Status,
    /// A later test could not decide.
    old: bool,
    flags: Vec<&'static str>,
}

enum Line {
    Heading {
        title: String,
        count: usize,
    },
    /// Its place among the entries.
    Entry(usize),
}

/// The list.
pub(super) struct List {
    document: Arc<Document>,
    entries: Vec<Entry>,
    lines: Vec<Line>,
    /// The line of the selected entry.
    cursor: usize,
    top: usize,
    height: usize,
    grouping: Grouping,
    /// The only solution that is shown; `None`: all are.
    only: Option<String>,
    query: String,
    /// Why the query is not understood; the list is then as it was before.
    error: Option<String>,
    marks: BTreeSet<Id>,
    failing: usize,
    expiring: usize,
}

impl List {
    pub(super) fn new(document: Arc<Document>, shared: &Shared) -> Self {
        let grouping = if document.solutions.len() > 1 { Grouping::Solution } else { Grouping::None };
        let mut list = Self {
            document: document.clone(),
            entries: Vec::new(),
            lines: Vec::new(),
            cursor: 0,
            top: 0,
            height: 1,
            grouping,
            only: None,
            query: String::new(),
            error: None,
            marks: BTreeSet::new(),
            failing: 0,
            expiring: 0,
        };
        list.set_document(document, shared);
        list
    }

    /// Takes over what the vault says now; the selection stays where it can.
    pub(super) fn set_document(&mut self, document: Arc<Document>, shared: &Shared) {
        let selected = self.selected_id();
        self.document = document;
        let (now, days) = (shared.now(), shared.config.screen.expiring_days);
        let shown = |credential: &Credential| {
            self.only.as_deref().is_none_or(|only| credential.content.solution() == only)
        };
        self.entries = (self.document.credentials.iter().enumerate())
            .filter(|(_, credential)| shown(credential))
            .map(|(index, credential)| {
                let row = session::row(&self.document, credential, shared.kinds, now, days);
                Entry { index, status: row.status, old: row.old, flags: row.flags }
            })
            .collect();
        // The current solution first, then by solution and key.
        let place = |entry: &Entry| {
            let content = &self.document.credentials[entry.index].content;
            (content.solution() != shared.solution, content.solution(), content.key())
        };
        self.entries.sort_by(|a, b| place(a).cmp(&place(b)));
        self.failing = self.entries.iter().filter(|entry| entry.status.is_failing()).count();
        self.expiring = self.entries.iter().filter(|entry| entry.status == Status::Expiring).count();
        let there: BTreeSet<&Id> =
            self.document.credentials.iter().map(|credential| &credential.id).collect();
        self.marks.retain(|id| there.contains(id));
        self.arrange();
        self.select(selected.as_ref());
    }

    /// The only solution that is shown.
    pub(super) fn only(&self) -> Option<&str> {
        self.only.as_deref()
    }

    /// Shows one solution, or all, from the next [`List::set_document`] on.
    pub(super) fn set_only(&mut self, only: Option<String>) {
        self.only = only;
    }

    fn credential_at(&self, entry: usize) -> &Credential {
        &self.document.credentials[self.entries[entry].index]
    }

    /// Finds, ranks and groups: from entries to lines.
    fn arrange(&mut self) {
        let Some(found) = self.search() else { return };
        let mut groups: Vec<(String, Vec<usize>)> = Vec::new();
        let mut places: HashMap<String, usize> = HashMap::new();
        for entry in found {
            let content = &self.credential_at(entry).content;
            let title = match self.grouping {
                Grouping::None => "",
                Grouping::Solution => content.solution(),
                Grouping::Service if content.service().is_empty() => "no service",
                Grouping::Service => content.service(),
            };
            let place = *places.entry(title.to_owned()).or_insert_with(|| {
                groups.push((title.to_owned(), Vec::new()));
                groups.len() - 1
            });
            groups[place].1.push(entry);
        }
        self.lines.clear();
        for (title, entries) in groups {
            if self.grouping != Grouping::None {
                self.lines.push(Line::Heading { title, count: entries.len() });
            }
            self.lines.extend(entries.into_iter().map(Line::Entry));
        }
    }

    /// The entries that the query finds: `field:value` terms must hold, other words are looked for loosely
    /// and order the result. `None`: it is not understood.
    fn search(&mut self) -> Option<Vec<usize>> {
        let (terms, words): (Vec<&str>, Vec<&str>) = split(&self.query);
        let query = match Query::parse(&terms.join(" ")) {
            Ok(query) => query,
            Err(error) => {
                self.error = Some(format!("{}: {}", error.message, error.hint));
                return None;
            }
        };
        self.error = None;
        let pattern = Pattern::parse(&words.join(" "), CaseMatching::Ignore, Normalization::Smart);
        let (mut matcher, mut chars) = (Matcher::new(Config::DEFAULT), Vec::new());
        let mut text = String::new();
        let mut found = Vec::new();
        for (place, entry) in self.entries.iter().enumerate() {
            let content = &self.document.credentials[entry.index].content;
            if !query.is_empty() {
                let tags = content.tags();
                let subject = Subject {
                    key: content.key(),
                    name: content.name(),
                    kind: content.kind(),
                    service: content.service(),
                    solution: content.solution(),
                    status: entry.status,
                    tags: &tags,
                    flags: &entry.flags,
                };
                if !query.matches(&subject) {
                    continue;
                }
            }
            if words.is_empty() {
                found.push((0, place));
                continue;
            }
            text.clear();
            for part in [content.key(), content.name(), content.service()].into_iter().chain(content.tags()) {
                text.push_str(part);
                text.push(' ');
            }
            if let Some(score) = pattern.score(Utf32Str::new(&text, &mut chars), &mut matcher) {
                found.push((score, place));
            }
        }
        found.sort_by_key(|(score, place)| (std::cmp::Reverse(*score), *place));
        Some(found.into_iter().map(|(_, place)| place).collect())
    }

    /// Searches for something else; the best match is selected.
    pub(super) fn set_query(&mut self, query: &str) {
        if self.query != query {
            self.query = query.to_owned();
            self.arrange();
            self.top = 0;
            self.cursor = 0;
            self.step(0);
        }
    }

    pub(super) fn query(&self) -> &str {
        &self.query
    }

    /// Groups in the next way; says which.
    pub(super) fn regroup(&mut self) -> &'static str {
        let selected = self.selected_id();
        let words;
        (self.grouping, words) = self.grouping.next();
        self.arrange();
        self.select(selected.as_ref());
        words
    }

    /// The selected credential.
    pub(super) fn selected(&self) -> Option<&Credential> {
        match self.lines.get(self.cursor)? {
            Line::Entry(entry) => Some(self.credential_at(*entry)),
            Line::Heading { .. } => None,
        }
    }

    pub(super) fn selected_id(&self) -> Option<Id> {
        self.selected().map(|credential| credential.id.clone())
    }

    /// Selects a credential, else what stands where it stood.
    pub(super) fn select(&mut self, id: Option<&Id>) {
        let place = id.and_then(|id| {
            self.lines.iter().position(|line| match line {
                Line::Entry(entry) => self.credential_at(*entry).id == *id,
                Line::Heading { .. } => false,
            })
        });
        if let Some(place) = place {
            self.cursor = place;
        }
        self.step(0);
    }

    /// Moves by lines, over headings.
    pub(super) fn step(&mut self, by: isize) {
        let last = self.lines.len().saturating_sub(1);
        let mut to = self.cursor.saturating_add_signed(by).min(last);
        let is_heading = |line: usize| matches!(self.lines.get(line), Some(Line::Heading { .. }));
        if is_heading(to) {
            to = if by < 0 && to > 0 { to - 1 } else { (to + 1).min(last) };
        }
        self.cursor = to;
    }

    pub(super) fn page(&self) -> isize {
        isize::try_from(self.height.saturating_sub(1).max(1)).unwrap_or(1)
    }

    /// Marks the selected credential or takes its mark away, and goes on to the next.
    pub(super) fn mark(&mut self) {
        if let Some(id) = self.selected_id() {
            if !self.marks.remove(&id) {
                self.marks.insert(id);
            }
            self.step(1);
        }
    }

    pub(super) fn has_marks(&self) -> bool {
        !self.marks.is_empty()
    }

    pub(super) fn unmark(&mut self) {
        self.marks.clear();
    }

    /// The marked credentials, else the selected one.
    pub(super) fn chosen(&self) -> Vec<&Credential> {
        if self.marks.is_empty() {
            return self.selected().into_iter().collect();
        }
        self.entries
            .iter()
            .map(|entry| &self.document.credentials[entry.index])
            .filter(|credential| self.marks.contains(&credential.id))
            .collect()
    }

    /// Everything that the search leaves.
    pub(super) fn shown(&self) -> impl Iterator<Item = &Credential> {
        self.lines.iter().filter_map(|line| match line {
            Line::Entry(entry) => Some(self.credential_at(*entry)),
            Line::Heading { .. } => None,
        })
    }

    /// How many there are, fail and expire.
    pub(super) fn counts(&self) -> (usize, usize, usize) {
        (self.entries.len(), self.failing, self.expiring)
    }

    /// How many are shown.
    pub(super) fn shown_count(&self) -> usize {
        self.shown().count()
    }

    /// Why the query is not understood.
    pub(super) fn error(&self) -> Option<&str> {
        self.error.as_deref()
    }

    /// Draws it into the room inside the pane.
    pub(super) fn draw(
        &mut self,
        area: Rect,
        buf: &mut Buffer,
        shared: &Shared,
        focused: bool,
        testing: &dyn Fn(&Id) -> Option<&'static str>,
    ) {
        if area.is_empty() {
            return;
        }
        let theme = &shared.theme;
        let columns = Columns::of(area.width);
        columns.head(area, buf, shared);
        let rows = Rect { y: area.y + 1, height: area.height - 1, ..area };
        self.scroll(usize::from(rows.height));
        if self.lines.is_empty() {
            let (text, style) = match self.query.is_empty() {
                true => ("No credentials yet.", theme.dim),
                false => ("Nothing fits this search.", theme.dim),
            };
            paint::put(buf, rows.x + 2, rows.y, rows.width.saturating_sub(2), text, style);
        }
        let now = shared.now();
        for (line, y) in (self.top..self.lines.len()).zip(rows.y..rows.bottom()) {
            match &self.lines[line] {
                Line::Heading { title, count } => {
                    let count = format!("  {count}");
                    let parts = [(title.as_str(), theme.title), (count.as_str(), theme.dim)];
                    paint::parts(buf, rows.x + 1, y, rows.width.saturating_sub(1), &parts);
                }
                Line::Entry(place) => {
                    let entry = &self.entries[*place];
                    let credential = &self.document.credentials[entry.index];
                    let selected = line == self.cursor;
                    let area = Rect { y, height: 1, ..rows };
                    let row = DrawnRow {
                        credential,
                        entry,
                        marked: self.marks.contains(&credential.id),
                        selected: selected.then_some(focused),
                        testing: testing(&credential.id),
                        age: credential.last_test().map(|test| now.duration_since(test.at).as_secs()),
                    };
                    columns.row(&row, area, buf, shared);
                }
            }
        }
    }

    /// Keeps the cursor in sight. At an edge the window moves by half a page, so that a held key does not
    /// redraw every row each time.
    fn scroll(&mut self, height: usize) {
        self.height = height.max(1);
        let half = self.height / 2;
        if self.cursor < self.top {
            self.top = self.cursor.saturating_sub(half);
        } else if self.cursor >= self.top + self.height {
            self.top = self.cursor + 1 - self.height + half.min(self.lines.len() - 1 - self.cursor);
        }
        // The heading of the first entry is seen with it.
        if self.top == 1 && matches!(self.lines.first(), Some(Line::Heading { .. })) {
            self.top = 0;
        }
        self.top = self.top.min(self.lines.len().saturating_sub(self.height));
    }
}

/// The `field:value` terms and exclusions of a query, and its other words.
fn split(query: &str) -> (Vec<&str>, Vec<&str>) {
    let mut parts = Vec::new();
    let (mut start, mut quoted) = (0, false);
    for (at, c) in query.char_indices() {
        match c {
            '"' => quoted = !quoted,
            c if c.is_whitespace() && !quoted => {
                parts.push(&query[start..at]);
                start = at + c.len_utf8();
            }
            _ => {}
        }
    }
    parts.push(&query[start..]);
    // A term that is still being typed (`status:`) waits for its value.
    let parts = parts.into_iter().filter(|part| !part.is_empty() && !part.ends_with(':') && *part != "-");
    parts.partition(|part| part.contains(':') || part.starts_with('-') || part.contains('"'))
}

struct DrawnRow<'a> {
    credential: &'a Credential,
    entry: &'a Entry,
    marked: bool,
    /// Selected, and whether the list has the focus.
    selected: Option<bool>,
    testing: Option<&'static str>,
    /// Seconds since the last test.
    age: Option<i64>,
}

/// Where each column starts and how wide it is; 0: left out.
struct Columns {
    key: u16,
    name: u16,
    service: u16,
    kind: u16,
    status: u16,
    tested: u16,
}

impl Columns {
    fn of(width: u16) -> Self {
        let (status, tested) = (14, 6);
        // Two columns for mark and cursor, one between each.
        let rest = width.saturating_sub(2 + status + 1 + tested + 1);
        let kind = if rest >= 34 { 13 } else { 0 };
        let service = if rest >= 66 { 14 } else { 0 };
        let name = if rest >= 52 { ((rest - kind - service) / 3).clamp(12, 28) } else { 0 };
        let gaps = [kind, service, name].iter().filter(|width| **width > 0).count();
        let key = rest.saturating_sub(kind + service + name + u16::try_from(gaps).unwrap_or(0));
        Self { key, name, service, kind, status, tested }
    }

    /// Each column with its place.
    fn places(&self, area: Rect) -> [(u16, u16); 6] {
        let mut x = area.x + 2;
        [self.key, self.name, self.service, self.kind, self.status, self.tested].map(|width| {
            let place = (x, width);
            x += if width > 0 { width + 1 } else { 0 };
            place
        })
    }

    fn head(&self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let names = ["key", "name", "service", "kind", "status", "tested"];
        for ((x, width), name) in self.places(area).into_iter().zip(names) {
            let room = width.min(area.right().saturating_sub(x));
            let name = if name == "tested" { format!("{name:>6}") } else { name.to_owned() };
            paint::put(buf, x, area.y, room, &name, shared.theme.dim);
        }
    }

    fn row(&self, row: &DrawnRow<'_>, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let theme = &shared.theme;
        let content = &row.credential.content;
        let base = match row.selected {
            Some(true) => theme.selection,
            Some(false) => theme.selection_dim,
            None => theme.text,
        };
        buf.set_style(area, base);
        let cursor = if row.selected.is_some() { "▸" } else { " " };
        paint::put(buf, area.x, area.y, 1, cursor, base);
        if row.marked {
            paint::put(buf, area.x + 1, area.y, 1, "*", base.patch(theme.marked));
        }
        // On the selected row the meaning is in the sign and the word: colours on its background differ too
        // much between terminals.
        let on = |style: ratatui::style::Style| if row.selected.is_some() { base } else { style };
        let key_style = if row.marked { on(theme.marked) } else { base };
        let kind = shared.kinds.get(content.kind()).map_or(content.kind(), |kind| kind.title.as_str());
        let (sign, word) = theme::status(row.entry.status);
        let status = match (row.testing, row.entry.old) {
            (Some(spinner), _) => format!("{spinner} testing"),
            (None, true) if row.entry.status != Status::Untested => format!("{sign} {word}, old"),
            (None, _) => format!("{sign} {word}"),
        };
        let age = row.age.map(paint::ago).unwrap_or_default();
        let age = format!("{age:>6}");
        let cells = [
            (content.key(), key_style),
            (content.name(), on(theme.dim)),
            (content.service(), on(theme.dim)),
            (kind, on(theme.dim)),
            (
                status.as_str(),
                on(if row.testing.is_some() { theme.accent } else { theme.status(row.entry.status) }),
            ),
            (age.as_str(), on(theme.dim)),
        ];
        for ((x, width), (text, style)) in self.places(area).into_iter().zip(cells) {
            paint::put(buf, x, area.y, width.min(area.right().saturating_sub(x)), text, style);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn terms_are_told_from_words() {
        assert_eq!(split("mail status:error -tag:old"), (vec!["status:error", "-tag:old"], vec!["mail"]));
        assert_eq!(split("service:\"my service\" x"), (vec!["service:\"my service\""], vec!["x"]));
        assert_eq!(split("status: mai"), (vec![], vec!["mai"]));
        assert_eq!(split("  "), (vec![], vec![]));
    }

    #[test]
    fn columns_fit_any_width() {
        for width in 0..300 {
            let columns = Columns::of(width);
            let end = columns.places(Rect::new(0, 0, width, 1)).iter().map(|(x, w)| x + w).max().unwrap();
            assert!(end <= width.max(24), "{width}: {end}");
        }
    }
}
