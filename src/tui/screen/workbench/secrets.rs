//! Secrets on the screen: shown for a while, masked again, copied.

use super::details::Shown;
use super::{Pane, Workbench, viewed};
use crate::model::Id;
use crate::problem::Problem;
use crate::schema::catalogue::Page;
use crate::secret::Secret;
use crate::session;
use crate::tui::app::{Command, Shared, Tone};
use crate::tui::message::{Effect, Order, Purpose};
use crate::tui::screen::Reply;

impl Workbench {
    /// Shows a secret of the vault, until its timer or the next step.
    pub(in crate::tui) fn reveal(&mut self, id: Id, place: String, secret: Secret, serial: u64) {
        match &mut self.editor {
            Some(editor) if editor.id == id => editor.view.reveal(Some(place.clone())),
            _ => {}
        }
        self.details.reveal(id, place, secret, serial);
    }

    /// Takes over how often credentials were used.
    pub(in crate::tui) fn recount(&mut self, shared: &Shared) {
        self.list.set_document(self.document.clone(), shared);
    }

    /// Takes over that a credential was used.
    pub(in crate::tui) fn used(&mut self, id: &Id, shared: &Shared) {
        self.list.used(id, shared);
    }

    /// Masks what is shown; for a timer only what it was set for.
    pub(in crate::tui) fn mask(&mut self, serial: Option<u64>) {
        if self.details.mask(serial)
            && let Some(editor) = &mut self.editor
        {
            editor.view.reveal(None);
        }
    }

    /// The place of the secret that is meant, with its credential; said where there is none.
    fn meant_secret(&self, shared: &mut Shared) -> Option<(Id, String)> {
        let credential = self.list.selected()?;
        if self.focus == Pane::Panel {
            let item = self.details.item(&viewed(&self.document, credential, shared))?;
            if matches!(item.shown, Shown::Stored) {
                return Some((credential.id.clone(), item.place));
            }
        }
        match session::secret_place(&shared.kinds, &credential.content, None) {
            Ok(place) => Some((credential.id.clone(), place)),
            Err(Problem { message, .. }) => {
                shared.tell(Tone::Plain, format!("{message}; select it in the details"));
                None
            }
        }
    }

    /// Shows or copies the secret that is meant.
    pub(super) fn take_secret(&mut self, purpose: Purpose, shared: &mut Shared) -> Reply {
        if let Some(editor) = self.editor.as_mut().filter(|_| self.focus == Pane::Panel) {
            return match editor.view.focused_secret() {
                Some((place, true)) => {
                    // Not stored yet: there is nothing to take out of the vault.
                    let serial = shared.next_serial();
                    let secret = editor.content().secret(&place).cloned();
                    if let Some(secret) = secret {
                        editor.view.reveal(Some(place.clone()));
                        self.details.reveal(editor.id.clone(), place, secret, serial);
                        self.mask_later(serial, shared);
                    }
                    Reply::Done
                }
                Some((place, false)) => {
                    let id = editor.id.clone();
                    shared.effect(Effect::Vault(Order::Secret { id, place, purpose }));
                    Reply::Done
                }
                None => {
                    shared.tell(Tone::Plain, "go to a secret first");
                    Reply::Done
                }
            };
        }
        if self.details.is_revealed() && purpose == Purpose::Reveal {
            self.details.mask(None);
        } else if let Some((id, place)) = self.meant_secret(shared) {
            shared.effect(Effect::Vault(Order::Secret { id, place, purpose }));
        }
        Reply::Done
    }

    /// The page where the key of the draft, or of the selected credential, is made.
    pub(super) fn page_of_key(&self, shared: &Shared) -> Option<Page> {
        let content = match &self.editor {
            Some(editor) => editor.content(),
            None => &self.list.selected()?.content,
        };
        shared.kinds.of_content(content)?.page(content)
    }

    /// Sends the address of that page to the terminal's clipboard.
    pub(super) fn copy_page(&self, shared: &mut Shared) -> Reply {
        let Some(page) = self.page_of_key(shared) else { return Reply::Done };
        if !page.missing.is_empty() {
            shared.tell(Tone::Plain, format!("fill in {} first", page.missing.join(" and ")));
            return Reply::Done;
        }
        Reply::Do(Command::Copy("the address of the key page", page.address))
    }

    fn mask_later(&self, serial: u64, shared: &mut Shared) {
        let seconds = shared.config.screen.reveal_seconds;
        let after = std::time::Duration::from_secs(seconds);
        shared.effect(Effect::Wake(after, crate::tui::message::Timer::Mask(serial)));
        shared.tell(Tone::Plain, format!("shown for {seconds} s"));
    }
}
