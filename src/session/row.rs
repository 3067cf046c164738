//! A credential as one row of the list, for the screen and for `list --json`.

use jiff::Timestamp;
use serde::Serialize;

use super::oauth;
use crate::audit::Usage;
use crate::model::search::Subject;
use crate::model::{Content, Credential, Document, Facts, Outcome, Renewal, Status};
use crate::probe;
use crate::schema::{Kind, Kinds};

/// One row. Serialized, it is the object of `list --json`; borrowed, because a list may be long.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Row<'a> {
    /// Where it lives.
    pub solution: &'a str,
    /// Its key.
    pub key: &'a str,
    /// Its label; empty where there is none.
    pub name: &'a str,
    /// Its kind's id.
    pub kind: &'a str,
    /// Its service; empty where there is none.
    pub service: &'a str,
    /// Its status.
    pub status: Status,
    /// `rotation_due`, `needs_attention`.
    pub flags: Vec<&'static str>,
    /// Its tags.
    pub tags: Vec<&'a str>,
    /// More than one recipient can open the vault.
    pub shared: bool,
    /// When version 1 was made.
    pub created_at: Timestamp,
    /// When the current version was made.
    pub updated_at: Timestamp,
    /// When its value last left the vault, by the audit log; `null`: it never did.
    pub last_used_at: Option<Timestamp>,
    /// The last test of what is stored now, or of an earlier version.
    pub last_test: Option<LastTest<'a>>,
    /// A later test could not decide: the status is an earlier verdict.
    #[serde(skip)]
    pub old: bool,
    /// When it ends; `None`: not known, or never.
    #[serde(skip)]
    pub ends: Option<Ends>,
}

/// When a credential ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// Of tokens that are renewed, when the present one does.
    at: Timestamp,
    /// The next token is got without a person.
    renews: bool,
}

impl Ends {
    /// Of a credential, whose status depends on these facts.
    pub fn of(credential: &Credential, facts: &Facts) -> Option<Self> {
        let renewed = facts.tokens.filter(|life| life.renewal != Renewal::Login);
        match (credential.ends(facts.tokens), renewed.and_then(|life| life.access_ends)) {
            (Some(at), None) => Some(Self { at, renews: false }),
            // What is over for good is over for its tokens too.
            (Some(at), Some(access)) if at <= facts.now || at <= access => Some(Self { at, renews: false }),
            (_, Some(at)) => Some(Self { at, renews: true }),
            (None, None) => None,
        }
    }

    /// When.
    pub fn at(self) -> Timestamp {
        self.at
    }

    /// How long it is until then, in one unit: `42 m`, `42 m, renews`, `over`.
    pub fn left(self, now: Timestamp) -> String {
        if self.at <= now {
            return if self.renews { "renews" } else { "over" }.to_owned();
        }
        let time = oauth::left(self.at, now);
        if self.renews { format!("{time}, renews") } else { time }
    }
}

impl Row<'_> {
    /// What a query looks at.
    pub fn subject(&self) -> Subject<'_> {
        Subject {
            key: self.key,
            name: self.name,
            kind: self.kind,
            service: self.service,
            solution: self.solution,
            status: self.status,
            tags: &self.tags,
            flags: &self.flags,
            old: self.old,
            used: self.last_used_at.is_some(),
        }
    }
}

/// The last test in a row.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LastTest<'a> {
    /// What was found.
    pub outcome: Outcome,
    /// When.
    pub at: Timestamp,
    /// How long it took.
    pub latency_ms: u64,
    /// One sentence.
    pub message: &'a str,
}

/// What a credential's status depends on besides itself.
pub fn facts(
    document: &Document,
    credential: &Credential,
    kinds: &Kinds,
    now: Timestamp,
    expiring_days: u32,
) -> Facts {
    let kind = kinds.of_content(&credential.content);
    facts_as(kind.as_deref(), document, credential, now, expiring_days)
}

/// As [`facts`], where the kind was looked up already: a list asks for every row.
fn facts_as(
    kind: Option<&Kind>,
    document: &Document,
    credential: &Credential,
    now: Timestamp,
    expiring_days: u32,
) -> Facts {
    Facts {
        tokens: oauth::life_in(document, credential, now),
        complete: Kinds::is_complete_as(kind, &credential.content),
        testable: has_test_as(kind, &credential.content),
        proves_since: kind.and_then(Kind::proves_since),
        now,
        expires_soon_secs: i64::from(expiring_days) * 86_400,
    }
}

/// Whether there is a request, a login or a grant that could prove it: its own, its kind's or its service's.
pub fn has_test(kinds: &Kinds, content: &Content) -> bool {
    has_test_as(kinds.of_content(content).as_deref(), content)
}

fn has_test_as(kind: Option<&Kind>, content: &Content) -> bool {
    let known = match kind {
        Some(kind) => kind.test_of(content).is_some() || kind.serves_test() || kind.logs_in(content),
        None => content.document.contains_key("test"),
    };
    known || probe::proves_itself(content)
}

/// Why a credential is not to be tested in the background, or among many without asking; `None`: it may be.
pub fn caution(kinds: &Kinds, content: &Content) -> Option<&'static str> {
    kinds.of_content(content)?.caution(content)
}

/// The row of one credential.
pub fn row<'a>(
    document: &Document,
    credential: &'a Credential,
    kinds: &Kinds,
    usage: &Usage,
    now: Timestamp,
    expiring_days: u32,
) -> Row<'a> {
    let content = &credential.content;
    let kind = kinds.of_content(content);
    let facts = facts_as(kind.as_deref(), document, credential, now, expiring_days);
    let (status, old) = credential.status(facts);
    let due = super::is_rotation_due(credential, now);
    let unfit = Kinds::needs_attention(kind.as_deref(), credential);
    let flags = [(due, "rotation_due"), (unfit, "needs_attention")];
    Row {
        solution: content.solution(),
        key: content.key(),
        name: content.name(),
        kind: content.kind(),
        service: content.service(),
        status,
        flags: flags.iter().filter(|(set, _)| *set).map(|(_, word)| *word).collect(),
        tags: content.tags(),
        shared: document.recipients.len() > 1,
        created_at: credential.created_at,
        updated_at: credential.updated_at,
        last_used_at: usage.of(&credential.id).map(|used| used.last),
        last_test: credential.last_test().map(|test| LastTest {
            outcome: test.outcome,
            at: test.at,
            latency_ms: test.latency_ms,
            message: &test.message,
        }),
        old,
        ends: Ends::of(credential, &facts),
    }
}

/// The rows of a document, sorted by solution and key.
pub fn rows<'a>(
    document: &'a Document,
    kinds: &Kinds,
    usage: &Usage,
    now: Timestamp,
    expiring_days: u32,
) -> Vec<Row<'a>> {
    let mut rows: Vec<Row<'a>> = document
        .credentials
        .iter()
        .map(|credential| row(document, credential, kinds, usage, now, expiring_days))
        .collect();
    rows.sort_by(|a, b| (a.solution, a.key).cmp(&(b.solution, b.key)));
    rows
}
