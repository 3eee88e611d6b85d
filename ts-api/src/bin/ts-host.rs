//! The program `ts-host`: arguments in, host run.

use std::io::stdout;
use std::process::ExitCode;

fn main() -> ExitCode {
    ts_api::host::run(std::env::args_os().skip(1), &mut stdout().lock())
}
