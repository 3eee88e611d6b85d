//! The wait of a thread that watches I/O: a `mio` poller, a bell in front of it, and a table of who waits for what.
//!
//! The poller does what the kernel must do: it watches the sources, and is notified by other threads. The bell spares
//! them that notice unless the thread really waits. Sources are registered once, for both directions and for edges, and
//! cost no system call afterwards but their own reads and writes; so are the notice and the timer that ends a wait in
//! time (`poller/alarm.rs`), so that a wait is one system call, and a second one only when it must end earlier than the
//! one before it had to.
//!
//! # Rules
//! * Everything but the [`Wakeup`] belongs to the thread that made the [`PollWait`].
//! * A source is deleted from the poller before it is dropped: its [`Registration`] owns it.
//! * What the poller says about a source is believed only when the source's generation matches, so that readiness of
//!   one that has gone never wakes another in its place.
//! * The poller may come back for nothing. The clock, the bell and the table say whether the wait is over.
//! * No task is woken, and no waker dropped, while the table of sources or the poller is borrowed: both run code of
//!   others.
//!
//! # Ordering
//! All of it is the bell's, told in `poller/bell.rs`.
//!
//! # The road not taken
//! The crate `polling` ends a wait to the nanosecond by itself, but arms its timer, re-arms its notice and reads it back
//! for each: five system calls. It does not tell either that the other side has closed, without which a short read is
//! not known to be the last.

mod alarm;
mod bell;
mod registration;
mod sources;

use std::cell::RefCell;
use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use mio::{Events, Poll, Token};
use ts_thread::{Clock, HrTime};

use self::alarm::Alarm;
use self::bell::Bell;
use self::sources::{Report, Sources};
use crate::wait::{Wait, Wakeup};

pub use self::registration::{Io, Registration};

/// How many events one look may bring: 12 bytes each. What does not fit comes with the next look; the kernel goes
/// round, so no source is left out for ever.
const EVENTS_AT_ONCE: usize = 256;

/// No source has these, whose places are below the limit of open files, which is below 2^31.
const ALARM: Token = Token(usize::MAX);
const NOTICE: Token = Token(usize::MAX - 1);

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
    alarm: Alarm,
    events: Events,
}

/// What the wait shares with its [`Io`] handles and registrations, on one thread.
struct Set {
    notified: Arc<Notified>,
    /// Borrowed to be changed only in the kernel's part of a wait.
    poller: RefCell<Poll>,
    sources: RefCell<Sources>,
    /// Tasks found ready and not yet woken. Kept here, not on the stack, so that a panicking waker loses nobody.
    to_wake: RefCell<VecDeque<Waker>>,
}

/// What the wait shares with other threads: the notice that ends it, and the bell that says whether it takes one.
struct Notified {
    bell: Bell,
    notice: mio::Waker,
}

impl Wakeup for Notified {
    fn wakeup(&self) {
        if self.bell.ring() {
            // Cannot fail: the notice is a count of the kernel's, never read, and full after 2^64 of them.
            _ = self.notice.wake();
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
        let poller = Poll::new()?;
        let alarm = Alarm::new(poller.registry(), ALARM)?;
        let notice = mio::Waker::new(poller.registry(), NOTICE)?;
        let set = Set {
            notified: Arc::new(Notified { bell: Bell::new(), notice }),
            poller: RefCell::new(poller),
            sources: RefCell::new(Sources::new()),
            to_wake: RefCell::default(),
        };
        Ok(Self {
            set: Rc::new(set),
            clock: Clock::real(),
            alarm,
            events: Events::with_capacity(EVENTS_AT_ONCE),
        })
    }

    /// Waits in the kernel until something is found, until another thread notifies, or until the alarm goes off, which
    /// is at `until` at the latest (`None`: never). Now and then it comes back for nothing.
    fn sleep(&mut self, until: Option<HrTime>) -> io::Result<()> {
        self.alarm.go_off_by(until)?;
        self.look(None)
    }

    /// One call of the poller, which returns after `limit` (`None`: never) if nothing else ends it.
    fn look(&mut self, limit: Option<Duration>) -> io::Result<()> {
        match self.set.poller.borrow_mut().poll(&mut self.events, limit) {
            // Nothing was found, and whoever waits looks at the time.
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(()),
            looked => looked,
        }
    }

    /// Wakes those whose sources the last look has found ready; true when there was a source.
    fn wake_found(&mut self) -> bool {
        let mut any = false;
        {
            let mut sources = self.set.sources.borrow_mut();
            let mut to_wake = self.set.to_wake.borrow_mut();
            for event in &self.events {
                match event.token() {
                    ALARM => self.alarm.went_off(),
                    NOTICE => {}
                    Token(token) => any |= sources.mark_ready(token, Report::of(event), &mut to_wake),
                }
            }
        }
        self.set.wake_all();
        any
    }

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
            let looked = if due { self.look(Some(Duration::ZERO)) } else { self.sleep(until) };
            // Also after an error, so that the next wait may begin.
            let rung = self.set.notified.bell.end_wait();
            looked?;
            // The alarm, or a notice that came after its ring had been taken: the time decides.
            if self.wake_found() || rung || due || self.is_due(until) {
                return Ok(());
            }
        }
    }

    fn visit(&mut self) -> io::Result<()> {
        if self.set.sources.borrow().is_empty() {
            return Ok(());
        }
        self.look(Some(Duration::ZERO))?;
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
