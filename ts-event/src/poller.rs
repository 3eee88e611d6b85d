//! The wait of a thread that watches I/O: a `polling` poller, a bell in front of it, and a table of who waits for what.
//!
//! The poller does what the kernel must do: it watches the sources, ends a wait at its deadline, and is notified by
//! other threads. The bell spares them that notice unless the thread really waits. Sources are registered once, for
//! both directions and for edges, and cost no system call afterwards but their own reads and writes.
//!
//! # Rules
//! * Everything but the [`Wakeup`] belongs to the thread that made the [`PollWait`].
//! * A source is deleted from the poller before it is dropped: its [`Registration`] owns it.
//! * What the poller says about a source is believed only when the source's generation matches, so that readiness of
//!   one that has gone never wakes another in its place.
//! * The poller may come back for nothing. The clock, the bell and the table say whether the wait is over.
//! * No task is woken, and no waker dropped, while the table of sources is borrowed: both run code of others.
//!
//! # Ordering
//! All of it is the bell's, told in `poller/bell.rs`, with what it must do for the flag of `Poller::notify`.
//!
//! # The road not taken
//! Written on epoll itself, a wait is one system call; by way of the library it is five, since that arms its timer,
//! re-arms its notifier and reads it back each time. In return the fine points of three kernel interfaces are kept
//! right by people who do nothing else. A wait makes that one call of the library, with its deadline, and repeats it
//! only after a notice that came late.

mod bell;
mod registration;
mod sources;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::num::NonZeroUsize;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use polling::{Events, Poller};
use ts_thread::{Clock, HrTime};

use self::bell::Bell;
use self::sources::Sources;
use crate::wait::{Wait, Wakeup};

pub use self::registration::{Io, Registration};

/// How many events one look may bring: 12 bytes each. What does not fit comes with the next look; the kernel goes
/// round, so no source is left out for ever.
const EVENTS_AT_ONCE: NonZeroUsize = NonZeroUsize::new(256).unwrap();

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
    events: Events,
}

/// What the wait shares with its [`Io`] handles and registrations, on one thread.
struct Set {
    notified: Arc<Notified>,
    sources: RefCell<Sources>,
    /// Tasks found ready and not yet woken. Kept here, not on the stack, so that a panicking waker loses nobody.
    to_wake: RefCell<VecDeque<Waker>>,
}

/// What the wait shares with other threads: the poller, and the bell that says whether it must be notified.
struct Notified {
    bell: Bell,
    poller: Poller,
}

impl Wakeup for Notified {
    fn wakeup(&self) {
        if self.bell.ring() {
            // Cannot fail on Linux: the notice is a count that is refused only when it is full, after 2^64.
            _ = self.poller.notify();
        }
    }
}

impl PollWait {
    /// A wait with no sources, on this thread.
    ///
    /// # Errors
    ///
    /// The operating system has no file descriptors left for those that a wait needs, or cannot report edges
    /// (`Unsupported`).
    pub fn new() -> io::Result<Self> {
        let poller = Poller::new()?;
        if !poller.supports_edge() {
            return Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "this operating system cannot report edges of readiness",
            ));
        }
        let set = Set {
            notified: Arc::new(Notified { bell: Bell::new(), poller }),
            sources: RefCell::new(Sources::new()),
            to_wake: RefCell::default(),
        };
        Ok(Self { set: Rc::new(set), clock: Clock::real(), events: Events::with_capacity(EVENTS_AT_ONCE) })
    }

    /// One call of the poller, which returns after `limit` (`None`: never) if nothing else ends it; true when a
    /// source was ready.
    fn look(&mut self, limit: Option<Duration>) -> io::Result<bool> {
        self.events.clear();
        self.set.notified.poller.wait(&mut self.events, limit)?;
        let mut any = false;
        {
            let mut sources = self.set.sources.borrow_mut();
            let mut to_wake = self.set.to_wake.borrow_mut();
            for event in self.events.iter() {
                any |= sources.mark_ready(&event, &mut to_wake);
            }
        }
        self.set.wake_all();
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
            if !self.set.notified.bell.begin_wait() {
                // Woken already; a thread that is woken again and again must still see its I/O.
                return self.visit();
            }
            // The poller counts the limit from a later reading of the same clock, so that it is never early.
            let limit = until.map(|until| until.saturating_duration_since(self.clock.now()));
            let due = limit == Some(Duration::ZERO);
            let looked = if due { self.visit().map(|()| false) } else { self.look(limit) };
            // Also after an error, so that the next wait may begin.
            let rung = self.set.notified.bell.end_wait();
            if looked? || rung || due {
                return Ok(());
            }
            // The deadline, or a notice that came after its ring had been taken: the time decides.
            if until.is_some_and(|until| self.clock.now() >= until) {
                return Ok(());
            }
        }
    }

    fn visit(&mut self) -> io::Result<()> {
        if self.set.sources.borrow().is_empty() {
            return Ok(());
        }
        self.look(Some(Duration::ZERO)).map(drop)
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
