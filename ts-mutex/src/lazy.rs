//! A box that is made when it is first needed, one pointer wide.
//!
//! `OnceLock` would do, but it is two words wide, and every mutex has one of these.
//!
//! # Ordering
//! One pair, `[cold-publish]`: whoever makes the value publishes it, everybody else acquires it.

use std::ptr;

use ts_thread::sync::UnsafeCell;
use ts_thread::sync::atomic::{AtomicPtr, Ordering};

/// Null, or a box of its own that stays until this is dropped.
pub(crate) struct Lazy<T>(AtomicPtr<Made<T>>);

/// The value, and a mark by which a model sees that it is made before it is used. The mark has no size.
struct Made<T> {
    value: T,
    mark: UnsafeCell<()>,
}

impl<T> Made<T> {
    fn boxed(value: T) -> *mut Self {
        let made = Self { value, mark: UnsafeCell::new(()) };
        made.mark.with_mut(|_| ());
        Box::into_raw(Box::new(made))
    }

    #[inline]
    fn value(&self) -> &T {
        self.mark.with(|_| ());
        &self.value
    }
}

impl<T> Lazy<T> {
    /// Nothing yet.
    pub(crate) fn new() -> Self {
        Self(AtomicPtr::new(ptr::null_mut()))
    }

    /// This value from the start.
    pub(crate) fn with(value: T) -> Self {
        Self(AtomicPtr::new(Made::boxed(value)))
    }

    /// The value, if somebody has made it.
    pub(crate) fn get(&self) -> Option<&T> {
        // Acquire [cold-publish]: the value's fields were written before the pointer was stored.
        let value = self.0.load(Ordering::Acquire);
        // SAFETY: null, or boxed by us and freed only by `drop`, which has the lazy box to itself.
        unsafe { value.as_ref() }.map(Made::value)
    }

    /// The value, made by `make` if nobody has made it.
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        let mine = Made::boxed(make());
        // AcqRel [cold-publish]: publishes our value, or shows us the one that somebody else has published.
        match self.0.compare_exchange(ptr::null_mut(), mine, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: just boxed, and now owned by `self`, which frees it in `drop` only.
            Ok(_) => unsafe { &*mine }.value(),
            Err(theirs) => {
                // SAFETY: just boxed, and nobody else has seen it.
                drop(unsafe { Box::from_raw(mine) });
                // SAFETY: not null, since the exchange from null failed; owned by `self` as above.
                unsafe { &*theirs }.value()
            }
        }
    }
}

impl<T> Drop for Lazy<T> {
    fn drop(&mut self) {
        // Relaxed: `&mut` means that every other use has happened before.
        let value = self.0.load(Ordering::Relaxed);
        if !value.is_null() {
            // SAFETY: boxed by us, and nobody can reach it any more.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}
