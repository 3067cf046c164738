//! What can stand in the log, before it is a line.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::model::{Credential, Id};
use crate::secret::Secret;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A vault was made.
    VaultCreated,
    /// A vault that would have been refused was accepted.
    VaultAdopted,
    /// An earlier generation became the newest.
    VaultRestored,
    /// All earlier generations were dropped.
    BackupsPurged,
    /// A vault, or its log, was refused; written without a key.
    VaultRefused,
    /// A vault was unlocked: a session starts.
    Opened,
    /// An identity or the vault did not open; written without a key.
    UnlockFailed,
    /// A session ended.
    Locked,
    /// A credential was made.
    Created,
    /// It got another version.
    Updated,
    /// It went to the trash.
    Removed,
    /// It was taken back from the trash.
    Restored,
    /// It was dropped from the trash.
    Purged,
    /// A purge was taken back.
    PutInTrash,
    /// Results of tests were saved.
    Tested,
    /// A solution was added.
    SolutionAdded,
    /// A solution got another name.
    SolutionRenamed,
    /// A solution was removed.
    SolutionRemoved,
    /// An OAuth app was made or changed.
    OauthAppChanged,
    /// An OAuth app was removed.
    OauthAppRemoved,
    /// A kind was defined, or got another schema.
    KindChanged,
    /// A kind was removed.
    KindRemoved,
    /// Who can open the vault was changed.
    RecipientsChanged,
    /// A secret was shown.
    Revealed,
    /// A secret was sent to the terminal's clipboard.
    Copied,
    /// A value was printed for a program.
    Got,
    /// It left the vault in an export, with its secrets.
    Exported,
    /// A program was started with values.
    Ran,
    /// A file was filled with values.
    Injected,
    /// A request was sent with it.
    Requested,
    /// It was to be used in a way that is forbidden, and was not.
    UseRefused,
    /// The next values of a credential were entered, or entered anew.
    RotationBegun,
    /// Its next values were put into use.
    Rotated,
    /// Those before were put back.
    RolledBack,
    /// A rotation ended: what was kept was dropped.
    RotationEnded,
    /// Tokens came from a login.
    LoggedIn,
    /// Tokens took the place of others, or the server refused that.
    Refreshed,
    /// Tokens were given back, or dropped.
    Revoked,
    /// Records were written to a file, names in clear.
    LogExported,
    /// A review was signed off.
    Reviewed,
    /// Files were scanned for references.
    Scanned,
    /// Lines without a code were counted.
    Sealed,
    /// Something is missing: a record that a crash cut short, or those of saves.
    Gap,
    /// Uses that no line could be written of were counted.
    Unrecorded,
    /// The clock was set.
    ClockJumped,
    /// A file of the log goes on where an earlier one ended.
    Continued,
}

const WORDS: &[(What, &str)] = &[
    (What::VaultCreated, "vault_created"),
    (What::VaultAdopted, "vault_adopted"),
    (What::VaultRestored, "vault_restored"),
    (What::BackupsPurged, "backups_purged"),
    (What::VaultRefused, "vault_refused"),
    (What::Opened, "opened"),
    (What::UnlockFailed, "unlock_failed"),
    (What::Locked, "locked"),
    (What::Created, "created"),
    (What::Updated, "updated"),
    (What::Removed, "removed"),
    (What::Restored, "restored"),
    (What::Purged, "purged"),
    (What::PutInTrash, "put_in_trash"),
    (What::Tested, "tested"),
    (What::SolutionAdded, "solution_added"),
    (What::SolutionRenamed, "solution_renamed"),
    (What::SolutionRemoved, "solution_removed"),
    (What::OauthAppChanged, "oauth_app_changed"),
    (What::OauthAppRemoved, "oauth_app_removed"),
    (What::KindChanged, "kind_changed"),
    (What::KindRemoved, "kind_removed"),
    (What::RecipientsChanged, "recipients_changed"),
    (What::Revealed, "revealed"),
    (What::Copied, "copied"),
    (What::Got, "got"),
    (What::Exported, "exported"),
    (What::Ran, "ran"),
    (What::Injected, "injected"),
    (What::Requested, "requested"),
    (What::UseRefused, "use_refused"),
    (What::RotationBegun, "rotation_begun"),
    (What::Rotated, "rotated"),
    (What::RolledBack, "rolled_back"),
    (What::RotationEnded, "rotation_ended"),
    (What::LoggedIn, "logged_in"),
    (What::Refreshed, "refreshed"),
    (What::Revoked, "revoked"),
    (What::LogExported, "log_exported"),
    (What::Reviewed, "reviewed"),
    (What::Scanned, "scanned"),
    (What::Sealed, "sealed"),
    (What::Gap, "gap"),
    (What::Unrecorded, "unrecorded"),
    (What::ClockJumped, "clock_jumped"),
    (What::Continued, "continued"),
];

impl What {
    /// Its word in the log.
    pub fn word(self) -> &'static str {
        WORDS.iter().find(|(what, _)| *what == self).map_or("", |(_, word)| word)
    }

    /// What a word of the log means. `None`: a later version wrote it.
    pub fn of_word(word: &str) -> Option<Self> {
        WORDS.iter().find(|(_, known)| *known == word).map(|(what, _)| *what)
    }

    /// All words that this version writes.
    pub fn words() -> impl Iterator<Item = &'static str> {
        WORDS.iter().map(|(_, word)| *word)
    }

    /// Whether a credential was used by it: its value left the vault for a program or a person.
    pub fn is_use(self) -> bool {
        matches!(
            self,
            Self::Revealed | Self::Copied | Self::Got | Self::Ran | Self::Injected | Self::Requested
        )
    }
}

/// Where a line stands in an act of two lines: what is about to be done is written before it is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// It is about to be done.
    Intent,
    /// What came of it.
    Result,
}

/// Who did it: from the system where that knows, not from what a program says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Who {
    /// The user's number.
    pub uid: u32,
    /// Their name; empty where none is known.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub user: String,
    /// The number of the user who logged in, where that is another one: as before `sudo`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<u32>,
    /// The terminal; empty where there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub tty: String,
    /// The address that SSH says the person comes from.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub ssh: String,
    /// The machine's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub host: String,
    /// The process.
    pub pid: u32,
}

impl Who {
    /// In words: `ann on pts/3 from 10.0.0.7`.
    pub fn words(&self) -> String {
        let mut words = if self.user.is_empty() { format!("user {}", self.uid) } else { self.user.clone() };
        if let Some(login) = self.login {
            words.push_str(&format!(" (logged in as user {login})"));
        }
        if !self.tty.is_empty() {
            words.push_str(&format!(" on {}", self.tty));
        }
        if !self.ssh.is_empty() {
            words.push_str(&format!(" from {}", self.ssh));
        }
        words
    }
}

/// What must not stand in clear: sealed as one text.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    /// Where the credential lives, or the name of a solution.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub solution: String,
    /// Its key.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub key: String,
    /// Which of its values, as a JSON pointer or a path.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub field: String,
    /// The workflow that used it, where that was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub workflow: String,
    /// What else is to be known, in words.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// The codes of values, by their places.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub values: BTreeMap<String, String>,
}

impl Names {
    pub(super) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One entry to be written.
#[derive(Clone, Debug)]
pub struct Entry {
    pub(super) what: What,
    pub(super) step: Option<Step>,
    pub(super) of: Option<u64>,
    pub(super) result: String,
    pub(super) id: Option<Id>,
    pub(super) ids: Vec<Id>,
    pub(super) version: Option<u32>,
    pub(super) names: Names,
    pub(super) value: Option<Secret>,
    pub(super) values: BTreeMap<String, Secret>,
    pub(super) facts: BTreeMap<String, i64>,
}

impl Entry {
    /// An entry with nothing but what happened.
    pub fn new(what: What) -> Self {
        Self {
            what,
            step: None,
            of: None,
            result: String::new(),
            id: None,
            ids: Vec::new(),
            version: None,
            names: Names::default(),
            value: None,
            values: BTreeMap::new(),
            facts: BTreeMap::new(),
        }
    }

    /// An entry about a credential.
    pub fn about(what: What, credential: &Credential) -> Self {
        let content = &credential.content;
        let names = Names {
            solution: content.solution().to_owned(),
            key: content.key().to_owned(),
            ..Names::default()
        };
        Self { id: Some(credential.id.clone()), version: Some(credential.version), names, ..Self::new(what) }
    }

    /// An entry about a credential of which no more is at hand.
    pub fn about_id(what: What, id: &Id, version: u32) -> Self {
        Self { id: Some(id.clone()), version: Some(version), ..Self::new(what) }
    }

    /// Which value is meant, and the value itself, of which the log holds a code.
    #[must_use]
    pub fn with_value(mut self, field: &str, value: &Secret) -> Self {
        self.names.field = field.to_owned();
        self.value = Some(value.clone());
        self
    }

    /// All secrets of a credential, of which the log holds codes.
    #[must_use]
    pub fn with_secrets(mut self, secrets: &BTreeMap<String, Secret>) -> Self {
        self.values.clone_from(secrets);
        self
    }

    /// The credentials that it is about, where those are many.
    #[must_use]
    pub fn with_ids(mut self, ids: Vec<Id>) -> Self {
        self.ids = ids;
        self
    }

    /// The name that it is about; sealed.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.names.key = name.to_owned();
        self
    }

    /// The solution that it is about; sealed.
    #[must_use]
    pub fn in_solution(mut self, name: &str) -> Self {
        self.names.solution = name.to_owned();
        self
    }

    /// The workflow that uses it; sealed.
    #[must_use]
    pub fn for_workflow(mut self, name: &str) -> Self {
        self.names.workflow = name.to_owned();
        self
    }

    /// More about it, in words; sealed.
    #[must_use]
    pub fn with_note(mut self, note: impl Into<String>) -> Self {
        self.names.note = note.into();
        self
    }

    /// What came of it: `ok`, or the code of a problem.
    #[must_use]
    pub fn with_result(mut self, result: &str) -> Self {
        self.result = result.to_owned();
        self
    }

    /// A number that stands in clear.
    #[must_use]
    pub fn with_fact(mut self, name: &str, number: i64) -> Self {
        self.facts.insert(name.to_owned(), number);
        self
    }

    /// The entry that says what is about to be done.
    pub(super) fn intent(&self) -> Self {
        Self { step: Some(Step::Intent), ..self.clone() }
    }

    /// The entry that says what came of it; names and values stand in the intent.
    pub(super) fn outcome(&self, of: u64, result: &str) -> Self {
        Self {
            step: Some(Step::Result),
            of: Some(of),
            result: result.to_owned(),
            id: self.id.clone(),
            ids: self.ids.clone(),
            version: self.version,
            ..Self::new(self.what)
        }
    }
}
