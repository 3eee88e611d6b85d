//! The end of a wait in time, to the nanosecond: a timer of the kernel's, watched like a source.
//!
//! The poller's own time limit counts in milliseconds. The timer is registered once, for edges, and set only when a
//! wait must end before the time that it is set for already; so most waits, with ends that move on, do not touch it.
//!
//! # Rules
//! * It is not set anew for a later end: it then goes off for nothing, once, and is set anew after that.
//! * A wait without an end stops it. An idle thread is not woken at all.
//! * Its count is never read: each time that it goes off is an edge, and setting it takes the count back.
//!
//! # The road not taken
//! `epoll_pwait2` takes the end of a wait to the nanosecond and needs no timer; it came with Linux 5.11, the libraries
//! do not use it, and older sandboxes forbid it.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use rustix::time::{
    Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create, timerfd_settime,
};
use ts_thread::HrTime;

const NANOS: u64 = 1_000_000_000;

pub(super) struct Alarm {
    timer: OwnedFd,
    /// What it is set for, if it has not gone off.
    set_for: Option<HrTime>,
}

impl Alarm {
    /// One that is not set, watched by the poller from now on.
    pub(super) fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        registry.register(&mut SourceFd(&timer.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { timer, set_for: None })
    }

    /// Sees to it that it goes off at `end`, if not before; `None`: never.
    pub(super) fn go_off_by(&mut self, end: Option<HrTime>) -> io::Result<()> {
        let stays = match (self.set_for, end) {
            (Some(set_for), Some(end)) => set_for <= end,
            (set_for, end) => set_for == end,
        };
        if !stays {
            // All zero would stop it; the real clock was there at its start only.
            let at = end.map_or(0, HrTime::as_nanos);
            let value = Itimerspec {
                it_interval: Timespec { tv_sec: 0, tv_nsec: 0 },
                it_value: Timespec { tv_sec: (at / NANOS) as i64, tv_nsec: (at % NANOS) as _ },
            };
            timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &value)?;
            self.set_for = end;
        }
        Ok(())
    }

    /// The poller has said that it went off.
    pub(super) fn went_off(&mut self) {
        self.set_for = None;
    }
}
