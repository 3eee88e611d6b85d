//! How the host ends: in stages, each within its share of the deadline, so that one that hangs leaves the others theirs.
//!
//! First requests that are under way may finish. What is left is dropped then, and its closing hooks are called. Last the
//! life-cycle hooks are told and the threads stopped. What a stage does not use is there for the threads.
//!
//! It is written with the public names alone, so that its tests can give each stage what share they like.

use std::io::Write;
use std::time::{Duration, Instant};

use ts_api::Runtime;
use ts_api::http::{Counts, Server};
use ts_api::runtime::ShutdownOptions;

/// How much of a shutdown's time its stages may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shares {
    pub(crate) requests: Duration,
    pub(crate) closing_hooks: Duration,
    /// All stages together. What is left is for the life-cycle hooks and the threads.
    pub(crate) whole: Duration,
}

impl Shares {
    /// A quarter, but no more than a second, is kept for the hooks of connections that are dropped, and as much for the
    /// threads.
    pub(crate) fn of(deadline: Duration) -> Self {
        let kept = (deadline / 4).min(Duration::from_secs(1));
        Self { requests: deadline - 2 * kept, closing_hooks: kept, whole: deadline }
    }
}

/// Shuts down in stages, ending what `plugins` are between the requests and the threads, and prints what it found. True if
/// everything ended that runs.
///
/// Continuations that are left are only told: plugins in C seldom end those that they add to hooks for everybody, and a
/// supervisor is to hear of a failure only where there was one.
pub(crate) fn end<P>(
    runtime: &Runtime,
    server: &Server,
    plugins: P,
    shares: Shares,
    out: &mut dyn Write,
) -> bool {
    let began = Instant::now();
    let drained = server.drain_within(shares.requests, shares.closing_hooks);
    let counts = server.counts();
    drop(plugins);
    let left = shares.whole.saturating_sub(began.elapsed());
    let stopped = runtime.shutdown(ShutdownOptions::default().deadline(left));
    let _ = write!(out, "{drained}\n{}\n{stopped}", summary(&counts)).and_then(|()| out.flush());
    drained.is_clean() && stopped.untold.is_empty() && stopped.system.unfinished.is_empty()
}

fn summary(counts: &Counts) -> String {
    format!(
        "served {} requests on {} connections: {} x 2xx, {} x 3xx, {} x 4xx, {} x 5xx; {} heads refused, {} clients left early",
        counts.requests,
        counts.connections,
        counts.responses_2xx,
        counts.responses_3xx,
        counts.responses_4xx,
        counts.responses_5xx,
        counts.refused_heads,
        counts.client_aborts
    )
}
