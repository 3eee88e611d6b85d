//! `remap.config`: rules in the original's form, one a line.
//!
//! ```text
//! map http://a.example/ http://10.0.0.1:8080/ @plugin=a.so @pparam=--fast @pparam=2
//! ```
//!
//! # Rules
//! * Words are those of `plugin.config`; a `\` at the end of a line goes on with the next.
//! * A line that says something that there is no such thing as here is a problem, and not left out: a rule that is half
//!   understood sends requests where nobody wants them.
//! * A plugin's file without a leading `/` is looked for in the folder of `remap.config`, then in the directory of plugins.

use std::fs;
use std::path::Path;

use super::config::{Mapping, Problems};
use super::words;
use crate::ffi::place;

/// Reads the file.
pub(super) fn read(path: &Path) -> Result<Vec<Mapping>, Problems> {
    let shown = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| Problems::of_lines([&*format!("{shown} cannot be read: {error}")]))?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let mut rules = Vec::new();
    let mut problems = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((number, line)) = lines.next() {
        let mut whole = line.to_owned();
        while whole.ends_with('\\') {
            whole.pop();
            whole.push_str(lines.next().map_or("", |(_, more)| more));
        }
        let rule = match words::split(&whole) {
            Ok(words) if words.is_empty() => continue,
            Ok(words) => rule(folder, &words),
            Err(wrong) => {
                problems.push(format!("{shown}:{number}:{}: {}", wrong.column, wrong.text));
                continue;
            }
        };
        match rule {
            Ok(rule) => rules.push(rule),
            Err(problem) => problems.push(format!("{shown}:{number}: {problem}")),
        }
    }
    if problems.is_empty() { Ok(rules) } else { Err(Problems::of_lines(problems.iter().map(String::as_str))) }
}

fn rule(folder: &Path, words: &[String]) -> Result<Mapping, String> {
    let [kind, from, to, options @ ..] = words else {
        return Err("a rule is `map FROM TO`, and perhaps @plugin=FILE @pparam=ARGUMENT".to_owned());
    };
    if kind != "map" {
        return Err(format!(
            "there are no rules `{kind}` here, only `map` (which maps `location` back as well)"
        ));
    }
    let mut plugins: Vec<Vec<String>> = Vec::new();
    for option in options {
        if let Some(file) = option.strip_prefix("@plugin=") {
            plugins.push(vec![place::plugin_file(folder, file).display().to_string()]);
        } else if let Some(argument) = option.strip_prefix("@pparam=") {
            let plugin = plugins.last_mut().ok_or_else(|| format!("`{option}` has no @plugin before it"))?;
            plugin.push(argument.to_owned());
        } else {
            return Err(format!("there is no `{option}` here, only @plugin=FILE and @pparam=ARGUMENT"));
        }
    }
    let mapping = Mapping::new(from.clone(), to.clone(), plugins);
    mapping.rule().map(|_| mapping).map_err(|error| error.to_string())
}
