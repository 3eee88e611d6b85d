//! `--verify-plugin`: whether a file is a plugin that this host can load.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use super::plugins;
use crate::ffi::load::{Library, LoadError};
use crate::ffi::remap;

/// Loads the file, enters none of its functions, and says what it found.
pub(super) fn verify(file: &Path, out: &mut dyn Write) -> ExitCode {
    let looked =
        plugins::report_deaths().and_then(|()| look(file).map_err(|error| format!("plugin {error}")));
    match looked {
        Ok(has) => super::print(out, &format!("{}: OK: it can be loaded, and has {has}", file.display())),
        Err(error) => {
            eprintln!("ts-host: {error}");
            ExitCode::FAILURE
        }
    }
}

fn look(file: &Path) -> Result<&'static str, LoadError> {
    let library = Library::open(file)?;
    let maps = remap::check(&library).is_ok();
    match library.global() {
        Ok(_) if maps => Ok("TSPluginInit, and TSRemapInit and TSRemapDoRemap for rules"),
        Ok(_) => Ok("TSPluginInit"),
        Err(_) if maps => Ok("TSRemapInit and TSRemapDoRemap, for rules of remap.config"),
        Err(error) => Err(error),
    }
}
