//! What a field's value looks like.

use std::borrow::Cow;

use serde_json::Value;

use super::Form;
use super::edit::{Input, plain};
use super::page::{LINES, Piece, View, What};
use super::stop::{Entry, Part, Stop, Target};
use crate::model::Placeholder;
use crate::schema::Draft;
use crate::secret::MASK;
use crate::tui::widget::visible;

/// Lines of a text that does not have the focus.
const LINES_AT_REST: usize = 3;

impl Form {
    /// The lines of a value.
    pub(super) fn value_lines<'a>(
        &'a self,
        stop: &Stop,
        entry: &'a Entry,
        view: &View<'a>,
        x: u16,
        width: u16,
    ) -> Vec<Vec<Piece<'a>>> {
        let theme = view.theme;
        let has_focus = self.focus == *stop;
        let text = |text: Cow<'a, str>, style| Piece { x, width, what: What::Text(text, style) };
        let value = view.draft.content().get(&stop.place(&entry.field.pointer));
        match self.target_of(stop, view.draft) {
            Target::Secret { place, .. } => vec![self.secret_line(&place, has_focus, view, x, width)],
            Target::Choice { .. } | Target::Boolean { .. } => {
                let shown = value.map(words);
                let (shown, style) = match shown.filter(|shown| !shown.is_empty()) {
                    Some(shown) => (shown, theme.text),
                    None => (placeholder(entry, self.meant.get(&entry.field.pointer)), theme.dim),
                };
                if has_focus {
                    let shown = format!("‹ {shown} ›").into();
                    vec![vec![text(shown, style.patch(theme.input)), Piece { x, width, what: What::Cursor }]]
                } else {
                    vec![vec![text(shown, style)]]
                }
            }
            Target::Json { .. } => {
                let shown = value.map_or("not set".into(), |value| value.to_string().into());
                let mut pieces = vec![text(shown, theme.dim)];
                pieces.extend(has_focus.then_some(Piece { x, width, what: What::Cursor }));
                vec![pieces]
            }
            Target::Text { .. } | Target::Number { .. } | Target::List { .. } if has_focus => {
                let Input::Text(input) = &self.input else { return vec![Vec::new()] };
                let count = input.line_count().min(LINES);
                let mut lines: Vec<Vec<Piece<'a>>> =
                    (0..count).map(|line| vec![Piece { x, width, what: What::Input(line) }]).collect();
                if input.is_empty()
                    && let Some(line) = lines.first_mut()
                {
                    line.push(text(
                        placeholder(entry, self.meant.get(&entry.field.pointer)),
                        theme.dim.patch(theme.input),
                    ));
                }
                if input.line_count() > LINES {
                    lines.push(vec![text(format!("{} lines", input.line_count()).into(), theme.dim)]);
                }
                lines
            }
            _ => {
                let lines: Vec<Cow<'a, str>> = match value {
                    Some(Value::Array(items)) => items.iter().map(words).collect(),
                    Some(Value::String(value)) => value.split('\n').map(Cow::from).collect(),
                    Some(value) => vec![plain(value).into()],
                    None => Vec::new(),
                };
                if lines.iter().all(|line| line.is_empty()) {
                    let cell = matches!(stop.part, Part::Cell(_));
                    return vec![vec![text(
                        if cell {
                            "".into()
                        } else {
                            placeholder(entry, self.meant.get(&entry.field.pointer))
                        },
                        theme.dim,
                    )]];
                }
                let count = lines.len();
                let style = if entry.field.fixed { theme.dim } else { theme.text };
                let mut lines: Vec<_> =
                    lines.into_iter().take(LINES_AT_REST).map(|line| vec![text(line, style)]).collect();
                if count > LINES_AT_REST {
                    lines.push(vec![text(format!("{count} lines").into(), theme.dim)]);
                }
                lines
            }
        }
    }

    fn secret_line<'a>(
        &'a self,
        place: &str,
        has_focus: bool,
        view: &View<'a>,
        x: u16,
        width: u16,
    ) -> Vec<Piece<'a>> {
        let theme = view.theme;
        let draft = view.draft;
        let state = State::of(place, draft, &view.missing);
        let mask = MASK.chars().count() as u16;
        let mut pieces = Vec::new();
        let typing = has_focus && matches!(&self.input, Input::Secret(input) if !input.is_empty());
        match draft.content().secret(place) {
            Some(secret) if self.revealed.as_deref() == Some(place) => {
                let shown = Cow::from(visible::fit(secret.expose(), width.into()));
                pieces.push(Piece { x, width, what: What::Text(shown, theme.revealed) });
                pieces.extend(has_focus.then_some(Piece { x, width, what: What::Cursor }));
                return pieces;
            }
            Some(_) if typing => pieces.push(Piece { x, width, what: What::Typed }),
            Some(_) => pieces.push(Piece { x, width, what: What::Text(MASK.into(), theme.mask) }),
            None => {}
        }
        let word_at = if pieces.is_empty() { 0 } else { mask + 1 };
        let (word, style) = match state {
            State::Stored => ("stored", theme.dim),
            State::New => ("new", theme.ok),
            State::Cleared => ("will be cleared", theme.warn),
            State::Missing => ("missing", theme.warn),
            State::Empty => ("not set", theme.dim),
        };
        let rest = width.saturating_sub(word_at);
        pieces.push(Piece { x: x + word_at.min(width), width: rest, what: What::Text(word.into(), style) });
        if has_focus {
            let at = if typing { mask.min(width.saturating_sub(1)) } else { 0 };
            pieces.push(Piece { x: x + at, width: width - at.min(width), what: What::Cursor });
        }
        pieces
    }
}

/// What is known of a secret without looking at it.
pub(super) enum State {
    Stored,
    New,
    Cleared,
    Missing,
    Empty,
}

impl State {
    pub(super) fn of(place: &str, draft: &Draft, missing: &[String]) -> Self {
        let marked = draft.content().get(place).and_then(Placeholder::of) == Some(Placeholder::Missing);
        match draft.content().secret(place) {
            Some(_) if draft.is_entered(place) => Self::New,
            Some(_) => Self::Stored,
            None if draft.is_stored(place) => Self::Cleared,
            None if marked || missing.iter().any(|missing| missing == place) => Self::Missing,
            None => Self::Empty,
        }
    }
}

/// What an empty field says.
fn placeholder<'a>(entry: &'a Entry, meant: Option<&'a String>) -> Cow<'a, str> {
    if let Some(meant) = meant {
        return meant.into();
    }
    match (&entry.field.default, &entry.field.example) {
        (Some(default), _) => format!("{} (default)", words(default)).into(),
        (None, Some(example)) => format!("e.g. {example}").into(),
        (None, None) => "not set".into(),
    }
}

/// A plain value in words.
fn words(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => text.into(),
        Value::Bool(true) => "yes".into(),
        Value::Bool(false) => "no".into(),
        other => plain(other).into(),
    }
}
