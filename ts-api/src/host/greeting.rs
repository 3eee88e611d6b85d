//! What a user sees when the host is up.

use std::fmt;
use std::net::SocketAddr;

use super::config::{Config, Destination};
use super::plugins;

/// All of it.
pub(super) struct Greeting<'a> {
    pub(super) config: &'a Config,
    pub(super) addresses: &'a [SocketAddr],
    pub(super) admin: Option<SocketAddr>,
    pub(super) embedded: Option<SocketAddr>,
    pub(super) net_threads: usize,
    pub(super) plugins: &'a [plugins::Running],
}

impl fmt::Display for Greeting<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { config, addresses, admin, embedded, net_threads, plugins } = self;
        let address = addresses[0];
        write!(f, "ts-host listens at http://{address} and forwards to ")?;
        match (config.fallback(), config.rules().count(), embedded) {
            (Some(Destination::Embedded), 0, Some(embedded)) => writeln!(f, "{embedded} (embedded)")?,
            (Some(origin), 0, _) => writeln!(f, "{origin}")?,
            (_, rules, _) => writeln!(f, "where {rules} rules say")?,
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
        writeln!(f, "try")?;
        writeln!(f, "  curl -i http://{address}/   (answered 200)")?;
        for (host, status) in plugins.iter().filter_map(|(_, plugin)| plugin.refuses()) {
            writeln!(f, "  curl -i -H 'Host: {host}' http://{address}/   (answered {status})")?;
        }
        writeln!(f, "stop with Ctrl-C")
    }
}

fn names(group: &str, count: usize) -> String {
    match count {
        1 => format!("[{group} 0]"),
        _ => format!("[{group} 0..{}]", count - 1),
    }
}
