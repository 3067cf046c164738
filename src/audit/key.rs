//! The keys of a log. They come out of one key that lies in the vault: whoever can open the vault has them, and
//! nobody else.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::Secret;

const LINES: &[u8] = b"credbench audit lines 1";
const VALUES: &[u8] = b"credbench audit values 1";
const NAMES: &[u8] = b"credbench audit names 1";
const SUMMARY: &[u8] = b"credbench audit summary 1";

const NONCE: usize = 24;

/// What is sealed is padded to a multiple of this many bytes, so that its size tells little of a name's length.
const PADDING: usize = 64;

type Key = Zeroizing<[u8; 32]>;

/// A new key for the log of a vault: 32 random bytes, base64.
pub fn new_key() -> Secret {
    let bytes: Key = Zeroizing::new(rand::random());
    Secret::new(BASE64_STANDARD.encode(*bytes))
}

/// The keys of one log.
#[derive(Clone)]
pub struct Keys {
    lines: Key,
    values: Key,
    names: Key,
    summary: Key,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys")
    }
}

impl Keys {
    /// The keys that come out of the vault's. `None`: that is no key.
    pub fn of(key: &Secret) -> Option<Self> {
        let seed = Zeroizing::new(BASE64_STANDARD.decode(key.expose()).ok().filter(|seed| seed.len() == 32)?);
        let hkdf = Hkdf::<Sha256>::new(None, &seed);
        let expand = |info: &[u8]| {
            let mut key = Key::default();
            hkdf.expand(info, &mut *key).unwrap_or_else(|_| unreachable!("32 bytes are within HKDF's reach"));
            key
        };
        Some(Self {
            lines: expand(LINES),
            values: expand(VALUES),
            names: expand(NAMES),
            summary: expand(SUMMARY),
        })
    }

    /// The code of a line, base64: over the line's bytes up to the comma before its code.
    pub(super) fn line_code(&self, line: &[u8]) -> String {
        BASE64_STANDARD.encode(mac(&self.lines, line).finalize().into_bytes())
    }

    /// Whether a line's code fits; takes the same time for every wrong one.
    pub(super) fn line_fits(&self, line: &[u8], code: &str) -> bool {
        fits(&self.lines, line, code)
    }

    /// A value as the log may hold it: the same for the same value, and nothing more can be told from it.
    pub(super) fn value_code(&self, value: &Secret) -> String {
        BASE64_STANDARD.encode(mac(&self.values, value.expose().as_bytes()).finalize().into_bytes())
    }

    /// The code of the summary, base64.
    pub(super) fn summary_code(&self, text: &[u8]) -> String {
        BASE64_STANDARD.encode(mac(&self.summary, text).finalize().into_bytes())
    }

    /// Whether the code of the summary fits.
    pub(super) fn summary_fits(&self, text: &[u8], code: &str) -> bool {
        fits(&self.summary, text, code)
    }

    /// Seals text that must not stand in clear: base64 of a random nonce and the sealed text.
    pub(super) fn seal(&self, text: &str) -> String {
        let mut padded = text.as_bytes().to_vec();
        padded.resize(text.len().next_multiple_of(PADDING), b' ');
        let nonce: [u8; NONCE] = rand::random();
        let mut sealed = nonce.to_vec();
        let cipher = XChaCha20Poly1305::new((&*self.names).into());
        let body = cipher.encrypt(XNonce::from_slice(&nonce), &padded[..]);
        sealed.extend(body.unwrap_or_else(|_| unreachable!("a name is not larger than the cipher's reach")));
        BASE64_STANDARD.encode(sealed)
    }

    /// Opens what was sealed. `None`: with another key, or it was changed.
    pub(super) fn open(&self, sealed: &str) -> Option<String> {
        let sealed = BASE64_STANDARD.decode(sealed).ok()?;
        let (nonce, body) = sealed.split_at_checked(NONCE)?;
        let cipher = XChaCha20Poly1305::new((&*self.names).into());
        let plain = cipher.decrypt(XNonce::from_slice(nonce), body).ok()?;
        let text = String::from_utf8(plain).ok()?;
        Some(text.trim_end_matches(' ').to_owned())
    }
}

fn mac(key: &Key, bytes: &[u8]) -> Hmac<Sha256> {
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&**key)
        .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
    mac.update(bytes);
    mac
}

fn fits(key: &Key, bytes: &[u8], code: &str) -> bool {
    BASE64_STANDARD.decode(code).is_ok_and(|code| mac(key, bytes).verify_slice(&code).is_ok())
}
