//! `demo`

use crate::problem::{Exit, Problem};
use crate::session::Setup;

#[derive(Debug)]
pub struct Demo;

pub(crate) fn start() -> Result<(Setup, Demo), Problem> {
    Err(Problem::new(Exit::Failed, "demo", "not there"))
}
