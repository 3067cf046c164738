//! The vault's contents: what is true. No I/O, no clock, no terminal.
//!
//! A [`Document`] holds everything of one organization. It changes only through [`Edit`]s, each of which
//! yields the edit that takes it back ([`edit`]). What a person writes about one credential is a
//! [`Content`]: the JSON document of `show --json`, in which every secret is a placeholder, beside the
//! secrets themselves, addressed by JSON pointer. The list, the form, the raw editor, `put` and the vault
//! file all work on this one shape, so a field that no one has heard of survives them all.

mod content;
pub mod edit;
mod kept;
pub mod merge;
pub mod pointer;
pub mod reference;
mod rotation;
pub mod search;
mod status;
mod tokens;
mod workflow;

use std::collections::HashMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::secret::Secret;

pub use content::{Content, PLACEHOLDER, Placeholder};
pub use edit::{Batch, Edit, EditError, copies};
pub use kept::{KeptContent, KeptDraft, Subject};
pub use rotation::{Rotation, RotationError, Stage};
pub use status::{Facts, Learnt, Outcome, Status, TestRecord, parse_expiry};
pub use tokens::{Issued, Renewal, TokenDigest, TokenLife, Tokens};
pub use workflow::{Mentioned, Workflow};

/// The solution that exists from the start.
pub const DEFAULT_SOLUTION: &str = "default";

/// How many test records a credential keeps; older ones fall off.
pub const TESTS_KEPT: usize = 20;

/// A JSON object that keeps the order it was written in.
pub type Object = Map<String, Value>;

/// Everything of one organization.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Document {
    /// The organization's own settings.
    pub organization: Organization,
    /// The solutions, `default` first; every credential names one of them.
    pub solutions: Vec<Solution>,
    /// The credentials, in the order they were made.
    pub credentials: Vec<Credential>,
    /// Removed credentials, the newest last.
    pub trash: Vec<Removed>,
    /// Who can open the vault, in the order they were added.
    pub recipients: Vec<Recipient>,
    /// Files that name credentials, by path.
    pub workflows: Vec<Workflow>,
    /// What the keys of the audit log come out of; `None` in a vault that was never saved with one.
    pub audit_key: Option<Secret>,
    /// Members of the file that this version does not know; they survive a save.
    pub extra: Object,
}

/// The organization level.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Organization {
    /// Shown at the top of the workbench; may be empty.
    pub name: String,
    /// OAuth clients that credentials of any solution may refer to, sorted by name.
    pub oauth_apps: Vec<OauthApp>,
    /// The kinds that were defined here, in the order they were made.
    pub kinds: Vec<KindDefinition>,
    /// Unknown members.
    pub extra: Object,
}

/// An OAuth client of the organization.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct OauthApp {
    /// What a person wrote about it, its name included; secrets are apart, as in a credential.
    pub content: Content,
}

impl OauthApp {
    /// What credentials refer to; unique in the organization.
    pub fn name(&self) -> &str {
        self.content.name()
    }
}

/// A kind that somebody defined for this vault.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KindDefinition {
    /// The word in documents; unique in the vault, and none of a built-in kind.
    pub id: String,
    /// The JSON Schema of `config`.
    pub schema: Object,
    /// The number of the current schema, counted from 1.
    pub version: u32,
    /// When version 1 was made.
    pub created_at: Timestamp,
    /// When the current version was made.
    pub updated_at: Timestamp,
    /// Earlier schemas, oldest first.
    #[serde(default)]
    pub history: Vec<KindVersion>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Object,
}

/// An earlier schema of a kind.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KindVersion {
    /// Counted from 1.
    #[serde(rename = "version")]
    pub number: u32,
    /// When it was made.
    pub at: Timestamp,
    /// What it said.
    pub schema: Object,
}

/// A named group of credentials: an application, or one of its environments.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// Unique in the vault.
    pub name: String,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Object,
}

impl Solution {
    /// A solution with nothing but a name.
    pub fn named(name: &str) -> Self {
        Self { name: name.to_owned(), extra: Object::new() }
    }
}

/// A public key that the vault is encrypted to.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recipient {
    /// `age1…`, an `ssh-ed25519 …`/`ssh-rsa …` line, or a plugin's recipient.
    pub recipient: String,
    /// Whose it is.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// When it was added.
    pub added_at: Timestamp,
}

/// The stable name of a credential inside its vault: survives renaming.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Id(pub String);

impl Id {
    /// A new one. Version 7: sorts by time of making.
    pub fn new() -> Self {
        Self(uuid::Uuid::now_v7().to_string())
    }
}

impl Default for Id {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One stored object: what a person wrote, its earlier versions and what tests found.
#[derive(Clone, Debug, PartialEq)]
pub struct Credential {
    /// Stable name.
    pub id: Id,
    /// The current version.
    pub content: Content,
    /// The number of the current version, counted from 1.
    pub version: u32,
    /// The first version in which all that a test proves (config, secrets, service, test, hosts) is what it
    /// is now: a record of an earlier version vouches for nothing.
    pub proven_since: u32,
    /// When version 1 was made.
    pub created_at: Timestamp,
    /// When the current version was made.
    pub updated_at: Timestamp,
    /// Earlier versions, oldest first.
    pub history: Vec<Version>,
    /// What tests found, oldest first, [`TESTS_KEPT`] at most.
    pub tests: Vec<TestRecord>,
    /// What is known of tokens that an exchange gave; [`Credential::issued`] says whether it still holds those.
    pub issued: Option<Issued>,
    /// The rotation of its values that goes on.
    pub rotation: Option<Box<Rotation>>,
    /// Unknown members.
    pub extra: Object,
}

/// An earlier version of a credential.
#[derive(Clone, Debug, PartialEq)]
pub struct Version {
    /// Counted from 1.
    pub number: u32,
    /// When it was made.
    pub at: Timestamp,
    /// What it said, secrets included.
    pub content: Content,
}

/// A credential in the trash.
#[derive(Clone, Debug, PartialEq)]
pub struct Removed {
    /// When it was removed.
    pub at: Timestamp,
    /// The credential as it was.
    pub credential: Credential,
}

impl Credential {
    /// Version 1 of a new credential.
    pub fn new(id: Id, content: Content, now: Timestamp) -> Self {
        Self {
            id,
            content,
            version: 1,
            proven_since: 1,
            created_at: now,
            updated_at: now,
            history: Vec::new(),
            tests: Vec::new(),
            issued: None,
            rotation: None,
            extra: Object::new(),
        }
    }

    /// A version by its number, the current one included.
    pub fn version_content(&self, number: u32) -> Option<&Content> {
        if number == self.version {
            return Some(&self.content);
        }
        self.history.iter().find(|version| version.number == number).map(|version| &version.content)
    }

    /// When the secrets became what they are: the time of the oldest version that has them all.
    pub fn secret_since(&self) -> Timestamp {
        let same = |content: &Content| content.secrets == self.content.secrets;
        let mut since = self.updated_at;
        for version in self.history.iter().rev().take_while(|version| same(&version.content)) {
            since = version.at;
        }
        since
    }

    /// The last test record, whatever version it is of.
    pub fn last_test(&self) -> Option<&TestRecord> {
        self.tests.last()
    }

    /// What the last good test of what is stored now told.
    pub fn learnt(&self) -> Option<&Learnt> {
        let current = self.tests.iter().rev().take_while(|record| record.version >= self.proven_since);
        let mut told = current.filter(|record| !record.facts.is_empty());
        told.next().map(|record| &record.facts)
    }

    /// When it ends, as the service said in the last good test of what is stored now.
    fn learnt_expiry(&self) -> Option<Timestamp> {
        self.learnt()?.expires_at
    }

    /// When it ends for good, as far as is known; `life` is how long its tokens last, where it has tokens.
    pub fn ends(&self, life: Option<TokenLife>) -> Option<Timestamp> {
        let written = self.content.get_str("/expires_at").and_then(parse_expiry);
        let ends = match life {
            // What a test learnt of a token's end is told of that token; the next one has another.
            Some(life) => life.ends,
            None => self.learnt_expiry(),
        };
        [written, ends].into_iter().flatten().min()
    }

    /// The status, and whether a later test that could not decide makes it old.
    ///
    /// `complete` and `testable` come from the kind's schema and the service; `expires_soon` is how long
    /// before `expires_at` a credential counts as expiring.
    pub fn status(&self, facts: Facts) -> (Status, bool) {
        if !facts.complete {
            return (Status::Incomplete, false);
        }
        if let Some(expires) = self.ends(facts.tokens) {
            if expires <= facts.now {
                return (Status::Expired, false);
            }
            if expires.duration_since(facts.now).as_secs() < facts.expires_soon_secs {
                return (Status::Expiring, false);
            }
        }
        let issued = facts.tokens.and_then(|_| self.issued());
        let logged_in = issued.and_then(|issued| issued.logged_in_at);
        let since = facts.proves_since.max(logged_in);
        let mut old = false;
        for record in self.tests.iter().rev() {
            let of_another_request = since.is_some_and(|since| record.at < since);
            if record.version < self.proven_since || of_another_request {
                break;
            }
            let of_earlier_token = issued.is_some_and(|issued| record.at < issued.received_at);
            let renews = facts.tokens.is_some_and(|life| life.renewal == Renewal::RefreshToken);
            match record.outcome.status() {
                // The access token was over: its successor gets what it had.
                Some(Status::Expired) if of_earlier_token || renews => old = true,
                // It was refused, and there is another one: nothing is known of that.
                Some(Status::Error) if of_earlier_token && record.outcome == Outcome::Rejected => {
                    old = true;
                    break;
                }
                Some(status) => return (status, old),
                None => old = true,
            }
        }
        if facts.testable { (Status::Untested, old) } else { (Status::NotTestable, false) }
    }
}

impl Document {
    /// A new vault's contents: the `default` solution and nothing else.
    pub fn new() -> Self {
        Self { solutions: vec![Solution::named(DEFAULT_SOLUTION)], ..Self::default() }
    }

    /// A credential by its stable name.
    pub fn by_id(&self, id: &Id) -> Option<&Credential> {
        self.credentials.iter().find(|credential| credential.id == *id)
    }

    /// A credential by solution and key.
    pub fn find(&self, solution: &str, key: &str) -> Option<&Credential> {
        self.credentials.iter().find(|c| c.content.key() == key && c.content.solution() == solution)
    }

    /// Every credential by solution and key, for who looks for many of them.
    pub fn by_place(&self) -> HashMap<(&str, &str), &Credential> {
        self.credentials.iter().map(|c| ((c.content.solution(), c.content.key()), c)).collect()
    }

    /// The newest credential in the trash with this solution and key.
    pub fn find_removed(&self, solution: &str, key: &str) -> Option<&Removed> {
        self.trash.iter().rev().find(|removed| {
            let content = &removed.credential.content;
            content.key() == key && content.solution() == solution
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn content(document: Value) -> Content {
        Content { document: document.as_object().cloned().unwrap_or_default(), ..Content::default() }
    }

    #[test]
    fn a_pointer_finds_sets_and_removes() {
        let mut content = content(json!({"a": {"b/c": [1, {"~": 2}]}}));
        assert_eq!(content.get("/a/b~1c/1/~0"), Some(&json!(2)));
        assert_eq!(content.get("/a/x"), None);
        assert_eq!(content.get(""), None);
        content.set("/a/new/deep", json!(3));
        content.set("/a/b~1c/2", json!("third"));
        assert_eq!(content.get("/a"), Some(&json!({"b/c": [1, {"~": 2}, "third"], "new": {"deep": 3}})));
        content.remove("/a/b~1c/0");
        content.remove("/a/new/deep");
        content.remove("/a/nothing/here");
        assert_eq!(content.get("/a"), Some(&json!({"b/c": [{"~": 2}, "third"], "new": {}})));
    }

    #[test]
    fn placeholder_and_secret_come_and_go_together() {
        let mut content = content(json!({"config": {}}));
        content.set_secret("/config/values/a", Secret::from("1"));
        content.set_secret("/config/values/ab", Secret::from("2"));
        assert_eq!(content.get("/config/values/a"), Some(&Placeholder::Stored.value()));
        content.clear_secret("/config/values/a");
        assert_eq!(content.secrets.keys().collect::<Vec<_>>(), ["/config/values/ab"]);
        content.set("/config", json!({"plain": true}));
        assert!(content.secrets.is_empty());
    }

    #[test]
    fn a_date_expires_at_its_end() {
        assert_eq!(parse_expiry("2027-01-31"), "2027-02-01T00:00:00Z".parse().ok());
        assert_eq!(parse_expiry("2027-01-31T10:00:00+02:00"), "2027-01-31T08:00:00Z".parse().ok());
        assert_eq!(parse_expiry("soon"), None);
    }

    #[test]
    fn a_test_that_could_not_decide_leaves_the_verdict_and_marks_it_old() {
        let mut credential = Credential::new(Id::new(), content(json!({"key": "a"})), Timestamp::UNIX_EPOCH);
        let record = |outcome| TestRecord {
            at: Timestamp::UNIX_EPOCH,
            version: 1,
            outcome,
            status_code: None,
            latency_ms: 0,
            message: String::new(),
            facts: Learnt::default(),
        };
        let facts = Facts {
            complete: true,
            testable: true,
            now: Timestamp::UNIX_EPOCH,
            expires_soon_secs: 0,
            proves_since: None,
            tokens: None,
        };
        assert_eq!(credential.status(facts), (Status::Untested, false));
        credential.tests.push(record(Outcome::Unreachable));
        assert_eq!(credential.status(facts), (Status::Untested, true));
        credential.tests.push(record(Outcome::Rejected));
        assert_eq!(credential.status(facts), (Status::Error, false));
        for outcome in [Outcome::RateLimited, Outcome::Unreachable, Outcome::Cancelled] {
            credential.tests.push(record(outcome));
            assert_eq!(credential.status(facts), (Status::Error, true));
        }
        credential.tests.push(record(Outcome::Ok));
        assert_eq!(credential.status(facts), (Status::Active, false));
        assert_eq!(credential.status(Facts { complete: false, ..facts }).0, Status::Incomplete);
        let since = |seconds| Facts { proves_since: Timestamp::from_second(seconds).ok(), ..facts };
        assert_eq!(credential.status(since(0)).0, Status::Active);
        assert_eq!(credential.status(since(1)).0, Status::Untested, "its kind asks for something else since");
        credential.content.set("/expires_at", json!("1970-01-02"));
        assert_eq!(credential.status(Facts { expires_soon_secs: 200_000, ..facts }).0, Status::Expiring);
        let later = "1970-01-03T00:00:00Z".parse().unwrap();
        assert_eq!(credential.status(Facts { now: later, ..facts }).0, Status::Expired);
    }

    #[test]
    fn a_verdict_is_of_the_token_that_was_tested() {
        let at = |seconds| Timestamp::from_second(seconds).unwrap();
        let mut content = content(json!({"key": "a", "kind": "oauth2"}));
        content.set_secret("/config/tokens/access_token", Secret::from("t"));
        let issued = Issued {
            tokens: content.tokens().digest().unwrap(),
            received_at: at(100),
            logged_in_at: Some(at(10)),
            refresh_expires_at: None,
            refused_at: None,
        };
        let known = Credential { issued: Some(issued), ..Credential::new(Id::new(), content, at(0)) };
        let life = TokenLife { access_ends: Some(at(200)), renewal: Renewal::RefreshToken, ends: None };
        let facts = |now, life| Facts {
            complete: true,
            testable: true,
            now: at(now),
            expires_soon_secs: 1000,
            proves_since: None,
            tokens: Some(life),
        };
        let after = |tests: &[(i64, Outcome)], now, life| {
            let record = |(seconds, outcome): &(i64, Outcome)| TestRecord {
                at: at(*seconds),
                version: 1,
                outcome: *outcome,
                status_code: None,
                latency_ms: 0,
                message: String::new(),
                facts: Learnt { expires_at: Some(at(200)), ..Learnt::default() },
            };
            let tests = tests.iter().map(record).collect();
            Credential { tests, ..known.clone() }.status(facts(now, life))
        };
        // A refresh keeps what was found; a login does not.
        assert_eq!(after(&[(50, Outcome::Ok)], 150, life), (Status::Active, false));
        assert_eq!(after(&[(50, Outcome::Limited)], 150, life), (Status::Limited, false));
        assert_eq!(after(&[(5, Outcome::Ok)], 150, life), (Status::Untested, false));
        // That the token before was over says nothing of this one, nor does a refusal.
        assert_eq!(after(&[(50, Outcome::Ok), (60, Outcome::Expired)], 150, life), (Status::Active, true));
        assert_eq!(after(&[(50, Outcome::Ok), (60, Outcome::Rejected)], 150, life), (Status::Untested, true));
        assert_eq!(after(&[(60, Outcome::WrongEndpoint)], 150, life), (Status::Error, false));
        assert_eq!(after(&[(110, Outcome::Rejected)], 150, life), (Status::Error, false));
        // While it renews itself, its end is no end.
        assert_eq!(after(&[(110, Outcome::Ok), (210, Outcome::Expired)], 250, life), (Status::Active, true));
        let login = TokenLife { renewal: Renewal::Login, ends: life.access_ends, ..life };
        assert_eq!(after(&[(110, Outcome::Ok)], 150, login), (Status::Expiring, false));
        assert_eq!(after(&[(110, Outcome::Ok)], 250, login), (Status::Expired, false));
        let client = TokenLife { renewal: Renewal::Client, ..life };
        assert_eq!(
            after(&[(110, Outcome::Expired)], 150, client),
            (Status::Expired, false),
            "its secret is over"
        );
    }
}
