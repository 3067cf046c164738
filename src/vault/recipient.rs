//! Recipients: the public keys a vault is encrypted to.

/// A recipient that can be encrypted to.
#[derive(Clone)]
pub struct ParsedRecipient {
    text: String,
    kind: Kind,
}

#[derive(Clone)]
enum Kind {
    Native(age::x25519::Recipient),
    Tag(age::tag::Recipient),
    TagPq(age::tagpq::Recipient),
    Ssh(age::ssh::Recipient),
    Plugin(age::plugin::Recipient),
}

/// Why a text is not a recipient. Quotes nothing of a text that may be secret.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a recipient: {reason}")]
pub struct RecipientError {
    /// What is wrong and what to give instead.
    pub reason: String,
}

impl std::fmt::Debug for ParsedRecipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ParsedRecipient({})", self.text)
    }
}

impl std::fmt::Display for ParsedRecipient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.text)
    }
}

impl ParsedRecipient {
    /// Canonical text: what is stored and compared. An SSH key's comment is not part of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The name of the plugin it needs, if any.
    pub fn plugin(&self) -> Option<&str> {
        match &self.kind {
            Kind::Plugin(recipient) => Some(recipient.plugin()),
            _ => None,
        }
    }

    pub(super) fn kind_is_plugin(&self) -> bool {
        matches!(self.kind, Kind::Plugin(_))
    }
}

/// Reads a recipient: `age1…`, `ssh-ed25519 …`, `ssh-rsa …`, or a plugin's `age1name1…`.
///
/// # Errors
/// Says what the text is instead.
pub fn parse_recipient(text: &str) -> Result<ParsedRecipient, RecipientError> {
    todo!()
}
