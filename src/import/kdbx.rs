//! KeePass databases (`.kdbx`), versions 3.1 and 4, with a password, a key file or both.
//!
//! Read here and not with a crate: those there are take the cost of the key from the file without a bound, unpack
//! without one, and stop the program where a header field is cut short. What lies within is [`super::keepass`].

mod header;
mod key;

use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockDecryptMut, KeyIvInit, StreamCipher};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chacha20::ChaCha20;
use salsa20::Salsa20;
use sha2::{Digest, Sha512};
use twofish::Twofish;
use zeroize::Zeroizing;

use self::header::{Cipher, Header};
use super::{Found, Mistake, Unlock, crypt, keepass};

/// The most that a database may unpack to: 256 MiB.
const MOST: usize = 256 * 1024 * 1024;

fn damaged() -> Mistake {
    Mistake::whole("the database is damaged")
}

fn wrong_key() -> Mistake {
    Mistake::whole("the password or the key file does not open it, or it is damaged")
}

pub(super) fn read(bytes: &[u8], unlock: &Unlock) -> Result<Found, Mistake> {
    let header = Header::read(bytes)?;
    let composite = key::composite(unlock)?;
    let transformed = header.kdf.transform(&composite)?;
    let master = crypt::sha256(&[header.seed, &transformed[..]]);
    let (inner, payload) = match &header.inner {
        Some(inner) => {
            let plain = decrypted(&header, &master, header.body).ok_or_else(wrong_key)?;
            let blocks = plain.strip_prefix(header.start).ok_or_else(wrong_key)?;
            (Some(inner), unpacked(&header, hashed_blocks(blocks)?)?)
        }
        None => {
            let sealed = checked_blocks(&header, &transformed[..])?;
            (None, unpacked(&header, decrypted(&header, &master, &sealed).ok_or_else(damaged)?)?)
        }
    };
    let (mut stream, xml) = match inner {
        Some(inner) => (Stream::new(inner.cipher, inner.key)?, &payload[..]),
        None => inner_header(&payload)?,
    };
    let text = std::str::from_utf8(xml).map_err(|_| damaged())?;
    keepass::read(text.strip_prefix('\u{feff}').unwrap_or(text), |sealed| stream.open(sealed))
}

/// Decrypts the body with the master key.
fn decrypted(header: &Header<'_>, master: &crypt::Key, sealed: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
    match header.cipher {
        Cipher::Aes => crypt::aes_cbc(master, header.iv, sealed),
        Cipher::Twofish => {
            let cipher = cbc::Decryptor::<Twofish>::new_from_slices(&master[..], header.iv).ok()?;
            let mut plain = Zeroizing::new(sealed.to_vec());
            let length = cipher.decrypt_padded_mut::<Pkcs7>(&mut plain).ok()?.len();
            plain.truncate(length);
            Some(plain)
        }
        Cipher::ChaCha20 => {
            let mut cipher = ChaCha20::new_from_slices(&master[..], header.iv).ok()?;
            let mut plain = Zeroizing::new(sealed.to_vec());
            cipher.try_apply_keystream(&mut plain).ok()?;
            Some(plain)
        }
    }
}

/// The blocks of version 3, each with its hash.
fn hashed_blocks(mut rest: &[u8]) -> Result<Zeroizing<Vec<u8>>, Mistake> {
    let mut plain = Zeroizing::new(Vec::with_capacity(rest.len()));
    loop {
        let (head, after) = rest.split_at_checked(40).ok_or_else(damaged)?;
        let size = header::u32_of(&head[36..]).ok_or_else(damaged)?;
        let (block, after) = after.split_at_checked(size as usize).ok_or_else(damaged)?;
        if size == 0 {
            return Ok(plain);
        }
        if crypt::sha256(&[block])[..] != head[4..36] {
            return Err(damaged());
        }
        plain.extend_from_slice(block);
        rest = after;
    }
}

/// The blocks of version 4, each with its HMAC; before them stand those of the header.
fn checked_blocks(header: &Header<'_>, transformed: &[u8]) -> Result<Vec<u8>, Mistake> {
    let base: [u8; 64] =
        Sha512::new().chain_update(header.seed).chain_update(transformed).chain_update([1]).finalize().into();
    let base = Zeroizing::new(base);
    let key_of =
        |index: u64| Sha512::new().chain_update(index.to_le_bytes()).chain_update(&base[..]).finalize();
    let (hash, rest) = header.body.split_at_checked(32).ok_or_else(damaged)?;
    let (tag, mut rest) = rest.split_at_checked(32).ok_or_else(damaged)?;
    if crypt::sha256(&[header.bytes])[..] != *hash {
        return Err(damaged());
    }
    if !crypt::hmac_fits(&key_of(u64::MAX), &[header.bytes], tag) {
        return Err(wrong_key());
    }
    let mut sealed = Vec::with_capacity(rest.len());
    for index in 0u64.. {
        let (head, after) = rest.split_at_checked(36).ok_or_else(damaged)?;
        let size = header::u32_of(&head[32..]).ok_or_else(damaged)?;
        let (block, after) = after.split_at_checked(size as usize).ok_or_else(damaged)?;
        if !crypt::hmac_fits(&key_of(index), &[&index.to_le_bytes(), &size.to_le_bytes(), block], &head[..32])
        {
            return Err(damaged());
        }
        if size == 0 {
            break;
        }
        sealed.extend_from_slice(block);
        rest = after;
    }
    Ok(sealed)
}

/// Unpacks gzip, where the header says so.
fn unpacked(header: &Header<'_>, plain: Zeroizing<Vec<u8>>) -> Result<Zeroizing<Vec<u8>>, Mistake> {
    if !header.packed {
        return Ok(plain);
    }
    // Neither program writes any of the optional parts of gzip's header.
    let body =
        plain.strip_prefix(&[0x1f, 0x8b, 8, 0]).and_then(|rest| rest.get(6..rest.len().checked_sub(8)?));
    let body = body.ok_or_else(damaged)?;
    miniz_oxide::inflate::decompress_to_vec_with_limit(body, MOST).map(Zeroizing::new).map_err(|error| {
        match error.status {
            miniz_oxide::inflate::TINFLStatus::HasMoreOutput => crypt::too_costly(),
            _ => damaged(),
        }
    })
}

/// The header within the payload of version 4, and what stands behind it.
fn inner_header(payload: &[u8]) -> Result<(Stream, &[u8]), Mistake> {
    let (mut cipher, mut key) = (0, &[][..]);
    let mut rest = payload;
    loop {
        let (head, after) = rest.split_at_checked(5).ok_or_else(damaged)?;
        let size = header::u32_of(&head[1..]).ok_or_else(damaged)?;
        let (value, after) = after.split_at_checked(size as usize).ok_or_else(damaged)?;
        rest = after;
        match head[0] {
            0 => return Ok((Stream::new(cipher, key)?, rest)),
            1 => cipher = header::u32_of(value).ok_or_else(damaged)?,
            2 => key = value,
            // 3 is an attached file: entries tell of theirs.
            _ => {}
        }
    }
}

/// What seals the secret values within the XML.
enum Stream {
    None,
    Salsa20(Box<Salsa20>),
    ChaCha20(Box<ChaCha20>),
}

impl Stream {
    fn new(cipher: u32, key: &[u8]) -> Result<Self, Mistake> {
        const NONCE: [u8; 8] = [0xe8, 0x30, 0x09, 0x4b, 0x97, 0x20, 0x5d, 0x2a];
        match cipher {
            0 => Ok(Self::None),
            2 => {
                let key = crypt::sha256(&[key]);
                let cipher = Salsa20::new_from_slices(&key[..], &NONCE).map_err(|_| damaged())?;
                Ok(Self::Salsa20(Box::new(cipher)))
            }
            3 => {
                let hash = Sha512::digest(key);
                let cipher = ChaCha20::new_from_slices(&hash[..32], &hash[32..44]).map_err(|_| damaged())?;
                Ok(Self::ChaCha20(Box::new(cipher)))
            }
            _ => Err(Mistake::whole("its values are sealed in a way that is not known")),
        }
    }

    /// Opens the next value.
    fn open(&mut self, sealed: &str) -> Result<String, Mistake> {
        let mut bytes = STANDARD.decode(sealed.trim()).map_err(|_| damaged())?;
        let done = match self {
            Self::None => Ok(()),
            Self::Salsa20(cipher) => cipher.try_apply_keystream(&mut bytes),
            Self::ChaCha20(cipher) => cipher.try_apply_keystream(&mut bytes),
        };
        done.map_err(|_| damaged())?;
        String::from_utf8(bytes).map_err(|_| damaged())
    }
}

#[cfg(test)]
mod tests;
