//! The review: what in a vault wants a person's attention, though nothing of it is broken enough to stop anybody.
//!
//! A finding is computed from what the vault and its audit log say now; nothing is stored of it. What somebody looked at
//! and wants to keep as it is stands, with the reason, in the credential itself ([`EXCLUDE`]): whoever opens the
//! vault sees it, and its history says who wrote it.

mod judge;
mod report;

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::row::{self, Row};
use super::{Session, oauth};
use crate::audit::{Entry, Record, Usage, What};
use crate::model::{Content, Credential, Document, Edit, Id, Object, Status};
use crate::problem::{Exit, Problem};
use crate::schema::Kinds;
use crate::secret::Secret;
use crate::words;

pub use report::{html, markdown};

/// The member of a credential's document that says which checks leave it out, and why: `{"unused": "kept for …"}`.
pub const EXCLUDE: &str = "review_exclude";

/// Longest reason, in characters.
const LONGEST_REASON: usize = 500;

/// A secret shorter than this says nothing by being the same as another.
const LEAST_REUSED: usize = 4;

/// What is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Check {
    /// The service refuses it, or a secret is missing.
    Failing,
    /// It ends soon, or is over.
    Expiring,
    /// Its own schedule says that it should have been replaced.
    RotationDue,
    /// A key or a host for tests in a solution for production.
    TestInProd,
    /// The same secret stands in several credentials.
    Reused,
    /// A secret that can be guessed.
    Weak,
    /// It may do more than it is asked for, or everything.
    BroadScope,
    /// There is a test, and what is stored now was never tested.
    Untested,
    /// Nobody took its value out for a long time, or ever.
    Unused,
    /// Nobody knows whose it is, or what for.
    Undocumented,
    /// Its key names neither a service nor a purpose.
    Naming,
}

impl Check {
    /// All of them, the most urgent first.
    pub const ALL: [Self; 11] = [
        Self::Failing,
        Self::Expiring,
        Self::RotationDue,
        Self::TestInProd,
        Self::Reused,
        Self::Weak,
        Self::BroadScope,
        Self::Untested,
        Self::Unused,
        Self::Undocumented,
        Self::Naming,
    ];

    /// The word in JSON, options and [`EXCLUDE`].
    pub fn word(self) -> &'static str {
        match self {
            Self::Failing => "failing",
            Self::Expiring => "expiring",
            Self::RotationDue => "rotation_due",
            Self::TestInProd => "test_in_prod",
            Self::Reused => "reused",
            Self::Weak => "weak",
            Self::BroadScope => "broad_scope",
            Self::Untested => "untested",
            Self::Unused => "unused",
            Self::Undocumented => "undocumented",
            Self::Naming => "naming",
        }
    }

    /// What a word means.
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|check| check.word() == word)
    }

    /// As a heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Failing => "Failing",
            Self::Expiring => "Expiring or over",
            Self::RotationDue => "Rotation due",
            Self::TestInProd => "For tests, in production",
            Self::Reused => "The same secret twice",
            Self::Weak => "Weak",
            Self::BroadScope => "Broad scopes",
            Self::Untested => "Never tested",
            Self::Unused => "Unused",
            Self::Undocumented => "Undocumented",
            Self::Naming => "Named for nothing",
        }
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Failing => "mend it, or remove it where nothing needs it any more",
            Self::Expiring => "get the next one before this one ends",
            Self::RotationDue => "make a new one at the service, then: credbench rotate KEY",
            Self::TestInProd => "store the key for production, or move this one to a solution for tests",
            Self::Reused => "give each its own secret: one that leaks is then one that has to be replaced",
            Self::Weak => "let the service or a generator make one of 20 random characters or more",
            Self::BroadScope => "ask for the scopes that it needs, and log in again or make a narrower key",
            Self::Untested => "test it before somebody needs it",
            Self::Unused => "revoke it at the service and remove it, or say why it stays",
            Self::Undocumented => "enter who answers for it and what it is used for",
            Self::Naming => "rename it to say the service and the purpose, such as stripe.invoices",
        }
    }
}

impl Serialize for Check {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

/// One thing that was found. Serialized, it is an object of `review --json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Finding {
    /// What was looked for.
    pub check: Check,
    /// Where the credential lives.
    pub solution: String,
    /// Its key.
    pub key: String,
    /// The other credentials that it is about, as `SOLUTION/KEY`.
    pub with: Vec<String>,
    /// What was found, in words without a secret.
    pub detail: String,
    /// What to do about it.
    pub advice: &'static str,
    /// Why it does not count, where somebody said so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub excluded: Option<String>,
    /// The credential.
    #[serde(skip)]
    pub id: Id,
}

/// What a review is held against.
#[derive(Clone, Copy, Debug)]
pub struct Standard {
    /// The time to judge by.
    pub now: Timestamp,
    /// Days before its end from which a credential counts as expiring.
    pub expiring_days: u32,
    /// Days after its last use from which a credential counts as unused.
    pub unused_days: u32,
}

/// The last time that somebody signed a review off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedOff {
    /// When.
    pub at: Timestamp,
    /// Who, in words.
    pub who: String,
    /// What there was then, and what they said to it.
    pub note: String,
}

/// A review: what was found, and who signed for one last.
#[derive(Clone, Debug, PartialEq)]
pub struct Reviewed {
    /// The most urgent first; what is left out with a reason stands among it.
    pub findings: Vec<Finding>,
    /// The newest signature; `None`: there is none.
    pub signed_off: Option<SignedOff>,
}

/// Everything there is to find, the most urgent first; what is left out with a reason stands among it.
fn review(document: &Document, kinds: &Kinds, usage: &Usage, standard: Standard) -> Vec<Finding> {
    let Standard { now, expiring_days, .. } = standard;
    let shared = shared_secrets(&document.credentials);
    let mut findings = Vec::new();
    for credential in &document.credentials {
        let row = row::row(document, credential, kinds, usage, now, expiring_days);
        let mut add = |check: Check, with: Vec<String>, detail: String| {
            findings.push(Finding {
                check,
                solution: row.solution.to_owned(),
                key: row.key.to_owned(),
                with,
                detail,
                advice: check.advice(),
                excluded: exclusion(&credential.content, check),
                id: credential.id.clone(),
            });
        };
        states(credential, &row, standard, &mut add);
        secrets(credential, kinds, &shared, document, &mut add);
        labels(&credential.content, &mut add);
        if let Some(detail) = scopes(document, credential, now) {
            add(Check::BroadScope, Vec::new(), detail);
        }
    }
    findings.sort_by(|a, b| (a.check, &a.solution, &a.key).cmp(&(b.check, &b.solution, &b.key)));
    findings
}

type Add<'a> = dyn FnMut(Check, Vec<String>, String) + 'a;

/// What its status, its schedule and its uses say.
fn states(credential: &Credential, row: &Row<'_>, standard: Standard, add: &mut Add<'_>) {
    let now = standard.now;
    match row.status {
        Status::Error => {
            let test = row.last_test.as_ref();
            add(
                Check::Failing,
                Vec::new(),
                test.map_or_else(String::new, |test| format!("{}: {}", test.outcome.word(), test.message)),
            );
        }
        Status::Incomplete => add(Check::Failing, Vec::new(), "incomplete: a secret is missing".to_owned()),
        Status::Expiring | Status::Expired => {
            let ends = row.ends.map(|ends| ends.at());
            let detail = match ends {
                Some(at) if at <= now => format!("over since {}", day(at)),
                Some(at) => format!("ends on {}, {}", day(at), in_days(days_between(now, at))),
                None => "its last test found it expired".to_owned(),
            };
            add(Check::Expiring, Vec::new(), detail);
        }
        Status::Untested => add(Check::Untested, Vec::new(), untested(credential)),
        _ => {}
    }
    if let Some(rotation) = &credential.rotation {
        let detail = format!(
            "a rotation of {} waits for its end: {}",
            day(rotation.started_at),
            rotation.stage.word()
        );
        add(Check::RotationDue, Vec::new(), detail);
    } else if row.flags.contains(&"rotation_due") {
        let every = credential.content.get("/rotate_every_days").and_then(Value::as_i64).unwrap_or_default();
        let age = days_between(credential.secret_since(), now);
        let detail = format!("its secret is {} old, and to be replaced every {}", days(age), days(every));
        add(Check::RotationDue, Vec::new(), detail);
    }
    match row.last_used_at {
        None => {
            let age = days_between(credential.created_at, now);
            let detail = match age {
                0 => "never used since it was made today".to_owned(),
                _ => format!("never used in the {} since it was made", days(age)),
            };
            add(Check::Unused, Vec::new(), detail);
        }
        Some(at) if days_between(at, now) >= i64::from(standard.unused_days) => {
            let detail = format!("last used on {}, {} ago", day(at), days(days_between(at, now)));
            add(Check::Unused, Vec::new(), detail);
        }
        Some(_) => {}
    }
}

fn untested(credential: &Credential) -> String {
    match credential.last_test() {
        None => "never tested".to_owned(),
        Some(test) => format!("last tested on {}, before it was changed", day(test.at)),
    }
}

/// What its secrets are, next to those of all others and to what a key for tests looks like.
fn secrets(
    credential: &Credential,
    kinds: &Kinds,
    shared: &Shared<'_>,
    document: &Document,
    add: &mut Add<'_>,
) {
    let content = &credential.content;
    let kind = kinds.of_content(content);
    let title = |place: &str| match &kind {
        Some(kind) => kind.title_of(place),
        None => place.rsplit('/').next().unwrap_or_default().to_owned(),
    };
    let mut test_key = None;
    for (field, secret) in own_secrets(content) {
        let others = shared.get(secret.expose()).into_iter().flatten();
        let others = others.filter(|other| **other != &credential.id);
        let mut with: Vec<String> = others.map(|other| place(document, other)).collect();
        with.sort();
        with.dedup();
        if !with.is_empty() {
            let detail = format!("its {} is also that of {}", title(field), and(&with));
            add(Check::Reused, with, detail);
        }
        let hints = [
            content.key(),
            content.service(),
            content.name(),
            content.get_str("/config/username").unwrap_or_default(),
        ];
        if let Some(words) = judge::weak(secret, &hints) {
            add(Check::Weak, Vec::new(), format!("its {} {words}", title(field)));
        }
        let hint = kind.as_ref().and_then(|kind| kind.test_start(field, secret));
        let start = hint.or_else(|| judge::test_start(secret)).map(str::to_owned);
        test_key = test_key.or_else(|| {
            start.map(|start| format!("its {} begins with {start}, as keys for tests do", title(field)))
        });
    }
    if judge::is_production(content.solution()) {
        let host = content.get_str("/config/base_url").or_else(|| content.get_str("/config/host"));
        let host = host.and_then(|host| judge::test_host(host, !content.service().is_empty()));
        let host = host.map(|word| format!("its host is called {word}"));
        if let Some(detail) = test_key.or(host) {
            add(Check::TestInProd, Vec::new(), detail);
        }
    }
}

/// What people wrote about it.
fn labels(content: &Content, add: &mut Add<'_>) {
    let empty = |place: &str| content.get_str(place).is_none_or(|text| text.trim().is_empty());
    let purpose = !empty("/description") || !empty("/notes");
    let detail = match (empty("/owner"), purpose) {
        (false, true) => None,
        (true, true) => Some("no owner"),
        (false, false) => Some("neither description nor notes"),
        (true, false) => Some("no owner, neither description nor notes"),
    };
    if let Some(detail) = detail {
        add(Check::Undocumented, Vec::new(), detail.to_owned());
    }
    if !judge::says_something(content.key()) {
        add(Check::Naming, Vec::new(), "its key names neither a service nor a purpose".to_owned());
    }
}

/// What its tokens allow beyond what is asked for, and what is broad by itself.
fn scopes(document: &Document, credential: &Credential, now: Timestamp) -> Option<String> {
    let standing = oauth::standing(document, credential, now);
    let extra = standing.as_ref().map(|standing| standing.extra.clone()).unwrap_or_default();
    if !extra.is_empty() {
        return Some(format!("granted without being asked for: {}", extra.join(", ")));
    }
    let granted = standing.map(|standing| standing.granted).unwrap_or_default();
    let learnt = credential.learnt().and_then(|learnt| learnt.scopes.clone()).unwrap_or_default();
    let all = granted.into_iter().chain(learnt);
    let mut broad: Vec<String> = all.filter(|scope| judge::is_broad(scope)).collect();
    broad.sort();
    broad.dedup();
    (!broad.is_empty()).then(|| format!("broad by name: {}", broad.join(", ")))
}

/// `SOLUTION/KEY` of a credential.
fn place(document: &Document, id: &Id) -> String {
    document.by_id(id).map_or_else(String::new, |credential| {
        format!("{}/{}", credential.content.solution(), credential.content.key())
    })
}

/// The secrets that a person or a service made: tokens that a server issues are none of them.
fn own_secrets(content: &Content) -> impl Iterator<Item = (&str, &Secret)> {
    let tokens = format!("{}/", Content::TOKENS);
    content
        .secrets
        .iter()
        .filter(move |(place, secret)| !place.starts_with(&tokens) && !secret.is_empty())
        .map(|(place, secret)| (place.as_str(), secret))
}

/// Secrets that stand in more than one credential, and in which.
type Shared<'a> = HashMap<&'a str, Vec<&'a Id>>;

fn shared_secrets(credentials: &[Credential]) -> Shared<'_> {
    let mut places: Shared<'_> = HashMap::new();
    for credential in credentials {
        for (_, secret) in own_secrets(&credential.content) {
            if secret.len() >= LEAST_REUSED && !judge::is_setting(secret) {
                places.entry(secret.expose()).or_default().push(&credential.id);
            }
        }
    }
    places.retain(|_, found| found.iter().any(|id| *id != found[0]));
    places
}

/// Why a credential does not count for a check.
fn exclusion(content: &Content, check: Check) -> Option<String> {
    content.get_str(&format!("/{EXCLUDE}/{}", check.word())).map(str::to_owned)
}

/// The edit that leaves a credential out of a check for a reason, or takes that back with `None`.
///
/// # Errors
/// Exit 2 for a reason that says nothing, exit 4 where it was not left out.
pub fn exclude(credential: &Credential, check: Check, reason: Option<&str>) -> Result<Edit, Problem> {
    let mut content = credential.content.clone();
    let place = format!("/{EXCLUDE}/{}", check.word());
    match reason.map(str::trim) {
        Some(reason) => {
            let characters = reason.chars().count();
            if characters == 0 || characters > LONGEST_REASON {
                let message = format!("a reason has 1 to {LONGEST_REASON} characters");
                return Err(Problem::new(Exit::Usage, "reason", message));
            }
            if content.get(&format!("/{EXCLUDE}")).is_none_or(|known| !known.is_object()) {
                content.set(&format!("/{EXCLUDE}"), Value::Object(Object::new()));
            }
            content.set(&place, json!(reason));
        }
        None if content.get(&place).is_none() => {
            let message = format!("{} is not left out of {}", content.key(), check.word());
            return Err(Problem::new(Exit::NotFound, "not_excluded", message)
                .hint("`credbench review --all` shows what is left out"));
        }
        None => {
            content.remove(&place);
            if content.get(&format!("/{EXCLUDE}")).and_then(Value::as_object).is_some_and(Object::is_empty) {
                content.remove(&format!("/{EXCLUDE}"));
            }
        }
    }
    let base = Some(Box::new(credential.content.clone()));
    Ok(Edit::Update { id: credential.id.clone(), base, content })
}

/// How many findings there are, in words: `3 findings (1 failing, 2 unused), 1 left out`.
pub fn counted(findings: &[Finding]) -> String {
    let mut counts: BTreeMap<Check, usize> = BTreeMap::new();
    for finding in findings.iter().filter(|finding| finding.excluded.is_none()) {
        *counts.entry(finding.check).or_default() += 1;
    }
    let total: usize = counts.values().sum();
    let each: Vec<String> =
        counts.iter().map(|(check, count)| format!("{count} {}", check.word().replace('_', " "))).collect();
    let each = if each.is_empty() { String::new() } else { format!(" ({})", each.join(", ")) };
    let left_out = match findings.len() - total {
        0 => String::new(),
        count => format!(", {count} left out"),
    };
    format!("{}{each}{left_out}", words::counted(total, "finding"))
}

/// The digest of findings: of the bytes that `review --json --all` prints, SHA-256 in hexadecimal digits.
fn digest(findings: &[Finding]) -> String {
    let text = serde_json::to_string(findings).unwrap_or_default();
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The newest signature under a review in the records of the audit log.
fn signed_off(records: &[Record]) -> Option<SignedOff> {
    let record = records.iter().rev().find(|record| record.what == What::Reviewed.word())?;
    Some(SignedOff { at: record.at, who: record.who.words(), note: record.note.clone() })
}

impl Session {
    /// Looks at everything in the vault, with these kinds.
    ///
    /// # Errors
    /// Exit 6 where the audit log is not what was written.
    pub fn review(&self, kinds: &Kinds, standard: Standard) -> Result<Reviewed, Problem> {
        let findings = review(self.document(), kinds, &self.usage(), standard);
        Ok(Reviewed { findings, signed_off: signed_off(&self.records()?) })
    }

    /// Writes into the audit log that somebody looked at these findings: how many of what, their digest, and what
    /// they said to it.
    ///
    /// # Errors
    /// `audit_unwritable`, exit 1; exit 6 where the log is not what was written.
    pub fn sign_off(
        &mut self,
        findings: &[Finding],
        words: &str,
        now: Timestamp,
    ) -> Result<SignedOff, Problem> {
        let words = words.trim();
        let separator = if words.is_empty() { "" } else { "; " };
        let note = format!("{}; sha256 {}{separator}{words}", counted(findings), digest(findings));
        let entry = Entry::new(What::Reviewed).with_note(note);
        self.hand_out(vec![entry], &|| now, || Ok(()))?;
        signed_off(&self.records()?).ok_or_else(|| {
            Problem::new(Exit::Failed, "no_audit_key", "the vault has no audit log yet")
                .hint("any save gives it one")
        })
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

fn days_between(from: Timestamp, to: Timestamp) -> i64 {
    to.duration_since(from).as_secs().max(0) / 86_400
}

fn days(count: i64) -> String {
    if count == 1 { "1 day".to_owned() } else { format!("{count} days") }
}

fn in_days(count: i64) -> String {
    if count == 0 { "within a day".to_owned() } else { format!("in {}", days(count)) }
}

/// `a`, `a and b`, `a, b and 3 more`.
fn and(names: &[String]) -> String {
    match names {
        [] => String::new(),
        [one] => one.clone(),
        [one, two] => format!("{one} and {two}"),
        [one, two, rest @ ..] => format!("{one}, {two} and {} more", rest.len()),
    }
}

#[cfg(test)]
mod tests;
