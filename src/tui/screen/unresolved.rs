//! A reference that names nothing: make the credential, or put one that is there in its place.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::add::Add;
use super::sheet::{Cursor, Line, frame};
use super::{Reply, Screen};
use crate::model::reference::Reference;
use crate::model::{Document, Mentioned, Workflow};
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Rewriting, Shared};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// What is offered.
pub struct Unresolved {
    document: Arc<Document>,
    /// What was found wrong, and where.
    said: String,
    path: String,
    written: String,
    /// What it was meant to be; `None`: it is not even a reference.
    meant: Option<(String, Reference)>,
    /// Keys that may be meant, the likeliest first: each with its service.
    keys: Vec<(String, String)>,
    cursor: Cursor,
}

impl Unresolved {
    /// Offers for one place of a workflow.
    pub fn new(document: Arc<Document>, workflow: &Workflow, place: &Mentioned, why: &str) -> Self {
        let meant = session::meant(workflow, place);
        let solution = meant.as_ref().map_or(workflow.solution.as_str(), |(solution, _)| solution.as_str());
        let key = meant.as_ref().map_or(place.reference.as_str(), |(_, reference)| reference.key.as_str());
        let keys = session::likely(&document, solution, key);
        Self {
            said: format!("{}:{}  {}: {why}", workflow.name, place.line, place.reference),
            path: workflow.path.clone(),
            written: place.reference.clone(),
            meant,
            keys,
            cursor: Cursor::default(),
            document,
        }
    }

    /// The key that can be made; `None`: what is written is no reference, or its solution is not there.
    fn makes(&self) -> Option<(&str, &str)> {
        let (solution, reference) = self.meant.as_ref()?;
        let free = self.document.find(solution, &reference.key).is_none();
        (free && self.document.has_solution(solution)).then_some((solution.as_str(), reference.key.as_str()))
    }

    fn count(&self) -> usize {
        self.keys.len() + usize::from(self.makes().is_some())
    }

    fn accept(&self, shared: &mut Shared) -> Reply {
        let Some(line) = self.cursor.selected(self.count()) else { return Reply::Done };
        let line = match (self.makes(), line) {
            (Some((solution, key)), 0) => {
                solution.clone_into(&mut shared.solution);
                return Reply::Replace(Box::new(Add::named(&self.document, key, shared)));
            }
            (Some(_), line) => line - 1,
            (None, line) => line,
        };
        let Some((key, _)) = self.keys.get(line) else { return Reply::Done };
        let before = self.meant.as_ref().map(|(_, reference)| reference);
        let reference = Reference {
            solution: before.and_then(|before| before.solution.clone()),
            key: key.clone(),
            field: before.and_then(|before| before.field.clone()),
        };
        let (path, written) = (self.path.clone(), self.written.clone());
        Reply::CloseAnd(Command::AskToRewrite(Rewriting::Place { path, written, to: reference }))
    }
}

impl Screen for Unresolved {
    fn context(&self) -> Context {
        Context::Manage
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        match (action, self.cursor.selected(self.count())) {
            (Action::Accept, Some(0)) if self.makes().is_some() => "make it",
            (Action::Accept, _) => "use this one",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        (action == Action::Accept && self.count() == 0).then_some("there is nothing to choose from")
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        if self.cursor.act(action, self.count()) {
            return Reply::Done;
        }
        match action {
            Action::Accept => self.accept(shared),
            Action::Back => Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let inner = frame(&*self, "Names nothing", area, buf, shared);
        let theme = &shared.theme;
        let mut y = inner.y;
        for line in paint::wrap(&self.said, inner.width).iter().take(3) {
            paint::put(buf, inner.x, y, inner.width, line, theme.error);
            y += 1;
        }
        let make =
            self.makes().map(|(solution, key)| vec![(format!("make {key} in {solution}"), theme.accent)]);
        let keys = self
            .keys
            .iter()
            .map(|(key, service)| vec![(key.clone(), theme.text), (format!("  {service}"), theme.dim)]);
        let lines: Vec<Line> = make.into_iter().chain(keys).collect();
        let room = Rect { y: y + 1, height: inner.bottom().saturating_sub(y + 1), ..inner };
        self.cursor.draw(&lines, room, buf, shared);
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
