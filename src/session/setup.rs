//! From options to an unlocked vault, or to a new one.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

use super::{Network, Opened, Seat, Session};
use crate::audit::Verified;
use crate::config::Config;
use crate::durable;
use crate::model::{DEFAULT_SOLUTION, Document, Recipient};
use crate::paths::Paths;
use crate::problem::{Exit, Problem};
use crate::schema::Kinds;
use crate::secret::Secret;
use crate::vault::{Ask, Keyring, OpenPolicy, Places, StoreError, WORK_FACTOR, parse_recipient};

/// Everything that opening a vault takes, but for the person.
#[derive(Clone, Debug)]
pub struct Setup {
    /// The vault and what belongs to it.
    pub places: Places,
    /// Identity files.
    pub identities: Vec<PathBuf>,
    /// The passphrase of the identities, where it was given beforehand.
    pub passphrase: Option<Secret>,
    /// The current solution.
    pub solution: String,
    /// The options.
    pub config: Config,
    /// Whom tests trust, and what they go through.
    pub network: Network,
    /// The operator's own keys for the workbench; the file need not exist.
    pub keymap: PathBuf,
    /// The folder of the operator's own services; need not be there.
    pub services: PathBuf,
    /// The terminal, and the way to this machine.
    pub seat: Seat,
    /// Folders that are this program's own: made where they are missing.
    pub own_folders: Vec<PathBuf>,
}

/// How a first identity is protected.
#[derive(Clone, Debug)]
pub enum Protection {
    /// By a passphrase.
    Passphrase(Secret),
    /// Not at all: whoever has the file has the vault.
    None,
}

/// A new vault.
#[derive(Debug)]
pub struct Made {
    /// The vault, open.
    pub opened: Opened,
    /// The identity that was made with it; `None`: one that existed is used.
    pub identity: Option<PathBuf>,
    /// Who can open the vault.
    pub recipients: Vec<String>,
}

impl Setup {
    /// The usual places with the options of a configuration file laid over them.
    pub fn new(paths: &Paths, config: Config, config_file: &std::path::Path) -> Self {
        Self {
            places: Places {
                vault: paths.vault(&config, config_file),
                seen: paths.seen(),
                writers: paths.writers(),
            },
            identities: paths.identities(&config, config_file),
            passphrase: None,
            solution: config.solution.clone().unwrap_or_else(|| DEFAULT_SOLUTION.to_owned()),
            network: Network {
                ca_file: paths.authorities(&config, config_file),
                proxy: config.network.proxy.clone(),
                no_proxy: config.network.no_proxy.clone(),
                variables: crate::paths::proxy_variables(),
            },
            config,
            keymap: paths.keymap(),
            services: paths.services(),
            seat: Seat::here(),
            own_folders: paths.own().map(Into::into).into(),
        }
    }

    /// Whether there is something at the vault's place: a link that leads nowhere counts.
    pub fn has_vault(&self) -> bool {
        self.places.vault.symlink_metadata().is_ok()
    }

    /// The identity that `init` would make: the first, where that file does not exist.
    pub fn missing_identity(&self) -> Option<&PathBuf> {
        self.identities.first().filter(|path| path.symlink_metadata().is_err())
    }

    /// Unlocks the identities and opens the vault.
    ///
    /// # Errors
    /// Exit 3 without vault, identity or passphrase, 6 where the vault is refused.
    pub fn open(&self, ask: Arc<dyn Ask>, policy: OpenPolicy, now: Timestamp) -> Result<Opened, Problem> {
        Ok(Session::open(&self.places, self.keyring(ask, now)?, policy, now)?.with(&self.kinds()))
    }

    /// Checks the whole audit log before anything is added to it; then the vault is open as by [`Setup::open`].
    ///
    /// # Errors
    /// Exit 6 with the first line that is wrong; as [`Setup::open`].
    pub fn verify_log(&self, ask: Arc<dyn Ask>, now: Timestamp) -> Result<(Verified, Opened), Problem> {
        let keyring = self.keyring(ask, now)?;
        let (verified, opened) = super::open::verified(&self.places, keyring, now)?;
        Ok((verified, opened.with(&self.kinds())))
    }

    /// The built-in kinds, with the services of the operator's own folder. One that cannot be read adds none:
    /// `doctor` and `services` tell.
    pub fn kinds(&self) -> Arc<Kinds> {
        match super::catalogue(&self.services) {
            Ok(catalogue) => Kinds::with(catalogue),
            Err(_) => Kinds::builtin().clone(),
        }
    }

    /// Unlocks the identities; a failure is written into the vault's audit log. Asks nobody for a passphrase where there is no vault to open.
    ///
    /// # Errors
    /// Exit 3.
    pub fn keyring(&self, ask: Arc<dyn Ask>, now: Timestamp) -> Result<Keyring, Problem> {
        if !self.has_vault() {
            return Err(StoreError::Missing { path: self.places.vault.clone() }.into());
        }
        self.archive_keyring(ask, now)
    }

    /// As [`Setup::keyring`], where the vault itself may be gone and only its backups are there.
    ///
    /// # Errors
    /// Exit 3.
    pub fn archive_keyring(&self, ask: Arc<dyn Ask>, now: Timestamp) -> Result<Keyring, Problem> {
        self.make_own_folders()?;
        let unlocked = Keyring::unlock(&self.identities, self.passphrase.clone(), ask).map_err(Problem::from);
        unlocked.inspect_err(|problem| super::record::not_opened(&self.places, problem, now))
    }

    /// Makes a vault for the identities and further recipients; makes the first identity where it does not
    /// exist, protected as `protection` says once it is asked.
    ///
    /// # Errors
    /// Exit 5 where there is a vault already; what was made before a failure is named.
    pub fn init(
        &self,
        recipients: &[String],
        protection: impl FnOnce() -> Result<Protection, Problem>,
        ask: Arc<dyn Ask>,
        now: Timestamp,
    ) -> Result<Made, Problem> {
        self.init_with(Document::new(), recipients, protection, ask, now)
    }

    /// As [`Setup::init`], with something in the vault from the start.
    ///
    /// # Errors
    /// As [`Setup::init`].
    pub fn init_with(
        &self,
        document: Document,
        recipients: &[String],
        protection: impl FnOnce() -> Result<Protection, Problem>,
        ask: Arc<dyn Ask>,
        now: Timestamp,
    ) -> Result<Made, Problem> {
        if self.has_vault() {
            return Err(StoreError::Exists { path: self.places.vault.clone() }.into());
        }
        let others = recipients
            .iter()
            .map(|text| Ok(parse_recipient(text)?.text().to_owned()))
            .collect::<Result<Vec<_>, Problem>>()?;
        self.make_own_folders()?;
        self.require_folder()?;
        let made = self.missing_identity().cloned();
        let keyring = match &made {
            Some(path) => {
                let passphrase = match protection()? {
                    Protection::Passphrase(passphrase) => Some(passphrase),
                    Protection::None => None,
                };
                Keyring::create(path, passphrase, WORK_FACTOR, now)?
            }
            None => Keyring::unlock(&self.identities, self.passphrase.clone(), ask)?,
        };
        let mut all: Vec<Recipient> = Vec::new();
        for recipient in keyring.recipients().into_iter().chain(others) {
            if !all.iter().any(|known| known.recipient == recipient) {
                all.push(Recipient { recipient, name: String::new(), added_at: now });
            }
        }
        let names = all.iter().map(|recipient| recipient.recipient.clone()).collect();
        let document = Document { recipients: all, ..document };
        let opened =
            Session::create(&self.places, keyring, document, now).map_err(|problem| match &made {
                Some(path) => problem.causes([format!(
                    "the identity {} was made and stays; no vault was made",
                    path.display()
                )]),
                None => problem,
            })?;
        Ok(Made { opened, identity: made, recipients: names })
    }

    fn make_own_folders(&self) -> Result<(), Problem> {
        for folder in &self.own_folders {
            durable::create_private_folder(folder)?;
        }
        Ok(())
    }

    /// A folder that is not ours is not made: a mistyped path would look like a new vault.
    fn require_folder(&self) -> Result<(), Problem> {
        let folder = match self.places.vault.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => return Ok(()),
        };
        if folder.is_dir() {
            return Ok(());
        }
        let (code, message) = if folder.exists() {
            ("not_a_folder", format!("{} is not a folder", folder.display()))
        } else {
            ("no_folder", format!("there is no folder {}", folder.display()))
        };
        Err(Problem::new(Exit::Failed, code, message)
            .hint("make the folder first, or name another place with --vault"))
    }
}
