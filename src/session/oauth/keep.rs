//! A session as the keeper of its own credentials.

use std::cell::RefCell;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::{Held, Keeper};
use crate::audit::What;
use crate::model::{Edit, Id};
use crate::problem::Problem;
use crate::session::{Saved, Session};

/// How often what came is tried to be stored where another program saves meanwhile.
const ATTEMPTS: usize = 3;

/// Stores what a server or a service gave, more than once where another program saves meanwhile.
pub(in crate::session) async fn stored<K: Keeper>(keeper: &K, edits: Vec<Edit>) -> Result<Saved, Problem> {
    let mut result = keeper.keep(edits.clone()).await;
    for _ in 1..ATTEMPTS {
        match &result {
            Err(problem) if matches!(problem.code, "busy" | "contended") => {
                result = keeper.keep(edits.clone()).await;
            }
            _ => break,
        }
    }
    result
}

/// The session of a program that has nothing else to do meanwhile.
pub struct Direct<'a> {
    session: RefCell<&'a mut Session>,
    folder: PathBuf,
    clock: &'a (dyn Fn() -> Timestamp + Sync),
}

impl<'a> Direct<'a> {
    /// Keeps what this session's vault has.
    pub fn new(session: &'a mut Session, clock: &'a (dyn Fn() -> Timestamp + Sync)) -> Self {
        Self { folder: session.store().folder().to_owned(), session: RefCell::new(session), clock }
    }
}

impl std::fmt::Debug for Direct<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Direct({})", self.folder.display())
    }
}

impl Keeper for Direct<'_> {
    async fn read(&self, id: &Id) -> Result<Held, Problem> {
        self.session.borrow_mut().held(id)
    }

    async fn keep(&self, edits: Vec<Edit>) -> Result<Saved, Problem> {
        self.session.borrow_mut().commit(edits, (self.clock)())
    }

    async fn begins(&self, what: What, id: &Id) -> Result<(), Problem> {
        self.session.borrow_mut().exchange_begins(what, id, (self.clock)())
    }

    async fn ends(&self, id: &Id, result: &'static str) {
        self.session.borrow_mut().exchange_ends(id, result, (self.clock)());
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}
