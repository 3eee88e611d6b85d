//! Timers that come due faster than a thread can sleep between them, and so are taken some at a time.
//!
//! To sleep until a time takes the processor some microseconds, or tens of them where the clock is another system's, and ends
//! late by more. A thread with a million timers a second that sleeps until each of them comes late for nearly all, and
//! spends most of its time falling asleep and waking up. So once that is seen, its turns keep a distance.
//!
//! # Rules
//! * Only after a wait for a timer that was less than [`GATHER`] ahead, and which came so late that [`CROWD`] were due at once: to
//!   be exact for the first of them was in vain. The next such wait that ends with fewer is followed by an exact one.
//! * Timers alone wait for it, and for `GATHER` from the start of a turn at most. What comes in ends the wait at once.
//! * Only where time passes by itself: nothing is gathered in a simulation, whose waits cost nothing and are not late.
//!
//! To look at the clock instead of sleeping would be exact, and take all of the processor.

use std::cell::Cell;
use std::time::Duration;
use ts_thread::HrTime;

/// How long a thread whose timers come in crowds waits for more of them, from turn to turn.
const GATHER: Duration = Duration::from_micros(100);

/// How many timers that are due at once make a crowd.
const CROWD: usize = 16;

/// What one thread knows of its last turn and the wait after it.
#[derive(Debug, Default)]
pub(super) struct Gather {
    /// When the turn began.
    began: Cell<HrTime>,
    /// Whether the thread then waited for a timer that was near.
    waited: Cell<bool>,
    /// No timer is waited for that is due earlier, but those that are then are taken with it.
    not_before: Cell<HrTime>,
}

impl Gather {
    /// A turn begins, and so many timers were due.
    #[inline]
    pub(super) fn begin(&self, now: HrTime, due: usize) {
        self.began.set(now);
        let is_crowd = self.waited.take() && due >= CROWD;
        self.not_before.set(if is_crowd { now.saturating_add(GATHER) } else { HrTime::ZERO });
    }

    /// When to wake up for a timer that is due at `deadline`.
    #[inline]
    pub(super) fn until(&self, deadline: HrTime) -> HrTime {
        deadline.max(self.not_before.get())
    }

    /// The thread is about to wait until this time.
    #[inline]
    pub(super) fn waits(&self, deadline: Option<HrTime>) {
        let near = self.began.get().saturating_add(GATHER);
        self.waited.set(deadline.is_some_and(|deadline| deadline <= near));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: HrTime = HrTime::from_nanos(1_000_000_000);

    fn after(micros: u64) -> HrTime {
        START.saturating_add(Duration::from_micros(micros))
    }

    /// A thread that waited for a timer so many microseconds ahead, and then found so many due.
    fn woke(gather: &Gather, ahead: u64, due: usize) -> HrTime {
        gather.begin(START, 1);
        gather.waits(Some(gather.until(after(ahead))));
        gather.begin(START, due);
        gather.until(after(1))
    }

    #[test]
    fn a_crowd_that_was_near_has_the_next_timers_wait_for_each_other() {
        let gather = Gather::default();
        assert_eq!(woke(&gather, 10, CROWD), START.saturating_add(GATHER));
        assert_eq!(gather.until(after(5_000)), after(5_000), "one that is far is not touched");
        // And again, as long as they come in crowds.
        gather.waits(Some(gather.until(after(1))));
        gather.begin(after(250), CROWD);
        assert!(gather.until(after(251)) > after(251));
    }

    #[test]
    fn few_timers_a_crowd_that_was_far_and_one_without_a_wait_are_followed_by_an_exact_wait() {
        let gather = Gather::default();
        assert_eq!(woke(&gather, 10, CROWD - 1), after(1), "few");
        assert_eq!(woke(&gather, 5_000, CROWD), after(1), "all at one time, and none near it");
        gather.begin(START, CROWD);
        gather.begin(START, CROWD);
        assert_eq!(gather.until(after(1)), after(1), "a thread that is busy");
        gather.waits(None);
        gather.begin(START, CROWD);
        assert_eq!(gather.until(after(1)), after(1), "woken by others");
    }

    #[test]
    fn a_crowd_counts_once_and_only_right_after_the_wait_for_it() {
        let gather = Gather::default();
        assert!(woke(&gather, 10, CROWD) > after(1));
        gather.begin(START, CROWD);
        assert_eq!(gather.until(after(1)), after(1), "the thread has not waited since");
        assert!(woke(&gather, 10, CROWD) > after(1));
        gather.waits(Some(gather.until(after(1))));
        gather.begin(after(100), CROWD - 1);
        assert_eq!(gather.until(after(101)), after(101), "the next that ends with fewer");
    }

    #[test]
    fn a_timer_is_near_that_is_due_within_the_distance_of_turns_and_no_other() {
        let gather = Gather::default();
        let gathered = u64::try_from(GATHER.as_micros()).unwrap();
        assert!(woke(&gather, gathered, CROWD) > after(1));
        assert_eq!(woke(&gather, gathered + 1, CROWD), after(1));
    }
}
