//! From a password and a key file to the key of a database.

use aes::Aes256;
use aes::cipher::{BlockEncrypt, KeyInit};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize, Zeroizing};

use super::super::crypt::{self, Argon2Cost, Key};
use super::super::{Mistake, Unlock, xml};
use super::damaged;

/// The most rounds of AES: some seconds.
const MOST_ROUNDS: u64 = 500_000_000;

/// How a key is made expensive to guess.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kdf<'a> {
    Aes { seed: &'a [u8], rounds: u64 },
    Argon2 { salt: &'a [u8], cost: Argon2Cost },
}

impl Kdf<'_> {
    pub(super) fn transform(&self, composite: &Key) -> Result<Key, Mistake> {
        match *self {
            Self::Argon2 { salt, cost } => crypt::argon2(&composite[..], salt, cost),
            Self::Aes { rounds, .. } if rounds > MOST_ROUNDS => Err(crypt::too_costly()),
            Self::Aes { seed, rounds } => {
                let cipher = Aes256::new_from_slice(seed).map_err(|_| damaged())?;
                let (left, right) = composite.split_at(16);
                let mut blocks = [*aes::Block::from_slice(left), *aes::Block::from_slice(right)];
                for _ in 0..rounds {
                    cipher.encrypt_blocks(&mut blocks);
                }
                let key = crypt::sha256(&[&blocks[0], &blocks[1]]);
                blocks.iter_mut().for_each(|block| block.as_mut_slice().zeroize());
                Ok(key)
            }
        }
    }
}

/// The key that password and key file make together.
pub(super) fn composite(unlock: &Unlock) -> Result<Key, Mistake> {
    let password = unlock.password.as_ref().map(|password| crypt::sha256(&[password.expose().as_bytes()]));
    let file = unlock.key_file.as_ref().map(|file| of_file(file)).transpose()?;
    match (&password, &file) {
        (None, None) => Err(Mistake::whole("it is opened with a password, a key file or both")),
        (Some(one), None) | (None, Some(one)) => Ok(crypt::sha256(&[&one[..]])),
        (Some(password), Some(file)) => Ok(crypt::sha256(&[&password[..], &file[..]])),
    }
}

/// The key in a key file: KeePass's XML, 32 bytes as they are or in hex; of any other file its hash.
fn of_file(bytes: &[u8]) -> Result<Key, Mistake> {
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(file) = xml::read(text.trim_start_matches('\u{feff}'), |_| Ok(()))
        && file.name == "KeyFile"
    {
        let data = file.child("Key").map(|key| key.text_of("Data")).unwrap_or_default();
        let data: Zeroizing<String> = Zeroizing::new(data.split_whitespace().collect());
        // Version 2 writes hex, version 1 Base64.
        let key = hex(data.as_bytes()).or_else(|| STANDARD.decode(&*data).ok()?.try_into().ok());
        return key.map(Zeroizing::new).ok_or_else(|| Mistake::whole("the key file is damaged"));
    }
    let key = <[u8; 32]>::try_from(bytes).ok().or_else(|| hex(bytes));
    Ok(key.map_or_else(|| crypt::sha256(&[bytes]), Zeroizing::new))
}

fn hex(text: &[u8]) -> Option<[u8; 32]> {
    let mut key = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (byte, pair) in key.iter_mut().zip(text.chunks(2)) {
        let digit = |c: u8| char::from(c).to_digit(16);
        *byte = u8::try_from(digit(pair[0])? * 16 + digit(pair[1])?).ok()?;
    }
    Some(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn key_files_in_all_their_forms() {
        let raw = [7u8; 32];
        let hex_text = "07".repeat(32);
        let one = format!(
            "<?xml version=\"1.0\"?><KeyFile><Meta><Version>1.00</Version></Meta><Key><Data>{}</Data></Key></KeyFile>",
            STANDARD.encode(raw)
        );
        let two = format!(
            "<KeyFile><Meta><Version>2.0</Version></Meta><Key><Data Hash=\"x\">\n {} {}\n</Data></Key></KeyFile>",
            &hex_text[..32],
            &hex_text[32..]
        );
        for file in [&raw[..], hex_text.as_bytes(), one.as_bytes(), two.as_bytes()] {
            assert_eq!(*of_file(file).unwrap(), raw);
        }
        assert_eq!(*of_file(b"any file").unwrap(), *crypt::sha256(&[b"any file"]));
        assert!(of_file(b"<KeyFile><Key><Data>!</Data></Key></KeyFile>").is_err());
    }

    #[test]
    fn a_key_that_costs_too_much_is_refused() {
        let kdf = Kdf::Aes { seed: &[0; 32], rounds: u64::MAX };
        assert!(kdf.transform(&Key::default()).unwrap_err().message.contains("more time or memory"));
        assert!(Kdf::Aes { seed: &[0; 3], rounds: 1 }.transform(&Key::default()).is_err());
    }
}
