//! What the host says of itself: lines on the standard error stream, filtered; the filter can be changed.

use std::io::{self, IsTerminal as _};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{Registry, reload};

/// The filter that is in use.
pub(super) struct Diagnostics(Option<reload::Handle<Targets, Registry>>);

impl Diagnostics {
    /// Begins to write lines.
    pub(super) fn start(filter: &Targets) -> Self {
        let (filter, handle) = reload::Layer::new(filter.clone());
        let lines =
            tracing_subscriber::fmt::layer().with_ansi(io::stderr().is_terminal()).with_writer(io::stderr);
        // Somebody who runs the host inside a program of theirs may have set up logging before.
        let started = tracing_subscriber::registry().with(filter).with(lines).try_init();
        Self(started.is_ok().then_some(handle))
    }

    /// Uses another filter from now on.
    pub(super) fn filter(&self, filter: &Targets) {
        if let Some(handle) = &self.0
            && let Err(error) = handle.reload(filter.clone())
        {
            eprintln!("ts-host: the log filter stays as it is: {error}");
        }
    }
}
