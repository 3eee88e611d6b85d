//! How event loops do: how long their turns take, how many events they dispatch, how long they wait.
//!
//! Nothing is measured before [`EventProcessor::measure_loops`] asks for it; a turn then costs a look at a flag. While it is
//! measured, a turn costs three readings of the clock and a few plain stores, whatever number of events it dispatches.
//!
//! # Rules
//! * Each thread writes its own numbers and nobody else does: loads and stores, nothing that locks a line.
//! * A thread keeps a [`LoopStats`] for each of the last 1024 seconds. Whoever reads begins one second behind, so a second
//!   that is read is written no more, but for a thread that stands still between its clock and its stores.
//! * The numbers of a processor in a simulation are not measured: its clock stands still in handlers.
//!
//! The names, and what they count, are the original's, with these differences: events are what was run, futures and closures
//! included, not what was taken from a queue; the time of a turn is without its wait, which is no latency; histograms count from the
//! start and are not halved now and then, which is for the reader to do; what is read belongs to one group.
//!
//! # Ordering
//! One pair, `[loop-second]`: from who begins a second to who reads it.

mod histogram;
mod ring;

pub use self::histogram::{BUCKETS, Histogram, Times};
pub use self::ring::{LoopStats, SECONDS};

pub(crate) use self::ring::{Ring, Turned};

use crate::{EThread, EventProcessor, EventType};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Multiples of this are steps of [`EventProcessor::loop_times`]: 5 milliseconds, as in the original.
pub const LOOP_UNIT: Duration = Duration::from_millis(5);

/// What a thread has measured.
#[derive(Debug)]
pub(crate) struct Measured {
    pub(crate) ring: Ring,
    pub(crate) times: Histogram,
    pub(crate) totals: Totals,
}

impl Default for Measured {
    fn default() -> Self {
        Self { ring: Ring::default(), times: Histogram::of(LOOP_UNIT), totals: Totals::default() }
    }
}

/// What a thread has done since measuring began, for [`EventProcessor::loop_totals`].
#[derive(Debug, Default)]
pub(crate) struct Totals {
    pub(crate) loops: ring::Number,
    pub(crate) waits: ring::Number,
    pub(crate) events: ring::Number,
}

/// What a thread has done since measuring began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LoopTotals {
    /// Turns of the loop.
    pub loops: u64,
    /// Turns at whose end the thread waited.
    pub waits: u64,
    /// What was run: events dispatched, futures polled, closures called.
    pub events: u64,
}

impl EventProcessor {
    /// Begins, or ceases, to measure the loops of all groups.
    ///
    /// Threads take notice at their next turn. What was measured before stays.
    pub fn measure_loops(&self, on: bool) {
        // Relaxed: it guards nothing; a thread may take notice a turn later.
        self.inner().core.measured.store(on, Ordering::Relaxed);
    }

    /// What the threads of `group` did in the last `window`, but for the second that is not over: sums, and the least and the
    /// most that any of them had. No more than [`SECONDS`] are kept.
    #[must_use]
    pub fn loop_stats(&self, group: EventType, window: Duration) -> LoopStats {
        let now = self.inner().core.clock.now().as_nanos() / 1_000_000_000;
        let mut sum = LoopStats::default();
        for measured in self.threads(group).iter().filter_map(EThread::measured) {
            measured.ring.add_last(now, window.as_secs(), &mut sum);
        }
        sum
    }

    /// How long the turns of the threads of `group` took, without their waits.
    #[must_use]
    pub fn loop_times(&self, group: EventType) -> Times {
        let mut sum = Times::none(LOOP_UNIT);
        for measured in self.threads(group).iter().filter_map(EThread::measured) {
            sum += measured.times.times();
        }
        sum
    }

    /// What each thread of `group` has done since measuring began.
    #[must_use]
    pub fn loop_totals(&self, group: EventType) -> Vec<LoopTotals> {
        let totals = |thread: &EThread| {
            thread.measured().map_or(LoopTotals::default(), |measured| LoopTotals {
                loops: measured.totals.loops.get(),
                waits: measured.totals.waits.get(),
                events: measured.totals.events.get(),
            })
        };
        self.threads(group).iter().map(totals).collect()
    }
}
