//! The schema of a kind of the vault's own while it is edited, with the form that it makes.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::confirm::Confirm;
use super::sheet::frame;
use super::{Reply, Screen};
use crate::model::{Document, Id, KeptContent, KeptDraft, KindDefinition, Subject};
use crate::schema::{Draft, Inspection, Kind, Kinds};
use crate::secret::Secret;
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone, Wish};
use crate::tui::form::{Form, Handled};
use crate::tui::keymap::Context;
use crate::tui::paint;
use crate::tui::raw::RawEditor;

/// From this width on the form stands beside the schema.
const WIDE: u16 = 100;

/// Stands below a schema with which nothing is wrong.
const FINE: &str = "the schema can be used";

/// The text of a schema.
pub struct KindEditor {
    document: Arc<Document>,
    id: String,
    /// Nothing of it is stored yet.
    new: bool,
    /// Names the draft, if it has to be kept.
    draft_id: Id,
    raw: RawEditor,
    preview: Option<Preview>,
    /// The form is shown instead of the schema, where there is no room for both.
    turned: bool,
}

/// The form of the last schema that could be used.
struct Preview {
    kinds: Kinds,
    draft: Draft,
    form: Form,
    /// The text as it is now cannot be used.
    old: bool,
}

impl KindEditor {
    /// Changes a kind that is stored.
    ///
    /// # Errors
    /// A sentence, where it is too large to edit here.
    pub fn of(document: Arc<Document>, kind: &KindDefinition) -> Result<Self, String> {
        let text = serde_json::to_string_pretty(&kind.schema).unwrap_or_default();
        Self::with(document, kind.id.clone(), text, false)
    }

    /// Makes a new kind as a copy of another.
    ///
    /// # Errors
    /// A sentence, where it is too large to edit here.
    pub fn copy(document: Arc<Document>, id: &str, of: &Kind) -> Result<Self, String> {
        let text = serde_json::to_string_pretty(&of.source()).unwrap_or_default();
        Self::with(document, id.to_owned(), text, true)
    }

    fn with(document: Arc<Document>, id: String, text: String, new: bool) -> Result<Self, String> {
        let raw = RawEditor::of_text(text, FINE)?;
        let draft_id = Id::new();
        let mut editor = Self { document, id, new, draft_id, raw, preview: None, turned: false };
        editor.look();
        Ok(editor)
    }

    /// Goes on with a kept draft.
    ///
    /// # Errors
    /// A sentence, where it cannot be edited here.
    pub fn resume(document: Arc<Document>, kept: &KeptDraft, id: &str) -> Result<Self, String> {
        let stored = document.own_kind(id);
        let text = stored.and_then(|stored| serde_json::to_string_pretty(&stored.schema).ok());
        let new = stored.is_none();
        let mut editor = Self::with(document, id.to_owned(), text.unwrap_or_default(), new)?;
        if let Some(text) = &kept.text {
            editor.raw.resume(text.expose());
        }
        editor.draft_id = kept.id.clone();
        editor.look();
        Ok(editor)
    }

    fn is_dirty(&self) -> bool {
        self.new || self.raw.is_changed()
    }

    /// Checks the text where it was edited since.
    fn look(&mut self) {
        if !self.raw.is_unmarked() {
            return;
        }
        match Kind::define(&self.id, &self.raw.text()) {
            Ok(defined) => {
                self.raw.mark(Inspection::default());
                let draft = Draft::new(&defined.kind, "");
                let form = Form::new(&defined.kind, &draft, &|_| Vec::new());
                self.preview = Some(Preview { kinds: Kinds::only(defined.kind), draft, form, old: false });
            }
            Err(errors) => {
                self.raw.mark(Inspection { errors, secrets: Vec::new() });
                if let Some(preview) = &mut self.preview {
                    preview.old = true;
                }
            }
        }
    }

    /// Gives the text a key; whether it means something there.
    fn is_used(&mut self, code: KeyCode) -> bool {
        let handled = self.raw.handle_key(KeyEvent::new(code, KeyModifiers::NONE));
        !matches!(handled, Handled::Ignored)
    }

    fn save(&mut self, shared: &mut Shared) -> Reply {
        self.look();
        if let Some(error) = self.raw.first_error() {
            self.turned = false;
            shared.tell(Tone::Bad, error.to_string());
            return Reply::Done;
        }
        let text = self.raw.text();
        let change = session::kind_change(&self.document, &shared.kinds, &self.id, &text, "schema");
        let change = match change {
            Ok(change) => change,
            Err(problem) => {
                shared.tell_problem(&problem);
                return Reply::Done;
            }
        };
        if !change.differs {
            shared.tell(Tone::Plain, "nothing was changed");
            return Reply::Done;
        }
        let misfits: Vec<String> = change.misfits.iter().map(ToString::to_string).collect();
        let what = if self.new { "the new kind" } else { "the change of the kind" };
        let wish = Wish {
            label: format!("{what} {}", self.id),
            done: format!("kind {} saved, version {}", self.id, change.version()),
            edits: change.edits(),
            solution: None,
        };
        if misfits.is_empty() {
            return Reply::Do(Command::Store(wish));
        }
        let more = misfits.len().saturating_sub(SHOWN);
        let mut text = format!(
            "These {} credentials will no longer fit, and will be marked as needing attention. Nothing of them is \
             lost.\n\n{}",
            misfits.len(),
            misfits[..misfits.len().min(SHOWN)].join("\n")
        );
        if more > 0 {
            text.push_str(&format!("\nand {more} more"));
        }
        text.push_str("\n\nSave the kind?");
        Reply::Open(Box::new(Confirm::yes_no("Credentials that will not fit", text, Command::Store(wish))))
    }

    fn draw_preview(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let theme = &shared.theme;
        let Some(preview) = &mut self.preview else {
            paint::put(buf, area.x, area.y, area.width, "No form: the schema cannot be used yet.", theme.dim);
            return;
        };
        let (words, style) = match preview.old {
            true => ("Form (of the last schema that could be used)", theme.warn),
            false => ("Form", theme.title),
        };
        paint::put(buf, area.x, area.y, area.width, words, style);
        let room = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        preview.form.render(&preview.draft, &preview.kinds, room, buf, theme, false);
    }
}

/// How many credentials are named in the question.
const SHOWN: usize = 8;

impl Screen for KindEditor {
    fn context(&self) -> Context {
        Context::Raw
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Save, Action::Schema, Action::Undo, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        match action {
            Action::Schema if self.turned => "show schema",
            Action::Schema => "show form",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        matches!(action, Action::TestDraft | Action::Kind).then_some("this is the schema of a kind")
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::Save => return self.save(shared),
            Action::Schema => self.turned = !self.turned,
            Action::Undo => drop(self.raw.undo()),
            Action::Redo => drop(self.raw.redo()),
            Action::Back if self.turned => self.turned = false,
            // The search in the text, or the like, is closed first.
            Action::Back if self.is_used(KeyCode::Esc) => {}
            Action::Back if self.is_dirty() => {
                return Reply::Open(Box::new(Confirm::unsaved(Command::LeaveLayer)));
            }
            Action::Back => return Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn key(&mut self, key: KeyEvent, _: &mut Shared) -> Reply {
        if !self.turned {
            self.raw.handle_key(key);
        }
        Reply::Done
    }

    fn paste(&mut self, text: &str, shared: &mut Shared) -> Reply {
        if self.turned {
            return Reply::Done;
        }
        if let Some(notice) = self.raw.paste(text).first() {
            shared.tell(Tone::Plain, notice.message.clone());
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        self.look();
        let mark = if self.is_dirty() { " *" } else { "" };
        let title = format!("Kind {}{mark}", self.id);
        let inner = frame(&*self, &title, area, buf, shared);
        if inner.width < WIDE {
            if self.turned {
                self.draw_preview(inner, buf, shared);
                return None;
            }
            return self.raw.render_text(inner, buf, &shared.theme);
        }
        let left = Rect { width: inner.width / 2, ..inner };
        let x = left.right() + 2;
        self.draw_preview(Rect { x, width: inner.right() - x, ..inner }, buf, shared);
        self.raw.render_text(left, buf, &shared.theme).filter(|_| !self.turned)
    }

    fn covers(&self) -> bool {
        true
    }

    fn draft(&self) -> Option<(&Id, bool)> {
        Some((&self.draft_id, self.is_dirty()))
    }

    fn keep(&mut self, now: Timestamp) -> Option<KeptDraft> {
        if !self.is_dirty() {
            return None;
        }
        let version = self.document.own_kind(&self.id).map(|kind| kind.version);
        let subject = Subject::Kind { id: self.id.clone(), version };
        let text = Some(Secret::from(self.raw.text().as_str()));
        Some(KeptDraft { id: self.draft_id.clone(), at: now, subject, content: KeptContent::default(), text })
    }
}
