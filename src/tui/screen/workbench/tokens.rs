//! Tokens of the selected credential: got by a login, renewed, given back; and keys that its service makes and drops
//! for a rotation. The server is asked in the background.

use std::collections::BTreeMap;

use super::log;
use super::{Pane, Workbench, job};
use crate::model::{Credential, Id};
use crate::probe::Step;
use crate::problem::Problem;
use crate::session;
use crate::session::oauth::{Origin, Stage, Standing};
use crate::session::{DroppedKey, MadeKey};
use crate::tui::action::Action;
use crate::tui::app::{Command, Shared, Tone};
use crate::tui::keymap::Context;
use crate::tui::message::{Effect, Exchange, Exchanged, Purpose};
use crate::tui::screen::Reply;
use crate::tui::screen::confirm::Confirm;
use crate::tui::screen::login::Login;

/// The exchanges that go on, by their numbers.
#[derive(Default)]
pub(super) struct Exchanges(BTreeMap<u64, Running>);

struct Running {
    id: Id,
    key: String,
    what: Exchange,
    steps: Vec<Step>,
}

impl Workbench {
    fn standing(&self, credential: &Credential, shared: &Shared) -> Option<Standing> {
        session::oauth::standing(&self.document, credential, shared.now())
    }

    /// Why nothing can be done about the tokens of the selected credential.
    pub(super) fn refuses_login(&self, shared: &Shared) -> Option<&'static str> {
        let Some(credential) = self.list.selected() else { return Some("there is nothing selected") };
        match self.standing(credential, shared) {
            None => Some("it is no OAuth credential: there are no tokens to get"),
            Some(_) if self.read_only => Some("the vault is open read-only"),
            Some(Standing { app: Some((_, false)), .. }) => Some("its OAuth app is not there any more"),
            Some(_) => None,
        }
    }

    /// Gets tokens for the selected credential where there are none, else asks what is to be done about them.
    pub(super) fn ask_about_tokens(&self, shared: &mut Shared) -> Reply {
        let Some(credential) = self.list.selected() else { return Reply::Done };
        let Some(standing) = self.standing(credential, shared) else { return Reply::Done };
        if self.exchanges.of(&credential.id).is_some() {
            shared.tell(Tone::Plain, "the server is being asked already");
            return Reply::Done;
        }
        let id = || credential.id.clone();
        if !standing.access && !standing.refresh {
            return Reply::Do(Command::LogIn(id()));
        }
        let log_in = ("Log in again", Some(Command::LogIn(id())));
        let renew = |words| (words, Some(Command::Exchange(id(), Exchange::Renew)));
        let revoke = ("Revoke…", Some(Command::AskToRevoke(id())));
        let choices = match (standing.person, standing.refresh) {
            (false, _) => vec![renew("Get a new one"), revoke],
            (true, true) if standing.refused => vec![log_in, renew("Try to refresh"), revoke],
            (true, true) => vec![renew("Refresh now"), log_in, revoke],
            (true, false) => vec![log_in, revoke],
        };
        let text: Vec<String> =
            standing.lines().into_iter().map(|(name, text)| format!("{name}: {text}")).collect();
        Reply::Open(Box::new(Confirm::new("Tokens", text.join("\n"), choices)))
    }

    /// Asks before tokens are given back.
    pub(in crate::tui) fn ask_to_revoke(&self, id: &Id) -> Reply {
        let Some(credential) = self.document.by_id(id) else { return Reply::Done };
        let choices = vec![
            ("No", None),
            ("Revoke", Some(Command::Exchange(id.clone(), Exchange::Revoke))),
            ("Only forget here", Some(Command::Exchange(id.clone(), Exchange::Forget))),
        ];
        let text = format!(
            "Give the tokens of {} back to the server? Whatever uses them stops working, and a login is needed again.",
            credential.content.key()
        );
        Reply::Open(Box::new(Confirm::new("Revoke", text, choices)))
    }

    /// Begins a login; gives its screen where a person is needed.
    pub(in crate::tui) fn log_in(&mut self, id: &Id, shared: &mut Shared) -> Option<Login> {
        let credential = self.document.by_id(id)?;
        let key = credential.content.key().to_owned();
        let person = self.standing(credential, shared)?.person;
        let serial = self.exchange(id, Exchange::LogIn, shared)?;
        person.then(|| Login::begin(serial, id.clone(), key, shared))
    }

    /// Does something about a credential's tokens in the background.
    pub(in crate::tui) fn exchange(&mut self, id: &Id, what: Exchange, shared: &mut Shared) -> Option<u64> {
        let key = self.document.by_id(id)?.content.key().to_owned();
        let serial = shared.next_serial();
        shared.effect(Effect::Exchange(shared.kinds.clone(), serial, id.clone(), what));
        shared.tell(Tone::Plain, format!("{key}: {}…", doing(what)));
        self.exchanges.0.insert(serial, Running { id: id.clone(), key, what, steps: Vec::new() });
        Some(serial)
    }

    /// Notes what is being done; gives the words for it where a person should see them.
    pub(in crate::tui) fn exchange_stage(&mut self, serial: u64, stage: Stage) -> Option<&'static str> {
        match stage {
            Stage::Waits => Some("another program asks for these tokens; waiting for it"),
            Stage::Asks { .. } => Some("asking the server"),
            Stage::Stores => Some("storing the tokens"),
            Stage::Took(steps) => {
                if let Some(running) = self.exchanges.0.get_mut(&serial) {
                    running.steps.extend(steps);
                }
                None
            }
        }
    }

    /// Whether an exchange goes on.
    pub(in crate::tui) fn is_exchanging(&self) -> bool {
        !self.exchanges.0.is_empty()
    }

    /// Ends every exchange, as far as nothing is lost by it.
    pub(in crate::tui) fn cancel_exchanges(&self, shared: &mut Shared) {
        self.exchanges.0.keys().for_each(|serial| shared.effect(Effect::Cancel(*serial)));
    }

    /// Whether the service is asked for a key, or to drop one.
    pub(super) fn asks_for_keys(&self, id: &Id) -> bool {
        let keys = |what| matches!(what, Exchange::MakeKey | Exchange::DropKey);
        self.exchanges.0.values().any(|running| running.id == *id && keys(running.what))
    }

    /// An exchange ended: it is told, and new tokens are tested at once, as is a key that was made.
    pub(in crate::tui) fn exchanged(
        &mut self,
        serial: u64,
        result: Result<Exchanged, Problem>,
        shared: &mut Shared,
    ) -> After {
        let Some(Running { id, key, what, steps }) = self.exchanges.0.remove(&serial) else {
            return After::Nothing;
        };
        let (good, message, advice, warnings) = match &result {
            Ok(Exchanged::Token(given)) => {
                let left = given.ends.map(|ends| session::oauth::left(ends, shared.now()));
                let ends = left.map(|left| format!(", good for {left}")).unwrap_or_default();
                let whose = match given.origin {
                    Origin::Stored => "the stored access token is good",
                    Origin::Another => "another program got a new access token meanwhile",
                    Origin::Server => "a new access token is stored",
                };
                (true, format!("{whose}{ends}"), String::new(), given.warnings.clone())
            }
            Ok(Exchanged::Revoked(revoked)) => {
                let message = match revoked.at_server {
                    true => "the server took the tokens back; here they are gone too",
                    false => "the tokens are gone from here; the server was not asked",
                };
                (true, message.to_owned(), String::new(), revoked.warnings.clone())
            }
            Ok(Exchanged::Made(made)) => (true, made_words(made), String::new(), made.warnings.clone()),
            Ok(Exchanged::Dropped(dropped)) => {
                (true, dropped_words(dropped), String::new(), dropped.warnings.clone())
            }
            Err(problem) if problem.code == "cancelled" => {
                shared.tell(Tone::Plain, format!("{key}: {}", problem.message));
                return After::Nothing;
            }
            Err(problem) => (false, problem.message.clone(), self.way_out(problem, shared), Vec::new()),
        };
        let asked = !matches!(&result, Ok(Exchanged::Token(given)) if given.origin == Origin::Stored);
        if asked {
            let mut said = vec![message.clone()];
            said.extend(warnings.iter().cloned());
            let entry = log::Exchanged {
                what: done(what, good),
                good,
                at: shared.now(),
                message: said.join(" · "),
                advice,
                steps,
            };
            self.log.push(log::Result::of_exchange(id.clone(), key.clone(), entry));
        }
        // Where the message of a problem names the credential already, it is not named twice.
        let said = if message.starts_with(&key) { message } else { format!("{key}: {message}") };
        let lacks = self.document.by_id(&id).and_then(|one| self.standing(one, shared)).map(|it| it.missing);
        let lacks = lacks.filter(|missing| good && what != Exchange::Use && !missing.is_empty());
        let lacks = lacks.map(|missing| format!(" · not granted: {}", missing.join(", ")));
        let warned: String = warnings.iter().map(|warning| format!(" · {warning}")).collect();
        let tone = if good && lacks.is_none() && warned.is_empty() { Tone::Good } else { Tone::Bad };
        shared.tell(tone, format!("{said}{}{warned}", lacks.unwrap_or_default()));
        if good && matches!(what, Exchange::LogIn | Exchange::Renew) {
            self.test_after_exchange(&id, shared);
        }
        match result {
            Ok(Exchanged::Token(_)) if what == Exchange::Use => After::Copy(id),
            Ok(Exchanged::Made(_)) => {
                self.details.reset();
                self.test_made(&id, shared);
                After::Nothing
            }
            Err(problem) if matches!(what, Exchange::MakeKey | Exchange::DropKey) => {
                // What may be so at the service now does not fit into a line.
                let hint = problem.hint.map(|hint| format!("\n\n{hint}")).unwrap_or_default();
                let causes: String = problem.causes.iter().map(|cause| format!("\n{cause}")).collect();
                After::Say(Confirm::new(
                    done(what, false),
                    format!("{}{causes}{hint}", problem.message),
                    vec![("Go on", None)],
                ))
            }
            _ => After::Nothing,
        }
    }

    /// Tests a key that was made, where a request can.
    fn test_made(&mut self, id: &Id, shared: &mut Shared) {
        if self.is_testable(id, shared) {
            self.test_rotation(id, shared);
        }
    }

    /// The key that gets tokens for the selected credential, where it has none yet.
    pub(super) fn way_to_log_in(&self, shared: &Shared) -> String {
        let standing = self.list.selected().and_then(|credential| self.standing(credential, shared));
        let without = standing.is_some_and(|it| !it.access && !it.refresh);
        let key = shared.keymap.key(Context::List, Action::Login).filter(|_| without);
        key.map(|key| format!(" · {key} logs in")).unwrap_or_default()
    }

    /// Copies the secret that is meant; an access token that is over is renewed before.
    pub(super) fn copy(&mut self, shared: &mut Shared) -> Reply {
        if let Some(credential) = self.list.selected()
            && self.means_access_token(credential, shared)
            && self.exchanges.of(&credential.id).is_none()
        {
            let id = credential.id.clone();
            self.exchange(&id, Exchange::Use, shared);
            return Reply::Done;
        }
        self.take_secret(Purpose::Copy, shared)
    }

    /// Whether the secret that a copy is of is an access token, which is renewed where it has to be.
    fn means_access_token(&self, credential: &Credential, shared: &Shared) -> bool {
        let renews = self.standing(credential, shared).is_some_and(|it| it.refresh || !it.person);
        renews
            && !self.read_only
            && self.focus != Pane::Panel
            && session::secret_place(&shared.kinds, &credential.content, None)
                .is_ok_and(|place| session::oauth::is_access_token(&place))
    }

    /// What to do about a problem, in this program's keys.
    fn way_out(&self, problem: &Problem, shared: &Shared) -> String {
        let key = shared.keymap.key(Context::List, Action::Login);
        match (problem.code, key) {
            ("login_needed", Some(key)) => format!("Press {key} and log in again."),
            ("cooling_down", Some(key)) => format!("{key} asks at once."),
            _ => problem.hint.clone().unwrap_or_default(),
        }
    }

    fn test_after_exchange(&mut self, id: &Id, shared: &mut Shared) {
        let Some(credential) = self.document.by_id(id) else { return };
        if session::has_test(&shared.kinds, &credential.content) {
            self.test(vec![job(credential)], shared);
        }
    }
}

impl Exchanges {
    fn of(&self, id: &Id) -> Option<u64> {
        self.0.iter().find(|(_, running)| running.id == *id).map(|(serial, _)| *serial)
    }
}

/// What follows the end of an exchange.
pub(in crate::tui) enum After {
    Nothing,
    /// The access token of this credential was asked for to be copied.
    Copy(Id),
    /// What a person has to read.
    Say(Confirm),
}

fn made_words(made: &MadeKey) -> String {
    let which = made.id.as_deref().unwrap_or("the next key");
    match made.replaced {
        true => format!("the service made {which}: it is in use, the one before has ended"),
        false => format!("the service made {which}: it is kept, the one in use stays in use"),
    }
}

fn dropped_words(dropped: &DroppedKey) -> String {
    let which = dropped.id.as_deref().unwrap_or("the one before");
    match dropped.asked {
        true => format!("the service dropped {which}: the rotation is at its end"),
        false => "the one before had ended: the rotation is at its end".to_owned(),
    }
}

fn doing(what: Exchange) -> &'static str {
    match what {
        Exchange::MakeKey => "asking the service for a key",
        Exchange::DropKey => "asking the service to drop the one before",
        Exchange::LogIn => "logging in",
        Exchange::Renew => "refreshing",
        Exchange::Use => "looking at its access token",
        Exchange::Revoke => "giving the tokens back",
        Exchange::Forget => "dropping the tokens",
    }
}

/// The word in the log.
fn done(what: Exchange, good: bool) -> &'static str {
    match (what, good) {
        (Exchange::MakeKey, true) => "key made",
        (Exchange::MakeKey, false) => "no key made",
        (Exchange::DropKey, true) => "key dropped",
        (Exchange::DropKey, false) => "not dropped",
        (Exchange::LogIn, true) => "logged in",
        (Exchange::LogIn, false) => "not logged in",
        (Exchange::Renew | Exchange::Use, true) => "refreshed",
        (Exchange::Renew | Exchange::Use, false) => "not refreshed",
        (Exchange::Revoke | Exchange::Forget, true) => "revoked",
        (Exchange::Revoke | Exchange::Forget, false) => "not revoked",
    }
}
