//! Finding out what locks are doing wrong, while the program runs. Off at first.
//!
//! Reports go out through `tracing`, target `ts_mutex`, level `WARN`.
//!
//! | report | when | switch |
//! |---|---|---|
//! | a mutex was held for too long | at its release; names both places | [`set_checks`] |
//! | two mutexes are taken in both orders | before the lock blocks, if it has to; once per pair of places | [`set_checks`] |
//! | a blocking lock where it is not allowed | before it blocks, if it has to; once per place in the code | [`set_blocking_allowed`] |
//!
//! # Rules
//! * While both switches are off, all of this costs one branch on a byte that never changes.
//! * What is held is noted per context, when it is taken while the checks are on; so what was taken before is unknown.
//! * Reports are made with nothing of this module locked: a subscriber may take mutexes.

mod blocking;
mod held;
mod order;
mod place;

use std::panic::Location;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use crate::proxy::ProxyMutex;

pub use blocking::{blocking_allowed, set_blocking_allowed};
pub use held::{hold_limit, set_hold_limit};
#[doc(hidden)]
pub use place::on_behalf_of;

use place::Place;

/// How long a mutex may be held before it is reported, unless [`set_hold_limit`] says otherwise: 200 ms, which is what the
/// original event system has for `MAX_LOCK_TIME`.
pub const HOLD_LIMIT: Duration = Duration::from_millis(200);

/// Hold times and lock order are checked.
const CHECKS: u8 = 1;
/// Somewhere, blocking locks are not allowed.
const BLOCKING: u8 = 2;

/// Not part of any protocol, so that models need not see it.
static SWITCHES: AtomicU8 = AtomicU8::new(0);

/// Switches the checks of hold times and of the lock order on or off, for the whole process.
///
/// Any thread may call it, at any time; others notice soon.
///
/// # Examples
///
/// ```
/// ts_mutex::diagnostics::set_checks(true);
/// assert!(ts_mutex::diagnostics::checks());
/// ```
pub fn set_checks(on: bool) {
    // Relaxed, alone: nothing is published with it, and whoever sees it late checks a little less or more.
    if on {
        SWITCHES.fetch_or(CHECKS, Ordering::Relaxed);
    } else {
        SWITCHES.fetch_and(!CHECKS, Ordering::Relaxed);
    }
}

/// Whether hold times and the lock order are checked.
pub fn checks() -> bool {
    is_checking()
}

#[inline(always)]
pub(crate) fn is_checking() -> bool {
    // Relaxed, alone: see `set_checks`.
    SWITCHES.load(Ordering::Relaxed) & CHECKS != 0
}

#[inline(always)]
pub(crate) fn is_on() -> bool {
    // Relaxed, alone: see `set_checks`. A thread that forbids blocking to itself sees its own store.
    SWITCHES.load(Ordering::Relaxed) != 0
}

/// The running context has just taken its first level of `mutex`.
#[cold]
#[inline(never)]
pub(crate) fn taken(mutex: &ProxyMutex, place: &'static Location<'static>) {
    held::taken(mutex, Place::meant(place));
}

/// The last level of `mutex` has just ended; it is not given back yet.
#[cold]
#[inline(never)]
pub(crate) fn released(mutex: &ProxyMutex, place: Option<&'static Location<'static>>) {
    held::released(mutex, Place::meant_at_release(place));
}

/// A function that can block is about to take `mutex`, which the running context does not hold; it may have to wait or not.
#[cold]
#[inline(never)]
pub(crate) fn about_to_block(mutex: &ProxyMutex, place: &'static Location<'static>) {
    let meant = Place::meant(place);
    blocking::check(mutex, meant);
    if is_checking() {
        held::with_others(mutex, |others| order::check(others, mutex, meant));
    }
}

/// The mutex with this id is freed.
#[inline]
pub(crate) fn forget(id: usize) {
    order::forget(id);
}
