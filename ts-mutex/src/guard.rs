//! What holding a mutex means: a value that exists only on the thread that holds it.
//!
//! # Rules
//! * A guard is made right after its level was taken and nowhere else; `Guarded` relies on it.
//! * It is neither `Send` nor `Sync`, so whoever sees a guard is on the thread that holds the mutex.
//! * Dropping it ends one level. The last level gives the mutex back, also when a panic drops it: there is no poison.

use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::ptr;

use ts_thread::fence;

use crate::diagnostics;
use crate::proxy::ProxyMutex;
use crate::raw::Core;

/// One level of holding a [`ProxyMutex`]; dropping it ends that level.
///
/// A guard stays on its thread. It gives access to nothing by itself: data that belongs to the mutex lies in
/// [`Guarded`](crate::Guarded), which asks for the guard.
///
/// A guard that is dropped while another simulated context runs than the one that took it ends that one's level, as
/// it should; but a context cannot re-enter on the strength of a guard that another one took.
#[must_use = "dropping the guard at once gives the mutex back at once"]
pub struct MutexGuard<'a> {
    mutex: &'a ProxyMutex,
    /// Behind `mutex`. Kept, since what a level changes makes the compiler look for it there again.
    core: &'a Core,
    /// Neither `Send` nor `Sync`.
    _here: PhantomData<*mut ()>,
}

impl<'a> MutexGuard<'a> {
    /// The guard of a level of `mutex` that the caller has just taken and has not given to another guard. `core` is the
    /// mutex's.
    #[inline(always)]
    pub(crate) fn new(mutex: &'a ProxyMutex, core: &'a Core) -> Self {
        debug_assert!(ptr::eq(mutex.core(), core));
        Self { mutex, core, _here: PhantomData }
    }

    /// Whether it is a level of `mutex`.
    #[inline(always)]
    pub(crate) fn is_of(&self, mutex: &ProxyMutex) -> bool {
        ptr::eq(self.core, mutex.core())
    }

    /// The mutex that is held.
    #[inline]
    pub fn mutex(&self) -> &'a ProxyMutex {
        self.mutex
    }

    /// Ends the level here, as dropping it would.
    ///
    /// The place of this call is named when the mutex was held for too long, see [`diagnostics`]; the place where
    /// a guard goes out of scope is not known.
    #[track_caller]
    #[inline]
    pub fn unlock(self) {
        let guard = std::mem::ManuallyDrop::new(self);
        guard.end(Some(Location::caller()));
    }

    /// Ends the level here, as [`unlock`](Self::unlock) does, but names `place` instead of the place of this call: for those
    /// who hold mutexes on behalf of others.
    #[inline(always)]
    pub fn unlock_at(self, place: &'static Location<'static>) {
        let guard = std::mem::ManuallyDrop::new(self);
        guard.end(Some(place));
    }

    /// Whether somebody waits for the mutex, as far as is known; see [`ProxyMutex::has_waiters`].
    #[inline(always)]
    pub fn is_wanted(&self) -> bool {
        self.core.is_anybody_queued()
    }

    /// Goes over to another handle of the same mutex, with the level: for those whose first handle goes away. False if it is of
    /// another mutex; then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = ts_mutex::ProxyMutex::new();
    /// let (handle, other) = (mutex.clone(), ts_mutex::ProxyMutex::new());
    /// let mut guard = mutex.lock();
    /// assert!(guard.go_over_to(&handle));
    /// assert!(!guard.go_over_to(&other));
    /// assert_eq!(mutex.depth(), 1);
    /// ```
    #[inline(always)]
    #[must_use = "it may be of another mutex"]
    pub fn go_over_to(&mut self, handle: &'a ProxyMutex) -> bool {
        let is_same = self.is_of(handle);
        if is_same {
            self.mutex = handle;
        }
        is_same
    }

    /// Ends the level as dropping it does, for loops that know how fences are and that nobody was waiting when they last
    /// looked ([`is_wanted`](Self::is_wanted)). Diagnostics do not hear of it.
    ///
    /// If somebody waits by now, he is called after the mutex is free instead of before, and others may be first.
    #[inline(always)]
    pub fn unlock_knowing(self, fence: fence::Asymmetric) {
        let guard = std::mem::ManuallyDrop::new(self);
        if guard.core.shallower() {
            guard.mutex.release_knowing(guard.core, fence);
        }
    }

    #[inline(always)]
    fn end(&self, place: Option<&'static Location<'static>>) {
        if self.core.shallower() {
            if diagnostics::is_checking() {
                self.mutex.release_checked(place);
            } else {
                self.mutex.release(self.core);
            }
        }
    }
}

impl Drop for MutexGuard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.end(None);
    }
}

impl fmt::Debug for MutexGuard<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutexGuard").field("mutex", self.mutex).finish()
    }
}
