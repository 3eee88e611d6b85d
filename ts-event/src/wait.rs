//! The wait at the end of a turn, as a small trait, so that a server can bring its own.
//!
//! A thread whose queue is empty waits until its next deadline, until another thread wakes it or, where it watches
//! any, until a source of I/O is ready. [`ParkWait`](crate::ParkWait) knows the first two and
//! [`PollWait`](crate::PollWait) all three.
//!
//! # Rules
//! * A wake-up is a token: given before the wait, it ends the next wait at once; given twice, it counts once.
//! * A wake-up happens before the return of the wait that it ends: whatever the waker wrote before is visible.
//! * A wait never ends before its deadline unless woken or unless I/O is ready, and an idle thread is never woken.

use std::io;
use std::sync::Arc;

use ts_thread::HrTime;

use crate::poller::Io;

/// How one thread waits when it has nothing to do. All but the [`Wakeup`] stays on that thread.
pub trait Wait {
    /// Waits until woken, until `until` on the real clock (`None` and [`HrTime::MAX`]: no deadline), or until I/O is
    /// ready; tasks that wait for that I/O are woken before this returns.
    ///
    /// # Errors
    ///
    /// The operating system refused. Waiting again may succeed; nothing that was ready is lost.
    fn wait(&mut self, until: Option<HrTime>) -> io::Result<()>;

    /// Looks at I/O without waiting, and wakes the tasks that wait for what is ready. A busy loop calls this once a
    /// budget. Leaves the token of a wake-up alone. Does nothing where no I/O is watched.
    ///
    /// # Errors
    ///
    /// As for [`wait`](Self::wait).
    fn visit(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// The handle by which other threads end the wait.
    fn wakeup(&self) -> Arc<dyn Wakeup>;

    /// Where this thread's I/O is registered; `None` when this kind of wait watches no I/O.
    fn io(&self) -> Option<Io> {
        None
    }
}

/// Ends another thread's [`Wait::wait`]. Any thread may hold one and call it at any time, also after the waiting
/// thread has gone.
pub trait Wakeup: Send + Sync {
    /// Gives the token: the wait that goes on, or else the next one, ends at once.
    fn wakeup(&self);
}
