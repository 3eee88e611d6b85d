//! The configuration file: what can be said in it, how it is read, printed, and compared with another.
//!
//! Each table is a [`Section`] that lists its keys once, with what they take and whether a running host can change them. That
//! one list is walked by whoever reads a file ([`mod@read`]), prints it
//! ([`mod@print`]), or compares two ([`mod@changes`]), so that none of them knows a key that the others do not.
//!
//! # Rules
//! * Whatever is wrong with a file is found in one go, and told with line, column and key. A file with a problem is not used
//!   in any part.
//! * What a file does not say is as [`Config::default`] has it.
//! * Flags of the command line win over the file, also when it is read again.
//!
//! A `Deserialize` derive would be shorter. It stops at the first problem, and knows neither what a key takes nor what is
//! near it.

mod access_log;
mod admin;
mod changes;
mod deadline;
mod files;
mod hooks;
pub(super) mod keys;
pub(super) mod kinds;
mod limits;
mod listen;
mod log;
mod origin;
mod plugin;
mod print;
mod problem;
mod read;
mod remap;
mod targets;
mod threads;
mod timeouts;

use std::path::Path;
use std::{fs, io};

pub(super) use self::access_log::AccessLog;
pub(super) use self::admin::Admin;
pub(super) use self::changes::changes;
pub(super) use self::deadline::Shutdown;
use self::files::Files;
pub(super) use self::listen::{Accepting, Listen};
pub(super) use self::log::Log;
pub(super) use self::origin::{Destination, Origin};
pub(super) use self::plugin::Plugin;
pub(super) use self::problem::Problems;
pub(super) use self::remap::{Mapping, What};
pub(super) use self::threads::{Affinity, MOST_THREADS, Threads};

use self::keys::{Key, Keys, Section};
use super::mapping::Mapped;
use crate::http::{HookPolicy, Limits, Remap, Settings, Targets, Timeouts, Unmapped};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// All that can be said in a file.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Config {
    pub(super) threads: Threads,
    pub(super) listen: Vec<Listen>,
    pub(super) accept: Accepting,
    pub(super) remap: Vec<Mapping>,
    /// Those of remap.config, which this file does not say.
    pub(super) lines: Vec<Mapping>,
    pub(super) origin: Origin,
    pub(super) targets: Targets,
    pub(super) timeouts: Timeouts,
    pub(super) limits: Limits,
    pub(super) hooks: HookPolicy,
    pub(super) log: Log,
    pub(super) access_log: AccessLog,
    pub(super) admin: Admin,
    pub(super) shutdown: Shutdown,
    pub(super) files: Files,
    pub(super) plugins: Vec<Plugin>,
}

/// Stands for the host's own origin where it is not known yet.
const SOMEWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

impl Default for Config {
    fn default() -> Self {
        Self {
            threads: Threads::default(),
            listen: vec![Listen::default()],
            accept: Accepting::default(),
            remap: Vec::new(),
            lines: Vec::new(),
            origin: Origin::default(),
            targets: Targets::default(),
            timeouts: Timeouts::default(),
            limits: Limits::default(),
            hooks: HookPolicy::default(),
            log: Log::default(),
            access_log: AccessLog::default(),
            admin: Admin::default(),
            shutdown: Shutdown::default(),
            files: Files::default(),
            plugins: Vec::new(),
        }
    }
}

impl Section for Config {
    fn keys<K: Keys>(&mut self, keys: &mut K) {
        keys.table(Key::new("threads", "Event threads, and where they run."), &mut self.threads);
        keys.list(
            Key::new("listen", "Where to accept connections; one table for each address."),
            &mut self.listen,
        );
        keys.table(Key::new("accept", "Who accepts connections, on what sockets."), &mut self.accept);
        let key = Key::new("remap", "Which requests go to which origin; one table for each rule.").reloads();
        keys.list(key, &mut self.remap);
        keys.table(
            Key::new("origin", "Requests that no rule is for, and connections to origins."),
            &mut self.origin,
        );
        let key = Key::new("targets", "Where clients may be taken that name their target themselves.");
        keys.table(key, &mut self.targets);
        keys.table(Key::new("timeouts", "How long everything may take."), &mut self.timeouts);
        keys.table(Key::new("limits", "How much clients may send."), &mut self.limits);
        keys.table(Key::new("hooks", "How long plugins may keep others waiting."), &mut self.hooks);
        keys.table(
            Key::new("log", "What the host says of itself, on the standard error stream."),
            &mut self.log,
        );
        let key = Key::new("access-log", "A line for each transaction, in a file.");
        keys.table(key, &mut self.access_log);
        keys.table(Key::new("admin", "A port for those who look after the host."), &mut self.admin);
        keys.table(Key::new("shutdown", "How it ends."), &mut self.shutdown);
        let key = Key::new("files", "Files that have formats of their own; see the README.");
        keys.table(key, &mut self.files);
        keys.list(Key::new("plugin", "Plugins, in the order in which they are set up."), &mut self.plugins);
    }

    fn check(&self, complain: &mut dyn FnMut(Option<&'static str>, String)) {
        if let Err(error) = self.rules_fit() {
            complain(Some("remap"), error);
        }
        if self.listen.is_empty() {
            complain(
                Some("listen"),
                "there is no place to listen at: write [[listen]], and its keys below".to_owned(),
            );
        }
    }
}

impl Config {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// What is wrong with it, all of it.
    pub(super) fn read(path: &Path) -> Result<Self, Problems> {
        let unreadable = |error: io::Error| Problems::of_file(path, &error.to_string());
        let text = fs::read(path).map_err(unreadable)?;
        let text = String::from_utf8(text)
            .map_err(|error| Problems::not_text(path, error.as_bytes(), error.utf8_error().valid_up_to()))?;
        read::document(path, &text)
    }

    /// Where requests go that no rule is for; the host's own origin, if nothing else is said of origins.
    pub(super) fn fallback(&self) -> Option<Destination> {
        let nothing_said =
            !self.rules().any(Mapping::is_for_requests) && self.origin.unmapped == Unmapped::Deny;
        self.origin.address.clone().or_else(|| nothing_said.then_some(Destination::Embedded))
    }

    /// Whether the rules make a table, also with what flags have changed.
    pub(super) fn rules_fit(&self) -> Result<(), String> {
        self.table(Some(SOMEWHERE), &Mapped::default()).map(drop)
    }

    /// All rules: its own, and those of remap.config.
    pub(super) fn rules(&self) -> impl Iterator<Item = &Mapping> {
        self.remap.iter().chain(&self.lines)
    }

    fn table(&self, embedded: Option<SocketAddr>, mapped: &Mapped) -> Result<Remap, String> {
        // What is wrong with a single rule is told where it stands.
        let rules = self.rules().enumerate();
        let rules = rules.filter_map(|(index, mapping)| Some(mapped.rule(index, mapping.rule().ok()?)));
        let fallback = self.fallback().and_then(|fallback| fallback.rule(embedded));
        let table = Remap::new(rules.chain(fallback)).map_err(|error| error.to_string())?;
        Ok(mapped.table(table.unmapped(self.origin.unmapped)))
    }

    /// Changes what `settings` say to what the file says. `embedded` is where the host's own origin is, and `mapped` what the
    /// rules' plugins are.
    pub(super) fn apply(&self, settings: &mut Settings, embedded: Option<SocketAddr>, mapped: &Mapped) {
        // A table that does not come about has been complained of.
        settings.remap = self.table(embedded, mapped).unwrap_or_default();
        settings.origin = self.origin.policy;
        settings.targets = self.targets.clone();
        settings.timeouts = self.timeouts;
        settings.limits = self.limits.clone();
        settings.hooks = self.hooks;
    }

    /// As a file that says the same, with a comment on each key.
    pub(super) fn print(&self) -> String {
        print::document(self)
    }
}
