//! `[[remap]]`: which requests go to which origin, which clients are sent elsewhere, and what origins' locations become.

use super::keys::{Key, Keys, Section};
use super::kinds::{Count, Flag, Maybe, Several, Text};
use crate::http::{Redirection, Rule, RuleError};

/// A rule.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Mapping {
    pub(crate) from: String,
    pub(crate) to: String,
    keep_host: bool,
    keep_location: bool,
    redirect: Option<u16>,
    reverse: bool,
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
        let about =
            "Status with which clients are sent to `to`, in place of the request: 301, 302, 307 or 308.";
        keys.value(Key::new("redirect", about).reloads(), Maybe(Count(301, 308)), &mut self.redirect);
        let about = "Whether the rule is for the way back: a `location` that `from` fits, of any origin's, names `to`.";
        keys.value(Key::new("reverse", about).reloads(), Flag, &mut self.reverse);
        let about = "Shared libraries of plugins that map its requests first, each with what it is told: [[\"a.so\", \"--fast\"]].";
        keys.value(Key::new("plugins", about).reloads(), Several(Several(Text)), &mut self.plugins);
    }

    fn check(&self, complain: &mut dyn FnMut(Option<&'static str>, String)) {
        if self.from.is_empty() || self.to.is_empty() {
            // They are missing, and that has been said.
            return;
        }
        // Each by itself, so that a rule that is wrong twice is told so twice.
        if let Err(error) = self.rule_of(&self.from, "http://localhost/") {
            complain(Some("from"), error.to_string());
        }
        if let Err(error) = self.rule_of("/", &self.to) {
            complain(Some("to"), error.to_string());
        }
        if self.redirect.is_some() && self.redirection().is_none() {
            complain(Some("redirect"), "it is 301, 302, 307 or 308".to_owned());
        }
        if self.redirect.is_some() && self.reverse {
            complain(Some("reverse"), "a rule redirects, or is for the way back; write two".to_owned());
        }
        if !self.forwards() && !self.plugins.is_empty() {
            complain(Some("plugins"), "only a rule that forwards has plugins".to_owned());
        }
        if self.plugins.iter().any(Vec::is_empty) {
            complain(
                Some("plugins"),
                "one of them has no file: give [\"FILE\", \"ARGUMENT\", ..] for each".to_owned(),
            );
        }
    }
}

/// What a rule does, as a line of remap.config says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum What {
    Forward,
    Redirect(Redirection),
    Reverse,
}

impl Mapping {
    /// A rule with nothing but plugins to itself.
    pub(crate) fn new(what: What, from: String, to: String, plugins: Vec<Vec<String>>) -> Self {
        let redirect = if let What::Redirect(with) = what { Some(with.status()) } else { None };
        Self { from, to, redirect, reverse: what == What::Reverse, plugins, ..Self::default() }
    }

    pub(crate) fn rule(&self) -> Result<Rule, RuleError> {
        self.rule_of(&self.from, &self.to)
    }

    fn rule_of(&self, from: &str, to: &str) -> Result<Rule, RuleError> {
        match self.redirection() {
            Some(with) => Rule::redirect(from, to, with),
            None if self.reverse => Rule::reverse(from, to),
            None => {
                let rule = Rule::new(from, to)?;
                Ok(rule.keep_host(self.keep_host).keep_location(self.keep_location))
            }
        }
    }

    fn redirection(&self) -> Option<Redirection> {
        self.redirect.and_then(Redirection::of)
    }

    /// Whether its requests go to an origin.
    fn forwards(&self) -> bool {
        self.redirect.is_none() && !self.reverse
    }

    /// Whether it is for requests, and not for the way back.
    pub(crate) fn is_for_requests(&self) -> bool {
        !self.reverse
    }
}
