//! Drafts that were not saved when the workbench was locked, or ended: gone on with, dropped, or left for later.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::confirm::Confirm;
use super::sheet::{Cursor, Line, frame};
use super::{Reply, Screen};
use crate::model::{Document, KeptDraft, Subject};
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::paint;
use crate::tui::widget::visible;

/// Lines about the selected one.
const ABOUT: u16 = 5;

/// The list.
pub struct Drafts {
    document: Arc<Document>,
    drafts: Vec<KeptDraft>,
    cursor: Cursor,
}

impl Drafts {
    /// Those that wait, oldest first.
    pub fn new(document: Arc<Document>, drafts: Vec<KeptDraft>) -> Self {
        Self { document, drafts, cursor: Cursor::default() }
    }

    fn selected(&self) -> Option<&KeptDraft> {
        self.drafts.get(self.cursor.selected(self.drafts.len())?)
    }

    fn confirm_drop(draft: &KeptDraft, shared: &Shared) -> Reply {
        let ago = paint::ago(shared.now().duration_since(draft.at).as_secs());
        let name = session::draft_name(draft);
        let text = format!("Drop the draft of {name}, kept {ago} ago? Nothing brings it back.");
        Reply::Open(Box::new(Confirm::yes_no("Drop the draft", text, Command::DropDraft(draft.id.clone()))))
    }

    /// What of the draft is told: what it is of, and what happened to that since.
    fn about(&self, draft: &KeptDraft) -> Vec<String> {
        let form = match (&draft.text, &draft.subject) {
            (Some(_), Subject::Credential { .. } | Subject::OauthApp { .. }) => {
                " As JSON that was being typed."
            }
            _ => "",
        };
        let meanwhile = match session::meanwhile(&self.document, draft) {
            Some(what) => format!("Since it began, {what}."),
            None => "What it changes was not changed by anybody since.".to_owned(),
        };
        vec![format!("It was not saved; only you can read it.{form}"), meanwhile]
    }
}

impl Screen for Drafts {
    fn context(&self) -> Context {
        Context::Manage
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Delete, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        match action {
            Action::Accept => "go on with it",
            Action::Delete => "drop",
            Action::Back => "later",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match action {
            Action::Accept | Action::Delete if self.drafts.is_empty() => Some("no draft waits"),
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        if self.cursor.act(action, self.drafts.len()) {
            return Reply::Done;
        }
        match (action, self.selected()) {
            (Action::Accept, Some(draft)) => Reply::Do(Command::ResumeDraft(draft.id.clone())),
            (Action::Delete, Some(draft)) => Self::confirm_drop(draft, shared),
            (Action::Back, _) => Reply::Close,
            (Action::Suspend | Action::Help | Action::Lock | Action::Quit, _) => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let inner = frame(&*self, "Unsaved drafts", area, buf, shared);
        let (theme, now) = (&shared.theme, shared.now());
        let line = |draft: &KeptDraft| -> Line {
            let ago = paint::ago(now.duration_since(draft.at).as_secs());
            let kind = shared.kinds.of_document(&draft.content.document);
            let (what, new) = match &draft.subject {
                Subject::Credential { rotates: true, .. } => ("next value of a rotation", false),
                Subject::Credential { version, .. } => {
                    (kind.as_ref().map_or("credential", |kind| &kind.title), version.is_none())
                }
                Subject::OauthApp { before } => ("OAuth app", before.is_none()),
                Subject::Kind { version, .. } => ("kind", version.is_none()),
            };
            let new = if new { "  new" } else { "" };
            vec![
                (format!("{ago:>4}  "), theme.dim),
                (session::draft_name(draft), theme.text),
                (format!("  {what}{new}"), theme.dim),
            ]
        };
        let lines: Vec<Line> = self.drafts.iter().map(line).collect();
        let about = ABOUT.min(inner.height / 2);
        let list = Rect { height: inner.height - about, ..inner };
        self.cursor.draw(&lines, list, buf, shared);
        if let Some(draft) = self.selected() {
            let words = self.about(draft);
            let wrapped = words.iter().flat_map(|words| visible::wrap(words, inner.width.into()));
            for (line, y) in wrapped.zip(list.bottom()..inner.bottom()) {
                paint::put(buf, inner.x, y, inner.width, &line, theme.text);
            }
        }
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
