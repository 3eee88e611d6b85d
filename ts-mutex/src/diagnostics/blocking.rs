//! Where blocking locks are not welcome.

use std::cell::Cell;
use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::sync::{Mutex, PoisonError};

use ts_thread::ContextLocal;

use super::{BLOCKING, Place, SWITCHES};
use crate::proxy::ProxyMutex;

static ALLOWED: ContextLocal<Cell<bool>> = ContextLocal::new(|| Cell::new(true));

/// The places that were reported.
static REPORTED: Mutex<Option<HashSet<Place>>> = Mutex::new(None);

/// Says whether the running context may block for a mutex; gives what was said before.
///
/// Event threads of a pool that must not block say `false` when they start. A blocking lock there is then reported, once
/// per place in the code, whether or not it has to wait that time: the next time it may. It is done all the same.
///
/// # Examples
///
/// ```
/// use ts_mutex::diagnostics;
///
/// assert!(diagnostics::set_blocking_allowed(false));
/// assert!(!diagnostics::blocking_allowed());
/// ```
pub fn set_blocking_allowed(allowed: bool) -> bool {
    if !allowed {
        // Relaxed, alone: this context sees its own store, and the others are not concerned.
        SWITCHES.fetch_or(BLOCKING, Ordering::Relaxed);
    }
    // Storage that is being torn down: the context is at its end.
    ALLOWED.try_with(|current| current.replace(allowed)).unwrap_or(true)
}

/// Whether the running context may block for a mutex. So it may at first.
pub fn blocking_allowed() -> bool {
    ALLOWED.try_with(Cell::get).unwrap_or(true)
}

/// Reports a blocking lock that is not allowed.
pub(super) fn check(mutex: &ProxyMutex, place: Place) {
    if blocking_allowed() {
        return;
    }
    let new = REPORTED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default().insert(place);
    if new {
        tracing::warn!(
            target: "ts_mutex",
            mutex = ?mutex,
            thread = ts_thread::current().name(),
            place = %place,
            "a blocking lock on a thread that must not block"
        );
    }
}
