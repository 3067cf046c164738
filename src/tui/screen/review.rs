//! The review: what wants attention, by check, with what to do about the selected one.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::sheet::{Cursor, Line, frame};
use super::typed::Typed;
use super::{Reply, Screen};
use crate::model::Document;
use crate::session::review::{self, Check, Finding, Reviewed, Standard};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Wish};
use crate::tui::keymap::Context;
use crate::tui::message::{Effect, Order};
use crate::tui::paint;
use crate::tui::theme::Theme;

/// How many lines the words about the selected finding take, the line between counted.
const BELOW: u16 = 5;

/// One line: a check, or something that it found.
#[derive(Clone, Copy)]
enum Row {
    Heading(Check, usize),
    Found(usize),
}

/// What was found, the most urgent first; what is left out stands at the end of its check.
pub struct Review {
    document: Arc<Document>,
    read_only: bool,
    cursor: Cursor,
    /// What the rows were made of.
    shown: Option<Arc<Reviewed>>,
    rows: Vec<Row>,
}

impl Review {
    /// Asks for a review; until it is there, what the last one found is shown.
    pub fn new(document: Arc<Document>, read_only: bool, shared: &mut Shared) -> Self {
        let standard = Standard {
            now: shared.now(),
            expiring_days: shared.config.screen.expiring_days,
            unused_days: shared.config.review.unused_days,
        };
        shared.effect(Effect::Vault(Order::Review { kinds: shared.kinds.clone(), standard }));
        let cursor = Cursor::on(shared.review_line);
        let mut screen = Self { document, read_only, cursor, shown: None, rows: Vec::new() };
        screen.look(shared);
        screen
    }

    /// Takes over what was found, once it came.
    fn look(&mut self, shared: &Shared) {
        let Some(Ok(reviewed)) = &shared.review else { return };
        if self.shown.as_ref().is_some_and(|known| Arc::ptr_eq(known, reviewed)) {
            return;
        }
        self.rows.clear();
        for check in Check::ALL {
            let of = |excluded: bool| {
                let all = reviewed.findings.iter().enumerate();
                all.filter(move |(_, found)| found.check == check && found.excluded.is_some() == excluded)
            };
            let count = of(false).count();
            if count + of(true).count() > 0 {
                self.rows.push(Row::Heading(check, count));
                self.rows.extend(of(false).chain(of(true)).map(|(index, _)| Row::Found(index)));
            }
        }
        self.shown = Some(reviewed.clone());
        self.leave_heading(Action::Down);
    }

    /// A heading is not selected: what stands beside it in the same direction is.
    fn leave_heading(&mut self, action: Action) {
        let is_heading = |screen: &Self| {
            let line = screen.cursor.selected(screen.rows.len());
            line.is_some_and(|line| matches!(screen.rows[line], Row::Heading(..)))
        };
        let up = matches!(action, Action::Up | Action::Previous | Action::PageUp);
        for direction in [if up { Action::Up } else { Action::Down }, Action::Down] {
            if is_heading(self) {
                self.cursor.act(direction, self.rows.len());
            }
        }
    }

    fn selected(&self) -> Option<&Finding> {
        let line = self.cursor.selected(self.rows.len())?;
        match self.rows[line] {
            Row::Found(index) => self.shown.as_ref()?.findings.get(index),
            Row::Heading(..) => None,
        }
    }

    /// Leaves the selected one out of its check, for a reason that is asked for; or counts it again.
    fn leave_out(&self) -> Reply {
        let stored = self.selected().and_then(|found| Some((found, self.document.by_id(&found.id)?.clone())));
        let Some((found, credential)) = stored else { return Reply::Done };
        let (check, place) = (found.check, format!("{}/{}", found.solution, found.key));
        let wish = move |edit, done: &str| Wish {
            edits: vec![edit],
            label: format!("the review of {place}"),
            done: format!("{place} {done} {}", check.word().replace('_', " ")),
            solution: None,
        };
        if found.excluded.is_some() {
            return match review::exclude(&credential, check, None) {
                Ok(edit) => Reply::Do(Command::Store(wish(edit, "counts again for"))),
                Err(_) => Reply::Done,
            };
        }
        let text =
            format!("{}.\nWhy is {}/{} fine as it is?", capital(&found.detail), found.solution, found.key);
        Reply::Open(Box::new(Typed::new("Leave out", text, "", move |reason| {
            let edit =
                review::exclude(&credential, check, Some(reason)).map_err(|problem| problem.message)?;
            Ok(wish(edit, "is left out of"))
        })))
    }

    fn sign_off(&self) -> Reply {
        let counted =
            self.shown.as_ref().map(|reviewed| review::counted(&reviewed.findings)).unwrap_or_default();
        let text =
            format!("{counted}. That you looked at them goes into the audit log. Anything to say to it?");
        Reply::Open(Box::new(Typed::asking("Sign off", text, |words| Command::SignOff(words.to_owned()))))
    }

    fn line(&self, row: Row, theme: &Theme) -> Line {
        match row {
            Row::Heading(check, count) => {
                let style = match check {
                    Check::Failing | Check::Weak | Check::Reused | Check::TestInProd => theme.error,
                    Check::Expiring | Check::RotationDue | Check::BroadScope => theme.warn,
                    _ => theme.accent,
                };
                vec![(format!("{} ({count})", check.title()), style)]
            }
            Row::Found(index) => {
                let Some(found) = self.shown.as_ref().and_then(|reviewed| reviewed.findings.get(index))
                else {
                    return Line::new();
                };
                let (style, detail) = match &found.excluded {
                    None => (theme.text, found.detail.clone()),
                    Some(reason) => (theme.dim, format!("left out: {reason}")),
                };
                vec![
                    (format!("  {}/{}", found.solution, found.key), style),
                    (format!("  {detail}"), theme.dim),
                ]
            }
        }
    }

    /// How many there are, and who signed for them last: a line each.
    fn summary(&self, shared: &Shared) -> [String; 2] {
        let Some(reviewed) = &self.shown else {
            return match &shared.review {
                Some(Err(problem)) => [problem.message.clone(), String::new()],
                _ => ["looking…".to_owned(), String::new()],
            };
        };
        let counted = review::counted(&reviewed.findings);
        let last = match &reviewed.signed_off {
            None => "Never signed off.".to_owned(),
            Some(signed) => format!("Signed off on {} by {}.", signed.at.strftime("%F"), signed.who),
        };
        [counted, last]
    }
}

impl Screen for Review {
    fn context(&self) -> Context {
        Context::Review
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::LeaveOut, Action::SignOff, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        match action {
            Action::Accept => "show",
            Action::LeaveOut if self.selected().is_some_and(|found| found.excluded.is_some()) => {
                "count again"
            }
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match action {
            Action::Accept | Action::LeaveOut if self.selected().is_none() => {
                Some("there is nothing selected")
            }
            Action::LeaveOut | Action::SignOff if self.read_only => Some("the vault is open read-only"),
            Action::SignOff if self.shown.is_none() => Some("nothing was looked at yet"),
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        if self.cursor.act(action, self.rows.len()) {
            self.leave_heading(action);
            shared.review_line = self.cursor.selected(self.rows.len()).unwrap_or_default();
            return Reply::Done;
        }
        match (action, self.selected()) {
            (Action::Accept, Some(found)) => Reply::CloseAnd(Command::Show(found.id.clone())),
            (Action::LeaveOut, _) => self.leave_out(),
            (Action::SignOff, _) => self.sign_off(),
            (Action::Back, _) => {
                shared.review_line = 0;
                Reply::Close
            }
            (Action::Suspend | Action::Help | Action::Lock | Action::Quit, _) => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        self.look(shared);
        let inner = frame(&*self, "Review", area, buf, shared);
        let theme = &shared.theme;
        for (line, y) in self.summary(shared).iter().zip(inner.y..inner.bottom()) {
            paint::put(buf, inner.x, y, inner.width, line, theme.dim);
        }
        let room = BELOW.min(inner.height / 3);
        let middle =
            Rect { y: inner.y + 3.min(inner.height), height: inner.height.saturating_sub(3 + room), ..inner };
        let lines: Vec<Line> = self.rows.iter().map(|row| self.line(*row, theme)).collect();
        if lines.is_empty() && self.shown.is_some() {
            paint::put(buf, middle.x, middle.y, middle.width, "Nothing wants attention.", theme.ok);
        }
        self.cursor.draw(&lines, middle, buf, shared);
        if let Some(found) = self.selected() {
            let mut words =
                vec![format!("{}.", capital(&found.detail)), format!("{}.", capital(found.advice))];
            words.extend(found.excluded.as_ref().map(|reason| format!("Left out: {reason}")));
            let between = "─".repeat(inner.width.into());
            paint::put(buf, inner.x, middle.bottom(), inner.width, &between, theme.border);
            let lines = paint::wrap(&words.join("\n"), inner.width);
            for (line, y) in lines.iter().zip(middle.bottom() + 1..inner.bottom()) {
                paint::put(buf, inner.x, y, inner.width, line, theme.text);
            }
        }
        None
    }

    fn covers(&self) -> bool {
        true
    }

    fn again(&self) -> Option<Action> {
        Some(Action::Review)
    }
}

/// A sentence with a capital at its start.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
