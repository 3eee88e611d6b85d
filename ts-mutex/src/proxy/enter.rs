//! The ways into a mutex: which part takes it, and who hears of it.
//!
//! # Rules
//! * A mutex that is taken for the first level is told to the diagnostics if they check, whichever part took it.
//! * What was missed is counted once, here or in the queue.

use std::panic::Location;
use std::sync::atomic::Ordering::Relaxed as CounterRelaxed;
use std::time::Duration;

use ts_thread::{HrTime, current_id};

use super::ProxyMutex;
use crate::diagnostics;
use crate::guard::MutexGuard;
use crate::raw::{Core, Entered};
use crate::waiter::Waiter;

impl ProxyMutex {
    /// As [`try_lock`](Self::try_lock), for those who go on to queue when they miss, and are counted there.
    #[track_caller]
    pub(crate) fn try_lock_uncounted(&self) -> Option<MutexGuard<'_>> {
        let core = self.core();
        if self.enter_uncounted(core) { Some(MutexGuard::new(self, core)) } else { None }
    }

    /// Gives the mutex back, and reports if it was held for too long. Only the holder may call it, with no level left.
    #[cold]
    #[inline(never)]
    pub(crate) fn release_checked(&self, place: Option<&'static Location<'static>>) {
        diagnostics::released(self, place);
        self.release(self.core());
    }

    /// Takes a level if that needs no waiting, and counts the miss otherwise.
    #[track_caller]
    #[inline(always)]
    pub(super) fn enter(&self, core: &Core) -> bool {
        let taken = self.enter_uncounted(core);
        if !taken {
            self.count_miss();
        }
        taken
    }

    #[inline]
    pub(super) fn enter_or_wait(
        &self,
        waiter: &Waiter,
        place: &'static Location<'static>,
        nap: Duration,
    ) -> bool {
        let core = self.core();
        let taken = if core.is_held_by_current() {
            core.deeper();
            // It has the mutex, by whichever way.
            waiter.leave(self);
            return true;
        } else if waiter.is_waiting() {
            self.take_or_queue(waiter, current_id().get(), nap)
        } else {
            matches!(core.enter(), Entered::First) || self.take_or_queue(waiter, current_id().get(), nap)
        };
        if taken && diagnostics::is_checking() {
            diagnostics::taken(self, place);
        }
        taken
    }

    #[track_caller]
    #[inline(always)]
    pub(super) fn enter_uncounted(&self, core: &Core) -> bool {
        self.enter_at(core, Location::caller())
    }

    #[inline(always)]
    pub(super) fn enter_at(&self, core: &Core, place: &'static Location<'static>) -> bool {
        match core.enter() {
            Entered::First => {
                if diagnostics::is_checking() {
                    diagnostics::taken(self, place);
                    core.is_first_level();
                }
                true
            }
            Entered::Again => true,
            Entered::Busy => false,
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn count_miss(&self) {
        self.core().cold().missed.fetch_add(1, CounterRelaxed);
    }

    /// Takes a level, blocking until the deadline if it has to.
    #[track_caller]
    #[inline(always)]
    pub(super) fn enter_blocking(&self, core: &Core, deadline: HrTime) -> bool {
        let taken = match core.enter_unless(diagnostics::is_on) {
            Entered::First | Entered::Again => return true,
            Entered::Busy => self.enter_late(deadline),
        };
        if taken {
            core.is_first_level();
        }
        taken
    }

    /// Takes a level, blocking for as long as it takes.
    #[track_caller]
    #[inline(always)]
    pub(super) fn enter_for_good(&self, core: &Core) {
        if !self.enter_blocking(core, HrTime::MAX) {
            unreachable!("it has no deadline");
        }
    }

    /// Takes the first level when the mutex is not free, or when those who block are to be looked at.
    #[track_caller]
    #[cold]
    #[inline(never)]
    fn enter_late(&self, deadline: HrTime) -> bool {
        if diagnostics::is_on() {
            diagnostics::about_to_block(self, Location::caller());
        }
        let taken = self.take_blocking(current_id().get(), deadline);
        if taken && diagnostics::is_checking() {
            diagnostics::taken(self, Location::caller());
        }
        taken
    }
}
