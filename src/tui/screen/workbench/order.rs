//! What the list is sorted by.

use std::cmp::Ordering;

use super::list::Entry;
use crate::audit::Usage;
use crate::config::Column;
use crate::model::{Credential, Status};

/// The columns that the key goes through.
const CYCLE: [Column; 5] = [Column::Key, Column::Name, Column::Kind, Column::Status, Column::Tested];

/// A column, and the direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Order {
    pub(super) by: Column,
    /// The other way round.
    pub(super) back: bool,
}

/// What entries are compared by. Computed once for each: reading a document for every comparison is slow.
struct Place<'a> {
    solution: (bool, &'a str),
    /// The column, where it is a text; what has none comes last.
    text: (bool, &'a str),
    /// The column, where it is a rank or a time.
    number: i64,
    key: &'a str,
}

impl Order {
    /// The next column.
    pub(super) fn next(self) -> Self {
        let at = CYCLE.iter().position(|column| *column == self.by).map_or(0, |at| at + 1);
        Self { by: CYCLE[at % CYCLE.len()], back: false }
    }

    /// The same column the other way round.
    pub(super) fn turned(self) -> Self {
        Self { back: !self.back, ..self }
    }

    /// The sign above the column.
    pub(super) fn sign(self) -> &'static str {
        if self.back { "▾" } else { "▴" }
    }

    /// What is told.
    pub(super) fn words(self) -> String {
        let what = match self.by {
            Column::Tested => "last test",
            Column::Used => "last use",
            by => by.word(),
        };
        format!("sorted by {what}{}", if self.back { ", backwards" } else { "" })
    }

    /// Sorts. Credentials of the current solution stand first where solutions are told apart; where the column
    /// is the same, solution and key decide.
    pub(super) fn sort<'a>(
        self,
        entries: &mut Vec<Entry>,
        credential: impl Fn(&Entry) -> &'a Credential,
        by_solution: bool,
        current: &str,
        usage: &Usage,
    ) {
        let mut placed: Vec<(Place<'a>, Entry)> = entries
            .drain(..)
            .map(|entry| (self.place(credential(&entry), &entry, current, usage), entry))
            .collect();
        let solutions_first = by_solution || self.by == Column::Key;
        placed.sort_by(|(a, _), (b, _)| {
            let solutions = a.solution.cmp(&b.solution);
            let column = (a.text, a.number).cmp(&(b.text, b.number));
            let column = if self.back { column.reverse() } else { column };
            let first = if solutions_first { solutions } else { Ordering::Equal };
            first.then(column).then(solutions).then_with(|| a.key.cmp(b.key))
        });
        entries.extend(placed.into_iter().map(|(_, entry)| entry));
    }

    fn place<'a>(self, credential: &'a Credential, entry: &Entry, current: &str, usage: &Usage) -> Place<'a> {
        let content = &credential.content;
        let text = match self.by {
            Column::Key => content.key(),
            Column::Name => content.name(),
            Column::Service => content.service(),
            Column::Kind => content.kind(),
            Column::Tags => content.tags().first().copied().unwrap_or_default(),
            Column::Solution => content.solution(),
            Column::Status | Column::Tested | Column::Used | Column::Updated | Column::Ends => "",
        };
        // The newest first.
        let number = match self.by {
            Column::Status => urgency(entry.status),
            Column::Tested => credential.last_test().map_or(i64::MAX, |test| -test.at.as_second()),
            Column::Used => usage.of(&credential.id).map_or(i64::MAX, |used| -used.last.as_second()),
            Column::Updated => -credential.updated_at.as_second(),
            // What ends first.
            Column::Ends => entry.ends.map_or(i64::MAX, |ends| ends.at().as_second()),
            _ => 0,
        };
        let solution = content.solution();
        Place {
            solution: (solution != current, solution),
            text: (text.is_empty(), text),
            number,
            key: content.key(),
        }
    }
}

/// What wants attention most comes first.
fn urgency(status: Status) -> i64 {
    match status {
        Status::Error => 0,
        Status::Expired => 1,
        Status::Expiring => 2,
        Status::Limited => 3,
        Status::Incomplete => 4,
        Status::Untested => 5,
        Status::NotTestable => 6,
        Status::Active => 7,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_goes_through_all_and_comes_back() {
        let start = Order { by: Column::Key, back: true };
        let all: Vec<Column> = std::iter::successors(Some(start), |order| Some(order.next()))
            .map(|order| order.by)
            .take(6)
            .collect();
        assert_eq!(all[..5], CYCLE);
        assert_eq!(all[5], Column::Key);
        assert_eq!(start.turned().turned(), start);
        let own = Order { by: Column::Tags, back: false };
        assert_eq!(own.next().by, Column::Key);
        assert_eq!(own.turned().words(), "sorted by tags, backwards");
    }
}
