//! There is no vault yet: what will be made, and the passphrase that protects it.

use std::path::PathBuf;

use crossterm::event::KeyEvent;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::entry::Entry;
use super::{Reply, Screen};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone};
use crate::tui::keymap::Context;
use crate::tui::paint;

/// Fewer characters than this are called short. A hint, not a rule: the operator decides.
const SHORT: usize = 12;

/// The first start.
pub struct FirstStart {
    text: String,
    /// The passphrase and its repetition; `None`: the identity exists.
    entries: Option<[Entry; 2]>,
    focus: usize,
}

impl FirstStart {
    /// Offers to make a vault.
    pub fn new(vault: PathBuf, identity: PathBuf, identity_exists: bool) -> Self {
        let made = match identity_exists {
            true => "the identity there is",
            false => "the key that opens it, under a passphrase",
        };
        let text = format!(
            "There is no vault yet. This will make\n\n  vault     {}\n  identity  {}\n            ({made})\n\nThe vault is \
             encrypted to this identity, its first recipient; `credbench recipients add` lets others open it too. \
             Keep a copy of the identity: without it nobody can open the vault.",
            vault.display(),
            identity.display(),
        );
        let entries = (!identity_exists).then(|| [Entry::masked(), Entry::masked()]);
        Self { text, entries, focus: 0 }
    }

    fn accept(&mut self, shared: &mut Shared) -> Reply {
        let Some([first, second]) = &mut self.entries else { return Reply::Do(Command::Create(None)) };
        if first.text().is_empty() {
            self.focus = 0;
            shared.tell(Tone::Bad, "enter a passphrase");
        } else if self.focus == 0 {
            self.focus = 1;
        } else if first.text() != second.text() {
            second.take();
            shared.tell(Tone::Bad, "the two passphrases differ: enter the second one again");
        } else {
            second.take();
            return Reply::Do(Command::Create(Some(first.take())));
        }
        Reply::Done
    }
}

impl Screen for FirstStart {
    fn context(&self) -> Context {
        if self.entries.is_some() { Context::Prompt } else { Context::Dialog }
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::Next, Action::Back]
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::Accept => return self.accept(shared),
            Action::Next | Action::Previous | Action::Down | Action::Up => self.focus = 1 - self.focus,
            Action::Back | Action::Quit => return Reply::Do(Command::Quit),
            Action::Suspend | Action::Help => return Reply::Ignored,
            _ => {}
        }
        Reply::Done
    }

    fn key(&mut self, key: KeyEvent, _: &mut Shared) -> Reply {
        if let Some(entries) = &mut self.entries {
            entries[self.focus].key(key);
        }
        Reply::Done
    }

    fn paste(&mut self, text: &str, _: &mut Shared) -> Reply {
        if let Some(entries) = &mut self.entries {
            entries[self.focus].paste(text);
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        let theme = &shared.theme;
        let rows = paint::dialog(area, buf, theme, "Welcome to credbench", &self.text, 5).rows;
        let mut cursor = None;
        if let Some(entries) = &self.entries {
            for (index, (entry, label)) in entries.iter().zip(["Passphrase", "Once more"]).enumerate() {
                let y = (rows.y + u16::try_from(index).unwrap_or(0)).min(rows.bottom().saturating_sub(1));
                let focused = index == self.focus;
                let style = if focused { theme.label_focused } else { theme.label };
                let used = paint::put(buf, rows.x, y, rows.width, &format!("{label:<12}"), style);
                let field = Rect::new(rows.x + used, y, rows.width.saturating_sub(used).min(48), 1);
                let at = entry.draw(field, buf, theme);
                cursor = if focused { Some(at) } else { cursor };
            }
            let length = entries[0].text().chars().count();
            if (1..SHORT).contains(&length) && shared.notice().is_none() {
                let hint = "short: five random words are easier to type and stronger";
                paint::put(buf, rows.x, rows.y + 2, rows.width, hint, theme.warn);
            }
        }
        super::notice(Rect { y: rows.y + 2, height: 1, ..rows }, buf, shared);
        let keys = |action: Action| {
            shared.keymap.key(self.context(), action).map(|key| key.to_string()).unwrap_or_default()
        };
        let last = format!("{} make the vault · {} quit", keys(Action::Accept), keys(Action::Back));
        paint::put(buf, rows.x, rows.y + 4, rows.width, &last, theme.dim);
        cursor
    }

    fn covers(&self) -> bool {
        true
    }
}
