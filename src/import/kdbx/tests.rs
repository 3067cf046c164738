//! Databases made here, byte by byte. Those that the real programs make are read in `tests/it/import`.

use aes::cipher::BlockEncryptMut;
use hmac::{Hmac, Mac};
use sha2::Sha256;

use super::*;
use crate::secret::Secret;

const SEED: [u8; 32] = [1; 32];
const SALT: [u8; 32] = [2; 32];
const STREAM: [u8; 32] = [3; 32];
const PASSWORD: &str = "open sesame";

fn unlock(password: &str) -> Unlock {
    Unlock { password: Some(Secret::from(password)), key_file: None }
}

fn xml(stream: u32) -> Vec<u8> {
    let mut stream = Stream::new(stream, &STREAM).unwrap();
    // A stream cipher opens what it seals.
    let mut seal = |text: &str| {
        let opened = match &mut stream {
            Stream::None => text.as_bytes().to_vec(),
            Stream::Salsa20(cipher) => applied(&mut **cipher, text),
            Stream::ChaCha20(cipher) => applied(&mut **cipher, text),
        };
        STANDARD.encode(opened)
    };
    let (one, two) = (seal("pässword"), seal("1234"));
    format!(
        "<?xml version=\"1.0\"?><KeePassFile><Meta/><Root><Group><Name>R</Name><Entry>\
         <String><Key>Title</Key><Value>x</Value></String>\
         <String><Key>Password</Key><Value Protected=\"True\">{one}</Value></String>\
         <String><Key>PIN</Key><Value Protected=\"True\">{two}</Value></String></Entry></Group></Root></KeePassFile>"
    )
    .into_bytes()
}

fn applied(cipher: &mut impl StreamCipher, text: &str) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    cipher.apply_keystream(&mut bytes);
    bytes
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let packed = miniz_oxide::deflate::compress_to_vec(plain, 6);
    [&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3][..], &packed, &[0; 8]].concat()
}

fn sealed(cipher: Cipher, key: &[u8], plain: &[u8]) -> Vec<u8> {
    let iv = [9u8; 16];
    match cipher {
        Cipher::Aes => cbc::Encryptor::<aes::Aes256>::new_from_slices(key, &iv)
            .unwrap()
            .encrypt_padded_vec_mut::<Pkcs7>(plain),
        Cipher::Twofish => cbc::Encryptor::<Twofish>::new_from_slices(key, &iv)
            .unwrap()
            .encrypt_padded_vec_mut::<Pkcs7>(plain),
        Cipher::ChaCha20 => {
            let mut bytes = plain.to_vec();
            ChaCha20::new_from_slices(key, &iv[..12]).unwrap().apply_keystream(&mut bytes);
            bytes
        }
    }
}

fn cipher_id(cipher: Cipher) -> [u8; 16] {
    let start: [u8; 4] = match cipher {
        Cipher::Aes => [0x31, 0xc1, 0xf2, 0xe6],
        Cipher::ChaCha20 => [0xd6, 0x03, 0x8a, 0x2b],
        Cipher::Twofish => [0xad, 0x68, 0xf2, 0x9f],
    };
    let mut id = [0; 16];
    id[..4].copy_from_slice(&start);
    id
}

fn start(major: u8) -> Vec<u8> {
    vec![0x03, 0xd9, 0xa2, 0x9a, 0x67, 0xfb, 0x4b, 0xb5, 1, 0, major, 0]
}

fn version_3(cipher: Cipher, packed: bool) -> Vec<u8> {
    let mut bytes = start(3);
    let mut field = |id: u8, value: &[u8]| {
        bytes.push(id);
        bytes.extend((value.len() as u16).to_le_bytes());
        bytes.extend(value);
    };
    field(2, &cipher_id(cipher));
    field(3, &u32::from(packed).to_le_bytes());
    field(4, &SEED);
    field(5, &SALT);
    field(6, &100u64.to_le_bytes());
    field(7, if cipher == Cipher::ChaCha20 { &[9; 12] } else { &[9; 16] });
    field(8, &STREAM);
    field(9, &[4; 32]);
    field(10, &2u32.to_le_bytes());
    field(0, b"\r\n\r\n");
    let plain = if packed { gzip(&xml(2)) } else { xml(2) };
    let mut body = vec![4; 32];
    for (index, block) in plain.chunks(100).chain([&[][..]]).enumerate() {
        body.extend((index as u32).to_le_bytes());
        body.extend(if block.is_empty() { [0; 32] } else { *crypt::sha256(&[block]) });
        body.extend((block.len() as u32).to_le_bytes());
        body.extend(block);
    }
    let kdf = key::Kdf::Aes { seed: &SALT, rounds: 100 };
    let transformed = kdf.transform(&key::composite(&unlock(PASSWORD)).unwrap()).unwrap();
    let master = crypt::sha256(&[&SEED, &transformed[..]]);
    bytes.extend(sealed(cipher, &master[..], &body));
    bytes
}

fn kdf_values(values: &[(&str, u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![0, 1];
    for (name, sort, value) in values {
        bytes.push(*sort);
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend(name.as_bytes());
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend(*value);
    }
    bytes.push(0);
    bytes
}

fn argon2(memory: u64) -> Vec<u8> {
    let mut id = [0; 16];
    id[..4].copy_from_slice(&[0xef, 0x63, 0x6d, 0xdf]);
    kdf_values(&[
        ("$UUID", 0x42, &id),
        ("S", 0x42, &SALT),
        ("P", 4, &1u32.to_le_bytes()),
        ("M", 5, &memory.to_le_bytes()),
        ("I", 5, &1u64.to_le_bytes()),
        ("V", 4, &0x13u32.to_le_bytes()),
    ])
}

fn version_4(cipher: Cipher, kdf: &[u8]) -> Vec<u8> {
    let mut bytes = start(4);
    let mut field = |id: u8, value: &[u8]| {
        bytes.push(id);
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend(value);
    };
    field(2, &cipher_id(cipher));
    field(3, &1u32.to_le_bytes());
    field(4, &SEED);
    field(7, if cipher == Cipher::ChaCha20 { &[9; 12] } else { &[9; 16] });
    field(11, kdf);
    field(0, b"\r\n\r\n");
    let mut plain = Vec::new();
    for (id, value) in [(1, &3u32.to_le_bytes()[..]), (2, &STREAM), (3, b"\x01file"), (0, b"")] {
        plain.push(id);
        plain.extend((value.len() as u32).to_le_bytes());
        plain.extend(value);
    }
    plain.extend(xml(3));
    let header = Header::read(&bytes).unwrap();
    let transformed = header.kdf.transform(&key::composite(&unlock(PASSWORD)).unwrap()).unwrap();
    let master = crypt::sha256(&[&SEED, &transformed[..]]);
    let base = Sha512::new().chain_update(SEED).chain_update(&transformed[..]).chain_update([1]).finalize();
    let tag = |index: u64, parts: &[&[u8]]| {
        let key = Sha512::new().chain_update(index.to_le_bytes()).chain_update(base).finalize();
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).unwrap();
        parts.iter().for_each(|part| mac.update(part));
        mac.finalize().into_bytes()
    };
    let mut body = crypt::sha256(&[&bytes]).to_vec();
    body.extend(tag(u64::MAX, &[&bytes]));
    let sealed = sealed(cipher, &master[..], &gzip(&plain));
    for (index, block) in sealed.chunks(200).chain([&[][..]]).enumerate() {
        let size = (block.len() as u32).to_le_bytes();
        body.extend(tag(index as u64, &[&(index as u64).to_le_bytes(), &size, block]));
        body.extend(size);
        body.extend(block);
    }
    bytes.extend(body);
    bytes
}

fn secrets(bytes: &[u8]) -> Vec<String> {
    let found = super::read(bytes, &unlock(PASSWORD)).unwrap_or_else(|error| panic!("{error}"));
    found.items[0].values.iter().map(|value| value.text.expose().to_owned()).collect()
}

#[test]
fn both_versions_and_all_ciphers_open() {
    for cipher in [Cipher::Aes, Cipher::Twofish, Cipher::ChaCha20] {
        assert_eq!(secrets(&version_4(cipher, &argon2(64 * 1024))), ["pässword", "1234"], "{cipher:?}");
    }
    for packed in [true, false] {
        assert_eq!(secrets(&version_3(Cipher::Aes, packed)), ["pässword", "1234"]);
    }
    let mut id = [0; 16];
    id[..4].copy_from_slice(&[0xc9, 0xd9, 0xf3, 0x9a]);
    let aes = kdf_values(&[("$UUID", 0x42, &id), ("S", 0x42, &SALT), ("R", 5, &100u64.to_le_bytes())]);
    assert_eq!(secrets(&version_4(Cipher::Aes, &aes)), ["pässword", "1234"]);
}

#[test]
fn a_wrong_password_and_a_torn_file_are_told() {
    for bytes in [version_3(Cipher::Aes, true), version_4(Cipher::ChaCha20, &argon2(64 * 1024))] {
        let error = super::read(&bytes, &unlock("other")).unwrap_err();
        assert!(error.message.contains("does not open it"), "{error}");
        for end in (0..bytes.len()).step_by(7) {
            assert!(super::read(&bytes[..end], &unlock(PASSWORD)).is_err(), "{end}");
        }
        let mut torn = bytes.clone();
        *torn.last_mut().unwrap() ^= 1;
        let last = bytes.len() - 60;
        torn[last] ^= 1;
        assert!(super::read(&torn, &unlock(PASSWORD)).is_err());
    }
}

#[test]
fn what_it_costs_is_bounded() {
    let costly = {
        let kdf = argon2(1 << 42);
        let mut bytes = version_4(Cipher::Aes, &argon2(64 * 1024));
        let at = bytes.windows(kdf.len()).position(|window| window[..8] == kdf[..8]).unwrap();
        bytes[at..at + kdf.len()].copy_from_slice(&kdf);
        bytes
    };
    let error = super::read(&costly, &unlock(PASSWORD)).unwrap_err();
    assert!(error.message.contains("more time or memory"), "{error}");
}

#[test]
fn what_is_no_database_is_told() {
    let error = |bytes: &[u8]| super::read(bytes, &unlock("x")).unwrap_err().message;
    assert!(error(b"").contains("no KeePass database"));
    assert!(error(&[0x03, 0xd9, 0xa2, 0x9a, 0x65, 0xfb, 0x4b, 0xb5]).contains("KeePass 1"));
    assert!(error(&start(9)).contains("version"));
    assert!(super::read(&version_3(Cipher::Aes, true), &Unlock::default()).is_err());
}
