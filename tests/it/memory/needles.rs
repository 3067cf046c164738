//! Texts that are looked for in the memory of a process, in every form in which they may have been left behind.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// How far apart the characters of a text may lie that is kept one by one: keys that were typed, cells of a screen.
const STRIDES: Range<usize> = 3..129;

/// How many texts have which form, by number.
pub(crate) type Found = BTreeMap<&'static str, Vec<usize>>;

/// The texts, each with a number.
#[derive(Default)]
pub(crate) struct Needles {
    /// Eight bytes of a form: which form, and of which text.
    forms: HashMap<[u8; 8], (&'static str, usize)>,
    /// Whether a form starts with these two bytes: most places are left after one look.
    starts: Vec<bool>,
    /// Texts that were typed or shown, so that they may lie about in single characters.
    spread: Vec<([u8; 8], usize)>,
}

impl Needles {
    /// Looks for a text, or for bytes.
    pub(crate) fn add(&mut self, number: usize, text: &[u8]) {
        self.starts.resize(1 << 16, false);
        let hex = |digits: &[u8; 16]| -> Vec<u8> {
            text.iter().flat_map(|b| [digits[usize::from(b >> 4)], digits[usize::from(b & 15)]]).collect()
        };
        let mut forms = vec![
            ("as it is", text.to_vec()),
            ("reversed", text.iter().rev().copied().collect()),
            ("hexadecimal", hex(b"0123456789abcdef")),
            ("hexadecimal", hex(b"0123456789ABCDEF")),
            ("UTF-16", text.iter().flat_map(|b| [*b, 0]).collect()),
        ];
        // At each of the three alignments, without what its neighbours have a part in.
        for shift in 0..3 {
            let shifted = [&vec![0; shift][..], text].concat();
            let coded = STANDARD_NO_PAD.encode(&shifted[..shifted.len() / 3 * 3]).into_bytes();
            forms.push(("base64", coded[4 * usize::from(shift > 0)..].to_vec()));
        }
        for (form, bytes) in forms {
            // The end of it: a leftover is often cut at its start, where a freed block has its links.
            let end = end_of(&bytes);
            self.starts[usize::from(u16::from_ne_bytes([end[0], end[1]]))] = true;
            self.forms.insert(end, (form, number));
        }
    }

    /// Looks for a text that was typed or shown, too, as single characters at any even distance.
    pub(crate) fn add_typed(&mut self, number: usize, text: &str) {
        self.add(number, text.as_bytes());
        self.spread.push((end_of(text.as_bytes()), number));
    }

    /// What stands in some bytes.
    pub(crate) fn find(&self, bytes: &[u8], found: &mut Found) {
        for (at, window) in bytes.windows(8).enumerate() {
            if self.starts[usize::from(u16::from_ne_bytes([window[0], window[1]]))]
                && let Some((form, number)) = self.forms.get(window)
            {
                found.entry(form).or_default().push(*number);
            }
            for (end, number) in self.spread.iter().filter(|(end, _)| end[0] == window[0]) {
                let is_spread = |stride: &usize| {
                    end.iter().enumerate().all(|(i, byte)| bytes.get(at + i * stride) == Some(byte))
                };
                if STRIDES.into_iter().any(|stride| is_spread(&stride)) {
                    found.entry("one by one").or_default().push(*number);
                }
            }
        }
    }

    /// What stands in the memory of a process.
    pub(crate) fn in_process(&self, pid: u32) -> Found {
        let mut found = Found::new();
        each_region(pid, |_, bytes| self.find(bytes, &mut found));
        found
    }
}

fn end_of(bytes: &[u8]) -> [u8; 8] {
    bytes[bytes.len() - 8..].try_into().unwrap()
}

/// Gives each part of a process's memory that it can write to, with its address. What the program is made of cannot
/// hold what it was told.
pub(crate) fn each_region(pid: u32, mut look: impl FnMut(u64, &[u8])) {
    let mut maps = String::new();
    std::fs::File::open(format!("/proc/{pid}/maps")).unwrap().read_to_string(&mut maps).unwrap();
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).unwrap();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (range, rights) = (words.next().unwrap(), words.next().unwrap());
        if !rights.starts_with("rw") {
            continue;
        }
        let (from, to) = addresses(range);
        let mut bytes = vec![0; usize::try_from(to - from).unwrap()];
        // A mapping may have gone since.
        if memory.read_exact_at(&mut bytes, from).is_ok() {
            look(from, &bytes);
        }
    }
}

/// The first and the last address of `FROM-TO`, as `/proc` writes them.
pub(crate) fn addresses(range: &str) -> (u64, u64) {
    let (from, to) = range.split_once('-').unwrap();
    (u64::from_str_radix(from, 16).unwrap(), u64::from_str_radix(to, 16).unwrap())
}

/// Letters that stand for nothing, different for each number.
pub(crate) fn marker(number: usize) -> String {
    let mut state = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let letter = |state: &mut u64| {
        *state ^= *state << 13;
        *state ^= *state >> 7;
        *state ^= *state << 17;
        b"abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789"[usize::try_from(*state % 56).unwrap()]
    };
    (0..32).map(|_| char::from(letter(&mut state))).collect()
}

/// A program that drops texts as they are leaves them behind, in every form: the search finds what is there.
#[test]
fn the_search_finds_every_form() {
    let mut needles = Needles::default();
    let text = marker(7);
    needles.add_typed(7, &text);
    let utf16: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let reversed: String = text.chars().rev().collect();
    let hex: String = text.bytes().map(|byte| format!("{byte:02x}")).collect();
    let spread = |apart: usize| text.bytes().flat_map(|b| [vec![b], vec![7; apart - 1]].concat()).collect();
    for (form, bytes) in [
        ("as it is", text.clone().into_bytes()),
        ("as it is", text.as_bytes()[24..].to_vec()),
        ("UTF-16", utf16),
        ("reversed", reversed.into_bytes()),
        ("hexadecimal", hex.clone().into_bytes()),
        ("hexadecimal", hex.to_uppercase().into_bytes()),
        ("base64", STANDARD_NO_PAD.encode(&text).into_bytes()),
        ("base64", STANDARD_NO_PAD.encode(format!("user:{text}:x")).into_bytes()),
        ("base64", STANDARD_NO_PAD.encode(format!("u:{text}")).into_bytes()),
        ("one by one", spread(4)),
        ("one by one", spread(72)),
    ] {
        let mut found = Found::new();
        needles.find(&[&b"before"[..], &bytes, b"after"].concat(), &mut found);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [form]);
    }
    let mut found = Found::new();
    needles.find(marker(8).as_bytes(), &mut found);
    assert!(found.is_empty());
}
