//! The times of one transaction, for plugins that ask for them.
//!
//! # Rules
//! * Reading the clock takes longer than most of what happens between two moments of a transaction. What follows at once upon
//!   something has its time.
//! * A time that was read is good for that until the transaction waits for anything, or lets somebody run whose time is not
//!   noted.

use std::cell::Cell;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ts_cont::Here;
use ts_thread::{Clock, HrTime};

use super::subjects::TransactionSubject;
use crate::http::Milestone;

const PLACES: usize = Milestone::PluginTotal.number() as usize + 1;

/// The times of a transaction, for whoever asks: nanoseconds of the monotonic clock, zero for what has not come.
pub(crate) struct Times([AtomicU64; PLACES]);

impl Default for Times {
    fn default() -> Self {
        Self([const { AtomicU64::new(0) }; PLACES])
    }
}

impl Times {
    pub(crate) fn get(&self, milestone: Milestone) -> u64 {
        // Relaxed: each is told alone, and only the transaction's thread sets it.
        self.0[milestone.number() as usize].load(Ordering::Relaxed)
    }

    fn set(&self, milestone: Milestone, at: u64) {
        // Relaxed: see `get`.
        self.0[milestone.number() as usize].store(at, Ordering::Relaxed);
    }
}

/// What notes the times of a transaction, on its thread.
pub(crate) struct Marks {
    clock: Clock,
    /// What the clock said last, while that is as good as now.
    just_now: Cell<Option<HrTime>>,
    transaction: Arc<TransactionSubject>,
}

impl Marks {
    /// With a transaction that begins now, on a connection that has been there since `accepted`.
    pub(crate) fn new(
        transaction: Arc<TransactionSubject>,
        accepted: HrTime,
        first_read: Option<HrTime>,
    ) -> Self {
        let here = Here::current().expect("transactions are served on event threads");
        let marks =
            Self { clock: here.processor_ref().clock().clone(), just_now: Cell::new(None), transaction };
        let start = marks.now();
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

    /// The time on the thread's clock.
    pub(crate) fn now(&self) -> HrTime {
        let now = self.clock.now();
        self.just_now.set(Some(now));
        now
    }

    /// The time, of something that follows at once upon what was noted last.
    pub(crate) fn at_once(&self) -> HrTime {
        self.just_now.get().unwrap_or_else(|| self.now())
    }

    /// Time passes of which nothing is noted.
    pub(crate) fn passes(&self) {
        self.just_now.set(None);
    }

    /// It happens now.
    pub(crate) fn mark(&self, milestone: Milestone) {
        self.set(milestone, self.now());
    }

    /// It happens at once upon what was noted last.
    pub(crate) fn mark_at_once(&self, milestone: Milestone) {
        self.set(milestone, self.at_once());
    }

    /// It happens now, unless it has happened before; whether it does.
    pub(crate) fn mark_first(&self, milestone: Milestone) -> bool {
        let is_first = self.times().get(milestone) == 0;
        if is_first {
            self.mark(milestone);
        }
        is_first
    }

    /// Something happens for the first time with what has just happened, unless it has happened before.
    pub(crate) fn mark_first_with(&self, before: Milestone, first: Milestone) {
        if self.times().get(first) == 0 {
            self.mark_with(before, first);
        }
    }

    /// It happens with something that has just happened.
    pub(crate) fn mark_with(&self, before: Milestone, milestone: Milestone) {
        self.times().set(milestone, self.times().get(before));
    }

    /// A time that is a sum grows.
    pub(crate) fn add(&self, milestone: Milestone, time: Duration) {
        let time = u64::try_from(time.as_nanos()).unwrap_or(u64::MAX);
        self.times().set(milestone, self.times().get(milestone).saturating_add(time));
    }

    /// When something happened.
    pub(crate) fn at(&self, milestone: Milestone) -> HrTime {
        HrTime::from_nanos(self.times().get(milestone))
    }

    /// How long it is since something happened.
    pub(crate) fn since(&self, milestone: Milestone) -> Duration {
        self.now().saturating_duration_since(self.at(milestone))
    }

    fn set(&self, milestone: Milestone, at: HrTime) {
        self.times().set(milestone, at.as_nanos().max(1));
    }

    fn times(&self) -> &Times {
        &self.transaction.times
    }
}

/// The time on the calling event thread's clock.
pub(crate) fn now() -> HrTime {
    Here::current().expect("transactions are served on event threads").now()
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::sync::mpsc::channel;

    use ts_cont::{EventProcessor, EventType};

    use super::*;
    use crate::Runtime;
    use crate::http::server::settings::Settings;
    use crate::http::server::socket::Socket;
    use crate::http::server::subjects::{SessionSubject, Shards};

    #[test]
    fn what_follows_at_once_has_the_time_of_what_was_noted_last_and_no_older_one() {
        let runtime = Runtime::simulated(1).unwrap();
        let second = Duration::from_secs(1);
        runtime.run_for(second);
        let (tell, told) = channel();
        let thread = &runtime.processor().threads(EventType::NET)[0];
        EventProcessor::run_on(thread, move |_| {
            let (shards, hooks) = (Shards::choose(), Arc::default());
            let client = SocketAddr::from(([127, 0, 0, 1], 1));
            let session = SessionSubject::enter(shards, (client, None), Socket::new(-1), 0, &hooks).unwrap();
            let transaction = TransactionSubject::enter(shards, &session, 1, &Settings::default()).unwrap();
            tell.send(Marks::new(Arc::clone(&transaction), HrTime::ZERO, None)).unwrap();
            transaction.end();
            session.end();
        });
        runtime.run_for(Duration::ZERO);
        let marks = told.recv().unwrap();
        let begin = marks.at(Milestone::SmStart);
        // Nobody has said so, so no time has passed.
        runtime.run_for(second);
        marks.mark_at_once(Milestone::ServerConnect);
        assert_eq!(marks.at(Milestone::ServerConnect), begin);
        marks.passes();
        marks.mark_at_once(Milestone::ServerConnectEnd);
        assert_eq!(marks.at(Milestone::ServerConnectEnd), begin + second);
        runtime.run_for(second);
        marks.mark(Milestone::ServerReadHeaderDone);
        marks.mark_first_with(Milestone::ServerReadHeaderDone, Milestone::ServerFirstRead);
        marks.mark_first_with(Milestone::ServerReadHeaderDone, Milestone::ServerConnect);
        marks.mark_at_once(Milestone::UaBeginWrite);
        let after = [Milestone::ServerReadHeaderDone, Milestone::ServerFirstRead, Milestone::UaBeginWrite];
        assert_eq!(after.map(|milestone| marks.at(milestone)), [begin + 2 * second; 3]);
        assert_eq!(marks.at(Milestone::ServerConnect), begin, "it has happened before");
    }
}
