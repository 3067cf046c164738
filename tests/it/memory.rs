//! What stands in the memory of the running program, and who gets to see it.

mod copies;
pub(crate) mod needles;
mod neighbours;
mod swap;

use crate::support::vault::report;

/// Whether the test runs as root, who alone can read the memory of the program, or become somebody else.
pub(crate) fn is_root() -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        report("skipped: only root reads the memory of the program");
    }
    root
}
