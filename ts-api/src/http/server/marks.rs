//! The times of one transaction, for plugins that ask for them.

use std::cell::Cell;
use std::time::Duration;

use ts_cont::Here;
use ts_thread::HrTime;

use crate::http::Milestone;

const PLACES: usize = Milestone::PluginTotal.number() as usize + 1;

/// The times of a transaction, as they were at one moment: nanoseconds of the monotonic clock, zero for what has not come.
pub(crate) type Times = [u64; PLACES];

/// The times of a transaction, noted on its thread.
pub(crate) struct Marks([Cell<u64>; PLACES]);

impl Marks {
    /// With a transaction that begins now, on a connection that has been there since `accepted`.
    pub(crate) fn new(accepted: HrTime, first_read: Option<HrTime>) -> Self {
        let marks = Self([const { Cell::new(0) }; PLACES]);
        let start = now();
        marks.set(Milestone::UaBegin, accepted);
        marks.set(Milestone::UaFirstRead, first_read.unwrap_or(start));
        // The host takes a request up when its head is complete.
        for milestone in
            [Milestone::SmStart, Milestone::UaReadHeaderDone, Milestone::PluginActive, Milestone::PluginTotal]
        {
            marks.set(milestone, start);
        }
        marks
    }

    /// It happens now.
    pub(crate) fn mark(&self, milestone: Milestone) {
        // What is dropped when a thread has stopped happens at no time that anybody will ask for.
        if let Some(here) = Here::current() {
            self.set(milestone, here.now());
        }
    }

    /// It happens now, unless it has happened before; whether it does.
    pub(crate) fn mark_first(&self, milestone: Milestone) -> bool {
        let is_first = self.0[milestone.number() as usize].get() == 0;
        if is_first {
            self.mark(milestone);
        }
        is_first
    }

    /// Both happen now, the first of them unless it has happened before.
    pub(crate) fn mark_both(&self, once: Milestone, milestone: Milestone) {
        self.mark(milestone);
        let [first, at] = [once, milestone].map(|milestone| &self.0[milestone.number() as usize]);
        if first.get() == 0 {
            first.set(at.get());
        }
    }

    /// It happens with something that has just happened.
    pub(crate) fn mark_with(&self, before: Milestone, milestone: Milestone) {
        let [before, at] = [before, milestone].map(|milestone| &self.0[milestone.number() as usize]);
        at.set(before.get());
    }

    /// A time that is a sum grows.
    pub(crate) fn add(&self, milestone: Milestone, time: Duration) {
        let place = &self.0[milestone.number() as usize];
        place.set(place.get().saturating_add(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)));
    }

    /// When something happened.
    pub(crate) fn at(&self, milestone: Milestone) -> HrTime {
        HrTime::from_nanos(self.0[milestone.number() as usize].get())
    }

    /// How long it is since something happened.
    pub(crate) fn since(&self, milestone: Milestone) -> Duration {
        now().saturating_duration_since(self.at(milestone))
    }

    pub(crate) fn times(&self) -> Times {
        std::array::from_fn(|place| self.0[place].get())
    }

    fn set(&self, milestone: Milestone, at: HrTime) {
        self.0[milestone.number() as usize].set(at.as_nanos().max(1));
    }
}

/// The time on the calling event thread's clock.
pub(crate) fn now() -> HrTime {
    Here::current().expect("transactions are served on event threads").now()
}
