//! The list of credentials: what it holds is computed when the vault or the search changes; a frame costs
//! only the rows that show.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use nucleo_matcher::pattern::{Atom, AtomKind, CaseMatching, Normalization, Pattern};
use nucleo_matcher::{Config, Matcher, Utf32String};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::columns::{Columns, DrawnRow};
use super::order::Order;
use crate::model::search::{Folded, Query};
use crate::model::{Credential, Document, Id, Status};
use crate::session::{self, Ends};
use crate::tui::app::Shared;
use crate::tui::paint;

/// From this many credentials on, loose words are ranked by [`greedy`].
const MANY: usize = 20_000;

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

/// What is computed of a credential once, for all that follows.
pub(super) struct Entry {
    /// Its place in the document.
    index: usize,
    pub(super) status: Status,
    /// A later test could not decide.
    old: bool,
    /// It needs attention.
    unfit: bool,
    /// When it ends.
    pub(super) ends: Option<Ends>,
    /// What a query compares with.
    folded: Folded,
    /// What loose words are looked for in.
    haystack: Utf32String,
    /// Which of [`List::groups`] it stands in.
    group: usize,
}

#[derive(Clone, Copy)]
enum Line {
    Heading {
        group: usize,
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
    /// How many lines are entries.
    shown: usize,
    /// The titles of the groups, in the order of their first entries.
    groups: Vec<String>,
    grouping: Grouping,
    order: Order,
    /// The only solution that is shown; `None`: all are.
    only: Option<String>,
    query: String,
    /// What the query found, as places among the entries, in their order; `None`: it has to look at all.
    found: Option<Vec<usize>>,
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
            shown: 0,
            groups: Vec::new(),
            grouping,
            order: Order { by: shared.config.screen.sort, back: false },
            only: None,
            query: String::new(),
            found: None,
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
                let row = session::row(&self.document, credential, &shared.kinds, &shared.usage, now, days);
                let mut text = String::new();
                for part in [row.key, row.name, row.service].into_iter().chain(row.tags.iter().copied()) {
                    text.push_str(part);
                    text.push(' ');
                }
                Entry {
                    index,
                    status: row.status,
                    old: row.old,
                    unfit: row.flags.contains(&"needs_attention"),
                    ends: row.ends,
                    folded: row.subject().folded(),
                    haystack: text.into(),
                    group: 0,
                }
            })
            .collect();
        self.sort(shared);
        self.failing = self.entries.iter().filter(|entry| entry.status.is_failing()).count();
        self.expiring = self.entries.iter().filter(|entry| entry.status == Status::Expiring).count();
        let there: BTreeSet<&Id> =
            self.document.credentials.iter().map(|credential| &credential.id).collect();
        self.marks.retain(|id| there.contains(id));
        self.arrange();
        self.select(selected.as_ref());
    }

    /// Takes over that a credential was used; it stays where it stands until the list is put in order again.
    pub(super) fn used(&mut self, id: &Id, shared: &Shared) {
        let (document, now) = (&self.document, shared.now());
        let is_it = |entry: &&mut Entry| document.credentials[entry.index].id == *id;
        if let Some(entry) = self.entries.iter_mut().find(is_it) {
            let credential = &document.credentials[entry.index];
            let days = shared.config.screen.expiring_days;
            let row = session::row(document, credential, &shared.kinds, &shared.usage, now, days);
            entry.folded = row.subject().folded();
        }
    }

    /// Puts the entries in order, and finds the groups.
    fn sort(&mut self, shared: &Shared) {
        let document = self.document.clone();
        let content = |entry: &Entry| &document.credentials[entry.index].content;
        let by_solution = self.grouping == Grouping::Solution;
        self.order.sort(
            &mut self.entries,
            |entry| &document.credentials[entry.index],
            by_solution,
            &shared.solution,
            &shared.usage,
        );
        self.groups.clear();
        let mut places: HashMap<&str, usize> = HashMap::new();
        for entry in &mut self.entries {
            let title = match self.grouping {
                Grouping::None => "",
                Grouping::Solution => content(entry).solution(),
                Grouping::Service if content(entry).service().is_empty() => "no service",
                Grouping::Service => content(entry).service(),
            };
            entry.group = *places.entry(title).or_insert_with(|| {
                self.groups.push(title.to_owned());
                self.groups.len() - 1
            });
        }
        self.found = None;
    }

    /// Sorts in another way; says which.
    pub(super) fn reorder(&mut self, back: bool, shared: &Shared) -> String {
        let selected = self.selected_id();
        self.order = if back { self.order.turned() } else { self.order.next() };
        self.sort(shared);
        self.arrange();
        self.select(selected.as_ref());
        self.order.words()
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
        let Some(ranked) = self.search() else { return };
        self.shown = ranked.len();
        self.lines.clear();
        if self.grouping == Grouping::None {
            self.lines.extend(ranked.into_iter().map(Line::Entry));
            return;
        }
        // The group of the best entry comes first.
        let mut members: Vec<Vec<usize>> = vec![Vec::new(); self.groups.len()];
        let mut order = Vec::new();
        for entry in ranked {
            let group = self.entries[entry].group;
            if members[group].is_empty() {
                order.push(group);
            }
            members[group].push(entry);
        }
        for group in order {
            self.lines.push(Line::Heading { group, count: members[group].len() });
            self.lines.extend(members[group].iter().copied().map(Line::Entry));
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
                self.found = None;
                return None;
            }
        };
        self.error = None;
        let pattern = Pattern::parse(&words.join(" "), CaseMatching::Ignore, Normalization::Smart);
        let mut matcher = Matcher::new(Config::DEFAULT);
        let quick = self.entries.len() > MANY && is_plain(&pattern);
        let (mut found, mut ranked) = (Vec::new(), Vec::new());
        let mut look = |place: usize| {
            let entry = &self.entries[place];
            if !query.is_empty() && !query.matches(&entry.folded) {
                return;
            }
            let score = match words.is_empty() {
                true => Some(0),
                false if quick => greedy(&pattern, &entry.haystack, &mut matcher),
                false => pattern.score(entry.haystack.slice(..), &mut matcher),
            };
            if let Some(score) = score {
                found.push(place);
                ranked.push((std::cmp::Reverse(score), place));
            }
        };
        match &self.found {
            Some(places) => places.iter().copied().for_each(&mut look),
            None => (0..self.entries.len()).for_each(&mut look),
        }
        self.found = Some(found);
        if !words.is_empty() {
            ranked.sort_unstable();
        }
        Some(ranked.into_iter().map(|(_, place)| place).collect())
    }

    /// Searches for something else; the best match is selected.
    pub(super) fn set_query(&mut self, query: &str) {
        if self.query != query {
            if !narrows(&self.query, query) {
                self.found = None;
            }
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
    pub(super) fn regroup(&mut self, shared: &Shared) -> &'static str {
        let selected = self.selected_id();
        let words;
        (self.grouping, words) = self.grouping.next();
        self.sort(shared);
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
        self.shown
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
        let columns = Columns::of(&shared.config.screen.columns, self.order.by, area.width);
        columns.head(area, self.order, buf, shared);
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
                Line::Heading { group, count } => {
                    let count = format!("  {count}");
                    let parts = [(self.groups[*group].as_str(), theme.title), (count.as_str(), theme.dim)];
                    paint::parts(buf, rows.x + 1, y, rows.width.saturating_sub(1), &parts);
                }
                Line::Entry(place) => {
                    let entry = &self.entries[*place];
                    let credential = &self.document.credentials[entry.index];
                    let selected = line == self.cursor;
                    let area = Rect { y, height: 1, ..rows };
                    let row = DrawnRow {
                        credential,
                        status: entry.status,
                        old: entry.old,
                        unfit: entry.unfit,
                        marked: self.marks.contains(&credential.id),
                        selected: selected.then_some(focused),
                        testing: testing(&credential.id),
                        now,
                        ends: entry.ends,
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

/// Whether [`greedy`] understands all of a pattern: loose words in ASCII, none of them excluded.
fn is_plain(pattern: &Pattern) -> bool {
    let plain = |atom: &Atom| atom.kind == AtomKind::Fuzzy && !atom.negative && atom.needle_text().is_ascii();
    pattern.atoms.iter().all(plain)
}

/// Finds what [`Pattern::score`] finds, and ranks by the first place where the letters stand instead of the best
/// one: the best takes longer than a frame where most of very many texts fit.
fn greedy(pattern: &Pattern, haystack: &Utf32String, matcher: &mut Matcher) -> Option<u32> {
    let scores = pattern
        .atoms
        .iter()
        .map(|atom| matcher.fuzzy_match_greedy(haystack.slice(..), atom.needle_text()).map(u32::from));
    scores.sum()
}

/// Whether all that a query finds was found by an earlier one: the same terms, and plain words that begin with
/// the earlier ones. A sign that the matcher gives a meaning to (`!`, `^`, `'`, `$`, `\`) can mean another thing
/// in a longer word.
fn narrows(old: &str, new: &str) -> bool {
    let ((old_terms, old_words), (terms, words)) = (split(old), split(new));
    let plain = |word: &&str| {
        word.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '/' | '@'))
    };
    old_terms == terms
        && old_words.len() <= words.len()
        && words.iter().all(plain)
        && old_words.iter().zip(&words).all(|(old, new)| new.starts_with(old))
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
    fn the_quick_way_finds_the_same() {
        let mut matcher = Matcher::new(Config::DEFAULT);
        let texts = ["stripe.live Stripe, Live prod ", "billing.db ", "Zürich älter ", "", "a-b-c S_T_R "];
        for words in ["s", "st", "STR", "lv stripe", "zu", "bd l", "xq", "a b c", "al"] {
            let pattern = Pattern::parse(words, CaseMatching::Ignore, Normalization::Smart);
            assert!(is_plain(&pattern), "{words}");
            for text in texts.map(Utf32String::from) {
                let best = pattern.score(text.slice(..), &mut matcher);
                let quick = greedy(&pattern, &text, &mut matcher);
                assert_eq!(best.is_some(), quick.is_some(), "{words} in {text}");
            }
        }
        for words in ["!a", "'a", "a$", "^a", "é"] {
            assert!(!is_plain(&Pattern::parse(words, CaseMatching::Ignore, Normalization::Smart)), "{words}");
        }
    }

    #[test]
    fn only_a_longer_query_of_plain_words_finds_less() {
        for (old, new) in
            [("a", "ab"), ("a", "a b"), ("a kind:x b", "a kind:x bc"), ("is:old", "is:old a"), ("a", "a ")]
        {
            assert!(narrows(old, new), "{old} {new}");
        }
        for (old, new) in [
            ("ab", "a"),
            ("a", "b"),
            ("status", "status:error"),
            ("a", "-a"),
            ("a -b", "a -bc"),
            ("!a", "!ab"),
            ("a$", "a$b"),
            ("a\\", "a\\ b"),
            ("kind:a*", "kind:ab*"),
            ("a", "a \"b"),
            ("é", "ée"),
        ] {
            assert!(!narrows(old, new), "{old} {new}");
        }
    }
}
