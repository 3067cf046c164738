//! Events of the terminal as messages.

use crossterm::event::{Event, KeyEventKind};

use super::message::Message;
use crate::secret::Secret;

/// The message of an event; `None` for what means nothing here.
pub fn message(event: Event) -> Option<Message> {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => Some(Message::Key(key)),
        // As it came: what a line break is, the field that it is pasted into knows.
        Event::Paste(text) => Some(Message::Paste(Secret::new(text))),
        Event::Resize(_, _) => Some(Message::Resize),
        Event::Key(_) | Event::Mouse(_) | Event::FocusGained | Event::FocusLost => None,
    }
}
