//! The columns of the list: which find room, how wide they are, what stands in them.

use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::order::Order;
use crate::config::Column;
use crate::model::{Credential, Status};
use crate::session::Ends;
use crate::tui::app::Shared;
use crate::tui::{paint, theme};

/// A row, with what its credential does not say.
pub(super) struct DrawnRow<'a> {
    pub(super) credential: &'a Credential,
    pub(super) status: Status,
    /// A later test could not decide.
    pub(super) old: bool,
    /// It needs attention: it does not fit its kind.
    pub(super) unfit: bool,
    pub(super) marked: bool,
    /// Selected, and whether the list has the focus.
    pub(super) selected: Option<bool>,
    pub(super) testing: Option<&'static str>,
    pub(super) now: Timestamp,
    pub(super) ends: Option<Ends>,
}

/// Columns from left to right, with their widths.
pub(super) struct Columns(Vec<(Column, u16)>);

/// Columns that give way where there is no room, in this order; `key` never does.
const GIVE_WAY: [Column; 10] = [
    Column::Tags,
    Column::Used,
    Column::Ends,
    Column::Service,
    Column::Name,
    Column::Updated,
    Column::Solution,
    Column::Kind,
    Column::Tested,
    Column::Status,
];

/// The least room of the key, in columns.
const KEY: u16 = 20;

/// The width of a column, and how much more it takes where there is room.
fn width(column: Column) -> (u16, u16) {
    match column {
        Column::Key => (KEY, u16::MAX),
        Column::Name => (12, 16),
        Column::Service => (14, 0),
        Column::Kind => (13, 0),
        Column::Status => (14, 0),
        Column::Tested => (6, 0),
        Column::Used => (5, 0),
        Column::Tags => (12, 8),
        Column::Solution => (12, 4),
        Column::Updated => (7, 0),
        Column::Ends => (12, 0),
    }
}

impl Columns {
    /// Those of a list that find room in a width. The one that sorts gives way last.
    pub(super) fn of(wanted: &[Column], sorts: Column, room: u16) -> Self {
        // Two columns for mark and cursor, one between each.
        let room = room.saturating_sub(2);
        let mut kept: Vec<Column> = wanted.to_vec();
        let needs = |kept: &[Column]| {
            let gaps = u16::try_from(kept.len().saturating_sub(1)).unwrap_or(0);
            kept.iter().map(|column| width(*column).0).sum::<u16>() + gaps
        };
        let give_way = GIVE_WAY.into_iter().filter(|column| *column != sorts);
        for column in give_way.chain((sorts != Column::Key).then_some(sorts)) {
            if needs(&kept) <= room {
                break;
            }
            kept.retain(|one| *one != column);
        }
        let mut spare = room.saturating_sub(needs(&kept));
        let mut columns = Vec::new();
        for column in kept {
            let (least, more) = width(column);
            // A third of what is left over, so that the key stays the widest.
            let more = if column == Column::Key { 0 } else { more.min(spare / 3) };
            spare -= more;
            columns.push((column, least + more));
        }
        if let Some((_, key)) = columns.iter_mut().find(|(column, _)| *column == Column::Key) {
            *key = (*key + spare).min(room);
        }
        Self(columns)
    }

    /// Each column with its place and width.
    fn places(&self, area: Rect) -> impl Iterator<Item = (Column, u16, u16)> {
        let mut x = area.x + 2;
        self.0.iter().map(move |(column, width)| {
            let place = (*column, x, (*width).min(area.right().saturating_sub(x)));
            x += width + 1;
            place
        })
    }

    /// The titles, with a sign at the one that sorts.
    pub(super) fn head(&self, area: Rect, order: Order, buf: &mut Buffer, shared: &Shared) {
        for (column, x, room) in self.places(area) {
            let sorts = column == order.by;
            let sign = if sorts { order.sign() } else { "" };
            let title = match column {
                // Room for the sign beside a word that fills its column.
                Column::Tested if sorts => format!("{:>6}", format!("test{sign}")),
                Column::Used if sorts => format!("{:>5}", format!("use{sign}")),
                Column::Updated if sorts => format!("{:>7}", format!("upd.{sign}")),
                Column::Tested => format!("{:>6}", column.word()),
                Column::Used => format!("{:>5}", column.word()),
                Column::Updated => format!("{:>7}", column.word()),
                _ => format!("{}{sign}", column.word()),
            };
            let style = if sorts { shared.theme.title } else { shared.theme.dim };
            paint::put(buf, x, area.y, room, &title, style);
        }
    }

    /// One row.
    pub(super) fn row(&self, row: &DrawnRow<'_>, area: Rect, buf: &mut Buffer, shared: &Shared) {
        let theme = &shared.theme;
        let content = &row.credential.content;
        let base = match row.selected {
            Some(true) => theme.selection,
            Some(false) => theme.selection_dim,
            None => theme.text,
        };
        buf.set_style(area, base);
        let cursor = if row.selected.is_some() { "▸" } else { " " };
        paint::put(buf, area.x, area.y, 1, cursor, base);
        if row.marked {
            paint::put(buf, area.x + 1, area.y, 1, "*", base.patch(theme.marked));
        } else if row.unfit {
            paint::put(buf, area.x + 1, area.y, 1, "!", base.patch(theme.warn));
        }
        // On the selected row the meaning is in the sign and the word: colours on its background differ too
        // much between terminals.
        let on = |style: ratatui::style::Style| if row.selected.is_some() { base } else { style };
        let ago = |at: Timestamp| paint::ago(row.now.duration_since(at).as_secs());
        for (column, x, room) in self.places(area) {
            let (text, style) = match column {
                Column::Key if row.marked => (content.key().to_owned(), on(theme.marked)),
                Column::Key => (content.key().to_owned(), base),
                Column::Name => (content.name().to_owned(), on(theme.dim)),
                Column::Service => (content.service().to_owned(), on(theme.dim)),
                Column::Kind => {
                    let kind = shared.kinds.of_content(content);
                    let title = kind.as_ref().map(|kind| kind.title.as_str());
                    (title.unwrap_or(content.kind()).to_owned(), on(theme.dim))
                }
                Column::Status => status(row, shared, &on),
                Column::Tested => {
                    let age = row.credential.last_test().map(|test| ago(test.at)).unwrap_or_default();
                    (format!("{age:>6}"), on(theme.dim))
                }
                Column::Used => {
                    let used = shared.usage.of(&row.credential.id);
                    (format!("{:>5}", used.map(|used| ago(used.last)).unwrap_or_default()), on(theme.dim))
                }
                Column::Tags => (content.tags().join(", "), on(theme.dim)),
                Column::Solution => (content.solution().to_owned(), on(theme.dim)),
                Column::Updated => (format!("{:>7}", ago(row.credential.updated_at)), on(theme.dim)),
                Column::Ends => (row.ends.map(|ends| ends.left(row.now)).unwrap_or_default(), on(theme.dim)),
            };
            paint::put(buf, x, area.y, room, &text, style);
        }
    }
}

/// The sign and word of a status, or that it is being tested.
fn status(
    row: &DrawnRow<'_>,
    shared: &Shared,
    on: &dyn Fn(ratatui::style::Style) -> ratatui::style::Style,
) -> (String, ratatui::style::Style) {
    let (sign, word) = theme::status(row.status);
    let text = match (row.testing, row.old) {
        (Some(spinner), _) => return (format!("{spinner} testing"), on(shared.theme.accent)),
        (None, true) if row.status != Status::Untested => format!("{sign} {word}, old"),
        (None, _) => match row.ends.filter(|_| row.status == Status::Expiring) {
            Some(ends) => format!("{sign} {word} {}", ends.left(row.now)),
            None => format!("{sign} {word}"),
        },
    };
    (text, on(shared.theme.status(row.status)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fit_any_width_and_the_key_is_always_there() {
        for wanted in [&Column::ALL[..], &Column::ALL[..6], &Column::ALL[..1]] {
            for room in 0..300 {
                let columns = Columns::of(wanted, Column::Tags, room);
                assert!(columns.0.iter().any(|(column, _)| *column == Column::Key));
                let area = Rect::new(0, 0, room, 1);
                let end = columns.places(area).map(|(_, x, width)| x + width).max().unwrap();
                assert!(end <= room.max(2), "{room}: {end}");
            }
        }
    }
}
