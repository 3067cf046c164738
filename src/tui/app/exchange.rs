//! Exchanges of tokens and keys: the screen of a login that waits for a person, and what came of them all.

use super::App;
use crate::model::Id;
use crate::problem::Problem;
use crate::session::{self, Seat};
use crate::tui::message::{Effect, Exchanged, News, Order, Purpose};
use crate::tui::screen::workbench::After;

impl App {
    /// Logs in to a credential; on a screen of its own where a person is needed.
    pub(super) fn log_in(&mut self, id: &Id) {
        self.leave_login();
        if let Some(bench) = &mut self.bench {
            self.login = bench.log_in(id, &mut self.shared);
            if self.login.is_some() {
                self.shared.notice = None;
            }
        }
    }

    /// Ends the login that waits, and leaves nothing of it.
    pub(super) fn leave_login(&mut self) {
        if let Some(login) = self.login.take() {
            self.shared.effect(Effect::Cancel(login.serial()));
        }
    }

    /// Ends everything that is asked of authorization servers, as far as nothing is lost by it.
    pub(super) fn cancel_exchanges(&mut self) {
        self.login = None;
        if let Some(bench) = &self.bench {
            bench.cancel_exchanges(&mut self.shared);
        }
    }

    /// Takes over what happens in an exchange.
    pub(super) fn exchange(&mut self, serial: u64, news: News) {
        let login = self.login.as_mut().filter(|login| login.serial() == serial);
        match news {
            News::Prompt(prompt) => {
                if let Some(login) = login {
                    login.prompt(prompt, &mut self.shared);
                }
            }
            News::Stage(stage) => {
                let Some(bench) = &mut self.bench else { return };
                if let (Some(words), Some(login)) = (bench.exchange_stage(serial, stage), login) {
                    login.works(words);
                }
            }
            News::Ended(result) => self.exchanged(serial, result),
        }
    }

    fn exchanged(&mut self, serial: u64, result: Result<Exchanged, Problem>) {
        let on_screen = self.login.as_ref().is_some_and(|login| login.serial() == serial);
        let failure =
            result.as_ref().err().filter(|problem| on_screen && problem.code != "cancelled").cloned();
        if on_screen {
            self.login.take_if(|_| failure.is_none());
        }
        let Some(bench) = &mut self.bench else { return };
        let after = bench.exchanged(serial, result, &mut self.shared);
        if let (Some(problem), Some(login)) = (failure, &mut self.login) {
            login.failed(problem);
            // The screen says it all.
            self.shared.notice = None;
        }
        match after {
            After::Nothing => {}
            After::Copy(id) => {
                // Taken out of the vault like any other secret: not without a line in the audit log.
                let place = session::oauth::ACCESS_TOKEN.to_owned();
                self.shared.effect(Effect::Vault(Order::Secret { id, place, purpose: Purpose::Copy }));
            }
            After::Say(screen) => self.layers.push(Box::new(screen)),
        }
    }

    /// A second of a login passed.
    pub(super) fn login_second(&mut self, serial: u64) {
        if let Some(login) = self.login.as_ref().filter(|login| login.serial() == serial) {
            login.tick(&mut self.shared);
        }
    }

    /// Lets the screens know where the operator sits.
    pub fn sit(&mut self, seat: Seat) {
        self.shared.seat = seat;
    }
}
