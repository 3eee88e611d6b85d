//! What a user sees when the host is up.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use super::config::{Config, Destination, Mapping};
use super::plugins;
use crate::ffi::load::short_name;
use crate::http::server::remap::Scheme;
use crate::http::{Remap, Unmapped};

/// How many rules it shows at work.
const EXAMPLES: usize = 3;

/// All of it.
pub(super) struct Greeting<'a> {
    pub(super) config: &'a Config,
    pub(super) addresses: &'a [SocketAddr],
    pub(super) admin: Option<SocketAddr>,
    pub(super) embedded: Option<SocketAddr>,
    pub(super) net_threads: usize,
    pub(super) plugins: &'a [plugins::Running],
    /// What becomes of requests.
    pub(super) remap: &'a Remap,
}

impl fmt::Display for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, addresses, admin, embedded, net_threads, plugins, .. } = self;
        let address = addresses[0];
        write!(f, "ts-host listens at http://{address} and forwards to ")?;
        let origin = config.fallback().map(|origin| match (origin, embedded) {
            (Destination::Embedded, Some(embedded)) => format!("{embedded} (embedded)"),
            (origin, _) => origin.to_string(),
        });
        match (origin, config.rules().count()) {
            (Some(origin), 0) => writeln!(f, "{origin}")?,
            (Some(origin), 1) => writeln!(f, "where 1 rule says, or else to {origin}")?,
            (Some(origin), rules) => writeln!(f, "where {rules} rules say, or else to {origin}")?,
            (None, 1) => writeln!(f, "where 1 rule says")?,
            (None, rules) => writeln!(f, "where {rules} rules say")?,
        }
        for more in &addresses[1..] {
            writeln!(f, "  also at http://{more}")?;
        }
        writeln!(f, "  {:<13} accept, forward, call the hooks", names("ET_NET", *net_threads))?;
        let task_threads = config.threads.task;
        writeln!(
            f,
            "  {:<13} background work: files, what plugins send there",
            names("ET_TASK", task_threads)
        )?;
        if let Some(admin) = admin {
            writeln!(f, "  http://{admin}/metrics and /healthz for those who look after it")?;
        }
        for (name, plugin) in *plugins {
            writeln!(f, "  plugin {name}: {}", plugin.describe())?;
        }
        for (file, rules) in self.mapping() {
            writeln!(
                f,
                "  plugin {file}: maps requests of {rules} rule{}",
                if rules == 1 { "" } else { "s" }
            )?;
        }
        writeln!(f, "try")?;
        self.examples(f, address)?;
        for (host, status) in plugins.iter().filter_map(|(_, plugin)| plugin.refuses()) {
            writeln!(f, "  curl -i -H 'Host: {host}' http://{address}/   (answered {status})")?;
        }
        writeln!(f, "stop with Ctrl-C")
    }
}

impl Greeting<'_> {
    /// The plugins that rules name, and how many rules each.
    fn mapping(&self) -> BTreeMap<String, usize> {
        let mut rules_of = BTreeMap::new();
        for rule in self.config.rules() {
            let files: BTreeSet<_> = files(rule).collect();
            files.into_iter().for_each(|file| *rules_of.entry(file).or_default() += 1);
        }
        rules_of
    }

    /// Requests that rules are for, and what becomes of them.
    fn examples(&self, f: &mut fmt::Formatter<'_>, address: SocketAddr) -> fmt::Result {
        let Self { config, remap, .. } = self;
        // A rule of the table's that the configuration has not is where all others go.
        let rules = remap.rules().iter().zip(config.rules().map(Some).chain(std::iter::repeat(None)));
        let examples = rules.filter_map(|(rule, mapping)| {
            let (host, path) = rule.example()?;
            let url = format!("http://{}{path}", host.as_deref().unwrap_or(&address.to_string()));
            let found = remap.find(&url).filter(|found| found.rule == rule)?;
            let plugins: Vec<_> = mapping.into_iter().flat_map(files).collect();
            let becomes = match rule.redirection() {
                Some(with) => format!("answered {}", with.status()),
                None if !plugins.is_empty() => format!("mapped by {}", plugins.join(", ")),
                None if mapping.is_none() && config.fallback() == Some(Destination::Embedded) => {
                    "answered 200".into()
                }
                None => format!("answered by {}", found.url),
            };
            let host = host.map(|host| format!("-H 'Host: {host}' ")).unwrap_or_default();
            Some(format!("  curl -i {host}http://{address}{path}   ({becomes})"))
        });
        let examples: Vec<_> = examples.take(EXAMPLES).collect();
        examples.iter().try_for_each(|line| writeln!(f, "{line}"))?;
        if examples.is_empty() {
            // What there is is for requests of a kind that nobody types.
            let status = if remap.serves(Scheme::Http, &address.to_string()) { 404 } else { 421 };
            writeln!(f, "  curl -i http://{address}/   (answered {status})")?;
        }
        if config.origin.unmapped == Unmapped::ForwardProxy {
            writeln!(f, "  curl -i -x http://{address} http://www.example.com/   (goes where it says)")?;
        }
        Ok(())
    }
}

/// The plugins that a rule names.
fn files(rule: &Mapping) -> impl Iterator<Item = String> {
    rule.plugins.iter().filter_map(|words| Some(short_name(Path::new(words.first()?))))
}

fn names(group: &str, count: usize) -> String {
    match count {
        1 => format!("[{group} 0]"),
        _ => format!("[{group} 0..{}]", count - 1),
    }
}
