//! Where the focus can stand, and how it moves.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Form, Handled};
use crate::model::{Placeholder, pointer};
use crate::schema::{Choices, Control, Draft, Field, Kind};

/// A field with what the form adds to it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) field: Field,
    /// What a choice offers; the empty one first where nothing needs to be chosen.
    pub(super) options: Vec<String>,
    /// A table's values may have line breaks.
    pub(super) multiline_cells: bool,
}

impl Entry {
    pub(super) fn new(kind: &Kind, field: &Field, offers: &BTreeMap<String, Vec<String>>) -> Self {
        let mut options = match &field.control {
            Control::Choice(Choices::Fixed(options)) => options.clone(),
            Control::Choice(Choices::FromVault(word)) => offers.get(word).cloned().unwrap_or_default(),
            _ => Vec::new(),
        };
        if !options.is_empty() && !field.required {
            options.insert(0, String::new());
        }
        let multiline_cells = matches!(
            kind.control_at(&pointer::join(&field.pointer, "-")),
            Some(Control::Secret { multiline: true } | Control::Text { multiline: true })
        );
        Self { field: field.clone(), options, multiline_cells }
    }

    /// Whether a place is the field's or inside it.
    pub(super) fn covers(&self, place: &str) -> bool {
        place
            .strip_prefix(self.field.pointer.as_str())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }

    /// How it can be edited: a value that is not what the schema wants is left to the raw editor.
    pub(super) fn control(&self, draft: &Draft) -> &Control {
        let control = &self.field.control;
        let Some(value) = draft.content().get(&self.field.pointer) else { return control };
        let fits = match control {
            Control::Secret { .. } => Placeholder::of(value).is_some(),
            Control::List => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            Control::Table { secret } => value.as_object().is_some_and(|members| {
                let fits = |member: &Value| match secret {
                    true => Placeholder::of(member).is_some(),
                    false => member.is_string(),
                };
                members.values().all(fits)
            }),
            _ => !value.is_object() && !value.is_array(),
        };
        if fits { control } else { &Control::Json }
    }

    /// The names in a table.
    pub(super) fn names<'a>(&self, draft: &'a Draft) -> impl Iterator<Item = &'a str> {
        let members = draft.content().get(&self.field.pointer).and_then(Value::as_object);
        members.into_iter().flat_map(|members| members.keys().map(String::as_str))
    }
}

/// A place for the focus.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stop {
    pub(super) field: usize,
    pub(super) part: Part,
}

/// What of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// All of it.
    Value,
    /// The name of a table's entry.
    Name(String),
    /// The value of a table's entry.
    Cell(String),
    /// The line that adds an entry.
    Add,
}

impl Stop {
    pub(super) fn place(&self, field: &str) -> String {
        match &self.part {
            Part::Value | Part::Add => field.to_owned(),
            Part::Name(name) | Part::Cell(name) => pointer::join(field, name),
        }
    }
}

/// What a stop edits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    Text { place: String, multiline: bool, cell: bool },
    Secret { place: String, multiline: bool, cell: bool },
    Choice { place: String },
    Number { place: String, negative: bool },
    Boolean { place: String, required: bool },
    List { place: String },
    Name { table: String, name: String },
    Add { table: String, secret: bool },
    Json { place: String },
    Nothing,
}

impl Form {
    /// What a stop edits.
    pub(super) fn target_of(&self, stop: &Stop, draft: &Draft) -> Target {
        let Some(entry) = self.entries.get(stop.field) else { return Target::Nothing };
        let field = &entry.field;
        let place = stop.place(&field.pointer);
        match (entry.control(draft), &stop.part) {
            _ if field.fixed => Target::Nothing,
            (Control::Table { .. }, Part::Name(name)) => {
                Target::Name { table: field.pointer.clone(), name: name.clone() }
            }
            (Control::Table { secret: true }, Part::Cell(_)) => {
                Target::Secret { place, multiline: entry.multiline_cells, cell: true }
            }
            (Control::Table { secret: false }, Part::Cell(_)) => {
                Target::Text { place, multiline: entry.multiline_cells, cell: true }
            }
            (Control::Table { secret }, _) => Target::Add { table: place, secret: *secret },
            (Control::Text { multiline }, _) => Target::Text { place, multiline: *multiline, cell: false },
            (Control::Secret { multiline }, _) => {
                Target::Secret { place, multiline: *multiline, cell: false }
            }
            (Control::Choice(_), _) => Target::Choice { place },
            (Control::Number { min, .. }, _) => {
                Target::Number { place, negative: min.is_none_or(|min| min < 0) }
            }
            (Control::Boolean, _) => Target::Boolean { place, required: field.required },
            (Control::List, _) => Target::List { place },
            (Control::Json, _) => Target::Json { place },
        }
    }

    /// What the focus edits.
    pub(super) fn target(&self, draft: &Draft) -> Target {
        self.target_of(&self.focus, draft)
    }

    /// The rows of stops, from top to bottom.
    fn rows_of_stops(&self, draft: &Draft) -> Vec<Vec<Stop>> {
        let mut rows = Vec::new();
        for (field, entry) in self.entries.iter().enumerate().filter(|(_, entry)| !entry.field.fixed) {
            let stop = |part| Stop { field, part };
            if let Control::Table { .. } = entry.control(draft) {
                for name in entry.names(draft) {
                    rows.push(vec![stop(Part::Name(name.to_owned())), stop(Part::Cell(name.to_owned()))]);
                }
                rows.push(vec![stop(Part::Add)]);
            } else {
                rows.push(vec![stop(Part::Value)]);
            }
        }
        rows
    }

    /// All stops, in the order of Tab.
    pub(super) fn stops(&self, draft: &Draft) -> Vec<Stop> {
        self.rows_of_stops(draft).into_iter().flatten().collect()
    }

    /// The stop at or around a place, or the first one under it.
    pub(super) fn stop_at(&self, place: &str, draft: &Draft) -> Option<Stop> {
        let stops = self.stops(draft);
        let at = |stop: &&Stop| {
            let own = stop.place(&self.entries[stop.field].field.pointer);
            own == place && !matches!(stop.part, Part::Name(_))
        };
        let around = |stop: &&Stop| self.entries[stop.field].covers(place);
        let under = format!("{place}/");
        let inside = |stop: &&Stop| self.entries[stop.field].field.pointer.starts_with(&under);
        let found = stops.iter().find(at).or_else(|| stops.iter().find(around));
        found.or_else(|| stops.iter().find(inside)).cloned()
    }

    /// Puts the focus where there is something: a table's row may have gone.
    pub(super) fn normalise(&mut self, draft: &Draft) {
        let stops = self.stops(draft);
        if stops.contains(&self.focus) {
            return;
        }
        let same_field = |stop: &&Stop| stop.field == self.focus.field;
        // A removed row leaves the focus at the end of its table, a whole table its first row.
        let found = match self.focus.part {
            Part::Value => stops.iter().find(same_field),
            _ => stops.iter().rev().find(same_field),
        };
        if let Some(stop) = found.or(stops.first()) {
            self.focus = stop.clone();
        }
    }

    /// Leaves the focused stop and enters another.
    pub(super) fn go(&mut self, stop: Stop, draft: &mut Draft, kind: &Kind) {
        if stop != self.focus {
            self.leave(draft, kind);
            self.focus = stop;
            self.enter(draft);
        }
    }

    /// Tab and Shift-Tab.
    pub(super) fn step(&mut self, by: isize, draft: &mut Draft, kind: &Kind) -> Handled {
        let changed = self.leave(draft, kind);
        let stops = self.stops(draft);
        let here = stops.iter().position(|stop| *stop == self.focus);
        let to = here.and_then(|here| here.checked_add_signed(by)).and_then(|to| stops.get(to));
        let moved = to.is_some();
        if let Some(stop) = to {
            self.focus = stop.clone();
        }
        self.enter(draft);
        match (changed, moved) {
            (true, _) => Handled::Changed,
            (false, true) => Handled::Consumed,
            (false, false) => Handled::Ignored,
        }
    }

    /// Up and Down: in a table, the same column.
    pub(super) fn vertical(&mut self, by: isize, draft: &mut Draft, kind: &Kind) -> Handled {
        let changed = self.leave(draft, kind);
        let rows = self.rows_of_stops(draft);
        let column = |row: &Vec<Stop>| row.iter().position(|stop| *stop == self.focus);
        let here = rows.iter().enumerate().find_map(|(at, row)| Some((at, column(row)?)));
        if let Some((row, column)) = here
            && let Some(to) = row.checked_add_signed(by).and_then(|to| rows.get(to))
        {
            self.focus = to[column.min(to.len() - 1)].clone();
        }
        self.enter(draft);
        if changed { Handled::Changed } else { Handled::Consumed }
    }

    /// Page Up and Page Down: the first field of a group.
    pub(super) fn group(&mut self, by: isize, draft: &mut Draft, kind: &Kind) -> Handled {
        let changed = self.leave(draft, kind);
        let stops = self.stops(draft);
        let group = |stop: &Stop| &self.entries[stop.field].field.group;
        let mut firsts: Vec<usize> = Vec::new();
        for (at, stop) in stops.iter().enumerate() {
            if at == 0 || group(stop) != group(&stops[at - 1]) {
                firsts.push(at);
            }
        }
        let here = stops.iter().position(|stop| *stop == self.focus).unwrap_or_default();
        let to = match by {
            ..0 => firsts.iter().rev().find(|first| **first < here).copied().unwrap_or(0),
            _ => firsts.iter().find(|first| **first > here).copied().unwrap_or(stops.len().saturating_sub(1)),
        };
        if let Some(stop) = stops.get(to) {
            self.focus = stop.clone();
        }
        self.enter(draft);
        if changed { Handled::Changed } else { Handled::Consumed }
    }
}
