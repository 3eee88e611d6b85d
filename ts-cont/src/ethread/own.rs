//! A cell for what only one thread reaches, and never twice at a time.
//!
//! A `RefCell` asks and notes at each use whether somebody is at it already. The queue is used several times for each event,
//! and always for one step that calls nothing foreign; so whoever uses it in this way promises that, and debug builds check
//! the promise.

use std::cell::{RefCell, RefMut, UnsafeCell};

/// A value with two ways in: one that checks, and one that only debug builds check.
#[derive(Debug, Default)]
pub(super) struct Own<T> {
    value: UnsafeCell<T>,
    /// Borrowed while the value is.
    in_use: RefCell<()>,
}

/// The value, as long as it is borrowed.
pub(super) struct Borrowed<'a, T> {
    value: &'a mut T,
    _in_use: RefMut<'a, ()>,
}

impl<T> Own<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value: UnsafeCell::new(value), in_use: RefCell::new(()) }
    }

    /// Borrows the value for as long as the caller likes.
    pub(super) fn borrow_mut(&self) -> Borrowed<'_, T> {
        let in_use = self.in_use.borrow_mut();
        // SAFETY: whoever else is at the value has `in_use` borrowed, or has promised in `step` to be through by now.
        Borrowed { value: unsafe { &mut *self.value.get() }, _in_use: in_use }
    }

    /// Uses the value for one step.
    ///
    /// # Safety
    ///
    /// Nothing in `f` comes back to this cell, and nobody further down the stack has it borrowed.
    #[inline(always)]
    pub(super) unsafe fn step<R>(&self, f: impl FnOnce(&mut T) -> R) -> R {
        #[cfg(debug_assertions)]
        let _in_use = self.in_use.borrow_mut();
        // SAFETY: the cell is not `Sync`, so all its users are on this thread; those further down the stack and those in `f`
        // keep away, says the caller.
        f(unsafe { &mut *self.value.get() })
    }
}

impl<T> std::ops::Deref for Borrowed<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.value
    }
}

impl<T> std::ops::DerefMut for Borrowed<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.value
    }
}
