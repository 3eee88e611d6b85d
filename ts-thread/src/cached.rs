//! The process-wide cached now: the latest time that any thread has read from the real clock, give or take.
//!
//! Good for stamps in logs and statistics, where a millisecond does not matter and a clock read for each would.
//!
//! # Rules
//! * Real clock only. Never a deadline, nor what a deadline is compared with: it may be old by as long as all threads sleep.
//! * It never goes backwards.
//! * A thread that reads the clock refreshes it only when it is behind by [`GRANULARITY`] or more. So the line stays shared
//!   between the processors most of the time; without this each read would take it away from the others.

use std::sync::atomic::{AtomicU64, Ordering};

use crossbeam_utils::CachePadded;

use crate::clock::read_monotonic;
use crate::time::HrTime;

/// How far the cached now may be behind a clock read before that read refreshes it, in nanoseconds: 100 µs, below
/// what a log line shows, and thousands of reads per refresh under load.
const GRANULARITY: u64 = 100_000;

/// A line of its own, so that nobody's writes slow down its readers. 0: no read yet.
static NOW: CachePadded<AtomicU64> = CachePadded::new(AtomicU64::new(0));

/// The latest time that any thread has read from the real clock, without reading it.
///
/// At most 100 µs behind the latest of those reads; how long ago that was, nobody knows: when all threads sleep, it
/// stands still. Never use it for a deadline. It never goes backwards, for one thread. Any thread may call it; the first
/// call in the process reads the clock.
///
/// # Examples
///
/// ```
/// let now = ts_thread::refresh_now();
/// assert!(ts_thread::cached_now() >= now);
/// ```
#[inline]
pub fn cached_now() -> HrTime {
    // Relaxed, alone: the time itself is all there is to know; a single variable never goes backwards for a reader.
    match NOW.load(Ordering::Relaxed) {
        0 => refresh_now(),
        now => HrTime::from_nanos(now),
    }
}

/// Reads the real clock and makes the cached now at least that, whatever the granularity.
///
/// Any thread may call it.
pub fn refresh_now() -> HrTime {
    let now = read_monotonic();
    store(now);
    now
}

/// Takes note of a read of the real clock.
#[inline]
pub(crate) fn note(now: HrTime) {
    // Relaxed, alone: as above.
    let cached = NOW.load(Ordering::Relaxed);
    if now.as_nanos() >= cached.saturating_add(GRANULARITY) {
        store(now);
    }
}

#[inline(never)]
fn store(now: HrTime) {
    // Relaxed, alone: as above; the maximum keeps a slow thread from turning it back.
    NOW.fetch_max(now.as_nanos(), Ordering::Relaxed);
}
