//! What a thread did in each of the last seconds.

use std::sync::atomic::{AtomicU64, Ordering};

/// How many seconds are kept, the one that is going on included.
pub const SECONDS: usize = 1024;

/// A number that one thread writes and others read.
#[derive(Debug, Default)]
pub(crate) struct Number(AtomicU64);

impl Number {
    pub(crate) const fn new() -> Self {
        Self(AtomicU64::new(0))
    }

    pub(crate) fn get(&self) -> u64 {
        // Relaxed: a statistic; nothing else is read through it.
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, number: u64) {
        // Relaxed: see `get`.
        self.0.store(number, Ordering::Relaxed);
    }

    pub(crate) fn add(&self, number: u64) {
        // Only one thread writes, so nothing comes between.
        self.set(self.get().wrapping_add(number));
    }

    fn at_least(&self, number: u64) {
        if self.get() < number {
            self.set(number);
        }
    }

    fn at_most(&self, number: u64) {
        if self.get() > number {
            self.set(number);
        }
    }
}

/// What threads did within some time. Times are nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct LoopStats {
    /// Turns of the loop.
    pub count: u64,
    /// Turns at whose end the thread waited.
    pub wait: u64,
    /// What was run: events dispatched, futures polled, closures called.
    pub events: u64,
    /// The fewest in a turn.
    pub events_min: u64,
    /// The most in a turn.
    pub events_max: u64,
    /// The shortest turn, without its wait.
    pub time_min: u64,
    /// The longest.
    pub time_max: u64,
    /// The longest time that was spent on timers and ready events in a turn.
    pub drain_queue_max: u64,
    /// The longest wait.
    pub io_wait_max: u64,
    /// The longest time that was spent on looking for I/O, and on waking those who waited for it, in a turn.
    pub io_work_max: u64,
}

/// One turn.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Turned {
    pub(crate) events: u64,
    pub(crate) io_work: u64,
    pub(crate) drain: u64,
    pub(crate) wait: Option<u64>,
}

impl LoopStats {
    fn add(&mut self, second: &Second) {
        let count = second.count.get();
        if count == 0 {
            return;
        }
        // A second that has just begun may have a turn, and not yet its numbers.
        let least = |sum: u64, more: u64| match more {
            u64::MAX => sum,
            more if self.count == 0 => more,
            more => sum.min(more),
        };
        self.events_min = least(self.events_min, second.events_min.get());
        self.time_min = least(self.time_min, second.time_min.get());
        self.count += count;
        self.wait += second.wait.get();
        self.events += second.events.get();
        self.events_max = self.events_max.max(second.events_max.get());
        self.time_max = self.time_max.max(second.time_max.get());
        self.drain_queue_max = self.drain_queue_max.max(second.drain_queue_max.get());
        self.io_wait_max = self.io_wait_max.max(second.io_wait_max.get());
        self.io_work_max = self.io_work_max.max(second.io_work_max.get());
    }
}

#[derive(Debug, Default)]
struct Second {
    /// Which second it is, plus one; zero for none.
    number: AtomicU64,
    count: Number,
    wait: Number,
    events: Number,
    events_min: Number,
    events_max: Number,
    time_min: Number,
    time_max: Number,
    drain_queue_max: Number,
    io_wait_max: Number,
    io_work_max: Number,
}

/// The seconds, by their number modulo [`SECONDS`].
#[derive(Debug)]
pub(crate) struct Ring(Box<[Second]>);

impl Default for Ring {
    fn default() -> Self {
        Self((0..SECONDS).map(|_| Second::default()).collect())
    }
}

impl Ring {
    /// Counts a turn that ended in second `now`. Only the owner calls it.
    pub(crate) fn record(&self, now: u64, turn: Turned) {
        let second = &self.0[now as usize % SECONDS];
        // Relaxed: only this thread writes it.
        if second.number.load(Ordering::Relaxed) != now + 1 {
            second.begin(now + 1);
        }
        let time = turn.io_work + turn.drain;
        second.count.add(1);
        second.events.add(turn.events);
        second.events_min.at_most(turn.events);
        second.events_max.at_least(turn.events);
        second.time_min.at_most(time);
        second.time_max.at_least(time);
        second.drain_queue_max.at_least(turn.drain);
        second.io_work_max.at_least(turn.io_work);
        if let Some(wait) = turn.wait {
            second.wait.add(1);
            second.io_wait_max.at_least(wait);
        }
    }

    /// Adds the last `window` seconds that are over in second `now`.
    pub(crate) fn add_last(&self, now: u64, window: u64, sum: &mut LoopStats) {
        // The oldest of all may be begun anew while it is read.
        let window = window.min(now).min(SECONDS as u64 - 2);
        for second in now - window..now {
            let slot = &self.0[second as usize % SECONDS];
            // Acquire [loop-second]: what the second began with is there.
            if slot.number.load(Ordering::Acquire) == second + 1 {
                sum.add(slot);
            }
        }
    }
}

impl Second {
    fn begin(&self, number: u64) {
        // Relaxed: nobody takes the numbers for those of a second while it says that it is none.
        self.number.store(0, Ordering::Relaxed);
        for number in [
            &self.count,
            &self.wait,
            &self.events,
            &self.events_max,
            &self.time_max,
            &self.drain_queue_max,
            &self.io_wait_max,
            &self.io_work_max,
        ] {
            number.set(0);
        }
        self.events_min.set(u64::MAX);
        self.time_min.set(u64::MAX);
        // Release [loop-second]: whoever sees the number sees that the others begin anew.
        self.number.store(number, Ordering::Release);
    }
}
