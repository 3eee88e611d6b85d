//! What a receiver took out of its inbox: entries in order of arrival.

use std::fmt;
use std::iter::FusedIterator;
use std::ptr::{self, NonNull};

use super::link;
use crate::entry::Entry;
use crate::slot::Slot;
use crate::when::When;

/// All that was in an inbox at one time, in order of arrival. Dropping it drops what is left in it.
#[must_use = "dropping the chain drops its entries"]
pub struct Chain<T: 'static> {
    /// The next to hand out, or null. It and all behind it belong to this chain alone.
    first: *mut Slot<T>,
}

// SAFETY: a chain is the only owner of its entries, so it moves like a list of them.
unsafe impl<T: Send> Send for Chain<T> {}

impl<T: 'static> Chain<T> {
    pub(super) const EMPTY: Self = Self { first: ptr::null_mut() };

    /// Makes a chain of what senders chained up, the last to arrive first.
    ///
    /// # Safety
    ///
    /// `last` and all behind it came from [`link::leave`] and belong to the caller alone.
    pub(super) unsafe fn turn_round(last: *mut Slot<T>) -> Self {
        let (mut left, mut first) = (last, ptr::null_mut());
        while let Some(node) = NonNull::new(left) {
            // SAFETY: the caller owns the chain, and `node` is in it.
            unsafe {
                left = link::next(node);
                link::set_next(node, first);
            }
            first = node.as_ptr();
        }
        Self { first }
    }
}

impl<T: 'static> Iterator for Chain<T> {
    type Item = (Entry<T>, When);

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let node = NonNull::new(self.first)?;
        // SAFETY: the chain owns `node`.
        self.first = unsafe { link::next(node) };
        // SAFETY: all in the chain came from `leave`, and `first` has moved on: this one is collected once.
        Some(unsafe { link::collect(node) })
    }
}

impl<T: 'static> FusedIterator for Chain<T> {}

impl<T: 'static> Drop for Chain<T> {
    fn drop(&mut self) {
        self.for_each(drop);
    }
}

impl<T: 'static> fmt::Debug for Chain<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chain").field("empty", &self.first.is_null()).finish()
    }
}
