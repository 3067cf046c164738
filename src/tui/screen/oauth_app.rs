//! One OAuth app while it is edited, as a form or as JSON.

use std::sync::Arc;

use crossterm::event::{KeyCode, KeyEvent};
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::confirm::Confirm;
use super::sheet::frame;
use super::{Reply, Screen};
use crate::model::{Credential, Document, Edit, Id, KeptDraft, OauthApp, Object, Subject};
use crate::schema::{Draft, Kinds, Names};
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone, Wish};
use crate::tui::draft_view::{DraftView, Rules};
use crate::tui::keymap::Context;

/// The draft of an OAuth app.
pub struct OauthAppEditor {
    document: Arc<Document>,
    /// What is stored; `None`: a new one.
    before: Option<OauthApp>,
    /// Names the draft, if it has to be kept.
    draft_id: Id,
    view: DraftView,
}

impl OauthAppEditor {
    /// Edits a stored one, or a new one.
    pub fn new(document: Arc<Document>, app: Option<&OauthApp>, shared: &Shared) -> Option<Self> {
        let content = app.map_or_else(session::blank_oauth_app, |app| app.content.clone());
        // A draft edits what is kept like a credential; nothing but its content is ever stored.
        let draft = Draft::of(&Credential::new(Id::new(), content, shared.now()));
        let mut view = Self::view(draft)?;
        if app.is_some() {
            view.show_errors();
        }
        Some(Self { document, before: app.cloned(), draft_id: Id::new(), view })
    }

    fn view(draft: Draft) -> Option<DraftView> {
        let rules = Rules { check: session::check_oauth_draft, meant: session::oauth_meant };
        DraftView::open(draft, Kinds::of_oauth_apps().clone(), Names::default(), rules)
    }

    /// Goes on with a kept draft; `before` is what it began from.
    ///
    /// # Errors
    /// A sentence, where it cannot be edited here.
    pub fn resume(
        document: Arc<Document>,
        kept: &KeptDraft,
        before: Option<&Object>,
        shared: &mut Shared,
    ) -> Result<Self, String> {
        let (before, draft) = session::resumed_oauth_app(&document, before, &kept.content);
        let mut view = Self::view(draft).ok_or("there is no form for this OAuth app")?;
        if let Some(text) = &kept.text {
            view.resume_text(text, shared);
        }
        Ok(Self { document, before, draft_id: kept.id.clone(), view })
    }

    fn save(&mut self, shared: &mut Shared) -> Reply {
        if !self.view.is_valid(|_| None, shared) {
            return Reply::Done;
        }
        let after = OauthApp { content: self.view.draft.content().clone() };
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

impl Screen for OauthAppEditor {
    fn context(&self) -> Context {
        self.view.context()
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Save, Action::Schema, Action::Undo, Action::Back, Action::Help, Action::Kind]
    }

    fn hint(&self, action: Action) -> &'static str {
        match action {
            Action::Schema if self.view.is_raw() => "show form",
            Action::Schema => "show JSON",
            Action::Kind => "schema",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match action {
            Action::Reveal | Action::TestDraft => Some("this is not done with an OAuth app"),
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::Save => return self.save(shared),
            Action::Schema => self.view.switch(shared),
            Action::Kind => self.view.toggle_schema(shared),
            Action::Undo | Action::Redo => self.view.undo(action == Action::Redo, shared),
            Action::Next => drop(self.view.press(KeyCode::Tab, shared)),
            Action::Previous => drop(self.view.press(KeyCode::BackTab, shared)),
            // A list of choices, the search in the text, or the like, is closed first.
            Action::Back if self.view.press(KeyCode::Esc, shared) => {}
            Action::Back if self.view.is_dirty() => {
                return Reply::Open(Box::new(Confirm::unsaved(Command::LeaveLayer)));
            }
            Action::Back => return Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn key(&mut self, key: KeyEvent, shared: &mut Shared) -> Reply {
        if self.view.key(key, shared) {
            return Reply::Done;
        }
        self.view.meant(key, shared).map_or(Reply::Ignored, |action| Reply::Do(Command::Perform(action)))
    }

    fn paste(&mut self, text: &str, shared: &mut Shared) -> Reply {
        self.view.paste(text, shared);
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let name = self.before.as_ref().map_or("New OAuth app", OauthApp::name);
        let title = if self.view.is_dirty() { format!("{name} *") } else { name.to_owned() };
        let inner = frame(&*self, &title, area, buf, shared);
        self.view.draw_tabs(area, buf, &shared.theme);
        self.view.draw(inner, buf, &shared.theme, true)
    }

    fn covers(&self) -> bool {
        true
    }

    fn draft(&self) -> Option<(&Id, bool)> {
        Some((&self.draft_id, self.view.is_dirty()))
    }

    fn keep(&mut self, now: Timestamp) -> Option<KeptDraft> {
        if !self.view.is_dirty() {
            return None;
        }
        let (content, text) = self.view.keep();
        let before = self.before.as_ref().map(|app| app.content.document.clone());
        let subject = Subject::OauthApp { before };
        Some(KeptDraft { id: self.draft_id.clone(), at: now, subject, content, text })
    }
}
