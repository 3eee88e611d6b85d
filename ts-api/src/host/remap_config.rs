//! `remap.config`: rules in the original's form, one a line.
//!
//! ```text
//! map http://a.example/ http://10.0.0.1:8080/ @plugin=a.so @pparam=--fast @pparam=2
//! reverse_map http://10.0.0.1:8080/ https://a.example/
//! redirect http://old.example/ https://a.example/old/
//! redirect_temporary http://a.example/soon/ http://b.example/
//! ```
//!
//! # Rules
//! * Words are those of `plugin.config`; a `\` at the end of a line goes on with the next, and parts words as a blank does.
//! * A line that says something that there is no such thing as here is a problem, and not left out: a rule that is half
//!   understood sends requests where nobody wants them.
//! * A plugin's file without a leading `/` is looked for in the folder of `remap.config`, then in the directory of plugins.

use std::fs;
use std::path::Path;

use super::config::keys::nearest;
use super::config::kinds::one_of;
use super::config::{Mapping, Problems, What};
use super::words;
use crate::ffi::place;
use crate::http::Redirection;

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
        // The lines that it is of, each with where it begins, in letters.
        let mut lines_of = vec![(number, 0)];
        while whole.ends_with('\\') {
            whole.pop();
            whole.push(' ');
            let Some((number, more)) = lines.next() else { break };
            lines_of.push((number, whole.chars().count()));
            whole.push_str(more);
        }
        let rule = match words::split(&whole) {
            Ok(words) if words.is_empty() => continue,
            Ok(words) => rule(folder, &words),
            Err(wrong) => {
                let of = lines_of.into_iter().rfind(|(_, before)| *before < wrong.column);
                let (number, before) = of.unwrap_or((number, 0));
                problems.push(format!("{shown}:{number}:{}: {}", wrong.column - before, wrong.text));
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

/// What a line does, by its first word.
const KINDS: [(&str, What); 4] = [
    ("map", What::Forward),
    ("reverse_map", What::Reverse),
    ("redirect", What::Redirect(Redirection::MovedPermanently)),
    ("redirect_temporary", What::Redirect(Redirection::TemporaryRedirect)),
];

/// What other lines of the original's do that there are none of here, and what to write instead.
const NOT_HERE: [(&str, &str); 5] = [
    (
        "regex_",
        "a host is a name, `*` or `*.name` here; a plugin at the rule may look at more (`map` with @plugin=FILE)",
    ),
    ("map_with_recv_port", "what counts is the port that the client names: write `map` with that port"),
    ("map_with_referer", "write `map`, with a plugin that looks at the referer (@plugin=FILE)"),
    (".include", "write its lines here"),
    (
        ".",
        "write `map`, with a plugin that refuses requests (@plugin=FILE); for all rules `limits.methods` says which methods there are",
    ),
];

/// What other words behind the URLs say that nothing here does, and what to write instead.
const NO_OPTIONS: [(&[&str], &str); 3] = [
    (
        &["action", "method", "src_ip", "src_ip_category", "in_ip", "internal"],
        "a plugin at the rule may refuse requests (@plugin=FILE); for all rules `limits.methods` says which methods there are",
    ),
    (&["volume"], "there is no cache"),
    (&["strategy"], "a rule has one origin, the URL that it maps to"),
];

fn rule(folder: &Path, words: &[String]) -> Result<Mapping, String> {
    let what = what(&words[0])?;
    let [kind, from, to, options @ ..] = words else {
        return Err(format!("a line `{0}` is `{0} FROM TO`", words[0]));
    };
    let mut plugins: Vec<Vec<String>> = Vec::new();
    for option in options {
        if what != What::Forward && option.starts_with("@p") {
            return Err(format!("`{option}`: a line `{kind}` has no plugins, only `map` has"));
        }
        if let Some(file) = option.strip_prefix("@plugin=") {
            plugins.push(vec![place::plugin_file(folder, file).display().to_string()]);
        } else if let Some(argument) = option.strip_prefix("@pparam=") {
            let plugin = plugins.last_mut().ok_or_else(|| format!("`{option}` has no @plugin before it"))?;
            plugin.push(argument.to_owned());
        } else {
            return Err(no_option(option));
        }
    }
    let mapping = Mapping::new(what, from.clone(), to.clone(), plugins);
    mapping.rule().map(|_| mapping).map_err(|error| error.to_string())
}

fn what(kind: &str) -> Result<What, String> {
    if let Some((_, what)) = KINDS.iter().find(|(name, _)| kind.eq_ignore_ascii_case(name)) {
        return Ok(*what);
    }
    if let Some((_, instead)) = NOT_HERE.iter().find(|(begin, _)| kind.starts_with(begin)) {
        return Err(format!("there are no lines `{kind}` here: {instead}"));
    }
    let names = KINDS.map(|(name, _)| name);
    let meant = nearest(kind, names).map(|name| format!("; `{name}` is near it")).unwrap_or_default();
    Err(format!("there are no lines `{kind}`, only {}{meant}", one_of(names.map(|name| format!("`{name}`")))))
}

fn no_option(option: &str) -> String {
    let Some(name) = option.strip_prefix('@').map(|option| option.split('=').next().unwrap_or_default())
    else {
        return format!(
            "`{option}` is one word too many: behind its two URLs a line has @plugin=FILE and @pparam=ARGUMENT"
        );
    };
    let instead = NO_OPTIONS.iter().find(|(names, _)| names.contains(&name)).map(|(_, instead)| *instead);
    let meant = || nearest(name, ["plugin", "pparam"]).map(|name| format!("`@{name}=` is near it"));
    let more = instead.map(str::to_owned).or_else(meant);
    let more = more.map(|more| format!(": {more}")).unwrap_or_default();
    format!("there is no `{option}` here, only @plugin=FILE and @pparam=ARGUMENT{more}")
}
