//! `plugin.config`: which plugins are loaded, one a line, the file first and then its arguments.
//!
//! # Rules
//! * The file is named as the plugin is to find it in its first argument. One without a leading `/` is looked for in the folder
//!   of `plugin.config`, then in the directory of plugins.
//! * An argument `$NAME` is what the record NAME is set to. One that begins with `$proxy.` and names no record is a problem;
//!   any other stays as it is.
//! * All that is wrong with the lines is told in one go, with line and column.

use std::fs;
use std::path::{Path, PathBuf};

use super::words;
use crate::ffi::place;
use crate::ffi::records::{self, Value};

/// A plugin.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// The file as the line names it.
    pub(super) name: String,
    pub(super) file: PathBuf,
    pub(super) arguments: Vec<String>,
}

/// Reads the file. An error is a line for each problem.
pub(super) fn read(path: &Path) -> Result<Vec<Line>, String> {
    let text =
        fs::read_to_string(path).map_err(|error| format!("{} cannot be read: {error}", path.display()))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut lines = Vec::new();
    let mut problems = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        match words::split(line) {
            Ok(words) => {
                let mut words = words.into_iter();
                let Some(name) = words.next() else { continue };
                let arguments = words.map(expand).collect::<Result<_, _>>();
                match arguments {
                    Ok(arguments) => {
                        lines.push(Line { file: place::plugin_file(folder, &name), name, arguments })
                    }
                    Err(problem) => problems.push(format!("{}:{number}: {problem}", path.display())),
                }
            }
            Err(wrong) => {
                problems.push(format!("{}:{number}:{}: {}", path.display(), wrong.column, wrong.text));
            }
        }
    }
    if problems.is_empty() { Ok(lines) } else { Err(problems.join("\n")) }
}

/// A word, or what the record that it names is set to.
fn expand(word: String) -> Result<String, String> {
    let Some(name) = word.strip_prefix('$') else { return Ok(word) };
    match records::in_force(name) {
        Some((Value::Int(number), _)) => Ok(number.to_string()),
        Some((Value::Float(number), _)) => Ok(number.to_string()),
        Some((Value::Text(text), _)) => Ok(text.into_owned()),
        None if name.starts_with("proxy.") => Err(format!("`{word}`: there is no record `{name}`")),
        None => Ok(word),
    }
}
