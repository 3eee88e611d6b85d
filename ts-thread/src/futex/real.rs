//! The kernel's futex, private to the process, with deadlines on the monotonic clock.

use std::num::NonZeroU32;
use std::sync::atomic::AtomicU32;

use rustix::io::Errno;
use rustix::thread::futex::{self, Flags, Timespec};

use super::Waited;
use crate::time::HrTime;

/// A word to wait on.
pub(crate) struct Futex(AtomicU32);

impl Futex {
    pub(crate) fn new(value: u32) -> Self {
        Self(AtomicU32::new(value))
    }

    /// The word itself.
    #[inline]
    pub(crate) fn word(&self) -> &AtomicU32 {
        &self.0
    }

    /// Sleeps while the word is `expected`, until woken or `deadline` (real clock); [`HrTime::MAX`] is no deadline.
    pub(crate) fn wait(&self, expected: u32, deadline: HrTime) -> Waited {
        let deadline = (!deadline.is_never()).then(|| Timespec {
            tv_sec: (deadline.as_nanos() / 1_000_000_000) as i64,
            tv_nsec: (deadline.as_nanos() % 1_000_000_000) as _,
        });
        // The bitset form is the one that takes a point in time rather than a length of it, so that being interrupted
        // and waiting again does not make it longer.
        match futex::wait_bitset(&self.0, Flags::PRIVATE, expected, deadline.as_ref(), NonZeroU32::MAX) {
            Err(Errno::TIMEDOUT) => Waited::DeadlineReached,
            Ok(()) | Err(Errno::AGAIN | Errno::INTR) => Waited::LookAgain,
            Err(error) => unreachable!("a futex wait with valid arguments failed: {error}"),
        }
    }

    /// Wakes one waiter, if there is one.
    #[cfg_attr(loom, allow(dead_code, reason = "the parker, its only user, uses the model instead"))]
    pub(crate) fn wake_one(&self) {
        self.wake(1);
    }

    /// Wakes all waiters.
    pub(crate) fn wake_all(&self) {
        self.wake(i32::MAX as u32);
    }

    fn wake(&self, count: u32) {
        // It can only fail for an address that is not mapped, and `self` is.
        let woken = futex::wake(&self.0, Flags::PRIVATE, count);
        debug_assert!(woken.is_ok(), "a futex wake with valid arguments failed: {woken:?}");
    }
}
