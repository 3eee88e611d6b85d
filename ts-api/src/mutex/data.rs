//! Data that belongs to a mutex: whoever wants it shows a guard of *this* mutex.
//!
//! # Rules
//! * The cell is touched only with a guard of the mutex in hand, or by somebody who has the whole thing to himself. A guard
//!   exists on the holder's thread only, and so do the borrows made with it.
//! * The mutex is recursive, so two guards may exist on that thread; a second borrow that would conflict is an error value.

use crate::{DataError, Guard, Mutex};
use std::cell::{Ref, RefCell, RefMut};
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A value that may be touched only by the holder of one particular mutex.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use ts_api::{Cont, DataError, EventCode, Mutex, MutexData};
///
/// let mutex = Mutex::new();
/// let hits = Arc::new(MutexData::new(&mutex, 0));
/// let counter = Cont::reentrant(&mutex, {
///     let hits = Arc::clone(&hits);
///     move |event| *hits.borrow_mut(&event.guard().unwrap()).unwrap() += 1
/// });
/// counter.call(EventCode::CONTINUE)?;
///
/// let guard = mutex.try_lock().unwrap();
/// assert_eq!(*hits.borrow(&guard).unwrap(), 1);
/// assert_eq!(hits.borrow(&Mutex::new().lock()).unwrap_err(), DataError::WrongMutex);
/// # Ok::<(), ts_api::CallError>(())
/// ```
pub struct MutexData<T: ?Sized> {
    mutex: Mutex,
    cell: RefCell<T>,
}

// SAFETY: through a shared reference the cell is reached only with a guard of the mutex in hand (both borrow functions check
// that it is this one), and borrows do not outlive the guard; so by one thread at a time, with all that earlier holders did
// behind it. So the value is never seen by two threads at once, and `Send` is enough.
unsafe impl<T: ?Sized + Send> Sync for MutexData<T> {}

impl<T> MutexData<T> {
    /// Makes `value` belong to `mutex`.
    pub fn new(mutex: &Mutex, value: T) -> Self {
        Self { mutex: mutex.clone(), cell: RefCell::new(value) }
    }

    /// Takes the value out. Nobody else can have it, so no guard is needed.
    pub fn into_inner(self) -> T {
        self.cell.into_inner()
    }
}

impl<T: ?Sized> MutexData<T> {
    /// The mutex that the value belongs to.
    pub fn mutex(&self) -> &Mutex {
        &self.mutex
    }

    /// Borrows the value for reading, for not longer than the guard lives.
    ///
    /// # Errors
    ///
    /// The guard is of another mutex, or the value is borrowed for writing further up on this thread's stack.
    pub fn borrow<'a>(&'a self, guard: &'a Guard<'_>) -> Result<DataRef<'a, T>, DataError> {
        self.check(guard)?;
        self.cell.try_borrow().map(DataRef).map_err(|_| DataError::AlreadyBorrowed)
    }

    /// Borrows the value for writing, for not longer than the guard lives.
    ///
    /// # Errors
    ///
    /// The guard is of another mutex, or the value is borrowed further up on this thread's stack.
    pub fn borrow_mut<'a>(&'a self, guard: &'a Guard<'_>) -> Result<DataRefMut<'a, T>, DataError> {
        self.check(guard)?;
        self.cell.try_borrow_mut().map(DataRefMut).map_err(|_| DataError::AlreadyBorrowed)
    }

    fn check(&self, guard: &Guard<'_>) -> Result<(), DataError> {
        if *guard.mutex() == self.mutex { Ok(()) } else { Err(DataError::WrongMutex) }
    }
}

impl<T: ?Sized> fmt::Debug for MutexData<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MutexData").field("mutex", &self.mutex).finish_non_exhaustive()
    }
}

/// A borrow of a [`MutexData`] for reading.
pub struct DataRef<'a, T: ?Sized>(Ref<'a, T>);

impl<T: ?Sized> Deref for DataRef<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for DataRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for DataRef<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

/// A borrow of a [`MutexData`] for writing.
pub struct DataRefMut<'a, T: ?Sized>(RefMut<'a, T>);

impl<T: ?Sized> Deref for DataRefMut<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: ?Sized> DerefMut for DataRefMut<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

impl<T: ?Sized + fmt::Display> fmt::Display for DataRefMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}

impl<T: ?Sized + fmt::Debug> fmt::Debug for DataRefMut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        (**self).fmt(f)
    }
}
