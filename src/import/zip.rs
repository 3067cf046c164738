//! One file out of a ZIP archive, found by its name in the directory at the end. Nothing is unpacked to disk, no name
//! is used as a path, and what a packed file grows to is bounded.

use super::Mistake;

/// The most that one packed file may grow to: 256 MiB.
const MOST: usize = 256 * 1024 * 1024;

/// A file in an archive.
pub(super) struct Entry<'a> {
    /// As the archive calls it.
    pub(super) name: &'a [u8],
    packed: usize,
    size: usize,
    method: u16,
    crc: u32,
    at: usize,
}

fn damaged() -> Mistake {
    Mistake::whole("the archive is damaged, or no ZIP archive")
}

fn u16_at(bytes: &[u8], at: usize) -> Option<usize> {
    let two = bytes.get(at..at.checked_add(2)?)?;
    Some(usize::from(u16::from_le_bytes(two.try_into().ok()?)))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<usize> {
    let four = bytes.get(at..at.checked_add(4)?)?;
    usize::try_from(u32::from_le_bytes(four.try_into().ok()?)).ok()
}

/// The files of an archive.
pub(super) fn entries(bytes: &[u8]) -> Result<Vec<Entry<'_>>, Mistake> {
    const END: &[u8] = b"PK\x05\x06";
    // Behind it stands a comment of 64 KiB at most.
    let from = bytes.len().saturating_sub(22 + 65_535);
    let end = bytes[from..].windows(4).rposition(|window| window == END).ok_or_else(damaged)? + from;
    let read = || {
        let (count, mut at) = (u16_at(bytes, end + 10)?, u32_at(bytes, end + 16)?);
        let mut entries = Vec::new();
        for _ in 0..count {
            if bytes.get(at..at.checked_add(4)?)? != b"PK\x01\x02" {
                return None;
            }
            let lengths = [28, 30, 32].map(|offset| u16_at(bytes, at + offset));
            let [Some(name), Some(extra), Some(comment)] = lengths else { return None };
            entries.push(Entry {
                name: bytes.get(at + 46..at + 46 + name)?,
                packed: u32_at(bytes, at + 20)?,
                size: u32_at(bytes, at + 24)?,
                method: u16::try_from(u16_at(bytes, at + 10)?).ok()?,
                crc: u32::try_from(u32_at(bytes, at + 16)?).ok()?,
                at: u32_at(bytes, at + 42)?,
            });
            at = at.checked_add(46 + name + extra + comment)?;
        }
        Some(entries)
    };
    read().ok_or_else(damaged)
}

impl Entry<'_> {
    /// What it holds.
    pub(super) fn read(&self, bytes: &[u8]) -> Result<Vec<u8>, Mistake> {
        if self.size > MOST {
            return Err(Mistake::whole(format!("the archive grows to more than {} MiB", MOST / 1024 / 1024)));
        }
        let header =
            bytes.get(self.at..).filter(|rest| rest.starts_with(b"PK\x03\x04")).ok_or_else(damaged)?;
        let (Some(name), Some(extra)) = (u16_at(header, 26), u16_at(header, 28)) else {
            return Err(damaged());
        };
        let packed =
            header.get(30 + name + extra..).and_then(|rest| rest.get(..self.packed)).ok_or_else(damaged)?;
        let plain = match self.method {
            0 => packed.to_vec(),
            8 => miniz_oxide::inflate::decompress_to_vec_with_limit(packed, self.size)
                .map_err(|_| damaged())?,
            _ => return Err(Mistake::whole("the archive is packed or encrypted in a way that is not known")),
        };
        if plain.len() != self.size || crc32(&plain) != self.crc {
            return Err(damaged());
        }
        Ok(plain)
    }
}

/// The checksum of ZIP and gzip.
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut at = 0;
        while at < 256 {
            let mut value = at as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
                bit += 1;
            }
            table[at] = value;
            at += 1;
        }
        table
    };
    !bytes.iter().fold(u32::MAX, |crc, byte| TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8))
}

/// An archive of files that are packed, for tests.
#[cfg(test)]
pub(super) fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut directory = Vec::new();
    for (name, plain) in files {
        let packed = miniz_oxide::deflate::compress_to_vec(plain, 6);
        let at = bytes.len() as u32;
        let mut common = vec![20, 0, 0, 0, 8, 0, 0, 0, 0, 0];
        common.extend(crc32(plain).to_le_bytes());
        common.extend((packed.len() as u32).to_le_bytes());
        common.extend((plain.len() as u32).to_le_bytes());
        common.extend((name.len() as u16).to_le_bytes());
        common.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&common);
        bytes.extend(name.as_bytes());
        bytes.extend(&packed);
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&common);
        directory.extend([0; 10]);
        directory.extend(at.to_le_bytes());
        directory.extend(name.as_bytes());
    }
    let (at, length) = (bytes.len() as u32, directory.len() as u32);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\0\0\0\0");
    bytes.extend((files.len() as u16).to_le_bytes());
    bytes.extend((files.len() as u16).to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(at.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_found_by_its_name_and_checked() {
        let bytes = archive(&[("a", b"one"), ("files/x", b""), ("b", &[b'z'; 10_000])]);
        let entries = entries(&bytes).unwrap();
        let names: Vec<_> = entries.iter().map(|entry| entry.name).collect();
        assert_eq!(names, [&b"a"[..], b"files/x", b"b"]);
        assert_eq!(entries[2].read(&bytes).unwrap(), [b'z'; 10_000]);
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
        let mut torn = bytes.clone();
        torn[34] ^= 1;
        assert!(entries[0].read(&torn).is_err());
    }

    #[test]
    fn what_says_it_grows_without_end_is_refused() {
        let bytes = archive(&[("a", &[0; 1_000_000])]);
        let mut entries = entries(&bytes).unwrap();
        // It says that it is smaller than it is: it is cut off, not followed.
        entries[0].size = 1000;
        assert!(entries[0].read(&bytes).is_err());
        entries[0].size = MOST + 1;
        assert!(entries[0].read(&bytes).unwrap_err().message.contains("grows"));
    }
}
