//! The wait of a thread that watches I/O: one epoll set holds its sources, its alarm clock and its bell.
//!
//! A wait is one system call. The bell is an eventfd and the alarm a timerfd, both watched for edges, so neither is
//! ever read; the alarm is set only when the deadline has changed. Sources are registered once, for both directions
//! and for edges, and cost no system call afterwards but their own reads and writes.
//!
//! # Rules
//! * Everything but the [`Wakeup`] belongs to the thread that made the [`PollWait`].
//! * A source is taken out of the set before it is closed: its [`Registration`] owns it.
//! * What the set says about a source is believed only when the source's generation matches, so that readiness of one
//!   that has gone never wakes another in its place.
//! * No task is woken, and no waker dropped, while the table of sources is borrowed: both run code of others.
//!
//! # Ordering
//! The bell has one pair, told in `poller/bell.rs`; the kernel's eventfd carries nothing of ours.
//!
//! A portable polling library would do, at five system calls a wait where this makes one: it arms its timer, re-arms
//! its notifier and reads it back each time, since it cannot know that only one thread will ever wait.

mod bell;
mod registration;
mod sources;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::{EventfdFlags, Timespec, epoll, eventfd};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, timerfd_create, timerfd_settime,
};
use ts_thread::{Clock, HrTime};

use self::bell::Bell;
use self::sources::Sources;
use crate::wait::{Wait, Wakeup};

pub use self::registration::{Io, Registration};

/// How many events one system call may bring: 12 bytes each. What does not fit comes with the next call; the kernel
/// goes round, so no source is left out for ever.
const EVENTS_AT_ONCE: usize = 256;

/// What the set says for the bell and for the alarm; no source has either (see `Sources::insert`).
const BELL: u64 = u64::MAX;
const ALARM: u64 = u64::MAX - 1;

/// Waits until woken, until a deadline of the real clock, or until one of the registered sources is ready.
///
/// Sources are registered through the [`Io`] of this wait, on this thread. When the wait is dropped, tasks that still
/// wait for a source are woken and get an error.
///
/// # Examples
///
/// ```
/// use std::io::{ErrorKind, Read, Write};
/// use std::os::unix::net::UnixStream;
/// use std::task::{Context, Poll, Waker};
/// use ts_event::{PollWait, Wait};
///
/// let mut wait = PollWait::new()?;
/// let (here, mut there) = UnixStream::pair()?;
/// let here = wait.io().unwrap().register(here)?;
///
/// there.write_all(b"hello")?;
/// let mut cx = Context::from_waker(Waker::noop()); // a real task would pass its own
/// let mut buffer = [0; 8];
/// let got = loop {
///     match here.poll_read_with(&mut cx, |mut stream| stream.read(&mut buffer)) {
///         Poll::Ready(result) => break result?,
///         Poll::Pending => wait.wait(None)?,
///     }
/// };
/// assert_eq!(&buffer[..got], b"hello");
/// # std::io::Result::Ok(())
/// ```
pub struct PollWait {
    shared: Rc<Set>,
    bell: Arc<PollWakeup>,
    alarm: OwnedFd,
    /// When the alarm will ring, if it is set and has not rung as far as we know.
    armed: Option<HrTime>,
    clock: Clock,
    events: Vec<epoll::Event>,
}

/// What the wait shares with its [`Io`] handles and registrations, on one thread.
struct Set {
    epoll: OwnedFd,
    sources: RefCell<Sources>,
    /// Tasks found ready and not yet woken. Kept here, not on the stack, so that a panicking waker loses nobody.
    to_wake: RefCell<VecDeque<Waker>>,
}

struct PollWakeup {
    bell: Bell,
    notice: OwnedFd,
}

impl Wakeup for PollWakeup {
    fn wakeup(&self) {
        if self.bell.ring() {
            // An eventfd refuses a write only when its count is full, after 2^64 rings.
            _ = rustix::io::write(&self.notice, &1_u64.to_ne_bytes());
        }
    }
}

impl PollWait {
    /// A wait with no sources, on this thread.
    ///
    /// # Errors
    ///
    /// The operating system has no file descriptors left for the three that a wait needs.
    pub fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let notice = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        let alarm =
            timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
        let edges = epoll::EventFlags::IN | epoll::EventFlags::ET;
        epoll::add(&epoll, &notice, epoll::EventData::new_u64(BELL), edges)?;
        epoll::add(&epoll, &alarm, epoll::EventData::new_u64(ALARM), edges)?;
        let sources = RefCell::new(Sources::new());
        Ok(Self {
            shared: Rc::new(Set { epoll, sources, to_wake: RefCell::default() }),
            bell: Arc::new(PollWakeup { bell: Bell::new(), notice }),
            alarm,
            armed: None,
            clock: Clock::real(),
            events: Vec::with_capacity(EVENTS_AT_ONCE),
        })
    }

    /// Sets the alarm to `until`, which is `now` or later, or takes it off.
    fn set_alarm(&mut self, until: Option<HrTime>, now: HrTime) -> io::Result<()> {
        if self.armed == until {
            return Ok(());
        }
        // Zero would take the alarm off, so a deadline that is now is one nanosecond away.
        let ahead = until.map_or(Duration::ZERO, |until| {
            until.saturating_duration_since(now).max(Duration::from_nanos(1))
        });
        let it_value = Timespec {
            tv_sec: i64::try_from(ahead.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: ahead.subsec_nanos().into(),
        };
        let it_interval = Timespec { tv_sec: 0, tv_nsec: 0 };
        // Unknown until the call has succeeded: after an error the next wait tries again.
        self.armed = None;
        timerfd_settime(&self.alarm, TimerfdTimerFlags::empty(), &Itimerspec { it_interval, it_value })?;
        self.armed = until;
        Ok(())
    }

    /// One look at the set, blocking or not; true when a source was ready.
    fn look(&mut self, block: bool) -> io::Result<bool> {
        const AT_ONCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
        let timeout = if block { None } else { Some(&AT_ONCE) };
        self.events.clear();
        match epoll::wait(&self.shared.epoll, spare_capacity(&mut self.events), timeout) {
            Ok(_) => {}
            // A signal: nothing was ready, and whoever wanted to block looks at the deadline first.
            Err(rustix::io::Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let mut any = false;
        {
            let mut sources = self.shared.sources.borrow_mut();
            let mut to_wake = self.shared.to_wake.borrow_mut();
            for event in &self.events {
                // By value: the kernel's record is packed.
                let (token, flags) = (event.data.u64(), event.flags);
                match token {
                    BELL => {}
                    ALARM => self.armed = None,
                    source => any |= sources.mark_ready(source, flags, &mut to_wake),
                }
            }
        }
        self.shared.wake_all();
        Ok(any)
    }
}

impl Set {
    /// Wakes the tasks that were found ready, in order, with nothing borrowed.
    fn wake_all(&self) {
        loop {
            let next = self.to_wake.borrow_mut().pop_front();
            match next {
                Some(waker) => waker.wake(),
                None => return,
            }
        }
    }
}

impl Wait for PollWait {
    fn wait(&mut self, until: Option<HrTime>) -> io::Result<()> {
        let until = until.filter(|&until| until != HrTime::MAX);
        loop {
            if !self.bell.bell.begin_wait() {
                // Woken already; a thread that is woken again and again must still see its I/O.
                return self.visit();
            }
            let now = self.clock.now();
            let due = until.is_some_and(|until| now >= until);
            let looked = if due {
                self.look(false)
            } else {
                self.set_alarm(until, now).and_then(|()| self.look(true))
            };
            // Also after an error, so that the next wait may begin.
            let rung = self.bell.bell.end_wait();
            if looked? || rung || due {
                return Ok(());
            }
            // The alarm, a signal, or a notice that came after its ring had been taken: the time decides. An alarm that
            // rang spares the look that a deadline of the past gets above, since it has just been had.
            let alarm_rang = until.is_some() && self.armed.is_none();
            if alarm_rang && until <= Some(self.clock.now()) {
                return Ok(());
            }
        }
    }

    fn visit(&mut self) -> io::Result<()> {
        if self.shared.sources.borrow().is_empty() {
            return Ok(());
        }
        self.look(false).map(drop)
    }

    fn wakeup(&self) -> Arc<dyn Wakeup> {
        self.bell.clone()
    }

    fn io(&self) -> Option<Io> {
        Some(Io::new(self.shared.clone()))
    }
}

impl Drop for PollWait {
    fn drop(&mut self) {
        self.shared.sources.borrow_mut().close(&mut self.shared.to_wake.borrow_mut());
        self.shared.wake_all();
    }
}

impl fmt::Debug for PollWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollWait")
            .field("sources", &self.shared.sources.borrow().len())
            .finish_non_exhaustive()
    }
}
