//! A watched source: who owns it, when it is ready, and how a task waits for that.
//!
//! Readiness is a guess that a call may prove wrong: it is set when the poller reports an edge, and cleared by the
//! user after a call that would have blocked. [`Registration::poll_read_with`] does both in the only right order.
//! A read of a byte stream that brings less than there is room for has taken all there was, and spares the call that
//! would have blocked: see [`Registration::poll_read_up_to`].

use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use mio::unix::SourceFd;
use mio::{Interest, Token};

use super::Set;
use super::sources::{Answer, Direction};

/// What is asked for of each source. Errors and hang-ups come unasked.
const OF_SOURCES: Interest = Interest::READABLE.add(Interest::WRITABLE).add(Interest::PRIORITY);

/// Where the sources of one thread's wait are registered. Stays on that thread; clones are the same set.
#[derive(Clone)]
pub struct Io {
    set: Rc<Set>,
}

impl Io {
    pub(super) fn new(set: Rc<Set>) -> Self {
        Self { set }
    }

    /// Watches `source` on this thread, in both directions, until the [`Registration`] is dropped; makes it
    /// non-blocking. A socket, pipe or other file that can be waited for will do. Its descriptor must stay the same
    /// while it is registered.
    ///
    /// Both directions are taken for ready at first: try, and wait when the call would have blocked.
    ///
    /// # Errors
    ///
    /// The source cannot be waited for (a regular file: `PermissionDenied`), is registered here already
    /// (`AlreadyExists`), or the operating system's limit of watched files is reached. The source is dropped.
    pub fn register<S: AsFd>(&self, source: S) -> io::Result<Registration<S>> {
        rustix::io::ioctl_fionbio(&source, true)?;
        let token = self.set.sources.borrow_mut().insert();
        // From here on the guard's drop takes the place back.
        let mut stay = Stay { set: self.set.clone(), token, watched: false };
        let descriptor = source.as_fd().as_raw_fd();
        self.set.poller.borrow().registry().register(&mut SourceFd(&descriptor), Token(token), OF_SOURCES)?;
        stay.watched = true;
        Ok(Registration { stay, source: Some(source) })
    }
}

impl fmt::Debug for Io {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Io").field("sources", &self.set.sources.borrow().len()).finish_non_exhaustive()
    }
}

/// A source that is watched, and its owner: dropping it stops watching, then drops the source.
///
/// One task may wait for each direction; a second one that asks for the same direction takes the first one's place.
/// All methods are for the thread of the [`Io`] that made it.
pub struct Registration<S: AsFd> {
    stay: Stay,
    /// Some, until the source is taken out by value.
    source: Option<S>,
}

/// A place in the table of sources; gives it back.
struct Stay {
    set: Rc<Set>,
    token: usize,
    watched: bool,
}

impl<S: AsFd> Registration<S> {
    /// The source itself. Calls on it that would block say so, since it was made non-blocking.
    pub fn source(&self) -> &S {
        self.source.as_ref().expect("taken only by value or by drop")
    }

    /// Stops watching and gives the source back, which stays non-blocking. Waiting tasks are not woken.
    pub fn into_source(mut self) -> S {
        let source = self.source.take().expect("taken only here or by drop");
        self.stay.unwatch(&source);
        source
    }

    /// Waits until the source may be read: data, end of stream or an error. The task of `cx` is woken.
    ///
    /// When a read then would block, call [`clear_readable`](Self::clear_readable) before anything else, above all
    /// before the next wait of this thread, and ask again. [`poll_read_with`](Self::poll_read_with) does so.
    ///
    /// # Errors
    ///
    /// The wait that watched this source is gone, so nobody would ever wake the task (`NotConnected`).
    pub fn poll_readable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Direction::Read)
    }

    /// Waits until the source may be written to, or has failed. As [`poll_readable`](Self::poll_readable), the other
    /// way.
    ///
    /// # Errors
    ///
    /// The wait that watched this source is gone (`NotConnected`).
    pub fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.poll_ready(cx, Direction::Write)
    }

    /// Says that a read would have blocked: the source is not readable until the kernel reports it again.
    pub fn clear_readable(&self) {
        self.stay.set.sources.borrow_mut().clear(self.stay.token, Direction::Read);
    }

    /// Says that a write would have blocked: the source is not writable until the kernel reports it again.
    pub fn clear_writable(&self) {
        self.stay.set.sources.borrow_mut().clear(self.stay.token, Direction::Write);
    }

    /// Calls `read` when the source may be read, and waits for as long as it answers `WouldBlock`. Interrupted calls
    /// are repeated.
    ///
    /// # Errors
    ///
    /// Those of `read`, and those of [`poll_readable`](Self::poll_readable).
    pub fn poll_read_with<R>(
        &self,
        cx: &mut Context<'_>,
        read: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(cx, Direction::Read, read)
    }

    /// As [`poll_read_with`](Self::poll_read_with), for a stream of bytes like TCP's and a `read` that answers how many
    /// it has read: `room` at most.
    ///
    /// One that brings less has taken all that there was, so the next call waits without trying. It is not so when the
    /// other side has closed, or urgent data has come: that is remembered, and all calls are made. Nor is it so for
    /// sources that give a message at a time; do not use it for these.
    ///
    /// # Errors
    ///
    /// As for [`poll_read_with`](Self::poll_read_with).
    pub fn poll_read_up_to(
        &self,
        cx: &mut Context<'_>,
        room: usize,
        read: impl FnMut(&S) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let read = ready!(self.poll_with(cx, Direction::Read, read))?;
        // Nothing at all is the end, which may not have been reported yet; who asks again shall see it again.
        if (1..room).contains(&read) {
            self.stay.set.sources.borrow_mut().drained(self.stay.token);
        }
        Poll::Ready(Ok(read))
    }

    /// Calls `write` when the source may be written to, and waits for as long as it answers `WouldBlock`.
    ///
    /// # Errors
    ///
    /// Those of `write`, and those of [`poll_writable`](Self::poll_writable).
    pub fn poll_write_with<R>(
        &self,
        cx: &mut Context<'_>,
        write: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        self.poll_with(cx, Direction::Write, write)
    }

    fn poll_with<R>(
        &self,
        cx: &mut Context<'_>,
        direction: Direction,
        mut call: impl FnMut(&S) -> io::Result<R>,
    ) -> Poll<io::Result<R>> {
        loop {
            ready!(self.poll_ready(cx, direction))?;
            match call(self.source()) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.stay.set.sources.borrow_mut().clear(self.stay.token, direction);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return Poll::Ready(result),
            }
        }
    }

    fn poll_ready(&self, cx: &mut Context<'_>, direction: Direction) -> Poll<io::Result<()>> {
        let Stay { set, token, .. } = &self.stay;
        let answer = set.sources.borrow_mut().ask(*token, direction, cx.waker());
        match answer {
            Answer::Ready => Poll::Ready(Ok(())),
            Answer::Waiting => Poll::Pending,
            Answer::NotReady => {
                // Cloned before the table is borrowed, and the old one dropped after: both run code of others.
                let waiter = cx.waker().clone();
                let old = set.sources.borrow_mut().wait(*token, direction, waiter);
                drop(old);
                Poll::Pending
            }
            Answer::Closed => Poll::Ready(Err(io::Error::new(
                io::ErrorKind::NotConnected,
                "the wait that watched this source is gone",
            ))),
        }
    }
}

impl Stay {
    fn unwatch(&mut self, source: &impl AsFd) {
        if std::mem::take(&mut self.watched) {
            // Refused only when the source has changed its descriptor against the rule above; the generation then
            // still keeps its readiness from others.
            let descriptor = source.as_fd().as_raw_fd();
            _ = self.set.poller.borrow().registry().deregister(&mut SourceFd(&descriptor));
        }
    }
}

impl<S: AsFd> Drop for Registration<S> {
    fn drop(&mut self) {
        if let Some(source) = &self.source {
            self.stay.unwatch(source);
        }
    }
}

impl Drop for Stay {
    fn drop(&mut self) {
        let waiters = self.set.sources.borrow_mut().remove(self.token);
        drop(waiters);
    }
}

impl<S: AsFd + fmt::Debug> fmt::Debug for Registration<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registration").field("source", &self.source).finish_non_exhaustive()
    }
}
