//! The kinds: those that come with the program, and the vault's own.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::confirm::Confirm;
use super::kind::KindEditor;
use super::sheet::{Cursor, Line, frame};
use super::typed::Typed;
use super::{Reply, Screen};
use crate::model::Document;
use crate::schema::Kind;
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone, Wish};
use crate::tui::keymap::Context;
use crate::tui::widget::visible;

/// The list, and the schema of the selected one.
pub struct Kinds {
    document: Arc<Document>,
    kinds: Vec<Arc<Kind>>,
    cursor: Cursor,
    read_only: bool,
    /// The lines of the selected one's schema, and whose they are.
    schema: (String, Vec<String>),
}

impl Kinds {
    /// All there are; starts on one, or on the last that comes with the program.
    pub fn new(document: Arc<Document>, on: Option<&str>, read_only: bool, shared: &Shared) -> Self {
        let known = shared.kinds.iter();
        let unusable = shared.kinds.own().iter().filter(|kind| kind.unusable().is_some());
        let kinds: Vec<Arc<Kind>> = known.chain(unusable).cloned().collect();
        let builtin = kinds.iter().filter(|kind| !kind.is_own()).count();
        let line = kinds.iter().position(|kind| Some(kind.id.as_str()) == on);
        let cursor = Cursor::on(line.unwrap_or(builtin.saturating_sub(1)));
        Self { document, kinds, cursor, read_only, schema: (String::new(), Vec::new()) }
    }

    fn selected(&self) -> Option<&Arc<Kind>> {
        self.kinds.get(self.cursor.selected(self.kinds.len())?)
    }

    fn change(&self, kind: &Kind, shared: &mut Shared) -> Reply {
        let Some(own) = self.document.own_kind(&kind.id) else { return self.copy(kind) };
        match KindEditor::of(self.document.clone(), own) {
            Ok(editor) => Reply::Open(Box::new(editor)),
            Err(why) => {
                shared.tell(Tone::Bad, why);
                Reply::Done
            }
        }
    }

    /// Asks for the name of a kind that starts as a copy of another.
    fn copy(&self, kind: &Kind) -> Reply {
        let text = format!(
            "The name of the new kind, as documents say it: small letters, digits, '_' and '-'. It starts as a copy \
             of {}.",
            kind.title
        );
        let (document, of) = (self.document.clone(), kind.id.clone());
        Reply::Open(Box::new(Typed::opening("New kind", text, move |id, shared| {
            session::check_kind_id(id).map_err(|problem| problem.message)?;
            if document.own_kind(id).is_some() {
                return Err(format!("there is a kind {id} already"));
            }
            let of = shared.kinds.get(&of).ok_or("that kind is not there any more")?;
            Ok(Box::new(KindEditor::copy(document.clone(), id, of)?))
        })))
    }

    fn remove(&self, kind: &Kind, shared: &mut Shared) -> Reply {
        let users = self.document.kind_users(&kind.id);
        if !users.is_empty() {
            shared.tell(Tone::Bad, format!("{} is in use by {}", kind.id, users.join(", ")));
            return Reply::Done;
        }
        match session::kind_removal(&self.document, &kind.id) {
            Err(problem) => {
                shared.tell_problem(&problem);
                Reply::Done
            }
            Ok(edit) => {
                let wish = Wish {
                    edits: vec![edit],
                    label: format!("the removal of the kind {}", kind.id),
                    done: format!("kind {} removed", kind.id),
                    solution: None,
                };
                let text = format!("Remove the kind {}? No credential is of it.", kind.id);
                Reply::Open(Box::new(Confirm::yes_no("Remove", text, Command::Store(wish))))
            }
        }
    }

    fn draw_schema(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let Some(kind) = self.selected().cloned() else { return };
        if self.schema.0 != kind.id {
            let own = self.document.own_kind(&kind.id);
            let text = match own {
                Some(own) => serde_json::to_string_pretty(&own.schema),
                None => serde_json::to_string_pretty(&kind.source()),
            };
            let lines = text.unwrap_or_default().lines().map(str::to_owned).collect();
            self.schema = (kind.id.clone(), lines);
        }
        let theme = &shared.theme;
        let mut y = area.y;
        for words in
            [kind.unusable().map(|why| format!("! cannot be used: {why}")), Some(kind.description.clone())]
        {
            for line in words.iter().flat_map(|words| visible::wrap(words, area.width.into())) {
                if y < area.bottom() {
                    visible::draw(buf, (area.x, y), area.width, &line, theme.text, theme.marker);
                    y += 1;
                }
            }
        }
        for (line, y) in self.schema.1.iter().zip(y + 1..area.bottom()) {
            visible::draw(buf, (area.x, y), area.width, line, theme.dim, theme.marker);
        }
    }
}

impl Screen for Kinds {
    fn context(&self) -> Context {
        Context::Manage
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::New, Action::Change, Action::Delete, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        let own = self.selected().is_some_and(|kind| kind.is_own());
        match action {
            Action::New => "copy to a new kind",
            Action::Change if own => "edit schema",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        let own = self.selected().is_some_and(|kind| kind.is_own());
        match action {
            Action::New | Action::Duplicate | Action::Change | Action::Accept | Action::Delete
                if self.read_only =>
            {
                Some("the vault is open read-only")
            }
            Action::Change | Action::Delete if !own => Some("it comes with the program: copy it instead"),
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        if self.cursor.act(action, self.kinds.len()) {
            return Reply::Done;
        }
        match (action, self.selected()) {
            (Action::New | Action::Duplicate, Some(kind)) => self.copy(kind),
            (Action::Change | Action::Accept, Some(kind)) => self.change(kind, shared),
            (Action::Delete, Some(kind)) => self.remove(kind, shared),
            (Action::Back, _) => Reply::Close,
            (Action::Suspend | Action::Help | Action::Lock | Action::Quit, _) => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let inner = frame(&*self, "Kinds", area, buf, shared);
        let theme = &shared.theme;
        let lines: Vec<Line> = self
            .kinds
            .iter()
            .map(|kind| {
                let (word, style) = match (kind.unusable(), kind.is_own()) {
                    (Some(_), _) => ("  ! cannot be used", theme.warn),
                    (None, true) => ("  own", theme.accent),
                    (None, false) => ("", theme.dim),
                };
                vec![
                    (kind.title.clone(), theme.text),
                    (format!("  {}", kind.id), theme.dim),
                    (word.to_owned(), style),
                ]
            })
            .collect();
        let left = Rect { width: (inner.width / 2).min(48), ..inner };
        self.cursor.draw(&lines, left, buf, shared);
        let x = (left.right() + 2).min(inner.right());
        self.draw_schema(Rect { x, width: inner.right() - x, ..inner }, buf, shared);
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
