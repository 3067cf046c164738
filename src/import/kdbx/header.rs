//! What stands before the body: how it is encrypted, and what the key costs.

use argon2::{Algorithm, Version};

use super::super::Mistake;
use super::super::crypt::Argon2Cost;
use super::damaged;
use super::key::Kdf;

const SIGNATURE: [u8; 4] = [0x03, 0xd9, 0xa2, 0x9a];
const KEEPASS_2: [u8; 4] = [0x67, 0xfb, 0x4b, 0xb5];
const KEEPASS_1: [u8; 4] = [0x65, 0xfb, 0x4b, 0xb5];

/// How the body is encrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cipher {
    Aes,
    ChaCha20,
    Twofish,
}

/// What seals values within the body of version 3.
#[derive(Debug)]
pub(super) struct Inner<'a> {
    pub(super) cipher: u32,
    pub(super) key: &'a [u8],
}

/// What stands before the body.
#[derive(Debug)]
pub(super) struct Header<'a> {
    pub(super) cipher: Cipher,
    pub(super) packed: bool,
    pub(super) seed: &'a [u8],
    pub(super) iv: &'a [u8],
    pub(super) kdf: Kdf<'a>,
    /// Only of version 3; version 4 has it within the body.
    pub(super) inner: Option<Inner<'a>>,
    /// What the body of version 3 starts with.
    pub(super) start: &'a [u8],
    /// The header itself, to be checked.
    pub(super) bytes: &'a [u8],
    /// What stands behind it.
    pub(super) body: &'a [u8],
}

/// The first four bytes as a number.
pub(super) fn u32_of(bytes: &[u8]) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(..4)?.try_into().ok()?))
}

fn u64_of(bytes: &[u8]) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(..8)?.try_into().ok()?))
}

impl<'a> Header<'a> {
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, Mistake> {
        let is = |at: usize, what: [u8; 4]| bytes.get(at..at + 4) == Some(&what[..]);
        if is(0, SIGNATURE) && is(4, KEEPASS_1) {
            return Err(Mistake::whole("this is a database of KeePass 1")
                .hint("open it with KeePass 2 or KeePassXC and save it as .kdbx"));
        }
        if !is(0, SIGNATURE) || !is(4, KEEPASS_2) {
            return Err(Mistake::whole("this is no KeePass database"));
        }
        let major = bytes.get(10..12).map(|major| u16::from_le_bytes([major[0], major[1]]));
        let wide = match major {
            Some(3) => false,
            Some(4) => true,
            _ => return Err(Mistake::whole("a KeePass database of a version that is not known")),
        };
        let mut fields = Fields::default();
        let mut at = 12;
        loop {
            let (id, size) = if wide {
                (bytes.get(at), bytes.get(at + 1..).and_then(u32_of).map(|size| size as usize))
            } else {
                let size = bytes.get(at + 1..at + 3).map(|size| u16::from_le_bytes([size[0], size[1]]));
                (bytes.get(at), size.map(usize::from))
            };
            let (Some(id), Some(size)) = (id, size) else { return Err(damaged()) };
            let start = at + if wide { 5 } else { 3 };
            let end = start.checked_add(size).ok_or_else(damaged)?;
            let value = bytes.get(start..end).ok_or_else(damaged)?;
            at = end;
            if *id == 0 {
                break;
            }
            fields.note(*id, value);
        }
        fields.header(wide, &bytes[..at], &bytes[at..])
    }
}

/// The fields of a header, by their numbers.
#[derive(Default)]
struct Fields<'a>([Option<&'a [u8]>; 13]);

impl<'a> Fields<'a> {
    fn note(&mut self, id: u8, value: &'a [u8]) {
        if let Some(place) = self.0.get_mut(usize::from(id)) {
            *place = Some(value);
        }
    }

    fn get(&self, id: usize) -> Result<&'a [u8], Mistake> {
        self.0[id].ok_or_else(damaged)
    }

    fn header(&self, wide: bool, bytes: &'a [u8], body: &'a [u8]) -> Result<Header<'a>, Mistake> {
        const AES: [u8; 4] = [0x31, 0xc1, 0xf2, 0xe6];
        const CHACHA20: [u8; 4] = [0xd6, 0x03, 0x8a, 0x2b];
        const TWOFISH: [u8; 4] = [0xad, 0x68, 0xf2, 0x9f];
        let cipher = match self.get(2)?.get(..4) {
            Some(id) if *id == AES => Cipher::Aes,
            Some(id) if *id == CHACHA20 => Cipher::ChaCha20,
            Some(id) if *id == TWOFISH => Cipher::Twofish,
            _ => return Err(Mistake::whole("it is encrypted in a way that is not known")),
        };
        let (kdf, inner) = if wide {
            (kdf(self.get(11)?)?, None)
        } else {
            let rounds = u64_of(self.get(6)?).ok_or_else(damaged)?;
            let cipher = u32_of(self.get(10)?).ok_or_else(damaged)?;
            (Kdf::Aes { seed: self.get(5)?, rounds }, Some(Inner { cipher, key: self.get(8)? }))
        };
        Ok(Header {
            cipher,
            packed: u32_of(self.get(3)?).ok_or_else(damaged)? == 1,
            seed: self.get(4)?,
            iv: self.get(7)?,
            kdf,
            inner,
            start: if wide { &[] } else { self.get(9)? },
            bytes,
            body,
        })
    }
}

/// What the key costs, as version 4 says it: names with values.
fn kdf(mut rest: &[u8]) -> Result<Kdf<'_>, Mistake> {
    // The two names that the programs know for one and the same.
    const AES: [[u8; 4]; 2] = [[0xc9, 0xd9, 0xf3, 0x9a], [0x7c, 0x02, 0xbb, 0x82]];
    const ARGON2D: [u8; 4] = [0xef, 0x63, 0x6d, 0xdf];
    const ARGON2ID: [u8; 4] = [0x9e, 0x29, 0x8b, 0x19];
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at_checked(count).ok_or_else(damaged)?;
        rest = after;
        Ok::<_, Mistake>(taken)
    };
    let mut values: Vec<(&[u8], &[u8])> = Vec::new();
    take(2)?;
    while take(1)?[0] != 0 {
        let length = u32_of(take(4)?).ok_or_else(damaged)?;
        let name = take(length as usize)?;
        let length = u32_of(take(4)?).ok_or_else(damaged)?;
        values.push((name, take(length as usize)?));
    }
    let get = |name: &[u8]| {
        let found = values.iter().find(|(known, _)| *known == name);
        found.map(|(_, value)| *value).ok_or_else(damaged)
    };
    let number = |name: &[u8]| {
        let value = get(name)?;
        u64_of(value).or_else(|| u32_of(value).map(u64::from)).ok_or_else(damaged)
    };
    let id: [u8; 4] = get(b"$UUID")?.get(..4).and_then(|id| id.try_into().ok()).ok_or_else(damaged)?;
    if AES.contains(&id) {
        return Ok(Kdf::Aes { seed: get(b"S")?, rounds: number(b"R")? });
    }
    let algorithm = match id {
        ARGON2D => Algorithm::Argon2d,
        ARGON2ID => Algorithm::Argon2id,
        _ => return Err(Mistake::whole("its key is made in a way that is not known")),
    };
    let version = if number(b"V")? == 0x10 { Version::V0x10 } else { Version::V0x13 };
    let small = |number: u64| u32::try_from(number).unwrap_or(u32::MAX);
    let cost = Argon2Cost {
        algorithm,
        version,
        memory: small(number(b"M")? / 1024),
        passes: small(number(b"I")?),
        lanes: small(number(b"P")?),
    };
    Ok(Kdf::Argon2 { salt: get(b"S")?, cost })
}
