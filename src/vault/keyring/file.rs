//! Identity files: age identities (plain or protected by a passphrase), plugin identities, SSH keys.

use std::io::Write;
use std::path::Path;

use age::armor::{ArmoredWriter, Format};
use age::secrecy::{ExposeSecret, SecretString};
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{Ask, Identity, KeyringError, MAX_WORK_FACTOR};
use crate::durable::{self, PrivateFile};
use crate::secret::Secret;
use crate::vault::seal::{self, Failure};

/// As age's own limit for identity files.
const LIMIT: u64 = 16 * 1024 * 1024;

/// What an identity file holds, by its first bytes.
enum Found {
    /// An age file: protected by a passphrase.
    Protected,
    /// An SSH private key.
    Ssh(age::ssh::Identity),
    /// Lines of identities.
    Plain,
}

/// Reads and unlocks one file.
pub(super) fn read(
    path: &Path,
    passphrase: Option<&Secret>,
    ask: &dyn Ask,
) -> Result<Vec<Identity>, KeyringError> {
    let file = load(path)?;
    let passphrase = || {
        passphrase
            .cloned()
            .or_else(|| ask.passphrase(&path.display().to_string()))
            .ok_or_else(|| KeyringError::Cancelled { path: path.to_owned() })
    };
    match classify(path, &file.bytes)? {
        Found::Plain => parse(path, &file.bytes),
        Found::Protected => {
            require_passphrase_file(path, &file.bytes)?;
            parse(path, &unprotect(path, &file.bytes, &passphrase()?)?)
        }
        Found::Ssh(identity) => Ok(vec![unlock_ssh(path, identity, passphrase)?]),
    }
}

/// Makes a new identity in a new file.
pub(super) fn create(
    path: &Path,
    passphrase: Option<&Secret>,
    work_factor: u8,
    now: Timestamp,
) -> Result<Identity, KeyringError> {
    let exists = || KeyringError::Exists { path: path.to_owned() };
    if path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    let identity = age::x25519::Identity::generate();
    let secret = identity.to_string();
    let plain = Zeroizing::new(format!(
        "# created: {now:.0}\n# public key: {}\n{}\n",
        identity.to_public(),
        secret.expose_secret()
    ));
    if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        durable::create_private_folder(folder)?;
    }
    let bytes = protect(path, plain.as_bytes(), passphrase, work_factor)?;
    match durable::create(path, &bytes, |back| opens_to(path, back, passphrase, plain.as_bytes())) {
        Ok(saved) => match saved.unsynced {
            None => Ok(Identity::native(path, identity)),
            Some(error) => Err(error.into()),
        },
        Err(durable::Error::Exists { .. }) => Err(exists()),
        Err(error) => Err(error.into()),
    }
}

/// Protects an identity file by another passphrase; `None`: by none. The old file stays until the new one
/// was read back and opened.
///
/// # Errors
/// As [`super::Keyring::unlock`]; SSH keys are refused (`ssh-keygen -p` does that).
pub fn change_passphrase(
    path: &Path,
    old: Option<Secret>,
    new: Option<Secret>,
    work_factor: u8,
) -> Result<(), KeyringError> {
    let file = load(path)?;
    let plain = match classify(path, &file.bytes)? {
        Found::Plain => file.bytes,
        Found::Protected => {
            require_passphrase_file(path, &file.bytes)?;
            let old = old.ok_or_else(|| KeyringError::Cancelled { path: path.to_owned() })?;
            unprotect(path, &file.bytes, &old)?
        }
        Found::Ssh(_) => {
            return Err(KeyringError::UnsupportedSsh {
                path: path.to_owned(),
                reason: format!("change its passphrase with: ssh-keygen -p -f {}", path.display()),
            });
        }
    };
    // What does not hold identities must not be made to look like it does.
    parse(path, &plain)?;
    let bytes = protect(path, &plain, new.as_ref(), work_factor)?;
    let saved =
        durable::replace(&file.path, &bytes, None, |back| opens_to(path, back, new.as_ref(), &plain))?;
    saved.unsynced.map_or(Ok(()), |error| Err(error.into()))
}

/// Whether unlocking this identity file takes a passphrase, so that a screen can ask before.
///
/// # Errors
/// As [`super::Keyring::unlock`].
pub fn needs_passphrase(path: &Path) -> Result<bool, KeyringError> {
    let file = load(path)?;
    Ok(match classify(path, &file.bytes)? {
        Found::Plain => false,
        Found::Protected => true,
        Found::Ssh(identity) => matches!(identity, age::ssh::Identity::Encrypted(_)),
    })
}

fn load(path: &Path) -> Result<PrivateFile, KeyringError> {
    durable::read_private(path, LIMIT).map_err(|error| {
        if error.is_missing() { KeyringError::Missing { path: path.to_owned() } } else { error.into() }
    })
}

fn not_an_identity(path: &Path, reason: &str) -> KeyringError {
    KeyringError::NotAnIdentity { path: path.to_owned(), reason: reason.to_owned() }
}

fn classify(path: &Path, bytes: &[u8]) -> Result<Found, KeyringError> {
    if bytes.starts_with(b"age-encryption.org/") || bytes.starts_with(b"-----BEGIN AGE ENCRYPTED FILE-----") {
        return Ok(Found::Protected);
    }
    let is_key = bytes.starts_with(b"-----BEGIN ")
        && bytes
            .split(|byte| *byte == b'\n')
            .next()
            .is_some_and(|line| line.trim_ascii_end().ends_with(b"PRIVATE KEY-----"));
    if !is_key {
        return Ok(Found::Plain);
    }
    let name = path.display().to_string();
    age::ssh::Identity::from_buffer(bytes, Some(name))
        .map(Found::Ssh)
        .map_err(|_| not_an_identity(path, "it starts like a private key, but is none that SSH uses"))
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<Identity>, KeyringError> {
    let text = std::str::from_utf8(bytes)
        .map_err(|_| not_an_identity(path, "it is neither text nor an age file"))?;
    let mut identities = Vec::new();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Ok(identity) = line.parse::<age::x25519::Identity>() {
            identities.push(Identity::native(path, identity));
        } else if let Ok(identity) = line.parse::<age::plugin::Identity>() {
            identities.push(Identity::plugin(path, identity));
        } else if super::super::parse_recipient(line).is_ok() {
            return Err(not_an_identity(path, "it holds a public key; the private one is needed"));
        } else {
            // The line itself is not quoted: it may be a mistyped key.
            return Err(not_an_identity(path, &format!("line {} is not an age identity", index + 1)));
        }
    }
    if identities.is_empty() {
        return Err(not_an_identity(path, "it holds none"));
    }
    Ok(identities)
}

fn unlock_ssh(
    path: &Path,
    identity: age::ssh::Identity,
    passphrase: impl FnOnce() -> Result<Secret, KeyringError>,
) -> Result<Identity, KeyringError> {
    use age::ssh::UnsupportedKey as Key;
    let unsupported = |reason: String| KeyringError::UnsupportedSsh { path: path.to_owned(), reason };
    if let age::ssh::Identity::Unsupported(key) = &identity {
        return Err(unsupported(match key {
            Key::EncryptedPem => format!(
                "its old format is not supported; convert it with: ssh-keygen -p -f {}",
                path.display()
            ),
            Key::EncryptedSsh(cipher) => format!("it is encrypted with {cipher}"),
            Key::Hardware(kind) => {
                format!("{kind} lives on a security key; use an age plugin for that key")
            }
            Key::Type(kind) => format!("type {kind} cannot decrypt; ssh-ed25519 and ssh-rsa can"),
        }));
    }
    let recipient = age::ssh::Recipient::try_from(identity.clone())
        .map_err(|_| unsupported("only ssh-ed25519 and ssh-rsa keys can decrypt".to_owned()))?;
    let identity = match identity {
        age::ssh::Identity::Encrypted(key) => {
            let passphrase = SecretString::from(passphrase()?.expose().to_owned());
            key.decrypt(passphrase)
                .map_err(|_| KeyringError::WrongPassphrase { path: path.to_owned() })?
                .into()
        }
        identity => identity,
    };
    Ok(Identity::ssh(path, identity, recipient))
}

fn require_passphrase_file(path: &Path, bytes: &[u8]) -> Result<(), KeyringError> {
    match seal::decryptor(bytes) {
        Ok(decryptor) if decryptor.is_scrypt() => Ok(()),
        Ok(_) => Err(not_an_identity(path, "it is an age file, but no passphrase opens it")),
        Err(_) => Err(KeyringError::Damaged { path: path.to_owned() }),
    }
}

fn unprotect(path: &Path, bytes: &[u8], passphrase: &Secret) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let mut identity = age::scrypt::Identity::new(SecretString::from(passphrase.expose().to_owned()));
    identity.set_max_work_factor(MAX_WORK_FACTOR);
    let path = path.to_owned();
    seal::unseal(bytes, &identity).map_err(|failure| match failure {
        Failure::WrongKey => KeyringError::WrongPassphrase { path },
        Failure::Work(found) => KeyringError::WorkFactor { path, found },
        _ => KeyringError::Damaged { path },
    })
}

fn protect(
    path: &Path,
    plain: &[u8],
    passphrase: Option<&Secret>,
    work_factor: u8,
) -> Result<Zeroizing<Vec<u8>>, KeyringError> {
    let Some(passphrase) = passphrase else { return Ok(Zeroizing::new(plain.to_vec())) };
    let mut recipient = age::scrypt::Recipient::new(SecretString::from(passphrase.expose().to_owned()));
    recipient.set_work_factor(work_factor);
    let armored = || -> Result<Vec<u8>, String> {
        let sealed = seal::seal_to(plain, std::iter::once(&recipient as &dyn age::Recipient))?;
        let wrap = || -> std::io::Result<Vec<u8>> {
            let mut output = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
            output.write_all(&sealed)?;
            output.finish()
        };
        wrap().map_err(|error| error.to_string())
    };
    armored().map(Zeroizing::new).map_err(|reason| KeyringError::Protect { path: path.to_owned(), reason })
}

/// Whether what came back from the disk opens to what went in.
fn opens_to(path: &Path, back: &[u8], passphrase: Option<&Secret>, plain: &[u8]) -> Result<(), String> {
    let opened = match passphrase {
        Some(passphrase) => unprotect(path, back, passphrase).map_err(|error| error.to_string())?,
        None => Zeroizing::new(back.to_vec()),
    };
    if *opened == plain { Ok(()) } else { Err("it opens to something else".to_owned()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_back_has_to_open_to_what_went_in() {
        let path = Path::new("identity");
        let passphrase = Secret::from("open sesame");
        let sealed = protect(path, b"the key", Some(&passphrase), 2).unwrap();
        opens_to(path, &sealed, Some(&passphrase), b"the key").unwrap();
        assert!(opens_to(path, &sealed, Some(&passphrase), b"another").is_err());
        assert!(opens_to(path, &sealed, Some(&Secret::from("wrong")), b"the key").is_err());
        opens_to(path, b"the key", None, b"the key").unwrap();
        assert!(opens_to(path, b"the keY", None, b"the key").is_err());
    }

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test writes a file as a person would")]
    fn a_file_of_some_megabytes_is_read_and_one_without_end_is_not() {
        use std::os::unix::fs::PermissionsExt;
        let home = tempfile::tempdir().unwrap();
        let path = home.path().join("identity");
        std::fs::write(&path, "#".repeat(3 << 20)).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).unwrap();
        assert!(!needs_passphrase(&path).unwrap());
        std::fs::File::options().write(true).open(&path).unwrap().set_len((16 << 20) + 1).unwrap();
        assert!(matches!(needs_passphrase(&path), Err(KeyringError::File(_))));
    }

    #[test]
    fn a_file_is_known_by_its_first_line() {
        let classify = |text: &str| classify(Path::new("identity"), text.as_bytes());
        for protected in ["age-encryption.org/v1\n", "-----BEGIN AGE ENCRYPTED FILE-----\n"] {
            assert!(matches!(classify(protected), Ok(Found::Protected)), "{protected}");
        }
        // A certificate is no key, and neither is a comment that names one.
        for plain in ["AGE-SECRET-KEY-1", "-----BEGIN CERTIFICATE-----\n", "# PRIVATE KEY-----\n", ""] {
            assert!(matches!(classify(plain), Ok(Found::Plain)), "{plain}");
        }
        assert!(classify("-----BEGIN EC PRIVATE KEY-----\nAAAA\n").is_err());
    }
}
