//! The audit log: who did what with which credential, searched as it is typed, and written to a file.

use std::sync::Arc;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::entry::Entry;
use super::sheet::{Cursor, Line, frame};
use super::{Reply, Screen};
use crate::audit::Record;
use crate::model::{Credential, Id};
use crate::tui::action::Action;
use crate::tui::app::{Shared, Tone};
use crate::tui::keymap::Context;
use crate::tui::message::{Effect, Order};
use crate::tui::paint;
use crate::tui::theme::Theme;

/// How many lines a record's details take below the list, the line between counted.
const DETAILS: u16 = 8;

/// The credential that the records are about.
struct About {
    id: Id,
    solution: String,
    key: String,
}

/// The records, the newest first, over the details of one.
pub struct AuditLog {
    about: Option<About>,
    filter: Entry,
    /// Where it is to be written to, while that is typed.
    target: Option<Entry>,
    /// What the records were when they were searched.
    searched: Option<Arc<Vec<Record>>>,
    /// Those that are shown.
    found: Vec<usize>,
    cursor: Cursor,
}

impl AuditLog {
    /// All of it, or what is about one credential. Asks for the records.
    pub fn new(about: Option<&Credential>, shared: &mut Shared) -> Self {
        shared.records = None;
        shared.effect(Effect::Vault(Order::Records));
        let about = about.map(|credential| About {
            id: credential.id.clone(),
            solution: credential.content.solution().to_owned(),
            key: credential.content.key().to_owned(),
        });
        Self {
            about,
            filter: Entry::shown(),
            target: None,
            searched: None,
            found: Vec::new(),
            cursor: Cursor::default(),
        }
    }

    /// Finds what is shown: every word that was typed stands somewhere in it.
    fn search(&mut self) {
        let Some(records) = &self.searched else { return };
        let typed = self.filter.text().to_lowercase();
        let words: Vec<&str> = typed.split_whitespace().collect();
        let fits = |record: &Record| {
            let about = &self.about;
            let meant = about.as_ref().is_none_or(|it| record.is_about(Some(&it.id), &it.solution, &it.key));
            meant && {
                let text = text(record).to_lowercase();
                words.iter().all(|word| text.contains(word))
            }
        };
        let all = records.iter().enumerate().rev();
        self.found = all.filter(|(_, record)| fits(record)).map(|(index, _)| index).collect();
    }

    /// Takes over the records, once they came.
    fn look(&mut self, shared: &Shared) {
        let Some(Ok(records)) = &shared.records else { return };
        if !self.searched.as_ref().is_some_and(|known| Arc::ptr_eq(known, records)) {
            self.searched = Some(records.clone());
            self.search();
        }
    }

    fn selected(&self) -> Option<&Record> {
        let at = self.cursor.selected(self.found.len())?;
        self.searched.as_ref()?.get(self.found[at])
    }

    fn write(&mut self, shared: &mut Shared) -> Reply {
        let Some(target) = self.target.take() else { return Reply::Done };
        let Some(records) = self.searched.as_ref().filter(|_| !target.is_empty()) else { return Reply::Done };
        // The oldest first, as in the log.
        let chosen = self.found.iter().rev().map(|index| records[*index].clone()).collect();
        shared.tell(Tone::Plain, "writing…");
        shared.effect(Effect::Vault(Order::WriteRecords { path: target.text().into(), records: chosen }));
        Reply::Done
    }
}

/// All that a search looks at.
fn text(record: &Record) -> String {
    let at = record.at.strftime("%F %T");
    let (words, subject, who) = (record.words(), record.subject(), record.who.words());
    format!("{at} {words} {} {subject} {} {who} {}", record.what, record.result, record.session)
}

fn line(record: &Record, theme: &Theme) -> Line {
    let at = record.at.strftime("%m-%d %H:%M:%S");
    let style = match record.result.as_str() {
        "" | "ok" => theme.text,
        _ => theme.warn,
    };
    let result = match record.result.as_str() {
        "" | "ok" => String::new(),
        result => format!("  {}", result.replace('_', " ")),
    };
    let subject = record.subject();
    let gap = if subject.is_empty() && result.is_empty() { "" } else { "  " };
    vec![
        (format!("{at}  "), theme.dim),
        (format!("{:<18}  ", record.words()), style),
        (subject, theme.text),
        (result, theme.warn),
        (format!("{gap}{}", record.who.words()), theme.dim),
    ]
}

/// What stands below: everything that is known of a record.
fn details(record: &Record) -> Vec<(&'static str, String)> {
    let known = |text: &str| if text.is_empty() { "–".to_owned() } else { text.to_owned() };
    let keyed = match record.keyed {
        true => "with the vault's key",
        false => "without a key: as that program says",
    };
    let version = record.version.map(|version| format!(", version {version}")).unwrap_or_default();
    let generation =
        record.generation.map_or_else(String::new, |number| format!(", vault generation {number}"));
    vec![
        ("When", format!("{}, line {}", record.at.strftime("%F %T UTC"), record.line)),
        ("What", format!("{}  {}", record.words(), record.result.replace('_', " "))),
        ("Of", format!("{}{version}", known(&record.subject()))),
        ("Who", format!("{} at {}, process {}", record.who.words(), known(&record.who.host), record.who.pid)),
        ("Session", format!("{}{generation}", record.session)),
        ("Written", keyed.to_owned()),
        (
            "Value",
            record.value.as_ref().map_or_else(|| "–".to_owned(), |code| format!("known by its code {code}")),
        ),
    ]
}

impl Screen for AuditLog {
    fn context(&self) -> Context {
        Context::Audit
    }

    fn hints(&self) -> Vec<Action> {
        match self.target {
            Some(_) => vec![Action::Accept, Action::Back],
            None => vec![Action::Down, Action::PageDown, Action::Export, Action::Back, Action::Help],
        }
    }

    fn hint(&self, action: Action) -> &'static str {
        if action == Action::Accept { "write" } else { action.hint() }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match action {
            Action::Export if self.found.is_empty() => Some("there is nothing to write"),
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::Accept => return self.write(shared),
            Action::Back if self.target.take().is_some() => {}
            Action::Back => {
                shared.records = None;
                return Reply::Close;
            }
            Action::Export => {
                let mut target = Entry::shown();
                target.paste(&format!("~/audit-{}.jsonl", shared.now().strftime("%Y%m%d-%H%M%S")));
                self.target = Some(target);
            }
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => drop(self.cursor.act(action, self.found.len())),
        }
        Reply::Done
    }

    fn key(&mut self, key: KeyEvent, _: &mut Shared) -> Reply {
        match &mut self.target {
            Some(target) => drop(target.key(key)),
            None if self.filter.key(key) => {
                self.cursor = Cursor::default();
                self.search();
            }
            None => {}
        }
        Reply::Done
    }

    fn paste(&mut self, text: &str, _: &mut Shared) -> Reply {
        match &mut self.target {
            Some(target) => target.paste(text),
            None => {
                self.filter.paste(text);
                self.cursor = Cursor::default();
                self.search();
            }
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        self.look(shared);
        let theme = &shared.theme;
        let title = match &self.about {
            Some(about) => format!("Audit log of {}", about.key),
            None => "Audit log".to_owned(),
        };
        let inner = frame(&*self, &title, area, buf, shared);
        let (words, entry) = match &self.target {
            Some(target) => ("Write to: ", target),
            None => ("Search: ", &self.filter),
        };
        let used = paint::put(buf, inner.x, inner.y, inner.width, words, theme.accent);
        let room = Rect { x: inner.x + used, width: inner.width.saturating_sub(used), height: 1, ..inner };
        let cursor = entry.draw(room, buf, theme);
        let below = DETAILS.min(inner.height / 2);
        let height = inner.height.saturating_sub(2 + below);
        let list = Rect { y: inner.y + 2, height, ..inner };
        let said = match &shared.records {
            None => Some(("reading the log…".to_owned(), theme.dim)),
            Some(Err(problem)) => Some((problem.message.clone(), theme.error)),
            Some(Ok(_)) if self.found.is_empty() => Some(("Nothing matches.".to_owned(), theme.dim)),
            Some(Ok(_)) => None,
        };
        if let Some((text, style)) = said {
            paint::put(buf, list.x, list.y, list.width, &text, style);
            return Some(cursor);
        }
        let records = self.searched.clone().unwrap_or_default();
        // Only the lines around the selected one are made: the log may be long.
        let at = self.cursor.selected(self.found.len()).unwrap_or_default();
        let from = at.saturating_sub(usize::from(height.max(1)) - 1);
        let shown = self.found.iter().enumerate().map(|(place, index)| {
            let seen = (from..=from + usize::from(height)).contains(&place);
            if seen { line(&records[*index], theme) } else { Line::new() }
        });
        let lines: Vec<Line> = shown.collect();
        self.cursor.draw(&lines, list, buf, shared);
        if let Some(record) = self.selected() {
            let between = "─".repeat(inner.width.into());
            paint::put(buf, inner.x, list.bottom(), inner.width, &between, theme.border);
            let y = list.bottom() + 1;
            for ((label, text), y) in details(record).iter().zip(y..inner.bottom()) {
                paint::put(buf, inner.x, y, 9, label, theme.dim);
                paint::put(buf, inner.x + 9, y, inner.width.saturating_sub(9), text, theme.text);
            }
        }
        Some(cursor)
    }

    fn covers(&self) -> bool {
        true
    }
}
