//! Sleep until woken or a deadline: a token that one thread waits for and any thread can leave.
//!
//! # Rules
//! * One owner: only the [`Parker`] waits, and it cannot be shared.
//! * A token left before the owner waits makes the next wait return at once. Tokens do not add up.
//! * No wait returns without a reason: the token was taken, or the deadline has been reached.
//!
//! # Ordering
//! One word. EMPTY: neither token nor sleeper. PARKED: the owner sleeps, or is about to. NOTIFIED: a token is there.
//! One pair, `[park-token]`: what a thread did before it left a token is seen by the owner that takes it. Every token is
//! left by a swap, also onto one that is there already, so the owner sees what *all* leavers did.
//!
//! A lost wake-up is impossible because there is only this word: who leaves a token either swaps out PARKED, and
//! then wakes the sleeper (the kernel compares the word with PARKED again before it lets the owner sleep), or comes before
//! the owner's step from EMPTY to PARKED, which then fails.
//!
//! The standard library's `park` would do, but it may return for no reason, shares its token with everybody on the
//! thread, and takes a length of time rather than a deadline.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::time::Duration;

use crate::clock::read_monotonic;
use crate::futex::{Futex, Waited};
use crate::sync::Arc;
use crate::sync::atomic::Ordering;
use crate::time::HrTime;

const EMPTY: u32 = 0;
const PARKED: u32 = 1;
const NOTIFIED: u32 = 2;

/// The side that sleeps. It may move between threads, but not be shared by them.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use ts_thread::{Parker, Unpark};
///
/// let parker = Parker::new();
/// let unparker = parker.unparker();
/// let other = std::thread::spawn(move || unparker.unpark());
/// parker.park();
/// other.join().unwrap();
///
/// // Nobody left a token this time.
/// assert_eq!(parker.park_timeout(Duration::from_millis(1)), Unpark::DeadlineReached);
/// ```
pub struct Parker {
    futex: Arc<Futex>,
    /// A second thread that waits on the same token could take it from under the first.
    _not_shared: PhantomData<Cell<()>>,
}

/// The side that wakes. Cheap to clone, and usable from any thread.
#[derive(Clone)]
pub struct Unparker {
    futex: Arc<Futex>,
}

/// Why a wait ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[must_use = "whether the deadline was reached is what a wait with a deadline is asked for"]
pub enum Unpark {
    /// A token was there, or was left during the wait. It is taken.
    Notified,
    /// The deadline has been reached, and no token was there.
    DeadlineReached,
}

impl Parker {
    /// A parker without a token.
    pub fn new() -> Self {
        Self { futex: Arc::new(Futex::new(EMPTY)), _not_shared: PhantomData }
    }

    /// A handle to wake this parker with.
    pub fn unparker(&self) -> Unparker {
        Unparker { futex: self.futex.clone() }
    }

    /// Takes the token, waiting for it as long as it takes.
    pub fn park(&self) {
        let _notified = self.park_until(HrTime::MAX);
    }

    /// Takes the token, waiting for it until `deadline` at most.
    ///
    /// The deadline is a point of the *real* clock; it is not struck before its time. [`HrTime::MAX`] is no deadline. One that
    /// has passed makes this a look for the token. How late the system may wake the thread beyond the deadline is the
    /// thread's [timer slack](crate::set_timer_slack).
    pub fn park_until(&self, deadline: HrTime) -> Unpark {
        let word = self.futex.word();
        if self.take_token() {
            return Unpark::Notified;
        }
        // Relaxed: nothing is handed over by lying down. On failure the token is there, and `take_token` does the acquiring.
        if word.compare_exchange(EMPTY, PARKED, Ordering::Relaxed, Ordering::Relaxed).is_err() {
            let taken = self.take_token();
            debug_assert!(taken, "only the owner takes tokens");
            return Unpark::Notified;
        }
        loop {
            let waited = self.futex.wait(PARKED, deadline);
            if self.take_token() {
                return Unpark::Notified;
            }
            if waited == Waited::DeadlineReached {
                // Acquire [park-token]: a token that was left since the look above is taken, and its leaver's writes seen.
                return match word.swap(EMPTY, Ordering::Acquire) {
                    NOTIFIED => Unpark::Notified,
                    _ => Unpark::DeadlineReached,
                };
            }
        }
    }

    /// Takes the token, waiting for it as long as `timeout` at most; see [`park_until`](Self::park_until).
    pub fn park_timeout(&self, timeout: Duration) -> Unpark {
        self.park_until(read_monotonic().saturating_add(timeout))
    }

    /// Takes the token if it is there, and says whether it was.
    pub fn take_token(&self) -> bool {
        // Acquire [park-token]: what the leavers did before is visible now. On failure nothing is read through it.
        let word = self.futex.word();
        word.compare_exchange(NOTIFIED, EMPTY, Ordering::Acquire, Ordering::Relaxed).is_ok()
    }
}

impl Unparker {
    /// Leaves a token, and wakes the parker if it sleeps; returns whether it did (and so made a system call).
    ///
    /// Never blocks.
    pub fn unpark(&self) -> bool {
        // Release [park-token]: what this thread did before is seen by the owner. A swap rather than a load first, so
        // that this holds also for a token onto a token.
        if self.futex.word().swap(NOTIFIED, Ordering::Release) == PARKED {
            self.futex.wake_one();
            return true;
        }
        false
    }

    /// Whether both handles wake the same parker.
    pub fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.futex, &other.futex)
    }
}

impl Default for Parker {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Parker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Parker").finish_non_exhaustive()
    }
}

impl fmt::Debug for Unparker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unparker").finish_non_exhaustive()
    }
}
