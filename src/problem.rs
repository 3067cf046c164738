//! Every error, as a person or a script meets it: a code, a sentence, its causes and a hint that says what
//! to do, with the exit code of the contract.

use std::fmt;

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
impl From<crate::vault::Refusal> for Problem {
    fn from(refusal: crate::vault::Refusal) -> Self {
        Self::new(Exit::Damaged, "vault_refused", refusal.to_string())
    }
}

impl From<crate::vault::StoreError> for Problem {
    fn from(error: crate::vault::StoreError) -> Self {
        Self::new(Exit::Failed, "vault", error.to_string())
    }
}
