//! Checking a whole log: every line of every file, and everything that is known of it from elsewhere.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use super::file::Locked;
use super::key::Keys;
use super::line::Line;
use super::state::State;
use super::walk::{Walk, start};
use super::{Broken, Error, Fault, Head, Mark, NAME, What, Witness};

/// A log in which nothing is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Verified {
    /// How many lines there are.
    pub lines: u64,
    /// In how many files.
    pub files: u64,
    /// Lines at the end that were written without a key and are not counted yet.
    pub unkeyed: u64,
    /// Lines at the end that cannot be read, such as a record that a crash cut short, and are not counted yet.
    pub torn: u64,
    /// Lines that say that something is missing.
    pub gaps: u64,
    /// When the first line that can be trusted was written.
    pub since: Option<Timestamp>,
}

/// Checks a log from its first line to its last.
///
/// # Errors
/// The first line that is wrong; files.
pub fn verify(folder: &Path, keys: &Keys, witness: &dyn Witness) -> Result<Verified, Error> {
    let (mut gaps, mut since) = (0, None);
    let (state, files) = over_all(folder, keys, witness, |line, _| {
        gaps += u64::from(line.is(What::Gap) || line.is(What::Unrecorded));
        if line.is_keyed() {
            since.get_or_insert(line.at);
        }
    })?;
    let pending = &state.pending;
    Ok(Verified { lines: state.line, files, unkeyed: pending.unkeyed, torn: pending.torn, gaps, since })
}

/// Reads all files of a log with all checks.
///
/// # Errors
/// The first line that is wrong; files.
pub(super) fn over_all(
    folder: &Path,
    keys: &Keys,
    witness: &dyn Witness,
    mut visit: impl FnMut(&Line, &mut State),
) -> Result<(State, u64), Error> {
    let path = folder.join(NAME);
    let Some(file) = Locked::to_read(&path)? else {
        return match witness.mark() {
            Some(mark) => {
                let fault = Fault::Missing { known: mark.line };
                Err(Broken { path, line: 0, row: 0, fault }.into())
            }
            None => Ok((State::new(), 0)),
        };
    };
    // Others wait only while the newest file is read; what it goes on from does not change any more.
    let (last, size, mark, earlier) = (file.read(0)?, file.size(), witness.mark(), archives(folder));
    drop(file);
    let mut heads: Vec<Head> = witness.heads().to_vec();
    heads.extend(mark.as_ref().map(Mark::head));
    let mut state = State::new();
    for (starts, path) in &earlier {
        let walk = Walk { path, keys, known: &heads };
        require_next(&walk, &mut state, *starts)?;
        let bytes = Locked::to_read(path)?.map(|file| file.read(0)).transpose()?.unwrap_or_default();
        walk.over(&bytes, &mut state, &mut visit)?;
    }
    let walk = Walk { path: &path, keys, known: &heads };
    let starts = start(&last).starts;
    require_next(&walk, &mut state, starts)?;
    walk.over(&last, &mut state, &mut visit)?;
    walk.require_whole(&state, mark.as_ref(), size)?;
    Ok((state, earlier.len() as u64 + 1))
}

/// Begins a file that has to go on after the state.
fn require_next(walk: &Walk<'_>, state: &mut State, starts: u64) -> Result<(), Broken> {
    if starts != state.line + 1 {
        return Err(walk.at(state, state.line + 1, Fault::Archive));
    }
    state.starts = starts;
    state.offset = 0;
    state.open_end = false;
    Ok(())
}

/// Where the file is kept that starts with this line.
pub(super) fn archive(folder: &Path, starts: u64) -> PathBuf {
    folder.join(format!("audit.{starts:012}.log"))
}

/// Earlier files with the numbers of their first lines, oldest first.
pub(super) fn archives(folder: &Path) -> Vec<(u64, PathBuf)> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<(u64, PathBuf)> = entries
        .filter_map(|entry| {
            let name = entry.file_name();
            let number = name.to_str()?.strip_prefix("audit.")?.strip_suffix(".log")?;
            let plain = number.len() == 12 && number.bytes().all(|byte| byte.is_ascii_digit());
            Some((number.parse().ok().filter(|_| plain)?, entry.path()))
        })
        .collect();
    found.sort();
    found
}
