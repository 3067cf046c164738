//! `demo`: a throw-away vault with samples, and the service that answers their tests.

use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use jiff::Timestamp;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use super::manual::Page;
use crate::config::Config;
use crate::demo::{Service, document};
use crate::paths::{Paths, throw_away};
use crate::problem::{Exit, Problem};
use crate::session::{Protection, Setup};
use crate::vault::NobodyToAsk;

/// A demonstration. Dropping it ends the service and removes every file.
#[derive(Debug)]
pub struct Demo {
    // Dropped in this order: the service within its runtime, then what it ran on, then the files.
    _service: Service,
    runtime: Option<Runtime>,
    _folder: TempDir,
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Requests that are under way have nobody to answer to.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

pub(super) const PAGES: &[Page] = &[Page {
    command: "demo",
    examples: &[("credbench demo", "looks around: nothing is left behind")],
    json: "nothing: it opens the workbench",
    faults: &[(Exit::Failed, "demo", "the throw-away vault or its local service cannot be made")],
    shared: &[],
}];

/// Makes the vault and starts the service. The user's own configuration and vault are not looked at.
pub(crate) fn start() -> Result<(Setup, Demo), Problem> {
    let failed = |error: std::io::Error| Problem::new(Exit::Failed, "demo", format!("no demo: {error}"));
    let folder = tempfile::Builder::new()
        .prefix("credbench-demo-")
        .permissions(std::fs::Permissions::from_mode(0o700))
        .tempdir_in(throw_away())
        .map_err(failed)?;
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().map_err(failed)?;
    let service = runtime.block_on(Service::start()).map_err(failed)?;
    let paths = Paths::under(folder.path());
    let setup = Setup::new(&paths, Config::default(), &paths.config_file());
    let now = Timestamp::now();
    let samples = document(service.base_url(), now);
    setup.init_with(samples, &[], || Ok(Protection::None), Arc::new(NobodyToAsk), now)?;
    Ok((setup, Demo { _service: service, runtime: Some(runtime), _folder: folder }))
}
