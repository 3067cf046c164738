//! OAuth 2.0: getting tokens from an authorization server (RFC 6749), renewing them and giving them back.
//!
//! [`Ask`] is what a credential or an OAuth app says about its client. [`Ask::token`] gets a token for the grants
//! that need no person (client credentials, JWT bearer: RFC 7523); [`login`](fn@login) does so with a person, in a
//! browser (authorization code with PKCE) or on another device (RFC 8628); [`Ask::refresh`] spends a refresh token;
//! [`Ask::revoke`] gives a token back (RFC 7009). Addresses that are not known are found where only the issuer is
//! given (RFC 8414, OpenID Connect Discovery). The token lives where the caller keeps it: nothing is stored here.

mod answer;
mod ask;
mod browser;
mod client;
mod device;
mod discover;
mod login;
mod loopback;
mod proof;
mod redirect;
mod talk;
mod transaction;

use jiff::Timestamp;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::http::{Answer, Exchange, Failure, Trust};
use crate::secret::Secret;
use crate::sign::SignError;

pub use answer::Token;
pub use ask::{Ask, AskError, Grant, needs_person};
pub use login::{Deaf, Prompt, login};
pub use redirect::Redirect;
pub use transaction::NotThis;

/// What came of asking an authorization server for something; a [`Token`], unless another thing was asked for.
#[derive(Debug)]
pub struct Outcome<T = Token> {
    /// What it was asked for.
    pub purpose: Purpose,
    /// What was asked for, or why there is none.
    pub result: Result<T, Refusal>,
    /// What was sent, in order, each with its word: `discover`, `device`, `token`, `refresh`, `revoke`, `client`. Of a device
    /// that asked again and again only the last time is kept.
    pub exchanges: Vec<(&'static str, Exchange)>,
    /// Secrets that were sent, made or given on the way, such as an assertion or a code.
    pub secrets: Vec<Secret>,
}

/// What an authorization server is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// A token that needs no person.
    Token,
    /// A token that a person agrees to.
    Login,
    /// A token for a refresh token.
    Refresh,
    /// To take a token back.
    Revoke,
    /// Whether it knows the client, before anybody has logged in.
    Client,
}

/// Why there is no token.
#[derive(Debug)]
pub enum Refusal {
    /// No answer.
    Failure(Failure),
    /// The server said no: an error of RFC 6749, 5.2, or RFC 8628, 3.5.
    Error {
        /// The status code.
        status: u16,
        /// The error's code, such as `invalid_client`.
        code: String,
        /// What the server says about it; may be empty.
        description: String,
    },
    /// An answer that is no answer of an authorization server.
    Answer(Answer),
    /// An answer that promises something and holds nothing that can be used.
    Unusable {
        /// The status code.
        status: u16,
        /// What is wrong.
        reason: String,
    },
    /// Nothing can be signed with the private key.
    Key(SignError),
    /// Nobody says where to ask: what for, such as `authorization`.
    NoAddress(&'static str),
    /// The browser came back with an error (RFC 6749, 4.1.2.1): the person or the server said no.
    Denied {
        /// The error's code, such as `access_denied`.
        code: String,
        /// What the server says about it; may be empty.
        description: String,
    },
    /// The browser came back with something that does not belong to this login.
    Redirect(NotThis),
    /// Nobody agreed in time.
    TooLate,
    /// The browser cannot come back here, and nobody is there to paste where it went.
    NoWayBack(Deaf),
}

/// Which of its tokens a client gives back (RFC 7009, 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hint {
    /// The one that goes with each request.
    AccessToken,
    /// The one that gets the next; most servers end the access tokens with it.
    RefreshToken,
}

/// What each request for a token has.
pub struct Means<'a> {
    /// Whom it trusts, and what it goes through.
    pub trust: &'a Trust,
    /// When all of it has to be done.
    pub deadline: Instant,
    /// Ends it.
    pub cancel: &'a CancellationToken,
    /// The time that assertions carry, and that the life of a token is counted from.
    pub clock: &'a (dyn Fn() -> Timestamp + Sync),
}
