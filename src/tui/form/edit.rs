//! From keys and pasted text to the draft.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::Value;

use super::Form;
use super::stop::{Part, Target};
use crate::model::{Placeholder, pointer};
use crate::schema::{Draft, Kind, Notice};
use crate::tui::widget::secret_input::{SecretInput, Typed};
use crate::tui::widget::text_input::TextInput;

/// The longest text that can be pasted into a plain field, in bytes.
const PASTE_MAX: usize = 1024 * 1024;

/// The digits that any `i64` has room for.
const DIGITS: usize = 18;

/// What the focused stop is typed into.
#[derive(Debug)]
pub(super) enum Input {
    /// Nothing is typed here.
    None,
    Text(TextInput),
    Secret(SecretInput),
}

impl Form {
    /// Makes the input of the focused stop.
    pub(super) fn enter(&mut self, draft: &Draft) {
        self.normalise(draft);
        self.input = match self.target(draft) {
            Target::Secret { .. } => Input::Secret(SecretInput::default()),
            Target::Choice { .. } | Target::Boolean { .. } | Target::Json { .. } | Target::Nothing => {
                Input::None
            }
            target => Input::Text(TextInput::new(text_of(&target, draft))),
        };
    }

    /// Follows a draft that was changed elsewhere.
    pub(super) fn sync(&mut self, draft: &Draft) {
        let before = self.focus.clone();
        self.normalise(draft);
        if before != self.focus {
            return self.enter(draft);
        }
        let target = self.target(draft);
        match (&mut self.input, &target) {
            // A name stands only here until the focus moves on.
            (Input::Text(_), Target::Name { .. } | Target::Add { .. }) => {}
            (Input::Text(input), Target::Number { .. } | Target::Text { .. } | Target::List { .. }) => {
                if !says(&target, input.text(), draft) {
                    input.set_text(text_of(&target, draft));
                }
            }
            (Input::Secret(input), Target::Secret { place, .. }) => {
                if !input.is_empty() && !draft.is_entered(place) {
                    input.clear();
                }
            }
            (
                Input::None,
                Target::Choice { .. } | Target::Boolean { .. } | Target::Json { .. } | Target::Nothing,
            ) => {}
            _ => self.enter(draft),
        }
    }

    /// Ends the edit of the focused stop: a name is taken over, a typed secret forgotten. Whether the draft
    /// changed by that.
    pub(super) fn leave(&mut self, draft: &mut Draft, kind: &Kind) -> bool {
        self.pick = None;
        let input = std::mem::replace(&mut self.input, Input::None);
        let changed = match (input, self.target(draft)) {
            (Input::Text(input), Target::Name { table, name }) => {
                self.rename(&table, &name, input.text().trim(), draft)
            }
            (Input::Text(input), Target::Add { table, secret }) => {
                self.add(&table, input.text().trim(), secret, draft)
            }
            (Input::Secret(input), Target::Secret { place, .. }) if !input.is_empty() => {
                self.notices.extend(kind.tidy(&place, input.secret()).1);
                false
            }
            _ => false,
        };
        draft.settle();
        changed
    }

    fn rename(&mut self, table: &str, from: &str, to: &str, draft: &mut Draft) -> bool {
        if to.is_empty() || to == from {
            return false;
        }
        if draft.content().get(&pointer::join(table, to)).is_some() {
            self.tell(table, format!("{to} is there already: {from} keeps its name"));
            return false;
        }
        draft.settle();
        draft.rename(table, from, to);
        self.focus.part = Part::Name(to.to_owned());
        true
    }

    fn add(&mut self, table: &str, name: &str, secret: bool, draft: &mut Draft) -> bool {
        if name.is_empty() {
            return false;
        }
        // Where the focus goes on from: to the new row's value, or to that of the row that is there already.
        self.focus.part = Part::Name(name.to_owned());
        let place = pointer::join(table, name);
        if draft.content().get(&place).is_some() {
            self.tell(table, format!("{name} is there already"));
            return false;
        }
        draft.settle();
        draft.put(&place, if secret { Placeholder::Missing.value() } else { Value::String(String::new()) });
        true
    }

    fn tell(&mut self, place: &str, message: String) {
        self.notices.push(Notice { pointer: place.to_owned(), message });
    }

    /// Handles a key as the focused stop does.
    pub(super) fn edit_key(&mut self, key: KeyEvent, draft: &mut Draft, kind: &Kind) -> Typed {
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        let target = self.target(draft);
        if ctrl && key.code == KeyCode::Char('d') && self.focus.part != Part::Value {
            return self.remove_row(draft);
        }
        match target {
            Target::Choice { ref place } => {
                let current = draft.content().get_str(place).unwrap_or_default();
                let options = &self.entries[self.focus.field].options;
                let Some(next) = turn(options, current, key) else { return Typed::Ignored };
                put(draft, place, Value::String(next))
            }
            Target::Boolean { ref place, required } => {
                let options: Vec<String> =
                    ["", "true", "false"].map(str::to_owned)[usize::from(required)..].to_vec();
                let current = draft.content().get(place).map(Value::to_string).unwrap_or_default();
                let Some(next) = turn(&options, &current, key) else { return Typed::Ignored };
                put(draft, place, if next.is_empty() { Value::Null } else { Value::Bool(next == "true") })
            }
            Target::Secret { .. } => self.secret_key(key, draft, kind),
            Target::Json { .. } | Target::Nothing => Typed::Ignored,
            _ => self.text_key(key, &target, draft),
        }
    }

    fn text_key(&mut self, key: KeyEvent, target: &Target, draft: &mut Draft) -> Typed {
        let Input::Text(input) = &mut self.input else { return Typed::Ignored };
        let plain = !key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT);
        match (target, key.code) {
            (Target::Number { negative, .. }, KeyCode::Char(c)) if plain => {
                let sign = c == '-' && *negative && !input.text().contains('-');
                if !(c.is_ascii_digit() && input.text().len() < DIGITS || sign) {
                    return Typed::Nothing;
                }
            }
            (Target::Name { name, .. }, KeyCode::Esc) if input.text() != name => {
                *input = TextInput::new(name.clone());
                return Typed::Nothing;
            }
            (Target::Add { .. }, KeyCode::Esc) if !input.is_empty() => {
                *input = TextInput::default();
                return Typed::Nothing;
            }
            _ => {}
        }
        let multiline = matches!(target, Target::Text { multiline: true, .. } | Target::List { .. });
        let typed = input.handle_key(key, multiline);
        if typed == Typed::Changed {
            let text = input.text().to_owned();
            // One word, or one larger deletion, is one step of undo.
            let word = matches!(key.code, KeyCode::Enter | KeyCode::Char(' '));
            if word || (!plain && !matches!(target, Target::Name { .. } | Target::Add { .. })) {
                draft.settle();
            }
            return commit(target, &text, draft);
        }
        typed
    }

    fn secret_key(&mut self, key: KeyEvent, draft: &mut Draft, kind: &Kind) -> Typed {
        let Target::Secret { place, multiline, cell } = self.target(draft) else { return Typed::Ignored };
        let Input::Secret(input) = &mut self.input else { return Typed::Ignored };
        let ctrl = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('d') if ctrl => {
                input.clear();
                return self.clear_secret(&place, cell, draft);
            }
            KeyCode::Delete => {
                input.clear();
                return self.clear_secret(&place, cell, draft);
            }
            KeyCode::Esc => {
                let cleared = draft.is_stored(&place) && draft.content().secret(&place).is_none();
                if input.is_empty() && !draft.is_entered(&place) && !cleared {
                    return Typed::Ignored;
                }
                input.clear();
                return take_back(&place, cell, draft);
            }
            KeyCode::Enter if multiline && !input.is_empty() => input.push("\n"),
            KeyCode::Char('j') if ctrl && multiline && !input.is_empty() => input.push("\n"),
            _ => match input.handle_key(key) {
                Typed::Changed if input.is_empty() => return take_back(&place, cell, draft),
                Typed::Changed => {}
                other => return other,
            },
        }
        // What becomes of a line break at its end is told when the focus moves on.
        draft.set_secret(kind, &place, input.secret());
        Typed::Changed
    }

    fn clear_secret(&mut self, place: &str, cell: bool, draft: &mut Draft) -> Typed {
        if cell {
            return self.remove_row(draft);
        }
        draft.settle();
        let there = draft.content().get(place).is_some();
        draft.clear(place);
        draft.settle();
        if there { Typed::Changed } else { Typed::Nothing }
    }

    /// Removes the table's entry that has the focus.
    fn remove_row(&mut self, draft: &mut Draft) -> Typed {
        let (Part::Name(_) | Part::Cell(_)) = &self.focus.part else { return Typed::Ignored };
        let Some(entry) = self.entries.get(self.focus.field) else { return Typed::Ignored };
        let place = self.focus.place(&entry.field.pointer);
        let names: Vec<String> = entry.names(draft).map(str::to_owned).collect();
        let gone = names.iter().position(|name| pointer::join(&entry.field.pointer, name) == place);
        draft.settle();
        draft.clear(&place);
        draft.settle();
        let next = gone.and_then(|gone| names.get(gone + 1)).cloned();
        self.focus.part = match (next, &self.focus.part) {
            (Some(name), Part::Name(_)) => Part::Name(name),
            (Some(name), _) => Part::Cell(name),
            (None, _) => Part::Add,
        };
        self.enter(draft);
        Typed::Changed
    }

    /// Puts a pasted text into the focused stop.
    pub(super) fn paste_text(&mut self, text: &str, draft: &mut Draft, kind: &Kind) {
        let target = self.target(draft);
        let (place, label) = match self.entries.get(self.focus.field) {
            Some(entry) => (self.focus.place(&entry.field.pointer), entry.field.label.clone()),
            None => return,
        };
        match (&mut self.input, &target) {
            (Input::Secret(input), Target::Secret { place, .. }) => {
                // Terminals send a return for each line break of what is pasted.
                let text = zeroize::Zeroizing::new(text.replace("\r\n", "\n").replace('\r', "\n"));
                if text.is_empty() {
                    return;
                }
                input.push(&text);
                let notice = draft.set_secret(kind, place, input.secret());
                if let (Some(_), Some(kept)) = (&notice, draft.content().secret(place)) {
                    input.clear();
                    input.push(kept.expose());
                }
                self.notices.extend(notice);
            }
            (Input::Text(input), _) => {
                let multiline = matches!(target, Target::Text { multiline: true, .. } | Target::List { .. });
                let (clean, mut said) = clean(text, multiline);
                let digits = |c: char| c.is_ascii_digit() || c == '-';
                let refused = match &target {
                    Target::Number { .. } => !clean.trim().chars().all(digits) || clean.trim().len() > DIGITS,
                    _ => false,
                };
                if clean.len() + input.text().len() > PASTE_MAX {
                    said = vec!["the pasted text is larger than 1 MiB: nothing was pasted".to_owned()];
                } else if refused {
                    said = vec!["only digits can stand here: nothing was pasted".to_owned()];
                } else {
                    input.insert(if matches!(target, Target::Number { .. }) { clean.trim() } else { &clean });
                    let text = input.text().to_owned();
                    commit(&target, &text, draft);
                }
                for message in said {
                    self.tell(&place, format!("{label}: {message}"));
                }
            }
            (Input::None, Target::Choice { place })
                if self.entries[self.focus.field].options.iter().any(|option| option == text.trim()) =>
            {
                draft.set(place, Value::String(text.trim().to_owned()));
            }
            _ => self.tell(&place, format!("{label}: text cannot be pasted here")),
        }
    }
}

/// The option that a key turns a choice to.
fn turn(options: &[String], current: &str, key: KeyEvent) -> Option<String> {
    if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) || options.is_empty() {
        return None;
    }
    let at = options.iter().position(|option| option == current);
    let next = match (key.code, at) {
        (KeyCode::Right | KeyCode::Char(' '), Some(at)) => (at + 1) % options.len(),
        (KeyCode::Left, Some(at)) => (at + options.len() - 1) % options.len(),
        (KeyCode::Right | KeyCode::Left | KeyCode::Char(' '), None) => 0,
        _ => return None,
    };
    options.get(next).cloned()
}

fn put(draft: &mut Draft, place: &str, value: Value) -> Typed {
    draft.set(place, value);
    Typed::Changed
}

/// Takes a secret back to what is stored; a table's entry that has none stored stays as a name without one.
fn take_back(place: &str, cell: bool, draft: &mut Draft) -> Typed {
    if cell && !draft.is_stored(place) {
        draft.put(place, Placeholder::Missing.value());
    } else {
        draft.reset_secret(place);
    }
    Typed::Changed
}

/// What a stop's text is, as the draft has it.
fn text_of(target: &Target, draft: &Draft) -> String {
    match target {
        Target::Text { place, .. } | Target::Number { place, .. } => {
            draft.content().get(place).map(plain).unwrap_or_default()
        }
        Target::List { place } => {
            let items = draft.content().get(place).and_then(Value::as_array);
            let items = items.into_iter().flatten().filter_map(Value::as_str);
            items.collect::<Vec<_>>().join("\n")
        }
        Target::Name { name, .. } => name.clone(),
        _ => String::new(),
    }
}

/// A value as a field shows it.
pub(super) fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// Whether the draft says what a text says.
fn says(target: &Target, text: &str, draft: &Draft) -> bool {
    match target {
        Target::Text { place, .. } => match draft.content().get(place) {
            Some(Value::String(own)) => own == text,
            Some(other) => plain(other) == text,
            None => text.is_empty(),
        },
        Target::Number { place, .. } => match draft.content().get(place) {
            Some(own) => number(text).as_ref() == Some(own) || plain(own) == text,
            None => number(text).is_none(),
        },
        Target::List { place } => match draft.content().get(place) {
            Some(own) => list(text) == *own,
            None => list(text).as_array().is_none_or(Vec::is_empty),
        },
        _ => true,
    }
}

fn number(text: &str) -> Option<Value> {
    text.parse::<i64>().ok().map(Value::from)
}

fn list(text: &str) -> Value {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(Value::from).collect()
}

/// Writes a text to where a stop edits. A name is written when the focus moves on.
fn commit(target: &Target, text: &str, draft: &mut Draft) -> Typed {
    match target {
        Target::Text { place, cell: true, .. } => draft.put(place, Value::from(text)),
        Target::Text { place, .. } => draft.set(place, Value::from(text)),
        Target::Number { place, .. } => draft.set(place, number(text).unwrap_or_default()),
        Target::List { place } => draft.set(place, list(text)),
        _ => return Typed::Nothing,
    }
    Typed::Changed
}

/// A pasted text as a plain field can have it, and what was done to it.
fn clean(text: &str, multiline: bool) -> (String, Vec<String>) {
    let mut said = Vec::new();
    let mut text = text.replace("\r\n", "\n").replace('\r', "\n");
    if !multiline {
        let trimmed = text.trim_end_matches('\n').len();
        if trimmed < text.len() {
            text.truncate(trimmed);
            said.push("the line break at its end was trimmed".to_owned());
        }
        if text.contains('\n') {
            text = text.replace('\n', " ");
            said.push("its line breaks became blanks".to_owned());
        }
        text = text.replace('\t', " ");
    }
    let before = text.chars().count();
    text.retain(|c| !c.is_control() || (multiline && matches!(c, '\n' | '\t')));
    match before - text.chars().count() {
        0 => {}
        1 => said.push("a control character was left out".to_owned()),
        n => said.push(format!("{n} control characters were left out")),
    }
    (text, said)
}
