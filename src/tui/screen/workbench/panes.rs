//! Where everything stands on the screen.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::widgets::{Block, Widget};

use super::editor::Saving;
use super::{Pane, Workbench, viewed};
use crate::tui::app::Shared;
use crate::tui::paint;
use crate::tui::screen::{footer, notice};
use crate::tui::widget::visible;

/// From this width on, list, panel and log are seen at once.
const WIDE: u16 = 110;

impl Workbench {
    /// Draws header, panes, notice and footer.
    pub(super) fn draw_panes(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        self.header(Rect { height: 1, ..area }, buf, shared);
        let foot = Rect { y: area.bottom() - 1, height: 1, ..area };
        let mut body = Rect { y: area.y + 1, height: area.height - 2, ..area };
        // One line for what just happened, search and errors of it; small screens do without hints meanwhile.
        let line = if area.height >= 12 {
            body.height -= 1;
            Rect { y: foot.y - 1, ..foot }
        } else {
            foot
        };
        if line.y != foot.y || (shared.notice().is_none() && self.search.is_none()) {
            footer(self, paint::inset(foot), buf, shared);
        }
        let mut cursor =
            if area.width >= WIDE { self.wide(body, buf, shared) } else { self.narrow(body, buf, shared) };
        let line = paint::inset(line);
        if self.search.is_some() || !self.list.query().is_empty() && shared.notice().is_none() {
            cursor = self.search_line(line, buf, shared).or(cursor);
        } else {
            notice(line, buf, shared);
        }
        cursor
    }

    fn header(&self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let theme = &shared.theme;
        buf.set_style(area, theme.bar);
        let (total, failing, expiring) = self.list.counts();
        let count = match total {
            1 => "1 credential".to_owned(),
            _ => format!("{total} credentials"),
        };
        let mut right = vec![(count, theme.text)];
        if failing > 0 {
            right.push((format!("  ✗ {failing} failing"), theme.error));
        }
        if expiring > 0 {
            right.push((format!("  ◐ {expiring} expiring"), theme.warn));
        }
        if self.read_only {
            right.push(("  read-only".to_owned(), theme.error));
        }
        if let Some(left) = shared.locks_in {
            right.push((format!("  locks in {} m", left.as_secs().div_ceil(60).max(1)), theme.warn));
        }
        match shared.drafts {
            0 => {}
            1 => right.push(("  1 unsaved draft".to_owned(), theme.warn)),
            count => right.push((format!("  {count} unsaved drafts"), theme.warn)),
        }
        if shared.demo {
            right.push(("  demo".to_owned(), theme.accent));
        }
        let width: usize = right.iter().map(|(text, _)| visible::width(text)).sum();
        let width = u16::try_from(width).unwrap_or(area.width).min(area.width.saturating_sub(2));
        let parts: Vec<_> = right.iter().map(|(text, style)| (text.as_str(), *style)).collect();
        let x = area.right() - 1 - width;
        paint::parts(buf, x, area.y, width, &parts);
        let name = match self.document.organization.name.as_str() {
            "" => "credbench",
            name => name,
        };
        // The current solution is where new credentials go, also while all are shown.
        let all = self.list.only().is_none() && self.document.solutions.len() > 1;
        let solution = (shared.solution.as_str(), theme.text);
        let shown = (if all { " (all shown)" } else { "" }, theme.dim);
        let left = [(name, theme.title), (" ▸ ", theme.dim), solution, shown];
        paint::parts(buf, area.x + 1, area.y, x.saturating_sub(area.x + 3), &left);
    }

    fn wide(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let log_height = match area.height {
            ..=13 => 0,
            14..=25 => 6,
            26..=35 => 6,
            _ => 7,
        };
        let top = Rect { height: area.height - log_height, ..area };
        let left = (area.width * 11 / 20).max(60);
        let list = Rect { width: left, ..top };
        let panel = Rect { x: top.x + left, width: top.width - left, ..top };
        self.draw_list(list, buf, shared);
        let cursor = self.draw_panel(panel, buf, shared);
        if log_height > 0 {
            let log = Rect { y: top.bottom(), height: log_height, ..area };
            self.draw_log(log, buf, shared);
        }
        cursor
    }

    fn narrow(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        match self.focus {
            Pane::List => {
                // What runs is seen below the list, when there is room for both.
                let log = if !self.running.is_empty() && area.height > 20 { 4 } else { 0 };
                self.draw_list(Rect { height: area.height - log, ..area }, buf, shared);
                if log > 0 {
                    self.draw_log(Rect { y: area.bottom() - log, height: log, ..area }, buf, shared);
                }
                None
            }
            Pane::Panel => self.draw_panel(area, buf, shared),
            Pane::Log => {
                self.draw_log(area, buf, shared);
                None
            }
        }
    }

    fn pane(&self, area: Rect, buf: &mut Buffer, shared: &Shared, title: &str, focused: bool) -> Rect {
        let theme = &shared.theme;
        let border = if focused { theme.border_focused } else { theme.border };
        let room = usize::from(area.width.saturating_sub(6));
        let title = format!(" {} ", visible::fit(title, room));
        let block = Block::bordered().border_style(border).title(title).title_style(theme.title);
        let inner = block.inner(area);
        block.render(area, buf);
        inner
    }

    fn draw_list(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let focused = self.focus == Pane::List;
        let (total, ..) = self.list.counts();
        let title = match self.list.query() {
            "" => "Credentials".to_owned(),
            _ => format!("Credentials: {} of {total}", self.list.shown_count()),
        };
        let inner = self.pane(area, buf, shared, &title, focused);
        let running = &self.running;
        self.list.draw(inner, buf, shared, focused, &|id| running.spinner(id));
    }

    fn draw_panel(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let focused = self.focus == Pane::Panel;
        let theme = &shared.theme;
        let title = match (&self.editor, self.list.selected()) {
            (Some(editor), _) => {
                let key = editor.content().key();
                let kind = editor.view.draft.kind(&shared.kinds);
                let kind = kind.as_ref().map_or("credential", |kind| kind.title.as_str());
                let title = match (editor.view.draft.base(), key) {
                    (None, "") => format!("New {kind}"),
                    (None, key) => format!("{key} (new {kind})"),
                    (Some(_), key) if editor.rotates => format!("{key}, next value"),
                    (Some(_), key) => key.to_owned(),
                };
                if editor.view.is_dirty() { format!("{title} *") } else { title }
            }
            (None, Some(credential)) => credential.content.key().to_owned(),
            (None, None) => "Details".to_owned(),
        };
        let inner = paint::inset(self.pane(area, buf, shared, &title, focused));
        self.page = isize::try_from(inner.height.saturating_sub(1).max(1)).unwrap_or(1);
        if let Some(editor) = &mut self.editor {
            editor.view.draw_tabs(area, buf, theme);
            let at_work = match editor.saving {
                Saving::No => None,
                Saving::Testing(_) => Some(" testing before saving "),
                Saving::Storing => Some(" saving "),
            };
            if let Some(words) = at_work {
                paint::put(
                    buf,
                    area.x + 2,
                    area.bottom() - 1,
                    area.width.saturating_sub(4),
                    words,
                    theme.accent,
                );
            }
            return editor.view.draw(inner, buf, theme, focused).filter(|_| focused);
        }
        match self.list.selected() {
            Some(credential) => {
                let viewed = viewed(&self.document, credential, shared);
                self.details.draw(&viewed, inner, buf, shared, focused);
            }
            None => {
                paint::put(buf, inner.x, inner.y, inner.width, "Nothing is selected.", theme.dim);
            }
        }
        None
    }

    fn draw_log(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let focused = self.focus == Pane::Log;
        let inner = paint::inset(self.pane(area, buf, shared, "Test", focused));
        if focused {
            self.page = isize::try_from(inner.height.max(1)).unwrap_or(1);
        }
        let first = match &self.editor {
            Some(editor) => Some(editor.id.clone()),
            None => self.list.selected_id(),
        };
        self.log.draw(inner, buf, shared, &self.running, first.as_ref());
    }

    fn search_line(&self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let theme = &shared.theme;
        let used = paint::put(buf, area.x, area.y, area.width, "/ ", theme.accent);
        let mut field = Rect { x: area.x + used, width: area.width.saturating_sub(used), ..area };
        if let Some(error) = self.list.error() {
            let half = field.width / 2;
            let x = field.x + half;
            paint::put(buf, x, area.y, field.right().saturating_sub(x), error, theme.error);
            field.width = half.saturating_sub(1);
        }
        match &self.search {
            Some(entry) => Some(entry.draw(field, buf, theme)),
            None => {
                paint::put(buf, field.x, field.y, field.width, self.list.query(), theme.found);
                None
            }
        }
    }
}
