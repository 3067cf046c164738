//! The side panel's form: a kind's fields over a [`Draft`].
//!
//! The form holds no values of its own: it reads the draft when it draws and writes to it with every key, so
//! that the raw editor and undo see the same thing. Only a row's name that is half typed, and the secret that
//! is being typed, stand here until the focus moves on. Nothing names a kind or a field; all comes from the
//! schema.

mod edit;
mod guide;
mod page;
mod pick;
mod stop;
#[cfg(test)]
mod tests;
mod value;

use std::collections::BTreeMap;
use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyEventKind, KeyModifiers};
use ratatui::layout::{Position, Rect};

use self::edit::Input;
use self::page::View;
use self::pick::Pick;
use self::stop::{Entry, Part, Stop, Target};
use crate::model::Content;
use crate::schema::{Choices, Control, Draft, Field, Kind, Kinds, Notice, Violation};
use crate::tui::theme::Theme;
use crate::tui::widget::secret_input::Typed;

/// What became of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Handled {
    /// Not a key of this view: the screen around it may use it.
    Ignored,
    /// Used; the draft is as it was.
    Consumed,
    /// Used, and the draft changed: check it again ([`Draft::check`], [`Form::set_violations`]).
    Changed,
    /// Enter on a field that only the raw editor can edit: its place.
    EditAsJson(String),
}

/// A form. Its keys: Tab, Shift-Tab, Up, Down and Enter go from field to field, Page Up and Page Down from
/// group to group; Left, Right and Space change a choice and Enter lists it; Delete or
/// Ctrl-D clears a secret and Esc takes it back to what is stored; Ctrl-D removes a table's row;
/// Ctrl-F lists the fields to jump to one. Everything else belongs to the text.
#[derive(Debug)]
pub struct Form {
    kind: String,
    /// The fields that apply now.
    fields: Vec<Field>,
    /// What the vault offers, by the word of `x-choices`.
    offers: BTreeMap<String, Vec<String>>,
    entries: Vec<Entry>,
    focus: Stop,
    input: Input,
    pick: Option<Pick>,
    violations: Vec<Violation>,
    /// What fields mean while they are empty, where that is not their default.
    meant: BTreeMap<String, String>,
    revealed: Option<String>,
    notices: Vec<Notice>,
    scroll: usize,
}

impl Form {
    /// A form of a kind, with the focus on its first field. `choices` gives the vault's words for
    /// `x-choices` (`solutions`); it is asked here and not again.
    pub fn new(kind: &Kind, draft: &Draft, choices: &dyn Fn(&str) -> Vec<String>) -> Self {
        let words = kind.fields.iter().filter_map(|field| match &field.control {
            Control::Choice(Choices::FromVault(word)) => Some((word.clone(), choices(word))),
            _ => None,
        });
        let offers: BTreeMap<_, _> = words.collect();
        let fields = kind.fields_of(draft.content());
        let entries: Vec<Entry> = fields.iter().map(|field| Entry::new(kind, field, &offers)).collect();
        let first = entries.iter().position(|entry| !entry.field.fixed).unwrap_or_default();
        let mut form = Self {
            kind: kind.id.clone(),
            fields,
            offers,
            entries,
            focus: Stop { field: first, part: Part::Value },
            input: Input::None,
            pick: None,
            violations: Vec::new(),
            meant: BTreeMap::new(),
            revealed: None,
            notices: Vec::new(),
            scroll: 0,
        };
        form.enter(draft);
        form
    }

    /// The kind it was made for. A draft that was given another one (in the raw editor, by undo) needs a new
    /// form.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// The draft's kind, as long as it is the one that the form was made for.
    fn kind_of(&self, draft: &Draft, kinds: &Kinds) -> Option<Arc<Kind>> {
        draft.kind(kinds).filter(|kind| kind.id == self.kind)
    }

    /// Handles a key press. Tab after the last field and Shift-Tab before the first are given back.
    pub fn handle_key(&mut self, key: KeyEvent, draft: &mut Draft, kinds: &Kinds) -> Handled {
        let Some(kind) = self.kind_of(draft, kinds) else { return Handled::Ignored };
        if key.kind == KeyEventKind::Release {
            return Handled::Ignored;
        }
        let handled = self.key(key, draft, &kind);
        self.follow(&kind, draft);
        handled
    }

    fn key(&mut self, key: KeyEvent, draft: &mut Draft, kind: &Kind) -> Handled {
        self.follow(kind, draft);
        self.sync(draft);
        if self.pick.is_some() {
            return self.pick_key(key, draft, kind);
        }
        if key.code == KeyCode::Char('f') && key.modifiers == KeyModifiers::CONTROL {
            return self.find_field();
        }
        match self.edit_key(key, draft, kind) {
            Typed::Changed => return Handled::Changed,
            Typed::Nothing => return Handled::Consumed,
            Typed::Ignored => {}
        }
        if key.modifiers.intersects(KeyModifiers::CONTROL | KeyModifiers::ALT) {
            return Handled::Ignored;
        }
        let back = key.modifiers.contains(KeyModifiers::SHIFT);
        match key.code {
            KeyCode::BackTab => self.step(-1, draft, kind),
            KeyCode::Tab if back => self.step(-1, draft, kind),
            KeyCode::Tab => self.step(1, draft, kind),
            KeyCode::Up => self.vertical(-1, draft, kind),
            KeyCode::Down => self.vertical(1, draft, kind),
            KeyCode::PageUp => self.group(-1, draft, kind),
            KeyCode::PageDown => self.group(1, draft, kind),
            KeyCode::Enter => self.confirm(draft, kind),
            _ => Handled::Ignored,
        }
    }

    /// Follows the draft to the fields that apply now. The focus stays where it is, or goes to the field before
    /// the one that is gone; what a field held that is gone stays in the draft.
    fn follow(&mut self, kind: &Kind, draft: &Draft) {
        let fields = kind.fields_of(draft.content());
        if fields == self.fields {
            return;
        }
        let entries: Vec<Entry> = fields.iter().map(|field| Entry::new(kind, field, &self.offers)).collect();
        let at =
            |place: &str| entries.iter().position(|entry| entry.field.pointer == place && !entry.field.fixed);
        let here = self.focus.field;
        let stays = self.entries.get(here).and_then(|entry| at(&entry.field.pointer));
        let before = || {
            self.entries[..here.min(self.entries.len())]
                .iter()
                .rev()
                .find_map(|entry| at(&entry.field.pointer))
        };
        let first = || entries.iter().position(|entry| !entry.field.fixed).unwrap_or_default();
        let field = stays.or_else(before).unwrap_or_else(first);
        self.entries = entries;
        self.fields = fields;
        if stays.is_some() {
            self.focus.field = field;
        } else {
            self.pick = None;
            self.focus = Stop { field, part: Part::Value };
            self.enter(draft);
        }
    }

    fn confirm(&mut self, draft: &mut Draft, kind: &Kind) -> Handled {
        match self.target(draft) {
            Target::Json { place } => Handled::EditAsJson(place),
            Target::Choice { place } => {
                let current = draft.content().get_str(&place).unwrap_or_default().to_owned();
                self.pick = Some(Pick::new(&self.entries[self.focus.field].options, &current));
                Handled::Consumed
            }
            _ => match self.step(1, draft, kind) {
                Handled::Ignored => Handled::Consumed,
                moved => moved,
            },
        }
    }

    /// Puts a pasted text at the cursor, as one undo step. Says what was done to it.
    pub fn paste(&mut self, text: &str, draft: &mut Draft, kinds: &Kinds) -> Vec<Notice> {
        if let Some(kind) = self.kind_of(draft, kinds) {
            self.follow(&kind, draft);
            self.sync(draft);
            self.pick = None;
            draft.settle();
            self.paste_text(text, draft, &kind);
            draft.settle();
            self.follow(&kind, draft);
        }
        self.take_notices()
    }

    /// Takes over what is half typed and forgets the typed secret. To be called before the draft is tested,
    /// saved or shown elsewhere. Says what was done.
    pub fn settle(&mut self, draft: &mut Draft, kinds: &Kinds) -> Vec<Notice> {
        if let Some(kind) = self.kind_of(draft, kinds) {
            self.leave(draft, &kind);
            self.enter(draft);
            self.follow(&kind, draft);
        }
        self.take_notices()
    }

    /// What there is to tell since the last call: a text that was changed, a name that is taken.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        std::mem::take(&mut self.notices)
    }

    /// Takes the draft's last step back, and moves to the field that changed. False where there is none.
    pub fn undo(&mut self, draft: &mut Draft, kinds: &Kinds) -> bool {
        self.travel(draft, kinds, Draft::undo)
    }

    /// Takes the last undone step again, and moves to the field that changed. False where there is none.
    pub fn redo(&mut self, draft: &mut Draft, kinds: &Kinds) -> bool {
        self.travel(draft, kinds, Draft::redo)
    }

    fn travel(&mut self, draft: &mut Draft, kinds: &Kinds, go: impl Fn(&mut Draft) -> bool) -> bool {
        let before = draft.content().clone();
        if !go(draft) {
            return false;
        }
        self.pick = None;
        self.input = Input::None;
        if let Some(kind) = self.kind_of(draft, kinds) {
            self.follow(&kind, draft);
        }
        let after = draft.content();
        let changed = |entry: &Entry| differs(&before, after, &entry.field.pointer);
        if !self.entries.get(self.focus.field).is_some_and(changed)
            && let Some(field) = self.entries.iter().position(|entry| changed(entry) && !entry.field.fixed)
        {
            self.focus = Stop { field, part: Part::Value };
        }
        self.enter(draft);
        true
    }

    /// The errors to show beside the fields: all of them, each time.
    pub fn set_violations(&mut self, violations: &[Violation]) {
        self.violations = violations.to_vec();
    }

    /// What fields mean while they are empty, by their places: all of them, each time.
    pub fn set_meant(&mut self, meant: Vec<(String, String)>) {
        self.meant = meant.into_iter().collect();
    }

    /// Moves to the field at or around a place. False where there is none.
    pub fn focus(&mut self, pointer: &str, draft: &mut Draft, kinds: &Kinds) -> bool {
        let Some(kind) = self.kind_of(draft, kinds) else { return false };
        self.follow(&kind, draft);
        let Some(stop) = self.stop_at(pointer, draft) else { return false };
        self.go(stop, draft, &kind);
        true
    }

    /// Moves to the first field with an error. False where there is none.
    pub fn focus_first_error(&mut self, draft: &mut Draft, kinds: &Kinds) -> bool {
        let first = self.entries.iter().filter(|entry| !entry.field.fixed).find_map(|entry| {
            let of_field = |violation: &&Violation| entry.covers(&violation.pointer);
            self.violations.iter().find(of_field).map(|violation| violation.pointer.clone())
        });
        first.is_some_and(|pointer| self.focus(&pointer, draft, kinds))
    }

    /// The place of the field, or of the table's entry, that has the focus.
    pub fn focused(&self) -> Option<String> {
        let entry = self.entries.get(self.focus.field)?;
        Some(self.focus.place(&entry.field.pointer))
    }

    /// The place of the secret that has the focus, entries of tables included.
    pub fn focused_secret(&self) -> Option<String> {
        matches!(self.input, Input::Secret(_)).then(|| self.focused()).flatten()
    }

    /// Shows the secret at a place in clear, and masks every other; `None` masks all.
    pub fn reveal(&mut self, pointer: Option<String>) {
        self.revealed = pointer;
    }

    /// Whether printable keys are text now. Else they may be commands.
    pub fn is_editing_text(&self) -> bool {
        self.pick.is_some() || !matches!(self.input, Input::None)
    }

    /// Whether a list is open over the form: Esc closes it.
    pub fn is_picking(&self) -> bool {
        self.pick.is_some()
    }

    /// Draws the form. The cursor's place, where it has one.
    pub fn render(
        &mut self,
        draft: &Draft,
        kinds: &Kinds,
        area: Rect,
        buf: &mut Buffer,
        theme: &Theme,
        focused: bool,
    ) -> Option<Position> {
        if let Some(kind) = self.kind_of(draft, kinds) {
            self.follow(&kind, draft);
        }
        self.sync(draft);
        let kind = self.kind_of(draft, kinds);
        let kind = kind.as_deref();
        let missing = kind.map(|kind| kind.missing(draft.content())).unwrap_or_default();
        let view = View { draft, kind, missing, theme, focused };
        self.draw(&view, area.intersection(buf.area), buf)
    }
}

/// Whether two contents differ at or under a place.
fn differs(before: &Content, after: &Content, place: &str) -> bool {
    let under = format!("{place}/");
    let secrets = |content: &Content| -> Vec<_> {
        let here = |at: &String| *at == place || at.starts_with(&under);
        content.secrets.iter().filter(|(at, _)| here(at)).map(|(at, s)| (at.clone(), s.clone())).collect()
    };
    before.get(place) != after.get(place) || secrets(before) != secrets(after)
}
