//! The program: harden the process, read the command line, run it or open the workbench.

use std::process::ExitCode;

use credbench::cli::{self, Next};
use credbench::memory;

#[global_allocator]
static ALLOCATOR: memory::WipingAllocator = memory::WipingAllocator;

fn main() -> ExitCode {
    // First, before anything is read and any thread starts.
    memory::harden();
    match cli::start(std::env::args_os()) {
        Next::Exit(code) => code,
        Next::Workbench(bench) => bench.end(Ok(())),
    }
}
