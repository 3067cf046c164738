//! The solutions: which one is shown, and adding, renaming, copying and removing one.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::sheet::{Cursor, Line, frame};
use super::typed::Typed;
use super::{Reply, Screen};
use crate::model::{DEFAULT_SOLUTION, Document, Edit, Solution, copies};
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Rewriting, Shared, Tone, Wish};
use crate::tui::keymap::Context;
use crate::tui::widget::visible;
use crate::words::counted;

/// The list: all of them first, then each.
pub struct Solutions {
    document: Arc<Document>,
    cursor: Cursor,
    read_only: bool,
}

impl Solutions {
    /// Starts on the one that is shown; `None`: all are.
    pub fn new(document: Arc<Document>, shown: Option<&str>, read_only: bool) -> Self {
        let line = document.solutions.iter().position(|solution| Some(solution.name.as_str()) == shown);
        Self { cursor: Cursor::on(line.map_or(0, |line| line + 1)), document, read_only }
    }

    fn count(&self) -> usize {
        self.document.solutions.len() + 1
    }

    /// The selected one; `None`: the line of all.
    fn selected(&self) -> Option<&str> {
        let line = self.cursor.selected(self.count())?.checked_sub(1)?;
        self.document.solutions.get(line).map(|solution| solution.name.as_str())
    }

    fn add() -> Typed {
        Typed::new(
            "New solution",
            "The name of an application, or of one of its environments.".to_owned(),
            "",
            {
                |name| {
                    session::check_solution_name(name).map_err(|problem| problem.message)?;
                    Ok(Wish {
                        edits: vec![Edit::AddSolution { solution: Solution::named(name) }],
                        label: format!("the new solution {name}"),
                        done: format!("solution {name} added"),
                        solution: Some(name.to_owned()),
                    })
                }
            },
        )
    }

    fn rename(&self, from: &str, current: bool) -> Typed {
        let references = session::references_to(&self.document, from);
        let mut text = format!("The new name of {from}. Its credentials follow.");
        if !references.is_empty() {
            text.push_str(&format!(
                "\n\nThese texts refer to it and keep the old name:\n{}",
                references.join("\n")
            ));
        }
        let naming = self.document.workflows.iter().any(|workflow| {
            let names = |place| {
                session::meant(workflow, place)
                    .is_some_and(|(_, reference)| reference.solution.as_deref() == Some(from))
            };
            workflow.references.iter().any(names)
        });
        if naming {
            text.push_str("\n\nWorkflows name it; what would change in their files is shown first.");
        }
        let from = from.to_owned();
        let document = self.document.clone();
        Typed::command("Rename solution", text, &from.clone(), move |to| {
            session::check_solution_name(to).map_err(|problem| problem.message)?;
            if to != from && document.has_solution(to) {
                return Err(format!("there is a solution {to} already"));
            }
            let (from, to) = (from.clone(), to.to_owned());
            if naming && from != to {
                return Ok(Command::AskToRewrite(Rewriting::Solution { from, to, current }));
            }
            Ok(Command::Store(Wish {
                label: format!("the new name of {from}"),
                done: format!("solution {from} is {to} now"),
                solution: current.then(|| to.clone()),
                edits: vec![Edit::RenameSolution { from, to, except: Vec::new() }],
            }))
        })
    }

    fn copy(&self, from: &str) -> Typed {
        let count = session::residents(&self.document, from).count();
        let text = format!(
            "The name of the copy of {from}: {} with everything but their secrets. Each is incomplete until its \
             secret is entered.",
            counted(count, "credential")
        );
        let (document, from) = (self.document.clone(), from.to_owned());
        Typed::new("Copy solution", text, "", move |to| {
            session::check_solution_name(to).map_err(|problem| problem.message)?;
            Ok(Wish {
                edits: copies(&document, &from, to).map_err(|error| error.to_string())?,
                label: format!("the copy of {from}"),
                done: format!("{from} copied to {to}: {} without secrets", counted(count, "credential")),
                solution: Some(to.to_owned()),
            })
        })
    }

    fn remove(&self, name: &str) -> Result<Typed, String> {
        let edits = session::solution_removal(&self.document, name).map_err(|problem| problem.message)?;
        let text = match session::residents(&self.document, name).count() {
            0 => format!("Nothing lives in {name}. Type its name to remove it."),
            count => format!(
                "{} of {name} will go to the trash. Type the solution's name to remove it.",
                counted(count, "credential")
            ),
        };
        let name = name.to_owned();
        Ok(Typed::new("Remove solution", text, "", move |typed| {
            if typed != name {
                return Err(format!("type {name} to remove it"));
            }
            Ok(Wish {
                edits: edits.clone(),
                label: format!("the removal of {name}"),
                done: format!("solution {name} removed"),
                solution: None,
            })
        }))
    }
}

impl Screen for Solutions {
    fn context(&self) -> Context {
        Context::Manage
    }

    fn hints(&self) -> Vec<Action> {
        let all = [Action::Accept, Action::New, Action::Rename, Action::Duplicate, Action::Delete];
        all.into_iter().chain([Action::Back, Action::Help]).collect()
    }

    fn hint(&self, action: Action) -> &'static str {
        if action == Action::Accept { "show" } else { action.hint() }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        let writes = matches!(action, Action::New | Action::Rename | Action::Duplicate | Action::Delete);
        match action {
            _ if writes && self.read_only => Some("the vault is open read-only"),
            Action::Rename | Action::Duplicate | Action::Delete if self.selected().is_none() => {
                Some("select one solution first")
            }
            Action::Rename | Action::Delete if self.selected() == Some(DEFAULT_SOLUTION) => {
                Some("this solution is always there")
            }
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        let count = self.count();
        if self.cursor.act(action, count) {
            return Reply::Done;
        }
        let name = self.selected();
        match (action, name) {
            (Action::Accept, _) => return Reply::CloseAnd(Command::UseSolution(name.map(str::to_owned))),
            (Action::New, _) => return Reply::Open(Box::new(Self::add())),
            (Action::Rename, Some(name)) => {
                return Reply::Open(Box::new(self.rename(name, name == shared.solution)));
            }
            (Action::Duplicate, Some(name)) => return Reply::Open(Box::new(self.copy(name))),
            (Action::Delete, Some(name)) => match self.remove(name) {
                Ok(question) => return Reply::Open(Box::new(question)),
                Err(why) => shared.tell(Tone::Bad, why),
            },
            (Action::Back, _) => return Reply::Close,
            (Action::Suspend | Action::Help | Action::Lock | Action::Quit, _) => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let inner = frame(&*self, "Solutions", area, buf, shared);
        let theme = &shared.theme;
        let names = self.document.solutions.iter().map(|solution| solution.name.as_str());
        let width = names.map(visible::width).max().unwrap_or(0).clamp(13, 40);
        let line = |name: &str, count: usize, mark: &str| -> Line {
            let room = width.saturating_sub(visible::width(name));
            let name = format!("{name}{}  ", " ".repeat(room));
            vec![
                (name, theme.text),
                (counted(count, "credential"), theme.dim),
                (mark.to_owned(), theme.accent),
            ]
        };
        let mut lines = vec![line("all solutions", self.document.credentials.len(), "")];
        lines.extend(self.document.solutions.iter().map(|solution| {
            let mark = if solution.name == shared.solution { "  current" } else { "" };
            line(&solution.name, session::residents(&self.document, &solution.name).count(), mark)
        }));
        self.cursor.draw(&lines, inner, buf, shared);
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
