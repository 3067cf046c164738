//! What a power cut may leave of writes to a device: those before a sync are there; of the rest any, also in part.

use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};

/// What a disk writes at once.
const SECTOR: usize = 512;

/// Where the superblock of an ext2 or ext4 ends.
const SUPERBLOCK_END: usize = 2048;

/// What the free sectors of the disk hold: what was there before, and surely no zeros.
pub(super) const FILLER: u8 = 0xa5;

/// Up to how many writes between two syncs each choice of them is taken.
const ALL: usize = 8;

/// The command begins; all before it is on the disk.
pub(super) const BEGIN: u8 = b'b';
/// A success was told.
pub(super) const TOLD: u8 = b't';

/// What a device was told.
#[derive(Clone, Debug)]
pub(super) enum Change {
    Write {
        at: usize,
        bytes: Vec<u8>,
    },
    Sync,
    /// A success was told.
    Told,
}

/// What a command did to a device.
pub(super) struct Recording {
    base: Image,
    pub(super) changes: Vec<Change>,
}

/// What is on a device.
#[derive(Clone)]
pub(super) struct Image {
    pub(super) bytes: Vec<u8>,
    /// The same for the same bytes: the hashes of all sectors.
    print: u64,
}

/// What a power cut left.
pub(super) struct State {
    pub(super) image: Image,
    /// A success had been told before.
    pub(super) told: bool,
    /// How many changes are surely there, and what is there of those up to the next sync, in words.
    pub(super) sure: usize,
    pub(super) choice: String,
}

/// How much of a write got to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    None,
    All,
    /// Any sectors; where nothing was before, zeros too.
    Torn,
}

impl Image {
    fn new(bytes: Vec<u8>) -> Self {
        let print =
            bytes.chunks(SECTOR).enumerate().fold(0, |all, (number, sector)| all ^ hash(number, sector));
        Self { bytes, print }
    }

    fn write(&mut self, at: usize, bytes: &[u8]) {
        assert!(
            at.is_multiple_of(SECTOR) && bytes.len().is_multiple_of(SECTOR),
            "{} bytes at {at}",
            bytes.len()
        );
        for (number, new) in (at / SECTOR..).zip(bytes.chunks(SECTOR)) {
            let old = &mut self.bytes[number * SECTOR..][..SECTOR];
            self.print ^= hash(number, old) ^ hash(number, new);
            old.copy_from_slice(new);
        }
    }
}

fn hash(number: usize, sector: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (number, sector).hash(&mut hasher);
    hasher.finish()
}

impl Recording {
    /// From what a device was told, with marks at a place of it.
    pub(super) fn new(base: Vec<u8>, told: impl Iterator<Item = Change>, marks: usize) -> Self {
        let mut recording = Self { base: Image::new(base), changes: Vec::new() };
        let mut begun = false;
        for change in told {
            match change {
                Change::Write { at, bytes } if at == marks && bytes == [BEGIN] => begun = true,
                Change::Write { at, bytes } if at == marks && bytes == [TOLD] => {
                    recording.changes.push(Change::Told);
                }
                Change::Write { at, bytes } if !begun => recording.base.write(at, &bytes),
                change if begun => recording.changes.push(change),
                _ => {}
            }
        }
        recording
    }

    /// What is there in the end.
    pub(super) fn last(&self) -> Image {
        let mut image = self.base.clone();
        for change in &self.changes {
            if let Change::Write { at, bytes } = change {
                image.write(*at, bytes);
            }
        }
        image
    }

    pub(super) fn writes(&self) -> usize {
        self.changes.iter().filter(|change| matches!(change, Change::Write { .. })).count()
    }

    /// The same on a disk that takes no notice of syncs.
    pub(super) fn without_syncs(mut self) -> Self {
        self.changes.retain(|change| !matches!(change, Change::Sync));
        self
    }

    /// States that a power cut may leave, each once; `look` gets each. Between two syncs up to `most` with whole writes,
    /// and as many with torn ones.
    pub(super) fn states(&self, most: usize, mut look: impl FnMut(State)) {
        let mut random = StdRng::seed_from_u64(6);
        let mut seen = HashSet::new();
        let (mut sure, mut told, mut before) = (self.base.clone(), false, 0);
        for changes in self.changes.split_inclusive(|change| matches!(change, Change::Sync)) {
            // A cut after the telling may leave what one before it may: each of these is one of after it.
            told |= changes.iter().any(|change| matches!(change, Change::Told));
            let write = |change| match change {
                &Change::Write { at, ref bytes } => Some((at, bytes.as_slice())),
                _ => None,
            };
            let writes: Vec<(usize, &[u8])> = changes.iter().filter_map(write).collect();
            let mut show = |parts: &[Part], random: &mut StdRng| {
                let mut image = sure.clone();
                for ((at, bytes), part) in writes.iter().zip(parts) {
                    match part {
                        Part::None => {}
                        Part::All => image.write(*at, bytes),
                        Part::Torn => self.tear(&mut image, *at, bytes, random),
                    }
                }
                if seen.insert((told, image.print)) {
                    look(State { image, told, sure: before, choice: words(&writes, parts) });
                }
            };
            for parts in whole(writes.len(), most, &mut random) {
                show(&parts, &mut random);
            }
            for _ in 0..if writes.is_empty() { 0 } else { most } {
                let any = |_: &_| match random.random_range(0..4) {
                    0 => Part::None,
                    1 => Part::All,
                    _ => Part::Torn,
                };
                let parts: Vec<Part> = writes.iter().map(any).collect();
                show(&parts, &mut random);
            }
            for (at, bytes) in writes {
                sure.write(at, bytes);
            }
            before += changes.len();
        }
    }

    /// The superblock is never torn: a file system counts on that, whatever a program does.
    fn tear(&self, image: &mut Image, at: usize, bytes: &[u8], random: &mut StdRng) {
        let share = if at < SUPERBLOCK_END { 1.0 } else { random.random_range(0.1..0.9) };
        for (at, sector) in (at..).step_by(SECTOR).zip(bytes.chunks(SECTOR)) {
            // Some disks give zeros for what they did not finish. What was there is never lost so: a disk that does this to
            // sectors in use takes other files with it, whatever a program does.
            let free = self.base.bytes[at..][..SECTOR].iter().all(|byte| *byte == FILLER);
            if random.random_bool(share) {
                image.write(at, sector);
            } else if free && random.random() {
                image.write(at, &[0; SECTOR]);
            }
        }
    }
}

/// Choices among writes: all of them where they are few; else each write alone, each one missing, each moment of the order
/// in which they were told, and the rest at random.
fn whole(count: usize, most: usize, random: &mut StdRng) -> Vec<Vec<Part>> {
    let of = |taken: &dyn Fn(usize) -> bool| -> Vec<Part> {
        (0..count).map(|number| if taken(number) { Part::All } else { Part::None }).collect()
    };
    if count <= ALL {
        return (0..1_usize << count).map(|bits| of(&|number| bits >> number & 1 == 1)).collect();
    }
    let mut choices = Vec::new();
    for one in 0..=count {
        choices.extend([
            of(&|number| number < one),
            of(&|number| number == one),
            of(&|number| number != one),
        ]);
    }
    choices.shuffle(random);
    choices.truncate(most / 2);
    while choices.len() < most {
        let share = random.random_range(0.1..0.9);
        let taken: Vec<bool> = (0..count).map(|_| random.random_bool(share)).collect();
        choices.push(of(&|number| taken[number]));
    }
    choices
}

fn words(writes: &[(usize, &[u8])], parts: &[Part]) -> String {
    let word = |((at, bytes), part): (&(usize, &[u8]), &Part)| format!("{}+{}: {part:?}", at, bytes.len());
    writes.iter().zip(parts).map(word).collect::<Vec<_>>().join(", ")
}
