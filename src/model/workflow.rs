//! Consumers of credentials: the files that name them.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Object;

/// A file that names credentials, as a scan found it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// What it is called: its path from the scanned folder on.
    pub name: String,
    /// Where it is: absolute.
    pub path: String,
    /// The solution that its references mean where they name none: the current one of the scan.
    pub solution: String,
    /// When it was scanned.
    pub scanned_at: Timestamp,
    /// What it names, in order.
    pub references: Vec<Mentioned>,
    /// Unknown members.
    #[serde(flatten)]
    pub extra: Object,
}

/// A place that names a credential.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mentioned {
    /// The reference as it is written, or a key that stands by itself.
    pub reference: String,
    /// Its line, counted from 1.
    pub line: usize,
}
