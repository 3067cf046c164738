//! A login that waits for a person: on another device (a code to enter) or in a browser (an address to open, and the
//! way back). What it shows comes as [`Prompt`]s; it ends with tokens, with a no, or with Esc, which leaves nothing.

mod page;

use std::time::Duration;

use crossterm::event::KeyEvent;
use jiff::Timestamp;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use url::Url;

use super::entry::Entry;
use super::{Reply, Screen};
use crate::model::Id;
use crate::problem::Problem;
use crate::secret::Secret;
use crate::session::oauth::{Deaf, Prompt};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone};
use crate::tui::keymap::Context;
use crate::tui::message::{Effect, Timer};
use crate::tui::widget::qr::Qr;

/// Time between two looks at the clock while somebody is waited for.
const SECOND: Duration = Duration::from_secs(1);

/// One login.
pub struct Login {
    /// Names it, so that what comes late is known to be late.
    serial: u64,
    id: Id,
    key: String,
    stage: Stage,
    /// What was pasted, until it is sent.
    entry: Entry,
}

/// How far it is.
enum Stage {
    /// The server is asked, or what it gave is stored.
    Working(&'static str),
    /// A code is to be entered.
    Device(Device),
    /// An address is to be opened.
    Browser(Browser),
    /// There are no tokens: why, and what to do.
    Failed(Problem),
}

/// A code to be entered on another device.
struct Device {
    code: String,
    host: String,
    url: Url,
    /// The address with the code in it.
    complete: Option<Url>,
    qr: Option<Qr>,
    ends: Timestamp,
    interval: Duration,
    /// When the server is asked next.
    next: Option<Timestamp>,
    /// The server wanted to be asked less often.
    slowed: bool,
}

/// An address to be opened in a browser.
struct Browser {
    url: Url,
    host: String,
    listening: Result<std::net::SocketAddr, Deaf>,
    /// What to type on the operator's own machine, so that the browser there reaches what listens here.
    tunnel: Option<String>,
    ends: Timestamp,
}

impl Login {
    /// Begins a login of a credential: what it shows comes later.
    pub(in crate::tui) fn begin(serial: u64, id: Id, key: String, shared: &mut Shared) -> Self {
        shared.effect(Effect::Wake(SECOND, Timer::Login(serial)));
        Self { serial, id, key, stage: Stage::Working("asking the server"), entry: Entry::address() }
    }

    /// Which login it is.
    pub(in crate::tui) fn serial(&self) -> u64 {
        self.serial
    }

    /// Shows what is asked of a person.
    pub(in crate::tui) fn prompt(&mut self, prompt: Prompt, shared: &mut Shared) {
        match prompt {
            Prompt::Device { user_code, host, url, complete_url, ends, interval } => {
                let qr = Qr::of(complete_url.as_ref().unwrap_or(&url).as_str());
                let (code, complete, next, slowed) = (user_code, complete_url, None, false);
                let device = Device { code, host, url, complete, qr, ends, interval, next, slowed };
                self.stage = Stage::Device(device);
            }
            Prompt::Browser { url, host, listening, ends } => {
                let ssh = shared.seat.ssh.as_ref();
                let tunnel = listening.ok().and_then(|here| Some(ssh?.tunnel(here)));
                self.stage = Stage::Browser(Browser { url, host, listening, tunnel, ends });
            }
            Prompt::AsksNext { at } => {
                if let Stage::Device(device) = &mut self.stage {
                    device.next = Some(at);
                }
            }
            Prompt::SlowedDown { interval } => {
                if let Stage::Device(device) = &mut self.stage {
                    device.interval = interval;
                    device.slowed = true;
                }
            }
            Prompt::NotThis(reason) => shared.tell(Tone::Bad, format!("not this: {reason}")),
        }
    }

    /// What is being done, while nobody is asked anything.
    pub(in crate::tui) fn works(&mut self, what: &'static str) {
        self.stage = Stage::Working(what);
    }

    /// It ended without tokens.
    pub(in crate::tui) fn failed(&mut self, mut problem: Problem) {
        self.entry = Entry::address();
        // The title names it.
        if let Some(said) = problem.message.strip_prefix(&format!("{}: ", self.key)) {
            problem.message = said.to_owned();
        }
        self.stage = Stage::Failed(problem);
    }

    /// A second passed. Nobody asks for another one once nothing is waited for.
    pub(in crate::tui) fn tick(&self, shared: &mut Shared) {
        if !matches!(self.stage, Stage::Failed(_)) {
            shared.effect(Effect::Wake(SECOND, Timer::Login(self.serial)));
        }
    }

    /// The address to go to.
    fn link(&self) -> Option<&Url> {
        match &self.stage {
            Stage::Device(device) => Some(device.complete.as_ref().unwrap_or(&device.url)),
            Stage::Browser(browser) => Some(&browser.url),
            Stage::Working(_) | Stage::Failed(_) => None,
        }
    }

    fn copy(&self, action: Action) -> Reply {
        let (what, text) = match (action, &self.stage) {
            (Action::CopyCode, Stage::Device(device)) => ("the code", Some(device.code.clone())),
            (Action::CopyCode, Stage::Browser(browser)) => {
                ("the line for the tunnel", browser.tunnel.clone())
            }
            _ => ("the address of the login page", self.link().map(Url::to_string)),
        };
        text.map_or(Reply::Done, |text| Reply::Do(Command::Copy(what, text)))
    }

    fn accept(&mut self, shared: &mut Shared) -> Reply {
        match &self.stage {
            Stage::Browser(_) if self.entry.is_empty() => {
                shared.tell(Tone::Plain, "paste the address that the browser ended at");
            }
            Stage::Browser(_) => {
                let pasted: Secret = self.entry.take();
                shared.effect(Effect::Pasted(self.serial, pasted));
            }
            Stage::Failed(_) => return Reply::CloseAnd(Command::LogIn(self.id.clone())),
            Stage::Working(_) | Stage::Device(_) => {}
        }
        Reply::Done
    }
}

impl Screen for Login {
    fn context(&self) -> Context {
        match self.stage {
            Stage::Browser(_) => Context::Redirect,
            _ => Context::Login,
        }
    }

    fn hints(&self) -> Vec<Action> {
        vec![Action::Accept, Action::CopyLink, Action::CopyCode, Action::Back, Action::Help]
    }

    fn hint(&self, action: Action) -> &'static str {
        match (action, &self.stage) {
            (Action::Accept, Stage::Browser(_)) => "send what was pasted",
            (Action::Accept, _) => "try again",
            (Action::CopyCode, Stage::Browser(_)) => "copy the ssh line",
            (Action::Back, Stage::Failed(_)) => "leave",
            (Action::Back, _) => "cancel",
            _ => action.hint(),
        }
    }

    fn refusal(&self, action: Action, _: &Shared) -> Option<&'static str> {
        match (action, &self.stage) {
            (Action::Accept, Stage::Working(_) | Stage::Device(_)) => Some("it goes on by itself"),
            (Action::CopyLink, _) if self.link().is_none() => Some("there is no address yet"),
            (Action::CopyCode, Stage::Working(_) | Stage::Failed(_)) => Some("there is no code"),
            (Action::CopyCode, Stage::Browser(browser)) if browser.tunnel.is_none() => {
                Some("no tunnel is needed, or none is known")
            }
            _ => None,
        }
    }

    fn perform(&mut self, action: Action, shared: &mut Shared) -> Reply {
        match action {
            Action::CopyLink | Action::CopyCode => self.copy(action),
            Action::Accept => self.accept(shared),
            Action::Back => Reply::Close,
            Action::Suspend | Action::Help | Action::Lock | Action::Quit => Reply::Ignored,
            _ => Reply::Done,
        }
    }

    fn key(&mut self, key: KeyEvent, _: &mut Shared) -> Reply {
        match self.stage {
            Stage::Browser(_) if self.entry.key(key) => Reply::Done,
            _ => Reply::Ignored,
        }
    }

    fn paste(&mut self, text: &str, shared: &mut Shared) -> Reply {
        match self.stage {
            Stage::Browser(_) => {
                self.entry.paste(text);
                let key = shared.keymap.key(Context::Redirect, Action::Accept);
                if let Some(key) = key {
                    shared.tell(Tone::Plain, format!("{key} sends it"));
                }
            }
            _ => shared.tell(Tone::Plain, "nothing is to be pasted here"),
        }
        Reply::Done
    }

    fn draw(&mut self, area: Rect, buf: &mut Buffer, shared: &Shared) -> Option<Position> {
        page::draw(self, area, buf, shared)
    }

    fn covers(&self) -> bool {
        true
    }
}
