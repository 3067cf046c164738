//! One OAuth app while it is edited, as JSON.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::confirm::Confirm;
use super::sheet::frame;
use super::{Reply, Screen};
use crate::model::{Credential, Document, Edit, Id, OauthApp};
use crate::schema::{Draft, Kinds, TextError};
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone, Wish};
use crate::tui::form::Handled;
use crate::tui::keymap::Context;
use crate::tui::raw::RawEditor;

/// The draft and its text.
pub struct OauthAppEditor {
    document: Arc<Document>,
    /// What is stored; `None`: a new one.
    before: Option<OauthApp>,
    draft: Draft,
    raw: RawEditor,
}

impl OauthAppEditor {
    /// Edits a stored one, or a new one.
    ///
    /// # Errors
    /// A sentence, where it is too large to edit here.
    pub fn new(document: Arc<Document>, app: Option<&OauthApp>, shared: &Shared) -> Result<Self, String> {
        let content = app.map_or_else(session::blank_oauth_app, |app| app.content.clone());
        // A draft edits what is kept like a credential; nothing but its content is ever stored.
        let draft = Draft::of(&Credential::new(Id::new(), content, shared.now()));
        let raw = RawEditor::open(&draft, Kinds::of_oauth_apps())?;
        Ok(Self { document, before: app.cloned(), draft, raw })
    }

    fn is_dirty(&self) -> bool {
        self.raw.is_changed() || self.draft.is_changed()
    }

    /// Gives the text a key; whether it means something there.
    fn is_used(&mut self, code: KeyCode) -> bool {
        let handled = self.raw.handle_key(KeyEvent::new(code, KeyModifiers::NONE));
        !matches!(handled, Handled::Ignored)
    }

    fn save(&mut self, shared: &mut Shared) -> Reply {
        if let Err(errors) = self.raw.take(&mut self.draft, Kinds::of_oauth_apps()) {
            shared.tell(Tone::Bad, errors.first().map(told).unwrap_or_default());
            return Reply::Done;
        }
        let content = self.draft.content();
        if let Some(first) = session::check_oauth_app(content).first() {
            self.raw.goto(&first.pointer);
            shared.tell(Tone::Bad, first.to_string());
            return Reply::Done;
        }
        let after = OauthApp { content: content.clone() };
        let (name, old) = (after.name().to_owned(), self.before.as_ref().map(OauthApp::name));
        if old != Some(name.as_str()) && self.document.oauth_app(&name).is_some() {
            shared.tell(Tone::Bad, format!("there is an OAuth app {name} already"));
            return Reply::Done;
        }
        if let Some(before) = &self.before {
            if *before == after {
                shared.tell(Tone::Plain, "nothing was changed");
                return Reply::Done;
            }
            if let Some(address) = session::oauth_app_moved(&before.content, &after.content) {
                shared.tell_problem(&session::oauth_origin_changed(&name, &address));
                return Reply::Done;
            }
        }
        Reply::Do(Command::Store(Wish {
            edits: edits(self.before.clone(), after),
            label: format!("the change of {name}"),
            done: format!("{name} saved"),
            solution: None,
        }))
    }
}

/// Another name is a new app in the place of the old one, which nothing may refer to then.
fn edits(before: Option<OauthApp>, after: OauthApp) -> Vec<Edit> {
    let name = after.name().to_owned();
    match before {
        Some(old) if old.name() != name => {
            let removal = Edit::SetOauthApp { name: old.name().to_owned(), before: Some(old), after: None };
            vec![removal, Edit::SetOauthApp { name, before: None, after: Some(after) }]
        }
        before => vec![Edit::SetOauthApp { name, before, after: Some(after) }],
    }
}

fn told(error: &TextError) -> String {
    let pointer = if error.pointer.is_empty() { String::new() } else { format!("{}: ", error.pointer) };
    format!("{}: {pointer}{}", error.place, error.message)
}

impl Screen for OauthAppEditor {
    fn context(&self) -> Context {
        Context::Raw
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Save, Action::Schema, Action::Undo, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        match action {
            Action::Schema if self.raw.is_schema_tab() => "document",
            Action::Schema => "schema",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match action {
            Action::Quit | Action::Lock if self.is_dirty() => {
                Some("the OAuth app is not saved: save it, or leave it with Esc")
            }
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::Save => return self.save(shared),
            Action::Schema => self.raw.toggle_schema_tab(&self.draft, Kinds::of_oauth_apps()),
            Action::Undo => drop(self.raw.undo()),
            Action::Redo => drop(self.raw.redo()),
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
        self.raw.handle_key(key);
        Reply::Done
    }

    fn paste(&mut self, text: &str, shared: &mut Shared) -> Reply {
        if let Some(notice) = self.raw.paste(text).first() {
            shared.tell(Tone::Plain, notice.message.clone());
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let name = self.before.as_ref().map_or("New OAuth app", OauthApp::name);
        let title = if self.is_dirty() { format!("{name} *") } else { name.to_owned() };
        let inner = frame(&*self, &title, area, buf, shared);
        self.raw.render(&self.draft, Kinds::of_oauth_apps(), inner, buf, &shared.theme, true)
    }

    fn covers(&self) -> bool {
        true
    }
}
