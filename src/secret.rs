//! The one type that a secret lives in.
//!
//! A [`Secret`] wipes its text when the last holder lets go, prints as a fixed mask and cannot be
//! serialized: only `vault/format.rs` writes its text, into the buffer that is sealed next. Cloning shares
//! the same memory, so undo lists, versions and snapshots never multiply the copies in memory.

use std::fmt;
use std::sync::{Arc, LazyLock};

use hmac::{Hmac, Mac};
use serde::{Deserialize, Deserializer};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// What is shown in place of a secret: always the same width, so that it does not tell the length.
pub const MASK: &str = "••••••••";

/// Text that must not be seen: zeroed when dropped, masked when printed, compared in constant time.
#[derive(Clone)]
pub struct Secret(Arc<Zeroizing<String>>);

impl Secret {
    /// Takes the text over; the caller's buffer becomes the secret's own.
    pub fn new(text: String) -> Self {
        Self(Arc::new(Zeroizing::new(text)))
    }

    /// The text itself. Every call is a place to review: the result must not outlive the use.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Length in bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no text at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Six hexadecimal digits that tell two secrets on one screen apart, and nothing else: they come out of a key
    /// that this process made and never shows, so that outside of it they say nothing about the text.
    pub fn fingerprint(&self) -> String {
        static KEY: LazyLock<[u8; 32]> = LazyLock::new(rand::random);
        let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&*KEY)
            .unwrap_or_else(|_| unreachable!("HMAC takes a key of any length"));
        mac.update(self.expose().as_bytes());
        mac.finalize().into_bytes()[..3].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Takes bytes over as UTF-8 text; bytes that are not UTF-8 are wiped before the error returns.
    ///
    /// # Errors
    /// The offset of the first byte that is not UTF-8.
    pub fn from_utf8(bytes: Vec<u8>) -> Result<Self, usize> {
        String::from_utf8(bytes).map(Self::new).map_err(|error| {
            let offset = error.utf8_error().valid_up_to();
            error.into_bytes().zeroize();
            offset
        })
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        Self::new(text.to_owned())
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({MASK})")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.expose().as_bytes().ct_eq(other.expose().as_bytes()).into()
    }
}

impl Eq for Secret {}

impl<'de> Deserialize<'de> for Secret {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prints_a_mask_of_fixed_width() {
        for text in ["", "x", "a much longer secret than the mask"] {
            let secret = Secret::from(text);
            assert_eq!(format!("{secret}"), MASK);
            assert_eq!(format!("{secret:?}"), format!("Secret({MASK})"));
        }
    }

    #[test]
    fn compares_by_text() {
        assert_eq!(Secret::from("a"), Secret::from("a"));
        assert_ne!(Secret::from("a"), Secret::from("b"));
        assert_ne!(Secret::from("a"), Secret::from("aa"));
    }

    #[test]
    fn a_fingerprint_tells_the_same_from_another() {
        let print = |text: &str| Secret::from(text).fingerprint();
        assert_eq!(print("a"), print("a"));
        assert_ne!(print("a"), print("b"));
        assert_eq!(print("").len(), 6);
    }

    #[test]
    fn bytes_that_are_not_text_are_refused_with_their_place() {
        assert_eq!(Secret::from_utf8(vec![b'a', 0xff]).err(), Some(1));
        assert_eq!(Secret::from_utf8(b"ok".to_vec()).map(|s| s.len()), Ok(2));
    }
}
