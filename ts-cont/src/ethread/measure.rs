//! Measuring a thread's turns, while somebody wants it.

use super::Here;
use crate::metrics::{Measured, Turned};
use std::sync::atomic::Ordering;
use std::time::Duration;
use ts_thread::HrTime;

/// What the loop tells of its turns.
#[derive(Default)]
pub(super) struct Meter {
    /// When the turn that is going on began; none if it is not measured.
    began: Option<HrTime>,
    /// After looking for I/O.
    looked: HrTime,
    /// How much had been run by then.
    events: u64,
    turn: Turned,
}

impl Meter {
    /// A turn begins: the thread is about to look for I/O.
    pub(super) fn begin(&mut self, here: &Here) {
        // Relaxed: see `measure_loops`.
        let is_wanted = here.thread().shared().core.measured.load(Ordering::Relaxed);
        self.began = is_wanted.then(|| here.now());
    }

    /// It has looked.
    pub(super) fn looked(&mut self, here: &Here) {
        if let Some(began) = self.began {
            self.looked = here.now();
            self.turn = Turned { io_work: nanoseconds(self.looked, began), ..Turned::default() };
            self.events = here.local().counts.run();
        }
    }

    /// It has dispatched, and is about to wait or to begin the next turn.
    pub(super) fn drained(&mut self, here: &Here) -> Option<HrTime> {
        self.began?;
        let now = here.now();
        self.turn.drain = nanoseconds(now, self.looked);
        self.turn.events = here.local().counts.run() - self.events;
        Some(now)
    }

    /// The turn is over. `waits_since` if it waited.
    pub(super) fn end(&mut self, here: &Here, drained: Option<HrTime>, has_waited: bool) {
        let Some(drained) = drained else { return };
        let mut now = drained;
        if has_waited {
            now = here.now();
            self.turn.wait = Some(nanoseconds(now, drained));
        }
        let measured = here.thread().shared().measured.get_or_init(Box::<Measured>::default);
        measured.ring.record(now.as_nanos() / 1_000_000_000, self.turn);
        measured.times.record(Duration::from_nanos(self.turn.io_work + self.turn.drain));
        measured.totals.loops.add(1);
        measured.totals.waits.add(has_waited.into());
        measured.totals.events.add(self.turn.events);
    }
}

fn nanoseconds(now: HrTime, then: HrTime) -> u64 {
    now.as_nanos().saturating_sub(then.as_nanos())
}
