//! Plugins that map URLs, as rules name them: loaded, made for each rule, let go with their rules.

use std::path::Path;
use std::sync::Arc;

use super::config::Config;
use crate::ffi::load::Library;
use crate::ffi::remap;
use crate::http::server::remap::Steps;
use crate::http::{Remap, Rule};

/// What the plugins of a configuration's rules have made for them. With the last of it, and of the transactions that began with
/// it, they are told that it is over.
#[derive(Debug, Default)]
pub(super) struct Mapped {
    /// None if no rule has plugins.
    steps: Option<Arc<Steps>>,
    /// Which steps a rule has, by its place among the rules.
    numbers: Vec<Option<u32>>,
}

impl Mapped {
    /// Has the plugins make what they need for each rule. Only on the main thread, as a guest. The error names rule and plugin.
    pub(super) fn make(config: &Config) -> Result<Self, String> {
        let mut steps = Steps::default();
        let mut numbers = Vec::new();
        for rule in config.rules() {
            let mut of_rule = Vec::new();
            for words in &rule.plugins {
                let Some((file, arguments)) = words.split_first() else { continue };
                let made = remap::instance(Path::new(file), &rule.from, &rule.to, arguments);
                of_rule.push(
                    made.map_err(|error| format!("rule {} -> {}: plugin {error}", rule.from, rule.to))?,
                );
            }
            numbers.push((!of_rule.is_empty()).then(|| steps.add(of_rule)));
        }
        let is_any = numbers.iter().any(Option::is_some);
        Ok(Self { steps: is_any.then(|| Arc::new(steps)), numbers })
    }

    /// The rule at a place, with its steps.
    pub(super) fn rule(&self, place: usize, rule: Rule) -> Rule {
        match self.numbers.get(place) {
            Some(Some(number)) => rule.with_steps(*number),
            _ => rule,
        }
    }

    /// The table of the rules, with their steps.
    pub(super) fn table(&self, table: Remap) -> Remap {
        match &self.steps {
            Some(steps) => table.with_steps(steps),
            None => table,
        }
    }
}

/// Looks whether all of them can be loaded, and enters none.
pub(super) fn look(config: &Config) -> Result<(), String> {
    for rule in config.rules() {
        for file in rule.plugins.iter().filter_map(|words| words.first()) {
            let looked = Library::open(Path::new(file)).and_then(|library| remap::check(&library));
            looked.map_err(|error| format!("rule {} -> {}: plugin {error}", rule.from, rule.to))?;
        }
    }
    Ok(())
}
