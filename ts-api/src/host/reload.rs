//! SIGHUP: the configuration is read again, and what a running host can change is changed.
//!
//! # Rules
//! * A configuration with a problem changes nothing; the log says what is wrong, and that the old one stays in force.
//! * The log says key by key what was taken up, and what will be when the host starts anew.
//! * What a file that is named in the configuration says may have changed while its name has not: such files are read again
//!   in any case.

use std::net::SocketAddr;

use super::access::Access;
use super::arguments::Arguments;
use super::config::keys::When;
use super::config::{Config, Destination, Plugin, changes};
use super::diagnostics::Diagnostics;
use super::mapping::Mapped;
use super::origin::Embedded;
use super::plugins;
use super::records;
use crate::Runtime;
use crate::ffi::{diags, mgmt, remap, text_log};
use crate::http::Server;

/// A host that can be told to look again.
pub(super) struct Reload<'a> {
    pub(super) arguments: &'a Arguments,
    /// What is in force.
    pub(super) config: Config,
    pub(super) diagnostics: &'a Diagnostics,
    pub(super) plugins: Vec<plugins::Running>,
    pub(super) runtime: &'a Runtime,
    pub(super) server: &'a Server,
    /// Where the host's own origin is, once it is needed.
    pub(super) embedded: Option<SocketAddr>,
    /// What the plugins of the rules have made for them.
    pub(super) mapped: Mapped,
    pub(super) access: Access,
}

impl Reload<'_> {
    /// Looks again.
    pub(super) fn run(&mut self) {
        remap::before_reload();
        let taken_up = self.look();
        remap::after_reload(taken_up);
    }

    /// Whether what was found is in force.
    fn look(&mut self) -> bool {
        let (config, records) = match super::configuration(self.arguments) {
            Ok(configuration) => configuration,
            Err(problems) => {
                problems.lines().for_each(|line| tracing::error!("{line}"));
                tracing::error!("the configuration stays as it was");
                return false;
            }
        };
        if let Err(line) = self.embed(&config) {
            tracing::error!("{line}; the configuration stays as it was");
            return false;
        }
        let mapped = match Mapped::make(&config) {
            Ok(mapped) => mapped,
            Err(line) => {
                tracing::error!("{line}; the configuration stays as it was");
                return false;
            }
        };
        let before = self.config.clone();
        self.take_up(config.clone(), mapped);
        let (taken, left) = (changes(&before, &self.config), changes(&self.config, &config));
        taken.iter().for_each(|change| tracing::warn!("taken up: {change}"));
        left.iter().for_each(|change| match change.when {
            When::Reload => tracing::warn!("not taken up: {change}"),
            When::Restart => tracing::warn!("not taken up before the host starts anew: {change}"),
        });
        if before.lines != self.config.lines {
            let (old, new) = (before.lines.len(), self.config.lines.len());
            tracing::warn!("taken up: remap.config: {old} rules -> {new} rules");
        }
        tracing::warn!(taken_up = taken.len(), left = left.len(), "the configuration was read again");
        records.warnings().for_each(|line| tracing::warn!("{line}"));
        records::publish(&records, &self.config, false);
        text_log::reopen();
        diags::settle();
        mgmt::reloaded(self.runtime);
        true
    }

    /// Starts the host's own origin, if that is wanted for the first time.
    fn embed(&mut self, config: &Config) -> Result<(), String> {
        if self.embedded.is_none() && config.fallback() == Some(Destination::Embedded) {
            let embedded = Embedded::bind().map_err(|error| format!("the embedded origin: {error}"))?;
            let address = embedded.address();
            embedded.start(self.runtime).map_err(|error| format!("the embedded origin: {error}"))?;
            self.embedded = Some(address);
        }
        Ok(())
    }

    fn take_up(&mut self, config: Config, mapped: Mapped) {
        self.diagnostics.filter(&config.log.filter);
        let mut settings = self.server.settings();
        config.apply(&mut settings, self.embedded, &mapped);
        let logged = self.access.take_up(self.runtime, &config.access_log);
        settings.log = self.access.policy();
        self.server.reload(settings);
        // Only now that there are others: see `Held::take`.
        self.mapped = mapped;
        let before = std::mem::replace(&mut self.config, config);
        let after = &mut self.config;
        let asked = std::mem::replace(&mut after.plugins, before.plugins);
        if let Err(error) = logged {
            tracing::error!("the access log stays as it was: {error}");
            after.access_log = before.access_log;
        }
        // What the host was started with is in force until it is started anew.
        after.threads = before.threads;
        after.listen = before.listen;
        after.accept = before.accept;
        after.admin = before.admin;

        // Which plugins there are is not changed; if it is to be, their arguments are another's, perhaps.
        let names = |plugins: &[Plugin]| plugins.iter().map(Plugin::called).collect::<Vec<_>>();
        let same = names(&asked) == names(&after.plugins);
        for (index, ((name, plugin), in_force)) in self.plugins.iter_mut().zip(&mut after.plugins).enumerate()
        {
            let arguments = if same { &asked[index].arguments } else { &in_force.arguments }.clone();
            match plugin.reload(&arguments) {
                Ok(()) => in_force.arguments = arguments,
                Err(error) => tracing::error!(plugin = *name, "the plugin stays as it was: {error}"),
            }
        }
    }
}
