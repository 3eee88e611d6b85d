//! One thread's share of a pool: free slots at hand, without a lock and without an atomic.
//!
//! A cache holds up to two chains of free slots. It gives to and takes from the first; when that is full or
//! empty it changes it for the second, and only when that does not help it exchanges a whole chain with the
//! pool. So a thread that makes and ends events at the same rate never meets the pool, and one that only
//! makes them meets it once a batch.

use std::fmt;
use std::ptr::{self, NonNull};

use crate::entry::Entry;
use crate::slot::Slot;
use crate::slots::{Chain, Slots, pool_of};

/// Makes and ends events of a [`Slots`] pool on one thread, cheaply.
///
/// It can move to another thread but not be shared. Dropped, it gives its free slots back to the pool.
pub struct Cache<T: 'static> {
    pool: &'static Slots<T>,
    chain: Chain<T>,
    spare: Chain<T>,
}

// SAFETY: a cache owns the free slots in its chains; there is no `T` in them, and no other way to them.
unsafe impl<T> Send for Cache<T> {}

impl<T> Cache<T> {
    /// An empty share of `pool`.
    #[must_use]
    pub fn new(pool: &'static Slots<T>) -> Self {
        Self { pool, chain: Chain::new(), spare: Chain::new() }
    }

    /// Puts `value` into a free slot.
    #[inline]
    pub fn entry(&self, value: T) -> Entry<T> {
        let slot = match self.chain.pop() {
            Some(slot) => slot,
            None => self.refill(),
        };
        // SAFETY: the chain owned this free slot, and gave it to us.
        unsafe { Entry::occupy(slot, value) }
    }

    /// Ends the event and returns its value; see [`Entry`] for what ending means. The slot stays in this
    /// cache.
    #[inline]
    pub fn take(&self, entry: Entry<T>) -> T {
        let (value, slot) = entry.free();
        if let Some(slot) = slot {
            self.put(slot);
        }
        value
    }

    #[inline]
    fn put(&self, slot: NonNull<Slot<T>>) {
        // SAFETY: the slot is a slot of a pool, with the provenance of its chunk.
        let home = unsafe { pool_of(slot) };
        if !ptr::eq(home, self.pool) {
            // SAFETY: the slot is free, and ours.
            return unsafe { home.put(slot) };
        }
        if self.chain.is_full() {
            self.make_room();
        }
        // SAFETY: the slot is free, and ours.
        unsafe { self.chain.push(slot) };
    }

    #[cold]
    fn refill(&self) -> NonNull<Slot<T>> {
        self.chain.set(self.spare.take());
        loop {
            if let Some(slot) = self.chain.pop() {
                return slot;
            }
            self.chain.set(self.pool.take_batch());
        }
    }

    #[cold]
    fn make_room(&self) {
        let spare = self.spare.take();
        self.spare.set(self.chain.take());
        if !spare.is_empty() {
            // SAFETY: only slots of this pool get into this cache's chains.
            unsafe { self.pool.put_batch(spare) };
        }
    }
}

impl<T> Drop for Cache<T> {
    fn drop(&mut self) {
        for chain in [self.chain.take(), self.spare.take()] {
            if !chain.is_empty() {
                // SAFETY: as in `make_room`.
                unsafe { self.pool.put_batch(chain) };
            }
        }
    }
}

impl<T> fmt::Debug for Cache<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cache").finish_non_exhaustive()
    }
}
