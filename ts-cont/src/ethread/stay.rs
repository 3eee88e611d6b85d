//! The mutex that a loop keeps between one event and the next, so that many short handlers under one mutex share one
//! acquisition.
//!
//! # Rules
//! * A mutex is kept from one handler to the next only. Before anything else the loop does, be it another mutex, work that is
//!   no event, or waiting, it is given back; and also as soon as a handler has returned and somebody waits for it.
//! * The guard is made by the handle of the mutex that the continuation under dispatch has. When the next one has the mutex
//!   too, the guard goes over to its handle, since the first may be freed then.
//!
//! To keep it without a look at those who wait would save a load, and make an unlock as late as the end of the budget.

use crate::cell::CellRef;
use std::cell::UnsafeCell;
use std::hint::cold_path;
use std::mem::MaybeUninit;
use std::ptr;
use ts_mutex::{MutexGuard, ProxyMutex};
use ts_thread::ContextId;
use ts_thread::fence::Asymmetric;

/// Where the guard of a [`Stay`] is: events point at it.
pub(super) struct Guard(UnsafeCell<MaybeUninit<MutexGuard<'static>>>);

impl Default for Guard {
    fn default() -> Self {
        Self(UnsafeCell::new(MaybeUninit::uninit()))
    }
}

impl Guard {
    /// The address.
    pub(super) fn place(&self) -> *const MutexGuard<'static> {
        self.0.get().cast_const().cast()
    }
}

/// A mutex that may be held.
pub(super) struct Stay<'a> {
    /// The continuation at whose handle the mutex is held; none if none is.
    cell: Option<CellRef>,
    /// If one is, the level, by a handle that in truth goes away with its continuation; see [`Stay::at`].
    guard: &'a Guard,
    me: ContextId,
    fence: Asymmetric,
}

impl<'a> Stay<'a> {
    /// Nothing is held.
    ///
    /// # Safety
    ///
    /// `me` is the context that runs, and it stays so whenever a method is called; `guard` is this one's alone.
    pub(super) unsafe fn new(guard: &'a Guard, me: ContextId, fence: Asymmetric) -> Self {
        Self { cell: None, guard, me, fence }
    }

    /// Holds the mutex of `cell`, if it can be had; gives back another one. False if it cannot: then nothing is held.
    ///
    /// # Safety
    ///
    /// It is a continuation with a mutex, and lives until the next call of this for another one, or until the mutex is given
    /// back.
    #[inline(always)]
    pub(super) unsafe fn at(&mut self, cell: CellRef) -> bool {
        if self.cell == Some(cell) {
            return true;
        }
        // SAFETY: it has one, and lives until then; so does its handle.
        let mutex: &'static ProxyMutex = unsafe { &*ptr::from_ref(cell.get().mutex().unwrap_unchecked()) };
        if self.cell.is_some() {
            // SAFETY: a mutex is held, so there is a guard; handlers, who read it, have returned.
            if unsafe { (*self.guard.0.get()).assume_init_mut() }.go_over_to(mutex) {
                self.cell = Some(cell);
                return true;
            }
            self.end();
        } else {
            cold_path();
        }
        // SAFETY: this is the context that runs, said whoever made this.
        let Some(guard) = (unsafe { mutex.try_lock_as(self.me) }) else { return false };
        // SAFETY: this is the only one that writes there, and handlers, who read it, have returned.
        unsafe { (*self.guard.0.get()).write(guard) };
        self.cell = Some(cell);
        true
    }

    /// Whether somebody waits for the mutex.
    ///
    /// # Safety
    ///
    /// It is held at the handle of `cell`, which is alive.
    #[inline(always)]
    pub(super) unsafe fn is_wanted_at(&self, cell: CellRef) -> bool {
        debug_assert!(self.cell == Some(cell));
        // SAFETY: then it has a mutex.
        unsafe { cell.get().mutex().unwrap_unchecked() }.has_waiters()
    }

    /// Gives the mutex back because somebody waits for it.
    #[inline(always)]
    pub(super) fn hand_over(&mut self) {
        #[cold]
        #[inline(never)]
        fn unlock(guard: Option<MutexGuard<'static>>) {
            drop(guard);
        }
        unlock(self.take());
    }

    /// Gives the mutex back if it is held.
    #[inline(always)]
    pub(super) fn end(&mut self) {
        if let Some(guard) = self.take() {
            guard.unlock_knowing(self.fence);
        }
    }

    #[inline(always)]
    fn take(&mut self) -> Option<MutexGuard<'static>> {
        self.cell.take()?;
        // SAFETY: a mutex was held, so there is a guard; it is taken once.
        Some(unsafe { (*self.guard.0.get()).assume_init_read() })
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        drop(self.take());
    }
}
