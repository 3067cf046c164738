//! Files that are to be changed with a new name: each line as it is and as it will be, before anything is done.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::sheet::{Cursor, Line, frame};
use super::typed::Typed;
use super::{Reply, Screen};
use crate::tui::action::Action;
use crate::tui::app::{Command, Preview, Shared, Wish};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// What would change.
pub struct Rewrite {
    preview: Option<Box<Preview>>,
    lines: Vec<(Look, String)>,
    cursor: Cursor,
}

#[derive(Clone, Copy)]
enum Look {
    File,
    Before,
    After,
}

impl Rewrite {
    /// Shows it; nothing is done yet.
    pub fn new(preview: Preview) -> Self {
        let mut lines = Vec::new();
        for file in &preview.files {
            lines.push((Look::File, file.path.display().to_string()));
            for change in &file.changes {
                lines.push((Look::Before, format!("{:>6}  - {}", change.line, change.before)));
                lines.push((Look::After, format!("        + {}", change.after)));
            }
        }
        Self { preview: Some(Box::new(preview)), lines, cursor: Cursor::default() }
    }

    /// Without the files: what is in use is renamed only by typing its name.
    fn force(preview: &Preview) -> Typed {
        let (name, wish) =
            (preview.name.clone(), (preview.edits.clone(), preview.label.clone(), preview.done.clone()));
        let text = format!(
            "These files are left as they are, and then name nothing. Type {name} to go on all the same.",
        );
        Typed::new("Leave the files", text, "", move |typed| {
            if typed != name {
                return Err(format!("type {name} to go on"));
            }
            let (edits, label, done) = wish.clone();
            Ok(Wish { edits, label, done, solution: None })
        })
    }
}

impl Screen for Rewrite {
    fn context(&self) -> Context {
        Context::Rewrite
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Force, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        if action == Action::Accept { "change the files" } else { action.hint() }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        let preview = self.preview.as_ref();
        match action {
            Action::Force if preview.is_none_or(|preview| preview.edits.is_empty()) => {
                Some("there is nothing else to do")
            }
            Action::Accept if preview.is_none_or(|preview| preview.files.is_empty()) => {
                Some("no file has it any more: scan again")
            }
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        if self.cursor.act(action, self.lines.len()) {
            return Reply::Done;
        }
        match action {
            Action::Accept => match self.preview.take() {
                Some(preview) => Reply::CloseAnd(Command::Rewrite(preview)),
                None => Reply::Close,
            },
            Action::Force => match &self.preview {
                Some(preview) => Reply::Open(Box::new(Self::force(preview))),
                None => Reply::Close,
            },
            Action::Back => Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let inner = frame(&*self, "Files that change", area, buf, shared);
        let theme = &shared.theme;
        let title = self.preview.as_ref().map_or("", |preview| preview.title.as_str());
        paint::put(buf, inner.x, inner.y, inner.width, title, theme.text);
        let lines: Vec<Line> = self
            .lines
            .iter()
            .map(|(look, text)| {
                let style = match look {
                    Look::File => theme.title,
                    Look::Before => theme.error,
                    Look::After => theme.ok,
                };
                vec![(text.clone(), style)]
            })
            .collect();
        let room = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
        self.cursor.draw(&lines, room, buf, shared);
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
