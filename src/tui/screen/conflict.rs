//! Another program changed the same fields of a credential: a person says what it shall say, field by field.
//! Nothing is written before that.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::sheet::{Cursor, frame};
use super::{Reply, Screen};
use crate::model::Content;
use crate::session::{Clash, Conflict as Facts};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared};
use crate::tui::keymap::Context;
use crate::tui::paint;
use crate::tui::widget::visible;

/// Whose value a field shall have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Mine,
    Theirs,
}

/// What was decided.
#[derive(Debug)]
pub struct Decision {
    /// What the other program had stored when it was decided.
    pub stored: Content,
    /// Its version.
    pub version: u32,
    /// What the credential shall say.
    pub content: Content,
    /// Something that the draft said was not chosen: it is to stay as a version.
    pub loses: bool,
}

/// The fields with both values.
pub struct Conflict {
    facts: Facts,
    chosen: Vec<Option<Side>>,
    cursor: Cursor,
}

impl Conflict {
    /// Nothing is chosen yet.
    pub fn new(facts: Facts) -> Self {
        Self { chosen: vec![None; facts.clashes.len()], facts, cursor: Cursor::default() }
    }

    fn choose(&mut self, side: Side) {
        if let Some(line) = self.cursor.selected(self.chosen.len()) {
            self.chosen[line] = Some(side);
            self.cursor.act(Action::Down, self.chosen.len());
        }
    }

    fn choose_all(&mut self, side: Side) {
        self.chosen.fill(Some(side));
    }

    fn decision(&self) -> Decision {
        let mine = self.chosen.iter().map(|side| *side == Some(Side::Mine));
        Decision {
            stored: self.facts.theirs.clone(),
            version: self.facts.version,
            content: self.facts.decided(mine.clone()),
            loses: mine.clone().any(|mine| !mine),
        }
    }

    fn draw_clashes(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let theme = &shared.theme;
        let name = (area.width / 4).clamp(8, 32);
        let half = area.width.saturating_sub(name + 4) / 2;
        let columns = [area.x + 2, area.x + 2 + name + 1, area.x + 2 + name + half + 2];
        for (x, width, words) in [
            (columns[0], name, "field"),
            (columns[1], half, "mine"),
            (columns[2], half, "theirs, stored now"),
        ] {
            paint::put(buf, x, area.y, width, words, theme.dim);
        }
        // The cursor scrolls the lines; the columns are put over them.
        let body = Rect { y: area.y + 1, height: area.height.saturating_sub(1), ..area };
        let lines = self.facts.clashes.iter().map(|_| Vec::new()).collect::<Vec<_>>();
        let from = self.cursor.draw(&lines, body, buf, shared);
        let selected = self.cursor.selected(self.chosen.len());
        for ((index, clash), y) in self.facts.clashes.iter().enumerate().skip(from).zip(body.y..body.bottom())
        {
            let own = |style| if selected == Some(index) { theme.selection } else { style };
            let chosen = self.chosen[index];
            paint::put(buf, columns[0], y, name, &clash.field, own(theme.text));
            for (side, x, words) in
                [(Side::Mine, columns[1], &clash.mine), (Side::Theirs, columns[2], &clash.theirs)]
            {
                // The sign tells what was chosen without colour.
                let (sign, style) = match chosen {
                    Some(decided) if decided == side => ("● ", theme.accent),
                    Some(_) => ("○ ", theme.dim),
                    None => ("· ", theme.text),
                };
                let words = words.replace('\n', " ");
                paint::parts(buf, x, y, half, &[(sign, own(style)), (&words, own(style))]);
            }
        }
    }

    /// Both values of the selected field in full, as far as there is room.
    fn draw_selected(&self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let Some(index) = self.cursor.selected(self.chosen.len()) else { return };
        let theme = &shared.theme;
        let Clash { field, mine, theirs, .. } = &self.facts.clashes[index];
        paint::put(buf, area.x, area.y, area.width, field, theme.title);
        let mut y = area.y + 1;
        for (label, value) in [("mine    ", mine), ("theirs  ", theirs)] {
            let room = area.width.saturating_sub(8);
            for (number, line) in visible::wrap(value, room.into()).iter().enumerate() {
                if y < area.bottom() && number < 3 {
                    let label = if number == 0 { label } else { "" };
                    paint::put(buf, area.x, y, 8, label, theme.dim);
                    visible::draw(buf, (area.x + 8, y), room, line, theme.text, theme.marker);
                    y += 1;
                }
            }
        }
    }
}

impl Screen for Conflict {
    fn context(&self) -> Context {
        Context::Conflict
    }

    fn hints(&self) -> Vec<Action> {
        vec![
            Action::Mine,
            Action::Theirs,
            Action::Accept,
            Action::AllMine,
            Action::AllTheirs,
            Action::Back,
            Action::Help,
        ]
    }

    fn hint(&self, action: Action) -> &'static str {
        match action {
            Action::Accept => "save",
            Action::Back => "keep editing",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        let open = self.chosen.iter().any(Option::is_none);
        (action == Action::Accept && open).then_some("choose for each field first")
    }

    fn perform(&mut self, action: Action, _: &mut Shared) -> Reply {
        if self.cursor.act(action, self.chosen.len()) {
            return Reply::Done;
        }
        match action {
            Action::Mine => self.choose(Side::Mine),
            Action::Theirs => self.choose(Side::Theirs),
            Action::AllMine => self.choose_all(Side::Mine),
            Action::AllTheirs => self.choose_all(Side::Theirs),
            Action::Accept => return Reply::CloseAnd(Command::Resolve(Box::new(self.decision()))),
            Action::Back => return Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let title = format!("{} was changed by another program", self.facts.key);
        let inner = frame(&*self, &title, area, buf, shared);
        let theme = &shared.theme;
        let mut text =
            "Both changed these fields. Choose what it shall say; nothing is saved before. What is not \
                        chosen stays as a version."
                .to_owned();
        if !self.facts.merged.is_empty() {
            text.push_str(&format!(" Put together by themselves: {}.", self.facts.merged.join(", ")));
        }
        let lines = paint::wrap(&text, inner.width);
        let rows = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(inner.height / 3);
        for (line, y) in lines.iter().zip(inner.y..inner.y + rows) {
            paint::put(buf, inner.x, y, inner.width, line, theme.text);
        }
        let below = if inner.height >= rows + 14 { 8 } else { 0 };
        let top = inner.y + rows + 1;
        let height = inner.bottom().saturating_sub(top + below);
        self.draw_clashes(Rect { y: top, height, ..inner }, buf, shared);
        if below > 0 {
            let y = inner.bottom() - below + 1;
            self.draw_selected(Rect { y, height: below - 1, ..inner }, buf, shared);
        }
        None
    }

    fn covers(&self) -> bool {
        true
    }
}
