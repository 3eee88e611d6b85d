//! The end: the hooks first, then the event system, within one deadline.

use super::{Inner, lifecycle, registry};
use crate::lifecycle::LifecycleHook;
use std::fmt;
use std::sync::{Arc, mpsc};
use std::time::Instant;
use ts_cont::{EThread, EventType, ShutdownOptions};
use ts_thread::Clock;

/// What a shutdown found and left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Continuations that were not told of the shutdown in time, by name and place: the one that was being told, and those
    /// behind it.
    pub untold: Vec<String>,
    /// What became of threads, events and continuations.
    pub system: ts_cont::ShutdownReport,
}

impl ShutdownReport {
    /// Whether all were told, all threads ended, and no continuation is left but those of plugins in C, which may keep theirs
    /// until the process ends.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.untold.is_empty()
            && self.system.unfinished.is_empty()
            && self.system.continuations.iter().all(|(label, _)| is_of_c(label))
    }
}

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.system.fmt(f)?;
        for name in &self.untold {
            writeln!(f, "  not told of the shutdown in time: {name}")?;
        }
        Ok(())
    }
}

/// Whether this is what a continuation of a plugin in C is called.
fn is_of_c(label: &str) -> bool {
    #[cfg(feature = "ffi")]
    return crate::ffi::plugin::is_label(label);
    #[cfg(not(feature = "ffi"))]
    {
        let _ = label;
        false
    }
}

pub(super) fn run(inner: &Arc<Inner>, options: ShutdownOptions) -> ShutdownReport {
    let began = Instant::now();
    tell(inner, began, options);
    let untold = close(inner);
    let left = options.limit().saturating_sub(began.elapsed());
    let mut system = inner.processor.shutdown(options.deadline(left));
    system.took = began.elapsed();
    ShutdownReport { untold, system }
}

/// Tells the hook, on a network thread if there is one besides the caller.
fn tell(inner: &Arc<Inner>, began: Instant, options: ShutdownOptions) {
    let hook = LifecycleHook::Shutdown;
    let threads = inner.processor.threads(EventType::NET);
    let Some(thread) = threads.iter().find(|thread| !thread.is_current()) else {
        let left = options.limit().saturating_sub(began.elapsed());
        return lifecycle::tell_here_until(inner, hook, Clock::real().now().saturating_add(left));
    };
    let Some(told) = begin(inner, thread) else { return };
    // Whichever way it ends, in time or not, what is left in the list tells.
    let _ = told.recv_timeout(options.limit().saturating_sub(began.elapsed()));
}

/// Starts telling the hook on a thread; the channel ends when everybody has been told, or the thread ended before.
pub(super) fn begin(inner: &Arc<Inner>, thread: &EThread) -> Option<mpsc::Receiver<()>> {
    let (done, told) = mpsc::channel::<()>();
    let weak = Arc::downgrade(inner);
    let task = async move {
        lifecycle::tell_first(weak, LifecycleHook::Shutdown).await;
        drop(done);
    };
    thread.spawn(task).ok().map(|_runs_on| told)
}

/// Takes the runtime out of use; returns who was not told of the shutdown.
pub(super) fn close(inner: &Arc<Inner>) -> Vec<String> {
    registry::retire(inner);
    inner.lifecycle.close(LifecycleHook::Shutdown)
}
