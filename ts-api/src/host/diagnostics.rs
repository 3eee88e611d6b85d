//! What the host says of itself, and plugins of themselves: lines on the standard error stream, filtered; the filter can be
//! changed.
//!
//! # Rules
//! * A filter that does not name the target `plugin` lets pass what plugins note, and their debug output: that is switched on by
//!   tag, and then it is wanted.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, reload};

/// The filter that is in use.
pub(super) struct Diagnostics(Option<reload::Handle<Targets, Registry>>);

impl Diagnostics {
    /// Begins to write lines.
    pub(super) fn start(filter: &Targets) -> Self {
        let (filter, handle) = reload::Layer::new(with_plugins(filter));
        let lines =
            tracing_subscriber::fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
        // Somebody who runs the host inside a program of theirs may have set up logging before.
        let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
        Self(started.is_ok().then_some(handle))
    }

    /// Uses another filter from now on.
    pub(super) fn filter(&self, filter: &Targets) {
        if let Some(handle) = &self.0
            && let Err(error) = handle.reload(with_plugins(filter))
        {
            eprintln!("ts-host: the log filter stays as it is: {error}");
        }
    }
}

/// What plugins say is heard, unless the filter says what is.
fn with_plugins(filter: &Targets) -> Targets {
    let filter = filter.clone();
    if filter.iter().any(|(target, _)| target.split("::").next() == Some("plugin")) {
        return filter;
    }
    filter.with_target("plugin", LevelFilter::INFO).with_target("plugin::debug", LevelFilter::DEBUG)
}
