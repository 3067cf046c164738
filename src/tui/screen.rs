//! Screens, and the layers they form: keys go to the top one, drawing starts at the bottom.

pub mod add;
pub mod audit;
pub mod confirm;
pub mod conflict;
pub mod drafts;
mod entry;
pub mod filters;
pub mod first_start;
pub mod help;
pub mod history;
pub mod kind;
pub mod kinds;
pub mod login;
pub mod move_to;
pub mod oauth_app;
pub mod oauth_apps;
pub mod palette;
pub mod question;
pub mod refused;
pub mod review;
pub mod rewrite;
pub mod rotation;
mod sheet;
pub mod solutions;
pub mod trash;
pub mod typed;
pub mod unlock;
pub mod unresolved;
pub mod workbench;
pub mod workflows;

use crossterm::event::KeyEvent;
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};

use super::action::Action;
use super::app::{Command, Shared, Tone};
use super::keymap::Context;
use super::paint;
use super::widget::visible;
use crate::model::{Id, KeptDraft};
use workbench::Workbench;

/// What became of an input.
pub enum Reply {
    /// Nothing: it means nothing here.
    Ignored,
    /// It was used.
    Done,
    /// Put another screen on top.
    Open(Box<dyn Screen>),
    /// Put another screen in the place of this one.
    Replace(Box<dyn Screen>),
    /// This screen is done.
    Close,
    /// This screen is done, and the workbench shall do this.
    CloseAnd(Command),
    /// The workbench shall do this.
    Do(Command),
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Ignored => "Ignored",
            Self::Done => "Done",
            Self::Open(_) => "Open",
            Self::Replace(_) => "Replace",
            Self::Close => "Close",
            Self::CloseAnd(_) => "CloseAnd",
            Self::Do(_) => "Do",
        })
    }
}

/// One layer of the screen.
pub trait Screen {
    /// Which keys hold here.
    fn context(&self) -> Context;

    /// The actions that the footer offers, most useful first.
    fn hints(&self) -> Vec<Action> {
        Vec::new()
    }

    /// The words of an action in the footer.
    fn hint(&self, action: Action) -> &'static str {
        action.hint()
    }

    /// Why an action would do nothing now. The footer leaves such actions out.
    fn refusal(&self, _action: Action, _shared: &Shared) -> Option<&'static str> {
        None
    }

    /// The credential whose use an action would be, where the configuration forbids it, and a word for that: the attempt
    /// is written down.
    fn forbids(&self, _action: Action, _shared: &Shared) -> Option<(Id, &'static str)> {
        None
    }

    /// Does an action of the key map.
    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply;

    /// Takes a key that the key map has no action for.
    fn key(&mut self, _key: KeyEvent, _shared: &mut Shared) -> Reply {
        Reply::Ignored
    }

    /// Takes a pasted text.
    fn paste(&mut self, _text: &str, _shared: &mut Shared) -> Reply {
        Reply::Ignored
    }

    /// Draws itself; the cursor's place where text is typed.
    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position>;

    /// Sees what the workbench below knows, after anything happened.
    fn attend(&mut self, _bench: &Workbench, _shared: &Shared) {}

    /// Whether nothing below can be seen.
    fn covers(&self) -> bool {
        false
    }

    /// The id of the draft that is edited here, and whether it has changes that are not saved.
    fn draft(&self) -> Option<(&Id, bool)> {
        None
    }

    /// The action that opens it again, where a change that it wanted leaves more to do here.
    fn again(&self) -> Option<Action> {
        None
    }

    /// The draft, to be kept where it cannot be saved; `None`: there is nothing to lose.
    fn keep(&mut self, _now: Timestamp) -> Option<KeptDraft> {
        None
    }
}

/// What just happened: the line above the footer, or as many as there is room for.
pub(super) fn notice(area: Rect, buf: &mut Buffer, shared: &Shared) {
    let Some((tone, text)) = shared.notice() else { return };
    let style = match tone {
        Tone::Good => shared.theme.ok,
        Tone::Plain => shared.theme.text,
        Tone::Bad => shared.theme.error,
    };
    if area.height == 1 {
        paint::put(buf, area.x, area.y, area.width, text, style);
        return;
    }
    for (line, y) in visible::wrap(text, area.width.into()).iter().zip(area.y..area.bottom()) {
        paint::put(buf, area.x, y, area.width, line, style);
    }
}

/// The hints of a screen, as far as they fit. An action that would do nothing is left out.
pub(super) fn footer(screen: &dyn Screen, area: Rect, buf: &mut Buffer, shared: &Shared) {
    let mut x = area.x;
    for action in screen.hints() {
        let Some(key) = shared.keymap.key(screen.context(), action) else { continue };
        if screen.refusal(action, shared).is_some() {
            continue;
        }
        let (key, hint) = (key.to_string(), format!(" {}", screen.hint(action)));
        let room = area.right().saturating_sub(x);
        if visible::width(&key) + visible::width(&hint) > usize::from(room) {
            break;
        }
        let parts = [(key.as_str(), shared.theme.accent), (hint.as_str(), shared.theme.dim)];
        x += paint::parts(buf, x, area.y, room, &parts) + 2;
    }
}
