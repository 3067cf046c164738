//! The dry test before a save.

use super::Context;
use crate::model::TestRecord;
use crate::problem::Problem;
use crate::session::{Change, Setup};

pub(crate) fn before_saving(
    _context: &Context,
    _setup: &Setup,
    changes: &[Change],
    _no_test: bool,
) -> Result<Vec<Option<TestRecord>>, Problem> {
    Ok(changes.iter().map(|_| None).collect())
}
