//! What a power cut may leave: everything that was synced, and of the rest any part.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, HashSet};
use std::ffi::OsString;
use std::hash::{Hash, Hasher};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use super::trace::{Node, Op, Start, Trace};

/// What a disk writes at once.
const SECTOR: usize = 512;

/// Up to how many states at one moment all are taken; beyond, that many at random.
const ALL: usize = 48;

/// Which promises of the system the disk keeps: the controls break one each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Promise {
    Both,
    FilesOnly,
    FoldersOnly,
}

/// What is on a disk after a power cut.
pub(super) struct Image {
    files: BTreeMap<PathBuf, Option<Vec<u8>>>,
    /// A success had been told before.
    pub(super) said: bool,
    /// After which change it happened.
    pub(super) moment: usize,
}

/// A file's or an entry's value that surely is on the disk, and what may or may not have got there since.
struct Kept<T, C> {
    sure: T,
    since: Vec<C>,
}

#[derive(Default)]
struct Disk {
    files: BTreeMap<Node, Kept<Vec<u8>, Op>>,
    entries: BTreeMap<(Node, OsString), Kept<Option<Node>, Option<Node>>>,
    folders: HashSet<Node>,
}

/// How much of a write got to the disk.
#[derive(Clone, Copy)]
enum Part {
    All,
    None,
    /// The file is as long as it should be, with zeros.
    Zeros,
    /// Some sectors, of which the rest is zeros or as before.
    Some,
}

impl Disk {
    fn of(trace: &Trace) -> Self {
        let mut disk = Self::default();
        for (node, start) in trace.starts.iter().enumerate() {
            match start {
                Start::Folder => drop(disk.folders.insert(node)),
                Start::File(bytes) => {
                    drop(disk.files.insert(node, Kept { sure: bytes.clone(), since: Vec::new() }));
                }
            }
        }
        for (place, node) in &trace.entries {
            disk.entries.insert(place.clone(), Kept { sure: Some(*node), since: Vec::new() });
        }
        disk
    }

    fn take(&mut self, op: &Op, promise: Promise) {
        match op {
            Op::Write { node, .. } | Op::Size { node, .. } => {
                self.files.get_mut(node).unwrap().since.push(op.clone());
            }
            Op::Entry { folder, name, node } => {
                let place = (*folder, name.clone());
                let entry = self.entries.entry(place).or_insert(Kept { sure: None, since: Vec::new() });
                entry.since.push(*node);
            }
            Op::SyncFile(node) if promise != Promise::FoldersOnly => {
                let file = self.files.get_mut(node).unwrap();
                for op in std::mem::take(&mut file.since) {
                    apply(&mut file.sure, &op, Part::All, None);
                }
            }
            Op::SyncFolder(folder) if promise != Promise::FilesOnly => {
                for (_, entry) in self.entries.iter_mut().filter(|((known, _), _)| known == folder) {
                    entry.sure = entry.since.pop().unwrap_or(entry.sure);
                    entry.since.clear();
                }
            }
            Op::SyncFile(_) | Op::SyncFolder(_) | Op::Said => {}
        }
    }

    /// How many choices there are for each thing that is not sure: entries, then writes.
    fn choices(&self) -> Vec<usize> {
        let entries = self.entries.values().filter(|kept| !kept.since.is_empty());
        let writes = self.files.values().flat_map(|kept| &kept.since);
        entries.map(|kept| kept.since.len() + 1).chain(writes.map(|_| 3)).collect()
    }

    /// Files that have no name any more for who runs: without a journal that they are gone may get to the disk before the
    /// folder does that named them, and what it names is then nothing.
    fn nameless(&self) -> HashSet<Node> {
        let named: HashSet<Node> =
            self.entries.values().filter_map(|kept| *kept.since.last().unwrap_or(&kept.sure)).collect();
        self.files.keys().copied().filter(|node| !named.contains(node)).collect()
    }

    /// The disk with these choices, without some files. With `torn`, which sectors of a write are there is left to chance.
    fn image(
        &self,
        choices: &[usize],
        gone: &HashSet<Node>,
        mut torn: Option<&mut StdRng>,
    ) -> BTreeMap<PathBuf, Option<Vec<u8>>> {
        let mut choices = choices.iter().copied();
        let mut entries: BTreeMap<Node, Vec<(&OsString, Node)>> = BTreeMap::new();
        for ((folder, name), kept) in &self.entries {
            let choice = if kept.since.is_empty() { 0 } else { choices.next().unwrap() };
            let node = if choice == 0 { kept.sure } else { kept.since[choice - 1] };
            if let Some(node) = node.filter(|node| !gone.contains(node)) {
                entries.entry(*folder).or_default().push((name, node));
            }
        }
        let mut contents = BTreeMap::new();
        for (node, kept) in &self.files {
            let mut bytes = kept.sure.clone();
            for op in &kept.since {
                let part = match choices.next().unwrap() {
                    _ if torn.is_some() => Part::Some,
                    0 => Part::None,
                    1 => Part::All,
                    _ => Part::Zeros,
                };
                apply(&mut bytes, op, part, torn.as_deref_mut());
            }
            contents.insert(*node, bytes);
        }
        let mut files = BTreeMap::new();
        let mut open = vec![(PathBuf::new(), 0)];
        while let Some((path, folder)) = open.pop() {
            for (name, node) in entries.get(&folder).into_iter().flatten() {
                let path = path.join(name);
                if self.folders.contains(node) {
                    files.insert(path.clone(), None);
                    open.push((path, *node));
                } else {
                    files.insert(path, Some(contents[node].clone()));
                }
            }
        }
        files
    }
}

fn apply(bytes: &mut Vec<u8>, op: &Op, part: Part, torn: Option<&mut StdRng>) {
    match op {
        Op::Size { size, .. } if !matches!(part, Part::None) => bytes.resize(*size, 0),
        Op::Write { at, bytes: new, .. } if !matches!(part, Part::None) => {
            bytes.resize(bytes.len().max(at + new.len()), 0);
            match (part, torn) {
                (Part::All, _) => bytes[*at..at + new.len()].copy_from_slice(new),
                (Part::Some, Some(random)) => {
                    for (number, sector) in new.chunks(SECTOR).enumerate() {
                        if random.random() {
                            let at = at + number * SECTOR;
                            bytes[at..at + sector.len()].copy_from_slice(sector);
                        }
                    }
                }
                _ => {}
            }
        }
        _ => {}
    }
}

/// States that a power cut during a trace may leave, each once; `look` gets each. Up to `torn` of a moment have writes of
/// which only some sectors are there.
pub(super) fn states(trace: &Trace, promise: Promise, torn: usize, mut look: impl FnMut(&Image)) {
    let mut random = StdRng::seed_from_u64(6);
    let mut disk = Disk::of(trace);
    let (mut seen, mut said) = (HashSet::new(), false);
    for moment in 0..=trace.ops.len() {
        let choices = disk.choices();
        let writing = disk.files.values().any(|kept| !kept.since.is_empty());
        let (none, nameless) = (HashSet::new(), disk.nameless());
        let all = choices.iter().try_fold(1_usize, |all, count| all.checked_mul(*count));
        let mut show = |chosen: &[usize], mut torn: Option<&mut StdRng>| {
            for gone in [&none, &nameless] {
                let files = disk.image(chosen, gone, torn.as_deref_mut());
                let mut hasher = DefaultHasher::new();
                (&files, said).hash(&mut hasher);
                if seen.insert(hasher.finish()) {
                    look(&Image { files, said, moment });
                }
            }
        };
        let any = |random: &mut StdRng| -> Vec<usize> {
            choices.iter().map(|count| random.random_range(0..*count)).collect()
        };
        match all {
            Some(all) if all <= ALL => {
                for mut number in 0..all {
                    let mut digit = |count: &usize| {
                        let digit = number % count;
                        number /= count;
                        digit
                    };
                    show(&choices.iter().map(&mut digit).collect::<Vec<_>>(), None);
                }
            }
            _ => (0..ALL).for_each(|_| show(&any(&mut random), None)),
        }
        if writing {
            for _ in 0..torn {
                let chosen = any(&mut random);
                show(&chosen, Some(&mut random));
            }
        }
        if let Some(op) = trace.ops.get(moment) {
            said |= matches!(op, Op::Said);
            disk.take(op, promise);
        }
    }
}

impl Image {
    /// What a file holds, if it is there.
    pub(super) fn file(&self, path: &Path) -> Option<&[u8]> {
        self.files.get(path)?.as_deref()
    }

    /// The names that are there.
    pub(super) fn names(&self) -> Vec<PathBuf> {
        self.files.keys().cloned().collect()
    }

    /// Puts it in the place of what lies in these folders.
    pub(super) fn write(&self, root: &Path, folders: &[&str]) {
        for name in folders {
            let _ = std::fs::remove_dir_all(root.join(name));
        }
        for (path, content) in &self.files {
            let path = root.join(path);
            match content {
                None => std::fs::DirBuilder::new().mode(0o700).create(path).unwrap(),
                Some(bytes) => {
                    let mut options = std::fs::OpenOptions::new();
                    let mut file = options.write(true).create_new(true).mode(0o600).open(path).unwrap();
                    std::io::Write::write_all(&mut file, bytes).unwrap();
                }
            }
        }
    }
}
