//! `--verify-plugin`: whether a file is a plugin that this host can load.

use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

use crate::ffi::load::{Library, LoadError};

/// Loads the file, enters none of its functions, and says what it found.
pub(super) fn verify(file: &Path, out: &mut dyn Write) -> ExitCode {
    match look(file) {
        Ok(has) => super::print(out, &format!("{}: OK: it can be loaded, and has {has}", file.display())),
        Err(error) => {
            eprintln!("ts-host: plugin {error}");
            ExitCode::FAILURE
        }
    }
}

fn look(file: &Path) -> Result<String, LoadError> {
    Library::open(file)?.global()?;
    Ok("TSPluginInit".to_owned())
}
