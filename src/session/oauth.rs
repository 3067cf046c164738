//! OAuth tokens where they are kept: renewed when they are used, got by a login, given back.
//!
//! Each of [`renew`](fn@renew), [`login`](fn@login) and [`revoke`](fn@revoke) is one asynchronous function over a
//! [`Keeper`], which reads a credential afresh and stores what an exchange gave: the command line's own session, or
//! the thread that owns the workbench's vault. They can be cancelled, and tell what they do as they go ([`Stage`]).
//!
//! However many programs want the same token, the server is asked once. Whoever has the credential's turn reads the
//! vault again before it asks: another program may have done so already. A server that rotates refresh tokens takes
//! a second use of one for a theft and ends the whole grant; so what is about to be spent is noted on the disk
//! before it is sent, and what came is in the vault, on the disk, before anybody uses it. A program that is killed
//! in between loses that grant and no other, and the next one finds the note and says so.

mod keep;
mod life;
mod log_in;
mod notes;
mod renew;
mod revoke;
mod standing;
mod words;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use super::Saved;
use crate::audit::What;
use crate::durable::LOCK_WAIT;
use crate::http::Trust;
use crate::model::{Credential, Document, Edit, Id, Issued, TokenDigest, TokenLife, Tokens};
use crate::probe::{self, Maker, Report, Step, Surroundings, TokenSource};
use crate::problem::{Exit, Problem};
use crate::proxy::Proxy;
use crate::schema::{Kind, Kinds};
use crate::secret::Secret;

pub use crate::oauth::{Deaf, NotThis, Prompt};
pub use keep::Direct;
pub(in crate::session) use keep::stored;
pub use life::{has_tokens, left, life_in, told};
pub use log_in::login;
pub use notes::Turn;
pub use renew::{Why, renew};
pub use revoke::{Revoked, revoke};
pub use standing::{ACCESS_TOKEN, Standing, is_access_token, standing};

/// Whoever reads and stores a vault's credentials.
#[allow(async_fn_in_trait, reason = "who calls names its own keeper, and so knows what its futures may do")]
pub trait Keeper {
    /// Reads the vault afresh, and what it says of a credential.
    ///
    /// # Errors
    /// As [`super::Session::refresh`]; exit 4 where there is no such credential.
    async fn read(&self, id: &Id) -> Result<Held, Problem>;

    /// Stores edits durably, all or none.
    ///
    /// # Errors
    /// As [`super::Session::commit`].
    async fn keep(&self, edits: Vec<Edit>) -> Result<Saved, Problem>;

    /// Writes into the audit log that a credential's tokens are about to be asked for, or given back, or that its
    /// service is about to make or drop a key. Storing tokens writes the end.
    ///
    /// # Errors
    /// `audit_unwritable`; then nobody is asked.
    async fn begins(&self, what: What, id: &Id) -> Result<(), Problem>;

    /// Writes the end of what was begun and of which nothing was stored: the code of a problem.
    async fn ends(&self, id: &Id, result: &'static str);

    /// `VAULT.d`, the folder of what belongs to the vault.
    fn folder(&self) -> &Path;

    /// Waits until it is this program's turn to ask for tokens of a credential; calls `waits` once where another
    /// program is at it.
    ///
    /// # Errors
    /// Exit 5 after `wait`; files.
    async fn turn(&self, id: &Id, wait: Duration, waits: &(dyn Fn() + Sync)) -> Result<Turn, Problem> {
        Turn::take(self.folder(), id, wait, waits).await
    }
}

/// A credential as it was read, with what its tokens depend on.
#[derive(Clone, Debug)]
pub struct Held {
    /// The credential.
    pub credential: Credential,
    kind: Option<Arc<Kind>>,
    around: Surroundings,
}

/// How the authorization server is reached, and by whom an exchange is watched.
#[derive(Clone, Copy)]
pub struct Ways<'a> {
    /// Whom it trusts, and what it goes through.
    pub trust: &'a Trust,
    /// The most that one exchange may take.
    pub timeout: Duration,
    /// How long before its end an access token is renewed.
    pub margin: SignedDuration,
    /// Ends it.
    pub cancel: &'a CancellationToken,
    /// What time it is.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
    /// Is told what is being done.
    pub told: &'a (dyn Fn(Stage) + Sync),
}

/// What is being done.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Another program asks for tokens of the same credential.
    Waits,
    /// The authorization server is asked.
    Asks {
        /// Its host.
        host: String,
        /// The proxy that is between, if any.
        proxy: Option<String>,
    },
    /// What was done at the server, as the steps of a test.
    Took(Vec<Step>),
    /// The tokens that came are stored.
    Stores,
}

/// Where an access token comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// It was stored, and is good.
    Stored,
    /// Another program got it meanwhile.
    Another,
    /// The server gave it just now; it is stored.
    Server,
}

/// An access token that can be used.
#[derive(Clone, Debug)]
pub struct Given {
    /// The token.
    pub access: Secret,
    /// When it ends, where that is known.
    pub ends: Option<Timestamp>,
    /// What it allows, where the server said so.
    pub scope: Option<String>,
    /// Where it comes from.
    pub origin: Origin,
    /// What a person should hear.
    pub warnings: Vec<String>,
}

impl Ways<'_> {
    /// The longest that another program's exchange is waited for: what it may take, and the saving of what came.
    fn wait(&self) -> Duration {
        self.timeout + LOCK_WAIT + LOCK_WAIT
    }

    /// Waits until it is this program's turn.
    pub(super) async fn turn<K: Keeper>(&self, keeper: &K, id: &Id) -> Result<Turn, Problem> {
        let waits = || (self.told)(Stage::Waits);
        tokio::select! {
            turn = keeper.turn(id, self.wait(), &waits) => turn,
            () = self.cancel.cancelled() => Err(words::cancelled()),
        }
    }

    /// Tells whom a source asks.
    fn asks(&self, source: &TokenSource) {
        let proxy = source.ask.url().and_then(|url| self.trust.proxy_for(url));
        let proxy = proxy.map(ToString::to_string);
        (self.told)(Stage::Asks { host: source.ask.host().to_owned(), proxy });
    }

    /// Tells what was done at the server.
    fn took(&self, report: &mut Report) {
        (self.told)(Stage::Took(std::mem::take(&mut report.steps)));
    }
}

impl Held {
    /// A credential of a document.
    ///
    /// # Errors
    /// Exit 4 where there is none.
    pub fn of(document: &Document, kinds: &Kinds, id: &Id) -> Result<Self, Problem> {
        let credential = document.by_id(id).cloned().ok_or_else(|| {
            let message = "the credential is not there any more: another program removed it";
            Problem::new(Exit::NotFound, "no_credential", message)
        })?;
        Ok(Self {
            kind: kinds.of_content(&credential.content),
            around: super::surroundings(document, &credential.content),
            credential,
        })
    }

    /// The proxy that is between this machine and the server that gives its tokens, if any.
    pub fn proxy(&self, trust: &Trust) -> Option<Proxy> {
        trust.proxy_for(self.source().ok()?.ask.url()?).cloned()
    }

    /// The proxy that is between this machine and the service that makes its keys, if any.
    pub fn service_proxy(&self, trust: &Trust) -> Option<Proxy> {
        trust.proxy_for(&self.maker()?.address(&self.credential.content)?).cloned()
    }

    /// How its service makes keys; `None`: it does not.
    pub(super) fn maker(&self) -> Option<Maker> {
        Maker::of(self.kind.as_ref()?, &self.credential.content)
    }

    /// The page on which a person makes its keys, where one is known.
    pub(super) fn key_page(&self) -> Option<String> {
        let page = self.kind.as_ref()?.page(&self.credential.content)?;
        page.missing.is_empty().then_some(page.address)
    }

    fn key(&self) -> &str {
        self.credential.content.key()
    }

    /// Whether a person has to agree before there are tokens.
    fn needs_person(&self) -> bool {
        life::needs_person(&self.credential.content, self.around.oauth_app.as_ref())
    }

    /// How its tokens are asked for.
    fn source(&self) -> Result<TokenSource, Problem> {
        let content = &self.credential.content;
        let kind = self.kind.as_deref().filter(|_| has_tokens(content));
        let kind = kind.ok_or_else(|| words::holds_no_tokens(content))?;
        probe::token_source(kind, content, &self.around)
            .map_err(|reason| words::unaskable(self.key(), &reason))
    }

    /// How long its tokens last.
    fn life(&self, now: Timestamp) -> TokenLife {
        life::life(&self.credential, self.needs_person(), now)
    }

    /// Which tokens it holds.
    fn digest(&self) -> Option<TokenDigest> {
        self.credential.content.tokens().digest()
    }

    /// The edit that gives it other tokens, in place of those that it holds.
    fn replaced(&self, tokens: Tokens, issued: Option<Issued>) -> Edit {
        Edit::SetTokens { id: self.credential.id.clone(), seen: self.digest(), tokens, issued }
    }

    /// The access token that it holds.
    fn given(&self, now: Timestamp, origin: Origin) -> Option<Given> {
        let tokens = self.credential.content.tokens();
        Some(Given {
            access: tokens.access()?.clone(),
            ends: self.life(now).access_ends,
            scope: words::scope(&tokens),
            origin,
            warnings: Vec::new(),
        })
    }
}
