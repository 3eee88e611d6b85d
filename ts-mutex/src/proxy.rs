//! The handle: what people call a mutex here.
//!
//! # Rules
//! * All clones of a handle are the same mutex; it lives as long as one of them.
//! * The first level is taken in `raw.rs`, or in `contended.rs` if that needs a queue; `proxy/enter.rs` decides which.
//!
//! A lock that owns its data, as std's does, would not do: in an event system one mutex guards many things made at
//! different times. What belongs to it says so, see [`Guarded`](crate::Guarded).

mod enter;
mod guardless;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::panic::{Location, RefUnwindSafe, UnwindSafe};
use std::sync::atomic::Ordering::Relaxed as CounterRelaxed;
use std::time::Duration;

use ts_thread::{ContextId, HrTime};

use crate::counts::MutexCounts;
use crate::guard::MutexGuard;
use crate::lazy::Lazy;
use crate::queue::Cold;
use crate::raw::{Core, Entered};
use crate::run::Run;
use crate::shared::Shared;
use crate::waiter::Waiter;
use crate::word::{self, FREE};

/// A recursive mutex that knows its holder and tells its waiters; a handle that is shared by cloning.
///
/// A context (a thread, or a simulated one) that holds it may take it again; it is given back when as many levels have
/// ended. Any thread may call every function. Two handles are equal if they are the same mutex.
///
/// If a panic ends the last level, the mutex is given back like at any other time; there is no poison.
///
/// # Examples
///
/// ```
/// use ts_mutex::ProxyMutex;
///
/// let mutex = ProxyMutex::named("session");
/// let outer = mutex.lock();
/// let inner = mutex.try_lock().expect("we hold it already");
/// assert_eq!(mutex.depth(), 2);
/// drop(outer);
/// assert!(mutex.held_by_current());
/// drop(inner);
/// assert!(!mutex.is_locked());
/// ```
#[derive(Clone)]
pub struct ProxyMutex(Shared);

// The plain fields are the depth of either kind, and no step that can panic leaves it wrong.
impl UnwindSafe for ProxyMutex {}
impl RefUnwindSafe for ProxyMutex {}

impl ProxyMutex {
    /// A mutex that nobody holds: 32 bytes of a pool.
    pub fn new() -> Self {
        Self(Shared::new(Core::new(Lazy::new())))
    }

    /// A mutex with a name for reports and `Debug`.
    ///
    /// It costs a second allocation, which other mutexes make when they are first missed.
    pub fn named(name: &'static str) -> Self {
        Self(Shared::new(Core::new(Lazy::with(Cold::new(Some(name))))))
    }

    /// The name that was given to it.
    pub fn name(&self) -> Option<&'static str> {
        self.core().cold_if_any().and_then(|cold| cold.name)
    }

    /// A number that no other mutex has while this one lives: its address.
    #[inline(always)]
    pub fn id(&self) -> usize {
        self.0.address()
    }

    /// Whether the two are the same mutex. So says `==`.
    #[inline]
    pub fn ptr_eq(&self, other: &Self) -> bool {
        self.id() == other.id()
    }

    #[inline(always)]
    pub(crate) fn core(&self) -> &Core {
        &self.0
    }

    /// Takes the mutex, or one more level of it, if that needs no waiting.
    ///
    /// `None` if another context holds it, or if it is reserved for somebody who has waited for too long.
    ///
    /// # Panics
    ///
    /// At the 2³²-th level, like all functions that take the mutex.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = ts_mutex::ProxyMutex::new();
    /// let guard = mutex.lock();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| assert!(mutex.try_lock().is_none()));
    /// });
    /// drop(guard);
    /// assert!(mutex.try_lock().is_some());
    /// ```
    #[track_caller]
    #[inline]
    pub fn try_lock(&self) -> Option<MutexGuard<'_>> {
        let core = self.core();
        if self.enter(core) { Some(MutexGuard::new(self, core)) } else { None }
    }

    /// Takes the mutex, or one more level of it; blocks while another context holds it.
    ///
    /// Those that block stand in the same queue as those that wait otherwise, see [`Waiter`].
    ///
    /// # Panics
    ///
    /// In a simulated context, if it would have to block: the contexts of one OS thread take turns, and nobody could
    /// give the mutex back. A thread that blocks for a mutex which a simulated context of its own holds is not
    /// found out, and blocks for ever.
    #[track_caller]
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_> {
        let core = self.core();
        self.enter_for_good(core);
        MutexGuard::new(self, core)
    }

    /// Takes the mutex like [`lock`](Self::lock), but gives up at a deadline of the real clock.
    ///
    /// `None` if the mutex could not be had until then. A deadline in the past asks once, one of [`HrTime::MAX`] never
    /// comes. A simulated context may call it, and blocks its OS thread.
    ///
    /// # Panics
    ///
    /// At the 2³²-th level.
    #[track_caller]
    pub fn lock_until(&self, deadline: HrTime) -> Option<MutexGuard<'_>> {
        let core = self.core();
        if self.enter_blocking(core, deadline) { Some(MutexGuard::new(self, core)) } else { None }
    }

    /// Takes the mutex, or one more level of it, if that needs no waiting; otherwise queues `waiter`.
    ///
    /// After `None`, the waiter stands in the queue and will be called when the mutex is given back; then this is to be
    /// called again. In vain again, it keeps its place and its age. A waiter that had waited leaves the queue when
    /// it gets the mutex.
    ///
    /// # Panics
    ///
    /// If the waiter waits for another mutex, and at the 2³²-th level.
    ///
    /// # Examples
    ///
    /// See [`Waiter`].
    #[track_caller]
    #[inline]
    pub fn try_lock_or_wait<'a>(&'a self, waiter: &Waiter) -> Option<MutexGuard<'a>> {
        self.enter_or_wait(waiter, Location::caller(), Duration::ZERO)
            .then(|| MutexGuard::new(self, self.core()))
    }

    /// As [`try_lock`](Self::try_lock), for those who take mutexes on behalf of others: reports say that it was taken at
    /// `place`.
    ///
    /// # Panics
    ///
    /// At the 2³²-th level, like all functions that take the mutex.
    #[inline]
    pub fn try_lock_at(&self, place: &'static Location<'static>) -> Option<MutexGuard<'_>> {
        let core = self.core();
        if self.enter_at(core, place) {
            Some(MutexGuard::new(self, core))
        } else {
            self.count_miss();
            None
        }
    }

    /// As [`try_lock`](Self::try_lock), for loops that know which context they are. Diagnostics do not hear of it: ask
    /// [`diagnostics::checks`](crate::diagnostics::checks) before the loop.
    ///
    /// # Panics
    ///
    /// At the 2³²-th level, like all functions that take the mutex.
    ///
    /// # Safety
    ///
    /// `me` is the context that runs.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = ts_mutex::ProxyMutex::new();
    /// let me = ts_thread::current_id();
    /// // SAFETY: it was asked just now.
    /// let guard = unsafe { mutex.try_lock_as(me) }.expect("nobody else has seen it");
    /// assert!(mutex.held_by_current());
    /// # drop(guard);
    /// ```
    #[inline(always)]
    pub unsafe fn try_lock_as(&self, me: ContextId) -> Option<MutexGuard<'_>> {
        let core = self.core();
        match core.enter_as(me.get()) {
            Entered::First | Entered::Again => Some(MutexGuard::new(self, core)),
            Entered::Busy => {
                self.count_miss();
                None
            }
        }
    }

    /// As [`try_lock_or_wait`](Self::try_lock_or_wait), for those who take mutexes on behalf of others: reports say that it
    /// was taken at `place`.
    ///
    /// # Panics
    ///
    /// If the waiter waits for another mutex.
    pub fn try_lock_or_wait_at<'a>(
        &'a self,
        waiter: &Waiter,
        place: &'static Location<'static>,
    ) -> Option<MutexGuard<'a>> {
        self.enter_or_wait(waiter, place, Duration::ZERO).then(|| MutexGuard::new(self, self.core()))
    }

    /// As [`try_lock_or_wait`](Self::try_lock_or_wait), but if the waiter was told and comes too late, it is not told again for
    /// every time that the mutex is given back: it naps, and has to try again by itself after `nap`.
    ///
    /// For threads with nothing else to do. A mutex that is taken again and again for a moment is hardly ever free when
    /// somebody who was woken for it looks, and to wake him costs the holder more than the moment. Whether this attempt
    /// ended in a nap, and until when, says [`Waiter::naps_until`]: never beyond the time when the mutex is to be reserved,
    /// from when on it is told as ever. A nap of zero is none.
    ///
    /// Until then the waiter counts as called, and others may rely on it: before its thread turns to something else it has
    /// to try again, to [`decline`](Waiter::decline) or to leave.
    ///
    /// # Panics
    ///
    /// As [`try_lock_or_wait`](Self::try_lock_or_wait).
    ///
    /// # Examples
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use std::time::Duration;
    /// # use ts_mutex::{ProxyMutex, Waiter, Wake};
    /// # use ts_thread::{ManualClock, SimulatedContext};
    /// # struct Note;
    /// # impl Wake for Note {
    /// #     fn wake(&self) {}
    /// # }
    /// # let (holder, other) = (SimulatedContext::new("holder"), SimulatedContext::new("other"));
    /// let (mutex, clock) = (ProxyMutex::new(), ManualClock::new());
    /// let waiter = Waiter::new(Arc::new(Note), clock.clock());
    /// let misses = || other.enter(|| mutex.try_lock_or_nap(&waiter, Duration::from_micros(50)).is_none());
    ///
    /// let guard = holder.enter(|| mutex.lock());
    /// assert!(misses() && waiter.naps_until().is_none(), "it will be told");
    /// holder.enter(|| drop(guard));
    ///
    /// let _again = holder.enter(|| mutex.lock());
    /// assert!(misses() && waiter.naps_until().is_some(), "it was told, and came too late");
    /// ```
    #[track_caller]
    pub fn try_lock_or_nap<'a>(&'a self, waiter: &Waiter, nap: Duration) -> Option<MutexGuard<'a>> {
        self.try_lock_or_nap_at(waiter, nap, Location::caller())
    }

    /// [`try_lock_or_nap`](Self::try_lock_or_nap), for those who lock on behalf of others: reports name `place` instead of the
    /// place of this call.
    pub fn try_lock_or_nap_at<'a>(
        &'a self,
        waiter: &Waiter,
        nap: Duration,
        place: &'static Location<'static>,
    ) -> Option<MutexGuard<'a>> {
        self.enter_or_wait(waiter, place, nap).then(|| MutexGuard::new(self, self.core()))
    }

    /// Runs `f` under the mutex: at once if it can be had, otherwise when it is given back.
    ///
    /// In the second case it is run by the thread that gives the mutex back, right before it does, after all
    /// earlier ones and ahead of all waiters. `f` should be short: it makes others wait. It is dropped without having
    /// run if the mutex is never given back.
    ///
    /// # Panics
    ///
    /// When `f` runs at once and panics. A panic on another one's unlock ends there and is reported through `tracing`.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::sync::mpsc::channel;
    ///
    /// let mutex = ts_mutex::ProxyMutex::new();
    /// let (send, receive) = channel();
    /// let guard = mutex.lock();
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| mutex.when_free(move |_| send.send("dropped").unwrap()));
    /// });
    /// assert!(receive.try_recv().is_err());
    /// drop(guard);
    /// assert_eq!(receive.try_recv(), Ok("dropped"));
    /// ```
    #[track_caller]
    pub fn when_free(&self, f: impl FnOnce(&MutexGuard<'_>) + Send + 'static) {
        if self.enter_uncounted(self.core()) {
            f(&MutexGuard::new(self, self.core()));
        } else {
            self.send_errand(Box::new(f));
        }
    }

    /// Runs `f` under the mutex when it can be had, without blocking: a future.
    ///
    /// No guard lives across an await. Any executor will do; nothing happens before the first poll. Dropping the future
    /// gives its place in the queue up. As a future may be left unpolled, the mutex is never reserved for one, see
    /// [`Run`].
    ///
    /// # Examples
    ///
    /// ```
    /// use std::pin::pin;
    /// use std::task::{Context, Poll, Waker};
    ///
    /// let mutex = ts_mutex::ProxyMutex::new();
    /// let sum = pin!(async { mutex.run(|guard| guard.mutex().depth() + 1).await });
    /// assert_eq!(sum.poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(2));
    /// # use std::future::Future;
    /// ```
    pub fn run<F, R>(&self, f: F) -> Run<F>
    where
        F: FnOnce(&MutexGuard<'_>) -> R,
    {
        Run::new(self.clone(), f)
    }

    /// Whether the context that calls holds the mutex.
    #[inline]
    pub fn held_by_current(&self) -> bool {
        self.core().is_held_by_current()
    }

    /// Who holds the mutex, as a hint: it may have changed before the answer arrives, unless it is the caller.
    pub fn holder(&self) -> Option<ContextId> {
        ContextId::from_raw(word::holder(self.core().peek()))
    }

    /// How many levels the caller holds; 0 if it does not hold the mutex.
    pub fn depth(&self) -> u32 {
        if self.held_by_current() { self.core().depth() } else { 0 }
    }

    /// Whether the mutex is held or reserved, as a hint like [`holder`](Self::holder).
    pub fn is_locked(&self) -> bool {
        self.core().peek() != FREE
    }

    /// Whether somebody waits for the mutex, or a function of [`when_free`](Self::when_free) does, as a hint.
    ///
    /// One load of the line that the holder has in its cache. For long handlers that may be polite.
    #[inline(always)]
    pub fn has_waiters(&self) -> bool {
        self.core().is_anybody_queued()
    }

    /// How often the mutex was taken, missed and waited for. Any thread may ask; the three are read one after the other.
    pub fn counts(&self) -> MutexCounts {
        let cold = self.core().cold_if_any();
        MutexCounts {
            acquired: self.core().acquired(),
            missed: cold.map_or(0, |cold| cold.missed.load(CounterRelaxed)),
            waited: cold.map_or(0, |cold| cold.waited.load(CounterRelaxed)),
        }
    }
}

impl Default for ProxyMutex {
    fn default() -> Self {
        Self::new()
    }
}

impl PartialEq for ProxyMutex {
    fn eq(&self, other: &Self) -> bool {
        self.ptr_eq(other)
    }
}

impl Eq for ProxyMutex {}

impl Hash for ProxyMutex {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.id().hash(state);
    }
}

impl fmt::Debug for ProxyMutex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut debug = f.debug_struct("ProxyMutex");
        match self.name() {
            Some(name) => debug.field("name", &name),
            None => debug.field("id", &format_args!("{:#x}", self.id())),
        };
        debug.field("holder", &self.holder()).field("depth", &self.depth()).finish_non_exhaustive()
    }
}
