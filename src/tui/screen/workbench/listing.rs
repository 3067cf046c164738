//! What is done with the list itself: its order, its saved searches, the tags of what is marked.

use super::Workbench;
use crate::model::{Credential, Id};
use crate::session::TagChange;
use crate::tui::action::Action;
use crate::tui::app::{Shared, Tone, Wish};
use crate::tui::screen::Reply;
use crate::tui::screen::filters::Filters;
use crate::tui::screen::typed::Typed;

impl Workbench {
    /// Groups or sorts in another way.
    pub(super) fn order(&mut self, action: Action, shared: &mut Shared) {
        let words = match action {
            Action::Group => self.list.regroup(shared).to_owned(),
            _ => self.list.reorder(action == Action::SortBack, shared),
        };
        shared.tell(Tone::Plain, words);
    }

    /// The list of saved searches.
    pub(super) fn saved_filters(&self, shared: &Shared) -> Reply {
        Reply::Open(Box::new(Filters::new(&shared.config.filters, self.list.query())))
    }

    /// Searches for what a saved filter says.
    pub(super) fn use_filter(&mut self, query: &str) {
        self.search = None;
        self.focus = super::Pane::List;
        self.list.set_query(query);
        self.details.reset();
    }

    /// Selects a credential, whatever hides it: the search, or that one solution is shown.
    pub(super) fn show(&mut self, id: &Id, shared: &mut Shared) {
        self.use_filter("");
        let solution = self.document.by_id(id).map(|credential| credential.content.solution().to_owned());
        if self.list.only().is_some() && self.list.only() != solution.as_deref() {
            self.show_only(None, shared);
        }
        self.list.select(Some(id));
        self.details.reset();
    }

    /// Asks for tags to add to what is chosen, or to take away.
    pub(super) fn tag(&self) -> Reply {
        let chosen: Vec<Credential> = self.list.chosen().into_iter().cloned().collect();
        let label = match chosen.as_slice() {
            [] => return Reply::Done,
            [one] => one.content.key().to_owned(),
            many => format!("{} credentials", many.len()),
        };
        let mut tags: Vec<&str> = chosen.iter().flat_map(|one| one.content.tags()).collect();
        tags.sort_unstable();
        tags.dedup();
        let now = match tags.as_slice() {
            [] => String::new(),
            tags => format!("\nNow: {}", tags.join(", ")),
        };
        let text = format!("Tag {label}: a word adds a tag, -word takes it away.{now}");
        let accept = move |text: &str| {
            let change = TagChange::parse(text).map_err(|problem| problem.message)?;
            let edits: Vec<_> = chosen.iter().filter_map(|one| change.edit(one)).collect();
            if edits.is_empty() {
                return Err(format!("{label}: tagged so already"));
            }
            let (label, done) = (format!("the tags of {label}"), format!("{label} tagged"));
            Ok(Wish { edits, label, done, solution: None })
        };
        Reply::Open(Box::new(Typed::new("Tags", text, "", accept)))
    }
}
