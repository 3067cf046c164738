//! Reading a file of the log line by line, with every check that takes no other file.

use std::path::Path;

use super::key::Keys;
use super::line::{Hash, Line, START, follow, unhex};
use super::state::State;
use super::{Broken, Fault, Head, Mark};

/// What a walk looks at besides the lines themselves.
pub(super) struct Walk<'a> {
    /// The file, for what is told of it.
    pub(super) path: &'a Path,
    pub(super) keys: &'a Keys,
    /// Lines that are known from elsewhere; those of other logs, and those before the start, are passed over.
    pub(super) known: &'a [Head],
}

impl Walk<'_> {
    /// Takes all lines; `visit` sees each that can be read, and the state after it.
    ///
    /// # Errors
    /// The first line that is wrong.
    pub(super) fn over(
        &self,
        bytes: &[u8],
        state: &mut State,
        mut visit: impl FnMut(&Line, &mut State),
    ) -> Result<(), Broken> {
        self.compare(state)?;
        for (line, ended) in lines(bytes) {
            let taken = match state.take(line, ended, self.keys) {
                Err(fault) if state.pending.torn > 0 => {
                    state.lose(line, ended, self.broken(state, fault));
                    None
                }
                other => other.map_err(|fault| self.broken(state, fault))?,
            };
            self.compare(state)?;
            if let Some(line) = &taken {
                visit(line, state);
            }
        }
        Ok(())
    }

    /// Compares the line of this state with what is known of it.
    fn compare(&self, state: &State) -> Result<(), Broken> {
        let mut here = self.known.iter().filter(|known| known.line == state.line && known.log == state.log);
        match here.any(|known| unhex(&known.hash) != Some(state.hash)) {
            true => Err(first(state, self.at(state, state.line, Fault::Other))),
            false => Ok(()),
        }
    }

    /// Requires that all known lines of this log were there, and that it is the one that this host knows, in a file
    /// of this many bytes.
    ///
    /// # Errors
    /// [`Fault::Cut`], [`Fault::Foreign`].
    pub(super) fn require_whole(&self, state: &State, mark: Option<&Mark>, size: u64) -> Result<(), Broken> {
        let here = self.known.iter().filter(|known| known.log == state.log).map(|known| known.line);
        if let Some(known) = here.max().filter(|known| *known > state.line) {
            return Err(first(state, self.broken(state, Fault::Cut { known })));
        }
        let Some(mark) = mark else { return Ok(()) };
        let cut = Fault::Cut { known: mark.line };
        if state.line == 0 {
            return Err(self.broken(state, cut));
        }
        if state.log != mark.log {
            return Err(self.whole(Fault::Foreign));
        }
        // The last line is there, but not its end.
        if state.starts <= mark.line && size < mark.size {
            return Err(self.at(state, mark.line, cut));
        }
        Ok(())
    }

    /// The fault of a file as a whole.
    pub(super) fn whole(&self, fault: Fault) -> Broken {
        Broken { path: self.path.to_owned(), line: 0, row: 0, fault }
    }

    /// The fault of the line after this state.
    pub(super) fn broken(&self, state: &State, fault: Fault) -> Broken {
        self.at(state, state.line + 1, fault)
    }

    /// The fault of a line of the file that this state is of.
    pub(super) fn at(&self, state: &State, line: u64, fault: Fault) -> Broken {
        Broken { path: self.path.to_owned(), line, row: line - state.starts.min(line) + 1, fault }
    }
}

/// What is wrong first, where lines that are known were lost.
fn first(state: &State, broken: Broken) -> Broken {
    state.pending.lost.clone().unwrap_or(broken)
}

/// The state before the first line of a file that is not read together with the files before it.
pub(super) fn start(bytes: &[u8]) -> State {
    let first = lines(bytes).next().and_then(|(first, _)| Line::read(first));
    first.and_then(|first| State::continued(&first)).unwrap_or_else(State::new)
}

/// The lines of a text without their line breaks, and whether each has one.
pub(super) fn lines(bytes: &[u8]) -> impl Iterator<Item = (&[u8], bool)> {
    bytes.split_inclusive(|byte| *byte == b'\n').map(|line| match line.strip_suffix(b"\n") {
        Some(line) => (line, true),
        None => (line, false),
    })
}

/// Where a file ends, for who has no key and checks nothing: the number and hash of its last line, and whether
/// that has a line break.
pub(super) fn end(bytes: &[u8]) -> (u64, Hash, bool) {
    let first = lines(bytes).next().and_then(|(line, _)| Line::read(line)).filter(|line| line.n > 1);
    let before = first.and_then(|line| Some((line.n - 1, unhex(&line.prev)?)));
    let (mut number, mut hash) = before.unwrap_or((0, START));
    let mut closed = true;
    for (line, ended) in lines(bytes) {
        number += 1;
        hash = follow(&hash, line);
        closed = ended;
    }
    (number, hash, closed)
}
