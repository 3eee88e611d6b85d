//! Data that belongs to a mutex.
//!
//! # Rules
//! * The data and the count of its borrows are touched only by somebody who shows a guard of *this* mutex, or who has the
//!   whole thing to himself. A guard exists on the holder's thread only, and so do the borrows made with it.
//! * The mutex is recursive, so two guards may exist on that thread, and with them two ways to the data. Therefore the
//!   borrows are counted, and a second one that would conflict is an error value.

use std::cell::Cell;
use std::fmt;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use ts_thread::sync::UnsafeCell;

use crate::error::GuardedError;
use crate::guard::MutexGuard;
use crate::proxy::ProxyMutex;

/// A value that may be touched only by the holder of one particular mutex.
///
/// # Examples
///
/// ```
/// use ts_mutex::{Guarded, GuardedError, ProxyMutex};
///
/// let mutex = ProxyMutex::new();
/// let hits = Guarded::new(&mutex, 0);
/// std::thread::scope(|scope| {
///     for _ in 0..2 {
///         scope.spawn(|| *hits.borrow_mut(&mutex.lock()).unwrap() += 1);
///     }
/// });
/// assert_eq!(hits.into_inner(), 2);
///
/// let other = ProxyMutex::new();
/// let value = Guarded::new(&mutex, 'x');
/// assert_eq!(value.borrow(&other.lock()).unwrap_err(), GuardedError::WrongMutex);
/// ```
pub struct Guarded<T: ?Sized> {
    mutex: ProxyMutex,
    /// -1: borrowed for writing; otherwise the number of borrows for reading. Changed by the holder only.
    borrows: Cell<isize>,
    value: UnsafeCell<T>,
}

const WRITING: isize = -1;

// SAFETY: moving it moves the value, and a handle, which is `Send`. While a borrow exists it cannot be moved.
unsafe impl<T: ?Sized + Send> Send for Guarded<T> {}
// SAFETY: through a shared reference, value and count are reached only with a guard of the mutex in hand (both borrow
// functions check that it is this one), so by one thread at a time, with all that earlier holders did behind it. So the
// value is never seen by two threads at once, as in a mutex, and `Send` is enough.
unsafe impl<T: ?Sized + Send> Sync for Guarded<T> {}

impl<T> Guarded<T> {
    /// Makes `value` belong to `mutex`.
    pub fn new(mutex: &ProxyMutex, value: T) -> Self {
        Self { mutex: mutex.clone(), borrows: Cell::new(0), value: UnsafeCell::new(value) }
    }

    /// Takes the value out. Nobody else can have it, so no guard is needed.
    pub fn into_inner(self) -> T {
        self.value.into_inner()
    }
}

impl<T: ?Sized> Guarded<T> {
    /// The mutex that the value belongs to.
    pub fn mutex(&self) -> &ProxyMutex {
        &self.mutex
    }

    /// Borrows the value for reading, for not longer than the guard lives.
    ///
    /// # Errors
    ///
    /// The guard is of another mutex, or the value is borrowed for writing further up on this thread's stack.
    #[inline]
    pub fn borrow<'a>(&'a self, guard: &'a MutexGuard<'_>) -> Result<Ref<'a, T>, GuardedError> {
        self.check(guard)?;
        let borrows = self.borrows.get();
        // At the end of the count lie borrows that were leaked; one more would be taken for a writing one.
        if borrows == WRITING || borrows == isize::MAX {
            return Err(GuardedError::AlreadyBorrowed);
        }
        self.borrows.set(borrows + 1);
        Ok(Ref { of: self, _here: PhantomData })
    }

    /// Borrows the value for writing, for not longer than the guard lives.
    ///
    /// # Errors
    ///
    /// The guard is of another mutex, or the value is borrowed further up on this thread's stack.
    #[inline]
    pub fn borrow_mut<'a>(&'a self, guard: &'a MutexGuard<'_>) -> Result<RefMut<'a, T>, GuardedError> {
        self.check(guard)?;
        if self.borrows.get() != 0 {
            return Err(GuardedError::AlreadyBorrowed);
        }
        self.borrows.set(WRITING);
        Ok(RefMut { of: self, _here: PhantomData })
    }

    /// The value, without a guard: the exclusive reference shows that nobody else can reach it.
    pub fn get_mut(&mut self) -> &mut T {
        // SAFETY: `&mut self`, and every borrow keeps a shared reference to `self`.
        self.value.with_mut(|value| unsafe { &mut *value })
    }

    #[inline]
    fn check(&self, guard: &MutexGuard<'_>) -> Result<(), GuardedError> {
        if guard.is_of(&self.mutex) { Ok(()) } else { Err(GuardedError::WrongMutex) }
    }
}

impl<T: ?Sized> fmt::Debug for Guarded<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guarded").field("mutex", &self.mutex).finish_non_exhaustive()
    }
}

/// A borrow of a [`Guarded`] value for reading.
pub struct Ref<'a, T: ?Sized> {
    of: &'a Guarded<T>,
    /// Neither `Send` nor `Sync`: the count is the holder's.
    _here: PhantomData<*mut ()>,
}

impl<T: ?Sized> Deref for Ref<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: counted as a borrow for reading, so no writing one exists; the guard it was made with outlives it, so
        // this thread holds the mutex and no other thread is here.
        self.of.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> Drop for Ref<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.of.borrows.set(self.of.borrows.get() - 1);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for Ref<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A borrow of a [`Guarded`] value for writing.
pub struct RefMut<'a, T: ?Sized> {
    of: &'a Guarded<T>,
    /// As in [`Ref`].
    _here: PhantomData<*mut T>,
}

impl<T: ?Sized> Deref for RefMut<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: counted as the one borrow for writing, see `deref_mut`.
        self.of.value.with(|value| unsafe { &*value })
    }
}

impl<T: ?Sized> DerefMut for RefMut<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: counted as the one borrow for writing, so no other exists; the guard it was made with outlives it, so
        // this thread holds the mutex and no other thread is here.
        self.of.value.with_mut(|value| unsafe { &mut *value })
    }
}

impl<T: ?Sized> Drop for RefMut<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.of.borrows.set(0);
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for RefMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
