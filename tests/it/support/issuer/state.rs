//! What the authorization server remembers.

use std::collections::{HashMap, HashSet};

use super::Counts;

/// A code that waits to be exchanged, or was.
#[derive(Clone)]
pub(super) struct Code {
    pub(super) client: String,
    pub(super) redirect: String,
    pub(super) challenge: String,
    pub(super) nonce: String,
    pub(super) scope: String,
    /// The tokens that it gave.
    pub(super) family: Option<u64>,
}

/// A device that waits.
#[derive(Clone)]
pub(super) struct Device {
    pub(super) client: String,
    pub(super) user_code: String,
    pub(super) scope: String,
    pub(super) decided: Option<bool>,
}

/// A refresh token.
#[derive(Clone)]
pub(super) struct Refresh {
    pub(super) client: String,
    pub(super) scope: String,
    pub(super) family: u64,
    pub(super) spent: bool,
}

#[derive(Default)]
pub(crate) struct State {
    pub(super) codes: HashMap<String, Code>,
    pub(super) devices: HashMap<String, Device>,
    pub(super) refresh: HashMap<String, Refresh>,
    access: HashMap<String, u64>,
    dead: HashSet<u64>,
    families: u64,
    pub(super) counts: Counts,
}

/// Something that nobody guesses.
pub(super) fn fresh(word: &str) -> String {
    format!("{word}-{:032x}", rand::random::<u128>())
}

impl State {
    pub(super) fn code(&mut self, code: Code) -> String {
        let name = fresh("code");
        self.codes.insert(name.clone(), code);
        name
    }

    /// The tokens of a new family.
    pub(super) fn give(&mut self, client: &str, scope: &str) -> (String, String) {
        self.families += 1;
        let family = self.families;
        (self.access(family), self.refresh_token(client, scope, family))
    }

    pub(super) fn access(&mut self, family: u64) -> String {
        let token = fresh("access");
        self.access.insert(token.clone(), family);
        token
    }

    pub(super) fn refresh_token(&mut self, client: &str, scope: &str, family: u64) -> String {
        let token = fresh("refresh");
        let (client, scope) = (client.to_owned(), scope.to_owned());
        self.refresh.insert(token.clone(), Refresh { client, scope, family, spent: false });
        token
    }

    /// The family that was made last.
    pub(super) fn last_family(&self) -> u64 {
        self.families
    }

    pub(super) fn kill(&mut self, family: u64) {
        self.dead.insert(family);
    }

    pub(super) fn is_dead(&self, family: u64) -> bool {
        self.dead.contains(&family)
    }

    pub(super) fn is_good(&self, access: &str) -> bool {
        self.access.get(access).is_some_and(|family| !self.is_dead(*family))
    }

    pub(super) fn end(&mut self, access: &str) {
        self.access.remove(access);
    }

    pub(super) fn decide(&mut self, user_code: &str, yes: bool) -> bool {
        let device = self.devices.values_mut().find(|device| device.user_code == user_code);
        device.map(|device| device.decided = Some(yes)).is_some()
    }

    pub(super) fn exchanged(&mut self, grant: &str) {
        *self.counts.exchanges.entry(grant.to_owned()).or_default() += 1;
    }
}
