//! The places without a value: each thread's share, and the store behind the shares.
//!
//! # Rules
//! * A place's number is in one list at most: a share, or the store. Who takes it from there owns the place.
//! * A share belongs to several threads, chosen by the thread's id. It meets the store, and the store's lock, once a batch, and
//!   never has two batches: what one thread makes and another ends goes round.
//! * A share's lock is taken before the store's, and no two shares' at once.
//! * Places are used for the first time in the order of their numbers, and only when there is no other in share or store.
//!
//! Links through the places would need no memory, but the list would then be as long as the way to its places in memory.

use std::ops::Range;
use std::sync::PoisonError;

use crossbeam_utils::CachePadded;

use crate::current::current_id;
use crate::sync::{Mutex, MutexGuard, array, const_fn};

/// How many shares there are: enough for the threads that make and end values at one moment not to meet often.
const SHARES: usize = if cfg!(loom) { 1 } else { 16 };

/// How many places change between a share and the store at once.
const BATCH: usize = if cfg!(loom) { 2 } else { 64 };

pub(super) struct Free {
    shares: [CachePadded<Mutex<Vec<u32>>>; SHARES],
    store: Mutex<Store>,
}

struct Store {
    spare: Vec<u32>,
    /// Those that were never in a list.
    fresh: Range<u32>,
}

impl Free {
    const_fn! {
        /// All places of this range are free.
        pub(super) const fn new(fresh: Range<u32>) -> Self {
            Self {
                shares: array![CachePadded::new(Mutex::new(Vec::new())); SHARES],
                store: Mutex::new(Store { spare: Vec::new(), fresh }),
            }
        }
    }

    /// A place, which is the caller's from here on. Of places that are used for the first time, if any are, `prepare` is
    /// told before, with locks held.
    pub(super) fn take(&self, prepare: impl FnOnce(Range<u32>)) -> Option<u32> {
        let mut share = self.share();
        if share.is_empty() {
            lock(&self.store).move_batch_to(&mut share, prepare);
        }
        share.pop().or_else(|| {
            drop(share);
            // All but used up: what others have kept for themselves.
            self.shares.iter().find_map(|share| lock(share).pop())
        })
    }

    /// Takes a place that the caller gives up.
    pub(super) fn put(&self, place: u32) {
        let mut share = self.share();
        share.push(place);
        if share.len() == 2 * BATCH {
            lock(&self.store).spare.extend(share.drain(..BATCH));
        }
    }

    /// The places below this number were in use, or may be at any time.
    pub(super) fn end_of_used(&self) -> u32 {
        lock(&self.store).fresh.start
    }

    fn share(&self) -> MutexGuard<'_, Vec<u32>> {
        lock(&self.shares[current_id().get() as usize % SHARES])
    }
}

impl Store {
    #[cold]
    fn move_batch_to(&mut self, share: &mut Vec<u32>, prepare: impl FnOnce(Range<u32>)) {
        if !self.spare.is_empty() {
            let rest = self.spare.len().saturating_sub(BATCH);
            share.extend(self.spare.drain(rest..));
        } else if !self.fresh.is_empty() {
            let rest = self.fresh.clone().nth(BATCH).unwrap_or(self.fresh.end);
            prepare(self.fresh.start..rest);
            // Backwards, as they are taken from the end.
            share.extend((self.fresh.start..rest).rev());
            self.fresh.start = rest;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under a lock can panic half way, except for want of memory before anything was changed.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(all(test, not(loom)))]
mod tests {
    use super::*;

    #[test]
    fn places_are_told_of_once_before_they_are_given_out_and_never_none() {
        let free = Free::new(10..300);
        let mut told = 10..10;
        for expected in 10..300 {
            let place = free.take(|places| {
                assert!(!places.is_empty() && places.start == told.end);
                told.end = places.end;
            });
            assert_eq!(place, Some(expected));
            assert!(told.contains(&expected));
        }
        assert_eq!(free.take(|places| panic!("there are no {places:?}")), None);
        assert_eq!((told, free.end_of_used()), (10..300, 300));
        free.put(17);
        assert_eq!(free.take(|_| ()), Some(17));
    }
}
