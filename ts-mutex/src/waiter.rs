//! Waiting without blocking: who is told, and how.
//!
//! A [`Waiter`] stands in the queue of at most one mutex. When the mutex is given back, its [`Wake`] is called by the
//! thread that gave it back; then it tries again.
//!
//! # Rules
//! * A waiter that was called has to try again, to leave or to decline, soon: others may rely on it. Dropping it is
//!   leaving. One that declines has to try again when it can.
//! * It keeps its place and its age until it gets the mutex or leaves, however often it tries.
//! * One that was called and came too late may keep the call and nap: it tries again by itself, soon. Until then nobody has
//!   to call it, so giving the mutex back is cheap.
//! * After it has waited longer than [`FAIR_SLICE`] the mutex is reserved for it, unless its thread is busy.
//!
//! A waiter could be the queue's own node, linked in place. It would save an allocation for each wait, and cost pinning
//! and a good deal of unsafe code; those that wait are on the slow path already.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ts_thread::{Clock, HrTime, Unparker};

use crate::proxy::ProxyMutex;
use crate::run::TaskWake;

/// For how long a mutex may be taken by others over the head of its oldest waiter: 500 µs.
///
/// Handing a mutex over costs a thread switch, 5 to 50 µs, in which nobody has it. If that is done every time, the
/// waiters form a convoy and the mutex spends its life in being handed over. Once in 500 µs, it costs a tenth at the worst,
/// and half a millisecond is still far less than anybody notices.
pub const FAIR_SLICE: Duration = Duration::from_micros(500);

/// How a waiter is told that it should try again.
///
/// For event loops: `wake` puts a note where the loop finds it, and wakes its thread.
pub trait Wake: Send + Sync {
    /// Tells the waiter to try again.
    ///
    /// Called by the thread that gives the mutex back, after it did, with no lock of this crate held. It must not block
    /// and must not panic: the unlocking thread has other things to do, and a panic would come out of its unlock.
    /// It may be called again before the waiter has tried, and once more, late, after the waiter has left.
    fn wake(&self);

    /// Whether the waiter's thread is inside another handler just now, so that it cannot try at once.
    ///
    /// A busy waiter is woken, but the next one is woken too, and the mutex is not reserved for it. Called by the
    /// unlocking thread with the queue's lock held, so it should only read a flag. It is asked again after `wake` and
    /// a [`heavy`](ts_thread::fence::heavy) fence: a thread that first says that it is busy, then runs a
    /// [`light`](ts_thread::fence::light) fence, and then looks for wakes, cannot be missed. Before it turns to anything
    /// long, it should see to the wakes it finds: try again, or [`decline`](Waiter::decline).
    fn is_busy(&self) -> bool {
        false
    }
}

/// Whom to tell.
#[derive(Clone)]
pub(crate) enum Target {
    /// A thread that is parked until it gets the mutex.
    Thread(Unparker),
    /// Somebody's event loop.
    Loop(Arc<dyn Wake>),
    /// A future.
    Task(Arc<TaskWake>),
}

impl Target {
    pub(crate) fn wake(&self) {
        match self {
            Self::Thread(unparker) => {
                unparker.unpark();
            }
            Self::Loop(wake) => wake.wake(),
            Self::Task(wake) => wake.wake(),
        }
    }

    pub(crate) fn is_busy(&self) -> bool {
        match self {
            Self::Loop(wake) => wake.is_busy(),
            Self::Thread(_) | Self::Task(_) => false,
        }
    }

    pub(crate) fn can_be_busy(&self) -> bool {
        matches!(self, Self::Loop(_))
    }

    /// A future may be left unpolled for ever while its owner waits for something else, perhaps for this very
    /// mutex. So it is called in its turn, but the mutex is not kept for it.
    pub(crate) fn can_keep_a_reservation(&self) -> bool {
        !matches!(self, Self::Task(_))
    }
}

/// Somebody who can wait for a mutex without blocking; used with [`ProxyMutex::try_lock_or_wait`].
///
/// It is made once and used again and again, for one mutex at a time. It may be sent to another thread, also while it
/// waits.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicBool, Ordering};
/// use ts_mutex::{ProxyMutex, Wake, Waiter};
/// use ts_thread::{Clock, SimulatedContext};
///
/// struct Note(AtomicBool);
/// impl Wake for Note {
///     fn wake(&self) {
///         self.0.store(true, Ordering::Release);
///     }
/// }
///
/// // Two contexts on one thread, to show it step by step. Event loops on threads of their own do the same.
/// let (holder, other) = (SimulatedContext::new("holder"), SimulatedContext::new("other"));
/// let mutex = ProxyMutex::new();
/// let note = Arc::new(Note(AtomicBool::new(false)));
/// let waiter = Waiter::new(note.clone(), Clock::real());
///
/// let guard = holder.enter(|| mutex.lock());
/// other.enter(|| assert!(mutex.try_lock_or_wait(&waiter).is_none()));
/// assert!(waiter.is_waiting());
///
/// holder.enter(|| drop(guard));
/// assert!(note.0.load(Ordering::Acquire), "it is told to try again");
/// other.enter(|| assert!(mutex.try_lock_or_wait(&waiter).is_some()));
/// assert!(!waiter.is_waiting());
/// ```
pub struct Waiter {
    pub(crate) target: Target,
    pub(crate) clock: Clock,
    pub(crate) patience: Duration,
    /// Which mutex, and with which ticket. The other half is the place in that mutex's queue. The cell also keeps a
    /// waiter from being shared between threads: whoever uses it looks here first and queues then.
    stands: RefCell<Option<(ProxyMutex, u64)>>,
    /// When it tries again by itself, if it was called, came too late and kept the call.
    pub(crate) naps_until: Cell<Option<HrTime>>,
}

impl Waiter {
    /// A waiter that is told through `wake` and whose age is measured by `clock`.
    pub fn new(wake: Arc<dyn Wake>, clock: Clock) -> Self {
        Self::with(Target::Loop(wake), clock)
    }

    /// Has the mutex reserved for it after `slice` instead of [`FAIR_SLICE`]: sooner for a shorter wait, later for fewer
    /// hand-overs. It counts from the next time that the waiter queues.
    #[must_use]
    pub fn fair_slice(mut self, slice: Duration) -> Self {
        self.patience = slice;
        self
    }

    pub(crate) fn with(target: Target, clock: Clock) -> Self {
        Self { target, clock, patience: FAIR_SLICE, stands: RefCell::new(None), naps_until: Cell::new(None) }
    }

    /// Whether it stands in a queue.
    ///
    /// It does from the time when an attempt fails until it gets the mutex or leaves; being called changes nothing.
    pub fn is_waiting(&self) -> bool {
        self.stands.borrow().is_some()
    }

    /// Whether it stands in the queue of `mutex`.
    pub fn is_waiting_for(&self, mutex: &ProxyMutex) -> bool {
        self.stands.borrow().as_ref().is_some_and(|(stands, _)| stands == mutex)
    }

    /// When it has to try again without being told; none if it will be told, or does not wait.
    ///
    /// By its own clock. Only [`ProxyMutex::try_lock_or_nap`] makes it so, see there.
    pub fn naps_until(&self) -> Option<HrTime> {
        self.naps_until.get()
    }

    /// Leaves the queue of `mutex`; false if it was not there.
    ///
    /// If the mutex was reserved for it, or if it was called and has not tried since, the next one is told. This may
    /// run functions that were queued with [`ProxyMutex::when_free`].
    pub fn leave(&self, mutex: &ProxyMutex) -> bool {
        let stands = self.stands.borrow_mut().take_if(|(stands, _)| stands == mutex);
        stands.is_some_and(|(mutex, ticket)| {
            self.naps_until.set(None);
            mutex.leave(ticket);
            true
        })
    }

    /// Passes on what it was called for, without leaving the queue of `mutex`; false if it has not been called since it last
    /// tried.
    ///
    /// For a thread that is about to do something long and was told of a mutex which it will not try before. The next
    /// waiter is told, and a reservation ends; this one keeps its place and its age. It counts as called, and so is not
    /// called again: it has to try, to decline again or to leave when it can. In a queue with nobody else it gives up the
    /// reservation only. This may run functions that were queued with [`ProxyMutex::when_free`].
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use ts_mutex::{FAIR_SLICE, ProxyMutex, Waiter, Wake};
    /// # use ts_thread::{ManualClock, SimulatedContext};
    /// # struct Note;
    /// # impl Wake for Note {
    /// #     fn wake(&self) {}
    /// # }
    /// # let (holder, other) = (SimulatedContext::new("holder"), SimulatedContext::new("other"));
    /// let (mutex, clock) = (ProxyMutex::new(), ManualClock::new());
    /// let waiter = Waiter::new(Arc::new(Note), clock.clock());
    /// let guard = holder.enter(|| mutex.lock());
    /// other.enter(|| assert!(mutex.try_lock_or_wait(&waiter).is_none()));
    /// clock.advance(2 * FAIR_SLICE);
    /// holder.enter(|| drop(guard));
    /// assert!(mutex.is_locked(), "kept for the waiter");
    ///
    /// assert!(waiter.decline(&mutex));
    /// assert!(!mutex.is_locked() && waiter.is_waiting());
    /// ```
    pub fn decline(&self, mutex: &ProxyMutex) -> bool {
        // The cell is not borrowed while foreign code runs.
        let ticket =
            self.stands.borrow().as_ref().filter(|(stands, _)| stands == mutex).map(|(_, ticket)| *ticket);
        ticket.is_some_and(|ticket| mutex.decline(ticket))
    }

    /// The ticket for `mutex`, if it waits for that.
    ///
    /// # Panics
    ///
    /// If it waits for another mutex.
    #[track_caller]
    pub(crate) fn ticket(&self, mutex: &ProxyMutex) -> Option<u64> {
        self.stands.borrow().as_ref().map(|(stands, ticket)| {
            assert!(stands == mutex, "a waiter that waits for {stands:?} cannot wait for {mutex:?} as well");
            *ticket
        })
    }

    /// Notes that it now stands in the queue of `mutex`.
    pub(crate) fn enqueued(&self, mutex: &ProxyMutex, ticket: u64) {
        *self.stands.borrow_mut() = Some((mutex.clone(), ticket));
    }

    /// Notes that it got the mutex and has no place any more.
    pub(crate) fn done(&self) {
        self.stands.take();
    }
}

impl Drop for Waiter {
    /// Leaves the queue, as [`leave`](Waiter::leave) does.
    fn drop(&mut self) {
        if let Some((mutex, ticket)) = self.stands.take() {
            mutex.leave(ticket);
        }
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter")
            .field("waits_for", &self.stands.borrow().as_ref().map(|(mutex, _)| mutex))
            .finish()
    }
}
