//! That the turn is what keeps programs apart: without it the same check fails.

use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::time::Duration;

use credbench::audit::What;
use credbench::http::Trust;
use credbench::model::{Edit, Id};
use credbench::problem::Problem;
use credbench::session::oauth::{Given, Held, Keeper, Ways, Why, renew};
use credbench::session::{Saved, Session, changes};
use credbench::vault::OpenPolicy;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::task::LocalSet;
use tokio_util::sync::CancellationToken;

use super::document;
use super::rotation::{Counts, Rotating};
use crate::support::vault::Home;

const PROGRAMS: usize = 8;

/// A program of its own, with its own idea of where turns are taken.
struct Program {
    session: RefCell<Session>,
    folder: PathBuf,
}

impl Keeper for Program {
    async fn read(&self, id: &Id) -> Result<Held, Problem> {
        self.session.borrow_mut().held(id)
    }

    async fn keep(&self, edits: Vec<Edit>) -> Result<Saved, Problem> {
        self.session.borrow_mut().commit(edits, Timestamp::now())
    }

    async fn begins(&self, what: What, id: &Id) -> Result<(), Problem> {
        self.session.borrow_mut().exchange_begins(what, id, Timestamp::now())
    }

    async fn ends(&self, id: &Id, result: &'static str) {
        self.session.borrow_mut().exchange_ends(id, result, Timestamp::now());
    }

    fn folder(&self) -> &Path {
        &self.folder
    }
}

/// Programs that use the token at the same time; each takes its turn in the folder of its number.
fn used_at_once(server: &Rotating, folder: impl Fn(&Home, usize) -> PathBuf) -> Vec<Result<Given, Problem>> {
    let home = Home::with_vault();
    let open = || {
        Session::open(&home.places(), home.keyring(), OpenPolicy::Strict, crate::support::vault::now())
            .unwrap()
    };
    let mut opened = open();
    let read =
        changes(&opened.document, &opened.kinds, &document(&server.url(), json!({})), "default", "test");
    let edits = read.unwrap().into_iter().flat_map(|change| change.edits(None)).collect();
    let saved = opened.session.commit(edits, Timestamp::now()).unwrap();
    let id = saved.document.credentials[0].id.clone();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let local = LocalSet::new();
    let tasks: Vec<_> = (0..PROGRAMS)
        .map(|number| {
            let program =
                Rc::new(Program { session: RefCell::new(open().session), folder: folder(&home, number) });
            let id = id.clone();
            local.spawn_local(async move {
                let (trust, cancel) = (Trust::default(), CancellationToken::new());
                let ways = Ways {
                    trust: &trust,
                    timeout: Duration::from_secs(30),
                    margin: SignedDuration::from_secs(60),
                    cancel: &cancel,
                    clock: &Timestamp::now,
                    told: &|_| {},
                };
                renew(&*program, &id, Why::Use, &ways).await
            })
        })
        .collect();
    local.block_on(&runtime, async {
        let mut results = Vec::new();
        for task in tasks {
            results.push(task.await.unwrap());
        }
        results
    })
}

#[test]
fn who_takes_turns_makes_one_exchange_and_who_does_not_ends_the_grant() {
    let server = Rotating::start();
    for given in used_at_once(&server, |home, _| home.root.join("turns")) {
        assert_eq!(given.unwrap().access.expose(), "access-1-marker");
    }
    assert_eq!(server.seen(), Counts { asked: 1, exchanges: 1, replays: 0 });
    // The control: nobody waits for anybody.
    let server = Rotating::start();
    let given = used_at_once(&server, |home, number| home.root.join(number.to_string()));
    assert!(server.seen().replays > 0, "{:?}", server.seen());
    assert!(given.iter().any(Result::is_err));
}
