//! A login with a person, for every front end: it shows the [`Prompt`]s and passes on what is pasted.

use std::net::SocketAddr;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::time::Instant;
use url::Url;

use super::talk::Talk;
use super::transaction::NotThis;
use super::{Ask, Grant, Means, Outcome, Purpose, browser, device};
use crate::secret::Secret;

/// How long one request of a login may take.
const REQUEST: Duration = Duration::from_secs(30);

/// What a person is to be told while a login goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Prompt {
    /// Enter a code at an address, on any device.
    Device {
        /// The code, as it is to be shown: letters, digits and signs.
        user_code: String,
        /// The host of the address, to be shown large: a person must know where they enter the code.
        host: String,
        /// Where the code is entered.
        url: Url,
        /// The same with the code in it, for a link or a QR code; on the same host.
        complete_url: Option<Url>,
        /// When the code is over.
        ends: Timestamp,
        /// How often the server is asked.
        interval: Duration,
    },
    /// Go to an address and agree; the browser comes back here, or where it went is pasted.
    Browser {
        /// Where to go.
        url: Url,
        /// The host of the address.
        host: String,
        /// Where the browser is waited for, or why only pasting ends the login.
        listening: Result<SocketAddr, Deaf>,
        /// When nobody waits any longer.
        ends: Timestamp,
    },
    /// Nobody has decided yet: when the server is asked the next time.
    AsksNext {
        /// By the clock that people read.
        at: Timestamp,
    },
    /// The server wants to be asked less often.
    SlowedDown {
        /// How often it is asked now.
        interval: Duration,
    },
    /// What was pasted is not the answer; the login goes on waiting.
    NotThis(NotThis),
}

/// Why a browser is not waited for on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Deaf {
    /// The redirect URL is not on this machine.
    #[error("the redirect URL does not lead to this machine")]
    Elsewhere,
    /// Another program has the port.
    #[error("port {0} of this machine is taken by another program")]
    Taken(u16),
    /// The system does not allow it.
    #[error("port {0} of this machine cannot be opened")]
    Closed(u16),
}

/// Logs in: with a person where the grant needs one, else at once. Each of `prompts` is to be shown as it comes;
/// what arrives by `pasted` is taken for the address that a browser ended at. It ends with the token, with a no,
/// when the time is over, or when it is cancelled; `means.deadline` is the most that it may take.
pub async fn login(
    ask: &Ask,
    means: &Means<'_>,
    prompts: UnboundedSender<Prompt>,
    pasted: UnboundedReceiver<Secret>,
) -> Outcome {
    let purpose = if ask.grant.needs_person() { Purpose::Login } else { Purpose::Token };
    let mut talk = Talk::new(ask, means, purpose).each(REQUEST);
    let mut person = Person { prompts, pasted: Some(pasted) };
    let result = match ask.grant {
        Grant::AuthorizationCode => browser::login(&mut talk, &mut person).await,
        Grant::DeviceCode => device::login(&mut talk, &mut person).await,
        Grant::ClientCredentials | Grant::JwtBearer { .. } => ask.granted(&mut talk).await,
    };
    talk.end(result)
}

/// Who is shown prompts and may paste.
pub(super) struct Person {
    prompts: UnboundedSender<Prompt>,
    pasted: Option<UnboundedReceiver<Secret>>,
}

impl Person {
    /// Shows something. Nobody may be looking: then the login goes on all the same.
    pub(super) fn show(&self, prompt: Prompt) {
        let _ = self.prompts.send(prompt);
    }

    /// What is pasted next. `None`, once, when nobody can paste any more; from then on it waits for ever.
    pub(super) async fn paste(&mut self) -> Option<Secret> {
        let Some(pasted) = &mut self.pasted else { return std::future::pending().await };
        let text = pasted.recv().await;
        if text.is_none() {
            self.pasted = None;
        }
        text
    }
}

/// When `left` from now is, by the clock that people read.
pub(super) fn shown_end(means: &Means<'_>, ends: Instant) -> Timestamp {
    let left = ends.saturating_duration_since(Instant::now());
    let now = (means.clock)();
    now.checked_add(left).unwrap_or(now)
}
