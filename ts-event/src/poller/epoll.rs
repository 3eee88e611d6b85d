//! What the kernel does for a wait: it watches sources, ends a wait in time, and ends it when another thread says so.
//!
//! Sources, timer and notice are registered once, for edges, and never touched again for a wait: so a wait is one system call,
//! and a second one only when it must end earlier than the timer is set for.
//!
//! # Rules
//! * The timer is not set anew for a later end. It then goes off for nothing once, at the time that it was set for; a wait
//!   without an end stops it.
//! * A notice is a count in the kernel that is never read: each addition is an edge, and 2^64 of them never come.
//! * What a source is reported for is kept until a call on it would block.
//!
//! # The road not taken
//! `epoll_pwait2` takes the end of a wait to the nanosecond and needs no timer; it came with Linux 5.11, and is forbidden by
//! older sandboxes. The crate `polling` knows the fine points of many systems; its wait is five system calls here.

use std::fmt;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use rustix::event::{EventfdFlags, Timespec, eventfd};
use rustix::io::Errno;
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use ts_thread::HrTime;

/// How many events one look may bring: 12 bytes each. What does not fit comes with the next look; the kernel goes round,
/// so no source is left out for ever.
const EVENTS_AT_ONCE: usize = 256;

/// The token of the timer; no source has it, nor the next one.
const TIMER: u64 = u64::MAX;
const NOTICE: u64 = u64::MAX - 1;

/// What is asked for of each source. Errors and hang-ups come unasked.
const OF_SOURCES: EventFlags = EventFlags::IN
    .union(EventFlags::OUT)
    .union(EventFlags::RDHUP)
    .union(EventFlags::PRI)
    .union(EventFlags::ET);

/// What the kernel watches, and how other threads end a wait.
pub(super) struct Epoll {
    set: OwnedFd,
    notice: OwnedFd,
    timer: OwnedFd,
}

/// What only the waiting thread has.
pub(super) struct Looks {
    found: Vec<epoll::Event>,
    /// What the timer is set for, and has not gone off yet.
    timer: Option<HrTime>,
}

/// What the kernel says of a source.
#[derive(Debug, Clone, Copy)]
pub(super) struct Report {
    pub(super) token: u64,
    pub(super) readable: bool,
    pub(super) writable: bool,
    /// The other side has closed, the source has failed, or urgent data has come: a read that brings less than was asked for
    /// does not say that there is nothing more.
    pub(super) unsteady: bool,
}

impl Epoll {
    /// # Errors
    ///
    /// There are no descriptors left for the three that it takes.
    pub(super) fn new() -> io::Result<Self> {
        let set = epoll::create(CreateFlags::CLOEXEC)?;
        let notice = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let timer =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        for (source, token) in [(&notice, NOTICE), (&timer, TIMER)] {
            epoll::add(&set, source, EventData::new_u64(token), EventFlags::IN | EventFlags::ET)?;
        }
        Ok(Self { set, notice, timer })
    }

    /// Watches a source from now on; what it is ready for already is reported as well.
    pub(super) fn watch(&self, source: impl AsFd, token: u64) -> io::Result<()> {
        Ok(epoll::add(&self.set, source, EventData::new_u64(token), OF_SOURCES)?)
    }

    /// Ends that.
    pub(super) fn unwatch(&self, source: impl AsFd) -> io::Result<()> {
        Ok(epoll::delete(&self.set, source)?)
    }

    /// Ends the wait of the owner, or its next one. Any thread may call it.
    pub(super) fn notify(&self) {
        // It cannot fail: the count is far from full, and an interruption comes before anything is added.
        while rustix::io::write(&self.notice, &1_u64.to_ne_bytes()) == Err(Errno::INTR) {}
    }

    /// Waits until something is found, until somebody notifies, or until the timer goes off, which is at `until` at the latest
    /// (`None`: never). Returns early now and then.
    pub(super) fn wait(&self, looks: &mut Looks, until: Option<HrTime>) -> io::Result<()> {
        let set_for = match (until, looks.timer) {
            (None, None) => looks.timer,
            (Some(until), Some(timer)) if timer <= until => looks.timer,
            _ => until,
        };
        if set_for != looks.timer {
            // All zero stops it; the clock was never there after its start.
            let at = set_for.map_or(0, HrTime::as_nanos);
            let value = Itimerspec {
                it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: Timespec { tv_sec: (at / NANOS) as i64, tv_nsec: (at % NANOS) as _ },
            };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &value)?;
            looks.timer = set_for;
        }
        self.look(looks, None)
    }

    /// Sees what there is without waiting.
    pub(super) fn visit(&self, looks: &mut Looks) -> io::Result<()> {
        self.look(looks, Some(&Timespec { tv_sec: 0, tv_nsec: 0 }))
    }

    fn look(&self, looks: &mut Looks, limit: Option<&Timespec>) -> io::Result<()> {
        looks.found.clear();
        match epoll::wait(&self.set, spare_capacity(&mut looks.found), limit) {
            Ok(_) => {}
            // Nothing was found; whoever waits looks at the time.
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if looks.found.iter().any(|event| { event.data }.u64() == TIMER) {
            looks.timer = None;
        }
        Ok(())
    }
}

const NANOS: u64 = 1_000_000_000;

impl Looks {
    pub(super) fn new() -> Self {
        Self { found: Vec::with_capacity(EVENTS_AT_ONCE), timer: None }
    }

    /// What the last look has found of sources.
    pub(super) fn reports(&self) -> impl Iterator<Item = Report> + '_ {
        let of_sources = self.found.iter().filter(|event| { event.data }.u64() < NOTICE);
        of_sources.map(|event| {
            // The two are not aligned in their place.
            let (data, flags) = (event.data, event.flags);
            let failed = flags.intersects(EventFlags::ERR | EventFlags::HUP);
            let unsteady = failed || flags.intersects(EventFlags::RDHUP | EventFlags::PRI);
            Report {
                token: data.u64(),
                readable: unsteady || flags.contains(EventFlags::IN),
                writable: failed || flags.contains(EventFlags::OUT),
                unsteady,
            }
        })
    }
}

impl fmt::Debug for Epoll {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Epoll").field("set", &self.set).finish_non_exhaustive()
    }
}
