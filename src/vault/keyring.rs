//! Identities: the private keys that open a vault.

mod file;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use age::secrecy::ExposeSecret;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::seal::{self, Callbacks, Failure};
use crate::durable;
use crate::memory::Resident;
use crate::secret::Secret;

pub use file::{change_passphrase, needs_passphrase};

/// scrypt work factor (log2 of N) of every identity this program protects: 256 MiB, about a second. Fixed,
/// because age's own choice times the machine once and is weak on a busy one.
pub const WORK_FACTOR: u8 = 18;

/// The highest work factor that is read: 1 GiB. More would let a file exhaust memory.
pub const MAX_WORK_FACTOR: u8 = 20;

/// Questions that only a person can answer. Called on the thread that unlocks; may block it.
pub trait Ask: Send + Sync {
    /// The passphrase of what is named; `None`: cancelled.
    fn passphrase(&self, what: &str) -> Option<Secret>;
    /// Text that is not secret; `None`: cancelled.
    fn text(&self, what: &str) -> Option<String>;
    /// A choice; `None`: nobody can be asked.
    fn confirm(&self, message: &str, yes: &str, no: Option<&str>) -> Option<bool>;
    /// Tells a person something, such as "touch your key".
    fn message(&self, text: &str);
}

/// Answers nothing: for programs without a person.
#[derive(Clone, Copy, Debug, Default)]
pub struct NobodyToAsk;

impl Ask for NobodyToAsk {
    fn passphrase(&self, _: &str) -> Option<Secret> {
        None
    }
    fn text(&self, _: &str) -> Option<String> {
        None
    }
    fn confirm(&self, _: &str, _: &str, _: Option<&str>) -> Option<bool> {
        None
    }
    fn message(&self, _: &str) {}
}

/// Why an identity cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeyringError {
    /// There is no such file.
    #[error("there is no identity at {}", .path.display())]
    Missing {
        /// Where.
        path: PathBuf,
    },
    /// The file cannot be read, or others may read it.
    #[error(transparent)]
    File(#[from] durable::Error),
    /// A file is there already; it was not touched.
    #[error("there is a file at {} already; it was not touched", .path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// The passphrase does not open the identity.
    #[error("wrong passphrase for {}", .path.display())]
    WrongPassphrase {
        /// The identity.
        path: PathBuf,
    },
    /// A person cancelled, or there was nobody to ask.
    #[error("no passphrase for {}", .path.display())]
    Cancelled {
        /// The identity.
        path: PathBuf,
    },
    /// The file holds something else.
    #[error("{} is not an identity: {reason}", .path.display())]
    NotAnIdentity {
        /// The file.
        path: PathBuf,
        /// What it is instead. Quotes nothing of it.
        reason: String,
    },
    /// The file was an identity.
    #[error("the identity {} is damaged: it was changed or cut", .path.display())]
    Damaged {
        /// The identity.
        path: PathBuf,
    },
    /// More work than [`MAX_WORK_FACTOR`].
    #[error("{} asks for scrypt 2^{found}, at most 2^{MAX_WORK_FACTOR} is tried: protect it anew with a lower one", .path.display())]
    WorkFactor {
        /// The identity.
        path: PathBuf,
        /// Its work factor.
        found: u8,
    },
    /// An SSH key of a kind that age cannot use.
    #[error("the SSH key {} cannot be used: {reason}", .path.display())]
    UnsupportedSsh {
        /// The key.
        path: PathBuf,
        /// Why, and what works.
        reason: String,
    },
    /// A plugin is missing, said no, or broke.
    #[error("the age plugin could not be used: {reason}")]
    Plugin {
        /// Its reason.
        reason: String,
    },
    /// age could not encrypt the identity file.
    #[error("cannot protect {}: {reason}", .path.display())]
    Protect {
        /// The identity.
        path: PathBuf,
        /// age's reason.
        reason: String,
    },
    /// No identity was given.
    #[error("no identity was given")]
    Empty,
    /// The local writer key of an identity is not the one this host made.
    #[error("the local writer key {} is damaged or was exchanged; remove it to get a new one", .path.display())]
    WriterKey {
        /// The file.
        path: PathBuf,
    },
}

/// Unlocked identities, in the order they were given.
pub struct Keyring {
    identities: Vec<Identity>,
    callbacks: Callbacks,
    /// Dropped last: until then the keys stay out of swap.
    _resident: Resident,
}

impl std::fmt::Debug for Keyring {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keyring({} identities)", self.identities.len())
    }
}

impl Keyring {
    /// Reads and unlocks identity files: age identities (plain, or protected by a passphrase), SSH private
    /// keys, plugin identities. `passphrase`, where given, is used for all; else `ask` is asked.
    ///
    /// # Errors
    /// The first file that cannot be used.
    pub fn unlock(
        identities: &[PathBuf],
        passphrase: Option<Secret>,
        ask: Arc<dyn Ask>,
    ) -> Result<Self, KeyringError> {
        let mut found = Vec::new();
        for path in identities {
            found.extend(file::read(path, passphrase.as_ref(), ask.as_ref())?);
        }
        if found.is_empty() {
            return Err(KeyringError::Empty);
        }
        Ok(Self::of(found, Callbacks::new(ask)))
    }

    /// Makes a new age identity in a new file, protected by a passphrase where one is given. Callers pass
    /// [`WORK_FACTOR`]; tests a small one.
    ///
    /// # Errors
    /// [`KeyringError::Exists`]; files.
    pub fn create(
        path: &Path,
        passphrase: Option<Secret>,
        work_factor: u8,
        now: Timestamp,
    ) -> Result<Self, KeyringError> {
        let identity = file::create(path, passphrase.as_ref(), work_factor, now)?;
        Ok(Self::of(vec![identity], Callbacks::new(Arc::new(NobodyToAsk))))
    }

    fn of(identities: Vec<Identity>, callbacks: Callbacks) -> Self {
        let _resident = Resident::new(&identities[..]);
        Self { identities, callbacks, _resident }
    }

    /// The recipients of these identities; a plugin identity's cannot be known without its hardware.
    pub fn recipients(&self) -> Vec<String> {
        self.identities.iter().filter_map(|identity| identity.public.clone()).collect()
    }

    pub(super) fn identity(&self, index: usize) -> &Identity {
        &self.identities[index]
    }

    pub(super) fn callbacks(&self) -> &Callbacks {
        &self.callbacks
    }

    /// Whether opening something may take a person and a piece of hardware.
    pub(super) fn has_plugin(&self) -> bool {
        self.identities.iter().any(Identity::is_plugin)
    }

    /// The first identity for which `can` holds.
    pub(super) fn position(&self, can: impl Fn(&Identity) -> bool) -> Option<usize> {
        self.identities.iter().position(can)
    }

    /// Opens an age file with the first identity that can; those that need no person are tried first.
    pub(super) fn open(&self, bytes: &[u8]) -> Result<(usize, Zeroizing<Vec<u8>>), OpenFailure> {
        let mut order: Vec<usize> = (0..self.identities.len()).collect();
        order.sort_by_key(|index| self.identities[*index].is_plugin());
        let mut plugin_failure = None;
        for index in order {
            match self.identities[index].unseal(bytes, &self.callbacks) {
                Ok(plain) => return Ok((index, plain)),
                Err(Failure::NoMatch) if self.callbacks.take_cancelled() => {
                    let path = self.identities[index].path.clone();
                    return Err(OpenFailure::Keyring(KeyringError::Cancelled { path }));
                }
                Err(Failure::NoMatch) => {}
                Err(Failure::MissingPlugin(reason) | Failure::Plugin(reason)) => {
                    plugin_failure = Some(KeyringError::Plugin { reason });
                }
                Err(failure) => return Err(OpenFailure::File(failure)),
            }
        }
        Err(plugin_failure.map_or(OpenFailure::NoMatch, OpenFailure::Keyring))
    }
}

/// Why a keyring did not open an age file.
pub(super) enum OpenFailure {
    /// No identity fits.
    NoMatch,
    /// The file is at fault.
    File(Failure),
    /// An identity is at fault.
    Keyring(KeyringError),
}

/// One private key.
pub(super) struct Identity {
    path: PathBuf,
    kind: Kind,
    /// Its canonical recipient.
    public: Option<String>,
}

enum Kind {
    Native(age::x25519::Identity),
    Ssh(Box<(age::ssh::Identity, age::ssh::Recipient)>),
    Plugin(age::plugin::Identity),
}

impl Identity {
    fn native(path: &Path, identity: age::x25519::Identity) -> Self {
        let public = Some(identity.to_public().to_string());
        Self { path: path.to_owned(), kind: Kind::Native(identity), public }
    }

    fn plugin(path: &Path, identity: age::plugin::Identity) -> Self {
        Self { path: path.to_owned(), kind: Kind::Plugin(identity), public: None }
    }

    fn ssh(path: &Path, identity: age::ssh::Identity, recipient: age::ssh::Recipient) -> Self {
        let public = Some(recipient.to_string());
        Self { path: path.to_owned(), kind: Kind::Ssh(Box::new((identity, recipient))), public }
    }

    /// Its recipient, where that is known without hardware.
    pub(super) fn public(&self) -> Option<&str> {
        self.public.as_deref()
    }

    /// Whether each use may take a person and a piece of hardware.
    pub(super) fn is_plugin(&self) -> bool {
        matches!(self.kind, Kind::Plugin(_))
    }

    /// Whether it opens what is encrypted to this recipient. Of a plugin only the name can be compared.
    pub(super) fn answers_to(&self, recipient: &super::ParsedRecipient) -> bool {
        match &self.kind {
            Kind::Plugin(identity) => recipient.plugin() == Some(identity.plugin()),
            _ => self.public() == Some(recipient.text()),
        }
    }

    /// A text that tells it from others: its recipient, or a plugin identity's own text.
    pub(super) fn label(&self) -> String {
        match &self.kind {
            Kind::Plugin(identity) => identity.to_string(),
            _ => self.public.clone().unwrap_or_default(),
        }
    }

    /// The secret, where the identity gives it away.
    pub(super) fn secret(&self) -> Option<Secret> {
        match &self.kind {
            Kind::Native(identity) => Some(Secret::from(identity.to_string().expose_secret())),
            Kind::Ssh(_) | Kind::Plugin(_) => None,
        }
    }

    /// What age encrypts to, to reach this identity.
    pub(super) fn recipient(
        &self,
        callbacks: &Callbacks,
    ) -> Result<Box<dyn age::Recipient + Send>, KeyringError> {
        Ok(match &self.kind {
            Kind::Native(identity) => Box::new(identity.to_public()),
            Kind::Ssh(pair) => Box::new(pair.1.clone()),
            Kind::Plugin(identity) => Box::new(
                age::plugin::RecipientPluginV1::new(
                    identity.plugin(),
                    &[],
                    std::slice::from_ref(identity),
                    callbacks.clone(),
                )
                .map_err(|error| KeyringError::Plugin { reason: seal::resolve_reason(&error) })?,
            ),
        })
    }

    pub(super) fn unseal(&self, bytes: &[u8], callbacks: &Callbacks) -> Result<Zeroizing<Vec<u8>>, Failure> {
        match &self.kind {
            Kind::Native(identity) => seal::unseal(bytes, identity),
            Kind::Ssh(pair) => {
                // A stanza that names this SSH key and does not open was changed: the key is right.
                seal::unseal(bytes, &pair.0).map_err(|failure| match failure {
                    Failure::WrongKey => Failure::Header,
                    other => other,
                })
            }
            Kind::Plugin(identity) => {
                let plugin = age::plugin::IdentityPluginV1::new(
                    identity.plugin(),
                    std::slice::from_ref(identity),
                    callbacks.clone(),
                )
                .map_err(|error| Failure::MissingPlugin(seal::resolve_reason(&error)))?;
                seal::unseal(bytes, &plugin)
            }
        }
    }
}
