//! Every error, as a person or a script meets it: a code, a sentence, its causes and a hint that says what
//! to do, with the exit code of the contract.

use std::fmt;

use crate::audit;
use crate::config::ConfigError;
use crate::durable;
use crate::import;
use crate::model::EditError;
use crate::paths::NoHome;
use crate::vault::export::ExportError;
use crate::vault::{KeyringError, RecipientError, Refusal, StoreError};

/// Exit codes of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// The work ran and failed: a test that did not pass, an I/O error, a full disk.
    Failed = 1,
    /// The command line itself is wrong.
    Usage = 2,
    /// The vault cannot be unlocked, or there is none.
    Locked = 3,
    /// No such credential, solution or field.
    NotFound = 4,
    /// Refused: in use, exists, conflict, origin changed.
    Refused = 5,
    /// The vault or the audit log is damaged, forged, or older than last seen.
    Damaged = 6,
    /// An invalid document or configuration.
    Invalid = 7,
}

/// An error for people and scripts. Its texts never hold a secret and never a control character that came
/// from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// A stable word for scripts, such as `wrong_passphrase`.
    pub code: &'static str,
    /// One sentence: what went wrong, with its place.
    pub message: String,
    /// Further sentences: each violation of an invalid document, or the chain of causes.
    pub causes: Vec<String>,
    /// What to do about it.
    pub hint: Option<String>,
    /// The exit code.
    pub exit: Exit,
}

impl Problem {
    /// A problem with nothing but its sentence.
    pub fn new(exit: Exit, code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), causes: Vec::new(), hint: None, exit }
    }

    /// Adds what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds causes.
    #[must_use]
    pub fn causes(mut self, causes: impl IntoIterator<Item = String>) -> Self {
        self.causes.extend(causes);
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Problem {}

/// Why a vault is not trusted: exit 6 in every command.
impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let problem = |code| Self::new(Exit::Damaged, code, refusal.to_string());
        const ADOPT: &str =
            "if you know how this came about, `credbench vault adopt` accepts the file as it is";
        match &refusal {
            Refusal::Damaged(_) => problem("vault_damaged"),
            Refusal::TooNew { .. } => problem("vault_too_new").hint("install the newer credbench"),
            Refusal::Forged(_) => problem("vault_forged").hint(ADOPT),
            Refusal::UnknownWriter { .. } => problem("unknown_writer").hint(ADOPT),
            Refusal::Foreign { .. } => problem("foreign_vault").hint(ADOPT),
            Refusal::Rollback { .. } => problem("rollback").hint(ADOPT),
            Refusal::SameGeneration { .. } => problem("same_generation").hint(ADOPT),
            Refusal::Fork { .. } => problem("fork").hint(ADOPT),
            Refusal::Memory { .. } => problem("seen_damaged").hint(ADOPT),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let message = error.to_string();
        let problem = |exit, code| Self::new(exit, code, message.clone());
        match error {
            StoreError::Missing { .. } => problem(Exit::Locked, "no_vault")
                .hint("`credbench init` makes one; --vault names another place"),
            StoreError::Exists { .. } => problem(Exit::Refused, "vault_exists")
                .hint("open it without `init`, or name another place with --vault"),
            StoreError::Keyring(error) => error.into(),
            StoreError::NoIdentityOpens { .. } => problem(Exit::Locked, "no_identity_opens").hint(
                "name the right one with --identity, or ask somebody who can open the vault to add your recipient",
            ),
            StoreError::Restorable { refusal, backup, .. } => {
                let at = backup.saved_at.strftime("%Y-%m-%d %H:%M UTC");
                let hint = format!(
                    "its newest good backup is of {at}: `credbench backup restore {}` makes it the newest \
                     generation, and keeps the damaged file beside it",
                    backup.name()
                );
                Self { message, hint: Some(hint), ..refusal.into() }
            }
            StoreError::NoLongerOpens { backup, .. } => problem(Exit::Locked, "no_identity_opens").hint(format!(
                "ask somebody who can open it whether you were taken off; if it is damaged, move it away and run \
                 `credbench backup restore {}`",
                backup.name()
            )),
            StoreError::NoBackup { .. } => {
                problem(Exit::NotFound, "no_backup").hint("`credbench backup list` shows those there are")
            }
            StoreError::Refused { refusal, .. } => Self { message, ..refusal.into() },
            StoreError::Edit(error) => error.into(),
            StoreError::ReadOnly(refusal) => Self { message, ..refusal.into() },
            StoreError::LockedOut { .. } => problem(Exit::Refused, "locked_out")
                .hint("keep its recipient, or do this with another identity"),
            StoreError::Recipient(error) => error.into(),
            StoreError::Encrypt { .. } => problem(Exit::Failed, "encrypt")
                .hint("`credbench recipients list` shows whom the vault is encrypted to"),
            StoreError::NotStorable { .. } => problem(Exit::Invalid, "not_storable"),
            StoreError::Contended { .. } => {
                problem(Exit::Refused, "contended").hint("wait until they are done and try again")
            }
            StoreError::File(error) => error.into(),
        }
    }
}

/// An audit log that is not what was written: exit 6 in every command.
impl From<audit::Error> for Problem {
    fn from(error: audit::Error) -> Self {
        match error {
            audit::Error::File(error) => error.into(),
            audit::Error::Broken(broken) => Self::new(Exit::Damaged, "audit_broken", broken.to_string()).hint(
                "`credbench audit verify` looks at all of it; if you know how this came about, `credbench vault \
                 adopt` keeps what is there aside and begins anew",
            ),
        }
    }
}

impl From<durable::Error> for Problem {
    fn from(error: durable::Error) -> Self {
        let message = error.to_string();
        let problem = |exit, code| Self::new(exit, code, message.clone());
        match &error {
            durable::Error::Io { source, step, .. } => {
                let problem = problem(Exit::Failed, "io");
                match source.kind() {
                    std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
                        problem.hint("make room on that disk and try again; nothing was changed")
                    }
                    std::io::ErrorKind::ReadOnlyFilesystem => {
                        problem.hint("the disk is mounted read-only; nothing was changed")
                    }
                    std::io::ErrorKind::PermissionDenied => {
                        problem.hint("look at the owner and the mode of that file and its folder")
                    }
                    std::io::ErrorKind::NotFound if *step == durable::Step::CreateTemporary => {
                        problem.hint("its folder does not exist: make it first, or name another place")
                    }
                    std::io::ErrorKind::NotADirectory | std::io::ErrorKind::AlreadyExists => {
                        problem.hint("a file stands where a folder is needed: name another place")
                    }
                    _ => problem,
                }
            }
            durable::Error::NotAFile { .. } => problem(Exit::Failed, "not_a_file"),
            durable::Error::TooLarge { .. } => problem(Exit::Failed, "too_large"),
            durable::Error::Exposed { path, mend, .. } => {
                problem(Exit::Locked, "exposed").hint(format!("chmod {mend} {}", path.display()))
            }
            durable::Error::ForeignOwner { .. } => problem(Exit::Locked, "foreign_owner")
                .hint("use the account that it belongs to, or let its owner give it to you with chown"),
            durable::Error::Exists { .. } => problem(Exit::Refused, "exists"),
            durable::Error::Busy { .. } => {
                problem(Exit::Refused, "busy").hint("wait until the other program is done and try again")
            }
            durable::Error::ReadBack { .. } => {
                problem(Exit::Failed, "read_back").hint("the disk may be failing: look at its health")
            }
        }
    }
}

/// An identity that cannot be used: exit 3.
impl From<KeyringError> for Problem {
    fn from(error: KeyringError) -> Self {
        let message = error.to_string();
        let problem = |code| Self::new(Exit::Locked, code, message.clone());
        match error {
            KeyringError::Missing { .. } => problem("no_identity").hint(
                "--identity names one that is elsewhere; `credbench init` makes the first one with a vault",
            ),
            // Which permissions are wrong is said by the file; that nothing can be unlocked is the outcome.
            KeyringError::File(error) => Self { exit: Exit::Locked, ..error.into() },
            KeyringError::Exists { .. } => Self { exit: Exit::Refused, ..problem("identity_exists") },
            KeyringError::WrongPassphrase { .. } => problem("wrong_passphrase")
                .hint("try again; a passphrase that is lost cannot be recovered from anywhere"),
            KeyringError::Cancelled { .. } => problem("no_passphrase")
                .hint("run it on a terminal, or give the passphrase with --passphrase-file"),
            KeyringError::NotAnIdentity { .. } => problem("not_an_identity")
                .hint("an identity is a file of age-keygen, one that credbench made, or an SSH private key"),
            KeyringError::Damaged { .. } => {
                problem("identity_damaged").hint("put a copy of it back; the vault itself is not touched")
            }
            KeyringError::WorkFactor { .. } => problem("work_factor"),
            KeyringError::UnsupportedSsh { .. } => problem("unsupported_ssh_key"),
            KeyringError::Plugin { .. } => {
                problem("plugin").hint("the plugin's program (age-plugin-NAME) must be on the PATH")
            }
            KeyringError::Protect { .. } => Self { exit: Exit::Failed, ..problem("protect") },
            KeyringError::Empty => problem("no_identity").hint("name one with --identity"),
            KeyringError::WriterKey { path } => problem("writer_key").hint(format!(
                "move {} away; a new one is made, and hosts that know the vault adopt it once",
                path.display()
            )),
        }
    }
}

impl From<EditError> for Problem {
    fn from(error: EditError) -> Self {
        let message = error.to_string();
        let problem = |exit, code| Self::new(exit, code, message.clone());
        match error {
            EditError::KeyTaken { key, .. } => problem(Exit::Refused, "exists").hint(format!(
                "`credbench show {key}` shows it; choose another key, or change it with `put`"
            )),
            EditError::NoCredential(_) => problem(Exit::NotFound, "no_credential"),
            EditError::NotInTrash(_) => problem(Exit::NotFound, "not_in_trash"),
            EditError::Conflict { .. } | EditError::Removed { .. } => {
                problem(Exit::Refused, "conflict").hint("look at what is stored now, then do it again")
            }
            EditError::TokensChanged(_) => {
                problem(Exit::Refused, "tokens_changed").hint("look at what is stored now, then do it again")
            }
            EditError::RotationChanged(_) => problem(Exit::Refused, "rotation_changed")
                .hint("look at where it stands now, then decide again"),
            EditError::SolutionTaken(_) => problem(Exit::Refused, "exists"),
            EditError::NoSolution(_) => {
                problem(Exit::NotFound, "no_solution").hint("`credbench solution list` shows those there are")
            }
            EditError::SolutionInUse(_) => problem(Exit::Refused, "in_use"),
            EditError::SolutionStays(_) => {
                problem(Exit::Refused, "solution_stays").hint("copy it under another name instead")
            }
            EditError::OauthAppInUse { .. } => problem(Exit::Refused, "in_use")
                .hint("let those credentials refer to another app, or remove them first"),
            EditError::OauthAppConflict(_) => {
                problem(Exit::Refused, "conflict").hint("look at what is stored now, then do it again")
            }
            EditError::KindInUse { .. } => problem(Exit::Refused, "in_use")
                .hint("give those credentials another kind, or remove them, from the trash too"),
            EditError::KindTaken(_) => problem(Exit::Refused, "exists"),
            EditError::NoKind(_) => {
                problem(Exit::NotFound, "no_kind").hint("`credbench kinds` shows those there are")
            }
            EditError::KindConflict { .. } => {
                problem(Exit::Refused, "conflict").hint("look at what is stored now, then do it again")
            }
            EditError::IdTaken(_) => problem(Exit::Refused, "exists"),
        }
    }
}

/// An export that cannot be read: it is no vault, so nothing is wrong with one.
impl From<ExportError> for Problem {
    fn from(error: ExportError) -> Self {
        let message = error.to_string();
        match error {
            ExportError::NoMatch => Self::new(Exit::Locked, "no_identity_opens", message).hint(
                "name the identity that it is encrypted to besides your own: --identity may be given twice",
            ),
            ExportError::Keyring(error) => error.into(),
            ExportError::Refused(_) => Self::new(Exit::Invalid, "invalid_import", message),
        }
    }
}

/// A file of another program that cannot be read.
impl From<import::Mistake> for Problem {
    fn from(mistake: import::Mistake) -> Self {
        let problem = Self::new(Exit::Invalid, "invalid_import", mistake.to_string());
        match mistake.hint {
            Some(hint) => problem.hint(hint),
            None => problem,
        }
    }
}

impl From<RecipientError> for Problem {
    fn from(error: RecipientError) -> Self {
        Self::new(Exit::Invalid, "invalid_recipient", error.to_string())
    }
}

impl From<ConfigError> for Problem {
    fn from(error: ConfigError) -> Self {
        let problem = Self::new(Exit::Invalid, "invalid_configuration", error.to_string());
        match error.hint {
            Some(hint) => problem.hint(hint),
            None => problem.hint("config.example.toml shows every option"),
        }
    }
}

impl From<NoHome> for Problem {
    fn from(error: NoHome) -> Self {
        Self::new(Exit::Failed, "no_home", error.to_string()).hint("set HOME to your home folder")
    }
}
