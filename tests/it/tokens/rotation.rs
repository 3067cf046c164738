//! A double of an authorization server that rotates refresh tokens and ends the whole grant when one is used twice.

use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::authority::form;
use crate::support::server::{Act, Seen, Server, json as json_answer};

/// How long something may take.
const DEADLINE: Duration = Duration::from_secs(30);

/// What it saw.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Counts {
    /// Requests for tokens, whatever came of them.
    pub(super) asked: usize,
    /// Tokens that were given out.
    pub(super) exchanges: usize,
    /// Refresh tokens that were used again.
    pub(super) replays: usize,
}

#[derive(Default)]
struct State {
    counts: Counts,
    /// The number of the refresh token that is good.
    refresh: usize,
    /// Somebody used one twice: nothing of it is good any more.
    ended: bool,
    rotates: bool,
    fails: Option<(u16, &'static str)>,
    loses: bool,
    before: Option<Box<dyn Fn() + Send>>,
    answer: Value,
}

/// The double.
pub(super) struct Rotating {
    state: Arc<(Mutex<State>, Condvar)>,
    server: Server,
}

impl Rotating {
    pub(super) fn start() -> Self {
        let state = State { rotates: true, answer: json!({"expires_in": 3600}), ..State::default() };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = state.clone();
        let server = Server::start(move |seen| {
            let (state, changed) = &*shared;
            let before = state.lock().unwrap().before.take();
            if let Some(before) = before {
                before();
            }
            let act = state.lock().unwrap().token(seen);
            changed.notify_all();
            act
        });
        Self { state, server }
    }

    pub(super) fn url(&self) -> String {
        self.server.url()
    }

    /// Waits until whoever asked has read the whole answer and gone.
    pub(super) fn wait_until_idle(&self) {
        let until = std::time::Instant::now() + DEADLINE;
        while !self.server.is_idle() {
            assert!(std::time::Instant::now() < until, "somebody is still connected");
            std::thread::yield_now();
        }
    }

    pub(super) fn seen(&self) -> Counts {
        self.state.0.lock().unwrap().counts
    }

    fn set(&self, change: impl FnOnce(&mut State)) {
        change(&mut self.state.0.lock().unwrap());
    }

    /// What the next answers hold besides the tokens.
    pub(super) fn answers(&self, answer: Value) {
        self.set(|state| state.answer = answer);
    }

    pub(super) fn keeps_refresh_tokens(&self) {
        self.set(|state| state.rotates = false);
    }

    pub(super) fn fails_with(&self, status: u16, code: &'static str) {
        self.set(|state| state.fails = Some((status, code)));
    }

    pub(super) fn recovers(&self) {
        self.set(|state| state.fails = None);
    }

    /// The next tokens are given out, and the answer never arrives.
    pub(super) fn loses_the_next_answer(&self) {
        self.set(|state| state.loses = true);
    }

    pub(super) fn before_answering(&self, what: impl Fn() + Send + 'static) {
        self.set(|state| state.before = Some(Box::new(what)));
    }

    /// Another grant, whose first refresh token is the first one again.
    pub(super) fn begins_again(&self) {
        self.set(|state| {
            let answer = std::mem::take(&mut state.answer);
            *state = State { rotates: true, answer, ..State::default() };
        });
    }

    pub(super) fn wait_for_exchanges(&self, count: usize) {
        let (state, changed) = &*self.state;
        let state = state.lock().unwrap();
        let few = |state: &mut State| state.counts.exchanges < count;
        let (_state, result) = changed.wait_timeout_while(state, DEADLINE, few).unwrap();
        assert!(!result.timed_out(), "nobody asked");
    }
}

impl State {
    fn token(&mut self, seen: &Seen) -> Act {
        let form = form(seen);
        let field =
            |name: &str| form.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
        self.counts.asked += 1;
        let refused = |status: u16, code: &str, why: &str| {
            json_answer(status, json!({"error": code, "error_description": why}).to_string())
        };
        if let Some((status, code)) = self.fails {
            return refused(
                status,
                code,
                &format!("not now, {}", field("refresh_token").unwrap_or_default()),
            );
        }
        let by_client = field("grant_type") == Some("client_credentials");
        if !by_client {
            let good = format!("refresh-{}-marker", self.refresh);
            if self.ended || field("refresh_token") != Some(&good) {
                self.counts.replays += 1;
                self.ended = true;
                return refused(400, "invalid_grant", "it was used before");
            }
        }
        self.counts.exchanges += 1;
        let number = self.counts.exchanges;
        let mut answer = self.answer.clone();
        let access = answer.get("access_token").cloned();
        answer["access_token"] = access.unwrap_or_else(|| json!(format!("access-{number}-marker")));
        answer["token_type"] = json!("Bearer");
        if by_client || self.rotates {
            self.refresh = number;
            answer["refresh_token"] = json!(format!("refresh-{number}-marker"));
        }
        let act = json_answer(200, answer.to_string());
        if std::mem::take(&mut self.loses) {
            return Act::Hang;
        }
        act
    }
}
