//! Workflows: which file names which credential, how often it was used there, and what names nothing.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::Style;

use super::sheet::{Cursor, Line, frame};
use super::typed::Typed;
use super::unresolved::Unresolved;
use super::{Reply, Screen};
use crate::audit::Used;
use crate::model::{Credential, Document, Id, Mentioned, Workflow};
use crate::schema::Kinds;
use crate::session;
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::message::{Effect, Order};
use crate::tui::paint;
use crate::words::counted;

/// How the places are put together.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Workflow,
    Credential,
}

/// A line of the list.
#[derive(Clone)]
enum Row {
    /// A file.
    Workflow(usize),
    /// A place in one, and what it names.
    Place(usize, usize, Target),
    /// A credential.
    Credential(Id),
    /// What an earlier scan found and the last one did not: workflow and reference.
    Vanished(usize),
}

/// What a place names.
#[derive(Clone)]
enum Target {
    Credential(Id),
    Nothing(String),
}

/// The list.
pub struct Workflows {
    document: Arc<Document>,
    kinds: Arc<Kinds>,
    by: By,
    vanished: Vec<(String, String)>,
    rows: Vec<Row>,
    /// How many places name nothing.
    nothing: usize,
    cursor: Cursor,
    read_only: bool,
}

impl Workflows {
    /// All there are, from the first that uses a credential on. `vanished` is what a scan did not find any more.
    pub fn new(
        document: Arc<Document>,
        selected: Option<&Id>,
        vanished: Vec<(String, String)>,
        read_only: bool,
        shared: &mut Shared,
    ) -> Self {
        shared.effect(Effect::Vault(Order::Uses));
        let (kinds, by, cursor) = (shared.kinds.clone(), By::Workflow, Cursor::default());
        let mut screen =
            Self { document, kinds, by, vanished, rows: Vec::new(), nothing: 0, cursor, read_only };
        screen.gather();
        let about = |row: &Row| match row {
            Row::Place(_, _, Target::Credential(id)) => Some(id) == selected,
            _ => false,
        };
        screen.cursor = Cursor::on(screen.rows.iter().position(about).unwrap_or(0));
        screen
    }

    fn gather(&mut self) {
        let document = &self.document;
        let target = |workflow: &Workflow, place: &Mentioned| match session::resolved(
            document,
            &self.kinds,
            workflow,
            place,
        ) {
            Ok(credential) => Target::Credential(credential.id.clone()),
            Err(problem) => Target::Nothing(problem.message),
        };
        let places: Vec<(usize, usize, Target)> = document
            .workflows
            .iter()
            .enumerate()
            .flat_map(|(at, workflow)| {
                let places = workflow.references.iter().enumerate();
                places.map(move |(line, place)| (at, line, target(workflow, place)))
            })
            .collect();
        self.nothing = places.iter().filter(|(_, _, target)| matches!(target, Target::Nothing(_))).count();
        let mut rows: Vec<Row> = (0..self.vanished.len()).map(Row::Vanished).collect();
        match self.by {
            By::Workflow => {
                let mut last = None;
                for (at, line, target) in places {
                    if last.replace(at) != Some(at) {
                        rows.push(Row::Workflow(at));
                    }
                    rows.push(Row::Place(at, line, target));
                }
            }
            By::Credential => {
                let (nothing, named): (Vec<_>, Vec<_>) =
                    places.into_iter().partition(|(_, _, target)| matches!(target, Target::Nothing(_)));
                let row =
                    |(at, line, target): &(usize, usize, Target)| Row::Place(*at, *line, target.clone());
                rows.extend(nothing.iter().map(row));
                for credential in &document.credentials {
                    let own = |place: &&(usize, usize, Target)| match &place.2 {
                        Target::Credential(id) => *id == credential.id,
                        Target::Nothing(_) => false,
                    };
                    let mut uses = named.iter().filter(own).peekable();
                    if uses.peek().is_some() {
                        rows.push(Row::Credential(credential.id.clone()));
                        rows.extend(uses.map(row));
                    }
                }
            }
        }
        self.rows = rows;
    }

    fn selected(&self) -> Option<&Row> {
        self.rows.get(self.cursor.selected(self.rows.len())?)
    }

    fn accept(&self) -> Reply {
        match self.selected() {
            Some(Row::Credential(id) | Row::Place(_, _, Target::Credential(id))) => {
                Reply::CloseAnd(Command::Show(id.clone()))
            }
            Some(Row::Place(at, line, Target::Nothing(why))) if !self.read_only => {
                let Some(workflow) = self.document.workflows.get(*at) else { return Reply::Done };
                let Some(place) = workflow.references.get(*line) else { return Reply::Done };
                let offers = Unresolved::new(self.document.clone(), workflow, place, why);
                Reply::Open(Box::new(offers))
            }
            _ => Reply::Done,
        }
    }

    fn scan() -> Typed {
        let text = "A folder or a file. Everything in it that names credentials is remembered; what ignore files leave \
                    out is left out. Nothing of it is changed.";
        Typed::command("Scan", text.to_owned(), "", |typed| match typed.trim() {
            "" => Err("type a path, such as ~/src/app".to_owned()),
            path => Ok(Command::Scan(Some(path.into()))),
        })
    }

    fn line(&self, row: &Row, shared: &Shared) -> Line {
        let (theme, now) = (&shared.theme, shared.now());
        let ago = |at: jiff::Timestamp| match paint::ago(now.duration_since(at).as_secs()) {
            now if now == "now" => now,
            age => format!("{age} ago"),
        };
        let used = |used: Option<Used>| match used {
            Some(used) if used.count == 1 => format!(" · used once, {}", ago(used.last)),
            Some(used) => format!(" · used {} times, {}", used.count, ago(used.last)),
            None => String::new(),
        };
        let text = |text: String, style: Style| (text, style);
        match row {
            Row::Vanished(at) => {
                let (name, reference) = &self.vanished[*at];
                vec![text(format!("- {name}  {reference}  is no longer there"), theme.warn)]
            }
            Row::Workflow(at) => {
                let workflow = &self.document.workflows[*at];
                let about = format!(
                    "  scanned {}{}",
                    ago(workflow.scanned_at),
                    used(shared.uses.of_workflow(&workflow.name))
                );
                vec![text(workflow.name.clone(), theme.title), text(about, theme.dim)]
            }
            Row::Credential(id) => {
                let Some(known) = self.document.by_id(id) else { return Vec::new() };
                let count =
                    session::users(&self.document, known.content.solution(), known.content.key()).len();
                let about = format!("  used by {}{}", counted(count, "workflow"), used(shared.usage.of(id)));
                vec![text(place_of(known), theme.title), text(about, theme.dim)]
            }
            Row::Place(at, line, target) => {
                let workflow = &self.document.workflows[*at];
                let place = &workflow.references[*line];
                let head = match self.by {
                    By::Workflow => format!("{:>6}  {}", place.line, place.reference),
                    By::Credential => format!("  {}:{}  {}", workflow.name, place.line, place.reference),
                };
                match target {
                    Target::Nothing(why) => {
                        vec![text(head, theme.text), text(format!("  ✗ {why}"), theme.error)]
                    }
                    Target::Credential(id) => {
                        let uses = used(shared.uses.of(&workflow.name, id));
                        vec![text(head, theme.text), text(uses, theme.dim)]
                    }
                }
            }
        }
    }
}

fn place_of(known: &Credential) -> String {
    format!("{}/{}", known.content.solution(), known.content.key())
}

impl Screen for Workflows {
    fn context(&self) -> Context {
        Context::Workflows
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Scan, Action::Rescan, Action::Group, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        match (action, self.selected()) {
            (Action::Accept, Some(Row::Place(_, _, Target::Nothing(_)))) => "mend",
            (Action::Accept, _) => "go to it",
            (Action::Group, _) if self.by == By::Workflow => "by credential",
            (Action::Group, _) => "by workflow",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match action {
            Action::Scan | Action::Rescan if self.read_only => Some("the vault is open read-only"),
            Action::Rescan if self.document.workflows.is_empty() => Some("nothing was scanned yet"),
            Action::Accept => match self.selected() {
                Some(Row::Place(_, _, Target::Nothing(_))) if self.read_only => {
                    Some("the vault is open read-only")
                }
                Some(Row::Place(..) | Row::Credential(_)) => None,
                _ => Some("select a place that names a credential"),
            },
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        if self.cursor.act(action, self.rows.len()) {
            return Reply::Done;
        }
        match action {
            Action::Accept => return self.accept(),
            Action::Scan => return Reply::Open(Box::new(Self::scan())),
            Action::Rescan => return Reply::Do(Command::Scan(None)),
            Action::Group => {
                self.by = if self.by == By::Workflow { By::Credential } else { By::Workflow };
                self.cursor = Cursor::default();
                self.gather();
            }
            Action::Back => return Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let inner = frame(&*self, "Workflows", area, buf, shared);
        let theme = &shared.theme;
        let places: usize = self.document.workflows.iter().map(|known| known.references.len()).sum();
        let head = match self.document.workflows.len() {
            0 => "No file is known that names a credential. Scan a folder to find them.".to_owned(),
            files => format!("{} in {}", counted(places, "place"), counted(files, "file")),
        };
        let bad = match self.nothing {
            0 => String::new(),
            1 => "  1 names nothing".to_owned(),
            nothing => format!("  {nothing} name nothing"),
        };
        paint::parts(buf, inner.x, inner.y, inner.width, &[(&head, theme.dim), (&bad, theme.error)]);
        let lines: Vec<Line> = self.rows.iter().map(|row| self.line(row, shared)).collect();
        let room = Rect { y: inner.y + 2, height: inner.height.saturating_sub(2), ..inner };
        self.cursor.draw(&lines, room, buf, shared);
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
