//! The wait of a thread that watches I/O: the kernel's poll set, a bell in front of it, and a table of who waits for what.
//!
//! What the kernel must do is told in `poller/epoll.rs`: it watches the sources, ends a wait at its deadline, and is
//! notified by other threads. The bell spares them that notice unless the thread really waits. Sources are registered
//! once, for both directions and for edges, and cost no system call afterwards but their own reads and writes.
//!
//! # Rules
//! * Everything but the [`Wakeup`] belongs to the thread that made the [`PollWait`].
//! * A source is deleted from the poll set before it is dropped: its [`Registration`] owns it.
//! * What the kernel says about a source is believed only when the source's generation matches, so that readiness of
//!   one that has gone never wakes another in its place.
//! * The kernel may come back for nothing. The clock, the bell and the table say whether the wait is over.
//! * No task is woken, and no waker dropped, while the table of sources is borrowed: both run code of others.
//!
//! # Ordering
//! All of it is the bell's, told in `poller/bell.rs`.

mod bell;
mod epoll;
mod registration;
mod sources;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;

use ts_thread::{Clock, HrTime};

use self::bell::Bell;
use self::epoll::{Epoll, Looks};
use self::sources::Sources;
use crate::wait::{Wait, Wakeup};

pub use self::registration::{Io, Registration};

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
    set: Rc<Set>,
    clock: Clock,
    looks: Looks,
}

/// What the wait shares with its [`Io`] handles and registrations, on one thread.
struct Set {
    notified: Arc<Notified>,
    sources: RefCell<Sources>,
    /// Tasks found ready and not yet woken. Kept here, not on the stack, so that a panicking waker loses nobody.
    to_wake: RefCell<VecDeque<Waker>>,
}

/// What the wait shares with other threads: the poll set, and the bell that says whether it must be notified.
struct Notified {
    bell: Bell,
    epoll: Epoll,
}

impl Wakeup for Notified {
    fn wakeup(&self) {
        if self.bell.ring() {
            self.epoll.notify();
        }
    }
}

impl PollWait {
    /// A wait with no sources, on this thread.
    ///
    /// # Errors
    ///
    /// The operating system has no file descriptors left for those that a wait needs.
    pub fn new() -> io::Result<Self> {
        let set = Set {
            notified: Arc::new(Notified { bell: Bell::new(), epoll: Epoll::new()? }),
            sources: RefCell::new(Sources::new()),
            to_wake: RefCell::default(),
        };
        Ok(Self { set: Rc::new(set), clock: Clock::real(), looks: Looks::new() })
    }

    /// Wakes those whose sources the last look has found ready; true when there was one.
    fn wake_found(&mut self) -> bool {
        let mut any = false;
        {
            let mut sources = self.set.sources.borrow_mut();
            let mut to_wake = self.set.to_wake.borrow_mut();
            for report in self.looks.reports() {
                any |= sources.mark_ready(report, &mut to_wake);
            }
        }
        self.set.wake_all();
        any
    }
}

impl PollWait {
    fn is_due(&self, until: Option<HrTime>) -> bool {
        until.is_some_and(|until| self.clock.now() >= until)
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
            if !self.set.notified.bell.begin_wait() {
                // Woken already; a thread that is woken again and again must still see its I/O.
                return self.visit();
            }
            let due = self.is_due(until);
            let epoll = &self.set.notified.epoll;
            let looked = if due { epoll.visit(&mut self.looks) } else { epoll.wait(&mut self.looks, until) };
            // Also after an error, so that the next wait may begin.
            let rung = self.set.notified.bell.end_wait();
            looked?;
            if self.wake_found() || rung || due {
                return Ok(());
            }
            // The deadline, or a notice that came after its ring had been taken: the time decides.
            if self.is_due(until) {
                return Ok(());
            }
        }
    }

    fn visit(&mut self) -> io::Result<()> {
        if self.set.sources.borrow().is_empty() {
            return Ok(());
        }
        self.set.notified.epoll.visit(&mut self.looks)?;
        self.wake_found();
        Ok(())
    }

    fn wakeup(&self) -> Arc<dyn Wakeup> {
        self.set.notified.clone()
    }

    fn io(&self) -> Option<Io> {
        Some(Io::new(self.set.clone()))
    }
}

impl Drop for PollWait {
    fn drop(&mut self) {
        self.set.sources.borrow_mut().close(&mut self.set.to_wake.borrow_mut());
        self.set.wake_all();
    }
}

impl fmt::Debug for PollWait {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PollWait").field("sources", &self.set.sources.borrow().len()).finish_non_exhaustive()
    }
}
