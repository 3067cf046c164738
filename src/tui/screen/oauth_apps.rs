//! The OAuth apps of the organization.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::confirm::Confirm;
use super::oauth_app::OauthAppEditor;
use super::sheet::{Cursor, Line, frame};
use super::{Reply, Screen};
use crate::model::{Document, Edit, OauthApp};
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone, Wish};
use crate::tui::keymap::Context;
use crate::tui::paint;
use crate::tui::widget::visible;

/// The list, and what the selected one says.
pub struct OauthApps {
    document: Arc<Document>,
    cursor: Cursor,
    read_only: bool,
}

impl OauthApps {
    /// Those of the vault.
    pub fn new(document: Arc<Document>, read_only: bool) -> Self {
        Self { document, cursor: Cursor::default(), read_only }
    }

    fn selected(&self) -> Option<&OauthApp> {
        let apps = self.document.oauth_apps();
        apps.get(self.cursor.selected(apps.len())?)
    }

    fn edit(&self, app: Option<&OauthApp>, shared: &Shared) -> Reply {
        let editor = OauthAppEditor::new(self.document.clone(), app, shared);
        editor.map_or(Reply::Done, |editor| Reply::Open(Box::new(editor)))
    }

    fn remove(&self, app: &OauthApp, shared: &mut Shared) -> Reply {
        let name = app.name();
        let users: Vec<String> = self
            .document
            .oauth_app_users(name)
            .map(|user| format!("{}/{}", user.content.solution(), user.content.key()))
            .collect();
        if !users.is_empty() {
            shared.tell(Tone::Bad, format!("{name} is in use by {}", users.join(", ")));
            return Reply::Done;
        }
        let wish = Wish {
            edits: vec![Edit::SetOauthApp { name: name.to_owned(), before: Some(app.clone()), after: None }],
            label: format!("the removal of {name}"),
            done: format!("{name} removed"),
            solution: None,
        };
        let text = format!("Remove the OAuth app {name}? No credential refers to it.");
        Reply::Open(Box::new(Confirm::yes_no("Remove", text, Command::Store(wish))))
    }

    fn draw_selected(&self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let (Some(app), theme) = (self.selected(), &shared.theme) else { return };
        let mut fields = session::fields(&app.content);
        let own = fields.len();
        for (name, address) in session::oauth_addresses(&app.content) {
            if !app.content.document.contains_key(name) {
                fields.push((name.to_owned(), address));
            }
        }
        let users: Vec<String> = self
            .document
            .oauth_app_users(app.name())
            .map(|user| format!("{}/{}", user.content.solution(), user.content.key()))
            .collect();
        let users = if users.is_empty() { "no credential".to_owned() } else { users.join(", ") };
        let width = fields.iter().map(|(name, _)| visible::width(name)).max().unwrap_or(0).max(7);
        for ((index, (name, value)), y) in fields.iter().enumerate().zip(area.y..area.bottom()) {
            let style = if index < own { theme.text } else { theme.dim };
            let value = value.replace('\n', " ");
            let name = format!("{name:width$}  ");
            paint::parts(buf, area.x, y, area.width, &[(&name, theme.dim), (&value, style)]);
        }
        let y = area.y.saturating_add(u16::try_from(fields.len()).unwrap_or(u16::MAX));
        if y < area.bottom() {
            let name = format!("{:width$}  ", "used by");
            paint::parts(buf, area.x, y, area.width, &[(&name, theme.dim), (&users, theme.text)]);
        }
    }
}

impl Screen for OauthApps {
    fn context(&self) -> Context {
        Context::Manage
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::New, Action::Change, Action::Delete, Action::Back, Action::Help]
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match action {
            Action::New | Action::Change | Action::Accept | Action::Delete if self.read_only => {
                Some("the vault is open read-only")
            }
            Action::Change | Action::Accept | Action::Delete if self.selected().is_none() => {
                Some("there is no OAuth app yet")
            }
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        if self.cursor.act(action, self.document.oauth_apps().len()) {
            return Reply::Done;
        }
        match (action, self.selected()) {
            (Action::New, _) => self.edit(None, shared),
            (Action::Change | Action::Accept, Some(app)) => self.edit(Some(app), shared),
            (Action::Delete, Some(app)) => self.remove(app, shared),
            (Action::Back, _) => Reply::Close,
            (Action::Suspend | Action::Help | Action::Lock | Action::Quit, _) => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let inner = frame(&*self, "OAuth apps", area, buf, shared);
        let theme = &shared.theme;
        let apps = self.document.oauth_apps();
        if apps.is_empty() {
            let text = "There are no OAuth apps yet.";
            paint::put(buf, inner.x, inner.y, inner.width, text, theme.dim);
        }
        let lines: Vec<Line> = apps
            .iter()
            .map(|app| {
                let provider = session::oauth_provider(&app.content);
                vec![(app.name().to_owned(), theme.text), (format!("  {provider}"), theme.dim)]
            })
            .collect();
        let left = Rect { width: (inner.width / 3).min(32), ..inner };
        self.cursor.draw(&lines, left, buf, shared);
        let x = (left.right() + 2).min(inner.right());
        self.draw_selected(Rect { x, width: inner.right() - x, ..inner }, buf, shared);
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
