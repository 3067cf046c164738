//! The raw editor: a draft as JSON text, with colours, and errors marked where they are.

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::KeyEvent;
use ratatui::layout::{Position, Rect};

use crate::schema::{Draft, Kinds, Notice, TextError};
use crate::tui::form::Handled;
use crate::tui::theme::Theme;

/// The raw editor of one draft. Its text may hold a secret that was typed: it is wiped when dropped.
pub struct RawEditor {}

impl RawEditor {
    /// Opens a draft's text. Secrets are placeholders in it.
    ///
    /// # Errors
    /// A sentence, where the text is too large to edit here.
    pub fn open(draft: &Draft, kinds: &Kinds) -> Result<Self, String> {
        let _ = (draft, kinds);
        Ok(Self {})
    }

    /// Handles a key press. [`Handled::Changed`] means that the text changed, not yet the draft.
    pub fn handle_key(&mut self, key: KeyEvent) -> Handled {
        let _ = key;
        Handled::Ignored
    }

    /// Puts a pasted text at the cursor, as one undo step. Says what was done to it.
    pub fn paste(&mut self, text: &str) -> Vec<Notice> {
        let _ = text;
        Vec::new()
    }

    /// Whether the text differs from the one that was opened or taken over last.
    pub fn is_changed(&self) -> bool {
        false
    }

    /// Takes the text over into the draft: strings at the places of secrets become secrets. To be called
    /// before the view is switched and before the draft is tested or saved. The editor then shows the draft's
    /// text, with placeholders.
    ///
    /// # Errors
    /// Why the text cannot be taken over; the draft is then as it was and the first error has the cursor.
    pub fn take(&mut self, draft: &mut Draft, kinds: &Kinds) -> Result<Vec<Notice>, Vec<TextError>> {
        let _ = (draft, kinds);
        Ok(Vec::new())
    }

    /// What is wrong with the text now; checked again here where it was edited since.
    pub fn errors(&mut self, draft: &Draft, kinds: &Kinds) -> &[TextError] {
        let _ = (draft, kinds);
        &[]
    }

    /// Moves to the next error after the cursor. False where there is none.
    pub fn next_error(&mut self, draft: &Draft, kinds: &Kinds) -> bool {
        let _ = (draft, kinds);
        false
    }

    /// Moves to the value at a place.
    pub fn goto(&mut self, pointer: &str) {
        let _ = pointer;
    }

    /// Takes the last edit of the text back. False where there is none.
    pub fn undo(&mut self) -> bool {
        false
    }

    /// Takes the last undone edit again. False where there is none.
    pub fn redo(&mut self) -> bool {
        false
    }

    /// Changes between the document and its kind's schema, which can only be read.
    pub fn toggle_schema_tab(&mut self, draft: &Draft, kinds: &Kinds) {
        let _ = (draft, kinds);
    }

    /// Whether the schema is shown.
    pub fn is_schema_tab(&self) -> bool {
        false
    }

    /// Whether printable keys are text now.
    pub fn is_editing_text(&self) -> bool {
        true
    }

    /// Draws the editor; checks the text first where it was edited since. The cursor's place, where it has one.
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
