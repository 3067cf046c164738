//! The vault's contents: what is true. No I/O, no clock, no terminal.
//!
//! A [`Document`] holds everything of one organization. It changes only through [`Edit`]s, each of which
//! yields the edit that takes it back ([`edit`]). What a person writes about one credential is a
//! [`Content`]: the JSON document of `show --json`, in which every secret is a placeholder, beside the
//! secrets themselves, addressed by JSON pointer. The list, the form, the raw editor, `put` and the vault
//! file all work on this one shape, so a field that no one has heard of survives them all.

pub mod edit;
pub mod search;

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::secret::Secret;

pub use edit::{Edit, EditError};

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
    /// Members of the file that this version does not know; they survive a save.
    pub extra: Object,
}

/// The organization level.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Organization {
    /// Shown at the top of the workbench; may be empty.
    #[serde(default)]
    pub name: String,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Object,
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

/// What a person writes about a credential: its JSON document, and the secrets that stand in it as
/// placeholders.
///
/// Invariant, kept by [`Content::set_secret`] and [`Content::clear_secret`]: `document` holds
/// `{"$secret":"stored"}` at a pointer exactly when `secrets` has that pointer.
#[derive(Clone, Default, PartialEq)]
pub struct Content {
    /// The document as `show --json` prints it.
    pub document: Object,
    /// Secret texts by JSON pointer into `document`, such as `/config/api_key`.
    pub secrets: BTreeMap<String, Secret>,
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Content({}/{}, {} secrets)", self.solution(), self.key(), self.secrets.len())
    }
}

/// The member that makes an object a placeholder.
pub const PLACEHOLDER: &str = "$secret";

/// What a placeholder object says about its secret.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Placeholder {
    /// `{"$secret":"stored"}`: the vault has it.
    Stored,
    /// `{"$secret":"missing"}`: the original of this copy has one, this one does not.
    Missing,
}

impl Placeholder {
    /// Reads a placeholder object; `None` for any other value.
    pub fn of(value: &Value) -> Option<Self> {
        let object = value.as_object()?;
        match (object.len(), object.get(PLACEHOLDER)?.as_str()?) {
            (1, "stored") => Some(Self::Stored),
            (1, "missing") => Some(Self::Missing),
            _ => None,
        }
    }

    /// The object itself.
    pub fn value(self) -> Value {
        match self {
            Self::Stored => json!({ PLACEHOLDER: "stored" }),
            Self::Missing => json!({ PLACEHOLDER: "missing" }),
        }
    }
}

impl Content {
    fn text(&self, member: &str) -> &str {
        self.document.get(member).and_then(Value::as_str).unwrap_or_default()
    }

    /// What function definitions refer to; unique within the solution.
    pub fn key(&self) -> &str {
        self.text("key")
    }

    /// The solution it lives in.
    pub fn solution(&self) -> &str {
        match self.text("solution") {
            "" => DEFAULT_SOLUTION,
            name => name,
        }
    }

    /// The id of its kind.
    pub fn kind(&self) -> &str {
        self.text("kind")
    }

    /// The id of its service, or nothing.
    pub fn service(&self) -> &str {
        self.text("service")
    }

    /// The label for people, or nothing.
    pub fn name(&self) -> &str {
        self.text("name")
    }

    /// Its tags.
    pub fn tags(&self) -> Vec<&str> {
        self.document
            .get("tags")
            .and_then(Value::as_array)
            .map(|tags| tags.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default()
    }

    /// The value at a JSON pointer, placeholders included.
    pub fn get(&self, pointer: &str) -> Option<&Value> {
        let mut steps = pointer::steps(pointer);
        let first = steps.next()?;
        steps.try_fold(self.document.get(first.as_ref())?, |value, step| pointer::child(value, &step))
    }

    /// A plain text at a JSON pointer.
    pub fn get_str(&self, pointer: &str) -> Option<&str> {
        self.get(pointer)?.as_str()
    }

    /// Puts a plain value at a pointer, making the objects on the way; a secret that stood at or under it is
    /// dropped.
    pub fn set(&mut self, pointer: &str, value: Value) {
        self.forget_secrets(pointer);
        pointer::set(&mut self.document, pointer, value);
    }

    /// Removes what stands at a pointer, secrets included; empty objects on the way stay.
    pub fn remove(&mut self, pointer: &str) {
        self.forget_secrets(pointer);
        pointer::remove(&mut self.document, pointer);
    }

    /// Stores a secret at a pointer and its placeholder in the document.
    pub fn set_secret(&mut self, pointer: &str, secret: Secret) {
        self.set(pointer, Placeholder::Stored.value());
        self.secrets.insert(pointer.to_owned(), secret);
    }

    /// Clears the secret at a pointer, and its place in the document.
    pub fn clear_secret(&mut self, pointer: &str) {
        self.remove(pointer);
    }

    /// The secret at a pointer.
    pub fn secret(&self, pointer: &str) -> Option<&Secret> {
        self.secrets.get(pointer)
    }

    fn forget_secrets(&mut self, pointer: &str) {
        let under = format!("{pointer}/");
        self.secrets.retain(|place, _| place != pointer && !place.starts_with(&under));
    }

    /// Pointers of the places marked `{"$secret":"missing"}`.
    pub fn missing_marks(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (name, value) in &self.document {
            pointer::walk(&format!("/{}", pointer::escape(name)), value, &mut |place, value| {
                if Placeholder::of(value) == Some(Placeholder::Missing) {
                    found.push(place.to_owned());
                }
            });
        }
        found
    }

    /// Whether a test of one says the same about the other: everything a test depends on is equal.
    pub fn proves_same(&self, other: &Self) -> bool {
        ["kind", "service", "config", "test", "allowed_hosts", "allow_http"]
            .iter()
            .all(|member| self.document.get(*member) == other.document.get(*member))
            && self.secrets == other.secrets
    }
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

    /// The status, and whether a later test that could not decide makes it old.
    ///
    /// `complete` and `testable` come from the kind's schema and the service; `expires_soon` is how long
    /// before `expires_at` a credential counts as expiring.
    pub fn status(&self, facts: Facts) -> (Status, bool) {
        if !facts.complete {
            return (Status::Incomplete, false);
        }
        if let Some(expires) = self.content.get_str("/expires_at").and_then(parse_expiry) {
            if expires <= facts.now {
                return (Status::Expired, false);
            }
            if expires.duration_since(facts.now).as_secs() < facts.expires_soon_secs {
                return (Status::Expiring, false);
            }
        }
        let mut old = false;
        for record in self.tests.iter().rev() {
            if record.version < self.proven_since {
                break;
            }
            match record.outcome.status() {
                Some(status) => return (status, old),
                None => old = true,
            }
        }
        if facts.testable { (Status::Untested, old) } else { (Status::NotTestable, false) }
    }
}

/// `expires_at` is an RFC 3339 time, or a date that ends at its last moment in UTC.
pub fn parse_expiry(text: &str) -> Option<Timestamp> {
    text.parse::<Timestamp>().ok().or_else(|| {
        let date: jiff::civil::Date = text.parse().ok()?;
        date.tomorrow().ok()?.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

/// What a status depends on besides the credential itself.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// Every required secret is there.
    pub complete: bool,
    /// There is a test to run.
    pub testable: bool,
    /// The time to judge by.
    pub now: Timestamp,
    /// Seconds before `expires_at` from which a credential is `expiring`.
    pub expires_soon_secs: i64,
}

/// The state of a credential, as the list shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// No test has said anything about what is stored now.
    Untested,
    /// The last test that could decide said `ok`.
    Active,
    /// Genuine, but lacks the permission the test's request needs.
    Limited,
    /// Ends soon.
    Expiring,
    /// Ended.
    Expired,
    /// The last test that could decide failed.
    Error,
    /// A required secret is missing.
    Incomplete,
    /// There is no safe request that could prove it.
    NotTestable,
}

impl Status {
    /// Whether it counts as failing at the top of the workbench.
    pub fn is_failing(self) -> bool {
        matches!(self, Self::Error | Self::Expired)
    }

    /// The word used in files, on screens and in filters.
    pub fn word(self) -> &'static str {
        match self {
            Self::Untested => "untested",
            Self::Active => "active",
            Self::Limited => "limited",
            Self::Expiring => "expiring",
            Self::Expired => "expired",
            Self::Error => "error",
            Self::Incomplete => "incomplete",
            Self::NotTestable => "not_testable",
        }
    }

    /// Every status, in the order help texts name them.
    pub const ALL: [Self; 8] = [
        Self::Untested,
        Self::Active,
        Self::Limited,
        Self::Expiring,
        Self::Expired,
        Self::Error,
        Self::Incomplete,
        Self::NotTestable,
    ];
}

/// What a test found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The service accepted the credential.
    Ok,
    /// Genuine, but lacks the permission the request needs.
    Limited,
    /// The service refused the credential.
    Rejected,
    /// It was genuine once.
    Expired,
    /// The service wants fewer requests; nothing was learnt.
    RateLimited,
    /// No answer that says anything: resolve, connect, TLS, time-out, server error.
    Unreachable,
    /// Something answered, but not what the credential is for.
    WrongEndpoint,
    /// An answer that no rule explains.
    Unexpected,
    /// Something needed for the request is missing.
    Incomplete,
    /// There is no safe request that could prove it.
    NotTestable,
    /// Stopped by a person.
    Cancelled,
}

impl Outcome {
    /// The word used in files, on screens and in JSON.
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Limited => "limited",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::RateLimited => "rate_limited",
            Self::Unreachable => "unreachable",
            Self::WrongEndpoint => "wrong_endpoint",
            Self::Unexpected => "unexpected",
            Self::Incomplete => "incomplete",
            Self::NotTestable => "not_testable",
            Self::Cancelled => "cancelled",
        }
    }

    /// The status it gives a credential; `None` where it decides nothing and the earlier verdict stays.
    pub fn status(self) -> Option<Status> {
        match self {
            Self::Ok => Some(Status::Active),
            Self::Limited => Some(Status::Limited),
            Self::Rejected | Self::WrongEndpoint | Self::Unexpected => Some(Status::Error),
            Self::Expired => Some(Status::Expired),
            Self::Incomplete => Some(Status::Incomplete),
            Self::NotTestable => Some(Status::NotTestable),
            Self::RateLimited | Self::Unreachable | Self::Cancelled => None,
        }
    }

    /// Whether a command that ran this test exits 0, and a dry request lets a save go on.
    pub fn passes(self) -> bool {
        matches!(self, Self::Ok | Self::NotTestable)
    }
}

/// One line of a credential's test history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TestRecord {
    /// When the test ended.
    pub at: Timestamp,
    /// The version that was tested.
    pub version: u32,
    /// What was found.
    pub outcome: Outcome,
    /// HTTP status code, where there was one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status_code: Option<u16>,
    /// From start to verdict, in milliseconds.
    pub latency_ms: u64,
    /// One redacted sentence.
    pub message: String,
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

    /// The newest credential in the trash with this solution and key.
    pub fn find_removed(&self, solution: &str, key: &str) -> Option<&Removed> {
        self.trash.iter().rev().find(|removed| {
            let content = &removed.credential.content;
            content.key() == key && content.solution() == solution
        })
    }
}

/// JSON pointers (RFC 6901) over documents.
pub mod pointer {
    use std::borrow::Cow;

    use serde_json::Value;

    use super::Object;

    /// Escapes one reference token.
    pub fn escape(token: &str) -> Cow<'_, str> {
        if token.contains(['~', '/']) {
            token.replace('~', "~0").replace('/', "~1").into()
        } else {
            token.into()
        }
    }

    /// Appends a token to a pointer.
    pub fn join(pointer: &str, token: &str) -> String {
        format!("{pointer}/{}", escape(token))
    }

    /// The unescaped tokens of a pointer.
    pub fn steps(pointer: &str) -> impl Iterator<Item = Cow<'_, str>> {
        pointer.split('/').skip(1).map(|token| {
            if token.contains('~') {
                token.replace("~1", "/").replace("~0", "~").into()
            } else {
                token.into()
            }
        })
    }

    /// The member or element of a value.
    pub fn child<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
        match value {
            Value::Object(object) => object.get(step),
            Value::Array(array) => array.get(step.parse::<usize>().ok()?),
            _ => None,
        }
    }

    /// Calls `visit` for a value and everything under it, with its pointer.
    pub fn walk(pointer: &str, value: &Value, visit: &mut dyn FnMut(&str, &Value)) {
        visit(pointer, value);
        match value {
            Value::Object(object) => {
                for (name, value) in object {
                    walk(&join(pointer, name), value, visit);
                }
            }
            Value::Array(array) => {
                for (index, value) in array.iter().enumerate() {
                    walk(&format!("{pointer}/{index}"), value, visit);
                }
            }
            _ => {}
        }
    }

    pub(super) fn set(document: &mut Object, pointer: &str, value: Value) {
        let mut steps = steps(pointer);
        let Some(first) = steps.next() else { return };
        let mut place = document.entry(first).or_insert(Value::Null);
        for step in steps {
            if !matches!(place, Value::Array(_) | Value::Object(_)) {
                *place = Value::Object(Object::new());
            }
            place = match place {
                Value::Array(array) => {
                    let index = step.parse::<usize>().unwrap_or(array.len()).min(array.len());
                    if index == array.len() {
                        array.push(Value::Null);
                    }
                    &mut array[index]
                }
                Value::Object(object) => object.entry(step).or_insert(Value::Null),
                _ => return,
            };
        }
        *place = value;
    }

    pub(super) fn remove(document: &mut Object, pointer: &str) {
        let (parent, last) = match pointer.rsplit_once('/') {
            Some(("", last)) => {
                document.shift_remove(steps(&format!("/{last}")).next().unwrap_or_default().as_ref());
                return;
            }
            Some(split) => split,
            None => return,
        };
        let mut steps_to = steps(parent);
        let Some(first) = steps_to.next() else { return };
        let Some(mut place) = document.get_mut(first.as_ref()) else { return };
        for step in steps_to {
            let next = match place {
                Value::Object(object) => object.get_mut(step.as_ref()),
                Value::Array(array) => step.parse::<usize>().ok().and_then(|index| array.get_mut(index)),
                _ => None,
            };
            match next {
                Some(value) => place = value,
                None => return,
            }
        }
        let last = steps(&format!("/{last}")).next().unwrap_or_default().into_owned();
        match place {
            Value::Object(object) => {
                object.shift_remove(&last);
            }
            Value::Array(array) => {
                if let Ok(index) = last.parse::<usize>()
                    && index < array.len()
                {
                    array.remove(index);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
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
        };
        let facts =
            Facts { complete: true, testable: true, now: Timestamp::UNIX_EPOCH, expires_soon_secs: 0 };
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
        credential.content.set("/expires_at", json!("1970-01-02"));
        assert_eq!(credential.status(Facts { expires_soon_secs: 200_000, ..facts }).0, Status::Expiring);
        let later = "1970-01-03T00:00:00Z".parse().unwrap();
        assert_eq!(credential.status(Facts { now: later, ..facts }).0, Status::Expired);
    }
}
