//! The key that an identity signs with, and those it keeps `seen.json` and its own unsaved drafts honest with.
//!
//! All come out of one seed by HKDF. Where an identity's secret is at hand, that secret is the seed: nobody
//! without it can sign as its owner. An SSH key or a plugin gives no secret away: there a random seed is kept on
//! this host, encrypted to that identity. Anybody can encrypt to a public key and put a seed there that they
//! know, so such a seed is used only where `seen.json` has its public key, noted when this program made it.

use std::path::Path;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::error::StoreError;
use super::keyring::{Identity, KeyringError};
use super::seal::{self, Callbacks, Failure};
use super::seen;
use crate::durable;
use crate::memory::Resident;
use crate::secret::Secret;

const SIGNATURE: &[u8] = b"credbench vault signature 1\n";
const SIGNING_INFO: &[u8] = b"credbench writer key 1";
const MEMORY_INFO: &[u8] = b"credbench seen key 1";
const DRAFTS_INFO: &[u8] = b"credbench draft key 1";
const SEED_LEN: usize = 32;
const SEED_FILE_LIMIT: u64 = 1024 * 1024;

/// An identity's keys for signing vaults and for `seen.json`.
pub(super) struct WriterKey {
    /// In one place of the heap: moving them would leave copies behind.
    keys: Box<Keys>,
    /// Dropped after them: until then they stay out of swap.
    _resident: Resident,
    /// Came out of the identity's own secret: whoever has it is the identity.
    pub(super) derived: bool,
}

struct Keys {
    signing: SigningKey,
    memory: MacKey,
    drafts: MacKey,
}

impl WriterKey {
    /// The keys that come out of an identity's own secret.
    pub(super) fn derived(secret: &Secret) -> Self {
        Self::from_seed(secret.expose().as_bytes(), true)
    }

    /// The keys of an identity that gives no secret away, from this host's folder; makes them at first need.
    pub(super) fn local(
        identity: &Identity,
        folder: &Path,
        seen: &Path,
        callbacks: &Callbacks,
    ) -> Result<Self, StoreError> {
        let label = digest(identity.label().as_bytes());
        let path = folder.join(format!("{label}.age"));
        let noted = match seen::local_key(seen, &label) {
            // Nothing can be trusted or noted now, so nothing is used twice. Only adopting goes on from here.
            Err(StoreError::Refused { .. }) => return Ok(Self::from_seed(&new_seed()[..], false)),
            other => other?,
        };
        if let Some(public) = noted
            && path.symlink_metadata().is_ok()
        {
            return Ok(Self::noted(identity, &path, &public, callbacks)?);
        }
        let mut key = None;
        seen::note_local_key(seen, &label, |noted| {
            if let Some(public) = noted
                && path.symlink_metadata().is_ok()
            {
                // Another process was faster.
                key = Some(Self::noted(identity, &path, public, callbacks)?);
                return Ok(None);
            }
            let seed = new_seed();
            save_seed(identity, &path, &seed, callbacks)?;
            let made = key.insert(Self::from_seed(&seed[..], false));
            Ok(Some(made.public()))
        })?;
        key.ok_or_else(|| KeyringError::WriterKey { path }.into())
    }

    fn noted(
        identity: &Identity,
        path: &Path,
        public: &str,
        callbacks: &Callbacks,
    ) -> Result<Self, KeyringError> {
        let key = Self::from_seed(&read_seed(identity, path, callbacks)?[..], false);
        if key.public() == public { Ok(key) } else { Err(KeyringError::WriterKey { path: path.to_owned() }) }
    }

    fn from_seed(seed: &[u8], derived: bool) -> Self {
        let hkdf = Hkdf::<Sha256>::new(None, seed);
        let expand = |info: &[u8]| {
            let mut key = Zeroizing::new([0; 32]);
            hkdf.expand(info, &mut *key).unwrap_or_else(|_| unreachable!("32 bytes are within HKDF's reach"));
            key
        };
        let keys = Box::new(Keys {
            signing: SigningKey::from_bytes(&expand(SIGNING_INFO)),
            memory: MacKey(expand(MEMORY_INFO)),
            drafts: MacKey(expand(DRAFTS_INFO)),
        });
        let _resident = Resident::new(&*keys);
        Self { keys, _resident, derived }
    }

    /// The public key, base64: the writer's name in headers and pins.
    pub(super) fn public(&self) -> String {
        BASE64_STANDARD.encode(self.keys.signing.verifying_key().as_bytes())
    }

    /// Signs a header and a body, byte for byte. The result is base64.
    pub(super) fn sign(&self, header: &[u8], body: &[u8]) -> String {
        BASE64_STANDARD.encode(self.keys.signing.sign(&message(header, body)).to_bytes())
    }

    /// The key that keeps entries of `seen.json` honest.
    pub(super) fn memory(&self) -> &MacKey {
        &self.keys.memory
    }

    /// A copy of the key that tells one's own drafts from others.
    pub(super) fn drafts(&self) -> MacKey {
        self.keys.drafts.clone()
    }
}

/// A key for codes (HMAC-SHA-256): who does not have it can make none.
#[derive(Clone)]
pub(super) struct MacKey(Zeroizing<[u8; 32]>);

impl MacKey {
    /// The code of some bytes, base64.
    pub(super) fn code(&self, bytes: &[u8]) -> String {
        BASE64_STANDARD.encode(self.mac(bytes).finalize().into_bytes())
    }

    /// Whether the code fits. Takes the same time for every wrong one.
    pub(super) fn fits(&self, bytes: &[u8], code: &str) -> bool {
        BASE64_STANDARD.decode(code).is_ok_and(|code| self.mac(bytes).verify_slice(&code).is_ok())
    }

    fn mac(&self, bytes: &[u8]) -> Hmac<Sha256> {
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&*self.0)
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(bytes);
        mac
    }
}

/// Whether `writer` signed these bytes.
pub(super) fn signed_by(writer: &str, signature: &str, header: &[u8], body: &[u8]) -> bool {
    let checked = || {
        let key = <[u8; 32]>::try_from(BASE64_STANDARD.decode(writer).ok()?).ok()?;
        let key = VerifyingKey::from_bytes(&key).ok()?;
        let signature = Signature::from_slice(&BASE64_STANDARD.decode(signature).ok()?).ok()?;
        key.verify_strict(&message(header, body), &signature).ok()
    };
    checked().is_some()
}

/// SHA-256 of both parts under a name of its own: a signature for anything else never fits here.
fn message(header: &[u8], body: &[u8]) -> Vec<u8> {
    [SIGNATURE, &Sha256::digest(header), &Sha256::digest(body)].concat()
}

/// Lower-case hexadecimal SHA-256.
pub(super) fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn new_seed() -> Zeroizing<[u8; SEED_LEN]> {
    Zeroizing::new(rand::random())
}

fn read_seed(
    identity: &Identity,
    path: &Path,
    callbacks: &Callbacks,
) -> Result<Zeroizing<[u8; SEED_LEN]>, KeyringError> {
    let file = durable::read_private(path, SEED_FILE_LIMIT)?;
    let damaged = || KeyringError::WriterKey { path: path.to_owned() };
    let plain = identity.unseal(&file.bytes, callbacks).map_err(|failure| match failure {
        Failure::MissingPlugin(reason) | Failure::Plugin(reason) => KeyringError::Plugin { reason },
        _ if callbacks.take_cancelled() => KeyringError::Cancelled { path: path.to_owned() },
        _ => damaged(),
    })?;
    Ok(Zeroizing::new(<[u8; SEED_LEN]>::try_from(&plain[..]).map_err(|_| damaged())?))
}

fn save_seed(
    identity: &Identity,
    path: &Path,
    seed: &[u8; SEED_LEN],
    callbacks: &Callbacks,
) -> Result<(), KeyringError> {
    let recipient = identity.recipient(callbacks)?;
    let sealed = seal::seal_to(seed, std::iter::once(recipient.as_ref() as &dyn age::Recipient))
        .map_err(|reason| KeyringError::Plugin { reason })?;
    if let Some(folder) = path.parent() {
        durable::create_private_folder(folder)?;
    }
    let saved = match durable::create(path, &sealed, |_| Ok(())) {
        // A seed that nobody noted is never used; nothing is lost with it.
        Err(durable::Error::Exists { .. }) => durable::replace(path, &sealed, None, |_| Ok(())),
        other => other,
    }?;
    saved.unsynced.map_or(Ok(()), |error| Err(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::NobodyToAsk;

    #[test]
    #[allow(clippy::disallowed_methods, reason = "a test changes files as an attacker would")]
    fn a_key_of_this_host_is_made_once_and_is_no_other_hosts() {
        let home = tempfile::tempdir().unwrap();
        let now = jiff::Timestamp::UNIX_EPOCH;
        let keyring = super::super::Keyring::create(&home.path().join("identity"), None, 2, now).unwrap();
        let callbacks = Callbacks::new(std::sync::Arc::new(NobodyToAsk));
        let local = |host: &str| {
            let (folder, seen) = (home.path().join(host), home.path().join(host).join("seen.json"));
            WriterKey::local(keyring.identity(0), &folder, &seen, &callbacks)
        };
        let made = local("one").unwrap();
        assert!(!made.derived);
        assert_eq!(local("one").unwrap().public(), made.public(), "kept");
        assert_ne!(local("two").unwrap().public(), made.public(), "drawn, not computed");
        // Nobody puts another seed there unseen.
        let label = digest(keyring.identity(0).label().as_bytes());
        let (mine, other) = (format!("one/{label}.age"), format!("two/{label}.age"));
        std::fs::copy(home.path().join(other), home.path().join(mine)).unwrap();
        assert!(matches!(local("one"), Err(StoreError::Keyring(KeyringError::WriterKey { .. }))));
        // Nor anything else; it may be as long as what a plugin seals.
        for other in [&b"age-encryption.org/v1\n"[..], &[0; 8192]] {
            std::fs::write(home.path().join(format!("one/{label}.age")), other).unwrap();
            assert!(matches!(local("one"), Err(StoreError::Keyring(KeyringError::WriterKey { .. }))));
        }
        assert_eq!(keyring.identity(0).label(), keyring.recipients()[0], "what tells identities apart");
        // Nor is one made where it cannot be noted.
        let _ = durable::create(&home.path().join("three"), b"in the way", |_| Ok(())).unwrap();
        assert!(matches!(local("three"), Err(StoreError::File(durable::Error::Io { .. }))));
        // What this host keeps in mind cannot be trusted: a key for once, and nothing is written.
        let seen = home.path().join("two/seen.json");
        let honest = std::fs::read(&seen).unwrap();
        std::fs::write(&seen, "{}").unwrap();
        assert_ne!(local("two").unwrap().public(), local("two").unwrap().public());
        std::fs::write(&seen, honest).unwrap();
        assert_eq!(local("two").unwrap().public(), local("two").unwrap().public());
    }

    #[test]
    fn a_code_fits_its_own_bytes_and_key_alone() {
        let (key, other) = (WriterKey::from_seed(b"one", false), WriterKey::from_seed(b"two", false));
        let code = key.memory().code(b"text");
        assert!(key.memory().fits(b"text", &code));
        assert!(!key.memory().fits(b"texT", &code) && !other.memory().fits(b"text", &code));
        assert!(!key.drafts().fits(b"text", &code), "each key has one use");
        assert!(!key.memory().fits(b"text", "") && !key.memory().fits(b"text", "no base64!"));
    }
}
