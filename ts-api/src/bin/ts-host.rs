//! The program `ts-host`: arguments in, host run.

use std::io::stdout;
use std::process::ExitCode;

/// What a request allocates comes and goes many times a millisecond, in few sizes. It is ours alone: what plugins get from
/// `TSmalloc` or as copies of texts, and give to `TSfree`, is on the heap of `malloc` (`ffi/memory.rs`), and a plugin that is
/// a library of its own has its own.
#[cfg(feature = "mimalloc")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ts_api::host::run(std::env::args_os().skip(1), &mut stdout().lock())
}
