//! Whose turn it is to ask for a credential's tokens, and what is noted on the disk about earlier times:
//! `VAULT.d/oauth/ID.lock` and `VAULT.d/oauth/ID.json`.

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::durable::{self, Lock};
use crate::model::{Credential, Id, TokenDigest};
use crate::problem::Problem;
use crate::secret::Secret;

/// How long another program's exchange is waited for between two looks.
const PAUSE: Duration = Duration::from_millis(20);

/// The longest file of notes that is read, in bytes.
const LIMIT: u64 = 64 << 10;

/// After the first failure in a row, and at most: how long nobody asks again by itself, in seconds.
const PAUSES: (i64, i64) = (10, 600);

/// What is noted about a credential's exchanges.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Notes {
    /// A refresh token that was sent, and whose answer is not stored: it may be spent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) spending: Option<Spending>,
    /// The last exchange failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) failure: Option<Failure>,
}

/// A refresh token that was sent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Spending {
    token: TokenDigest,
    /// When.
    pub(super) at: Timestamp,
}

/// An exchange that gave nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Failure {
    /// What was asked with: something else may work.
    of: TokenDigest,
    pub(super) at: Timestamp,
    /// Until when nobody asks again by itself.
    pub(super) until: Timestamp,
    /// How many there were in a row.
    count: u32,
    /// What was said, redacted.
    pub(super) message: String,
}

impl Notes {
    fn path(folder: &Path, id: &Id, ending: &str) -> PathBuf {
        folder.join("oauth").join(format!("{id}.{ending}"))
    }

    /// What is noted; nothing where it cannot be read: it only explains and spares.
    pub(super) fn read(folder: &Path, id: &Id) -> Self {
        let file = durable::read_private(&Self::path(folder, id, "json"), LIMIT);
        file.ok().and_then(|file| serde_json::from_slice(&file.bytes).ok()).unwrap_or_default()
    }

    /// The failure that keeps everybody from asking again with what the credential holds now.
    pub(super) fn cooling(&self, credential: &Credential, now: Timestamp) -> Option<&Failure> {
        let failure = self.failure.as_ref().filter(|failure| failure.of == asked_with(credential))?;
        // One of the future: the clock was set back.
        (failure.at <= now && now < failure.until).then_some(failure)
    }

    /// When this refresh token was sent and nothing came of it, as far as is known.
    pub(super) fn sent_before(&self, refresh: &Secret) -> Option<Timestamp> {
        let spending = self.spending.as_ref()?;
        (spending.token == digest(refresh)).then_some(spending.at)
    }
}

fn digest(refresh: &Secret) -> TokenDigest {
    TokenDigest::of(["credbench refresh token", refresh.expose()])
}

/// What an exchange depends on: the version and the tokens.
fn asked_with(credential: &Credential) -> TokenDigest {
    let tokens = credential.content.tokens().digest();
    let tokens = tokens.map(|digest| digest.to_string()).unwrap_or_default();
    TokenDigest::of([credential.version.to_string().as_str(), &tokens])
}

/// The turn of one program to ask for tokens of one credential; given back when dropped, or by the system when the
/// program ends.
#[derive(Debug)]
pub struct Turn {
    path: PathBuf,
    notes: Notes,
    /// `None`: nobody else is kept out.
    lock: Option<Lock>,
}

impl Turn {
    /// Waits for the turn; see [`super::Keeper::turn`].
    pub(super) async fn take(
        folder: &Path,
        id: &Id,
        wait: Duration,
        waits: &(dyn Fn() + Sync),
    ) -> Result<Self, Problem> {
        let path = Notes::path(folder, id, "lock");
        if let Some(folder) = path.parent() {
            durable::create_private_folder(folder)?;
        }
        let until = Instant::now() + wait;
        let mut told = false;
        loop {
            match Lock::acquire(&path, Duration::ZERO) {
                Ok(lock) => return Ok(Self::with(folder, id, Some(lock))),
                Err(durable::Error::Busy { .. }) if Instant::now() < until => {
                    if !std::mem::replace(&mut told, true) {
                        waits();
                    }
                    tokio::time::sleep(PAUSE).await;
                }
                Err(durable::Error::Busy { path, .. }) => {
                    return Err(durable::Error::Busy { path, seconds: wait.as_secs() }.into());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    pub(super) fn with(folder: &Path, id: &Id, lock: Option<Lock>) -> Self {
        Self { path: Notes::path(folder, id, "json"), notes: Notes::read(folder, id), lock }
    }

    /// Whether everybody else is kept out: some file systems do not lock.
    pub(super) fn is_alone(&self) -> bool {
        self.lock.as_ref().is_some_and(Lock::is_held)
    }

    pub(super) fn notes(&self) -> &Notes {
        &self.notes
    }

    /// Notes that a refresh token is about to be sent. It must not be where this fails.
    pub(super) fn spends(&mut self, refresh: &Secret, now: Timestamp) -> Result<(), Problem> {
        self.notes.spending = Some(Spending { token: digest(refresh), at: now });
        self.write()
    }

    /// Notes that an exchange gave nothing; `spent`: what was sent may be spent all the same.
    pub(super) fn failed(&mut self, credential: &Credential, now: Timestamp, message: &str, spent: bool) {
        let of = asked_with(credential);
        let before = self.notes.failure.as_ref().filter(|failure| failure.of == of);
        let count = before.map_or(0, |failure| failure.count).saturating_add(1);
        let (first, most) = PAUSES;
        let pause = first.saturating_mul(1 << (count - 1).min(16)).min(most);
        let until = now.checked_add(SignedDuration::from_secs(pause)).unwrap_or(now);
        self.notes.failure = Some(Failure { of, at: now, until, count, message: message.to_owned() });
        if !spent {
            self.notes.spending = None;
        }
        // What fails here was told already; the note only spares the server.
        let _ = self.write();
    }

    /// Takes back that something is being sent: nothing was.
    pub(super) fn sent_nothing(&mut self) {
        self.notes.spending = None;
        let _ = self.write();
    }

    /// Notes that everything that came is stored. A note that stays is of tokens that are not there any more.
    pub(super) fn done(mut self) {
        if self.notes != Notes::default() {
            self.notes = Notes::default();
            let _ = self.write();
        }
    }

    fn write(&self) -> Result<(), Problem> {
        durable::remove_stale(&self.path);
        let text = serde_json::to_vec(&self.notes).unwrap_or_default();
        let saved = durable::replace(&self.path, &text, None, |_| Ok(()))?;
        saved.unsynced.map_or(Ok(()), |error| Err(error.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Content;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_000_000 + seconds).unwrap()
    }

    fn turn(folder: &Path) -> Turn {
        let id = Id("one".to_owned());
        durable::create_private_folder(&folder.join("oauth")).unwrap();
        Turn::with(folder, &id, None)
    }

    #[test]
    fn failures_in_a_row_make_longer_pauses() {
        let folder = tempfile::tempdir().unwrap();
        let credential = Credential::new(Id::new(), Content::default(), at(0));
        let mut pauses = Vec::new();
        for _ in 0..9 {
            let mut turn = turn(folder.path());
            turn.failed(&credential, at(0), "no", false);
            let failure = turn.notes().failure.clone().unwrap();
            pauses.push(failure.until.duration_since(failure.at).as_secs());
        }
        assert_eq!(pauses, [10, 20, 40, 80, 160, 320, 600, 600, 600]);
        let notes = turn(folder.path()).notes;
        assert!(notes.cooling(&credential, at(599)).is_some());
        assert!(notes.cooling(&credential, at(600)).is_none());
        assert!(notes.cooling(&credential, at(-1)).is_none(), "the clock was set back");
        let changed = Credential { version: 2, ..credential.clone() };
        assert!(notes.cooling(&changed, at(1)).is_none(), "somebody may have mended it");
        turn(folder.path()).done();
        assert_eq!(turn(folder.path()).notes, Notes::default());
    }

    #[test]
    fn what_is_spent_is_noted_without_being_told() {
        let folder = tempfile::tempdir().unwrap();
        let (token, other) = (Secret::from("refresh-marker"), Secret::from("other"));
        turn(folder.path()).spends(&token, at(5)).unwrap();
        let text = std::fs::read_to_string(folder.path().join("oauth/one.json")).unwrap();
        assert!(!text.contains("marker"), "{text}");
        let notes = turn(folder.path()).notes;
        assert_eq!((notes.sent_before(&token), notes.sent_before(&other)), (Some(at(5)), None));
        let credential = Credential::new(Id::new(), Content::default(), at(0));
        turn(folder.path()).failed(&credential, at(6), "no answer", true);
        assert!(turn(folder.path()).notes.sent_before(&token).is_some());
        turn(folder.path()).failed(&credential, at(7), "a no", false);
        assert_eq!(turn(folder.path()).notes.sent_before(&token), None);
        // A note that cannot be read stops nothing.
        let _ = durable::replace(&folder.path().join("oauth/one.json"), b"{", None, |_| Ok(())).unwrap();
        assert_eq!(turn(folder.path()).notes, Notes::default());
    }

    #[tokio::test]
    async fn a_turn_is_one_programs() {
        let folder = tempfile::tempdir().unwrap();
        let id = Id("one".to_owned());
        let take = |wait| Turn::take(folder.path(), &id, wait, &|| {});
        let first = take(Duration::ZERO).await.unwrap();
        assert!(first.is_alone());
        assert_eq!(take(Duration::from_millis(30)).await.unwrap_err().code, "busy");
        let (second, ()) = tokio::join!(take(Duration::from_secs(30)), async {
            tokio::task::yield_now().await;
            drop(first);
        });
        second.unwrap();
    }
}
