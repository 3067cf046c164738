//! The program: harden the process, read the command line, run it or open the workbench.

use std::process::ExitCode;

use credbench::cli::{self, Next};
use credbench::memory;
use credbench::tui::{self, Ended, Options};

#[global_allocator]
static ALLOCATOR: memory::WipingAllocator = memory::WipingAllocator;

fn main() -> ExitCode {
    // First, before anything is read and any thread starts.
    let before = memory::harden();
    cli::catch_panics();
    match cli::start(std::env::args_os(), before) {
        Next::Exit(code) => code,
        Next::Workbench(bench) => {
            let options = Options::new(bench.setup.clone(), bench.monochrome, bench.demo.is_some());
            match options.and_then(tui::run) {
                // Whatever a signal interrupts, a demo leaves nothing behind: cleaned up first, then died.
                Ok(ended) => {
                    let code = bench.end(Ok(()));
                    if ended == Ended::Quit { code } else { ended.finish() }
                }
                Err(problem) => bench.end(Err(problem)),
            }
        }
    }
}
