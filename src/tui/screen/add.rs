//! What the new credential is of: a kind, or a way into a service of the catalogue.

use std::collections::BTreeSet;
use std::sync::Arc;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::entry::Entry;
use super::{Reply, Screen};
use crate::model::Document;
use crate::schema::Kind;
use crate::schema::catalogue::{Index, Offer, split};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::message::Effect;
use crate::tui::paint;
use crate::tui::theme::Theme;
use crate::tui::widget::{popup, visible};

/// The box on a large terminal.
const LARGEST: (u16, u16) = (100, 34);
/// Lines about the selected one.
const ABOUT: u16 = 3;
/// From this width on a service's line has room for its kind.
const WIDE: u16 = 60;
/// Columns of a service's kind, and of whether it has a test.
const KIND: u16 = 20;
const TEST: u16 = 9;

/// What can be picked.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Choice {
    name: String,
    /// Behind the name: the way into a service.
    title: String,
    /// A kind's sentence, or the kind of a service's credentials.
    about: String,
    /// Only of a service: whether a request proves it.
    test: Option<bool>,
    /// What is told of the selected one.
    more: String,
    pick: Pick,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Pick {
    Kind(String),
    Service { kind: String, service: String },
    NewKind,
}

/// The kinds, the services, and a line to find one.
pub struct Add {
    kinds: Vec<Choice>,
    /// Ids and titles of the kinds, for the lines of services.
    titles: Vec<(String, String)>,
    /// Services that credentials of the vault name.
    used: BTreeSet<String>,
    services: Option<Arc<Index>>,
    found: Vec<Choice>,
    /// There are services that are not listed.
    more: bool,
    selected: usize,
    page: usize,
    entry: Entry,
    /// The key that it gets, where that is known.
    key: Option<String>,
}

/// More services than this are not listed: a longer word finds them.
const MOST: usize = 200;

impl Add {
    /// All kinds there are, in the order they are offered. The services are asked for and come later.
    pub fn new(document: &Document, shared: &mut Shared) -> Self {
        let of = |kind: &Arc<Kind>| Choice {
            name: kind.title.clone(),
            title: String::new(),
            about: kind.description.clone(),
            test: None,
            more: kind.description.clone(),
            pick: Pick::Kind(kind.id.clone()),
        };
        let more = "A kind of your own, as a copy of one of these.";
        let new = Choice {
            name: "New kind…".to_owned(),
            title: String::new(),
            about: more.to_owned(),
            test: None,
            more: more.to_owned(),
            pick: Pick::NewKind,
        };
        let used = document.credentials.iter().map(|one| split(one.content.service()).0.to_owned());
        let services = shared.services.clone();
        if services.is_none() {
            shared.effect(Effect::Index(shared.kinds.catalogue().clone()));
        }
        let mut add = Self {
            kinds: shared.kinds.iter().map(of).chain([new]).collect(),
            titles: shared.kinds.iter().map(|kind| (kind.id.clone(), kind.title.clone())).collect(),
            used: used.collect(),
            services,
            found: Vec::new(),
            more: false,
            selected: 0,
            page: 1,
            entry: Entry::shown(),
            key: None,
        };
        add.search();
        add
    }

    /// The same, for a credential that something names already.
    pub fn named(document: &Document, key: &str, shared: &mut Shared) -> Self {
        Self { key: Some(key.to_owned()), ..Self::new(document, shared) }
    }

    fn offered(&self, offer: &Offer) -> Choice {
        let variant = offer.variant();
        let title = self.titles.iter().find(|(id, _)| *id == variant.kind);
        let proof = match (variant.proof(), &variant.not_testable) {
            (Some((method, address)), _) => format!("Test: {method} {address}"),
            (None, Some(why)) => format!("No test: {why}"),
            (None, None) => "No test is known.".to_owned(),
        };
        let page = variant.key_url.as_ref().map(|page| format!("Key\u{a0}page:\u{a0}{page}"));
        Choice {
            name: offer.service.name.clone(),
            title: variant.title.clone(),
            about: title.map_or_else(|| variant.kind.clone(), |(_, title)| title.clone()),
            test: Some(variant.proof().is_some()),
            more: [Some(proof), page].into_iter().flatten().collect::<Vec<_>>().join("\n"),
            pick: Pick::Service { kind: variant.kind.clone(), service: offer.word() },
        }
    }

    fn search(&mut self) {
        let query = self.entry.text().to_lowercase();
        let words: Vec<&str> = query.split_whitespace().collect();
        let fits = |choice: &&Choice| {
            let id = if let Pick::Kind(id) = &choice.pick { id.as_str() } else { "" };
            let text = format!("{} {id}", choice.name.to_lowercase());
            words.iter().all(|word| text.contains(word))
        };
        let mut found: Vec<Choice> = self.kinds.iter().filter(fits).cloned().collect();
        if let Some(services) = &self.services {
            let is_used = |id: &str| self.used.contains(id);
            let offers = match words.is_empty() {
                true => services.of(is_used),
                false => services.search(&query, is_used),
            };
            self.more = offers.len() > MOST;
            found.extend(offers.into_iter().take(MOST).map(|offer| self.offered(offer)));
        }
        self.found = found;
        self.selected = 0;
    }

    /// Takes the services over once they are there; what was selected stays it.
    fn receive(&mut self, shared: &Shared) {
        if self.services.is_some() || shared.services.is_none() {
            return;
        }
        self.services.clone_from(&shared.services);
        let selected = self.selected;
        self.search();
        self.selected = selected.min(self.found.len().saturating_sub(1));
    }

    fn draw_choice(
        &self,
        choice: &Choice,
        selected: bool,
        area: Rect,
        name: u16,
        buf: &mut Buffer,
        theme: &Theme,
    ) {
        let base = if selected { theme.selection } else { theme.text };
        let on = |style: Style| if selected { base } else { style };
        buf.set_style(area, base);
        let sign = if selected { "▸ " } else { "  " };
        let Some(test) = choice.test else {
            let title = format!("{:width$}  ", choice.name, width = usize::from(name));
            let parts = [(sign, base), (title.as_str(), base), (choice.about.as_str(), on(theme.dim))];
            paint::parts(buf, area.x, area.y, area.width, &parts);
            return;
        };
        let wide = area.width >= WIDE;
        let end = TEST + if wide { KIND } else { 0 };
        let room = area.width.saturating_sub(end + 1);
        let title = format!("  {}", choice.title);
        let parts = [(sign, base), (choice.name.as_str(), base), (title.as_str(), on(theme.dim))];
        paint::parts(buf, area.x, area.y, room, &parts);
        let x = area.right().saturating_sub(end);
        if wide {
            paint::put(buf, x, area.y, KIND - 1, &choice.about, on(theme.dim));
        }
        let (word, style) = if test { ("✓ test", theme.ok) } else { ("– no test", theme.dim) };
        paint::put(buf, area.right().saturating_sub(TEST), area.y, TEST, word, on(style));
    }
}

impl Screen for Add {
    fn context(&self) -> Context {
        Context::Prompt
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Down, Action::Accept, Action::Back]
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        self.receive(shared);
        let count = self.found.len().max(1);
        match action {
            Action::Down | Action::Next => self.selected = (self.selected + 1) % count,
            Action::Up | Action::Previous => self.selected = (self.selected + count - 1) % count,
            Action::PageDown => self.selected = (self.selected + self.page).min(count - 1),
            Action::PageUp => self.selected = self.selected.saturating_sub(self.page),
            Action::Accept => {
                let Some(choice) = self.found.get(self.selected) else { return Reply::Done };
                let key = self.key.clone();
                return Reply::CloseAnd(match choice.pick.clone() {
                    Pick::Kind(kind) => Command::Begin { kind, service: None, key },
                    Pick::Service { kind, service } => Command::Begin { kind, service: Some(service), key },
                    Pick::NewKind => Command::Perform(Action::Kinds),
                });
            }
            Action::Back if !self.entry.text().is_empty() => {
                self.entry = Entry::shown();
                self.search();
            }
            Action::Back => return Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn key(&mut self, key: KeyEvent, shared: &mut Shared) -> Reply {
        self.receive(shared);
        if self.entry.key(key) {
            self.search();
        }
        Reply::Done
    }

    fn paste(&mut self, text: &str, shared: &mut Shared) -> Reply {
        self.receive(shared);
        self.entry.paste(text);
        self.search();
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        self.receive(shared);
        let theme = &shared.theme;
        let width = LARGEST.0.min(area.width.saturating_sub(4));
        let height = LARGEST.1.min(area.height.saturating_sub(2));
        let around = popup::centered(area, width, height);
        let inner = paint::inset(popup::frame(around, "Add a credential", theme, buf));
        let said = match &self.services {
            Some(services) if self.entry.text().is_empty() => {
                format!("type to find one of {} services", services.services())
            }
            Some(_) if self.found.is_empty() => "nothing of that name".to_owned(),
            Some(_) if self.more => format!("more than {MOST} found"),
            Some(_) => format!("{} found", self.found.len()),
            None => "reading the services…".to_owned(),
        };
        let used = paint::put(buf, inner.x, inner.y, 2, "/ ", theme.accent);
        let wide = u16::try_from(visible::width(&said)).unwrap_or(0).min(inner.width / 2);
        let line = Rect {
            x: inner.x + used,
            y: inner.y,
            height: 1,
            width: inner.width.saturating_sub(used + wide + 1),
        };
        let cursor = self.entry.draw(line, buf, theme);
        paint::put(buf, inner.right().saturating_sub(wide), inner.y, wide, &said, theme.dim);

        let below = if inner.height > 12 { ABOUT + 1 } else { 0 };
        let rows = Rect {
            y: (inner.y + 2).min(inner.bottom()),
            height: inner.height.saturating_sub(2 + below),
            ..inner
        };
        let height = usize::from(rows.height.max(1));
        self.page = height.saturating_sub(1).max(1);
        let from = self.selected.saturating_sub(height - 1);
        let names = self.kinds.iter().map(|choice| visible::width(&choice.name)).max().unwrap_or(0);
        let names = u16::try_from(names).unwrap_or(0).min(rows.width / 3);
        for ((index, choice), y) in self.found.iter().enumerate().skip(from).zip(rows.y..rows.bottom()) {
            let line = Rect { y, height: 1, ..rows };
            self.draw_choice(choice, index == self.selected, line, names, buf, theme);
        }
        if let Some(choice) = self.found.get(self.selected).filter(|_| below > 0) {
            let lines = choice.more.lines().flat_map(|line| paint::wrap(line, inner.width));
            for (line, y) in lines.zip(inner.bottom() - ABOUT..inner.bottom()) {
                paint::put(buf, inner.x, y, inner.width, &line.replace('\u{a0}', " "), theme.dim);
            }
        }
        Some(cursor)
    }
}
