//! Nothing in the project speaks of somebody's machine, of work left undone, or of a rule set aside without a reason.
//!
//! The patterns are written so that this file does not match them.

use std::iter;

use anyhow::Result;
use regex::Regex;

use super::Finding;
use crate::workspace::Workspace;

struct Rule {
    pattern: Regex,
    what: &'static str,
    only_in: &'static [&'static str],
}

impl Rule {
    fn new(pattern: &str, what: &'static str, only_in: &'static [&'static str]) -> Result<Rule> {
        Ok(Rule { pattern: Regex::new(pattern)?, what, only_in })
    }

    fn applies_to(&self, file: &str) -> bool {
        self.only_in.is_empty() || self.only_in.iter().any(|ending| file.ends_with(ending))
    }
}

pub(super) fn look(workspace: &Workspace) -> Result<Vec<Finding>> {
    let rules = [
        Rule::new(
            r"(?:^|[^\w./-])/(?:(?:home|root|work|Users)/|tmp\b)",
            "a path of somebody's machine; take a folder from the environment",
            &[],
        )?,
        Rule::new(
            r"\b(?:TOD[O]|FIXM[E]|XX[X])\b|\b(?:todo|unimplemented)!\s*[(\[{]",
            "work left undone",
            &[],
        )?,
        Rule::new(r"#\[\s*ignore\b", "a test that does not run", &[".rs"])?,
        Rule::new(
            r"^\W*```(?:\w+,)*ignore\b",
            "an example that does not run; plain text is marked `text`",
            &[".rs", ".md"],
        )?,
    ];
    let allowance = Regex::new(r"#!?\[\s*(?:allow|expect)\s*\(")?;

    let mut found = Vec::new();
    for file in workspace.files()?.iter().filter(|file| *file != "Cargo.lock") {
        let Some(text) = workspace.text(file) else { continue };
        for (line, words) in iter::zip(1.., text.lines()) {
            let broken = rules.iter().filter(|rule| rule.applies_to(file) && rule.pattern.is_match(words));
            found.extend(broken.map(|rule| Finding::at(file, line, rule.what)));
        }
        if file.ends_with(".rs") {
            // The attribute may be broken over lines; it ends at the first `)]`, which no lint name contains.
            let unexplained = allowance.find_iter(&text).filter(|start| {
                let rest = &text[start.end()..];
                !rest[..rest.find(")]").unwrap_or(rest.len())].contains("reason")
            });
            found.extend(unexplained.map(|start| {
                let line = 1 + text[..start.start()].matches('\n').count();
                Finding::at(file, line, "a lint is set aside without a `reason`")
            }));
        }
    }
    Ok(found)
}
