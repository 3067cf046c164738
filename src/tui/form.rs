//! The side panel's form: a kind's fields over a [`Draft`].
//!
//! The form holds no values: it reads the draft when it draws and writes to it with every key, so that the
//! raw editor and undo never see anything else. Nothing here names a kind or a field; all comes from the
//! schema.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};

use crate::schema::{Draft, Kind, Kinds, Notice, Violation};
use crate::tui::theme::Theme;

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

/// A form.
#[derive(Debug)]
pub struct Form {
    kind: String,
}

impl Form {
    /// A form of a kind, with the focus on its first field. `choices` gives the vault's words for
    /// `x-choices` (`solutions`); it is asked once, here.
    pub fn new(kind: &Kind, draft: &Draft, choices: &dyn Fn(&str) -> Vec<String>) -> Self {
        let _ = (draft, choices);
        Self { kind: kind.id.clone() }
    }

    /// The kind it was made for. A draft that was given another one (in the raw editor, by undo) needs a new
    /// form.
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Handles a key press.
    pub fn handle_key(&mut self, key: KeyEvent, draft: &mut Draft, kinds: &Kinds) -> Handled {
        let _ = (key, draft, kinds);
        Handled::Ignored
    }

    /// Puts a pasted text at the cursor, as one undo step. Says what was done to it.
    pub fn paste(&mut self, text: &str, draft: &mut Draft, kinds: &Kinds) -> Vec<Notice> {
        let _ = (text, draft, kinds);
        Vec::new()
    }

    /// Takes over what is half typed and forgets the typed secret. To be called before the draft is tested,
    /// saved or shown elsewhere. Says what was done.
    pub fn settle(&mut self, draft: &mut Draft, kinds: &Kinds) -> Vec<Notice> {
        let _ = (draft, kinds);
        Vec::new()
    }

    /// What there is to tell since the last call: pasted or typed text that was changed.
    pub fn take_notices(&mut self) -> Vec<Notice> {
        Vec::new()
    }

    /// Takes the draft's last step back, and moves to the field that changed. False where there is none.
    pub fn undo(&mut self, draft: &mut Draft) -> bool {
        draft.undo()
    }

    /// Takes the last undone step again, and moves to the field that changed. False where there is none.
    pub fn redo(&mut self, draft: &mut Draft) -> bool {
        draft.redo()
    }

    /// The errors to show beside the fields: all of them, each time.
    pub fn set_violations(&mut self, violations: &[Violation]) {
        let _ = violations;
    }

    /// Moves to the field at or around a place. False where there is none.
    pub fn focus(&mut self, pointer: &str, draft: &mut Draft, kinds: &Kinds) -> bool {
        let _ = (pointer, draft, kinds);
        false
    }

    /// Moves to the first field with an error. False where there is none.
    pub fn focus_first_error(&mut self, draft: &mut Draft, kinds: &Kinds) -> bool {
        let _ = (draft, kinds);
        false
    }

    /// The place of the field, or of the table's row, that has the focus.
    pub fn focused(&self) -> Option<String> {
        None
    }

    /// The place of the secret that has the focus.
    pub fn focused_secret(&self) -> Option<String> {
        None
    }

    /// Shows the secret at a place in clear, and masks every other; `None` masks all.
    pub fn reveal(&mut self, pointer: Option<String>) {
        let _ = pointer;
    }

    /// Whether printable keys are text now. Else they may be commands.
    pub fn is_editing_text(&self) -> bool {
        false
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
        let _ = (draft, kinds, area, buf, theme, focused);
        None
    }
}
