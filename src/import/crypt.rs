//! What encrypted files of other programs are opened with. What a file asks for in time and memory is checked
//! before it is spent.

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, KeyIvInit};
use argon2::{Algorithm, Argon2, Params, Version};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::Mistake;

/// The most memory that a file may make us use to open it, in KiB: 1 GiB.
const MOST_MEMORY: u32 = 1024 * 1024;
/// The most passes over that memory, and the most of both together: 64 passes over 64 MiB, or 4 over 1 GiB.
const MOST_PASSES: u32 = 1_000;
const MOST_WORK: u64 = 4 * MOST_MEMORY as u64;
/// The most rounds of PBKDF2: some ten seconds.
const MOST_ROUNDS: u32 = 10_000_000;

/// A key of 32 bytes.
pub(super) type Key = Zeroizing<[u8; 32]>;

/// The refusal of a file that costs too much.
pub(super) fn too_costly() -> Mistake {
    Mistake::whole("opening it would take more time or memory than is allowed")
        .hint("save it again with the usual settings of the program that made it")
}

/// A key of a password, by PBKDF2 with HMAC-SHA-256.
pub(super) fn pbkdf2(password: &[u8], salt: &[u8], rounds: u32) -> Result<Key, Mistake> {
    if rounds == 0 || rounds > MOST_ROUNDS {
        return Err(too_costly());
    }
    let mut key = Key::default();
    pbkdf2::pbkdf2_hmac::<Sha256>(password, salt, rounds, &mut *key);
    Ok(key)
}

/// What Argon2 is asked for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Argon2Cost {
    pub(super) algorithm: Algorithm,
    pub(super) version: Version,
    /// In KiB.
    pub(super) memory: u32,
    pub(super) passes: u32,
    pub(super) lanes: u32,
}

/// A key of a password, by Argon2.
pub(super) fn argon2(password: &[u8], salt: &[u8], cost: Argon2Cost) -> Result<Key, Mistake> {
    let work = u64::from(cost.memory) * u64::from(cost.passes);
    if cost.memory > MOST_MEMORY || cost.passes > MOST_PASSES || work > MOST_WORK {
        return Err(too_costly());
    }
    let wrong = |_| Mistake::whole("what it says of Argon2 makes no sense");
    let params = Params::new(cost.memory, cost.passes, cost.lanes, Some(32)).map_err(wrong)?;
    let mut key = Key::default();
    Argon2::new(cost.algorithm, cost.version, params)
        .hash_password_into(password, salt, &mut *key)
        .map_err(wrong)?;
    Ok(key)
}

/// AES-256 in CBC with PKCS #7; `None` where the padding is wrong.
pub(super) fn aes_cbc(key: &[u8; 32], iv: &[u8], sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = cbc::Decryptor::<Aes256>::new_from_slices(key, iv).ok()?;
    let mut plain = Zeroizing::new(sealed.to_vec());
    let length = cipher.decrypt_padded_mut::<Pkcs7>(&mut plain).ok()?.len();
    plain.truncate(length);
    Some(plain)
}

/// Whether a text carries this HMAC-SHA-256.
pub(super) fn hmac_fits(key: &[u8], parts: &[&[u8]], tag: &[u8]) -> bool {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return false };
    parts.iter().for_each(|part| mac.update(part));
    mac.verify_slice(tag).is_ok()
}

/// SHA-256 of parts put together.
pub(super) fn sha256(parts: &[&[u8]]) -> Key {
    let mut hash = Sha256::new();
    parts.iter().for_each(|part| hash.update(part));
    Zeroizing::new(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_costs_too_much_is_refused_before_it_is_spent() {
        let cost = Argon2Cost {
            algorithm: Algorithm::Argon2id,
            version: Version::V0x13,
            memory: u32::MAX,
            passes: 1,
            lanes: 1,
        };
        assert!(argon2(b"p", &[0; 16], cost).is_err());
        assert!(argon2(b"p", &[0; 16], Argon2Cost { memory: 8, passes: u32::MAX, ..cost }).is_err());
        assert!(argon2(b"p", &[0; 16], Argon2Cost { memory: 8, passes: 0, ..cost }).is_err());
        assert!(argon2(b"p", &[0; 16], Argon2Cost { memory: 8, ..cost }).is_ok());
        assert!(pbkdf2(b"p", b"s", u32::MAX).is_err() && pbkdf2(b"p", b"s", 0).is_err());
        // RFC 7914, section 11.
        assert_eq!(pbkdf2(b"passwd", b"salt", 1).unwrap()[..4], [0x55, 0xac, 0x04, 0x6e]);
    }
}
