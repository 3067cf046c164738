//! What the service says beside its fields: where its key is made, what is worth knowing, and what is odd about a
//! value.

use super::Form;
use super::page::{Row, View};
use super::stop::Entry;
use crate::schema::Control;
use crate::tui::widget::visible;

impl Form {
    /// The heading below which the service has its say: that of its first secret.
    pub(super) fn guided_group(&self, view: &View<'_>) -> Option<&str> {
        view.kind.filter(|kind| kind.service().is_some())?;
        let secret = |entry: &&Entry| matches!(entry.field.control, Control::Secret { .. });
        let found = self.entries.iter().find(secret);
        // A service without a secret of its own: where its address stands.
        let found =
            found.or_else(|| self.entries.iter().find(|entry| entry.field.origin)).or(self.entries.first());
        found.map(|entry| entry.field.group.as_str())
    }
}

/// The lines of the service.
pub(super) fn rows<'a>(group: &str, view: &View<'a>, width: u16, rows: &mut Vec<Row<'a>>) {
    let (theme, Some(kind)) = (view.theme, view.kind) else { return };
    let mut say = |text: &str, style| {
        for line in visible::wrap(text, width.into()) {
            rows.push(Row { heading: true, ..Row::text(0, width, line.replace('\u{a0}', " "), style) });
        }
    };
    match kind.service() {
        // The heading of a table of its own is the service's already.
        Some(Ok(chosen)) if chosen.heading() == group => {}
        Some(Ok(chosen)) => say(&chosen.heading(), theme.accent),
        Some(Err(why)) => return say(&format!("! {why}"), theme.warn),
        None => return,
    }
    // The arrow stays with the address, which has no blank to be broken at.
    if let Some(page) = kind.page(view.draft.content()) {
        say(&format!("→\u{a0}{}", page.address), theme.dim);
    }
    if let Some(note) = kind.note() {
        say(note, theme.dim);
    }
}

/// What is odd about the value of a field: shown while it is typed, and as long as it is new. It quotes nothing of it.
/// Of a name or an address, what it could be taken for.
pub(super) fn hint(entry: &Entry, view: &View<'_>) -> Option<String> {
    let (place, content) = (&entry.field.pointer, view.draft.content());
    let odd = |text: &str| view.kind?.odd(place, text, content.solution());
    let odd = match content.secret(place) {
        Some(secret) if view.draft.is_entered(place) => odd(secret.expose()),
        Some(_) => None,
        None => content.get_str(place).filter(|text| !text.is_empty()).and_then(|text| {
            let fresh = view.draft.original().get_str(place) != Some(text);
            let like = || view.draft.names().known().hint(place, text).filter(|_| fresh);
            odd(text).or_else(like)
        }),
    };
    odd.map(|odd| format!("· {odd}"))
}
