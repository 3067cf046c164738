//! The list of a choice, or of all fields to find one.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;
use serde_json::Value;

use super::{Entry, Form, Handled, Target};
use crate::schema::{Draft, Kind};
use crate::tui::theme::Theme;
use crate::tui::widget::{popup, visible};

/// A list that is open.
#[derive(Debug)]
pub(super) struct Pick {
    options: Vec<String>,
    /// Where each option leads, where it is a field; empty: it is what a choice may be.
    fields: Vec<usize>,
    at: usize,
    typed: String,
}

impl Pick {
    pub(super) fn new(options: &[String], current: &str) -> Self {
        let at = options.iter().position(|option| option == current).unwrap_or_default();
        Self { options: options.to_vec(), fields: Vec::new(), at, typed: String::new() }
    }

    /// All fields that can have the focus, by label and group.
    fn of_fields(entries: &[Entry], current: usize) -> Self {
        let fields: Vec<usize> = (0..entries.len()).filter(|at| !entries[*at].field.fixed).collect();
        let words = |at: &usize| format!("{} · {}", entries[*at].field.label, entries[*at].field.group);
        let options = fields.iter().map(words).collect();
        let at = fields.iter().position(|at| *at == current).unwrap_or_default();
        Self { options, fields, at, typed: String::new() }
    }

    fn jump(&mut self) {
        let typed = self.typed.to_lowercase();
        let starts = |option: &String| option.to_lowercase().starts_with(&typed);
        let holds = |option: &String| option.to_lowercase().contains(&typed);
        let found = self.options.iter().position(starts).or_else(|| self.options.iter().position(holds));
        if let Some(at) = found.filter(|_| !typed.is_empty()) {
            self.at = at;
        }
    }

    /// Draws the list under (or over) the row at `y`.
    pub(super) fn draw(&self, x: u16, y: u16, area: Rect, buf: &mut Buffer, theme: &Theme) {
        let widest = self.options.iter().map(|option| visible::width(option)).max().unwrap_or_default();
        let width = u16::try_from(widest.max(10) + 4).unwrap_or(u16::MAX).min(area.width);
        let height = u16::try_from(self.options.len() + 2).unwrap_or(u16::MAX).min(area.height);
        let below = area.bottom().saturating_sub(y + 1);
        let top = if below >= height { y + 1 } else { area.bottom() - height };
        let place = Rect { x: x.min(area.right() - width), y: top, width, height };
        let inner = popup::frame(place, &self.typed, theme, buf);
        let rows = usize::from(inner.height);
        let first = (self.at + 1).saturating_sub(rows.max(1));
        for (row, option) in self.options.iter().enumerate().skip(first).take(rows) {
            let style = if row == self.at { theme.selection } else { theme.text };
            let y = inner.y + (row - first) as u16;
            buf.set_style(Rect { y, height: 1, ..inner }, style);
            let (text, style) =
                if option.is_empty() { ("(none)", theme.dim.patch(style)) } else { (option.as_str(), style) };
            visible::draw(
                buf,
                (inner.x + u16::from(inner.width > 2), y),
                inner.width,
                text,
                style,
                theme.marker,
            );
        }
    }
}

impl Form {
    /// Lists the fields, to jump to one.
    pub(super) fn find_field(&mut self) -> Handled {
        self.pick = Some(Pick::of_fields(&self.entries, self.focus.field));
        Handled::Consumed
    }

    pub(super) fn pick_key(&mut self, key: KeyEvent, draft: &mut Draft, kind: &Kind) -> Handled {
        let Some(pick) = self.pick.as_mut() else { return Handled::Ignored };
        let last = pick.options.len().saturating_sub(1);
        match key.code {
            _ if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) => {
                self.pick = None;
                return Handled::Ignored;
            }
            KeyCode::Esc => self.pick = None,
            KeyCode::Enter | KeyCode::Tab if !pick.fields.is_empty() => {
                let entry = pick.fields.get(pick.at).and_then(|at| self.entries.get(*at));
                let place = entry.map(|entry| entry.field.pointer.clone()).unwrap_or_default();
                self.pick = None;
                if let Some(stop) = self.stop_at(&place, draft) {
                    self.go(stop, draft, kind);
                }
            }
            KeyCode::Enter | KeyCode::Tab => {
                let chosen = pick.options.get(pick.at).cloned().unwrap_or_default();
                self.pick = None;
                if let Target::Choice { place } = self.target(draft)
                    && draft.content().get_str(&place).unwrap_or_default() != chosen
                {
                    draft.set(&place, Value::String(chosen));
                    return Handled::Changed;
                }
            }
            KeyCode::Up => pick.at = pick.at.saturating_sub(1),
            KeyCode::Down => pick.at = (pick.at + 1).min(last),
            KeyCode::PageUp | KeyCode::Home => pick.at = 0,
            KeyCode::PageDown | KeyCode::End => pick.at = last,
            KeyCode::Backspace => {
                pick.typed.pop();
                pick.jump();
            }
            KeyCode::Char(c) if !c.is_control() => {
                pick.typed.push(c);
                pick.jump();
            }
            KeyCode::F(_) => {
                self.pick = None;
                return Handled::Ignored;
            }
            _ => {}
        }
        Handled::Consumed
    }
}
