//! What a command does to the disk, call by call, as strace saw it.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// A file or folder, whatever its names are.
pub(super) type Node = usize;

/// What a node was when the trace began.
#[derive(Clone, Debug)]
pub(super) enum Start {
    Folder,
    File(Vec<u8>),
}

/// One change, or one promise that all changes of a node so far are on the disk.
#[derive(Clone, Debug)]
pub(super) enum Op {
    Write {
        node: Node,
        at: usize,
        bytes: Vec<u8>,
    },
    Size {
        node: Node,
        size: usize,
    },
    Entry {
        folder: Node,
        name: OsString,
        node: Option<Node>,
    },
    SyncFile(Node),
    SyncFolder(Node),
    /// A success was told.
    Said,
}

/// A run of a command.
pub(super) struct Trace {
    /// Nodes and entries that were on the disk before; node 0 is the root.
    pub(super) starts: Vec<Start>,
    pub(super) entries: BTreeMap<(Node, OsString), Node>,
    pub(super) ops: Vec<Op>,
}

/// The calls that have to be traced for [`Trace::add`].
pub(super) const CALLS: &str = "openat,?open,?creat,write,writev,pwrite64,pwritev,copy_file_range,sendfile,fsync,\
    fdatasync,sync_file_range,?rename,renameat,renameat2,?link,linkat,?unlink,unlinkat,?mkdir,mkdirat,?rmdir,ftruncate,\
    close,?dup2,dup3,?symlink,symlinkat";

/// An open file of the traced program.
struct Open {
    node: Node,
    position: usize,
    append: bool,
}

/// Follows a trace.
struct Follow<'a> {
    root: &'a Path,
    trace: Trace,
    /// The entries as the program sees them, and how large files are.
    now: BTreeMap<(Node, OsString), Node>,
    sizes: BTreeMap<Node, usize>,
    files: BTreeMap<String, Open>,
}

impl Trace {
    /// What lies under some folders of `root` now is on the disk.
    pub(super) fn begin(root: &Path, folders: &[&str]) -> Self {
        let mut trace = Self { starts: vec![Start::Folder], entries: BTreeMap::new(), ops: Vec::new() };
        let mut known = BTreeMap::new();
        for name in folders {
            trace.load(0, &root.join(name), &mut known);
        }
        trace
    }

    fn load(&mut self, folder: Node, path: &Path, known: &mut BTreeMap<u64, Node>) {
        let found = path.symlink_metadata().unwrap();
        assert!(found.is_dir() || found.is_file(), "{}", path.display());
        let node = *known.entry(found.ino()).or_insert_with(|| {
            let start =
                if found.is_dir() { Start::Folder } else { Start::File(std::fs::read(path).unwrap()) };
            self.starts.push(start);
            self.starts.len() - 1
        });
        self.entries.insert((folder, path.file_name().unwrap().to_owned()), node);
        if found.is_dir() {
            for entry in std::fs::read_dir(path).unwrap() {
                self.load(node, &entry.unwrap().path(), known);
            }
        }
    }

    /// Adds what strace wrote with `-y -xx -s` a large number.
    pub(super) fn add(self, root: &Path, log: &str) -> Self {
        let size = |(node, start): (Node, &Start)| match start {
            Start::File(bytes) => Some((node, bytes.len())),
            Start::Folder => None,
        };
        let sizes = self.starts.iter().enumerate().filter_map(size).collect();
        let now = self.entries.clone();
        let mut follow = Follow { root, trace: self, now, sizes, files: BTreeMap::new() };
        for line in log.lines().filter(|line| !line.contains("+++") && !line.contains("---")) {
            follow.line(line);
        }
        follow.trace
    }
}

impl Follow<'_> {
    fn line(&mut self, line: &str) {
        assert!(!line.contains("unfinished") && !line.contains("resumed"), "one thread writes: {line}");
        let call = line.trim_start_matches(|c: char| c.is_ascii_digit() || c == ' ');
        let Some((name, rest)) = call.split_once('(') else { panic!("{line}") };
        let Some((arguments, result)) = rest.rsplit_once(") = ") else { panic!("{line}") };
        if result.starts_with('-') {
            return;
        }
        let arguments: Vec<&str> = arguments.split(", ").collect();
        let number = |text: &str| text.split(['<', ' ']).next().unwrap().parse::<usize>().unwrap();
        match name {
            "open" => self.open(&path(None, arguments[0]), arguments[1], result),
            "openat" => self.open(&path(Some(arguments[0]), arguments[1]), arguments[2], result),
            "close" => drop(self.files.remove(descriptor(arguments[0]))),
            "write" if descriptor(arguments[0]) == "1" => self.trace.ops.push(Op::Said),
            "write" => self.write(descriptor(arguments[0]), None, arguments[1], number(result)),
            "pwrite64" => {
                self.write(
                    descriptor(arguments[0]),
                    Some(number(arguments[3])),
                    arguments[1],
                    number(result),
                );
            }
            "fsync" | "fdatasync" => {
                let Some(open) = self.files.get(descriptor(arguments[0])) else { return };
                let folder = !self.sizes.contains_key(&open.node);
                self.trace.ops.push(if folder { Op::SyncFolder(open.node) } else { Op::SyncFile(open.node) });
            }
            "ftruncate" => {
                let Some(open) = self.files.get(descriptor(arguments[0])) else { return };
                let (node, size) = (open.node, number(arguments[1]));
                self.sizes.insert(node, size);
                self.trace.ops.push(Op::Size { node, size });
            }
            "rename" => self.rename(&path(None, arguments[0]), &path(None, arguments[1])),
            "renameat" | "renameat2" => {
                let from = path(Some(arguments[0]), arguments[1]);
                self.rename(&from, &path(Some(arguments[2]), arguments[3]));
            }
            "link" => self.link(&path(None, arguments[0]), &path(None, arguments[1])),
            "linkat" => {
                let from = path(Some(arguments[0]), arguments[1]);
                self.link(&from, &path(Some(arguments[2]), arguments[3]));
            }
            "unlink" => self.set(&path(None, arguments[0]), None),
            "unlinkat" => self.set(&path(Some(arguments[0]), arguments[1]), None),
            "mkdir" | "mkdirat" => {
                let folder = if name == "mkdir" { None } else { Some(arguments[0]) };
                let made = path(folder, arguments[usize::from(folder.is_some())]);
                let node = self.made(Start::Folder);
                self.set(&made, Some(node));
            }
            // Where a file was changed by a call that is not followed here, nothing would be proven.
            other => {
                let ours = arguments.iter().any(|argument| self.files.contains_key(descriptor(argument)));
                assert!(!ours, "{other} is not followed: {line}");
            }
        }
    }

    fn made(&mut self, start: Start) -> Node {
        self.trace.starts.push(start);
        self.trace.starts.len() - 1
    }

    /// The folder of a path and the name in it, where the path is one that is followed.
    fn place(&self, path: &Path) -> Option<(Node, OsString)> {
        let inside = path.strip_prefix(self.root).ok()?;
        let mut folder = 0;
        for name in inside.parent()? {
            folder = *self.now.get(&(folder, name.to_owned()))?;
        }
        Some((folder, inside.file_name()?.to_owned()))
    }

    fn set(&mut self, path: &Path, node: Option<Node>) {
        let Some((folder, name)) = self.place(path) else { return };
        match node {
            Some(node) => drop(self.now.insert((folder, name.clone()), node)),
            None => drop(self.now.remove(&(folder, name.clone()))),
        }
        self.trace.ops.push(Op::Entry { folder, name, node });
    }

    fn open(&mut self, path: &Path, flags: &str, result: &str) {
        let Some(place) = self.place(path) else { return };
        let node = match self.now.get(&place) {
            Some(node) => *node,
            // Something beside the folders that are followed, such as an input.
            None if !flags.contains("O_CREAT") || place.0 == 0 => return,
            None => {
                let node = self.made(Start::File(Vec::new()));
                self.sizes.insert(node, 0);
                self.set(path, Some(node));
                node
            }
        };
        if flags.contains("O_TRUNC") && self.sizes.insert(node, 0).is_some_and(|size| size > 0) {
            self.trace.ops.push(Op::Size { node, size: 0 });
        }
        let open = Open { node, position: 0, append: flags.contains("O_APPEND") };
        self.files.insert(descriptor(result).to_owned(), open);
    }

    fn write(&mut self, file: &str, at: Option<usize>, data: &str, count: usize) {
        let Some(open) = self.files.get_mut(file) else { return };
        let size = self.sizes.get_mut(&open.node).unwrap();
        let at = at.unwrap_or(if open.append { *size } else { open.position });
        open.position = at + count;
        *size = (*size).max(at + count);
        let bytes = text(data)[..count].to_vec();
        self.trace.ops.push(Op::Write { node: open.node, at, bytes });
    }

    fn rename(&mut self, from: &Path, to: &Path) {
        let Some(node) = self.place(from).and_then(|place| self.now.get(&place).copied()) else { return };
        // Two entries, which a power cut may part.
        self.set(to, Some(node));
        self.set(from, None);
    }

    fn link(&mut self, from: &Path, to: &Path) {
        let Some(node) = self.place(from).and_then(|place| self.now.get(&place).copied()) else { return };
        self.set(to, Some(node));
    }
}

/// `3` of `3</path>`.
fn descriptor(argument: &str) -> &str {
    argument.split('<').next().unwrap_or_default()
}

/// The bytes of `"\x2f…"`, or of `<\x2f…>`.
fn text(argument: &str) -> Vec<u8> {
    let digits = argument.split("\\x").skip(1);
    digits.map(|digits| u8::from_str_radix(&digits[..2], 16).unwrap()).collect()
}

fn path(folder: Option<&str>, name: &str) -> PathBuf {
    let of = |text: Vec<u8>| PathBuf::from(OsString::from_vec(text));
    let name = of(text(name));
    match folder.and_then(|folder| folder.split_once('<')) {
        Some((_, folder)) => of(text(folder)).join(name),
        None => name,
    }
}

/// An operation in words, for who has to find out what went wrong.
pub(super) fn words(op: &Op) -> String {
    match op {
        Op::Write { node, at, bytes } => format!("{} bytes of file {node} written at {at}", bytes.len()),
        Op::Size { node, size } => format!("file {node} made {size} bytes long"),
        Op::Entry { name, node: Some(node), .. } => format!("{} names {node}", name.to_string_lossy()),
        Op::Entry { name, node: None, .. } => format!("{} is gone", name.to_string_lossy()),
        Op::SyncFile(node) => format!("file {node} synced"),
        Op::SyncFolder(node) => format!("folder {node} synced"),
        Op::Said => "told".to_owned(),
    }
}
