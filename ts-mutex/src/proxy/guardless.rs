//! Levels and handles without a value that stands for them: for C interfaces and tables of functions.
//!
//! # Rules
//! * A raw level is ended by [`ProxyMutex::raw_unlock`] alone, and that ends no other.
//! * A handle that was made a pointer keeps its share in the mutex.

use std::panic::Location;
use std::ptr::NonNull;

use super::ProxyMutex;
use crate::diagnostics;
use crate::error::RawUnlockError;
use crate::guard::MutexGuard;
use crate::shared::Shared;
use crate::word;

impl ProxyMutex {
    /// Takes a raw level, like [`lock`](Self::lock), which [`raw_unlock`](Self::raw_unlock) ends.
    ///
    /// For C interfaces, where no guard can be kept.
    ///
    /// # Panics
    ///
    /// As [`lock`](Self::lock), and at the 2¹⁶-th raw level.
    #[track_caller]
    pub fn raw_lock(&self) {
        self.enter_for_good(self.core());
        self.core().mark_raw();
    }

    /// Takes a raw level, like [`try_lock`](Self::try_lock), which [`raw_unlock`](Self::raw_unlock) ends; false if it could
    /// not.
    ///
    /// # Panics
    ///
    /// At the 2³²-th level, and at the 2¹⁶-th raw one.
    #[track_caller]
    pub fn raw_try_lock(&self) -> bool {
        let taken = self.enter(self.core());
        if taken {
            self.core().mark_raw();
        }
        taken
    }

    /// Ends a raw level, and gives the mutex back if it was the last level.
    ///
    /// Raw levels and guards may be nested in any order; each kind ends only its own.
    ///
    /// # Errors
    ///
    /// The caller does not hold the mutex, or only through guards. Then nothing has changed.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_mutex::{ProxyMutex, RawUnlockError};
    ///
    /// let mutex = ProxyMutex::new();
    /// mutex.raw_lock();
    /// let guard = mutex.lock();
    /// assert_eq!(mutex.raw_unlock(), Ok(()));
    /// assert_eq!(mutex.raw_unlock(), Err(RawUnlockError::OnlyGuards));
    /// drop(guard);
    /// assert_eq!(mutex.raw_unlock(), Err(RawUnlockError::NotHeld));
    /// ```
    #[track_caller]
    pub fn raw_unlock(&self) -> Result<(), RawUnlockError> {
        if !self.held_by_current() {
            return Err(match word::holder(self.core().peek()) {
                0 => RawUnlockError::NotHeld,
                _ => RawUnlockError::HeldByOther,
            });
        }
        if !self.core().unmark_raw() {
            return Err(RawUnlockError::OnlyGuards);
        }
        if self.core().shallower() {
            if diagnostics::is_checking() {
                self.release_checked(Some(Location::caller()));
            } else {
                self.release(self.core());
            }
        }
        Ok(())
    }

    /// Ends a level whose guard was forgotten with [`std::mem::forget`], for tables of functions through which no guard can
    /// be passed. Unlike a raw level it is a guard's, so that no [`raw_unlock`](Self::raw_unlock) can end it.
    ///
    /// # Safety
    ///
    /// The calling context holds such a level, and ends it once.
    ///
    /// # Examples
    ///
    /// ```
    /// let mutex = ts_mutex::ProxyMutex::new();
    /// std::mem::forget(mutex.lock());
    /// assert!(mutex.raw_unlock().is_err());
    /// // SAFETY: the guard was forgotten above.
    /// unsafe { mutex.unlock_forgotten() };
    /// assert!(!mutex.is_locked());
    /// ```
    pub unsafe fn unlock_forgotten(&self) {
        drop(MutexGuard::new(self, self.core()));
    }

    /// Turns the handle into a pointer that keeps its share in the mutex, for tables of functions.
    pub fn into_raw(self) -> NonNull<()> {
        self.0.into_raw()
    }

    /// The handle that [`into_raw`](Self::into_raw) turned into a pointer.
    ///
    /// # Safety
    ///
    /// The pointer came from `into_raw` and is made a handle once for each such call.
    ///
    /// # Examples
    ///
    /// ```
    /// use ts_mutex::ProxyMutex;
    ///
    /// let mutex = ProxyMutex::new();
    /// let raw = mutex.clone().into_raw();
    /// // SAFETY: it is made a handle once.
    /// assert_eq!(unsafe { ProxyMutex::from_raw(raw) }, mutex);
    /// ```
    pub unsafe fn from_raw(raw: NonNull<()>) -> Self {
        // SAFETY: as the caller says.
        Self(unsafe { Shared::from_raw(raw) })
    }
}
