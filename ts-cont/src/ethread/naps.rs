//! Mutexes that this thread was told of when it came too late, and that it will try again by itself.
//!
//! A mutex that others take again and again for a moment is free for so short a time that whoever has to be woken for it
//! nearly always comes too late. If it were told again each time, the holder would pay for a wake-up each time. So a thread
//! that has nothing else to do naps instead: it keeps the call, sleeps for a tenth of the fair slice at most, and tries again.
//!
//! # Rules
//! * Only a thread with nothing ready naps, and every turn begins with trying what it napped for.
//! * Before a handler runs, what the thread naps for is declined: whoever is next in those queues need not wait for it.

use super::local::Here;
use crate::work::Work;
use std::time::Duration;
use ts_thread::HrTime;

/// What part of the fair slice a nap takes at most.
const NAPS_PER_SLICE: u32 = 10;

impl Here {
    /// For how long this thread may nap now instead of being told of a mutex again: not at all if it has something to do.
    pub(super) fn nap(&self) -> Duration {
        let mut queue = self.local().queue.borrow_mut();
        if queue.has_poll() {
            return Duration::ZERO;
        }
        while let Some(entry) = queue.next_ready() {
            // What woke the thread is nothing to do.
            if !matches!(&*entry, Work::Nudge) {
                queue.push_front(entry);
                return Duration::ZERO;
            }
            self.local().cache.take(entry);
        }
        self.thread().shared().core.fair_slice / NAPS_PER_SLICE
    }

    /// Notes that the mutex with this number is to be tried again by itself.
    pub(super) fn nap_for(&self, mutex: usize) {
        let mut naps = self.local().naps.borrow_mut();
        if !naps.contains(&mutex) {
            naps.push(mutex);
        }
    }

    /// Has what the thread napped for tried with the rest.
    pub(super) fn end_naps(&self) {
        let mut naps = self.local().naps.borrow_mut();
        if !naps.is_empty() {
            self.local().told.borrow_mut().extend(naps.drain(..));
        }
    }

    /// When the first nap ends.
    pub(super) fn naps_until(&self) -> Option<HrTime> {
        let naps = self.local().naps.borrow();
        let parked = self.local().parked.borrow();
        naps.iter().filter_map(|&mutex| parked.naps_until(mutex)).min()
    }

    /// As [`Self::decline_naps`], if anything is ready to run.
    #[inline(always)]
    pub(super) fn decline_naps_if_ready(&self) {
        if !self.local().naps.borrow().is_empty() && self.local().queue.borrow_mut().has_ready() {
            self.decline_naps();
        }
    }

    /// Lets others have what the thread naps for, before it turns to something else.
    pub(super) fn decline_naps(&self) {
        let mut next = 0;
        loop {
            // Nothing stays borrowed, since a mutex that is passed on may run anything.
            let Some(mutex) = self.local().naps.borrow().get(next).copied() else { return };
            next += 1;
            self.decline_place(mutex);
        }
    }
}
