//! `[[remap]]`: which requests go to which origin.

use super::keys::{Key, Keys, Section};
use super::kinds::{Flag, Several, Text};
use crate::http::{Rule, RuleError};

/// A rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Mapping {
    pub(crate) from: String,
    pub(crate) to: String,
    keep_host: bool,
    keep_location: bool,
    /// Plugins that map its requests first, each its file and then what it is told.
    pub(crate) plugins: Vec<Vec<String>>,
}

impl Section for Mapping {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        let about = "Which requests: a path (\"/a/\") or a URL (\"http://a.example/a/\", \"//*.example/\"); the longest path wins, then the more particular host.";
        keys.value(Key::new("from", about).required().reloads(), Text, &mut self.from);
        let about = "Where they go: a URL such as \"http://10.0.0.1:8080/\"; its path takes the place of what `from` has.";
        keys.value(Key::new("to", about).required().reloads(), Text, &mut self.to);
        let key = Key::new("keep-host", "Whether the origin gets the `host` that the client sent.");
        keys.value(key.reloads(), Flag, &mut self.keep_host);
        let key = Key::new("keep-location", "Whether a `location` of the origin's stays as it is.");
        keys.value(key.reloads(), Flag, &mut self.keep_location);
        let about = "Shared libraries of plugins that map its requests first, each with what it is told: [[\"a.so\", \"--fast\"]].";
        keys.value(Key::new("plugins", about).reloads(), Several(Several(Text)), &mut self.plugins);
    }

    fn check(&self, complain: &mut dyn FnMut(Option<&'static str>, String)) {
        if self.from.is_empty() || self.to.is_empty() {
            // They are missing, and that has been said.
            return;
        }
        // Each by itself, so that a rule that is wrong twice is told so twice.
        if let Err(error) = Rule::new(&self.from, "http://localhost/") {
            complain(Some("from"), error.to_string());
        }
        if let Err(error) = Rule::new("/", &self.to) {
            complain(Some("to"), error.to_string());
        }
        if self.plugins.iter().any(Vec::is_empty) {
            complain(
                Some("plugins"),
                "one of them has no file: give [\"FILE\", \"ARGUMENT\", ..] for each".to_owned(),
            );
        }
    }
}

impl Mapping {
    /// A rule with nothing but plugins to itself.
    pub(crate) fn new(from: String, to: String, plugins: Vec<Vec<String>>) -> Self {
        Self { from, to, plugins, ..Self::default() }
    }

    pub(crate) fn rule(&self) -> Result<Rule, RuleError> {
        let rule = Rule::new(&self.from, &self.to)?;
        Ok(rule.keep_host(self.keep_host).keep_location(self.keep_location))
    }
}
