//! What tests found, and what that says about a credential now.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::TokenLife;

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
    /// Since when its kind makes the request that proves it as it does now: an older record vouches for nothing.
    pub proves_since: Option<Timestamp>,
    /// How long its tokens last; `None`: it is none of those that have tokens.
    pub tokens: Option<TokenLife>,
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

/// What a good answer told about the credential.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Learnt {
    /// Whose it is, as the service names them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub who: Option<String>,
    /// What it may do, sorted; `None`: the service does not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scopes: Option<Vec<String>>,
    /// When it ends.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
}

impl Learnt {
    /// Whether nothing was told.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Scopes that an earlier answer did not have. None where one of the two does not say.
    pub fn more_than(&self, earlier: &Self) -> Vec<&str> {
        match (&self.scopes, &earlier.scopes) {
            (Some(now), Some(before)) => {
                now.iter().filter(|scope| !before.contains(scope)).map(String::as_str).collect()
            }
            _ => Vec::new(),
        }
    }

    /// In words: who, scopes, end. Empty where nothing was told.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        words.extend(self.who.clone());
        words.extend(self.scopes.as_ref().map(|scopes| match scopes.len() {
            0 => "no scopes".to_owned(),
            _ => format!("scopes {}", scopes.join(", ")),
        }));
        words.extend(self.expires_at.map(|at| format!("until {}", at.strftime("%Y-%m-%d %H:%M UTC"))));
        words.join("; ")
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
    /// What a good answer told.
    #[serde(default, skip_serializing_if = "Learnt::is_empty")]
    pub facts: Learnt,
}
