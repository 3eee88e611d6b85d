//! What each context holds, and for how long.

use std::cell::RefCell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ts_thread::{Clock, ContextLocal, HrTime};

use super::{HOLD_LIMIT, Place};
use crate::proxy::ProxyMutex;

/// One mutex that a context holds.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub(super) id: usize,
    /// Where its first level was taken.
    pub(super) place: Place,
    since: HrTime,
}

static HELD: ContextLocal<RefCell<Vec<Held>>> = ContextLocal::new(|| RefCell::new(Vec::new()));

/// In nanoseconds.
static LIMIT: AtomicU64 = AtomicU64::new(HOLD_LIMIT.as_nanos() as u64);

/// Sets how long (real time) a mutex may be held before that is reported; beyond centuries it never is.
pub fn set_hold_limit(limit: Duration) {
    // Relaxed, alone: a number.
    LIMIT.store(u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// How long (real time) a mutex may be held before that is reported. At first this is [`HOLD_LIMIT`].
pub fn hold_limit() -> Duration {
    // Relaxed, alone: a number.
    Duration::from_nanos(LIMIT.load(Ordering::Relaxed))
}

pub(super) fn taken(mutex: &ProxyMutex, place: Place) {
    let held = Held { id: mutex.id(), place, since: Clock::real().now() };
    // In a context whose storage is being torn down nothing is noted.
    let _ = HELD.try_with(|all| all.borrow_mut().push(held));
}

pub(super) fn released(mutex: &ProxyMutex, place: Option<Place>) {
    let found = HELD.try_with(|all| {
        let mut all = all.borrow_mut();
        let at = all.iter().rposition(|held| held.id == mutex.id())?;
        Some(all.remove(at))
    });
    // Otherwise it was taken before the checks were switched on, or by another context.
    let Ok(Some(held)) = found else { return };
    let for_how_long = Clock::real().now().saturating_duration_since(held.since);
    if for_how_long >= hold_limit() {
        tracing::warn!(
            target: "ts_mutex",
            mutex = ?mutex,
            held_for = ?for_how_long,
            taken = %held.place,
            released = %Shown(place),
            "a mutex was held for too long"
        );
    }
}

/// Calls `f` with what the running context holds besides `mutex`.
pub(super) fn with_others(mutex: &ProxyMutex, f: impl FnOnce(&[Held])) {
    let id = mutex.id();
    let others =
        HELD.try_with(|all| all.borrow().iter().copied().filter(|held| held.id != id).collect::<Vec<_>>());
    // A copy, so that a subscriber may take mutexes while `f` reports.
    if let Ok(others) = others {
        f(&others);
    }
}

/// A place that may be unknown.
struct Shown(Option<Place>);

impl std::fmt::Display for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 {
            Some(place) => place.fmt(f),
            None => f.write_str("the end of the guard's scope"),
        }
    }
}
